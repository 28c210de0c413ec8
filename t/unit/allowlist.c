/*
 * allowlist.c (test) - trust/allowlist.c: lines, spellings of paths, what is found.
 * With a file's name it prints no TAP but the list as it was read, one entry a
 * line, for whoever holds it beside sha256sum.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/trust.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

struct list {
	struct allow_entry *entry;
	size_t count;
	struct why why;
};

static bool parse(struct arena *a, struct bytes text, struct list *l)
{
	*l = (struct list){ 0 };
	return allowlist_parse(a, text, &l->entry, &l->count, &l->why) == 0;
}

static bool is_entry(const struct list *l, size_t i, const char *path, unsigned char byte, int line)
{
	const struct allow_entry *e = &l->entry[i];

	for (size_t k = 0; k < SHA256_SIZE; k++)
		if (i >= l->count || e->sha256[k] != byte)
			return false;
	return !strcmp(e->path, path) && e->line == line;
}

static void test_lines(struct arena *a)
{
	struct list l;

	ok(parse(a, BYTES(""), &l) && l.count == 0, "nothing");
	ok(parse(a, BYTES("\n\n  \n\t\n"), &l) && l.count == 0, "blank lines");
	ok(parse(a, BYTES("# x\n  # y\n#"), &l) && l.count == 0, "comments");
	ok(parse(a, BYTES("# first\n" B "  z\n" A " *a/b\n"), &l) && l.count == 2 &&
	    is_entry(&l, 0, "a/b", 0xaa, 3) && is_entry(&l, 1, "z", 0xbb, 2), "sorted by path, with their lines");
	ok(parse(a, BYTES(A "  x\n" A "  ./x\n" A "  x"), &l) && l.count == 1 && is_entry(&l, 0, "x", 0xaa, 1),
	    "a repetition is dropped, the first line stays");
	ok(parse(a, BYTES(A " x\n" B "\ty z\n"), &l) && l.count == 2 && l.entry[0].one_blank && l.entry[1].one_blank,
	    "one blank");
	ok(parse(a, BYTES(A " *x\n" A "\t*y\n" A "\t z\n"), &l) && l.count == 3 && !l.entry[0].one_blank, "two");
	ok(!parse(a, BYTES(A "  x\n" B "  ./x\n"), &l) && l.why.code == REFUSE_ALLOWLIST &&
	    strstr(l.why.text, "line 2") && strstr(l.why.text, "line 1"), "two digests: both lines are named");
}

static void test_spellings(struct arena *a)
{
	static const struct {
		const char *written, *path;
	} table[] = {
		{ "a", "a" }, { "./a", "a" }, { "././/a", "a" }, { "a//b/./c", "a/b/c" }, { "/a", "/a" },
		{ "//a/./b", "/a/b" }, { "...", "..." }, { "a/..b", "a/..b" }, { ".a", ".a" }, { "./-", "-" },
		{ "*a", "*a" }, { "a b", "a b" }, { "a\\b", "a\\b" }, { "a\tb", "a\tb" }, { "\xff", "\xff" },
		{ "..", NULL }, { "../a", NULL }, { "a/..", NULL }, { "a/../b", NULL }, { "/..", NULL }, { ".", NULL },
		{ "/", NULL }, { "./", NULL }, { "a/", NULL }, { "a/.", NULL }, { "-", NULL }, { " a", NULL },
		{ "a ", NULL }, { "a\t", NULL },
	};
	char name[100];

	for (size_t i = 0; i < COUNT(table); i++) {
		struct list l;
		bool taken = parse(a, bytes_of(arena_printf(a, A "  %s\n", table[i].written)), &l);

		snprintf(name, sizeof(name), "path %zu is %s", i, table[i].path ? "taken" : "refused");
		ok(taken == (table[i].path != NULL) && (!taken || is_entry(&l, 0, table[i].path, 0xaa, 1)), name);
	}
}

/* The root's own paths are relative to it; others are absolute. */
static void test_find(struct arena *a)
{
	struct list l;
	struct trust_root root = { .path = "/r" };

	ok(parse(a, BYTES(A "  p/x\n" B "  /q/y\n" A "  r/z\n"), &l), "a list to look into");
	root.entry = l.entry;
	root.entries = l.count;
	ok(allowlist_find(&root, "/r/p/x") && allowlist_find(&root, "/q/y"), "what is listed is found");
	ok(!allowlist_find(&root, "/p/x") && !allowlist_find(&root, "/rr/p/x") && !allowlist_find(&root, "/r/p") &&
	    !allowlist_find(&root, "/r/p/x/") && !allowlist_find(&root, "/r/q/y") && !allowlist_find(&root, "/r") &&
	    !allowlist_find(&root, "/"), "nothing near it is");
	root.path = "/";
	ok(allowlist_find(&root, "/p/x") && allowlist_find(&root, "/r/z") && !allowlist_find(&root, "/r/p/x"),
	    "below a root that is /");
	root.entries = 0;
	ok(!allowlist_find(&root, "/p/x"), "in an empty list nothing is");
}

/* Every one of many, put in by no order. */
static void test_many(struct arena *a)
{
	struct buf text = { 0 };
	struct list l;
	struct trust_root root = { .path = "/r" };
	size_t found = 0;

	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, "%064x  d/%u\n", i * 7919 % 5000, i * 7919 % 5000);
	ok(parse(a, buf_bytes(&text), &l) && l.count == 5000, "5000 lines");
	root.entry = l.entry;
	root.entries = l.count;
	for (unsigned i = 0; i < 5000; i++) {
		const struct allow_entry *e = allowlist_find(&root, arena_printf(a, "/r/d/%u", i));

		found += e && e->sha256[31] == i % 256 && e->sha256[30] == i / 256;
	}
	ok(found == 5000, "each is found with its digest");
	buf_free(&text);
}

static int print_list(const char *path)
{
	struct arena a = { 0 };
	struct bytes text;
	struct list l;

	if (file_read(&a, AT_FDCWD, path, ALLOWLIST_BYTES, &text) < 0)
		return 2;
	if (!parse(&a, text, &l)) {
		puts(l.why.text);
		return 3;
	}
	for (size_t i = 0; i < l.count; i++) {
		char hex[SHA256_HEX];

		hex_encode(hex, l.entry[i].sha256, SHA256_SIZE);
		printf("%s %s\n", hex, l.entry[i].path);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct arena a = { 0 };

	if (argc == 2)
		return print_list(argv[1]);
	test_lines(&a);
	test_spellings(&a);
	test_find(&a);
	test_many(&a);
	arena_free(&a);
	printf("1..%d\n", tests);
	return failures != 0;
}
