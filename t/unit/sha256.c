/*
 * sha256.c (test) - the two ways to a digest, by the library and by the CPU's own
 * instructions, against each other and against openssl: every length about a block
 * and about where the one gives way to the other, however the text is divided and
 * wherever it lies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

#include "lib/lib.h"

#define LONGEST (70u << 10)
#define TURN 8192 /* hash.c asks the CPU from here on */

static int tests, failures;
static unsigned char text[LONGEST + 64];

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

/* The same figures each time, and no pattern in them. */
static uint32_t next(uint32_t *seed)
{
	return *seed = *seed * 1664525 + 1013904223;
}

static void library(const unsigned char *p, size_t n, unsigned char out[SHA256_SIZE])
{
	br_sha256_context c;

	br_sha256_init(&c);
	br_sha256_update(&c, p, n);
	br_sha256_out(&c, out);
}

/* In pieces that end where the list says. */
static bool divided(const unsigned char *p, size_t n, const size_t *at, size_t cuts, bool cannot)
{
	unsigned char got[SHA256_SIZE], want[SHA256_SIZE];
	struct sha256 h;
	size_t from = 0;

	sha256_start(&h);
	if (cannot)
		h.cpu = CPU_CANNOT;
	for (size_t i = 0; i < cuts; i++) {
		sha256_add(&h, p + from, at[i] - from);
		from = at[i];
	}
	sha256_add(&h, p + from, n - from);
	sha256_end(&h, got);
	library(p, n, want);
	return memcmp(got, want, sizeof got) == 0;
}

static bool both(const unsigned char *p, size_t n, const size_t *at, size_t cuts)
{
	return divided(p, n, at, cuts, false) && divided(p, n, at, cuts, true);
}

static void test_lengths(void)
{
	unsigned char got[SHA256_SIZE], want[SHA256_SIZE];
	bool good = true;

	for (size_t n = 0; n < 400; n++)
		good = good && both(text, n, NULL, 0);
	ok(good, "F001: every length to 400");
	for (size_t n = TURN - 70; n < TURN + 200; n++) {
		sha256((struct bytes){ text, n }, got);
		library(text, n, want);
		good = good && memcmp(got, want, sizeof got) == 0;
	}
	ok(good, "F001: every length about where the CPU is asked");
	for (size_t shift = 0; shift < 64; shift++)
		good = good && both(text + shift, TURN + 131, NULL, 0);
	ok(good, "F001: wherever it lies in memory");
}

static void test_pieces(void)
{
	uint32_t seed = 7;
	bool good = true;

	/* What was begun is filled up first; what is left over waits. */
	for (size_t first = 0; first <= 130; first++)
		for (size_t last = 0; last <= 65; last += 5)
			good = good && both(text, first + TURN + 63 + last,
			    (const size_t[]){ first, first + TURN + 63 }, 2);
	ok(good, "F001: a long piece behind a short one and before another");
	for (int i = 0; i < 400; i++) {
		size_t n = next(&seed) % LONGEST, at[3] = { 0 };

		if (n == 0)
			continue;
		at[0] = next(&seed) % n;
		at[1] = at[0] + next(&seed) % (n - at[0]);
		at[2] = at[1] + next(&seed) % (n - at[1]);
		good = good && both(text + next(&seed) % 64, n, at, 3);
	}
	ok(good, "F001: 400 texts in four pieces");
}

static void test_copies(void)
{
	unsigned char one[SHA256_SIZE], two[SHA256_SIZE];
	struct sha256 h, copy;

	sha256_start(&h);
	sha256_add(&h, text, TURN + 17);
	copy = h;
	sha256_add(&h, text, 50);
	sha256_end(&h, one);
	sha256_add(&copy, text, 50);
	sha256_end(&copy, two);
	ok(memcmp(one, two, sizeof one) == 0, "F001: a digest can be copied halfway");
}

/* One block, by the instructions themselves: "abc", FIPS 180-4's own example. */
static void test_block(void)
{
	uint32_t state[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	};
	static const uint32_t abc[8] = {
		0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
		0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad,
	};
	unsigned char block[64] = { 'a', 'b', 'c', 0x80, [63] = 24 };

	if (!sha256ni_usable()) {
		printf("ok %d # SKIP this CPU has no instructions for SHA-256\n", ++tests);
		return;
	}
	sha256ni_blocks(state, block, 1);
	ok(memcmp(state, abc, sizeof abc) == 0, "F001: \"abc\" by the CPU's instructions");
	sha256ni_blocks(state, block, 0);
	ok(memcmp(state, abc, sizeof abc) == 0, "F001: no block changes nothing");
}

static bool openssl_says(size_t n)
{
	char path[] = "/tmp/oxg-sha256-XXXXXX", command[128], hex[SHA256_HEX] = "", mine[SHA256_HEX];
	unsigned char digest[SHA256_SIZE];
	int fd = mkstemp(path);
	FILE *f;
	bool read;

	if (fd < 0 || write_all(fd, text, n) < 0)
		die(1, "no file for openssl");
	snprintf(command, sizeof command, "openssl dgst -sha256 -r %s", path);
	f = popen(command, "r");
	read = f && fscanf(f, "%64s", hex) == 1;
	if (f)
		pclose(f);
	remove(path);
	sha256((struct bytes){ text, n }, digest);
	hex_encode(mine, digest, sizeof digest);
	return read && strcmp(hex, mine) == 0;
}

static void test_openssl(void)
{
	static const size_t lengths[] = { 0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, TURN - 1,
		TURN, TURN + 1, TURN + 55, TURN + 56, TURN + 63, TURN + 64, 2 * TURN, 65535, 65536,
		LONGEST };
	bool good = true;

	if (system("openssl version >/dev/null 2>&1") != 0) {
		printf("ok %d # SKIP no openssl\n", ++tests);
		return;
	}
	for (size_t i = 0; i < COUNT(lengths); i++)
		good = good && openssl_says(lengths[i]);
	ok(good, "F001: openssl says the same of 22 lengths");
}

int main(void)
{
	uint32_t seed = 1;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (unsigned char)(next(&seed) >> 24);
	test_lengths();
	test_pieces();
	test_copies();
	test_block();
	test_openssl();
	printf("1..%d\n", tests);
	return failures > 0;
}
