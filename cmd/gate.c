/*
 * gate.c - oxg gate: the gate again, by another policy, on stored evidence.
 */
#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"

/* Index is what gate_decide returns. */
static const struct { const char *word; int status; } decided[] = {
	{ "PASS", STATUS_OK },
	{ "BLOCK", STATUS_BLOCK },
	{ "REQUIRE_APPROVAL", STATUS_APPROVAL },
};

static int snapshot_read(struct arena *a, const char *file, struct buf *snapshot, struct why *why)
{
	struct policy policy = { 0 };
	struct bytes text;

	if (policy_file(a, file, &text, why) < 0 ||
	    policy_parse(a, text, file, NULL, &policy, why) < 0)
		return -1;
	policy_snapshot(&policy, snapshot);
	return 0;
}

/* The reasons of a report that was just made, for people. */
static void gate_say(struct arena *a, const char *path, const char *word, struct bytes report)
{
	struct json j;
	char error[200];
	int list;

	warn("%s: gate %s", path, word);
	if (json_parse(a, report, &j, error) < 0)
		return;
	list = json_get(&j, 0, "reasons");
	for (int v = json_first(&j, list); v >= 0; v = json_next(&j, v))
		warn("%s", (const char *)json_string(a, &j, v).p);
}

/* With --trust: the report, and what became of the approvals. */
static int gate_json(const char *path, int d, const struct approved *r, struct bytes report)
{
	struct buf b = { 0 };
	struct json_out o = json_start(&b, false);
	int status;

	while (report.n > 0 && report.p[report.n - 1] == '\n')
		report.n--;
	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_member(&o, "run", path);
	json_member(&o, "decision", decided[r->passed ? 0 : d].word);
	json_member(&o, "result", r->passed ? r->word : decided[d].word);
	approvals_write(&o, r);
	json_name(&o, "report");
	json_verbatim(&o, report);
	json_close(&o, '}');
	buf_byte(&b, '\n');
	status = command_print(&b);
	buf_free(&b);
	return status;
}

int cmd_gate(int argc, char **argv)
{
	static bool json;
	static const char *file;
	static struct approval_words approvals;
	static struct approved by;
	static const struct option_spec option[] = {
		{ "policy", OPT_TEXT, "FILE", "the policy to decide by (default: the run's own)", &file },
		APPROVAL_OPTIONS(approvals),
		{ "json", OPT_FLAG, NULL, "print the gate report on stdout", &json },
	};
	static const struct command c = { "gate", "[options] RUN",
	    "Decide again on stored evidence, by the run's own policy or another.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf snapshot = { 0 }, report = { 0 };
	struct why why = { 0 };
	struct arena a = { 0 };
	struct folder f;
	const char *path;
	int d;

	options_read(&c, argc, argv, &operands, NULL);
	path = stored_operand(&c, &operands);
	if ((file != NULL && snapshot_read(&a, file, &snapshot, &why) < 0) ||
	    stored_load(&a, path, &f, &why) < 0)
		return command_fail(&why);
	if (f.partial)
		return STATUS_EVIDENCE; /* load has said so: there is nothing to decide on */
	if (file == NULL) {
		struct bytes own = folder_get(&f, "inputs/policy.json");

		buf_add(&snapshot, own.p, own.n);
	}
	d = gate_decide(&f, buf_bytes(&snapshot), &report);
	if (approvals_judge(&a, &approvals, &f, buf_bytes(&snapshot), buf_bytes(&report), &by, &why) < 0)
		return command_fail(&why);
	if (!json)
		gate_say(&a, path, by.passed ? by.word : decided[d].word, buf_bytes(&report));
	else if (approvals.trust == NULL ? command_print(&report) != STATUS_OK :
	    gate_json(path, d, &by, buf_bytes(&report)) != STATUS_OK)
		return STATUS_EVIDENCE;
	for (size_t i = 0; i < by.refusals && !json; i++)
		warn("%s", by.refused[i]);
	buf_free(&report);
	buf_free(&snapshot);
	arena_free(&a);
	return by.passed ? STATUS_OK : decided[d].status;
}
