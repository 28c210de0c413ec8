/*
 * text.c - the words that both documents are made of: names, paths, hosts; and
 * words for what is wrong with a file. Runs in the supervisor, before anything is
 * forked, on hostile bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "trust/trust.h"

#define SHOWN_MAX 64        /* bytes of a hostile name in a message */
#define PATH_TEXT_MAX 255   /* bytes of one relative path */
#define HOST_MAX 253        /* bytes of a name; RFC 1035 less its root */

bool text_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

bool text_word(const char *s, size_t max, const char *extra)
{
	if (!s || !is_alnum((unsigned char)*s) || strlen(s) > max)
		return false;
	for (; *s; s++)
		if (!is_alnum((unsigned char)*s) && !strchr(extra, *s))
			return false;
	return true;
}

/* The character that s begins with, as JSON would have it; DEL and the C1 controls
 * as well, which are legal in JSON and orders to a terminal. Returns its bytes. */
static size_t show(struct buf *out, struct bytes s)
{
	size_t n = utf8_length(s);
	struct buf quoted = { 0 };

	if (s.p[0] == 0x7f || (n == 2 && s.p[0] == 0xc2 && s.p[1] < 0xa0)) {
		buf_printf(out, "\\u%04x", s.p[n - 1]);
		return n;
	}
	n += n == 0; /* a byte that begins none */
	json_quote(&quoted, (struct bytes){ s.p, n });
	buf_add(out, quoted.p + 1, quoted.n - 2);
	buf_free(&quoted);
	return n;
}

const char *text_shown(struct arena *a, struct bytes s)
{
	struct buf out = { 0 };
	size_t n = 0;
	const char *text;

	buf_byte(&out, '"');
	/* Cut between characters, never inside of one. */
	while (n < s.n && n + utf8_length((struct bytes){ s.p + n, s.n - n }) <= SHOWN_MAX)
		n += show(&out, (struct bytes){ s.p + n, s.n - n });
	buf_byte(&out, '"');
	text = arena_printf(a, "%.*s%s", (int)out.n, (const char *)out.p, n < s.n ? "..." : "");
	buf_free(&out);
	return text;
}

const char *reading_fault(int error)
{
	switch (error) {
	case ENOENT:
		return "it does not exist";
	case ELOOP:
		return "it is a symbolic link, or lies behind one; put the file itself there";
	case EXDEV:
		return "it lies outside of the plugin's directory";
	case EINVAL:
		return "it is not a regular file";
	case EFBIG:
		return "it is too large (256 MiB a file, 1 GiB a plugin)";
	case ESTALE:
		return "it grew while it was read; try again";
	case ENODATA:
		return "it is empty";
	default:
		return strerror(error);
	}
}

/* ---- paths ------------------------------------------------------------------ */

const char *path_clean(struct arena *a, struct bytes path)
{
	size_t start = 0;

	if (path.n > PATH_TEXT_MAX)
		return NULL;
	if (path.n >= 2 && path.p[0] == '.' && path.p[1] == '/') {
		path.p += 2;
		path.n -= 2;
	}
	for (size_t i = 0; i <= path.n; i++) {
		struct bytes part;

		if (i < path.n && text_control(path.p[i]))
			return NULL;
		if (i < path.n && path.p[i] != '/')
			continue;
		part = (struct bytes){ path.p + start, i - start };
		if (part.n == 0 || bytes_are(part, ".") || bytes_are(part, ".."))
			return NULL;
		start = i + 1;
	}
	return arena_text(a, path);
}

/* ---- hosts ------------------------------------------------------------------ */

/* "name", "a.b", an IPv4 address: labels that begin with a letter or digit. */
static bool is_host_name(struct bytes s)
{
	bool label_starts = true;

	if (s.n == 0 || s.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (label_starts ? !is_alnum(s.p[i]) :
		    !is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.')
			return false;
		label_starts = s.p[i] == '.';
	}
	return !label_starts;
}

static bool is_ipv6(struct bytes s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (s.n >= sizeof(text) || memchr(s.p, 0, s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

const char *text_lower(struct arena *a, struct bytes s)
{
	char *text = arena_text(a, s);

	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	return text;
}

bool host_split(struct arena *a, struct bytes s, const char **host, uint16_t *port)
{
	struct bytes name = s, digits = { 0 };
	const unsigned char *end;
	uint64_t number = 0;

	if (s.n > 0 && s.p[0] == '[') {
		end = memchr(s.p, ']', s.n);
		if (!end)
			return false;
		name = (struct bytes){ s.p + 1, (size_t)(end - s.p) - 1 };
		end++;
	} else {
		end = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
		if (!end)
			end = s.p + s.n;
		name.n = (size_t)(end - s.p);
	}
	if (s.n > 0 && s.p[0] == '[' ? !is_ipv6(name) : !is_host_name(name))
		return false;
	if (end < s.p + s.n) {
		digits = (struct bytes){ end + 1, (size_t)(s.p + s.n - end) - 1 };
		if (*end != ':' || digits.n == 0 || digits.p[0] == '0' ||
		    !number_parse(digits, 1, 65535, &number))
			return false;
	}
	*host = text_lower(a, name);
	*port = (uint16_t)number;
	return true;
}
