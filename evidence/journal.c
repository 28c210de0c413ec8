/*
 * journal.c - journal/events.jsonl: what happened, one line an event, each line
 * holding the hash of the one before. Written by the supervisor, then by the
 * broker, then by the supervisor again; verified from stored bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

/* No event comes near it: everything a plugin puts into one has a ceiling. */
#define JOURNAL_LINE_MAX (1u << 20)

void journal_start(struct journal *j, int fd, const struct clock *clock)
{
	memset(j, 0, sizeof(*j));
	j->fd = fd;
	j->clock = *clock;
}

/* ---- writing ------------------------------------------------------------------ */

struct json_out journal_open(struct journal *j, const char *type)
{
	struct json_out o = json_start(&j->pending, false);
	char ts[32];

	json_open(&o, '{');
	json_member_number(&o, "seq", (int64_t)++j->seq);
	json_member(&o, "ts", time_rfc3339(ts, clock_seconds(&j->clock)));
	json_member(&o, "type", type);
	return o;
}

void journal_close(struct journal *j, struct json_out *o)
{
	const struct buf *b = &j->pending;
	size_t start;

	json_member_hex(o, "prev", j->head, sizeof(j->head));
	json_close(o, '}');
	for (start = b->n; start > 0 && b->p[start - 1] != '\n';)
		start--;
	sha256((struct bytes){ b->p + start, b->n - start }, j->head);
	buf_byte(&j->pending, '\n');
}

void journal_event(struct journal *j, const char *type, ...)
{
	struct json_out o = journal_open(j, type);
	const char *name;
	va_list members;

	va_start(members, type);
	while ((name = va_arg(members, const char *)))
		json_member(&o, name, va_arg(members, const char *));
	va_end(members);
	journal_close(j, &o);
}

int journal_flush(struct journal *j)
{
	if (j->error == 0 && j->pending.n > 0 &&
	    write_all(j->fd, j->pending.p, j->pending.n) < 0)
		j->error = errno;
	j->pending.n = 0;
	return j->error ? -1 : 0;
}

/* ---- taking the pen back from a dead broker --------------------------------------- */

/* The pen may only append; reading then needs a descriptor of its own. */
static int reopen(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* seq and head from the last whole line of tail, which ends in a newline. */
static int last_line(struct journal *j, struct bytes tail, bool whole_file)
{
	struct arena scratch = { 0 };
	struct bytes line = { tail.p, tail.n - 1 };
	struct json json;
	char error[200];
	int64_t seq = 0;
	int r = -1;

	for (size_t i = line.n; i > 0; i--)
		if (tail.p[i - 1] == '\n') {
			line = (struct bytes){ tail.p + i, line.n - i };
			whole_file = true;
			break;
		}
	if (whole_file && json_parse(&scratch, line, &json, error) == 0 &&
	    json_integer(&json, json_get(&json, 0, "seq"), &seq) && seq > 0) {
		j->seq = (uint64_t)seq;
		sha256(line, j->head);
		r = 0;
	}
	arena_free(&scratch);
	return r;
}

static int recover(struct journal *j, int fd)
{
	struct arena scratch = { 0 };
	struct stat st;
	unsigned char *tail;
	size_t n, whole;
	int r = 0;

	if (fstat(fd, &st) < 0)
		return -1;
	n = st.st_size < 2 * (off_t)JOURNAL_LINE_MAX ? (size_t)st.st_size : 2 * JOURNAL_LINE_MAX;
	tail = arena_get(&scratch, n + 1);
	if (n > 0 && read_at(fd, tail, n, (uint64_t)st.st_size - n) != (ssize_t)n)
		r = -1;
	for (whole = n; whole > 0 && tail[whole - 1] != '\n';)
		whole--;
	if (r == 0 && whole < n)
		r = ftruncate(j->fd, st.st_size - (off_t)(n - whole));
	if (r == 0 && whole > 0)
		r = last_line(j, (struct bytes){ tail, whole }, (off_t)n == st.st_size);
	else if (r == 0 && (off_t)n < st.st_size)
		r = -1; /* longer than any line of ours, and no newline in it */
	arena_free(&scratch);
	return r;
}

int journal_recover(struct journal *j)
{
	int fd = (fcntl(j->fd, F_GETFL) & O_ACCMODE) == O_WRONLY ? reopen(j->fd) : j->fd;
	int r;

	j->pending.n = 0;
	j->seq = 0;
	memset(j->head, 0, sizeof(j->head));
	if (fd < 0)
		return -1;
	r = recover(j, fd);
	if (fd != j->fd)
		close(fd);
	return r;
}

/* ---- verifying --------------------------------------------------------------------- */

static int bad(struct why *why, uint64_t line, const char *what)
{
	return refuse(why, REFUSE_EVIDENCE, "journal/events.jsonl line %llu: %s",
	    (unsigned long long)line, what);
}

static int line_verify(struct arena *scratch, struct bytes line, uint64_t number,
    const unsigned char head[SHA256_SIZE], struct why *why)
{
	struct json j;
	char error[200], prev[SHA256_HEX];
	int64_t seq;

	if (line.n > JOURNAL_LINE_MAX)
		return bad(why, number, "longer than any event");
	if (json_parse(scratch, line, &j, error) < 0)
		return bad(why, number, error);
	if (json_kind(&j, 0) != JSON_OBJECT)
		return bad(why, number, "not an object");
	if (!json_integer(&j, json_get(&j, 0, "seq"), &seq) || (uint64_t)seq != number)
		return bad(why, number, "its seq is not its number; a line was added or taken away");
	if (json_kind(&j, json_get(&j, 0, "ts")) != JSON_STRING ||
	    json_kind(&j, json_get(&j, 0, "type")) != JSON_STRING)
		return bad(why, number, "has no ts or no type");
	hex_encode(prev, head, SHA256_SIZE);
	if (!json_is(&j, json_get(&j, 0, "prev"), prev))
		return bad(why, number, "its prev is not the hash of the line before; one of the two was changed");
	return 0;
}

int journal_verify(struct bytes lines, uint64_t *events, unsigned char head[SHA256_SIZE],
    struct why *why)
{
	struct arena scratch = { 0 };
	int r = 0;

	*events = 0;
	memset(head, 0, SHA256_SIZE);
	while (r == 0 && lines.n > 0) {
		const unsigned char *end = memchr(lines.p, '\n', lines.n);
		struct bytes line = { lines.p, end ? (size_t)(end - lines.p) : lines.n };

		if (!end) {
			r = bad(why, *events + 1, "ends without a newline; the journal was cut off");
			break;
		}
		r = line_verify(&scratch, line, *events + 1, head, why);
		arena_reset(&scratch);
		if (r == 0) {
			sha256(line, head);
			++*events;
		}
		lines.p = end + 1;
		lines.n -= line.n + 1;
	}
	arena_free(&scratch);
	return r;
}
