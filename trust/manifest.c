/*
 * manifest.c - what a plugin says of itself: manifest.json in its two forms.
 * Runs in the supervisor, before anything is forked, on hostile bytes.
 *
 * A form is a table of members; a member is a name, a reader, and the words
 * that say what has to stand there. Unknown, doubled (lib/json.c), empty and
 * wrong-typed members are refused. Nothing here grants: a manifest asks.
 */
#include <string.h>

#include "trust/trust.h"

#define TEXT_MAX 1024       /* code points of a description or an entry */
#define VERSION_MAX 64
#define HINT_MAX 255        /* code points of publicKey, a path or a name */
#define ARG_MAX_BYTES 4096  /* one word of args */
#define CPU_SECONDS_MAX 1000000000 /* an integer cpu, so that ns fit */
#define PIDS_MAX 65536

struct reader {
	struct arena *a;
	const struct json *j;
	struct manifest *m;
	struct why *why;
};

struct member {
	const char *name;
	bool (*read)(struct reader *r, int v);
	bool required;
	const char *expected; /* "...must be <expected>" */
};

#define SIZE_WORDS "a size such as \"256M\" (K, M, G, T; not 0)"
#define TIME_WORDS "a time such as \"10s\" (ms, s, m, h; not 0)"
#define PATH_WORDS "a path below the plugin's directory, without \"..\""

/* ---- words ------------------------------------------------------------------ */

static size_t code_points(struct bytes s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += (s.p[i] & 0xc0) != 0x80;
	return count;
}

/* One line of text, 1 to max code points; NULL when it is something else. */
static const char *line_of(struct reader *r, int v, size_t max)
{
	struct bytes s;

	if (json_kind(r->j, v) != JSON_STRING)
		return NULL;
	s = json_string(r->a, r->j, v);
	if (s.n == 0 || code_points(s) > max)
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		if (text_control(s.p[i]))
			return NULL;
	return (const char *)s.p;
}

static const char *path_of(struct reader *r, int v)
{
	if (json_kind(r->j, v) != JSON_STRING)
		return NULL;
	return path_clean(r->a, json_string(r->a, r->j, v));
}

/* ---- tables of members -------------------------------------------------------- */

static const struct member *member_find(const struct json *j, int name,
    const struct member *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (json_is(j, name, table[i].name))
			return &table[i];
	return NULL;
}

static const char *member_names(struct arena *a, const struct member *table,
    size_t count)
{
	const char *names = table[0].name;

	for (size_t i = 1; i < count; i++)
		names = arena_printf(a, "%s, %s", names, table[i].name);
	return names;
}

/* Every member of the object v by its table. where is "" or "signature.". */
static bool members_read(struct reader *r, int v, const char *where,
    const struct member *table, size_t count)
{
	if (json_kind(r->j, v) != JSON_OBJECT)
		return false;
	for (int n = json_first(r->j, v); n >= 0; n = json_next(r->j, n)) {
		const struct member *m = member_find(r->j, n, table, count);

		if (!m)
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: %s is unknown%s%.*s; known are %s",
			    text_shown(r->a, json_string(r->a, r->j, n)), *where ? " in " : "",
			    *where ? (int)strlen(where) - 1 : 0, where,
			    member_names(r->a, table, count));
		if (!m->read(r, json_value(r->j, n)))
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: \"%s%s\" must be %s", where, m->name,
			    m->expected);
	}
	for (size_t i = 0; i < count; i++)
		if (table[i].required && json_get(r->j, v, table[i].name) < 0)
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: \"%s%s\" is missing; it must be %s", where,
			    table[i].name, table[i].expected);
	return true;
}

/* The same for an object in which something has to stand. */
static bool object_read(struct reader *r, int v, const char *where,
    const struct member *table, size_t count)
{
	return json_size(r->j, v) > 0 && members_read(r, v, where, table, count);
}

/* ---- members of both forms ------------------------------------------------------ */

static bool read_schema(struct reader *r, int v)
{
	return line_of(r, v, TEXT_MAX); /* for editors; nothing follows from it */
}

static bool read_name(struct reader *r, int v)
{
	r->m->name = line_of(r, v, NAME_MAX_CHARS);
	return text_word(r->m->name, NAME_MAX_CHARS, "._-");
}

static bool read_version(struct reader *r, int v)
{
	r->m->version = line_of(r, v, VERSION_MAX);
	return text_word(r->m->version, VERSION_MAX, "._+~:-");
}

static bool read_description(struct reader *r, int v)
{
	r->m->description = line_of(r, v, TEXT_MAX);
	return r->m->description;
}

static bool digest_of(struct reader *r, int v, unsigned char out[SHA256_SIZE])
{
	return json_kind(r->j, v) == JSON_STRING &&
	    hex_decode(json_string(r->a, r->j, v), out, SHA256_SIZE);
}

static bool file_is_known(const struct manifest *m, const char *path)
{
	for (size_t i = 0; i < m->files; i++)
		if (!strcmp(m->file[i].path, path))
			return true;
	return false;
}

static bool read_files(struct reader *r, int v)
{
	int count = json_size(r->j, v);

	if (json_kind(r->j, v) != JSON_OBJECT || count < 1 || count > MANIFEST_FILES)
		return false;
	r->m->file = arena_array(r->a, (size_t)count, sizeof(*r->m->file));
	for (int n = json_first(r->j, v); n >= 0; n = json_next(r->j, n)) {
		struct bytes name = json_string(r->a, r->j, n);
		struct manifest_file *f = &r->m->file[r->m->files];

		f->path = path_clean(r->a, name);
		if (!f->path)
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: \"files\" names %s; it must be " PATH_WORDS,
			    text_shown(r->a, name));
		if (file_is_known(r->m, f->path))
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: \"files\" names %s twice; keep one",
			    text_shown(r->a, name));
		if (!digest_of(r, json_value(r->j, n), f->sha256))
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: \"files\" gives %s no SHA-256; it must be 64 "
			    "hex digits, as sha256sum prints them", text_shown(r->a, name));
		r->m->files++;
	}
	return true;
}

static bool read_runtime(struct reader *r, int v)
{
	r->m->runtime = line_of(r, v, NAME_MAX_CHARS);
	r->m->broker = true; /* a script talks through /bin/oxg */
	return text_word(r->m->runtime, NAME_MAX_CHARS, "._-");
}

static bool duration_of(struct reader *r, int v, uint64_t *ns)
{
	return json_kind(r->j, v) == JSON_STRING &&
	    duration_parse(json_string(r->a, r->j, v), ns) && *ns > 0;
}

static bool read_cpu(struct reader *r, int v)
{
	int64_t seconds;

	if (json_kind(r->j, v) == JSON_STRING)
		return duration_of(r, v, &r->m->resources.cpu_ns);
	if (!json_integer(r->j, v, &seconds) || seconds < 1 ||
	    seconds > CPU_SECONDS_MAX)
		return false;
	r->m->resources.cpu_ns = (uint64_t)seconds * 1000000000u;
	return true;
}

static bool read_memory(struct reader *r, int v)
{
	return json_kind(r->j, v) == JSON_STRING &&
	    size_parse(json_string(r->a, r->j, v), &r->m->resources.memory) &&
	    r->m->resources.memory > 0;
}

static bool read_timeout(struct reader *r, int v)
{
	return duration_of(r, v, &r->m->resources.wall_ns);
}

static bool read_pids(struct reader *r, int v)
{
	int64_t pids;

	if (!json_integer(r->j, v, &pids) || pids < 1 || pids > PIDS_MAX)
		return false;
	r->m->resources.pids = (uint64_t)pids;
	return true;
}

static bool read_resources(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "cpu", read_cpu, false, TIME_WORDS " or whole seconds" },
		{ "memory", read_memory, false, SIZE_WORDS },
		{ "timeout", read_timeout, false, TIME_WORDS },
		{ "pids", read_pids, false, "a number from 1 to 65536" },
	};

	return object_read(r, v, "resources.", table, COUNT(table));
}

static bool read_findings(struct reader *r, int v)
{
	struct bytes s;
	size_t skip = 0;

	if (json_kind(r->j, v) != JSON_STRING)
		return false;
	s = json_string(r->a, r->j, v);
	if (bytes_are(s, "broker") || bytes_are(s, "stdout")) {
		r->m->findings = s.p[0] == 'b' ? FINDINGS_BROKER : FINDINGS_STDOUT;
		return true;
	}
	if (s.n > 6 && !memcmp(s.p, "sarif:", 6)) {
		r->m->findings = FINDINGS_SARIF;
		skip = 6;
	} else if (s.n > 5 && !memcmp(s.p, "json:", 5)) {
		r->m->findings = FINDINGS_JSON;
		skip = 5;
	} else {
		return false;
	}
	r->m->findings_path = path_clean(r->a, (struct bytes){ s.p + skip, s.n - skip });
	return r->m->findings_path;
}

static bool read_args(struct reader *r, int v)
{
	int count = json_size(r->j, v);

	if (json_kind(r->j, v) != JSON_ARRAY || count < 1 || count > MANIFEST_ARGS)
		return false;
	r->m->arg = arena_array(r->a, (size_t)count, sizeof(*r->m->arg));
	for (int e = json_first(r->j, v); e >= 0; e = json_next(r->j, e)) {
		struct bytes s;

		if (json_kind(r->j, e) != JSON_STRING)
			return false;
		s = json_string(r->a, r->j, e);
		if (code_points(s) > ARG_MAX_BYTES || (s.n && memchr(s.p, 0, s.n)))
			return false;
		r->m->arg[r->m->args++] = arena_text(r->a, s);
	}
	return true;
}

static bool read_hosts(struct reader *r, int v)
{
	int count = json_size(r->j, v);

	if (json_kind(r->j, v) != JSON_ARRAY || count < 1 || count > MANIFEST_HOSTS)
		return false;
	r->m->host = arena_array(r->a, (size_t)count, sizeof(*r->m->host));
	for (int e = json_first(r->j, v); e >= 0; e = json_next(r->j, e)) {
		struct bytes s;
		const char *host;
		uint16_t port;

		if (json_kind(r->j, e) != JSON_STRING)
			return false;
		s = json_string(r->a, r->j, e);
		if (!host_split(r->a, s, &host, &port))
			return !refuse(r->why, REFUSE_MANIFEST,
			    "manifest.json: \"egress.hosts\" names %s; it must be a host, "
			    "or host:port, without wildcards", text_shown(r->a, s));
		r->m->host[r->m->hosts++] = text_lower(r->a, s);
	}
	return true;
}

static bool read_egress(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "hosts", read_hosts, true, "an array of 1 to 64 hosts, \"host\" or \"host:port\"" },
	};

	return object_read(r, v, "egress.", table, COUNT(table));
}

/* ---- the array form ------------------------------------------------------------- */

static bool read_entry_text(struct reader *r, int v)
{
	r->m->entry = line_of(r, v, TEXT_MAX); /* 0xGen's label; what runs is "artifact" */
	return r->m->entry;
}

static bool read_artifact(struct reader *r, int v)
{
	r->m->artifact = path_of(r, v);
	return r->m->artifact;
}

static bool capability_add(struct reader *r, int v)
{
	struct bytes name;
	int c;

	if (json_kind(r->j, v) != JSON_STRING)
		return false;
	name = json_string(r->a, r->j, v);
	c = capability_find(name);
	if (c < 0)
		return !refuse(r->why, REFUSE_MANIFEST,
		    "manifest.json: \"capabilities\" names %s, which does not exist; "
		    "\"oxg caps\" lists what does", text_shown(r->a, name));
	if (r->m->capabilities & CAP_BIT(c))
		return !refuse(r->why, REFUSE_MANIFEST,
		    "manifest.json: \"capabilities\" names %s twice; keep one",
		    capability_name((enum capability)c));
	r->m->capabilities |= CAP_BIT(c);
	return true;
}

static bool read_capability_names(struct reader *r, int v)
{
	if (json_kind(r->j, v) != JSON_ARRAY || json_size(r->j, v) < 1)
		return false;
	for (int e = json_first(r->j, v); e >= 0; e = json_next(r->j, e))
		if (!capability_add(r, e))
			return false;
	if ((r->m->capabilities & CAP_BIT(CAP_FLOW_INSPECT_RAW)) &&
	    !(r->m->capabilities & CAP_BIT(CAP_FLOW_INSPECT)))
		return !refuse(r->why, REFUSE_MANIFEST,
		    "manifest.json: \"capabilities\" names CAP_FLOW_INSPECT_RAW without "
		    "CAP_FLOW_INSPECT; ask for both or for neither");
	return true;
}

static bool read_signature_path(struct reader *r, int v)
{
	r->m->signature = path_of(r, v);
	return r->m->signature;
}

static bool read_public_key(struct reader *r, int v)
{
	r->m->public_key = line_of(r, v, HINT_MAX); /* "../keys/x.pub" is usual */
	return r->m->public_key;
}

static bool read_certificate(struct reader *r, int v)
{
	r->m->certificate = path_of(r, v);
	return r->m->certificate;
}

static bool read_signature(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "signature", read_signature_path, true, PATH_WORDS },
		{ "publicKey", read_public_key, false, "the name of a key in the trust root's keys/" },
		{ "certificate", read_certificate, false, PATH_WORDS },
	};

	if (!object_read(r, v, "signature.", table, COUNT(table)))
		return false;
	if (r->m->public_key && r->m->certificate)
		return !refuse(r->why, REFUSE_MANIFEST,
		    "manifest.json: \"signature\" holds both \"publicKey\" and "
		    "\"certificate\"; keep one of them");
	return true;
}

static bool read_trusted(struct reader *r, int v)
{
	/* Read and ignored: trust comes from the operator alone. */
	r->m->trusted_present = true;
	return json_kind(r->j, v) == JSON_TRUE || json_kind(r->j, v) == JSON_FALSE;
}

static bool read_config(struct reader *r, int v)
{
	r->m->config = json_raw(r->j, v);
	return json_kind(r->j, v) == JSON_OBJECT;
}

/* ---- the object form -------------------------------------------------------------- */

static bool read_entry_path(struct reader *r, int v)
{
	r->m->entry = line_of(r, v, TEXT_MAX);
	r->m->artifact = path_of(r, v);
	return r->m->artifact;
}

/* ["broker"]: the broker is the only way out there is. */
static bool is_broker_only(struct reader *r, int v)
{
	return json_kind(r->j, v) == JSON_ARRAY && json_size(r->j, v) == 1 &&
	    json_is(r->j, json_first(r->j, v), "broker");
}

static bool asks(struct reader *r, int v, enum capability c)
{
	if (json_kind(r->j, v) == JSON_TRUE)
		r->m->capabilities |= CAP_BIT(c);
	return json_kind(r->j, v) == JSON_TRUE || json_kind(r->j, v) == JSON_FALSE;
}

static bool read_http_outbound(struct reader *r, int v)
{
	r->m->capabilities |= CAP_BIT(CAP_HTTP_ACTIVE);
	return is_broker_only(r, v);
}

static bool read_ws_outbound(struct reader *r, int v)
{
	r->m->capabilities |= CAP_BIT(CAP_WS);
	return is_broker_only(r, v);
}

static bool read_storage_workspace(struct reader *r, int v)
{
	return asks(r, v, CAP_STORAGE);
}

static bool read_secrets_broker(struct reader *r, int v)
{
	return asks(r, v, CAP_SECRETS_READ);
}

#define OUTBOUND_WORDS "[\"broker\"]: the broker is the only way out"
#define BOOL_WORDS "true or false"

static bool read_http(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "outbound", read_http_outbound, true, OUTBOUND_WORDS },
	};

	return object_read(r, v, "capabilities.http.", table, COUNT(table));
}

static bool read_ws(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "outbound", read_ws_outbound, true, OUTBOUND_WORDS },
	};

	return object_read(r, v, "capabilities.ws.", table, COUNT(table));
}

static bool read_storage(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "workspace", read_storage_workspace, true, BOOL_WORDS },
	};

	return object_read(r, v, "capabilities.storage.", table, COUNT(table));
}

static bool read_secrets(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "broker", read_secrets_broker, true, BOOL_WORDS },
	};

	return object_read(r, v, "capabilities.secrets.", table, COUNT(table));
}

static bool read_capability_objects(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "http", read_http, false, "an object: {\"outbound\": [\"broker\"]}" },
		{ "ws", read_ws, false, "an object: {\"outbound\": [\"broker\"]}" },
		{ "storage", read_storage, false, "an object: {\"workspace\": true}" },
		{ "secrets", read_secrets, false, "an object: {\"broker\": true}" },
	};

	/* No member of this form names findings, and a plugin that may report
	 * nothing is of no use: the form itself asks for them. */
	r->m->capabilities |= CAP_BIT(CAP_EMIT_FINDINGS);
	return members_read(r, v, "capabilities.", table, COUNT(table));
}

static bool read_sandbox_user(struct reader *r, int v)
{
	/* Both are uid 65534 in the jail. */
	return json_is(r->j, v, "oxg") || json_is(r->j, v, "nobody");
}

static bool read_sandbox_mounts(struct reader *r, int v)
{
	if (json_kind(r->j, v) != JSON_ARRAY || json_size(r->j, v) > 1)
		return false;
	return json_size(r->j, v) == 0 || json_is(r->j, json_first(r->j, v), "workspace");
}

static bool read_sandbox_network(struct reader *r, int v)
{
	return json_is(r->j, v, "isolated") || json_is(r->j, v, "none");
}

static bool read_sandbox(struct reader *r, int v)
{
	static const struct member table[] = {
		{ "user", read_sandbox_user, false, "\"oxg\" or \"nobody\"; there is no other user in the jail" },
		{ "mounts", read_sandbox_mounts, false, "[\"workspace\"] or []; there is no other mount in the jail" },
		{ "network", read_sandbox_network, false, "\"isolated\" or \"none\"; there is no network in the jail" },
	};

	return object_read(r, v, "sandbox.", table, COUNT(table));
}

/* ---- the two forms ------------------------------------------------------------------ */

#define OBJECT_WORDS(what) "an object that holds " what
#define MEMBERS_OF_BOTH                                                            \
	{ "$schema", read_schema, false, "a text of 1 to 1024 characters" },       \
	{ "name", read_name, true, "1 to 64 letters, digits, '.', '_', '-', "      \
	    "beginning with a letter or digit" },                                  \
	{ "version", read_version, true, "1 to 64 letters, digits, '.', '_', '+', " \
	    "'~', ':', '-', beginning with a letter or digit" },                   \
	{ "description", read_description, false, "one line of 1 to 1024 characters" }, \
	{ "files", read_files, false, OBJECT_WORDS("1 to 4096 paths with their SHA-256") }, \
	{ "runtime", read_runtime, false, "\"system\" or the name of a runtime" }, \
	{ "resources", read_resources, false, OBJECT_WORDS("cpu, memory, timeout or pids") }, \
	{ "findings", read_findings, false, "\"broker\", \"stdout\", \"sarif:PATH\" or " \
	    "\"json:PATH\", PATH below /workspace" },                              \
	{ "args", read_args, false, "an array of 1 to 64 texts" },                 \
	{ "egress", read_egress, false, OBJECT_WORDS("hosts") }

static const struct member array_form[] = {
	MEMBERS_OF_BOTH,
	{ "entry", read_entry_text, true, "one line of 1 to 1024 characters" },
	{ "artifact", read_artifact, true, PATH_WORDS },
	{ "capabilities", read_capability_names, true, "an array of at least one capability name" },
	{ "signature", read_signature, false, OBJECT_WORDS("signature, and publicKey or certificate") },
	{ "trusted", read_trusted, false, "true or false (and is ignored)" },
	{ "config", read_config, false, "an object" },
};

static const struct member object_form[] = {
	MEMBERS_OF_BOTH,
	{ "entry", read_entry_path, true, PATH_WORDS },
	{ "capabilities", read_capability_objects, true, OBJECT_WORDS("http, ws, storage or secrets") },
	{ "sandbox", read_sandbox, false, OBJECT_WORDS("user, mounts or network") },
};

int manifest_parse(struct arena *a, struct bytes text, struct manifest *out,
    struct why *why)
{
	struct json j;
	struct reader r = { a, &j, out, why };
	char error[200];
	bool good = false;

	*out = (struct manifest){ .findings = FINDINGS_BROKER };
	if (text.n > MANIFEST_BYTES)
		return refuse(why, REFUSE_MANIFEST,
		    "manifest.json: has %zu bytes; %u are allowed", text.n, MANIFEST_BYTES);
	if (json_parse(a, text, &j, error) < 0)
		return refuse(why, REFUSE_MANIFEST, "manifest.json: %s", error);
	if (json_kind(&j, 0) != JSON_OBJECT)
		return refuse(why, REFUSE_MANIFEST, "manifest.json: must be one JSON object");
	/* The forms are told apart by this member alone. */
	switch (json_kind(&j, json_get(&j, 0, "capabilities"))) {
	case JSON_ARRAY:
		out->form = FORM_ARRAY;
		good = members_read(&r, 0, "", array_form, COUNT(array_form));
		break;
	case JSON_OBJECT:
		out->form = FORM_OBJECT;
		good = members_read(&r, 0, "", object_form, COUNT(object_form));
		break;
	case JSON_NONE:
		return refuse(why, REFUSE_MANIFEST,
		    "manifest.json: \"capabilities\" is missing; write an array of "
		    "capability names, or an object with http, ws, storage, secrets");
	default:
		return refuse(why, REFUSE_MANIFEST,
		    "manifest.json: \"capabilities\" must be an array of capability "
		    "names, or an object with http, ws, storage, secrets");
	}
	return good ? 0 : -1;
}

int manifest_bare(struct arena *a, const char *file_name, struct manifest *out,
    struct why *why)
{
	*out = (struct manifest){ .form = FORM_BARE, .version = "0",
	    .findings = FINDINGS_STDOUT,
	    .capabilities = CAP_BIT(CAP_EMIT_FINDINGS) };
	if (!text_word(file_name, NAME_MAX_CHARS, "._-"))
		return refuse(why, REFUSE_MANIFEST,
		    "%s: the file name of a bare executable is the plugin's name and must "
		    "be 1 to 64 letters, digits, '.', '_', '-', beginning with a letter or "
		    "digit; rename it or write a manifest.json",
		    text_shown(a, bytes_of(file_name)));
	out->name = arena_text(a, bytes_of(file_name));
	out->entry = out->artifact = out->name;
	return 0;
}
