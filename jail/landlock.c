/*
 * landlock.c - what this kernel's Landlock knows. Runs in the supervisor, while
 * the jail is planned.
 */
#include <errno.h>
#include <unistd.h>

#include "jail/jail.h"
#include "jail/kernel.h"

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);

	return abi < 0 ? 0 : (int)abi;
}

uint64_t landlock_all(int abi)
{
	uint64_t rights = (LL_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		rights |= LL_REFER;
	if (abi >= 3)
		rights |= LL_TRUNCATE;
	if (abi >= 5)
		rights |= LL_IOCTL_DEV;
	return rights;
}

uint64_t landlock_read(void)
{
	return LL_READ_FILE | LL_READ_DIR;
}

uint64_t landlock_execute(void)
{
	return LL_READ_FILE | LL_READ_DIR | LL_EXECUTE;
}

uint64_t landlock_write(int abi)
{
	return landlock_all(abi) & ~(LL_EXECUTE | LL_MAKE_CHAR | LL_MAKE_BLOCK | LL_IOCTL_DEV);
}

uint64_t landlock_device(void)
{
	return LL_READ_FILE | LL_WRITE_FILE;
}
