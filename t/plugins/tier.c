/*
 * tier.c - a plugin that takes its world as it finds it: everything relative to
 * where it starts and to what its environment says, so that it can do its deeds in
 * every tier.
 *
 *   tier DEED [ARG...]
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024L * 1024)

static char block[MIB];

static void say(const char *what, long rc)
{
	printf("%s=%s\n", what, rc < 0 ? errno == EPERM ? "EPERM" : errno == EACCES ? "EACCES" :
	    errno == ENOENT ? "ENOENT" : strerror(errno) : "0");
	fflush(stdout);
}

static void nap(long ms)
{
	usleep((useconds_t)ms * 1000);
}

static void tell(const char *name, const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0) {
		say(name, -1);
		return;
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	printf("%s=%s\n", name, text);
}

static const char *below(const char *variable, const char *name)
{
	static char path[8192];

	snprintf(path, sizeof(path), "%s/%s", getenv(variable), name);
	return path;
}

static int do_world(void)
{
	char cwd[4096] = "";

	(void)!getcwd(cwd, sizeof(cwd));
	printf("cwd=%s\n", strcmp(cwd, getenv("OXG_WORKSPACE")) == 0 ? "workspace" : cwd);
	printf("user=%s\n", getuid() != 0 ? "plain" : "root");
	tell("task", "task.json");
	tell("input", "input/file");
	tell("input-below", "input/sub/file");
	say("write-input", open("input/file", O_WRONLY));
	say("write-task", open("task.json", O_WRONLY));
	say("make-input", open("input/mine", O_CREAT | O_WRONLY, 0600));
	say("write", open("mine", O_CREAT | O_EXCL | O_RDWR, 0600));
	say("write-tmp", open(below("TMPDIR", "mine"), O_CREAT | O_EXCL | O_RDWR, 0600));
	say("write-home", open(below("HOME", "mine"), O_CREAT | O_EXCL | O_RDWR, 0600));
	say("write-bin", open("../bin/mine", O_CREAT | O_WRONLY, 0600));
	say("write-above", open("../mine", O_CREAT | O_WRONLY, 0600));
	say("write-artifact", open("../bin/tier", O_WRONLY));
	say("null", open("/dev/null", O_WRONLY));
	say("socket", socket(AF_INET, SOCK_STREAM, 0));
	return 0;
}

/* A copy of itself, which it may write and not run. */
static int do_run_own(char **arg)
{
	int from = open(arg[0], O_RDONLY), to = open("own", O_CREAT | O_WRONLY, 0700);
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) > 0)
		(void)!write(to, block, (size_t)n);
	close(to);
	say("copied", from < 0 || to < 0 ? -1 : 0);
	if (fork() == 0) {
		execl("./own", "own", "world", (char *)NULL);
		say("run", -1);
		_exit(0);
	}
	wait(NULL);
	return 0;
}

static int do_reach(char **arg)
{
	struct stat st;

	say("open", open(arg[0], O_RDONLY));
	say("stat", stat(arg[0], &st));
	say("run", execl(arg[0], arg[0], (char *)NULL));
	return 0;
}

static int do_signal(char **arg)
{
	say("victim", kill((pid_t)atol(arg[0]), SIGTERM));
	kill(-1, SIGTERM);
	say("all", 0);
	return 0;
}

/* Neither reading nor writing; and truncating what is only read. */
static int do_three(char **arg)
{
	say("three", open(arg[0], 3));
	say("truncate", open(arg[0], O_RDONLY | O_TRUNC));
	return 0;
}

/* Signals the process that ends the others, which is the next one to be made. */
static int do_stopper(void)
{
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			for (;;)
				for (pid_t p = getpid(); p < getpid() + 60; p++)
					kill(p + i + 1, SIGSTOP);
	puts("ready");
	fflush(stdout);
	nap(300);
	return 0;
}

/* How: nothing; "nameless"; "shut", in a directory that cannot be read; "mapped", where
 * a page of each file is all that is left of it. */
static int do_fill(char **arg)
{
	const char *how = arg[1] != NULL ? arg[1] : "";
	char name[32];

	if (strcmp(how, "shut") == 0 && (mkdir("shut", 0300) != 0 || chdir("shut") != 0))
		return 1;
	for (long i = 0; i < atol(arg[0]); i++) {
		snprintf(name, sizeof(name), "f%ld", i);
		int fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (write(fd, block, MIB) != MIB)
			break;
		if (strcmp(how, "mapped") == 0)
			say("map", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
		if (strcmp(how, "nameless") != 0)
			close(fd);
		if (strcmp(how, "nameless") == 0 || strcmp(how, "mapped") == 0)
			unlink(name);
	}
	puts("ready");
	fflush(stdout);
	nap(1500);
	return 0;
}

/* Directories in one another: with a third argument, of long names. */
static int do_deep(char **arg)
{
	char name[201] = "d";

	if (arg[2] != NULL)
		memset(name, 'd', sizeof(name) - 1);
	for (long i = 0; i < atol(arg[0]); i++) {
		if (mkdir(name, 0700) != 0 || chdir(name) != 0)
			break;
		printf("depth=%ld\n", i + 1); /* it may be killed before the next */
		fflush(stdout);
	}
	(void)!open("bottom", O_CREAT | O_WRONLY, 0600);
	puts("ready");
	fflush(stdout);
	nap(atol(arg[1]));
	return 0;
}

static int do_many(char **arg)
{
	char name[32];
	long i;

	for (i = 0; i < atol(arg[0]); i++) {
		snprintf(name, sizeof(name), "n%ld", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	printf("made=%ld\n", i);
	fflush(stdout);
	nap(1500);
	return 0;
}

/* Modes that its owner would have to change first. */
static int do_closed(void)
{
	mkdir("closed", 0700);
	mkdir("closed/in", 0700);
	close(open("closed/in/file", O_CREAT | O_WRONLY, 0));
	mkdir("none", 0);
	umask(0777);
	mkdir("closed/in/none", 0777);
	say("closed", 0);
	return 0;
}

/* Processes that fork as fast as they die, each in a session of its own. */
static int do_hydra(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0)
			for (;;) {
				setsid();
				signal(SIGHUP, SIG_IGN);
				if (fork() > 0)
					_exit(0);
			}
	puts("ready");
	fflush(stdout);
	nap(200);
	return 0;
}

/* The mark stands in its command line. */
static int do_hang(void)
{
	if (fork() == 0)
		if (fork() == 0) {
			close(0);
			close(1);
			close(2);
			nap(30000);
		}
	puts("ready");
	fflush(stdout);
	nap(30000);
	return 0;
}

int main(int argc, char **argv)
{
	const char *deed = argc > 1 ? argv[1] : "";
#define IS(word) (strcmp(deed, word) == 0)
	if (IS("world"))
		return do_world();
	if (IS("run-own"))
		return do_run_own(argv);
	if (IS("reach") && argc > 2)
		return do_reach(argv + 2);
	if (IS("signal") && argc > 2)
		return do_signal(argv + 2);
	if (IS("three") && argc > 2)
		return do_three(argv + 2);
	if (IS("stopper"))
		return do_stopper();
	if (IS("fill") && argc > 2)
		return do_fill(argv + 2);
	if (IS("deep") && argc > 3)
		return do_deep(argv + 2);
	if (IS("many") && argc > 2)
		return do_many(argv + 2);
	if (IS("closed"))
		return do_closed();
	if (IS("hydra"))
		return do_hydra();
	if (IS("hang"))
		return do_hang();
	return 64;
}
