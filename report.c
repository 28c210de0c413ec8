/*
 * report.c - stored evidence as one page of HTML: no script, nothing from
 * elsewhere, the same bytes for the same folder. Runs in the supervisor after
 * every child is dead, and in `oxg report` and `oxg check`.
 *
 * Every text from the folder goes through html_text (evidence/html.c), which
 * leaves no markup and nothing unseen; the content security policy forbids what
 * would slip through. What decides comes first: the decision and its reasons,
 * the findings, then how the run was made and how to verify all of it. Of several
 * runs there is a table, and their findings together.
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

/* The value at "a.b.c". */
static int member(const struct json *j, const char *path)
{
	char name[40];
	int v = 0;

	for (size_t n; *path != '\0'; path += n + (path[n] == '.')) {
		for (n = 0; path[n] != '\0' && path[n] != '.' && n < sizeof(name) - 1; n++)
			name[n] = path[n];
		name[n] = '\0';
		v = json_get(j, v, name);
	}
	return v;
}

static bool is_object(const struct json *j, const char *name)
{
	return json_kind(j, member(j, name)) == JSON_OBJECT;
}

static void section_open(struct page *p, const char *id, const char *title)
{
	buf_printf(p->b, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n",
	    id, id, title);
}

static const char section_close[] = "</section>\n";
static const char table_open[] = "<table class=\"facts\"><tbody>\n";
static const char table_close[] = "</tbody></table>\n";

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
	int name = member(&p->run, "plugin.name");
	struct arena scratch = { 0 };

	if (name < 0)
		name = member(&p->run, "plugin_path");
	if (name >= 0)
		html_text(p->b, json_string(&scratch, &p->run, name), HTML_WORD, plain);
	else
		put(p, "unknown plugin");
	arena_free(&scratch);
}

static void put_ending(struct page *p)
{
	const struct json *j = &p->run;
	int reason = member(j, "ending.reason");

	if (reason < 0)
		put(p, is_object(j, "refusal") ? "refused: nothing was executed" :
		    "no ending is recorded");
	else if (json_is(j, reason, "exited")) {
		put(p, "exited with status ");
		html_value(p->b, j, member(j, "ending.exit_status"));
	} else if (json_is(j, reason, "crashed")) {
		put(p, "crashed: ");
		html_value(p->b, j, member(j, "ending.signal_name"));
	} else {
		put(p, "stopped: ");
		html_value(p->b, j, reason);
		put(p, " <span class=\"note\">");
		html_value(p->b, j, member(j, "ending.detail"));
		put(p, "</span>");
	}
}

/* Named by its digest, the style sheet is the only thing that applies. */
static void put_style(struct page *p)
{
	unsigned char digest[SHA256_SIZE];
	struct sha256 hash;

	sha256_start(&hash);
	sha256_add(&hash, html_style, strlen(html_style));
	sha256_add(&hash, html_style_narrow, strlen(html_style_narrow));
	sha256_end(&hash, digest);
	put(p, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	    "style-src 'sha256-");
	base64_encode(p->b, (struct bytes){ digest, sizeof(digest) });
	put(p, "'; base-uri 'none'; form-action 'none'\">\n<style>");
	put(p, html_style);
	put(p, html_style_narrow);
	put(p, "</style>\n");
}

/* What stands between this run and a PASS, in the gate's words. */
static void put_reasons(struct page *p)
{
	const struct json *j = &p->gate;
	bool waits = json_is(j, member(j, "decision"), "REQUIRE_APPROVAL");
	int shown = 0, v = json_first(j, member(j, "reasons"));

	if (is_object(&p->run, "refusal")) {
		put(p, "<p class=\"box block\">");
		html_value(p->b, &p->run, member(&p->run, "refusal.sentence"));
		put(p, "</p>\n");
		return; /* all other reasons follow from it */
	}
	for (; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++) {
		put(p, waits ? "<p class=\"box approval\">" : "<p class=\"box block\">");
		html_value(p->b, j, v);
		put(p, "</p>\n");
	}
	if (json_kind(&p->run, member(&p->run, "trust.allow_unsigned")) == JSON_TRUE)
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
		html_duration(p->b, html_figure(&p->usage, member(&p->usage, "usage.wall_ns")));
		put(p, "</dd></div>\n");
	}
	put_tile(p, "Isolation", member(j, "isolation.tier"));
	put_tile(p, "Policy", member(j, "policy.profile"));
	put_tile(p, "Signed by", member(j, "plugin.key_file"));
	put(p, "</dl>\n");
	if (!is_object(j, "plugin"))
		return;
	put(p, "<dl class=\"tiles ids\">\n");
	put_tile(p, "Artifact SHA-256", member(j, "plugin.artifact.sha256"));
	put_tile(p, "Key id", member(j, "plugin.key_id"));
	put(p, "</dl>\n");
}

static void put_badge(struct page *p, const char *word, const char *count)
{
	buf_printf(p->b, "<span class=\"badge %s\">%s%s</span> ",
	    strchr(word, ' ') ? "none" : word, count, word);
}

static void put_version(struct page *p)
{
	if (member(&p->run, "plugin.version") < 0)
		return;
	put(p, " <small>");
	html_value(p->b, &p->run, member(&p->run, "plugin.version"));
	put(p, "</small>");
}

static void put_top(struct page *p)
{
	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	put_style(p);
	put(p, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
}

static void put_head(struct page *p)
{
	const char *word = decision(p);

	put_top(p);
	buf_printf(p->b, "%s: ", word);
	put_name(p, true);
	put(p, "</title>\n</head>\n<body>\n<header>\n<p class=\"brand\">oxg run ");
	html_value(p->b, &p->run, member(&p->run, "run_id"));
	put(p, ", ");
	html_value(p->b, &p->run, member(&p->run, "started"));
	put(p, "</p>\n<h1>");
	put_name(p, false);
	put_version(p);
	put(p, "</h1>\n<p class=\"lead\">");
	put_badge(p, word, "");
	put(p, "<span>");
	put_ending(p);
	put(p, "</span></p>\n");
	put_reasons(p);
	put_tiles(p);
	put(p, "</header>\n<nav aria-label=\"Sections\"><a href=\"#findings\">Findings</a> "
	    "<a href=\"#ledger\">Refused operations</a> <a href=\"#gate\">Gate</a> "
	    "<a href=\"#verifier\">Verifier</a> <a href=\"#isolation\">Isolation</a> "
	    "<a href=\"#inputs\">Inputs</a> <a href=\"#run\">Run</a> "
	    "<a href=\"#output\">Output</a> <a href=\"#verify\">How to verify</a></nav>\n<main>\n");
}

/* ---- the overview --------------------------------------------------------------------------- */

/* Measured figures differ from run to run, so a run whose clock stood still, in
 * order to be repeated to the byte, shows none. */
static void put_usage(struct page *p)
{
	if (p->frozen || !is_object(&p->usage, "usage"))
		return;
	section_open(p, "resources", "Resources");
	html_use(p->b, &p->run, &p->usage);
	put(p, section_close);
}

static void put_targets(struct page *p, const struct found *f)
{
	if (f->targets == 0)
		return;
	section_open(p, "targets", "Targets");
	html_targets(p->b, f);
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
	put_targets(p, &p->found);
}

static void put_findings(struct page *p)
{
	uint64_t rejected = html_figure(&p->run, member(&p->run, "findings.rejected"));

	section_open(p, "findings", "Findings");
	if (rejected > 0)
		buf_printf(p->b, "<p class=\"box approval\">Rejected because they do not follow "
		    "the schema: %llu; the journal says why.</p>\n", (unsigned long long)rejected);
	if (p->found.total > 0)
		put(p, "<p class=\"note\">Each names in its meta the run, task, version, artifact, "
		    "key and configuration of this page; they are <a href=\"#inputs\">below</a>, "
		    "and here only where they differ.</p>\n");
	html_findings(p->b, &(struct found_run){ &p->found, &p->run }, 1);
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

/* rows: label, NUL, path, NUL, ..., NUL. What is not there has no row. */
static void put_rows(struct page *p, const struct json *j, const char *rows)
{
	while (*rows != '\0') {
		const char *path = rows + strlen(rows) + 1;
		int v = member(j, path), kind = json_kind(j, v);

		if (v >= 0 && kind != JSON_NULL && (kind != JSON_ARRAY || json_size(j, v) > 0))
			html_row(p->b, rows, j, v);
		rows = path + strlen(path) + 1;
	}
}

static void put_table(struct page *p, const char *id, const char *title, const char *rows)
{
	section_open(p, id, title);
	put(p, table_open);
	put_rows(p, &p->run, rows);
	put(p, table_close);
	put(p, section_close);
}

static void put_run(struct page *p)
{
	put_table(p, "run", "Run",
	    "oxg\0oxg\0"
	    "Plugin\0plugin_path\0"
	    "Task\0task_id\0"
	    "Arguments\0args\0"
	    "Stopped by\0ending.by\0"
	    "Finished\0finished\0"
	    "Capabilities granted\0capabilities.granted\0"
	    "Capabilities refused\0capabilities.refused\0"
	    "Requests to the broker\0broker.requests\0"
	    "Requests refused\0broker.refused\0"
	    "Trust root\0trust.root\0");
}

static void put_isolation(struct page *p)
{
	if (is_object(&p->run, "isolation")) {
		put_table(p, "isolation", "Isolation and limits",
		    "Tier\0isolation.tier\0"
		    "Proving step: questions answered as they must be\0isolation.proved\0"
		    "Layers in force\0isolation.layers\0"
		    "Runtime\0isolation.runtime\0"
		    "Built by root\0isolation.built_by_root\0"
		    "CPU limit\0limits.cpu\0"
		    "Memory limit\0limits.memory\0"
		    "Time limit\0limits.wall\0"
		    "Process limit\0limits.pids\0"
		    "Workspace limit\0limits.workspace\0"
		    "Output limit\0limits.output\0");
		return;
	}
	section_open(p, "isolation", "Isolation and limits");
	put(p, "<p>No jail was built.</p>\n");
	put(p, section_close);
}

static void put_input(struct page *p, const char *label, int name, int digest)
{
	const struct json *j = &p->run;

	if (json_kind(j, name) != JSON_STRING && json_kind(j, digest) != JSON_STRING)
		return;
	buf_printf(p->b, "<tr><th scope=\"row\">%s</th><td>", label);
	if (json_kind(j, name) == JSON_STRING) {
		html_value(p->b, j, name);
		put(p, "<br>");
	}
	html_value(p->b, j, digest);
	put(p, "</td></tr>\n");
}

static void put_inputs(struct page *p)
{
	const struct json *j = &p->run;
	int v = json_first(j, member(j, "plugin.files"));

	section_open(p, "inputs", "Inputs and their SHA-256");
	put(p, table_open);
	put_input(p, "Artifact", member(j, "plugin.artifact.path"), member(j, "plugin.artifact.sha256"));
	put_input(p, "Manifest", -1, member(j, "plugin.manifest_sha256"));
	for (int shown = 0; v >= 0 && shown < HTML_ROWS; v = json_next(j, v), shown++)
		put_input(p, "File", json_get(j, v, "path"), json_get(j, v, "sha256"));
	put_input(p, "Key", member(j, "plugin.key_file"), member(j, "plugin.key_id"));
	put_input(p, "Policy", member(j, "policy.source"), member(j, "policy.sha256"));
	put_input(p, "Task", -1, member(j, "task_sha256"));
	put_input(p, json_kind(j, member(j, "input.snapshotted")) == JSON_FALSE ?
	    "Input, live: without a digest" : "Input", member(j, "input.path"),
	    member(j, "input.sha256"));
	if (is_object(j, "project"))
		put_input(p, "Project, live: without a digest", member(j, "project.path"), -1);
	put_input(p, "Configuration: manifest, policy, limits, tier", -1, member(j, "config_sha256"));
	put(p, table_close);
	put(p, section_close);
}

/* What the kernel refused, as it was written down. */
static void put_ledger(struct page *p)
{
	section_open(p, "ledger", "Refused operations");
	if (is_object(&p->run, "ledger"))
		html_ledger(p->b, &p->run, folder_get(p->folder, "ledger.jsonl"));
	else
		put(p, "<p>Nothing was executed.</p>\n");
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
	int v = json_get(j, member(j, "output"), name);

	buf_printf(p->b, "<tr><th scope=\"row\">%s</th><td>", name);
	if (v < 0)
		put(p, "<span class=\"note\">none</span>");
	else {
		html_size(p->b, html_figure(j, json_get(j, v, "kept_bytes")));
		if (json_kind(j, json_get(j, v, "truncated")) == JSON_TRUE) {
			put(p, " kept of ");
			html_size(p->b, html_figure(j, json_get(j, v, "seen_bytes")));
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
	put_rows(p, &p->run, "Journal events\0journal.events\0Journal head\0journal.head\0");
	put_rows(p, &p->gate, "Policy snapshot\0policy_snapshot_hash\0");
	put(p, table_close);
	put(p, "<p>Everything at once: digests, the journal's chain, the gate decided "
	    "again, this page rendered again.</p>\n<pre>oxg check RUN</pre>\n"
	    "<p>The digests alone, without oxg:</p>\n"
	    "<pre>cd RUN &amp;&amp; sha256sum -c --strict SHA256SUMS</pre>\n"
	    "<p>If <code>attestation.json</code> is there, the folder was signed. With the "
	    "signer's public key, without oxg: the signature, then the files that it names.</p>\n"
	    "<pre>cd RUN &amp;&amp; d=$(mktemp -d)\n"
	    "jq -r .payload attestation.json | base64 -d &gt;$d/body\n"
	    "t=$(jq -r .payloadType attestation.json)\n"
	    "{ printf &#39;DSSEv1 %d %s %d &#39; ${#t} &quot;$t&quot; $(wc -c &lt;$d/body); cat $d/body; } &gt;$d/pae\n"
	    "jq -r &#39;.signatures[0].sig&#39; attestation.json | base64 -d &gt;$d/sig\n"
	    "openssl dgst -sha256 -verify KEY.pub -signature $d/sig $d/pae\n"
	    "jq -r &#39;.subject[] | .digest.sha256 + &quot;  &quot; + .name&#39; $d/body | sha256sum -c --strict</pre>\n");
	put(p, section_close);
}

/* ---- whole pages ------------------------------------------------------------------------------------ */

/* page_close frees. 0, or -1 with why (EVIDENCE). */
static int page_open(struct page *p, const struct folder *folder, struct buf *out, struct why *why)
{
	*p = (struct page){ .b = out, .folder = folder };
	if (folder_get(folder, "run.json").p == NULL)
		return refuse(why, REFUSE_EVIDENCE, "%s has no run.json, so there is "
		    "nothing to report on", folder->path);
	document(p, "run.json", &p->run);
	document(p, "verifier_report.json", &p->verifier);
	document(p, "gate_report.json", &p->gate);
	document(p, "usage.json", &p->usage);
	if (folder->found != NULL)
		p->found = *folder->found;
	else
		found_read(&p->a, folder_get(folder, "findings.jsonl"), &p->found);
	/* Anything but a clock known to run is taken to stand still. */
	p->frozen = !json_is(&p->run, json_get(&p->run, 0, "clock"), "wall");
	return 0;
}

static void put_end(struct page *p)
{
	put(p, "</main>\n</body>\n</html>\n");
}

int report_html(const struct folder *folder, struct buf *out, struct why *why)
{
	struct page p;

	if (page_open(&p, folder, out, why) < 0)
		return -1;
	put_head(&p);
	put_overview(&p);
	put_findings(&p);
	put_ledger(&p);
	put_gate(&p);
	put_verifier(&p);
	put_isolation(&p);
	put_inputs(&p);
	put_run(&p);
	put_audit(&p);
	html_artifacts(p.b, folder);
	if (html_figure(&p.run, member(&p.run, "schema_version")) > 2)
		html_changes(p.b, folder);
	put_output(&p);
	put_verify(&p);
	put_end(&p);
	arena_free(&p.a);
	return 0;
}

/* ---- several runs in one page ----------------------------------------------------------------------- */

static int order(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int way = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return way != 0 ? way : (a.n > b.n) - (a.n < b.n);
}

static struct bytes page_text(const struct page *p, const char *name)
{
	return json_raw(&p->run, member(&p->run, name));
}

/* By their start, then their id; two copies of one run by all that is in them. */
static int pages_compare(const void *left, const void *right)
{
	const struct page *a = left, *b = right;
	int way = order(page_text(a, "started"), page_text(b, "started"));

	if (way == 0)
		way = order(page_text(a, "run_id"), page_text(b, "run_id"));
	return way != 0 ? way : order(folder_get(a->folder, "SHA256SUMS"),
	    folder_get(b->folder, "SHA256SUMS"));
}

static void put_runs_head(struct page *page, size_t n, const struct found *all)
{
	static const char *const words[] = { "BLOCK", "REQUIRE_APPROVAL", "PASS", "no decision" };
	struct page *p = &page[0];
	char count[24];

	put_top(p);
	buf_printf(p->b, "%zu runs</title>\n</head>\n<body>\n<header>\n<p class=\"brand\">oxg report"
	    "</p>\n<h1>%zu runs</h1>\n<p class=\"lead\">", n, n);
	for (size_t w = 0; w < COUNT(words); w++) {
		size_t with = 0;

		for (size_t i = 0; i < n; i++)
			with += strcmp(decision(&page[i]), words[w]) == 0;
		snprintf(count, sizeof(count), "%zu ", with);
		if (with > 0)
			put_badge(p, words[w], count);
	}
	buf_printf(p->b, "</p>\n<dl class=\"tiles\">\n<div><dt>Findings</dt><dd>%llu</dd></div>\n",
	    (unsigned long long)all->total);
	put_tile(p, "First started", member(&p->run, "started"));
	put_tile(&page[n - 1], "Last started", member(&page[n - 1].run, "started"));
	put(p, "</dl>\n</header>\n<main>\n");
}

static void put_runs_row(struct page *p, size_t number)
{
	const char *word = decision(p);

	buf_printf(p->b, "<tr id=\"run-%zu\"><th scope=\"row\">run %zu</th><td>", number, number);
	put_name(p, false);
	put_version(p);
	buf_printf(p->b, "</td><td class=\"word %s\">%s</td><td>",
	    strchr(word, ' ') ? "none" : word, word);
	put_ending(p);
	put(p, "</td><td>");
	for (int s = SEV_COUNT - 1; s >= 0; s--)
		if (p->found.by[s].count > 0)
			buf_printf(p->b, "<span class=\"word %s\">%llu %s</span> ",
			    severity_name((enum severity)s), (unsigned long long)p->found.by[s].count,
			    severity_name((enum severity)s));
	put(p, p->found.total > 0 ? "</td><td>" : "none</td><td>");
	html_value(p->b, &p->run, member(&p->run, "run_id"));
	put(p, "<br>");
	html_value(p->b, &p->run, member(&p->run, "started"));
	put(p, "</td></tr>\n");
}

static void put_runs(struct page *page, size_t n, const struct found_run *run)
{
	struct found all = found_sum(run, n);
	struct page *p = &page[0];

	put_runs_head(page, n, &all);
	if (all.total > 0) {
		section_open(p, "severity", "Severity");
		html_severities(p->b, &all);
		put(p, section_close);
	}
	found_targets(run, n, &all);
	put_targets(p, &all);
	section_open(p, "runs", "Runs");
	put(p, "<table class=\"runs\"><thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Plugin</th>"
	    "<th scope=\"col\">Decision</th><th scope=\"col\">Ending</th><th scope=\"col\">Findings</th>"
	    "<th scope=\"col\">Id, started</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < n; i++)
		put_runs_row(&page[i], i + 1);
	put(p, table_close);
	put(p, section_close);
	section_open(p, "findings", "Findings");
	html_findings(p->b, run, n);
	put(p, section_close);
	put_end(p);
}

int report_html_runs(const struct folder *folder, size_t n, struct buf *out, struct why *why)
{
	struct arena a = { 0 };
	struct page *page = arena_array(&a, n, sizeof(*page));
	struct found_run *run = arena_array(&a, n, sizeof(*run));
	size_t opened = 0;
	int result = 0;

	if (n == 1)
		result = report_html(folder, out, why);
	while (n > 1 && result == 0 && opened < n) {
		result = page_open(&page[opened], &folder[opened], out, why);
		opened++;
	}
	if (n > 1 && result == 0) {
		sort(page, n, sizeof(*page), pages_compare);
		for (size_t i = 0; i < n; i++)
			run[i] = (struct found_run){ &page[i].found, &page[i].run };
		put_runs(page, n, run);
	}
	for (size_t i = 0; i < opened; i++)
		arena_free(&page[i].a);
	arena_free(&a);
	return result;
}
