/*
 * approval.c - an approval: an in-toto statement of a person's key over a gate report.
 * Runs in the commands that approve and that decide again. Whether it counts is judged
 * in cmd/approve.c: nothing here knows whom to trust.
 */
#include <string.h>

#include "evidence/evidence.h"

#define TYPE "urn:oxg:approval:v1"

static void member_time(struct json_out *o, const char *name, int64_t seconds)
{
	char text[32];

	json_member(o, name, time_rfc3339(text, seconds));
}

void approval_statement(const struct approval *p, struct buf *out)
{
	struct json_out o = json_start(out, false);

	json_open(&o, '{');
	json_member(&o, "_type", "https://in-toto.io/Statement/v1");
	json_name(&o, "subject");
	json_open(&o, '[');
	json_open(&o, '{');
	json_member(&o, "name", "gate_report.json");
	json_name(&o, "digest");
	json_open(&o, '{');
	json_member(&o, "sha256", p->gate_sha256);
	json_close(&o, '}');
	json_close(&o, '}');
	json_close(&o, ']');
	json_member(&o, "predicateType", TYPE);
	json_name(&o, "predicate");
	json_open(&o, '{');
	json_member(&o, "run_id", p->run_id);
	json_member(&o, "gate_report_sha256", p->gate_sha256);
	json_member(&o, "decision", "approved");
	json_member(&o, "reason", p->reason);
	json_member(&o, "approver", p->key_id);
	member_time(&o, "time", p->time);
	if (p->expires != APPROVAL_FOR_EVER)
		member_time(&o, "expires", p->expires);
	json_close(&o, '}');
	json_close(&o, '}');
}

/* What was read must make the same bytes: nothing else is in it, nothing twice. */
bool approval_read(struct arena *a, struct bytes payload, struct approval *out)
{
	struct buf again = { 0 };
	struct json j;
	char error[200];
	int v, expires;
	bool same;

	if (json_parse(a, payload, &j, error) != 0)
		return false;
	v = json_get(&j, 0, "predicate");
	expires = json_get(&j, v, "expires");
	*out = (struct approval){
		.run_id = (const char *)json_string(a, &j, json_get(&j, v, "run_id")).p,
		.gate_sha256 = (const char *)json_string(a, &j, json_get(&j, v, "gate_report_sha256")).p,
		.reason = (const char *)json_string(a, &j, json_get(&j, v, "reason")).p,
		.key_id = (const char *)json_string(a, &j, json_get(&j, v, "approver")).p,
		.expires = APPROVAL_FOR_EVER,
	};
	if (out->run_id == NULL || out->gate_sha256 == NULL || out->reason == NULL || out->key_id == NULL ||
	    !time_parse(json_string(a, &j, json_get(&j, v, "time")), &out->time) ||
	    (expires >= 0 && !time_parse(json_string(a, &j, expires), &out->expires)))
		return false;
	approval_statement(out, &again);
	same = bytes_equal(payload, buf_bytes(&again));
	buf_free(&again);
	return same;
}
