/*
 * journal.c (test) - the chain: written, handed over and taken back, cut off in the
 * middle of a line, and found out when one bit of it was changed.
 *
 * The digests of the first lines were made with another language's SHA-256.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "evidence/evidence.h"

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define FIRST "e201e5810ed62a529662db0b31481c2505d10b5fc7cf683fb0a7ba84cdf786df"
#define SECOND "8fb04eab25c2042d35385adb15d3577bb37dbbf476fb09017ec96cbb4eecd10f"
#define TS "\"ts\":\"2023-11-14T22:13:20Z\","

static const struct clock still = { true, 1700000000 };
static struct arena arena;

static int new_file(void)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
		abort();
	return fd;
}

static struct bytes content(int fd)
{
	struct bytes b;

	if (fd_read(&arena, fd, 16u << 20, &b) < 0)
		abort();
	return b;
}

static void put(int fd, struct bytes b)
{
	if (write_all(fd, b.p, b.n) < 0)
		abort();
}

/* A journal of n events in a new file. */
static void write_some(struct journal *j, int n)
{
	journal_start(j, new_file(), &still);
	for (int i = 0; i < n; i++)
		journal_event(j, "an.event", "text", "some <words> of it", NULL);
	if (journal_flush(j) < 0)
		abort();
}

static bool verifies(struct bytes b, uint64_t events, const unsigned char *head)
{
	unsigned char got[SHA256_SIZE];
	struct why why = { 0 };
	uint64_t n;

	return journal_verify(b, &n, got, &why) == 0 && n == events && (!head || memcmp(got, head, 32) == 0);
}

/* ---- writing -------------------------------------------------------------------------- */

static void letter(void)
{
	struct journal j;
	struct json_out o;
	struct bytes b;
	char hex[SHA256_HEX];

	journal_start(&j, new_file(), &still);
	journal_event(&j, "run.start", "k", "v", NULL);
	o = journal_open(&j, "x<y");
	json_member_number(&o, "n", 7);
	journal_close(&j, &o);
	ok(content(j.fd).n == 0, "F176: nothing is written before it is asked for");
	ok(journal_flush(&j) == 0, "F176: written");
	b = content(j.fd);
	ok(bytes_are(b, "{\"seq\":1," TS "\"type\":\"run.start\",\"k\":\"v\",\"prev\":\"" ZEROS "\"}\n"
	    "{\"seq\":2," TS "\"type\":\"x\\u003cy\",\"n\":7,\"prev\":\"" FIRST "\"}\n"),
	    "F176: two events, to the letter: prev is the hash of the line before");
	hex_encode(hex, j.head, SHA256_SIZE);
	ok(j.seq == 2 && strcmp(hex, SECOND) == 0, "F176: the head is the hash of the last line");
	ok(verifies(b, 2, j.head), "F176: and it verifies");
	ok(verifies((struct bytes){ b.p, 0 }, 0, (unsigned char[32]){ 0 }), "F176: an empty journal has no events and no head");
	journal_event(&j, "one.more", "left.out", (char *)NULL, "k", "v", NULL);
	ok(journal_flush(&j) == 0 && journal_flush(&j) == 0 && verifies(content(j.fd), 3, j.head),
	    "F176: flushed twice, written once");
	close(j.fd);
}

/* Supervisor, broker, supervisor: what each knows of the other is seq and head. */
static void hand_over(void)
{
	struct journal supervisor, broker;

	write_some(&supervisor, 3);
	broker = supervisor;
	for (int i = 0; i < 5; i++)
		journal_event(&broker, "broker.event", NULL);
	journal_flush(&broker);
	supervisor.seq = broker.seq;
	memcpy(supervisor.head, broker.head, SHA256_SIZE);
	journal_event(&supervisor, "run.end", NULL);
	journal_flush(&supervisor);
	ok(verifies(content(supervisor.fd), 9, supervisor.head), "F176: handed over and back, one chain");
	close(supervisor.fd);
	write_some(&supervisor, 3);
	broker = supervisor;
	journal_event(&broker, "broker.event", NULL);
	journal_flush(&broker);
	journal_event(&supervisor, "run.end", NULL); /* without taking the pen back */
	journal_flush(&supervisor);
	ok(!verifies(content(supervisor.fd), 5, NULL), "F176: two that write at once are found out");
	close(supervisor.fd);
}

static void cannot_write(void)
{
	struct journal j;

	journal_start(&j, open("/dev/full", O_WRONLY | O_CLOEXEC), &still);
	journal_event(&j, "x", NULL);
	ok(journal_flush(&j) < 0 && j.error == ENOSPC, "F176: a full disk is told");
	journal_event(&j, "y", NULL);
	ok(journal_flush(&j) < 0 && j.error == ENOSPC, "F176: and not forgotten");
	close(j.fd);
}

/* ---- changed ----------------------------------------------------------------------------- */

static void tampering(void)
{
	struct journal j;
	struct bytes b;
	unsigned char *copy;
	size_t unseen = 0, unseen_cuts = 0;
	const unsigned char *second, *third;
	struct buf other = { 0 };

	write_some(&j, 6);
	b = content(j.fd);
	copy = arena_get(&arena, b.n);
	for (size_t i = 0; i < b.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, b.p, b.n);
			copy[i] ^= (unsigned char)(1u << bit);
			unseen += verifies((struct bytes){ copy, b.n }, 6, j.head);
		}
	ok(unseen == 0, "F178: any bit of it changed: the chain breaks, or its head is another");
	for (size_t cut = 0; cut < b.n; cut++)
		unseen_cuts += verifies((struct bytes){ b.p, cut }, 6, j.head) ||
		    verifies((struct bytes){ b.p + b.n - cut, cut }, 6, j.head);
	ok(unseen_cuts == 0, "F178: any part of it taken away at either end");

	second = (unsigned char *)memchr(b.p, '\n', b.n) + 1;
	third = (unsigned char *)memchr(second, '\n', b.n - (size_t)(second - b.p)) + 1;
	buf_add(&other, b.p, (size_t)(second - b.p));
	buf_add(&other, third, b.n - (size_t)(third - b.p));
	ok(!verifies(buf_bytes(&other), 5, NULL), "F178: a line taken out");
	other.n = 0;
	buf_add(&other, b.p, (size_t)(third - b.p));
	buf_add(&other, second, b.n - (size_t)(second - b.p));
	ok(!verifies(buf_bytes(&other), 7, NULL), "F178: a line twice");
	other.n = 0;
	buf_add(&other, second, (size_t)(third - second));
	buf_add(&other, b.p, (size_t)(second - b.p));
	buf_add(&other, third, b.n - (size_t)(third - b.p));
	ok(!verifies(buf_bytes(&other), 6, NULL), "F178: two lines exchanged");
	other.n = 0;
	buf_add(&other, b.p, b.n);
	buf_byte(&other, '\n');
	ok(!verifies(buf_bytes(&other), 6, NULL), "F178: an empty line behind");
	buf_free(&other);
	close(j.fd);
}

/* Lies that fit the chain so far, and are no events. */
static void no_events(void)
{
	static const char *const forms[] = {
		"{\"seq\":1,\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":1,\"ts\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":1,\"ts\":\"x\",\"type\":7,\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":1,\"ts\":\"x\",\"type\":\"x\"}\n",
		"{\"seq\":1,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"\"}\n",
		"{\"seq\":0,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":-1,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":1.0,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":\"1\",\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"{\"seq\":1,\"seq\":1,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n",
		"[1]\n", "1\n", "\n", "{}\n", "garbage\n",
		"{\"seq\":1,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}",
	};
	struct buf b = { 0 };
	int taken = 0;

	for (size_t i = 0; i < COUNT(forms); i++) {
		unsigned char head[SHA256_SIZE];
		struct why why = { 0 };
		uint64_t n;

		if (journal_verify(bytes_of(forms[i]), &n, head, &why) == 0 || why.code != REFUSE_EVIDENCE ||
		    !strstr(why.text, "line 1"))
			taken++;
	}
	ok(taken == 0, "F178: what is no event is none, and the line is named");
	ok(verifies(bytes_of("{\"seq\":1,\"ts\":\"x\",\"type\":\"x\",\"prev\":\"" ZEROS "\"}\n"), 1, NULL),
	    "F178: (the form those differ from is one)");
	buf_text(&b, "{\"seq\":1,\"ts\":\"x\",\"type\":\"x\",\"k\":\"");
	while (b.n < (1u << 20) + 10)
		buf_byte(&b, 'x');
	buf_text(&b, "\",\"prev\":\"" ZEROS "\"}\n");
	ok(!verifies(buf_bytes(&b), 1, NULL), "F178: nor is a line of more than 1 MiB");
	buf_free(&b);
}

/* ---- a broker that died without a word -------------------------------------------------------- */

/* Recovered from fd: the pen is at the end of events, and one more fits the chain. */
static bool recovers(int fd, uint64_t events)
{
	struct journal j;

	journal_start(&j, fd, &still);
	j.seq = 99; /* whatever was believed before */
	memset(j.head, 0xee, sizeof(j.head));
	if (journal_recover(&j) < 0 || j.seq != events)
		return false;
	journal_event(&j, "run.end", NULL);
	return journal_flush(&j) == 0 && verifies(content(fd), events + 1, j.head);
}

static void torn(void)
{
	struct journal j;
	struct bytes b;
	size_t last, bad = 0;

	write_some(&j, 4);
	b = content(j.fd);
	for (last = b.n - 1; b.p[last - 1] != '\n';)
		last--;
	for (size_t cut = last; cut <= b.n; cut++) {
		int fd = new_file();

		put(fd, (struct bytes){ b.p, cut });
		bad += !recovers(fd, cut == b.n ? 4 : 3);
		close(fd);
	}
	ok(bad == 0, "F140: a last line torn anywhere is cut off, and the chain goes on");
	close(j.fd);
	j.fd = new_file();
	ok(recovers(j.fd, 0), "F140: an empty file begins a chain");
	close(j.fd);
	j.fd = new_file();
	put(j.fd, BYTES("{\"seq\":1,\"ts"));
	ok(recovers(j.fd, 0), "F140: so does one with half a line only");
	close(j.fd);
}

static void unrecoverable(void)
{
	static const char *const ends[] = { "garbage\n", "{\"seq\":0}\n", "{\"seq\":-4}\n", "{}\n", "\n", "[]\n" };
	struct journal j;
	int taken = 0, fd;
	struct buf b = { 0 };

	for (size_t i = 0; i < COUNT(ends); i++) {
		write_some(&j, 2);
		put(j.fd, bytes_of(ends[i]));
		taken += journal_recover(&j) == 0;
		close(j.fd);
	}
	ok(taken == 0, "F140: behind a last line that is no event nobody writes on");
	fd = new_file();
	while (b.n < 3u << 20)
		buf_byte(&b, 'x');
	put(fd, buf_bytes(&b));
	ok(!recovers(fd, 0), "F140: nor behind a line longer than any event");
	close(fd);
	buf_free(&b);
	journal_start(&j, -1, &still);
	ok(journal_recover(&j) < 0, "F140: nor in a file that is not there");
}

/* Far more than is read from its end, and a descriptor that can only write. */
static void long_one(void)
{
	static char words[8000];
	char path[] = "/tmp/t-journal-XXXXXX";
	struct journal j;
	int fd = mkstemp(path), pen = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || pen < 0)
		abort();
	unlink(path);
	memset(words, 'w', sizeof(words) - 1);
	journal_start(&j, pen, &still);
	for (int i = 0; i < 700; i++)
		journal_event(&j, "log", "message", words, NULL);
	journal_flush(&j);
	put(pen, BYTES("{\"seq\":701,\"ts\":\"20"));
	ok(journal_recover(&j) == 0 && j.seq == 700, "F140: five MiB, torn, with a pen that cannot read");
	journal_event(&j, "run.end", NULL);
	ok(journal_flush(&j) == 0 && verifies(content(fd), 701, j.head), "F140: and the chain goes on");
	close(fd);
	close(pen);
}

int main(void)
{
	letter();
	hand_over();
	cannot_write();
	tampering();
	no_events();
	torn();
	unrecoverable();
	long_one();
	arena_free(&arena);
	printf("1..%d\n", tests);
	return failures > 0;
}
