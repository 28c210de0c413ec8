/*
 * keytool.c - keygen and sign: what an operator does once for a plugin, and how
 * the plugin's files are found for it. One process, the operator's own, with his
 * rights; nothing is forked.
 *
 * A plugin to be signed is often somebody else's: its directory is opened once
 * and nothing in it is reached through a link.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "trust/trust.h"

int command_fail(const struct why *why)
{
	warn("%s", why->text);
	return refusal_status(why->code);
}

int command_print(const struct buf *b)
{
	if (write_all(STDOUT_FILENO, b->p, b->n) == 0)
		return STATUS_OK;
	warn("cannot write to standard output: %s", strerror(errno));
	return STATUS_EVIDENCE;
}

/* ---- whole files, written at once or not at all ------------------------------- */

/* What comes before the last slash, and what after it. */
static const char *path_parent(struct arena *a, const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');

	*base = slash ? slash + 1 : path;
	if (!slash)
		return ".";
	if (slash == path)
		return "/";
	return arena_text(a, (struct bytes){ (const unsigned char *)path,
	    (size_t)(slash - path) });
}

int file_replace(struct arena *a, int dir, const char *name, struct bytes text,
    mode_t mode)
{
	unsigned char random[8];
	char hex[2 * sizeof random + 1];
	const char *temporary;
	int fd, saved;

	random_bytes(random, sizeof random);
	hex_encode(hex, random, sizeof random);
	temporary = arena_printf(a, ".oxg-%s", hex);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (write_all(fd, text.p, text.n) == 0 && fchmod(fd, mode) == 0 &&
	    fsync(fd) == 0 && renameat(dir, temporary, dir, name) == 0)
		return close(fd);
	saved = errno;
	close(fd);
	unlinkat(dir, temporary, 0);
	errno = saved;
	return -1;
}

/* ---- the plugin -------------------------------------------------------------------- */

static int target_open(struct arena *a, const char *path, struct target *t, struct why *why)
{
	char *real = realpath(path, NULL);

	t->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->dir < 0 || !real) {
		refuse(why, REFUSE_PLUGIN, "%s: cannot open this directory: %s", path,
		    strerror(errno));
		free(real);
		return -1;
	}
	t->dir_path = arena_text(a, bytes_of(real));
	free(real);
	return 0;
}

static int target_manifest(struct arena *a, const char *path, struct target *t,
    struct why *why)
{
	struct manifest m;
	struct bytes text;

	if (file_read(a, t->dir, "manifest.json", MANIFEST_BYTES, &text) < 0)
		return refuse(why, REFUSE_MANIFEST, "%s: cannot read its manifest.json: %s: "
		    "a plugin is a directory with one, or a single executable", path,
		    errno == EFBIG ? "it is too long" : strerror(errno));
	if (manifest_parse(a, text, &m, why) < 0)
		return -1;
	t->artifact = m.artifact;
	t->signature = m.signature ? m.signature : arena_printf(a, "%s.sig", m.artifact);
	return 0;
}

int target_find(struct arena *a, const char *path, struct target *t, struct why *why)
{
	const char *base, *parent = path_parent(a, path, &base);
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(why, REFUSE_PLUGIN, "%s: cannot find this plugin: %s", path,
		    strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		if (target_open(a, path, t, why) < 0)
			return -1;
		return target_manifest(a, path, t, why);
	}
	if (target_open(a, parent, t, why) < 0)
		return -1;
	if (strcmp(base, "manifest.json") == 0)
		return target_manifest(a, parent, t, why);
	t->bare = true;
	t->artifact = base;
	t->signature = arena_printf(a, "%s.sig", base);
	return 0;
}

int target_digest(const struct target *t, const char *name,
    unsigned char digest[SHA256_SIZE], struct why *why)
{
	unsigned char chunk[64 << 10];
	struct sha256 h;
	struct stat st;
	int n = -1, fd = open_beneath(t->dir, name, O_RDONLY, 0);

	if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		return refuse(why, REFUSE_PLUGIN, "%s/%s: is no regular file: name one",
		    t->dir_path, name);
	}
	sha256_start(&h);
	while (fd >= 0 && (n = read_full(fd, chunk, sizeof chunk)) > 0)
		sha256_add(&h, chunk, (size_t)n);
	if (fd < 0 || n < 0)
		refuse(why, REFUSE_PLUGIN, "%s/%s: cannot read it: %s", t->dir_path, name,
		    errno == ELOOP ? "it is a link, or behind one; put the file there" :
		    strerror(errno));
	if (fd >= 0)
		close(fd);
	sha256_end(&h, digest);
	return n < 0 ? -1 : 0;
}

void target_close(const struct target *t)
{
	if (t->dir >= 0)
		close(t->dir);
}

/* ---- keygen --------------------------------------------------------------------------- */

/* A new file of this mode, or none. */
static int write_new(const char *path, struct bytes text, mode_t mode, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int saved;

	if (fd < 0)
		return refuse(why, REFUSE_KEY, errno == EEXIST ?
		    "%s: is there already (%s): keys are never overwritten, give another "
		    "name" : "%s: cannot make this file: %s", path, strerror(errno));
	if (write_all(fd, text.p, text.n) == 0 && fchmod(fd, mode) == 0 &&
	    fsync(fd) == 0 && close(fd) == 0)
		return 0;
	saved = errno;
	unlink(path);
	return refuse(why, REFUSE_KEY, "%s: cannot write this file: %s", path,
	    strerror(saved));
}

static int keygen(struct arena *a, const char *name, struct privkey *k, struct why *why)
{
	const char *secret = arena_printf(a, "%s.key", name);
	const char *open_part = arena_printf(a, "%s.pub", name);
	struct buf pem = { 0 }, pub = { 0 };
	struct stat st;
	int result;

	/* Before the secret one is written: half a pair helps nobody. */
	if (lstat(open_part, &st) == 0)
		return refuse(why, REFUSE_KEY, "%s: is there already: keys are never "
		    "overwritten, give another name", open_part);
	privkey_make(k);
	privkey_pem(k, &pem);
	pubkey_pem(&k->pub, &pub);
	result = write_new(secret, buf_bytes(&pem), 0600, why);
	if (result == 0 && write_new(open_part, buf_bytes(&pub), 0644, why) < 0) {
		unlink(secret);
		result = -1;
	}
	wipe(pem.p, pem.n);
	buf_free(&pem);
	buf_free(&pub);
	return result;
}

int cmd_keygen(int argc, char **argv)
{
	bool json = false;
	const struct option_spec options[] = {
		{ "json", OPT_FLAG, NULL, "print one JSON object", &json },
	};
	const struct command c = { "keygen", "[options] NAME",
	    "Makes a P-256 key pair: NAME.key, to be kept secret, and NAME.pub, for the "
	    "keys/ of a trust root.", options, COUNT(options) };
	struct words_list words = { 0 };
	struct arena a = { 0 };
	struct why why = { 0 };
	struct privkey k;
	struct buf out = { 0 };
	int status;

	options_read(&c, argc, argv, &words, NULL);
	if (words.count != 1 || !*words.word[0])
		die(STATUS_USAGE, "keygen takes one NAME: oxg keygen release");
	if (keygen(&a, words.word[0], &k, &why) < 0) {
		privkey_wipe(&k);
		arena_free(&a);
		return command_fail(&why);
	}
	if (json) {
		struct json_out o = json_start(&out, false);

		json_open(&o, '{');
		json_member_number(&o, "schema_version", 1);
		json_member(&o, "key_id", k.pub.id);
		json_member(&o, "private", arena_printf(&a, "%s.key", words.word[0]));
		json_member(&o, "public", arena_printf(&a, "%s.pub", words.word[0]));
		json_close(&o, '}');
		buf_byte(&out, '\n');
	} else {
		buf_printf(&out, "%s\n", k.pub.id);
		warn("wrote %s.key (keep it secret) and %s.pub (put it into keys/ of the "
		    "trust root)", words.word[0], words.word[0]);
	}
	privkey_wipe(&k);
	status = command_print(&out);
	buf_free(&out);
	arena_free(&a);
	return status;
}

/* ---- sign -------------------------------------------------------------------------------- */

struct signing {
	const char *key;
	bool force;
	struct target target;
	unsigned char digest[SHA256_SIZE];
	char key_id[SHA256_HEX];
};

/* base64 and a newline, as cosign and openssl base64 -A write it. */
static int signature_text(struct arena *a, struct signing *s, struct buf *text,
    struct why *why)
{
	struct privkey k;
	struct buf der = { 0 };

	if (privkey_read(a, s->key, &k, why) < 0)
		return -1;
	memcpy(s->key_id, k.pub.id, sizeof s->key_id);
	signature_make(&k, s->digest, &der);
	privkey_wipe(&k);
	base64_encode(text, buf_bytes(&der));
	buf_byte(text, '\n');
	buf_free(&der);
	return 0;
}

static int signature_write(struct arena *a, const struct signing *s, struct bytes text,
    struct why *why)
{
	const struct target *t = &s->target;
	const char *base, *parent = path_parent(a, t->signature, &base);
	int result, dir = open_beneath(t->dir, parent, O_RDONLY | O_DIRECTORY, 0);

	result = dir < 0 ? -1 : file_replace(a, dir, base, text, 0600);
	if (result < 0)
		refuse(why, REFUSE_SIGNATURE, "%s/%s: cannot write the signature: %s",
		    t->dir_path, t->signature, strerror(errno));
	if (dir >= 0)
		close(dir);
	return result;
}

/* A signature that stands there stays, unless the operator says otherwise. */
static int signature_absent(const struct signing *s, struct why *why)
{
	const struct target *t = &s->target;
	int fd;

	if (s->force)
		return 0;
	fd = open_beneath(t->dir, t->signature, O_PATH, 0);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return refuse(why, REFUSE_SIGNATURE, "%s/%s: cannot look for a signature: "
		    "%s", t->dir_path, t->signature, errno == ELOOP ?
		    "it is a link, or behind one" : strerror(errno));
	close(fd);
	return refuse(why, REFUSE_SIGNATURE, "%s/%s: there is a signature already: give "
	    "--force to replace it", t->dir_path, t->signature);
}

static int sign(struct arena *a, const char *path, struct signing *s, struct why *why)
{
	struct target *t = &s->target;
	struct buf text = { 0 };
	int result = -1;

	if (target_find(a, path, t, why) == 0 && signature_absent(s, why) == 0 &&
	    target_digest(t, t->artifact, s->digest, why) == 0 &&
	    signature_text(a, s, &text, why) == 0)
		result = signature_write(a, s, buf_bytes(&text), why);
	buf_free(&text);
	return result;
}

static int sign_report(const struct signing *s, bool json)
{
	const struct target *t = &s->target;
	struct buf out = { 0 };
	int status;

	if (json) {
		struct json_out o = json_start(&out, false);

		json_open(&o, '{');
		json_member_number(&o, "schema_version", 1);
		json_member(&o, "artifact", t->artifact);
		json_member_hex(&o, "sha256", s->digest, sizeof s->digest);
		json_member(&o, "signature", t->signature);
		json_member(&o, "key_id", s->key_id);
		json_close(&o, '}');
		buf_byte(&out, '\n');
	} else {
		buf_printf(&out, "%s/%s\n", t->dir_path, t->signature);
		warn("signed %s with the key %s", t->artifact, s->key_id);
	}
	status = command_print(&out);
	buf_free(&out);
	return status;
}

int cmd_sign(int argc, char **argv)
{
	struct signing s = { .target.dir = -1 };
	bool json = false;
	const struct option_spec options[] = {
		{ "key", OPT_TEXT, "FILE", "the private key: PEM, PKCS#8 or SEC1, P-256", &s.key },
		{ "force", OPT_FLAG, NULL, "replace a signature that is there", &s.force },
		{ "json", OPT_FLAG, NULL, "print one JSON object", &json },
	};
	const struct command c = { "sign", "--key FILE [options] PLUGIN",
	    "Signs the plugin's artifact (ECDSA P-256, SHA-256): base64 of the DER signature, "
	    "where the manifest says, else ARTIFACT.sig.", options, COUNT(options) };
	struct words_list words = { 0 };
	struct arena a = { 0 };
	struct why why = { 0 };
	int status;

	options_read(&c, argc, argv, &words, NULL);
	if (words.count != 1)
		die(STATUS_USAGE, "sign takes one PLUGIN: oxg sign --key release.key PLUGIN");
	if (!s.key)
		die(STATUS_USAGE, "sign needs --key FILE: make one with oxg keygen NAME");
	status = sign(&a, words.word[0], &s, &why) == 0 ? sign_report(&s, json) : command_fail(&why);
	target_close(&s.target);
	arena_free(&a);
	return status;
}
