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

enum where { BOTH, STATIC_ONLY, LANDLOCK, TOLD };

struct canary {
	const char *name;
	long nr, arg[5];
	int must, or;          /* errno; or: another one that is as good, 0: none */
	enum where where;
};

#define OPEN(path, flags, must, or, where)                                    \
	{ "open " path, SYS_openat, { AT_FDCWD, P(path), flags }, must, or, where }
/* ENOSYS: from a filter around us, a container's perhaps. */
#define REFUSED(name, ...) { #name, SYS_##name, { __VA_ARGS__ }, EPERM, ENOSYS, BOTH }

static const struct canary canaries[] = {
	/* what is not there */
	OPEN("/etc/passwd", O_RDONLY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/etc/shadow", O_RDONLY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/../../../etc/passwd", O_RDONLY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("../../../../etc/hostname", O_RDONLY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/proc/1/root", O_PATH | O_CLOEXEC, ENOENT, 0, STATIC_ONLY),
	OPEN("/proc", O_PATH | O_CLOEXEC, ENOENT, 0, STATIC_ONLY),
	OPEN("/usr", O_PATH | O_CLOEXEC, ENOENT, 0, STATIC_ONLY),
	OPEN("/sys", O_PATH | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/run", O_PATH | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/var", O_PATH | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/root", O_PATH | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/boot", O_PATH | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/dev/mem", O_RDONLY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/dev/kmsg", O_RDONLY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/dev/shm", O_PATH | O_CLOEXEC, ENOENT, 0, BOTH),
	OPEN("/dev/fuse", O_RDWR | O_CLOEXEC, ENOENT, 0, BOTH),
	/* what cannot be written */
	OPEN("/oxg-canary", CREATE, EROFS, 0, BOTH),
	OPEN("/bin/oxg-canary", CREATE, EROFS, 0, BOTH),
	OPEN("/dev/oxg-canary", CREATE, EROFS, 0, BOTH),
	OPEN("/home/oxg-canary", CREATE, EROFS, 0, BOTH),
	/* Landlock alone refuses this one */
	OPEN("/dev/zero", O_WRONLY | O_CLOEXEC, EACCES, 0, LANDLOCK),
	/* sockets */
	{ "socket AF_INET", SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC }, EPERM, 0, TOLD },
	{ "socket AF_INET6", SYS_socket, { AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC }, EPERM, 0, BOTH },
	{ "socket AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC }, EPERM, 0, BOTH },
	{ "socket AF_NETLINK", SYS_socket, { AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC }, EPERM, 0, BOTH },
	{ "socket AF_PACKET", SYS_socket, { AF_PACKET, SOCK_RAW | SOCK_CLOEXEC }, EPERM, 0, BOTH },
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
	{ "clone CLONE_NEWUSER", SYS_clone, { CLONE_NEWUSER | SIGCHLD }, EPERM, 0, BOTH },
	{ "clone CLONE_NEWNET", SYS_clone, { CLONE_NEWNET | SIGCHLD }, EPERM, 0, BOTH },
	{ "clone3", SYS_clone3, { 0, 0 }, ENOSYS, EPERM, BOTH },
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
	{ "prctl PR_SET_DUMPABLE", SYS_prctl, { PR_SET_DUMPABLE, 1 }, EPERM, 0, BOTH },
	{ "prctl PR_CAP_AMBIENT_RAISE", SYS_prctl, { PR_CAP_AMBIENT, 2, 0 }, EPERM, 0, BOTH },
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
	{ "ioctl TIOCSTI", SYS_ioctl, { 0, TIOCSTI, P("x") }, EPERM, 0, BOTH },
	{ "ioctl TIOCSTI behind 32 bits", SYS_ioctl, { 0, 0x100000000 | TIOCSTI, P("x") }, EPERM, 0, BOTH },
#ifdef SYS_mknod
	{ "mknod a device", SYS_mknod, { P("/tmp/oxg-canary"), S_IFCHR | 0600, 0x103 }, EPERM, EACCES, BOTH },
#endif
#ifdef SYS_iopl
	REFUSED(iopl, 3),
	REFUSED(modify_ldt, 1, 0, 0),
#endif
	/* what it is now: the value, with nr's sign turned */
	{ "no new privileges", -SYS_prctl, { PR_GET_NO_NEW_PRIVS }, 1, 0, BOTH },
	{ "seccomp filter", -SYS_prctl, { PR_GET_SECCOMP }, 2, 0, BOTH },
	{ "secure bits", -SYS_prctl, { PR_GET_SECUREBITS }, SECUREBITS_LOCKED, 0, BOTH },
};

/* Beyond the table: what is asked before the last wall, which lets nobody ask, and
 * what is asked after it. */
#define QUESTIONS(X)                                                          \
	X(USER, "user 65534, and no other")                                   \
	X(GROUP, "group 65534, and no other")                                 \
	X(GROUPS, "no further groups")                                        \
	X(CAPABILITIES, "no capability in any set")                           \
	X(BOUNDING, "an empty bounding set")                                  \
	X(SESSION, "a session of its own")                                    \
	X(UMASK, "umask 077")                                                 \
	X(DIRECTORY, "working directory /workspace")                          \
	X(HOST, "a host name of its own")                                     \
	X(NUMBER, "process 2 of a namespace of its own")                      \
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
 * supervisor, who counts it (PROOF_TOLD). */
static int attempt(const struct canary *c, uint64_t secret)
{
	bool value = c->nr < 0;
	long r = syscall(value ? -c->nr : c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3],
	    c->arg[4], c->where == TOLD ? 0 : secret);

	if (value)
		return (int)r;
	return r < 0 ? errno : 0;
}

/* An id that is not mapped looks like 65534 as well; but only who has it already
 * may become it without a capability. */
static bool is_user(void)
{
	unsigned id[3] = { 0 };

	return syscall(SYS_getresuid, &id[0], &id[1], &id[2]) == 0 && id[0] == JAIL_ID &&
	    id[1] == JAIL_ID && id[2] == JAIL_ID && syscall(SYS_setreuid, JAIL_ID, JAIL_ID) == 0;
}

static bool is_group(void)
{
	unsigned id[3] = { 0 };

	return syscall(SYS_getresgid, &id[0], &id[1], &id[2]) == 0 && id[0] == JAIL_ID &&
	    id[1] == JAIL_ID && id[2] == JAIL_ID && syscall(SYS_setregid, JAIL_ID, JAIL_ID) == 0;
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

static bool is_in_workspace(void)
{
	char path[64] = "";

	return syscall(SYS_getcwd, path, sizeof(path)) > 0 && same_text(path, "/workspace");
}

static bool has_own_host(void)
{
	struct utsname name;

	return syscall(SYS_uname, &name) == 0 && same_text(name.nodename, "oxg");
}

static bool mounts_are_tame(void)
{
	static const struct {
		const char *path;
		long flags;
	} mount[] = {
		{ "/", ST_RDONLY | ST_NOSUID | ST_NODEV },
		{ "/bin", ST_RDONLY | ST_NOSUID | ST_NODEV },
		{ "/workspace", ST_NOSUID | ST_NODEV | ST_NOEXEC },
		{ "/tmp", ST_NOSUID | ST_NODEV | ST_NOEXEC },
		{ "/home/plugin", ST_NOSUID | ST_NODEV | ST_NOEXEC },
	};
	struct statfs at;
	size_t i;

	for (i = 0; i < COUNT(mount); i++)
		if (syscall(SYS_statfs, mount[i].path, &at) != 0 ||
		    ((long)at.f_flags & mount[i].flags) != mount[i].flags)
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

/* Where the kernel lets us drop them: an ordinary user keeps its groups. */
static bool has_no_groups(const struct jail_plan *plan)
{
	return !plan->privileged || syscall(SYS_getgroups, 0, 0) == 0;
}

static bool answer(const struct jail_plan *plan, enum question q)
{
	switch (q) {
	case Q_USER:
		return is_user();
	case Q_GROUP:
		return is_group();
	case Q_GROUPS:
		return has_no_groups(plan);
	case Q_CAPABILITIES:
		return has_no_capability();
	case Q_BOUNDING:
		return bounding_is_empty();
	case Q_SESSION:
		return syscall(SYS_getsid, 0) == syscall(SYS_getpid);
	case Q_UMASK:
		return syscall(SYS_umask, 077) == 077;
	case Q_DIRECTORY:
		return is_in_workspace();
	case Q_HOST:
		return has_own_host();
	case Q_NUMBER:
		return syscall(SYS_getpid) == 2;
	case Q_MOUNTS:
		return mounts_are_tame();
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

static bool ask(const struct jail_plan *plan, uint32_t first, uint32_t last, uint32_t *which)
{
	for (*which = first; *which <= last; ++*which)
		if (!answer(plan, (enum question)*which))
			return false;
	return true;
}

bool jail_prove_self(const struct jail_plan *plan, uint32_t *which)
{
	return ask(plan, Q_USER, Q_MOUNTS, which);
}

bool jail_prove(const struct jail_plan *plan, uint32_t *which, int *got)
{
	const struct canary *c;

	for (*which = 0; *which < COUNT(canaries); ++*which) {
		c = &canaries[*which];
		if ((c->where == STATIC_ONLY && plan->with_runtime) ||
		    (c->where == LANDLOCK && plan->landlock_abi == 0))
			continue;
		*got = attempt(c, plan->secret);
		if (*got != c->must && (c->or == 0 || *got != c->or))
			return false;
	}
	*got = 0;
	if (!ask(plan, Q_DESCRIPTORS, Q_LIMITS, which))
		return false;
	*which = QUESTIONS_END;
	return true;
}

/* ---- in the supervisor ------------------------------------------------------------- */

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
