/*
 * gate.c (test) - evidence/gate.c on folders that are no folders: what no command
 * could give it. t/gate.t has the rules.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

static int tests, failures;
static struct arena arena;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

static const char policy[] = "{\"profile\":\"default\",\"gate\":{\"fail_on\":\"none\","
	"\"on_denied\":\"record\",\"require_signature\":false,"
	"\"max_patch_lines\":400,\"max_risk\":60,\"on_unsnapshotted\":\"record\",\"require\":[],"
	"\"require_approval_on_protected_paths\":true},\"paths\":{\"protected\":[\"a\"]}}";

/* No events: the head is 64 zeros. */
static void fill(struct folder *f)
{
	static const char run[] = "{\"run_id\":\"r\",\"ending\":{\"reason\":\"exited\",\"exit_status\":0},"
	    "\"journal\":{\"events\":0,\"head\":\"0000000000000000000000000000000000000000000000000000"
	    "000000000000\"},\"evidence_complete\":true,\"broker\":{\"refused\":0},\"input\":null,"
	    "\"capabilities\":{\"granted\":[]},\"isolation\":{\"tier\":\"namespaces\",\"landlock_abi\":1},"
	    "\"output\":{\"stdout\":{\"seen_bytes\":0},\"stderr\":{\"seen_bytes\":0}}}";

	*f = (struct folder){ .path = "x" };
	folder_add(&arena, f, "run.json", BYTES(run));
	folder_add(&arena, f, "verifier_report.json", BYTES("{\"status\":\"PASS\"}"));
	folder_add(&arena, f, "journal/events.jsonl", BYTES(""));
	folder_add(&arena, f, "findings.jsonl", BYTES(""));
	folder_add(&arena, f, "ledger.jsonl", BYTES(""));
	folder_add(&arena, f, "logs/stdout.log", BYTES(""));
	folder_add(&arena, f, "logs/stderr.log", BYTES(""));
	folder_add(&arena, f, "inputs/policy.json", BYTES("{}"));
}

/* 0 PASS, 1 BLOCK, 2 REQUIRE_APPROVAL; the report says the same. */
static int decide(const struct folder *f, const char *snapshot, size_t n)
{
	struct buf report = { 0 };
	int d = gate_decide(f, (struct bytes){ (const void *)snapshot, n }, &report);

	if (gate_decision(buf_bytes(&report)) != d)
		d = -1;
	buf_free(&report);
	return d;
}

static void test_policies(void)
{
	static const char *const bad[] = {
		"", "null", "[]", "{}", "{\"gate\":null}", "{\"gate\":[]}", "{\"gate\":{}}",
		"{\"gate\":{\"fail_on\":\"none\"}}", "{\"gate\":{\"fail_on\":null,\"on_denied\":\"record\"}}",
		"{\"gate\":{\"fail_on\":\"none\",\"on_denied\":\"record\",\"require_signature\":false}}",
		"{\"gate\":{\"fail_on\":\"none\\u0000\",\"on_denied\":\"record\",\"require_signature\":false,"
		"\"require_approval_on_protected_paths\":false}}",
		"{\"gate\":{\"fail_on\":\"none\",\"on_denied\":\"recorded\",\"require_signature\":false,"
		"\"require_approval_on_protected_paths\":false}}",
		"{\"gate\":{\"fail_on\":\"none\",\"on_denied\":\"record\",\"require_signature\":null,"
		"\"require_approval_on_protected_paths\":false}}",
	};
	struct folder f;

	fill(&f);
	ok(decide(&f, policy, strlen(policy)) == 0, "a folder that passes", "");
	for (size_t n = 0; n < strlen(policy); n++)
		if (decide(&f, policy, n) != 1)
			ok(false, "a policy cut short blocks", policy + n);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(decide(&f, bad[i], strlen(bad[i])) == 1, "a policy that says too little blocks", bad[i]);
}

/* What a snapshot that nobody wrote as ours may say where version 2 asks: each blocks
 * by its own rule, and in a folder of version 1 none is asked. */
static void test_members(void)
{
	static const struct { const char *member, *said, *sentence; } cases[] = {
		{ "\"require\":[]", "\"require\":null", "no readable gate.require" },
		{ "\"require\":[]", "\"require\":{}", "no readable gate.require" },
		{ "\"require\":[]", "\"require\":\"run.json\"", "no readable gate.require" },
		{ "\"require\":[]", "\"require\":[1]", "no readable gate.require" },
		{ "\"require\":[]", "\"require\":[[\"run.json\"]]", "no readable gate.require" },
		{ "\"require\":[]", "\"require\":[\"run.json\\u0000\"]", "unreadable, the first: run.json" },
		{ "\"require\":[]", "\"x\":[]", "no readable gate.require" },
		{ ":\"record\",\"require\"", ":\"ignore\",\"require\"", "no readable gate.on_unsnapshotted" },
		{ ":\"record\",\"require\"", ":[\"record\"],\"require\"", "no readable gate.on_unsnapshotted" },
		{ ":\"record\",\"require\"", ":\"record\\u0000\",\"require\"", "no readable gate.on_unsnapshotted" },
		{ "lines\":400", "lines\":-1", "no readable gate.max_patch_lines" },
		{ "lines\":400", "lines\":1.5", "no readable gate.max_patch_lines" },
		{ "lines\":400", "lines\":\"400\"", "no readable gate.max_patch_lines" },
		{ "risk\":60", "risk\":-1", "no readable gate.max_risk" },
		{ "risk\":60", "risk\":9e9", "no readable gate.max_risk" },
		{ "risk\":60", "risk\":null", "no readable gate.max_risk" },
	};
	static const char old[] = "{\"schema_version\":1,\"run_id\"";
	struct folder f, first;

	fill(&f);
	fill(&first);
	folder_add(&arena, &first, "run.json", bytes_of(arena_printf(&arena, "%s%s", old,
	    (const char *)folder_get(&f, "run.json").p + strlen("{\"run_id\""))));
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *at = strstr(policy, cases[i].member);
		const char *text = arena_printf(&arena, "%.*s%s%s", (int)(at - policy), policy, cases[i].said,
		    at + strlen(cases[i].member));
		struct buf report = { 0 };
		int d = gate_decide(&f, bytes_of(text), &report);

		buf_byte(&report, '\0');
		ok(d == 1 && strstr((const char *)report.p, cases[i].sentence) != NULL,
		    "F184: a member of a snapshot that cannot be read blocks", cases[i].said);
		ok(decide(&first, text, strlen(text)) == 0, "F182: and version 1 is not asked", cases[i].said);
		buf_free(&report);
	}
}

/* As many names as a stored snapshot can hold, of a large document. */
static void test_require(void)
{
	struct buf list = { 0 }, text = { 0 };
	struct folder f;
	uint64_t start;

	for (int large = 0; large < 2; large++) {
		fill(&f);
		buf_text(&text, "[1");
		while (text.n < (1u << 20) - 8)
			buf_text(&text, ",1");
		buf_text(&text, "]");
		folder_add(&arena, &f, "artifacts/a.json", buf_bytes(&text));
		buf_text(&list, "{\"gate\":{\"require\":[\"run.json\"");
		for (int i = 0; i < (large ? 100000 : 255); i++)
			buf_text(&list, ",\"artifacts/a.json\"");
		buf_text(&list, "]}}");
		start = monotonic_ns();
		ok(decide(&f, (char *)list.p, list.n) == 1, "much that is required", "");
		ok(monotonic_ns() - start < 10000000000u, "within ten seconds", "");
		list.n = text.n = 0;
	}
	buf_free(&list);
	buf_free(&text);
}

/* One document after the other cut short at every byte. */
static void test_cut(void)
{
	static const char *const name[] = { "run.json", "verifier_report.json" };
	struct folder f;
	bool good = true;

	for (size_t i = 0; i < COUNT(name); i++) {
		struct bytes whole;

		fill(&f);
		whole = folder_get(&f, name[i]);
		for (size_t n = 0; n < whole.n; n++) {
			folder_add(&arena, &f, name[i], (struct bytes){ whole.p, n });
			good = good && decide(&f, policy, strlen(policy)) == 1;
		}
	}
	ok(good, "a document cut short blocks, wherever", "");
}

static void test_pure(void)
{
	struct buf first = { 0 }, again = { 0 };
	struct folder f, g;

	fill(&f);
	fill(&g);
	g.path = "elsewhere";
	g.partial = true;
	g.empty = "x";
	folder_add(&arena, &g, "usage.json", BYTES("{\"cpu\":1}"));
	folder_add(&arena, &g, "gate_report.json", BYTES("{\"decision\":\"BLOCK\"}"));
	folder_add(&arena, &g, "report.html", BYTES("<p>"));
	gate_decide(&f, BYTES(policy), &first);
	gate_decide(&g, BYTES(policy), &again);
	ok(bytes_equal(buf_bytes(&first), buf_bytes(&again)), "nothing else counts", "");
	buf_free(&first);
	buf_free(&again);
}

/* As much as a folder can hold; quadratic work would be seen. */
static void test_large(void)
{
	struct buf checks = { 0 }, list = { 0 };
	struct folder f;
	uint64_t start;

	fill(&f);
	buf_text(&checks, "{\"status\":\"FAIL\",\"checks\":[");
	for (int i = 0; i < 200000; i++)
		buf_printf(&checks, "%s{\"name\":\"check %d\",\"status\":\"FAIL\"}", i ? "," : "", i);
	buf_text(&checks, "]}");
	folder_add(&arena, &f, "verifier_report.json", buf_bytes(&checks));
	f.file = arena_array(&arena, 10000, sizeof(*f.file));
	for (f.files = 0; f.files < 10000; f.files++)
		f.file[f.files] = (struct folder_file){
		    arena_printf(&arena, "changes/d%05zu", f.files), BYTES("") };
	buf_text(&list, "{\"gate\":{\"fail_on\":\"none\",\"on_denied\":\"record\"},\"paths\":{\"protected\":[");
	for (int i = 0; i < 256; i++)
		buf_printf(&list, "%s\"d0%d\"", i ? "," : "", i);
	buf_text(&list, "]}}");
	start = monotonic_ns();
	ok(decide(&f, (char *)list.p, list.n) == 1, "much blocks", "");
	ok(monotonic_ns() - start < 5000000000u, "within five seconds", "");
	buf_free(&checks);
	buf_free(&list);
}

static void test_decision(void)
{
	ok(gate_decision(BYTES("{\"decision\":\"PASS\"}")) == 0 &&
	    gate_decision(BYTES("{\"decision\":\"BLOCK\"}")) == 1 &&
	    gate_decision(BYTES("{\"decision\":\"REQUIRE_APPROVAL\"}")) == 2, "three words", "");
	ok(gate_decision((struct bytes){ NULL, 0 }) == -1 && gate_decision(BYTES("")) == -1 &&
	    gate_decision(BYTES("{}")) == -1 && gate_decision(BYTES("[\"PASS\"]")) == -1 &&
	    gate_decision(BYTES("{\"decision\":\"pass\"}")) == -1 &&
	    gate_decision(BYTES("{\"decision\":\"PASS\\u0000\"}")) == -1 &&
	    gate_decision(BYTES("{\"decision\":[\"PASS\"]}")) == -1 &&
	    gate_decision(BYTES("{\"decision\":\"PASS\",\"decision\":\"BLOCK\"}")) == -1,
	    "and no others", "");
}

int main(void)
{
	test_policies();
	test_members();
	test_require();
	test_cut();
	test_pure();
	test_large();
	test_decision();
	printf("1..%d\n", tests);
	return failures > 0;
}
