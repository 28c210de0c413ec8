/*
 * findings.c - one line of findings.jsonl: what a plugin says is read strictly
 * and written in one form, with our provenance. Runs in the broker, on hostile
 * bytes, and in the supervisor for the termination finding.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

/* A finding is read by people and by CI: these are far beyond any real one. */
#define TYPE_MAX 128
#define MESSAGE_MAX (64u << 10)
#define TARGET_MAX (8u << 10)
#define EVIDENCE_MAX (512u << 10)
#define META_ENTRIES 64
#define META_KEY_MAX 128
#define META_VALUE_MAX (8u << 10)
#define META_OURS 16          /* sandbox.*, in a termination */
#define PAIRS (M_COUNT + 1 + META_ENTRIES)
#define SHOWN 60              /* of a name in a refusal */

#define MEMBERS(X)                                \
	X(VERSION, "version", 8, false)           \
	X(ID, "id", 26, false)                    \
	X(PLUGIN, "plugin", 256, false)           \
	X(TYPE, "type", TYPE_MAX, true)           \
	X(MESSAGE, "message", MESSAGE_MAX, true)  \
	X(TARGET, "target", TARGET_MAX, false)    \
	X(EVIDENCE, "evidence", EVIDENCE_MAX, false) \
	X(SEVERITY, "severity", 32, true)         \
	X(TS, "ts", 64, false)

enum member {
#define X(name, word, max, required) M_##name,
	MEMBERS(X)
#undef X
	M_COUNT
};

static const struct {
	const char *word;
	size_t length, max;
	bool required;
} members[] = {
#define X(name, word, max, required) { word, sizeof(word) - 1, max, required },
	MEMBERS(X)
#undef X
};

struct entry {
	struct bytes key, value;
};

/* One finding, decoded; texts live in the line, the scratch arena or the context. */
struct finding {
	struct bytes text[M_COUNT];
	bool there[M_COUNT];
	enum severity severity;
	struct entry meta[META_ENTRIES + META_OURS]; /* sorted by key, without oxg.* */
	size_t metas;
	uint64_t masks;
};

static int bad(char error[200], const char *fmt, ...) PRINTF(2, 3);

static int bad(char error[200], const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	vsnprintf(error, 200, fmt, words);
	va_end(words);
	return -1;
}

static bool has_prefix(struct bytes s, const char *prefix)
{
	struct bytes p = bytes_of(prefix);

	return s.n >= p.n && memcmp(s.p, p.p, p.n) == 0;
}

static bool printable(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

/* ---- reading -------------------------------------------------------------------- */

static int compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Keeps the keys in byte order; a plugin has no key of ours, so all differ. */
static void meta_add(struct finding *f, struct bytes key, struct bytes value)
{
	size_t i = f->metas++;

	for (; i > 0 && compare(f->meta[i - 1].key, key) > 0; i--)
		f->meta[i] = f->meta[i - 1];
	f->meta[i] = (struct entry){ key, value };
}

static int meta_take(struct finding *f, struct bytes key, struct bytes value, char error[200])
{
	if (key.n == 0 || key.n > META_KEY_MAX || !printable(key))
		return bad(error, "a meta key is empty, longer than %d bytes, or has "
		    "a control character in it", META_KEY_MAX);
	if (has_prefix(key, "oxg.") || has_prefix(key, "sandbox."))
		return bad(error, "meta keys beginning oxg. or sandbox. are the supervisor's");
	if (value.p == NULL)
		return bad(error, "a meta value is not a string");
	if (value.n > META_VALUE_MAX)
		return bad(error, "a meta value is longer than %u bytes", META_VALUE_MAX);
	meta_add(f, key, value);
	return 0;
}

static int meta_read(struct arena *scratch, const struct json *j, int meta,
    struct finding *f, char error[200])
{
	if (json_kind(j, meta) != JSON_OBJECT)
		return bad(error, "meta is not an object of strings");
	if (json_size(j, meta) > META_ENTRIES)
		return bad(error, "meta has more than %d entries", META_ENTRIES);
	for (int name = json_first(j, meta); name >= 0; name = json_next(j, name)) {
		struct bytes key = json_string(scratch, j, name);

		if (meta_take(f, key, json_string(scratch, j, json_value(j, name)), error) < 0)
			return -1;
	}
	return 0;
}

static int member_find(const struct json *j, int name)
{
	for (int m = 0; m < M_COUNT; m++)
		if (json_is(j, name, members[m].word))
			return m;
	return -1;
}

static int member_read(struct arena *scratch, const struct json *j, int name,
    struct finding *f, char error[200])
{
	struct bytes raw = json_raw(j, name);
	int m = member_find(j, name);

	if (m < 0 && json_is(j, name, "meta"))
		return meta_read(scratch, j, json_value(j, name), f, error);
	if (m < 0)
		return bad(error, "unknown member \"%.*s\"",
		    (int)(raw.n < SHOWN ? raw.n : SHOWN), (const char *)raw.p);
	if (json_kind(j, json_value(j, name)) != JSON_STRING)
		return bad(error, "%s is not a string", members[m].word);
	f->text[m] = json_string(scratch, j, json_value(j, name));
	f->there[m] = true;
	if (f->text[m].n > members[m].max)
		return bad(error, "%s is longer than %zu bytes", members[m].word, members[m].max);
	return 0;
}

/* What the values must be, beyond strings of bounded length. */
static int values_check(const struct finding_context *c, struct finding *f, char error[200])
{
	const struct bytes *text = f->text;
	const bool *there = f->there;
	int64_t ts;
	int severity;

	for (int m = 0; m < M_COUNT; m++)
		if (members[m].required && text[m].n == 0)
			return bad(error, "%s is missing or empty", members[m].word);
	if (there[M_VERSION] && !bytes_are(text[M_VERSION], "0.2"))
		return bad(error, "version is not \"0.2\"");
	if (there[M_ID] && !ulid_valid(text[M_ID]))
		return bad(error, "id is not a ULID");
	if (there[M_PLUGIN] && !bytes_are(text[M_PLUGIN], c->plugin))
		return bad(error, "plugin is not the name in this plugin's manifest");
	if (there[M_TS] && !time_parse(text[M_TS], &ts))
		return bad(error, "ts is not a time of RFC 3339");
	if (!printable(text[M_TYPE]))
		return bad(error, "type has a control character in it");
	if (has_prefix(text[M_TYPE], "oxg.supervisor."))
		return bad(error, "types beginning oxg.supervisor. are the supervisor's");
	severity = severity_find(text[M_SEVERITY]);
	if (severity < 0)
		return bad(error, "severity is none of info, low, med, high, crit");
	f->severity = (enum severity)severity;
	return 0;
}

static int member_named(struct bytes name)
{
	for (int m = 0; m < M_COUNT; m++)
		if (name.n == members[m].length && memcmp(name.p, members[m].word, name.n) == 0)
			return m;
	return -1;
}

/* What nearly all lines are, without a tree. false: another kind of line, or one that
 * is not taken; *f may then hold anything. */
static bool flat_read(struct arena *scratch, struct bytes line, struct finding *f, char error[200])
{
	struct json_pair pair[PAIRS];
	int pairs = json_flat(line, pair, PAIRS);

	for (int i = 0; i < pairs; i++) {
		struct bytes value = pair[i].escaped ? json_decode(scratch, pair[i].value) :
		    pair[i].value;
		int m = pair[i].inside ? -1 : member_named(pair[i].name);

		if (pair[i].inside) {
			if (f->metas == META_ENTRIES || meta_take(f, pair[i].name, value, error) < 0)
				return false;
		} else if (value.p == NULL) {
			if (!bytes_are(pair[i].name, "meta"))
				return false;
		} else if (m < 0 || value.n > members[m].max) {
			return false;
		} else {
			f->text[m] = value;
			f->there[m] = true;
		}
	}
	return pairs >= 0;
}

static void finding_clear(struct finding *f)
{
	memset(f->there, 0, sizeof(f->there));
	memset(f->text, 0, sizeof(f->text));
	f->metas = 0;
	f->masks = 0;
}

static int finding_read(struct arena *scratch, const struct finding_context *c,
    struct bytes line, struct finding *f, char error[200])
{
	struct json j;

	finding_clear(f);
	if (line.n <= FINDING_LINE_MAX && flat_read(scratch, line, f, error))
		return values_check(c, f, error);
	finding_clear(f);

	if (line.n > FINDING_LINE_MAX)
		return bad(error, "longer than %u bytes", FINDING_LINE_MAX);
	/* The sentence on what is wrong comes from here. */
	if (json_parse(scratch, line, &j, error) < 0)
		return -1;
	if (json_kind(&j, 0) != JSON_OBJECT)
		return bad(error, "not a JSON object");
	for (int name = json_first(&j, 0); name >= 0; name = json_next(&j, name))
		if (member_read(scratch, &j, name, f, error) < 0)
			return -1;
	return values_check(c, f, error);
}

/* ---- masking ---------------------------------------------------------------------- */

static bool key_taken(const struct finding *f, struct bytes key)
{
	for (size_t i = 0; i < f->metas; i++)
		if (bytes_equal(f->meta[i].key, key))
			return true;
	return false;
}

/* Two keys may look alike once they are masked: the later ones are numbered. */
static void meta_mask(struct arena *scratch, const struct redactor *r, struct finding *f)
{
	struct entry masked[META_ENTRIES];
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < f->metas; i++) {
		struct bytes key = redact_text(r, scratch, f->meta[i].key, &f->masks);

		f->meta[i].value = redact_text(r, scratch, f->meta[i].value, &f->masks);
		if (key.p != f->meta[i].key.p)
			masked[n++] = (struct entry){ key, f->meta[i].value };
		else
			f->meta[kept++] = f->meta[i];
	}
	f->metas = kept;
	for (size_t i = 0; i < n; i++) {
		struct bytes key = masked[i].key;

		for (int number = 2; key_taken(f, key); number++)
			key = bytes_of(arena_printf(scratch, "%.*s %d", (int)masked[i].key.n,
			    (const char *)masked[i].key.p, number));
		meta_add(f, key, masked[i].value);
	}
}

static void finding_mask(struct arena *scratch, const struct redactor *r, struct finding *f)
{
	static const enum member theirs[] = { M_TYPE, M_MESSAGE, M_TARGET, M_EVIDENCE };

	for (size_t i = 0; i < COUNT(theirs); i++)
		f->text[theirs[i]] = redact_text(r, scratch, f->text[theirs[i]], &f->masks);
	meta_mask(scratch, r, f);
}

/* ---- writing ---------------------------------------------------------------------- */

/* Decimal digits; returns where they begin in out. */
static const char *decimal(char out[24], uint64_t n)
{
	char *to = out + 23;

	*to = '\0';
	do
		*--to = (char)('0' + n % 10);
	while (n /= 10);
	return to;
}

/* Numbered, not drawn: two runs of one run id give equal findings. */
static void id_make(const struct finding_context *c, uint64_t ms, char id[27])
{
	static const char label[] = "oxg finding"; /* its NUL is hashed too */
	unsigned char digest[SHA256_SIZE];
	struct sha256 h;
	char room[24];
	const char *number = decimal(room, c->next);

	sha256_start(&h);
	sha256_add(&h, label, sizeof(label));
	sha256_add(&h, c->run_id, strlen(c->run_id));
	sha256_add(&h, number, strlen(number));
	sha256_end(&h, digest);
	ulid_make(id, ms, digest);
}

#define PUT(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* They stand together: no key of a plugin begins as ours do. */
static void provenance_write(const struct finding_context *c, const struct finding *f,
    struct buf *out)
{
	struct bytes evidence = f->text[M_EVIDENCE];

	PUT(out, "\"oxg.artifact_sha256\":");
	json_quote(out, bytes_of(c->artifact_sha256));
	PUT(out, ",\"oxg.config_sha256\":");
	json_quote(out, bytes_of(c->config_sha256));
	if (evidence.n > 0) {
		unsigned char digest[SHA256_SIZE];
		char hex[SHA256_HEX];

		sha256(evidence, digest);
		hex_encode(hex, digest, sizeof(digest));
		PUT(out, ",\"oxg.evidence_sha256\":\"");
		buf_add(out, hex, SHA256_HEX - 1);
		buf_byte(out, '"');
	}
	PUT(out, ",\"oxg.key_id\":");
	json_quote(out, bytes_of(c->key_id));
	PUT(out, ",\"oxg.plugin_version\":");
	json_quote(out, bytes_of(c->plugin_version));
	if (f->masks > 0)
		buf_printf(out, ",\"oxg.redacted\":\"%llu\"", (unsigned long long)f->masks);
	PUT(out, ",\"oxg.run_id\":");
	json_quote(out, bytes_of(c->run_id));
	PUT(out, ",\"oxg.task_id\":");
	json_quote(out, bytes_of(c->task_id));
}

static void meta_write(const struct finding_context *c, const struct finding *f, struct buf *out)
{
	size_t i = 0;

	for (; i < f->metas && compare(f->meta[i].key, BYTES("oxg.")) < 0; i++) {
		json_quote(out, f->meta[i].key);
		buf_byte(out, ':');
		json_quote(out, f->meta[i].value);
		buf_byte(out, ',');
	}
	provenance_write(c, f, out);
	for (; i < f->metas; i++) {
		buf_byte(out, ',');
		json_quote(out, f->meta[i].key);
		buf_byte(out, ':');
		json_quote(out, f->meta[i].value);
	}
}

/* By hand: a hundred thousand of them are one run's. */
static void line_write(struct finding_context *c, const struct finding *f, struct buf *out)
{
	uint64_t ms = clock_milliseconds(&c->clock);
	char id[27], ts[32];

	id_make(c, ms, id);
	c->next++;
	PUT(out, "{\"version\":\"0.2\",\"id\":\"");
	buf_add(out, id, 26);
	PUT(out, "\",\"plugin\":");
	json_quote(out, bytes_of(c->plugin));
	PUT(out, ",\"type\":");
	json_quote(out, f->text[M_TYPE]);
	PUT(out, ",\"message\":");
	json_quote(out, f->text[M_MESSAGE]);
	if (f->text[M_TARGET].n > 0) {
		PUT(out, ",\"target\":");
		json_quote(out, f->text[M_TARGET]);
	}
	if (f->text[M_EVIDENCE].n > 0) {
		PUT(out, ",\"evidence\":");
		json_quote(out, f->text[M_EVIDENCE]);
	}
	PUT(out, ",\"severity\":\"");
	buf_text(out, severity_name(f->severity));
	PUT(out, "\",\"ts\":\"");
	buf_text(out, time_rfc3339(ts, (int64_t)(ms / 1000)));
	PUT(out, "\",\"meta\":{");
	meta_write(c, f, out);
	PUT(out, "}}\n");
}

int finding_write(struct arena *scratch, struct finding_context *c, struct bytes line,
    struct buf *out, enum severity *severity, char error[200])
{
	struct finding f;

	if (finding_read(scratch, c, line, &f, error) < 0)
		return -1;
	if (c->redactor != NULL)
		finding_mask(scratch, c->redactor, &f);
	line_write(c, &f, out);
	*severity = f.severity;
	return 0;
}

/* ---- terminations ------------------------------------------------------------------- */

struct figure {
	char text[40];
};

static struct bytes figure(struct figure *f, uint64_t n)
{
	snprintf(f->text, sizeof(f->text), "%llu", (unsigned long long)n);
	return bytes_of(f->text);
}

static struct bytes duration(struct figure *f, uint64_t ns)
{
	return bytes_of(duration_go(f->text, ns));
}

void finding_termination(struct finding_context *c, const struct ending *e,
    const struct limits *l, struct buf *out)
{
	struct finding f = { .severity = SEV_HIGH };
	struct figure figures[6];
	char message[80];

	snprintf(message, sizeof(message), "plugin terminated (%s)", ending_word(e->reason));
	f.text[M_TYPE] = BYTES("oxg.supervisor.termination");
	f.text[M_MESSAGE] = bytes_of(message);
	meta_add(&f, BYTES("sandbox.termination_reason"), bytes_of(ending_word(e->reason)));
	meta_add(&f, BYTES("sandbox.termination_detail"), bytes_of(e->detail));
	meta_add(&f, BYTES("sandbox.task_id"), bytes_of(c->task_id));
	meta_add(&f, BYTES("sandbox.memory_limit_bytes"), figure(&figures[0], l->memory));
	meta_add(&f, BYTES("sandbox.cpu_limit"), duration(&figures[1], l->cpu_ns));
	meta_add(&f, BYTES("sandbox.wall_time_limit"), duration(&figures[2], l->wall_ns));
	if (!c->clock.frozen) { /* else equal runs give equal findings */
		meta_add(&f, BYTES("sandbox.memory_usage_bytes"),
		    figure(&figures[3], e->usage.memory_peak));
		meta_add(&f, BYTES("sandbox.cpu_usage"), duration(&figures[4], e->usage.cpu_ns));
		meta_add(&f, BYTES("sandbox.wall_time_usage"), duration(&figures[5], e->usage.wall_ns));
	}
	line_write(c, &f, out);
}

/* ---- after a broker that died without a word ----------------------------------------- */

static bool stored_severity(struct arena *scratch, struct bytes line, int *severity)
{
	struct json j;
	char error[200];

	if (json_parse(scratch, line, &j, error) < 0)
		return false;
	*severity = severity_find(json_string(scratch, &j, json_get(&j, 0, "severity")));
	return *severity >= 0;
}

int findings_recover(int fd, struct tally *t)
{
	struct arena file = { 0 }, scratch = { 0 };
	struct bytes text;
	size_t at = 0;
	int r = fd_read(&file, fd, FINDINGS_FILE_MAX, &text), severity;

	while (r == 0 && at < text.n) {
		const unsigned char *end = memchr(text.p + at, '\n', text.n - at);
		size_t n = end ? (size_t)(end - text.p) - at : 0;

		if (!end)
			break;
		if (stored_severity(&scratch, (struct bytes){ text.p + at, n }, &severity)) {
			t->findings++;
			t->by_severity[severity]++;
		}
		at += n + 1;
		arena_reset(&scratch);
	}
	if (r == 0 && at < text.n)
		r = ftruncate(fd, (off_t)at);
	arena_free(&scratch);
	arena_free(&file);
	return r;
}
