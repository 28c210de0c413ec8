/*
 * handed.c - what a plugin may call the files that it hands over. Runs in the broker,
 * which refuses the plugin's words, and in the supervisor, which believes nobody.
 */
#include <string.h>

#include "evidence/evidence.h"

static bool dots(struct bytes part)
{
	return bytes_are(part, ".") || bytes_are(part, "..");
}

const char *handed_path(struct bytes path)
{
	struct bytes rest = path, part = { path.p, 0 };
	size_t depth = 1;
	uint32_t rune;

	if (path.n == 0 || path.n > HANDED_PATH)
		return "is empty, or longer than 1000 bytes";
	while (rest.n > 0) {
		if (!rune_next(&rest, &rune))
			return "is no UTF-8";
		if (rune < 0x20 || rune == '\\' || rune_unseen(rune))
			return "holds a backslash, or a character that cannot be seen";
		if (rune != '/') {
			part.n = (size_t)(rest.p - part.p);
			if (rest.n > 0)
				continue;
		}
		if (part.n == 0 || part.n > HANDED_PART || dots(part))
			return "has a part that is empty, . or .., or longer than 255 bytes";
		if (rune == '/' && (++depth > HANDED_DEPTH || rest.n == 0))
			return rest.n == 0 ? "ends with a slash" : "has more than 16 parts";
		part = (struct bytes){ rest.p, 0 };
	}
	return NULL;
}

/* How many directories two paths share; *same: one is the other, or lies in it. */
static size_t shared(const char *old, struct bytes path, bool *same)
{
	size_t n = strlen(old), i = 0, slashes = 0;

	for (; i < n && i < path.n && (unsigned char)old[i] == path.p[i]; i++)
		slashes += old[i] == '/';
	*same = (i == n && (i == path.n || path.p[i] == '/')) || (i == path.n && old[i] == '/');
	return slashes;
}

static size_t directories(struct bytes path)
{
	size_t n = 0;

	for (size_t i = 0; i < path.n; i++)
		n += path.p[i] == '/';
	return n;
}

struct handed_file *handed_begin(struct handed *h, const struct handed_begin *as,
    struct bytes path, const char **wrong)
{
	size_t most = 0, made;
	struct handed_file *f;

	*wrong = as->class >= HANDED_CLASSES ? "is of no class" : handed_path(path);
	if (*wrong == NULL && h->files == HANDED_FILES)
		*wrong = "comes after 1000 others";
	for (size_t i = 0; i < h->files && *wrong == NULL; i++) {
		bool same;
		size_t n;

		f = &h->file[i];
		if (f->state == HANDED_DROPPED ||
		    (f->as.class == HANDED_ARTIFACT) != (as->class == HANDED_ARTIFACT))
			continue;
		n = shared(f->path, path, &same);
		most = n > most ? n : most;
		if (same)
			*wrong = "was handed over already, or as a directory";
	}
	made = directories(path) - most;
	if (*wrong == NULL && h->directories + made > HANDED_DIRECTORIES)
		*wrong = "needs more directories than one run may have";
	if (*wrong != NULL)
		return NULL;
	h->directories += made;
	f = &h->file[h->files++];
	*f = (struct handed_file){ .as = *as, .path = arena_text(&h->paths, path) };
	return f;
}

struct handed_file *handed_find(struct handed *h, bool artifact, struct bytes path)
{
	for (size_t i = h->files; i > 0; i--) {
		struct handed_file *f = &h->file[i - 1];

		if (f->state != HANDED_DROPPED && (f->as.class == HANDED_ARTIFACT) == artifact &&
		    bytes_are(path, f->path))
			return f;
	}
	return NULL;
}
