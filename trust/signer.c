/*
 * signer.c - who may have signed this plugin, and what the signature file says.
 * Runs in the supervisor before anything is forked.
 *
 * The operator's keys/ decide. What the manifest says of its key selects among
 * them and can add none.
 */
#include <errno.h>
#include <string.h>

#include "trust/trust.h"

#define SIGNATURE_BYTES (4u << 10)

bool key_revoked(const struct trust_root *root, const char *id)
{
	for (size_t i = 0; i < root->revokeds; i++)
		if (!strcmp(root->revoked[i], id))
			return true;
	return false;
}

static const char *joined(struct arena *a, const struct signer_claim *c, const char *name)
{
	return arena_printf(a, "%s/%s", c->path[1] ? c->path : "", name);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void by_certificate(struct arena *a, struct signers *s)
{
	const struct signer_claim *c = &s->claim;
	const char *path = joined(a, c, c->manifest->certificate);
	struct bytes pem;

	if (file_read(a, c->dir, c->manifest->certificate, PEM_BYTES, &pem) < 0) {
		refuse(&s->why, REFUSE_KEY, "%s: the certificate cannot be read: %s", path,
		    errno == EFBIG ? "it is longer than 64 KiB" : reading_fault(errno));
		return;
	}
	if (certificate_verify(a, c->root, pem, path, c->when, &s->leaf, &s->file,
	    &s->why) < 0)
		return;
	s->key = &s->leaf;
	s->keys = 1;
}

static void by_id(struct arena *a, struct signers *s, const char *id)
{
	const struct signer_claim *c = &s->claim;

	for (size_t i = 0; i < c->root->keys; i++) {
		if (strcmp(c->root->key[i].id, id))
			continue;
		s->key = &c->root->key[i];
		s->keys = 1;
	}
	if (!s->keys)
		refuse(&s->why, REFUSE_KEY,
		    "%s: the plugin's own key (%s) is not in the trust root; if you trust it, "
		    "copy it to %s/keys/", joined(a, c, c->manifest->public_key), id,
		    c->root->path);
}

static void by_name(struct signers *s)
{
	const struct signer_claim *c = &s->claim;
	const char *name = base_of(c->manifest->public_key);

	for (size_t i = 0; i < c->root->keys; i++) {
		if (strcmp(base_of(c->root->key[i].file), name))
			continue;
		s->key = &c->root->key[i];
		s->keys = 1;
	}
	if (!s->keys)
		refuse(&s->why, REFUSE_KEY,
		    "the manifest names the public key %.200s, and %s/keys holds no file of "
		    "that name; put a key there that you trust", c->manifest->public_key,
		    c->root->path);
}

/* A file of the plugin's is looked at for its id alone; else the name counts. */
static void by_hint(struct arena *a, struct signers *s)
{
	const struct signer_claim *c = &s->claim;
	const char *name = path_clean(a, bytes_of(c->manifest->public_key));
	struct pubkey hinted;
	struct bytes pem;

	if (!name || file_read(a, c->dir, name, PEM_BYTES, &pem) < 0)
		by_name(s);
	else if (pubkey_parse(a, pem, joined(a, c, name), &hinted, &s->why) == 0)
		by_id(a, s, hinted.id);
}

void signers_find(struct arena *a, const struct signer_claim *claim, struct signers *out)
{
	const struct trust_root *root = claim->root;

	*out = (struct signers){ .claim = *claim };
	if (claim->manifest->certificate) {
		by_certificate(a, out);
	} else if (root->keys == 0) {
		refuse(&out->why, REFUSE_KEY, "%s/keys: holds no public key (NAME.pub); put "
		    "those there that you trust", root->path);
	} else if (claim->manifest->public_key) {
		by_hint(a, out);
	} else {
		out->key = root->key;
		out->keys = root->keys;
	}
}

const struct pubkey *signers_match(const struct signers *s,
    const unsigned char sha256[SHA256_SIZE], struct bytes der)
{
	for (size_t i = 0; i < s->keys; i++)
		if (signature_verify(&s->key[i], sha256, der))
			return &s->key[i];
	return NULL;
}

const char *signer_file(const struct signers *s, const struct pubkey *key)
{
	return base_of(s->file ? s->file : key->file);
}

int signature_read(struct arena *a, const struct signer_claim *c, const char *name,
    struct bytes *der, struct why *why)
{
	struct bytes text;

	if (file_read(a, c->dir, name, SIGNATURE_BYTES, &text) < 0) {
		if (errno == ENOENT)
			return 0;
		return refuse(why, REFUSE_SIGNATURE, "%s: the signature cannot be read: %s",
		    joined(a, c, name), errno == EFBIG ? "it is longer than 4 KiB" :
		    reading_fault(errno));
	}
	return signature_decode(a, text, joined(a, c, name), der, why) < 0 ? -1 : 1;
}
