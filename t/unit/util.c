/*
 * util.c (test) - lib/util.c, hash.c, file.c, wire.c and words.c against figures
 * from elsewhere: RFC 4648, FIPS 180-4, RFC 4231, Go, sha256sum.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oxg.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

static void test_bytes(void)
{
	ok(bytes_of(NULL).n == 0 && bytes_are(bytes_of("ab"), "ab") &&
	    !bytes_are(bytes_of("ab"), "abc") && !bytes_are(bytes_of("abc"), "ab"),
	    "bytes and strings", "");
	ok(bytes_equal((struct bytes){ NULL, 0 }, BYTES("")), "no bytes equal no bytes", "");
	ok(bytes_equal_ct("abcd", "abcd", 4) && !bytes_equal_ct("abcd", "abce", 4) &&
	    !bytes_equal_ct("abcd", "bbcd", 4) && bytes_equal_ct("a", "b", 0),
	    "constant-time comparison", "");
}

static void test_refuse(void)
{
	struct why why = { 0 };

	ok(refuse(&why, REFUSE_MANIFEST, "first %d", 1) == -1 &&
	    refuse(&why, REFUSE_JAIL, "second") == -1 && why.code == REFUSE_MANIFEST &&
	    strcmp(why.text, "first 1") == 0, "the first refusal wins", why.text);
	ok(refusal_status(REFUSE_USAGE) == 2 && refusal_status(REFUSE_HASH) == 3 &&
	    refusal_status(REFUSE_JAIL) == 4 && refusal_status(REFUSE_EVIDENCE) == 5 &&
	    refusal_status(REFUSAL_NONE) == 0, "a status for each refusal", "");
	ok(strcmp(refusal_word(REFUSE_TRUST_ROOT), "trust_root") == 0 &&
	    strcmp(refusal_word(REFUSAL_NONE), "") == 0, "a word for each refusal", "");
}

static void test_warn(void)
{
	char got[200] = "";
	int pair[2], kept = dup(STDERR_FILENO);
	ssize_t n = -1;

	if (pipe(pair) == 0 && dup2(pair[1], STDERR_FILENO) >= 0) {
		warn("a%s", "\x1b[31m\n\x7f\xc2\x9b\xff\xc3\xa9");
		n = read(pair[0], got, sizeof(got) - 1);
		dup2(kept, STDERR_FILENO);
	}
	ok(n > 0 && strcmp(got, "oxg: a\\x1b[31m\\x0a\\x7f\\xc2\\x9b\\xff\xc3\xa9\n") == 0,
	    "no control byte reaches a terminal", "");
	close(pair[0]);
	close(pair[1]);
	close(kept);
}

static void test_arena(void)
{
	struct arena a = { 0 };
	unsigned char *p[64];
	bool zero = true, apart = true;

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT(p); i++) {
			size_t n = i % 8 == 7 ? 100000 : 1000 * i + 1;

			p[i] = arena_get(&a, n);
			apart = apart && (uintptr_t)p[i] % 16 == 0;
			for (size_t k = 0; k < n; k++)
				zero = zero && p[i][k] == 0;
			memset(p[i], (int)i + 1, n);
		}
		for (size_t i = 0; i < COUNT(p); i++)
			apart = apart && p[i][0] == i + 1;
		arena_reset(&a);
	}
	ok(zero, "an arena gives zeroed memory, also after a reset", "");
	ok(apart, "pieces are aligned and apart", "");
	ok(strcmp(arena_text(&a, (struct bytes){ (const unsigned char *)"abc", 2 }), "ab") == 0 &&
	    strcmp(arena_printf(&a, "%d-%s", 7, "x"), "7-x") == 0, "text in an arena", "");
	arena_free(&a);
	arena_reset(&a);
	ok(a.chunks == NULL, "an empty arena can be reset", "");
}

static void test_buf(void)
{
	struct buf b = { 0 };

	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "%03d", i);
	buf_drop(&b, 3 * 998);
	buf_text(&b, "a");
	buf_byte(&b, 'b');
	buf_add(&b, "", 0);
	ok(bytes_are(buf_bytes(&b), "998999ab"), "a buffer grows and drops", "");
	buf_drop(&b, 1000);
	ok(b.n == 0, "no more is dropped than there is", "");
	buf_free(&b);
	ok(b.p == NULL && b.cap == 0, "a buffer is freed", "");
}

struct pair {
	int key, place;
};

static int by_key(const void *left, const void *right)
{
	const struct pair *a = left, *b = right;

	return (a->key > b->key) - (a->key < b->key);
}

static void test_sort(void)
{
	struct pair p[300];
	bool good = true;

	for (int n = 0; n <= 300; n++) {
		for (int i = 0; i < n; i++)
			p[i] = (struct pair){ (i * 7919 + n) % 17, i };
		sort(p, (size_t)n, sizeof(*p), by_key);
		for (int i = 1; i < n; i++)
			good = good && (p[i - 1].key < p[i].key ||
			    (p[i - 1].key == p[i].key && p[i - 1].place < p[i].place));
	}
	ok(good, "sorting is right and stable for 0 to 300 elements", "");
}

static void test_numbers(void)
{
	static const char *const bad[] = { "", " ", "+1", "-1", " 1", "1 ", "0x1", "1e3",
		"1.0", "01", "00", "1_0", "18446744073709551616", "99999999999999999999",
		"100000000000000000000000000000000000000", "\xd9\xa1", "1\n" };
	uint64_t n = 0;
	bool none = true;

	for (size_t i = 0; i < COUNT(bad); i++)
		none = none && !number_parse(bytes_of(bad[i]), 0, UINT64_MAX, &n);
	ok(none && !number_parse(BYTES("1\0"), 0, UINT64_MAX, &n), "what is no number", "");
	ok(number_parse(BYTES("0"), 0, 0, &n) && n == 0, "zero", "");
	ok(number_parse(BYTES("18446744073709551615"), 0, UINT64_MAX, &n) && n == UINT64_MAX,
	    "the greatest number", "");
	ok(number_parse(BYTES("10"), 10, 10, &n) && !number_parse(BYTES("9"), 10, 11, &n) &&
	    !number_parse(BYTES("12"), 10, 11, &n), "a range", "");
	n = 77;
	ok(!number_parse(BYTES("12x"), 0, 99, &n) && n == 77, "refused numbers touch nothing", "");
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t n;
	} good[] = {
		{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "1K", 1024 }, { "256M", 268435456 },
		{ "2G", 2147483648 }, { "1T", 1099511627776 },
		{ "16777215T", 18446742974197923840u }, { "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = { "", "K", "1k", "1m", "1KB", "1KiB", "1 K", "-1K",
		"1.5G", "01K", "16777216T", "18014398509481984K", "18446744073709551616",
		"1P", "1MM", "0x1K", "K1" };
	uint64_t n;

	for (size_t i = 0; i < COUNT(good); i++)
		ok(size_parse(bytes_of(good[i].text), &n) && n == good[i].n, "size", good[i].text);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!size_parse(bytes_of(bad[i]), &n), "no size", bad[i]);
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0s", 0 }, { "200ms", 200000000 }, { "10s", 10000000000 },
		{ "5m", 300000000000 }, { "1h", 3600000000000 },
		{ "18446744073s", 18446744073000000000u },
	};
	static const char *const bad[] = { "", "5", "s", "ms", "1d", "1S", "1.5s", "1m30s",
		"-1s", " 1s", "1s ", "1 s", "01s", "1us", "1ns", "18446744074s",
		"5124096h", "307445735m", "18446744073710ms", "99999999999999999999s" };
	/* what Go's time.Duration prints */
	static const struct {
		uint64_t ns;
		const char *text;
	} go[] = {
		{ 0, "0s" }, { 1, "1ns" }, { 999, "999ns" }, { 1000, "1\xc2\xb5s" },
		{ 1100, "1.1\xc2\xb5s" }, { 100000, "100\xc2\xb5s" }, { 2200000, "2.2ms" },
		{ 200000000, "200ms" }, { 999999999, "999.999999ms" }, { 1000000000, "1s" },
		{ 1500000000, "1.5s" }, { 3300000000, "3.3s" }, { 1000000001, "1.000000001s" },
		{ 59999999999, "59.999999999s" }, { 60000000000, "1m0s" },
		{ 123500000000, "2m3.5s" }, { 245000000000, "4m5s" }, { 245001000000, "4m5.001s" },
		{ 300000000000, "5m0s" }, { 3600000000000, "1h0m0s" },
		{ 18367001000000, "5h6m7.001s" }, { 90000000000000, "25h0m0s" },
		{ 480000000001, "8m0.000000001s" },
		{ 9223372036854775807, "2562047h47m16.854775807s" },
	};
	uint64_t ns;
	char out[40];

	for (size_t i = 0; i < COUNT(good); i++)
		ok(duration_parse(bytes_of(good[i].text), &ns) && ns == good[i].ns,
		    "duration", good[i].text);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!duration_parse(bytes_of(bad[i]), &ns), "no duration", bad[i]);
	for (size_t i = 0; i < COUNT(go); i++)
		ok(strcmp(duration_go(out, go[i].ns), go[i].text) == 0, go[i].text, out);
	ok(strlen(duration_go(out, UINT64_MAX)) < sizeof(out), "the longest duration fits", out);
}

static void test_utf8(void)
{
	ok(utf8_valid(BYTES("")) && utf8_valid(BYTES("a\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")) &&
	    !utf8_valid(BYTES("\xc3")) && !utf8_valid(BYTES("a\xed\xa0\x80")) &&
	    !utf8_valid(BYTES("\xc0\x80")) && !utf8_valid(BYTES("\xf4\x90\x80\x80")), "UTF-8", "");
	ok(utf8_length(BYTES("\xe2\x82\xacx")) == 3 && utf8_length(BYTES("\xe2\x82")) == 0 &&
	    utf8_length(BYTES("")) == 0, "the length of a code point", "");
}

static void expect_digest(const unsigned char d[SHA256_SIZE], const char *want, const char *name)
{
	char hex[SHA256_HEX];

	hex_encode(hex, d, SHA256_SIZE);
	ok(strcmp(hex, want) == 0, name, hex);
}

static void test_sha256(void)
{
	static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	unsigned char d[SHA256_SIZE], piece[1009];
	struct sha256 h;

	sha256(BYTES(""), d);
	expect_digest(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "F001: SHA-256 of nothing");
	sha256(BYTES("abc"), d);
	expect_digest(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "F001: SHA-256, one block");
	sha256(BYTES(two), d);
	expect_digest(d, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	    "F001: SHA-256, two blocks");
	memset(piece, 0, sizeof(piece));
	sha256((struct bytes){ piece, 55 }, d);
	expect_digest(d, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7",
	    "F001: SHA-256 of 55 zeros");
	sha256((struct bytes){ piece, 56 }, d);
	expect_digest(d, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb",
	    "F001: SHA-256 of 56 zeros");
	memset(piece, 'a', sizeof(piece));
	sha256_start(&h);
	for (size_t n = 0; n < 1000000; n += sizeof(piece))
		sha256_add(&h, piece, 1000000 - n < sizeof(piece) ? 1000000 - n : sizeof(piece));
	sha256_end(&h, d);
	expect_digest(d, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	    "F001: SHA-256 of a million a, in pieces");
	sha256_end(&h, d);
	expect_digest(d, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	    "ending a digest leaves it as it was");
}

static void test_hmac(void)
{
	unsigned char key[131], text[50], d[SHA256_SIZE];

	memset(key, 0x0b, 20);
	hmac_sha256((struct bytes){ key, 20 }, BYTES("Hi There"), d);
	expect_digest(d, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
	    "RFC 4231 case 1");
	hmac_sha256(BYTES("Jefe"), BYTES("what do ya want for nothing?"), d);
	expect_digest(d, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
	    "RFC 4231 case 2");
	memset(key, 0xaa, sizeof(key));
	memset(text, 0xdd, sizeof(text));
	hmac_sha256((struct bytes){ key, 20 }, (struct bytes){ text, 50 }, d);
	expect_digest(d, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
	    "RFC 4231 case 3");
	hmac_sha256((struct bytes){ key, 131 },
	    BYTES("Test Using Larger Than Block-Size Key - Hash Key First"), d);
	expect_digest(d, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
	    "RFC 4231 case 6");
	hmac_sha256((struct bytes){ key, 131 }, BYTES("This is a test using a larger than "
	    "block-size key and a larger than block-size data. The key needs to be hashed "
	    "before being used by the HMAC algorithm."), d);
	expect_digest(d, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
	    "RFC 4231 case 7");
}

static void test_hex(void)
{
	unsigned char out[3] = { 0 };
	char hex[7];

	hex_encode(hex, (const unsigned char *)"\x00\xaf\xff", 3);
	ok(strcmp(hex, "00afff") == 0, "hexadecimal is written in lower case", hex);
	ok(hex_decode(BYTES("00aFfF"), out, 3) && memcmp(out, "\x00\xaf\xff", 3) == 0,
	    "and read in either", "");
	ok(!hex_decode(BYTES("00aff"), out, 3) && !hex_decode(BYTES("00afff0"), out, 3) &&
	    !hex_decode(BYTES("00affg"), out, 3) && !hex_decode(BYTES("00af f"), out, 3) &&
	    !hex_decode(BYTES("00af"), out, 3) && !hex_decode(BYTES("0x00af"), out, 3) &&
	    !hex_decode(BYTES("00af\x06\x06"), out, 3), "anything else is refused", "");
}

static void test_base64(void)
{
	static const struct {
		const char *plain, *coded, *url;
	} both[] = {
		{ "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" },
		{ "foo", "Zm9v", "Zm9v" }, { "foob", "Zm9vYg==", "Zm9vYg" },
		{ "fooba", "Zm9vYmE=", "Zm9vYmE" }, { "foobar", "Zm9vYmFy", "Zm9vYmFy" },
		{ "\xfb\xff\xbf\xef", "+/+/7w==", "-_-_7w" },
	};
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "=",
		"==", "===", "====", "Z===", "Zh==", "Zn==", "Zm9=", "Zm8=Zm8=", "Zg==Zg==",
		"Zm9v\n", " Zm9v", "Zm 9v", "-_-_", "Zm9\x80", "Zm9*", "Zg=a", "=Zm9", "Z=m9" };
	static const char *const bad_url[] = { "Z", "Zg==", "Zm8=", "Zh", "Zm9", "+/+/", "Zm9vZ",
		"Zm9v ", "Zm9v=" };
	struct buf b = { 0 };

	for (size_t i = 0; i < COUNT(both); i++) {
		b.n = 0;
		base64_encode(&b, bytes_of(both[i].plain));
		ok(bytes_are(buf_bytes(&b), both[i].coded), "base64 is written", both[i].coded);
		b.n = 0;
		ok(base64_decode(&b, bytes_of(both[i].coded)) &&
		    bytes_are(buf_bytes(&b), both[i].plain), "and read", both[i].coded);
		b.n = 0;
		base64url_encode(&b, bytes_of(both[i].plain));
		ok(bytes_are(buf_bytes(&b), both[i].url), "base64url is written", both[i].url);
		b.n = 0;
		ok(base64url_decode(&b, bytes_of(both[i].url)) &&
		    bytes_are(buf_bytes(&b), both[i].plain), "and read", both[i].url);
	}
	b.n = 0;
	buf_text(&b, "kept");
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!base64_decode(&b, bytes_of(bad[i])) && bytes_are(buf_bytes(&b), "kept"),
		    "no base64", bad[i]);
	for (size_t i = 0; i < COUNT(bad_url); i++)
		ok(!base64url_decode(&b, bytes_of(bad_url[i])) && bytes_are(buf_bytes(&b), "kept"),
		    "no base64url", bad_url[i]);
	ok(!base64_decode(&b, BYTES("Zm9\0")), "no base64 holds a NUL", "");
	buf_free(&b);
}

/* In a directory of its own: d/f, d/long, link -> d, d/link -> f, fifo, out -> .. */
static void test_files(int dir, const char *path)
{
	struct arena a = { 0 };
	struct bytes b;
	char full[300];
	int fd;

	mkdirat(dir, "d", 0700);
	ok(file_write(dir, "d/f", BYTES("hello")) == 0, "a file is written", strerror(errno));
	ok(file_write(dir, "d/f", BYTES("again")) == -1 && errno == EEXIST,
	    "and never written over", strerror(errno));
	if (symlinkat("d", dir, "link") || symlinkat("f", dir, "d/link") ||
	    symlinkat("..", dir, "out") || mkfifoat(dir, "fifo", 0600))
		ok(false, "links and a FIFO are made", strerror(errno));
	ok(file_read(&a, dir, "d/f", 5, &b) == 0 && bytes_are(b, "hello"),
	    "a file of just the ceiling is read", strerror(errno));
	ok(file_read(&a, dir, "d/f", 4, &b) == -1 && errno == EFBIG,
	    "a longer one is refused", strerror(errno));
	ok(file_read(&a, dir, "./d//f", 5, &b) == 0, "blank steps do no harm", strerror(errno));
	ok(file_read(&a, dir, "d/none", 5, &b) == -1 && errno == ENOENT, "no such file", "");
	ok(file_read(&a, dir, "", 5, &b) == -1 && errno == ENOENT, "no name at all", "");
	ok(file_read(&a, dir, "link/f", 5, &b) == -1, "F020: no link on the way is followed", "");
	ok(file_read(&a, dir, "d/link", 5, &b) == -1 && errno == ELOOP,
	    "F020: no link at the end is followed", strerror(errno));
	ok(file_read(&a, dir, "../x", 5, &b) == -1 && errno == EXDEV, "F020: no way up", "");
	ok(file_read(&a, dir, "d/../d/f", 5, &b) == -1 && errno == EXDEV,
	    "F020: no way up and down again", "");
	ok(open_beneath(dir, "d/..", O_PATH, 0) == -1, "F020: no way up at the end", "");
	snprintf(full, sizeof(full), "%s/d/f", path);
	ok(file_read(&a, dir, full, 5, &b) == -1 && errno == EXDEV, "F020: no absolute path", "");
	ok(file_read(&a, AT_FDCWD, full, 5, &b) == 0 && bytes_are(b, "hello"),
	    "the operator's own path is read", strerror(errno));
	ok(file_read(&a, dir, "fifo", 5, &b) == -1 && errno == EINVAL,
	    "a FIFO neither holds us nor is read", strerror(errno));
	ok(file_read(&a, dir, "d", 5, &b) == -1 && errno == EINVAL, "a directory is no file", "");
	ok(open_beneath(dir, "out", O_PATH, 0) == -1 && errno == ELOOP,
	    "a link itself is not opened", strerror(errno));
	fd = open_beneath(dir, "d/f", O_RDONLY, 0);
	ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC), "descriptors close on exec", "");
	lseek(fd, 3, SEEK_SET);
	ok(fd_read(&a, fd, 100, &b) == 0 && bytes_are(b, "hello"),
	    "a descriptor is read from its start", "");
	close(fd);
	ok(file_read(&a, AT_FDCWD, "/proc/self/stat", 100000, &b) == 0 && b.n > 20,
	    "a file that does not know its length is read", strerror(errno));
	ok(file_read(&a, AT_FDCWD, "/proc/self/stat", 20, &b) == -1 && errno == EFBIG,
	    "and held to the ceiling", strerror(errno));
	fd = open_beneath(dir, "d/f", O_RDONLY, 0);
	ok(fd >= 0 && read_at(fd, full, 3, 1) == 3 && memcmp(full, "ell", 3) == 0, "read from a place", full);
	ok(read_at(fd, full, 9, 3) == 2 && memcmp(full, "lo", 2) == 0, "as much as there is", full);
	ok(read_at(fd, full, 9, 5) == 0 && read_at(fd, full, 9, 500) == 0, "nothing behind the end", "");
	close(fd);
	ok(read_at(fd, full, 9, 0) == -1 && errno == EBADF, "or why not", strerror(errno));
	unlinkat(dir, "d/f", 0);
	unlinkat(dir, "d/link", 0);
	unlinkat(dir, "link", 0);
	unlinkat(dir, "out", 0);
	unlinkat(dir, "fifo", 0);
	unlinkat(dir, "d", AT_REMOVEDIR);
	arena_free(&a);
}

/* From here on this process has a kernel without openat2. */
static void lose_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 437, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(code), code };

	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
	    "openat2 is taken away; all of it again", strerror(errno));
}

static void test_wire(void)
{
	struct { uint64_t a, b; } sent = { 1, 2 }, got = { 0, 0 };
	int fd[2];

	ok(wire_pair(fd) == 0 && (fcntl(fd[0], F_GETFD) & FD_CLOEXEC), "a pair", "");
	ok(wire_send(fd[0], &sent, sizeof(sent)) == 0 && wire_send(fd[0], &sent, 8) == 0 &&
	    wire_send(fd[0], &sent, sizeof(sent)) == 0, "messages are sent", "");
	ok(wire_receive(fd[1], &got, sizeof(got)) == 1 && got.a == 1 && got.b == 2,
	    "and received", "");
	ok(wire_receive(fd[1], &got, sizeof(got)) == -1, "a short one is an error", "");
	ok(wire_receive(fd[1], &got, 8) == -1, "a long one is an error", "");
	close(fd[0]);
	ok(wire_receive(fd[1], &got, sizeof(got)) == 0, "the other side is gone", "");
	ok(wire_send(fd[1], &sent, sizeof(sent)) == -1 && errno == EPIPE,
	    "sending there is an error and no signal", strerror(errno));
	close(fd[1]);
}

static void test_words(void)
{
	bool all = true;

	for (int c = 0; c < CAPABILITY_COUNT; c++)
		all = all && capability_find(bytes_of(capability_name((enum capability)c))) == c;
	ok(all && capability_find(BYTES("CAP_EMIT_FINDINGS")) == CAP_EMIT_FINDINGS &&
	    capability_find(BYTES("cap_ws")) == -1 && capability_find(BYTES("CAP_W")) == -1 &&
	    capability_find(BYTES("CAP_SYS_ADMIN")) == -1, "capabilities and their names", "");
	ok(severity_find(BYTES("medium")) == SEV_MED && severity_find(BYTES("CRITICAL")) == SEV_CRIT &&
	    severity_find(BYTES("informational")) == SEV_INFO && severity_find(BYTES("High")) == SEV_HIGH &&
	    severity_find(BYTES("low")) == SEV_LOW && severity_find(BYTES("")) == -1 &&
	    severity_find(BYTES("none")) == -1 && severity_find(BYTES("hig")) == -1,
	    "F161: severities and their synonyms", "");
	all = true;
	for (int s = 0; s < SEV_COUNT; s++)
		all = all && severity_find(bytes_of(severity_name((enum severity)s))) == s;
	ok(all, "F161: canonical severities", "");
	ok(strcmp(ending_word(ENDING_CPU_LIMIT), "cpu_limit") == 0 &&
	    strcmp(ending_word(ENDING_NONE), "") == 0, "endings", "");
}

int main(void)
{
	char path[] = "/tmp/oxg-util-XXXXXX";
	int dir;

	test_bytes();
	test_refuse();
	test_warn();
	test_arena();
	test_buf();
	test_sort();
	test_numbers();
	test_sizes();
	test_durations();
	test_utf8();
	test_sha256();
	test_hmac();
	test_hex();
	test_base64();
	if (!mkdtemp(path) || (dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0) {
		printf("Bail out! no directory for the files of this test\n");
		return 1;
	}
	test_files(dir, path);
	lose_openat2();
	test_files(dir, path);
	close(dir);
	rmdir(path);
	test_wire();
	test_words();
	printf("1..%d\n", tests);
	return failures > 0;
}
