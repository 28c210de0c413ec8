/*
 * profile.c - the embedded system call filters. Runs in the supervisor, while
 * the jail is planned. jail/mkprofile.c says what they allow.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "jail/jail.h"
#include "profile.h"

static const struct sock_fprog static_program = { COUNT(static_code), static_code };
static const struct sock_fprog runtime_program = { COUNT(runtime_code), runtime_code };

const struct sock_fprog *profile_telling(struct arena *a, const struct sock_fprog *silent)
{
	struct sock_fprog *out = arena_get(a, sizeof(*out));
	struct sock_filter *code = arena_array(a, silent->len, sizeof(*code));
	unsigned i;

	memcpy(code, silent->filter, silent->len * sizeof(*code));
	for (i = 0; i < silent->len; i++)
		if (BPF_CLASS(code[i].code) == BPF_RET &&
		    code[i].k == (SECCOMP_RET_ERRNO | EPERM))
			code[i].k = SECCOMP_RET_USER_NOTIF;
	out->len = silent->len;
	out->filter = code;
	return out;
}

const struct sock_fprog *profile_filter(const char *name)
{
	if (strcmp(name, "static") == 0)
		return &static_program;
	if (strcmp(name, "runtime") == 0)
		return &runtime_program;
	return NULL;
}
