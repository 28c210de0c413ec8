/*
 * knockout.c - runs a command whose walls do not stand: one system call that puts
 * up a wall does nothing, or does it without the one thing, and says that it did.
 * The proving step must see it.
 *
 *   knockout LAYER COMMAND...    knockout: lists the layers, each with its kind of run
 *   knockout nothing COMMAND...  the same filter, and every wall stands
 *
 * Two ways, and what is tested is the program as it is. A filter answers 0 for the
 * call; or, where the thing lies in memory or is one bit of many, it stops the call,
 * and we, who trace the command with all its children, change what it asks for.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ANY -1
#define LANDLOCK_CREATE 444
#define LANDLOCK_RESTRICT 446
#define MOUNT_SETATTR 442

/* Who has such a wall to lose, and could knock it out. */
enum who { EVERYBODY, ROOT, USER };
/* What the run must have for the wall to be there. */
enum kind { PLAIN, GIVEN, BOUND, RUNTIME };
static const char *const kinds[] = { "plain", "given", "bound", "runtime" };

struct stopped;

static const struct layer {
	const char *name;
	int nr, at;               /* the call, when argument at, masked, is value */
	unsigned mask, value;
	int setting;              /* of a limit: only with a third argument */
	enum who who;
	/* Without one the call does nothing; else it does what this makes of it. */
	void (*edit)(struct stopped *s);
	unsigned long bits;       /* for edit */
	int which;                /* for edit */
	int nth;                  /* of the calls that match, from 1; 0: each */
	enum kind kind;
} layers[];

/* ---- a call that is stopped -------------------------------------------------------- */

#ifdef __x86_64__

struct stopped {
	const struct layer *layer;
	pid_t pid;
	struct user_regs_struct r;
};

static unsigned long *argument(struct stopped *s, int i)
{
	unsigned long *const arg[] = { &s->r.rdi, &s->r.rsi, &s->r.rdx, &s->r.r10, &s->r.r8, &s->r.r9 };

	return arg[i];
}

static void peek(pid_t pid, unsigned long at, void *into, size_t n)
{
	struct iovec here = { into, n }, there = { (void *)at, n };

	if (process_vm_readv(pid, &here, 1, &there, 1, 0) <= 0)
		perror("knockout: its memory");
}

/* Memory that it may not write itself is written as well. */
static void write_there(pid_t pid, unsigned long at, const void *from, size_t n)
{
	long word;
	size_t i, part;

	for (i = 0; i < n; i += part) {
		part = n - i < sizeof(word) ? n - i : sizeof(word);
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, (void *)(at + i), NULL);
		memcpy(&word, (const char *)from + i, part);
		if (errno != 0 || ptrace(PTRACE_POKEDATA, pid, (void *)(at + i), (void *)word) != 0)
			perror("knockout: its memory");
	}
}

/* What the kernel is to see, and the command not: after the call stands there again
 * what stood there before. It would else compare with what we made of it. */
static struct {
	pid_t pid;                /* 0: nothing to be put back */
	unsigned long at;
	size_t n;
	char was[BPF_MAXINSNS * sizeof(struct sock_filter)];
} borrowed;

static void poke(struct stopped *s, unsigned long at, const void *from, size_t n)
{
	borrowed.pid = s->pid;
	borrowed.at = at;
	borrowed.n = n;
	peek(s->pid, at, borrowed.was, n);
	write_there(s->pid, at, from, n);
}

static void give_back(void)
{
	write_there(borrowed.pid, borrowed.at, borrowed.was, borrowed.n);
	borrowed.pid = 0;
}

/* ---- what is made of it: which names the argument, bits the thing ---------------------- */

static void skip(struct stopped *s)
{
	s->r.orig_rax = ~0ul;
	s->r.rax = 0;
}

static void clear_bits(struct stopped *s)
{
	*argument(s, s->layer->which) &= ~s->layer->bits;
}

static void set_value(struct stopped *s)
{
	*argument(s, s->layer->which) = s->layer->bits;
}

static void add_value(struct stopped *s)
{
	*argument(s, s->layer->which) += s->layer->bits;
}

static void skip_second(struct stopped *s)
{
	if (*argument(s, 1) == s->layer->bits)
		skip(s);
}

/* Asking goes on. */
static void skip_setting(struct stopped *s)
{
	if (*argument(s, 1) != 0)
		skip(s);
}

/* In the 64 bits that the argument points to. */
static void clear_there(struct stopped *s)
{
	uint64_t word = 0;

	peek(s->pid, *argument(s, s->layer->which), &word, sizeof(word));
	word &= ~(uint64_t)s->layer->bits;
	poke(s, *argument(s, s->layer->which), &word, sizeof(word));
}

/* A byte of the text that it points to: there it ends. */
static void end_text(struct stopped *s)
{
	poke(s, *argument(s, s->layer->which) + s->layer->bits, "", 1);
}

/* A mount's option becomes 0, which is: as much as you like. which: its name's place. */
static void lift_option(struct stopped *s)
{
	static const char *const option[] = { "size=", "nr_inodes=" };
	char text[128] = "", *p;

	peek(s->pid, *argument(s, 4), text, sizeof(text) - 1);
	p = strstr(text, option[s->layer->which]);
	if (p == NULL)
		return;
	for (p += strlen(option[s->layer->which]); *p >= '0' && *p <= '9'; p++)
		*p = '0';
	poke(s, *argument(s, 4), text, strlen(text));
}

/* One capability stays. which: 1 effective, 2 permitted, 4 inheritable. */
static void keep_capability(struct stopped *s)
{
	uint32_t set[6] = { 0 };
	int i;

	for (i = 0; i < 3; i++)
		if (s->layer->which & 1 << i)
			set[i] = 1u << s->layer->bits;
	poke(s, *argument(s, 1), set, sizeof(set));
}

static void lift_hard_limit(struct stopped *s)
{
	struct rlimit now;

	if (getrlimit((__typeof__(RLIMIT_CPU))s->layer->value, &now) == 0)
		poke(s, *argument(s, 2) + offsetof(struct rlimit, rlim_max), &now.rlim_max, sizeof(now.rlim_max));
}

/* Every refusal of the filter becomes a yes; what kills goes on killing. */
static void open_filter(struct stopped *s)
{
	static struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog program = { 0 };
	size_t i;

	peek(s->pid, *argument(s, 2), &program, sizeof(program));
	if (program.len > COUNT(code))
		return;
	peek(s->pid, (unsigned long)program.filter, code, program.len * sizeof(*code));
	for (i = 0; i < program.len; i++)
		if (code[i].code == (BPF_RET | BPF_K) && code[i].k != SECCOMP_RET_KILL_PROCESS)
			code[i].k = SECCOMP_RET_ALLOW;
	poke(s, (unsigned long)program.filter, code, program.len * sizeof(*code));
}
#endif

/* ---- the layers ---------------------------------------------------------------------------- */

#define REMOUNT SYS_mount, 3, MS_REMOUNT, MS_REMOUNT, 0
#define WRITABLE SYS_mount, 3, MS_REMOUNT | MS_NOEXEC, MS_NOEXEC, 0 /* a runtime's first is /proc */
#define CALL(name, number) { name, number, ANY, 0, 0, 0, EVERYBODY, NULL, 0, 0, 0, PLAIN }

static const struct layer layers[] = {
	CALL("nothing", SYS_vhangup),
	CALL("pivot_root", SYS_pivot_root),
	CALL("old-root-detached", SYS_umount2),
	{ "read-only", SYS_mount, 3, MS_RDONLY, MS_RDONLY, 0, EVERYBODY, NULL, 0, 0, 0, PLAIN },
	/* An ordinary user's ids are mapped already, and its groups stay. */
	{ "uid", SYS_setresuid, ANY, 0, 0, 0, ROOT, NULL, 0, 0, 0, PLAIN },
	{ "gid", SYS_setresgid, ANY, 0, 0, 0, ROOT, NULL, 0, 0, 0, PLAIN },
	{ "groups", SYS_setgroups, ANY, 0, 0, 0, ROOT, NULL, 0, 0, 0, PLAIN },
	CALL("capabilities", SYS_capset),
	{ "bounding-set", SYS_prctl, 0, ~0u, PR_CAPBSET_DROP, 0, EVERYBODY, NULL, 0, 0, 0, PLAIN },
	{ "securebits", SYS_prctl, 0, ~0u, PR_SET_SECUREBITS, 0, EVERYBODY, NULL, 0, 0, 0, PLAIN },
	/* Without it an ordinary user's knock-out could not be loaded. */
	{ "no_new_privs", SYS_prctl, 0, ~0u, PR_SET_NO_NEW_PRIVS, 0, ROOT, NULL, 0, 0, 0, PLAIN },
	{ "seccomp", SYS_seccomp, 0, ~0u, SECCOMP_SET_MODE_FILTER, 0, EVERYBODY, NULL, 0, 0, 0, PLAIN },
	CALL("landlock", LANDLOCK_RESTRICT),
	CALL("umask", SYS_umask),
	CALL("session", SYS_setsid),
	CALL("host-name", SYS_sethostname),
	CALL("domain-name", SYS_setdomainname),
	CALL("descriptors", SYS_close_range),
#define LIMIT(name) \
	{ "limit-" #name, SYS_prlimit64, 1, ~0u, RLIMIT_##name, 1, EVERYBODY, NULL, 0, 0, 0, PLAIN }
	LIMIT(CPU), LIMIT(DATA), LIMIT(AS), LIMIT(FSIZE), LIMIT(NOFILE), LIMIT(NPROC), LIMIT(CORE),
	LIMIT(MEMLOCK), LIMIT(MSGQUEUE), LIMIT(SIGPENDING), LIMIT(STACK), LIMIT(NICE), LIMIT(RTPRIO),
	{ "bound-tree", MOUNT_SETATTR, ANY, 0, 0, 0, EVERYBODY, NULL, 0, 0, 0, BOUND },
	{ "runtime-tree", MOUNT_SETATTR, ANY, 0, 0, 0, EVERYBODY, NULL, 0, 0, 0, RUNTIME },
#ifdef __x86_64__
#define SPACE(name, flag) \
	{ "namespace-" name, SYS_clone3, ANY, 0, 0, 0, EVERYBODY, clear_there, flag, 0, 0, PLAIN }
	SPACE("user", CLONE_NEWUSER), SPACE("mount", CLONE_NEWNS), SPACE("pid", CLONE_NEWPID),
	SPACE("net", CLONE_NEWNET), SPACE("ipc", CLONE_NEWIPC), SPACE("uts", CLONE_NEWUTS),
	SPACE("cgroup", 0x02000000),
	/* The last remount is the root's; before it, in this order, those of what is given. */
	{ "root-nosuid", REMOUNT, EVERYBODY, clear_bits, MS_NOSUID, 3, 0, PLAIN },
	{ "root-nodev", REMOUNT, EVERYBODY, clear_bits, MS_NODEV, 3, 0, PLAIN },
	{ "writable-nosuid", WRITABLE, EVERYBODY, clear_bits, MS_NOSUID, 3, 0, PLAIN },
	{ "writable-nodev", WRITABLE, EVERYBODY, clear_bits, MS_NODEV, 3, 0, PLAIN },
	{ "writable-noexec", WRITABLE, EVERYBODY, clear_bits, MS_NOEXEC, 3, 0, PLAIN },
	{ "writable-options", WRITABLE, EVERYBODY, set_value, 0, 4, 0, PLAIN },
	{ "writable-size", WRITABLE, ROOT, lift_option, 0, 0, 0, PLAIN },
	{ "writable-inodes", WRITABLE, ROOT, lift_option, 0, 1, 0, PLAIN },
	{ "task-read-only", REMOUNT, EVERYBODY, clear_bits, MS_RDONLY, 3, 1, GIVEN },
	{ "task-nosuid", REMOUNT, EVERYBODY, clear_bits, MS_NOSUID, 3, 1, GIVEN },
	{ "task-nodev", REMOUNT, EVERYBODY, clear_bits, MS_NODEV, 3, 1, GIVEN },
	{ "input-read-only", REMOUNT, EVERYBODY, clear_bits, MS_RDONLY, 3, 2, GIVEN },
	{ "input-nosuid", REMOUNT, EVERYBODY, clear_bits, MS_NOSUID, 3, 2, GIVEN },
	{ "input-nodev", REMOUNT, EVERYBODY, clear_bits, MS_NODEV, 3, 2, GIVEN },
	{ "input-noexec", REMOUNT, EVERYBODY, clear_bits, MS_NOEXEC, 3, 2, GIVEN },
	/* An ordinary user cannot look into a jail's memory, not even to spoil it. */
	{ "bound-read-only", MOUNT_SETATTR, ANY, 0, 0, 0, ROOT, clear_there, 1, 3, 0, BOUND },
	{ "bound-nosuid", MOUNT_SETATTR, ANY, 0, 0, 0, ROOT, clear_there, 2, 3, 0, BOUND },
	{ "bound-nodev", MOUNT_SETATTR, ANY, 0, 0, 0, ROOT, clear_there, 4, 3, 0, BOUND },
	{ "proc-options", WRITABLE, EVERYBODY, set_value, 0, 4, 1, RUNTIME },
	{ "proc-subset", WRITABLE, EVERYBODY, add_value, sizeof("subset=pid,") - 1, 4, 1, RUNTIME },
	{ "proc-hidepid", WRITABLE, ROOT, end_text, sizeof("subset=pid") - 1, 4, 1, RUNTIME },
	{ "proc-read-only", REMOUNT, EVERYBODY, clear_bits, MS_RDONLY, 3, 1, RUNTIME },
	{ "proc-nosuid", REMOUNT, EVERYBODY, clear_bits, MS_NOSUID, 3, 1, RUNTIME },
	{ "proc-nodev", REMOUNT, EVERYBODY, clear_bits, MS_NODEV, 3, 1, RUNTIME },
	{ "proc-noexec", REMOUNT, EVERYBODY, clear_bits, MS_NOEXEC, 3, 1, RUNTIME },
	{ "capability-permitted", SYS_capset, ANY, 0, 0, 0, ROOT, keep_capability, 21, 2, 0, PLAIN },
	{ "capability-effective", SYS_capset, ANY, 0, 0, 0, ROOT, keep_capability, 12, 3, 0, PLAIN },
	{ "capability-inheritable", SYS_capset, ANY, 0, 0, 0, ROOT, keep_capability, 0, 4, 0, PLAIN },
#define BOUNDING(name, number) \
	{ "bounding-" name, SYS_prctl, 0, ~0u, PR_CAPBSET_DROP, 0, EVERYBODY, skip_second, number, 0, 0, PLAIN }
	BOUNDING("chown", 0), BOUNDING("sys_admin", 21), BOUNDING("checkpoint_restore", 40),
	{ "death-signal", SYS_prctl, 0, ~0u, PR_SET_PDEATHSIG, 0, EVERYBODY, skip, 0, 0, 0, PLAIN },
	/* Root's changed its uid, and is hidden by that alone (fs.suid_dumpable). */
	{ "dumpable", SYS_prctl, 0, ~0u, PR_SET_DUMPABLE, 0, USER, skip, 0, 0, 1, PLAIN },
	{ "signal-handlers", SYS_rt_sigaction, ANY, 0, 0, 0, EVERYBODY, skip_setting, 0, 0, 0, PLAIN },
	{ "signal-mask", SYS_rt_sigprocmask, 0, ~0u, SIG_SETMASK, 0, EVERYBODY, skip, 0, 0, 0, PLAIN },
	{ "directory", SYS_chdir, ANY, 0, 0, 0, EVERYBODY, skip, 0, 0, 3, PLAIN },
	{ "report-line", SYS_dup3, 1, ~0u, 5, 0, EVERYBODY, clear_bits, O_CLOEXEC, 2, 0, PLAIN },
	{ "sync-line", SYS_dup3, 1, ~0u, 6, 0, EVERYBODY, clear_bits, O_CLOEXEC, 2, 0, PLAIN },
	{ "landlock-paths", SYS_openat, 2, ~0u, O_PATH | O_CLOEXEC, 0, EVERYBODY, clear_bits, O_CLOEXEC, 2, 0, PLAIN },
	{ "landlock-scope", LANDLOCK_CREATE, 1, ~0u, 24, 0, EVERYBODY, set_value, 16, 1, 0, PLAIN },
	{ "seccomp-default", SYS_seccomp, 0, ~0u, SECCOMP_SET_MODE_FILTER, 0, ROOT, open_filter, 0, 0, 0, PLAIN },
#define HARD(name) \
	{ "hard-limit-" #name, SYS_prlimit64, 1, ~0u, RLIMIT_##name, 1, ROOT, lift_hard_limit, 0, 0, 0, PLAIN }
	HARD(CPU), HARD(DATA), HARD(AS), HARD(FSIZE), HARD(NOFILE), HARD(NPROC), HARD(STACK),
#endif
};

/* ---- the filter ----------------------------------------------------------------------------- */

static int load(const struct layer *l)
{
	unsigned at = (unsigned)(offsetof(struct seccomp_data, args) + 8 * (size_t)(l->at < 0 ? 0 : l->at));
	unsigned third = offsetof(struct seccomp_data, args) + 16;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)l->nr, 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, l->mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, l->value, 0, 7),
		BPF_STMT(BPF_LD | BPF_IMM, (unsigned)l->setting),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, third),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, third + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, l->edit ? SECCOMP_RET_TRACE : SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(code), code };

	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* ---- tracing ---------------------------------------------------------------------------------- */

#ifdef __x86_64__

/* How many pid namespaces a process is in, below this /proc. */
static int depth(pid_t pid)
{
	char path[32], line[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "NSpid:", 6) == 0)
			for (char *p = line; (p = strchr(p, '\t')) != NULL; p++)
				n++;
	if (f != NULL)
		fclose(f);
	return n;
}

/* In the jail; or the call that makes it. */
static void change(const struct layer *l, pid_t pid)
{
	static int seen;
	struct stopped s = { .layer = l, .pid = pid };

	if (l->nr != SYS_clone3 && depth(pid) <= depth(getpid()))
		return;
	if (l->nth != 0 && ++seen != l->nth)
		return;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &s.r) != 0)
		perror("knockout: its registers");
	l->edit(&s);
	if (ptrace(PTRACE_SETREGS, pid, NULL, &s.r) != 0)
		perror("knockout: its registers");
}

/* Until the command ends, with all that it started; they die when we do. */
static int trace(const struct layer *l, pid_t command)
{
	int status, event, give;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			return 96;
		if (pid == command && WIFEXITED(status))
			return WEXITSTATUS(status);
		if (pid == command && WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		if (pid < 0 || !WIFSTOPPED(status))
			continue;
		event = status >> 16;
		give = event == 0 ? WSTOPSIG(status) : 0;
		if (event == PTRACE_EVENT_SECCOMP)
			change(l, pid);
		if (give == (SIGTRAP | 0x80)) { /* the end of a call */
			give_back();
			give = 0;
		}
		ptrace(pid == borrowed.pid ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (void *)(long)give);
	}
}

static int run_traced(const struct layer *l, char **argv)
{
	const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
	    PTRACE_O_TRACEVFORK | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	int go[2];
	char word;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		perror("knockout: a child");
		return 99;
	}
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &word, 1) != 1 || load(l) != 0)
			_exit(99);
		execv(argv[0], argv);
		_exit(98);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) != 0) {
		perror("knockout: may it be traced");
		return 99;
	}
	if (write(go[1], "", 1) != 1)
		return 99;
	return trace(l, pid);
}
#endif

/* ---- the command line --------------------------------------------------------------------------- */

/* Who may have nothing of it cannot be given more by a missing wall; and what this
 * kernel or this host does not have cannot be missing. */
static int is_no_wall(const struct layer *l)
{
	struct rlimit now;
	struct utsname host;
	long abi = syscall(LANDLOCK_CREATE, NULL, 0, 1 /* which version? */);

	if (l->setting && l->value != RLIMIT_CORE)
		return getrlimit((__typeof__(RLIMIT_CPU))l->value, &now) == 0 && now.rlim_max == 0;
	if (l->nr == SYS_setdomainname)
		return uname(&host) == 0 && host.domainname[0] == '\0';
	if (l->nr == LANDLOCK_RESTRICT)
		return abi < 1;
	return l->nr == LANDLOCK_CREATE && abi < 6;
}

static void list(void)
{
	for (size_t i = 1; i < COUNT(layers); i++)
		if (layers[i].who != (geteuid() == 0 ? USER : ROOT) && !is_no_wall(&layers[i]))
			printf("%s %s\n", layers[i].name, kinds[layers[i].kind]);
}

/* Groups, a signal ignored and one masked: who has none would lose none. */
static void burden(void)
{
	sigset_t mask;

	if (geteuid() == 0 && setgroups(1, &(gid_t){ 4 }) != 0)
		perror("knockout: a group to be lost");
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, &mask, NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return list(), 0;
	burden();
	for (size_t i = 0; i < COUNT(layers); i++) {
		if (strcmp(argv[1], layers[i].name) != 0)
			continue;
#ifdef __x86_64__
		if (layers[i].edit != NULL)
			return run_traced(&layers[i], argv + 2);
#endif
		if (load(&layers[i]) != 0) {
			perror("knockout: the filter");
			return 99;
		}
		execv(argv[2], argv + 2);
		perror("knockout: the command");
		return 98;
	}
	return 97;
}
