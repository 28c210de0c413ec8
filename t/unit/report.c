/*
 * report.c (test) - report.c and evidence/htmlfind.c on folders made in memory:
 * what is counted, what is left out, what does not depend on anything else.
 * t/report.t has the pages of real runs. With arguments it is the page of those
 * folders, for t/page.t.
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

static const char *behind(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at != NULL ? at : "";
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

/* Two points are a line; what a folder says of others is bounded. */
static void test_series(void)
{
	static const char run[] = "{\"clock\":\"%s\",\"limits\":{}}";
	static const char usage[] = "{\"usage\":{\"wall_ns\":2000000000,\"series\":["
	    "{\"at_ns\":0,\"cpu_ns\":0,\"memory_bytes\":1048576},"
	    "{\"at_ns\":1000000000,\"cpu_ns\":500000000,\"memory_bytes\":2097152}%s]}}";
	struct folder f = folder(arena_printf(&arena, run, "wall"), "");
	struct buf more = { 0 };
	const char *text;

	folder_add(&arena, &f, "usage.json", bytes_of(arena_printf(&arena, usage, "")));
	text = page(&f);
	ok(has(text, "<title>CPU time: 500 ms at most, in 2 s</title><polygon points=\"0,100 0,100 300,4 300,100\"/>") &&
	    has(text, "<title>Memory: 2 MiB at most, in 2 s</title><polygon points=\"0,100 0,52 300,4 300,100\"/>"),
	    "F153: CPU time and memory over time", text);
	for (int i = 0; i < 200; i++)
		buf_text(&more, ",{\"at_ns\":9007199254740991,\"cpu_ns\":-1,\"memory_bytes\":1e9}");
	buf_byte(&more, '\0');
	folder_add(&arena, &f, "usage.json", bytes_of(arena_printf(&arena, usage, (char *)more.p)));
	text = behind(page(&f), "<polygon");
	ok(has(text, " 600,100") && !has(text, "601") && strchr(text, '/') - text < 1500,
	    "F153: what cannot be is drawn inside", text);
	f = folder(arena_printf(&arena, run, "frozen"), "");
	folder_add(&arena, &f, "usage.json", bytes_of(arena_printf(&arena, usage, "")));
	ok(!has(page(&f), "<polygon") && !has(page(&f), "500 ms"), "F154: with a frozen clock none is drawn", "");
	buf_free(&more);
}

static const char *pages(const struct folder *f, size_t n)
{
	struct why why = { 0 };
	struct buf b = { 0 };
	const char *text = report_html_runs(f, n, &b, &why) < 0 ? "" : arena_text(&arena, buf_bytes(&b));

	buf_free(&b);
	return text;
}

static void test_runs(void)
{
	struct folder f[3] = {
		folder("{\"run_id\":\"A\",\"started\":\"2026-02-01T00:00:00Z\",\"plugin\":{\"name\":\"<late>\"}}",
		    "{\"severity\":\"low\",\"message\":\"late low\",\"target\":\"of <two>\"}\n{\"severity\":\"crit\",\"message\":\"late crit\"}\n"),
		folder("{\"run_id\":\"C\",\"started\":\"2026-01-01T00:00:00Z\",\"plugin\":{\"name\":\"early\"}}",
		    "{\"severity\":\"low\",\"message\":\"early low\",\"target\":\"of <two>\"}\n{\"severity\":\"low\",\"message\":\"x\",\"target\":\"once\"}\n"),
		folder("{\"run_id\":\"B\",\"started\":\"2026-02-01T00:00:00Z\"}", ""),
	};
	struct folder turned[3] = { f[2], f[1], f[0] }, broken[2] = { f[0], { .path = "x" } };
	struct why why = { 0 };
	struct buf b = { 0 };
	const char *text;

	ok(strcmp(pages(f, 1), page(f)) == 0 && *page(f), "F157: of one run it is the page of that run", "");
	text = pages(f, 3);
	ok(strcmp(text, pages(turned, 3)) == 0 && has(text, "</html>"), "F157: the order of three does not count", "");
	ok(has(behind(behind(text, "id=\"run-1\""), "early"), "id=\"run-2\"") &&
	    has(behind(text, "id=\"run-2\""), "&lt;late&gt;") && has(behind(text, "id=\"run-3\""), "<br>2026-02"),
	    "F157: the first that was started stands first, then by id", text);
	ok(has(behind(behind(behind(text, ">late crit<"), ">early low<"), ">late low<"), "#run-2"),
	    "F157: their findings, worst first, each with its run", text);
	ok(has(text, "3 no decision") && has(text, "<dt>Findings</dt><dd>4</dd>") && !has(text, "<late>"),
	    "F157: and the sums of them", text);
	text = behind(text, ">Targets<");
	ok(has(behind(text, "<td>2</td><td class=\"text\">of &lt;two&gt;</td>"), "<td>1</td><td class=\"text\">once</td>") &&
	    has(text, ">Runs<"), "F153: and where they point to, of all together, the most frequent first", text);
	ok(report_html_runs(broken, 2, &b, &why) < 0 && why.code == REFUSE_EVIDENCE,
	    "F157: one without run.json and there is no page", why.text);
	buf_free(&b);
}

static int print_runs(size_t n, char **path)
{
	struct folder *f = arena_array(&arena, n, sizeof(*f));
	struct why why = { 0 };
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		if (folder_load(&arena, path[i], &f[i], &why) < 0)
			die(1, "%s", why.text);
	if (report_html_runs(f, n, &b, &why) < 0 || write_all(1, b.p, b.n) < 0)
		die(1, "%s", why.text);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return print_runs((size_t)argc - 1, argv + 1);
	test_whole();
	test_measured();
	test_findings();
	test_provenance();
	test_ceilings();
	test_series();
	test_runs();
	printf("1..%d\n", tests);
	return failures > 0;
}
