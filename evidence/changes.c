/*
 * changes.c - what a plugin staged for the operator's tree: changes.json, and whether
 * the folder agrees with it. Runs in the supervisor after every child is dead, and in
 * the commands that read stored evidence. The gate's rules over it are in staged.c.
 *
 * changes/PATH holds the bytes that PATH would get. What a file was when the plugin
 * changed it, and that another would be gone, changes.json alone tells.
 */
#include <string.h>

#include "evidence/evidence.h"

#define SCHEMA_VERSION 1

/* ---- changes.json ------------------------------------------------------------------ */

static void digest_or_null(struct json_out *o, const char *name, bool is, const unsigned char *digest)
{
	if (is) {
		json_member_hex(o, name, digest, SHA256_SIZE);
		return;
	}
	json_name(o, name);
	json_null(o);
}

void change_members(struct json_out *o, const struct change *c)
{
	json_member(o, "path", c->path);
	json_member(o, "op", c->deletes ? "delete" : "write");
	digest_or_null(o, "sha256", !c->deletes, c->sha256);
	json_member_number(o, "bytes", (int64_t)c->bytes);
	json_member_bool(o, "executable", c->executable);
	digest_or_null(o, "base_sha256", c->based, c->base);
	json_member_number(o, "base_bytes", (int64_t)c->base_bytes);
	json_member_number(o, "base_lines", (int64_t)c->base_lines);
}

void changes_write(const struct changes *c, struct buf *out)
{
	struct json_out o = json_start(out, true);

	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "run_id", c->run_id);
	json_member(&o, "project", c->project);
	json_name(&o, "changes");
	json_open(&o, '[');
	for (size_t i = 0; i < c->n; i++) {
		json_open(&o, '{');
		change_members(&o, &c->change[i]);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	json_end(&o);
}

static bool read_digest(const struct json *j, int v, bool *is, unsigned char digest[SHA256_SIZE])
{
	*is = json_kind(j, v) == JSON_STRING;
	return *is ? hex_decode(json_raw(j, v), digest, SHA256_SIZE) : json_kind(j, v) == JSON_NULL;
}

static bool read_figure(const struct json *j, int v, uint64_t *to)
{
	int64_t n;

	if (!json_integer(j, v, &n) || n < 0)
		return false;
	*to = (uint64_t)n;
	return true;
}

static const char *read_text(struct arena *a, const struct json *j, int v)
{
	struct bytes s = json_kind(j, v) == JSON_STRING ? json_string(a, j, v) : (struct bytes){ NULL, 0 };

	return s.p != NULL && memchr(s.p, '\0', s.n) == NULL ? (const char *)s.p : NULL;
}

static bool read_change(struct arena *a, const struct json *j, int v, struct change *c)
{
	bool written;

	c->path = read_text(a, j, json_get(j, v, "path"));
	c->deletes = json_is(j, json_get(j, v, "op"), "delete");
	c->executable = json_kind(j, json_get(j, v, "executable")) == JSON_TRUE;
	return c->path != NULL && handed_path(bytes_of(c->path)) == NULL &&
	    read_digest(j, json_get(j, v, "sha256"), &written, c->sha256) && written != c->deletes &&
	    read_digest(j, json_get(j, v, "base_sha256"), &c->based, c->base) && (c->based || !c->deletes) &&
	    read_figure(j, json_get(j, v, "bytes"), &c->bytes) && (!c->deletes || c->bytes == 0) &&
	    read_figure(j, json_get(j, v, "base_bytes"), &c->base_bytes) &&
	    read_figure(j, json_get(j, v, "base_lines"), &c->base_lines);
}

/* What was read must make the same bytes: nothing else is in it, nothing twice. */
bool changes_read(struct arena *a, struct bytes text, struct changes *out)
{
	struct buf again = { 0 };
	struct json j;
	char error[200];
	int list;
	bool same;

	*out = (struct changes){ .n = 0 };
	if (text.p == NULL || json_parse(a, text, &j, error) != 0)
		return false;
	list = json_get(&j, 0, "changes");
	out->run_id = read_text(a, &j, json_get(&j, 0, "run_id"));
	out->project = read_text(a, &j, json_get(&j, 0, "project"));
	if (out->run_id == NULL || out->project == NULL || json_kind(&j, list) != JSON_ARRAY ||
	    json_size(&j, list) == 0)
		return false;
	out->change = arena_array(a, (size_t)json_size(&j, list), sizeof(*out->change));
	for (int v = json_first(&j, list); v >= 0; v = json_next(&j, v), out->n++)
		if (!read_change(a, &j, v, &out->change[out->n]) ||
		    (out->n > 0 && strcmp(out->change[out->n - 1].path, out->change[out->n].path) >= 0))
			return false;
	changes_write(out, &again);
	same = bytes_equal(text, buf_bytes(&again));
	buf_free(&again);
	return same;
}

const char *staged_path(const struct folder_file *file)
{
	return strncmp(file->name, STAGED, sizeof(STAGED) - 1) == 0 ? file->name + sizeof(STAGED) - 1 : NULL;
}

/* Both lists are sorted, so one walk finds what is missing and what was never listed. */
const char *changes_stray(const struct changes *c, const struct folder *f)
{
	size_t k = 0;

	for (size_t i = 0; i < f->files; i++) {
		const char *path = staged_path(&f->file[i]);

		if (path == NULL)
			continue;
		while (k < c->n && c->change[k].deletes && strcmp(c->change[k].path, path) < 0)
			k++;
		if (k < c->n && strcmp(c->change[k].path, path) < 0)
			return c->change[k].path; /* a write, and no such file */
		if (k == c->n || strcmp(c->change[k].path, path) != 0)
			return path;
		if (c->change[k].deletes || c->change[k].bytes != f->file[i].bytes.n ||
		    memcmp(folder_digest(&f->file[i]), c->change[k].sha256, SHA256_SIZE) != 0)
			return path;
		k++;
	}
	while (k < c->n && c->change[k].deletes)
		k++;
	return k < c->n ? c->change[k].path : NULL;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->path, ((const struct change *)b)->path);
}

void changes_make(struct arena *a, const struct handed *list, struct changes *out)
{
	out->n = 0;
	out->change = arena_array(a, list->files + 1, sizeof(*out->change));
	for (size_t i = 0; i < list->files; i++) {
		const struct handed_file *f = &list->file[i];
		struct change *c = &out->change[out->n];

		if (f->state != HANDED_ENDED || f->as.class == HANDED_ARTIFACT)
			continue;
		*c = (struct change){ .path = f->path, .deletes = f->as.class == HANDED_DELETE,
			.executable = f->as.flags & CHANGE_EXECUTABLE, .based = f->as.flags & CHANGE_BASED,
			.bytes = f->bytes, .base_bytes = f->as.base_bytes, .base_lines = f->as.base_lines };
		memcpy(c->sha256, f->sha256, sizeof(c->sha256));
		memcpy(c->base, f->as.base, sizeof(c->base));
		out->n++;
	}
	sort(out->change, out->n, sizeof(*out->change), by_path);
}

/* ---- do they agree with the rest? ------------------------------------------------------- */

static int stray(const struct folder *f, struct why *why, const char *path, const char *what)
{
	return refuse(why, REFUSE_EVIDENCE, "%s/" CHANGES ": %.200s %s; this folder is not the evidence that "
	    "was sealed", f->path, path, what);
}

static bool same_digest(const struct json *j, const char *name, bool is, const unsigned char *digest)
{
	int v = json_get(j, 0, name);
	char hex[SHA256_HEX];

	hex_encode(hex, digest, SHA256_SIZE);
	return is ? json_is(j, v, hex) : v < 0;
}

/* An event's own change, or NULL. */
static const struct change *change_of(struct arena *a, const struct changes *c, const struct json *j)
{
	const char *path = read_text(a, j, json_get(j, 0, "path"));

	for (size_t i = 0; path != NULL && i < c->n; i++) {
		const struct change *is = &c->change[i];

		if (strcmp(is->path, path) == 0)
			return is->deletes == json_is(j, json_get(j, 0, "type"), "fs.delete") &&
			    same_digest(j, "sha256", !is->deletes, is->sha256) &&
			    same_digest(j, "base_sha256", is->based, is->base) ? is : NULL;
	}
	return NULL;
}

/* Every event of a change has one in the list; *events: how many there are. */
static int check_events(const struct folder *f, const struct changes *c, size_t *events, struct why *why)
{
	struct bytes rest = folder_get(f, "journal/events.jsonl");
	struct arena scratch = { 0 };
	const unsigned char *end;
	struct json j;
	char error[200];
	int rc = 0;

	for (; rc == 0 && rest.n > 0 && (end = memchr(rest.p, '\n', rest.n)) != NULL;
	    rest.n -= (size_t)(end + 1 - rest.p), rest.p = end + 1) {
		struct bytes line = { rest.p, (size_t)(end - rest.p) };

		if (memmem(line.p, line.n, "\"fs.", 4) == NULL || json_parse(&scratch, line, &j, error) != 0 ||
		    (!json_is(&j, json_get(&j, 0, "type"), "fs.write") &&
		    !json_is(&j, json_get(&j, 0, "type"), "fs.delete")))
			continue;
		++*events;
		if (change_of(&scratch, c, &j) == NULL) {
			const char *path = read_text(&scratch, &j, json_get(&j, 0, "path"));

			rc = stray(f, why, path != NULL ? path : "a path", "is not as the journal tells");
		}
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	return rc;
}

int changes_check(struct arena *a, const struct folder *f, const struct json *run, struct why *why)
{
	struct bytes text = folder_get(f, CHANGES);
	struct changes c = { .n = 0 };
	const char *path;
	size_t events = 0;

	if (text.p != NULL && (!changes_read(a, text, &c) || !json_is(run, json_get(run, 0, "run_id"), c.run_id) ||
	    !json_is(run, json_get(run, json_get(run, 0, "project"), "path"), c.project)))
		return stray(f, why, "it", "is not what a run writes, or tells of another");
	path = changes_stray(&c, f);
	if (path != NULL)
		return stray(f, why, path, "is not as it lies below " STAGED);
	if (check_events(f, &c, &events, why) != 0)
		return -1;
	/* A broker that died may not have told of the last ones. */
	return events == c.n || json_kind(run, json_get(run, 0, "evidence_complete")) != JSON_TRUE ? 0 :
	    stray(f, why, "it", "is not as the journal tells");
}

/* ---- inside the page ------------------------------------------------------------------- */

void html_changes(struct buf *to, const struct folder *f)
{
	struct arena a = { 0 };
	struct changes c;

	if (!changes_read(&a, folder_get(f, CHANGES), &c)) {
		arena_free(&a);
		return;
	}
	buf_text(to, "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Staged changes</h2>\n<p>For ");
	html_text(to, bytes_of(c.project), HTML_WORD, false);
	buf_text(to, "</p>\n<table><tbody>\n");
	for (size_t i = 0; i < c.n && i < HTML_ROWS; i++) {
		const struct change *is = &c.change[i];

		buf_printf(to, "<tr><th scope=\"row\">%s</th><td>", is->deletes ? "delete" : "write");
		html_text(to, bytes_of(is->path), HTML_WORD, false);
		buf_text(to, "</td><td>");
		html_size(to, is->bytes);
		buf_text(to, "</td></tr>\n");
	}
	buf_text(to, "</tbody></table>\n");
	if (c.n > HTML_ROWS)
		buf_printf(to, "<p>%zu more are in " CHANGES ".</p>\n", c.n - HTML_ROWS);
	buf_text(to, "</section>\n");
	arena_free(&a);
}
