/*
 * bpf.c - reads a system call filter as jail/bpf.c does, but with the arguments open:
 * every way through is found. One process, the operator's own.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "cmd/cmd.h"
#include "jail/jail.h"

#define FIRST_ARG ((uint32_t)offsetof(struct seccomp_data, args))

/* A register or a word of memory: a figure, or some bits of an argument. */
struct value {
	bool open;
	uint32_t k;                   /* the figure; open: the mask */
	unsigned word;
};

/* Where a way stands. */
struct walk {
	const struct sock_fprog *program;
	uint32_t arch, nr;
	struct ways *ways;
};

struct at {
	size_t pc;
	struct value a, memory[BPF_MEMWORDS];
	struct way way;               /* so far */
};

/* ---- with the arguments open ----------------------------------------------------- */

static struct value load(const struct walk *w, uint32_t offset)
{
	if (offset == offsetof(struct seccomp_data, nr))
		return (struct value){ .k = w->nr };
	if (offset == offsetof(struct seccomp_data, arch))
		return (struct value){ .k = w->arch };
	/* Where it is called from counts as open too, with a word of its own. */
	return (struct value){ .open = true, .k = 0xffffffffu,
		.word = offset >= FIRST_ARG ? (offset - FIRST_ARG) / 4 : 12 + offset / 4 };
}

/* What a test before this one has settled: 1, 0, or -1. */
static int settled(const struct way *way, const struct way_test *t)
{
	size_t i;

	for (i = 0; i < way->tests; i++) {
		const struct way_test *b = &way->test[i];

		if (b->word != t->word || b->mask != t->mask)
			continue;
		if (b->kind == TEST_EQUAL && b->holds)
			return bpf_compare(b->k, (enum bpf_test)t->kind, t->k);
		if (b->kind == t->kind && b->k == t->k)
			return b->holds;
	}
	return -1;
}

static void arrive(struct walk *w, const struct at *at, uint32_t answer)
{
	struct ways *ways = w->ways;

	if (ways->count == WAYS) {
		ways->unsure = true;
		return;
	}
	ways->way[ways->count] = at->way;
	ways->way[ways->count++].answer = answer;
}

static void go_on(struct walk *w, struct at *at);

/* A jump that the arguments decide: both ways. */
static void part(struct walk *w, struct at *at, int kind, const struct sock_filter *i)
{
	struct way_test t = { .word = at->a.word, .mask = at->a.k, .k = i->k,
		.kind = kind };
	int known = settled(&at->way, &t);
	struct at other;

	if (known < 0 && at->way.tests == WAY_TESTS) {
		w->ways->unsure = true;
		return;
	}
	if (known != 0) {
		other = *at;
		other.pc += 1u + i->jt;
		t.holds = true;
		if (known < 0)
			other.way.test[other.way.tests++] = t;
		go_on(w, &other);
	}
	if (known <= 0) {
		other = *at;
		other.pc += 1u + i->jf;
		t.holds = false;
		if (known < 0)
			other.way.test[other.way.tests++] = t;
		go_on(w, &other);
	}
}

/* One instruction that is no jump. False: it is unknown here. */
static bool compute(struct walk *w, struct at *at, const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		at->a = load(w, i->k);
		return true;
	case BPF_LD | BPF_IMM:
		at->a = (struct value){ .k = i->k };
		return true;
	case BPF_LD | BPF_MEM:
		at->a = at->memory[i->k % BPF_MEMWORDS];
		return true;
	case BPF_ST:
		at->memory[i->k % BPF_MEMWORDS] = at->a;
		return true;
	case BPF_ALU | BPF_AND | BPF_K:
		at->a.k &= i->k;
		if (at->a.k == 0)
			at->a.open = false;
		return true;
	default:
		return false;
	}
}

static void go_on(struct walk *w, struct at *at)
{
	while (at->pc < w->program->len) {
		const struct sock_filter *i = &w->program->filter[at->pc];
		int kind = bpf_test_of(i->code);

		if (i->code == (BPF_RET | BPF_K)) {
			arrive(w, at, i->k);
			return;
		}
		if (kind >= 0 && at->a.open) {
			part(w, at, kind, i);
			return;
		}
		if (kind >= 0)
			at->pc += bpf_compare(at->a.k, (enum bpf_test)kind, i->k) ? i->jt : i->jf;
		else if (i->code == (BPF_JMP | BPF_JA))
			at->pc += i->k;
		else if (!compute(w, at, i))
			break;
		at->pc++;
	}
	w->ways->unsure = true;
}

void bpf_ways(const struct sock_fprog *p, uint32_t arch, uint32_t nr, struct ways *out)
{
	struct walk w = { .program = p, .arch = arch, .nr = nr, .ways = out };
	struct at start;

	memset(&start, 0, sizeof(start));
	out->count = 0;
	out->unsure = false;
	go_on(&w, &start);
}
