/*
 * oxg.c - main, the table of commands, and the story of a run.
 *
 * The processes of a run, and whose rights they have:
 *
 *   supervisor  this file. The caller's rights. Verifies, plans, makes the run folder,
 *               forks the watch; then shuts itself in with that folder, waits, and
 *               writes the evidence when everybody is dead. It meets nobody but the watch.
 *   watch       jail/watch.c. Forked; of the caller's rights those that end the others.
 *               Forks the broker, clones the jail, watches time and use, answers
 *               what the kernel refused. It looks into the jail's processes, and opens
 *               nothing to write. Of what the plugin wrote it only hands on what a
 *               refused call named, and looks at none of it.
 *   broker      broker/broker.c. Forked, no rights. Reads the plugin's stdout,
 *               stderr and requests; answers; appends findings, logs, ledger, journal.
 *   init        jail/inside.c, then init.c. Cloned into namespaces of its own as pid
 *               1, builds the jail, gives up its rights, reaps; its death ends all the
 *               rest. In the tiers chroot and landlock there is no namespace: there it
 *               inherits every orphan and ends them all before itself (jail/reap.c).
 *   plugin      forked by init, limited, filtered, proved; executed at "go".
 *
 *   supervisor --> watch           released; the operator's signals
 *   supervisor <-- watch           once: how it went
 *   watch --sync--> init, plugin   "mapped" to init; "go" to both
 *   watch <-status- init, plugin   built, listen, proved, failed (where), ended (status)
 *   watch <-control-> broker       ready, news, kill, end (tally); calls, drain
 *   watch <-kernel- plugin         refused calls, each answered EPERM; with --audit
 *                                  allowed ones, answered "go on"
 *   plugin 1, 2, 4 --> broker --> plugin 3
 *
 * "Go" waits until the jail is proved, and the supervisor, the watch and the broker
 * have each given up what they need no more: capabilities, files, system calls. A call
 * outside what is left is that process's death.
 *
 * Where it is done again (oxg replay) the supervisor is a child of the command, which
 * only waits, and reads the folder afterwards.
 *
 * Who dies takes the others along: watch, init and broker have SIGKILL as their
 * parent's death signal, and read end-of-file where it was. In the weaker tiers init
 * has SIGHUP, and ends all others first. Of the watch's death the supervisor lives to
 * write.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/broker.h"
#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "jail/jail.h"
#include "oxg.h"
#include "trust/trust.h"
#include "version.h"

#define HANDING (CAP_BIT(CAP_STORAGE) | CAP_BIT(CAP_WORKSPACE_WRITE))
#define BROKER_UID_AWAY 0x08000000u  /* from the jail's own uid of this run */

struct run {
	struct arena arena;
	struct run_words words;
	struct clock clock;
	const char *run_id, *task_id;
	enum tier tier;
	int place;                     /* of the weaker tiers, in the folder; -1: none */
	struct watcher watcher;
	uint64_t moment[MOMENT_COUNT];
	struct why why;
	struct trust_root root;
	struct policy policy;
	struct buf snapshot;           /* of the policy: inputs/policy.json */
	struct rundir dir;
	bool dir_made;
	struct journal journal;
	int findings, ledger, out_log, err_log; /* streams of the folder */
	int audit;                     /* -1: no --audit */
	struct verdicts verdicts;
	struct plugin plugin;
	bool plugin_known;
	struct grant grant;
	struct limits limits;
	struct bytes task;
	const char **shown;            /* its arguments without secrets; NULL: as they are */
	struct snapshot input;
	char token[TOKEN_MAX];
	struct jail_plan plan;
	struct broker_plan broker;
	struct death death;
	struct ending ending;
	struct tally tally;
	struct finding_context finding;
	struct run_facts facts;
	int sign_key;                  /* descriptor of --sign-key, -1: not open */
	int project;                   /* of --project, -1: none, or the broker has it alone */
	struct privkey key;            /* of it, read when every child is dead */
	struct signer signer;
	char allowlist_sha256[SHA256_HEX];
	char policy_sha256[SHA256_HEX], config_sha256[SHA256_HEX];
	char task_sha256[SHA256_HEX], input_sha256[SHA256_HEX];
	struct handed *handed;         /* by the plugin, once it is sealed */
	int decision;                  /* of the gate, -1: none */
	struct github github;          /* --format github: opened before all is shut */
	struct folder folder;          /* as it was sealed */
};

/* ---- the folder, from its first moment -------------------------------------------- */

static void choose_run_id(struct run *r)
{
	static char made[27];

	r->run_id = r->words.run_id;
	if (r->run_id != NULL)
		return;
	ulid_new(made, clock_milliseconds(&r->clock));
	r->run_id = made;
}

static int open_folder(struct run *r)
{
	int journal;

	if (rundir_create(&r->arena, r->words.out, r->run_id, &r->dir, &r->why) != 0)
		return -1;
	r->dir_made = true;
	journal = rundir_stream(&r->dir, "journal/events.jsonl", &r->why);
	r->findings = rundir_stream(&r->dir, "findings.jsonl", &r->why);
	r->ledger = rundir_stream(&r->dir, "ledger.jsonl", &r->why);
	r->out_log = rundir_stream(&r->dir, "logs/stdout.log", &r->why);
	r->err_log = rundir_stream(&r->dir, "logs/stderr.log", &r->why);
	r->audit = r->words.audit ? rundir_stream(&r->dir, "audit.jsonl", &r->why) : -1;
	if (journal < 0 || r->findings < 0 || r->ledger < 0 || r->out_log < 0 || r->err_log < 0 ||
	    (r->words.audit && r->audit < 0))
		return -1;
	journal_start(&r->journal, journal, &r->clock);
	journal_event(&r->journal, "run.start", "run_id", r->run_id, "oxg", OXG_VERSION, NULL);
	return 0;
}

/* ---- facts: policy, plugin, grant, limits ---------------------------------------------- */

static int settle_policy(struct run *r)
{
	const struct run_words *w = &r->words;

	if (policy_load(&r->arena, w->policy, w->profile, &r->root, &r->policy, &r->why) != 0)
		return -1;
	if (w->policy_source != NULL)
		r->policy.source = w->policy_source;
	if (w->fail_on != -2)
		r->policy.fail_on = w->fail_on;
	if (w->min_tier != NULL && strcmp(w->min_tier, tier_word(TIER_NAMESPACES)) != 0 && policy_is_strict(&r->policy))
		return refuse(&r->why, REFUSE_POLICY, "--min-tier %s: the strict profile takes no weaker jail "
		    "than namespaces; use the default profile", w->min_tier);
	if (w->min_tier != NULL)
		r->policy.min_tier = w->min_tier;
	policy_snapshot(&r->policy, &r->snapshot);
	return 0;
}

static int verify(struct run *r)
{
	const struct verify_options options = {
		.allow_unsigned = r->words.allow_unsigned,
		.verify_time_given = r->words.verify_time_given,
		.verify_time = r->words.verify_time,
	};

	if (verify_plugin(&r->arena, &r->root, &r->policy, r->words.plugin, &options,
	    &r->plugin, &r->verdicts, &r->why) != 0)
		return -1;
	r->plugin_known = true;
	return 0;
}

static int allow_runtime(struct run *r)
{
	const char *asked = r->plugin.manifest->runtime, *given = r->words.runtime;
	size_t i;

	if (given == NULL && asked != NULL)
		return refuse(&r->why, REFUSE_JAIL, "%s asks for the runtime %s: "
		    "give it with --runtime %s", r->plugin.manifest->name, asked, asked);
	if (given == NULL)
		return 0;
	for (i = 0; i < r->policy.runtimes; i++)
		if (strcmp(r->policy.runtime[i], given) == 0)
			return 0;
	return refuse(&r->why, REFUSE_POLICY, "the policy allows no runtime %s: "
	    "add it to \"runtimes\"", given);
}

static int settle_grant(struct run *r)
{
	const struct manifest *m = r->plugin.manifest;

	if (allow_runtime(r) != 0)
		return -1;
	grant_cut(&r->policy, m, r->words.grant, &r->grant);
	r->limits = limits_effective(&r->policy.resources, &r->words.resources, &m->resources);
	if (r->grant.findings != FINDINGS_BROKER && r->grant.findings != FINDINGS_STDOUT)
		return refuse(&r->why, REFUSE_MANIFEST,
		    "%s takes its findings from a file of the workspace, which this version "
		    "of oxg does not read: use \"broker\" or \"stdout\"", m->name);
	return 0;
}

static int take_input(struct run *r)
{
	struct stat st;

	if (r->words.input_bind != NULL && stat(r->words.input_bind, &st) != 0)
		return refuse(&r->why, REFUSE_INPUT, "cannot read input %s: %s",
		    r->words.input_bind, strerror(errno));
	if (r->words.input_bind != NULL && !S_ISDIR(st.st_mode))
		return refuse(&r->why, REFUSE_INPUT, "--input-bind %s is no directory: "
		    "give one, or a snapshot with --input", r->words.input_bind);
	if (r->words.input == NULL)
		return 0;
	if (snapshot_take(&r->arena, r->words.input, INPUT_BYTES, INPUT_FILES,
	    &r->input, &r->why) != 0)
		return -1;
	hex_encode(r->input_sha256, r->input.sha256, SHA256_SIZE);
	return 0;
}

/* What run.json says; filled as it becomes known. */
static void gather_facts(struct run *r)
{
	struct run_facts *f = &r->facts;
	unsigned char digest[SHA256_SIZE];

	f->run_id = r->run_id;
	f->task_id = r->task_id;
	f->plugin_path = r->words.plugin;
	f->plugin = r->plugin_known ? &r->plugin : NULL;
	f->verdicts = &r->verdicts;
	f->grant = r->plugin_known ? &r->grant : NULL;
	f->limits = &r->limits;
	f->ending = &r->ending;
	f->refusal = &r->why;
	f->trust_root = r->words.trust;
	f->trust_found_by = r->root.found_by;
	if (r->root.dir >= 0 && !r->root.allowlist_absent) {
		hex_encode(r->allowlist_sha256, r->root.allowlist_sha256, SHA256_SIZE);
		f->allowlist_sha256 = r->allowlist_sha256;
	}
	f->profile = r->policy.profile;
	f->policy_source = r->policy.source;
	f->allow_unsigned = r->words.allow_unsigned;
	f->runtime = r->words.runtime;
	f->input_path = r->words.input ? r->words.input : r->words.input_bind;
	f->input_live = r->words.input_bind != NULL;
	f->input_sha256 = r->input_sha256;
	f->project_path = r->words.project;
	f->input_files = r->input.regular;
	f->input_bytes = r->input.bytes;
	f->input_skipped = r->input.skipped;
	if (r->task.p != NULL) {
		sha256(r->task, digest);
		hex_encode(r->task_sha256, digest, sizeof(digest));
		f->task_sha256 = r->task_sha256;
	}
	/* Also where the trust root was refused and the default profile stands in. */
	sha256(buf_bytes(&r->snapshot), digest);
	hex_encode(r->policy_sha256, digest, sizeof(digest));
	f->policy_sha256 = r->policy_sha256;
	f->arg = r->shown != NULL ? r->shown : r->words.args.word;
	f->args = r->words.args.count;
	f->clock_frozen = r->clock.frozen;
}

static void fingerprint(struct run *r)
{
	struct finding_context *c = &r->finding;

	gather_facts(r);
	r->facts.tier = tier_word(r->tier);
	record_config(&r->facts, buf_bytes(&r->snapshot), r->config_sha256);
	r->facts.config_sha256 = r->config_sha256;
	c->plugin = r->plugin.manifest->name;
	c->plugin_version = r->plugin.manifest->version;
	c->run_id = r->run_id;
	c->task_id = r->task_id;
	hex_encode(c->artifact_sha256, r->plugin.file[0].sha256, SHA256_SIZE);
	memcpy(c->config_sha256, r->config_sha256, sizeof(c->config_sha256));
	c->key_id = r->plugin.key_id;
	c->clock = r->clock;
}

/* ---- plan --------------------------------------------------------------------------------- */

/* Where the weaker tiers put what has no mount to be on. */
static int make_place(struct run *r, const char **place)
{
	unsigned own = jail_own_uid();
	unsigned group = r->tier == TIER_LANDLOCK && tier_may_change_user(own) ? own : 0;

	*place = NULL;
	if (r->tier == TIER_NAMESPACES)
		return 0;
	r->place = rundir_place(&r->dir, group, place, &r->why);
	return r->place < 0 ? -1 : 0;
}

static int plan_jail(struct run *r)
{
	struct sandbox_words w = {
		.plugin = &r->plugin, .limits = &r->limits, .run_id = r->run_id,
		.task_id = r->task_id, .token = r->token, .task = r->task,
		.input = r->words.input ? &r->input : NULL,
		.input_bind = r->words.input_bind, .runtime = r->words.runtime,
		.arg = r->words.args.word, .args = r->words.args.count, .tier = (int)r->tier,
		.audit = r->words.audit,
	};
	struct token facts;

	if (make_place(r, &w.place) != 0)
		return -1;
	w.place_fd = r->place;

	mint_start(&r->broker.mint, r->plugin.manifest->name, r->run_id, r->grant.granted);
	if (token_issue(&r->broker.mint, r->grant.granted, r->token, &facts) != 0)
		die(STATUS_JAIL, "the first token could not be made");
	if (sandbox_plan(&r->arena, &w, &r->plan, &r->why) != 0)
		return -1;
	if (policy_is_strict(&r->policy) && r->plan.landlock_abi == 0)
		return refuse(&r->why, REFUSE_JAIL, "the strict profile wants Landlock as second wall, "
		    "and this kernel offers none: oxg doctor says what to do");
	r->facts.tier = tier_word(r->tier);
	r->facts.seccomp_profile = r->plan.profile;
	r->facts.landlock_abi = r->plan.landlock_abi;
	r->facts.privileged = r->plan.privileged;
	return 0;
}

/* ---- a live cell ------------------------------------------------------------------------------ */

/* All but its wires, which the watch makes; its mint was made with the jail's plan. */
static void plan_broker(struct run *r)
{
	struct broker_plan *b = &r->broker;

	b->findings_file = r->findings;
	b->ledger_file = r->ledger;
	b->audit_file = r->audit;
	b->staging = r->dir.staging;
	b->stdout_file = r->out_log;
	b->stderr_file = r->err_log;
	b->project = r->grant.granted & (CAP_BIT(CAP_WORKSPACE_READ) | CAP_BIT(CAP_WORKSPACE_WRITE)) ?
	    r->project : -1;
	b->journal = r->journal;
	b->grant = r->grant;
	b->limits = r->limits;
	b->finding = r->finding;
	b->task = r->task;
	b->task_id = r->task_id;
	b->clock = r->clock;
	b->privileged = r->plan.privileged;
	b->news = console_live(&r->words);
	b->uid = r->plan.host_uid;
	b->gid = r->plan.host_gid;
	if (r->plan.privileged && r->plan.host_uid != JAIL_ID)
		b->uid = b->gid = r->plan.host_uid + BROKER_UID_AWAY;
}

/* Opened, not read: after this no file is found by its name. */
static int take_sign_key(struct run *r, struct why *why)
{
	if (r->words.sign_key != NULL && r->sign_key < 0)
		r->sign_key = privkey_open(r->words.sign_key, why);
	return r->words.sign_key != NULL && r->sign_key < 0 ? -1 : 0;
}

/* The watch builds the jail while we give up what we had; it waits for that. The key's
 * descriptor is made after the fork: no child has ever had it. */
static int live(struct run *r, int signals)
{
	const struct watch_plan plan = { .jail = &r->plan, .broker = &r->broker,
		.limits = &r->limits, .tick = console_live(&r->words) ? console_tick : NULL };
	const char *aim;

	plan_broker(r);
	if (watch_start(&plan, &r->watcher, &r->why) != 0)
		return -1;
	if (r->project >= 0)
		close(r->project);
	r->project = -1;
	aim = take_sign_key(r, &r->why) != 0 ? "open --sign-key" :
	    supervisor_confine(&r->dir, r->tier != TIER_NAMESPACES);
	if (aim != NULL) {
		refuse(&r->why, REFUSE_JAIL, "the supervisor cannot %s: %s", aim, strerror(errno));
		watch_end(&r->watcher);
		return -1;
	}
	watch_release(&r->watcher);
	return watch_wait(&r->watcher, signals, &r->death, &r->why);
}

/* ---- an ending ------------------------------------------------------------------------------------ */

/* The pen comes back: from the broker's last word, or from the file. */
static void take_pen(struct run *r)
{
	r->tally = r->death.tally;
	if (r->audit >= 0 && audit_recover(r->audit, &r->death.audited.recorded) != 0)
		refuse(&r->why, REFUSE_EVIDENCE, "audit.jsonl cannot be read back: %s",
		    strerror(errno));
	if (r->death.tally_known) {
		r->journal.seq = r->tally.events;
		memcpy(r->journal.head, r->tally.journal_head, SHA256_SIZE);
		return;
	}
	if (ledger_recover(r->ledger, &r->death.denials) != 0)
		refuse(&r->why, REFUSE_EVIDENCE, "ledger.jsonl cannot be read back: %s",
		    strerror(errno));
	if (r->death.watch_lost) { /* who counted; there were so many at least */
		r->death.denials.heard = true;
		r->death.denials.refused = r->death.denials.sent;
	}
	if (findings_recover(r->findings, &r->tally) != 0)
		refuse(&r->why, REFUSE_EVIDENCE, "findings.jsonl cannot be read back: %s",
		    strerror(errno));
	if (journal_recover(&r->journal) != 0)
		refuse(&r->why, REFUSE_EVIDENCE, "the journal cannot be read back: %s",
		    strerror(r->journal.error));
}

static bool enforced(const struct ending *e)
{
	return e->reason == ENDING_TIMEOUT || e->reason == ENDING_CPU_LIMIT ||
	    e->reason == ENDING_MEMORY_LIMIT || e->reason == ENDING_KILLED;
}

/* What the plugin left there is nobody's any more: only what it handed over stays. */
static int clear_place(struct run *r)
{
	return r->place >= 0 ? rundir_place_remove(&r->dir, &r->why) : 0;
}

static int note_ending(struct run *r)
{
	struct buf line = { 0 };
	int rc = 0;

	if (enforced(&r->ending)) {
		r->finding.next = r->tally.findings;
		finding_termination(&r->finding, &r->ending, &r->limits, &line);
		rc = write_all(r->findings, line.p, line.n);
		r->tally.findings++;
		r->tally.by_severity[SEV_HIGH]++;
		buf_free(&line);
	}
	if (rc != 0)
		return refuse(&r->why, REFUSE_EVIDENCE, "cannot write findings.jsonl: %s; what was "
		    "written so far is left in %s", strerror(errno), r->dir.partial);
	journal_event(&r->journal, "run.end", "reason",
	    r->ending.reason == ENDING_NONE ? "refused" : ending_word(r->ending.reason),
	    "detail", r->ending.reason == ENDING_NONE ? r->why.text : r->ending.detail, NULL);
	return 0;
}

/* The one place where a run holds a private key. */
static int sign_digest(struct signer *s, const unsigned char digest[SHA256_SIZE], struct buf *der,
    struct why *why)
{
	struct run *r = (struct run *)((char *)s - offsetof(struct run, signer));

	if (r->sign_key >= 0) {
		watch_end(&r->watcher); /* the last child */
		if (privkey_take(r->sign_key, r->words.sign_key, &r->key, why) != 0)
			return -1;
		r->sign_key = -1;
		hex_decode(bytes_of(r->key.pub.id), s->key_id, SHA256_SIZE);
	}
	signature_make(&r->key, digest, der);
	return 0;
}

static int make_evidence(struct run *r)
{
	struct closing c = {
		.dir = &r->dir, .facts = &r->facts, .journal = &r->journal,
		.policy_snapshot = buf_bytes(&r->snapshot), .task = r->task,
		.findings = r->findings, .ledger = r->ledger, .audit = r->audit,
		.out_log = r->out_log, .err_log = r->err_log,
		.handed = r->handed = arena_get(&r->arena, sizeof(*r->handed)),
		.durable = r->words.durable,
		.seen = r->words.github ? &r->folder : NULL,
	};
	struct buf listing = { 0 };
	struct why late = { .code = REFUSAL_NONE }; /* must not hide why nothing ran */
	int rc;

	gather_facts(r);
	r->facts.tally = r->death.started ? &r->tally : NULL;
	r->facts.proved = r->death.proved;
	if (!r->death.started) /* a jail that was planned held nobody */
		r->facts.tier = NULL;
	r->facts.denials = r->death.started ? &r->death.denials : NULL;
	r->facts.handed = r->death.started ? r->handed : NULL;
	r->facts.audited = r->words.audit ? &r->death.audited : NULL;
	r->facts.evidence_complete = !r->death.started || r->death.tally_known;
	r->facts.journal = &r->journal;
	r->facts.signer = r->words.sign_key != NULL ? &r->signer : NULL;
	r->facts.finished = clock_seconds(&r->clock);
	if (r->input_sha256[0] != '\0')
		snapshot_listing(&r->input, &listing);
	c.input_listing = buf_bytes(&listing);
	r->signer.sign = sign_digest;
	r->signer.bundle = r->words.sigstore;
	rc = take_sign_key(r, &late);
	if (rc == 0)
		rc = evidence_close(&r->arena, &c, &r->decision, &late);
	privkey_wipe(&r->key);
	buf_free(&listing);
	if (rc != 0 && r->why.code == REFUSAL_NONE)
		r->why = late;
	else if (rc != 0)
		warn("%s", late.text);
	return rc;
}

/* ---- the story ---------------------------------------------------------------------------------------- */

/* What the operator may send, read from a descriptor; but what the caller had
 * ignored (nohup) stays ignored. SIGTSTP too: a stopped supervisor would leave the
 * plugin unwatched, and so would one that writes to a terminal of others (SIGTTOU). */
static int take_signals(void)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTOU };
	struct sigaction before;
	sigset_t held, heard;
	size_t i;

	sigemptyset(&held);
	sigemptyset(&heard);
	for (i = 0; i < COUNT(taken); i++) {
		sigaddset(&held, taken[i]);
		if (sigaction(taken[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaddset(&heard, taken[i]);
	}
	sigdelset(&heard, SIGTTOU);
	sigprocmask(SIG_BLOCK, &held, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to be told */
	signal(SIGCHLD, SIG_DFL); /* a caller that ignores it would take our wait statuses */
	return signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run_story(struct run *r, int signals)
{
	int rc;

	r->task_id = r->run_id;
	rc = task_read(&r->arena, r->words.task, &r->task, &r->task_id, &r->why);
	if (rc == 0)
		rc = secrets_take(&r->arena, &r->words, &r->policy, r->broker.secret, &r->broker.secrets,
		    &r->journal, &r->shown, &r->why);
	if (rc == 0)
		rc = verify(r);
	r->moment[MOMENT_VERIFIED] = monotonic_ns();
	journal_event(&r->journal, "run.verify", "status", rc == 0 ? "PASS" : "FAIL",
	    "refusal", rc == 0 ? "" : refusal_word(r->why.code), NULL);
	if (rc != 0 || settle_grant(r) != 0 || take_input(r) != 0 ||
	    tier_choose(tier_of(r->words.weakest ? r->words.weakest : r->policy.min_tier), &r->tier, &r->why) != 0)
		return -1;
	fingerprint(r);
	if (plan_jail(r) != 0 || ((r->grant.granted & HANDING) && rundir_staging(&r->dir, &r->why) != 0))
		return -1;
	journal_event(&r->journal, "run.jail", "tier", tier_word(r->tier), "seccomp", r->plan.profile, NULL);
	if (journal_flush(&r->journal) != 0)
		return refuse(&r->why, REFUSE_EVIDENCE, "cannot write journal/events.jsonl: %s",
		    strerror(r->journal.error));
	r->moment[MOMENT_PLANNED] = monotonic_ns();
	if (live(r, signals) != 0) {
		take_pen(r);
		return -1;
	}
	r->moment[MOMENT_TOLD] = monotonic_ns();
	ending_decide(&r->death, &r->limits, &r->ending);
	take_pen(r);
	if (r->death.evidence_error != 0)
		return refuse(&r->why, REFUSE_EVIDENCE, "evidence cannot be written to %s: %s",
		    r->dir.partial, strerror(r->death.evidence_error));
	return 0;
}

static int exit_status(const struct run *r)
{
	enum status status;

	if (r->why.code != REFUSAL_NONE)
		return refusal_status(r->why.code);
	status = ending_status(&r->ending);
	if (status != STATUS_OK)
		return status;
	return r->decision == 0 ? STATUS_OK : r->decision == 2 ? STATUS_APPROVAL : STATUS_BLOCK;
}

/* Each moment is the supervisor's or the watch's. */
static const uint64_t *all_moments(struct run *r)
{
	size_t i;

	for (i = 0; i < MOMENT_COUNT; i++)
		if (r->moment[i] == 0)
			r->moment[i] = r->death.moment[i];
	return r->moment;
}

static int tell(struct run *r, bool sealed)
{
	static const char *const word[] = { "PASS", "BLOCK", "REQUIRE_APPROVAL" };
	uint64_t bytes;
	const struct run_summary s = {
		.folder = !r->dir_made ? NULL : sealed ? r->dir.path : r->dir.partial,
		.run_id = r->run_id,
		.plugin = r->plugin_known ? r->plugin.manifest->name : r->words.plugin,
		.version = r->plugin_known ? r->plugin.manifest->version : "",
		.decision = r->decision >= 0 && sealed ? word[r->decision] : NULL,
		.ending = r->death.started ? &r->ending : NULL,
		.tally = r->death.started ? &r->tally : NULL,
		.artifacts = r->handed != NULL ? artifacts_count(r->handed, &bytes) : 0,
		.refusal = &r->why,
		.moment = r->words.timings ? all_moments(r) : NULL,
		.status = exit_status(r),
	};

	int status = console_summary(&r->words, &s);
	int told = r->words.github ? github_run(&r->github, &r->folder, s.folder, r->why.text) : STATUS_OK;

	return status == STATUS_OK ? told : status; /* the run's, unless nobody could be told */
}

int run_perform(const struct run_words *words)
{
	static struct run r; /* large; a copy of it goes into each child, read-only there */
	bool sealed, cleared;
	int signals;

	r.moment[MOMENT_STARTED] = monotonic_ns();
	r.decision = r.place = -1;
	r.audit = r.sign_key = r.project = -1;
	r.words = *words;
	if (r.words.project != NULL && (r.project = project_open(r.words.project, &r.why)) < 0)
		die(refusal_status(r.why.code), "%s", r.why.text);
	if (r.words.sign_key != NULL) { /* whether it can be had at all */
		int key = privkey_open(r.words.sign_key, &r.why);

		if (key < 0)
			die(refusal_status(r.why.code), "%s", r.why.text);
		close(key);
	}
	if (clock_start(&r.clock, &r.why) != 0)
		die(refusal_status(r.why.code), "%s", r.why.text);
	r.facts.started = clock_seconds(&r.clock);
	choose_run_id(&r);
	signals = take_signals();
	if (r.words.github)
		github_open(&r.github);
	/* A trust root that is not the operator's leaves a folder too; a policy that
	 * does not parse is wrong usage and leaves none. */
	if (trust_root_open(&r.arena, r.words.trust, &r.root, &r.why) != 0) {
		struct why trust = r.why;

		r.why.code = REFUSAL_NONE;
		r.policy = *policy_profile("default");
		policy_snapshot(&r.policy, &r.snapshot);
		if (open_folder(&r) == 0)
			r.why = trust;
	} else if (settle_policy(&r) != 0) {
		die(refusal_status(r.why.code), "%s", r.why.text);
	} else if (open_folder(&r) == 0) {
		r.moment[MOMENT_OPENED] = monotonic_ns();
		(void)run_story(&r, signals);
		secrets_wipe(r.broker.secret, &r.broker.secrets);
	}
	/* Whatever became of the evidence: it may be what filled the disk. */
	cleared = clear_place(&r) == 0;
	sealed = r.dir_made && r.death.evidence_error == 0 && cleared && note_ending(&r) == 0 && make_evidence(&r) == 0;
	watch_end(&r.watcher);
	r.moment[MOMENT_SEALED] = monotonic_ns();
	return tell(&r, sealed);
}

static int cmd_run(int argc, char **argv)
{
	static struct run_words w;

	run_words_read(argc, argv, &w);
	return run_perform(&w);
}

/* ---- commands ----------------------------------------------------------------------------------------- */

int cmd_version(int argc, char **argv)
{
	const struct command c = { "version", "", "Prints the version.", NULL, 0 };
	struct words_list operands = { .count = 0 };
	struct buf out = { 0 };
	int status;

	options_read(&c, argc, argv, &operands, NULL);
	if (operands.count)
		die(STATUS_USAGE, "oxg version takes no argument");
	buf_printf(&out, "oxg %s\n", OXG_VERSION);
	status = command_print(&out);
	buf_free(&out);
	return status;
}

static const struct {
	const char *name, *about;
	int (*run)(int, char **);
} commands[] = {
	{ "run", "verify, jail, supervise, record", cmd_run },
	{ "verify", "verify a plugin, run nothing", cmd_verify },
	{ "inspect", "what a plugin asks for and would get", cmd_inspect },
	{ "check", "validate a run folder", cmd_check },
	{ "report", "the report again, from stored evidence", cmd_report },
	{ "gate", "the gate again, on stored evidence", cmd_gate },
	{ "approve", "sign an approval of a run", cmd_approve },
	{ "apply", "apply staged changes to a tree", cmd_apply },
	{ "diff", "two run folders, side by side", cmd_diff },
	{ "replay", "run the same bundle again, compare", cmd_replay },
	{ "policy", "check a policy, show what it comes to", cmd_policy },
	{ "keygen", "make a key pair", cmd_keygen },
	{ "sign", "sign a plugin", cmd_sign },
	{ "allow", "put a plugin on the ALLOWLIST", cmd_allow },
	{ "caps", "the capabilities and their risks", cmd_caps },
	{ "schema", "print a JSON Schema", cmd_schema },
	{ "doctor", "what this machine gives a jail", cmd_doctor },
	{ "mcp", "the same verbs for an MCP client, on stdio", cmd_mcp },
	{ "broker", "inside the jail: ask the broker", broker_client },
	{ "version", "print the version", cmd_version },
};

/* On stdout when it was asked for; else what was typed was wrong. */
static int usage(bool asked)
{
	struct buf b = { 0 };
	size_t i;
	int status = STATUS_USAGE;

	buf_text(&b, "usage: oxg COMMAND [options]\n\n");
	for (i = 0; i < COUNT(commands); i++)
		buf_printf(&b, "  %-10s%s\n", commands[i].name, commands[i].about);
	buf_text(&b, "\noxg COMMAND --help says more.\n");
	if (asked)
		status = command_print(&b);
	else
		(void)!write_all(STDERR_FILENO, b.p, b.n);
	buf_free(&b);
	return status;
}

/* "oxg plugin run" and "0xgenctl plugin run" are the seeds' spelling. */
static int command_main(int argc, char **argv)
{
	size_t i;

	if (argc >= 3 && strcmp(argv[1], "plugin") == 0 && (strcmp(argv[2], "run") == 0 ||
	    strcmp(argv[2], "verify") == 0 || strcmp(argv[2], "sign") == 0)) {
		argc--;
		argv++;
	}
	if (argc < 2)
		return usage(false);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage(true);
	if (strcmp(argv[1], "--version") == 0)
		argv[1] = (char *)"version";
	for (i = 0; i < COUNT(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (strcmp(argv[1], "plugin") == 0)
		die(STATUS_USAGE, "oxg plugin goes on with run, verify or sign: oxg plugin run PLUGIN");
	die(STATUS_USAGE, "there is no command %s: oxg --help lists them", argv[1]);
}

int main(int argc, char **argv)
{
	process_start();
	return command_main(argc, argv);
}
