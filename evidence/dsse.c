/*
 * dsse.c - signed statements: the DSSE envelope (FORMATS.md section 1) and the
 * Sigstore bundle around it (section 4.4), written, read and verified. Runs in the
 * supervisor when every child is dead, and in the commands that look at evidence.
 *
 * An envelope has one spelling here: other readers take more, but a byte that may be
 * another one is a change that nobody sees. No private key ever comes here.
 */
#include <string.h>

#include "evidence/evidence.h"
#include "trust/trust.h" /* public keys: whether a signature holds */

#define TYPE "application/vnd.in-toto+json"
#define HEAD "{\"payload\":\""
#define MIDDLE "\",\"payloadType\":\"" TYPE "\",\"signatures\":[{\"sig\":\""
#define TAIL "\"}]}\n"
#define BUNDLE "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"," \
	"\"verificationMaterial\":{\"publicKey\":{\"hint\":\""

void dsse_digest(struct bytes payload, unsigned char out[SHA256_SIZE])
{
	struct buf head = { 0 };
	struct sha256 h;

	buf_printf(&head, "DSSEv1 %zu " TYPE " %zu ", sizeof(TYPE) - 1, payload.n);
	sha256_start(&h);
	sha256_add(&h, head.p, head.n);
	sha256_add(&h, payload.p, payload.n);
	sha256_end(&h, out);
	buf_free(&head);
}

void dsse_write(struct bytes payload, struct bytes der, struct buf *out)
{
	buf_text(out, HEAD);
	base64_encode(out, payload);
	buf_text(out, MIDDLE);
	base64_encode(out, der);
	buf_text(out, TAIL);
}

/* What stands before the text, which is taken off the front with it. NULL: it is not
 * there, or what is before it is no base64 in its one spelling. */
static bool take_base64(struct arena *a, struct bytes *from, const char *before, struct bytes *out)
{
	struct buf b = { 0 };
	size_t n = 0, m = strlen(before);
	bool good;

	while (n < from->n && from->p[n] != '"')
		n++;
	good = from->n - n >= m && memcmp(from->p + n, before, m) == 0 &&
	    base64_decode(&b, (struct bytes){ from->p, n });
	if (good) {
		*out = (struct bytes){ (unsigned char *)arena_text(a, buf_bytes(&b)), b.n };
		*from = (struct bytes){ from->p + n + m, from->n - n - m };
	}
	buf_free(&b);
	return good;
}

bool dsse_read(struct arena *a, struct bytes envelope, struct bytes *payload, struct bytes *der)
{
	size_t n = sizeof(HEAD) - 1;

	if (envelope.n < n || memcmp(envelope.p, HEAD, n) != 0)
		return false;
	envelope = (struct bytes){ envelope.p + n, envelope.n - n };
	return take_base64(a, &envelope, MIDDLE, payload) &&
	    take_base64(a, &envelope, TAIL, der) && envelope.n == 0 && signature_der_strict(*der);
}

bool dsse_verify(struct bytes payload, struct bytes der, const struct pubkey *key)
{
	unsigned char digest[SHA256_SIZE];

	dsse_digest(payload, digest);
	return signature_verify(key, digest, der);
}

/* ---- the bundle ------------------------------------------------------------------------ */

void sigstore_write(struct bytes envelope, const unsigned char key_id[SHA256_SIZE], struct buf *out)
{
	buf_text(out, BUNDLE);
	base64_encode(out, (struct bytes){ key_id, SHA256_SIZE });
	buf_text(out, "\"}},\"dsseEnvelope\":");
	buf_add(out, envelope.p, envelope.n - 1); /* without its newline */
	buf_text(out, "}\n");
}

/* The hint is the one thing in it that the envelope does not say. */
bool sigstore_read(struct arena *a, struct bytes bundle, struct bytes envelope,
    unsigned char key_id[SHA256_SIZE])
{
	size_t n = sizeof(BUNDLE) - 1;
	struct bytes rest, hint;
	struct buf again = { 0 };
	bool good;

	if (bundle.n < n)
		return false;
	rest = (struct bytes){ bundle.p + n, bundle.n - n };
	if (!take_base64(a, &rest, "\"", &hint) || hint.n != SHA256_SIZE)
		return false;
	memcpy(key_id, hint.p, SHA256_SIZE);
	sigstore_write(envelope, key_id, &again);
	good = bytes_equal(bundle, buf_bytes(&again));
	buf_free(&again);
	return good;
}
