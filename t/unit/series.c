/*
 * series.c (test) - limits.c: use over time is bounded, and what is kept of many
 * looks is what each group of them would give.
 */
#include <stdio.h>
#include <string.h>

#include "oxg.h"

static int tests, failures;

static void ok(bool good, const char *name, uint32_t looks)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# after %u looks\n", looks);
	failures += !good;
}

static struct series_point look_at(uint32_t i)
{
	/* Any memory, the largest in the middle. */
	return (struct series_point){ 25 * (uint64_t)i + 10, 3 * (uint64_t)i,
		i == 777 ? 1u << 30 : i * 2654435761u % 1000 };
}

/* The points of the first n looks, counted anew. */
static bool is_right(const struct series *s, uint32_t n)
{
	uint32_t group = 1u << s->halved, i = 0;

	if (s->points > SERIES_POINTS || s->points != (n + group - 1) / group ||
	    (s->halved > 0 && s->points < SERIES_POINTS / 2))
		return false;
	for (uint32_t k = 0; k < s->points; k++) {
		uint64_t most = 0;
		struct series_point p = { 0 };

		for (uint32_t end = i + group < n ? i + group : n; i < end; i++) {
			p = look_at(i);
			most = p.memory > most ? p.memory : most;
		}
		p.memory = most;
		if (memcmp(&p, &s->point[k], sizeof(p)) != 0)
			return false;
	}
	return i == n;
}

int main(void)
{
	struct series s = { 0 };
	uint32_t i, wrong = 0;

	ok(is_right(&s, 0), "F153: no look, no point", 0);
	for (i = 0; i < 5000 && wrong == 0; i++) {
		struct series_point p = look_at(i);

		series_add(&s, &p);
		wrong = is_right(&s, i + 1) ? 0 : i + 1;
	}
	ok(wrong == 0, "F153: every number of looks up to 5000: at most 120 points, of equal groups", wrong);
	for (; i < 3000000; i++) {
		struct series_point p = look_at(i);

		series_add(&s, &p);
	}
	ok(is_right(&s, i), "F153: and after a day of them", i);
	printf("1..%d\n", tests);
	return failures > 0;
}
