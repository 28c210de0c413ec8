/*
 * stream.c - the plugin's outputs: bytes into a log file. Runs in the broker, on
 * hostile bytes; nothing here grows beyond a ceiling.
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
