/*
 * gitlab.c - findings as GitLab's reports: Code Quality, and SAST 15.0.7. Runs in the
 * commands that render reports.
 */
#include <string.h>

#include "evidence/evidence.h"
#include "version.h"

#define DESCRIPTION_TEXT 1000
#define NAME_TEXT 200                  /* 255 are allowed, and a note stands behind */

static const struct { const char *quality, *sast; } by_severity[SEV_COUNT] = {
	{ "info", "Info" }, { "minor", "Low" }, { "major", "Medium" }, { "critical", "High" },
	{ "blocker", "Critical" },
};

static void put_rule(struct json_out *o, const char *name, const struct finding_view *v)
{
	json_name(o, name);
	json_verbatim(o, BYTES("\""));
	text_put(o->to, TEXT_SHOWN, v->plugin, NAME_TEXT / 2);
	buf_byte(o->to, '/');
	text_put(o->to, TEXT_SHOWN, v->type, NAME_TEXT);
	buf_byte(o->to, '"');
}

static int64_t line_of(const struct merged_walk *w)
{
	return w->place.line > 0 ? (int64_t)w->place.line : 1;
}

void codequality_write(const struct merged *m, struct sink *s)
{
	struct json_out o = json_start(&s->b, false);
	struct merged_walk w = { 0 };

	json_open(&o, '[');
	while (merged_next(m, &w)) {
		json_open(&o, '{');
		text_member(&o, "description", TEXT_SHOWN, w.view.message, DESCRIPTION_TEXT);
		put_rule(&o, "check_name", &w.view);
		json_member_hex(&o, "fingerprint", w.f->print, SHA256_SIZE);
		json_member(&o, "severity", by_severity[w.f->severity].quality);
		json_open_member(&o, "location", '{');
		text_member(&o, "path", TEXT_JSON, w.place.path, SIZE_MAX);
		json_open_member(&o, "lines", '{');
		json_member_number(&o, "begin", line_of(&w));
		json_close(&o, '}');
		json_close(&o, '}');
		json_close(&o, '}');
		sink_turn(s, false);
	}
	json_close(&o, ']');
	buf_byte(&s->b, '\n');
}

/* ---- SAST -------------------------------------------------------------------------------- */

/* Without zone and fraction. */
static void put_time(struct json_out *o, const char *name, int64_t seconds)
{
	char text[32];

	time_rfc3339(text, seconds);
	text[strcspn(text, "Z")] = '\0';
	json_member(o, name, text);
}

static void put_program(struct json_out *o, const char *name)
{
	json_open_member(o, name, '{');
	json_member(o, "id", "oxg");
	json_member(o, "name", "oxg");
	json_member(o, "version", OXG_VERSION);
	json_open_member(o, "vendor", '{');
	json_member(o, "name", "oxg");
	json_close(o, '}');
	json_close(o, '}');
}

static bool went_well(const struct merged_run *r)
{
	const struct json *j = &r->run;
	int64_t status;
	int ending = json_get(j, 0, "ending");

	return json_is(j, json_get(j, ending, "reason"), "exited") &&
	    json_integer(j, json_get(j, ending, "exit_status"), &status) && status == 0;
}

static void put_scan(struct json_out *o, const struct merged *m)
{
	int64_t first = 0, last = 0;
	size_t well = 0;

	for (size_t i = 0; i < m->runs; i++) {
		int64_t started = merged_time(&m->run[i], "started");
		int64_t finished = merged_time(&m->run[i], "finished");

		first = first == 0 || (started > 0 && started < first) ? started : first;
		last = finished > last ? finished : last;
		well += went_well(&m->run[i]);
	}
	json_open_member(o, "scan", '{');
	put_program(o, "analyzer");
	put_program(o, "scanner");
	json_member(o, "type", "sast");
	put_time(o, "start_time", first);
	put_time(o, "end_time", last);
	json_member(o, "status", well == m->runs ? "success" : "failure");
	json_open_member(o, "messages", '[');
	for (size_t i = 0; i < m->runs; i++) {
		struct arena a = { 0 };

		if (!went_well(&m->run[i])) {
			json_open(o, '{');
			json_member(o, "level", "fatal");
			text_member(o, "value", TEXT_SHOWN, merged_how(&a, &m->run[i]), DESCRIPTION_TEXT);
			json_close(o, '}');
		}
		arena_free(&a);
	}
	json_close(o, ']');
	json_close(o, '}');
}

/* A UUID of version 8 (RFC 9562), so that it stays the same. */
static void put_id(struct json_out *o, const unsigned char print[SHA256_SIZE])
{
	static const int part[] = { 4, 2, 2, 2, 6 };
	unsigned char id[16];
	char text[37], *to = text;

	memcpy(id, print, sizeof(id));
	id[6] = (unsigned char)(0x80 | (id[6] & 0x0f));
	id[8] = (unsigned char)(0x80 | (id[8] & 0x3f));
	for (size_t i = 0, at = 0; i < COUNT(part); at += (size_t)part[i++]) {
		if (i > 0)
			*to++ = '-';
		hex_encode(to, id + at, (size_t)part[i]);
		to += 2 * part[i];
	}
	json_member(o, "id", text);
}

void sast_write(const struct merged *m, struct sink *s)
{
	struct json_out o = json_start(&s->b, false);
	struct merged_walk w = { 0 };

	json_open(&o, '{');
	json_member(&o, "version", "15.0.7");
	put_scan(&o, m);
	json_open_member(&o, "vulnerabilities", '[');
	while (merged_next(m, &w)) {
		json_open(&o, '{');
		put_id(&o, w.f->print);
		text_member(&o, "name", TEXT_SHOWN, w.view.message, NAME_TEXT);
		text_member(&o, "description", TEXT_SHOWN, w.view.message, DESCRIPTION_TEXT);
		json_member(&o, "severity", by_severity[w.f->severity].sast);
		json_open_member(&o, "identifiers", '[');
		json_open(&o, '{');
		json_member(&o, "type", "oxg_rule");
		put_rule(&o, "name", &w.view);
		put_rule(&o, "value", &w.view);
		json_close(&o, '}');
		json_close(&o, ']');
		json_open_member(&o, "location", '{');
		text_member(&o, "file", TEXT_JSON, w.place.path, SIZE_MAX);
		json_member_number(&o, "start_line", line_of(&w));
		json_close(&o, '}');
		json_close(&o, '}');
		sink_turn(s, false);
	}
	json_close(&o, ']');
	json_close(&o, '}');
	buf_byte(&s->b, '\n');
}
