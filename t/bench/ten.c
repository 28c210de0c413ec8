/*
 * ten.c - the small plugin of the benchmark: ten findings on stdout, or as many
 * as its argument says; "calls N" makes N cheap system calls, "refused N" calls that
 * the jail refuses, "burn N" computes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/syscall.h>

static void emit(long count)
{
	static char block[1 << 16];
	size_t used = 0;

	for (long i = 0; i < count; i++) {
		used += (size_t)snprintf(block + used, sizeof(block) - used,
		    "{\"type\":\"bench.finding\",\"message\":\"finding number %ld of a benchmark\","
		    "\"target\":\"src/file-%ld.c:%ld\",\"evidence\":\"a line of code that is not so good\","
		    "\"severity\":\"low\"}\n", i, i % 100, i % 1000);
		if (used > sizeof(block) - 512 || i == count - 1) {
			for (size_t at = 0; at < used;) {
				ssize_t n = write(1, block + at, used - at);
				if (n <= 0)
					exit(1);
				at += (size_t)n;
			}
			used = 0;
		}
	}
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 10;
	volatile unsigned long sum = 1;

	if (argc > 1 && strcmp(argv[1], "calls") == 0)
		while (count-- > 0)
			syscall(SYS_getuid);
	else if (argc > 1 && strcmp(argv[1], "refused") == 0)
		while (count-- > 0)
			syscall(SYS_chroot, 0);
	else if (argc > 1 && strcmp(argv[1], "burn") == 0)
		while (count-- > 0)
			sum = sum * 6364136223846793005ul + 1;
	else
		emit(argc > 1 ? atol(argv[1]) : 10);
	return 0;
}
