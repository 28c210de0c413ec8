/*
 * policy.c - oxg policy: is a policy file one, does it keep what every policy
 * guarantees, and what does it come to? One process.
 */
#include <string.h>

#include "cmd/cmd.h"
#include "trust/trust.h"

struct asked {
	struct arena a;
	const char *file, *profile;    /* file NULL: the profile as it is built in */
	struct policy policy;
	struct guarantee guarantee[GUARANTEES];
	size_t guarantees;             /* 0: the file could not be read */
	struct why why;
};

/* Broken guarantees are told one by one; the first of them is the refusal. */
static void policy_ask(struct asked *q)
{
	struct policy *p = &q->policy;
	struct bytes text;

	if (q->file == NULL)
		policy_load(&q->a, NULL, q->profile, NULL, p, &q->why);
	else if (policy_file(&q->a, q->file, &text, &q->why) == 0)
		policy_read(&q->a, text, q->file, q->profile, p, &q->why);
	if (q->why.code != REFUSAL_NONE)
		return;
	q->guarantees = GUARANTEES;
	policy_guarantees(p, q->guarantee);
	for (size_t i = 0; i < GUARANTEES; i++)
		if (!q->guarantee[i].kept)
			refuse(&q->why, REFUSE_POLICY, "%s: %s", q->file, q->guarantee[i].detail);
}

static void check_json(const struct asked *q, struct buf *out)
{
	struct json_out o = json_start(out, false);
	unsigned char digest[SHA256_SIZE];
	struct buf snapshot = { 0 };

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_member(&o, "policy", q->file);
	json_member(&o, "status", q->why.code == REFUSAL_NONE ? "PASS" : "FAIL");
	if (q->why.code != REFUSAL_NONE)
		json_member(&o, "reason", q->why.text);
	else {
		policy_snapshot(&q->policy, &snapshot);
		sha256(buf_bytes(&snapshot), digest);
		buf_free(&snapshot);
		json_member_hex(&o, "policy_snapshot_hash", digest, SHA256_SIZE);
	}
	if (q->guarantees > 0)
		json_member(&o, "profile", q->policy.profile);
	json_name(&o, "guarantees");
	json_open(&o, '[');
	for (size_t i = 0; i < q->guarantees; i++) {
		json_open(&o, '{');
		json_member(&o, "guarantee", q->guarantee[i].name);
		json_member(&o, "status", q->guarantee[i].kept ? "PASS" : "FAIL");
		json_member(&o, "detail", q->guarantee[i].detail);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	buf_byte(out, '\n');
}

int cmd_policy(int argc, char **argv)
{
	static struct asked q;
	static bool json;
	static const struct option_spec option[] = {
		{ "profile", OPT_TEXT, "NAME", "where the file begins: default, strict", &q.profile },
		{ "json", OPT_FLAG, NULL, "check: print one JSON object on stdout", &json },
	};
	static const struct command c = { "policy", "[options] check FILE | show [FILE]",
	    "Checks a policy file, or prints the snapshot of what it comes to.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf out = { 0 };
	bool check, show;
	int status = STATUS_OK;

	options_read(&c, argc, argv, &operands, NULL);
	check = operands.count == 2 && strcmp(operands.word[0], "check") == 0;
	show = operands.count > 0 && operands.count < 3 && strcmp(operands.word[0], "show") == 0;
	if (!check && !show)
		die(STATUS_USAGE, "type: oxg policy %s", c.synopsis);
	q.file = operands.count == 2 ? operands.word[1] : NULL;
	policy_ask(&q);
	if (show && q.why.code == REFUSAL_NONE)
		policy_snapshot(&q.policy, &out);
	if (check && json)
		check_json(&q, &out);
	for (size_t i = 0; check && !json && i < q.guarantees; i++)
		warn("%s %s: %s", q.guarantee[i].kept ? "PASS" : "FAIL", q.guarantee[i].name,
		    q.guarantee[i].detail);
	if (out.n > 0)
		status = command_print(&out);
	buf_free(&out);
	if (q.why.code != REFUSAL_NONE)
		return check && json ? refusal_status(q.why.code) : command_fail(&q.why);
	return status;
}
