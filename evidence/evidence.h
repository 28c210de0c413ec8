/*
 * evidence.h - the archive: the run folder, what is written in it, and what is
 * read from it again. DESIGN.md sections 7, 9, 10.
 */
#ifndef OXG_EVIDENCE_H
#define OXG_EVIDENCE_H

#include "lib/redact.h"
#include "oxg.h"

/* schema_version of run.json, and by it of the whole folder. 1: no "oxg" in run.json;
 * 2: nothing that a plugin handed over, no
 * list of signatures. The gate has the rules of a folder's time. */
#define FOLDER_VERSION 3

/* ---- findings.c: one line of findings.jsonl (schema 0.2) ---------------------------
 * Runs in the broker, on hostile bytes, and in the supervisor for terminations.
 */
#define FINDING_LINE_MAX (1u << 20)
#define FINDINGS_FILE_MAX (260u << 20)

/* What every finding of the run carries; made by oxg.c. */
struct finding_context {
	const char *plugin;            /* manifest name */
	const char *run_id, *task_id, *plugin_version;
	char artifact_sha256[SHA256_HEX];
	char config_sha256[SHA256_HEX];
	const char *key_id;            /* "" when unsigned */
	struct clock clock;
	const struct redactor *redactor; /* NULL: nothing is masked */
	uint64_t next;                 /* number of the next finding: its id is derived */
};

/*
 * Validates one JSON object from the plugin and writes the canonical line with
 * its newline. version, id, plugin, ts may stand in the input and are checked
 * ("plugin" must be the manifest's name) but ours are written. meta keys
 * beginning "oxg." or "sandbox." are the supervisor's and refused. evidence is
 * a string; its SHA-256 goes into meta oxg.evidence_sha256. Secrets are masked in
 * every text once it is decoded; oxg.redacted counts the masks, and the digest is that
 * of what is written: that of the original would tell a short secret to who tries all.
 * 0 and the severity, or -1 with one sentence in error[].
 */
int finding_write(struct arena *scratch, struct finding_context *c, struct bytes line,
    struct buf *out, enum severity *severity, char error[200]);

/* The four limits' endings: type oxg.supervisor.termination (DESIGN.md section 6); what
 * was used is left out where the clock stands still. */
void finding_termination(struct finding_context *c, const struct ending *e,
    const struct limits *l, struct buf *out);

/* After a broker that died without a word: counts what the file holds, and cuts off
 * an unfinished last line. 0 or -1 with errno. */
int findings_recover(int fd, struct tally *t);

/* ---- ledger.c: ledger.jsonl, written by the broker -------------------------------- */
/* Lines, each a refused call. 0, or -1: the one after *lines is none. */
int ledger_count(struct bytes text, uint64_t *lines);
/* After a broker that died: what the file holds, without a torn last line. 0, or -1
 * with errno. */
int ledger_recover(int fd, struct denials *d);
void ledger_summary(struct json_out *o, const struct denials *d); /* run.json's member */

/* ---- audit.c: what --audit adds: audit.jsonl, written by the broker, and of it and the
 * ledger security_audit.json, which Ignite's readers understand -------------------- */
int audit_recover(int fd, uint64_t *lines); /* as above, whoever died */
void audit_summary(struct json_out *o, const struct audited *a); /* run.json's member */
struct folder;
/* From run.json, audit.jsonl and ledger.jsonl, and from nothing else. */
void audit_document(const struct folder *f, struct buf *out);

/* ---- journal.c: journal/events.jsonl ------------------------------------------------
 * {"seq":1,"ts":"...","type":"run.start",...,"prev":"<hex of the line before>"}
 * prev = hex SHA-256 of the previous line without its newline; 64 zeros first.
 * One writer at a time: supervisor, broker, supervisor; the pen is handed over.
 */
struct journal {
	int fd;                       /* O_APPEND */
	uint64_t seq;
	unsigned char head[SHA256_SIZE];
	struct clock clock;
	int error;                    /* errno of the first failed write, sticky */
	struct buf pending;           /* lines not written yet */
};

void journal_start(struct journal *j, int fd, const struct clock *clock);
/* An event is opened, given members through the writer, and closed. */
struct json_out journal_open(struct journal *j, const char *type);
void journal_close(struct journal *j, struct json_out *o);
/* Shorthand: members are name, text pairs, ended by NULL. */
void journal_event(struct journal *j, const char *type, ...) __attribute__((sentinel));
int journal_flush(struct journal *j); /* 0 or -1 with j->error set */
/* After a broker that died without a word: head and seq from the file itself,
 * an unfinished last line cut off. 0 or -1. */
int journal_recover(struct journal *j);
/* Walks the chain of stored bytes. 0, or -1 with why (EVIDENCE) naming the line. */
int journal_verify(struct bytes lines, uint64_t *events, unsigned char head[SHA256_SIZE],
    struct why *why);

/* ---- rundir.c: the run folder while it is written --------------------------------------
 * DIR.partial -> sealed (0444/0555) -> DIR. See DESIGN.md section 9.
 */
struct rundir_entry;

struct rundir {
	const char *path;              /* as the operator will see it, without .partial */
	const char *partial;
	int parent, dir;               /* descriptors */
	const char *leaf, *partial_leaf;
	int staging;                   /* descriptor; -1: nothing can be handed over */
	bool default_out;              /* out/<run-id>: out/latest is pointed to it */
	const char **directory;        /* in it */
	size_t directories;
	struct rundir_entry *entry;    /* what was put or opened, with digests */
	size_t entries;
	struct bytes sums;             /* of SHA256SUMS, once it is made */
	struct arena *arena;
};

/* out is --out or NULL (then out/<run_id>). Refuses (USAGE) a DIR or DIR.partial
 * that exists, (EVIDENCE) what cannot be made. Subdirectories are made too. */
int rundir_create(struct arena *a, const char *out, const char *run_id,
    struct rundir *rd, struct why *why);
/* An empty directory in it for a jail that can mount none, gone before it is sealed.
 * group: who must be able to go there, 0: nobody. *path is absolute, without links.
 * Its descriptor, or -1 with why (EVIDENCE, JAIL). */
int rundir_place(struct rundir *rd, unsigned group, const char **path, struct why *why);
int rundir_place_remove(struct rundir *rd, struct why *why);
/* A whole document, once. 0, or -1 with why (EVIDENCE) naming file and cause. */
int rundir_put(struct rundir *rd, const char *name, struct bytes b, struct why *why);
/* A file to append to (by the broker or the journal); hashed when sealing. -1 with why. */
int rundir_stream(struct rundir *rd, const char *name, struct why *why);
/* dir->staging, gone before the folder is sealed. 0, or -1 with why. */
int rundir_staging(struct rundir *rd, struct why *why);
int rundir_staging_remove(struct rundir *rd, struct why *why);
/* A new file, its directories made as they are needed; to be closed by rundir_made, which
 * hands out what it holds, mapped when it is large. -1 with why. */
int rundir_make(struct rundir *rd, const char *name, struct why *why);
int rundir_made(struct rundir *rd, const char *name, int fd, const unsigned char sha256[SHA256_SIZE],
    struct bytes *out, bool *mapped, struct why *why);
/* Cannot be read, or is not what it must be: the sentence. -1. */
int rundir_cannot(const struct rundir *rd, struct why *why, const char *aim, const char *name, int error);
/* A stream whose writers are dead, read for the last time: its bytes until exit, and
 * its digest while somebody else walks over them. Large ones are mapped, and what is
 * passed is let go of, so that they need no memory. */
struct rundir_pass {
	struct bytes all;
	size_t done;
	struct sha256 hash;
	bool mapped;
	struct rundir_entry *entry;    /* NULL: of a stored folder */
};

/* -1 with why: it is gone, or cannot be read. */
int rundir_read(struct rundir *rd, int fd, struct rundir_pass *out, struct why *why);
void rundir_pass(struct rundir_pass *p, size_t at); /* everything before at was seen */
void rundir_pass_end(struct rundir_pass *p, unsigned char sha256[SHA256_SIZE]); /* all */
/* Pages of a mapped stream that wholly lie in b: the next look reads them again. */
void mapping_release(struct bytes b);
/* SHA256SUMS over everything so far: what is put after that is not in it. The list. */
int rundir_sums(struct rundir *rd, struct bytes *list, struct why *why);
/* The same if it was not made yet, modes, rename, out/latest. durable: fsync all first. */
int rundir_seal(struct rundir *rd, bool durable, struct why *why);

/* ---- handed.c, unstage.c: what a plugin hands over ------------------------------------
 * The broker can open no file: whatever is handed over goes as records into one that is
 * there already, DIR.partial/staging (broker/stage.c). When every child is dead the
 * supervisor makes files of them (unstage.c) and believes none. Those of several files may
 * be mixed:
 *
 *   struct handed_record   kind, number of the file, n; as this machine writes figures
 *   n bytes                by the kind
 *
 *   BEGIN   a struct handed_begin and the path. Files are numbered from 1 as they begin.
 *   DATA    bytes of the file, 1 or more
 *   END     its SHA-256: now it is whole
 *   DROP    nothing: there is no such file, and its path is free again, though it was whole
 *
 * A file that did not end is none either.
 */
#define STAGING "staging"
#define HANDED_FILES 1000              /* begun; a folder has room for 10,000 names */
#define HANDED_DIRECTORIES 4000        /* for them */
#define HANDED_OPEN 8                  /* at a time */
#define HANDED_PATH 1000               /* bytes: with artifacts/ before it below 1024 */
#define HANDED_PART 255
#define HANDED_DEPTH 16

enum handed_kind { HANDED_BEGIN = 1, HANDED_DATA, HANDED_END, HANDED_DROP };
/* Paths of artifacts are below artifacts/, those of the others below changes/. A deletion
 * has no bytes and becomes no file. */
enum handed_class { HANDED_ARTIFACT, HANDED_CHANGE, HANDED_DELETE, HANDED_CLASSES };

struct handed_record {
	uint32_t kind, file, n;
};

struct handed_begin {
	uint8_t class;                 /* enum handed_class */
	uint8_t flags;                 /* of changes and deletions, CHANGE_*; 0 of artifacts */
	unsigned char base[SHA256_SIZE]; /* what is changed or deleted; zeros: nothing, or an artifact */
	uint64_t base_bytes, base_lines; /* of that */
};

enum handed_state { HANDED_IS_OPEN, HANDED_ENDED, HANDED_DROPPED };

struct handed_file {
	struct handed_begin as;
	const char *path;              /* without artifacts/ or changes/ */
	enum handed_state state;
	uint64_t bytes;
	unsigned char sha256[SHA256_SIZE]; /* once it has ended */
};

struct handed {
	struct handed_file file[HANDED_FILES]; /* number 1 first */
	size_t files, directories;
	struct arena paths;
};

/* NULL, or what is wrong with it: the rest of a sentence. Good is a relative path in
 * UTF-8, without what cannot be seen, without backslash, . and .., of bounded length. */
const char *handed_path(struct bytes path);
/* The next file, or NULL with the rest of a sentence: also where the path is taken, or
 * there are too many. */
struct handed_file *handed_begin(struct handed *h, const struct handed_begin *as,
    struct bytes path, const char **wrong);
/* The one of this path that was not dropped, or NULL. */
struct handed_file *handed_find(struct handed *h, bool artifact, struct bytes path);

struct folder;
/* Makes the files of dir->staging, adds them to folder and list, and removes it; no staging,
 * no files. limit: bytes of all of them. whole: the broker said that it was done, so
 * that nothing may be torn. 0, or -1 with why (EVIDENCE). */
int unstage(struct arena *a, struct rundir *dir, uint64_t limit, bool whole, struct folder *f,
    struct handed *list, struct why *why);

/* ---- artifacts.c: what was handed over to be kept --------------------------------------- */
/* The broker died: those files that the journal does not tell of are told of now. */
void artifacts_recover(struct arena *a, struct journal *j, struct bytes journal, const struct handed *h);
uint64_t artifacts_count(const struct handed *h, uint64_t *bytes);
void artifacts_summary(struct json_out *o, const struct handed *h); /* run.json's member; NULL: nothing ran */
/* Each file below artifacts/ is told of by the journal, and the other way round, and run.json
 * counts them. 0, or -1 with why (EVIDENCE) naming the file. */
int artifacts_check(struct arena *a, const struct folder *f, const struct json *run, struct why *why);
void html_artifacts(struct buf *to, const struct folder *f); /* a section, when there are any */

/* ---- a stored folder, read (folder.c) ------------------------------------------------
 * Every file is read whole, and a large one mapped, so that it needs no memory; a
 * .partial is loaded too and says so; a directory with nothing of a run in it is not.
 */
struct folder_file {
	const char *name;              /* "logs/stdout.log" */
	struct bytes bytes;
	bool mapped, hashed;
	unsigned char sha256[SHA256_SIZE];
};

struct found;

struct folder {
	const char *path;
	bool partial;
	const char *empty;             /* a directory that holds nothing, or NULL */
	struct folder_file *file;      /* sorted by name */
	size_t files, room;
	const struct found *found;     /* found_read of findings.jsonl if made already, or NULL */
};

/* 0, or -1 with why (EVIDENCE): no folder, a link, a device, too large. */
int folder_load(struct arena *a, const char *path, struct folder *out, struct why *why);
/* Bytes of a document; p is NULL when it is not there. */
struct bytes folder_get(const struct folder *f, const char *name);
/* Its bytes need no memory: whoever walks over them lets go of what is passed. */
bool folder_mapped(const struct folder *f, const char *name);
/* The digest, made when first asked for; what is mapped is passed over and let go of. */
const unsigned char *folder_digest(struct folder_file *f);
/* Reads findings.jsonl and sets f->found, hashing it in the same pass. */
void folder_find(struct arena *a, struct folder *f);
/* For the run itself: adds a document that was just made, or replaces it. The file's
 * place lives until the next one is added. */
struct folder_file *folder_add(struct arena *a, struct folder *f, const char *name, struct bytes b);

struct signer;

/* ---- record.c: facts -> run.json, usage.json, verifier_report.json ---------------------- */
struct run_facts {
	const char *run_id, *task_id;
	const char *plugin_path;           /* as it was asked for */
	const struct plugin *plugin;       /* NULL: refused before it was known */
	const struct verdicts *verdicts;
	const struct grant *grant;         /* NULL with the plugin */
	const struct limits *limits;
	const struct ending *ending;       /* reason ENDING_NONE: refused */
	const struct why *refusal;         /* code 0: none */
	const struct tally *tally;         /* NULL when nothing ran */
	const struct denials *denials;     /* the same */
	const struct audited *audited;     /* NULL: no --audit */
	const char *trust_root, *trust_found_by;
	const char *allowlist_sha256;      /* hex, NULL: there is none */
	const char *profile;               /* policy profile */
	const char *policy_source;
	bool allow_unsigned;
	const char *tier;                  /* "namespaces"; NULL when nothing was built */
	const char *seccomp_profile;
	int landlock_abi;
	uint32_t proved;                   /* questions of the proving step, all answered well */
	bool privileged;                   /* built by root */
	const char *runtime;               /* NULL: none */
	const char *input_path;            /* NULL: none */
	bool input_live;                   /* --input-bind */
	const char *input_sha256;          /* hex, snapshot only */
	uint64_t input_files, input_bytes, input_skipped;
	const char *project_path;          /* --project, NULL: none */
	const char *task_sha256;           /* hex, NULL: no task */
	const char *policy_sha256;         /* hex of inputs/policy.json */
	const char *config_sha256;
	const char *const *arg;            /* after -- */
	size_t args;
	const struct handed *handed;       /* NULL when nothing ran */
	bool evidence_complete;            /* false: the broker died without a word */
	bool clock_frozen;                 /* the report then leaves measured figures out */
	const struct journal *journal;     /* after its last event; NULL: the tally's head */
	struct signer *signer;             /* NULL: nobody signs it */
	int64_t started, finished;
};
void record_run(const struct run_facts *f, struct buf *out);
void record_usage(const struct run_facts *f, struct buf *out);
void record_verifier(const struct run_facts *f, struct buf *out);
/* Canonical JSON of manifest digest + policy snapshot + limits + tier, hashed: the
 * configuration fingerprint of every finding. */
void record_config(const struct run_facts *f, struct bytes policy_snapshot,
    char config_sha256[SHA256_HEX]);

/* ---- gate.c: (folder, policy snapshot) -> decision ---------------------------------------- */
/* Writes gate_report.json and returns its decision as gate_decision numbers it. Pure:
 * reads neither a clock nor f->path. Missing or unreadable evidence is BLOCK, not an error. */
int gate_decide(const struct folder *f, struct bytes policy_snapshot, struct buf *report);
/* The decision word of a gate report: 0 PASS, 1 BLOCK, 2 REQUIRE_APPROVAL, -1 unreadable. */
int gate_decision(struct bytes report);

/* What its rules share. A document that is missing or no JSON object has good == false,
 * and every lookup in it finds nothing. */
struct gate_document {
	struct json json;
	bool good;
};

struct gate_view {
	struct arena *a;
	const struct folder *folder;
	struct gate_document run, verifier, policy; /* parsed once */
	const struct found *found;
	const struct changes *changes; /* NULL: none, or unreadable, or of an older folder */
	bool executed;                 /* run.json tells of an ending */
	int64_t version;               /* of the folder: its rules */
};

enum gate_result { RESULT_PASS, RESULT_BLOCK, RESULT_APPROVAL, RESULT_NOT_APPLICABLE };

/* The member at the end of a path of names, or -1. */
int gate_member(const struct gate_document *d, const char *first, const char *second);
/* A text member; "" when there is none, or one that would seem to end early. */
const char *gate_text(const struct gate_view *v, const struct gate_document *d,
    const char *first, const char *second);

/* ---- rules.c: those rules that the operator tunes. Each says its result in one sentence. */
const char *rule_required(const struct gate_view *v, enum gate_result *result);
const char *rule_input(const struct gate_view *v, enum gate_result *result);
const char *rule_risk(const struct gate_view *v, enum gate_result *result);
void risk_write(struct json_out *o, const struct gate_view *v); /* the report's member */

/* ---- staged.c: the rules over what a plugin staged -------------------------------------- */
const char *rule_staged(const struct gate_view *v, enum gate_result *result);
const char *rule_protected(const struct gate_view *v, enum gate_result *result);
const char *rule_patch(const struct gate_view *v, enum gate_result *result);

/* ---- changes.c: changes.json, and the files below changes/ ------------------------------ */
#define CHANGES "changes.json"
#define STAGED "changes/"              /* the rest of such a name is the path it will have */
#define CHANGE_EXECUTABLE 1u           /* flags of a struct handed_begin: it shall be */
#define CHANGE_BASED 2u                /* there is a file now, of this digest */

struct change {
	const char *path;
	bool deletes, executable;
	bool based;                    /* false: there was no such file */
	unsigned char sha256[SHA256_SIZE]; /* of what is staged; of a deletion nothing */
	unsigned char base[SHA256_SIZE];
	uint64_t bytes, base_bytes, base_lines;
};

struct changes {
	const char *run_id, *project;
	struct change *change;         /* by path, none twice */
	size_t n;
};

void change_members(struct json_out *o, const struct change *c);
void changes_write(const struct changes *c, struct buf *out);
/* Exactly what changes_write writes, and one change at least; else false. */
bool changes_read(struct arena *a, struct bytes text, struct changes *out);
/* Of what was handed over: members change and n. */
void changes_make(struct arena *a, const struct handed *list, struct changes *out);
/* List, files below changes/, journal and run.json agree. 0, or -1 with why (EVIDENCE). */
int changes_check(struct arena *a, const struct folder *f, const struct json *run, struct why *why);
const char *staged_path(const struct folder_file *file); /* NULL: it is not below changes/ */
/* The first path where the list and the files below changes/ do not agree; NULL: none. */
const char *changes_stray(const struct changes *c, const struct folder *f);
void html_changes(struct buf *to, const struct folder *f); /* a section, when there are any */

/* ---- dsse.c: signed statements (FORMATS.md sections 1, 4.4) --------------------------------- */
struct pubkey; /* trust/trust.h */
/* What is signed: SHA-256 of the payload's pre-authentication encoding. */
void dsse_digest(struct bytes payload, unsigned char out[SHA256_SIZE]);
void dsse_write(struct bytes payload, struct bytes der, struct buf *out);
/* Exactly what dsse_write writes, the signature strict DER; else false. */
bool dsse_read(struct arena *a, struct bytes envelope, struct bytes *payload, struct bytes *der);
bool dsse_verify(struct bytes payload, struct bytes der, const struct pubkey *key);
/* A Sigstore bundle v0.3 around an envelope; key_id: SHA-256 of the public key. */
void sigstore_write(struct bytes envelope, const unsigned char key_id[SHA256_SIZE], struct buf *out);
bool sigstore_read(struct arena *a, struct bytes bundle, struct bytes envelope,
    unsigned char key_id[SHA256_SIZE]);

/* ---- attest.c: what is signed of a run ------------------------------------------------------ */
#define SUMS "SHA256SUMS"
#define ATTESTATIONS 2
/* In this order: the second names the first by its digest. They attest SHA256SUMS, so
 * they are not in it. */
extern const struct attestation {
	const char *name, *bundle;     /* file names; a bundle only with --sigstore */
	void (*statement)(struct arena *a, const struct folder *f, struct buf *out);
} attestations[ATTESTATIONS];
bool attest_name(const char *name); /* one of these files */
/* run.json's list of those that are made, so that none is taken away unseen. */
void attest_list(struct json_out *o, bool bundles);
/* Payloads: of run.json, SHA256SUMS, the logs, gate_report.json; attest_gate also of
 * attestation.json. */
void attest_run(struct arena *a, const struct folder *f, struct buf *out);
void attest_gate(struct arena *a, const struct folder *f, struct buf *out);
/* Envelopes and bundles of a folder: payloads made again, all signed by key (NULL:
 * signatures are not looked at). run: run.json, of a version that lists them, or NULL.
 * 0, or -1 with why (EVIDENCE). */
int attest_check(struct arena *a, const struct folder *f, const struct json *run,
    const struct pubkey *key, bool *attested, struct why *why);

/* ---- approval.c: a person's word over a gate report --------------------------------------------- */
#define APPROVAL_FOR_EVER INT64_MAX
struct approval {
	const char *run_id, *gate_sha256; /* of gate_report.json, hex */
	const char *reason, *key_id;
	int64_t time, expires;            /* Unix seconds */
};
void approval_statement(const struct approval *p, struct buf *out);
/* Exactly what approval_statement writes, or false. */
bool approval_read(struct arena *a, struct bytes payload, struct approval *out);

/* ---- html.c: bytes of a run folder inside a page -------------------------------------------- */
#define HTML_TEXT 2000             /* bytes of one text that are shown; the file has the rest */
#define HTML_LINES 40              /* of one text */
#define HTML_WORD 200
#define HTML_ITEMS 24              /* of a list in one cell */
#define HTML_ROWS 200              /* of one table */
/* Escaped; controls and what reorders text as a visible \u{..}, no UTF-8 as U+FFFD; at
 * most max bytes of it and a note. plain: no elements around it (for <title>). */
void html_text(struct buf *to, struct bytes s, size_t max, bool plain);
/* A text, figure, yes or no; "none" for anything else. */
void html_value(struct buf *to, const struct json *j, int v);
/* The same on a terminal: one line, whatever is in it. */
void text_line(struct buf *to, struct bytes s, size_t max);
/* A table row: our label, their value or list. */
void html_row(struct buf *to, const char *label, const struct json *j, int v);
extern const char html_style[], html_style_narrow[]; /* one sheet, in this order */

/* ---- htmluse.c: figures inside a page, and what was used ---------------------------------------- */
uint64_t html_figure(const struct json *j, int v); /* 0 for what is none */
void html_size(struct buf *to, uint64_t n);
void html_duration(struct buf *to, uint64_t ns);
/* Bars of what was allowed, and the series. run: run.json, usage: usage.json. */
void html_use(struct buf *to, const struct json *run, const struct json *usage);

/* ---- htmlledger.c: refused and allowed operations inside a page ------------------------------- */
void html_ledger(struct buf *to, const struct json *run, struct bytes ledger);
void html_audit(struct buf *to, const struct json *run, struct bytes trace);

/* ---- found.c: findings.jsonl, read once ------------------------------------------------------- */
struct found_lines {
	size_t *at, n, room;           /* where they begin, as many as can be shown */
	uint64_t count;
};

struct found_target {
	struct bytes raw;              /* as it stands in the file */
	uint64_t count;
};

#define FOUND_SHOWN 10000              /* of one severity; more freezes a browser */
#define FOUND_TARGETS 10
#define FOUND_TARGETS_COUNTED (1u << 20) /* different ones: the memory they take */

struct found {
	struct bytes all;              /* findings.jsonl */
	bool mapped;                   /* and not held in memory: let go of what is passed */
	struct found_lines by[SEV_COUNT];
	uint64_t total, unreadable;    /* a last line without its newline is read too */
	uint64_t first_bad;            /* number of the first line that is no finding or has
	                                * no newline; 0: none, and every line before is one */
	struct found_target target[FOUND_TARGETS]; /* the most frequent first */
	size_t targets;                /* different ones */
};

/* A stored line without its newline: its severity, spelt as we write it, or -1: no
 * finding. *target: as it stands there, p NULL when there is none. */
int finding_glance(struct arena *scratch, struct bytes line, struct bytes *target);
void found_read(struct arena *a, struct bytes all, struct found *out);
/* The same while a run is closed: pass->all, passed over. */
void found_read_pass(struct arena *a, struct rundir_pass *pass, struct found *out);
/* out->target and out->targets, of several runs together. */
struct found_run;
void found_targets(const struct found_run *run, size_t n, struct found *out);

/* ---- fingerprint.c: is it the same finding? ------------------------------------------------- */
struct finding_view {
	struct bytes plugin, type, target, message, evidence, word; /* decoded; word: severity */
	struct bytes meta[2 * 96];     /* key, value, ...: the plugin's own */
	size_t metas;
	int severity;                  /* enum severity */
};

struct fingerprint {
	unsigned char place[SHA256_SIZE];   /* plugin, type, target */
	unsigned char finding[SHA256_SIZE]; /* and message: its fingerprint */
	unsigned char all[SHA256_SIZE];     /* and severity, evidence, the plugin's own meta */
};

/* A stored line without its newline. Texts live in it or in scratch. 0, or -1: none. */
int finding_view(struct arena *scratch, struct bytes line, struct finding_view *out);
void finding_fingerprint(const struct finding_view *f, struct fingerprint *out);

/* ---- diff.c: two run folders, side by side ---------------------------------------------------- */
#define DIFF_SHOWN 1000        /* of a list; the rest is counted */

/* Came of the run; went into it; stood around it. */
enum diff_kind { DIFF_RESULT, DIFF_CONDITION, DIFF_AROUND, DIFF_KINDS };

struct diff_finding {
	struct bytes left, right;      /* stored lines; p NULL: gone, added */
	int severity;
};

struct diff_item {
	enum diff_kind kind;
	const char *name;              /* "ending.reason", "logs/stdout.log" */
	struct bytes value[2];         /* left and right: JSON; p NULL: there is none */
};

struct diff {
	uint64_t same, added, changed; /* findings; the others of the list are gone */
	struct diff_finding *finding;  /* the worst first */
	size_t findings;
	struct diff_item item[DIFF_SHOWN];
	size_t shown;
	uint64_t items[DIFF_KINDS];
	bool exact;
};

/* exact: every file that is not measured must be equal to the byte. Names and values
 * live in the folders and the arena. 0, or -1 with why (EVIDENCE): unreadable. */
int folder_diff(struct arena *a, const struct folder *left, const struct folder *right,
    bool exact, struct diff *out, struct why *why);
void diff_write(struct json_out *o, const struct diff *d); /* members "findings", "differences" */
void diff_say(struct buf *to, const struct diff *d);       /* for people */

/* ---- htmlfind.c: findings inside a page ------------------------------------------------------- */
void html_severities(struct buf *to, const struct found *f);
void html_targets(struct buf *to, const struct found *f);
struct found_run {
	const struct found *found;
	const struct json *run;        /* run.json, whose provenance is not repeated in every finding */
};
/* Their figures together: severities and totals, nothing else. */
struct found found_sum(const struct found_run *run, size_t n);
/* Worst first, then in the order of the runs; of several each names its own, #run-N. */
void html_findings(struct buf *to, const struct found_run *run, size_t n);
/* A bar of so many hundredths; class is one of ours. */
void html_bar(struct buf *to, const char *class, uint64_t percent);

/* ---- text.c: bytes of a run folder inside other documents ------------------------------------- */
/* One character taken; false: the byte taken is no UTF-8. (html.c) */
bool rune_next(struct bytes *s, uint32_t *rune);
/* It cannot be seen, or makes other text look different from what it is. (html.c) */
bool rune_unseen(uint32_t rune);
enum text_form {
	TEXT_JSON,                     /* inside a JSON string; nothing is lost */
	TEXT_SHOWN,                    /* the same for people's eyes: the unseen made visible */
	TEXT_SARIF,                    /* the same as a SARIF message, which knows links */
	TEXT_XML,                      /* content, or an attribute in double quotes */
	TEXT_CODE,                     /* a code span in a cell of a Markdown table */
	TEXT_MESSAGE,                  /* of a GitHub annotation */
	TEXT_PROPERTY,                 /* of one */
	TEXT_CSV,                      /* a cell in double quotes that is no formula */
};
/* When max bytes of it are written, a note on the rest. No form begins a command of a
 * CI system on stdout. */
void text_put(struct buf *to, enum text_form form, struct bytes s, size_t max);
/* A member of the open object, by one of the first three forms. */
void text_member(struct json_out *o, const char *name, enum text_form form, struct bytes s,
    size_t max);
/* Percent-encoded, but for slashes and what never needs it. */
void text_uri(struct buf *to, struct bytes path);

/* ---- merge.c: findings of one run or many, each different one once ----------------------------- */
#define MERGED_FINDINGS (1u << 20)     /* different ones: the memory they take */

struct merged_run {
	const struct folder *folder;
	struct json run, gate, usage;  /* without tokens when unreadable */
	struct bytes id, plugin, version; /* decoded; n 0: not known */
	struct bytes input;            /* --input as a path below the checkout, n 0: none */
	bool one_file;                 /* which has one file only */
	int decision;                  /* as gate_decision numbers it */
	uint64_t by_severity[SEV_COUNT];
};

struct merged_rule {                   /* of one plugin, one type */
	unsigned char print[SHA256_SIZE];
	struct bytes plugin, type;     /* clipped */
	int severity;                  /* the worst */
	uint32_t number;               /* for who writes: begins as 0 */
};

struct merged_finding {
	unsigned char print[SHA256_SIZE]; /* of plugin, type, target, message */
	uint32_t run, rule, count;     /* where it was first as severe as it is */
	uint32_t hop, hops;            /* the last run that has it, how many have */
	int severity;                  /* the worst */
	size_t at;                     /* of its line in that run's findings.jsonl */
};

struct merged_table {
	struct buf of;                 /* entries that begin with their digest */
	struct buf slots;
	size_t size, room;
	uint64_t seed[2];
};

struct merged {
	struct arena a;
	struct merged_run *run;        /* by id, whatever the order they were given in */
	size_t runs;
	struct merged_table findings, rules;
	struct buf hops;               /* per finding a list of the runs that have it */
	uint64_t by_severity[SEV_COUNT]; /* different ones */
	uint64_t total, unreadable;    /* lines */
};

/* The folders must outlive it. A run given twice counts once. 0, or -1 with why (EVIDENCE). */
int merge_runs(const struct folder *folder, size_t n, struct merged *out, struct why *why);
void merge_free(struct merged *m);
struct merged_rule *merged_rule(const struct merged *m, uint32_t i);
/* The runs that have it, in their order, into run[]; at most max. How many. */
size_t merged_runs_of(const struct merged *m, const struct merged_finding *f, uint32_t *run,
    size_t max);

struct merged_place {
	struct bytes path;             /* relative to the checkout; never empty */
	uint64_t line, column;         /* 0: not said */
	bool file;                     /* false: the target is no file, and path a stand-in */
};

/* From the worst severity, within one in the order of runs and lines. Start with { 0 }
 * and go to the end. */
struct merged_walk {
	int turn;                      /* SEV_COUNT less the severity that is walked over */
	size_t next, held;
	const struct merged_finding *f;
	const struct merged_run *run;
	struct finding_view view;
	struct merged_place place;
	struct arena scratch;
};
bool merged_next(const struct merged *m, struct merged_walk *w);
void merged_end(const struct merged *m, struct merged_walk *w); /* for who stops before the end */

/* How a run ended, or why it was refused: a sentence, some of it the folder's words. */
struct bytes merged_how(struct arena *a, const struct merged_run *r);
const char *decision_name(int decision); /* "PASS"; NULL for none */
int merged_decision(const struct merged *m); /* the worst of all runs; -1: one has none */
/* When it began, when it ended; 0: not known. */
int64_t merged_time(const struct merged_run *r, const char *member);
void json_open_member(struct json_out *o, const char *name, char kind);

/* ---- what is written of them: each into s, a part at a time ----------------------------------- */
struct sink {
	struct buf b;                  /* what is not written yet */
	int fd;                        /* -1: all of it stays in b */
	int error;                     /* errno of the first failed write, sticky */
};

void sink_turn(struct sink *s, bool all); /* what there is goes out when it is much, or all */
void sarif_write(const struct merged *m, struct sink *s);       /* sarif.c: SARIF 2.1.0 */
void bundle_write(const struct merged *m, struct sink *s);      /* bundle.c: schema/report */
void markdown_write(const struct merged *m, struct sink *s);    /* markdown.c: a step summary */
void csv_write(const struct merged *m, struct sink *s);         /* csv.c: RFC 4180 */
void junit_write(const struct merged *m, struct sink *s);       /* junit.c: the gate's rules */
void codequality_write(const struct merged *m, struct sink *s); /* gitlab.c: Code Quality */
void sast_write(const struct merged *m, struct sink *s);        /* gitlab.c: SAST */
/* The document of one run, whole. 0, or -1 with why (EVIDENCE). */
int report_sarif(const struct folder *folder, struct buf *out, struct why *why);

/* Who signs. The key is oxg.c's to hold: nobody here sees it. */
struct signer {
	/* The DER, and key_id; 0, or -1 with why. Called when every child is dead. */
	int (*sign)(struct signer *s, const unsigned char digest[SHA256_SIZE], struct buf *der,
	    struct why *why);
	unsigned char key_id[SHA256_SIZE];
	bool bundle;                   /* Sigstore bundles as well */
};

/* ---- close.c: the last act, when everybody is dead ------------------------------------------ */
struct closing {
	struct rundir *dir;
	const struct run_facts *facts;
	struct journal *journal;       /* flushed here, after its last event */
	struct bytes policy_snapshot, task, input_listing; /* p NULL or n 0: none */
	int findings, ledger, out_log, err_log; /* the streams' descriptors */
	int audit;                     /* -1: none */
	struct handed *handed;         /* filled here */
	bool durable;
	struct folder *seen;           /* NULL, or what was closed, until exit */
};
/* Puts inputs, records, gate and report, seals. *decision as gate_decision numbers
 * it. 0, or -1 with why (EVIDENCE): then the .partial is left. */
int evidence_close(struct arena *a, const struct closing *c, int *decision, struct why *why);

/* ---- rights.c ------------------------------------------------------------------------------ */
/* What the supervisor keeps is what waiting and closing this folder need; place: and
 * clearing the jail's place in it. NULL, or what could not be done, with errno. */
const char *supervisor_confine(const struct rundir *rd, bool place);

/* ---- schema.c, pattern.c: JSON Schemas --------------------------------------------------------
 * The part of draft-07 that ours use; a schema of more is refused when it is read.
 */
#define SCHEMA_ERROR 400

struct schema;
/* NULL with what is wrong in error[]. The text must outlive the result. */
const struct schema *schema_read(struct arena *a, struct bytes text, char error[200]);
/* On false error[] says where, as a JSON pointer, and what. scratch may be reset then. */
bool schema_holds(const struct schema *s, struct arena *scratch, const struct json *j,
    char error[SCHEMA_ERROR]);

struct pattern;
/* An ECMA-262 regular expression that begins with ^; NULL: beyond what is known here. */
const struct pattern *pattern_read(struct arena *a, struct bytes text);
/* Text in UTF-8. Its time is bounded by the length of both. */
bool pattern_matches(const struct pattern *p, struct bytes text);

/* ---- unpack.c ------------------------------------------------------------------------------ */
/* An LZ4 block (lz4_Block_format.md) into exactly n bytes. False: it is none of these. */
bool unpack(struct bytes packed, unsigned char *out, size_t n);

/* ---- documents.c --------------------------------------------------------------------------- */
/* The i-th embedded schema: its name, NULL behind the last. */
const char *schema_embedded(size_t i, struct bytes *text);
/* Every document and every line of a folder of FOLDER_VERSION against its schema. 0, or
 * -1 with why (EVIDENCE). A document that is missing follows every schema. */
int documents_check(struct arena *a, const struct folder *f, const struct json *run,
    struct why *why);

/* ---- check.c ------------------------------------------------------------------------------- */
struct check_result {
	uint64_t files, bytes, events;
	int64_t version;               /* of the folder */
	const char *decision;
	const char *other;             /* version of the oxg that made the pages, where it is
	                                * not this one: then they have their digests only */
	bool attested;                 /* attestations are there, and of this folder */
	struct folder folder;
};
/* Digests, chain, gate recomputed, report rendered again, attestations, which key must
 * have signed (NULL: whoever). 0, or -1 with why (EVIDENCE) naming the file and what is
 * wrong with it. */
int run_check(struct arena *a, const char *path, const struct pubkey *key,
    struct check_result *out, struct why *why);
/* SHA256SUMS alone: every file but the attestations listed once, present, and of its
 * digest. */
int folder_verify(const struct folder *f, struct why *why);

#endif
