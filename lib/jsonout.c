/*
 * jsonout.c - writing JSON: the writer that puts commas and quotes, the escaping,
 * and the canonical form. Runs in every process that leaves evidence.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/lib.h"

/* The two characters of a short escape, or NULL. */
static const char *short_escape(unsigned char c)
{
	switch (c) {
	case '"':
		return "\\\"";
	case '\\':
		return "\\\\";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	default:
		return NULL;
	}
}

static void put_unit(struct buf *to, unsigned unit)
{
	static const char digits[] = "0123456789abcdef";
	char escape[6] = { '\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15],
		digits[unit >> 4 & 15], digits[unit & 15] };

	buf_add(to, escape, sizeof(escape));
}

/* Writes the character that s begins with; returns the bytes it took. */
static size_t put_special(struct buf *to, struct bytes s)
{
	size_t n = utf8_length(s);

	if (n == 0) {
		put_unit(to, 0xfffd);
		return 1;
	}
	if (n == 1) {
		const char *escape = short_escape(s.p[0]);

		if (escape)
			buf_add(to, escape, 2);
		else
			put_unit(to, s.p[0]);
	} else if (n == 3 && s.p[0] == 0xe2 && s.p[1] == 0x80 && (s.p[2] & 0xfe) == 0xa8) {
		put_unit(to, 0x2000u | (s.p[2] & 0x3f)); /* U+2028, U+2029 */
	} else {
		buf_add(to, s.p, n);
	}
	return n;
}

/* As Go's encoding/json: < > & are escaped too. */
void json_quote(struct buf *to, struct bytes s)
{
	buf_byte(to, '"');
	while (s.n > 0) {
		size_t n = json_plain(s.p, s.n, true);

		buf_add(to, s.p, n);
		if (n < s.n)
			n += put_special(to, (struct bytes){ s.p + n, s.n - n });
		s.p += n;
		s.n -= n;
	}
	buf_byte(to, '"');
}

/* ---- the writer ------------------------------------------------------------------ */

static void new_line(struct json_out *o)
{
	if (!o->pretty)
		return;
	buf_byte(o->to, '\n');
	for (int i = 0; i < o->depth; i++)
		buf_add(o->to, "  ", 2);
}

/* What stands before a name or a value: a comma, a line of its own. */
static void before(struct json_out *o)
{
	if (o->after_name) {
		o->after_name = false;
		return;
	}
	if (o->depth == 0)
		return;
	if (!o->first[o->depth - 1])
		buf_byte(o->to, ',');
	o->first[o->depth - 1] = false;
	new_line(o);
}

struct json_out json_start(struct buf *to, bool pretty)
{
	return (struct json_out){ .to = to, .pretty = pretty };
}

void json_name(struct json_out *o, const char *name)
{
	before(o);
	json_quote(o->to, bytes_of(name));
	buf_text(o->to, o->pretty ? ": " : ":");
	o->after_name = true;
}

void json_open(struct json_out *o, char kind)
{
	if (o->depth == JSON_DEPTH)
		die(2, "a document nests too deep to be written");
	before(o);
	buf_byte(o->to, (unsigned char)kind);
	o->first[o->depth++] = true;
}

void json_close(struct json_out *o, char kind)
{
	if (o->depth == 0)
		die(2, "a document closes what it never opened");
	if (!o->first[--o->depth])
		new_line(o);
	buf_byte(o->to, (unsigned char)kind);
}

void json_text(struct json_out *o, struct bytes s)
{
	before(o);
	json_quote(o->to, s);
}

void json_number(struct json_out *o, int64_t n)
{
	before(o);
	buf_printf(o->to, "%" PRId64, n);
}

void json_bool(struct json_out *o, bool b)
{
	before(o);
	buf_text(o->to, b ? "true" : "false");
}

void json_null(struct json_out *o)
{
	before(o);
	buf_text(o->to, "null");
}

void json_verbatim(struct json_out *o, struct bytes json)
{
	before(o);
	buf_add(o->to, json.p, json.n);
}

void json_member(struct json_out *o, const char *name, const char *text)
{
	if (text)
		json_member_bytes(o, name, bytes_of(text));
}

void json_member_bytes(struct json_out *o, const char *name, struct bytes text)
{
	json_name(o, name);
	json_text(o, text);
}

void json_member_number(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_number(o, n);
}

void json_member_bool(struct json_out *o, const char *name, bool b)
{
	json_name(o, name);
	json_bool(o, b);
}

void json_member_hex(struct json_out *o, const char *name, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	json_name(o, name);
	before(o);
	buf_byte(o->to, '"');
	for (size_t i = 0; i < n; i++) {
		buf_byte(o->to, (unsigned char)digits[p[i] >> 4]);
		buf_byte(o->to, (unsigned char)digits[p[i] & 15]);
	}
	buf_byte(o->to, '"');
}

void json_end(struct json_out *o)
{
	if (o->depth != 0)
		die(2, "a document ends before it is closed");
	if (o->pretty)
		buf_byte(o->to, '\n');
}

/* ---- RFC 8785 ------------------------------------------------------------------------ */

struct member {
	struct bytes name; /* decoded, valid UTF-8 */
	int token;
};

/* By UTF-16 units. UTF-8 sorts alike, but for what needs a surrogate pair: that
 * comes before U+E000..U+FFFF (lead bytes ee and ef). */
static int compare_members(const void *left, const void *right)
{
	struct bytes a = ((const struct member *)left)->name;
	struct bytes b = ((const struct member *)right)->name;
	size_t i = 0;

	while (i < a.n && i < b.n && a.p[i] == b.p[i])
		i++;
	if (i == a.n || i == b.n)
		return (a.n > b.n) - (a.n < b.n);
	if (a.p[i] >= 0xee && b.p[i] >= 0xee && (a.p[i] >= 0xf0) != (b.p[i] >= 0xf0))
		return a.p[i] >= 0xf0 ? -1 : 1;
	return a.p[i] < b.p[i] ? -1 : 1;
}

/* Only what JSON itself demands is escaped. */
static void canonical_text(struct buf *to, struct bytes s)
{
	buf_byte(to, '"');
	for (size_t i = 0; i < s.n; i++) {
		const char *escape = short_escape(s.p[i]);

		if (escape)
			buf_add(to, escape, 2);
		else if (s.p[i] < 0x20)
			put_unit(to, s.p[i]);
		else
			buf_byte(to, s.p[i]);
	}
	buf_byte(to, '"');
}

static void canonical_object(struct arena *a, struct buf *to, const struct json *j, int v)
{
	struct member *member = arena_array(a, (size_t)json_size(j, v), sizeof(*member));
	size_t n = 0;

	for (int name = json_first(j, v); name >= 0; name = json_next(j, name))
		member[n++] = (struct member){ json_string(a, j, name), name };
	sort(member, n, sizeof(*member), compare_members);
	buf_byte(to, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_byte(to, ',');
		canonical_text(to, member[i].name);
		buf_byte(to, ':');
		json_canonical(a, to, j, json_value(j, member[i].token));
	}
	buf_byte(to, '}');
}

/* Goes no deeper than the reader let the text be. */
void json_canonical(struct arena *a, struct buf *to, const struct json *j, int v)
{
	struct bytes raw = json_raw(j, v);
	int64_t n;

	switch (json_kind(j, v)) {
	case JSON_OBJECT:
		canonical_object(a, to, j, v);
		break;
	case JSON_ARRAY:
		buf_byte(to, '[');
		for (int child = json_first(j, v); child >= 0;) {
			json_canonical(a, to, j, child);
			child = json_next(j, child);
			if (child >= 0)
				buf_byte(to, ',');
		}
		buf_byte(to, ']');
		break;
	case JSON_STRING:
		canonical_text(to, json_string(a, j, v));
		break;
	case JSON_NUMBER:
		if (json_integer(j, v, &n)) { /* -0 becomes 0 */
			buf_printf(to, "%" PRId64, n);
			break;
		}
		/* fall through */
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		buf_add(to, raw.p, raw.n);
		break;
	case JSON_NONE:
		break;
	}
}
