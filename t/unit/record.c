/*
 * record.c (test) - evidence/record.c: facts that no whole run gives at once, and
 * what is written of them. Every document must be JSON of one form.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"
#include "trust/trust.h"

static int tests, failures;
static struct arena arena;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

struct document {
	struct buf b;
	struct json j;
};

static struct document made(void (*record)(const struct run_facts *, struct buf *),
    const struct run_facts *f, const char *name)
{
	struct document d = { .b = { 0 } };
	char error[200] = "";

	record(f, &d.b);
	ok(json_parse(&arena, buf_bytes(&d.b), &d.j, error) == 0 &&
	    d.b.p[d.b.n - 1] == '\n', name, error);
	return d;
}

/* The value at "a.b", as it is written. */
static bool at(const struct document *d, const char *path, const char *expected)
{
	char name[80];
	int v = 0;

	for (const char *s = path; *s; s += strspn(s, ".")) {
		size_t n = strcspn(s, ".");

		snprintf(name, sizeof(name), "%.*s", (int)n, s);
		v = json_get(&d->j, v, name);
		s += n;
	}
	if (bytes_are(json_raw(&d->j, v), expected))
		return true;
	printf("# %s is %.*s\n", path, (int)json_raw(&d->j, v).n, (const char *)json_raw(&d->j, v).p);
	return false;
}

static bool is_null(const struct document *d, const char *name)
{
	return json_kind(&d->j, json_get(&d->j, 0, name)) == JSON_NULL;
}

static const struct run_facts nothing = {
	.run_id = "01JAAAAAAAAAAAAAAAAAAAAAAA", .task_id = "t", .plugin_path = "p",
};

static void test_nothing(void)
{
	static const char *const null[] = {
		"ending", "refusal", "plugin", "config_sha256", "limits", "isolation",
		"task_sha256", "input", "findings", "broker", "output", "journal",
	};
	struct limits unset = { 0 };
	struct run_facts f = nothing;
	struct document d;
	bool good = true;

	f.limits = &unset;
	d = made(record_run, &f, "run.json of nothing is JSON");
	for (size_t i = 0; i < COUNT(null); i++)
		good = good && is_null(&d, null[i]);
	ok(good, "what is not known is null", "");
	ok(at(&d, "clock", "wall") && at(&d, "started", "1970-01-01T00:00:00Z") &&
	    at(&d, "evidence_complete", "false"), "and the rest is said", "");
	d = made(record_usage, &f, "usage.json of nothing is JSON");
	ok(is_null(&d, "usage"), "nothing was measured", "");
	d = made(record_verifier, &f, "verifier_report.json of nothing is JSON");
	ok(at(&d, "status", "FAIL"), "what did not run has not passed", "");
}

static void test_figures(void)
{
	struct limits l = { .cpu_ns = 1500000000, .memory = 1536, .wall_ns = 3600000000000,
		.pids = 1, .files = 2, .file_size = 1 << 20, .workspace = 1ull << 40,
		.inodes = 3, .output = 1, .findings = 4, .artifacts = 3ull << 30, .broker_line = 1023 };
	struct ending e = { .reason = ENDING_CRASHED, .signal = SIGSEGV };
	struct tally t = { .findings = 9007199254740991, .out = { 10, 4 }, .err = { 4, 4 } };
	struct run_facts f = nothing;
	struct document d;

	f.limits = &l;
	f.ending = &e;
	f.tally = &t;
	d = made(record_run, &f, "run.json with figures is JSON");
	ok(at(&d, "limits.cpu", "1.5s") && at(&d, "limits.cpu_ns", "1500000000") &&
	    at(&d, "limits.wall", "1h0m0s") && at(&d, "limits.memory", "1536") &&
	    at(&d, "limits.file_size", "1M") && at(&d, "limits.workspace", "1T") &&
	    at(&d, "limits.artifacts", "3G") && at(&d, "limits.broker_line", "1023"),
	    "a limit for machines and for people", "");
	ok(at(&d, "ending.signal_name", "SIGSEGV") && at(&d, "ending.signal", "11"),
	    "a signal has its name", "");
	ok(at(&d, "output.stdout.truncated", "true") && at(&d, "output.stderr.truncated", "false"),
	    "what was not kept is called truncated", "");
	ok(at(&d, "findings.accepted", "9007199254740991"), "large counts are exact", "");
}

static void test_texts(void)
{
	static const char *const arg[] = { "\xff<\"\\\x01", "" };
	struct why why = { REFUSE_HASH, "a \"b\"\n\x1b" };
	struct run_facts f = nothing;
	struct document d;

	f.arg = arg;
	f.args = COUNT(arg);
	f.refusal = &why;
	f.plugin_path = "x\xe2\x80\xae\xff";
	d = made(record_run, &f, "run.json with hostile texts is JSON");
	ok(at(&d, "refusal.code", "hash") && at(&d, "refusal.status", "3") &&
	    utf8_valid(buf_bytes(&d.b)), "the refusal, in UTF-8", "");
	d = made(record_verifier, &f, "verifier_report.json with a hostile sentence is JSON");
	ok(strstr((char *)d.b.p, "\"name\": \"hash\"") != NULL,
	    "a refusal that no check wrote down is one", "");
}

/* The status of the report for one check. */
static bool status_of(const char *status, const char *expected)
{
	struct limits l = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	struct ending e = { .reason = ENDING_EXITED };
	struct tally t = { .findings = 0 };
	struct verdicts v = { .count = 1, .line = { { "x", status, NULL, NULL, NULL } } };
	struct run_facts f = nothing;
	struct document d = { .b = { 0 } };
	char error[200];

	f.limits = &l;
	f.ending = &e;
	f.tally = &t;
	f.verdicts = &v;
	f.tier = "namespaces";
	f.seccomp_profile = "static";
	f.proved = 84;
	f.evidence_complete = true;
	record_verifier(&f, &d.b);
	return json_parse(&arena, buf_bytes(&d.b), &d.j, error) == 0 && at(&d, "status", expected);
}

static void test_verifier(void)
{
	struct verdicts many = { .count = COUNT(many.line) };
	struct run_facts f = nothing;
	struct document d;

	ok(status_of("PASS", "PASS") && status_of("SKIP", "PASS"), "passed and skipped pass", "");
	ok(status_of("FAIL", "FAIL") && status_of("pass", "FAIL") && status_of("", "FAIL"),
	    "any other word does not", "");
	for (size_t i = 0; i < many.count; i++)
		many.line[i] = (struct check){ "x", "PASS", NULL, NULL, NULL };
	f.verdicts = &many;
	d = made(record_verifier, &f, "as many checks as there can be");
	ok(json_size(&d.j, json_get(&d.j, 0, "checks")) == (int)many.count + 4,
	    "all of them are written", "");
}

static const char *fingerprint(const struct run_facts *f, const char *policy)
{
	char *hex = arena_get(&arena, SHA256_HEX);

	record_config(f, bytes_of(policy), hex);
	return hex;
}

static void test_fingerprint(void)
{
	struct limits l = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, other = l;
	struct plugin p = { .manifest_sha256 = { 1 } }, changed = { .manifest_sha256 = { 2 } };
	struct run_facts f = nothing;
	const char *first;

	f.limits = &l;
	f.plugin = &p;
	f.tier = "namespaces";
	first = fingerprint(&f, "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}");
	ok(strcmp(first, fingerprint(&f, "{ \"a\": {\"c\":3, \"d\":2}, \"b\": 1 }")) == 0,
	    "the policy counts by what it says", "");
	f.run_id = "01JBBBBBBBBBBBBBBBBBBBBBBB";
	f.started = 7;
	ok(strcmp(first, fingerprint(&f, "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}")) == 0,
	    "the run does not count", "");
	ok(strcmp(first, fingerprint(&f, "{\"b\":2,\"a\":{\"d\":2,\"c\":3}}")) != 0, "a policy does", "");
	other.broker_line++;
	f.limits = &other;
	ok(strcmp(first, fingerprint(&f, "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}")) != 0, "a limit does", "");
	f.limits = &l;
	f.tier = "chroot";
	ok(strcmp(first, fingerprint(&f, "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}")) != 0, "the tier does", "");
	f.tier = "namespaces";
	f.plugin = &changed;
	ok(strcmp(first, fingerprint(&f, "{\"b\":1,\"a\":{\"d\":2,\"c\":3}}")) != 0, "the manifest does", "");
}

int main(void)
{
	test_nothing();
	test_figures();
	test_texts();
	test_verifier();
	test_fingerprint();
	printf("1..%d\n", tests);
	return failures > 0;
}
