/*
 * confine.c (test) - an allowlist as it is written, and as it is loaded: the same
 * answer to every number, within its room, or a refusal.
 */
#include <stdio.h>

#include "lib/confine.c"
#include "t/unit/follow.h"

#define NUMBERS 4096

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

/* ---- a list ------------------------------------------------------------------------ */

struct list {
	struct sock_filter line[2 * LINES];
	size_t n;
};

static void put(struct list *l, struct sock_filter line)
{
	l->line[l->n++] = line;
}

static void begin(struct list *l)
{
	static const struct sock_filter head[] = { FILTER_BEGIN };

	memcpy(l->line, head, sizeof(head));
	l->n = COUNT(head);
}

/* Told from each other by what they answer. */
static void put_call(struct list *l, uint32_t nr, uint32_t answer, size_t lines)
{
	put(l, (struct sock_filter)FILTER_IF(BPF_JEQ, nr, 0, (unsigned char)(lines - 1)));
	for (; lines > 2; lines--)
		put(l, (struct sock_filter)FILTER_LOAD(nr));
	put(l, (struct sock_filter)FILTER_RETURN(SECCOMP_RET_ERRNO | answer));
}

static void end(struct list *l)
{
	put(l, (struct sock_filter)FILTER_END);
}

/* In no order, no two alike, some twice where twins is set. */
static void make_list(struct list *l, size_t calls, bool twins)
{
	size_t i;

	begin(l);
	for (i = 0; i < calls; i++)
		put_call(l, (uint32_t)((twins ? i / 2 : i) * 1237 % NUMBERS), (uint32_t)i + 1, 2 + i % 4);
	end(l);
}

/* ---- tests -------------------------------------------------------------------------- */

static bool same_answers(struct list *l, size_t *largest)
{
	static struct sock_filter code[PROGRAM];
	struct entry entry[ENTRIES];
	size_t count = find_entries(l->line, l->n, entry);
	struct sock_fprog written = { (unsigned short)l->n, l->line }, loaded = { 0, code };
	struct seccomp_data d = { .arch = FILTER_ARCH };

	if (count == 0)
		return false;
	loaded.len = (unsigned short)group_calls(l->line, entry, count, code);
	if (loaded.len > *largest)
		*largest = loaded.len;
	for (d.nr = 0; d.nr < NUMBERS; d.nr++)
		if (follow(&written, &d) != follow(&loaded, &d))
			return false;
	d.arch = 0;
	return loaded.len <= PROGRAM && follow(&loaded, &d) == SECCOMP_RET_KILL_PROCESS;
}

static void test_answers(void)
{
	static struct list l;
	bool plain = true, twins = true;
	size_t calls, largest = 0;

	for (calls = 1; calls <= ENTRIES; calls++) {
		make_list(&l, calls, false);
		plain &= same_answers(&l, &largest);
		make_list(&l, calls, true);
		twins &= same_answers(&l, &largest);
	}
	ok(plain, "F053: lists of every length: each number is answered as it is written");
	ok(twins, "F053: and where a call stands twice, the first one counts");
	ok(largest > ENTRIES * 3, "the longest was long");
}

/* And nothing was loaded. */
static bool refused(const struct list *l)
{
	return calls_keep(l->line, l->n) == -1 && errno == E2BIG &&
	    prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0;
}

static void test_room(void)
{
	static struct list l;
	size_t i, largest = 0;

	make_list(&l, ENTRIES + 1, false);
	ok(refused(&l), "F053: one call more than there is room for");
	begin(&l);
	for (i = 0; l.n + 200 < LINES; i++)
		put_call(&l, (uint32_t)i, (uint32_t)i + 1, 200);
	put_call(&l, (uint32_t)i, (uint32_t)i + 1, LINES - 1 - l.n);
	end(&l);
	ok(l.n == LINES && same_answers(&l, &largest), "F053: as many lines as there is room for");
	begin(&l);
	for (i = 0; l.n < LINES; i++)
		put_call(&l, (uint32_t)i, (uint32_t)i + 1, 200);
	end(&l);
	ok(refused(&l), "F053: and more");
	begin(&l);
	put_call(&l, 1, 1, 4);
	l.n -= 2;
	end(&l);
	ok(refused(&l), "F053: a call whose lines end behind the list's");
	begin(&l);
	end(&l);
	ok(refused(&l), "F053: a list of nothing");
}

int main(void)
{
	test_answers();
	test_room();
	printf("1..%d\n", tests);
	return failures > 0;
}
