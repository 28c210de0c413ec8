/*
 * artifact.c - artifact.put and artifact.list: what the plugin hands over to be kept, in
 * one piece or in several. Runs in the broker, on hostile bytes.
 */
#include <string.h>

#include "broker/broker.h"

#define LIST_MAX (512u << 10)  /* bytes of one answer, which is a line */

static int content_read(struct broker *b, const struct request *r, struct put *put, char error[200])
{
	int text = param(r, "text"), coded = param(r, "base64");
	struct bytes s = json_string(&b->scratch, &r->json, text >= 0 ? text : coded);

	if ((text >= 0) == (coded >= 0) || json_kind(&r->json, text >= 0 ? text : coded) != JSON_STRING)
		return op_wrong(error, RPC_PARAMS, "give the bytes as one string, either text or base64");
	put->bytes = s;
	if (text >= 0)
		return 0;
	b->masked.n = 0;
	if (!base64_decode(&b->masked, s))
		return op_wrong(error, RPC_PARAMS, "base64 is not the standard alphabet with its padding");
	put->bytes = (struct bytes){ (unsigned char *)arena_text(&b->scratch, buf_bytes(&b->masked)),
	    b->masked.n };
	return 0;
}

int put_read(struct broker *b, const struct request *r, const char *key, const char *const *names,
    struct put *put, char error[200])
{
	int offset = param(r, "offset"), more = param(r, "more"), code = params_only(r, names, error);
	enum json_kind kind = json_kind(&r->json, more);

	*put = (struct put){ .name = json_string(&b->scratch, &r->json, param(r, key)) };
	if (code)
		return code;
	if (json_kind(&r->json, param(r, key)) != JSON_STRING)
		return op_wrong(error, RPC_PARAMS, "%s is missing, or is no text", key);
	if (offset >= 0 && (!json_integer(&r->json, offset, &put->offset) || put->offset < 0))
		return op_wrong(error, RPC_PARAMS, "offset is no number of bytes");
	if (more >= 0 && kind != JSON_TRUE && kind != JSON_FALSE)
		return op_wrong(error, RPC_PARAMS, "more is neither true nor false");
	put->more = kind == JSON_TRUE;
	return content_read(b, r, put, error);
}

/* A piece that is refused may come again; and the whole file, when who sent it died on
 * the way. */
int put_goes_on(struct broker *b, const struct put *put, bool artifact, struct handed_file **out,
    char error[200])
{
	struct stage_open *o;

	*out = handed_find(&b->stage.handed, artifact, put->name);
	o = stage_open(b, *out);
	if (o && put->offset == 0 && o->seen > 0) {
		stage_drop(b, *out, "it begins again");
		o = NULL;
	}
	if (!o)
		*out = NULL; /* one that has ended is refused when it begins again */
	if (!o && put->offset != 0)
		return op_wrong(error, RPC_PARAMS, "no file of this name is open; its first offset is 0");
	if (o && (uint64_t)put->offset != o->seen)
		return op_wrong(error, RPC_PARAMS, "%llu bytes of this file came so far: that is the offset",
		    (unsigned long long)o->seen);
	return 0;
}

static void artifact_write(struct json_out *o, const struct handed_file *f)
{
	json_member(o, "name", f->path);
	json_member_number(o, "bytes", (int64_t)f->bytes);
	json_member_hex(o, "sha256", f->sha256, sizeof(f->sha256));
}

/* As many events as there are files, of which there are not too many. */
static void put_note(struct broker *b, const struct request *r, const struct handed_file *f, uint64_t masks)
{
	struct json_out o = journal_open(&b->plan->journal, "artifact.put");

	json_member_number(&o, "serial", r->token.serial);
	artifact_write(&o, f);
	if (masks > 0)
		json_member_number(&o, "masked", (int64_t)masks);
	journal_close(&b->plan->journal, &o);
}

int op_artifact_put(struct broker *b, struct request *r, struct json_out *result, char error[200])
{
	static const char *const names[] = { "name", "text", "base64", "offset", "more", NULL };
	static const struct handed_begin artifact = { .class = HANDED_ARTIFACT };
	struct handed_file *f = NULL;
	struct put put;
	uint64_t masks;
	int code = put_read(b, r, "name", names, &put, error);

	if (code == 0)
		code = put_goes_on(b, &put, true, &f, error);
	if (code == 0 && f == NULL)
		code = stage_begin(b, &artifact, put.name, &f, error);
	if (code == 0)
		code = stage_add(b, f, put.bytes, error);
	if (code == 0 && put.more) {
		json_member(result, "name", f->path);
		json_member_number(result, "offset", (int64_t)stage_open(b, f)->seen);
		return 0;
	}
	if (code == 0)
		code = stage_end(b, f, &masks, error);
	if (code)
		return code;
	put_note(b, r, f, masks);
	artifact_write(result, f);
	return 0;
}

/* In the order of their beginning, those behind the one named "after". */
int op_artifact_list(struct broker *b, struct request *r, struct json_out *result, char error[200])
{
	static const char *const names[] = { "after", NULL };
	const struct handed *h = &b->stage.handed;
	int after = param(r, "after"), code = params_only(r, names, error);
	size_t start = b->answers.n, i = 0;

	if (code)
		return code;
	if (after >= 0) {
		struct handed_file *f = handed_find(&b->stage.handed, true,
		    json_string(&b->scratch, &r->json, after));

		if (!f || f->state != HANDED_ENDED)
			return op_wrong(error, RPC_PARAMS, "after is not the name of an artifact");
		i = (size_t)(f - h->file) + 1;
	}
	json_name(result, "artifacts");
	json_open(result, '[');
	for (; i < h->files && b->answers.n - start < LIST_MAX; i++) {
		const struct handed_file *f = &h->file[i];

		if (f->state != HANDED_ENDED || f->as.class != HANDED_ARTIFACT)
			continue;
		json_open(result, '{');
		artifact_write(result, f);
		json_close(result, '}');
	}
	json_close(result, ']');
	json_member_bool(result, "more", i < h->files);
	return 0;
}
