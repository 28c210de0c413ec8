/* follow.h - bpf(4), one instruction after the other: what a system call filter says
 * of one call. Ours alone, so that nothing of the program under test is believed. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>

#define FOLLOW_NOTHING 0x7bad0000u /* no filter's answer: it ended nowhere */

static uint32_t follow(const struct sock_fprog *p, const struct seccomp_data *d)
{
	uint32_t a = 0, m[16] = { 0 };
	const struct sock_filter *i;
	size_t pc = 0;

	for (;;) {
		if (pc >= p->len)
			return FOLLOW_NOTHING;
		i = &p->filter[pc++];
		if (i->code == 0x20)             /* ld [k] */
			memcpy(&a, (const char *)d + i->k, 4);
		else if (i->code == 0x00)        /* ld #k */
			a = i->k;
		else if (i->code == 0x60)        /* ld M[k] */
			a = m[i->k];
		else if (i->code == 0x02)        /* st M[k] */
			m[i->k] = a;
		else if (i->code == 0x54)        /* and #k */
			a &= i->k;
		else if (i->code == 0x05)        /* ja */
			pc += i->k;
		else if (i->code == 0x15)        /* jeq */
			pc += a == i->k ? i->jt : i->jf;
		else if (i->code == 0x25)        /* jgt */
			pc += a > i->k ? i->jt : i->jf;
		else if (i->code == 0x35)        /* jge */
			pc += a >= i->k ? i->jt : i->jf;
		else if (i->code == 0x45)        /* jset */
			pc += a & i->k ? i->jt : i->jf;
		else if (i->code == 0x06)        /* ret #k */
			return i->k;
		else
			return FOLLOW_NOTHING;
	}
}
