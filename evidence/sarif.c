/*
 * sarif.c - findings as SARIF 2.1.0 (OASIS), as GitHub code scanning takes it: every
 * uri relative, one run whatever the number of run folders. Runs in the supervisor
 * after every child is dead, and in the commands that render reports.
 *
 * Results come first, since rules and notices are known when they are written.
 */
#include <string.h>

#include "evidence/evidence.h"
#include "version.h"

#define RESULTS 25000                  /* GitHub takes no more */
#define RESULT_BYTES (12u << 20)       /* all of them: what a run can hold in memory */
#define RULES 5000
#define EXTENSIONS 100                 /* GitHub takes no more */
#define MESSAGE_TEXT 2000
#define NAME_TEXT 400

static const struct { const char *level, *score; } by_severity[SEV_COUNT] = {
	{ "note", NULL }, { "note", "2.0" }, { "warning", "5.0" }, { "error", "8.0" },
	{ "error", "9.5" },
};

struct sarif {
	const struct merged *m;
	struct sink *s;
	struct json_out o;
	struct arena a;
	uint32_t rule[RULES], rules;   /* in the order of their first result */
	uint64_t left_out, bytes;
};

static void open_member(struct sarif *t, const char *name, char kind)
{
	json_open_member(&t->o, name, kind);
}

/* "name": {"text": ...} of our own words. */
static void put_message(struct sarif *t, const char *name, const char *text)
{
	open_member(t, name, '{');
	text_member(&t->o, "text", TEXT_SARIF, bytes_of(text), 2 * MESSAGE_TEXT);
	json_close(&t->o, '}');
}

/* ---- results --------------------------------------------------------------------------- */

/* "plugin/type" */
static void put_rule_id(struct sarif *t, const char *name, const struct merged_rule *r)
{
	json_name(&t->o, name);
	json_verbatim(&t->o, BYTES("\""));
	text_put(t->o.to, TEXT_SHOWN, r->plugin, NAME_TEXT);
	buf_byte(t->o.to, '/');
	text_put(t->o.to, TEXT_SHOWN, r->type, NAME_TEXT);
	buf_byte(t->o.to, '"');
}

static void put_text(struct sarif *t, const struct merged_walk *w)
{
	struct buf *to = t->o.to;

	open_member(t, "message", '{');
	json_name(&t->o, "text");
	json_verbatim(&t->o, BYTES("\""));
	text_put(to, TEXT_SARIF, w->view.message, MESSAGE_TEXT);
	if (!w->place.file && w->view.target.n > 0) {
		buf_text(to, "\\n\\nTarget: ");
		text_put(to, TEXT_SARIF, w->view.target, NAME_TEXT);
	}
	buf_byte(to, '"');
	json_close(&t->o, '}');
}

static void put_location(struct sarif *t, const struct merged_walk *w)
{
	const struct merged_place *p = &w->place;

	open_member(t, "locations", '[');
	json_open(&t->o, '{');
	open_member(t, "physicalLocation", '{');
	open_member(t, "artifactLocation", '{');
	json_name(&t->o, "uri");
	json_verbatim(&t->o, BYTES("\""));
	text_uri(t->o.to, p->path);
	buf_byte(t->o.to, '"');
	json_member(&t->o, "uriBaseId", "%SRCROOT%");
	json_close(&t->o, '}');
	open_member(t, "region", '{');
	json_member_number(&t->o, "startLine", p->line > 0 ? (int64_t)p->line : 1);
	if (p->column > 0)
		json_member_number(&t->o, "startColumn", (int64_t)p->column);
	json_close(&t->o, '}');
	json_close(&t->o, '}');
	if (!p->file && w->view.target.n > 0) {
		open_member(t, "logicalLocations", '[');
		json_open(&t->o, '{');
		text_member(&t->o, "fullyQualifiedName", TEXT_SHOWN, w->view.target, NAME_TEXT);
		json_close(&t->o, '}');
		json_close(&t->o, ']');
	}
	json_close(&t->o, '}');
	json_close(&t->o, ']');
}

/* GitHub's own is of the text around the line, which is not known here. */
static void put_prints(struct sarif *t, const struct merged_finding *f)
{
	char hex[SHA256_HEX], *from = hex;
	char line[24];

	hex_encode(hex, f->print, SHA256_SIZE);
	open_member(t, "partialFingerprints", '{');
	while (*from == '0' && from < hex + 15)
		from++;
	memcpy(line, from, (size_t)(hex + 16 - from));
	memcpy(line + (hex + 16 - from), ":1", sizeof(":1"));
	json_member(&t->o, "primaryLocationLineHash", line);
	json_member(&t->o, "oxgFinding/v1", hex);
	json_close(&t->o, '}');
}

static void put_result(struct sarif *t, const struct merged_walk *w)
{
	struct merged_rule *r = merged_rule(t->m, w->f->rule);

	if (r->number == 0) {
		t->rule[t->rules++] = w->f->rule;
		r->number = t->rules;
	}
	json_open(&t->o, '{');
	put_rule_id(t, "ruleId", r);
	json_member_number(&t->o, "ruleIndex", r->number - 1);
	json_member(&t->o, "level", by_severity[w->f->severity].level);
	put_text(t, w);
	put_location(t, w);
	put_prints(t, w->f);
	json_member_number(&t->o, "occurrenceCount", w->f->count);
	open_member(t, "properties", '{');
	json_member(&t->o, "severity", severity_name((enum severity)w->f->severity));
	json_close(&t->o, '}');
	json_close(&t->o, '}');
}

static void put_results(struct sarif *t)
{
	struct merged_walk w = { 0 };
	uint64_t written = 0;

	open_member(t, "results", '[');
	while (merged_next(t->m, &w)) {
		size_t before = t->o.to->n;

		if (written == RESULTS || t->bytes >= RESULT_BYTES || (t->rules == RULES &&
		    merged_rule(t->m, w.f->rule)->number == 0)) {
			t->left_out++;
			continue;
		}
		put_result(t, &w);
		written++;
		t->bytes += t->o.to->n - before;
		sink_turn(t->s, false);
	}
	json_close(&t->o, ']');
}

/* ---- the tool ------------------------------------------------------------------------------- */

static void put_rule(struct sarif *t, const struct merged_rule *r)
{
	const char *score = by_severity[r->severity].score;
	const char *text = arena_printf(&t->a, "%s, reported by the plugin %s", (const char *)r->type.p,
	    (const char *)r->plugin.p);

	json_open(&t->o, '{');
	put_rule_id(t, "id", r);
	put_message(t, "shortDescription", text);
	put_message(t, "fullDescription", arena_printf(&t->a, "%s, which oxg ran in a jail.", text));
	put_message(t, "help", "The run folder holds the evidence of each finding: oxg report RUN "
	    "shows it, oxg check RUN verifies it.");
	open_member(t, "defaultConfiguration", '{');
	json_member(&t->o, "level", by_severity[r->severity].level);
	json_close(&t->o, '}');
	open_member(t, "properties", '{');
	open_member(t, "tags", '[');
	json_text(&t->o, BYTES("security"));
	json_close(&t->o, ']');
	json_member(&t->o, "precision", "medium");
	json_member(&t->o, "security-severity", score);
	json_close(&t->o, '}');
	json_close(&t->o, '}');
	arena_reset(&t->a);
}

static bool seen_before(const struct merged *m, size_t i)
{
	const struct merged_run *r = &m->run[i];

	for (size_t k = 0; k < i; k++)
		if (bytes_equal(m->run[k].plugin, r->plugin) && bytes_equal(m->run[k].version, r->version))
			return true;
	return false;
}

static void put_tool(struct sarif *t)
{
	const struct merged *m = t->m;
	size_t shown = 0;

	open_member(t, "tool", '{');
	open_member(t, "driver", '{');
	json_member(&t->o, "name", "oxg");
	json_member(&t->o, "version", OXG_VERSION);
	json_member(&t->o, "semanticVersion", OXG_VERSION);
	open_member(t, "rules", '[');
	for (uint32_t i = 0; i < t->rules; i++) {
		put_rule(t, merged_rule(m, t->rule[i]));
		merged_rule(m, t->rule[i])->number = 0; /* as it was */
		sink_turn(t->s, false);
	}
	json_close(&t->o, ']');
	json_close(&t->o, '}');
	open_member(t, "extensions", '[');
	for (size_t i = 0; i < m->runs && shown < EXTENSIONS; i++) {
		if (m->run[i].plugin.n == 0 || seen_before(m, i))
			continue;
		json_open(&t->o, '{');
		text_member(&t->o, "name", TEXT_SHOWN, m->run[i].plugin, NAME_TEXT);
		if (m->run[i].version.n > 0)
			text_member(&t->o, "version", TEXT_SHOWN, m->run[i].version, NAME_TEXT);
		json_close(&t->o, '}');
		shown++;
	}
	json_close(&t->o, ']');
	json_close(&t->o, '}');
}

/* ---- the runs ------------------------------------------------------------------------------- */

static void put_time(struct sarif *t, const struct merged_run *r, const char *name, const char *member)
{
	int64_t seconds = merged_time(r, member);
	char text[32];

	if (seconds > 0)
		json_member(&t->o, name, time_rfc3339(text, seconds));
}

static void put_notice(struct sarif *t, const char *level, struct bytes text)
{
	json_open(&t->o, '{');
	json_member(&t->o, "level", level);
	open_member(t, "message", '{');
	text_member(&t->o, "text", TEXT_SARIF, text, MESSAGE_TEXT);
	json_close(&t->o, '}');
	json_close(&t->o, '}');
}

static void put_notices(struct sarif *t, const struct merged_run *r, bool well, bool first)
{
	const char *of_left_out = arena_printf(&t->a, "%llu more findings are in findings.jsonl alone: "
	    "the worst are here", (unsigned long long)t->left_out);

	open_member(t, "toolExecutionNotifications", '[');
	if (!well)
		put_notice(t, "error", merged_how(&t->a, r));
	if (first && t->left_out > 0)
		put_notice(t, "warning", bytes_of(of_left_out));
	json_close(&t->o, ']');
}

static void put_invocation(struct sarif *t, size_t i)
{
	const struct merged_run *r = &t->m->run[i];
	int ending = json_get(&r->run, 0, "ending"), signal = json_get(&r->run, ending, "signal_name");
	bool exited = json_is(&r->run, json_get(&r->run, ending, "reason"), "exited");
	int64_t status;

	json_open(&t->o, '{');
	exited = json_integer(&r->run, json_get(&r->run, ending, "exit_status"), &status) && exited &&
	    status >= 0 && status <= 255;
	json_member_bool(&t->o, "executionSuccessful", exited && status == 0);
	if (exited)
		json_member_number(&t->o, "exitCode", status);
	if (json_kind(&r->run, signal) == JSON_STRING)
		text_member(&t->o, "exitSignalName", TEXT_SHOWN, json_string(&t->a, &r->run, signal),
		    NAME_TEXT);
	put_time(t, r, "startTimeUtc", "started");
	put_time(t, r, "endTimeUtc", "finished");
	put_notices(t, r, exited && status == 0, i == 0);
	open_member(t, "properties", '{');
	text_member(&t->o, "run_id", TEXT_SHOWN, r->id, NAME_TEXT);
	json_member(&t->o, "decision", decision_name(r->decision));
	json_close(&t->o, '}');
	json_close(&t->o, '}');
	arena_reset(&t->a);
	sink_turn(t->s, false);
}

/* "category/run": the same plugin's next upload takes the place of this one. */
static void put_details(struct sarif *t)
{
	const struct merged *m = t->m;
	bool one = m->run[0].plugin.n > 0;

	for (size_t i = 1; i < m->runs; i++)
		one = one && bytes_equal(m->run[0].plugin, m->run[i].plugin);
	open_member(t, "automationDetails", '{');
	json_name(&t->o, "id");
	json_verbatim(&t->o, BYTES("\"oxg/"));
	if (one) {
		text_put(t->o.to, TEXT_SHOWN, m->run[0].plugin, NAME_TEXT);
		buf_byte(t->o.to, '/');
	}
	if (m->runs == 1)
		text_uri(t->o.to, m->run[0].id);
	buf_byte(t->o.to, '"');
	json_close(&t->o, '}');
}

void sarif_write(const struct merged *m, struct sink *s)
{
	struct sarif t = { .m = m, .s = s, .o = json_start(&s->b, false) };

	json_open(&t.o, '{');
	json_member(&t.o, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_member(&t.o, "version", "2.1.0");
	open_member(&t, "runs", '[');
	json_open(&t.o, '{');
	put_details(&t);
	open_member(&t, "originalUriBaseIds", '{');
	open_member(&t, "%SRCROOT%", '{');
	put_message(&t, "description", "The root of the checkout.");
	json_close(&t.o, '}');
	json_close(&t.o, '}');
	json_member(&t.o, "columnKind", "utf16CodeUnits");
	put_results(&t);
	put_tool(&t);
	open_member(&t, "invocations", '[');
	for (size_t i = 0; i < m->runs; i++)
		put_invocation(&t, i);
	json_close(&t.o, ']');
	json_close(&t.o, '}');
	json_close(&t.o, ']');
	json_close(&t.o, '}');
	buf_byte(t.o.to, '\n');
	arena_free(&t.a);
}

int report_sarif(const struct folder *folder, struct buf *out, struct why *why)
{
	struct sink s = { .b = *out, .fd = -1 };
	struct merged m;
	int result = merge_runs(folder, 1, &m, why);

	if (result == 0)
		sarif_write(&m, &s);
	*out = s.b;
	merge_free(&m);
	return result;
}
