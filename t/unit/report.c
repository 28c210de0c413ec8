/*
 * report.c (test) - report.c and evidence/htmlfind.c on folders made in memory:
 * what is counted, what is left out, what does not depend on anything else.
 * t/report.t has the pages of real runs.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

static int tests, failures;
static struct arena arena;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

static const char *page(const struct folder *f)
{
	struct why why = { 0 };
	struct buf b = { 0 };
	const char *text = report_html(f, &b, &why) < 0 ? "" : arena_text(&arena, buf_bytes(&b));

	buf_free(&b);
	return text;
}

static struct folder folder(const char *run, const char *findings)
{
	struct folder f = { .path = "x" };

	folder_add(&arena, &f, "run.json", bytes_of(run));
	if (findings != NULL)
		folder_add(&arena, &f, "findings.jsonl", bytes_of(findings));
	return f;
}

static bool has(const char *text, const char *word)
{
	return strstr(text, word) != NULL;
}

static void test_whole(void)
{
	struct folder f = { .path = "x" }, g;
	struct why why = { 0 };
	struct buf b = { 0 };
	const char *text;

	ok(report_html(&f, &b, &why) < 0 && why.code == REFUSE_EVIDENCE && has(why.text, "run.json"),
	    "without run.json there is nothing to report on", why.text);
	f = folder("", NULL);
	text = page(&f);
	ok(has(text, "unknown plugin") && has(text, "no decision") && has(text, "</html>\n"),
	    "with an empty one there is a page", text);
	f = folder("{\"clock\":\"wall\"}", "");
	g = f;
	g.path = "elsewhere";
	g.partial = true;
	ok(strcmp(page(&f), page(&g)) == 0, "where it lies does not count", "");
}

static void test_measured(void)
{
	static const char usage[] = "{\"usage\":{\"cpu_ns\":1500000000,\"wall_ns\":59999999999,"
	    "\"memory_peak_bytes\":1572864}}";
	static const char limits[] = "\"limits\":{\"cpu_ns\":1500000000,\"wall_ns\":60000000000,"
	    "\"memory_bytes\":3145728}";
	struct folder f = folder(arena_printf(&arena, "{\"clock\":\"wall\",%s}", limits), "");
	const char *text;

	folder_add(&arena, &f, "usage.json", BYTES(usage));
	text = page(&f);
	ok(has(text, "1.5 s of 1.5 s") && has(text, "59.9 s of 1m0s") && has(text, "1.5 MiB of 3 MiB"),
	    "what was used, of what was allowed", text);
	ok(has(text, "class=\"block\" aria-hidden=\"true\" focusable=\"false\"><rect width=\"100%\""),
	    "a limit that was reached is seen", text);
	f = folder(arena_printf(&arena, "{\"clock\":\"frozen\",%s}", limits), "");
	folder_add(&arena, &f, "usage.json", BYTES(usage));
	ok(!has(page(&f), "59.9 s") && !has(page(&f), "MiB of"), "with a frozen clock nothing measured is shown", "");
	f = folder("{\"clock\":\"wall\",\"limits\":{\"cpu_ns\":0,\"wall_ns\":-1}}", "");
	folder_add(&arena, &f, "usage.json", BYTES("{\"usage\":{\"cpu_ns\":9007199254740991}}"));
	ok(has(page(&f), "</html>"), "limits of nothing divide nothing", "");
}

static void test_findings(void)
{
	struct found found;
	struct buf b = { 0 };
	static const char lines[] =
	    "{\"severity\":\"low\",\"message\":\"m\",\"target\":\"b\"}\n"
	    "{\"severity\":\"crit\",\"message\":\"m\",\"target\":\"a\"}\n"
	    "{\"severity\":\"low\",\"message\":\"m\",\"target\":\"b\"}\n"
	    "{\"severity\":\"low\",\"message\":\"m\",\"target\":7}\n"
	    "noise\n\n"
	    "{\"severity\":\"low\",\"message\":\"no newline\",\"target\":\"a\"}";

	found_read(&arena, BYTES(lines), &found);
	ok(found.total == 5 && found.unreadable == 2 && found.by[SEV_LOW].count == 4 &&
	    found.by[SEV_CRIT].count == 1 && found.by[SEV_INFO].count == 0, "findings are counted", "");
	ok(found.targets == 2 && bytes_are(found.target[0].raw, "a") && found.target[0].count == 2 &&
	    bytes_are(found.target[1].raw, "b") && found.target[1].count == 2,
	    "targets too, equal ones by their text", "");
	html_severities(&b, &found);
	buf_byte(&b, '\0');
	ok(has((char *)b.p, "class=\"crit\" aria-hidden=\"true\" focusable=\"false\"><rect width=\"25%\"") &&
	    has((char *)b.p, "class=\"low\" aria-hidden=\"true\" focusable=\"false\"><rect width=\"100%\""),
	    "bars are of the most", (char *)b.p);
	buf_free(&b);
}

/* What every finding repeats of run.json is not shown; what differs is. */
static void test_provenance(void)
{
	static const char run[] = "{\"run_id\":\"R\",\"plugin\":{\"key_id\":null,\"version\":\"1\"}}";
	struct folder f = folder(run, "{\"severity\":\"low\",\"message\":\"m\",\"meta\":{\"oxg.run_id\":\"R\","
	    "\"oxg.key_id\":\"\",\"oxg.plugin_version\":\"1\"}}\n");

	ok(!has(page(&f), "oxg.run_id") && !has(page(&f), "<details>"), "the same is left out", page(&f));
	f = folder(run, "{\"severity\":\"low\",\"message\":\"m\",\"meta\":{\"oxg.run_id\":\"S\","
	    "\"oxg.key_id\":\"K\",\"oxg.task_id\":\"T\",\"oxg.other\":\"O\"}}\n");
	ok(has(page(&f), "oxg.run_id") && has(page(&f), "oxg.key_id") && has(page(&f), "oxg.task_id") &&
	    has(page(&f), "oxg.other"), "another is shown", page(&f));
}

static void test_ceilings(void)
{
	struct buf lines = { 0 };
	struct folder f;
	const char *text;
	char word[4001];

	memset(word, 'A', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	for (int i = 0; i < 10005; i++)
		buf_text(&lines, i < 3 ? "{\"severity\":\"info\",\"message\":\"i\"}\n" :
		    "{\"severity\":\"high\",\"message\":\"h\"}\n");
	f = folder("{}", NULL);
	folder_add(&arena, &f, "findings.jsonl", buf_bytes(&lines));
	text = page(&f);
	ok(has(text, ">2 more of this severity") && has(text, ">3 more of this severity") &&
	    !has(text, ">i</p>"), "ten thousand are shown, the worst ones", "");
	lines.n = 0;
	for (int i = 0; i < 10000; i++)
		buf_printf(&lines, "{\"severity\":\"low\",\"message\":\"%s\",\"target\":\"%s\","
		    "\"evidence\":\"%s\"}\n", word, word, word);
	folder_add(&arena, &f, "findings.jsonl", buf_bytes(&lines));
	text = page(&f);
	ok(strlen(text) < 34u << 20 && has(text, " more of this severity"), "32 MiB of them are enough", "");
	buf_free(&lines);
}

int main(void)
{
	test_whole();
	test_measured();
	test_findings();
	test_provenance();
	test_ceilings();
	printf("1..%d\n", tests);
	return failures > 0;
}
