/*
 * confine.c - giving up descriptors, capabilities, files and system calls. Runs in
 * the supervisor, the watch and the broker, once in each.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "jail/kernel.h" /* numbers of the kernel's; no code */
#include "lib/confine.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

int descriptors_keep(const int *keep, size_t n)
{
	int next = 0;

	for (;;) {
		int lowest = -1;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= next && (lowest < 0 || keep[i] < lowest))
				lowest = keep[i];
		if (lowest != next &&
		    syscall(SYS_close_range, next, lowest < 0 ? ~0u : (unsigned)lowest - 1, 0) < 0)
			return -1;
		if (lowest < 0)
			return 0;
		next = lowest + 1;
	}
}

void bounding_keep(uint64_t mask)
{
	/* Fails past the last one this kernel has, and at once for who has none. */
	for (unsigned c = 0; c < 64; c++)
		if (!(mask >> c & 1) && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
			break;
}

int capabilities_keep(uint64_t mask)
{
	struct kernel_cap_header head = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data set[2];

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, set) != 0)
		return -1;
	for (size_t i = 0; i < COUNT(set); i++) {
		set[i].permitted &= (uint32_t)(mask >> (32 * i));
		set[i].effective = set[i].permitted;
		set[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, set) != 0 ? -1 : 0;
}

/* As many rights as this ABI has words for. */
static uint64_t all_rights(long abi)
{
	return (abi >= 5 ? LL_IOCTL_DEV : abi >= 3 ? LL_TRUNCATE :
	    abi >= 2 ? LL_REFER : LL_MAKE_SYM) * 2 - 1;
}

int files_keep(const struct confine_tree *tree, size_t n, bool alone)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);
	struct kernel_landlock_ruleset wall = {
		.fs = all_rights(abi), .net = abi >= 4 ? LL_NET_ALL : 0,
		.scoped = abi < 6 ? 0 : alone ? LL_SCOPE_ALL : LL_SCOPE_SOCKETS,
	};
	int ruleset, rc = 0;

	if (abi <= 0)
		return 0;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &wall, LANDLOCK_RULESET_SIZE(abi), 0);
	if (ruleset < 0)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct kernel_landlock_path rule = { .fd = tree[i].fd, .access = tree[i].access };

		rc = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH, &rule, 0);
	}
	if (rc == 0)
		rc = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	return rc;
}

int privileges_forgo(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int calls_keep(const struct sock_filter *line, size_t n)
{
	const struct sock_fprog program = { (unsigned short)n, (struct sock_filter *)line };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
