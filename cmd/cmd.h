/*
 * cmd.h - the other commands. Each takes its own argv (argv[0] is the verb),
 * prints people's text on stderr and results on stdout, and returns the exit status.
 */
#ifndef OXG_CMD_H
#define OXG_CMD_H

#include "oxg.h"

/* ---- options.c: the one reader of --x V and --x=V ------------------------------- */
enum option_kind { OPT_FLAG, OPT_TEXT, OPT_LIST };

struct option_spec {
	const char *name;     /* without the dashes */
	enum option_kind kind;
	const char *value;    /* "DIR", for --help; NULL for a flag */
	const char *help;     /* one line */
	void *into;           /* bool *, const char **, struct words_list * */
};

struct words_list {
	const char *word[64];
	size_t count;
};

struct command {
	const char *name;     /* "run" */
	const char *synopsis; /* "[options] PLUGIN [-- ARG...]" */
	const char *about;    /* one line */
	const struct option_spec *option;
	size_t options;
};

/*
 * Reads options up to the end, operands into *operands, what stands behind "--"
 * into *rest (NULL: "--" only ends the options). --help prints the help on stdout
 * and exits 0. A wrong word dies with status 2 and says what to type.
 */
void options_read(const struct command *c, int argc, char **argv,
    struct words_list *operands, struct words_list *rest);

int cmd_verify(int argc, char **argv);  /* cmd/inspect.c */
int cmd_inspect(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_caps(int argc, char **argv);
int cmd_keygen(int argc, char **argv);  /* cmd/keytool.c */
int cmd_sign(int argc, char **argv);
int cmd_allow(int argc, char **argv);
int cmd_check(int argc, char **argv);   /* cmd/evidence.c */
int cmd_report(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_version(int argc, char **argv); /* oxg.c */
int broker_client(int argc, char **argv); /* jail/client.c: "oxg broker" */

#endif
