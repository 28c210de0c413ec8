/*
 * start.c - what a process of ours makes sure of before it does anything. Runs
 * in the first lines of main.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/lib.h"

#define CANNOT_START 4 /* the jail cannot be built as strong as asked */

/* musl leaves RELRO to a dynamic loader; a static program has none. */
static int protect_relro(struct dl_phdr_info *info, size_t size, void *unused)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, to;
	size_t i;

	(void)size;
	(void)unused;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_GNU_RELRO)
			continue;
		from = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
		to = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(page - 1);
		if (to > from && mprotect((void *)from, to - from, PROT_READ) != 0)
			die(CANNOT_START, "cannot make its own tables read-only: %s", strerror(errno));
	}
	return 1; /* the first is the program itself */
}

/* With 0, 1 or 2 closed, a pipe of ours would become the plugin's by number. What
 * stands in cannot be written to: a result that nobody gets is an error. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd < 3);
	if (fd < 0)
		die(CANNOT_START, "cannot open /dev/null: %s", strerror(errno));
	close(fd);
}

void process_start(void)
{
	dl_iterate_phdr(protect_relro, NULL);
	fill_standard_descriptors();
	umask(022);
}
