/*
 * stored.c - what the commands over a stored run folder share. They execute nothing
 * and change nothing in it; everything they read may be hostile.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"
#include "trust/trust.h"

const char *stored_operand(const struct command *c, const struct words_list *operands)
{
	if (operands->count != 1)
		die(STATUS_USAGE, "%s takes one run folder; type: oxg %s %s", c->name,
		    c->name, c->synopsis);
	return operands->word[0];
}

/* Evidence that was changed is not shown as if it were any. What an interrupted
 * run left may be looked at, and is called that. */
int stored_load(struct arena *a, const char *path, struct folder *f, struct why *why)
{
	if (folder_load(a, path, f, why) < 0)
		return -1;
	folder_find(a, f);
	if (!f->partial)
		return folder_verify(f, why);
	warn("%s was never finished; this is what an interrupted run left", path);
	return 0;
}

int stored_load_sealed(struct arena *a, const char *path, struct folder *f, struct why *why)
{
	if (stored_load(a, path, f, why) < 0)
		return -1;
	return !f->partial ? 0 : refuse(why, REFUSE_EVIDENCE, "%s proves nothing: "
	    "give a folder of a run that came to its end", path);
}

int stored_key(struct arena *a, const char *file, struct pubkey *key, struct why *why)
{
	struct bytes pem;

	if (file_read(a, AT_FDCWD, file, PEM_BYTES, &pem) < 0)
		return refuse(why, REFUSE_KEY, "%s: cannot read the public key: %s", file, strerror(errno));
	return pubkey_parse(a, pem, file, key, why);
}
