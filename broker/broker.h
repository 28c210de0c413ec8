/*
 * broker.h - the counter: a process of its own that reads everything the plugin
 * writes (stdout, stderr, requests), answers it, and records it. It holds no
 * signing key, no privilege, and sees the grant, never the policy.
 */
#ifndef OXG_BROKER_H
#define OXG_BROKER_H

#include "evidence/evidence.h"
#include "lib/lines.h"
#include "lib/redact.h"
#include "oxg.h"

/* JSON-RPC 2.0 errors: its own, and DESIGN.md section 8's. */
enum rpc_error {
	RPC_PARSE = -32700, RPC_REQUEST = -32600, RPC_METHOD = -32601,
	RPC_PARAMS = -32602, RPC_INTERNAL = -32603,
	RPC_CAPABILITY = -32001, RPC_TOKEN = -32002, RPC_POLICY = -32003,
	RPC_BUDGET = -32004, RPC_UPSTREAM = -32005,
};

#define BROKER_LINE_MAX (1u << 20)
#define BROKER_REFUSALS_MAX 1000   /* then every token is revoked */
#define BROKER_DRAIN_MS 2000       /* after the jail's death */
#define BROKER_LOGS_MAX 10000      /* log lines in the journal: the plugin's own words */

/* Made by oxg.c before the fork; all descriptors are open already. */
struct broker_plan {
	int out, err, requests;    /* read ends: the plugin's 1, 2, 4 */
	int answers;               /* write end: the plugin's 3 */
	int control;               /* broker_message pair with the watch */
	int findings_file, stdout_file, stderr_file, ledger_file;
	int audit_file;            /* -1: no --audit */
	int staging;               /* O_APPEND; -1: nothing may be handed over */
	int project;               /* the directory of --project; -1: none, or nothing granted there */
	struct journal journal;    /* the pen: ours until BROKER_END gives the head back */
	struct mint mint;          /* wiped in supervisor and watch after their forks */
	struct grant grant;
	struct limits limits;
	struct finding_context finding;
	struct secret secret[SECRETS_MAX]; /* wiped where the mint is */
	size_t secrets;
	struct bytes task;         /* task.json's bytes, or none */
	const char *task_id;
	struct clock clock;
	unsigned uid, gid;         /* to become, when we are root; else unused */
	bool privileged;
	bool news;                 /* BROKER_NEWS is wanted */
};

/* Drops its rights in its first lines, serves until the jail is dead and every
 * pipe at its end (or the drain deadline), sends BROKER_END and exits. */
_Noreturn void broker_serve(struct broker_plan *plan);

/* ---- inside the room: what its files give each other ----------------------------- */

/* rights.c: descriptors, identity, capabilities, signals, system calls: what is left
 * is what serving needs. NULL, or what could not be done, with errno. */
const char *rights_drop(const struct broker_plan *p);

/* stream.c: one output of the plugin, kept in a file up to a limit and counted
 * to its end, its secrets masked. */
struct stream {
	int in, file;              /* in: -1 at its end */
	const char *name;          /* "stdout" */
	uint64_t limit;
	struct stream_tally tally;
	bool truncated;
	struct redaction redaction;
	struct buf held;           /* read but not written: a secret may begin in it */
	struct buf masked;         /* being written */
};

enum stream_state { STREAM_WAIT, STREAM_DATA, STREAM_END, STREAM_LOST };

/* One read. DATA: *fresh is what came, until the next call. END: all is written.
 * LOST: errno says why the file could not be written. */
enum stream_state stream_read(struct stream *s, const struct redactor *r, struct bytes *fresh);
/* Writes what waits for the end of a secret. 0 or -1 with errno. */
int stream_finish(struct stream *s, const struct redactor *r);

/* Kinds of event that a plugin can provoke at will. Each has its ceiling in the
 * journal; beyond it they are counted. */
#define NOTES(X)                          \
	X(USE, "token.use")               \
	X(TOKEN, "token.refuse")          \
	X(EXPIRE, "token.expire")         \
	X(REVOKE, "token.revoke")         \
	X(REQUEST, "request.refuse")      \
	X(FINDING, "finding.reject")      \
	X(TASK, "task.pull")              \
	X(SECRET, "secret.get")           \
	X(LIST, "fs.list")                \
	X(READ, "fs.read")                \
	X(LOG, "log")

enum note {
#define X(name, type) NOTE_##name,
	NOTES(X)
#undef X
	NOTE_COUNT
};

/* stage.c: what is handed over, on its way into the staging file (evidence/evidence.h).
 * Whatever is in it is masked: of secrets and tokens, and in texts of all shapes. */
#define STAGE_HEAD (8u << 10)      /* no NUL in so many bytes: a text */

struct stage_open {
	struct handed_file *file;  /* NULL: none */
	uint64_t seen;             /* bytes that came; file->bytes are those written */
	enum { STAGE_UNKNOWN, STAGE_TEXT, STAGE_BINARY } kind;
	struct redaction redaction;
	struct buf held;           /* not written: a secret may begin in it */
	struct sha256 hash;
};

struct stage {
	struct handed handed;      /* dropped ones too */
	struct stage_open open[HANDED_OPEN];
	uint64_t bytes;            /* of files, dropped ones too: limits.artifacts */
	struct buf record;         /* being written */
};

struct broker {
	struct broker_plan *plan;
	struct stream out, err;
	struct lines requests, findings_in;
	struct buf answers;        /* the queue, not written yet */
	struct buf findings;       /* lines not written yet */
	uint64_t findings_bytes, log_bytes;
	struct tally tally;
	uint64_t denials;          /* lines of the ledger */
	uint64_t audited, audit_bytes; /* lines of audit.jsonl */
	uint64_t noted[NOTE_COUNT];
	unsigned char expiry_noted[TOKEN_LIVE / 8];
	struct arena scratch;      /* of one line */
	struct redactor redactor, values; /* values: no shapes */
	uint32_t tokens_known, values_known; /* to them */
	struct stage stage;
	struct buf masked;         /* text without its secrets */
	uint64_t deadline_ns;      /* 0: the jail lives */
	uint64_t told, told_ns;    /* findings, and when: the last BROKER_NEWS */
};

/* ledger.c: one system call: refused, into ledger.jsonl; allowed, into audit.jsonl. */
void ledger_write(struct broker *b, const struct denial *d);

/* broker.c */
void broker_start(struct broker *b, struct broker_plan *plan);
/* Opens an event of this kind, unless there were too many: then false, counted. */
bool broker_note(struct broker *b, enum note kind, struct json_out *o);
/* Knows every secret and token of the run. The tables are made when they are needed. */
const struct redactor *broker_redactor(struct broker *b);
/* The same without shapes: secrets and tokens alone. */
const struct redactor *broker_values(struct broker *b);
/* What a refusal quotes of the plugin's words may be cut out of a secret: it is left
 * out when there is one in them. */
void broker_hush(struct broker *b, struct bytes words, char error[200]);
/* A member that holds the plugin's words: cut, secrets masked. */
void broker_words(struct broker *b, struct json_out *o, const char *name, struct bytes words);
void broker_caps(struct json_out *o, capability_set caps); /* member "caps" */
void broker_issued(struct broker *b, const struct token_issued *t, uint32_t by);
void broker_expired(struct broker *b, uint32_t serial); /* once a token */
void broker_revoke_all(struct broker *b, const char *reason);
/* Takes one finding or rejects it, counted and journalled. 0, or enum rpc_error
 * with one sentence; *id is the finding's. */
int broker_finding(struct broker *b, const char *source, uint64_t line,
    struct bytes text, char id[27], char error[200]);
/* Evidence cannot be written: tells the watch to kill, and is gone. */
_Noreturn void broker_lost(struct broker *b, const char *file, int error);

/* stage.c: each returns 0, or enum rpc_error with one sentence. *as has no secret in it.
 * The caller journals what ended; what is dropped is journalled here. */
int stage_begin(struct broker *b, const struct handed_begin *as, struct bytes path,
    struct handed_file **out, char error[200]);
struct stage_open *stage_open(struct broker *b, const struct handed_file *f); /* NULL: not open */
/* Of an open one. Bytes beyond limits.artifacts: it is dropped. */
int stage_add(struct broker *b, struct handed_file *f, struct bytes bytes, char error[200]);
/* Then bytes and sha256 are those of what is kept. *masks: how many in it were masked. */
int stage_end(struct broker *b, struct handed_file *f, uint64_t *masks, char error[200]);
void stage_drop(struct broker *b, struct handed_file *f, const char *reason); /* open or ended */
void stage_finish(struct broker *b); /* drops those still open */

/* ops.c: what the methods share, some of which have files of their own. */
struct request {
	struct json json;
	int id;                    /* value; -1: a notification, or no request at all */
	bool silent;               /* a notification: nothing is answered, not even a refusal */
	int method, params;
	struct bytes token_text;
	struct token token;        /* once checked */
};

/* Writes the members of the result, or says why not. 0 or enum rpc_error. */
typedef int op_handler(struct broker *b, struct request *r, struct json_out *result,
    char error[200]);
int op_wrong(char error[200], int code, const char *fmt, ...) PRINTF(3, 4); /* code */
/* No member of params but these, and the token; names ends with NULL. */
int params_only(const struct request *r, const char *const *names, char error[200]);
int param(const struct request *r, const char *name); /* -1: not given */

op_handler op_artifact_put, op_artifact_list; /* artifact.c */
/* A piece of a file. key: the member that names it; names as above. 0, or enum rpc_error. */
struct put {
	struct bytes name, bytes;
	int64_t offset;
	bool more;
};
int put_read(struct broker *b, const struct request *r, const char *key, const char *const *names,
    struct put *put, char error[200]);
/* *out is the file that it goes on with, or NULL: it begins one. 0, or enum rpc_error. */
int put_goes_on(struct broker *b, const struct put *put, bool artifact, struct handed_file **out,
    char error[200]);
/* project.c */
op_handler op_fs_list, op_fs_read, op_fs_write, op_fs_delete;

/* ops.c: one request line, at most one answer into the queue. */
void request_serve(struct broker *b, struct bytes line);
/* Will a run that is done again be answered the same, though nothing was recorded? An
 * unknown method: no. No name: whatever this grant can call. */
bool method_replays(struct bytes name, capability_set granted);
/* Does any method that needs it work in this build? */
bool capability_offered(enum capability c);
/* A line that never became a request. */
void request_refuse(struct broker *b, enum rpc_error code, const char *reason);

#endif
