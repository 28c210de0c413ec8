/*
 * documents.c - the embedded JSON Schemas, and which document of a run folder follows
 * which. Runs in the commands that print or check; nothing in the folder is trusted.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"
#include "schema.h"

#define HELD (1u << 20)       /* of a mapped file, before it is let go of */

struct follower {
	const char *name, *schema;
	bool lines;                /* each line is a document */
};

static const struct follower followers[] = {
	{ "run.json", "run", false },
	{ "usage.json", "usage", false },
	{ "verifier_report.json", "verifier_report", false },
	{ "gate_report.json", "gate_report", false },
	{ "security_audit.json", "security_audit", false },
	{ CHANGES, "changes", false },
	{ "inputs/policy.json", "policy", false },
	{ "findings.jsonl", "finding", true },
	{ "ledger.jsonl", "denial", true },
	{ "audit.jsonl", "allowed", true },
	{ "journal/events.jsonl", "event", true },
};

const char *schema_embedded(size_t i, struct bytes *text)
{
	static const struct bytes packed = { schemas_packed, sizeof(schemas_packed) };
	static unsigned char all[SCHEMAS_SIZE];

	if (i >= COUNT(schema_table))
		return NULL;
	if (all[0] == '\0' && !unpack(packed, all, sizeof(all)))
		die(STATUS_LOST, "the embedded schemas cannot be unpacked");
	*text = (struct bytes){ all + schema_table[i].at, schema_table[i].n };
	return schema_table[i].name;
}

/* Ours, so a wrong one is a bug; the unit test reads them all. */
static const struct schema *schema_named(struct arena *a, const char *name)
{
	struct bytes text = { NULL, 0 };
	const struct schema *s;
	char error[200];
	size_t i = 0;
	const char *is;

	while ((is = schema_embedded(i, &text)) != NULL && strcmp(is, name) != 0)
		i++;
	s = is != NULL ? schema_read(a, text, error) : NULL;
	if (s == NULL)
		die(STATUS_LOST, "the embedded schema %s cannot be read", name);
	return s;
}

static const char *line_word(struct arena *a, const struct follower *of, uint64_t line)
{
	return of->lines ? arena_printf(a, " line %llu", (unsigned long long)line) : "";
}

static int follows(struct arena *a, const struct folder *f, const struct follower *of,
    struct why *why)
{
	struct bytes rest = folder_get(f, of->name);
	const struct schema *schema;
	struct arena scratch = { 0 };
	bool good = true, mapped = folder_mapped(f, of->name);
	struct bytes held = rest;
	uint64_t line = 0;

	if (rest.n == 0) /* what must be there others say */
		return 0;
	schema = schema_named(a, of->schema);
	while (good && rest.n > 0) {
		const unsigned char *end = of->lines ? memchr(rest.p, '\n', rest.n) : NULL;
		struct bytes one = { rest.p, end != NULL ? (size_t)(end - rest.p) : rest.n };
		char error[SCHEMA_ERROR];
		struct json j;

		line++;
		if (json_parse(&scratch, one, &j, error) < 0)
			good = refuse(why, REFUSE_EVIDENCE, "%s/%s%s is no JSON: %s", f->path,
			    of->name, line_word(a, of, line), error) == 0;
		else if (!schema_holds(schema, &scratch, &j, error))
			good = refuse(why, REFUSE_EVIDENCE, "%s/%s%s does not follow the schema "
			    "%s %s; this folder is not the evidence that was sealed", f->path,
			    of->name, line_word(a, of, line), of->schema, error) == 0;
		arena_reset(&scratch);
		if (mapped && (held.n = (size_t)(rest.p - held.p)) > HELD) {
			mapping_release(held);
			held.p = rest.p;
		}
		rest.p += one.n + (end != NULL);
		rest.n -= one.n + (end != NULL);
	}
	arena_free(&scratch);
	return good ? 0 : -1;
}

int documents_check(struct arena *a, const struct folder *f, const struct json *run,
    struct why *why)
{
	int form = json_get(run, json_get(run, 0, "plugin"), "form");
	struct follower manifest = { "inputs/manifest.json", NULL, false };

	for (size_t i = 0; i < COUNT(followers); i++)
		if (follows(a, f, &followers[i], why) < 0)
			return -1;
	manifest.schema = json_is(run, form, "array") ? "manifest.array" :
	    json_is(run, form, "object") ? "manifest.object" : NULL;
	return manifest.schema != NULL ? follows(a, f, &manifest, why) : 0;
}
