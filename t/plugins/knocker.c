/*
 * knocker.c - a plugin that asks for what it may not have, one thing a run, and
 * prints what came of it: the error's name, or the figure it got.
 *
 *   knocker DEED [N]
 *   knocker outer COMMAND...   the command, under a filter that is listened to
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int say(long r)
{
	if (r >= 0)
		puts("0");
	else
		puts(errno == EPERM ? "EPERM" : errno == EFAULT ? "EFAULT" : strerror(errno));
	return 0;
}

/* The last bytes before memory that is not there. */
static char *edge(const char *text)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(two + 4096, 4096);
	return memcpy(two + 4096 - strlen(text) - 1, text, strlen(text) + 1);
}

static long connect_to(const char *kind)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(4444) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(443) };
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock" };
	struct sockaddr_un hidden = { .sun_family = AF_UNIX };
	inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	memcpy(hidden.sun_path + 1, "hidden", 6);
	if (!strcmp(kind, "6"))
		return syscall(SYS_connect, 7, &in6, sizeof(in6));
	if (!strcmp(kind, "-unix"))
		return syscall(SYS_connect, 7, &un, sizeof(un));
	if (!strcmp(kind, "-abstract"))
		return syscall(SYS_connect, 7, &hidden, offsetof(struct sockaddr_un, sun_path) + 7);
	if (!strcmp(kind, "-half"))
		return syscall(SYS_connect, 7, &in, 1);
	if (!strcmp(kind, "-wild"))
		return syscall(SYS_connect, 7, 16L, 16);
	return syscall(SYS_connect, 7, &in, sizeof(in));
}

static int evil(void)
{
	static char large[4097];
	memset(large, 'x', 4096);
	syscall(SYS_chroot, "\",\"call\":\"forged\"}\n{\"x\":\"");
	syscall(SYS_chroot, "</script><b>\033[31m");
	syscall(SYS_chroot, large);
	syscall(SYS_chroot, "\xff\xfe");
	return 0;
}

static int many(long n, int forever)
{
	while (forever || n-- > 0)
		syscall(SYS_chroot, "/x");
	return 0;
}

static int threads(void)
{
	for (int i = 0; i < 8; i++)
		if (fork() == 0)
			_exit(many(100, 0));
	while (wait(NULL) > 0)
		;
	return 0;
}

static int deaf(void)
{
	for (int fd = 0; fd < 5; fd++)
		close(fd);
	usleep(100000);
	return many(3, 0);
}

/* Everything is allowed and one number is listened to: ours would be the second. */
static int outer(char **command)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_acct, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	if (fd < 0)
		return 99;
	/* The listener lives on in a process of its own, as an outer sandbox's does. */
	int status;
	pid_t p = fork();
	if (p == 0) {
		close(fd);
		execv(command[0], command);
		_exit(98);
	}
	waitpid(p, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}

int main(int argc, char **argv)
{
	const char *deed = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;
#define IS(word) (strcmp(deed, word) == 0)
	if (IS("socket"))
		return say(syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP) < 0 ? -1 : 0);
	if (IS("packet"))
		return say(syscall(SYS_socket, AF_PACKET, SOCK_RAW, htons(3)));
	if (strncmp(deed, "connect", 7) == 0)
		return say(connect_to(deed + 7));
	if (IS("mount"))
		return say(syscall(SYS_mount, "/", "/tmp", NULL, MS_BIND, NULL));
	if (IS("mknod"))
		return say(syscall(SYS_mknod, "/tmp/disk", S_IFBLK | 0600, makedev(8, 1)));
	if (IS("chroot"))
		return say(syscall(SYS_chroot, "/workspace"));
	if (IS("unshare"))
		return say(syscall(SYS_unshare, CLONE_NEWNS | CLONE_NEWUSER));
	if (IS("ptrace"))
		return say(syscall(SYS_ptrace, 16, 1, 0, 0));
	if (IS("setuid"))
		return say(syscall(SYS_setresuid, 0, 0, -1));
	if (IS("terminal"))
		return say(syscall(SYS_ioctl, 0, 0x5412, "x"));
	if (IS("terminal-high"))
		return say(syscall(SYS_ioctl, 0, 0x100005412L, "x"));
	if (IS("edge"))
		return say(syscall(SYS_chroot, edge("/edge")));
	if (IS("wild"))
		return say(syscall(SYS_chroot, 16L));
	if (IS("evil"))
		return evil();
	if (IS("token"))
		return say(syscall(SYS_chroot, getenv("OXG_CAPABILITY_TOKEN")) ? -1 : 0);
	if (IS("many"))
		return many(n, 0);
	if (IS("flood"))
		return many(0, 1);
	if (IS("cpu"))
		for (int i = 0;; i++)
			if (i % 100000 == 0)
				many(1, 0);
	if (IS("threads"))
		return threads();
	if (IS("deaf"))
		return deaf();
	if (IS("outer") && argc > 2)
		return outer(argv + 2);
	return IS("quiet") ? 0 : 64;
}
