/*
 * secretscan.c - finds private keys and credentials in the files below
 * /workspace/input and reports each with file and line. It is a plugin: it runs
 * inside the jail, as nobody, and its only way out is the broker.
 *
 * What it tells never contains the secret itself: evidence is cut down to the
 * first and the last four characters.
 *
 *   secretscan [DIR]      without a broker (no OXG_CAPABILITY_TOKEN in the
 *                         environment) findings go to stdout, one a line
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX (16u << 20) /* larger ones are skipped and named on stderr */
#define DEPTH_MAX 64         /* directories; more is a trap, not a source tree */
#define RENEW_SECONDS 25     /* tokens live 60 s; new well before */
#define ANSWERS 3            /* descriptors of the broker protocol */
#define REQUESTS 4

static unsigned char data[FILE_MAX + 1];
static struct {
	unsigned long files, bytes, findings, skipped, lost;
} count;

/* ---- JSON text --------------------------------------------------------------- */

struct text {
	char p[16384];
	size_t n;
};

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

/* A JSON string. File names are any bytes: what is no UTF-8 becomes U+FFFD. */
static void put_string(struct text *t, const char *s)
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

/* Called often: a long scan must not outlive its token. */
static void renew(void)
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

/* ---- findings -------------------------------------------------------------------- */

struct place {
	const char *path;   /* below the input */
	unsigned long line;
};

/* First four ... last four; a short secret would stand there whole. */
static void redact(char out[16], const unsigned char *s, size_t n)
{
	if (n < 12)
		snprintf(out, 16, "%.1s...", (const char *)s);
	else
		snprintf(out, 16, "%.4s...%.4s", (const char *)s, (const char *)s + n - 4);
}

static void report(const struct place *at, const char *type, const char *severity,
    const char *message, const unsigned char *secret, size_t n)
{
	static struct text f;
	static char answer[4096], target[4200], line[24];
	char evidence[16];
	redact(evidence, secret, n);
	snprintf(target, sizeof(target), "%s:%lu", at->path, at->line);
	snprintf(line, sizeof(line), "%lu", at->line);
	const char *member[][2] = { { "type", type }, { "message", message },
		{ "target", target }, { "evidence", evidence }, { "severity", severity } };

	f.n = 0;
	for (size_t i = 0; i < sizeof(member) / sizeof(*member); i++) {
		put_format(&f, "%s\"%s\":", i ? "," : "{", member[i][0]);
		put_string(&f, member[i][1]);
	}
	put_format(&f, ",\"meta\":{\"file\":");
	put_string(&f, at->path);
	put_format(&f, ",\"line\":\"%lu\"}}", at->line);
	count.findings++;
	if (!token[0]) {
		puts(f.p);
		return;
	}
	static struct text more;
	more.n = 0;
	put(&more, ",\"finding\":", 11);
	put(&more, f.p, f.n);
	renew();
	if (!call("finding.emit", more.p, answer, sizeof(answer))) {
		fprintf(stderr, "secretscan: finding at %s was not accepted\n", target);
		count.lost++;
	}
}

/* ---- what a secret looks like ------------------------------------------------------ */

/* Begins with, then min to max characters of a class, with no such one behind. */
struct shape {
	const char *type, *severity, *message, *prefix, *set;
	size_t min, max;
};

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM UPPER "abcdefghijklmnopqrstuvwxyz0123456789"

static const struct shape shapes[] = {
	{ "secret.aws_access_key_id", "high", "AWS access key id", "AKIA", UPPER "234567", 16, 16 },
	{ "secret.aws_access_key_id", "med", "AWS temporary access key id", "ASIA", UPPER "234567", 16, 16 },
	{ "secret.github_token", "crit", "GitHub personal access token", "ghp_", ALNUM, 36, 251 },
	{ "secret.github_token", "crit", "GitHub OAuth token", "gho_", ALNUM, 36, 251 },
	{ "secret.github_token", "crit", "GitHub server token", "ghs_", ALNUM, 36, 251 },
	{ "secret.github_token", "crit", "GitHub fine-grained token", "github_pat_", ALNUM "_", 60, 251 },
	{ "secret.slack_token", "high", "Slack bot token", "xoxb-", ALNUM "-", 20, 251 },
	{ "secret.slack_token", "high", "Slack user token", "xoxp-", ALNUM "-", 20, 251 },
	{ "secret.slack_token", "high", "Slack app token", "xoxa-", ALNUM "-", 20, 251 },
	{ "secret.google_api_key", "high", "Google API key", "AIza", ALNUM "_-", 35, 35 },
	{ "secret.stripe_key", "crit", "Stripe live secret key", "sk_live_", ALNUM, 16, 251 },
	{ "secret.stripe_key", "high", "Stripe live restricted key", "rk_live_", ALNUM, 16, 251 },
	{ "secret.jwt", "med", "JSON Web Token", "eyJ", ALNUM "_-.", 40, 4096 },
};

struct line {
	const unsigned char *p;
	size_t n;
};

static size_t span(struct line l, size_t from, const char *set)
{
	size_t i = from;
	while (i < l.n && l.p[i] != '\0' && strchr(set, l.p[i]))
		i++;
	return i - from;
}

static bool word(struct line l, size_t i)
{
	return i < l.n && (isalnum(l.p[i]) || l.p[i] == '_');
}

/* What documentation and templates put where a secret belongs. */
static bool placeholder(const unsigned char *s, size_t n)
{
	static const char *const mark[] = { "example", "changeme", "change_me", "placeholder",
		"your", "xxxx", "****", "1234567", "password", "secret", "${", "{{", "%s", "<", "..." };
	char low[64];
	size_t k = n < sizeof(low) - 1 ? n : sizeof(low) - 1;
	for (size_t i = 0; i < k; i++)
		low[i] = (char)tolower(s[i]);
	low[k] = '\0';
	for (size_t i = 0; i < sizeof(mark) / sizeof(*mark); i++)
		if (strstr(low, mark[i]))
			return true;
	return false;
}

/* Three parts between two dots: header, claims, signature. */
static bool three_parts(const unsigned char *s, size_t n)
{
	size_t dots = 0, part = 0;
	for (size_t i = 0; i < n; i++, part++)
		if (s[i] == '.' && (part < 10 || ++dots > 2))
			return false;
		else if (s[i] == '.')
			part = (size_t)-1;
	return dots == 2 && part >= 10;
}

static bool look_shapes(const struct place *at, struct line l)
{
	bool any = false;
	for (const struct shape *s = shapes; s < shapes + sizeof(shapes) / sizeof(*shapes); s++) {
		size_t head = strlen(s->prefix);
		for (const unsigned char *p = l.p; (p = memmem(p, l.n - (size_t)(p - l.p), s->prefix, head)); p++) {
			size_t i = (size_t)(p - l.p), tail = span(l, i + head, s->set);
			if (tail < s->min || tail > s->max || (i > 0 && word(l, i - 1)) ||
			    word(l, i + head + tail) || placeholder(p, head + tail))
				continue;
			if (s->prefix[0] == 'e' && !three_parts(p, head + tail))
				continue;
			report(at, s->type, s->severity, s->message, p, head + tail);
			any = true;
		}
	}
	return any;
}

/* scheme://user:password@host */
static bool look_url(const struct place *at, struct line l)
{
	for (const unsigned char *p = l.p; (p = memmem(p, l.n - (size_t)(p - l.p), "://", 3)); p++) {
		size_t user = (size_t)(p - l.p) + 3, n = span(l, user, ALNUM "._~%+-");
		size_t secret = user + n + 1;
		if (p == l.p || !isalpha(p[-1]) || n == 0 || secret >= l.n || l.p[secret - 1] != ':')
			continue;
		n = span(l, secret, ALNUM "._~!&*+,;=%#?^-");
		if (n < 5 || secret + n + 1 >= l.n || l.p[secret + n] != '@' ||
		    !isalnum(l.p[secret + n + 1]) || placeholder(l.p + secret, n))
			continue;
		report(at, "secret.url_password", "high", "password in a URL", l.p + secret, n);
		return true;
	}
	return false;
}

/* Chance has upper case, lower case, digits, signs; words have one of them. */
static bool random_looking(const unsigned char *s, size_t n)
{
	unsigned kinds = 0, distinct = 0;
	bool seen[256] = { false };
	for (size_t i = 0; i < n; i++) {
		kinds |= isupper(s[i]) ? 1u : islower(s[i]) ? 2u : isdigit(s[i]) ? 4u : 8u;
		distinct += !seen[s[i]];
		seen[s[i]] = true;
	}
	return (kinds & (kinds - 1)) != 0 && (kinds & 7u) != 0 && kinds != 10u && distinct >= 6;
}

/* password = "..." and its relatives: a telling name, a sign, a quoted value. */
static void look_assignment(const struct place *at, struct line l)
{
	static const char *const name[] = { "password", "passwd", "secret", "api_key", "apikey",
		"access_token", "auth_token", "private_token" };
	for (size_t k = 0; k < sizeof(name) / sizeof(*name); k++) {
		size_t n = strlen(name[k]);
		for (size_t at_name = 0; at_name + n < l.n; at_name++) {
			if ((l.p[at_name] | 32) != name[k][0] ||
			    strncasecmp((const char *)l.p + at_name, name[k], n) != 0)
				continue;
			size_t i = at_name + n;
			i += span(l, i, "_" ALNUM);     /* secret_key, passwordHash */
			i += i < l.n && (l.p[i] == '"' || l.p[i] == '\'');
			i += span(l, i, " \t");
			size_t sign = span(l, i, ":=>");
			i += sign;
			i += span(l, i, " \t");
			if (sign == 0 || sign > 2 || i >= l.n || (l.p[i] != '"' && l.p[i] != '\''))
				continue;
			size_t value = i + 1, end = value;
			while (end < l.n && l.p[end] != l.p[i] && isgraph(l.p[end]))
				end++;
			if (end >= l.n || l.p[end] != l.p[i] || end - value < 8 || end - value > 200 ||
			    placeholder(l.p + value, end - value) ||
			    !random_looking(l.p + value, end - value))
				continue;
			report(at, "secret.assignment", "med", "secret written into a file",
			    l.p + value, end - value);
			return;
		}
	}
}

/* The key's own text behind the BEGIN line: in source code it stands in quotes
 * and with \n, and header lines may come first. Returns how much was found. */
static size_t key_body(struct line rest, struct line *body, bool *encrypted)
{
	size_t i = 0;
	for (int lines = 0; lines < 8; lines++) {
		i += span(rest, i, " \t\r\n\"'+,;");
		while (i + 1 < rest.n && rest.p[i] == '\\' && strchr("nr", rest.p[i + 1]))
			i += 2 + span(rest, i + 2, " \t\r\n\"'+,;");
		size_t n = span(rest, i, ALNUM "+/=");
		if (i + n < rest.n && rest.p[i + n] != ':' && n >= 24) {
			body->p = rest.p + i;
			return body->n = n;
		}
		const unsigned char *end = memchr(rest.p + i, '\n', rest.n - i);
		if (!end)
			break;
		size_t next = (size_t)(end - rest.p) + 1;
		*encrypted |= memmem(rest.p + i, next - i, "ENCRYPTED", 9) != NULL;
		i = next;
	}
	return 0;
}

/* A BEGIN line alone is documentation, or a program that reads keys. */
static bool look_key(const struct place *at, struct line l, struct line rest)
{
	static const char begin[] = "-----BEGIN ";
	const unsigned char *p = memmem(l.p, l.n, begin, sizeof(begin) - 1);
	if (!p)
		return false;
	size_t i = (size_t)(p - l.p) + sizeof(begin) - 1, n = span(l, i, UPPER "0123456789 ");
	char label[64], message[128];
	if (n >= sizeof(label) || i + n + 5 > l.n || memcmp(l.p + i + n, "-----", 5) != 0)
		return false;
	memcpy(label, l.p + i, n);
	label[n] = '\0';
	if (!strstr(label, "PRIVATE KEY"))
		return false;
	size_t behind = i + n + 5;
	bool encrypted = strstr(label, "ENCRYPTED") != NULL;
	struct line body;
	if (!key_body((struct line){ l.p + behind, rest.n - behind }, &body, &encrypted))
		return false;
	snprintf(message, sizeof(message), "PEM private key (%s%s)", label,
	    encrypted && !strstr(label, "ENCRYPTED") ? ", encrypted" : "");
	report(at, "secret.private_key", encrypted ? "med" : "high", message, body.p, body.n);
	return true;
}

/* ---- files ---------------------------------------------------------------------------- */

static void scan(const char *path, size_t n)
{
	struct place at = { path, 0 };
	for (size_t i = 0; i < n;) {
		const unsigned char *end = memchr(data + i, '\n', n - i);
		struct line rest = { data + i, n - i };
		struct line l = { data + i, end ? (size_t)(end - data) - i : n - i };
		at.line++;
		if (!look_key(&at, l, rest) && !look_shapes(&at, l) && !look_url(&at, l))
			look_assignment(&at, l);
		i += l.n + 1;
	}
}

static void skip(const char *path, const char *why)
{
	count.skipped++;
	fprintf(stderr, "secretscan: %s skipped: %s\n", path, why);
}

static void scan_file(int fd, const char *path)
{
	size_t n = 0;
	ssize_t k;
	while ((k = read(fd, data + n, sizeof(data) - n)) > 0)
		n += (size_t)k;
	if (k < 0) {
		skip(path, strerror(errno));
	} else if (n > FILE_MAX) {
		skip(path, "more than 16 MiB");
	} else {
		count.files++;
		count.bytes += n;
		scan(path, n);
	}
	renew();
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of a directory, sorted: equal trees give equal findings. */
static char **names(DIR *d, size_t *n)
{
	char **name = NULL;
	size_t room = 0;
	*n = 0;
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (*n == room && !(name = realloc(name, (room = room ? 2 * room : 32) * sizeof(*name))))
			abort();
		if (!(name[(*n)++] = strdup(e->d_name)))
			abort();
	}
	if (*n)
		qsort(name, *n, sizeof(*name), by_name);
	return name;
}

/* Takes over fd. Follows no link: what it points to is elsewhere, or comes by itself. */
static void walk(int fd, const char *path, int depth)
{
	DIR *d = fdopendir(fd);
	size_t n;
	if (!d || depth > DEPTH_MAX) {
		skip(path, d ? "too deep" : strerror(errno));
		if (d)
			closedir(d);
		else
			close(fd);
		return;
	}
	char **name = names(d, &n);
	for (size_t i = 0; i < n; i++) {
		char below[4096];
		struct stat st;
		int length = snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", name[i]);
		int f = openat(dirfd(d), name[i], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (f < 0 && errno == ELOOP) {
			/* a link */
		} else if (f < 0 || length >= (int)sizeof(below) || fstat(f, &st) < 0) {
			skip(below, strerror(errno));
		} else if (S_ISDIR(st.st_mode)) {
			walk(f, below, depth + 1);
			f = -1;
		} else if (S_ISREG(st.st_mode)) {
			scan_file(f, below);
		}
		if (f >= 0)
			close(f);
		free(name[i]);
	}
	free(name);
	closedir(d);
}

int main(int argc, char **argv)
{
	const char *input = argc > 1 ? argv[1] : "/workspace/input";
	const char *t = getenv("OXG_CAPABILITY_TOKEN");
	if (t && strlen(t) < sizeof(token))
		strcpy(token, t);
	renewed = now();
	int fd = open(input, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "secretscan: cannot open %s: %s (give --input)\n", input, strerror(errno));
		return 2;
	}
	walk(fd, "", 0);
	fprintf(stderr, "secretscan: %lu files, %lu bytes: %lu findings, %lu files skipped\n",
	    count.files, count.bytes, count.findings, count.skipped);
	return count.lost ? 1 : 0;
}
