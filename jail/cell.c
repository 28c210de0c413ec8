/*
 * cell.c - takes from a live cell, and ends it, from outside. Runs in the watch; taking
 * also in who tries whether it can be had.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"

#define PATIENCE_MS 6000 /* longer than init tries */

int descriptor_of(pid_t pid, int remote)
{
	long pidfd = syscall(SYS_pidfd_open, pid, 0), fd;
	int error;

	if (pidfd < 0)
		return -1;
	fd = syscall(SYS_pidfd_getfd, (int)pidfd, remote, 0);
	error = errno;
	close((int)pidfd);
	errno = error;
	return (int)fd;
}

/* SIGKILL to its pid 1 ends every process of the namespace; the wait returns when
 * the last of them is gone. Elsewhere init is told, and ends them before itself. */
void cell_end(struct cell *cell, struct rusage *used)
{
	bool tell = cell->released && cell->plan->ends_by != ENDS_NAMESPACE;
	struct pollfd on = { .fd = cell->pidfd, .events = POLLIN };

	if (cell->over || cell->init <= 0)
		return;
	if (tell && kill(cell->init, SIGHUP) == 0)
		(void)poll(&on, 1, PATIENCE_MS);
	kill(cell->init, SIGKILL);
	while (wait4(cell->init, NULL, __WALL, used) < 0 && errno == EINTR)
		;
	if (tell)
		jail_end_left(cell->plan, cell->spared);
	cell->over = true;
}
