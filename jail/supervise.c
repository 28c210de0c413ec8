/*
 * supervise.c - from clone to the death of the last process. Runs in the watch,
 * which interprets nothing that the plugin wrote: one poll sees time, the
 * supervisor, the jail's init, the broker and the kernel's notices of refused calls,
 * and all of them speak in fixed structs.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"

#define MS 1000000ull
#define BUILD_NS (30000 * MS)    /* a jail takes milliseconds: this is a hang */
#define LOOK_FIRST_NS (10 * MS)  /* the sampler: soon, then steadily */
#define REST_NS (6000 * MS)      /* longer than init tries */
#define DRAIN_NS (6000 * MS)     /* the broker's own deadline is shorter */

struct vigil {
	struct cell *cell;
	const struct watch *watch;
	struct death *death;
	struct why *why;
	struct gauge *gauge;
	bool released;               /* by the supervisor */
	bool broker_ready, broker_done;
	bool proved;                 /* the plugin waits before its execve */
	bool failed;                 /* cell->failure says where */
	bool end;                    /* something said that it is over */
	uint64_t built_ns, ended_ns; /* CPU time until the jail was built, until its end */
	uint64_t born_ns, look_ns;
	unsigned crowded;            /* looks in a row with more threads than allowed */
	uint64_t findings;           /* so far, says the broker */
	struct ledger ledger;
};

/* ---- what the four say ---------------------------------------------------------- */

/* The plugin waits before execve until its listener is ours. */
static void take_listener(struct vigil *v, const struct jail_message *m)
{
	if (m->error != 0)
		return; /* it goes on without */
	if (ledger_take(&v->ledger, v->cell->init, (int)m->step) != 0) {
		v->cell->failure = (struct jail_message){ .word = JAIL_FAILED,
			.phase = PHASE_LISTEN, .error = errno };
		v->failed = true;
		return;
	}
	v->death->denials.heard = true;
}

/* A listener that hears nothing would make an empty ledger. */
static void hear_proof(struct vigil *v, const struct jail_message *m)
{
	v->death->moment[MOMENT_PROVED] = monotonic_ns();
	v->death->proved = v->cell->proved + m->step;
	v->proved = true;
	v->ledger.proving = false;
	if (!v->death->denials.heard || v->ledger.asked == PROOF_TOLD)
		return;
	v->cell->failure = (struct jail_message){ .word = JAIL_FAILED,
		.phase = PHASE_LISTEN, .error = EPROTO };
	v->failed = true;
}

/* One message of the child's; JAIL_BUILT brings a descriptor. 1; 0: there will be no
 * more; -1: none now. */
static int hear_child(struct vigil *v, int flags)
{
	struct jail_message m;
	struct iovec part = { &m, sizeof(m) };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(v->cell->status, &header, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return -1;
	if (n != (ssize_t)sizeof(m))
		return 0;
	c = CMSG_FIRSTHDR(&header);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&v->cell->scratch, CMSG_DATA(c), sizeof(int));
	if (m.word == JAIL_BUILT) {
		v->cell->built = true;
		v->death->moment[MOMENT_BUILT] = monotonic_ns();
		/* Not before: now it has an identity of its own. */
		if (gauge_sees(v->cell->init, v->why) != 0)
			v->end = true;
		v->built_ns = m.cpu_ns;
	} else if (m.word == JAIL_FAILED) {
		v->cell->failure = m;
		v->failed = true;
	} else if (m.word == JAIL_LISTEN) {
		take_listener(v, &m);
	} else if (m.word == JAIL_PROVED) {
		hear_proof(v, &m);
	} else if (m.word == JAIL_OVERDUE) {
		v->death->timed_out = v->end = true;
	} else if (m.word == JAIL_ENDED && !v->death->reported) {
		v->death->reported = true;
		v->death->moment[MOMENT_ENDED] = monotonic_ns();
		v->death->wait_status = m.wait_status;
		v->ended_ns = m.cpu_ns;
		v->death->plugin_max_rss = m.max_rss;
	}
	return 1;
}

static void hear_broker(struct vigil *v)
{
	struct broker_message m;

	if (wire_receive(v->watch->control, &m, sizeof(m)) != 1) {
		v->death->broker_lost = true;
		v->broker_done = v->end = true;
		return;
	}
	if (m.error != 0)
		v->death->evidence_error = (int)m.error;
	switch (m.word) {
	case BROKER_READY:
		v->broker_ready = true;
		break;
	case BROKER_NEWS: /* for the live line; only the last word counts */
		v->findings = m.tally.findings;
		break;
	case BROKER_KILL:
		v->death->broker_kill = v->end = true;
		m.detail[sizeof(m.detail) - 1] = '\0';
		memcpy(v->death->broker_detail, m.detail, sizeof(v->death->broker_detail));
		break;
	case BROKER_END:
		v->death->tally = m.tally;
		v->death->tally_known = v->broker_done = true;
		break;
	default:
		v->death->broker_lost = v->broker_done = v->end = true;
	}
}

/* Written by jail/watch.c, in the supervisor; a dead one is the end as well. */
static void hear_supervisor(struct vigil *v)
{
	uint32_t word;

	if (wire_receive(v->watch->supervisor, &word, sizeof(word)) != 1) {
		v->end = true;
	} else if (word == WATCH_RELEASE) {
		v->released = true;
	} else {
		v->death->operator_signal = (int)word;
		v->end = true;
	}
}

/* ---- the poll ----------------------------------------------------------------------- */

static int milliseconds_to(uint64_t when)
{
	uint64_t now = monotonic_ns();

	if (when <= now)
		return 0;
	return (int)((when - now + MS - 1) / MS);
}

/* The proof's end is said before the plugin's first call. The kernel looks at the
 * descriptors in their order: where it saw that call, it sees what was said. */
static void listen_until(struct vigil *v, uint64_t when)
{
	struct pollfd on[] = {
		{ .fd = v->ledger.fd, .events = POLLIN },
		{ .fd = v->cell->pidfd, .events = POLLIN },
		{ .fd = v->cell->status, .events = POLLIN },
		{ .fd = v->broker_done ? -1 : v->watch->control, .events = POLLIN },
		{ .fd = v->watch->supervisor, .events = POLLIN },
	};

	if (poll(on, COUNT(on), milliseconds_to(when)) <= 0)
		return;
	if (on[2].revents && hear_child(v, MSG_DONTWAIT) == 0)
		v->end = true;
	if (on[0].revents && v->ledger.proving)
		ledger_serve_proof(&v->ledger);
	else if (on[0].revents)
		ledger_serve(&v->ledger);
	if (on[4].revents)
		hear_supervisor(v);
	if (on[3].revents)
		hear_broker(v);
	if (on[1].revents) {
		/* Init is dead and everybody with it; its last words may still lie there. */
		while (hear_child(v, MSG_DONTWAIT) == 1)
			;
		v->end = true;
	}
}

/* Where the kernel has no limit for them: who is root outside is exempt from it. At one
 * look a process that changes its parent may be met twice. */
static bool is_crowded(struct vigil *v)
{
	if (v->watch->plan->host_uid != 0 || v->gauge->threads_now <= v->watch->limits->pids)
		v->crowded = 0;
	else
		v->crowded++;
	return v->crowded > 1;
}

static void look(struct vigil *v, uint64_t now)
{
	const struct limits *l = v->watch->limits;
	struct usage *u = &v->gauge->usage;
	uint64_t took;

	if (now < v->look_ns)
		return;
	gauge_look(v->gauge, l);
	took = monotonic_ns() - now;
	/* Never at a time that the plugin could foresee, and half of our time at most. */
	v->look_ns = now + 2 * took + GAUGE_LOOK_NS / 2 +
	    now * 2654435761u % (1u << 31) % GAUGE_LOOK_NS;
	u->wall_ns = now - v->born_ns;
	series_add(&u->series, &(struct series_point){ u->wall_ns, u->cpu_ns, v->gauge->memory_now });
	if (u->cpu_ns >= l->cpu_ns)
		v->death->cpu_over = v->end = true;
	else if (v->gauge->memory_now > l->memory)
		v->death->memory_over = v->end = true;
	else if (is_crowded(v))
		v->death->pids_over = v->end = true;
	else if (v->gauge->files_over)
		v->death->files_over = v->end = true;
	if (v->watch->tick != NULL)
		v->watch->tick(v->findings, v->death->denials.refused, u);
}

static void keep_watch(struct vigil *v)
{
	uint64_t deadline = v->born_ns + v->watch->limits->wall_ns, now;

	v->look_ns = v->born_ns + LOOK_FIRST_NS;
	while (!v->end && !v->failed) {
		listen_until(v, v->look_ns < deadline ? v->look_ns : deadline);
		now = monotonic_ns();
		if (v->end || v->failed)
			break;
		if (v->death->reported) /* it ended; its init ends what it left behind */
			v->end = now >= v->death->moment[MOMENT_ENDED] + REST_NS;
		else if (now >= deadline)
			v->death->timed_out = v->end = true;
		else
			look(v, now);
	}
}

/* ---- the end ---------------------------------------------------------------------------- */

static uint64_t nanoseconds(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_usec * 1000u;
}

/* Init's death is everybody's; its times hold those of all it reaped. Taking the
 * jail down is no work of the plugin's: what init said before counts, if it did. */
static void end_cell(struct vigil *v)
{
	struct rusage used;
	struct usage *u = &v->gauge->usage;
	uint64_t cpu;

	if (v->cell->over)
		return;
	memset(&used, 0, sizeof(used));
	cell_end(v->cell, &used);
	cpu = v->death->reported ? v->ended_ns :
	    nanoseconds(&used.ru_utime) + nanoseconds(&used.ru_stime);
	if (cpu > u->cpu_ns + v->built_ns)
		u->cpu_ns = cpu - v->built_ns;
	v->death->files_bytes = gauge_end(v->gauge, v->watch->limits);
	if (v->gauge->files_over)
		v->death->files_over = true;
	getrusage(RUSAGE_SELF, &used);
	v->death->own_max_rss = (uint64_t)used.ru_maxrss * 1024;
	if (v->death->plugin_max_rss > v->death->own_max_rss &&
	    v->death->plugin_max_rss > u->memory_peak)
		u->memory_peak = v->death->plugin_max_rss;
	if (v->born_ns != 0)
		u->wall_ns = monotonic_ns() - v->born_ns;
	v->death->usage = *u;
}

static void end_broker(struct vigil *v)
{
	uint64_t deadline = monotonic_ns() + DRAIN_NS;
	struct pollfd on = { .fd = v->watch->control, .events = POLLIN };
	char drain = BROKER_DRAIN;
	int status = 0;

	/* Not delivered: it has said its last word already, which is read below. */
	(void)send(v->watch->control, &drain, 1, MSG_NOSIGNAL);
	while (!v->broker_done && monotonic_ns() < deadline)
		if (poll(&on, 1, milliseconds_to(deadline)) > 0)
			hear_broker(v);
	if (!v->death->tally_known)
		v->death->broker_lost = true;
	kill(v->watch->broker, SIGKILL);
	while (waitpid(v->watch->broker, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		v->death->broker_signal = WTERMSIG(status);
}

/* ---- words for a jail that could not be built ---------------------------------------------- */

static const char *const step_aim[] = {
#define X(name, aim) [STEP_##name] = aim,
	STEPS(X)
#undef X
};

static const char *const phase_aim[] = {
#define X(name, aim) [PHASE_##name] = aim,
	PHASES(X)
#undef X
};

int jail_failure(const struct jail_plan *plan, const struct jail_message *m, struct why *why)
{
	const char *reason = strerror(m->error);

	if (m->phase == PHASE_STEP && m->step < plan->steps)
		return refuse(why, REFUSE_JAIL, "the jail could not %s /%s: %s",
		    step_aim[plan->step[m->step].kind], plan->step[m->step].path, reason);
	if (m->phase == PHASE_TREES && m->step < plan->trees)
		return refuse(why, REFUSE_JAIL, "the jail could not open %s, to bind it read-only: %s",
		    plan->tree[m->step], reason);
	if (m->phase == PHASE_PROOF)
		return refuse(why, REFUSE_JAIL, "the jail is not what it must be: %s: %s (%d); "
		    "nothing was executed", canary_name(m->step),
		    m->error > 0 && m->error < 134 ? reason : "not as expected", m->error);
	if (m->phase == PHASE_EXEC)
		return refuse(why, REFUSE_JAIL, "the jail could not execute %s: %s",
		    plan->exec_path, reason);
	if (m->phase < COUNT(phase_aim))
		return refuse(why, REFUSE_JAIL, "the jail could not %s: %s",
		    phase_aim[m->phase], reason);
	return refuse(why, REFUSE_JAIL, "the jail failed in an unknown way");
}

static int say_not_started(const struct vigil *v, struct why *why)
{
	if (v->failed)
		return jail_failure(v->watch->plan, &v->cell->failure, why);
	if (v->death->operator_signal != 0)
		return refuse(why, REFUSE_JAIL, "cancelled by operator (%s) before the plugin was started",
		    signal_word(v->death->operator_signal));
	if (v->death->evidence_error != 0)
		return refuse(why, REFUSE_EVIDENCE, "the broker cannot write evidence: %s",
		    strerror(v->death->evidence_error));
	if (v->death->broker_kill)
		return refuse(why, REFUSE_JAIL, "%s", v->death->broker_detail);
	if (v->death->broker_lost)
		return refuse(why, REFUSE_JAIL, "the broker died before the plugin was started");
	return refuse(why, REFUSE_JAIL, "the jail died before the plugin was started");
}

/* ---- the story --------------------------------------------------------------------------------- */

static bool all_ready(struct vigil *v)
{
	uint64_t deadline = monotonic_ns() + BUILD_NS;

	while (!(v->cell->built && v->proved && v->broker_ready && v->released)) {
		if (v->end || v->failed || monotonic_ns() >= deadline)
			return false;
		listen_until(v, deadline);
	}
	return !v->end && !v->failed;
}

int supervise(struct cell *cell, const struct watch *watch, struct death *out, struct why *why)
{
	static struct gauge gauge; /* large, and there is one */
	struct vigil v = { .cell = cell, .watch = watch, .death = out, .why = why, .gauge = &gauge,
		.ledger = { .fd = -1, .control = watch->control, .into = &out->denials,
		    .silent = watch->plan->audit ? watch->plan->filter : NULL,
		    .audited = &out->audited, .proving = true } };
	bool go;

	memset(out, 0, sizeof(*out));
	out->moment[MOMENT_CLONED] = monotonic_ns();
	cell->spared = watch->broker;
	go = all_ready(&v);
	gauge_start(&gauge, cell->init, cell->scratch,
	    watch->plan->tier == TIER_NAMESPACES, v.built_ns);
	if (go) {
		v.born_ns = v.ledger.born_ns = out->moment[MOMENT_RELEASED] = monotonic_ns();
		cell->released = true;
		go = write_all(cell->sync, (const char[]){ JAIL_GO, JAIL_GO }, 2) == 0;
	}
	if (go)
		keep_watch(&v);
	end_cell(&v);
	out->moment[MOMENT_TAKEN_DOWN] = monotonic_ns();
	end_broker(&v);
	out->moment[MOMENT_DRAINED] = monotonic_ns();
	out->started = go && !v.failed;
	if (!out->started)
		return say_not_started(&v, why);
	return 0;
}
