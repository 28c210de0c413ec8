/*
 * secretscan.c - finds private keys and credentials in the files below
 * /workspace/input and reports each with file and line. It is a plugin: it runs
 * inside the jail, as nobody, and its only way out is the broker.
 *
 * What it tells never contains the secret itself: evidence is cut down to the
 * first and the last four characters, of short ones to the first. What only looks
 * like a secret (placeholders, constants, names) is left out as far as that can
 * be told; UTF-16 text is not understood.
 *
 *   secretscan [DIR]      without a broker (no OXG_CAPABILITY_TOKEN in the
 *                         environment) findings go to stdout, one a line
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secretscan.h"

#define FILE_MAX (16u << 20) /* larger ones are skipped and named on stderr */
#define DEPTH_MAX 64         /* directories; more is a trap, not a source tree */

static unsigned char data[FILE_MAX + 1];

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n >= m && strcmp(s + n - m, end) == 0;
}

/* Files whose values stand without quotes. Elsewhere what follows "secret =" is code. */
static bool is_settings(const char *path)
{
	static const char *const end[] = { ".env", ".ini", ".cfg", ".conf", ".cnf", ".properties",
		".yml", ".yaml", "credentials", ".npmrc" };
	const char *name = strrchr(path, '/');
	name = name ? name + 1 : path;
	for (size_t i = 0; i < sizeof(end) / sizeof(*end); i++)
		if (ends_with(name, end[i]))
			return true;
	return strncmp(name, ".env.", 5) == 0;
}

static void scan(const char *path, size_t n)
{
	struct place at = { path, 0, memchr(data, '\0', n) != NULL, is_settings(path) };
	for (size_t i = 0; i < n;) {
		const unsigned char *end = memchr(data + i, '\n', n - i);
		struct line rest = { data + i, n - i };
		struct line l = { data + i, end ? (size_t)(end - data) - i : n - i };
		at.line++;
		look(&at, l, rest);
		i += l.n + 1;
	}
}

static char first_skipped[4096];

static void skip(const char *path, const char *why)
{
	static struct text t;
	if (count.skipped++ == 0)
		snprintf(first_skipped, sizeof(first_skipped), "%s", path);
	t.n = 0;
	put_string(&t, path);
	fprintf(stderr, "secretscan: %s skipped: %s\n", t.p, why);
}

static void scan_file(int fd, const char *path)
{
	size_t n = 0;
	ssize_t k;
	while ((k = read(fd, data + n, sizeof(data) - n)) > 0)
		n += (size_t)k;
	if (k < 0) {
		skip(path, strerror(errno));
	} else if (n > FILE_MAX) {
		skip(path, "more than 16 MiB");
	} else {
		count.files++;
		count.bytes += n;
		scan(path, n);
	}
	renew();
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of a directory, sorted: equal trees give equal findings. */
static char **names(DIR *d, size_t *n)
{
	char **name = NULL;
	size_t room = 0;
	*n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (*n == room && !(name = realloc(name, (room = room ? 2 * room : 32) * sizeof(*name))))
			abort();
		if (!(name[(*n)++] = strdup(e->d_name)))
			abort();
	}
	if (*n)
		qsort(name, *n, sizeof(*name), by_name);
	return name;
}

/* Takes over fd. Follows no link: what it points to is elsewhere, or comes by itself. */
static void walk(int fd, const char *path, int depth)
{
	DIR *d = fdopendir(fd);
	size_t n;
	if (!d || depth > DEPTH_MAX) {
		skip(path, d ? "too deep" : strerror(errno));
		if (d)
			closedir(d);
		else
			close(fd);
		return;
	}
	char **name = names(d, &n);
	for (size_t i = 0; i < n; i++) {
		char below[4096];
		struct stat st;
		int length = snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", name[i]);
		int f = openat(dirfd(d), name[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (f < 0 && errno == ELOOP) {
			/* a link */
		} else if (length >= (int)sizeof(below)) {
			skip(path, "a path in it is too long");
		} else if (f < 0 || fstat(f, &st) < 0) {
			skip(below, strerror(errno));
		} else if (S_ISDIR(st.st_mode)) {
			walk(f, below, depth + 1);
			f = -1;
		} else if (S_ISREG(st.st_mode)) {
			scan_file(f, below);
		}
		if (f >= 0)
			close(f);
		free(name[i]);
	}
	free(name);
	closedir(d);
}

int main(int argc, char **argv)
{
	const char *input = argc > 1 ? argv[1] : "/workspace/input";
	report_start();
	int fd = open(input, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "secretscan: cannot open %s: %s (give --input)\n", input, strerror(errno));
		return 2;
	}
	walk(fd, "", 0);
	if (count.skipped)
		report_skipped(first_skipped);
	fprintf(stderr, "secretscan: %lu files, %lu bytes: %lu findings, %lu skipped\n",
	    count.files, count.bytes, count.findings, count.skipped);
	return count.lost ? 1 : 0;
}
