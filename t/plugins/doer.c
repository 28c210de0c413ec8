/*
 * doer.c - a plugin that does what is allowed, for --audit to tell of, and prints
 * what came of it: one line for each deed, so that with and without --audit the
 * lines must be the same.
 *
 *   doer DEED [N]
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long r)
{
	printf("%s %s\n", what, r >= 0 ? "ok" : errno == EPERM ? "EPERM" : strerror(errno));
	fflush(stdout);
	if (r > 2)
		close((int)r);
}

/* Each call that is told of once, in an order that is known. */
static int files(void)
{
	chdir("/tmp");
	say("open", syscall(SYS_open, "/tmp/a", O_WRONLY | O_CREAT, 0600));
	say("open", syscall(SYS_open, "/tmp/a", O_RDONLY));
	say("openat", syscall(SYS_openat, AT_FDCWD, "a", O_RDWR));
	int dir = open("/tmp", O_PATH | O_DIRECTORY);
	say("openat", syscall(SYS_openat, dir, "a", O_RDONLY));
	say("chmod", syscall(SYS_chmod, "/tmp/a", 0640));
	int fd = open("/tmp/a", O_RDONLY);
	say("fchmod", syscall(SYS_fchmod, fd, 0600) ? -1 : 0);
	close(fd);
	say("mkdir", syscall(SYS_mkdir, "/tmp/d", 0700));
	say("mkdirat", syscall(SYS_mkdirat, dir, "e", 0700));
	say("rename", syscall(SYS_rename, "/tmp/a", "/tmp/b"));
	say("renameat", syscall(SYS_renameat, AT_FDCWD, "b", dir, "c"));
	say("unlink", syscall(SYS_unlink, "/tmp/c"));
	say("rmdir", syscall(SYS_rmdir, "/tmp/d"));
	say("unlinkat", syscall(SYS_unlinkat, dir, "e", AT_REMOVEDIR));
	say("open", syscall(SYS_open, "/etc/passwd", O_RDONLY));
	say("open", syscall(SYS_open, 16L, O_RDONLY));
	say("kill", syscall(SYS_kill, getpid(), 0));
	return 0;
}

/* What the profile of a runtime alone allows. */
static int more(void)
{
	struct { uint64_t flags, mode, resolve; } how = { O_WRONLY | O_CREAT | O_CLOEXEC, 0600, 0 };
	say("openat2", syscall(SYS_openat2, AT_FDCWD, "/tmp/a", &how, sizeof(how)));
	say("openat2", syscall(SYS_openat2, AT_FDCWD, "/tmp/a", 16L, sizeof(how)));
	say("creat", syscall(SYS_creat, "/tmp/b", 0600));
	say("link", syscall(SYS_link, "/tmp/a", "/tmp/l"));
	say("symlinkat", syscall(SYS_symlinkat, "a", AT_FDCWD, "/tmp/s"));
	say("truncate", syscall(SYS_truncate, "/tmp/a", 7L));
	say("mknod", syscall(SYS_mknod, "/tmp/f", S_IFIFO | 0600, 0L));
	say("renameat2", syscall(SYS_renameat2, AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b", 2L));
	say("fchmodat", syscall(SYS_fchmodat, AT_FDCWD, "/tmp/b", 0600));
	return 0;
}

static void *idle(void *unused)
{
	return unused;
}

static int processes(void)
{
	pthread_t t;
	int status;
	pid_t p = (pid_t)syscall(SYS_fork);
	if (p == 0)
		_exit(7);
	waitpid(p, &status, 0);
	printf("fork %d\n", WEXITSTATUS(status));
	p = vfork();
	if (p == 0) {
		execl("/bin/doer", "doer", "nothing", (char *)NULL);
		_exit(8);
	}
	waitpid(p, &status, 0);
	printf("vfork %d\n", WEXITSTATUS(status));
	if (pthread_create(&t, NULL, idle, NULL) == 0)
		puts(pthread_join(t, NULL) == 0 ? "thread ok" : "thread lost");
	execl("/bin/nobody", "nobody", (char *)NULL);
	say("execve", -1);
	return 0;
}

static int evil(void)
{
	static char large[5000];
	memset(large, 'x', sizeof(large) - 1);
	say("open", syscall(SYS_open, "\",\"type\":\"forged\"}\n{\"x\":\"", O_RDONLY));
	say("open", syscall(SYS_open, "</script><b>\033[31m", O_RDONLY));
	say("open", syscall(SYS_open, large, O_RDONLY));
	say("open", syscall(SYS_open, "\xff\xfe", O_RDONLY));
	say("open", syscall(SYS_open, "", O_RDONLY));
	say("rename", syscall(SYS_rename, large, "\001\002"));
	return 0;
}

static int token(void)
{
	const char *t = getenv("OXG_CAPABILITY_TOKEN");
	say("open", syscall(SYS_open, t, O_RDONLY));
	say("rename", syscall(SYS_rename, t, t));
	return 0;
}

/* Ends what it was asked for, and says how many went wrong. */
static int storm(long n)
{
	long lost = 0;
	for (long i = 0; i < n; i++) {
		long fd = syscall(SYS_open, "/dev/null", O_RDONLY);
		lost += fd < 0;
		close((int)fd);
	}
	printf("lost %ld\n", lost);
	return 0;
}

static int long_names(long n)
{
	static char large[4000];
	memset(large, 1, sizeof(large) - 1);
	while (n-- > 0)
		syscall(SYS_open, large, O_RDONLY);
	return 0;
}

static void tick(int unused)
{
	(void)unused;
}

/* Signals by the thousand: calls that wait for their answer begin again, and no more. */
static int ticks(long n)
{
	struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	struct timespec pause = { 0, 300000 };
	long lost = 0;
	sigaction(SIGUSR1, &action, NULL);
	pid_t parent = getpid(), p = fork();
	if (p == 0)
		for (;;) {
			if (kill(parent, SIGUSR1) != 0)
				_exit(0);
			nanosleep(&pause, NULL);
		}
	for (long i = 0; i < n; i++) {
		long fd = syscall(SYS_open, "/dev/zero", O_RDONLY);
		lost += fd < 0;
		close((int)fd);
	}
	kill(p, SIGKILL);
	while (waitpid(p, NULL, 0) < 0 && errno == EINTR)
		;
	printf("lost %ld\n", lost);
	return 0;
}

/* The path changes under the watch's eyes; what is refused stays refused. */
static char path[2][32] = { "/dev/null", "/etc/shadow" };
static char shown[32];
static volatile int over;

static void *flip(void *unused)
{
	for (int i = 0; !over; i++)
		memcpy(shown, path[i & 1], sizeof(shown));
	return unused;
}

static int race(long n)
{
	pthread_t t;
	long shadows = 0, mounts = 0;
	struct stat st;
	if (pthread_create(&t, NULL, flip, NULL) != 0)
		return 1;
	for (long i = 0; i < n; i++) {
		int fd = (int)syscall(SYS_open, shown, O_RDONLY);
		shadows += fd >= 0 && fstat(fd, &st) == 0 && !S_ISCHR(st.st_mode);
		close(fd);
		mounts += syscall(SYS_mount, shown, "/tmp", "x", 0x1000L, NULL) == 0;
	}
	over = 1;
	pthread_join(t, NULL);
	printf("%ld files of the host, %ld mounts\n", shadows, mounts);
	return 0;
}

static int many(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			for (int n = 0; n < 100; n++)
				close(open("/dev/null", O_RDONLY));
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	const char *deed = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;
#define IS(word) (strcmp(deed, word) == 0)
	if (IS("files"))
		return files();
	if (IS("more"))
		return more();
	if (IS("processes"))
		return processes();
	if (IS("evil"))
		return evil();
	if (IS("token"))
		return token();
	if (IS("storm"))
		return storm(n);
	if (IS("long"))
		return long_names(n);
	if (IS("ticks"))
		return ticks(n);
	if (IS("race"))
		return race(n);
	if (IS("many"))
		return many();
	if (IS("flood"))
		for (;;)
			close(open("/dev/null", O_RDONLY));
	if (IS("ready")) {
		close(open("/dev/null", O_RDONLY));
		puts("ready");
		fflush(stdout);
		for (;;)
			pause();
	}
	return IS("nothing") ? 0 : 64;
}
