/*
 * prove.c - the proving step: after the last wall and before execve, what must not
 * be possible is tried. Runs in the plugin's process, which has every wall around
 * it and no byte of the plugin in it yet. One outcome that is not as it must be,
 * and nothing is executed.
 *
 * System calls only, like inside.c. A call that should be refused and is not may do
 * what it says: therefore each is harmless where it succeeds, as far as it can be.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

#include "jail/jail.h"
#include "jail/kernel.h"

#define CREATE (O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC)
#define P(path) ((long)(path))
#define CANARY_CAPABILITIES 64
#define CANARY_FDS 64
#define PATH_ROOM 4096

/* In which tiers a question is asked, and when besides. */
#define N (1u << TIER_NAMESPACES)
#define C (1u << TIER_CHROOT)
#define L (1u << TIER_LANDLOCK)
#define ALL (N | C | L)
#define STATIC_ONLY 0x10u     /* with a runtime it is there */
#define WALL 0x20u            /* Landlock alone refuses it */
#define TOLD 0x40u            /* by way of the watch */
#define ROOT 0x80u            /* root built the jail; an ordinary user could not have */

struct canary {
	const char *name;
	long arg[5];
	int16_t nr;
	uint8_t must, or;      /* errno; or: another one that is as good, 0: none */
	uint8_t where;
};

#define OPEN(path, flags, must, or, where)                                    \
	{ "open " path, { AT_FDCWD, P(path), flags }, SYS_openat, must, or, where }
/* Not there; where the host's tree is there, behind Landlock. */
#define GONE(path)                                                            \
	OPEN(path, O_PATH | O_CLOEXEC, ENOENT, 0, N | C),                     \
	OPEN(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, EACCES, ENOENT, L)
/* ENOSYS: from a filter around us, a container's perhaps. */
#define REFUSED(name, ...) { #name, { __VA_ARGS__ }, SYS_##name, EPERM, ENOSYS, ALL }
#define UNSEEN(name, ...) { #name " of the host", { __VA_ARGS__ }, SYS_##name, EPERM, ENOSYS, L }

static const struct canary canaries[] = {
	/* what is not there */
	OPEN("/etc/passwd", O_RDONLY | O_CLOEXEC, ENOENT, 0, N | C),
	OPEN("/etc/passwd", O_RDONLY | O_CLOEXEC, EACCES, ENOENT, L),
	OPEN("/../../../etc/passwd", O_RDONLY | O_CLOEXEC, ENOENT, 0, N | C),
	OPEN("/../../../etc/passwd", O_RDONLY | O_CLOEXEC, EACCES, ENOENT, L),
	OPEN("../../../../etc/hostname", O_RDONLY | O_CLOEXEC, ENOENT, 0, N | C),
	GONE("/etc/shadow"),
	OPEN("/proc/1/root", O_PATH | O_CLOEXEC, ENOENT, 0, N | C | STATIC_ONLY),
	OPEN("/proc", O_PATH | O_CLOEXEC, ENOENT, 0, N | C | STATIC_ONLY),
	OPEN("/proc/self/status", O_RDONLY | O_CLOEXEC, EACCES, ENOENT, L),
	OPEN("/usr", O_PATH | O_CLOEXEC, ENOENT, 0, N | C | STATIC_ONLY),
	OPEN("/usr", O_RDONLY | O_CLOEXEC, EACCES, ENOENT, L),
	GONE("/sys"), GONE("/run"), GONE("/var"), GONE("/root"), GONE("/boot"),
	GONE("/dev/mem"), GONE("/dev/kmsg"), GONE("/dev/tty"), GONE("/dev/ptmx"), GONE("/dev/shm"),
	GONE("/dev/fuse"),
	/* what cannot be written */
	OPEN("/oxg-canary", CREATE, EROFS, 0, N),
	OPEN("/bin/oxg-canary", CREATE, EROFS, 0, N),
	OPEN("/dev/oxg-canary", CREATE, EROFS, 0, N),
	OPEN("/home/oxg-canary", CREATE, EROFS, 0, N),
	OPEN("/oxg-canary", CREATE, EACCES, 0, C),
	OPEN("/bin/oxg-canary", CREATE, EACCES, 0, C),
	OPEN("/dev/oxg-canary", CREATE, EACCES, 0, C),
	OPEN("/home/oxg-canary", CREATE, EACCES, 0, C),
	/* a file without a name: should it succeed, nothing is left on the host */
	OPEN("/", O_TMPFILE | O_WRONLY | O_CLOEXEC, EACCES, EROFS, L),
	OPEN("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, EACCES, EROFS, L),
	OPEN("../bin", O_TMPFILE | O_WRONLY | O_CLOEXEC, EACCES, 0, L),
	OPEN("..", O_TMPFILE | O_WRONLY | O_CLOEXEC, EACCES, 0, L),
	/* Landlock alone refuses this one */
	OPEN("/dev/zero", O_WRONLY | O_CLOEXEC, EACCES, ENOENT, ALL | WALL),
	/* what Landlock does not see, the filter does not let by */
	{ "open the host with O_PATH", { AT_FDCWD, P("/"), O_PATH | O_CLOEXEC }, SYS_openat, EPERM, 0, L },
	{ "open the host to neither read nor write", { AT_FDCWD, P("/"), 3 | O_CLOEXEC }, SYS_openat, EPERM, 0, L },
	{ "open a file of the host so", { AT_FDCWD, P("/etc/passwd"), 3 | O_CLOEXEC }, SYS_openat, EPERM, 0, L },
	{ "truncate what is read", { AT_FDCWD, P("/tmp/oxg-none"), O_RDONLY | O_TRUNC }, SYS_openat, EPERM, 0, L },
	UNSEEN(newfstatat, AT_FDCWD, P("/etc/passwd"), 0, 0),
	UNSEEN(statx, AT_FDCWD, P("/etc/passwd"), 0, 0, 0),
	UNSEEN(readlinkat, AT_FDCWD, P("/proc/self/exe"), 0, 0),
	UNSEEN(faccessat, AT_FDCWD, P("/etc/shadow"), R_OK),
	UNSEEN(fchmodat, AT_FDCWD, P("/tmp/oxg-none"), 0600),
	UNSEEN(fchownat, AT_FDCWD, P("/tmp/oxg-none"), -1, -1, 0),
	UNSEEN(utimensat, AT_FDCWD, P("/tmp/oxg-none"), 0, 0),
	UNSEEN(setxattr, P("/tmp/oxg-none"), P("user.x"), 0, 0, 0),
	UNSEEN(truncate, P("/tmp/oxg-none"), 0),
	UNSEEN(statfs, P("/"), 0),
#ifdef SYS_stat
	UNSEEN(stat, P("/etc/passwd"), 0),
	UNSEEN(readlink, P("/proc/self/exe"), 0, 0),
	UNSEEN(access, P("/etc/shadow"), R_OK),
	UNSEEN(chmod, P("/tmp/oxg-none"), 0600),
#endif
	/* sockets */
	{ "socket AF_INET", { AF_INET, SOCK_STREAM | SOCK_CLOEXEC }, SYS_socket, EPERM, 0, ALL | TOLD },
	{ "socket AF_INET6", { AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC }, SYS_socket, EPERM, 0, ALL },
	{ "socket AF_UNIX", { AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC }, SYS_socket, EPERM, 0, ALL },
	{ "socket AF_NETLINK", { AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC }, SYS_socket, EPERM, 0, ALL },
	{ "socket AF_PACKET", { AF_PACKET, SOCK_RAW | SOCK_CLOEXEC }, SYS_socket, EPERM, 0, ALL },
	REFUSED(connect, 0, 0, 0),
	REFUSED(bind, 0, 0, 0),
	/* mounts, roots, namespaces */
	REFUSED(mount, P("none"), P("/tmp"), P("tmpfs")),
	REFUSED(umount2, P("/bin"), MNT_DETACH),
	REFUSED(pivot_root, P("/tmp"), P("/tmp")),
	REFUSED(chroot, P("/tmp")),
	REFUSED(open_tree, AT_FDCWD, P("/"), OPEN_TREE_CLONE | O_CLOEXEC),
	REFUSED(fsopen, P("tmpfs"), 1),
	REFUSED(mount_setattr, AT_FDCWD, P("/"), 0, 0, 0),
	REFUSED(unshare, CLONE_NEWUSER),
	REFUSED(setns, -1, 0),
	{ "clone CLONE_NEWUSER", { CLONE_NEWUSER | SIGCHLD }, SYS_clone, EPERM, 0, ALL },
	{ "clone CLONE_NEWNET", { CLONE_NEWNET | SIGCHLD }, SYS_clone, EPERM, 0, ALL },
	{ "clone3", { 0, 0 }, SYS_clone3, ENOSYS, EPERM, ALL },
	/* other processes */
	REFUSED(ptrace, 16 /* PTRACE_ATTACH */, 1),
	REFUSED(process_vm_readv, 1, 0, 0, 0, 0),
	REFUSED(process_vm_writev, 1, 0, 0, 0, 0),
	REFUSED(pidfd_getfd, -1, 0, 0),
	REFUSED(setpriority, 0, 1, 19),
	/* identity */
	REFUSED(setuid, 0),
	REFUSED(setgid, 0),
	REFUSED(setresuid, 0, 0, 0),
	REFUSED(setgroups, 0, 0),
	REFUSED(capset, 0, 0),
	REFUSED(seccomp, 2, 0, 0),
	REFUSED(personality, 0x40000 /* ADDR_NO_RANDOMIZE */),
	{ "prctl PR_SET_DUMPABLE", { PR_SET_DUMPABLE, 1 }, SYS_prctl, EPERM, 0, ALL },
	{ "prctl PR_CAP_AMBIENT_RAISE", { PR_CAP_AMBIENT, 2, 0 }, SYS_prctl, EPERM, 0, ALL },
	/* the kernel's own doors */
	REFUSED(bpf, -1, 0, 0),
	REFUSED(perf_event_open, 0, 0, -1, -1, 0),
	REFUSED(userfaultfd, O_CLOEXEC),
	REFUSED(io_uring_setup, 1, 0),
	REFUSED(keyctl, 0, -3, 0),
	REFUSED(add_key, 0, 0, 0, 0, -3),
	REFUSED(init_module, 0, 0, 0),
	REFUSED(kexec_load, 0, 0, 0, 0),
	REFUSED(reboot, 0, 0, 0),
	REFUSED(swapon, P("/tmp/none"), 0),
	REFUSED(sethostname, P(""), 0),
	REFUSED(settimeofday, 0, 0),
	REFUSED(syslog, 3, 0, 0),
	REFUSED(open_by_handle_at, -1, 0, 0),
	REFUSED(name_to_handle_at, AT_FDCWD, P("/"), 0, 0, 0),
	REFUSED(fanotify_init, 0, 0),
	REFUSED(acct, P("/tmp/none")),
	{ "ioctl TIOCSTI", { 0, TIOCSTI, P("x") }, SYS_ioctl, EPERM, 0, ALL },
	{ "ioctl TIOCSTI behind 32 bits", { 0, 0x100000000 | TIOCSTI, P("x") }, SYS_ioctl, EPERM, 0, ALL },
#ifdef SYS_mknod
	{ "mknod a device", { P("/tmp/oxg-canary"), S_IFCHR | 0600, 0x103 }, SYS_mknod, EPERM, EACCES, ALL },
#endif
#ifdef SYS_iopl
	REFUSED(iopl, 3),
	REFUSED(modify_ldt, 1, 0, 0),
#endif
	/* what it is now: the value, with nr's sign turned */
	{ "no new privileges", { PR_GET_NO_NEW_PRIVS }, -SYS_prctl, 1, 0, ALL },
	{ "seccomp filter", { PR_GET_SECCOMP }, -SYS_prctl, 2, 0, ALL },
	{ "secure bits", { PR_GET_SECUREBITS }, -SYS_prctl, SECUREBITS_LOCKED, 0, ALL | ROOT },
};

/* Beyond the table: what is asked before the last wall, which lets nobody ask, and
 * what is asked after it. */
#define QUESTIONS(X)                                                          \
	X(TOGETHER, "an end with the watch's")                                \
	X(HIDDEN, "memory that no neighbour may read")                        \
	X(USER, "its user, and no other")                                     \
	X(GROUP, "its group, and no other")                                   \
	X(GROUPS, "no further groups")                                        \
	X(CAPABILITIES, "no capability in any set")                           \
	X(BOUNDING, "an empty bounding set")                                  \
	X(SIGNALS, "no signal to a process out of the jail's reach")          \
	X(MASK, "no signal that is masked or ignored")                        \
	X(SESSION, "a session of its own")                                    \
	X(UMASK, "umask 077")                                                 \
	X(DIRECTORY, "the workspace as working directory")                    \
	X(HOST, "a host name of its own")                                     \
	X(NUMBER, "process 2 of a namespace of its own")                      \
	X(PROC, "nothing but the plugin's own in /proc")                      \
	X(ROOM, "a workspace as large as it may be")                          \
	X(MOUNTS, "mounts without setuid, devices and execution")             \
	X(DESCRIPTORS, "no descriptor that stays open")                       \
	X(LIMITS, "every resource limit")

enum question {
	BEFORE_QUESTIONS = COUNT(canaries) - 1,
#define X(name, text) Q_##name,
	QUESTIONS(X)
#undef X
	QUESTIONS_END
};

/* With the secret the filter itself refuses; one goes the plugin's way, by the
 * watch, who counts it (PROOF_TOLD). */
static int attempt(const struct canary *c, uint64_t secret)
{
	bool value = c->nr < 0;
	long r = syscall(value ? -c->nr : c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
	    c->arg[4], c->where & TOLD ? 0 : secret);

	if (value)
		return (int)r;
	return r < 0 ? errno : 0;
}

static bool dies_with_watch(void)
{
	int signal = 0;

	return syscall(SYS_prctl, PR_GET_PDEATHSIG, &signal) == 0 && signal == SIGKILL;
}

/* An id that is not mapped looks like 65534 as well; but only who has it already
 * may become it without a capability. */
static bool is_user(unsigned own)
{
	unsigned id[3] = { 0 };

	return syscall(SYS_getresuid, &id[0], &id[1], &id[2]) == 0 && id[0] == own &&
	    id[1] == own && id[2] == own && syscall(SYS_setreuid, own, own) == 0;
}

static bool is_group(unsigned own)
{
	unsigned id[3] = { 0 };

	return syscall(SYS_getresgid, &id[0], &id[1], &id[2]) == 0 && id[0] == own &&
	    id[1] == own && id[2] == own && syscall(SYS_setregid, own, own) == 0;
}

static bool has_no_capability(void)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data set[2] = { { 1, 1, 1 }, { 1, 1, 1 } };

	return syscall(SYS_capget, &header, set) == 0 &&
	    (set[0].effective | set[0].permitted | set[0].inheritable |
	    set[1].effective | set[1].permitted | set[1].inheritable) == 0;
}

static bool bounding_is_empty(void)
{
	long capability, r;

	for (capability = 0; capability < CANARY_CAPABILITIES; capability++) {
		r = syscall(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);
		if (r > 0)
			return false;
		if (r < 0)
			return errno == EINVAL && capability > 0; /* past the last one */
	}
	return true;
}

static bool same_text(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool is_in_workspace(const struct jail_plan *plan)
{
	char path[4096] = "";

	return syscall(SYS_getcwd, path, sizeof(path)) > 0 && same_text(path, plan->workspace);
}

static bool has_own_host(void)
{
	struct utsname name;

	return syscall(SYS_uname, &name) == 0 && same_text(name.nodename, "oxg") &&
	    same_text(name.domainname, "");
}

/* Execve hands on what is masked and what is ignored. */
static bool signals_are_reset(void)
{
	unsigned long masked = 1;
	int signal;

	if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &masked, sizeof(masked)) != 0 || masked != 0)
		return false;
	for (signal = 1; signal <= 64; signal++) {
		unsigned long action[4] = { 1 };

		if (syscall(SYS_rt_sigaction, signal, NULL, action, sizeof(masked)) != 0 || action[0] != 0)
			return false;
	}
	return true;
}

/* Where a runtime needs one; to a static plugin the table says that there is none. */
static bool proc_is_bare(void)
{
	static const char *const absent[] = { "/proc/1", "/proc/sys", "/proc/cmdline" };
	size_t i;

	for (i = 0; i < COUNT(absent); i++)
		if (syscall(SYS_faccessat, AT_FDCWD, absent[i], F_OK) == 0 || errno != ENOENT)
			return false;
	return true;
}

/* The kernel counts in pages. */
static bool room_is_bounded(const struct jail_plan *plan)
{
	struct statfs at;
	uint64_t page, bytes;

	if (syscall(SYS_statfs, "/workspace", &at) != 0)
		return false;
	page = (uint64_t)at.f_bsize;
	bytes = (uint64_t)at.f_blocks * page;
	return bytes >= plan->scratch_bytes && bytes - plan->scratch_bytes < page &&
	    (uint64_t)at.f_files == plan->scratch_inodes;
}

static bool is_tame(const char *path, unsigned long flags)
{
	struct statfs at;

	return syscall(SYS_statfs, path, &at) == 0 && ((unsigned long)at.f_flags & flags) == flags;
}

static bool is_tame_below_root(const char *relative, unsigned long flags)
{
	char path[PATH_ROOM] = "/";
	size_t n;

	for (n = 0; relative[n] != '\0'; n++) {
		if (n + 2 == sizeof(path))
			return false;
		path[n + 1] = relative[n];
	}
	return is_tame(path, flags); /* what is not set is zero */
}

/* What the plan mounts beyond the layout: input, task, a runtime's directories. */
static bool step_is_tame(const struct step *s)
{
	if (s->kind == STEP_READONLY)
		return is_tame_below_root(s->path, s->flags | ST_RDONLY);
	if (s->kind == STEP_TREE)
		return is_tame_below_root(s->path, ST_RDONLY | ST_NOSUID | ST_NODEV);
	return true;
}

static bool mounts_are_tame(const struct jail_plan *plan)
{
	static const struct {
		const char *path;
		unsigned long flags;
	} mount[] = {
		{ "/", ST_RDONLY | ST_NOSUID | ST_NODEV },
		{ "/bin", ST_RDONLY | ST_NOSUID | ST_NODEV },
		{ "/workspace", ST_NOSUID | ST_NODEV | ST_NOEXEC },
		{ "/tmp", ST_NOSUID | ST_NODEV | ST_NOEXEC },
		{ "/home/plugin", ST_NOSUID | ST_NODEV | ST_NOEXEC },
	};
	size_t i;

	for (i = 0; i < COUNT(mount); i++)
		if (!is_tame(mount[i].path, mount[i].flags))
			return false;
	for (i = 0; i < plan->steps; i++)
		if (!step_is_tame(&plan->step[i]))
			return false;
	return true;
}

/* What is left of putting up walls closes on execve. */
static bool nothing_leaks(void)
{
	long fd, flags;

	for (fd = 5; fd < CANARY_FDS; fd++) {
		flags = syscall(SYS_fcntl, fd, F_GETFD, 0);
		if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
			return false;
	}
	return true;
}

static bool limits_are_set(const struct jail_plan *plan)
{
	struct rlimit now;
	size_t i;

	for (i = 0; i < plan->rlimits; i++)
		if (syscall(SYS_prlimit64, 0, plan->rlimit[i].what, 0, &now) != 0 ||
		    now.rlim_cur != plan->rlimit[i].limit.rlim_cur ||
		    now.rlim_max != plan->rlimit[i].limit.rlim_max)
			return false;
	return true;
}

/* Init is the one process out of the jail's reach that it can name: in a weaker
 * tier it is of another user, or behind Landlock, or signals are no calls at all. */
static bool signals_stay_inside(void)
{
	return syscall(SYS_kill, syscall(SYS_getppid), 0) < 0 && errno == EPERM;
}

static bool answer(const struct jail_plan *plan, enum question q)
{
	switch (q) {
	case Q_TOGETHER:
		return dies_with_watch();
	case Q_HIDDEN:
		return syscall(SYS_prctl, PR_GET_DUMPABLE) == 0;
	case Q_USER:
		return is_user(plan->uid);
	case Q_GROUP:
		return is_group(plan->gid);
	case Q_GROUPS:
		return syscall(SYS_getgroups, 0, 0) == 0;
	case Q_CAPABILITIES:
		return has_no_capability();
	case Q_BOUNDING:
		return bounding_is_empty();
	case Q_SIGNALS:
		return signals_stay_inside();
	case Q_MASK:
		return signals_are_reset();
	case Q_SESSION:
		return syscall(SYS_getsid, 0) == syscall(SYS_getpid);
	case Q_UMASK:
		return syscall(SYS_umask, 077) == 077;
	case Q_DIRECTORY:
		return is_in_workspace(plan);
	case Q_HOST:
		return has_own_host();
	case Q_NUMBER:
		return syscall(SYS_getpid) == 2;
	case Q_PROC:
		return proc_is_bare();
	case Q_ROOM:
		return room_is_bounded(plan);
	case Q_MOUNTS:
		return mounts_are_tame(plan);
	case Q_DESCRIPTORS:
		return nothing_leaks();
	case Q_LIMITS:
		return limits_are_set(plan);
	case BEFORE_QUESTIONS:
	case QUESTIONS_END:
		break;
	}
	return false;
}

static bool applies_to(const struct jail_plan *plan, enum question q)
{
	bool spaces = plan->tier == TIER_NAMESPACES;

	switch (q) {
	case Q_GROUPS:
		return plan->privileged;
	case Q_BOUNDING:
		return spaces || plan->privileged;
	case Q_SIGNALS: /* init has the plugin's user where the spaces are: Landlock is between */
		return spaces ? plan->landlock_scope != 0 : plan->ends_by != ENDS_CHILDREN;
	case Q_PROC:
		return spaces && plan->with_runtime;
	case Q_TOGETHER:
	case Q_HIDDEN:
	case Q_HOST:
	case Q_NUMBER:
	case Q_ROOM:
	case Q_MOUNTS:
		return spaces;
	default:
		return true;
	}
}

static bool ask(const struct jail_plan *plan, uint32_t first, uint32_t last, uint32_t *which)
{
	for (*which = first; *which <= last; ++*which)
		if (applies_to(plan, (enum question)*which) && !answer(plan, (enum question)*which))
			return false;
	return true;
}

bool jail_prove_init(const struct jail_plan *plan, uint32_t *which)
{
	return ask(plan, Q_TOGETHER, Q_HIDDEN, which);
}

bool jail_prove_self(const struct jail_plan *plan, uint32_t *which)
{
	return ask(plan, Q_USER, Q_MOUNTS, which);
}

static bool applies(const struct jail_plan *plan, const struct canary *c)
{
	if ((c->where & 1u << plan->tier) == 0)
		return false;
	return !((c->where & STATIC_ONLY) && plan->with_runtime) &&
	    !((c->where & WALL) && plan->landlock_abi == 0) &&
	    !((c->where & ROOT) && plan->tier != TIER_NAMESPACES && !plan->privileged);
}

static uint32_t count_questions(const struct jail_plan *plan)
{
	uint32_t i, n = 0;

	for (i = 0; i < COUNT(canaries); i++)
		n += applies(plan, &canaries[i]);
	for (; i < QUESTIONS_END; i++)
		n += applies_to(plan, (enum question)i);
	return n;
}

static bool try_canaries(const struct jail_plan *plan, bool told, uint32_t *which, int *got)
{
	const struct canary *c;

	for (*which = 0; *which < COUNT(canaries); ++*which) {
		c = &canaries[*which];
		if (!applies(plan, c) || ((c->where & TOLD) != 0) != told)
			continue;
		*got = attempt(c, plan->secret);
		if (*got != c->must && (c->or == 0 || *got != c->or))
			return false;
	}
	*got = 0;
	return true;
}

/* Last what the watch has to answer, which takes the listener meanwhile. */
bool jail_prove(const struct jail_plan *plan, uint32_t *which, int *got)
{
	if (!try_canaries(plan, false, which, got) ||
	    !ask(plan, Q_DESCRIPTORS, Q_LIMITS, which) || !try_canaries(plan, true, which, got))
		return false;
	*which = count_questions(plan);
	return true;
}

/* ---- in the watch ------------------------------------------------------------------ */

const char *canary_name(uint32_t which)
{
	static const char *const words[] = {
#define X(name, text) text,
		QUESTIONS(X)
#undef X
	};

	if (which < COUNT(canaries))
		return canaries[which].name;
	return which < QUESTIONS_END ? words[which - COUNT(canaries)] : "an unknown question";
}
