/*
 * console.c - what people (stderr) and programs (stdout) are told of a run. Runs
 * in the supervisor, its live line in the watch. No byte of the plugin's gets here but
 * its name and version, which the manifest reader holds to a narrow alphabet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

#define MIB (1024.0 * 1024.0)

bool console_live(const struct run_words *w)
{
	const char *term = getenv("TERM");

	return !w->quiet && !w->json && isatty(STDERR_FILENO) && getenv("CI") == NULL &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

static bool coloured(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDERR_FILENO) && (no == NULL || *no == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

void console_tick(uint64_t findings, uint64_t denials, const struct usage *u)
{
	static uint64_t last_ns; /* a line a tenth of a second is what eyes follow */

	if (u->wall_ns - last_ns < 100000000u)
		return;
	last_ns = u->wall_ns;
	fprintf(stderr, "\r\033[K%.1f s  cpu %.1f s  memory %.1f MiB  findings %llu  refused %llu",
	    (double)u->wall_ns / 1e9, (double)u->cpu_ns / 1e9,
	    (double)u->memory_peak / MIB, (unsigned long long)findings, (unsigned long long)denials);
}

/* ---- for people --------------------------------------------------------------------- */

static void print_findings(const struct run_summary *s)
{
	bool first = true;
	int i;

	fprintf(stderr, "  findings  %llu", (unsigned long long)s->tally->findings);
	for (i = SEV_COUNT - 1; i >= 0; i--) {
		if (s->tally->by_severity[i] == 0)
			continue;
		fprintf(stderr, "%s%llu %s", first ? " (" : ", ",
		    (unsigned long long)s->tally->by_severity[i], severity_name((enum severity)i));
		first = false;
	}
	fprintf(stderr, "%s", first ? "" : ")");
	if (s->tally->rejected > 0)
		fprintf(stderr, ", %llu rejected", (unsigned long long)s->tally->rejected);
	if (s->artifacts > 0)
		fprintf(stderr, "\n  artifacts %llu", (unsigned long long)s->artifacts);
	fprintf(stderr, "\n");
}

/* File names come from elsewhere: no byte of them steers a terminal. */
static void print_safe(const char *s)
{
	for (; *s; s++)
		fputc((unsigned char)*s < 0x20 || *s == 0x7f ||
		    ((unsigned char)*s == 0xc2 && ((unsigned char)s[1] & 0xe0) == 0x80) ?
		    '?' : *s, stderr);
}

static void print_path(const char *name, const char *folder, const char *file)
{
	fprintf(stderr, "  %-9s ", name);
	print_safe(folder);
	fprintf(stderr, "%s\n", file);
}

static void print_for_people(const struct run_words *w, const struct run_summary *s)
{
	const char *word = s->ending == NULL ? "REFUSED" :
	    s->decision != NULL ? s->decision : "NO EVIDENCE";
	const char *on = "", *off = "";

	if (coloured()) {
		on = s->status == STATUS_OK ? "\033[32m" : "\033[31m";
		off = "\033[0m";
	}
	fprintf(stderr, "%s%s%s  ", on, word, off);
	print_safe(s->plugin);
	fprintf(stderr, "%s%s", *s->version ? " " : "", s->version);
	if (s->ending != NULL)
		fprintf(stderr, ": %s, %.2f s, cpu %.2f s, %.1f MiB", s->ending->detail,
		    (double)s->ending->usage.wall_ns / 1e9, (double)s->ending->usage.cpu_ns / 1e9,
		    (double)s->ending->usage.memory_peak / MIB);
	fprintf(stderr, "\n");
	if (s->tally != NULL)
		print_findings(s);
	if (w->allow_unsigned && s->ending != NULL)
		print_path("unsigned", "neither hash nor signature had to be right (--allow-unsigned)", "");
	if (s->folder != NULL)
		print_path("folder", s->folder, "");
	/* Where to look next. */
	if (s->folder != NULL && s->status == STATUS_FAILED)
		print_path("it said", s->folder, "/logs/stderr.log");
	else if (s->folder != NULL && (s->status == STATUS_BLOCK || s->status == STATUS_APPROVAL))
		print_path("because", s->folder, "/gate_report.json");
}

/* What each step took, from the one before that there was. */
static void print_timings(const uint64_t *moment)
{
	static const char *const text[] = {
#define X(name, text) text,
		MOMENTS(X)
#undef X
	};
	uint64_t before = moment[MOMENT_STARTED];
	size_t i;

	for (i = MOMENT_STARTED + 1; i < MOMENT_COUNT; i++) {
		if (moment[i] == 0)
			continue;
		fprintf(stderr, "  %9.3f ms  %s\n", (double)(moment[i] - before) / 1e6, text[i]);
		before = moment[i];
	}
	fprintf(stderr, "  %9.3f ms  all of it\n", (double)(before - moment[MOMENT_STARTED]) / 1e6);
}

/* ---- for programs --------------------------------------------------------------------- */

static void write_ending(struct json_out *o, const struct ending *e)
{
	json_name(o, "ending");
	json_open(o, '{');
	json_member(o, "reason", ending_word(e->reason));
	if (e->reason == ENDING_EXITED)
		json_member_number(o, "exit_status", e->status);
	if (e->reason == ENDING_CRASHED)
		json_member(o, "signal", signal_word(e->signal));
	json_member(o, "killed_by", e->by);
	json_member(o, "detail", e->detail);
	json_close(o, '}');
}

static void write_findings(struct json_out *o, const struct tally *t)
{
	int i;

	json_name(o, "findings");
	json_open(o, '{');
	json_member_number(o, "accepted", (int64_t)t->findings);
	json_member_number(o, "rejected", (int64_t)t->rejected);
	for (i = 0; i < SEV_COUNT; i++)
		json_member_number(o, severity_name((enum severity)i), (int64_t)t->by_severity[i]);
	json_close(o, '}');
}

static int print_for_programs(const struct run_summary *s)
{
	struct buf b = { 0 };
	struct json_out o = json_start(&b, true);
	int status;

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_member(&o, "run_id", s->run_id);
	json_member(&o, "plugin", s->plugin);
	json_member(&o, "version", s->version);
	json_member_number(&o, "exit_status", s->status);
	json_member(&o, "decision", s->decision);
	json_member(&o, "folder", s->folder);
	if (s->refusal != NULL && s->refusal->code != REFUSAL_NONE) {
		json_name(&o, "refusal");
		json_open(&o, '{');
		json_member(&o, "code", refusal_word(s->refusal->code));
		json_member(&o, "text", s->refusal->text);
		json_close(&o, '}');
	}
	if (s->ending != NULL)
		write_ending(&o, s->ending);
	if (s->tally != NULL)
		write_findings(&o, s->tally);
	if (s->tally != NULL)
		json_member_number(&o, "artifacts", (int64_t)s->artifacts);
	json_close(&o, '}');
	json_end(&o);
	status = command_print(&b);
	buf_free(&b);
	return s->status == STATUS_OK ? status : s->status;
}

int console_summary(const struct run_words *w, const struct run_summary *s)
{
	if (console_live(w))
		fprintf(stderr, "\r\033[K");
	if (s->refusal != NULL && s->refusal->code != REFUSAL_NONE)
		warn("%s", s->refusal->text);
	if (w->json)
		return print_for_programs(s);
	if (!w->quiet)
		print_for_people(w, s);
	if (s->moment != NULL)
		print_timings(s->moment);
	return s->status;
}
