/*
 * hash.c - SHA-256, HMAC, hexadecimal and base64. Runs in every process; holds
 * no key beyond a call.
 */
#include <assert.h>
#include <string.h>

#include <bearssl.h>

#include "lib/lib.h"

#define BLOCK 64
#define MANY (8u << 10) /* less is hashed sooner than the CPU is asked */

static_assert(sizeof(br_sha256_context) <= sizeof(((struct sha256 *)0)->state),
    "struct sha256 has room for the library's context");

/* Whether the CPU hashes is the same for the whole life of a process, so it is
 * asked once, when enough was hashed that the answer can pay. */
static bool cpu_hashes(size_t n)
{
	static enum { UNASKED, HASHES, CANNOT } answer;
	static size_t hashed;

	if (answer == UNASKED) {
		hashed += n < MANY ? n : MANY;
		if (hashed >= MANY)
			answer = sha256ni_usable() ? HASHES : CANNOT;
	}
	return answer == HASHES;
}

/* As br_sha256_update, which calls the C rounds and no others. */
static void context_add(br_sha256_context *c, const unsigned char *from, size_t n)
{
	size_t begun = c->count % BLOCK, fits = BLOCK - begun;

	c->count += n;
	if (begun + n < BLOCK) {
		memcpy(c->buf + begun, from, n);
		return;
	}
	if (begun > 0) {
		memcpy(c->buf + begun, from, fits);
		sha256ni_blocks(c->val, c->buf, 1);
		from += fits;
		n -= fits;
	}
	if (n >= BLOCK)
		sha256ni_blocks(c->val, from, n / BLOCK);
	memcpy(c->buf, from + n / BLOCK * BLOCK, n % BLOCK);
}

static void put_big_endian(unsigned char *to, uint64_t v, size_t n)
{
	while (n > 0) {
		to[--n] = v & 255;
		v >>= 8;
	}
}

/* FIPS 180-4, 5.1.1: a one, zeros, the length in bits. */
static void context_end(const br_sha256_context *c, unsigned char out[SHA256_SIZE])
{
	unsigned char last[2 * BLOCK] = { 0 };
	size_t begun = c->count % BLOCK, n = begun < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	uint32_t state[8];

	memcpy(last, c->buf, begun);
	last[begun] = 0x80;
	put_big_endian(last + n - 8, c->count * 8, 8);
	memcpy(state, c->val, sizeof(state));
	sha256ni_blocks(state, last, n / BLOCK);
	for (size_t i = 0; i < COUNT(state); i++)
		put_big_endian(out + 4 * i, state[i], 4);
}

/* Copied in and out rather than cast: the struct's own type is another one. */
void sha256_start(struct sha256 *h)
{
	br_sha256_context c;

	br_sha256_init(&c);
	memcpy(h, &c, sizeof(c));
	h->cpu = CPU_UNASKED;
}

void sha256_add(struct sha256 *h, const void *p, size_t n)
{
	br_sha256_context c;

	if (n == 0)
		return;
	memcpy(&c, h, sizeof(c));
	if (h->cpu == CPU_UNASKED && cpu_hashes(n))
		context_add(&c, p, n);
	else
		br_sha256_update(&c, p, n);
	memcpy(h, &c, sizeof(c));
}

void sha256_end(const struct sha256 *h, unsigned char out[SHA256_SIZE])
{
	br_sha256_context c;

	memcpy(&c, h, sizeof(c));
	if (h->cpu == CPU_UNASKED && cpu_hashes(0))
		context_end(&c, out);
	else
		br_sha256_out(&c, out);
}

void sha256(struct bytes b, unsigned char out[SHA256_SIZE])
{
	struct sha256 h;

	sha256_start(&h);
	sha256_add(&h, b.p, b.n);
	sha256_end(&h, out);
}

void hmac_sha256(struct bytes key, struct bytes text, unsigned char out[SHA256_SIZE])
{
	br_hmac_key_context k;
	br_hmac_context c;

	br_hmac_key_init(&k, &br_sha256_vtable, key.p, key.n);
	br_hmac_init(&c, &k, 0);
	if (text.n > 0)
		br_hmac_update(&c, text.p, text.n);
	br_hmac_out(&c, out);
	wipe(&k, sizeof(k));
	wipe(&c, sizeof(c));
}

void hex_encode(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct bytes s, unsigned char *out, size_t n)
{
	if (s.n % 2 != 0 || s.n / 2 != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, struct bytes b, const char *digits, bool pad)
{
	unsigned char *to;

	buf_reserve(out, b.n / 3 * 4 + 4);
	to = out->p + out->n;
	for (size_t i = 0; i < b.n; i += 3) {
		size_t have = b.n - i < 3 ? b.n - i : 3;
		unsigned v = (unsigned)b.p[i] << 16;

		if (have > 1)
			v |= (unsigned)b.p[i + 1] << 8;
		if (have > 2)
			v |= b.p[i + 2];
		for (size_t k = 0; k < 4; k++)
			to[k] = (unsigned char)(k <= have ? digits[v >> (18 - 6 * k) & 63] : '=');
		to += pad ? 4 : have + 1;
	}
	out->n = (size_t)(to - out->p);
}

/* s without padding. Takes nothing into out unless all of it is right. */
static bool decode(struct buf *out, struct bytes s, const char *digits)
{
	size_t rest = s.n % 4;
	unsigned char value[256], *to;
	unsigned v = 0, bad = 0;

	if (rest == 1)
		return false;
	memset(value, 64, sizeof(value));
	for (unsigned char i = 0; i < 64; i++)
		value[(unsigned char)digits[i]] = i;
	buf_reserve(out, s.n / 4 * 3 + 3);
	to = out->p + out->n;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char d = value[s.p[i]];

		bad |= d;
		v = v << 6 | (d & 63);
		if (i % 4 == 3) {
			*to++ = v >> 16 & 255;
			*to++ = v >> 8 & 255;
			*to++ = v & 255;
			v = 0;
		}
	}
	/* One text, one spelling: unused bits are zero. */
	if ((bad & 64) || (rest == 2 && (v & 15)) || (rest == 3 && (v & 3)))
		return false;
	if (rest >= 2)
		*to++ = v >> (rest == 2 ? 4 : 10) & 255;
	if (rest == 3)
		*to++ = v >> 2 & 255;
	out->n = (size_t)(to - out->p);
	return true;
}

void base64_encode(struct buf *out, struct bytes b)
{
	encode(out, b, alphabet, true);
}

bool base64_decode(struct buf *out, struct bytes s)
{
	if (s.n % 4 != 0)
		return false;
	for (int i = 0; i < 2 && s.n > 0 && s.p[s.n - 1] == '='; i++)
		s.n--;
	return decode(out, s, alphabet);
}

void base64url_encode(struct buf *out, struct bytes b)
{
	encode(out, b, alphabet_url, false);
}

bool base64url_decode(struct buf *out, struct bytes s)
{
	return decode(out, s, alphabet_url);
}
