/*
 * mkschema.c - the generator of build/gen/schema.h: all JSON Schemas, one behind the
 * other, as one LZ4 block, since as text they would be a twelfth of the program. A
 * program of its own, run when oxg is built; evidence/unpack.c reads what it writes.
 *
 * Slow and thorough: of all ways to write the block it takes a smallest one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 20)
#define FAR 65535u       /* how far back a match may lie */
#define MATCH_LEAST 4u
#define TAIL 12u         /* no match begins in the last 12 bytes, ... */
#define LITERALS 5u      /* and the last five are literals */

static unsigned char text[TEXT_MAX];
static size_t size;

/* The cheapest way on from each byte: a match of so many bytes, or (0) a literal. */
static struct step {
	unsigned cost, length, back;
} step[TEXT_MAX + 1];

static unsigned column;

static void stop(const char *what)
{
	perror(what);
	exit(1);
}

static size_t take(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text + size, 1, TEXT_MAX - size, f) : 0;

	if (n == 0 || ferror(f) || fgetc(f) != EOF)
		stop(path);
	fclose(f);
	size += n;
	return n;
}

/* ---- the cheapest way ---------------------------------------------------------------- */

static unsigned more_bytes(unsigned n)
{
	return n < 15 ? 0 : (n - 15) / 255 + 1;
}

static unsigned common(size_t a, size_t b, size_t end)
{
	size_t n = 0;

	while (b + n < end && text[a + n] == text[b + n])
		n++;
	return (unsigned)n;
}

static void step_find(size_t at)
{
	struct step *s = &step[at];
	unsigned known = MATCH_LEAST - 1;

	*s = (struct step){ .cost = step[at + 1].cost + 1 };
	if (at + TAIL > size)
		return;
	for (size_t back = 1; back <= at && back <= FAR; back++) {
		unsigned n = common(at - back, at, size - LITERALS);

		for (; known < n; known++) {
			unsigned length = known + 1;
			unsigned cost = 3 + more_bytes(length - MATCH_LEAST) + step[at + length].cost;

			if (cost < s->cost)
				*s = (struct step){ cost, length, (unsigned)back };
		}
	}
}

/* ---- the block -------------------------------------------------------------------------- */

static void byte(unsigned b)
{
	printf("%u,", b);
	if (++column % 24 == 0)
		putchar('\n');
}

static void more(unsigned n)
{
	if (n < 15)
		return;
	for (n -= 15; n >= 255; n -= 255)
		byte(255);
	byte(n);
}

/* length 0: the last one, literals alone. */
static void sequence(size_t from, size_t to, unsigned length, unsigned back)
{
	unsigned literals = (unsigned)(to - from), match = length ? length - MATCH_LEAST : 0;

	byte((literals < 15 ? literals : 15) << 4 | (match < 15 ? match : 15));
	more(literals);
	for (; from < to; from++)
		byte(text[from]);
	if (length == 0)
		return;
	byte(back & 255);
	byte(back >> 8);
	more(match);
}

static void block(void)
{
	size_t from = 0, at = 0;

	for (size_t i = size; i-- > 0;)
		step_find(i);
	printf("static const unsigned char schemas_packed[] = {\n");
	while (at < size) {
		const struct step *s = &step[at];

		if (s->length == 0) {
			at++;
			continue;
		}
		sequence(from, at, s->length, s->back);
		from = at += s->length;
	}
	sequence(from, size, 0, 0);
	printf("\n};\n#define SCHEMAS_SIZE %zu\n", size);
}

/* ---- the table ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	printf("static const struct { const char *name; unsigned at, n; } schema_table[] = {\n");
	for (int i = 1; i < argc; i++) {
		const char *slash = strrchr(argv[i], '/'), *name = slash ? slash + 1 : argv[i];
		const char *end = strstr(name, ".schema.json");
		size_t at = size, n = take(argv[i]);

		if (end == NULL)
			stop(argv[i]);
		printf("\t{ \"%.*s\", %zu, %zu },\n", (int)(end - name), name, at, n);
	}
	printf("};\n");
	block();
	if (fflush(stdout) != 0)
		stop("output");
	return 0;
}
