/*
 * options.c - the one reader of --x V and --x=V. What it does not know it
 * refuses. Runs in the command's first process, before anything else is done.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

#define HELP_COLUMN 28 /* where an option's help begins */
#define OPTIONS_MAX 64 /* of one command */

/* A command line being read. */
struct reading {
	const struct command *c;
	bool seen[OPTIONS_MAX];
};

static void help_option(struct buf *b, const char *name, const char *value, const char *help)
{
	size_t start = b->n;

	buf_printf(b, "  --%s", name);
	if (value)
		buf_printf(b, " %s", value);
	if (b->n - start + 2 > HELP_COLUMN) {
		buf_byte(b, '\n');
		start = b->n;
	}
	while (b->n - start < HELP_COLUMN)
		buf_byte(b, ' ');
	buf_printf(b, "%s\n", help);
}

static _Noreturn void help(const struct command *c)
{
	struct buf b = { 0 };

	buf_printf(&b, "usage: oxg %s%s%s\n%s\n\n", c->name, *c->synopsis ? " " : "",
	    c->synopsis, c->about);
	for (size_t i = 0; i < c->options; i++)
		help_option(&b, c->option[i].name, c->option[i].value, c->option[i].help);
	help_option(&b, "help", NULL, "print this and exit");
	exit(command_print(&b));
}

/* How many letters both begin with. */
static size_t same_start(struct bytes word, const char *name)
{
	size_t n = 0;

	while (n < word.n && name[n] && word.p[n] == (unsigned char)name[n])
		n++;
	return n;
}

static _Noreturn void die_unknown(const struct command *c, struct bytes word)
{
	const char *near = NULL;
	size_t best = 2; /* fewer letters in common are no hint */

	for (size_t i = 0; i < c->options; i++) {
		size_t n = same_start(word, c->option[i].name);

		if (n > best) {
			best = n;
			near = c->option[i].name;
		}
	}
	if (near)
		die(STATUS_USAGE, "%s has no option --%.*s; is --%s meant? "
		    "(\"oxg %s --help\" lists them)", c->name, (int)word.n,
		    (const char *)word.p, near, c->name);
	die(STATUS_USAGE, "%s has no option --%.*s; \"oxg %s --help\" lists them",
	    c->name, (int)word.n, (const char *)word.p, c->name);
}

static const struct option_spec *find(const struct command *c, struct bytes word)
{
	for (size_t i = 0; i < c->options; i++)
		if (bytes_are(word, c->option[i].name))
			return &c->option[i];
	die_unknown(c, word);
}

static void add_word(struct words_list *list, const char *word, const char *what)
{
	if (list->count == COUNT(list->word))
		die(STATUS_USAGE, "more than %zu %s; give fewer", COUNT(list->word), what);
	list->word[list->count++] = word;
}

static void add_operand(const struct command *c, struct words_list *list, const char *word)
{
	if (!*word)
		die(STATUS_USAGE, "an empty word names nothing; type: oxg %s %s", c->name,
		    c->synopsis);
	add_word(list, word, "operands");
}

static void store(struct reading *r, const struct option_spec *o, const char *value)
{
	bool *seen = &r->seen[o - r->c->option];

	if (o->kind != OPT_FLAG && !*value)
		die(STATUS_USAGE, "--%s is empty; give %s, or leave --%s out", o->name,
		    o->value, o->name);
	if (o->kind == OPT_TEXT && *seen)
		die(STATUS_USAGE, "--%s is given twice; \"oxg %s\" takes one",
		    o->name, r->c->name);
	*seen = true;
	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)o->into = true;
		return;
	case OPT_TEXT:
		*(const char **)o->into = value;
		return;
	case OPT_LIST:
		add_word(o->into, value, o->name);
		return;
	}
}

/* word is "--name" or "--name=value", next what follows it; true: next was taken. */
static bool take_option(struct reading *r, const char *word, const char *next)
{
	size_t n = strcspn(word + 2, "=");
	const char *value = word[2 + n] == '=' ? word + 3 + n : NULL;
	struct bytes name = { (const unsigned char *)word + 2, n };
	const struct option_spec *o;

	if (bytes_are(name, "help"))
		help(r->c);
	o = find(r->c, name);
	if (o->kind == OPT_FLAG && value)
		die(STATUS_USAGE, "--%s takes no value; leave \"=%s\" out", o->name, value);
	if (o->kind == OPT_FLAG || value) {
		store(r, o, value);
		return false;
	}
	if (!next || strncmp(next, "--", 2) == 0)
		die(STATUS_USAGE, "--%s needs a value: --%s %s (--%s=%s if it begins "
		    "with dashes)", o->name, o->name, o->value, o->name, o->value);
	store(r, o, next);
	return true;
}

void options_read(const struct command *c, int argc, char **argv,
    struct words_list *operands, struct words_list *rest)
{
	struct reading r = { .c = c };
	int i = 1;

	if (c->options > OPTIONS_MAX)
		die(STATUS_USAGE, "%s has more options than can be read", c->name);
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *word = argv[i];

		if (strncmp(word, "--", 2) == 0)
			i += take_option(&r, word, argv[i + 1]);
		else if (strcmp(word, "-h") == 0)
			help(c);
		else if (word[0] == '-' && word[1])
			die(STATUS_USAGE, "%s has no option %s; \"oxg %s --help\" lists "
			    "them (./%s if a file is meant)", c->name, word, c->name, word);
		else
			add_operand(c, operands, word);
	}
	for (i++; i < argc; i++) {
		if (rest) /* not ours: passed on as they are */
			add_word(rest, argv[i], "arguments behind \"--\"");
		else
			add_operand(c, operands, argv[i]);
	}
}

bool option_time(const char *word, int64_t *out)
{
	if (word != NULL && !time_parse(bytes_of(word), out))
		die(STATUS_USAGE, "--verify-time %s: give a time like 2026-11-21T00:00:00Z", word);
	return word != NULL;
}
