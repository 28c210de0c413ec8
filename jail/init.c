/*
 * init.c - the jail's first process, once the plugin is there. Reaps, keeps a
 * clock of its own, and by its end all ends: in a pid namespace the kernel sees to
 * that; without one it inherits every orphan and ends them itself (reap.c), also
 * when the watch is gone.
 *
 * System calls only, like inside.c. It hears of its children by SIGCHLD, of the
 * watch's death, or its wish to end, by SIGHUP; both are read, not caught.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "jail/jail.h"
#include "jail/kernel.h"

#define GRACE 1000000000u /* ns that the watch's clock comes before ours */

static const unsigned long heard = INIT_HEARS;

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

/* ---- the watch -------------------------------------------------------------------------- */

static uint64_t monotonic(void)
{
	struct timespec t = { 0 };

	SYS(clock_gettime, CLOCK_MONOTONIC, &t, 0, 0, 0);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* No filter of those tiers lets anybody leave the plugin's process group, and as long
 * as it is not reaped no other group has its number: all of them at once. */
static void end_group(const struct jail_plan *plan, long plugin)
{
	if (plan->ends_by != ENDS_NAMESPACE)
		SYS(kill, -plugin, SIGKILL, 0, 0, 0);
}

static _Noreturn void end(const struct jail_plan *plan, int status)
{
	if (plan->ends_by != ENDS_NAMESPACE)
		jail_end_all(plan);
	leave(status);
}

/* Until a child ends. A watch that was stopped, or is starved, must not be
 * the plugin's gain: then the time is up here. */
static void wait_for_end(const struct jail_plan *plan, int status, long plugin, uint64_t deadline)
{
	struct jail_message m = { .word = JAIL_OVERDUE };
	uint64_t now = monotonic();
	struct timespec left;

	if (now >= deadline) {
		SYS(write, status, &m, sizeof(m), 0, 0);
		end_group(plan, plugin);
		end(plan, 0);
	}
	left.tv_sec = (time_t)((deadline - now) / 1000000000u);
	left.tv_nsec = (long)((deadline - now) % 1000000000u);
	if (SYS(rt_sigtimedwait, &heard, NULL, &left, sizeof(heard), 0) == SIGHUP) {
		end_group(plan, plugin);
		end(plan, 0);
	}
}

/* Dead, and not reaped yet. */
static bool has_ended(long plugin)
{
	siginfo_t info = { .si_signo = 0 };

	return SYS(waitid, P_PID, plugin, &info, WEXITED | WNOHANG | WNOWAIT, 0) == 0 &&
	    info.si_signo == SIGCHLD;
}

_Noreturn void jail_init(const struct jail_plan *plan, int status, long plugin)
{
	const uint64_t deadline = monotonic() + plan->wall_ns + GRACE;
	struct jail_message m = { .word = JAIL_ENDED };
	struct rusage usage;
	int wait_status = 0;
	long pid;

	for (;;) {
		if (plan->ends_by != ENDS_NAMESPACE && has_ended(plugin))
			end_group(plan, plugin);
		pid = SYS(wait4, -1, &wait_status, __WALL | WNOHANG, &usage, 0);
		if (pid == plugin)
			break;
		if (pid < 0)
			end(plan, 126);
		if (pid == 0)
			wait_for_end(plan, status, plugin, deadline);
	}
	m.wait_status = wait_status;
	m.cpu_ns = jail_cpu();
	m.max_rss = (uint64_t)usage.ru_maxrss * 1024;
	SYS(write, status, &m, sizeof(m), 0, 0);
	end(plan, 0);
}
