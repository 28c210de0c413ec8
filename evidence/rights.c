/*
 * rights.c - what the supervisor gives up before "go": capabilities, every file but
 * those of the run folder, and all system calls but those that waiting for the watch
 * and closing the folder need. Runs in the supervisor, once.
 *
 * It reads nothing that the plugin wrote while the plugin lives. Afterwards it walks
 * over findings and logs, which the broker has cleaned, and which may be how somebody
 * tries to get at it: then there is nothing left to be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/evidence.h"
#include "jail/kernel.h" /* numbers of the kernel's; no code */
#include "lib/confine.h"

/* ---- capabilities ------------------------------------------------------------------ */

/*
 * The folder is our own, so its files need none. For its last name the directory it
 * stands in is written to: where that is somebody else's (root, for a folder in a
 * user's home), the right to do so is kept; Landlock holds it to that directory.
 */
static uint64_t caps_needed(const struct rundir *rd, bool place)
{
	struct stat st;

	/* There lies what the plugin made, as a user of its own. */
	if (place)
		return CAP_BIT_DAC_OVERRIDE | CAP_BIT_FOWNER;
	if (fstat(rd->parent, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & (S_IWUSR | S_IXUSR)) == (S_IWUSR | S_IXUSR))
		return 0;
	return CAP_BIT_DAC_OVERRIDE;
}

/* ---- files --------------------------------------------------------------------------- */

/* Beside the folder: the last name, and "latest" where it is ours to point. */
static int files_drop(const struct rundir *rd, bool place)
{
	const struct confine_tree tree[] = {
		{ rd->dir, LL_READ_FILE | LL_READ_DIR | LL_WRITE_FILE | LL_MAKE_REG |
		    (place ? LL_REMOVE_FILE | LL_REMOVE_DIR : 0) |
		    (rd->staging >= 0 ? LL_REMOVE_FILE | LL_MAKE_DIR : 0) },
		{ rd->parent, LL_REMOVE_DIR | LL_MAKE_DIR |
		    (rd->default_out ? LL_REMOVE_FILE | LL_MAKE_SYM : 0) },
	};

	/* Not alone: the watch dies of a signal when we do, and that one is ours. */
	return files_keep(tree, COUNT(tree), false);
}

/* ---- system calls ----------------------------------------------------------------------- */

#ifdef SYS_renameat
#define RENAMING ALLOW(renameat2), ALLOW(renameat)
#else
#define RENAMING ALLOW(renameat2)
#endif
#ifdef __SANITIZE_ADDRESS__ /* its C library asks so */
#define ASKING ALLOW_WITH(ioctl, 1, TIOCGWINSZ), ALLOW_WITH(ioctl, 1, TCGETS)
#else
#define ASKING ALLOW_WITH(ioctl, 1, TIOCGWINSZ)
#endif

/* Waiting; the folder; the summary, which has colours on a terminal. What openat2 is
 * told cannot be seen here, and Landlock looks at it. */
#define CLOSING                                                               \
	ALLOW_POLL, ALLOW(read), ALLOW(recvfrom), ALLOW(sendto), ALLOW(wait4), \
	ALLOW(getrandom), /* many different findings are counted by hash */     \
	ALLOW(openat2), ALLOW(openat), ALLOW(write), ALLOW(writev), ALLOW(close), \
	ALLOW(pread64), ALLOW(fstat), ALLOW(newfstatat), ALLOW(fchmod), ALLOW(fsync), \
	ALLOW(ftruncate), /* a torn last line, where the broker died */       \
	ALLOW_WITH(fcntl, 1, F_GETFL), RENAMING, ALLOW(symlinkat), ALLOW(unlinkat), \
	ASKING, ALLOW_LIVING

static const struct sock_filter calls[] = {
	FILTER_BEGIN,
	CLOSING,
	REFUSE_PASSING,
	FILTER_END,
};

/* What was handed over has directories. Landlock has to let it make some beside the
 * folder as well, since the folder is renamed there: so only where it is needed. */
static const struct sock_filter calls_of_maker[] = {
	FILTER_BEGIN,
	CLOSING,
	ALLOW(mkdirat),
	REFUSE_PASSING,
	FILTER_END,
};

/* The jail's place in the folder is cleared (lib/tree.c). */
#define CLEARING                                                              \
	ALLOW(dup), ALLOW(fchown), ALLOW(getegid), ALLOW(lseek), ALLOW(getdents64), \
	ALLOW(fchmodat), ALLOW_WITH(fcntl, 1, F_SETFD)

static const struct sock_filter calls_of_clearer[] = {
	FILTER_BEGIN,
	CLOSING,
	CLEARING,
	REFUSE_PASSING,
	FILTER_END,
};

static const struct sock_filter calls_of_both[] = {
	FILTER_BEGIN,
	CLOSING,
	CLEARING,
	ALLOW(mkdirat),
	REFUSE_PASSING,
	FILTER_END,
};

static int calls_drop(bool place, bool makes)
{
	if (place)
		return makes ? calls_keep(calls_of_both, COUNT(calls_of_both)) :
		    calls_keep(calls_of_clearer, COUNT(calls_of_clearer));
	return makes ? calls_keep(calls_of_maker, COUNT(calls_of_maker)) :
	    calls_keep(calls, COUNT(calls));
}

/* ---- all of it ----------------------------------------------------------------------------- */

const char *supervisor_confine(const struct rundir *rd, bool place)
{
	uint64_t caps = caps_needed(rd, place);

	if (capabilities_keep(caps) != 0)
		return "drop its capabilities";
	if (privileges_forgo() != 0)
		return "give up gaining privileges";
	if (files_drop(rd, place) != 0)
		return "put up the Landlock wall";
	if (calls_drop(place, rd->staging >= 0) != 0)
		return "load its system call filter";
	return NULL;
}
