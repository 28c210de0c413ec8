/*
 * sandbox.c - plans the jail, spawns it, kills it. Runs in the supervisor.
 *
 * The plan is a list of steps; inside.c walks it in the child. The new root is a
 * private tmpfs with the verified bytes written into it: a static plugin shares
 * no inode with the host but the four device nodes. The writable directories are
 * one second tmpfs, so that one ceiling holds for all of them.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail/jail.h"
#include "jail/kernel.h"
#include "oxg.h"
#include "trust/trust.h"

#define PAGE 4096u
#define STEPS_FIXED 64       /* ours; the bundle's and the input's come on top */
#define HOST_UID_BASE 0x60000000u

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | \
	CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

struct planning {
	struct arena *arena;
	const struct sandbox_words *words;
	struct jail_plan *plan;
	struct step *step;
	size_t room;
	struct why *why;
};

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

/* ---- the layout (DESIGN.md section 5) ---------------------------------------------- */

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
	for (i = 0; i < input->files; i++) {
		const struct snapshot_file *f = &input->file[i];
		const char *path = arena_printf(p->arena, "workspace/input/%s", f->path);

		if (f->directory)
			plan_dir(p, path, 0755);
		else
			plan_file(p, path, f->bytes, f->executable ? 0555 : 0444);
	}
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

static void plan_root(struct planning *p, const struct step *runtime, size_t count)
{
	const struct plugin *plugin = p->words->plugin;
	uint64_t bytes = pages(p->words->task.n) + 64 * PAGE;
	size_t i;

	for (i = 0; i < plugin->files; i++)
		bytes += pages(plugin->file[i].bytes.n);
	for (i = 0; i < count; i++)
		bytes += pages(runtime[i].bytes.n);
	plan_tmpfs(p, ".", bytes, STEPS_FIXED + plugin->files * 4 + 256, 0);
	plan_bin(p);
	plan_runtime(p, runtime, count);
	plan_devices(p);
	plan_writable(p);
	plan_task(p);
	plan_input(p);
	plan_readonly(p, ".", 0);
}

/* ---- what is executed ------------------------------------------------------------------ */

/* The interpreter that an ELF file asks for, or NULL. All reads are bounded. */
static const char *elf_interpreter(struct arena *a, struct bytes b)
{
	Elf64_Ehdr head;
	Elf64_Phdr part;
	size_t i;

	if (b.n < sizeof(head))
		return NULL;
	memcpy(&head, b.p, sizeof(head));
	if (head.e_phentsize != sizeof(part) || head.e_phoff > b.n)
		return NULL;
	for (i = 0; i < head.e_phnum; i++) {
		if ((b.n - head.e_phoff) / sizeof(part) <= i)
			return NULL;
		memcpy(&part, b.p + head.e_phoff + i * sizeof(part), sizeof(part));
		if (part.p_type != PT_INTERP)
			continue;
		if (part.p_offset > b.n || part.p_filesz > b.n - part.p_offset || part.p_filesz > 256)
			return NULL;
		return arena_text(a, (struct bytes){ b.p + part.p_offset, part.p_filesz });
	}
	return NULL;
}

/* Whose code runs here; broker/rights.c does not compile for any third machine. */
#if defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_X86_64
#endif

/* Another machine's code would be handed to a program that the host registered for
 * it (binfmt_misc), and nobody verified that one. */
static int check_machine(struct planning *p, struct bytes b, const char *name)
{
	Elf64_Ehdr head;

	if (b.n < sizeof(head) || memcmp(b.p, ELFMAG, SELFMAG) != 0)
		return 0;
	memcpy(&head, b.p, sizeof(head));
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
	    head.e_machine != MACHINE)
		return refuse(p->why, REFUSE_PLUGIN, "%s is made for another kind of machine: "
		    "build it for this one, with 64 bits", name);
	if (head.e_type != ET_EXEC && head.e_type != ET_DYN)
		return refuse(p->why, REFUSE_PLUGIN, "%s is an ELF file, but no executable", name);
	return 0;
}

/* Refuses what the kernel would refuse later with less to say. */
static int check_artifact(struct planning *p)
{
	const struct bundle_file *f = &p->words->plugin->file[0];
	/* A bare executable is called after its file, in the jail it is "plugin". */
	const char *name = p->words->plugin->bare ? p->words->plugin->manifest->name : f->name;
	const char *loader;
	struct bytes b = f->bytes;

	if (check_machine(p, b, name) != 0)
		return -1;
	if (p->words->runtime != NULL)
		return 0;
	if (b.n >= 2 && b.p[0] == '#' && b.p[1] == '!')
		return refuse(p->why, REFUSE_PLUGIN,
		    "%s is a script and needs an interpreter: run it with --runtime system", name);
	if (b.n < 4 || memcmp(b.p, ELFMAG, SELFMAG) != 0)
		return refuse(p->why, REFUSE_PLUGIN,
		    "%s is neither an ELF executable nor a script", name);
	loader = elf_interpreter(p->arena, b);
	if (loader != NULL)
		return refuse(p->why, REFUSE_PLUGIN,
		    "%s is dynamically linked (it wants %s): link it statically, "
		    "or run it with --runtime system", name, loader);
	return 0;
}

static void plan_argv(struct planning *p)
{
	const struct manifest *m = p->words->plugin->manifest;
	char **argv = arena_array(p->arena, 2 + m->args + p->words->args, sizeof(*argv));
	size_t i, n = 0;

	argv[n++] = arena_printf(p->arena, "/bin/%s", p->words->plugin->file[0].name);
	for (i = 0; i < m->args; i++)
		argv[n++] = arena_text(p->arena, bytes_of(m->arg[i]));
	for (i = 0; i < p->words->args; i++)
		argv[n++] = arena_text(p->arena, bytes_of(p->words->arg[i]));
	p->plan->exec_path = argv[0];
	p->plan->argv = argv;
}

/* Each OXG_X with the twins of the seeds; a shell cannot expand the last. */
static void plan_environment(struct planning *p)
{
	const char *const plain[] = {
		p->words->runtime == NULL ? "PATH=/bin" : "PATH=/bin:/usr/bin", "HOME=/home/plugin",
		"TMPDIR=/tmp", "TMP=/tmp", "TEMP=/tmp", "LANG=C.UTF-8" };
	static const char *const prefix[] = { "OXG", "OXGEN", "0XGEN" };
	const struct { const char *name, *value; } ours[] = {
		{ "WORKSPACE", "/workspace" },
		{ "CAPABILITY_TOKEN", p->words->token },
		{ "RUN_ID", p->words->run_id },
		{ "TASK_ID", p->words->task_id },
		{ "BROKER_IN", "3" },
		{ "BROKER_OUT", "4" },
	};
	char **env = arena_array(p->arena, COUNT(plain) + COUNT(ours) * COUNT(prefix) + 1, sizeof(*env));
	size_t i, j, n = 0;

	for (i = 0; i < COUNT(plain); i++)
		env[n++] = arena_text(p->arena, bytes_of(plain[i]));
	for (i = 0; i < COUNT(ours); i++)
		for (j = 0; j < COUNT(prefix); j++)
			env[n++] = arena_printf(p->arena, "%s_%s=%s",
			    prefix[j], ours[i].name, ours[i].value);
	p->plan->envp = env;
}

/* ---- walls --------------------------------------------------------------------------------- */

static void plan_rlimit(struct planning *p, int what, uint64_t soft, uint64_t hard)
{
	struct jail_rlimit *r = &p->plan->rlimit[p->plan->rlimits++];
	struct rlimit now;

	/* A hard limit of ours cannot be above the one we live under. */
	if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY && hard > now.rlim_max)
		hard = now.rlim_max;
	r->what = what;
	r->limit.rlim_max = hard;
	r->limit.rlim_cur = soft < hard ? soft : hard;
}

static void plan_limits(struct planning *p)
{
	const struct limits *l = p->words->limits;
	uint64_t seconds = (l->cpu_ns + 999999999u) / 1000000000u;
	/* Backstops between two looks of the sampler: memory means resident memory,
	 * and interpreters reserve far more than they touch. */
	uint64_t data = l->memory * 2 + (64u << 20);
	/* The kernel holds this one against whole clock ticks, which run ahead on a
	 * busy virtual machine: who may have 5 s must not be stopped after 4.7. */
	uint64_t ticks = seconds + seconds / 8 + 1;

	plan_rlimit(p, RLIMIT_CPU, ticks, ticks + 1);
	plan_rlimit(p, RLIMIT_DATA, data, data);
	if (p->words->runtime == NULL)
		plan_rlimit(p, RLIMIT_AS, l->memory * 8 + (4ull << 30), l->memory * 8 + (4ull << 30));
	plan_rlimit(p, RLIMIT_FSIZE, l->file_size, l->file_size);
	plan_rlimit(p, RLIMIT_NOFILE, l->files, l->files);
	plan_rlimit(p, RLIMIT_NPROC, l->pids + 1, l->pids + 1); /* and init */
	/* Not 0: a host whose core_pattern is a program would be handed the plugin's
	 * memory, as root, whatever the limit; core(5) and the kernel make 1 the
	 * exception. As the size of a file it is too small for any. */
	plan_rlimit(p, RLIMIT_CORE, 1, 1);
	plan_rlimit(p, RLIMIT_MEMLOCK, 0, 0);
	plan_rlimit(p, RLIMIT_MSGQUEUE, 0, 0);
	plan_rlimit(p, RLIMIT_SIGPENDING, 256, 256);
	plan_rlimit(p, RLIMIT_STACK, 8 << 20, 8 << 20);
	plan_rlimit(p, RLIMIT_NICE, 0, 0);
	plan_rlimit(p, RLIMIT_RTPRIO, 0, 0);
}

static void plan_landlock(struct planning *p)
{
	static const char *const writable[] = { "/workspace", "/home/plugin", "/tmp" };
	/* Not /dev/zero: what is mapped of it, shared, is memory that nobody counts. */
	static const char *const sink[] = { "/dev/null", "/dev/full" };
	static const char *const host[] = { "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/proc" };
	struct jail_plan *plan = p->plan;
	int abi = landlock_abi();
	struct landlock_rule *rule = arena_array(p->arena, 3 + COUNT(writable) + COUNT(sink) + COUNT(host), sizeof(*rule));
	size_t i, j;

	plan->landlock_abi = abi;
	plan->landlock_fs = landlock_all(abi);
	plan->landlock_net = abi >= 4 ? LL_NET_ALL : 0;
	plan->landlock_scope = abi >= 6 ? LL_SCOPE_ALL : 0;
	plan->rule = rule;
	rule[plan->rules++] = (struct landlock_rule){ "/", LL_READ_DIR };
	rule[plan->rules++] = (struct landlock_rule){ "/bin", landlock_execute() };
	rule[plan->rules++] = (struct landlock_rule){ "/dev", landlock_read() };
	for (i = 0; i < COUNT(sink); i++)
		rule[plan->rules++] = (struct landlock_rule){ sink[i], landlock_device() };
	for (i = 0; i < COUNT(writable); i++)
		rule[plan->rules++] = (struct landlock_rule){ writable[i], landlock_write(abi) };
	/* What a runtime brought in, and nothing else. */
	for (i = 0; i < COUNT(host); i++)
		for (j = 0; j < plan->steps; j++)
			if (p->step[j].kind != STEP_LINK && strcmp(p->step[j].path, host[i] + 1) == 0) {
				rule[plan->rules++] = (struct landlock_rule){ host[i],
				    landlock_execute() };
				break;
			}
}

/* ---- identity ---------------------------------------------------------------------------------- */

static bool mapped_here(uint64_t id)
{
	unsigned long inside, outside, count;
	FILE *maps = fopen("/proc/self/uid_map", "re");
	bool found = false;

	if (maps == NULL)
		return false;
	while (!found && fscanf(maps, "%lu %lu %lu", &inside, &outside, &count) == 3)
		found = id >= inside && id - inside < count;
	fclose(maps);
	return found;
}

/*
 * As root: an id of this run's own, so that nobody else on the host, not even
 * another run, may signal it; never root itself. Otherwise: our own.
 */
static void plan_identity(struct jail_plan *plan)
{
	unsigned own = HOST_UID_BASE + (unsigned)getpid();

	plan->host_uid = (unsigned)geteuid();
	plan->host_gid = (unsigned)getegid();
	if (geteuid() != 0)
		return;
	if (mapped_here(own))
		plan->host_uid = plan->host_gid = own;
	else if (mapped_here(JAIL_ID))
		plan->host_uid = plan->host_gid = JAIL_ID;
	plan->privileged = plan->host_uid != 0;
}

/* Any directory that is there will do: the new root is mounted over it where only
 * the child sees it. */
static const char *find_base(void)
{
	static const char *const candidate[] = { "/tmp", "/run", "/proc", "/sys", "/dev" };
	struct stat st;
	size_t i;

	for (i = 0; i < COUNT(candidate); i++)
		if (stat(candidate[i], &st) == 0 && S_ISDIR(st.st_mode))
			return candidate[i];
	return NULL;
}

int sandbox_plan(struct arena *a, const struct sandbox_words *w, struct jail_plan *out, struct why *why)
{
	struct planning p = { .arena = a, .words = w, .plan = out, .why = why };
	struct step *runtime = NULL;
	size_t count = 0;

	memset(out, 0, sizeof(*out));
	if (check_artifact(&p) != 0)
		return -1;
	if (w->runtime != NULL &&
	    runtime_steps(a, w->runtime, w->plugin, &runtime, &count, why) != 0)
		return -1;
	out->base = find_base();
	if (out->base == NULL)
		return refuse(why, REFUSE_JAIL, "no directory to put the jail's root on: /tmp is missing");
	p.room = STEPS_FIXED + count + w->plugin->files * 4 + (w->input ? w->input->files : 0) + 256;
	p.step = arena_array(a, p.room, sizeof(*p.step));
	out->step = p.step;
	plan_root(&p, runtime, count);
	plan_argv(&p);
	plan_environment(&p);
	plan_limits(&p);
	plan_landlock(&p);
	plan_identity(out);
	out->profile = w->runtime == NULL ? "static" : "runtime";
	out->filter = profile_filter(out->profile);
	out->with_runtime = w->runtime != NULL;
	random_bytes((unsigned char *)&out->secret, sizeof(out->secret));
	out->telling = profile_telling(a, out->filter, out->secret);
	out->stdin_path = w->task.p != NULL ? "/workspace/task.json" : "/dev/null";
	out->scratch = "/workspace";
	out->wall_ns = w->limits->wall_ns;
	return 0;
}

/* ---- spawn and kill ------------------------------------------------------------------------------ */

static int proc_write(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd, rc;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = write_all(fd, text, strlen(text));
	if (close(fd) != 0)
		rc = -1;
	return rc;
}

static int write_maps(const struct jail_plan *plan, pid_t pid)
{
	char uid[64], gid[64];

	/* When memory is short on the whole host, a plugin is the first to go. A
	 * courtesy: what limits it is the sampler. */
	(void)proc_write(pid, "oom_score_adj", "1000");
	snprintf(uid, sizeof(uid), "%u %u 1\n", JAIL_ID, plan->host_uid);
	snprintf(gid, sizeof(gid), "%u %u 1\n", JAIL_ID, plan->host_gid);
	if (!plan->privileged && proc_write(pid, "setgroups", "deny") != 0)
		return -1;
	if (proc_write(pid, "uid_map", uid) != 0)
		return -1;
	return proc_write(pid, "gid_map", gid);
}

static int no_namespaces(int error, struct why *why)
{
	if (error == ENOSYS)
		return refuse(why, REFUSE_JAIL,
		    "this kernel has no clone3: oxg needs Linux 5.9 or later");
	if (error == EAGAIN)
		return refuse(why, REFUSE_JAIL, "cannot make the jail's first process: this user has "
		    "as many processes as its limit (ulimit -u) allows");
	if (error == ENOSPC || error == EUSERS)
		return refuse(why, REFUSE_JAIL,
		    "the kernel allows no more user namespaces: raise user.max_user_namespaces");
	return refuse(why, REFUSE_JAIL, "cannot make the jail's namespaces: %s "
	    "(unprivileged user namespaces may be switched off here)", strerror(error));
}

int sandbox_spawn(const struct jail_plan *plan, const struct jail_ends *ends,
    struct cell *out, struct why *why)
{
	int pidfd = -1;
	struct kernel_clone_args args = {
		.flags = NAMESPACES | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;
	int error;

	/* One clone, every namespace. Like fork: the child goes on here. */
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		jail_inside(plan, ends);
	if (pid < 0)
		return no_namespaces(errno, why);
	out->init = (pid_t)pid;
	out->pidfd = pidfd;
	out->scratch = -1;
	if (write_maps(plan, out->init) != 0) {
		error = errno;
		sandbox_kill(out);
		return refuse(why, REFUSE_JAIL, "cannot map the jail's user %u to %u: %s%s",
		    JAIL_ID, plan->host_uid, strerror(error),
		    error == ENOENT ? "; is /proc mounted?" : "");
	}
	if (write_all(out->sync, &(char){ JAIL_MAPPED }, 1) != 0) {
		sandbox_kill(out);
		return refuse(why, REFUSE_JAIL, "the jail died before it was built");
	}
	return 0;
}

/* SIGKILL to its pid 1 ends every process of the namespace; the wait returns
 * when the last of them is gone. */
void sandbox_kill(struct cell *cell)
{
	if (cell->over || cell->init <= 0)
		return;
	kill(cell->init, SIGKILL);
	while (waitpid(cell->init, NULL, __WALL) < 0 && errno == EINTR)
		;
	cell->over = true;
}
