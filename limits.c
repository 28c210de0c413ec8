/*
 * limits.c - limits from outside: what is in force, what the jail uses, and why
 * it ended. Runs in the supervisor.
 *
 * Nothing here trusts the plugin: use is read from /proc, the end from the
 * kernel's wait status and from what the supervisor itself did.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "oxg.h"

#define MIB (1024u * 1024u)
#define SECOND 1000000000ull

/* ---- what is in force ---------------------------------------------------------- */

static uint64_t least(uint64_t now, uint64_t asked)
{
	return asked != 0 && asked < now ? asked : now;
}

static void narrow(struct limits *l, const struct resources *r)
{
	if (r == NULL)
		return;
	l->cpu_ns = least(l->cpu_ns, r->cpu_ns);
	l->memory = least(l->memory, r->memory);
	l->wall_ns = least(l->wall_ns, r->wall_ns);
	l->pids = least(l->pids, r->pids);
	l->workspace = least(l->workspace, r->workspace);
}

/* A policy may be wider than the defaults: it is the operator's. A command line
 * and a manifest only narrow. */
struct limits limits_effective(const struct resources *policy,
    const struct resources *words, const struct resources *manifest)
{
	struct limits l = {
		.cpu_ns = 60 * SECOND, .memory = 512ull * MIB, .wall_ns = 300 * SECOND,
		.pids = 64, .files = 256, .file_size = 64ull * MIB,
		.workspace = 64ull * MIB, .inodes = 16384,
		.output = 4ull * MIB, .findings = 100000, .artifacts = 64ull * MIB,
		.broker_line = MIB,
	};

	if (policy != NULL) {
		l.cpu_ns = policy->cpu_ns ? policy->cpu_ns : l.cpu_ns;
		l.memory = policy->memory ? policy->memory : l.memory;
		l.wall_ns = policy->wall_ns ? policy->wall_ns : l.wall_ns;
		l.pids = policy->pids ? policy->pids : l.pids;
		l.workspace = policy->workspace ? policy->workspace : l.workspace;
	}
	narrow(&l, words);
	narrow(&l, manifest);
	return l;
}

/* ---- the sampler ------------------------------------------------------------------ */

/* A small file of /proc, whole. Returns its length with a NUL behind, or 0. */
static size_t proc_read(char *into, size_t room, int pid, const char *name)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, into, room - 1);
	close(fd);
	if (n < 0)
		n = 0;
	into[n] = '\0';
	return (size_t)n;
}

/* Field 3 onwards of /proc/PID/stat: a name may hold blanks and brackets, so the
 * last bracket is what counts. proc_pid_stat(5) numbers from 1. */
struct proc_stat {
	uint64_t cpu_ns;      /* its own */
	uint64_t children_ns; /* waited for */
	uint64_t start;
	uint64_t rss;         /* bytes */
};

static bool stat_read(int pid, struct proc_stat *out)
{
	unsigned long utime, stime, cutime, cstime, start, rss;
	uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[1024];
	const char *at;

	if (proc_read(text, sizeof(text), pid, "stat") == 0)
		return false;
	at = strrchr(text, ')');
	if (at == NULL || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
	    " %lu %lu %lu %lu %*d %*d %*d %*d %lu %*u %lu",
	    &utime, &stime, &cutime, &cstime, &start, &rss) != 6)
		return false;
	out->cpu_ns = (utime + stime) * tick;
	out->children_ns = (cutime + cstime) * tick;
	out->start = start;
	out->rss = rss * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* This process's share of what is resident: a page of ten forks counts once. */
static uint64_t share_of(int pid, uint64_t otherwise)
{
	unsigned long kib;
	char text[2048];
	const char *at;

	if (proc_read(text, sizeof(text), pid, "smaps_rollup") == 0)
		return otherwise;
	at = strstr(text, "\nPss:");
	if (at == NULL || sscanf(at, " Pss: %lu", &kib) != 1)
		return otherwise;
	return (uint64_t)kib * 1024;
}

struct look {
	struct gauge *gauge;
	uint64_t resident, exact, live_ns, tree_ns, pids;
	bool want_exact;
};

static void note_process(struct gauge *g, int pid, const struct proc_stat *s)
{
	struct gauge_process *p;
	size_t i;

	for (i = 0; i < g->processes; i++) {
		p = &g->process[i];
		if (p->pid != pid || p->start != s->start)
			continue;
		if (s->cpu_ns > p->cpu_ns)
			p->cpu_ns = s->cpu_ns;
		p->seen = true;
		return;
	}
	if (g->processes == COUNT(g->process))
		return;
	g->process[g->processes++] = (struct gauge_process){
		.pid = pid, .start = s->start, .cpu_ns = s->cpu_ns, .seen = true,
	};
}

static void look_at(struct look *look, int pid, int depth);

/* The children of every thread: an orphan is a child of init. */
static void look_at_children(struct look *look, int pid, int depth)
{
	char path[64], list[8192];
	const struct dirent *thread;
	int child, used;
	const char *at;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((thread = readdir(dir)) != NULL) {
		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "task/%.20s/children", thread->d_name);
		if (proc_read(list, sizeof(list), pid, path) == 0)
			continue;
		for (at = list; sscanf(at, "%d%n", &child, &used) == 1; at += used)
			look_at(look, child, depth + 1);
	}
	closedir(dir);
}

static void look_at(struct look *look, int pid, int depth)
{
	struct proc_stat s;

	if (depth > 1024 || look->pids > GAUGE_PROCESSES || !stat_read(pid, &s))
		return;
	look->pids++;
	look->tree_ns += s.cpu_ns + s.children_ns;
	if (depth > 0) {
		look->resident += s.rss;
		if (look->want_exact)
			look->exact += share_of(pid, s.rss);
		else
			note_process(look->gauge, pid, &s);
	}
	look_at_children(look, pid, depth);
}

/* Those that are gone keep their last figure. */
static void retire_processes(struct gauge *g)
{
	size_t i, kept = 0;

	for (i = 0; i < g->processes; i++) {
		if (!g->process[i].seen) {
			g->gone_cpu_ns += g->process[i].cpu_ns;
			continue;
		}
		g->process[kept] = g->process[i];
		g->process[kept++].seen = false;
	}
	g->processes = kept;
}

static uint64_t scratch_bytes(int scratch)
{
	struct statfs fs;

	if (scratch < 0 || fstatfs(scratch, &fs) != 0)
		return 0;
	return (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
}

void gauge_start(struct gauge *g, int init, int scratch)
{
	/* Not the table: its pages are touched when a process is noted. */
	g->init = init;
	g->scratch = scratch;
	g->gone_cpu_ns = g->memory_now = 0;
	g->processes = 0;
	memset(&g->usage, 0, sizeof(g->usage));
}

uint64_t gauge_end(struct gauge *g)
{
	uint64_t files = scratch_bytes(g->scratch);

	if (files > g->usage.memory_peak)
		g->usage.memory_peak = files;
	return files;
}

void gauge_look(struct gauge *g, uint64_t limit)
{
	struct look look = { .gauge = g };
	uint64_t seen_ns, memory;
	size_t i;

	look_at(&look, g->init, 0);
	seen_ns = g->gone_cpu_ns;
	for (i = 0; i < g->processes; i++)
		seen_ns += g->process[i].cpu_ns;
	memory = look.resident + scratch_bytes(g->scratch);
	if (memory > limit) {
		struct look again = { .gauge = g, .want_exact = true };

		look_at(&again, g->init, 0);
		memory = again.exact + scratch_bytes(g->scratch);
	}
	retire_processes(g);
	g->memory_now = memory;
	if (seen_ns < look.tree_ns)
		seen_ns = look.tree_ns;
	if (seen_ns > g->usage.cpu_ns)
		g->usage.cpu_ns = seen_ns;
	if (memory > g->usage.memory_peak)
		g->usage.memory_peak = memory;
	/* Init is ours. */
	if (look.pids > 1 && look.pids - 1 > g->usage.pids_peak)
		g->usage.pids_peak = look.pids - 1;
	g->usage.samples++;
}

/* ---- why it ended -------------------------------------------------------------------- */

const char *signal_word(int signal)
{
	static const char *const word[] = {
		[SIGHUP] = "SIGHUP", [SIGINT] = "SIGINT", [SIGQUIT] = "SIGQUIT",
		[SIGILL] = "SIGILL", [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT",
		[SIGBUS] = "SIGBUS", [SIGFPE] = "SIGFPE", [SIGKILL] = "SIGKILL",
		[SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
		[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
		[SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ", [SIGSYS] = "SIGSYS",
		[SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGIO] = "SIGIO",
		[SIGSTKFLT] = "SIGSTKFLT", [SIGPWR] = "SIGPWR",
	};

	if (signal > 0 && (size_t)signal < COUNT(word) && word[signal] != NULL)
		return word[signal];
	return "another signal";
}

static void end_as(struct ending *e, enum ending_reason reason, const char *detail)
{
	e->reason = reason;
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
}

static void end_killed(struct ending *e, const char *by, const char *detail)
{
	e->by = by;
	end_as(e, ENDING_KILLED, detail);
}

/*
 * RLIMIT_CPU's own signals, when the whole tree really used about that much: soft
 * limit SIGXCPU, one second later SIGKILL. The kernel holds the limit against
 * whole clock ticks, which on a busy virtual machine run ahead of the time that it
 * measures and we are told: by 6% was seen, a fifth is believed.
 */
static bool cpu_signal(const struct death *d, const struct limits *l, int signal)
{
	uint64_t told = d->usage.cpu_ns + d->usage.cpu_ns / 4 + SECOND / 10;

	if (signal == SIGXCPU)
		return told >= l->cpu_ns;
	if (signal == SIGKILL)
		return told >= l->cpu_ns + SECOND;
	return false;
}

static void end_by_itself(const struct death *d, const struct limits *l, struct ending *e)
{
	int signal = WIFSIGNALED(d->wait_status) ? WTERMSIG(d->wait_status) : 0;

	if (cpu_signal(d, l, signal)) {
		end_as(e, ENDING_CPU_LIMIT, "the kernel stopped it at its CPU limit");
	} else if (d->files_bytes > l->memory ||
	    (d->plugin_max_rss > d->own_max_rss && d->plugin_max_rss > l->memory)) {
		/* Over before the next look, and gone again. */
		end_as(e, ENDING_MEMORY_LIMIT, "it held more memory than it may, for a moment");
	} else if (signal == SIGSYS) {
		end_killed(e, "policy", "it made a system call of a foreign kind");
	} else if (signal != 0) {
		e->signal = signal;
		end_as(e, ENDING_CRASHED, "");
		snprintf(e->detail, sizeof(e->detail), "crashed by signal %d (%s)",
		    signal, signal_word(signal));
	} else {
		e->status = WEXITSTATUS(d->wait_status);
		end_as(e, ENDING_EXITED, "");
		snprintf(e->detail, sizeof(e->detail), "exited with status %d", e->status);
	}
}

void ending_decide(const struct death *d, const struct limits *l, struct ending *e)
{
	memset(e, 0, sizeof(*e));
	e->usage = d->usage;
	if (!d->started)
		return;
	if (d->operator_signal != 0) {
		end_killed(e, "operator", "");
		snprintf(e->detail, sizeof(e->detail), "cancelled by operator (%s)",
		    signal_word(d->operator_signal));
	} else if (d->timed_out) {
		end_as(e, ENDING_TIMEOUT, "it ran for as long as it may");
	} else if (d->cpu_over) {
		end_as(e, ENDING_CPU_LIMIT, "its processes together used as much CPU time as they may");
	} else if (d->memory_over) {
		end_as(e, ENDING_MEMORY_LIMIT, "its processes and files together held more memory than they may");
	} else if (d->broker_kill) {
		end_killed(e, "policy", d->broker_detail);
	} else if (d->broker_lost) {
		end_killed(e, "broker", "the broker died: nothing it did could be recorded");
	} else if (!d->reported) {
		end_killed(e, "host", "the jail was killed from outside");
	} else {
		end_by_itself(d, l, e);
	}
}

enum status ending_status(const struct ending *e)
{
	switch (e->reason) {
	case ENDING_NONE:
		return STATUS_EVIDENCE;
	case ENDING_EXITED:
		return e->status == 0 ? STATUS_OK : STATUS_FAILED;
#define X(name, word, status) \
	case ENDING_##name: return STATUS_##status;
	X(CRASHED, "", FAILED)
	X(TIMEOUT, "", TIMEOUT)
	X(CPU_LIMIT, "", CPU)
	X(MEMORY_LIMIT, "", MEMORY)
	X(KILLED, "", KILLED)
#undef X
	}
	return STATUS_EVIDENCE;
}
