/*
 * report.c - oxg report: what is rendered of stored evidence.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "evidence/evidence.h"

static int write_file(const char *path, const struct buf *b, struct why *why)
{
	int error = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || write_all(fd, b->p, b->n) < 0)
		error = errno;
	if (fd >= 0 && close(fd) < 0 && error == 0)
		error = errno;
	if (error != 0)
		return refuse(why, REFUSE_EVIDENCE, "cannot write the report to %s: %s",
		    path, strerror(error));
	return 0;
}

int cmd_report(int argc, char **argv)
{
	static const char *html;
	static const struct option_spec option[] = {
		{ "html", OPT_TEXT, "FILE", "write the page to FILE, not to stdout", &html },
	};
	static const struct command c = { "report", "[options] RUN",
	    "Render the report of a stored run folder; the plugin is not executed.",
	    option, COUNT(option) };
	struct words_list operands = { .count = 0 };
	struct buf page = { 0 };
	struct why why = { 0 };
	struct arena a = { 0 };
	struct folder f;

	options_read(&c, argc, argv, &operands, NULL);
	if (stored_load(&a, stored_operand(&c, &operands), &f, &why) < 0 ||
	    report_html(&f, &page, &why) < 0)
		return command_fail(&why);
	if (html == NULL)
		return command_print(&page);
	if (write_file(html, &page, &why) < 0)
		return command_fail(&why);
	buf_free(&page);
	arena_free(&a);
	return STATUS_OK;
}
