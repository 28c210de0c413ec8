/*
 * ledger.c - what the kernel refused the plugin, as the kernel tells it; under --audit
 * also what it allowed. Runs in the watch, which fetches and counts; the broker reads
 * and writes.
 *
 * Such a call stops its thread until it is answered here. The answer is EPERM, never
 * "continue", which lets the plugin go on with whatever then lies in its memory. Under
 * --audit it is "continue" for what the filter alone would have let pass by the same
 * registers: the very program is asked (bpf.c), so that nothing is gained by it. What
 * is written down of memory is what lay there then; another thread may change it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "jail/jail.h"

#define AT_ONCE 64       /* then the clock and the signals are looked at again, */
#define AT_ONCE_NS 20000000u /* or when so long was waited for the broker */
#define PATIENCE_MS 50    /* with the broker, at one line */
#define PATIENCES 10      /* in one run */

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
	return (pid_t)leading_figure(text);
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

	if (!sizes_fit()) {
		errno = EMSGSIZE;
		return -1;
	}
	l->fd = plugin > 0 ? descriptor_of(plugin, remote) : -1;
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
	return at == NULL ? 0 : (int32_t)leading_figure(at);
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

static void fetch_path(struct call_text *t, uint32_t pid, uint64_t address)
{
	size_t n = fetch(pid, address, t->bytes, DENIAL_TEXT);
	const unsigned char *end = memchr(t->bytes, '\0', n);

	t->n = (uint32_t)(end != NULL ? (size_t)(end - t->bytes) : n);
}

static void fetch_address(struct call_text *t, uint32_t pid, uint64_t address, uint64_t size)
{
	struct iovec here = { t->bytes, size < 128 ? (size_t)size : 128 };
	struct iovec there = { (void *)(uintptr_t)address, here.iov_len };
	ssize_t got = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);

	t->n = got > 0 ? (uint32_t)got : 0;
}

static void fetch_texts(struct denial *d, uint32_t pid, const struct seccomp_data *call)
{
	const struct call_shape *shape = call_shape(call->nr);
	struct call_text *t = d->text;
	size_t i;

	for (i = 0; shape != NULL && i < COUNT(shape->arg); i++) {
		int index = shape->arg[i].index;
		uint64_t address = call->args[index];

		if (shape->arg[i].kind != ARG_PATH && shape->arg[i].kind != ARG_ADDRESS)
			continue;
		if (address != 0 && shape->arg[i].kind == ARG_PATH)
			fetch_path(t, pid, address);
		else if (address != 0)
			fetch_address(t, pid, address, call->args[index + 1]);
		t++;
	}
}

/* The registers; flags that lie in memory take the place of their address. */
static void take_arguments(struct denial *d, const struct seccomp_notif *n)
{
	const struct call_shape *shape = call_shape(n->data.nr);
	size_t i;

	memcpy(d->arg, n->data.args, sizeof(d->arg));
	for (i = 0; shape != NULL && i < COUNT(shape->arg); i++) {
		uint64_t *flags = &d->arg[shape->arg[i].index];
		struct iovec there = { (void *)(uintptr_t)*flags, sizeof(*flags) };
		struct iovec here = { flags, sizeof(*flags) };

		if (shape->arg[i].kind == ARG_HOW &&
		    process_vm_readv((pid_t)n->pid, &here, 1, &there, 1, 0) != (ssize_t)sizeof(*flags))
			*flags = CALL_HOW_UNREADABLE;
	}
}

/* A broker that is slow holds up the plugin, which waits for its answer; one that
 * stands still costs lines, and of the clock no more than this. */
static bool can_take(struct ledger *l)
{
	struct pollfd on = { .fd = l->control, .events = POLLOUT };

	if (poll(&on, 1, l->waited < PATIENCES ? PATIENCE_MS : 0) == 1)
		return true;
	l->waited++;
	return false;
}

static bool hand_on(struct ledger *l, const struct denial *d)
{
	return can_take(l) && send(l->control, d, sizeof(*d),
	    MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*d);
}

/* Who calls twice in a row is looked up once: under --audit nobody else can have got
 * its number in between, for a fork would have been told of. */
static int32_t number_of(struct ledger *l, uint32_t pid)
{
	if (l->silent == NULL)
		return pid_inside(pid);
	if (pid != l->last_pid || l->last_inside == 0)
		l->last_inside = pid_inside(pid);
	l->last_pid = pid;
	return l->last_inside;
}

/* True: the broker has it. */
static bool tell(struct ledger *l, const struct seccomp_notif *n, struct denial *d)
{
	d->ns = monotonic_ns() - l->born_ns;
	d->nr = n->data.nr;
	d->pid = number_of(l, n->pid);
	fetch_texts(d, n->pid, &n->data);
	/* Whose memory that was is known only if the call still waits. */
	return ioctl(l->fd, (int)SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id) == 0 && hand_on(l, d);
}

/* ---- answering ------------------------------------------------------------------------- */

static uint32_t *count_of(uint32_t by_call[LEDGER_CALLS], int nr)
{
	return &by_call[(uint32_t)nr < LEDGER_CALLS - 1 ? (uint32_t)nr : LEDGER_CALLS - 1];
}

static void note_refused(struct ledger *l, const struct seccomp_notif *n)
{
	struct denial d = { .deed = DEED_NONE };

	l->into->refused++;
	++*count_of(l->into->by_call, n->data.nr);
	if (l->into->refused > LEDGER_LINES)
		return;
	take_arguments(&d, n);
	l->into->sent += tell(l, n, &d);
}

static void note_allowed(struct ledger *l, const struct seccomp_notif *n)
{
	struct denial d = { .deed = DEED_NONE };

	take_arguments(&d, n);
	d.deed = call_deed(n->data.nr, d.arg);
	l->audited->allowed++;
	l->audited->by_deed[d.deed]++;
	++*count_of(l->audited->by_call, n->data.nr);
	if (l->audited->allowed <= AUDIT_LINES)
		(void)tell(l, n, &d); /* what the file holds is counted from the file */
}

bool ledger_lets(const struct ledger *l, const struct seccomp_data *d)
{
	return l->silent != NULL && bpf_answer(l->silent, d) == SECCOMP_RET_ALLOW;
}

static bool serve_one(struct ledger *l)
{
	union notification u;
	struct seccomp_notif_resp answer = { .error = -EPERM };
	bool lets;

	memset(&u, 0, sizeof(u));
	if (ioctl(l->fd, (int)SECCOMP_IOCTL_NOTIF_RECV, &u.n) != 0)
		return errno == EINTR || errno == ENOENT; /* its thread was killed meanwhile */
	lets = ledger_lets(l, &u.n.data);
	if (l->proving)
		l->asked += !lets;
	else if (lets)
		note_allowed(l, &u.n);
	else
		note_refused(l, &u.n);
	answer.id = u.n.id;
	if (lets) {
		answer.error = 0;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	}
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
	uint64_t until = monotonic_ns() + AT_ONCE_NS;
	int i;

	for (i = 0; i < AT_ONCE && monotonic_ns() < until && poll(&on, 1, 0) > 0; i++) {
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
