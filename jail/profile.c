/*
 * profile.c - the embedded system call filters. Runs in the supervisor, while
 * the jail is planned. jail/mkprofile.c says what they allow.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "jail/jail.h"
#include "profile.h"

static const struct {
	const char *name;
	struct sock_fprog program;
} profiles[] = {
#define PROFILE(name) { #name, { COUNT(name##_code), name##_code } }
	PROFILE(static), PROFILE(runtime), PROFILE(landlock), PROFILE(landlock_old),
};

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define UNLESS(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))
#define SIXTH offsetof(struct seccomp_data, args[5])

/* Both answers refuse: who finds the secret is refused in silence, no more. */
const struct sock_fprog *profile_telling(struct arena *a, const struct sock_fprog *silent,
    uint64_t secret)
{
	const struct sock_filter tail[] = {
		LOAD(SIXTH),
		UNLESS((uint32_t)secret, 3),
		LOAD(SIXTH + 4),
		UNLESS((uint32_t)(secret >> 32), 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog *out = arena_get(a, sizeof(*out));
	struct sock_filter *code = arena_array(a, silent->len + COUNT(tail), sizeof(*code));
	unsigned i;

	memcpy(code, silent->filter, silent->len * sizeof(*code));
	memcpy(code + silent->len, tail, sizeof(tail));
	for (i = 0; i < silent->len; i++)
		if (BPF_CLASS(code[i].code) == BPF_RET &&
		    code[i].k == (SECCOMP_RET_ERRNO | EPERM))
			code[i] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
			    silent->len - i - 1);
	out->len = (unsigned short)(silent->len + COUNT(tail));
	out->filter = code;
	return out;
}

const struct sock_fprog *profile_filter(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(profiles); i++)
		if (strcmp(name, profiles[i].name) == 0)
			return &profiles[i].program;
	return NULL;
}
