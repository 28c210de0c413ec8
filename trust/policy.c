/*
 * policy.c - the operator's words: the built-in profiles, which policy is in
 * force, its snapshot, and what it grants. Runs in the supervisor before
 * anything is forked. policyfile.c reads the file.
 *
 * The snapshot is every field in canonical JSON; policy_parse reads it back to
 * the same policy, so that a gate can be decided again from a run folder alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "trust/trust.h"

#define SECOND UINT64_C(1000000000)
#define MEBI (UINT64_C(1) << 20)
#define APPROVAL_AGE (7 * 24 * 3600 * SECOND)

/* ---- built-in profiles --------------------------------------------------------- */

static const char *protected_paths[] = { ".git", "ALLOWLIST", "keys", "policy.json" };
static const char *system_runtime[] = { "system" };
const char *const on_unsnapshotted_word[3] = { "record", "approval", "block" };

static const struct policy profiles[] = {
	{
		.profile = "default", .source = "built-in",
		.allowlist_required = true, .signature_required = true,
		.manifest_required = true,
		.min_tier = "namespaces",
		.resources = { 60 * SECOND, 512 * MEBI, 300 * SECOND, 64, 64 * MEBI },
		.grant = CAP_BIT(CAP_EMIT_FINDINGS) | CAP_BIT(CAP_STORAGE),
		.rules_path = "", .history_path = "",
		.proxy_requests = 50, .proxy_timeout_ns = 5 * SECOND,
		.runtime = system_runtime, .runtimes = COUNT(system_runtime),
		.protected_path = protected_paths,
		.protected_paths = COUNT(protected_paths),
		.fail_on = -1, .max_patch_lines = 400, .max_risk = 60,
		.gate_signature = true, .gate_protected_paths = true,
		.approvals_required = 1, .approvals_max_age_ns = APPROVAL_AGE,
	},
	{
		.profile = "strict", .source = "built-in",
		.allowlist_required = true, .signature_required = true,
		.manifest_required = true,
		.min_tier = "namespaces",
		.resources = { 30 * SECOND, 256 * MEBI, 120 * SECOND, 32, 32 * MEBI },
		.grant = CAP_BIT(CAP_EMIT_FINDINGS),
		.rules_path = "", .history_path = "",
		.proxy_requests = 50, .proxy_timeout_ns = 5 * SECOND,
		.protected_path = protected_paths,
		.protected_paths = COUNT(protected_paths),
		.fail_on = SEV_HIGH, .max_patch_lines = 150, .max_risk = 30,
		.denied_blocks = true, .live_input = 2,
		.gate_signature = true, .gate_protected_paths = true,
		.approvals_required = 1, .approvals_max_age_ns = APPROVAL_AGE,
	},
};

const struct policy *policy_profile(const char *name)
{
	for (size_t i = 0; i < COUNT(profiles); i++)
		if (!strcmp(profiles[i].profile, name))
			return &profiles[i];
	return NULL;
}

bool policy_is_strict(const struct policy *p)
{
	return !strcmp(p->profile, "strict");
}

/* ---- which policy ---------------------------------------------------------------------------- */

int policy_file(struct arena *a, const char *file, struct bytes *text, struct why *why)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int got = fd < 0 ? -1 : fd_read(a, fd, POLICY_BYTES, text);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (got == 0)
		return 0;
	return refuse(why, error == EFBIG ? REFUSE_POLICY : REFUSE_USAGE,
	    "%s: the policy cannot be read: %s", file,
	    error == EINVAL ? "it is not a regular file" : strerror(error));
}

int policy_load(struct arena *a, const char *file, const char *profile,
    const struct trust_root *root, struct policy *out, struct why *why)
{
	const char *source = file;
	struct bytes text = { 0 };

	if (profile && !policy_profile(profile))
		return refuse(why, REFUSE_USAGE,
		    "--profile %s: there is no such profile; use default or strict", profile);
	if (file) {
		if (policy_file(a, file, &text, why) < 0)
			return -1;
	} else if (root && root->policy.p) {
		source = arena_printf(a, "%s/policy.json", root->path);
		text = root->policy;
	} else {
		*out = *policy_profile(profile ? profile : "default");
		return 0;
	}
	if (policy_parse(a, text, source, profile, out, why) < 0)
		return -1;
	if (profile && strcmp(out->profile, profile))
		return refuse(why, REFUSE_POLICY,
		    "%s: is made for the %s profile and --profile says %s; change its "
		    "\"profile\", or give another file with --policy",
		    source, out->profile, profile);
	return 0;
}

/* ---- the snapshot --------------------------------------------------------------------------- */

/* Policies hold whole milliseconds: "ms" loses nothing. */
static void member_duration(struct json_out *o, const char *name, uint64_t ns)
{
	struct buf b = { 0 };

	buf_printf(&b, "%llums", (unsigned long long)(ns / 1000000));
	json_member_bytes(o, name, buf_bytes(&b));
	buf_free(&b);
}

static void member_size(struct json_out *o, const char *name, uint64_t bytes)
{
	struct buf b = { 0 };

	buf_printf(&b, "%llu", (unsigned long long)bytes);
	json_member_bytes(o, name, buf_bytes(&b));
	buf_free(&b);
}

static void member_list(struct json_out *o, const char *name, const char *const *list,
    size_t count)
{
	json_name(o, name);
	json_open(o, '[');
	for (size_t i = 0; i < count; i++)
		json_text(o, bytes_of(list[i]));
	json_close(o, ']');
}

static const char *requirement(bool required)
{
	return required ? "required" : "optional";
}

static void member_grant(struct json_out *o, capability_set set)
{
	json_name(o, "grant");
	json_open(o, '[');
	for (int c = 0; c < CAPABILITY_COUNT; c++)
		if (set & CAP_BIT(c))
			json_text(o, bytes_of(capability_name((enum capability)c)));
	json_close(o, ']');
}

static void member_allow(struct json_out *o, const struct policy *p)
{
	json_name(o, "allow");
	json_open(o, '[');
	for (size_t i = 0; i < p->allows; i++) {
		const struct proxy_rule *rule = &p->allow[i];
		bool v6 = strchr(rule->host, ':');
		struct buf b = { 0 };

		buf_printf(&b, v6 ? "[%s]:%u" : "%s:%u", rule->host, (unsigned)rule->port);
		json_text(o, buf_bytes(&b));
		buf_free(&b);
	}
	json_close(o, ']');
}

static void snapshot_trust(struct json_out *o, const struct policy *p)
{
	json_member_number(o, "schema_version", 1);
	json_member(o, "profile", p->profile);
	json_name(o, "verify");
	json_open(o, '{');
	json_member(o, "allowlist", requirement(p->allowlist_required));
	json_member(o, "signature", requirement(p->signature_required));
	json_member(o, "manifest", requirement(p->manifest_required));
	json_close(o, '}');
	json_name(o, "isolation");
	json_open(o, '{');
	json_member(o, "min_tier", p->min_tier);
	json_close(o, '}');
	json_name(o, "resources");
	json_open(o, '{');
	member_duration(o, "cpu", p->resources.cpu_ns);
	member_size(o, "memory", p->resources.memory);
	member_duration(o, "timeout", p->resources.wall_ns);
	json_member_number(o, "pids", (int64_t)p->resources.pids);
	member_size(o, "workspace", p->resources.workspace);
	json_close(o, '}');
	member_grant(o, p->grant);
}

static void snapshot_reach(struct json_out *o, const struct policy *p)
{
	json_name(o, "proxy");
	json_open(o, '{');
	json_member_bool(o, "enable", p->proxy_enable);
	json_member(o, "rules_path", p->rules_path);
	json_member(o, "history_path", p->history_path);
	member_allow(o, p);
	json_member_number(o, "requests", (int64_t)p->proxy_requests);
	member_duration(o, "timeout", p->proxy_timeout_ns);
	json_close(o, '}');
	member_list(o, "secrets", p->secret, p->secrets);
	member_list(o, "commands", p->command, p->commands);
	member_list(o, "runtimes", p->runtime, p->runtimes);
	json_name(o, "paths");
	json_open(o, '{');
	member_list(o, "protected", p->protected_path, p->protected_paths);
	json_close(o, '}');
}

static void snapshot_gate(struct json_out *o, const struct policy *p)
{
	json_name(o, "gate");
	json_open(o, '{');
	json_member(o, "fail_on", p->fail_on < 0 ? "none" :
	    severity_name((enum severity)p->fail_on));
	json_member_number(o, "max_patch_lines", (int64_t)p->max_patch_lines);
	json_member_number(o, "max_risk", (int64_t)p->max_risk);
	json_member(o, "on_denied", p->denied_blocks ? "block" : "record");
	json_member(o, "on_unsnapshotted", on_unsnapshotted_word[p->live_input]);
	member_list(o, "require", p->require, p->requires);
	json_member_bool(o, "require_signature", p->gate_signature);
	json_member_bool(o, "require_approval_on_protected_paths", p->gate_protected_paths);
	json_close(o, '}');
}

/* Only where it is not the default: older snapshots stay what they are. */
static void snapshot_approvals(struct json_out *o, const struct policy *p)
{
	if (p->approvals_required == 1 && p->approvals_max_age_ns == APPROVAL_AGE &&
	    !p->approvals_signer && p->roles == 0)
		return;
	json_name(o, "approvals");
	json_open(o, '{');
	json_member_number(o, "required", (int64_t)p->approvals_required);
	member_duration(o, "max_age", p->approvals_max_age_ns);
	json_member_bool(o, "allow_signer", p->approvals_signer);
	json_name(o, "roles");
	json_open(o, '{');
	for (size_t i = 0; i < p->roles; i++) {
		json_name(o, p->role[i].name);
		json_open(o, '{');
		member_list(o, "keys", p->role[i].key, p->role[i].keys);
		member_list(o, "rules", p->role[i].rule, p->role[i].rules);
		json_close(o, '}');
	}
	json_close(o, '}');
	json_close(o, '}');
}

void policy_snapshot(const struct policy *p, struct buf *out)
{
	struct arena a = { 0 };
	struct buf plain = { 0 };
	struct json_out o = json_start(&plain, false);
	struct json j;
	char error[200];

	json_open(&o, '{');
	snapshot_trust(&o, p);
	snapshot_reach(&o, p);
	snapshot_gate(&o, p);
	snapshot_approvals(&o, p);
	json_close(&o, '}');
	json_end(&o);
	if (json_parse(&a, buf_bytes(&plain), &j, error) < 0)
		die(STATUS_USAGE, "a policy snapshot is no JSON: %s", error);
	json_canonical(&a, out, &j, 0);
	buf_free(&plain);
	arena_free(&a);
}

/* ---- the grant ------------------------------------------------------------------------------- */

void grant_cut(const struct policy *p, const struct manifest *m, capability_set added,
    struct grant *out)
{
	*out = (struct grant){
		.requested = m->capabilities,
		.granted = m->capabilities & (p->grant | added),
		.findings = m->findings,
		.findings_path = m->findings_path,
	};
	/* Raw flows are a way of inspecting flows: never the one without the other. */
	if (!(out->granted & CAP_BIT(CAP_FLOW_INSPECT)))
		out->granted &= ~CAP_BIT(CAP_FLOW_INSPECT_RAW);
}
