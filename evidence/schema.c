/*
 * schema.c - does a document follow a JSON Schema? The part of draft-07 that ours use;
 * a keyword beyond it is an error when the schema is read, never passed over. Runs in
 * `oxg check`, on documents that nobody trusts.
 *
 * Beside $ref the other keywords count too, as in the drafts after it.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

#define DEPTH 64         /* of schemas in each other: a $ref to itself ends here */
#define UNIQUE_MOST 1000 /* each is compared with each */
#define SHOWN 60         /* bytes of a name in an error */

/* What may stand behind a keyword. */
enum shape { SHAPE_SCHEMA, SHAPE_LIST, SHAPE_MAP, SHAPE_TYPES, SHAPE_NAMES, SHAPE_VALUE,
	SHAPE_VALUES, SHAPE_BOUND, SHAPE_PATTERN, SHAPE_REF, SHAPE_FLAG, SHAPE_NOTE };

#define KEYWORDS(X)                                                           \
	X(NOTE_OF, "$schema", NOTE) X(NOTE_ID, "$id", NOTE) X(NOTE_TITLE, "title", NOTE) \
	X(NOTE_TEXT, "description", NOTE) X(NOTE_COMMENT, "$comment", NOTE)    \
	X(DEFINITIONS, "definitions", MAP) X(REF, "$ref", REF)                 \
	X(TYPE, "type", TYPES) X(CONST, "const", VALUE) X(ENUM, "enum", VALUES) \
	X(MINIMUM, "minimum", BOUND) X(MAXIMUM, "maximum", BOUND)              \
	X(MIN_LENGTH, "minLength", BOUND) X(MAX_LENGTH, "maxLength", BOUND)    \
	X(PATTERN, "pattern", PATTERN)                                        \
	X(MIN_ITEMS, "minItems", BOUND) X(MAX_ITEMS, "maxItems", BOUND)        \
	X(UNIQUE, "uniqueItems", FLAG) X(ITEMS, "items", SCHEMA) X(CONTAINS, "contains", SCHEMA) \
	X(MIN_MEMBERS, "minProperties", BOUND) X(MAX_MEMBERS, "maxProperties", BOUND) \
	X(REQUIRED, "required", NAMES) X(MEMBERS, "properties", MAP)           \
	X(OTHERS, "additionalProperties", SCHEMA) X(MEMBER_NAMES, "propertyNames", SCHEMA) \
	X(ANY_OF, "anyOf", LIST) X(ALL_OF, "allOf", LIST) X(NOT, "not", SCHEMA) \
	X(IF, "if", SCHEMA) X(THEN, "then", SCHEMA) X(ELSE, "else", SCHEMA)

enum keyword {
#define X(name, word, shape) KEY_##name,
	KEYWORDS(X)
#undef X
};

static const struct {
	const char *word;
	enum shape shape;
} keywords[] = {
#define X(name, word, shape) { word, SHAPE_##shape },
	KEYWORDS(X)
#undef X
};

/* What was found out about a token of the schema when it was read. */
struct note {
	enum keyword keyword;          /* of a name */
	int value;                     /* of it: TYPES: a bit for each; REF: the schema; BOUND */
	const struct pattern *pattern;
	int members, others;           /* of a schema: its properties, additionalProperties */
	int then, otherwise;
};

struct schema {
	struct json json;
	struct note *note;
};

/* ---- reading ------------------------------------------------------------------------------ */

#define TYPE_INTEGER 31 /* a bit beside those of enum json_kind */

static const struct { const char *word; unsigned kinds; } types[] = {
	{ "object", 1u << JSON_OBJECT }, { "array", 1u << JSON_ARRAY },
	{ "string", 1u << JSON_STRING }, { "integer", 1u << TYPE_INTEGER },
	{ "number", 1u << JSON_NUMBER }, { "boolean", 1u << JSON_TRUE | 1u << JSON_FALSE },
	{ "null", 1u << JSON_NULL },
};

static bool read_types(struct schema *s, int v, struct note *n)
{
	bool list = json_kind(&s->json, v) == JSON_ARRAY;
	unsigned kinds = 0;

	for (int one = list ? json_first(&s->json, v) : v; one >= 0;
	    one = list ? json_next(&s->json, one) : -1) {
		unsigned before = kinds;

		for (size_t i = 0; i < COUNT(types); i++)
			if (json_is(&s->json, one, types[i].word))
				kinds |= types[i].kinds;
		if (kinds == before)
			return false;
	}
	n->value = (int)kinds;
	return kinds != 0;
}

/* "#" or "#/definitions/NAME". */
static bool read_ref(struct arena *a, struct schema *s, int v, struct note *n)
{
	static const char before[] = "#/definitions/";
	const char *to = (const char *)json_string(a, &s->json, v).p;

	if (to != NULL && strncmp(to, before, sizeof(before) - 1) == 0)
		n->value = json_get(&s->json, json_get(&s->json, 0, "definitions"),
		    to + sizeof(before) - 1);
	else
		n->value = to != NULL && strcmp(to, "#") == 0 ? 0 : -1;
	return n->value >= 0;
}

static bool read_bound(const struct schema *s, int v, struct note *n)
{
	int64_t bound;

	if (!json_integer(&s->json, v, &bound) || bound < 0 || bound > INT32_MAX)
		return false;
	n->value = (int)bound;
	return true;
}

static bool read_schema(struct arena *a, struct schema *s, int v, int depth);

/* The elements, or the members' values: each a schema, or a value of that kind. */
static bool read_each(struct arena *a, struct schema *s, int v, enum json_kind kind, int depth)
{
	bool map = json_kind(&s->json, v) == JSON_OBJECT;

	for (int i = json_first(&s->json, v); i >= 0; i = json_next(&s->json, i))
		if (kind != JSON_NONE ? json_kind(&s->json, i) != kind :
		    !read_schema(a, s, map ? json_value(&s->json, i) : i, depth))
			return false;
	return true;
}

static bool is_scalar(const struct json *j, int v)
{
	return json_kind(j, v) != JSON_OBJECT && json_kind(j, v) != JSON_ARRAY;
}

static bool read_value(struct arena *a, struct schema *s, struct note *n, int v, int depth)
{
	enum json_kind kind = json_kind(&s->json, v);

	switch (keywords[n->keyword].shape) {
	case SHAPE_SCHEMA:
		return read_schema(a, s, v, depth);
	case SHAPE_LIST:
		return kind == JSON_ARRAY && read_each(a, s, v, JSON_NONE, depth);
	case SHAPE_MAP:
		return kind == JSON_OBJECT && read_each(a, s, v, JSON_NONE, depth);
	case SHAPE_TYPES:
		return read_types(s, v, n);
	case SHAPE_NAMES:
		return kind == JSON_ARRAY && read_each(a, s, v, JSON_STRING, depth);
	case SHAPE_VALUE:
		return is_scalar(&s->json, v);
	case SHAPE_VALUES:
		if (kind != JSON_ARRAY)
			return false;
		for (int i = json_first(&s->json, v); i >= 0; i = json_next(&s->json, i))
			if (!is_scalar(&s->json, i))
				return false;
		return true;
	case SHAPE_BOUND:
		return read_bound(s, v, n);
	case SHAPE_PATTERN:
		if (kind == JSON_STRING)
			n->pattern = pattern_read(a, json_string(a, &s->json, v));
		return n->pattern != NULL;
	case SHAPE_REF:
		return read_ref(a, s, v, n);
	case SHAPE_FLAG:
		return kind == JSON_TRUE;
	case SHAPE_NOTE:
		return kind == JSON_STRING;
	}
	return false;
}

static bool read_keyword(struct arena *a, struct schema *s, int name, int depth)
{
	for (size_t i = 0; i < COUNT(keywords); i++)
		if (json_is(&s->json, name, keywords[i].word)) {
			s->note[name].keyword = (enum keyword)i;
			return read_value(a, s, &s->note[name], json_value(&s->json, name), depth);
		}
	return false;
}

/* v: an object or a boolean. On false the last one read is the wrong one. */
static bool read_schema(struct arena *a, struct schema *s, int v, int depth)
{
	enum json_kind kind = json_kind(&s->json, v);
	struct note *n = &s->note[v];

	if (kind == JSON_TRUE || kind == JSON_FALSE)
		return true;
	if (kind != JSON_OBJECT || depth == DEPTH)
		return false;
	n->members = json_get(&s->json, v, "properties");
	n->others = json_get(&s->json, v, "additionalProperties");
	n->then = json_get(&s->json, v, "then");
	n->otherwise = json_get(&s->json, v, "else");
	for (int name = json_first(&s->json, v); name >= 0; name = json_next(&s->json, name))
		if (!read_keyword(a, s, name, depth + 1)) {
			if (s->note[0].value == 0) /* the innermost is told */
				s->note[0].value = name;
			return false;
		}
	return true;
}

const struct schema *schema_read(struct arena *a, struct bytes text, char error[200])
{
	struct schema *s = arena_get(a, sizeof(*s));
	struct bytes raw;

	if (json_parse(a, text, &s->json, error) < 0)
		return NULL;
	s->note = arena_array(a, (size_t)s->json.count, sizeof(*s->note));
	if (read_schema(a, s, 0, 0))
		return s;
	raw = json_raw(&s->json, s->note[0].value);
	snprintf(error, 200, "\"%.*s\" is no keyword that is known here, or does not have "
	    "such a value", (int)(raw.n < SHOWN ? raw.n : SHOWN), (const char *)raw.p);
	return NULL;
}

/* ---- values --------------------------------------------------------------------------------- */

/* A number's whole part, rounded down, and whether it is all; far ones are cut to
 * what no bound reaches. False: no double holds it. */
static bool number_floor(struct bytes raw, int64_t *floor, bool *whole)
{
	bool minus = raw.p[0] == '-', point = false, some = false;
	int64_t exponent = 0, digits = 0; /* of them before the point; leading zeros are none */
	uint64_t n = 0;
	size_t at = minus, end = at;

	while (end < raw.n && raw.p[end] != 'e' && raw.p[end] != 'E')
		end++;
	if (end < raw.n) {
		bool down = raw.p[end + 1] == '-';

		for (size_t i = end + 1 + (down || raw.p[end + 1] == '+'); i < raw.n; i++)
			if (exponent < (1 << 30))
				exponent = exponent * 10 + raw.p[i] - '0';
		exponent = down ? -exponent : exponent;
	}
	for (size_t i = at; i < end; i++) {
		if (raw.p[i] == '.')
			point = true;
		else {
			some = some || raw.p[i] != '0';
			digits += some ? !point : -(int64_t)point;
		}
	}
	digits = some ? digits + exponent : 0;
	if (digits > 309)
		return false;
	*whole = true;
	some = false;
	for (size_t i = at; i < end; i++) {
		unsigned digit = raw.p[i] - (unsigned)'0';

		if (raw.p[i] == '.' || (!some && digit == 0))
			continue;
		some = true;
		if (digits-- <= 0)
			*whole = *whole && digit == 0;
		else if (n < (UINT64_C(1) << 56))
			n = n * 10 + digit;
	}
	while (some && digits-- > 0 && n < (UINT64_C(1) << 56))
		n *= 10;
	*floor = minus ? -(int64_t)n - !*whole : (int64_t)n;
	return true;
}

/* Containers are equal as they are written; no schema has one among its values. */
static bool equal(struct arena *a, const struct json *j, int v, const struct json *k, int w)
{
	enum json_kind kind = json_kind(j, v);
	bool whole, also;
	int64_t x, y;

	if (kind != json_kind(k, w))
		return false;
	if (kind == JSON_STRING)
		return bytes_equal(json_string(a, j, v), json_string(a, k, w));
	if (kind == JSON_NUMBER && number_floor(json_raw(j, v), &x, &whole) &&
	    number_floor(json_raw(k, w), &y, &also) && whole && also)
		return x == y;
	return bytes_equal(json_raw(j, v), json_raw(k, w));
}

/* ---- a document ------------------------------------------------------------------------------- */

struct place {
	const struct place *up;
	struct bytes name;             /* as written; p NULL: an element */
	size_t index;
};

struct held {
	const struct schema *schema;
	struct arena *arena;
	const struct json *j;
	int depth;
	char *error;                   /* NULL: nobody asks why not */
};

static void write_place(struct buf *to, const struct place *at)
{
	if (at == NULL)
		return;
	write_place(to, at->up);
	if (at->name.p == NULL) {
		buf_printf(to, "/%zu", at->index);
		return;
	}
	buf_byte(to, '/');
	for (size_t i = 0; i < at->name.n && i < SHOWN; i++) {
		unsigned char c = at->name.p[i];

		if (c == '~' || c == '/')
			buf_text(to, c == '~' ? "~0" : "~1");
		else
			buf_byte(to, c);
	}
}

/* "at /ending/reason: is no string" */
static bool broken(const struct held *h, const struct place *at, const char *what,
    struct bytes detail)
{
	struct buf where = { 0 };

	if (h->error == NULL)
		return false;
	write_place(&where, at);
	snprintf(h->error, SCHEMA_ERROR, "at %.*s: it %s%.*s", where.n ? (int)where.n : 8,
	    where.n ? (const char *)where.p : "its root", what,
	    (int)(detail.n < SHOWN ? detail.n : SHOWN), (const char *)detail.p);
	buf_free(&where);
	return false;
}

static bool holds(const struct held *from, int schema, int v, const struct place *at);

/* Without a word about it. */
static bool fits(const struct held *h, int schema, int v)
{
	struct held quiet = *h;

	quiet.error = NULL;
	return holds(&quiet, schema, v, NULL);
}

/* A member's name of the document, as a schema spells it. */
static struct bytes name_of(const struct held *h, int name)
{
	struct bytes raw = json_raw(h->j, name);

	return raw.n > 0 && memchr(raw.p, '\\', raw.n) ? json_string(h->arena, h->j, name) : raw;
}

/* Behind a name of the map (it has no escapes), or -1. */
static int map_find(const struct json *map, int v, struct bytes name)
{
	for (int n = json_first(map, v); n >= 0; n = json_next(map, n))
		if (bytes_equal(json_raw(map, n), name))
			return json_value(map, n);
	return -1;
}

static bool members_hold(const struct held *h, const struct note *n, int v, const struct place *at)
{
	const struct json *s = &h->schema->json;

	for (int m = json_first(h->j, v); m >= 0; m = json_next(h->j, m)) {
		int to = n->members < 0 ? -1 : map_find(s, n->members, name_of(h, m));
		struct place here = { at, json_raw(h->j, m), 0 };

		if (to < 0)
			to = n->others;
		if (to >= 0 && !holds(h, to, json_value(h->j, m), &here))
			return false;
	}
	return true;
}

/* name has no escapes, and what has some is longer than what it says. */
static bool is_named(const struct held *h, int m, struct bytes name)
{
	size_t n = json_raw(h->j, m).n;

	return n > name.n ? bytes_equal(name_of(h, m), name) :
	    n == name.n && bytes_equal(json_raw(h->j, m), name);
}

static bool has_members(const struct held *h, int names, int v, const struct place *at)
{
	const struct json *s = &h->schema->json;

	for (int n = json_first(s, names); n >= 0; n = json_next(s, n)) {
		int m = json_first(h->j, v);

		while (m >= 0 && !is_named(h, m, json_raw(s, n)))
			m = json_next(h->j, m);
		if (m < 0)
			return broken(h, at, "lacks ", json_raw(s, n));
	}
	return true;
}

static bool items_hold(const struct held *h, int schema, int v, const struct place *at)
{
	struct place here = { at, { NULL, 0 }, 0 };

	for (int i = json_first(h->j, v); i >= 0; i = json_next(h->j, i), here.index++)
		if (!holds(h, schema, i, &here))
			return false;
	return true;
}

static bool is_type(const struct held *h, unsigned kinds, int v)
{
	int64_t n;
	bool whole;

	if (json_kind(h->j, v) == JSON_NUMBER)
		return number_floor(json_raw(h->j, v), &n, &whole) &&
		    ((kinds & 1u << JSON_NUMBER) || (whole && (kinds & 1u << TYPE_INTEGER)));
	return kinds & 1u << json_kind(h->j, v);
}

static bool is_bounded(const struct held *h, enum keyword key, int bound, int v)
{
	int64_t n = 0;
	bool whole = true;

	if (!number_floor(json_raw(h->j, v), &n, &whole))
		return json_raw(h->j, v).p[0] == '-' ? key == KEY_MAXIMUM : key == KEY_MINIMUM;
	return key == KEY_MINIMUM ? n >= bound : n + !whole <= bound;
}

static bool is_one_of(const struct held *h, int values, int v)
{
	const struct json *s = &h->schema->json;

	for (int i = json_first(s, values); i >= 0; i = json_next(s, i))
		if (equal(h->arena, h->j, v, s, i))
			return true;
	return false;
}

static bool is_unique(const struct held *h, int v)
{
	for (int i = json_first(h->j, v); i >= 0; i = json_next(h->j, i))
		for (int k = json_next(h->j, i); k >= 0; k = json_next(h->j, k))
			if (equal(h->arena, h->j, i, h->j, k))
				return false;
	return true;
}

/* Code points. */
static int length_of(const struct held *h, int v)
{
	struct bytes s = json_string(h->arena, h->j, v);
	int n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static int fitting(const struct held *h, int schemas, int v)
{
	const struct json *s = &h->schema->json;

	for (int one = json_first(s, schemas); one >= 0; one = json_next(s, one))
		if (fits(h, one, v))
			return one;
	return -1;
}

static bool contains(const struct held *h, int schema, int v)
{
	for (int i = json_first(h->j, v); i >= 0; i = json_next(h->j, i))
		if (fits(h, schema, i))
			return true;
	return false;
}

static bool names_hold(const struct held *h, int schema, int v)
{
	for (int m = json_first(h->j, v); m >= 0; m = json_next(h->j, m))
		if (!fits(h, schema, m))
			return false;
	return true;
}

/* What a keyword says of one kind of value, it does not say of others. */
static bool concerns(enum keyword key, enum json_kind kind)
{
	if (key >= KEY_MINIMUM && key <= KEY_MAXIMUM)
		return kind == JSON_NUMBER;
	if (key >= KEY_MIN_LENGTH && key <= KEY_PATTERN)
		return kind == JSON_STRING;
	if (key >= KEY_MIN_ITEMS && key <= KEY_CONTAINS)
		return kind == JSON_ARRAY;
	return key < KEY_MIN_MEMBERS || key > KEY_MEMBER_NAMES || kind == JSON_OBJECT;
}

/* of: the schema that the keyword stands in, to: what stands behind it. */
static bool keyword_holds(const struct held *h, int name, const struct note *of, int v,
    const struct place *at)
{
	const struct json *s = &h->schema->json;
	const struct note *n = &h->schema->note[name];
	int to = json_value(s, name), size = json_size(h->j, v), other;
	bool good = true;

	if (!concerns(n->keyword, json_kind(h->j, v)))
		return true;
	switch (n->keyword) {
	case KEY_REF:
		return holds(h, n->value, v, at);
	case KEY_TYPE:
		return is_type(h, (unsigned)n->value, v) ||
		    broken(h, at, "is none of: ", json_raw(s, to));
	case KEY_CONST:
		return equal(h->arena, h->j, v, s, to) || broken(h, at, "is not ", json_raw(s, to));
	case KEY_ENUM:
		good = is_one_of(h, to, v);
		break;
	case KEY_MINIMUM: case KEY_MAXIMUM:
		good = is_bounded(h, n->keyword, n->value, v);
		break;
	case KEY_MIN_LENGTH: case KEY_MAX_LENGTH:
		size = length_of(h, v);
		/* fallthrough */
	case KEY_MIN_ITEMS: case KEY_MAX_ITEMS: case KEY_MIN_MEMBERS: case KEY_MAX_MEMBERS:
		good = n->keyword == KEY_MIN_LENGTH || n->keyword == KEY_MIN_ITEMS ||
		    n->keyword == KEY_MIN_MEMBERS ? size >= n->value : size <= n->value;
		break;
	case KEY_PATTERN:
		good = pattern_matches(n->pattern, json_string(h->arena, h->j, v));
		break;
	case KEY_UNIQUE:
		good = size <= UNIQUE_MOST && is_unique(h, v);
		break;
	case KEY_ITEMS:
		return items_hold(h, to, v, at);
	case KEY_CONTAINS:
		good = contains(h, to, v);
		break;
	case KEY_REQUIRED:
		return has_members(h, to, v, at);
	case KEY_OTHERS: /* both at once */
		return of->members >= 0 || members_hold(h, of, v, at);
	case KEY_MEMBERS:
		return members_hold(h, of, v, at);
	case KEY_MEMBER_NAMES:
		good = names_hold(h, to, v);
		break;
	case KEY_ANY_OF:
		good = fitting(h, to, v) >= 0;
		break;
	case KEY_ALL_OF:
		for (int one = json_first(s, to); one >= 0; one = json_next(s, one))
			if (!holds(h, one, v, at))
				return false;
		return true;
	case KEY_NOT:
		good = !fits(h, to, v);
		break;
	case KEY_IF:
		other = fits(h, to, v) ? of->then : of->otherwise;
		return other < 0 || holds(h, other, v, at);
	default: /* notes, and what another keyword looks at */
		return true;
	}
	return good || broken(h, at, "is not as its schema wants it: ", json_raw(s, name));
}

static bool holds(const struct held *from, int schema, int v, const struct place *at)
{
	const struct json *s = &from->schema->json;
	struct held h = *from;

	if (json_kind(s, schema) == JSON_TRUE)
		return true;
	if (json_kind(s, schema) == JSON_FALSE || ++h.depth > DEPTH)
		return broken(&h, at, "must not be there", BYTES(""));
	for (int n = json_first(s, schema); n >= 0; n = json_next(s, n))
		if (!keyword_holds(&h, n, &h.schema->note[schema], v, at))
			return false;
	return true;
}

bool schema_holds(const struct schema *s, struct arena *scratch, const struct json *j,
    char error[SCHEMA_ERROR])
{
	struct held h = { .schema = s, .arena = scratch, .j = j, .error = error };

	return holds(&h, 0, 0, NULL);
}
