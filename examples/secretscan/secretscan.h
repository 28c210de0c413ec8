/* secretscan.h - what its three files give each other. */
#ifndef SECRETSCAN_H
#define SECRETSCAN_H

#include <stdbool.h>
#include <stddef.h>

struct place {
	const char *path;   /* below the input */
	unsigned long line;
	bool binary;        /* holds a NUL: no text that somebody wrote */
	bool settings;      /* its name says so: values stand there without quotes */
};

struct line {
	const unsigned char *p;
	size_t n;
};

struct count {
	unsigned long files, bytes, findings, skipped, lost;
};
extern struct count count;

struct text {
	char p[16384];
	size_t n;
};

/* ---- report.c: to the broker, or without one to stdout --------------------------- */
void report_start(void);
void report(const struct place *at, const char *type, const char *severity,
    const char *message, struct line secret);
void report_skipped(const char *first);
/* Called often: a long scan must not outlive its token. */
void renew(void);
/* A JSON string. File names are any bytes: what is no UTF-8 becomes U+FFFD. */
void put_string(struct text *t, const char *s);

/* ---- secrets.c: reports what it finds in one line; rest begins with the line -------- */
void look(const struct place *at, struct line l, struct line rest);

#endif
