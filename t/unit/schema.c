/*
 * schema.c (test) - evidence/schema.c and pattern.c: every embedded schema is read, what
 * is beyond the subset is refused, and hostile documents cost little. What is expected
 * was worked out by hand from draft-07 and ECMA-262; t/ajv.t asks ajv about many more.
 *
 * With the argument "verdicts": lines "SCHEMA, tab, DOCUMENT" on stdin, where SCHEMA is
 * the name of an embedded one or a schema itself; "yes", or "no" and why, for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/evidence.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

/* ---- schemas ------------------------------------------------------------------------- */

static void all_are_read(void)
{
	struct arena a = { 0 };
	struct bytes text;
	char error[200], label[200];
	const char *name;
	size_t i;

	for (i = 0; (name = schema_embedded(i, &text)) != NULL; i++) {
		snprintf(label, sizeof(label), "F156: the schema %s is of the subset", name);
		ok(schema_read(&a, text, error) != NULL, label, error);
	}
	ok(i >= 12, "F156: there are twelve or more", "fewer");
	arena_free(&a);
}

static const char *const unread[] = {
	"", "[]", "7", "{\"type\":\"object\"", "{\"type\":\"text\"}", "{\"type\":[]}",
	"{\"type\":[\"string\",\"text\"]}", "{\"type\":7}", "{\"format\":\"date\"}",
	"{\"oneOf\":[true]}", "{\"dependencies\":{}}", "{\"patternProperties\":{}}",
	"{\"multipleOf\":2}", "{\"exclusiveMinimum\":0}", "{\"additionalItems\":false}",
	"{\"unknown\":1}", "{\"Type\":\"object\"}", "{\"items\":[true]}", "{\"items\":7}",
	"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"format\":\"x\"}}}}}",
	"{\"definitions\":{\"unused\":{\"format\":\"x\"}}}", "{\"properties\":[]}",
	"{\"not\":{\"format\":\"x\"}}", "{\"anyOf\":{}}", "{\"anyOf\":[{\"x\":1}]}",
	"{\"if\":{\"x\":1}}", "{\"required\":\"a\"}", "{\"required\":[1]}",
	"{\"minimum\":-1}", "{\"minimum\":0.5}", "{\"minimum\":\"1\"}", "{\"maxLength\":99999999999}",
	"{\"enum\":7}", "{\"enum\":[[]]}", "{\"const\":{}}", "{\"uniqueItems\":false}",
	"{\"$ref\":\"#/definitions/none\"}", "{\"$ref\":\"other.json\"}", "{\"$ref\":7}",
	"{\"title\":7}", "{\"pattern\":7}", "{\"pattern\":\"abc\"}", "{\"pattern\":\"\"}",
	"{\"pattern\":\"^a|^b\"}", "{\"pattern\":\"^\\\\w\"}", "{\"pattern\":\"^\\\\b\"}",
	"{\"pattern\":\"^a*?\"}", "{\"pattern\":\"^a**\"}", "{\"pattern\":\"^(a\"}",
	"{\"pattern\":\"^a)\"}", "{\"pattern\":\"^[a\"}", "{\"pattern\":\"^[b-a]\"}",
	"{\"pattern\":\"^a{2\"}", "{\"pattern\":\"^a{2,1}\"}", "{\"pattern\":\"^a{,2}\"}",
	"{\"pattern\":\"^a{9999}\"}", "{\"pattern\":\"^(a{100}){100}\"}", "{\"pattern\":\"^*\"}",
	"{\"pattern\":\"^(?<=a)\"}", "{\"pattern\":\"^(?<n>a)\"}", "{\"pattern\":\"^(a)\\\\1\"}",
	"{\"pattern\":\"^\\\\\"}", "{\"pattern\":\"^\\\\u12\"}", "{\"pattern\":\"^\\\\u{41}\"}",
	"{\"pattern\":\"^\\\\p{L}\"}", "{\"pattern\":\"^a]\"}", "{\"pattern\":\"^a}\"}",
};

static void others_are_not(void)
{
	for (size_t i = 0; i < COUNT(unread); i++) {
		struct arena a = { 0 };
		char error[200] = "", label[300];

		snprintf(label, sizeof(label), "F156: no schema of the subset: %.200s", unread[i]);
		ok(schema_read(&a, bytes_of(unread[i]), error) == NULL && *error, label,
		    "it was read");
		arena_free(&a);
	}
}

/* ---- one document ------------------------------------------------------------------------ */

/* NULL: it follows; else why not, in error. */
static const char *verdict(struct bytes schema, struct bytes document, char error[SCHEMA_ERROR])
{
	struct arena a = { 0 };
	const struct schema *s = schema_read(&a, schema, error);
	struct json j;
	bool good;

	good = s != NULL && json_parse(&a, document, &j, error) == 0 &&
	    schema_holds(s, &a, &j, error);
	arena_free(&a);
	return good ? NULL : error;
}

static const struct {
	const char *name, *schema, *document;
	const char *why;           /* what stands in the sentence; NULL: it follows */
} cases[] = {
	{ "where and what", "{\"properties\":{\"a\":{\"items\":{\"type\":\"string\"}}}}",
	    "{\"a\":[\"x\",7]}", "at /a/1: it is none of: string" },
	{ "the root", "{\"required\":[\"a\"]}", "{}", "at its root: it lacks a" },
	{ "a pointer is escaped", "{\"additionalProperties\":false}", "{\"a/b~c\":1}",
	    "at /a~1b~0c: it must not be there" },
	{ "a name with an escape is the name", "{\"properties\":{\"abc\":{\"type\":\"null\"}}}",
	    "{\"a\\u0062c\":1}", "it is none of: null" },
	{ "an escaped name satisfies", "{\"required\":[\"abc\"],\"additionalProperties\":false,"
	    "\"properties\":{\"abc\":true}}", "{\"\\u0061bc\":1}", NULL },
	{ "a name twice", "true", "{\"a\":1,\"a\":1}", "stands twice" },
	{ "a name twice, once escaped", "true", "{\"a\":1,\"\\u0061\":1}", "stands twice" },
	{ "a schema that refers to itself", "{\"$ref\":\"#\"}", "1", "must not be there" },
	{ "one that goes on with the document", "{\"items\":{\"$ref\":\"#\"},\"type\":\"array\"}",
	    "[[[],[[[]]]]]", NULL },
	{ "1e308 is a number", "{\"type\":\"integer\",\"minimum\":1}", "1e308", NULL },
	{ "1e309 is none", "{\"type\":\"number\"}", "1e309", "none of: number" },
	{ "nor with a far exponent", "{\"type\":\"number\"}", "1e99999999999999999999", "none of" },
	{ "-1e400 is under every minimum", "{\"minimum\":0}", "-1e400", "minimum" },
	{ "1e400 is over every maximum", "{\"maximum\":9}", "1e400", "maximum" },
	{ "1.0 is whole", "{\"type\":\"integer\"}", "1.0", NULL },
	{ "12.5e1 is whole", "{\"type\":\"integer\",\"const\":125}", "12.5e1", NULL },
	{ "1e-1 is not", "{\"type\":\"integer\"}", "1e-1", "none of: integer" },
	{ "0e-5 is", "{\"type\":\"integer\",\"const\":0}", "0e-5", NULL },
	{ "-0 is 0", "{\"const\":0}", "-0", NULL },
	{ "0.001e3 is 1", "{\"const\":1}", "0.001e3", NULL },
	{ "-0.5 is below 0", "{\"minimum\":0}", "-0.5", "minimum" },
	{ "255.5 is above 255", "{\"maximum\":255}", "255.5", "maximum" },
	{ "100000000000000000000 is above", "{\"maximum\":255}", "100000000000000000000", "maximum" },
	{ "9007199254740993 is whole", "{\"type\":\"integer\"}", "9007199254740993", NULL },
	{ "true is no 1", "{\"const\":1}", "true", "is not 1" },
	{ "\"1\" is no 1", "{\"enum\":[1]}", "\"1\"", "enum" },
	{ "lengths are of characters", "{\"maxLength\":2,\"minLength\":2}",
	    "\"\\ud83d\\ude00\xc3\xa9\"", NULL },
	{ "a NUL in a text", "{\"pattern\":\"^[^\\\\u0000]*$\"}", "\"a\\u0000b\"", "pattern" },
	{ "$ is the end and nothing else", "{\"pattern\":\"^a$\"}", "\"a\\n\"", "pattern" },
	{ "a thousand that differ", "{\"uniqueItems\":true}", "[1,2,3]", NULL },
	{ "two that do not", "{\"uniqueItems\":true}", "[\"a\",\"b\",\"\\u0061\"]", "uniqueItems" },
};

static void documents(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		char error[SCHEMA_ERROR], label[200];
		const char *why = verdict(bytes_of(cases[i].schema), bytes_of(cases[i].document), error);

		snprintf(label, sizeof(label), "F156: %s", cases[i].name);
		ok(cases[i].why ? why && strstr(why, cases[i].why) : !why, label,
		    why ? why : "it follows");
	}
}

/* ---- hostile ones --------------------------------------------------------------------------- */

#define PATH "{\"pattern\":\"^(\\\\./)?(?!\\\\.{1,2}(/|$))[^/\\\\u0000-\\\\u001f\\\\u007f]+" \
	"(/(?!\\\\.{1,2}(/|$))[^/\\\\u0000-\\\\u001f\\\\u007f]+)*$(?!\\\\n)\"}"

static const struct {
	const char *name, *schema, *before, *piece, *after;
	size_t times;
	bool follows;
} large[] = {
	{ "what drives backtracking mad", "{\"pattern\":\"^(a+)+$\"}", "\"", "a", "!\"", 200000, false },
	{ "and with alternatives", "{\"pattern\":\"^(a|a|aa)*b\"}", "\"", "a", "\"", 200000, false },
	{ "a path of 100000 parts", PATH, "\"x", "/a", "\"", 100000, true },
	{ "one that ends badly", PATH, "\"x", "/..a", "/..\"", 100000, false },
	{ "one long part", PATH, "\"", "\xc3\xa9", "\"", 200000, true },
	{ "depth", "{\"items\":{\"$ref\":\"#\"}}", "", "[", "", 100000, false },
	{ "a number of a million digits", "{\"type\":\"integer\",\"maximum\":9}", "1", "0", "", 1000000, false },
	{ "a fraction of as many", "{\"type\":\"integer\"}", "1.", "0", "1", 1000000, false },
	{ "items that must differ, and too many", "{\"uniqueItems\":true}", "[0", ",1e5", "]", 200000, false },
	{ "many items", "{\"items\":{\"anyOf\":[{\"const\":1},{\"const\":2},{\"type\":\"null\"}]}}",
	    "[null", ",null", "]", 200000, true },
};

static void hostile(void)
{
	for (size_t i = 0; i < COUNT(large); i++) {
		char error[SCHEMA_ERROR] = "", label[200];
		struct buf b = { 0 };
		clock_t from = clock();
		const char *why;

		buf_text(&b, large[i].before);
		for (size_t n = 0; n < large[i].times; n++)
			buf_text(&b, large[i].piece);
		buf_text(&b, large[i].after);
		why = verdict(bytes_of(large[i].schema), buf_bytes(&b), error);
		snprintf(label, sizeof(label), "F156: %s", large[i].name);
		ok((why == NULL) == large[i].follows, label, error);
		snprintf(label, sizeof(label), "F156: %s: within two seconds", large[i].name);
		ok(clock() - from < 2 * CLOCKS_PER_SEC, label, "longer");
		buf_free(&b);
	}
}

/* ---- for t/ajv.t ----------------------------------------------------------------------------- */

static struct bytes schema_of(const char *name)
{
	struct bytes text;
	const char *is;

	for (size_t i = 0; (is = schema_embedded(i, &text)) != NULL; i++)
		if (strcmp(is, name) == 0)
			return text;
	return bytes_of(name);
}

static int verdicts(void)
{
	size_t room = 0;
	char *line = NULL;
	ssize_t n;

	while ((n = getline(&line, &room, stdin)) > 0) {
		char error[SCHEMA_ERROR], *tab = memchr(line, '\t', (size_t)n);
		const char *why;

		if (!tab)
			return 1;
		*tab = '\0';
		why = verdict(schema_of(line),
		    (struct bytes){ (unsigned char *)tab + 1, (size_t)(line + n - tab) - 2 }, error);
		printf("%s%s\n", why ? "no " : "yes", why ? why : "");
	}
	free(line);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "verdicts") != 0 || verdicts();
	all_are_read();
	others_are_not();
	documents();
	hostile();
	printf("1..%d\n", tests);
	return failures != 0;
}
