/*
 * flat.c (test) - the short way of reading a line against the long one: what
 * json_flat takes, json_parse takes too and finds the same in it, and nothing that
 * json_parse refuses is ever taken. Known lines first, then thousands spoilt by
 * chance (from a fixed seed).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lib.h"

#define ROOM 16

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %.400s\n", detail);
	failures += !good;
}

static struct arena scratch;

static bool pair_same(const struct json *j, int name, const struct json_pair *p)
{
	int value = json_value(j, name);
	bool object = json_kind(j, value) == JSON_OBJECT;

	if (!bytes_equal(json_raw(j, name), p->name) || object != (p->value.p == NULL))
		return false;
	return object || (json_kind(j, value) == JSON_STRING &&
	    bytes_equal(json_raw(j, value), p->value) &&
	    bytes_equal(json_string(&scratch, j, value), json_decode(&scratch, p->value)) &&
	    p->escaped == (p->value.n > 0 && memchr(p->value.p, '\\', p->value.n) != NULL));
}

/* -1: refused, 0: the two readers disagree, 1: taken and the same. */
static int compared(struct bytes text)
{
	struct json_pair pair[ROOM];
	int n = json_flat(text, pair, ROOM), i = 0;
	char error[200];
	struct json j;

	arena_reset(&scratch);
	if (n < 0)
		return -1;
	if (json_parse(&scratch, text, &j, error) < 0 || json_kind(&j, 0) != JSON_OBJECT)
		return 0;
	for (int name = json_first(&j, 0); name >= 0; name = json_next(&j, name)) {
		if (i == n || pair[i].inside || !pair_same(&j, name, &pair[i++]))
			return 0;
		for (int in = json_kind(&j, json_value(&j, name)) == JSON_OBJECT ?
		    json_first(&j, json_value(&j, name)) : -1; in >= 0; in = json_next(&j, in))
			if (i == n || !pair[i].inside || !pair_same(&j, in, &pair[i++]))
				return 0;
	}
	return i == n;
}

static const char *const taken[] = {
	"{\"a\":\"\"}",
	"{\"a\":\"b\",\"c\":\"d\"}",
	" {\t\"a\"\r: \"b\" ,\n\"m\" : { \"x\" : \"y\" , \"a\" : \"z\" } , \"c\":\"d\" } ",
	"{\"m\":{},\"a\":\"b\"}",
	"{\"a\":\"\\u0041\\n\\\"\\ud83d\\ude00\",\"b\":\"\xc3\xa9 12345678 \xe2\x82\xac\"}",
	"{\"\":\"a name of nothing\"}",
	"{\"long enough for words of eight bytes\":\"and a value that is longer than that, too\"}",
};

static const char *const left[] = {
	"", " ", "{", "{}", "[]", "\"a\"", "{\"a\"}", "{\"a\":}", "{\"a\":1}", "{\"a\":null}",
	"{\"a\":\"b\"", "{\"a\":\"b\",}", "{\"a\":\"b\"}x", "{\"a\":\"b\"}{}", "{,\"a\":\"b\"}",
	"{\"a\":\"b\" \"c\":\"d\"}", "{\"a\":[]}", "{\"a\":{\"b\":{}}}", "{\"a\":{\"b\":1}}",
	"{\"a\":{\"b\":\"c\"},\"d\":{\"e\":\"f\"}}", "{\"a\":{\"b\":\"c\",}}", "{\"a\":{\"b\":\"c\"}",
	"{\"a\":\"b\",\"a\":\"c\"}", "{\"m\":{\"x\":\"1\",\"x\":\"2\"}}", "{\"m\":\"1\",\"m\":{}}",
	"{\"\\u0061\":\"an escaped name\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}",
	"{\"a\":\"\\udc00\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xff\"}",
	"{\"a\":\"tab\there\"}", "{\"a\":\"new\nline\"}", "{\"a\":\"never ends\\\"}", "{'a':'b'}",
	"\xef\xbb\xbf{\"a\":\"b\"}",
};

static void lines(void)
{
	for (size_t i = 0; i < COUNT(taken); i++)
		ok(compared(bytes_of(taken[i])) == 1, "taken, and as json_parse reads it", taken[i]);
	for (size_t i = 0; i < COUNT(left); i++)
		ok(compared(bytes_of(left[i])) == -1, "left to json_parse", left[i]);
}

static void room(void)
{
	struct json_pair pair[3];
	struct buf b = { 0 };

	ok(json_flat(BYTES("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}"), pair, 3) == 3,
	    "as many pairs as there is room for", "");
	ok(json_flat(BYTES("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\"}"), pair, 3) == -1,
	    "one more is left to json_parse", "");
	buf_text(&b, "{\"a\":\"1\"}");
	while (b.n <= JSON_BYTES)
		buf_byte(&b, ' ');
	ok(json_flat(buf_bytes(&b), pair, 3) == -1, "so is what is longer than a document may be", "");
	buf_free(&b);
}

/* Every byte at every place of a word, for the eight-at-a-time reader. */
static void plain(void)
{
	unsigned char text[24];
	bool good = true;

	for (int markup = 0; markup < 2; markup++)
		for (int c = 0; c < 256; c++)
			for (size_t at = 0; at < sizeof(text); at++) {
				bool stands = c >= 0x20 && c < 0x80 && c != '"' && c != '\\' &&
				    !(markup && strchr("<>&", c));

				memset(text, 'x', sizeof(text));
				text[at] = (unsigned char)c;
				good = good && json_plain(text, sizeof(text), markup) ==
				    (stands ? sizeof(text) : at);
				good = good && json_plain(text, at, markup) == at;
			}
	ok(good, "json_plain stops where the first byte stands that needs a look", "");
}

static uint64_t chance(void)
{
	static uint64_t x = 88172645463325252u; /* Marsaglia's xorshift */

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static void spoilt(void)
{
	static const char pieces[] = "\"\"\"\"{}{}:,:,\\\\u0dDaA8\x01\xc3\xa9\xff \n";
	int same = 0, wrong = 0;
	char text[200];

	for (int i = 0; i < 200000; i++) {
		struct bytes from = bytes_of(taken[chance() % COUNT(taken)]);
		size_t n = from.n;

		memcpy(text, from.p, n);
		for (uint64_t times = chance() % 3; times > 0; times--) {
			size_t at = chance() % n;

			if (chance() % 4 == 0) {
				memmove(text + at, text + at + 1, n - at - 1);
				n -= n > 2;
			} else {
				text[at] = pieces[chance() % (sizeof(pieces) - 1)];
			}
		}
		switch (compared((struct bytes){ (unsigned char *)text, n })) {
		case 0:
			wrong++;
			break;
		case 1:
			same++;
			break;
		}
	}
	snprintf(text, sizeof(text), "%d taken, %d of them read otherwise", same, wrong);
	ok(wrong == 0 && same > 20000, "two hundred thousand spoilt lines: never taken alone", text);
}

int main(void)
{
	lines();
	room();
	plain();
	spoilt();
	printf("1..%d\n", tests);
	arena_free(&scratch);
	return failures != 0;
}
