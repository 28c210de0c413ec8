/*
 * oxg.h - the words that all rooms share, and what the six files at the top
 * give each other. Data moves one way: words -> facts (struct plugin) -> plan
 * (struct limits, struct jail_plan) -> a live cell -> an ending -> evidence.
 */
#ifndef OXG_H
#define OXG_H

#include "lib/lib.h"

/* ---- exit statuses: a public promise (DESIGN.md section 3) ---------------- */
#define STATUSES(X)                                                              \
	X(OK, 0, "ran; verifier report and gate report both PASS")              \
	X(BLOCK, 1, "ran; gate BLOCK")                                          \
	X(USAGE, 2, "wrong usage, or a policy or option that does not parse")   \
	X(REFUSED, 3, "refused before running: manifest, hash, signature, trust root") \
	X(JAIL, 4, "refused before running: the jail cannot be built as strong as asked") \
	X(EVIDENCE, 5, "evidence could not be written or does not verify")      \
	X(APPROVAL, 6, "ran; gate REQUIRE_APPROVAL")                            \
	X(FAILED, 10, "the plugin failed by itself (its status or signal is in run.json)") \
	X(MEMORY, 121, "stopped: memory_limit")                                 \
	X(CPU, 122, "stopped: cpu_limit")                                       \
	X(KILLED, 123, "stopped: killed (operator, policy)")                    \
	X(TIMEOUT, 124, "stopped: timeout")

enum status {
#define X(name, number, text) STATUS_##name = number,
	STATUSES(X)
#undef X
};

/* ---- capabilities: 0xGen's ten and the four of its SDK, and the risk of a grant -- */
#define CAPABILITIES(X)                         \
	X(EMIT_FINDINGS, LOW)                   \
	X(AI_ANALYSIS, HIGH)                    \
	X(HTTP_ACTIVE, HIGH)                    \
	X(HTTP_PASSIVE, MEDIUM)                 \
	X(FLOW_INSPECT, MEDIUM)                 \
	X(FLOW_INSPECT_RAW, HIGH)               \
	X(WS, HIGH)                             \
	X(SPIDER, HIGH)                         \
	X(REPORT, LOW)                          \
	X(STORAGE, LOW)                         \
	X(WORKSPACE_READ, MEDIUM)               \
	X(WORKSPACE_WRITE, HIGH)                \
	X(NET_OUTBOUND, HIGH)                   \
	X(SECRETS_READ, HIGH)

enum capability {
#define X(name, risk) CAP_##name,
	CAPABILITIES(X)
#undef X
	CAPABILITY_COUNT
};

/* A set: bit i is capability i. Lists are written in the order above. */
typedef uint32_t capability_set; /* the one typedef: a set is a number */
#define CAP_BIT(c) ((capability_set)1 << (c))

const char *capability_name(enum capability c);        /* "CAP_EMIT_FINDINGS" */
int capability_find(struct bytes name);                /* -1: no such */
enum risk { RISK_LOW, RISK_MEDIUM, RISK_HIGH };
enum risk capability_risk(enum capability c);          /* of a grant */
const char *risk_word(enum risk r);                    /* "low" "medium" "high" */

/* ---- severities, lowest first ---------------------------------------------- */
enum severity { SEV_INFO, SEV_LOW, SEV_MED, SEV_HIGH, SEV_CRIT, SEV_COUNT };
const char *severity_name(enum severity s);            /* "info" "low" "med" "high" "crit" */
int severity_find(struct bytes name);                  /* synonyms accepted; -1: no such */

/* ---- endings ------------------------------------------------------------------ */
#define ENDINGS(X)                                  \
	X(EXITED, "exited", OK)                     \
	X(CRASHED, "crashed", FAILED)               \
	X(TIMEOUT, "timeout", TIMEOUT)              \
	X(CPU_LIMIT, "cpu_limit", CPU)              \
	X(MEMORY_LIMIT, "memory_limit", MEMORY)     \
	X(KILLED, "killed", KILLED)

enum ending_reason {
	ENDING_NONE, /* nothing was executed */
#define X(name, word, status) ENDING_##name,
	ENDINGS(X)
#undef X
};
const char *ending_word(enum ending_reason r);         /* "" for none */

/* ---- limits (limits.c) -----------------------------------------------------
 * 0 is never "no limit": every figure is set.
 */
struct limits {
	uint64_t cpu_ns, memory, wall_ns;    /* ns, bytes, ns */
	uint64_t pids, files, file_size;     /* processes, descriptors, bytes */
	uint64_t workspace, inodes;          /* bytes and inodes of the writable tree */
	uint64_t output, findings, artifacts;/* bytes a stream, lines, bytes */
	uint64_t broker_line;                /* bytes of one request */
};

/* What a manifest, a policy or a command line asks for; 0: it does not say. */
struct resources {
	uint64_t cpu_ns, memory, wall_ns, pids, workspace;
};

/* effective = min(defaults or policy, command line, manifest) */
struct limits limits_effective(const struct resources *policy,
    const struct resources *words, const struct resources *manifest);

/*
 * Use over time, for people: at most so many points, each of 2^halved looks, the last
 * one of fewer. When they are full, every two become one.
 */
#define SERIES_POINTS 120

struct series_point {
	uint64_t at_ns, cpu_ns;      /* since it was let go, used until then: the last look's */
	uint64_t memory;             /* the most of its looks */
};

struct series {
	uint32_t points, halved;
	uint32_t looks;              /* in the last point */
	struct series_point point[SERIES_POINTS];
};

void series_add(struct series *s, const struct series_point *p);

/* What was measured of the whole tree. */
struct usage {
	uint64_t cpu_ns, memory_peak, wall_ns;
	uint64_t pids_peak, samples;
	struct series series;
};

/*
 * The sampler: looks at the jail's processes from outside, where no cgroup
 * counts for us. What was seen of a process stays counted when it is gone, and
 * those that come and go between two looks are guessed from the ones met.
 */
#define GAUGE_PROCESSES 4096
#define GAUGE_LOOK_NS 25000000ull /* between two looks, on the average */

struct gauge_process {
	int pid;
	uint64_t start, cpu_ns;
	uint64_t guess_ns;           /* what it stands for, seen at one look only */
	bool seen;
};

struct gauge_find {
	int pid, memory;             /* memory: the pid or tid whose figures hold */
	bool counts;
	uint64_t tables;             /* bytes of page tables */
};

struct gauge {
	int init;                    /* pid of the jail's init */
	int scratch;                 /* descriptor on the writable tmpfs, or -1 */
	int place;                   /* or on the directory that stands for it, or -1 */
	uint64_t place_free;         /* bytes of its file system at the start */
	uint64_t built_ns;           /* CPU time of building the jail */
	uint64_t looked_ns;          /* monotonic: the last look */
	uint64_t gone_cpu_ns;        /* of processes seen earlier */
	double guess_ns, guess_squares; /* of those met once */
	struct gauge_process process[GAUGE_PROCESSES];
	struct gauge_find find[GAUGE_PROCESSES]; /* at this look; init first */
	size_t processes, found;
	struct usage usage;
	uint64_t memory_now;
	uint64_t threads_now;
	bool files_over;             /* more in the directory than it may */
};

/* 0, or -1 with why (JAIL): this host does not show the jail's processes. */
int gauge_sees(int init, struct why *why);
void gauge_start(struct gauge *g, int init, int scratch, bool mounted, uint64_t built_ns);
/* One look. Where the cheap sum of resident pages is over the limit, the exact
 * share of each process is taken before that is believed. */
void gauge_look(struct gauge *g, const struct limits *l);
/* Threads that this user has on the host. */
uint64_t gauge_threads_of(unsigned uid);
uint64_t gauge_end(struct gauge *g, const struct limits *l); /* bytes in its files, when all are dead */

/* How it ended, decided once from kernel facts. detail is one sentence. */
struct ending {
	enum ending_reason reason;
	int status;           /* exit status of the plugin, when it exited */
	int signal;           /* when it crashed */
	const char *by;       /* killed by: "operator", "policy", "broker" */
	char detail[200];
	struct usage usage;
};

/* ---- when a run was where: monotonic ns, 0 where it was not ------------------- */
#define MOMENTS(X)                                                            \
	X(STARTED, "")                                                        \
	X(OPENED, "trust root and policy read, folder made")                  \
	X(VERIFIED, "plugin verified")                                        \
	X(PLANNED, "policy, input, plan of the jail")                         \
	X(CLONED, "watch and broker forked, namespaces made")                 \
	X(BUILT, "root built")                                                \
	X(PROVED, "walls up, jail proved")                                    \
	X(RELEASED, "all confined, released")                                 \
	X(ENDED, "plugin executed, until its end")                            \
	X(TAKEN_DOWN, "jail taken down")                                      \
	X(DRAINED, "broker's last word")                                      \
	X(TOLD, "watch's last word")                                          \
	X(SEALED, "evidence made, folder sealed")

enum moment {
#define X(name, text) MOMENT_##name,
	MOMENTS(X)
#undef X
	MOMENT_COUNT
};

struct death; /* jail/jail.h */
/* One reason for every end. */
void ending_decide(const struct death *d, const struct limits *l, struct ending *out);
enum status ending_status(const struct ending *e);
const char *signal_word(int signal);   /* "SIGSEGV"; "signal 40" */

/* ---- the jail from here (sandbox.c) ------------------------------------------ */
struct jail_plan; /* jail/jail.h */
struct jail_ends;
struct cell;
struct snapshot;
struct plugin;
struct grant;

struct sandbox_words {
	const struct plugin *plugin;
	const struct limits *limits;
	const char *run_id, *task_id;
	const char *token;            /* goes into the environment, nowhere else */
	struct bytes task;            /* task.json, or none */
	const struct snapshot *input; /* or NULL */
	const char *input_bind;       /* live tree, or NULL */
	const char *runtime;          /* NULL: static plugins only */
	int tier;                     /* enum tier of jail/jail.h */
	const char *place;            /* weaker tiers: an empty directory of ours; absolute, no link */
	int place_fd;                 /* and the directory itself */
	bool audit;                   /* what it is allowed is told as well */
	const char *const *arg;       /* behind the manifest's own */
	size_t args;
};

/* 0, or -1 with why (JAIL, PLUGIN). Nothing is started. */
int sandbox_plan(struct arena *a, const struct sandbox_words *w, struct jail_plan *out, struct why *why);
/* One clone with every namespace; maps written; the child builds. 0, or -1 (JAIL). */
int sandbox_spawn(const struct jail_plan *plan, const struct jail_ends *ends, struct cell *out, struct why *why);
void sandbox_kill(struct cell *cell);  /* and everything in it; idempotent */
/* Any directory that is there will do: the new root is mounted over it where only the
 * child sees it. NULL: there is none. */
const char *sandbox_base(void);

/* ---- the verified plugin (verify.c is its only maker) ----------------------- */
struct manifest; /* trust/trust.h */
struct policy;
struct trust_root;

struct bundle_file {
	const char *name;     /* path below /bin in the jail */
	struct bytes bytes;   /* the very bytes that were hashed */
	unsigned char sha256[SHA256_SIZE];
	bool executable;
};

/* One line of verifier_report.json. */
struct check {
	const char *name;     /* "trust_root" "manifest" "allowlist" "signature" ... */
	const char *status;   /* "PASS" "FAIL" "SKIP" */
	const char *expected; /* NULL: nothing to say */
	const char *actual;
	const char *detail;
};

struct verdicts {
	struct check line[64];
	size_t count;
};

struct plugin {
	const struct manifest *manifest; /* made up for a bare executable */
	bool bare;
	struct bytes manifest_bytes;     /* empty for a bare executable */
	unsigned char manifest_sha256[SHA256_SIZE];
	struct bundle_file *file;        /* the artifact first */
	size_t files;
	bool allowlisted, signed_ok;     /* false only under --allow-unsigned */
	char key_id[SHA256_HEX];         /* hex SHA-256 of the signer's SPKI; "" unsigned */
	char key_name[128];              /* file of the key or CA in keys/; "" unsigned */
	bool trusted_ignored;            /* the manifest said "trusted" */
};

struct verify_options {
	bool allow_unsigned;
	bool only_look;        /* lifts the phases, but tells them as they are */
	bool verify_time_given;
	int64_t verify_time;   /* Unix seconds, --verify-time; else the clock */
};

/*
 * Phases 1 and 2 and the manifest. path is a directory with manifest.json, a
 * manifest.json itself, or one executable. The checks made so far are in
 * *verdicts whatever comes back. 0, or -1 with why (status 3).
 */
int verify_plugin(struct arena *a, const struct trust_root *root,
    const struct policy *policy, const char *path,
    const struct verify_options *options, struct plugin *out,
    struct verdicts *verdicts, struct why *why);

void verdict_add(struct verdicts *v, const char *name, const char *status,
    const char *expected, const char *actual, const char *detail);

/* ---- capability tokens (tokens.c), DESIGN.md section 8 ------------------------
 * token = base64url(payload) "." base64url(HMAC-SHA-256(key, base64url(payload)))
 * payload = {"n":serial,"plugin":..,"run":..,"caps":[..],"iat":ms,"exp":ms,"nonce":..}
 * ms are milliseconds of CLOCK_BOOTTIME, which the jail sees too: a client can
 * read its token's age without the key.
 */
#define TOKEN_MAX 1024        /* chars with NUL; plugin names have a ceiling */
#define TOKEN_KEY 32
#define TOKEN_TTL_MS 60000
#define TOKEN_LIVE 1024       /* tokens one run can issue */

struct token {
	uint32_t serial;
	capability_set caps;
	uint64_t expires_ms;
};

struct token_issued {
	char *text;                   /* ours; mint_wipe wipes and frees it */
	struct token facts;
};

struct mint {
	unsigned char key[TOKEN_KEY];
	const char *plugin, *run_id;
	capability_set granted;
	uint64_t ttl_ms;
	uint32_t serial;              /* of the last one issued; the first is 1 */
	unsigned char revoked[TOKEN_LIVE / 8];
	bool all_revoked;
	struct token_issued issued[TOKEN_LIVE]; /* serial 1 first; the broker masks each */
};

enum token_verdict { TOKEN_OK, TOKEN_MALFORMED, TOKEN_FORGED, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_FOREIGN };
const char *token_verdict_word(enum token_verdict v);

void mint_start(struct mint *m, const char *plugin, const char *run_id, capability_set granted);
void mint_wipe(struct mint *m);
/* A token for caps (a subset of granted). -1 when the run has issued too many. */
int token_issue(struct mint *m, capability_set caps, char out[TOKEN_MAX], struct token *facts);
enum token_verdict token_check(const struct mint *m, struct bytes text, struct token *out);
void token_revoke(struct mint *m, uint32_t serial);
void token_revoke_all(struct mint *m);
uint64_t token_now(void); /* ms of CLOCK_BOOTTIME */

/* ---- stored evidence -> HTML (report.c) ----------------------------------------- */
struct folder; /* evidence/evidence.h */
/* Pure: same folder, same bytes. 0, or -1 with why (EVIDENCE). */
int report_html(const struct folder *folder, struct buf *out, struct why *why);
/* The same of n runs, one or more, in whatever order they are given: a table of them,
 * and their findings together. Of one it is report_html's page. */
int report_html_runs(const struct folder *folder, size_t n, struct buf *out, struct why *why);

/* ---- what a grant is: manifest and policy together (trust/policy.c makes it) ------ */
enum findings_source { FINDINGS_BROKER, FINDINGS_STDOUT, FINDINGS_SARIF, FINDINGS_JSON };

struct grant {
	capability_set requested, granted; /* granted is a subset */
	enum findings_source findings;
	const char *findings_path;         /* below /workspace for SARIF and JSON */
};

/* ---- broker -> watch, one message at a time over the control pair -------------
 * Written by broker/broker.c, read by jail/supervise.c. The watch's only
 * word back is one byte, BROKER_DRAIN: every process of the jail is dead.
 */
#define BROKER_DRAIN 'D'

enum broker_word { BROKER_READY = 1, BROKER_NEWS, BROKER_KILL, BROKER_END };

struct stream_tally {
	uint64_t seen, kept;         /* bytes */
};

struct tally {
	uint64_t findings, rejected;
	uint64_t by_severity[SEV_COUNT];
	uint64_t requests, refused;  /* broker requests, and those answered with an error */
	struct stream_tally out, err;
	uint64_t events;             /* lines in journal/events.jsonl */
	unsigned char journal_head[SHA256_SIZE];
};

/* ---- watch -> broker: one system call, refused or (--audit) allowed -------------
 * Written by jail/ledger.c from what the kernel said, read by broker/ledger.c, which
 * alone looks at the text: it is the plugin's. */
#define DENIAL_TEXT 512
#define LEDGER_LINES 2000            /* more are counted, not written */
#define LEDGER_CALLS 512
#define AUDIT_LINES 20000            /* the same of the allowed ones */
#define AUDIT_BYTES (8u << 20)       /* of audit.jsonl, however long their paths */

struct denial {
	uint64_t ns;                 /* since the plugin was released */
	int32_t pid;                 /* as the jail counts, 0: gone already */
	int32_t nr;
	uint32_t deed;               /* enum call_deed: it was allowed; NONE: refused */
	uint64_t arg[6];
	struct call_text {
		uint32_t n;          /* bytes of it; DENIAL_TEXT: cut */
		unsigned char bytes[DENIAL_TEXT];
	} text[2];                   /* in the order of its shape */
};

struct denials {
	bool heard;                  /* the kernel told; else they were refused in silence */
	uint64_t refused, sent;
	uint32_t by_call[LEDGER_CALLS]; /* the last one: that and above */
};

/* What was allowed, counted by the watch; recorded: lines of audit.jsonl. */
struct audited {
	uint64_t allowed, recorded;
	uint64_t by_deed[DEED_COUNT];
	uint32_t by_call[LEDGER_CALLS];
};

struct broker_message {
	uint32_t word;
	uint32_t error;              /* errno when evidence could not be written, else 0 */
	char detail[160];            /* BROKER_KILL: the violation, for people */
	struct tally tally;          /* BROKER_NEWS: so far; BROKER_END */
};

#endif
