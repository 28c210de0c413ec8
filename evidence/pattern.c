/*
 * pattern.c - the regular expressions of JSON Schemas: the part of ECMA-262 that ours
 * use, anchored at the beginning. Runs in `oxg check`, on text that nobody trusts.
 *
 * A pattern becomes a small program, and all ways through it are walked at once: a
 * text costs its length times the program's, whatever it holds. What is not in the
 * subset is refused when the pattern is read, never matched in another sense.
 */
#include <string.h>

#include "evidence/evidence.h"

#define STEPS 1024 /* a counted atom stands in the program as often as it may occur */
#define RANGES 256

enum op { STEP_SET, STEP_JUMP, STEP_SPLIT, STEP_END, STEP_LOOK, STEP_FOUND };

struct step {
	unsigned char op;
	bool negated;
	short to;                   /* how far: JUMP, SPLIT's second way, behind LOOK */
	unsigned short from, count; /* SET: its ranges */
};

struct range {
	uint32_t low, high;         /* code points, both in it */
};

struct pattern {
	struct step *step;
	struct range *range;
	int steps, ranges;
};

/* ---- reading ------------------------------------------------------------------------ */

struct reading {
	struct pattern *to;
	const unsigned char *p, *end;
	bool wrong;
};

static void emit(struct reading *r, struct step s)
{
	if (r->to->steps == STEPS)
		r->wrong = true;
	else
		r->to->step[r->to->steps++] = s;
}

static bool take(struct reading *r, unsigned char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static uint32_t code_point(const unsigned char **p, const unsigned char *end)
{
	size_t n = utf8_length((struct bytes){ *p, (size_t)(end - *p) });
	uint32_t c = **p;

	if (n > 1)
		c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((*p)[i] & 0x3f);
	*p += n ? n : 1;
	return c;
}

/* Behind a backslash. */
static uint32_t escaped(struct reading *r)
{
	static const char from[] = "nrtfv", to[] = "\n\r\t\f\v";
	unsigned char c = *r->p++, unit[2];
	const char *known = c != 0 ? strchr(from, c) : NULL;

	if (known)
		return (unsigned char)to[known - from];
	if (c == 'u' && r->end - r->p >= 4 && hex_decode((struct bytes){ r->p, 4 }, unit, 2)) {
		r->p += 4;
		return (uint32_t)unit[0] << 8 | unit[1];
	}
	r->wrong = r->wrong || c == 0 || !strchr("^$\\.*+?()[]{}|/-", c);
	return c;
}

/* One character of a class or outside, perhaps escaped. */
static uint32_t literal(struct reading *r)
{
	bool escape = take(r, '\\');

	r->wrong = r->wrong || r->p == r->end;
	if (r->wrong)
		return 0;
	return escape ? escaped(r) : code_point(&r->p, r->end);
}

static void range_add(struct reading *r, uint32_t low, uint32_t high)
{
	struct pattern *to = r->to;

	if (to->ranges == RANGES || low > high)
		r->wrong = true;
	else
		to->range[to->ranges++] = (struct range){ low, high };
}

/* Behind the opening bracket. */
static void read_class(struct reading *r, struct step *set)
{
	set->negated = take(r, '^');
	while (!r->wrong && !take(r, ']')) {
		uint32_t low = literal(r), high = low;

		if (r->end - r->p >= 2 && r->p[0] == '-' && r->p[1] != ']') {
			r->p++;
			high = literal(r);
		}
		range_add(r, low, high);
	}
}

static void alternatives(struct reading *r);

/* Behind the opening parenthesis. */
static void read_group(struct reading *r)
{
	int at = r->to->steps;
	bool look = false;

	if (take(r, '?')) {
		struct step s = { .op = STEP_LOOK, .negated = take(r, '!') };

		look = s.negated || take(r, '=');
		if (look)
			emit(r, s);
		else if (!take(r, ':'))
			r->wrong = true;
	}
	if (!r->wrong)
		alternatives(r);
	if (!take(r, ')'))
		r->wrong = true;
	if (look) {
		emit(r, (struct step){ .op = STEP_FOUND });
		r->to->step[at].to = (short)(r->to->steps - at);
	}
}

static void read_atom(struct reading *r)
{
	struct step set = { .op = STEP_SET, .from = (unsigned short)r->to->ranges };

	if (take(r, '('))
		read_group(r);
	else if (take(r, '$'))
		emit(r, (struct step){ .op = STEP_END });
	else {
		if (take(r, '['))
			read_class(r, &set);
		else if (take(r, '.')) {
			set.negated = true;
			range_add(r, '\n', '\n');
			range_add(r, '\r', '\r');
			range_add(r, 0x2028, 0x2029);
		} else {
			uint32_t c;

			if (strchr("^*+?{}]", *r->p))
				r->wrong = true;
			c = literal(r);
			range_add(r, c, c);
		}
		set.count = (unsigned short)(r->to->ranges - set.from);
		emit(r, set);
	}
}

static int read_count(struct reading *r)
{
	const unsigned char *from = r->p;
	uint64_t n = 0;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	if (!number_parse((struct bytes){ from, (size_t)(r->p - from) }, 0, STEPS, &n))
		r->wrong = true;
	return (int)n;
}

/* How often what stands before; most is -1 without an end. */
static void read_counts(struct reading *r, int *least, int *most)
{
	*least = *most = 1;
	if (take(r, '*')) {
		*least = 0;
		*most = -1;
	} else if (take(r, '+')) {
		*most = -1;
	} else if (take(r, '?')) {
		*least = 0;
	} else if (take(r, '{')) {
		*least = *most = read_count(r);
		if (take(r, ','))
			*most = r->p < r->end && *r->p == '}' ? -1 : read_count(r);
		if (!take(r, '}') || (*most >= 0 && *most < *least))
			r->wrong = true;
	}
}

static void read_repeated(struct reading *r)
{
	int at = r->to->steps, least, most, size;
	struct step atom[STEPS / 4];

	read_atom(r);
	read_counts(r, &least, &most);
	size = r->to->steps - at;
	if (r->wrong || (least == 1 && most == 1))
		return;
	if (size > (int)COUNT(atom)) {
		r->wrong = true;
		return;
	}
	memcpy(atom, r->to->step + at, (size_t)size * sizeof(*atom));
	r->to->steps = at;
	for (int n = 0; !r->wrong && (most < 0 ? n <= least : n < most); n++) {
		bool loop = most < 0 && n == least;

		if (n >= least)
			emit(r, (struct step){ .op = STEP_SPLIT, .to = (short)(size + 1 + loop) });
		for (int i = 0; i < size; i++)
			emit(r, atom[i]);
		if (loop)
			emit(r, (struct step){ .op = STEP_JUMP, .to = (short)-(size + 1) });
	}
}

static void alternatives(struct reading *r)
{
	struct pattern *to = r->to;
	int at = to->steps, end;

	while (!r->wrong && r->p < r->end && *r->p != '|' && *r->p != ')')
		read_repeated(r);
	if (r->wrong || !take(r, '|'))
		return;
	emit(r, (struct step){ 0 });
	emit(r, (struct step){ .op = STEP_JUMP });
	if (r->wrong)
		return;
	end = to->steps - 1;
	memmove(to->step + at + 1, to->step + at, (size_t)(end - 1 - at) * sizeof(*to->step));
	to->step[at] = (struct step){ .op = STEP_SPLIT, .to = (short)(end + 1 - at) };
	alternatives(r);
	to->step[end].to = (short)(to->steps - end);
}

const struct pattern *pattern_read(struct arena *a, struct bytes text)
{
	struct step step[STEPS];
	struct range range[RANGES];
	struct pattern *out = arena_get(a, sizeof(*out));
	struct reading r = { .to = out, .p = text.p, .end = text.p + text.n };

	out->step = step;
	out->range = range;
	r.wrong = !utf8_valid(text) || !take(&r, '^');
	if (!r.wrong)
		alternatives(&r);
	emit(&r, (struct step){ .op = STEP_FOUND });
	if (r.wrong || r.p != r.end)
		return NULL;
	out->step = memcpy(arena_array(a, (size_t)out->steps, sizeof(*step)), step,
	    (size_t)out->steps * sizeof(*step));
	out->range = memcpy(arena_array(a, (size_t)out->ranges + 1, sizeof(*range)), range,
	    (size_t)out->ranges * sizeof(*range));
	return out;
}

/* ---- matching ------------------------------------------------------------------------ */

struct walkers {
	const struct pattern *p;
	const unsigned char *at, *end;
	uint64_t seen[STEPS / 64];  /* steps that are reached at this character */
	bool found, alive;
};

static bool found_from(const struct pattern *p, int step, const unsigned char *at,
    const unsigned char *end);

/* Every step that is reached without taking a character. As deep as the program is
 * long at most: none is entered twice. */
static void reach(struct walkers *w, int at)
{
	for (;;) {
		const struct step *s = &w->p->step[at];
		uint64_t bit = UINT64_C(1) << (at & 63);

		if (w->found || (w->seen[at / 64] & bit))
			return;
		w->seen[at / 64] |= bit;
		switch ((enum op)s->op) {
		case STEP_SET:
			w->alive = true;
			return;
		case STEP_FOUND:
			w->found = true;
			return;
		case STEP_END:
			if (w->at != w->end)
				return;
			at++;
			break;
		case STEP_LOOK:
			if (found_from(w->p, at + 1, w->at, w->end) == s->negated)
				return;
			at += s->to;
			break;
		case STEP_SPLIT:
			reach(w, at + 1);
			at += s->to;
			break;
		case STEP_JUMP:
			at += s->to;
			break;
		}
	}
}

static bool in_set(const struct pattern *p, const struct step *s, uint32_t c)
{
	for (int i = s->from; i < s->from + s->count; i++)
		if (c >= p->range[i].low && c <= p->range[i].high)
			return !s->negated;
	return s->negated;
}

static bool found_from(const struct pattern *p, int step, const unsigned char *at,
    const unsigned char *end)
{
	int words = (p->steps + 63) / 64;
	struct walkers w[2], *now = &w[0], *next = &w[1];

	*now = (struct walkers){ .p = p, .at = at, .end = end };
	*next = *now;
	reach(now, step);
	while (!now->found && now->alive && now->at < end) {
		struct walkers *done = now;
		uint32_t c;

		next->at = now->at;
		c = code_point(&next->at, end);
		next->alive = false;
		memset(next->seen, 0, (size_t)words * sizeof(*next->seen));
		for (int i = 0; i < words; i++)
			for (uint64_t left = now->seen[i]; left != 0; left &= left - 1) {
				int one = 64 * i + __builtin_ctzll(left);
				const struct step *s = &p->step[one];

				if (s->op == STEP_SET && in_set(p, s, c))
					reach(next, one + 1);
			}
		now = next;
		next = done;
	}
	return now->found;
}

bool pattern_matches(const struct pattern *p, struct bytes text)
{
	return found_from(p, 0, text.p, text.p + text.n);
}
