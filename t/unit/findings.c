/*
 * findings.c (test) - schema 0.2, rule by rule: which lines are taken, to the letter
 * what becomes of them, and which are refused with nothing written.
 *
 * Identifiers and digests were worked out with another language's SHA-256.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/evidence.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %.400s\n", detail);
	failures += !good;
}

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ID0 "01HF7YAT009130V8C5RNRHTD25"
#define ID1 "01HF7YAT003MV55GH12JVM1WK6"
#define ID99999 "01HF7YAT009HWQCADR1E06H2Z0"
#define PROOF "d67b30278ae84193ebeb040c3844b08ea710ad559efa540cd19b43dab4007029" /* "proof <x>" */
#define BEFORE(id) "{\"version\":\"0.2\",\"id\":\"" id "\",\"plugin\":\"p\","
#define TS "\"ts\":\"2023-11-14T22:13:20Z\","
#define OURS1 "\"oxg.artifact_sha256\":\"" A64 "\",\"oxg.config_sha256\":\"" B64 "\","
#define OURS2 "\"oxg.key_id\":\"" C64 "\",\"oxg.plugin_version\":\"1.0\"," \
	"\"oxg.run_id\":\"01JAAAAAAAAAAAAAAAAAAAAAAA\",\"oxg.task_id\":\"task-1\""

static struct finding_context fresh(void)
{
	return (struct finding_context){ .plugin = "p", .run_id = "01JAAAAAAAAAAAAAAAAAAAAAAA",
		.task_id = "task-1", .plugin_version = "1.0", .artifact_sha256 = A64,
		.config_sha256 = B64, .key_id = C64, .clock = { true, 1700000000 } };
}

static struct arena scratch;
static struct buf out;       /* what was written, with a NUL behind */
static char error[200];
static enum severity severity;

static int give(struct bytes line)
{
	struct finding_context c = fresh();
	int r;

	out.n = 0;
	error[0] = '\0';
	r = finding_write(&scratch, &c, line, &out, &severity, error);
	if ((r == 0) != (c.next == 1))
		r = -2; /* a refused one must not take a number */
	buf_byte(&out, '\0');
	out.n--;
	arena_reset(&scratch);
	return r;
}

static bool written(const char *expected)
{
	return out.p && strcmp((char *)out.p, expected) == 0;
}

/* ---- to the letter ---------------------------------------------------------------------- */

static void letter(void)
{
	give(BYTES("{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"}"));
	ok(written(BEFORE(ID0) "\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"," TS
	    "\"meta\":{" OURS1 OURS2 "}}\n"), "F146: the least of them, to the letter", (char *)out.p);

	give(BYTES(" { \"meta\" : { \"z\" : \"1\", \"a\" : \"2\", \"p\":\"3\", \"oxh\":\"4\", \"oxg\":\"5\", \"sandbox\":\"6\" } ,"
	    "\"ts\":\"2020-01-01T00:00:00+01:00\", \"severity\":\"HIGH\", \"evidence\":\"proof <x>\", \"target\":\"http://h/?a=1&b=2\","
	    "\"message\":\"a\\\"b\\\\c\\/d\", \"type\":\"web.xss\",\"plugin\":\"p\",\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"version\":\"0.2\"}\r"));
	ok(written(BEFORE(ID0) "\"type\":\"web.xss\",\"message\":\"a\\\"b\\\\c/d\","
	    "\"target\":\"http://h/?a=1\\u0026b=2\",\"evidence\":\"proof \\u003cx\\u003e\",\"severity\":\"high\"," TS
	    "\"meta\":{\"a\":\"2\",\"oxg\":\"5\"," OURS1 "\"oxg.evidence_sha256\":\"" PROOF "\"," OURS2
	    ",\"oxh\":\"4\",\"p\":\"3\",\"sandbox\":\"6\",\"z\":\"1\"}}\n"),
	    "F146: all of it, to the letter: order, sorted meta, our id and time", (char *)out.p);
	ok(severity == SEV_HIGH, "F161: and its severity is told", "");

	give(BYTES("{\"type\":\"t\",\"message\":\"\\u003c<>&\\u2028\xe2\x80\xa9\\u0000\\u001f\\t\\n\\u00e9\\ud83d\\ude00\x7f\",\"severity\":\"info\"}"));
	ok(strstr((char *)out.p, "\"message\":\"\\u003c\\u003c\\u003e\\u0026\\u2028\\u2029\\u0000\\u001f\\t\\n\xc3\xa9\xf0\x9f\x98\x80\x7f\"") != NULL,
	    "F146: escapes as 0xGen writes them", (char *)out.p);

	give(BYTES("{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\",\"target\":\"\",\"evidence\":\"\",\"meta\":{}}"));
	ok(written(BEFORE(ID0) "\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"," TS
	    "\"meta\":{" OURS1 OURS2 "}}\n"), "F146: what is empty is left out", (char *)out.p);

	give(BYTES("{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\",\"meta\":{\"\xc3\xa9\":\"3\",\"z\":\"2\",\"B\":\"0\",\"a<\":\"1\",\"\xf0\x9f\x98\x80\":\"4\"}}"));
	ok(strstr((char *)out.p, "\"meta\":{\"B\":\"0\",\"a\\u003c\":\"1\",\"oxg.artifact") != NULL &&
	    strstr((char *)out.p, ",\"z\":\"2\",\"\xc3\xa9\":\"3\",\"\xf0\x9f\x98\x80\":\"4\"}}\n") != NULL,
	    "F146: meta is sorted by bytes", (char *)out.p);

	give(BYTES("{\"\\u0074ype\":\"t\",\"message\":\"m\",\"severity\":\"lo\\u0077\"}"));
	ok(strstr((char *)out.p, "\"type\":\"t\"") != NULL && severity == SEV_LOW,
	    "F146: names and words may be spelt in escapes", (char *)out.p);
}

static void numbers(void)
{
	static const char *const expected[] = { ID0, ID1 };
	struct finding_context c = fresh();
	struct buf b = { 0 };
	char more[200];

	for (int i = 0; i < 2; i++) {
		b.n = 0;
		finding_write(&scratch, &c, BYTES("{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"}"), &b, &severity, more);
		ok(b.n > 60 && memcmp(b.p + 23, expected[i], 26) == 0, "F154: the id is derived from run and number", (char *)b.p);
	}
	c.next = 99999;
	b.n = 0;
	finding_write(&scratch, &c, BYTES("{\"type\":\"other\",\"message\":\"m\",\"severity\":\"low\"}"), &b, &severity, more);
	ok(memcmp(b.p + 23, ID99999, 26) == 0, "F154: and from nothing else", (char *)b.p);
	c.run_id = "01JAAAAAAAAAAAAAAAAAAAAAAB";
	b.n = 0;
	c.next = 0;
	finding_write(&scratch, &c, BYTES("{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"}"), &b, &severity, more);
	ok(memcmp(b.p + 23, ID0, 10) == 0 && memcmp(b.p + 33, ID0 + 10, 16) != 0,
	    "F154: another run, another id of the same moment", (char *)b.p);
	buf_free(&b);
}

static void severities(void)
{
	static const struct {
		const char *word;
		enum severity is;
	} words[] = {
		{ "info", SEV_INFO }, { "Info", SEV_INFO }, { "informational", SEV_INFO }, { "low", SEV_LOW },
		{ "LOW", SEV_LOW }, { "med", SEV_MED }, { "medium", SEV_MED }, { "Moderate", SEV_MED },
		{ "high", SEV_HIGH }, { "crit", SEV_CRIT }, { "critical", SEV_CRIT }, { "CRITICAL", SEV_CRIT },
	};
	static const char *const canonical[] = { "info", "low", "med", "high", "crit" };
	char line[200], expected[60];

	for (size_t i = 0; i < COUNT(words); i++) {
		int n = snprintf(line, sizeof(line), "{\"type\":\"t\",\"message\":\"m\",\"severity\":\"%s\"}", words[i].word);

		snprintf(expected, sizeof(expected), "\"severity\":\"%s\",", canonical[words[i].is]);
		ok(give((struct bytes){ (unsigned char *)line, (size_t)n }) == 0 && severity == words[i].is &&
		    strstr((char *)out.p, expected), "F161: severity, and its synonyms", words[i].word);
	}
}

/* ---- taken and refused ------------------------------------------------------------------- */

#define OK3 "\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\""
#define T(name, s, sentence) { name, { (const unsigned char *)(s), sizeof(s) - 1 }, sentence }

static const struct {
	const char *name;
	struct bytes line;
	const char *sentence; /* part of it; NULL: taken */
} lines[] = {
	T("its own name", "{" OK3 ",\"plugin\":\"p\"}", NULL),
	T("a time with an offset and a fraction", "{" OK3 ",\"ts\":\"2024-02-29T23:59:59.123456-11:30\"}", NULL),
	T("a key of 128 bytes", "{" OK3 ",\"meta\":{\"" A64 B64 "\":\"\"}}", NULL),
	T("keys near ours", "{" OK3 ",\"meta\":{\"oxg\":\"\",\"oxgx\":\"\",\"Oxg.run_id\":\"\",\"sandboxed\":\"\",\"x.oxg.\":\"\"}}", NULL),
	T("a type near ours", "{\"type\":\"oxg.supervisors\",\"message\":\"m\",\"severity\":\"low\"}", NULL),
	T("a message of many lines", "{\"type\":\"t\",\"message\":\"a\\nb\\u0000c\",\"severity\":\"low\"}", NULL),

	T("nothing", "", ""),
	T("no JSON", "severity: low", ""),
	T("half of it", "{" OK3, ""),
	T("two on a line", "{" OK3 "}{" OK3 "}", ""),
	T("a list", "[{" OK3 "}]", "not a JSON object"),
	T("a text", "\"finding\"", "not a JSON object"),
	T("null", "null", "not a JSON object"),
	T("a NUL behind it", "{" OK3 "}\0", ""),
	T("bytes that are no UTF-8", "{\"type\":\"t\",\"message\":\"\xff\",\"severity\":\"low\"}", "UTF-8"),
	T("an overlong slash", "{\"type\":\"t\",\"message\":\"\xc0\xaf\",\"severity\":\"low\"}", "UTF-8"),
	T("a surrogate in UTF-8", "{\"type\":\"t\",\"message\":\"\xed\xa0\x80\",\"severity\":\"low\"}", "UTF-8"),
	T("a high surrogate alone", "{\"type\":\"t\",\"message\":\"\\ud800\",\"severity\":\"low\"}", "surrogate"),
	T("a low surrogate alone", "{\"type\":\"t\",\"message\":\"\\udc00x\",\"severity\":\"low\"}", "surrogate"),
	T("a lone surrogate in a meta key", "{" OK3 ",\"meta\":{\"\\udfff\":\"\"}}", "surrogate"),
	T("a raw line end in a text", "{\"type\":\"t\",\"message\":\"a\nb\",\"severity\":\"low\"}", "control"),
	T("a member twice", "{" OK3 ",\"type\":\"u\"}", "twice"),
	T("a member twice, once in escapes", "{" OK3 ",\"\\u0074ype\":\"u\"}", "twice"),
	T("a meta key twice", "{" OK3 ",\"meta\":{\"a\":\"1\",\"a\":\"2\"}}", "twice"),
	T("a member nobody knows", "{" OK3 ",\"host\":\"x\"}", "unknown member \"host\""),
	T("a name of another case", "{" OK3 ",\"Target\":\"x\"}", "unknown member \"Target\""),
	T("no type", "{\"message\":\"m\",\"severity\":\"low\"}", "type is missing"),
	T("no message", "{\"type\":\"t\",\"severity\":\"low\"}", "message is missing"),
	T("no severity", "{\"type\":\"t\",\"message\":\"m\"}", "severity is missing"),
	T("an empty type", "{\"type\":\"\",\"message\":\"m\",\"severity\":\"low\"}", "type is missing or empty"),
	T("an empty message", "{\"type\":\"t\",\"message\":\"\",\"severity\":\"low\"}", "message is missing or empty"),
	T("an empty object", "{}", "missing"),
	T("a severity that is none", "{\"type\":\"t\",\"message\":\"m\",\"severity\":\"urgent\"}", "severity is none of"),
	T("a severity with a NUL behind", "{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\\u0000\"}", "severity"),
	T("a severity with a blank", "{\"type\":\"t\",\"message\":\"m\",\"severity\":\" low\"}", "severity"),
	T("a severity in numbers", "{\"type\":\"t\",\"message\":\"m\",\"severity\":3}", "severity is not a string"),
	T("a type that is a number", "{\"type\":7,\"message\":\"m\",\"severity\":\"low\"}", "type is not a string"),
	T("a message that is null", "{\"type\":\"t\",\"message\":null,\"severity\":\"low\"}", "message is not a string"),
	T("a message that is a list", "{\"type\":\"t\",\"message\":[\"m\"],\"severity\":\"low\"}", "message is not a string"),
	T("evidence that is an object", "{" OK3 ",\"evidence\":{}}", "evidence is not a string"),
	T("a target that is false", "{" OK3 ",\"target\":false}", "target is not a string"),
	T("a control character in the type", "{\"type\":\"a\\u001b[m\",\"message\":\"m\",\"severity\":\"low\"}", "type has a control"),
	T("a NUL in the type", "{\"type\":\"a\\u0000\",\"message\":\"m\",\"severity\":\"low\"}", "type has a control"),
	T("another version", "{" OK3 ",\"version\":\"0.1\"}", "version"),
	T("an empty version", "{" OK3 ",\"version\":\"\"}", "version"),
	T("a version that is a number", "{" OK3 ",\"version\":0.2}", "version is not a string"),
	T("an id that is no ULID", "{" OK3 ",\"id\":\"1\"}", "id is not a ULID"),
	T("an id beyond 128 bits", "{" OK3 ",\"id\":\"81ARZ3NDEKTSV4RRFFQ69G5FAV\"}", "id is not a ULID"),
	T("an id with a letter that ULIDs lack", "{" OK3 ",\"id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAU\"}", "id is not a ULID"),
	T("another plugin's name", "{" OK3 ",\"plugin\":\"q\"}", "plugin is not the name"),
	T("an empty plugin name", "{" OK3 ",\"plugin\":\"\"}", "plugin is not the name"),
	T("its name and a NUL", "{" OK3 ",\"plugin\":\"p\\u0000\"}", "plugin is not the name"),
	T("a time without a zone", "{" OK3 ",\"ts\":\"2024-01-01T00:00:00\"}", "ts is not a time"),
	T("a day that is none", "{" OK3 ",\"ts\":\"2023-02-29T00:00:00Z\"}", "ts is not a time"),
	T("a time in seconds", "{" OK3 ",\"ts\":1700000000}", "ts is not a string"),
	T("the supervisor's type", "{\"type\":\"oxg.supervisor.termination\",\"message\":\"m\",\"severity\":\"high\"}", "the supervisor's"),
	T("any supervisor's type", "{\"type\":\"oxg.supervisor.\",\"message\":\"m\",\"severity\":\"high\"}", "the supervisor's"),
	T("the supervisor's type in escapes", "{\"type\":\"\\u006fxg.supervisor.x\",\"message\":\"m\",\"severity\":\"high\"}", "the supervisor's"),
	T("forged provenance", "{" OK3 ",\"meta\":{\"oxg.run_id\":\"x\"}}", "the supervisor's"),
	T("provenance nobody writes", "{" OK3 ",\"meta\":{\"oxg.\":\"x\"}}", "the supervisor's"),
	T("forged provenance in escapes", "{" OK3 ",\"meta\":{\"ox\\u0067.key_id\":\"x\"}}", "the supervisor's"),
	T("a forged termination", "{" OK3 ",\"meta\":{\"a\":\"1\",\"sandbox.termination_reason\":\"killed\"}}", "the supervisor's"),
	T("meta that is a list", "{" OK3 ",\"meta\":[]}", "meta is not an object"),
	T("meta that is null", "{" OK3 ",\"meta\":null}", "meta is not an object"),
	T("a meta value that is a number", "{" OK3 ",\"meta\":{\"a\":1}}", "a meta value is not a string"),
	T("a meta value that is an object", "{" OK3 ",\"meta\":{\"a\":{\"b\":\"\"}}}", "a meta value is not a string"),
	T("an empty meta key", "{" OK3 ",\"meta\":{\"\":\"x\"}}", "meta key is empty"),
	T("a meta key of 129 bytes", "{" OK3 ",\"meta\":{\"" A64 B64 "c\":\"\"}}", "longer than 128"),
	T("a line end in a meta key", "{" OK3 ",\"meta\":{\"a\\n\":\"x\"}}", "control character"),
	T("a NUL in a meta key", "{" OK3 ",\"meta\":{\"a\\u0000\":\"x\"}}", "control character"),
	T("DEL in a meta key", "{" OK3 ",\"meta\":{\"a\x7f\":\"x\"}}", "control character"),
};

static void table(void)
{
	char name[120];

	for (size_t i = 0; i < COUNT(lines); i++) {
		const char *due = lines[i].sentence;
		int r = give(lines[i].line);

		snprintf(name, sizeof(name), "F146: %s: %s", lines[i].name, due ? "refused" : "taken");
		if (due)
			ok(r == -1 && out.n == 0 && error[0] != '\0' && strstr(error, due) != NULL, name,
			    r == -1 ? error : (char *)out.p);
		else
			ok(r == 0 && out.n > 0 && out.p[out.n - 1] == '\n', name, error);
	}
}

/* ---- ceilings ------------------------------------------------------------------------------ */

/* {"type":..,"message":..,"severity":"low",NAME:"xxx"} with so many of the byte. */
static struct bytes stretched(struct buf *b, const char *before, size_t n, const char *unit, const char *behind)
{
	b->n = 0;
	buf_text(b, before);
	for (size_t i = 0; i < n; i++)
		buf_text(b, unit);
	buf_text(b, behind);
	return buf_bytes(b);
}

static void ceiling(const char *what, const char *before, size_t most, const char *unit, const char *behind, const char *sentence)
{
	struct buf b = { 0 };
	char name[120];

	snprintf(name, sizeof(name), "F083: %s: %zu are taken", what, most);
	ok(give(stretched(&b, before, most, unit, behind)) == 0, name, error);
	snprintf(name, sizeof(name), "F083: %s: %zu are refused", what, most + 1);
	ok(give(stretched(&b, before, most + 1, unit, behind)) == -1 && out.n == 0 && strstr(error, sentence), name, error);
	buf_free(&b);
}

static void ceilings(void)
{
	struct buf b = { 0 };
	size_t blanks;

	ceiling("bytes of a type", "{\"message\":\"m\",\"severity\":\"low\",\"type\":\"", 128, "x", "\"}", "type is longer");
	ceiling("bytes of a message", "{\"type\":\"t\",\"severity\":\"low\",\"message\":\"", 65536, "x", "\"}", "message is longer");
	ceiling("bytes of a message, decoded", "{\"type\":\"t\",\"severity\":\"low\",\"message\":\"", 32768, "\\u00e9", "\"}", "message is longer");
	ceiling("bytes of a target", "{" OK3 ",\"target\":\"", 8192, "x", "\"}", "target is longer");
	ceiling("bytes of evidence", "{" OK3 ",\"evidence\":\"", 524288, "x", "\"}", "evidence is longer");
	ceiling("bytes of a meta value", "{" OK3 ",\"meta\":{\"k\":\"", 8192, "x", "\"}}", "a meta value is longer");

	/* Blanks count: the ceiling is one of bytes. */
	blanks = (1u << 20) - sizeof("{" OK3 "}") + 1;
	ok(give(stretched(&b, "{" OK3 "}", blanks, " ", "")) == 0 && b.n == 1u << 20, "F083: a line of 1 MiB is taken", error);
	ok(give(stretched(&b, "{" OK3 "}", blanks + 1, " ", "")) == -1 && out.n == 0 && strstr(error, "1048576"),
	    "F083: and one more byte refused", error);
	ok(give(stretched(&b, "{" OK3 ",\"evidence\":\"", 260000, "\\u0001", "\"}")) == -1, "F083: 1.5 MiB of escapes: refused", "");
	ok(give(stretched(&b, "{" OK3 ",\"evidence\":\"", 340000, "<<<", "\"}")) == -1, "F083: so is what would grow sixfold", "");
	ok(give(stretched(&b, "{" OK3 ",\"evidence\":\"", 174762, "<<<", "\"}")) == 0 && out.n > 3145000,
	    "F083: half a MiB of < is written as escapes", error);
	ok(give(stretched(&b, "", 100000, "[", "")) == -1, "F019: too deep: refused", "");
	ok(give(stretched(&b, "{" OK3 ",\"x\":", 1, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "}")) == -1,
	    "F019: a little too deep as well", "");
	ok(give(stretched(&b, "{\"", 100000, "x", "\":1}")) == -1 && strlen(error) < 199, "F146: a long name is cut in the sentence", error);
	buf_free(&b);
}

static void many_entries(void)
{
	struct buf b = { 0 };

	for (int most = 64; most <= 65; most++) {
		b.n = 0;
		buf_text(&b, "{" OK3 ",\"meta\":{");
		for (int i = most; i > 0; i--)
			buf_printf(&b, "%s\"k%02d\":\"%d\"", i < most ? "," : "", i, i);
		buf_text(&b, "}}");
		if (most == 64)
			ok(give(buf_bytes(&b)) == 0 && strstr((char *)out.p, "\"k01\":\"1\",\"k02\":\"2\"") &&
			    strstr((char *)out.p, "\"k63\":\"63\",\"k64\":\"64\",\"oxg.artifact"), "F083: 64 entries of meta, sorted", error);
		else
			ok(give(buf_bytes(&b)) == -1 && out.n == 0 && strstr(error, "64"), "F083: 65 entries of meta: refused", error);
	}
	buf_free(&b);
}

/* A line cut anywhere is no line. */
static void beginnings(void)
{
	static const char whole[] = "{\"type\":\"t\",\"message\":\"m\\u00e9\",\"severity\":\"low\",\"meta\":{\"a\":\"\xc3\xa9\"}}";
	int taken = 0;

	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		taken += give((struct bytes){ (const unsigned char *)whole, n }) != -1 || out.n != 0;
	ok(taken == 0, "F146: no beginning of a finding is one", "");
	ok(give((struct bytes){ (const unsigned char *)whole, sizeof(whole) - 1 }) == 0, "F146: the whole is", error);
}

/* ---- terminations ------------------------------------------------------------------------------- */

static void termination(void)
{
	struct finding_context c = fresh();
	struct ending e = { .reason = ENDING_CPU_LIMIT, .detail = "it \"used\" <all>",
		.usage = { .cpu_ns = 60200000000, .memory_peak = 1234567, .wall_ns = 200000000 } };
	struct limits l = { .cpu_ns = 60000000000, .memory = 536870912, .wall_ns = 300000000000 };
	struct buf b = { 0 };

	c.next = 1;
	finding_termination(&c, &e, &l, &b);
	buf_byte(&b, '\0');
	ok(strcmp((char *)b.p, BEFORE(ID1) "\"type\":\"oxg.supervisor.termination\","
	    "\"message\":\"plugin terminated (cpu_limit)\",\"severity\":\"high\"," TS "\"meta\":{" OURS1 OURS2
	    ",\"sandbox.cpu_limit\":\"1m0s\",\"sandbox.memory_limit_bytes\":\"536870912\",\"sandbox.task_id\":\"task-1\","
	    "\"sandbox.termination_detail\":\"it \\\"used\\\" \\u003call\\u003e\",\"sandbox.termination_reason\":\"cpu_limit\","
	    "\"sandbox.wall_time_limit\":\"5m0s\"}}\n") == 0,
	    "F154: the termination finding, to the letter, where the clock stands still", (char *)b.p);
	ok(c.next == 2, "F089: it takes a number like any other", "");
	b.n = 0;
	c.clock.frozen = false;
	finding_termination(&c, &e, &l, &b);
	buf_byte(&b, '\0');
	ok(strstr((char *)b.p, ",\"meta\":{" OURS1 OURS2
	    ",\"sandbox.cpu_limit\":\"1m0s\",\"sandbox.cpu_usage\":\"1m0.2s\",\"sandbox.memory_limit_bytes\":\"536870912\","
	    "\"sandbox.memory_usage_bytes\":\"1234567\",\"sandbox.task_id\":\"task-1\","
	    "\"sandbox.termination_detail\":\"it \\\"used\\\" \\u003call\\u003e\",\"sandbox.termination_reason\":\"cpu_limit\","
	    "\"sandbox.wall_time_limit\":\"5m0s\",\"sandbox.wall_time_usage\":\"200ms\"}}\n") != NULL,
	    "F089: where it runs, with what was used", (char *)b.p);
	buf_free(&b);
}

/* ---- what a dead broker left ------------------------------------------------------------------- */

static void recovery(void)
{
	struct buf b = { 0 };
	struct finding_context c = fresh();
	struct bytes left;
	size_t bad = 0, whole, last;

	for (int i = 0; i < 4; i++) {
		last = b.n;
		finding_write(&scratch, &c, i % 2 ? BYTES("{\"type\":\"t\",\"message\":\"\\\"severity\\\":\\\"crit\\\"\",\"severity\":\"low\"}") :
		    BYTES("{\"type\":\"t\",\"message\":\"m\",\"severity\":\"high\"}"), &b, &severity, error);
	}
	whole = b.n;
	for (size_t cut = last; cut <= whole; cut++) {
		int fd = memfd_create("findings", MFD_CLOEXEC), due = cut == whole ? 4 : 3;
		struct tally t = { 0 };

		if (fd < 0 || write_all(fd, b.p, cut) < 0)
			abort();
		bad += findings_recover(fd, &t) != 0 || t.findings != (uint64_t)due ||
		    t.by_severity[SEV_HIGH] != 2 || t.by_severity[SEV_LOW] != (uint64_t)due - 2 ||
		    fd_read(&scratch, fd, 1u << 20, &left) < 0 || left.n != (cut == whole ? whole : last) ||
		    memcmp(left.p, b.p, left.n) != 0;
		close(fd);
		arena_reset(&scratch);
	}
	ok(bad == 0, "F140: a last finding torn anywhere is cut off, the others counted", "");
	ok(findings_recover(-1, &(struct tally){ 0 }) == -1, "F140: a file that is not there is told", "");
	buf_free(&b);
}

int main(void)
{
	letter();
	numbers();
	severities();
	table();
	ceilings();
	many_entries();
	beginnings();
	termination();
	recovery();
	buf_free(&out);
	arena_free(&scratch);
	printf("1..%d\n", tests);
	return failures > 0;
}
