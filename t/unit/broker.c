/*
 * broker.c (test) - the counter without its process: requests in, answers out, what
 * it notes down; lines and streams cut wherever a pipe may cut them. What needs two
 * processes is in t/broker.t.
 */
#include <errno.h>
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
		printf("# %.300s\n", detail);
	failures += !good;
}

#define GRANTED (CAP_BIT(CAP_EMIT_FINDINGS) | CAP_BIT(CAP_STORAGE))

static struct broker_plan plan;
static struct broker b;
static char token[TOKEN_MAX], fresh[TOKEN_MAX];
static char answer[8192], notes[1u << 16]; /* of the last request */
static struct arena arena;

static void start(capability_set granted)
{
	struct token facts;

	mint_wipe(&plan.mint);
	memset(&plan, 0, sizeof(plan));
	plan.limits = (struct limits){ .output = 1u << 20, .findings = 3, .broker_line = BROKER_LINE_MAX };
	plan.clock = (struct clock){ true, 1700000000 };
	plan.finding = (struct finding_context){ .plugin = "p", .run_id = "R", .task_id = "T",
		.plugin_version = "1", .key_id = "", .clock = plan.clock };
	plan.task_id = "T";
	plan.staging = -1;
	plan.grant = (struct grant){ .requested = granted, .granted = granted };
	journal_start(&plan.journal, -1, &plan.clock);
	mint_start(&plan.mint, "p", "R", granted);
	if (token_issue(&plan.mint, granted, token, &facts) < 0)
		abort();
	buf_free(&b.answers);
	buf_free(&b.findings);
	broker_start(&b, &plan);
}

/* The bytes with @ as the token and # as the one taken last. */
static void ask_bytes(const char *p, size_t n)
{
	struct buf line = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '@')
			buf_text(&line, token);
		else if (p[i] == '#')
			buf_text(&line, fresh);
		else
			buf_byte(&line, (unsigned char)p[i]);
	}
	b.answers.n = plan.journal.pending.n = 0;
	request_serve(&b, buf_bytes(&line));
	arena_reset(&b.scratch);
	buf_free(&line);
	snprintf(answer, sizeof(answer), "%.*s", (int)b.answers.n, (char *)b.answers.p);
	snprintf(notes, sizeof(notes), "%.*s", (int)plan.journal.pending.n, (char *)plan.journal.pending.p);
}

static void ask(const char *line)
{
	ask_bytes(line, strlen(line));
}

static void take_token(void)
{
	const char *p = strstr(answer, "\"token\":\"");

	snprintf(fresh, sizeof(fresh), "%.*s", p ? (int)strcspn(p + 9, "\"") : 0, p ? p + 9 : "");
}

#define LOG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"}}"
#define CALL(method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{\"token\":\"@\"" params "}}"
#define CALL_WITH(t, method, params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{\"token\":\"" t "\"" params "}}"
#define FINDING ",\"finding\":{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"}"

static bool failed_with(const char *id, int code)
{
	char expected[300];

	snprintf(expected, sizeof(expected), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"", id, code);
	return strncmp(answer, expected, strlen(expected)) == 0 && strlen(answer) > strlen(expected) + 4 &&
	    strcmp(answer + strlen(answer) - 4, "\"}}\n") == 0;
}

/* ---- the envelope ------------------------------------------------------------------------- */

#define ID64 "0123456789012345678901234567890123456789012345678901234567890123"

static void ids(void)
{
	static const char *const good[] = {
		"1", "0", "-1", "-0", "1.0", "1e3", "-1.5E+10", "9007199254740993", "123456789012345678901234567890",
		"null", "\"\"", "\"a\"", "\"1\"", "\"\\u0041\\n\\\"<&>\"", "\"\xc3\xa9\xe2\x80\xa8\"", "\"" ID64 ID64 "\"",
	};
	static const char *const bad[] = {
		"true", "false", "[]", "[1]", "{}", "{\"a\":1}", "\"" ID64 ID64 "x\"",
	};
	char line[1000], expected[400];

	for (size_t i = 0; i < COUNT(good); i++) {
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"}}", good[i]);
		snprintf(expected, sizeof(expected), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"kept\":true}}\n", good[i]);
		ask(line);
		ok(strcmp(answer, expected) == 0, "F140: an id comes back as it was written", answer);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"}}", bad[i]);
		ask(line);
		ok(failed_with("null", -32600), "F140: what is no id is refused", answer);
	}
}

static void envelopes(void)
{
	static const struct {
		const char *name, *line, *id;
		int code;
	} wrong[] = {
		{ "no JSON", "{", "null", -32700 },
		{ "a word", "hello", "null", -32700 },
		{ "two requests", LOG("1") LOG("2"), "null", -32700 },
		{ "bytes that are no UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "null", -32700 },
		{ "a member twice", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"log\"}", "null", -32700 },
		{ "a lone surrogate", "{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"method\":\"log\"}", "null", -32700 },
		{ "an empty batch", "[]", "null", -32600 },
		{ "a batch", "[" LOG("1") "]", "null", -32600 },
		{ "null", "null", "null", -32600 },
		{ "a number", "42", "null", -32600 },
		{ "an empty object", "{}", "null", -32600 },
		{ "no method", "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"params\":{}}", "\"x\"", -32600 },
		{ "a method that is a number", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1,\"params\":{}}", "1", -32600 },
		{ "a method of 65 bytes", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" ID64 "x\",\"params\":{}}", "1", -32600 },
		{ "no id and no method", "{\"jsonrpc\":\"2.0\",\"params\":{}}", "null", -32600 },
		{ "no version", "{\"id\":1,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"}}", "1", -32600 },
		{ "version 1.0", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"}}", "1", -32600 },
		{ "version as a number", "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"}}", "1", -32600 },
		{ "a member nobody knows", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"m\"},\"x\":1}", "1", -32600 },
		{ "no params", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\"}", "1", -32602 },
		{ "params by position", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":[\"@\"]}", "1", -32602 },
		{ "a member of params nobody knows", CALL("log", ",\"message\":\"m\",\"x\":1"), "1", -32602 },
		{ "a method that is none", CALL("no.such", ""), "1", -32601 },
		{ "a method of another case", CALL("Log", ",\"message\":\"m\""), "1", -32601 },
		{ "a method with a NUL behind", CALL("log\\u0000", ",\"message\":\"m\""), "1", -32601 },
		{ "a method of a later version", CALL("report.put", ""), "1", -32601 },
		{ "no token", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":{\"message\":\"m\"}}", "1", -32002 },
		{ "a token that is a number", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":{\"token\":7,\"message\":\"m\"}}", "1", -32002 },
		{ "an empty token", CALL_WITH("", "log", ",\"message\":\"m\""), "1", -32002 },
		{ "a token that is none", CALL_WITH("x.y", "log", ",\"message\":\"m\""), "1", -32002 },
		{ "a token with a blank behind", CALL_WITH("@ ", "log", ",\"message\":\"m\""), "1", -32002 },
		{ "no token, and no such method", CALL_WITH("x", "no.such", ""), "1", -32002 },
	};
	char name[120];

	for (size_t i = 0; i < COUNT(wrong); i++) {
		uint64_t requests = b.tally.requests, refused = b.tally.refused;

		ask(wrong[i].line);
		snprintf(name, sizeof(name), "F140: %s: %d", wrong[i].name, wrong[i].code);
		ok(failed_with(wrong[i].id, wrong[i].code) && b.tally.requests == requests + 1 &&
		    b.tally.refused == refused + 1, name, answer);
		snprintf(name, sizeof(name), "F127: %s: noted", wrong[i].name);
		ok(strstr(notes, wrong[i].code == -32002 ? "\"type\":\"token.refuse\"" : "\"type\":\"request.refuse\"") &&
		    !strstr(notes, token), name, notes);
	}
	ask_bytes("{\"jsonrpc\":\"2.0\",\"id\":1\0}", 25);
	ok(failed_with("null", -32700), "F140: a NUL in it: -32700", answer);
	ask_bytes("", 0);
	ok(*answer == '\0' && *notes == '\0', "F140: an empty line is no request", answer);
	ask(" " LOG("1") "\r");
	ok(strstr(answer, "\"result\""), "F140: blanks around a request", answer);
	ask("{\"params\":{\"message\":\"\\u006d\",\"to\\u006ben\":\"@\"},\"method\":\"lo\\u0067\",\"id\":1,\"jsonrpc\":\"\\u0032.0\"}");
	ok(strstr(answer, "\"result\""), "F140: members in any order, words in escapes", answer);
}

static void notifications(void)
{
	uint64_t before = b.tally.findings;

	ask("{\"jsonrpc\":\"2.0\",\"method\":\"finding.emit\",\"params\":{\"token\":\"@\"" FINDING "}}");
	ok(*answer == '\0' && b.tally.findings == before + 1, "F140: a notification is served in silence", answer);
	ask("{\"jsonrpc\":\"2.0\",\"method\":\"no.such\",\"params\":{\"token\":\"@\"}}");
	ok(*answer == '\0' && strstr(notes, "request.refuse"), "F140: and refused in silence, but noted", answer);
	ask("{\"jsonrpc\":\"2.0\",\"method\":\"log\",\"params\":{\"token\":\"x\",\"message\":\"m\"}}");
	ok(*answer == '\0' && strstr(notes, "token.refuse"), "F140: its token is checked as well", answer);
}

/* ---- tokens ----------------------------------------------------------------------------------- */

static void tokens(void)
{
	char again[TOKEN_MAX];

	start(GRANTED);
	ask(CALL("token.issue", ""));
	take_token();
	ok(*fresh && strcmp(fresh, token) != 0 && strstr(answer, "\"caps\":[\"CAP_EMIT_FINDINGS\",\"CAP_STORAGE\"],\"expires_in_ms\":60000}}\n"),
	    "F124: a new token, with what the old one carries, for a minute", answer);
	ok(strstr(notes, "\"type\":\"token.issue\"") && strstr(notes, "\"serial\":2") && strstr(notes, "\"by\":1") &&
	    strstr(notes, "\"type\":\"token.use\"") && !strstr(notes, fresh) && !strstr(notes, token),
	    "F127: issue and use are noted, the tokens are not", notes);
	ask(CALL_WITH("#", "log", ",\"message\":\"m\""));
	ok(strstr(answer, "\"result\""), "F124: it is good", answer);

	ask(CALL("token.issue", ",\"caps\":[\"CAP_STORAGE\"]"));
	take_token();
	ask(CALL_WITH("#", "finding.emit", FINDING));
	ok(failed_with("1", -32001), "F126: a lesser token cannot do what it lacks", answer);
	ask(CALL_WITH("#", "token.issue", ",\"caps\":[\"CAP_EMIT_FINDINGS\"]"));
	ok(failed_with("1", -32001), "F126: nor get it back", answer);
	ask(CALL_WITH("#", "token.issue", ""));
	ok(strstr(answer, "\"caps\":[\"CAP_STORAGE\"]"), "F126: renewed, it stays as small", answer);
	ask(CALL("token.issue", ",\"caps\":[]"));
	ok(strstr(answer, "\"caps\":[]"), "F126: a token that may do nothing", answer);
	ask(CALL("token.issue", ",\"caps\":[\"CAP_HTTP_ACTIVE\"]"));
	ok(failed_with("1", -32001), "F126: what was never granted", answer);
	ask(CALL("token.issue", ",\"caps\":[\"CAP_ROOT\"]"));
	ok(failed_with("1", -32602), "F126: a capability that is none", answer);
	ask(CALL("token.issue", ",\"caps\":[\"CAP_STORAGE\",\"CAP_STORAGE\"]"));
	ok(failed_with("1", -32602), "F126: one twice", answer);
	ask(CALL("token.issue", ",\"caps\":\"CAP_STORAGE\""));
	ok(failed_with("1", -32602), "F126: caps that is no list", answer);

	ask(CALL_WITH("#", "token.revoke", ",\"revoke\":\"@\""));
	ok(failed_with("1", -32001), "F125: a lesser token revokes no greater one", answer);
	ask(CALL("token.revoke", ",\"revoke\":\"#\""));
	ok(strcmp(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"revoked\":3}}\n") == 0 && strstr(notes, "\"type\":\"token.revoke\""),
	    "F125: but the other way round", answer);
	ask(CALL_WITH("#", "log", ",\"message\":\"m\""));
	ok(failed_with("1", -32002) && strstr(answer, "revoked"), "F125: that one is worth nothing now", answer);
	snprintf(again, sizeof(again), "%s", fresh);
	ask(CALL("token.revoke", ",\"revoke\":\"#\""));
	ok(strstr(answer, "\"revoked\":3"), "F125: revoked twice is revoked", answer);
	ask(CALL("token.revoke", ",\"revoke\":\"x.y\""));
	ok(failed_with("1", -32602), "F125: what is no token cannot be revoked", answer);
	ask(CALL("token.revoke", ",\"revoke\":7"));
	ok(failed_with("1", -32602), "F125: nor a number", answer);
	ask(CALL("token.revoke", ""));
	ask(LOG("1"));
	ok(failed_with("1", -32002), "F125: a token may revoke itself", answer);
}

static void expiry(void)
{
	start(GRANTED);
	plan.mint.ttl_ms = 0;
	ask(CALL("token.issue", ""));
	take_token();
	ask(CALL_WITH("#", "log", ",\"message\":\"m\""));
	ok(failed_with("1", -32002) && strstr(answer, "expired"), "F124: an expired token: -32002", answer);
	ok(strstr(notes, "\"type\":\"token.expire\"") && strstr(notes, "\"serial\":2"), "F127: its expiry is noted", notes);
	ask(CALL_WITH("#", "token.issue", ""));
	ok(failed_with("1", -32002) && !strstr(notes, "token.expire"), "F124: it cannot renew itself, and expires once", answer);
	ask(CALL("token.revoke", ",\"revoke\":\"#\""));
	ok(strstr(answer, "\"revoked\":2"), "F125: it can still be revoked", answer);
	ask(LOG("1"));
	ok(strstr(answer, "\"result\""), "F124: the first one is as good as before", answer);
}

static void token_budget(void)
{
	int made = 1;

	start(GRANTED);
	while (made < 3000 && (ask(CALL("token.issue", "")), strstr(answer, "\"result\"")))
		made++;
	ok(made == TOKEN_LIVE && failed_with("1", -32004), "F123: the 1025th token: -32004", answer);
	ask(LOG("1"));
	ok(strstr(answer, "\"result\""), "F123: the ones there are stay good", answer);
}

static void too_many_refusals(void)
{
	start(GRANTED);
	for (int i = 0; i < BROKER_REFUSALS_MAX - 1; i++)
		ask("{");
	ask(LOG("1"));
	ok(strstr(answer, "\"result\""), "F125: 999 refusals are borne", answer);
	ask("{");
	ok(strstr(notes, "\"type\":\"token.revoke\"") && strstr(notes, "\"tokens\":\"all\""), "F125: the 1000th revokes all tokens", notes);
	ask(LOG("1"));
	ok(failed_with("1", -32002), "F125: they are worth nothing", answer);
	ask(CALL("token.issue", ""));
	ok(failed_with("1", -32002), "F125: and give no other", answer);
	ok(b.tally.refused == 1002, "F127: all are counted", "");
}

/* ---- findings, log, task -------------------------------------------------------------------------- */

static void findings(void)
{
	char line[2000];

	start(GRANTED);
	ask(CALL("finding.emit", FINDING));
	ok(strncmp(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"id\":\"01HF7YAT00", 50) == 0 && b.tally.findings == 1 &&
	    b.tally.by_severity[SEV_LOW] == 1, "F146: taken, its id told", answer);
	ok(memmem(b.findings.p, b.findings.n, answer + 40, 26), "F146: the id it is written with", answer);
	ask(CALL("finding.emit", ""));
	ok(failed_with("1", -32602), "F146: none given", answer);
	ask(CALL("finding.emit", ",\"finding\":\"x\""));
	ok(failed_with("1", -32602), "F146: a text", answer);
	ask(CALL("finding.emit", ",\"finding\":{}"));
	ok(failed_with("1", -32602) && b.tally.rejected == 1 && strstr(notes, "\"type\":\"finding.reject\""), "F146: rejected, counted, noted", answer);
	snprintf(line, sizeof(line), CALL("finding.emit", ",\"finding\":{\"type\":\"t\",\"message\":\"I am %s!\",\"severity\":\"low\",\"evidence\":\"%s\"}"), "@", "@");
	ask(line);
	ok(strstr(answer, "\"result\"") && !memmem(b.findings.p, b.findings.n, token, strlen(token)) &&
	    memmem(b.findings.p, b.findings.n, "I am [REDACTED token]!", 22), "F133: a token in a finding is masked", (char *)b.findings.p);
	snprintf(line, sizeof(line), CALL("finding.emit", ",\"finding\":{\"type\":\"t\",\"message\":\"\\u0065%s\",\"severity\":\"low\"}"), token + 1);
	ask(line);
	ok(strstr(answer, "\"result\"") && !memmem(b.findings.p, b.findings.n, token, strlen(token)) &&
	    memmem(b.findings.p, b.findings.n, "\"message\":\"[REDACTED token]\"", 28) &&
	    memmem(b.findings.p, b.findings.n, "\"oxg.redacted\":\"1\"", 18), "F133: hidden in escapes as well, and counted", (char *)b.findings.p);
	start(GRANTED);
	ask(CALL("finding.emit", FINDING));
	ask(CALL("finding.emit", FINDING));
	ask(CALL("finding.emit", FINDING));
	ok(strstr(answer, "\"result\""), "F160: the third and last", answer);
	ask(CALL("finding.emit", FINDING));
	ok(failed_with("1", -32004), "F160: one more than the limit: -32004", answer);
	start(CAP_BIT(CAP_STORAGE));
	ask(CALL("finding.emit", FINDING));
	ok(failed_with("1", -32001) && b.findings.n == 0, "F112: without the capability: -32001", answer);
}

static void logs(void)
{
	struct buf line = { 0 };

	start(GRANTED);
	ask(CALL("log", ",\"level\":\"error\",\"message\":\"a \\u0001 <b> @\""));
	ok(strstr(notes, "\"level\":\"error\",\"message\":\"a \\u0001 \\u003cb\\u003e [REDACTED token]\""), "F138: a log line, escaped and masked", notes);
	ask(CALL("log", ",\"message\":\"m\""));
	ok(strstr(notes, "\"level\":\"info\""), "F138: info by default", notes);
	ask(CALL("log", ",\"message\":\"m\",\"level\":\"fatal\""));
	ok(failed_with("1", -32602), "F138: a level that is none", answer);
	ask(CALL("log", ",\"message\":\"\""));
	ok(failed_with("1", -32602), "F138: an empty message", answer);
	ask(CALL("log", ",\"message\":7"));
	ok(failed_with("1", -32602), "F138: a number", answer);
	for (int n = 4096; n <= 4097; n++) {
		line.n = 0;
		buf_text(&line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":{\"token\":\"@\",\"message\":\"");
		for (int i = 0; i < n; i++)
			buf_byte(&line, 'x');
		buf_text(&line, "\"}}");
		ask_bytes((char *)line.p, line.n);
		ok(n == 4096 ? strstr(answer, "\"kept\":true") != NULL : failed_with("1", -32602), "F083: a message of 4096 bytes, and one more", answer);
	}
	plan.limits.output = b.log_bytes;
	ask(CALL("log", ",\"message\":\"m\""));
	ok(strstr(answer, "\"kept\":false") && !strstr(notes, "\"type\":\"log\""), "F083: more than the limit is answered, and not kept", answer);
	buf_free(&line);
}

static void task(void)
{
	start(GRANTED);
	ask(CALL("task.pull", ""));
	ok(strcmp(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"task_id\":\"T\",\"task\":null}}\n") == 0, "F131: no task", answer);
	plan.task = BYTES("{\n\t\"a\" : [1,\r\n2], \"s\":\"x\\ny\"\n}\n");
	ask(CALL("task.pull", ""));
	ok(strstr(answer, "\"task\":{ \t\"a\" : [1,  2], \"s\":\"x\\ny\" } }}\n") && strchr(answer, '\n') == answer + strlen(answer) - 1 &&
	    strstr(answer, "\"sha256\":\"3126c6afa3fa2cd77369dd0ad49c0306ef9e378e262f881339df8f98d4cd2e4b"), "F131: a task, on one line, with its digest", answer);
	ask(CALL("task.pull", ",\"x\":1"));
	ok(failed_with("1", -32602), "F131: no members but token", answer);
}

/* ---- lines -------------------------------------------------------------------------------------------- */

/* What comes out of a text in two pieces: kinds and lengths. */
static void lines_of(struct bytes text, size_t cut, struct buf *seen)
{
	struct lines l = { .max = 5 };
	struct bytes part[] = { { text.p, cut }, { text.p + cut, text.n - cut } }, line;
	enum line_kind kind;

	seen->n = 0;
	for (int i = 0; i < 2; i++) {
		lines_add(&l, part[i]);
		while ((kind = lines_take(&l, &line)) != LINE_NONE) {
			buf_printf(seen, "%d%s ", (int)l.number, kind == LINE_LONG ? "!" : "");
			if (kind == LINE_WHOLE)
				buf_printf(seen, "<%.*s>", (int)line.n, (const char *)line.p);
		}
	}
	buf_text(seen, lines_half(&l) ? "half" : "whole");
	buf_byte(seen, '\0');
	buf_free(&l.held);
}

static void lines(void)
{
	static const struct {
		const char *text, *expected;
	} texts[] = {
		{ "", "whole" },
		{ "\n", "1 <>whole" },
		{ "a\nbb\n", "1 <a>2 <bb>whole" },
		{ "12345\n", "1 <12345>whole" },
		{ "123456\n", "1! whole" },
		{ "123456", "1! whole" },
		{ "12345", "half" },
		{ "a\n123456789012345678901234567890\nb\n", "1 <a>2! 3 <b>whole" },
		{ "123456\n123456\n\n1\nx", "1! 2! 3 <>4 <1>half" },
		{ "a\r\nb", "1 <a\r>half" },
	};
	struct buf seen = { 0 };
	size_t bad = 0;

	for (size_t i = 0; i < COUNT(texts); i++)
		for (size_t cut = 0; cut <= strlen(texts[i].text); cut++) {
			lines_of(bytes_of(texts[i].text), cut, &seen);
			if (strcmp((char *)seen.p, texts[i].expected) != 0 && bad++ == 0)
				printf("# %s: %s\n", texts[i].expected, (char *)seen.p);
		}
	ok(bad == 0, "F083: lines are the same wherever they are cut; a long one is told once", "");
	buf_free(&seen);
}

static void endless_line(void)
{
	static unsigned char block[1u << 20];
	struct lines l = { .max = 1u << 20 };
	struct bytes line;
	size_t told = 0, most = 0;

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 64; i++) {
		lines_add(&l, (struct bytes){ block, sizeof(block) });
		while (lines_take(&l, &line) != LINE_NONE)
			told++;
		if (l.held.cap > most)
			most = l.held.cap;
	}
	ok(told == 1 && most <= 4u << 20, "F083: 64 MiB without a line end are told once and not kept", "");
	buf_free(&l.held);
}

/* ---- streams ------------------------------------------------------------------------------------------------ */

static int memory_file(void)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	return fd;
}

/* The text through a pipe in two writes; what stands in the file then. */
static struct bytes streamed(struct stream *s, struct bytes text, size_t cut)
{
	struct bytes part[] = { { text.p, cut }, { text.p + cut, text.n - cut } }, got;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	s->in = ends[0];
	s->file = memory_file();
	for (int i = 0; i < 2; i++) {
		struct bytes piece = part[i];

		while (piece.n > 0) {
			size_t n = piece.n < 60000 ? piece.n : 60000;

			if (write(ends[1], piece.p, n) != (ssize_t)n)
				abort();
			while (stream_read(s, broker_redactor(&b), &got) == STREAM_DATA)
				;
			piece.p += n;
			piece.n -= n;
		}
	}
	close(ends[1]);
	if (stream_read(s, broker_redactor(&b), &got) != STREAM_END || s->in != -1)
		abort();
	if (fd_read(&arena, s->file, 64u << 20, &got) < 0)
		abort();
	close(s->file);
	buf_free(&s->held);
	return got;
}

static void streams(void)
{
	struct buf text = { 0 }, expected = { 0 };
	size_t bad = 0;

	start(GRANTED);
	buf_printf(&text, "one %s two%s\n%.20s", token, token, token);
	buf_printf(&expected, "one [REDACTED token] two[REDACTED token]\n%.20s", token);
	for (size_t cut = 0; cut <= text.n; cut++) {
		struct stream s = { .limit = 1u << 20, .name = "stdout" };
		struct bytes got = streamed(&s, buf_bytes(&text), cut);

		bad += !bytes_equal(got, buf_bytes(&expected)) || s.tally.seen != text.n ||
		    s.tally.kept != expected.n || s.truncated;
		arena_reset(&arena);
	}
	ok(bad == 0, "F133: a token printed in two writes is masked, wherever they part", "");
	bad = 0;
	for (uint64_t limit = 0; limit <= expected.n; limit++) {
		struct stream s = { .limit = limit, .name = "stdout" };
		struct bytes got = streamed(&s, buf_bytes(&text), 7);

		bad += got.n != limit || memcmp(got.p, expected.p, got.n) != 0 || s.tally.seen != text.n ||
		    s.tally.kept != limit || s.truncated != (limit < expected.n);
		arena_reset(&arena);
	}
	ok(bad == 0, "F083: kept to the byte of the limit, counted beyond, never more of a token", "");
	buf_free(&text);
	buf_free(&expected);
}

static void big_stream(void)
{
	struct stream s = { .limit = 1u << 20, .name = "stdout" };
	struct buf text = { 0 };
	struct bytes got;

	while (text.n < 9u << 20)
		buf_text(&text, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n");
	got = streamed(&s, buf_bytes(&text), 12345);
	ok(got.n == 1u << 20 && memcmp(got.p, text.p, got.n) == 0 && s.tally.seen == text.n && s.truncated,
	    "F083: 9 MiB: one is kept, all are counted", "");
	buf_free(&text);
}

static void full_disk(void)
{
	struct stream s = { .limit = 1u << 20, .name = "stdout" };
	struct bytes got;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 || write(ends[1], "x\n", 2) != 2)
		abort();
	s.in = ends[0];
	s.file = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ok(stream_read(&s, broker_redactor(&b), &got) == STREAM_LOST && errno == ENOSPC, "F140: a log that cannot be written is lost, not dropped", "");
	close(ends[1]);
}

int main(void)
{
	start(GRANTED);
	ids();
	envelopes();
	start(GRANTED);
	notifications();
	tokens();
	expiry();
	token_budget();
	too_many_refusals();
	findings();
	logs();
	task();
	lines();
	endless_line();
	streams();
	big_stream();
	full_disk();
	printf("1..%d\n", tests);
	return failures > 0;
}
