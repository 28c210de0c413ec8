/*
 * json.c (test) - what lib/json.c must take and must refuse, from the grammar of
 * RFC 8259 and our own ceilings; then values, escapes, the writer, RFC 8785.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lib.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

struct text {
	const char *name;
	struct bytes text;
};

#define T(name, s) { name, { (const unsigned char *)(s), sizeof(s) - 1 } }

static const struct text accepted[] = {
	/* values at the root */
	T("empty object", "{}"),
	T("empty array", "[]"),
	T("string at the root", "\"a\""),
	T("empty string at the root", "\"\""),
	T("zero at the root", "0"),
	T("number at the root", "-12.5e+3"),
	T("true at the root", "true"),
	T("false at the root", "false"),
	T("null at the root", "null"),
	/* blanks */
	T("blanks around", " \t\r\n{ \"a\" :\t1 ,\n\"b\"\r: [ ] } \n"),
	T("blanks around a number", "\n 7 \t"),
	T("blanks in an empty object", "{ \n }"),
	T("blanks in an empty array", "[\t]"),
	T("one line feed behind", "{}\n"),
	/* structure */
	T("nested arrays", "[[[[]]]]"),
	T("nested objects", "{\"a\":{\"b\":{\"c\":{}}}}"),
	T("mixed nesting", "[{\"a\":[{\"b\":[null]}]}]"),
	T("array of all kinds", "[1,\"a\",true,false,null,{},[]]"),
	T("empty member name", "{\"\":0}"),
	T("equal names in different objects", "{\"a\":{\"a\":1},\"b\":{\"a\":2}}"),
	T("names that differ in case", "{\"a\":1,\"A\":2}"),
	T("names where one is the other's start", "{\"a\":1,\"aa\":2,\"aaa\":3}"),
	T("name equal to a value", "{\"a\":\"a\"}"),
	T("equal elements", "[1,1,1]"),
	T("names that differ in NUL", "{\"a\":1,\"a\\u0000\":2}"),
	T("composed and decomposed are two names", "{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"),
	/* numbers */
	T("minus zero", "[-0]"),
	T("minus zero with fraction", "[-0.0]"),
	T("zero with fraction", "[0.0]"),
	T("zero with exponent", "[0e0]"),
	T("exponent with plus", "[1e+2]"),
	T("exponent with minus", "[1E-2]"),
	T("exponent with leading zero", "[1e05]"),
	T("fraction and exponent", "[123.456e78]"),
	T("a number beyond any double", "[1e9999]"),
	T("a number of forty digits", "[1234567890123456789012345678901234567890]"),
	T("fraction with trailing zeros", "[1.000]"),
	/* strings */
	T("all short escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
	T("escaped NUL", "[\"\\u0000\"]"),
	T("unicode escape, either case", "[\"\\u00e9\\u00E9\"]"),
	T("a surrogate pair", "[\"\\ud83d\\ude00\"]"),
	T("the lowest surrogate pair", "[\"\\uD800\\uDC00\"]"),
	T("the highest surrogate pair", "[\"\\udbff\\udfff\"]"),
	T("two surrogate pairs", "[\"\\ud83d\\ude00\\ud83d\\ude01\"]"),
	T("escaped noncharacter", "[\"\\uffff\"]"),
	T("escape below the surrogates", "[\"\\ud7ff\"]"),
	T("escape above the surrogates", "[\"\\ue000\"]"),
	T("escaped backslash before u", "[\"\\\\ud800\"]"),
	T("DEL raw", "[\"\x7f\"]"),
	T("two bytes of UTF-8, lowest", "[\"\xc2\x80\"]"),
	T("two bytes of UTF-8, highest", "[\"\xdf\xbf\"]"),
	T("three bytes of UTF-8, lowest", "[\"\xe0\xa0\x80\"]"),
	T("three bytes of UTF-8, below surrogates", "[\"\xed\x9f\xbf\"]"),
	T("three bytes of UTF-8, above surrogates", "[\"\xee\x80\x80\"]"),
	T("three bytes of UTF-8, highest", "[\"\xef\xbf\xbf\"]"),
	T("four bytes of UTF-8, lowest", "[\"\xf0\x90\x80\x80\"]"),
	T("four bytes of UTF-8, highest", "[\"\xf4\x8f\xbf\xbf\"]"),
	T("U+2028 and U+2029 raw", "[\"\xe2\x80\xa8\xe2\x80\xa9\"]"),
	T("byte order mark inside a string", "[\"\xef\xbb\xbf\"]"),
	T("structure inside a string", "[\"{[,:]}\"]"),
	T("UTF-8 in a name", "{\"\xe6\x97\xa5\":1}"),
	T("depth of 32 arrays",
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
	T("many deep siblings", "[[[]],[[]],[[]],[[]]]"),
};

static const struct text refused[] = {
	/* nothing, or too much */
	T("empty text", ""),
	T("blanks only", " \n\t"),
	T("two values", "{}{}"),
	T("two values with a blank", "1 2"),
	T("comma behind the value", "{},"),
	T("closing bracket behind the value", "[]]"),
	T("closing brace behind the value", "{}}"),
	T("word behind the value", "{} x"),
	T("NUL behind the value", "{}\0"),
	T("NUL alone", "\0"),
	T("form feed is no blank", "\f{}"),
	T("vertical tab is no blank", "[\v1]"),
	T("no-break space is no blank", "\xc2\xa0{}"),
	T("byte order mark", "\xef\xbb\xbf{}"),
	T("UTF-16 byte order mark", "\xff\xfe{\0}\0"),
	T("comment in the style of C", "/* a */{}"),
	T("comment behind", "{}// a"),
	T("comment in the style of shell", "# a\n{}"),
	/* arrays */
	T("array not closed", "["),
	T("array not closed behind a value", "[1"),
	T("array not closed behind a comma", "[1,"),
	T("array with comma at the end", "[1,]"),
	T("array with comma at the start", "[,1]"),
	T("array of a comma", "[,]"),
	T("array with two commas", "[1,,2]"),
	T("array without comma", "[1 2]"),
	T("array of strings without comma", "[\"a\"\"b\"]"),
	T("array with colon", "[\"a\":1]"),
	T("array closed by a brace", "[1}"),
	T("bracket alone", "]"),
	T("inner array not closed", "[[]"),
	T("semicolon for a comma", "[1;2]"),
	/* objects */
	T("object not closed", "{"),
	T("object closed by a bracket", "{]"),
	T("object without value", "{\"a\"}"),
	T("object with colon only", "{\"a\":}"),
	T("object without colon", "{\"a\" 1}"),
	T("object with two colons", "{\"a\"::1}"),
	T("object with comma for colon", "{\"a\",1}"),
	T("object with equals sign", "{\"a\"=1}"),
	T("object with comma at the end", "{\"a\":1,}"),
	T("object with comma at the start", "{,\"a\":1}"),
	T("object of a comma", "{,}"),
	T("object with two commas", "{\"a\":1,,\"b\":2}"),
	T("object without comma", "{\"a\":1 \"b\":2}"),
	T("object of a bare value", "{1}"),
	T("number as a name", "{1:2}"),
	T("word as a name", "{true:2}"),
	T("unquoted name", "{a:1}"),
	T("single-quoted name", "{'a':1}"),
	T("object as a name", "{{}:1}"),
	T("array as a name", "{[]:1}"),
	T("object ends inside a name", "{\"a"),
	T("object ends behind a name", "{\"a\""),
	T("object ends behind the colon", "{\"a\":"),
	T("object ends behind a value", "{\"a\":1"),
	T("object ends behind the comma", "{\"a\":1,"),
	T("value of two words", "{\"a\":1 2}"),
	T("brace alone", "}"),
	/* words */
	T("capital True", "True"),
	T("capital NULL", "[NULL]"),
	T("half a word", "[tru]"),
	T("word cut off by the end", "tru"),
	T("longer word", "[truee]"),
	T("nul", "[nul]"),
	T("undefined", "[undefined]"),
	T("NaN", "[NaN]"),
	T("Infinity", "[Infinity]"),
	T("minus Infinity", "[-Infinity]"),
	T("bare word", "[abc]"),
	/* numbers */
	T("plus sign", "[+1]"),
	T("leading zero", "[01]"),
	T("leading zero at the root", "01"),
	T("two zeros", "[00]"),
	T("minus and leading zero", "[-01]"),
	T("minus alone", "[-]"),
	T("minus at the root's end", "-"),
	T("two minus signs", "[--1]"),
	T("minus and blank", "[- 1]"),
	T("point at the start", "[.5]"),
	T("point at the end", "[1.]"),
	T("point before the exponent", "[1.e1]"),
	T("two points", "[1.2.3]"),
	T("minus and point", "[-.5]"),
	T("exponent without digits", "[1e]"),
	T("exponent with sign only", "[1e+]"),
	T("exponent with two signs", "[1e+-1]"),
	T("exponent with a point", "[1e1.5]"),
	T("two exponents", "[1e1e1]"),
	T("exponent alone", "[e1]"),
	T("hexadecimal", "[0x1F]"),
	T("octal", "[0o17]"),
	T("digits with separator", "[1_000]"),
	T("digits with blank", "[1 000]"),
	T("letter behind a number", "[1a]"),
	T("letter behind a number at the root", "1a"),
	T("fullwidth digit", "[\xef\xbc\x91]"),
	/* strings */
	T("string not closed", "[\"a]"),
	T("quote alone", "\""),
	T("single quotes", "['a']"),
	T("string ends in a backslash", "[\"\\"),
	T("backslash before the quote only", "[\"\\\"]"),
	T("raw line feed", "[\"a\nb\"]"),
	T("raw carriage return", "[\"a\rb\"]"),
	T("raw tab", "[\"a\tb\"]"),
	T("raw NUL", "[\"a\0b\"]"),
	T("raw escape character", "[\"\x1b[0m\"]"),
	T("raw 0x1f", "[\"\x1f\"]"),
	T("raw line feed in a name", "{\"a\n\":1}"),
	T("unknown escape", "[\"\\x41\"]"),
	T("escaped a", "[\"\\a\"]"),
	T("escaped v", "[\"\\v\"]"),
	T("escaped zero", "[\"\\0\"]"),
	T("escaped single quote", "[\"\\'\"]"),
	T("escaped line feed", "[\"\\\n\"]"),
	T("capital U escape", "[\"\\U0041\"]"),
	T("unicode escape of three digits", "[\"\\u123\"]"),
	T("unicode escape of no digits", "[\"\\u\"]"),
	T("unicode escape with a bad digit", "[\"\\u12g4\"]"),
	T("unicode escape with a blank", "[\"\\u 123\"]"),
	T("unicode escape with braces", "[\"\\u{41}\"]"),
	T("unicode escape cut off", "[\"\\u12"),
	/* surrogates */
	T("lone high surrogate", "[\"\\ud800\"]"),
	T("lone low surrogate", "[\"\\udc00\"]"),
	T("lone last high surrogate", "[\"\\uDBFF\"]"),
	T("lone last low surrogate", "[\"\\uDFFF\"]"),
	T("high surrogate before a letter", "[\"\\ud800a\"]"),
	T("high surrogate before an escape", "[\"\\ud800\\n\"]"),
	T("high surrogate before a plain unit", "[\"\\ud800\\u0041\"]"),
	T("two high surrogates", "[\"\\ud800\\ud800\"]"),
	T("two high surrogates and a low one", "[\"\\ud800\\ud800\\udc00\"]"),
	T("surrogates in the wrong order", "[\"\\udc00\\ud800\"]"),
	T("high surrogate before half an escape", "[\"\\ud800\\udc0\"]"),
	T("high surrogate at the end", "[\"\\ud800\\u"),
	T("low surrogate behind a pair", "[\"\\ud800\\udc00\\udc00\"]"),
	T("lone surrogate in a name", "{\"\\ud800\":1}"),
	/* UTF-8 */
	T("continuation byte alone", "[\"\x80\"]"),
	T("highest continuation byte alone", "[\"\xbf\"]"),
	T("two bytes, second missing", "[\"\xc2\"]"),
	T("two bytes, second no continuation", "[\"\xc2\x41\"]"),
	T("three bytes, third missing", "[\"\xe2\x82\"]"),
	T("three bytes, third no continuation", "[\"\xe2\x82\x41\"]"),
	T("four bytes, fourth missing", "[\"\xf0\x9f\x98\"]"),
	T("UTF-8 cut off by the end", "[\"\xe2\x82"),
	T("overlong slash of two bytes", "[\"\xc0\xaf\"]"),
	T("overlong NUL of two bytes", "[\"\xc0\x80\"]"),
	T("overlong, highest of two bytes", "[\"\xc1\xbf\"]"),
	T("overlong slash of three bytes", "[\"\xe0\x80\xaf\"]"),
	T("overlong, highest of three bytes", "[\"\xe0\x9f\xbf\"]"),
	T("overlong slash of four bytes", "[\"\xf0\x80\x80\xaf\"]"),
	T("overlong, highest of four bytes", "[\"\xf0\x8f\xbf\xbf\"]"),
	T("first surrogate in UTF-8", "[\"\xed\xa0\x80\"]"),
	T("last surrogate in UTF-8", "[\"\xed\xbf\xbf\"]"),
	T("surrogate pair in UTF-8", "[\"\xed\xa0\xbd\xed\xb8\x80\"]"),
	T("above U+10FFFF", "[\"\xf4\x90\x80\x80\"]"),
	T("byte f5", "[\"\xf5\x80\x80\x80\"]"),
	T("five bytes", "[\"\xf8\x88\x80\x80\x80\"]"),
	T("byte fe", "[\"\xfe\"]"),
	T("byte ff", "[\"\xff\"]"),
	T("Latin-1", "[\"caf\xe9\"]"),
	T("bad UTF-8 in a name", "{\"\xff\":1}"),
	T("bad UTF-8 outside a string", "[\xff]"),
	/* names twice */
	T("name twice", "{\"a\":1,\"a\":1}"),
	T("name twice, others between", "{\"a\":1,\"b\":2,\"c\":3,\"a\":4}"),
	T("name twice, once escaped", "{\"a\":1,\"\\u0061\":2}"),
	T("name twice, both escaped", "{\"\\u0061b\":1,\"a\\u0062\":2}"),
	T("name twice, escape in either case", "{\"\\u00e9\":1,\"\\u00E9\":2}"),
	T("name twice, UTF-8 and escape", "{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
	T("name twice, UTF-8 and surrogate pair",
	  "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"),
	T("name twice, slash and escaped slash", "{\"/\":1,\"\\/\":2}"),
	T("name twice, tab in two forms", "{\"\\t\":1,\"\\u0009\":2}"),
	T("empty name twice", "{\"\":1,\"\":2}"),
	T("name twice in an inner object", "[{\"x\":{\"a\":1,\"a\":2}}]"),
	T("name twice, values are objects", "{\"a\":{},\"a\":{}}"),
	T("name twice, __proto__", "{\"__proto__\":1,\"__proto__\":2}"),
	/* depth */
	T("depth of 33 arrays",
	  "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
	T("depth of 33, not closed", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
};

/* From a heap block of just this size, so that a sanitizer sees a byte too far. */
static bool parses(const struct text *t, char error[200])
{
	struct arena a = { 0 };
	struct json j;
	unsigned char *copy = malloc(t->text.n ? t->text.n : 1);
	bool good;

	memcpy(copy, t->text.p, t->text.n);
	error[0] = '\0';
	good = json_parse(&a, (struct bytes){ copy, t->text.n }, &j, error) == 0;
	arena_free(&a);
	free(copy);
	return good;
}

static void test_table(void)
{
	char name[200], error[200];

	for (size_t i = 0; i < COUNT(accepted); i++) {
		snprintf(name, sizeof(name), "F019: taken: %s", accepted[i].name);
		ok(parses(&accepted[i], error), name, error);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		snprintf(name, sizeof(name), "F019: refused: %s", refused[i].name);
		ok(!parses(&refused[i], error) && strncmp(error, "line ", 5) == 0,
		    name, error);
	}
}

/* Every beginning of a document is refused: nothing is taken by halves. */
static void test_beginnings(void)
{
	static const char whole[] = "{\"a\\u00e9\":[1.5e3,true,null,\"\\ud83d\\ude00"
	    "\xe2\x82\xac\"],\"b\":{\"c\":-0}}";
	char error[200];
	size_t n = 0;

	while (n < sizeof(whole) - 1 &&
	    !parses(&(struct text){ "", { (const unsigned char *)whole, n } }, error))
		n++;
	ok(n == sizeof(whole) - 1, "F019: no proper beginning of a document is taken", "");
}

static void test_sizes(void)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct json j;
	char error[200];

	while (b.n < JSON_BYTES - 1)
		buf_byte(&b, ' ');
	buf_byte(&b, '1');
	ok(json_parse(&a, buf_bytes(&b), &j, error) == 0, "F019: 16 MiB are taken", error);
	buf_byte(&b, ' ');
	ok(json_parse(&a, buf_bytes(&b), &j, error) != 0, "F019: one byte more is refused", "");
	b.n = 0;
	buf_byte(&b, '{');
	for (int i = 0; i < 200000; i++)
		buf_printf(&b, "\"n%d\":%d,", i, i);
	buf_text(&b, "\"n77777\":0}");
	ok(json_parse(&a, buf_bytes(&b), &j, error) != 0 && strstr(error, "\"n77777\""),
	    "F019: a name twice among 200000 is found and named", error);
	b.p[b.n - 5] = 'x';
	ok(json_parse(&a, buf_bytes(&b), &j, error) == 0 && json_size(&j, 0) == 200001,
	    "F019: 200001 different names are taken", error);
	b.n = 0;
	for (int i = 0; i < 2000000; i++)
		buf_byte(&b, '[');
	ok(json_parse(&a, buf_bytes(&b), &j, error) != 0,
	    "F019: two million brackets are refused", "");
	buf_free(&b);
	arena_free(&a);
}

static void expect_error(const char *text, const char *error, const char *name)
{
	struct arena a = { 0 };
	struct json j;
	char got[200] = "";

	json_parse(&a, bytes_of(text), &j, got);
	ok(strcmp(got, error) == 0, name, got);
	arena_free(&a);
}

static void test_errors(void)
{
	expect_error("{\n\"name\":1,\n\"name\":2}",
	    "line 3: a member name stands twice: \"name\"", "errors name line and member");
	expect_error("{\"a\":1,\"\\u0061\":2}",
	    "line 1: a member name stands twice: \"\\u0061\"", "a name is shown as written");
	expect_error("[1,\n2,\n3,]", "line 3: a value is missing", "a comma too much");
	expect_error("{\"a\":1}\n\n{}", "line 3: something stands behind the value",
	    "a second value");
}

static void test_values(void)
{
	static const char text[] = "{\"s\":\"a\\n\\u00e9\\ud83d\\ude00\\u0000z\","
	    "\"n\":-42,\"o\":{\"x\":[1,[2,{}],\"t\"],\"y\":{}},\"\\u0074\":true,"
	    "\"f\":false,\"z\":null,\"e\":\"\",\"d\":1.0,\"m\":9007199254740991,"
	    "\"p\":9007199254740992,\"v\":[]}";
	struct arena a = { 0 };
	struct json j;
	struct bytes s;
	char error[200] = "";
	int64_t n = 0;
	int x;

	ok(json_parse(&a, BYTES(text), &j, error) == 0, "a document is read", error);
	ok(json_kind(&j, 0) == JSON_OBJECT && json_size(&j, 0) == 11, "root and its size", "");
	s = json_string(&a, &j, json_get(&j, 0, "s"));
	ok(bytes_equal(s, BYTES("a\n\xc3\xa9\xf0\x9f\x98\x80\0z")) && s.p[s.n] == 0,
	    "a string is decoded", "");
	ok(json_integer(&j, json_get(&j, 0, "n"), &n) && n == -42, "a whole number", "");
	ok(!json_integer(&j, json_get(&j, 0, "d"), &n), "1.0 is no plain integer", "");
	ok(json_integer(&j, json_get(&j, 0, "m"), &n) && n == 9007199254740991, "2^53-1", "");
	ok(!json_integer(&j, json_get(&j, 0, "p"), &n), "2^53 is refused", "");
	ok(!json_integer(&j, json_get(&j, 0, "e"), &n), "a string is no integer", "");
	ok(json_kind(&j, json_get(&j, 0, "t")) == JSON_TRUE, "a name written as an escape", "");
	ok(json_kind(&j, json_get(&j, 0, "f")) == JSON_FALSE, "false", "");
	ok(json_kind(&j, json_get(&j, 0, "z")) == JSON_NULL, "null", "");
	ok(json_get(&j, 0, "nothing") == -1, "a member that is not there", "");
	ok(json_get(&j, 0, "x") == -1, "an inner member is not an outer one", "");
	ok(json_is(&j, json_get(&j, 0, "e"), "") && !json_is(&j, json_get(&j, 0, "e"), "a"),
	    "the empty string", "");
	ok(!json_is(&j, json_get(&j, 0, "s"), "a\n\xc3\xa9\xf0\x9f\x98\x80"),
	    "a NUL does not end a comparison", "");
	ok(!json_is(&j, json_get(&j, 0, "z"), "null"), "null is not the string null", "");
	ok(json_kind(&j, -1) == JSON_NONE && json_kind(&j, j.count) == JSON_NONE &&
	    json_first(&j, -1) == -1 && json_next(&j, -1) == -1 && json_value(&j, -1) == -1 &&
	    json_get(&j, -1, "a") == -1 && json_size(&j, -1) == 0 && json_raw(&j, -1).n == 0 &&
	    json_string(&a, &j, -1).n == 0 && !json_is(&j, -1, "") &&
	    !json_integer(&j, -1, &n), "\"none\" is taken by every call", "");
	x = json_get(&j, json_get(&j, 0, "o"), "x");
	ok(json_kind(&j, x) == JSON_ARRAY && json_size(&j, x) == 3, "an inner array", "");
	x = json_first(&j, x);
	ok(json_integer(&j, x, &n) && n == 1, "first element", "");
	x = json_next(&j, x);
	ok(json_kind(&j, x) == JSON_ARRAY && bytes_are(json_raw(&j, x), "[2,{}]"),
	    "second element, as written", "");
	x = json_next(&j, x);
	ok(json_is(&j, x, "t") && json_next(&j, x) == -1, "third and last element", "");
	ok(json_first(&j, json_get(&j, 0, "v")) == -1 &&
	    json_first(&j, json_get(&j, 0, "n")) == -1, "no children", "");
	ok(json_value(&j, json_get(&j, 0, "e")) == -1, "a value is no name", "");
	x = 0;
	for (int v = json_first(&j, 0); v >= 0; v = json_next(&j, v))
		x += json_value(&j, v) == v + 1;
	ok(x == 11, "the walk meets each member once", "");
	arena_free(&a);
}

static void test_alone(void)
{
	static const struct {
		const char *text;
		enum json_kind kind;
		const char *raw;
	} alone[] = {
		{ " 12 ", JSON_NUMBER, "12" }, { "-0", JSON_NUMBER, "-0" },
		{ "true", JSON_TRUE, "true" }, { "\nfalse\n", JSON_FALSE, "false" },
		{ "null ", JSON_NULL, "null" }, { " \"x\" ", JSON_STRING, "x" },
		{ "\"\"", JSON_STRING, "" }, { "[]", JSON_ARRAY, "[]" },
		{ " {} ", JSON_OBJECT, "{}" },
	};
	struct arena a = { 0 };
	char error[200];

	for (size_t i = 0; i < COUNT(alone); i++) {
		struct json j;
		char name[60];

		snprintf(name, sizeof(name), "%s alone", alone[i].raw);
		arena_reset(&a);
		ok(json_parse(&a, bytes_of(alone[i].text), &j, error) == 0 && j.count == 1 &&
		    json_kind(&j, 0) == alone[i].kind && json_next(&j, 0) == -1 &&
		    bytes_are(json_raw(&j, 0), alone[i].raw), name, error);
	}
	arena_free(&a);
}

static void expect_canonical(const char *text, const char *want, const char *name)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct json j;
	char error[200] = "";

	if (json_parse(&a, bytes_of(text), &j, error) == 0)
		json_canonical(&a, &b, &j, 0);
	buf_byte(&b, '\0');
	ok(strcmp((char *)b.p, want) == 0, name, (char *)b.p);
	buf_free(&b);
	arena_free(&a);
}

static void test_canonical(void)
{
	expect_canonical(" { \"b\" : [ 1 , -0 , { } , [ ] ] , \"a\" : null } ",
	    "{\"a\":null,\"b\":[1,0,{},[]]}", "canonical: blanks, order, minus zero");
	/* the names of RFC 8785 section 3.2.3, in the order given there */
	expect_canonical("{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\","
	    "\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
	    "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
	    "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
	    "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
	    "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
	    "\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
	    "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}",
	    "canonical: names by UTF-16 units");
	expect_canonical("[\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/<>&\"]",
	    "[\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/<>&\"]", "canonical: strings");
	expect_canonical("{\"aa\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"aa\":1}",
	    "canonical: a name before its extension");
}

static void expect_quoted(struct bytes s, const char *want, const char *name)
{
	struct buf b = { 0 };

	json_quote(&b, s);
	buf_byte(&b, '\0');
	ok(strcmp((char *)b.p, want) == 0, name, (char *)b.p);
	buf_free(&b);
}

static void test_writer(void)
{
	struct buf b = { 0 };

	expect_quoted(BYTES(""), "\"\"", "quote: nothing");
	expect_quoted(BYTES("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"", "quote: quote and backslash");
	expect_quoted(BYTES("\b\f\n\r\t\x01\x1f\0\x7f"),
	    "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000\x7f\"", "quote: control bytes");
	expect_quoted(BYTES("<a href='x'>&</a>"),
	    "\"\\u003ca href='x'\\u003e\\u0026\\u003c/a\\u003e\"", "F146: quote: markup as Go does");
	expect_quoted(BYTES("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7\xe2\x80\xaa"),
	    "\"\\u2028\\u2029\xe2\x80\xa7\xe2\x80\xaa\"", "F146: quote: line separators as Go does");
	expect_quoted(BYTES("a\xff\xc0\xaf\xe2\x82z\xed\xa0\x80"),
	    "\"a\\ufffd\\ufffd\\ufffd\\ufffd\\ufffdz\\ufffd\\ufffd\\ufffd\"",
	    "quote: a mark for each byte that is no UTF-8");
	expect_quoted(BYTES("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"),
	    "\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\"", "quote: UTF-8 stays");

	for (int pretty = 0; pretty < 2; pretty++) {
		struct json_out o = json_start(&b, pretty);

		b.n = 0;
		json_open(&o, '{');
		json_member(&o, "a", "x");
		json_member(&o, "never", NULL);
		json_member_number(&o, "n", -7);
		json_name(&o, "l");
		json_open(&o, '[');
		json_bool(&o, true);
		json_null(&o);
		json_open(&o, '{');
		json_close(&o, '}');
		json_verbatim(&o, BYTES("[1]"));
		json_close(&o, ']');
		json_member_hex(&o, "h", (const unsigned char *)"\x00\xff", 2);
		json_member_bool(&o, "b", false);
		json_name(&o, "e");
		json_open(&o, '[');
		json_close(&o, ']');
		json_close(&o, '}');
		json_end(&o);
		buf_byte(&b, '\0');
		if (pretty)
			ok(strcmp((char *)b.p, "{\n  \"a\": \"x\",\n  \"n\": -7,\n  \"l\": [\n"
			    "    true,\n    null,\n    {},\n    [1]\n  ],\n  \"h\": \"00ff\",\n"
			    "  \"b\": false,\n  \"e\": []\n}\n") == 0, "a pretty document", (char *)b.p);
		else
			ok(strcmp((char *)b.p, "{\"a\":\"x\",\"n\":-7,\"l\":[true,null,{},[1]],"
			    "\"h\":\"00ff\",\"b\":false,\"e\":[]}") == 0, "one line", (char *)b.p);
	}
	buf_free(&b);
}

int main(void)
{
	test_table();
	test_beginnings();
	test_sizes();
	test_errors();
	test_values();
	test_alone();
	test_canonical();
	test_writer();
	printf("1..%d\n", tests);
	return failures > 0;
}
