/*
 * report.c - findings on their way out: as requests to the broker, or without
 * one on stdout. All that a plugin needs to know of the protocol is here.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "secretscan.h"

#define RENEW_SECONDS 25     /* tokens live 60 s; new well before */
#define ANSWERS 3            /* descriptors of the broker protocol */
#define REQUESTS 4

struct count count;

/* ---- JSON text --------------------------------------------------------------- */

static void put(struct text *t, const char *s, size_t n)
{
	if (n > sizeof(t->p) - 1 - t->n)
		n = sizeof(t->p) - 1 - t->n;
	memcpy(t->p + t->n, s, n);
	t->p[t->n += n] = '\0';
}

__attribute__((format(printf, 2, 3)))
static void put_format(struct text *t, const char *format, ...)
{
	char line[2048];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	put(t, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* Length of the UTF-8 character at s, 0 if there is none. */
static size_t utf8(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 :
	    (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void put_string(struct text *t, const char *s)
{
	put(t, "\"", 1);
	for (const unsigned char *c = (const unsigned char *)s; *c;) {
		size_t n = utf8(c);
		if (n == 0)
			put(t, "\\ufffd", 6);
		else if (*c < 0x20 || *c == '"' || *c == '\\')
			put_format(t, "\\u%04x", *c);
		else
			put(t, (const char *)c, n);
		c += n ? n : 1;
	}
	put(t, "\"", 1);
}

/* ---- the broker: one request, one answer, a line each --------------------------- */

static char token[1100];
static time_t renewed;
static unsigned serial;

static time_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

static bool send_line(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(REQUESTS, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

static bool receive_line(char *line, size_t max)
{
	for (size_t n = 0; n + 1 < max; n++) {
		ssize_t k = read(ANSWERS, line + n, 1);
		if (k < 0 && errno == EINTR) {
			n--;
			continue;
		}
		if (k <= 0)
			return false;
		if (line[n] == '\n') {
			line[n] = '\0';
			return true;
		}
	}
	return false;
}

/* more: further members of params, each with its comma in front. */
static bool call(const char *method, const char *more, char *answer, size_t max)
{
	static struct text t;
	t.n = 0;
	put_format(&t, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":{\"token\":\"%s\"",
	    ++serial, method, token);
	put(&t, more, strlen(more));
	put(&t, "}}\n", 3);
	return send_line(t.p, t.n) && receive_line(answer, max) &&
	    strstr(answer, "\"result\"") != NULL;
}

void renew(void)
{
	static char answer[4096];
	if (!token[0] || now() - renewed < RENEW_SECONDS)
		return;
	renewed = now();
	if (!call("token.issue", "", answer, sizeof(answer)))
		return;
	char *s = strstr(answer, "\"token\":\""), *end = NULL;
	if (s)
		end = strchr(s += 9, '"');
	if (end && (size_t)(end - s) < sizeof(token)) {
		memcpy(token, s, (size_t)(end - s));
		token[end - s] = '\0';
	}
}

/* In the jail there is a token, and so a broker. */
void report_start(void)
{
	const char *t = getenv("OXG_CAPABILITY_TOKEN");
	if (t && strlen(t) < sizeof(token))
		strcpy(token, t);
	renewed = now();
}

/* ---- findings -------------------------------------------------------------------- */

/* First four ... last four; of a short secret that would be too much. */
static void redact(char out[16], struct line secret)
{
	const char *s = (const char *)secret.p;
	if (secret.n < 16)
		snprintf(out, 16, "%.1s...", s);
	else
		snprintf(out, 16, "%.4s...%.4s", s, s + secret.n - 4);
}

static void emit(const char *member[][2], size_t members, const struct place *at)
{
	static struct text f, more;
	static char answer[4096];
	f.n = more.n = 0;
	for (size_t i = 0; i < members; i++) {
		put_format(&f, "%s\"%s\":", i ? "," : "{", member[i][0]);
		put_string(&f, member[i][1]);
	}
	if (at) {
		put_format(&f, ",\"meta\":{\"file\":");
		put_string(&f, at->path);
		put_format(&f, ",\"line\":\"%lu\"}", at->line);
	}
	put(&f, "}", 1);
	if (!token[0]) {
		puts(f.p);
		return;
	}
	put(&more, ",\"finding\":", 11);
	put(&more, f.p, f.n);
	renew();
	if (call("finding.emit", more.p, answer, sizeof(answer)))
		return;
	fprintf(stderr, "secretscan: a finding was not accepted: %s\n", answer);
	count.lost++;
}

void report(const struct place *at, const char *type, const char *severity,
    const char *message, struct line secret)
{
	static char target[4200];
	char evidence[16];
	redact(evidence, secret);
	snprintf(target, sizeof(target), "%s:%lu", at->path, at->line);
	const char *member[][2] = { { "type", type }, { "message", message },
		{ "target", target }, { "evidence", evidence }, { "severity", severity } };
	count.findings++;
	emit(member, sizeof(member) / sizeof(*member), at);
}

/* Whoever reads "no findings" must know of what. */
void report_skipped(const char *first)
{
	char message[96];
	snprintf(message, sizeof(message), "not everything was scanned: %lu skipped, this one first",
	    count.skipped);
	const char *member[][2] = { { "type", "scan.incomplete" }, { "message", message },
		{ "target", first }, { "severity", "info" } };
	emit(member, sizeof(member) / sizeof(*member), NULL);
}

