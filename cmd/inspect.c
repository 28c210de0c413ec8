/*
 * inspect.c - looks at a plugin without running it: "oxg verify" judges it as a
 * run would, "oxg inspect" shows what it asks for and what it would get. One
 * process, the operator's own, with his rights; nothing is forked.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "trust/trust.h"

/* What both commands are told. */
struct words {
	const char *plugin;
	const char *trust, *policy, *profile, *verify_time;
	struct words_list grants;
	capability_set grant;
	bool allow_unsigned, json;
};

/* What both find out. */
struct facts {
	struct arena arena;
	struct trust_root root;
	struct policy policy;
	struct verify_options options;
	struct plugin plugin;
	struct verdicts verdicts;
	struct why why;
};

/* ---- text for people ---------------------------------------------------------------- */

/* File names are a plugin's own words: no byte of them steers a terminal. */
static void add_safe(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && ((unsigned char)s[1] & 0xe0) == 0x80))
			buf_printf(out, "\\x%02x", c);
		else
			buf_byte(out, c);
	}
}

static void add_line(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, "%-10s ", name);
	add_safe(out, text);
	buf_byte(out, '\n');
}

static void add_checks(struct buf *out, const struct verdicts *v)
{
	size_t width = 0;

	for (size_t i = 0; i < v->count; i++)
		if (strlen(v->line[i].name) > width)
			width = strlen(v->line[i].name);
	for (size_t i = 0; i < v->count; i++) {
		const struct check *c = &v->line[i];

		buf_printf(out, "%s  %-*s  ", c->status, (int)width, c->name);
		add_safe(out, c->detail ? c->detail : c->actual ? c->actual : "");
		buf_byte(out, '\n');
	}
}

static void checks_json(struct json_out *o, const struct verdicts *v)
{
	json_name(o, "checks");
	json_open(o, '[');
	for (size_t i = 0; i < v->count; i++) {
		json_open(o, '{');
		json_member(o, "name", v->line[i].name);
		json_member(o, "status", v->line[i].status);
		json_member(o, "expected", v->line[i].expected);
		json_member(o, "actual", v->line[i].actual);
		json_member(o, "detail", v->line[i].detail);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void refusal_json(struct json_out *o, const struct why *why)
{
	if (!why->code)
		return;
	json_name(o, "refusal");
	json_open(o, '{');
	json_member(o, "code", refusal_word(why->code));
	json_member(o, "text", why->text);
	json_close(o, '}');
}

/* ---- finding out ---------------------------------------------------------------------- */

static void words_read(const struct command *c, int argc, char **argv, struct words *w)
{
	struct words_list operands = { .count = 0 };

	options_read(c, argc, argv, &operands, NULL);
	if (operands.count != 1)
		die(STATUS_USAGE, "oxg %s takes one plugin: its directory, its manifest.json "
		    "or one executable", c->name);
	w->plugin = operands.word[0];
	for (size_t i = 0; i < w->grants.count; i++) {
		int n = capability_find(bytes_of(w->grants.word[i]));

		if (n < 0)
			die(STATUS_USAGE, "--grant %s: there is no such capability; oxg caps "
			    "lists them", w->grants.word[i]);
		w->grant |= CAP_BIT(n);
	}
}

static void options_make(const struct words *w, struct facts *f)
{
	f->options.allow_unsigned = w->allow_unsigned;
	f->options.verify_time_given = option_time(w->verify_time, &f->options.verify_time);
}

/* The words of the operator, before any of the plugin's is read. */
static int words_find(const struct words *w, struct facts *f)
{
	options_make(w, f);
	if (trust_root_open(&f->arena, w->trust, &f->root, &f->why) < 0)
		return -1;
	return policy_load(&f->arena, w->policy, w->profile, &f->root, &f->policy, &f->why);
}

/* ---- verify --------------------------------------------------------------------------- */

static void verify_json(const struct facts *f, struct buf *out)
{
	const struct plugin *p = &f->plugin;
	struct json_out o = json_start(out, false);

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_member(&o, "status", f->why.code ? "FAIL" : "PASS");
	refusal_json(&o, &f->why);
	if (p->manifest) {
		json_member(&o, "plugin", p->manifest->name);
		json_member(&o, "version", p->manifest->version);
	}
	if (p->files)
		json_member_hex(&o, "artifact_sha256", p->file[0].sha256, SHA256_SIZE);
	if (p->manifest_bytes.p)
		json_member_hex(&o, "manifest_sha256", p->manifest_sha256, SHA256_SIZE);
	json_member_bool(&o, "allowlisted", p->allowlisted && !f->why.code);
	json_member_bool(&o, "signed", p->signed_ok && !f->why.code);
	if (p->signed_ok)
		json_member(&o, "key_id", p->key_id);
	checks_json(&o, &f->verdicts);
	json_close(&o, '}');
	buf_byte(out, '\n');
}

static void verify_text(const struct facts *f)
{
	const struct plugin *p = &f->plugin;
	struct buf out = { 0 };

	add_checks(&out, &f->verdicts);
	if (!f->why.code)
		buf_printf(&out, "%s %s: %s\n", p->manifest->name, p->manifest->version,
		    p->allowlisted && p->signed_ok ? "verified" :
		    f->options.allow_unsigned ? "accepted without the phases that "
		    "--allow-unsigned lifts" : "accepted, as far as the policy requires");
	(void)!write(STDERR_FILENO, out.p, out.n);
	buf_free(&out);
	if (f->why.code)
		warn("%s", f->why.text);
}

int cmd_verify(int argc, char **argv)
{
	struct words w = { 0 };
	const struct option_spec option[] = {
		{ "trust", OPT_TEXT, "DIR", "the trust root: ALLOWLIST, keys/, policy.json", &w.trust },
		{ "policy", OPT_TEXT, "FILE", "the operator's policy", &w.policy },
		{ "profile", OPT_TEXT, "NAME", "a built-in policy: default, strict", &w.profile },
		{ "allow-unsigned", OPT_FLAG, NULL, "lift both verification phases", &w.allow_unsigned },
		{ "verify-time", OPT_TEXT, "TIME", "judge certificates at this RFC 3339 time", &w.verify_time },
		{ "json", OPT_FLAG, NULL, "one JSON object on stdout", &w.json },
	};
	const struct command c = { "verify", "[options] PLUGIN",
		"Judges a plugin as a run would: manifest, ALLOWLIST, signature. Runs nothing.",
		option, COUNT(option) };
	static struct facts f;
	struct buf out = { 0 };

	words_read(&c, argc, argv, &w);
	if (words_find(&w, &f) == 0)
		verify_plugin(&f.arena, &f.root, &f.policy, w.plugin, &f.options, &f.plugin,
		    &f.verdicts, &f.why);
	if (w.json) {
		verify_json(&f, &out);
		if (command_print(&out) != STATUS_OK)
			return STATUS_EVIDENCE;
		buf_free(&out);
	} else {
		verify_text(&f);
	}
	return refusal_status(f.why.code);
}

/* ---- inspect --------------------------------------------------------------------------- */

static const char *findings_word(struct arena *a, const struct manifest *m)
{
	static const char *const words[] = { "broker", "stdout", "sarif:%s", "json:%s" };

	switch (m->findings) {
	case FINDINGS_SARIF:
	case FINDINGS_JSON:
		return arena_printf(a, "%.*s%s", m->findings == FINDINGS_JSON ? 5 : 6,
		    words[m->findings], m->findings_path);
	default:
		return words[m->findings];
	}
}

static const char *form_word(enum manifest_form form)
{
	static const char *const words[] = { "array form", "object form", "bare executable" };

	return words[form];
}

static bool proxy_allows(const struct policy *p, const char *host, uint16_t port)
{
	for (size_t i = 0; i < p->allows; i++)
		if (!strcmp(p->allow[i].host, host) && (!port || p->allow[i].port == port))
			return p->proxy_enable;
	return false;
}

static bool host_granted(struct facts *f, const char *text)
{
	const char *host;
	uint16_t port;

	return host_split(&f->arena, bytes_of(text), &host, &port) &&
	    proxy_allows(&f->policy, host, port);
}

static void add_files(struct facts *f, struct buf *out)
{
	for (size_t i = 0; i < f->plugin.files; i++) {
		const struct bundle_file *file = &f->plugin.file[i];
		char hex[SHA256_HEX];

		hex_encode(hex, file->sha256, SHA256_SIZE);
		buf_printf(out, "  %s  ", hex);
		add_safe(out, file->name);
		buf_printf(out, "  %zu bytes%s\n", file->bytes.n,
		    file->executable ? ", executable" : "");
	}
}

/* The dangerous ones first: what is read first is what is decided on. */
static void add_matrix(struct facts *f, const struct grant *g, struct buf *out)
{
	buf_printf(out, "\n%-22s %-8s %-8s %s\n", "asks for", "risk", "granted", "");
	for (int r = RISK_HIGH; r >= RISK_LOW; r--)
		for (int c = 0; c < CAPABILITY_COUNT; c++) {
			const struct capability_note *n = capability_note((enum capability)c);
			bool yes = g->granted & CAP_BIT(c);

			if (!(g->requested & CAP_BIT(c)) || capability_risk((enum capability)c) != (enum risk)r)
				continue;
			buf_printf(out, "%-22s %-8s %-8s %s\n",
			    capability_name((enum capability)c), risk_word((enum risk)r), yes ? "yes" : "no",
			    yes ? n->allows : "the policy does not grant it; --grant adds it");
		}
	for (size_t i = 0; i < f->plugin.manifest->hosts; i++) {
		const char *host = f->plugin.manifest->host[i];

		buf_printf(out, "host %-17s %-8s %s\n", host, "",
		    host_granted(f, host) ? "yes" : "no       the policy's proxy does not allow it");
	}
}

static void add_limits(struct facts *f, struct buf *out)
{
	const struct resources none = { 0 };
	struct limits l = limits_effective(&f->policy.resources, &none,
	    &f->plugin.manifest->resources);
	char cpu[40], wall[40];

	buf_printf(out, "\nlimits     cpu %s, memory %llu MiB, timeout %s, %llu processes, "
	    "workspace %llu MiB\n", duration_go(cpu, l.cpu_ns),
	    (unsigned long long)(l.memory >> 20), duration_go(wall, l.wall_ns),
	    (unsigned long long)l.pids, (unsigned long long)(l.workspace >> 20));
}

static void inspect_text(struct facts *f, const struct grant *g, struct buf *out)
{
	const struct manifest *m = f->plugin.manifest;

	add_line(out, "plugin", arena_printf(&f->arena, "%s %s (%s)", m->name, m->version,
	    form_word(m->form)));
	if (m->description)
		add_line(out, "about", m->description);
	add_line(out, "policy", arena_printf(&f->arena, "%s (%s)", f->policy.profile,
	    f->policy.source));
	add_line(out, "findings", findings_word(&f->arena, m));
	add_line(out, "runtime", m->runtime ? m->runtime : "none: a static program");
	if (m->trusted_present)
		add_line(out, "trusted", "the manifest says so; that is ignored");
	buf_text(out, "files\n");
	add_files(f, out);
	add_matrix(f, g, out);
	add_limits(f, out);
	buf_byte(out, '\n');
	add_checks(out, &f->verdicts);
}

static void files_json(const struct plugin *p, struct json_out *o)
{
	json_name(o, "files");
	json_open(o, '[');
	for (size_t i = 0; i < p->files; i++) {
		json_open(o, '{');
		json_member(o, "name", p->file[i].name);
		json_member_hex(o, "sha256", p->file[i].sha256, SHA256_SIZE);
		json_member_number(o, "size", (int64_t)p->file[i].bytes.n);
		json_member_bool(o, "executable", p->file[i].executable);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void access_json(struct facts *f, const struct grant *g, struct json_out *o)
{
	json_name(o, "capabilities");
	json_open(o, '[');
	for (int c = 0; c < CAPABILITY_COUNT; c++) {
		if (!(g->requested & CAP_BIT(c)))
			continue;
		json_open(o, '{');
		json_member(o, "name", capability_name((enum capability)c));
		json_member(o, "risk", risk_word(capability_risk((enum capability)c)));
		json_member_bool(o, "granted", g->granted & CAP_BIT(c));
		json_close(o, '}');
	}
	json_close(o, ']');
	json_name(o, "hosts");
	json_open(o, '[');
	for (size_t i = 0; i < f->plugin.manifest->hosts; i++) {
		json_open(o, '{');
		json_member(o, "host", f->plugin.manifest->host[i]);
		json_member_bool(o, "allowed", host_granted(f, f->plugin.manifest->host[i]));
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void limits_json(const struct facts *f, struct json_out *o)
{
	const struct resources none = { 0 };
	struct limits l = limits_effective(&f->policy.resources, &none,
	    &f->plugin.manifest->resources);

	json_name(o, "limits");
	json_open(o, '{');
	json_member_number(o, "cpu_ms", (int64_t)(l.cpu_ns / 1000000));
	json_member_number(o, "memory", (int64_t)l.memory);
	json_member_number(o, "timeout_ms", (int64_t)(l.wall_ns / 1000000));
	json_member_number(o, "pids", (int64_t)l.pids);
	json_member_number(o, "workspace", (int64_t)l.workspace);
	json_close(o, '}');
}

static void inspect_json(struct facts *f, const struct grant *g, struct buf *out)
{
	const struct manifest *m = f->plugin.manifest;
	struct json_out o = json_start(out, false);

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	refusal_json(&o, &f->why);
	if (m) {
		json_member(&o, "plugin", m->name);
		json_member(&o, "version", m->version);
		json_member(&o, "description", m->description);
		json_member(&o, "form", form_word(m->form));
		json_member(&o, "findings", findings_word(&f->arena, m));
		json_member(&o, "runtime", m->runtime);
		json_member_bool(&o, "trusted_ignored", m->trusted_present);
		json_member(&o, "profile", f->policy.profile);
		files_json(&f->plugin, &o);
		access_json(f, g, &o);
		limits_json(f, &o);
	}
	checks_json(&o, &f->verdicts);
	json_close(&o, '}');
	buf_byte(out, '\n');
}

/* Reads the plugin as a run would, with both phases lifted: what they would
 * have said is among the checks. */
static void inspect_find(const struct words *w, struct facts *f)
{
	struct policy reading;

	if (words_find(w, f) < 0)
		return;
	reading = f->policy;
	reading.profile = policy_profile("default")->profile;
	f->options.allow_unsigned = f->options.only_look = true;
	verify_plugin(&f->arena, &f->root, &reading, w->plugin, &f->options, &f->plugin,
	    &f->verdicts, &f->why);
}

int cmd_inspect(int argc, char **argv)
{
	struct words w = { 0 };
	const struct option_spec option[] = {
		{ "trust", OPT_TEXT, "DIR", "the trust root: ALLOWLIST, keys/, policy.json", &w.trust },
		{ "policy", OPT_TEXT, "FILE", "the operator's policy", &w.policy },
		{ "profile", OPT_TEXT, "NAME", "a built-in policy: default, strict", &w.profile },
		{ "grant", OPT_LIST, "CAP", "as if run with this grant", &w.grants },
		{ "json", OPT_FLAG, NULL, "one JSON object on stdout", &w.json },
	};
	const struct command c = { "inspect", "[options] PLUGIN",
		"Shows what a plugin asks for and what the policy would grant. Runs nothing.",
		option, COUNT(option) };
	static struct facts f;
	struct grant g = { 0 };
	struct buf out = { 0 };
	int status;

	words_read(&c, argc, argv, &w);
	inspect_find(&w, &f);
	if (f.plugin.manifest)
		grant_cut(&f.policy, f.plugin.manifest, w.grant, &g);
	if (w.json)
		inspect_json(&f, &g, &out);
	else if (f.plugin.manifest)
		inspect_text(&f, &g, &out);
	status = command_print(&out);
	buf_free(&out);
	if (f.why.code && !w.json)
		return command_fail(&f.why);
	return f.why.code ? refusal_status(f.why.code) : status;
}
