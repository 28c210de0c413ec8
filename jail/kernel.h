/*
 * kernel.h - constants and structs of the kernel's interface that the machine's
 * headers may be too old to have. Sources: the manual pages landlock(7),
 * mount_setattr(2), move_mount(2), clone3 in clone(2), capget(2), and the
 * kernel's user-space API documentation. The build must not follow the machine.
 */
#ifndef OXG_KERNEL_H
#define OXG_KERNEL_H

#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the kernel's calls, bare: what runs in the child makes no other -------------- */
#define SYS(name, a, b, c, d, e)                                              \
	syscall(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

static inline _Noreturn void leave(int status)
{
	for (;;)
		SYS(exit_group, status, 0, 0, 0, 0);
}

/* ---- numbers newer than the C library's list (x86-64 and arm64 agree) ----------- */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* ---- mounts ----------------------------------------------------------------------- */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1u
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x4u
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x1u
#define MOUNT_ATTR_NOSUID 0x2u
#define MOUNT_ATTR_NODEV 0x4u
#endif

struct kernel_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* ---- clone3 ------------------------------------------------------------------------ */
struct kernel_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls;
};

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

/* ---- seccomp: linux/seccomp.h, since 5.19 --------------------------------------------- */
#define FILTER_FLAG_WAIT_KILLABLE_RECV (1ul << 5)

/* ---- capabilities -------------------------------------------------------------------- */
#define CAPABILITY_VERSION_3 0x20080522u

struct kernel_cap_header {
	uint32_t version;
	int32_t pid;
};

struct kernel_cap_data {
	uint32_t effective, permitted, inheritable;
};

#define CAP_BIT_CHOWN (1u << 0)
#define CAP_BIT_DAC_OVERRIDE (1u << 1)
#define CAP_BIT_DAC_READ_SEARCH (1u << 2)
#define CAP_BIT_FOWNER (1u << 3)
#define CAP_BIT_KILL (1u << 5)
#define CAP_BIT_SETGID (1u << 6)
#define CAP_BIT_SETUID (1u << 7)
#define CAP_BIT_SETPCAP (1u << 8)
#define CAP_BIT_SYS_CHROOT (1u << 18)
#define CAP_BIT_SYS_PTRACE (1u << 19)

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* securebits(7): NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE set, and each
 * of these and KEEP_CAPS (clear) locked. */
#define SECUREBITS_LOCKED \
	(1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 5 | 1u << 6 | 1u << 7)

/* ---- Landlock ------------------------------------------------------------------------- */
#define LANDLOCK_VERSION_FLAG 1u
#define LANDLOCK_RULE_PATH 1

struct kernel_landlock_ruleset {
	uint64_t fs, net, scoped;
};

/* How much of the struct a kernel of this ABI knows. */
#define LANDLOCK_RULESET_SIZE(abi) ((abi) >= 6 ? 24u : (abi) >= 4 ? 16u : 8u)

struct kernel_landlock_path {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

#define LL_EXECUTE (1ull << 0)
#define LL_WRITE_FILE (1ull << 1)
#define LL_READ_FILE (1ull << 2)
#define LL_READ_DIR (1ull << 3)
#define LL_REMOVE_DIR (1ull << 4)
#define LL_REMOVE_FILE (1ull << 5)
#define LL_MAKE_CHAR (1ull << 6)
#define LL_MAKE_DIR (1ull << 7)
#define LL_MAKE_REG (1ull << 8)
#define LL_MAKE_SOCK (1ull << 9)
#define LL_MAKE_FIFO (1ull << 10)
#define LL_MAKE_BLOCK (1ull << 11)
#define LL_MAKE_SYM (1ull << 12)
#define LL_REFER (1ull << 13)     /* ABI 2 */
#define LL_TRUNCATE (1ull << 14)  /* ABI 3 */
#define LL_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define LL_NET_ALL 3ull           /* bind and connect TCP, ABI 4 */
#define LL_SCOPE_SOCKETS 1ull     /* abstract unix sockets, ABI 6 */
#define LL_SCOPE_SIGNAL 2ull
#define LL_SCOPE_ALL 3ull

#endif
