/*
 * jail.h - the door: from a plan to a live cell to its end. The plan is made in
 * the supervisor (sandbox.c, profile.c, runtime.c, snapshot.c) and walked in the
 * child (inside.c), which parses nothing, allocates nothing and decides nothing.
 */
#ifndef OXG_JAIL_H
#define OXG_JAIL_H

#include <signal.h>
#include <sys/resource.h>

#include "oxg.h"

struct sock_fprog;

/* ---- the plan: a list of steps ----------------------------------------------- */
#define STEPS(X)                                                                 \
	X(DIR, "make directory")                                                \
	X(TMPFS, "mount a private tmpfs on")                                    \
	X(BIND, "bind")                /* source -> path, one mount, writable as is */ \
	X(TREE, "bind read-only")      /* source -> path, with all below, ro nosuid nodev */ \
	X(FILE, "write")               /* bytes -> path */                      \
	X(LINK, "make link")           /* path -> source */                     \
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
	const char *source;     /* BIND, TREE: host path; LINK: target; TMPFS, PROC: options */
	struct bytes bytes;     /* FILE */
	unsigned mode;          /* DIR, FILE */
	unsigned long flags;    /* TMPFS, READONLY: MS_* */
	int tree;               /* TREE: index of the descriptor taken beforehand */
};

/* Phases the child can fail in beyond its steps; the supervisor words them. */
#define PHASES(X)                                                                \
	X(NONE, "")                                                             \
	X(MAPS, "be given its identity")                                        \
	X(IDENTITY, "become uid and gid 65534")                                 \
	X(TREES, "open the source of a read-only bind")                         \
	X(PRIVATE, "make its mounts private")                                   \
	X(STEP, "")  /* the step's own words */                                 \
	X(PIVOT, "leave the host's root behind")                                \
	X(HOSTNAME, "set its host name")                                        \
	X(LOOPBACK, "check its network")                                        \
	X(CAPABILITIES, "drop its capabilities")                                \
	X(PRIVILEGES, "give up gaining privileges")                             \
	X(FORK, "fork the plugin")                                              \
	X(SESSION, "start a new session")                                       \
	X(LIMITS, "set a resource limit")                                       \
	X(DESCRIPTORS, "hand over its descriptors")                             \
	X(LANDLOCK, "put up the Landlock wall")                                 \
	X(SECCOMP, "load its system call filter")                               \
	X(EXEC, "execute")

enum phase {
#define X(name, aim) PHASE_##name,
	PHASES(X)
#undef X
};

struct landlock_rule { const char *path; bool write; };

#define JAIL_TREES 32
#define JAIL_RLIMITS 16

struct jail_plan {
	const char *base;            /* a host directory to put the new root on */
	const struct step *step;
	size_t steps;
	const char *tree[JAIL_TREES];/* host paths of the TREE steps, opened before the root goes */
	size_t trees;
	unsigned host_uid, host_gid; /* what 65534 is outside */
	bool privileged;             /* the supervisor is root: groups can be dropped */
	int landlock_abi;            /* 0: the kernel has none */
	const struct landlock_rule *rule;
	size_t rules;
	struct { int what; struct rlimit limit; } rlimit[JAIL_RLIMITS];
	size_t rlimits;
	const struct sock_fprog *filter;
	const char *profile;         /* "static" or "runtime" */
	const char *stdin_path;      /* in the jail: /dev/null or /workspace/task.json */
	const char *exec_path;       /* in the jail */
	char *const *argv;
	char *const *envp;
	const char *writable_probe;  /* a path on the writable tmpfs, for its use */
};

/* What the supervisor hands to the child through clone. */
struct jail_ends {
	int sync;                    /* reads one byte when mapped, one to go */
	int status;                  /* struct jail_message, to the supervisor */
	int out, err, answers, requests; /* become 1, 2, 3, 4 */
};

/* Child -> supervisor. Written by jail/inside.c, read by jail/supervise.c. */
enum jail_word { JAIL_BUILT = 1, JAIL_FAILED, JAIL_ENDED };

struct jail_message {
	uint32_t word;
	uint32_t phase;              /* JAIL_FAILED: enum phase, the step's number, errno */
	uint32_t step;
	int32_t error;
	int32_t wait_status;         /* JAIL_ENDED: of the plugin */
	uint64_t cpu_ns;             /* of the plugin and what it waited for */
	uint64_t max_rss;            /* bytes */
};

/* inside.c: the child's whole life. System calls only. */
_Noreturn void jail_inside(const struct jail_plan *plan, const struct jail_ends *ends);

/* profile.c: the embedded programs; NULL when there is none of that name. */
const struct sock_fprog *profile_filter(const char *name);

/* runtime.c: links and binds for the operator's --runtime; appends steps. */

/* snapshot.c: a tree of the operator's, read once, hashed while read. */
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
/* 0, or -1 with why (INPUT). Links, devices, sockets are skipped and counted. */
int snapshot_take(struct arena *a, const char *path, uint64_t max_bytes, uint64_t max_files,
    struct snapshot *out, struct why *why);
void snapshot_listing(const struct snapshot *s, struct buf *out);

/* supervise.c: see there. */

#endif
