/*
 * lesser.c - makes a kernel look lesser than it is: runs a command under a filter
 * that answers calls with an error. As a plugin: makes calls by their number.
 *
 *   lesser ERRNO|kill CALL[,CALL...] COMMAND...
 *   lesser listen COMMAND...              under a filter that somebody listens to
 *   lesser lie CALL[,CALL...] COMMAND...  where calls do nothing and say that they did
 *   lesser abi N COMMAND...               on a kernel whose Landlock has ABI N
 *   lesser call NR[:ARG...]...            prints "NR errno" for each; 0 is none
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NAMESPACES 0x7e020080u /* CLONE_NEW* */

static const struct { const char *name; int nr; } calls[] = {
	{ "clone3", 435 }, { "close_range", 436 }, { "openat2", 437 }, { "open_tree", 428 },
	{ "mount_setattr", 442 }, { "pidfd_open", 434 }, { "landlock", 444 },
	{ "mount", SYS_mount }, { "pivot_root", SYS_pivot_root }, { "unshare", SYS_unshare },
	{ "seccomp", SYS_seccomp }, { "capset", SYS_capset }, { "setresuid", SYS_setresuid },
	{ "chroot", SYS_chroot },
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

/* Who asks for Landlock's version gets that figure; all else is the kernel's. The
 * listener is ours, and the command our child. */
static int with_abi(long abi, char **command)
{
	struct seccomp_notif asked;
	struct seccomp_notif_resp answer;
	int line[2], listener, status;
	pid_t pid;

	refuse(444, 2, 1, SECCOMP_RET_USER_NOTIF);
	add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, line) != 0)
		return 2;
	pid = fork();
	if (pid == 0) {
		struct sock_fprog program = { used, code };
		long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 8, &program);

		(void)!write(line[1], &fd, sizeof(fd));
		while (fd >= 0 && read(line[1], &status, sizeof(status)) < 0)
			;
		close((int)fd);
		execvp(command[0], command);
		_exit(127);
	}
	long remote;
	if (read(line[0], &remote, sizeof(remote)) != sizeof(remote) || remote < 0)
		return 2;
	listener = (int)syscall(438, (int)syscall(434, pid, 0), (int)remote, 0);
	if (listener < 0)
		return 2;
	(void)!write(line[0], &status, sizeof(status));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd on = { .fd = listener, .events = POLLIN };

		if (poll(&on, 1, 20) <= 0 || !(on.revents & POLLIN))
			continue;
		memset(&asked, 0, sizeof(asked));
		memset(&answer, 0, sizeof(answer));
		if (ioctl(listener, (int)SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0)
			continue;
		answer.id = asked.id;
		answer.val = abi;
		ioctl(listener, (int)SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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
	if (argc >= 4 && strcmp(argv[1], "abi") == 0)
		return with_abi(strtol(argv[2], NULL, 10), argv + 3);
	if (argc >= 3 && strcmp(argv[1], "listen") == 0) {
		refuse(SYS_acct, 0, 0, 0x7fc00000u /* SECCOMP_RET_USER_NOTIF */);
		load_filter(8 /* SECCOMP_FILTER_FLAG_NEW_LISTENER */);
		argv += 2;
	} else if (argc >= 4) {
		answer = strcmp(argv[1], "kill") == 0 ? SECCOMP_RET_KILL_PROCESS :
		    SECCOMP_RET_ERRNO | (uint32_t)strtoul(argv[1], NULL, 10);
		if (answer == SECCOMP_RET_ERRNO && strcmp(argv[1], "lie") != 0) {
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
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}
