/*
 * layers.c - what was tried, in words: each layer of the jail, why it is missing
 * and what to do about it. One process, the operator's own; reads /proc and
 * /sys/fs/cgroup. What it reads there only explains: a layer is there when trying
 * it worked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "jail/jail.h"

#define TEXT 65536 /* of a file in /proc */

#define FILTERED "a system call filter around oxg (a container's?) refuses it"
#define UNFILTER "allow it in the container's filter, as with --security-opt seccomp=unconfined"
#define NEEDS_USER "see user_namespaces"
#define YAMA "/proc/sys/kernel/yama/ptrace_scope"

struct looking {
	struct layers *out;
	struct trials trials;
	enum tier weakest;
	bool strict;
	bool filtered;               /* a seccomp filter is around us already */
	bool chrooted;               /* our root is no root of a mount */
	char text[TEXT];
};

#define MOUNT_POINT 4 /* field of a line of mountinfo */

/* ---- what /proc says ------------------------------------------------------------------ */

/* Whole, or "" when it cannot be read. */
static char *text_of(struct looking *l, const char *path)
{
	size_t n = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0) {
		while (n < TEXT - 1 && (got = read(fd, l->text + n, TEXT - 1 - n)) > 0)
			n += (size_t)got;
		close(fd);
	}
	l->text[n] = '\0';
	return l->text;
}

/* The figure in a file, or -1. */
static long figure_of(struct looking *l, const char *path)
{
	return (long)leading_figure(text_of(l, path));
}

static bool is_filtered(struct looking *l)
{
	const char *at = strstr(text_of(l, "/proc/self/status"), "\nSeccomp:\t");

	return at != NULL && leading_figure(at + 10) == 2;
}

/* mountinfo shows a root only when it is the root of a mount. */
static bool is_chrooted(struct looking *l)
{
	char *line = text_of(l, "/proc/self/mountinfo"), *end;
	struct bytes field[MOUNT_POINT + 1];

	if (*line == '\0')
		return false;
	for (; *line != '\0'; line = end + 1) {
		if (fields_split(line, field, COUNT(field)) == COUNT(field) &&
		    bytes_are(field[MOUNT_POINT], "/"))
			return false;
		end = strchr(line, '\n');
		if (end == NULL)
			break;
	}
	return true;
}

/* ---- a line ------------------------------------------------------------------------------ */

static struct layer *add(struct looking *l, const char *name, bool required)
{
	struct layer *layer = &l->out->layer[l->out->count];

	if (l->out->count == COUNT(l->out->layer))
		die(STATUS_JAIL, "there are more layers than were counted");
	l->out->count++;
	layer->name = name;
	layer->required = required;
	layer->status = LAYER_PRESENT;
	return layer;
}

static void is(struct layer *layer, enum layer_status status, const char *detail, const char *remedy)
{
	layer->status = status;
	snprintf(layer->detail, sizeof(layer->detail), "%s", detail);
	snprintf(layer->remedy, sizeof(layer->remedy), "%s", remedy);
}

/* Why a call failed, when nothing better is known. */
static void failed(struct looking *l, struct layer *layer, int error, const char *old_kernel)
{
	layer->status = LAYER_MISSING;
	if (error == TRIAL_KILLED) {
		is(layer, LAYER_MISSING, "trying it is deadly: " FILTERED, UNFILTER);
	} else if (error == TRIAL_NOT_REACHED) {
		is(layer, LAYER_MISSING, "not tried: what it needs is missing", "see the layers above");
	} else if ((error == ENOSYS || error == EPERM) && l->filtered) {
		snprintf(layer->detail, sizeof(layer->detail), "%s: %s", FILTERED, strerror(error));
		snprintf(layer->remedy, sizeof(layer->remedy), "%s", UNFILTER);
	} else {
		snprintf(layer->detail, sizeof(layer->detail), "%s",
		    error == ENOSYS ? "this kernel does not have it" : strerror(error));
		snprintf(layer->remedy, sizeof(layer->remedy), "%s", old_kernel);
	}
}

/* A layer that is either there or not. */
static struct layer *plain(struct looking *l, const char *name, bool required, enum trial what,
    const char *good, const char *old_kernel)
{
	struct layer *layer = add(l, name, required);

	if (l->trials.error[what] == 0)
		is(layer, LAYER_PRESENT, good, "");
	else
		failed(l, layer, l->trials.error[what], old_kernel);
	return layer;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static const char apparmor[] = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

/* EPERM has many fathers; what only explains is read after the fact. */
static void no_user_namespace(struct looking *l, struct layer *layer, int error)
{
	if (error == ENOSPC || error == EUSERS ||
	    (error == EPERM && figure_of(l, "/proc/sys/user/max_user_namespaces") == 0)) {
		snprintf(layer->detail, sizeof(layer->detail), "the kernel allows no more of them "
		    "(user.max_user_namespaces is %ld here)",
		    figure_of(l, "/proc/sys/user/max_user_namespaces"));
		snprintf(layer->remedy, sizeof(layer->remedy), "sysctl -w user.max_user_namespaces=15000");
		layer->status = LAYER_MISSING;
	} else if (error == EPERM && geteuid() != 0 &&
	    figure_of(l, "/proc/sys/kernel/unprivileged_userns_clone") == 0) {
		is(layer, LAYER_MISSING, "only root may have them (kernel.unprivileged_userns_clone is 0)",
		    "sysctl -w kernel.unprivileged_userns_clone=1, or run as root");
	} else if ((error == EPERM || error == EACCES) && geteuid() != 0 && figure_of(l, apparmor) > 0) {
		is(layer, LAYER_MISSING, "AppArmor keeps them from programs without a profile "
		    "(kernel.apparmor_restrict_unprivileged_userns is 1)",
		    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or a profile with \"userns,\" for oxg");
	} else if (error == EPERM && l->chrooted) {
		is(layer, LAYER_MISSING, "the kernel gives none to who is in a chroot",
		    "run oxg outside the chroot, or enter it by pivot_root");
	} else if (error == EAGAIN) {
		is(layer, LAYER_MISSING, "this user has as many processes as its limit allows",
		    "raise the limit (ulimit -u)");
	} else if (error == EINVAL) {
		is(layer, LAYER_MISSING, "this kernel is built without them",
		    "use a kernel with CONFIG_USER_NS");
	} else {
		failed(l, layer, error, "allow unprivileged user namespaces, or run as root");
	}
}

static void add_namespaces(struct looking *l)
{
	const struct trials *t = &l->trials;
	bool spaces = l->weakest == TIER_NAMESPACES;
	struct layer *layer = add(l, "user_namespaces", spaces);

	if (t->error[TRIAL_USER] == 0)
		is(layer, LAYER_PRESENT, "made by this user", "");
	else if (t->error[TRIAL_USER] == TRIAL_NOT_REACHED)
		is(layer, LAYER_MISSING, "not tried: they are made with clone3", "see clone3");
	else
		no_user_namespace(l, layer, t->error[TRIAL_USER]);
	layer = add(l, "namespaces", spaces);
	if (t->error[TRIAL_NAMESPACES] == 0)
		is(layer, LAYER_PRESENT, "user, mount, pid, network, ipc, uts and cgroup at once", "");
	else if (t->error[TRIAL_USER] != 0)
		is(layer, LAYER_MISSING, "not to be had without user namespaces", NEEDS_USER);
	else if (t->lacking == NULL)
		failed(l, layer, t->error[TRIAL_NAMESPACES], "try again");
	else {
		layer->status = LAYER_MISSING;
		snprintf(layer->detail, sizeof(layer->detail), "no %s namespace: %s", t->lacking,
		    strerror(t->error[TRIAL_NAMESPACES]));
		snprintf(layer->remedy, sizeof(layer->remedy), t->error[TRIAL_NAMESPACES] == ENOSPC ?
		    "raise its limit: sysctl user | grep max_.*_namespaces" :
		    "use a kernel that is built with it, or allow it in the container's filter");
	}
}

static void add_identity(struct looking *l)
{
	const struct trials *t = &l->trials;
	int error = t->error[TRIAL_MAPS] != 0 ? t->error[TRIAL_MAPS] : t->error[TRIAL_IDENTITY];
	struct layer *layer = add(l, "identity", l->weakest == TIER_NAMESPACES);

	if (error == 0)
		is(layer, LAYER_PRESENT, "uid and gid 65534 in there, nobody's outside", "");
	else if (t->error[TRIAL_MAPS] == ENOENT || t->error[TRIAL_MAPS] == EROFS)
		is(layer, LAYER_MISSING, "the ids cannot be mapped: /proc is not there or read-only",
		    "mount proc on /proc");
	else
		failed(l, layer, error, "let oxg write its child's uid_map and gid_map");
}

static void add_mounts(struct looking *l)
{
	const struct trials *t = &l->trials;
	bool spaces = l->weakest == TIER_NAMESPACES;
	struct layer *layer = plain(l, "tmpfs", spaces, TRIAL_TMPFS,
	    "mounted as a root of its own, in memory", "allow mounts in user namespaces");

	if ((t->error[TRIAL_TMPFS] == EACCES || t->error[TRIAL_TMPFS] == EPERM) &&
	    figure_of(l, apparmor) > 0)
		is(layer, LAYER_MISSING, "AppArmor lets no mount be made there "
		    "(kernel.apparmor_restrict_unprivileged_userns is 1)",
		    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or a profile with \"userns,\" for oxg");
	plain(l, "pivot_root", spaces, TRIAL_PIVOT, "the host's root is left behind",
	    "run oxg where the root is a mount, not an initial ramdisk");
	plain(l, "mount_api", false, TRIAL_MOUNT_API,
	    "open_tree, mount_setattr and move_mount, for --runtime and --input-bind",
	    "use Linux 5.12 or later for --runtime and --input-bind");
	plain(l, "proc_mount", false, TRIAL_PROC, "a /proc of its own, for --runtime",
	    "unmask /proc for --runtime (--security-opt systempaths=unconfined), and use Linux 5.8 or later");
}

/* ---- rights and filters ---------------------------------------------------------------------------- */

static void add_rights(struct looking *l)
{
	plain(l, "no_new_privs", true, TRIAL_NO_NEW_PRIVS, "set-uid programs gain nothing",
	    "use Linux 3.5 or later");
	plain(l, "capabilities", l->weakest == TIER_NAMESPACES, TRIAL_CAPABILITIES, "all can be dropped, for good",
	    "use a kernel with ambient capabilities (Linux 4.3)");
}

static void add_filters(struct looking *l)
{
	struct layer *layer = plain(l, "seccomp", true, TRIAL_FILTER,
	    "the filter of static programs was loaded, and holds", "use a kernel with CONFIG_SECCOMP_FILTER");

	if (l->trials.error[TRIAL_FILTER] == 0 && l->trials.error[TRIAL_FILTER_HOLDS] != 0)
		is(layer, LAYER_MISSING, "the filter was loaded but refuses nothing",
		    "do not run plugins here: this kernel only plays at seccomp");
	layer = plain(l, "seccomp_notify", false, TRIAL_NOTIFY,
	    "refused calls are told to the watch", "use Linux 5.0 or later");
	if (l->trials.error[TRIAL_NOTIFY] == EBUSY)
		is(layer, LAYER_MISSING, "a filter around oxg has the kernel's one listener already: "
		    "refused calls are refused in silence",
		    "run oxg outside of what listens (a container manager, or another oxg)");
	/* Where there is a listener it must be fetched: a run refuses otherwise. */
	layer = plain(l, "pidfd", l->trials.error[TRIAL_NOTIFY] == 0 && l->weakest == TIER_NAMESPACES, TRIAL_PIDFD,
	    "the listener can be fetched from the plugin", "use Linux 5.6 or later");
	if (l->trials.error[TRIAL_PIDFD] == EPERM && figure_of(l, YAMA) == 3)
		is(layer, LAYER_MISSING, "the listener cannot be fetched from the plugin: "
		    "kernel.yama.ptrace_scope is 3", "boot with kernel.yama.ptrace_scope at most 2");
}

/* What an older one leaves open, and the other walls hold alone. */
static const char *landlock_gap(int abi)
{
	return abi < 2 ? "moving files between directories, truncating, TCP, device ioctls, signals" :
	    abi < 3 ? "truncating, TCP, device ioctls, signals" :
	    abi < 4 ? "TCP, device ioctls, signals" :
	    abi < 5 ? "device ioctls, signals" : abi < 6 ? "signals and abstract sockets" : NULL;
}

static void add_landlock(struct looking *l)
{
	const struct trials *t = &l->trials;
	struct layer *layer = add(l, "landlock", l->strict ||
	    (l->weakest == TIER_LANDLOCK && t->tier > TIER_CHROOT));
	const char *gap = landlock_gap(t->landlock_abi);

	if (t->error[TRIAL_LANDLOCK] == EOPNOTSUPP)
		is(layer, LAYER_MISSING, "built into this kernel and switched off",
		    "boot with landlock in the list lsm=");
	else if (t->error[TRIAL_LANDLOCK] != 0)
		failed(l, layer, t->error[TRIAL_LANDLOCK], "use a kernel with CONFIG_SECURITY_LANDLOCK (Linux 5.13)");
	else if (t->error[TRIAL_LANDLOCK_HOLDS] != 0)
		is(layer, LAYER_MISSING, "a wall was put up but holds nothing",
		    "report it to who built this kernel");
	else if (gap == NULL)
		snprintf(layer->detail, sizeof(layer->detail), "ABI %d, as second wall; it holds",
		    t->landlock_abi);
	else {
		layer->status = LAYER_PARTIAL;
		snprintf(layer->detail, sizeof(layer->detail), "ABI %d, which leaves to the other walls: %s",
		    t->landlock_abi, gap);
		snprintf(layer->remedy, sizeof(layer->remedy), "use Linux 6.12 or later for ABI 6");
	}
}

/* ---- all walls together ------------------------------------------------------------------------------------- */

static bool all_there(const struct layers *s)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->layer[i].required && s->layer[i].status == LAYER_MISSING &&
		    strcmp(s->layer[i].name, "landlock") != 0)
			return false;
	return true;
}

/* The last word: built and proved by the code that a run uses. */
static void add_jail(struct looking *l)
{
	bool parts = all_there(l->out);
	struct layer *layer = add(l, "jail", true);

	if (l->trials.tier <= l->weakest) {
		snprintf(layer->detail, sizeof(layer->detail), "tier %s: built as for a run, %u forbidden things "
		    "tried in it and refused, taken down", tier_word(l->trials.tier), l->trials.proved);
		return;
	}
	is(layer, LAYER_MISSING, l->trials.jail.code ? l->trials.jail.text : "none could be built", "");
	if (l->trials.tier != TIER_COUNT)
		snprintf(layer->remedy, sizeof(layer->remedy), "see the layers above; or accept the weaker tier that "
		    "can be had, with --min-tier %s", tier_word(l->trials.tier));
	else
		snprintf(layer->remedy, sizeof(layer->remedy), "%s", parts ? "run oxg as root with all of root's rights, or as an ordinary user; look at ulimit -a" : "see the layers above");
}

/* ---- limits ---------------------------------------------------------------------------------------------- */

/* Where our own cgroup of version 2 lies, or "". */
static void find_cgroup(struct looking *l, char *out, size_t room)
{
	struct bytes field[MOUNT_POINT + 1];
	char mount[1024] = "", *at, *line;

	out[0] = '\0';
	for (line = text_of(l, "/proc/self/mountinfo"); *line != '\0' && mount[0] == '\0'; line++) {
		at = strchr(line, '\n');
		if (at == NULL)
			break;
		*at = '\0';
		if (strstr(line, " - cgroup2 ") != NULL &&
		    fields_split(line, field, COUNT(field)) == COUNT(field))
			snprintf(mount, sizeof(mount), "%.*s", (int)field[MOUNT_POINT].n,
			    (const char *)field[MOUNT_POINT].p);
		line = at;
	}
	at = text_of(l, "/proc/self/cgroup");
	if (strncmp(at, "0::", 3) != 0 && (at = strstr(at, "\n0::")) != NULL)
		at++;
	if (mount[0] == '\0' || at == NULL || strncmp(at, "0::", 3) != 0)
		return;
	at[strcspn(at, "\n")] = '\0';
	snprintf(out, room, "%s%s", mount, strcmp(at + 3, "/") == 0 ? "" : at + 3);
}

/* Which of the three a cgroup below ours has. */
static void controllers_of(struct looking *l, const char *dir, char missing[64])
{
	static const char *const wanted[] = { "memory", "pids", "cpu" };
	char path[2200], padded[512];
	size_t i;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", dir);
	snprintf(padded, sizeof(padded), " %.500s", text_of(l, path));
	padded[strcspn(padded, "\n")] = '\0';
	strcat(padded, " ");
	missing[0] = '\0';
	for (i = 0; i < COUNT(wanted); i++) {
		char word[16];

		snprintf(word, sizeof(word), " %s ", wanted[i]);
		if (strstr(padded, word) == NULL)
			snprintf(missing + strlen(missing), 64 - strlen(missing), "%s%s",
			    missing[0] ? ", " : "", wanted[i]);
	}
}

#define SAMPLED "; this version limits without, by looking at the processes"

static void add_cgroup(struct looking *l)
{
	struct layer *layer = add(l, "cgroup", false);
	char dir[2100], mine[2150], missing[64];

	find_cgroup(l, dir, sizeof(dir));
	if (dir[0] == '\0') {
		is(layer, LAYER_MISSING, "no cgroup v2 is mounted" SAMPLED,
		    "mount cgroup2 on /sys/fs/cgroup");
		return;
	}
	snprintf(mine, sizeof(mine), "%s/oxg-doctor-%d", dir, (int)getpid());
	if (mkdir(mine, 0700) != 0) {
		snprintf(layer->detail, sizeof(layer->detail), "v2, and this user may make none below its own: %s"
		    SAMPLED, strerror(errno));
		snprintf(layer->remedy, sizeof(layer->remedy),
		    "have one delegated: systemd-run --user --scope -p Delegate=yes oxg ...");
		layer->status = LAYER_MISSING;
		return;
	}
	controllers_of(l, mine, missing);
	(void)rmdir(mine);
	if (missing[0] == '\0') {
		is(layer, LAYER_PRESENT, "v2, writable, with memory, pids and cpu" SAMPLED, "");
		return;
	}
	layer->status = LAYER_PARTIAL;
	snprintf(layer->detail, sizeof(layer->detail), "v2, writable, without %s" SAMPLED, missing);
	snprintf(layer->remedy, sizeof(layer->remedy),
	    "delegate them: +memory +pids +cpu into cgroup.subtree_control above (not while v1 has them)");
}

static void add_proc(struct looking *l)
{
	const struct trials *t = &l->trials;
	struct layer *layer = add(l, "proc", true);

	if (t->error[TRIAL_SEEN] == 0)
		is(layer, LAYER_PRESENT, "the jail's processes are seen, so time and memory are limited", "");
	else if (t->error[TRIAL_SEEN] == TRIAL_NOT_REACHED)
		is(layer, LAYER_MISSING, "not tried: there is no jail to look at", "see the other layers");
	else
		is(layer, LAYER_MISSING, "the jail's processes are not seen in /proc (hidepid?), so they could "
		    "not be limited", "mount /proc without hidepid here, or run as root");
}

/* Not a wall of ours: the jail sees no process of the host anyway. */
static void add_yama(struct looking *l)
{
	struct layer *layer = add(l, "yama", false);
	long scope = figure_of(l, YAMA);

	if (scope < 0)
		is(layer, LAYER_MISSING, "this host lets a user's processes trace each other; "
		    "the jail sees none of them", "use a kernel with CONFIG_SECURITY_YAMA");
	else if (scope == 0)
		is(layer, LAYER_PARTIAL, "kernel.yama.ptrace_scope is 0: a user's processes may trace "
		    "each other; the jail sees none of them", "sysctl -w kernel.yama.ptrace_scope=1");
	else
		snprintf(layer->detail, sizeof(layer->detail), "kernel.yama.ptrace_scope is %ld", scope);
}

/* ---- all ---------------------------------------------------------------------------------------------------- */

void layers_probe(struct layers *out, enum tier weakest, bool strict)
{
	static struct looking l;
	bool spaces; /* and what makes them, required */

	memset(out, 0, sizeof(*out));
	l.out = out;
	l.strict = strict;
	l.weakest = weakest;
	spaces = weakest == TIER_NAMESPACES;
	trials_make(&l.trials);
	out->tier = l.trials.tier;
	out->others = l.trials.others;
	l.filtered = is_filtered(&l);
	l.chrooted = is_chrooted(&l);
	plain(&l, "clone3", spaces, TRIAL_CLONE3, "makes a process and its namespaces at once",
	    "use Linux 5.9 or later");
	add_namespaces(&l);
	add_identity(&l);
	add_mounts(&l);
	plain(&l, "close_range", true, TRIAL_CLOSE_RANGE, "no descriptor of ours gets in",
	    "use Linux 5.9 or later");
	plain(&l, "openat2", false, TRIAL_OPENAT2, "no link is followed, by the kernel",
	    "use Linux 5.6 or later; until then each directory is opened by itself");
	add_rights(&l);
	add_filters(&l);
	add_landlock(&l);
	add_jail(&l);
	add_proc(&l);
	add_cgroup(&l);
	add_yama(&l);
}
