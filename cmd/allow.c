/*
 * allow.c - allow: writes a plugin's digests into the operator's ALLOWLIST. One
 * process, the operator's own, with his rights; nothing is forked.
 *
 * The list is replaced as a whole or not at all, and only by one that our own
 * reader understands. What it said before is never changed silently.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "trust/trust.h"

#define PLUGIN_FILES 2 /* the artifact and the manifest */

struct listing {
	const char *root;            /* real */
	int dir;
	mode_t mode;                 /* of the list */
	struct bytes old;            /* its text; none when there is no list yet */
	struct allow_entry *entry;
	size_t entries;
	struct allowed {
		const char *absolute, *written;
		unsigned char digest[SHA256_SIZE];
		bool listed;         /* already, with this digest */
		bool replaced;       /* its line stands in the new text */
	} file[PLUGIN_FILES];
	size_t files;
	bool replace;
};

static int list_refuse(const struct listing *l, const char *what, struct why *why)
{
	return refuse(why, REFUSE_ALLOWLIST, "%s/ALLOWLIST: %s", l->root, what);
}

/* The reader of lists names the line, not the file. */
static int list_parse(struct arena *a, struct bytes text, struct listing *l, struct why *why)
{
	struct why about = { 0 };

	if (allowlist_parse(a, text, &l->entry, &l->entries, &about) == 0)
		return 0;
	return list_refuse(l, about.text, why);
}

/* Opens the trust root and takes its lock: two allows at once lose no line. */
static int list_open(struct arena *a, const char *trust, struct listing *l, struct why *why)
{
	const char *found_by, *path = trust_root_find(a, trust, &found_by, why);
	char *real;

	if (!path)
		return -1;
	l->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir < 0)
		return refuse(why, REFUSE_TRUST_ROOT, "%s: cannot open the trust root (from "
		    "%s): %s: make it, or name another with --trust DIR", path, found_by,
		    strerror(errno));
	real = realpath(path, NULL);
	if (!real || flock(l->dir, LOCK_EX) < 0) {
		free(real);
		return refuse(why, REFUSE_TRUST_ROOT, "%s: cannot lock the trust root: %s",
		    path, strerror(errno));
	}
	l->root = arena_text(a, bytes_of(real));
	free(real);
	return 0;
}

/* The list as it stands; that there is none is fine. */
static int list_read(struct arena *a, struct listing *l, struct why *why)
{
	struct stat st;
	int fd = open_beneath(l->dir, "ALLOWLIST", O_RDONLY, 0);

	l->mode = 0644;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0 || fd_read(a, fd, ALLOWLIST_BYTES, &l->old) < 0) {
		list_refuse(l, errno == ELOOP ? "is a link: put the list itself there" :
		    errno == EFBIG ? "is longer than a list can be" : strerror(errno), why);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH))
		return list_refuse(l, "others can change it, or it is another's: chown it to "
		    "you and chmod go-w it, and look what is in it", why);
	l->mode = st.st_mode & 0777;
	return list_parse(a, l->old, l, why);
}

/* Is this the entry of that file? */
static bool entry_is(const struct listing *l, const struct allow_entry *e, const char *absolute)
{
	const char *path = e->path;
	size_t n = strlen(l->root);

	if (*path == '/')
		return strcmp(path, absolute) == 0;
	if (n == 1) /* the root is / */
		return strcmp(path, absolute + 1) == 0;
	return strncmp(l->root, absolute, n) == 0 && absolute[n] == '/' &&
	    strcmp(path, absolute + n + 1) == 0;
}

static bool writable_name(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '\\')
			return false;
	return true;
}

/* One file of the plugin: hashed, and compared with what the list says of it. */
static int list_file(struct arena *a, struct listing *l, const struct target *t,
    const char *name, struct why *why)
{
	struct allowed *f = &l->file[l->files++];
	const char *slash = strcmp(t->dir_path, "/") == 0 ? "" : "/";
	size_t n = strlen(l->root);

	f->absolute = arena_printf(a, "%s%s%s", t->dir_path, slash, name);
	f->written = f->absolute;
	if (n > 1 && strncmp(f->absolute, l->root, n) == 0 && f->absolute[n] == '/')
		f->written += n + 1;
	if (!writable_name(f->absolute))
		return refuse(why, REFUSE_PLUGIN, "%s: a path with a backslash or a control "
		    "character cannot stand in an ALLOWLIST: rename it", f->absolute);
	if (target_digest(t, name, f->digest, why) < 0)
		return -1;
	for (size_t i = 0; i < l->entries; i++) {
		const struct allow_entry *e = &l->entry[i];

		if (!entry_is(l, e, f->absolute))
			continue;
		if (memcmp(e->sha256, f->digest, SHA256_SIZE) == 0)
			f->listed = true;
		else if (!l->replace)
			return refuse(why, REFUSE_ALLOWLIST, "%s/ALLOWLIST line %d: lists %s "
			    "with another digest: look why, then remove that line or give "
			    "--replace", l->root, e->line, f->written);
	}
	return 0;
}

/* As the list is written already: one that mixes two ways is none. */
static void list_line(const struct listing *l, struct buf *b, struct allowed *f)
{
	char hex[SHA256_HEX];

	hex_encode(hex, f->digest, sizeof f->digest);
	buf_printf(b, "%s%s%s\n", hex, l->entries && l->entry[0].one_blank ? " " : "  ",
	    f->written);
	f->replaced = true;
}

/* The file whose old digest stands in this line, or NULL. */
static struct allowed *list_stale(struct listing *l, int line)
{
	for (size_t i = 0; i < l->entries; i++)
		for (size_t k = 0; k < l->files && l->entry[i].line == line; k++)
			if (entry_is(l, &l->entry[i], l->file[k].absolute) &&
			    memcmp(l->entry[i].sha256, l->file[k].digest, SHA256_SIZE) != 0)
				return &l->file[k];
	return NULL;
}

/* Every old line as it was but for stale ones; then what is new. */
static void list_compose(struct listing *l, struct buf *out)
{
	struct bytes left = l->old;

	for (int line = 1; left.n > 0; line++) {
		const unsigned char *end = memchr(left.p, '\n', left.n);
		size_t n = end ? (size_t)(end - left.p) + 1 : left.n;
		struct allowed *stale = list_stale(l, line);

		if (!stale)
			buf_add(out, left.p, n);
		else if (!stale->replaced && !stale->listed)
			list_line(l, out, stale);
		left = (struct bytes){ left.p + n, left.n - n };
	}
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		buf_byte(out, '\n');
	for (size_t i = 0; i < l->files; i++)
		if (!l->file[i].listed && !l->file[i].replaced)
			list_line(l, out, &l->file[i]);
}

/* The reader of lists must find in the new text what was to be put there. */
static int list_check(struct arena *a, const struct listing *l, struct bytes text,
    struct why *why)
{
	struct listing after = *l;

	if (list_parse(a, text, &after, why) < 0)
		return -1;
	for (size_t k = 0; k < l->files; k++) {
		bool found = false;

		for (size_t i = 0; i < after.entries; i++)
			found = found || (entry_is(l, &after.entry[i], l->file[k].absolute) &&
			    memcmp(after.entry[i].sha256, l->file[k].digest, SHA256_SIZE) == 0);
		if (!found)
			return refuse(why, REFUSE_PLUGIN, "%s: this path cannot stand in an "
			    "ALLOWLIST: rename it", l->file[k].absolute);
	}
	return 0;
}

static int list_write(struct arena *a, struct listing *l, struct why *why)
{
	struct buf text = { 0 };
	int result;

	list_compose(l, &text);
	result = list_check(a, l, buf_bytes(&text), why);
	if (result == 0 && !bytes_equal(buf_bytes(&text), l->old)) {
		result = file_replace(a, l->dir, "ALLOWLIST", buf_bytes(&text), l->mode);
		if (result < 0)
			list_refuse(l, arena_printf(a, "cannot write it: %s: become its "
			    "owner, or name another trust root with --trust DIR",
			    strerror(errno)), why);
	}
	buf_free(&text);
	return result;
}

static int allow(struct arena *a, const char *path, const char *trust, struct listing *l,
    struct why *why)
{
	struct target t = { .dir = -1 };
	int result = -1;

	if (list_open(a, trust, l, why) == 0 && list_read(a, l, why) == 0 &&
	    target_find(a, path, &t, why) == 0 &&
	    list_file(a, l, &t, t.artifact, why) == 0 &&
	    (t.bare || list_file(a, l, &t, "manifest.json", why) == 0))
		result = list_write(a, l, why);
	target_close(&t);
	if (l->dir >= 0)
		close(l->dir);
	return result;
}

static int allow_report(const struct listing *l, bool json)
{
	struct buf out = { 0 };
	struct json_out o = json_start(&out, false);
	int status;

	if (json) {
		json_open(&o, '{');
		json_member_number(&o, "schema_version", 1);
		json_member(&o, "trust_root", l->root);
		json_name(&o, "files");
		json_open(&o, '[');
	}
	for (size_t i = 0; i < l->files; i++) {
		const struct allowed *f = &l->file[i];
		char hex[SHA256_HEX];

		hex_encode(hex, f->digest, sizeof f->digest);
		if (json) {
			json_open(&o, '{');
			json_member(&o, "path", f->written);
			json_member(&o, "sha256", hex);
			json_member_bool(&o, "added", f->replaced);
			json_close(&o, '}');
		} else {
			buf_printf(&out, "%s  %s\n", hex, f->written);
			warn("%s %s %s/ALLOWLIST", f->written, f->replaced ? "added to" :
			    "was already in", l->root);
		}
	}
	if (json) {
		json_close(&o, ']');
		json_close(&o, '}');
		buf_byte(&out, '\n');
	}
	status = command_print(&out);
	buf_free(&out);
	return status;
}

int cmd_allow(int argc, char **argv)
{
	struct listing l = { .dir = -1 };
	const char *trust = NULL;
	bool json = false;
	const struct option_spec options[] = {
		{ "trust", OPT_TEXT, "DIR", "the trust root (else $OXG_TRUST, ...)", &trust },
		{ "replace", OPT_FLAG, NULL, "replace lines with another digest", &l.replace },
		{ "json", OPT_FLAG, NULL, "print one JSON object", &json },
	};
	const struct command c = { "allow", "[options] PLUGIN",
	    "Lists the plugin's artifact and manifest.json in the trust root's ALLOWLIST. "
	    "Look at what you allow first: oxg inspect PLUGIN.", options, COUNT(options) };
	struct words_list words = { 0 };
	struct arena a = { 0 };
	struct why why = { 0 };
	int status;

	options_read(&c, argc, argv, &words, NULL);
	if (words.count != 1)
		die(STATUS_USAGE, "allow takes one PLUGIN: oxg allow --trust DIR PLUGIN");
	status = allow(&a, words.word[0], trust, &l, &why) == 0 ? allow_report(&l, json) :
	    command_fail(&why);
	arena_free(&a);
	return status;
}
