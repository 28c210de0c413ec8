/*
 * html.c (test) - evidence/html.c: what every text from outside becomes. What is
 * expected was worked out by hand from HTML's five special characters and from
 * Unicode's tables 3-6 and 3-7.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

#define BAD "\xef\xbf\xbd"
#define U(text) "<span class=\"u\">" text "</span>"
#define MORE(n) " <span class=\"note\">[" n " more bytes]</span>"

#define T(s) s, sizeof(s) - 1

static const struct {
	const char *name;
	const char *text;
	size_t n;
	size_t max;
	bool plain;
	const char *expected;
} cases[] = {
	{ "nothing", NULL, 0, 10, false, "" },
	{ "plain text is left alone", T("caf\xc3\xa9 \xf0\x9f\x98\x80"), 100, false,
	    "caf\xc3\xa9 \xf0\x9f\x98\x80" },
	{ "the five characters", T("<a b=\"c\" d='e'>&amp;"), 100, false,
	    "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;" },
	{ "NUL and escape", T("a\0b\x1b[m"), 100, false,
	    "a" U("\\u{0}") "b" U("\\u{1b}") "[m" },
	{ "neighbours share a mark", T("\0\1<\2\3x"), 100, false,
	    U("\\u{0}\\u{1}") "&lt;" U("\\u{2}\\u{3}") "x" },
	{ "a mark at the end is closed", T("x\x7f"), 100, false, "x" U("\\u{7f}") },
	{ "tab and newline stay, CR does not", T("\t\n\r"), 100, false, "\t\n" U("\\u{d}") },
	{ "right-to-left override", T("a\xe2\x80\xae" "b"), 100, false, "a" U("\\u{202e}") "b" },
	{ "isolates, zero width, BOM", T("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf"), 100, false,
	    U("\\u{2066}\\u{200b}\\u{feff}") },
	{ "line and paragraph separators", T("\xe2\x80\xa8\xe2\x80\xa9"), 100, false,
	    U("\\u{2028}\\u{2029}") },
	{ "tags and noncharacters", T("\xf3\xa0\x81\x81\xef\xbf\xbf\xf4\x8f\xbf\xbf"), 100, false,
	    U("\\u{e0041}\\u{ffff}\\u{10ffff}") },
	{ "in a title there are no elements", T("<\x1b>"), 100, true, "&lt;\\u{1b}&gt;" },
	{ "overlong NUL", T("\xc0\x80"), 100, false, BAD BAD },
	{ "overlong slash of three and four", T("\xe0\x80\xaf\xf0\x80\x80\xaf"), 100, false,
	    BAD BAD BAD BAD BAD BAD BAD },
	{ "a surrogate", T("\xed\xa0\x80"), 100, false, BAD BAD BAD },
	{ "beyond Unicode", T("\xf4\x90\x80\x80\xf5"), 100, false, BAD BAD BAD BAD BAD },
	{ "cut short", T("\xe2\x82"), 100, false, BAD BAD },
	{ "a lone continuation byte before markup", T("\x80<"), 100, false, BAD "&lt;" },
	{ "a lead byte that would eat the quote", T("\xc3\"x"), 100, false, BAD "&quot;x" },
	{ "exactly as long as may be", T("12345"), 5, false, "12345" },
	{ "one too long", T("123456"), 5, false, "12345" MORE("1") },
	{ "never in the middle of a character", T("1234\xe2\x82\xac"), 5, false, "1234" MORE("3") },
	{ "nor of the last one", T("\xf0\x9f\x98\x80"), 3, false, MORE("4") },
	{ "clipped in a title", T("123456"), 5, true, "12345..." },
	{ "no room at all", T("x"), 0, false, MORE("1") },
};

static void test_text(void)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = { 0 };

		html_text(&b, (struct bytes){ (const void *)cases[i].text, cases[i].n },
		    cases[i].max, cases[i].plain);
		buf_byte(&b, '\0');
		ok(strlen(cases[i].expected) + 1 == b.n &&
		    memcmp(b.p, cases[i].expected, b.n) == 0, cases[i].name, (const char *)b.p);
		buf_free(&b);
	}
}

static void test_lines(void)
{
	char text[100];
	struct buf b = { 0 };
	size_t seen = 0;

	memset(text, '\n', sizeof(text));
	html_text(&b, (struct bytes){ (const void *)text, sizeof(text) }, HTML_TEXT, false);
	for (size_t i = 0; i < b.n; i++)
		seen += b.p[i] == '\n';
	buf_byte(&b, '\0');
	/* 40 lines have 39 newlines between them. */
	ok(seen == HTML_LINES - 1 && strstr((char *)b.p, "[61 more bytes]") != NULL,
	    "lines have a ceiling", (char *)b.p);
	buf_free(&b);
}

/* No text of three bytes opens an element, ends an attribute, or hides. */
static void test_all(void)
{
	static const unsigned char odd[] = {
		0, 1, '\t', '\n', '\r', 0x1b, ' ', '"', '&', '\'', ';', '<', '>', 'a', 0x7f, 0x80, 0x85,
		0xa0, 0xad, 0xae, 0xbf, 0xc0, 0xc2, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xff,
	};
	const size_t n = COUNT(odd);
	bool good = true;

	for (size_t i = 0; i < n * n * n * n; i++) {
		unsigned char s[4] = { odd[i % n], odd[i / n % n], odd[i / n / n % n],
			odd[i / n / n / n] };
		struct buf b = { 0 };

		html_text(&b, (struct bytes){ s, sizeof(s) }, 100, true);
		good = good && utf8_valid(buf_bytes(&b));
		for (size_t k = 0; k < b.n; k++)
			good = good && strchr("<>\"'", b.p[k] ? b.p[k] : '<') == NULL &&
			    (b.p[k] >= 0x20 || b.p[k] == '\t' || b.p[k] == '\n');
		buf_free(&b);
	}
	ok(good, "707281 texts of four bytes: UTF-8, no markup, no control", "");
}

static struct buf written(const char *json, bool row)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	char error[200];
	struct json j;

	if (json_parse(&a, bytes_of(json), &j, error) < 0)
		buf_printf(&b, "no JSON: %s", error);
	else if (row)
		html_row(&b, "L", &j, 0);
	else
		html_value(&b, &j, 0);
	buf_byte(&b, '\0');
	arena_free(&a);
	return b;
}

static void value(const char *json, const char *expected)
{
	struct buf b = written(json, false);

	ok(strcmp((char *)b.p, expected) == 0, json, (char *)b.p);
	buf_free(&b);
}

static void test_values(void)
{
	static const char none[] = "<span class=\"note\">none</span>";
	struct buf b;

	value("\"\\u003cb\\u003e \\u0000\"", "&lt;b&gt; " U("\\u{0}"));
	value("-1.5e9", "-1.5e9");
	value("true", "yes");
	value("false", "no");
	value("null", none);
	value("{\"a\":1}", none);
	value("[1]", none);
	value("\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
	    "<code>e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</code>");
	value("\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8<b\"",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8&lt;b");
	b = written("[]", true);
	ok(strcmp((char *)b.p, "<tr><th scope=\"row\">L</th><td><span class=\"note\">none</span>"
	    "</td></tr>\n") == 0, "a row of nothing", (char *)b.p);
	buf_free(&b);
	b = written("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26]", true);
	ok(strstr((char *)b.p, ">24</span>") != NULL && strstr((char *)b.p, ">25</span>") == NULL &&
	    strstr((char *)b.p, "and 2 more") != NULL, "a row of many", (char *)b.p);
	buf_free(&b);
}

static void test_bar(void)
{
	struct buf b = { 0 };

	html_bar(&b, "low", UINT64_MAX);
	buf_byte(&b, '\0');
	ok(strstr((char *)b.p, "width=\"100%\"") != NULL, "no bar is longer than its box", (char *)b.p);
	buf_free(&b);
}

int main(void)
{
	test_text();
	test_lines();
	test_all();
	test_values();
	test_bar();
	printf("1..%d\n", tests);
	return failures > 0;
}
