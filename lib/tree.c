/*
 * tree.c - removes a directory that an enemy filled: as deep as he liked, with
 * whatever modes. Runs when his processes are dead.
 *
 * It goes down and up with one descriptor at a time, not by recursion: neither
 * stack nor descriptors may be his to spend.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/lib.h"

#define DESCENTS 1000000 /* more than a plugin may make directories, by far */

static int open_dir(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Gone, one way or the other? Only a directory that is not empty stays. */
static bool remove_entry(int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 || errno == ENOENT ||
	    unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* Removes what can be; of what cannot the first is left in name. "": nothing. */
static int empty_dir(int dir, char name[256])
{
	const struct dirent *entry;
	int again = dup(dir);
	DIR *list = again < 0 ? NULL : fdopendir(again);

	name[0] = '\0';
	if (list == NULL) {
		if (again >= 0)
			close(again);
		return -1;
	}
	rewinddir(list);
	while ((entry = readdir(list)) != NULL && name[0] == '\0')
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !remove_entry(dir, entry->d_name))
			memcpy(name, entry->d_name, strlen(entry->d_name) + 1);
	closedir(list);
	return 0;
}

static bool same(int fd, const struct stat *st)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/* A directory's modes are ours to change, what a link points to is not. */
static void open_up(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		(void)fchmodat(dir, name, 0700, 0);
}

int tree_remove(int at, const char *root)
{
	int dir = open_dir(at, root), next, descents = 0;
	struct stat top, above;
	char name[256];

	if (dir < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(dir, &top) != 0 || fstatat(dir, "..", &above, AT_SYMLINK_NOFOLLOW) != 0) {
		close(dir);
		return -1;
	}
	for (;;) {
		(void)fchmod(dir, 0700);
		if (empty_dir(dir, name) != 0 || ++descents > DESCENTS)
			break;
		if (name[0] == '\0' && same(dir, &top)) {
			close(dir);
			return unlinkat(at, root, AT_REMOVEDIR);
		}
		if (name[0] != '\0')
			open_up(dir, name);
		next = open_dir(dir, name[0] != '\0' ? name : "..");
		if (next < 0)
			break;
		close(dir);
		dir = next;
		errno = EXDEV;
		if (same(dir, &above)) /* somebody moved what we were in */
			break;
	}
	next = errno;
	close(dir);
	errno = next;
	return -1;
}
