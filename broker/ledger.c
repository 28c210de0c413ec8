/*
 * ledger.c - ledger.jsonl: one line for each refused system call; audit.jsonl: for
 * each allowed one that --audit tells of. The watch hands on what the kernel said; the
 * text in it is the plugin's, and is looked at here alone. Runs in the broker.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "broker/broker.h"

struct flag {
	uint64_t bit;
	const char *name;
};

static const struct flag open_flags[] = {
	{ O_CREAT, "O_CREAT" }, { O_EXCL, "O_EXCL" }, { O_TRUNC, "O_TRUNC" },
	{ O_APPEND, "O_APPEND" }, { O_NONBLOCK, "O_NONBLOCK" }, { O_DIRECTORY, "O_DIRECTORY" },
	{ O_NOFOLLOW, "O_NOFOLLOW" }, { O_CLOEXEC, "O_CLOEXEC" }, { O_PATH, "O_PATH" },
};
static const struct flag clone_flags[] = {
	{ CLONE_NEWNS, "CLONE_NEWNS" }, { CLONE_NEWCGROUP, "CLONE_NEWCGROUP" },
	{ CLONE_NEWUTS, "CLONE_NEWUTS" }, { CLONE_NEWIPC, "CLONE_NEWIPC" },
	{ CLONE_NEWUSER, "CLONE_NEWUSER" }, { CLONE_NEWPID, "CLONE_NEWPID" },
	{ CLONE_NEWNET, "CLONE_NEWNET" }, { CLONE_VM, "CLONE_VM" }, { CLONE_FS, "CLONE_FS" },
	{ CLONE_FILES, "CLONE_FILES" }, { CLONE_PTRACE, "CLONE_PTRACE" },
	{ CLONE_THREAD, "CLONE_THREAD" },
};
static const struct flag domains[] = {
	{ AF_UNIX, "AF_UNIX" }, { AF_INET, "AF_INET" }, { AF_INET6, "AF_INET6" },
	{ AF_NETLINK, "AF_NETLINK" }, { AF_PACKET, "AF_PACKET" }, { 38, "AF_ALG" }, { 40, "AF_VSOCK" },
};
static const struct flag types[] = {
	{ SOCK_STREAM, "SOCK_STREAM" }, { SOCK_DGRAM, "SOCK_DGRAM" }, { SOCK_RAW, "SOCK_RAW" },
	{ SOCK_SEQPACKET, "SOCK_SEQPACKET" },
};

/* ---- words -------------------------------------------------------------------------- */

static const char *name_of(const struct flag *table, size_t n, uint64_t value, char text[24])
{
	for (size_t i = 0; i < n; i++)
		if (table[i].bit == value)
			return table[i].name;
	snprintf(text, 24, "%llu", (unsigned long long)value);
	return text;
}

/* Names joined by "|"; what has no name stays a number. */
static void flags_write(struct buf *to, const struct flag *table, size_t n, uint64_t value)
{
	for (size_t i = 0; i < n; i++)
		if ((value & table[i].bit) == table[i].bit) {
			buf_printf(to, "%s%s", to->n ? "|" : "", table[i].name);
			value &= ~table[i].bit;
		}
	if (value || !to->n)
		buf_printf(to, "%s0x%llx", to->n ? "|" : "", (unsigned long long)value);
}

static void open_write(struct buf *to, uint64_t value)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "3" };

	/* Not O_ACCMODE: that of musl holds O_PATH, and the plugin chooses the value. */
	buf_text(to, access[value & 3]);
	if (value & 0xfffffffcu)
		flags_write(to, open_flags, COUNT(open_flags), value & 0xfffffffcu);
}

/* The bytes are what the plugin wrote: any of them may be missing. */
static void address_write(struct buf *to, const struct call_text *t)
{
	union {
		sa_family_t family;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		unsigned char bytes[128];
	} a;
	char text[INET6_ADDRSTRLEN] = "", spare[24];

	memset(&a, 0, sizeof(a));
	memcpy(&a, t->bytes, t->n < sizeof(a) ? t->n : sizeof(a));
	if (t->n < sizeof(a.family)) {
		buf_text(to, "unreadable");
	} else if (a.family == AF_INET) {
		inet_ntop(AF_INET, &a.in.sin_addr, text, sizeof(text));
		buf_printf(to, "%s:%u", text, ntohs(a.in.sin_port));
	} else if (a.family == AF_INET6) {
		inet_ntop(AF_INET6, &a.in6.sin6_addr, text, sizeof(text));
		buf_printf(to, "[%s]:%u", text, ntohs(a.in6.sin6_port));
	} else if (a.family == AF_UNIX) {
		size_t at = offsetof(struct sockaddr_un, sun_path), n = t->n - at;

		if (t->n <= at)
			n = 0;
		else if (a.un.sun_path[0] == '\0')
			buf_byte(to, '@'); /* abstract, as it is written */
		buf_add(to, a.bytes + at + (n && a.un.sun_path[0] == '\0'),
		    n && a.un.sun_path[0] == '\0' ? n - 1 : strnlen(a.un.sun_path, n));
	} else {
		buf_text(to, name_of(domains, COUNT(domains), a.family, spare));
	}
}

/* ---- one argument ---------------------------------------------------------------------- */

static void arg_write(struct broker *b, struct json_out *o, const char *name,
    enum call_arg kind, uint64_t value, const struct call_text *t)
{
	struct buf text = { 0 };
	char spare[24];

	switch (kind) {
	case ARG_NONE:
		return;
	case ARG_NUMBER:
		json_member_number(o, name, (int32_t)value);
		return;
	case ARG_HEX:
		buf_printf(&text, "0x%llx", (unsigned long long)(value & 0xffffffffu));
		break;
	case ARG_OCTAL:
		buf_printf(&text, "0%llo", (unsigned long long)(value & 0xffffffffu));
		break;
	case ARG_DIR:
		if ((int32_t)value != AT_FDCWD)
			json_member_number(o, name, (int32_t)value);
		return;
	case ARG_HOW:
		if (value == CALL_HOW_UNREADABLE)
			buf_text(&text, "unreadable");
		else
			open_write(&text, value);
		break;
	case ARG_OPEN:
		open_write(&text, value);
		break;
	case ARG_CLONE:
		flags_write(&text, clone_flags, COUNT(clone_flags), value & 0xffffff00u);
		break;
	case ARG_DOMAIN:
		buf_text(&text, name_of(domains, COUNT(domains), value & 0xffffffffu, spare));
		break;
	case ARG_TYPE:
		buf_text(&text, name_of(types, COUNT(types), value & 0xf, spare));
		break;
	case ARG_PATH:
		buf_add(&text, t->bytes, t->n);
		break;
	case ARG_ADDRESS:
		address_write(&text, t);
		break;
	}
	broker_words(b, o, name, buf_bytes(&text));
	buf_free(&text);
}

static void args_write(struct broker *b, struct json_out *o, const struct denial *d)
{
	const struct call_shape *shape = call_shape(d->nr);
	const struct call_text *t = d->text;

	if (shape == NULL)
		return;
	json_name(o, "args");
	json_open(o, '{');
	for (size_t i = 0; i < COUNT(shape->arg); i++) {
		enum call_arg kind = shape->arg[i].kind;

		arg_write(b, o, call_word(shape->arg[i].word), kind, d->arg[shape->arg[i].index], t);
		t += kind == ARG_PATH || kind == ARG_ADDRESS;
	}
	json_close(o, '}');
}

static void line_write(struct broker *b, const struct denial *d, uint64_t n, struct buf *line)
{
	struct json_out o = json_start(line, false);
	const char *name = call_name(d->nr);
	uint64_t ns = b->plan->clock.frozen ? 0 : d->ns;

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_member_number(&o, "n", (int64_t)n);
	json_member_number(&o, "at_us", (int64_t)(ns / 1000));
	json_member_number(&o, "pid", d->pid);
	if (d->deed != DEED_NONE) {
		json_member(&o, "type", deed_type((enum call_deed)d->deed));
		json_member(&o, "action", deed_action((enum call_deed)d->deed));
	}
	json_member(&o, "call", name ? name : "unknown");
	json_member_number(&o, "number", d->nr);
	args_write(b, &o, d);
	if (d->deed == DEED_NONE)
		json_member(&o, "answer", "EPERM");
	json_close(&o, '}');
	buf_byte(line, '\n');
}

static void audit_write(struct broker *b, const struct denial *d)
{
	struct buf line = { 0 };

	line_write(b, d, b->audited + 1, &line);
	if (b->audit_bytes + line.n > AUDIT_BYTES) {
		b->audit_bytes = AUDIT_BYTES; /* nor a shorter one after it: no gaps */
	} else {
		b->audited++;
		b->audit_bytes += line.n;
		if (write_all(b->plan->audit_file, line.p, line.n) < 0)
			broker_lost(b, "audit.jsonl", errno);
	}
	buf_free(&line);
}

void ledger_write(struct broker *b, const struct denial *d)
{
	struct buf line = { 0 };

	if (d->text[0].n > DENIAL_TEXT || d->text[1].n > DENIAL_TEXT || d->deed >= DEED_COUNT)
		return;
	if (d->deed != DEED_NONE) {
		if (b->plan->audit_file >= 0)
			audit_write(b, d);
		return;
	}
	line_write(b, d, ++b->denials, &line);
	if (write_all(b->plan->ledger_file, line.p, line.n) < 0)
		broker_lost(b, "ledger.jsonl", errno);
	buf_free(&line);
}
