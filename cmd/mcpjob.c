/*
 * mcpjob.c - the child of a call to oxg mcp: this very executable, with a command line of
 * mcptools.c. Its stdin is empty, what it prints is kept up to a ceiling, and it does not
 * outlive the server: the kernel sends it SIGTERM then, by which a run seals its folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/mcp.h"

#define OUT_BYTES (1u << 20)      /* of its stdout; more is cut */
#define ERR_BYTES (64u << 10)     /* of its stderr */
#define CHUNK (64u << 10)
#define DEADLINE_NS 10000000000u  /* from SIGTERM to SIGKILL */
#define DESCRIPTOR_FREE 10        /* from here on none is a child's */

const struct mcp_job mcp_no_job = { .died = -1, .out = -1, .err = -1 };

static _Noreturn void child(int self, pid_t server, const struct mcp_call *c, int out, int err)
{
	/* From number to number the flag is lost, but not onto itself. */
	int task = c->task < 0 ? 0 : c->task == MCP_TASK_FD ? fcntl(c->task, F_SETFD, 0) :
	    dup2(c->task, MCP_TASK_FD);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	signal(SIGPIPE, SIG_DFL);
	if (null >= 0 && task >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(err, STDERR_FILENO) >= 0 && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == 0 && getppid() == server)
		fexecve(self, (char *const *)c->argv, environ);
	_exit(STATUS_JAIL);
}

int mcp_above(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTOR_FREE);

	if (fd >= 0)
		close(fd);
	return high;
}

/* Both ends above what a child puts in place; ours does not wait. */
static bool pipe_make(int p[2])
{
	if (pipe2(p, O_CLOEXEC) < 0) {
		p[0] = p[1] = -1;
		return false;
	}
	p[0] = mcp_above(p[0]);
	p[1] = mcp_above(p[1]);
	return p[0] >= 0 && p[1] >= 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

bool mcp_job_start(struct mcp_job *job, int self, const struct mcp_call *c)
{
	int out[2], err[2] = { -1, -1 };
	pid_t server = getpid();
	bool made = pipe_make(out) && pipe_make(err);

	*job = mcp_no_job;
	job->pid = made ? fork() : -1;
	if (job->pid == 0)
		child(self, server, c, out[1], err[1]);
	if (job->pid > 0)
		job->died = (int)syscall(SYS_pidfd_open, job->pid, 0);
	drop(&out[1]);
	drop(&err[1]);
	job->out = out[0];
	job->err = err[0];
	if (job->died >= 0)
		return true;
	if (job->pid > 0) {
		kill(job->pid, SIGKILL);
		waitpid(job->pid, NULL, 0);
	}
	mcp_job_forget(job);
	return false;
}

void mcp_job_stop(struct mcp_job *job)
{
	if (job->pid == 0 || job->kill_ns != 0)
		return;
	kill(job->pid, SIGTERM);
	job->kill_ns = monotonic_ns() + DEADLINE_NS;
}

/* Keeps what there is room for. False: not now. */
static bool take(int *fd, struct buf *text, size_t max, uint64_t *seen)
{
	static unsigned char chunk[CHUNK];
	ssize_t n = *fd < 0 ? 0 : read(*fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		drop(fd);
		return false;
	}
	*seen += (uint64_t)n;
	buf_add(text, chunk, (size_t)n < max - text->n ? (size_t)n : max - text->n);
	return true;
}

static bool take_out(struct mcp_job *job)
{
	return take(&job->out, &job->out_text, OUT_BYTES, &job->out_seen);
}

static bool take_err(struct mcp_job *job)
{
	return take(&job->err, &job->err_text, ERR_BYTES, &job->err_seen);
}

void mcp_job_read(struct mcp_job *job)
{
	take_out(job);
	take_err(job);
}

/* Whatever holds its pipes still is not waited for. */
int mcp_job_reap(struct mcp_job *job)
{
	int status = 0;

	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		;
	while (take_out(job))
		;
	while (take_err(job))
		;
	return status;
}

void mcp_job_forget(struct mcp_job *job)
{
	drop(&job->out);
	drop(&job->err);
	drop(&job->died);
	buf_free(&job->out_text);
	buf_free(&job->err_text);
	*job = mcp_no_job;
}
