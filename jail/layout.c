/*
 * layout.c - what lies where in the jail, as steps that inside.c walks. Runs in
 * the supervisor, while the jail is planned.
 *
 * Tier namespaces: the new root is a private tmpfs with the verified bytes written
 * into it; a static plugin shares no inode with the host but the four device nodes.
 * The writable directories are one second tmpfs, so that one ceiling holds for all
 * of them. The weaker tiers cannot mount: there it is a directory of the run
 * folder's, and who watches counts what is in it.
 */
#include <string.h>
#include <sys/mount.h>

#include "jail/jail.h"

#define PAGE 4096u
#define LAYOUT_STEPS 320 /* ours; the bundle's, the input's and the runtime's come on top */

/* ---- steps ---------------------------------------------------------------------- */

static struct step *step_add(struct planning *p, enum step_kind kind, const char *path)
{
	struct step *s;

	if (p->plan->steps == p->room)
		die(STATUS_JAIL, "the jail's plan has more steps than were counted");
	s = &p->step[p->plan->steps++];
	s->kind = kind;
	s->path = path;
	return s;
}

static void plan_dir(struct planning *p, const char *path, unsigned mode)
{
	step_add(p, STEP_DIR, path)->mode = mode;
}

static void plan_file(struct planning *p, const char *path, struct bytes bytes, unsigned mode)
{
	struct step *s = step_add(p, STEP_FILE, path);

	s->bytes = bytes;
	s->mode = mode;
}

static void plan_link(struct planning *p, const char *path, const char *target)
{
	step_add(p, STEP_LINK, path)->source = target;
}

static void plan_bind(struct planning *p, const char *source, const char *path)
{
	step_add(p, STEP_BIND, path)->source = source;
}

static void plan_tmpfs(struct planning *p, const char *path, uint64_t bytes,
    uint64_t inodes, unsigned long flags)
{
	struct step *s = step_add(p, STEP_TMPFS, path);

	s->source = arena_printf(p->arena, "size=%llu,nr_inodes=%llu,mode=0755",
	    (unsigned long long)bytes, (unsigned long long)inodes);
	s->flags = MS_NOSUID | MS_NODEV | flags;
}

static void plan_readonly(struct planning *p, const char *path, unsigned long flags)
{
	step_add(p, STEP_READONLY, path)->flags = MS_NOSUID | MS_NODEV | flags;
}

/* Directories above a file, each once: files come sorted or not. */
static void plan_parents(struct planning *p, const char *path, size_t from)
{
	const char *slash = path + from;
	const char *dir;
	size_t i;

	while ((slash = strchr(slash, '/')) != NULL) {
		dir = arena_text(p->arena, (struct bytes){
		    (const unsigned char *)path, (size_t)(slash - path) });
		for (i = 0; i < p->plan->steps; i++)
			if (p->step[i].kind == STEP_DIR && strcmp(p->step[i].path, dir) == 0)
				break;
		if (i == p->plan->steps)
			plan_dir(p, dir, 0755);
		slash++;
	}
}

/* ---- tier namespaces (DESIGN.md section 5) ------------------------------------------ */

static uint64_t pages(uint64_t bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE;
}

static void plan_bin(struct planning *p)
{
	const struct plugin *plugin = p->words->plugin;
	size_t i;

	plan_dir(p, "bin", 0755);
	for (i = 0; i < plugin->files; i++) {
		const struct bundle_file *f = &plugin->file[i];
		const char *path = arena_printf(p->arena, "bin/%s", f->name);

		plan_parents(p, path, sizeof("bin"));
		plan_file(p, path, f->bytes, f->executable ? 0555 : 0444);
	}
}

static void plan_devices(struct planning *p)
{
	static const char *const device[] = { "null", "zero", "full", "urandom" };
	size_t i;

	plan_dir(p, "dev", 0755);
	for (i = 0; i < COUNT(device); i++) {
		const char *path = arena_printf(p->arena, "dev/%s", device[i]);

		plan_file(p, path, (struct bytes){ NULL, 0 }, 0444);
		plan_bind(p, arena_printf(p->arena, "/%s", path), path);
	}
}

/*
 * The writable tmpfs is mounted on /workspace first, two of its directories are
 * bound to their places, and last its third one over /workspace itself: what is
 * below can no longer be reached.
 */
static void plan_writable(struct planning *p)
{
	const struct limits *l = p->words->limits;

	plan_dir(p, "workspace", 0755);
	plan_dir(p, "home", 0755);
	plan_dir(p, "home/plugin", 0755);
	plan_dir(p, "tmp", 0755);
	plan_tmpfs(p, "workspace", l->workspace, l->inodes, MS_NOEXEC);
	p->plan->scratch_bytes = l->workspace;
	p->plan->scratch_inodes = l->inodes;
	plan_dir(p, "workspace/w", 0700);
	plan_dir(p, "workspace/h", 0700);
	plan_dir(p, "workspace/t", 01777);
	plan_bind(p, "workspace/h", "home/plugin");
	plan_bind(p, "workspace/t", "tmp");
	plan_bind(p, "workspace/w", "workspace");
}

/* A file of the read-only root, bound into the writable tree: it cannot be
 * changed, renamed or removed there. */
static void plan_task(struct planning *p)
{
	if (p->words->task.p == NULL)
		return;
	plan_file(p, ".task", p->words->task, 0444);
	plan_file(p, "workspace/task.json", (struct bytes){ NULL, 0 }, 0444);
	plan_bind(p, ".task", "workspace/task.json");
	plan_readonly(p, "workspace/task.json", 0);
	step_add(p, STEP_REMOVE, ".task");
}

static void plan_snapshot(struct planning *p, const char *below)
{
	const struct snapshot *input = p->words->input;
	size_t i;

	for (i = 0; i < input->files; i++) {
		const struct snapshot_file *f = &input->file[i];
		const char *path = arena_printf(p->arena, "%s/%s", below, f->path);

		if (f->directory)
			plan_dir(p, path, 0755);
		else
			plan_file(p, path, f->bytes, f->executable ? 0555 : 0444);
	}
}

static void plan_input(struct planning *p)
{
	const struct snapshot *input = p->words->input;
	uint64_t bytes = 0;
	size_t i;

	if (input == NULL && p->words->input_bind == NULL)
		return;
	plan_dir(p, "workspace/input", 0755);
	if (input == NULL) {
		struct step *s = step_add(p, STEP_TREE, "workspace/input");

		s->source = p->words->input_bind;
		s->tree = (int)p->plan->trees;
		p->plan->tree[p->plan->trees++] = p->words->input_bind;
		return;
	}
	for (i = 0; i < input->files; i++)
		bytes += pages(input->file[i].bytes.n);
	plan_tmpfs(p, "workspace/input", bytes + 64 * PAGE, input->files + 64, MS_NOEXEC);
	plan_snapshot(p, "workspace/input");
	plan_readonly(p, "workspace/input", MS_NOEXEC);
}

/* The runtime's own steps; a tree's descriptor is taken before the root goes. */
static void plan_runtime(struct planning *p, const struct step *step, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct step *s = step_add(p, step[i].kind, step[i].path);

		*s = step[i];
		if (s->kind != STEP_TREE)
			continue;
		s->tree = (int)p->plan->trees;
		p->plan->tree[p->plan->trees++] = s->source;
	}
}

static void plan_mounted(struct planning *p, const struct step *runtime, size_t count)
{
	const struct plugin *plugin = p->words->plugin;
	uint64_t bytes = pages(p->words->task.n) + 64 * PAGE;
	size_t i;

	for (i = 0; i < plugin->files; i++)
		bytes += pages(plugin->file[i].bytes.n);
	for (i = 0; i < count; i++)
		bytes += pages(runtime[i].bytes.n);
	plan_tmpfs(p, ".", bytes, LAYOUT_STEPS + plugin->files * 4, 0);
	plan_bin(p);
	plan_runtime(p, runtime, count);
	plan_devices(p);
	plan_writable(p);
	plan_task(p);
	plan_input(p);
	plan_readonly(p, ".", 0);
}

/* ---- without mounts -------------------------------------------------------------------- */

static void plan_own(struct planning *p, const char *path)
{
	struct step *s = step_add(p, STEP_DIR, path);

	s->mode = 0700;
	s->own = true;
}

/* mem(4), random(4); the majors and minors are the kernel's for ever. */
static void plan_nodes(struct planning *p)
{
	static const struct { const char *path; unsigned minor, mode; } node[] = {
		{ "dev/null", 3, 0666 }, { "dev/zero", 5, 0444 },
		{ "dev/full", 7, 0666 }, { "dev/urandom", 9, 0444 },
	};
	size_t i;

	plan_dir(p, "dev", 0755);
	for (i = 0; i < COUNT(node); i++) {
		struct step *s = step_add(p, STEP_NODE, node[i].path);

		s->flags = 1u << 8 | node[i].minor;
		s->mode = node[i].mode;
	}
}

/* What it may only read lies beside the workspace: there it has a name, which is a
 * link that the plugin may lose, and nobody else. */
static void plan_unmounted(struct planning *p)
{
	static const char *const own[] = { "workspace", "home/plugin", "tmp" };
	size_t i;

	plan_bin(p);
	if (p->plan->tier == TIER_CHROOT)
		plan_nodes(p);
	plan_dir(p, "home", 0755);
	for (i = 0; i < COUNT(own); i++)
		plan_own(p, own[i]);
	if (p->words->task.p != NULL) {
		plan_file(p, "task.json", p->words->task, 0444);
		plan_link(p, "workspace/task.json", "../task.json");
	}
	if (p->words->input != NULL) {
		plan_dir(p, "input", 0755);
		plan_snapshot(p, "input");
		plan_link(p, "workspace/input", "../input");
	} else if (p->words->input_bind != NULL) {
		plan_link(p, "workspace/input", p->plan->input_path);
	}
}

void layout_plan(struct planning *p, const struct step *runtime, size_t count)
{
	const struct snapshot *input = p->words->input;

	p->room = LAYOUT_STEPS + count + p->words->plugin->files * 4 + (input ? input->files : 0);
	p->step = arena_array(p->arena, p->room, sizeof(*p->step));
	p->plan->step = p->step;
	if (p->plan->tier == TIER_NAMESPACES)
		plan_mounted(p, runtime, count);
	else
		plan_unmounted(p);
}
