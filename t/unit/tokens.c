/*
 * tokens.c (test) - capability tokens: what one is made of, worked out by hand from
 * RFC 2104; and that nothing but an untouched, unexpired, unrevoked one of this run is
 * taken.
 *
 * The clock is ours: the TTL is tried to the millisecond.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ms = 5000000;

static int fake_clock(clockid_t id, struct timespec *t)
{
	if (id != CLOCK_BOOTTIME)
		abort();
	t->tv_sec = (time_t)(now_ms / 1000);
	t->tv_nsec = (long)(now_ms % 1000 * 1000000);
	return 0;
}

#define clock_gettime fake_clock
#include "../../tokens.c" /* not this file, which has its name */
#undef clock_gettime

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

#define ALL (CAP_BIT(CAP_EMIT_FINDINGS) | CAP_BIT(CAP_STORAGE) | CAP_BIT(CAP_WS))

static struct mint mint;     /* the run's; large, so static */
static struct mint other;
static char text[TOKEN_MAX];
static struct token facts;

static enum token_verdict judge(const struct mint *m, const char *p, size_t n)
{
	struct token out;

	return token_check(m, (struct bytes){ (const unsigned char *)p, n }, &out);
}

static enum token_verdict judge_text(const struct mint *m, const char *s)
{
	return judge(m, s, strlen(s));
}

/* ---- what it is made of ----------------------------------------------------------- */

/* RFC 2104 for a key shorter than a block. */
static void hmac_by_hand(const unsigned char *key, size_t n, struct bytes message,
    unsigned char out[SHA256_SIZE])
{
	unsigned char inner[64], outer[64], digest[SHA256_SIZE];
	struct sha256 h;

	memset(inner, 0x36, sizeof(inner));
	memset(outer, 0x5c, sizeof(outer));
	for (size_t i = 0; i < n; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	sha256_start(&h);
	sha256_add(&h, inner, sizeof(inner));
	sha256_add(&h, message.p, message.n);
	sha256_end(&h, digest);
	sha256_start(&h);
	sha256_add(&h, outer, sizeof(outer));
	sha256_add(&h, digest, sizeof(digest));
	sha256_end(&h, out);
}

static void made_of(void)
{
	const char *dot = strchr(text, '.');
	size_t n = (size_t)(dot - text);
	struct buf payload = { 0 }, mac = { 0 };
	struct arena a = { 0 };
	struct json j;
	char error[200], expected[400];
	unsigned char digest[SHA256_SIZE];
	bool right;

	ok(dot && !strchr(dot + 1, '.'), "F123: two parts and one dot");
	ok(base64url_decode(&payload, (struct bytes){ (unsigned char *)text, n }) &&
	    base64url_decode(&mac, bytes_of(dot + 1)) && mac.n == 32, "F123: both are base64url, the MAC 32 bytes");
	hmac_by_hand(mint.key, TOKEN_KEY, (struct bytes){ (unsigned char *)text, n }, digest);
	ok(mac.n == 32 && memcmp(mac.p, digest, 32) == 0, "F123: HMAC-SHA-256 over the encoded payload");
	right = json_parse(&a, buf_bytes(&payload), &j, error) == 0;
	ok(right, "F123: the payload is JSON");
	snprintf(expected, sizeof(expected), "{\"n\":1,\"plugin\":\"a-plugin\",\"run\":\"RUN1\","
	    "\"caps\":[\"CAP_EMIT_FINDINGS\",\"CAP_WS\",\"CAP_STORAGE\"],\"iat\":5000000,\"exp\":5060000,\"nonce\":\"");
	ok(payload.n == strlen(expected) + 34 && memcmp(payload.p, expected, strlen(expected)) == 0,
	    "F123: plugin, run, capabilities, issued, expires, nonce");
	ok(facts.serial == 1 && facts.caps == ALL && facts.expires_ms == 5060000, "F124: a minute from now");
	ok(strlen(text) + 1 == payload.n / 3 * 4 + (payload.n % 3 ? payload.n % 3 + 1 : 0) + 1 + 43 + 1,
	    "F123: nothing else in it");
	buf_free(&payload);
	buf_free(&mac);
	arena_free(&a);
}

static void differ(void)
{
	char a[TOKEN_MAX], b[TOKEN_MAX];
	struct token f;

	mint_start(&other, "a-plugin", "RUN1", ALL);
	ok(memcmp(other.key, mint.key, TOKEN_KEY) != 0, "F123: each run has a key of its own");
	ok(token_issue(&other, ALL, a, &f) == 0 && token_issue(&other, ALL, b, &f) == 0 &&
	    strcmp(a, b) != 0 && f.serial == 2, "F123: no token comes twice");
	ok(judge_text(&mint, a) == TOKEN_FORGED, "F123: another run's key: forged");
	mint_wipe(&other);
}

/* ---- what is not taken ----------------------------------------------------------------- */

static void bit_flips(void)
{
	size_t n = strlen(text);
	int taken = 0, odd = 0;
	char copy[TOKEN_MAX];

	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			enum token_verdict v;

			memcpy(copy, text, n + 1);
			copy[i] = (char)(copy[i] ^ 1 << bit);
			v = judge(&mint, copy, n);
			taken += v == TOKEN_OK;
			odd += v != TOKEN_MALFORMED && v != TOKEN_FORGED;
		}
	ok(taken == 0, "F123: with any bit of payload, dot or MAC flipped it is worth nothing");
	ok(odd == 0, "F123: and called malformed or forged, whatever it says");
}

/* Unused bits of the last characters, and every other spelling of one character. */
static void spellings(void)
{
	size_t n = strlen(text);
	int taken = 0;
	char copy[TOKEN_MAX];

	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < 256; c++) {
			memcpy(copy, text, n + 1);
			if (copy[i] == (char)c)
				continue;
			copy[i] = (char)c;
			taken += judge(&mint, copy, n) == TOKEN_OK;
		}
	ok(taken == 0, "F123: no character can be any other");
}

static void lengths(void)
{
	size_t n = strlen(text);
	int taken = 0;
	char copy[TOKEN_MAX + 100];

	for (size_t cut = 0; cut < n; cut++) {
		taken += judge(&mint, text, cut) == TOKEN_OK;
		taken += cut > 0 && judge(&mint, text + cut, n - cut) == TOKEN_OK;
	}
	ok(taken == 0, "F123: no part of it is one");
	memcpy(copy, text, n);
	for (int c = 0; c < 256; c++) {
		copy[n] = (char)c;
		taken += judge(&mint, copy, n + 1) == TOKEN_OK;
	}
	memcpy(copy + 1, text, n);
	for (int c = 0; c < 256; c++) {
		copy[0] = (char)c;
		taken += judge(&mint, copy, n + 1) == TOKEN_OK;
	}
	ok(taken == 0, "F123: nor it with a character before or behind");
	memset(copy, 'A', sizeof(copy));
	copy[sizeof(copy) - 44] = '.';
	ok(judge(&mint, copy, sizeof(copy)) == TOKEN_MALFORMED, "F123: too long: malformed");
	ok(judge(&mint, "", 0) == TOKEN_MALFORMED && judge(&mint, ".", 1) == TOKEN_MALFORMED,
	    "F123: empty, or a dot: malformed");
	snprintf(copy, sizeof(copy), "%s=", text);
	ok(judge_text(&mint, copy) == TOKEN_MALFORMED, "F123: with padding: malformed");
	for (size_t i = 0; i < 44; i++)
		copy[i] = i ? 'A' : '.';
	ok(judge(&mint, copy, 44) == TOKEN_MALFORMED, "F123: a MAC of nothing: malformed");
}

/* Well made with this run's key, and still not this run's. */
static void foreign(void)
{
	char made[TOKEN_MAX];
	struct token f;

	memset(&other, 0, sizeof(other));
	memcpy(other.key, mint.key, TOKEN_KEY);
	other.ttl_ms = TOKEN_TTL_MS;
	other.granted = ALL;
	other.plugin = "a-plugin";
	other.run_id = "RUN2";
	ok(token_issue(&other, ALL, made, &f) == 0 && judge_text(&mint, made) == TOKEN_FOREIGN, "F123: another run: foreign");
	other.run_id = "RUN1";
	other.plugin = "b-plugin";
	ok(token_issue(&other, ALL, made, &f) == 0 && judge_text(&mint, made) == TOKEN_FOREIGN, "F123: another plugin: foreign");
	other.plugin = "a-plugin";
	other.serial = mint.serial;
	ok(token_issue(&other, ALL, made, &f) == 0 && judge_text(&mint, made) == TOKEN_FOREIGN, "F123: a serial that was never issued: foreign");
	mint_wipe(&other);
}

/* ---- time, revocation, less ---------------------------------------------------------------- */

static void expiry(void)
{
	uint64_t start = now_ms;
	struct token f;

	ok(judge_text(&mint, text) == TOKEN_OK, "F124: taken when fresh");
	now_ms = start + TOKEN_TTL_MS - 1;
	ok(judge_text(&mint, text) == TOKEN_OK, "F124: and 59 999 ms later");
	now_ms = start + 60000;
	ok(token_check(&mint, bytes_of(text), &f) == TOKEN_EXPIRED, "F124: expired after 60 000 ms");
	ok(f.serial == 1, "F124: and it is known which one that was");
	now_ms = start + 1000000000;
	ok(judge_text(&mint, text) == TOKEN_EXPIRED, "F124: for ever");
	now_ms = start;
	mint.ttl_ms = 250;
	ok(token_issue(&mint, ALL, text, &f) == 0 && f.expires_ms == start + 250, "F124: another TTL");
	now_ms = start + 250;
	ok(judge_text(&mint, text) == TOKEN_EXPIRED, "F124: is kept as exactly");
	now_ms = start;
	mint.ttl_ms = TOKEN_TTL_MS;
}

static void revocation(void)
{
	char a[TOKEN_MAX], b[TOKEN_MAX];
	struct token fa, fb;

	ok(token_issue(&mint, ALL, a, &fa) == 0 && token_issue(&mint, ALL, b, &fb) == 0, "F125: two tokens");
	token_revoke(&mint, fa.serial);
	ok(judge_text(&mint, a) == TOKEN_REVOKED, "F125: the one that was revoked");
	ok(judge_text(&mint, b) == TOKEN_OK, "F125: the other one is good");
	now_ms += 1000000;
	ok(judge_text(&mint, a) == TOKEN_REVOKED, "F125: revoked outranks expired");
	now_ms -= 1000000;
	token_revoke(&mint, fa.serial);
	ok(judge_text(&mint, a) == TOKEN_REVOKED, "F125: twice revoked is revoked");
	token_revoke(&mint, 0);
	token_revoke(&mint, TOKEN_LIVE + 1);
	token_revoke(&mint, UINT32_MAX);
	ok(judge_text(&mint, b) == TOKEN_OK, "F125: a serial that cannot be revokes nothing");
	mint_start(&other, "p", "r", ALL);
	ok(token_issue(&other, ALL, a, &fa) == 0, "F125: another run's token");
	token_revoke_all(&other);
	ok(judge_text(&other, a) == TOKEN_REVOKED, "F125: all revoked");
	ok(token_issue(&other, ALL, b, &fb) < 0, "F125: and none is made again");
	mint_wipe(&other);
}

static void attenuation(void)
{
	char less[TOKEN_MAX], none[TOKEN_MAX], more[TOKEN_MAX];
	struct token f;

	ok(token_issue(&mint, CAP_BIT(CAP_STORAGE), less, &f) == 0, "F126: fewer capabilities");
	ok(token_check(&mint, bytes_of(less), &f) == TOKEN_OK && f.caps == CAP_BIT(CAP_STORAGE),
	    "F126: it carries just those");
	ok(token_issue(&mint, 0, none, &f) == 0 && token_check(&mint, bytes_of(none), &f) == TOKEN_OK &&
	    f.caps == 0, "F126: none at all");
	ok(token_issue(&mint, ALL | CAP_BIT(CAP_HTTP_ACTIVE), more, &f) < 0, "F126: more than was granted: not made");
	for (int c = 0; c < CAPABILITY_COUNT; c++) {
		mint_start(&other, "p", "r", CAP_BIT(c));
		if (token_issue(&other, CAP_BIT(c), more, &f) != 0 ||
		    token_check(&other, bytes_of(more), &f) != TOKEN_OK || f.caps != CAP_BIT(c))
			ok(false, capability_name((enum capability)c));
		mint_wipe(&other);
	}
	ok(true, "F126: each capability alone, there and back");
}

static void many(void)
{
	char made[TOKEN_MAX], first[TOKEN_MAX] = "";
	struct token f;
	int n = 0, bad = 0;

	mint_start(&other, "p", "r", ALL);
	while (n < 2 * TOKEN_LIVE && token_issue(&other, ALL, made, &f) == 0) {
		if (n++ == 0)
			memcpy(first, made, sizeof(made));
		bad += judge_text(&other, made) != TOKEN_OK;
	}
	ok(n == TOKEN_LIVE, "F123: 1024 tokens a run and no more");
	ok(bad == 0 && judge_text(&other, first) == TOKEN_OK, "F123: each of them good");
	token_revoke(&other, TOKEN_LIVE);
	ok(judge_text(&other, made) == TOKEN_OK ? strcmp(made, other.issued[TOKEN_LIVE - 1].text) != 0 :
	    judge_text(&other, made) == TOKEN_REVOKED, "F125: the last of them can be revoked");
	ok(judge_text(&other, first) == TOKEN_OK, "F125: and takes no other along");
	mint_wipe(&other);
	ok(judge_text(&other, first) != TOKEN_OK, "F123: wiped, it takes nothing");
	ok(bytes_equal_ct(other.key, (unsigned char[TOKEN_KEY]){ 0 }, TOKEN_KEY), "F123: and holds no key");
	ok(token_issue(&other, 0, made, &f) < 0, "F123: and makes nothing");
}

int main(void)
{
	mint_start(&mint, "a-plugin", "RUN1", ALL);
	if (token_issue(&mint, ALL, text, &facts) != 0)
		abort();
	made_of();
	differ();
	bit_flips();
	spellings();
	lengths();
	foreign();
	expiry();
	revocation();
	attenuation();
	many();
	mint_wipe(&mint);
	printf("1..%d\n", tests);
	return failures > 0;
}
