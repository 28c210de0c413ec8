/*
 * htmlledger.c - the ledger inside a page: how often which call was refused, and
 * the first of them with what they asked for; and the trace of --audit likewise. Runs
 * in the supervisor and in the commands that render reports.
 */
#include <string.h>

#include "evidence/evidence.h"

#define SHOWN 100 /* calls; the file has the rest */

static void put_counts(struct buf *to, const struct json *run, int object, const char *all,
    const char *each)
{
	int name = json_first(run, json_get(run, object, each));
	const char *between = "";

	buf_text(to, "<p>");
	html_value(to, run, json_get(run, object, all));
	buf_printf(to, " %s: ", all);
	for (int i = 0; name >= 0 && i < HTML_ROWS; name = json_next(run, name), i++) {
		buf_text(to, between);
		html_text(to, json_raw(run, name), HTML_WORD, true);
		buf_text(to, " ");
		html_value(to, run, json_value(run, name));
		between = ", ";
	}
	buf_text(to, "</p>\n");
}

static void put_args(struct buf *to, const struct json *j, int args)
{
	const char *between = "";

	for (int name = json_first(j, args); name >= 0; name = json_next(j, name)) {
		buf_printf(to, "%s<span class=\"note\">", between);
		html_text(to, json_raw(j, name), HTML_WORD, true);
		buf_text(to, "</span> ");
		html_value(to, j, json_value(j, name));
		between = "<br>";
	}
}

static void put_call(struct arena *scratch, struct buf *to, struct bytes line)
{
	struct json j;
	char error[200];

	if (json_parse(scratch, line, &j, error) < 0)
		return;
	buf_text(to, "<tr><th scope=\"row\" class=\"name\">");
	html_value(to, &j, json_get(&j, 0, "call"));
	buf_text(to, "</th><td class=\"result\">");
	html_value(to, &j, json_get(&j, 0, "pid"));
	buf_text(to, "</td><td>");
	if (json_kind(&j, json_get(&j, 0, "args")) == JSON_OBJECT)
		put_args(to, &j, json_get(&j, 0, "args"));
	buf_text(to, "</td></tr>\n");
}

static const char calls_open[] =
    "<table class=\"checks\"><thead><tr><th scope=\"col\" class=\"name\">Call</th>"
    "<th scope=\"col\" class=\"result\">Process</th><th scope=\"col\">Asked for</th></tr>"
    "</thead><tbody>\n";
static const char calls_close[] = "</tbody></table>\n";

/* In a stored text the quotes are escaped, so this is a member or nothing. */
static bool is_read(struct bytes line)
{
	static const char member[] = "\"action\":\"read\"";

	return memmem(line.p, line.n, member, sizeof(member) - 1) != NULL;
}

enum which { ALL, READS, OTHERS };

/* As many as may still be shown; true: that was all of them. */
static bool put_calls(struct buf *to, struct bytes text, enum which which, int *room)
{
	struct arena scratch = { 0 };
	bool all = true;

	while (all && text.n > 0) {
		const unsigned char *end = memchr(text.p, '\n', text.n);
		size_t n = end != NULL ? (size_t)(end - text.p) : text.n;
		struct bytes line = { text.p, n };

		n += end != NULL;
		text = (struct bytes){ text.p + n, text.n - n };
		if (which != ALL && is_read(line) != (which == READS))
			continue;
		all = *room > 0;
		if (all) {
			put_call(&scratch, to, line);
			arena_reset(&scratch);
			--*room;
		}
	}
	arena_free(&scratch);
	return all;
}

void html_ledger(struct buf *to, const struct json *run, struct bytes text)
{
	int ledger = json_get(run, 0, "ledger"), room = SHOWN;
	bool all;

	if (json_kind(run, json_get(run, ledger, "heard")) != JSON_TRUE)
		buf_text(to, "<p class=\"box block\">Here the kernel could not tell what it "
		    "refused: it was refused in silence.</p>\n");
	else if (text.n == 0)
		buf_text(to, "<p>The kernel refused nothing.</p>\n");
	if (text.n == 0)
		return;
	put_counts(to, run, ledger, "refused", "by_call");
	buf_text(to, calls_open);
	all = put_calls(to, text, ALL, &room);
	buf_text(to, calls_close);
	if (!all)
		buf_text(to, "<p>ledger.jsonl has the rest.</p>\n");
}

void html_audit(struct buf *to, const struct json *run, struct bytes text)
{
	int audit = json_get(run, 0, "audit"), room = SHOWN;
	bool all;

	put_counts(to, run, audit, "allowed", "by_action");
	if (text.n == 0)
		return;
	buf_text(to, calls_open);
	all = put_calls(to, text, OTHERS, &room);
	all = put_calls(to, text, READS, &room) && all;
	buf_text(to, calls_close);
	buf_text(to, all ? "<p>What is only read stands last. Allowed is not succeeded.</p>\n" :
	    "<p>What is only read stands last; audit.jsonl has the rest. Allowed is not "
	    "succeeded.</p>\n");
}
