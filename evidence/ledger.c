/*
 * ledger.c - ledger.jsonl as stored evidence: counted in run.json, counted again
 * from the file. The broker wrote it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "evidence/evidence.h"

#define LEDGER_FILE_MAX (16u << 20) /* LEDGER_LINES of them, each with all its text */
#define LEDGER_LINE_MAX 8192

/* One line: an object that names a call. */
static bool is_line(struct arena *scratch, struct bytes line)
{
	struct json j;
	char error[200];
	int64_t number;

	return line.n <= LEDGER_LINE_MAX && json_parse(scratch, line, &j, error) == 0 &&
	    json_kind(&j, json_get(&j, 0, "call")) == JSON_STRING &&
	    json_integer(&j, json_get(&j, 0, "number"), &number);
}

int ledger_count(struct bytes text, uint64_t *lines)
{
	struct arena scratch = { 0 };
	bool good = true;

	for (*lines = 0; good && text.n > 0; ++*lines) {
		const unsigned char *end = memchr(text.p, '\n', text.n);
		size_t n = end ? (size_t)(end - text.p) : 0;

		good = end && is_line(&scratch, (struct bytes){ text.p, n });
		arena_reset(&scratch);
		if (good)
			text = (struct bytes){ text.p + n + 1, text.n - n - 1 };
	}
	arena_free(&scratch);
	return good ? 0 : -1;
}

int ledger_recover(int fd, struct denials *d)
{
	struct arena file = { 0 };
	struct bytes text;
	int rc = fd_read(&file, fd, LEDGER_FILE_MAX, &text);

	if (rc == 0) {
		while (text.n > 0 && text.p[text.n - 1] != '\n')
			text.n--;
		rc = ftruncate(fd, (off_t)text.n);
		if (ledger_count(text, &d->sent) != 0)
			d->sent = 0;
	}
	arena_free(&file);
	return rc;
}

void ledger_summary(struct json_out *o, const struct denials *d)
{
	json_name(o, "ledger");
	if (d == NULL) {
		json_null(o);
		return;
	}
	json_open(o, '{');
	json_member_bool(o, "heard", d->heard);
	json_member_number(o, "refused", (int64_t)d->refused);
	json_member_number(o, "recorded", (int64_t)d->sent);
	json_name(o, "by_call");
	json_open(o, '{');
	for (int nr = 0; nr < LEDGER_CALLS; nr++) {
		const char *name = nr == LEDGER_CALLS - 1 ? NULL : call_name(nr);

		if (d->by_call[nr] == 0)
			continue;
		if (name)
			json_member_number(o, name, d->by_call[nr]);
		else
			json_member_number(o, "unknown", d->by_call[nr]);
	}
	json_close(o, '}');
	json_close(o, '}');
}
