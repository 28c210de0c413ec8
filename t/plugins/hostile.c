/*
 * hostile.c - a plugin that does one bad thing, named by its first argument. It
 * runs inside the jail; the tests watch from outside what becomes of it. The
 * harmless ones are run outside as well, to show that the test can fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWERS 3
#define REQUESTS 4
#define MIB (1u << 20)

static char block[MIB];

static void nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static _Noreturn void forever(void)
{
	for (;;)
		nap(1000);
}

static _Noreturn void burn(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

static void put_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			exit(9);
		p += k;
		n -= (size_t)k;
	}
}

static long number(char **arg, long otherwise)
{
	return *arg ? strtol(*arg, NULL, 10) : otherwise;
}

/* ---- endings -------------------------------------------------------------------- */

static int do_true(char **arg)
{
	(void)arg;
	return 0;
}

static int do_exit(char **arg)
{
	return (int)number(arg, 1);
}

static int do_abort(char **arg)
{
	(void)arg;
	abort();
}

static int do_segv(char **arg)
{
	(void)arg;
	volatile int *volatile nowhere = NULL;
	*nowhere = 1;
	return 0;
}

/* raise N: dies of a signal that no limit sent. */
static int do_raise(char **arg)
{
	raise((int)number(arg, SIGKILL));
	return 7;
}

static int do_stop(char **arg)
{
	(void)arg;
	raise(SIGSTOP);
	forever();
}

/* Everybody stands still: so many children first, then itself. */
static int do_stop_all(char **arg)
{
	for (long n = number(arg, 3); n > 0; n--) {
		pid_t p = fork();
		if (p == 0)
			forever();
		if (p > 0)
			kill(p, SIGSTOP);
	}
	return do_stop(arg);
}

/* A system call of another kind of program; where there is none, its signal. */
static int do_foreign(char **arg)
{
	(void)arg;
#ifdef __x86_64__
	syscall(0x40000000L | 39); /* x32's getpid */
#endif
	raise(SIGSYS);
	return 7;
}

static int do_sleep(char **arg)
{
	nap(number(arg, 1000));
	return 0;
}

static int do_hang(char **arg)
{
	(void)arg;
	forever();
}

/* Says when it is there: the tests send their signal then. */
static int do_ready(char **arg)
{
	(void)arg;
	put_all(1, "ready\n", 6);
	forever();
}

/* ---- CPU ------------------------------------------------------------------------- */

static int do_cpu(char **arg)
{
	(void)arg;
	burn();
}

static int do_cpu_children(char **arg)
{
	for (long n = number(arg, 10); n > 0; n--)
		if (fork() == 0)
			burn();
	forever();
}

/* Short-lived ones that nobody waits for: their time is in no rusage. */
static int do_cpu_ignored(char **arg)
{
	long width = number(arg, 4);
	signal(SIGCHLD, SIG_IGN);
	for (long i = 0; i < width; i++)
		if (fork() == 0)
			for (;;) {
				pid_t p = fork();
				if (p == 0) {
					for (volatile unsigned long n = 0; n < 60000000; n++)
						;
					_exit(0);
				}
				while (wait(NULL) > 0)
					;
			}
	forever();
}

static void shrug(int s)
{
	(void)s;
}

static int do_cpu_catch(char **arg)
{
	(void)arg;
	signal(SIGXCPU, shrug);
	burn();
}

static int do_term_catch(char **arg)
{
	for (int s = 1; s < 65; s++)
		signal(s, SIG_IGN);
	return do_ready(arg);
}

/* ---- memory ------------------------------------------------------------------------ */

static void eat(size_t mib)
{
	for (size_t i = 0; i < mib; i++) {
		char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			printf("mmap %zu: %s\n", i, strerror(errno));
			fflush(stdout);
			exit(8);
		}
		memset(p, 1, MIB);
	}
}

static int do_mem(char **arg)
{
	eat((size_t)number(arg, 2048));
	put_all(1, "eaten\n", 6);
	nap(3000);
	return 0;
}

/* N processes, M MiB each: no single one is over the limit. */
static int do_mem_children(char **arg)
{
	long n = number(arg, 10), mib = n && arg[0] && arg[1] ? number(arg + 1, 50) : 50;
	for (; n > 0; n--)
		if (fork() == 0) {
			eat((size_t)mib);
			forever();
		}
	nap(6000);
	return 0;
}

/* Address space that is reserved and never touched, as interpreters do. */
static int do_reserve(char **arg)
{
	size_t n = (size_t)number(arg, 4096) * MIB;
	void *p = mmap(NULL, n, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	printf("reserve=%s\n", p == MAP_FAILED ? strerror(errno) : "ok");
	return p == MAP_FAILED;
}

/* ---- disk -------------------------------------------------------------------------- */

static const char *word_for(int e)
{
	return e == ENOSPC ? "ENOSPC" : e == EFBIG ? "EFBIG" : e == EDQUOT ? "EDQUOT" :
	    e == ENOMEM ? "ENOMEM" : strerror(e);
}

/* fill DIR MIB: files of 16 MiB until it fails. */
static int do_fill(char **arg)
{
	unsigned long written = 0, most = (unsigned long)number(arg + 1, 1024) * MIB;
	memset(block, 'x', sizeof(block));
	for (int i = 0; written < most; i++) {
		char name[256];
		snprintf(name, sizeof(name), "%s/fill-%d", arg[0], i);
		int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		for (int k = 0; fd >= 0 && k < 16 && written < most; k++) {
			ssize_t n = write(fd, block, sizeof(block));
			if (n < 0) {
				fd = -2;
				break;
			}
			written += (unsigned long)n;
		}
		if (fd < 0)
			break;
		close(fd);
	}
	printf("filled=%lu errno=%s\n", written, written < most ? word_for(errno) : "0");
	return 0;
}

/* One file past every limit, and the limit's signal taken as it comes. */
static int do_xfsz(char **arg)
{
	unsigned long written = 0, most = (unsigned long)number(arg + 1, 1024) * MIB;
	int fd = open(arg[0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n = 0;
	while (written < most && (n = write(fd, block, sizeof(block))) > 0)
		written += (unsigned long)n;
	printf("written=%lu errno=%s\n", written, n < 0 ? word_for(errno) : "0");
	return 0;
}

/* SIGXFSZ is held off so that the error is seen. */
static int do_big_file(char **arg)
{
	signal(SIGXFSZ, SIG_IGN);
	return do_xfsz(arg);
}

static int do_inodes(char **arg)
{
	long made = 0, most = number(arg + 1, 200000);
	int fd = 0;
	for (; made < most; made++) {
		char name[256];
		snprintf(name, sizeof(name), "%s/i%ld", arg[0], made);
		if ((fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
			break;
		close(fd);
	}
	printf("made=%ld errno=%s\n", made, fd < 0 ? word_for(errno) : "0");
	return 0;
}

static int do_files(char **arg)
{
	(void)arg;
	int n = 0, fd;
	while (n < 100000 && (fd = open("/dev/null", O_RDONLY)) >= 0)
		n = fd + 1;
	printf("descriptors=%d\n", n);
	return 0;
}

/* A tree that its owner may not read: tidying up must not stumble. */
static int do_tree(char **arg)
{
	(void)arg;
	char name[64];
	if (chdir("/workspace") < 0)
		return 1;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		if (mkdir(name, 0700) < 0 || chdir(name) < 0)
			return 1;
		close(open("f", O_WRONLY | O_CREAT | O_CLOEXEC, 0));
		symlink("/etc/passwd", "link");
		mkfifo("fifo", 0600);
		chmod("..", 0);
	}
	chmod(".", 0);
	return 0;
}

/* ---- processes ------------------------------------------------------------------------ */

static int do_forkbomb(char **arg)
{
	(void)arg;
	for (;;)
		if (fork() < 0)
			nap(10);
	return 0;
}

static int do_fork_count(char **arg)
{
	long n = 0, most = number(arg, 1000);
	pid_t p = 0;
	for (; n < most; n++) {
		if ((p = fork()) == 0)
			forever();
		if (p < 0)
			break;
	}
	printf("children=%ld errno=%s\n", n, p < 0 ? (errno == EAGAIN ? "EAGAIN" : strerror(errno)) : "0");
	fflush(stdout);
	return 0;
}

/* Outlives its parent in a session of its own and keeps writing. */
static int do_daemon(char **arg)
{
	(void)arg;
	if (fork() > 0)
		return 0;
	setsid();
	if (fork() > 0)
		_exit(0);
	for (;;) {
		if (write(1, "alive\n", 6) < 0 && errno != EINTR)
			nap(1);
		nap(1);
	}
}

static int do_hold(char **arg)
{
	(void)arg;
	if (fork() == 0)
		forever();
	return 0;
}

static int do_close_all(char **arg)
{
	for (int fd = 0; fd < 1024; fd++)
		close(fd);
	nap(number(arg, 300));
	return 0;
}

/* The jail's first process cannot be shot from inside. */
static int do_kill_init(char **arg)
{
	(void)arg;
	for (int s = 1; s < 65; s++)
		kill(1, s);
	nap(200);
	put_all(1, "still here\n", 11);
	return 0;
}

/* ---- output ------------------------------------------------------------------------------ */

static int do_lines(char **arg)
{
	int fd = arg[0] && arg[1] ? (int)number(arg + 1, 1) : 1;
	char line[32];
	static char out[MIB];
	size_t k = 0;
	for (long i = 0, n = number(arg, 1000000); i < n; i++) {
		int w = snprintf(line, sizeof(line), "line %07ld\n", i);
		memcpy(out + k, line, (size_t)w);
		k += (size_t)w;
		if (k > sizeof(out) - 64 || i == n - 1) {
			put_all(fd, out, k);
			k = 0;
		}
	}
	return 0;
}

/* So many MiB without one newline. */
static int do_no_newline(char **arg)
{
	int fd = arg[0] && arg[1] ? (int)number(arg + 1, 1) : 1;
	memset(block, 'A', sizeof(block));
	for (long i = number(arg, 1024); i > 0; i--)
		put_all(fd, block, sizeof(block));
	return 0;
}

/* Each argument, a line on stdout. */
static int do_print(char **arg)
{
	for (; *arg; arg++)
		puts(*arg);
	return 0;
}

static int do_print_error(char **arg)
{
	for (; *arg; arg++)
		fprintf(stderr, "%s\n", *arg);
	return 0;
}

/* ---- the broker ----------------------------------------------------------------------------- */

static const char *token(void)
{
	const char *t = getenv("OXG_CAPABILITY_TOKEN");
	return t ? t : "";
}

/* An answer to stdout; nothing when none comes in time. */
static void show_answer(void)
{
	struct pollfd p = { ANSWERS, POLLIN, 0 };
	for (char c = 0; c != '\n' && poll(&p, 1, 5000) > 0;) {
		if (read(ANSWERS, &c, 1) != 1) {
			puts("no answer");
			break;
		}
		putchar(c);
	}
	fflush(stdout);
}

/* rpc LINE...: each is sent, @TOKEN@ replaced, and its answer shown. */
static int do_rpc(char **arg)
{
	for (; *arg; arg++) {
		const char *from = *arg, *mark;
		while ((mark = strstr(from, "@TOKEN@"))) {
			put_all(REQUESTS, from, (size_t)(mark - from));
			put_all(REQUESTS, token(), strlen(token()));
			from = mark + strlen("@TOKEN@");
		}
		put_all(REQUESTS, from, strlen(from));
		put_all(REQUESTS, "\n", 1);
		show_answer();
	}
	return 0;
}

/* As emit, but answers are never read: the broker must not wait for us. */
static int do_deaf(char **arg)
{
	char line[2048];
	int n = snprintf(line, sizeof(line),
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":{\"token\":\"%s\",\"message\":\"x\"}}\n", token());
	fcntl(REQUESTS, F_SETFL, O_NONBLOCK);
	for (long i = number(arg, 100000); i > 0; i--)
		if (write(REQUESTS, line, (size_t)n) < 0)
			nap(1);
	return 0;
}

/* emit N [SEVERITY]: valid findings. */
static int do_emit(char **arg)
{
	long n = number(arg, 1);
	const char *severity = n && arg[0] && arg[1] ? arg[1] : "low";
	char line[2048], answer[4096];
	for (long i = 0; i < n; i++) {
		int k = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"method\":\"finding.emit\","
		    "\"params\":{\"token\":\"%s\",\"finding\":{\"type\":\"test.finding\",\"message\":\"number %ld\","
		    "\"severity\":\"%s\"}}}\n", i, token(), i, severity);
		put_all(REQUESTS, line, (size_t)k);
		size_t got = 0;
		while (got < sizeof(answer) - 1 && read(ANSWERS, answer + got, 1) == 1 && answer[got] != '\n')
			got++;
		answer[got] = '\0';
		if (!strstr(answer, "\"result\"")) {
			printf("refused after %ld: %s\n", i, answer);
			return 3;
		}
	}
	printf("emitted=%ld\n", n);
	return 0;
}

static int do_garbage(char **arg)
{
	(void)arg;
	static const char noise[] = "\0\1\2\xff\xfe garbage {]\n\n{\"jsonrpc\":\nnull\n[]\n42\n\"\\ud800\"\n";
	put_all(REQUESTS, noise, sizeof(noise) - 1);
	put_all(REQUESTS, "{\"jsonrpc\":\"2.0\",\"id\":1,\"meth", 29); /* half a line */
	nap(100);
	return 0;
}

static int do_long_line(char **arg)
{
	memset(block, ' ', sizeof(block));
	put_all(REQUESTS, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"", 34);
	for (long i = number(arg, 2); i > 0; i--)
		put_all(REQUESTS, block, sizeof(block));
	put_all(REQUESTS, "\"}\n", 3);
	show_answer();
	return 0;
}

/* So many refused requests, each on a line of its own. */
static int do_bad_requests(char **arg)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\",\"params\":{\"token\":\"x\"}}\n";
	for (long i = number(arg, 2000); i > 0; i--) {
		put_all(REQUESTS, line, sizeof(line) - 1);
		for (char c = 0; c != '\n';)
			if (read(ANSWERS, &c, 1) != 1)
				return 4;
	}
	return do_emit((char *[]){ NULL });
}

/* ---- the table --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(char **arg);
} deeds[] = {
	{ "true", do_true }, { "exit", do_exit }, { "abort", do_abort }, { "segv", do_segv },
	{ "raise", do_raise }, { "stop", do_stop },
	{ "stop-all", do_stop_all }, { "foreign", do_foreign }, { "xfsz", do_xfsz }, { "sleep", do_sleep }, { "hang", do_hang },
	{ "ready", do_ready }, { "cpu", do_cpu }, { "cpu-children", do_cpu_children },
	{ "cpu-ignored", do_cpu_ignored }, { "cpu-catch", do_cpu_catch }, { "term-catch", do_term_catch },
	{ "mem", do_mem }, { "mem-children", do_mem_children }, { "reserve", do_reserve },
	{ "fill", do_fill }, { "big-file", do_big_file }, { "inodes", do_inodes }, { "files", do_files },
	{ "tree", do_tree }, { "forkbomb", do_forkbomb }, { "fork-count", do_fork_count },
	{ "daemon", do_daemon }, { "hold", do_hold }, { "close-all", do_close_all },
	{ "kill-init", do_kill_init }, { "lines", do_lines }, { "no-newline", do_no_newline },
	{ "print", do_print }, { "print-error", do_print_error }, { "rpc", do_rpc }, { "deaf", do_deaf },
	{ "emit", do_emit }, { "garbage", do_garbage }, { "long-line", do_long_line },
	{ "bad-requests", do_bad_requests },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(deeds) / sizeof(*deeds); i++)
		if (strcmp(argv[1], deeds[i].name) == 0)
			return deeds[i].run(argv + 2);
	fprintf(stderr, "hostile: no such deed\n");
	return 64;
}
