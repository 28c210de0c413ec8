/*
 * ledger.c - what the kernel refused the plugin, as the kernel tells it. Runs in
 * the watch, which fetches and counts; the broker reads and writes.
 *
 * A refused call stops its thread until it is answered here. The answer is EPERM,
 * always: never "continue", which the plugin could turn into anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "jail/jail.h"

#define AT_ONCE 64       /* then the clock and the signals are looked at again */
#define PATIENCE_MS 10

#define NOTIF_SYNC_WAKE_UP 1ul

/* As large as the kernel's own, which may grow. */
union notification {
	struct seccomp_notif n;
	char room[512];
};

/* ---- taking the listener --------------------------------------------------------- */

static pid_t only_child(pid_t init)
{
	char path[64], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)init, (int)init);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

static bool sizes_fit(void)
{
	struct seccomp_notif_sizes sizes;

	return syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 &&
	    sizes.seccomp_notif <= sizeof(union notification);
}

int ledger_take(struct ledger *l, pid_t init, int remote)
{
	pid_t plugin = only_child(init);
	long pidfd;

	if (!sizes_fit()) {
		errno = EMSGSIZE;
		return -1;
	}
	pidfd = plugin > 0 ? syscall(SYS_pidfd_open, plugin, 0) : -1;
	if (pidfd < 0)
		return -1;
	l->fd = (int)syscall(SYS_pidfd_getfd, (int)pidfd, remote, 0);
	close((int)pidfd);
	/* Who waits and who answers take turns: on one CPU that is twice as fast. Older
	 * kernels do not know it. */
	if (l->fd >= 0)
		(void)ioctl(l->fd, (int)LEDGER_NOTIF_SET_FLAGS, NOTIF_SYNC_WAKE_UP);
	return l->fd < 0 ? -1 : 0;
}

/* ---- what a call says --------------------------------------------------------------- */

/* Its number in its own namespace is the last one. */
static int32_t pid_inside(uint32_t pid)
{
	char path[64], text[4096], *at, *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	at = strstr(text, "\nNSpid:");
	if (at == NULL)
		return 0;
	end = strchr(at + 1, '\n');
	if (end != NULL)
		*end = '\0';
	at = strrchr(at + 1, '\t');
	return at == NULL ? 0 : (int32_t)strtol(at, NULL, 10);
}

/* As much as there is, up to size: a text may end right before a page that is not
 * mapped. */
static size_t fetch(uint32_t pid, uint64_t address, unsigned char *into, size_t size)
{
	size_t page = 4096, got = 0;

	while (got < size) {
		size_t part = page - (address + got) % page;
		struct iovec here = { into + got, part < size - got ? part : size - got };
		struct iovec there = { (void *)(uintptr_t)(address + got), here.iov_len };
		ssize_t n = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);

		if (n <= 0)
			break;
		got += (size_t)n;
		if (memchr(into + got - (size_t)n, '\0', (size_t)n) != NULL)
			break;
	}
	return got;
}

static void fetch_text(struct denial *d, uint32_t pid, const struct seccomp_data *call)
{
	const struct call_shape *shape = call_shape(call->nr);
	const unsigned char *end;
	size_t i, n, size;

	for (i = 0; shape != NULL && i < COUNT(shape->arg); i++) {
		uint64_t address = call->args[shape->arg[i].index];

		if (shape->arg[i].kind == ARG_PATH && address != 0) {
			n = fetch(pid, address, d->bytes, DENIAL_TEXT);
			end = memchr(d->bytes, '\0', n);
			d->text = (uint32_t)(end != NULL ? (size_t)(end - d->bytes) : n);
		} else if (shape->arg[i].kind == ARG_ADDRESS && address != 0) {
			struct iovec here = { d->bytes, DENIAL_TEXT };
			struct iovec there = { (void *)(uintptr_t)address, 0 };
			ssize_t got;

			size = (size_t)call->args[shape->arg[i].index + 1];
			here.iov_len = there.iov_len = size < 128 ? size : 128;
			got = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);
			d->text = got > 0 ? (uint32_t)got : 0;
		}
	}
}

/* A broker that is slow holds up the plugin, which waits for its answer; one that
 * stands still costs a line, never the clock. */
static bool hand_on(const struct ledger *l, const struct denial *d)
{
	struct pollfd on = { .fd = l->control, .events = POLLOUT };

	return poll(&on, 1, PATIENCE_MS) == 1 && send(l->control, d, sizeof(*d),
	    MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*d);
}

static void tell(struct ledger *l, const struct seccomp_notif *n)
{
	struct denial d = { .ns = monotonic_ns() - l->born_ns, .nr = n->data.nr,
		.pid = pid_inside(n->pid) };

	memcpy(d.arg, n->data.args, sizeof(d.arg));
	fetch_text(&d, n->pid, &n->data);
	/* Whose memory that was is known only if the call still waits. */
	if (ioctl(l->fd, (int)SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id) != 0)
		return;
	if (hand_on(l, &d))
		l->into->sent++;
}

/* ---- answering ------------------------------------------------------------------------- */

static void note(struct ledger *l, const struct seccomp_notif *n)
{
	uint32_t nr = (uint32_t)n->data.nr;

	l->into->refused++;
	l->into->by_call[nr < LEDGER_CALLS - 1 ? nr : LEDGER_CALLS - 1]++;
	if (l->into->refused <= LEDGER_LINES)
		tell(l, n);
}

static bool serve_one(struct ledger *l)
{
	union notification u;
	struct seccomp_notif_resp answer = { .error = -EPERM };

	memset(&u, 0, sizeof(u));
	if (ioctl(l->fd, (int)SECCOMP_IOCTL_NOTIF_RECV, &u.n) != 0)
		return errno == EINTR || errno == ENOENT; /* its thread was killed meanwhile */
	if (l->proving)
		l->asked++;
	else
		note(l, &u.n);
	answer.id = u.n.id;
	(void)ioctl(l->fd, (int)SECCOMP_IOCTL_NOTIF_SEND, &answer);
	return true;
}

void ledger_serve_proof(struct ledger *l)
{
	(void)serve_one(l);
}

void ledger_serve(struct ledger *l)
{
	struct pollfd on = { .fd = l->fd, .events = POLLIN };
	int i;

	for (i = 0; i < AT_ONCE && poll(&on, 1, 0) > 0; i++) {
		if ((on.revents & POLLIN) && serve_one(l))
			continue;
		/* Nobody is left whom the filter binds. */
		if (on.revents & (POLLHUP | POLLERR)) {
			close(l->fd);
			l->fd = -1;
		}
		return;
	}
}
