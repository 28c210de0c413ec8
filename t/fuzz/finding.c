/*
 * finding.c (fuzzer) - evidence/findings.c on any bytes: what it takes becomes one
 * line of schema 0.2 with our provenance in it, what it refuses leaves no trace.
 */
#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/words.c"
#define fail json_fail
#include "lib/flat.c"
#include "lib/json.c"
#undef fail
#define member json_member_name
#include "lib/jsonout.c"
#undef member
#include "lib/redact.c"
#include "evidence/findings.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

static const char *const order[] = {
	"version", "id", "plugin", "type", "message", "target", "evidence", "severity", "ts", "meta",
};

/* Members in their order, each once, all that must be there. */
static void claim_members(struct arena *a, const struct json *j)
{
	size_t at = 0;

	for (int name = json_first(j, 0); name >= 0; name = json_next(j, name)) {
		while (at < COUNT(order) && !json_is(j, name, order[at])) {
			CLAIM(strcmp(order[at], "target") == 0 || strcmp(order[at], "evidence") == 0);
			at++;
		}
		CLAIM(at++ < COUNT(order));
	}
	CLAIM(at == COUNT(order));
	CLAIM(json_is(j, json_get(j, 0, "version"), "0.2") && json_is(j, json_get(j, 0, "plugin"), "p"));
	CLAIM(ulid_valid(json_string(a, j, json_get(j, 0, "id"))));
	CLAIM(json_is(j, json_get(j, 0, "ts"), "2023-11-14T22:13:20Z"));
}

/* Sorted, texts only, ours as we made them. */
static void claim_meta(struct arena *a, const struct json *j, int meta)
{
	struct bytes last = { NULL, 0 };
	size_t ours = 0;

	for (int name = json_first(j, meta); name >= 0; name = json_next(j, name)) {
		struct bytes key = json_string(a, j, name);

		CLAIM(json_kind(j, json_value(j, name)) == JSON_STRING);
		CLAIM(compare(last, key) < 0);
		CLAIM(!has_prefix(key, "sandbox."));
		ours += has_prefix(key, "oxg.");
		last = key;
	}
	CLAIM(ours == 6 + (json_get(j, 0, "evidence") >= 0));
	CLAIM(json_is(j, json_get(j, meta, "oxg.run_id"), "R") && json_is(j, json_get(j, meta, "oxg.task_id"), "T"));
}

static void claim_line(struct arena *a, struct bytes line, enum severity severity)
{
	struct json j;
	char error[200];

	CLAIM(line.n > 1 && line.p[line.n - 1] == '\n' && !memchr(line.p, '\n', line.n - 1));
	for (size_t i = 0; i < line.n - 1; i++)
		CLAIM(line.p[i] >= 0x20 && line.p[i] != '<' && line.p[i] != '>' && line.p[i] != '&');
	CLAIM(!memmem(line.p, line.n, "\xe2\x80\xa8", 3) && !memmem(line.p, line.n, "\xe2\x80\xa9", 3));
	CLAIM(json_parse(a, (struct bytes){ line.p, line.n - 1 }, &j, error) == 0);
	claim_members(a, &j);
	claim_meta(a, &j, json_get(&j, 0, "meta"));
	CLAIM(json_is(&j, json_get(&j, 0, "severity"), severity_name(severity)));
	CLAIM(!has_prefix(json_string(a, &j, json_get(&j, 0, "type")), "oxg.supervisor."));
}

/* What we wrote, without our meta, is taken again and becomes the same. */
static void claim_again(struct arena *a, struct bytes line)
{
	struct finding_context c = { .plugin = "p", .run_id = "R", .task_id = "T", .plugin_version = "1",
		.key_id = "", .clock = { true, 1700000000 } };
	struct buf in = { 0 }, out = { 0 };
	struct json j;
	struct json_out o = json_start(&in, false);
	enum severity severity;
	char error[200];
	int meta;

	CLAIM(json_parse(a, (struct bytes){ line.p, line.n - 1 }, &j, error) == 0);
	meta = json_get(&j, 0, "meta");
	buf_add(&in, line.p, (size_t)(json_raw(&j, meta).p - line.p));
	json_open(&o, '{');
	for (int name = json_first(&j, meta); name >= 0; name = json_next(&j, name)) {
		struct bytes key = json_string(a, &j, name);

		if (has_prefix(key, "oxg."))
			continue;
		json_name(&o, (const char *)key.p);
		json_text(&o, json_string(a, &j, json_value(&j, name)));
	}
	json_close(&o, '}');
	buf_byte(&in, '}');
	if (in.n <= FINDING_LINE_MAX) { /* escapes may have made it too long */
		CLAIM(finding_write(a, &c, buf_bytes(&in), &out, &severity, error) == 0);
		CLAIM(bytes_equal(buf_bytes(&out), line));
	}
	buf_free(&in);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct finding_context c = { .plugin = "p", .run_id = "R", .task_id = "T", .plugin_version = "1",
		.key_id = "", .clock = { true, 1700000000 } };
	struct arena a = { 0 };
	struct buf out = { 0 };
	enum severity severity = SEV_COUNT;
	char error[200] = "";

	buf_text(&out, "before\n");
	if (finding_write(&a, &c, (struct bytes){ data, size }, &out, &severity, error) < 0) {
		CLAIM(out.n == 7 && c.next == 0 && *error && memchr(error, 0, sizeof(error)));
	} else {
		CLAIM(c.next == 1 && severity < SEV_COUNT && utf8_valid((struct bytes){ data, size }));
		claim_line(&a, (struct bytes){ out.p + 7, out.n - 7 }, severity);
		claim_again(&a, (struct bytes){ out.p + 7, out.n - 7 });
	}
	buf_free(&out);
	arena_free(&a);
	return 0;
}
