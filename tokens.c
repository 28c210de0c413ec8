/*
 * tokens.c - capability tokens: made, checked, revoked. The first one is made in the supervisor, before the
 * fork; from then on the key lives in the broker alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "oxg.h"

#define NONCE_SIZE 16
#define MAC_CHARS 43          /* base64url of 32 bytes, no padding */
#define HEAD_CHARS 16         /* 12 bytes: {"n": and the longest serial */

uint64_t token_now(void)
{
	struct timespec t;

	/* BOOTTIME: a token does not outlive a suspended machine's night. */
	if (clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		die(STATUS_JAIL, "cannot read the time since boot");
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

const char *token_verdict_word(enum token_verdict v)
{
	switch (v) {
	case TOKEN_OK:
		return "ok";
	case TOKEN_MALFORMED:
		return "malformed";
	case TOKEN_FORGED:
		return "forged";
	case TOKEN_EXPIRED:
		return "expired";
	case TOKEN_REVOKED:
		return "revoked";
	case TOKEN_FOREIGN:
		return "foreign";
	}
	return "unknown";
}

void mint_start(struct mint *m, const char *plugin, const char *run_id, capability_set granted)
{
	memset(m, 0, sizeof(*m));
	random_bytes(m->key, sizeof(m->key));
	m->plugin = plugin;
	m->run_id = run_id;
	m->granted = granted;
	m->ttl_ms = TOKEN_TTL_MS;
}

void mint_wipe(struct mint *m)
{
	for (uint32_t i = 0; i < m->serial; i++) {
		char *text = m->issued[i].text;

		wipe(text, strlen(text));
		free(text);
	}
	wipe(m, sizeof(*m));
	m->all_revoked = true; /* what is left of it issues and accepts nothing */
}

/* ---- making ------------------------------------------------------------------ */

static void payload_write(const struct mint *m, const struct token *t, uint64_t now,
    struct buf *out)
{
	struct json_out o = json_start(out, false);
	unsigned char nonce[NONCE_SIZE];

	random_bytes(nonce, sizeof(nonce));
	json_open(&o, '{');
	json_member_number(&o, "n", t->serial);
	json_member(&o, "plugin", m->plugin);
	json_member(&o, "run", m->run_id);
	json_name(&o, "caps");
	json_open(&o, '[');
	for (int c = 0; c < CAPABILITY_COUNT; c++)
		if (t->caps & CAP_BIT(c))
			json_text(&o, bytes_of(capability_name((enum capability)c)));
	json_close(&o, ']');
	json_member_number(&o, "iat", (int64_t)now);
	json_member_number(&o, "exp", (int64_t)t->expires_ms);
	json_member_hex(&o, "nonce", nonce, sizeof(nonce));
	json_close(&o, '}');
}

static void token_mac(const struct mint *m, struct bytes encoded, unsigned char mac[SHA256_SIZE])
{
	hmac_sha256((struct bytes){ m->key, sizeof(m->key) }, encoded, mac);
}

int token_issue(struct mint *m, capability_set caps, char out[TOKEN_MAX], struct token *facts)
{
	struct buf payload = { 0 }, text = { 0 };
	unsigned char mac[SHA256_SIZE];
	struct token_issued *kept;
	uint64_t now = token_now();

	if (m->all_revoked || m->serial >= TOKEN_LIVE || (caps & ~m->granted))
		return -1;
	*facts = (struct token){ m->serial + 1, caps, now + m->ttl_ms };
	payload_write(m, facts, now, &payload);
	base64url_encode(&text, buf_bytes(&payload));
	token_mac(m, buf_bytes(&text), mac);
	buf_byte(&text, '.');
	base64url_encode(&text, (struct bytes){ mac, sizeof(mac) });
	if (text.n >= TOKEN_MAX)
		die(STATUS_REFUSED, "the plugin's name makes its token longer than %d characters; shorten it", TOKEN_MAX);
	buf_byte(&text, '\0');
	memcpy(out, text.p, text.n);
	buf_free(&payload);
	kept = &m->issued[m->serial++];
	kept->text = (char *)text.p;
	kept->facts = *facts;
	return 0;
}

/* ---- checking ------------------------------------------------------------------ */

/* The serial that an encoded payload begins with, 0 when it is none of ours. */
static uint32_t serial_at(const struct mint *m, struct bytes text)
{
	struct buf head = { 0 };
	uint32_t serial = 0;
	size_t i = sizeof("{\"n\":") - 1;

	if (text.n >= HEAD_CHARS && base64url_decode(&head, (struct bytes){ text.p, HEAD_CHARS }) &&
	    memcmp(head.p, "{\"n\":", i) == 0) {
		for (; i < head.n && head.p[i] >= '0' && head.p[i] <= '9'; i++)
			if (serial <= TOKEN_LIVE)
				serial = serial * 10 + (uint32_t)(head.p[i] - '0');
	}
	buf_free(&head);
	return serial <= m->serial ? serial : 0;
}

/* The very text that this mint made, or NULL: a payload that is authentic and not
 * here is another run's. */
static const struct token_issued *issued_find(const struct mint *m, struct bytes text)
{
	uint32_t serial = serial_at(m, text);

	if (serial == 0 || !bytes_are(text, m->issued[serial - 1].text))
		return NULL;
	return &m->issued[serial - 1];
}

static bool is_revoked(const struct mint *m, uint32_t serial)
{
	uint32_t i = serial - 1;

	return m->all_revoked || i >= TOKEN_LIVE || (m->revoked[i / 8] >> i % 8 & 1);
}

static enum token_verdict verdict(const struct mint *m, struct bytes text, struct token *out)
{
	const struct token_issued *kept = issued_find(m, text);

	if (!kept)
		return TOKEN_FOREIGN;
	*out = kept->facts;
	if (is_revoked(m, out->serial))
		return TOKEN_REVOKED;
	return token_now() < out->expires_ms ? TOKEN_OK : TOKEN_EXPIRED;
}

/* The MAC comes first: of a forged payload nothing is read. */
enum token_verdict token_check(const struct mint *m, struct bytes text, struct token *out)
{
	unsigned char expected[SHA256_SIZE];
	struct buf mac = { 0 };
	struct bytes encoded = { text.p, text.n - MAC_CHARS - 1 };
	enum token_verdict v = TOKEN_MALFORMED;

	*out = (struct token){ 0 };
	if (text.n <= MAC_CHARS + 1 || text.n >= TOKEN_MAX || text.p[encoded.n] != '.')
		return TOKEN_MALFORMED;
	if (base64url_decode(&mac, (struct bytes){ text.p + encoded.n + 1, MAC_CHARS }) &&
	    mac.n == SHA256_SIZE) {
		token_mac(m, encoded, expected);
		v = bytes_equal_ct(mac.p, expected, sizeof(expected)) ?
		    verdict(m, text, out) : TOKEN_FORGED;
	}
	buf_free(&mac);
	return v;
}

void token_revoke(struct mint *m, uint32_t serial)
{
	if (serial >= 1 && serial <= TOKEN_LIVE)
		m->revoked[(serial - 1) / 8] |= (unsigned char)(1u << (serial - 1) % 8);
}

void token_revoke_all(struct mint *m)
{
	m->all_revoked = true;
}
