/*
 * redact.c (test) - what is masked and what is not, by pairs of texts written by
 * hand (the spellings are python3's, base64's and xxd's); that the outcome is the
 * same however a text is cut; and that no text is slow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/redact.h"

static int tests, failures;

static void ok(bool good, const char *name, const char *detail)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	if (!good)
		printf("# %.500s\n", detail);
	failures += !good;
}

static struct redactor r;    /* shapes and the values below */
static struct redactor only; /* the values alone */

#define SECRET "p@ss/w\xc3\xb6rd \"Zq9+>?~"
#define TOKEN "eyJuIjoxLCJwbHVnaW4iOiJhIiwicnVuIjoiUiJ9.0123456789012345678901234567890123456789abc"
#define LONG LONG1 LONG2 LONG3
#define LONG1 "Tlc3Rpbmcg0123456789abcdefghijkl"
#define LONG2 "mnopqrstuvwxyzABCDEFGHIJKLMNOPQR"
#define LONG3 "STUVWXYZ9876543210"
#define HALF LONG1 LONG2
#define ALNUM36 "0123456789abcdefghijABCDEFGHIJ012345"

/* ---- what is masked ---------------------------------------------------------------- */

static const struct {
	const char *label, *in, *out;
} pairs[] = {
	{ "F180: a secret itself", "it is " SECRET ", no?", "it is [REDACTED secret], no?" },
	{ "F180: twice, nothing between", SECRET SECRET, "[REDACTED secret][REDACTED secret]" },
	{ "F180: base64, at its beginning", "cEBzcy93w7ZyZCAiWnE5Kz4/fnRhaWwh", "[REDACTED secret]nRhaWwh" },
	{ "F180: base64 behind one byte", "eHBAc3Mvd8O2cmQgIlpxOSs+P350YWlsIQ==", "eH[REDACTED secret]50YWlsIQ==" },
	{ "F180: base64 behind two", "eHlwQHNzL3fDtnJkICJacTkrPj9+dGFpbCE=", "eHl[REDACTED secret]dGFpbCE=" },
	{ "F180: base64url", "x cEBzcy93w7ZyZCAiWnE5Kz4_fg", "x [REDACTED secret]g" },
	{ "F180: base64 in short lines", "cEBzcy93w7ZyZCAiWnE5Kz4/\nfg==", "[REDACTED secret]g==" },
	{ "F180: hex", "<704073732f77c3b6726420225a71392b3e3f7e>", "<[REDACTED secret]>" },
	{ "F180: hex in capitals", "<704073732F77C3B6726420225A71392B3E3F7E>", "<[REDACTED secret]>" },
	{ "F180: percent-encoded", "?p=p%40ss%2Fw%C3%B6rd%20%22Zq9%2B%3E%3F~&x", "?p=[REDACTED secret]&x" },
	{ "F180: in small letters", "?p=p%40ss%2fw%c3%b6rd%20%22Zq9%2b%3e%3f~&x", "?p=[REDACTED secret]&x" },
	{ "F180: with its slash", "?p=p%40ss/w%C3%B6rd%20%22Zq9%2B%3E%3F~&x", "?p=[REDACTED secret]&x" },
	{ "F180: in JSON", "{\"a\":\"p@ss/w\xc3\xb6rd \\\"Zq9+>?~\"}", "{\"a\":\"[REDACTED secret]\"}" },
	{ "F180: in JSON as Go writes it", "{\"a\":\"p@ss/w\xc3\xb6rd \\\"Zq9+\\u003e?~\"}", "{\"a\":\"[REDACTED secret]\"}" },
	{ "F180: nearly a secret", "p@ss/w\xc3\xb6rd \"Zq9+>?-", "p@ss/w\xc3\xb6rd \"Zq9+>?-" },
	{ "F180: 64 bytes of a long one are enough", "a " HALF ".", "a [REDACTED secret]." },
	{ "F180: 63 are not", "a " LONG1 "mnopqrstuvwxyzABCDEFGHIJKLMNOPQ.", "a " LONG1 "mnopqrstuvwxyzABCDEFGHIJKLMNOPQ." },
	{ "F180: cut by the end: 8", "a Tlc3Rpbm", "a [REDACTED secret]" },
	{ "F180: cut by the end: 7", "a Tlc3Rpb", "a Tlc3Rpb" },
	{ "F180: cut by the end: 30", "a Tlc3Rpbmcg0123456789abcdefghij", "a [REDACTED secret]" },
	{ "F180: one secret ends in another", "<OVERLAPPING-VALUES>", "<[REDACTED secret]>" },
	{ "F180: a secret that begins in an address", "bob@HOST.example.org:5432/pw!", "[REDACTED email]!" },
	{ "F133: a token", "say " TOKEN "!", "say [REDACTED token]!" },
	{ "F133: half of one is none", "say eyJuIjoxLCJwbHVnaW4iOiJhIiwicnVuIjoiUiJ9.01234567", "say eyJuIjoxLCJwbHVnaW4iOiJhIiwicnVuIjoiUiJ9.01234567" },
	{ "F133: a token in base64", "ZXlKdUlqb3hMQ0p3YkhWbmFXNGlPaUpoSWl3aWNuVnVJam9pVWlKOS4wMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5YWJj",
	    "[REDACTED token]" },
	{ "F180: a private key", "a\n-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n+/==\n-----END PRIVATE KEY-----\nb", "a\n[REDACTED private-key]\nb" },
	{ "F180: with headers", "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,AB\r\n\r\nMII\r\n-----END RSA PRIVATE KEY-----.",
	    "[REDACTED private-key]." },
	{ "F180: indented", "k: |\n  -----BEGIN EC PRIVATE KEY-----\n  MIG\n  AB\n  -----END EC PRIVATE KEY-----\nx", "k: |\n  [REDACTED private-key]\nx" },
	{ "F180: in JSON", "\"-----BEGIN OPENSSH PRIVATE KEY-----\\nb3Bl\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----\\n\"", "\"[REDACTED private-key]\\n\"" },
	{ "F180: without an end", "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\nAbc", "[REDACTED private-key]" },
	{ "F180: and other text behind", "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n(it ends)", "[REDACTED private-key](it ends)" },
	{ "F180: one behind the other", "-----BEGIN PRIVATE KEY-----\nMIG\n-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----",
	    "[REDACTED private-key][REDACTED private-key]" },
	{ "F180: a public key stays", "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n", "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n" },
	{ "F180: only named", "-----BEGIN PRIVATE KEY", "-----BEGIN PRIVATE KEY" },
	{ "F159: AWS", "id AKIAIOSFODNN7EXAMPLE;", "id [REDACTED aws-key-id];" },
	{ "F159: AWS, for a session", "ASIAIOSFODNN7EXAMPLE", "[REDACTED aws-key-id]" },
	{ "F159: not in a word", "xAKIAIOSFODNN7EXAMPLE", "xAKIAIOSFODNN7EXAMPLE" },
	{ "F159: behind an escape", "\\nAKIAIOSFODNN7EXAMPLE", "\\n[REDACTED aws-key-id]" },
	{ "F159: AWS, the key", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n", "aws_[REDACTED aws-key]\n" },
	{ "F159: AWS, as JSON", "\"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\"", "\"[REDACTED aws-key]\"" },
	{ "F159: GitHub", "ghp_" ALNUM36 " gho_" ALNUM36 "xyz ghs_" ALNUM36, "[REDACTED github-token] [REDACTED github-token] [REDACTED github-token]" },
	{ "F159: GitHub, one too short", "ghp_123456789abcdefghijABCDEFGHIJ012345", "ghp_123456789abcdefghijABCDEFGHIJ012345" },
	{ "F159: GitHub, fine-grained", "github_pat_11ABCDEFG0abcdefghij_" ALNUM36 ALNUM36, "[REDACTED github-token]" },
	{ "F159: GitLab", "glpat-abcde_ghij-lmnopqrst ", "[REDACTED gitlab-token] " },
	{ "F159: Slack", "(xoxb-123456789012-abcdef)", "([REDACTED slack-token])" },
	{ "F159: Stripe", "sk_live_0123456789abcdef", "[REDACTED stripe-key]" },
	{ "F159: Google", "AIza0123456789012345678901234567890_-xy", "[REDACTED google-key]" },
	{ "F159: npm", "npm_" ALNUM36, "[REDACTED npm-token]" },
	{ "F159: a JWT", "t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_x y", "t=[REDACTED jwt] y" },
	{ "F159: two parts are none", "eyJhbGciOiJIUzI1NiJ9.c2ln", "eyJhbGciOiJIUzI1NiJ9.c2ln" },
	{ "F159: a header", "> Authorization: Bearer abc.def~123== \n", "> [REDACTED credentials] \n" },
	{ "F159: as JSON, in small letters", "{\"authorization\": \"basic dXNlcjpwYXNz\"}", "{\"[REDACTED credentials]\"}" },
	{ "F159: a word is no header", "authorization: see the bearer documentation", "authorization: see the bearer documentation" },
	{ "F159: an address", "mail Bob.x+y@mail.example.org.", "mail [REDACTED email]." },
	{ "F159: two", "a@b.cc,c@d.ee", "[REDACTED email],[REDACTED email]" },
	{ "F159: in a URL", "https://bob@h.example/x", "https://[REDACTED email]/x" },
	{ "F159: no addresses", "@scope/x pkg@1.2.3 a@b a@.org @b.org x@y.z @@ a@", "@scope/x pkg@1.2.3 a@b a@.org @b.org x@y.z @@ a@" },
	{ "F159: a digest stays", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ "F159: nothing", "", "" },
};

/* Pieces of a size, or of chance sizes below it. */
static bool pieces(const struct redactor *by, struct bytes in, size_t size, bool chance, struct bytes expected, size_t *most)
{
	struct redaction s = { 0 };
	struct buf held = { 0 }, out = { 0 };
	bool same;

	for (size_t at = 0; at < in.n; ) {
		size_t n = chance ? (size_t)rand() % size + 1 : size;

		n = n < in.n - at ? n : in.n - at;
		buf_add(&held, in.p + at, n);
		buf_drop(&held, redact(by, &s, buf_bytes(&held), false, &out));
		if (most && held.n > *most)
			*most = held.n;
		at += n;
	}
	same = redact(by, &s, buf_bytes(&held), true, &out) == held.n && bytes_equal(buf_bytes(&out), expected);
	if (!same)
		printf("# of %.*s\n# pieces of %zu: %.*s\n", in.n > 300 ? 300 : (int)in.n, (const char *)in.p, size, out.n > 300 ? 300 : (int)out.n, (char *)out.p);
	buf_free(&held);
	buf_free(&out);
	return same;
}

static void masks(void)
{
	struct arena a = { 0 };

	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct bytes in = bytes_of(pairs[i].in), out = bytes_of(pairs[i].out), got;
		struct redaction s = { 0 };
		struct buf b = { 0 };
		uint64_t n = 0, marks = 0;
		size_t bad = 0;

		for (const char *p = pairs[i].out; (p = strstr(p, "[REDACTED ")); p++)
			marks++;
		redact(&r, &s, in, true, &b);
		ok(bytes_equal(buf_bytes(&b), out) && s.masks == marks, pairs[i].label, arena_printf(&a, "%.*s", (int)b.n, (char *)b.p));
		got = redact_text(&r, &a, in, &n);
		bad += !bytes_equal(got, out) || n != marks || (n == 0 && got.p != in.p) || !redact_finds(&r, in, true) != (n == 0);
		for (size_t cut = 1; cut < in.n; cut++) { /* every place, two pieces */
			struct redaction t = { 0 };
			struct buf held = { 0 };

			b.n = 0;
			buf_add(&held, in.p, cut);
			buf_drop(&held, redact(&r, &t, buf_bytes(&held), false, &b));
			buf_add(&held, in.p + cut, in.n - cut);
			bad += redact(&r, &t, buf_bytes(&held), true, &b) != held.n || !bytes_equal(buf_bytes(&b), out);
			buf_free(&held);
		}
		for (size_t size = 1; size < 8; size++)
			bad += !pieces(&r, in, size, false, out, NULL);
		buf_free(&b);
		ok(bad == 0, "F180: wherever it is cut", pairs[i].in);
	}
	arena_free(&a);
}

/* ---- chance -------------------------------------------------------------------------- */

/* Texts put together from what matters, the outcome in one piece being the measure. */
static void chances(void)
{
	static const char *const bits[] = { "a", "@", ".", "-", "\n", "\\", "%", " ", "eyJ", "-----", "BEGIN ", "END ",
		"PRIVATE KEY", "AKIA", "0123456789ABCDEF", "ghp_", "x@y.zz", "Bearer ", "authorization", ":", "\"", "\r",
		LONG1, LONG2, LONG3, "Tlc3", "Rpbmcg01", "OVERLAPPING", "-VALUES", "HOST.example.org:5432/pw", "\xff", "cEBzcy93w7Zy",
		"ZCAiWnE5Kz4/fn", "704073732f77c3b67264", "20225a71392b3e3f7e", "p@ss/w\xc3\xb6rd ", "\"Zq9+>?~" };
	struct buf in = { 0 }, out = { 0 };
	size_t bad = 0, shown = 0, most = 0;

	srand(7);
	for (int round = 0; round < 4000; round++) {
		const struct redactor *by = round % 4 ? &r : &only;
		struct redaction s = { 0 };

		in.n = out.n = 0;
		for (int n = rand() % 30; n >= 0; n--) {
			const char *bit = rand() % 6 ? bits[(size_t)rand() % COUNT(bits)] : pairs[(size_t)rand() % COUNT(pairs)].in;
			size_t length = strlen(bit);

			buf_add(&in, bit, rand() % 5 ? length : (size_t)rand() % (length + 1));
		}
		redact(by, &s, buf_bytes(&in), true, &out);
		shown += memmem(out.p, out.n, SECRET, strlen(SECRET)) || memmem(out.p, out.n, HALF, strlen(HALF)) ||
		    memmem(out.p, out.n, "OVERLAPPING", 11) || memmem(out.p, out.n, TOKEN, strlen(TOKEN));
		bad += !pieces(by, buf_bytes(&in), 1, false, buf_bytes(&out), &most);
		bad += !pieces(by, buf_bytes(&in), 40, true, buf_bytes(&out), &most);
	}
	printf("# at most %zu bytes waited\n", most);
	ok(bad == 0, "F180: 4000 chance texts come out the same in pieces", "");
	ok(shown == 0, "F180: none with a value in it", "");
	ok(most < 2048, "F180: little ever waits", "");
	buf_free(&in);
	buf_free(&out);
}

/* ---- time ------------------------------------------------------------------------------ */

#define FLOOD (4u << 20)

static void floods(void)
{
	static const struct {
		const char *label, *bit;
	} bits[] = {
		{ "plain text", "The quick brown fox, number 4711, jumps over the lazy dog.\n" },
		{ "hex digits", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934c" },
		{ "beginnings of a key", "-----BEGIN PRIVATE KE " }, { "dashes", "-" }, { "addresses", "a@" },
		{ "letters", "a" }, { "local parts", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@" },
		{ "beginnings of a JWT", "eyJ-" }, { "and longer ones", ".eyJhbGciOiJIUzI1NiJ9" }, { "names", "authorization:" },
		{ "a long secret but its end", LONG1 "mnopqrstuvwxyzABCDEFGHIJKLMNOPQ" }, { "beginnings of it", "Tlc3Rpbm" },
		{ "a secret of one letter", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz." },
		{ "tokens but their end", "eyJuIjoxLCJwbHVnaW4iOiJhIiwicnVuIjoiUiJ9.012345678901234567890123456789012345" },
		{ "beginnings of tokens", "eyJu" }, { "keys", "AKIA" }, { "secrets", SECRET }, { "open blocks", "-----BEGIN PRIVATE KEY-----" },
	};
	unsigned char *p = malloc(FLOOD);
	struct buf out = { 0 };
	double slowest = 0;

	if (!p)
		abort();
	buf_reserve(&out, 3 * FLOOD);
	for (size_t i = 0; i < COUNT(bits); i++) {
		struct redaction s = { 0 };
		size_t n = strlen(bits[i].bit);
		clock_t start;
		double took;

		for (size_t at = 0; at < FLOOD; at++)
			p[at] = (unsigned char)bits[i].bit[at % n];
		out.n = 0;
		start = clock();
		redact(&r, &s, (struct bytes){ p, FLOOD }, true, &out);
		took = (double)(clock() - start) / CLOCKS_PER_SEC;
		printf("# %-28s %6.0f MB/s\n", bits[i].label, FLOOD / 1e6 / (took > 0 ? took : 1e-6));
		slowest = took > slowest ? took : slowest;
	}
	ok(slowest < 2, "F066: 4 MiB of anything take no longer than 2 s", "");
	free(p);
	buf_free(&out);
}

/* ---- many tokens, and wiping -------------------------------------------------------------- */

static void many(void)
{
	static struct redactor tokens;
	char text[400];
	struct buf in = { 0 }, out = { 0 };
	struct redaction s = { 0 };
	size_t bad = 0;
	clock_t start;

	redactor_start(&tokens, true);
	for (int i = 1; i <= 1024; i++) {
		struct buf made = { 0 };

		snprintf(text, sizeof(text), "{\"n\":%d,\"plugin\":\"a-plugin\",\"run\":\"01HF7YAT00\",\"caps\":[]}", i);
		base64url_encode(&made, bytes_of(text));
		buf_printf(&made, ".%043d", i);
		redactor_add(&tokens, buf_bytes(&made), true);
		if (i % 97 == 0) {
			buf_add(&in, made.p, made.n);
			buf_byte(&in, '\n');
		}
		buf_free(&made);
	}
	redact(&tokens, &s, buf_bytes(&in), true, &out);
	bad += s.masks != 1024 / 97 || out.n != 17 * s.masks;
	ok(bad == 0, "F133: each of 1024 tokens", (char *)out.p);
	in.n = out.n = 0;
	while (in.n < FLOOD)
		buf_text(&in, "eyJuIjoxMDI0LCJwbHVnaW4iOiJhLXBs");
	start = clock();
	redact(&tokens, &s, buf_bytes(&in), true, &out);
	ok(clock() - start < 2 * CLOCKS_PER_SEC && bytes_equal(buf_bytes(&in), buf_bytes(&out)), "F066: beginnings of them, 4 MiB", "");
	redactor_wipe(&tokens);
	ok(tokens.patterns == 0 && !tokens.started, "F133: wiped, nothing is left", "");
	buf_free(&in);
	buf_free(&out);
}

static void refused(void)
{
	static struct redactor few;
	struct arena a = { 0 };
	uint64_t n = 0;

	redactor_start(&few, false);
	redactor_add(&few, BYTES("1234567"), false);
	ok(few.patterns == 0, "F180: 7 bytes cannot be masked", "");
	redactor_add(&few, BYTES("jklmnopq"), false);
	ok(few.patterns == 6, "F180: what is spelt alike is kept once", "");
	ok(bytes_are(redact_text(&few, &a, BYTES("jklmnopq a@b.cc AKIAIOSFODNN7EXAMPLE"), &n), "[REDACTED secret] a@b.cc AKIAIOSFODNN7EXAMPLE"),
	    "F180: without shapes only values", "");
	ok(redact_finds(&r, BYTES("a@b.cc"), true) && !redact_finds(&r, BYTES("a@b.cc"), false), "F159: an address is no secret", "");
	redactor_wipe(&few);
	arena_free(&a);
}

int main(void)
{
	struct redactor *const both[] = { &r, &only };

	for (size_t i = 0; i < COUNT(both); i++) {
		redactor_start(both[i], i == 0);
		redactor_add(both[i], BYTES(SECRET), false);
		redactor_add(both[i], BYTES(LONG), false);
		redactor_add(both[i], BYTES("OVERLAPPING"), false);
		redactor_add(both[i], BYTES("LAPPING-VALUES"), false);
		redactor_add(both[i], BYTES("HOST.example.org:5432/pw"), false);
		redactor_add(both[i], BYTES("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"), false);
		redactor_add(both[i], BYTES(TOKEN), true);
	}
	masks();
	chances();
	floods();
	many();
	refused();
	printf("1..%d\n", tests);
	return failures > 0;
}
