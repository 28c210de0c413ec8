/*
 * policy.c (test) - trust/policy.c and policyfile.c: what a file changes of its
 * profile and what it leaves, which policy is in force, the cut of a grant.
 */
#include <stdio.h>
#include <string.h>

#include "trust/trust.h"

#define SECOND UINT64_C(1000000000)
#define MEBI (UINT64_C(1) << 20)

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

static bool same_snapshot(const struct policy *p, const struct policy *q)
{
	struct buf a = { 0 }, b = { 0 };
	bool same;

	policy_snapshot(p, &a);
	policy_snapshot(q, &b);
	same = bytes_equal(buf_bytes(&a), buf_bytes(&b));
	buf_free(&a);
	buf_free(&b);
	return same;
}

static bool parse(struct arena *a, const char *text, const char *profile, struct policy *p)
{
	struct why why = { 0 };
	bool good = policy_parse(a, bytes_of(text), "f", profile, p, &why) == 0;

	if (!good && why.code != REFUSE_POLICY)
		printf("# refused with another code: %s\n", why.text);
	return good;
}

/* The contract, section 10, and seed 001's 60 s, 512 MB, 5 min. */
static void test_default(void)
{
	const struct policy *p = policy_profile("default");

	ok(p && p->allowlist_required && p->signature_required && p->manifest_required, "default requires all three");
	ok(p->resources.cpu_ns == 60 * SECOND && p->resources.memory == 512 * MEBI &&
	    p->resources.wall_ns == 300 * SECOND && p->resources.pids == 64 && p->resources.workspace == 64 * MEBI,
	    "default's figures");
	ok(p->grant == (CAP_BIT(CAP_EMIT_FINDINGS) | CAP_BIT(CAP_STORAGE)) && !p->proxy_enable, "default's grant, no network");
	ok(!policy_profile("lax") && !policy_profile("") && !policy_profile("DEFAULT"), "there is no other profile");
	ok(policy_is_strict(policy_profile("strict")) && !policy_is_strict(p), "strict is strict");
}

static void test_parse(struct arena *a)
{
	struct policy p, q;
	struct buf again = { 0 };

	ok(parse(a, "{\"schema_version\":1}", NULL, &p) && same_snapshot(&p, policy_profile("default")),
	    "a file that says nothing is the default profile");
	ok(parse(a, "{\"schema_version\":1}", "strict", &p) && same_snapshot(&p, policy_profile("strict")),
	    "or the profile that is named");
	ok(parse(a, "{\"schema_version\":1,\"profile\":\"strict\"}", "default", &p) && policy_is_strict(&p),
	    "the file's word comes first");
	ok(parse(a, "{\"schema_version\":1,\"resources\":{\"pids\":3}}", NULL, &p) && p.resources.pids == 3 &&
	    p.resources.memory == 512 * MEBI, "one member changes one field");
	ok(parse(a, "{\"schema_version\":1,\"grant\":[]}", NULL, &p) && p.grant == 0, "an empty grant");
	ok(parse(a, "{\"schema_version\":1,\"runtimes\":[],\"gate\":{\"require\":[]}}", NULL, &p) &&
	    p.runtimes == 0 && p.requires == 0, "empty lists");
	ok(parse(a, "{\"schema_version\":1,\"gate\":{\"require\":[\"./artifacts/x\",\"run.json\"],\"max_risk\":0,"
	    "\"on_unsnapshotted\":\"approval\"}}", NULL, &p) && p.requires == 2 && !strcmp(p.require[0], "artifacts/x") &&
	    p.max_risk == 0 && p.live_input == 1, "the gate's figures and lists");
	ok(!parse(a, "{\"schema_version\":1,\"gate\":{\"require\":[\"./artifacts/x\",\"artifacts/x\"]}}", NULL, &p),
	    "one name in two spellings");
	ok(parse(a, "{\"schema_version\":1,\"gate\":{\"fail_on\":\"none\"}}", "strict", &p) && p.fail_on == -1,
	    "none is below every severity");
	ok(p.approvals_required == 1 && p.approvals_max_age_ns == 7 * 24 * 3600 * SECOND && !p.approvals_signer && p.roles == 0,
	    "F172: one approval, a week old at most, not the signer's, of anybody who may");
	ok(parse(a, "{\"schema_version\":1,\"approvals\":{\"required\":2,\"max_age\":\"1h\",\"allow_signer\":true,"
	    "\"roles\":{\"b\":{\"keys\":[\"x.pub\",\"y.pub\"],\"rules\":[\"r\"]},\"a\":{\"rules\":[\"s\"],\"keys\":[\"z.pub\"]}}}}",
	    NULL, &p) && p.approvals_required == 2 && p.approvals_max_age_ns == 3600 * SECOND && p.approvals_signer &&
	    p.roles == 2 && p.role[0].keys == 2 && !strcmp(p.role[0].key[1], "y.pub") && !strcmp(p.role[1].rule[0], "s"),
	    "F173: approvals and roles");
	policy_snapshot(&p, &again);
	ok(parse(a, (const char *)arena_text(a, buf_bytes(&again)), NULL, &q) && same_snapshot(&p, &q) &&
	    q.role[0].name[0] == 'a' && !same_snapshot(&p, policy_profile("default")), "F173: and back from the snapshot");
	buf_free(&again);
	ok(!parse(a, "{\"schema_version\":1,\"approvals\":{\"roles\":{\"a\":{\"keys\":[\"x.pub\"],\"rules\":[]}}}}", NULL, &p),
	    "F173: a role for nothing");
	ok(parse(a, "{\"schema_version\":1,\"proxy\":{\"allow\":[\"A:1\",\"[::1]:2\"]}}", NULL, &p) && p.allows == 2 &&
	    !strcmp(p.allow[0].host, "a") && p.allow[0].port == 1 && !strcmp(p.allow[1].host, "::1"), "hosts");
	ok(!parse(a, "{\"schema_version\":1,\"proxy\":{\"allow\":[\"A:1\",\"a:1\"]}}", NULL, &p), "one host in two spellings");
	ok(!parse(a, "{\"schema_version\":1,\"paths\":{\"protected\":[\"a\",\"./a\"]}}", NULL, &p), "one path in two spellings");
	ok(!parse(a, "{\"schema_version\":1,\"verify\":{\"signature\":\"optional\"}}", "strict", &p), "strict by word");
	ok(!parse(a, "{}", NULL, &p) && !parse(a, "[]", NULL, &p) && !parse(a, "1", NULL, &p) &&
	    !parse(a, "\"profile\"", NULL, &p) && !parse(a, "", NULL, &p), "what is no policy");
}

/* Each breaks one guarantee and no other; strict breaks more easily. */
static void test_guarantees(struct arena *a)
{
	static const struct { int broken; const char *profile, *text; } cases[] = {
		{ -1, "default", "" }, { -1, "strict", "" },
		{ -1, "default", ",\"isolation\":{\"min_tier\":\"landlock\"}" },
		{ 0, "strict", ",\"isolation\":{\"min_tier\":\"chroot\"}" },
		{ 1, "default", ",\"proxy\":{\"enable\":true,\"rules_path\":\"r\"}" },
		{ 1, "default", ",\"proxy\":{\"enable\":true,\"history_path\":\"h\"}" },
		{ -1, "strict", ",\"proxy\":{\"enable\":true,\"rules_path\":\"r\",\"history_path\":\"h\"}" },
		{ 2, "default", ",\"verify\":{\"allowlist\":\"optional\",\"signature\":\"optional\"}" },
		{ -1, "default", ",\"verify\":{\"allowlist\":\"optional\",\"manifest\":\"optional\"}" },
		{ 2, "strict", ",\"verify\":{\"manifest\":\"optional\"}" },
		{ 3, "default", ",\"commands\":[\"git diff\",\"make *\"]" },
		{ 4, "default", ",\"paths\":{\"protected\":[]}" },
		{ -1, "default", ",\"gate\":{\"require_approval_on_protected_paths\":false}" },
		{ 4, "strict", ",\"gate\":{\"require_approval_on_protected_paths\":false}" },
		{ 5, "default", ",\"grant\":[\"CAP_FLOW_INSPECT_RAW\"]" },
		{ -1, "default", ",\"gate\":{\"require_signature\":false}" },
		{ 6, "strict", ",\"gate\":{\"require_signature\":false}" },
		{ 6, "strict", ",\"gate\":{\"on_unsnapshotted\":\"approval\"}" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = arena_printf(a, "{\"schema_version\":1%s}", cases[i].text);
		struct guarantee g[GUARANTEES];
		struct policy p;
		struct why why = { 0 };
		bool good = policy_read(a, bytes_of(text), "f", cases[i].profile, &p, &why) == 0;

		policy_guarantees(&p, g);
		for (int n = 0; n < GUARANTEES; n++)
			good = good && g[n].kept == (n != cases[i].broken);
		ok(good && parse(a, text, cases[i].profile, &p) == (cases[i].broken < 0),
		    arena_printf(a, "F170: %s%s", cases[i].profile, cases[i].text));
	}
}

static void test_load(struct arena *a)
{
	const struct trust_root root = { .path = "/r", .policy = BYTES("{\"schema_version\":1,\"resources\":{\"pids\":5}}") };
	const struct trust_root empty = { .path = "/r" };
	struct policy p;
	struct why why = { 0 };

	ok(policy_load(a, NULL, NULL, NULL, &p, &why) == 0 && same_snapshot(&p, policy_profile("default")), "no root: built in");
	ok(policy_load(a, NULL, "strict", &empty, &p, &why) == 0 && policy_is_strict(&p), "a root without policy.json");
	ok(policy_load(a, NULL, NULL, &root, &p, &why) == 0 && p.resources.pids == 5 &&
	    !strcmp(p.source, "/r/policy.json"), "policy.json of the root");
	ok(policy_load(a, NULL, "lax", &root, &p, &why) < 0 && why.code == REFUSE_USAGE, "a profile that is none");
	why = (struct why){ 0 };
	ok(policy_load(a, "/dev/null", NULL, &root, &p, &why) < 0 && why.code == REFUSE_USAGE, "a device is no policy");
	why = (struct why){ 0 };
	ok(policy_load(a, "/nonexistent/x", NULL, &root, &p, &why) < 0 && why.code == REFUSE_USAGE, "nor is nothing");
}

/* grant = manifest and (policy or added), raw flows never alone: all of 3 bits each. */
static void test_grant(void)
{
	static const capability_set bit[] = { CAP_BIT(CAP_WS), CAP_BIT(CAP_FLOW_INSPECT), CAP_BIT(CAP_FLOW_INSPECT_RAW) };
	bool good = true;

	for (unsigned n = 0; n < 512; n++) {
		capability_set set[3] = { 0 }, want = 0;
		struct policy p = *policy_profile("default");
		struct manifest m = { 0 };
		struct grant g;

		for (unsigned k = 0; k < 9; k++)
			if (n >> k & 1)
				set[k / 3] |= bit[k % 3];
		for (unsigned k = 0; k < 3; k++)
			if ((set[0] & bit[k]) && ((set[1] | set[2]) & bit[k]) && (k < 2 || (want & bit[1])))
				want |= bit[k];
		m.capabilities = set[0];
		p.grant = set[1];
		grant_cut(&p, &m, set[2], &g);
		good = good && g.requested == set[0] && g.granted == want;
	}
	ok(good, "512 cuts of a grant");
}

int main(void)
{
	struct arena a = { 0 };

	test_default();
	test_parse(&a);
	test_guarantees(&a);
	test_load(&a);
	test_grant();
	arena_free(&a);
	printf("1..%d\n", tests);
	return failures != 0;
}
