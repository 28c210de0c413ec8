/*
 * runtime.c - what a script or a dynamic program needs of the operator's
 * --runtime, as steps: the host's /usr and library directories ("system"), or the
 * same of an unpacked image. All of it read-only. Runs in the supervisor, while
 * the jail is planned.
 *
 * /bin stays the bundle's: the runtime's programs are in /usr/bin, and the names
 * that "#!" lines spell with /bin get links.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/jail.h"

#define RUNTIME_STEPS 96
#define OWN_BYTES (64u << 20)   /* our own executable, for /bin/oxg */
#define CACHE_BYTES (16u << 20) /* ld.so.cache */

struct gathering {
	struct arena *arena;
	const struct plugin *plugin;
	const char *root;           /* "" is the host's */
	struct step *step;
	size_t count;
	struct why *why;
};

static struct step *add(struct gathering *g, enum step_kind kind, const char *path)
{
	struct step *s;

	if (g->count == RUNTIME_STEPS)
		die(4, "the runtime has more steps than were counted");
	s = &g->step[g->count++];
	s->kind = kind;
	s->path = path;
	return s;
}

static void add_dir(struct gathering *g, const char *path)
{
	add(g, STEP_DIR, path)->mode = 0755;
}

/* A directory is bound, a link (merged /usr) is made again. */
static void add_part(struct gathering *g, const char *name)
{
	const char *source = arena_printf(g->arena, "%s/%s", g->root, name);
	char target[256];
	struct stat st;
	ssize_t n;

	if (lstat(source, &st) != 0)
		return;
	if (S_ISDIR(st.st_mode)) {
		add_dir(g, name);
		add(g, STEP_TREE, name)->source = source;
	} else if (S_ISLNK(st.st_mode)) {
		n = readlink(source, target, sizeof(target) - 1);
		if (n <= 0)
			return;
		target[n] = '\0';
		add(g, STEP_LINK, name)->source = arena_text(g->arena, bytes_of(target));
	}
}

static bool in_bundle(const struct plugin *plugin, const char *name)
{
	size_t i;

	for (i = 0; i < plugin->files; i++)
		if (strcmp(plugin->file[i].name, name) == 0)
			return true;
	return false;
}

static void add_link(struct gathering *g, const char *name, const char *target)
{
	if (!in_bundle(g->plugin, name))
		add(g, STEP_LINK, arena_printf(g->arena, "bin/%s", name))->source = target;
}

/* What scripts' first lines name, and what they call by an absolute path. */
static void add_programs(struct gathering *g)
{
	static const char *const program[] = { "sh", "bash", "dash", "env", "cat", "cp",
		"date", "echo", "false", "grep", "ls", "mkdir", "mktemp", "mv", "node",
		"perl", "python3", "rm", "sed", "sleep", "true", "uname" };
	struct stat st;
	size_t i;

	for (i = 0; i < COUNT(program); i++) {
		const char *path = arena_printf(g->arena, "/usr/bin/%s", program[i]);

		if (lstat(arena_printf(g->arena, "%s%s", g->root, path), &st) == 0)
			add_link(g, program[i], path);
	}
}

/* Where the loader looks and where Debian's alternatives point; no more of /etc. */
static int add_etc(struct gathering *g)
{
	struct bytes cache;
	const char *path = arena_printf(g->arena, "%s/etc/ld.so.cache", g->root);
	struct step *s;
	struct stat st;
	int root, rc, error;

	add_dir(g, "etc");
	/* An image's links lead into the host: none is followed. */
	if (lstat(arena_printf(g->arena, "%s/etc", g->root), &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	root = open(g->root[0] ? g->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = root < 0 ? -1 : file_read(g->arena, root, "etc/ld.so.cache", CACHE_BYTES, &cache);
	error = errno;
	if (root >= 0)
		close(root);
	if (rc == 0) {
		s = add(g, STEP_FILE, "etc/ld.so.cache");
		s->bytes = cache;
		s->mode = 0444;
	} else if (error != ENOENT && error != ELOOP) {
		return refuse(g->why, REFUSE_JAIL, "cannot read %s of the runtime: %s",
		    path, strerror(error));
	}
	path = arena_printf(g->arena, "%s/etc/alternatives", g->root);
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		add_dir(g, "etc/alternatives");
		add(g, STEP_TREE, "etc/alternatives")->source = path;
	}
	return 0;
}

/* Of its own pid namespace, with nothing writable, and without what it says of the
 * host: no file but those of processes, and init, whose command line is ours, is
 * none of them. */
static void add_proc(struct gathering *g)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	struct step *s;

	add_dir(g, "proc");
	s = add(g, STEP_PROC, "proc");
	s->flags = flags;
	s->source = "subset=pid,hidepid=invisible";
	add(g, STEP_READONLY, "proc")->flags = flags;
}

/* "oxg broker" for scripts: this very executable. */
static int add_client(struct gathering *g)
{
	struct bytes own;
	struct step *s;

	if (in_bundle(g->plugin, "oxg"))
		return 0;
	if (file_read(g->arena, AT_FDCWD, "/proc/self/exe", OWN_BYTES, &own) != 0)
		return refuse(g->why, REFUSE_JAIL, "cannot read oxg's own executable for "
		    "the jail's /bin/oxg: %s", strerror(errno));
	s = add(g, STEP_FILE, "bin/oxg");
	s->bytes = own;
	s->mode = 0555;
	add_link(g, "0xgenctl", "oxg");
	return 0;
}

static int find_root(struct gathering *g, const char *runtime)
{
	struct stat st;

	g->root = "";
	if (strcmp(runtime, "system") == 0)
		return 0;
	if (runtime[0] != '/')
		return refuse(g->why, REFUSE_JAIL, "the runtime %s is neither \"system\" nor "
		    "an absolute directory", runtime);
	if (stat(runtime, &st) != 0 || !S_ISDIR(st.st_mode))
		return refuse(g->why, REFUSE_JAIL, "the runtime %s is no directory", runtime);
	g->root = runtime;
	return 0;
}

int runtime_steps(struct arena *a, const char *runtime, const struct plugin *plugin,
    struct step **out, size_t *count, struct why *why)
{
	static const char *const part[] = { "usr", "lib", "lib32", "lib64", "libx32" };
	struct gathering g = { .arena = a, .plugin = plugin, .why = why };
	size_t i;

	g.step = arena_array(a, RUNTIME_STEPS, sizeof(*g.step));
	if (find_root(&g, runtime) != 0)
		return -1;
	for (i = 0; i < COUNT(part); i++)
		add_part(&g, part[i]);
	if (add_etc(&g) != 0 || add_client(&g) != 0)
		return -1;
	add_programs(&g);
	add_proc(&g);
	*out = g.step;
	*count = g.count;
	return 0;
}
