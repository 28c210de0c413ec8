/*
 * The interpreter against the kernel: does a filter do what we read in it? Ten
 * thousand calls each are made for the static filter, the runtime's and the one that
 * tells, in a child that has the very program loaded; only its answers are others,
 * so that nothing that is allowed is carried out. Each answer must be the one that
 * following the program by hand gives.
 */
#include <errno.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "jail/jail.h"
#include "t/unit/follow.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#define FOREIGN_WAYS 4
#else
#define ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_WAYS 0
#endif
#define X32 0x40000000
#define TUPLES 10000
#define NUMBERS 1024
#define SEED 20571u
#define SECRET 0x8000000100000002ull
#define DONE 0x646f6e6520776974ull /* what lets exit_group through, as its sixth argument */

/* errno values that no call has */
enum { ALLOWED = 3801, KILLED, TOLD, OTHER };

struct tuple {
	int nr;
	bool i386;
	uint64_t arg[6];
	int got;                  /* what the kernel said: an errno, 0 a success */
};

static int tests, failures;

static void ok(int good, const char *name, const char *what)
{
	failures += !good;
	printf("%sok %d - F057: %s: %s\n", good ? "" : "not ", ++tests, name, what);
}

static uint64_t some(void)
{
	static uint64_t x = SEED;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* ---- the filter, with answers that can be told apart ------------------------------- */

static int answer_of(uint32_t verdict)
{
	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return ALLOWED;
	case SECCOMP_RET_KILL_PROCESS:
		return KILLED;
	case SECCOMP_RET_USER_NOTIF:
		return TOLD;
	case SECCOMP_RET_ERRNO:
		return (int)(verdict & SECCOMP_RET_DATA);
	default:
		return OTHER;
	}
}

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define UNLESS(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(k), 0, (skip))
#define SIXTH offsetof(struct seccomp_data, args[5])

/* All jumps are relative: what stands before moves nothing. */
static bool load_harmless(const struct sock_fprog *p)
{
	const struct sock_filter way_out[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		UNLESS(SYS_exit_group, 5),
		LOAD(SIXTH),
		UNLESS((uint32_t)DONE, 3),
		LOAD(SIXTH + 4),
		UNLESS((uint32_t)(DONE >> 32), 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog program = { (unsigned short)(COUNT(way_out) + p->len), code };
	size_t i;

	memcpy(code, way_out, sizeof(way_out));
	memcpy(code + COUNT(way_out), p->filter, p->len * sizeof(*code));
	for (i = COUNT(way_out); i < program.len; i++)
		if (code[i].code == (BPF_RET | BPF_K))
			code[i].k = SECCOMP_RET_ERRNO | (unsigned)answer_of(code[i].k);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

/* A newer kernel lets two calls of x86-64 pass every filter unasked:
 * what a probe of its own put into a program makes them. Whoever else does is killed,
 * or told that there is no such thing. */
#define URETPROBE 335
#define UPROBE 336
static bool goes_unasked(const struct tuple *t)
{
	return ARCH == AUDIT_ARCH_X86_64 && !t->i386 && (t->nr == URETPROBE || t->nr == UPROBE);
}

/* ---- calls -------------------------------------------------------------------------------- */

static long call_i386(const struct tuple *t)
{
#if defined(__x86_64__)
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"((long)t->nr), "b"(t->arg[0]), "c"(t->arg[1]),
	    "d"(t->arg[2]), "S"(t->arg[3]), "D"(t->arg[4]) : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
#else
	(void)t;
	return -ENOSYS;
#endif
}

static int make_call(const struct tuple *t)
{
	long r;

	if (t->i386) {
		r = call_i386(t);
		return r < 0 ? (int)-r : 0;
	}
	r = syscall((long)t->nr, t->arg[0], t->arg[1], t->arg[2], t->arg[3], t->arg[4], t->arg[5]);
	return r < 0 ? errno : 0;
}

/* In a child, which can say nothing any more: the answers lie in shared memory. Its
 * wait status; 0: all were made. */
static int make_calls(const struct sock_fprog *p, struct tuple *t, size_t count)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		size_t i;

		if (!load_harmless(p))
			_exit(1);
		for (i = 0; i < count; i++)
			t[i].got = goes_unasked(&t[i]) ? 0 : make_call(&t[i]);
		for (;;)
			syscall(SYS_exit_group, 0, 0, 0, 0, 0, DONE);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* With the filter as it is: the signal that one call dies by, or 0. */
static int dies_by(const struct sock_fprog *p, const struct tuple *t)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (p != NULL && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, p) != 0))
			_exit(1);
		make_call(t);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* And what it is answered when it lives. */
static int refusal(const struct sock_fprog *p, const struct tuple *t)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, p) != 0)
			_exit(0);
		_exit(make_call(t));
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/* ---- tuples --------------------------------------------------------------------------------- */

/* On the edges of what the program compares with, and anywhere. */
static uint64_t some_argument(const struct sock_fprog *p)
{
	uint64_t k = p->filter[some() % p->len].k;

	switch (some() % 8) {
	case 0:
		return k;
	case 1:
		return k + 1;
	case 2:
		return k - 1;
	case 3:
		return k << 32 | k;
	case 4:
		return some() % 64;
	case 5:
		return ~0ull;
	case 6:
		return SECRET;
	default:
		return some();
	}
}

/* Numbers whose answer hangs on arguments. */
static uint32_t conditional[NUMBERS];
static size_t conditionals;

static void find_conditionals(const struct sock_fprog *p)
{
	static struct ways w;
	uint32_t nr;

	for (conditionals = 0, nr = 0; nr < NUMBERS; nr++) {
		bpf_ways(p, ARCH, nr, &w);
		if (w.count > 1)
			conditional[conditionals++] = nr;
	}
}

/* Arguments that lead along one of its ways, or one bit beside it. */
static void walk_a_way(const struct sock_fprog *p, struct tuple *t)
{
	static struct ways w;
	const struct way *way;
	uint32_t word[12];
	size_t i;

	bpf_ways(p, ARCH, (uint32_t)t->nr, &w);
	way = &w.way[some() % w.count];
	memcpy(word, t->arg, sizeof(word));
	for (i = 0; i < way->tests; i++)
		if (way->test[i].holds && way->test[i].word < COUNT(word))
			word[way->test[i].word] = (word[way->test[i].word] & ~way->test[i].mask) | way->test[i].k;
	if (some() % 2)
		word[some() % COUNT(word)] ^= 1u << some() % 32;
	memcpy(t->arg, word, sizeof(word));
}

static void draw(const struct sock_fprog *p, struct tuple *t)
{
	size_t i;

	for (i = 0; i < COUNT(t->arg); i++)
		t->arg[i] = some_argument(p);
	t->nr = (int)(some() % NUMBERS);
	if (conditionals > 0 && some() % 2) {
		t->nr = (int)conditional[some() % conditionals];
		walk_a_way(p, t);
	}
	if (some() % 8 == 0)
		t->nr |= X32;
	else if (some() % 32 == 0)
		t->nr = (int)(some() % X32);
}

static int expected(const struct sock_fprog *p, const struct tuple *t)
{
	struct seccomp_data d = { .nr = t->nr, .arch = t->i386 ? AUDIT_ARCH_I386 : ARCH };
	size_t i;

	memcpy(d.args, t->arg, sizeof(d.args));
	for (i = 0; t->i386 && i < COUNT(d.args); i++)
		d.args[i] = (uint32_t)d.args[i];
	return answer_of(follow(p, &d));
}

static size_t differ(const struct sock_fprog *p, const struct tuple *t, size_t count, bool say)
{
	size_t i, n = 0;

	for (i = 0; i < count; i++) {
		if (goes_unasked(&t[i]) || t[i].got == expected(p, &t[i]))
			continue;
		if (say && n < 5)
			printf("# call %#x(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx): kernel %d, by hand %d\n",
			    (unsigned)t[i].nr, (unsigned long long)t[i].arg[0], (unsigned long long)t[i].arg[1],
			    (unsigned long long)t[i].arg[2], (unsigned long long)t[i].arg[3],
			    (unsigned long long)t[i].arg[4], (unsigned long long)t[i].arg[5],
			    t[i].got, expected(p, &t[i]));
		n++;
	}
	return n;
}

/* ---- the tests ---------------------------------------------------------------------------------- */

static void random_calls(const char *name, const struct sock_fprog *p, struct tuple *t)
{
	size_t i, each[4] = { 0 };

	find_conditionals(p);
	for (i = 0; i < TUPLES; i++) {
		t[i] = (struct tuple){ .got = -1 };
		draw(p, &t[i]);
	}
	ok(make_calls(p, t, TUPLES) == 0, name, "ten thousand calls are made");
	ok(differ(p, t, TUPLES, true) == 0, name, "the kernel answers each as the program reads");
	for (i = 0; i < TUPLES; i++)
		each[t[i].got == ALLOWED ? 0 : t[i].got == KILLED ? 1 : t[i].got == TOLD ? 2 : 3]++;
	printf("# %s: %zu allowed, %zu killed, %zu told, %zu refused; %zu numbers with conditions\n",
	    name, each[0], each[1], each[2], each[3], conditionals);
	ok(each[0] > TUPLES / 50 && each[2] + each[3] > TUPLES / 50, name, "answers of every kind");
}

static void every_number(const char *name, const struct sock_fprog *p, struct tuple *t)
{
	size_t i, n = 0;

	for (i = 0; i < 2 * NUMBERS; i++)
		t[n++] = (struct tuple){ .nr = (int)(i % NUMBERS) | (i < NUMBERS ? 0 : X32), .got = -1 };
	ok(make_calls(p, t, n) == 0 && differ(p, t, n, true) == 0, name, "every number to 1023, and as x32");
}

static void unasked(const char *name, const struct sock_fprog *p, struct tuple *t)
{
	const struct tuple uretprobe = { .nr = URETPROBE };
	int signal;

	if (ARCH != AUDIT_ARCH_X86_64)
		return;
	signal = dies_by(p, &uretprobe);
	ok(signal == 0 || signal == SIGILL, name, "what passes every filter: uretprobe kills, or is refused");
	t[0] = (struct tuple){ .nr = UPROBE };
	t[0].got = refusal(p, &t[0]);
	ok(t[0].got == EPERM || t[0].got == ENXIO, name, "and uprobe finds nothing, or is refused");
}

/* A kernel may have no i386; then its door faults before any filter is asked. */
static void foreign(const char *name, const struct sock_fprog *p, struct tuple *t)
{
	const struct tuple x32 = { .nr = X32 | SYS_getpid }, i386 = { .nr = 20, .i386 = true };
	bool has_i386 = FOREIGN_WAYS && dies_by(NULL, &i386) == 0;
	size_t i;

	if (!FOREIGN_WAYS)
		return;
	ok(dies_by(NULL, &x32) == 0 && dies_by(p, &x32) == SIGSYS, name, "an x32 call is killed in earnest");
	if (!has_i386) {
		printf("ok %d - F057: %s: i386 # SKIP this kernel lets nobody in by int 0x80\n", ++tests, name);
		return;
	}
	ok(dies_by(p, &i386) == SIGSYS, name, "an i386 call is killed in earnest");
	for (i = 0; i < NUMBERS; i++) {
		draw(p, &t[i]);
		t[i] = (struct tuple){ .nr = (int)i, .i386 = true, .arg = { t[i].arg[0], t[i].arg[1] }, .got = -1 };
	}
	ok(make_calls(p, t, NUMBERS) == 0 && differ(p, t, NUMBERS, true) == 0, name, "every number as i386");
}

/* One comparison turned round: were it not seen, nothing would be. */
static void turned(const char *name, const struct sock_fprog *p, const struct tuple *t)
{
	static struct sock_filter code[BPF_MAXINSNS];
	struct sock_fprog other = { p->len, code };
	size_t i, jumps = 0, seen = 0;

	memcpy(code, p->filter, p->len * sizeof(*code));
	for (i = 0; i < p->len; i++) {
		struct sock_filter *c = &code[i];
		unsigned char jt = c->jt;

		if (BPF_CLASS(c->code) != BPF_JMP || c->code == (BPF_JMP | BPF_JA) || c->jt == c->jf)
			continue;
		c->jt = c->jf;
		c->jf = jt;
		jumps++;
		seen += differ(&other, t, TUPLES, false) > 0;
		c->jf = c->jt;
		c->jt = jt;
	}
	printf("# %s: of %zu comparisons turned, %zu are noticed\n", name, jumps, seen);
	/* Some look at one number in a thousand, or at bits that decide nothing. */
	ok(jumps > 50 && seen * 10 >= jumps * 8, name, "a comparison that is turned is noticed");
}

int main(void)
{
	static struct arena arena;
	const struct { const char *name; const struct sock_fprog *p; } filter[] = {
		{ "static", profile_filter("static") },
		{ "runtime", profile_filter("runtime") },
		{ "telling", profile_telling(&arena, profile_filter("static"), SECRET) },
	};
	struct tuple *t = mmap(NULL, TUPLES * sizeof(*t), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (t == MAP_FAILED)
		return 1;
	printf("# seed %u\n", SEED);
	setvbuf(stdout, NULL, _IONBF, 0); /* children are forked */
	for (i = 0; i < COUNT(filter); i++) {
		every_number(filter[i].name, filter[i].p, t);
		foreign(filter[i].name, filter[i].p, t);
		if (strcmp(filter[i].name, "telling") != 0) /* nobody would answer it */
			unasked(filter[i].name, filter[i].p, t);
		random_calls(filter[i].name, filter[i].p, t);
		turned(filter[i].name, filter[i].p, t);
	}
	arena_free(&arena);
	printf("1..%d\n", tests);
	return failures != 0;
}
