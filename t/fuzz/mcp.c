/*
 * mcp.c (fuzzer) - any arguments of any tool: a command line comes of them whose options
 * are the operator's or lower a limit, whose places are called as tools/list says, and
 * which has the plugin's words behind "--" alone; or one sentence.
 *
 * The first byte chooses the tool, the rest is the arguments.
 */
#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/words.c"
#define fail json_fail
#define read_number json_read_number
#define read_word json_read_word
#include "lib/flat.c"
#include "lib/json.c"
#undef read_word
#undef read_number
#undef fail
#define member json_member_name
#include "lib/jsonout.c"
#undef member

#include <errno.h>
#include <fcntl.h>
#include <regex.h>

/* Every name is there, and none is part of a plugin. */
static int there(int dir, const char *path, int flags, mode_t mode)
{
	(void)dir, (void)flags, (void)mode;
	errno = ENOENT;
	return strstr(path, "manifest.json") != NULL ? -1 : open("/", O_PATH | O_CLOEXEC);
}

#include "cmd/mcpwords.c"
#define open_beneath there
#include "cmd/mcptools.c"
#undef open_beneath

/* The operator's side, which has said all before. */
void options_read(const struct command *c, int argc, char **argv, struct words_list *operands,
    struct words_list *rest)
{
	(void)c, (void)argc, (void)argv, (void)operands, (void)rest;
}

void run_words_read(int argc, char **argv, struct run_words *out)
{
	(void)argc, (void)argv, (void)out;
}

int trust_root_open(struct arena *a, const char *option, struct trust_root *out, struct why *why)
{
	(void)a, (void)option, (void)out;
	return refuse(why, REFUSE_TRUST_ROOT, "none");
}

int policy_load(struct arena *a, const char *file, const char *profile, const struct trust_root *root,
    struct policy *out, struct why *why)
{
	(void)a, (void)file, (void)profile, (void)root, (void)out;
	return refuse(why, REFUSE_POLICY, "none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

static bool matches(const char *text, const char *pattern)
{
	regex_t r;
	bool yes;

	CLAIM(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB) == 0);
	yes = regexec(&r, text, 0, NULL, 0) == 0;
	regfree(&r);
	return yes;
}

static void claim_words(const struct mcp_call *c)
{
	static const char word[] = "^(--(json|md|sarif)|-|run|verify|inspect|check|report|gate|diff|replay|policy|caps|schema|doctor|version"
	    "|--trust=T|--allow-unsigned|--grant=CAP_STORAGE|--policy=/p|/p|--task=/proc/self/fd/3|/proc/self/fd/3"
	    "|--run-id=[0-7][0-9A-HJKMNP-TV-Z]{25}|--out=O/[0-7][0-9A-HJKMNP-TV-Z]{25}"
	    "|--(timeout|cpu-limit)=[1-9][0-9]{0,5}(ms|s|m|h)|--memory=[1-9][0-9]{0,8}[KMG]?|--fail-on=(info|low|med|high|crit)"
	    "|[a-z][a-z_.]*|O/[A-Za-z0-9_][A-Za-z0-9_.+@-]*|P(/[A-Za-z0-9_][A-Za-z0-9_.+@-]*)+)$";
	size_t i = 1;

	CLAIM(strcmp(c->argv[0], "oxg") == 0 && c->argv[c->argc] == NULL);
	for (; i < c->argc && strcmp(c->argv[i], "--") != 0; i++)
		CLAIM(matches(c->argv[i], word));
	CLAIM(i == c->argc || strcmp(c->argv[1], "run") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mcp_words w = { .plugins = "P", .out = "O", .list[0] = { { "CAP_STORAGE" }, 1 } };
	static struct mcp_call c;
	struct why why = { .code = REFUSAL_NONE };
	struct arena a = { 0 };
	char error[200];
	struct json j;

	for (size_t i = 0; i < COUNT(given); i++) {
		w.text[i] = strcmp(given[i].name, "trust") == 0 ? "T" : strcmp(given[i].name, "policy") == 0 ? "/p" :
		    strcmp(given[i].name, "memory") == 0 ? "64M" : NULL;
		w.flag[i] = strcmp(given[i].name, "allow-unsigned") == 0;
	}
	if (size > 0 && json_parse(&a, (struct bytes){ data + 1, size - 1 }, &j, error) == 0 && json_kind(&j, 0) == JSON_OBJECT) {
		if (mcp_call_make(&a, &w, &tools[data[0] % COUNT(tools)], &j, 0, &c, &why) == 0) {
			CLAIM(why.code == REFUSAL_NONE);
			claim_words(&c);
			if (c.task >= 0)
				close(c.task);
		} else {
			CLAIM(why.code != REFUSAL_NONE && *why.text && c.task < 0);
		}
	}
	arena_free(&a);
	return 0;
}
