/*
 * folder.c - a stored run folder, read into memory. Runs in the supervisor and
 * in the commands that read evidence; nothing in the folder is trusted.
 *
 * The folder itself may be reached through a link (out/latest); in it there are
 * directories and regular files, and nothing else is taken.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

#define FOLDER_BYTES (1ull << 30) /* all files together: the memory they take */
#define FOLDER_FILES 10000        /* files and directories: bounds the walk */
#define FOLDER_DEPTH 4            /* changes/ and artifacts/ need three */
#define FOLDER_NAME 1024          /* a path below the folder */
#define READ_WHOLE (64u << 10)    /* smaller files are copied, larger mapped */

struct walk {
	struct arena *a;
	struct folder *f;
	struct why *why;
	size_t room;             /* of f->file */
	size_t seen;
	uint64_t bytes;
};

static int cannot(const struct walk *w, const char *name, const char *cause)
{
	return refuse(w->why, REFUSE_EVIDENCE, "%s%s%s %s, so this is no run folder "
	    "that can be read", w->f->path, *name ? "/" : "", name, cause);
}

static int cannot_open(const struct walk *w, const char *name, int error)
{
	return refuse(w->why, REFUSE_EVIDENCE, "cannot read %s%s%s: %s", w->f->path,
	    *name ? "/" : "", name, strerror(error));
}

/* The first entry that is not before the name. */
static size_t place(const struct folder *f, const char *name)
{
	size_t low = 0, high = f->files;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(f->file[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct bytes folder_get(const struct folder *f, const char *name)
{
	size_t at = place(f, name);

	if (at < f->files && strcmp(f->file[at].name, name) == 0)
		return f->file[at].bytes;
	return (struct bytes){ NULL, 0 };
}

void folder_add(struct arena *a, struct folder *f, const char *name, struct bytes b)
{
	size_t at = place(f, name);
	struct folder_file *more;

	if (b.p == NULL) /* empty is not missing */
		b = BYTES("");
	if (at < f->files && strcmp(f->file[at].name, name) == 0) {
		f->file[at].bytes = b;
		return;
	}
	more = arena_array(a, f->files + 1, sizeof(*more));
	if (at > 0)
		memcpy(more, f->file, at * sizeof(*more));
	more[at].name = arena_text(a, bytes_of(name));
	more[at].bytes = b;
	if (f->files > at)
		memcpy(more + at + 1, f->file + at, (f->files - at) * sizeof(*more));
	f->file = more;
	f->files++;
}

/* ---- the walk -------------------------------------------------------------------- */

static void append(struct walk *w, const char *name, struct bytes b)
{
	struct folder *f = w->f;

	if (f->files == w->room) {
		size_t room = w->room == 0 ? 32 : 2 * w->room;
		struct folder_file *more = arena_array(w->a, room, sizeof(*more));

		if (f->files > 0)
			memcpy(more, f->file, f->files * sizeof(*more));
		f->file = more;
		w->room = room;
	}
	f->file[f->files].name = arena_text(w->a, bytes_of(name));
	f->file[f->files].bytes = b;
	f->files++;
}

static int take_file(struct walk *w, int dir, const char *leaf, const char *name)
{
	struct bytes b = BYTES("");
	struct stat st;
	int fd, error = 0;

	fd = openat(dir, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(w, name, errno);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return cannot(w, name, "is no regular file");
	}
	if ((uint64_t)st.st_size > FOLDER_BYTES - w->bytes) {
		close(fd);
		return cannot(w, name, "makes the folder larger than 1 GiB");
	}
	if (st.st_size > (off_t)READ_WHOLE) {
		b.n = (size_t)st.st_size;
		b.p = mmap(NULL, b.n, PROT_READ, MAP_PRIVATE, fd, 0);
		if (b.p == MAP_FAILED)
			error = errno;
	} else if (st.st_size > 0 && fd_read(w->a, fd, READ_WHOLE, &b) < 0)
		error = errno;
	close(fd);
	if (error != 0)
		return cannot_open(w, name, error);
	w->bytes += b.n;
	append(w, name, b);
	return 0;
}

static int take_directory(struct walk *w, int fd, const char *prefix, int depth);

static int take_entry(struct walk *w, int dir, const char *leaf, const char *prefix, int depth)
{
	char name[FOLDER_NAME];
	struct stat st;
	size_t n = strlen(prefix), m = strlen(leaf);
	int fd;

	if (n + m + 2 > sizeof(name))
		return cannot(w, prefix, "holds a name that is too long");
	memcpy(name, prefix, n);
	if (n > 0)
		name[n++] = '/';
	memcpy(name + n, leaf, m + 1);
	if (++w->seen > FOLDER_FILES)
		return cannot(w, "", "holds more than 10000 files");
	/* Looked at before it is opened: opening a device can do something. */
	if (fstatat(dir, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot_open(w, name, errno);
	if (S_ISREG(st.st_mode))
		return take_file(w, dir, leaf, name);
	if (S_ISLNK(st.st_mode))
		return cannot(w, name, "is a symbolic link");
	if (!S_ISDIR(st.st_mode))
		return cannot(w, name, "is neither a file nor a directory");
	if (depth >= FOLDER_DEPTH)
		return cannot(w, name, "is a directory too deep in it");
	fd = openat(dir, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(w, name, errno);
	return take_directory(w, fd, name, depth + 1);
}

/* Closes fd. */
static int take_directory(struct walk *w, int fd, const char *prefix, int depth)
{
	struct dirent *e;
	DIR *d = fdopendir(fd);
	int result = 0;

	if (d == NULL) {
		close(fd);
		return cannot_open(w, prefix, ENOMEM);
	}
	while (result == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = take_entry(w, fd, e->d_name, prefix, depth);
	if (result == 0 && errno != 0)
		result = cannot_open(w, prefix, errno);
	closedir(d);
	return result;
}

/* ---- order --------------------------------------------------------------------------- */

/* A merge from the bottom up: ten thousand hostile names stay n log n. */
static void sort_by_name(struct arena *a, struct folder_file *v, size_t n)
{
	struct folder_file *spare = arena_array(a, n + 1, sizeof(*spare));

	for (size_t width = 1; width < n; width *= 2) {
		for (size_t from = 0; from < n; from += 2 * width) {
			size_t middle = from + width < n ? from + width : n;
			size_t end = from + 2 * width < n ? from + 2 * width : n;
			size_t i = from, j = middle;

			for (size_t k = from; k < end; k++) {
				bool left = i < middle && (j >= end ||
				    strcmp(v[i].name, v[j].name) <= 0);

				spare[k] = left ? v[i++] : v[j++];
			}
		}
		memcpy(v, spare, n * sizeof(*v));
	}
}

static bool ends_in_partial(const char *path)
{
	static const char word[] = ".partial";
	size_t n = strlen(path), m = sizeof(word) - 1;

	while (n > 0 && path[n - 1] == '/')
		n--;
	return n >= m && memcmp(path + n - m, word, m) == 0;
}

int folder_load(struct arena *a, const char *path, struct folder *out, struct why *why)
{
	struct walk w = { .a = a, .f = out, .why = why };
	int fd;

	*out = (struct folder){ .path = arena_text(a, bytes_of(path)) };
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return refuse(why, REFUSE_EVIDENCE, "cannot open the run folder %s: %s",
		    path, strerror(errno));
	if (take_directory(&w, fd, "", 1) < 0)
		return -1;
	sort_by_name(a, out->file, out->files);
	/* The sums are the last thing written: without them nothing was sealed,
	 * whatever the folder is called. */
	out->partial = ends_in_partial(path) || folder_get(out, "SHA256SUMS").p == NULL;
	return 0;
}
