/*
 * time.c - the two clocks, RFC 3339 and ULIDs. Runs in every process; keeps no
 * state and knows no time zone.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/lib.h"

#define YEAR_9999 253402300799 /* last second that RFC 3339 can write */
#define YEAR_0000 (-62167219200)

/* ---- clocks -------------------------------------------------------------------- */

int clock_start(struct clock *c, struct why *why)
{
	const char *word = getenv("SOURCE_DATE_EPOCH");
	uint64_t epoch;

	*c = (struct clock){ 0 };
	if (!word)
		return 0;
	if (!number_parse(bytes_of(word), 0, YEAR_9999, &epoch))
		return refuse(why, REFUSE_USAGE, "SOURCE_DATE_EPOCH \"%.40s\" is no "
		    "count of seconds since 1970; unset it or give decimal digits", word);
	*c = (struct clock){ .frozen = true, .epoch = (int64_t)epoch };
	return 0;
}

static struct timespec now(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) < 0)
		die(STATUS_LOST, "the system has no clock");
	return t;
}

int64_t clock_seconds(const struct clock *c)
{
	return c->frozen ? c->epoch : (int64_t)now(CLOCK_REALTIME).tv_sec;
}

uint64_t clock_milliseconds(const struct clock *c)
{
	struct timespec t;

	if (c->frozen)
		return (uint64_t)c->epoch * 1000;
	t = now(CLOCK_REALTIME);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t monotonic_ns(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the calendar ------------------------------------------------------------------ */

static bool leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t month_days(int64_t year, int64_t month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 0000-01-01, in the Gregorian calendar throughout, to year-01-01. */
static int64_t year_days(int64_t year)
{
	int64_t before = year - 1;

	if (year == 0)
		return 0;
	return 365 * year + before / 4 - before / 100 + before / 400 + 1;
}

static char *put_digits(char *to, int64_t n, int width, char behind)
{
	for (int i = width - 1; i >= 0; i--, n /= 10)
		to[i] = (char)('0' + n % 10);
	to[width] = behind;
	return to + width + 1;
}

const char *time_rfc3339(char out[32], int64_t seconds)
{
	char *to = out;
	int64_t days, clock, year, month = 1;

	if (seconds < YEAR_0000)
		seconds = YEAR_0000;
	if (seconds > YEAR_9999)
		seconds = YEAR_9999;
	seconds -= YEAR_0000;
	days = seconds / 86400;
	clock = seconds % 86400;
	year = days / 366; /* never too late, at most seven years too early */
	while (year_days(year + 1) <= days)
		year++;
	for (days -= year_days(year); days >= month_days(year, month); month++)
		days -= month_days(year, month);
	to = put_digits(to, year, 4, '-');
	to = put_digits(to, month, 2, '-');
	to = put_digits(to, days + 1, 2, 'T');
	to = put_digits(to, clock / 3600, 2, ':');
	to = put_digits(to, clock / 60 % 60, 2, ':');
	to = put_digits(to, clock % 60, 2, 'Z');
	*to = '\0';
	return out;
}

/* width digits at *s, then the separator (0: none); moves on. -1 if not so or over max. */
static int64_t take_digits(struct bytes *s, size_t width, int64_t max, char separator)
{
	size_t whole = width + (separator != 0);
	int64_t n = 0;

	if (s->n < whole)
		return -1;
	for (size_t i = 0; i < width; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		n = 10 * n + (s->p[i] - '0');
	}
	if (n > max || (separator && (s->p[width] & 0xdf) != (separator & 0xdf)))
		return -1;
	s->p += whole;
	s->n -= whole;
	return n;
}

/* "Z" or "+hh:mm" to the end, in seconds east. */
static bool take_offset(struct bytes s, int64_t *east)
{
	int64_t hours, minutes;
	bool west;

	*east = 0;
	if (s.n == 1)
		return s.p[0] == 'Z' || s.p[0] == 'z';
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
		return false;
	west = s.p[0] == '-';
	s = (struct bytes){ s.p + 1, s.n - 1 };
	hours = take_digits(&s, 2, 23, ':');
	minutes = take_digits(&s, 2, 59, 0);
	*east = (west ? -60 : 60) * (60 * hours + minutes);
	return hours >= 0 && minutes >= 0;
}

bool time_parse(struct bytes s, int64_t *seconds)
{
	int64_t year, month, day, hour, minute, second, east, days;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || s.p[13] != ':' || s.p[16] != ':')
		return false;
	year = take_digits(&s, 4, 9999, '-');
	month = take_digits(&s, 2, 12, '-');
	day = take_digits(&s, 2, 31, 'T');
	hour = take_digits(&s, 2, 23, ':');
	minute = take_digits(&s, 2, 59, ':');
	second = take_digits(&s, 2, 59, 0);
	if (year < 0 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0 ||
	    day > month_days(year, month))
		return false;
	if (s.n > 0 && s.p[0] == '.') {
		size_t n = 1;

		while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
			n++;
		if (n == 1)
			return false;
		s = (struct bytes){ s.p + n, s.n - n };
	}
	if (!take_offset(s, &east))
		return false;
	days = year_days(year) + day - 1;
	for (int64_t m = 1; m < month; m++)
		days += month_days(year, m);
	*seconds = YEAR_0000 + days * 86400 + hour * 3600 + minute * 60 + second - east;
	return true;
}

/* ---- ULID ------------------------------------------------------------------------- */

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

bool ulid_valid(struct bytes s)
{
	if (s.n != 26 || s.p[0] > '7') /* 26 digits hold 130 bits, a ULID has 128 */
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || !strchr(crockford, s.p[i]))
			return false;
	return true;
}

void ulid_make(char out[27], uint64_t ms, const unsigned char random[10])
{
	for (int i = 9; i >= 0; i--, ms >>= 5)
		out[i] = crockford[ms & 31];
	for (int half = 0; half < 2; half++) { /* 5 bytes are 8 digits */
		uint64_t n = 0;

		for (int i = 0; i < 5; i++)
			n = n << 8 | random[5 * half + i];
		for (int i = 7; i >= 0; i--, n >>= 5)
			out[10 + 8 * half + i] = crockford[n & 31];
	}
	out[26] = '\0';
}

void ulid_new(char out[27], uint64_t ms)
{
	unsigned char random[10];

	random_bytes(random, sizeof(random));
	ulid_make(out, ms, random);
}
