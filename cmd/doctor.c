/*
 * doctor.c - "oxg doctor": what this machine gives this user for a jail, whether
 * that is enough for the policy, and what to do about the rest. One process, the
 * operator's own, and the children of trial.c.
 */
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "trust/trust.h"

struct checkup {
	struct arena arena;
	struct trust_root root;
	struct policy policy;
	struct why why;               /* the trust root is refused: the default policy stands in */
	struct layers layers;
	const struct layer *lacking;  /* the first that is required and missing */
};

/* ---- finding out ---------------------------------------------------------------------- */

/* A machine without openat2 or /proc refuses the trust root too: that must not keep
 * the layers from being told. */
static void find_policy(struct checkup *c, const char *trust, const char *policy, const char *profile)
{
	struct why late = { .code = REFUSAL_NONE };
	bool usual = trust_root_open(&c->arena, trust, &c->root, &c->why) == 0;

	if (policy_load(&c->arena, policy, profile, usual ? &c->root : NULL, &c->policy, &late) != 0)
		die(refusal_status(late.code), "%s", late.text);
}

static void examine(struct checkup *c)
{
	size_t i;

	layers_probe(&c->layers, tier_of(c->policy.min_tier), policy_is_strict(&c->policy));
	for (i = 0; i < c->layers.count && c->lacking == NULL; i++)
		if (c->layers.layer[i].required && c->layers.layer[i].status == LAYER_MISSING)
			c->lacking = &c->layers.layer[i];
}

static const char *word_of(enum tier t)
{
	return t == TIER_COUNT ? "none" : tier_word(t);
}

/* ---- telling ---------------------------------------------------------------------------- */

static const char *const status_words[] = {
	[LAYER_PRESENT] = "present", [LAYER_PARTIAL] = "partial", [LAYER_MISSING] = "missing",
};

static void doctor_text(const struct checkup *c, struct buf *out)
{
	size_t i;

	for (i = 0; i < c->layers.count; i++) {
		const struct layer *l = &c->layers.layer[i];

		buf_printf(out, "%-8s %-9s %-16s %s\n", status_words[l->status],
		    l->required ? "required" : "optional", l->name, l->detail);
		if (l->remedy[0] != '\0')
			buf_printf(out, "%36s%s\n", "do: ", l->remedy);
	}
	buf_printf(out, "\ntier     %s, for this user", word_of(c->layers.tier));
	if (geteuid() == 0)
		buf_printf(out, " (root); %s, for an ordinary one", word_of(c->layers.others));
	buf_byte(out, '\n');
	buf_printf(out, "policy   %s, which asks for %s%s: %s\n", c->policy.source, c->policy.min_tier,
	    policy_is_strict(&c->policy) ? " and Landlock" : "", c->lacking == NULL ? "met" : "not met");
}

static void doctor_json(const struct checkup *c, struct buf *out)
{
	struct json_out o = json_start(out, false);
	size_t i;

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_name(&o, "layers");
	json_open(&o, '[');
	for (i = 0; i < c->layers.count; i++) {
		const struct layer *l = &c->layers.layer[i];

		json_open(&o, '{');
		json_member(&o, "name", l->name);
		json_member(&o, "status", status_words[l->status]);
		json_member_bool(&o, "required", l->required);
		json_member(&o, "detail", l->detail);
		json_member(&o, "remedy", l->remedy);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_member(&o, "tier", word_of(c->layers.tier));
	if (geteuid() == 0)
		json_member(&o, "tier_of_others", word_of(c->layers.others));
	json_member(&o, "min_tier", c->policy.min_tier);
	json_member(&o, "profile", c->policy.profile);
	json_member_bool(&o, "meets", c->lacking == NULL);
	json_close(&o, '}');
	buf_byte(out, '\n');
}

/* Not met outranks the rest: that is what was asked. */
static int judge(const struct checkup *c)
{
	if (c->lacking != NULL)
		warn("no plugin can run here as the policy asks: %s is missing (%s); %s", c->lacking->name,
		    c->lacking->detail, c->lacking->remedy);
	if (c->why.code != REFUSAL_NONE)
		warn("%s; the policy judged by is %s", c->why.text, c->policy.source);
	if (c->lacking != NULL)
		return STATUS_JAIL;
	return refusal_status(c->why.code);
}

int cmd_doctor(int argc, char **argv)
{
	static struct checkup c;
	const char *trust = NULL, *policy = NULL, *profile = NULL;
	bool json = false, syscalls = false;
	const struct option_spec option[] = {
		{ "trust", OPT_TEXT, "DIR", "the trust root: ALLOWLIST, keys/, policy.json", &trust },
		{ "policy", OPT_TEXT, "FILE", "the operator's policy", &policy },
		{ "profile", OPT_TEXT, "NAME", "a built-in policy: default, strict", &profile },
		{ "syscalls", OPT_FLAG, NULL, "what the filters answer to each system call", &syscalls },
		{ "json", OPT_FLAG, NULL, "one JSON object on stdout", &json },
	};
	const struct command command = { "doctor", "[options]",
		"Tries what a jail needs on this machine, and says what is missing.",
		option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf out = { 0 };
	int status;

	options_read(&command, argc, argv, &operands, NULL);
	if (operands.count)
		die(STATUS_USAGE, "oxg doctor takes no argument: it looks at this machine");
	if (syscalls && (trust || policy || profile))
		die(STATUS_USAGE, "--syscalls is the same for every policy: give it alone, or with --json");
	if (syscalls)
		return doctor_syscalls(json);
	find_policy(&c, trust, policy, profile);
	examine(&c);
	(json ? doctor_json : doctor_text)(&c, &out);
	status = command_print(&out);
	buf_free(&out);
	return status != STATUS_OK ? status : judge(&c);
}
