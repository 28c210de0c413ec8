/*
 * diff.c - two run folders, side by side: which findings came, went or changed, and
 * what else is not the same. Pure, on folders that nobody trusts. Runs in `oxg diff`
 * and `oxg replay`.
 *
 * What is another in every run is left out: ids, times, measured figures, where things
 * lay. What follows from that alone (the journal's head, the report) is too.
 */
#include <string.h>

#include "evidence/evidence.h"

#define NAME_SHOWN 60          /* of a member's name */
#define MEMBERS_LOOKED 256     /* an object of more is compared as one value */
#define LINES_SHOWN 40         /* to people, of each list */
#define TEXT_SHOWN 100         /* bytes of one text */

/* ---- findings ------------------------------------------------------------------------- */

struct line {
	struct fingerprint print;
	struct bytes text;
	uint32_t number;           /* in its file */
	int8_t severity;
	bool right;
};

struct lines {
	struct line *line, **left; /* left: without a partner yet */
	size_t lines, count;
};

static int by(const void *a, const void *b, size_t from, size_t n)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
	int order = memcmp((const unsigned char *)&x->print + from,
	    (const unsigned char *)&y->print + from, n);

	if (order != 0)
		return order;
	if (x->right != y->right)
		return x->right - y->right;
	return (x->number > y->number) - (x->number < y->number);
}

/* Members of struct fingerprint, each a sort key. */
#define BY(member) static int by_##member(const void *a, const void *b)              \
{                                                                                    \
	return by(a, b, offsetof(struct fingerprint, member), SHA256_SIZE);          \
}
BY(all)
BY(finding)
BY(place)

/* Those of one key stand together, the left ones first, each in the order of its
 * file: the first goes with the first. pair: NULL, or where they go. */
static void pair_up(struct lines *l, size_t key, int (*compare)(const void *, const void *),
    struct diff *d, struct diff_finding *pair)
{
	struct line **e = l->left;
	size_t kept = 0, end;

	sort(e, l->count, sizeof(*e), compare);
	for (size_t at = 0; at < l->count; at = end) {
		size_t middle, n;

		for (end = at; end < l->count && memcmp((const char *)&e[end]->print + key,
		    (const char *)&e[at]->print + key, SHA256_SIZE) == 0; )
			end++;
		for (middle = at; middle < end && !e[middle]->right; )
			middle++;
		n = middle - at < end - middle ? middle - at : end - middle;
		for (size_t i = 0; i < n; i++) {
			if (pair == NULL)
				d->same++;
			else
				pair[d->findings++] = (struct diff_finding){ e[at + i]->text,
				    e[middle + i]->text, e[middle + i]->severity };
		}
		for (size_t i = at; i < end; i++)
			if (i < middle ? i >= at + n : i >= middle + n)
				l->left[kept++] = e[i];
	}
	l->count = kept;
}

static int lines_take(struct lines *l, const struct folder *f, bool right, struct why *why)
{
	struct bytes all = folder_get(f, "findings.jsonl");
	struct arena scratch = { 0 };
	struct finding_view view;
	uint32_t number = 0;
	int rc = 0;

	for (size_t at = 0, n; at < all.n && rc == 0; at += n + 1) {
		const unsigned char *end = memchr(all.p + at, '\n', all.n - at);
		struct line *line = &l->line[l->lines];

		n = end == NULL ? all.n - at : (size_t)(end - all.p) - at;
		line->text = (struct bytes){ all.p + at, n };
		line->number = ++number;
		line->right = right;
		rc = finding_view(&scratch, line->text, &view);
		if (rc != 0)
			refuse(why, REFUSE_EVIDENCE, "%s/findings.jsonl line %u is no finding",
			    f->path, number);
		finding_fingerprint(&view, &line->print);
		line->severity = (int8_t)view.severity;
		l->left[l->lines] = line;
		l->lines++;
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	return rc;
}

static size_t lines_count(const struct folder *f)
{
	struct bytes all = folder_get(f, "findings.jsonl");
	const unsigned char *at = all.p;
	size_t n = 1; /* a last line may lack its newline */

	for (; at != NULL && (at = memchr(at, '\n', all.n - (size_t)(at - all.p))) != NULL; at++)
		n++;
	return n;
}

/* What stands behind the times: plugin, type, message. */
static struct bytes reading(const struct diff_finding *f)
{
	struct bytes s = f->right.p != NULL ? f->right : f->left;
	const unsigned char *at = memmem(s.p, s.n, "\"plugin\":", 9);

	if (at != NULL)
		s = (struct bytes){ at, s.n - (size_t)(at - s.p) };
	return s;
}

static int by_severity(const void *a, const void *b)
{
	const struct diff_finding *x = a, *y = b;
	struct bytes s = reading(x), t = reading(y);
	int order = memcmp(s.p, t.p, s.n < t.n ? s.n : t.n);

	if (x->severity != y->severity)
		return y->severity - x->severity;
	return order != 0 ? order : (s.n > t.n) - (s.n < t.n);
}

static int findings_compare(struct arena *a, const struct folder *left,
    const struct folder *right, struct diff *d, struct why *why)
{
	size_t room = lines_count(left) + lines_count(right);
	struct lines l = { arena_array(a, room, sizeof(*l.line)), arena_array(a, room, sizeof(*l.left)), 0, 0 };
	struct diff_finding *list = arena_array(a, room, sizeof(*list));

	if (lines_take(&l, left, false, why) != 0 || lines_take(&l, right, true, why) != 0)
		return -1;
	l.count = l.lines;
	pair_up(&l, offsetof(struct fingerprint, all), by_all, d, NULL);
	pair_up(&l, offsetof(struct fingerprint, finding), by_finding, d, list);
	pair_up(&l, offsetof(struct fingerprint, place), by_place, d, list);
	d->changed = d->findings;
	for (size_t i = 0; i < l.count; i++) {
		const struct line *one = l.left[i];

		list[d->findings++] = one->right ?
		    (struct diff_finding){ { NULL, 0 }, one->text, one->severity } :
		    (struct diff_finding){ one->text, { NULL, 0 }, one->severity };
		d->added += one->right;
	}
	sort(list, d->findings, sizeof(*list), by_severity);
	d->finding = list;
	return 0;
}

/* ---- everything else ---------------------------------------------------------------------- */

struct pair {
	struct arena *a;
	struct diff *d;
	struct json left, right;
};

/* Names of run.json that are another run's own, and what follows from them. */
static const char *const aside[] = {
	"run_id", "task_id", "started", "finished", "plugin_path", "trust.root", "trust.found_by",
	"policy.source", "config_sha256", "input.path", "journal", "ending.detail",
	"refusal.sentence", "attestations",
};

/* What came of the run. All others but the next are what it was made of. */
static const char *const outcome[] = {
	"ending", "refusal", "findings", "broker", "output", "ledger", "audit", "evidence_complete",
};

/* And these what it was made with. */
static const char *const around[] = { "schema_version", "oxg", "isolation", "trust" };

static bool listed(const char *const *list, size_t n, const char *name, size_t length)
{
	while (n-- > 0)
		if (strlen(list[n]) == length && memcmp(list[n], name, length) == 0)
			return true;
	return false;
}

static void item_add(struct pair *p, enum diff_kind kind, const char *name, struct bytes left,
    struct bytes right)
{
	struct diff *d = p->d;

	d->items[kind]++;
	if (d->shown == COUNT(d->item))
		return;
	d->item[d->shown++] = (struct diff_item){ kind, name, { left, right } };
}

static struct bytes canonical(struct pair *p, const struct json *j, int v)
{
	struct buf b = { 0 };
	struct bytes text;

	json_canonical(p->a, &b, j, v);
	text = (struct bytes){ (const void *)arena_text(p->a, buf_bytes(&b)), b.n };
	buf_free(&b);
	return v < 0 ? (struct bytes){ NULL, 0 } : text;
}

static void values_compare(struct pair *p, const char *name, int left, int right);

static void member_compare(struct pair *p, const char *above, struct bytes name, int left, int right)
{
	size_t n = name.n < NAME_SHOWN ? name.n : NAME_SHOWN;

	values_compare(p, arena_printf(p->a, "%s%s%.*s", above, *above ? "." : "", (int)n,
	    (const char *)name.p), left, right);
}

static void objects_compare(struct pair *p, const char *name, int left, int right)
{
	const struct json *l = &p->left, *r = &p->right;

	for (int n = json_first(l, left); n >= 0; n = json_next(l, n)) {
		struct bytes word = json_string(p->a, l, n);

		member_compare(p, name, word, json_value(l, n), json_get(r, right, (const char *)word.p));
	}
	for (int n = json_first(r, right); n >= 0; n = json_next(r, n)) {
		struct bytes word = json_string(p->a, r, n);

		if (json_get(l, left, (const char *)word.p) < 0)
			member_compare(p, name, word, -1, json_value(r, n));
	}
}

static void values_compare(struct pair *p, const char *name, int left, int right)
{
	size_t top = strcspn(name, ".");
	struct bytes l, r;

	if (listed(aside, COUNT(aside), name, strlen(name)))
		return;
	if (json_kind(&p->left, left) == JSON_OBJECT && json_kind(&p->right, right) == JSON_OBJECT &&
	    json_size(&p->left, left) <= MEMBERS_LOOKED && json_size(&p->right, right) <= MEMBERS_LOOKED) {
		objects_compare(p, name, left, right);
		return;
	}
	l = canonical(p, &p->left, left);
	r = canonical(p, &p->right, right);
	if (!bytes_equal(l, r))
		item_add(p, listed(outcome, COUNT(outcome), name, top) ? DIFF_RESULT :
		    listed(around, COUNT(around), name, top) && strcmp(name, "isolation.runtime") != 0 &&
		    strcmp(name, "trust.allow_unsigned") != 0 ? DIFF_AROUND : DIFF_CONDITION, name, l, r);
}

static int document(struct arena *a, const struct folder *f, const char *name, struct json *out,
    struct why *why)
{
	char error[200] = "it is no object";

	if (json_parse(a, folder_get(f, name), out, error) == 0 && json_kind(out, 0) == JSON_OBJECT)
		return 0;
	return refuse(why, REFUSE_EVIDENCE, "%s/%s cannot be read: %s", f->path, name, error);
}

/* One member of another document, which has what run.json does not. */
static int verdict_compare(struct pair *p, const struct folder *left, const struct folder *right,
    const char *file, const char *member, struct why *why)
{
	struct bytes l, r;

	if (document(p->a, left, file, &p->left, why) != 0 || document(p->a, right, file, &p->right, why) != 0)
		return -1;
	l = canonical(p, &p->left, json_get(&p->left, 0, member));
	r = canonical(p, &p->right, json_get(&p->right, 0, member));
	if (!bytes_equal(l, r))
		item_add(p, DIFF_RESULT, arena_printf(p->a, "%s %s", file, member), l, r);
	return 0;
}

/* Logs, artifacts, changes: files that the plugin made. The documents have been read,
 * and the inputs have their digests in run.json. exact: whatever is not measured. */
static bool file_asked(const char *name, bool exact)
{
	if (exact)
		return strcmp(name, "usage.json") != 0 && strcmp(name, "SHA256SUMS") != 0 &&
		    !attest_name(name);
	return strchr(name, '/') != NULL && strncmp(name, "inputs/", 7) != 0 &&
	    strncmp(name, "journal/", 8) != 0;
}

static struct bytes digest_text(struct pair *p, const struct folder_file *f)
{
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX];

	if (f == NULL)
		return (struct bytes){ NULL, 0 };
	sha256(f->bytes, digest);
	hex_encode(hex, digest, sizeof(digest));
	return bytes_of(arena_printf(p->a, "\"%s\"", hex));
}

static void files_compare(struct pair *p, const struct folder *left, const struct folder *right, bool exact)
{
	for (size_t i = 0, k = 0; i < left->files || k < right->files;) {
		int order = i == left->files ? 1 : k == right->files ? -1 :
		    strcmp(left->file[i].name, right->file[k].name);
		const struct folder_file *l = order <= 0 ? &left->file[i++] : NULL;
		const struct folder_file *r = order >= 0 ? &right->file[k++] : NULL;
		const char *name = l != NULL ? l->name : r->name;

		if (file_asked(name, exact) && (order != 0 || !bytes_equal(l->bytes, r->bytes)))
			item_add(p, DIFF_RESULT, name, digest_text(p, l), digest_text(p, r));
	}
}

int folder_diff(struct arena *a, const struct folder *left, const struct folder *right,
    bool exact, struct diff *out, struct why *why)
{
	struct pair p = { .a = a, .d = out };

	memset(out, 0, sizeof(*out));
	out->exact = exact;
	if (findings_compare(a, left, right, out, why) != 0 ||
	    document(a, left, "run.json", &p.left, why) != 0 ||
	    document(a, right, "run.json", &p.right, why) != 0)
		return -1;
	values_compare(&p, "", 0, 0);
	if (verdict_compare(&p, left, right, "gate_report.json", "decision", why) != 0 ||
	    verdict_compare(&p, left, right, "verifier_report.json", "status", why) != 0)
		return -1;
	files_compare(&p, left, right, exact);
	return 0;
}

/* ---- for programs ----------------------------------------------------------------------------- */

static const char *change_word(const struct diff_finding *f)
{
	return f->left.p == NULL ? "added" : f->right.p == NULL ? "gone" : "changed";
}

static bool metas_equal(const struct finding_view *x, const struct finding_view *y)
{
	size_t i = 0;

	while (i < x->metas && i < y->metas && bytes_equal(x->meta[i], y->meta[i]))
		i++;
	return i == x->metas && i == y->metas;
}

/* The line was read before, so it can be read again. */
static struct finding_view view_write(struct arena *scratch, struct json_out *o, struct bytes line, bool whole)
{
	struct fingerprint print;
	struct finding_view f;

	(void)finding_view(scratch, line, &f);
	finding_fingerprint(&f, &print);
	json_member_hex(o, "fingerprint", print.finding, SHA256_SIZE);
	json_member(o, "severity", severity_name((enum severity)f.severity));
	if (whole) {
		json_member_bytes(o, "plugin", f.plugin);
		json_member_bytes(o, "type", f.type);
		if (f.target.p != NULL)
			json_member_bytes(o, "target", f.target);
	}
	json_member_bytes(o, "message", f.message);
	return f;
}

static void was_write(struct arena *scratch, struct json_out *o, const struct diff_finding *f,
    const struct finding_view *now)
{
	struct finding_view was;

	json_name(o, "was");
	json_open(o, '{');
	was = view_write(scratch, o, f->left, false);
	json_close(o, '}');
	json_name(o, "members");
	json_open(o, '[');
	if (was.severity != now->severity)
		json_text(o, BYTES("severity"));
	if (!bytes_equal(was.message, now->message))
		json_text(o, BYTES("message"));
	if (!bytes_equal(was.evidence, now->evidence))
		json_text(o, BYTES("evidence"));
	if (!metas_equal(&was, now))
		json_text(o, BYTES("meta"));
	json_close(o, ']');
}

static void findings_write(struct json_out *o, const struct diff *d)
{
	struct arena scratch = { 0 };

	json_name(o, "findings");
	json_open(o, '{');
	json_member_number(o, "same", (int64_t)d->same);
	json_member_number(o, "added", (int64_t)d->added);
	json_member_number(o, "gone", (int64_t)(d->findings - d->changed - d->added));
	json_member_number(o, "changed", (int64_t)d->changed);
	json_name(o, "list");
	json_open(o, '[');
	for (size_t i = 0; i < d->findings && i < DIFF_SHOWN; i++) {
		const struct diff_finding *f = &d->finding[i];
		struct finding_view now;

		json_open(o, '{');
		json_member(o, "change", change_word(f));
		now = view_write(&scratch, o, f->right.p != NULL ? f->right : f->left, true);
		if (f->left.p != NULL && f->right.p != NULL)
			was_write(&scratch, o, f, &now);
		json_close(o, '}');
		arena_reset(&scratch);
	}
	json_close(o, ']');
	json_close(o, '}');
	arena_free(&scratch);
}

static const char *const kind_word[DIFF_KINDS] = { "result", "condition", "around" };

void diff_write(struct json_out *o, const struct diff *d)
{
	findings_write(o, d);
	json_name(o, "differences");
	json_open(o, '[');
	for (size_t i = 0; i < d->shown; i++) {
		const struct diff_item *item = &d->item[i];

		json_open(o, '{');
		json_member(o, "kind", kind_word[item->kind]);
		json_member(o, "name", item->name);
		for (int side = 0; side < 2; side++)
			if (item->value[side].p != NULL) {
				json_name(o, side == 0 ? "left" : "right");
				json_verbatim(o, item->value[side]);
			}
		json_close(o, '}');
	}
	json_close(o, ']');
}

/* ---- for people -------------------------------------------------------------------------------- */

static void finding_say(struct buf *to, const struct diff_finding *f)
{
	struct arena scratch = { 0 };
	struct finding_view now, was = { .severity = -1 };

	(void)finding_view(&scratch, f->right.p != NULL ? f->right : f->left, &now);
	if (f->left.p != NULL && f->right.p != NULL)
		(void)finding_view(&scratch, f->left, &was);
	buf_printf(to, "  %-8s", change_word(f));
	if (was.severity >= 0 && was.severity != now.severity)
		buf_printf(to, "%s -> ", severity_name((enum severity)was.severity));
	buf_printf(to, "%s  ", severity_name((enum severity)now.severity));
	text_line(to, now.type, TEXT_SHOWN);
	buf_text(to, "  ");
	if (now.target.p != NULL) {
		text_line(to, now.target, TEXT_SHOWN);
		buf_text(to, "  ");
	}
	if (was.severity >= 0 && !bytes_equal(was.message, now.message)) {
		text_line(to, was.message, TEXT_SHOWN);
		buf_text(to, " -> ");
	}
	text_line(to, now.message, TEXT_SHOWN);
	buf_byte(to, '\n');
	arena_free(&scratch);
}

static void value_say(struct buf *to, struct bytes s)
{
	text_line(to, s.p == NULL ? BYTES("none") : s, TEXT_SHOWN);
}

static void more_say(struct buf *to, uint64_t all, uint64_t shown)
{
	if (all > shown)
		buf_printf(to, "  and %llu more\n", (unsigned long long)(all - shown));
}

void diff_say(struct buf *to, const struct diff *d)
{
	size_t findings = d->findings < LINES_SHOWN ? d->findings : LINES_SHOWN;
	size_t items = d->shown < LINES_SHOWN ? d->shown : LINES_SHOWN;
	uint64_t all = 0;

	buf_printf(to, "findings: %llu the same, %llu added, %llu gone, %llu changed\n",
	    (unsigned long long)d->same, (unsigned long long)d->added,
	    (unsigned long long)(d->findings - d->changed - d->added), (unsigned long long)d->changed);
	for (size_t i = 0; i < findings; i++)
		finding_say(to, &d->finding[i]);
	more_say(to, d->findings, findings);
	for (size_t i = 0; i < DIFF_KINDS; i++)
		all += d->items[i];
	buf_printf(to, "evidence: %llu differences\n", (unsigned long long)all);
	for (size_t i = 0; i < items; i++) {
		buf_text(to, "  ");
		text_line(to, bytes_of(d->item[i].name), TEXT_SHOWN);
		buf_text(to, ": ");
		value_say(to, d->item[i].value[0]);
		buf_text(to, " -> ");
		value_say(to, d->item[i].value[1]);
		buf_byte(to, '\n');
	}
	more_say(to, all, items);
}
