/*
 * fingerprint.c - when are two lines of findings.jsonl the same finding? Runs in the
 * commands that compare and merge evidence, on lines that nobody trusts.
 *
 * What is hashed are netstrings ("6:plugin,") of the decoded texts, so that no text
 * can pass for two others.
 */
#include <stdio.h>
#include <string.h>

#include "evidence/evidence.h"

#define PAIRS 96              /* ten members, 64 of the plugin's meta, ours */

static bool ours(struct bytes key)
{
	return (key.n >= 4 && memcmp(key.p, "oxg.", 4) == 0) ||
	    (key.n >= 8 && memcmp(key.p, "sandbox.", 8) == 0);
}

/* inside: of meta. Members that say nothing of what was found are left out. */
static bool take(struct finding_view *f, struct bytes name, struct bytes value, bool inside)
{
	const struct { const char *name; struct bytes *into; } text[] = {
		{ "plugin", &f->plugin }, { "type", &f->type }, { "target", &f->target },
		{ "message", &f->message }, { "evidence", &f->evidence }, { "severity", &f->word },
	};

	if (value.p == NULL)
		return false;
	for (size_t i = 0; i < COUNT(text) && !inside; i++)
		if (bytes_are(name, text[i].name))
			*text[i].into = value;
	if (!inside || ours(name))
		return true;
	if (f->metas == COUNT(f->meta))
		return false;
	f->meta[f->metas++] = name;
	f->meta[f->metas++] = value;
	return true;
}

/* Neither flat nor ours, perhaps: an escape in a name. */
static bool view_long(struct arena *scratch, struct bytes line, struct finding_view *f)
{
	struct json j;
	char error[200];
	bool good = json_parse(scratch, line, &j, error) == 0 && json_kind(&j, 0) == JSON_OBJECT;

	for (int n = good ? json_first(&j, 0) : -1; good && n >= 0; n = json_next(&j, n)) {
		int v = json_value(&j, n), in = json_kind(&j, v) == JSON_OBJECT ? json_first(&j, v) : -1;

		good = json_kind(&j, v) == JSON_OBJECT ||
		    take(f, json_string(scratch, &j, n), json_string(scratch, &j, v), false);
		for (; good && in >= 0; in = json_next(&j, in))
			good = take(f, json_string(scratch, &j, in),
			    json_string(scratch, &j, json_value(&j, in)), true);
	}
	return good;
}

int finding_view(struct arena *scratch, struct bytes line, struct finding_view *out)
{
	struct json_pair pair[PAIRS];
	int pairs = line.n <= FINDING_LINE_MAX ? json_flat(line, pair, PAIRS) : -1;
	bool good = pairs >= 0;

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < pairs && good; i++) {
		struct bytes value = pair[i].escaped ? json_decode(scratch, pair[i].value) : pair[i].value;

		/* The inner object itself has no text. */
		good = (!pair[i].inside && value.p == NULL) || take(out, pair[i].name, value, pair[i].inside);
	}
	if (pairs < 0 && line.n <= FINDING_LINE_MAX)
		good = view_long(scratch, line, out);
	out->severity = severity_find(out->word);
	return good && out->severity >= 0 && out->plugin.p != NULL && out->type.p != NULL &&
	    out->message.p != NULL ? 0 : -1;
}

static void netstring(struct sha256 *h, struct bytes s)
{
	char length[24];

	sha256_add(h, length, (size_t)snprintf(length, sizeof(length), "%zu:", s.n));
	sha256_add(h, s.p, s.n);
	sha256_add(h, ",", 1);
}

void finding_fingerprint(const struct finding_view *f, struct fingerprint *out)
{
	struct sha256 h;

	sha256_start(&h);
	netstring(&h, f->plugin);
	netstring(&h, f->type);
	netstring(&h, f->target);
	sha256_end(&h, out->place);
	netstring(&h, f->message);
	sha256_end(&h, out->finding);
	netstring(&h, f->word);
	netstring(&h, f->evidence);
	for (size_t i = 0; i < f->metas; i++)
		netstring(&h, f->meta[i]);
	sha256_end(&h, out->all);
}
