/*
 * rundir.c - the run folder while it is written: DIR.partial, then sealed, then
 * DIR. Runs in the supervisor. A folder that was not sealed keeps its .partial
 * name, so nothing that was interrupted ever looks complete.
 *
 * Every file is made new below the directory's descriptor and follows no link.
 * Documents are hashed from the bytes that were given, streams while they are
 * read for the last time; SHA256SUMS is the last file written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evidence/evidence.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

#define PARTIAL ".partial"
#define FILE_SEALED 0444
#define DIR_SEALED 0555
#define PASS_CHUNK (256u << 10) /* fits a CPU's cache: hashed while it is there */
#define SMALL (64u << 10)       /* read; mapping costs more */
#define ENTRIES_FIRST 16

struct rundir_entry {
	const char *name;
	int fd;                  /* a stream not sealed yet; -1: done */
	bool hashed;
	unsigned char sha256[SHA256_SIZE];
};

static const char *const subdirectory[] = { "inputs", "journal", "logs" };

/* ---- sentences -------------------------------------------------------------- */

/* Is what bears our name still the directory we hold? */
static bool still_ours(const struct rundir *rd)
{
	struct stat held, named;

	return fstat(rd->dir, &held) == 0 &&
	    fstatat(rd->parent, rd->partial_leaf, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int is_gone(const struct rundir *rd, struct why *why)
{
	return refuse(why, REFUSE_EVIDENCE, "%s was moved or removed while the run was going "
	    "on, so there is no run folder %s; keep others away from it and run again",
	    rd->partial, rd->path);
}

int rundir_cannot(const struct rundir *rd, struct why *why, const char *aim,
    const char *name, int error)
{
	if (error == ENOENT && rd->dir > 0 && !still_ours(rd))
		return is_gone(rd, why);
	return refuse(why, REFUSE_EVIDENCE, "cannot %s %s%s%s: %s; what was "
	    "written so far is left in %s", aim, rd->path, *name ? "/" : "", name,
	    strerror(error), rd->partial);
}

/* ---- making it ----------------------------------------------------------------- */

static bool there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* out/ below the working directory. A checkout that nobody trusts may be the
 * working directory, so a link of that name is not followed. */
static int open_default_parent(struct rundir *rd, struct why *why)
{
	if (mkdir("out", 0777) < 0 && errno != EEXIST)
		return refuse(why, REFUSE_EVIDENCE, "cannot make the directory out "
		    "for run folders: %s; name another place with --out DIR",
		    strerror(errno));
	rd->parent = openat(AT_FDCWD, "out", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rd->parent < 0)
		return refuse(why, REFUSE_EVIDENCE, "out is no directory that run "
		    "folders can be made in (%s); name another place with --out DIR",
		    strerror(errno));
	return 0;
}

/* Splits --out into the directory it stands in and its own name. */
static int open_named_parent(struct rundir *rd, const char *out, struct why *why)
{
	size_t n = strlen(out), slash;
	const char *parent;

	while (n > 1 && out[n - 1] == '/')
		n--;
	for (slash = n; slash > 0 && out[slash - 1] != '/'; )
		slash--;
	rd->path = arena_text(rd->arena, (struct bytes){ (const void *)out, n });
	rd->leaf = rd->path + slash;
	if (*rd->leaf == '\0' || strcmp(rd->leaf, ".") == 0 || strcmp(rd->leaf, "..") == 0)
		return refuse(why, REFUSE_USAGE, "--out %s names no new directory; "
		    "give a name that does not exist yet", *out ? out : "\"\"");
	parent = slash == 0 ? "." : arena_text(rd->arena,
	    (struct bytes){ (const void *)out, slash });
	rd->parent = openat(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rd->parent < 0)
		return refuse(why, REFUSE_USAGE, "cannot open %s, where --out %s "
		    "would be made: %s; make that directory first or choose another "
		    "--out", parent, rd->path, strerror(errno));
	return 0;
}

static int refuse_existing(const struct rundir *rd, struct why *why)
{
	if (there(rd->parent, rd->leaf))
		return refuse(why, REFUSE_USAGE, "%s exists already and a run folder "
		    "is never written over; choose another --out or remove it",
		    rd->path);
	if (there(rd->parent, rd->partial_leaf))
		return refuse(why, REFUSE_USAGE, "%s exists already: another run is "
		    "writing it, or one was interrupted; choose another --out or "
		    "remove it", rd->partial);
	return 0;
}

/* A name at the end of a list that doubles: it is full at every power of two. */
static void *list_grow(struct rundir *rd, void *list, size_t n, size_t size)
{
	void *more;

	if (n != 0 && (n < ENTRIES_FIRST || (n & (n - 1)) != 0))
		return list;
	more = arena_array(rd->arena, n == 0 ? ENTRIES_FIRST : 2 * n, size);
	if (n > 0)
		memcpy(more, list, n * size);
	return more;
}

/* It may be there already: nobody but us writes here. */
static int directory_make(struct rundir *rd, const char *name, struct why *why)
{
	const char *slash = strrchr(name, '/');
	int error = 0, fd = rd->dir;

	if (slash != NULL)
		fd = open_beneath(rd->dir, arena_text(rd->arena, (struct bytes){ (const void *)name,
		    (size_t)(slash - name) }), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0 || mkdirat(fd, slash != NULL ? slash + 1 : name, 0700) < 0)
		error = errno;
	if (fd >= 0 && fd != rd->dir)
		close(fd);
	if (error == EEXIST)
		return 0;
	if (error != 0)
		return rundir_cannot(rd, why, "make the directory", name, error);
	rd->directory = list_grow(rd, rd->directory, rd->directories, sizeof(*rd->directory));
	rd->directory[rd->directories++] = name;
	return 0;
}

static int make_directories(struct rundir *rd, struct why *why)
{
	struct stat st;

	if (mkdirat(rd->parent, rd->partial_leaf, 0700) < 0) {
		if (errno == EEXIST)
			return refuse_existing(rd, why);
		return refuse(why, REFUSE_EVIDENCE, "cannot make the run folder %s: %s; "
		    "choose another place with --out DIR", rd->partial, strerror(errno));
	}
	rd->dir = openat(rd->parent, rd->partial_leaf,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rd->dir < 0 && (errno == EMFILE || errno == ENFILE))
		return refuse(why, REFUSE_EVIDENCE, "cannot open the run folder %s: %s",
		    rd->partial, strerror(errno));
	/* Where others may write too, somebody could have put a folder of
	 * theirs in place of ours. */
	if (rd->dir < 0 || fstat(rd->dir, &st) < 0 || st.st_uid != geteuid() ||
	    (st.st_mode & 0077) != 0)
		return refuse(why, REFUSE_EVIDENCE, "the run folder %s is not the one "
		    "that was just made; choose a place for --out that nobody else "
		    "can write to", rd->partial);
	for (size_t i = 0; i < COUNT(subdirectory); i++)
		if (directory_make(rd, subdirectory[i], why) < 0)
			return -1;
	return 0;
}

int rundir_create(struct arena *a, const char *out, const char *run_id,
    struct rundir *rd, struct why *why)
{
	*rd = (struct rundir){ .parent = -1, .dir = -1, .staging = -1, .arena = a };
	if (out == NULL) {
		if (*run_id == '\0' || *run_id == '.' || strchr(run_id, '/') != NULL)
			return refuse(why, REFUSE_USAGE, "the run id \"%s\" cannot name "
			    "a folder; leave --run-id out or give a ULID", run_id);
		rd->default_out = true;
		rd->path = arena_printf(a, "out/%s", run_id);
		rd->leaf = rd->path + sizeof("out/") - 1;
		if (open_default_parent(rd, why) < 0)
			return -1;
	} else if (open_named_parent(rd, out, why) < 0)
		return -1;
	rd->partial = arena_printf(a, "%s%s", rd->path, PARTIAL);
	rd->partial_leaf = rd->partial + (rd->leaf - rd->path);
	if (there(rd->parent, rd->leaf)) /* the other name is tried in a moment */
		return refuse_existing(rd, why);
	return make_directories(rd, why);
}

/* ---- a place for a jail ------------------------------------------------------------- */

#define PLACE "jail"

/* The first directory above the folder that somebody else cannot pass, or "". */
static const char *closed_to_others(struct rundir *rd, const char *path)
{
	char *part = arena_text(rd->arena, bytes_of(path));
	struct stat st;
	char *slash;

	*strrchr(part, '/') = '\0'; /* ours, and the folder */
	for (slash = strrchr(part, '/'); slash != NULL; slash = strrchr(part, '/')) {
		*slash = '\0';
		if (stat(*part ? part : "/", &st) != 0 || (st.st_mode & S_IXOTH) == 0)
			return *part ? part : "/";
	}
	return "";
}

int rundir_place(struct rundir *rd, unsigned group, const char **path, struct why *why)
{
	int fd;
	char *real = realpath(rd->partial, NULL);
	const char *closed;
	struct stat st, own;

	if (real == NULL || stat(real, &st) != 0 || fstat(rd->dir, &own) != 0 ||
	    st.st_dev != own.st_dev || st.st_ino != own.st_ino)
		return rundir_cannot(rd, why, "find the path of", "", real == NULL ? errno : ESTALE);
	*path = arena_printf(rd->arena, "%s/" PLACE, real);
	free(real);
	/* As long as the folder is closed, nobody passes it but who enters it as a root,
	 * or is of the group. */
	if (mkdirat(rd->dir, PLACE, 0700) != 0 || fchmodat(rd->dir, PLACE, 0755, 0) != 0 ||
	    (group != 0 && (fchown(rd->dir, (uid_t)-1, group) != 0 || fchmod(rd->dir, 0710) != 0)))
		return rundir_cannot(rd, why, "make the directory", PLACE, errno);
	fd = openat(rd->dir, PLACE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return rundir_cannot(rd, why, "open the directory", PLACE, errno);
	closed = group != 0 ? closed_to_others(rd, *path) : "";
	if (*closed == '\0')
		return fd;
	close(fd);
	return refuse(why, REFUSE_JAIL, "in this tier the plugin runs below --out as a user of its own, "
	    "who cannot pass %s: choose a place for --out that everybody can reach", closed);
}

int rundir_place_remove(struct rundir *rd, struct why *why)
{
	/* Nobody's but ours again. */
	if (fchmod(rd->dir, 0700) != 0 || fchown(rd->dir, (uid_t)-1, getegid()) != 0)
		return rundir_cannot(rd, why, "close", "", errno);
	if (tree_remove(rd->dir, PLACE) != 0)
		return rundir_cannot(rd, why, "remove", PLACE, errno);
	return 0;
}

/* ---- writing ---------------------------------------------------------------------- */

static struct rundir_entry *entry_add(struct rundir *rd, const char *name)
{
	size_t n = rd->entries;

	rd->entry = list_grow(rd, rd->entry, n, sizeof(*rd->entry));
	rd->entry[n].name = arena_text(rd->arena, bytes_of(name));
	rd->entry[n].fd = -1;
	rd->entries++;
	return &rd->entry[n];
}

static int file_new(const struct rundir *rd, const char *name, int flags, mode_t mode)
{
	return open_beneath(rd->dir, name,
	    flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

/* Made read-only, written through the descriptor that made it, closed. 0 or an errno. */
static int file_whole(const struct rundir *rd, const char *name, struct bytes b)
{
	int error = 0, fd = file_new(rd, name, O_WRONLY, FILE_SEALED);

	if (fd < 0)
		return errno;
	if (write_all(fd, b.p, b.n) < 0)
		error = errno;
	/* Network file systems report a full disk only here. */
	if (close(fd) < 0 && error == 0)
		error = errno;
	return error;
}

int rundir_put(struct rundir *rd, const char *name, struct bytes b, struct why *why)
{
	int error = file_whole(rd, name, b);

	if (error != 0)
		return rundir_cannot(rd, why, "write", name, error);
	sha256(b, entry_add(rd, name)->sha256);
	return 0;
}

int rundir_stream(struct rundir *rd, const char *name, struct why *why)
{
	int fd = file_new(rd, name, O_RDWR | O_APPEND, 0600);

	if (fd < 0)
		return rundir_cannot(rd, why, "make", name, errno);
	entry_add(rd, name)->fd = fd;
	return fd;
}

/* ---- reading it again ------------------------------------------------------------------- */

static int read_small(struct rundir *rd, int fd, size_t n, struct bytes *out)
{
	unsigned char *p = arena_get(rd->arena, n + 1);
	ssize_t got = read_at(fd, p, n, 0);

	if (got < 0)
		return -1;
	if ((size_t)got < n) {
		errno = EIO; /* shorter than it was: somebody is at it */
		return -1;
	}
	*out = (struct bytes){ p, n };
	return 0;
}

static int read_mapped(int fd, size_t n, struct bytes *out)
{
	void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -1;
	*out = (struct bytes){ p, n };
	return 0;
}

static int file_bytes(struct rundir *rd, int fd, uintmax_t n, struct bytes *out, bool *mapped)
{
	*mapped = n > SMALL;
	return *mapped ? read_mapped(fd, (size_t)n, out) : read_small(rd, fd, (size_t)n, out);
}

/* ---- what is handed over ---------------------------------------------------------------- */

int rundir_staging(struct rundir *rd, struct why *why)
{
	rd->staging = file_new(rd, STAGING, O_RDWR | O_APPEND, 0600);
	return rd->staging >= 0 ? 0 : rundir_cannot(rd, why, "make", STAGING, errno);
}

int rundir_staging_remove(struct rundir *rd, struct why *why)
{
	if (unlinkat(rd->dir, STAGING, 0) != 0)
		return rundir_cannot(rd, why, "remove", STAGING, errno);
	close(rd->staging);
	rd->staging = -1;
	return 0;
}

int rundir_make(struct rundir *rd, const char *name, struct why *why)
{
	int fd;

	for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
		if (directory_make(rd, arena_text(rd->arena, (struct bytes){ (const void *)name,
		    (size_t)(slash - name) }), why) < 0)
			return -1;
	fd = file_new(rd, name, O_RDWR, 0600);
	return fd >= 0 ? fd : rundir_cannot(rd, why, "make", name, errno);
}

int rundir_made(struct rundir *rd, const char *name, int fd, const unsigned char digest[SHA256_SIZE],
    struct bytes *out, bool *mapped, struct why *why)
{
	struct stat st;
	int error = 0;

	if (fchmod(fd, FILE_SEALED) < 0 || fstat(fd, &st) < 0 ||
	    file_bytes(rd, fd, (uintmax_t)st.st_size, out, mapped) < 0)
		error = errno;
	/* Network file systems report a full disk only here. */
	if (close(fd) < 0 && error == 0)
		error = errno;
	if (error != 0)
		return rundir_cannot(rd, why, "write", name, error);
	memcpy(entry_add(rd, name)->sha256, digest, SHA256_SIZE);
	return 0;
}

/* ---- sealing ------------------------------------------------------------------------ */

int rundir_read(struct rundir *rd, int fd, struct rundir_pass *out, struct why *why)
{
	struct rundir_entry *e = rd->entry;
	struct stat st;
	int r;

	while (e < rd->entry + rd->entries && e->fd != fd)
		e++;
	if (fd < 0 || e == rd->entry + rd->entries)
		die(STATUS_EVIDENCE, "a bug: no stream of the run folder");
	*out = (struct rundir_pass){ .entry = e };
	sha256_start(&out->hash);
	if (fstat(fd, &st) < 0)
		return rundir_cannot(rd, why, "look at", e->name, errno);
	/* A stream whose name is gone would be missing from a folder that
	 * claims to hold it. */
	if (st.st_nlink == 0)
		return rundir_cannot(rd, why, "seal", e->name, ENOENT);
	r = file_bytes(rd, fd, (uintmax_t)st.st_size, &out->all, &out->mapped);
	return r == 0 ? 0 : rundir_cannot(rd, why, "read back", e->name, errno);
}

void mapping_release(struct bytes b)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)b.p + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)b.p + b.n) & ~(page - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

static void pass_chunk(struct rundir_pass *p, size_t n)
{
	const unsigned char *from = p->all.p + p->done;

	sha256_add(&p->hash, from, n);
	p->done += n;
	if (p->mapped)
		mapping_release((struct bytes){ from, n });
}

void rundir_pass(struct rundir_pass *p, size_t at)
{
	while (at <= p->all.n && at - p->done >= PASS_CHUNK)
		pass_chunk(p, PASS_CHUNK);
}

void rundir_pass_end(struct rundir_pass *p, unsigned char digest[SHA256_SIZE])
{
	while (p->all.n - p->done > PASS_CHUNK)
		pass_chunk(p, PASS_CHUNK);
	if (p->all.n > p->done)
		pass_chunk(p, p->all.n - p->done);
	sha256_end(&p->hash, digest);
	if (p->entry == NULL)
		return;
	memcpy(p->entry->sha256, digest, SHA256_SIZE);
	p->entry->hashed = true; /* sealing need not read it again */
}

static int stream_seal(struct rundir *rd, struct rundir_entry *e, struct why *why)
{
	int fd = e->fd;

	if (!e->hashed) {
		unsigned char digest[SHA256_SIZE];
		struct rundir_pass pass;

		if (rundir_read(rd, fd, &pass, why) < 0)
			return -1;
		rundir_pass_end(&pass, digest);
	}
	if (fchmod(fd, FILE_SEALED) < 0)
		return rundir_cannot(rd, why, "make read-only", e->name, errno);
	e->fd = -1;
	if (close(fd) < 0)
		return rundir_cannot(rd, why, "write", e->name, errno);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct rundir_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int rundir_sums(struct rundir *rd, struct bytes *list, struct why *why)
{
	struct buf b = { 0 };
	char hex[SHA256_HEX];
	int error;

	for (size_t i = 0; i < rd->entries; i++)
		if (rd->entry[i].fd >= 0 && stream_seal(rd, &rd->entry[i], why) < 0)
			return -1;
	sort(rd->entry, rd->entries, sizeof(*rd->entry), by_name);
	for (size_t i = 0; i < rd->entries; i++) {
		hex_encode(hex, rd->entry[i].sha256, SHA256_SIZE);
		buf_printf(&b, "%s  %s\n", hex, rd->entry[i].name);
	}
	rd->sums = *list = (struct bytes){ (unsigned char *)arena_text(rd->arena, buf_bytes(&b)), b.n };
	buf_free(&b);
	error = file_whole(rd, SUMS, *list);
	return error == 0 ? 0 : rundir_cannot(rd, why, "write", SUMS, error);
}

static int sync_below(const struct rundir *rd, const char *name, int flags, struct why *why)
{
	int error = 0, fd = open_beneath(rd->dir, name, O_RDONLY | O_CLOEXEC | flags, 0);

	if (fd < 0 || fsync(fd) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	return error == 0 ? 0 : rundir_cannot(rd, why, "write to the disk", name, error);
}

static int sync_all(const struct rundir *rd, struct why *why)
{
	for (size_t i = 0; i < rd->entries; i++)
		if (sync_below(rd, rd->entry[i].name, 0, why) < 0)
			return -1;
	if (sync_below(rd, SUMS, 0, why) < 0)
		return -1;
	for (size_t i = 0; i < rd->directories; i++)
		if (sync_below(rd, rd->directory[i], O_DIRECTORY, why) < 0)
			return -1;
	if (fsync(rd->dir) < 0)
		return rundir_cannot(rd, why, "write to the disk", "", errno);
	return 0;
}

static int directories_close(const struct rundir *rd, struct why *why)
{
	for (size_t i = 0; i < rd->directories; i++) {
		int error = 0, fd = open_beneath(rd->dir, rd->directory[i],
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

		if (fd < 0 || fchmod(fd, DIR_SEALED) < 0)
			error = errno;
		if (fd >= 0)
			close(fd);
		if (error != 0)
			return rundir_cannot(rd, why, "make read-only", rd->directory[i], error);
	}
	if (fchmod(rd->dir, DIR_SEALED) < 0)
		return rundir_cannot(rd, why, "make read-only", "", errno);
	return 0;
}

static int name_give(const struct rundir *rd, struct why *why)
{
	if (!still_ours(rd))
		return is_gone(rd, why);
	if (syscall(SYS_renameat2, rd->parent, rd->partial_leaf, rd->parent,
	    rd->leaf, RENAME_NOREPLACE) == 0)
		return 0;
	/* A file system without the flag: a plain rename fails on a directory
	 * that holds something, and an empty one is seen here. */
	if (errno == EINVAL || errno == ENOSYS) {
		if (there(rd->parent, rd->leaf))
			errno = EEXIST;
		else if (renameat(rd->parent, rd->partial_leaf, rd->parent, rd->leaf) == 0)
			return 0;
	}
	return refuse(why, REFUSE_EVIDENCE, "cannot rename %s to %s: %s; the sealed "
	    "folder is left under the first name", rd->partial, rd->path,
	    strerror(errno));
}

/* Only a convenience, so a failure is said and no more. Something of that
 * name that is no link belongs to somebody: it stays. */
static void latest_point(const struct rundir *rd)
{
	char fresh[300];
	struct stat st;

	if (fstatat(rd->parent, "latest", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISLNK(st.st_mode))
		return;
	snprintf(fresh, sizeof(fresh), ".latest.%s", rd->leaf);
	if (symlinkat(rd->leaf, rd->parent, fresh) < 0 ||
	    renameat(rd->parent, fresh, rd->parent, "latest") < 0) {
		warn("cannot point out/latest to %s: %s", rd->leaf, strerror(errno));
		unlinkat(rd->parent, fresh, 0);
	}
}

int rundir_seal(struct rundir *rd, bool durable, struct why *why)
{
	if ((rd->sums.p == NULL && rundir_sums(rd, &rd->sums, why) < 0) ||
	    (durable && sync_all(rd, why) < 0) ||
	    directories_close(rd, why) < 0 || name_give(rd, why) < 0)
		return -1;
	if (durable && fsync(rd->parent) < 0)
		return refuse(why, REFUSE_EVIDENCE, "%s is sealed, but its name may not "
		    "survive a power cut: %s", rd->path, strerror(errno));
	if (rd->default_out)
		latest_point(rd);
	close(rd->dir);
	close(rd->parent);
	rd->dir = rd->parent = -1;
	return 0;
}
