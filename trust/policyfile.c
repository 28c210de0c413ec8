/*
 * policyfile.c - reads a policy file: a built-in profile, changed member by
 * member. Runs in the supervisor before anything is forked, and in the commands
 * that judge stored evidence.
 *
 * The document is a table of members; a member is a name, a reader, the field
 * it fills, and the words that say what has to stand there.
 */
#include <stddef.h>
#include <string.h>

#include "trust/trust.h"

#define LIST_MAX 256        /* entries of one list */
#define TEXT_MAX 4096       /* bytes of one path or name */
#define COUNT_MAX 1000000000
#define PIDS_MAX 65536

struct reader {
	struct arena *a;
	const struct json *j;
	struct policy *p;
	const char *source;
	struct why *why;
};

struct member {
	const char *name;
	bool (*read)(struct reader *r, int v, void *into);
	size_t at;            /* of the field in struct policy */
	const char *expected;
};

#define FIELD(name) offsetof(struct policy, name)

/* ---- reading values --------------------------------------------------------------- */

/* One line of at most TEXT_MAX bytes, perhaps empty; NULL when it is none. */
static const char *line_of(struct reader *r, int v)
{
	struct bytes s;

	if (json_kind(r->j, v) != JSON_STRING)
		return NULL;
	s = json_string(r->a, r->j, v);
	if (s.n > TEXT_MAX)
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		if (text_control(s.p[i]))
			return NULL;
	return (const char *)s.p;
}

/* One of two words. */
static bool either(struct reader *r, int v, const char *yes, const char *no, bool *into)
{
	*into = json_is(r->j, v, yes);
	return *into || json_is(r->j, v, no);
}

static bool read_bool(struct reader *r, int v, void *into)
{
	*(bool *)into = json_kind(r->j, v) == JSON_TRUE;
	return *(bool *)into || json_kind(r->j, v) == JSON_FALSE;
}

static bool read_requirement(struct reader *r, int v, void *into)
{
	return either(r, v, "required", "optional", into);
}

static bool read_on_denied(struct reader *r, int v, void *into)
{
	return either(r, v, "block", "record", into);
}

static bool read_on_unsnapshotted(struct reader *r, int v, void *into)
{
	int *word = into;

	for (*word = 2; *word >= 0 && !json_is(r->j, v, on_unsnapshotted_word[*word]); --*word)
		;
	return *word >= 0;
}

static bool read_duration(struct reader *r, int v, void *into)
{
	uint64_t *ns = into;

	return json_kind(r->j, v) == JSON_STRING &&
	    duration_parse(json_string(r->a, r->j, v), ns) && *ns > 0;
}

static bool read_size(struct reader *r, int v, void *into)
{
	uint64_t *bytes = into;

	return json_kind(r->j, v) == JSON_STRING &&
	    size_parse(json_string(r->a, r->j, v), bytes) && *bytes > 0;
}

static bool read_number(struct reader *r, int v, int64_t min, int64_t max, uint64_t *into)
{
	int64_t n;

	if (!json_integer(r->j, v, &n) || n < min || n > max)
		return false;
	*into = (uint64_t)n;
	return true;
}

static bool read_count(struct reader *r, int v, void *into)
{
	return read_number(r, v, 1, COUNT_MAX, into);
}

static bool read_pids(struct reader *r, int v, void *into)
{
	return read_number(r, v, 1, PIDS_MAX, into);
}

static bool read_risk(struct reader *r, int v, void *into)
{
	return read_number(r, v, 0, 100, into);
}

static bool read_text(struct reader *r, int v, void *into)
{
	const char **text = into;

	*text = line_of(r, v);
	return *text;
}

static bool read_tier(struct reader *r, int v, void *into)
{
	static const char *const tiers[] = { "namespaces", "chroot", "landlock" };
	const char **tier = into;

	for (size_t i = 0; i < COUNT(tiers); i++) {
		if (!json_is(r->j, v, tiers[i]))
			continue;
		*tier = tiers[i];
		return true;
	}
	return false;
}

/* The canonical words alone: a finding may say "medium", the operator's file not. */
static bool read_fail_on(struct reader *r, int v, void *into)
{
	int *severity = into;

	for (*severity = 0; *severity < SEV_COUNT; ++*severity)
		if (json_is(r->j, v, severity_name((enum severity)*severity)))
			return true;
	*severity = -1;
	return json_is(r->j, v, "none");
}

static bool read_grant(struct reader *r, int v, void *into)
{
	capability_set *set = into;

	*set = 0;
	if (json_kind(r->j, v) != JSON_ARRAY)
		return false;
	for (int e = json_first(r->j, v); e >= 0; e = json_next(r->j, e)) {
		int c = json_kind(r->j, e) == JSON_STRING ?
		    capability_find(json_string(r->a, r->j, e)) : -1;

		if (c < 0 || (*set & CAP_BIT(c)))
			return false;
		*set |= CAP_BIT(c);
	}
	return true;
}

/* ---- lists ---------------------------------------------------------------------------- */

static const char *secret_name(struct arena *a, const char *s)
{
	(void)a;
	return text_word(s, NAME_MAX_CHARS, "._-") ? s : NULL;
}

static const char *command_name(struct arena *a, const char *s)
{
	(void)a;
	return *s ? s : NULL;
}

static const char *runtime_name(struct arena *a, const char *s)
{
	(void)a;
	return (s[0] == '/' && s[1]) || text_word(s, TEXT_MAX, "._-") ? s : NULL;
}

static const char *protected_name(struct arena *a, const char *s)
{
	return path_clean(a, bytes_of(s));
}

/* What the gate finds when it decides: what is made after it is never there. */
static const char *evidence_name(struct arena *a, const char *s)
{
	static const char *const there[] = {
		"artifacts/", "audit.jsonl", "changes/", "findings.jsonl", "inputs/",
		"journal/events.jsonl", "ledger.jsonl", "logs/", "run.json",
		"security_audit.json", "usage.json", "verifier_report.json",
	};
	const char *name = path_clean(a, bytes_of(s));

	for (size_t i = 0; i < COUNT(there) && name; i++) {
		size_t n = strlen(there[i]);

		if (!strncmp(name, there[i], n) && (there[i][n - 1] == '/' || !name[n]))
			return name;
	}
	return NULL;
}

/* Texts that pass fit, none twice. */
static bool list_read(struct reader *r, int v,
    const char *(*fit)(struct arena *, const char *), const char ***list, size_t *count)
{
	int size = json_size(r->j, v);

	if (json_kind(r->j, v) != JSON_ARRAY || size > LIST_MAX)
		return false;
	*list = arena_array(r->a, (size_t)size + 1, sizeof(**list));
	*count = 0;
	for (int e = json_first(r->j, v); e >= 0; e = json_next(r->j, e)) {
		const char *s = line_of(r, e);

		s = s ? fit(r->a, s) : NULL;
		if (!s)
			return false;
		for (size_t i = 0; i < *count; i++)
			if (!strcmp((*list)[i], s))
				return false;
		(*list)[(*count)++] = s;
	}
	return true;
}

static bool read_secrets(struct reader *r, int v, void *into)
{
	(void)into;
	return list_read(r, v, secret_name, &r->p->secret, &r->p->secrets);
}

static bool read_commands(struct reader *r, int v, void *into)
{
	(void)into;
	return list_read(r, v, command_name, &r->p->command, &r->p->commands);
}

static bool read_runtimes(struct reader *r, int v, void *into)
{
	(void)into;
	return list_read(r, v, runtime_name, &r->p->runtime, &r->p->runtimes);
}

static bool read_protected(struct reader *r, int v, void *into)
{
	(void)into;
	return list_read(r, v, protected_name, &r->p->protected_path, &r->p->protected_paths);
}

static bool read_require(struct reader *r, int v, void *into)
{
	(void)into;
	return list_read(r, v, evidence_name, &r->p->require, &r->p->requires);
}

static bool read_allow(struct reader *r, int v, void *into)
{
	int size = json_size(r->j, v);

	(void)into;
	if (json_kind(r->j, v) != JSON_ARRAY || size > LIST_MAX)
		return false;
	r->p->allow = arena_array(r->a, (size_t)size + 1, sizeof(*r->p->allow));
	r->p->allows = 0;
	for (int e = json_first(r->j, v); e >= 0; e = json_next(r->j, e)) {
		struct proxy_rule *rule = &r->p->allow[r->p->allows];

		if (json_kind(r->j, e) != JSON_STRING ||
		    !host_split(r->a, json_string(r->a, r->j, e), &rule->host, &rule->port) ||
		    rule->port == 0)
			return false;
		for (size_t i = 0; i < r->p->allows; i++)
			if (r->p->allow[i].port == rule->port &&
			    !strcmp(r->p->allow[i].host, rule->host))
				return false;
		r->p->allows++;
	}
	return true;
}

/* ---- the document ------------------------------------------------------------------------ */

#define TIME_WORDS "a time such as \"10s\" (ms, s, m, h; not 0)"
#define SIZE_WORDS "a size such as \"512M\" (K, M, G, T; not 0)"
#define NEED_WORDS "\"required\" or \"optional\""
#define BOOL_WORDS "true or false"
#define COUNT_WORDS "a number from 1 to 1000000000"
#define OBJECT_WORDS "an object"

static bool members_read(struct reader *r, int v, const char *where,
    const struct member *table, size_t count)
{
	if (json_kind(r->j, v) != JSON_OBJECT)
		return false;
	for (int n = json_first(r->j, v); n >= 0; n = json_next(r->j, n)) {
		const struct member *m = NULL;

		for (size_t i = 0; i < count && !m; i++)
			if (json_is(r->j, n, table[i].name))
				m = &table[i];
		if (!m)
			return !refuse(r->why, REFUSE_POLICY,
			    "%s: %s is unknown%s%.*s; take it out (oxg schema policy shows "
			    "what is known)", r->source,
			    text_shown(r->a, json_string(r->a, r->j, n)), *where ? " in " : "",
			    *where ? (int)strlen(where) - 1 : 0, where);
		if (!m->read(r, json_value(r->j, n), (char *)r->p + m->at))
			return !refuse(r->why, REFUSE_POLICY, "%s: \"%s%s\" must be %s",
			    r->source, where, m->name, m->expected);
	}
	return true;
}

static bool read_verify(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "allowlist", read_requirement, FIELD(allowlist_required), NEED_WORDS },
		{ "signature", read_requirement, FIELD(signature_required), NEED_WORDS },
		{ "manifest", read_requirement, FIELD(manifest_required), NEED_WORDS },
	};

	(void)into;
	return members_read(r, v, "verify.", table, COUNT(table));
}

static bool read_isolation(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "min_tier", read_tier, FIELD(min_tier), "\"namespaces\", \"chroot\" or \"landlock\"" },
	};

	(void)into;
	return members_read(r, v, "isolation.", table, COUNT(table));
}

static bool read_resources(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "cpu", read_duration, FIELD(resources.cpu_ns), TIME_WORDS },
		{ "memory", read_size, FIELD(resources.memory), SIZE_WORDS },
		{ "timeout", read_duration, FIELD(resources.wall_ns), TIME_WORDS },
		{ "pids", read_pids, FIELD(resources.pids), "a number from 1 to 65536" },
		{ "workspace", read_size, FIELD(resources.workspace), SIZE_WORDS },
	};

	(void)into;
	return members_read(r, v, "resources.", table, COUNT(table));
}

static bool read_proxy(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "enable", read_bool, FIELD(proxy_enable), BOOL_WORDS },
		{ "rules_path", read_text, FIELD(rules_path), "a path" },
		{ "history_path", read_text, FIELD(history_path), "a path" },
		{ "allow", read_allow, FIELD(allow), "an array of at most 256 different "
		    "\"host:port\", without wildcards" },
		{ "requests", read_count, FIELD(proxy_requests), COUNT_WORDS },
		{ "timeout", read_duration, FIELD(proxy_timeout_ns), TIME_WORDS },
	};

	(void)into;
	return members_read(r, v, "proxy.", table, COUNT(table));
}

static bool read_paths(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "protected", read_protected, FIELD(protected_path), "an array of at most 256 "
		    "different relative paths without \"..\"" },
	};

	(void)into;
	return members_read(r, v, "paths.", table, COUNT(table));
}

static bool read_gate(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "fail_on", read_fail_on, FIELD(fail_on), "\"none\", \"info\", \"low\", \"med\", "
		    "\"high\" or \"crit\"" },
		{ "max_patch_lines", read_count, FIELD(max_patch_lines), COUNT_WORDS },
		{ "max_risk", read_risk, FIELD(max_risk), "a number from 0 to 100" },
		{ "on_denied", read_on_denied, FIELD(denied_blocks), "\"record\" or \"block\"" },
		{ "on_unsnapshotted", read_on_unsnapshotted, FIELD(live_input), "\"record\", "
		    "\"approval\" or \"block\"" },
		{ "require", read_require, 0, "an array of at most 256 different names of evidence "
		    "that the gate can see, such as \"artifacts/x\"" },
		{ "require_signature", read_bool, FIELD(gate_signature), BOOL_WORDS },
		{ "require_approval_on_protected_paths", read_bool, FIELD(gate_protected_paths),
		    BOOL_WORDS },
	};

	(void)into;
	return members_read(r, v, "gate.", table, COUNT(table));
}

/* ---- who may approve ------------------------------------------------------------------- */

#define ROLES_MAX 64

static const char *approver_name(struct arena *a, const char *s)
{
	size_t n = strlen(s);

	(void)a;
	return n > 4 && !strcmp(s + n - 4, ".pub") && text_word(s, NAME_MAX_CHARS, "._-") ? s : NULL;
}

static const char *rule_name(struct arena *a, const char *s)
{
	(void)a;
	return text_word(s, NAME_MAX_CHARS, "_") ? s : NULL;
}

/* Both members, and no list empty: a role that says nothing is a mistake. */
static bool read_roles(struct reader *r, int v, void *into)
{
	int size = json_size(r->j, v);

	(void)into;
	if (json_kind(r->j, v) != JSON_OBJECT || size > ROLES_MAX)
		return false;
	r->p->role = arena_array(r->a, (size_t)size + 1, sizeof(*r->p->role));
	r->p->roles = 0;
	for (int n = json_first(r->j, v); n >= 0; n = json_next(r->j, n)) {
		struct approval_role *role = &r->p->role[r->p->roles++];
		int o = json_value(r->j, n);

		role->name = line_of(r, n);
		if (!role->name || !text_word(role->name, NAME_MAX_CHARS, "._-") ||
		    json_kind(r->j, o) != JSON_OBJECT || json_size(r->j, o) != 2 ||
		    !list_read(r, json_get(r->j, o, "keys"), approver_name, &role->key, &role->keys) ||
		    !list_read(r, json_get(r->j, o, "rules"), rule_name, &role->rule, &role->rules) ||
		    role->keys == 0 || role->rules == 0)
			return false;
	}
	return true;
}

static bool read_approvals(struct reader *r, int v, void *into)
{
	static const struct member table[] = {
		{ "required", read_count, FIELD(approvals_required), COUNT_WORDS },
		{ "max_age", read_duration, FIELD(approvals_max_age_ns), TIME_WORDS },
		{ "allow_signer", read_bool, FIELD(approvals_signer), BOOL_WORDS },
		{ "roles", read_roles, FIELD(role), "an object of at most 64 roles, each "
		    "{\"keys\": [\"NAME.pub\"], \"rules\": [\"RULE\"]}" },
	};

	(void)into;
	return members_read(r, v, "approvals.", table, COUNT(table));
}

static bool read_version(struct reader *r, int v, void *into)
{
	int64_t n;

	(void)into;
	return json_integer(r->j, v, &n) && n == 1;
}

static bool read_profile(struct reader *r, int v, void *into)
{
	(void)into; /* policy_parse began with it */
	return json_is(r->j, v, r->p->profile);
}

static const struct member document[] = {
	{ "schema_version", read_version, 0, "1" },
	{ "profile", read_profile, 0, "\"default\" or \"strict\"" },
	{ "verify", read_verify, 0, OBJECT_WORDS },
	{ "isolation", read_isolation, 0, OBJECT_WORDS },
	{ "resources", read_resources, 0, OBJECT_WORDS },
	{ "grant", read_grant, FIELD(grant), "an array of different capability names (oxg caps "
	    "lists them)" },
	{ "proxy", read_proxy, 0, OBJECT_WORDS },
	{ "secrets", read_secrets, 0, "an array of at most 256 different names of secrets" },
	{ "commands", read_commands, 0, "an array of at most 256 different commands" },
	{ "runtimes", read_runtimes, 0, "an array of at most 256 different runtimes: \"system\", "
	    "a name, or an absolute path" },
	{ "paths", read_paths, 0, OBJECT_WORDS },
	{ "gate", read_gate, 0, OBJECT_WORDS },
	{ "approvals", read_approvals, 0, OBJECT_WORDS },
};

int policy_read(struct arena *a, struct bytes text, const char *source,
    const char *profile, struct policy *out, struct why *why)
{
	struct json j;
	struct reader r = { a, &j, out, source, why };
	const struct policy *base;
	char error[200];
	int v;

	if (text.n > POLICY_BYTES)
		return refuse(why, REFUSE_POLICY, "%s: has %zu bytes; %u are allowed",
		    source, text.n, POLICY_BYTES);
	if (json_parse(a, text, &j, error) < 0)
		return refuse(why, REFUSE_POLICY, "%s: %s", source, error);
	v = json_get(&j, 0, "profile");
	if (json_kind(&j, v) == JSON_STRING)
		profile = (const char *)json_string(a, &j, v).p;
	base = policy_profile(profile ? profile : "default");
	if (!base)
		return refuse(why, REFUSE_POLICY,
		    "%s: \"profile\" must be \"default\" or \"strict\"", source);
	*out = *base;
	out->source = source;
	if (!members_read(&r, 0, "", document, COUNT(document)))
		return refuse(why, REFUSE_POLICY, "%s: must be one JSON object", source);
	if (json_get(&j, 0, "schema_version") < 0)
		return refuse(why, REFUSE_POLICY,
		    "%s: \"schema_version\" is missing; it must be 1", source);
	return 0;
}
