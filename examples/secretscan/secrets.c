/*
 * secrets.c - what a secret looks like in a line of text, and what only looks so.
 * Every search costs what the line is long, whatever stands in it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "secretscan.h"

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
	{ "secret.gitlab_token", "crit", "GitLab personal access token", "glpat-", ALNUM "_-", 20, 251 },
	{ "secret.npm_token", "crit", "npm access token", "npm_", ALNUM, 36, 36 },
	{ "secret.slack_token", "high", "Slack bot token", "xoxb-", ALNUM "-", 20, 251 },
	{ "secret.slack_token", "high", "Slack user token", "xoxp-", ALNUM "-", 20, 251 },
	{ "secret.slack_token", "high", "Slack app token", "xoxa-", ALNUM "-", 20, 251 },
	{ "secret.google_api_key", "high", "Google API key", "AIza", ALNUM "_-", 35, 35 },
	{ "secret.stripe_key", "crit", "Stripe live secret key", "sk_live_", ALNUM, 16, 251 },
	{ "secret.stripe_key", "high", "Stripe live restricted key", "rk_live_", ALNUM, 16, 251 },
	{ "secret.jwt", "med", "JSON Web Token", "eyJ", ALNUM "_-.", 40, 4096 },
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
static bool placeholder(struct line s)
{
	static const char *const mark[] = { "example", "changeme", "change_me", "placeholder",
		"your", "xxxx", "****", "1234567", "passw", "p4ssw", "secret", "redacted",
		"${", "{{", "{}", "%s", "%(", "<", "..." };
	char low[64];
	size_t k = s.n < sizeof(low) - 1 ? s.n : sizeof(low) - 1;
	for (size_t i = 0; i < k; i++)
		low[i] = (char)tolower(s.p[i]);
	low[k] = '\0';
	for (size_t i = 0; i < sizeof(mark) / sizeof(*mark); i++)
		if (strstr(low, mark[i]))
			return true;
	return false;
}

/* Three parts between two dots: header, claims, signature. */
static bool three_parts(struct line s)
{
	size_t dots = 0, part = 0;
	for (size_t i = 0; i < s.n; i++, part++)
		if (s.p[i] == '.' && (part < 10 || ++dots > 2))
			return false;
		else if (s.p[i] == '.')
			part = (size_t)-1;
	return dots == 2 && part >= 10;
}

/* Runs are stepped over whole, so that a line of prefixes costs what it is long. */
static bool look_shape(const struct place *at, struct line l, const struct shape *s)
{
	size_t head = strlen(s->prefix), i = 0;
	bool any = false;
	for (const unsigned char *p; (p = memmem(l.p + i, l.n - i, s->prefix, head));) {
		i = (size_t)(p - l.p);
		if (i > 0 && word(l, i - 1)) {
			i++;
			continue;
		}
		size_t tail = span(l, i + head, s->set);
		struct line found = { p, head + tail };
		i += found.n;
		if (s->prefix[0] == 'e')        /* a token that ends a sentence */
			while (found.n > head && found.p[found.n - 1] == '.')
				found.n--, tail--;
		if (tail < s->min || tail > s->max || word(l, i) || placeholder(found) ||
		    (s->prefix[0] == 'e' && !three_parts(found)))
			continue;
		report(at, s->type, s->severity, s->message, found);
		any = true;
	}
	return any;
}

static bool look_shapes(const struct place *at, struct line l)
{
	bool any = false;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		any |= look_shape(at, l, &shapes[i]);
	return any;
}

/* scheme://user:password@host */
static bool look_url(const struct place *at, struct line l)
{
	bool any = false;
	for (const unsigned char *p = l.p; (p = memmem(p, l.n - (size_t)(p - l.p), "://", 3)); p++) {
		size_t user = (size_t)(p - l.p) + 3, n = span(l, user, ALNUM "._~%+-");
		size_t i = user + n + 1;
		if (p == l.p || !isalpha(p[-1]) || n == 0 || i >= l.n || l.p[i - 1] != ':')
			continue;
		struct line secret = { l.p + i, span(l, i, ALNUM "._~!&*+,;=%#?^-") };
		i += secret.n + 1;
		if (secret.n < 5 || i >= l.n || l.p[i - 1] != '@' || !isalnum(l.p[i]) ||
		    placeholder(secret) ||
		    placeholder((struct line){ l.p + i, span(l, i, ALNUM ".-") }))
			continue;
		report(at, "secret.url_password", "high", "password in a URL", secret);
		any = true;
	}
	return any;
}

/* Chance has letters and digits, or both cases and signs that no name has. */
static bool random_looking(struct line s)
{
	bool upper = false, lower = false, digit = false, sign = false, seen[256] = { false };
	unsigned distinct = 0;
	for (size_t i = 0; i < s.n; i++) {
		upper |= isupper(s.p[i]) != 0;
		lower |= islower(s.p[i]) != 0;
		digit |= isdigit(s.p[i]) != 0;
		sign |= !isalnum(s.p[i]) && !strchr("_-./:,[]()", s.p[i]);
		distinct += !seen[s.p[i]];
		seen[s.p[i]] = true;
	}
	return distinct >= 6 && (((upper || lower) && digit) || (upper && lower && sign));
}

/* What may follow a telling name and leave it telling: secret_key, password2;
 * not secret_ref, PASSWORD_LABEL or api_key_source. */
static size_t name_rest(struct line l, size_t i)
{
	static const char *const rest[] = { "_access_key", "_key", "key", "_token" };
	for (size_t k = 0; k < sizeof(rest) / sizeof(*rest); k++) {
		size_t n = strlen(rest[k]);
		if (l.n - i >= n && strncasecmp((const char *)l.p + i, rest[k], n) == 0 &&
		    !word(l, i + n))
			return n;
	}
	return span(l, i, "0123456789");
}

/* The value behind name and sign at i: in quotes, or in a file of settings all
 * that is left of the line. n is 0 when there is none. */
static struct line value(const struct place *at, struct line l, size_t i)
{
	struct line v = { l.p + i, 0 };
	bool quoted = i < l.n && (l.p[i] == '"' || l.p[i] == '\'');
	if (quoted)
		v.p++, i++;
	size_t max = l.n - i < 201 ? l.n - i : 201;
	while (v.n < max && isgraph(v.p[v.n]) && (!quoted || v.p[v.n] != v.p[-1]))
		v.n++;
	if (quoted && (v.n == max || v.p[v.n] != v.p[-1]))
		v.n = 0;
	if (!quoted && (!at->settings || i + v.n + span(l, i + v.n, " \t\r") != l.n ||
	    memchr(v.p, '$', v.n) || memchr(v.p, '(', v.n)))
		v.n = 0;
	return v.n < 8 || v.n > 200 ? (struct line){ v.p, 0 } : v;
}

/* Where the value of name begins, when a sign stands between them; else 0. */
static size_t behind_sign(struct line l, size_t i)
{
	i += name_rest(l, i);
	if (word(l, i))
		return 0;
	i += i < l.n && (l.p[i] == '"' || l.p[i] == '\'');
	i += span(l, i, " \t");
	size_t sign = span(l, i, ":=>");
	i += sign;
	return sign == 0 || sign > 2 ? 0 : i + span(l, i, " \t");
}

/* password = "..." and its relatives: a telling name, a sign, a value. */
static void look_assignment(const struct place *at, struct line l)
{
	static const char *const name[] = { "password", "passwd", "secret", "api_key", "apikey",
		"access_token", "auth_token", "private_token" };
	for (size_t i = 0; i < l.n; i++) {
		size_t next = 0;
		for (size_t k = 0; k < sizeof(name) / sizeof(*name) && !next; k++) {
			size_t n = strlen(name[k]);
			if ((l.p[i] | 32) == name[k][0] && l.n - i > n &&
			    strncasecmp((const char *)l.p + i, name[k], n) == 0)
				next = behind_sign(l, i + n);
		}
		struct line v = { NULL, 0 };
		if (next && next < l.n)
			v = value(at, l, next);
		if (v.n == 0 || placeholder(v) || !random_looking(v))
			continue;
		report(at, "secret.assignment", "med", "secret written into a file", v);
		i = (size_t)(v.p - l.p) + v.n;
	}
}

/* The key's own text behind the BEGIN line: in source code it stands in quotes
 * and with \n, and header lines may come first. */
static struct line key_body(struct line rest, bool *encrypted)
{
	size_t i = 0;
	if (rest.n > 8192)
		rest.n = 8192; /* headers are short, and a text begins after them */
	for (int lines = 0; lines < 8; lines++) {
		i += span(rest, i, " \t\r\n\"'+,;");
		while (i + 1 < rest.n && rest.p[i] == '\\' && strchr("nr", rest.p[i + 1]))
			i += 2 + span(rest, i + 2, " \t\r\n\"'+,;");
		size_t n = span(rest, i, ALNUM "+/=");
		if (i + n < rest.n && rest.p[i + n] != ':' && n >= 24)
			return (struct line){ rest.p + i, n };
		const unsigned char *end = memchr(rest.p + i, '\n', rest.n - i);
		size_t header = i + span(rest, i, ALNUM "-");
		if (!end || n == 0 || header >= rest.n || rest.p[header] != ':')
			break;          /* no key comes: "...", the next BEGIN */
		size_t next = (size_t)(end - rest.p) + 1;
		*encrypted |= memmem(rest.p + i, next - i, "ENCRYPTED", 9) != NULL;
		i = next;
	}
	return (struct line){ NULL, 0 };
}

/* A BEGIN line alone is documentation, or a program that reads keys. */
static bool look_key(const struct place *at, struct line l, struct line rest)
{
	static const char begin[] = "-----BEGIN ";
	bool any = false;
	for (const unsigned char *p = l.p; (p = memmem(p, l.n - (size_t)(p - l.p), begin, sizeof(begin) - 1)); p++) {
		size_t i = (size_t)(p - l.p) + sizeof(begin) - 1, n = span(l, i, UPPER "0123456789 ");
		char label[64], message[128];
		if (n >= sizeof(label) || i + n + 5 > l.n || memcmp(l.p + i + n, "-----", 5) != 0)
			continue;
		memcpy(label, l.p + i, n);
		label[n] = '\0';
		if (!strstr(label, "PRIVATE KEY"))
			continue;
		bool named = strstr(label, "ENCRYPTED") != NULL, encrypted = named;
		i += n + 5;
		struct line body = key_body((struct line){ l.p + i, rest.n - i }, &encrypted);
		if (body.n == 0)
			continue;
		snprintf(message, sizeof(message), "PEM private key (%s%s)", label,
		    encrypted && !named ? ", encrypted" : "");
		report(at, "secret.private_key", encrypted ? "med" : "high", message, body);
		any = true;
	}
	return any;
}

void look(const struct place *at, struct line l, struct line rest)
{
	bool any = look_key(at, l, rest);

	any |= look_shapes(at, l);
	if (!any && !at->binary && !look_url(at, l))
		look_assignment(at, l);
}
