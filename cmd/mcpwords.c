/*
 * mcpwords.c - the operator's words of oxg mcp: whom to trust, by which policy, what is
 * granted, where plugins and runs lie. They stand on the command line of the server, are
 * judged there as "oxg run" judges them, and hold for every call.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/mcp.h"
#include "trust/trust.h"

/* Handed on to the verbs of "to", as they are. */
static const struct {
	const char *name;
	enum option_kind kind;
	const char *value, *help;
	unsigned to;
} given[] = {
	{ "trust", OPT_TEXT, "DIR", "the trust root: ALLOWLIST, keys/, policy.json",
	    RUN | LOOK | INSPECT | STORED | GATE | REPLAY | DOCTOR },
	{ "policy", OPT_TEXT, "FILE", "the operator's policy", RUN | LOOK | INSPECT | GATE | DOCTOR },
	{ "profile", OPT_TEXT, "NAME", "a built-in policy: default, strict", RUN | LOOK | INSPECT | DOCTOR },
	{ "input", OPT_TEXT, "PATH", "a snapshot of PATH at /workspace/input", RUN | REPLAY },
	{ "input-bind", OPT_TEXT, "PATH", "PATH itself, live and read-only, at /workspace/input", RUN },
	{ "runtime", OPT_TEXT, "NAME", "for scripts: system (the host's /usr, read-only), or an image's directory",
	    RUN | REPLAY },
	{ "grant", OPT_LIST, "CAP", "grant a capability that the manifest asks for", RUN | INSPECT },
	{ "secret", OPT_LIST, "NAME=SOURCE", "a secret that the policy names, from file:PATH or env:VARIABLE", RUN },
	{ "cpu-limit", OPT_TEXT, "TIME", "CPU time of all its processes: 5 or 5s (default 60s)", RUN },
	{ "memory", OPT_TEXT, "SIZE", "memory of all its processes: 256M (default 512M)", RUN },
	{ "timeout", OPT_TEXT, "TIME", "wall-clock time: 10s (default 5m)", RUN },
	{ "pids", OPT_TEXT, "N", "processes and threads (default 64)", RUN },
	{ "workspace", OPT_TEXT, "SIZE", "what it may write: 64M (default 64M)", RUN },
	{ "min-tier", OPT_TEXT, "TIER", "the weakest jail accepted: namespaces, chroot, landlock (default: the policy's)",
	    RUN },
	{ "fail-on", OPT_TEXT, "SEV", "block on findings at or over this severity (default none)", RUN },
	{ "allow-unsigned", OPT_FLAG, NULL, "lift both verification phases; recorded everywhere", RUN | LOOK | REPLAY },
	{ "verify-time", OPT_TEXT, "TIME", "judge certificates at this RFC 3339 time",
	    RUN | LOOK | STORED | GATE },
	{ "sign-key", OPT_TEXT, "FILE", "sign the run folder: attestation.json, gate.intoto.json (default $OXG_SIGN_KEY)",
	    RUN | REPLAY },
	{ "sigstore", OPT_FLAG, NULL, "the same as Sigstore bundles as well", RUN },
	{ "audit", OPT_FLAG, NULL, "trace what it opens, executes, removes: audit.jsonl, security_audit.json", RUN },
	{ "durable", OPT_FLAG, NULL, "flush the folder to the disk before it counts", RUN },
};

const char *mcp_words_text(const struct mcp_words *w, const char *name)
{
	size_t i = 0;

	while (strcmp(given[i].name, name) != 0)
		i++;
	return w->text[i];
}

void mcp_call_add(struct mcp_call *c, const char *word)
{
	if (c->argc + 1 == COUNT(c->argv))
		die(STATUS_USAGE, "more words than a command line holds; give fewer");
	c->argv[c->argc++] = word;
}

void mcp_words_add(struct arena *a, const struct mcp_words *w, unsigned verb, const char *but,
    struct mcp_call *c)
{
	size_t lists = 0;

	for (size_t i = 0; i < COUNT(given); i++) {
		const struct words_list *list = &w->list[lists];
		const char *name = given[i].name;

		lists += given[i].kind == OPT_LIST;
		if ((given[i].to & verb) == 0 || strstr(but, arena_printf(a, " %s ", name)) != NULL)
			continue;
		if (w->flag[i])
			mcp_call_add(c, arena_printf(a, "--%s", name));
		if (w->text[i] != NULL)
			mcp_call_add(c, arena_printf(a, "--%s=%s", name, w->text[i]));
		for (size_t k = 0; given[i].kind == OPT_LIST && k < list->count; k++)
			mcp_call_add(c, arena_printf(a, "--%s=%s", name, list->word[k]));
	}
}

/* Told now, not by the first run. */
static void words_check(const struct mcp_words *w)
{
	static struct mcp_call c;
	static struct run_words run;
	struct trust_root root;
	struct why why = { .code = REFUSAL_NONE };
	struct arena a = { 0 };
	int plugins = open(w->plugins, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int out = open(w->out != NULL ? w->out : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (plugins < 0)
		die(STATUS_USAGE, "--plugins %s: %s; name a directory", w->plugins, strerror(errno));
	if (out < 0)
		die(STATUS_USAGE, "--out %s: %s; name a directory for run folders", w->out, strerror(errno));
	close(plugins);
	close(out);
	if (w->plugins[0] == '-' || (w->out != NULL && w->out[0] == '-'))
		die(STATUS_USAGE, "a directory that begins with a dash is given as ./-...");
	mcp_call_add(&c, "run");
	mcp_words_add(&a, w, RUN, "", &c);
	mcp_call_add(&c, "plugin");
	run_words_read((int)c.argc, (char **)c.argv, &run);
	if (run.trust != NULL) {
		if (trust_root_open(&a, run.trust, &root, &why) != 0)
			die(refusal_status(why.code), "%s", why.text);
		close(root.dir);
	}
	arena_free(&a);
}

void mcp_words_read(int argc, char **argv, struct mcp_words *w)
{
	struct option_spec option[COUNT(given) + 2] = {
		{ "plugins", OPT_TEXT, "DIR", "where the plugins lie that a client may name (default: here)", &w->plugins },
		{ "out", OPT_TEXT, "DIR", "where run folders lie and are made (default out)", &w->out },
	};
	const struct command c = { "mcp", "[options]",
		"Serves the other commands to an MCP client, on stdin and stdout. What is said here\n"
		"holds for every call; a client can only lower limits.",
		option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	size_t lists = 0;

	_Static_assert(COUNT(given) <= MCP_GIVEN_MAX, "struct mcp_words has room for each");
	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < COUNT(given); i++)
		option[i + 2] = (struct option_spec){ given[i].name, given[i].kind, given[i].value, given[i].help,
		    given[i].kind == OPT_FLAG ? (void *)&w->flag[i] : given[i].kind == OPT_TEXT ?
		    (void *)&w->text[i] : (void *)&w->list[lists++] };
	options_read(&c, argc, argv, &operands, NULL);
	if (operands.count > 0)
		die(STATUS_USAGE, "oxg mcp takes no argument: a client names the plugins");
	if (w->plugins == NULL)
		w->plugins = ".";
	words_check(w);
}
