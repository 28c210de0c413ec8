/*
 * time.c (test) - lib/time.c against figures of GNU date and the ULID text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/lib.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %s\n", detail);
	failures += !good;
}

static void test_time(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} both[] = {
		{ 0, "1970-01-01T00:00:00Z" }, { 951827696, "2000-02-29T12:34:56Z" },
		{ 1795303080, "2026-11-21T23:18:00Z" }, { 4107542400, "2100-03-01T00:00:00Z" },
		{ 4102444799, "2099-12-31T23:59:59Z" }, { 253402300799, "9999-12-31T23:59:59Z" },
		{ -1, "1969-12-31T23:59:59Z" }, { -11670998400, "1600-02-29T00:00:00Z" },
		{ -62135596800, "0001-01-01T00:00:00Z" }, { -2203891201, "1900-02-28T23:59:59Z" },
		{ -2203891200, "1900-03-01T00:00:00Z" }, { 1735603200, "2024-12-31T00:00:00Z" },
		{ 2147483648, "2038-01-19T03:14:08Z" }, { -62167219200, "0000-01-01T00:00:00Z" },
	};
	static const struct {
		const char *text;
		int64_t seconds;
	} read[] = {
		{ "2026-11-21T23:18:00+05:30", 1795283280 },
		{ "2026-01-01T00:10:00-23:59", 1767312540 },
		{ "2026-11-21T23:18:00.999999999Z", 1795303080 },
		{ "2026-11-21T23:18:00.5+00:00", 1795303080 },
		{ "2026-11-21t23:18:00z", 1795303080 },
		{ "2026-11-21T23:18:00-00:00", 1795303080 },
	};
	static const char *const bad[] = { "", "2026", "2026-11-21", "2026-11-21T23:18:00",
		"2026-11-21 23:18:00Z", "2026-11-21T23:18Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60",
		"2026-01-01T00:00:00+0000", "2026-01-01T00:00:00+00", "2026-01-01T00:00:00ZZ",
		"2026-01-01T00:00:00Z ", " 2026-01-01T00:00:00Z", "+026-01-01T00:00:00Z",
		"2026/01/01T00:00:00Z", "2026-01-01T00-00-00Z", "2026\r01-01T00:00:00Z",
		"2026-1-001T00:00:00Z", "12026-01-01T00:00:00Z" };
	int64_t seconds;
	char out[32], back[32];

	for (size_t i = 0; i < COUNT(both); i++) {
		ok(strcmp(time_rfc3339(out, both[i].seconds), both[i].text) == 0,
		    both[i].text, out);
		ok(time_parse(bytes_of(both[i].text), &seconds) && seconds == both[i].seconds,
		    "and back", both[i].text);
	}
	for (size_t i = 0; i < COUNT(read); i++)
		ok(time_parse(bytes_of(read[i].text), &seconds) && seconds == read[i].seconds,
		    read[i].text, "");
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!time_parse(bytes_of(bad[i]), &seconds), "no time", bad[i]);
	ok(strcmp(time_rfc3339(out, INT64_MAX), "9999-12-31T23:59:59Z") == 0 &&
	    strcmp(time_rfc3339(back, INT64_MIN), "0000-01-01T00:00:00Z") == 0,
	    "times out of range are held at its ends", out);
	bool all = true;
	for (int64_t s = -62167219200; s < 253402300000; s += 86400 * 13 + 4321)
		all = all && time_parse(bytes_of(time_rfc3339(out, s)), &seconds) && seconds == s;
	ok(all, "ten thousand years there and back", out);
}

static void test_clock(void)
{
	struct clock c;
	struct why why = { 0 };

	setenv("SOURCE_DATE_EPOCH", "1795303080", 1);
	ok(clock_start(&c, &why) == 0 && c.frozen && clock_seconds(&c) == 1795303080 &&
	    clock_milliseconds(&c) == 1795303080000, "SOURCE_DATE_EPOCH stops the clock", "");
	setenv("SOURCE_DATE_EPOCH", "yesterday", 1);
	ok(clock_start(&c, &why) == -1 && why.code == REFUSE_USAGE, "a bad one is refused", "");
	setenv("SOURCE_DATE_EPOCH", "", 1);
	ok(clock_start(&c, &why) == -1, "an empty one is refused", "");
	setenv("SOURCE_DATE_EPOCH", "253402300800", 1);
	ok(clock_start(&c, &why) == -1, "the year 10000 is refused", "");
	unsetenv("SOURCE_DATE_EPOCH");
	ok(clock_start(&c, &why) == 0 && !c.frozen && clock_seconds(&c) > 1700000000,
	    "else it runs", "");
	uint64_t t = monotonic_ns();
	ok(monotonic_ns() >= t, "the other clock never goes back", "");
}

static void test_ulid(void)
{
	static const char *const bad[] = { "", "0", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
		"01ARYZ6S41041061050R3GG28", "01ARYZ6S41041061050R3GG28AA",
		"01ARYZ6S41041061050R3GG28I", "01ARYZ6S41041061050R3GG28L",
		"01ARYZ6S41041061050R3GG28O", "01ARYZ6S41041061050R3GG28U",
		"01aryz6s41041061050r3gg28a", "../../../../../../../../..",
		"01ARYZ6S41041061050R3GG28/" };
	static const unsigned char ten[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	unsigned char full[10];
	char out[27];

	memset(full, 0xff, sizeof(full));
	ulid_make(out, 1469918176385, ten);
	ok(strcmp(out, "01ARYZ6S41041061050R3GG28A") == 0 && ulid_valid(bytes_of(out)),
	    "a ULID", out);
	ulid_make(out, (UINT64_C(1) << 48) - 1, full);
	ok(strcmp(out, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ") == 0 && ulid_valid(bytes_of(out)),
	    "the last ULID", out);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(!ulid_valid(bytes_of(bad[i])), "no ULID", bad[i]);
	ok(!ulid_valid(BYTES("0\0ARYZ6S41041061050R3GG28")), "no ULID holds a NUL", "");
}

int main(void)
{
	test_time();
	test_clock();
	test_ulid();
	printf("1..%d\n", tests);
	return failures > 0;
}
