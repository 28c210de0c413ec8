/*
 * certificate.c (fuzzer) - trust/cert.c on any bytes: one that is not what our CA
 * signed is refused. The first byte says whether there follows a certificate or
 * changes to a good one, so that the fuzzer gets behind the first malformed byte.
 */
#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "trust/pubkey.c"
#include "trust/key.c"
#include "trust/cert.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

#define WHEN INT64_C(1795303080)
#define EXTENSIONS_CA                                                              \
	"\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff"     \
	"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x01\x06"
#define EXTENSIONS_LEAF                                                            \
	"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80"         \
	"\x30\x16\x06\x03\x55\x1d\x25\x01\x01\xff\x04\x0c\x30\x0a\x06\x08"         \
	"\x2b\x06\x01\x05\x05\x07\x03\x03"
#define ECDSA_SHA256 "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
#define NAME_CA "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02" "CA"
#define NAME_LEAF "\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02" "LF"
#define DATES "\x30\x1e\x17\x0d" "250101000000Z" "\x17\x0d" "350101000000Z"

static struct privkey ca_key, leaf_key;
static struct buf ca, leaf;

/* ---- a good chain ---------------------------------------------------------------- */

static void wrap(struct buf *b, unsigned char tag)
{
	struct buf whole = { 0 };

	buf_byte(&whole, tag);
	if (b->n >= 0x80)
		buf_byte(&whole, b->n < 0x100 ? 0x81 : 0x82);
	if (b->n >= 0x100)
		buf_byte(&whole, (unsigned char)(b->n >> 8));
	buf_byte(&whole, (unsigned char)b->n);
	buf_add(&whole, b->p, b->n);
	buf_free(b);
	*b = whole;
}

static void add(struct buf *b, struct bytes s)
{
	buf_add(b, s.p, s.n);
}

static void certificate(struct buf *out, struct bytes name, const struct privkey *key,
    struct bytes list)
{
	struct buf extensions = { 0 }, signature = { 0 };
	unsigned char digest[SHA256_SIZE];

	add(&extensions, list);
	wrap(&extensions, 0x30);
	wrap(&extensions, 0xa3);
	add(out, BYTES("\xa0\x03\x02\x01\x02\x02\x01\x01" ECDSA_SHA256 NAME_CA DATES));
	add(out, name);
	buf_add(out, spki_prefix, sizeof spki_prefix);
	buf_add(out, key->pub.q, 65);
	add(out, buf_bytes(&extensions));
	wrap(out, 0x30);
	sha256(buf_bytes(out), digest);
	buf_byte(&signature, 0);
	signature_make(&ca_key, digest, &signature);
	wrap(&signature, 0x03);
	add(out, BYTES(ECDSA_SHA256));
	add(out, buf_bytes(&signature));
	wrap(out, 0x30);
	buf_free(&extensions);
	buf_free(&signature);
}

static int judge(struct bytes der, struct bytes anchor, struct why *why)
{
	struct trust_root root = { .dir = -1, .cas = 1, .ca = &anchor,
		.ca_file = (const char *[]){ "ca" } };
	struct arena a = { 0 };
	struct buf pem = { 0 };
	struct pubkey key;
	const char *file;
	int result;

	buf_text(&pem, "-----BEGIN CERTIFICATE-----\n");
	base64_encode(&pem, der);
	buf_text(&pem, "\n-----END CERTIFICATE-----\n");
	*why = (struct why){ 0 };
	result = certificate_verify(&a, &root, buf_bytes(&pem), "f", WHEN, &key, &file, why);
	CLAIM(result == 0 ? strcmp(key.id, leaf_key.pub.id) == 0 :
	    result == -1 && strlen(why->text) > 20 && why->code != REFUSAL_NONE);
	buf_free(&pem);
	arena_free(&a);
	return result;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct why why;

	(void)argc;
	(void)argv;
	/* Fixed, so that what was found is found again. */
	memset(ca_key.d, 1, 32);
	memset(leaf_key.d, 2, 32);
	CLAIM(key_from_scalar(ca_key.d, &ca_key) && key_from_scalar(leaf_key.d, &leaf_key));
	certificate(&ca, BYTES(NAME_CA), &ca_key, BYTES(EXTENSIONS_CA));
	certificate(&leaf, BYTES(NAME_LEAF), &leaf_key, BYTES(EXTENSIONS_LEAF));
	CLAIM(judge(buf_bytes(&leaf), buf_bytes(&ca), &why) == 0);
	return 0;
}

/* ---- what is fuzzed ------------------------------------------------------------------ */

static bool inside(struct bytes part, struct bytes whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void a_certificate(struct bytes der)
{
	struct facts f;
	struct why why;

	if (der.n > 0 && read_certificate(der, &f)) {
		CLAIM(inside(f.issuer, der) && inside(f.subject, der) && inside(f.spki, der));
		CLAIM(f.purpose_critical < der.n && (!f.purpose_critical ||
		    der.p[f.purpose_critical] == 0xff));
		CLAIM(f.path_length >= -1 && f.path_length < 128 && (f.ca || f.path_length < 0));
	}
	if (judge(der, buf_bytes(&ca), &why) == 0)
		CLAIM(bytes_equal(der, buf_bytes(&leaf)));
	judge(buf_bytes(&leaf), der, &why);
}

/* Pairs of place and byte over the leaf; the top bit of the place's first byte: over
 * the CA. A CA's own signature is nothing to anybody, so one may be changed and good;
 * its key may not. */
static void changes(struct bytes list)
{
	struct buf one = { 0 }, other = { 0 };
	struct why why;

	add(&one, buf_bytes(&leaf));
	add(&other, buf_bytes(&ca));
	for (; list.n >= 3; list = skip(list, 3)) {
		struct buf *b = list.p[0] & 0x80 ? &other : &one;

		b->p[((size_t)(list.p[0] & 0x7f) << 8 | list.p[1]) % b->n] = list.p[2];
	}
	if (judge(buf_bytes(&one), buf_bytes(&other), &why) == 0)
		CLAIM(bytes_equal(buf_bytes(&one), buf_bytes(&leaf)));
	buf_free(&one);
	buf_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = { data + 1, size - 1 };

	if (size == 0)
		return 0;
	if (data[0] % 2)
		a_certificate(rest);
	else
		changes(rest);
	return 0;
}
