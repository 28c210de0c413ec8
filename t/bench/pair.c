/*
 * pair.c - times commands against each other: in every round each of them runs
 * once, in another order, so that a machine whose speed drifts is as slow for the
 * one as for the other. The first command is what the others are compared with.
 *
 *   pair ROUNDS NAME COMMAND... :: NAME COMMAND... [:: ...]
 *
 * "%" in a word becomes the number of the round; a name that begins "9<FILE " has
 * the file as descriptor 9, opened anew for each run. Prints one line for each:
 * name, median in ms, median of its ratios to the first, and both quartiles.
 * A command that fails ends it all.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 8
#define WORDS 64
#define ROUNDS 10000

extern char **environ;

struct command {
	char *name;
	char **word;
	int words;
	double *ms;
	posix_spawn_file_actions_t files;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static _Noreturn void lost(const char *what, const char *name)
{
	fprintf(stderr, "pair: %s: %s\n", name, what);
	exit(1);
}

/* Number of the round in the place of "%". */
static char *fill(const char *word, int round)
{
	char *out = malloc(strlen(word) + 16), *to = out;

	if (out == NULL)
		lost("no memory", word);
	for (; *word; word++)
		if (*word == '%')
			to += sprintf(to, "%d", round);
		else
			*to++ = *word;
	*to = '\0';
	return out;
}

/* Its output is nobody's. */
static void set_files(struct command *c)
{
	char *blank;

	posix_spawn_file_actions_init(&c->files);
	posix_spawn_file_actions_addopen(&c->files, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&c->files, 2, "/dev/null", O_WRONLY, 0);
	if (strncmp(c->name, "9<", 2) != 0)
		return;
	blank = strchr(c->name, ' ');
	if (blank == NULL)
		lost("a file, a blank, a name", c->name);
	*blank = '\0';
	posix_spawn_file_actions_addopen(&c->files, 9, c->name + 2, O_RDONLY, 0);
	c->name = blank + 1;
}

static double run(const struct command *c, int round)
{
	char *argv[WORDS + 1];
	double began;
	int i, status;
	pid_t pid;

	for (i = 0; i < c->words; i++)
		argv[i] = fill(c->word[i], round);
	argv[i] = NULL;
	began = now_ms();
	if (posix_spawnp(&pid, argv[0], &c->files, NULL, argv, environ) != 0)
		lost("cannot be run", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			lost("was lost", argv[0]);
	began = now_ms() - began;
	if (status != 0)
		lost("failed; run it by hand", c->name);
	for (i = 0; i < c->words; i++)
		free(argv[i]);
	return began;
}

static int read_commands(char **word, int words, struct command *c)
{
	int count = 0, i;

	for (i = 0; i < words; i++) {
		if (count == COMMANDS)
			lost("too many commands", word[i]);
		c[count] = (struct command){ .name = word[i], .word = word + i + 1 };
		for (i++; i < words && strcmp(word[i], "::") != 0; i++)
			c[count].words++;
		if (c[count].words == 0 || c[count].words > WORDS)
			lost("is no command", c[count].name);
		count++;
	}
	return count;
}

static void shuffle(int *order, int count)
{
	int i, j, kept;

	for (i = count - 1; i > 0; i--) {
		j = (int)(random() % (i + 1));
		kept = order[i];
		order[i] = order[j];
		order[j] = kept;
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
	return sorted[(int)((double)(n - 1) * q + 0.5)];
}

static void report(const struct command *c, const struct command *first, int rounds)
{
	double *ratio = calloc((size_t)rounds, sizeof(*ratio));
	double *ms = calloc((size_t)rounds, sizeof(*ms));
	int i;

	if (ratio == NULL || ms == NULL)
		lost("no memory", c->name);
	for (i = 0; i < rounds; i++) {
		ratio[i] = c->ms[i] / first->ms[i];
		ms[i] = c->ms[i];
	}
	qsort(ratio, (size_t)rounds, sizeof(*ratio), by_size);
	qsort(ms, (size_t)rounds, sizeof(*ms), by_size);
	printf("%-28s %9.3f ms  %6.3f  (%.3f-%.3f)\n", c->name, quantile(ms, rounds, 0.5),
	    quantile(ratio, rounds, 0.5), quantile(ratio, rounds, 0.25), quantile(ratio, rounds, 0.75));
	free(ratio);
	free(ms);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0, count, round, i;
	struct command command[COMMANDS];
	int order[COMMANDS];

	count = argc > 2 ? read_commands(argv + 2, argc - 2, command) : 0;
	if (rounds < 1 || rounds > ROUNDS || count < 1) {
		fprintf(stderr, "usage: pair ROUNDS NAME COMMAND... [:: NAME COMMAND...]\n");
		return 2;
	}
	for (i = 0; i < count; i++) {
		order[i] = i;
		set_files(&command[i]);
		command[i].ms = calloc((size_t)rounds, sizeof(double));
		run(&command[i], rounds + 1); /* not counted: caches */
	}
	for (round = 0; round < rounds; round++) {
		shuffle(order, count);
		for (i = 0; i < count; i++)
			command[order[i]].ms[round] = run(&command[order[i]], round);
	}
	for (i = 0; i < count; i++)
		report(&command[i], &command[0], rounds);
	return 0;
}
