/*
 * approve.c - oxg approve, and which approvals count. A run folder is sealed, so they
 * lie beside it, in RUN.approvals/. One process, the operator's own; nothing is forked.
 *
 * Everybody may put a file there: what counts is signed by a key of keys/approvers/,
 * over this very gate report, in date, by somebody who is not the run's own signer and
 * whose role covers what has to be approved.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"

#define APPROVALS "approvals"
#define ENVELOPE_BYTES (64u << 10)
#define REASON_BYTES 4096
#define SHORT_ID 16

static const char *beside(struct arena *a, const char *run)
{
	char *real = realpath(run, NULL);
	const char *path = arena_printf(a, "%s." APPROVALS, real != NULL ? real : run);

	free(real);
	return path;
}

/* ---- oxg approve ------------------------------------------------------------------------- */

struct words {
	const char *key, *reason, *expires, *out;
	bool json;
};

static int64_t expiry(const char *word, int64_t now)
{
	int64_t seconds;
	uint64_t ns;

	if (word == NULL)
		return APPROVAL_FOR_EVER;
	if (duration_parse(bytes_of(word), &ns))
		seconds = now + (int64_t)(ns / 1000000000u);
	else if (!time_parse(bytes_of(word), &seconds))
		seconds = now;
	if (seconds <= now)
		die(STATUS_USAGE, "--expires %s: give a time from now like 24h, or one to come like "
		    "2030-01-31T00:00:00Z", word);
	return seconds;
}

/* The folder holds, and its gate waits for an approval. */
static int may_be_approved(struct arena *a, const char *path, struct check_result *r, struct why *why)
{
	if (run_check(a, path, NULL, r, why) != 0)
		return -1;
	if (strcmp(r->decision, "PASS") == 0)
		return refuse(why, REFUSE_USAGE, "%s: its gate says PASS, so there is nothing to approve", path);
	if (strcmp(r->decision, "BLOCK") == 0)
		return refuse(why, REFUSE_USAGE, "%s: its gate says BLOCK, which no approval lifts: its "
		    "gate_report.json says why", path);
	return 0;
}

static int envelope_make(struct arena *a, const char *file, struct approval *p, struct buf *out,
    struct why *why)
{
	struct privkey key;
	struct buf payload = { 0 }, der = { 0 };
	unsigned char digest[SHA256_SIZE];

	if (privkey_read(a, file, &key, why) != 0)
		return -1;
	p->key_id = arena_text(a, bytes_of(key.pub.id));
	approval_statement(p, &payload);
	dsse_digest(buf_bytes(&payload), digest);
	signature_make(&key, digest, &der);
	privkey_wipe(&key);
	dsse_write(buf_bytes(&payload), buf_bytes(&der), out);
	buf_free(&payload);
	buf_free(&der);
	return 0;
}

/* A new file, never over another. */
static int envelope_write(const char *path, struct bytes b, struct why *why)
{
	int error, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return refuse(why, REFUSE_EVIDENCE, errno == EEXIST ? "%s is there already (%s): take it "
		    "away, or name another file with --out" : "cannot make %s: %s", path, strerror(errno));
	error = write_all(fd, b.p, b.n) == 0 && fsync(fd) == 0 ? 0 : errno;
	close(fd);
	if (error == 0)
		return 0;
	unlink(path);
	return refuse(why, REFUSE_EVIDENCE, "cannot write %s: %s", path, strerror(error));
}

static int approve(struct arena *a, const char *run, struct words *w, struct approval *p,
    struct why *why)
{
	struct check_result r;
	struct buf envelope = { 0 };
	unsigned char digest[SHA256_SIZE];
	char *hex = arena_get(a, SHA256_HEX);
	struct json j;
	char error[200];
	int rc;

	if (may_be_approved(a, run, &r, why) != 0)
		return -1;
	sha256(folder_get(&r.folder, "gate_report.json"), digest);
	hex_encode(hex, digest, SHA256_SIZE);
	p->gate_sha256 = hex;
	if (json_parse(a, folder_get(&r.folder, "run.json"), &j, error) != 0)
		return refuse(why, REFUSE_EVIDENCE, "%s/run.json is no JSON: %s", run, error);
	p->run_id = (const char *)json_string(a, &j, json_get(&j, 0, "run_id")).p;
	if (envelope_make(a, w->key, p, &envelope, why) != 0)
		return -1;
	if (w->out == NULL) {
		const char *dir = beside(a, run);

		if (mkdir(dir, 0777) != 0 && errno != EEXIST)
			return refuse(why, REFUSE_EVIDENCE, "cannot make %s: %s; name another place with "
			    "--out FILE", dir, strerror(errno));
		w->out = arena_printf(a, "%s/%.*s.json", dir, SHORT_ID, p->key_id);
	}
	rc = envelope_write(w->out, buf_bytes(&envelope), why);
	buf_free(&envelope);
	return rc;
}

static int approve_report(const char *run, const struct words *w, const struct approval *p)
{
	struct buf b = { 0 };
	struct json_out o = json_start(&b, false);
	char until[32];
	int status;

	time_rfc3339(until, p->expires == APPROVAL_FOR_EVER ? 0 : p->expires);
	if (w->json) {
		json_open(&o, '{');
		json_member_number(&o, "schema_version", 1);
		json_member(&o, "run_id", p->run_id);
		json_member(&o, "gate_report_sha256", p->gate_sha256);
		json_member(&o, "key_id", p->key_id);
		json_member(&o, "expires", p->expires == APPROVAL_FOR_EVER ? NULL : until);
		json_member(&o, "approval", w->out);
		json_close(&o, '}');
		buf_byte(&b, '\n');
	} else {
		buf_printf(&b, "%s\n", w->out);
		warn("approved %s with the key %s%s%s", run, p->key_id,
		    p->expires == APPROVAL_FOR_EVER ? "" : " until ",
		    p->expires == APPROVAL_FOR_EVER ? "" : until);
	}
	status = command_print(&b);
	buf_free(&b);
	return status;
}

int cmd_approve(int argc, char **argv)
{
	static struct words w;
	static const struct option_spec option[] = {
		{ "key", OPT_TEXT, "FILE", "the approver's private key: PEM, P-256", &w.key },
		{ "reason", OPT_TEXT, "TEXT", "why, for who reads it later", &w.reason },
		{ "expires", OPT_TEXT, "TIME", "until when: 24h, or 2030-01-31T00:00:00Z", &w.expires },
		{ "out", OPT_TEXT, "FILE", "where to (default RUN.approvals/KEY-ID.json)", &w.out },
		{ "json", OPT_FLAG, NULL, "print one JSON object on stdout", &w.json },
	};
	static const struct command c = { "approve", "--key FILE --reason TEXT [options] RUN",
	    "Signs an approval of a run whose gate says REQUIRE_APPROVAL.", option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct approval p = { 0 };
	struct arena a = { 0 };
	struct why why = { 0 };
	struct clock clock;
	const char *run;

	options_read(&c, argc, argv, &operands, NULL);
	run = stored_operand(&c, &operands);
	if (w.key == NULL || w.reason == NULL)
		die(STATUS_USAGE, "approve needs --key FILE and --reason TEXT; type: oxg approve %s", c.synopsis);
	if (strlen(w.reason) > REASON_BYTES || !utf8_valid(bytes_of(w.reason)))
		die(STATUS_USAGE, "--reason: give a text of at most %d bytes", REASON_BYTES);
	if (clock_start(&clock, &why) != 0)
		return command_fail(&why);
	p.reason = w.reason;
	p.time = clock_seconds(&clock);
	p.expires = expiry(w.expires, p.time);
	if (approve(&a, run, &w, &p, &why) != 0)
		return command_fail(&why);
	return approve_report(run, &w, &p);
}

/* ---- which ones count ---------------------------------------------------------------------- */

struct judging {
	struct arena *a;
	const struct trust_root *root;    /* its keys are the approvers' */
	const struct policy *policy;
	const struct folder *folder;
	struct json run, report;
	char gate[SHA256_HEX];
	int64_t now;
	struct approved *out;
};

static bool holds(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* May this key approve this rule? Without roles every approver may. A key may lie there
 * under several names. */
static bool role_covers(const struct judging *j, const struct pubkey *key, const char *rule)
{
	for (size_t i = 0; i < j->root->keys; i++) {
		const char *name = strrchr(j->root->key[i].file, '/') + 1;

		if (strcmp(j->root->key[i].id, key->id) != 0)
			continue;
		for (size_t k = 0; k < j->policy->roles; k++)
			if (holds(j->policy->role[k].key, j->policy->role[k].keys, name) &&
			    holds(j->policy->role[k].rule, j->policy->role[k].rules, rule))
				return true;
	}
	return j->policy->roles == 0;
}

/* The next rule of the report that asks for an approval, behind v (-1: the first); NULL:
 * no more. */
static const char *rule_next(const struct judging *j, int *v)
{
	int list = json_get(&j->report, 0, "rules");

	for (*v = *v < 0 ? json_first(&j->report, list) : json_next(&j->report, *v); *v >= 0;
	    *v = json_next(&j->report, *v))
		if (json_is(&j->report, json_get(&j->report, *v, "result"), "approval"))
			return (const char *)json_string(j->a, &j->report, json_get(&j->report, *v, "rule")).p;
	return NULL;
}

static bool covers_any(const struct judging *j, const struct pubkey *key)
{
	const char *rule;
	int v = -1;

	while ((rule = rule_next(j, &v)) != NULL)
		if (role_covers(j, key, rule))
			return true;
	return false;
}

/* Who signed the plugin, or the folder. */
static bool own_signer(const struct judging *j, const struct pubkey *key)
{
	struct bytes payload, der;

	return json_is(&j->run, json_get(&j->run, json_get(&j->run, 0, "plugin"), "key_id"), key->id) ||
	    (dsse_read(j->a, folder_get(j->folder, attestations[0].name), &payload, &der) &&
	    dsse_verify(payload, der, key));
}

static const struct pubkey *approver(const struct judging *j, const char *id)
{
	for (size_t i = 0; i < j->root->keys; i++)
		if (strcmp(j->root->key[i].id, id) == 0)
			return &j->root->key[i];
	return NULL;
}

/* NULL: it counts, and is *by. */
static const char *fault(const struct judging *j, struct bytes text, const struct pubkey **by)
{
	struct bytes payload, der;
	struct approval p;

	if (!dsse_read(j->a, text, &payload, &der) || !approval_read(j->a, payload, &p))
		return "is no approval as oxg approve writes it";
	*by = approver(j, p.key_id);
	if (*by == NULL)
		return arena_printf(j->a, "is by the key %.64s, which is not in keys/approvers", p.key_id);
	if (key_revoked(j->root, p.key_id))
		return arena_printf(j->a, "is by the key %s, which is revoked", p.key_id);
	if (!dsse_verify(payload, der, *by))
		return "is not signed by the key that it names, or was changed";
	if (!json_is(&j->run, json_get(&j->run, 0, "run_id"), p.run_id))
		return "is for another run";
	if (strcmp(p.gate_sha256, j->gate) != 0)
		return "is for another gate report";
	if (p.time > j->now)
		return "was not given yet at the time of judging";
	if (p.expires <= j->now)
		return "has expired";
	if ((uint64_t)(j->now - p.time) > j->policy->approvals_max_age_ns / 1000000000u)
		return "is older than the policy's approvals.max_age";
	if (!j->policy->approvals_signer && own_signer(j, *by))
		return "is by the run's own signer, and the policy's approvals.allow_signer is not true";
	if (!covers_any(j, *by))
		return "is by somebody who has no role for what has to be approved";
	return NULL;
}

static void judge_one(const struct judging *j, const char *name, int got, struct bytes text)
{
	struct approved *out = j->out;
	const struct pubkey *by = NULL;
	const char *why = got != 0 ? arena_printf(j->a, "cannot be read: %s", errno == EFBIG ?
	    "it is too long" : errno == EINVAL ? "it is no regular file" : strerror(errno)) :
	    fault(j, text, &by);

	if (why != NULL && out->refusals < COUNT(out->refused))
		out->refused[out->refusals++] = arena_printf(j->a, "the approval %s %s", name, why);
	if (why != NULL || out->count == COUNT(out->key))
		return;
	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->key[i]->id, by->id) == 0)
			return; /* one voice, however often */
	out->key[out->count++] = by;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of RUN.approvals/, in the order of their names; more than can count are not looked at. */
static void judge_beside(const struct judging *j, const char *run)
{
	const char *path = beside(j->a, run), *name[APPROVALS_MAX];
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	size_t n = 0;

	while (d != NULL && n < COUNT(name) && (e = readdir(d)) != NULL) {
		size_t length = strlen(e->d_name);

		if (length > 5 && e->d_name[0] != '.' && strcmp(e->d_name + length - 5, ".json") == 0)
			name[n++] = arena_text(j->a, bytes_of(e->d_name));
	}
	sort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n; i++) {
		struct bytes text = { 0 };
		int got = file_read(j->a, fd, name[i], ENVELOPE_BYTES, &text);

		judge_one(j, arena_printf(j->a, "%s/%s", path, name[i]), got, text);
	}
	if (d != NULL)
		closedir(d);
}

/* Each rule that asks has as many of them as the policy wants. */
static bool enough(const struct judging *j)
{
	const char *rule;
	int v = -1;
	bool asked = false;

	while ((rule = rule_next(j, &v)) != NULL) {
		uint64_t n = 0;

		asked = true;
		for (size_t i = 0; i < j->out->count; i++)
			n += role_covers(j, j->out->key[i], rule);
		if (n < j->policy->approvals_required)
			return false;
	}
	return asked;
}

int approvals_judge(struct arena *a, const struct approval_words *w, const struct folder *f,
    struct bytes snapshot, struct bytes report, struct approved *out, struct why *why)
{
	struct judging j = { .a = a, .folder = f, .out = out };
	struct trust_root *root = arena_get(a, sizeof(*root));
	struct policy policy;
	struct clock clock;
	unsigned char digest[SHA256_SIZE];
	char error[200];

	if (w->trust == NULL && (w->file.count > 0 || w->verify_time != NULL))
		die(STATUS_USAGE, "--approval and --verify-time want --trust DIR, where the approvers' keys are");
	*out = (struct approved){ .passed = false };
	if (w->trust == NULL || gate_decision(report) != DECISION_APPROVAL)
		return 0;
	if (trust_root_open(a, w->trust, root, why) != 0 || trust_approvers(a, root, why) != 0 ||
	    policy_parse(a, snapshot, "the policy", NULL, &policy, why) != 0 || clock_start(&clock, why) != 0)
		return -1;
	if (json_parse(a, folder_get(f, "run.json"), &j.run, error) != 0 ||
	    json_parse(a, report, &j.report, error) != 0)
		return refuse(why, REFUSE_EVIDENCE, "%s: run.json is no JSON: %s", f->path, error);
	j.root = root;
	j.policy = &policy;
	j.now = clock_seconds(&clock);
	option_time(w->verify_time, &j.now);
	sha256(report, digest);
	hex_encode(j.gate, digest, SHA256_SIZE);
	judge_beside(&j, f->path);
	for (size_t i = 0; i < w->file.count; i++) {
		struct bytes text = { 0 };
		int got = file_read(a, AT_FDCWD, w->file.word[i], ENVELOPE_BYTES, &text);

		judge_one(&j, w->file.word[i], got, text);
	}
	out->passed = enough(&j);
	out->word = "PASS (approved by ";
	for (size_t i = 0; i < out->count; i++)
		out->word = arena_printf(a, "%s%s%s", out->word, i > 0 ? ", " : "",
		    strrchr(out->key[i]->file, '/') + 1);
	out->word = out->passed ? arena_printf(a, "%s)", out->word) : NULL;
	return 0;
}

void approvals_write(struct json_out *o, const struct approved *r)
{
	json_name(o, "approved_by");
	json_open(o, '[');
	for (size_t i = 0; i < r->count; i++) {
		json_open(o, '{');
		json_member(o, "key_id", r->key[i]->id);
		json_member(o, "file", r->key[i]->file);
		json_close(o, '}');
	}
	json_close(o, ']');
	json_name(o, "refused_approvals");
	json_open(o, '[');
	for (size_t i = 0; i < r->refusals; i++)
		json_text(o, bytes_of(r->refused[i]));
	json_close(o, ']');
}
