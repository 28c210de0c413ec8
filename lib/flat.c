/*
 * flat.c - reading the JSON of one line: an object of strings, with at most one
 * object of strings in it. Findings by the hundred thousand are of this kind, and
 * a tree of tokens would cost several times what they themselves do. Runs in the
 * broker on hostile bytes, and wherever stored lines are read.
 *
 * What is taken here is taken by json_parse as well, to the letter; everything
 * else is left to it, and so are the sentences about what is wrong.
 */
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/lib.h"

#define EACH UINT64_C(0x0101010101010101)
#define TOP (EACH << 7)

/* ---- many bytes at a time ------------------------------------------------------- */

#ifdef __SSE2__ /* every x86-64 */
static __m128i bytes_same(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* Of sixteen bytes: a bit for each that does not stand for itself. What is beyond
 * ASCII is negative, and so less than a blank as well. */
static unsigned stops_in16(const unsigned char *p, bool markup)
{
	__m128i v = _mm_loadu_si128((const void *)p);
	__m128i found = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(' ')),
	    _mm_or_si128(bytes_same(v, '"'), bytes_same(v, '\\')));

	if (markup)
		found = _mm_or_si128(found, _mm_or_si128(bytes_same(v, '&'),
		    _mm_or_si128(bytes_same(v, '<'), bytes_same(v, '>'))));
	return (unsigned)_mm_movemask_epi8(found);
}
#endif

/* Bit 7 of the lowest zero byte is set, and nothing when there is none; bytes
 * above a zero one may be marked without being zero. */
static uint64_t zeros(uint64_t w)
{
	return (w - EACH) & ~w & TOP;
}

static uint64_t stops_in(uint64_t w, bool markup)
{
	uint64_t found = (w & TOP) | ((w - EACH * 0x20) & ~w & TOP) |
	    zeros(w ^ EACH * '"') | zeros(w ^ EACH * '\\');

	if (markup)
		found |= zeros(w ^ EACH * '<') | zeros(w ^ EACH * '>') | zeros(w ^ EACH * '&');
	return found;
}

static bool stands_for_itself(unsigned char c, bool markup)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\' &&
	    !(markup && (c == '<' || c == '>' || c == '&'));
}

size_t json_plain(const unsigned char *p, size_t n, bool markup)
{
	size_t i = 0;

#ifdef __SSE2__
	for (; n - i >= 16; i += 16) {
		unsigned found = stops_in16(p + i, markup);

		if (found)
			return i + (size_t)__builtin_ctz(found);
	}
#endif
	for (uint64_t w, found; n - i >= sizeof(w); i += sizeof(w)) {
		memcpy(&w, p + i, sizeof(w));
		found = stops_in(w, markup);
		if (!found)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		return i + (size_t)__builtin_ctzll(found) / 8;
#else
		break; /* the first byte is the highest: it is looked for below */
#endif
	}
	while (i < n && stands_for_itself(p[i], markup))
		i++;
	return i;
}

/* ---- the line --------------------------------------------------------------------- */

struct flat {
	const unsigned char *p, *end;
	struct json_pair *pair;
	int count, room;
};

static void pass_blanks(struct flat *f)
{
	while (f->p < f->end &&
	    (*f->p == ' ' || *f->p == '\n' || *f->p == '\r' || *f->p == '\t'))
		f->p++;
}

static bool take_byte(struct flat *f, unsigned char c)
{
	pass_blanks(f);
	if (f->p == f->end || *f->p != c)
		return false;
	f->p++;
	return true;
}

static bool take_string(struct flat *f, struct bytes *raw, bool *escaped)
{
	const unsigned char *first, *behind;

	pass_blanks(f);
	if (f->p == f->end || *f->p != '"')
		return false;
	first = f->p + 1;
	behind = json_string_end(f->p, f->end, escaped);
	if (!behind)
		return false;
	*raw = (struct bytes){ first, (size_t)(behind - first) - 1 };
	f->p = behind;
	return true;
}

/* Is it the second of its name in the object that began with pair from? */
static bool twin(const struct flat *f, int from, const struct json_pair *last)
{
	for (const struct json_pair *p = f->pair + from; p < last; p++)
		if (p->inside == last->inside && p->name.n == last->name.n &&
		    memcmp(p->name.p, last->name.p, last->name.n) == 0)
			return true;
	return false;
}

/* A name and its colon. */
static struct json_pair *take_name(struct flat *f, int from, bool inside)
{
	struct json_pair *pair = f->pair + f->count;
	bool escaped;

	if (f->count == f->room || !take_string(f, &pair->name, &escaped) || escaped)
		return NULL;
	pair->inside = inside;
	f->count++;
	return !twin(f, from, pair) && take_byte(f, ':') ? pair : NULL;
}

/* Behind the opening brace. */
static bool take_inner(struct flat *f)
{
	int from = f->count;

	if (take_byte(f, '}'))
		return true;
	do {
		struct json_pair *pair = take_name(f, from, true);

		if (!pair || !take_string(f, &pair->value, &pair->escaped))
			return false;
	} while (take_byte(f, ','));
	return take_byte(f, '}');
}

int json_flat(struct bytes text, struct json_pair *pair, int room)
{
	struct flat f = { .p = text.p, .end = text.p + text.n, .pair = pair, .room = room };
	bool inner = false;

	if (text.n == 0 || text.n > JSON_BYTES || !take_byte(&f, '{'))
		return -1;
	do {
		struct json_pair *one = take_name(&f, 0, false);

		if (!one)
			return -1;
		if (take_string(&f, &one->value, &one->escaped))
			continue;
		if (inner || !take_byte(&f, '{') || !take_inner(&f))
			return -1;
		inner = true;
		one->value = (struct bytes){ NULL, 0 };
		one->escaped = false;
	} while (take_byte(&f, ','));
	if (!take_byte(&f, '}'))
		return -1;
	pass_blanks(&f);
	return f.p == f.end ? f.count : -1;
}
