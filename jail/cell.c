/*
 * cell.c - ends a live cell from outside. Runs in the watch.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "jail/jail.h"

#define PATIENCE_MS 6000 /* longer than init tries */

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
