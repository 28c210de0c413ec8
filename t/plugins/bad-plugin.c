/*
 * bad-plugin.c - seed 001's malicious plugin: reads /etc/passwd and prints it.
 */
#include <stdio.h>

int main(void)
{
	FILE *f = fopen("/etc/passwd", "r");
	char chunk[4096];
	size_t n;

	if (!f) {
		perror("bad-plugin: /etc/passwd");
		return 1;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		fwrite(chunk, 1, n, stdout);
	return 0;
}
