/*
 * project.c - `oxg broker fs`: the operator's tree from a shell. Runs inside the jail as
 * part of the plugin (jail/client.c), trusted with nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "jail/jail.h"

static void member(struct buf *members, const char *name, struct bytes s)
{
	buf_printf(members, "%s\"%s\":", members->n > 0 ? "," : "", name);
	json_quote(members, s);
}

/* One a line. */
int verb_fs_list(struct client *c, struct client_words *w)
{
	struct buf members = { 0 }, last = { 0 };
	struct json answer;
	int result, more;

	client_words_end(w, w->n == 1 ? 1 : 0, "this verb wants one path");
	do {
		struct arena scratch = { 0 };
		int list;

		members.n = 0;
		member(&members, "path", bytes_of(w->n == 1 ? w->word[0] : "."));
		if (last.n > 0)
			member(&members, "after", buf_bytes(&last));
		result = client_ask(c, "fs.list", buf_bytes(&members), &answer);
		if (result < 0)
			return 1;
		list = json_get(&answer, result, "entries");
		for (int v = json_first(&answer, list); v >= 0; v = json_next(&answer, v)) {
			struct bytes name = json_string(&scratch, &answer, json_get(&answer, v, "name"));

			last.n = 0;
			buf_add(&last, name.p, name.n);
			client_print(&answer, v);
		}
		more = json_get(&answer, result, "more");
		arena_free(&scratch);
	} while (json_kind(&answer, more) == JSON_TRUE && last.n > 0);
	buf_free(&members);
	buf_free(&last);
	return 0;
}

/* A piece's bytes behind out; how many. */
static size_t piece_take(const struct json *answer, int result, struct buf *out)
{
	int text = json_get(answer, result, "text");
	struct arena scratch = { 0 };
	struct bytes s = json_string(&scratch, answer, text >= 0 ? text : json_get(answer, result, "base64"));
	size_t before = out->n;

	if (text >= 0)
		buf_add(out, s.p, s.n);
	else if (!base64_decode(out, s))
		die(1, "fs.read: the broker's answer is no base64");
	arena_free(&scratch);
	return out->n - before;
}

int verb_fs_read(struct client *c, struct client_words *w)
{
	struct buf members = { 0 }, piece = { 0 };
	unsigned long long offset = 0;
	struct json answer;
	int result, eof;
	size_t n;

	client_words_end(w, 1, "this verb wants one path");
	do {
		members.n = piece.n = 0;
		member(&members, "path", bytes_of(w->word[0]));
		buf_printf(&members, ",\"offset\":%llu", offset);
		result = client_ask(c, "fs.read", buf_bytes(&members), &answer);
		if (result < 0)
			return 1;
		eof = json_get(&answer, result, "eof");
		n = piece_take(&answer, result, &piece);
		if (n > 0 && write_all(1, piece.p, n) != 0)
			die(1, "cannot write to stdout: %s", strerror(errno));
		offset += n;
	} while (json_kind(&answer, eof) == JSON_FALSE && n > 0);
	buf_free(&members);
	buf_free(&piece);
	return 0;
}

int verb_fs_write(struct client *c, struct client_words *w)
{
	const char *executable = client_option(w, "executable");
	struct client_file f = { "fs.write", "path", NULL, "" };

	client_words_end(w, 2, "fs write wants a path, and a file or -");
	if (executable != NULL && strcmp(executable, "yes") != 0 && strcmp(executable, "no") != 0)
		die(2, "--executable %s: give yes or no", executable);
	if (executable != NULL)
		f.others = *executable == 'y' ? ",\"executable\":true" : ",\"executable\":false";
	f.name = w->word[0];
	return client_hand_over(c, &f, w->word[1]);
}

int verb_fs_delete(struct client *c, struct client_words *w)
{
	struct buf members = { 0 };
	struct json answer;
	int result;

	client_words_end(w, 1, "this verb wants one path");
	member(&members, "path", bytes_of(w->word[0]));
	result = client_ask(c, "fs.delete", buf_bytes(&members), &answer);
	buf_free(&members);
	if (result < 0)
		return 1;
	client_print(&answer, result);
	return 0;
}
