/*
 * init.c - the jail's first process, once the plugin is there. Reaps, keeps a
 * clock of its own, and by its end all ends: in a pid namespace the kernel sees to
 * that; without one it inherits every orphan and ends them itself, also when the
 * supervisor is gone.
 *
 * System calls only, like inside.c. It hears of its children by SIGCHLD, of the
 * supervisor's death, or its wish to end, by SIGHUP; both are read, not caught.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "jail/jail.h"
#include "jail/kernel.h"

#define GRACE 1000000000u /* ns that the supervisor's clock comes before ours */
#define CHILDREN 4096     /* bytes of the list that is read at once */
#define ROUNDS 20000      /* four seconds */

static const unsigned long heard = 1ul << (SIGCHLD - 1) | 1ul << (SIGHUP - 1);

static uint64_t nanoseconds(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_usec * 1000u;
}

uint64_t jail_cpu(void)
{
	struct timespec own = { 0 };
	struct rusage reaped = { 0 };

	SYS(clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &own, 0, 0, 0);
	SYS(getrusage, RUSAGE_CHILDREN, &reaped, 0, 0, 0);
	return (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec +
	    nanoseconds(&reaped.ru_utime) + nanoseconds(&reaped.ru_stime);
}

/* ---- ending all, where no pid namespace does it ----------------------------------- */

/* Signals every process that it may: all of the plugin's user, and nobody else. It
 * must have given up every right before, and sees that it did: who has CAP_KILL, or is
 * who it was, would end the host. */
static _Noreturn void be_the_end(const struct jail_plan *plan, long init)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	const struct kernel_cap_data none[2] = { { 0 } };

	if (SYS(setresgid, plan->gid, plan->gid, plan->gid, 0, 0) == 0 &&
	    SYS(setresuid, plan->uid, plan->uid, plan->uid, 0, 0) == 0 &&
	    SYS(capset, &header, none, 0, 0, 0) == 0 &&
	    SYS(kill, init, 0, 0, 0, 0) < 0 && errno == EPERM &&
	    (unsigned)SYS(getuid, 0, 0, 0, 0, 0) == plan->uid)
		SYS(kill, -1, SIGKILL, 0, 0, 0);
	leave(0);
}

/* Nobody else has that user. The kernel looks at each process once, and who is about
 * to fork is caught before. */
static void end_user(const struct jail_plan *plan)
{
	long init = SYS(getpid, 0, 0, 0, 0, 0), pid = SYS(clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0 && SYS(getpid, 0, 0, 0, 0, 0) != init)
		be_the_end(plan, init);
	if (pid > 0)
		SYS(wait4, pid, NULL, __WALL, NULL, 0);
}

/* Nobody forks once it has no process left to its limit; who was forked before
 * that is here at the next look. */
static void end_one(long pid)
{
	static const struct rlimit none = { 0, 0 };

	SYS(prlimit64, pid, RLIMIT_NPROC, &none, NULL, 0);
	SYS(kill, pid, SIGKILL, 0, 0, 0);
}

/* Returns how many there were beside the spared one. */
static int end_children(pid_t spare)
{
	char text[CHILDREN];
	long fd = SYS(openat, AT_FDCWD, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC, 0, 0);
	long n, i, pid = 0;
	int count = 0;

	if (fd < 0)
		return 0;
	n = SYS(read, fd, text, sizeof(text), 0, 0);
	SYS(close, fd, 0, 0, 0, 0);
	for (i = 0; i < n; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			pid = pid * 10 + (text[i] - '0');
			continue;
		}
		if (pid > 1 && pid != spare) {
			end_one(pid);
			count++;
		}
		pid = 0;
	}
	return count;
}

/* Whoever is dead is taken; false: nobody is left, dead or alive. */
static bool reap_dead(pid_t spare)
{
	long pid;

	do
		pid = SYS(wait4, -1, NULL, __WALL | WNOHANG, NULL, 0);
	while (pid > 0 && pid != spare);
	return pid == 0;
}

void jail_end_all(const struct jail_plan *plan, pid_t spare)
{
	static const struct timespec moment = { 0, 200000 };
	bool left;
	int tries;

	/* Each round takes a generation; a chain has as many as it may have
	 * processes. Bounded: what cannot be ended must not hold us for ever. */
	for (tries = 0; tries < ROUNDS; tries++) {
		left = reap_dead(spare);
		if (spare != 0)
			left = end_children(spare) > 0;
		if (!left)
			return;
		if (plan->ends_by == ENDS_USER)
			end_user(plan);
		else if (plan->ends_by == ENDS_DOMAIN && spare == 0)
			SYS(kill, -1, SIGKILL, 0, 0, 0);
		else if (spare == 0)
			end_children(0);
		SYS(nanosleep, &moment, NULL, 0, 0, 0);
	}
}

/* ---- the watch -------------------------------------------------------------------------- */

static uint64_t monotonic(void)
{
	struct timespec t = { 0 };

	SYS(clock_gettime, CLOCK_MONOTONIC, &t, 0, 0, 0);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static _Noreturn void end(const struct jail_plan *plan, int status)
{
	if (plan->ends_by != ENDS_NAMESPACE)
		jail_end_all(plan, 0);
	leave(status);
}

/* Until a child ends. A supervisor that was stopped, or is starved, must not be
 * the plugin's gain: then the time is up here. */
static void wait_for_end(const struct jail_plan *plan, int status, uint64_t deadline)
{
	struct jail_message m = { .word = JAIL_OVERDUE };
	uint64_t now = monotonic();
	struct timespec left;

	if (now >= deadline) {
		SYS(write, status, &m, sizeof(m), 0, 0);
		end(plan, 0);
	}
	left.tv_sec = (time_t)((deadline - now) / 1000000000u);
	left.tv_nsec = (long)((deadline - now) % 1000000000u);
	if (SYS(rt_sigtimedwait, &heard, NULL, &left, sizeof(heard), 0) == SIGHUP)
		end(plan, 0);
}

_Noreturn void jail_init(const struct jail_plan *plan, int status, long plugin)
{
	const uint64_t deadline = monotonic() + plan->wall_ns + GRACE;
	struct jail_message m = { .word = JAIL_ENDED };
	struct rusage usage;
	int wait_status = 0;
	long pid;

	for (;;) {
		pid = SYS(wait4, -1, &wait_status, __WALL | WNOHANG, &usage, 0);
		if (pid == plugin)
			break;
		if (pid < 0)
			end(plan, 126);
		if (pid == 0)
			wait_for_end(plan, status, deadline);
	}
	m.wait_status = wait_status;
	m.cpu_ns = jail_cpu();
	m.max_rss = (uint64_t)usage.ru_maxrss * 1024;
	SYS(write, status, &m, sizeof(m), 0, 0);
	end(plan, 0);
}
