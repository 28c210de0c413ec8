/*
 * report.c - stored evidence as one page of HTML: no script, nothing from
 * elsewhere, the same bytes for the same folder. Runs in the supervisor after
 * every child is dead, and in `oxg report` and `oxg check`.
 *
 * Every text from the folder goes through html_text (evidence/html.c), which
 * leaves no markup and nothing unseen; the content security policy forbids what
 * would slip through. What decides comes first: the decision and its reasons,
 * the findings, then how the run was made and how to verify all of it.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

#define TAIL_BYTES 4096           /* of stderr, from its end */
#define TAIL_LINES 20

struct page {
	struct buf *b;
	struct arena a;           /* documents, until the page is done */
	const struct folder *folder;
	struct json run, verifier, gate, usage;
	struct found found;
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

static bool is_object(const struct json *j, const char *name)
{
	return json_kind(j, member(j, name, NULL)) == JSON_OBJECT;
}

static uint64_t figure(const struct json *j, int v)
{
	int64_t n;

	return json_integer(j, v, &n) && n > 0 ? (uint64_t)n : 0;
}

static void section_open(struct page *p, const char *id, const char *title)
{
	buf_printf(p->b, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n",
	    id, id, title);
}

static const char section_close[] = "</section>\n";
static const char table_open[] = "<table class=\"facts\"><tbody>\n";
static const char table_close[] = "</tbody></table>\n";

/* ---- figures for people ------------------------------------------------------------------- */

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
	buf_printf(p->b, "%llu", (unsigned long long)(n / size));
	if (n % size != 0)
		buf_printf(p->b, ".%llu", (unsigned long long)(n % size * 10 / size));
	buf_printf(p->b, " %s", unit[u]);
}

static void put_duration(struct page *p, uint64_t ns)
{
	const uint64_t ms = 1000000, s = 1000 * ms;
	char text[40];

	if (ns < 10 * ms)
		buf_printf(p->b, "%llu.%llu ms", (unsigned long long)(ns / ms),
		    (unsigned long long)(ns % ms / (ms / 10)));
	else if (ns < s)
		buf_printf(p->b, "%llu ms", (unsigned long long)(ns / ms));
	else if (ns < 60 * s && ns % s != 0)
		buf_printf(p->b, "%llu.%llu s", (unsigned long long)(ns / s),
		    (unsigned long long)(ns % s / (s / 10)));
	else if (ns < 60 * s)
		buf_printf(p->b, "%llu s", (unsigned long long)(ns / s));
	else
		put(p, duration_go(text, ns - ns % s));
}

/* ---- the head ---------------------------------------------------------------------------- */

static const char *decision(const struct page *p)
{
	static const char *const word[] = { "PASS", "BLOCK", "REQUIRE_APPROVAL" };
	int d = gate_decision(folder_get(p->folder, "gate_report.json"));

	return d < 0 ? "no decision" : word[d];
}

/* Of a plugin that was refused before it could be read there is only its path. */
static void put_name(struct page *p, bool plain)
{
	int name = member(&p->run, "plugin", "name");
	struct arena scratch = { 0 };

	if (name < 0)
		name = member(&p->run, "plugin_path", NULL);
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
		put(p, is_object(j, "refusal") ? "refused: nothing was executed" :
		    "no ending is recorded");
	else if (json_is(j, reason, "exited")) {
		put(p, "exited with status ");
		html_value(p->b, j, member(j, "ending", "exit_status"));
	} else if (json_is(j, reason, "crashed")) {
		put(p, "crashed: ");
		html_value(p->b, j, member(j, "ending", "signal_name"));
	} else {
		put(p, "stopped: ");
		html_value(p->b, j, reason);
		put(p, " <span class=\"note\">");
		html_value(p->b, j, member(j, "ending", "detail"));
		put(p, "</span>");
	}
}

/* Named by its digest, the style sheet is the only thing that applies. */
static void put_style(struct page *p)
{
	struct bytes style = bytes_of(html_style);
	unsigned char digest[SHA256_SIZE];

	sha256(style, digest);
	put(p, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'sha256-");
	base64_encode(p->b, (struct bytes){ digest, sizeof(digest) });
	put(p, "'; base-uri 'none'; form-action 'none'\">\n<style>");
	put(p, html_style);
	put(p, "</style>\n");
}

/* What stands between this run and a PASS, in the gate's words. */
static void put_reasons(struct page *p)
{
	const struct json *j = &p->gate;
	bool waits = json_is(j, member(j, "decision", NULL), "REQUIRE_APPROVAL");
	int shown = 0, v = json_first(j, member(j, "reasons", NULL));

	if (is_object(&p->run, "refusal")) {
		put(p, "<p class=\"box block\">");
		html_value(p->b, &p->run, member(&p->run, "refusal", "sentence"));
		put(p, "</p>\n");
		return; /* all other reasons follow from it */
	}
	for (; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++) {
		put(p, waits ? "<p class=\"box approval\">" : "<p class=\"box block\">");
		html_value(p->b, j, v);
		put(p, "</p>\n");
	}
	if (json_kind(&p->run, member(&p->run, "trust", "allow_unsigned")) == JSON_TRUE)
		put(p, "<p class=\"box approval\">This run was started with "
		    "--allow-unsigned: the plugin did not have to be allowlisted or "
		    "signed.</p>\n");
}

static void put_tile(struct page *p, const char *label, int v)
{
	if (v < 0 || json_kind(&p->run, v) == JSON_NULL)
		return;
	buf_printf(p->b, "<div><dt>%s</dt><dd>", label);
	html_value(p->b, &p->run, v);
	put(p, "</dd></div>\n");
}

static void put_tiles(struct page *p)
{
	const struct json *j = &p->run;

	buf_printf(p->b, "<dl class=\"tiles\">\n<div><dt>Findings</dt><dd>%llu</dd></div>\n",
	    (unsigned long long)p->found.total);
	if (!p->frozen && is_object(&p->usage, "usage")) {
		put(p, "<div><dt>Took</dt><dd>");
		put_duration(p, figure(&p->usage, member(&p->usage, "usage", "wall_ns")));
		put(p, "</dd></div>\n");
	}
	put_tile(p, "Isolation", member(j, "isolation", "tier"));
	put_tile(p, "Policy", member(j, "policy", "profile"));
	put_tile(p, "Signed by", member(j, "plugin", "key_file"));
	put(p, "</dl>\n");
}

static void put_head(struct page *p)
{
	const char *word = decision(p);

	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	put_style(p);
	put(p, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	buf_printf(p->b, "%s: ", word);
	put_name(p, true);
	put(p, "</title>\n</head>\n<body>\n<header>\n<p class=\"brand\">oxg run ");
	html_value(p->b, &p->run, member(&p->run, "run_id", NULL));
	put(p, ", ");
	html_value(p->b, &p->run, member(&p->run, "started", NULL));
	put(p, "</p>\n<h1>");
	put_name(p, false);
	if (member(&p->run, "plugin", "version") >= 0) {
		put(p, " <small>");
		html_value(p->b, &p->run, member(&p->run, "plugin", "version"));
		put(p, "</small>");
	}
	buf_printf(p->b, "</h1>\n<p class=\"lead\"><span class=\"badge %s\">%s</span> <span>",
	    strchr(word, ' ') ? "none" : word, word);
	put_ending(p);
	put(p, "</span></p>\n");
	put_reasons(p);
	put_tiles(p);
	put(p, "</header>\n<main>\n");
}

/* ---- the overview --------------------------------------------------------------------------- */

static void usage_row(struct page *p, const char *label, const char *used,
    const char *limit, void (*show)(struct page *, uint64_t))
{
	uint64_t n = figure(&p->usage, member(&p->usage, "usage", used));
	uint64_t all = figure(&p->run, member(&p->run, "limits", limit));
	uint64_t share = all == 0 ? 0 : n >= all ? 100 : n / (all / 100 + 1);

	buf_printf(p->b, "<tr><th scope=\"row\">%s</th><td>", label);
	html_bar(p->b, share >= 100 ? "block" : share >= 80 ? "approval" : "low",
	    n > 0 && share == 0 ? 1 : share);
	put(p, "</td><td>");
	if (n > 0)
		show(p, n);
	else /* over before it was looked at */
		put(p, "\xe2\x80\x93");
	put(p, " of ");
	show(p, all);
	put(p, "</td></tr>\n");
}

/* Measured figures differ from run to run, so a run whose clock stood still, in
 * order to be repeated to the byte, shows none. */
static void put_usage(struct page *p)
{
	if (p->frozen || !is_object(&p->usage, "usage"))
		return;
	section_open(p, "resources", "Resources");
	put(p, "<table class=\"bars\"><tbody>\n");
	usage_row(p, "CPU", "cpu_ns", "cpu_ns", put_duration);
	usage_row(p, "Memory", "memory_peak_bytes", "memory_bytes", put_size);
	usage_row(p, "Time", "wall_ns", "wall_ns", put_duration);
	put(p, table_close);
	put(p, section_close);
}

static void put_overview(struct page *p)
{
	put(p, "<div class=\"cards\">\n");
	if (p->found.total > 0) {
		section_open(p, "severity", "Severity");
		html_severities(p->b, &p->found);
		put(p, section_close);
	}
	put_usage(p);
	put(p, "</div>\n");
	if (p->found.targets > 0) {
		section_open(p, "targets", "Targets");
		html_targets(p->b, &p->found);
		put(p, section_close);
	}
}

static void put_findings(struct page *p)
{
	uint64_t rejected = figure(&p->run, member(&p->run, "findings", "rejected"));

	section_open(p, "findings", "Findings");
	if (rejected > 0)
		buf_printf(p->b, "<p class=\"box approval\">Rejected because they do not follow "
		    "the schema: %llu; the journal says why.</p>\n", (unsigned long long)rejected);
	html_findings(p->b, &p->found, &p->run);
	put(p, section_close);
}

/* ---- verifier and gate ------------------------------------------------------------------------ */

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
	buf_printf(p->b, "<td class=\"result\"><span class=\"word %s\">", class);
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
	buf_printf(p->b, "<table class=\"checks\"><thead><tr><th scope=\"col\" class=\"name\">%s"
	    "</th><th scope=\"col\" class=\"result\">Result</th><th scope=\"col\">Detail</th></tr>"
	    "</thead><tbody>\n",
	    *word == 's' ? "Check" : "Rule");
	for (; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++) {
		put(p, "<tr><th scope=\"row\" class=\"name\">");
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
	put(p, section_close);
}

static void put_gate(struct page *p)
{
	section_open(p, "gate", "Gate");
	put_checks(p, &p->gate, "rules", "rule", "result");
	put(p, section_close);
}

/* ---- what ran, in what ----------------------------------------------------------------------------- */

static void put_run(struct page *p)
{
	static const struct { const char *label, *first, *second, *third; } rows[] = {
		{ "Plugin", "plugin_path", NULL, NULL },
		{ "Task", "task_id", NULL, NULL },
		{ "Arguments", "args", NULL, NULL },
		{ "Input", "input", "path", NULL },
		{ "Input digest", "input", "sha256", NULL },
		{ "Stopped by", "ending", "by", NULL },
		{ "Finished", "finished", NULL, NULL },
		{ "Capabilities granted", "capabilities", "granted", NULL },
		{ "Capabilities refused", "capabilities", "refused", NULL },
		{ "Requests to the broker", "broker", "requests", NULL },
		{ "Requests refused", "broker", "refused", NULL },
		{ "Artifact digest", "plugin", "artifact", "sha256" },
		{ "Manifest digest", "plugin", "manifest_sha256", NULL },
		{ "Key id", "plugin", "key_id", NULL },
		{ "Trust root", "trust", "root", NULL },
		{ "Policy digest", "policy", "sha256", NULL },
		{ "Configuration digest", "config_sha256", NULL, NULL },
	};
	const struct json *j = &p->run;

	section_open(p, "run", "Run");
	put(p, table_open);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int v = member(j, rows[i].first, rows[i].second);

		if (rows[i].third != NULL)
			v = json_get(j, v, rows[i].third);
		if (v >= 0 && json_kind(j, v) != JSON_NULL && (json_kind(j, v) != JSON_ARRAY ||
		    json_size(j, v) > 0))
			html_row(p->b, rows[i].label, j, v);
	}
	put(p, table_close);
	put(p, section_close);
}

static void put_isolation(struct page *p)
{
	static const struct { const char *label, *object, *name; } rows[] = {
		{ "Tier", "isolation", "tier" },
		{ "Layers in force", "isolation", "layers" },
		{ "Runtime", "isolation", "runtime" },
		{ "Built by root", "isolation", "built_by_root" },
		{ "CPU limit", "limits", "cpu" },
		{ "Memory limit", "limits", "memory" },
		{ "Time limit", "limits", "wall" },
		{ "Process limit", "limits", "pids" },
		{ "Workspace limit", "limits", "workspace" },
		{ "Output limit", "limits", "output" },
	};
	const struct json *j = &p->run;

	section_open(p, "isolation", "Isolation and limits");
	if (!is_object(j, "isolation"))
		put(p, "<p>No jail was built.</p>\n");
	else {
		put(p, table_open);
		for (size_t i = 0; i < COUNT(rows); i++)
			html_row(p->b, rows[i].label, j, member(j, rows[i].object, rows[i].name));
		put(p, table_close);
	}
	put(p, section_close);
}

/* What the kernel refused, as it was written down. */
static void put_ledger(struct page *p)
{
	struct bytes ledger = folder_get(p->folder, "ledger.jsonl");

	if (!is_object(&p->run, "ledger") || (ledger.n == 0 &&
	    json_kind(&p->run, member(&p->run, "ledger", "heard")) == JSON_TRUE))
		return;
	section_open(p, "ledger", "Refused operations");
	html_ledger(p->b, &p->run, ledger);
	put(p, section_close);
}

/* What --audit saw it do. */
static void put_audit(struct page *p)
{
	if (!is_object(&p->run, "audit"))
		return;
	section_open(p, "audit", "Allowed operations");
	html_audit(p->b, &p->run, folder_get(p->folder, "audit.jsonl"));
	put(p, section_close);
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
		if (json_kind(j, json_get(j, v, "truncated")) == JSON_TRUE) {
			put(p, " kept of ");
			put_size(p, figure(j, json_get(j, v, "seen_bytes")));
			put(p, ", <span class=\"word approval\">truncated</span>");
		}
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
	if (log.n > 0)
		tail = (struct bytes){ log.p + at, log.n - at };
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
	put(p, section_close);
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
	if (folder->found != NULL)
		p.found = *folder->found;
	else
		found_read(&p.a, folder_get(folder, "findings.jsonl"), &p.found);
	/* Anything but a clock known to run is taken to stand still. */
	p.frozen = !json_is(&p.run, json_get(&p.run, 0, "clock"), "wall");
	put_head(&p);
	put_overview(&p);
	put_findings(&p);
	put_gate(&p);
	put_verifier(&p);
	put_run(&p);
	put_isolation(&p);
	put_ledger(&p);
	put_audit(&p);
	put_output(&p);
	put_verify(&p);
	put(&p, "</main>\n</body>\n</html>\n");
	arena_free(&p.a);
	return 0;
}
