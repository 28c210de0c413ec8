/*
 * root.c - the trust root: where it is, whose it is, and what is in it. Runs in
 * the supervisor before anything is forked. allowlist.c reads the ALLOWLIST.
 *
 * Whoever can write here decides what runs. So everything that is read must
 * belong to root or the caller and be writable by nobody else, is opened below
 * one directory descriptor, and no link is followed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trust/trust.h"

#define KEY_FILE_BYTES (64u << 10)
#define REVOKED_BYTES (1u << 20)
#define KEYS_MAX 1024 /* files in keys/ */

/* ---- where it is ------------------------------------------------------------- */

static const char *from_environment(struct arena *a, const char **found_by)
{
	/* A shell cannot set the last one; other programs can. */
	static const char *const names[] = { "OXG_TRUST", "OXGEN_TRUST", "0XGEN_TRUST" };

	for (size_t i = 0; i < COUNT(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value)
			continue;
		*found_by = arena_printf(a, "$%s", names[i]);
		return value;
	}
	return NULL;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* The directory the executable lies in, if an ALLOWLIST lies beside it. */
static const char *beside_executable(struct arena *a)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || path[0] != '/')
		return NULL;
	slash[slash == path] = '\0';
	return exists(arena_printf(a, "%s/ALLOWLIST", path)) ?
	    arena_text(a, bytes_of(path)) : NULL;
}

/* Base directories that are relative do not count (XDG Base Directory). */
static const char *of_the_user(struct arena *a)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	const char *path = NULL;

	if (config && config[0] == '/')
		path = arena_printf(a, "%s/oxg", config);
	else if (home && home[0] == '/')
		path = arena_printf(a, "%s/.config/oxg", home);
	return path && exists(path) ? path : NULL;
}

const char *trust_root_find(struct arena *a, const char *option, const char **found_by,
    struct why *why)
{
	const char *path;

	if (option) {
		*found_by = "--trust";
		if (!*option)
			refuse(why, REFUSE_TRUST_ROOT, "--trust: names no directory");
		return *option ? option : NULL;
	}
	if ((path = from_environment(a, found_by)))
		return path;
	*found_by = "executable";
	if ((path = beside_executable(a)))
		return path;
	*found_by = "user";
	if ((path = of_the_user(a)))
		return path;
	*found_by = "system";
	return "/etc/oxg";
}

/* ---- whose it is -------------------------------------------------------------- */

struct reader {
	struct arena *a;
	struct trust_root *root;
	struct why *why;
};

/* An ACL's mask shows in the group bits, so an ACL cannot hide a writer. */
static int check_owner(struct reader *r, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(r->why, REFUSE_TRUST_ROOT, "%s: cannot be looked at: %s",
		    path, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != getuid())
		return refuse(r->why, REFUSE_TRUST_ROOT,
		    "%s: belongs to user %u, so it is not yours to trust; make it yours "
		    "or root's (chown root %s)", path, (unsigned)st.st_uid, path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return refuse(r->why, REFUSE_TRUST_ROOT,
		    "%s: others than its owner may write to it (mode %04o); "
		    "chmod go-w %s", path, (unsigned)st.st_mode & 07777, path);
	return 0;
}

static const char *opening_error(int error)
{
	switch (error) {
	case ELOOP:
		return "it is a symbolic link; put the file itself there";
	case EINVAL:
		return "it is not a regular file";
	case EFBIG:
		return "it is too large";
	case ENOTDIR:
		return "it is not a directory";
	default:
		return strerror(error);
	}
}

/* A file of the trust root that may be missing: 1 read, 0 missing, -1 refused. */
static int file_of(struct reader *r, const char *name, size_t max, struct bytes *out)
{
	const char *path = arena_printf(r->a, "%s/%s", r->root->path, name);
	int fd = open_beneath(r->root->dir, name, O_RDONLY, 0);
	int result = 1;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return refuse(r->why, REFUSE_TRUST_ROOT, "%s: cannot be read: %s", path,
		    opening_error(errno));
	if (check_owner(r, fd, path) < 0)
		result = -1;
	else if (fd_read(r->a, fd, max, out) < 0)
		result = refuse(r->why, REFUSE_TRUST_ROOT, "%s: cannot be read: %s", path,
		    opening_error(errno));
	close(fd);
	return result;
}

/* ---- keys/ ------------------------------------------------------------------------ */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of it that mean something, sorted; never NULL. -1 refused. */
static int key_names(struct reader *r, const char *in, int keys, const char **name, size_t *count)
{
	DIR *d = fdopendir(keys);
	struct dirent *e;

	if (!d) {
		close(keys);
		return refuse(r->why, REFUSE_TRUST_ROOT, "%s/%s: cannot be listed: %s",
		    r->root->path, in, strerror(errno));
	}
	while ((e = readdir(d)) && *count < KEYS_MAX)
		if (e->d_name[0] != '.' &&
		    (ends_with(e->d_name, ".pub") || ends_with(e->d_name, ".crt")))
			name[(*count)++] = arena_printf(r->a, "%s/%s", in, e->d_name);
	closedir(d);
	if (*count == KEYS_MAX)
		return refuse(r->why, REFUSE_TRUST_ROOT,
		    "%s/%s: holds %d keys or more; keep those you trust", r->root->path, in,
		    KEYS_MAX);
	sort(name, *count, sizeof(*name), compare_names);
	return 0;
}

static int ca_add(struct reader *r, const char *name, struct bytes pem)
{
	struct trust_root *root = r->root;

	if (pem_decode(r->a, pem, "CERTIFICATE", &root->ca[root->cas]) < 0 ||
	    !root->ca[root->cas].p)
		return refuse(r->why, REFUSE_KEY,
		    "%s/%s: is no PEM certificate; put one CA there or take it away",
		    root->path, name);
	root->ca_file[root->cas++] = name;
	return 0;
}

static int key_add(struct reader *r, const char *name, struct bytes pem)
{
	struct trust_root *root = r->root;
	const char *path = arena_printf(r->a, "%s/%s", root->path, name);

	if (pubkey_parse(r->a, pem, path, &root->key[root->keys], r->why) < 0)
		return -1;
	root->key[root->keys++].file = name;
	return 0;
}

static int read_keys(struct reader *r, const char *in)
{
	const char *path = arena_printf(r->a, "%s/%s", r->root->path, in);
	int keys = open_beneath(r->root->dir, in, O_RDONLY | O_DIRECTORY, 0);
	const char **name = arena_array(r->a, KEYS_MAX, sizeof(*name));
	size_t count = 0;

	if (keys < 0 && errno == ENOENT)
		return 0; /* nothing is trusted then; verify_plugin says so */
	if (keys < 0)
		return refuse(r->why, REFUSE_TRUST_ROOT, "%s: cannot be opened: %s", path,
		    opening_error(errno));
	if (check_owner(r, keys, path) < 0) {
		close(keys);
		return -1;
	}
	if (key_names(r, in, keys, name, &count) < 0)
		return -1;
	r->root->key = arena_array(r->a, count + 1, sizeof(*r->root->key));
	r->root->ca = arena_array(r->a, count + 1, sizeof(*r->root->ca));
	r->root->ca_file = arena_array(r->a, count + 1, sizeof(*r->root->ca_file));
	for (size_t i = 0; i < count; i++) {
		struct bytes pem;

		switch (file_of(r, name[i], KEY_FILE_BYTES, &pem)) {
		case -1:
			return -1;
		case 0:
			continue; /* gone since it was listed: not trusted */
		default:
			break;
		}
		if ((ends_with(name[i], ".pub") ? key_add : ca_add)(r, name[i], pem) < 0)
			return -1;
	}
	return 0;
}

/* ---- keys/revoked ------------------------------------------------------------------- */

/* The next line without its end; false when there is none. */
static bool next_line(struct bytes *text, struct bytes *line)
{
	const unsigned char *end;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	line->p = text->p;
	line->n = end ? (size_t)(end - text->p) : text->n;
	text->p += line->n + (end != NULL);
	text->n -= line->n + (end != NULL);
	return true;
}

static struct bytes trimmed(struct bytes s)
{
	while (s.n > 0 && strchr(" \t\r", s.p[0]) && s.p[0])
		s.p++, s.n--;
	while (s.n > 0 && strchr(" \t\r", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	return s;
}

static int read_revoked(struct reader *r)
{
	struct bytes text = { 0 }, line;
	struct trust_root *root = r->root;
	size_t room = 1;
	int number = 0;

	if (file_of(r, "keys/revoked", REVOKED_BYTES, &text) < 0)
		return -1;
	for (size_t i = 0; i < text.n; i++)
		room += text.p[i] == '\n';
	root->revoked = arena_array(r->a, room, sizeof(*root->revoked));
	while (next_line(&text, &line)) {
		unsigned char id[SHA256_SIZE];

		number++;
		line = trimmed(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!hex_decode(line, id, sizeof(id)))
			return refuse(r->why, REFUSE_KEY,
			    "%s/keys/revoked: line %d is no key id; write the 64 hex digits "
			    "of the key's SHA-256, or # before a comment", root->path, number);
		hex_encode(root->revoked[root->revokeds++], id, sizeof(id));
	}
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------ */

/* An absolute path of the list that lies in the root is the same file as its
 * relative one: both are kept as the relative one, so that two digests show. */
static int read_allowlist(struct reader *r)
{
	struct trust_root *root = r->root;
	const char *name = arena_printf(r->a, "%s/ALLOWLIST", root->path);
	struct bytes text = { 0 };
	size_t n = strlen(root->path);
	struct why why = { 0 };

	switch (file_of(r, "ALLOWLIST", ALLOWLIST_BYTES, &text)) {
	case -1:
		return -1;
	case 0:
		root->allowlist_absent = true;
		return 0;
	default:
		break;
	}
	sha256(text, root->allowlist_sha256);
	if (allowlist_parse(r->a, text, &root->entry, &root->entries, &why) < 0)
		return refuse(r->why, why.code, "%s: %s", name, why.text);
	if (n == 1)
		n = 0; /* the root is "/" */
	for (size_t i = 0; i < root->entries; i++) {
		const char *path = root->entry[i].path;

		if (!strncmp(path, root->path, n) && path[n] == '/')
			root->entry[i].path = path + n + 1;
	}
	if (allowlist_sort(root->entry, &root->entries, &why) < 0)
		return refuse(r->why, why.code, "%s: %s", name, why.text);
	return 0;
}

static int read_all(struct reader *r)
{
	if (check_owner(r, r->root->dir, r->root->path) < 0 ||
	    read_allowlist(r) < 0 || read_keys(r, "keys") < 0 || read_revoked(r) < 0)
		return -1;
	return file_of(r, "policy.json", POLICY_BYTES, &r->root->policy) < 0 ? -1 : 0;
}

int trust_root_open(struct arena *a, const char *option, struct trust_root *out,
    struct why *why)
{
	struct reader r = { a, out, why };
	const char *path;
	char *real;

	*out = (struct trust_root){ .dir = -1 };
	path = trust_root_find(a, option, &out->found_by, why);
	if (!path)
		return -1;
	out->path = path;
	out->explicit_choice = out->found_by[0] == '-' || out->found_by[0] == '$';
	real = realpath(path, NULL);
	if (!real && errno == ENOENT && !out->explicit_choice) {
		out->absent = out->allowlist_absent = true;
		return 0;
	}
	if (!real)
		return refuse(why, REFUSE_TRUST_ROOT,
		    "%s: the trust root (from %s) cannot be opened: %s", path, out->found_by,
		    strerror(errno));
	out->path = arena_text(a, bytes_of(real));
	free(real);
	out->dir = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->dir < 0)
		return refuse(why, REFUSE_TRUST_ROOT,
		    "%s: the trust root (from %s) cannot be opened: %s", out->path,
		    out->found_by, opening_error(errno));
	return read_all(&r);
}

int trust_approvers(struct arena *a, struct trust_root *root, struct why *why)
{
	struct reader r = { a, root, why };

	root->keys = root->cas = 0;
	return root->absent ? 0 : read_keys(&r, "keys/approvers");
}
