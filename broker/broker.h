/*
 * broker.h - the counter: a process of its own that reads everything the plugin
 * writes (stdout, stderr, requests), answers it, and records it. It holds no
 * signing key, no privilege, and sees the grant, never the policy.
 */
#ifndef OXG_BROKER_H
#define OXG_BROKER_H

#include "evidence/evidence.h"
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

/* Made by oxg.c before the fork; all descriptors are open already. */
struct broker_plan {
	int out, err, requests;    /* read ends: the plugin's 1, 2, 4 */
	int answers;               /* write end: the plugin's 3 */
	int control;               /* broker_message pair with the supervisor */
	int findings_file, stdout_file, stderr_file;
	struct journal journal;    /* the pen: ours until BROKER_END gives the head back */
	struct mint mint;          /* wiped in the supervisor after the fork */
	struct grant grant;
	struct limits limits;
	struct finding_context finding;
	struct bytes task;         /* task.json's bytes, or none */
	const char *task_id;
	struct clock clock;
	unsigned uid, gid;         /* to become, when we are root; else unused */
	bool privileged;
};

/* Drops its rights in its first lines, serves until every pipe is at its end (or
 * the drain deadline), sends BROKER_END and exits. */
_Noreturn void broker_serve(struct broker_plan *plan);

#endif
