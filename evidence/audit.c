/*
 * audit.c - what --audit adds to a run folder. audit.jsonl: one allowed call a line,
 * written by the broker. security_audit.json: those and the refused ones as events
 * with a summary, in the words of Ignite's SecurityAudit, made of the stored evidence
 * alone. Runs in the supervisor when every child is dead, and in `oxg check`.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "evidence/evidence.h"

#define AUDIT_FILE_MAX (AUDIT_BYTES + (1u << 20))

/* ---- run.json ----------------------------------------------------------------------- */

int audit_recover(int fd, uint64_t *lines)
{
	struct arena file = { 0 };
	struct bytes text;
	int rc = fd_read(&file, fd, AUDIT_FILE_MAX, &text);

	*lines = 0;
	while (rc == 0 && text.n > 0 && text.p[text.n - 1] != '\n')
		text.n--;
	for (size_t i = 0; rc == 0 && i < text.n; i++)
		*lines += text.p[i] == '\n';
	if (rc == 0)
		rc = ftruncate(fd, (off_t)text.n);
	arena_free(&file);
	return rc;
}

void audit_summary(struct json_out *o, const struct audited *a)
{
	json_name(o, "audit");
	json_open(o, '{');
	json_member_number(o, "allowed", (int64_t)a->allowed);
	json_member_number(o, "recorded", (int64_t)a->recorded);
	json_name(o, "by_action");
	json_open(o, '{');
	for (int deed = DEED_NONE + 1; deed < DEED_COUNT; deed++)
		json_member_number(o, deed_action((enum call_deed)deed),
		    (int64_t)a->by_deed[deed]);
	json_close(o, '}');
	json_name(o, "by_call");
	json_open(o, '{');
	for (int nr = 0; nr < LEDGER_CALLS; nr++)
		if (a->by_call[nr] != 0 && call_name(nr) != NULL)
			json_member_number(o, call_name(nr), a->by_call[nr]);
	json_close(o, '}');
	json_close(o, '}');
}

/* ---- what kind a refused call is ---------------------------------------------------- */

/* By name: a folder may be checked on a machine with other numbers. */
static const char *const network[] = {
	"socket", "socketpair", "connect", "bind", "listen", "accept", "accept4",
	"sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
	"getsockname", "getpeername", "getsockopt", "setsockopt",
};
static const char *const filesystem[] = {
	"open", "openat", "openat2", "creat", "mknod", "mknodat", "mkdir", "mkdirat",
	"link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir",
	"rename", "renameat", "renameat2", "chmod", "fchmod", "fchmodat", "fchmodat2",
	"chown", "fchown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
	"truncate", "ftruncate", "fallocate", "stat", "lstat", "statfs", "fstatfs", "statx",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents",
	"setxattr", "lsetxattr", "fsetxattr", "getxattr", "lgetxattr", "fgetxattr",
	"listxattr", "llistxattr", "flistxattr", "removexattr", "lremovexattr", "fremovexattr",
	"mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "mount_setattr",
	"fsopen", "fsconfig", "fsmount", "fspick", "swapon", "swapoff", "acct", "quotactl",
	"name_to_handle_at", "open_by_handle_at", "inotify_init", "inotify_init1",
	"inotify_add_watch", "fanotify_init", "fanotify_mark", "flock", "sync", "syncfs",
	"copy_file_range", "sendfile", "splice", "tee", "vmsplice", "fsync", "fdatasync",
};

enum kind { NETWORK, FILESYSTEM, PROCESS, KINDS };
static const char *const kind_word[KINDS] = { "network", "filesystem", "process" };

static bool listed(const char *const *list, size_t n, struct bytes name)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_are(name, list[i]))
			return true;
	return false;
}

static enum kind kind_of(struct bytes name)
{
	if (listed(network, COUNT(network), name))
		return NETWORK;
	return listed(filesystem, COUNT(filesystem), name) ? FILESYSTEM : PROCESS;
}

/* ---- one event ------------------------------------------------------------------------ */

/* A stored file, line by line: the next one is parsed already. */
struct side {
	struct bytes rest;
	struct arena scratch;
	struct json j;
	bool there, allowed;
	int64_t at_us;
};

static void side_next(struct side *s)
{
	const unsigned char *end;
	char error[200];
	size_t n;

	arena_reset(&s->scratch);
	end = s->rest.n > 0 ? memchr(s->rest.p, '\n', s->rest.n) : NULL;
	n = end != NULL ? (size_t)(end - s->rest.p) : 0;
	s->there = end != NULL &&
	    json_parse(&s->scratch, (struct bytes){ s->rest.p, n }, &s->j, error) == 0;
	if (!s->there)
		return;
	s->rest = (struct bytes){ s->rest.p + n + 1, s->rest.n - n - 1 };
	if (!json_integer(&s->j, json_get(&s->j, 0, "at_us"), &s->at_us) || s->at_us < 0)
		s->at_us = 0;
}

/* What it was about: the first of these arguments; else the call itself. */
static int target_of(const struct json *j)
{
	static const char *const names[] = { "path", "address", "domain", "type" };
	int args = json_get(j, 0, "args"), v;

	for (size_t i = 0; i < COUNT(names); i++)
		if ((v = json_get(j, args, names[i])) >= 0)
			return v;
	return json_get(j, 0, "call");
}

/* The call, who made it, and what else it said, for people. */
static void details_write(struct side *s, struct buf *to)
{
	const struct json *j = &s->j;
	int name = json_first(j, json_get(j, 0, "args")), v;
	struct bytes call = json_string(&s->scratch, j, json_get(j, 0, "call"));
	struct bytes pid = json_raw(j, json_get(j, 0, "pid")), text;

	buf_add(to, call.p, call.n);
	for (; name >= 0; name = json_next(j, name)) {
		v = json_value(j, name);
		if (v == target_of(j))
			continue;
		text = json_raw(j, name);
		buf_byte(to, ' ');
		buf_add(to, text.p, text.n);
		buf_byte(to, '=');
		text = json_kind(j, v) == JSON_STRING ? json_string(&s->scratch, j, v) : json_raw(j, v);
		buf_add(to, text.p, text.n);
	}
	buf_text(to, ", process ");
	buf_add(to, pid.p, pid.n);
}

static void event_words(struct side *s, struct json_out *o, struct bytes call)
{
	const struct json *j = &s->j;
	enum kind kind = kind_of(call);
	bool connects = bytes_are(call, "connect") || bytes_are(call, "sendto");

	if (s->allowed) {
		json_member_bytes(o, "type", json_string(&s->scratch, j, json_get(j, 0, "type")));
		json_member_bytes(o, "action", json_string(&s->scratch, j, json_get(j, 0, "action")));
		return;
	}
	json_member(o, "type", kind_word[kind]);
	json_member(o, "action", connects ? "connect" : "blocked");
}

/* Ignite's members, and a severity: a refused way to others weighs most. */
static void event_write(struct side *s, struct json_out *o, int64_t started)
{
	struct bytes call = json_string(&s->scratch, &s->j, json_get(&s->j, 0, "call"));
	struct buf text = { 0 };

	json_open(o, '{');
	event_words(s, o, call);
	json_member_bytes(o, "target", json_string(&s->scratch, &s->j, target_of(&s->j)));
	json_member_number(o, "timestamp", started * 1000 + s->at_us / 1000);
	json_member_bool(o, "allowed", s->allowed);
	json_member(o, "severity", s->allowed ? "info" : kind_of(call) == NETWORK ? "high" : "med");
	details_write(s, &text);
	json_member_bytes(o, "details", buf_bytes(&text));
	json_close(o, '}');
	buf_free(&text);
}

/* In the order of their time; where clocks stand still the allowed ones first. */
static void events_write(const struct folder *f, struct json_out *o, int64_t started)
{
	struct side allowed = { .rest = folder_get(f, "audit.jsonl"), .allowed = true };
	struct side refused = { .rest = folder_get(f, "ledger.jsonl") };
	struct buf line = { 0 };

	side_next(&allowed);
	side_next(&refused);
	json_name(o, "events");
	json_open(o, '[');
	while (allowed.there || refused.there) {
		struct side *s = !refused.there || (allowed.there &&
		    allowed.at_us <= refused.at_us) ? &allowed : &refused;
		struct json_out one = json_start(&line, false);

		line.n = 0;
		event_write(s, &one, started);
		json_verbatim(o, buf_bytes(&line));
		side_next(s);
	}
	json_close(o, ']');
	buf_free(&line);
	arena_free(&allowed.scratch);
	arena_free(&refused.scratch);
}

/* ---- the document ------------------------------------------------------------------------ */

static int64_t figure(const struct json *j, int v)
{
	int64_t n;

	return json_integer(j, v, &n) && n > 0 ? n : 0;
}

/* Exact, also where the files hold fewer lines: run.json counts all. */
static void summary_write(const struct json *run, struct json_out *o)
{
	int done = json_get(run, json_get(run, 0, "audit"), "by_action");
	int ledger = json_get(run, 0, "ledger");
	int name = json_first(run, json_get(run, ledger, "by_call"));
	int64_t blocked[KINDS] = { 0 };

	for (; name >= 0; name = json_next(run, name))
		blocked[kind_of(json_raw(run, name))] += figure(run, json_value(run, name));
	json_name(o, "summary");
	json_open(o, '{');
	json_member_number(o, "networkAttempts", blocked[NETWORK]); /* all are refused */
	json_member_number(o, "networkBlocked", blocked[NETWORK]);
	json_member_number(o, "filesystemReads", figure(run, json_get(run, done, "read")));
	json_member_number(o, "filesystemWrites", figure(run, json_get(run, done, "write")));
	json_member_number(o, "filesystemBlocked", blocked[FILESYSTEM]);
	json_member_number(o, "processSpawns", figure(run, json_get(run, done, "spawn")));
	json_member_number(o, "processForks", figure(run, json_get(run, done, "fork")));
	json_member_number(o, "processBlocked", blocked[PROCESS]);
	json_member(o, "overallStatus", figure(run, json_get(run, ledger, "refused")) > 0 ?
	    "violations" : "clean");
	json_close(o, '}');
}

/* What holds in every jail; in the tier landlock the three directories lie elsewhere,
 * under names of this run. */
static void policy_write(const struct json *run, struct json_out *o)
{
	bool elsewhere = json_is(run, json_get(run, json_get(run, 0, "isolation"), "tier"), "landlock");
	static const char *const writable[] = { "/home/plugin", "/tmp", "/workspace" };

	json_name(o, "policy");
	json_open(o, '{');
	json_name(o, "network");
	json_open(o, '{');
	json_member_bool(o, "enabled", false);
	json_close(o, '}');
	json_name(o, "filesystem");
	json_open(o, '{');
	json_member_bool(o, "readOnly", true);
	json_name(o, "writable");
	json_open(o, '[');
	for (size_t i = 0; i < COUNT(writable) && !elsewhere; i++)
		json_text(o, bytes_of(writable[i]));
	json_close(o, ']');
	json_close(o, '}');
	json_name(o, "process");
	json_open(o, '{');
	json_member_bool(o, "allowSpawn", true);
	json_close(o, '}');
	json_close(o, '}');
}

/* How far it may be relied on. */
static void limits_write(const struct json *run, struct json_out *o)
{
	static const char *const notes[] = {
		"allowed: the system call filter let it pass; whether it then succeeded is not known",
		"texts and flags in memory are as they lay there when the kernel stopped the call; "
		    "another thread may have changed them before it went on",
		"paths are as the plugin wrote them, from its working directory unless they begin with /",
		"not traced: what goes through a descriptor once it is open, looking at names "
		    "(stat, access, readlink), and what the jail did before the plugin was executed",
		"the summary and counted are exact; events end where recorded says",
	};
	int audit = json_get(run, 0, "audit"), ledger = json_get(run, 0, "ledger");

	json_name(o, "trace");
	json_open(o, '{');
	json_member_number(o, "allowed_counted", figure(run, json_get(run, audit, "allowed")));
	json_member_number(o, "allowed_recorded", figure(run, json_get(run, audit, "recorded")));
	json_member_number(o, "refused_counted", figure(run, json_get(run, ledger, "refused")));
	json_member_number(o, "refused_recorded", figure(run, json_get(run, ledger, "recorded")));
	json_name(o, "notes");
	json_open(o, '[');
	for (size_t i = 0; i < COUNT(notes); i++)
		json_text(o, bytes_of(notes[i]));
	json_close(o, ']');
	json_close(o, '}');
}

static int64_t started_of(struct arena *a, const struct json *run)
{
	int64_t seconds;

	return time_parse(json_string(a, run, json_get(run, 0, "started")), &seconds) ? seconds : 0;
}

void audit_document(const struct folder *f, struct buf *out)
{
	struct json_out o = json_start(out, true);
	struct arena a = { 0 };
	struct json run;
	char error[200];

	if (json_parse(&a, folder_get(f, "run.json"), &run, error) != 0)
		memset(&run, 0, sizeof(run)); /* every look-up then finds nothing */
	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_member_bytes(&o, "run_id", json_string(&a, &run, json_get(&run, 0, "run_id")));
	summary_write(&run, &o);
	policy_write(&run, &o);
	limits_write(&run, &o);
	events_write(f, &o, started_of(&a, &run));
	json_close(&o, '}');
	json_end(&o);
	arena_free(&a);
}
