/*
 * manifest.c (test) - what trust/manifest.c, objectform.c and text.c make of words:
 * every field of struct manifest, paths, hosts, and what is shown of a name.
 */
#include <stdio.h>
#include <string.h>

#include "trust/trust.h"

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* ---- text.c ---------------------------------------------------------------------- */

/* NULL: refused. */
static const struct {
	const char *path, *clean;
} paths[] = {
	{ "a", "a" }, { "a/b.c", "a/b.c" }, { "./a", "a" }, { "./a/b", "a/b" }, { "...", "..." },
	{ "..a", "..a" }, { "a..", "a.." }, { "a/..b", "a/..b" }, { ".a", ".a" }, { " ", " " },
	{ "a\\b", "a\\b" }, { "\xc3\xa9", "\xc3\xa9" },
	{ "", NULL }, { ".", NULL }, { "./", NULL }, { "..", NULL }, { "/", NULL }, { "/a", NULL },
	{ "a/", NULL }, { "a//b", NULL }, { "a/./b", NULL }, { "a/../b", NULL }, { "../a", NULL },
	{ "a/..", NULL }, { "a/.", NULL }, { "././a", NULL }, { ".//a", NULL }, { "./..", NULL },
	{ "a\nb", NULL }, { "a\x7f", NULL }, { "\t", NULL },
};

static void test_paths(struct arena *a)
{
	char name[100], longest[300];

	for (size_t i = 0; i < COUNT(paths); i++) {
		snprintf(name, sizeof(name), "path %zu is %s", i, paths[i].clean ? "taken" : "refused");
		ok(same(path_clean(a, bytes_of(paths[i].path)), paths[i].clean), name);
	}
	ok(!path_clean(a, (struct bytes){ (const unsigned char *)"a\0b", 3 }), "a path with a NUL is refused");
	memset(longest, 'x', sizeof(longest));
	ok(path_clean(a, (struct bytes){ (unsigned char *)longest, 255 }) &&
	    !path_clean(a, (struct bytes){ (unsigned char *)longest, 256 }), "255 bytes are a path, 256 none");
}

static const struct {
	const char *text, *host;
	int port;
} hosts[] = {
	{ "a", "a", 0 }, { "Example.ORG", "example.org", 0 }, { "a:1", "a", 1 }, { "a:65535", "a", 65535 },
	{ "10.0.0.1:80", "10.0.0.1", 80 }, { "a-b.c-.d", "a-b.c-.d", 0 }, { "0", "0", 0 },
	{ "[::1]", "::1", 0 }, { "[FE80::1]:443", "fe80::1", 443 }, { "[::ffff:1.2.3.4]", "::ffff:1.2.3.4", 0 },
	{ "[::]:1", "::", 1 },
	{ "", NULL, 0 }, { ":1", NULL, 0 }, { "a:", NULL, 0 }, { "a:0", NULL, 0 }, { "a:01", NULL, 0 },
	{ "a:65536", NULL, 0 }, { "a:-1", NULL, 0 }, { "a:1 ", NULL, 0 }, { "a:1:2", NULL, 0 }, { "a:b", NULL, 0 },
	{ "*", NULL, 0 }, { "*.a", NULL, 0 }, { "a.*", NULL, 0 }, { "a..b", NULL, 0 }, { ".a", NULL, 0 },
	{ "a.", NULL, 0 }, { "-a", NULL, 0 }, { "a.-b", NULL, 0 }, { "a_b", NULL, 0 }, { "a b", NULL, 0 },
	{ "a/b", NULL, 0 }, { "u@a", NULL, 0 }, { "http://a", NULL, 0 }, { "\xc3\xa9.org", NULL, 0 },
	{ "::1", NULL, 0 }, { "[", NULL, 0 }, { "[]", NULL, 0 }, { "[::1", NULL, 0 }, { "[::1]x", NULL, 0 },
	{ "[::1]80", NULL, 0 }, { "[a]", NULL, 0 }, { "[1.2.3.4]", NULL, 0 }, { "[1::2::3]", NULL, 0 },
	{ "[::1%eth0]", NULL, 0 }, { "[12345::]", NULL, 0 }, { "[:]", NULL, 0 }, { "[1:2:3:4:5:6:7]", NULL, 0 },
	{ "[1:2:3:4:5:6:7:8:9]", NULL, 0 },
};

static void test_hosts(struct arena *a)
{
	char name[100];

	for (size_t i = 0; i < COUNT(hosts); i++) {
		const char *host = NULL;
		uint16_t port = 0;
		bool taken = host_split(a, bytes_of(hosts[i].text), &host, &port);

		snprintf(name, sizeof(name), "host %s", hosts[i].text);
		for (char *c = name; *c; c++)
			*c = (unsigned char)*c > 0x7e ? '?' : *c;
		ok(taken == (hosts[i].host != NULL) &&
		    (!taken || (same(host, hosts[i].host) && port == hosts[i].port)), name);
	}
}

static void test_shown(struct arena *a)
{
	static const struct {
		const char *name, *shown;
	} table[] = {
		{ "", "\"\"" }, { "a", "\"a\"" }, { "a\"b\\", "\"a\\\"b\\\\\"" }, { "\n\x1b", "\"\\n\\u001b\"" },
		{ "\x7f", "\"\\u007f\"" }, { "\xc2\x9b", "\"\\u009b\"" }, { "\xc2\xa0", "\"\xc2\xa0\"" },
		{ "\xff" "a", "\"\\ufffda\"" }, { "\xc3", "\"\\ufffd\"" },
	};
	char longest[80];

	for (size_t i = 0; i < COUNT(table); i++)
		ok(same(text_shown(a, bytes_of(table[i].name)), table[i].shown), "a name is shown");
	memset(longest, 'x', sizeof(longest));
	ok(strlen(text_shown(a, (struct bytes){ (unsigned char *)longest, 64 })) == 66, "64 bytes are shown");
	ok(strlen(text_shown(a, (struct bytes){ (unsigned char *)longest, 65 })) == 64 + 5, "65 are cut");
	memcpy(longest + 63, "\xe2\x82\xac", 3);
	ok(same(text_shown(a, (struct bytes){ (unsigned char *)longest, 66 }),
	    arena_printf(a, "\"%.63s\"...", longest)), "not inside of a character");
}

/* ---- manifest.c --------------------------------------------------------------------- */

#define SHA_A "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff"

static void test_array(struct arena *a)
{
	static const char text[] =
	    "{\"$schema\":\"s\",\"name\":\"n-1\",\"version\":\"1.0~rc\",\"description\":\"d\","
	    "\"entry\":\"any thing\",\"artifact\":\"./bin/x\",\"capabilities\":[\"CAP_WS\",\"CAP_STORAGE\"],"
	    "\"signature\":{\"signature\":\"./s/x.sig\",\"publicKey\":\"../k.pub\"},\"trusted\":false,"
	    "\"config\":{ \"a\" : 1 },\"files\":{\"./f\":\"" SHA_A "\"},\"runtime\":\"system\","
	    "\"resources\":{\"cpu\":\"1500ms\",\"memory\":\"3K\",\"timeout\":\"2m\",\"pids\":7},"
	    "\"findings\":\"sarif:./o/x.sarif\",\"args\":[\"a\",\"\",\"\\u00e9\"],"
	    "\"egress\":{\"hosts\":[\"A.b:1\",\"[::A]\"]}}";
	unsigned char digest[SHA256_SIZE];
	struct manifest m;
	struct why why = { 0 };

	hex_decode(BYTES(SHA_A), digest, sizeof(digest));
	ok(manifest_parse(a, BYTES(text), &m, &why) == 0, "the array form, all of it");
	ok(m.form == FORM_ARRAY && same(m.name, "n-1") && same(m.version, "1.0~rc") &&
	    same(m.description, "d") && same(m.entry, "any thing") && same(m.artifact, "bin/x"),
	    "names, entry, artifact");
	ok(m.capabilities == (CAP_BIT(CAP_WS) | CAP_BIT(CAP_STORAGE)), "capabilities");
	ok(same(m.signature, "s/x.sig") && same(m.public_key, "../k.pub") && !m.certificate &&
	    m.trusted_present, "signature, trusted");
	ok(bytes_are(m.config, "{ \"a\" : 1 }"), "config is kept as written");
	ok(m.files == 1 && same(m.file[0].path, "f") && !memcmp(m.file[0].sha256, digest, SHA256_SIZE), "files");
	ok(same(m.runtime, "system") && m.broker, "a runtime brings the broker's client");
	ok(m.resources.cpu_ns == 1500000000 && m.resources.memory == 3072 &&
	    m.resources.wall_ns == UINT64_C(120000000000) && m.resources.pids == 7 && m.resources.workspace == 0,
	    "resources");
	ok(m.findings == FINDINGS_SARIF && same(m.findings_path, "o/x.sarif"), "findings");
	ok(m.args == 3 && same(m.arg[0], "a") && same(m.arg[1], "") && same(m.arg[2], "\xc3\xa9"), "args");
	ok(m.hosts == 2 && same(m.host[0], "a.b:1") && same(m.host[1], "[::a]"), "hosts");
}

static void test_least(struct arena *a)
{
	struct manifest m = { .trusted_present = true, .files = 9, .public_key = "left over" };
	struct why why = { 0 };

	ok(manifest_parse(a, BYTES("{\"name\":\"n\",\"version\":\"0\",\"entry\":\"e\",\"artifact\":\"x\","
	    "\"capabilities\":[\"CAP_REPORT\"],\"resources\":{\"cpu\":3}}"), &m, &why) == 0, "the least of the array form");
	ok(!m.description && !m.signature && !m.public_key && !m.certificate && !m.trusted_present && !m.config.p &&
	    !m.files && !m.runtime && !m.broker && !m.args && !m.hosts, "nothing is left of what stood there");
	ok(m.findings == FINDINGS_BROKER && !m.findings_path, "findings come through the broker");
	ok(m.resources.cpu_ns == UINT64_C(3000000000), "a number of seconds");
}

static capability_set object_of(struct arena *a, const char *capabilities, struct manifest *m)
{
	const char *text = arena_printf(a, "{\"name\":\"n\",\"version\":\"0\",\"entry\":\"./c/s.sh\","
	    "\"capabilities\":%s}", capabilities);
	struct why why = { 0 };

	return manifest_parse(a, bytes_of(text), m, &why) == 0 ? m->capabilities : 0;
}

/* The mapping of the contract, section 4. */
static void test_object(struct arena *a)
{
	static const struct {
		const char *text;
		capability_set set;
	} table[] = {
		{ "{}", 0 },
		{ "{\"http\":{\"outbound\":[\"broker\"]}}", CAP_BIT(CAP_HTTP_ACTIVE) },
		{ "{\"ws\":{\"outbound\":[\"broker\"]}}", CAP_BIT(CAP_WS) },
		{ "{\"storage\":{\"workspace\":true}}", CAP_BIT(CAP_STORAGE) },
		{ "{\"secrets\":{\"broker\":true}}", CAP_BIT(CAP_SECRETS_READ) },
		{ "{\"storage\":{\"workspace\":false},\"secrets\":{\"broker\":false}}", 0 },
		{ "{\"http\":{\"outbound\":[\"broker\"]},\"storage\":{\"workspace\":true},\"secrets\":{\"broker\":true}}",
		    CAP_BIT(CAP_HTTP_ACTIVE) | CAP_BIT(CAP_STORAGE) | CAP_BIT(CAP_SECRETS_READ) },
	};
	struct manifest m;

	for (size_t i = 0; i < COUNT(table); i++)
		ok(object_of(a, table[i].text, &m) == (table[i].set | CAP_BIT(CAP_EMIT_FINDINGS)), table[i].text);
	ok(m.form == FORM_OBJECT && same(m.entry, "./c/s.sh") && same(m.artifact, "c/s.sh") && !m.signature,
	    "its entry is its artifact");
}

static void test_bare(struct arena *a)
{
	static const char *const bad[] = { "", "a b", ".a", "-a", "a/b", "\xc3\xa9", "a\n" };
	struct manifest m;
	struct why why = { 0 };
	char longest[66];

	ok(manifest_bare(a, "scan-1.x_y", &m, &why) == 0 && m.form == FORM_BARE && same(m.name, "scan-1.x_y") &&
	    same(m.version, "0") && same(m.artifact, "scan-1.x_y") && m.findings == FINDINGS_STDOUT &&
	    m.capabilities == CAP_BIT(CAP_EMIT_FINDINGS), "a bare executable");
	for (size_t i = 0; i < COUNT(bad); i++) {
		why = (struct why){ 0 };
		ok(manifest_bare(a, bad[i], &m, &why) < 0 && why.code == REFUSE_MANIFEST, "a bare executable with a bad name");
	}
	memset(longest, 'x', 65);
	longest[65] = '\0';
	why = (struct why){ 0 };
	ok(manifest_bare(a, longest, &m, &why) < 0, "a name of 65");
	longest[64] = '\0';
	ok(manifest_bare(a, longest, &m, &why) == 0, "a name of 64");
}

int main(void)
{
	struct arena a = { 0 };

	test_paths(&a);
	test_hosts(&a);
	test_shown(&a);
	test_array(&a);
	test_least(&a);
	test_object(&a);
	test_bare(&a);
	arena_free(&a);
	printf("1..%d\n", tests);
	return failures != 0;
}
