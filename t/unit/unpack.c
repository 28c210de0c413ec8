/*
 * unpack.c (test) - evidence/unpack.c on blocks made by hand from the description of
 * the LZ4 block format, and on every kind of damage. t/schema.t holds what oxg has
 * packed against the files.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

/* n: bytes that are asked for. text NULL: it must be refused. */
static const struct {
	const char *name, *block;
	size_t block_n;
	const char *text;
	size_t n;
} blocks[] = {
	{ "literals alone", "\x30" "abc", 4, "abc", 3 },
	{ "fifteen literals have a second byte", "\xf0\x00" "abcdefghijklmno", 17, "abcdefghijklmno", 15 },
	{ "a match of four", "\x40" "abcd" "\x04\x00" "\x10" "e", 9, "abcdabcde", 9 },
	{ "a match that reaches into itself", "\x11" "a" "\x01\x00" "\x10" "b", 6, "aaaaaab", 7 },
	{ "a match of twenty", "\x1f" "a" "\x01\x00\x01" "\x10" "b", 7, "aaaaaaaaaaaaaaaaaaaaab", 22 },
	{ "nothing, for nothing", "", 0, "", 0 },
	{ "nothing, for a byte", "", 0, NULL, 1 },
	{ "fewer bytes than asked for", "\x30" "abc", 4, NULL, 4 },
	{ "more bytes than asked for", "\x30" "abc", 4, NULL, 2 },
	{ "literals cut off", "\x30" "ab", 3, NULL, 3 },
	{ "a length cut off", "\xf0", 1, NULL, 15 },
	{ "a length cut off after 255", "\xf0\xff", 2, NULL, 270 },
	{ "a match from before the first byte", "\x10" "a" "\x02\x00" "\x10" "b", 6, NULL, 6 },
	{ "a match from nowhere", "\x10" "a" "\x00\x00" "\x10" "b", 6, NULL, 6 },
	{ "a match first of all", "\x00\x01\x00\x10" "b", 5, NULL, 5 },
	{ "a match that is too long", "\x1f" "a" "\x01\x00\xff\xff\x00", 7, NULL, 16 },
	{ "half of a match's place", "\x10" "a" "\x01", 3, NULL, 5 },
	{ "a match's length cut off", "\x1f" "a" "\x01\x00", 4, NULL, 20 },
};

int main(void)
{
	for (size_t i = 0; i < COUNT(blocks); i++) {
		unsigned char out[512];
		struct bytes block = { (const unsigned char *)blocks[i].block, blocks[i].block_n };
		bool good;

		memset(out, '#', sizeof(out));
		good = unpack(block, out, blocks[i].n) == (blocks[i].text != NULL) &&
		    (blocks[i].text == NULL || memcmp(out, blocks[i].text, blocks[i].n) == 0);
		for (size_t k = blocks[i].n; k < sizeof(out); k++)
			good = good && out[k] == '#';
		ok(good, blocks[i].name);
	}
	printf("1..%d\n", tests);
	return failures != 0;
}
