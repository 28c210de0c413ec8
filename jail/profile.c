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
	PROFILE(static), PROFILE(runtime), PROFILE(chroot), PROFILE(landlock), PROFILE(landlock_old),
};

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define UNLESS(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))
#define SIXTH offsetof(struct seccomp_data, args[5])

#define TAIL 6

static struct sock_fprog *program_get(struct arena *a, unsigned room)
{
	struct sock_fprog *p = arena_get(a, sizeof(*p));

	p->filter = arena_array(a, room, sizeof(*p->filter));
	return p;
}

static void put(struct sock_fprog *p, struct sock_filter instruction)
{
	p->filter[p->len++] = instruction;
}

/* The program once more. Refusals go to the tail; leave is told as well if it shall. */
static void put_copy(struct sock_fprog *p, const struct sock_fprog *silent, unsigned tail,
    bool tell)
{
	unsigned i;

	for (i = 0; i < silent->len; i++) {
		struct sock_filter one = silent->filter[i];
		bool returns = BPF_CLASS(one.code) == BPF_RET;

		if (returns && one.k == (SECCOMP_RET_ERRNO | EPERM))
			one = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, tail - p->len - 1);
		else if (returns && one.k == SECCOMP_RET_ALLOW && tell)
			one.k = SECCOMP_RET_USER_NOTIF;
		put(p, one);
	}
}

static void put_tail(struct sock_fprog *p, uint64_t secret)
{
	const struct sock_filter tail[TAIL] = {
		LOAD(SIXTH),
		UNLESS((uint32_t)secret, 3),
		LOAD(SIXTH + 4),
		UNLESS((uint32_t)(secret >> 32), 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	unsigned i;

	for (i = 0; i < TAIL; i++)
		put(p, tail[i]);
}

/* Both answers refuse: who finds the secret is refused in silence, no more. */
const struct sock_fprog *profile_telling(struct arena *a, const struct sock_fprog *silent,
    uint64_t secret)
{
	struct sock_fprog *out = program_get(a, silent->len + TAIL);

	put_copy(out, silent, silent->len, false);
	put_tail(out, secret);
	return out;
}

/* By the number, to one of two copies: both answer as the silent one does, but that
 * each refusal is told, and in the second each leave as well. */
const struct sock_fprog *profile_auditing(struct arena *a, const struct sock_fprog *silent,
    uint64_t secret)
{
	unsigned told = 0, i, tail;
	struct sock_fprog *out;

	while (call_told(told) >= 0)
		told++;
	tail = 1 + told + 2 + 2u * silent->len;
	out = program_get(a, tail + TAIL);
	put(out, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
	for (i = 0; i < told; i++)
		put(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    (unsigned)call_told(i), (unsigned char)(told - i), 0));
	put(out, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1));
	put(out, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, silent->len));
	put_copy(out, silent, tail, false);
	put_copy(out, silent, tail, true);
	put_tail(out, secret);
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
