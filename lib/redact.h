/*
 * redact.h - what must not be written down, found in text and masked: the values of
 * secrets and tokens, in any of the spellings below, and what has the shape of a
 * secret or of an e-mail address.
 */
#ifndef OXG_REDACT_H
#define OXG_REDACT_H

#include "lib/lib.h"

/* A shorter value would be found in texts that never held it. */
#define REDACT_MIN 8
#define SECRETS_MAX 32

/* Handed to a run by its operator: --secret. */
struct secret {
	const char *name;
	struct bytes value;    /* ours, to be wiped */
};

void secrets_wipe(struct secret *s, size_t *count);

/* What one value is looked for as: itself, base64 and base64url at any of three
 * alignments, hex in both cases, percent-encoded, escaped as in JSON. */
struct redact_pattern {
	struct bytes text;
	uint32_t next;         /* of the same window; 0: none, else its number + 1 */
	bool token;            /* else a secret */
	bool wrapped;          /* line ends may stand in it */
};

/* The tables; const once made, but for redactor_add. Large: not for a stack. */
struct redactor {
	bool started, shapes;
	struct redact_pattern *pattern;
	size_t patterns, room;
	struct arena texts;
	uint32_t head[2][1024];        /* by the first 8 bytes, by the first 24 */
	unsigned char gate[1u << 13];  /* bits: four bytes that something may begin with */
	unsigned char tail[1u << 13];  /* one to three of them */
};

/* Where a text is that comes in pieces. Start with { 0 }. */
struct redaction {
	int inside;            /* of what is masked, which goes on: enum set */
	size_t owed;           /* bytes to come that are of it */
	unsigned char past[3]; /* the last bytes that were dealt with */
	uint64_t masks;        /* so far */
};

/* shapes: also private keys, well-known tokens, credentials and e-mail addresses. */
void redactor_start(struct redactor *r, bool shapes);
/* A token is masked only as a whole. Of a secret 64 bytes from its beginning are
 * enough, and 8 where the text ends: it may have been cut. */
void redactor_add(struct redactor *r, struct bytes value, bool token);
void redactor_wipe(struct redactor *r);
/* Copies text with all that masked as [REDACTED kind]. When more may follow (!last),
 * what may be the beginning of something waits: returns how many bytes of text were
 * dealt with; the rest comes again in front of the next piece. However a text is cut
 * the outcome is the same. Linear in the text. */
size_t redact(const struct redactor *r, struct redaction *s, struct bytes text, bool last,
    struct buf *out);
/* A whole text: itself when there is nothing to mask, or a masked copy in the arena,
 * its masks added to *masks. */
struct bytes redact_text(const struct redactor *r, struct arena *a, struct bytes text,
    uint64_t *masks);
/* The kind of the first thing in it that would be masked, NULL: nothing. An e-mail
 * address is no secret. */
const char *redact_finds(const struct redactor *r, struct bytes text, bool emails);

#endif
