/*
 * folder.c (fuzzer) - a stored run folder of any bytes: what check, gate and
 * report make of it. The input is files, each "NAME\n", two bytes of length, its
 * bytes; the folder is made in memory as folder_load would have made it.
 *
 * Whatever comes, the gate gives one of three decisions and the same bytes twice,
 * the report is a page without foreign markup, and nobody crashes.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/words.c"
#include "lib/flat.c"
#include "lib/json.c"
#include "lib/jsonout.c"
#include "lib/tree.c"
#undef SHOWN
#include "lib/redact.c"
#include "evidence/journal.c"
#define line_next gate_line_next
#define member gate_member
#define line_at gate_line_at
#include "evidence/gate.c"
#undef line_next
#undef member
#undef line_at
#undef SCHEMA_VERSION
#define figure rules_figure
#define usable rules_usable
#define below rules_below
#include "evidence/rules.c"
#undef figure
#define dots handed_dots
#define shared handed_shared
#include "evidence/handed.c"
#undef dots
#undef shared
#define by_path changes_by_path
#include "evidence/changes.c"
#undef LINE_BYTES
#undef SCHEMA_VERSION
#define decision_word check_decision_word
#define cannot folder_cannot
#define append folder_append
#include "evidence/folder.c"
#define severity_of check_severity_of
#define parse check_parse
#define document check_document
#include "trust/pubkey.c"
#include "evidence/dsse.c"
#define wrong attest_wrong
#define value attest_value
#define text attest_text
#include "evidence/attest.c"
#undef wrong
#undef value
#undef text
#include "evidence/check.c"
#undef severity_of
#undef document
#undef cannot
#include "evidence/html.c"
#define severity_exact found_severity_exact
#define cannot rundir_cannot
#define by_name rundir_by_name
#include "evidence/rundir.c"
#undef by_name
#include "evidence/found.c"
#undef cannot
#undef severity_exact
#include "evidence/htmlfind.c"
#define member use_member
#include "evidence/htmluse.c"
#undef member
#include "lib/calls.c"
#define is_line ledger_is_line
#include "evidence/ledger.c"
#include "evidence/htmlledger.c"
#include "evidence/audit.c"
#define put page_put
#define document page_document
#define decision page_decision
#define figure page_figure
#define table_open page_table_open
#define table_close page_table_close
#include "report.c"

/* They have fuzzers and tests of their own. */
int documents_check(struct arena *a, const struct folder *f, const struct json *run, struct why *why)
{
	(void)a, (void)f, (void)run, (void)why;
	return 0;
}

int report_sarif(const struct folder *folder, struct buf *out, struct why *why)
{
	(void)why;
	buf_printf(out, "%s", folder->path);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

#define FILES_MAX 20

/* Names that mean something are found quickly: a digit stands for one. */
static const char *const known[] = {
	"run.json", "usage.json", "verifier_report.json", "gate_report.json", "findings.jsonl",
	"journal/events.jsonl", "inputs/policy.json", "logs/stderr.log", "report.html",
	"ledger.jsonl", "attestation.json", "gate.intoto.json", "gate.sigstore.json",
	CHANGES,
};

static bool next_file(struct arena *a, struct bytes *in, struct folder *f)
{
	const unsigned char *end = memchr(in->p, '\n', in->n < 64 ? in->n : 64);
	struct bytes name = { in->p, 0 }, b;
	const char *text;

	if (end == NULL)
		return false;
	name.n = (size_t)(end - in->p);
	in->n -= name.n + 1;
	in->p = end + 1;
	if (in->n < 2 || memchr(name.p, 0, name.n) != NULL)
		return false;
	b.n = (size_t)in->p[0] << 8 | in->p[1];
	b.p = in->p + 2;
	if (b.n > in->n - 2)
		b.n = in->n - 2;
	in->n -= b.n + 2;
	in->p += b.n + 2;
	text = name.n == 1 && name.p[0] >= '0' && name.p[0] < '0' + COUNT(known) ? known[name.p[0] - '0'] :
	    arena_text(a, name);
	folder_add(a, f, text, b);
	return true;
}

/* The only elements are those we write: no text brings its own. */
static void claim_page(struct bytes page)
{
	static const char *const ours[] = {
		"!DOCTYPE html>", "html ", "head>", "meta ", "style>", "title>", "body>", "header>",
		"main>", "section", "h1>", "h2 ", "h3>", "small>", "p", "span", "div", "dl ", "dt>",
		"dd>", "table", "thead>", "tbody>", "tr>", "th ", "td", "svg ", "rect ", "code>", "pre>",
		"ul ", "li>", "details>", "summary>", "br>", "nav ", "a href=\"#", "figure>", "figcaption>", "dl>",
		"polygon ",
	};

	CLAIM(utf8_valid(page));
	for (size_t i = 0; i < page.n; i++) {
		bool found = page.p[i] != '<' || (i + 1 < page.n && page.p[i + 1] == '/');

		CLAIM(page.p[i] >= 0x20 || page.p[i] == '\n' || page.p[i] == '\t');
		for (size_t k = 0; !found && k < COUNT(ours); k++)
			found = page.n - i - 1 >= strlen(ours[k]) &&
			    memcmp(page.p + i + 1, ours[k], strlen(ours[k])) == 0;
		CLAIM(found);
	}
}

/* An envelope is read back as it was written; one of any bytes is taken in one spelling
 * alone. */
static void attest(struct arena *a, const struct folder *f)
{
	static const unsigned char der[] = { 0x30, 6, 2, 1, 1, 2, 1, 1 };
	struct bytes payload, signature;

	for (size_t i = 0; i < ATTESTATIONS; i++) {
		struct bytes stored = folder_get(f, attestations[i].name);
		struct buf made = { 0 }, envelope = { 0 };

		attestations[i].statement(a, f, &made);
		dsse_write(buf_bytes(&made), (struct bytes){ der, sizeof(der) }, &envelope);
		CLAIM(dsse_read(a, buf_bytes(&envelope), &payload, &signature) && bytes_equal(payload, buf_bytes(&made)));
		envelope.n = 0;
		if (stored.p != NULL && dsse_read(a, stored, &payload, &signature)) {
			dsse_write(payload, signature, &envelope);
			CLAIM(bytes_equal(stored, buf_bytes(&envelope)));
		}
		buf_free(&made);
		buf_free(&envelope);
	}
}

static void judge(struct arena *a, struct folder *f)
{
	struct bytes policy = folder_get(f, "inputs/policy.json");
	struct buf first = { 0 }, again = { 0 };
	struct json j;
	char error[200];
	int d = gate_decide(f, policy, &first);

	CLAIM(d >= 0 && d <= 2 && gate_decision(buf_bytes(&first)) == d);
	CLAIM(json_parse(a, buf_bytes(&first), &j, error) == 0);
	CLAIM(d == 0 || json_size(&j, json_get(&j, 0, "reasons")) > 0);
	f->path = "elsewhere";
	CLAIM(gate_decide(f, policy, &again) == d && bytes_equal(buf_bytes(&first), buf_bytes(&again)));
	buf_free(&first);
	buf_free(&again);
}

static void render(struct folder *f)
{
	struct buf first = { 0 }, again = { 0 };
	struct why why = { 0 };

	if (report_html(f, &first, &why) < 0) {
		CLAIM(why.code == REFUSE_EVIDENCE && folder_get(f, "run.json").p == NULL);
		return;
	}
	claim_page(buf_bytes(&first));
	CLAIM(report_html(f, &again, &why) == 0 && bytes_equal(buf_bytes(&first), buf_bytes(&again)));
	buf_free(&first);
	buf_free(&again);
}

/* As run_check, behind folder_load; the sums are made to fit, or are the input's. */
static void check(struct arena *a, struct folder *f, bool fit)
{
	struct why why = { 0 };
	struct checked c = { .a = a, .folder = f, .why = &why };
	struct buf sums = { 0 };
	unsigned char digest[SHA256_SIZE];
	const char *word, *other;
	bool attested;
	char hex[SHA256_HEX];
	uint64_t events;
	bool good;

	for (size_t i = 0; fit && i < f->files; i++) {
		if (strcmp(f->file[i].name, SUMS) == 0 || attest_name(f->file[i].name))
			continue;
		sha256(f->file[i].bytes, digest);
		hex_encode(hex, digest, sizeof(digest));
		buf_printf(&sums, "%s  %s\n", hex, f->file[i].name);
	}
	if (fit)
		folder_add(a, f, SUMS, buf_bytes(&sums));
	good = folder_verify(f, &why) == 0;
	CLAIM(!fit || good || folder_get(f, "").p != NULL);
	good = good && check_documents(&c) == 0 && check_verifier(&c) == 0 &&
	    check_inputs(&c) == 0 && check_journal(&c, &events) == 0 &&
	    check_findings(&c) == 0 && check_gate(&c, &word) == 0 && check_reports(&c, &other) == 0 && check_attestations(&c, NULL, &attested) == 0;
	CLAIM(good == (why.code == REFUSAL_NONE));
	CLAIM(good || (why.code == REFUSE_EVIDENCE && why.text[0] != '\0'));
	buf_free(&sums);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct folder f = { .path = "folder" };
	struct bytes in = { data, size };
	int files = 0;

	while (files < FILES_MAX && next_file(&a, &in, &f))
		files++;
	attest(&a, &f);
	judge(&a, &f);
	render(&f);
	check(&a, &f, false);
	check(&a, &f, true);
	arena_free(&a);
	return 0;
}
