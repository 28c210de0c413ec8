/*
 * gate.c - the gate: a pure function from a run folder and a policy snapshot to
 * PASS, BLOCK or REQUIRE_APPROVAL. Runs in the supervisor after every child is
 * dead, and in the commands that decide again.
 *
 * It reads no clock, no path, no locale, and only documents that were written
 * before gate_report.json: the same folder and policy give the same bytes for
 * ever. What is missing or cannot be read blocks.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

#define SCHEMA_VERSION 1
#define CHECKS_NAMED 8       /* of those that failed */

#define DECISIONS(X) \
	X(PASS, "PASS")  \
	X(BLOCK, "BLOCK") \
	X(APPROVAL, "REQUIRE_APPROVAL")

enum gate_word {
#define X(name, word) GATE_##name,
	DECISIONS(X)
#undef X
};

static const char *const decision_word[] = {
#define X(name, word) word,
	DECISIONS(X)
#undef X
};

static const char *const result_word[] = { "pass", "block", "approval", "not_applicable" };

/* ---- reading -------------------------------------------------------------------- */

static bool parse_object(struct arena *a, struct bytes text, struct json *out)
{
	char error[200];

	return text.p != NULL && json_parse(a, text, out, error) == 0 &&
	    json_kind(out, 0) == JSON_OBJECT;
}

static struct gate_document document_read(struct arena *a, struct bytes text)
{
	struct gate_document d = { .good = false };

	d.good = parse_object(a, text, &d.json);
	return d;
}

/* The member at the end of a path of names, or -1. */
int gate_member(const struct gate_document *d, const char *first, const char *second)
{
	int v;

	if (!d->good)
		return -1;
	v = json_get(&d->json, 0, first);
	return second == NULL || v < 0 ? v : json_get(&d->json, v, second);
}

static bool is_true(const struct gate_document *d, const char *first, const char *second)
{
	return json_kind(&d->json, gate_member(d, first, second)) == JSON_TRUE;
}

/* A text member; "" when there is none, or one that would seem to end early. */
const char *gate_text(const struct gate_view *v, const struct gate_document *d, const char *first, const char *second)
{
	int m = gate_member(d, first, second);
	struct bytes s;

	if (m < 0 || json_kind(&d->json, m) != JSON_STRING)
		return "";
	s = json_string(v->a, &d->json, m);
	return memchr(s.p, '\0', s.n) == NULL ? (const char *)s.p : "";
}

/* What cannot be read is judged by all rules there are. */
static int64_t version_of(const struct gate_document *run)
{
	int64_t version;
	int v = gate_member(run, "schema_version", NULL);

	return v >= 0 && json_integer(&run->json, v, &version) && version > 0 &&
	    version < FOLDER_VERSION ? version : FOLDER_VERSION;
}

static int severity_exact(const struct json *j, int v)
{
	for (int s = 0; s < SEV_COUNT; s++)
		if (json_is(j, v, severity_name((enum severity)s)))
			return s;
	return -1;
}

/* ---- the rules -------------------------------------------------------------------- */

/* What a rule says of its result: one sentence that names the object. */
static const char *rule_policy(const struct gate_view *v, enum gate_result *result)
{
	*result = RESULT_PASS;
	if (gate_member(&v->policy, "gate", NULL) >= 0)
		return "the policy snapshot is readable";
	*result = RESULT_BLOCK;
	return "the policy snapshot is missing or unreadable";
}

static const char *join(const struct gate_view *v, const char *list, const char *name)
{
	return *list ? arena_printf(v->a, "%s, %s", list, name) : name;
}

static const char *rule_present(const struct gate_view *v, enum gate_result *result)
{
	static const char *const always[] = {
		"inputs/policy.json", "journal/events.jsonl", "run.json",
		"verifier_report.json",
	};
	static const char *const after_run[] = {
		"findings.jsonl", "ledger.jsonl", "logs/stderr.log", "logs/stdout.log",
	};
	const char *missing = "", *broken = "";

	for (size_t i = 0; i < COUNT(always); i++)
		if (folder_get(v->folder, always[i]).p == NULL)
			missing = join(v, missing, always[i]);
	for (size_t i = 0; i < COUNT(after_run) && v->executed; i++)
		if (folder_get(v->folder, after_run[i]).p == NULL)
			missing = join(v, missing, after_run[i]);
	for (size_t i = 0; i < COUNT(always); i++) {
		struct bytes b = folder_get(v->folder, always[i]);
		struct json j;

		if (b.p != NULL && strcmp(always[i], "journal/events.jsonl") != 0 &&
		    !parse_object(v->a, b, &j))
			broken = join(v, broken, always[i]);
	}
	if (v->found->first_bad != 0)
		broken = join(v, broken, arena_printf(v->a, "findings.jsonl line %llu",
		    (unsigned long long)v->found->first_bad));
	*result = *missing || *broken ? RESULT_BLOCK : RESULT_PASS;
	if (*missing && *broken)
		return arena_printf(v->a, "evidence is missing: %s; and unreadable: %s",
		    missing, broken);
	if (*missing)
		return arena_printf(v->a, "evidence is missing: %s", missing);
	if (*broken)
		return arena_printf(v->a, "evidence is unreadable: %s", broken);
	return "every required document is there and readable";
}

static const char *rule_complete(const struct gate_view *v, enum gate_result *result)
{
	*result = RESULT_PASS;
	if (is_true(&v->run, "evidence_complete", NULL))
		return "the broker recorded everything until the end";
	*result = RESULT_BLOCK;
	return "the evidence is not complete: the broker did not record the end";
}

static const char *failed_checks(const struct gate_view *v)
{
	const struct json *j = &v->verifier.json;
	int list = gate_member(&v->verifier, "checks", NULL);
	const char *names = "";
	int named = 0;

	for (int c = json_kind(j, list) == JSON_ARRAY ? json_first(j, list) : -1;
	    c >= 0 && named < CHECKS_NAMED; c = json_next(j, c)) {
		int name = json_get(j, c, "name");

		if (json_kind(j, name) != JSON_STRING ||
		    !json_is(j, json_get(j, c, "status"), "FAIL"))
			continue;
		names = join(v, names, (const char *)json_string(v->a, j, name).p);
		named++;
	}
	return *names ? arena_printf(v->a, "the verifier report says FAIL: %.200s", names) :
	    "the verifier report says FAIL";
}

static const char *rule_verifier(const struct gate_view *v, enum gate_result *result)
{
	const char *status = gate_text(v, &v->verifier, "status", NULL);

	*result = RESULT_PASS;
	if (strcmp(status, "PASS") == 0)
		return "the verifier report says PASS";
	*result = RESULT_BLOCK;
	if (strcmp(status, "FAIL") == 0)
		return failed_checks(v);
	return "the verifier report has no status";
}

static const char *rule_signature(const struct gate_view *v, enum gate_result *result)
{
	int required = gate_member(&v->policy, "gate", "require_signature");

	*result = RESULT_NOT_APPLICABLE;
	if (json_kind(&v->policy.json, required) == JSON_FALSE)
		return "the policy requires no signature";
	*result = RESULT_PASS;
	if (is_true(&v->run, "plugin", "signed"))
		return "the plugin is signed by a trusted key";
	/* The operator's word on the command line of this very run; strict
	 * does not take it, not even afterwards. */
	*result = RESULT_NOT_APPLICABLE;
	if (is_true(&v->run, "trust", "allow_unsigned") &&
	    strcmp(gate_text(v, &v->policy, "profile", NULL), "strict") != 0)
		return "the plugin is not signed, and the operator allowed that for "
		    "this run with --allow-unsigned";
	*result = RESULT_BLOCK;
	return "the plugin is not signed by a trusted key";
}

static const char *rule_fail_on(const struct gate_view *v, enum gate_result *result)
{
	int word = gate_member(&v->policy, "gate", "fail_on");
	uint64_t over = 0, total = v->found->total, bad = v->found->first_bad;
	int limit;

	*result = RESULT_BLOCK;
	limit = v->policy.good ? severity_exact(&v->policy.json, word) : -1;
	if (limit >= 0 && !v->executed && v->version > 1) {
		*result = RESULT_NOT_APPLICABLE;
		return "nothing was executed, which is not the same as nothing found";
	}
	if (limit < 0 && !(word >= 0 && json_is(&v->policy.json, word, "none")))
		return "the policy snapshot has no readable gate.fail_on";
	if (limit >= 0 && folder_get(v->folder, "findings.jsonl").p == NULL)
		return "there are no findings to count: findings.jsonl is missing";
	if (bad != 0)
		total = bad - 1; /* those before it */
	for (int s = limit; limit >= 0 && s < SEV_COUNT; s++)
		over += v->found->by[s].count;
	if (limit < 0) {
		*result = RESULT_NOT_APPLICABLE;
		return arena_printf(v->a, "no severity fails this policy; %llu finding%s",
		    (unsigned long long)total, total == 1 ? "" : "s");
	}
	if (bad != 0)
		return arena_printf(v->a, "line %llu of findings.jsonl is no finding, "
		    "so they cannot be counted", (unsigned long long)bad);
	*result = over > 0 ? RESULT_BLOCK : RESULT_PASS;
	return arena_printf(v->a, "%llu of %llu finding%s at or over severity %s",
	    (unsigned long long)over, (unsigned long long)total,
	    total == 1 ? "" : "s", severity_name((enum severity)limit));
}

static const char *rule_denied(const struct gate_view *v, enum gate_result *result)
{
	int word = gate_member(&v->policy, "gate", "on_denied");
	int counted = gate_member(&v->run, "broker", "refused");
	int ledger = gate_member(&v->run, "ledger", "heard");
	int calls = gate_member(&v->run, "ledger", "refused");
	int64_t refused = 0, denied = 0;

	*result = RESULT_NOT_APPLICABLE;
	if (word >= 0 && json_is(&v->policy.json, word, "record"))
		return "denied operations are recorded, not judged";
	*result = RESULT_BLOCK;
	if (word < 0 || !json_is(&v->policy.json, word, "block"))
		return "the policy snapshot has no readable gate.on_denied";
	if (counted < 0 || !json_integer(&v->run.json, counted, &refused))
		return "run.json does not say how many requests were refused";
	if (refused > 0)
		return arena_printf(v->a, "the broker refused %lld request%s",
		    (long long)refused, refused == 1 ? "" : "s");
	if (ledger < 0 || !json_integer(&v->run.json, calls, &denied))
		return "run.json does not say how many operations the kernel refused";
	if (denied > 0)
		return arena_printf(v->a, "the kernel refused %lld operation%s: see ledger.jsonl",
		    (long long)denied, denied == 1 ? "" : "s");
	if (json_kind(&v->run.json, ledger) != JSON_TRUE)
		return "what the kernel refused was not told: nobody can say that nothing was";
	*result = RESULT_PASS;
	return "nothing was denied";
}

static const char *rule_termination(const struct gate_view *v, enum gate_result *result)
{
	const char *reason = gate_text(v, &v->run, "ending", "reason");
	int status = gate_member(&v->run, "ending", "exit_status");
	int64_t n = -1;

	*result = RESULT_BLOCK;
	if (!v->executed)
		return "the plugin was not executed";
	if (strcmp(reason, ending_word(ENDING_CRASHED)) == 0)
		return arena_printf(v->a, "the plugin crashed (%.40s)",
		    gate_text(v, &v->run, "ending", "signal_name"));
	if (strcmp(reason, ending_word(ENDING_EXITED)) != 0)
		return arena_printf(v->a, "the plugin was terminated (%.40s)", reason);
	if (status < 0 || !json_integer(&v->run.json, status, &n))
		return "run.json does not say how the plugin exited";
	if (n != 0)
		return arena_printf(v->a, "the plugin failed with exit status %lld",
		    (long long)n);
	*result = RESULT_PASS;
	return "the plugin exited with status 0";
}

static const char *rule_journal(const struct gate_view *v, enum gate_result *result)
{
	struct bytes lines = folder_get(v->folder, "journal/events.jsonl");
	unsigned char head[SHA256_SIZE];
	char hex[SHA256_HEX];
	int64_t said = -1;
	uint64_t events = 0;
	struct why why = { 0 };

	*result = RESULT_BLOCK;
	if (lines.p == NULL)
		return "the journal is missing";
	if (journal_verify(lines, &events, head, &why) < 0)
		return arena_printf(v->a, "the journal's chain is broken: %s", why.text);
	hex_encode(hex, head, SHA256_SIZE);
	if (!json_integer(&v->run.json, gate_member(&v->run, "journal", "events"), &said) ||
	    said < 0 || (uint64_t)said != events ||
	    strcmp(gate_text(v, &v->run, "journal", "head"), hex) != 0)
		return "the journal does not end where run.json says it does";
	*result = RESULT_PASS;
	return "the journal's chain is whole and ends where run.json says";
}

/* What was handed over leaves this machine, as masked as the rest of the folder is. A
 * file with a NUL is no text: programs hold the heads of keys as well. */
static const char *rule_secrets(const struct gate_view *v, enum gate_result *result)
{
	static const char below[] = "artifacts/";
	struct redactor *r = NULL;
	uint64_t texts = 0;

	*result = RESULT_BLOCK;
	for (size_t i = 0; i < v->folder->files; i++) {
		const struct folder_file *f = &v->folder->file[i];
		const char *kind = NULL;

		if (strncmp(f->name, below, sizeof(below) - 1) != 0 || f->bytes.n == 0)
			continue;
		if (memchr(f->bytes.p, '\0', f->bytes.n) == NULL) {
			if (texts++ == 0) {
				r = arena_get(v->a, sizeof(*r));
				redactor_start(r, true);
			}
			kind = redact_finds(r, f->bytes, false);
		}
		if (f->mapped)
			mapping_release(f->bytes);
		if (kind != NULL)
			return arena_printf(v->a, "%.200s holds what looks like a secret (%s)", f->name, kind);
	}
	*result = texts > 0 ? RESULT_PASS : RESULT_NOT_APPLICABLE;
	return texts > 0 ? "no text among the artifacts holds what looks like a secret" :
	    "there is no text among the artifacts";
}

/* Old evidence is judged by the rules of its time, or its report would change. since:
 * the folder's version that brought the rule, 0: it was always there. */
static const struct rule {
	const char *name;
	const char *(*decide)(const struct gate_view *v, enum gate_result *result);
	int since;
} rules[] = {
	{ "policy_readable", rule_policy },
	{ "evidence_present", rule_present },
	{ "evidence_complete", rule_complete },
	{ "required_evidence", rule_required, 2 },
	{ "verifier_status", rule_verifier },
	{ "signature_required", rule_signature },
	{ "input_snapshotted", rule_input, 2 },
	{ "fail_on", rule_fail_on },
	{ "denied_operations", rule_denied },
	{ "staged_changes", rule_staged, 3 },
	{ "protected_paths", rule_protected },
	{ "patch_size", rule_patch, 2 },
	{ "termination", rule_termination },
	{ "risk_score", rule_risk, 2 },
	{ "journal_chain", rule_journal },
	{ "secrets_in_artifacts", rule_secrets, 2 },
};

struct outcome {
	enum gate_result result;
	const char *detail;
};

/* ---- the report ----------------------------------------------------------------------- */

static enum gate_word decide(const struct outcome outcome[COUNT(rules)])
{
	enum gate_word word = GATE_PASS;

	for (size_t i = 0; i < COUNT(rules); i++)
		switch (outcome[i].result) {
		case RESULT_PASS:
		case RESULT_NOT_APPLICABLE:
			break;
		case RESULT_APPROVAL:
			if (word == GATE_PASS)
				word = GATE_APPROVAL;
			break;
		case RESULT_BLOCK:
		default:
			word = GATE_BLOCK;
		}
	return word;
}

static void write_reasons(struct json_out *o, const struct outcome outcome[COUNT(rules)])
{
	const char *reason[COUNT(rules)];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(rules); i++) {
		size_t at = n;

		if (outcome[i].result != RESULT_BLOCK && outcome[i].result != RESULT_APPROVAL)
			continue;
		for (; at > 0 && strcmp(reason[at - 1], outcome[i].detail) > 0; at--)
			reason[at] = reason[at - 1];
		reason[at] = outcome[i].detail;
		n++;
	}
	json_name(o, "reasons");
	json_open(o, '[');
	for (size_t i = 0; i < n; i++)
		json_text(o, bytes_of(reason[i]));
	json_close(o, ']');
}

static void write_report(const struct gate_view *v, const struct outcome outcome[COUNT(rules)],
    struct bytes policy_snapshot, struct buf *report)
{
	struct json_out o = json_start(report, true);
	unsigned char digest[SHA256_SIZE];

	sha256(policy_snapshot, digest);
	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "run_id", gate_text(v, &v->run, "run_id", NULL));
	json_member(&o, "decision", decision_word[decide(outcome)]);
	json_member(&o, "profile", gate_text(v, &v->policy, "profile", NULL));
	json_member_hex(&o, "policy_snapshot_hash", digest, SHA256_SIZE);
	write_reasons(&o, outcome);
	if (v->version > 1)
		risk_write(&o, v);
	json_name(&o, "rules");
	json_open(&o, '[');
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (rules[i].since > v->version)
			continue;
		json_open(&o, '{');
		json_member(&o, "rule", rules[i].name);
		json_member(&o, "result", result_word[outcome[i].result]);
		json_member(&o, "detail", outcome[i].detail);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	json_end(&o);
}

int gate_decide(const struct folder *f, struct bytes policy_snapshot, struct buf *report)
{
	struct outcome outcome[COUNT(rules)];
	struct arena a = { 0 };
	struct gate_view v = { .a = &a, .folder = f, .found = f->found };
	struct changes changes;
	struct found found;

	if (v.found == NULL) {
		found_read(&a, folder_get(f, "findings.jsonl"), &found);
		v.found = &found;
	}
	v.run = document_read(&a, folder_get(f, "run.json"));
	v.verifier = document_read(&a, folder_get(f, "verifier_report.json"));
	v.policy = document_read(&a, policy_snapshot);
	v.executed = json_kind(&v.run.json, gate_member(&v.run, "ending", NULL)) == JSON_OBJECT;
	v.version = version_of(&v.run);
	if (v.version > 2 && changes_read(&a, folder_get(f, CHANGES), &changes))
		v.changes = &changes;
	for (size_t i = 0; i < COUNT(rules); i++) {
		outcome[i] = (struct outcome){ RESULT_NOT_APPLICABLE, "" };
		if (rules[i].since > v.version)
			continue;
		outcome[i].result = RESULT_BLOCK;
		outcome[i].detail = rules[i].decide(&v, &outcome[i].result);
	}
	write_report(&v, outcome, policy_snapshot, report);
	arena_free(&a);
	return (int)decide(outcome);
}

int gate_decision(struct bytes report)
{
	struct arena a = { 0 };
	struct gate_document d = document_read(&a, report);
	int found = -1, v = gate_member(&d, "decision", NULL);

	for (size_t i = 0; i < COUNT(decision_word) && v >= 0; i++)
		if (json_is(&d.json, v, decision_word[i]))
			found = (int)i;
	arena_free(&a);
	return found;
}
