/*
 * diff.c (fuzzer) - two stored folders of any findings and any run.json, compared.
 * The input is four texts with 0xff between them: left and right findings.jsonl,
 * left and right run.json.
 *
 * A folder is the same as itself; the other way round added is gone and the counts
 * are the same; what programs get is JSON and what people get steers no terminal.
 */
#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/words.c"
#include "lib/flat.c"
#include "lib/json.c"
#include "lib/jsonout.c"
#include "evidence/html.c"
#undef PAIRS
#include "evidence/fingerprint.c"
#define cannot folder_cannot
#include "evidence/folder.c"
#include "evidence/diff.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

/* Folders here are made, not loaded. */
void rundir_pass_end(struct rundir_pass *p, unsigned char digest[SHA256_SIZE])
{
	sha256(p->all, digest);
}

void found_read_pass(struct arena *a, struct rundir_pass *pass, struct found *out)
{
	(void)a;
	*out = (struct found){ .all = pass->all };
}

bool attest_name(const char *name)
{
	(void)name;
	return false;
}

static struct bytes next_text(struct bytes *in)
{
	const unsigned char *end = in->n > 0 ? memchr(in->p, 0xff, in->n) : NULL;
	struct bytes b = { in->p, end == NULL ? in->n : (size_t)(end - in->p) };
	size_t used = b.n + (end != NULL);

	*in = (struct bytes){ in->p + used, in->n - used };
	return b;
}

static void claim_texts(struct arena *a, const struct diff *d)
{
	struct buf b = { 0 };
	struct json_out o = json_start(&b, false);
	char error[200];
	struct json j;

	json_open(&o, '{');
	diff_write(&o, d);
	json_close(&o, '}');
	CLAIM(json_parse(a, buf_bytes(&b), &j, error) == 0 || b.n > 100000);
	b.n = 0;
	diff_say(&b, d);
	CLAIM(utf8_valid(buf_bytes(&b)));
	for (size_t i = 0; i < b.n; i++)
		CLAIM(b.p[i] == '\n' || (b.p[i] >= 0x20 && b.p[i] != 0x7f &&
		    (b.p[i] != 0xc2 || b.p[i + 1] >= 0xa0)));
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct diff d, back, self;
	struct arena a = { 0 };
	struct folder f[2] = { { .path = "left" }, { .path = "right" } };
	struct bytes in = { data, size };
	struct why why = { 0 };
	bool readable;

	folder_add(&a, &f[0], "findings.jsonl", next_text(&in));
	folder_add(&a, &f[1], "findings.jsonl", next_text(&in));
	folder_add(&a, &f[0], "run.json", next_text(&in));
	folder_add(&a, &f[1], "run.json", next_text(&in));
	for (int i = 0; i < 2; i++) {
		folder_add(&a, &f[i], "gate_report.json", BYTES("{}"));
		folder_add(&a, &f[i], "verifier_report.json", BYTES("{}"));
	}
	readable = folder_diff(&a, &f[0], &f[1], false, &d, &why) == 0;
	CLAIM(readable == (why.code == REFUSAL_NONE));
	why.code = REFUSAL_NONE;
	CLAIM(readable == (folder_diff(&a, &f[1], &f[0], false, &back, &why) == 0));
	if (readable) {
		size_t gone = d.findings - d.changed - d.added;

		CLAIM(d.same == back.same && d.changed == back.changed && d.added == back.findings - back.changed - back.added);
		CLAIM(gone == back.added);
		CLAIM(memcmp(d.items, back.items, sizeof(d.items)) == 0);
		claim_texts(&a, &d);
		CLAIM(folder_diff(&a, &f[0], &f[0], true, &self, &why) == 0);
		CLAIM(self.findings == 0 && self.shown == 0);
	}
	arena_free(&a);
	return 0;
}
