/*
 * snapshot.c - a tree of the operator's (--input), read once and hashed while
 * it is read: the plugin sees these bytes and no later ones. Runs in the
 * supervisor before anything is forked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/jail.h"

#define DEPTH_MAX 64 /* a deeper tree is an attack on path lengths */
#define PATH_LONGEST 4000 /* below /workspace/input: one call of the kernel takes it */

struct taking {
	struct arena *arena;
	struct snapshot *out;
	struct why *why;
	const char *root;
	size_t room;
	uint64_t max_bytes, max_files;
};

static struct snapshot_file *add(struct taking *t, const char *path)
{
	struct snapshot *s = t->out;
	struct snapshot_file *wider;

	if (s->files == t->room) {
		t->room = t->room ? t->room * 2 : 256;
		wider = arena_array(t->arena, t->room, sizeof(*wider));
		if (s->files > 0)
			memcpy(wider, s->file, s->files * sizeof(*wider));
		s->file = wider;
	}
	s->file[s->files].path = path;
	return &s->file[s->files++];
}

static int too_many(struct taking *t)
{
	return refuse(t->why, REFUSE_INPUT,
	    "input %s has more than %llu files: give a smaller tree, or --input-bind it",
	    t->root, (unsigned long long)t->max_files);
}

static int too_much(struct taking *t)
{
	return refuse(t->why, REFUSE_INPUT,
	    "input %s is larger than %llu bytes: give a smaller tree, or --input-bind it",
	    t->root, (unsigned long long)t->max_bytes);
}

static int unreadable(struct taking *t, const char *path)
{
	return refuse(t->why, REFUSE_INPUT, "cannot read %s of input %s: %s",
	    path[0] ? path : "the top", t->root, strerror(errno));
}

static int take_file(struct taking *t, int fd, const struct stat *st, const char *path)
{
	struct snapshot_file *f;

	if (t->out->files >= t->max_files)
		return too_many(t);
	if ((uint64_t)st->st_size > t->max_bytes - t->out->bytes)
		return too_much(t);
	f = add(t, path);
	f->executable = (st->st_mode & 0100) != 0;
	if (fd_read(t->arena, fd, t->max_bytes - t->out->bytes, &f->bytes) != 0) {
		if (errno == EFBIG)
			return too_much(t);
		return unreadable(t, path);
	}
	sha256(f->bytes, f->sha256);
	t->out->bytes += f->bytes.n;
	t->out->regular++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every name of a directory, in byte order: nothing hangs on the disk's order. */
static int list(struct taking *t, int fd, const char *path, char ***names, size_t *count)
{
	size_t room = 0;
	const struct dirent *entry;
	char **wider;
	DIR *dir = fdopendir(fd);

	*names = NULL;
	*count = 0;
	if (dir == NULL) {
		(void)unreadable(t, path);
		close(fd);
		return -1;
	}
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (*count >= t->max_files) {
			closedir(dir);
			return too_many(t);
		}
		if (*count == room) {
			room = room ? room * 2 : 32;
			wider = arena_array(t->arena, room, sizeof(*wider));
			if (*count > 0)
				memcpy(wider, *names, *count * sizeof(*wider));
			*names = wider;
		}
		(*names)[(*count)++] = arena_text(t->arena, bytes_of(entry->d_name));
	}
	if (errno != 0) {
		(void)unreadable(t, path);
		closedir(dir);
		return -1;
	}
	closedir(dir);
	sort(*names, *count, sizeof(**names), by_name);
	return 0;
}

static int take_tree(struct taking *t, int dir, const char *path, int depth);

static int take_entry(struct taking *t, int dir, const char *path, const char *name, int depth)
{
	const char *whole = path[0] ? arena_printf(t->arena, "%s/%s", path, name) : name;
	struct stat st;
	int fd, rc = 0;

	if (strlen(whole) > PATH_LONGEST)
		return refuse(t->why, REFUSE_INPUT, "input %s has a path of more than %d bytes, "
		    "which begins with %.60s: give a smaller tree, or --input-bind it",
		    t->root, PATH_LONGEST, whole);
	/* To open is to act: a FIFO's writer would go on, a tape would rewind. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
		t->out->skipped++;
		return 0;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO)) {
		t->out->skipped++; /* a link, a socket: since a moment ago */
		return 0;
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return unreadable(t, whole);
	}
	if (S_ISDIR(st.st_mode))
		return take_tree(t, fd, whole, depth + 1); /* closes it */
	if (S_ISREG(st.st_mode))
		rc = take_file(t, fd, &st, whole);
	else
		t->out->skipped++;
	close(fd);
	return rc;
}

static int take_tree(struct taking *t, int fd, const char *path, int depth)
{
	char **names;
	size_t i, count;
	int dir, rc = 0;

	if (depth > DEPTH_MAX) {
		close(fd);
		return refuse(t->why, REFUSE_INPUT, "input %s is deeper than %d directories at %s",
		    t->root, DEPTH_MAX, path);
	}
	if (path[0]) {
		if (t->out->files >= t->max_files) {
			close(fd);
			return too_many(t);
		}
		add(t, path)->directory = true;
	}
	dir = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (list(t, fd, path, &names, &count) != 0) {
		rc = -1;
		count = 0;
	} else if (dir < 0) {
		rc = unreadable(t, path);
		count = 0;
	}
	for (i = 0; i < count && rc == 0; i++)
		rc = take_entry(t, dir, path, names[i], depth);
	if (dir >= 0)
		close(dir);
	return rc;
}

/* As sha256sum writes it: a name with a newline or a backslash is escaped and
 * its line begins with a backslash, so that no name can pass for two lines. */
static void list_file(const struct snapshot_file *f, struct buf *out)
{
	char hex[SHA256_HEX];
	const char *c;

	hex_encode(hex, f->sha256, SHA256_SIZE);
	if (strpbrk(f->path, "\\\n\r") != NULL)
		buf_byte(out, '\\');
	buf_printf(out, "%s  ", hex);
	for (c = f->path; *c != '\0'; c++) {
		if (*c == '\\')
			buf_text(out, "\\\\");
		else if (*c == '\n')
			buf_text(out, "\\n");
		else if (*c == '\r')
			buf_text(out, "\\r");
		else
			buf_byte(out, (unsigned char)*c);
	}
	buf_byte(out, '\n');
}

void snapshot_listing(const struct snapshot *s, struct buf *out)
{
	size_t i;

	for (i = 0; i < s->files; i++)
		if (!s->file[i].directory)
			list_file(&s->file[i], out);
}

int snapshot_take(struct arena *a, const char *path, uint64_t max_bytes, uint64_t max_files,
    struct snapshot *out, struct why *why)
{
	struct taking t = { .arena = a, .out = out, .why = why, .root = path,
		.max_bytes = max_bytes, .max_files = max_files };
	const char *name = strrchr(path, '/');
	struct buf listing = { 0 };
	struct stat st;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	/* The operator may name a link; below it none is followed. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return refuse(why, REFUSE_INPUT, "cannot read input %s: %s", path, strerror(errno));
	}
	name = name != NULL && name[1] != '\0' ? name + 1 : path;
	if (S_ISDIR(st.st_mode)) {
		rc = take_tree(&t, fd, "", 0);
	} else if (S_ISREG(st.st_mode)) {
		rc = take_file(&t, fd, &st, name);
		close(fd);
	} else {
		close(fd);
		return refuse(why, REFUSE_INPUT,
		    "input %s is neither a directory nor a regular file", path);
	}
	if (rc == 0) {
		snapshot_listing(out, &listing);
		sha256(buf_bytes(&listing), out->sha256);
	}
	buf_free(&listing);
	return rc;
}
