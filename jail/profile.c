/*
 * profile.c - the embedded system call filters. Runs in the supervisor, while
 * the jail is planned. jail/mkprofile.c says what they allow.
 */
#include <linux/filter.h>
#include <string.h>

#include "jail/jail.h"
#include "profile.h"

static const struct sock_fprog static_program = { COUNT(static_code), static_code };
static const struct sock_fprog runtime_program = { COUNT(runtime_code), runtime_code };

const struct sock_fprog *profile_filter(const char *name)
{
	if (strcmp(name, "static") == 0)
		return &static_program;
	if (strcmp(name, "runtime") == 0)
		return &runtime_program;
	return NULL;
}
