/*
 * markdown.c - runs as a page of Markdown, such as CI shows beside a build. Runs in the
 * supervisor when everybody is dead, and in the commands that render reports.
 *
 * Every text of a folder's is a code span in a cell: no markup, mention or link comes of it.
 */
#include <string.h>

#include "evidence/evidence.h"

#define RUNS 200
#define FINDINGS 20
#define REASONS 20
#define TEXT 300

static void put_code(struct buf *b, struct bytes s)
{
	if (s.n == 0) {
		buf_text(b, " \xe2\x80\x93 |");
		return;
	}
	buf_text(b, " `");
	text_put(b, TEXT_CODE, s, TEXT);
	buf_text(b, "` |");
}

static const char *word(int decision)
{
	const char *name = decision_name(decision);

	return name != NULL ? name : "no decision";
}

static void put_runs(struct buf *b, const struct merged *m)
{
	buf_text(b, "| Run | Plugin | Version | Gate | Ended |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < m->runs && i < RUNS; i++) {
		const struct merged_run *r = &m->run[i];
		struct arena a = { 0 };

		buf_byte(b, '|');
		put_code(b, r->id);
		put_code(b, r->plugin);
		put_code(b, r->version);
		buf_printf(b, " %s |", word(r->decision));
		put_code(b, merged_how(&a, r));
		buf_byte(b, '\n');
		arena_free(&a);
	}
	if (m->runs > RUNS)
		buf_printf(b, "\nand %zu more runs\n", m->runs - RUNS);
}

static void put_reasons(struct buf *b, const struct merged *m)
{
	size_t shown = 0;

	for (size_t i = 0; i < m->runs; i++) {
		const struct json *gate = &m->run[i].gate;
		struct arena a = { 0 };
		int list = json_get(gate, 0, "reasons");

		for (int v = json_kind(gate, list) == JSON_ARRAY ? json_first(gate, list) : -1;
		    v >= 0 && shown < REASONS; v = json_next(gate, v), shown++) {
			buf_text(b, shown == 0 ? "\n| Reason |\n|---|\n|" : "|");
			put_code(b, json_string(&a, gate, v));
			buf_byte(b, '\n');
		}
		arena_free(&a);
	}
}

static void put_severities(struct buf *b, const struct merged *m)
{
	buf_text(b, "\n| Severity | Findings |\n|---|---:|\n");
	for (int s = SEV_COUNT - 1; s >= 0; s--)
		if (m->by_severity[s] > 0)
			buf_printf(b, "| %s | %llu |\n", severity_name((enum severity)s),
			    (unsigned long long)m->by_severity[s]);
	buf_printf(b, "| occurrences of all | %llu |\n", (unsigned long long)(m->total - m->unreadable));
}

static void put_findings(struct buf *b, const struct merged *m)
{
	struct merged_walk w = { 0 };
	uint64_t n = 0;

	if (m->total > 0)
		buf_text(b, "\n| Severity | Type | Target | Message | Times |\n|---|---|---|---|---:|\n");
	while (merged_next(m, &w)) {
		if (n++ == FINDINGS) {
			merged_end(m, &w);
			buf_text(b, "\nThe worst are shown; the run folder has all.\n");
			return;
		}
		buf_printf(b, "| %s |", severity_name((enum severity)w.f->severity));
		put_code(b, w.view.type);
		put_code(b, w.view.target);
		put_code(b, w.view.message);
		buf_printf(b, " %u |\n", w.f->count);
	}
}

/* What was denied to the plugin, all runs together. */
static void put_refused(struct buf *b, const struct merged *m)
{
	static const struct { const char *what, *object, *member; } row[] = {
		{ "operations, by the kernel", "ledger", "refused" },
		{ "requests, by the broker", "broker", "refused" },
		{ "findings that are none", "findings", "rejected" },
	};
	bool head = false;

	for (size_t i = 0; i < COUNT(row); i++) {
		int64_t n, sum = 0;

		for (size_t k = 0; k < m->runs; k++) {
			const struct json *j = &m->run[k].run;

			if (json_integer(j, json_get(j, json_get(j, 0, row[i].object), row[i].member), &n) && n > 0)
				sum += n;
		}
		if (sum == 0)
			continue;
		buf_text(b, head ? "" : "\n| Refused | Times |\n|---|---:|\n");
		buf_printf(b, "| %s | %lld |\n", row[i].what, (long long)sum);
		head = true;
	}
}

void markdown_write(const struct merged *m, struct sink *s)
{
	struct buf *b = &s->b;

	buf_printf(b, "## oxg: %s\n\n", word(merged_decision(m)));
	put_runs(b, m);
	put_reasons(b, m);
	put_severities(b, m);
	put_findings(b, m);
	put_refused(b, m);
}
