/*
 * apart.c - are the jail's namespaces its own? Asked in the watch, after clone and
 * before the jail is told to build: it waits then, and may still be looked at.
 *
 * The flags that clone was given are what we wanted; what came of them is asked of
 * the kernel. From inside, a network or a cgroup namespace cannot be told from the
 * host's by what it shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "jail/jail.h"
#include "jail/kernel.h"

#define SPACE_MAX 64 /* "cgroup:[4026531835]" */

static const struct space {
	const char *name;
	uint64_t flag;
} spaces[] = {
	{ "user", CLONE_NEWUSER },
	{ "mnt", CLONE_NEWNS },
	{ "pid", CLONE_NEWPID },
	{ "net", CLONE_NEWNET },
	{ "ipc", CLONE_NEWIPC },
	{ "uts", CLONE_NEWUTS },
	{ "cgroup", CLONE_NEWCGROUP },
};

/* Reading the link is cheaper than asking for the file behind it, which the kernel
 * would have to make. */
static int apart(int jail, int own, const struct space *s, struct why *why)
{
	char theirs[SPACE_MAX], ours[SPACE_MAX];
	ssize_t n = readlinkat(jail, s->name, theirs, sizeof(theirs));
	ssize_t m = n > 0 ? readlinkat(own, s->name, ours, sizeof(ours)) : -1;

	if (n <= 0 || m <= 0)
		return refuse(why, REFUSE_JAIL, "cannot see which %s namespace the jail is in: %s",
		    s->name, strerror(errno));
	if (n == m && memcmp(theirs, ours, (size_t)n) == 0)
		return refuse(why, REFUSE_JAIL, "the jail is not what it must be: it shares the host's "
		    "%s namespace; nothing was executed", s->name);
	return 0;
}

int jail_apart(pid_t init, uint64_t flags, uint32_t *proved, struct why *why)
{
	char path[32];
	int jail, own, rc = 0;
	size_t i;

	snprintf(path, sizeof(path), "/proc/%d/ns", (int)init);
	jail = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	own = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*proved = 0;
	if (jail < 0 || own < 0)
		rc = refuse(why, REFUSE_JAIL, "cannot see which namespaces the jail is in: %s%s",
		    strerror(errno), errno == ENOENT ? "; is /proc mounted?" : "");
	for (i = 0; rc == 0 && i < COUNT(spaces); i++) {
		if ((flags & spaces[i].flag) == 0)
			continue; /* the tier has none */
		rc = apart(jail, own, &spaces[i], why);
		++*proved;
	}
	if (jail >= 0)
		close(jail);
	if (own >= 0)
		close(own);
	return rc;
}
