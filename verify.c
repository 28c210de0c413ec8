/*
 * verify.c - from words to facts: is this plugin what the operator trusts? Runs
 * in the supervisor before anything is forked. The only maker of struct plugin.
 *
 * Every file is opened once, below the plugin's directory, following no link,
 * and hashed while it is read into memory; those bytes and no others go into
 * the jail. Both phases are judged and written down even when the first fails;
 * the first failure is the reason of the refusal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oxg.h"
#include "trust/trust.h"

#define PLUGIN_FILE_MAX (UINT64_C(256) << 20) /* bytes of one file */
#define PLUGIN_TOTAL_MAX (UINT64_C(1) << 30)  /* bytes of a bundle: they lie in memory */
#define READ_AT_ONCE (64u << 10)              /* hashed while still in the cache */

/* What a check works on. */
struct desk {
	struct arena *a;
	const struct trust_root *root;
	const struct policy *policy;
	const struct verify_options *options;
	struct plugin *out;
	struct verdicts *verdicts;
	struct why *why;
	struct manifest *manifest;
	const char *path;  /* absolute, real: the plugin's directory */
	const char *name;  /* of a bare executable in it, or NULL */
	int dir;
	uint64_t total;    /* bytes read so far */
};

/* ---- verdicts ------------------------------------------------------------------- */

void verdict_add(struct verdicts *v, const char *name, const char *status,
    const char *expected, const char *actual, const char *detail)
{
	if (v->count == COUNT(v->line))
		die(STATUS_USAGE, "there is no room for the check %s", name);
	v->line[v->count++] = (struct check){ name, status, expected, actual, detail };
}

static void pass(struct desk *d, const char *name, const char *actual, const char *detail)
{
	verdict_add(d->verdicts, name, "PASS", NULL, actual, detail);
}

static void skip(struct desk *d, const char *name, const char *detail)
{
	verdict_add(d->verdicts, name, "SKIP", NULL, NULL, detail);
}

/* One thing that is wrong. */
struct fault {
	enum refusal code;
	const char *expected, *actual; /* or NULL */
	const char *text;
};

static int fail(struct desk *d, const char *name, struct fault f)
{
	verdict_add(d->verdicts, name, "FAIL", f.expected, f.actual, f.text);
	return refuse(d->why, f.code, "%s", f.text);
}

/* The operator's --allow-unsigned lifts the two phases; what they would have
 * said is still written down. */
static void phase_pass(struct desk *d, const char *name, const char *actual,
    const char *detail)
{
	if (!d->options->allow_unsigned || d->options->only_look)
		pass(d, name, actual, detail);
	else
		verdict_add(d->verdicts, name, "SKIP", NULL, actual,
		    arena_printf(d->a, "lifted by --allow-unsigned; it would have passed: %s",
		    detail));
}

/* Something is there and wrong: only the operator's word lifts that. */
static void phase_fail(struct desk *d, const char *name, struct fault f)
{
	if (!d->options->allow_unsigned) {
		fail(d, name, f);
		return;
	}
	if (d->options->only_look) {
		verdict_add(d->verdicts, name, "FAIL", f.expected, f.actual, f.text);
		return;
	}
	verdict_add(d->verdicts, name, "SKIP", f.expected, f.actual,
	    arena_printf(d->a, "lifted by --allow-unsigned; it would have failed: %s",
	    f.text));
}

/* Something is missing: that is no failure where the policy does not need it. */
static void phase_missing(struct desk *d, const char *name, bool required,
    struct fault f)
{
	if (required || d->options->allow_unsigned)
		phase_fail(d, name, f);
	else
		verdict_add(d->verdicts, name, "SKIP", f.expected, f.actual,
		    arena_printf(d->a, "not required by the policy: %s", f.text));
}

/* ---- files ------------------------------------------------------------------------ */

static const char *joined(struct desk *d, const char *name)
{
	return arena_printf(d->a, "%s/%s", d->path[1] ? d->path : "", name);
}

static const char *hex_of(struct desk *d, const unsigned char digest[SHA256_SIZE])
{
	char *text = arena_get(d->a, SHA256_HEX);

	hex_encode(text, digest, SHA256_SIZE);
	return text;
}

/* Reads to the end, hashing. The size is a hint: a file that grows is refused,
 * one that shrinks ends where it ends. 0, or -1 with errno. */
static int bytes_read(struct desk *d, int fd, size_t size, struct bundle_file *out)
{
	unsigned char *p = arena_get(d->a, size + 1);
	struct sha256 hash;
	size_t n = 0;

	sha256_start(&hash);
	for (;;) {
		size_t room = size + 1 - n;
		ssize_t got = read(fd, p + n, room < READ_AT_ONCE ? room : READ_AT_ONCE);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		sha256_add(&hash, p + n, (size_t)got);
		n += (size_t)got;
		if (n > size) {
			errno = ESTALE;
			return -1;
		}
	}
	sha256_end(&hash, out->sha256);
	out->bytes = (struct bytes){ p, n };
	return 0;
}

static int fd_content(struct desk *d, int fd, struct bundle_file *out)
{
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	if (size > PLUGIN_FILE_MAX || d->total + size > PLUGIN_TOTAL_MAX) {
		errno = EFBIG;
		return -1;
	}
	d->total += size;
	out->executable = st.st_mode & S_IXUSR;
	return bytes_read(d, fd, (size_t)size, out);
}

/* One file of the bundle, opened once. 0, or -1 with errno. */
static int content_read(struct desk *d, const char *name, struct bundle_file *out)
{
	int fd = open_beneath(d->dir, name, O_RDONLY, 0);
	int result, error;

	if (fd < 0)
		return -1;
	result = fd_content(d, fd, out);
	error = errno;
	close(fd);
	errno = error;
	out->name = name;
	return result;
}

/* ---- the plugin and its manifest ------------------------------------------------------ */

static int target_fail(struct desk *d, const char *path, const char *what)
{
	return fail(d, "plugin", (struct fault){ REFUSE_PLUGIN, NULL, NULL,
	    arena_printf(d->a, "%s: %s", path, what) });
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory a path lies in, as written. */
static const char *parent_of(struct desk *d, const char *path)
{
	size_t n = (size_t)(base_of(path) - path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return n == 0 ? "." : arena_text(d->a, (struct bytes){ (const unsigned char *)path, n });
}

/* A directory, its manifest.json, or one executable. Links that the operator
 * names are followed; none below the directory is. */
static int target_open(struct desk *d, const char *path)
{
	struct stat st;
	const char *folder = path;
	char *real;

	if (stat(path, &st) < 0)
		return target_fail(d, path, errno == ENOENT ? "there is no such plugin; name "
		    "its directory, its manifest.json or one executable" : strerror(errno));
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return target_fail(d, path, "is neither a directory nor a regular file");
	if (S_ISREG(st.st_mode) && !strcmp(base_of(path), "manifest.json"))
		folder = parent_of(d, path);
	real = realpath(folder, NULL);
	if (!real)
		return target_fail(d, path, strerror(errno));
	d->path = arena_text(d->a, bytes_of(real));
	free(real);
	if (S_ISREG(st.st_mode) && folder == path) {
		d->name = base_of(d->path);
		d->path = parent_of(d, d->path);
		if (!strcmp(d->name, "manifest.json")) /* named by way of a link */
			d->name = NULL;
	}
	d->dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0)
		return target_fail(d, path, strerror(errno));
	return 0;
}

static int manifest_fail(struct desk *d, enum refusal code, const char *text)
{
	return fail(d, "manifest", (struct fault){ code, NULL, NULL, text });
}

/* The executable alone: no manifest asks, so it gets what every plugin gets. */
static int manifest_none(struct desk *d)
{
	struct why why = { 0 };

	d->out->bare = true;
	if (policy_is_strict(d->policy))
		return manifest_fail(d, REFUSE_MANIFEST, arena_printf(d->a,
		    "%s: the strict profile takes no bare executable; write a manifest.json "
		    "beside it and name the directory", joined(d, d->name)));
	if (manifest_bare(d->a, d->name, d->manifest, &why) < 0)
		return manifest_fail(d, why.code, arena_printf(d->a, "%s", why.text));
	skip(d, "manifest", "a bare executable has none");
	return 0;
}

static int manifest_load(struct desk *d)
{
	struct plugin *out = d->out;
	struct why why = { 0 };

	if (file_read(d->a, d->dir, "manifest.json", MANIFEST_BYTES, &out->manifest_bytes) < 0)
		return manifest_fail(d, errno == EFBIG || errno == ENOENT ? REFUSE_MANIFEST :
		    REFUSE_PLUGIN,
		    errno == ENOENT ? arena_printf(d->a, "%s: holds no manifest.json; write one, "
		    "or name the executable itself", d->path) :
		    arena_printf(d->a, "%s: cannot be read: %s", joined(d, "manifest.json"),
		    errno == EFBIG ? "it is longer than 1 MiB" : reading_fault(errno)));
	sha256(out->manifest_bytes, out->manifest_sha256);
	if (manifest_parse(d->a, out->manifest_bytes, d->manifest, &why) < 0)
		return manifest_fail(d, why.code, arena_printf(d->a, "%s", why.text));
	out->trusted_ignored = d->manifest->trusted_present;
	verdict_add(d->verdicts, "manifest", "PASS", NULL, hex_of(d, out->manifest_sha256),
	    d->manifest->form == FORM_ARRAY ? "array form" : "object form");
	return 0;
}

/* ---- the bundle --------------------------------------------------------------------------- */

static int artifact_load(struct desk *d)
{
	struct bundle_file *f = &d->out->file[0];
	const char *name = d->name ? d->name : d->manifest->artifact;
	int got = content_read(d, name, f);

	if (got == 0 && f->bytes.n == 0) {
		errno = ENODATA;
		got = -1;
	}
	if (got < 0)
		return fail(d, "artifact", (struct fault){ REFUSE_PLUGIN, NULL, NULL,
		    arena_printf(d->a, "%s: the artifact cannot be read: %s", joined(d, name),
		    reading_fault(errno)) });
	f->executable = true;
	if (d->name)
		f->name = "plugin";
	d->out->files = 1;
	pass(d, "artifact", hex_of(d, f->sha256), f->name);
	return 0;
}

static int file_load(struct desk *d, const struct manifest_file *m)
{
	struct bundle_file *artifact = &d->out->file[0], *f = artifact;

	if (strcmp(m->path, artifact->name)) {
		f = &d->out->file[d->out->files];
		if (content_read(d, m->path, f) < 0)
			return fail(d, "files", (struct fault){ REFUSE_PLUGIN, NULL, NULL,
			    arena_printf(d->a, "%s: is named in the manifest's files and cannot "
			    "be read: %s", joined(d, m->path), reading_fault(errno)) });
		d->out->files++;
	}
	if (memcmp(f->sha256, m->sha256, SHA256_SIZE))
		return fail(d, "files", (struct fault){ REFUSE_HASH, hex_of(d, m->sha256),
		    hex_of(d, f->sha256), arena_printf(d->a,
		    "%s: has the SHA-256 %s, the manifest's files say %s; the file was changed "
		    "or the manifest is not for it", joined(d, m->path), hex_of(d, f->sha256),
		    hex_of(d, m->sha256)) });
	return 0;
}

static int files_load(struct desk *d)
{
	const struct manifest *m = d->manifest;

	for (size_t i = 0; i < m->files; i++)
		if (file_load(d, &m->file[i]) < 0)
			return -1;
	if (m->files == 0)
		skip(d, "files", "the manifest names no further files");
	else
		pass(d, "files", NULL, arena_printf(d->a, "%zu as the manifest pins them",
		    m->files));
	return 0;
}

/* ---- phase 1: the ALLOWLIST ------------------------------------------------------------------ */

static bool lies_in(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n == 1 || (!strncmp(path, dir, n) && (path[n] == '/' || !path[n]));
}

static void check_root(struct desk *d)
{
	const struct trust_root *root = d->root;
	bool needed = d->policy->allowlist_required || d->policy->signature_required;

	if (root->absent)
		phase_missing(d, "trust_root", needed, (struct fault){ REFUSE_TRUST_ROOT,
		    NULL, root->path, "no trust root was found: make a directory with ALLOWLIST "
		    "and keys/ (oxg keygen, oxg allow) and name it with --trust or $OXG_TRUST" });
	else if (!root->explicit_choice && !d->name && lies_in(root->path, d->path))
		fail(d, "trust_root", (struct fault){ REFUSE_TRUST_ROOT, NULL, root->path,
		    arena_printf(d->a, "%s: lies in the plugin's own directory, and a plugin is "
		    "not asked whom to trust; name the trust root with --trust", root->path) });
	else
		pass(d, "trust_root", root->path, root->found_by);
}

/* True when the ALLOWLIST holds this file with this digest. */
static bool check_listed(struct desk *d, const char *name, bool required,
    const char *path, const unsigned char sha256[SHA256_SIZE])
{
	const struct allow_entry *entry;
	const char *actual = hex_of(d, sha256), *expected;

	if (d->root->allowlist_absent) {
		phase_missing(d, name, required, (struct fault){ REFUSE_ALLOWLIST, NULL, actual,
		    arena_printf(d->a, "%s/ALLOWLIST: does not exist, so nothing may run; make it "
		    "with oxg allow --trust %s", d->root->path, d->root->path) });
		return false;
	}
	entry = allowlist_find(d->root, path);
	if (!entry) {
		phase_missing(d, name, required, (struct fault){ REFUSE_ALLOWLIST, NULL, actual,
		    arena_printf(d->a, "%s: is not in %s/ALLOWLIST; if you trust it, list it with "
		    "oxg allow --trust %s", path, d->root->path, d->root->path) });
		return false;
	}
	expected = hex_of(d, entry->sha256);
	if (memcmp(entry->sha256, sha256, SHA256_SIZE)) {
		phase_fail(d, name, (struct fault){ REFUSE_HASH, expected, actual,
		    arena_printf(d->a, "%s: has the SHA-256 %s, %s/ALLOWLIST line %d says %s; "
		    "the file was changed since it was allowed", path, actual, d->root->path,
		    entry->line, expected) });
		return false;
	}
	phase_pass(d, name, actual, arena_printf(d->a, "line %d", entry->line));
	return true;
}

static void check_allowlist(struct desk *d)
{
	const struct plugin *p = d->out;
	bool required = d->policy->allowlist_required;
	const char *artifact = joined(d, d->name ? d->name : d->manifest->artifact);
	bool good = check_listed(d, "allowlist.artifact", required, artifact,
	    p->file[0].sha256);

	if (p->bare)
		skip(d, "allowlist.manifest", "a bare executable has no manifest");
	else if (!check_listed(d, "allowlist.manifest",
	    required && d->policy->manifest_required, joined(d, "manifest.json"),
	    p->manifest_sha256))
		good = false;
	d->out->allowlisted = good && !d->options->allow_unsigned;
}

/* ---- phase 2: the signature -------------------------------------------------------------------- */

static struct fault fault_of(struct desk *d, const struct why *why)
{
	return (struct fault){ why->code, NULL, NULL, arena_printf(d->a, "%s", why->text) };
}

/* One detached signature over one digest. Returns the key, or NULL. */
static const struct pubkey *check_signature(struct desk *d, const char *check,
    const char *subject, const char *name, const unsigned char sha256[SHA256_SIZE],
    bool required, const struct signers *s)
{
	const struct pubkey *key;
	struct why why = { 0 };
	struct bytes der;
	int got = signature_read(d->a, &s->claim, name, &der, &why);

	if (got < 0) {
		phase_fail(d, check, fault_of(d, &why));
		return NULL;
	}
	if (got == 0) {
		phase_missing(d, check, required, (struct fault){ REFUSE_SIGNATURE, NULL, NULL,
		    arena_printf(d->a, "%s: has no signature: %s does not exist; sign it with "
		    "oxg sign", joined(d, subject), joined(d, name)) });
		return NULL;
	}
	if (s->keys == 0) {
		skip(d, check, "there is no trusted key to verify it with");
		return NULL;
	}
	key = signers_match(s, sha256, der);
	if (!key) {
		phase_fail(d, check, (struct fault){ REFUSE_SIGNATURE, NULL, NULL,
		    arena_printf(d->a, "%s: does not verify with %s; the file or the signature "
		    "was changed, or somebody else signed it", joined(d, name),
		    s->keys > 1 ? "any trusted key" : signer_file(s, s->key)) });
		return NULL;
	}
	phase_pass(d, check, joined(d, name), arena_printf(d->a, "by %s", signer_file(s, key)));
	return key;
}

/* The running clock is not written down, as it would make every report another one. */
static const char *vouched_by(struct desk *d, const struct signers *s, const struct pubkey *key)
{
	char date[32];

	if (!s->file || !d->options->verify_time_given)
		return signer_file(s, key);
	return arena_printf(d->a, "%s, judged at %s (--verify-time)", signer_file(s, key),
	    time_rfc3339(date, d->options->verify_time));
}

static void check_key(struct desk *d, const struct signers *s, const struct pubkey *key)
{
	if (s->why.code) {
		phase_missing(d, "key", d->policy->signature_required, fault_of(d, &s->why));
	} else if (!key) {
		skip(d, "key", "no signature to judge it by");
	} else if (key_revoked(d->root, key->id)) {
		phase_fail(d, "key", (struct fault){ REFUSE_KEY, NULL, key->id,
		    arena_printf(d->a, "%s: the key %s is in %s/keys/revoked; sign the plugin "
		    "with another", signer_file(s, key), key->id, d->root->path) });
	} else {
		phase_pass(d, "key", key->id, vouched_by(d, s, key));
		if (d->options->allow_unsigned)
			return;
		d->out->signed_ok = true;
		memcpy(d->out->key_id, key->id, sizeof(d->out->key_id));
		strncpy(d->out->key_name, signer_file(s, key), sizeof(d->out->key_name) - 1);
	}
}

/* The ALLOWLIST pins the manifest already. Where its maker signed it as well,
 * the signature must hold. */
static void check_manifest_signature(struct desk *d, const struct signers *s)
{
	struct stat st;
	const struct pubkey *key;

	if (d->out->bare || fstatat(d->dir, "manifest.json.sig", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	key = check_signature(d, "manifest_signature", "manifest.json", "manifest.json.sig",
	    d->out->manifest_sha256, true, s);
	if (key && key_revoked(d->root, key->id))
		phase_fail(d, "manifest_key", (struct fault){ REFUSE_KEY, NULL, key->id,
		    arena_printf(d->a, "%s: signed the manifest and is in %s/keys/revoked; sign "
		    "it with another", signer_file(s, key), d->root->path) });
}

/* SOURCE_DATE_EPOCH is for what is written. As a rule it is the time of a commit,
 * and whoever made that could bring an expired certificate back to life. */
static int64_t certificate_time(const struct verify_options *o)
{
	const struct clock running = { 0 };

	return o->verify_time_given ? o->verify_time : clock_seconds(&running);
}

static void check_signatures(struct desk *d)
{
	struct signers *s = arena_get(d->a, sizeof(*s));
	const char *artifact = d->name ? d->name : d->manifest->artifact;
	const char *name = d->manifest->signature;

	signers_find(d->a, &(struct signer_claim){ .root = d->root, .manifest = d->manifest,
	    .dir = d->dir, .path = d->path, .when = certificate_time(d->options) }, s);
	if (!name)
		name = arena_printf(d->a, "%s.sig", artifact);
	check_key(d, s, check_signature(d, "signature", artifact, name,
	    d->out->file[0].sha256, d->policy->signature_required, s));
	check_manifest_signature(d, s);
}

/* ---- what a plugin says of trust ------------------------------------------------------------------ */

static void check_claims(struct desk *d)
{
	struct stat st;

	if (d->out->trusted_ignored)
		verdict_add(d->verdicts, "trusted_member", "SKIP", NULL, "trusted",
		    "ignored: trust comes from the trust root alone");
	if (!d->out->bare && (d->root->absent || strcmp(d->root->path, d->path)) &&
	    fstatat(d->dir, "policy.json", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		verdict_add(d->verdicts, "policy_in_plugin", "SKIP", NULL,
		    joined(d, "policy.json"), "a policy in the plugin's directory is "
		    "never read; it belongs into the trust root");
		warn("%s: not read; a policy belongs into the trust root",
		    joined(d, "policy.json"));
	}
}

/* ---- the story --------------------------------------------------------------------------------------- */

static int verify(struct desk *d, const char *path)
{
	struct plugin *out = d->out;

	if (target_open(d, path) < 0)
		return -1;
	check_root(d);
	if ((d->name ? manifest_none(d) : manifest_load(d)) < 0) {
		if (out->manifest_bytes.p)
			check_listed(d, "allowlist.manifest", d->policy->allowlist_required,
			    joined(d, "manifest.json"), out->manifest_sha256);
		return -1;
	}
	out->manifest = d->manifest;
	out->file = arena_array(d->a, d->manifest->files + 1, sizeof(*out->file));
	if (artifact_load(d) < 0)
		return -1;
	check_allowlist(d);
	files_load(d);
	check_signatures(d);
	check_claims(d);
	return d->why->code ? -1 : 0;
}

int verify_plugin(struct arena *a, const struct trust_root *root,
    const struct policy *policy, const char *path,
    const struct verify_options *options, struct plugin *out,
    struct verdicts *verdicts, struct why *why)
{
	struct desk d = { .a = a, .root = root, .policy = policy, .options = options,
	    .out = out, .verdicts = verdicts, .why = why, .dir = -1 };
	int result;

	*out = (struct plugin){ 0 };
	if (options->allow_unsigned && policy_is_strict(policy))
		return refuse(why, REFUSE_POLICY,
		    "--allow-unsigned: the strict profile does not take it; sign and list the "
		    "plugin, or use the default profile");
	d.manifest = arena_get(a, sizeof(*d.manifest));
	result = verify(&d, path);
	if (d.dir >= 0)
		close(d.dir);
	return result;
}
