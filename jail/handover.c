/*
 * handover.c - `oxg broker artifact`: files that a shell hands over to be kept. Runs
 * inside the jail as part of the plugin (jail/client.c), trusted with nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/jail.h"

#define PIECE 750000u /* as base64, with a name of whatever spelling, less than a request's 1 MiB */

/* A link would hand over what it points to, a pipe or a device may never end. */
static int source_open(const char *path)
{
	struct stat st;
	int fd = strcmp(path, "-") == 0 ? 0 :
	    open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		die(1, "%s is a link; name the file itself", path);
	if (fd < 0)
		die(1, "cannot read %s: %s", path, strerror(errno));
	if (fd > 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
		die(1, "%s is no regular file; only those are handed over", path);
	return fd;
}

static int piece_send(struct client *c, const struct client_file *f, struct bytes piece, uint64_t offset, bool more,
    struct json *answer)
{
	struct buf members = { 0 };
	int result;

	buf_printf(&members, "\"%s\":", f->member);
	json_quote(&members, bytes_of(f->name));
	buf_printf(&members, ",\"offset\":%llu,\"more\":%s%s,\"base64\":\"", (unsigned long long)offset,
	    more ? "true" : "false", f->others);
	base64_encode(&members, piece);
	buf_byte(&members, '"');
	result = client_ask(c, f->method, buf_bytes(&members), answer);
	buf_free(&members);
	return result;
}

int client_hand_over(struct client *c, const struct client_file *f, const char *source)
{
	unsigned char *piece = malloc(PIECE); /* until exit */
	struct json answer;
	uint64_t offset = 0;
	int fd = source_open(source), n, result;

	do {
		n = piece ? read_full(fd, piece, PIECE) : -1;
		if (n < 0)
			die(1, "cannot read %s: %s", source, strerror(errno));
		result = piece_send(c, f, (struct bytes){ piece, (size_t)n }, offset, n == PIECE, &answer);
		offset += (uint64_t)n;
	} while (result >= 0 && n == PIECE);
	if (result < 0)
		return 1;
	client_print(&answer, result);
	return 0;
}

int verb_artifact_put(struct client *c, struct client_words *w)
{
	client_words_end(w, w->n == 2 ? 2 : 1, "artifact put wants a name, and perhaps a file or -");
	return client_hand_over(c, &(struct client_file){ "artifact.put", "name", w->word[0], "" },
	    w->word[w->n - 1]);
}

/* One a line. */
int verb_artifact_list(struct client *c, struct client_words *w)
{
	struct buf members = { 0 };
	struct json answer;
	int result, more;

	client_words_end(w, 0, "artifact list takes no more words");
	do {
		struct bytes last = { NULL, 0 };
		int list;

		result = client_ask(c, "artifact.list", buf_bytes(&members), &answer);
		if (result < 0)
			return 1;
		list = json_get(&answer, result, "artifacts");
		for (int v = json_first(&answer, list); v >= 0; v = json_next(&answer, v)) {
			last = json_raw(&answer, json_get(&answer, v, "name"));
			client_print(&answer, v);
		}
		more = json_get(&answer, result, "more");
		members.n = 0;
		buf_text(&members, "\"after\":\"");
		buf_add(&members, last.p, last.n);
		buf_byte(&members, '"');
		if (last.n == 0)
			break;
	} while (json_kind(&answer, more) == JSON_TRUE);
	buf_free(&members);
	return 0;
}
