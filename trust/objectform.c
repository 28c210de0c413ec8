/*
 * objectform.c - the object form of a manifest (seed 002): what differs from the
 * array form. Runs in the supervisor, before anything is forked, on hostile bytes.
 *
 * Its words are mapped to ours: http.outbound to CAP_HTTP_ACTIVE, ws.outbound to
 * CAP_WS, storage.workspace to CAP_STORAGE, secrets.broker to CAP_SECRETS_READ.
 * "sandbox" can ask for nothing that the jail does not do anyway.
 */
#include "trust/trust.h"

bool form_entry_path(struct form_reader *r, int v)
{
	r->m->artifact = form_path(r, v);
	if (r->m->artifact)
		r->m->entry = (const char *)json_string(r->a, r->j, v).p;
	return r->m->artifact;
}

/* ["broker"]: the broker is the only way out there is. */
static bool is_broker_only(struct form_reader *r, int v)
{
	return json_kind(r->j, v) == JSON_ARRAY && json_size(r->j, v) == 1 &&
	    json_is(r->j, json_first(r->j, v), "broker");
}

static bool asks(struct form_reader *r, int v, enum capability c)
{
	if (json_kind(r->j, v) == JSON_TRUE)
		r->m->capabilities |= CAP_BIT(c);
	return json_kind(r->j, v) == JSON_TRUE || json_kind(r->j, v) == JSON_FALSE;
}

static bool read_http_outbound(struct form_reader *r, int v)
{
	r->m->capabilities |= CAP_BIT(CAP_HTTP_ACTIVE);
	return is_broker_only(r, v);
}

static bool read_ws_outbound(struct form_reader *r, int v)
{
	r->m->capabilities |= CAP_BIT(CAP_WS);
	return is_broker_only(r, v);
}

static bool read_storage_workspace(struct form_reader *r, int v)
{
	return asks(r, v, CAP_STORAGE);
}

static bool read_secrets_broker(struct form_reader *r, int v)
{
	return asks(r, v, CAP_SECRETS_READ);
}

#define OUTBOUND_WORDS "[\"broker\"]: the broker is the only way out"
#define BOOL_WORDS "true or false"

static bool read_http(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "outbound", read_http_outbound, true, OUTBOUND_WORDS },
	};

	return form_object(r, v, "capabilities.http.", table, COUNT(table));
}

static bool read_ws(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "outbound", read_ws_outbound, true, OUTBOUND_WORDS },
	};

	return form_object(r, v, "capabilities.ws.", table, COUNT(table));
}

static bool read_storage(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "workspace", read_storage_workspace, true, BOOL_WORDS },
	};

	return form_object(r, v, "capabilities.storage.", table, COUNT(table));
}

static bool read_secrets(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "broker", read_secrets_broker, true, BOOL_WORDS },
	};

	return form_object(r, v, "capabilities.secrets.", table, COUNT(table));
}

bool form_capability_objects(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "http", read_http, false, "an object: {\"outbound\": [\"broker\"]}" },
		{ "ws", read_ws, false, "an object: {\"outbound\": [\"broker\"]}" },
		{ "storage", read_storage, false, "an object: {\"workspace\": true}" },
		{ "secrets", read_secrets, false, "an object: {\"broker\": true}" },
	};

	/* No member of this form names findings, and a plugin that may report
	 * nothing is of no use: the form itself asks for them. */
	r->m->capabilities |= CAP_BIT(CAP_EMIT_FINDINGS);
	return form_members(r, v, "capabilities.", table, COUNT(table));
}

static bool read_sandbox_user(struct form_reader *r, int v)
{
	/* Both are uid 65534 in the jail. */
	return json_is(r->j, v, "oxg") || json_is(r->j, v, "nobody");
}

static bool read_sandbox_mounts(struct form_reader *r, int v)
{
	if (json_kind(r->j, v) != JSON_ARRAY || json_size(r->j, v) > 1)
		return false;
	return json_size(r->j, v) == 0 || json_is(r->j, json_first(r->j, v), "workspace");
}

static bool read_sandbox_network(struct form_reader *r, int v)
{
	return json_is(r->j, v, "isolated") || json_is(r->j, v, "none");
}

bool form_sandbox(struct form_reader *r, int v)
{
	static const struct form_member table[] = {
		{ "user", read_sandbox_user, false, "\"oxg\" or \"nobody\"; there is no other user in the jail" },
		{ "mounts", read_sandbox_mounts, false, "[\"workspace\"] or []; there is no other mount in the jail" },
		{ "network", read_sandbox_network, false, "\"isolated\" or \"none\"; there is no network in the jail" },
	};

	return form_object(r, v, "sandbox.", table, COUNT(table));
}
