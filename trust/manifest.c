/*
 * manifest.c - what a plugin says of itself: manifest.json. Runs in the supervisor,
 * before anything is forked, on hostile bytes. objectform.c has what the second of
 * its two forms says in another way.
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
#define ARG_POINTS 4096     /* code points of one word of args */
#define CPU_SECONDS_MAX 1000000000 /* an integer cpu, so that ns fit */
#define PIDS_MAX 65536

#define SIZE_WORDS "a size such as \"256M\" (K, M, G, T; not 0)"
#define PATH_WORDS "a path below the plugin's directory, without \"..\""
#define TIME_WORDS "a time such as \"10s\" (ms, s, m, h; not 0)"

/* ---- words ------------------------------------------------------------------ */

static size_t code_points(struct bytes s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.n; i++)
		count += (s.p[i] & 0xc0) != 0x80;
	return count;
}

/* One line of text, 1 to max code points; NULL when it is something else. */
static const char *line_of(struct form_reader *r, int v, size_t max)
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

const char *form_path(struct form_reader *r, int v)
{
	if (json_kind(r->j, v) != JSON_STRING)
		return NULL;
	return path_clean(r->a, json_string(r->a, r->j, v));
}

/* ---- tables of members -------------------------------------------------------- */

static const struct form_member *member_find(const struct json *j, int name,
    const struct form_member *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (json_is(j, name, table[i].name))
			return &table[i];
	return NULL;
}

static const char *member_names(struct arena *a, const struct form_member *table,
    size_t count)
{
	const char *names = table[0].name;

	for (size_t i = 1; i < count; i++)
		names = arena_printf(a, "%s, %s", names, table[i].name);
	return names;
}

bool form_members(struct form_reader *r, int v, const char *where,
    const struct form_member *table, size_t count)
{
	if (json_kind(r->j, v) != JSON_OBJECT)
		return false;
	for (int n = json_first(r->j, v); n >= 0; n = json_next(r->j, n)) {
		const struct form_member *m = member_find(r->j, n, table, count);

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

bool form_object(struct form_reader *r, int v, const char *where,
    const struct form_member *table, size_t count)
{
	return json_size(r->j, v) > 0 && form_members(r, v, where, table, count);
}

/* ---- members of both forms ------------------------------------------------------ */

static bool read_schema(struct form_reader *r, int v)
{
	return line_of(r, v, TEXT_MAX); /* for editors; nothing follows from it */
}

static bool read_name(struct form_reader *r, int v)
{
	r->m->name = line_of(r, v, NAME_MAX_CHARS);
	return text_word(r->m->name, NAME_MAX_CHARS, "._-");
}

static bool read_version(struct form_reader *r, int v)
{
	r->m->version = line_of(r, v, VERSION_MAX);
	return text_word(r->m->version, VERSION_MAX, "._+~:-");
}

static bool read_description(struct form_reader *r, int v)
{
	r->m->description = line_of(r, v, TEXT_MAX);
	return r->m->description;
}

static bool digest_of(struct form_reader *r, int v, unsigned char out[SHA256_SIZE])
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

static bool read_files(struct form_reader *r, int v)
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

static bool read_runtime(struct form_reader *r, int v)
{
	r->m->runtime = line_of(r, v, NAME_MAX_CHARS);
	r->m->broker = true; /* a script talks through /bin/oxg */
	return text_word(r->m->runtime, NAME_MAX_CHARS, "._-");
}

static bool duration_of(struct form_reader *r, int v, uint64_t *ns)
{
	return json_kind(r->j, v) == JSON_STRING &&
	    duration_parse(json_string(r->a, r->j, v), ns) && *ns > 0;
}

static bool read_cpu(struct form_reader *r, int v)
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

static bool read_memory(struct form_reader *r, int v)
{
	return json_kind(r->j, v) == JSON_STRING &&
	    size_parse(json_string(r->a, r->j, v), &r->m->resources.memory) &&
	    r->m->resources.memory > 0;
}

static bool read_timeout(struct form_reader *r, int v)
{
	return duration_of(r, v, &r->m->resources.wall_ns);
}

static bool read_pids(struct form_reader *r, int v)
{
	int64_t pids;

	if (!json_integer(r->j, v, &pids) || pids < 1 || pids > PIDS_MAX)
		return false;
	r->m->resources.pids = (uint64_t)pids;
	return true;
}

static bool read_resources(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "cpu", read_cpu, false, TIME_WORDS " or whole seconds" },
		{ "memory", read_memory, false, SIZE_WORDS },
		{ "timeout", read_timeout, false, TIME_WORDS },
		{ "pids", read_pids, false, "a number from 1 to 65536" },
	};

	return form_object(r, v, "resources.", table, COUNT(table));
}

static bool read_findings(struct form_reader *r, int v)
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

static bool read_args(struct form_reader *r, int v)
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
		if (code_points(s) > ARG_POINTS || (s.n && memchr(s.p, 0, s.n)))
			return false;
		r->m->arg[r->m->args++] = arena_text(r->a, s);
	}
	return true;
}

static bool read_hosts(struct form_reader *r, int v)
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

static bool read_egress(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "hosts", read_hosts, true, "an array of 1 to 64 hosts, \"host\" or \"host:port\"" },
	};

	return form_object(r, v, "egress.", table, COUNT(table));
}

/* ---- the array form ------------------------------------------------------------- */

static bool read_entry_text(struct form_reader *r, int v)
{
	r->m->entry = line_of(r, v, TEXT_MAX); /* 0xGen's label; what runs is "artifact" */
	return r->m->entry;
}

static bool read_artifact(struct form_reader *r, int v)
{
	r->m->artifact = form_path(r, v);
	return r->m->artifact;
}

static bool capability_add(struct form_reader *r, int v)
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

static bool read_capability_names(struct form_reader *r, int v)
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

static bool read_signature_path(struct form_reader *r, int v)
{
	r->m->signature = form_path(r, v);
	return r->m->signature;
}

static bool read_public_key(struct form_reader *r, int v)
{
	r->m->public_key = line_of(r, v, HINT_MAX); /* "../keys/x.pub" is usual */
	return r->m->public_key;
}

static bool read_certificate(struct form_reader *r, int v)
{
	r->m->certificate = form_path(r, v);
	return r->m->certificate;
}

static bool read_signature(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "signature", read_signature_path, true, PATH_WORDS },
		{ "publicKey", read_public_key, false, "the name of a key in the trust root's keys/" },
		{ "certificate", read_certificate, false, PATH_WORDS },
	};

	if (!form_object(r, v, "signature.", table, COUNT(table)))
		return false;
	if (r->m->public_key && r->m->certificate)
		return !refuse(r->why, REFUSE_MANIFEST,
		    "manifest.json: \"signature\" holds both \"publicKey\" and "
		    "\"certificate\"; keep one of them");
	return true;
}

static bool read_trusted(struct form_reader *r, int v)
{
	/* Read and ignored: trust comes from the operator alone. */
	r->m->trusted_present = true;
	return json_kind(r->j, v) == JSON_TRUE || json_kind(r->j, v) == JSON_FALSE;
}

static bool read_config(struct form_reader *r, int v)
{
	r->m->config = json_raw(r->j, v);
	return json_kind(r->j, v) == JSON_OBJECT;
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

static const struct form_member array_form[] = {
	MEMBERS_OF_BOTH,
	{ "entry", read_entry_text, true, "one line of 1 to 1024 characters" },
	{ "artifact", read_artifact, true, PATH_WORDS },
	{ "capabilities", read_capability_names, true, "an array of at least one capability name" },
	{ "signature", read_signature, false, OBJECT_WORDS("signature, and publicKey or certificate") },
	{ "trusted", read_trusted, false, "true or false (and is ignored)" },
	{ "config", read_config, false, "an object" },
};

static const struct form_member object_form[] = {
	MEMBERS_OF_BOTH,
	{ "entry", form_entry_path, true, PATH_WORDS },
	{ "capabilities", form_capability_objects, true, OBJECT_WORDS("http, ws, storage or secrets") },
	{ "sandbox", form_sandbox, false, OBJECT_WORDS("user, mounts or network") },
};

int manifest_parse(struct arena *a, struct bytes text, struct manifest *out,
    struct why *why)
{
	struct json j;
	struct form_reader r = { a, &j, out, why };
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
		good = form_members(&r, 0, "", array_form, COUNT(array_form));
		break;
	case JSON_OBJECT:
		out->form = FORM_OBJECT;
		good = form_members(&r, 0, "", object_form, COUNT(object_form));
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
