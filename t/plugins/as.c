/*
 * as.c - setpriv and timeout in one static program, for the tests, which start
 * thousands of both: each of them takes longer to be loaded than oxg runs.
 *
 *   as [user] [timeout [-k SECONDS] SECONDS] COMMAND...
 *
 * user: as 65533, without groups. timeout: SIGTERM to its process group then, and status
 * 124; SIGKILL after that many further seconds. Else its status; a signal is 128 and more.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 65533

static unsigned patience, more = 0;
static volatile pid_t child;
static volatile sig_atomic_t late;

static void stop(const char *what)
{
	fprintf(stderr, "as: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void ring(int signal_number)
{
	(void)signal_number;
	kill(-child, late ? SIGKILL : SIGTERM);
	late = 1;
	alarm(more);
}

/* Somebody wants us to end: that is meant for the command. */
static void pass_on(int signal_number)
{
	kill(-child, signal_number);
}

static void user(void)
{
	if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
		stop("become a user");
}

static int wait_for(char **command)
{
	struct sigaction alarmed = { .sa_handler = ring }, passed = { .sa_handler = pass_on };
	int status;

	child = fork();
	if (child < 0)
		stop("fork");
	if (child == 0) {
		setpgid(0, 0);
		execvp(*command, command);
		stop(*command);
	}
	setpgid(child, child);
	sigaction(SIGALRM, &alarmed, NULL);
	sigaction(SIGTERM, &passed, NULL);
	sigaction(SIGINT, &passed, NULL);
	sigaction(SIGHUP, &passed, NULL);
	alarm(patience);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			stop("wait");
	if (late && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return 124;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static unsigned seconds(char **word)
{
	unsigned n = *word ? (unsigned)strtoul(*word, NULL, 10) : 0;

	if (n == 0) {
		fprintf(stderr, "as: that is no number of seconds\n");
		exit(125);
	}
	return n;
}

int main(int argc, char **argv)
{
	char **word = argv + 1;

	(void)argc;
	if (*word && strcmp(*word, "user") == 0) {
		word++;
		user();
	}
	if (*word && strcmp(*word, "timeout") == 0) {
		if (*++word && strcmp(*word, "-k") == 0) {
			more = seconds(++word);
			word++;
		}
		patience = seconds(word++);
	}
	if (*word == NULL)
		return 125;
	if (patience)
		return wait_for(word);
	execvp(*word, word);
	stop(*word);
	return 125;
}
