/*
 * reap.c - ends every process of a jail that has no pid namespace to end with its
 * first one. Runs in the jail's init, and where that was killed in the watch, which
 * inherits what it left.
 *
 * System calls only, like inside.c; the one text it reads is the kernel's, of
 * figures and blanks.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "jail/jail.h"
#include "jail/kernel.h"

#define TEXT 4096
#define HEIRS 8192        /* more processes than a jail may have */
#define ENDER_ROUNDS 500  /* for one signal */
#define ROUNDS 20000      /* four seconds */
#define ROUNDS_GENTLE 500 /* so long nobody is killed before all are kept from forking */

static const struct timespec moment = { 0, 200000 };

/* ---- by user --------------------------------------------------------------------- */

/* Signals every process that it may: all of the plugin's user, and nobody else. It
 * must have given up every right before, and sees that it did: who has CAP_KILL, or is
 * who it was, would end the host. */
static _Noreturn void be_the_end(const struct jail_plan *plan, long init)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	const struct kernel_cap_data none[2] = { { 0 } };

	/* May signal as that user, and be signalled by nobody: kill(2) looks at the real
	 * and saved ids of who is to die. */
	if (SYS(setresgid, plan->gid, plan->gid, plan->gid, 0, 0) == 0 &&
	    SYS(setresuid, plan->uid + ENDER_UID_AWAY, plan->uid, plan->uid + ENDER_UID_AWAY, 0, 0) == 0 &&
	    SYS(capset, &header, none, 0, 0, 0) == 0 &&
	    SYS(kill, init, 0, 0, 0, 0) < 0 && errno == EPERM &&
	    (unsigned)SYS(geteuid, 0, 0, 0, 0, 0) == plan->uid)
		SYS(kill, -1, SIGKILL, 0, 0, 0);
	leave(0);
}

/* Nobody else has that user. The kernel looks at each process once, and who is about
 * to fork is caught before. */
static void end_user(const struct jail_plan *plan)
{
	long init = SYS(getpid, 0, 0, 0, 0, 0), pid = SYS(clone, SIGCHLD, 0, 0, 0, 0);
	int tries;

	if (pid == 0 && SYS(getpid, 0, 0, 0, 0, 0) != init)
		be_the_end(plan, init);
	for (tries = 0; pid > 0 && tries < ENDER_ROUNDS; tries++) {
		if (SYS(wait4, pid, NULL, __WALL | WNOHANG, NULL, 0) != 0)
			return;
		SYS(nanosleep, &moment, NULL, 0, 0, 0);
	}
	if (pid > 0) {
		SYS(kill, pid, SIGKILL, 0, 0, 0);
		SYS(wait4, pid, NULL, __WALL, NULL, 0);
	}
}

/* ---- by descent -------------------------------------------------------------------- */

struct heirs {
	int pid[HEIRS];
	int count;
};

struct path {
	char text[64];
	int length;
};

static void add_text(struct path *p, const char *text)
{
	while (*text != '\0' && p->length < (int)sizeof(p->text) - 1)
		p->text[p->length++] = *text++;
	p->text[p->length] = '\0';
}

static void add_number(struct path *p, int n)
{
	char digit[12];
	int i = sizeof(digit) - 1;

	digit[i] = '\0';
	do
		digit[--i] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	add_text(p, digit + i);
}

/* Figures up to the next other character, one for each call; 0: no more. */
static int next_number(const char **at, const char *end)
{
	int n = 0;

	while (*at < end && (**at < '0' || **at > '9'))
		++*at;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
		n = n * 10 + (**at - '0');
	return *at < end ? n : 0; /* cut: it comes whole in another round */
}

static void add_children_of(struct heirs *h, int pid, int thread, pid_t spare)
{
	struct path path = { .length = 0 };
	char text[TEXT];
	const char *at = text;
	long fd, n;
	int child;

	add_text(&path, "/proc/");
	add_number(&path, pid);
	add_text(&path, "/task/");
	add_number(&path, thread);
	add_text(&path, "/children");
	fd = SYS(openat, AT_FDCWD, path.text, O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return;
	n = SYS(read, fd, text, sizeof(text), 0, 0);
	SYS(close, fd, 0, 0, 0, 0);
	while (n > 0 && (child = next_number(&at, text + n)) != 0)
		if (child != spare && h->count < HEIRS)
			h->pid[h->count++] = child;
}

/* The kernel's struct linux_dirent64, getdents(2). */
struct entry {
	uint64_t inode;
	int64_t next;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* A child is its parent's thread's: each of them has a list. */
static void add_below(struct heirs *h, int pid, pid_t spare)
{
	struct path path = { .length = 0 };
	union {
		char bytes[TEXT];
		struct entry first;
	} list;
	long fd, n, at;

	add_text(&path, "/proc/");
	add_number(&path, pid);
	add_text(&path, "/task");
	fd = SYS(openat, AT_FDCWD, path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	while (fd >= 0 && (n = SYS(getdents64, fd, &list, sizeof(list), 0, 0)) > 0)
		for (at = 0; at < n; ) {
			const struct entry *e = (const struct entry *)(list.bytes + at);
			const char *name = e->name;
			int thread = next_number(&name, name + 12);

			if (thread != 0)
				add_children_of(h, pid, thread, spare);
			at += e->size;
		}
	if (fd >= 0)
		SYS(close, fd, 0, 0, 0, 0);
}

static void find_heirs(struct heirs *h, pid_t spare)
{
	int i;

	h->count = 0;
	add_below(h, (int)SYS(getpid, 0, 0, 0, 0, 0), spare);
	for (i = 0; i < h->count; i++)
		add_below(h, h->pid[i], 0);
}

/*
 * Who may have no process more can fork no more; and as long as nobody is killed,
 * who is not kept from it yet has his user's limit full. When a look finds that all
 * were kept already, they are a set that only shrinks. False: not yet.
 */
static bool keep_from_forking(const struct heirs *h)
{
	static const struct rlimit none = { 0, 0 };
	struct rlimit before;
	bool all = true;
	int i;

	for (i = 0; i < h->count; i++)
		if (SYS(prlimit64, h->pid[i], RLIMIT_NPROC, &none, &before, 0) == 0 && before.rlim_max != 0)
			all = false;
	return all;
}

static void end_heirs(const struct heirs *h)
{
	int i;

	for (i = 0; i < h->count; i++)
		SYS(kill, h->pid[i], SIGKILL, 0, 0, 0);
}

/* ---- by Landlock domain ----------------------------------------------------------------- */

/* All that init's domain lets it signal, which is the jail. Whoever is not in one, or
 * can reach his parent from it, would end all that his user has: never he. */
static bool end_domain(void)
{
	if (SYS(kill, SYS(getppid, 0, 0, 0, 0, 0), 0, 0, 0, 0) == 0 || errno != EPERM)
		return false;
	SYS(kill, -1, SIGKILL, 0, 0, 0);
	return true;
}

/* ---- all ------------------------------------------------------------------------------ */

/* Whoever is dead is taken; false: nobody is left, dead or alive. */
static bool reap_dead(pid_t spare)
{
	long pid;

	do
		pid = SYS(wait4, -1, NULL, __WALL | WNOHANG, NULL, 0);
	while (pid > 0 && pid != spare);
	return pid == 0;
}

/* False: there was nobody. */
static bool end_descent(const struct jail_plan *plan, pid_t spare, bool gentle)
{
	static struct heirs heirs; /* large, and there is one */

	find_heirs(&heirs, spare);
	if (heirs.count == 0)
		return false;
	if (plan->ends_by == ENDS_USER || keep_from_forking(&heirs) || !gentle)
		end_heirs(&heirs);
	return true;
}

void jail_end_all(const struct jail_plan *plan)
{
	int tries;

	/* Bounded: what cannot be ended must not hold us for ever. */
	for (tries = 0; tries < ROUNDS && reap_dead(0); tries++) {
		if (plan->ends_by == ENDS_USER)
			end_user(plan);
		else if (plan->ends_by != ENDS_DOMAIN || !end_domain())
			(void)end_descent(plan, 0, tries < ROUNDS_GENTLE);
		SYS(nanosleep, &moment, NULL, 0, 0, 0);
	}
}

void jail_end_left(const struct jail_plan *plan, pid_t spare)
{
	int tries;

	for (tries = 0; tries < ROUNDS && reap_dead(spare); tries++) {
		if (!end_descent(plan, spare, tries < ROUNDS_GENTLE))
			return;
		if (plan->ends_by == ENDS_USER)
			end_user(plan);
		SYS(nanosleep, &moment, NULL, 0, 0, 0);
	}
}
