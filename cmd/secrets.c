/*
 * secrets.c - the secrets of a run: where --secret finds them, which of them the policy
 * lets in, and what of the operator's own words must not be written down for them. Runs
 * in the supervisor before anything is executed; the broker gets the values.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "lib/redact.h"
#include "trust/trust.h"

#define SECRET_BYTES (16u << 10) /* a key, a chain of certificates; not data either */

/* The value's source behind NAME=, or NULL. */
static const char *secret_source(const char *word)
{
	const char *source = strchr(word, '=');

	return source != NULL && source != word && (strncmp(source, "=file:", 6) == 0 ||
	    strncmp(source, "=env:", 5) == 0) ? source + 1 : NULL;
}

/* The word is not shown: it may hold the value itself. */
void secrets_words(const struct words_list *list)
{
	size_t i, j, n;

	if (list->count > SECRETS_MAX)
		die(STATUS_USAGE, "more than %d secrets; give fewer", SECRETS_MAX);
	for (i = 0; i < list->count; i++) {
		n = strcspn(list->word[i], "=");
		if (secret_source(list->word[i]) == NULL)
			die(STATUS_USAGE, "--secret: give NAME=file:PATH or NAME=env:VARIABLE; a "
			    "value on the command line is seen by everybody on this machine");
		for (j = 0; j < i; j++)
			if (strncmp(list->word[j], list->word[i], n + 1) == 0)
				die(STATUS_USAGE, "--secret %.*s is given twice", (int)n, list->word[i]);
	}
}

static bool secret_listed(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->secrets; i++)
		if (strcmp(p->secret[i], name) == 0)
			return true;
	return false;
}

static int secret_fetch(struct arena *a, const char *name, const char *source, struct bytes *value,
    struct why *why)
{
	const char *text;

	if (source[0] == 'e') {
		text = getenv(source + 4);
		if (text == NULL)
			return refuse(why, REFUSE_INPUT, "the secret %s: the variable %s is not set", name, source + 4);
		*value = bytes_of(arena_text(a, bytes_of(text)));
		return 0;
	}
	if (file_read(a, AT_FDCWD, source + 5, SECRET_BYTES, value) != 0)
		return refuse(why, REFUSE_INPUT, "cannot read the secret %s from %s: %s", name, source + 5,
		    errno == EFBIG ? "it is larger than 16 KiB" :
		    errno == EINVAL ? "it is no regular file" : strerror(errno));
	if (value->n > 0 && value->p[value->n - 1] == '\n')
		value->n--;
	if (value->n > 0 && value->p[value->n - 1] == '\r')
		value->n--;
	return 0;
}

static int secret_check(const char *name, struct bytes value, struct why *why)
{
	if (value.n == 0)
		return refuse(why, REFUSE_INPUT, "the secret %s is empty", name);
	if (value.n < REDACT_MIN)
		return refuse(why, REFUSE_INPUT, "the secret %s has %zu bytes: one shorter than %d stands "
		    "in other text by chance and cannot be masked there; take a longer one",
		    name, value.n, REDACT_MIN);
	if (value.n > SECRET_BYTES)
		return refuse(why, REFUSE_INPUT, "the secret %s is larger than 16 KiB", name);
	if (!utf8_valid(value) || memchr(value.p, '\0', value.n) != NULL)
		return refuse(why, REFUSE_INPUT, "the secret %s is no text in UTF-8: give it "
		    "encoded, as base64 for one", name);
	return 0;
}

static int secrets_read(struct arena *a, const struct words_list *words, const struct policy *policy,
    struct secret *out, size_t *count, struct why *why)
{
	const char *source;
	char *text;
	size_t i;

	for (i = 0; i < words->count; i++) {
		struct secret *s = &out[i];

		s->name = arena_printf(a, "%.*s", (int)strcspn(words->word[i], "="), words->word[i]);
		if (!secret_listed(policy, s->name))
			return refuse(why, REFUSE_POLICY, "the policy lists no secret %s: add it to "
			    "\"secrets\"", s->name);
		if (secret_fetch(a, s->name, secret_source(words->word[i]), &s->value, why) != 0)
			return -1;
		*count = i + 1;
		if (secret_check(s->name, s->value, why) != 0)
			return -1;
	}
	for (i = 0; i < words->count; i++) { /* two may be one variable's */
		source = secret_source(words->word[i]);
		text = source[0] == 'e' ? getenv(source + 4) : NULL;
		if (text != NULL)
			wipe(text, strlen(text));
	}
	return 0;
}

/* Once for all: the values are wiped before anything else is written. The operator's
 * own words are masked where a value is in them, and nowhere else. */
int secrets_take(struct arena *a, const struct run_words *w, const struct policy *policy,
    struct secret *out, size_t *count, struct journal *journal, const char ***shown, struct why *why)
{
	static struct redactor values;
	uint64_t masks = 0;

	if (w->secret.count == 0)
		return 0;
	if (secrets_read(a, &w->secret, policy, out, count, why) != 0) {
		secrets_wipe(out, count);
		return -1;
	}
	redactor_start(&values, false);
	for (size_t i = 0; i < *count; i++) {
		redactor_add(&values, out[i].value, false);
		journal_event(journal, "secret.given", "name", out[i].name, NULL);
	}
	*shown = arena_array(a, w->args.count + 1, sizeof(**shown));
	for (size_t i = 0; i < w->args.count; i++)
		(*shown)[i] = (const char *)redact_text(&values, a, bytes_of(w->args.word[i]), &masks).p;
	redactor_wipe(&values);
	return 0;
}
