/*
 * allowlist.c (fuzzer) - allowlist_parse on any bytes, beside a second reader that
 * is written down in another way: the same lines, digests and paths, or a refusal
 * that names a line there is.
 */
#include "lib/util.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "trust/allowlist.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

static int count_lines(struct bytes text)
{
	int lines = text.n > 0 && text.p[text.n - 1] != '\n';

	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	return lines;
}

/* "./a//b" -> "a/b", in place. */
static void shorten(char *path)
{
	char *to = path, *save, *part;
	bool absolute = *path == '/';
	char copy[8192];

	snprintf(copy, sizeof(copy), "%s", path);
	*to = '\0';
	for (part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		CLAIM(strcmp(part, ".."));
		if (!strcmp(part, "."))
			continue;
		to += sprintf(to, "%s%s", to > path || absolute ? "/" : "", part);
	}
}

static const struct allow_entry *entry_of(const struct allow_entry *e, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(e[i].path, path))
			return &e[i];
	return NULL;
}

/* One line of a list that was taken. */
static void claim_line(const char *line, int number, const struct allow_entry *e, size_t n)
{
	unsigned char digest[SHA256_SIZE];
	const struct allow_entry *found;
	char path[8192];

	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return;
	CLAIM(strspn(line, "0123456789abcdefABCDEF") == 64);
	for (int i = 0; i < SHA256_SIZE; i++) {
		unsigned byte;

		CLAIM(sscanf(line + 2 * i, "%2x", &byte) == 1);
		digest[i] = (unsigned char)byte;
	}
	line += 64;
	CLAIM(*line == ' ' || *line == '\t');
	line++;
	if ((*line == ' ' || *line == '*') && line[1])
		line++;
	CLAIM(*line && strlen(line) < 4096 && strcmp(line, "-"));
	snprintf(path, sizeof(path), "%s", line);
	shorten(path);
	found = entry_of(e, n, path);
	CLAIM(found && !memcmp(found->sha256, digest, SHA256_SIZE) && found->line <= number);
}

static void claim_list(struct bytes text, const struct allow_entry *e, size_t n)
{
	char *copy = malloc(text.n + 1), *line = copy;
	int number = 0;

	memcpy(copy, text.p ? text.p : (const unsigned char *)"", text.n);
	copy[text.n] = '\0';
	CLAIM(strlen(copy) == text.n || n == 0 || memchr(text.p, '#', text.n));
	for (size_t left = text.n; left > 0;) {
		char *end = memchr(line, '\n', left);
		size_t length = end ? (size_t)(end - line) : left;

		if (end)
			*end = '\0';
		claim_line(line, ++number, e, n);
		left -= length + (end != NULL);
		line += length + (end != NULL);
	}
	free(copy);
	for (size_t i = 1; i < n; i++)
		CLAIM(strcmp(e[i - 1].path, e[i].path) < 0);
}

static void claim_found(struct arena *a, struct allow_entry *e, size_t n)
{
	struct trust_root root = { .path = "/r", .entry = e, .entries = n };

	for (size_t i = 0; i < n; i++) {
		const char *path = e[i].path;
		bool inside = !strncmp(path, "/r/", 3);

		if (inside)
			continue; /* root.c makes those relative */
		CLAIM(allowlist_find(&root, path[0] == '/' ? path : arena_printf(a, "/r/%s", path)) == &e[i]);
	}
	CLAIM(!allowlist_find(&root, "/r/\n") && !allowlist_find(&root, "/r/"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { data, size };
	struct arena a = { 0 };
	struct allow_entry *entry;
	struct why why = { 0 };
	size_t count;
	int line = 0;

	if (allowlist_parse(&a, text, &entry, &count, &why) == 0) {
		claim_list(text, entry, count);
		claim_found(&a, entry, count);
	} else {
		CLAIM(why.code == REFUSE_ALLOWLIST && sscanf(why.text, "line %d ", &line) == 1);
		CLAIM(line >= 1 && line <= count_lines(text));
		for (const char *c = why.text; *c; c++)
			CLAIM(*c == '\t' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
	}
	arena_free(&a);
	return 0;
}
