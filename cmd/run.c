/*
 * run.c - the words of "oxg run": options become one struct of checked figures.
 * Runs in the supervisor before anything else is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lib/redact.h"
#include "trust/trust.h"

#define TASK_BYTES (1u << 20)   /* a task is words, not data */

#define SECOND 1000000000ull
#define CPU_MAX (1000000ull * SECOND)
#define MEMORY_MIN (1ull << 20) /* less holds no program */
#define MEMORY_MAX (1ull << 44)
#define PIDS_MAX 4000           /* what the sampler can hold, with room */

struct texts {
	const char *cpu, *memory, *timeout, *pids, *workspace, *fail_on;
	const char *verify_time, *format;
	struct words_list grant;
};

static _Noreturn void wrong(const char *option, const char *value, const char *wanted)
{
	die(STATUS_USAGE, "--%s %s: give %s", option, value, wanted);
}

static uint64_t duration_word(const char *option, const char *value, bool bare_seconds)
{
	uint64_t ns, seconds;

	if (bare_seconds && number_parse(bytes_of(value), 1, CPU_MAX / SECOND, &seconds))
		return seconds * SECOND;
	if (!duration_parse(bytes_of(value), &ns) || ns == 0 || ns > CPU_MAX)
		wrong(option, value, bare_seconds ? "seconds, or a time like 500ms, 5s, 2m; at most 1000000s" :
		    "a time like 500ms, 10s, 5m, 1h; at most 1000000s");
	return ns;
}

static uint64_t size_word(const char *option, const char *value, uint64_t least)
{
	uint64_t bytes;

	if (!size_parse(bytes_of(value), &bytes) || bytes < least || bytes > MEMORY_MAX)
		wrong(option, value, "a size like 64M or 1G, from 1M to 16T");
	return bytes;
}

static void read_resources(const struct texts *t, struct resources *r)
{
	if (t->cpu != NULL)
		r->cpu_ns = duration_word("cpu-limit", t->cpu, true);
	if (t->memory != NULL)
		r->memory = size_word("memory", t->memory, MEMORY_MIN);
	if (t->timeout != NULL)
		r->wall_ns = duration_word("timeout", t->timeout, false);
	if (t->pids != NULL && !number_parse(bytes_of(t->pids), 1, PIDS_MAX, &r->pids))
		wrong("pids", t->pids, "a number from 1 to 4000");
	if (t->workspace != NULL)
		r->workspace = size_word("workspace", t->workspace, MEMORY_MIN);
}

static capability_set read_grants(const struct words_list *list)
{
	capability_set set = 0;
	size_t i;
	int c;

	for (i = 0; i < list->count; i++) {
		c = capability_find(bytes_of(list->word[i]));
		if (c < 0)
			wrong("grant", list->word[i], "a capability that oxg caps lists");
		set |= CAP_BIT(c);
	}
	return set;
}

static int read_severity(const char *value)
{
	int severity;

	if (value == NULL)
		return -2;
	if (strcmp(value, "none") == 0)
		return -1;
	severity = severity_find(bytes_of(value));
	if (severity < 0)
		wrong("fail-on", value, "none, info, low, med, high or crit");
	return severity;
}

static void check_tier(const char *tier)
{
	if (tier != NULL && strcmp(tier, "namespaces") != 0 &&
	    strcmp(tier, "chroot") != 0 && strcmp(tier, "landlock") != 0)
		wrong("min-tier", tier, "namespaces, chroot or landlock");
}

/* The option wins; an empty variable is none. */
static void settle_signing(struct run_words *w)
{
	if (w->sign_key == NULL)
		w->sign_key = getenv("OXG_SIGN_KEY");
	if (w->sign_key != NULL && *w->sign_key == '\0')
		w->sign_key = NULL;
	if (w->sigstore && w->sign_key == NULL)
		die(STATUS_USAGE, "--sigstore writes what --sign-key signs: give that as well");
}

static void check_together(const struct run_words *w)
{
	if (w->input != NULL && w->input_bind != NULL)
		die(STATUS_USAGE, "--input and --input-bind exclude each other: "
		    "a snapshot, or the live tree");
	if (w->github && w->json)
		die(STATUS_USAGE, "--format github and --json exclude each other: both go to stdout");
	if (w->run_id != NULL && !ulid_valid(bytes_of(w->run_id)))
		wrong("run-id", w->run_id, "a ULID: 26 characters of 0-9 and A-Z without I, L, O, U");
}

void run_words_read(int argc, char **argv, struct run_words *w)
{
	struct texts t = { 0 };
	struct words_list operands = { .count = 0 };
	const struct option_spec option[] = {
		{ "trust", OPT_TEXT, "DIR", "the trust root: ALLOWLIST, keys/, policy.json", &w->trust },
		{ "policy", OPT_TEXT, "FILE", "the operator's policy", &w->policy },
		{ "profile", OPT_TEXT, "NAME", "a built-in policy: default, strict", &w->profile },
		{ "out", OPT_TEXT, "DIR", "the run folder, which must not exist (default out/RUN-ID)", &w->out },
		{ "run-id", OPT_TEXT, "ULID", "this run's id", &w->run_id },
		{ "task", OPT_TEXT, "FILE", "the task, /workspace/task.json in the jail", &w->task },
		{ "input", OPT_TEXT, "PATH", "a snapshot of PATH at /workspace/input", &w->input },
		{ "input-bind", OPT_TEXT, "PATH", "PATH itself, live and read-only, at /workspace/input", &w->input_bind },
		{ "project", OPT_TEXT, "DIR", "a tree that the broker shows, live, and stages changes to", &w->project },
		{ "runtime", OPT_TEXT, "NAME", "for scripts: system (the host's /usr, read-only), or an image's directory", &w->runtime },
		{ "grant", OPT_LIST, "CAP", "grant a capability that the manifest asks for", &t.grant },
		{ "secret", OPT_LIST, "NAME=SOURCE", "a secret that the policy names, from file:PATH or env:VARIABLE", &w->secret },
		{ "cpu-limit", OPT_TEXT, "TIME", "CPU time of all its processes: 5 or 5s (default 60s)", &t.cpu },
		{ "memory", OPT_TEXT, "SIZE", "memory of all its processes: 256M (default 512M)", &t.memory },
		{ "timeout", OPT_TEXT, "TIME", "wall-clock time: 10s (default 5m)", &t.timeout },
		{ "pids", OPT_TEXT, "N", "processes and threads (default 64)", &t.pids },
		{ "workspace", OPT_TEXT, "SIZE", "what it may write: 64M (default 64M)", &t.workspace },
		{ "min-tier", OPT_TEXT, "TIER", "the weakest jail accepted: namespaces, chroot, landlock (default: the policy's)", &w->min_tier },
		{ "fail-on", OPT_TEXT, "SEV", "block on findings at or over this severity (default none)", &t.fail_on },
		{ "allow-unsigned", OPT_FLAG, NULL, "lift both verification phases; recorded everywhere", &w->allow_unsigned },
		{ "verify-time", OPT_TEXT, "TIME", "judge certificates at this RFC 3339 time", &t.verify_time },
		{ "sign-key", OPT_TEXT, "FILE", "sign the run folder: attestation.json, gate.intoto.json (default $OXG_SIGN_KEY)", &w->sign_key },
		{ "sigstore", OPT_FLAG, NULL, "the same as Sigstore bundles as well", &w->sigstore },
		{ "audit", OPT_FLAG, NULL, "trace what it opens, executes, removes: audit.jsonl, security_audit.json", &w->audit },
		{ "durable", OPT_FLAG, NULL, "flush the folder to the disk before it counts", &w->durable },
		{ "json", OPT_FLAG, NULL, "one JSON object on stdout", &w->json },
		{ "format", OPT_TEXT, "github", "annotations on stdout, step summary, outputs", &t.format },
		{ "timings", OPT_FLAG, NULL, "what each step of the run took", &w->timings },
		{ "quiet", OPT_FLAG, NULL, "no summary", &w->quiet },
	};
	const struct command c = { "run", "[options] PLUGIN [-- ARG...]",
		"Verifies a plugin, runs it in a jail, and records what it did.",
		option, COUNT(option) };

	memset(w, 0, sizeof(*w));
	options_read(&c, argc, argv, &operands, &w->args);
	if (operands.count != 1)
		die(STATUS_USAGE, "oxg run takes one plugin, a directory or an executable; "
		    "its own arguments go behind --: oxg run [options] PLUGIN [-- ARG...]");
	w->plugin = operands.word[0];
	read_resources(&t, &w->resources);
	w->grant = read_grants(&t.grant);
	w->fail_on = read_severity(t.fail_on);
	check_tier(w->min_tier);
	secrets_words(&w->secret);
	w->verify_time_given = option_time(t.verify_time, &w->verify_time);
	settle_signing(w);
	w->github = t.format != NULL;
	if (w->github && strcmp(t.format, "github") != 0)
		wrong("format", t.format, "github");
	check_together(w);
}

/* ---- the task ------------------------------------------------------------------ */

/* A task is JSON, and may name itself: then findings carry that name. *wrong: why
 * it is none, or NULL. */
static const char *task_name(struct arena *a, struct bytes task, const char **wrong)
{
	struct json j;
	char error[200];
	struct bytes name;
	int v;

	*wrong = json_parse(a, task, &j, error) != 0 ? arena_printf(a, "%s", error) : NULL;
	if (*wrong != NULL)
		return NULL;
	v = json_get(&j, 0, "task_id");
	if (v < 0)
		v = json_get(&j, 0, "id");
	if (json_kind(&j, v) != JSON_STRING)
		return NULL;
	name = json_string(a, &j, v);
	if (name.n == 0 || name.n > 128 || strspn((const char *)name.p,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-") != name.n)
		return NULL;
	return (const char *)name.p;
}

int task_read(struct arena *a, const char *path, struct bytes *task, const char **id, struct why *why)
{
	const char *name, *wrong;

	if (path == NULL)
		return 0;
	if (file_read(a, AT_FDCWD, path, TASK_BYTES, task) != 0)
		return refuse(why, REFUSE_INPUT, "cannot read the task %s: %s", path,
		    errno == EFBIG ? "it is larger than 1 MiB" :
		    errno == EINVAL ? "it is no regular file" : strerror(errno));
	name = task_name(a, *task, &wrong);
	if (wrong != NULL)
		return refuse(why, REFUSE_INPUT, "the task %s is not JSON: %s", path, wrong);
	if (name != NULL)
		*id = name;
	return 0;
}

/* ---- the project ---------------------------------------------------------------- */

int tree_open(const char *option, const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : refuse(why, REFUSE_USAGE, "--%s %s: %s", option, path, errno == ENOTDIR || errno == ELOOP ?
	    "it is no directory, or a link: name the directory itself" : strerror(errno));
}

/* Opened once: what its name leads to later is nobody's business. The broker opens
 * below it, by the one call that can be told to stay there. */
int project_open(const char *path, struct why *why)
{
	int fd = tree_open("project", path, why), self = fd < 0 ? -1 : open_openat2(fd, ".", O_PATH);

	if (fd >= 0 && self < 0) {
		refuse(why, REFUSE_JAIL, "--project %s: %s", path, errno == ENOSYS ?
		    "this kernel has no openat2: leave --project out" : strerror(errno));
		close(fd);
		return -1;
	}
	if (self >= 0)
		close(self);
	return fd;
}
