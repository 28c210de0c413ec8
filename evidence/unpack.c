/*
 * unpack.c - an LZ4 block made into bytes again: what mkschema.c packed. Knows
 * nothing of schemas, and believes no length.
 */
#include <string.h>

#include "evidence/evidence.h"

#define MATCH_LEAST 4

struct unpacking {
	struct bytes in;           /* what is left */
	unsigned char *out;
	size_t at, n;              /* bytes made; that there are to be */
};

/* A length of 15 goes on in further bytes, up to one that is not 255. */
static bool length_read(struct unpacking *u, size_t *length)
{
	unsigned char b = 255;

	for (bool on = *length == 15; on && b == 255; *length += b) {
		if (u->in.n == 0)
			return false;
		b = *u->in.p++;
		u->in.n--;
	}
	return true;
}

static bool literals_copy(struct unpacking *u, size_t length)
{
	if (!length_read(u, &length) || length > u->in.n || length > u->n - u->at)
		return false;
	memcpy(u->out + u->at, u->in.p, length);
	u->at += length;
	u->in.p += length;
	u->in.n -= length;
	return true;
}

/* It may reach into itself, and repeats then. */
static bool match_copy(struct unpacking *u, size_t length)
{
	size_t back;

	if (u->in.n < 2)
		return false;
	back = u->in.p[0] | (size_t)u->in.p[1] << 8;
	u->in.p += 2;
	u->in.n -= 2;
	if (!length_read(u, &length) || back == 0 || back > u->at)
		return false;
	length += MATCH_LEAST;
	if (length > u->n - u->at)
		return false;
	for (; length > 0; length--, u->at++)
		u->out[u->at] = u->out[u->at - back];
	return true;
}

bool unpack(struct bytes packed, unsigned char *out, size_t n)
{
	struct unpacking u = { packed, out, 0, n };

	while (u.in.n > 0) {
		unsigned char token = *u.in.p++;

		u.in.n--;
		if (!literals_copy(&u, token >> 4))
			return false;
		if (u.in.n > 0 && !match_copy(&u, token & 15))
			return false;
	}
	return u.at == n;
}
