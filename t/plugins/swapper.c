/*
 * swapper.c - no plugin, but who changes one while it is verified: each of its
 * three files becomes another and itself again, in every way that a file can.
 *
 *   swapper DIR NAME GOOD EVIL COUNT SECONDS
 *
 * DIR, GOOD and EVIL hold NAME, NAME.sig and manifest.json. It stops after COUNT
 * swaps or so many SECONDS, puts the good ones back, and says how many it made.
 * It dies with its parent.
 *
 * Under any other first argument it is the evil artifact itself, and says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES 3

enum side { GOOD, EVIL };

static struct file {
	char name[64];
	char path[2][512];       /* of the two that a link may lead to */
	unsigned char *bytes[2];
	size_t n[2];
} file[FILES];

static uint32_t below(uint32_t n)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 20) % n;
}

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "swapper: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void load(struct file *f, enum side side, const char *dir)
{
	char name[64];
	struct stat st;
	int fd;

	memcpy(name, f->name, sizeof(name));
	snprintf(f->path[side], sizeof(f->path[side]), "%s/%s", dir, name);
	fd = open(f->path[side], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		give_up(f->path[side]);
	f->n[side] = (size_t)st.st_size;
	f->bytes[side] = malloc(f->n[side] + 1);
	if (f->bytes[side] == NULL || read(fd, f->bytes[side], f->n[side]) != (ssize_t)f->n[side])
		give_up(f->path[side]);
	close(fd);
}

/* ---- the ways ------------------------------------------------------------------- */

static void put(int fd, const unsigned char *p, size_t n, off_t at)
{
	if (pwrite(fd, p, n, at) != (ssize_t)n)
		give_up("write");
}

static void rename_over(const struct file *f, enum side side)
{
	int fd = open("next", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0)
		give_up("next");
	put(fd, f->bytes[side], f->n[side], 0);
	close(fd);
	if (rename("next", f->name) != 0)
		give_up(f->name);
}

/* What is there becomes the other without a new inode; half of it first. A link's
 * other end is not ours to write to. */
static void write_in_place(const struct file *f, enum side side, int flags)
{
	size_t half = f->n[side] / 2;
	struct stat st;
	int fd;

	if (lstat(f->name, &st) != 0)
		give_up(f->name);
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		rename_over(f, side == GOOD ? EVIL : GOOD);
	fd = open(f->name, O_WRONLY | O_CLOEXEC | flags);
	if (fd < 0)
		give_up(f->name);
	put(fd, f->bytes[side], half, 0);
	put(fd, f->bytes[side] + half, f->n[side] - half, (off_t)half);
	if (ftruncate(fd, (off_t)f->n[side]) != 0)
		give_up(f->name);
	close(fd);
}

static void hard_link(const struct file *f, enum side side)
{
	struct stat now, then;

	/* Two names of one inode: rename would do nothing. */
	if (stat(f->name, &now) == 0 && stat(f->path[side], &then) == 0 && now.st_ino == then.st_ino)
		return;
	if (link(f->path[side], "next") != 0 || rename("next", f->name) != 0)
		give_up(f->name);
}

static void symbolic_link(const struct file *f, enum side side)
{
	if (symlink(f->path[side], "next") != 0 || rename("next", f->name) != 0)
		give_up(f->name);
}

static void swap(const struct file *f, enum side side)
{
	switch (below(5)) {
	case 0: rename_over(f, side); break;
	case 1: write_in_place(f, side, 0); break;
	case 2: write_in_place(f, side, O_TRUNC); break;
	case 3: hard_link(f, side); break;
	case 4: symbolic_link(f, side); break;
	}
}

/* ---- the rhythm --------------------------------------------------------------------- */

static void doze(long microseconds)
{
	struct timespec t = { 0, microseconds * 1000 };

	nanosleep(&t, NULL);
}

/* The evil one stands for a moment, the good one mostly as shortly, but at times for
 * as long as a whole verification: a run that sees the change, and one that does not. */
static void swap_twice(void)
{
	const struct file *f = &file[below(FILES)];

	swap(f, EVIL);
	if (below(2))
		doze(below(300));
	/* In a way that leaves a regular file: a link is refused without a look. */
	if (below(2))
		rename_over(f, GOOD);
	else
		write_in_place(f, GOOD, 0);
	doze(below(2) ? below(500) : below(8000));
}

int main(int argc, char **argv)
{
	long made = 0, most;
	time_t end;

	if (argc != 7) {
		puts("swap-evil");
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(file[0].name, sizeof(file[0].name), "%s", argv[2]);
	snprintf(file[1].name, sizeof(file[1].name), "%s.sig", argv[2]);
	snprintf(file[2].name, sizeof(file[2].name), "manifest.json");
	for (int i = 0; i < FILES; i++) {
		load(&file[i], GOOD, argv[3]);
		load(&file[i], EVIL, argv[4]);
	}
	if (chdir(argv[1]) != 0)
		give_up(argv[1]);
	most = strtol(argv[5], NULL, 10);
	end = time(NULL) + strtol(argv[6], NULL, 10);
	for (; made < most && time(NULL) < end; made += 2)
		swap_twice();
	for (int i = 0; i < FILES; i++)
		rename_over(&file[i], GOOD);
	printf("%ld\n", made);
	return 0;
}
