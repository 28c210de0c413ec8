/*
 * pubkey.c - public keys: PEM, strict DER, and whether a signature holds. Runs
 * in the supervisor before anything is forked, and in every command that looks
 * at evidence. No private key ever comes here.
 *
 * A public key has one shape only: SubjectPublicKeyInfo of a P-256 point, not
 * compressed, 91 bytes. BearSSL judges the point and the signature; that the
 * signature is DER is judged here, since BearSSL takes more than DER.
 */
#include <string.h>

#include <bearssl.h>

#include "trust/trust.h"

#define SPKI_SIZE 91
#define LABEL_MAX 64        /* "ENCRYPTED SIGSTORE PRIVATE KEY" is 30 */
#define SIGNATURE_TEXT 4096 /* base64 of 72 bytes, with room for blanks */

#define DER_INTEGER 0x02
#define DER_OID 0x06
#define DER_SEQUENCE 0x30

/* SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING of 65 bytes } */
static const unsigned char spki_prefix[SPKI_SIZE - 65] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
	0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03,
	0x42, 0x00,
};

/* Constant, as BYTES() is not outside of a function. */
#define OID(s) { (const unsigned char *)(s), sizeof(s) - 1 }

struct oid_name {
	struct bytes oid;
	const char *name;
};

static const struct oid_name algorithm_names[] = {
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), "an RSA key" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), "an RSA-PSS key" },
	{ OID("\x2a\x86\x48\xce\x38\x04\x01"), "a DSA key" },
	{ OID("\x2a\x86\x48\x86\xf7\x0d\x01\x03\x01"), "a Diffie-Hellman key" },
	{ OID("\x2b\x65\x6e"), "an X25519 key" },
	{ OID("\x2b\x65\x6f"), "an X448 key" },
	{ OID("\x2b\x65\x70"), "an Ed25519 key" },
	{ OID("\x2b\x65\x71"), "an Ed448 key" },
};

static const struct oid_name curve_names[] = {
	{ OID("\x2b\x81\x04\x00\x22"), "a key on the curve P-384" },
	{ OID("\x2b\x81\x04\x00\x23"), "a key on the curve P-521" },
	{ OID("\x2b\x81\x04\x00\x21"), "a key on the curve P-224" },
	{ OID("\x2b\x81\x04\x00\x0a"), "a key on the curve secp256k1" },
	{ OID("\x2a\x86\x48\xce\x3d\x03\x01\x01"), "a key on the curve P-192" },
};

static const struct bytes oid_ec = OID("\x2a\x86\x48\xce\x3d\x02\x01");
static const struct bytes oid_p256 = OID("\x2a\x86\x48\xce\x3d\x03\x01\x07");

/* ---- PEM ------------------------------------------------------------------- */

static bool starts(struct bytes b, const char *s)
{
	size_t n = strlen(s);

	return b.n >= n && memcmp(b.p, s, n) == 0;
}

static bool blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct bytes skip(struct bytes b, size_t n)
{
	return (struct bytes){ b.p + n, b.n - n };
}

bool all_blank(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (!blank(b.p[i]))
			return false;
	return true;
}

/* Takes one line off the front, its end and blanks before that end dropped. */
static struct bytes take_line(struct bytes *from)
{
	const unsigned char *end = memchr(from->p, '\n', from->n);
	struct bytes line = { from->p, end ? (size_t)(end - from->p) : from->n };

	*from = skip(*from, end ? line.n + 1 : line.n);
	while (line.n > 0 && blank(line.p[line.n - 1]))
		line.n--;
	return line;
}

/* "-----BEGIN label-----" */
static bool boundary(struct bytes line, const char *word, struct bytes *label)
{
	const size_t word_size = strlen(word), dashes = 5;

	if (!starts(line, word) || line.n < word_size + dashes)
		return false;
	if (memcmp(line.p + line.n - dashes, "-----", dashes) != 0)
		return false;
	*label = (struct bytes){ line.p + word_size, line.n - word_size - dashes };
	return label->n <= LABEL_MAX;
}

int pem_next(struct bytes *rest, struct pem *block)
{
	struct bytes left = *rest, line, label;

	for (;;) {
		if (left.n == 0)
			return 0;
		line = take_line(&left);
		if (starts(line, "-----BEGIN ") || starts(line, "-----END "))
			break;
	}
	if (!boundary(line, "-----BEGIN ", &block->label))
		return -1;
	block->body = (struct bytes){ left.p, 0 };
	while (left.n > 0) {
		line = take_line(&left);
		if (starts(line, "-----")) {
			*rest = left;
			return boundary(line, "-----END ", &label) &&
			    bytes_equal(label, block->label) ? 1 : -1;
		}
		block->body.n = (size_t)(left.p - block->body.p);
	}
	return -1; /* no END line */
}

/* Base64 with line ends and blanks in it. The copy without them is wiped: the
 * body may be a private key. */
static bool decode_lines(struct bytes text, struct buf *out)
{
	struct buf joined = { 0 };
	bool good = false;

	if (text.n <= PEM_BYTES) {
		/* Room first, so that no growing leaves a copy behind. */
		for (size_t i = 0; i < text.n; i++)
			buf_byte(&joined, 0);
		joined.n = 0;
		for (size_t i = 0; i < text.n; i++)
			if (!blank(text.p[i]))
				buf_byte(&joined, text.p[i]);
		good = joined.n > 0 && base64_decode(out, buf_bytes(&joined));
	}
	if (joined.p)
		wipe(joined.p, text.n);
	buf_free(&joined);
	return good;
}

bool pem_body(struct bytes body, struct buf *der)
{
	return decode_lines(body, der);
}

static struct bytes arena_copy(struct arena *a, const struct buf *b)
{
	unsigned char *p = arena_get(a, b->n + 1);

	memcpy(p, b->p, b->n);
	return (struct bytes){ p, b->n };
}

int pem_decode(struct arena *a, struct bytes pem, const char *kind, struct bytes *der)
{
	struct pem block;
	struct buf out = { 0 };
	int found = pem.n > PEM_BYTES ? -1 : pem_next(&pem, &block);

	*der = (struct bytes){ NULL, 0 };
	if (found <= 0 || !bytes_are(block.label, kind))
		return found < 0 ? -1 : 0;
	if (pem_body(block.body, &out) && all_blank(pem))
		*der = arena_copy(a, &out);
	buf_free(&out);
	return der->p ? 0 : -1;
}

/* ---- DER ------------------------------------------------------------------- */

bool der_take(struct bytes *from, unsigned tag, struct bytes *value)
{
	struct bytes b = *from;
	size_t length, octets;

	if (b.n < 2 || b.p[0] != tag)
		return false;
	length = b.p[1];
	octets = length < 0x80 ? 0 : length & 0x7f;
	if (length == 0x80 || octets > 2 || b.n < 2 + octets)
		return false;
	if (octets == 1)
		length = b.p[2];
	if (octets == 2)
		length = (size_t)b.p[2] << 8 | b.p[3];
	/* A length written longer than it need be is not DER. */
	if ((octets == 1 && length < 0x80) || (octets == 2 && length < 0x100))
		return false;
	b = skip(b, 2 + octets);
	if (length > b.n)
		return false;
	*value = (struct bytes){ b.p, length };
	*from = skip(b, length);
	return true;
}

static const char *name_find(const struct oid_name *list, size_t n, struct bytes oid,
    const char *otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_equal(list[i].oid, oid))
			return list[i].name;
	return otherwise;
}

const char *curve_other(struct bytes parameters)
{
	struct bytes oid;

	if (der_take(&parameters, DER_SEQUENCE, &oid))
		return "a key with explicit curve parameters";
	if (!der_take(&parameters, DER_OID, &oid) || parameters.n > 0)
		return "a key that names no curve";
	if (bytes_equal(oid, oid_p256))
		return NULL;
	return name_find(curve_names, COUNT(curve_names), oid, "a key on another curve");
}

const char *algorithm_other(struct bytes algorithm)
{
	struct bytes oid;

	if (!der_take(&algorithm, DER_OID, &oid))
		return "a key of no known kind";
	if (!bytes_equal(oid, oid_ec))
		return name_find(algorithm_names, COUNT(algorithm_names), oid,
		    "a key of another kind");
	return curve_other(algorithm);
}

/* ---- public keys ------------------------------------------------------------ */

bool pubkey_from_point(const unsigned char q[65], struct pubkey *out)
{
	const unsigned char one = 1;
	unsigned char copy[65], spki[SPKI_SIZE], digest[SHA256_SIZE];

	memcpy(copy, q, sizeof copy);
	/* Multiplying is how BearSSL tells whether a point is on its curve. */
	if (!br_ec_p256_m31.mul(copy, sizeof copy, &one, 1, BR_EC_secp256r1))
		return false;
	memcpy(spki, spki_prefix, sizeof spki_prefix);
	memcpy(spki + sizeof spki_prefix, q, 65);
	sha256((struct bytes){ spki, sizeof spki }, digest);
	memcpy(out->q, q, 65);
	hex_encode(out->id, digest, sizeof digest);
	out->file = NULL;
	return true;
}

int pubkey_from_spki(struct bytes spki, const char *name, struct pubkey *out, struct why *why)
{
	struct bytes whole = spki, outer, algorithm;
	const char *other;

	if (spki.n == SPKI_SIZE && memcmp(spki.p, spki_prefix, sizeof spki_prefix) == 0) {
		if (pubkey_from_point(spki.p + sizeof spki_prefix, out))
			return 0;
		return refuse(why, REFUSE_KEY, "%s: its point is not on the curve "
		    "P-256: get the key again from whoever made it", name);
	}
	if (!der_take(&whole, DER_SEQUENCE, &outer) ||
	    !der_take(&outer, DER_SEQUENCE, &algorithm))
		return refuse(why, REFUSE_KEY, "%s: the key is cut short or no "
		    "SubjectPublicKeyInfo: get it again from whoever made it", name);
	if (whole.n > 0)
		return refuse(why, REFUSE_KEY, "%s: bytes stand after the key: get it "
		    "again from whoever made it", name);
	other = algorithm_other(algorithm);
	if (other)
		return refuse(why, REFUSE_KEY, "%s: is %s, only P-256 (prime256v1) is "
		    "accepted: make one with oxg keygen", name, other);
	return refuse(why, REFUSE_KEY, "%s: its point is compressed or malformed: "
	    "write it with openssl pkey -pubin -pubout -ec_conv_form uncompressed", name);
}

/* What a text without the right block is, and what to do about it. */
static int refuse_text(struct bytes text, const char *name, struct why *why)
{
	if (starts(text, "ssh-") || starts(text, "ecdsa-sha2-"))
		return refuse(why, REFUSE_KEY, "%s: is an OpenSSH public key: write it "
		    "as PEM with ssh-keygen -e -m PKCS8 -f FILE", name);
	if (text.n > 0 && text.p[0] == DER_SEQUENCE)
		return refuse(why, REFUSE_KEY, "%s: is not PEM: if it is DER, write "
		    "it with openssl pkey -pubin -inform DER -in FILE", name);
	return refuse(why, REFUSE_KEY, "%s: holds no PEM block: a public key starts "
	    "with a line -----BEGIN PUBLIC KEY-----", name);
}

static bool holds(struct bytes text, const char *word)
{
	size_t n = strlen(word);

	for (; text.n >= n; text = skip(text, 1))
		if (starts(text, word))
			return true;
	return false;
}

static int refuse_label(struct bytes label, const char *name, struct why *why)
{
	if (holds(label, "PRIVATE KEY"))
		return refuse(why, REFUSE_KEY, "%s: is a private key where a public "
		    "one belongs: take it away and put there what openssl pkey "
		    "-in KEY -pubout writes", name);
	if (bytes_are(label, "RSA PUBLIC KEY"))
		return refuse(why, REFUSE_KEY, "%s: is an RSA key, only P-256 "
		    "(prime256v1) is accepted: make one with oxg keygen", name);
	if (holds(label, "CERTIFICATE"))
		return refuse(why, REFUSE_KEY, "%s: is a certificate where a public key "
		    "belongs: a CA goes to keys/NAME.crt, a key alone is what openssl "
		    "x509 -in FILE -pubkey -noout writes", name);
	return refuse(why, REFUSE_KEY, "%s: its PEM block is \"%.*s\", a public key "
	    "is \"PUBLIC KEY\"", name, (int)label.n, (const char *)label.p);
}

int pubkey_parse(struct arena *a, struct bytes pem, const char *name,
    struct pubkey *out, struct why *why)
{
	struct bytes rest = pem;
	struct pem block;
	struct buf der = { 0 };
	int found, result;

	(void)a;
	if (pem.n > PEM_BYTES)
		return refuse(why, REFUSE_KEY, "%s: is longer than a public key can "
		    "be: put one PEM block there", name);
	found = pem_next(&rest, &block);
	if (found == 0)
		return refuse_text(pem, name, why);
	if (found > 0 && !bytes_are(block.label, "PUBLIC KEY"))
		return refuse_label(block.label, name, why);
	if (found < 0 || !pem_body(block.body, &der)) {
		buf_free(&der);
		return refuse(why, REFUSE_KEY, "%s: its PEM block is cut short or not "
		    "base64: copy the file again", name);
	}
	if (all_blank(rest))
		result = pubkey_from_spki(buf_bytes(&der), name, out, why);
	else
		result = refuse(why, REFUSE_KEY, "%s: bytes stand after the key: put "
		    "one key in a file", name);
	buf_free(&der);
	return result;
}

/* 64 characters a line, as RFC 7468 and openssl write it. */
void pubkey_pem(const struct pubkey *k, struct buf *out)
{
	unsigned char spki[SPKI_SIZE];
	struct buf text = { 0 };

	memcpy(spki, spki_prefix, sizeof spki_prefix);
	memcpy(spki + sizeof spki_prefix, k->q, 65);
	base64_encode(&text, (struct bytes){ spki, sizeof spki });
	buf_text(out, "-----BEGIN PUBLIC KEY-----\n");
	for (size_t at = 0; at < text.n; at += 64) {
		buf_add(out, text.p + at, text.n - at < 64 ? text.n - at : 64);
		buf_byte(out, '\n');
	}
	buf_text(out, "-----END PUBLIC KEY-----\n");
	buf_free(&text);
}

/* ---- signatures ------------------------------------------------------------- */

/* One positive INTEGER of at most 32 bytes, as 32 bytes. */
static bool take_figure(struct bytes *from, unsigned char out[32])
{
	struct bytes v;

	if (!der_take(from, DER_INTEGER, &v) || v.n == 0 || v.n > 33)
		return false;
	if (v.p[0] >= 0x80 || (v.n > 1 && v.p[0] == 0 && v.p[1] < 0x80))
		return false;
	if (v.p[0] == 0)
		v = skip(v, 1);
	if (v.n == 0 || v.n > 32) /* zero, or more than 256 bits */
		return false;
	memset(out, 0, 32);
	memcpy(out + 32 - v.n, v.p, v.n);
	return true;
}

/* SEQUENCE { INTEGER r, INTEGER s } and nothing else, as r and s. */
static bool signature_raw(struct bytes der, unsigned char out[64])
{
	struct bytes pair;

	return der.n >= 8 && der.n <= 72 &&
	    der_take(&der, DER_SEQUENCE, &pair) && der.n == 0 &&
	    take_figure(&pair, out) && take_figure(&pair, out + 32) && pair.n == 0;
}

bool signature_der_strict(struct bytes der)
{
	unsigned char raw[64];

	return signature_raw(der, raw);
}

bool signature_verify(const struct pubkey *key, const unsigned char digest[SHA256_SIZE],
    struct bytes der)
{
	unsigned char raw[64], q[65];
	br_ec_public_key pk = { BR_EC_secp256r1, q, sizeof q };

	if (!signature_raw(der, raw))
		return false;
	memcpy(q, key->q, sizeof q);
	return br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, digest, SHA256_SIZE, &pk,
	    raw, sizeof raw) == 1;
}

int signature_decode(struct arena *a, struct bytes text, const char *name,
    struct bytes *der, struct why *why)
{
	struct buf out = { 0 };
	int result = 0;

	if (text.n == 0 || all_blank(text))
		return refuse(why, REFUSE_SIGNATURE, "%s: is empty: sign the plugin "
		    "again with oxg sign", name);
	if (text.p[0] == '{')
		return refuse(why, REFUSE_SIGNATURE, "%s: is a bundle, not a detached "
		    "signature: sign with oxg sign, or cosign sign-blob "
		    "--output-signature", name);
	if (signature_der_strict(text))
		return refuse(why, REFUSE_SIGNATURE, "%s: is raw DER: write it as "
		    "base64 (base64 -w0 < FILE)", name);
	if (text.n > SIGNATURE_TEXT || !decode_lines(text, &out))
		result = refuse(why, REFUSE_SIGNATURE, "%s: is not base64 of a "
		    "signature: sign the plugin again with oxg sign", name);
	else if (!signature_der_strict(buf_bytes(&out)))
		result = refuse(why, REFUSE_SIGNATURE, "%s: is no ECDSA P-256 signature "
		    "in strict DER: sign the plugin again with oxg sign", name);
	else
		*der = arena_copy(a, &out);
	buf_free(&out);
	return result;
}
