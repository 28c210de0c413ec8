/*
 * calls.c - "oxg doctor --syscalls": what the embedded filters answer to each
 * system call, read from the very programs that a run loads. One process.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "cmd/cmd.h"
#include "jail/jail.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define FOREIGN AUDIT_ARCH_I386
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define FOREIGN AUDIT_ARCH_ARM
#endif
#define X32 0x40000000u       /* set in the numbers of that ABI */
#define NUMBERS 1024u         /* Linux has fewer than half as many */
#define GETPID 39u            /* any number at all: the ABI is refused, not the call */

/* Two kinds of program; and the first in the weaker tiers, landlock by its ABI. */
static const char *const profile_names[] = { "static", "runtime", "landlock", "landlock_old", "chroot" };

/* ---- an answer in words ---------------------------------------------------------- */

static const char *errno_word(uint32_t answer)
{
	switch (answer & SECCOMP_RET_DATA) {
	case EPERM:
		return "EPERM";
	case ENOSYS:
		return "ENOSYS";
	case EACCES:
		return "EACCES";
	default:
		return "another errno";
	}
}

static const char *answer_kind(uint32_t answer)
{
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return "allowed";
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_USER_NOTIF: /* the watch refuses; no program here is --audit's */
		return "refused";
	default:
		return "killed";
	}
}

static void answer_text(uint32_t answer, struct buf *out)
{
	buf_text(out, answer_kind(answer));
	if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		buf_printf(out, " (%s)", errno_word(answer));
}

static bool one_answer(const struct ways *w)
{
	size_t i;

	for (i = 1; i < w->count; i++)
		if (w->way[i].answer != w->way[0].answer)
			return false;
	return w->count > 0;
}

/* What is answered where no way to "allowed" is taken. */
static uint32_t other_answer(const struct ways *w)
{
	size_t i;

	for (i = 0; i < w->count; i++)
		if (w->way[i].answer != SECCOMP_RET_ALLOW)
			return w->way[i].answer;
	return SECCOMP_RET_ALLOW;
}

/* ---- conditions -------------------------------------------------------------------- */

static void test_text(const struct way_test *t, struct buf *out)
{
	static const char *const sign[][2] = {
		[TEST_EQUAL] = { "!=", "=" }, [TEST_OVER] = { "<=", ">" },
		[TEST_AT_LEAST] = { "<", ">=" }, [TEST_ANY_BIT] = { "has none of", "has any of" },
	};

	buf_printf(out, "arg%u%s", t->word / 2, t->word % 2 ? " >> 32" : "");
	if (t->mask != 0xffffffffu)
		buf_printf(out, " & 0x%x", t->mask);
	buf_printf(out, " %s %s%x", sign[t->kind][t->holds], t->k ? "0x" : "", t->k);
}

/* The tests that hold say it; those that do not only mean "none of the ways before". */
static void way_text(const struct way *way, struct buf *out)
{
	bool positive = false, first = true;
	size_t i;

	for (i = 0; i < way->tests; i++)
		positive = positive || way->test[i].holds;
	for (i = 0; i < way->tests; i++) {
		if (positive && !way->test[i].holds)
			continue;
		if (!first)
			buf_text(out, " and ");
		first = false;
		test_text(&way->test[i], out);
	}
}

/* The one test that holds of a way, when it compares with a figure; or NULL. */
static const struct way_test *only_equal(const struct way *way)
{
	const struct way_test *found = NULL;
	size_t i;

	for (i = 0; i < way->tests; i++) {
		if (!way->test[i].holds)
			continue;
		if (found != NULL || way->test[i].kind != TEST_EQUAL)
			return NULL;
		found = &way->test[i];
	}
	return found;
}

/* "arg1 = 0x3, 0x4, or arg3 & 0x20 = 0" */
static void when_text(const struct ways *w, struct buf *out)
{
	const struct way_test *t, *before = NULL;
	bool first = true;
	size_t i;

	for (i = 0; i < w->count; i++) {
		if (w->way[i].answer != SECCOMP_RET_ALLOW)
			continue;
		t = only_equal(&w->way[i]);
		if (t != NULL && before != NULL && t->word == before->word && t->mask == before->mask) {
			buf_printf(out, ", %s%x", t->k ? "0x" : "", t->k);
		} else {
			if (!first)
				buf_text(out, ", or ");
			way_text(&w->way[i], out);
		}
		first = false;
		before = t;
	}
}

/* ---- the table ------------------------------------------------------------------------ */

/* A filter that this cannot read must not be described. */
static void ask(const char *profile, uint32_t arch, uint32_t nr, struct ways *out)
{
	bpf_ways(profile_filter(profile), arch, nr, out);
	if (out->unsure || out->count == 0)
		die(STATUS_JAIL, "the embedded filter \"%s\" has an instruction that oxg doctor "
		    "does not know (call %u)", profile, nr);
}

static void decision_text(const struct ways *w, struct buf *out)
{
	if (!one_answer(w)) {
		buf_text(out, "allowed if *, else ");
		answer_text(other_answer(w), out);
		return;
	}
	answer_text(w->way[0].answer, out);
}

/* What two profiles say of it, side by side. */
static void line_text(uint32_t nr, const char *name, uint32_t arch, size_t one, size_t two, struct buf *out)
{
	struct buf first = { 0 }, second = { 0 };
	struct ways w;

	ask(profile_names[one], arch, nr, &w);
	decision_text(&w, &first);
	ask(profile_names[two], arch, nr, &w);
	decision_text(&w, &second);
	if (name != NULL && nr < NUMBERS)
		buf_printf(out, "%5u", nr);
	else
		buf_printf(out, "%5s", "");
	buf_printf(out, "  %-24s%-36.*s%.*s\n", name != NULL ? name : "",
	    (int)first.n, (const char *)first.p, (int)second.n, (const char *)second.p);
	buf_free(&first);
	buf_free(&second);
}

static bool same_ways(uint32_t nr, size_t one, size_t two)
{
	struct buf first = { 0 }, second = { 0 };
	struct ways w;
	bool same;

	ask(profile_names[one], NATIVE, nr, &w);
	when_text(&w, &first);
	decision_text(&w, &first);
	ask(profile_names[two], NATIVE, nr, &w);
	when_text(&w, &second);
	decision_text(&w, &second);
	same = first.n == second.n && memcmp(first.p, second.p, first.n) == 0;
	buf_free(&first);
	buf_free(&second);
	return same;
}

static void conditions_text(struct buf *out)
{
	struct ways w;
	uint32_t nr;
	size_t i;

	buf_text(out, "\n* allowed if:\n");
	for (nr = 0; nr < NUMBERS; nr++)
		for (i = 0; i < COUNT(profile_names); i++) {
			if (call_name((int)nr) == NULL)
				continue;
			ask(profile_names[i], NATIVE, nr, &w);
			/* Those of the tier landlock where they are its own. */
			if (one_answer(&w) || (i > 1 && same_ways(nr, 0, i)))
				continue;
			buf_printf(out, "%5u  %-16s%-13s", nr, call_name((int)nr), profile_names[i]);
			when_text(&w, out);
			buf_byte(out, '\n');
		}
}

/* Calls that Landlock does not see. */
static void landlock_text(struct buf *out)
{
	uint32_t nr;

	buf_printf(out, "\n%-31s%-36s%s\n", "but in the tier landlock", "Landlock ABI 6 and later", "before");
	for (nr = 0; nr < NUMBERS; nr++)
		if (call_name((int)nr) != NULL && (!same_ways(nr, 0, 2) || !same_ways(nr, 0, 3)))
			line_text(nr, call_name((int)nr), NATIVE, 2, 3, out);
}

static void syscalls_text(struct buf *out)
{
	uint32_t nr;

	buf_printf(out, "%5s  %-24s%-36s%s\n", "call", "name", "static programs", "with --runtime");
	for (nr = 0; nr < NUMBERS; nr++)
		if (call_name((int)nr) != NULL)
			line_text(nr, call_name((int)nr), NATIVE, 0, 1, out);
	/* Every number without a name is answered alike; t/unit/bpf.c holds it so. */
	line_text(NUMBERS, "any other number", NATIVE, 0, 1, out);
	line_text(GETPID | X32, "any call of x32", NATIVE, 0, 1, out);
	line_text(NUMBERS, "any call of 32 bits", FOREIGN, 0, 1, out);
	landlock_text(out);
	conditions_text(out);
}

static void decision_json(const char *profile, uint32_t arch, uint32_t nr, struct json_out *o)
{
	struct buf when = { 0 };
	struct ways w;
	uint32_t answer;

	ask(profile, arch, nr, &w);
	answer = other_answer(&w);
	json_name(o, profile);
	json_open(o, '{');
	json_member(o, "decision", one_answer(&w) ? answer_kind(answer) : "conditional");
	if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
		json_member(o, "errno", errno_word(answer));
	if (!one_answer(&w)) {
		when_text(&w, &when);
		json_member_bytes(o, "allowed_if", buf_bytes(&when));
	}
	json_close(o, '}');
	buf_free(&when);
}

static void line_json(uint32_t nr, const char *name, uint32_t arch, struct json_out *o)
{
	size_t i;

	json_open(o, '{');
	if (nr < NUMBERS)
		json_member_number(o, "nr", nr);
	json_member(o, "name", name);
	for (i = 0; i < COUNT(profile_names); i++)
		decision_json(profile_names[i], arch, nr, o);
	json_close(o, '}');
}

static void syscalls_json(struct buf *out)
{
	struct json_out o = json_start(out, false);
	uint32_t nr;

	json_open(&o, '{');
	json_member_number(&o, "schema_version", 1);
	json_name(&o, "calls");
	json_open(&o, '[');
	for (nr = 0; nr < NUMBERS; nr++)
		if (call_name((int)nr) != NULL)
			line_json(nr, call_name((int)nr), NATIVE, &o);
	json_close(&o, ']');
	json_name(&o, "others");
	json_open(&o, '[');
	line_json(NUMBERS, "any other number", NATIVE, &o);
	line_json(GETPID | X32, "any call of x32", NATIVE, &o);
	line_json(NUMBERS, "any call of 32 bits", FOREIGN, &o);
	json_close(&o, ']');
	json_close(&o, '}');
	buf_byte(out, '\n');
}

int doctor_syscalls(bool json)
{
	struct buf out = { 0 };
	int status;

	(json ? syscalls_json : syscalls_text)(&out);
	status = command_print(&out);
	buf_free(&out);
	return status;
}
