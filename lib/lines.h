/*
 * lines.h - bytes that come in pieces, taken a line at a time.
 */
#ifndef OXG_LINES_H
#define OXG_LINES_H

#include "lib/lib.h"

/* Lines of at most max bytes; a longer one is told once and skipped unbuffered. */
struct lines {
	size_t max;
	uint64_t number;           /* of the line last taken */
	struct buf held;
	size_t start, scanned;     /* taken; looked at without meeting a newline */
	bool skipping;
};

enum line_kind { LINE_NONE, LINE_WHOLE, LINE_LONG };

void lines_add(struct lines *l, struct bytes b);
/* *line lives until lines_add. */
enum line_kind lines_take(struct lines *l, struct bytes *line);
/* What is left has no newline (and was not told as too long already). */
bool lines_half(const struct lines *l);

#endif
