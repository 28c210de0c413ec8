/*
 * trial.c - tries what a jail needs, in children that are gone at once: one that
 * filters itself, one in namespaces of its own, one that asks as nobody would, and
 * jails as a run would build and prove them, up to the plugin, from the best tier on
 * until one stands. What they do ends with them. They report through a page that both
 * sides see, so that a child which the kernel ends has still told where.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "jail/jail.h"
#include "jail/kernel.h"
#include "trust/trust.h"

#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER (1ul << 3)
#endif

#define PATIENCE_MS 2000 /* a jail that is not built by then will not be */

static const struct { uint64_t flag; const char *name; } kinds[] = {
	{ CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mount" }, { CLONE_NEWPID, "pid" },
	{ CLONE_NEWNET, "network" }, { CLONE_NEWIPC, "ipc" }, { CLONE_NEWUTS, "uts" },
	{ CLONE_NEWCGROUP, "cgroup" },
};

/* ---- what both sides see -------------------------------------------------------------- */

/* In the child, mostly. */
#define TRY(t, what, call) do {                                               \
		(t)->error[TRIAL_##what] = TRIAL_KILLED;                      \
		(t)->error[TRIAL_##what] = (call) ? 0 : errno;                \
	} while (0)

static bool works(const struct trials *t, enum trial what)
{
	return t->error[what] == 0;
}

static void wait_for(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* ---- calls, rights and filters ----------------------------------------------------------- */

/* Wrong on purpose where it would do something: EINVAL says that it is there. */
static bool has_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0) >= 0 || errno == EINVAL;
}

static bool has_openat2(void)
{
	struct { uint64_t flags, mode, resolve; } how = { O_PATH | O_CLOEXEC, 0,
		0x08 | 0x04 | 0x02 }; /* RESOLVE_BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS */

	return syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)) >= 0;
}

static bool put_up_landlock(int abi)
{
	struct kernel_landlock_ruleset wall = {
		.fs = landlock_all(abi), .net = abi >= 4 ? LL_NET_ALL : 0,
		.scoped = abi >= 6 ? LL_SCOPE_ALL : 0,
	};
	long set = syscall(SYS_landlock_create_ruleset, &wall, LANDLOCK_RULESET_SIZE(abi), 0);

	return set >= 0 && syscall(SYS_landlock_restrict_self, set, 0) == 0;
}

static bool is_refused(long rc, int error)
{
	if (rc < 0 && errno == error)
		return true;
	if (rc >= 0)
		errno = 0; /* no error where there should be one */
	return false;
}

/* A filter of two answers; the call that is told is one nobody here makes. */
static bool can_listen(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_acct, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x7fc00000u /* SECCOMP_RET_USER_NOTIF */),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(code), code };
	uint16_t sizes[3];

	return syscall(SYS_seccomp, 3u /* SECCOMP_GET_NOTIF_SIZES */, 0, sizes) == 0 &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0;
}

static bool has_filter(void)
{
	static const uint32_t answers[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO };
	size_t i;

	for (i = 0; i < COUNT(answers); i++)
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &answers[i]) != 0)
			return false;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, profile_filter("static")) == 0;
}

static void try_filters(struct trials *t)
{
	TRY(t, NO_NEW_PRIVS, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	TRY(t, LANDLOCK, (t->landlock_abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_VERSION_FLAG)) > 0);
	if (works(t, TRIAL_LANDLOCK))
		TRY(t, LANDLOCK_HOLDS, put_up_landlock(t->landlock_abi) &&
		    is_refused(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES));
	TRY(t, NOTIFY, can_listen());
	TRY(t, FILTER, has_filter());
	if (works(t, TRIAL_FILTER))
		TRY(t, FILTER_HOLDS, is_refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM) &&
		    is_refused(syscall(SYS_clone3, NULL, 0), ENOSYS));
}

static void alone(struct trials *t)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		TRY(t, CLONE3, has_clone3());
		TRY(t, CLOSE_RANGE, syscall(SYS_close_range, ~0u, ~0u, 0) == 0);
		TRY(t, OPENAT2, has_openat2());
		try_filters(t);
		_exit(0);
	}
	if (pid < 0)
		die(STATUS_JAIL, "cannot start a child to try things in: %s%s", strerror(errno),
		    errno == EAGAIN ? " (ulimit -u?)" : "");
	wait_for(pid);
}

/* ---- in namespaces ------------------------------------------------------------------------- */

/* Like fork: 0 in the child. Never returns twice with the same memory: what the
 * child writes is its own, but for the page. */
static pid_t clone_with(uint64_t flags)
{
	struct kernel_clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	long own = syscall(SYS_getpid), pid = syscall(SYS_clone3, &args, sizeof(args));

	/* A filter around us may say 0 and have made nobody. */
	if (pid == 0 && syscall(SYS_getpid) == own) {
		errno = ENOSYS;
		return -1;
	}
	return (pid_t)pid;
}

static int file_put(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd, rc;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = write_all(fd, text, strlen(text));
	close(fd);
	return rc;
}

/* One id, our own: everybody may. What root does beyond that, TRIAL_JAIL tries. */
static bool map_ids(pid_t pid)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "%u %u 1\n", JAIL_ID, (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "%u %u 1\n", JAIL_ID, (unsigned)getegid());
	return file_put(pid, "setgroups", "deny") == 0 && file_put(pid, "uid_map", uid) == 0 &&
	    file_put(pid, "gid_map", gid) == 0;
}

static bool mount_root(const char *base)
{
	if (base == NULL) {
		errno = ENOENT;
		return false;
	}
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0755") == 0 &&
	    chdir(base) == 0;
}

/* What brings in a runtime or a live tree. */
static bool bind_tree(void)
{
	struct kernel_mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	long tree = syscall(SYS_open_tree, AT_FDCWD, "/dev", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
	    AT_RECURSIVE);

	return tree >= 0 && mkdir("tree", 0755) == 0 && syscall(SYS_mount_setattr, (int)tree, "",
	    AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) == 0 && syscall(SYS_move_mount,
	    (int)tree, "", AT_FDCWD, "tree", MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

static bool mount_proc(void)
{
	return mkdir("proc", 0755) == 0 && mount("proc", "proc", "proc",
	    MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid,hidepid=invisible") == 0;
}

static bool drop_capabilities(void)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data none[2] = { { 0 } };

	return prctl(PR_CAPBSET_DROP, 0, 0, 0, 0) == 0 &&
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECUREBITS, SECUREBITS_LOCKED, 0, 0, 0) == 0 &&
	    syscall(SYS_capset, &header, none) == 0;
}

static _Noreturn void inside(struct trials *t, int line)
{
	char word;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (wire_receive(line, &word, 1) != 1)
		_exit(0);
	TRY(t, IDENTITY, setresgid(JAIL_ID, JAIL_ID, JAIL_ID) == 0 &&
	    setresuid(JAIL_ID, JAIL_ID, JAIL_ID) == 0);
	TRY(t, TMPFS, mount_root(sandbox_base()));
	if (works(t, TRIAL_TMPFS)) {
		TRY(t, MOUNT_API, bind_tree());
		TRY(t, PROC, mount_proc());
		TRY(t, PIVOT, syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0);
	}
	TRY(t, CAPABILITIES, drop_capabilities());
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* as while the listener is fetched */
	(void)wire_send(line, &word, 1);
	(void)wire_receive(line, &word, 1);
	_exit(0);
}

/* A descriptor of who is in the jail, taken from here. */
static bool can_fetch(pid_t from, int remote)
{
	int fd = descriptor_of(from, remote);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void lead(struct trials *t, pid_t pid, int line, int remote)
{
	char word = 'g';

	t->error[TRIAL_USER] = t->error[TRIAL_NAMESPACES] = 0;
	TRY(t, MAPS, map_ids(pid));
	if (!works(t, TRIAL_MAPS) || wire_send(line, &word, 1) != 0 || wire_receive(line, &word, 1) != 1)
		return;
	TRY(t, PIDFD, can_fetch(pid, remote));
}

/* The first kind that cannot be had beside a user namespace. */
static const char *find_lacking(void)
{
	size_t i;
	pid_t pid;

	for (i = 1; i < COUNT(kinds); i++) {
		pid = clone_with(CLONE_NEWUSER | kinds[i].flag);
		if (pid == 0)
			_exit(0);
		if (pid < 0)
			return kinds[i].name;
		wait_for(pid);
	}
	return NULL;
}

/* All at once failed: is it the user namespace, or another one? */
static void find_out_why(struct trials *t)
{
	int error = errno;
	pid_t pid;

	t->error[TRIAL_NAMESPACES] = error;
	pid = clone_with(CLONE_NEWUSER);
	if (pid == 0)
		_exit(0);
	t->error[TRIAL_USER] = pid < 0 ? errno : 0;
	if (pid < 0)
		return;
	wait_for(pid);
	t->lacking = find_lacking();
}

static void in_namespaces(struct trials *t)
{
	uint64_t all = 0;
	int line[2];
	size_t i;
	pid_t pid;

	for (i = 0; i < COUNT(kinds); i++)
		all |= kinds[i].flag;
	if (wire_pair(line) != 0)
		return;
	pid = clone_with(all);
	if (pid == 0) {
		close(line[1]);
		inside(t, line[0]);
	}
	if (pid < 0)
		find_out_why(t);
	close(line[0]);
	if (pid > 0)
		lead(t, pid, line[1], line[0]);
	close(line[1]); /* and it goes */
	if (pid > 0)
		wait_for(pid);
}

/* ---- a jail as a run would have it --------------------------------------------------------------- */

struct lines {
	int sync[2], status[2], null;
};

/* What a run puts into it lies at or above JAIL_FIRST_FD. */
static int away(int fd)
{
	int moved;

	if (fd < 0)
		return -1;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, JAIL_FIRST_FD);
	close(fd);
	return moved;
}

static int open_lines(struct lines *l, struct why *why)
{
	if (wire_pair(l->sync) == 0 && wire_pair(l->status) == 0 &&
	    (l->sync[0] = away(l->sync[0])) >= 0 && (l->status[1] = away(l->status[1])) >= 0 &&
	    (l->null = away(open("/dev/null", O_RDWR | O_CLOEXEC))) >= 0)
		return 0;
	return refuse(why, REFUSE_JAIL, "cannot open /dev/null and two socket pairs: %s", strerror(errno));
}

/* Its words up to the proof, answered as jail/supervise.c does. 1: go on. */
static int answer(struct cell *cell, struct ledger *ledger, const struct jail_message *m, struct trials *t)
{
	switch (m->word) {
	case JAIL_BUILT:
		t->error[TRIAL_SEEN] = gauge_sees(cell->init, &t->seen) == 0 ? 0 : EPERM;
		return 1;
	case JAIL_LISTEN:
		if (m->error != 0)
			return 1; /* it goes on without */
		return ledger_take(ledger, cell->init, (int)m->step) == 0;
	case JAIL_PROVED:
		/* As of a run: a listener that heard nothing is none. */
		if (ledger->fd < 0 || ledger->asked == PROOF_TOLD)
			t->proved = cell->proved + m->step;
		return 0;
	default:
		return 0;
	}
}

static int hear_jail(const struct jail_plan *plan, struct cell *cell, struct trials *t)
{
	struct denials denials = { .heard = true };
	struct ledger ledger = { .fd = -1, .control = -1, .into = &denials, .proving = true };
	uint64_t deadline = monotonic_ns() + PATIENCE_MS * 1000000ull;
	struct jail_message m = { .word = 0 };

	while (t->proved == 0 && monotonic_ns() < deadline) {
		struct pollfd on[] = { { .fd = cell->status, .events = POLLIN },
			{ .fd = ledger.fd, .events = POLLIN } };

		if (poll(on, COUNT(on), PATIENCE_MS) <= 0)
			break;
		if (on[1].revents)
			ledger_serve(&ledger);
		if (on[0].revents && (wire_receive(cell->status, &m, sizeof(m)) != 1 ||
		    !answer(cell, &ledger, &m, t)))
			break;
	}
	if (ledger.fd >= 0)
		close(ledger.fd);
	if (t->proved > 0)
		return 0;
	if (m.word == JAIL_FAILED)
		return jail_failure(plan, &m, &t->jail);
	return refuse(&t->jail, REFUSE_JAIL, m.word == JAIL_LISTEN || m.word == JAIL_PROVED ?
	    "the jail's refused calls cannot be heard" : "the jail died before it was proved");
}

static int build_jail(const struct jail_plan *plan, struct trials *t)
{
	struct cell cell = { .init = -1, .pidfd = -1 };
	struct lines l;
	int rc;

	if (open_lines(&l, &t->jail) != 0)
		return -1;
	cell.sync = l.sync[1];
	cell.status = l.status[0];
	rc = sandbox_spawn(plan, &(struct jail_ends){ .sync = l.sync[0], .sync_far = l.sync[1],
	    .status = l.status[1], .out = l.null, .err = l.null, .answers = l.null,
	    .requests = l.null }, &cell, &t->jail);
	close(l.status[1]);
	if (rc == 0)
		rc = hear_jail(plan, &cell, t);
	sandbox_kill(&cell);
	close(cell.pidfd);
	close(l.status[0]);
	close(l.sync[0]);
	close(l.sync[1]);
	close(l.null);
	return rc;
}

/* Its bundle is no program: the proof is done, and nothing is executed. */
static int try_tier(struct trials *t, enum tier tier, const char *place)
{
	static const struct manifest manifest = { .name = "doctor", .version = "0" };
	struct bundle_file file = { .name = "doctor", .bytes = BYTES("\177ELF"), .executable = true };
	const struct plugin plugin = { .manifest = &manifest, .file = &file, .files = 1 };
	const struct limits limits = limits_effective(NULL, NULL, NULL);
	const struct sandbox_words words = { .plugin = &plugin, .limits = &limits,
		.run_id = "doctor", .task_id = "doctor", .token = "", .tier = (int)tier, .place = place,
		.place_fd = place != NULL ? open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1 };
	struct arena arena = { 0 };
	struct jail_plan plan;
	int rc;

	rc = sandbox_plan(&arena, &words, &plan, &t->jail) == 0 && build_jail(&plan, t) == 0 ? 0 : -1;
	arena_free(&arena);
	if (words.place_fd >= 0)
		close(words.place_fd);
	return rc;
}

static int try_in_place(struct trials *t, enum tier tier)
{
	char place[] = "/tmp/oxg-doctor-XXXXXX";
	struct why best = t->jail; /* what is wrong with the best tier is what is told */
	int rc;

	if (mkdtemp(place) == NULL)
		return -1;
	(void)chmod(place, 0755);
	rc = try_tier(t, tier, place);
	(void)tree_remove(AT_FDCWD, place);
	t->jail = best;
	return rc;
}

static void as_a_run(struct trials *t)
{
	enum tier tier;

	if (works(t, TRIAL_CLONE3) && try_tier(t, TIER_NAMESPACES, NULL) == 0) {
		t->tier = TIER_NAMESPACES;
	} else if (tier_choose(TIER_LANDLOCK, &tier, &(struct why){ .code = REFUSAL_NONE }) == 0) {
		/* It may have promised namespaces, which have just failed. */
		for (tier += tier == TIER_NAMESPACES; tier < TIER_COUNT && t->tier == TIER_COUNT; tier++)
			if (try_in_place(t, tier) == 0)
				t->tier = tier;
	}
	t->error[TRIAL_JAIL] = t->tier == TIER_COUNT ? EPERM : 0;
}

/* As nobody, who has what every ordinary user has here. */
static void as_others(struct trials *t)
{
	pid_t pid;

	if (geteuid() != 0 || (pid = fork()) < 0)
		return;
	if (pid == 0) {
		enum tier tier;

		if (setgroups(0, NULL) == 0 && setresgid(JAIL_ID, JAIL_ID, JAIL_ID) == 0 &&
		    setresuid(JAIL_ID, JAIL_ID, JAIL_ID) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 &&
		    tier_choose(TIER_LANDLOCK, &tier, &(struct why){ .code = REFUSAL_NONE }) == 0)
			t->others = tier;
		_exit(0);
	}
	wait_for(pid);
}

/* ---- all ------------------------------------------------------------------------------------------------ */

void trials_make(struct trials *out)
{
	struct trials *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (t == MAP_FAILED)
		die(STATUS_LOST, "no memory for the trials: %s", strerror(errno));
	for (i = 0; i < TRIAL_COUNT; i++)
		t->error[i] = TRIAL_NOT_REACHED;
	t->tier = t->others = TIER_COUNT;
	alone(t);
	if (works(t, TRIAL_CLONE3))
		in_namespaces(t);
	as_a_run(t);
	as_others(t);
	*out = *t;
	munmap(t, sizeof(*t));
}
