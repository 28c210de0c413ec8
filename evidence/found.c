/*
 * found.c - findings.jsonl, read once: how many of each severity, where the lines
 * of each begin, which targets are named most. Runs in the supervisor after every
 * child is dead, and in the commands that read evidence.
 *
 * The gate and the report both ask; a run gives both the same answer.
 */
#include <string.h>

#include "evidence/evidence.h"

#define PAIRS 96              /* ten members, 64 of the plugin's meta, ours */
#define SLOTS_FIRST 64        /* a power of two */
#define HELD (1u << 20)       /* of a mapped file, before it is let go of */

/* ---- a line ----------------------------------------------------------------------- */

static int severity_exact(struct bytes word)
{
	for (int s = 0; s < SEV_COUNT && word.n > 0; s++) {
		const char *name = severity_name((enum severity)s);

		if (word.p[0] == (unsigned char)name[0] && bytes_are(word, name))
			return s;
	}
	return -1;
}

/* A line of a kind that we do not write: read the long way. */
static int glance_long(struct arena *scratch, struct bytes line, struct bytes *target)
{
	char error[200];
	struct json j;
	int v;

	if (line.n > FINDING_LINE_MAX || json_parse(scratch, line, &j, error) < 0)
		return -1;
	v = json_get(&j, 0, "target");
	if (json_kind(&j, v) == JSON_STRING)
		*target = json_raw(&j, v);
	v = json_get(&j, 0, "severity");
	return json_kind(&j, v) == JSON_STRING ? severity_exact(json_string(scratch, &j, v)) : -1;
}

static bool named(const struct json_pair *p, struct bytes name)
{
	return p->name.n == name.n && memcmp(p->name.p, name.p, name.n) == 0;
}

int finding_glance(struct arena *scratch, struct bytes line, struct bytes *target)
{
	struct json_pair pair[PAIRS];
	int pairs = line.n <= FINDING_LINE_MAX ? json_flat(line, pair, PAIRS) : -1;
	struct bytes severity = { NULL, 0 };

	*target = (struct bytes){ NULL, 0 };
	for (int i = 0; i < pairs; i++) {
		const struct json_pair *p = &pair[i];

		if (p->inside)
			continue;
		if (named(p, BYTES("target")))
			*target = p->value;
		else if (named(p, BYTES("severity")) && !p->escaped)
			severity = p->value;
	}
	return severity.p ? severity_exact(severity) : glance_long(scratch, line, target);
}

/* ---- targets ------------------------------------------------------------------------ */

/* Each different one once, found again by its hash. What they are the plugin
 * decides, so the hash has a seed that it never sees. */
struct mark {
	const unsigned char *p;       /* in findings.jsonl, whose size has a ceiling */
	uint32_t n, count, hash;
	uint32_t file;                /* of several */
};

struct targets {
	const struct found_run *run;  /* of several runs, or NULL */
	uint32_t file;                /* that is being read */
	struct buf marks;             /* struct mark, in the order of their first line */
	uint32_t *slot;               /* number of a mark and 1; 0: free */
	struct buf slots;
	size_t room;                  /* of slot, at least a third of it free */
	uint64_t seed[2];
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const struct targets *t, struct bytes s)
{
	uint64_t h = t->seed[0] ^ s.n, w[2];

	while (s.n > 0) {
		size_t n = s.n < sizeof(w) ? s.n : sizeof(w);

		memset(w, 0, sizeof(w));
		memcpy(w, s.p, n);
		h = mix(w[0] ^ t->seed[1], w[1] ^ h);
		s.p += n;
		s.n -= n;
	}
	return (uint32_t)mix(h, t->seed[1]);
}

static struct mark *mark_at(const struct targets *t, size_t i)
{
	return (struct mark *)(void *)t->marks.p + i;
}

static struct bytes mark_text(const struct mark *m)
{
	return (struct bytes){ m->p, m->n };
}

static size_t marks_count(const struct targets *t)
{
	return t->marks.n / sizeof(struct mark);
}

/* The slot of this text, or the free one where it belongs. */
static uint32_t *slot_find(const struct targets *t, uint32_t hash, struct bytes s)
{
	size_t i = hash & (t->room - 1);

	for (; t->slot[i]; i = (i + 1) & (t->room - 1)) {
		const struct mark *m = mark_at(t, t->slot[i] - 1);

		if (m->hash == hash && bytes_equal(mark_text(m), s))
			break;
	}
	return &t->slot[i];
}

static void slots_grow(struct targets *t)
{
	size_t room = t->room ? 2 * t->room : SLOTS_FIRST;
	bool seeded = t->room == SLOTS_FIRST;

	/* The few targets of a small run need no seed. */
	if (seeded)
		random_bytes(t->seed, sizeof(t->seed));
	buf_reserve(&t->slots, room * sizeof(*t->slot));
	t->room = room;
	t->slot = (uint32_t *)(void *)t->slots.p;
	memset(t->slot, 0, room * sizeof(*t->slot));
	for (size_t i = 0; i < marks_count(t); i++) {
		struct mark *m = mark_at(t, i);

		if (seeded) /* else it would be read from the disk again */
			m->hash = hash_of(t, mark_text(m));
		for (size_t k = m->hash;; k++)
			if (!t->slot[k & (room - 1)]) {
				t->slot[k & (room - 1)] = (uint32_t)i + 1;
				break;
			}
	}
}

static void target_count(struct targets *t, struct bytes s)
{
	uint32_t hash, *slot;
	struct mark fresh;

	if (3 * marks_count(t) >= 2 * t->room)
		slots_grow(t);
	hash = hash_of(t, s);
	slot = slot_find(t, hash, s);
	if (*slot) {
		mark_at(t, *slot - 1)->count++;
		return;
	}
	if (marks_count(t) == FOUND_TARGETS_COUNTED)
		return;
	fresh = (struct mark){ s.p, (uint32_t)s.n, 1, hash, t->file };
	buf_add(&t->marks, &fresh, sizeof(fresh));
	*slot = (uint32_t)marks_count(t);
}

/* More findings first, then by the text: equal files give equal lists. */
static bool stands_before(const struct found_target *a, const struct found_target *b)
{
	size_t n = a->raw.n < b->raw.n ? a->raw.n : b->raw.n;
	int order = n > 0 ? memcmp(a->raw.p, b->raw.p, n) : 0;

	if (a->count != b->count)
		return a->count > b->count;
	return order != 0 ? order < 0 : a->raw.n < b->raw.n;
}

static void targets_choose(const struct targets *t, bool mapped, struct found *f)
{
	const struct mark *held = NULL, *last = NULL;
	size_t chosen = 0;

	f->targets = marks_count(t);
	for (size_t i = 0; i < f->targets; i++) {
		const struct mark *m = mark_at(t, i);
		struct found_target one = { mark_text(m), m->count };
		size_t at = chosen;

		/* They stand in the order of the files. */
		if (held == NULL || m->file != held->file || (size_t)(m->p - held->p) > HELD) {
			if (held != NULL && (t->run != NULL ? t->run[held->file].found->mapped : mapped))
				mapping_release((struct bytes){ held->p, (size_t)(last->p - held->p) });
			held = m;
		}
		last = m;
		for (; at > 0 && stands_before(&one, &f->target[at - 1]); at--)
			if (at < FOUND_TARGETS)
				f->target[at] = f->target[at - 1];
		if (at < FOUND_TARGETS)
			f->target[at] = one;
		chosen += chosen < FOUND_TARGETS;
	}
}

/* ---- the file --------------------------------------------------------------------------- */

static void line_add(struct arena *a, struct found_lines *l, size_t at)
{
	l->count++;
	if (l->n == FOUND_SHOWN)
		return;
	if (l->n == l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;
		size_t *more = arena_array(a, room, sizeof(*more));

		if (l->n > 0)
			memcpy(more, l->at, l->n * sizeof(*more));
		l->at = more;
		l->room = room;
	}
	l->at[l->n++] = at;
}

/* pass: NULL, or whose bytes they are. */
static void read_all(struct arena *a, struct bytes all, struct rundir_pass *pass,
    struct found *out)
{
	struct targets targets = { .run = NULL };
	struct arena scratch = { 0 };
	uint64_t number = 0;

	*out = (struct found){ .all = all };
	for (size_t at = 0; at < all.n; ) {
		const unsigned char *end = memchr(all.p + at, '\n', all.n - at);
		struct bytes target, line = { all.p + at,
		    end != NULL ? (size_t)(end - all.p) - at : all.n - at };
		int s = finding_glance(&scratch, line, &target);

		number++;
		if (out->first_bad == 0 && (s < 0 || end == NULL))
			out->first_bad = number;
		if (s < 0)
			out->unreadable++;
		else {
			out->total++;
			line_add(a, &out->by[s], at);
			if (target.p != NULL)
				target_count(&targets, target);
		}
		at += line.n + 1;
		if (pass != NULL)
			rundir_pass(pass, at);
		arena_reset(&scratch);
	}
	targets_choose(&targets, pass != NULL && pass->mapped, out);
	arena_free(&scratch);
	buf_free(&targets.marks);
	buf_free(&targets.slots);
}

void found_targets(const struct found_run *run, size_t n, struct found *out)
{
	struct targets targets = { .run = run };
	struct arena scratch = { 0 };

	for (; targets.file < n; targets.file++) {
		const struct found *f = run[targets.file].found;
		struct bytes line, target, rest = f->all, held = rest;

		for (; rest.n > 0; rest.p += line.n, rest.n -= line.n) {
			const unsigned char *end = memchr(rest.p, '\n', rest.n);

			line = (struct bytes){ rest.p, end != NULL ? (size_t)(end - rest.p) : rest.n };
			if (finding_glance(&scratch, line, &target) >= 0 && target.p != NULL)
				target_count(&targets, target);
			arena_reset(&scratch);
			line.n += end != NULL;
			held.n = (size_t)(rest.p - held.p);
			if (f->mapped && held.n > HELD) {
				mapping_release(held);
				held.p = rest.p;
			}
		}
	}
	targets_choose(&targets, false, out);
	arena_free(&scratch);
	buf_free(&targets.marks);
	buf_free(&targets.slots);
}

void found_read(struct arena *a, struct bytes all, struct found *out)
{
	read_all(a, all, NULL, out);
}

void found_read_pass(struct arena *a, struct rundir_pass *pass, struct found *out)
{
	read_all(a, pass->all, pass, out);
	out->mapped = pass->mapped;
}
