/*
 * apply.c - oxg apply: what a plugin staged, written into the operator's tree. One
 * process, the operator's own; nothing is forked.
 *
 * Nothing is written before the folder verifies, its gate passes and every file below
 * DIR is what the plugin found (or what it would become). Every file is opened below
 * DIR by its descriptor and through no link, so that whoever swaps a directory for a
 * link meanwhile gains nothing. What is written goes into a new file beside the old one,
 * which then takes its name.
 *
 * change_perform is the one place that changes anything in DIR, and RUN.applied.json tells
 * of each: before the first what is about to be done, at the end what was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define SCHEMA_VERSION 1
#define CONFLICTS_SHOWN 5
#define CHUNK (64u << 10)
#define RECORDS_MAX 1000          /* beside one folder */

enum state { STATE_ALREADY, STATE_PLANNED, STATE_DONE, STATE_FAILED, STATES };
static const char *const state_word[STATES] = { "already", "planned", "done", "failed" };

struct target_file {
	bool is;                       /* a regular file */
	bool executable;
	unsigned char sha256[SHA256_SIZE];
};

struct apply {
	const char *run, *to, *key;
	bool dry, json;
	struct approval_words approvals;
	struct approved by;
	struct check_result checked;
	struct changes changes;
	enum state *state;             /* of each change */
	size_t count[STATES];
	int dir;                       /* DIR */
	const char *record;            /* the path of RUN.applied.json, NULL: not made yet */
	int64_t time;
	struct arena a;
	struct why why;
};

/* ---- the folder ------------------------------------------------------------------- */

static int load(struct apply *p)
{
	struct pubkey pub, *key = NULL;
	struct bytes gate;

	if (p->key != NULL && stored_key(&p->a, p->key, key = &pub, &p->why) != 0)
		return -1;
	if (run_check(&p->a, p->run, key, &p->checked, &p->why) != 0)
		return -1;
	gate = folder_get(&p->checked.folder, "gate_report.json");
	if (approvals_judge(&p->a, &p->approvals, &p->checked.folder,
	    folder_get(&p->checked.folder, "inputs/policy.json"), gate, &p->by, &p->why) != 0)
		return -1;
	/* It was checked; in an older folder nobody looked at it. */
	if (p->checked.version > 2)
		(void)changes_read(&p->a, folder_get(&p->checked.folder, CHANGES), &p->changes);
	p->state = arena_array(&p->a, p->changes.n + 1, sizeof(*p->state));
	return 0;
}

/* The status that ends it, or OK: the gate lets it pass. */
static int judged(const struct apply *p)
{
	int decision = gate_decision(folder_get(&p->checked.folder, "gate_report.json"));

	if (decision == DECISION_PASS || p->by.passed)
		return STATUS_OK;
	for (size_t i = 0; i < p->by.refusals; i++)
		warn("%s", p->by.refused[i]);
	if (decision == DECISION_APPROVAL) {
		warn("%s: its gate says REQUIRE_APPROVAL: nothing was applied%s", p->run,
		    p->approvals.trust != NULL ? "" : "; --trust DIR counts approvals");
		return STATUS_APPROVAL;
	}
	warn("%s: its gate says BLOCK: nothing was applied", p->run);
	return STATUS_BLOCK;
}

/* ---- where to --------------------------------------------------------------------- */

static const char *real(struct apply *p, const char *path)
{
	char *found = realpath(path, NULL);
	const char *copy = found != NULL ? arena_text(&p->a, bytes_of(found)) : NULL;

	free(found);
	return copy;
}

/* What is behind above/ in path, "" when they are one, NULL: it is not below. */
static const char *below(const char *path, const char *above)
{
	size_t n = strcmp(above, "/") == 0 ? 0 : strlen(above);

	if (strncmp(path, above, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return NULL;
	return path[n] == '/' ? path + n + 1 : "";
}

/* A tree that holds the folder may be changed everywhere but there, and beside it, where
 * approvals and records lie. */
static int spare_run(struct apply *p, const char *run, const char *to)
{
	const char *inside = below(run, to);

	if (below(to, run) != NULL)
		return refuse(&p->why, REFUSE_USAGE, "--to %s lies in the run folder", p->to);
	for (size_t i = 0; inside != NULL && i < p->changes.n; i++)
		if (strncmp(p->changes.change[i].path, inside, strlen(inside)) == 0 ||
		    below(inside, p->changes.change[i].path) != NULL)
			return refuse(&p->why, REFUSE_INPUT, "%s would touch the run folder %s: move that out of %s",
			    p->changes.change[i].path, p->run, p->to);
	return 0;
}

static int open_tree(struct apply *p)
{
	const char *run = real(p, p->run), *to;

	p->dir = tree_open("to", p->to, &p->why);
	to = p->dir >= 0 ? real(p, p->to) : NULL;
	if (run == NULL || to == NULL)
		return refuse(&p->why, REFUSE_USAGE, "--to %s: %s", p->to, strerror(errno));
	p->run = run;
	return spare_run(p, run, to);
}

/* ---- what is there ------------------------------------------------------------------ */

static int hash_file(int fd, unsigned char digest[SHA256_SIZE])
{
	static unsigned char chunk[CHUNK];
	struct sha256 h;
	int n;

	sha256_start(&h);
	while ((n = read_full(fd, chunk, sizeof(chunk))) > 0)
		sha256_add(&h, chunk, (size_t)n);
	sha256_end(&h, digest);
	return n;
}

static const char *in_the_way(int error)
{
	return error == ELOOP ? "is a link, or behind one" : error == ENOTDIR ?
	    "is no directory, or behind what is none" : strerror(error);
}

/* NULL, or what stands in the way: the rest of a sentence. at: DIR, or a directory in it. */
static const char *look(int at, const char *path, struct target_file *out)
{
	const char *wrong = NULL;
	struct stat st;
	int fd = open_beneath(at, path, O_PATH, 0);

	*out = (struct target_file){ .is = false };
	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		wrong = "is no regular file";
	if (fd >= 0) {
		close(fd);
		fd = wrong == NULL ? open_beneath(at, path, O_RDONLY, 0) : -1;
	}
	if (wrong == NULL && (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    hash_file(fd, out->sha256) != 0))
		wrong = in_the_way(errno);
	if (fd >= 0)
		close(fd);
	if (wrong == NULL) {
		out->is = true;
		out->executable = (st.st_mode & S_IXUSR) != 0;
	}
	return wrong;
}

static bool is_base(const struct change *c, const struct target_file *f)
{
	return f->is == c->based && (!f->is || memcmp(f->sha256, c->base, SHA256_SIZE) == 0);
}

static bool is_wanted(const struct change *c, const struct target_file *f)
{
	return c->deletes ? !f->is : f->is && f->executable == c->executable &&
	    memcmp(f->sha256, c->sha256, SHA256_SIZE) == 0;
}

/* NULL: it can be made; else the rest of a sentence. */
static const char *change_judge(int at, const char *name, const struct change *c, enum state *state)
{
	struct target_file file;
	const char *wrong = look(at, name, &file);

	*state = wrong == NULL && is_wanted(c, &file) ? STATE_ALREADY : STATE_PLANNED;
	if (wrong != NULL || *state == STATE_ALREADY || is_base(c, &file))
		return wrong;
	return !c->based ? "is there now, and was not" : "is not what the plugin saw";
}

static int judge_all(struct apply *p)
{
	size_t conflicts = 0;

	for (size_t i = 0; i < p->changes.n; i++) {
		const struct change *c = &p->changes.change[i];
		const char *wrong = change_judge(p->dir, c->path, c, &p->state[i]);

		p->count[p->state[i]]++;
		if (wrong != NULL && conflicts++ < CONFLICTS_SHOWN)
			warn("%s/%s %s", p->to, c->path, wrong);
	}
	if (conflicts == 0)
		return 0;
	return refuse(&p->why, REFUSE_INPUT, "%zu change%s not fit %s: nothing was applied; run the plugin again",
	    conflicts, conflicts == 1 ? " does" : "s do", p->to);
}

/* ---- changing it ---------------------------------------------------------------------- */

/* The directory that path stands in, made where it is missing; *leaf is its last name. */
static int open_parent(struct apply *p, const char *path, const char **leaf)
{
	int at = p->dir, next = -1;

	for (*leaf = path; strchr(*leaf, '/') != NULL; at = next) {
		size_t n = strcspn(*leaf, "/");
		const char *name = arena_text(&p->a, (struct bytes){ (const void *)*leaf, n });
		int kept;

		next = open_beneath(at, name, O_RDONLY | O_DIRECTORY, 0);
		if (next < 0 && errno == ENOENT && (mkdirat(at, name, 0777) == 0 || errno == EEXIST))
			next = open_beneath(at, name, O_RDONLY | O_DIRECTORY, 0);
		kept = errno;
		if (at != p->dir)
			close(at);
		errno = kept;
		if (next < 0)
			return -1;
		*leaf += n + 1;
	}
	return at == p->dir ? open_beneath(p->dir, ".", O_RDONLY | O_DIRECTORY, 0) : at;
}

/* What was checked is mapped where it is large: what goes out is hashed once more. */
static int fill(int fd, struct bytes b, const unsigned char digest[SHA256_SIZE])
{
	static unsigned char chunk[CHUNK];
	unsigned char is[SHA256_SIZE];
	struct sha256 h;

	sha256_start(&h);
	while (b.n > 0) {
		size_t n = b.n < sizeof(chunk) ? b.n : sizeof(chunk);

		memcpy(chunk, b.p, n);
		sha256_add(&h, chunk, n);
		if (write_all(fd, chunk, n) != 0)
			return -1;
		b.p += n;
		b.n -= n;
	}
	sha256_end(&h, is);
	errno = ESTALE;
	return memcmp(is, digest, SHA256_SIZE) == 0 ? fsync(fd) : -1;
}

/* Takes the name. Nobody's new file is written over: a file system that cannot promise
 * that makes a second name first. */
static int take_name(int at, const char *temporary, const char *leaf, bool replaces)
{
	if (replaces)
		return renameat(at, temporary, at, leaf);
	if (syscall(SYS_renameat2, at, temporary, at, leaf, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EINVAL && linkat(at, temporary, at, leaf, 0) == 0 ? unlinkat(at, temporary, 0) : -1;
}

/* NULL, or the rest of a sentence. */
static const char *write_file(struct apply *p, const struct change *c, int at, const char *leaf)
{
	unsigned char random[8];
	char hex[2 * sizeof(random) + 1], temporary[40];
	enum state state = STATE_PLANNED;
	const char *wrong = NULL;
	int fd;

	random_bytes(random, sizeof(random));
	hex_encode(hex, random, sizeof(random));
	snprintf(temporary, sizeof(temporary), ".oxg-apply-%s", hex);
	fd = openat(at, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, c->executable ? 0777 : 0666);
	if (fd < 0)
		return strerror(errno);
	if (fill(fd, folder_get(&p->checked.folder, arena_printf(&p->a, STAGED "%s", c->path)), c->sha256) != 0)
		wrong = errno == ESTALE ? "the run folder was changed meanwhile" : strerror(errno);
	if (close(fd) != 0 && wrong == NULL)
		wrong = strerror(errno);
	if (wrong == NULL) /* the last look, as late as can be */
		wrong = change_judge(at, leaf, c, &state);
	if (wrong == NULL && state == STATE_PLANNED) {
		if (take_name(at, temporary, leaf, c->based) == 0)
			return fsync(at) == 0 ? NULL : strerror(errno);
		wrong = strerror(errno);
	}
	unlinkat(at, temporary, 0);
	return wrong;
}

static const char *change_perform(struct apply *p, size_t i)
{
	const struct change *c = &p->changes.change[i];
	enum state state;
	const char *leaf, *wrong;
	int at = open_parent(p, c->path, &leaf);

	if (at < 0)
		wrong = in_the_way(errno);
	else if (!c->deletes)
		wrong = write_file(p, c, at, leaf);
	else {
		wrong = change_judge(at, leaf, c, &state);
		if (wrong == NULL && state != STATE_ALREADY && (unlinkat(at, leaf, 0) != 0 || fsync(at) != 0))
			wrong = strerror(errno);
	}
	if (at >= 0)
		close(at);
	p->state[i] = wrong == NULL ? STATE_DONE : STATE_FAILED;
	p->count[STATE_PLANNED]--;
	p->count[p->state[i]]++;
	return wrong;
}

/* What comes before what goes: an error in the middle has lost nothing. */
static int perform_all(struct apply *p)
{
	for (int deletes = 0; deletes < 2; deletes++)
		for (size_t i = 0; i < p->changes.n; i++) {
			const struct change *c = &p->changes.change[i];
			const char *wrong = p->state[i] == STATE_PLANNED && c->deletes == deletes ?
			    change_perform(p, i) : NULL;

			if (wrong != NULL)
				return refuse(&p->why, REFUSE_EVIDENCE, "%s/%s: %s; changes made before that: %zu, not made: %zu; "
				    "see %s", p->to, c->path, wrong, p->count[STATE_DONE], p->count[STATE_PLANNED] + 1,
				    p->record);
		}
	return 0;
}

/* ---- what is told ------------------------------------------------------------------------ */

static void record_make(const struct apply *p, const char *result, struct buf *out)
{
	struct json_out o = json_start(out, true);
	unsigned char digest[SHA256_SIZE];
	char text[32];

	sha256(folder_get(&p->checked.folder, "gate_report.json"), digest);
	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "result", result);
	json_member(&o, "run_id", p->changes.run_id);
	json_member_hex(&o, "gate_report_sha256", digest, sizeof(digest));
	json_name(&o, "approved_by");
	json_open(&o, '[');
	for (size_t i = 0; i < p->by.count && p->by.passed; i++)
		json_text(&o, bytes_of(p->by.key[i]->id));
	json_close(&o, ']');
	json_member(&o, "to", p->to);
	json_member(&o, "time", time_rfc3339(text, p->time));
	json_name(&o, "changes");
	json_open(&o, '[');
	for (size_t i = 0; i < p->changes.n; i++) {
		json_open(&o, '{');
		json_member(&o, "state", state_word[p->state[i]]);
		change_members(&o, &p->changes.change[i]);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	json_end(&o);
}

/* Beside the folder, which is sealed: one for each time that something was done. */
static int record_open(struct apply *p)
{
	struct buf b = { 0 };
	int fd = -1, error = EEXIST;

	record_make(p, "begun", &b);
	for (int n = 1; fd < 0 && error == EEXIST && n <= RECORDS_MAX; n++) {
		p->record = n == 1 ? arena_printf(&p->a, "%s.applied.json", p->run) :
		    arena_printf(&p->a, "%s.applied-%d.json", p->run, n);
		fd = open(p->record, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		error = fd < 0 ? errno : 0;
	}
	if (error == 0 && (write_all(fd, b.p, b.n) != 0 || fsync(fd) != 0))
		error = errno;
	if (fd >= 0 && close(fd) != 0 && error == 0)
		error = errno;
	buf_free(&b);
	if (error == 0)
		return 0;
	if (fd >= 0)
		unlink(p->record);
	return refuse(&p->why, REFUSE_EVIDENCE, "cannot write %s: %s", p->record, strerror(error));
}

static int record_close(struct apply *p, const char *result)
{
	struct buf b = { 0 };
	const char *slash = strrchr(p->record, '/');
	int rc, dir = open(arena_text(&p->a, (struct bytes){ (const void *)p->record, (size_t)(slash + 1 - p->record) }),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	record_make(p, result, &b);
	rc = dir < 0 ? -1 : file_replace(&p->a, dir, slash + 1, buf_bytes(&b), 0644);
	if (rc != 0)
		warn("cannot write %s: %s", p->record, strerror(errno));
	if (dir >= 0)
		close(dir);
	buf_free(&b);
	return rc;
}

static int tell(struct apply *p, const char *result)
{
	size_t todo = p->count[STATE_PLANNED] + p->count[STATE_DONE];
	struct buf b = { 0 };
	int status = STATUS_OK;

	if (p->json) {
		record_make(p, result, &b);
		status = command_print(&b);
		buf_free(&b);
		return status;
	}
	for (size_t i = 0; i < p->changes.n; i++)
		if (p->state[i] != STATE_ALREADY)
			warn("%s %s", p->changes.change[i].deletes ? "delete" : "write", p->changes.change[i].path);
	warn("%s: %zu change%s %s %s, %zu already there%s%s", p->run, todo, todo == 1 ? "" : "s",
	    p->dry ? "would be applied to" : "applied to", p->to, p->count[STATE_ALREADY],
	    p->record != NULL ? ": " : "", p->record != NULL ? p->record : "");
	return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int apply(struct apply *p)
{
	int status, rc;

	if (load(p) != 0)
		return command_fail(&p->why);
	status = judged(p);
	if (status != STATUS_OK)
		return status;
	if (p->changes.n == 0) {
		warn("%s: nothing is staged in it", p->run);
		return STATUS_OK;
	}
	if (open_tree(p) != 0 || judge_all(p) != 0)
		return command_fail(&p->why);
	if (p->dry || p->count[STATE_PLANNED] == 0)
		return tell(p, p->dry ? "dry-run" : "applied");
	if (record_open(p) != 0)
		return command_fail(&p->why);
	rc = perform_all(p);
	if (record_close(p, rc == 0 ? "applied" : "failed") != 0 && rc == 0)
		return STATUS_EVIDENCE;
	status = rc == 0 || p->json ? tell(p, rc == 0 ? "applied" : "failed") : STATUS_OK;
	return rc != 0 ? command_fail(&p->why) : status;
}

int cmd_apply(int argc, char **argv)
{
	static struct apply p;
	static const struct option_spec option[] = {
		{ "to", OPT_TEXT, "DIR", "the tree", &p.to },
		{ "key", OPT_TEXT, "PUB", "who must have signed it: a public key, PEM, P-256", &p.key },
		APPROVAL_OPTIONS(p.approvals),
		{ "dry-run", OPT_FLAG, NULL, "write nothing", &p.dry },
		{ "json", OPT_FLAG, NULL, "print one JSON object on stdout", &p.json },
	};
	static const struct command c = { "apply", "--to DIR [options] RUN",
	    "Applies staged changes, when the gate has passed.", option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct clock clock;

	options_read(&c, argc, argv, &operands, NULL);
	p.run = stored_operand(&c, &operands);
	if (p.to == NULL)
		die(STATUS_USAGE, "apply needs --to DIR; type: oxg apply %s", c.synopsis);
	if (clock_start(&clock, &p.why) != 0)
		return command_fail(&p.why);
	p.time = clock_seconds(&clock);
	return apply(&p);
}
