/*
 * probe.c - a plugin that looks around: what it is, what it holds, what it sees,
 * and what happens when it tries what it must not. Prints name=value lines; the
 * tests say what must stand there.
 *
 *   probe passwd | env | fds | id | walk | abi | write
 *   probe try [NAME...]    without names: all of them, inside the jail only
 *   probe lock PATH...     takes a lock of each kind on all that is there and below
 *   probe hold PATH...     and holds them, half a minute at most
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

extern char **environ;

/* Seed 001's plugin: prints /etc/passwd, or fails. */
static int do_passwd(void)
{
	char text[4096];
	int fd = open("/etc/passwd", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n < 0) {
		fprintf(stderr, "probe: /etc/passwd: %s\n", strerror(errno));
		return 1;
	}
	fwrite(text, 1, (size_t)n, stdout);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Values of what must be random are left out. */
static int do_env(void)
{
	size_t n = 0;
	while (environ[n])
		n++;
	qsort(environ, n, sizeof(*environ), by_text);
	for (size_t i = 0; i < n; i++) {
		int secret = strstr(environ[i], "TOKEN=") != NULL;
		printf("%.*s\n", secret ? (int)strcspn(environ[i], "=") : 4096, environ[i]);
	}
	return 0;
}

static int do_fds(void)
{
	static const char *const kind[] = { "?", "fifo", "char", "?", "dir", "?", "block", "?",
		"file", "?", "link", "?", "socket", "?", "?", "?" };
	struct stat st;
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && fstat(fd, &st) == 0)
			printf("%d=%s %s\n", fd, kind[st.st_mode >> 12 & 15],
			    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY ? "r" :
			    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY ? "w" : "rw");
	return 0;
}

/* What the kernel wrote on the new stack; asking it again may be refused. The
 * rest of an identity is looked at from outside. */
static void show_ids(void)
{
	printf("uid=%u %lu %lu\n", getuid(), getauxval(AT_UID), getauxval(AT_EUID));
	/* A static program cannot ask; what it makes shows whose it is. */
	struct stat made = { .st_gid = 0 };
	fstat(open("/tmp/whose", O_CREAT | O_WRONLY, 0600), &made);
	printf("gid=%u %lu %lu\n", made.st_gid, getauxval(AT_GID), getauxval(AT_EGID));
	printf("secure=%lu\n", getauxval(AT_SECURE));
}

static void show_capabilities(void)
{
	int bounding = 0, known = 0;
	for (int c = 0; c < 64; c++) {
		int b = prctl(PR_CAPBSET_READ, c, 0, 0, 0);
		known += b >= 0;
		bounding += b > 0;
	}
	printf("bounding=%s%d\n", known ? "" : "unreadable ", bounding);
}

static int do_id(void)
{
	show_ids();
	show_capabilities();
	printf("no_new_privs=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	printf("securebits=%x\n", (unsigned)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	printf("seccomp=%d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
	printf("terminal=%s\n", open("/dev/tty", O_RDWR) < 0 ? "none" : "open");
	sigset_t blocked;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	int masked = 0, handled = 0;
	for (int s = 1; s < 65; s++) {
		struct sigaction old;
		masked += sigismember(&blocked, s) == 1;
		handled += sigaction(s, NULL, &old) == 0 && old.sa_handler != SIG_DFL;
	}
	printf("masked=%d\nhandled=%d\n", masked, handled);
	char name[256];
	printf("cwd=%s\n", getcwd(name, sizeof(name)) ? name : strerror(errno));
	printf("host=%s\n", gethostname(name, sizeof(name)) == 0 ? name : strerror(errno));
	static const struct { const char *name; int what; } limit[] = { { "core", RLIMIT_CORE },
		{ "nofile", RLIMIT_NOFILE }, { "fsize", RLIMIT_FSIZE }, { "cpu", RLIMIT_CPU },
		{ "nproc", RLIMIT_NPROC }, { "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE },
		{ "stack", RLIMIT_STACK }, { "nice", RLIMIT_NICE }, { "rtprio", RLIMIT_RTPRIO } };
	for (size_t i = 0; i < COUNT(limit); i++) {
		struct rlimit l;
		if (getrlimit((__typeof__(RLIMIT_CPU))limit[i].what, &l) == 0)
			printf("limit.%s=%lld %lld\n", limit[i].name, (long long)l.rlim_cur, (long long)l.rlim_max);
	}
	return 0;
}

/* ---- the filesystem: path, kind, mode, owner, device:inode ----------------------- */

static void walk(const char *path, int depth)
{
	struct stat st;
	char below[4096], target[256] = "";
	if (lstat(path, &st) < 0) {
		printf("%s ? %s\n", path, strerror(errno));
		return;
	}
	ssize_t n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof(target) - 1) : 0;
	if (n > 0)
		target[n] = '\0';
	printf("%s %c %04o %u:%u %u:%u:%llu%s%s\n", path,
	    S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : S_ISLNK(st.st_mode) ? 'l' :
	    S_ISCHR(st.st_mode) ? 'c' : S_ISBLK(st.st_mode) ? 'b' : S_ISFIFO(st.st_mode) ? 'p' : 's',
	    (unsigned)st.st_mode & 07777, st.st_uid, st.st_gid, major(st.st_dev), minor(st.st_dev),
	    (unsigned long long)st.st_ino, *target ? " -> " : "", target);
	DIR *d = S_ISDIR(st.st_mode) && depth < 8 ? opendir(path) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", strcmp(path, "/") ? path : "", e->d_name);
		walk(below, depth + 1);
	}
	if (d)
		closedir(d);
}

/* ---- locks: the whole file, to write where that is allowed, else to read ------------- */

static const char *error_name(int e);

static void lock(const char *path, int depth)
{
	struct stat st;
	char below[4096];
	if (lstat(path, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	int fd = S_ISREG(st.st_mode) ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct flock whole = { .l_type = fd < 0 ? F_RDLCK : F_WRLCK };
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	int open_error = fd < 0 ? errno : 0;
	int flock_error = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
	int fcntl_error = fcntl(fd, F_SETLK, &whole) < 0 ? errno : 0;
	printf("%s open=%s flock=%s fcntl=%s\n", path, error_name(open_error), error_name(flock_error),
	    error_name(fcntl_error));
	DIR *d = S_ISDIR(st.st_mode) && depth < 8 ? opendir(path) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", strcmp(path, "/") ? path : "", e->d_name);
		lock(below, depth + 1);
	}
	if (d)
		closedir(d);
}

static int do_lock(char **path, int hold)
{
	for (; *path; path++)
		lock(*path, 0);
	if (hold) {
		puts("ready");
		fflush(stdout);
		sleep(30);
	}
	return 0;
}

/* Where a file can be made, and where not. */
static int do_write(void)
{
	static const char *const where[] = { "/workspace", "/tmp", "/home/plugin", "/", "/bin", "/home", "/dev" };
	for (size_t i = 0; i < COUNT(where); i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s/probe-file", where[i]);
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		printf("%s=%s\n", where[i], fd >= 0 ? "writable" : strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

/* ---- forbidden things: 0 is success, which is bad news; else errno ---------------- */

static int outcome(long r)
{
	return r < 0 ? errno : 0;
}

static int open_it(const char *path, int flags)
{
	return outcome(open(path, flags | O_CLOEXEC, 0600));
}

static int run_copy(const char *to)
{
	char block[65536];
	int in = open("/proc/self/exe", O_RDONLY), out;
	ssize_t n;
	if (in < 0)
		in = open("/bin/probe", O_RDONLY);
	if (in < 0)
		in = open("/bin/plugin", O_RDONLY);
	if (in < 0 || (out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0700)) < 0)
		return errno;
	while ((n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n)
			return errno;
	close(in);
	close(out);
	pid_t p = fork();
	if (p == 0) {
		execl(to, to, "true", (char *)NULL);
		_exit(errno);
	}
	int status;
	waitpid(p, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static int try_memfd(void)
{
	int fd = (int)syscall(SYS_memfd_create, "x", 0);
	char name[] = "x", *argv[] = { name, NULL };
	if (fd < 0)
		return errno;
	return outcome(syscall(SYS_execveat, fd, "", argv, environ, 0x1000));
}

static int try_stdin_type(void)
{
	return outcome(ioctl(0, TIOCSTI, "x"));
}

static int try_vm_read(void)
{
	char b[8];
	struct iovec here = { b, 8 }, there = { (void *)0x400000, 8 };
	return outcome(process_vm_readv(1, &here, 1, &there, 1, 0));
}

static int try_prlimit_init(void)
{
	struct { unsigned long long cur, max; } l = { 1, 1 };
	return outcome(syscall(SYS_prlimit64, 1, RLIMIT_CPU, &l, NULL));
}

static int try_raise_limit(void)
{
	struct rlimit l;
	getrlimit(RLIMIT_CPU, &l);
	l.rlim_cur = l.rlim_max = l.rlim_max == RLIM_INFINITY ? RLIM_INFINITY : l.rlim_max + 100;
	return outcome(setrlimit(RLIMIT_CPU, &l));
}

static int try_nice_init(void)
{
	return outcome(setpriority(PRIO_PROCESS, 1, 19));
}

static int try_pidfd_steal(void)
{
	int p = (int)syscall(SYS_pidfd_open, 1, 0);
	return p < 0 ? errno : outcome(syscall(438, p, 0, 0));
}

static int try_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? EPERM : 0;
}

#define X32 0x40000000
static const struct attempt {
	const char *name;
	int (*how)(void);      /* or: */
	const char *path;      /* opened */
	int flags;
	long nr, a, b, c, d;   /* called */
	int harmless;          /* may run outside the jail */
} attempts[] = {
	{ .name = "open-passwd", .path = "/etc/passwd", .harmless = 1 },
	{ .name = "open-shadow", .path = "/etc/shadow" },
	{ .name = "open-dotdot", .path = "/../../../etc/passwd" },
	{ .name = "open-relative", .path = "../../../../../../etc/passwd" },
	{ .name = "open-proc-root", .path = "/proc/1/root" },
	{ .name = "open-proc-mem", .path = "/proc/self/mem", .flags = O_RDWR },
	{ .name = "open-proc", .path = "/proc", .harmless = 1 },
	{ .name = "open-sys", .path = "/sys" },
	{ .name = "open-mem", .path = "/dev/mem" },
	{ .name = "open-kmsg", .path = "/dev/kmsg" },
	{ .name = "open-tty", .path = "/dev/tty", .flags = O_RDWR },
	{ .name = "open-ptmx", .path = "/dev/ptmx", .flags = O_RDWR },
	{ .name = "open-shm", .path = "/dev/shm" },
	{ .name = "open-docker", .path = "/var/run/docker.sock" },
	{ .name = "write-bin", .path = "/bin/x", .flags = O_WRONLY | O_CREAT },
	{ .name = "write-self", .path = "/bin/probe", .flags = O_WRONLY },
	{ .name = "write-root", .path = "/x", .flags = O_WRONLY | O_CREAT },
	{ .name = "write-dev", .path = "/dev/x", .flags = O_WRONLY | O_CREAT },
	{ .name = "socket-inet", .nr = SYS_socket, .a = AF_INET, .b = SOCK_STREAM, .harmless = 1 },
	{ .name = "socket-inet6", .nr = SYS_socket, .a = AF_INET6, .b = SOCK_DGRAM },
	{ .name = "socket-unix", .nr = SYS_socket, .a = AF_UNIX, .b = SOCK_STREAM, .harmless = 1 },
	{ .name = "socket-netlink", .nr = SYS_socket, .a = AF_NETLINK, .b = SOCK_RAW },
	{ .name = "socket-packet", .nr = SYS_socket, .a = AF_PACKET, .b = SOCK_RAW },
	{ .name = "socket-vsock", .nr = SYS_socket, .a = 40, .b = SOCK_STREAM },
	{ .name = "socket-alg", .nr = SYS_socket, .a = 38, .b = SOCK_SEQPACKET },
	{ .name = "mount", .nr = SYS_mount, .a = (long)"none", .b = (long)"/tmp", .c = (long)"tmpfs" },
	{ .name = "remount", .nr = SYS_mount, .a = (long)"none", .b = (long)"/", .c = (long)"", .d = MS_REMOUNT },
	{ .name = "umount", .nr = SYS_umount2, .a = (long)"/bin", .b = MNT_DETACH },
	{ .name = "fsopen", .nr = 430, .a = (long)"tmpfs" },
	{ .name = "open-tree", .nr = 428, .a = AT_FDCWD, .b = (long)"/", .c = 1 },
	{ .name = "pivot-root", .nr = SYS_pivot_root, .a = (long)"/tmp", .b = (long)"/tmp" },
	{ .name = "chroot", .nr = SYS_chroot, .a = (long)"/tmp" },
	{ .name = "unshare-user", .nr = SYS_unshare, .a = CLONE_NEWUSER },
	{ .name = "unshare-net", .nr = SYS_unshare, .a = CLONE_NEWNET },
	{ .name = "unshare-mount", .nr = SYS_unshare, .a = CLONE_NEWNS },
	{ .name = "setns", .nr = SYS_setns, .a = 0 },
	{ .name = "clone-user", .nr = SYS_clone, .a = CLONE_NEWUSER | SIGCHLD },
	{ .name = "clone-pid", .nr = SYS_clone, .a = CLONE_NEWPID | SIGCHLD },
	{ .name = "clone3", .nr = 435, .a = 0, .b = 88 },
	{ .name = "ptrace-init", .nr = SYS_ptrace, .a = PTRACE_ATTACH, .b = 1 },
	{ .name = "ptrace-me", .nr = SYS_ptrace, .a = PTRACE_TRACEME },
	{ .name = "vm-read", .how = try_vm_read },
	{ .name = "pidfd-steal", .how = try_pidfd_steal },
	{ .name = "prlimit-init", .how = try_prlimit_init },
	{ .name = "nice-init", .how = try_nice_init },
	{ .name = "raise-limit", .how = try_raise_limit },
	{ .name = "setuid", .nr = SYS_setuid, .a = 0 },
	{ .name = "setgid", .nr = SYS_setgid, .a = 0 },
	{ .name = "setresuid", .nr = SYS_setresuid, .a = 0, .b = 0, .c = 0 },
	{ .name = "setgroups", .nr = SYS_setgroups, .a = 0, .b = 0 },
	{ .name = "ambient", .nr = SYS_prctl, .a = PR_CAP_AMBIENT, .b = PR_CAP_AMBIENT_RAISE, .c = 0 },
	{ .name = "mknod-char", .nr = SYS_mknod, .a = (long)"/tmp/null", .b = S_IFCHR | 0600, .c = 0x103 },
	{ .name = "mknod-block", .nr = SYS_mknod, .a = (long)"/tmp/disk", .b = S_IFBLK | 0600, .c = 0x801 },
	{ .name = "unlink-self", .nr = SYS_unlink, .a = (long)"/bin/probe" },
	{ .name = "chmod-bin", .nr = SYS_chmod, .a = (long)"/bin", .b = 0777 },
	{ .name = "rename-bin", .nr = SYS_rename, .a = (long)"/bin", .b = (long)"/bin2" },
	{ .name = "exec-memfd", .how = try_memfd },
	{ .name = "type-on-terminal", .how = try_stdin_type },
	{ .name = "bpf", .nr = 321, .a = 0 },
	{ .name = "perf", .nr = SYS_perf_event_open, .a = 0 },
	{ .name = "userfaultfd", .nr = 323, .a = 0 },
	{ .name = "io-uring", .nr = 425, .a = 1 },
	{ .name = "keyctl", .nr = SYS_keyctl, .a = 0, .b = -3 },
	{ .name = "add-key", .nr = SYS_add_key, .a = (long)"user", .b = (long)"x", .c = (long)"y", .d = 1 },
	{ .name = "kexec", .nr = SYS_kexec_load },
	{ .name = "init-module", .nr = SYS_init_module },
	{ .name = "reboot", .nr = SYS_reboot },
	{ .name = "swapon", .nr = SYS_swapon, .a = (long)"/tmp/x" },
	{ .name = "hostname", .nr = SYS_sethostname, .a = (long)"x", .b = 1 },
	{ .name = "settime", .nr = SYS_settimeofday },
	{ .name = "syslog", .nr = SYS_syslog, .a = 3 },
	{ .name = "handle", .nr = 304, .a = AT_FDCWD },
	{ .name = "fanotify", .nr = 300 },
	{ .name = "landlock-off", .nr = 9999 },
#ifdef __x86_64__
	{ .name = "iopl", .nr = SYS_iopl, .a = 3 },
	{ .name = "modify-ldt", .nr = SYS_modify_ldt, .a = 1 },
#endif
};

static const char *error_name(int e)
{
	static const struct { int e; const char *name; } name[] = { { 0, "DONE" }, { EPERM, "EPERM" },
		{ ENOENT, "ENOENT" }, { EACCES, "EACCES" }, { ENOSYS, "ENOSYS" }, { EROFS, "EROFS" },
		{ EINVAL, "EINVAL" }, { EFAULT, "EFAULT" }, { ESRCH, "ESRCH" }, { ENXIO, "ENXIO" },
		{ EAFNOSUPPORT, "EAFNOSUPPORT" }, { EBADF, "EBADF" }, { ENOTTY, "ENOTTY" },
		{ EEXIST, "EEXIST" }, { EAGAIN, "EAGAIN" }, { EBUSY, "EBUSY" }, { EXDEV, "EXDEV" }, { ENOSPC, "ENOSPC" } };
	static char other[16];
	for (size_t i = 0; i < COUNT(name); i++)
		if (name[i].e == e)
			return name[i].name;
	snprintf(other, sizeof(other), "%d", e);
	return other;
}

/* In a child: what succeeds must not spoil the next. */
static void attempt(const struct attempt *t)
{
	fflush(stdout);
	pid_t p = fork();
	if (p == 0) {
		errno = 0;
		int e = t->how ? t->how() : t->path ? open_it(t->path, t->flags) :
		    outcome(syscall(t->nr, t->a, t->b, t->c, t->d, 0L, 0L));
		_exit(e);
	}
	int status = 0;
	if (p < 0 || waitpid(p, &status, 0) < 0)
		printf("%s=fork failed\n", t->name);
	else if (WIFSIGNALED(status))
		printf("%s=signal %d\n", t->name, WTERMSIG(status));
	else
		printf("%s=%s\n", t->name, error_name(WEXITSTATUS(status)));
}

static int do_try(char **name)
{
	int jailed = getenv("OXG_WORKSPACE") != NULL;
	for (size_t i = 0; i < COUNT(attempts); i++) {
		int asked = !*name;
		for (char **n = name; *n; n++)
			asked |= strcmp(*n, attempts[i].name) == 0;
		if (asked && (jailed || attempts[i].harmless))
			attempt(&attempts[i]);
	}
	if (!*name) {
		printf("dumpable=%s\n", try_dumpable() ? "no" : "yes");
		printf("exec-workspace=%s\n", error_name(run_copy("/workspace/copy")));
		printf("exec-tmp=%s\n", error_name(run_copy("/tmp/copy")));
		printf("exec-home=%s\n", error_name(run_copy("/home/plugin/copy")));
	} else if (!strcmp(*name, "exec-copy") && name[1]) {
		printf("exec-copy=%s\n", error_name(run_copy(name[1])));
	}
	return 0;
}

/* The other two doors into the kernel. Number 20 is getpid in both. */
static int do_abi(void)
{
#ifdef __x86_64__
	for (int which = 0; which < 2; which++) {
		fflush(stdout);
		pid_t p = fork();
		if (p == 0) {
			long r;
			if (which == 0)
				__asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
			else
				r = syscall(X32 + SYS_getpid);
			_exit(r > 0 ? 1 : 2);
		}
		int status;
		waitpid(p, &status, 0);
		printf("%s=", which ? "x32" : "i386");
		if (WIFSIGNALED(status))
			printf("signal %d\n", WTERMSIG(status));
		else
			printf("%s\n", WEXITSTATUS(status) == 1 ? "worked" : "failed");
	}
#endif
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	static const struct { const char *name; int (*run)(void); } table[] = { { "passwd", do_passwd },
		{ "env", do_env }, { "fds", do_fds }, { "id", do_id }, { "write", do_write }, { "abi", do_abi } };
	for (size_t i = 0; i < COUNT(table); i++)
		if (strcmp(what, table[i].name) == 0)
			return table[i].run();
	if (strcmp(what, "walk") == 0)
		return walk(argc > 2 ? argv[2] : "/", 0), 0;
	if (strcmp(what, "lock") == 0 || strcmp(what, "hold") == 0)
		return do_lock(argv + 2, *what == 'h');
	if (strcmp(what, "try") == 0)
		return do_try(argv + 2);
	if (strcmp(what, "true") == 0)
		return 0;
	fprintf(stderr, "probe: no such question\n");
	return 64;
}
