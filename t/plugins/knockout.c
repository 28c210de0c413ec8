/*
 * knockout.c - runs a command whose walls do not stand: one system call that puts
 * up a wall does nothing, and says that it did. The proving step must see it.
 *
 *   knockout LAYER COMMAND...    knockout: lists the layers
 *   knockout nothing COMMAND...  the same filter, and every wall stands
 */
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define ANY -1

/* The call nr does nothing when argument at, masked, is value. */
static const struct layer {
	const char *name;
	int nr, at;
	unsigned mask, value;
	int setting;     /* of a limit: only with a third argument */
	int root_only;   /* an ordinary user has no such wall, or could not knock it out */
} layers[] = {
	{ "nothing", SYS_vhangup, ANY, 0, 0, 0, 0 },
	{ "pivot_root", SYS_pivot_root, ANY, 0, 0, 0, 0 },
	{ "old-root-detached", SYS_umount2, ANY, 0, 0, 0, 0 },
	{ "read-only", SYS_mount, 3, MS_RDONLY, MS_RDONLY, 0, 0 },
	{ "uid", SYS_setresuid, ANY, 0, 0, 0, 1 }, /* an ordinary user's is mapped already */
	{ "gid", SYS_setresgid, ANY, 0, 0, 0, 1 },
	{ "groups", SYS_setgroups, ANY, 0, 0, 0, 1 },
	{ "capabilities", SYS_capset, ANY, 0, 0, 0, 0 },
	{ "bounding-set", SYS_prctl, 0, ~0u, PR_CAPBSET_DROP, 0, 0 },
	{ "securebits", SYS_prctl, 0, ~0u, PR_SET_SECUREBITS, 0, 0 },
	{ "no_new_privs", SYS_prctl, 0, ~0u, PR_SET_NO_NEW_PRIVS, 0, 1 },
	{ "seccomp", SYS_seccomp, 0, ~0u, SECCOMP_SET_MODE_FILTER, 0, 0 },
	{ "landlock", 446, ANY, 0, 0, 0, 0 },
	{ "umask", SYS_umask, ANY, 0, 0, 0, 0 },
	{ "session", SYS_setsid, ANY, 0, 0, 0, 0 },
	{ "host-name", SYS_sethostname, ANY, 0, 0, 0, 0 },
	{ "descriptors", SYS_close_range, ANY, 0, 0, 0, 0 },
#define LIMIT(name) { "limit-" #name, SYS_prlimit64, 1, ~0u, RLIMIT_##name, 1, 0 }
	LIMIT(CPU), LIMIT(DATA), LIMIT(AS), LIMIT(FSIZE), LIMIT(NOFILE), LIMIT(NPROC), LIMIT(CORE),
	LIMIT(MEMLOCK), LIMIT(MSGQUEUE), LIMIT(SIGPENDING), LIMIT(STACK),
	{ "limit-NICE", SYS_prlimit64, 1, ~0u, RLIMIT_NICE, 1, 0 },
	{ "limit-RTPRIO", SYS_prlimit64, 1, ~0u, RLIMIT_RTPRIO, 1, 0 },
};

static int load(const struct layer *l)
{
	unsigned at = (unsigned)(offsetof(struct seccomp_data, args) + 8 * (size_t)(l->at < 0 ? 0 : l->at));
	unsigned third = offsetof(struct seccomp_data, args) + 16;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)l->nr, 0, 10),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, l->mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, l->value, 0, 7),
		BPF_STMT(BPF_LD | BPF_IMM, (unsigned)l->setting),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, third),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, third + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { COUNT(code), code };
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

/* Who may have nothing of it cannot be given more by a missing wall. */
static int stands_already(const struct layer *l)
{
	struct rlimit now;

	return l->setting && l->value != RLIMIT_CORE &&
	    getrlimit((__typeof__(RLIMIT_CPU))l->value, &now) == 0 && now.rlim_max == 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < COUNT(layers); i++) {
		if (argc < 3) {
			if (i > 0 && !(layers[i].root_only && geteuid() != 0) && !stands_already(&layers[i]))
				puts(layers[i].name);
			continue;
		}
		if (strcmp(argv[1], layers[i].name) != 0)
			continue;
		/* Who has no groups would lose none. */
		if (geteuid() == 0 && setgroups(1, &(gid_t){ 4 }) != 0) {
			perror("knockout: a group to be lost");
			return 99;
		}
		if (load(&layers[i]) != 0) {
			perror("knockout: the filter");
			return 99;
		}
		execv(argv[2], argv + 2);
		perror("knockout: the command");
		return 98;
	}
	return argc < 3 ? 0 : 97;
}
