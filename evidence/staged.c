/*
 * staged.c - the gate's rules over what a plugin staged for the operator's tree: does
 * changes.json tell of all of it, is a protected path among it, is it more than may pass
 * unseen? Pure functions of the evidence, like those in rules.c.
 *
 * Folders before version 3 have no changes.json: there the files below changes/ count.
 */
#include <string.h>

#include "evidence/evidence.h"

#define LINE_BYTES 1000           /* staged in one line without end, they count as a line */

static bool any_staged(const struct gate_view *v)
{
	for (size_t i = 0; i < v->folder->files; i++)
		if (staged_path(&v->folder->file[i]) != NULL)
			return true;
	return false;
}

const char *rule_staged(const struct gate_view *v, enum gate_result *result)
{
	const char *stray;
	size_t deletions = 0;

	*result = RESULT_NOT_APPLICABLE;
	if (v->changes == NULL && folder_get(v->folder, CHANGES).p == NULL && !any_staged(v))
		return "no change is staged";
	*result = RESULT_BLOCK;
	if (v->changes == NULL)
		return CHANGES " is missing or unreadable";
	stray = changes_stray(v->changes, v->folder);
	if (stray != NULL)
		return arena_printf(v->a, CHANGES " does not tell what is staged at %.200s", stray);
	for (size_t i = 0; i < v->changes->n; i++)
		deletions += v->changes->change[i].deletes;
	*result = RESULT_PASS;
	return arena_printf(v->a, "%zu change%s staged, %zu of them deletions", v->changes->n,
	    v->changes->n == 1 ? "" : "s", deletions);
}

static unsigned char fold(unsigned char c, bool folds)
{
	return folds && c >= 'A' && c <= 'Z' ? (unsigned char)(c + 'a' - 'A') : c;
}

/* Is one path the other, or below it, component by component? Either way: who
 * replaces a directory changes what is protected in it. folds: where .GIT is .git. */
static bool paths_meet(struct bytes a, struct bytes b, bool folds)
{
	size_t n = a.n < b.n ? a.n : b.n;

	for (size_t i = 0; i < n; i++)
		if (fold(a.p[i], folds) != fold(b.p[i], folds))
			return false;
	return n > 0 && (a.n == b.n || (a.n > n ? a.p : b.p)[n] == '/');
}

struct touched {
	const struct gate_view *v;
	int list;                      /* of protected paths */
	uint64_t count;
	const char *first;
};

static void touch(struct touched *t, const char *path)
{
	const struct json *j = &t->v->policy.json;
	bool meets = false;

	for (int p = json_first(j, t->list); p >= 0; p = json_next(j, p))
		meets = meets || paths_meet(bytes_of(path), json_string(t->v->a, j, p), t->v->version > 2);
	if (meets && t->count++ == 0)
		t->first = path;
}

const char *rule_protected(const struct gate_view *v, enum gate_result *result)
{
	struct touched t = { .v = v, .list = gate_member(&v->policy, "paths", "protected") };

	*result = RESULT_NOT_APPLICABLE;
	if (json_kind(&v->policy.json, gate_member(&v->policy, "gate",
	    "require_approval_on_protected_paths")) == JSON_FALSE)
		return "the policy asks for no approval of changes to protected paths";
	*result = RESULT_BLOCK;
	if (!v->policy.good || json_kind(&v->policy.json, t.list) != JSON_ARRAY)
		return "the policy snapshot has no readable paths.protected";
	for (size_t i = 0; v->changes == NULL && i < v->folder->files; i++)
		if (staged_path(&v->folder->file[i]) != NULL)
			touch(&t, staged_path(&v->folder->file[i]));
	for (size_t i = 0; v->changes != NULL && i < v->changes->n; i++)
		touch(&t, v->changes->change[i].path);
	*result = t.count > 0 ? RESULT_APPROVAL : RESULT_PASS;
	if (t.count > 0)
		return arena_printf(v->a, "%llu change%s to protected paths, the first "
		    "to %.200s", (unsigned long long)t.count, t.count == 1 ? "" : "s", t.first);
	return "no protected path is changed";
}

/* A change in one endless line is not small. */
static uint64_t lines_of(struct bytes b)
{
	uint64_t lines = 0;

	while (b.n > 0) {
		const unsigned char *end = memchr(b.p, '\n', b.n);
		size_t n = end != NULL ? (size_t)(end - b.p) : b.n;

		lines += 1 + n / LINE_BYTES;
		n += end != NULL;
		b.p += n;
		b.n -= n;
	}
	return lines;
}

/* What was there counts as much as what comes: emptying a file is no small change. */
static uint64_t change_lines(const struct gate_view *v, const struct change *c)
{
	uint64_t lines = c->deletes ? 1 : lines_of(folder_get(v->folder, arena_printf(v->a, STAGED "%s", c->path)));

	return lines > c->base_lines ? lines : c->base_lines;
}

const char *rule_patch(const struct gate_view *v, enum gate_result *result)
{
	int v_max = gate_member(&v->policy, "gate", "max_patch_lines");
	int64_t max;
	uint64_t lines = 0;

	*result = RESULT_BLOCK;
	if (!json_integer(&v->policy.json, v_max, &max) || max < 0)
		return "the policy snapshot has no readable gate.max_patch_lines";
	for (size_t i = 0; v->changes == NULL && i < v->folder->files; i++)
		if (staged_path(&v->folder->file[i]) != NULL)
			lines += lines_of(v->folder->file[i].bytes);
	for (size_t i = 0; v->changes != NULL && i < v->changes->n; i++)
		lines += change_lines(v, &v->changes->change[i]);
	*result = RESULT_NOT_APPLICABLE;
	if (v->changes == NULL && !any_staged(v))
		return "no change is staged";
	*result = lines > (uint64_t)max ? RESULT_APPROVAL : RESULT_PASS;
	return arena_printf(v->a, "%llu line%s staged, %lld pass without an approval",
	    (unsigned long long)lines, lines == 1 ? "" : "s", (long long)max);
}
