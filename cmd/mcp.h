/*
 * mcp.h - what the files of oxg mcp give each other: mcp.c speaks with the client,
 * mcpwords.c holds the operator's words, mcptools.c makes a call's words of both, and
 * mcpjob.c is the child that gets them.
 */
#ifndef OXG_MCP_H
#define OXG_MCP_H

#include "cmd/cmd.h"

#define MCP_TASK_FD 3             /* of a child */

/* A call, ready for a child: argv ends with NULL, task is a descriptor or -1. */
struct mcp_call {
	const char *argv[1152];
	size_t argc;
	int task;                     /* MCP_TASK_FD of the child */
};

/* ---- mcpwords.c: what was said when the server was started ------------------------------ */

/* The commands that an operator's word is handed on to, as it is. */
enum mcp_verb { RUN = 1, LOOK = 2, INSPECT = 4, STORED = 8, GATE = 16, REPLAY = 32, DOCTOR = 64 };

#define MCP_GIVEN_MAX 32

struct mcp_words {
	const char *plugins, *out;    /* out NULL: out/ of the working directory */
	const char *text[MCP_GIVEN_MAX]; /* by the table of options */
	bool flag[MCP_GIVEN_MAX];
	struct words_list list[2];    /* grant, secret */
};

/* Dies with status 2 on a wrong word, as "oxg run" would with the same. */
void mcp_words_read(int argc, char **argv, struct mcp_words *out);
const char *mcp_words_text(const struct mcp_words *w, const char *name); /* NULL: not said */
/* Those of a verb behind the call's words. but: " memory timeout ", which the client says
 * itself. */
void mcp_words_add(struct arena *a, const struct mcp_words *w, unsigned verb, const char *but,
    struct mcp_call *c);
void mcp_call_add(struct mcp_call *c, const char *word);

/* ---- mcptools.c: the verbs as tools, and the words they become --------------------------- */
struct mcp_tool;

const struct mcp_tool *mcp_tool_find(struct bytes name); /* NULL: no such tool */
void mcp_tools_write(struct json_out *o);                /* the array of tools/list */
/* arguments is an object of j, or -1. 0, or -1 with why (USAGE), in the client's words. */
int mcp_call_make(struct arena *a, const struct mcp_words *w, const struct mcp_tool *tool,
    const struct json *j, int arguments, struct mcp_call *out, struct why *why);
/* Of an exit status: what it means of this tool, and whether it is an error of the call. */
const char *mcp_status_word(const struct mcp_tool *tool, int status);
bool mcp_status_bad(int status);

/* ---- mcpjob.c: the one child at a time ------------------------------------------------------ */

struct mcp_job {
	pid_t pid;                    /* 0: nothing runs */
	int died, out, err;           /* pidfd; pipes, -1 at their end: to be polled */
	struct buf out_text, err_text; /* what was kept of it, of so many bytes: */
	uint64_t out_seen, err_seen;
	uint64_t kill_ns;             /* when SIGKILL is due, 0: it is not */
};

extern const struct mcp_job mcp_no_job;
/* A descriptor above those that a child gets, the old one closed; -1 of -1. */
int mcp_above(int fd);
/* self: a descriptor of this executable. False: no process, or no descriptor, is left. */
bool mcp_job_start(struct mcp_job *job, int self, const struct mcp_call *c);
/* SIGTERM, by which a run seals its folder; SIGKILL is due ten seconds later. */
void mcp_job_stop(struct mcp_job *job);
void mcp_job_read(struct mcp_job *job); /* what there is now */
/* It is dead, or will be at once: what is left in its pipes, and its wait status. */
int mcp_job_reap(struct mcp_job *job);
void mcp_job_forget(struct mcp_job *job);

#endif
