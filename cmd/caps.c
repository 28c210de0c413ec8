/*
 * caps.c - what can be read without a plugin: the capabilities with their risk
 * ("oxg caps") and the embedded JSON Schemas ("oxg schema"). One process.
 */
#include <string.h>

#include "broker/broker.h"
#include "cmd/cmd.h"
#include "evidence/evidence.h"

#define NEEDS_NOTHING (-1)

/* Told to people who decide on a grant: what it opens, and what still holds. */
static const struct capability_note notes[CAPABILITY_COUNT] = {
	[CAP_EMIT_FINDINGS] = { "report findings",
	    "hands findings to the broker, which checks and records them",
	    "a fixed schema, a ceiling on lines, and escaping in every report",
	    NEEDS_NOTHING },
	[CAP_AI_ANALYSIS] = { "ask a language model",
	    "sends text to the one endpoint that the policy names and reads its answer",
	    "the endpoint is the operator's choice, secrets are masked, calls are counted",
	    NEEDS_NOTHING },
	[CAP_HTTP_ACTIVE] = { "send HTTP requests",
	    "has the broker send requests to hosts that manifest and policy both name",
	    "off without proxy.enable; addresses are checked, requests budgeted and recorded",
	    NEEDS_NOTHING },
	[CAP_HTTP_PASSIVE] = { "see recorded HTTP",
	    "reads summaries of traffic that the operator recorded",
	    "sanitised: bodies and credentials are left out; nothing is sent",
	    NEEDS_NOTHING },
	[CAP_FLOW_INSPECT] = { "inspect flows",
	    "reads single recorded exchanges, headers included",
	    "credentials are masked and bodies replaced by their digest",
	    NEEDS_NOTHING },
	[CAP_FLOW_INSPECT_RAW] = { "inspect raw flows",
	    "reads recorded exchanges as they were, with passwords, cookies and bodies",
	    "never without CAP_FLOW_INSPECT, never by default; every read is journalled",
	    CAP_FLOW_INSPECT },
	[CAP_WS] = { "open WebSockets",
	    "has the broker hold WebSocket connections to hosts that manifest and policy name",
	    "the rules of CAP_HTTP_ACTIVE, applied to every connection and message",
	    NEEDS_NOTHING },
	[CAP_SPIDER] = { "crawl a site",
	    "has the broker follow links inside the allowed hosts",
	    "bounded in depth, pages and time; robots.txt is obeyed",
	    NEEDS_NOTHING },
	[CAP_REPORT] = { "add a report",
	    "stores a report of its own beside ours",
	    "kept apart from our reports, size limited, never rendered by us",
	    NEEDS_NOTHING },
	[CAP_STORAGE] = { "keep files",
	    "hands files of its workspace over, to be kept in the run folder",
	    "regular files only, a ceiling on bytes, every file hashed",
	    NEEDS_NOTHING },
	[CAP_WORKSPACE_READ] = { "read the project",
	    "reads the tree that the operator names with --project",
	    "below that directory only, no links followed, every read journalled",
	    NEEDS_NOTHING },
	[CAP_WORKSPACE_WRITE] = { "propose changes",
	    "writes and deletes in the project as staged changes",
	    "nothing is changed before the gate passed and the operator applied it; "
	    "protected paths need an approval",
	    NEEDS_NOTHING },
	[CAP_NET_OUTBOUND] = { "reach out",
	    "is a name that plugin kits write beside CAP_HTTP_ACTIVE; alone it opens nothing",
	    "the jail has no network; only the broker's own requests leave it",
	    NEEDS_NOTHING },
	[CAP_SECRETS_READ] = { "read secrets",
	    "asks the broker for secrets that policy and --secret both name",
	    "never in arguments, environment or files; masked wherever they would be written",
	    NEEDS_NOTHING },
};

const struct capability_note *capability_note(enum capability c)
{
	return &notes[c];
}

/* ---- caps ------------------------------------------------------------------------ */

static void caps_text(struct buf *out)
{
	for (int c = 0; c < CAPABILITY_COUNT; c++) {
		const struct capability_note *n = &notes[c];

		buf_printf(out, "%s%s  (%s; risk %s%s)\n", c ? "\n" : "",
		    capability_name((enum capability)c), n->title,
		    risk_word(capability_risk((enum capability)c)),
		    capability_offered((enum capability)c) ? "" : "; not offered by this build");
		buf_printf(out, "    %s\n    held by: %s\n", n->allows, n->mitigation);
		if (n->needs != NEEDS_NOTHING)
			buf_printf(out, "    needs: %s\n",
			    capability_name((enum capability)n->needs));
	}
}

static void caps_json(struct buf *out)
{
	struct json_out o = json_start(out, false);

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_name(&o, "capabilities");
	json_open(&o, '[');
	for (int c = 0; c < CAPABILITY_COUNT; c++) {
		const struct capability_note *n = &notes[c];

		json_open(&o, '{');
		json_member(&o, "name", capability_name((enum capability)c));
		json_member(&o, "title", n->title);
		json_member(&o, "risk", risk_word(capability_risk((enum capability)c)));
		json_member(&o, "allows", n->allows);
		json_member(&o, "mitigation", n->mitigation);
		json_member_bool(&o, "offered", capability_offered((enum capability)c));
		json_name(&o, "needs");
		json_open(&o, '[');
		if (n->needs != NEEDS_NOTHING)
			json_text(&o, bytes_of(capability_name((enum capability)n->needs)));
		json_close(&o, ']');
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	buf_byte(out, '\n');
}

int cmd_caps(int argc, char **argv)
{
	bool json = false;
	const struct option_spec option[] = {
		{ "json", OPT_FLAG, NULL, "one JSON object on stdout", &json },
	};
	const struct command c = { "caps", "[options]",
		"Says what each capability opens, its risk, and what still holds.",
		option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf out = { 0 };
	int status;

	options_read(&c, argc, argv, &operands, NULL);
	if (operands.count)
		die(STATUS_USAGE, "oxg caps takes no argument: it lists all of them");
	(json ? caps_json : caps_text)(&out);
	status = command_print(&out);
	buf_free(&out);
	return status;
}

/* ---- schema ---------------------------------------------------------------------- */

/* "policy", "policy.schema.json" and "schema/policy.schema.json" are one. */
static struct bytes schema_stem(const char *name)
{
	const char *slash = strrchr(name, '/');
	struct bytes stem = bytes_of(slash ? slash + 1 : name);
	static const char end[] = ".schema.json";
	size_t n = sizeof(end) - 1;

	if (stem.n > n && !memcmp(stem.p + stem.n - n, end, n))
		stem.n -= n;
	return stem;
}

static void schema_list(struct buf *out)
{
	struct bytes text;
	const char *is;

	buf_text(out, "manifest\n");
	for (size_t i = 0; (is = schema_embedded(i, &text)) != NULL; i++)
		buf_printf(out, "%s\n", is);
}

static bool schema_add(struct bytes name, struct buf *out)
{
	struct bytes text;
	const char *is;

	for (size_t i = 0; (is = schema_embedded(i, &text)) != NULL; i++)
		if (bytes_are(name, is)) {
			buf_add(out, text.p, text.n);
			return true;
		}
	return false;
}

/* Both forms in one document, told apart as the reader tells them. */
static bool schema_manifest(struct buf *out)
{
	buf_text(out, "{\n\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
	    "\"$id\": \"manifest.schema.json\",\n"
	    "\"title\": \"oxg plugin manifest, either form\",\n"
	    "\"type\": \"object\",\n"
	    "\"required\": [\"capabilities\"],\n"
	    "\"properties\": {\"capabilities\": "
	    "{\"anyOf\": [{\"type\": \"array\"}, {\"type\": \"object\"}]}},\n"
	    "\"if\": {\"properties\": {\"capabilities\": {\"type\": \"array\"}}},\n"
	    "\"then\":\n");
	if (!schema_add(BYTES("manifest.array"), out))
		return false;
	buf_text(out, ",\n\"else\":\n");
	if (!schema_add(BYTES("manifest.object"), out))
		return false;
	buf_text(out, "}\n");
	return true;
}

static void schema_find(const char *name, struct buf *out)
{
	struct bytes stem = schema_stem(name);

	if (bytes_are(stem, "manifest") ? !schema_manifest(out) : !schema_add(stem, out))
		die(STATUS_USAGE, "oxg schema %s: there is no such schema; oxg schema lists "
		    "them", name);
}

int cmd_schema(int argc, char **argv)
{
	const struct command c = { "schema", "[NAME]",
		"Prints an embedded JSON Schema; without a name, the names there are.",
		NULL, 0 };
	struct words_list operands = { .count = 0 };
	struct buf out = { 0 };
	int status;

	options_read(&c, argc, argv, &operands, NULL);
	if (operands.count > 1)
		die(STATUS_USAGE, "oxg schema takes one name at most");
	if (operands.count)
		schema_find(operands.word[0], &out);
	else
		schema_list(&out);
	status = command_print(&out);
	buf_free(&out);
	return status;
}
