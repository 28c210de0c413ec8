/*
 * sly.c - a plugin that keeps to every rule that is checked and looks for what is
 * not: memory that is no resident page, CPU time that nobody adds up, calls with
 * an argument that reaches out of the jail. One deed, named by its first argument.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static long number(char **arg, int i, long otherwise)
{
	for (; i > 0 && *arg; i--)
		arg++;
	return *arg ? strtol(*arg, NULL, 10) : otherwise;
}

static void say(const char *name, const char *value)
{
	printf("%s=%s\n", name, value);
	fflush(stdout);
}

static const char *word(int e)
{
	return e == 0 ? "DONE" : e == EPERM ? "EPERM" : e == EACCES ? "EACCES" :
	    e == ENOENT ? "ENOENT" : e == EROFS ? "EROFS" : strerror(e);
}

static void *pages(size_t mib, int protection, int flags, int fd)
{
	/* The C library would change the error. */
	void *p = (void *)syscall(SYS_mmap, NULL, mib * MIB, protection, flags, fd, 0L);
	if (p == MAP_FAILED) {
		say("mmap", word(errno));
		exit(8);
	}
	return p;
}

/* ---- memory out of sight ---------------------------------------------------------- */

static long eat_mib;

static void *eat(void *unused)
{
	(void)unused;
	for (long i = 0; i < eat_mib; i++)
		memset(pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), 1, MIB);
	say("eaten", "all");
	nap(3000);
	syscall(SYS_exit_group, 0);
	return NULL;
}

/* thread MIB: the first thread is gone, and with it what /proc/PID/stat says. */
static int do_thread(char **arg)
{
	pthread_t t;
	eat_mib = number(arg, 0, 400);
	pthread_create(&t, NULL, eat, NULL);
	syscall(SYS_exit, 0);
	return 0;
}

/* One page stays mapped and keeps all the others, which are in no process. */
static int shared(int flags, int fd, long mib)
{
	for (long got = 0; got < mib; got += 64) {
		char *p = pages(64, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd);
		memset(p, 1, 64 * MIB);
		munmap(p + 4096, 64 * MIB - 4096);
	}
	say("hidden", "all");
	nap(2000);
	return 0;
}

static int do_shared(char **arg)
{
	return shared(MAP_ANONYMOUS, -1, number(arg, 0, 1024));
}

static int do_zero(char **arg)
{
	int fd = open("/dev/zero", O_RDWR);
	if (fd < 0) {
		say("open", word(errno));
		return 8;
	}
	return shared(0, fd, number(arg, 0, 1024));
}

/* Pages of a file that has no name, and is mapped nowhere. */
static int do_memfd(char **arg)
{
	static char block[MIB];
	for (long got = 0; got < number(arg, 0, 1024);) {
		int fd = (int)syscall(SYS_memfd_create, "x", 0);
		if (fd < 0) {
			say("memfd", word(errno));
			return 8;
		}
		for (int i = 0; i < 32 && write(fd, block, MIB) > 0; i++)
			got++;
	}
	say("hidden", "all");
	nap(2000);
	return 0;
}

/* tables CHILDREN MIB: so much of page tables in each, by reading a byte here and
 * there: what is read is the one page of zeroes. */
static int do_tables(char **arg)
{
	long children = number(arg, 0, 1), mib = number(arg, 1, 8);
	volatile char sum = 0;
	while (--children > 0 && fork() > 0)
		;
	for (long got = 0; got < mib; got += 2) {
		char *p = pages(1024, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
		madvise(p, 1024 * MIB, MADV_NOHUGEPAGE);
		for (size_t at = 0; at < 1024 * MIB; at += 2 * MIB)
			sum += p[at];
	}
	say("tables", "all");
	nap(3000);
	return sum;
}

/* children N MIB: so many, and the last one holds so much. */
static int do_children(char **arg)
{
	long n = number(arg, 0, 1500), mib = number(arg, 1, 64), made = 0;
	for (; made < n; made++) {
		pid_t p = fork();
		if (p < 0)
			break;
		if (p == 0) {
			if (made == n - 1)
				memset(pages((size_t)mib, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1), 1, (size_t)mib * MIB);
			for (;;)
				nap(10000);
		}
	}
	printf("children=%ld\n", made);
	fflush(stdout);
	nap(4000);
	return 0;
}

/* chain N MIB: each the child of the one before; the last one holds so much. */
static int do_chain(char **arg)
{
	long n = number(arg, 0, 1500), mib = number(arg, 1, 64);
	for (long i = 0; i < n; i++) {
		pid_t p = fork();
		if (p > 0)
			for (;;)
				nap(10000);
		if (p < 0) {
			say("fork", word(errno));
			break;
		}
	}
	memset(pages((size_t)mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1),
	    1, (size_t)mib * MIB);
	say("chain", "all");
	nap(4000);
	kill(-1, SIGKILL);
	return 0;
}

/* common CHILDREN MIB: one memory, in so many processes. */
static int do_common(char **arg)
{
	long children = number(arg, 0, 40), mib = number(arg, 1, 50);
	memset(pages((size_t)mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1),
	    1, (size_t)mib * MIB);
	for (; children > 0; children--)
		if (fork() == 0)
			for (;;)
				nap(1000);
	nap(1500);
	say("common", "all");
	return 0;
}

/* ---- CPU time that is added up nowhere ------------------------------------------------ */

static long my_cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* cpu MS SECONDS: children of so many milliseconds, whose ends are ignored. */
static int do_cpu(char **arg)
{
	long ms = number(arg, 0, 5), n = 0;
	time_t end = time(NULL) + number(arg, 1, 4);
	signal(SIGCHLD, SIG_IGN);
	while (time(NULL) < end) {
		pid_t p = fork();
		if (p == 0) {
			while (my_cpu_us() < ms * 1000)
				;
			_exit(0);
		}
		n += p > 0;
		while (wait(NULL) > 0)
			;
	}
	printf("burnt=%ld\n", n * ms);
	return 0;
}

/* ---- arguments that reach further than their calls -------------------------------------- */

static void show(const char *name, long r)
{
	say(name, word(r < 0 ? errno : 0));
}

static int do_arguments(char **arg)
{
	char *p = pages(4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fd = open("/tmp/x", O_RDWR | O_CREAT | O_CLOEXEC, 0600), dir = open("/tmp", O_RDONLY), pipe_[2];
	(void)arg;
	if (pipe(pipe_) < 0)
		return 1;
	show("lease", fcntl(fd, F_SETLEASE, F_WRLCK));
	show("notify", fcntl(dir, F_NOTIFY, 1));
	show("owner", fcntl(fd, F_SETOWN, 1));
	show("owner-ex", fcntl(fd, F_SETOWN_EX, p));
	show("signal", fcntl(fd, F_SETSIG, SIGKILL));
	show("pipe-size", fcntl(pipe_[0], F_SETPIPE_SZ, (int)MIB));
	show("seals", fcntl(fd, F_ADD_SEALS, 0));
	show("hint", fcntl(fd, F_SET_RW_HINT, p));
	show("huge", syscall(SYS_mmap, NULL, 2 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0L));
	show("anonymous", syscall(SYS_mmap, NULL, MIB, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0L));
	show("merge", madvise(p, MIB, MADV_MERGEABLE));
	show("poison", madvise(p, 4096, MADV_HWPOISON));
	show("offline", madvise(p, 4096, MADV_SOFT_OFFLINE));
	show("page-out", madvise(p, 4096, MADV_PAGEOUT));
	show("dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	show("tracer", prctl(0x59616d61, -1, 0, 0, 0));
	show("mm", prctl(PR_SET_MM, PR_SET_MM_BRK, p, 0, 0));
	show("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	show("seccomp", prctl(PR_SET_SECCOMP, 1, 0, 0, 0));
	show("timing", prctl(PR_SET_TSC, 1, 0, 0, 0));
	show("speculation", prctl(53, 0, 0, 0, 0));
	show("console", ioctl(0, TIOCSTI, "x"));
	show("clone-time", syscall(SYS_clone, 0x80L | SIGCHLD, 0L, 0L, 0L, 0L));
	show("inotify", syscall(SYS_inotify_init1, 0L));
	show("splice", syscall(SYS_splice, pipe_[0], NULL, fd, NULL, 1L, 2L));
	show("tee", syscall(SYS_tee, pipe_[0], pipe_[1], 1L, 2L));
	show("vmsplice", syscall(SYS_vmsplice, pipe_[1], NULL, 0L, 0L));
	show("key", syscall(SYS_request_key, "user", "x", NULL, 0L));
	show("queue", syscall(SYS_mq_open, "/x", O_CREAT | O_RDWR, 0600, NULL));
	show("segment", syscall(SYS_shmget, 1, 4096, 01600));
	show("semaphore", syscall(SYS_semget, 1, 1, 01600));
	show("messages", syscall(SYS_msgget, 1, 01600));
	show("nice", syscall(SYS_setpriority, 0, 0, -5));
	show("io-priority", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
	show("scheduler", syscall(SYS_sched_setscheduler, 0, 1, (int[]){ 1 }));
	show("clock", syscall(SYS_clock_settime, 0, (long[]){ 0, 0 }));
	return 0;
}

/* fifo PATH: writes into one of the host's. */
static int do_fifo(char **arg)
{
	int fd = open(*arg ? *arg : "/workspace/input/fifo", O_WRONLY | O_NONBLOCK);
	show("open", fd);
	if (fd >= 0)
		show("write", write(fd, "from inside\n", 12));
	return 0;
}

/* lock PATH: as others could not have it any more. */
static int do_lock(char **arg)
{
	struct flock all = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	int fd = open(*arg ? *arg : "/workspace/input/f", O_RDONLY);
	if (fd < 0)
		return show("open", fd), 1;
	show("record", fcntl(fd, F_SETLK, &all));
	show("whole", syscall(SYS_flock, fd, 2 | 4));
	nap(1500);
	return 0;
}

/* cat PATH: what all files below it hold. */
static int do_cat(char **arg)
{
	char text[4096], below[4096];
	struct dirent *e;
	DIR *dir = opendir(*arg);
	int fd = dir ? -1 : open(*arg, O_RDONLY);
	ssize_t n;
	while (fd >= 0 && (n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
			snprintf(below, sizeof(below), "%.2000s/%s", *arg, e->d_name);
			do_cat((char *[]){ below, NULL });
		}
	if (dir)
		closedir(dir);
	close(fd);
	return 0;
}

/* ---- the table ----------------------------------------------------------------------------- */

/* refused N: so many processes that do nothing but ask for what is refused. */
static _Noreturn int do_refused(char **arg)
{
	for (long n = number(arg, 0, 8); n > 1 && fork() > 0; n--)
		;
	for (;;)
		syscall(SYS_socket, 1, 1, 0);
}

static int do_crash(char **arg)
{
	(void)arg;
	abort();
}

/* again N: executed by itself so many times, with more and more arguments. */
static int do_again(char **arg)
{
	long n = number(arg, 0, 0);
	char left[24], name[] = "/bin/sly", deed[] = "again";
	if (n <= 0)
		return say("again", "done"), 0;
	snprintf(left, sizeof(left), "%ld", n - 1);
	execv(name, (char *[]){ name, deed, left, NULL });
	return 9;
}

static int do_doze(char **arg)
{
	say("doze", "ready");
	nap(number(arg, 0, 60000));
	return 0;
}

static const struct {
	const char *name;
	int (*run)(char **arg);
} deeds[] = {
	{ "thread", do_thread }, { "shared", do_shared }, { "zero", do_zero }, { "memfd", do_memfd },
	{ "tables", do_tables }, { "children", do_children }, { "chain", do_chain },
	{ "common", do_common }, { "cpu", do_cpu }, { "arguments", do_arguments }, { "fifo", do_fifo },
	{ "lock", do_lock }, { "cat", do_cat }, { "refused", do_refused }, { "crash", do_crash }, { "again", do_again }, { "doze", do_doze },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COUNT(deeds); i++)
		if (strcmp(argv[1], deeds[i].name) == 0)
			return deeds[i].run(argv + 2);
	fprintf(stderr, "sly: no such deed\n");
	return 64;
}
