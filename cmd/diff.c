/*
 * diff.c - oxg diff: two run folders, side by side. evidence/diff.c compares; here it
 * is told.
 */
#include "cmd/cmd.h"
#include "evidence/evidence.h"

#define SCHEMA_VERSION 1


static void side_write(struct arena *a, struct json_out *o, const char *name, const struct folder *f)
{
	unsigned char digest[SHA256_SIZE];
	char error[200];
	struct json j;

	sha256(folder_get(f, "SHA256SUMS"), digest);
	json_name(o, name);
	json_open(o, '{');
	json_member(o, "folder", f->path);
	if (json_parse(a, folder_get(f, "run.json"), &j, error) == 0)
		json_member_bytes(o, "run_id", json_string(a, &j, json_get(&j, 0, "run_id")));
	json_member_hex(o, "sha256sums", digest, sizeof(digest));
	json_close(o, '}');
}

void diff_document(struct arena *a, const struct folder *left, const struct folder *right,
    const struct diff *d, const char *result, struct buf *out)
{
	struct json_out o = json_start(out, true);

	json_open(&o, '{');
	json_member_number(&o, "schema_version", SCHEMA_VERSION);
	json_member(&o, "result", result);
	json_member_bool(&o, "exact", d->exact);
	side_write(a, &o, "left", left);
	side_write(a, &o, "right", right);
	diff_write(&o, d);
	json_close(&o, '}');
	json_end(&o);
}

int cmd_diff(int argc, char **argv)
{
	static bool json;
	static const struct option_spec option[] = {
		{ "json", OPT_FLAG, NULL, "print one JSON object on stdout", &json },
	};
	static const struct command c = { "diff", "[options] RUN RUN",
	    "Compare two run folders: findings added, gone, changed; what else is not the same.",
	    option, COUNT(option) };
	static struct diff d;
	struct words_list operands = { .count = 0 };
	struct folder side[2];
	struct buf out = { 0 };
	struct why why = { 0 };
	struct arena a = { 0 };
	bool same;
	int status;

	options_read(&c, argc, argv, &operands, NULL);
	if (operands.count != 2)
		die(STATUS_USAGE, "diff takes two run folders; type: oxg diff RUN RUN");
	for (size_t i = 0; i < COUNT(side); i++)
		if (stored_load_sealed(&a, operands.word[i], &side[i], &why) < 0)
			return command_fail(&why);
	if (folder_diff(&a, &side[0], &side[1], false, &d, &why) < 0)
		return command_fail(&why);
	same = d.findings == 0 && d.items[DIFF_RESULT] + d.items[DIFF_CONDITION] + d.items[DIFF_AROUND] == 0;
	if (json)
		diff_document(&a, &side[0], &side[1], &d, same ? "same" : "different", &out);
	else
		diff_say(&out, &d);
	status = command_print(&out);
	buf_free(&out);
	arena_free(&a);
	return status != STATUS_OK ? status : same ? STATUS_OK : STATUS_BLOCK;
}
