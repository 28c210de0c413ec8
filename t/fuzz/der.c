/*
 * der.c (fuzzer) - elements and signatures on any bytes. What is taken as DER has
 * one spelling, so it is written again and must come out the same.
 */
#include "lib/util.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "trust/pubkey.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

/* The one head of an element. */
static void head(struct buf *out, unsigned char tag, size_t n)
{
	buf_byte(out, tag);
	if (n >= 0x80)
		buf_byte(out, n < 0x100 ? 0x81 : 0x82);
	if (n >= 0x100)
		buf_byte(out, (unsigned char)(n >> 8));
	buf_byte(out, (unsigned char)n);
}

/* The one DER of a figure. */
static void figure(struct buf *out, const unsigned char v[32])
{
	size_t skip = 0;

	while (skip < 31 && v[skip] == 0)
		skip++;
	buf_byte(out, 2);
	buf_byte(out, (unsigned char)(32 - skip + (v[skip] >> 7)));
	if (v[skip] >> 7)
		buf_byte(out, 0);
	buf_add(out, v + skip, 32 - skip);
}

static void elements(struct bytes from)
{
	struct bytes start = from, value;

	while (from.n > 0 && der_take(&from, start.p[0], &value)) {
		struct buf again = { 0 };
		size_t whole = (size_t)(from.p - start.p);

		head(&again, start.p[0], value.n);
		CLAIM(again.n + value.n == whole && memcmp(again.p, start.p, again.n) == 0);
		CLAIM(value.p == start.p + again.n && from.n == start.n - whole);
		buf_free(&again);
		start = from;
	}
	CLAIM(from.p == start.p && from.n == start.n);
}

static void a_signature(struct bytes der)
{
	unsigned char raw[64];
	struct buf again = { 0 }, figures = { 0 };

	if (!signature_raw(der, raw)) {
		CLAIM(!signature_der_strict(der));
		return;
	}
	figure(&figures, raw);
	figure(&figures, raw + 32);
	head(&again, 0x30, figures.n);
	buf_add(&again, figures.p, figures.n);
	CLAIM(bytes_equal(buf_bytes(&again), der));
	buf_free(&again);
	buf_free(&figures);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes der = { data, size };

	elements(der);
	a_signature(der);
	/* Never NULL for what is no P-256, never a crash for what is no DER. */
	CLAIM(algorithm_other(der) || bytes_equal(der, (struct bytes){ spki_prefix + 4, 19 }));
	return 0;
}
