/*
 * replay.c - oxg replay: the same bundle again, by the words of a stored run, and
 * both folders side by side. Runs as the operator; the run itself is a child that is
 * what "oxg run" is, with all its checks.
 *
 * The folder says what ran and is not asked whom to trust: the plugin must have the
 * digests that were recorded and pass the operator's own trust root, and what a policy
 * lifts, or opens to the outside, only the operator's word here can.
 *
 * The broker's answers are functions of task, grant and token (broker/ops.c has the
 * list), so none had to be recorded; a run that used any other method is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/broker.h"
#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"

struct replay {
	const char *old, *out, *plugin, *sign_key, *verify_time;
	bool allow_unsigned, json;
	struct run_words words;        /* the recorded ones */
	char id[27], epoch[24];        /* epoch "": its clock went */
	unsigned char sums[SHA256_SIZE]; /* of the old folder when it was read first */
	struct arena kept, a;          /* kept: what words points to */
	struct json run;
	struct folder left, right;
	struct diff diff;
	struct why why;
};

static const char kept_nothing[] = "it had a live tree (--input-bind, --project), of which nothing was kept";

static int not_replayable(struct replay *r, const char *reason)
{
	return refuse(&r->why, REFUSE_INPUT, "%s cannot be replayed: %s", r->old, reason);
}

/* ---- what was recorded ------------------------------------------------------------------ */

static int value(const struct replay *r, const char *first, const char *second)
{
	int v = json_get(&r->run, 0, first);

	return second == NULL ? v : json_get(&r->run, v, second);
}

/* A text that goes into the words; NULL: none, or one with a NUL in it. */
static const char *text(struct replay *r, int v)
{
	struct bytes s = json_kind(&r->run, v) == JSON_STRING ? json_string(&r->a, &r->run, v) :
	    (struct bytes){ NULL, 0 };

	return s.p == NULL || strlen((const char *)s.p) != s.n ? NULL : arena_text(&r->kept, s);
}

static int load(struct replay *r)
{
	unsigned char sums[SHA256_SIZE];
	char error[200];

	if (stored_load_sealed(&r->a, r->old, &r->left, &r->why) < 0)
		return -1;
	sha256(folder_get(&r->left, SUMS), sums);
	if (r->words.plugin != NULL && memcmp(sums, r->sums, sizeof(sums)) != 0)
		return refuse(&r->why, REFUSE_EVIDENCE, "%s was changed meanwhile", r->old);
	memcpy(r->sums, sums, sizeof(sums));
	if (json_parse(&r->a, folder_get(&r->left, "run.json"), &r->run, error) < 0)
		return refuse(&r->why, REFUSE_EVIDENCE, "%s/run.json is no JSON: %s", r->old, error);
	return 0;
}

static int read_figures(struct replay *r)
{
	struct resources *to = &r->words.resources;
	const struct { const char *name; uint64_t *into; } figure[] = {
		{ "cpu_ns", &to->cpu_ns }, { "memory_bytes", &to->memory }, { "wall_ns", &to->wall_ns },
		{ "pids", &to->pids }, { "workspace_bytes", &to->workspace },
	};

	for (size_t i = 0; i < COUNT(figure); i++) {
		int64_t n;

		if (!json_integer(&r->run, value(r, "limits", figure[i].name), &n) || n <= 0)
			return not_replayable(r, "it records no limits");
		*figure[i].into = (uint64_t)n;
	}
	return 0;
}

static int read_lists(struct replay *r)
{
	int args = value(r, "args", NULL), caps = value(r, "capabilities", "granted");
	struct words_list *to = &r->words.args;

	for (int v = json_first(&r->run, args); v >= 0; v = json_next(&r->run, v)) {
		const char *word = text(r, v);

		if (word == NULL || to->count == COUNT(to->word))
			return not_replayable(r, "its arguments cannot be given again");
		to->word[to->count++] = word;
	}
	for (int v = json_first(&r->run, caps); v >= 0; v = json_next(&r->run, v)) {
		int c = capability_find(json_string(&r->a, &r->run, v));

		if (c < 0)
			return not_replayable(r, "it was granted a capability that is unknown here");
		r->words.grant |= CAP_BIT(c);
	}
	return 0;
}

static int read_input(struct replay *r)
{
	int input = value(r, "input", NULL);

	if (json_kind(&r->run, input) != JSON_OBJECT)
		return r->words.input == NULL ? 0 : not_replayable(r, "it had no input, so leave --input out");
	if (json_kind(&r->run, json_get(&r->run, input, "snapshotted")) != JSON_TRUE)
		return not_replayable(r, kept_nothing);
	if (r->words.input == NULL)
		r->words.input = text(r, json_get(&r->run, input, "path"));
	return r->words.input != NULL ? 0 : not_replayable(r, "it names no input");
}

/* With SOURCE_DATE_EPOCH all comes out the same to the byte, if it is called the same. */
static int read_clock(struct replay *r)
{
	struct clock clock = { 0 };
	int64_t epoch;

	if (json_is(&r->run, value(r, "clock", NULL), "frozen")) {
		if (!time_parse(json_string(&r->a, &r->run, value(r, "started", NULL)), &epoch))
			return not_replayable(r, "it does not say when it started");
		snprintf(r->epoch, sizeof(r->epoch), "%lld", (long long)epoch);
		r->words.run_id = text(r, value(r, "run_id", NULL));
		if (r->words.run_id == NULL || !ulid_valid(bytes_of(r->words.run_id)))
			return not_replayable(r, "its run id is no ULID");
		r->words.policy_source = text(r, value(r, "policy", "source"));
		if (r->words.out == NULL)
			return refuse(&r->why, REFUSE_USAGE, "%s ran while the clock stood still, so its replay "
			    "has the same id: say with --out DIR where to", r->old);
		return 0;
	}
	ulid_new(r->id, clock_milliseconds(&clock));
	r->words.run_id = r->id;
	return 0;
}

static int read_record(struct replay *r)
{
	struct run_words *w = &r->words;
	const char *runtime = text(r, value(r, "isolation", "runtime"));

	if (json_kind(&r->run, value(r, "ending", NULL)) != JSON_OBJECT)
		return not_replayable(r, "nothing was executed in it");
	if (value(r, "project", NULL) >= 0)
		return not_replayable(r, kept_nothing);
	w->plugin = r->plugin != NULL ? r->plugin : text(r, value(r, "plugin_path", NULL));
	if (w->plugin == NULL)
		return not_replayable(r, "it names no plugin");
	w->policy = arena_printf(&r->kept, "%s/inputs/policy.json", r->old);
	if (json_kind(&r->run, value(r, "task_sha256", NULL)) == JSON_STRING)
		w->task = arena_printf(&r->kept, "%s/inputs/task.json", r->old);
	w->audit = value(r, "audit", NULL) >= 0;
	w->fail_on = -2; /* the snapshot's */
	w->quiet = r->json;
	w->allow_unsigned = json_kind(&r->run, value(r, "trust", "allow_unsigned")) == JSON_TRUE;
	if (w->runtime == NULL && runtime != NULL && strcmp(runtime, "system") != 0)
		return not_replayable(r, "its runtime is a directory, which the operator must name: --runtime DIR");
	if (w->runtime == NULL)
		w->runtime = runtime;
	return read_figures(r) != 0 || read_lists(r) != 0 || read_input(r) != 0 || read_clock(r) != 0 ? -1 : 0;
}

/* ---- whether it may, and is the same ------------------------------------------------------- */

static int check_methods(struct replay *r)
{
	struct bytes rest = folder_get(&r->left, "journal/events.jsonl");
	struct arena scratch = { 0 };
	const unsigned char *end;
	bool good = true;

	while (good && rest.n > 0 && (end = memchr(rest.p, '\n', rest.n)) != NULL) {
		struct bytes name = { NULL, 0 };
		char error[200];
		struct json j;

		good = json_parse(&scratch, (struct bytes){ rest.p, (size_t)(end - rest.p) }, &j, error) == 0;
		if (good && json_is(&j, json_get(&j, 0, "type"), "token.use")) {
			name = json_string(&scratch, &j, json_get(&j, 0, "method"));
			good = name.n > 0;
		}
		/* Uses beyond a ceiling are not named one by one. */
		good = good && method_replays(name, r->words.grant);
		rest.n -= (size_t)(end + 1 - rest.p);
		rest.p = end + 1;
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	return good && rest.n == 0 ? 0 : not_replayable(r, "it asked the broker for what was not recorded, "
	    "and may be answered in another way now");
}

static int check_policy(struct replay *r, const struct policy *p)
{
	if (p->proxy_enable || p->secrets > 0 || p->commands > 0)
		return not_replayable(r, "its policy opens the network, hands out secrets or runs commands");
	if (!r->allow_unsigned && (r->words.allow_unsigned || !p->allowlist_required || !p->signature_required))
		return refuse(&r->why, REFUSE_SIGNATURE, "%s ran without all that verifies a plugin, and a folder "
		    "is not asked whom to trust: say --allow-unsigned yourself", r->old);
	return 0;
}

/* Is the recorded digest this one? digest NULL: there is nothing to have one. */
static int check_digest(struct replay *r, const char *what, const char *path, int recorded,
    const unsigned char *digest)
{
	char hex[SHA256_HEX] = "";

	if (digest != NULL)
		hex_encode(hex, digest, SHA256_SIZE);
	if (digest == NULL ? json_kind(&r->run, recorded) != JSON_STRING : json_is(&r->run, recorded, hex))
		return 0;
	return refuse(&r->why, REFUSE_HASH, "the %s of %s has the SHA-256 %s and %s records %s: "
	    "that is not what ran; name what did", what, path, digest == NULL ? "none" : hex, r->old,
	    json_kind(&r->run, recorded) == JSON_STRING ? (const char *)json_string(&r->a, &r->run, recorded).p :
	    "none");
}

/* The manifest pins all other files. What is executed is read and judged once more. */
static int check_plugin(struct replay *r)
{
	static const struct verify_options look = { .allow_unsigned = true, .only_look = true };
	static struct verdicts verdicts;
	struct trust_root root;
	struct plugin plugin;
	const char *path = r->words.plugin;

	memset(&plugin, 0, sizeof(plugin));
	if (trust_root_open(&r->a, r->words.trust, &root, &r->why) != 0 ||
	    verify_plugin(&r->a, &root, policy_profile("default"), path, &look, &plugin, &verdicts, &r->why) != 0 ||
	    check_digest(r, "manifest", path, value(r, "plugin", "manifest_sha256"),
	    plugin.bare ? NULL : plugin.manifest_sha256) != 0)
		return -1;
	return check_digest(r, "artifact", path, json_get(&r->run, value(r, "plugin", "artifact"), "sha256"),
	    plugin.file[0].sha256);
}

static int check_input(struct replay *r)
{
	struct snapshot s;

	if (r->words.input == NULL)
		return 0;
	if (snapshot_take(&r->a, r->words.input, INPUT_BYTES, INPUT_FILES, &s, &r->why) != 0)
		return -1;
	return check_digest(r, "listing", r->words.input, value(r, "input", "sha256"), s.sha256);
}

static int check_tier(struct replay *r, const struct policy *p)
{
	const char *recorded = text(r, value(r, "isolation", "tier"));
	enum tier had = TIER_NAMESPACES;

	while (recorded != NULL && had < TIER_COUNT && strcmp(tier_word(had), recorded) != 0)
		had++;
	if (recorded == NULL || had == TIER_COUNT || had > tier_of(p->min_tier))
		return not_replayable(r, "its jail is none that its policy accepts");
	r->words.weakest = tier_word(had);
	return 0;
}

static int prepare(struct replay *r)
{
	struct policy policy;
	int key = r->sign_key != NULL ? privkey_open(r->sign_key, &r->why) : 0;

	if (key < 0)
		return -1;
	if (r->sign_key != NULL)
		close(key);
	return load(r) != 0 || read_record(r) != 0 || check_methods(r) != 0 ||
	    policy_parse(&r->a, folder_get(&r->left, "inputs/policy.json"), r->words.policy, NULL, &policy,
	    &r->why) != 0 || check_policy(r, &policy) != 0 || check_plugin(r) != 0 ||
	    check_input(r) != 0 || check_tier(r, &policy) != 0 ? -1 : 0;
}

/* ---- again ------------------------------------------------------------------------------------- */

/* Its exit status. Who ends us ends it; what a terminal sends it hears itself. */
static int run_again(const struct replay *r)
{
	pid_t self = getpid(), child = fork();
	int status = 0;

	if (child == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != self ||
		    (*r->epoch ? setenv("SOURCE_DATE_EPOCH", r->epoch, 1) : unsetenv("SOURCE_DATE_EPOCH")) != 0)
			_exit(STATUS_JAIL);
		exit(run_perform(&r->words));
	}
	if (child < 0)
		die(STATUS_JAIL, "cannot fork: %s", strerror(errno));
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_EVIDENCE;
}

/* ---- what came of it ------------------------------------------------------------------------------ */

static int put_beside(struct replay *r, const char *end, const struct buf *b)
{
	int fd = open(arena_printf(&r->a, "%s%s", r->out, end),
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd >= 0 && write_all(fd, b->p, b->n) == 0 && close(fd) == 0)
		return 0;
	return refuse(&r->why, REFUSE_EVIDENCE, "cannot write %s%s: %s", r->out, end, strerror(errno));
}

static void subject(struct json_out *o, const char *name, const struct folder *f)
{
	unsigned char digest[SHA256_SIZE];

	sha256(folder_get(f, SUMS), digest);
	json_open(o, '{');
	json_member(o, "name", name);
	json_name(o, "digest");
	json_open(o, '{');
	json_member_hex(o, "sha256", digest, sizeof(digest));
	json_close(o, '}');
	json_close(o, '}');
}

/* Every child is dead. The predicate is replay.json itself. */
static int sign_replay(struct replay *r, const struct buf *document)
{
	struct buf statement = { 0 }, der = { 0 }, envelope = { 0 };
	struct json_out o = json_start(&statement, false);
	unsigned char digest[SHA256_SIZE];
	struct privkey key;
	int rc;

	json_open(&o, '{');
	json_member(&o, "_type", "https://in-toto.io/Statement/v1");
	json_name(&o, "subject");
	json_open(&o, '[');
	subject(&o, "original/" SUMS, &r->left);
	subject(&o, "replay/" SUMS, &r->right);
	json_close(&o, ']');
	json_member(&o, "predicateType", "urn:oxg:replay:v1");
	json_name(&o, "predicate");
	json_verbatim(&o, (struct bytes){ document->p, document->n - 1 });
	json_close(&o, '}');
	if (privkey_read(&r->a, r->sign_key, &key, &r->why) != 0)
		return -1;
	dsse_digest(buf_bytes(&statement), digest);
	signature_make(&key, digest, &der);
	privkey_wipe(&key);
	dsse_write(buf_bytes(&statement), buf_bytes(&der), &envelope);
	rc = put_beside(r, ".replay.intoto.json", &envelope);
	buf_free(&envelope);
	buf_free(&der);
	buf_free(&statement);
	return rc;
}

static int compare(struct replay *r, int ran)
{
	struct buf document = { 0 }, said = { 0 };
	const struct diff *d = &r->diff;
	bool same;
	int status;

	if (load(r) != 0 || stored_load_sealed(&r->a, r->out, &r->right, &r->why) != 0 ||
	    folder_diff(&r->a, &r->left, &r->right, *r->epoch, &r->diff, &r->why) != 0)
		return command_fail(&r->why);
	same = d->findings == 0 && d->items[DIFF_RESULT] + d->items[DIFF_CONDITION] == 0;
	diff_document(&r->a, &r->left, &r->right, d, same ? "reproducible" : "different", &document);
	if (put_beside(r, ".replay.json", &document) != 0 ||
	    (r->sign_key != NULL && sign_replay(r, &document) != 0))
		return command_fail(&r->why);
	diff_say(&said, d);
	buf_text(&said, same ? "reproducible\n" : "not reproducible\n");
	status = command_print(r->json ? &document : &said);
	buf_free(&said);
	buf_free(&document);
	if (status != STATUS_OK || same)
		return status;
	return ran == STATUS_KILLED ? ran : STATUS_BLOCK;
}

/* As the folder will be called: what is beside it has its name. */
static const char *plain_path(struct arena *a, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return arena_text(a, (struct bytes){ (const void *)path, n });
}

/* A link such as out/latest leads to the new folder as soon as there is one. */
static const char *behind_link(struct arena *a, const char *path)
{
	const char *plain = plain_path(a, path);
	char byte, *real = readlink(plain, &byte, 1) > 0 ? realpath(plain, NULL) : NULL;

	if (real != NULL)
		path = arena_text(a, bytes_of(real));
	free(real);
	return path;
}

int cmd_replay(int argc, char **argv)
{
	static struct replay r;
	static const struct option_spec option[] = {
		{ "trust", OPT_TEXT, "DIR", "as for oxg run", &r.words.trust },
		{ "plugin", OPT_TEXT, "PATH", "where the plugin is now", &r.plugin },
		{ "input", OPT_TEXT, "PATH", "where the input is now", &r.words.input },
		{ "runtime", OPT_TEXT, "NAME", "its runtime, which must be said if it is a directory", &r.words.runtime },
		{ "out", OPT_TEXT, "DIR", "the new run folder (default out/RUN-ID)", &r.words.out },
		{ "sign-key", OPT_TEXT, "FILE", "sign the comparison: DIR.replay.intoto.json", &r.sign_key },
		{ "allow-unsigned", OPT_FLAG, NULL, "if the run was made with it", &r.allow_unsigned },
		{ "verify-time", OPT_TEXT, "TIME", "judge certificates at this RFC 3339 time", &r.verify_time },
		{ "json", OPT_FLAG, NULL, "the comparison on stdout", &r.json },
	};
	static const struct command c = { "replay", "[options] RUN",
	    "Run the same bundle again, by the words of a stored run, and compare.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	int status;

	options_read(&c, argc, argv, &operands, NULL);
	r.old = behind_link(&r.kept, stored_operand(&c, &operands));
	r.words.verify_time_given = option_time(r.verify_time, &r.words.verify_time);
	if (prepare(&r) != 0)
		return command_fail(&r.why);
	r.out = r.words.out != NULL ? plain_path(&r.kept, r.words.out) :
	    arena_printf(&r.kept, "out/%s", r.words.run_id);
	arena_free(&r.a); /* or it would be held against the jail's memory */
	status = run_again(&r);
	if (status >= STATUS_USAGE && status <= STATUS_EVIDENCE)
		return status;
	return compare(&r, status);
}
