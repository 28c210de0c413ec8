/*
 * calls.c - system calls by number: their names, and which of their arguments say
 * something to a reader. Used where a refused call is caught (jail/ledger.c) and
 * where it is written down (broker/ledger.c). Pointers are left out: what they
 * point to counts, and where that lay is chance.
 */
#include <sys/syscall.h>

#include "calls.h"
#include "lib/lib.h"

#define PATH(n) { "path", n, ARG_PATH }
#define FD(n) { "fd", n, ARG_NUMBER }
#define MODE(n) { "mode", n, ARG_OCTAL }

static const struct call_shape shapes[] = {
	/* files */
#ifdef SYS_open
	{ SYS_open, { PATH(0), { "flags", 1, ARG_OPEN } } },
	{ SYS_creat, { PATH(0), MODE(1) } },
	{ SYS_mknod, { PATH(0), MODE(1), { "device", 2, ARG_HEX } } },
	{ SYS_chown, { PATH(0), { "uid", 1, ARG_NUMBER }, { "gid", 2, ARG_NUMBER } } },
	{ SYS_lchown, { PATH(0), { "uid", 1, ARG_NUMBER }, { "gid", 2, ARG_NUMBER } } },
	{ SYS_symlink, { PATH(1) } },
	{ SYS_link, { PATH(1) } },
	{ SYS_utime, { PATH(0) } },
	{ SYS_utimes, { PATH(0) } },
#endif
	{ SYS_openat, { PATH(1), { "flags", 2, ARG_OPEN } } },
	{ SYS_openat2, { PATH(1) } },
	{ SYS_mknodat, { PATH(1), MODE(2), { "device", 3, ARG_HEX } } },
	{ SYS_fchown, { FD(0), { "uid", 1, ARG_NUMBER }, { "gid", 2, ARG_NUMBER } } },
	{ SYS_fchownat, { PATH(1), { "uid", 2, ARG_NUMBER }, { "gid", 3, ARG_NUMBER } } },
	{ SYS_fchmodat, { PATH(1), MODE(2) } },
	{ SYS_symlinkat, { PATH(2) } },
	{ SYS_linkat, { PATH(3) } },
	{ SYS_utimensat, { PATH(1) } },
	{ SYS_truncate, { PATH(0), { "length", 1, ARG_NUMBER } } },
	{ SYS_statfs, { PATH(0) } },
	{ SYS_statx, { PATH(1) } },
	{ SYS_setxattr, { PATH(0) } },
	{ SYS_lsetxattr, { PATH(0) } },
	{ SYS_getxattr, { PATH(0) } },
	{ SYS_lgetxattr, { PATH(0) } },
	{ SYS_listxattr, { PATH(0) } },
	{ SYS_llistxattr, { PATH(0) } },
	{ SYS_inotify_add_watch, { PATH(1) } },
	{ SYS_name_to_handle_at, { PATH(1) } },
	{ SYS_fanotify_mark, { PATH(4) } },
	/* mounts and roots */
	{ SYS_mount, { PATH(1), { "flags", 3, ARG_HEX } } },
	{ SYS_umount2, { PATH(0), { "flags", 1, ARG_HEX } } },
	{ SYS_pivot_root, { PATH(0) } },
	{ SYS_chroot, { PATH(0) } },
	{ SYS_open_tree, { PATH(1), { "flags", 2, ARG_HEX } } },
	{ SYS_move_mount, { PATH(3) } },
	{ SYS_mount_setattr, { PATH(1) } },
	{ SYS_fsopen, { { "type", 0, ARG_PATH } } },
	{ SYS_swapon, { PATH(0) } },
	{ SYS_swapoff, { PATH(0) } },
	{ SYS_acct, { PATH(0) } },
	{ SYS_quotactl, { PATH(1) } },
	/* programs and processes */
	{ SYS_execve, { PATH(0) } },
	{ SYS_execveat, { PATH(1), { "flags", 4, ARG_HEX } } },
#ifdef __x86_64__
	{ SYS_clone, { { "flags", 0, ARG_CLONE } } },
#endif
	{ SYS_unshare, { { "flags", 0, ARG_CLONE } } },
	{ SYS_setns, { FD(0), { "type", 1, ARG_CLONE } } },
	{ SYS_ptrace, { { "request", 0, ARG_NUMBER }, { "pid", 1, ARG_NUMBER } } },
	{ SYS_process_vm_readv, { { "pid", 0, ARG_NUMBER } } },
	{ SYS_process_vm_writev, { { "pid", 0, ARG_NUMBER } } },
	{ SYS_pidfd_open, { { "pid", 0, ARG_NUMBER } } },
	{ SYS_prctl, { { "option", 0, ARG_NUMBER } } },
	{ SYS_prlimit64, { { "pid", 0, ARG_NUMBER }, { "resource", 1, ARG_NUMBER } } },
	{ SYS_setrlimit, { { "resource", 0, ARG_NUMBER } } },
	{ SYS_setpriority, { { "which", 0, ARG_NUMBER }, { "who", 1, ARG_NUMBER } } },
	{ SYS_personality, { { "persona", 0, ARG_HEX } } },
	{ SYS_setuid, { { "uid", 0, ARG_NUMBER } } },
	{ SYS_setgid, { { "gid", 0, ARG_NUMBER } } },
	{ SYS_setreuid, { { "uid", 0, ARG_NUMBER }, { "euid", 1, ARG_NUMBER } } },
	{ SYS_setregid, { { "gid", 0, ARG_NUMBER }, { "egid", 1, ARG_NUMBER } } },
	{ SYS_setresuid, { { "uid", 0, ARG_NUMBER }, { "euid", 1, ARG_NUMBER }, { "suid", 2, ARG_NUMBER } } },
	{ SYS_setresgid, { { "gid", 0, ARG_NUMBER }, { "egid", 1, ARG_NUMBER }, { "sgid", 2, ARG_NUMBER } } },
	{ SYS_setgroups, { { "count", 0, ARG_NUMBER } } },
	{ SYS_seccomp, { { "operation", 0, ARG_NUMBER } } },
	/* sockets */
	{ SYS_socket, { { "domain", 0, ARG_DOMAIN }, { "type", 1, ARG_TYPE }, { "protocol", 2, ARG_NUMBER } } },
	{ SYS_socketpair, { { "domain", 0, ARG_DOMAIN }, { "type", 1, ARG_TYPE } } },
	{ SYS_connect, { { "address", 1, ARG_ADDRESS } } },
	{ SYS_bind, { { "address", 1, ARG_ADDRESS } } },
	{ SYS_sendto, { { "address", 4, ARG_ADDRESS } } },
	/* the rest */
	{ SYS_ioctl, { FD(0), { "request", 1, ARG_HEX } } },
	{ SYS_bpf, { { "command", 0, ARG_NUMBER } } },
	{ SYS_keyctl, { { "operation", 0, ARG_NUMBER } } },
	{ SYS_add_key, { { "type", 0, ARG_PATH } } },
	{ SYS_request_key, { { "type", 0, ARG_PATH } } },
	{ SYS_reboot, { { "command", 2, ARG_HEX } } },
	{ SYS_syslog, { { "type", 0, ARG_NUMBER } } },
	{ SYS_memfd_create, { { "name", 0, ARG_PATH } } },
};

const char *call_name(int nr)
{
	return nr >= 0 && (size_t)nr < COUNT(call_names) ? call_names[nr] : NULL;
}

const struct call_shape *call_shape(int nr)
{
	size_t i;

	for (i = 0; i < COUNT(shapes); i++)
		if (shapes[i].nr == nr)
			return &shapes[i];
	return NULL;
}
