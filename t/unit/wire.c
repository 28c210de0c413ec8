/*
 * Messages between our own processes, at their borders: whole ones, wrong sizes,
 * and what lies in the pair when the other side is gone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/lib.h"

static int tests, failures;

static void ok(int good, const char *what)
{
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
}

int main(void)
{
	char last[8] = "goodbye", got[8] = "", one = 'D';
	int fd[2];

	ok(wire_pair(fd) == 0, "a pair");
	ok(wire_send(fd[0], last, sizeof(last)) == 0 && wire_receive(fd[1], got, sizeof(got)) == 1 &&
	    memcmp(got, last, sizeof(got)) == 0, "a message");
	ok(wire_send(fd[0], last, 4) == 0 && wire_receive(fd[1], got, sizeof(got)) == -1, "a shorter one is none");
	ok(wire_send(fd[0], last, 8) == 0 && wire_receive(fd[1], got, 4) == -1 && errno == EMSGSIZE,
	    "a longer one is none");

	/* The broker's last word, sent while the supervisor's only one was under way:
	 * with something unread behind it the kernel says "reset" first. */
	memset(got, 0, sizeof(got));
	ok(wire_send(fd[0], last, sizeof(last)) == 0 && wire_send(fd[1], &one, 1) == 0 && close(fd[0]) == 0,
	    "last words, and the other side is gone with something unread");
	ok(wire_receive(fd[1], got, sizeof(got)) == 1 && memcmp(got, last, sizeof(got)) == 0,
	    "they are heard all the same");
	ok(wire_receive(fd[1], got, sizeof(got)) == 0, "and then the end");
	ok(wire_send(fd[1], &one, 1) == -1, "nobody to say anything to, and no signal of it");
	close(fd[1]);

	ok(wire_pair(fd) == 0 && wire_send(fd[1], &one, 1) == 0 && close(fd[0]) == 0 &&
	    wire_receive(fd[1], got, sizeof(got)) == 0, "gone without a word: the end");
	printf("1..%d\n", tests);
	return failures != 0;
}
