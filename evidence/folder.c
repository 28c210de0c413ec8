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
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

#define FOLDER_BYTES (512u << 20) /* all files together: the memory they take */
#define FOLDER_FILES 10000        /* files and directories: bounds the walk */
#define FOLDER_DEPTH 32           /* changes/ mirrors the operator's tree */
#define FOLDER_NAME 1024          /* a path below the folder */
#define COPIED (1u << 20)         /* what is larger is mapped */

struct walk {
	struct arena *a;
	struct folder *f;
	struct why *why;
	size_t seen;
	size_t bytes;
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

bool folder_mapped(const struct folder *f, const char *name)
{
	size_t at = place(f, name);

	return at < f->files && strcmp(f->file[at].name, name) == 0 && f->file[at].mapped;
}

/* One more place behind the last. */
static void grow(struct arena *a, struct folder *f)
{
	size_t room = f->room == 0 ? 32 : 2 * f->room;
	struct folder_file *more;

	if (f->files < f->room)
		return;
	more = arena_array(a, room, sizeof(*more));
	if (f->files > 0)
		memcpy(more, f->file, f->files * sizeof(*more));
	f->file = more;
	f->room = room;
}

struct folder_file *folder_add(struct arena *a, struct folder *f, const char *name, struct bytes b)
{
	size_t at = place(f, name);
	bool there = at < f->files && strcmp(f->file[at].name, name) == 0;

	if (b.p == NULL) /* empty is not missing */
		b = BYTES("");
	if (!there) {
		grow(a, f);
		memmove(f->file + at + 1, f->file + at, (f->files++ - at) * sizeof(*f->file));
	}
	f->file[at] = (struct folder_file){ .bytes = b,
		.name = there ? f->file[at].name : arena_text(a, bytes_of(name)) };
	return &f->file[at];
}

/* ---- passing over a file ------------------------------------------------------------ */

static struct rundir_pass pass_start(const struct folder_file *f)
{
	struct rundir_pass pass = { .all = f->bytes, .mapped = f->mapped };

	sha256_start(&pass.hash);
	return pass;
}

const unsigned char *folder_digest(struct folder_file *f)
{
	if (!f->hashed) {
		struct rundir_pass pass = pass_start(f);

		rundir_pass_end(&pass, f->sha256);
		f->hashed = true;
	}
	return f->sha256;
}

void folder_find(struct arena *a, struct folder *f)
{
	struct found *found = arena_get(a, sizeof(*found));
	size_t at = place(f, "findings.jsonl");
	struct folder_file none = { .name = "" }, *file = &none;
	struct rundir_pass pass;

	if (at < f->files && strcmp(f->file[at].name, "findings.jsonl") == 0)
		file = &f->file[at];
	pass = pass_start(file);
	found_read_pass(a, &pass, found);
	rundir_pass_end(&pass, file->sha256);
	file->hashed = true;
	f->found = found;
}

/* ---- the walk -------------------------------------------------------------------- */

static void append(struct walk *w, const char *name, struct bytes b, bool mapped)
{
	struct folder *f = w->f;

	grow(w->a, f);
	f->file[f->files++] = (struct folder_file){
		.name = arena_text(w->a, bytes_of(name)), .bytes = b, .mapped = mapped };
}

static void cut_short(int signal)
{
	static const char words[] = "oxg: a file of the run folder was cut short while it was read; "
	    "keep others away from the folder and try again\n";

	(void)signal;
	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	_exit(STATUS_EVIDENCE);
}

/* A large file is as it is while it is looked at: of one that somebody changes
 * meanwhile it is not known what is told. */
static int map_file(int fd, size_t n, struct bytes *out)
{
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	signal(SIGBUS, cut_short);
	*out = (struct bytes){ p, n };
	return 0;
}

/* Documents are copied: what was hashed must be what is judged. */
static int read_file(struct walk *w, int fd, struct bytes *out, bool *mapped)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	*mapped = S_ISREG(st.st_mode) && st.st_size > COPIED;
	if (!*mapped)
		return fd_read(w->a, fd, FOLDER_BYTES - w->bytes, out);
	errno = EFBIG;
	return (uintmax_t)st.st_size <= FOLDER_BYTES - w->bytes ?
	    map_file(fd, (size_t)st.st_size, out) : -1;
}

static int take_file(struct walk *w, int dir, const char *leaf, const char *name)
{
	struct bytes b;
	bool mapped = false;
	int fd, error = 0;

	fd = openat(dir, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return cannot_open(w, name, errno);
	if (read_file(w, fd, &b, &mapped) < 0)
		error = errno;
	close(fd);
	if (error == EFBIG)
		return cannot(w, name, "makes the folder larger than 512 MiB");
	if (error == EINVAL)
		return cannot(w, name, "is no regular file");
	if (error != 0)
		return cannot_open(w, name, error);
	w->bytes += b.n;
	append(w, name, b, mapped);
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
	size_t before = w->seen;
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
	if (w->seen == before && w->f->empty == NULL)
		w->f->empty = arena_text(w->a, bytes_of(prefix));
	return result;
}

/* ---- order --------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct folder_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool ends_in_partial(const char *path)
{
	static const char word[] = ".partial";
	size_t n = strlen(path), m = sizeof(word) - 1;

	while (n > 0 && path[n - 1] == '/')
		n--;
	return n >= m && memcmp(path + n - m, word, m) == 0;
}

/* A mistyped path is not called a run that was interrupted. */
static bool of_a_run(const struct folder *f)
{
	return !f->partial || ends_in_partial(f->path) ||
	    folder_get(f, "run.json").p != NULL || folder_get(f, "journal/events.jsonl").p != NULL;
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
	sort(out->file, out->files, sizeof(*out->file), by_name);
	/* The sums are the last thing written: without them nothing was sealed,
	 * whatever the folder is called. */
	out->partial = ends_in_partial(path) || folder_get(out, "SHA256SUMS").p == NULL;
	return of_a_run(out) ? 0 : refuse(why, REFUSE_EVIDENCE, "%s is no run folder: neither "
	    "SHA256SUMS nor run.json nor a journal is in it; name the folder that oxg run told", path);
}
