/*
 * rights.c - what the broker gives up before it reads its first byte: every
 * descriptor but its own, its identity, its capabilities, every file by
 * name, and all system calls but those that serving needs. Runs in the broker, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/broker.h"
#include "jail/kernel.h" /* numbers of the kernel's; no code */
#include "lib/confine.h"

/* ---- descriptors ---------------------------------------------------------------- */

static int descriptors_close(const struct broker_plan *p)
{
	const int keep[] = { p->out, p->err, p->requests, p->answers, p->control,
		p->findings_file, p->stdout_file, p->stderr_file, p->ledger_file, p->audit_file,
		p->staging, p->project, p->journal.fd };

	return descriptors_keep(keep, COUNT(keep));
}

/* A pipe of the plugin's must never hold us. */
static int descriptors_unblock(const struct broker_plan *p)
{
	const int pipes[] = { p->out, p->err, p->requests, p->answers };

	for (size_t i = 0; i < COUNT(pipes); i++)
		if (pipes[i] >= 0 &&
		    fcntl(pipes[i], F_SETFL, fcntl(pipes[i], F_GETFL) | O_NONBLOCK) < 0)
			return -1;
	return 0;
}

/* ---- identity, capabilities, signals ----------------------------------------------- */

static int identity_drop(const struct broker_plan *p)
{
	if (!p->privileged)
		return 0;
	if (p->uid == 0 || p->gid == 0) {
		errno = EINVAL;
		return -1;
	}
	if (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 ||
	    setresuid(p->uid, p->uid, p->uid) < 0)
		return -1;
	return 0;
}

/* Nobody set a handler, and what the caller ignored may stay so: nothing is executed
 * here. The terminal's keys and a closing terminal are the supervisor's to answer; a
 * file that may not grow is an error to be told. */
static void signals_reset(void)
{
	static const int ignored[] = { SIGPIPE, SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGXFSZ };
	sigset_t none;

	for (size_t i = 0; i < COUNT(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- system calls --------------------------------------------------------------------- */

/*
 * No socket, no fork, no exec, no open but as below, and of the files it holds it can only
 * write on: no ftruncate, and no fcntl to take O_APPEND away. Who tries is not the
 * broker any more: it dies, and the run with it.
 */
static const struct sock_filter calls[] = {
	FILTER_BEGIN,
	ALLOW(read),
	ALLOW(write),
	ALLOW_POLL,
	ALLOW(close),
	ALLOW(sendto),      /* the watch's socket pair: send, recv */
	ALLOW(recvfrom),
	ALLOW(getrandom),
	ALLOW_LIVING,
#ifdef __SANITIZE_ADDRESS__ /* its C library asks so what a descriptor is */
	ALLOW(newfstatat),
#endif
	REFUSE(writev),     /* last words on a stderr that it does not have */
	REFUSE_PASSING,
	FILTER_END,
};

/*
 * With a project it can look into that: by openat2 from the project's own descriptor.
 * What that call is told beyond that no filter sees; Landlock does, where the kernel has
 * it, and lets it read below the project, and nothing else.
 */
static const struct sock_filter looking[] = {
	ALLOW_WITH(openat2, 0, 0),
	ALLOW(fstat),
	ALLOW(pread64),
	ALLOW(getdents64),
	FILTER_END,
};
#define PROJECT_AT 2        /* of these instructions, the one that compares with it */

static int calls_drop(const struct broker_plan *p)
{
	struct sock_filter all[COUNT(calls) - 1 + COUNT(looking)];
	struct sock_filter *rest = all + COUNT(calls) - 1;

	if (p->project < 0)
		return calls_keep(calls, COUNT(calls));
	memcpy(all, calls, sizeof(calls));
	memcpy(rest, looking, sizeof(looking));
	rest[PROJECT_AT].k = (uint32_t)p->project;
	return calls_keep(all, COUNT(all));
}

/* ---- all of it ----------------------------------------------------------------------------- */

const char *rights_drop(const struct broker_plan *p)
{
	static const struct rlimit no_core = { 0, 0 };
	const struct confine_tree project = { p->project, LL_READ_FILE | LL_READ_DIR };

	signals_reset();
	if (descriptors_close(p) < 0 || descriptors_unblock(p) < 0)
		return "close foreign descriptors";
	if (identity_drop(p) < 0)
		return "become another user";
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return "tie its life to the watch's";
	if (capabilities_keep(0) < 0)
		return "drop its capabilities";
	if (privileges_forgo() < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return "give up gaining privileges";
	if (files_keep(&project, p->project >= 0, true) < 0)
		return "put up the Landlock wall";
	if (calls_drop(p) < 0)
		return "load its system call filter";
	return NULL;
}
