/*
 * unstage.c - what the plugin handed over becomes files of the run folder. Runs in the
 * supervisor when every child is dead, on records that the broker wrote, and it was
 * the broker that met the plugin: nothing is taken for granted.
 *
 * Read twice: first to know what every record is and which files are whole, then to make
 * those. Of a staging file that is not as it must be nothing is made.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

#define CHUNK (64u << 10)

struct making {                        /* a file that has begun and not ended */
	uint32_t number;               /* 0: none */
	int fd;
	struct sha256 hash;
};

struct walk {
	struct arena *a;
	struct rundir *dir;
	struct folder *folder;
	struct handed *list;
	struct why *why;
	uint64_t size, at, record;     /* of the staging file: its end, here, this record's beginning */
	uint64_t limit, total;         /* bytes of files */
	uint32_t begun;
	struct making making[HANDED_OPEN];
	unsigned char chunk[CHUNK];
};

static int malformed(struct walk *w, const char *what)
{
	return refuse(w->why, REFUSE_EVIDENCE, "%s/" STAGING " is not what a broker writes: the record at "
	    "byte %llu %s; what was written so far is left there", w->dir->partial,
	    (unsigned long long)w->record, what);
}

static int take(struct walk *w, void *p, size_t n)
{
	ssize_t got = read_at(w->dir->staging, p, n, w->at);

	if (got < 0 || (size_t)got < n)
		return rundir_cannot(w->dir, w->why, "read back", STAGING, got < 0 ? errno : EIO);
	w->at += n;
	return 0;
}

/* 1: a record, all of which is there; 0: no more of them; or -1. */
static int next(struct walk *w, bool whole, struct handed_record *r)
{
	uint64_t left = w->size - w->at;

	w->record = w->at;
	if (left == 0)
		return 0;
	if (left >= sizeof(*r)) {
		if (take(w, r, sizeof(*r)) != 0)
			return -1;
		left -= sizeof(*r);
		if (r->n <= left)
			return 1;
	}
	if (whole)
		return malformed(w, "is cut off");
	w->size = w->record; /* the broker died in it */
	return 0;
}

static struct making *slot(struct walk *w, uint32_t number)
{
	for (size_t i = 0; i < HANDED_OPEN; i++)
		if (w->making[i].number == number)
			return &w->making[i];
	return NULL;
}

/* ---- the first time: is it well-formed, and which are whole? ---------------------------- */

static bool zeros(const unsigned char *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

static int look_begin(struct walk *w, const struct handed_record *r)
{
	struct making *m = slot(w, 0);
	unsigned char path[HANDED_PATH];
	struct handed_begin as;
	const char *wrong;
	size_t n = r->n - sizeof(as);

	if (r->n <= sizeof(as) || n > sizeof(path))
		return malformed(w, "begins a file without a path, or with one that is too long");
	if (r->file != w->list->files + 1)
		return malformed(w, "begins a file out of turn");
	if (m == NULL)
		return malformed(w, "begins a file while eight are open");
	if (take(w, &as, sizeof(as)) != 0 || take(w, path, n) != 0)
		return -1;
	if (as.class == HANDED_ARTIFACT && (as.flags != 0 || !zeros(as.base, sizeof(as.base))))
		return malformed(w, "begins an artifact that changes something");
	if (handed_begin(w->list, &as, (struct bytes){ path, n }, &wrong) == NULL)
		return malformed(w, arena_printf(w->a, "begins a file whose path %s", wrong));
	m->number = r->file;
	return 0;
}

static int look_data(struct walk *w, const struct handed_record *r, struct handed_file *f)
{
	if (f->state != HANDED_IS_OPEN || f->as.class == HANDED_DELETE || r->n == 0)
		return malformed(w, "holds bytes of a file that takes none");
	if (r->n > w->limit - w->total)
		return malformed(w, "holds more bytes than a run may hand over");
	w->total += r->n;
	f->bytes += r->n;
	w->at += r->n;
	return 0;
}

static int look_end(struct walk *w, const struct handed_record *r, struct handed_file *f)
{
	if (f->state != HANDED_IS_OPEN || r->n != sizeof(f->sha256))
		return malformed(w, "ends a file that is not open, or without a digest");
	f->state = HANDED_ENDED;
	slot(w, r->file)->number = 0;
	return take(w, f->sha256, sizeof(f->sha256));
}

static int look_drop(struct walk *w, const struct handed_record *r, struct handed_file *f)
{
	struct making *m = slot(w, r->file);

	if (f->state == HANDED_DROPPED || r->n != 0)
		return malformed(w, "drops a file twice, or holds bytes");
	f->state = HANDED_DROPPED;
	if (m != NULL)
		m->number = 0;
	return 0;
}

static int look(struct walk *w, const struct handed_record *r)
{
	struct handed_file *f;

	if (r->kind == HANDED_BEGIN)
		return look_begin(w, r);
	if (r->file == 0 || r->file > w->list->files)
		return malformed(w, "is of no file that has begun");
	f = &w->list->file[r->file - 1];
	switch (r->kind) {
	case HANDED_DATA: return look_data(w, r, f);
	case HANDED_END: return look_end(w, r, f);
	case HANDED_DROP: return look_drop(w, r, f);
	default: return malformed(w, "is of no kind");
	}
}

/* ---- the second time: they are made ------------------------------------------------------- */

static const char *name_of(struct walk *w, const struct handed_file *f)
{
	return arena_printf(w->a, "%s/%s", f->as.class == HANDED_ARTIFACT ? "artifacts" : "changes",
	    f->path);
}

static int make_begin(struct walk *w, const struct handed_file *f)
{
	struct making *m = slot(w, 0);

	m->number = w->begun;
	sha256_start(&m->hash);
	m->fd = f->as.class == HANDED_DELETE ? -1 : rundir_make(w->dir, name_of(w, f), w->why);
	return f->as.class == HANDED_DELETE || m->fd >= 0 ? 0 : -1;
}

static int make_data(struct walk *w, struct making *m, const struct handed_file *f, size_t n)
{
	while (n > 0) {
		size_t part = n < CHUNK ? n : CHUNK;

		if (take(w, w->chunk, part) != 0)
			return -1;
		if (write_all(m->fd, w->chunk, part) < 0)
			return rundir_cannot(w->dir, w->why, "write", name_of(w, f), errno);
		sha256_add(&m->hash, w->chunk, part);
		n -= part;
	}
	return 0;
}

static int make_end(struct walk *w, struct making *m, const struct handed_file *f)
{
	unsigned char digest[SHA256_SIZE];
	const char *name = name_of(w, f);
	struct folder_file *file;
	struct bytes all;
	bool mapped;

	sha256_end(&m->hash, digest);
	if (memcmp(digest, f->sha256, sizeof(digest)) != 0)
		return malformed(w, "ends a file with a digest that is not its own");
	m->number = 0;
	if (f->as.class == HANDED_DELETE)
		return 0;
	if (rundir_made(w->dir, name, m->fd, digest, &all, &mapped, w->why) != 0)
		return -1;
	file = folder_add(w->a, w->folder, name, all);
	file->mapped = mapped;
	file->hashed = true;
	memcpy(file->sha256, digest, sizeof(digest));
	return 0;
}

/* What was seen the first time holds: nobody else has this file. */
static int make(struct walk *w, const struct handed_record *r)
{
	uint32_t number = r->kind == HANDED_BEGIN ? ++w->begun : r->file;
	const struct handed_file *f = &w->list->file[number - 1];
	uint64_t end = w->at + r->n;
	struct making *m = slot(w, number);
	int result = 0;

	if (f->state == HANDED_ENDED && r->kind == HANDED_BEGIN)
		result = make_begin(w, f);
	else if (f->state == HANDED_ENDED && r->kind == HANDED_DATA)
		result = make_data(w, m, f, r->n);
	else if (f->state == HANDED_ENDED && r->kind == HANDED_END)
		result = make_end(w, m, f);
	w->at = end;
	return result;
}

/* ---- both ----------------------------------------------------------------------------------- */

static int walk(struct walk *w, bool whole, int (*step)(struct walk *, const struct handed_record *))
{
	struct handed_record r;
	int more;

	w->at = 0;
	memset(w->making, 0, sizeof(w->making));
	while ((more = next(w, whole, &r)) > 0)
		if (step(w, &r) != 0)
			return -1;
	return more;
}

int unstage(struct arena *a, struct rundir *dir, uint64_t limit, bool whole, struct folder *f,
    struct handed *list, struct why *why)
{
	static struct walk w; /* large */
	struct stat st;

	if (dir->staging < 0)
		return 0;
	w = (struct walk){ .a = a, .dir = dir, .folder = f, .list = list, .why = why, .limit = limit };
	if (fstat(dir->staging, &st) < 0)
		return rundir_cannot(dir, why, "look at", STAGING, errno);
	w.size = (uint64_t)st.st_size;
	if (walk(&w, whole, look) != 0 || walk(&w, whole, make) != 0)
		return -1;
	/* One that did not end is none; the broker dropped it with a word, unless it died. */
	for (size_t i = 0; i < list->files; i++)
		if (list->file[i].state == HANDED_IS_OPEN)
			list->file[i].state = HANDED_DROPPED;
	return rundir_staging_remove(dir, why);
}
