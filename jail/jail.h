/*
 * jail.h - the door: from a plan to a live cell to its end. The plan is made in
 * the supervisor (tier.c, sandbox.c, layout.c, profile.c, runtime.c, snapshot.c) and
 * walked in the child (inside.c), which parses nothing, allocates nothing and decides nothing.
 */
#ifndef OXG_JAIL_H
#define OXG_JAIL_H

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "oxg.h"

struct sock_fprog;
struct seccomp_data;

/* ---- tiers, best first (DESIGN.md section 5) ------------------------------------ */
#define TIERS(X)                                                                 \
	X(NAMESPACES, "namespaces")                                             \
	X(CHROOT, "chroot")                                                     \
	X(LANDLOCK, "landlock")

enum tier {
#define X(name, word) TIER_##name,
	TIERS(X)
#undef X
	TIER_COUNT
};

#define JAIL_NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* tier.c */
const char *tier_word(enum tier t);
enum tier tier_of(const char *word);     /* one that the policy's reader let through */
/* The best this machine gives this user, none weaker than weakest; when nothing is
 * accepted but namespaces, they are not tried out first. 0, or -1 with why (JAIL). */
int tier_choose(enum tier weakest, enum tier *out, struct why *why);
/* Who may become the user uid, and make the plugin one: root with the rights it takes. */
bool tier_may_change_user(unsigned uid);
bool tier_is_mapped(unsigned uid);       /* in our own user namespace */
unsigned jail_own_uid(void);             /* one that nobody else has, while we live */
/* A process of that user can be asked for its descriptors and memory. */
bool tier_may_look_into(unsigned uid, unsigned gid);

/* ---- the plan: a list of steps ----------------------------------------------- */
#define STEPS(X)                                                                 \
	X(DIR, "make directory")                                                \
	X(TMPFS, "mount a private tmpfs on")                                    \
	X(BIND, "bind")                /* source -> path, one mount, as writable as it is */ \
	X(TREE, "bind read-only")      /* source -> path, with all below, ro nosuid nodev */ \
	X(FILE, "write")               /* bytes -> path */                      \
	X(LINK, "make link")           /* path -> source */                     \
	X(REMOVE, "remove")            /* a file that served as a bind's source */ \
	X(NODE, "make the device")     /* flags: its number; where none may be made, null is empty */ \
	X(PROC, "mount proc on")                                                \
	X(READONLY, "make read-only")

enum step_kind {
#define X(name, aim) STEP_##name,
	STEPS(X)
#undef X
};

struct step {
	enum step_kind kind;
	const char *path;       /* below the new root, no leading slash; "." is the root */
	const char *source;     /* BIND, TREE: path; LINK: target; TMPFS: options */
	struct bytes bytes;     /* FILE */
	unsigned mode;          /* DIR, FILE, NODE */
	bool own;               /* DIR: the plugin's, not ours */
	unsigned long flags;    /* TMPFS, PROC, READONLY: MS_* */
	int tree;               /* TREE: index of the descriptor taken beforehand */
};

/* Phases the child can fail in beyond its steps; supervise.c words them. */
#define PHASES(X)                                                                \
	X(NONE, "")                                                             \
	X(MAPS, "be given its identity")                                        \
	X(IDENTITY, "become the plugin's user")                                  \
	X(TREES, "open the source of a read-only bind")                         \
	X(PRIVATE, "make its mounts private")                                   \
	X(STEP, "")  /* the step's own words */                                 \
	X(PIVOT, "leave the host's root behind")                                \
	X(ORPHANS, "be made the heir of its orphans")                           \
	X(SCOPE, "keep its own signals to the jail")                            \
	X(HOSTNAME, "set its host name")                                        \
	X(CAPABILITIES, "drop its capabilities")                                \
	X(PRIVILEGES, "give up gaining privileges")                             \
	X(FORK, "fork the plugin")                                              \
	X(SESSION, "start a new session")                                       \
	X(LIMITS, "set a resource limit")                                       \
	X(DESCRIPTORS, "hand over its descriptors")                             \
	X(LANDLOCK, "put up the Landlock wall")                                 \
	X(SECCOMP, "load its system call filter")                               \
	X(LISTEN, "let its refused calls be heard")                              \
	X(AUDIT, "trace allowed calls, as --audit asks (inside a sandbox that "  \
	    "listens itself nobody can)")                                        \
	X(PROOF, "")  /* the canary's own words */                               \
	X(GO, "be released")                                                    \
	X(EXEC, "execute")

enum phase {
#define X(name, aim) PHASE_##name,
	PHASES(X)
#undef X
};

/* What Landlock lets be done below a path of the jail: LANDLOCK_ACCESS_FS_* bits. */
struct landlock_rule {
	const char *path;
	uint64_t access;
	bool optional;               /* a device, perhaps there is none */
};

/* Where no pid namespace ends its processes with its first one: how init does it. */
enum ends_by {
	ENDS_NAMESPACE,
	ENDS_USER,                   /* all of a user that is this run's alone */
	ENDS_DOMAIN,                 /* all that its Landlock domain lets it signal */
	ENDS_CHILDREN                /* its children, until there are none */
};

#define JAIL_TREES 32
#define JAIL_RLIMITS 16
#define JAIL_ID 65534u        /* nobody, inside */
#define ENDER_UID_AWAY 0x04000000u /* from the jail's own uid: who ends it, and nobody else */
#define JAIL_FIRST_FD 10      /* ends live at or above: 0-6 are the plugin's and ours until execve */

struct jail_plan {
	enum tier tier;
	uint64_t namespaces;         /* CLONE_NEW*; 0 in the weaker tiers */
	enum ends_by ends_by;
	const char *base;            /* a host directory to put the new root on, or to be it */
	int base_fd;                 /* that directory, where it is to be the root; by its path
	                              * somebody else could have put another there */
	const char *prefix;          /* the jail's "/" as the plugin sees it: "", or base */
	const char *input_path;      /* --input-bind where it cannot be bound: absolute, no link */
	const struct step *step;
	size_t steps;
	const char *tree[JAIL_TREES];/* host paths of the TREE steps, opened before the root goes */
	size_t trees;
	unsigned uid, gid;           /* the plugin's, as it sees them: 65534 where they can be mapped */
	unsigned host_uid, host_gid; /* and what they are outside */
	bool privileged;             /* we are root: groups can be dropped */
	uint64_t watch_caps;         /* what the watch keeps; bit i is capability i */
	int landlock_abi;            /* 0: the kernel has none */
	uint64_t landlock_fs, landlock_net, landlock_scope; /* what is handled */
	struct landlock_rule *rule;
	size_t rules;
	struct jail_rlimit {
		int what;
		struct rlimit limit;
	} rlimit[JAIL_RLIMITS];
	size_t rlimits;
	const struct sock_fprog *filter;
	const struct sock_fprog *telling; /* the same, refusing by notification; NULL: nobody could listen */
	bool audit;                  /* telling tells of what is allowed too */
	uint64_t secret;             /* what the proof's own calls bear, to be refused at once */
	const char *profile;         /* "static" "runtime" "landlock" "landlock_old" */
	bool with_runtime;
	const char *stdin_path;      /* as the plugin sees it: /dev/null, or the task */
	const char *workspace;       /* the same: where it starts */
	const char *exec_path;       /* the same */
	char *const *argv;
	char *const *envp;
	uint64_t wall_ns;            /* init's own clock, should the watch stand still */
	const char *scratch;         /* on the writable tmpfs, or what stands for it; its descriptor goes out */
	uint64_t scratch_bytes, scratch_inodes; /* what that tmpfs may hold; 0: there is none */
};

/* What the watch hands to the child through clone. */
struct jail_ends {
	int sync;                    /* JAIL_MAPPED, then JAIL_GO twice; EOF: the watch is dead */
	int sync_far;                /* the watch's end of it, to be closed */
	int status;                  /* struct jail_message, to the watch */
	int out, err, answers, requests; /* become 1, 2, 3, 4 */
};

#define JAIL_MAPPED 'm'
#define JAIL_GO 'g'

/* Child -> watch. JAIL_BUILT carries a descriptor of scratch.
 * Written by jail/inside.c, read by jail/supervise.c. */
enum jail_word { JAIL_BUILT = 1, JAIL_FAILED, JAIL_ENDED, JAIL_OVERDUE,
	JAIL_LISTEN,                 /* step: the listener's descriptor in the plugin; error: none */
	JAIL_PROVED };               /* step: how many questions were answered as they must be */

struct jail_message {
	uint32_t word;
	uint32_t phase;              /* JAIL_FAILED: enum phase, the step's number, errno */
	uint32_t step;
	int32_t error;
	int32_t wait_status;         /* JAIL_ENDED: of the plugin */
	uint64_t cpu_ns;             /* of init and what it reaped, so far */
	uint64_t max_rss;            /* bytes */
};

/* layout.c: the steps. struct planning is a plan while it is made (sandbox.c). */
struct planning {
	struct arena *arena;
	const struct sandbox_words *words;
	struct jail_plan *plan;
	struct step *step;
	size_t room;
	struct why *why;
};
void layout_plan(struct planning *p, const struct step *runtime, size_t count);

/* ---- inside.c: the child's whole life. System calls only. */
_Noreturn void jail_inside(const struct jail_plan *plan, const struct jail_ends *ends);

/* init.c: its first process, once the plugin is there: reaps, keeps a clock of its
 * own, and by its end all ends. status is its only descriptor. System calls only. */
#define INIT_HEARS (1ul << (SIGCHLD - 1) | 1ul << (SIGHUP - 1)) /* blocked, and read */
_Noreturn void jail_init(const struct jail_plan *plan, int status, long plugin);
uint64_t jail_cpu(void);         /* ns, the caller's own and of all it has reaped */
/* reap.c: ends all processes of a jail that has no pid namespace, and reaps them. By
 * init; and, of what a killed init left, by who inherited it: his own child spare is
 * left alone, 0: he has none. */
void jail_end_all(const struct jail_plan *plan);
void jail_end_left(const struct jail_plan *plan, pid_t spare);

/* prove.c: what must not be possible is tried, in the plugin's process, after the last
 * wall. False: *which was not as it must be, *got its errno or value. */
bool jail_prove(const struct jail_plan *plan, uint32_t *which, int *got);
#define PROOF_TOLD 1u            /* of its refused calls the watch hears so many */
/* Before it: what that wall lets nobody ask. */
bool jail_prove_self(const struct jail_plan *plan, uint32_t *which);
/* Before both, in init: what only init can say of itself. */
bool jail_prove_init(const struct jail_plan *plan, uint32_t *which);
const char *canary_name(uint32_t which);

/* profile.c: the embedded programs; NULL when there is none of that name. */
const struct sock_fprog *profile_filter(const char *name);
/* A copy in which every EPERM is a notification, but where the sixth argument is the
 * secret: those the proof asks by dozens, and each would be a way to the watch
 * and back. Random in each run; the plugin cannot read it, nor gain by it. */
const struct sock_fprog *profile_telling(struct arena *a, const struct sock_fprog *silent,
    uint64_t secret);

/* For --audit: the same, and of the calls that call_told names the allowed ones are
 * notifications too. */
const struct sock_fprog *profile_auditing(struct arena *a, const struct sock_fprog *silent,
    uint64_t secret);

/* bpf.c: what the program answers to this call. */
#define BPF_NOTHING 0xffffffffu  /* no answer: it is not of a known kind */
enum bpf_test { TEST_EQUAL, TEST_OVER, TEST_AT_LEAST, TEST_ANY_BIT };
uint32_t bpf_answer(const struct sock_fprog *p, const struct seccomp_data *d);
bool bpf_compare(uint32_t a, enum bpf_test test, uint32_t k);
int bpf_test_of(unsigned code);  /* which of them an instruction makes; -1: none */

/* ---- runtime.c: the steps that bring in the operator's --runtime: "system", or the
 * absolute path of an unpacked image. 0, or -1 with why (JAIL). */
int runtime_steps(struct arena *a, const char *runtime, const struct plugin *plugin,
    struct step **out, size_t *count, struct why *why);

/* ---- landlock.c: what this kernel can do, asked once; 0 when it has none ------- */
int landlock_abi(void);
/* The widest set of rights the ABI knows. */
uint64_t landlock_all(int abi);
uint64_t landlock_read(void);    /* read files and list directories */
uint64_t landlock_execute(void); /* the same and execute */
uint64_t landlock_write(int abi);/* everything but executing and making devices */
uint64_t landlock_device(void);  /* read and write one file */

/* ---- scratch.c: what it holds in files, where no mount has a ceiling --------------- */
struct scratch_use {
	uint64_t bytes, inodes;
	size_t nameless;             /* files without a name that were met */
	bool uncountable;            /* more directories in one another than can be walked */
};
/* Adds what is in the writable directories below root, as far as most_inodes. */
void scratch_tree(int root, uint64_t most_inodes, struct scratch_use *use);
void scratch_open(int pid, struct scratch_use *use);   /* and the nameless ones of a process */
uint64_t scratch_free(int root, uint64_t *total);      /* bytes of the file system */

/* ---- a live cell (sandbox.c spawns it, supervise.c watches it) ------------------ */
struct cell {
	const struct jail_plan *plan;
	pid_t init;                  /* the jail's pid 1, as seen here */
	int pidfd;
	int sync, status;            /* our ends */
	int scratch;                 /* O_PATH on the plan's scratch, or -1 */
	uint32_t proved;             /* namespaces that are its own, as apart.c saw */
	bool built;
	bool released;               /* the plugin was started, or may be */
	pid_t spared;                /* a child of ours that is not the jail's: the broker */
	bool over;                   /* reaped: every process of the jail is dead */
	struct jail_message failure; /* word JAIL_FAILED: why it could not be built */
};

/* cell.c: ends it and everything in it; idempotent. used: of init and all that it
 * reaped; or NULL. */
void cell_end(struct cell *cell, struct rusage *used);
/* A copy of another process's descriptor, close-on-exec; or -1 with errno. */
int descriptor_of(pid_t pid, int remote);

/* ---- apart.c: which of the namespaces that flags (of clone) ask for are init's own.
 * All of them: 0, and *proved says how many; else -1 with why (JAIL). */
int jail_apart(pid_t init, uint64_t flags, uint32_t *proved, struct why *why);

/* ---- ledger.c: what the kernel refused, by user notification; in the watch. Under
 * --audit also what it allowed. */
/* linux/seccomp.h, since 6.6 */
#define LEDGER_NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)
struct ledger {
	int fd;                      /* the kernel's notifications; -1: none */
	int control;                 /* the broker's pair */
	uint64_t born_ns;
	struct denials *into;
	const struct sock_fprog *silent; /* under --audit: who says what may go on; else NULL */
	struct audited *audited;     /* the same */
	uint32_t last_pid;           /* who called last, and its number in the jail */
	int32_t last_inside;
	unsigned waited;             /* for the broker, in vain */
	bool proving;                /* what is refused now is ours, and not counted */
	uint32_t asked;              /* by the proof */
};
/* Takes the listener, descriptor remote of init's only child. 0, or -1 with errno. */
int ledger_take(struct ledger *l, pid_t init, int remote);
/* Answers what waits: EPERM; under --audit "go on" to what the silent program allows,
 * and to nothing else. */
void ledger_serve(struct ledger *l);
void ledger_serve_proof(struct ledger *l); /* one of the proof, which waits already */
bool ledger_lets(const struct ledger *l, const struct seccomp_data *d); /* may it go on? */

/* ---- supervise.c: from clone to the last process's death ------------------------------ */
struct watch {
	const struct jail_plan *plan;/* for its words when a step failed */
	const struct limits *limits;
	int control;                 /* the broker's pair */
	pid_t broker;
	int supervisor;              /* its words: WATCH_RELEASE, the operator's signals */
	void (*tick)(uint64_t findings, uint64_t denials, const struct usage *); /* NULL, or the live line */
};

/* What happened, as facts; limits.c makes the ending of them. */
struct death {
	bool started;                /* the plugin was executed */
	bool timed_out, cpu_over, memory_over;
	bool pids_over, files_over;  /* in the weaker tiers, where the kernel has no ceiling */
	int operator_signal;         /* 0: none */
	bool broker_kill, broker_lost;
	int broker_signal;           /* it died of; 0: of none, or ours */
	bool watch_lost;             /* the watch died without a word: nothing else is known */
	int watch_signal;
	char broker_detail[160];
	bool reported;               /* wait_status is there */
	int wait_status;
	uint64_t plugin_max_rss;
	uint64_t own_max_rss;        /* ours: until execve it counts as the plugin's */
	uint64_t files_bytes;        /* what its tmpfs held at the end */
	int evidence_error;          /* errno the broker met while writing */
	bool tally_known;
	struct tally tally;
	struct usage usage;
	struct denials denials;
	struct audited audited;
	uint32_t proved;             /* questions of prove.c that were answered well */
	uint64_t moment[MOMENT_COUNT]; /* those that the watch saw */
};

/* Waits for JAIL_BUILT, BROKER_READY and WATCH_RELEASE, lets go, watches, kills,
 * drains, reaps both. 0, or -1 with why (JAIL, EVIDENCE) when nothing was executed. */
int supervise(struct cell *cell, const struct watch *watch, struct death *out, struct why *why);
/* Words for a JAIL_FAILED; also for doctor. -1 with why (JAIL). */
int jail_failure(const struct jail_plan *plan, const struct jail_message *m, struct why *why);

/* ---- watch.c: the process that does all that, and the supervisor's side of it ------ */
struct broker_plan; /* broker/broker.h */

struct watch_plan {
	const struct jail_plan *jail;
	struct broker_plan *broker;  /* all but its wires */
	const struct limits *limits;
	void (*tick)(uint64_t findings, uint64_t denials, const struct usage *);
};

struct watcher {
	pid_t pid;
	int wire;
};

#define WATCH_RELEASE 0u         /* no signal's number */

/* Forks it: it builds at once, and waits to be released. 0, or -1 with why (JAIL). */
int watch_start(const struct watch_plan *plan, struct watcher *out, struct why *why);
/* The supervisor has confined itself. */
void watch_release(const struct watcher *w);
/* Hands on the operator's signals; returns when everybody is dead but the watch, which
 * has no more to do. As supervise(). */
int watch_wait(struct watcher *w, int signals, struct death *out, struct why *why);
/* Returns when it is dead as well, and all it had, whatever was said before. */
void watch_end(struct watcher *w);

/* ---- snapshot.c: a tree of the operator's, read once, hashed while read ---------------- */
struct snapshot_file {
	const char *path;            /* relative, sorted by bytes */
	struct bytes bytes;
	unsigned char sha256[SHA256_SIZE];
	bool directory, executable;
};

struct snapshot {
	struct snapshot_file *file;
	size_t files;                /* directories count */
	uint64_t bytes, regular, skipped;
	unsigned char sha256[SHA256_SIZE]; /* of the listing: "hex  path\n" of each regular file */
};
#define INPUT_BYTES (1ull << 30)     /* a snapshot is held in memory */
#define INPUT_FILES 200000u
/* 0, or -1 with why (INPUT). Links, devices, sockets are skipped and counted. */
int snapshot_take(struct arena *a, const char *path, uint64_t max_bytes, uint64_t max_files,
    struct snapshot *out, struct why *why);
void snapshot_listing(const struct snapshot *s, struct buf *out);

/* ---- client.c: what the verbs of `oxg broker` share; they run in the jail, as the plugin ----- */
struct client;

struct client_words {                       /* left of the command line */
	char **word;
	int n;
};

/* What is left must be exactly count operands; else what, and the usage. */
void client_words_end(struct client_words *w, int count, const char *what);
/* members is the inside of params but for the token. The value of the result, or -1 with
 * the broker's sentence on stderr. */
int client_ask(struct client *c, const char *method, struct bytes members, struct json *answer);
void client_print(const struct json *answer, int result); /* and a newline */
const char *client_option(struct client_words *w, const char *name); /* taken out; NULL: not there */
/* handover.c: the exit status */
struct client_file {
	const char *method, *member, *name; /* member names it */
	const char *others;                 /* further members, each behind a comma */
};
int client_hand_over(struct client *c, const struct client_file *f, const char *source);
int verb_artifact_put(struct client *c, struct client_words *w);
int verb_artifact_list(struct client *c, struct client_words *w);
/* project.c: the exit status */
int verb_fs_list(struct client *c, struct client_words *w);
int verb_fs_read(struct client *c, struct client_words *w);
int verb_fs_write(struct client *c, struct client_words *w);
int verb_fs_delete(struct client *c, struct client_words *w);

#endif
