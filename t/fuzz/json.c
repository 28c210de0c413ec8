/*
 * json.c (fuzzer) - lib/json.c on any bytes: what it takes is whole, walks to its
 * end, survives being written and read again, and has one canonical form.
 */
#include "lib/util.c"
#include "lib/file.c"
#include "lib/flat.c"
#include "lib/json.c"
#include "lib/jsonout.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

/* Visits every value below v; returns the tokens seen. */
static int walk(struct arena *a, const struct json *j, int v)
{
	int seen = 1, children = 0;
	struct bytes s;
	int64_t n;

	switch (json_kind(j, v)) {
	case JSON_OBJECT:
		for (int name = json_first(j, v); name >= 0; name = json_next(j, name)) {
			s = json_string(a, j, name);
			CLAIM(utf8_valid(s) && json_value(j, name) == name + 1);
			if (!memchr(s.p, 0, s.n)) {
				CLAIM(json_is(j, name, (const char *)s.p));
				if (json_size(j, v) < 100)
					CLAIM(json_get(j, v, (const char *)s.p) == name + 1);
			}
			seen += 1 + walk(a, j, json_value(j, name));
			children++;
		}
		CLAIM(children == json_size(j, v));
		break;
	case JSON_ARRAY:
		for (int child = json_first(j, v); child >= 0; child = json_next(j, child)) {
			CLAIM(json_value(j, child) == -1);
			seen += walk(a, j, child);
			children++;
		}
		CLAIM(children == json_size(j, v));
		break;
	case JSON_STRING:
		CLAIM(utf8_valid(json_string(a, j, v)));
		break;
	case JSON_NUMBER:
		if (json_integer(j, v, &n))
			CLAIM(n <= INTEGER_MAX && n >= -INTEGER_MAX);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	case JSON_NONE:
		CLAIM(0);
	}
	return seen;
}

/* The same value through the writer; what it writes must be read again. */
static void rewrite(struct arena *a, struct json_out *o, const struct json *j, int v)
{
	enum json_kind kind = json_kind(j, v);

	if (kind == JSON_OBJECT || kind == JSON_ARRAY) {
		json_open(o, kind == JSON_OBJECT ? '{' : '[');
		for (int child = json_first(j, v); child >= 0; child = json_next(j, child)) {
			if (kind == JSON_OBJECT) {
				struct buf name = { 0 };

				/* json_name takes text that ends at a NUL; ours may hold one */
				json_quote(&name, json_string(a, j, child));
				json_verbatim(o, buf_bytes(&name));
				buf_byte(o->to, ':');
				o->after_name = true;
				buf_free(&name);
				rewrite(a, o, j, json_value(j, child));
			} else {
				rewrite(a, o, j, child);
			}
		}
		json_close(o, kind == JSON_OBJECT ? '}' : ']');
	} else if (kind == JSON_STRING) {
		json_text(o, json_string(a, j, v));
	} else {
		json_verbatim(o, json_raw(j, v));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct buf first = { 0 }, again = { 0 }, written = { 0 };
	struct json j, k;
	char error[200] = "";

	if (json_parse(&a, (struct bytes){ data, size }, &j, error) < 0) {
		CLAIM(strncmp(error, "line ", 5) == 0 && j.count == 0);
		goto out;
	}
	CLAIM(utf8_valid(j.text) && walk(&a, &j, 0) == j.count);
	json_canonical(&a, &first, &j, 0);

	struct json_out o = json_start(&written, size % 2);
	rewrite(&a, &o, &j, 0);
	json_end(&o);
	CLAIM(json_parse(&a, buf_bytes(&written), &k, error) == 0 && k.count == j.count);
	json_canonical(&a, &again, &k, 0);
	CLAIM(bytes_equal(buf_bytes(&first), buf_bytes(&again)));

	CLAIM(json_parse(&a, buf_bytes(&first), &k, error) == 0);
	again.n = 0;
	json_canonical(&a, &again, &k, 0);
	CLAIM(bytes_equal(buf_bytes(&first), buf_bytes(&again)));
out:
	buf_free(&first);
	buf_free(&again);
	buf_free(&written);
	arena_free(&a);
	return 0;
}
