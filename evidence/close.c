/*
 * close.c - the last act: the run folder's documents, made of facts and of the
 * streams as they lie on the disk, judged, rendered, sealed. Runs in the
 * supervisor when every child is dead.
 */
#include <string.h>

#include "evidence/evidence.h"

#define MADE_FIRST (32u << 10) /* more than the documents of a small run need */

struct act {
	struct arena *arena;
	struct buf made;               /* the document being made */
	const struct closing *c;
	struct folder folder;          /* what gate and report see */
	struct why *why;
};

/* Kept until exit: the folder points to the bytes. */
static int put(struct act *t, const char *name, struct bytes b)
{
	folder_add(t->arena, &t->folder, name, b);
	return rundir_put(t->c->dir, name, b, t->why);
}

/* What stands in made, copied: the next document is made in the same place. */
static int put_copy(struct act *t, const char *name)
{
	struct bytes b = buf_bytes(&t->made);

	b.p = (const unsigned char *)arena_text(t->arena, b);
	t->made.n = 0;
	return put(t, name, b);
}

static int put_made(struct act *t, const char *name,
    void (*record)(const struct run_facts *, struct buf *))
{
	record(t->c->facts, &t->made);
	return put_copy(t, name);
}

static int put_inputs(struct act *t)
{
	const struct closing *c = t->c;
	const struct plugin *plugin = c->facts->plugin;

	if (c->policy_snapshot.n > 0 && put(t, "inputs/policy.json", c->policy_snapshot) != 0)
		return -1;
	if (plugin != NULL && !plugin->bare &&
	    put(t, "inputs/manifest.json", plugin->manifest_bytes) != 0)
		return -1;
	if (c->task.p != NULL && put(t, "inputs/task.json", c->task) != 0)
		return -1;
	if (c->input_listing.n > 0 && put(t, "inputs/input.sha256", c->input_listing) != 0)
		return -1;
	return 0;
}

/* The writers are dead: what is read here does not change any more. */
static int add_stream(struct act *t, const char *name, int fd, struct rundir_pass *pass)
{
	if (rundir_read(t->c->dir, fd, pass, t->why) != 0)
		return -1;
	folder_add(t->arena, &t->folder, name, pass->all);
	return 0;
}

static int add_hashed(struct act *t, const char *name, int fd)
{
	unsigned char digest[SHA256_SIZE];
	struct rundir_pass pass;

	if (add_stream(t, name, fd, &pass) != 0)
		return -1;
	rundir_pass_end(&pass, digest);
	return 0;
}

/* Counted and hashed in one walk. */
static int add_findings(struct act *t, struct found *found)
{
	unsigned char digest[SHA256_SIZE];
	struct rundir_pass pass;

	if (add_stream(t, "findings.jsonl", t->c->findings, &pass) != 0)
		return -1;
	found_read_pass(t->arena, &pass, found);
	rundir_pass_end(&pass, digest);
	t->folder.found = found;
	return 0;
}

static int journal_write(const struct act *t)
{
	if (journal_flush(t->c->journal) == 0)
		return 0;
	return refuse(t->why, REFUSE_EVIDENCE, "cannot write journal/events.jsonl: %s; what was written "
	    "so far is left in %s", strerror(t->c->journal->error), t->c->dir->partial);
}

/* Where the broker died, a file may be whole and its event lost. */
static int put_handed(struct act *t)
{
	const struct closing *c = t->c;
	bool whole = c->facts->evidence_complete;
	struct rundir_pass journal;

	if (unstage(t->arena, c->dir, c->facts->limits->artifacts, whole, &t->folder, c->handed, t->why) != 0)
		return -1;
	if (whole)
		return 0;
	if (rundir_read(c->dir, c->journal->fd, &journal, t->why) != 0)
		return -1;
	artifacts_recover(t->arena, c->journal, journal.all, c->handed);
	return journal_write(t);
}

static int put_changes(struct act *t)
{
	const struct run_facts *facts = t->c->facts;
	struct changes changes = { .run_id = facts->run_id,
		.project = facts->project_path != NULL ? facts->project_path : "" };

	changes_make(t->arena, t->c->handed, &changes);
	if (changes.n == 0)
		return 0;
	changes_write(&changes, &t->made);
	return put_copy(t, CHANGES);
}

static int put_audit(struct act *t)
{
	if (t->c->audit < 0)
		return 0;
	if (add_hashed(t, "audit.jsonl", t->c->audit) != 0)
		return -1;
	audit_document(&t->folder, &t->made);
	return put_copy(t, "security_audit.json");
}

static int put_judged(struct act *t, int *decision)
{
	*decision = gate_decide(&t->folder, t->c->policy_snapshot, &t->made);
	if (put_copy(t, "gate_report.json") != 0 ||
	    report_html(&t->folder, &t->made, t->why) != 0)
		return -1;
	if (rundir_put(t->c->dir, "report.html", buf_bytes(&t->made), t->why) != 0)
		return -1;
	t->made.n = 0;
	if (report_sarif(&t->folder, &t->made, t->why) != 0)
		return -1;
	return rundir_put(t->c->dir, "report.sarif", buf_bytes(&t->made), t->why);
}

/* ---- signed ---------------------------------------------------------------------------- */

static int put_signed(struct act *t, const struct attestation *it)
{
	struct signer *s = t->c->facts->signer;
	struct buf payload = { 0 }, der = { 0 };
	unsigned char digest[SHA256_SIZE];
	struct why why = { 0 };
	int rc;

	it->statement(t->arena, &t->folder, &payload);
	dsse_digest(buf_bytes(&payload), digest);
	t->made.n = 0;
	if (s->sign(s, digest, &der, &why) != 0) {
		rc = refuse(t->why, REFUSE_EVIDENCE, "the run cannot be signed: %.600s; what was written so "
		    "far is left in %.300s", why.text, t->c->dir->partial);
	} else {
		dsse_write(buf_bytes(&payload), buf_bytes(&der), &t->made);
		rc = put_copy(t, it->name);
	}
	if (rc == 0 && s->bundle) {
		sigstore_write(folder_get(&t->folder, it->name), s->key_id, &t->made);
		rc = rundir_put(t->c->dir, it->bundle, buf_bytes(&t->made), t->why);
	}
	buf_free(&payload);
	buf_free(&der);
	return rc;
}

static int put_attestations(struct act *t)
{
	struct bytes sums;

	if (t->c->facts->signer == NULL)
		return 0;
	if (rundir_sums(t->c->dir, &sums, t->why) != 0)
		return -1;
	folder_add(t->arena, &t->folder, SUMS, sums);
	for (size_t i = 0; i < ATTESTATIONS; i++)
		if (put_signed(t, &attestations[i]) != 0)
			return -1;
	return 0;
}

int evidence_close(struct arena *a, const struct closing *c, int *decision, struct why *why)
{
	struct act t = { .arena = a, .c = c, .why = why, .folder = { .path = c->dir->path } };
	struct found *found = arena_get(a, sizeof(*found));

	if (journal_write(&t) != 0)
		return -1;
	buf_reserve(&t.made, MADE_FIRST);
	if (put_inputs(&t) != 0 || put_handed(&t) != 0 || put_changes(&t) != 0 ||
	    put_made(&t, "run.json", record_run) != 0 ||
	    put_made(&t, "usage.json", record_usage) != 0 ||
	    put_made(&t, "verifier_report.json", record_verifier) != 0 ||
	    add_hashed(&t, "journal/events.jsonl", c->journal->fd) != 0 ||
	    add_findings(&t, found) != 0 ||
	    add_hashed(&t, "ledger.jsonl", c->ledger) != 0 ||
	    put_audit(&t) != 0 ||
	    add_hashed(&t, "logs/stdout.log", c->out_log) != 0 ||
	    add_hashed(&t, "logs/stderr.log", c->err_log) != 0 ||
	    put_judged(&t, decision) != 0 || put_attestations(&t) != 0)
		return -1;
	if (rundir_seal(c->dir, c->durable, why) != 0)
		return -1;
	if (c->seen != NULL)
		*c->seen = t.folder;
	return 0;
}
