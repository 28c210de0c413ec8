/*
 * lines.c - bytes into lines, as they come. Runs in whatever process reads from
 * somebody it does not trust; nothing here grows beyond a ceiling.
 */
#include <string.h>

#include "lib/lines.h"

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
