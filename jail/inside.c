/*
 * inside.c - the child's life from clone to execve. Runs in the jail: as its first
 * process (which goes on in init.c), then also as the plugin's process before it is
 * executed.
 *
 * It walks the plan that sandbox.c made. It parses nothing, allocates nothing,
 * decides nothing, and calls the kernel only: after clone the memory is a copy of
 * the watch's, and every line here is one that an attacker would like to bend.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "jail/jail.h"
#include "jail/kernel.h"

#define REPORT_FD 5 /* the plugin's way to say that it could not be executed */
#define SYNC_FD 6   /* and to be told that it may be */
#define PLUGIN_FD 7 /* init's: the plugin's process, until it is released */
#define DEVICE_NULL (1u << 8 | 3)

/* What plugin and init keep, once their ends lie where they belong. */
static const struct jail_ends kept_ends = { .sync = SYNC_FD, .status = REPORT_FD };

/* ---- words to the watch -------------------------------------------------------- */

/* The one way to fail: say where and why, and be gone. Read by supervise.c. */
static _Noreturn void fail(int status_fd, enum phase phase, size_t step)
{
	struct jail_message m = {
		.word = JAIL_FAILED, .phase = phase,
		.step = (uint32_t)step, .error = errno,
	};

	SYS(write, status_fd, &m, sizeof(m), 0, 0);
	leave(127);
}

static void wait_for(const struct jail_ends *ends, char word, enum phase phase)
{
	char got = 0;
	long n;

	do
		n = SYS(read, ends->sync, &got, 1, 0, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0) /* the watch is dead: nobody would hear us */
		leave(126);
	if (n != 1 || got != word)
		fail(ends->status, phase, 0);
}

/* ---- identity ------------------------------------------------------------------ */

/* With signal init dies, or hears of it: when the watch is dead. */
static void take_identity(const struct jail_plan *plan, int status_fd, int signal)
{
	if (plan->privileged && SYS(setgroups, 0, 0, 0, 0, 0) != 0)
		fail(status_fd, PHASE_IDENTITY, 0);
	if (SYS(setresgid, plan->gid, plan->gid, plan->gid, 0, 0) != 0 ||
	    SYS(setresuid, plan->uid, plan->uid, plan->uid, 0, 0) != 0)
		fail(status_fd, PHASE_IDENTITY, 0);
	/* After the ids: changing them clears it. */
	if (SYS(prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0 ||
	    SYS(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fail(status_fd, PHASE_IDENTITY, 0);
}

/* Where the kernel makes nobody init, it inherits all the same. */
static void become_heir(const struct jail_ends *ends)
{
	if (SYS(prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 ||
	    SYS(prctl, PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0) != 0 ||
	    SYS(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fail(ends->status, PHASE_ORPHANS, 0);
}

/* ---- the file system ------------------------------------------------------------ */

static long write_file(const struct step *s)
{
	const unsigned char *p = s->bytes.p;
	size_t left = s->bytes.n;
	long fd, n;

	fd = SYS(openat, AT_FDCWD, s->path,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600, 0);
	if (fd < 0)
		return -1;
	for (; left > 0; p += n, left -= (size_t)n) {
		n = SYS(write, fd, p, left, 0, 0);
		if (n <= 0)
			return -1;
	}
	if (SYS(fchmod, fd, s->mode, 0, 0, 0) != 0)
		return -1;
	return SYS(close, fd, 0, 0, 0, 0);
}

static long make_dir(const struct jail_plan *plan, const struct step *s)
{
	if (SYS(mkdirat, AT_FDCWD, s->path, 0700, 0, 0) != 0 ||
	    SYS(fchmodat, AT_FDCWD, s->path, s->mode, 0, 0) != 0)
		return -1;
	return s->own && plan->privileged ?
	    SYS(fchownat, AT_FDCWD, s->path, plan->uid, plan->gid, 0) : 0;
}

/* Also where a node can be made and not be used. Without devices a program can do;
 * not without an empty file for its stdin. */
static long make_node(const struct step *s)
{
	struct step empty = *s;
	long fd;

	if (SYS(mknodat, AT_FDCWD, s->path, S_IFCHR | s->mode, s->flags, 0) == 0) {
		fd = SYS(openat, AT_FDCWD, s->path, O_RDONLY | O_CLOEXEC, 0, 0);
		if (fd >= 0)
			return SYS(close, fd, 0, 0, 0, 0);
		SYS(unlinkat, AT_FDCWD, s->path, 0, 0, 0);
	}
	if (s->flags != DEVICE_NULL)
		return 0;
	empty.mode = 0444;
	return write_file(&empty);
}

/* The base is a directory of the host's; from the first step on, the working
 * directory is the new root. */
static long mount_tmpfs(const struct jail_plan *plan, const struct step *s)
{
	bool root = s->path[0] == '.' && s->path[1] == '\0';
	const char *target = root ? plan->base : s->path;

	if (SYS(mount, "tmpfs", target, "tmpfs", s->flags, s->source) != 0)
		return -1;
	return root ? SYS(chdir, target, 0, 0, 0, 0) : 0;
}

static long mount_tree(const struct step *s, const int *tree)
{
	struct kernel_mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	};
	int fd = tree[s->tree];

	if (SYS(mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) != 0)
		return -1;
	return SYS(move_mount, fd, "", AT_FDCWD, s->path, MOVE_MOUNT_F_EMPTY_PATH);
}

static long take_step(const struct jail_plan *plan, const struct step *s, const int *tree)
{
	switch (s->kind) {
	case STEP_DIR:
		return make_dir(plan, s);
	case STEP_TMPFS:
		return mount_tmpfs(plan, s);
	case STEP_BIND:
		return SYS(mount, s->source, s->path, NULL, MS_BIND, NULL);
	case STEP_TREE:
		return mount_tree(s, tree);
	case STEP_FILE:
		return write_file(s);
	case STEP_LINK:
		return SYS(symlinkat, s->source, AT_FDCWD, s->path, 0, 0);
	case STEP_NODE:
		return make_node(s);
	case STEP_REMOVE:
		return SYS(unlinkat, AT_FDCWD, s->path, 0, 0, 0);
	case STEP_PROC:
		return SYS(mount, "proc", s->path, "proc", s->flags, s->source);
	case STEP_READONLY:
		return SYS(mount, NULL, s->path, NULL,
		    MS_REMOUNT | MS_BIND | MS_RDONLY | s->flags, NULL);
	}
	errno = EINVAL;
	return -1;
}

static void take_steps(const struct jail_plan *plan, const struct jail_ends *ends, const int *tree)
{
	size_t i;

	for (i = 0; i < plan->steps; i++)
		if (take_step(plan, &plan->step[i], tree) != 0)
			fail(ends->status, PHASE_STEP, i);
}

static void build_root(const struct jail_plan *plan, const struct jail_ends *ends)
{
	int tree[JAIL_TREES];
	size_t i;

	SYS(umask, 0, 0, 0, 0, 0);
	if (SYS(mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		fail(ends->status, PHASE_PRIVATE, 0);
	for (i = 0; i < plan->trees; i++) {
		tree[i] = (int)SYS(open_tree, AT_FDCWD, plan->tree[i],
		    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE, 0, 0);
		if (tree[i] < 0)
			fail(ends->status, PHASE_TREES, i);
	}
	take_steps(plan, ends, tree);
	if (SYS(pivot_root, ".", ".", 0, 0, 0) != 0 ||
	    SYS(umount2, ".", MNT_DETACH, 0, 0, 0) != 0 ||
	    SYS(chdir, "/", 0, 0, 0, 0) != 0)
		fail(ends->status, PHASE_PIVOT, 0);
	SYS(umask, 077, 0, 0, 0, 0);
	if (SYS(sethostname, "oxg", 3, 0, 0, 0) != 0 || SYS(setdomainname, "", 0, 0, 0, 0) != 0)
		fail(ends->status, PHASE_HOSTNAME, 0);
}

/* The same in a directory, where nothing can be mounted. */
static void build_place(const struct jail_plan *plan, const struct jail_ends *ends)
{
	static const int none[JAIL_TREES];

	SYS(umask, 0, 0, 0, 0, 0);
	if (SYS(fchdir, plan->base_fd, 0, 0, 0, 0) != 0)
		fail(ends->status, PHASE_PIVOT, 0);
	take_steps(plan, ends, none);
	SYS(umask, 077, 0, 0, 0, 0);
	if (plan->tier == TIER_CHROOT &&
	    (SYS(chroot, ".", 0, 0, 0, 0) != 0 || SYS(chdir, "/", 0, 0, 0, 0) != 0))
		fail(ends->status, PHASE_PIVOT, 0);
}

/* ---- rights ---------------------------------------------------------------------- */

/* Who had no rights to begin with may not touch the sets that bound them; then no
 * new privileges stands for them. EINVAL: past the last one this kernel has. */
static void drop_for_good(const struct jail_ends *ends)
{
	unsigned long capability;

	for (capability = 0; capability < 64; capability++)
		if (SYS(prctl, PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
			if (errno == EINVAL && capability > 0)
				break;
			fail(ends->status, PHASE_CAPABILITIES, 0);
		}
	if (SYS(prctl, PR_SET_SECUREBITS, SECUREBITS_LOCKED, 0, 0, 0) != 0)
		fail(ends->status, PHASE_CAPABILITIES, 0);
}

static void keep_capabilities(int status_fd, uint32_t kept)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	const struct kernel_cap_data set[2] = { { kept, kept, 0 }, { 0 } };

	if (SYS(capset, &header, set, 0, 0, 0) != 0)
		fail(status_fd, PHASE_CAPABILITIES, 0);
}

static void drop_rights(const struct jail_plan *plan, const struct jail_ends *ends, uint32_t kept)
{
	if (plan->tier == TIER_NAMESPACES || plan->privileged)
		drop_for_good(ends);
	if (SYS(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		fail(ends->status, PHASE_CAPABILITIES, 0);
	keep_capabilities(ends->status, kept);
	if (SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fail(ends->status, PHASE_PRIVILEGES, 0);
}

/* Init's signals reach who is in its own domain, the jail, and nobody else: the
 * watch must be out of reach, or they would reach all that its user has. */
static void put_up_scope(const struct jail_ends *ends)
{
	struct kernel_landlock_ruleset wall = { .scoped = LL_SCOPE_SIGNAL };
	long ruleset = SYS(landlock_create_ruleset, &wall, sizeof(wall), 0, 0, 0);

	if (ruleset < 0 || SYS(landlock_restrict_self, ruleset, 0, 0, 0, 0) != 0)
		fail(ends->status, PHASE_SCOPE, 0);
	SYS(close, ruleset, 0, 0, 0, 0);
	if (SYS(kill, SYS(getppid, 0, 0, 0, 0, 0), 0, 0, 0, 0) == 0 || errno != EPERM)
		fail(ends->status, PHASE_SCOPE, 0);
}

static void put_up_landlock(const struct jail_plan *plan)
{
	struct kernel_landlock_ruleset wall = {
		.fs = plan->landlock_fs, .net = plan->landlock_net,
		.scoped = plan->landlock_scope,
	};
	long ruleset, fd;
	size_t i;

	if (plan->landlock_abi == 0)
		return;
	ruleset = SYS(landlock_create_ruleset, &wall,
	    LANDLOCK_RULESET_SIZE(plan->landlock_abi), 0, 0, 0);
	if (ruleset < 0)
		fail(REPORT_FD, PHASE_LANDLOCK, 0);
	for (i = 0; i < plan->rules; i++) {
		struct kernel_landlock_path rule = { .access = plan->rule[i].access };

		fd = SYS(openat, AT_FDCWD, plan->rule[i].path, O_PATH | O_CLOEXEC, 0, 0);
		rule.fd = (int32_t)fd;
		if (fd < 0 && plan->rule[i].optional && errno == ENOENT)
			continue;
		if (fd < 0 || SYS(landlock_add_rule, ruleset,
		    LANDLOCK_RULE_PATH, &rule, 0, 0) != 0)
			fail(REPORT_FD, PHASE_LANDLOCK, i + 1);
	}
	/* Execve closes them all. */
	if (SYS(landlock_restrict_self, ruleset, 0, 0, 0, 0) != 0)
		fail(REPORT_FD, PHASE_LANDLOCK, 0);
}

/* ---- the plugin's process, up to execve --------------------------------------------- */

/* Ends are at JAIL_FIRST_FD or above, so nothing is overwritten before it is moved. */
static void take_descriptors(const struct jail_plan *plan, const struct jail_ends *ends)
{
	long in = SYS(openat, AT_FDCWD, plan->stdin_path, O_RDONLY, 0, 0);

	if (in >= 0 && in < JAIL_FIRST_FD)
		in = SYS(fcntl, in, F_DUPFD_CLOEXEC, JAIL_FIRST_FD, 0, 0);
	if (SYS(dup3, ends->status, REPORT_FD, O_CLOEXEC, 0, 0) < 0)
		leave(127);
	if (in < 0 || SYS(dup3, in, 0, 0, 0, 0) < 0 ||
	    SYS(dup3, ends->out, 1, 0, 0, 0) < 0 ||
	    SYS(dup3, ends->err, 2, 0, 0, 0) < 0 ||
	    SYS(dup3, ends->answers, 3, 0, 0, 0) < 0 ||
	    SYS(dup3, ends->requests, 4, 0, 0, 0) < 0 ||
	    SYS(dup3, ends->sync, SYNC_FD, O_CLOEXEC, 0, 0) < 0 ||
	    SYS(close_range, SYNC_FD + 1, ~0U, 0, 0, 0) != 0)
		fail(REPORT_FD, PHASE_DESCRIPTORS, 0);
}

/* A caller may have left signals ignored or blocked: nohup, a shell's "trap ''". */
static void reset_signals(void)
{
	unsigned long action[4] = { 0 }, none = 0;
	int signal;

	for (signal = 1; signal <= 64; signal++)
		SYS(rt_sigaction, signal, action, NULL, sizeof(none), 0);
	SYS(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none), 0);
}

/* Allowed calls that wait for the watch's "go on" are not to be broken off by a
 * signal: they would begin again, and be told twice. Older kernels do not know it. */
static long listen_to(const struct jail_plan *plan)
{
	long listener = -1;

	if (plan->audit)
		listener = SYS(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER |
		    FILTER_FLAG_WAIT_KILLABLE_RECV, plan->telling, 0, 0);
	if (listener >= 0 || (plan->audit && errno != EINVAL))
		return listener;
	return SYS(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
	    plan->telling, 0, 0);
}

/*
 * The last wall: what comes after it must be in the profile. Refused calls are told
 * to the watch, who takes the listener from us, while we go on to the first call
 * that it has to answer; for that we are dumpable, as every program is after execve.
 * Under an outer filter with a listener of its own the kernel allows no second one:
 * then they are refused in silence, and it is said. The listener, or -1.
 */
static long put_up_filter(const struct jail_plan *plan)
{
	struct jail_message m = { .word = JAIL_LISTEN };
	long listener = -1;

	errno = EACCES;
	if (plan->telling != NULL && SYS(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0) == 0)
		listener = listen_to(plan);
	if (listener >= 0) {
		m.step = (uint32_t)listener;
		SYS(write, REPORT_FD, &m, sizeof(m), 0, 0);
		return listener;
	}
	m.error = errno;
	if (plan->audit) /* what was asked for and cannot be had is not left out in silence */
		fail(REPORT_FD, PHASE_AUDIT, 0);
	SYS(write, REPORT_FD, &m, sizeof(m), 0, 0);
	if (SYS(seccomp, SECCOMP_SET_MODE_FILTER, 0, plan->filter, 0, 0) != 0)
		fail(REPORT_FD, PHASE_SECCOMP, 0);
	return -1;
}

static void prove_init(const struct jail_plan *plan, const struct jail_ends *ends)
{
	uint32_t which;

	if (!jail_prove_init(plan, &which)) {
		errno = 0;
		fail(ends->status, PHASE_PROOF, which);
	}
}

static void prove_self(const struct jail_plan *plan)
{
	uint32_t which;

	if (!jail_prove_self(plan, &which)) {
		errno = 0;
		fail(REPORT_FD, PHASE_PROOF, which);
	}
}

/* Nothing is executed in a jail that is not what it must be. Once its last question
 * is answered, the watch has its own copy of the listener. */
static void prove(const struct jail_plan *plan, long listener)
{
	struct jail_message m = { .word = JAIL_PROVED };
	int got;

	if (!jail_prove(plan, &m.step, &got)) {
		errno = got;
		fail(REPORT_FD, PHASE_PROOF, m.step);
	}
	if (listener >= 0)
		SYS(close, listener, 0, 0, 0, 0);
	SYS(write, REPORT_FD, &m, sizeof(m), 0, 0);
}

static _Noreturn void become_plugin(const struct jail_plan *plan, const struct jail_ends *ends)
{
	size_t i;

	take_descriptors(plan, ends);
	if (plan->tier != TIER_NAMESPACES) {
		take_identity(plan, REPORT_FD, SIGKILL);
		keep_capabilities(REPORT_FD, 0);
	}
	if (SYS(setsid, 0, 0, 0, 0, 0) < 0)
		fail(REPORT_FD, PHASE_SESSION, 0);
	put_up_landlock(plan);
	for (i = 0; i < plan->rlimits; i++)
		if (SYS(prlimit64, 0, plan->rlimit[i].what, &plan->rlimit[i].limit, NULL, 0) != 0)
			fail(REPORT_FD, PHASE_LIMITS, i);
	reset_signals();
	SYS(chdir, plan->workspace, 0, 0, 0, 0);
	prove_self(plan);
	prove(plan, put_up_filter(plan));
	wait_for(&kept_ends, JAIL_GO, PHASE_GO);
	SYS(execve, plan->exec_path, plan->argv, plan->envp, 0, 0);
	fail(REPORT_FD, PHASE_EXEC, 0);
}

/* ---- the first process ---------------------------------------------------------------- */

/* JAIL_BUILT with a descriptor of scratch, so that its use is seen. */
static void report_built(const struct jail_plan *plan, const struct jail_ends *ends)
{
	struct jail_message m = { .word = JAIL_BUILT };
	struct iovec part = { &m, sizeof(m) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int scratch = (int)SYS(openat, AT_FDCWD, plan->scratch, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);

	if (scratch < 0)
		fail(ends->status, PHASE_DESCRIPTORS, 0);
	m.cpu_ns = jail_cpu();
	memset(&control, 0, sizeof(control));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.head), &scratch, sizeof(scratch));
	if (SYS(sendmsg, ends->status, &header, MSG_NOSIGNAL, 0, 0) != (long)sizeof(m))
		leave(126);
	SYS(close, scratch, 0, 0, 0, 0);
}

/* Rights that end processes of another user and become that user; the plugin's
 * process gives them up in its turn. */
#define INIT_KEEPS (CAP_BIT_KILL | CAP_BIT_SETUID | CAP_BIT_SETGID)

static void build(const struct jail_plan *plan, const struct jail_ends *ends)
{
	if (plan->tier == TIER_NAMESPACES) {
		take_identity(plan, ends->status, SIGKILL);
		build_root(plan, ends);
		report_built(plan, ends);
		drop_rights(plan, ends, 0);
		return;
	}
	become_heir(ends);
	build_place(plan, ends);
	report_built(plan, ends);
	drop_rights(plan, ends, plan->privileged ? INIT_KEEPS : 0);
	if (plan->ends_by == ENDS_DOMAIN)
		put_up_scope(ends);
}

/* Or the end of the plugin's process, which was to wait for it as well. */
static void await_go(void)
{
	struct pollfd on[] = { { .fd = SYNC_FD, .events = POLLIN }, { .fd = PLUGIN_FD, .events = POLLIN } };

	while (SYS(ppoll, on, COUNT(on), NULL, NULL, 0) < 0 && errno == EINTR)
		;
	if (on[0].revents == 0)
		leave(126);
	wait_for(&kept_ends, JAIL_GO, PHASE_GO);
}

_Noreturn void jail_inside(const struct jail_plan *plan, const struct jail_ends *ends)
{
	static const unsigned long heard = INIT_HEARS;
	int pidfd = -1;
	long plugin;

	/* While we hold the watch's end ourselves, its death is no end of file. */
	SYS(close, ends->sync_far, 0, 0, 0, 0);
	wait_for(ends, JAIL_MAPPED, PHASE_MAPS);
	build(plan, ends);
	prove_init(plan, ends);
	SYS(rt_sigprocmask, SIG_BLOCK, &heard, NULL, sizeof(heard), 0);
	plugin = SYS(clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (plugin < 0)
		fail(ends->status, PHASE_FORK, 0);
	if (plugin == 0)
		become_plugin(plan, ends);
	/* Init keeps its report line and nothing else: no pipe of the plugin's. Its clock
	 * begins with "go", as the watch's does. */
	if (SYS(dup3, ends->status, REPORT_FD, O_CLOEXEC, 0, 0) < 0 ||
	    SYS(dup3, ends->sync, SYNC_FD, O_CLOEXEC, 0, 0) < 0 ||
	    SYS(dup3, pidfd, PLUGIN_FD, O_CLOEXEC, 0, 0) < 0 ||
	    SYS(close_range, PLUGIN_FD + 1, ~0U, 0, 0, 0) != 0)
		fail(ends->status, PHASE_DESCRIPTORS, 0);
	SYS(close_range, 0, REPORT_FD - 1, 0, 0, 0);
	await_go();
	SYS(close_range, SYNC_FD, PLUGIN_FD, 0, 0, 0);
	jail_init(plan, REPORT_FD, plugin);
}
