/*
 * guarantees.c - what every policy guarantees, however its file is written: seven
 * rules over a policy that was read. Runs in the supervisor before anything is
 * forked, and in the commands that judge a policy or stored evidence.
 */
#include <string.h>

#include "trust/trust.h"

/* Each gives what breaks it, or NULL. */
static const char *sandbox(const struct policy *p)
{
	return !policy_is_strict(p) || !strcmp(p->min_tier, "namespaces") ? NULL :
	    "the strict profile requires \"isolation.min_tier\" to be \"namespaces\"; write "
	    "that or use the default profile";
}

static const char *network_off(const struct policy *p)
{
	if (p->proxy_enable && !*p->rules_path)
		return "\"proxy.enable\" is true without \"proxy.rules_path\"; name the rules "
		    "file or switch the proxy off";
	if (p->proxy_enable && !*p->history_path)
		return "\"proxy.enable\" is true without \"proxy.history_path\"; name the "
		    "history file or switch the proxy off";
	return NULL;
}

static const char *pinned_plugins(const struct policy *p)
{
	if (policy_is_strict(p) &&
	    (!p->allowlist_required || !p->signature_required || !p->manifest_required))
		return "the strict profile requires all that \"verify\" names; write "
		    "\"required\" or use the default profile";
	return p->allowlist_required || p->signature_required ? NULL :
	    "nothing says which bytes may run; write \"required\" for \"verify.allowlist\" "
	    "or \"verify.signature\"";
}

static const char *command_allowlist(const struct policy *p)
{
	for (size_t i = 0; i < p->commands; i++)
		if (strchr(p->command[i], '*'))
			return "\"commands\" has a wildcard; name each command";
	return NULL;
}

static const char *paths(const struct policy *p)
{
	if (p->protected_paths == 0)
		return "\"paths.protected\" is empty; name a path, or leave it out and keep "
		    "the profile's";
	return !policy_is_strict(p) || p->gate_protected_paths ? NULL :
	    "the strict profile requires \"gate.require_approval_on_protected_paths\"; write "
	    "true or use the default profile";
}

static const char *least_privilege(const struct policy *p)
{
	return (p->grant & CAP_BIT(CAP_FLOW_INSPECT_RAW)) &&
	    !(p->grant & CAP_BIT(CAP_FLOW_INSPECT)) ?
	    "\"grant\" names CAP_FLOW_INSPECT_RAW without CAP_FLOW_INSPECT; grant both or "
	    "neither" : NULL;
}

static const char *evidence_decides(const struct policy *p)
{
	if (!policy_is_strict(p))
		return NULL;
	if (!p->gate_signature)
		return "the strict profile requires \"gate.require_signature\"; write true or "
		    "use the default profile";
	if (p->approvals_signer)
		return "the strict profile forbids \"approvals.allow_signer\", by which who made a run "
		    "approves it; write false or use the default profile";
	return p->live_input == 2 ? NULL :
	    "the strict profile requires \"gate.on_unsnapshotted\" to be \"block\"; write "
	    "that or use the default profile";
}

/* What seed 003 calls its mandatory controls, as far as a policy has a say in them. */
static const struct {
	const char *name;
	const char *(*broken)(const struct policy *p);
	const char *kept;
} guarantees[GUARANTEES] = {
	{ "sandbox", sandbox, "a plugin runs in a proved jail or not at all" },
	{ "network_off", network_off, "no network but through a proxy with rules and a history" },
	{ "pinned_plugins", pinned_plugins, "only bytes that the operator listed or signed run" },
	{ "command_allowlist", command_allowlist, "only commands named one by one may be run" },
	{ "protected_paths", paths, "some paths are protected" },
	{ "least_privilege", least_privilege, "no grant is wider than the ones it builds on" },
	{ "evidence_decides", evidence_decides, "a run passes by complete evidence and a verifier "
	    "report that says PASS, and in no other way" },
};

void policy_guarantees(const struct policy *p, struct guarantee out[GUARANTEES])
{
	for (size_t i = 0; i < GUARANTEES; i++) {
		const char *broken = guarantees[i].broken(p);

		out[i].name = guarantees[i].name;
		out[i].kept = broken == NULL;
		out[i].detail = broken ? broken : guarantees[i].kept;
	}
}

int policy_parse(struct arena *a, struct bytes text, const char *source,
    const char *profile, struct policy *out, struct why *why)
{
	struct guarantee g[GUARANTEES];

	if (policy_read(a, text, source, profile, out, why) < 0)
		return -1;
	policy_guarantees(out, g);
	for (size_t i = 0; i < GUARANTEES; i++)
		if (!g[i].kept)
			return refuse(why, REFUSE_POLICY, "%s: %s", source, g[i].detail);
	return 0;
}
