/*
 * rules.c - those rules of the gate that the operator tunes by figures and lists:
 * required evidence, live inputs, the risk score.
 * Pure functions of stored evidence like those in gate.c, which calls them.
 */
#include <string.h>

#include "evidence/evidence.h"

#define PARSED_BYTES (8u << 20)   /* of all required .json: beyond, none is readable */
#define REQUIRED_MAX 256          /* as the reader of policies has it */

/* ---- reading ---------------------------------------------------------------------- */

static bool below(const struct folder_file *file, const char *dir)
{
	return strncmp(file->name, dir, strlen(dir)) == 0;
}

/* A figure that is not negative. */
static bool figure(const struct json *j, int v, int64_t *n)
{
	return json_integer(j, v, n) && *n >= 0;
}

/* ---- evidence and inputs -------------------------------------------------------------- */

/* Is it there and, where its name says that it is JSON, readable? */
static bool usable(const struct gate_view *v, struct bytes name, size_t *budget)
{
	struct bytes b = { 0 };
	struct arena a = { 0 };
	struct json j;
	char error[200];
	bool good;

	if (memchr(name.p, '\0', name.n) == NULL)
		b = folder_get(v->folder, (const char *)name.p);
	if (b.p == NULL || name.n < 5 || memcmp(name.p + name.n - 5, ".json", 5) != 0)
		return b.p != NULL;
	if (b.n > *budget)
		return false;
	*budget -= b.n;
	good = json_parse(&a, b, &j, error) == 0;
	arena_free(&a);
	return good;
}

const char *rule_required(const struct gate_view *v, enum gate_result *result)
{
	const struct json *j = &v->policy.json;
	int list = gate_member(&v->policy, "gate", "require");
	const char *lost = NULL;
	size_t budget = PARSED_BYTES;
	unsigned count = 0;

	*result = RESULT_BLOCK;
	if (json_kind(j, list) != JSON_ARRAY || json_size(j, list) > REQUIRED_MAX)
		return "the policy snapshot has no readable gate.require";
	for (int e = json_first(j, list); e >= 0; e = json_next(j, e)) {
		struct bytes name;

		if (json_kind(j, e) != JSON_STRING)
			return "the policy snapshot has no readable gate.require";
		name = json_string(v->a, j, e);
		if (!usable(v, name, &budget) && count++ == 0)
			lost = (const char *)name.p;
	}
	if (count > 0)
		return arena_printf(v->a, "%u of the required evidence missing or unreadable, "
		    "the first: %.200s", count, lost);
	*result = json_size(j, list) > 0 ? RESULT_PASS : RESULT_NOT_APPLICABLE;
	return json_size(j, list) > 0 ? "all evidence that the policy requires is there" :
	    "the policy requires no evidence beyond what every run has";
}

const char *rule_input(const struct gate_view *v, enum gate_result *result)
{
	static const enum gate_result by_word[] = {
		RESULT_NOT_APPLICABLE, RESULT_APPROVAL, RESULT_BLOCK,
	};
	static const char *const words[] = { "record", "approval", "block" };
	int word = gate_member(&v->policy, "gate", "on_unsnapshotted");
	int input = gate_member(&v->run, "input", NULL);
	int copied = gate_member(&v->run, "input", "snapshotted");
	bool project = v->version > 2 && gate_member(&v->run, "project", NULL) >= 0;
	size_t w = 0;

	while (w < COUNT(words) && !(word >= 0 && json_is(&v->policy.json, word, words[w])))
		w++;
	*result = RESULT_BLOCK;
	if (w == COUNT(words))
		return "the policy snapshot has no readable gate.on_unsnapshotted";
	*result = RESULT_NOT_APPLICABLE;
	if (json_kind(&v->run.json, input) == JSON_NULL && !project)
		return "no input was given";
	if (json_kind(&v->run.json, copied) == JSON_FALSE) {
		*result = by_word[w];
		return "the input was live (--input-bind): what the plugin read is not known";
	}
	*result = RESULT_BLOCK;
	if (json_kind(&v->run.json, input) != JSON_NULL && (json_kind(&v->run.json, copied) != JSON_TRUE ||
	    (v->executed && strlen(gate_text(v, &v->run, "input", "sha256")) != SHA256_HEX - 1)))
		return "run.json does not say what the input was";
	if (v->version > 2 && !v->executed && !project && *gate_text(v, &v->run, "input", "sha256") == '\0') {
		*result = RESULT_NOT_APPLICABLE;
		return "nothing was executed, and the input was not copied yet";
	}
	/* What was read of it has its digest in the journal, what it was has none. */
	*result = project ? by_word[w] : RESULT_PASS;
	return project ? "the project was live (--project): what it held is not known" :
	    "the input was copied before the run, and its digest is known";
}

/* ---- the risk score: four parts, 100 at most ------------------------------------------------ */

enum part { PART_CAPABILITIES, PART_ISOLATION, PART_TERMINATION, PART_OUTPUT, PART_COUNT };

/* 10 for each of high risk, 40 at most. */
static bool score_capabilities(const struct gate_view *v, int64_t *points)
{
	const struct json *j = &v->run.json;
	int list = gate_member(&v->run, "capabilities", "granted");

	if (json_kind(j, list) != JSON_ARRAY)
		return false;
	for (int e = json_first(j, list); e >= 0; e = json_next(j, e)) {
		int c = json_kind(j, e) == JSON_STRING ?
		    capability_find(json_string(v->a, j, e)) : -1;

		if (c < 0)
			return false;
		if (capability_risk((enum capability)c) == RISK_HIGH && *points < 40)
			*points += 10;
	}
	return true;
}

/* A weaker tier 15 or 25; no Landlock behind it 5. */
static bool score_isolation(const struct gate_view *v, int64_t *points)
{
	static const struct { const char *tier; int points; } tiers[] = {
		{ "namespaces", 0 }, { "chroot", 15 }, { "landlock", 25 },
	};
	const char *tier = gate_text(v, &v->run, "isolation", "tier");
	int64_t abi;

	if (!figure(&v->run.json, gate_member(&v->run, "isolation", "landlock_abi"), &abi))
		return false;
	for (size_t i = 0; i < COUNT(tiers); i++)
		if (strcmp(tiers[i].tier, tier) == 0) {
			*points = tiers[i].points + (abi == 0 ? 5 : 0);
			return true;
		}
	return false;
}

/* Failed by itself 10, anything but an exit 20. */
static bool score_termination(const struct gate_view *v, int64_t *points)
{
	int64_t status;

	*points = 20;
	if (strcmp(gate_text(v, &v->run, "ending", "reason"), ending_word(ENDING_EXITED)) != 0)
		return *gate_text(v, &v->run, "ending", "reason");
	if (!json_integer(&v->run.json, gate_member(&v->run, "ending", "exit_status"), &status))
		return false;
	*points = status == 0 ? 0 : 10;
	return true;
}

/* 1 for each MiB said, handed over, staged or to be deleted, 10 at most. */
static bool score_output(const struct gate_view *v, int64_t *points)
{
	static const char *const streams[] = { "stdout", "stderr" };
	const struct json *j = &v->run.json;
	uint64_t bytes = 0;
	int64_t n;

	for (size_t i = 0; i < COUNT(streams); i++) {
		if (!figure(j, json_get(j, gate_member(&v->run, "output", streams[i]),
		    "seen_bytes"), &n))
			return false;
		bytes += (uint64_t)n;
	}
	for (size_t i = 0; i < v->folder->files; i++)
		if (staged_path(&v->folder->file[i]) != NULL || below(&v->folder->file[i], "artifacts/"))
			bytes += v->folder->file[i].bytes.n;
	for (size_t i = 0; v->changes != NULL && i < v->changes->n; i++)
		bytes += v->changes->change[i].deletes ? v->changes->change[i].base_bytes : 0;
	*points = bytes >> 20 < 10 ? (int64_t)(bytes >> 20) : 10;
	return true;
}

static const struct {
	const char *name;
	bool (*score)(const struct gate_view *v, int64_t *points);
} parts[PART_COUNT] = {
	[PART_CAPABILITIES] = { "capabilities", score_capabilities },
	[PART_ISOLATION] = { "isolation", score_isolation },
	[PART_TERMINATION] = { "termination", score_termination },
	[PART_OUTPUT] = { "output", score_output },
};

struct risk_score {
	int64_t part[PART_COUNT], score, max;
};

/* NULL, or why there is none. */
static const char *risk_of(const struct gate_view *v, struct risk_score *r, enum gate_result *result)
{
	*r = (struct risk_score){ .score = 0 };
	*result = RESULT_BLOCK;
	if (!figure(&v->policy.json, gate_member(&v->policy, "gate", "max_risk"), &r->max))
		return "the policy snapshot has no readable gate.max_risk";
	if (!v->executed) {
		*result = RESULT_NOT_APPLICABLE;
		return "nothing was executed, so nothing was risked";
	}
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (!parts[i].score(v, &r->part[i]))
			return arena_printf(v->a, "the risk cannot be scored: run.json does not "
			    "tell its part %s", parts[i].name);
		r->score += r->part[i];
	}
	return NULL;
}

const char *rule_risk(const struct gate_view *v, enum gate_result *result)
{
	struct risk_score r;
	const char *none = risk_of(v, &r, result);

	if (none != NULL)
		return none;
	*result = r.score > r.max ? RESULT_APPROVAL : RESULT_PASS;
	return arena_printf(v->a, "the risk score is %lld, %lld passes without an approval",
	    (long long)r.score, (long long)r.max);
}

void risk_write(struct json_out *o, const struct gate_view *v)
{
	enum gate_result result;
	struct risk_score r;

	json_name(o, "risk");
	if (risk_of(v, &r, &result) != NULL) {
		json_null(o);
		return;
	}
	json_open(o, '{');
	json_member_number(o, "score", r.score);
	json_member_number(o, "max", r.max);
	for (size_t i = 0; i < PART_COUNT; i++)
		json_member_number(o, parts[i].name, r.part[i]);
	json_close(o, '}');
}
