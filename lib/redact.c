/*
 * redact.c - secrets in text. Nearly every byte is passed by one look at a table of
 * bits: may what stands here begin something? Where it may, the values are found by a
 * hash of their first bytes, shapes by their heads. Runs in the broker on hostile
 * bytes, in the supervisor on the operator's own words, and in the gate.
 *
 * Linear whatever comes: a value that is not there is given up within SURE bytes or
 * masked as far as it goes, a shape is one run of characters that is looked at once,
 * and what is masked is never looked at again.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/redact.h"

#define WIDE 24            /* bytes of the longer window: tokens differ within them */
#define SURE 64            /* of a secret, from its beginning: enough to mask it */
#define JWT_HEAD 1024      /* characters of a JWT's first part */
#define PEM_LABEL 48
#define LOCAL_MAX 64       /* RFC 5321: before the @, and behind it */
#define HOST_MAX 255

static const size_t windows[] = { REDACT_MIN, WIDE };

/* Kinds of characters; letters and digits are of each. PEM is a set with a grammar. */
enum set { NONE, UPPER, ALNUM, WORD, TOKEN, JWT, VALUE, LOCAL, HOST, PEM };

static const char extra[][9] = { [NONE] = "", [UPPER] = "", [ALNUM] = "", [WORD] = "_",
	[TOKEN] = "_-", [JWT] = "_-.", [VALUE] = "-._~+/=", [LOCAL] = "._%+-", [HOST] = ".-",
	[PEM] = "+/=:,\\\r\n" };

enum way { RUN, WEB_TOKEN, ARMOUR, ASSIGNED, SCHEME };

/* A run begins with its head, least characters of the set behind it. An assigned value
 * has a name before it, in any case of letters, and what stands between them. */
static const struct shape {
	char head[18], kind[14]; /* no pointers: nothing to be relocated at the start */
	unsigned char way, set, least;
} shapes_known[] = {
	{ "-----BEGIN ", "private-key", ARMOUR, PEM, 0 },
	{ "eyJ", "jwt", WEB_TOKEN, JWT, 8 },
	{ "AKIA", "aws-key-id", RUN, UPPER, 16 },
	{ "ASIA", "aws-key-id", RUN, UPPER, 16 },
	{ "AIza", "google-key", RUN, TOKEN, 35 },
	{ "ghp_", "github-token", RUN, WORD, 36 },
	{ "gho_", "github-token", RUN, WORD, 36 },
	{ "ghu_", "github-token", RUN, WORD, 36 },
	{ "ghs_", "github-token", RUN, WORD, 36 },
	{ "ghr_", "github-token", RUN, WORD, 36 },
	{ "github_pat_", "github-token", RUN, WORD, 22 },
	{ "glpat-", "gitlab-token", RUN, TOKEN, 20 },
	{ "xoxa-", "slack-token", RUN, TOKEN, 10 },
	{ "xoxb-", "slack-token", RUN, TOKEN, 10 },
	{ "xoxe-", "slack-token", RUN, TOKEN, 10 },
	{ "xoxp-", "slack-token", RUN, TOKEN, 10 },
	{ "xoxr-", "slack-token", RUN, TOKEN, 10 },
	{ "xoxs-", "slack-token", RUN, TOKEN, 10 },
	{ "sk_live_", "stripe-key", RUN, ALNUM, 16 },
	{ "rk_live_", "stripe-key", RUN, ALNUM, 16 },
	{ "npm_", "npm-token", RUN, ALNUM, 36 },
	{ "secret_access_key", "aws-key", ASSIGNED, VALUE, 40 },
	{ "secretaccesskey", "aws-key", ASSIGNED, VALUE, 40 },
	{ "authorization", "credentials", SCHEME, VALUE, 8 },
};

/* Something at [from, to), that perhaps goes on: inside. */
struct hit {
	size_t from, to;
	const char *kind;
	enum set inside;
};

enum look { NOTHING, FOUND, WAIT };

/* ---- characters ---------------------------------------------------------------- */

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool in(enum set set, unsigned char c)
{
	if (is_alnum(c))
		return set != NONE && (set != UPPER || c <= 'Z');
	return c != '\0' && strchr(extra[set], c) != NULL;
}

static size_t span(struct bytes text, size_t at, enum set set, size_t max)
{
	size_t n = 0;

	while (n < max && at + n < text.n && in(set, text.p[at + n]))
		n++;
	return n;
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* The back-th byte before at, which may have gone with an earlier piece. */
static unsigned char byte_before(const struct redaction *s, struct bytes text, size_t at, size_t back)
{
	return back <= at ? text.p[at - back] : s->past[3 - (back - at)];
}

/* No word goes on here. Escapes end one, though they end in letters: \n, %3D. */
static bool word_begins(const struct redaction *s, struct bytes text, size_t at)
{
	return !in(TOKEN, byte_before(s, text, at, 1)) || byte_before(s, text, at, 2) == '\\' ||
	    byte_before(s, text, at, 3) == '%';
}

/* ---- the tables ------------------------------------------------------------------ */

static uint32_t mixed(uint32_t four)
{
	return four * 0x9e3779b1u >> 16;
}

static uint32_t four_of(const unsigned char *p, size_t n)
{
	uint32_t four = 0;

	memcpy(&four, p, n);
	return four;
}

static bool bit(const unsigned char *table, uint32_t i)
{
	return table[i / 8] >> i % 8 & 1;
}

static void bit_set(unsigned char *table, uint32_t i)
{
	table[i / 8] |= (unsigned char)(1u << i % 8);
}

/* Of which it is known that something begins so; a short beginning is marked as one. */
static void gate_add(struct redactor *r, const unsigned char head[4])
{
	bit_set(r->gate, mixed(four_of(head, 4)));
	for (size_t n = 1; n < 4; n++)
		bit_set(r->tail, mixed(four_of(head, n) + (uint32_t)n));
}

/* In any case of its letters. */
static void gate_add_folded(struct redactor *r, const char *head)
{
	unsigned char four[4];

	for (int cases = 0; cases < 16; cases++) {
		for (int i = 0; i < 4; i++)
			four[i] = (unsigned char)(head[i] ^ (cases >> i & 1 ? 0x20 : 0));
		gate_add(r, four);
	}
}

static uint32_t slot(const unsigned char *p, size_t window)
{
	uint64_t sum = 0, eight;

	for (size_t i = 0; i < window; i += 8) {
		memcpy(&eight, p + i, 8);
		sum = (sum ^ eight) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 29;
	}
	return sum >> 40 & 1023;
}

void redactor_start(struct redactor *r, bool with_shapes)
{
	memset(r, 0, sizeof(*r));
	r->started = true;
	r->shapes = with_shapes;
	for (size_t i = 0; with_shapes && i < COUNT(shapes_known); i++) {
		unsigned char four[4];

		memcpy(four, shapes_known[i].head, 4);
		if (shapes_known[i].way >= ASSIGNED)
			gate_add_folded(r, shapes_known[i].head);
		else if (shapes_known[i].way != WEB_TOKEN)
			gate_add(r, four);
		for (int c = 0; shapes_known[i].way == WEB_TOKEN && c < 256; c++)
			if (in(TOKEN, four[3] = (unsigned char)c))
				gate_add(r, four);
	}
}

/* ---- values, in all their spellings ------------------------------------------------ */

static void pattern_add(struct redactor *r, struct bytes text, bool token, bool wrapped)
{
	bool wide = text.n >= WIDE;
	struct redact_pattern *p;
	uint32_t *head;

	if (text.n < REDACT_MIN)
		return;
	head = &r->head[wide][slot(text.p, windows[wide])];
	for (uint32_t i = *head; i != 0; i = p->next) {
		p = &r->pattern[i - 1];
		if (bytes_equal(p->text, text)) /* spelt as it is */
			return;
	}
	if (r->patterns == r->room) {
		r->room = r->room ? 2 * r->room : 32;
		r->pattern = realloc(r->pattern, r->room * sizeof(*r->pattern));
		if (!r->pattern)
			die(STATUS_LOST, "no memory is left");
	}
	p = &r->pattern[r->patterns++];
	*p = (struct redact_pattern){ .next = *head, .token = token, .wrapped = wrapped,
		.text = { (unsigned char *)arena_text(&r->texts, text), text.n } };
	*head = (uint32_t)r->patterns;
	gate_add(r, text.p);
}

/* With %XX for all but letters, digits and what keep names. */
static void percent_write(struct buf *out, struct bytes value, const char *keep, const char *digits)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = value.p[i];

		if (is_alnum(c) || (c != '\0' && strchr(keep, c) != NULL))
			buf_byte(out, c);
		else
			buf_add(out, (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
	}
}

/* As most writers of JSON do; ours escapes < > & as well. */
static void json_write(struct buf *out, struct bytes value)
{
	for (size_t i = 0; i < value.n; i++) {
		size_t at = out->n;

		if (value.p[i] >= 0x20 && value.p[i] != '"' && value.p[i] != '\\') {
			buf_byte(out, value.p[i]);
			continue;
		}
		json_quote(out, (struct bytes){ value.p + i, 1 });
		memmove(out->p + at, out->p + at + 1, out->n - at - 1);
		out->n -= 2; /* its quotes */
	}
}

/* What base64 says of the value alone when so many bytes stand before it. */
static void base64_add(struct redactor *r, struct buf *room, struct bytes shifted, size_t before_it,
    bool token, void encode(struct buf *, struct bytes))
{
	size_t from = (8 * before_it + 5) / 6, to = 8 * shifted.n / 6;

	room->n = 0;
	encode(room, shifted);
	pattern_add(r, (struct bytes){ room->p + from, to - from }, token, true);
}

void redactor_add(struct redactor *r, struct bytes value, bool token)
{
	static const char *const digits[] = { "0123456789abcdef", "0123456789ABCDEF" };
	static const char *const keeps[] = { "-._~", "-._~/", "-._~!'()*" };
	struct buf room = { 0 }, shifted = { 0 };

	if (value.n < REDACT_MIN)
		return;
	buf_reserve(&room, 6 * value.n + 16); /* never moved: nothing is left behind */
	buf_reserve(&shifted, value.n + 2);
	buf_add(&shifted, "\0\0", 2);
	buf_add(&shifted, value.p, value.n);
	pattern_add(r, value, token, false);
	for (size_t n = 0; n < 3; n++) {
		struct bytes b = { shifted.p + 2 - n, value.n + n };

		base64_add(r, &room, b, n, token, base64_encode);
		base64_add(r, &room, b, n, token, base64url_encode);
	}
	for (size_t d = 0; d < COUNT(digits); d++) {
		for (size_t k = 0; k < COUNT(keeps); k++) {
			room.n = 0;
			percent_write(&room, value, keeps[k], digits[d]);
			pattern_add(r, buf_bytes(&room), token, false);
		}
		room.n = 0;
		for (size_t i = 0; i < value.n; i++)
			buf_add(&room, (char[]){ digits[d][value.p[i] >> 4], digits[d][value.p[i] & 15] }, 2);
		pattern_add(r, buf_bytes(&room), token, true);
	}
	room.n = 0;
	json_write(&room, value);
	pattern_add(r, buf_bytes(&room), token, false);
	room.n = 0;
	json_quote(&room, value);
	pattern_add(r, (struct bytes){ room.p + 1, room.n - 2 }, token, false);
	wipe(room.p, room.cap);
	wipe(shifted.p, shifted.cap);
	buf_free(&room);
	buf_free(&shifted);
}

void redactor_wipe(struct redactor *r)
{
	for (size_t i = 0; i < r->patterns; i++)
		wipe((unsigned char *)r->pattern[i].text.p, r->pattern[i].text.n);
	free(r->pattern);
	arena_free(&r->texts);
	memset(r, 0, sizeof(*r));
}

void secrets_wipe(struct secret *s, size_t *count)
{
	for (; *count > 0; --*count)
		wipe((unsigned char *)s[*count - 1].value.p, s[*count - 1].value.n);
}

/* ---- values in a text ------------------------------------------------------------------ */

/* How many bytes of the pattern stand there; *used: of the text, with the line ends
 * that wrapped it. *out_of: all of the text is used up, and it may go on. */
static size_t common(const struct redact_pattern *p, struct bytes rest, size_t *used, bool *out_of)
{
	size_t m = 0, u = 0, ends = 0;

	*used = 0;
	while (m < p->text.n && u < rest.n) {
		unsigned char c = rest.p[u];

		if (c == p->text.p[m]) {
			m++;
			*used = ++u;
			ends = 0;
		} else if (p->wrapped && m > 0 && (c == '\n' || c == '\r') && ends++ < 2) {
			u++;
		} else {
			break;
		}
	}
	*out_of = m < p->text.n && u == rest.n;
	return m;
}

/* The end of a text may have cut a secret in its first window. */
static size_t cut(const struct redactor *r, struct bytes rest)
{
	for (size_t i = 0; i < r->patterns; i++)
		if (!r->pattern[i].token && r->pattern[i].text.n > rest.n &&
		    memcmp(r->pattern[i].text.p, rest.p, rest.n) == 0)
			return rest.n;
	return 0;
}

static enum look look_value(const struct redactor *r, struct bytes text, size_t at, bool last,
    struct hit *hit)
{
	struct bytes rest = { text.p + at, text.n - at };
	size_t best = 0, used, m;
	bool token = false, out_of;

	for (int wide = 0; wide < 2 && r->patterns > 0; wide++) {
		if (rest.n < windows[wide]) {
			if (!last)
				return WAIT;
			break;
		}
		for (uint32_t i = r->head[wide][slot(rest.p, windows[wide])]; i != 0; ) {
			const struct redact_pattern *p = &r->pattern[i - 1];

			i = p->next;
			m = common(p, rest, &used, &out_of);
			if (out_of && !last)
				return WAIT;
			if (m < p->text.n && (p->token || m < (out_of ? windows[wide] : SURE)))
				continue;
			if (used > best) {
				best = used;
				token = p->token;
			}
		}
	}
	if (best == 0 && last && rest.n >= REDACT_MIN && rest.n < WIDE)
		best = cut(r, rest);
	*hit = (struct hit){ at, at + best, token ? "token" : "secret", NONE };
	return best > 0 ? FOUND : NOTHING;
}

/* ---- shapes in a text -------------------------------------------------------------------- */

/* Does literal stand at at? Any case of letters when it is written in small ones. */
static enum look literal_at(struct bytes text, size_t at, const char *literal, bool folded, bool last)
{
	for (; *literal; literal++, at++) {
		if (at >= text.n)
			return last ? NOTHING : WAIT;
		if ((folded ? lower(text.p[at]) : text.p[at]) != (unsigned char)*literal)
			return NOTHING;
	}
	return FOUND;
}

/* Blanks and quotes, escaped ones too. */
static size_t filling(struct bytes text, size_t at)
{
	size_t n = 0;

	while (n < 8 && at + n < text.n && text.p[at + n] != '\0' && strchr(" \t\"'\\", text.p[at + n]))
		n++;
	return at + n;
}

/* Behind a name: = or :, perhaps the scheme of a credential. at goes to the value. */
static enum look assigned(const struct shape *shape, struct bytes text, size_t *at, bool last)
{
	static const char *const schemes[] = { "bearer ", "basic ", "token " };
	size_t i = filling(text, *at);
	enum look look = NOTHING;

	if (i < text.n && text.p[i] != ':' && text.p[i] != '=')
		return NOTHING;
	*at = i < text.n ? filling(text, i + 1) : i;
	if (*at >= text.n)
		return last ? NOTHING : WAIT;
	if (shape->way == ASSIGNED)
		return FOUND;
	for (size_t s = 0; s < COUNT(schemes) && look == NOTHING; s++) {
		look = literal_at(text, *at, schemes[s], true, last);
		if (look == FOUND)
			*at += strlen(schemes[s]);
	}
	return look;
}

/* Behind "-----BEGIN ": a label that names a private key, and five dashes. */
static enum look block_begins(struct bytes text, size_t *at, bool last)
{
	static const char name[] = "PRIVATE KEY";
	size_t start = *at, n;

	while (*at < text.n && *at - start < PEM_LABEL && (text.p[*at] == ' ' || in(UPPER, text.p[*at])))
		++*at;
	n = *at - start;
	if (*at < text.n && memmem(text.p + start, n, name, sizeof(name) - 1) == NULL)
		return NOTHING;
	*at += 5;
	return literal_at(text, *at - 5, "-----", false, last);
}

static enum look look_shape(const struct shape *shape, const struct redaction *s, struct bytes text,
    size_t at, bool last, struct hit *hit)
{
	bool folded = shape->way >= ASSIGNED;
	enum look look = literal_at(text, at, shape->head, folded, last);
	size_t to = at + strlen(shape->head), run;

	if (look != FOUND || (!folded && shape->way != ARMOUR && !word_begins(s, text, at)))
		return look == WAIT ? WAIT : NOTHING;
	if (shape->way == ARMOUR)
		look = block_begins(text, &to, last);
	if (folded)
		look = assigned(shape, text, &to, last);
	if (look == FOUND && shape->way != ARMOUR) {
		size_t max = shape->way == WEB_TOKEN ? JWT_HEAD : shape->least;

		run = span(text, to, shape->way == WEB_TOKEN ? TOKEN : shape->set, max);
		to += run;
		if (run < max && to == text.n && !last)
			look = WAIT;
		else if (run < shape->least)
			look = NOTHING;
	}
	if (look == FOUND && shape->way == WEB_TOKEN) {
		look = literal_at(text, to, ".eyJ", false, last);
		to += 4;
	}
	*hit = (struct hit){ at, to, shape->kind, shape->set };
	return look;
}

/* An address around the @ at at; nothing before floor is of it. */
static enum look look_email(struct bytes text, size_t at, size_t floor, bool last, struct hit *hit)
{
	size_t from = at, to, end, n = span(text, at + 1, HOST, HOST_MAX);

	while (from > floor && at - from < LOCAL_MAX && in(LOCAL, text.p[from - 1]))
		from--;
	if (from == at || n == HOST_MAX)
		return NOTHING;
	*hit = (struct hit){ from, 0, "email", NONE };
	if (at + 1 + n == text.n && !last)
		return WAIT;
	for (end = at + 1 + n; !is_alnum(text.p[end - 1]) && end > at + 1; end--)
		;
	for (to = end; to > at + 1 && text.p[to - 1] > '9'; to--) /* letters: the last label */
		;
	hit->to = end;
	return end - to >= 2 && text.p[to - 1] == '.' && to - 1 > at + 1 ? FOUND : NOTHING;
}

/* ---- a text ---------------------------------------------------------------------------------- */

/* The first place at or behind at where something may begin; text.n: there is none. */
static size_t gate_find(const struct redactor *r, struct bytes text, size_t at, bool last)
{
	int mail = r->shapes ? '@' : -1;

	for (; at + 4 <= text.n; at++)
		if (text.p[at] == mail || bit(r->gate, mixed(four_of(text.p + at, 4))))
			return at;
	for (; at < text.n; at++) {
		size_t n = text.n - at;

		if (text.p[at] == mail || (!last && bit(r->tail, mixed(four_of(text.p + at, n) + (uint32_t)n))))
			return at;
	}
	return text.n;
}

static enum look look(const struct redactor *r, const struct redaction *s, struct bytes text,
    size_t at, size_t floor, bool last, struct hit *hit)
{
	enum look found;

	*hit = (struct hit){ at, at, "", NONE };
	if (r->shapes && text.p[at] == '@')
		return look_email(text, at, floor, last, hit);
	found = look_value(r, text, at, last, hit);
	for (size_t i = 0; i < COUNT(shapes_known) && found == NOTHING && r->shapes; i++)
		if (lower(text.p[at]) == lower((unsigned char)*shapes_known[i].head))
			found = look_shape(&shapes_known[i], s, text, at, last, hit);
	return found;
}

/* Over what a private key's block holds: its lines, headers, its end. Back to text at
 * the first byte that cannot be of one. *mark: where its last line begins. */
static size_t block_pass(struct redaction *s, struct bytes text, size_t at, bool last, size_t *mark)
{
	for (; at < text.n; at++) {
		unsigned char c = text.p[at];
		size_t close;
		enum look end = c == '-' ? literal_at(text, at, "-----", false, last) : NOTHING;

		if (c == '-' && end == NOTHING)
			continue;
		if (in(PEM, c) || ((c == ' ' || c == '\t') && !is_alnum(byte_before(s, text, at, 1))))
			continue;
		if (end == FOUND)
			end = literal_at(text, at, "-----END ", false, last);
		if (end == WAIT)
			return at;
		s->inside = NONE;
		close = at + 9;
		if (end == FOUND)
			end = block_begins(text, &close, last);
		if (end == WAIT)
			s->inside = PEM;
		*mark = at;
		return end == FOUND ? close : at;
	}
	return at;
}

/* A value that begins in what is masked, [*at, *to), is masked to its own end. WAIT: *at
 * is where one may begin. */
static enum look stretch(const struct redactor *r, struct bytes text, size_t *at, size_t *to, bool last)
{
	struct hit inner;

	for (; r->patterns > 0; ++*at) {
		bool cuts = *to + 3 < text.n;
		struct bytes upto = { text.p, cuts ? *to + 3 : text.n };
		enum look found;

		*at = gate_find(r, upto, *at, cuts || last);
		if (*at >= *to)
			break;
		found = look_value(r, text, *at, last, &inner);
		if (found == WAIT)
			return WAIT;
		if (found == FOUND && inner.to > *to)
			*to = inner.to;
	}
	return FOUND;
}

/* Over what is masked already: what is owed, and what goes on behind it. No step
 * forward: the rest waits. */
static size_t mask_pass(const struct redactor *r, struct redaction *s, struct bytes text, size_t at, bool last)
{
	int was = s->inside;
	size_t owed = at + s->owed, mark = text.n, to = owed < text.n ? owed : text.n, end;

	if (owed <= text.n && was == PEM) {
		to = block_pass(s, text, to, last, &mark);
	} else if (owed <= text.n) {
		to += span(text, to, (enum set)was, text.n);
		if (to < text.n)
			s->inside = NONE;
	}
	end = to;
	if (stretch(r, text, &at, &end, last) == WAIT) {
		at = at < mark ? at : mark; /* a block's last line is read as a whole */
		s->inside = was;
	} else {
		at = end;
		if (end > to)
			s->inside = was;
	}
	if (end > to)
		owed = end;
	s->owed = owed > at ? owed - at : 0;
	return at;
}

size_t redact(const struct redactor *r, struct redaction *s, struct bytes text, bool last,
    struct buf *out)
{
	size_t done = 0, at = 0;
	struct hit hit;

	while (at < text.n) {
		enum look found = NOTHING;

		if (s->inside || s->owed) {
			done = mask_pass(r, s, text, at, last);
			if (done == at && (s->inside || s->owed))
				break;
			at = done;
			continue;
		}
		at = gate_find(r, text, at, last);
		if (at < text.n)
			found = look(r, s, text, at, done, last, &hit);
		if (found == NOTHING) {
			at += at < text.n;
			continue;
		}
		at = hit.from;
		if (found == WAIT)
			break;
		buf_add(out, text.p + done, at - done);
		buf_text(out, "[REDACTED ");
		buf_text(out, hit.kind);
		buf_byte(out, ']');
		done = ++at;
		s->owed = hit.to - at;
		s->inside = hit.inside;
		s->masks++;
	}
	if (!s->inside && !s->owed) { /* what may be an address, should an @ follow */
		size_t least = at > done + LOCAL_MAX ? at - LOCAL_MAX : done;

		while (!last && r->shapes && at > least && in(LOCAL, text.p[at - 1]))
			at--;
		buf_add(out, text.p + done, at - done);
		done = at;
	}
	for (size_t i = done < 3 ? 0 : done - 3; i < done; i++) {
		memmove(s->past, s->past + 1, 2);
		s->past[2] = text.p[i];
	}
	return done;
}

/* The first thing to be masked in a whole text. */
static bool first(const struct redactor *r, struct bytes text, bool emails, struct hit *hit)
{
	static const struct redaction fresh;

	for (size_t at = 0; (at = gate_find(r, text, at, true)) < text.n; at++)
		if ((emails || text.p[at] != '@') && look(r, &fresh, text, at, 0, true, hit) == FOUND)
			return true;
	return false;
}

struct bytes redact_text(const struct redactor *r, struct arena *a, struct bytes text,
    uint64_t *masks)
{
	struct redaction s = { 0 };
	struct buf out = { 0 };
	struct hit hit;

	if (!first(r, text, true, &hit))
		return text;
	redact(r, &s, text, true, &out);
	text = (struct bytes){ (unsigned char *)arena_text(a, buf_bytes(&out)), out.n };
	buf_free(&out);
	*masks += s.masks;
	return text;
}

const char *redact_finds(const struct redactor *r, struct bytes text, bool emails)
{
	struct hit hit;

	return first(r, text, emails, &hit) ? hit.kind : NULL;
}
