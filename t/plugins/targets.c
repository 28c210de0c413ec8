/*
 * targets.c - what the attempts are aimed at, outside of every jail.
 *
 *   targets host DIR SECRET     listens on loopback and on sockets without a network,
 *                               has a victim; what was done to them goes to DIR.log,
 *                               where they are to DIR.vars
 *   targets victim DIR SECRET   the victim: has the secret in its memory, arguments,
 *                               environment and on a descriptor; how often it has
 *                               looked at itself goes to DIR.looks
 *   targets pty LOG COMMAND...  a terminal of its own for the command: what was
 *                               written to it, and what was typed though nobody did
 *   targets swap A B            A and B change places until it is killed
 *   targets naive A WORD N      looks at A and then opens it, as is done too often,
 *                               N times: until it has read WORD
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "attempts.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *dir, *secret;

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *beside(const char *suffix, const char *mode)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s.%s", dir, suffix);
	f = fopen(path, mode);
	if (f == NULL)
		give_up(path);
	return f;
}

static void note(const char *what)
{
	FILE *log = beside("log", "ae");

	fprintf(log, "%s\n", what);
	fclose(log);
}

/* ---- the victim ------------------------------------------------------------------- */

static const char *sender(int signal)
{
	switch (signal) {
#define X(number, name) case number: return name;
	SIGNALS(X)
#undef X
	}
	return "a signal that nobody was to send";
}

static volatile char canary = 'c';
static char memory[64];

static _Noreturn void victim(void)
{
	struct timespec soon = { 0, 20000000 };
	sigset_t all;
	char path[4096];
	FILE *vars = beside("vars", "ae"), *looks = beside("looks", "we");
	unsigned long look = 0;
	int fd, got;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(memory, sizeof(memory), "%s", secret);
	snprintf(path, sizeof(path), "%s/victim-file", dir);
	fd = open(path, O_RDONLY);
	if (fd < 0 || dup2(fd, VICTIM_FD) < 0)
		give_up(path);
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	fprintf(vars, "victim=%d\nmemory=%lu\ncanary=%lu\nready=1\n", (int)getpid(),
	    (unsigned long)memory, (unsigned long)&canary);
	fclose(vars);
	for (;;) {
		got = sigtimedwait(&all, NULL, &soon);
		if (got > 0 && got != SIGTERM)
			note(sender(got));
		if (canary != 'c')
			note("write-memory");
		canary = 'c';
		rewind(looks);
		fprintf(looks, "%lu\n", ++look);
		fflush(looks);
	}
}

/* ---- the host ----------------------------------------------------------------------- */

static int listener(int type, const void *address, socklen_t length)
{
	int fd = socket(((const struct sockaddr *)address)->sa_family, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && (bind(fd, address, length) != 0 || (type == SOCK_STREAM && listen(fd, 16) != 0))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int port_of(int fd)
{
	struct sockaddr_in6 a = { 0 };
	socklen_t length = sizeof(a);

	return fd < 0 || getsockname(fd, (struct sockaddr *)&a, &length) != 0 ? 0 : ntohs(a.sin6_port);
}

/* Whoever comes says its name, and is told the secret. */
static void serve(int fd, int stream)
{
	struct timeval patience = { 0, 500000 };
	char line[128];
	int peer = stream ? accept(fd, NULL, NULL) : fd;
	ssize_t n;

	if (peer < 0)
		return;
	if (stream)
		setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(peer, line, sizeof(line) - 1, stream ? 0 : MSG_DONTWAIT);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	note(n > 0 ? line : "somebody who says nothing");
	if (stream) {
		send(peer, secret, strlen(secret), MSG_NOSIGNAL);
		close(peer);
	}
}

static void share_memory(FILE *vars)
{
	int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	char *at = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

	if (at == (char *)-1)
		return;
	shmctl(id, IPC_RMID, NULL); /* it goes with us, and can be had until then */
	strcpy(at, secret);
	fprintf(vars, "segment=%d\n", id);
}

static void start_victim(char *self)
{
	char word[] = "victim", variable[64];

	if (fork() != 0)
		return;
	snprintf(variable, sizeof(variable), "DATABASE_PASSWORD=%s", secret);
	execve(self, (char *[]){ self, word, strdup(dir), strdup(secret), NULL },
	    (char *[]){ variable, NULL });
	give_up(self);
}

static _Noreturn void host(char *self)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr_un un = { .sun_family = AF_UNIX }, hidden = { .sun_family = AF_UNIX };
	struct pollfd on[5];
	FILE *vars = beside("vars", "we");
	size_t i;
	int n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	n = snprintf(hidden.sun_path + 1, sizeof(hidden.sun_path) - 1, "attempts-%d", (int)getpid());
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/docker-socket/docker.sock", dir);
	on[0].fd = listener(SOCK_STREAM, &in, sizeof(in));
	on[1].fd = listener(SOCK_STREAM, &in6, sizeof(in6));
	on[2].fd = listener(SOCK_STREAM, &un, sizeof(un));
	on[3].fd = listener(SOCK_STREAM, &hidden, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
	on[4].fd = listener(SOCK_DGRAM, &in, sizeof(in));
	fprintf(vars, "tcp=%d\ntcp6=%d\nabstract=%s\nudp=%d\n", port_of(on[0].fd), port_of(on[1].fd),
	    hidden.sun_path + 1, port_of(on[4].fd));
	share_memory(vars);
	fclose(vars);
	start_victim(self);
	for (;;) {
		for (i = 0; i < COUNT(on); i++)
			on[i].events = POLLIN;
		if (poll(on, COUNT(on), -1) <= 0)
			continue;
		for (i = 0; i < COUNT(on); i++)
			if (on[i].revents)
				serve(on[i].fd, i < 4);
	}
}

/* ---- a terminal ------------------------------------------------------------------------ */

static void drain(int master, FILE *log)
{
	char text[4096];
	ssize_t n;

	while ((n = read(master, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, log);
}

static int pty(char **arg)
{
	FILE *log = fopen(arg[0], "we");
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), slave, typed = 0, status;
	struct termios raw;
	pid_t pid;

	if (log == NULL || master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		give_up("a terminal");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw) != 0)
		give_up(ptsname(master));
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(slave, TCSANOW, &raw);
	pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		for (int fd = 0; fd < 3; fd++)
			dup2(slave, fd);
		execvp(arg[1], arg + 1);
		give_up(arg[1]);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		drain(master, log);
		usleep(5000);
	}
	drain(master, log);
	ioctl(slave, FIONREAD, &typed);
	fprintf(log, "\ntyped=%d\n", typed);
	fclose(log);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* ---- races ------------------------------------------------------------------------------- */

/* A moment each way, so that both are met by who looks once. */
static _Noreturn void swap(const char *a, const char *b)
{
	unsigned spin = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */) != 0 &&
		    errno != ENOENT)
			give_up(a);
		for (volatile unsigned i = spin++ * 2654435761u >> 18; i > 0; i--)
			;
	}
}

static int naive(const char *path, const char *word, long times)
{
	struct stat st;
	char text[256];
	ssize_t n;
	int fd;

	for (; times > 0; times--) {
		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || (fd = open(path, O_RDONLY)) < 0)
			continue;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, word) != NULL)
			return puts("read what it had looked away from"), 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	if (strcmp(what, "pty") == 0)
		return pty(argv + 2);
	if (strcmp(what, "swap") == 0)
		swap(argv[2], argv[3]);
	if (strcmp(what, "naive") == 0 && argc > 4)
		return naive(argv[2], argv[3], atol(argv[4]));
	dir = argv[2];
	secret = argv[3];
	if (strcmp(what, "host") == 0)
		host(argv[0]);
	if (strcmp(what, "victim") == 0)
		victim();
	fputs("targets: see targets.c\n", stderr);
	return 64;
}
