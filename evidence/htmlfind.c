/*
 * htmlfind.c - findings inside a page: how many of each severity, the targets
 * named most, and the list, worst first. Runs in the supervisor and in the
 * commands that render reports.
 *
 * As many findings are shown as a browser can bear; what is left out is counted.
 */
#include <string.h>

#include "evidence/evidence.h"

#define SHOWN_BYTES (32u << 20) /* of the page, however long each is */
#define HELD_BYTES (512u << 10) /* of findings.jsonl, while they are shown */
#define META_SHOWN 64         /* members of one finding's meta */
#define LIST_ITEMS 100        /* of one list */

static struct bytes line_at(struct bytes all, size_t at)
{
	const unsigned char *end = memchr(all.p + at, '\n', all.n - at);

	return (struct bytes){ all.p + at, end != NULL ?
	    (size_t)(end - all.p) - at : all.n - at };
}

/* ---- figures --------------------------------------------------------------------- */

void html_bar(struct buf *to, const char *class, uint64_t percent)
{
	buf_printf(to, "<svg class=\"%s\" aria-hidden=\"true\" focusable=\"false\">"
	    "<rect width=\"%llu%%\" height=\"100%%\"/></svg>", class,
	    (unsigned long long)(percent > 100 ? 100 : percent));
}

void html_severities(struct buf *to, const struct found *f)
{
	uint64_t most = 1;

	for (int s = 0; s < SEV_COUNT; s++)
		if (f->by[s].count > most)
			most = f->by[s].count;
	buf_text(to, "<table class=\"bars\"><tbody>\n");
	for (int s = SEV_COUNT - 1; s >= 0; s--) {
		const char *word = severity_name((enum severity)s);
		uint64_t n = f->by[s].count, share = n * 100 / most;

		buf_printf(to, "<tr><th scope=\"row\" class=\"word %s\">%s</th><td>", word, word);
		html_bar(to, word, n > 0 && share == 0 ? 1 : share);
		buf_printf(to, "</td><td>%llu</td></tr>\n", (unsigned long long)n);
	}
	buf_text(to, "</tbody></table>\n");
}

static void target_text(struct buf *to, struct bytes raw, size_t max)
{
	struct arena scratch = { 0 };

	html_text(to, json_decode(&scratch, raw), max, false);
	arena_free(&scratch);
}

void html_targets(struct buf *to, const struct found *f)
{
	buf_text(to, "<table class=\"targets\"><thead><tr><th scope=\"col\">Findings</th>"
	    "<th scope=\"col\">Target</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < f->targets && i < FOUND_TARGETS; i++) {
		buf_printf(to, "<tr><td>%llu</td><td class=\"text\">",
		    (unsigned long long)f->target[i].count);
		target_text(to, f->target[i].raw, HTML_WORD);
		buf_text(to, "</td></tr>\n");
	}
	buf_text(to, "</tbody></table>\n");
	if (f->targets > FOUND_TARGETS)
		buf_printf(to, "<p class=\"note\">and %s%zu more targets</p>\n",
		    f->targets == FOUND_TARGETS_COUNTED ? "at least " : "", f->targets - FOUND_TARGETS);
}

/* ---- the list ---------------------------------------------------------------------- */

/* What run.json says already need not be said ten thousand times. */
struct repeated {
	const char *meta, *first, *second, *third;
	struct bytes raw;             /* the value there; p NULL: none */
	bool null;
};

static void repeated_find(struct repeated *r, const struct json *run)
{
	int v = json_get(run, 0, r->first);

	v = r->second != NULL ? json_get(run, v, r->second) : v;
	v = r->third != NULL ? json_get(run, v, r->third) : v;
	r->null = json_kind(run, v) == JSON_NULL;
	if (json_kind(run, v) == JSON_STRING)
		r->raw = json_raw(run, v);
}

struct list {
	const struct found_run *run;
	size_t runs;
	struct repeated same[6];      /* of the run at hand */
	uint64_t shown, of_severity;
	size_t start;                 /* of the list in the page */
};

static bool repeats(const struct list *l, const struct json *j, int name)
{
	int value = json_value(j, name);

	for (size_t i = 0; i < COUNT(l->same); i++) {
		const struct repeated *r = &l->same[i];

		if (!json_is(j, name, r->meta))
			continue;
		/* An unsigned plugin has no key: "" here, null there. */
		if (r->null)
			return json_is(j, value, "");
		return r->raw.p != NULL && json_kind(j, value) == JSON_STRING &&
		    bytes_equal(r->raw, json_raw(j, value));
	}
	return false;
}

static void put_member(struct buf *to, struct bytes name, const struct json *j, int v)
{
	buf_text(to, "<dt>");
	html_text(to, name, HTML_WORD, false);
	buf_text(to, "</dt><dd>");
	html_value(to, j, v);
	buf_text(to, "</dd>");
}

static void put_more(struct buf *to, struct arena *scratch, const struct json *j,
    const struct list *l)
{
	int evidence = json_get(j, 0, "evidence"), meta = json_get(j, 0, "meta"), shown = 0;
	size_t before = to->n, rows;

	buf_text(to, "<details><summary>evidence and meta</summary><dl>");
	rows = to->n;
	if (evidence >= 0)
		put_member(to, BYTES("evidence"), j, evidence);
	for (int n = json_kind(j, meta) == JSON_OBJECT ? json_first(j, meta) : -1;
	    n >= 0 && shown < META_SHOWN; n = json_next(j, n)) {
		if (repeats(l, j, n))
			continue;
		shown++;
		put_member(to, json_string(scratch, j, n), j, json_value(j, n));
	}
	if (to->n > rows)
		buf_text(to, "</dl></details>");
	else
		to->n = before;
}

static void put_part(struct buf *to, const char *open, const struct json *j,
    const char *name, const char *close)
{
	int v = json_get(j, 0, name);

	if (v < 0)
		return;
	buf_text(to, open);
	html_value(to, j, v);
	buf_text(to, close);
}

/* run: its number in the page, 0: there is one only. */
static void put_finding(struct buf *to, struct arena *scratch, struct bytes line,
    const struct list *l, size_t run)
{
	char error[200];
	struct json j;

	if (json_parse(scratch, line, &j, error) < 0)
		return; /* found_read took it: not so */
	buf_text(to, "<li>");
	put_part(to, "<p class=\"text\">", &j, "message", "</p>");
	buf_text(to, "<p class=\"sub\">");
	if (run > 0) {
		buf_printf(to, "<span><a href=\"#run-%zu\">run %zu</a></span> ", run, run);
		put_part(to, "<span>", &j, "plugin", "</span> ");
	}
	put_part(to, "<span>", &j, "type", "</span> ");
	put_part(to, "<span><code>", &j, "target", "</code></span> ");
	put_part(to, "<span>", &j, "id", "</span>");
	buf_text(to, "</p>");
	put_more(to, scratch, &j, l);
	buf_text(to, "</li>\n");
}

static void same_find(struct list *list, const struct json *run)
{
	static const struct repeated same[] = {
		{ .meta = "oxg.run_id", .first = "run_id" },
		{ .meta = "oxg.task_id", .first = "task_id" },
		{ .meta = "oxg.plugin_version", .first = "plugin", .second = "version" },
		{ .meta = "oxg.artifact_sha256", .first = "plugin", .second = "artifact",
		    .third = "sha256" },
		{ .meta = "oxg.key_id", .first = "plugin", .second = "key_id" },
		{ .meta = "oxg.config_sha256", .first = "config_sha256" },
	};

	memcpy(list->same, same, sizeof(same));
	for (size_t i = 0; i < COUNT(list->same); i++)
		repeated_find(&list->same[i], run);
}

/* Those of one run; returns how many. */
static uint64_t put_lines(struct buf *to, enum severity s, struct list *list, size_t run)
{
	const struct found *f = list->run[run].found;
	const struct found_lines *l = &f->by[s];
	struct arena scratch = { 0 };
	size_t i, held = l->n > 0 ? l->at[0] : 0;

	same_find(list, list->run[run].run);
	for (i = 0; i < l->n && list->shown < FOUND_SHOWN &&
	    to->n - list->start < SHOWN_BYTES; i++, list->shown++) {
		/* Laid out when they come into sight, but for the first. */
		if (list->of_severity++ % LIST_ITEMS == LIST_ITEMS - 1)
			buf_printf(to, "</ul>\n<ul class=\"list %s more\">\n", severity_name(s));
		put_finding(to, &scratch, line_at(f->all, l->at[i]), list,
		    list->runs > 1 ? run + 1 : 0);
		arena_reset(&scratch);
		if (f->mapped && l->at[i] - held > HELD_BYTES) {
			mapping_release((struct bytes){ f->all.p + held, l->at[i] - held });
			held = l->at[i];
		}
	}
	arena_free(&scratch);
	return i;
}

static void put_severity(struct buf *to, enum severity s, struct list *list, uint64_t count)
{
	const char *word = severity_name(s);
	uint64_t shown = 0;

	list->of_severity = 0;
	buf_printf(to, "<h3><span class=\"word %s\">%s</span> <small>%llu</small></h3>\n"
	    "<ul class=\"list %s\">\n", word, word, (unsigned long long)count, word);
	for (size_t i = 0; i < list->runs; i++)
		shown += put_lines(to, s, list, i);
	buf_text(to, "</ul>\n");
	if (shown < count)
		buf_printf(to, "<p class=\"note\">%llu more of this severity are in "
		    "<code>findings.jsonl</code>.</p>\n", (unsigned long long)(count - shown));
}

struct found found_sum(const struct found_run *run, size_t n)
{
	struct found all = { 0 };

	for (size_t i = 0; i < n; i++) {
		all.total += run[i].found->total;
		all.unreadable += run[i].found->unreadable;
		for (int s = 0; s < SEV_COUNT; s++)
			all.by[s].count += run[i].found->by[s].count;
	}
	return all;
}

void html_findings(struct buf *to, const struct found_run *run, size_t n)
{
	struct list list = { .run = run, .runs = n, .start = to->n };
	struct found all = found_sum(run, n);

	if (all.total == 0)
		buf_text(to, "<p>No findings.</p>\n");
	if (all.unreadable > 0)
		buf_printf(to, "<p class=\"box block\">Lines of <code>findings.jsonl</code> that "
		    "are no findings: %llu.</p>\n", (unsigned long long)all.unreadable);
	for (int s = SEV_COUNT - 1; s >= 0; s--)
		if (all.by[s].count > 0)
			put_severity(to, (enum severity)s, &list, all.by[s].count);
}
