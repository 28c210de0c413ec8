/*
 * unstage.c (test) - evidence/unstage.c, evidence/handed.c: a staging file that a broker
 * wrote becomes files; of one that somebody else wrote, or spoilt, nothing is made. Digests
 * are sha256sum's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

#define LIMIT 100

static int tests, failures, folders;
static struct arena arena;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

/* ---- records, written as no broker would ------------------------------------------------- */

/* "abc", "", and "xyz" */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NONE "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define XYZ "3608bca1e44ea6c4d268eb6db02260269892c0b42b86bbf1e77a6fa16c3c9282"

static struct buf staged;

static void put(uint32_t kind, uint32_t file, const void *p, size_t n)
{
	struct handed_record r = { kind, file, (uint32_t)n };

	buf_add(&staged, &r, sizeof(r));
	buf_add(&staged, p, n);
}

static void begin_as(uint32_t file, struct handed_begin as, const char *path)
{
	struct buf b = { 0 };

	buf_add(&b, &as, sizeof(as));
	buf_text(&b, path);
	put(HANDED_BEGIN, file, b.p, b.n);
	buf_free(&b);
}

static void begin(uint32_t file, const char *path)
{
	begin_as(file, (struct handed_begin){ .class = HANDED_ARTIFACT }, path);
}

static void data(uint32_t file, const char *text)
{
	put(HANDED_DATA, file, text, strlen(text));
}

static void end(uint32_t file, const char *hex)
{
	unsigned char digest[SHA256_SIZE];

	hex_decode(bytes_of(hex), digest, sizeof(digest));
	put(HANDED_END, file, digest, sizeof(digest));
}

static void file(uint32_t number, const char *path)
{
	begin(number, path);
	data(number, "abc");
	end(number, ABC);
}

/* ---- a folder of them ------------------------------------------------------------------------ */

static struct rundir dir;
static struct folder folder;
static struct handed list;
static struct why why;

/* What was put so far, as a folder of its own. */
static int unstaged(bool whole)
{
	char name[32];

	snprintf(name, sizeof(name), "f%d", ++folders);
	folder = (struct folder){ .path = "f" };
	memset(&list, 0, sizeof(list));
	why.code = REFUSAL_NONE;
	if (rundir_create(&arena, arena_text(&arena, bytes_of(name)), "x", &dir, &why) != 0 ||
	    rundir_staging(&dir, &why) != 0 || write_all(dir.staging, staged.p, staged.n) != 0)
		abort();
	staged.n = 0;
	return unstage(&arena, &dir, LIMIT, whole, &folder, &list, &why);
}

static bool there(const char *name)
{
	struct stat st;

	return fstatat(dir.dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Nothing but what it began with, and the staging file. */
static bool untouched(void)
{
	return there(STAGING) && !there("artifacts") && !there("changes") && folder.files == 0;
}

static bool holds(const char *name, const char *text)
{
	return there(name) && bytes_are(folder_get(&folder, name), text);
}

static void good(void)
{
	struct handed_begin change = { .class = HANDED_CHANGE, .flags = 3, .base = { 7 } },
	    delete = { .class = HANDED_DELETE };

	ok(unstaged(true) == 0 && !there(STAGING) && !there("artifacts"), "nothing was handed over", why.text);
	begin(1, "a/b");
	data(1, "a");
	begin_as(2, change, "a");
	data(2, "xy");
	data(1, "bc");
	end(1, ABC);
	begin_as(3, delete, "gone/x");
	end(3, NONE);
	begin(4, "empty");
	data(2, "z");
	end(2, XYZ);
	end(4, NONE);
	ok(unstaged(true) == 0 && !there(STAGING) && holds("artifacts/a/b", "abc") && holds("changes/a", "xyz") &&
	    holds("artifacts/empty", "") && !there("changes/gone") && folder.files == 3 && list.files == 4 &&
	    list.file[1].as.flags == 3 && list.file[1].as.base[0] == 7 && list.file[2].state == HANDED_ENDED,
	    "F149: pieces of several files, mixed", why.text);
	ok(rundir_seal(&dir, true, &why) == 0, "they are sealed", why.text);
	ok(file_read(&arena, AT_FDCWD, "f2/SHA256SUMS", 1000, &folder.file[0].bytes) == 0 &&
	    bytes_are(folder.file[0].bytes, ABC "  artifacts/a/b\n" NONE "  artifacts/empty\n" XYZ "  changes/a\n"),
	    "F149: and in the sums", (const char *)folder.file[0].bytes.p);

	file(1, "a");
	put(HANDED_DROP, 1, "", 0);
	begin(2, "a");
	data(2, "lost");
	put(HANDED_DROP, 2, "", 0);
	begin(3, "a/b");
	data(3, "not ended");
	ok(unstaged(true) == 0 && !there("artifacts") && list.file[2].state == HANDED_DROPPED,
	    "dropped ones and one that did not end are none", why.text);
	file(1, "a");
	put(HANDED_DROP, 1, "", 0);
	file(2, "a");
	ok(unstaged(true) == 0 && holds("artifacts/a", "abc"), "a path is free again when its file was dropped", why.text);
}

/* Of a broker that died a torn record is expected, and nothing else is forgiven. */
static void torn(void)
{
	for (size_t cut = 1; cut < sizeof(struct handed_record) + SHA256_SIZE; cut++) {
		bool refused;

		file(1, "kept");
		file(2, "torn");
		staged.n -= cut;
		refused = unstaged(true) != 0 && untouched() && strstr(why.text, "cut off") != NULL;
		file(1, "kept");
		file(2, "torn");
		staged.n -= cut;
		if (refused && unstaged(false) == 0 && holds("artifacts/kept", "abc") && !there("artifacts/torn"))
			continue;
		ok(false, "F163: a torn record", why.text);
		return;
	}
	ok(true, "F163: a torn record, wherever: refused, and the rest taken of a broker that died", "");
}

/* ---- what no broker writes ------------------------------------------------------------------- */

static void refused(const char *name, const char *sentence)
{
	char full[200];

	snprintf(full, sizeof(full), "F175: refused, and nothing made: %s", name);
	ok(unstaged(true) != 0 && why.code == REFUSE_EVIDENCE && untouched() &&
	    strstr(why.text, "not what a broker writes") != NULL && strstr(why.text, sentence) != NULL, full, why.text);
}

static void malformed(void)
{
	struct handed_begin as = { .class = HANDED_ARTIFACT };
	char name[8];

	buf_text(&staged, "\177ELF and other bytes of nobody's");
	refused("bytes that are no records", "is cut off");
	put(0, 0, "", 0);
	refused("zeros", "no file that has begun");
	file(1, "a");
	put(5, 1, "", 0);
	refused("a kind that is none", "of no kind");
	file(1, "a");
	put(HANDED_DATA, 2, "x", 1);
	refused("bytes of a file that has not begun", "no file that has begun");
	put(HANDED_DATA, UINT32_MAX, "x", 1);
	refused("bytes of the last number there is", "no file that has begun");
	file(1, "a");
	data(1, "x");
	refused("bytes behind the end", "takes none");
	begin(1, "a");
	put(HANDED_DATA, 1, "", 0);
	refused("no bytes", "takes none");
	begin_as(1, (struct handed_begin){ .class = HANDED_DELETE }, "a");
	data(1, "x");
	refused("bytes of a deletion", "takes none");
	begin(1, "a");
	for (int i = 0; i < 34; i++)
		data(1, "xyz");
	refused("more bytes than a run may hand over", "more bytes");
	begin(1, "a");
	data(1, "abc");
	end(1, XYZ);
	ok(unstaged(true) != 0 && strstr(why.text, "digest that is not its own") != NULL && there(STAGING),
	    "F149: another file's digest", why.text);
	begin(1, "a");
	put(HANDED_END, 1, ABC, 31);
	refused("an end without a digest", "without a digest");
	file(1, "a");
	end(1, ABC);
	refused("ended twice", "not open");
	begin(1, "a");
	put(HANDED_DROP, 1, "x", 1);
	refused("a drop with bytes", "drops a file");
	file(1, "a");
	put(HANDED_DROP, 1, "", 0);
	put(HANDED_DROP, 1, "", 0);
	refused("dropped twice", "drops a file");
	begin(2, "a");
	refused("a number out of turn", "out of turn");
	begin(0, "a");
	refused("the number 0", "out of turn");
	put(HANDED_BEGIN, 1, &as, sizeof(as));
	refused("no path", "without a path");
	put(HANDED_BEGIN, 1, "x", 1);
	refused("half a beginning", "without a path");
	begin_as(1, (struct handed_begin){ .class = 9 }, "a");
	refused("a class that is none", "of no class");
	begin_as(1, (struct handed_begin){ .class = HANDED_ARTIFACT, .flags = 1 }, "a");
	refused("an artifact with flags", "changes something");
	begin_as(1, (struct handed_begin){ .class = HANDED_ARTIFACT, .base = { [31] = 1 } }, "a");
	refused("an artifact with a base", "changes something");
	for (uint32_t i = 1; i <= HANDED_OPEN + 1; i++) {
		snprintf(name, sizeof(name), "%u", i);
		begin(i, name);
	}
	refused("nine open at a time", "eight are open");
	for (uint32_t i = 1; i <= HANDED_FILES + 1; i++) {
		snprintf(name, sizeof(name), "%u", i);
		begin(i, name);
		put(HANDED_DROP, i, "", 0);
	}
	refused("the 1,001st", "after 1000 others");
	/* 8 directories of their own each */
	for (uint32_t i = 1; i <= HANDED_DIRECTORIES / 8 + 1; i++) {
		char path[40];

		snprintf(path, sizeof(path), "%u/2/3/4/5/6/7/8/x", i);
		begin(i, path);
		end(i, NONE);
	}
	refused("more directories than a folder may have", "more directories");
}

/* ---- paths -------------------------------------------------------------------------------------- */

#define P16 "0123456789abcdef"
#define P128 P16 P16 P16 P16 P16 P16 P16 P16
#define P255 P128 P16 P16 P16 P16 P16 P16 P16 "0123456789abcde"

static const struct {
	const char *name, *path;
	bool good;
} paths[] = {
	{ "a name", "a", true },
	{ "blanks, dots, quotes, beyond ASCII", "a b/.c/..d/e../\"'&<>*?\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x9a", true },
	{ "names of ours", "SHA256SUMS", true },
	{ "a part of 255 bytes", P255, true },
	{ "16 parts", "1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", true },
	{ "999 bytes", P255 "/" P255 "/" P255 "/" P128 P16 P16 P16 P16 P16 P16 "0123456", true },
	{ "nothing", "", false },
	{ "a slash", "/", false },
	{ "an absolute one", "/etc/passwd", false },
	{ "out of it", "..", false },
	{ "out of it, to a file of ours", "../run.json", false },
	{ "out of it from within", "a/../../x", false },
	{ "out of it at the end", "a/..", false },
	{ "a dot", ".", false },
	{ "a dot within", "a/./b", false },
	{ "two slashes", "a//b", false },
	{ "a slash at the end", "a/", false },
	{ "a backslash", "a\\b", false },
	{ "a newline", "a\nb", false },
	{ "a tab", "a\tb", false },
	{ "an escape", "a\033[31mb", false },
	{ "a DEL", "a\177", false },
	{ "a control of C1", "a\xc2\x9b", false },
	{ "text turned round", "a\xe2\x80\xae" "fdp.exe", false },
	{ "an isolate", "a\xe2\x81\xa6", false },
	{ "a joiner that nobody sees", "a\xe2\x80\x8d", false },
	{ "a byte order mark", "\xef\xbb\xbf" "a", false },
	{ "no UTF-8", "a\xff", false },
	{ "half a character", "a\xc3", false },
	{ "a slash spelt in two bytes", "a\xc0\xaf" "b", false },
	{ "a surrogate", "\xed\xa0\x80", false },
	{ "a part of 256 bytes", P255 "x", false },
	{ "17 parts", "1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", false },
	{ "2 KB", P255 "/" P255 "/" P255 "/" P255 "/" P255 "/" P255 "/" P255 "/" P255, false },
};

static void hostile_paths(void)
{
	char name[120];

	for (size_t i = 0; i < COUNT(paths); i++) {
		snprintf(name, sizeof(name), "F175: a path that is %s: %s", paths[i].good ? "taken" : "refused", paths[i].name);
		ok((handed_path(bytes_of(paths[i].path)) == NULL) == paths[i].good, name, "");
		if (paths[i].good)
			continue;
		begin(1, paths[i].path);
		end(1, NONE);
		snprintf(name, sizeof(name), "in the staging file: %s", paths[i].name);
		if (*paths[i].path == '\0')
			refused(name, "without a path");
		else
			refused(name, strlen(paths[i].path) > HANDED_PATH ? "too long" : "whose path");
	}
	ok(handed_path((struct bytes){ (const unsigned char *)"a\0b", 3 }) != NULL, "F175: a path with a NUL", "");
}

static void taken_paths(void)
{
	static const struct {
		const char *first, *second;
		bool good;
	} pair[] = {
		{ "a", "a", false }, { "a", "a/b", false }, { "a/b", "a", false }, { "a/b/c", "a/b", false },
		{ "a/b", "a/b/c", false }, { "a/b", "a/c", true }, { "a", "ab", true }, { "ab", "a", true },
		{ "a/b", "a/bc", true }, { "a-b", "a/b", true },
	};
	char name[120];

	for (size_t i = 0; i < COUNT(pair); i++) {
		snprintf(name, sizeof(name), "%s, then %s", pair[i].first, pair[i].second);
		file(1, pair[i].first);
		file(2, pair[i].second);
		if (!pair[i].good)
			refused(name, "already, or as a directory");
		else
			ok(unstaged(true) == 0 && folder.files == 2, name, why.text);
	}
	file(1, "a");
	begin_as(2, (struct handed_begin){ .class = HANDED_CHANGE }, "a/b");
	end(2, NONE);
	ok(unstaged(true) == 0 && there("changes/a/b"), "artifacts and changes have paths of their own", why.text);
}

/* Whoever got at the folder meanwhile is not followed. */
static void links(void)
{
	static const char *const name[] = { "artifacts", "artifacts/a", "artifacts/a/b" };

	for (size_t i = 0; i < COUNT(name); i++) {
		file(1, "a/b");
		why.code = REFUSAL_NONE;
		if (rundir_create(&arena, arena_printf(&arena, "l%zu", i), "x", &dir, &why) != 0 ||
		    rundir_staging(&dir, &why) != 0 || write_all(dir.staging, staged.p, staged.n) != 0 ||
		    (i > 0 && mkdirat(dir.dir, "artifacts", 0700) != 0) ||
		    (i > 1 && mkdirat(dir.dir, "artifacts/a", 0700) != 0) ||
		    symlinkat("/tmp", dir.dir, name[i]) != 0)
			abort();
		staged.n = 0;
		folder = (struct folder){ .path = "f" };
		memset(&list, 0, sizeof(list));
		ok(unstage(&arena, &dir, LIMIT, true, &folder, &list, &why) != 0 && why.code == REFUSE_EVIDENCE &&
		    folder.files == 0, "F175: a link in the way is not followed", why.text);
	}
}

/* The broker died before it told of each: of those that are whole the supervisor does. */
static void recovered(void)
{
	const struct clock clock = { true, 1700000000 };
	struct journal j;
	struct buf told = { 0 };

	memset(&list, 0, sizeof(list));
	for (size_t i = 0; i < 4; i++)
		list.file[i] = (struct handed_file){ .path = i == 0 ? "told" : i == 1 ? "not told" : "neither",
			.bytes = 3, .state = i == 3 ? HANDED_DROPPED : HANDED_ENDED,
			.as = { .class = i == 2 ? HANDED_CHANGE : HANDED_ARTIFACT } };
	list.files = 4;
	journal_start(&j, -1, &clock);
	journal_event(&j, "log", "message", "\"type\":\"artifact.put\" \"name\":\"not told\"", NULL);
	journal_event(&j, "artifact.put", "name", "told", NULL);
	buf_add(&told, j.pending.p, j.pending.n);
	j.pending.n = 0;
	artifacts_recover(&arena, &j, buf_bytes(&told), &list);
	buf_byte(&j.pending, '\0');
	ok(strstr((char *)j.pending.p, "\"type\":\"artifact.put\",\"name\":\"not told\",\"bytes\":3,") != NULL &&
	    j.seq == 3, "F163: told of by the supervisor: what is whole, and what nobody told of", (char *)j.pending.p);
}

int main(void)
{
	char place[] = "/tmp/unstage-XXXXXX";
	char remove[sizeof(place) + 32];

	if (mkdtemp(place) == NULL || chdir(place) != 0)
		return 99;
	good();
	torn();
	malformed();
	hostile_paths();
	taken_paths();
	links();
	recovered();
	printf("1..%d\n", tests);
	snprintf(remove, sizeof(remove), "chmod -R u+w %s; rm -rf %s", place, place);
	return failures > 0 || system(remove) != 0;
}
