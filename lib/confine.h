/*
 * confine.h - what a process of ours gives up for good before it meets hostile
 * bytes, or waits for those who do: descriptors, capabilities, files, system calls.
 * For the files that do it: broker/rights.c, jail/watch.c, evidence/rights.c.
 */
#ifndef OXG_CONFINE_H
#define OXG_CONFINE_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "lib/lib.h"

/* All return 0, or -1 with errno. */

/* Closes every other descriptor. One below 0 is none. */
int descriptors_keep(const int *keep, size_t n);
/* The bounding set, as far as we may: nobody who comes after us executes anything.
 * Before the others, since it takes one of them. */
void bounding_drop(void);
/* Bit i of a mask is capability i. Of the capabilities that are permitted those of the mask stay; nothing is inherited. */
int capabilities_keep(uint64_t mask);

/* What may be done below a directory that is open: LL_* of jail/kernel.h. */
struct confine_tree {
	int fd;
	uint64_t access;
};

/* Landlock, where the kernel has it: files below these trees, no TCP, and no abstract
 * socket of others. alone: nor a signal to others. It is a domain, and who is in one
 * may look into no process that is not: not for who watches. Needs no_new_privs. */
int files_keep(const struct confine_tree *tree, size_t n, bool alone);

/* No gaining of privileges, no memory dump, no looking in by others of our user. */
int privileges_forgo(void);

/* ---- a system call filter: an allowlist, of lines in any order ----------------------
 * One that is not listed ends the process: it is no mistake but somebody else's code,
 * and its death is noticed. An x32 number is never listed, a foreign ABI ends it too.
 */
#if defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else /* elsewhere the first call ends it, and nothing is run */
#define FILTER_ARCH AUDIT_ARCH_X86_64
#endif

#define FILTER_LOAD(field)                                                    \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define FILTER_IF(test, value, then, otherwise)                               \
	BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (then), (otherwise))
#define FILTER_RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))

#define FILTER_BEGIN                                                          \
	FILTER_LOAD(arch),                                                    \
	FILTER_IF(BPF_JEQ, FILTER_ARCH, 1, 0),                                \
	FILTER_RETURN(SECCOMP_RET_KILL_PROCESS),                              \
	FILTER_LOAD(nr)
#define FILTER_END FILTER_RETURN(SECCOMP_RET_KILL_PROCESS)

#define ALLOW(name)                                                           \
	FILTER_IF(BPF_JEQ, SYS_##name, 0, 1), FILTER_RETURN(SECCOMP_RET_ALLOW)
/* What a C library tries in passing, and can do without: EPERM. */
#define REFUSE(name)                                                          \
	FILTER_IF(BPF_JEQ, SYS_##name, 0, 1), FILTER_RETURN(SECCOMP_RET_ERRNO | EPERM)
/* With this value as argument n, or with none of these bits in it. The low halves
 * are compared: the kernel reads no more of those that are asked about. */
#define ALLOW_WITH(name, n, value)                                            \
	FILTER_IF(BPF_JEQ, SYS_##name, 0, 4),                                 \
	FILTER_LOAD(args[n]),                                                 \
	FILTER_IF(BPF_JEQ, (uint32_t)(value), 0, 1),                          \
	FILTER_RETURN(SECCOMP_RET_ALLOW),                                     \
	FILTER_LOAD(nr)
#define ALLOW_WITHOUT(name, n, bits)                                          \
	FILTER_IF(BPF_JEQ, SYS_##name, 0, 4),                                 \
	FILTER_LOAD(args[n]),                                                 \
	FILTER_IF(BPF_JSET, (uint32_t)(bits), 1, 0),                          \
	FILTER_RETURN(SECCOMP_RET_ALLOW),                                     \
	FILTER_LOAD(nr)

/* Memory, but none that can be executed; a clock; the end. */
#define ALLOW_LIVING                                                          \
	ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(futex), \
	ALLOW_WITHOUT(mmap, 2, PROT_EXEC), ALLOW_WITHOUT(mprotect, 2, PROT_EXEC), \
	ALLOW(clock_gettime), ALLOW(exit_group),                              \
	ALLOW(restart_syscall) /* poll, stopped and continued */

#ifdef SYS_poll
#define ALLOW_POLL ALLOW(poll), ALLOW(ppoll)
#else
#define ALLOW_POLL ALLOW(ppoll)
#endif

/* An abort must get as far as its death. */
#ifdef __SANITIZE_ADDRESS__ /* asks where its stacks are before any exit */
#define REFUSE_PASSING                                                        \
	ALLOW(sigaltstack), ALLOW(gettid), REFUSE(rt_sigprocmask), REFUSE(rt_sigaction), \
	REFUSE(tkill), REFUSE(tgkill), REFUSE(getpid), REFUSE(ioctl), REFUSE(lseek), \
	REFUSE(sched_yield), REFUSE(readlink), REFUSE(prctl), REFUSE(newfstatat)
#else
#define REFUSE_PASSING                                                        \
	REFUSE(rt_sigprocmask), REFUSE(rt_sigaction), REFUSE(tkill), REFUSE(gettid), \
	REFUSE(getpid), REFUSE(ioctl), REFUSE(lseek)
#endif

/* E2BIG: more calls or lines than there is room for. */
int calls_keep(const struct sock_filter *line, size_t n);

#endif
