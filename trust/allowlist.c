/*
 * allowlist.c - the ALLOWLIST: which bytes may run under which name. Runs in the
 * supervisor before anything is forked.
 *
 * The format is what sha256sum writes and "sha256sum -c" reads: 64 hex digits,
 * two blanks or " *", a path. One blank is taken as well, as 0xGen writes it and
 * BSD does; sha256sum lets the first line decide, so that no list has both. What
 * the two could read differently (a carriage return, a backslash, more blanks, "-")
 * is an error with its line number, never a guess.
 */
#include <limits.h>
#include <string.h>

#include "trust/trust.h"

#define DIGEST_CHARS (2 * SHA256_SIZE)
#define ENTRY_CHARS (DIGEST_CHARS + 2) /* of the shortest line that is an entry */

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static struct bytes skip_blanks(struct bytes s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s.p++, s.n--;
	return s;
}

/* The one spelling of a path: no empty part, no "."; NULL for "..", for a path
 * that can only name a directory, and for what is too long. A leading slash stays. */
static const char *path_normal(struct arena *a, struct bytes s)
{
	char *out = arena_get(a, s.n + 2), *end = out;
	bool named = false;

	if (s.n == 0 || s.n >= PATH_MAX)
		return NULL;
	for (size_t i = 0; i <= s.n; ) {
		struct bytes part = { s.p + i, 0 };

		while (i + part.n < s.n && part.p[part.n] != '/')
			part.n++;
		i += part.n + 1;
		if (bytes_are(part, ".."))
			return NULL;
		named = part.n > 0 && !bytes_are(part, ".");
		if (!named)
			continue;
		if (end > out || s.p[0] == '/')
			*end++ = '/';
		memcpy(end, part.p, part.n);
		end += part.n;
	}
	return named ? out : NULL;
}

/* What is wrong with the bytes of a line; NULL: nothing. */
static const char *line_fault(struct bytes line)
{
	if (memchr(line.p, 0, line.n))
		return "holds a NUL byte";
	if (line.p[line.n - 1] == '\r')
		return "ends in CR LF; write the file with LF alone (tr -d '\\r')";
	if (line.p[0] == '\\')
		return "begins with a backslash, for a file name with a line break or "
		    "backslash in it; rename that file";
	for (size_t i = 0; i < line.n; i++)
		if ((line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return "holds a control character";
	return NULL;
}

/* digest, blanks, path. What is wrong, or NULL. */
static const char *entry_read(struct arena *a, struct bytes line, struct allow_entry *out)
{
	struct bytes path;

	if (line.n < DIGEST_CHARS ||
	    !hex_decode((struct bytes){ line.p, DIGEST_CHARS }, out->sha256, SHA256_SIZE))
		return "does not begin with the 64 hex digits of a SHA-256; write lines as "
		    "sha256sum does";
	if (line.n > DIGEST_CHARS && !is_blank(line.p[DIGEST_CHARS]))
		return "has more than 64 hex digits, or no blank behind them";
	if (line.n < ENTRY_CHARS)
		return "names no file behind the digest";
	path = (struct bytes){ line.p + DIGEST_CHARS + 1, line.n - DIGEST_CHARS - 1 };
	out->one_blank = path.n == 1 || (path.p[0] != ' ' && path.p[0] != '*');
	if (!out->one_blank)
		path.p++, path.n--;
	if (is_blank(path.p[0]) || is_blank(path.p[path.n - 1]))
		return "has a path that begins or ends with a blank";
	if (bytes_are(path, "-"))
		return "names \"-\", which sha256sum takes for its standard input; write ./-";
	out->path = path_normal(a, path);
	if (!out->path)
		return "has a path with \"..\", or one that names no file";
	return NULL;
}

static int compare_entries(const void *a, const void *b)
{
	const struct allow_entry *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

int allowlist_sort(struct allow_entry *entry, size_t *count, struct why *why)
{
	size_t kept = 0;

	sort(entry, *count, sizeof(*entry), compare_entries);
	for (size_t i = 0; i < *count; i++) {
		struct allow_entry *last = kept ? &entry[kept - 1] : NULL;

		if (!last || strcmp(last->path, entry[i].path)) {
			entry[kept++] = entry[i];
			continue;
		}
		if (memcmp(last->sha256, entry[i].sha256, SHA256_SIZE))
			return refuse(why, REFUSE_ALLOWLIST,
			    "line %d gives %.200s another digest than line %d; keep the one "
			    "that is right", entry[i].line, entry[i].path, last->line);
	}
	*count = kept;
	return 0;
}

int allowlist_parse(struct arena *a, struct bytes text, struct allow_entry **out,
    size_t *count, struct why *why)
{
	struct allow_entry *entry;
	int number = 0;

	*out = NULL;
	*count = 0;
	if (text.n > ALLOWLIST_BYTES)
		return refuse(why, REFUSE_ALLOWLIST, "has %zu bytes; %u are allowed",
		    text.n, ALLOWLIST_BYTES);
	*out = entry = arena_array(a, text.n / ENTRY_CHARS + 1, sizeof(*entry));
	while (text.n > 0) {
		const unsigned char *end = memchr(text.p, '\n', text.n);
		struct bytes line = { text.p, end ? (size_t)(end - text.p) : text.n };
		struct bytes words = skip_blanks(line);
		const char *fault = NULL;

		text.p += line.n + (end != NULL);
		text.n -= line.n + (end != NULL);
		number++;
		if (words.n == 0 || words.p[0] == '#')
			continue;
		fault = line_fault(words);
		if (!fault)
			fault = entry_read(a, words, &entry[*count]);
		if (!fault && entry[*count].one_blank != entry[0].one_blank)
			fault = "has not as many blanks between digest and path as the lines "
			    "before it; write them all as sha256sum does";
		if (fault)
			return refuse(why, REFUSE_ALLOWLIST, "line %d %s", number, fault);
		entry[(*count)++].line = number;
	}
	return allowlist_sort(entry, count, why);
}

static const struct allow_entry *find(const struct trust_root *root, const char *path)
{
	size_t low = 0, high = root->entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(path, root->entry[middle].path);

		if (order == 0)
			return &root->entry[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* trust_root_open made every path in the root relative to it. */
const struct allow_entry *allowlist_find(const struct trust_root *root, const char *absolute)
{
	size_t n = strlen(root->path);

	if (n == 1)
		n = 0;
	if (!strncmp(absolute, root->path, n) && absolute[n] == '/')
		return find(root, absolute + n + 1);
	return find(root, absolute);
}
