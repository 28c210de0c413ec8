/*
 * github.c - runs as a step of a GitHub workflow shows them: annotations on stdout, a
 * step summary, outputs. Runs in the supervisor when everybody is dead (its files were
 * opened before it shut itself in), and in oxg report.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"

#define SHOWN 10               /* of a kind: more are dropped by the service */
#define SUMMARY_BYTES (1u << 20)
#define MESSAGE_TEXT 1000
#define TITLE_TEXT 200

enum kind { NOTICE, WARNING, ERROR, KINDS };

static const char *const kind_word[] = { "notice", "warning", "error" };

static int file_open(const char *variable)
{
	const char *path = getenv(variable);
	int fd;

	if (path == NULL || *path == '\0')
		return -1;
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		warn("cannot write to the file that %s names: %s", variable, strerror(errno));
	return fd;
}

void github_open(struct github *g)
{
	g->summary = file_open("GITHUB_STEP_SUMMARY");
	g->output = file_open("GITHUB_OUTPUT");
}

/* ---- annotations ---------------------------------------------------------------------- */

static void put_gate(struct buf *b, const struct merged *m, size_t shown[KINDS])
{
	for (size_t i = 0; i < m->runs && shown[ERROR] < SHOWN / 2; i++) {
		const struct merged_run *r = &m->run[i];
		const char *word = decision_name(r->decision);
		int list = json_get(&r->gate, 0, "reasons");
		struct arena a = { 0 };
		struct bytes text = merged_how(&a, r);

		if (word != NULL && strcmp(word, "PASS") == 0)
			continue;
		/* Of a refused run all other reasons follow from it. */
		if (json_kind(&r->run, json_get(&r->run, 0, "refusal")) != JSON_OBJECT &&
		    json_kind(&r->gate, list) == JSON_ARRAY && json_size(&r->gate, list) > 0)
			text = json_string(&a, &r->gate, json_first(&r->gate, list));
		buf_printf(b, "::error title=oxg gate%%3A %s::", word != NULL ? word : "no decision");
		text_put(b, TEXT_MESSAGE, r->plugin, TITLE_TEXT);
		buf_text(b, ": ");
		text_put(b, TEXT_MESSAGE, text, MESSAGE_TEXT);
		buf_byte(b, '\n');
		shown[ERROR]++;
		arena_free(&a);
	}
}

static void put_finding(struct buf *b, const struct merged_walk *w, enum kind kind)
{
	buf_printf(b, "::%s ", kind_word[kind]);
	if (w->place.file) {
		buf_text(b, "file=");
		text_put(b, TEXT_PROPERTY, w->place.path, MESSAGE_TEXT);
		if (w->place.line > 0)
			buf_printf(b, ",line=%llu", (unsigned long long)w->place.line);
		if (w->place.column > 0)
			buf_printf(b, ",col=%llu", (unsigned long long)w->place.column);
		buf_byte(b, ',');
	}
	buf_printf(b, "title=%s%%3A ", severity_name((enum severity)w->f->severity));
	text_put(b, TEXT_PROPERTY, w->view.type, TITLE_TEXT);
	buf_text(b, "::");
	text_put(b, TEXT_MESSAGE, w->view.message, MESSAGE_TEXT);
	if (!w->place.file && w->view.target.n > 0) {
		buf_text(b, "%0A");
		text_put(b, TEXT_MESSAGE, w->view.target, MESSAGE_TEXT);
	}
	buf_byte(b, '\n');
}

static void put_annotations(struct buf *b, const struct merged *m)
{
	static const enum kind of[SEV_COUNT] = { NOTICE, NOTICE, WARNING, ERROR, ERROR };
	size_t shown[KINDS] = { 0 };
	struct merged_walk w = { 0 };
	uint64_t left = 0;

	put_gate(b, m, shown);
	while (merged_next(m, &w)) {
		enum kind kind = of[w.f->severity];

		if (shown[kind] == SHOWN)
			left++;
		else {
			put_finding(b, &w, kind);
			shown[kind]++;
		}
	}
	if (left > 0)
		buf_printf(b, "oxg: %llu more findings are in the run folder\n", (unsigned long long)left);
}

/* ---- files ----------------------------------------------------------------------------- */

/* Whole or not at all: what is over the ceiling the service drops altogether. */
static void append(int fd, const struct buf *b, const char *what)
{
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && (uint64_t)st.st_size + b->n > SUMMARY_BYTES)
		warn("the %s has no room left for this run", what);
	else if (write_all(fd, b->p, b->n) < 0)
		warn("cannot write the %s: %s", what, strerror(errno));
}

/* Each is one line: a name that would make more of it is left out. */
static void put_outputs(struct buf *b, const struct merged *m, const char *folder)
{
	const char *word = decision_name(merged_decision(m));
	bool plain = folder != NULL;

	for (const char *c = folder; plain && *c; c++)
		plain = (unsigned char)*c >= 0x20 && *c != 0x7f;
	buf_printf(b, "decision=%s\nfindings=%llu\n", word != NULL ? word : "none",
	    (unsigned long long)(m->total - m->unreadable));
	if (plain)
		buf_printf(b, "folder=%s\n", folder);
}

int github_tell(const struct github *g, const struct merged *m, const char *folder)
{
	struct sink page = { .fd = -1 };
	struct buf b = { 0 };
	int status;

	put_annotations(&b, m);
	status = command_print(&b);
	markdown_write(m, &page);
	append(g->summary, &page.b, "step summary");
	b.n = 0;
	put_outputs(&b, m, folder);
	append(g->output, &b, "step's outputs");
	buf_free(&page.b);
	buf_free(&b);
	return status;
}

/* Where there is no folder to tell of. */
static int refused(const char *text)
{
	struct buf b = { 0 };
	int status;

	buf_text(&b, "::error title=oxg::");
	text_put(&b, TEXT_MESSAGE, bytes_of(text), MESSAGE_TEXT);
	buf_byte(&b, '\n');
	status = command_print(&b);
	buf_free(&b);
	return status;
}

int github_run(const struct github *g, const struct folder *f, const char *path, const char *refusal)
{
	struct merged merged;
	struct why why = { .code = REFUSAL_NONE };

	if (f->files == 0)
		return refused(refusal);
	if (merge_runs(f, 1, &merged, &why) != 0)
		return refused(why.text);
	return github_tell(g, &merged, path);
}
