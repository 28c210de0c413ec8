/*
 * rundir.c (test) - evidence/rundir.c: what is refused while a run folder is
 * written, and what the sealed one looks like. Digests are sha256sum's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"

static int tests, failures;
static struct arena arena;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

static void refused(int rc, const struct why *why, enum refusal code, const char *word,
    const char *name)
{
	ok(rc < 0 && why->code == code && strstr(why->text, word) != NULL, name, why->text);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static bool there(const char *path)
{
	return mode_of(path) != 0;
}

static const char *content(const char *path)
{
	struct bytes b;

	return file_read(&arena, AT_FDCWD, path, 1 << 20, &b) < 0 ? "(unreadable)" :
	    arena_text(&arena, b);
}

static void test_whole(void)
{
	struct why why = { 0 };
	struct rundir rd;
	int fd;

	ok(rundir_create(&arena, "whole", "x", &rd, &why) == 0 && there("whole.partial/inputs") &&
	    there("whole.partial/logs") && there("whole.partial/journal") && !there("whole"),
	    "a folder begins as .partial", why.text);
	ok(mode_of("whole.partial") == 0700, "which is its owner's alone", "");
	ok(rundir_put(&rd, "run.json", BYTES("abc"), &why) == 0 &&
	    rundir_put(&rd, "inputs/empty", BYTES(""), &why) == 0, "documents", why.text);
	fd = rundir_stream(&rd, "logs/out", &why);
	ok(fd >= 0 && write_all(fd, "ab", 2) == 0 && write_all(fd, "c", 1) == 0, "a stream", why.text);
	ok(lseek(fd, 0, SEEK_SET) == 0 && write_all(fd, "\n", 1) == 0, "which only grows", "");
	ok(rundir_seal(&rd, false, &why) == 0 && there("whole") && !there("whole.partial"),
	    "sealed", why.text);
	ok(strcmp(content("whole/SHA256SUMS"),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  inputs/empty\n"
	    "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb  logs/out\n"
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  run.json\n") == 0,
	    "the sums, in order", content("whole/SHA256SUMS"));
	ok(mode_of("whole") == 0555 && mode_of("whole/logs") == 0555 &&
	    mode_of("whole/logs/out") == 0444 && mode_of("whole/SHA256SUMS") == 0444,
	    "read-only", "");
	refused(rundir_create(&arena, "whole", "x", &rd, &why), &why, REFUSE_USAGE, "whole exists",
	    "never written over");
}

static void test_refused(void)
{
	static const char *const bad[] = { "../out", "/tmp/out", "inputs/../../out", "no/such/file" };
	struct why why = { 0 };
	struct rundir rd;

	rundir_create(&arena, "bad", "x", &rd, &why);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct why w = { 0 };

		refused(rundir_put(&rd, bad[i], BYTES("x"), &w), &w, REFUSE_EVIDENCE, bad[i], bad[i]);
	}
	why = (struct why){ 0 };
	rundir_put(&rd, "once", BYTES("x"), &why);
	refused(rundir_put(&rd, "once", BYTES("y"), &why), &why, REFUSE_EVIDENCE, "once",
	    "a document is written once");
	ok(strcmp(content("bad.partial/once"), "x") == 0, "and stays as it was", "");
	why = (struct why){ 0 };
	if (symlink("/dev/null", "bad.partial/link") == 0)
		refused(rundir_stream(&rd, "link", &why), &why, REFUSE_EVIDENCE, "link",
		    "a link in the way is not followed");
	why = (struct why){ 0 };
	rundir_stream(&rd, "gone", &why);
	unlink("bad.partial/gone");
	refused(rundir_seal(&rd, false, &why), &why, REFUSE_EVIDENCE, "gone",
	    "a stream whose name is gone");
	ok(there("bad.partial") && !there("bad"), "leaves .partial", "");
}

static void test_names(void)
{
	static const struct { const char *out, *id; enum refusal code; } bad[] = {
		{ "", "x", REFUSE_USAGE }, { ".", "x", REFUSE_USAGE }, { "..", "x", REFUSE_USAGE },
		{ "/", "x", REFUSE_USAGE }, { "whole/..", "x", REFUSE_USAGE },
		{ "no/such", "x", REFUSE_USAGE }, { "whole/SHA256SUMS/x", "x", REFUSE_USAGE },
		{ NULL, "", REFUSE_USAGE }, { NULL, "../x", REFUSE_USAGE }, { NULL, ".", REFUSE_USAGE },
		{ NULL, "a/b", REFUSE_USAGE },
	};
	struct why why = { 0 };
	struct rundir rd;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct why w = { 0 };

		ok(rundir_create(&arena, bad[i].out, bad[i].id, &rd, &w) < 0 && w.code == bad[i].code,
		    bad[i].out ? bad[i].out : bad[i].id, w.text);
	}
	ok(rundir_create(&arena, "slash///", "x", &rd, &why) == 0 &&
	    rundir_seal(&rd, true, &why) == 0 && there("slash"), "slashes behind a name", why.text);
}

static void test_default(void)
{
	char target[100] = "";
	struct why why = { 0 };
	struct rundir rd;
	ssize_t n;

	ok(rundir_create(&arena, NULL, "first", &rd, &why) == 0 && rundir_seal(&rd, false, &why) == 0 &&
	    there("out/first"), "out/ is made", why.text);
	n = readlink("out/latest", target, sizeof(target) - 1);
	ok(n == 5 && strcmp(target, "first") == 0, "out/latest points to it", target);
	ok(rundir_create(&arena, NULL, "second", &rd, &why) == 0 && rundir_seal(&rd, false, &why) == 0,
	    "a second one", why.text);
	memset(target, 0, sizeof(target));
	n = readlink("out/latest", target, sizeof(target) - 1);
	ok(n == 6 && strcmp(target, "second") == 0, "out/latest moves on", target);
	unlink("out/latest");
	mkdir("out/latest", 0755);
	ok(rundir_create(&arena, NULL, "third", &rd, &why) == 0 && rundir_seal(&rd, false, &why) == 0 &&
	    mode_of("out/latest") == 0755, "a directory of that name stays", why.text);
	rename("out", "elsewhere");
	if (symlink("elsewhere", "out") == 0)
		refused(rundir_create(&arena, NULL, "fourth", &rd, &why), &why, REFUSE_EVIDENCE, "out",
		    "out that is a link is not followed");
	why = (struct why){ 0 };
	unlink("out");
	close(open("out", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refused(rundir_create(&arena, NULL, "fifth", &rd, &why), &why, REFUSE_EVIDENCE, "out",
	    "nor a file");
	unlink("out");
}

/* More entries than the first table holds, put in no order. */
static void test_many(void)
{
	struct why why = { 0 };
	struct folder f;
	struct rundir rd;
	char name[20];
	bool good = rundir_create(&arena, "many", "x", &rd, &why) == 0;

	for (int i = 0; i < 200 && good; i++) {
		snprintf(name, sizeof(name), "f%d", i * 77 % 200);
		good = rundir_put(&rd, name, bytes_of(name), &why) == 0;
	}
	rundir_put(&rd, "inputs/x", BYTES("x"), &why);
	good = good && rundir_seal(&rd, false, &why) == 0;
	ok(good && folder_load(&arena, "many", &f, &why) == 0 && f.files == 202 &&
	    folder_verify(&f, &why) == 0, "two hundred documents", why.text);
}

static void test_folder(void)
{
	struct folder f = { .path = "x" };

	folder_add(&arena, &f, "b", BYTES("2"));
	folder_add(&arena, &f, "a", BYTES("1"));
	folder_add(&arena, &f, "c", (struct bytes){ NULL, 0 });
	folder_add(&arena, &f, "b", BYTES("two"));
	ok(f.files == 3 && strcmp(f.file[0].name, "a") == 0 && strcmp(f.file[2].name, "c") == 0,
	    "a folder in memory is sorted", "");
	ok(bytes_are(folder_get(&f, "b"), "two") && folder_get(&f, "c").p != NULL &&
	    folder_get(&f, "c").n == 0 && folder_get(&f, "aa").p == NULL &&
	    folder_get(&f, "").p == NULL, "replaced; empty is not missing", "");
}

int main(void)
{
	char path[] = "/tmp/oxg-rundir-XXXXXX", tidy[100];

	umask(022);
	if (!mkdtemp(path) || chdir(path) < 0) {
		printf("Bail out! no directory for the files of this test\n");
		return 1;
	}
	test_whole();
	test_refused();
	test_names();
	test_default();
	test_many();
	test_folder();
	snprintf(tidy, sizeof(tidy), "chmod -R u+w %s && rm -rf %s", path, path);
	if (chdir("/") < 0 || system(tidy) != 0)
		printf("# %s is left\n", path);
	printf("1..%d\n", tests);
	return failures > 0;
}
