/*
 * broker.c - the counter's life: drop every right, then read what the plugin
 * writes until it is dead, record it, and hand the journal back. Runs in a
 * process of its own that holds no key but this run's token key.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/broker.h"

#define ANSWERS_MAX (1u << 20)        /* queued; then no request is read */
#define PENDING_MAX (64u << 10)       /* evidence not written yet */
#define NOTES_MAX 1000                /* journal lines of one kind */
#define NEWS_NS 100000000u            /* between two counts for the live line */

#define FINDINGS_BYTES (256u << 20)   /* of findings.jsonl, whatever the count allows */
#define WORDS_MAX 8192                /* bytes of the plugin's in one journal member */
#define ID_AT (sizeof("{\"version\":\"0.2\",\"id\":\"") - 1)

/* ---- words to the watch -------------------------------------------------------------- */

static void say(struct broker *b, enum broker_word word, int error, const char *detail)
{
	struct broker_message m;

	memset(&m, 0, sizeof(m));
	m.word = word;
	m.error = (uint32_t)error;
	snprintf(m.detail, sizeof(m.detail), "%s", detail);
	b->tally.out = b->out.tally;
	b->tally.err = b->err.tally;
	b->tally.events = b->plan->journal.seq;
	memcpy(b->tally.journal_head, b->plan->journal.head, SHA256_SIZE);
	m.tally = b->tally;
	if (wire_send(b->plan->control, &m, sizeof(m)) < 0)
		_exit(1); /* nobody is left to tell */
}

void broker_lost(struct broker *b, const char *file, int error)
{
	char detail[160];

	snprintf(detail, sizeof(detail), "cannot write %s: %s", file, strerror(error));
	say(b, BROKER_KILL, error, detail);
	say(b, BROKER_END, error, detail);
	_exit(1);
}

/* ---- the journal ---------------------------------------------------------------------- */

static const char *note_type(enum note kind)
{
	switch (kind) {
#define X(name, type) case NOTE_##name: return type;
	NOTES(X)
#undef X
	case NOTE_COUNT:
		break;
	}
	return "";
}

static uint64_t note_ceiling(enum note kind)
{
	return kind == NOTE_LOG ? BROKER_LOGS_MAX : NOTES_MAX;
}

bool broker_note(struct broker *b, enum note kind, struct json_out *o)
{
	if (b->noted[kind]++ >= note_ceiling(kind))
		return false;
	*o = journal_open(&b->plan->journal, note_type(kind));
	return true;
}

/* ---- what is not written down ------------------------------------------------------------ */

static const struct redactor *redactor_ready(struct broker *b, struct redactor *r, bool shapes,
    uint32_t *known)
{
	const struct broker_plan *p = b->plan;

	if (!r->started) {
		redactor_start(r, shapes);
		for (size_t i = 0; i < p->secrets; i++)
			redactor_add(r, p->secret[i].value, false);
	}
	for (; *known < p->mint.serial; ++*known)
		redactor_add(r, bytes_of(p->mint.issued[*known].text), true);
	return r;
}

const struct redactor *broker_redactor(struct broker *b)
{
	return redactor_ready(b, &b->redactor, true, &b->tokens_known);
}

const struct redactor *broker_values(struct broker *b)
{
	return redactor_ready(b, &b->values, false, &b->values_known);
}

void broker_hush(struct broker *b, struct bytes words, char error[200])
{
	char *quote = strchr(error, '"');

	if (quote && redact_finds(broker_redactor(b), words, true))
		snprintf(quote, (size_t)(error + 200 - quote), "[REDACTED]");
}

void broker_words(struct broker *b, struct json_out *o, const char *name, struct bytes words)
{
	struct redaction whole = { 0 };

	if (words.n > WORDS_MAX)
		words.n = WORDS_MAX;
	b->masked.n = 0;
	redact(broker_redactor(b), &whole, words, true, &b->masked);
	json_member_bytes(o, name, buf_bytes(&b->masked));
}

void broker_caps(struct json_out *o, capability_set caps)
{
	json_name(o, "caps");
	json_open(o, '[');
	for (int c = 0; c < CAPABILITY_COUNT; c++)
		if (caps & CAP_BIT(c))
			json_text(o, bytes_of(capability_name((enum capability)c)));
	json_close(o, ']');
}

/* Of a token, the journal knows its serial and the first 8 characters. */
void broker_issued(struct broker *b, const struct token_issued *t, uint32_t by)
{
	struct json_out o = journal_open(&b->plan->journal, "token.issue");

	json_member_number(&o, "serial", t->facts.serial);
	json_member_bytes(&o, "prefix", (struct bytes){ (const unsigned char *)t->text, 8 });
	broker_caps(&o, t->facts.caps);
	json_member_number(&o, "ttl_ms", (int64_t)b->plan->mint.ttl_ms);
	if (by)
		json_member_number(&o, "by", by);
	journal_close(&b->plan->journal, &o);
}

void broker_expired(struct broker *b, uint32_t serial)
{
	unsigned char *seen = &b->expiry_noted[(serial - 1) / 8];
	unsigned char bit = (unsigned char)(1u << (serial - 1) % 8);
	struct json_out o;

	if ((*seen & bit) || !broker_note(b, NOTE_EXPIRE, &o))
		return;
	*seen |= bit;
	json_member_number(&o, "serial", serial);
	journal_close(&b->plan->journal, &o);
}

void broker_revoke_all(struct broker *b, const char *reason)
{
	if (b->plan->mint.all_revoked)
		return;
	token_revoke_all(&b->plan->mint);
	journal_event(&b->plan->journal, "token.revoke", "tokens", "all",
	    "reason", reason, NULL);
}

/* ---- findings --------------------------------------------------------------------------- */

static int reject(struct broker *b, const char *source, uint64_t line, int code,
    const char *reason)
{
	struct json_out o;

	b->tally.rejected++;
	if (broker_note(b, NOTE_FINDING, &o)) {
		json_member(&o, "source", source);
		json_member_number(&o, "line", (int64_t)line);
		broker_words(b, &o, "reason", bytes_of(reason));
		journal_close(&b->plan->journal, &o);
	}
	return code;
}

static int finding_store(struct broker *b, struct bytes text, char id[27], char error[200])
{
	struct finding_context *context = &b->plan->finding;
	size_t start = b->findings.n;
	enum severity severity;
	struct bytes line;

	context->redactor = broker_redactor(b);
	if (finding_write(&b->scratch, context, text, &b->findings, &severity, error) < 0) {
		broker_hush(b, text, error);
		return RPC_PARAMS;
	}
	line = (struct bytes){ b->findings.p + start, b->findings.n - start };
	if (b->findings_bytes + line.n > FINDINGS_BYTES) {
		snprintf(error, 200, "there are as many bytes of findings as one run may have");
		b->findings.n = start;
		context->next--;
		return RPC_BUDGET;
	}
	memcpy(id, line.p + ID_AT, 26);
	id[26] = '\0';
	b->findings_bytes += line.n;
	b->tally.findings++;
	b->tally.by_severity[severity]++;
	return 0;
}

int broker_finding(struct broker *b, const char *source, uint64_t line,
    struct bytes text, char id[27], char error[200])
{
	int code;

	if (!(b->plan->grant.granted & CAP_BIT(CAP_EMIT_FINDINGS))) {
		snprintf(error, 200, "CAP_EMIT_FINDINGS is not granted");
		code = RPC_CAPABILITY;
	} else if (b->tally.findings >= b->plan->limits.findings) {
		snprintf(error, 200, "there are as many findings as one run may have");
		code = RPC_BUDGET;
	} else {
		code = finding_store(b, text, id, error);
	}
	return code ? reject(b, source, line, code, error) : 0;
}

/* ---- writing it down ----------------------------------------------------------------------- */

static void findings_flush(struct broker *b)
{
	if (b->findings.n > 0 &&
	    write_all(b->plan->findings_file, b->findings.p, b->findings.n) < 0)
		broker_lost(b, "findings.jsonl", errno);
	b->findings.n = 0;
}

static void evidence_flush(struct broker *b)
{
	findings_flush(b);
	if (journal_flush(&b->plan->journal) < 0)
		broker_lost(b, "journal/events.jsonl", b->plan->journal.error);
}

static bool evidence_waits(const struct broker *b)
{
	return b->findings.n > 0 || b->plan->journal.pending.n > 0;
}

/* ---- streams --------------------------------------------------------------------------------- */

static void findings_lines(struct broker *b)
{
	struct bytes line;
	enum line_kind kind;
	char id[27], error[200];

	while ((kind = lines_take(&b->findings_in, &line)) != LINE_NONE) {
		uint64_t number = b->findings_in.number;

		if (kind == LINE_LONG)
			reject(b, "stdout", number, RPC_PARAMS, "the line is longer than 1 MiB");
		else
			broker_finding(b, "stdout", number, line, id, error);
		arena_reset(&b->scratch);
		if (b->findings.n >= PENDING_MAX)
			findings_flush(b);
	}
}

static void stream_serve(struct broker *b, struct stream *s)
{
	bool lines = s == &b->out && b->plan->grant.findings == FINDINGS_STDOUT;
	bool truncated = s->truncated;
	struct bytes fresh;
	enum stream_state state = stream_read(s, broker_redactor(b), &fresh);

	if (state == STREAM_LOST)
		broker_lost(b, s->name, errno);
	if (s->truncated && !truncated) {
		struct json_out o = journal_open(&b->plan->journal, "output.truncated");

		json_member(&o, "stream", s->name);
		json_member_number(&o, "limit", (int64_t)s->limit);
		journal_close(&b->plan->journal, &o);
	}
	if (lines && state == STREAM_DATA) {
		lines_add(&b->findings_in, fresh);
		findings_lines(b);
	}
}

/* ---- requests and answers ---------------------------------------------------------------------- */

static void answers_close(struct broker *b)
{
	if (b->plan->answers >= 0)
		close(b->plan->answers);
	b->plan->answers = -1;
}

/* What the plugin does not take stays in the queue; when it takes nothing more
 * at all, the answers are void. */
static void answers_write(struct broker *b)
{
	while (b->answers.n > 0 && b->plan->answers >= 0) {
		ssize_t n = write(b->plan->answers, b->answers.p, b->answers.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			answers_close(b);
		else
			buf_drop(&b->answers, (size_t)n);
	}
	b->answers.n = 0;
}

/* True: a whole line was left since the queue is full. */
static bool requests_lines(struct broker *b)
{
	struct bytes line;
	enum line_kind kind;

	for (;;) {
		if (b->answers.n >= ANSWERS_MAX)
			answers_write(b);
		if (b->answers.n >= ANSWERS_MAX)
			return true;
		kind = lines_take(&b->requests, &line);
		if (kind == LINE_NONE)
			return false;
		if (kind == LINE_LONG)
			request_refuse(b, RPC_REQUEST, "the line is longer than a request may be");
		else
			request_serve(b, line);
		arena_reset(&b->scratch);
		if (b->findings.n >= PENDING_MAX)
			findings_flush(b);
	}
}

static void requests_serve(struct broker *b)
{
	static unsigned char chunk[64u << 10];
	ssize_t n = read(b->plan->requests, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(b->plan->requests);
		b->plan->requests = -1;
		return;
	}
	lines_add(&b->requests, (struct bytes){ chunk, (size_t)n });
	requests_lines(b);
}

/* ---- the loop ------------------------------------------------------------------------------------- */

enum place { OUT, ERR, REQUESTS, ANSWERS, CONTROL, PLACES };

static void control_serve(struct broker *b)
{
	union {
		char word;
		struct denial denial;
	} m;
	ssize_t n;

	do
		n = recv(b->plan->control, &m, sizeof(m), MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(m.denial)) {
		ledger_write(b, &m.denial);
		return;
	}
	/* No watch, no run: what is written stays partial. */
	if (n != 1 || m.word != BROKER_DRAIN)
		_exit(1);
	b->deadline_ns = monotonic_ns() + BROKER_DRAIN_MS * UINT64_C(1000000);
	answers_close(b); /* nobody is left to read them */
	b->answers.n = 0;
}

/* Milliseconds that poll may wait; 0 once the deadline has passed. */
static int patience(const struct broker *b)
{
	uint64_t now;

	if (b->deadline_ns == 0)
		return -1;
	now = monotonic_ns();
	return now >= b->deadline_ns ? 0 : (int)((b->deadline_ns - now) / 1000000) + 1;
}

static void places_fill(const struct broker *b, bool full, struct pollfd p[PLACES])
{
	p[OUT] = (struct pollfd){ b->out.in, POLLIN, 0 };
	p[ERR] = (struct pollfd){ b->err.in, POLLIN, 0 };
	p[REQUESTS] = (struct pollfd){ full ? -1 : b->plan->requests, POLLIN, 0 };
	p[ANSWERS] = (struct pollfd){ b->plan->answers, b->answers.n > 0 ? POLLOUT : 0, 0 };
	p[CONTROL] = (struct pollfd){ b->plan->control, POLLIN, 0 };
}

static void places_serve(struct broker *b, const struct pollfd p[PLACES])
{
	if (p[CONTROL].revents)
		control_serve(b);
	if (p[ANSWERS].revents && b->plan->answers >= 0) {
		if (p[ANSWERS].revents & POLLERR)
			answers_close(b);
		answers_write(b);
	}
	if (p[OUT].revents)
		stream_serve(b, &b->out);
	if (p[ERR].revents)
		stream_serve(b, &b->err);
	if (p[REQUESTS].revents)
		requests_serve(b);
	if (b->answers.n > 0)
		answers_write(b);
}

/* Somebody looks on: the count, ten times a second at most. */
static void news_tell(struct broker *b)
{
	uint64_t now;

	if (!b->plan->news || b->told == b->tally.findings)
		return;
	now = monotonic_ns();
	if (now - b->told_ns < NEWS_NS)
		return;
	b->told = b->tally.findings;
	b->told_ns = now;
	say(b, BROKER_NEWS, 0, "");
}

/* Until the jail is dead, and every pipe at its end or the deadline over. */
static void serve(struct broker *b)
{
	struct pollfd p[PLACES];

	for (;;) {
		bool full = requests_lines(b);
		int wait = evidence_waits(b) ? 0 : patience(b), ready;

		/* Not before the jail is dead: who closes its pipes may still be refused. */
		if (b->deadline_ns && b->out.in < 0 && b->err.in < 0 &&
		    b->plan->requests < 0 && !full)
			return;
		places_fill(b, full, p);
		ready = poll(p, PLACES, wait);
		if (ready < 0 && errno != EINTR)
			broker_lost(b, "anything: poll fails", errno);
		if (ready > 0)
			places_serve(b, p);
		if (ready <= 0 || b->plan->journal.pending.n >= PENDING_MAX)
			evidence_flush(b);
		news_tell(b);
		if (b->deadline_ns && patience(b) == 0)
			return;
	}
}

/* ---- the end ---------------------------------------------------------------------------------------- */

/* A line without its newline is a torn one: told, never taken. */
static void halves_end(struct broker *b)
{
	struct json_out o;

	if (lines_half(&b->findings_in))
		reject(b, b->out.name, b->findings_in.number + 1, RPC_PARAMS,
		    "the output ends inside this line");
	if (lines_half(&b->requests) && broker_note(b, NOTE_REQUEST, &o)) {
		json_member_number(&o, "line", (int64_t)b->requests.number + 1);
		json_member(&o, "reason", "the requests end inside this line");
		journal_close(&b->plan->journal, &o);
	}
}

static void expiries_end(struct broker *b)
{
	const struct mint *mint = &b->plan->mint;
	uint64_t now = token_now();

	for (uint32_t i = 0; i < mint->serial; i++)
		if (mint->issued[i].facts.expires_ms <= now)
			broker_expired(b, i + 1);
}

static void notes_end(struct broker *b)
{
	for (int kind = 0; kind < NOTE_COUNT; kind++) {
		uint64_t ceiling = note_ceiling((enum note)kind);
		struct json_out o;

		if (b->noted[kind] <= ceiling)
			continue;
		o = journal_open(&b->plan->journal, "journal.suppressed");
		json_member(&o, "of", note_type((enum note)kind));
		json_member_number(&o, "count", (int64_t)(b->noted[kind] - ceiling));
		journal_close(&b->plan->journal, &o);
	}
}

static void summary(struct broker *b)
{
	struct json_out o = journal_open(&b->plan->journal, "broker.end");

	json_member_number(&o, "findings", (int64_t)b->tally.findings);
	json_member_number(&o, "rejected", (int64_t)b->tally.rejected);
	json_member_number(&o, "requests", (int64_t)b->tally.requests);
	json_member_number(&o, "refused", (int64_t)b->tally.refused);
	journal_close(&b->plan->journal, &o);
}

static _Noreturn void finish(struct broker *b)
{
	if (stream_finish(&b->out, broker_redactor(b)) < 0)
		broker_lost(b, b->out.name, errno);
	if (stream_finish(&b->err, broker_redactor(b)) < 0)
		broker_lost(b, b->err.name, errno);
	halves_end(b);
	stage_finish(b);
	expiries_end(b);
	notes_end(b);
	broker_revoke_all(b, "the run is over");
	summary(b);
	evidence_flush(b);
	say(b, BROKER_END, 0, "");
	redactor_wipe(&b->redactor);
	redactor_wipe(&b->values);
	secrets_wipe(b->plan->secret, &b->plan->secrets);
	mint_wipe(&b->plan->mint);
	_exit(0);
}

/* ---- the beginning ------------------------------------------------------------------------------------ */

void broker_start(struct broker *b, struct broker_plan *plan)
{
	memset(b, 0, sizeof(*b));
	b->plan = plan;
	b->out = (struct stream){ .in = plan->out, .file = plan->stdout_file,
		.name = "stdout", .limit = plan->limits.output };
	b->err = (struct stream){ .in = plan->err, .file = plan->stderr_file,
		.name = "stderr", .limit = plan->limits.output };
	b->requests.max = (size_t)plan->limits.broker_line;
	b->findings_in.max = FINDING_LINE_MAX;
}

static void ready(struct broker *b)
{
	static const char *const sources[] = { "broker", "stdout", "sarif", "json" };
	const struct mint *mint = &b->plan->mint;
	struct json_out o = journal_open(&b->plan->journal, "broker.ready");

	json_member(&o, "findings", sources[b->plan->grant.findings]);
	broker_caps(&o, b->plan->grant.granted);
	journal_close(&b->plan->journal, &o);
	for (uint32_t i = 0; i < mint->serial; i++)
		broker_issued(b, &mint->issued[i], 0);
	say(b, BROKER_READY, 0, "");
}

void broker_serve(struct broker_plan *plan)
{
	static struct broker b;
	const char *aim = rights_drop(plan);

	broker_start(&b, plan);
	if (aim) {
		char detail[160];

		snprintf(detail, sizeof(detail), "the broker cannot %s: %s", aim, strerror(errno));
		/* No error of evidence: what it cannot do is be as weak as it must. */
		say(&b, BROKER_KILL, 0, detail);
		say(&b, BROKER_END, 0, detail);
		_exit(1);
	}
	ready(&b);
	serve(&b);
	finish(&b);
}
