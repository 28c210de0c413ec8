/*
 * cmd.h - the other commands. Each takes its own argv (argv[0] is the verb),
 * prints people's text on stderr and results on stdout, and returns the exit status.
 */
#ifndef OXG_CMD_H
#define OXG_CMD_H

#include "jail/jail.h"
#include "oxg.h"

/* ---- options.c: the one reader of --x V and --x=V ------------------------------- */
enum option_kind { OPT_FLAG, OPT_TEXT, OPT_LIST };

struct option_spec {
	const char *name;     /* without the dashes */
	enum option_kind kind;
	const char *value;    /* "DIR", for --help; NULL for a flag */
	const char *help;     /* one line */
	void *into;           /* bool *, const char **, struct words_list * */
};

struct words_list {
	const char *word[1024]; /* a shell's glob, not a data set */
	size_t count;
};

struct command {
	const char *name;     /* "run" */
	const char *synopsis; /* "[options] PLUGIN [-- ARG...]" */
	const char *about;    /* one line */
	const struct option_spec *option;
	size_t options;
};

/*
 * Reads options up to the end, operands into *operands, what stands behind "--"
 * into *rest (NULL: "--" only ends the options). --help prints the help on stdout
 * and exits 0. A wrong word dies with status 2 and says what to type.
 */
void options_read(const struct command *c, int argc, char **argv,
    struct words_list *operands, struct words_list *rest);

/* What --verify-time says. False: word is NULL, *out stays. Dies when it is no time. */
bool option_time(const char *word, int64_t *out);

/* ---- keytool.c: what sign and allow share ------------------------------------------ */
struct target {
	int dir;                  /* the plugin's directory, or that of the bare file; or -1 */
	const char *dir_path;     /* real */
	const char *artifact;     /* below it */
	const char *signature;    /* below it, whether it is there or not */
	bool bare;
};

/* A directory with manifest.json, that manifest.json itself, or any one file.
 * 0, or -1 with why; target_close in both cases. */
int target_find(struct arena *a, const char *path, struct target *t, struct why *why);
/* SHA-256 of a regular file below the target, no link followed. */
int target_digest(const struct target *t, const char *name,
    unsigned char digest[SHA256_SIZE], struct why *why);
void target_close(const struct target *t);
/* Written beside it, synced, renamed over it. 0, or -1 with errno. */
int file_replace(struct arena *a, int dir, const char *name, struct bytes text, mode_t mode);
int command_fail(const struct why *why);      /* says why; the exit status */
int command_print(const struct buf *b);       /* on stdout; the exit status */

/* ---- stored.c: commands over a stored run folder -------------------------------------- */
struct folder;

const char *stored_operand(const struct command *c, const struct words_list *operands);
/* Read and its digests verified; a .partial is said to be one. 0, or -1 with why. */
int stored_load(struct arena *a, const char *path, struct folder *f, struct why *why);
/* The same, and finished. */
int stored_load_sealed(struct arena *a, const char *path, struct folder *f, struct why *why);
/* --key: a public key in a file. 0, or -1 with why (KEY). */
struct pubkey;
int stored_key(struct arena *a, const char *file, struct pubkey *key, struct why *why);

/* ---- diff.c ---------------------------------------------------------------------------- */
struct diff;

/* What oxg diff --json and oxg replay write. */
void diff_document(struct arena *a, const struct folder *left, const struct folder *right,
    const struct diff *d, const char *result, struct buf *out);

/* ---- approve.c: which approvals count ---------------------------------------------------- */
#define APPROVALS_MAX 64

struct approval_words {
	const char *trust;            /* NULL: none counts */
	const char *verify_time;      /* NULL: now */
	struct words_list file;       /* beyond those of RUN.approvals/ */
};

/* For the option tables of gate and check. */
#define APPROVAL_OPTIONS(w)                                                                        \
	{ "trust", OPT_TEXT, "DIR", "count approvals by keys of DIR/keys/approvers", &(w).trust },   \
	{ "approval", OPT_LIST, "FILE", "an approval elsewhere than in RUN.approvals/", &(w).file }, \
	{ "verify-time", OPT_TEXT, "TIME", "judge approvals at this RFC 3339 time", &(w).verify_time }

struct approved {
	bool passed;
	const char *word;             /* passed: "PASS (approved by a.pub, b.pub)" */
	const struct pubkey *key[APPROVALS_MAX];
	size_t count;                 /* different approvers */
	const char *refused[2 * APPROVALS_MAX]; /* a sentence each */
	size_t refusals;
};

/* Of a report that says REQUIRE_APPROVAL, by the policy of that snapshot. The report
 * stays what it is. 0, or -1 with why. */
int approvals_judge(struct arena *a, const struct approval_words *w, const struct folder *f,
    struct bytes snapshot, struct bytes report, struct approved *out, struct why *why);
/* The members approved_by and refused_approvals. */
void approvals_write(struct json_out *o, const struct approved *r);
/* ---- github.c: --format github --------------------------------------------------------- */
struct merged;

struct github {
	int summary, output;      /* -1: no such file */
};

void github_open(struct github *g);
/* Annotations, summary and outputs; folder NULL: of several runs. The exit status. */
int github_tell(const struct github *g, const struct merged *m, const char *folder);
/* Of a run that has just ended: its folder, or, where there is none, the refusal. */
int github_run(const struct github *g, const struct folder *f, const char *path, const char *refusal);

/* ---- run.c: the words of "oxg run", made once and const ever after ---------------- */
struct run_words {
	const char *plugin;
	const char *trust, *policy, *profile, *out, *run_id, *task;
	const char *input, *input_bind, *runtime;
	const char *project;          /* --project: live, the broker's alone */
	/* Of a replay, else NULL: what the record calls the policy, and a tier that must be
	 * had whatever the policy accepts. */
	const char *policy_source, *weakest;
	const char *min_tier;         /* NULL: the policy's */
	const char *sign_key;         /* NULL: the run is not signed */
	bool sigstore;
	int fail_on;                  /* enum severity, -1 "none", -2: not said */
	capability_set grant;
	struct resources resources;
	bool allow_unsigned, audit, durable, json, quiet, timings;
	bool github;                  /* --format github */
	bool verify_time_given;
	int64_t verify_time;
	struct words_list secret;     /* NAME=file:PATH, NAME=env:VARIABLE */
	struct words_list args;       /* behind "--" */
};

/* Dies with status 2 on a wrong word. */
void run_words_read(int argc, char **argv, struct run_words *out);
/* oxg.c: the whole story; its exit status. Once in a process. */
int run_perform(const struct run_words *w);
/* --task: its bytes, and its own name into *id when it has one ("task_id", "id").
 * path NULL leaves both alone. 0, or -1 with why (INPUT). */
int task_read(struct arena *a, const char *path, struct bytes *task, const char **id,
    struct why *why);

/* A directory, and no link. Its descriptor, or -1 with why (USAGE). */
int tree_open(const char *option, const char *path, struct why *why);
/* --project: the directory itself, no link. Its descriptor, or -1 with why (USAGE, JAIL). */
int project_open(const char *path, struct why *why);

/* ---- secrets.c ------------------------------------------------------------------------ */
void secrets_words(const struct words_list *list); /* dies with status 2: not NAME=SOURCE each */
/* --secret: each value is read once; what a variable held is wiped where it stood. Names
 * that the policy does not list are refused. Told to the journal by their names; *shown: the
 * plugin's arguments without them. 0, or -1 with why (POLICY, INPUT). */
struct policy;
struct secret;
struct journal;
int secrets_take(struct arena *a, const struct run_words *w, const struct policy *policy,
    struct secret *out, size_t *count, struct journal *journal, const char ***shown, struct why *why);

/* ---- console.c: what people and programs are told of a run ------------------------- */
struct run_summary {
	const char *folder;           /* NULL: none was made */
	const char *run_id, *plugin, *version, *decision;
	const struct ending *ending;  /* NULL: refused */
	const struct tally *tally;    /* NULL: nothing ran */
	uint64_t artifacts;
	const struct why *refusal;    /* NULL or code 0: none */
	uint64_t terminations;
	const uint64_t *moment;       /* MOMENT_COUNT of them, or NULL: not asked for */
	int status;
};

/* The live line on a terminal: into is a const struct run_words *. */
void console_tick(uint64_t findings, uint64_t denials, const struct usage *usage);
bool console_live(const struct run_words *w);
/* The exit status: s->status, unless nobody could be told. */
int console_summary(const struct run_words *w, const struct run_summary *s);

/* ---- caps.c: what is told to people who decide on a grant --------------------------- */
struct capability_note {
	const char *title;
	const char *allows, *mitigation;
	int needs;                    /* another capability, or -1 */
};
const struct capability_note *capability_note(enum capability c);

/* ---- layers.c, trial.c: what this machine gives the jail, found out by trying ------- */
enum layer_status { LAYER_PRESENT, LAYER_PARTIAL, LAYER_MISSING };

struct layer {
	const char *name;             /* "user_namespaces" */
	enum layer_status status;
	bool required;                /* of a run under this policy */
	char detail[1024];            /* one line: what is there, or why not */
	char remedy[240];             /* one line; "" when there is nothing to do */
};

struct layers {
	struct layer layer[24];
	size_t count;
	enum tier tier;               /* the best that was built and proved; TIER_COUNT: none */
	enum tier others;             /* asked by root: what an ordinary user would have */
};

/* weakest: the tier that the policy accepts; strict: what that profile requires
 * beyond it. Leaves nothing behind. */
void layers_probe(struct layers *out, enum tier weakest, bool strict);

#define TRIALS(X)                                                                \
	/* in a child of its own */                                              \
	X(CLONE3) X(CLOSE_RANGE) X(OPENAT2) X(NO_NEW_PRIVS) X(LANDLOCK)          \
	X(LANDLOCK_HOLDS) X(NOTIFY) X(FILTER) X(FILTER_HOLDS)                    \
	/* in namespaces of its own */                                           \
	X(USER) X(NAMESPACES) X(MAPS) X(IDENTITY) X(TMPFS) X(MOUNT_API) X(PROC)  \
	X(PIVOT) X(CAPABILITIES) X(PIDFD)                                        \
	/* a jail as a run would have it, up to the plugin */                    \
	X(JAIL) X(SEEN)

enum trial {
#define X(name) TRIAL_##name,
	TRIALS(X)
#undef X
	TRIAL_COUNT
};

#define TRIAL_NOT_REACHED (-1)
#define TRIAL_KILLED (-2)             /* the kernel ended the child that tried it */

struct trials {
	int error[TRIAL_COUNT];       /* 0: it works; an errno; or one of the above */
	const char *lacking;          /* NAMESPACES: the first kind that is refused, or NULL */
	int landlock_abi;
	enum tier tier, others;       /* as in struct layers */
	uint32_t proved;              /* JAIL: questions of jail/prove.c answered well */
	struct why jail, seen;        /* JAIL, SEEN: in words */
};

/* Weaker tiers are tried when the best is not to be had. */
void trials_make(struct trials *out);

/* ---- bpf.c: what a filter answers to a call, whatever its arguments ------------------- */
struct sock_fprog;

#define WAY_TESTS 32
#define WAYS 64

/* (32-bit word of the arguments & mask) compared with k. */
struct way_test {
	unsigned word;                /* argument word / 2, its upper half when odd */
	uint32_t mask, k;
	int kind;                     /* enum bpf_test: jail/bpf.c compares */
	bool holds;
};

/* One way through the program, and what is answered at its end. */
struct way {
	uint32_t answer;              /* SECCOMP_RET_* with its data */
	struct way_test test[WAY_TESTS];
	size_t tests;
};

struct ways {
	struct way way[WAYS];
	size_t count;
	bool unsure;                  /* more than fits, or an unknown instruction */
};

/* Every way for this call and architecture, with the arguments open. */
void bpf_ways(const struct sock_fprog *p, uint32_t arch, uint32_t nr, struct ways *out);

int cmd_doctor(int argc, char **argv);
int doctor_syscalls(bool json);         /* cmd/calls.c: the exit status */
int cmd_verify(int argc, char **argv);  /* cmd/inspect.c */
int cmd_inspect(int argc, char **argv);
int cmd_schema(int argc, char **argv);  /* cmd/caps.c */
int cmd_caps(int argc, char **argv);
int cmd_keygen(int argc, char **argv);  /* cmd/keytool.c */
int cmd_sign(int argc, char **argv);
int cmd_allow(int argc, char **argv);   /* cmd/allow.c */
int cmd_check(int argc, char **argv);   /* cmd/check.c, report.c, gate.c */
int cmd_report(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_approve(int argc, char **argv); /* cmd/approve.c */
int cmd_diff(int argc, char **argv);    /* cmd/diff.c, replay.c */
int cmd_replay(int argc, char **argv);
int cmd_apply(int argc, char **argv);   /* cmd/apply.c */
int cmd_policy(int argc, char **argv);  /* cmd/policy.c */
int cmd_mcp(int argc, char **argv);     /* cmd/mcp.c */
int cmd_version(int argc, char **argv); /* oxg.c */
int broker_client(int argc, char **argv); /* jail/client.c: "oxg broker" */

#endif
