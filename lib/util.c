/*
 * util.c - failure, memory, words and figures, randomness. Runs in every process;
 * keeps no state but one spare piece of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/lib.h"

#define ARENA_CHUNK (64u << 10)
#define SORT_FEW 2048     /* bytes that need no allocation */
#define SAY_MAX 4096      /* one sentence; longer ones are cut */

/* The oldest chunk stands last, the one in use first. */
struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	unsigned char data[] __attribute__((aligned(16)));
};

/* ---- bytes ---------------------------------------------------------------- */

struct bytes bytes_of(const char *s)
{
	return (struct bytes){ (const unsigned char *)s, s ? strlen(s) : 0 };
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_are(struct bytes a, const char *s)
{
	return bytes_equal(a, bytes_of(s));
}

bool bytes_equal_ct(const void *a, const void *b, size_t n)
{
	const volatile unsigned char *x = a, *y = b;
	unsigned difference = 0;

	for (size_t i = 0; i < n; i++)
		difference |= x[i] ^ y[i];
	return difference == 0;
}

void wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

/* ---- failure --------------------------------------------------------------- */

int refuse(struct why *why, enum refusal code, const char *fmt, ...)
{
	va_list words;

	if (!why || why->code != REFUSAL_NONE)
		return -1;
	why->code = code;
	va_start(words, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, words);
	va_end(words);
	return -1;
}

int refusal_status(enum refusal code)
{
	switch (code) {
#define X(name, status, word) case REFUSE_##name: return status;
	REFUSALS(X)
#undef X
	case REFUSAL_NONE:
		break;
	}
	return 0;
}

const char *refusal_word(enum refusal code)
{
	switch (code) {
#define X(name, status, word) case REFUSE_##name: return word;
	REFUSALS(X)
#undef X
	case REFUSAL_NONE:
		break;
	}
	return "";
}

/* A terminal obeys C0, DEL and C1; what is no UTF-8 may be anything. */
static size_t shown_length(struct bytes s)
{
	size_t n = utf8_length(s);

	if (n == 1 && (s.p[0] < 0x20 || s.p[0] == 0x7f))
		return 0;
	if (n == 2 && s.p[0] == 0xc2 && s.p[1] < 0xa0)
		return 0;
	return n;
}

/* One write(2) a line, so that lines of two processes do not mix. */
PRINTF(1, 0) static void say(const char *fmt, va_list words)
{
	char text[SAY_MAX], line[4 * SAY_MAX + 8] = "oxg: ";
	struct bytes s;
	size_t n = strlen(line);

	vsnprintf(text, sizeof(text), fmt, words);
	for (s = bytes_of(text); s.n > 0;) {
		size_t shown = shown_length(s);

		if (shown) {
			memcpy(line + n, s.p, shown);
			n += shown;
		} else {
			n += (size_t)snprintf(line + n, 5, "\\x%02x", s.p[0]);
			shown = 1;
		}
		s.p += shown;
		s.n -= shown;
	}
	line[n++] = '\n';
	(void)!write_all(STDERR_FILENO, line, n);
}

void die(int status, const char *fmt, ...)
{
	va_list words;

	va_start(words, fmt);
	say(fmt, words);
	va_end(words);
	exit(status);
}

void warn(const char *fmt, ...)
{
	int kept = errno;
	va_list words;

	va_start(words, fmt);
	say(fmt, words);
	va_end(words);
	errno = kept;
}

static _Noreturn void die_memory(void)
{
	die(STATUS_LOST, "no memory left; give the machine more or ask for less");
}

/* ---- arena ------------------------------------------------------------------ */

/* The chunk freed last waits here: arenas come and go by the dozen, and each new
 * chunk would cost two system calls and its page faults. No threads here. */
static struct arena_chunk *chunk_kept;

static struct arena_chunk *chunk_new(size_t n)
{
	struct arena_chunk *c = chunk_kept;
	size_t size = n > ARENA_CHUNK ? n : ARENA_CHUNK;

	if (size > SIZE_MAX - sizeof(*c))
		die_memory();
	if (c && size == ARENA_CHUNK)
		chunk_kept = NULL;
	else
		c = malloc(sizeof(*c) + size);
	if (!c)
		die_memory();
	c->next = NULL;
	c->used = 0;
	c->size = size;
	return c;
}

void *arena_get(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->chunks;
	void *p;

	if (n > SIZE_MAX - 16)
		die_memory();
	n = (n + 15) & ~(size_t)15;
	if (!c || c->size - c->used < n) {
		struct arena_chunk *fresh = chunk_new(n);

		/* A big piece goes behind: the rest of this chunk is still good. */
		if (c && n > ARENA_CHUNK / 2) {
			fresh->next = c->next;
			c->next = fresh;
		} else {
			fresh->next = c;
			a->chunks = fresh;
		}
		c = fresh;
	}
	p = c->data + c->used;
	c->used += n;
	return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		die_memory();
	return arena_get(a, n);
}

char *arena_text(struct arena *a, struct bytes b)
{
	char *s = arena_get(a, b.n + 1);

	if (b.n > 0)
		memcpy(s, b.p, b.n);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list words;
	char *s;
	int n;

	va_start(words, fmt);
	n = vsnprintf(NULL, 0, fmt, words);
	va_end(words);
	if (n < 0)
		die_memory();
	s = arena_get(a, (size_t)n + 1);
	va_start(words, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, words);
	va_end(words);
	return s;
}

static void chunks_free(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		if (!chunk_kept && c->size == ARENA_CHUNK)
			chunk_kept = c;
		else
			free(c);
		c = next;
	}
}

void arena_reset(struct arena *a)
{
	if (!a->chunks)
		return;
	chunks_free(a->chunks->next);
	a->chunks->next = NULL;
	a->chunks->used = 0;
}

void arena_free(struct arena *a)
{
	chunks_free(a->chunks);
	a->chunks = NULL;
}

/* ---- buf -------------------------------------------------------------------- */

static void buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	unsigned char *p;

	if (n > SIZE_MAX / 2 - b->n)
		die_memory();
	while (cap < b->n + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p)
		die_memory();
	b->p = p;
	b->cap = cap;
}

/* Room for n more bytes. */
static inline void buf_room(struct buf *b, size_t n)
{
	if (!b->p || b->cap - b->n < n)
		buf_grow(b, n);
}

/* Most pieces are a few bytes long, and musl's memcpy takes its time to begin. */
static void copy(unsigned char *to, const unsigned char *from, size_t n)
{
	size_t i = 0;

	if (n > 64) {
		memcpy(to, from, n);
		return;
	}
	if (n >= 8) {
		for (; n - i > 8; i += 8)
			memcpy(to + i, from + i, 8);
		memcpy(to + n - 8, from + n - 8, 8);
		return;
	}
	for (; i < n; i++)
		to[i] = from[i];
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	buf_room(b, n);
	copy(b->p + b->n, p, n);
	b->n += n;
}

void buf_reserve(struct buf *b, size_t n)
{
	buf_room(b, n);
}

void buf_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_byte(struct buf *b, unsigned char c)
{
	buf_room(b, 1);
	b->p[b->n++] = c;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list words;
	int n;

	va_start(words, fmt);
	n = vsnprintf(NULL, 0, fmt, words);
	va_end(words);
	if (n < 0)
		die_memory();
	buf_room(b, (size_t)n + 1);
	va_start(words, fmt);
	vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, words);
	va_end(words);
	b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	if (n == 0)
		return;
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){ b->p, b->n };
}

/* ---- sort ------------------------------------------------------------------- */

/* Merges from[0..half) and from[half..n) into to. */
static void merge(unsigned char *to, const unsigned char *from, size_t half,
    size_t n, size_t size, int (*compare)(const void *, const void *))
{
	size_t left = 0, right = half;

	while (left < half || right < n) {
		bool take_left = right >= n || (left < half &&
		    compare(from + left * size, from + right * size) <= 0);
		size_t i = take_left ? left++ : right++;

		memcpy(to, from + i * size, size);
		to += size;
	}
}

void sort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	unsigned char few[SORT_FEW] __attribute__((aligned(16)));
	unsigned char *from = base, *to, *spare;
	size_t whole;

	if (n < 2 || size == 0)
		return;
	if (__builtin_mul_overflow(n, size, &whole))
		die_memory();
	to = spare = whole <= sizeof(few) ? few : malloc(whole);
	if (!spare)
		die_memory();
	for (size_t width = 1; width < n; width *= 2) {
		unsigned char *swap = from;

		for (size_t i = 0; i < n; i += 2 * width) {
			size_t rest = n - i;

			merge(to + i * size, from + i * size,
			    rest < width ? rest : width,
			    rest < 2 * width ? rest : 2 * width, size, compare);
		}
		from = to;
		to = swap;
	}
	if (from == spare)
		memcpy(base, spare, whole);
	if (spare != few)
		free(spare);
}

/* ---- words and figures -------------------------------------------------------- */

bool number_parse(struct bytes s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' ||
		    __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, s.p[i] - '0', &n))
			return false;
	}
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

size_t fields_split(const char *line, struct bytes *field, size_t max)
{
	size_t n = 0;

	while (n < max) {
		size_t length;

		line += strspn(line, " \t");
		length = strcspn(line, " \t\n");
		if (length == 0)
			break;
		field[n++] = (struct bytes){ (const unsigned char *)line, length };
		line += length;
	}
	return n;
}

uint64_t field_number(struct bytes field)
{
	uint64_t n;

	return number_parse(field, 0, UINT64_MAX, &n) ? n : 0;
}

int64_t leading_figure(const char *text)
{
	int64_t n = 0;

	text += strspn(text, " \t\n");
	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9' && n < INT64_MAX / 10; text++)
		n = n * 10 + (*text - '0');
	return n;
}

/* digits and a unit whose weight is given */
static bool figure_parse(struct bytes digits, uint64_t weight, uint64_t *out)
{
	uint64_t n;

	if (!number_parse(digits, 0, UINT64_MAX / weight, &n))
		return false;
	*out = n * weight;
	return true;
}

bool size_parse(struct bytes s, uint64_t *out)
{
	static const char units[] = "KMGT";

	for (unsigned i = 0; s.n > 0 && i < sizeof(units) - 1; i++)
		if (s.p[s.n - 1] == units[i])
			return figure_parse((struct bytes){ s.p, s.n - 1 },
			    UINT64_C(1) << (10 * (i + 1)), out);
	return figure_parse(s, 1, out);
}

bool duration_parse(struct bytes s, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60 * UINT64_C(1000000000) },
		{ "h", 3600 * UINT64_C(1000000000) },
	};
	size_t digits = 0;

	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	for (size_t i = 0; i < COUNT(units); i++)
		if (bytes_are((struct bytes){ s.p + digits, s.n - digits }, units[i].unit))
			return figure_parse((struct bytes){ s.p, digits }, units[i].ns, ns);
	return false;
}

/* n / unit with the digits behind the point that are needed, at the end of out */
static void append_fraction(char out[40], uint64_t n, uint64_t unit, const char *word)
{
	char digits[24] = "";
	size_t at = strlen(out), width = 0;

	for (uint64_t u = unit; u > 1; u /= 10)
		width++;
	if (n % unit)
		snprintf(digits, sizeof(digits), ".%0*llu", (int)width,
		    (unsigned long long)(n % unit));
	for (size_t end = strlen(digits); end > 0 && digits[end - 1] == '0'; end--)
		digits[end - 1] = '\0';
	snprintf(out + at, 40 - at, "%llu%s%s", (unsigned long long)(n / unit),
	    digits, word);
}

const char *duration_go(char out[40], uint64_t ns)
{
	const uint64_t second = 1000000000, minute = 60 * second;

	out[0] = '\0';
	if (ns == 0)
		append_fraction(out, 0, 1, "s");
	else if (ns < 1000)
		append_fraction(out, ns, 1, "ns");
	else if (ns < 1000000)
		append_fraction(out, ns, 1000, "\xc2\xb5s");
	else if (ns < second)
		append_fraction(out, ns, 1000000, "ms");
	else {
		if (ns >= 60 * minute)
			append_fraction(out, ns / minute / 60, 1, "h");
		if (ns >= minute)
			append_fraction(out, ns / minute % 60, 1, "m");
		append_fraction(out, ns % minute, second, "s");
	}
	return out;
}

size_t utf8_length(struct bytes s)
{
	static const struct {
		unsigned char first, last;  /* of the first byte */
		unsigned char low, high;    /* of the second: no overlong, no surrogate */
		unsigned char length;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i = 0;

	if (s.n == 0)
		return 0;
	if (s.p[0] < 0x80)
		return 1;
	while (i < COUNT(forms) && (s.p[0] < forms[i].first || s.p[0] > forms[i].last))
		i++;
	if (i == COUNT(forms) || s.n < forms[i].length ||
	    s.p[1] < forms[i].low || s.p[1] > forms[i].high)
		return 0;
	for (size_t k = 2; k < forms[i].length; k++)
		if ((s.p[k] & 0xc0) != 0x80)
			return 0;
	return forms[i].length;
}

bool utf8_valid(struct bytes s)
{
	while (s.n > 0) {
		size_t n = utf8_length(s);

		if (n == 0)
			return false;
		s.p += n;
		s.n -= n;
	}
	return true;
}

/* ---- randomness ---------------------------------------------------------------------- */

void random_bytes(void *p, size_t n)
{
	unsigned char *to = p;

	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die(STATUS_LOST, "the kernel gives no random bytes");
		to += got;
		n -= (size_t)got;
	}
}
