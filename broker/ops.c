/*
 * ops.c - one request line in, at most one answer out. A table says which
 * methods exist and what each needs; nothing is done before the token was
 * checked. Runs in the broker, on hostile bytes.
 */
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"

#define ID_MAX 128           /* bytes of an id, as written */
#define METHOD_MAX 64
#define LOG_MESSAGE_MAX 4096

#define NOTHING (-1)

static op_handler op_token_issue, op_token_revoke, op_task_pull, op_finding_emit, op_log, op_secret_get;

static const struct method {
	const char *name;
	int needs;           /* enum capability, or NOTHING */
	op_handler *run;     /* NULL: not offered by this build */
	bool replays;        /* what it answers is a function of task, grant and token */
} methods[] = {
	{ "token.issue", NOTHING, op_token_issue, true },
	{ "token.revoke", NOTHING, op_token_revoke, true },
	{ "task.pull", NOTHING, op_task_pull, true },
	{ "finding.emit", CAP_EMIT_FINDINGS, op_finding_emit, true },
	{ "log", NOTHING, op_log, true },
	{ "secret.get", CAP_SECRETS_READ, op_secret_get, false },
	{ "artifact.put", CAP_STORAGE, op_artifact_put, true },
	{ "artifact.list", CAP_STORAGE, op_artifact_list, true },
	{ "report.put", CAP_REPORT, NULL },
	{ "flow.next", CAP_HTTP_PASSIVE, NULL },
	{ "flow.get", CAP_FLOW_INSPECT, NULL },
	{ "flow.raw", CAP_FLOW_INSPECT_RAW, NULL },
	{ "http.request", CAP_HTTP_ACTIVE, NULL },
	{ "ws.open", CAP_WS, NULL },
	{ "ws.send", CAP_WS, NULL },
	{ "ws.recv", CAP_WS, NULL },
	{ "ws.close", CAP_WS, NULL },
	{ "spider.crawl", CAP_SPIDER, NULL },
	{ "ai.analyze", CAP_AI_ANALYSIS, NULL },
	{ "fs.list", CAP_WORKSPACE_READ, op_fs_list, false },
	{ "fs.read", CAP_WORKSPACE_READ, op_fs_read, false },
	{ "fs.write", CAP_WORKSPACE_WRITE, op_fs_write, false },
	{ "fs.delete", CAP_WORKSPACE_WRITE, op_fs_delete, false },
	{ "exec.run", NOTHING, NULL },
};

int op_wrong(char error[200], int code, const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	vsnprintf(error, 200, fmt, words);
	va_end(words);
	return code;
}

/* ---- answers ------------------------------------------------------------------ */

static struct json_out answer_open(struct broker *b, const struct request *r)
{
	struct json_out o = json_start(&b->answers, false);
	struct bytes id = json_raw(&r->json, r->id);

	json_open(&o, '{');
	json_member(&o, "jsonrpc", "2.0");
	json_name(&o, "id");
	if (r->id < 0)
		json_null(&o);
	else if (json_kind(&r->json, r->id) == JSON_STRING) /* with its quotes */
		json_verbatim(&o, (struct bytes){ id.p - 1, id.n + 2 });
	else
		json_verbatim(&o, id);
	return o;
}

static void answer_close(struct broker *b, struct json_out *o)
{
	json_close(o, '}');
	buf_byte(&b->answers, '\n');
}

static void answer_error(struct broker *b, const struct request *r, int code, const char *text)
{
	struct json_out o = answer_open(b, r);

	json_name(&o, "error");
	json_open(&o, '{');
	json_member_number(&o, "code", code);
	json_member(&o, "message", text);
	json_close(&o, '}');
	answer_close(b, &o);
}

/* Counted, journalled; too many of them cost the plugin its tokens. */
static void refusal(struct broker *b, enum note kind, int code, uint32_t serial, const char *text)
{
	struct json_out o;

	if (broker_note(b, kind, &o)) {
		json_member_number(&o, "line", (int64_t)b->requests.number);
		json_member_number(&o, "code", code);
		if (serial)
			json_member_number(&o, "serial", serial);
		broker_words(b, &o, "reason", bytes_of(text));
		journal_close(&b->plan->journal, &o);
	}
	if (++b->tally.refused == BROKER_REFUSALS_MAX)
		broker_revoke_all(b, "too many refused requests");
}

void request_refuse(struct broker *b, enum rpc_error code, const char *reason)
{
	static const struct request none = { .id = -1 };

	b->tally.requests++;
	refusal(b, NOTE_REQUEST, code, 0, reason);
	answer_error(b, &none, code, reason);
}

/* ---- the parameters of a method -------------------------------------------------- */

int params_only(const struct request *r, const char *const *names, char error[200])
{
	for (int n = json_first(&r->json, r->params); n >= 0; n = json_next(&r->json, n)) {
		bool known = json_is(&r->json, n, "token");

		for (const char *const *name = names; *name && !known; name++)
			known = json_is(&r->json, n, *name);
		if (!known)
			return op_wrong(error, RPC_PARAMS, "params has a member that this method does not know");
	}
	return 0;
}

int param(const struct request *r, const char *name)
{
	return json_get(&r->json, r->params, name);
}

/* A list of capability names, none twice. */
static int caps_read(struct broker *b, const struct request *r, int list,
    capability_set *caps, char error[200])
{
	*caps = 0;
	if (json_kind(&r->json, list) != JSON_ARRAY)
		return op_wrong(error, RPC_PARAMS, "caps is not a list of capability names");
	for (int v = json_first(&r->json, list); v >= 0; v = json_next(&r->json, v)) {
		int c = capability_find(json_string(&b->scratch, &r->json, v));

		if (c < 0 || (*caps & CAP_BIT(c)))
			return op_wrong(error, RPC_PARAMS, "caps has an unknown name, or one twice");
		*caps |= CAP_BIT(c);
	}
	return 0;
}

/* ---- the methods --------------------------------------------------------------------- */

static int op_token_issue(struct broker *b, struct request *r, struct json_out *result,
    char error[200])
{
	static const char *const names[] = { "caps", NULL };
	struct mint *mint = &b->plan->mint;
	capability_set caps = r->token.caps;
	int list = param(r, "caps"), code = params_only(r, names, error);
	char text[TOKEN_MAX];
	struct token facts;

	if (code == 0 && list >= 0)
		code = caps_read(b, r, list, &caps, error);
	if (code)
		return code;
	if (caps & ~r->token.caps)
		return op_wrong(error, RPC_CAPABILITY, "caps asks for more than this token carries");
	if (token_issue(mint, caps, text, &facts) < 0)
		return op_wrong(error, RPC_BUDGET, "this run has issued as many tokens as it may");
	broker_issued(b, &mint->issued[facts.serial - 1], r->token.serial);
	json_member(result, "token", text);
	broker_caps(result, facts.caps);
	json_member_number(result, "expires_in_ms", (int64_t)mint->ttl_ms);
	wipe(text, sizeof(text));
	return 0;
}

/* Revokes the token presented, or another one that carries no more. */
static int op_token_revoke(struct broker *b, struct request *r, struct json_out *result,
    char error[200])
{
	static const char *const names[] = { "revoke", NULL };
	int other = param(r, "revoke"), code = params_only(r, names, error);
	struct token facts = r->token;
	struct json_out o;

	if (code)
		return code;
	if (other >= 0) {
		enum token_verdict v = token_check(&b->plan->mint,
		    json_string(&b->scratch, &r->json, other), &facts);

		if (v != TOKEN_OK && v != TOKEN_EXPIRED && v != TOKEN_REVOKED)
			return op_wrong(error, RPC_PARAMS, "revoke is not a token of this run");
		if (facts.caps & ~r->token.caps)
			return op_wrong(error, RPC_CAPABILITY, "revoke names a token that carries more than this one");
	}
	token_revoke(&b->plan->mint, facts.serial);
	if (broker_note(b, NOTE_REVOKE, &o)) {
		json_member_number(&o, "serial", facts.serial);
		json_member(&o, "reason", "the plugin asked");
		journal_close(&b->plan->journal, &o);
	}
	json_member_number(result, "revoked", facts.serial);
	return 0;
}

/* A document has line ends between its tokens only: as blanks they mean the same,
 * and an answer is one line. */
static void task_write(struct broker *b, struct json_out *result)
{
	struct bytes task = b->plan->task;
	struct json j;
	char error[200];
	size_t start;

	json_name(result, "task");
	if (json_parse(&b->scratch, task, &j, error) < 0) {
		json_text(result, task);
		return;
	}
	start = b->answers.n;
	json_verbatim(result, task);
	for (size_t i = start; i < b->answers.n; i++)
		if (b->answers.p[i] == '\n' || b->answers.p[i] == '\r')
			b->answers.p[i] = ' ';
}

static int op_task_pull(struct broker *b, struct request *r, struct json_out *result,
    char error[200])
{
	static const char *const names[] = { NULL };
	unsigned char digest[SHA256_SIZE];
	int code = params_only(r, names, error);
	struct json_out o;

	if (code)
		return code;
	json_member(result, "task_id", b->plan->task_id);
	if (b->plan->task.n == 0) {
		json_name(result, "task");
		json_null(result);
	} else {
		sha256(b->plan->task, digest);
		json_member_hex(result, "sha256", digest, sizeof(digest));
		task_write(b, result);
	}
	if (broker_note(b, NOTE_TASK, &o)) {
		json_member_number(&o, "serial", r->token.serial);
		journal_close(&b->plan->journal, &o);
	}
	return 0;
}

static int op_finding_emit(struct broker *b, struct request *r, struct json_out *result,
    char error[200])
{
	static const char *const names[] = { "finding", NULL };
	int finding = param(r, "finding"), code = params_only(r, names, error);
	char id[27];

	if (code)
		return code;
	if (json_kind(&r->json, finding) != JSON_OBJECT)
		return op_wrong(error, RPC_PARAMS, "finding is missing, or is not an object");
	code = broker_finding(b, "broker", b->requests.number, json_raw(&r->json, finding), id, error);
	if (code == 0)
		json_member(result, "id", id);
	return code;
}

static int op_log(struct broker *b, struct request *r, struct json_out *result,
    char error[200])
{
	static const char *const names[] = { "level", "message", NULL };
	static const char *const levels[] = { "info", "debug", "warn", "error" };
	int level = param(r, "level"), code = params_only(r, names, error);
	struct bytes message = json_string(&b->scratch, &r->json, param(r, "message"));
	struct json_out o;
	size_t i = 0;
	bool kept;

	if (code)
		return code;
	if (message.n == 0 || message.n > LOG_MESSAGE_MAX)
		return op_wrong(error, RPC_PARAMS, "message is no string of 1 to %d bytes", LOG_MESSAGE_MAX);
	while (level >= 0 && i < COUNT(levels) && !json_is(&r->json, level, levels[i]))
		i++;
	if (i == COUNT(levels))
		return op_wrong(error, RPC_PARAMS, "level is none of debug, info, warn, error");
	b->log_bytes += message.n;
	if (b->log_bytes > b->plan->limits.output && b->noted[NOTE_LOG] < BROKER_LOGS_MAX)
		b->noted[NOTE_LOG] = BROKER_LOGS_MAX;
	kept = broker_note(b, NOTE_LOG, &o);
	if (kept) {
		json_member(&o, "level", levels[i]);
		broker_words(b, &o, "message", message);
		journal_close(&b->plan->journal, &o);
	}
	json_member_bool(result, "kept", kept);
	return 0;
}

/* Those given are those that the policy names: another is not told from one that does
 * not exist. What was handed out is journalled by its name. */
static int op_secret_get(struct broker *b, struct request *r, struct json_out *result,
    char error[200])
{
	static const char *const names[] = { "name", NULL };
	const struct broker_plan *p = b->plan;
	int name = param(r, "name"), code = params_only(r, names, error);
	const struct secret *s = p->secret;
	struct json_out o;

	if (code)
		return code;
	if (json_kind(&r->json, name) != JSON_STRING)
		return op_wrong(error, RPC_PARAMS, "name is missing, or is no text");
	while (s < p->secret + p->secrets && !json_is(&r->json, name, s->name))
		s++;
	if (s == p->secret + p->secrets)
		return op_wrong(error, RPC_POLICY, "no secret of this name is given to this run");
	json_member(result, "name", s->name);
	json_member_bytes(result, "value", s->value);
	if (broker_note(b, NOTE_SECRET, &o)) {
		json_member_number(&o, "serial", r->token.serial);
		json_member(&o, "name", s->name);
		journal_close(&b->plan->journal, &o);
	}
	return 0;
}

/* ---- a request ----------------------------------------------------------------------------- */

/* A string, a number or null, all of which are sent back as they are written. */
static bool id_good(const struct json *j, int id)
{
	enum json_kind kind = json_kind(j, id);

	return json_raw(j, id).n <= ID_MAX &&
	    (kind == JSON_STRING || kind == JSON_NUMBER || kind == JSON_NULL);
}

/* The envelope: exactly JSON-RPC 2.0. Sets what it found even when it refuses,
 * so that the answer can carry the id. */
static int envelope_read(struct broker *b, struct bytes line, struct request *r, char error[200])
{
	const struct json *j = &r->json;
	char where[200];
	int id;

	if (json_parse(&b->scratch, line, &r->json, where) < 0) {
		broker_hush(b, line, where);
		return op_wrong(error, RPC_PARSE, "the line is no JSON: %.150s", where);
	}
	if (json_kind(j, 0) == JSON_ARRAY)
		return op_wrong(error, RPC_REQUEST, "batches are not offered; send one object a line");
	if (json_kind(j, 0) != JSON_OBJECT)
		return op_wrong(error, RPC_REQUEST, "a request is an object");
	id = json_get(j, 0, "id");
	if (id >= 0 && !id_good(j, id))
		return op_wrong(error, RPC_REQUEST, "id is no string, number or null of at most %d bytes", ID_MAX);
	r->id = id;
	r->method = json_get(j, 0, "method");
	r->params = json_get(j, 0, "params");
	for (int n = json_first(j, 0); n >= 0; n = json_next(j, n))
		if (!json_is(j, n, "jsonrpc") && !json_is(j, n, "id") &&
		    !json_is(j, n, "method") && !json_is(j, n, "params"))
			return op_wrong(error, RPC_REQUEST, "the request has a member that JSON-RPC does not know");
	if (!json_is(j, json_get(j, 0, "jsonrpc"), "2.0"))
		return op_wrong(error, RPC_REQUEST, "jsonrpc is not \"2.0\"");
	if (json_kind(j, r->method) != JSON_STRING || json_raw(j, r->method).n > METHOD_MAX)
		return op_wrong(error, RPC_REQUEST, "method is missing, or is no method's name");
	r->silent = id < 0; /* but what is no request is answered, to id null */
	return 0;
}

static int token_read(struct broker *b, struct request *r, char error[200])
{
	enum token_verdict v;
	int token;

	if (json_kind(&r->json, r->params) != JSON_OBJECT)
		return op_wrong(error, RPC_PARAMS, "params is missing, or is not an object");
	token = param(r, "token");
	if (json_kind(&r->json, token) != JSON_STRING)
		return op_wrong(error, RPC_TOKEN, "params carries no token");
	r->token_text = json_string(&b->scratch, &r->json, token);
	v = token_check(&b->plan->mint, r->token_text, &r->token);
	if (v == TOKEN_EXPIRED)
		broker_expired(b, r->token.serial);
	return v == TOKEN_OK ? 0 : op_wrong(error, RPC_TOKEN, "the token is %s", token_verdict_word(v));
}

/* The method, when this token may call it. */
static int method_find(const struct request *r, const struct method **out, char error[200])
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		const struct method *m = &methods[i];

		if (!json_is(&r->json, r->method, m->name))
			continue;
		if (!m->run)
			return op_wrong(error, RPC_METHOD, "%s is not offered by this build", m->name);
		if (m->needs != NOTHING && !(r->token.caps & CAP_BIT(m->needs)))
			return op_wrong(error, RPC_CAPABILITY, "%s needs %s, which this token does not carry",
			    m->name, capability_name((enum capability)m->needs));
		*out = m;
		return 0;
	}
	return op_wrong(error, RPC_METHOD, "there is no such method");
}

bool capability_offered(enum capability c)
{
	for (size_t i = 0; i < COUNT(methods); i++)
		if (methods[i].needs == (int)c && methods[i].run)
			return true;
	return false;
}

bool method_replays(struct bytes name, capability_set granted)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		const struct method *m = &methods[i];

		if (name.n > 0 && bytes_are(name, m->name))
			return m->replays;
		if (name.n == 0 && m->run && !m->replays && (m->needs == NOTHING || (granted & CAP_BIT(m->needs))))
			return false;
	}
	return name.n == 0;
}

static void use_note(struct broker *b, const struct request *r, const struct method *m)
{
	struct json_out o;

	if (!broker_note(b, NOTE_USE, &o))
		return;
	json_member_number(&o, "serial", r->token.serial);
	json_member(&o, "method", m->name);
	journal_close(&b->plan->journal, &o);
}

static int run(struct broker *b, struct request *r, const struct method *m, char error[200])
{
	size_t start = b->answers.n;
	struct json_out o = answer_open(b, r);
	int code;

	json_name(&o, "result");
	json_open(&o, '{');
	code = m->run(b, r, &o, error);
	if (code) {
		b->answers.n = start; /* half a result is none */
		return code;
	}
	json_close(&o, '}');
	answer_close(b, &o);
	if (r->silent)
		b->answers.n = start;
	return 0;
}

void request_serve(struct broker *b, struct bytes line)
{
	struct request r = { .id = -1, .method = -1, .params = -1 };
	const struct method *m = NULL;
	enum note kind = NOTE_REQUEST;
	char error[200];
	int code;

	if (line.n == 0) /* what a writer sends to be sure that a line begins here */
		return;
	code = envelope_read(b, line, &r, error);
	b->tally.requests++;
	if (code == 0) {
		code = token_read(b, &r, error);
		if (code == RPC_TOKEN)
			kind = NOTE_TOKEN;
	}
	if (code == 0)
		code = method_find(&r, &m, error);
	if (code == 0) {
		use_note(b, &r, m);
		code = run(b, &r, m, error);
	}
	if (code == 0)
		return;
	refusal(b, kind, code, r.token.serial, error);
	if (!r.silent)
		answer_error(b, &r, code, error);
}
