/*
 * bundle.c - runs and their findings as one JSON object, for other programs
 * (schema/report.schema.json). Nothing that a plugin said is lost in it. Runs in the
 * commands that render reports.
 */
#include "evidence/evidence.h"
#include "version.h"

#define SCHEMA_VERSION 1
#define RUNS 1024                      /* of one finding */

/* A text of the folder's; anything else is null. */
static void put_text(struct json_out *o, const char *name, struct bytes s)
{
	if (s.p != NULL) {
		text_member(o, name, TEXT_JSON, s, SIZE_MAX);
		return;
	}
	json_name(o, name);
	json_null(o);
}

static void put_value(struct json_out *o, struct arena *a, const char *name, const struct json *j, int v)
{
	put_text(o, name, json_kind(j, v) == JSON_STRING ? json_string(a, j, v) :
	    (struct bytes){ NULL, 0 });
}

static void put_severities(struct json_out *o, const uint64_t *count)
{
	json_open_member(o, "by_severity", '{');
	for (int s = 0; s < SEV_COUNT; s++)
		json_member_number(o, severity_name((enum severity)s), (int64_t)count[s]);
	json_close(o, '}');
}

static void put_run(struct json_out *o, const struct merged_run *r)
{
	const struct json *j = &r->run;
	struct bytes sums = folder_get(r->folder, "SHA256SUMS");
	struct arena a = { 0 };
	unsigned char digest[SHA256_SIZE];
	int list = json_get(&r->gate, 0, "reasons");

	json_open(o, '{');
	put_text(o, "run_id", r->id);
	put_text(o, "plugin", r->plugin);
	put_text(o, "version", r->version);
	put_value(o, &a, "artifact_sha256", j, json_get(j, json_get(j, json_get(j, 0, "plugin"),
	    "artifact"), "sha256"));
	put_value(o, &a, "tier", j, json_get(j, json_get(j, 0, "isolation"), "tier"));
	put_value(o, &a, "started", j, json_get(j, 0, "started"));
	put_value(o, &a, "finished", j, json_get(j, 0, "finished"));
	put_value(o, &a, "ending", j, json_get(j, json_get(j, 0, "ending"), "reason"));
	put_text(o, "detail", merged_how(&a, r));
	put_text(o, "decision", bytes_of(decision_name(r->decision)));
	json_open_member(o, "reasons", '[');
	for (int v = json_kind(&r->gate, list) == JSON_ARRAY ? json_first(&r->gate, list) : -1; v >= 0;
	    v = json_next(&r->gate, v)) {
		json_verbatim(o, BYTES("\""));
		text_put(o->to, TEXT_JSON, json_string(&a, &r->gate, v), SIZE_MAX);
		buf_byte(o->to, '"');
	}
	json_close(o, ']');
	put_severities(o, r->by_severity);
	json_member_bool(o, "sealed", sums.p != NULL);
	sha256(sums, digest);
	if (sums.p != NULL)
		json_member_hex(o, "sha256sums_sha256", digest, sizeof(digest));
	json_close(o, '}');
	arena_free(&a);
}

static void put_finding(struct json_out *o, const struct merged *m, const struct merged_walk *w)
{
	const struct finding_view *v = &w->view;
	uint32_t run[RUNS];
	size_t runs = merged_runs_of(m, w->f, run, RUNS);

	json_open(o, '{');
	json_member_hex(o, "fingerprint", w->f->print, SHA256_SIZE);
	json_member(o, "severity", severity_name((enum severity)w->f->severity));
	put_text(o, "plugin", v->plugin);
	put_text(o, "type", v->type);
	put_text(o, "message", v->message);
	if (v->target.p != NULL)
		put_text(o, "target", v->target);
	if (v->evidence.p != NULL)
		put_text(o, "evidence", v->evidence);
	json_open_member(o, "meta", '{');
	for (size_t i = 0; i < v->metas; i += 2) {
		json_verbatim(o, BYTES("\""));
		text_put(o->to, TEXT_JSON, v->meta[i], SIZE_MAX);
		buf_text(o->to, "\":\"");
		text_put(o->to, TEXT_JSON, v->meta[i + 1], SIZE_MAX);
		buf_byte(o->to, '"');
	}
	json_close(o, '}');
	json_member_number(o, "count", w->f->count);
	json_open_member(o, "runs", '[');
	for (size_t i = 0; i < runs && i < RUNS; i++)
		json_number(o, run[i]);
	json_close(o, ']');
	json_close(o, '}');
}

void bundle_write(const struct merged *m, struct sink *s)
{
	struct json_out o = json_start(&s->b, false);
	struct merged_walk w = { 0 };
	int64_t different = 0;

	for (int i = 0; i < SEV_COUNT; i++)
		different += (int64_t)m->by_severity[i];
	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "oxg", OXG_VERSION);
	json_open_member(&o, "runs", '[');
	for (size_t i = 0; i < m->runs; i++) {
		put_run(&o, &m->run[i]);
		sink_turn(s, false);
	}
	json_close(&o, ']');
	json_open_member(&o, "counts", '{');
	json_member_number(&o, "different", different);
	json_member_number(&o, "occurrences", (int64_t)(m->total - m->unreadable));
	json_member_number(&o, "unreadable", (int64_t)m->unreadable);
	put_severities(&o, m->by_severity);
	json_close(&o, '}');
	json_open_member(&o, "findings", '[');
	while (merged_next(m, &w)) {
		put_finding(&o, m, &w);
		sink_turn(s, false);
	}
	json_close(&o, ']');
	json_close(&o, '}');
	buf_byte(&s->b, '\n');
}
