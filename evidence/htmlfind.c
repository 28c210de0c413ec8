/*
 * htmlfind.c - findings inside a page: how many of each severity, the targets
 * named most, and the list, worst first. Runs in the supervisor and in the
 * commands that render reports.
 *
 * The file is walked line by line, and as many findings are shown as a browser
 * can bear; what is left out is counted.
 */
#include <string.h>

#include "evidence/evidence.h"

#define SHOWN 10000           /* more freezes a browser */
#define SHOWN_BYTES (32u << 20) /* of the page, however long each is */
#define META_SHOWN 64         /* members of one finding's meta */
#define TARGETS_SHOWN 10

/* ---- reading --------------------------------------------------------------------- */

static void line_add(struct arena *a, struct found_lines *l, size_t at)
{
	l->count++;
	if (l->n == SHOWN)
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

static int severity_of(struct arena *scratch, struct bytes line, struct json *j)
{
	char error[200];

	if (line.n > FINDING_LINE_MAX || json_parse(scratch, line, j, error) < 0)
		return -1;
	for (int s = 0; s < SEV_COUNT; s++)
		if (json_is(j, json_get(j, 0, "severity"), severity_name((enum severity)s)))
			return s;
	return -1;
}

static int by_text(const void *a, const void *b)
{
	const struct found_target *x = a, *y = b;
	size_t n = x->raw.n < y->raw.n ? x->raw.n : y->raw.n;
	int order = n > 0 ? memcmp(x->raw.p, y->raw.p, n) : 0;

	return order != 0 ? order : (x->raw.n > y->raw.n) - (x->raw.n < y->raw.n);
}

static int by_count(const void *a, const void *b)
{
	const struct found_target *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

/* Equal ones become neighbours, then one; the sort is stable, so equal counts
 * stay in the order of their text. */
static void targets_count(struct found *f)
{
	size_t n = 0;

	sort(f->target, f->targets, sizeof(*f->target), by_text);
	for (size_t i = 0; i < f->targets; i++)
		if (n > 0 && by_text(&f->target[n - 1], &f->target[i]) == 0)
			f->target[n - 1].count++;
		else
			f->target[n++] = f->target[i];
	f->targets = n;
	sort(f->target, f->targets, sizeof(*f->target), by_count);
}

static size_t lines_count(struct bytes all)
{
	size_t n = 0;

	for (size_t at = 0; at < all.n; n++)
		at += line_at(all, at).n + 1;
	return n;
}

void found_read(struct arena *a, struct bytes all, struct found *out)
{
	struct arena scratch = { 0 };

	*out = (struct found){ .all = all };
	out->target = arena_array(a, lines_count(all) + 1, sizeof(*out->target));
	for (size_t at = 0; at < all.n; ) {
		struct bytes line = line_at(all, at);
		struct json j;
		int s = severity_of(&scratch, line, &j), target;

		if (s < 0)
			out->unreadable++;
		else {
			out->total++;
			line_add(a, &out->by[s], at);
			target = json_get(&j, 0, "target");
			if (json_kind(&j, target) == JSON_STRING)
				out->target[out->targets++] = (struct found_target){
				    json_raw(&j, target), 1 };
		}
		at += line.n + 1;
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	targets_count(out);
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

/* The raw text as a document of its own: one string. */
static void target_text(struct buf *to, struct bytes raw, size_t max)
{
	struct arena scratch = { 0 };
	struct buf quoted = { 0 };
	char error[200];
	struct json j;

	buf_byte(&quoted, '"');
	buf_add(&quoted, raw.p, raw.n);
	buf_byte(&quoted, '"');
	if (json_parse(&scratch, buf_bytes(&quoted), &j, error) == 0)
		html_text(to, json_string(&scratch, &j, 0), max, false);
	buf_free(&quoted);
	arena_free(&scratch);
}

void html_targets(struct buf *to, const struct found *f)
{
	buf_text(to, "<table class=\"targets\"><thead><tr><th scope=\"col\">Findings</th>"
	    "<th scope=\"col\">Target</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < f->targets && i < TARGETS_SHOWN; i++) {
		buf_printf(to, "<tr><td>%llu</td><td class=\"text\">",
		    (unsigned long long)f->target[i].count);
		target_text(to, f->target[i].raw, HTML_WORD);
		buf_text(to, "</td></tr>\n");
	}
	buf_text(to, "</tbody></table>\n");
	if (f->targets > TARGETS_SHOWN)
		buf_printf(to, "<p class=\"note\">and %zu more targets</p>\n",
		    f->targets - TARGETS_SHOWN);
}

/* ---- the list ---------------------------------------------------------------------- */

/* What run.json says already need not be said ten thousand times. */
static bool repeats(const struct json *run, const struct json *j, int name)
{
	static const struct { const char *meta, *first, *second, *third; } same[] = {
		{ "oxg.run_id", "run_id", NULL, NULL },
		{ "oxg.task_id", "task_id", NULL, NULL },
		{ "oxg.plugin_version", "plugin", "version", NULL },
		{ "oxg.artifact_sha256", "plugin", "artifact", "sha256" },
		{ "oxg.key_id", "plugin", "key_id", NULL },
		{ "oxg.config_sha256", "config_sha256", NULL, NULL },
	};

	for (size_t i = 0; i < COUNT(same); i++) {
		int v = json_get(run, 0, same[i].first), value = json_value(j, name);

		if (!json_is(j, name, same[i].meta))
			continue;
		v = same[i].second != NULL ? json_get(run, v, same[i].second) : v;
		v = same[i].third != NULL ? json_get(run, v, same[i].third) : v;
		/* An unsigned plugin has no key: "" here, null there. */
		if (json_kind(run, v) == JSON_NULL)
			return json_is(j, value, "");
		return json_kind(run, v) == JSON_STRING &&
		    json_kind(j, value) == JSON_STRING &&
		    bytes_equal(json_raw(run, v), json_raw(j, value));
	}
	return false;
}

static void put_more(struct buf *to, struct arena *scratch, const struct json *j,
    const struct json *run)
{
	int evidence = json_get(j, 0, "evidence"), meta = json_get(j, 0, "meta"), shown = 0;
	struct buf rows = { 0 };

	if (evidence >= 0) {
		buf_text(&rows, "<tr><th scope=\"row\">evidence</th><td class=\"text\">");
		html_value(&rows, j, evidence);
		buf_text(&rows, "</td></tr>\n");
	}
	for (int n = json_kind(j, meta) == JSON_OBJECT ? json_first(j, meta) : -1;
	    n >= 0 && shown < META_SHOWN; n = json_next(j, n)) {
		if (repeats(run, j, n))
			continue;
		shown++;
		buf_text(&rows, "<tr><th scope=\"row\">");
		html_text(&rows, json_string(scratch, j, n), HTML_WORD, false);
		buf_text(&rows, "</th><td class=\"text\">");
		html_value(&rows, j, json_value(j, n));
		buf_text(&rows, "</td></tr>\n");
	}
	if (rows.n > 0) {
		buf_text(to, "<details><summary>evidence and meta</summary>\n<table><tbody>\n");
		buf_add(to, rows.p, rows.n);
		buf_text(to, "</tbody></table>\n</details>");
	}
	buf_free(&rows);
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

static void put_finding(struct buf *to, struct arena *scratch, struct bytes line,
    const struct json *run)
{
	struct json j;

	if (severity_of(scratch, line, &j) < 0)
		return;
	buf_text(to, "<li>");
	put_part(to, "<p class=\"text\">", &j, "message", "</p>");
	buf_text(to, "<p class=\"sub\">");
	put_part(to, "<span>", &j, "type", "</span> ");
	put_part(to, "<span><code>", &j, "target", "</code></span> ");
	put_part(to, "<span>", &j, "id", "</span>");
	buf_text(to, "</p>");
	put_more(to, scratch, &j, run);
	buf_text(to, "</li>\n");
}

static void put_severity(struct buf *to, enum severity s, const struct found *f,
    const struct json *run, uint64_t *shown, size_t start)
{
	const struct found_lines *l = &f->by[s];
	const char *word = severity_name(s);
	struct arena scratch = { 0 };
	size_t i;

	buf_printf(to, "<h3><span class=\"word %s\">%s</span> <small>%llu</small></h3>\n"
	    "<ul class=\"list %s\">\n", word, word, (unsigned long long)l->count, word);
	for (i = 0; i < l->n && *shown < SHOWN && to->n - start < SHOWN_BYTES; i++, ++*shown) {
		put_finding(to, &scratch, line_at(f->all, l->at[i]), run);
		arena_reset(&scratch);
	}
	buf_text(to, "</ul>\n");
	if (i < l->count)
		buf_printf(to, "<p class=\"note\">%llu more of this severity are in "
		    "<code>findings.jsonl</code>.</p>\n", (unsigned long long)(l->count - i));
	arena_free(&scratch);
}

void html_findings(struct buf *to, const struct found *f, const struct json *run)
{
	uint64_t shown = 0;
	size_t start = to->n;

	if (f->total == 0)
		buf_text(to, "<p>No findings.</p>\n");
	if (f->unreadable > 0)
		buf_printf(to, "<p class=\"box block\">Lines of <code>findings.jsonl</code> that "
		    "are no findings: %llu.</p>\n", (unsigned long long)f->unreadable);
	for (int s = SEV_COUNT - 1; s >= 0; s--)
		if (f->by[s].count > 0)
			put_severity(to, (enum severity)s, f, run, &shown, start);
}
