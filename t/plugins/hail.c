/*
 * hail.c - no plugin, but who starts many runs of one, several at a time, and kills
 * half of them: oxg itself, its watch, or a child of the watch, at a moment between
 * the first instruction and a plugin in full work.
 *
 *   hail RUNS WIDTH SEED OXG TRUST OUT PLUGIN MARK
 *
 * Whom a killed run leaves behind becomes our child, since we are the subreaper:
 * at the end there must be none. A number is used as a process only while that
 * process is our child, or a child of one.
 *
 * Says on stdout how often each thing happened, and "wrong ..." for each run that
 * ended as it must not.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WIDTH_MAX 16
#define MS 1000000u
#define STUCK_NS (20000ull * MS)
#define LEFT_NS (5000ull * MS) /* the kernel may take its time to end a tree */

enum victim { NOBODY, SUPERVISOR, WATCH, BROKER, INIT, PLUGIN, VICTIMS };

static const char *const victim_word[] = { "nobody", "oxg", "watch", "broker", "init", "plugin" };

/* What they do, and the status of oxg when nobody is killed. No more processes than
 * they may have: whom that stops is another test's. */
static const struct deed {
	const char *word[3];
	const char *option[2];
	int status;
} bad[] = {
	{ { "true" }, { "--quiet" }, 0 },
	{ { "exit", "3" }, { "--quiet" }, 10 },
	{ { "abort" }, { "--quiet" }, 10 },
	{ { "raise", "9" }, { "--quiet" }, 10 },
	{ { "daemon" }, { "--quiet" }, 0 },
	{ { "hold" }, { "--quiet" }, 0 },
	{ { "tree" }, { "--quiet" }, 0 },
	{ { "fork-count", "40" }, { "--quiet" }, 0 },
	{ { "lines", "50000", "1" }, { "--quiet" }, 0 },
	{ { "no-newline", "8", "2" }, { "--quiet" }, 0 },
	{ { "emit", "20", "low" }, { "--quiet" }, 0 },
	{ { "bad-requests", "50" }, { "--quiet" }, 0 },
	{ { "inodes", "/tmp", "500" }, { "--quiet" }, 0 },
	{ { "mem", "64" }, { "--memory", "16M" }, 121 },
	{ { "stop" }, { "--timeout", "30ms" }, 124 },
	{ { "forkbomb" }, { "--timeout", "30ms" }, 124 },
}, lasting[] = { /* for those that are killed: they must not be over before */
	{ { "ready" }, { "--timeout", "5s" }, 124 },
	{ { "forkbomb" }, { "--timeout", "5s" }, 124 },
	{ { "cpu-children", "4" }, { "--timeout", "5s" }, 124 },
	{ { "term-catch" }, { "--timeout", "5s" }, 124 },
	{ { "no-newline", "100000", "1" }, { "--timeout", "5s" }, 124 },
	{ { "stop" }, { "--timeout", "5s" }, 124 },
	{ { "deaf", "100000000" }, { "--timeout", "5s" }, 124 },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static struct slot {
	pid_t oxg, check;        /* 0: not now */
	int number, status;
	const struct deed *deed;
	enum victim victim;
	bool hit;                /* somebody was there */
	uint64_t born, when;
	bool partial;
} slot[WIDTH_MAX];

static const char *oxg, *trust, *out, *plugin, *mark;
static int started, ended, wrong;
static int kills[VICTIMS], misses[VICTIMS];
static int nothing, partials, wholes, orphans;

static uint64_t seed;

static uint32_t below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void folder_of(const struct slot *s, const char *tail, char path[1024])
{
	snprintf(path, 1024, "%s/hail-%d%s", out, s->number, tail);
}

static bool there(const struct slot *s, const char *tail)
{
	char path[1024];
	struct stat st;

	folder_of(s, tail, path);
	return lstat(path, &st) == 0;
}

static void is_wrong(const struct slot *s, const char *what)
{
	wrong++;
	printf("wrong hail-%d: %s: %s; %s%s at %.1f ms; wait status %#x\n", s->number, what,
	    s->deed->word[0], victim_word[s->victim], s->hit ? " was killed" : "",
	    s->when ? (double)(s->when - s->born) / MS : 0, (unsigned)s->status);
}

/* ---- starting ----------------------------------------------------------------------- */

static pid_t spawn(char *const argv[])
{
	sigset_t none;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(open("/dev/null", O_RDWR), 0);
	dup2(0, 1);
	dup2(0, 2);
	execv(argv[0], argv);
	_exit(127);
}

/* Half of the kills while the jail is built, in steps of a tenth of a millisecond. */
static void choose_kill(struct slot *s)
{
	s->victim = below(2) ? SUPERVISOR : WATCH + below(4);
	s->when = s->born + (below(2) ? (uint64_t)(s->number / 2 % 81) * MS / 10 :
	    (uint64_t)below(1200) * MS / 10);
	s->deed = &lasting[below(COUNT(lasting))];
	/* Or while the folder of one that ends is sealed. */
	if (s->victim == SUPERVISOR && below(4) == 0)
		s->deed = &bad[below(COUNT(bad))];
}

static void start(struct slot *s)
{
	char folder[1024];
	int n = 0;
	const char *argv[24];

	memset(s, 0, sizeof(*s));
	s->number = ++started;
	s->born = now_ns();
	s->deed = &bad[(unsigned)s->number / 2 % COUNT(bad)];
	if (s->number % 2 == 0)
		choose_kill(s);
	folder_of(s, "", folder);
	argv[n++] = oxg;
	argv[n++] = "run";
	argv[n++] = "--trust";
	argv[n++] = trust;
	argv[n++] = "--out";
	argv[n++] = folder;
	for (int i = 0; i < 2 && s->deed->option[i]; i++)
		argv[n++] = s->deed->option[i];
	argv[n++] = plugin;
	argv[n++] = "--";
	for (int i = 0; i < 3 && s->deed->word[i]; i++)
		argv[n++] = s->deed->word[i];
	argv[n++] = mark;
	argv[n] = NULL;
	s->oxg = spawn((char *const *)argv);
}

/* ---- killing -------------------------------------------------------------------------- */

static size_t read_small(const char *path, char *into, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, into, room - 1);

	if (fd >= 0)
		close(fd);
	into[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* Its parent, and in how many process namespaces it has a number. */
static pid_t parent_of(pid_t pid, int *depth)
{
	char path[64], text[4096], *at;
	pid_t parent;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (read_small(path, text, sizeof(text)) == 0 || (at = strstr(text, "\nPPid:")) == NULL)
		return -1;
	parent = (pid_t)strtol(at + 6, NULL, 10);
	*depth = 0;
	at = strstr(text, "\nNSpid:");
	for (at = at ? strchr(at, '\t') : NULL; at != NULL && *at == '\t'; (*depth)++)
		(void)strtol(at + 1, &at, 10);
	return parent;
}

/* A child of parent's: the jail's pid 1, or the one that is not. Its pidfd, or -1. */
static int child_fd(pid_t parent, bool init, int ours, pid_t *found)
{
	char path[64], text[4096], *at = text;
	int depth, fd;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	read_small(path, text, sizeof(text));
	while ((pid = (pid_t)strtol(at, &at, 10)) > 0) {
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		/* Asked again once it is held: the number is still that child's. */
		if (fd >= 0 && parent_of(pid, &depth) == parent && (depth > ours) == init) {
			*found = pid;
			return fd;
		}
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static int victim_fd(const struct slot *s)
{
	int ours, watch, init, fd;
	pid_t pid, over;

	parent_of(s->oxg, &ours);
	if (s->victim == SUPERVISOR)
		return (int)syscall(SYS_pidfd_open, s->oxg, 0);
	watch = child_fd(s->oxg, false, ours, &over);
	if (s->victim == WATCH || watch < 0)
		return watch;
	close(watch);
	if (s->victim == BROKER)
		return child_fd(over, false, ours, &pid);
	init = child_fd(over, true, ours, &pid);
	if (s->victim == INIT || init < 0)
		return init;
	fd = child_fd(pid, true, ours, &pid);
	close(init);
	return fd;
}

static void strike(struct slot *s)
{
	int fd = victim_fd(s);

	s->hit = fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
	if (fd >= 0)
		close(fd);
	/* Not there yet: in its first moment, then. */
	if (!s->hit)
		s->when += MS / 10;
}

/* ---- judging ------------------------------------------------------------------------------ */

static bool one_of(int status, const int *list)
{
	for (; *list >= 0; list++)
		if (status == *list)
			return true;
	return false;
}

static bool shot(const struct slot *s)
{
	return s->hit && WIFSIGNALED(s->status) && WTERMSIG(s->status) == SIGKILL;
}

/* The status that a run may have of which this one was killed. 123: its broker, init or
 * we ended it. 10: the plugin was. 4: before it was started. */
static void judge_status(const struct slot *s)
{
	static const int after[] = { 4, 10, 122, 123, 124, -1 };
	int status = WIFEXITED(s->status) ? WEXITSTATUS(s->status) : -1;

	if (s->victim == SUPERVISOR && shot(s))
		return;
	if (s->victim == NOBODY || s->victim == SUPERVISOR) {
		if (status != s->deed->status)
			is_wrong(s, "another status than is due");
	} else if (!one_of(status, after))
		is_wrong(s, "no status that a killed run may have");
}

/* oxg is dead: what lies there, and oxg check about it. */
static void look_at_folder(struct slot *s)
{
	bool partial = there(s, ".partial"), whole = there(s, "");
	bool may_be_partial = s->victim == SUPERVISOR && shot(s);
	char folder[1024];

	judge_status(s);
	if (partial && whole)
		is_wrong(s, "a folder and its .partial");
	if (!whole && !may_be_partial)
		is_wrong(s, "oxg ended, and there is no sealed folder");
	if (!whole && !partial) {
		nothing++;
		ended++;
		s->number = 0;
		return;
	}
	s->partial = !whole;
	folder_of(s, s->partial ? ".partial" : "", folder);
	s->check = spawn((char *const[]){ (char *)oxg, (char *)"check", folder, NULL });
}

static void checked(struct slot *s, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != (s->partial ? 5 : 0))
		is_wrong(s, s->partial ? "check does not refuse a partial folder" :
		    "a folder looks complete and is not");
	if (s->partial)
		partials++;
	else
		wholes++;
	ended++;
	s->number = 0;
	s->check = 0;
}

static void reaped(pid_t pid, int status)
{
	for (struct slot *s = slot; s < slot + WIDTH_MAX; s++) {
		if (s->oxg == pid) {
			s->oxg = 0;
			s->status = status;
			/* Who was over already was not killed. */
			if (s->hit && (s->victim != SUPERVISOR || shot(s)))
				kills[s->victim]++;
			else if (s->victim != NOBODY)
				misses[s->victim]++;
			look_at_folder(s);
			return;
		}
		if (s->check == pid) {
			checked(s, status);
			return;
		}
	}
	orphans++;
}

/* ---- the storm --------------------------------------------------------------------------- */

static void turn(int runs, int width)
{
	uint64_t now, next = now_ns() + 20 * MS;
	struct timespec rest = { 0, 0 };
	sigset_t child;
	int status;
	pid_t pid;

	for (struct slot *s = slot; s < slot + width; s++) {
		if (s->number == 0 && started < runs)
			start(s);
		if (s->oxg == 0)
			continue;
		now = now_ns();
		if (s->victim != NOBODY && !s->hit && now >= s->when)
			strike(s);
		else if (s->victim != NOBODY && !s->hit && s->when < next)
			next = s->when;
		if (now - s->born > STUCK_NS) {
			is_wrong(s, "it did not end");
			s->born = s->when = now;
			kill(s->oxg, SIGKILL);
		}
	}
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	now = now_ns();
	rest.tv_nsec = next > now ? (long)(next - now) : 0;
	sigtimedwait(&child, NULL, &rest);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		reaped(pid, status);
}

/* Everybody who ever became ours must die: how many did not. */
static int survivors(void)
{
	uint64_t end = now_ns() + LEFT_NS;
	char path[64], text[4096], *at = text;
	int left = 0;
	pid_t pid;

	while (now_ns() < end) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return 0;
		if (pid > 0)
			orphans++;
		else
			nanosleep(&(struct timespec){ 0, 2 * MS }, NULL);
	}
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	read_small(path, text, sizeof(text));
	while ((pid = (pid_t)strtol(at, &at, 10)) > 0)
		left++;
	return left;
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int runs, width, before = descriptors(), left;
	sigset_t child;

	if (argc != 9)
		return 64;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	runs = (int)strtol(argv[1], NULL, 10);
	width = (int)strtol(argv[2], NULL, 10);
	seed = strtoull(argv[3], NULL, 10) * 2654435761u + 1;
	oxg = argv[4];
	trust = argv[5];
	out = argv[6];
	plugin = argv[7];
	mark = argv[8];
	if (width < 1 || width > WIDTH_MAX)
		return 64;
	while (ended < runs)
		turn(runs, width);
	left = survivors();
	printf("runs=%d\nwrong=%d\nleft=%d\norphans=%d\ndescriptors=%d\n", ended, wrong, left,
	    orphans, descriptors() - before);
	printf("nothing=%d\npartial=%d\nwhole=%d\n", nothing, partials, wholes);
	for (int v = SUPERVISOR; v < VICTIMS; v++)
		printf("killed_%s=%d\nmissed_%s=%d\n", victim_word[v], kills[v],
		    victim_word[v], misses[v]);
	return 0;
}
