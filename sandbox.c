/*
 * sandbox.c - plans the jail, in the supervisor; spawns and kills it, in the watch.
 *
 * The plan says everything that the child will do: jail/layout.c makes its steps,
 * here are the words it starts with, its walls and whose it is; inside.c walks it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jail/jail.h"
#include "jail/kernel.h"
#include "oxg.h"
#include "trust/trust.h"

#define RULES 24             /* of Landlock */

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

	argv[n++] = arena_printf(p->arena, "%s/bin/%s", p->plan->prefix, p->words->plugin->file[0].name);
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
	static const char *const prefix[] = { "OXG", "OXGEN", "0XGEN" };
	static const char *const temporary[] = { "TMPDIR", "TMP", "TEMP" };
	const char *root = p->plan->prefix;
	const struct { const char *name, *value; } ours[] = {
		{ "WORKSPACE", p->plan->workspace },
		{ "CAPABILITY_TOKEN", p->words->token },
		{ "RUN_ID", p->words->run_id },
		{ "TASK_ID", p->words->task_id },
		{ "BROKER_IN", "3" },
		{ "BROKER_OUT", "4" },
	};
	char **env = arena_array(p->arena, 3 + COUNT(temporary) + COUNT(ours) * COUNT(prefix) + 1, sizeof(*env));
	size_t i, j, n = 0;

	env[n++] = arena_printf(p->arena, "PATH=%s/bin%s", root, p->words->runtime ? ":/usr/bin" : "");
	env[n++] = arena_printf(p->arena, "HOME=%s/home/plugin", root);
	for (i = 0; i < COUNT(temporary); i++)
		env[n++] = arena_printf(p->arena, "%s=%s/tmp", temporary[i], root);
	env[n++] = arena_text(p->arena, bytes_of("LANG=C.UTF-8"));
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

/* Threads of the host's that the kernel counts with the plugin's: init, where a
 * namespace counts by itself; all of the caller's, where it shares its user. */
static uint64_t others(const struct jail_plan *plan)
{
	if (plan->tier == TIER_NAMESPACES)
		return 1;
	return plan->privileged ? 0 : gauge_threads_of(plan->host_uid) + 2;
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
	plan_rlimit(p, RLIMIT_NPROC, l->pids + others(p->plan), l->pids + others(p->plan));
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

static void rule_add(struct planning *p, const char *root, const char *path, uint64_t access, bool optional)
{
	struct jail_plan *plan = p->plan;

	if (plan->rules == RULES)
		die(STATUS_JAIL, "the jail has more Landlock rules than were counted");
	plan->rule[plan->rules++] = (struct landlock_rule){
		arena_printf(p->arena, "%s%s", root, path), access, optional };
}

/* Not writing /dev/zero: what is mapped of it, shared, is memory that nobody counts. */
static void plan_devices(struct planning *p)
{
	static const struct { const char *path; bool sink; } device[] = {
		{ "/dev/null", true }, { "/dev/full", true }, { "/dev/zero", false }, { "/dev/urandom", false },
	};
	bool bound = p->plan->tier == TIER_NAMESPACES;
	size_t i;

	if (p->plan->tier != TIER_LANDLOCK)
		rule_add(p, "", "/dev", landlock_read(), false);
	for (i = 0; i < COUNT(device); i++)
		if (device[i].sink || p->plan->tier == TIER_LANDLOCK)
			rule_add(p, "", device[i].path, device[i].sink ? landlock_device() : LL_READ_FILE, !bound);
}

/* What a runtime brought in, and nothing else. */
static void plan_runtime_rules(struct planning *p)
{
	static const char *const host[] = { "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/etc", "/proc" };
	size_t i, j;

	for (i = 0; i < COUNT(host); i++)
		for (j = 0; j < p->plan->steps; j++)
			if (p->step[j].kind != STEP_LINK && strcmp(p->step[j].path, host[i] + 1) == 0) {
				rule_add(p, "", host[i], landlock_execute(), false);
				break;
			}
}

static void plan_landlock(struct planning *p)
{
	static const char *const writable[] = { "/workspace", "/home/plugin", "/tmp" };
	struct jail_plan *plan = p->plan;
	int abi = landlock_abi();
	size_t i;

	plan->landlock_abi = abi;
	plan->landlock_fs = landlock_all(abi);
	plan->landlock_net = abi >= 4 ? LL_NET_ALL : 0;
	plan->landlock_scope = abi >= 6 ? LL_SCOPE_ALL : 0;
	plan->rule = arena_array(p->arena, RULES, sizeof(*plan->rule));
	rule_add(p, plan->prefix, "/", LL_READ_DIR, false);
	rule_add(p, plan->prefix, "/bin", landlock_execute(), false);
	plan_devices(p);
	for (i = 0; i < COUNT(writable); i++)
		rule_add(p, plan->prefix, writable[i], landlock_write(abi), false);
	if (plan->tier == TIER_NAMESPACES) {
		plan_runtime_rules(p);
		return;
	}
	if (p->words->task.p != NULL)
		rule_add(p, plan->prefix, "/task.json", LL_READ_FILE, false);
	if (p->words->input != NULL)
		rule_add(p, plan->prefix, "/input", landlock_read(), false);
	if (plan->input_path != NULL)
		rule_add(p, "", plan->input_path, landlock_read(), false);
}

/* ---- identity ---------------------------------------------------------------------------------- */

/* The broker is another user then, who must be killed and must die with the watch: the
 * kernel asks for the same right. The jail is its owner's, capable or not; without a
 * namespace it is ended by its user, and looked into as another's. */
#define OWNER_KEEPS CAP_BIT_KILL
#define ENDER_KEEPS (CAP_BIT_KILL | CAP_BIT_SETUID | CAP_BIT_SETGID | CAP_BIT_SYS_PTRACE | \
	CAP_BIT_DAC_READ_SEARCH | CAP_BIT_DAC_OVERRIDE /* of which a container may have one */)

/*
 * As root: an id of this run's own, so that nobody else on the host, not even
 * another run, may signal it; never root itself. Otherwise: our own.
 */
static void plan_identity(struct jail_plan *plan)
{
	unsigned own = jail_own_uid();

	plan->host_uid = (unsigned)geteuid();
	plan->host_gid = (unsigned)getegid();
	if (geteuid() == 0 && plan->tier == TIER_NAMESPACES)
		own = tier_is_mapped(own) ? own : tier_is_mapped(JAIL_ID) ? JAIL_ID : 0;
	else if (!tier_may_change_user(own))
		own = 0;
	if (own != 0)
		plan->host_uid = plan->host_gid = own;
	plan->privileged = geteuid() == 0 && plan->host_uid != 0;
	if (plan->privileged)
		plan->watch_caps = plan->tier == TIER_NAMESPACES ? OWNER_KEEPS : ENDER_KEEPS;
	plan->uid = plan->tier == TIER_NAMESPACES ? JAIL_ID : plan->host_uid;
	plan->gid = plan->tier == TIER_NAMESPACES ? JAIL_ID : plan->host_gid;
}

/* ---- the weaker tiers ---------------------------------------------------------------------------- */

/* How all of its processes are ended without a namespace that ends with its first. */
static int plan_end(struct planning *p)
{
	struct jail_plan *plan = p->plan;

	if (plan->tier == TIER_NAMESPACES)
		plan->ends_by = ENDS_NAMESPACE;
	else if (plan->privileged)
		plan->ends_by = ENDS_USER;
	else if (plan->landlock_abi >= 6)
		plan->ends_by = ENDS_DOMAIN;
	else if (plan->host_uid != 0)
		plan->ends_by = ENDS_CHILDREN;
	else
		return refuse(p->why, REFUSE_JAIL, "root without its rights cannot end the processes of a jail "
		    "on this kernel: run oxg as an ordinary user");
	return 0;
}

static int plan_place(struct planning *p)
{
	const struct sandbox_words *w = p->words;
	struct jail_plan *plan = p->plan;
	char *resolved;

	plan->prefix = "";
	if (plan->tier == TIER_NAMESPACES)
		return 0;
	if (w->runtime != NULL)
		return refuse(p->why, REFUSE_JAIL, "--runtime needs the tier namespaces, and here is only %s: "
		    "link the plugin statically, or see oxg doctor", tier_word(plan->tier));
	if (w->input_bind != NULL && plan->tier == TIER_CHROOT)
		return refuse(p->why, REFUSE_JAIL, "--input-bind needs mounts, and the tier chroot has none: "
		    "give a snapshot with --input");
	plan->base = w->place;
	plan->base_fd = w->place_fd;
	if (plan->tier == TIER_LANDLOCK)
		plan->prefix = w->place;
	if (w->input_bind == NULL)
		return 0;
	resolved = realpath(w->input_bind, NULL);
	if (resolved == NULL)
		return refuse(p->why, REFUSE_INPUT, "cannot resolve --input-bind %s: %s", w->input_bind, strerror(errno));
	plan->input_path = arena_text(p->arena, bytes_of(resolved));
	free(resolved);
	return 0;
}

/* Signals and abstract sockets to others are Landlock's where it knows them. */
static const char *choose_profile(const struct jail_plan *plan, const char *runtime)
{
	if (plan->tier == TIER_CHROOT)
		return "chroot";
	if (plan->tier == TIER_LANDLOCK)
		return plan->landlock_abi >= 6 ? "landlock" : "landlock_old";
	return runtime == NULL ? "static" : "runtime";
}

static int plan_filter(struct planning *p)
{
	struct jail_plan *plan = p->plan;

	plan->profile = choose_profile(plan, p->words->runtime);
	plan->filter = profile_filter(plan->profile);
	random_bytes((unsigned char *)&plan->secret, sizeof(plan->secret));
	if (plan->tier == TIER_NAMESPACES || tier_may_look_into(plan->host_uid, plan->host_gid))
		plan->telling = p->words->audit ?
		    profile_auditing(p->arena, plan->filter, plan->secret) :
		    profile_telling(p->arena, plan->filter, plan->secret);
	plan->audit = p->words->audit;
	if (plan->audit && plan->telling == NULL)
		return refuse(p->why, REFUSE_JAIL, "--audit: in tier %s nobody here may look into a "
		    "plugin's calls: leave --audit out, or see oxg doctor", tier_word(plan->tier));
	return 0;
}

const char *sandbox_base(void)
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
	out->tier = w->tier;
	out->namespaces = w->tier == TIER_NAMESPACES ? JAIL_NAMESPACES : 0;
	if (check_artifact(&p) != 0 || plan_place(&p) != 0)
		return -1;
	if (w->runtime != NULL &&
	    runtime_steps(a, w->runtime, w->plugin, &runtime, &count, why) != 0)
		return -1;
	if (out->base == NULL && (out->base = sandbox_base()) == NULL)
		return refuse(why, REFUSE_JAIL, "no directory to put the jail's root on: /tmp is missing");
	out->with_runtime = w->runtime != NULL;
	out->scratch = out->tier == TIER_NAMESPACES ? "/workspace" : ".";
	out->workspace = arena_printf(a, "%s/workspace", out->prefix);
	out->stdin_path = w->task.p == NULL ? "/dev/null" : arena_printf(a, "%s%s/task.json", out->prefix,
	    out->tier == TIER_NAMESPACES ? "/workspace" : "");
	out->wall_ns = w->limits->wall_ns;
	layout_plan(&p, runtime, count);
	plan_argv(&p);
	plan_environment(&p);
	plan_identity(out);
	plan_limits(&p);
	plan_landlock(&p);
	return plan_filter(&p) != 0 ? -1 : plan_end(&p);
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

	snprintf(uid, sizeof(uid), "%u %u 1\n", JAIL_ID, plan->host_uid);
	snprintf(gid, sizeof(gid), "%u %u 1\n", JAIL_ID, plan->host_gid);
	if (!plan->privileged && proc_write(pid, "setgroups", "deny") != 0)
		return -1;
	if (proc_write(pid, "uid_map", uid) != 0)
		return -1;
	return proc_write(pid, "gid_map", gid);
}

static int no_process(int error, struct why *why)
{
	return refuse(why, REFUSE_JAIL, error == EAGAIN ? "cannot make the jail's first process: this user has "
	    "as many processes as its limit (ulimit -u) allows" : "cannot make the jail's first process: %s",
	    strerror(error));
}

static int no_namespaces(int error, struct why *why)
{
	if (error == ENOSYS)
		return refuse(why, REFUSE_JAIL,
		    "this kernel has no clone3: oxg needs Linux 5.9 or later");
	if (error == EAGAIN)
		return no_process(error, why);
	if (error == ENOSPC || error == EUSERS)
		return refuse(why, REFUSE_JAIL,
		    "the kernel allows no more user namespaces: raise user.max_user_namespaces");
	return refuse(why, REFUSE_JAIL, "cannot make the jail's namespaces: %s "
	    "(unprivileged user namespaces may be switched off here)", strerror(error));
}

/* One clone, every namespace. Like fork: the child goes on here. The weaker tiers
 * live where clone3 is refused, for its flags cannot be filtered. */
static long clone_init(const struct jail_plan *plan, int *pidfd)
{
	struct kernel_clone_args args = {
		.flags = plan->namespaces | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	long own = syscall(SYS_getpid), pid;

	pid = plan->namespaces == 0 ? syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, pidfd, 0, 0) :
	    syscall(SYS_clone3, &args, sizeof(args));
	/* A filter around us may say 0 and have made nobody: the host would be the jail. */
	if (pid == 0 && syscall(SYS_getpid) == own) {
		errno = ENOSYS;
		return -1;
	}
	return pid;
}

int sandbox_spawn(const struct jail_plan *plan, const struct jail_ends *ends,
    struct cell *out, struct why *why)
{
	int error, pidfd = -1;
	long pid;

	/* Should init be killed by a third party, what it leaves comes to us. */
	if (plan->namespaces == 0)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = clone_init(plan, &pidfd);
	if (pid == 0)
		jail_inside(plan, ends);
	if (pid < 0)
		return (plan->namespaces == 0 ? no_process : no_namespaces)(errno, why);
	out->plan = plan;
	out->init = (pid_t)pid;
	out->pidfd = pidfd;
	out->scratch = -1;
	if (plan->namespaces != 0 && jail_apart(out->init, plan->namespaces, &out->proved, why) != 0) {
		sandbox_kill(out);
		return -1;
	}
	/* When memory is short on the whole host, a plugin is the first to go. A courtesy:
	 * what limits it is the sampler. */
	(void)proc_write(out->init, "oom_score_adj", "1000");
	if (plan->namespaces != 0 && write_maps(plan, out->init) != 0) {
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

void sandbox_kill(struct cell *cell)
{
	cell_end(cell, NULL);
}
