/*
 * limits.c - limits from outside: what is in force, what the jail uses, and why
 * it ended. Runs in the supervisor, before and after; in the watch, meanwhile.
 *
 * Nothing here trusts the plugin: use is read from /proc, the end from the
 * kernel's wait status and from what the watch itself did.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "oxg.h"

#define MIB (1024u * 1024u)
#define SECOND 1000000000ull
#define PIDS_SEEN 4000 /* what the sampler can hold, with room */
#define RESERVED_LITTLE (32ull * MIB) /* 64 KiB of page tables at most */

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
	l.pids = least(l.pids, PIDS_SEEN);
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
	char state;
	unsigned flags;
	uint64_t cpu_ns;      /* its own */
	uint64_t children_ns; /* waited for */
	uint64_t threads, start;
	uint64_t reserved;    /* bytes of address space; 0: it has no memory any more */
	uint64_t rss;         /* bytes */
};

#define FORKED_NOT_EXECUTED 0x40u /* PF_FORKNOEXEC of the kernel */
#define STAT_FIELDS 22            /* of /proc/PID/stat behind the name, up to rss */

static bool stat_read(int pid, struct proc_stat *out)
{
	struct bytes field[STAT_FIELDS];
	uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[1024];
	const char *at;

	if (proc_read(text, sizeof(text), pid, "stat") == 0)
		return false;
	at = strrchr(text, ')');
	if (at == NULL || fields_split(at + 1, field, STAT_FIELDS) < STAT_FIELDS)
		return false;
	out->state = (char)field[0].p[0];
	out->flags = (unsigned)field_number(field[6]);
	out->cpu_ns = (field_number(field[11]) + field_number(field[12])) * tick;
	out->children_ns = (field_number(field[13]) + field_number(field[14])) * tick;
	out->threads = field_number(field[17]);
	out->start = field_number(field[19]);
	out->reserved = field_number(field[20]);
	out->rss = field_number(field[21]) * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/* A figure of a /proc file that is a list of names and KiB; bytes. */
static bool figure_read(int pid, const char *file, const char *name, uint64_t *out)
{
	char text[4096];
	struct bytes kib;
	const char *at;

	if (proc_read(text, sizeof(text), pid, file) == 0)
		return false;
	at = strstr(text, name);
	if (at == NULL || fields_split(at + strlen(name), &kib, 1) < 1)
		return false;
	*out = field_number(kib) * 1024;
	return true;
}

/*
 * Page tables are the kernel's memory and no resident page, and a program that
 * only reads here and there makes as much of them as it likes. There is one page
 * of them for 512 pages of address space: who reserved little has few.
 */
static uint64_t tables_of(int pid, uint64_t reserved)
{
	uint64_t bytes;

	if (reserved < RESERVED_LITTLE || !figure_read(pid, "status", "\nVmPTE:", &bytes))
		return 0;
	return bytes;
}

uint64_t gauge_threads_of(unsigned uid)
{
	const struct dirent *entry;
	struct proc_stat s;
	uint64_t sum = 0;
	struct stat st;
	DIR *dir = opendir("/proc");

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && st.st_uid == uid &&
		    stat_read((int)leading_figure(entry->d_name), &s))
			sum += s.threads;
	if (dir != NULL)
		closedir(dir);
	return sum;
}

struct look {
	struct gauge *gauge;
	uint64_t interval_ns;        /* since the look before */
	uint64_t held, tree_ns, pids, threads;
};

static void found(struct look *look, int pid)
{
	struct gauge *g = look->gauge;

	if (g->found < COUNT(g->find))
		g->find[g->found++] = (struct gauge_find){ .pid = pid };
}

/* Every number of a thread's list of children, however long it is. */
static void find_children(struct look *look, int pid, int thread)
{
	char text[4096], *at, *blank;
	size_t kept = 0;
	ssize_t n;
	int fd;

	snprintf(text, sizeof(text), "/proc/%d/task/%d/children", pid, thread);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((n = read(fd, text + kept, sizeof(text) - 1 - kept)) > 0) {
		text[kept + (size_t)n] = '\0';
		for (at = text; (blank = strchr(at, ' ')) != NULL; at = blank + 1)
			found(look, (int)leading_figure(at));
		kept = strlen(at);
		memmove(text, at, kept);
	}
	close(fd);
}

/* An orphan is a child of init, any other a child of one thread. *memory is of the
 * process: a thread's, when the first one is dead and the others live. */
static void look_at_threads(struct look *look, struct gauge_find *f, struct proc_stat *memory)
{
	const struct dirent *entry;
	struct proc_stat s;
	char path[64];
	int thread;
	DIR *dir;

	if (memory->threads <= 1) {
		find_children(look, f->pid, f->pid);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", f->pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		thread = (int)leading_figure(entry->d_name);
		if (thread <= 0)
			continue;
		find_children(look, f->pid, thread);
		if (memory->reserved == 0 && stat_read(thread, &s) && s.reserved != 0) {
			f->memory = thread;
			memory->reserved = s.reserved;
			memory->rss = s.rss;
		}
	}
	closedir(dir);
}

/*
 * A process that was there at one look only may have a parent that ignores its
 * end: then its time is added up nowhere. It was met with the chance of its life
 * over the interval; running, it stands for an interval of processes like it,
 * as far as it ran and did not wait for a processor.
 */
static uint64_t stands_for(const struct look *look, int pid, const struct proc_stat *s)
{
	struct bytes field[2];
	uint64_t ran, waited;
	char text[128];

	if (s->state != 'R' || proc_read(text, sizeof(text), pid, "schedstat") == 0 ||
	    fields_split(text, field, 2) < 2)
		return 0;
	ran = field_number(field[0]);
	waited = field_number(field[1]);
	if (ran == 0)
		return 0;
	return (uint64_t)((double)look->interval_ns * (double)ran / ((double)ran + (double)waited));
}

static void note_process(const struct look *look, int pid, const struct proc_stat *s)
{
	struct gauge *g = look->gauge;
	struct gauge_process *p;
	size_t i;

	for (i = 0; i < g->processes; i++) {
		p = &g->process[i];
		if (p->pid != pid || p->start != s->start)
			continue;
		if (s->cpu_ns > p->cpu_ns)
			p->cpu_ns = s->cpu_ns;
		p->guess_ns = 0;
		p->seen = true;
		return;
	}
	if (g->processes == COUNT(g->process))
		return;
	g->process[g->processes++] = (struct gauge_process){
		.pid = pid, .start = s->start, .cpu_ns = s->cpu_ns, .seen = true,
		.guess_ns = stands_for(look, pid, s),
	};
}

static void look_at(struct look *look, size_t i)
{
	struct gauge_find *f = &look->gauge->find[i];
	struct proc_stat s;

	if (!stat_read(f->pid, &s))
		return;
	look->pids++;
	if (i > 0)
		look->threads += s.threads;
	look->tree_ns += s.cpu_ns + s.children_ns;
	if (i > 0)
		note_process(look, f->pid, &s);
	f->memory = f->pid;
	look_at_threads(look, f, &s);
	/* Init's memory is a copy of ours; so is that of its first child, the
	 * plugin, until it is executed. */
	f->counts = i > 0 && !(i == 1 && (s.flags & FORKED_NOT_EXECUTED));
	if (f->counts) {
		f->tables = tables_of(f->memory, s.reserved);
		look->held += s.rss + f->tables;
	}
}

/* Each process's share of what is resident: a page of ten forks counts once. */
static uint64_t held_exactly(const struct gauge *g)
{
	struct proc_stat s;
	uint64_t share, sum = 0;
	size_t i;

	for (i = 0; i < g->found; i++) {
		const struct gauge_find *f = &g->find[i];

		if (!f->counts)
			continue;
		if (figure_read(f->memory, "smaps_rollup", "\nPss:", &share))
			sum += share + f->tables;
		else if (stat_read(f->memory, &s)) /* or it is dead by now */
			sum += s.rss + (s.rss ? f->tables : 0);
	}
	return sum;
}

/* Those that are gone keep their last figure. */
static void retire_processes(struct gauge *g)
{
	size_t i, kept = 0;

	for (i = 0; i < g->processes; i++) {
		const struct gauge_process *p = &g->process[i];

		if (!p->seen) {
			g->gone_cpu_ns += p->cpu_ns;
			if (p->guess_ns > p->cpu_ns) {
				double beyond = (double)(p->guess_ns - p->cpu_ns);

				g->guess_ns += beyond;
				g->guess_squares += beyond * beyond;
			}
			continue;
		}
		g->process[kept] = *p;
		g->process[kept++].seen = false;
	}
	g->processes = kept;
}

/* Square root by Newton; the C library's is in another library elsewhere. */
static double root(double x)
{
	double r = x > 1 ? x : 1;
	int i;

	for (i = 0; i < 64; i++)
		r = (r + x / r) / 2;
	return r;
}

/* What was seen of all processes, and of the guesses what is beyond three standard
 * deviations of them: chance alone does not stop anybody. */
static uint64_t seen_cpu(const struct gauge *g)
{
	double sure = g->guess_ns - 3 * root(g->guess_squares);
	uint64_t sum = g->gone_cpu_ns + (sure > 0 ? (uint64_t)sure : 0);
	size_t i;

	for (i = 0; i < g->processes; i++)
		sum += g->process[i].cpu_ns;
	return sum;
}

static uint64_t scratch_bytes(int scratch)
{
	struct statfs fs;

	if (scratch < 0 || fstatfs(scratch, &fs) != 0)
		return 0;
	return (uint64_t)(fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize;
}

/* Who cannot see them cannot stop them: hidepid, or a kernel without the list. */
int gauge_sees(int init, struct why *why)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", init, init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse(why, REFUSE_JAIL, "the jail's processes cannot be seen in /proc (%s), "
		    "so their CPU time and memory could not be limited: mount /proc without "
		    "hidepid here, or run as root", strerror(errno));
	close(fd);
	return 0;
}

void gauge_start(struct gauge *g, int init, int scratch, bool mounted, uint64_t built_ns)
{
	uint64_t total;

	/* Not the tables: their pages are touched when a process is noted. */
	g->init = init;
	g->scratch = mounted ? scratch : -1;
	g->place = mounted ? -1 : scratch;
	g->place_free = mounted ? 0 : scratch_free(scratch, &total);
	g->files_over = false;
	g->built_ns = built_ns;
	g->gone_cpu_ns = g->memory_now = 0;
	g->guess_ns = g->guess_squares = 0;
	g->processes = 0;
	g->looked_ns = monotonic_ns();
	memset(&g->usage, 0, offsetof(struct usage, series.point));
}

/* Who moves his files about while they are counted could fill the disk unseen. So the
 * disk itself is looked at, and a plugin that may be the one who fills it is not
 * waited for. */
static bool fills_disk(const struct gauge *g, const struct limits *l)
{
	uint64_t total, now = scratch_free(g->place, &total);

	return now < total / 20 && g->place_free > now && g->place_free - now > l->workspace;
}

static void look_at_place(struct gauge *g, const struct limits *l)
{
	struct scratch_use use = { 0 };
	size_t i;

	if (g->place < 0)
		return;
	scratch_tree(g->place, l->inodes, &use);
	for (i = 1; i < g->found; i++)
		scratch_open(g->find[i].pid, &use);
	g->files_over = use.uncountable || use.bytes > l->workspace || use.inodes > l->inodes ||
	    fills_disk(g, l);
}

uint64_t gauge_end(struct gauge *g, const struct limits *l)
{
	uint64_t files = scratch_bytes(g->scratch);

	/* Who is in haste is looked at all the same: what he left is still there. */
	g->found = 0;
	look_at_place(g, l);

	if (files > g->usage.memory_peak)
		g->usage.memory_peak = files;
	return files;
}

void gauge_look(struct gauge *g, const struct limits *l)
{
	struct look look = { .gauge = g };
	uint64_t cpu, memory, limit = l->memory, now = monotonic_ns();
	size_t i;

	look.interval_ns = now - g->looked_ns;
	g->looked_ns = now;
	g->found = 0;
	found(&look, g->init);
	for (i = 0; i < g->found; i++)
		look_at(&look, i);
	memory = look.held + scratch_bytes(g->scratch);
	/* Twice: where somebody dies between, the others' shares grow. */
	for (i = 0; memory > limit && i < 2; i++)
		memory = held_exactly(g) + scratch_bytes(g->scratch);
	retire_processes(g);
	look_at_place(g, l);
	g->memory_now = memory;
	g->threads_now = look.threads;
	/* Building the jail is no work of the plugin's. */
	cpu = look.tree_ns > g->built_ns ? look.tree_ns - g->built_ns : 0;
	if (cpu < seen_cpu(g))
		cpu = seen_cpu(g);
	if (cpu > g->usage.cpu_ns)
		g->usage.cpu_ns = cpu;
	if (memory > g->usage.memory_peak)
		g->usage.memory_peak = memory;
	/* Init is ours. */
	if (look.pids > 1 && look.pids - 1 > g->usage.pids_peak)
		g->usage.pids_peak = look.pids - 1;
	g->usage.samples++;
}

/* ---- use over time ------------------------------------------------------------------ */

static void point_join(struct series_point *into, const struct series_point *p)
{
	uint64_t memory = p->memory > into->memory ? p->memory : into->memory;

	*into = *p;
	into->memory = memory;
}

static void series_halve(struct series *s)
{
	for (uint32_t i = 0; i < SERIES_POINTS / 2; i++) {
		point_join(&s->point[2 * i], &s->point[2 * i + 1]);
		s->point[i] = s->point[2 * i];
	}
	s->points = SERIES_POINTS / 2;
	s->halved++;
}

void series_add(struct series *s, const struct series_point *p)
{
	if (s->points > 0 && s->looks < 1u << s->halved) {
		point_join(&s->point[s->points - 1], p);
		s->looks++;
		return;
	}
	if (s->points == SERIES_POINTS)
		series_halve(s);
	s->point[s->points++] = *p;
	s->looks = 1;
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
	if (d->watch_lost) {
		end_killed(e, "host", "");
		snprintf(e->detail, sizeof(e->detail), "the watch over the jail died%s%s: "
		    "what was seen of the plugin is lost", d->watch_signal ? " of " : "",
		    d->watch_signal ? signal_word(d->watch_signal) : "");
	} else if (d->operator_signal != 0) {
		end_killed(e, "operator", "");
		snprintf(e->detail, sizeof(e->detail), "cancelled by operator (%s)",
		    signal_word(d->operator_signal));
	} else if (d->timed_out) {
		end_as(e, ENDING_TIMEOUT, "it ran for as long as it may");
	} else if (d->cpu_over) {
		end_as(e, ENDING_CPU_LIMIT, "its processes together used as much CPU time as they may");
	} else if (d->memory_over) {
		end_as(e, ENDING_MEMORY_LIMIT, "its processes and files together held more memory than they may");
	} else if (d->pids_over) {
		end_killed(e, "policy", "it had more processes than it may");
	} else if (d->files_over) {
		end_killed(e, "policy", "it held more in files than it may");
	} else if (d->broker_kill) {
		end_killed(e, "policy", d->broker_detail);
	} else if (d->broker_lost) {
		end_killed(e, "broker", "");
		snprintf(e->detail, sizeof(e->detail), "the broker died%s%s: nothing it did could be "
		    "recorded", d->broker_signal ? " of " : "",
		    d->broker_signal ? signal_word(d->broker_signal) : "");
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
