/*
 * stream.c - the plugin's outputs: bytes into a log file, bytes into lines. Runs
 * in the broker, on hostile bytes; nothing here grows beyond a ceiling.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "broker/broker.h"

#define CHUNK (64u << 10) /* what a pipe holds */

/* ---- a log file -------------------------------------------------------------- */

static int keep(struct stream *s, struct bytes b)
{
	uint64_t room = s->limit - s->tally.kept;

	if (b.n > room) {
		b.n = (size_t)room;
		s->truncated = true;
	}
	if (write_all(s->file, b.p, b.n) < 0)
		return -1;
	s->tally.kept += b.n;
	return 0;
}

/* Writes what cannot be the beginning of a secret that goes on. */
static int settle(struct stream *s, const struct redactor *r, bool last)
{
	int rc = 0;

	if (!s->truncated) {
		s->masked.n = 0;
		buf_drop(&s->held, redact(r, &s->redaction, buf_bytes(&s->held), last, &s->masked));
		rc = keep(s, buf_bytes(&s->masked));
	}
	if (s->truncated || last)
		s->held.n = 0;
	return rc;
}

int stream_finish(struct stream *s, const struct redactor *r)
{
	return settle(s, r, true);
}

enum stream_state stream_read(struct stream *s, const struct redactor *r, struct bytes *fresh)
{
	static unsigned char chunk[CHUNK];
	ssize_t n = read(s->in, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return STREAM_WAIT;
	if (n <= 0) {
		close(s->in);
		s->in = -1;
		return stream_finish(s, r) < 0 ? STREAM_LOST : STREAM_END;
	}
	*fresh = (struct bytes){ chunk, (size_t)n };
	s->tally.seen += (uint64_t)n;
	if (!s->truncated) {
		buf_add(&s->held, chunk, (size_t)n);
		if (settle(s, r, false) < 0)
			return STREAM_LOST;
	}
	return STREAM_DATA;
}

/* ---- lines --------------------------------------------------------------------- */

void lines_add(struct lines *l, struct bytes b)
{
	buf_drop(&l->held, l->start);
	l->start = 0;
	buf_add(&l->held, b.p, b.n);
}

/* Everything up to and with the newline at end is done with. */
static void pass(struct lines *l, const unsigned char *end)
{
	l->start = (size_t)(end - l->held.p) + 1;
	l->scanned = 0;
}

static void pass_all(struct lines *l)
{
	l->start = l->held.n;
	l->scanned = 0;
}

enum line_kind lines_take(struct lines *l, struct bytes *line)
{
	while (l->start < l->held.n) {
		size_t from = l->start + l->scanned, n = l->held.n - l->start;
		const unsigned char *first = l->held.p + l->start, *end;

		end = memchr(l->held.p + from, '\n', l->held.n - from);
		if (l->skipping) {
			if (!end) {
				pass_all(l);
				return LINE_NONE;
			}
			l->skipping = false;
			pass(l, end);
			continue;
		}
		if (end)
			n = (size_t)(end - first);
		if (n <= l->max && !end) {
			l->scanned = n;
			return LINE_NONE;
		}
		l->number++;
		if (end) {
			pass(l, end);
		} else {
			pass_all(l);
			l->skipping = true;
		}
		*line = (struct bytes){ first, n };
		return n > l->max ? LINE_LONG : LINE_WHOLE;
	}
	return LINE_NONE;
}

bool lines_half(const struct lines *l)
{
	return !l->skipping && l->start < l->held.n;
}
