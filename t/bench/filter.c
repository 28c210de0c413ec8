/* filter.c - our static profile as bubblewrap takes one: raw, on stdout. */
#include <linux/filter.h>
#include <stdio.h>

#include "profile.h"

int main(void)
{
	(void)runtime_code, (void)chroot_code, (void)landlock_code, (void)landlock_old_code;
	return fwrite(static_code, sizeof(static_code), 1, stdout) == 1 ? 0 : 1;
}
