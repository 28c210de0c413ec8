/*
 * rights.c - what the broker gives up before it reads its first byte: every
 * descriptor but its own, its identity, its capabilities, and all system calls
 * but those that serving needs. Runs in the broker, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/broker.h"

/* ---- descriptors ---------------------------------------------------------------- */

static int descriptors_close(const struct broker_plan *p)
{
	const int keep[] = { p->out, p->err, p->requests, p->answers, p->control,
		p->findings_file, p->stdout_file, p->stderr_file, p->ledger_file, p->journal.fd };
	int next = 0;

	for (;;) {
		int lowest = -1;

		for (size_t i = 0; i < COUNT(keep); i++)
			if (keep[i] >= next && (lowest < 0 || keep[i] < lowest))
				lowest = keep[i];
		if (lowest != next &&
		    syscall(SYS_close_range, next, lowest < 0 ? ~0u : (unsigned)lowest - 1, 0) < 0)
			return -1;
		if (lowest < 0)
			return 0;
		next = lowest + 1;
	}
}

/* A pipe of the plugin's must never hold us. */
static int descriptors_unblock(const struct broker_plan *p)
{
	const int pipes[] = { p->out, p->err, p->requests, p->answers };

	for (size_t i = 0; i < COUNT(pipes); i++)
		if (pipes[i] >= 0 &&
		    fcntl(pipes[i], F_SETFL, fcntl(pipes[i], F_GETFL) | O_NONBLOCK) < 0)
			return -1;
	return 0;
}

/* ---- identity, capabilities, signals ----------------------------------------------- */

static int identity_drop(const struct broker_plan *p)
{
	for (int c = 0; c < 64 && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0; c++)
		;
	if (!p->privileged)
		return 0;
	if (p->uid == 0 || p->gid == 0) {
		errno = EINVAL;
		return -1;
	}
	if (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0)
		return -1;
	return 0;
}

static int capabilities_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof(none));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) < 0 ? -1 : 0;
}

/* Nobody set a handler, and what the caller ignored may stay so: nothing is executed
 * here. The terminal's keys and a closing terminal are the supervisor's to answer; a
 * file that may not grow is an error to be told. */
static void signals_reset(void)
{
	static const int ignored[] = { SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGXFSZ };
	sigset_t none;

	for (size_t i = 0; i < COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- system calls --------------------------------------------------------------------- */

#if defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else /* elsewhere its first call kills it, and nothing is run */
#define ARCH AUDIT_ARCH_X86_64
#endif

#define FIELD(name) offsetof(struct seccomp_data, name)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW(name)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                \
	RETURN(SECCOMP_RET_ALLOW)

/*
 * No open, no socket, no fork, no exec, and of the files it holds it can only
 * write on: no ftruncate, and no fcntl to take O_APPEND away. A refused call is
 * EPERM and not death: what a C library tries in passing must not cost the evidence.
 * An x32 number is none of these, a foreign ABI is killed.
 */
static const struct sock_filter calls[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	ALLOW(read),
	ALLOW(write),
#ifdef SYS_poll
	ALLOW(poll),
#endif
	ALLOW(ppoll),
	ALLOW(close),
	ALLOW(sendto),      /* the supervisor's socket pair: send, recv */
	ALLOW(recvfrom),
	ALLOW(clock_gettime),
	ALLOW(getrandom),
	ALLOW(brk),
	ALLOW(munmap),
	ALLOW(mremap),
	ALLOW(madvise),
	ALLOW(futex),
	ALLOW(restart_syscall), /* poll, stopped and continued */
	ALLOW(exit_group),
#ifdef __SANITIZE_ADDRESS__ /* asks where its stacks are before any exit */
	ALLOW(sigaltstack),
	ALLOW(gettid),
#endif
	/* Memory, but none that can be executed. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
	LOAD(args[2]),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
};

static int calls_drop(void)
{
	const struct sock_fprog program = { COUNT(calls), (struct sock_filter *)calls };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* ---- all of it ----------------------------------------------------------------------------- */

const char *rights_drop(const struct broker_plan *p)
{
	static const struct rlimit no_core = { 0, 0 };

	signals_reset();
	if (descriptors_close(p) < 0 || descriptors_unblock(p) < 0)
		return "close foreign descriptors";
	if (identity_drop(p) < 0)
		return "become another user";
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return "tie its life to the supervisor's";
	if (capabilities_drop() < 0)
		return "drop its capabilities";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return "give up gaining privileges";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return "hide its memory";
	if (calls_drop() < 0)
		return "load its system call filter";
	return NULL;
}
