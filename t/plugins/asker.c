/*
 * asker.c - a plugin that speaks to the broker as its arguments say, one deed each:
 *
 *   +TEXT    a line to the broker            =N     N answers to stdout
 *   -TEXT    the same without its line end   ?MS    an answer, or "silence" after so long
 *   *N:TEXT  N such lines, their answers     ~MS    a nap
 *            counted while they are sent     >TEXT  to stdout, in one write
 *   !N:TEXT  the same, answers left alone    %N:C   N KiB of the character to the broker
 *   T        keeps the token of the answer   x3 x4  closes that descriptor
 *            shown last                      h      the token in hexadecimal digits, a blank behind each two
 *
 * In a text $T is the run's token, $N the one kept, $I a number that counts up,
 * ^XX a byte in hexadecimal digits. $A and $B are the two halves of $T.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWERS 3
#define REQUESTS 4

static char text[1 << 20], answer[1 << 21], kept[2048];
static size_t length;
static unsigned long counter;

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

static void nap(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static void add(const char *p, size_t n)
{
	if (n > sizeof(text) - length)
		exit(8);
	memcpy(text + length, p, n);
	length += n;
}

static int digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void expand(const char *p)
{
	const char *token = getenv("OXG_CAPABILITY_TOKEN");
	size_t n = token ? strlen(token) : 0;
	char number[24];

	for (length = 0; *p; p++) {
		if (*p == '^') {
			add((char[]){ (char)(digit(p[1]) << 4 | digit(p[2])) }, 1);
			p += 2;
		} else if (*p == '$') {
			switch (*++p) {
			case 'T': add(token, n); break;
			case 'A': add(token, n / 2); break;
			case 'B': add(token + n / 2, n - n / 2); break;
			case 'N': add(kept, strlen(kept)); break;
			case 'I': add(number, (size_t)snprintf(number, sizeof(number), "%lu", counter++)); break;
			default: exit(7);
			}
		} else {
			add(p, 1);
		}
	}
}

static void hear(void)
{
	size_t n = 0;
	while (n < sizeof(answer) - 1 && read(ANSWERS, answer + n, 1) == 1 && answer[n++] != '\n')
		;
	answer[n] = '\0';
	put_all(1, *answer ? answer : "no answer\n", *answer ? n : 10);
}

static void keep(void)
{
	const char *p = strstr(answer, "\"token\":\"");
	snprintf(kept, sizeof(kept), "%.*s", p ? (int)strcspn(p + 9, "\"") : 0, p ? p + 9 : "");
}

/* A child reads the answers while we send. */
static void many(const char *p, int listen)
{
	static char block[1 << 16];
	unsigned long n = strtoul(p, NULL, 10), answers = 0;
	pid_t child = listen ? fork() : 0;

	if (child < 0)
		exit(6);
	if (listen && child == 0) {
		while (answers < n) {
			ssize_t k = read(ANSWERS, block, sizeof(block));
			if (k <= 0)
				break;
			for (ssize_t i = 0; i < k; i++)
				answers += block[i] == '\n';
		}
		printf("answers=%lu\n", answers);
		fflush(stdout);
		_exit(0);
	}
	p = strchr(p, ':') + 1;
	for (size_t have = 0; n > 0 || have > 0;) {
		if (n > 0) {
			expand(p);
			add("\n", 1);
		}
		if (n == 0 || have + length > sizeof(block)) {
			put_all(REQUESTS, block, have);
			have = 0;
		}
		if (n > 0 && length <= sizeof(block)) {
			memcpy(block + have, text, length);
			have += length;
			n--;
		}
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static void blanks(const char *p)
{
	char *end;
	long n = strtol(p, &end, 10);

	memset(text, end[1], 1024);
	for (; n > 0; n--)
		put_all(REQUESTS, text, 1024);
}

static void await(int ms)
{
	struct pollfd p = { ANSWERS, POLLIN, 0 };

	if (poll(&p, 1, ms) > 0)
		hear();
	else
		put_all(1, "silence\n", 8);
}

static void digits(void)
{
	for (const char *p = getenv("OXG_CAPABILITY_TOKEN"); p && *p; p++)
		printf("%02x ", *p);
	puts("");
	fflush(stdout);
}

static void deed(const char *arg)
{
	const char *rest = arg + 1;

	switch (*arg) {
	case '+':
		expand(rest);
		add("\n", 1);
		put_all(REQUESTS, text, length);
		break;
	case '-':
		expand(rest);
		put_all(REQUESTS, text, length);
		break;
	case '*':
	case '!':
		many(rest, *arg == '*');
		break;
	case '=':
		for (long n = strtol(rest, NULL, 10); n > 0; n--)
			hear();
		break;
	case '?':
		await(atoi(rest));
		break;
	case '~':
		nap(strtol(rest, NULL, 10));
		break;
	case '>':
		expand(rest);
		put_all(1, text, length);
		break;
	case '%':
		blanks(rest);
		break;
	case 'T':
		keep();
		break;
	case 'h':
		digits();
		break;
	case 'x':
		close(atoi(rest));
		break;
	default:
		exit(64);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		deed(argv[i]);
	return 0;
}
