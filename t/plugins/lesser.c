/*
 * lesser.c - makes a kernel look lesser than it is: runs a command under a filter
 * that answers calls with an error. As a plugin: makes calls by their number.
 *
 *   lesser ERRNO|kill CALL[,CALL...] COMMAND...
 *   lesser listen COMMAND...              under a filter that somebody listens to
 *   lesser call NR[:ARG...]...            prints "NR errno" for each; 0 is none
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NAMESPACES 0x7e020080u /* CLONE_NEW* */

static const struct { const char *name; int nr; } calls[] = {
	{ "clone3", 435 }, { "close_range", 436 }, { "openat2", 437 }, { "open_tree", 428 },
	{ "mount_setattr", 442 }, { "pidfd_open", 434 }, { "landlock", 444 },
	{ "mount", SYS_mount }, { "pivot_root", SYS_pivot_root }, { "unshare", SYS_unshare },
	{ "seccomp", SYS_seccomp }, { "capset", SYS_capset }, { "setresuid", SYS_setresuid },
};

static struct sock_filter code[64];
static unsigned short used;

static void add(uint16_t what, uint8_t yes, uint8_t no, uint32_t k)
{
	code[used++] = (struct sock_filter){ what, yes, no, k };
}

static void load_word(size_t offset)
{
	add(BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

/* The call, when its argument has a bit of the mask; mask 0: always. */
static void refuse(int nr, int arg, uint32_t mask, uint32_t answer)
{
	load_word(offsetof(struct seccomp_data, nr));
	add(BPF_JMP | BPF_JEQ | BPF_K, 0, mask ? 3 : 1, (uint32_t)nr);
	if (mask) {
		load_word(offsetof(struct seccomp_data, args) + 8 * (size_t)arg);
		add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, mask);
	}
	add(BPF_RET | BPF_K, 0, 0, answer);
}

static void refuse_named(const char *name, uint32_t answer)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (strcmp(calls[i].name, name) == 0) {
			refuse(calls[i].nr, 0, 0, answer);
			return;
		}
	if (strcmp(name, "clone") == 0) { /* as containers' filters do */
		refuse(SYS_clone, 0, NAMESPACES, answer);
	} else if (strcmp(name, "namespaces") == 0) { /* clone3 that has something to read */
		refuse(435, 1, 0xffffffffu, answer);
	} else {
		fprintf(stderr, "lesser: %s is unknown here\n", name);
		exit(2);
	}
}

static void load_filter(unsigned long flags)
{
	struct sock_fprog program = { used, code };
	long fd;

	add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	program.len = used;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    (fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program)) < 0) {
		perror("lesser: filter");
		exit(2);
	}
	if (flags) /* there is a listener as long as it is open */
		fcntl((int)fd, F_SETFD, 0);
}

static int make_calls(char **word)
{
	for (; *word; word++) {
		long arg[6] = { -1, -1, -1, -1, -1, -1 }, nr;
		char *at = *word;
		long rc;

		nr = strtol(at, &at, 0);
		for (int i = 0; i < 6 && *at == ':'; i++)
			arg[i] = (long)strtoull(at + 1, &at, 0);
		rc = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
		printf("%s %d\n", *word, rc == -1 ? errno : 0);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t answer;

	if (argc >= 3 && strcmp(argv[1], "call") == 0)
		return make_calls(argv + 2);
	if (argc >= 3 && strcmp(argv[1], "listen") == 0) {
		refuse(SYS_acct, 0, 0, 0x7fc00000u /* SECCOMP_RET_USER_NOTIF */);
		load_filter(8 /* SECCOMP_FILTER_FLAG_NEW_LISTENER */);
		argv += 2;
	} else if (argc >= 4) {
		answer = strcmp(argv[1], "kill") == 0 ? SECCOMP_RET_KILL_PROCESS :
		    SECCOMP_RET_ERRNO | (uint32_t)strtoul(argv[1], NULL, 10);
		if (answer == SECCOMP_RET_ERRNO) {
			fputs("lesser: no error would be a lie: give its number\n", stderr);
			return 2;
		}
		for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ","))
			refuse_named(name, answer);
		load_filter(0);
		argv += 3;
	} else {
		fputs("lesser: see lesser.c\n", stderr);
		return 2;
	}
	execv(argv[0], argv);
	perror(argv[0]);
	return 127;
}
