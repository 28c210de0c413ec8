/*
 * record.c - what is known of a run, written down: run.json, usage.json,
 * verifier_report.json, and the fingerprint of its configuration. Runs in the
 * supervisor after every child is dead.
 *
 * What was measured (time, memory) stands in usage.json alone, so that two runs
 * of a deterministic plugin give the same bytes everywhere else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"
#include "trust/trust.h" /* struct manifest: read, nothing called */
#include "version.h"

#define SCHEMA_VERSION 1

/* Those a plugin can die of. */
#define SIGNALS(X)                                                            \
	X(SIGHUP) X(SIGINT) X(SIGQUIT) X(SIGILL) X(SIGTRAP) X(SIGABRT)        \
	X(SIGBUS) X(SIGFPE) X(SIGKILL) X(SIGUSR1) X(SIGSEGV) X(SIGUSR2)       \
	X(SIGPIPE) X(SIGALRM) X(SIGTERM) X(SIGXCPU) X(SIGXFSZ) X(SIGVTALRM)   \
	X(SIGPROF) X(SIGIO) X(SIGPWR) X(SIGSYS)

static const char *signal_name(int number)
{
	switch (number) {
#define X(name) case name: return #name;
	SIGNALS(X)
#undef X
	}
	return "unknown";
}

static bool executed(const struct run_facts *f)
{
	return f->ending != NULL && f->ending->reason != ENDING_NONE;
}

static bool refused(const struct run_facts *f)
{
	return f->refusal != NULL && f->refusal->code != REFUSAL_NONE;
}

static void document_open(struct json_out *o, const struct run_facts *f, int version)
{
	json_open(o, '{');
	json_member_number(o, "schema_version", version);
	json_member(o, "run_id", f->run_id);
}

static void document_close(struct json_out *o)
{
	json_close(o, '}');
	json_end(o);
}

static void member_time(struct json_out *o, const char *name, int64_t seconds)
{
	char text[32];

	json_member(o, name, time_rfc3339(text, seconds));
}

/* A figure twice: exact for machines, short for people. */
static void member_duration(struct json_out *o, const char *name, uint64_t ns)
{
	char exact[40], text[40];

	snprintf(exact, sizeof(exact), "%s_ns", name);
	json_member_number(o, exact, (int64_t)ns);
	json_member(o, name, duration_go(text, ns));
}

static void member_size(struct json_out *o, const char *name, uint64_t bytes)
{
	static const char unit[] = "KMGT";
	char exact[40], text[40];
	uint64_t n = bytes;
	int step = -1;

	while (step < 3 && n != 0 && n % 1024 == 0) {
		n /= 1024;
		step++;
	}
	snprintf(exact, sizeof(exact), "%s_bytes", name);
	json_member_number(o, exact, (int64_t)bytes);
	snprintf(text, sizeof(text), "%llu%.*s", (unsigned long long)n,
	    step < 0 ? 0 : 1, step < 0 ? "" : unit + step);
	json_member(o, name, text);
}

static void member_or_null(struct json_out *o, const char *name, const char *text)
{
	json_name(o, name);
	if (text == NULL)
		json_null(o);
	else
		json_text(o, bytes_of(text));
}

static void member_null(struct json_out *o, const char *name)
{
	json_name(o, name);
	json_null(o);
}

/* ---- run.json ---------------------------------------------------------------- */

static void write_file(struct json_out *o, const struct bundle_file *file)
{
	json_open(o, '{');
	json_member(o, "path", file->name);
	json_member_hex(o, "sha256", file->sha256, SHA256_SIZE);
	json_member_number(o, "bytes", (int64_t)file->bytes.n);
	json_close(o, '}');
}

static void write_plugin(struct json_out *o, const struct plugin *p)
{
	static const char *const form[] = {
		[FORM_ARRAY] = "array", [FORM_OBJECT] = "object", [FORM_BARE] = "bare",
	};

	if (p == NULL || p->manifest == NULL) {
		member_null(o, "plugin");
		return;
	}
	json_name(o, "plugin");
	json_open(o, '{');
	json_member(o, "name", p->manifest->name);
	json_member(o, "version", p->manifest->version);
	json_member(o, "form", p->bare ? "bare" : form[p->manifest->form]);
	json_name(o, "artifact");
	if (p->files > 0)
		write_file(o, &p->file[0]);
	else
		json_null(o);
	if (p->bare)
		member_null(o, "manifest_sha256");
	else
		json_member_hex(o, "manifest_sha256", p->manifest_sha256, SHA256_SIZE);
	json_name(o, "files");
	json_open(o, '[');
	for (size_t i = 1; i < p->files; i++)
		write_file(o, &p->file[i]);
	json_close(o, ']');
	json_member_bool(o, "allowlisted", p->allowlisted);
	json_member_bool(o, "signed", p->signed_ok);
	member_or_null(o, "key_id", *p->key_id ? p->key_id : NULL);
	member_or_null(o, "key_file", *p->key_name ? p->key_name : NULL);
	json_member_bool(o, "trusted_ignored", p->trusted_ignored);
	json_close(o, '}');
}

static void write_capabilities(struct json_out *o, const char *name, capability_set set)
{
	json_name(o, name);
	json_open(o, '[');
	for (int c = 0; c < CAPABILITY_COUNT; c++)
		if (set & CAP_BIT(c))
			json_text(o, bytes_of(capability_name((enum capability)c)));
	json_close(o, ']');
}

static void write_grant(struct json_out *o, const struct grant *g)
{
	static const struct grant none;

	if (g == NULL)
		g = &none;
	json_name(o, "capabilities");
	json_open(o, '{');
	write_capabilities(o, "requested", g->requested);
	write_capabilities(o, "granted", g->granted);
	write_capabilities(o, "refused", g->requested & ~g->granted);
	json_close(o, '}');
}

static void write_limits(struct json_out *o, const struct limits *l)
{
	/* Refused before they were settled: a limit of nothing is no limit. */
	if (l == NULL || l->cpu_ns == 0) {
		member_null(o, "limits");
		return;
	}
	json_name(o, "limits");
	json_open(o, '{');
	member_duration(o, "cpu", l->cpu_ns);
	member_size(o, "memory", l->memory);
	member_duration(o, "wall", l->wall_ns);
	json_member_number(o, "pids", (int64_t)l->pids);
	json_member_number(o, "files", (int64_t)l->files);
	member_size(o, "file_size", l->file_size);
	member_size(o, "workspace", l->workspace);
	json_member_number(o, "inodes", (int64_t)l->inodes);
	member_size(o, "output", l->output);
	json_member_number(o, "findings", (int64_t)l->findings);
	member_size(o, "artifacts", l->artifacts);
	member_size(o, "broker_line", l->broker_line);
	json_close(o, '}');
}

/* What stood between the plugin and the host. Nothing is executed unless every
 * wall of its tier is up, so the tier says which. */
static void write_layers(struct json_out *o, const struct run_facts *f)
{
	char text[80];

	json_name(o, "layers");
	json_open(o, '[');
	if (strcmp(f->tier, "namespaces") == 0) {
		json_text(o, BYTES("user, mount, pid, network, ipc, uts and cgroup namespaces"));
		json_text(o, BYTES("private root on tmpfs, read-only, the host's left behind"));
	} else if (strcmp(f->tier, "chroot") == 0)
		json_text(o, BYTES("chroot"));
	json_text(o, BYTES("no capabilities, no new privileges"));
	json_text(o, BYTES("resource limits"));
	if (f->landlock_abi > 0) {
		snprintf(text, sizeof(text), "Landlock, ABI %d", f->landlock_abi);
		json_text(o, bytes_of(text));
	}
	if (f->seccomp_profile != NULL) {
		snprintf(text, sizeof(text), "seccomp allowlist, profile %.40s",
		    f->seccomp_profile);
		json_text(o, bytes_of(text));
	}
	json_close(o, ']');
}

static void write_isolation(struct json_out *o, const struct run_facts *f)
{
	if (f->tier == NULL) {
		member_null(o, "isolation");
		return;
	}
	json_name(o, "isolation");
	json_open(o, '{');
	json_member(o, "tier", f->tier);
	member_or_null(o, "seccomp_profile", f->seccomp_profile);
	json_member_number(o, "landlock_abi", f->landlock_abi);
	json_member_number(o, "proved", f->proved);
	json_member_bool(o, "built_by_root", f->privileged);
	member_or_null(o, "runtime", f->runtime);
	write_layers(o, f);
	json_close(o, '}');
}

static void write_inputs(struct json_out *o, const struct run_facts *f)
{
	json_name(o, "args");
	json_open(o, '[');
	for (size_t i = 0; i < f->args; i++)
		json_text(o, bytes_of(f->arg[i]));
	json_close(o, ']');
	member_or_null(o, "task_sha256", f->task_sha256);
	if (f->project_path != NULL) {
		json_name(o, "project");
		json_open(o, '{');
		json_member(o, "path", f->project_path);
		json_member_bool(o, "snapshotted", false);
		json_close(o, '}');
	}
	if (f->input_path == NULL) {
		member_null(o, "input");
		return;
	}
	json_name(o, "input");
	json_open(o, '{');
	json_member(o, "path", f->input_path);
	json_member_bool(o, "snapshotted", !f->input_live);
	if (*f->input_sha256) { /* not of a live tree, nor where a refusal came first */
		json_member(o, "sha256", f->input_sha256);
		json_member_number(o, "files", (int64_t)f->input_files);
		json_member_number(o, "bytes", (int64_t)f->input_bytes);
		json_member_number(o, "skipped", (int64_t)f->input_skipped);
	}
	json_close(o, '}');
}

static void write_ending(struct json_out *o, const struct run_facts *f)
{
	const struct ending *e = f->ending;

	if (!executed(f)) {
		member_null(o, "ending");
		return;
	}
	json_name(o, "ending");
	json_open(o, '{');
	json_member(o, "reason", ending_word(e->reason));
	if (e->reason == ENDING_EXITED)
		json_member_number(o, "exit_status", e->status);
	if (e->reason == ENDING_CRASHED) {
		json_member_number(o, "signal", e->signal);
		json_member(o, "signal_name", signal_name(e->signal));
	}
	if (e->reason == ENDING_KILLED)
		json_member(o, "by", e->by);
	json_member(o, "detail", e->detail);
	json_close(o, '}');
}

static void write_refusal(struct json_out *o, const struct run_facts *f)
{
	if (!refused(f)) {
		member_null(o, "refusal");
		return;
	}
	json_name(o, "refusal");
	json_open(o, '{');
	json_member(o, "code", refusal_word(f->refusal->code));
	json_member_number(o, "status", refusal_status(f->refusal->code));
	json_member(o, "sentence", f->refusal->text);
	json_close(o, '}');
}

static void write_stream(struct json_out *o, const char *name, const struct stream_tally *s)
{
	json_name(o, name);
	json_open(o, '{');
	json_member_number(o, "seen_bytes", (int64_t)s->seen);
	json_member_number(o, "kept_bytes", (int64_t)s->kept);
	json_member_bool(o, "truncated", s->kept < s->seen);
	json_close(o, '}');
}

static void write_tally(struct json_out *o, const struct tally *t)
{
	if (t == NULL) {
		member_null(o, "findings");
		member_null(o, "broker");
		member_null(o, "output");
		return;
	}
	json_name(o, "findings");
	json_open(o, '{');
	json_member_number(o, "accepted", (int64_t)t->findings);
	json_member_number(o, "rejected", (int64_t)t->rejected);
	json_name(o, "by_severity");
	json_open(o, '{');
	for (int s = 0; s < SEV_COUNT; s++)
		json_member_number(o, severity_name((enum severity)s),
		    (int64_t)t->by_severity[s]);
	json_close(o, '}');
	json_close(o, '}');
	json_name(o, "broker");
	json_open(o, '{');
	json_member_number(o, "requests", (int64_t)t->requests);
	json_member_number(o, "refused", (int64_t)t->refused);
	json_close(o, '}');
	json_name(o, "output");
	json_open(o, '{');
	write_stream(o, "stdout", &t->out);
	write_stream(o, "stderr", &t->err);
	json_close(o, '}');
}

static void write_journal(struct json_out *o, const struct run_facts *f)
{
	const unsigned char *head = NULL;
	uint64_t events = 0;

	if (f->journal != NULL) {
		events = f->journal->seq;
		head = f->journal->head;
	} else if (f->tally != NULL) {
		events = f->tally->events;
		head = f->tally->journal_head;
	}
	if (head == NULL) {
		member_null(o, "journal");
		return;
	}
	json_name(o, "journal");
	json_open(o, '{');
	json_member_number(o, "events", (int64_t)events);
	json_member_hex(o, "head", head, SHA256_SIZE);
	json_close(o, '}');
}

void record_run(const struct run_facts *f, struct buf *out)
{
	struct json_out o = json_start(out, true);

	document_open(&o, f, FOLDER_VERSION);
	json_member(&o, "oxg", OXG_VERSION);
	json_member(&o, "task_id", f->task_id);
	json_member(&o, "clock", f->clock_frozen ? "frozen" : "wall");
	member_time(&o, "started", f->started);
	member_time(&o, "finished", f->finished);
	write_ending(&o, f);
	write_refusal(&o, f);
	json_member(&o, "plugin_path", f->plugin_path);
	write_plugin(&o, f->plugin);
	json_name(&o, "trust");
	json_open(&o, '{');
	member_or_null(&o, "root", f->trust_root);
	member_or_null(&o, "found_by", f->trust_found_by);
	json_member_bool(&o, "allow_unsigned", f->allow_unsigned);
	member_or_null(&o, "allowlist_sha256", f->allowlist_sha256);
	json_close(&o, '}');
	json_name(&o, "policy");
	json_open(&o, '{');
	member_or_null(&o, "profile", f->profile);
	member_or_null(&o, "source", f->policy_source);
	member_or_null(&o, "sha256", f->policy_sha256);
	json_close(&o, '}');
	member_or_null(&o, "config_sha256", f->config_sha256);
	write_grant(&o, f->grant);
	write_limits(&o, f->limits);
	write_isolation(&o, f);
	write_inputs(&o, f);
	write_tally(&o, f->tally);
	ledger_summary(&o, f->denials);
	if (f->audited != NULL)
		audit_summary(&o, f->audited);
	artifacts_summary(&o, f->handed);
	if (f->signer != NULL)
		attest_list(&o, f->signer->bundle);
	write_journal(&o, f);
	json_member_bool(&o, "evidence_complete", f->evidence_complete);
	document_close(&o);
}

/* ---- usage.json --------------------------------------------------------------------- */

static void write_series(struct json_out *o, const struct series *s)
{
	json_name(o, "series");
	json_open(o, '[');
	for (uint32_t i = 0; i < s->points; i++) {
		json_open(o, '{');
		o->pretty = false; /* a line for each */
		json_member_number(o, "at_ns", (int64_t)s->point[i].at_ns);
		json_member_number(o, "cpu_ns", (int64_t)s->point[i].cpu_ns);
		json_member_number(o, "memory_bytes", (int64_t)s->point[i].memory);
		json_close(o, '}');
		o->pretty = true;
	}
	json_close(o, ']');
}

void record_usage(const struct run_facts *f, struct buf *out)
{
	struct json_out o = json_start(out, true);

	document_open(&o, f, SCHEMA_VERSION);
	if (executed(f)) {
		const struct usage *u = &f->ending->usage;

		json_name(&o, "usage");
		json_open(&o, '{');
		member_duration(&o, "cpu", u->cpu_ns);
		member_duration(&o, "wall", u->wall_ns);
		json_member_number(&o, "memory_peak_bytes", (int64_t)u->memory_peak);
		json_member_number(&o, "pids_peak", (int64_t)u->pids_peak);
		json_member_number(&o, "samples", (int64_t)u->samples);
		write_series(&o, &u->series);
		json_close(&o, '}');
	} else
		member_null(&o, "usage");
	document_close(&o);
}

/* ---- verifier_report.json -------------------------------------------------------------- */

/* The checks in one array: those made before the run, then ours. */
struct checks {
	struct check line[COUNT(((struct verdicts *)0)->line) + 8];
	size_t count;
	bool failed;
	char text[4][200];       /* what the lines point to */
};

static void check_add(struct checks *c, struct check line)
{
	if (c->count == COUNT(c->line)) {
		c->failed = true; /* more than there can be */
		return;
	}
	/* A word that is not known did not pass. */
	if (strcmp(line.status, "PASS") != 0 && strcmp(line.status, "SKIP") != 0)
		c->failed = true;
	c->line[c->count++] = line;
}

/* A refusal that no earlier check wrote down: a bad input, a jail that
 * could not be built. */
static void check_refusal(struct checks *c, const struct run_facts *f)
{
	const char *word;

	if (!refused(f) || c->failed)
		return;
	word = refusal_word(f->refusal->code);
	check_add(c, (struct check){ strcmp(word, "jail") == 0 ? "isolation" : word,
	    "FAIL", NULL, NULL, f->refusal->text });
}

static void check_isolation(struct checks *c, const struct run_facts *f)
{
	snprintf(c->text[0], sizeof(c->text[0]), "tier %s, seccomp profile %s, "
	    "Landlock ABI %d; %u questions answered as they must be", f->tier ? f->tier : "none",
	    f->seccomp_profile ? f->seccomp_profile : "none", f->landlock_abi, f->proved);
	check_add(c, (struct check){ "isolation",
	    f->tier != NULL && f->seccomp_profile != NULL && f->proved > 0 ? "PASS" : "FAIL",
	    "a tier and a system call filter in force, and proved, before the plugin was executed",
	    c->text[0], NULL });
}

static void check_limits(struct checks *c, const struct run_facts *f)
{
	const struct limits *l = f->limits;
	char cpu[40], wall[40];
	/* 0 would mean "no limit", and there is no such thing. */
	bool set = l != NULL && l->cpu_ns && l->memory && l->wall_ns && l->pids &&
	    l->files && l->file_size && l->workspace && l->inodes && l->output &&
	    l->findings && l->artifacts && l->broker_line;

	if (l != NULL)
		snprintf(c->text[1], sizeof(c->text[1]), "cpu %s, memory %llu bytes, "
		    "wall time %s, %llu processes", duration_go(cpu, l->cpu_ns),
		    (unsigned long long)l->memory, duration_go(wall, l->wall_ns),
		    (unsigned long long)l->pids);
	check_add(c, (struct check){ "limits", set ? "PASS" : "FAIL",
	    "every limit set", l != NULL ? c->text[1] : "none", NULL });
}

static void check_findings(struct checks *c, const struct run_facts *f)
{
	const struct tally *t = f->tally;
	bool good = t != NULL && t->rejected == 0;

	if (t != NULL)
		snprintf(c->text[2], sizeof(c->text[2]), "%llu accepted, %llu rejected",
		    (unsigned long long)t->findings, (unsigned long long)t->rejected);
	check_add(c, (struct check){ "findings", good ? "PASS" : "FAIL",
	    "every finding follows the schema", t != NULL ? c->text[2] : "not counted",
	    good ? NULL : "what was rejected is in journal/events.jsonl" });
}

static void check_evidence(struct checks *c, const struct run_facts *f)
{
	check_add(c, (struct check){ "evidence_complete",
	    f->evidence_complete ? "PASS" : "FAIL",
	    "the broker recorded everything until the end", NULL,
	    f->evidence_complete ? NULL : "the broker ended without saying so; "
	    "findings and logs may be cut short" });
}

static void checks_make(struct checks *c, const struct run_facts *f)
{
	static const char *const later[] = {
		"isolation", "limits", "findings", "evidence_complete",
	};

	memset(c, 0, sizeof(*c));
	if (f->verdicts != NULL)
		for (size_t i = 0; i < f->verdicts->count; i++)
			check_add(c, f->verdicts->line[i]);
	check_refusal(c, f);
	if (executed(f)) {
		check_isolation(c, f);
		check_limits(c, f);
		check_findings(c, f);
		check_evidence(c, f);
		return;
	}
	for (size_t i = 0; i < COUNT(later); i++)
		if (i > 0 || !refused(f) || f->refusal->code != REFUSE_JAIL)
			check_add(c, (struct check){ later[i], "SKIP", NULL, NULL,
			    "nothing was executed" });
	c->failed = true; /* what did not run has not passed */
}

void record_verifier(const struct run_facts *f, struct buf *out)
{
	struct json_out o = json_start(out, true);
	struct checks c;

	checks_make(&c, f);
	document_open(&o, f, SCHEMA_VERSION);
	json_member(&o, "task_id", f->task_id);
	json_member(&o, "status", c.failed ? "FAIL" : "PASS");
	json_name(&o, "checks");
	json_open(&o, '[');
	for (size_t i = 0; i < c.count; i++) {
		json_open(&o, '{');
		json_member(&o, "name", c.line[i].name);
		json_member(&o, "status", c.line[i].status);
		json_member(&o, "expected", c.line[i].expected);
		json_member(&o, "actual", c.line[i].actual);
		json_member(&o, "detail", c.line[i].detail);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	document_close(&o);
}

/* ---- the fingerprint ---------------------------------------------------------------------- */

void record_config(const struct run_facts *f, struct bytes policy_snapshot,
    char config_sha256[SHA256_HEX])
{
	struct buf plain = { 0 }, canonical = { 0 };
	struct json_out o = json_start(&plain, false);
	unsigned char digest[SHA256_SIZE];
	struct arena a = { 0 };
	struct json j;
	char error[200];

	json_open(&o, '{');
	write_limits(&o, f->limits);
	if (f->plugin != NULL && !f->plugin->bare)
		json_member_hex(&o, "manifest_sha256", f->plugin->manifest_sha256,
		    SHA256_SIZE);
	else
		member_null(&o, "manifest_sha256");
	json_name(&o, "policy");
	json_verbatim(&o, policy_snapshot);
	member_or_null(&o, "tier", f->tier);
	json_close(&o, '}');
	if (json_parse(&a, buf_bytes(&plain), &j, error) < 0)
		die(STATUS_EVIDENCE, "a bug: the configuration is no JSON: %s", error);
	json_canonical(&a, &canonical, &j, 0);
	sha256(buf_bytes(&canonical), digest);
	hex_encode(config_sha256, digest, SHA256_SIZE);
	arena_free(&a);
	buf_free(&canonical);
	buf_free(&plain);
}
