/*
 * report.c - oxg report: what is rendered of stored evidence, of one run or many. The
 * plugin is never executed, and nothing in the folders is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"

#define COPIED (1u << 20)      /* findings that are kept by copying them */

/* ---- where a document goes: stdout, or a file that is replaced at once ----------------- */

struct output {
	const char *path, *made;   /* made: under this name until it is whole, or NULL */
	int fd;
};

static int output_open(struct arena *a, const char *path, struct output *o, struct why *why)
{
	unsigned char random[8];
	char hex[2 * sizeof(random) + 1];
	struct stat st;

	*o = (struct output){ .path = path, .fd = STDOUT_FILENO };
	if (strcmp(path, "-") == 0)
		return 0;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a link, a device, a pipe */
		o->fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	} else {
		random_bytes(random, sizeof(random));
		hex_encode(hex, random, sizeof(random));
		o->made = arena_printf(a, "%s.%s", path, hex);
		o->fd = open(o->made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	if (o->fd < 0)
		return refuse(why, REFUSE_EVIDENCE, "cannot write the report to %s: %s", path,
		    strerror(errno));
	return 0;
}

/* error: errno of what went wrong so far, or 0. */
static int output_close(const struct output *o, int error, struct why *why)
{
	if (o->fd != STDOUT_FILENO && close(o->fd) < 0 && error == 0)
		error = errno;
	if (o->made != NULL && error == 0 && rename(o->made, o->path) < 0)
		error = errno;
	if (o->made != NULL && error != 0)
		unlink(o->made);
	if (error != 0)
		return refuse(why, REFUSE_EVIDENCE, "cannot write %s%s: %s",
		    o->fd == STDOUT_FILENO ? "to standard output" : "the report to ",
		    o->fd == STDOUT_FILENO ? "" : o->path, strerror(error));
	return 0;
}

/* ---- the folders ---------------------------------------------------------------------------- */

static bool reported(const char *name)
{
	static const char *const not[] = { "artifacts/", "changes/", "logs/", "journal/",
		"inputs/", "audit.jsonl", "report." };

	for (size_t i = 0; i < COUNT(not); i++)
		if (strncmp(name, not[i], strlen(not[i])) == 0)
			return false;
	return true;
}

/* Of one of many, what no report tells of is let go. */
static void folder_thin(struct arena *a, struct arena *from, struct folder *f)
{
	struct folder thin = { .path = arena_text(a, bytes_of(f->path)), .partial = f->partial };

	if (folder_get(f, "findings.jsonl").n > COPIED)
		return;
	for (size_t i = 0; i < f->files; i++)
		if (reported(f->file[i].name))
			folder_add(a, &thin, f->file[i].name, (struct bytes){ (const unsigned char *)
			    arena_text(a, f->file[i].bytes), f->file[i].bytes.n });
	arena_free(from);
	*f = thin;
}

struct reporting {
	struct arena a;
	struct folder *folder;
	size_t folders;
	struct merged merged;
	bool is_merged;
};

/* Equal sums, equal evidence: out/latest stands beside what it points to. */
static bool there_already(const struct folder *f, size_t n)
{
	struct bytes sums = folder_get(&f[n], "SHA256SUMS");

	for (size_t i = 0; i < n && sums.p != NULL; i++)
		if (bytes_equal(sums, folder_get(&f[i], "SHA256SUMS")))
			return true;
	return false;
}

static int folders_load(struct reporting *r, const struct words_list *operands, struct why *why)
{
	for (size_t i = 0; i < operands->count; i++) {
		struct folder *f = &r->folder[r->folders];
		struct arena one = { 0 }; /* until exit */

		if (stored_load(&one, operands->word[i], f, why) < 0)
			return -1;
		if (folder_get(f, "run.json").p == NULL)
			return refuse(why, REFUSE_EVIDENCE, "%s has no run.json, so there is nothing "
			    "to report on", f->path);
		if (operands->count > 1)
			folder_thin(&r->a, &one, f);
		r->folders += !there_already(r->folder, r->folders);
	}
	return 0;
}

/* ---- the documents ----------------------------------------------------------------------------- */

static const struct {
	const char *option, *help;
	void (*write)(const struct merged *, struct sink *); /* NULL: the page */
} formats[] = {
	{ "html", "a page of HTML; without any option it goes to stdout", NULL },
	{ "sarif", "SARIF 2.1.0, for GitHub code scanning and others", sarif_write },
	{ "json", "runs and findings as one JSON object: oxg schema report", bundle_write },
	{ "md", "Markdown, a step summary", markdown_write },
	{ "csv", "CSV, a line a finding, for spreadsheets", csv_write },
	{ "junit", "JUnit XML, a case for each rule of the gate", junit_write },
	{ "gitlab-codequality", "GitLab Code Quality", codequality_write },
	{ "gitlab-sast", "GitLab SAST", sast_write },
};

static int merge(struct reporting *r, struct why *why)
{
	if (r->is_merged)
		return 0;
	r->is_merged = true;
	return merge_runs(r->folder, r->folders, &r->merged, why);
}

static int document_write(struct reporting *r, size_t format, const char *path, struct why *why)
{
	struct sink s = { .fd = -1 };
	struct output o;

	if (formats[format].write != NULL ? merge(r, why) < 0 :
	    report_html_runs(r->folder, r->folders, &s.b, why) < 0)
		return -1;
	if (output_open(&r->a, path, &o, why) < 0)
		return -1;
	s.fd = o.fd;
	if (formats[format].write != NULL)
		formats[format].write(&r->merged, &s);
	sink_turn(&s, true);
	buf_free(&s.b);
	return output_close(&o, s.error, why);
}

static int github(struct reporting *r, struct why *why)
{
	struct github g;

	github_open(&g);
	if (merge(r, why) < 0)
		return command_fail(why);
	return github_tell(&g, &r->merged, r->folders == 1 ? r->folder->path : NULL);
}

int cmd_report(int argc, char **argv)
{
	const char *file[COUNT(formats)] = { NULL }, *format = NULL;
	struct option_spec option[COUNT(formats) + 1];
	const struct command c = { "report", "[options] RUN...",
	    "Renders what is stored of runs, each into the FILE that is named (-: stdout).",
	    option, COUNT(option) };
	static struct words_list operands;
	struct reporting r = { .folders = 0 };
	struct why why = { 0 };
	size_t on_stdout, documents;

	for (size_t i = 0; i < COUNT(formats); i++)
		option[i] = (struct option_spec){ formats[i].option, OPT_TEXT, "FILE",
		    formats[i].help, &file[i] };
	option[COUNT(formats)] = (struct option_spec){ "format", OPT_TEXT, "github",
	    "annotations on stdout, step summary, outputs", &format };
	options_read(&c, argc, argv, &operands, NULL);
	if (format != NULL && strcmp(format, "github") != 0)
		die(STATUS_USAGE, "--format %s: give github", format);
	if (operands.count == 0)
		die(STATUS_USAGE, "report takes run folders; type: oxg report --help");
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to be told */
	documents = on_stdout = format != NULL;
	for (size_t i = 0; i < COUNT(formats); i++) {
		documents += file[i] != NULL;
		on_stdout += file[i] != NULL && strcmp(file[i], "-") == 0;
	}
	if (on_stdout > 1)
		die(STATUS_USAGE, "two documents do not fit on one stdout; write one to a file");
	if (documents == 0)
		file[0] = "-";
	r.folder = arena_array(&r.a, operands.count, sizeof(*r.folder));
	if (folders_load(&r, &operands, &why) < 0)
		return command_fail(&why);
	for (size_t i = 0; i < COUNT(formats); i++)
		if (file[i] != NULL && document_write(&r, i, file[i], &why) < 0)
			return command_fail(&why);
	return format != NULL ? github(&r, &why) : STATUS_OK;
}
