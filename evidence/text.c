/*
 * text.c - text from outside inside JSON, SARIF, XML, Markdown and annotations: it
 * changes nothing but text there. Runs in the supervisor and in the commands that
 * render reports.
 *
 * What is written to stdout in CI is a channel of commands: "::" at the beginning of a
 * line, "##[" and "##vso[" anywhere in one, escape sequences. No form lets one through.
 */
#include <string.h>

#include "evidence/evidence.h"

#define FORM(name) (1u << TEXT_##name)
#define IN_JSON (FORM(JSON) | FORM(SHOWN) | FORM(SARIF))
#define IN_ACTIONS (FORM(MESSAGE) | FORM(PROPERTY))

/* The first that fits counts. */
static const struct { unsigned char c; unsigned forms; const char *instead; } escapes[] = {
	{ '\\', FORM(SARIF), "\\\\\\\\" },
	{ '[', FORM(SARIF), "\\\\[" },
	{ ']', FORM(SARIF), "\\\\]" },
	{ '\\', IN_JSON, "\\\\" },
	{ '"', IN_JSON, "\\\"" },
	{ '"', FORM(CSV), "\"\"" },
	{ '\n', IN_JSON | FORM(CODE) | FORM(CSV), "\\n" },
	{ '\t', IN_JSON | FORM(CSV), "\\t" },
	{ '<', IN_JSON, "\\u003c" },
	{ '>', IN_JSON, "\\u003e" },
	{ '&', IN_JSON, "\\u0026" },
	{ '&', FORM(XML), "&amp;" },
	{ '<', FORM(XML), "&lt;" },
	{ '>', FORM(XML), "&gt;" },
	{ '"', FORM(XML), "&quot;" },
	{ '\n', FORM(XML), "&#10;" },
	{ '\t', FORM(XML), "&#9;" },
	{ '\t', FORM(CODE), " " },
	{ '%', IN_ACTIONS, "%25" },
	{ '\n', IN_ACTIONS, "%0A" },
	{ ':', FORM(PROPERTY), "%3A" },
	{ ',', FORM(PROPERTY), "%2C" },
};

static bool special(uint32_t r)
{
	return r < 0x20 || (r < 0x7f && strchr("\\[]\"<>&%:,#`|", (int)r) != NULL);
}

static const char *escape(enum text_form form, uint32_t r)
{
	for (size_t i = 0; i < COUNT(escapes); i++)
		if (escapes[i].c == r && (escapes[i].forms >> form & 1))
			return escapes[i].instead;
	return NULL;
}

/* Written as a number. */
static void put_number(struct buf *to, enum text_form form, uint32_t r)
{
	static const char *const begin[] = { "", "\\\\", "\\\\\\\\", "\\", "\\", "\\", "\\", "\\" };

	if (form == TEXT_JSON && r > 0xffff) {
		buf_printf(to, "\\u%04x", 0xd7c0 + (r >> 10));
		r = 0xdc00 | (r & 0x3ff);
	}
	buf_printf(to, form == TEXT_JSON ? "%s\\u%04x" : "%su{%x}", begin[form], r);
}

static void put_rune(struct buf *to, enum text_form form, uint32_t r, struct bytes as, bool twice)
{
	const char *instead = escape(form, r);

	if (instead != NULL)
		buf_text(to, instead);
	else if (twice && (1u << form & IN_JSON))
		buf_text(to, "\\u0023");
	else if (twice && form == TEXT_XML)
		buf_text(to, "&#35;");
	else if (twice || rune_unseen(r) || (form == TEXT_CODE && (r == '`' || r == '|')))
		put_number(to, form, r);
	else
		buf_add(to, as.p, as.n);
}

/* By how a cell begins a spreadsheet takes it for a formula; the wide forms count too. */
static bool begins_formula(uint32_t r)
{
	uint32_t narrow = r > 0xff00 && r < 0xff5f ? r - 0xfee0 : r;

	return narrow != 0 && narrow < 0x7f && strchr("=+-@\t\r\n", (int)narrow) != NULL;
}

void text_put(struct buf *to, enum text_form form, struct bytes s, size_t max)
{
	size_t from = to->n;
	uint32_t r = 0, before;
	bool begins = form == TEXT_CSV; /* a cell, also for who splits at semicolons */

	while (s.n > 0 && to->n - from < max) {
		struct bytes at = s;
		bool good;

		before = r;
		good = rune_next(&s, &r);
		at.n -= s.n;
		if (begins && begins_formula(r))
			buf_byte(to, '\'');
		begins = form == TEXT_CSV && (r == ';' || (begins && (r == ' ' || r == '"')));
		if (!good)
			buf_text(to, "\xef\xbf\xbd");
		else if (r < 0x7f && !special(r))
			buf_byte(to, (unsigned char)r);
		else
			put_rune(to, form, r, at, r == '#' && before == '#');
	}
	if (s.n > 0)
		buf_printf(to, " (%zu more bytes)", s.n);
}

void text_member(struct json_out *o, const char *name, enum text_form form, struct bytes s,
    size_t max)
{
	json_name(o, name);
	json_verbatim(o, BYTES("\""));
	text_put(o->to, form, s, max);
	buf_byte(o->to, '"');
}

void text_uri(struct buf *to, struct bytes path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = path.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c != '\0' && strchr("/-._~", c) != NULL))
			buf_byte(to, c);
		else
			buf_printf(to, "%%%02X", c);
	}
}
