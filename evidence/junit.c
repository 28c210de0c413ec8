/*
 * junit.c - the gate's rules as JUnit XML: a suite for each run, a case for each rule.
 * Runs in the commands that render reports.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

#define RULES 200                      /* of one gate report */
#define TEXT 2000

enum kind { PASSED, FAILED, ERROR, SKIPPED, KINDS };

static enum kind kind_of(const struct json *gate, int rule)
{
	int v = json_get(gate, rule, "result");

	return json_is(gate, v, "pass") ? PASSED : json_is(gate, v, "not_applicable") ? SKIPPED :
	    json_is(gate, v, "block") || json_is(gate, v, "approval") ? FAILED : ERROR;
}

static int first_rule(const struct json *gate)
{
	int list = json_get(gate, 0, "rules");

	return json_kind(gate, list) == JSON_ARRAY ? json_first(gate, list) : -1;
}

static size_t count(const struct merged_run *r, uint64_t kinds[KINDS])
{
	size_t n = 0;

	for (int v = first_rule(&r->gate); v >= 0 && n < RULES; v = json_next(&r->gate, v), n++)
		kinds[kind_of(&r->gate, v)]++;
	if (n == 0)
		kinds[ERROR]++; /* a case that says so */
	return n;
}

static void attribute(struct buf *b, const char *name, struct bytes s)
{
	buf_printf(b, " %s=\"", name);
	text_put(b, TEXT_XML, s, TEXT);
	buf_byte(b, '"');
}

/* Measured time differs from run to run, and is left out where a clock stood still. */
static void put_time(struct buf *b, const struct merged_run *r)
{
	const struct json *j = &r->usage;
	int64_t ns = 0;

	if (json_is(&r->run, json_get(&r->run, 0, "clock"), "frozen") ||
	    !json_integer(j, json_get(j, json_get(j, 0, "usage"), "wall_ns"), &ns) || ns < 0)
		ns = 0;
	buf_printf(b, " time=\"%lld.%03lld\"", (long long)(ns / 1000000000),
	    (long long)(ns / 1000000 % 1000));
}

static void put_counts(struct buf *b, const uint64_t kinds[KINDS])
{
	buf_printf(b, " tests=\"%llu\" failures=\"%llu\" errors=\"%llu\"",
	    (unsigned long long)(kinds[PASSED] + kinds[FAILED] + kinds[ERROR] + kinds[SKIPPED]),
	    (unsigned long long)kinds[FAILED], (unsigned long long)kinds[ERROR]);
}

static void put_case(struct buf *b, const struct merged_run *r, struct bytes name, enum kind kind,
    const char *type, struct bytes detail)
{
	static const char *const element[] = { NULL, "failure", "error", "skipped" };

	buf_text(b, "    <testcase");
	attribute(b, "name", name);
	buf_text(b, " classname=\"oxg.gate.");
	text_put(b, TEXT_XML, r->plugin.n > 0 ? r->plugin : BYTES("unknown"), TEXT);
	buf_text(b, "\" time=\"0\">");
	if (element[kind] != NULL) {
		buf_printf(b, "<%s", element[kind]);
		attribute(b, "message", detail);
		if (kind != SKIPPED)
			attribute(b, "type", bytes_of(type));
		buf_text(b, "/>");
	}
	buf_text(b, "</testcase>\n");
}

static struct bytes text_of(struct arena *a, const struct json *j, int v)
{
	return json_kind(j, v) == JSON_STRING ? json_string(a, j, v) : BYTES("");
}

static void put_suite(struct buf *b, const struct merged_run *r)
{
	const struct json *gate = &r->gate;
	uint64_t kinds[KINDS] = { 0 };
	size_t n = 0, rules = count(r, kinds);
	int64_t started = merged_time(r, "started");
	struct arena a = { 0 };
	char text[32];

	buf_text(b, "  <testsuite");
	attribute(b, "name", bytes_of(arena_printf(&a, "%.*s %.*s", (int)r->plugin.n,
	    r->plugin.n > 0 ? (const char *)r->plugin.p : "", (int)r->id.n,
	    r->id.n > 0 ? (const char *)r->id.p : "")));
	put_counts(b, kinds);
	buf_printf(b, " skipped=\"%llu\"", (unsigned long long)kinds[SKIPPED]);
	put_time(b, r);
	time_rfc3339(text, started);
	text[strcspn(text, "Z")] = '\0';
	buf_printf(b, " timestamp=\"%s\">\n", text);
	for (int v = first_rule(gate); v >= 0 && n < rules; v = json_next(gate, v), n++)
		put_case(b, r, text_of(&a, gate, json_get(gate, v, "rule")), kind_of(gate, v),
		    json_is(gate, json_get(gate, v, "result"), "approval") ? "REQUIRE_APPROVAL" : "BLOCK",
		    text_of(&a, gate, json_get(gate, v, "detail")));
	if (rules == 0)
		put_case(b, r, BYTES("gate"), ERROR, "missing", BYTES("there is no gate report that "
		    "can be read"));
	buf_text(b, "  </testsuite>\n");
	arena_free(&a);
}

void junit_write(const struct merged *m, struct sink *s)
{
	uint64_t kinds[KINDS] = { 0 };

	for (size_t i = 0; i < m->runs; i++)
		(void)count(&m->run[i], kinds);
	buf_text(&s->b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"oxg gate\"");
	put_counts(&s->b, kinds);
	buf_text(&s->b, " time=\"0\">\n");
	for (size_t i = 0; i < m->runs; i++) {
		put_suite(&s->b, &m->run[i]);
		sink_turn(s, false);
	}
	buf_text(&s->b, "</testsuites>\n");
}
