/*
 * der.c - strict DER, PEM, points, figures and signatures, without any file of a
 * plugin. With arguments it prints no TAP but is the hand with which t/key.t and
 * t/cert.t touch the functions of trust/: one call, a line of output, 0 or 3.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trust/trust.h"

static int tests, failed;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failed += !good;
}

static struct bytes unhex(unsigned char *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	if (!hex_decode(bytes_of(hex), out, n))
		abort();
	return (struct bytes){ out, n };
}

/* ---- vectors -------------------------------------------------------------------- */

/* RFC 6979 A.2.5: P-256, SHA-256. */
static const char key_d[] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
static const char key_q[] = "04"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
static const char sample_der[] = "3046"
    "022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
static const char test_der[] = "3045"
    "022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
    "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083";
/* n - s of "sample", by python3: the same signature in its other form */
static const char sample_other[] = "3045"
    "022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "0220"
    "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9";

static const char pkcs8_head[] =
    "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420";
static const char order_hex[] =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

/* ---- DER -------------------------------------------------------------------------- */

static bool takes(const char *hex, size_t length)
{
	unsigned char b[512];
	struct bytes from = unhex(b, hex), value;

	return der_take(&from, 0x30, &value) && value.n == length;
}

static void test_der_take(void)
{
	char big[2 * 300 + 1];
	unsigned char b[300] = { 0x30, 0x82, 0x01, 0x00 };

	ok(takes("3000", 0) && takes("3001ff", 1) && takes("30020102ff", 2),
	    "F005: short lengths are read");
	ok(!takes("31020102", 2) && !takes("300201", 2) && !takes("30", 0) && !takes("", 0),
	    "F005: another tag and what is cut short are refused");
	ok(!takes("3080", 0) && !takes("30800000", 0), "F005: an indefinite length is refused");
	ok(!takes("30810101", 1) && !takes("3082000101", 1) && !takes("308300000101", 1) &&
	    !takes("30ff01", 1), "F005: a length written too long is refused");
	hex_encode(big, b, 4 + 256);
	ok(takes(big, 256), "F005: a length of two bytes is read");
	big[2 * (4 + 255)] = '\0';
	ok(!takes(big, 256), "F005: one byte short of it is refused");
}

static bool strict(const char *hex)
{
	unsigned char b[256];

	return signature_der_strict(unhex(b, hex));
}

static void test_signature_shape(void)
{
	ok(strict(sample_der) && strict(test_der) && strict("3006020101020101"),
	    "F005: signatures in DER are taken");
	ok(!strict("30060201010201017f") && !strict("3007020101020101"),
	    "F005: bytes after a signature, or a length past its end, are refused");
	ok(!strict("308106020101020101"), "F005: a length in long form is refused");
	ok(!strict("300702020001020101") && !strict("3006020181020101"),
	    "F005: a padded and a negative figure are refused");
	ok(!strict("3006020100020101") && !strict("3006020101020100") &&
	    !strict("30050200020101"), "F005: zero and nothing are no figures");
	ok(!strict("3009020101020101020101") && !strict("3003020101") && !strict("") &&
	    !strict("3106020101020101"), "F005: one or three figures are refused");
	/* 33 bytes without the leading zero */
	ok(!strict("302602210101efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf37020101"),
	    "F005: a figure of over 256 bits is refused");
}

/* ---- signing and verifying ---------------------------------------------------------- */

static struct privkey vector_key(void)
{
	struct privkey k;
	unsigned char q[65];

	unhex(k.d, key_d);
	unhex(q, key_q);
	if (!pubkey_from_point(q, &k.pub))
		abort();
	return k;
}

static bool makes(const char *text, const char *der_hex)
{
	struct privkey k = vector_key();
	unsigned char digest[SHA256_SIZE], b[80];
	struct buf der = { 0 };
	bool same;

	sha256(bytes_of(text), digest);
	signature_make(&k, digest, &der);
	same = bytes_equal(buf_bytes(&der), unhex(b, der_hex));
	buf_free(&der);
	return same;
}

static bool verifies(const char *text, struct bytes der)
{
	struct privkey k = vector_key();
	unsigned char digest[SHA256_SIZE];

	sha256(bytes_of(text), digest);
	return signature_verify(&k.pub, digest, der);
}

static void test_signatures(void)
{
	unsigned char b[80];
	struct bytes der = unhex(b, sample_der);
	size_t taken = 0;

	ok(makes("sample", sample_der), "F012: RFC 6979 A.2.5 \"sample\", r and s to the bit");
	ok(makes("test", test_der), "F012: RFC 6979 A.2.5 \"test\", r and s to the bit");
	ok(verifies("sample", der), "F005: that signature verifies");
	ok(!verifies("Sample", der), "F005: not for other bytes");
	for (size_t i = 0; i < der.n * 8; i++) {
		b[i / 8] ^= (unsigned char)(1 << i % 8);
		taken += verifies("sample", der);
		b[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	ok(taken == 0, "F005: not with any one bit of it changed");
	ok(verifies("sample", unhex(b, sample_other)), "F005: (r, n - s) verifies as well");
}

/* ---- points and private figures ------------------------------------------------------- */

static bool point(const char *hex)
{
	unsigned char q[65];
	struct pubkey k;

	unhex(q, hex);
	return pubkey_from_point(q, &k);
}

#define X0_Y "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4"

static void test_points(void)
{
	char bent[131];

	memcpy(bent, key_q, sizeof bent);
	bent[130 - 1] ^= 1;
	ok(point(key_q) && !point(bent), "F007: a point beside the curve is refused");
	ok(point("04" "0000000000000000000000000000000000000000000000000000000000000000" X0_Y),
	    "F007: the point with x = 0 is taken");
	ok(!point("04" "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff" X0_Y),
	    "F007: the same point with x = p is refused");
	bent[130 - 1] ^= 1;
	bent[1] = '6';
	ok(!point(bent), "F007: the hybrid form is refused");
	ok(!point("04" "0000000000000000000000000000000000000000000000000000000000000000"
	    "0000000000000000000000000000000000000000000000000000000000000000"),
	    "F007: zeros are no point");
}

/* A PEM file of these bytes, mode 0600. */
static void write_key(char path[], const char *label, struct bytes der)
{
	struct buf text = { 0 };
	int fd = mkstemp(path);

	buf_printf(&text, "-----BEGIN %s-----\n", label);
	base64_encode(&text, der);
	buf_printf(&text, "\n-----END %s-----\n", label);
	if (fd < 0 || write_all(fd, text.p, text.n) < 0)
		abort();
	close(fd);
	buf_free(&text);
}

/* Such a file through the front door of the reader. */
static bool reads_key(const char *label, struct bytes der, struct privkey *out)
{
	char path[] = "/tmp/oxg-der-XXXXXX";
	struct arena a = { 0 };
	struct why why = { 0 };
	bool good;

	write_key(path, label, der);
	good = privkey_read(&a, path, out, &why) == 0;
	unlink(path);
	arena_free(&a);
	return good;
}

static bool pkcs8(const char *d, const char *q)
{
	char hex[400];
	unsigned char der[200];
	struct privkey k;

	snprintf(hex, sizeof hex, "%s%sa144034200%s", pkcs8_head, d, q);
	return reads_key("PRIVATE KEY", unhex(der, hex), &k);
}

/* Without the public part, whose absence makes every length 70 shorter. */
static bool bare_figure(const char *d)
{
	char hex[200];
	unsigned char der[100];
	struct privkey k;

	snprintf(hex, sizeof hex,
	    "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420%s", d);
	return reads_key("PRIVATE KEY", unhex(der, hex), &k) &&
	    bytes_equal_ct(k.d, der + 35, 32);
}

static void test_figures(void)
{
	char near[65];

	memcpy(near, order_hex, sizeof near);
	ok(bare_figure(key_d), "F012: PKCS#8 without the public part is read");
	ok(!bare_figure(order_hex), "F012: d = n is refused");
	near[63] = '2';
	ok(!bare_figure(near), "F012: d = n + 1 is refused");
	near[63] = '0';
	ok(bare_figure(near), "F012: d = n - 1 is taken");
	memset(near, '0', 64);
	ok(!bare_figure(near), "F012: d = 0 is refused");
	near[63] = '1';
	ok(bare_figure(near), "F012: d = 1 is taken");
	memset(near, 'f', 64);
	ok(!bare_figure(near), "F012: d = 2^256 - 1 is refused");
	ok(pkcs8(key_d, key_q) && !pkcs8(near, key_q), "F012: d must make the point beside it");
}

static void test_key_bits(void)
{
	char hex[400];
	unsigned char b[200];
	struct privkey k;
	struct bytes der;
	size_t taken = 0;

	snprintf(hex, sizeof hex, "%s%sa144034200%s", pkcs8_head, key_d, key_q);
	der = unhex(b, hex);
	for (size_t i = 0; i < der.n * 8; i++) {
		b[i / 8] ^= (unsigned char)(1 << i % 8);
		taken += reads_key("PRIVATE KEY", der, &k);
		b[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	ok(taken == 0, "F012: a key with any one bit changed is refused");
	for (size_t n = 0; n < der.n; n++)
		taken += reads_key("PRIVATE KEY", (struct bytes){ b, n }, &k);
	b[der.n] = 0;
	taken += reads_key("PRIVATE KEY", (struct bytes){ b, der.n + 1 }, &k);
	ok(taken == 0, "F012: a key cut short anywhere, or one byte longer, is refused");
	ok(reads_key("PRIVATE KEY", der, &k) && strcmp(k.pub.id, vector_key().pub.id) == 0,
	    "F012: the key itself is read");
}

/* ---- what signing leaves behind ---------------------------------------------------------- */

#define DEEP (64u << 10)

/* Its nonce, of the same page of the RFC. Who has that has the key. */
static const char sample_k[] = "a6e3c57dd01abe90086538398355dd4c3b17aa873382b0f24d6129493d8aad60";

/* The stack below us as the kernel shows it, since C says that it is not there. */
static void read_below(unsigned char *to)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, to, DEEP, (off_t)(here - DEEP)) != (ssize_t)DEEP)
		die(1, "cannot see the stack");
	close(fd);
}

/* Eight bytes of it in a row, either end first, or two limbs of 31 bits. */
static bool shows(const unsigned char *seen, const char *hex)
{
	unsigned char v[2][32];
	uint32_t limb[8] = { 0 };

	unhex(v[0], hex);
	for (size_t i = 0; i < 256; i++)
		if (v[0][31 - i / 8] >> i % 8 & 1)
			limb[i / 31 < 8 ? i / 31 : 7] |= i / 31 < 8 ? UINT32_C(1) << i % 31 : 0;
	for (size_t i = 0; i < 32; i++)
		v[1][i] = v[0][31 - i];
	for (size_t i = 0; i < 25; i++)
		if (memmem(seen, DEEP, v[0] + i, 8) || memmem(seen, DEEP, v[1] + i, 8))
			return true;
	for (size_t i = 0; i < 7; i++)
		if (memmem(seen, DEEP, limb + i, 8))
			return true;
	return false;
}

/* Out of line, so that its frame lies where the next one will. */
static __attribute__((noinline)) void clear_below(void)
{
	unsigned char room[DEEP];

	wipe(room, sizeof room);
}

static void test_residue(void)
{
	unsigned char digest[SHA256_SIZE], bytes[200], *seen = malloc(DEEP);
	struct privkey k = vector_key(), again;
	char hex[400], path[] = "/tmp/oxg-der-XXXXXX";
	struct buf der = { 0 };
	struct why why = { 0 };

	if (!seen)
		abort();
	read_below(seen);
	ok(shows(seen, key_d), "F012: a key that was not wiped is seen on the stack");
	sha256(BYTES("sample"), digest);
	clear_below();
	signature_make(&k, digest, &der);
	read_below(seen);
	ok(!shows(seen, key_d), "F012: signing leaves no piece of the key on the stack");
	ok(!shows(seen, sample_k), "F012: nor of the nonce");
	snprintf(hex, sizeof hex, "%s%sa144034200%s", pkcs8_head, key_d, key_q);
	write_key(path, "PRIVATE KEY", unhex(bytes, hex));
	clear_below();
	if (privkey_read(NULL, path, &again, &why) < 0 || memcmp(again.d, k.d, 32) != 0)
		abort();
	read_below(seen);
	ok(!shows(seen, key_d), "F012: nor does reading it from a file");
	unlink(path);
	free(seen);
	buf_free(&der);
}

static void test_made_keys(void)
{
	struct privkey one, two;
	struct buf pem = { 0 };
	struct arena a = { 0 };
	struct bytes der = { NULL, 0 };
	static const struct privkey none;

	privkey_make(&one);
	privkey_make(&two);
	privkey_pem(&one, &pem);
	pem_decode(&a, buf_bytes(&pem), "PRIVATE KEY", &der);
	ok(memcmp(one.d, two.d, 32) != 0, "F013: two keys made are two keys");
	ok(der.n == 138 && reads_key("PRIVATE KEY", der, &two) &&
	    memcmp(one.d, two.d, 32) == 0 && strcmp(one.pub.id, two.pub.id) == 0, "F013: a key made is read back");
	privkey_wipe(&one);
	ok(memcmp(&one, &none, sizeof one) == 0, "F013: a key wiped is gone");
	buf_free(&pem);
	arena_free(&a);
}

/* ---- PEM -------------------------------------------------------------------------------- */

static int pem(const char *text)
{
	struct arena a = { 0 };
	struct bytes der;
	int result = pem_decode(&a, bytes_of(text), "X", &der);

	if (result == 0)
		result = der.p && bytes_are(der, "abc") ? 1 : 0;
	arena_free(&a);
	return result;
}

#define B "-----BEGIN X-----\n"
#define E "-----END X-----\n"

static void test_pem(void)
{
	ok(pem(B "YWJj\n" E) == 1 && pem(B "YW\r\nJj \r\n" E) == 1 &&
	    pem("-----BEGIN X-----\r\nYWJj\r\n-----END X-----") == 1,
	    "F007: a PEM block, with CR LF, without a last newline");
	ok(pem("words\nmore: 1\n\n" B "YWJj\n" E "\n \n") == 1,
	    "F007: text before it and blanks after it");
	ok(pem("") == 0 && pem("YWJj\n") == 0 && pem(" " B "YWJj\n" E) < 1,
	    "F007: no block is none");
	ok(pem(B "YWJj\n") < 0 && pem(B) < 0 && pem("-----BEGIN X\nYWJj\n" E) < 0,
	    "F007: a block without its end is refused");
	ok(pem(B "YWJj\n-----END Y-----\n") < 0 && pem(B B "YWJj\n" E) < 0 && pem(E) < 0,
	    "F007: a block with another's end, or inside another, is refused");
	ok(pem(B "YWJj\n" E "x") < 0 && pem(B "YWJj\n" E B "YWJj\n" E) < 0,
	    "F007: bytes and blocks after it are refused");
	ok(pem(B E) < 0 && pem(B "YWJ\n" E) < 0 && pem(B "YWJ*\n" E) < 0 &&
	    pem(B "YWJjZB==\n" E) < 0, "F007: what is not base64 is refused");
	ok(pem("-----BEGIN Z-----\nYWJj\n-----END Z-----\n") == 0,
	    "F007: a block of another kind is none");
}

static bool decodes(const char *text)
{
	struct arena a = { 0 };
	struct why why = { 0 };
	struct bytes der = { NULL, 0 };
	bool good = signature_decode(&a, bytes_of(text), "f.sig", &der, &why) == 0;

	good = good && der.n == 8 && signature_der_strict(der);
	if (!good && (why.code != REFUSE_SIGNATURE || strncmp(why.text, "f.sig", 5)))
		abort();
	arena_free(&a);
	return good;
}

static void test_signature_text(void)
{
	ok(decodes("MAYCAQECAQE=") && decodes("MAYCAQECAQE=\n") &&
	    decodes(" \n MAYCA\r\nQECAQE=\r\n\n"),
	    "F006: base64 with blanks around it and line ends in it");
	ok(!decodes("MAYCAQECAQE") && !decodes("MAYCAQECAQE=x") && !decodes("MAYCAQECAQE==") &&
	    !decodes("MAYCAQECAQF=") && !decodes("MAYC*QECAQE="),
	    "F005: base64 without padding, with bytes after it, with stray bits");
	ok(!decodes("") && !decodes("\n") && !decodes("{}") &&
	    !decodes("0\006\002\001\001\002\001\001") && !decodes("YWJj"),
	    "F005: nothing, a bundle, raw DER and other bytes are no signature text");
}

/* ---- the hand of t/key.t and t/cert.t ------------------------------------------------------ */

static struct bytes slurp(struct arena *a, const char *path)
{
	struct bytes b;

	if (file_read(a, AT_FDCWD, path, 1 << 20, &b) < 0)
		die(2, "cannot read %s", path);
	return b;
}

static int say(const struct why *why)
{
	printf("%s\n", why->text);
	return refusal_status(why->code);
}

static int hand_chain(struct arena *a, int argc, char **argv)
{
	struct trust_root root = { .dir = -1 };
	struct bytes ca[8];
	const char *file[8], *used;
	char revoked[1][SHA256_HEX] = { "" };
	struct why why = { 0 };
	struct pubkey leaf;

	root.ca = ca;
	root.ca_file = file;
	root.revoked = revoked;
	for (int i = 4; i < argc && root.cas < COUNT(ca); i++) {
		if (strlen(argv[i]) == SHA256_HEX - 1 && !strchr(argv[i], '.')) {
			memcpy(revoked[0], argv[i], SHA256_HEX);
			root.revokeds = 1;
			continue;
		}
		file[root.cas] = argv[i];
		if (pem_decode(a, slurp(a, argv[i]), "CERTIFICATE", &ca[root.cas++]) < 0)
			die(2, "%s: no CA", argv[i]);
	}
	if (certificate_verify(a, &root, slurp(a, argv[2]), argv[2],
	    strtoll(argv[3], NULL, 10), &leaf, &used, &why) < 0)
		return say(&why);
	printf("%s %s\n", leaf.id, used);
	return 0;
}

static int hand_verify(struct arena *a, char **argv)
{
	struct why why = { 0 };
	struct pubkey k;
	struct bytes der;
	unsigned char digest[SHA256_SIZE];

	if (pubkey_parse(a, slurp(a, argv[2]), argv[2], &k, &why) < 0 ||
	    signature_decode(a, slurp(a, argv[3]), argv[3], &der, &why) < 0)
		return say(&why);
	sha256(slurp(a, argv[4]), digest);
	printf("%s\n", signature_verify(&k, digest, der) ? "good" : "bad");
	return 0;
}

/* key FILE [TEXT]: its id, or the signature over the text; its public part. */
static int hand_key(struct arena *a, int argc, char **argv)
{
	struct why why = { 0 };
	struct privkey k;
	struct buf out = { 0 };
	unsigned char digest[SHA256_SIZE];

	if (privkey_read(a, argv[2], &k, &why) < 0)
		return say(&why);
	if (argc > 3) {
		struct buf der = { 0 };

		sha256(slurp(a, argv[3]), digest);
		signature_make(&k, digest, &der);
		base64_encode(&out, buf_bytes(&der));
		printf("%.*s\n", (int)out.n, (char *)out.p);
		return 0;
	}
	pubkey_pem(&k.pub, &out);
	printf("%s\n%.*s", k.pub.id, (int)out.n, (char *)out.p);
	return 0;
}

static int hand(int argc, char **argv)
{
	struct arena a = { 0 };
	struct why why = { 0 };
	struct pubkey k;

	if (!strcmp(argv[1], "chain") && argc > 4)
		return hand_chain(&a, argc, argv);
	if (!strcmp(argv[1], "verify") && argc == 5)
		return hand_verify(&a, argv);
	if (!strcmp(argv[1], "key") && argc > 2)
		return hand_key(&a, argc, argv);
	if (strcmp(argv[1], "pub") || argc != 3)
		die(2, "chain FILE WHEN CA...|verify PUB SIG FILE|key FILE [TEXT]|pub FILE");
	if (pubkey_parse(&a, slurp(&a, argv[2]), argv[2], &k, &why) < 0)
		return say(&why);
	printf("%s\n", k.id);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return hand(argc, argv);
	test_der_take();
	test_signature_shape();
	test_signatures();
	test_points();
	test_figures();
	test_key_bits();
	test_residue();
	test_made_keys();
	test_pem();
	test_signature_text();
	printf("1..%d\n", tests);
	return failed > 0;
}
