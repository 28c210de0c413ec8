/*
 * close.c - the last act: the run folder's documents, made of facts and of the
 * streams as they lie on the disk, judged, rendered, sealed. Runs in the
 * supervisor when every child is dead.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "evidence/evidence.h"

struct act {
	struct arena *arena;
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

static int put_made(struct act *t, const char *name,
    void (*record)(const struct run_facts *, struct buf *))
{
	struct buf b = { 0 };

	record(t->c->facts, &b);
	return put(t, name, buf_bytes(&b));
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

/* The writers are dead: what is mapped here does not change any more. */
static int add_stream(struct act *t, const char *name, int fd)
{
	struct bytes b = { (const unsigned char *)"", 0 };
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0)
		return refuse(t->why, REFUSE_EVIDENCE, "cannot read %s back: %s",
		    name, strerror(errno));
	if (st.st_size > 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			return refuse(t->why, REFUSE_EVIDENCE, "cannot read %s back: %s",
			    name, strerror(errno));
		b = (struct bytes){ p, (size_t)st.st_size };
	}
	folder_add(t->arena, &t->folder, name, b);
	return 0;
}

static int put_judged(struct act *t, int *decision)
{
	struct buf gate = { 0 }, html = { 0 };
	struct found found;

	found_read(t->arena, folder_get(&t->folder, "findings.jsonl"), &found);
	t->folder.found = &found;
	*decision = gate_decide(&t->folder, t->c->policy_snapshot, &gate);
	if (put(t, "gate_report.json", buf_bytes(&gate)) != 0)
		return -1;
	if (report_html(&t->folder, &html, t->why) != 0)
		return -1;
	t->folder.found = NULL;
	return put(t, "report.html", buf_bytes(&html));
}

int evidence_close(struct arena *a, const struct closing *c, int *decision, struct why *why)
{
	struct act t = { .arena = a, .c = c, .why = why, .folder = { .path = c->dir->path } };

	if (journal_flush(c->journal) != 0)
		return refuse(why, REFUSE_EVIDENCE, "cannot write journal/events.jsonl: %s; what "
		    "was written so far is left in %s", strerror(c->journal->error),
		    c->dir->partial);
	if (put_inputs(&t) != 0 ||
	    put_made(&t, "run.json", record_run) != 0 ||
	    put_made(&t, "usage.json", record_usage) != 0 ||
	    put_made(&t, "verifier_report.json", record_verifier) != 0 ||
	    add_stream(&t, "journal/events.jsonl", c->journal->fd) != 0 ||
	    add_stream(&t, "findings.jsonl", c->findings) != 0 ||
	    add_stream(&t, "ledger.jsonl", c->ledger) != 0 ||
	    add_stream(&t, "logs/stdout.log", c->out_log) != 0 ||
	    add_stream(&t, "logs/stderr.log", c->err_log) != 0 ||
	    put_judged(&t, decision) != 0)
		return -1;
	return rundir_seal(c->dir, c->durable, why);
}
