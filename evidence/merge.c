/*
 * merge.c - findings of one run or many, each different one once: how often it was
 * found, in which runs, and where it points to. Runs in the supervisor after every
 * child is dead, and in the commands that render reports. Nothing it reads is trusted.
 *
 * What comes out depends on the folders alone, not on the order they are given in.
 */
#include <errno.h>
#include <string.h>

#include "evidence/evidence.h"

#define SLOTS_FIRST 64                 /* a power of two */
#define CLIPPED 200                    /* bytes of a plugin's name, of a type */
#define PATH_BYTES 1024                /* a longer target is no file */
#define HELD_BYTES (512u << 10)        /* of findings.jsonl, while they are walked over */
#define SINK_BYTES (64u << 10)

struct hop {
	uint32_t run, before;          /* number of the hop before and 1; 0: none */
};

/* ---- a table of digests ------------------------------------------------------------- */

static unsigned char *entry_at(const struct merged_table *t, size_t i)
{
	return t->of.p + i * t->size;
}

static size_t entries(const struct merged_table *t)
{
	return t->of.n / t->size;
}

/* What is hashed the plugin decides, so which slot it gets has a seed that it never
 * sees. */
static uint32_t *slot_find(const struct merged_table *t, const unsigned char print[SHA256_SIZE])
{
	uint32_t *slot = (uint32_t *)(void *)t->slots.p;
	uint64_t word;
	size_t i;

	memcpy(&word, print, sizeof(word));
	i = (size_t)(((word ^ t->seed[0]) * (t->seed[1] | 1)) >> 32);
	for (i &= t->room - 1; slot[i] != 0; i = (i + 1) & (t->room - 1))
		if (memcmp(entry_at(t, slot[i] - 1), print, SHA256_SIZE) == 0)
			break;
	return &slot[i];
}

static void slots_grow(struct merged_table *t)
{
	static const unsigned char zeros[SLOTS_FIRST * sizeof(uint32_t)];

	/* The few of a small run need no seed. */
	if (t->room == SLOTS_FIRST)
		random_bytes(t->seed, sizeof(t->seed));
	t->room = t->room == 0 ? SLOTS_FIRST : 2 * t->room;
	for (t->slots.n = 0; t->slots.n < t->room * sizeof(uint32_t);)
		buf_add(&t->slots, zeros, sizeof(zeros));
	for (size_t i = 0; i < entries(t); i++)
		*slot_find(t, entry_at(t, i)) = (uint32_t)i + 1;
}

/* Its number; a new one is zero but for the digest. */
static size_t table_find(struct merged_table *t, const unsigned char print[SHA256_SIZE], bool *fresh)
{
	static const unsigned char zeros[128];
	uint32_t *slot;

	if (3 * entries(t) >= 2 * t->room)
		slots_grow(t);
	slot = slot_find(t, print);
	*fresh = *slot == 0;
	if (*fresh) {
		buf_add(&t->of, print, SHA256_SIZE);
		buf_add(&t->of, zeros, t->size - SHA256_SIZE);
		*slot = (uint32_t)entries(t);
	}
	return *slot - 1;
}

static struct merged_finding *finding_at(const struct merged *m, size_t i)
{
	return (struct merged_finding *)(void *)entry_at(&m->findings, i);
}

struct merged_rule *merged_rule(const struct merged *m, uint32_t i)
{
	return (struct merged_rule *)(void *)entry_at(&m->rules, i);
}

/* ---- a run --------------------------------------------------------------------------- */

static void document(struct merged *m, const struct folder *f, const char *name, struct json *out)
{
	struct bytes text = folder_get(f, name);
	char error[200];

	/* Without tokens every lookup finds nothing. */
	if (text.p == NULL || json_parse(&m->a, text, out, error) < 0)
		memset(out, 0, sizeof(*out));
}

static struct bytes text_of(struct merged *m, const struct json *j, const char *first,
    const char *second)
{
	int v = json_get(j, 0, first);

	v = second != NULL ? json_get(j, v, second) : v;
	return json_kind(j, v) == JSON_STRING ? json_string(&m->a, j, v) : (struct bytes){ NULL, 0 };
}

/* Below the root of a checkout, without a detour. A colon is a scheme, a port, a drive. */
static bool is_path(struct bytes s)
{
	size_t from = 0;

	if (s.n == 0 || s.n > PATH_BYTES)
		return false;
	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] != '/') {
			if (s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == ':' || s.p[i] == '\\')
				return false;
			continue;
		}
		if (i == from || (s.p[from] == '.' &&
		    (i == from + 1 || (i == from + 2 && s.p[from + 1] == '.'))))
			return false;
		from = i + 1;
	}
	return true;
}

static bool take_prefix(struct bytes *s, struct bytes prefix)
{
	if (s->n < prefix.n || memcmp(s->p, prefix.p, prefix.n) != 0)
		return false;
	s->p += prefix.n;
	s->n -= prefix.n;
	return true;
}

static struct bytes input_of(struct merged *m, const struct json *run)
{
	struct bytes s = text_of(m, run, "input", "path");

	while (s.n > 0 && take_prefix(&s, BYTES("./")))
		;
	while (s.n > 0 && s.p[s.n - 1] == '/')
		s.n--;
	return is_path(s) ? s : (struct bytes){ NULL, 0 };
}

static void run_read(struct merged *m, const struct folder *f, struct merged_run *out)
{
	int64_t files;

	*out = (struct merged_run){ .folder = f };
	document(m, f, "run.json", &out->run);
	document(m, f, "gate_report.json", &out->gate);
	document(m, f, "usage.json", &out->usage);
	out->id = text_of(m, &out->run, "run_id", NULL);
	out->plugin = text_of(m, &out->run, "plugin", "name");
	out->version = text_of(m, &out->run, "plugin", "version");
	out->input = input_of(m, &out->run);
	out->one_file = out->input.n > 0 && json_integer(&out->run, json_get(&out->run,
	    json_get(&out->run, 0, "input"), "files"), &files) && files == 1;
	out->decision = gate_decision(folder_get(f, "gate_report.json"));
}

/* ---- its findings ------------------------------------------------------------------------ */

static struct bytes clipped(struct merged *m, struct bytes s)
{
	struct bytes out = s;

	if (out.n > CLIPPED)
		for (out.n = CLIPPED; out.n > 0 && (s.p[out.n] & 0xc0) == 0x80; out.n--)
			;
	out.p = (const unsigned char *)arena_text(&m->a, out);
	return out;
}

static uint32_t rule_find(struct merged *m, const struct finding_view *v)
{
	struct merged_rule *r;
	struct sha256 h;
	unsigned char print[SHA256_SIZE];
	bool fresh;
	size_t i;

	sha256_start(&h);
	sha256_add(&h, &v->plugin.n, sizeof(v->plugin.n)); /* never written down */
	sha256_add(&h, v->plugin.p, v->plugin.n);
	sha256_add(&h, v->type.p, v->type.n);
	sha256_end(&h, print);
	i = table_find(&m->rules, print, &fresh);
	r = merged_rule(m, (uint32_t)i);
	if (fresh) {
		r->plugin = clipped(m, v->plugin);
		r->type = clipped(m, v->type);
	}
	if (v->severity > r->severity)
		r->severity = v->severity;
	return (uint32_t)i;
}

static void finding_add(struct merged *m, uint32_t run, const struct finding_view *v, size_t at)
{
	struct fingerprint print;
	struct merged_finding *f;
	bool fresh;

	finding_fingerprint(v, &print);
	f = finding_at(m, table_find(&m->findings, print.finding, &fresh));
	if (fresh)
		f->rule = rule_find(m, v);
	f->count += f->count < UINT32_MAX;
	if (fresh || v->severity > f->severity) {
		f->severity = v->severity;
		f->run = run;
		f->at = at;
		if (!fresh)
			(void)rule_find(m, v);
	}
	if (fresh || ((struct hop *)(void *)m->hops.p)[f->hop - 1].run != run) {
		struct hop hop = { run, f->hop };

		buf_add(&m->hops, &hop, sizeof(hop));
		f->hop = (uint32_t)(m->hops.n / sizeof(hop));
		f->hops++;
	}
}

static bool mapped(const struct folder *f)
{
	return f->found != NULL && f->found->mapped;
}

static struct bytes line_at(struct bytes all, size_t at)
{
	const unsigned char *end = memchr(all.p + at, '\n', all.n - at);

	return (struct bytes){ all.p + at, end != NULL ? (size_t)(end - all.p) - at : all.n - at };
}

static int findings_read(struct merged *m, uint32_t number, struct arena *scratch, struct why *why)
{
	struct merged_run *run = &m->run[number];
	struct bytes line, all = folder_get(run->folder, "findings.jsonl");
	struct finding_view v;
	size_t held = 0;

	for (size_t at = 0; at < all.n; at += line.n + 1) {
		line = line_at(all, at);
		m->total++;
		if (finding_view(scratch, line, &v) < 0)
			m->unreadable++;
		else {
			run->by_severity[v.severity]++;
			finding_add(m, number, &v, at);
		}
		arena_reset(scratch);
		if (entries(&m->findings) > MERGED_FINDINGS)
			return refuse(why, REFUSE_EVIDENCE, "these runs hold more than %u different "
			    "findings; report on fewer of them", MERGED_FINDINGS);
		if (mapped(run->folder) && at - held > HELD_BYTES) {
			mapping_release((struct bytes){ all.p + held, at - held });
			held = at;
		}
	}
	return 0;
}

/* ---- all of them --------------------------------------------------------------------------- */

static int compare(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* Two sealed folders with the same sums hold the same evidence. */
static int by_run(const void *a, const void *b)
{
	const struct merged_run *x = a, *y = b;
	int order = compare(x->id, y->id);

	if (order == 0)
		order = compare(folder_get(x->folder, "SHA256SUMS"), folder_get(y->folder, "SHA256SUMS"));
	if (order == 0)
		order = compare(x->run.text, y->run.text);
	return order;
}

int merge_runs(const struct folder *folder, size_t n, struct merged *out, struct why *why)
{
	struct arena scratch = { 0 };
	int result = 0;

	*out = (struct merged){ .findings.size = sizeof(struct merged_finding),
	    .rules.size = sizeof(struct merged_rule) };
	out->run = arena_array(&out->a, n, sizeof(*out->run));
	for (size_t i = 0; i < n; i++)
		run_read(out, &folder[i], &out->run[i]);
	if (n > 1)
		sort(out->run, n, sizeof(*out->run), by_run);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || by_run(&out->run[out->runs - 1], &out->run[i]) != 0)
			out->run[out->runs++] = out->run[i];
	for (size_t i = 0; i < out->runs && result == 0; i++)
		result = findings_read(out, (uint32_t)i, &scratch, why);
	for (size_t i = 0; i < entries(&out->findings); i++)
		out->by_severity[finding_at(out, i)->severity]++;
	arena_free(&scratch);
	return result;
}

void merge_free(struct merged *m)
{
	buf_free(&m->findings.of);
	buf_free(&m->findings.slots);
	buf_free(&m->rules.of);
	buf_free(&m->rules.slots);
	buf_free(&m->hops);
	arena_free(&m->a);
}

size_t merged_runs_of(const struct merged *m, const struct merged_finding *f, uint32_t *run,
    size_t max)
{
	const struct hop *hop = (const struct hop *)(const void *)m->hops.p;
	size_t i = f->hops;

	for (uint32_t at = f->hop; at != 0; at = hop[at - 1].before)
		if (--i < max)
			run[i] = hop[at - 1].run;
	return f->hops;
}

/* ---- where a finding points to ---------------------------------------------------------------- */

/* ":12" at the end of s, taken off. */
static bool take_number(struct bytes *s, uint64_t *n)
{
	size_t at = s->n;

	while (at > 0 && s->p[at - 1] >= '0' && s->p[at - 1] <= '9')
		at--;
	if (at < 2 || s->p[at - 1] != ':' ||
	    !number_parse((struct bytes){ s->p + at, s->n - at }, 1, INT32_MAX, n))
		return false;
	s->n = at - 1;
	return true;
}

/* As the plugin saw it: below /workspace/input, or relative to that. */
static bool in_input(struct merged_walk *w, struct bytes path)
{
	struct bytes input = w->run->input, beneath = path;

	if (bytes_are(path, "/workspace/input"))
		path.n = 0;
	else if (!take_prefix(&path, BYTES("/workspace/input/")))
		while (take_prefix(&path, BYTES("./")))
			;
	if ((path.n > 0 || input.n == 0) && !is_path(path))
		return false;
	beneath = path;
	if (w->run->one_file && input.n >= path.n && /* it stands in the input under its own name */
	    bytes_equal((struct bytes){ input.p + input.n - path.n, path.n }, path))
		path = input;
	else if (input.n > 0 && !(take_prefix(&beneath, input) && (beneath.n == 0 || *beneath.p == '/')))
		path = bytes_of(arena_printf(&w->scratch, "%.*s%s%.*s", (int)input.n,
		    (const char *)input.p, path.n > 0 ? "/" : "", (int)path.n, (const char *)path.p));
	w->place.path = path;
	return true;
}

static void place_find(struct merged_walk *w)
{
	struct merged_place *p = &w->place;
	struct bytes path = w->view.target;

	*p = (struct merged_place){ .path = BYTES("findings.jsonl") };
	if (take_number(&path, &p->line) && take_number(&path, &p->column)) {
		uint64_t column = p->line;

		p->line = p->column;
		p->column = column;
	}
	p->file = path.n > 0 && in_input(w, path);
	if (p->file)
		return;
	p->line = p->column = 0;
	if (w->run->one_file)
		p->path = w->run->input; /* what was captured */
}

static void let_go(const struct merged *m, struct merged_walk *w, uint32_t run, size_t at)
{
	if (w->run == &m->run[run] && at >= w->held && at - w->held <= HELD_BYTES)
		return;
	if (w->run != NULL && mapped(w->run->folder)) {
		struct bytes all = folder_get(w->run->folder, "findings.jsonl");

		mapping_release((struct bytes){ all.p + w->held, all.n - w->held });
	}
	w->held = at;
}

bool merged_next(const struct merged *m, struct merged_walk *w)
{
	arena_reset(&w->scratch);
	for (; w->turn < SEV_COUNT; w->turn++, w->next = 0)
		while (w->next < entries(&m->findings)) {
			w->f = finding_at(m, w->next++);
			if (w->f->severity != SEV_COUNT - 1 - w->turn)
				continue;
			let_go(m, w, w->f->run, w->f->at);
			w->run = &m->run[w->f->run];
			(void)finding_view(&w->scratch, line_at(folder_get(w->run->folder,
			    "findings.jsonl"), w->f->at), &w->view);
			place_find(w);
			return true;
		}
	merged_end(m, w);
	return false;
}

void merged_end(const struct merged *m, struct merged_walk *w)
{
	if (w->run != NULL)
		let_go(m, w, (uint32_t)(w->run - m->run), SIZE_MAX);
	arena_free(&w->scratch);
}

/* ---- how it went --------------------------------------------------------------------------------- */

struct bytes merged_how(struct arena *a, const struct merged_run *r)
{
	const struct json *j = &r->run;
	int ending = json_get(j, 0, "ending"), detail = json_get(j, ending, "detail");

	if (json_kind(j, detail) != JSON_STRING)
		detail = json_get(j, json_get(j, 0, "refusal"), "sentence");
	return json_kind(j, detail) == JSON_STRING ? json_string(a, j, detail) :
	    BYTES("no ending is recorded");
}

const char *decision_name(int decision)
{
	static const char *const name[] = { "PASS", "BLOCK", "REQUIRE_APPROVAL" };

	return decision >= 0 && decision < (int)COUNT(name) ? name[decision] : NULL;
}

int merged_decision(const struct merged *m)
{
	static const int worse[] = { 3, 0, 2, 1 }; /* none, PASS, BLOCK, REQUIRE_APPROVAL */
	int worst = 0;

	for (size_t i = 0; i < m->runs; i++)
		if (worse[m->run[i].decision + 1] > worse[worst + 1])
			worst = m->run[i].decision;
	return worst;
}

int64_t merged_time(const struct merged_run *r, const char *member)
{
	struct arena scratch = { 0 };
	int64_t seconds = 0;
	int v = json_get(&r->run, 0, member);

	if (json_kind(&r->run, v) != JSON_STRING ||
	    !time_parse(json_string(&scratch, &r->run, v), &seconds))
		seconds = 0;
	arena_free(&scratch);
	return seconds;
}

void json_open_member(struct json_out *o, const char *name, char kind)
{
	json_name(o, name);
	json_open(o, kind);
}

/* ---- where a document goes -------------------------------------------------------------------- */

void sink_turn(struct sink *s, bool all)
{
	if (s->fd < 0 || (!all && s->b.n < SINK_BYTES))
		return;
	if (s->error == 0 && write_all(s->fd, s->b.p, s->b.n) < 0)
		s->error = errno;
	s->b.n = 0;
}
