/*
 * policy.c (fuzzer) - policy_parse on any bytes: what it takes has a snapshot that
 * reads back to itself, keeps what no policy may say, and grants no more than was
 * asked for; what it refuses has one sentence.
 */
#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/words.c"
#define reader json_reader
#define read_number json_read_number
#include "lib/flat.c"
#include "lib/json.c"
#undef read_number
#undef reader
#define member json_member_name
#include "lib/jsonout.c"
#undef member
#include "trust/text.c"
#include "trust/policyfile.c"
#include "trust/policy.c"
#include "trust/guarantees.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

static void claim_policy(const struct policy *p)
{
	CLAIM(policy_profile(p->profile) && p->rules_path && p->history_path);
	CLAIM(!p->proxy_enable || (*p->rules_path && *p->history_path));
	CLAIM(!(p->grant & CAP_BIT(CAP_FLOW_INSPECT_RAW)) || (p->grant & CAP_BIT(CAP_FLOW_INSPECT)));
	CLAIM(p->resources.cpu_ns && p->resources.memory && p->resources.wall_ns &&
	    p->resources.pids && p->resources.workspace);
	CLAIM(p->proxy_requests && p->proxy_timeout_ns && p->max_patch_lines);
	CLAIM(p->fail_on >= -1 && p->fail_on < SEV_COUNT);
	for (size_t i = 0; i < p->allows; i++)
		CLAIM(p->allow[i].port && *p->allow[i].host && !strchr(p->allow[i].host, '*'));
	for (size_t i = 0; i < p->protected_paths; i++)
		CLAIM(p->protected_path[i][0] != '/' && strcmp(p->protected_path[i], ".."));
	for (size_t i = 0; i < p->runtimes; i++)
		CLAIM(strcmp(p->runtime[i], "/") && *p->runtime[i]);
	if (policy_is_strict(p))
		CLAIM(p->allowlist_required && p->signature_required && p->manifest_required &&
		    !strcmp(p->min_tier, "namespaces") && p->gate_signature);
}

static void claim_snapshot(struct arena *a, const struct policy *p)
{
	struct buf first = { 0 }, second = { 0 };
	struct why why = { 0 };
	struct policy again;

	policy_snapshot(p, &first);
	CLAIM(policy_parse(a, buf_bytes(&first), "snapshot", NULL, &again, &why) == 0);
	policy_snapshot(&again, &second);
	CLAIM(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	buf_free(&first);
	buf_free(&second);
}

static void claim_grants(const struct policy *p, capability_set asked, capability_set added)
{
	const struct manifest m = { .capabilities = asked };
	struct grant g;

	grant_cut(p, &m, added, &g);
	CLAIM(g.requested == asked && !(g.granted & ~asked) && !(g.granted & ~(p->grant | added)));
	CLAIM(!(g.granted & CAP_BIT(CAP_FLOW_INSPECT_RAW)) || (g.granted & CAP_BIT(CAP_FLOW_INSPECT)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { data, size };
	const char *profile = size % 3 == 0 ? NULL : size % 3 == 1 ? "default" : "strict";
	struct arena a = { 0 };
	struct policy p;
	struct why why = { 0 };

	if (policy_parse(&a, text, "f", profile, &p, &why) == 0) {
		capability_set all = CAP_BIT(CAPABILITY_COUNT) - 1;

		CLAIM(why.code == REFUSAL_NONE);
		claim_policy(&p);
		claim_snapshot(&a, &p);
		claim_grants(&p, all, 0);
		claim_grants(&p, (capability_set)size & all, all);
		claim_grants(&p, all & ~CAP_BIT(CAP_FLOW_INSPECT), (capability_set)(size * 7) & all);
	} else {
		CLAIM(why.code == REFUSE_POLICY && !strncmp(why.text, "f: ", 3));
		for (const char *c = why.text; *c; c++)
			CLAIM((unsigned char)*c >= 0x20);
	}
	arena_free(&a);
	return 0;
}
