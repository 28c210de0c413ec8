/*
 * check.c - oxg check: is a run folder what it claims to be? evidence/check.c finds
 * out; here it is told.
 */
#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"
#include "version.h"

#define SCHEMA_VERSION 1

static const char *signature_word(const struct check_result *r, const struct pubkey *key)
{
	return !r->attested ? "none" : key == NULL ? "not_verified" : "verified";
}

static int check_json(const char *path, const struct check_result *r, const struct pubkey *key,
    const struct approved *by, const struct why *why)
{
	struct buf b = { 0 };
	struct json_out o = json_start(&b, false);
	int status;

	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "run", path);
	json_member(&o, "status", why->code == REFUSAL_NONE ? "PASS" : "FAIL");
	json_member_number(&o, "files", (int64_t)r->files);
	json_member_number(&o, "bytes", (int64_t)r->bytes);
	json_member_number(&o, "events", (int64_t)r->events);
	json_member(&o, "decision", by != NULL && by->passed ? "PASS" : *r->decision ? r->decision : NULL);
	if (by != NULL) {
		json_member(&o, "result", by->passed ? by->word : r->decision);
		approvals_write(&o, by);
	}
	json_member(&o, "rendered_by", r->other);
	json_member(&o, "signature", why->code == REFUSAL_NONE ? signature_word(r, key) : NULL);
	json_member(&o, "key_id", key != NULL ? key->id : NULL);
	if (why->code != REFUSAL_NONE)
		json_member(&o, "reason", why->text);
	json_close(&o, '}');
	buf_byte(&b, '\n');
	status = command_print(&b);
	buf_free(&b);
	return status;
}

int cmd_check(int argc, char **argv)
{
	static bool json;
	static const char *file;
	static struct approval_words approvals;
	static struct approved by;
	static const struct option_spec option[] = {
		{ "key", OPT_TEXT, "PUB", "who must have signed it: a public key, PEM, P-256", &file },
		APPROVAL_OPTIONS(approvals),
		{ "json", OPT_FLAG, NULL, "print one JSON object on stdout", &json },
	};
	static const struct command c = { "check", "[options] RUN",
	    "Validate a run folder: digests, journal, documents, gate, report, attestations.\n"
	    "Status 0: it verifies, whatever its gate decided; oxg gate ends as that says.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct check_result r;
	struct why why = { 0 };
	struct arena a = { 0 };
	const char *path;
	struct pubkey pub, *key = NULL;

	options_read(&c, argc, argv, &operands, NULL);
	path = stored_operand(&c, &operands);
	if (file != NULL && stored_key(&a, file, key = &pub, &why) < 0)
		return command_fail(&why);
	if (run_check(&a, path, key, &r, &why) == 0)
		approvals_judge(&a, &approvals, &r.folder, folder_get(&r.folder, "inputs/policy.json"),
		    folder_get(&r.folder, "gate_report.json"), &by, &why);
	if (json && check_json(path, &r, key, approvals.trust != NULL ? &by : NULL, &why) != STATUS_OK)
		return STATUS_EVIDENCE;
	if (why.code != REFUSAL_NONE)
		return command_fail(&why);
	if (!json && r.other != NULL)
		warn("its pages were rendered by oxg %s and are known by their digests alone; "
		    "this is oxg " OXG_VERSION, r.other);
	if (!json)
		warn("%s verifies: %llu files, %llu bytes, %llu journal events, gate %s", path, (unsigned long long)r.files,
		    (unsigned long long)r.bytes, (unsigned long long)r.events, by.passed ? by.word : r.decision);
	for (size_t i = 0; i < by.refusals && !json; i++)
		warn("%s", by.refused[i]);
	if (!json && r.attested)
		warn(key == NULL ? "it is signed, and the signature was not verified: give the signer's "
		    "public key with --key" : "signed by the key %s", key == NULL ? "" : key->id);
	arena_free(&a);
	return STATUS_OK;
}
