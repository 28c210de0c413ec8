/*
 * entry.c - the first instructions of the program: its packed relative relocations
 * (DT_RELR) are applied, and then it begins as musl would have it begin. Only where
 * the linker can pack them; the Makefile then names oxg_entry as the entry.
 *
 * musl knows DT_RELR from 1.2.4 on and its start file would skip it. Packed, the
 * relocations of this program take 1 KiB, else 46. Nothing is relocated yet when this
 * runs, and there is no thread pointer: no table, no call, no stack protector. What
 * may be moved twice must not be: a start file that knows DT_RELR would move again,
 * so the tags are taken out of its sight.
 *
 * Source of the encoding: the generic ABI's section on relative relocations.
 */
#ifdef __x86_64__
#include <elf.h>
#include <stdint.h>

#define PACKED 36      /* DT_RELR, which older headers do not name */
#define PACKED_SIZE 35 /* DT_RELRSZ */
#define BITS (8 * sizeof(Elf64_Addr) - 1)

__asm__(".text\n"
	".globl oxg_entry\n"
	".type oxg_entry, @function\n"
	"oxg_entry:\n"
	"	xor %ebp, %ebp\n"
	"	lea __ehdr_start(%rip), %rdi\n"
	"	lea _DYNAMIC(%rip), %rsi\n"
	"	call oxg_unpack\n"
	"	jmp _start\n");

void oxg_unpack(char *base, Elf64_Dyn *dynamic);

/* An even word is the address of one that is moved; an odd one says with its other
 * bits which of the next 63 are. */
__attribute__((used, visibility("hidden")))
void oxg_unpack(char *base, Elf64_Dyn *dynamic)
{
	const Elf64_Addr *from = 0, *end;
	Elf64_Addr *at = 0, size = 0;

	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		if (dynamic->d_tag == PACKED)
			from = (const Elf64_Addr *)(base + dynamic->d_un.d_ptr);
		if (dynamic->d_tag == PACKED_SIZE) {
			size = dynamic->d_un.d_val;
			dynamic->d_un.d_val = 0;
		}
	}
	for (end = from + size / sizeof(*from); from < end; from++) {
		Elf64_Addr which = *from;

		if ((which & 1) == 0) {
			at = (Elf64_Addr *)(base + which);
			*at++ += (Elf64_Addr)base;
			continue;
		}
		for (unsigned i = 0; (which >>= 1) != 0; i++)
			if (which & 1)
				at[i] += (Elf64_Addr)base;
		at += BITS;
	}
}
#else
typedef int no_entry_here; /* ISO C wants a declaration */
#endif
