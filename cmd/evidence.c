/*
 * evidence.c - oxg check, oxg report, oxg gate: commands over a stored run
 * folder. They execute nothing and change nothing in it; everything they read
 * may be hostile.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"

#define SCHEMA_VERSION 1

/* Index is what gate_decide returns. */
static const struct { const char *word; int status; } decided[] = {
	{ "PASS", STATUS_OK },
	{ "BLOCK", STATUS_BLOCK },
	{ "REQUIRE_APPROVAL", STATUS_APPROVAL },
};

static const char *one_run(const struct command *c, const struct words_list *operands)
{
	if (operands->count != 1)
		die(STATUS_USAGE, "%s takes one run folder; type: oxg %s %s", c->name,
		    c->name, c->synopsis);
	return operands->word[0];
}

/* A result that did not reach its reader is a failure. */
static int print(struct buf *b)
{
	int error = write_all(STDOUT_FILENO, b->p, b->n) < 0 ? errno : 0;

	buf_free(b);
	if (error == 0)
		return 0;
	warn("cannot write to standard output: %s", strerror(error));
	return -1;
}

static int refused(const struct why *why)
{
	warn("%s", why->text);
	return refusal_status(why->code);
}

/* ---- check ------------------------------------------------------------------------- */

static int check_json(const char *path, const struct check_result *r, const struct why *why)
{
	struct buf b = { 0 };
	struct json_out o = json_start(&b, false);

	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "run", path);
	json_member(&o, "status", why->code == REFUSAL_NONE ? "PASS" : "FAIL");
	json_member_number(&o, "files", (int64_t)r->files);
	json_member_number(&o, "bytes", (int64_t)r->bytes);
	json_member_number(&o, "events", (int64_t)r->events);
	json_member(&o, "decision", *r->decision ? r->decision : NULL);
	if (why->code != REFUSAL_NONE)
		json_member(&o, "reason", why->text);
	json_close(&o, '}');
	buf_byte(&b, '\n');
	return print(&b);
}

int cmd_check(int argc, char **argv)
{
	static bool json;
	static const struct option_spec option[] = {
		{ "json", OPT_FLAG, NULL, "print one JSON object on stdout", &json },
	};
	static const struct command c = { "check", "[options] RUN",
	    "Validate a run folder: digests, journal, documents, gate, report.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct check_result r;
	struct why why = { 0 };
	struct arena a = { 0 };
	const char *path;

	options_read(&c, argc, argv, &operands, NULL);
	path = one_run(&c, &operands);
	run_check(&a, path, &r, &why);
	if (json && check_json(path, &r, &why) < 0)
		return STATUS_EVIDENCE;
	if (why.code != REFUSAL_NONE)
		return refused(&why);
	if (!json)
		warn("%s verifies: %llu files, %llu bytes, %llu journal events, gate %s", path, (unsigned long long)r.files,
		    (unsigned long long)r.bytes, (unsigned long long)r.events, r.decision);
	arena_free(&a);
	return STATUS_OK;
}

/* ---- report ---------------------------------------------------------------------------- */

/* Evidence that was changed is not rendered as if it were any. What an
 * interrupted run left may be looked at, and is called that. */
static int load(struct arena *a, const char *path, struct folder *f, struct why *why)
{
	if (folder_load(a, path, f, why) < 0)
		return -1;
	if (!f->partial)
		return folder_verify(f, why);
	warn("%s was never finished; this is what an interrupted run left", path);
	return 0;
}

static int write_file(const char *path, const struct buf *b, struct why *why)
{
	int error = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || write_all(fd, b->p, b->n) < 0)
		error = errno;
	if (fd >= 0 && close(fd) < 0 && error == 0)
		error = errno;
	if (error != 0)
		return refuse(why, REFUSE_EVIDENCE, "cannot write the report to %s: %s",
		    path, strerror(error));
	return 0;
}

int cmd_report(int argc, char **argv)
{
	static const char *html;
	static const struct option_spec option[] = {
		{ "html", OPT_TEXT, "FILE", "write the page to FILE, not to stdout", &html },
	};
	static const struct command c = { "report", "[options] RUN",
	    "Render the report of a stored run folder; the plugin is not executed.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf page = { 0 };
	struct why why = { 0 };
	struct arena a = { 0 };
	struct folder f;

	options_read(&c, argc, argv, &operands, NULL);
	if (load(&a, one_run(&c, &operands), &f, &why) < 0 ||
	    report_html(&f, &page, &why) < 0)
		return refused(&why);
	if (html == NULL)
		return print(&page) < 0 ? STATUS_EVIDENCE : STATUS_OK;
	if (write_file(html, &page, &why) < 0)
		return refused(&why);
	buf_free(&page);
	arena_free(&a);
	return STATUS_OK;
}

/* ---- gate ---------------------------------------------------------------------------------- */

static int snapshot_read(struct arena *a, const char *file, struct buf *snapshot, struct why *why)
{
	struct policy policy;
	struct bytes text;

	if (file_read(a, AT_FDCWD, file, POLICY_BYTES, &text) < 0)
		return refuse(why, REFUSE_POLICY, "cannot read the policy %s: %s", file,
		    strerror(errno));
	if (policy_parse(a, text, file, NULL, &policy, why) < 0)
		return -1;
	policy_snapshot(&policy, snapshot);
	return 0;
}

/* The reasons of a report that was just made, for people. */
static void gate_say(struct arena *a, const char *path, const char *word, struct bytes report)
{
	struct json j;
	char error[200];
	int list;

	warn("%s: gate %s", path, word);
	if (json_parse(a, report, &j, error) < 0)
		return;
	list = json_get(&j, 0, "reasons");
	for (int v = json_first(&j, list); v >= 0; v = json_next(&j, v))
		warn("%s", (const char *)json_string(a, &j, v).p);
}

int cmd_gate(int argc, char **argv)
{
	static bool json;
	static const char *file;
	static const struct option_spec option[] = {
		{ "policy", OPT_TEXT, "FILE", "the policy to decide by", &file },
		{ "json", OPT_FLAG, NULL, "print the gate report on stdout", &json },
	};
	static const struct command c = { "gate", "--policy FILE [options] RUN",
	    "Decide again on stored evidence, by another policy.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf snapshot = { 0 }, report = { 0 };
	struct why why = { 0 };
	struct arena a = { 0 };
	struct folder f;
	const char *path;
	int d;

	options_read(&c, argc, argv, &operands, NULL);
	path = one_run(&c, &operands);
	if (file == NULL)
		die(STATUS_USAGE, "gate needs a policy to decide by; type: oxg gate "
		    "--policy FILE %s", path);
	if (snapshot_read(&a, file, &snapshot, &why) < 0 || load(&a, path, &f, &why) < 0)
		return refused(&why);
	if (f.partial)
		return STATUS_EVIDENCE; /* load has said so: there is nothing to decide on */
	d = gate_decide(&f, buf_bytes(&snapshot), &report);
	if (!json)
		gate_say(&a, path, decided[d].word, buf_bytes(&report));
	else if (print(&report) < 0)
		return STATUS_EVIDENCE;
	buf_free(&report);
	buf_free(&snapshot);
	arena_free(&a);
	return decided[d].status;
}
