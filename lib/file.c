/*
 * file.c - opening, reading and writing files without being led astray. Runs in
 * every process.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/lib.h"

/* The C library has no openat2, and older kernel headers have not its words. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define RESOLVE_NO_MAGICLINKS 0x02u
#define RESOLVE_NO_SYMLINKS 0x04u
#define RESOLVE_BENEATH 0x08u

#define FIRST_READ 4096 /* for files that do not know their length (/proc) */

struct how { /* the kernel's struct open_how */
	uint64_t flags, mode, resolve;
};

/* ".." is refused everywhere, even where it would stay below: one rule for
 * both ways of opening, and no race with a rename. */
static bool climbs(const char *path)
{
	for (const char *s = path; *s; s += strspn(s, "/")) {
		size_t n = strcspn(s, "/");

		if (n == 2 && s[0] == '.' && s[1] == '.')
			return true;
		s += n;
	}
	return false;
}

/* Without openat2: a component at a time, each opened as no link. */
static int walk_beneath(int dir, const char *path, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	int at = dir, next;

	for (;;) {
		size_t n = strcspn(path, "/");
		bool last = path[n + strspn(path + n, "/")] == '\0';
		bool folder = path[n] == '/';

		if (n > NAME_MAX) {
			next = -1;
			errno = ENAMETOOLONG;
		} else {
			memcpy(name, path, n);
			name[n] = '\0';
			next = openat(at, name, last ?
			    flags | O_NOFOLLOW | (folder ? O_DIRECTORY : 0) :
			    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, mode);
		}
		if (at != dir) {
			int kept = errno;

			close(at);
			errno = kept;
		}
		if (next < 0 || last)
			break;
		at = next;
		path += n + strspn(path + n, "/");
	}
	if (next >= 0 && (flags & O_PATH)) { /* with O_PATH a link opens as itself */
		struct stat st;

		if (fstat(next, &st) < 0 || S_ISLNK(st.st_mode)) {
			close(next);
			errno = ELOOP;
			return -1;
		}
	}
	return next;
}

static int flags_whole(int flags)
{
	/* The kernel takes no more than O_CLOEXEC with O_PATH. */
	return flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY);
}

static int ask_openat2(int dir, const char *path, int flags, mode_t mode)
{
	struct how how = { .flags = (unsigned)flags, .mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	long fd;

	if (path[0] == '/' || climbs(path)) {
		errno = EXDEV;
		return -1;
	}
	if (path[0] == '\0') {
		errno = ENOENT;
		return -1;
	}
	do
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	return (int)fd;
}

int open_openat2(int dir, const char *path, int flags)
{
	return ask_openat2(dir, path, flags_whole(flags), 0);
}

int open_beneath(int dir, const char *path, int flags, mode_t mode)
{
	int fd = ask_openat2(dir, path, flags_whole(flags), mode);

	/* EPERM: container filters that are older than the call answer so */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk_beneath(dir, path, flags_whole(flags), flags & O_CREAT ? mode : 0);
	return fd;
}

int fd_read(struct arena *a, int fd, size_t max, struct bytes *out)
{
	struct stat st;
	size_t cap, n = 0;
	unsigned char *p;

	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	if (max > SSIZE_MAX - 1)
		max = SSIZE_MAX - 1;
	if (st.st_size > 0 && (uintmax_t)st.st_size > max) {
		errno = EFBIG;
		return -1;
	}
	cap = (st.st_size > 0 ? (size_t)st.st_size : FIRST_READ) + 1;
	p = arena_get(a, cap);
	for (;;) { /* the size may have been a lie: what counts is the end */
		ssize_t got = pread(fd, p + n, cap - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		n += (size_t)got;
		if (n > max) {
			errno = EFBIG;
			return -1;
		}
		/* There was room for more than it said it has: no need to ask again. */
		if (got == 0 || (n < cap && n == (size_t)st.st_size))
			break;
		if (n == cap) {
			unsigned char *bigger = arena_get(a, 2 * cap);

			memcpy(bigger, p, n);
			p = bigger;
			cap *= 2;
		}
	}
	*out = (struct bytes){ p, n };
	return 0;
}

int file_read(struct arena *a, int dir, const char *path, size_t max, struct bytes *out)
{
	int fd, result, kept;

	if (dir == AT_FDCWD)
		fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	else
		fd = open_beneath(dir, path, O_RDONLY, 0);
	if (fd < 0)
		return -1;
	result = fd_read(a, fd, max, out);
	kept = errno;
	close(fd);
	errno = kept;
	return result;
}

int write_all(int fd, const void *p, size_t n)
{
	const unsigned char *from = p;

	while (n > 0) {
		ssize_t put = write(fd, from, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		from += put;
		n -= (size_t)put;
	}
	return 0;
}

int read_full(int fd, void *p, size_t n)
{
	unsigned char *to = p;
	size_t have = 0;

	if (n > INT_MAX) {
		errno = EINVAL;
		return -1;
	}
	while (have < n) {
		ssize_t got = read(fd, to + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (int)have;
}

ssize_t read_at(int fd, void *p, size_t n, uint64_t at)
{
	unsigned char *to = p;
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(fd, to + have, n - have, (off_t)(at + have));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int file_write(int dir, const char *path, struct bytes b)
{
	int fd = open_beneath(dir, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	int result, kept;

	if (fd < 0)
		return -1;
	result = write_all(fd, b.p, b.n);
	kept = errno;
	if (close(fd) < 0 && result == 0)
		return -1;
	errno = kept;
	return result;
}
