/*
 * wire.c - messages between our own processes: fixed structs over a socket pair
 * that keeps their borders. Runs in the supervisor, the watch, the broker and the jail's
 * first process.
 */
#include <errno.h>
#include <sys/socket.h>

#include "lib/lib.h"

int wire_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd);
}

int wire_send(int fd, const void *message, size_t n)
{
	ssize_t sent;

	do
		sent = send(fd, message, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0 && (size_t)sent != n) {
		errno = EMSGSIZE;
		return -1;
	}
	return sent < 0 ? -1 : 0;
}

int wire_receive(int fd, void *message, size_t n)
{
	ssize_t got;

	/* MSG_TRUNC: the length that was sent, not the one that fitted. A reset is told
	 * once, when the other side went with something of ours unread; what it had
	 * said before lies behind that. */
	do
		got = recv(fd, message, n, MSG_TRUNC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got == 0)
		return 0;
	if (got > 0 && (size_t)got != n)
		errno = EMSGSIZE;
	return got > 0 && (size_t)got == n ? 1 : -1;
}
