/*
 * request.c (fuzzer) - what a plugin may write to the broker, in pieces: every answer
 * is one of JSON-RPC 2.0, what is written down is whole, and no token is in it.
 *
 * The first byte says how the rest is cut; "@" stands for the run's token.
 */
#include <stdint.h>
#include <sys/types.h>

/* The same token every time. */
static ssize_t no_random(void *p, size_t n, unsigned flags)
{
	(void)flags;
	return (ssize_t)(__builtin_memset(p, 7, n), n);
}

#include <sys/random.h>
#define getrandom no_random
#define say util_say
#include "lib/util.c"
#undef say
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/wire.c"
#include "lib/words.c"
#define fail json_fail
#include "lib/flat.c"
#include "lib/json.c"
#undef fail
#define member json_member_name
#include "lib/jsonout.c"
#include "lib/lines.c"
#undef member
#include "lib/redact.c"
#include "tokens.c"
#define bad finding_bad
#include "evidence/findings.c"
#undef bad
#include "evidence/journal.c"
#include "broker/stream.c"
#define entry confine_entry
#include "lib/confine.c"
#undef entry
#include "broker/rights.c"
#include "lib/calls.c"
#define line_write ledger_line_write
#include "broker/ledger.c"
#undef line_write
#include "broker/broker.c"
#define open html_open
#define unseen html_unseen
#include "evidence/html.c"
#undef open
#undef unseen
#include "evidence/handed.c"
#define settle stage_settle
#define slot stage_slot
#include "broker/stage.c"
#undef settle
#undef slot
#include "broker/artifact.c"
#define entry project_entry
#define figure project_figure
#include "broker/project.c"
#undef entry
#undef figure
#define caps_read ops_caps_read
#include "broker/ops.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

static struct broker_plan plan;
static struct broker b;

static void begin(char token[TOKEN_MAX])
{
	struct token facts;

	if (plan.findings_file == 0)
		plan.findings_file = open("/dev/null", O_WRONLY | O_CLOEXEC);
	plan.staging = plan.findings_file;
	plan.answers = plan.requests = plan.out = plan.err = plan.control = -1;
	plan.limits = (struct limits){ .output = 1u << 16, .findings = 50, .artifacts = 1u << 12, .broker_line = 1u << 12 };
	plan.clock = (struct clock){ true, 1700000000 };
	plan.finding = (struct finding_context){ .plugin = "p", .run_id = "R", .task_id = "T",
		.plugin_version = "1", .key_id = "", .clock = plan.clock };
	plan.task_id = "T";
	plan.task = BYTES("{\"n\":\n1}\n");
	plan.grant.granted = CAP_BIT(CAP_EMIT_FINDINGS) | CAP_BIT(CAP_STORAGE);
	journal_start(&plan.journal, -1, &plan.clock);
	mint_start(&plan.mint, "p", "R", plan.grant.granted);
	plan.mint.ttl_ms = UINT64_C(1) << 50;
	CLAIM(token_issue(&plan.mint, plan.grant.granted, token, &facts) == 0);
	broker_start(&b, &plan);
}

static void end(void)
{
	arena_free(&b.scratch);
	buf_free(&b.answers);
	buf_free(&b.findings);
	buf_free(&b.masked);
	redactor_wipe(&b.redactor);
	redactor_wipe(&b.values);
	for (size_t i = 0; i < COUNT(b.stage.open); i++)
		buf_free(&b.stage.open[i].held);
	buf_free(&b.stage.record);
	arena_free(&b.stage.handed.paths);
	buf_free(&b.requests.held);
	buf_free(&plan.journal.pending);
	mint_wipe(&plan.mint);
}

/* ---- what must hold ------------------------------------------------------------------- */

static bool next_line(struct bytes *rest, struct bytes *line)
{
	const unsigned char *newline;

	if (rest->n == 0)
		return false;
	newline = memchr(rest->p, '\n', rest->n);
	CLAIM(newline);
	*line = (struct bytes){ rest->p, (size_t)(newline - rest->p) };
	rest->p += line->n + 1;
	rest->n -= line->n + 1;
	return true;
}

static void claim_answers(struct arena *a)
{
	struct bytes rest = buf_bytes(&b.answers), line;
	uint64_t answers = 0, errors = 0;
	struct json j;
	char error[200];
	int64_t code;

	while (next_line(&rest, &line)) {
		int failed;

		CLAIM(json_parse(a, line, &j, error) == 0 && json_kind(&j, 0) == JSON_OBJECT);
		CLAIM(json_size(&j, 0) == 3 && json_is(&j, json_get(&j, 0, "jsonrpc"), "2.0"));
		CLAIM(json_get(&j, 0, "id") >= 0);
		failed = json_get(&j, 0, "error");
		CLAIM((json_kind(&j, json_get(&j, 0, "result")) == JSON_OBJECT) != (failed >= 0));
		if (failed >= 0) {
			CLAIM(json_integer(&j, json_get(&j, failed, "code"), &code) && code < 0);
			CLAIM(json_string(a, &j, json_get(&j, failed, "message")).n > 0);
			errors++;
		}
		answers++;
		arena_reset(a);
	}
	CLAIM(answers <= b.tally.requests && errors <= b.tally.refused && b.tally.refused <= b.tally.requests);
}

static void claim_findings(struct arena *a)
{
	struct bytes rest = buf_bytes(&b.findings), line;
	uint64_t found = 0, sum = 0;
	struct json j;
	char error[200];

	while (next_line(&rest, &line)) {
		CLAIM(json_parse(a, line, &j, error) == 0 && json_is(&j, json_get(&j, 0, "plugin"), "p"));
		found++;
		arena_reset(a);
	}
	for (int s = 0; s < SEV_COUNT; s++)
		sum += b.tally.by_severity[s];
	CLAIM(sum == b.tally.findings && b.tally.findings <= plan.limits.findings);
	CLAIM(b.findings_bytes >= b.findings.n && found <= b.tally.findings);
}

static void claim_journal(void)
{
	unsigned char head[SHA256_SIZE];
	struct why why = { 0 };
	uint64_t events;

	CLAIM(journal_verify(buf_bytes(&plan.journal.pending), &events, head, &why) == 0);
	CLAIM(events == plan.journal.seq && memcmp(head, plan.journal.head, sizeof(head)) == 0);
}

static void claim_stage(void)
{
	const struct handed *h = &b.stage.handed;
	uint64_t bytes = 0;

	CLAIM(h->files <= HANDED_FILES && h->directories <= HANDED_DIRECTORIES);
	for (size_t i = 0; i < h->files; i++) {
		CLAIM(handed_path(bytes_of(h->file[i].path)) == NULL);
		CLAIM((stage_open(&b, &h->file[i]) != NULL) == (h->file[i].state == HANDED_IS_OPEN));
		bytes += h->file[i].bytes;
	}
	CLAIM(bytes == b.stage.bytes && bytes <= plan.limits.artifacts);
}

static void claim_secrecy(void)
{
	const struct buf *const kept[] = { &b.findings, &plan.journal.pending };

	for (size_t i = 0; i < COUNT(kept); i++)
		for (uint32_t t = 0; t < plan.mint.serial; t++)
			CLAIM(kept[i]->n == 0 || !memmem(kept[i]->p, kept[i]->n, plan.mint.issued[t].text, strlen(plan.mint.issued[t].text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char token[TOKEN_MAX];
	struct arena a = { 0 };
	struct buf in = { 0 };
	size_t piece = size > 0 && data[0] ? data[0] : SIZE_MAX, at;

	begin(token);
	for (at = 1; at < size; at++) {
		if (data[at] == '@')
			buf_text(&in, token);
		else
			buf_byte(&in, data[at]);
	}
	for (at = 0; at < in.n; at += piece < in.n - at ? piece : in.n - at) {
		lines_add(&b.requests, (struct bytes){ in.p + at, piece < in.n - at ? piece : in.n - at });
		CLAIM(!requests_lines(&b));
	}
	CLAIM(b.requests.held.n <= in.n);
	claim_answers(&a);
	claim_findings(&a);
	claim_stage();
	claim_journal();
	claim_secrecy();
	end();
	buf_free(&in);
	arena_free(&a);
	return 0;
}
