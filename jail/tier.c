/*
 * tier.c - how strong a jail this machine gives this user. Runs in the supervisor,
 * before the jail is planned.
 *
 * What a kernel, a container or a security module allows is not asked but tried,
 * in a child that is gone at once. A weaker tier is a choice of the operator's:
 * where only namespaces are accepted nothing is tried, the run itself will tell.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "jail/jail.h"
#include "jail/kernel.h"

/* What it takes to build for another user, enter the root and end that user. */
#define ROOT_NEEDS (CAP_BIT_CHOWN | CAP_BIT_DAC_OVERRIDE | CAP_BIT_FOWNER | CAP_BIT_KILL | \
	CAP_BIT_SETGID | CAP_BIT_SETUID | CAP_BIT_SETPCAP)

#define HOST_UID_BASE 0x60000000u /* above what hosts and containers hand out */

const char *tier_word(enum tier t)
{
	static const char *const word[] = {
#define X(name, word) [TIER_##name] = word,
		TIERS(X)
#undef X
	};

	return word[t];
}

enum tier tier_of(const char *word)
{
	enum tier t;

	for (t = TIER_NAMESPACES; t < TIER_COUNT; t++)
		if (strcmp(word, tier_word(t)) == 0)
			return t;
	return TIER_NAMESPACES;
}

/* ---- what is there ----------------------------------------------------------------- */

static bool has_capabilities(uint32_t wanted)
{
	struct kernel_cap_header header = { .version = CAPABILITY_VERSION_3 };
	struct kernel_cap_data set[2];

	return syscall(SYS_capget, &header, set) == 0 && (set[0].effective & wanted) == wanted;
}

bool tier_is_mapped(unsigned uid)
{
	FILE *maps = fopen("/proc/self/uid_map", "re");
	struct bytes field[3]; /* inside, outside, how many */
	char line[128];
	bool found = false;

	if (maps == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), maps) != NULL)
		found = fields_split(line, field, 3) == 3 && uid >= field_number(field[0]) &&
		    uid - field_number(field[0]) < field_number(field[2]);
	fclose(maps);
	return found;
}

unsigned jail_own_uid(void)
{
	static unsigned mixed;

	/* A process number is nobody else's here; in another container on this kernel it
	 * may be, whose processes we cannot signal but would be counted with. */
	if (mixed == 0) {
		random_bytes(&mixed, sizeof(mixed));
		mixed = (mixed & 0x03c00000u) | 1u << 31;
	}
	return HOST_UID_BASE + (mixed & 0x03c00000u) + ((unsigned)getpid() & 0x003fffffu);
}

bool tier_may_change_user(unsigned uid)
{
	return geteuid() == 0 && has_capabilities(ROOT_NEEDS) && tier_is_mapped(uid) &&
	    tier_is_mapped(uid + ENDER_UID_AWAY);
}

static int wait_for(pid_t pid)
{
	int status = 1;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return 1;
	return status;
}

/* In the child: a mount must be nobody's but its own, or it is not made. */
static _Noreturn void try_mount(const char host[64])
{
	char own[64] = "";

	if (readlink("/proc/self/ns/mnt", own, sizeof(own) - 1) <= 0 || strcmp(own, host) == 0)
		leave(1);
	leave(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=4k") != 0);
}

/* All of them at once, and a mount in there: AppArmor may allow the one and not
 * the other. A filter around us may say 0 and have made nobody. */
static _Noreturn void try_namespaces(void)
{
	struct kernel_clone_args args = { .flags = JAIL_NAMESPACES, .exit_signal = SIGCHLD };
	char host[64] = "";
	pid_t pid;

	if (readlink("/proc/self/ns/mnt", host, sizeof(host) - 1) <= 0)
		leave(1);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0 && syscall(SYS_getpid) == 1)
		try_mount(host);
	leave(pid <= 0 || wait_for(pid) != 0);
}

/* In a child: asking alone may be deadly, under some filter around us. */
static bool can_namespaces(void)
{
	long own = syscall(SYS_getpid), pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0 && syscall(SYS_getpid) != own)
		try_namespaces();
	return pid > 0 && wait_for((pid_t)pid) == 0;
}

/* Until the other side has seen enough. */
static _Noreturn void be_looked_into(const int hold[2], unsigned uid, unsigned gid)
{
	char byte = 0;

	close(hold[1]);
	if ((geteuid() == uid || (syscall(SYS_setresgid, gid, gid, gid) == 0 &&
	    syscall(SYS_setresuid, uid, uid, uid) == 0)) && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 &&
	    wire_send(hold[0], &byte, 1) == 0)
		(void)wire_receive(hold[0], &byte, 1);
	leave(0);
}

bool tier_may_look_into(unsigned uid, unsigned gid)
{
	int hold[2], fd = -1;
	long pid, own;
	char byte = 0;

	if (wire_pair(hold) != 0)
		return false;
	own = syscall(SYS_getpid);
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0 && syscall(SYS_getpid) == own)
		return false; /* nobody was made */
	if (pid == 0)
		be_looked_into(hold, uid, gid);
	close(hold[0]);
	if (pid > 0 && wire_receive(hold[1], &byte, 1) == 1)
		fd = descriptor_of((pid_t)pid, hold[0]);
	if (fd >= 0)
		close(fd);
	close(hold[1]);
	if (pid > 0)
		(void)wait_for((pid_t)pid);
	return fd >= 0;
}

/* ---- the choice ------------------------------------------------------------------------ */

static bool can_have(enum tier t)
{
	switch (t) {
	case TIER_NAMESPACES:
		return can_namespaces();
	case TIER_CHROOT:
		return has_capabilities(CAP_BIT_SYS_CHROOT) && tier_may_change_user(jail_own_uid());
	case TIER_LANDLOCK:
		return landlock_abi() > 0;
	case TIER_COUNT:
		break;
	}
	return false;
}

int tier_choose(enum tier weakest, enum tier *out, struct why *why)
{
	*out = TIER_NAMESPACES;
	if (weakest == TIER_NAMESPACES)
		return 0;
	for (; *out <= weakest; ++*out)
		if (can_have(*out))
			return 0;
	return refuse(why, REFUSE_JAIL, "no jail of tier %s or better can be had here: "
	    "oxg doctor says what is missing", tier_word(weakest));
}
