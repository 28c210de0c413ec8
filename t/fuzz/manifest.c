/*
 * manifest.c (fuzzer) - manifest_parse on any bytes: what it takes keeps every
 * promise of struct manifest, and is taken again in another spelling; what it
 * refuses has one sentence without control bytes.
 */
#include "lib/util.c"
#include "lib/time.c"
#include "lib/file.c"
#include "lib/sha256ni.c"
#include "lib/hash.c"
#include "lib/words.c"
#define read_name json_read_name
#include "lib/flat.c"
#include "lib/json.c"
#undef read_name
#include "lib/jsonout.c"
#include "trust/text.c"
#include "trust/objectform.c"
#include "trust/manifest.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(x)                              \
	do {                                  \
		if (!(x))                     \
			__builtin_trap();     \
	} while (0)

/* Written down in another way than path_clean does it. */
static void claim_path(const char *path)
{
	char part[300];
	size_t n = 0;

	CLAIM(path && *path && strlen(path) <= 255 && path[0] != '/');
	for (const char *c = path;; c++) {
		CLAIM(*c == '\0' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
		if (*c != '/' && *c != '\0') {
			part[n++] = *c;
			continue;
		}
		part[n] = '\0';
		CLAIM(n > 0 && strcmp(part, ".") && strcmp(part, ".."));
		n = 0;
		if (*c == '\0')
			return;
	}
}

static void claim_word(const char *s, size_t max)
{
	CLAIM(s && *s && strlen(s) <= max && !strchr("._-+~:/ ", *s));
	for (; *s; s++)
		CLAIM(*s > 0x20 && *s != 0x7f && *s != '/');
}

static void claim_lists(struct arena *a, const struct manifest *m)
{
	CLAIM(m->files <= MANIFEST_FILES && m->args <= MANIFEST_ARGS && m->hosts <= MANIFEST_HOSTS);
	for (size_t i = 0; i < m->files; i++) {
		claim_path(m->file[i].path);
		for (size_t k = 0; k < i && i < 100; k++)
			CLAIM(strcmp(m->file[i].path, m->file[k].path));
	}
	for (size_t i = 0; i < m->args; i++)
		CLAIM(m->arg[i] && strlen(m->arg[i]) <= 4 * 4096);
	for (size_t i = 0; i < m->hosts; i++) {
		const char *host;
		uint16_t port;

		CLAIM(host_split(a, bytes_of(m->host[i]), &host, &port) && *host);
		for (const char *c = m->host[i]; *c; c++)
			CLAIM(*c > 0x20 && *c < 0x7f && (*c < 'A' || *c > 'Z') && !strchr("*/@?#", *c));
	}
}

static void claim_manifest(struct arena *a, const struct manifest *m)
{
	bool in_file = m->findings == FINDINGS_SARIF || m->findings == FINDINGS_JSON;

	CLAIM(m->form == FORM_ARRAY || m->form == FORM_OBJECT);
	claim_word(m->name, 64);
	claim_word(m->version, 64);
	claim_path(m->artifact);
	CLAIM(m->entry && *m->entry && m->capabilities);
	CLAIM(!(m->capabilities >> CAPABILITY_COUNT));
	CLAIM(!(m->capabilities & CAP_BIT(CAP_FLOW_INSPECT_RAW)) ||
	    (m->capabilities & CAP_BIT(CAP_FLOW_INSPECT)));
	if (m->form == FORM_OBJECT)
		CLAIM(!m->signature && !m->public_key && !m->certificate && !m->trusted_present &&
		    !m->config.p && (m->capabilities & CAP_BIT(CAP_EMIT_FINDINGS)));
	CLAIM(m->signature || (!m->public_key && !m->certificate));
	CLAIM(!m->public_key || !m->certificate);
	if (m->signature)
		claim_path(m->signature);
	if (m->certificate)
		claim_path(m->certificate);
	if (m->runtime)
		claim_word(m->runtime, 64);
	CLAIM(m->broker == (m->runtime != NULL));
	CLAIM(in_file == (m->findings_path != NULL));
	if (in_file)
		claim_path(m->findings_path);
	CLAIM(m->resources.pids <= 65536 && m->resources.workspace == 0);
	claim_lists(a, m);
}

/* The same document in canonical form says the same. */
static void claim_again(struct arena *a, struct bytes text, const struct manifest *m)
{
	struct buf canonical = { 0 };
	struct manifest again;
	struct why why = { 0 };
	struct json j;
	char error[200];

	CLAIM(json_parse(a, text, &j, error) == 0);
	json_canonical(a, &canonical, &j, 0);
	CLAIM(manifest_parse(a, buf_bytes(&canonical), &again, &why) == 0);
	CLAIM(!strcmp(m->name, again.name) && !strcmp(m->artifact, again.artifact) &&
	    m->capabilities == again.capabilities && m->files == again.files &&
	    m->args == again.args && m->hosts == again.hosts &&
	    !memcmp(&m->resources, &again.resources, sizeof(m->resources)));
	buf_free(&canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = { data, size };
	struct arena a = { 0 };
	struct manifest m;
	struct why why = { 0 };

	if (manifest_parse(&a, text, &m, &why) == 0) {
		CLAIM(why.code == REFUSAL_NONE);
		claim_manifest(&a, &m);
		claim_again(&a, text, &m);
	} else {
		CLAIM(why.code == REFUSE_MANIFEST && !strncmp(why.text, "manifest.json: ", 15));
		for (const char *c = why.text; *c; c++)
			CLAIM((unsigned char)*c >= 0x20);
	}
	arena_free(&a);
	return 0;
}
