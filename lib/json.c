/*
 * json.c - reading JSON. One strict pass decides whether the text is JSON at all
 * (RFC 8259); only then jsmn finds the token edges, which are all we take from
 * it. Runs in every process, on hostile bytes in most.
 */
#include <stdio.h>
#include <string.h>

#include "lib/lib.h"

#if !defined(JSMN_PARENT_LINKS) || !defined(JSMN_STRICT)
#error "jsmn is quadratic without JSMN_PARENT_LINKS, and lax without JSMN_STRICT"
#endif
#ifndef JSMN_STATIC
#define JSMN_STATIC
#endif
#include "jsmn.h"

#define FEW_MEMBERS 12 /* compared each with each; more are sorted */
#define SHOWN_NAME 60  /* bytes of a name in an error */
#define INTEGER_MAX ((INT64_C(1) << 53) - 1)

/* jsmn's token. Once parsed, edge.parent holds the next sibling, or -1. */
struct jsmntok {
	jsmntok_t edge;
};

/* ---- the strict pass --------------------------------------------------------- */

struct reader {
	const unsigned char *p, *end;
	int tokens;
	const char *wrong;          /* what; p is where */
};

static bool fail(struct reader *r, const char *wrong)
{
	r->wrong = wrong;
	return false;
}

static void skip_blanks(struct reader *r)
{
	while (r->p < r->end &&
	    (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

static int hex_value(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The unit of a "\uXXXX" that stands at p, or -1. */
static int unit_at(const unsigned char *p, const unsigned char *end)
{
	int unit = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static bool high_surrogate(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool low_surrogate(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* At a backslash. */
static bool read_escape(struct reader *r)
{
	int unit;

	if (r->end - r->p < 2)
		return fail(r, "the text ends inside a string");
	switch (r->p[1]) {
	case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
		r->p += 2;
		return true;
	case 'u':
		break;
	default:
		return fail(r, "a backslash stands before a character that needs none");
	}
	unit = unit_at(r->p, r->end);
	if (unit < 0)
		return fail(r, "\\u is not followed by four hexadecimal digits");
	if (low_surrogate(unit) ||
	    (high_surrogate(unit) && !low_surrogate(unit_at(r->p + 6, r->end))))
		return fail(r, "half of a surrogate pair stands alone");
	r->p += high_surrogate(unit) ? 12 : 6;
	return true;
}

/* At the opening quote; leaves p behind the closing one. */
static bool read_string(struct reader *r)
{
	r->p++;
	while (r->p < r->end) {
		unsigned char c;

		r->p += json_plain(r->p, (size_t)(r->end - r->p), false);
		if (r->p == r->end)
			break;
		c = *r->p;
		if (c == '"') {
			r->p++;
			r->tokens++;
			return true;
		} else if (c == '\\') {
			if (!read_escape(r))
				return false;
		} else if (c < 0x20) {
			return fail(r, "a control character stands unescaped in a string");
		} else {
			size_t n = utf8_length((struct bytes){ r->p, (size_t)(r->end - r->p) });

			if (n == 0)
				return fail(r, "a string is not valid UTF-8");
			r->p += n;
		}
	}
	return fail(r, "the text ends inside a string");
}

const unsigned char *json_string_end(const unsigned char *p, const unsigned char *end, bool *escaped)
{
	struct reader r = { .p = p, .end = end };
	const unsigned char *plain = p + 1 + json_plain(p + 1, (size_t)(end - p - 1), false);

	*escaped = false;
	if (plain < end && *plain == '"')
		return plain + 1;
	if (!read_string(&r))
		return NULL;
	*escaped = memchr(plain, '\\', (size_t)(r.p - plain)) != NULL;
	return r.p;
}

/* One digit or more. */
static bool read_digits(struct reader *r)
{
	const unsigned char *start = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > start || fail(r, "a number lacks a digit");
}

static bool read_number(struct reader *r)
{
	if (*r->p == '-')
		r->p++;
	if (r->p < r->end && *r->p == '0') {
		r->p++;
		if (r->p < r->end && *r->p >= '0' && *r->p <= '9')
			return fail(r, "a number begins with a needless zero");
	} else if (!read_digits(r)) {
		return false;
	}
	if (r->p < r->end && *r->p == '.') {
		r->p++;
		if (!read_digits(r))
			return false;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!read_digits(r))
			return false;
	}
	r->tokens++;
	return true;
}

static bool read_word(struct reader *r, struct bytes word)
{
	if ((size_t)(r->end - r->p) < word.n || memcmp(r->p, word.p, word.n) != 0)
		return fail(r, "an unknown word stands where a value should");
	r->p += word.n;
	r->tokens++;
	return true;
}

/* Anything but an object or an array. */
static bool read_scalar(struct reader *r)
{
	switch (*r->p) {
	case '"':
		return read_string(r);
	case '-':
	case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return read_number(r);
	case 't':
		return read_word(r, BYTES("true"));
	case 'f':
		return read_word(r, BYTES("false"));
	case 'n':
		return read_word(r, BYTES("null"));
	case '}':
	case ']':
	case ',':
		return fail(r, "a value is missing");
	case 0xef:
		return fail(r, "a byte order mark or another character stands where a value should");
	default:
		return fail(r, "a character stands where a value should");
	}
}

/* A member's name and its colon. */
static bool read_name(struct reader *r)
{
	skip_blanks(r);
	if (r->p == r->end)
		return fail(r, "the text ends inside an object");
	if (*r->p != '"')
		return fail(r, "a member's name in quotes is missing");
	if (!read_string(r))
		return false;
	skip_blanks(r);
	if (r->p == r->end || *r->p != ':')
		return fail(r, "a colon is missing behind a member's name");
	r->p++;
	return true;
}

/* Behind a value, inside open[0..*depth): closes what ends here. True: another
 * value follows, or *depth is 0 and nothing does. */
static bool read_onward(struct reader *r, const unsigned char *open, int *depth)
{
	while (*depth > 0) {
		unsigned char kind = open[*depth - 1];

		skip_blanks(r);
		if (r->p == r->end)
			return fail(r, kind == '{' ? "the text ends inside an object" :
			    "the text ends inside an array");
		if (*r->p == ',') {
			r->p++;
			return kind == '[' || read_name(r);
		}
		if (*r->p != (kind == '{' ? '}' : ']'))
			return fail(r, kind == '{' ? "a comma or } is missing" :
			    "a comma or ] is missing");
		r->p++;
		--*depth;
	}
	return true;
}

static bool read_document(struct reader *r)
{
	unsigned char open[JSON_DEPTH];
	int depth = 0;

	do {
		skip_blanks(r);
		if (r->p == r->end)
			return fail(r, "the text ends where a value should stand");
		if (*r->p == '{' || *r->p == '[') {
			unsigned char kind = *r->p;

			if (depth == JSON_DEPTH)
				return fail(r, "nested too deep");
			open[depth++] = kind;
			r->p++;
			r->tokens++;
			skip_blanks(r);
			if (r->p == r->end || *r->p != (kind == '{' ? '}' : ']')) {
				if (kind == '{' && !read_name(r))
					return false;
				continue;
			}
		} else if (!read_scalar(r)) {
			return false;
		}
		if (!read_onward(r, open, &depth))
			return false;
	} while (depth > 0);
	skip_blanks(r);
	return r->p == r->end || fail(r, "something stands behind the value");
}

/* ---- tokens --------------------------------------------------------------------- */

/* Turns the parent links into links to the next sibling. */
static void link_siblings(struct jsmntok *token, int count)
{
	int open[2 * JSON_DEPTH + 2]; /* containers, names between them, a leaf */
	int top = 0;

	for (int i = 0; i < count; i++) {
		int parent = token[i].edge.parent;

		while (top > 0 && open[top - 1] != parent) {
			jsmntok_t *closed = &token[open[--top]].edge;

			closed->parent = closed->parent == parent ? i : -1;
		}
		open[top++] = i;
	}
	while (top > 0)
		token[open[--top]].edge.parent = -1;
}

/* jsmn wants a comma or the like behind a number, and one that is the whole
 * text has none. Its first byte is at start. */
static void token_alone(struct json *j, size_t start)
{
	size_t end = start;

	while (end < j->text.n && !strchr(" \n\r\t", j->text.p[end]))
		end++;
	j->token[0].edge = (jsmntok_t){ .type = JSMN_PRIMITIVE,
		.start = (int)start, .end = (int)end, .parent = -1 };
}

/* ---- duplicate names --------------------------------------------------------------- */

struct name {
	struct bytes decoded;
	int token;
};

static int compare_names(const void *left, const void *right)
{
	const struct name *a = left, *b = right;

	if (a->decoded.n != b->decoded.n)
		return a->decoded.n < b->decoded.n ? -1 : 1;
	return a->decoded.n ? memcmp(a->decoded.p, b->decoded.p, a->decoded.n) : 0;
}

static struct bytes name_decoded(struct arena *a, const struct json *j, int v)
{
	struct bytes raw = json_raw(j, v);

	return raw.n && memchr(raw.p, '\\', raw.n) ? json_string(a, j, v) : raw;
}

/* The second of two equal names of the object, or -1. */
static int twin_of_few(struct arena *a, const struct json *j, int object)
{
	struct name name[FEW_MEMBERS];
	int n = 0;

	for (int v = json_first(j, object); v >= 0; v = json_next(j, v), n++) {
		name[n] = (struct name){ name_decoded(a, j, v), v };
		for (int i = 0; i < n; i++)
			if (bytes_equal(name[i].decoded, name[n].decoded))
				return v;
	}
	return -1;
}

static int twin_of_many(struct arena *a, const struct json *j, int object)
{
	size_t count = (size_t)j->token[object].edge.size, n = 0;
	struct name *name = arena_array(a, count, sizeof(*name));

	for (int v = json_first(j, object); v >= 0; v = json_next(j, v))
		name[n++] = (struct name){ name_decoded(a, j, v), v };
	sort(name, n, sizeof(*name), compare_names);
	for (size_t i = 1; i < n; i++)
		if (compare_names(&name[i - 1], &name[i]) == 0)
			return name[i].token;
	return -1;
}

static int twin_anywhere(struct arena *a, const struct json *j)
{
	int twin = -1;

	for (int v = 0; v < j->count && twin < 0; v++) {
		const jsmntok_t *edge = &j->token[v].edge;

		if (edge->type == JSMN_OBJECT && edge->size > 1)
			twin = edge->size > FEW_MEMBERS ? twin_of_many(a, j, v) :
			    twin_of_few(a, j, v);
	}
	return twin;
}

/* ---- parse ---------------------------------------------------------------------------- */

static int wrong_at(char error[200], struct bytes text, size_t at, const char *wrong)
{
	size_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.p[i] == '\n';
	snprintf(error, 200, "line %zu: %s", line, wrong);
	return -1;
}

/* The name is shown as written, so that no control byte comes through. */
static int wrong_twin(char error[200], const struct json *j, int twin)
{
	struct bytes raw = json_raw(j, twin);
	char wrong[160];
	size_t n = 0, step;

	while (n < raw.n &&
	    n + (step = utf8_length((struct bytes){ raw.p + n, raw.n - n })) <= SHOWN_NAME)
		n += step;
	snprintf(wrong, sizeof(wrong), "a member name stands twice: \"%.*s\"%s",
	    (int)n, (const char *)raw.p, n < raw.n ? "..." : "");
	return wrong_at(error, j->text, (size_t)(raw.p - j->text.p), wrong);
}

int json_parse(struct arena *a, struct bytes text, struct json *out, char error[200])
{
	struct reader r = { .p = text.p, .end = text.p + text.n };
	struct json j = { .text = text };
	const unsigned char *first;
	jsmn_parser parser;
	int twin;

	*out = (struct json){ 0 };
	if (text.n == 0)
		return wrong_at(error, text, 0, "there is no text");
	if (text.n > JSON_BYTES)
		return wrong_at(error, text, 0, "longer than 16 MiB");
	skip_blanks(&r);
	first = r.p;
	if (!read_document(&r))
		return wrong_at(error, text, (size_t)(r.p - text.p), r.wrong);

	j.count = r.tokens;
	j.token = arena_array(a, (size_t)j.count, sizeof(*j.token));
	jsmn_init(&parser);
	if (!memchr("{[\"", *first, 3))
		token_alone(&j, (size_t)(first - text.p));
	else if (jsmn_parse(&parser, (const char *)text.p, text.n, &j.token[0].edge,
	    (unsigned)j.count) != j.count)
		return wrong_at(error, text, 0, "the two readers disagree");
	link_siblings(j.token, j.count);
	twin = twin_anywhere(a, &j);
	if (twin >= 0)
		return wrong_twin(error, &j, twin);
	*out = j;
	return 0;
}

/* ---- values ------------------------------------------------------------------------------ */

static const jsmntok_t *edge_of(const struct json *j, int v)
{
	return v >= 0 && v < j->count ? &j->token[v].edge : NULL;
}

enum json_kind json_kind(const struct json *j, int v)
{
	const jsmntok_t *edge = edge_of(j, v);

	if (!edge)
		return JSON_NONE;
	switch (edge->type) {
	case JSMN_OBJECT:
		return JSON_OBJECT;
	case JSMN_ARRAY:
		return JSON_ARRAY;
	case JSMN_STRING:
		return JSON_STRING;
	case JSMN_PRIMITIVE:
		switch (j->text.p[edge->start]) {
		case 't':
			return JSON_TRUE;
		case 'f':
			return JSON_FALSE;
		case 'n':
			return JSON_NULL;
		default:
			return JSON_NUMBER;
		}
	case JSMN_UNDEFINED:
		break;
	}
	return JSON_NONE;
}

static bool is_container(const struct json *j, int v)
{
	enum json_kind kind = json_kind(j, v);

	return kind == JSON_OBJECT || kind == JSON_ARRAY;
}

int json_size(const struct json *j, int v)
{
	return is_container(j, v) ? j->token[v].edge.size : 0;
}

int json_first(const struct json *j, int v)
{
	return json_size(j, v) > 0 ? v + 1 : -1;
}

int json_next(const struct json *j, int child)
{
	const jsmntok_t *edge = edge_of(j, child);

	return edge ? edge->parent : -1;
}

int json_value(const struct json *j, int name)
{
	const jsmntok_t *edge = edge_of(j, name);

	return edge && edge->type == JSMN_STRING && edge->size == 1 ? name + 1 : -1;
}

int json_get(const struct json *j, int v, const char *name)
{
	if (json_kind(j, v) != JSON_OBJECT)
		return -1;
	for (int n = json_first(j, v); n >= 0; n = json_next(j, n))
		if (json_is(j, n, name))
			return json_value(j, n);
	return -1;
}

struct bytes json_raw(const struct json *j, int v)
{
	const jsmntok_t *edge = edge_of(j, v);

	if (!edge)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ j->text.p + edge->start, (size_t)(edge->end - edge->start) };
}

static size_t utf8_put(unsigned char *out, int c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char mark[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
	out[0] = (unsigned char)(mark[n] | c);
	return n;
}

/* Decodes the escape that *s begins with into out, moves *s on, returns the bytes. */
static size_t take_escape(struct bytes *s, unsigned char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *short_form = strchr(from, s->p[1]);
	const unsigned char *end = s->p + s->n;
	int c = s->p[1];
	size_t taken = 2;

	if (c == 'u') {
		c = unit_at(s->p, end);
		taken = 6;
		if (high_surrogate(c)) {
			c = 0x10000 + ((c - 0xd800) << 10) + unit_at(s->p + 6, end) - 0xdc00;
			taken = 12;
		}
	} else if (short_form) {
		c = to[short_form - from];
	}
	s->p += taken;
	s->n -= taken;
	return utf8_put(out, c);
}

struct bytes json_decode(struct arena *a, struct bytes raw)
{
	unsigned char *out, *to;

	out = to = arena_get(a, raw.n + 1);
	while (raw.n > 0) {
		const unsigned char *stop = memchr(raw.p, '\\', raw.n);
		size_t plain = stop ? (size_t)(stop - raw.p) : raw.n;

		memcpy(to, raw.p, plain);
		to += plain;
		raw.p += plain;
		raw.n -= plain;
		if (stop)
			to += take_escape(&raw, to);
	}
	return (struct bytes){ out, (size_t)(to - out) };
}

struct bytes json_string(struct arena *a, const struct json *j, int v)
{
	if (json_kind(j, v) != JSON_STRING)
		return (struct bytes){ NULL, 0 };
	return json_decode(a, json_raw(j, v));
}

bool json_is(const struct json *j, int v, const char *s)
{
	struct bytes raw = json_raw(j, v);
	size_t n = strlen(s);

	if (json_kind(j, v) != JSON_STRING || raw.n < n) /* decoding makes nothing longer */
		return false;
	if (raw.n == n)
		return n == 0 || (memcmp(raw.p, s, n) == 0 && !memchr(s, '\\', n));
	if (!memchr(raw.p, '\\', raw.n))
		return false;
	while (raw.n > 0) {
		unsigned char piece[4] = { raw.p[0] };
		size_t have = 1;

		if (raw.p[0] == '\\') {
			have = take_escape(&raw, piece);
		} else {
			raw.p++;
			raw.n--;
		}
		if (n < have || memcmp(s, piece, have) != 0)
			return false;
		s += have;
		n -= have;
	}
	return n == 0;
}

bool json_integer(const struct json *j, int v, int64_t *out)
{
	struct bytes raw = json_raw(j, v);
	bool minus;
	uint64_t n;

	if (json_kind(j, v) != JSON_NUMBER)
		return false;
	minus = raw.p[0] == '-';
	if (!number_parse((struct bytes){ raw.p + minus, raw.n - minus }, 0, INTEGER_MAX, &n))
		return false;
	*out = minus ? -(int64_t)n : (int64_t)n;
	return true;
}
