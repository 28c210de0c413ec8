/*
 * gate.c - oxg gate: the gate again, by another policy, on stored evidence.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
	struct policy policy;
	struct bytes text;

	if (file_read(a, AT_FDCWD, file, POLICY_BYTES, &text) < 0)
		return refuse(why, REFUSE_POLICY, "cannot read the policy %s: %s", file,
		    strerror(errno));
	if (policy_parse(a, text, file, NULL, &policy, why) < 0)
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

int cmd_gate(int argc, char **argv)
{
	static bool json;
	static const char *file;
	static const struct option_spec option[] = {
		{ "policy", OPT_TEXT, "FILE", "the policy to decide by", &file },
		{ "json", OPT_FLAG, NULL, "print the gate report on stdout", &json },
	};
	static const struct command c = { "gate", "--policy FILE [options] RUN",
	    "Decide again on stored evidence, by another policy.",
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
	if (file == NULL)
		die(STATUS_USAGE, "gate needs a policy to decide by; type: oxg gate "
		    "--policy FILE %s", path);
	if (snapshot_read(&a, file, &snapshot, &why) < 0 || stored_load(&a, path, &f, &why) < 0)
		return command_fail(&why);
	if (f.partial)
		return STATUS_EVIDENCE; /* load has said so: there is nothing to decide on */
	d = gate_decide(&f, buf_bytes(&snapshot), &report);
	if (!json)
		gate_say(&a, path, decided[d].word, buf_bytes(&report));
	else if (command_print(&report) != STATUS_OK)
		return STATUS_EVIDENCE;
	buf_free(&report);
	buf_free(&snapshot);
	arena_free(&a);
	return decided[d].status;
}
