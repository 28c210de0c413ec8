/*
 * project.c - the operator's tree (--project DIR) from the plugin's side: fs.list and
 * fs.read look into it as it is now, fs.write and fs.delete stage what shall become of
 * it. Runs in the broker, which can open nothing but below that directory, and there
 * only to read (rights.c). Nothing here changes the tree: oxg apply does, when the run
 * has been judged.
 *
 * What is staged is not seen by fs.read: the tree is the operator's until then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/broker.h"

#define READ_MAX (512u << 10)       /* of one request: as base64 it fits an answer */
#define TEXT_MAX (1000u << 10)      /* of an answer, as JSON spells it */
#define PAGE 500                    /* entries of one answer, below 1 MiB whatever their names */
#define ENTRIES_MAX 1000000         /* of one directory: a look at all of them takes its time */
#define BASE_MAX (64u << 20)        /* of a file that is to be changed: all of it is hashed */
#define LINE_BYTES 1000             /* as the gate counts lines */

/* ---- opening ----------------------------------------------------------------------- */

/* path NULL: DIR itself. 0 with *path and *out, or enum rpc_error. */
static int path_read(struct broker *b, struct request *r, bool optional, const char **path, char error[200])
{
	int v = param(r, "path");
	struct bytes s = { NULL, 0 };
	const char *wrong = NULL;

	if (b->plan->project < 0)
		return op_wrong(error, RPC_POLICY, "this run has no project (oxg run --project DIR)");
	*path = NULL;
	if (v < 0 && optional)
		return 0;
	if (json_kind(&r->json, v) == JSON_STRING)
		s = json_string(&b->scratch, &r->json, v);
	else
		wrong = "is missing, or is no text";
	if (wrong == NULL && optional && (s.n == 0 || bytes_are(s, ".")))
		return 0;
	if (wrong == NULL)
		wrong = handed_path(s);
	if (wrong != NULL)
		return op_wrong(error, RPC_PARAMS, "the path \"%.60s\" %s", s.p != NULL ? (const char *)s.p : "", wrong);
	*path = (const char *)s.p;
	return 0;
}

static int cannot(const char *path, int cause, char error[200])
{
	const char *wrong = strerror(cause);

	if (cause == ENOENT)
		wrong = "is not there";
	else if (cause == ELOOP)
		wrong = "is a link, or behind one";
	else if (cause == ENOTDIR)
		wrong = "is no directory, or behind what is none";
	else if (cause == EINVAL)
		wrong = "is no regular file";
	else if (cause == EFBIG)
		wrong = "is larger than 64 MiB";
	else if (cause == EACCES || cause == EPERM)
		wrong = "may not be read by the broker (of a run by root: by others)";
	return op_wrong(error, cause == ENOENT || cause == ENOTDIR ? RPC_PARAMS : RPC_POLICY,
	    "the path \"%.60s\" %s", path != NULL ? path : ".", wrong);
}

/* Looked at before it is opened: opening a pipe or a device can do something. kind: of
 * S_IFMT. The descriptor, or -1 with errno. */
static int open_as(const struct broker *b, const char *path, mode_t kind, struct stat *st)
{
	int fd = open_openat2(b->plan->project, path != NULL ? path : ".", O_PATH | O_NOFOLLOW), kept = 0;

	for (int turn = 0; turn < 2; turn++) {
		if (fd < 0)
			return -1;
		if (fstat(fd, st) != 0)
			kept = errno;
		else if (S_ISLNK(st->st_mode))
			kept = ELOOP;
		else if ((st->st_mode & S_IFMT) != kind)
			kept = kind == S_IFDIR ? ENOTDIR : EINVAL;
		if (turn == 1 && kept == 0)
			break;
		close(fd);
		errno = kept;
		fd = kept != 0 ? -1 : open_openat2(b->plan->project, path != NULL ? path : ".",
		    O_RDONLY | O_NOFOLLOW | (kind == S_IFDIR ? O_DIRECTORY : 0));
	}
	return fd;
}

static struct json_out *note_open(struct broker *b, const struct request *r, enum note kind, const char *path,
    struct json_out *o)
{
	if (!broker_note(b, kind, o))
		return NULL;
	json_member_number(o, "serial", r->token.serial);
	broker_words(b, o, "path", bytes_of(path != NULL ? path : "."));
	return o;
}

/* ---- fs.list -------------------------------------------------------------------------- */

struct entry {
	char name[NAME_MAX + 1];
	unsigned char type;
};

/* The first of a directory behind a name. */
struct page {
	struct entry entry[2 * PAGE];
	size_t n;
	uint64_t seen, skipped;        /* skipped: of names that no path can have */
	bool more;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void page_cut(struct page *p)
{
	sort(p->entry, p->n, sizeof(p->entry[0]), by_name);
	if (p->n <= PAGE)
		return;
	p->n = PAGE;
	p->more = true;
}

static void page_add(struct page *p, const struct dirent *d, const char *after)
{
	size_t n = strlen(d->d_name);

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return;
	if (handed_path((struct bytes){ (const unsigned char *)d->d_name, n }) != NULL) {
		p->skipped++;
		return;
	}
	if (after != NULL && strcmp(d->d_name, after) <= 0)
		return;
	if (p->n == COUNT(p->entry))
		page_cut(p);
	memcpy(p->entry[p->n].name, d->d_name, n + 1);
	p->entry[p->n++].type = d->d_type;
}

/* 0, or errno. */
static int page_fill(struct page *p, int fd, const char *after)
{
	static union {
		struct dirent first;
		char bytes[32u << 10];
	} chunk;
	long n;

	p->n = 0;
	p->seen = p->skipped = 0;
	p->more = false;
	while ((n = syscall(SYS_getdents64, fd, &chunk, sizeof(chunk))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent *d = (const struct dirent *)(chunk.bytes + at);

			if (++p->seen > ENTRIES_MAX)
				return EOVERFLOW;
			page_add(p, d, after);
			at += d->d_reclen;
		}
	page_cut(p);
	return n < 0 ? errno : 0;
}

/* A file system may not tell the kind; a file's size stands nowhere else. */
static const char *entry_kind(struct broker *b, const char *dir, const struct entry *e, uint64_t *bytes)
{
	unsigned char type = e->type;
	struct stat st;
	int fd;

	*bytes = 0;
	if (type == DT_REG || type == DT_UNKNOWN) {
		fd = open_openat2(b->plan->project, dir != NULL ? arena_printf(&b->scratch, "%s/%s", dir, e->name) :
		    e->name, O_PATH | O_NOFOLLOW);
		if (fd >= 0 && fstat(fd, &st) == 0) {
			type = (unsigned char)(st.st_mode >> 12 & 15); /* as getdents has it */
			*bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return type == DT_REG ? "file" : type == DT_DIR ? "dir" : type == DT_LNK ? "link" : "other";
}

int op_fs_list(struct broker *b, struct request *r, struct json_out *result, char error[200])
{
	static const char *const names[] = { "path", "after", NULL };
	static struct page page;
	int v = param(r, "after"), code = params_only(r, names, error), fd;
	struct bytes after = json_kind(&r->json, v) == JSON_STRING ? json_string(&b->scratch, &r->json, v) :
	    (struct bytes){ NULL, 0 };
	const char *path;
	struct json_out o;
	struct stat st;

	if (code == 0)
		code = path_read(b, r, true, &path, error);
	if (code == 0 && v >= 0 && (after.p == NULL || memchr(after.p, '\0', after.n) != NULL))
		code = op_wrong(error, RPC_PARAMS, "after is no name");
	if (code)
		return code;
	fd = open_as(b, path, S_IFDIR, &st);
	if (fd < 0)
		return cannot(path, errno, error);
	code = page_fill(&page, fd, (const char *)after.p);
	close(fd);
	if (code == EOVERFLOW)
		return op_wrong(error, RPC_BUDGET, "it has more than a million entries");
	if (code)
		return cannot(path, code, error);
	json_member(result, "path", path != NULL ? path : ".");
	json_name(result, "entries");
	json_open(result, '[');
	for (size_t i = 0; i < page.n; i++) {
		uint64_t bytes;
		const char *kind = entry_kind(b, path, &page.entry[i], &bytes);

		json_open(result, '{');
		json_member(result, "name", page.entry[i].name);
		json_member(result, "kind", kind);
		json_member_number(result, "bytes", (int64_t)bytes);
		json_close(result, '}');
	}
	json_close(result, ']');
	json_member_bool(result, "more", page.more);
	json_member_number(result, "skipped", (int64_t)page.skipped);
	if (note_open(b, r, NOTE_LIST, path, &o)) {
		json_member_number(&o, "entries", (int64_t)page.n);
		journal_close(&b->plan->journal, &o);
	}
	return 0;
}

/* ---- fs.read --------------------------------------------------------------------------- */

/* A figure of the params, or its default. */
static bool figure(const struct request *r, const char *name, int64_t least, int64_t most, int64_t otherwise,
    int64_t *out)
{
	int v = param(r, name);

	*out = otherwise;
	return v < 0 || (json_integer(&r->json, v, out) && *out >= least && *out <= most);
}

/* Text is told as such where it is any, and not so full of what JSON spells at length
 * that base64 is shorter. */
static void write_content(struct json_out *result, struct bytes s)
{
	struct buf spelt = { 0 };

	if (utf8_valid(s))
		json_quote(&spelt, s);
	if (spelt.n > 0 && spelt.n <= TEXT_MAX) {
		json_name(result, "text");
		json_verbatim(result, buf_bytes(&spelt));
	} else {
		spelt.n = 0;
		base64_encode(&spelt, s);
		json_member_bytes(result, "base64", buf_bytes(&spelt));
	}
	buf_free(&spelt);
}

int op_fs_read(struct broker *b, struct request *r, struct json_out *result, char error[200])
{
	static const char *const names[] = { "path", "offset", "length", NULL };
	int code = params_only(r, names, error), fd;
	unsigned char digest[SHA256_SIZE], *part;
	int64_t offset = 0, length = 0;
	const char *path;
	struct json_out o;
	struct stat st;
	ssize_t n;

	if (code == 0)
		code = path_read(b, r, false, &path, error);
	if (code == 0 && (!figure(r, "offset", 0, INT64_MAX >> 1, 0, &offset) ||
	    !figure(r, "length", 0, READ_MAX, READ_MAX, &length)))
		code = op_wrong(error, RPC_PARAMS, "offset is no figure, or length is none up to %u", READ_MAX);
	if (code)
		return code;
	fd = open_as(b, path, S_IFREG, &st);
	if (fd < 0)
		return cannot(path, errno, error);
	part = arena_get(&b->scratch, (size_t)length + 1);
	n = read_at(fd, part, (size_t)length, (uint64_t)offset);
	code = errno;
	close(fd);
	if (n < 0)
		return cannot(path, code, error);
	write_content(result, (struct bytes){ part, (size_t)n });
	json_member_number(result, "bytes", (int64_t)st.st_size);
	json_member_bool(result, "eof", offset + n >= st.st_size);
	if (note_open(b, r, NOTE_READ, path, &o)) {
		sha256((struct bytes){ part, (size_t)n }, digest);
		json_member_number(&o, "offset", offset);
		json_member_number(&o, "bytes", (int64_t)n);
		json_member_hex(&o, "sha256", digest, sizeof(digest));
		journal_close(&b->plan->journal, &o);
	}
	return 0;
}

/* ---- fs.write, fs.delete ------------------------------------------------------------------ */

/* As the gate counts those of what is staged. in: bytes of the line that goes on. */
static void count_lines(const unsigned char *p, size_t n, uint64_t *lines, uint64_t *in)
{
	for (; n > 0; n--, p++) {
		*lines += *in == 0;
		if (*p == '\n')
			*in = 0;
		else if (++*in % LINE_BYTES == 0)
			++*lines;
	}
}

/* What the file is now. 0, or errno; ENOENT: there is none. */
static int base_read(struct broker *b, const char *path, struct handed_begin *as)
{
	unsigned char *chunk = arena_get(&b->scratch, READ_MAX);
	uint64_t in = 0;
	struct sha256 h;
	struct stat st;
	ssize_t n = 0;
	int kept, fd = open_as(b, path, S_IFREG, &st);

	if (fd < 0)
		return errno;
	sha256_start(&h);
	while (as->base_bytes <= BASE_MAX && (n = read_at(fd, chunk, READ_MAX, as->base_bytes)) > 0) {
		sha256_add(&h, chunk, (size_t)n);
		count_lines(chunk, (size_t)n, &as->base_lines, &in);
		as->base_bytes += (uint64_t)n;
	}
	kept = n < 0 ? errno : as->base_bytes > BASE_MAX ? EFBIG : 0;
	close(fd);
	sha256_end(&h, as->base);
	as->flags = CHANGE_BASED | (st.st_mode & S_IXUSR ? CHANGE_EXECUTABLE : 0);
	return kept;
}

/* The file of a change to path, as it was found. asked: JSON_NONE, executable is not said. */
static int change_begin(struct broker *b, const char *path, enum handed_class class, enum json_kind asked,
    struct handed_file **out, char error[200])
{
	struct handed_begin as;
	int cause;

	memset(&as, 0, sizeof(as)); /* its padding is written too */
	as.class = (uint8_t)class;
	cause = base_read(b, path, &as);
	if (cause != 0 && (cause != ENOENT || class == HANDED_DELETE))
		return cannot(path, cause, error);
	if (asked != JSON_NONE || class == HANDED_DELETE)
		as.flags = (uint8_t)((as.flags & ~CHANGE_EXECUTABLE) | (asked == JSON_TRUE ? CHANGE_EXECUTABLE : 0));
	return stage_begin(b, &as, bytes_of(path), out, error);
}

/* As many events as there are files, of which there are not too many. A secret of this run
 * would lie in the operator's tree: masked, the file would be wrong. */
static int change_end(struct broker *b, const struct request *r, struct handed_file *f, struct json_out *result,
    char error[200])
{
	static const char secret[] = "a secret or token of this run is in it";
	uint64_t masks = 0;
	int code = stage_end(b, f, &masks, error);
	bool writes = f->as.class == HANDED_CHANGE;
	struct json_out o;

	if (code == 0 && masks > 0) {
		stage_drop(b, f, secret);
		code = op_wrong(error, RPC_POLICY, "%s", secret);
	}
	if (code)
		return code;
	o = journal_open(&b->plan->journal, writes ? "fs.write" : "fs.delete");
	json_member_number(&o, "serial", r->token.serial);
	json_member(&o, "path", f->path);
	if (writes) {
		json_member_number(&o, "bytes", (int64_t)f->bytes);
		json_member_hex(&o, "sha256", f->sha256, sizeof(f->sha256));
	}
	if (f->as.flags & CHANGE_BASED)
		json_member_hex(&o, "base_sha256", f->as.base, sizeof(f->as.base));
	journal_close(&b->plan->journal, &o);
	json_member(result, "path", f->path);
	if (writes) {
		json_member_number(result, "bytes", (int64_t)f->bytes);
		json_member_hex(result, "sha256", f->sha256, sizeof(f->sha256));
	}
	return 0;
}

int op_fs_write(struct broker *b, struct request *r, struct json_out *result, char error[200])
{
	static const char *const names[] = { "path", "text", "base64", "offset", "more", "executable", NULL };
	enum json_kind executable = json_kind(&r->json, param(r, "executable"));
	struct handed_file *f = NULL;
	struct put put;
	const char *path;
	int code = put_read(b, r, "path", names, &put, error);

	if (code == 0)
		code = path_read(b, r, false, &path, error);
	if (code == 0 && executable != JSON_NONE && executable != JSON_TRUE && executable != JSON_FALSE)
		code = op_wrong(error, RPC_PARAMS, "executable is neither true nor false");
	if (code == 0)
		code = put_goes_on(b, &put, false, &f, error);
	if (code == 0 && f == NULL)
		code = change_begin(b, path, HANDED_CHANGE, executable, &f, error);
	if (code == 0)
		code = stage_add(b, f, put.bytes, error);
	if (code || !put.more)
		return code ? code : change_end(b, r, f, result, error);
	json_member(result, "path", f->path);
	json_member_number(result, "offset", (int64_t)stage_open(b, f)->seen);
	return 0;
}

int op_fs_delete(struct broker *b, struct request *r, struct json_out *result, char error[200])
{
	static const char *const names[] = { "path", NULL };
	struct handed_file *f;
	const char *path;
	int code = params_only(r, names, error);

	if (code == 0)
		code = path_read(b, r, false, &path, error);
	if (code == 0)
		code = change_begin(b, path, HANDED_DELETE, JSON_NONE, &f, error);
	return code ? code : change_end(b, r, f, result, error);
}
