/*
 * trust.h - the desk: the operator's words and keys, and the plugin's manifest.
 * Runs in the supervisor before anything is forked. The only code that sees
 * private keys is key.c.
 */
#ifndef OXG_TRUST_H
#define OXG_TRUST_H

#include "oxg.h"

/* ---- manifest.c: DESIGN.md section 4, FORMATS.md section 19 ------------------ */
#define MANIFEST_BYTES (1u << 20) /* holds MANIFEST_FILES of usual length */
#define MANIFEST_FILES 4096
#define MANIFEST_ARGS 64
#define MANIFEST_HOSTS 64
#define NAME_MAX_CHARS 64   /* a plugin's name: [a-z0-9][a-z0-9._-]*, upper case allowed */

enum manifest_form { FORM_ARRAY, FORM_OBJECT, FORM_BARE };

struct manifest_file {
	const char *path;   /* relative, no "..", no empty or "." part, no leading "/" */
	unsigned char sha256[SHA256_SIZE];
};

struct manifest {
	enum manifest_form form;
	const char *name, *version, *description;
	const char *entry;      /* as written */
	const char *artifact;   /* path below the plugin's directory, "./" removed */
	capability_set capabilities;
	const char *signature;  /* path below the plugin's directory, or NULL */
	const char *public_key; /* hint only, or NULL */
	const char *certificate;/* path below the plugin's directory, or NULL */
	bool trusted_present;
	struct bytes config;    /* raw JSON of "config", or none */
	struct manifest_file *file;
	size_t files;
	const char *runtime;    /* "system", a name, or NULL */
	struct resources resources;
	enum findings_source findings;
	const char *findings_path;
	const char **arg;
	size_t args;
	const char **host;      /* egress.hosts */
	size_t hosts;
	bool broker;            /* asks for /bin/oxg: set when "runtime" is given */
};

/* All or nothing. 0, or -1 with why (MANIFEST) naming the member and what to write. */
int manifest_parse(struct arena *a, struct bytes text, struct manifest *out, struct why *why);
/* For one bare executable: name from its file name, version "0", CAP_EMIT_FINDINGS,
 * findings from stdout. */
int manifest_bare(struct arena *a, const char *file_name, struct manifest *out, struct why *why);
/* What manifest.c lends to objectform.c. A form is a table of members. */
struct form_reader {
	struct arena *a;
	const struct json *j;
	struct manifest *m;
	struct why *why;
};

struct form_member {
	const char *name;
	bool (*read)(struct form_reader *r, int v); /* false: it is not what is expected */
	bool required;
	const char *expected;             /* "...must be <expected>" */
};

/* Every member of the object v by its table. where is "" or "signature.".
 * form_object wants at least one to be there. */
bool form_members(struct form_reader *r, int v, const char *where,
    const struct form_member *table, size_t count);
bool form_object(struct form_reader *r, int v, const char *where,
    const struct form_member *table, size_t count);
const char *form_path(struct form_reader *r, int v); /* by path_clean, or NULL */

/* What objectform.c gives back: the members only the object form has. */
bool form_entry_path(struct form_reader *r, int v);
bool form_capability_objects(struct form_reader *r, int v);
bool form_sandbox(struct form_reader *r, int v);

/* ---- text.c: what the words of both documents are made of ----------------------- */
bool text_control(unsigned char c); /* C0 or DEL */
/* A letter or digit first, then those and what extra names; NULL is none. */
bool text_word(const char *s, size_t max, const char *extra);
const char *text_lower(struct arena *a, struct bytes s); /* ASCII alone */
/* A name from outside, for a message: quoted, escaped, cut. */
const char *text_shown(struct arena *a, struct bytes s);
/* Why a file of a plugin cannot be read, by errno. */
const char *reading_fault(int error);
/* A relative path that stays below: no "..", no empty part, no leading slash,
 * no control byte, at most 255 chars. Drops a leading "./". NULL when it is not. */
const char *path_clean(struct arena *a, struct bytes path);
/* "host", "host:port", "[v6]:port" -> host in lower case without brackets, and
 * the port or 0. No wildcard, no empty label, nothing behind. */
bool host_split(struct arena *a, struct bytes s, const char **host, uint16_t *port);

/* ---- policy.c: DESIGN.md section 10 ---------------------------------------------- */
#define POLICY_BYTES (1u << 20)

enum decision { DECISION_PASS, DECISION_BLOCK, DECISION_APPROVAL };
enum requirement { REQUIRED, OPTIONAL };

struct proxy_rule { const char *host; uint16_t port; };

/* Whose approval covers what. */
struct approval_role {
	const char *name;
	const char **key;                /* files of keys/approvers/ */
	size_t keys;
	const char **rule;               /* of the gate's */
	size_t rules;
};

struct policy {
	const char *profile;             /* "default" or "strict" */
	const char *source;              /* file name for messages; "built-in" */
	bool allowlist_required, signature_required, manifest_required;
	const char *min_tier;            /* "namespaces" "chroot" "landlock" */
	struct resources resources;      /* all set */
	capability_set grant;
	bool proxy_enable;
	const char *rules_path, *history_path;
	struct proxy_rule *allow;
	size_t allows;
	uint64_t proxy_requests, proxy_timeout_ns;
	const char **secret, **command, **runtime, **protected_path;
	size_t secrets, commands, runtimes, protected_paths;
	int fail_on;                     /* enum severity, or -1: none */
	uint64_t max_patch_lines, max_risk;
	bool denied_blocks;              /* on_denied: "block" */
	int live_input;                  /* on_unsnapshotted: index of on_unsnapshotted_word */
	const char **require;            /* names of evidence */
	size_t requires;
	bool gate_signature;             /* require_signature */
	bool gate_protected_paths;
	uint64_t approvals_required;     /* different approvers for each rule that asks */
	uint64_t approvals_max_age_ns;
	bool approvals_signer;           /* the run's own signer counts as well */
	struct approval_role *role;
	size_t roles;                    /* 0: every approver may approve everything */
};

/* The built-in profile; NULL when there is none of that name. */
const struct policy *policy_profile(const char *name);
bool policy_is_strict(const struct policy *p);
/* Its bytes. -1 with why (USAGE, POLICY). */
int policy_file(struct arena *a, const char *file, struct bytes *text, struct why *why);
extern const char *const on_unsnapshotted_word[3]; /* "record" "approval" "block" */
/* Strict; members absent keep the profile's value ("profile" in the file, else
 * the name given). 0, or -1 with why (POLICY) naming file and member. */
int policy_read(struct arena *a, struct bytes text, const char *source,
    const char *profile, struct policy *out, struct why *why);
/* What every policy guarantees, whatever its file says; detail: how, or what breaks it
 * and the remedy. */
#define GUARANTEES 7
struct guarantee {
	const char *name, *detail;
	bool kept;
};
void policy_guarantees(const struct policy *p, struct guarantee out[GUARANTEES]);
/* policy_read, and what breaks a guarantee is refused too. */
int policy_parse(struct arena *a, struct bytes text, const char *source,
    const char *profile, struct policy *out, struct why *why);
/* The policy in force: --policy's file, else policy.json of the trust root, else
 * the built-in profile (name NULL: "default"). A file that names another profile
 * than --profile does is refused. root may be NULL. 0, or -1 with why (USAGE for
 * a profile or file that is not there, POLICY). */
int policy_load(struct arena *a, const char *file, const char *profile,
    const struct trust_root *root, struct policy *out, struct why *why);
/* Canonical JSON (RFC 8785) of every field: inputs/policy.json, the snapshot. */
void policy_snapshot(const struct policy *p, struct buf *out);
/* grant = manifest and (policy or what the operator added with --grant). */
void grant_cut(const struct policy *p, const struct manifest *m,
    capability_set added, struct grant *out);

/* ---- trust root (root.c): DESIGN.md section 4 -------------------------------------- */
struct pubkey {
	unsigned char q[65];              /* 04 || X || Y, on the curve */
	char id[SHA256_HEX];              /* hex SHA-256 of the SPKI */
	const char *file;                 /* "keys/x.pub", or NULL */
};

#define ALLOWLIST_BYTES (16u << 20)

struct allow_entry {
	const char *path;                 /* relative to the list, or absolute; no "." or empty part */
	unsigned char sha256[SHA256_SIZE];
	int line;
	bool one_blank;                   /* before the path: how the list is written */
};

struct trust_root {
	const char *path;                 /* absolute, real */
	const char *found_by;             /* "--trust" "$OXG_TRUST" "executable" ... */
	bool explicit_choice;             /* --trust or a variable: the operator's own word */
	bool absent;                      /* nothing was found: /etc/oxg is not there; dir is -1 */
	bool allowlist_absent;            /* no ALLOWLIST in it; verify_plugin refuses */
	int dir;                          /* descriptor of it */
	struct allow_entry *entry;        /* ALLOWLIST; sorted by path */
	size_t entries;
	unsigned char allowlist_sha256[SHA256_SIZE];
	struct pubkey *key;               /* keys/[*].pub */
	size_t keys;
	struct bytes *ca;                 /* keys/[*].crt: DER of each CA certificate */
	const char **ca_file;
	size_t cas;
	char (*revoked)[SHA256_HEX];      /* keys/revoked: lower-case key ids */
	size_t revokeds;
	struct bytes policy;              /* policy.json's bytes, or none */
};

/* Where the trust root is: option, $OXG_TRUST and its twins, the executable's
 * directory when it has an ALLOWLIST, the user's, /etc/oxg. Nothing is opened.
 * Never NULL but for an executable that cannot be found (why TRUST_ROOT). */
const char *trust_root_find(struct arena *a, const char *option,
    const char **found_by, struct why *why);
/* Finds, checks owner and mode of everything it reads, and reads it. option is
 * --trust or NULL. 0, or -1 with why (TRUST_ROOT, ALLOWLIST, KEY). */
int trust_root_open(struct arena *a, const char *option, struct trust_root *out, struct why *why);
/* Reads keys/approvers/, which a run has no use for: root's keys are those afterwards.
 * 0, or -1 with why. */
int trust_approvers(struct arena *a, struct trust_root *root, struct why *why);
/* The ALLOWLIST alone, for the fuzzer: 0 or -1 with why naming the line. */
int allowlist_parse(struct arena *a, struct bytes text, struct allow_entry **out,
    size_t *count, struct why *why);
/* Sorts by path and drops repetitions; -1 with why when one path has two digests. */
int allowlist_sort(struct allow_entry *entry, size_t *count, struct why *why);
/* The entry for an absolute, real path of a file; NULL when not listed. */
const struct allow_entry *allowlist_find(const struct trust_root *root, const char *absolute);

/* ---- pubkey.c, cert.c, key.c: keys, signatures, certificates (FORMATS.md 4, 6) ------ */

#define PEM_BYTES (64u << 10)        /* a key file or a chain; longer is none */

/* PEM "PUBLIC KEY", P-256 only. name is for the message. */
int pubkey_parse(struct arena *a, struct bytes pem, const char *name,
    struct pubkey *out, struct why *why);
/* First strict DER (FORMATS.md 4.3), then ECDSA over the digest. */
bool signature_verify(const struct pubkey *key, const unsigned char digest[SHA256_SIZE],
    struct bytes der);
bool signature_der_strict(struct bytes der);
/* base64 text of a .sig file -> DER. Blanks around and CR/LF inside are fine. */
int signature_decode(struct arena *a, struct bytes text, const char *name,
    struct bytes *der, struct why *why);
/* PEM certificates, leaf first, to one of the root's CAs at the given time; the
 * leaf must be P-256, no CA, allowed to sign, codeSigning where an EKU stands. */
int certificate_verify(struct arena *a, const struct trust_root *root, struct bytes pem,
    const char *name, int64_t when, struct pubkey *leaf, const char **ca_file, struct why *why);
/* One PEM block of the kind; text before BEGIN is legal. NULL bytes when none. */
int pem_decode(struct arena *a, struct bytes pem, const char *kind, struct bytes *der);

/* What pubkey.c lends to key.c and cert.c. */
struct pem {
	struct bytes label, body;         /* "PUBLIC KEY"; what stands between the lines */
};
/* Nothing but blanks, tabs and line ends. */
bool all_blank(struct bytes b);
/* The next block; *rest is then what follows it. 1, 0: none left, -1: no PEM. */
int pem_next(struct bytes *rest, struct pem *block);
/* A block's DER; may leave bytes in *der when it says false. */
bool pem_body(struct bytes body, struct buf *der);
/* One element of this tag off the front: definite and shortest length, at most
 * 65535 bytes. False leaves *from alone. */
bool der_take(struct bytes *from, unsigned tag, struct bytes *value);
/* The content of an AlgorithmIdentifier, or the DER of its curve: NULL when it is
 * P-256, else what it is ("an RSA key", "a key on the curve P-384"). */
const char *algorithm_other(struct bytes algorithm);
const char *curve_other(struct bytes parameters);
/* Fills q and id; false when q is no point of the curve. */
bool pubkey_from_point(const unsigned char q[65], struct pubkey *out);
/* DER SubjectPublicKeyInfo; name is for the message. 0, or -1 with why (KEY). */
int pubkey_from_spki(struct bytes spki, const char *name, struct pubkey *out, struct why *why);

/* ---- signer.c: who may have signed ------------------------------------------------ */
struct signer_claim {
	const struct trust_root *root;
	const struct manifest *manifest;
	int dir;                          /* the plugin's directory */
	const char *path;                 /* absolute, real */
	int64_t when;                     /* certificates are judged at */
};

struct signers {
	struct signer_claim claim;
	const struct pubkey *key;
	size_t keys;                      /* 0: why says why there is none */
	const char *file;                 /* "keys/ca.crt" when by certificate */
	struct pubkey leaf;
	struct why why;
};

void signers_find(struct arena *a, const struct signer_claim *claim, struct signers *out);
/* The first of them under which the signature holds, or NULL. */
const struct pubkey *signers_match(const struct signers *s,
    const unsigned char sha256[SHA256_SIZE], struct bytes der);
/* The name in keys/ that vouches for a key of them. */
const char *signer_file(const struct signers *s, const struct pubkey *key);
bool key_revoked(const struct trust_root *root, const char *id);
/* A signature file of the plugin's. 1 with *der; 0: there is none; -1 with why. */
int signature_read(struct arena *a, const struct signer_claim *c, const char *name,
    struct bytes *der, struct why *why);

/* Private keys: wiped by whoever holds them. */
struct privkey {
	unsigned char d[32];
	struct pubkey pub;
};
/* PEM PKCS#8 or SEC1 (EC PARAMETERS before it skipped), P-256 only; says what
 * an encrypted, RSA, OpenSSH... key is and what to do. The file must not be
 * readable by others: refused with chmod advice. */
int privkey_read(struct arena *a, const char *path, struct privkey *out, struct why *why);
/* The same in two steps: the file is opened and its owner's alone, or -1 with why; its
 * bytes are read, and the descriptor closed. */
int privkey_open(const char *path, struct why *why);
int privkey_take(int fd, const char *path, struct privkey *out, struct why *why);
void privkey_make(struct privkey *out);
void privkey_wipe(struct privkey *k);
void privkey_pem(const struct privkey *k, struct buf *out); /* PKCS#8 */
void pubkey_pem(const struct pubkey *k, struct buf *out);   /* SPKI */
/* RFC 6979, DER. */
void signature_make(const struct privkey *k, const unsigned char digest[SHA256_SIZE],
    struct buf *der);

#endif
