/*
 * scratch.c - what the plugin holds in files where no mount of its own has a
 * ceiling: in the directories that it may write to, and in files that it has open
 * and that have no name any more. Runs in the watch, which walks a tree that
 * its enemy is changing: no link is followed, and what is too deep to be counted
 * counts as too much.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "jail/jail.h"

#define DEEP 64    /* directories in one another */
#define NAMELESS 1024

struct walk {
	struct scratch_use *use;
	DIR *dir[DEEP];
	int depth;
};

static void count(struct scratch_use *use, const struct stat *st)
{
	use->inodes++;
	use->bytes += (uint64_t)st->st_blocks * 512;
}

static void enter(struct walk *w, int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		/* Gone meanwhile, or no directory any more. What cannot be looked into for
		 * any other reason could hold anything. */
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			w->use->uncountable = true;
		return;
	}
	if (w->depth == DEEP) {
		w->use->uncountable = true;
		close(fd);
		return;
	}
	w->dir[w->depth] = fdopendir(fd);
	if (w->dir[w->depth] == NULL)
		close(fd);
	else
		w->depth++;
}

static void look_at(struct walk *w, DIR *dir, const char *name)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	count(w->use, &st);
	/* What its owner can neither write nor pass is empty: he may not change modes. */
	if (S_ISDIR(st.st_mode) && (st.st_mode & (S_IWUSR | S_IXUSR)) != 0)
		enter(w, dirfd(dir), name);
}

void scratch_tree(int root, uint64_t most_inodes, struct scratch_use *use)
{
	static const char *const own[] = { "workspace", "home/plugin", "tmp" };
	struct walk w = { .use = use };
	const struct dirent *entry;
	size_t i;

	for (i = 0; i < COUNT(own); i++) {
		enter(&w, root, own[i]);
		while (w.depth > 0) {
			DIR *dir = w.dir[w.depth - 1];

			entry = use->inodes > most_inodes ? NULL : readdir(dir);
			if (entry != NULL) {
				look_at(&w, dir, entry->d_name);
				continue;
			}
			closedir(dir);
			w.depth--;
		}
	}
}

static bool met_before(const struct stat *st, struct scratch_use *use)
{
	static ino_t met[NAMELESS];
	size_t i;

	for (i = 0; i < use->nameless; i++)
		if (met[i] == st->st_ino)
			return true;
	if (use->nameless < NAMELESS)
		met[use->nameless++] = st->st_ino;
	return false;
}

void scratch_open(int pid, struct scratch_use *use)
{
	const struct dirent *entry;
	struct stat st;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (dir == NULL) /* gone; or not ours to look into, and the disk is looked at */
		return;
	while ((entry = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
		    st.st_nlink == 0 && !met_before(&st, use))
			count(use, &st);
	closedir(dir);
}

uint64_t scratch_free(int root, uint64_t *total)
{
	struct statvfs fs;

	if (fstatvfs(root, &fs) != 0) {
		*total = 0;
		return 0;
	}
	*total = (uint64_t)fs.f_blocks * fs.f_frsize;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}
