/*
 * client.c - `oxg broker`: a shell's words turned into requests. Runs inside the
 * jail as part of the plugin: it is trusted with nothing, and holds no more
 * than the plugin's own token.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "jail/jail.h"

#define ANSWER_MAX JSON_BYTES
#define REQUEST_MAX (1u << 20) /* the broker takes no longer line */
#define CHUNK (64u << 10)

/* A token as its bearer can read it. */
struct badge {
	const char *text;
	int64_t issued, expires;   /* ms since boot */
	struct bytes plugin, run, caps;
};

struct client {
	struct arena arena;
	struct arena scratch;      /* of one request and its answer */
	int in, out;               /* answers, requests */
	const char *directory;     /* of the lock and the renewed token */
	struct badge badge;
	bool renews;               /* an old token is renewed before it is used */
	struct buf heard;          /* read from in */
	size_t taken, scanned;     /* of heard: given out; without a newline */
};

static const char usage[] =
    "usage: oxg broker [--fd-in N] [--fd-out N] VERB\n"
    "  task pull [--out FILE]\n"
    "  finding emit --file FILE|-\n"
    "  finding emit --type T --severity S --message M [--target T] [--evidence E]\n"
    "  log [--level debug|info|warn|error] MESSAGE\n"
    "  secret NAME\n"
    "  artifact put NAME [FILE|-]   without FILE, the file of that name\n"
    "  artifact list\n"
    "  fs list [DIR]\n"
    "  fs read PATH\n"
    "  fs write PATH FILE|- [--executable yes|no]\n"
    "  fs delete PATH\n"
    "  token renew\n"
    "  call METHOD [PARAMS]\n"
    "Asks the broker of this run; works inside the jail only.\n";

static _Noreturn void wrong_usage(const char *what)
{
	warn("%s", what);
	fputs(usage, stderr);
	exit(STATUS_USAGE);
}

/* ---- words ---------------------------------------------------------------------- */

static void words_drop(struct client_words *w, int i, int count)
{
	w->n -= count;
	for (; i < w->n; i++)
		w->word[i] = w->word[i + count];
}

/* Takes "--name V" or "--name=V" out; NULL when it is not there. */
const char *client_option(struct client_words *w, const char *name)
{
	size_t n = strlen(name);

	for (int i = 0; i < w->n && strcmp(w->word[i], "--") != 0; i++) {
		const char *word = w->word[i], *value;

		if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, n) != 0)
			continue;
		if (word[2 + n] == '=') {
			words_drop(w, i, 1);
			return word + 3 + n;
		}
		if (word[2 + n] != '\0')
			continue;
		if (i + 1 == w->n)
			wrong_usage("the last option lacks its value");
		value = w->word[i + 1];
		words_drop(w, i, 2);
		return value;
	}
	return NULL;
}

void client_words_end(struct client_words *w, int count, const char *what)
{
	for (int i = 0; i < w->n; i++) {
		if (strcmp(w->word[i], "--") == 0) {
			words_drop(w, i, 1);
			break;
		}
		if (strncmp(w->word[i], "--", 2) == 0)
			wrong_usage("this verb has no such option");
	}
	if (w->n != count)
		wrong_usage(what);
}

/* A shell can expand neither 0XGEN_X nor a name it was not given: three spellings. */
static const char *environment(const char *name)
{
	static const char *const prefixes[] = { "OXG_", "OXGEN_", "0XGEN_" };
	char whole[64];

	for (size_t i = 0; i < COUNT(prefixes); i++) {
		const char *value;

		snprintf(whole, sizeof(whole), "%s%s", prefixes[i], name);
		value = getenv(whole);
		if (value && *value)
			return value;
	}
	return NULL;
}

static int descriptor(const char *word, const char *name)
{
	uint64_t fd;

	if (!word)
		word = environment(name);
	if (!word)
		die(1, "OXG_%s is not set: this works inside the jail only", name);
	if (!number_parse(bytes_of(word), 0, 65535, &fd))
		wrong_usage("a descriptor is no number");
	return (int)fd;
}

/* ---- the token -------------------------------------------------------------------- */

static bool badge_read(struct arena *a, const char *text, struct badge *out)
{
	struct buf payload = { 0 };
	const char *dot = text ? strchr(text, '.') : NULL;
	struct json j;
	char error[200];
	bool good;

	if (!dot || !base64url_decode(&payload,
	    (struct bytes){ (const unsigned char *)text, (size_t)(dot - text) }))
		return false;
	good = json_parse(a, (struct bytes){ (unsigned char *)arena_text(a, buf_bytes(&payload)),
	    payload.n }, &j, error) == 0 &&
	    json_integer(&j, json_get(&j, 0, "iat"), &out->issued) &&
	    json_integer(&j, json_get(&j, 0, "exp"), &out->expires);
	buf_free(&payload);
	if (!good)
		return false;
	out->text = text;
	out->plugin = json_raw(&j, json_get(&j, 0, "plugin"));
	out->run = json_raw(&j, json_get(&j, 0, "run"));
	out->caps = json_raw(&j, json_get(&j, 0, "caps"));
	return true;
}

static const char *path_of(struct client *c, const char *name)
{
	return arena_printf(&c->arena, "%s/%s", c->directory, name);
}

/* A process cannot change its parent's environment: what was renewed lies here. */
static const char *stored_token(struct client *c)
{
	int fd = open(path_of(c, ".oxg-token"), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[TOKEN_MAX];
	int n;

	if (fd < 0)
		return NULL;
	n = read_full(fd, text, sizeof(text) - 1);
	close(fd);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	return n > 0 ? arena_text(&c->arena, (struct bytes){ (unsigned char *)text, (size_t)n }) : NULL;
}

static void store_token(struct client *c, const char *text)
{
	const char *path = path_of(c, ".oxg-token");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0 || write_all(fd, text, strlen(text)) < 0 || write_all(fd, "\n", 1) < 0)
		warn("cannot keep the renewed token in %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The stored one when it is newer and carries the same: a child that was handed
 * a lesser token must not find itself with the greater one. */
static void token_choose(struct client *c)
{
	struct badge stored, *chosen = &c->badge;

	if (!badge_read(&c->arena, environment("CAPABILITY_TOKEN"), chosen))
		die(1, "OXG_CAPABILITY_TOKEN is not set or is no token: this works inside the jail only");
	if (badge_read(&c->arena, stored_token(c), &stored) &&
	    stored.expires > chosen->expires && bytes_equal(stored.caps, chosen->caps) &&
	    bytes_equal(stored.plugin, chosen->plugin) && bytes_equal(stored.run, chosen->run))
		*chosen = stored;
}

/* ---- one request, one answer --------------------------------------------------------- */

/* True: worth another try. A runtime may have made the pipe non-blocking. */
static bool try_again(int fd, short events)
{
	if (errno == EINTR)
		return true;
	return errno == EAGAIN && poll(&(struct pollfd){ fd, events, 0 }, 1, -1) >= 0;
}

static void hear(struct client *c)
{
	static unsigned char chunk[CHUNK];
	ssize_t n;

	do
		n = read(c->in, chunk, sizeof(chunk));
	while (n < 0 && try_again(c->in, POLLIN));
	if (n <= 0 || c->heard.n > ANSWER_MAX)
		die(1, "the broker does not answer: %s", n < 0 ? strerror(errno) :
		    n == 0 ? "it is gone" : "its line has no end");
	buf_add(&c->heard, chunk, (size_t)n);
}

/* The next line of the answers, without its newline; lives until the next call. */
static struct bytes line_read(struct client *c)
{
	const unsigned char *end;

	buf_drop(&c->heard, c->taken);
	c->taken = c->scanned = 0;
	while (c->scanned == c->heard.n || !(end = memchr(c->heard.p + c->scanned, '\n',
	    c->heard.n - c->scanned))) {
		c->scanned = c->heard.n;
		hear(c);
	}
	c->taken = (size_t)(end - c->heard.p) + 1;
	return (struct bytes){ c->heard.p, c->taken - 1 };
}

/* The empty line in front ends what a caller that was killed left half-written. */
static void request_write(struct client *c, const char *id, const char *method,
    struct bytes members, struct buf *line)
{
	struct json_out o = json_start(line, false);

	buf_byte(line, '\n');
	json_open(&o, '{');
	json_member(&o, "jsonrpc", "2.0");
	json_member(&o, "id", id);
	json_member(&o, "method", method);
	json_name(&o, "params");
	json_open(&o, '{');
	json_member(&o, "token", c->badge.text);
	if (members.n > 0) {
		buf_byte(line, ',');
		buf_add(line, members.p, members.n);
	}
	json_close(&o, '}');
	json_close(&o, '}');
	buf_byte(line, '\n');
}

static void request_send(struct client *c, struct bytes line)
{
	while (line.n > 0) {
		ssize_t n = write(c->out, line.p, line.n);

		if (n < 0 && !try_again(c->out, POLLOUT))
			die(1, "the broker does not listen: %s", strerror(errno));
		if (n > 0) {
			line.p += n;
			line.n -= (size_t)n;
		}
	}
}

/* What the broker could not even read would be answered to no id. */
static bool request_good(struct client *c, struct bytes line)
{
	struct json j;
	char error[200];

	if (line.n > REQUEST_MAX + 2) {
		warn("the request is longer than 1 MiB; send less at once");
		return false;
	}
	if (json_parse(&c->scratch, line, &j, error) < 0) {
		warn("the request is no JSON: %s", error);
		return false;
	}
	return true;
}

/* Under the lock, one request at a time: any other id is what a caller that was
 * killed left behind. */
static void answer_await(struct client *c, const char *id, struct json *answer)
{
	char error[200];

	do
		if (json_parse(&c->scratch, line_read(c), answer, error) < 0)
			*answer = (struct json){ 0 };
	while (!json_is(answer, json_get(answer, 0, "id"), id));
}

static void say_error(struct client *c, const char *method, const struct json *answer)
{
	int e = json_get(answer, 0, "error");
	struct bytes text = json_string(&c->scratch, answer, json_get(answer, e, "message"));
	int64_t code = 0;

	json_integer(answer, json_get(answer, e, "code"), &code);
	warn("%s: %s (%lld)", method, text.p ? (const char *)text.p : "no answer", (long long)code);
}

/* members is the inside of params but for the token. The value of the result, or
 * -1 with the broker's sentence on stderr (not when quiet). */
static int ask_once(struct client *c, const char *method, struct bytes members, bool quiet,
    struct json *answer)
{
	struct buf line = { 0 };
	char id[48];
	bool good;
	int result;

	arena_reset(&c->scratch);
	*answer = (struct json){ 0 };
	snprintf(id, sizeof(id), "%d-%llu", (int)getpid(), (unsigned long long)monotonic_ns());
	request_write(c, id, method, members, &line);
	good = request_good(c, buf_bytes(&line));
	if (good)
		request_send(c, buf_bytes(&line));
	buf_free(&line);
	if (!good)
		return -1;
	answer_await(c, id, answer);
	result = json_get(answer, 0, "result");
	if (result < 0 && !quiet)
		say_error(c, method, answer);
	return result;
}

/* -1 when the broker refuses. */
static int renew(struct client *c, bool quiet, struct json *answer)
{
	int result = ask_once(c, "token.issue", (struct bytes){ NULL, 0 }, quiet, answer);
	struct bytes text = json_string(&c->arena, answer, json_get(answer, result, "token"));
	struct badge fresh;

	if (result < 0)
		return -1;
	if (!badge_read(&c->arena, (const char *)text.p, &fresh)) {
		warn("token.issue: the answer holds no token");
		return -1;
	}
	c->badge = fresh;
	store_token(c, fresh.text);
	return result;
}

static void renew_in_time(struct client *c)
{
	const struct badge *b = &c->badge;
	struct timespec t;
	struct json answer;
	int64_t now;

	if (clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		return;
	now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	if (b->expires - now < (b->expires - b->issued) / 2 && renew(c, true, &answer) < 0)
		c->renews = false; /* what is asked next says why */
}

int client_ask(struct client *c, const char *method, struct bytes members, struct json *answer)
{
	if (c->renews)
		renew_in_time(c);
	return ask_once(c, method, members, false, answer);
}

/* ---- the verbs ------------------------------------------------------------------------- */

void client_print(const struct json *answer, int result)
{
	struct bytes raw = json_raw(answer, result);

	fwrite(raw.p, 1, raw.n, stdout);
	putchar('\n');
}

static void blank_ends(struct bytes *b)
{
	unsigned char *p = (unsigned char *)b->p;

	for (size_t i = 0; i < b->n; i++)
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->n--;
	while (b->n > 0 && b->p[0] == ' ') {
		b->p++;
		b->n--;
	}
}

/* A file that cannot be written may be the task itself, put there by the jail. */
static int task_put(struct client *c, const char *path, struct bytes task)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), error = errno;
	struct bytes there;

	blank_ends(&task);
	if (fd < 0) {
		if (file_read(&c->arena, AT_FDCWD, path, ANSWER_MAX, &there) == 0) {
			blank_ends(&there);
			if (bytes_equal(there, task))
				return 0;
		}
		errno = error;
	}
	if (fd < 0 || write_all(fd, task.p, task.n) < 0 || write_all(fd, "\n", 1) < 0) {
		warn("cannot write the task to %s: %s", path, strerror(errno));
		return 1;
	}
	return close(fd) < 0;
}

static int verb_task(struct client *c, struct client_words *w)
{
	const char *path = client_option(w, "out");
	struct json answer;
	int result;

	client_words_end(w, 0, "task pull takes no more words");
	result = client_ask(c, "task.pull", (struct bytes){ NULL, 0 }, &answer);
	if (result < 0)
		return 1;
	if (!path) {
		client_print(&answer, result);
		return 0;
	}
	result = json_get(&answer, result, "task");
	if (json_kind(&answer, result) == JSON_NULL) {
		warn("this run was given no task (oxg run --task FILE)");
		return 1;
	}
	return task_put(c, path, json_kind(&answer, result) == JSON_STRING ?
	    json_string(&c->arena, &answer, result) : json_raw(&answer, result));
}

static int emit(struct client *c, struct bytes finding)
{
	struct buf members = { 0 };
	struct json answer;
	int result;

	buf_text(&members, "\"finding\":");
	buf_add(&members, finding.p, finding.n);
	result = client_ask(c, "finding.emit", buf_bytes(&members), &answer);
	buf_free(&members);
	if (result < 0)
		return 1;
	client_print(&answer, result);
	return 0;
}

/* One document, or one finding a line. */
static int emit_all(struct client *c, struct bytes text)
{
	struct json j;
	char error[200];
	int status = 0;

	if (json_parse(&c->scratch, text, &j, error) == 0) {
		blank_ends(&text);
		return emit(c, text);
	}
	for (uint64_t number = 1; text.n > 0; number++) {
		const unsigned char *end = memchr(text.p, '\n', text.n);
		struct bytes line = { text.p, end ? (size_t)(end - text.p) : text.n };

		text.p += line.n + (end != NULL);
		text.n -= line.n + (end != NULL);
		arena_reset(&c->scratch);
		if (json_parse(&c->scratch, line, &j, error) < 0) {
			warn("line %llu is no finding: %s", (unsigned long long)number, error);
			status = 1;
		} else if (emit(c, line) != 0) {
			status = 1;
		}
	}
	return status;
}

static struct bytes slurp(const char *path)
{
	int fd = strcmp(path, "-") == 0 ? 0 : open(path, O_RDONLY | O_CLOEXEC), n = 0;
	static unsigned char chunk[CHUNK];
	struct buf text = { 0 }; /* lives until exit */

	while (fd >= 0 && text.n <= JSON_BYTES && (n = read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	if (fd < 0 || n < 0)
		die(1, "cannot read %s: %s", path, strerror(errno));
	if (text.n > JSON_BYTES)
		die(1, "%s is longer than 16 MiB; send it in pieces", path);
	return buf_bytes(&text);
}

static int verb_finding(struct client *c, struct client_words *w)
{
	static const char *const names[] = { "type", "message", "target", "evidence", "severity" };
	const char *file = client_option(w, "file");
	struct buf finding = { 0 };
	struct json_out o = json_start(&finding, false);
	bool words = false;
	int status;

	json_open(&o, '{');
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *value = client_option(w, names[i]);

		words |= value != NULL;
		json_member(&o, names[i], value);
	}
	json_close(&o, '}');
	client_words_end(w, 0, "finding emit takes options only");
	if (words == (file != NULL))
		wrong_usage("finding emit wants --file, or --type, --severity and --message");
	status = file ? emit_all(c, slurp(file)) : emit(c, buf_bytes(&finding));
	buf_free(&finding);
	return status;
}

static int verb_log(struct client *c, struct client_words *w)
{
	const char *level = client_option(w, "level");
	struct buf members = { 0 };
	struct json answer;
	int result;

	client_words_end(w, 1, "log wants one message, in quotes");
	buf_text(&members, "\"message\":");
	json_quote(&members, bytes_of(w->word[0]));
	if (level) {
		buf_text(&members, ",\"level\":");
		json_quote(&members, bytes_of(level));
	}
	result = client_ask(c, "log", buf_bytes(&members), &answer);
	buf_free(&members);
	if (result < 0)
		return 1;
	client_print(&answer, result);
	return 0;
}

static int verb_secret(struct client *c, struct client_words *w)
{
	struct buf members = { 0 };
	struct bytes value;
	struct json answer;
	int result;

	client_words_end(w, 1, "secret wants one name");
	buf_text(&members, "\"name\":");
	json_quote(&members, bytes_of(w->word[0]));
	result = client_ask(c, "secret.get", buf_bytes(&members), &answer);
	buf_free(&members);
	if (result < 0)
		return 1;
	value = json_string(&c->scratch, &answer, json_get(&answer, result, "value"));
	fwrite(value.p, 1, value.n, stdout);
	putchar('\n');
	return 0;
}

static int verb_token(struct client *c, struct client_words *w)
{
	struct json answer;
	int result;

	client_words_end(w, 0, "token renew takes no more words");
	result = renew(c, false, &answer);
	if (result < 0)
		return 1;
	client_print(&answer, result);
	return 0;
}

static int verb_call(struct client *c, struct client_words *w)
{
	struct bytes members = { NULL, 0 };
	struct json j, answer;
	char error[200];
	int result;

	client_words_end(w, w->n == 1 ? 1 : 2, "call wants a method, and perhaps its params");
	if (w->n == 2) {
		members = bytes_of(w->word[1]);
		if (json_parse(&c->arena, members, &j, error) < 0 || json_kind(&j, 0) != JSON_OBJECT)
			wrong_usage("the params are no JSON object");
		members = json_raw(&j, 0);
		members = (struct bytes){ members.p + 1, members.n - 2 };
		blank_ends(&members);
	}
	result = client_ask(c, w->word[0], members, &answer);
	if (result < 0)
		return 1;
	client_print(&answer, result);
	return 0;
}

static const struct verb {
	const char *first, *second; /* second NULL: one word */
	bool renews;                /* an old token is renewed before */
	int (*run)(struct client *c, struct client_words *w);
} verbs[] = {
	{ "task", "pull", true, verb_task },
	{ "finding", "emit", true, verb_finding },
	{ "log", NULL, true, verb_log },
	{ "secret", NULL, true, verb_secret },
	{ "artifact", "put", true, verb_artifact_put },
	{ "artifact", "list", true, verb_artifact_list },
	{ "fs", "list", true, verb_fs_list },
	{ "fs", "read", true, verb_fs_read },
	{ "fs", "write", true, verb_fs_write },
	{ "fs", "delete", true, verb_fs_delete },
	{ "token", "renew", false, verb_token },
	{ "call", NULL, true, verb_call },
};

static const struct verb *verb_find(struct client_words *w)
{
	for (size_t i = 0; i < COUNT(verbs); i++) {
		const struct verb *v = &verbs[i];
		int count = v->second ? 2 : 1;

		if (w->n < count || strcmp(w->word[0], v->first) != 0 ||
		    (v->second && strcmp(w->word[1], v->second) != 0))
			continue;
		words_drop(w, 0, count);
		return v;
	}
	wrong_usage("there is no such verb");
}

/* Held until exit: concurrent callers must not mix their lines. */
static void lock(struct client *c)
{
	const char *path = path_of(c, ".oxg-broker.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), r = -1;

	if (fd >= 0)
		do
			r = flock(fd, LOCK_EX);
		while (r < 0 && errno == EINTR);
	if (r < 0)
		die(1, "cannot lock %s: %s; remove what lies there", path, strerror(errno));
}

int broker_client(int argc, char **argv)
{
	struct client c = { 0 };
	struct client_words w = { argv + 1, argc - 1 };
	const struct verb *v;
	const char *in, *out, *tmp = getenv("TMPDIR");

	for (int i = 0; i < w.n && strcmp(w.word[i], "--") != 0; i++)
		if (strcmp(w.word[i], "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		}
	in = client_option(&w, "fd-in");
	out = client_option(&w, "fd-out");
	v = verb_find(&w);
	c.in = descriptor(in, "BROKER_IN");
	c.out = descriptor(out, "BROKER_OUT");
	c.directory = tmp && *tmp == '/' ? tmp : "/tmp";
	signal(SIGPIPE, SIG_IGN);
	lock(&c);
	token_choose(&c);
	c.renews = v->renews;
	return v->run(&c, &w);
}
