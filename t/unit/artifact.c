/*
 * artifact.c (test) - broker/artifact.c, broker/stage.c: what artifact.put answers, what it
 * writes into the staging file, and that no secret is in it, wherever the pieces part.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/broker.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %.400s\n", detail);
	failures += !good;
}

#define SECRET "k3y/+<&>\"~\xc3\xa9 9:zZ?=>"
#define LIMIT (64u << 10)

static struct broker_plan plan;
static struct broker b;
static char token[TOKEN_MAX], answer[1u << 21];
static struct arena arena;

static void start(void)
{
	struct token facts;
	const capability_set granted = CAP_BIT(CAP_EMIT_FINDINGS) | CAP_BIT(CAP_STORAGE);

	mint_wipe(&plan.mint);
	if (b.plan) {
		redactor_wipe(&b.redactor);
		redactor_wipe(&b.values);
		close(plan.staging);
		buf_free(&b.answers);
		buf_free(&plan.journal.pending);
	}
	memset(&plan, 0, sizeof(plan));
	plan.limits = (struct limits){ .output = 1u << 20, .findings = 3, .artifacts = LIMIT,
		.broker_line = BROKER_LINE_MAX };
	plan.clock = (struct clock){ true, 1700000000 };
	plan.secret[0] = (struct secret){ "api", BYTES(SECRET) };
	plan.secrets = 1;
	plan.staging = memfd_create("staging", MFD_CLOEXEC);
	journal_start(&plan.journal, -1, &plan.clock);
	mint_start(&plan.mint, "p", "R", granted);
	if (plan.staging < 0 || token_issue(&plan.mint, granted, token, &facts) < 0)
		abort();
	broker_start(&b, &plan);
}

/* params is what stands behind the token. The code of its error, 0: none. */
static int call_bytes(const char *method, struct bytes params)
{
	struct buf line = { 0 };
	const char *code;

	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"token\":\"%s\"", method, token);
	buf_add(&line, params.p, params.n);
	buf_text(&line, "}}");
	b.answers.n = 0;
	request_serve(&b, buf_bytes(&line));
	arena_reset(&b.scratch);
	buf_free(&line);
	snprintf(answer, sizeof(answer), "%.*s", (int)b.answers.n, (char *)b.answers.p);
	code = strstr(answer, "\"error\":{\"code\":");
	return code ? atoi(code + 16) : 0;
}

static int call(const char *method, const char *params)
{
	return call_bytes(method, bytes_of(params));
}

static int piece(const char *name, struct bytes bytes, uint64_t offset, bool more)
{
	struct buf params = { 0 };
	int code;

	buf_printf(&params, ",\"name\":\"%s\",\"offset\":%llu,\"more\":%s,\"base64\":\"", name,
	    (unsigned long long)offset, more ? "true" : "false");
	base64_encode(&params, bytes);
	buf_byte(&params, '"');
	code = call_bytes("artifact.put", buf_bytes(&params));
	buf_free(&params);
	return code;
}

static bool noted(const char *text)
{
	buf_byte(&plan.journal.pending, '\0');
	plan.journal.pending.n--;
	return strstr((char *)plan.journal.pending.p, text) != NULL;
}

/* The bytes of one file in the staging file, by its number; p NULL: it did not end, or its
 * digest is another. */
static struct bytes staged(uint32_t number)
{
	struct bytes all;
	struct handed_record r;
	unsigned char digest[SHA256_SIZE];
	struct buf of = { 0 };
	bool ended = false;

	if (fd_read(&arena, plan.staging, 8u << 20, &all) < 0)
		abort();
	for (size_t at = 0; at < all.n; at += r.n) {
		memcpy(&r, all.p + at, sizeof(r));
		at += sizeof(r);
		if (r.file == number && r.kind == HANDED_DATA)
			buf_add(&of, all.p + at, r.n);
		if (r.file == number && r.kind == HANDED_END) {
			sha256(buf_bytes(&of), digest);
			ended = memcmp(digest, all.p + at, sizeof(digest)) == 0;
		}
	}
	return ended ? (struct bytes){ of.p ? of.p : (unsigned char *)"", of.n } : (struct bytes){ NULL, 0 };
}

/* ---- words ------------------------------------------------------------------------------ */

static void answers(void)
{
	start();
	ok(call("artifact.put", ",\"name\":\"a\",\"text\":\"abc\"") == 0 && strcmp(answer,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"name\":\"a\",\"bytes\":3,\"sha256\":"
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}\n") == 0, "F149: one piece", answer);
	ok(noted("\"type\":\"artifact.put\",\"serial\":1,\"name\":\"a\",\"bytes\":3,\"sha256\":"
	    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"prev\""), "F149: the event", "");
	ok(call("artifact.put", ",\"name\":\"b/c\",\"base64\":\"YQ==\",\"more\":true") == 0 && strcmp(answer,
	    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"name\":\"b/c\",\"offset\":1}}\n") == 0, "one that goes on", answer);
	ok(call("artifact.put", ",\"name\":\"b/c\",\"text\":\"bc\",\"offset\":1") == 0 &&
	    strstr(answer, "\"bytes\":3,\"sha256\":\"ba7816"), "and ends", answer);
	ok(call("artifact.put", ",\"name\":\"e\",\"text\":\"\"") == 0 &&
	    strstr(answer, "\"bytes\":0,\"sha256\":\"e3b0c442"), "an empty one", answer);
	ok(call("artifact.list", "") == 0 && strstr(answer, "\"artifacts\":[{\"name\":\"a\"") &&
	    strstr(answer, "{\"name\":\"b/c\",\"bytes\":3") && strstr(answer, "{\"name\":\"e\"") &&
	    strstr(answer, "],\"more\":false"), "the list", answer);
	ok(call("artifact.list", ",\"after\":\"b/c\"") == 0 && !strstr(answer, "b/c") &&
	    strstr(answer, "[{\"name\":\"e\""), "behind one of them", answer);
	ok(call("artifact.list", ",\"after\":\"x\"") == RPC_PARAMS, "behind none", answer);
	ok(call("artifact.list", ",\"after\":7") == RPC_PARAMS, "behind a number", answer);
	ok(call("artifact.list", ",\"x\":7") == RPC_PARAMS, "a member that nobody knows", answer);
	ok(bytes_are(staged(1), "abc") && bytes_are(staged(2), "abc") && staged(3).n == 0 && staged(3).p, "they are staged", "");
}

static void refusals(void)
{
	static const struct {
		const char *name, *params;
	} wrong[] = {
		{ "nothing", "" },
		{ "no name", ",\"text\":\"x\"" },
		{ "a name that is a number", ",\"name\":1,\"text\":\"x\"" },
		{ "no bytes", ",\"name\":\"a\"" },
		{ "bytes twice", ",\"name\":\"a\",\"text\":\"x\",\"base64\":\"eA==\"" },
		{ "bytes that are a number", ",\"name\":\"a\",\"text\":1" },
		{ "bytes that are null", ",\"name\":\"a\",\"base64\":null" },
		{ "base64 without padding", ",\"name\":\"a\",\"base64\":\"eA\"" },
		{ "base64 with half of it", ",\"name\":\"a\",\"base64\":\"eA=\"" },
		{ "base64 with too much of it", ",\"name\":\"a\",\"base64\":\"eA===\"" },
		{ "base64 with bits behind the end", ",\"name\":\"a\",\"base64\":\"eB==\"" },
		{ "base64 with a blank", ",\"name\":\"a\",\"base64\":\"eA== \"" },
		{ "base64 with a line end", ",\"name\":\"a\",\"base64\":\"eHh4\\neHh4\"" },
		{ "base64 with padding within", ",\"name\":\"a\",\"base64\":\"eA==eA==\"" },
		{ "base64 of the URL alphabet", ",\"name\":\"a\",\"base64\":\"_-__\"" },
		{ "base64 beyond ASCII", ",\"name\":\"a\",\"base64\":\"\xc3\xa9\xc3\xa9\"" },
		{ "an offset that is text", ",\"name\":\"a\",\"text\":\"x\",\"offset\":\"0\"" },
		{ "an offset below 0", ",\"name\":\"a\",\"text\":\"x\",\"offset\":-1" },
		{ "an offset with a fraction", ",\"name\":\"a\",\"text\":\"x\",\"offset\":0.5" },
		{ "an offset of a file that is not open", ",\"name\":\"a\",\"text\":\"x\",\"offset\":1" },
		{ "more that is a number", ",\"name\":\"a\",\"text\":\"x\",\"more\":1" },
		{ "a member that nobody knows", ",\"name\":\"a\",\"text\":\"x\",\"mode\":511" },
		{ "an empty name", ",\"name\":\"\",\"text\":\"x\"" },
		{ "a name out of it", ",\"name\":\"../run.json\",\"text\":\"x\"" },
		{ "an absolute name", ",\"name\":\"/etc/x\",\"text\":\"x\"" },
		{ "a name with a NUL", ",\"name\":\"a\\u0000b\",\"text\":\"x\"" },
		{ "a name with a newline", ",\"name\":\"a\\nb\",\"text\":\"x\"" },
		{ "a name turned round", ",\"name\":\"a\\u202eb\",\"text\":\"x\"" },
		{ "a name with an address", ",\"name\":\"logs/jane.doe@example.org\",\"text\":\"x\"" },
		{ "a name with the secret", ",\"name\":\"k3y%2F%2B%3C%26%3E%22~%C3%A9%209%3AzZ%3F%3D%3E\",\"text\":\"x\"" },
		{ "a name taken", ",\"name\":\"taken\",\"text\":\"x\"" },
		{ "a name that is a file's directory", ",\"name\":\"dir\",\"text\":\"x\"" },
		{ "a name in a file", ",\"name\":\"taken/x\",\"text\":\"x\"" },
		{ "an offset that is not the next one", ",\"name\":\"open\",\"text\":\"x\",\"offset\":2" },
	};
	char name[120];
	size_t files;

	start();
	if (call("artifact.put", ",\"name\":\"taken\",\"text\":\"x\"") || call("artifact.put", ",\"name\":\"dir/x\",\"text\":\"x\"") ||
	    call("artifact.put", ",\"name\":\"open\",\"text\":\"x\",\"more\":true"))
		abort();
	files = b.stage.handed.files;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		snprintf(name, sizeof(name), "F175: refused: %s", wrong[i].name);
		ok(call("artifact.put", wrong[i].params) == RPC_PARAMS && b.stage.handed.files == files &&
		    !strstr(answer, "%2B%3C"), name, answer);
	}
	ok(call("artifact.put", ",\"name\":\"open\",\"text\":\"y\",\"offset\":1") == 0 && bytes_are(staged(3), "xy"),
	    "what was open stays so", answer);
	/* Who sent it may have been killed: it can begin again, under its own name. */
	if (call("artifact.put", ",\"name\":\"twice\",\"text\":\"lost\",\"more\":true"))
		abort();
	ok(call("artifact.put", ",\"name\":\"twice\",\"text\":\"k\",\"more\":true") == 0 &&
	    b.stage.handed.file[files].state == HANDED_DROPPED, "F175: begun again: the first one is dropped", answer);
	ok(call("artifact.put", ",\"name\":\"twice\",\"text\":\"ept\",\"offset\":1") == 0 &&
	    bytes_are(staged((uint32_t)files + 2), "kept"), "F175: and the second one is whole", answer);
}

static void ceilings(void)
{
	char name[40];
	struct bytes half = { arena_get(&arena, LIMIT / 2), LIMIT / 2 };
	int code = 0;

	start();
	for (int i = 0; i < HANDED_OPEN && code == 0; i++) {
		snprintf(name, sizeof(name), ",\"name\":\"%d\",\"text\":\"\",\"more\":true", i);
		code = call("artifact.put", name);
	}
	ok(code == 0 && call("artifact.put", ",\"name\":\"x\",\"text\":\"\",\"more\":true") == RPC_BUDGET,
	    "nine open at once", answer);
	ok(call("artifact.put", ",\"name\":\"1\",\"text\":\"\"") == 0 &&
	    call("artifact.put", ",\"name\":\"x\",\"text\":\"\"") == 0, "one ended makes room", answer);
	ok(piece("0", half, 0, true) == 0 && piece("0", half, LIMIT / 2, true) == 0, "as many bytes as may be", answer);
	ok(call("artifact.put", ",\"name\":\"2\",\"text\":\"x\"") == RPC_BUDGET && strstr(answer, "dropped"),
	    "F121: one more is one too many", answer);
	ok(noted("\"type\":\"artifact.drop\",\"name\":\"2\""), "and told of", "");
	ok(call("artifact.put", ",\"name\":\"0\",\"text\":\"\",\"offset\":65536") == 0 && staged(1).n == LIMIT,
	    "the others are whole", answer);
	stage_finish(&b);
	ok(noted("\"type\":\"artifact.drop\",\"name\":\"7\",\"bytes\":0,\"reason\":\"the plugin did not end it\""),
	    "what was not ended is dropped", "");
	start();
	for (int i = 0; i < HANDED_FILES && code == 0; i++) {
		snprintf(name, sizeof(name), ",\"name\":\"%d\",\"text\":\"\"", i);
		code = call("artifact.put", name);
	}
	ok(code == 0 && call("artifact.put", ",\"name\":\"x\",\"text\":\"\"") == RPC_BUDGET, "1,001 files", answer);
	ok(noted("\"name\":\"999\""), "the last of them has its event", "");
}

/* Long names: an answer is a line, and a line has an end. */
static void long_list(void)
{
	struct buf params = { 0 };
	size_t got = 0, pages = 0;
	const char *more = "";

	start();
	for (int i = 0; i < 300; i++) {
		params.n = 0;
		buf_printf(&params, ",\"text\":\"\",\"name\":\"%03d", i);
		for (int k = 0; k < 900; k++)
			buf_text(&params, k % 225 == 200 ? "/" : "<");
		buf_byte(&params, '"');
		if (call_bytes("artifact.put", buf_bytes(&params)) != 0)
			abort();
	}
	params.n = 0;
	do {
		const char *last = NULL;

		if (call_bytes("artifact.list", buf_bytes(&params)) != 0 || strlen(answer) >= 1u << 20)
			abort();
		for (const char *p = answer; (p = strstr(p, "\"name\":")); p++) {
			last = p + 7;
			got++;
		}
		more = strstr(answer, "\"more\":true");
		params.n = 0;
		if (last)
			buf_printf(&params, ",\"after\":%.*s", (int)(strstr(last, "\",\"bytes\"") - last + 1), last);
		pages++;
	} while (more);
	ok(got == 300 && pages > 1, "a list in several answers", answer);
	buf_free(&params);
}

/* ---- secrets ---------------------------------------------------------------------------------- */

/* The same bytes, parted anywhere, and in single ones. */
static void masked(const char *name, struct bytes text, const char *expected, size_t expected_n, const char *masks)
{
	size_t bad = 0, cut;

	for (cut = 0; cut <= text.n; cut++) {
		start();
		if (piece("x", (struct bytes){ text.p, cut }, 0, true) != 0 ||
		    piece("x", (struct bytes){ text.p + cut, text.n - cut }, cut, false) != 0)
			bad++;
		else
			bad += !bytes_equal(staged(1), (struct bytes){ (const unsigned char *)expected, expected_n });
		bad += !noted(masks);
		arena_reset(&arena);
	}
	start();
	for (cut = 0; cut < text.n; cut++)
		bad += piece("x", (struct bytes){ text.p + cut, 1 }, cut, cut + 1 < text.n) != 0;
	bad += !bytes_equal(staged(1), (struct bytes){ (const unsigned char *)expected, expected_n });
	ok(bad == 0, name, staged(1).n > 0 ? arena_text(&arena, staged(1)) : answer);
	arena_reset(&arena);
}

static void secrets(void)
{
	struct buf text = { 0 }, expected = { 0 };

	start();
	buf_text(&text, "a " SECRET " b 6b33792f2b3c263e227ec3a920393a7a5a3f3d3e c ");
	buf_text(&text, "k3y%2F%2B%3C%26%3E%22~%C3%A9%209%3AzZ%3F%3D%3E d jane@example.org e");
	buf_text(&expected, "a [REDACTED secret] b [REDACTED secret] c [REDACTED secret] d [REDACTED email] e");
	masked("F180: secrets in a text, wherever its pieces part", buf_bytes(&text), (char *)expected.p, expected.n, "\"masked\":4");
	text.n = expected.n = 0;
	buf_add(&text, "\0a " SECRET " b jane@example.org c AKIAIOSFODNN7EXAMPLE", sizeof("\0a " SECRET " b jane@example.org c AKIAIOSFODNN7EXAMPLE") - 1);
	buf_add(&expected, "\0a [REDACTED secret] b jane@example.org c AKIAIOSFODNN7EXAMPLE",
	    sizeof("\0a [REDACTED secret] b jane@example.org c AKIAIOSFODNN7EXAMPLE") - 1);
	masked("F180: of what is no text those of the run are taken, and nothing else", buf_bytes(&text), (char *)expected.p,
	    expected.n, "\"masked\":1");
	buf_free(&text);
	buf_free(&expected);
}

/* A NUL behind the head makes no text of another kind; one in its last byte does. */
static void head(void)
{
	static const char mail[] = "jane@example.org ";
	static unsigned char text[3 * STAGE_HEAD];

	for (size_t at = STAGE_HEAD - 1; at <= STAGE_HEAD; at++) {
		struct bytes got;

		memset(text, ' ', sizeof(text));
		memcpy(text, mail, sizeof(mail) - 1);
		text[at] = 0;
		start();
		got = piece("x", (struct bytes){ text, 100 }, 0, true) == 0 &&
		    piece("x", (struct bytes){ text + 100, sizeof(text) - 100 }, 100, false) == 0 ? staged(1) : (struct bytes){ NULL, 0 };
		ok(got.n > 0 && (memmem(got.p, got.n, "jane@", 5) != NULL) == (at < STAGE_HEAD),
		    at < STAGE_HEAD ? "F180: a NUL in the first 8 KiB: no text" : "F180: behind them: a text", answer);
		arena_reset(&arena);
	}
}

int main(void)
{
	answers();
	refusals();
	ceilings();
	long_list();
	secrets();
	head();
	printf("1..%d\n", tests);
	return failures > 0;
}
