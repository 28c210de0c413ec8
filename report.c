/*
 * report.c - stored evidence as one page of HTML: no script, nothing from
 * elsewhere, the same bytes for the same folder. Runs in the supervisor after
 * every child is dead, and in `oxg report` and `oxg check`.
 *
 * Every text from the folder goes through html_text (evidence/html.c), which
 * leaves no markup and nothing unseen; the content security policy forbids what
 * would slip through. Findings are read line by line, and as many are shown as
 * a browser can bear.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

#define FINDINGS_SHOWN 10000      /* more freezes a browser */
#define FINDINGS_BYTES (32u << 20)/* of the page, however long each is */
#define META_SHOWN 64             /* members of one finding's meta */
#define TAIL_BYTES 4096           /* of stderr, from its end */
#define TAIL_LINES 20

struct page {
	struct buf *b;
	struct arena a;           /* documents, until the page is done */
	const struct folder *folder;
	struct json run, verifier, gate, usage;
	bool frozen;
};

static void put(struct page *p, const char *html)
{
	buf_text(p->b, html);
}

/* ---- documents ------------------------------------------------------------------------ */

static void document(struct page *p, const char *name, struct json *out)
{
	struct bytes text = folder_get(p->folder, name);
	char error[200];

	/* Without tokens every lookup finds nothing. */
	if (text.p == NULL || json_parse(&p->a, text, out, error) < 0)
		memset(out, 0, sizeof(*out));
}

static int member(const struct json *j, const char *first, const char *second)
{
	int v = json_get(j, 0, first);

	return second == NULL ? v : json_get(j, v, second);
}

static void section_open(struct page *p, const char *id, const char *title)
{
	buf_printf(p->b, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n",
	    id, id, title);
}

static const char table_open[] = "<table class=\"facts\"><tbody>\n";
static const char table_close[] = "</tbody></table>\n";

/* ---- the head ---------------------------------------------------------------------------- */

static const char *decision(const struct page *p)
{
	static const char *const word[] = { "PASS", "BLOCK", "REQUIRE_APPROVAL" };
	int d = gate_decision(folder_get(p->folder, "gate_report.json"));

	return d < 0 ? "no decision" : word[d];
}

static void put_name(struct page *p, bool plain)
{
	int name = member(&p->run, "plugin", "name");
	struct arena scratch = { 0 };

	if (name >= 0)
		html_text(p->b, json_string(&scratch, &p->run, name), HTML_WORD, plain);
	else
		put(p, "unknown plugin");
	arena_free(&scratch);
}

static void put_ending(struct page *p)
{
	const struct json *j = &p->run;
	int reason = member(j, "ending", "reason");

	if (reason < 0)
		put(p, member(j, "refusal", "sentence") >= 0 ?
		    "refused: nothing was executed" : "no ending is recorded");
	else if (json_is(j, reason, "exited")) {
		put(p, "exited with status ");
		html_value(p->b, j, member(j, "ending", "exit_status"));
	} else if (json_is(j, reason, "crashed")) {
		put(p, "crashed: ");
		html_value(p->b, j, member(j, "ending", "signal_name"));
	} else {
		put(p, "stopped: ");
		html_value(p->b, j, reason);
	}
}

static void put_head(struct page *p)
{
	const char *word = decision(p);

	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'unsafe-inline'\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	buf_printf(p->b, "%s: ", word);
	put_name(p, true);
	put(p, "</title>\n<style>\n");
	put(p, html_style);
	put(p, "</style>\n</head>\n<body>\n<header>\n<p class=\"brand\">oxg run report</p>\n<h1>");
	put_name(p, false);
	put(p, " <small>");
	html_value(p->b, &p->run, member(&p->run, "plugin", "version"));
	put(p, "</small></h1>\n<p class=\"lead\">");
	buf_printf(p->b, "<span class=\"badge %s\">%s</span> <span>",
	    strchr(word, ' ') ? "none" : word, word);
	put_ending(p);
	put(p, "</span></p>\n");
	put(p, table_open);
	html_row(p->b, "Run", &p->run, member(&p->run, "run_id", NULL));
	html_row(p->b, "Started", &p->run, member(&p->run, "started", NULL));
	html_row(p->b, "Finished", &p->run, member(&p->run, "finished", NULL));
	put(p, table_close);
	put(p, "</header>\n<main>\n");
}

/* ---- summary -------------------------------------------------------------------------------- */

static void put_bar(struct page *p, const char *class, uint64_t percent)
{
	buf_printf(p->b, "<svg class=\"%s\" aria-hidden=\"true\" focusable=\"false\">"
	    "<rect width=\"%llu%%\" height=\"100%%\"/></svg>", class,
	    (unsigned long long)(percent > 100 ? 100 : percent));
}

static uint64_t figure(const struct json *j, int v)
{
	int64_t n;

	return json_integer(j, v, &n) && n > 0 ? (uint64_t)n : 0;
}

static void put_size(struct page *p, uint64_t n)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB" };
	uint64_t size = 1024;
	size_t u = 0;

	if (n < size) {
		buf_printf(p->b, "%llu bytes", (unsigned long long)n);
		return;
	}
	for (; u + 1 < COUNT(unit) && n / size >= 1024; u++)
		size *= 1024;
	buf_printf(p->b, "%llu.%llu %s", (unsigned long long)(n / size),
	    (unsigned long long)(n % size * 10 / size), unit[u]);
}

static void usage_row(struct page *p, const char *label, const char *used,
    const char *limit, bool time)
{
	uint64_t n = figure(&p->usage, member(&p->usage, "usage", used));
	uint64_t all = figure(&p->run, member(&p->run, "limits", limit));
	char text[40];

	buf_printf(p->b, "<tr><th scope=\"row\">%s</th><td>", label);
	put_bar(p, all > 0 && n >= all ? "block" : "low", all > 0 ? n * 100 / all : 0);
	put(p, "</td><td>");
	if (time)
		put(p, duration_go(text, n));
	else
		put_size(p, n);
	put(p, " of ");
	if (time)
		put(p, duration_go(text, all));
	else
		put_size(p, all);
	put(p, "</td></tr>\n");
}

/* Measured figures differ from run to run, so a run whose clock stood still, in
 * order to be repeated to the byte, shows none. */
static void put_usage(struct page *p)
{
	if (p->frozen || json_kind(&p->usage, member(&p->usage, "usage", NULL)) != JSON_OBJECT)
		return;
	put(p, "<h3>Resources</h3>\n<table class=\"bars\"><thead><tr><th scope=\"col\">What</th>"
	    "<th scope=\"col\">Share</th><th scope=\"col\">Used of limit</th></tr></thead><tbody>\n");
	usage_row(p, "CPU", "cpu_ns", "cpu_ns", true);
	usage_row(p, "Memory", "memory_peak_bytes", "memory_bytes", false);
	usage_row(p, "Time", "wall_ns", "wall_ns", true);
	put(p, table_close);
}

static void put_summary(struct page *p)
{
	static const struct { const char *label, *first, *second; } rows[] = {
		{ "Detail", "ending", "detail" },
		{ "Stopped by", "ending", "by" },
		{ "Task", "task_id", NULL },
		{ "Arguments", "args", NULL },
		{ "Input", "input", "path" },
		{ "Input digest", "input", "sha256" },
		{ "Capabilities granted", "capabilities", "granted" },
		{ "Capabilities refused", "capabilities", "refused" },
		{ "CPU limit", "limits", "cpu" },
		{ "Memory limit", "limits", "memory" },
		{ "Time limit", "limits", "wall" },
		{ "Process limit", "limits", "pids" },
		{ "Workspace limit", "limits", "workspace" },
		{ "Artifact digest", "plugin", "artifact" },
		{ "Signing key", "plugin", "key_file" },
		{ "Key id", "plugin", "key_id" },
		{ "Trust root", "trust", "root" },
		{ "Policy profile", "policy", "profile" },
		{ "Policy digest", "policy", "sha256" },
		{ "Configuration digest", "config_sha256", NULL },
	};
	const struct json *j = &p->run;

	section_open(p, "summary", "Summary");
	if (member(j, "refusal", "sentence") >= 0) {
		put(p, "<p class=\"box block\">");
		html_value(p->b, j, member(j, "refusal", "sentence"));
		put(p, "</p>\n");
	}
	if (json_kind(j, member(j, "trust", "allow_unsigned")) == JSON_TRUE)
		put(p, "<p class=\"box approval\">This run was started with "
		    "--allow-unsigned: the plugin did not have to be allowlisted or "
		    "signed.</p>\n");
	put(p, table_open);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int v = member(j, rows[i].first, rows[i].second);

		if (json_kind(j, v) == JSON_OBJECT)
			v = json_get(j, v, "sha256");
		if (v >= 0 && json_kind(j, v) != JSON_NULL)
			html_row(p->b, rows[i].label, j, v);
	}
	put(p, table_close);
	put_usage(p);
	put(p, "</section>\n");
}

/* ---- findings -------------------------------------------------------------------------------- */

/* Where the lines of one severity begin, as far as they can be shown. */
struct lines {
	size_t *at, n, room;
	uint64_t count;
};

static void lines_add(struct arena *a, struct lines *l, size_t at)
{
	l->count++;
	if (l->n == FINDINGS_SHOWN)
		return;
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;
		size_t *more = arena_array(a, room, sizeof(*more));

		if (l->n > 0)
			memcpy(more, l->at, l->n * sizeof(*more));
		l->at = more;
		l->room = room;
	}
	l->at[l->n++] = at;
}

static struct bytes line_at(struct bytes all, size_t at)
{
	const unsigned char *end = memchr(all.p + at, '\n', all.n - at);

	return (struct bytes){ all.p + at, end != NULL ?
	    (size_t)(end - all.p) - at : all.n - at };
}

static int finding_severity(struct arena *scratch, struct bytes line, struct json *j)
{
	char error[200];

	if (line.n > FINDING_LINE_MAX || json_parse(scratch, line, j, error) < 0)
		return -1;
	for (int s = 0; s < SEV_COUNT; s++)
		if (json_is(j, json_get(j, 0, "severity"), severity_name((enum severity)s)))
			return s;
	return -1;
}

/* How many lines are no finding. */
static uint64_t findings_sort(struct page *p, struct bytes all, struct lines found[SEV_COUNT])
{
	struct arena scratch = { 0 };
	uint64_t unreadable = 0;

	for (size_t at = 0; at < all.n; ) {
		struct bytes line = line_at(all, at);
		struct json j;
		int s = finding_severity(&scratch, line, &j);

		if (s < 0)
			unreadable++;
		else
			lines_add(&p->a, &found[s], at);
		at += line.n + 1;
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	return unreadable;
}

static void cell(struct page *p, const char *label, const struct json *j, const char *name)
{
	int v = json_get(j, 0, name);

	/* On a narrow screen the label stands before the text, if there is one. */
	if (v < 0) {
		put(p, "<td>");
		return;
	}
	buf_printf(p->b, "<td class=\"text\" data-label=\"%s\">", label);
	html_value(p->b, j, v);
}

static void put_finding(struct page *p, struct arena *scratch, struct bytes line)
{
	struct json j;
	int meta, evidence, shown = 0;

	if (finding_severity(scratch, line, &j) < 0)
		return;
	evidence = json_get(&j, 0, "evidence");
	meta = json_get(&j, 0, "meta");
	put(p, "<tr>");
	cell(p, "Type", &j, "type");
	put(p, "</td>");
	cell(p, "Target", &j, "target");
	put(p, "</td>");
	cell(p, "Message", &j, "message");
	put(p, "<details><summary>evidence and meta</summary>\n<table><tbody>\n");
	if (evidence >= 0)
		html_row(p->b, "evidence", &j, evidence);
	html_row(p->b, "id", &j, json_get(&j, 0, "id"));
	html_row(p->b, "ts", &j, json_get(&j, 0, "ts"));
	if (json_kind(&j, meta) == JSON_OBJECT)
		for (int n = json_first(&j, meta); n >= 0 && shown < META_SHOWN;
		    n = json_next(&j, n), shown++) {
			put(p, "<tr><th scope=\"row\">");
			html_text(p->b, json_string(scratch, &j, n), HTML_WORD, false);
			put(p, "</th><td>");
			html_value(p->b, &j, json_value(&j, n));
			put(p, "</td></tr>\n");
		}
	put(p, table_close);
	put(p, "</details></td></tr>\n");
}

static void put_severity(struct page *p, enum severity s, struct bytes all,
    const struct lines *l, uint64_t *shown, size_t start)
{
	struct arena scratch = { 0 };
	size_t i;

	buf_printf(p->b, "<h3><span class=\"word %s\">%s</span> <small>%llu</small></h3>\n"
	    "<table class=\"found\"><colgroup><col class=\"t\"><col class=\"w\"><col></colgroup>"
	    "<thead><tr><th scope=\"col\">Type</th><th scope=\"col\">Target</th>"
	    "<th scope=\"col\">Message</th></tr></thead><tbody>\n",
	    severity_name(s), severity_name(s), (unsigned long long)l->count);
	for (i = 0; i < l->n && *shown < FINDINGS_SHOWN &&
	    p->b->n - start < FINDINGS_BYTES; i++, ++*shown) {
		put_finding(p, &scratch, line_at(all, l->at[i]));
		arena_reset(&scratch);
	}
	put(p, table_close);
	if (i < l->count)
		buf_printf(p->b, "<p class=\"note\">%llu more of this severity are in "
		    "<code>findings.jsonl</code>.</p>\n", (unsigned long long)(l->count - i));
	arena_free(&scratch);
}

static void put_bars(struct page *p, const struct lines found[SEV_COUNT])
{
	uint64_t most = 1;

	for (int s = 0; s < SEV_COUNT; s++)
		if (found[s].count > most)
			most = found[s].count;
	put(p, "<table class=\"bars\"><thead><tr><th scope=\"col\">Severity</th>"
	    "<th scope=\"col\">Share</th><th scope=\"col\">Findings</th></tr></thead><tbody>\n");
	for (int s = SEV_COUNT - 1; s >= 0; s--) {
		const char *word = severity_name((enum severity)s);
		uint64_t n = found[s].count, share = n * 100 / most;

		buf_printf(p->b, "<tr><th scope=\"row\" class=\"word %s\">%s</th><td>", word, word);
		put_bar(p, word, n > 0 && share == 0 ? 1 : share);
		buf_printf(p->b, "</td><td>%llu</td></tr>\n", (unsigned long long)n);
	}
	put(p, table_close);
}

static void put_findings(struct page *p)
{
	struct bytes all = folder_get(p->folder, "findings.jsonl");
	struct lines found[SEV_COUNT] = { 0 };
	uint64_t shown = 0, unreadable = findings_sort(p, all, found);
	uint64_t rejected = figure(&p->run, member(&p->run, "findings", "rejected"));
	uint64_t total = 0;
	size_t start = p->b->n;

	for (int s = 0; s < SEV_COUNT; s++)
		total += found[s].count;
	section_open(p, "findings", "Findings");
	if (total == 0)
		put(p, "<p>No findings.</p>\n");
	else
		put_bars(p, found);
	if (rejected > 0)
		buf_printf(p->b, "<p class=\"box approval\">Rejected because they do not follow "
		    "the schema: %llu; the journal says why.</p>\n", (unsigned long long)rejected);
	if (unreadable > 0)
		buf_printf(p->b, "<p class=\"box block\">Lines of <code>findings.jsonl</code> that "
		    "are no findings: %llu.</p>\n", (unsigned long long)unreadable);
	for (int s = SEV_COUNT - 1; s >= 0; s--)
		if (found[s].count > 0)
			put_severity(p, (enum severity)s, all, &found[s], &shown, start);
	put(p, "</section>\n");
}

/* ---- verifier, gate, isolation ------------------------------------------------------------------ */

/* A class only from words we know: it stands outside html_text. */
static void put_word(struct page *p, const struct json *j, int v)
{
	static const char *const known[] = {
		"PASS", "FAIL", "SKIP", "pass", "block", "approval", "not_applicable",
	};
	const char *class = "none";

	for (size_t i = 0; i < COUNT(known); i++)
		if (json_is(j, v, known[i]))
			class = known[i];
	buf_printf(p->b, "<td><span class=\"word %s\">", class);
	if (json_is(j, v, "not_applicable"))
		put(p, "not applicable");
	else
		html_value(p->b, j, v);
	put(p, "</span></td>");
}

/* The list of a report: a name, a word, and what there is to say. */
static void put_checks(struct page *p, const struct json *j, const char *list,
    const char *name, const char *word)
{
	static const char *const saying[] = { "expected", "actual", "detail" };
	int shown = 0, v = json_first(j, json_get(j, 0, list));

	if (json_kind(j, json_get(j, 0, list)) != JSON_ARRAY) {
		put(p, "<p class=\"box block\">This report is missing or unreadable.</p>\n");
		return;
	}
	buf_printf(p->b, "<table class=\"facts\"><thead><tr><th scope=\"col\">%s</th>"
	    "<th scope=\"col\">Result</th><th scope=\"col\">Detail</th></tr></thead><tbody>\n",
	    *word == 's' ? "Check" : "Rule");
	for (; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++) {
		put(p, "<tr><th scope=\"row\">");
		html_value(p->b, j, json_get(j, v, name));
		put(p, "</th>");
		put_word(p, j, json_get(j, v, word));
		put(p, "<td>");
		for (size_t i = 0, said = 0; i < COUNT(saying); i++) {
			int what = json_get(j, v, saying[i]);

			if (what < 0)
				continue;
			put(p, said++ > 0 ? "<br>" : "");
			if (i < 2)
				buf_printf(p->b, "<span class=\"note\">%s</span> ", saying[i]);
			html_value(p->b, j, what);
		}
		put(p, "</td></tr>\n");
	}
	put(p, table_close);
}

static void put_verifier(struct page *p)
{
	section_open(p, "verifier", "Verifier checks");
	put_checks(p, &p->verifier, "checks", "name", "status");
	put(p, "</section>\n");
}

static void put_gate(struct page *p)
{
	const struct json *j = &p->gate;
	int shown = 0, v = json_first(j, json_get(j, 0, "reasons"));

	section_open(p, "gate", "Gate");
	for (; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++) {
		put(p, "<p class=\"box block\">");
		html_value(p->b, j, v);
		put(p, "</p>\n");
	}
	put_checks(p, j, "rules", "rule", "result");
	put(p, "</section>\n");
}

static void put_isolation(struct page *p)
{
	const struct json *j = &p->run;

	section_open(p, "isolation", "Isolation");
	if (json_kind(j, member(j, "isolation", NULL)) != JSON_OBJECT)
		put(p, "<p>No jail was built.</p>\n");
	else {
		put(p, table_open);
		html_row(p->b, "Tier", j, member(j, "isolation", "tier"));
		html_row(p->b, "Layers in force", j, member(j, "isolation", "layers"));
		html_row(p->b, "Runtime", j, member(j, "isolation", "runtime"));
		html_row(p->b, "Built by root", j, member(j, "isolation", "built_by_root"));
		put(p, table_close);
	}
	put(p, "</section>\n");
}

/* ---- output, journal, how to verify --------------------------------------------------------------- */

static void put_stream(struct page *p, const char *name)
{
	const struct json *j = &p->run;
	int v = member(j, "output", name);

	buf_printf(p->b, "<tr><th scope=\"row\">%s</th><td>", name);
	if (v < 0)
		put(p, "<span class=\"note\">none</span>");
	else {
		put_size(p, figure(j, json_get(j, v, "kept_bytes")));
		put(p, json_kind(j, json_get(j, v, "truncated")) == JSON_TRUE ?
		    " kept of " : " of ");
		put_size(p, figure(j, json_get(j, v, "seen_bytes")));
		if (json_kind(j, json_get(j, v, "truncated")) == JSON_TRUE)
			put(p, ", <span class=\"word approval\">truncated</span>");
	}
	put(p, "</td></tr>\n");
}

static void put_output(struct page *p)
{
	struct bytes log = folder_get(p->folder, "logs/stderr.log"), tail = log;
	size_t lines = 0, at = log.n;

	if (at > 0 && log.p[at - 1] == '\n')
		at--;
	while (at > 0 && log.n - at < TAIL_BYTES &&
	    (log.p[at - 1] != '\n' || ++lines < TAIL_LINES))
		at--;
	tail.p += at;
	tail.n -= at;
	section_open(p, "output", "Output");
	put(p, table_open);
	put_stream(p, "stdout");
	put_stream(p, "stderr");
	put(p, table_close);
	if (tail.n > 0) {
		put(p, at > 0 ? "<p class=\"note\">The end of <code>logs/stderr.log</code>:</p>\n" :
		    "<p class=\"note\"><code>logs/stderr.log</code>:</p>\n");
		put(p, "<pre>");
		html_text(p->b, tail, TAIL_BYTES, false);
		put(p, "</pre>\n");
	}
	put(p, "</section>\n");
}

static void put_verify(struct page *p)
{
	section_open(p, "verify", "How to verify this folder");
	put(p, table_open);
	html_row(p->b, "Journal events", &p->run, member(&p->run, "journal", "events"));
	html_row(p->b, "Journal head", &p->run, member(&p->run, "journal", "head"));
	html_row(p->b, "Policy snapshot", &p->gate, json_get(&p->gate, 0, "policy_snapshot_hash"));
	put(p, table_close);
	put(p, "<p>Everything at once: digests, the journal's chain, the gate decided "
	    "again, this page rendered again.</p>\n<pre>oxg check RUN</pre>\n"
	    "<p>The digests alone, without oxg:</p>\n"
	    "<pre>cd RUN &amp;&amp; sha256sum -c --strict SHA256SUMS</pre>\n</section>\n");
}

int report_html(const struct folder *folder, struct buf *out, struct why *why)
{
	struct page p = { .b = out, .folder = folder };

	if (folder_get(folder, "run.json").p == NULL)
		return refuse(why, REFUSE_EVIDENCE, "%s has no run.json, so there is "
		    "nothing to report on", folder->path);
	document(&p, "run.json", &p.run);
	document(&p, "verifier_report.json", &p.verifier);
	document(&p, "gate_report.json", &p.gate);
	document(&p, "usage.json", &p.usage);
	/* Anything but a clock known to run is taken to stand still. */
	p.frozen = !json_is(&p.run, json_get(&p.run, 0, "clock"), "wall");
	put_head(&p);
	put_summary(&p);
	put_findings(&p);
	put_verifier(&p);
	put_gate(&p);
	put_isolation(&p);
	put_output(&p);
	put_verify(&p);
	put(&p, "</main>\n</body>\n</html>\n");
	arena_free(&p.a);
	return 0;
}
