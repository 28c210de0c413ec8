/*
 * watch.c - the process that watches a jail: forked by the supervisor, it forks the
 * broker, clones the jail, confines itself, supervises, and says once how it went.
 * At the end of the file is the supervisor's side.
 *
 * Two processes, since no single one can be shut in and watch: the kernel lets
 * nobody in a Landlock domain look into a process that is not in it, and nobody in
 * such a domain mount, as the jail's init has to. So the watch looks into the jail's
 * processes and writes no file; the supervisor writes the run folder, can open
 * nothing else, and looks into nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/broker.h"
#include "jail/jail.h"
#include "lib/confine.h"

/* Watch -> supervisor, one message, its last: written by watch_serve, read by
 * watch_wait. The other way go WATCH_RELEASE and the operator's signals, each a
 * uint32_t: written below, read by jail/supervise.c. */
struct last_word {
	struct why why;              /* code 0: the plugin was executed */
	struct death death;
};

/* Read ends and write ends of everything between broker, init and us. */
struct wires {
	int out[2], err[2], requests[2], answers[2], sync[2], status[2], control[2];
};

/* ---- wires -------------------------------------------------------------------------- */

/* At or above JAIL_FIRST_FD, so that the child can place its own without thought. */
static int away(int fd)
{
	int moved, error;

	if (fd >= JAIL_FIRST_FD)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, JAIL_FIRST_FD);
	error = errno;
	close(fd);
	errno = error;
	return moved;
}

static int open_wires(struct wires *l, struct why *why)
{
	int *const pipes[] = { l->out, l->err, l->requests, l->answers, l->sync };
	size_t i;

	for (i = 0; i < COUNT(pipes); i++) {
		if (pipe2(pipes[i], O_CLOEXEC) != 0 ||
		    (pipes[i][0] = away(pipes[i][0])) < 0 || (pipes[i][1] = away(pipes[i][1])) < 0)
			return refuse(why, REFUSE_JAIL, "cannot make a pipe: %s", strerror(errno));
	}
	if (wire_pair(l->status) != 0 || wire_pair(l->control) != 0 ||
	    (l->status[1] = away(l->status[1])) < 0)
		return refuse(why, REFUSE_JAIL, "cannot make a socket pair: %s", strerror(errno));
	return 0;
}

/* ---- broker and jail ------------------------------------------------------------------ */

static int start_broker(struct broker_plan *b, const struct wires *l, pid_t *pid, struct why *why)
{
	b->out = l->out[0];
	b->err = l->err[0];
	b->requests = l->requests[0];
	b->answers = l->answers[1];
	b->control = l->control[1];
	*pid = fork();
	if (*pid == 0)
		broker_serve(b);
	/* The broker alone holds the key and the secrets from here on. */
	mint_wipe(&b->mint);
	secrets_wipe(b->secret, &b->secrets);
	if (*pid < 0)
		return refuse(why, REFUSE_JAIL, "cannot fork the broker: %s", strerror(errno));
	return 0;
}

static int start_jail(const struct watch_plan *p, const struct wires *l, struct cell *cell,
    struct why *why)
{
	const struct jail_ends ends = { .sync = l->sync[0], .sync_far = l->sync[1],
		.status = l->status[1], .out = l->out[1], .err = l->err[1],
		.answers = l->answers[0], .requests = l->requests[1] };

	cell->scratch = -1;
	cell->sync = l->sync[1];
	cell->status = l->status[0];
	return sandbox_spawn(p->jail, &ends, cell, why);
}

static void kill_broker(pid_t broker)
{
	kill(broker, SIGKILL);
	while (waitpid(broker, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- rights ------------------------------------------------------------------------------ */

#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/*
 * Looking on: files are only read, what is written goes to a socket, a pipe or the
 * operator's terminal, and the one signal sent is SIGKILL.
 */
#define LOOKING_ON                                                            \
	ALLOW_POLL,                                                           \
	ALLOW_WITH(ioctl, 1, SECCOMP_IOCTL_NOTIF_RECV),                       \
	ALLOW_WITH(ioctl, 1, SECCOMP_IOCTL_NOTIF_SEND),                       \
	ALLOW_WITH(ioctl, 1, SECCOMP_IOCTL_NOTIF_ID_VALID),                   \
	ALLOW_WITH(ioctl, 1, LEDGER_NOTIF_SET_FLAGS),                         \
	OPENING,                                                              \
	ALLOW_WITH(fcntl, 1, F_SETFD), /* the C library's open() */           \
	ALLOW(read), ALLOW(close), ALLOW(getdents64), ALLOW(fstatfs),         \
	ALLOW(process_vm_readv), /* what a refused call named */              \
	ALLOW(sendto), ALLOW(recvfrom), ALLOW(recvmsg),                       \
	ALLOW(write), ALLOW(writev), /* and the live line */                  \
	ALLOW_WITH(seccomp, 0, SECCOMP_GET_NOTIF_SIZES),                      \
	ALLOW(pidfd_open), ALLOW(pidfd_getfd), /* the listener is fetched */  \
	ALLOW_WITH(kill, 1, SIGKILL), ALLOW(wait4), ALLOW(getrusage),         \
	ALLOW_LIVING

#ifdef SYS_open
#define OPENING ALLOW_WITHOUT(open, 1, WRITING), ALLOW_WITHOUT(openat, 2, WRITING)
#else
#define OPENING ALLOW_WITHOUT(openat, 2, WRITING)
#endif

static const struct sock_filter calls[] = {
	FILTER_BEGIN,
	LOOKING_ON,
#ifdef __SANITIZE_ADDRESS__ /* its C library opens directories so */
	ALLOW(newfstatat),
	ALLOW(fcntl),
#endif
	REFUSE_PASSING,
	FILTER_END,
};

/* Without a namespace that ends with its first process the jail is ended from here
 * (jail/init.c), and what it holds in files is counted (jail/scratch.c). */
static const struct sock_filter calls_of_ender[] = {
	FILTER_BEGIN,
	LOOKING_ON,
	ALLOW(newfstatat),
	ALLOW(fstat),
	ALLOW_WITH(fcntl, 1, F_GETFL),
	ALLOW(kill),
	ALLOW(getpid),
	ALLOW(geteuid),
	ALLOW(clone),
	ALLOW(setresuid),
	ALLOW(setresgid),
	ALLOW(capset),
	ALLOW(prlimit64),
	ALLOW(nanosleep),
#ifdef __SANITIZE_ADDRESS__
	ALLOW(fcntl),
#endif
	REFUSE_PASSING,
	FILTER_END,
};

/* Before "go", while the jail is built. No Landlock: see above. */
static int confine(const struct jail_plan *plan, const struct cell *cell, int control, int wire,
    struct why *why)
{
	const int keep[] = { STDERR_FILENO, wire, control, cell->sync, cell->status, cell->pidfd };
	const char *aim = NULL;
	int rc;

	if (descriptors_keep(keep, COUNT(keep)) != 0)
		aim = "close foreign descriptors";
	else if (capabilities_keep(plan->watch_caps) != 0)
		aim = "drop its capabilities";
	else if (privileges_forgo() != 0)
		aim = "give up gaining privileges";
	if (aim == NULL) {
		rc = plan->ends_by == ENDS_NAMESPACE ? calls_keep(calls, COUNT(calls)) :
		    calls_keep(calls_of_ender, COUNT(calls_of_ender));
		aim = rc == 0 ? NULL : "load its system call filter";
	}
	return aim == NULL ? 0 : refuse(why, REFUSE_JAIL,
	    "the watch over the jail cannot %s: %s", aim, strerror(errno));
}

/* ---- its life ------------------------------------------------------------------------------ */

static void watch_jail(const struct watch_plan *p, int wire, struct last_word *last)
{
	struct watch watch = { .plan = p->jail, .limits = p->limits, .supervisor = wire,
		.tick = p->tick };
	struct cell cell = { .init = -1 };
	struct wires l;

	if (open_wires(&l, &last->why) != 0 ||
	    start_broker(p->broker, &l, &watch.broker, &last->why) != 0)
		return;
	/* Held by init too, the broker's death would be no end of file. */
	close(l.control[1]);
	watch.control = l.control[0];
	if (start_jail(p, &l, &cell, &last->why) == 0 &&
	    confine(p->jail, &cell, watch.control, wire, &last->why) == 0) {
		(void)supervise(&cell, &watch, &last->death, &last->why);
		return;
	}
	sandbox_kill(&cell);
	kill_broker(watch.broker);
}

/* The terminal's keys are the supervisor's to hear, so we are in a group of our own,
 * by which it also knows whom we leave behind. */
static _Noreturn void watch_serve(const struct watch_plan *p, int wire, pid_t supervisor)
{
	static struct last_word last;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != supervisor) /* it died before that */
		_exit(1);
	watch_jail(p, wire, &last);
	(void)wire_send(wire, &last, sizeof(last));
	_exit(0);
}

/* ==== in the supervisor ======================================================================= */

int watch_start(const struct watch_plan *p, struct watcher *out, struct why *why)
{
	pid_t self = getpid();
	int wire[2];

	/* Once, for all of us. */
	bounding_drop();

	/* Who is left behind by a watch that dies becomes our child. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || wire_pair(wire) != 0)
		return refuse(why, REFUSE_JAIL, "cannot make a socket pair: %s", strerror(errno));
	out->wire = wire[0];
	out->pid = fork();
	if (out->pid == 0) {
		close(wire[0]);
		watch_serve(p, wire[1], self);
	}
	mint_wipe(&p->broker->mint);
	secrets_wipe(p->broker->secret, &p->broker->secrets);
	close(wire[1]);
	if (out->pid < 0)
		return refuse(why, REFUSE_JAIL, "cannot fork the watch over the jail: %s", strerror(errno));
	return 0;
}

static void say(const struct watcher *w, uint32_t word)
{
	/* Not delivered: it has said its last word, or it is dead, which is heard. */
	(void)wire_send(w->wire, &word, sizeof(word));
}

void watch_release(const struct watcher *w)
{
	say(w, WATCH_RELEASE);
}

static void hand_on(const struct watcher *w, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP) /* a stopped supervisor would stop no plugin */
		return;
	say(w, info.ssi_signo);
}

/* Returns its wait status, when it and all it had are dead. */
static int reap(struct watcher *w)
{
	int status = 0;

	if (w->pid <= 0)
		return 0;
	close(w->wire);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Its death was that of its children; no others are of its group. */
	while (waitpid(-w->pid, NULL, 0) > 0 || errno == EINTR)
		;
	w->pid = 0;
	return status;
}

void watch_end(struct watcher *w)
{
	(void)reap(w);
}

/* Nothing is known of the plugin, not even whether it was executed. */
static int watch_lost(int status, struct death *out)
{
	memset(out, 0, sizeof(*out));
	out->started = out->watch_lost = true;
	out->watch_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

int watch_wait(struct watcher *w, int signals, struct death *out, struct why *why)
{
	static struct last_word last;
	struct pollfd on[] = { { .fd = w->wire, .events = POLLIN },
		{ .fd = signals, .events = POLLIN } };
	while (on[0].revents == 0)
		if (poll(on, COUNT(on), -1) > 0 && on[1].revents)
			hand_on(w, signals);
	/* All that it had is dead, and it holds nothing of the folder: it may die while
	 * we go on. */
	if (wire_receive(w->wire, &last, sizeof(last)) != 1)
		return watch_lost(reap(w), out);
	*out = last.death;
	if (last.why.code == REFUSAL_NONE)
		return 0;
	last.why.text[sizeof(last.why.text) - 1] = '\0';
	return refuse(why, last.why.code, "%s", last.why.text);
}
