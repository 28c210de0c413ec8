/*
 * lib.h - the hall: memory, text, files, time, hashes, JSON. Knows nothing of
 * plugins. Everything here may be used by every room and calls none of them.
 */
#ifndef OXG_LIB_H
#define OXG_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Bytes that somebody else owns; never NUL-terminated by contract. */
struct bytes {
	const unsigned char *p;
	size_t n;
};

#define BYTES(s) ((struct bytes){ (const unsigned char *)(s), sizeof(s) - 1 })

/* A C string as bytes, without its NUL. NULL gives no bytes. */
struct bytes bytes_of(const char *s);
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_are(struct bytes a, const char *s);
/* Compares without telling by its time where the difference is. */
bool bytes_equal_ct(const void *a, const void *b, size_t n);
/* Overwrites; the compiler cannot drop it. */
void wipe(void *p, size_t n);

/* ---- failure (util.c) ---------------------------------------------------
 * die: wrong usage, a bug, lost memory. refuse: all that outsiders can cause.
 * A function that can refuse takes a struct why last and returns 0 or -1.
 */
#define REFUSALS(X)                                                           \
	X(USAGE, 2, "usage")           /* the command line */                  \
	X(POLICY, 2, "policy")         /* a policy that does not parse */      \
	X(TRUST_ROOT, 3, "trust_root") /* no trust root, or not the operator's */ \
	X(ALLOWLIST, 3, "allowlist")   /* the list itself, or not listed */    \
	X(HASH, 3, "hash")             /* listed with another digest */        \
	X(SIGNATURE, 3, "signature")                                          \
	X(KEY, 3, "key")                                                      \
	X(MANIFEST, 3, "manifest")                                            \
	X(PLUGIN, 3, "plugin")         /* a file that cannot be read or run */ \
	X(INPUT, 3, "input")           /* --input, --task, --secret */        \
	X(JAIL, 4, "jail")             /* cannot be built as strong as asked */ \
	X(EVIDENCE, 5, "evidence")     /* cannot be written, or does not verify */

enum refusal {
	REFUSAL_NONE,
#define X(name, status, word) REFUSE_##name,
	REFUSALS(X)
#undef X
};

struct why {
	enum refusal code;
	char text[1024]; /* one sentence: object, what is wrong, what to do */
};

/* The first refusal wins: a later one leaves the text alone. Returns -1. */
int refuse(struct why *why, enum refusal code, const char *fmt, ...) PRINTF(3, 4);
int refusal_status(enum refusal code);       /* the exit status, 0 for none */
const char *refusal_word(enum refusal code); /* "manifest"; "" for none */
#define STATUS_LOST 5 /* no memory, clock or randomness: no evidence either */
/* "oxg: text" on stderr, then exit. The one exit of a lost cause. */
_Noreturn void die(int status, const char *fmt, ...) PRINTF(2, 3);
/* "oxg: text" on stderr. Control bytes from outside are written as \xNN. */
void warn(const char *fmt, ...) PRINTF(1, 2);

/* First line of main: RELRO applied (musl leaves that to a dynamic loader and a
 * static program has none), descriptors 0-2 open, umask 022. Dies with status 4. */
void process_start(void); /* start.c */

/* ---- memory (util.c) -----------------------------------------------------
 * An arena is freed as a whole. Start with { 0 }. Allocation dies on lost
 * memory and is zeroed.
 */
struct arena {
	struct arena_chunk *chunks;
};

void *arena_get(struct arena *a, size_t n);
void *arena_array(struct arena *a, size_t count, size_t size); /* checks the product */
char *arena_text(struct arena *a, struct bytes b); /* copy with a NUL behind */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
void arena_reset(struct arena *a); /* all is gone; one chunk stays for the next use */
void arena_free(struct arena *a);

/* Bytes being written. Start with { 0 }; buf_free when done; dies on lost memory. */
struct buf {
	unsigned char *p;
	size_t n, cap;
};

void buf_add(struct buf *b, const void *p, size_t n);
void buf_reserve(struct buf *b, size_t n); /* room for n more bytes at once */
void buf_text(struct buf *b, const char *s);
void buf_byte(struct buf *b, unsigned char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_drop(struct buf *b, size_t n); /* removes n bytes at the front */
void buf_free(struct buf *b);
struct bytes buf_bytes(const struct buf *b);

/* ---- words and figures (util.c) ----------------------------------------- */

/* Whole string, range given, nothing else accepted: no sign, no blank, no 0x,
 * no leading zero. */
bool number_parse(struct bytes s, uint64_t min, uint64_t max, uint64_t *out);
/* What stands between blanks up to the line's end, at most max of it: how many. */
size_t fields_split(const char *line, struct bytes *field, size_t max);
uint64_t field_number(struct bytes field); /* 0: it is none */
/* The digits that a text begins with, behind blanks, or -1: for what the kernel writes. */
int64_t leading_figure(const char *text);
/* "256M", K/M/G/T are KiB...; a bare number is bytes. */
bool size_parse(struct bytes s, uint64_t *out);
/* "200ms", "10s", "5m", "1h"; digits and one unit. Nanoseconds. A bare number
 * is refused here (--cpu-limit 5 is the caller's special case: seconds). */
bool duration_parse(struct bytes s, uint64_t *ns);
/* Go's Duration.String(): "1m0s", "200ms", "1.5s", "0s". */
const char *duration_go(char out[40], uint64_t ns);

bool utf8_valid(struct bytes s);
/* Bytes of the code point that s begins with (1 to 4), 0 if it begins with none. */
size_t utf8_length(struct bytes s);

/* Stable; n log n whatever comes. Dies on lost memory. */
void sort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));

/* ---- time (time.c) -------------------------------------------------------
 * With SOURCE_DATE_EPOCH the wall clock stands still at it.
 */
struct clock {
	bool frozen;
	int64_t epoch; /* seconds */
};

/* Refuses (USAGE) a SOURCE_DATE_EPOCH that is no decimal number. */
int clock_start(struct clock *c, struct why *why);
int64_t clock_seconds(const struct clock *c);      /* Unix time */
uint64_t clock_milliseconds(const struct clock *c);
uint64_t monotonic_ns(void);
const char *time_rfc3339(char out[32], int64_t seconds); /* 2026-11-21T23:18:00Z */
bool time_parse(struct bytes s, int64_t *seconds); /* RFC 3339, any offset, fraction dropped */

/* ---- ULID (time.c) ------------------------------------------------------- */
bool ulid_valid(struct bytes s);
void ulid_make(char out[27], uint64_t ms, const unsigned char random[10]);
void ulid_new(char out[27], uint64_t ms);          /* of random bytes */

/* ---- randomness (util.c) ------------------------------------------------- */
void random_bytes(void *p, size_t n); /* getrandom; dies rather than give less */

/* ---- hashes and encodings (hash.c) --------------------------------------- */
#define SHA256_SIZE 32
#define SHA256_HEX 65 /* with its NUL */

struct sha256 {
	uint64_t state[16]; /* room for the library's context, checked in hash.c */
	enum { CPU_UNASKED, CPU_CANNOT } cpu; /* the second: by BearSSL whatever the CPU */
};

void sha256_start(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_end(const struct sha256 *h, unsigned char out[SHA256_SIZE]);
void sha256(struct bytes b, unsigned char out[SHA256_SIZE]);
/* sha256ni.c: whole blocks by the CPU's own instructions, if it has them. To ask
 * costs microseconds on a virtual machine. Words and text as in FIPS 180-4. */
bool sha256ni_usable(void);
void sha256ni_blocks(uint32_t state[8], const unsigned char *p, size_t blocks);
void hmac_sha256(struct bytes key, struct bytes text, unsigned char out[SHA256_SIZE]);

void hex_encode(char *out, const unsigned char *p, size_t n); /* 2n + 1 chars, lower case */
bool hex_decode(struct bytes s, unsigned char *out, size_t n); /* exactly n bytes, either case */

/* Standard alphabet, padded. The decoder is strict: padding required, unused
 * bits zero; blanks around and CR/LF inside are the caller's to strip. */
void base64_encode(struct buf *out, struct bytes b);
bool base64_decode(struct buf *out, struct bytes s);
/* URL alphabet, no padding (RFC 7515). */
void base64url_encode(struct buf *out, struct bytes b);
bool base64url_decode(struct buf *out, struct bytes s);

/* ---- files (file.c) ------------------------------------------------------ */

/* Opens below dir (a descriptor) following no link and leaving it never:
 * openat2(RESOLVE_BENEATH|NO_SYMLINKS|NO_MAGICLINKS), O_CLOEXEC added, and
 * O_NONBLOCK so that a FIFO cannot hold us. Returns the descriptor or -1 with errno. */
int open_beneath(int dir, const char *path, int flags, mode_t mode);
/* The same by openat2 or not at all: ENOSYS where the kernel has none. */
int open_openat2(int dir, const char *path, int flags);
/* A whole regular file of at most max bytes. -1 with errno: EFBIG when longer,
 * EINVAL when it is no regular file. *out lives in the arena. Below dir as above;
 * with AT_FDCWD path is the operator's own word: absolute or through links if he
 * likes. fd_read reads from the first byte, wherever the descriptor stands. */
int file_read(struct arena *a, int dir, const char *path, size_t max, struct bytes *out);
int fd_read(struct arena *a, int fd, size_t max, struct bytes *out);
/* All of it or -1 with errno; EINTR retried. */
int write_all(int fd, const void *p, size_t n);
int read_full(int fd, void *p, size_t n); /* n, fewer at the end of file, or -1 */
ssize_t read_at(int fd, void *p, size_t n, uint64_t at); /* the same, from there */
/* A new file with these bytes (O_EXCL, 0600), below dir. -1 with errno. */
int file_write(int dir, const char *path, struct bytes b);

/* A directory below at and all in it (tree.c), whatever was done to it by somebody
 * who is dead by now. 0, also when there is none; or -1 with errno. */
int tree_remove(int at, const char *name);

/* ---- system calls by number (calls.c) ---------------------------------------
 * Of this machine's own ABI; the names are those of libseccomp. */
enum call_arg { ARG_NONE, ARG_NUMBER, ARG_HEX, ARG_OCTAL, ARG_OPEN, ARG_CLONE,
	ARG_DOMAIN, ARG_TYPE,
	ARG_DIR,                       /* a descriptor, unless it is AT_FDCWD */
	ARG_HOW,                       /* the flags at the address, in their place once fetched */
	ARG_PATH,                      /* a NUL-terminated text at the address */
	ARG_ADDRESS };                 /* a struct sockaddr; its length is the next argument */
struct call_shape {
	int16_t nr;
	struct {
		uint8_t word, index, kind; /* word: its name, for call_word; kind: enum call_arg */
	} arg[5];                      /* at most two texts */
};
const char *call_name(int nr);                /* NULL: newer than the names */
const struct call_shape *call_shape(int nr);  /* NULL: no argument says anything */
const char *call_word(unsigned word);
#define CALL_HOW_UNREADABLE UINT64_MAX

/* What --audit tells of when it is allowed: name, and the two words of an event. The
 * first three are Ignite's own words. */
#define CALL_DEEDS(X)                                                            \
	X(READ, "filesystem", "read")                                           \
	X(WRITE, "filesystem", "write")   /* or makes, renames, removes */      \
	X(SPAWN, "process", "spawn")      /* executes a program */              \
	X(FORK, "process", "fork")                                              \
	X(THREAD, "process", "thread")                                          \
	X(SIGNAL, "process", "signal")
enum call_deed {
	DEED_NONE,
#define X(name, type, action) DEED_##name,
	CALL_DEEDS(X)
#undef X
	DEED_COUNT
};
const char *deed_type(enum call_deed deed);   /* "" for none */
const char *deed_action(enum call_deed deed);
/* The i-th number that is told of, -1 behind the last. */
int call_told(size_t i);
/* By the registers, ARG_HOW fetched: NONE, it is not told of. */
enum call_deed call_deed(int nr, const uint64_t arg[6]);

/* ---- messages between our own processes (wire.c) ---------------------------
 * Fixed structs over a SOCK_SEQPACKET pair: one send, one message. The reader
 * takes a message of exactly the size it knows, or nothing.
 */
int wire_pair(int fd[2]); /* CLOEXEC; 0 or -1 with errno */
int wire_send(int fd, const void *message, size_t n); /* 0 or -1; EINTR retried, no SIGPIPE */
/* 1: a message of n bytes; 0: the other side is gone; -1: error or wrong size. */
int wire_receive(int fd, void *message, size_t n);

/* ---- JSON reading (json.c) ------------------------------------------------
 * Exactly RFC 8259 on top of jsmn's token edges: no duplicate member, valid
 * UTF-8, no lone surrogate, depth and size ceilings, nothing after the value.
 */
#define JSON_DEPTH 32            /* deeper is an attack on the reader */
#define JSON_BYTES (16u << 20)   /* a document; lines have ceilings of their own */

struct json {
	struct bytes text;
	struct jsmntok *token; /* in the arena */
	int count;
};

/* What is wrong and where ("line 3: a member name stands twice: \"name\"") in
 * error[]. Returns 0 or -1. The text must outlive the result. */
int json_parse(struct arena *a, struct bytes text, struct json *out, char error[200]);

enum json_kind { JSON_NONE, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

/* Values are token numbers; the root is 0; -1 is "none" and every call takes it. */
enum json_kind json_kind(const struct json *j, int v);
int json_size(const struct json *j, int v);             /* members or elements */
int json_get(const struct json *j, int v, const char *name); /* member's value, or -1 */
/* Walks: child = json_first(j, v); while (child >= 0) child = json_next(j, child).
 * In an object the children are the names; json_value(j, name) is the value. */
int json_first(const struct json *j, int v);
int json_next(const struct json *j, int child);
int json_value(const struct json *j, int name);
struct bytes json_raw(const struct json *j, int v);     /* as written; a string without its quotes */
/* Decoded, in the arena, NUL behind it (and perhaps NULs inside: check n). */
struct bytes json_string(struct arena *a, const struct json *j, int v);
bool json_is(const struct json *j, int v, const char *s); /* a string equal to s once decoded */
bool json_integer(const struct json *j, int v, int64_t *out); /* plain digits, |n| <= 2^53-1 */

/*
 * What most lines are: an object of strings, at most one member of which is an
 * object of strings itself. Read in one pass by the same rules, without tokens.
 * A member whose value is the inner object has value.p NULL; the inner ones follow
 * it. Returns the pairs, or -1: another kind of text, or more of them than there
 * is room for, or no JSON at all. json_parse knows which.
 */
struct json_pair {
	struct bytes name, value;   /* as written, without quotes; names hold no escape */
	bool inside, escaped;       /* of the inner object; the value holds escapes */
};

int json_flat(struct bytes text, struct json_pair *pair, int room); /* flat.c */
/* A string as written, its quotes taken off and known to be valid, decoded. */
struct bytes json_decode(struct arena *a, struct bytes raw);
/* How many bytes at the beginning stand for themselves in a string: no control, no
 * quote, no backslash, nothing beyond ASCII. markup: nor < > &. */
size_t json_plain(const unsigned char *p, size_t n, bool markup);
/* Behind the closing quote of the string whose opening one is at p, or NULL: no
 * valid string. *escaped: it holds a backslash. */
const unsigned char *json_string_end(const unsigned char *p, const unsigned char *end, bool *escaped);

/* ---- JSON writing (jsonout.c) ---------------------------------------------
 * A writer puts commas and quotes; names are given in the order wanted. Text is
 * written as Go's encoding/json does: < > & U+2028 U+2029 as \u00xx forms,
 * controls as \u00xx but \b \f \n \r \t, invalid UTF-8 as \ufffd.
 */
struct json_out {
	struct buf *to;
	int depth;
	int pretty;             /* 1: two blanks a level and a final newline; 0: one line */
	bool first[JSON_DEPTH]; /* nothing written yet at this depth */
	bool after_name;
};

struct json_out json_start(struct buf *to, bool pretty);
void json_name(struct json_out *o, const char *name);
void json_open(struct json_out *o, char kind);  /* '{' or '[' */
void json_close(struct json_out *o, char kind); /* '}' or ']' */
void json_text(struct json_out *o, struct bytes s);
void json_number(struct json_out *o, int64_t n);
void json_bool(struct json_out *o, bool b);
void json_null(struct json_out *o);
void json_verbatim(struct json_out *o, struct bytes json); /* already JSON */
/* Shorthands: a member of the open object. A NULL text writes nothing. */
void json_member(struct json_out *o, const char *name, const char *text);
void json_member_bytes(struct json_out *o, const char *name, struct bytes text);
void json_member_number(struct json_out *o, const char *name, int64_t n);
void json_member_bool(struct json_out *o, const char *name, bool b);
void json_member_hex(struct json_out *o, const char *name, const unsigned char *p, size_t n);
void json_end(struct json_out *o); /* the final newline of a pretty document */
/* The escaping alone, with quotes. */
void json_quote(struct buf *to, struct bytes s);
/* RFC 8785 form of a parsed value (integers only; others are written as found). */
void json_canonical(struct arena *a, struct buf *to, const struct json *j, int v);

#endif
