/*
 * mcptools.c - the verbs as tools of an MCP client: what each takes, in JSON Schema, and
 * the words of a command line that a call becomes. Runs in the server (mcp.c).
 *
 * Two sets of words meet here: the operator's (mcpwords.c), and the client's, which come
 * with each call, from a program that may have been talked into anything. It chooses
 * among the operator's plugins and runs by name, and can lower a limit; no argument of
 * any tool says more than that, and who approves, signs or allows is a person.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/mcp.h"
#include "trust/trust.h"

#define NAME_BYTES 255
#define ARGS_MAX 64            /* of a plugin */
#define ARG_BYTES 4096
#define RUNS_MAX 64            /* in one report */
#define TEXT(n) #n
#define NUMBER(n) TEXT(n)

/* ---- the client's words -------------------------------------------------------------- */

enum want { PLUGIN_NAME, RUN_NAME, RUN_NAMES, ARGS, TASK, ULID, TIME, SIZE, SEVERITY, FORMAT, SCHEMA };

#define PART "[A-Za-z0-9_][A-Za-z0-9_.+@-]*"
#define NAME "{\"type\":\"string\",\"maxLength\":" NUMBER(NAME_BYTES) ",\"pattern\":\"^" PART

/* What tools/list says of it, up to its description; read_argument holds to the same. */
static const char *const schemas[] = {
	[PLUGIN_NAME] = NAME "(/" PART ")*$\"",
	[RUN_NAME] = NAME "$\"",
	[RUN_NAMES] = "{\"type\":\"array\",\"minItems\":1,\"maxItems\":" NUMBER(RUNS_MAX) ",\"items\":" NAME "$\"}",
	[ARGS] = "{\"type\":\"array\",\"maxItems\":" NUMBER(ARGS_MAX) ",\"items\":{\"type\":\"string\","
	    "\"maxLength\":" NUMBER(ARG_BYTES) ",\"pattern\":\"^[^\\\\u0000]*$\"}",
	[TASK] = "{\"type\":\"object\"",
	[ULID] = "{\"type\":\"string\",\"pattern\":\"^[0-7][0-9A-HJKMNP-TV-Z]{25}$\"",
	[TIME] = "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]{0,5}(ms|s|m|h)$\"",
	[SIZE] = "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]{0,8}[KMG]?$\"",
	[SEVERITY] = "{\"enum\":[\"info\",\"low\",\"med\",\"high\",\"crit\"]",
	[FORMAT] = "{\"enum\":[\"json\",\"markdown\",\"sarif\"]",
	[SCHEMA] = "{\"type\":\"string\",\"pattern\":\"^[a-z][a-z_.]{0,63}$\"",
};

struct argument {
	const char *name;
	enum want want;
	bool required;
	const char *option;    /* NULL: it is an operand, or stands behind "--" */
	const char *about;
};

struct mcp_tool {
	const char *name, *about;
	const char *verb[3];   /* NULL behind the last */
	unsigned given;        /* enum verb: which of the operator's words */
	const struct argument *argument; /* NULL: none; the last has no name */
	bool runs;             /* executes a plugin; else it changes nothing */
	bool differs;          /* status 1: the two differ */
};

#define TAKES(...) (const struct argument[]){ __VA_ARGS__, { NULL } }
#define A_PLUGIN { "plugin", PLUGIN_NAME, true, NULL, "its directory or file, below the operator's --plugins" }
#define A_RUN(name) { name, RUN_NAME, true, NULL, "name of a run folder: its run_id" }

/* In the order of tools/list. */
static const struct mcp_tool tools[] = {
	{ "run", "Verify a plugin, run it in a jail, record what it did in a sealed run folder.",
	    { "run", "--json" }, RUN, TAKES(
		A_PLUGIN,
		{ "args", ARGS, false, NULL, "the plugin's own arguments" },
		{ "task", TASK, false, "task", "what it reads as task.json" },
		{ "run_id", ULID, false, "run-id", "a ULID that no run has yet" },
		{ "cpu", TIME, false, "cpu-limit", "CPU time, lower than the operator's: 5s" },
		{ "memory", SIZE, false, "memory", "memory, lower than the operator's: 64M" },
		{ "timeout", TIME, false, "timeout", "wall-clock time, lower than the operator's: 10s" },
		{ "fail_on", SEVERITY, false, "fail-on",
		    "block on findings at or over it; never laxer than the operator's" }), .runs = true },
	{ "verify", "Judge a plugin's hash, signature and manifest; run nothing.",
	    { "verify", "--json" }, LOOK, TAKES(A_PLUGIN) },
	{ "inspect", "What a plugin asks for and what the policy would grant; run nothing.",
	    { "inspect", "--json" }, INSPECT, TAKES(A_PLUGIN) },
	{ "check", "Is a run folder what it claims to be? Every digest, the journal, the gate, the reports.",
	    { "check", "--json" }, STORED, TAKES(A_RUN("run")) },
	{ "report", "The findings of stored runs, and how they ended, as a document.",
	    { "report" }, 0, TAKES(
		{ "runs", RUN_NAMES, true, NULL, "names of run folders: their run_id" },
		{ "format", FORMAT, true, NULL, "json is the shortest that has all" }) },
	{ "gate", "Decide again on stored evidence, by the operator's policy, else the run's own.",
	    { "gate", "--json" }, GATE, TAKES(A_RUN("run")) },
	{ "diff", "What two runs do not share.",
	    { "diff", "--json" }, 0, TAKES(A_RUN("left"), A_RUN("right")), .differs = true },
	{ "replay", "Run the same bundle again as a stored run did, and compare.",
	    { "replay", "--json" }, REPLAY, TAKES(A_RUN("run")), .runs = true, .differs = true },
	{ "policy_check", "Is a policy sound? Without one: the operator's --policy.",
	    { "policy", "--json", "check" }, 0, TAKES(
		{ "policy", TASK, false, NULL, "a draft; nothing is ever run by it" }) },
	{ "caps", "The capabilities a plugin can ask for, and their risks.",
	    { "caps", "--json" }, 0 },
	{ "schema", "A JSON Schema of what oxg reads and writes; without a name, the names.",
	    { "schema" }, 0, TAKES({ "name", SCHEMA, false, NULL, "as policy, manifest, report" }) },
	{ "doctor", "What this machine gives a jail, and what is missing.",
	    { "doctor", "--json" }, DOCTOR },
	{ "version", "The version of oxg.", { "version" }, 0 },
};

const struct mcp_tool *mcp_tool_find(struct bytes name)
{
	for (size_t i = 0; i < COUNT(tools); i++)
		if (bytes_are(name, tools[i].name))
			return &tools[i];
	return NULL;
}

static size_t arguments_of(const struct mcp_tool *t)
{
	size_t n = 0;

	while (t->argument != NULL && t->argument[n].name != NULL)
		n++;
	return n;
}

static void schema_write(struct json_out *o, const struct mcp_tool *t)
{
	struct buf b = { 0 };
	bool any = false;

	json_open(o, '{');
	json_member(o, "type", "object");
	json_name(o, "properties");
	json_open(o, '{');
	for (size_t i = 0; i < arguments_of(t); i++) {
		b.n = 0;
		buf_printf(&b, "%s,\"description\":", schemas[t->argument[i].want]);
		json_quote(&b, bytes_of(t->argument[i].about));
		buf_byte(&b, '}');
		json_name(o, t->argument[i].name);
		json_verbatim(o, buf_bytes(&b));
		any |= t->argument[i].required;
	}
	json_close(o, '}');
	if (any) { /* draft-04 wants one at least */
		json_name(o, "required");
		json_open(o, '[');
		for (size_t i = 0; i < arguments_of(t); i++)
			if (t->argument[i].required)
				json_text(o, bytes_of(t->argument[i].name));
		json_close(o, ']');
	}
	json_member_bool(o, "additionalProperties", false);
	json_close(o, '}');
	buf_free(&b);
}

void mcp_tools_write(struct json_out *o)
{
	json_open(o, '[');
	for (size_t i = 0; i < COUNT(tools); i++) {
		json_open(o, '{');
		json_member(o, "name", tools[i].name);
		json_member(o, "description", tools[i].about);
		json_name(o, "inputSchema");
		schema_write(o, &tools[i]);
		json_name(o, "annotations");
		json_open(o, '{');
		json_member_bool(o, "readOnlyHint", !tools[i].runs);
		json_member_bool(o, "destructiveHint", false);
		json_member_bool(o, "idempotentHint", !tools[i].runs);
		json_member_bool(o, "openWorldHint", false);
		json_close(o, '}');
		json_close(o, '}');
	}
	json_close(o, ']');
}

/* ---- a call becomes words --------------------------------------------------------------- */

struct making {
	struct arena *a;
	const struct mcp_words *w;
	const struct mcp_tool *tool;
	const struct argument *arg;  /* being read */
	const struct json *j;
	struct mcp_call *c;
	const char *run_id;          /* NULL: it named none */
	struct words_list operands, rest; /* rest: behind "--" */
	struct buf limits;           /* " memory timeout ": the client has its own */
	struct why *why;
};

static int wrong(struct making *m, const char *wanted)
{
	return refuse(m->why, REFUSE_USAGE, "%s: %s: give %s", m->tool->name, m->arg->name, wanted);
}

/* A string without NUL, of at most max bytes; or NULL. */
static const char *string(struct making *m, int v, size_t max)
{
	struct bytes s;

	if (json_kind(m->j, v) != JSON_STRING)
		return NULL;
	s = json_string(m->a, m->j, v);
	return s.n > max || strlen((const char *)s.p) != s.n ? NULL : (const char *)s.p;
}

/* PART, or with parts PART/PART...: no "..", nothing hidden, no option, not absolute. */
static bool name_good(const char *s, bool parts)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	for (;;) {
		size_t n = strspn(s, letters);

		if (n == 0)
			return false;
		while (s[n] != '\0' && (strchr(letters, s[n]) != NULL || strchr(".+@-", s[n]) != NULL))
			n++;
		if (s[n] == '\0')
			return true;
		if (s[n] != '/' || !parts)
			return false;
		s += n + 1;
	}
}

static bool manifest_in(const struct making *m, int at, const char *dir, size_t n)
{
	int fd = open_beneath(at, arena_printf(m->a, "%.*smanifest.json", (int)n, dir), O_PATH, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A file of a plugin by itself would run without what its manifest says of it, and a
 * plugin in a plugin is the supplier's, not the operator's. */
static bool part_of_plugin(const struct making *m, int at, const char *name, int fd)
{
	struct stat st;

	for (const char *s = strchr(name, '/'); s != NULL; s = strchr(s + 1, '/'))
		if (manifest_in(m, at, name, (size_t)(s - name) + 1))
			return true;
	return fstat(fd, &st) != 0 || (S_ISREG(st.st_mode) && manifest_in(m, at, "", 0));
}

/* A path that the child may be told. The operator's directory may lie behind a link; what
 * is below it may not. Who can change what lies there is trusted with it. */
static const char *find_below(struct making *m, int v, bool plugin)
{
	const char *name = string(m, v, NAME_BYTES);
	const char *dir = plugin ? m->w->plugins : m->w->out != NULL ? m->w->out : "out";
	int at, fd, error;

	if (name == NULL || !name_good(name, plugin)) {
		wrong(m, plugin ? "a path below the operator's --plugins, of letters, digits and _.+@-, "
		    "no part of which begins with a dot or a dash" :
		    "the name of a run folder, of letters, digits and _.+@-");
		return NULL;
	}
	/* The working directory may be a checkout that nobody trusts: its "out" is no link. */
	at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC | (plugin || m->w->out != NULL ? 0 : O_NOFOLLOW));
	fd = at < 0 ? -1 : open_beneath(at, name, O_PATH | (plugin ? 0 : O_DIRECTORY), 0);
	error = errno;
	if (fd < 0)
		refuse(m->why, REFUSE_USAGE, "%s: there is no %s %s here that a client may name: %s",
		    m->tool->name, plugin ? "plugin" : "run folder", name,
		    error == ELOOP || error == EXDEV ? "it is a link, or behind one" : strerror(error));
	else if (plugin && part_of_plugin(m, at, name, fd))
		refuse(m->why, REFUSE_USAGE, "%s: %s is part of a plugin: name the plugin's directory",
		    m->tool->name, name);
	if (at >= 0)
		close(at);
	if (fd >= 0)
		close(fd);
	return m->why->code != REFUSAL_NONE ? NULL : arena_printf(m->a, "%s/%s", dir, name);
}

static int read_place(struct making *m, int v)
{
	const char *path = find_below(m, v, m->arg->want == PLUGIN_NAME);

	if (path == NULL)
		return -1;
	m->operands.word[m->operands.count++] = path;
	return 0;
}

static int read_places(struct making *m, int v)
{
	int n = json_kind(m->j, v) == JSON_ARRAY ? json_size(m->j, v) : 0;

	if (n < 1 || n > RUNS_MAX)
		return wrong(m, "a list of 1 to " NUMBER(RUNS_MAX) " names");
	for (int i = json_first(m->j, v); i >= 0; i = json_next(m->j, i))
		if (read_place(m, i) != 0)
			return -1;
	return 0;
}

static int read_args(struct making *m, int v)
{
	if (json_kind(m->j, v) != JSON_ARRAY || json_size(m->j, v) > ARGS_MAX)
		return wrong(m, "a list of at most " NUMBER(ARGS_MAX) " texts");
	for (int i = json_first(m->j, v); i >= 0; i = json_next(m->j, i)) {
		const char *word = string(m, i, ARG_BYTES);

		if (word == NULL)
			return wrong(m, "texts of at most " NUMBER(ARG_BYTES) " bytes without a NUL");
		m->rest.word[m->rest.count++] = word;
	}
	return 0;
}

/* The object as the client wrote it, in memory that has no name. */
static int read_object(struct making *m, int v)
{
	struct bytes text = json_raw(m->j, v);
	const char *path = "/proc/self/fd/" NUMBER(MCP_TASK_FD);

	if (json_kind(m->j, v) != JSON_OBJECT)
		return wrong(m, "a JSON object");
	m->c->task = memfd_create("task", MFD_CLOEXEC);
	if (m->c->task < 0 || write_all(m->c->task, text.p, text.n) != 0)
		return refuse(m->why, REFUSE_INPUT, "%s: cannot hold %s: %s", m->tool->name, m->arg->name,
		    strerror(errno));
	if (m->arg->option == NULL)
		m->operands.word[m->operands.count++] = path;
	else
		mcp_call_add(m->c, arena_printf(m->a, "--%s=%s", m->arg->option, path));
	return 0;
}

/* Of two limits the lower one; the operator's was judged when the server began. */
static int read_limit(struct making *m, int v)
{
	const char *text = string(m, v, 16), *mine = mcp_words_text(m->w, m->arg->option);
	bool size = m->arg->want == SIZE;
	bool (*parse)(struct bytes, uint64_t *) = size ? size_parse : duration_parse;
	uint64_t n, top;

	if (text == NULL || strchr(text, 'T') != NULL || !parse(bytes_of(text), &n) || n == 0 ||
	    strspn(text, "0123456789") > (size ? 9 : 6))
		return wrong(m, size ? "a size like 64M" : "a time like 500ms, 10s, 5m, 1h");
	if (mine != NULL && !parse(bytes_of(mine), &top))
		top = field_number(bytes_of(mine)) * 1000000000; /* --cpu-limit 5 */
	if (mine != NULL && top < n)
		text = mine;
	buf_printf(&m->limits, "%s ", m->arg->option);
	mcp_call_add(m->c, arena_printf(m->a, "--%s=%s", m->arg->option, text));
	return 0;
}

/* What blocks without the client: -1 none. A policy that cannot be read is refused by
 * the run itself. */
static int operators_severity(struct making *m)
{
	const char *word = mcp_words_text(m->w, "fail-on");
	struct policy policy = { .fail_on = -1 };
	struct why why = { .code = REFUSAL_NONE };
	struct trust_root root;

	if (word != NULL)
		return strcmp(word, "none") == 0 ? -1 : severity_find(bytes_of(word));
	if (trust_root_open(m->a, mcp_words_text(m->w, "trust"), &root, &why) != 0)
		return -1;
	if (policy_load(m->a, mcp_words_text(m->w, "policy"), mcp_words_text(m->w, "profile"), &root, &policy,
	    &why) != 0)
		policy.fail_on = -1;
	if (root.dir >= 0)
		close(root.dir);
	return policy.fail_on;
}

static int read_severity(struct making *m, int v)
{
	const char *word = string(m, v, 8);
	int i = 0, mine = operators_severity(m);

	while (i < SEV_COUNT && (word == NULL || strcmp(severity_name((enum severity)i), word) != 0))
		i++;
	if (i == SEV_COUNT)
		return wrong(m, "info, low, med, high or crit");
	if (mine >= 0 && mine < i)
		i = mine;
	buf_printf(&m->limits, "%s ", m->arg->option);
	mcp_call_add(m->c, arena_printf(m->a, "--%s=%s", m->arg->option, severity_name((enum severity)i)));
	return 0;
}

static int read_word(struct making *m, int v)
{
	static const char *const formats[][2] = {
		{ "json", "--json" }, { "markdown", "--md" }, { "sarif", "--sarif" },
	};
	const char *word = string(m, v, 64);

	if (m->arg->want == ULID) {
		m->run_id = word;
		return word != NULL && ulid_valid(bytes_of(word)) ? 0 :
		    wrong(m, "a ULID: 26 characters of 0-9 and A-Z without I, L, O, U");
	}
	if (m->arg->want == SCHEMA) {
		m->operands.word[m->operands.count++] = word;
		return word != NULL && word[0] >= 'a' && word[0] <= 'z' &&
		    word[strspn(word, "abcdefghijklmnopqrstuvwxyz_.")] == '\0' ? 0 :
		    wrong(m, "one of the names that schema lists without it");
	}
	for (size_t i = 0; word != NULL && i < COUNT(formats); i++)
		if (strcmp(word, formats[i][0]) == 0) {
			mcp_call_add(m->c, formats[i][1]);
			mcp_call_add(m->c, "-");
			return 0;
		}
	return wrong(m, "json, markdown or sarif");
}

static int read_argument(struct making *m, int v)
{
	switch (m->arg->want) {
	case PLUGIN_NAME:
	case RUN_NAME:
		return read_place(m, v);
	case RUN_NAMES:
		return read_places(m, v);
	case ARGS:
		return read_args(m, v);
	case TASK:
		return read_object(m, v);
	case TIME:
	case SIZE:
		return read_limit(m, v);
	case SEVERITY:
		return read_severity(m, v);
	case ULID:
	case FORMAT:
	case SCHEMA:
		return read_word(m, v);
	}
	return wrong(m, "nothing");
}

/* A member that no argument is called is refused, whatever it says. */
static int refuse_others(struct making *m, int arguments)
{
	struct buf known = { 0 };
	int rc = 0;

	for (size_t i = 0; i < arguments_of(m->tool); i++)
		buf_printf(&known, "%s%s", i > 0 ? ", " : "", m->tool->argument[i].name);
	buf_byte(&known, '\0');
	for (int v = json_first(m->j, arguments); v >= 0 && rc == 0; v = json_next(m->j, v)) {
		struct bytes name = json_string(m->a, m->j, v);
		size_t i = 0;

		while (i < arguments_of(m->tool) && !bytes_are(name, m->tool->argument[i].name))
			i++;
		if (i == arguments_of(m->tool))
			rc = refuse(m->why, REFUSE_USAGE, "%s has no argument \"%.*s\"; it takes: %s. What "
			    "the operator said when this server began cannot be said here", m->tool->name,
			    name.n < 64 ? (int)name.n : 64, (const char *)name.p,
			    known.n > 1 ? (const char *)known.p : "none");
	}
	buf_free(&known);
	return rc;
}

/* Where the new folder is called by its run's id, a client can name it afterwards. */
static int add_run(struct making *m)
{
	static char made[27]; /* until the next call */
	struct clock clock = { 0 };

	if (clock_start(&clock, m->why) != 0)
		return -1;
	ulid_new(made, clock_milliseconds(&clock));
	if (m->run_id == NULL)
		m->run_id = made;
	if (m->tool->given == RUN)
		mcp_call_add(m->c, arena_printf(m->a, "--run-id=%s", m->run_id));
	if (m->w->out != NULL || m->tool->given == REPLAY)
		mcp_call_add(m->c, arena_printf(m->a, "--out=%s/%s", m->w->out != NULL ? m->w->out : "out", m->run_id));
	return 0;
}

static int add_policy(struct making *m)
{
	const char *file = mcp_words_text(m->w, "policy");

	if (file == NULL)
		return refuse(m->why, REFUSE_USAGE, "%s: policy is missing, and this server was not given one "
		    "with --policy", m->tool->name);
	m->operands.word[m->operands.count++] = file;
	return 0;
}

static int read_arguments(struct making *m, int arguments)
{
	int rc = refuse_others(m, arguments);

	for (size_t i = 0; i < arguments_of(m->tool) && rc == 0; i++) {
		int v = json_get(m->j, arguments, m->tool->argument[i].name);

		m->arg = &m->tool->argument[i];
		if (v >= 0)
			rc = read_argument(m, v);
		else if (m->arg->required)
			rc = refuse(m->why, REFUSE_USAGE, "%s: %s is missing: %s", m->tool->name, m->arg->name,
			    m->arg->about);
	}
	return rc;
}

/* Options first: behind the operands of a run everything may be the plugin's. */
static void add_rest(struct making *m)
{
	buf_byte(&m->limits, '\0');
	mcp_words_add(m->a, m->w, m->tool->given, (const char *)m->limits.p, m->c);
	for (size_t i = 0; i < m->operands.count; i++)
		mcp_call_add(m->c, m->operands.word[i]);
	if (m->rest.count > 0)
		mcp_call_add(m->c, "--");
	for (size_t i = 0; i < m->rest.count; i++)
		mcp_call_add(m->c, m->rest.word[i]);
}

int mcp_call_make(struct arena *a, const struct mcp_words *w, const struct mcp_tool *tool,
    const struct json *j, int arguments, struct mcp_call *out, struct why *why)
{
	struct making m = { .a = a, .w = w, .tool = tool, .j = j, .c = out, .why = why };
	int rc;

	*out = (struct mcp_call){ .task = -1 };
	buf_text(&m.limits, " ");
	mcp_call_add(out, "oxg");
	for (size_t i = 0; i < COUNT(tool->verb) && tool->verb[i] != NULL; i++)
		mcp_call_add(out, tool->verb[i]);
	rc = read_arguments(&m, arguments);
	if (rc == 0 && tool->runs)
		rc = add_run(&m);
	if (rc == 0 && strcmp(tool->verb[0], "policy") == 0 && m.operands.count == 0)
		rc = add_policy(&m);
	if (rc == 0)
		add_rest(&m);
	buf_free(&m.limits);
	if (rc != 0 && out->task >= 0) {
		close(out->task);
		out->task = -1;
	}
	return rc;
}

/* ---- what came of it ----------------------------------------------------------------------- */

const char *mcp_status_word(const struct mcp_tool *tool, int status)
{
	static const struct { int status; const char *word; } words[] = {
#define X(name, number, text) { number, text },
		STATUSES(X)
#undef X
	};

	if (tool->differs && status == STATUS_BLOCK)
		return "they differ";
	if (status == STATUS_OK && tool->given != RUN && tool->given != GATE)
		return "done";
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].status == status)
			return words[i].word;
	return "no status of oxg";
}

bool mcp_status_bad(int status)
{
	return status >= STATUS_USAGE && status <= STATUS_EVIDENCE;
}
