/*
 * cert.c (test) - certificates that openssl does not make: extensions that stand
 * twice, values that are not DER, versions and dates that do not exist. They are
 * written here byte by byte and signed with our own key, so that each is refused
 * for its one fault and for nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/trust.h"

#define WHEN INT64_C(1795303080) /* 2026-11-21T23:18:00Z */

static int tests, failed;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failed += !good;
}

/* ---- writing DER -------------------------------------------------------------------- */

static void hex(struct buf *out, const char *text)
{
	size_t n = strlen(text) / 2;
	unsigned char b[4096];

	if (n > sizeof b || !hex_decode(bytes_of(text), b, n))
		abort();
	buf_add(out, b, n);
}

/* Wraps what stands in *b from here on. */
static void wrap(struct buf *b, size_t from, unsigned char tag)
{
	size_t n = b->n - from;
	unsigned char head[4] = { tag, 0x82, (unsigned char)(n >> 8), (unsigned char)n };
	size_t size = 4;
	struct buf whole = { 0 };

	if (n < 0x80)
		head[1] = (unsigned char)n, size = 2;
	else if (n < 0x100)
		head[1] = 0x81, head[2] = (unsigned char)n, size = 3;
	buf_add(&whole, head, size);
	buf_add(&whole, b->p + from, n);
	b->n = from;
	buf_add(b, whole.p, whole.n);
	buf_free(&whole);
}

/* ---- a certificate, of parts in hexadecimal -------------------------------------------- */

#define ECDSA_SHA256 "300a06082a8648ce3d040302"
#define ECDSA_SHA384 "300a06082a8648ce3d040303"
#define V3 "a003020102"
#define NAME_CA "300d310b300906035504030c024341"   /* CN=CA */
#define NAME_LEAF "300d310b300906035504030c024c46" /* CN=LF */
#define UTC(text_hex) "170d" text_hex
/* "250101000000Z" and "350101000000Z" */
#define FROM UTC("3235303130313030303030305a")
#define UNTIL UTC("3335303130313030303030305a")

#define IS_CA "300f0603551d130101ff040530030101ff"
#define MAY_CERTIFY "300e0603551d0f0101ff040403020106"
#define MAY_SIGN "300e0603551d0f0101ff040403020780"
#define FOR_CODE "30130603551d25040c300a06082b06010505070303"
#define FOR_CODE_CRITICAL "30160603551d250101ff040c300a06082b06010505070303"

struct parts {
	const char *version, *serial, *inner, *issuer, *from, *until, *subject;
	const char *behind;      /* behind the key, before the extensions */
	const char *extensions;  /* what stands in the list; NULL: there is none */
	const char *last;        /* behind the extensions */
	const char *outer;
	const char *unused;      /* of the signature's bits */
	const char *end, *after; /* in the certificate and behind it */
};

static const struct parts plain_ca = { V3, "020101", ECDSA_SHA256, NAME_CA, FROM, UNTIL,
	NAME_CA, "", IS_CA MAY_CERTIFY, "", ECDSA_SHA256, "00", "", "" };
static const struct parts plain = { V3, "020102", ECDSA_SHA256, NAME_CA, FROM, UNTIL,
	NAME_LEAF, "", MAY_SIGN FOR_CODE, "", ECDSA_SHA256, "00", "", "" };

static struct privkey ca_key, leaf_key;

static void add_spki(struct buf *out, const struct privkey *k)
{
	hex(out, "3059301306072a8648ce3d020106082a8648ce3d030107034200");
	buf_add(out, k->pub.q, 65);
}

static void certificate(struct buf *out, const struct parts *p, const struct privkey *key)
{
	unsigned char digest[SHA256_SIZE];
	size_t at;

	out->n = 0;
	hex(out, p->version);
	hex(out, p->serial);
	hex(out, p->inner);
	hex(out, p->issuer);
	at = out->n;
	hex(out, p->from);
	hex(out, p->until);
	wrap(out, at, 0x30);
	hex(out, p->subject);
	add_spki(out, key);
	hex(out, p->behind);
	if (p->extensions) {
		at = out->n;
		hex(out, p->extensions);
		wrap(out, at, 0x30);
		wrap(out, at, 0xa3);
	}
	hex(out, p->last);
	wrap(out, 0, 0x30);
	sha256(buf_bytes(out), digest);
	hex(out, p->outer);
	at = out->n;
	hex(out, p->unused);
	signature_make(&ca_key, digest, out);
	wrap(out, at, 0x03);
	hex(out, p->end);
	wrap(out, 0, 0x30);
	hex(out, p->after);
}

static int judge(struct bytes der, struct bytes ca, struct why *why)
{
	struct trust_root root = { .dir = -1, .cas = 1, .ca = &ca,
		.ca_file = (const char *[]){ "keys/ca.crt" } };
	struct arena a = { 0 };
	struct buf pem = { 0 };
	struct pubkey leaf;
	const char *file;
	int result;

	buf_text(&pem, "-----BEGIN CERTIFICATE-----\n");
	base64_encode(&pem, der);
	buf_text(&pem, "\n-----END CERTIFICATE-----\n");
	*why = (struct why){ 0 };
	result = certificate_verify(&a, &root, buf_bytes(&pem), "chain.pem", WHEN, &leaf,
	    &file, why);
	if (result == 0 && strcmp(leaf.id, leaf_key.pub.id) != 0)
		abort();
	if (result < 0 && why->code != REFUSE_SIGNATURE && why->code != REFUSE_KEY)
		abort();
	buf_free(&pem);
	arena_free(&a);
	return result;
}

/* NULL: accepted; else a word of the sentence */
static void expect(const char *name, const struct parts *leaf, const struct parts *ca,
    const char *word)
{
	struct buf der = { 0 }, anchor = { 0 };
	struct why why;
	int result;

	certificate(&anchor, ca, &ca_key);
	certificate(&der, leaf, &leaf_key);
	result = judge(buf_bytes(&der), buf_bytes(&anchor), &why);
	ok(word ? result < 0 && strstr(why.text, word) : result == 0, name, why.text);
	buf_free(&der);
	buf_free(&anchor);
}

/* The plain leaf with one part replaced. */
#define LEAF(name, word, member, value)                        \
	do {                                                   \
		struct parts leaf_ = plain;                    \
		leaf_.member = value;                          \
		expect("F008: " name, &leaf_, &plain_ca, word); \
	} while (0)

#define ANCHOR(name, word, member, value)                   \
	do {                                                \
		struct parts ca_ = plain_ca;                \
		ca_.member = value;                         \
		expect("F008: " name, &plain, &ca_, word);  \
	} while (0)

#define BAD "malformed"

/* ---- the parts ---------------------------------------------------------------------------- */

static void test_versions(void)
{
	expect("F008: the plain one", &plain, &plain_ca, NULL);
	LEAF("version 1 said in words", BAD, version, "a003020100");
	LEAF("version 2 with extensions", BAD, version, "a003020101");
	LEAF("version 4", BAD, version, "a003020103");
	LEAF("no version, with extensions", BAD, version, "");
	LEAF("a version of two bytes", BAD, version, "a00402020002");
	LEAF("no serial number", BAD, serial, "");
	LEAF("another algorithm inside", BAD, inner, ECDSA_SHA384);
	LEAF("another algorithm outside", BAD, outer, ECDSA_SHA384);
	LEAF("a unique id of the subject", NULL, behind, "82020055");
	LEAF("something behind the key", BAD, behind, "0500");
	LEAF("something behind the extensions", BAD, last, "0500");
	LEAF("extensions twice", BAD, last, "a3123010300e0603551d0f0101ff040403020780");
	LEAF("something behind the signature", BAD, end, "0500");
	LEAF("a byte behind it all", BAD, after, "00");
	LEAF("unused bits in the signature", "", unused, "01");
	LEAF("another issuer", "leads to no CA", issuer, NAME_LEAF);
	LEAF("no subject", NULL, subject, "3000");
}

static void test_dates(void)
{
	/* 2025-01-01, the year in two and in four digits */
	LEAF("a GeneralizedTime", NULL, from, "180f32303235303130313030303030305a");
	LEAF("a time without seconds", BAD, from, "170b323530313031303030305a");
	LEAF("a time without Z", BAD, from, "170c323530313031303030303030");
	LEAF("a time with an offset", BAD, from, "1711" "323530313031303030303030" "2b30303030");
	LEAF("a time with a fraction", BAD, from, "18113230323530313031303030303030" "2e305a");
	LEAF("the 30th of February", BAD, from, UTC("3235303233303030303030305a"));
	LEAF("month 13", BAD, from, UTC("3235313330313030303030305a"));
	LEAF("hour 24", BAD, from, UTC("3235303130313234303030305a"));
	LEAF("a time of letters", BAD, from, UTC("32353031303130303030786f5a"));
	LEAF("a minus in it", BAD, from, UTC("2d35303130313030303030305a"));
	LEAF("1950 as its year", NULL, from, UTC("3530303130313030303030305a"));
	LEAF("2049 as its last", NULL, until, UTC("3439303130313030303030305a"));
	LEAF("1950 as its last", "expired", until, UTC("3530303130313030303030305a"));
	LEAF("no end", BAD, until, "");
	LEAF("three times", BAD, until, UNTIL UNTIL);
	LEAF("a number as its end", BAD, until, "020101");
	LEAF("an end before its beginning", "expired", until, UTC("3230303130313030303030305a"));
}

static void test_extensions(void)
{
	LEAF("no extensions", NULL, extensions, NULL);
	LEAF("extendedKeyUsage twice", BAD, extensions, FOR_CODE FOR_CODE);
	LEAF("the second for something else", BAD, extensions,
	    FOR_CODE "30130603551d25040c300a06082b06010505070301");
	LEAF("an unknown one twice", BAD, extensions, "300706022a0304010a" "300706022a0304010a");
	LEAF("an unknown one", NULL, extensions, MAY_SIGN "300706022a0304010a");
	LEAF("critical, said to be FALSE", BAD, extensions,
	    "30160603551d25010100040c300a06082b06010505070303");
	LEAF("critical, with 01 as TRUE", BAD, extensions,
	    "30160603551d25010101040c300a06082b06010505070303");
	LEAF("critical in two bytes", BAD, extensions,
	    "30170603551d250102ffff040c300a06082b06010505070303");
	LEAF("a critical extendedKeyUsage", NULL, extensions, MAY_SIGN FOR_CODE_CRITICAL);
	LEAF("a critical extendedKeyUsage first", NULL, extensions, FOR_CODE_CRITICAL MAY_SIGN);
	LEAF("an unknown critical one behind it", "critical extension", extensions,
	    FOR_CODE_CRITICAL "300b06022a030101ff04023000");
	LEAF("something behind the value", BAD, extensions,
	    "30150603551d25040c300a06082b060105050703030500");
	LEAF("something behind the purposes", BAD, extensions,
	    "30150603551d25040e300a06082b060105050703030500");
	LEAF("no purpose", BAD, extensions, "30090603551d2504023000");
	LEAF("a number as a purpose", BAD, extensions, "300c0603551d2504053003020101");
	LEAF("an extension without a value", BAD, extensions, "30050603551d25");
	LEAF("an extension without a name", BAD, extensions, "30040402" "3000");
	LEAF("a number as an extension", BAD, extensions, "020101");
	LEAF("nine unused bits in keyUsage", BAD, extensions, "300b0603551d0f040403020980");
	LEAF("a keyUsage of no bits", BAD, extensions, "300a0603551d0f0403030100");
	LEAF("a keyUsage of two bytes", NULL, extensions, "300c0603551d0f04050303078080");
	LEAF("CA:FALSE in words", BAD, extensions, "300c0603551d1304053003010100");
	LEAF("CA:FALSE by nothing", NULL, extensions, "30090603551d1304023000");
	LEAF("a path length of no CA", BAD, extensions, "300c0603551d1304053003020100");
}

static void test_many_extensions(void)
{
	char list[33 * 20 + 1];
	struct parts leaf = plain;

	leaf.extensions = list;
	for (int i = 0; i < 33; i++)
		snprintf(list + 20 * i, 21, "300806032a03%02x040101", i);
	expect("F008: 33 extensions", &leaf, &plain_ca, BAD);
	list[32 * 20] = '\0';
	expect("F008: 32 extensions", &leaf, &plain_ca, NULL);
}

static void test_anchors(void)
{
	ANCHOR("an anchor of version 1", "no CA", extensions, NULL);
	ANCHOR("an anchor with something behind it", BAD, after, "00");
	ANCHOR("an anchor that is CA:TRUE by 01", BAD, extensions,
	    "300f0603551d130101ff04053003010101" MAY_CERTIFY);
	ANCHOR("an anchor with a path length of 0", NULL, extensions,
	    "30120603551d130101ff040830060101ff020100" MAY_CERTIFY);
	ANCHOR("an anchor with a path length of -1", BAD, extensions,
	    "30120603551d130101ff040830060101ff0201ff" MAY_CERTIFY);
	ANCHOR("an anchor with a path length of 65536", BAD, extensions,
	    "30140603551d130101ff040a30080101ff0203010000" MAY_CERTIFY);
	ANCHOR("an anchor of another name", "leads to no CA", subject, NAME_LEAF);
	ANCHOR("an anchor that is no longer valid", "ca.crt expired", until,
	    UTC("3236303130313030303030305a"));
	ANCHOR("an anchor that some other CA issued", NULL, issuer, NAME_LEAF);
}

/* ---- every byte ---------------------------------------------------------------------------- */

static void test_bytes(void)
{
	struct buf der = { 0 }, anchor = { 0 };
	struct parts leaf = plain;
	size_t taken = 0, wrong = 0;
	struct why why;

	leaf.extensions = MAY_SIGN FOR_CODE_CRITICAL;
	certificate(&anchor, &plain_ca, &ca_key);
	certificate(&der, &leaf, &leaf_key);
	for (size_t i = 0; i < der.n; i++) {
		unsigned char kept = der.p[i];

		der.p[i] ^= (unsigned char)(1 << i % 8);
		taken += judge(buf_bytes(&der), buf_bytes(&anchor), &why) == 0;
		der.p[i] = kept;
		wrong += strlen(why.text) < 20 || why.text[0] == '%';
	}
	ok(taken == 0, "F008: with one bit of any byte changed it is refused", "");
	for (size_t n = 0; n < der.n; n++)
		taken += judge((struct bytes){ der.p, n }, buf_bytes(&anchor), &why) == 0;
	ok(taken == 0, "F008: cut short anywhere it is refused", "");
	for (size_t n = 0; n < anchor.n; n++)
		taken += judge(buf_bytes(&der), (struct bytes){ anchor.p, n }, &why) == 0;
	ok(taken == 0, "F008: so it is with the CA cut short", "");
	ok(wrong == 0, "F008: always with a sentence", why.text);
	ok(judge(buf_bytes(&der), buf_bytes(&anchor), &why) == 0, "F008: whole, it is taken", why.text);
	buf_free(&der);
	buf_free(&anchor);
}

int main(void)
{
	privkey_make(&ca_key);
	privkey_make(&leaf_key);
	test_versions();
	test_dates();
	test_extensions();
	test_many_extensions();
	test_anchors();
	test_bytes();
	printf("1..%d\n", tests);
	return failed > 0;
}
