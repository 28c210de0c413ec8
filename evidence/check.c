/*
 * check.c - is a run folder what it claims to be? Digests, the journal's chain,
 * every document, the gate decided again, the report rendered again. Runs in
 * `oxg check`, on a folder that nobody trusts.
 *
 * One changed bit in any file is found by its digest; one in SHA256SUMS itself
 * by its strict form and by the files it lists. Whoever rewrites everything
 * consistently is not found here: only a signature (attestation) can tell.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"
#include "version.h"

#define SCHEMA_VERSION 1       /* of all but run.json */
#define HEX ((size_t)2 * SHA256_SIZE)
#define NAMES_SHOWN 300        /* bytes of names in the sentence on a .partial */

static const char *const decision_word[] = { "PASS", "BLOCK", "REQUIRE_APPROVAL" };

/* What is being checked, with its documents as they are parsed. */
struct checked {
	struct arena *a;
	const struct folder *folder;
	struct why *why;
	struct json run;
	int64_t version;           /* of run.json */
};

static int wrong(const struct folder *f, struct why *why, const char *name, const char *what)
{
	return refuse(why, REFUSE_EVIDENCE, "%s/%.200s %s; this folder is not the "
	    "evidence that was sealed", f->path, name, what);
}

/* The next line without its newline, or false: at the end, and where the last
 * line has no newline (then *rest is not empty). */
static bool line_next(struct bytes *rest, struct bytes *line)
{
	const unsigned char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;

	if (end == NULL)
		return false;
	*line = (struct bytes){ rest->p, (size_t)(end - rest->p) };
	rest->n -= line->n + 1;
	rest->p = end + 1;
	return true;
}

/* ---- SHA256SUMS -------------------------------------------------------------------- */

/* The next file that the list has to name. */
static size_t listed_next(const struct folder *f, size_t at)
{
	while (at < f->files && (strcmp(f->file[at].name, SUMS) == 0 || attest_name(f->file[at].name)))
		at++;
	return at;
}

static int name_compare(struct bytes name, const char *other)
{
	size_t n = strlen(other), least = name.n < n ? name.n : n;
	int order = memcmp(name.p, other, least);

	return order != 0 ? order : (name.n > n) - (name.n < n);
}

/* "64 lower-case hex digits, two blanks, a name". One form only: another
 * spelling of the same digest would be a changed bit that nobody sees. */
static bool sums_line(struct bytes line, unsigned char digest[SHA256_SIZE], struct bytes *name)
{
	if (line.n < HEX + 3 || line.p[HEX] != ' ' || line.p[HEX + 1] != ' ')
		return false;
	for (size_t i = 0; i < HEX; i++)
		if (line.p[i] >= 'A' && line.p[i] <= 'F')
			return false;
	*name = (struct bytes){ line.p + HEX + 2, line.n - HEX - 2 };
	return hex_decode((struct bytes){ line.p, HEX }, digest, SHA256_SIZE);
}

/* Both lists are sorted, so one walk finds what is missing, what is listed
 * twice, and what was never listed. */
int folder_verify(const struct folder *f, struct why *why)
{
	struct bytes rest = folder_get(f, SUMS), line, name;
	unsigned char listed[SHA256_SIZE];
	size_t at = 0;

	if (rest.p == NULL)
		return wrong(f, why, SUMS, "is missing");
	for (uint64_t number = 1; line_next(&rest, &line); number++, at++) {
		int order;

		if (!sums_line(line, listed, &name))
			return refuse(why, REFUSE_EVIDENCE, "%s/" SUMS " line %llu is not "
			    "\"digest  path\" as it was written; this folder is not the "
			    "evidence that was sealed", f->path, (unsigned long long)number);
		at = listed_next(f, at);
		order = at < f->files ? name_compare(name, f->file[at].name) : -1;
		if (order < 0)
			return refuse(why, REFUSE_EVIDENCE, "%s/%.*s is listed in " SUMS
			    " line %llu but not there, or listed out of order; this folder "
			    "is not the evidence that was sealed", f->path,
			    (int)(name.n < 200 ? name.n : 200), (const char *)name.p,
			    (unsigned long long)number);
		if (order > 0)
			return wrong(f, why, f->file[at].name, "is not listed in " SUMS);
		if (memcmp(folder_digest(&f->file[at]), listed, SHA256_SIZE) != 0)
			return wrong(f, why, f->file[at].name, "does not have the digest that "
			    SUMS " lists");
	}
	if (rest.n > 0)
		return wrong(f, why, SUMS, "ends in the middle of a line");
	at = listed_next(f, at);
	if (at < f->files)
		return wrong(f, why, f->file[at].name, "is not listed in " SUMS);
	return 0;
}

/* ---- documents ------------------------------------------------------------------------ */

static int parse(const struct checked *c, const char *name, struct bytes text, struct json *out)
{
	char error[200];

	if (text.p == NULL)
		return wrong(c->folder, c->why, name, "is missing");
	if (json_parse(c->a, text, out, error) < 0)
		return refuse(c->why, REFUSE_EVIDENCE, "%s/%s is no JSON: %s",
		    c->folder->path, name, error);
	if (json_kind(out, 0) != JSON_OBJECT)
		return wrong(c->folder, c->why, name, "is no JSON object");
	return 0;
}

static int document(const struct checked *c, const char *name, struct json *out)
{
	int64_t version, newest = strcmp(name, "run.json") == 0 ? FOLDER_VERSION : SCHEMA_VERSION;

	if (parse(c, name, folder_get(c->folder, name), out) < 0)
		return -1;
	if (!json_integer(out, json_get(out, 0, "schema_version"), &version))
		return wrong(c->folder, c->why, name, "has no schema_version");
	if (version < 1 || version > newest)
		return refuse(c->why, REFUSE_EVIDENCE, "%s/%s has schema_version %lld and "
		    "this oxg knows none above %lld; check it with the oxg that wrote it",
		    c->folder->path, name, (long long)version, (long long)newest);
	return 0;
}

static bool same_text(const struct checked *c, const struct json *x, int v,
    const struct json *y, int w)
{
	return json_kind(x, v) == JSON_STRING && json_kind(y, w) == JSON_STRING &&
	    bytes_equal(json_string(c->a, x, v), json_string(c->a, y, w));
}

static int check_documents(struct checked *c)
{
	static const char *const others[] = {
		"usage.json", "verifier_report.json", "gate_report.json",
	};

	if (document(c, "run.json", &c->run) < 0)
		return -1;
	json_integer(&c->run, json_get(&c->run, 0, "schema_version"), &c->version);
	for (size_t i = 0; i < COUNT(others); i++) {
		struct json j;

		if (document(c, others[i], &j) < 0)
			return -1;
		if (!same_text(c, &c->run, json_get(&c->run, 0, "run_id"),
		    &j, json_get(&j, 0, "run_id")))
			return wrong(c->folder, c->why, others[i],
			    "tells of another run than run.json");
	}
	/* An older one has the schemas of its time. */
	return c->version < FOLDER_VERSION ? 0 :
	    documents_check(c->a, c->folder, &c->run, c->why);
}

/* A report that passes has no check that did not. */
static int check_verifier(const struct checked *c)
{
	static const char name[] = "verifier_report.json";
	struct json j;
	int list;

	if (document(c, name, &j) < 0)
		return -1;
	list = json_get(&j, 0, "checks");
	if (json_kind(&j, list) != JSON_ARRAY)
		return wrong(c->folder, c->why, name, "has no list of checks");
	if (json_is(&j, json_get(&j, 0, "status"), "FAIL"))
		return 0;
	for (int v = json_first(&j, list); v >= 0; v = json_next(&j, v)) {
		int status = json_get(&j, v, "status");

		if (!json_is(&j, status, "PASS") && !json_is(&j, status, "SKIP"))
			return wrong(c->folder, c->why, name,
			    "says PASS over a check that did not");
	}
	if (!json_is(&j, json_get(&j, 0, "status"), "PASS"))
		return wrong(c->folder, c->why, name, "says neither PASS nor FAIL");
	return 0;
}

/* run.json gives the digest of a file beside it, or none and there is no file.
 * A missing one counts as empty: an input without files has no listing. */
static int check_input(const struct checked *c, const char *name, int v)
{
	struct bytes b = folder_get(c->folder, name);
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX];

	if (json_kind(&c->run, v) != JSON_STRING)
		return b.p == NULL ? 0 : wrong(c->folder, c->why, name,
		    "is there although run.json knows of none");
	sha256(b, digest);
	hex_encode(hex, digest, SHA256_SIZE);
	if (!json_is(&c->run, v, hex))
		return wrong(c->folder, c->why, name, b.p == NULL ? "is missing" :
		    "is not the file that run.json gives the digest of");
	return 0;
}

static int check_inputs(const struct checked *c)
{
	static const struct { const char *name, *object, *member; } input[] = {
		{ "inputs/manifest.json", "plugin", "manifest_sha256" },
		{ "inputs/policy.json", "policy", "sha256" },
		{ "inputs/task.json", NULL, "task_sha256" },
		{ "inputs/input.sha256", "input", "sha256" },
	};
	const struct json *run = &c->run;

	for (size_t i = 0; i < COUNT(input); i++) {
		int v = input[i].object == NULL ? 0 : json_get(run, 0, input[i].object);

		if (check_input(c, input[i].name, json_get(run, v, input[i].member)) < 0)
			return -1;
	}
	return 0;
}

/* ---- the journal and the findings -------------------------------------------------------- */

static int check_journal(const struct checked *c, uint64_t *events)
{
	static const char name[] = "journal/events.jsonl";
	struct bytes lines = folder_get(c->folder, name);
	int said = json_get(&c->run, 0, "journal");
	unsigned char head[SHA256_SIZE];
	struct why why = { 0 };
	char hex[SHA256_HEX];
	int64_t n = -1;

	if (lines.p == NULL)
		return wrong(c->folder, c->why, name, "is missing");
	if (journal_verify(lines, events, head, &why) < 0)
		return refuse(c->why, REFUSE_EVIDENCE, "%s/%.600s; the journal's chain is "
		    "broken", c->folder->path, why.text);
	hex_encode(hex, head, SHA256_SIZE);
	if (!json_integer(&c->run, json_get(&c->run, said, "events"), &n) || n < 0 ||
	    (uint64_t)n != *events || !json_is(&c->run, json_get(&c->run, said, "head"), hex))
		return wrong(c->folder, c->why, name, "does not end where run.json says");
	return 0;
}

static bool counted(const struct json *run, int object, const char *name, uint64_t n)
{
	int64_t said;

	/* Where nothing ran, run.json counts nothing and no line may stand. */
	if (json_kind(run, object) != JSON_OBJECT)
		return n == 0;
	return json_integer(run, json_get(run, object, name), &said) &&
	    said >= 0 && (uint64_t)said == n;
}

static int check_findings(const struct checked *c)
{
	static const char name[] = "findings.jsonl";
	const struct found *f = c->folder->found;
	int said = json_get(&c->run, 0, "findings");
	bool same;

	if (f->first_bad != 0 && f->first_bad == f->total + f->unreadable && f->all.p[f->all.n - 1] != '\n')
		return wrong(c->folder, c->why, name, "ends in the middle of a line");
	if (f->first_bad != 0)
		return refuse(c->why, REFUSE_EVIDENCE, "%s/%s line %llu is no finding",
		    c->folder->path, name, (unsigned long long)f->first_bad);
	same = counted(&c->run, said, "accepted", f->total);
	said = json_get(&c->run, said, "by_severity");
	for (int s = 0; s < SEV_COUNT; s++)
		same = same && counted(&c->run, said, severity_name((enum severity)s), f->by[s].count);
	if (!same)
		return wrong(c->folder, c->why, name, "does not hold as many findings as "
		    "run.json counts");
	return 0;
}

static int check_ledger(const struct checked *c)
{
	static const char name[] = "ledger.jsonl";
	int said = json_get(&c->run, 0, "ledger");
	uint64_t lines;

	if (ledger_count(folder_get(c->folder, name), &lines) != 0)
		return refuse(c->why, REFUSE_EVIDENCE, "%s/%s line %llu is no refused call",
		    c->folder->path, name, (unsigned long long)lines);
	if (!counted(&c->run, said, "recorded", lines))
		return wrong(c->folder, c->why, name, "does not hold as many lines as "
		    "run.json counts");
	return 0;
}

/* With --audit both files, without it neither. */
static int check_audit(const struct checked *c)
{
	static const char trace[] = "audit.jsonl", document[] = "security_audit.json";
	struct bytes lines = folder_get(c->folder, trace), stored = folder_get(c->folder, document);
	int said = json_get(&c->run, 0, "audit"), result = 0;
	struct buf again = { 0 };
	uint64_t n;

	if (said < 0 && (lines.p != NULL || stored.p != NULL))
		return wrong(c->folder, c->why, lines.p != NULL ? trace : document,
		    "is there although run.json knows of no --audit");
	if (said < 0)
		return 0;
	if (lines.p == NULL || stored.p == NULL)
		return wrong(c->folder, c->why, lines.p == NULL ? trace : document, "is missing");
	if (ledger_count(lines, &n) != 0)
		return refuse(c->why, REFUSE_EVIDENCE, "%s/%s line %llu is no allowed call",
		    c->folder->path, trace, (unsigned long long)n);
	if (!counted(&c->run, said, "recorded", n))
		return wrong(c->folder, c->why, trace, "does not hold as many lines as "
		    "run.json counts");
	audit_document(c->folder, &again);
	if (!bytes_equal(stored, buf_bytes(&again)))
		result = wrong(c->folder, c->why, document, "is not what the trace and the ledger make");
	buf_free(&again);
	return result;
}

/* Before version 3 nothing was handed over. */
static int check_artifacts(const struct checked *c)
{
	return c->version < 3 ? 0 : artifacts_check(c->a, c->folder, &c->run, c->why);
}

/* ---- what can be made again ----------------------------------------------------------------- */

static int check_gate(const struct checked *c, const char **decision)
{
	struct bytes stored = folder_get(c->folder, "gate_report.json");
	struct buf again = { 0 };
	int result = 0;

	*decision = decision_word[gate_decide(c->folder,
	    folder_get(c->folder, "inputs/policy.json"), &again)];
	if (!bytes_equal(stored, buf_bytes(&again)))
		result = refuse(c->why, REFUSE_EVIDENCE, "%s/gate_report.json is not what "
		    "the gate decides of this evidence, which is %s; do not rely on it",
		    c->folder->path, *decision);
	buf_free(&again);
	return result;
}

/* Another version renders in another way; what it rendered has its digest. NULL: it
 * was this one. */
static const char *other_version(const struct checked *c)
{
	int v = json_get(&c->run, 0, "oxg");

	if (json_kind(&c->run, v) != JSON_STRING)
		return "0.1.0"; /* the only one that did not say so */
	return json_is(&c->run, v, OXG_VERSION) ? NULL :
	    (const char *)json_string(c->a, &c->run, v).p;
}

/* Folders of version 1 have the page alone. */
static int check_reports(const struct checked *c, const char **other)
{
	static const struct {
		const char *name, *option;
		int (*render)(const struct folder *, struct buf *, struct why *);
	} report[] = {
		{ "report.html", "", report_html },
		{ "report.sarif", " --sarif FILE", report_sarif },
	};
	struct buf again = { 0 };
	int result = 0;

	*other = other_version(c);
	for (size_t i = 0; i < COUNT(report) && (i == 0 || c->version > 1) && result == 0; i++) {
		struct bytes stored = folder_get(c->folder, report[i].name);

		again.n = 0;
		if (stored.p == NULL)
			result = wrong(c->folder, c->why, report[i].name, "is missing");
		else if (*other == NULL)
			result = report[i].render(c->folder, &again, c->why);
		if (result == 0 && *other == NULL && !bytes_equal(stored, buf_bytes(&again)))
			result = refuse(c->why, REFUSE_EVIDENCE, "%s/%s is not what this oxg renders "
			    "of the evidence; render it again with: oxg report%s %s",
			    c->folder->path, report[i].name, report[i].option, c->folder->path);
	}
	buf_free(&again);
	return result;
}

/* A folder of version 1 was never signed. */
static int check_attestations(const struct checked *c, const struct pubkey *key, bool *attested)
{
	if (attest_check(c->a, c->folder, c->version < 3 ? NULL : &c->run, key, attested, c->why) != 0)
		return -1;
	if (*attested && c->version < 2)
		return wrong(c->folder, c->why, attestations[0].name, "is younger than run.json");
	return 0;
}

static int refuse_partial(struct arena *a, const struct folder *f, struct why *why)
{
	struct buf names = { 0 };

	for (size_t i = 0; i < f->files && names.n < NAMES_SHOWN; i++)
		buf_printf(&names, "%s%.100s", i > 0 ? ", " : "", f->file[i].name);
	if (f->files == 0)
		buf_text(&names, "nothing");
	else if (names.n >= NAMES_SHOWN)
		buf_text(&names, ", ...");
	refuse(why, REFUSE_EVIDENCE, "%s was never finished: the run was interrupted, "
	    "and what it left is %zu file%s (%s); it proves nothing, run the plugin "
	    "again", f->path, f->files, f->files == 1 ? "" : "s", arena_text(a, buf_bytes(&names)));
	buf_free(&names);
	return -1;
}

int run_check(struct arena *a, const char *path, const struct pubkey *key,
    struct check_result *out, struct why *why)
{
	struct folder *f = &out->folder;
	struct checked c = { .a = a, .folder = f, .why = why };

	*out = (struct check_result){ .decision = "" };
	if (folder_load(a, path, f, why) < 0)
		return -1;
	if (f->partial)
		return refuse_partial(a, f, why);
	folder_find(a, f);
	out->files = f->files;
	for (size_t i = 0; i < f->files; i++)
		out->bytes += f->file[i].bytes.n;
	if (folder_verify(f, why) < 0 || check_documents(&c) < 0 ||
	    check_verifier(&c) < 0 || check_inputs(&c) < 0 ||
	    check_journal(&c, &out->events) < 0 || check_findings(&c) < 0 ||
	    check_ledger(&c) < 0 || check_audit(&c) < 0 ||
	    check_artifacts(&c) < 0 ||
	    (c.version > 2 && changes_check(a, f, &c.run, why) < 0) ||
	    check_gate(&c, &out->decision) < 0 || check_reports(&c, &out->other) < 0 ||
	    check_attestations(&c, key, &out->attested) < 0)
		return -1;
	out->version = c.version;
	if (f->empty != NULL) /* no digest tells of it */
		return wrong(f, why, f->empty, "is an empty directory");
	return 0;
}
