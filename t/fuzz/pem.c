/*
 * pem.c (fuzzer) - key files and signature files on any bytes: what is taken has
 * one meaning, is written again in one form, and that form is taken.
 */
#include "lib/util.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "trust/pubkey.c"
#include "trust/key.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

/* A refusal is a sentence about the file. */
static void refusal(const struct why *why)
{
	CLAIM(why->code == REFUSE_KEY || why->code == REFUSE_SIGNATURE);
	CLAIM(strncmp(why->text, "f: ", 3) == 0 && strlen(why->text) > 20);
	CLAIM(strlen(why->text) < sizeof why->text - 1);
}

static void blocks(struct bytes text)
{
	struct bytes rest = text;
	struct pem block;
	int found;

	while ((found = pem_next(&rest, &block)) > 0) {
		CLAIM(rest.p > block.body.p && rest.p + rest.n == text.p + text.n);
		CLAIM(block.label.n <= LABEL_MAX && block.label.p > text.p);
		CLAIM(block.body.p > block.label.p && block.body.p + block.body.n < rest.p);
	}
	CLAIM(found < 0 || rest.p + rest.n == text.p + text.n);
}

static void public_key(struct arena *a, struct bytes text)
{
	struct pubkey one, two;
	struct buf pem = { 0 };
	struct bytes der;
	struct why why = { 0 };

	if (pubkey_parse(a, text, "f", &one, &why) < 0) {
		refusal(&why);
		return;
	}
	pubkey_pem(&one, &pem);
	CLAIM(pubkey_parse(a, buf_bytes(&pem), "f", &two, &why) == 0);
	CLAIM(memcmp(one.q, two.q, 65) == 0 && strcmp(one.id, two.id) == 0);
	/* The same DER: there is no second spelling of a key. */
	CLAIM(pem_decode(a, text, "PUBLIC KEY", &der) == 0);
	CLAIM(der.n == SPKI_SIZE && memcmp(der.p + SPKI_SIZE - 65, one.q, 65) == 0);
	buf_free(&pem);
}

static void private_key(struct bytes text)
{
	struct privkey one, two;
	struct buf pem = { 0 };
	struct why why = { 0 };

	if (read_text("f", text, &one, &why) < 0) {
		refusal(&why);
		return;
	}
	CLAIM(scalar_good(one.d) && one.pub.q[0] == 4);
	privkey_pem(&one, &pem);
	CLAIM(read_text("f", buf_bytes(&pem), &two, &why) == 0);
	CLAIM(memcmp(one.d, two.d, 32) == 0 && strcmp(one.pub.id, two.pub.id) == 0);
	buf_free(&pem);
}

static void signature(struct arena *a, struct bytes text)
{
	struct bytes der = { NULL, 0 }, again = { NULL, 0 };
	struct buf coded = { 0 };
	struct why why = { 0 };

	if (signature_decode(a, text, "f", &der, &why) < 0) {
		refusal(&why);
		return;
	}
	CLAIM(signature_der_strict(der));
	base64_encode(&coded, der);
	CLAIM(signature_decode(a, buf_bytes(&coded), "f", &again, &why) == 0);
	CLAIM(bytes_equal(der, again));
	buf_free(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { data, size };
	struct arena a = { 0 };

	blocks(text);
	public_key(&a, text);
	private_key(text);
	signature(&a, text);
	arena_free(&a);
	return 0;
}
