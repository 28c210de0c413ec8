/*
 * stage.c - what the plugin hands over, as records in the staging file, its secrets
 * masked. Runs in the broker, which can open no file; evidence/unstage.c makes files
 * of them when everybody is dead, and evidence/evidence.h says what a record is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"

static void record(struct broker *b, enum handed_kind kind, const struct handed_file *f,
    struct bytes head, struct bytes rest)
{
	struct stage *s = &b->stage;
	struct handed_record r = { kind, (uint32_t)(f - s->handed.file) + 1, (uint32_t)(head.n + rest.n) };

	s->record.n = 0;
	buf_add(&s->record, &r, sizeof(r));
	buf_add(&s->record, head.p, head.n);
	buf_add(&s->record, rest.p, rest.n);
	if (write_all(b->plan->staging, s->record.p, s->record.n) < 0)
		broker_lost(b, STAGING, errno);
}

static struct stage_open *slot(struct broker *b, const struct handed_file *f)
{
	for (size_t i = 0; i < COUNT(b->stage.open); i++)
		if (b->stage.open[i].file == f)
			return &b->stage.open[i];
	return NULL;
}

static void slot_free(struct stage_open *o)
{
	buf_free(&o->held);
	*o = (struct stage_open){ .file = NULL };
}

int stage_begin(struct broker *b, const struct handed_begin *as, struct bytes path,
    struct handed_file **out, char error[200])
{
	struct stage_open *o = slot(b, NULL);
	const char *wrong;

	if (o == NULL || b->stage.handed.files == HANDED_FILES) {
		snprintf(error, 200, o == NULL ? "eight files are open already; end one of them" :
		    "there are as many files as one run may hand over");
		return RPC_BUDGET;
	}
	/* The folder shows names as they are. */
	wrong = redact_finds(broker_redactor(b), path, true) ?
	    "holds what looks like a secret or an address" : NULL;
	*out = wrong ? NULL : handed_begin(&b->stage.handed, as, path, &wrong);
	if (*out == NULL) {
		snprintf(error, 200, "the name %s", wrong);
		return RPC_PARAMS;
	}
	o->file = *out;
	sha256_start(&o->hash);
	record(b, HANDED_BEGIN, o->file, (struct bytes){ (const unsigned char *)as, sizeof(*as) }, path);
	return 0;
}

/* Programs and pictures hold what only looks like a secret, and in a change masking would
 * spoil the operator's own text; of those given to this run they are rid as well. */
static const struct redactor *redactor_for(struct broker *b, struct stage_open *o)
{
	size_t n = o->held.n < STAGE_HEAD ? o->held.n : STAGE_HEAD;

	if (o->kind == STAGE_UNKNOWN)
		o->kind = n > 0 && memchr(o->held.p, '\0', n) != NULL ? STAGE_BINARY : STAGE_TEXT;
	return o->kind == STAGE_TEXT && o->file->as.class == HANDED_ARTIFACT ? broker_redactor(b) : broker_values(b);
}

/* Writes what cannot be the beginning of a secret that goes on. */
static int settle(struct broker *b, struct stage_open *o, bool last, char error[200])
{
	struct stage *s = &b->stage;
	struct handed_file *f = o->file;

	if (!last && o->kind == STAGE_UNKNOWN && o->held.n < STAGE_HEAD)
		return 0;
	b->masked.n = 0;
	buf_drop(&o->held, redact(redactor_for(b, o), &o->redaction, buf_bytes(&o->held), last, &b->masked));
	if (b->masked.n > b->plan->limits.artifacts - s->bytes) {
		stage_drop(b, f, "as many bytes as one run may hand over");
		snprintf(error, 200, "there are as many bytes as one run may hand over; this file is dropped");
		return RPC_BUDGET;
	}
	if (b->masked.n == 0)
		return 0;
	record(b, HANDED_DATA, f, buf_bytes(&b->masked), (struct bytes){ NULL, 0 });
	sha256_add(&o->hash, b->masked.p, b->masked.n);
	s->bytes += b->masked.n;
	f->bytes += b->masked.n;
	return 0;
}

struct stage_open *stage_open(struct broker *b, const struct handed_file *f)
{
	return f ? slot(b, f) : NULL;
}

int stage_add(struct broker *b, struct handed_file *f, struct bytes bytes, char error[200])
{
	struct stage_open *o = slot(b, f);

	o->seen += bytes.n;
	buf_add(&o->held, bytes.p, bytes.n);
	return settle(b, o, false, error);
}

int stage_end(struct broker *b, struct handed_file *f, uint64_t *masks, char error[200])
{
	struct stage_open *o = slot(b, f);
	int code = settle(b, o, true, error);

	if (code)
		return code;
	sha256_end(&o->hash, f->sha256);
	f->state = HANDED_ENDED;
	*masks = o->redaction.masks;
	slot_free(o);
	record(b, HANDED_END, f, (struct bytes){ f->sha256, SHA256_SIZE }, (struct bytes){ NULL, 0 });
	return 0;
}

void stage_drop(struct broker *b, struct handed_file *f, const char *reason)
{
	struct stage_open *o = slot(b, f);
	struct json_out e = journal_open(&b->plan->journal,
	    f->as.class == HANDED_ARTIFACT ? "artifact.drop" : "change.drop");

	json_member(&e, "name", f->path);
	json_member_number(&e, "bytes", (int64_t)f->bytes);
	json_member(&e, "reason", reason);
	journal_close(&b->plan->journal, &e);
	f->state = HANDED_DROPPED;
	if (o)
		slot_free(o);
	record(b, HANDED_DROP, f, (struct bytes){ NULL, 0 }, (struct bytes){ NULL, 0 });
}

void stage_finish(struct broker *b)
{
	for (size_t i = 0; i < COUNT(b->stage.open); i++)
		if (b->stage.open[i].file)
			stage_drop(b, b->stage.open[i].file, "the plugin did not end it");
}
