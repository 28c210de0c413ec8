/*
 * attest.c - what is signed of a run: in-toto statements (FORMATS.md sections 2, 3)
 * over its folder, and whether those in a folder are its own. Runs in the supervisor
 * when every child is dead, and in the commands that look at evidence.
 *
 * A statement is made of the folder's documents and of nothing else: who checks it
 * makes it again and compares the bytes.
 *
 * The kinds are named by URNs. A type is an identifier, lower-case and versioned, which
 * readers compare and do not resolve; a URL would name a host, which somebody else may
 * own one day and answer for.
 */
#include <string.h>

#include "evidence/evidence.h"
#include "trust/trust.h" /* struct pubkey */

#define BUILD_TYPE "urn:oxg:run:v1"
#define BUILDER "urn:oxg:runner:v1"
#define VERIFIER "urn:oxg:gate:v1"
#define DIGITS ((size_t)2 * SHA256_SIZE)

const struct attestation attestations[ATTESTATIONS] = {
	{ "attestation.json", "attestation.sigstore.json", attest_run },
	{ "gate.intoto.json", "gate.sigstore.json", attest_gate },
};

bool attest_name(const char *name)
{
	for (size_t i = 0; i < ATTESTATIONS; i++)
		if (strcmp(name, attestations[i].name) == 0 || strcmp(name, attestations[i].bundle) == 0)
			return true;
	return false;
}

void attest_list(struct json_out *o, bool bundles)
{
	json_name(o, "attestations");
	json_open(o, '[');
	for (size_t i = 0; i < ATTESTATIONS; i++) {
		json_text(o, bytes_of(attestations[i].name));
		if (bundles)
			json_text(o, bytes_of(attestations[i].bundle));
	}
	json_close(o, ']');
}

/* ---- the pieces of both ----------------------------------------------------------------- */

/* A document and where it is written to. */
struct making {
	struct arena *a;
	const struct folder *f;
	struct json run;
	struct json_out o;
};

/* A resource descriptor; as: "name" or "uri". */
static void descriptor(struct json_out *o, const char *as, struct bytes name, struct bytes sha256_hex)
{
	json_open(o, '{');
	json_member_bytes(o, as, name);
	json_name(o, "digest");
	json_open(o, '{');
	json_member_bytes(o, "sha256", sha256_hex);
	json_close(o, '}');
	json_close(o, '}');
}

static void descriptor_of(struct making *m, const char *as, const char *name)
{
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX];

	sha256(folder_get(m->f, name), digest);
	hex_encode(hex, digest, SHA256_SIZE);
	descriptor(&m->o, as, bytes_of(name), bytes_of(hex));
}

/* The folder's files as SHA256SUMS lists them, and that list: what is named by the
 * statement cannot be changed, added or taken away. */
static void write_subject(struct making *m)
{
	struct bytes rest = folder_get(m->f, SUMS);

	json_name(&m->o, "subject");
	json_open(&m->o, '[');
	while (rest.n > DIGITS + 2) {
		const unsigned char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end == NULL ? rest.n : (size_t)(end - rest.p);

		if (n > DIGITS + 2)
			descriptor(&m->o, "name", (struct bytes){ rest.p + DIGITS + 2, n - DIGITS - 2 },
			    (struct bytes){ rest.p, DIGITS });
		n += end != NULL;
		rest = (struct bytes){ rest.p + n, rest.n - n };
	}
	descriptor_of(m, "name", SUMS);
	json_close(&m->o, ']');
}

static struct making statement_open(struct arena *a, const struct folder *f, const char *type,
    struct buf *out)
{
	struct making m = { .a = a, .f = f, .o = json_start(out, false) };
	struct bytes run = folder_get(f, "run.json");
	char error[200];

	if ((run.p == NULL || json_parse(a, run, &m.run, error) != 0) &&
	    json_parse(a, BYTES("{}"), &m.run, error) != 0)
		die(STATUS_EVIDENCE, "a bug: {} is no JSON");
	json_open(&m.o, '{');
	json_member(&m.o, "_type", "https://in-toto.io/Statement/v1");
	write_subject(&m);
	json_member(&m.o, "predicateType", type);
	json_name(&m.o, "predicate");
	json_open(&m.o, '{');
	return m;
}

static void statement_close(struct making *m)
{
	json_close(&m->o, '}');
	json_close(&m->o, '}');
}

/* run.json's value at the end of a path of names, or -1. */
static int value(const struct making *m, const char *first, const char *second)
{
	int v = json_get(&m->run, 0, first);

	return second == NULL || v < 0 ? v : json_get(&m->run, v, second);
}

/* A text of it, "" when there is none. */
static struct bytes text(const struct making *m, const char *first, const char *second)
{
	int v = value(m, first, second);

	return json_kind(&m->run, v) == JSON_STRING ? json_string(m->a, &m->run, v) : BYTES("");
}

/* ---- the run: SLSA provenance v1 ---------------------------------------------------------- */

/* A member of the statement and where it stands in run.json; what is null or missing
 * there is left out. */
struct source {
	const char *name, *first, *second;
};

static const struct source external[] = { /* whoever started it chose these */
	{ "plugin", "plugin", "name" }, { "version", "plugin", "version" },
	{ "plugin_path", "plugin_path", NULL }, { "capabilities", "capabilities", "granted" },
	{ "limits", "limits", NULL }, { "args", "args", NULL }, { "task_id", "task_id", NULL },
	{ "input", "input", "path" }, { "project", "project", "path" }, { "runtime", "isolation", "runtime" },
	{ "profile", "policy", "profile" }, { "allow_unsigned", "trust", "allow_unsigned" },
};

static const struct source internal[] = { /* and oxg these */
	{ "tier", "isolation", "tier" }, { "seccomp_profile", "isolation", "seccomp_profile" },
	{ "landlock_abi", "isolation", "landlock_abi" }, { "proved", "isolation", "proved" },
	{ "layers", "isolation", "layers" }, { "built_by_root", "isolation", "built_by_root" },
	{ "clock", "clock", NULL },
};

static const struct source dependency[] = { /* digests */
	{ "manifest", "plugin", "manifest_sha256" }, { "allowlist", "trust", "allowlist_sha256" },
	{ "key", "plugin", "key_id" }, { "input", "input", "sha256" },
	{ "policy", "policy", "sha256" }, { "task", "task_sha256", NULL },
	{ "configuration", "config_sha256", NULL },
};

static void write_parameters(struct making *m, const char *name, const struct source *s, size_t n)
{
	struct buf b = { 0 };

	json_name(&m->o, name);
	json_open(&m->o, '{');
	for (; n > 0; n--, s++) {
		int v = value(m, s->first, s->second);

		if (json_kind(&m->run, v) == JSON_NONE || json_kind(&m->run, v) == JSON_NULL)
			continue;
		b.n = 0;
		json_canonical(m->a, &b, &m->run, v);
		json_name(&m->o, s->name);
		json_verbatim(&m->o, buf_bytes(&b));
	}
	json_close(&m->o, '}');
	buf_free(&b);
}

/* The artifact, and the files that enter the jail with it. */
static void write_bundle(struct making *m)
{
	int v = json_get(&m->run, value(m, "plugin", "artifact"), "sha256");
	int files = value(m, "plugin", "files");

	if (json_kind(&m->run, v) == JSON_STRING)
		descriptor(&m->o, "name", BYTES("plugin"), json_string(m->a, &m->run, v));
	if (json_kind(&m->run, files) != JSON_ARRAY)
		return;
	for (v = json_first(&m->run, files); v >= 0; v = json_next(&m->run, v)) {
		int path = json_get(&m->run, v, "path"), digest = json_get(&m->run, v, "sha256");

		if (json_kind(&m->run, path) == JSON_STRING && json_kind(&m->run, digest) == JSON_STRING)
			descriptor(&m->o, "name", bytes_of(arena_printf(m->a, "plugin/%s",
			    (const char *)json_string(m->a, &m->run, path).p)),
			    json_string(m->a, &m->run, digest));
	}
}

static void write_definition(struct making *m)
{
	json_name(&m->o, "buildDefinition");
	json_open(&m->o, '{');
	json_member(&m->o, "buildType", BUILD_TYPE);
	write_parameters(m, "externalParameters", external, COUNT(external));
	write_parameters(m, "internalParameters", internal, COUNT(internal));
	json_name(&m->o, "resolvedDependencies");
	json_open(&m->o, '[');
	write_bundle(m);
	for (size_t i = 0; i < COUNT(dependency); i++) {
		struct bytes digest = text(m, dependency[i].first, dependency[i].second);

		if (digest.n > 0)
			descriptor(&m->o, "name", bytes_of(dependency[i].name), digest);
	}
	json_close(&m->o, ']');
	json_close(&m->o, '}');
}

static void write_details(struct making *m)
{
	json_name(&m->o, "runDetails");
	json_open(&m->o, '{');
	json_name(&m->o, "builder");
	json_open(&m->o, '{');
	json_member(&m->o, "id", BUILDER);
	json_name(&m->o, "version");
	json_open(&m->o, '{');
	json_member_bytes(&m->o, "oxg", text(m, "oxg", NULL));
	json_close(&m->o, '}');
	json_close(&m->o, '}');
	json_name(&m->o, "metadata");
	json_open(&m->o, '{');
	json_member_bytes(&m->o, "invocationId", text(m, "run_id", NULL));
	json_member_bytes(&m->o, "startedOn", text(m, "started", NULL));
	json_member_bytes(&m->o, "finishedOn", text(m, "finished", NULL));
	json_close(&m->o, '}');
	json_name(&m->o, "byproducts");
	json_open(&m->o, '[');
	descriptor_of(m, "name", "logs/stdout.log");
	descriptor_of(m, "name", "logs/stderr.log");
	json_close(&m->o, ']');
	json_close(&m->o, '}');
}

void attest_run(struct arena *a, const struct folder *f, struct buf *out)
{
	struct making m = statement_open(a, f, "https://slsa.dev/provenance/v1", out);

	write_definition(&m);
	write_details(&m);
	statement_close(&m);
}

/* ---- the gate: SLSA verification summary v1 ------------------------------------------------- */

/* Without a time: the same folder gives the same statement. What waits for an approval
 * has not passed. */
void attest_gate(struct arena *a, const struct folder *f, struct buf *out)
{
	struct making m = statement_open(a, f, "https://slsa.dev/verification_summary/v1", out);
	bool passed = gate_decision(folder_get(f, "gate_report.json")) == 0;
	struct bytes id = text(&m, "run_id", NULL), profile = text(&m, "policy", "profile");

	json_name(&m.o, "verifier");
	json_open(&m.o, '{');
	json_member(&m.o, "id", VERIFIER);
	json_close(&m.o, '}');
	json_member(&m.o, "resourceUri", arena_printf(a, "urn:oxg:folder:%s", (const char *)id.p));
	json_name(&m.o, "policy");
	descriptor(&m.o, "uri", bytes_of(arena_printf(a, "urn:oxg:policy:%s",
	    (const char *)profile.p)), text(&m, "policy", "sha256"));
	json_name(&m.o, "inputAttestations");
	json_open(&m.o, '[');
	descriptor_of(&m, "uri", attestations[0].name);
	json_close(&m.o, ']');
	json_member(&m.o, "verificationResult", passed ? "PASSED" : "FAILED");
	json_name(&m.o, "verifiedLevels");
	json_open(&m.o, '[');
	json_text(&m.o, passed ? BYTES("OXG_GATE_PASSED") : BYTES("FAILED"));
	json_close(&m.o, ']');
	statement_close(&m);
}

/* ---- in a stored folder ----------------------------------------------------------------------- */

static int wrong(const struct folder *f, struct why *why, const char *name, const char *what)
{
	return refuse(why, REFUSE_EVIDENCE, "%s/%s %s", f->path, name, what);
}

static int check_bundle(struct arena *a, const struct folder *f, const char *name, struct bytes envelope,
    const struct pubkey *key, struct why *why)
{
	struct bytes bundle = folder_get(f, name);
	unsigned char id[SHA256_SIZE];
	char hex[SHA256_HEX];

	if (bundle.p == NULL)
		return 0;
	if (!sigstore_read(a, bundle, envelope, id))
		return wrong(f, why, name, "is not the Sigstore bundle of the envelope beside it");
	hex_encode(hex, id, SHA256_SIZE);
	if (key != NULL && strcmp(hex, key->id) != 0)
		return wrong(f, why, name, "names another key than --key");
	return 0;
}

/* There if run.json lists it, and only then. */
static int check_listed(const struct folder *f, const struct json *run, const char *name, struct why *why)
{
	int list = json_get(run, 0, "attestations"), v;
	bool there = folder_get(f, name).p != NULL;

	for (v = list < 0 ? -1 : json_first(run, list); v >= 0 && !json_is(run, v, name); )
		v = json_next(run, v);
	if (there == (v >= 0))
		return 0;
	return wrong(f, why, name, there ? "is not one of the signatures that run.json lists" :
	    "is missing, and run.json lists it: it was taken away");
}

int attest_check(struct arena *a, const struct folder *f, const struct json *run,
    const struct pubkey *key, bool *attested, struct why *why)
{
	size_t there = 0;

	for (size_t i = 0; i < f->files; i++)
		there += attest_name(f->file[i].name);
	*attested = there > 0;
	if (there == 0 && key != NULL)
		return wrong(f, why, attestations[0].name, "is missing: this folder was not signed, or "
		    "its signature was taken away");
	for (size_t i = 0; i < ATTESTATIONS && run != NULL; i++)
		if (check_listed(f, run, attestations[i].name, why) != 0 ||
		    check_listed(f, run, attestations[i].bundle, why) != 0)
			return -1;
	for (size_t i = 0; i < ATTESTATIONS && there > 0; i++) {
		const struct attestation *it = &attestations[i];
		struct bytes stored = folder_get(f, it->name), payload, der;
		struct buf again = { 0 };
		bool same;

		if (stored.p == NULL)
			return wrong(f, why, it->name, "is missing beside what was signed with it");
		if (!dsse_read(a, stored, &payload, &der))
			return wrong(f, why, it->name, "is not a DSSE envelope as oxg writes it");
		it->statement(a, f, &again);
		same = bytes_equal(payload, buf_bytes(&again));
		buf_free(&again);
		if (!same)
			return wrong(f, why, it->name, "does not attest what is in this folder");
		if (key != NULL && !dsse_verify(payload, der, key))
			return refuse(why, REFUSE_EVIDENCE, "%s/%s is not signed by the key %s (--key), or "
			    "was changed", f->path, it->name, key->id);
		if (check_bundle(a, f, it->bundle, stored, key, why) != 0)
			return -1;
	}
	return 0;
}
