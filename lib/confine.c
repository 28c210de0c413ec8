/*
 * confine.c - giving up descriptors, capabilities, files and system calls. Runs in
 * the supervisor, the watch and the broker, once in each.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "jail/kernel.h" /* numbers of the kernel's; no code */
#include "lib/confine.h"

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

void bounding_drop(void)
{
	/* Fails past the last one this kernel has, and at once for who has none. */
	for (unsigned c = 0; c < 64; c++)
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
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

/* ---- the filter --------------------------------------------------------------------- */

#define HEAD 4        /* instructions of FILTER_BEGIN */
#define ENTRIES 96
#define GROUP 6       /* entries that are compared one by one, at least, but for the last */
#define GROUPS (ENTRIES / GROUP + 1)
#define LINES 512     /* of a list */
#define PROGRAM (LINES + 3 * GROUPS) /* a group is found, jumped to, and ended */

/* A call's lines: the comparison with its number, which skips the rest. */
struct entry {
	uint32_t nr;
	const struct sock_filter *line;
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

/* 0: it is no list, or longer than there is room for. */
static size_t find_entries(const struct sock_filter *line, size_t n, struct entry *out)
{
	size_t at, count = 0;

	if (n > LINES)
		return 0;
	for (at = HEAD; at + 1 < n; at += out[count - 1].n) {
		if (count == ENTRIES)
			return 0;
		out[count++] = (struct entry){ line[at].k, &line[at], 1u + line[at].jf };
	}
	return at + 1 == n ? count : 0;
}

static size_t add(struct sock_filter *to, size_t at, const struct sock_filter *line, size_t n)
{
	memcpy(to + at, line, n * sizeof(*line));
	return at + n;
}

/*
 * The kernel walks a program once for each number there is when it is loaded, and a
 * list of sixty comparisons costs it as much as all else. Sorted, and in groups that
 * are found first, it is a tenth. What is compared is the same, and stable.
 */
static size_t group_calls(const struct sock_filter *line, struct entry *entry, size_t count,
    struct sock_filter to[PROGRAM])
{
	static const struct sock_filter end[] = { FILTER_END };
	size_t first[GROUPS + 1], jump[GROUPS], groups = 0, at, i, g;

	sort(entry, count, sizeof(*entry), by_number);
	/* Entries of one call stay together, in their order. */
	for (i = 0; i < count; i++)
		if (i == 0 || (i - first[groups - 1] >= GROUP && entry[i].nr != entry[i - 1].nr))
			first[groups++] = i;
	first[groups] = count;
	at = add(to, 0, line, HEAD);
	for (g = 0; g < groups; g++) {
		if (g + 1 < groups)
			to[at++] = (struct sock_filter)FILTER_IF(BPF_JGE, entry[first[g + 1]].nr, 1, 0);
		jump[g] = at++;
	}
	for (g = 0; g < groups; g++) {
		to[jump[g]] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(at - jump[g] - 1));
		for (i = first[g]; i < first[g + 1]; i++)
			at = add(to, at, entry[i].line, entry[i].n);
		at = add(to, at, end, COUNT(end));
	}
	return at;
}

int calls_keep(const struct sock_filter *line, size_t n)
{
	struct entry entry[ENTRIES];
	struct sock_filter code[PROGRAM];
	struct sock_fprog program = { .filter = code };
	size_t count = find_entries(line, n, entry);

	if (count == 0) {
		errno = E2BIG;
		return -1;
	}
	program.len = (unsigned short)group_calls(line, entry, count, code);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
