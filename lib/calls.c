/*
 * calls.c - system calls by number: their names, which of their arguments say
 * something to a reader, and what those set out to do that --audit tells of. Used
 * where a call is caught (jail/ledger.c) and where it is written down
 * (broker/ledger.c). Pointers are left out: what they point to counts, and where that
 * lay is chance.
 */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>

#include "calls.h"
#include "lib/lib.h"

/* By number, so that a shape needs no pointer. */
#define WORDS(X) \
	X(path) X(fd) X(mode) X(dir) X(to) X(to_dir) X(flags) X(device) X(uid) X(gid) \
	X(target) X(length) X(type) X(pid) X(signal) X(tid) X(request) X(option) \
	X(resource) X(which) X(who) X(persona) X(euid) X(egid) X(suid) X(sgid) X(count) \
	X(operation) X(domain) X(protocol) X(address) X(command) X(name)

enum {
#define X(word) WORD_##word,
	WORDS(X)
#undef X
};

#define PATH(n) { WORD_path, n, ARG_PATH }
#define FD(n) { WORD_fd, n, ARG_NUMBER }
#define MODE(n) { WORD_mode, n, ARG_OCTAL }
#define DIR(n) { WORD_dir, n, ARG_DIR }
#define TO(n) { WORD_to, n, ARG_PATH }
#define TO_DIR(n) { WORD_to_dir, n, ARG_DIR }
#define NUMBER(word, n) { word, n, ARG_NUMBER }

/* Newer than some machines' headers. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

static const struct call_shape shapes[] = {
	/* files */
#ifdef SYS_open
	{ SYS_open, { PATH(0), { WORD_flags, 1, ARG_OPEN } } },
	{ SYS_creat, { PATH(0), MODE(1) } },
	{ SYS_mknod, { PATH(0), MODE(1), { WORD_device, 2, ARG_HEX } } },
	{ SYS_chown, { PATH(0), { WORD_uid, 1, ARG_NUMBER }, { WORD_gid, 2, ARG_NUMBER } } },
	{ SYS_lchown, { PATH(0), { WORD_uid, 1, ARG_NUMBER }, { WORD_gid, 2, ARG_NUMBER } } },
	{ SYS_symlink, { { WORD_target, 0, ARG_PATH }, PATH(1) } },
	{ SYS_link, { PATH(0), TO(1) } },
	{ SYS_rename, { PATH(0), TO(1) } },
	{ SYS_unlink, { PATH(0) } },
	{ SYS_rmdir, { PATH(0) } },
	{ SYS_mkdir, { PATH(0), MODE(1) } },
	{ SYS_chmod, { PATH(0), MODE(1) } },
	{ SYS_utime, { PATH(0) } },
	{ SYS_utimes, { PATH(0) } },
#endif
	{ SYS_openat, { DIR(0), PATH(1), { WORD_flags, 2, ARG_OPEN } } },
	{ SYS_openat2, { DIR(0), PATH(1), { WORD_flags, 2, ARG_HOW } } },
	{ SYS_mknodat, { DIR(0), PATH(1), MODE(2), { WORD_device, 3, ARG_HEX } } },
	{ SYS_unlinkat, { DIR(0), PATH(1), { WORD_flags, 2, ARG_HEX } } },
	{ SYS_mkdirat, { DIR(0), PATH(1), MODE(2) } },
#ifdef SYS_renameat
	{ SYS_renameat, { DIR(0), PATH(1), TO_DIR(2), TO(3) } },
#endif
	{ SYS_renameat2, { DIR(0), PATH(1), TO_DIR(2), TO(3), { WORD_flags, 4, ARG_HEX } } },
	{ SYS_fchmod, { FD(0), MODE(1) } },
	{ SYS_fchown, { FD(0), { WORD_uid, 1, ARG_NUMBER }, { WORD_gid, 2, ARG_NUMBER } } },
	{ SYS_fchownat, { PATH(1), { WORD_uid, 2, ARG_NUMBER }, { WORD_gid, 3, ARG_NUMBER } } },
	{ SYS_fchmodat, { DIR(0), PATH(1), MODE(2) } },
	{ SYS_symlinkat, { { WORD_target, 0, ARG_PATH }, DIR(1), PATH(2) } },
	{ SYS_linkat, { DIR(0), PATH(1), TO_DIR(2), TO(3) } },
	{ SYS_utimensat, { PATH(1) } },
	{ SYS_truncate, { PATH(0), { WORD_length, 1, ARG_NUMBER } } },
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
	{ SYS_mount, { PATH(1), { WORD_flags, 3, ARG_HEX } } },
	{ SYS_umount2, { PATH(0), { WORD_flags, 1, ARG_HEX } } },
	{ SYS_pivot_root, { PATH(0) } },
	{ SYS_chroot, { PATH(0) } },
	{ SYS_open_tree, { PATH(1), { WORD_flags, 2, ARG_HEX } } },
	{ SYS_move_mount, { PATH(3) } },
	{ SYS_mount_setattr, { PATH(1) } },
	{ SYS_fsopen, { { WORD_type, 0, ARG_PATH } } },
	{ SYS_swapon, { PATH(0) } },
	{ SYS_swapoff, { PATH(0) } },
	{ SYS_acct, { PATH(0) } },
	{ SYS_quotactl, { PATH(1) } },
	/* programs and processes */
	{ SYS_execve, { PATH(0) } },
	{ SYS_execveat, { DIR(0), PATH(1), { WORD_flags, 4, ARG_HEX } } },
	{ SYS_kill, { NUMBER(WORD_pid, 0), NUMBER(WORD_signal, 1) } },
	{ SYS_tkill, { NUMBER(WORD_tid, 0), NUMBER(WORD_signal, 1) } },
	{ SYS_tgkill, { NUMBER(WORD_pid, 0), NUMBER(WORD_tid, 1), NUMBER(WORD_signal, 2) } },
	{ SYS_rt_sigqueueinfo, { NUMBER(WORD_pid, 0), NUMBER(WORD_signal, 1) } },
	{ SYS_rt_tgsigqueueinfo, { NUMBER(WORD_pid, 0), NUMBER(WORD_tid, 1), NUMBER(WORD_signal, 2) } },
	{ SYS_pidfd_send_signal, { FD(0), NUMBER(WORD_signal, 1) } },
#ifdef __x86_64__
	{ SYS_clone, { { WORD_flags, 0, ARG_CLONE } } },
#endif
	{ SYS_unshare, { { WORD_flags, 0, ARG_CLONE } } },
	{ SYS_setns, { FD(0), { WORD_type, 1, ARG_CLONE } } },
	{ SYS_ptrace, { { WORD_request, 0, ARG_NUMBER }, { WORD_pid, 1, ARG_NUMBER } } },
	{ SYS_process_vm_readv, { { WORD_pid, 0, ARG_NUMBER } } },
	{ SYS_process_vm_writev, { { WORD_pid, 0, ARG_NUMBER } } },
	{ SYS_pidfd_open, { { WORD_pid, 0, ARG_NUMBER } } },
	{ SYS_prctl, { { WORD_option, 0, ARG_NUMBER } } },
	{ SYS_prlimit64, { { WORD_pid, 0, ARG_NUMBER }, { WORD_resource, 1, ARG_NUMBER } } },
	{ SYS_setrlimit, { { WORD_resource, 0, ARG_NUMBER } } },
	{ SYS_setpriority, { { WORD_which, 0, ARG_NUMBER }, { WORD_who, 1, ARG_NUMBER } } },
	{ SYS_personality, { { WORD_persona, 0, ARG_HEX } } },
	{ SYS_setuid, { { WORD_uid, 0, ARG_NUMBER } } },
	{ SYS_setgid, { { WORD_gid, 0, ARG_NUMBER } } },
	{ SYS_setreuid, { { WORD_uid, 0, ARG_NUMBER }, { WORD_euid, 1, ARG_NUMBER } } },
	{ SYS_setregid, { { WORD_gid, 0, ARG_NUMBER }, { WORD_egid, 1, ARG_NUMBER } } },
	{ SYS_setresuid, { { WORD_uid, 0, ARG_NUMBER }, { WORD_euid, 1, ARG_NUMBER }, { WORD_suid, 2, ARG_NUMBER } } },
	{ SYS_setresgid, { { WORD_gid, 0, ARG_NUMBER }, { WORD_egid, 1, ARG_NUMBER }, { WORD_sgid, 2, ARG_NUMBER } } },
	{ SYS_setgroups, { { WORD_count, 0, ARG_NUMBER } } },
	{ SYS_seccomp, { { WORD_operation, 0, ARG_NUMBER } } },
	/* sockets */
	{ SYS_socket, { { WORD_domain, 0, ARG_DOMAIN }, { WORD_type, 1, ARG_TYPE }, { WORD_protocol, 2, ARG_NUMBER } } },
	{ SYS_socketpair, { { WORD_domain, 0, ARG_DOMAIN }, { WORD_type, 1, ARG_TYPE } } },
	{ SYS_connect, { { WORD_address, 1, ARG_ADDRESS } } },
	{ SYS_bind, { { WORD_address, 1, ARG_ADDRESS } } },
	{ SYS_sendto, { { WORD_address, 4, ARG_ADDRESS } } },
	/* the rest */
	{ SYS_ioctl, { FD(0), { WORD_request, 1, ARG_HEX } } },
	{ SYS_bpf, { { WORD_command, 0, ARG_NUMBER } } },
	{ SYS_keyctl, { { WORD_operation, 0, ARG_NUMBER } } },
	{ SYS_add_key, { { WORD_type, 0, ARG_PATH } } },
	{ SYS_request_key, { { WORD_type, 0, ARG_PATH } } },
	{ SYS_reboot, { { WORD_command, 2, ARG_HEX } } },
	{ SYS_syslog, { { WORD_type, 0, ARG_NUMBER } } },
	{ SYS_memfd_create, { { WORD_name, 0, ARG_PATH } } },
};

const char *call_name(int nr)
{
	const char *name = call_names;

	if (nr < 0 || nr >= CALL_NAMES)
		return NULL;
	while (nr-- > 0)
		name += strlen(name) + 1;
	return *name ? name : NULL;
}

const char *call_word(unsigned word)
{
	static const char *const text[] = {
#define X(word) #word,
		WORDS(X)
#undef X
	};

	return text[word];
}

const struct call_shape *call_shape(int nr)
{
	size_t i;

	for (i = 0; i < COUNT(shapes); i++)
		if (shapes[i].nr == nr)
			return &shapes[i];
	return NULL;
}

/* ---- what --audit tells of ----------------------------------------------------------- */

#define NO_FLAGS (-1)

/* Opening and cloning are what their flags say. What goes through a descriptor that
 * was opened (read, write, ftruncate) was told when it was opened. */
static const struct {
	int nr;
	enum call_deed deed;
	int flags;
} told[] = {
#ifdef SYS_open
	{ SYS_open, DEED_READ, 1 },
	{ SYS_creat, DEED_WRITE, NO_FLAGS },
	{ SYS_unlink, DEED_WRITE, NO_FLAGS },
	{ SYS_rmdir, DEED_WRITE, NO_FLAGS },
	{ SYS_rename, DEED_WRITE, NO_FLAGS },
	{ SYS_mkdir, DEED_WRITE, NO_FLAGS },
	{ SYS_mknod, DEED_WRITE, NO_FLAGS },
	{ SYS_link, DEED_WRITE, NO_FLAGS },
	{ SYS_symlink, DEED_WRITE, NO_FLAGS },
	{ SYS_chmod, DEED_WRITE, NO_FLAGS },
	{ SYS_fork, DEED_FORK, NO_FLAGS },
	{ SYS_vfork, DEED_FORK, NO_FLAGS },
#endif
#ifdef SYS_renameat
	{ SYS_renameat, DEED_WRITE, NO_FLAGS },
#endif
	{ SYS_openat, DEED_READ, 2 },
	{ SYS_openat2, DEED_READ, 2 },
	{ SYS_unlinkat, DEED_WRITE, NO_FLAGS },
	{ SYS_renameat2, DEED_WRITE, NO_FLAGS },
	{ SYS_mkdirat, DEED_WRITE, NO_FLAGS },
	{ SYS_mknodat, DEED_WRITE, NO_FLAGS },
	{ SYS_linkat, DEED_WRITE, NO_FLAGS },
	{ SYS_symlinkat, DEED_WRITE, NO_FLAGS },
	{ SYS_fchmod, DEED_WRITE, NO_FLAGS },
	{ SYS_fchmodat, DEED_WRITE, NO_FLAGS },
	{ SYS_truncate, DEED_WRITE, NO_FLAGS },
	{ SYS_execve, DEED_SPAWN, NO_FLAGS },
	{ SYS_execveat, DEED_SPAWN, NO_FLAGS },
	{ SYS_clone, DEED_FORK, 0 },
	{ SYS_kill, DEED_SIGNAL, NO_FLAGS },
	{ SYS_tkill, DEED_SIGNAL, NO_FLAGS },
	{ SYS_tgkill, DEED_SIGNAL, NO_FLAGS },
	{ SYS_rt_sigqueueinfo, DEED_SIGNAL, NO_FLAGS },
	{ SYS_rt_tgsigqueueinfo, DEED_SIGNAL, NO_FLAGS },
	{ SYS_pidfd_send_signal, DEED_SIGNAL, NO_FLAGS },
};

int call_told(size_t i)
{
	return i < COUNT(told) ? told[i].nr : -1;
}

/* O_PATH leaves nothing of what else is asked. The access mode is the kernel's two
 * bits: musl's O_ACCMODE has O_PATH in it. Flags that cannot be read: rather the
 * stronger word. */
static bool asks_to_write(uint64_t flags)
{
	if (flags != CALL_HOW_UNREADABLE && (flags & O_PATH))
		return false;
	return (flags & 3) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
}

enum call_deed call_deed(int nr, const uint64_t arg[6])
{
	size_t i = 0;

	while (i < COUNT(told) && told[i].nr != nr)
		i++;
	if (i == COUNT(told))
		return DEED_NONE;
	if (told[i].deed == DEED_READ && asks_to_write(arg[told[i].flags]))
		return DEED_WRITE;
	if (nr == SYS_clone && (arg[told[i].flags] & CLONE_THREAD))
		return DEED_THREAD;
	return told[i].deed;
}

const char *deed_type(enum call_deed deed)
{
	static const char *const word[DEED_COUNT] = {
#define X(name, type, action) [DEED_##name] = type,
		CALL_DEEDS(X)
#undef X
	};

	return deed > DEED_NONE && deed < DEED_COUNT ? word[deed] : "";
}

const char *deed_action(enum call_deed deed)
{
	static const char *const word[DEED_COUNT] = {
#define X(name, type, action) [DEED_##name] = action,
		CALL_DEEDS(X)
#undef X
	};

	return deed > DEED_NONE && deed < DEED_COUNT ? word[deed] : "";
}
