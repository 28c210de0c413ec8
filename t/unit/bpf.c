/*
 * What oxg doctor --syscalls reads out of the filters, against a second reader
 * that follows one call at a time as the kernel does: every answer is the same,
 * every way that is told can be walked, and no way is missing.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "jail/jail.h"
#include "t/unit/follow.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif
#define X32 0x40000000u

static int tests, failures;

static void ok(int good, const char *what)
{
	failures += !good;
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, what);
}

/* Arguments on the edges of every comparison in these programs, and others. */
static uint64_t some_argument(const struct sock_fprog *p)
{
	uint64_t k = p->filter[(size_t)rand() % p->len].k;

	switch (rand() % 6) {
	case 0:
		return k;
	case 1:
		return k + 1;
	case 2:
		return k << 32 | k;
	case 3:
		return (uint64_t)rand() % 64;
	case 4:
		return ~(uint64_t)0;
	default:
		return (uint64_t)rand() << 33 ^ (uint64_t)rand();
	}
}

static bool same_answers(const struct sock_fprog *p)
{
	struct seccomp_data d = { .arch = ARCH };
	int nr, round, i;

	for (nr = 0; nr < 600; nr++)
		for (round = 0; round < 60; round++) {
			d.nr = nr;
			for (i = 0; i < 6; i++)
				d.args[i] = some_argument(p);
			if (bpf_answer(p, &d) != follow(p, &d)) {
				printf("# call %d: %#x, not %#x\n", nr, bpf_answer(p, &d), follow(p, &d));
				return false;
			}
		}
	return true;
}

/* Is it so of these arguments? Only equality stands in these programs. */
static bool takes(const struct way *w, const struct seccomp_data *d)
{
	size_t i;

	for (i = 0; i < w->tests; i++) {
		uint32_t word = (uint32_t)(d->args[w->test[i].word / 2] >> (w->test[i].word % 2 * 32));

		if (w->test[i].kind != TEST_EQUAL || ((word & w->test[i].mask) == w->test[i].k) != w->test[i].holds)
			return false;
	}
	return true;
}

/* Arguments that take this way: what must be equal is made so, the rest is drawn
 * until it fits. */
static bool find_arguments(const struct way *w, struct seccomp_data *d)
{
	uint32_t word[12];
	size_t i;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		for (i = 0; i < 12; i++)
			word[i] = (uint32_t)rand() << 16 ^ (uint32_t)rand();
		for (i = 0; i < w->tests; i++)
			if (w->test[i].holds && w->test[i].word < 12)
				word[w->test[i].word] = (word[w->test[i].word] & ~w->test[i].mask) | w->test[i].k;
		memcpy(d->args, word, sizeof(word));
		if (takes(w, d))
			return true;
	}
	return false;
}

static bool every_way(const struct sock_fprog *p, int *ways)
{
	static struct ways w;
	struct seccomp_data d = { .arch = ARCH };
	int nr;
	size_t i;

	for (nr = 0; nr < 600; nr++) {
		bpf_ways(p, ARCH, (uint32_t)nr, &w);
		if (w.unsure || w.count == 0)
			return false;
		*ways += (int)w.count - 1;
		for (i = 0; i < w.count; i++) {
			d.nr = nr;
			if (!find_arguments(&w.way[i], &d) || follow(p, &d) != w.way[i].answer) {
				printf("# call %d, way %zu: %#x, not %#x\n", nr, i, w.way[i].answer, follow(p, &d));
				return false;
			}
		}
	}
	return true;
}

/* What the table says of "any other number" and of foreign ABIs in one line each. */
static void others(const struct sock_fprog *p)
{
	struct seccomp_data d = { .arch = ARCH };
	unsigned nr;
	int odd = 0;

	for (nr = 0; nr < 8192; nr++) {
		d.nr = (int)nr;
		odd += call_name((int)nr) == NULL && follow(p, &d) != (SECCOMP_RET_ERRNO | EPERM);
	}
	ok(odd == 0, "numbers without a name are refused alike");
	for (odd = 0, nr = 0; nr < 1024; nr++) {
		d.nr = (int)(nr | X32);
		odd += (follow(p, &d) & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_KILL_PROCESS;
	}
#if defined(__x86_64__)
	ok(odd == 0, "x32 is killed, whatever the number");
#endif
	d.arch = AUDIT_ARCH_I386;
	for (odd = 0, nr = 0; nr < 1024; nr++) {
		d.nr = (int)nr;
		odd += (follow(p, &d) & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_KILL_PROCESS;
	}
	ok(odd == 0, "and so is i386");
}

/* By hand: allowed if arg1 is 5 or has one of two bits, but not for call 7. */
static void by_hand(void)
{
	static struct sock_filter code[] = {
		{ 0x20, 0, 0, 0 }, { 0x15, 5, 0, 7 },            /* nr == 7: refused */
		{ 0x20, 0, 0, 24 }, { 0x15, 2, 0, 5 },           /* low half of arg1 == 5: allowed */
		{ 0x45, 1, 0, 0x30 }, { 0x06, 0, 0, 0x80000000u }, /* any bit of 0x30: allowed, else killed */
		{ 0x06, 0, 0, 0x7fff0000u }, { 0x06, 0, 0, 0x00050001u },
	};
	struct sock_fprog p = { COUNT(code), code };
	static struct ways w;

	bpf_ways(&p, ARCH, 7, &w);
	ok(!w.unsure && w.count == 1 && w.way[0].tests == 0, "one way");
	ok(w.way[0].answer == 0x00050001u, "to its end");
	bpf_ways(&p, ARCH, 8, &w);
	ok(!w.unsure && w.count == 3, "three ways");
	ok(w.count == 3 && w.way[0].tests == 1 && w.way[0].test[0].word == 2 && w.way[0].test[0].k == 5 &&
	    w.way[0].test[0].holds && w.way[0].answer == 0x7fff0000u, "arg1 = 5 is allowed");
	ok(w.count == 3 && w.way[1].tests == 2 && w.way[1].test[1].kind == TEST_ANY_BIT && w.way[1].test[1].holds &&
	    w.way[1].answer == 0x7fff0000u, "or a bit of it");
	ok(w.count == 3 && w.way[2].answer == 0x80000000u && !w.way[2].test[1].holds, "else it kills");
	code[4] = (struct sock_filter){ 0x0c, 0, 0, 0 }; /* add x */
	bpf_ways(&p, ARCH, 8, &w);
	ok(w.unsure, "what it does not know it does not explain");
	p.len = 3;
	bpf_ways(&p, ARCH, 8, &w);
	ok(w.unsure, "nor what ends nowhere");
}

/* The watch's reader: what it does not know is no answer, so a refusal. */
static void odd(void)
{
	static struct sock_filter code[] = { { 0x20, 0, 0, 0 }, { 0x06, 0, 0, 0x7fff0000u } };
	struct sock_fprog p = { COUNT(code), code };
	const struct seccomp_data d = { .nr = 1, .arch = ARCH };

	ok(bpf_answer(&p, &d) == 0x7fff0000u, "two instructions");
	code[0] = (struct sock_filter){ 0x20, 0, 0, 64 };
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "a word behind the call");
	code[0].k = 0xfffffffcu;
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "a word before it");
	code[0].k = 62;
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "half a word");
	code[0] = (struct sock_filter){ 0x05, 0, 0, 0xffffffffu };
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "a jump to nowhere");
	code[0] = (struct sock_filter){ 0x15, 255, 255, 0 };
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "nor by a comparison");
	code[0] = (struct sock_filter){ 0x16, 0, 0, 0 };
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "a return of what is in a register");
	p.len = 0;
	ok(bpf_answer(&p, &d) == BPF_NOTHING, "no program");
}

int main(void)
{
	static const char *const profiles[] = { "static", "runtime" };
	size_t i;

	srand(4711);
	for (i = 0; i < COUNT(profiles); i++) {
		const struct sock_fprog *p = profile_filter(profiles[i]);
		int ways = 0;

		ok(same_answers(p), profiles[i]);
		ok(every_way(p, &ways), "every way that is told can be walked");
		printf("# %s: %d ways beyond one a call\n", profiles[i], ways);
		ok(ways > 30, "there are conditions");
		others(p);
	}
	by_hand();
	odd();
	printf("1..%d\n", tests);
	return failures != 0;
}
