/*
 * inject.c - lets one process of a run make a system call that it would never make
 * by itself: what somebody could do who got his code into it. For tests; oxg has no
 * switch for that, and needs none: this is a debugger, as parent of them all.
 *
 *   inject ROLE FILE CALL PATH COMMAND...
 *
 * ROLE is oxg (the command itself), watch or broker. When FILE is not empty any more
 * (said by the plugin, then), its next call is replaced by CALL, which may use PATH.
 * Prints what came of it: "returned N", or the signal it died of. Then the command
 * goes on without us; its exit status is ours, 128 and more a signal.
 */
#include <errno.h>
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 60       /* then it is over, whatever it does */
#define VARIABLE "INJECT_PATH="
#define PATH_HERE -4242L

static const struct call {
	const char *name;
	long nr, arg[6];
} calls[] = {
	{ "clock", SYS_clock_gettime, { CLOCK_MONOTONIC, PATH_HERE } },
	{ "create", SYS_openat, { AT_FDCWD, PATH_HERE, O_WRONLY | O_CREAT, 0644 } },
	{ "read", SYS_openat, { AT_FDCWD, PATH_HERE, O_RDONLY } },
	{ "look", SYS_openat2, { AT_FDCWD, PATH_HERE, PATH_HERE, 24 } },
	{ "mkdir", SYS_mkdirat, { AT_FDCWD, PATH_HERE, 0755 } },
	{ "chmod", SYS_fchmodat, { AT_FDCWD, PATH_HERE, 0777 } },
	{ "unlink", SYS_unlinkat, { AT_FDCWD, PATH_HERE, 0 } },
	{ "link", SYS_symlinkat, { PATH_HERE, AT_FDCWD, PATH_HERE } },
	{ "exec", SYS_execve, { PATH_HERE, 0, 0 } },
	{ "fork", SYS_clone, { SIGCHLD } },
	{ "socket", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
	{ "ptrace", SYS_ptrace, { PTRACE_ATTACH, 1 } },
	{ "mount", SYS_mount, { PATH_HERE, PATH_HERE, 0, 4096 /* MS_BIND */ } },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
	{ "setuid", SYS_setresuid, { 0, 0, 0 } },
	{ "code", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "peek", SYS_process_vm_readv, { 1, PATH_HERE, 0, PATH_HERE, 0, 0 } },
	{ "fetch", SYS_pidfd_getfd, { -1, 0, 0 } },
	{ "term", SYS_kill, { 1, SIGTERM } },
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* ---- PATH in their memory ---------------------------------------------------------------- */

static long path_there;

/* They let nobody write to it later: so it is in the environment, where it is at the
 * same address in all that are forked. */
static void find_path(pid_t pid)
{
	static char all[1 << 20];
	char name[64], *at;
	unsigned long start = 0;
	size_t n = 0;
	FILE *f;
	int i;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	f = fopen(name, "r");
	if (f == NULL || fgets(all, sizeof(all), f) == NULL)
		fail(name);
	fclose(f);
	/* Field 50 of proc_pid_stat(5); the blank before field 3 follows the bracket. */
	at = strrchr(all, ')') + 1;
	for (i = 3; i < 50 && at != NULL; i++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		start = strtoul(at, NULL, 10);
	snprintf(name, sizeof(name), "/proc/%d/environ", (int)pid);
	f = fopen(name, "r");
	if (f != NULL) {
		n = fread(all, 1, sizeof(all) - 1, f);
		fclose(f);
	}
	for (at = all; at < all + n; at += strlen(at) + 1)
		if (strncmp(at, VARIABLE, strlen(VARIABLE)) == 0)
			path_there = (long)(start + (size_t)(at - all) + strlen(VARIABLE));
	if (start == 0 || path_there == 0)
		fail(name);
}

/* ---- registers ---------------------------------------------------------------------- */

static void move_registers(int request, pid_t pid, struct user_regs_struct *regs)
{
	struct iovec all = { regs, sizeof(*regs) };

	if (ptrace(request, pid, (void *)NT_PRSTATUS, &all) != 0)
		fail("registers");
}

/* At the entry of a call: another one in its place. */
static void put_call(pid_t pid, const struct call *c)
{
	struct user_regs_struct regs;
	long arg[6];
	int i;

	move_registers(PTRACE_GETREGSET, pid, &regs);
	for (i = 0; i < 6; i++)
		arg[i] = c->arg[i] == PATH_HERE ? path_there : c->arg[i];
#if defined(__aarch64__)
	for (i = 0; i < 6; i++)
		regs.regs[i] = (unsigned long)arg[i];
	{
		int nr = (int)c->nr;
		struct iovec number = { &nr, sizeof(nr) };

		ptrace(PTRACE_SETREGSET, pid, (void *)0x404 /* NT_ARM_SYSTEM_CALL */, &number);
	}
#else
	regs.orig_rax = (unsigned long)c->nr;
	regs.rdi = (unsigned long)arg[0];
	regs.rsi = (unsigned long)arg[1];
	regs.rdx = (unsigned long)arg[2];
	regs.r10 = (unsigned long)arg[3];
	regs.r8 = (unsigned long)arg[4];
	regs.r9 = (unsigned long)arg[5];
#endif
	move_registers(PTRACE_SETREGSET, pid, &regs);
}

/* At its exit: the result; and the call that should have been made is made now. */
static long take_result(pid_t pid, const struct user_regs_struct *before)
{
	struct user_regs_struct regs;
	long result;

	move_registers(PTRACE_GETREGSET, pid, &regs);
#if defined(__aarch64__)
	result = (long)regs.regs[0];
	regs = *before;
	regs.pc -= 4;
#else
	result = (long)regs.rax;
	regs = *before;
	regs.rax = before->orig_rax;
	regs.orig_rax = ~0ul;
	regs.rip -= 2;
#endif
	move_registers(PTRACE_SETREGSET, pid, &regs);
	return result;
}

/* ---- who is who -------------------------------------------------------------------------- */

/* Line "name:" of /proc/PID/status; its numbers, counted; the first of them. */
static int status_numbers(pid_t pid, const char *name, long *first)
{
	char path[64], line[512];
	int count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		char *at = line + strlen(name), *end;
		long number;

		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		for (; number = strtol(at, &end, 10), end != at; at = end)
			if (count++ == 0)
				*first = number;
	}
	if (f != NULL)
		fclose(f);
	return count;
}

static pid_t oxg, watch, broker;

static const char *role(pid_t pid)
{
	long parent = 0, unused;

	if (pid == oxg)
		return "oxg";
	status_numbers(pid, "PPid:", &parent);
	if (parent == oxg && watch == 0)
		watch = pid;
	else if (parent == watch && broker == 0 && status_numbers(pid, "NSpid:", &unused) == 1)
		broker = pid;
	return pid == watch ? "watch" : pid == broker ? "broker" : "";
}

static bool has_something(const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 && st.st_size > 0;
}

/* ---- the story ------------------------------------------------------------------------------- */

/* The next stop of pid; others go on. *status: as waitpid says. */
static void next_stop(pid_t pid, int request, int *status)
{
	if (ptrace(request, pid, NULL, NULL) != 0 || waitpid(pid, status, __WALL) != pid)
		fail("going on");
}

/* It stands in an event's stop. */
static void inject(pid_t pid, const struct call *c)
{
	struct user_regs_struct before;
	long result = 0;
	int status;

	do
		next_stop(pid, PTRACE_SYSCALL, &status);
	while (WIFSTOPPED(status) && WSTOPSIG(status) != (SIGTRAP | 0x80));
	if (WIFSTOPPED(status)) {
		move_registers(PTRACE_GETREGSET, pid, &before);
		put_call(pid, c);
		next_stop(pid, PTRACE_SYSCALL, &status);
		/* Exec and fork stop in between, when they work. */
		while (WIFSTOPPED(status) && WSTOPSIG(status) != (SIGTRAP | 0x80))
			next_stop(pid, PTRACE_SYSCALL, &status);
	}
	/* A filter's death comes when the call is over. */
	if (WIFSTOPPED(status)) {
		result = take_result(pid, &before);
		next_stop(pid, PTRACE_SYSCALL, &status);
	}
	if (WIFSIGNALED(status))
		printf("died of signal %d\n", WTERMSIG(status));
	else if (WIFEXITED(status))
		printf("exited\n");
	else
		printf("returned %ld\n", result);
	fflush(stdout);
	if (WIFSTOPPED(status))
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	else if (pid == oxg)
		exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static bool wanted(pid_t pid, const char *who)
{
	const char *is = role(pid);

	return strcmp(is, who) == 0 || strcmp(is, "oxg") == 0 ||
	    (strcmp(is, "watch") == 0 && strcmp(who, "broker") == 0);
}

/* Of the others whoever stops is let go; those on the way to ROLE are followed. */
static void answer_stop(pid_t pid, int status, const char *who, bool done)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	if (event == PTRACE_EVENT_EXEC && pid == oxg && path_there == 0)
		find_path(pid);
	if (done || !wanted(pid, who)) {
		ptrace(PTRACE_DETACH, pid, NULL, (void *)(uintptr_t)(event ? 0 : signal));
		return;
	}
	ptrace(PTRACE_CONT, pid, NULL, (void *)(uintptr_t)(event ? 0 : signal));
}

static pid_t target(const char *who)
{
	return strcmp(who, "oxg") == 0 ? oxg : strcmp(who, "watch") == 0 ? watch : broker;
}

static int follow(const char *who, const char *file, const struct call *c)
{
	const struct timespec little = { 0, 2000000 };
	bool asked = false, done = false;
	time_t end = time(NULL) + SECONDS;
	int status;
	pid_t pid;

	while (time(NULL) < end) {
		pid = waitpid(-1, &status, __WALL | WNOHANG);
		if (pid == oxg && !WIFSTOPPED(status))
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (pid > 0 && WIFSTOPPED(status)) {
			if (asked && !done && pid == target(who) && status >> 16 == PTRACE_EVENT_STOP) {
				done = true;
				inject(pid, c);
				/* Nobody is held any longer. */
				ptrace(PTRACE_INTERRUPT, oxg, NULL, NULL);
				if (watch != 0)
					ptrace(PTRACE_INTERRUPT, watch, NULL, NULL);
			} else {
				answer_stop(pid, status, who, done);
			}
		} else if (pid == 0) {
			if (!asked && path_there != 0 && target(who) != 0 && has_something(file))
				asked = ptrace(PTRACE_INTERRUPT, target(who), NULL, NULL) == 0;
			nanosleep(&little, NULL);
		} else if (pid < 0 && errno == ECHILD) {
			break;
		}
	}
	errno = ETIME;
	fail("following");
}

int main(int argc, char **argv)
{
	const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
	    PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
	const struct call *c = calls;
	int status;

	if (argc < 6 || setenv("INJECT_PATH", argv[4], 1) != 0)
		return 99;
	while (c < calls + sizeof(calls) / sizeof(calls[0]) && strcmp(c->name, argv[3]) != 0)
		c++;
	if (c == calls + sizeof(calls) / sizeof(calls[0]))
		return 99;
	oxg = fork();
	if (oxg == 0) {
		raise(SIGSTOP);
		execvp(argv[5], argv + 5);
		_exit(99);
	}
	/* Seized in its stop, whatever forks later is seized as well. */
	if (oxg < 0 || waitpid(oxg, &status, WUNTRACED) != oxg ||
	    ptrace(PTRACE_SEIZE, oxg, NULL, options) != 0)
		fail("attaching");
	kill(oxg, SIGCONT);
	return follow(argv[1], argv[2], c);
}
