/*
 * bpf.c - what a system call filter answers to a call with its arguments, as the
 * kernel would run it: classic BPF over struct seccomp_data, bpf(4) and seccomp(2).
 * Runs in the watch, which asks it whether a call that the kernel stopped for
 * --audit may go on; cmd/bpf.c asks with the arguments open.
 *
 * Jumps go forward alone, so every program ends; what is not known here is no answer.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "jail/jail.h"

bool bpf_compare(uint32_t a, enum bpf_test test, uint32_t k)
{
	switch (test) {
	case TEST_EQUAL:
		return a == k;
	case TEST_OVER:
		return a > k;
	case TEST_AT_LEAST:
		return a >= k;
	case TEST_ANY_BIT:
		return (a & k) != 0;
	}
	return false;
}

int bpf_test_of(unsigned code)
{
	switch (code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return TEST_EQUAL;
	case BPF_JMP | BPF_JGT | BPF_K:
		return TEST_OVER;
	case BPF_JMP | BPF_JGE | BPF_K:
		return TEST_AT_LEAST;
	case BPF_JMP | BPF_JSET | BPF_K:
		return TEST_ANY_BIT;
	default:
		return -1;
	}
}

struct registers {
	uint32_t a, memory[BPF_MEMWORDS];
};

/* One that neither jumps nor returns. False: unknown, or reads past the call. */
static bool compute(struct registers *r, const struct seccomp_data *d, const struct sock_filter *i)
{
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (i->k > sizeof(*d) - sizeof(r->a) || i->k % sizeof(r->a) != 0)
			return false;
		memcpy(&r->a, (const unsigned char *)d + i->k, sizeof(r->a));
		return true;
	case BPF_LD | BPF_IMM:
		r->a = i->k;
		return true;
	case BPF_LD | BPF_MEM:
		r->a = r->memory[i->k % BPF_MEMWORDS];
		return true;
	case BPF_ST:
		r->memory[i->k % BPF_MEMWORDS] = r->a;
		return true;
	case BPF_ALU | BPF_AND | BPF_K:
		r->a &= i->k;
		return true;
	default:
		return false;
	}
}

uint32_t bpf_answer(const struct sock_fprog *p, const struct seccomp_data *d)
{
	struct registers r = { 0 };
	uint64_t pc;

	for (pc = 0; pc < p->len; pc++) {
		const struct sock_filter *i = &p->filter[pc];
		int test = bpf_test_of(i->code);

		if (i->code == (BPF_RET | BPF_K))
			return i->k;
		if (test >= 0)
			pc += bpf_compare(r.a, (enum bpf_test)test, i->k) ? i->jt : i->jf;
		else if (i->code == (BPF_JMP | BPF_JA))
			pc += i->k;
		else if (!compute(&r, d, i))
			return BPF_NOTHING;
	}
	return BPF_NOTHING;
}
