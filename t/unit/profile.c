/*
 * The system call filters as the kernel would run them: a small interpreter of
 * classic BPF asks the embedded programs about every call and its arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>

#include "jail/jail.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define CALLS 1024
#define X32 0x40000000

static int tests, failures;

static void ok(int good, const char *what)
{
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
}

/* What bpf(4) says of the instructions that a seccomp filter may have. */
static uint32_t run(const struct sock_fprog *p, const struct seccomp_data *d)
{
	uint32_t a = 0, word[16] = { 0 };
	size_t pc;

	for (pc = 0; pc < p->len; pc++) {
		const struct sock_filter *i = &p->filter[pc];
		int jump = 0;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)d + i->k, sizeof(a));
			continue;
		case BPF_ST:
			word[i->k & 15] = a;
			continue;
		case BPF_LD | BPF_MEM:
			a = word[i->k & 15];
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			jump = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			jump = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			jump = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			jump = (a & i->k) != 0;
			break;
		default:
			printf("# instruction %#x is unknown here\n", i->code);
			return 0xdead;
		}
		pc += jump ? i->jt : i->jf;
	}
	return 0xdead;
}

static const char *profile;

static uint32_t ask(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct seccomp_data data = { .nr = (int)nr, .arch = ARCH, .args = { a, b, c, d } };

	return run(profile_filter(profile), &data);
}

static void answers(const char *what, uint32_t got, uint32_t wanted)
{
	char line[160];

	snprintf(line, sizeof(line), "%s: %s", profile, what);
	ok(got == wanted, line);
	if (got != wanted)
		printf("#   got %#x, expected %#x\n", got, wanted);
}

#define YES SECCOMP_RET_ALLOW
#define NO (SECCOMP_RET_ERRNO | EPERM)

/* Allowed with some arguments: all are tried that a rule could mean. */
static int reachable(long nr)
{
	static const uint64_t value[] = { 0, 1, 2, 3, 4, 15, 16, 34, 0x22, TCGETS, SIGCHLD };
	size_t i, j;

	for (i = 0; i < COUNT(value); i++)
		for (j = 0; j < COUNT(value); j++)
			if (ask(nr, value[j], value[i], 0, value[j]) == YES)
				return 1;
	return 0;
}

static void counts(int most)
{
	int n = 0;
	long nr;

	for (nr = 0; nr < CALLS; nr++)
		n += reachable(nr);
	printf("# %s: %d calls\n", profile, n);
	ok(n > 40 && n <= most, "as few calls as promised");
}

static void foreign(void)
{
	struct seccomp_data d = { .nr = SYS_getpid, .arch = AUDIT_ARCH_I386 };
	long nr, allowed = 0;

	answers("i386 is killed", run(profile_filter(profile), &d), SECCOMP_RET_KILL_PROCESS);
#if defined(__x86_64__)
	for (nr = 0; nr < CALLS; nr++)
		allowed += ask(X32 | nr, 0, 0, 0, 0) != SECCOMP_RET_KILL_PROCESS;
	ok(allowed == 0, "x32 is killed, whatever the call");
#endif
	for (allowed = 0, nr = CALLS; nr < 4 * CALLS; nr++)
		allowed += ask(nr, 0, 0, 0, 0) == YES;
	ok(allowed == 0, "what is not invented yet is refused");
}

static void clones(void)
{
	static const uint64_t flag[] = { CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
		CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, 0x80 /* NEWTIME */, CLONE_PTRACE, CLONE_UNTRACED };
	size_t i;
	int allowed = 0;

	for (i = 0; i < COUNT(flag); i++)
		allowed += ask(SYS_clone, flag[i] | SIGCHLD, 0, 0, 0) == YES;
	ok(allowed == 0, "clone makes no namespace");
	answers("a thread", ask(SYS_clone, 0x3d0f00, 0, 0, 0), YES);
	answers("a child", ask(SYS_clone, SIGCHLD, 0, 0, 0), YES);
	answers("clone3 is unknown", ask(SYS_clone3, 0, 0, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
}

static void memory(void)
{
	const uint64_t p = PROT_READ | PROT_WRITE, own = MAP_PRIVATE | MAP_ANONYMOUS;

	answers("memory of its own", ask(SYS_mmap, 0, 4096, p, own), YES);
	answers("and its stack", ask(SYS_mmap, 0, 4096, p, own | MAP_STACK | MAP_NORESERVE), YES);
	answers("a file", ask(SYS_mmap, 0, 4096, p, MAP_PRIVATE), YES);
	answers("a file, shared", ask(SYS_mmap, 0, 4096, p, MAP_SHARED), YES);
	answers("none shared without a file", ask(SYS_mmap, 0, 4096, p, MAP_SHARED | MAP_ANONYMOUS), NO);
	answers("whatever else is asked",
	    ask(SYS_mmap, 0, 4096, p, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE), NO);
	answers("no huge pages", ask(SYS_mmap, 0, 4096, p, own | MAP_HUGETLB), NO);
	answers("nor in a file", ask(SYS_mmap, 0, 4096, p, MAP_PRIVATE | MAP_HUGETLB), NO);
	answers("madvise DONTNEED", ask(SYS_madvise, 0, 4096, MADV_DONTNEED, 0), YES);
	answers("madvise MERGEABLE", ask(SYS_madvise, 0, 4096, 12, 0), NO);
	answers("madvise HWPOISON", ask(SYS_madvise, 0, 4096, 100, 0), NO);
	/* The kernel takes the low 32 bits. */
	answers("madvise HWPOISON in disguise", ask(SYS_madvise, 0, 4096, (1ull << 32) | 100, 0), NO);
	answers("memfd_create", ask(SYS_memfd_create, 0, 0, 0, 0), NO);
}

static void controls(void)
{
	static const int refused[] = { F_SETOWN, F_GETOWN, 15 /* SETOWN_EX */, 10 /* SETSIG */,
		1024 /* SETLEASE */, 1026 /* NOTIFY */, 1031 /* SETPIPE_SZ */, 1033 /* ADD_SEALS */,
		1036 /* SET_RW_HINT */, 1038 };
	static const int switched[] = { PR_SET_DUMPABLE, PR_SET_MM, 0x59616d61 /* PTRACER */, PR_SET_SECCOMP,
		PR_SET_CHILD_SUBREAPER, PR_CAPBSET_DROP, PR_SET_SECUREBITS, 47 /* AMBIENT */, PR_SET_TSC,
		PR_SET_KEEPCAPS, 53 /* SPECULATION */, 62 /* SCHED_CORE */, 59 /* SYSCALL_USER_DISPATCH */ };
	int allowed = 0;
	size_t i;

	for (i = 0; i < COUNT(refused); i++)
		allowed += ask(SYS_fcntl, 3, (uint64_t)refused[i], 0, 0) == YES;
	ok(allowed == 0, "fcntl: no owner, signal, lease, notice, size, seal");
	for (i = 0; i < COUNT(switched); i++)
		allowed += ask(SYS_prctl, (uint64_t)switched[i], 0, 0, 0) == YES;
	ok(allowed == 0, "prctl: nothing that changes what the jail is");
	answers("ioctl TIOCSTI", ask(SYS_ioctl, 0, TIOCSTI, 0, 0), NO);
	answers("ioctl TIOCSTI in disguise", ask(SYS_ioctl, 0, (1ull << 32) | TIOCSTI, 0, 0), NO);
	answers("limits are read", ask(SYS_prlimit64, 0, 7, 0, 1), YES);
	answers("and not set", ask(SYS_prlimit64, 0, 7, 1, 0), NO);
	answers("nor by a high pointer", ask(SYS_prlimit64, 0, 7, 1ull << 32, 0), NO);
	answers("record locks", ask(SYS_fcntl, 3, F_SETLK, 0, 0), strcmp(profile, "static") == 0 ? NO : YES);
}

/* What tells is what refuses, and nothing else; with the secret it refuses alone. */
static void tells(void)
{
	struct arena arena = { 0 };
	const uint64_t secret = 0x8000000100000002ull;
	const struct sock_fprog *silent = profile_filter(profile);
	const struct sock_fprog *telling = profile_telling(&arena, silent, secret);
	static const uint64_t sixth[] = { 0, 2, 0x8000000100000000ull, 0x100000002ull,
		0x8000000000000002ull, ~0ull };
	int told = 0, wrong = 0, spared = 0;
	size_t i;
	int nr;

	for (nr = 0; nr < CALLS; nr++) {
		struct seccomp_data d = { .nr = nr, .arch = ARCH };
		uint32_t was = run(silent, &d);

		for (i = 0; i < COUNT(sixth); i++) {
			d.args[5] = sixth[i];
			told += was == NO && run(telling, &d) == SECCOMP_RET_USER_NOTIF;
			wrong += run(telling, &d) != (was == NO ? SECCOMP_RET_USER_NOTIF : was);
		}
		d.args[5] = secret;
		spared += was == NO && run(telling, &d) == NO;
		wrong += run(telling, &d) != was;
	}
	ok(told > 4000 && wrong == 0, "what is refused is told, and nothing else changed");
	ok(spared > 800, "but to who knows the secret, who is refused as well");
	arena_free(&arena);
}

static int is_told(int nr)
{
	size_t i;

	for (i = 0; call_told(i) >= 0; i++)
		if (call_told(i) == nr)
			return 1;
	return 0;
}

/* Arguments on the edges of what the program compares, and others. */
static uint64_t some_argument(const struct sock_fprog *p, uint64_t secret)
{
	uint64_t k = p->filter[(size_t)rand() % p->len].k;

	switch (rand() % 8) {
	case 0:
		return k;
	case 1:
		return k + 1;
	case 2:
		return k << 32 | k;
	case 3:
		return (uint64_t)rand() % 64;
	case 4:
		return secret;
	case 5:
		return ~(uint64_t)0;
	case 6:
		return 0;
	default:
		return (uint64_t)rand() << 33 ^ (uint64_t)rand();
	}
}

struct seen {
	int asked, told, let, spared, wrong;
};

/* One call through the silent program, the one that is loaded under --audit, and the
 * watch's answer to what it is told. */
static void see(const struct sock_fprog *silent, const struct sock_fprog *auditing, uint64_t secret,
    const struct seccomp_data *d, struct seen *s)
{
	const struct ledger l = { .silent = silent }, quiet = { .silent = NULL };
	uint32_t was = run(silent, d), is = run(auditing, d), due = was;

	if (was == YES && is_told(d->nr))
		due = SECCOMP_RET_USER_NOTIF;
	else if (was == NO && d->args[5] != secret)
		due = SECCOMP_RET_USER_NOTIF;
	s->asked++;
	s->told += is == SECCOMP_RET_USER_NOTIF;
	s->spared += was == NO && is == NO;
	s->let += is == SECCOMP_RET_USER_NOTIF && ledger_lets(&l, d);
	s->wrong += is != due || ledger_lets(&l, d) != (was == YES) || ledger_lets(&quiet, d);
	if (is != due)
		printf("# call %#x: %#x, not %#x\n", (unsigned)d->nr, is, due);
}

/* Under --audit the kernel asks exactly where the silent program refuses, or allows one
 * of those told of; and what is let go on is exactly what the silent one allows. */
static void audits(void)
{
	struct arena arena = { 0 };
	const uint64_t secret = 0x8000000100000002ull;
	const struct sock_fprog *silent = profile_filter(profile);
	const struct sock_fprog *auditing = profile_auditing(&arena, silent, secret);
	static const uint32_t arch[] = { ARCH, ARCH, ARCH, AUDIT_ARCH_I386, 0 };
	struct seen s = { 0 };
	int nr, round, i;

	ok(auditing->len <= 4096, "the auditing program is as long as the kernel takes");
	for (nr = 0; nr < 2 * CALLS; nr++)
		for (round = 0; round < 100; round++) {
			struct seccomp_data d = { .nr = nr < CALLS ? nr : (nr - CALLS) | X32,
				.arch = arch[rand() % (int)COUNT(arch)] };

			for (i = 0; i < 6; i++)
				d.args[i] = some_argument(silent, secret);
			see(silent, auditing, secret, &d, &s);
		}
	printf("# %s: %d asked, %d told, %d of them let go on, %d spared\n", profile, s.asked,
	    s.told, s.let, s.spared);
	ok(s.wrong == 0, "audit: asked where due, let go on where the silent program allows");
	ok(s.told > 10000 && s.let > 500 && s.let < s.told && s.spared > 1000, "and all of that happened");
	arena_free(&arena);
}

/* What an allowed call is said to do, by its registers. */
static void deeds(void)
{
#define DEED(nr, ...) call_deed((int)(nr), (const uint64_t[6]){ __VA_ARGS__ })
	ok(DEED(SYS_openat, 0, 0, O_RDONLY) == DEED_READ, "openat to read");
	ok(DEED(SYS_openat, 0, 0, O_RDWR) == DEED_WRITE, "openat to write");
	ok(DEED(SYS_openat, 0, 0, O_RDONLY | O_TRUNC) == DEED_WRITE, "openat that truncates");
	ok(DEED(SYS_openat, 0, 0, O_RDONLY | O_CREAT) == DEED_WRITE, "openat that creates");
	ok(DEED(SYS_openat, 0, 0, O_PATH | O_RDWR) == DEED_READ, "openat of a place");
	ok(DEED(SYS_openat2, 0, 0, CALL_HOW_UNREADABLE) == DEED_WRITE, "openat2 of who knows what");
	ok(DEED(SYS_execve, 0) == DEED_SPAWN, "execve");
	ok(DEED(SYS_clone, SIGCHLD) == DEED_FORK, "clone of a process");
	ok(DEED(SYS_clone, CLONE_VM | CLONE_THREAD) == DEED_THREAD, "clone of a thread");
	ok(DEED(SYS_kill, 1, 9) == DEED_SIGNAL, "kill");
	ok(DEED(SYS_renameat2, 0) == DEED_WRITE, "renameat2");
	ok(DEED(SYS_read, 0) == DEED_NONE && DEED(-1, 0) == DEED_NONE && DEED(X32, 0) == DEED_NONE,
	    "what is not told of");
	ok(strcmp(deed_type(DEED_READ), "filesystem") == 0 && strcmp(deed_action(DEED_SPAWN), "spawn") == 0 &&
	    *deed_type(DEED_NONE) == '\0' && *deed_action(DEED_COUNT) == '\0', "words");
#undef DEED
}

int main(void)
{
	static const struct { const char *name; int most; } profiles[] = { { "static", 80 }, { "runtime", 180 } };
	size_t i;

	srand(4711);
	for (i = 0; i < COUNT(profiles); i++) {
		profile = profiles[i].name;
		counts(profiles[i].most);
		foreign();
		clones();
		memory();
		controls();
		tells();
		audits();
	}
	for (i = 0; i < 2; i++) {
		profile = i == 0 ? "landlock" : "landlock_old";
		audits();
	}
	deeds();
	ok(profile_filter("none") == NULL, "no other profile");
	printf("1..%d\n", tests);
	return failures != 0;
}
