/*
 * mkprofile.c - the generator of build/gen/profile.h: the system call filters of
 * the jail as data; and, asked for "names", of build/gen/calls.h. A program of its
 * own, run when oxg is built; building a filter at run time would double what a
 * jail costs.
 *
 * Deny by default. What is not listed here gets EPERM; clone3 gets ENOSYS, for
 * which C libraries fall back to clone, whose flags a filter can see; a foreign
 * ABI (i386, x32) is killed.
 */
#include <errno.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>
#include <fcntl.h>
#include <unistd.h>

#define CALLS 1024 /* Linux has fewer than half as many */
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Arguments are looked at only where a call is rare and a flag decides. */

/*
 * A static program: files below its jail, memory, threads, children, time. What
 * static programs of musl, of glibc and of Go call in earnest; with those of
 * allow_arguments() 80 calls, and no more than that (t/unit/profile.c counts).
 */
static const char *const static_calls[] = {
	/* files */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "lseek",
	"open", "openat", "close", "stat", "fstat", "lstat", "newfstatat",
	"access", "getdents64", "getcwd", "chdir", "mkdir", "mkdirat",
	"unlink", "unlinkat", "rmdir", "rename", "renameat", "chmod", "fchmod", "ftruncate",
	"readlink", "readlinkat", "dup", "dup2", "dup3", "pipe2", "pipe",
	/* memory */
	"munmap", "mprotect", "mremap", "brk",
	/* waiting */
	"poll", "epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2",
	"nanosleep", "clock_nanosleep", "clock_gettime", "futex", "sched_yield",
	/* processes and threads */
	"fork", "vfork", "execve", "wait4", "waitid", "exit", "exit_group", "kill",
	"tgkill", "tkill", "getpid", "gettid",
	"set_tid_address", "set_robust_list", "arch_prctl", "rseq",
	"sched_getaffinity",
	/* signals */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"restart_syscall", /* the kernel's own, for who was stopped while he slept */
	/* what it is */
	"getuid", "getrandom",
};

/* What interpreters and language runtimes need beyond that: bash, python3,
 * node, Go, JVM. */
static const char *const runtime_calls[] = {
	"preadv", "pwritev", "preadv2", "pwritev2", "creat", "openat2", "close_range",
	"statx", "statfs", "fstatfs", "faccessat", "faccessat2",
	"fchdir", "renameat2", "link", "linkat", "symlink", "symlinkat",
	"fchmodat", "truncate", "fallocate", "fadvise64", "fsync",
	"fdatasync", "copy_file_range", "sendfile",
	"utimensat", "utime", "utimes", "umask", "flock", "mknod", "mknodat",
	"mincore", "mlock", "munlock", "msync", "membarrier",
	"pkey_alloc", "pkey_free", "pkey_mprotect", "select", "pselect6",
	"ppoll", "epoll_create", "epoll_wait", "epoll_pwait2", "signalfd", "signalfd4",
	"timerfd_create", "timerfd_settime", "timerfd_gettime", "timer_create",
	"timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete",
	"setitimer", "getitimer", "alarm", "pause", "clock_getres", "gettimeofday", "time",
	"times", "execveat", "getppid", "setsid", "setpgid", "getpgid", "getpgrp", "getsid",
	"getrusage", "getrlimit", "getpriority", "sched_getparam",
	"sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min",
	"sched_setaffinity", "getcpu", "getitimer", "rt_sigpending", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
	"getgid", "geteuid", "getegid", "getresuid", "getresgid", "getgroups", "capget",
	"uname", "sysinfo", "get_robust_list", "pidfd_open", "pidfd_send_signal",
};

/*
 * Tier landlock: the host's tree is there, and Landlock does not know of these: by a
 * path they would tell about the host's files, or change what is the caller's own.
 * Which leaves what asks by a descriptor, which was opened where Landlock allowed it.
 */
static const char *const unguarded_calls[] = {
	"stat", "lstat", "newfstatat", "access", "readlink", "readlinkat", "chmod", "fchmod",
	"open", "openat", /* come back with what Landlock sees: see allow_opening() */
};

/* Before its ABI 6 it does not know of signals either. */
static const char *const signal_calls[] = { "kill", "tkill", "tgkill" };

/*
 * mknod may make FIFOs and files: device nodes are refused by the file system
 * (nodev, no capability) and by Landlock.
 *
 * Not here, though programs ask for them now and then:
 *   memfd_create    what is written there is executable, and counted nowhere
 *   splice, tee     pages of the host's files in a pipe: the way of past escapes
 *   inotify_*       their number is the caller's, all over the host
 */

static scmp_filter_ctx filter;

static void must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "mkprofile: %s: %s\n", what, strerror(-rc));
	exit(1);
}

/* -1 is "newer than this library": an error here, never a silent gap. */
static int number_of(const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR) {
		fprintf(stderr, "mkprofile: unknown system call %s\n", name);
		exit(1);
	}
	return nr;
}

struct list { const char *const *name; size_t count; };
#define LIST(names) (struct list){ names, COUNT(names) }

static bool has(struct list l, const char *name)
{
	size_t i;

	for (i = 0; i < l.count; i++)
		if (strcmp(l.name[i], name) == 0)
			return true;
	return false;
}

static void allow(struct list of, struct list but)
{
	const char *const *name = of.name;
	size_t i;
	int rc;

	for (i = 0; i < of.count; i++) {
		if (has(but, name[i]))
			continue;
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number_of(name[i]), 0);
		must(rc == -EEXIST ? 0 : rc, name[i]);
	}
}

static void allow_when(const char *name, unsigned arg, uint64_t mask, uint64_t value)
{
	must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number_of(name), 1,
	    SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value)), name);
}

static void allow_one_of(const char *name, unsigned arg, const uint64_t *value, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		/* The kernel takes 32 bits of these: so does the comparison. */
		allow_when(name, arg, 0xffffffffu, value[i]);
}

/* Memory that is no page of a process is counted nowhere: none that is shared and
 * has no file, no huge pages of the host's pool. */
static void allow_mmap(bool files)
{
	const uint64_t huge = MAP_HUGETLB;

	if (files)
		allow_when("mmap", 3, MAP_ANONYMOUS | huge, 0);
	allow_when("mmap", 3, MAP_ANONYMOUS | MAP_SHARED | huge, MAP_ANONYMOUS);
}

/* Owners and leases reach other processes, and locks are memory of the kernel's
 * that is counted nowhere: an interpreter's databases need them nevertheless. */
static void allow_fcntl(bool runtime)
{
	static const uint64_t plain[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD,
		F_GETFL, F_SETFL };
	static const uint64_t locks[] = { F_GETLK, F_SETLK, F_SETLKW,
		F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_GETPIPE_SZ };

	allow_one_of("fcntl", 1, plain, COUNT(plain));
	if (runtime)
		allow_one_of("fcntl", 1, locks, COUNT(locks));
}

static void allow_arguments(bool runtime, bool files)
{
	static const uint64_t terminal[] = { TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX };
	static const uint64_t control[] = { PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE,
		PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_CAPBSET_READ, PR_GET_SECCOMP,
		PR_GET_NO_NEW_PRIVS, PR_GET_SECUREBITS,
		0x53564d41 /* PR_SET_VMA: naming memory */ };
	/* Not merging (it tells what other memory holds), poisoning, paging out. */
	static const uint64_t advice[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL,
		MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_DOFORK,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK,
		23 /* MADV_POPULATE_WRITE */, 25 /* MADV_COLLAPSE */ };
	const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
	    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
	    0x00000080 /* CLONE_NEWTIME */ | CLONE_PTRACE | CLONE_UNTRACED;

	/* Threads and children, never a namespace. */
	allow_when("clone", 0, namespaces, 0);
	/* No TIOCSTI, no TIOCLINUX: nothing but these. */
	allow_one_of("ioctl", 1, terminal, COUNT(terminal));
	allow_one_of("prctl", 0, control, COUNT(control));
	allow_one_of("madvise", 2, advice, COUNT(advice));
	allow_mmap(files);
	allow_fcntl(runtime);
	/* Its own limits can be read and nobody's be set. */
	must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number_of("prlimit64"), 2,
	    SCMP_A0_64(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0), SCMP_A2_64(SCMP_CMP_EQ, 0)), "prlimit64");
	must(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number_of("clone3"), 0), "clone3");
	if (runtime)
		/* PER_LINUX asked or read; nothing that turns protections off. */
		allow_one_of("personality", 0, (const uint64_t[]){ 0, 0xffffffffu }, 2);
}

static void print_program(const char *name)
{
	struct sock_filter *code;
	long size, i;
	FILE *file = tmpfile();

	if (file == NULL) {
		perror("mkprofile: temporary file");
		exit(1);
	}
	must(seccomp_export_bpf(filter, fileno(file)), "export");
	size = lseek(fileno(file), 0, SEEK_END);
	code = malloc((size_t)size);
	if (code == NULL || pread(fileno(file), code, (size_t)size, 0) != size)
		exit(1);
	printf("static struct sock_filter %s_code[] = {\n", name);
	for (i = 0; i < size / (long)sizeof(*code); i++)
		printf("\t{ 0x%04x, %u, %u, 0x%08x },\n", code[i].code, code[i].jt,
		    code[i].jf, code[i].k);
	printf("};\n\n");
	free(code);
	fclose(file);
}

/* UNMOUNTED: what a file holds is counted by its name and by who has it open. Who has
 * it mapped, and neither, is not: no file is mapped where no mount has a ceiling. */
enum { PLAIN, RUNTIME, UNMOUNTED, UNGUARDED, NO_SIGNALS };

/* O_PATH opens what it likes; the access mode 3 is neither reading nor writing, and
 * Landlock asks for no right; O_TRUNC its older ABIs do not know, and who may write
 * may truncate. */
static void allow_opening(const char *name, unsigned arg)
{
	const uint64_t mode = O_PATH | 3u;

	allow_when(name, arg, mode | O_TRUNC, 0 /* O_RDONLY */);
	allow_when(name, arg, mode, 1 /* O_WRONLY */);
	allow_when(name, arg, mode, 2 /* O_RDWR */);
}

static void allow_unguarded(bool signals)
{
	allow_opening("openat", 2);
#ifdef __x86_64__
	allow_opening("open", 1);
#endif
	/* Its own process group is all of its own. */
	if (!signals)
		allow_one_of("kill", 0, (const uint64_t[]){ 0 }, 1);
}

static void make(const char *name, int kind)
{
	static const struct list none = { NULL, 0 };
	const char *without[COUNT(unguarded_calls) + COUNT(signal_calls)];
	struct list but = { without, COUNT(unguarded_calls) };

	memcpy(without, unguarded_calls, sizeof(unguarded_calls));
	memcpy(without + COUNT(unguarded_calls), signal_calls, sizeof(signal_calls));
	if (kind == NO_SIGNALS)
		but.count = COUNT(without);
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		exit(1);
	must(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "bad arch");
	must(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "binary tree");
	allow(LIST(static_calls), kind >= UNGUARDED ? but : none);
	if (kind == RUNTIME)
		allow(LIST(runtime_calls), none);
	if (kind >= UNGUARDED)
		allow_unguarded(kind == UNGUARDED);
	allow_arguments(kind == RUNTIME, kind < UNMOUNTED);
	print_program(name);
	seccomp_release(filter);
}

/* The names that the ledger and the doctor use, one behind the other in the order of
 * their numbers; where there is no call, nothing. */
static void print_names(void)
{
	int nr, last = CALLS;
	char *name;

	while (last > 0 && (name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), last - 1)) == NULL)
		last--;
	free(name);
	printf("#define CALL_NAMES %d\nstatic const char call_names[] =\n", last);
	for (nr = 0; nr < last; nr++) {
		name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), nr);
		printf("\t\"%s\\0\"\n", name != NULL ? name : "");
		free(name);
	}
	printf(";\n");
}

int main(int argc, char **argv)
{
	printf("/* Made by jail/mkprofile.c. */\n\n");
	if (argc == 2 && strcmp(argv[1], "names") == 0) {
		print_names();
		return 0;
	}
	make("static", PLAIN);
	make("runtime", RUNTIME);
	make("chroot", UNMOUNTED);
	make("landlock", UNGUARDED);
	make("landlock_old", NO_SIGNALS);
	return 0;
}
