/*
 * artifacts.c - what a plugin handed over, as a run folder has it: the files below
 * artifacts/ and the journal's word on each of them. Runs in the supervisor, and in the
 * commands that read a folder, where nothing in it is trusted.
 */
#include <string.h>

#include "evidence/evidence.h"

#define BELOW "artifacts/"

struct told {                          /* by the journal */
	const char *name;
	int64_t bytes;
	unsigned char sha256[SHA256_SIZE];
};

struct told_list {
	struct told *told;             /* sorted by name */
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* One event. As the journal is written a quote in a text is escaped, so that only an
 * event's type can look like this one. */
static bool told_read(struct arena *a, struct bytes line, struct told *out)
{
	static const char type[] = "\"type\":\"artifact.put\"";
	struct json j;
	char error[200];
	struct bytes name;

	if (memmem(line.p, line.n, type, sizeof(type) - 1) == NULL || json_parse(a, line, &j, error) < 0 ||
	    !json_is(&j, json_get(&j, 0, "type"), "artifact.put"))
		return false;
	name = json_string(a, &j, json_get(&j, 0, "name"));
	out->name = name.p != NULL && memchr(name.p, '\0', name.n) == NULL ? (const char *)name.p : "";
	out->bytes = -1;
	json_integer(&j, json_get(&j, 0, "bytes"), &out->bytes);
	/* One that cannot be read is the digest of nothing that anybody has. */
	if (!hex_decode(json_raw(&j, json_get(&j, 0, "sha256")), out->sha256, SHA256_SIZE))
		memset(out->sha256, 0, SHA256_SIZE);
	return true;
}

static struct told_list told_all(struct arena *a, struct bytes journal)
{
	struct told_list l = { NULL, 0 };

	while (journal.n > 0) {
		const unsigned char *end = memchr(journal.p, '\n', journal.n);
		struct bytes line = { journal.p, end != NULL ? (size_t)(end - journal.p) : journal.n };
		struct told *more, one;

		journal.p += line.n + (end != NULL);
		journal.n -= line.n + (end != NULL);
		if (!told_read(a, line, &one))
			continue;
		if ((l.n & (l.n - 1)) == 0) { /* full at every power of two */
			more = arena_array(a, l.n == 0 ? 1 : 2 * l.n, sizeof(*more));
			if (l.n > 0)
				memcpy(more, l.told, l.n * sizeof(*more));
			l.told = more;
		}
		l.told[l.n++] = one;
	}
	sort(l.told, l.n, sizeof(*l.told), by_name);
	return l;
}

static bool below(const struct folder_file *f)
{
	return strncmp(f->name, BELOW, sizeof(BELOW) - 1) == 0;
}

/* ---- while a run is closed ---------------------------------------------------------------- */

void artifacts_recover(struct arena *a, struct journal *j, struct bytes journal, const struct handed *h)
{
	struct told_list l = told_all(a, journal);

	for (size_t i = 0; i < h->files; i++) {
		const struct handed_file *f = &h->file[i];
		size_t k = 0;
		struct json_out o;

		while (k < l.n && strcmp(l.told[k].name, f->path) != 0)
			k++;
		if (f->state != HANDED_ENDED || f->as.class != HANDED_ARTIFACT || k < l.n)
			continue;
		o = journal_open(j, "artifact.put");
		json_member(&o, "name", f->path);
		json_member_number(&o, "bytes", (int64_t)f->bytes);
		json_member_hex(&o, "sha256", f->sha256, sizeof(f->sha256));
		json_member_bool(&o, "recovered", true);
		journal_close(j, &o);
	}
}

uint64_t artifacts_count(const struct handed *h, uint64_t *bytes)
{
	uint64_t n = 0;

	*bytes = 0;
	for (size_t i = 0; i < h->files; i++)
		if (h->file[i].state == HANDED_ENDED && h->file[i].as.class == HANDED_ARTIFACT) {
			*bytes += h->file[i].bytes;
			n++;
		}
	return n;
}

void artifacts_summary(struct json_out *o, const struct handed *h)
{
	uint64_t bytes;

	json_name(o, "artifacts");
	if (h == NULL) {
		json_null(o);
		return;
	}
	json_open(o, '{');
	json_member_number(o, "files", (int64_t)artifacts_count(h, &bytes));
	json_member_number(o, "bytes", (int64_t)bytes);
	json_close(o, '}');
}

/* ---- of a stored folder --------------------------------------------------------------------- */

static int wrong(const struct folder *f, struct why *why, const char *name, const char *what)
{
	return refuse(why, REFUSE_EVIDENCE, "%s/" BELOW "%.200s %s; this folder is not the evidence that "
	    "was sealed", f->path, name, what);
}

/* Both are sorted by name. */
int artifacts_check(struct arena *a, const struct folder *f, const struct json *run, struct why *why)
{
	struct told_list l = told_all(a, folder_get(f, "journal/events.jsonl"));
	int said = json_get(run, 0, "artifacts");
	int64_t files = 0, bytes = 0, said_files = 0, said_bytes = 0;
	size_t k = 0;

	for (size_t i = 0; i < f->files; i++) {
		struct folder_file *file = &f->file[i];
		const char *name = file->name + sizeof(BELOW) - 1;
		int order;

		if (!below(file))
			continue;
		order = k < l.n ? strcmp(l.told[k].name, name) : 1;
		if (order > 0)
			return wrong(f, why, name, "is there although the journal does not tell of it");
		if (order < 0)
			break;
		if ((uint64_t)l.told[k].bytes != file->bytes.n ||
		    memcmp(l.told[k].sha256, folder_digest(file), SHA256_SIZE) != 0)
			return wrong(f, why, name, "is not the one that the journal tells of");
		k++;
		files++;
		bytes += l.told[k - 1].bytes;
	}
	if (k < l.n)
		return wrong(f, why, l.told[k].name, "is missing although the journal tells of it");
	if (json_kind(run, said) == JSON_OBJECT &&
	    (!json_integer(run, json_get(run, said, "files"), &said_files) ||
	    !json_integer(run, json_get(run, said, "bytes"), &said_bytes)))
		said_files = -1;
	return said_files == files && said_bytes == bytes ? 0 : refuse(why, REFUSE_EVIDENCE,
	    "%s/run.json does not count the artifacts that are there; this folder is not the evidence "
	    "that was sealed", f->path);
}

void html_artifacts(struct buf *to, const struct folder *f)
{
	size_t shown = 0, all = 0;
	char hex[SHA256_HEX];

	for (size_t i = 0; i < f->files; i++) {
		struct folder_file *file = &f->file[i];

		if (!below(file) || ++all > HTML_ROWS)
			continue;
		if (shown++ == 0)
			buf_text(to, "<section aria-labelledby=\"artifacts\">\n<h2 id=\"artifacts\">Artifacts</h2>\n"
			    "<table class=\"checks\"><thead><tr><th scope=\"col\">File below artifacts/</th>"
			    "<th scope=\"col\">Size</th><th scope=\"col\">SHA-256</th></tr></thead><tbody>\n");
		buf_text(to, "<tr><td>");
		html_text(to, bytes_of(file->name + sizeof(BELOW) - 1), HTML_WORD, false);
		buf_text(to, "</td><td>");
		html_size(to, file->bytes.n);
		hex_encode(hex, folder_digest(file), SHA256_SIZE);
		buf_printf(to, "</td><td><code>%s</code></td></tr>\n", hex);
	}
	if (all == 0)
		return;
	buf_text(to, "</tbody></table>\n");
	if (all > shown)
		buf_printf(to, "<p>%zu more are in SHA256SUMS.</p>\n", all - shown);
	buf_text(to, "</section>\n");
}
