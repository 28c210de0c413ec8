/*
 * cert.c - whether a certificate may vouch for a plugin's signature. Runs in
 * the supervisor before anything is forked.
 *
 * BearSSL builds the chain and checks its signatures, dates and constraints.
 * It was made for TLS, so what it leaves open is settled here, from facts that
 * are read here: the leaf is P-256, no CA, and may sign code; every CA of the
 * chain may too; the operator's CA itself is a CA and in date; none is revoked.
 * Each certificate thus is read twice, and must please both readers.
 */
#include <string.h>

#include <bearssl.h>

#include "trust/trust.h"

#define CHAIN_MAX 6       /* leaf and what stands above it; real chains have 2 to 4 */
#define CERTIFICATE_MAX 16384
#define EXTENSIONS_MAX 32 /* real certificates have about 10 */
#define RSA_BYTES_MIN 256 /* 2048 bits */
#define EPOCH_DAYS 719528 /* BearSSL counts days from the year 0 */

/* Constant, as BYTES() is not outside of a function. */
#define OID(s) { (const unsigned char *)(s), sizeof(s) - 1 }

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BITS 0x03
#define DER_OCTETS 0x04
#define DER_OID 0x06
#define DER_UTC_TIME 0x17
#define DER_GENERAL_TIME 0x18
#define DER_SEQUENCE 0x30
#define DER_CONTEXT_0 0xa0
#define DER_CONTEXT_3 0xa3
#define DER_UNIQUE_1 0x81
#define DER_UNIQUE_2 0x82

/* First byte of keyUsage. */
#define USAGE_SIGN 0x80      /* digitalSignature */
#define USAGE_CERTIFY 0x04   /* keyCertSign */

struct facts {
	struct bytes der, issuer, subject, spki; /* as they stand, with their heads */
	int64_t from, until;
	bool ca;
	int path_length;        /* -1: no limit */
	bool usage_given;
	unsigned usage;
	bool purpose_given;     /* there is an extendedKeyUsage */
	bool code_signing, any_purpose;
	size_t purpose_critical;/* where in der its TRUE stands; 0: not critical */
	bool names_limited;     /* there is a nameConstraints */
	bool critical_other;    /* a critical extension that nobody here knows */
};

struct chain {
	struct facts cert[CHAIN_MAX]; /* the leaf first */
	size_t count;
	const char *name;             /* of the file, for messages */
	int64_t when;
};

/* ---- reading one certificate ------------------------------------------------- */

/* An element with its head, so that it can be compared and hashed. */
static bool take_whole(struct bytes *from, unsigned tag, struct bytes *whole)
{
	struct bytes value;
	const unsigned char *start = from->p;

	if (!der_take(from, tag, &value))
		return false;
	*whole = (struct bytes){ start, (size_t)(from->p - start) };
	return true;
}

/* RFC 5280: UTCTime to 2049, GeneralizedTime after it, seconds and Z always. */
static bool take_time(struct bytes *from, int64_t *out)
{
	char text[] = "YYYY-MM-DDThh:mm:ssZ";
	static const char place[] = { 0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18 };
	size_t skip = 0;
	struct bytes v;

	if (der_take(from, DER_UTC_TIME, &v)) {
		if (v.n != 13)
			return false;
		memcpy(text, v.p[0] < '5' ? "20" : "19", 2);
		skip = 2;
	} else if (!der_take(from, DER_GENERAL_TIME, &v) || v.n != 15) {
		return false;
	}
	if (v.p[v.n - 1] != 'Z')
		return false;
	for (size_t i = skip; i < sizeof place; i++)
		text[(size_t)place[i]] = (char)v.p[i - skip];
	return time_parse((struct bytes){ (unsigned char *)text, sizeof text - 1 }, out);
}

static bool read_validity(struct bytes v, struct facts *out)
{
	return take_time(&v, &out->from) && take_time(&v, &out->until) && v.n == 0;
}

/* SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL } */
static bool read_constraints(struct bytes v, struct facts *out)
{
	struct bytes seq, flag, length;

	if (!der_take(&v, DER_SEQUENCE, &seq) || v.n > 0)
		return false;
	if (der_take(&seq, DER_BOOLEAN, &flag)) {
		if (flag.n != 1 || flag.p[0] != 0xff)
			return false;
		out->ca = true;
	}
	if (der_take(&seq, DER_INTEGER, &length)) {
		if (!out->ca || length.n != 1 || length.p[0] > 0x7f)
			return false;
		out->path_length = length.p[0];
	}
	return seq.n == 0;
}

static bool read_usage(struct bytes v, struct facts *out)
{
	struct bytes bits;

	if (!der_take(&v, DER_BITS, &bits) || v.n > 0 || bits.n < 2 || bits.p[0] > 7)
		return false;
	out->usage_given = true;
	out->usage = bits.p[1];
	return true;
}

/* SEQUENCE OF OBJECT IDENTIFIER */
static bool read_purposes(struct bytes v, struct facts *out)
{
	struct bytes seq, oid;

	if (!der_take(&v, DER_SEQUENCE, &seq) || v.n > 0 || seq.n == 0)
		return false;
	out->purpose_given = true;
	while (seq.n > 0) {
		if (!der_take(&seq, DER_OID, &oid))
			return false;
		if (bytes_equal(oid, BYTES("\x2b\x06\x01\x05\x05\x07\x03\x03")))
			out->code_signing = true;
		if (bytes_equal(oid, BYTES("\x55\x1d\x25\x00")))
			out->any_purpose = true;
	}
	return true;
}

static bool read_names(struct bytes v, struct facts *out)
{
	(void)v; /* not understood: that it is there is enough */
	return out->names_limited = true;
}

/* BearSSL reads the last two where they are critical. */
static const struct {
	struct bytes oid;
	bool (*read)(struct bytes v, struct facts *out);
} extensions[] = {
	{ OID("\x55\x1d\x13"), read_constraints },
	{ OID("\x55\x1d\x0f"), read_usage },
	{ OID("\x55\x1d\x25"), read_purposes },
	{ OID("\x55\x1d\x1e"), read_names },
	{ OID("\x55\x1d\x11"), NULL }, /* subjectAltName */
	{ OID("\x55\x1d\x20"), NULL }, /* certificatePolicies */
};

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTET STRING } */
static bool read_extension(struct bytes v, struct facts *out, struct bytes *oid)
{
	struct bytes flag = { NULL, 0 }, content;
	size_t i = 0;

	if (!der_take(&v, DER_OID, oid))
		return false;
	if (der_take(&v, DER_BOOLEAN, &flag) && (flag.n != 1 || flag.p[0] != 0xff))
		return false;
	if (!der_take(&v, DER_OCTETS, &content) || v.n > 0)
		return false;
	while (i < COUNT(extensions) && !bytes_equal(*oid, extensions[i].oid))
		i++;
	if (i == COUNT(extensions)) {
		out->critical_other |= flag.n > 0;
		return true;
	}
	if (flag.n > 0 && extensions[i].read == read_purposes)
		out->purpose_critical = (size_t)(flag.p - out->der.p);
	return !extensions[i].read || extensions[i].read(content, out);
}

/* An extension that stands twice would let two readers see two certificates. */
static bool read_extensions(struct bytes v, struct facts *out)
{
	struct bytes seen[EXTENSIONS_MAX], list, one;
	size_t count = 0;

	if (!der_take(&v, DER_SEQUENCE, &list) || v.n > 0)
		return false;
	for (; list.n > 0; count++) {
		if (count == COUNT(seen) || !der_take(&list, DER_SEQUENCE, &one) ||
		    !read_extension(one, out, &seen[count]))
			return false;
		for (size_t i = 0; i < count; i++)
			if (bytes_equal(seen[i], seen[count]))
				return false;
	}
	return true;
}

/* TBSCertificate; algorithm: as it stands outside, and must inside. */
static bool read_body(struct bytes v, struct bytes algorithm, struct facts *out)
{
	struct bytes version, number, inside, validity, rest;
	bool said = der_take(&v, DER_CONTEXT_0, &version);
	bool third = said && bytes_equal(version, BYTES("\x02\x01\x02"));

	if (said && !third && !bytes_equal(version, BYTES("\x02\x01\x01")))
		return false;
	if (!der_take(&v, DER_INTEGER, &number) ||
	    !take_whole(&v, DER_SEQUENCE, &inside) || !bytes_equal(inside, algorithm) ||
	    !take_whole(&v, DER_SEQUENCE, &out->issuer) ||
	    !der_take(&v, DER_SEQUENCE, &validity) || !read_validity(validity, out) ||
	    !take_whole(&v, DER_SEQUENCE, &out->subject) ||
	    !take_whole(&v, DER_SEQUENCE, &out->spki))
		return false;
	der_take(&v, DER_UNIQUE_1, &rest);
	der_take(&v, DER_UNIQUE_2, &rest);
	if (third && der_take(&v, DER_CONTEXT_3, &rest) && !read_extensions(rest, out))
		return false;
	return v.n == 0;
}

static bool read_certificate(struct bytes der, struct facts *out)
{
	struct bytes rest = der, all, body, algorithm, signature;

	*out = (struct facts){ .der = der, .path_length = -1 };
	if (der.n > CERTIFICATE_MAX || !der_take(&rest, DER_SEQUENCE, &all) || rest.n > 0)
		return false;
	if (!der_take(&all, DER_SEQUENCE, &body) ||
	    !take_whole(&all, DER_SEQUENCE, &algorithm) ||
	    !der_take(&all, DER_BITS, &signature) || all.n > 0)
		return false;
	return read_body(body, algorithm, out);
}

/* ---- reading the file ------------------------------------------------------------ */

static int add_block(struct arena *a, const struct pem *block, struct chain *c,
    struct why *why)
{
	struct buf der = { 0 };
	unsigned char *copy;

	if (!bytes_are(block->label, "CERTIFICATE"))
		return refuse(why, REFUSE_SIGNATURE, "%s: holds a \"%.*s\" where only "
		    "certificates belong: leave that block out", c->name,
		    (int)block->label.n, (const char *)block->label.p);
	if (c->count == CHAIN_MAX)
		return refuse(why, REFUSE_SIGNATURE, "%s: holds more than %d certificates: "
		    "put the signer's first, then those between it and the CA", c->name,
		    CHAIN_MAX);
	if (!pem_body(block->body, &der)) {
		buf_free(&der);
		return refuse(why, REFUSE_SIGNATURE, "%s: certificate %zu is not base64: "
		    "copy the file again", c->name, c->count + 1);
	}
	copy = arena_get(a, der.n);
	memcpy(copy, der.p, der.n);
	if (!read_certificate((struct bytes){ copy, der.n }, &c->cert[c->count])) {
		buf_free(&der);
		return refuse(why, REFUSE_SIGNATURE, "%s: certificate %zu is cut short or "
		    "malformed: get it again from whoever issued it", c->name,
		    c->count + 1);
	}
	buf_free(&der);
	c->count++;
	return 0;
}

/* base64 of "-----BEGIN" */
static bool is_wrapped(struct bytes text)
{
	static const char head[] = "LS0tLS1CRUdJTi";

	return text.n > sizeof head && memcmp(text.p, head, sizeof head - 1) == 0;
}

static int read_chain(struct arena *a, struct bytes pem, struct chain *c, struct why *why)
{
	struct pem block;
	int found;

	if (pem.n > PEM_BYTES)
		return refuse(why, REFUSE_SIGNATURE, "%s: is longer than %u KiB: leave "
		    "out what is no certificate", c->name, PEM_BYTES >> 10);
	while ((found = pem_next(&pem, &block)) > 0)
		if (add_block(a, &block, c, why) < 0)
			return -1;
	if (found < 0)
		return refuse(why, REFUSE_SIGNATURE, "%s: a PEM block is cut short: copy "
		    "the file again", c->name);
	if (c->count == 0 && is_wrapped(pem))
		return refuse(why, REFUSE_SIGNATURE, "%s: is base64 of a PEM file, as cosign "
		    "writes it: undo that with base64 -d", c->name);
	if (c->count == 0)
		return refuse(why, REFUSE_SIGNATURE, "%s: holds no certificate: it starts "
		    "with a line -----BEGIN CERTIFICATE-----", c->name);
	if (!all_blank(pem))
		return refuse(why, REFUSE_SIGNATURE, "%s: bytes stand after the last "
		    "certificate: take them away", c->name);
	return 0;
}

/* ---- what every certificate must be ------------------------------------------------ */

static int check_dates(const struct facts *f, const char *who, int64_t when, struct why *why)
{
	char date[32], now[32];

	time_rfc3339(now, when);
	if (when < f->from)
		return refuse(why, REFUSE_SIGNATURE, "%s is not valid before %s (it is %s): "
		    "wait, or check the clock or --verify-time", who,
		    time_rfc3339(date, f->from), now);
	if (when > f->until)
		return refuse(why, REFUSE_SIGNATURE, "%s expired at %s (it is %s): sign with "
		    "a new one, or give --verify-time a time it was valid at", who,
		    time_rfc3339(date, f->until), now);
	return 0;
}

static int check_revoked(const struct trust_root *root, const struct facts *f,
    const char *who, struct why *why)
{
	unsigned char digest[SHA256_SIZE];
	char id[SHA256_HEX];

	sha256(f->spki, digest);
	hex_encode(id, digest, sizeof digest);
	for (size_t i = 0; i < root->revokeds; i++)
		if (strcmp(root->revoked[i], id) == 0)
			return refuse(why, REFUSE_SIGNATURE, "%s has the key %s, which "
			    "keys/revoked takes out: sign with another", who, id);
	return 0;
}

static int check_leaf(struct arena *a, const struct chain *c, struct pubkey *key,
    struct why *why)
{
	const struct facts *f = &c->cert[0];
	const char *who = arena_printf(a, "%s: the signer's certificate", c->name);
	struct why about = { 0 };

	if (f->ca)
		return refuse(why, REFUSE_SIGNATURE, "%s is a CA: put the one that "
		    "signed the plugin first", who);
	if (pubkey_from_spki(f->spki, who, key, &about) < 0)
		return refuse(why, REFUSE_SIGNATURE, "%s", about.text);
	if (f->critical_other)
		return refuse(why, REFUSE_SIGNATURE, "%s has a critical extension that oxg "
		    "does not know: issue one without it", who);
	if (f->usage_given && !(f->usage & USAGE_SIGN))
		return refuse(why, REFUSE_SIGNATURE, "%s may not sign (its keyUsage has no "
		    "digitalSignature): issue one that may", who);
	if (f->purpose_given && !f->code_signing)
		return refuse(why, REFUSE_SIGNATURE, "%s may not sign code (its "
		    "extendedKeyUsage has no codeSigning): issue one that may", who);
	return check_dates(f, who, c->when, why);
}

/* A CA: the operator's, or one between. below: CAs between it and the leaf. */
static int check_ca(const struct trust_root *root, const struct facts *f,
    const char *who, size_t below, int64_t when, struct why *why)
{
	if (!f->ca)
		return refuse(why, REFUSE_SIGNATURE, "%s is no CA: put the certificate "
		    "of a CA there", who);
	if (f->usage_given && !(f->usage & USAGE_CERTIFY))
		return refuse(why, REFUSE_SIGNATURE, "%s may not issue certificates (its "
		    "keyUsage has no keyCertSign): use another CA", who);
	if (f->purpose_given && !f->code_signing && !f->any_purpose)
		return refuse(why, REFUSE_SIGNATURE, "%s may not issue certificates that "
		    "sign code (its extendedKeyUsage): use another CA", who);
	if (f->names_limited)
		return refuse(why, REFUSE_SIGNATURE, "%s limits the names below it "
		    "(nameConstraints), which oxg does not check: use another CA", who);
	if (f->critical_other)
		return refuse(why, REFUSE_SIGNATURE, "%s has a critical extension that oxg "
		    "does not know: use another CA", who);
	if (f->path_length >= 0 && below > (size_t)f->path_length)
		return refuse(why, REFUSE_SIGNATURE, "%s allows %d CAs below it, here are "
		    "%zu: use another CA", who, f->path_length, below);
	if (check_dates(f, who, when, why) < 0)
		return -1;
	return check_revoked(root, f, who, why);
}

/* ---- the chain, by BearSSL -------------------------------------------------------------- */

/* The operator's CA as an anchor; the decoder holds its key. */
static bool make_anchor(const struct facts *f, br_x509_decoder_context *decoder,
    br_x509_trust_anchor *out)
{
	br_x509_pkey *key;

	br_x509_decoder_init(decoder, NULL, NULL);
	br_x509_decoder_push(decoder, f->der.p, f->der.n);
	key = br_x509_decoder_get_pkey(decoder);
	if (br_x509_decoder_last_error(decoder) != 0 || !key)
		return false;
	if (key->key_type == BR_KEYTYPE_RSA && key->key.rsa.nlen < RSA_BYTES_MIN)
		return false;
	/* BearSSL only reads the name. */
	out->dn.data = (unsigned char *)(uintptr_t)f->subject.p;
	out->dn.len = f->subject.n;
	out->flags = BR_X509_TA_CA;
	out->pkey = *key;
	return true;
}

static void engine_start(br_x509_minimal_context *x, const br_x509_trust_anchor *anchor,
    int64_t when)
{
	/* Neither SHA-1 nor what is older. */
	br_x509_minimal_init(x, &br_sha256_vtable, anchor, 1);
	br_x509_minimal_set_hash(x, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(x, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(x, br_sha512_ID, &br_sha512_vtable);
	br_x509_minimal_set_rsa(x, &br_rsa_i31_pkcs1_vrfy);
	br_x509_minimal_set_ecdsa(x, &br_ec_all_m31, &br_ecdsa_i31_vrfy_asn1);
	br_x509_minimal_set_minrsa(x, RSA_BYTES_MIN);
	br_x509_minimal_set_time(x, (uint32_t)(when / 86400 + EPOCH_DAYS),
	    (uint32_t)(when % 86400));
	x->vtable->start_chain(&x->vtable, NULL);
}

/*
 * BearSSL refuses a critical extendedKeyUsage since it does not know it. We do,
 * and have judged this one: so the engine is shown FALSE in the place of the
 * TRUE, while the hash, over which the issuer's signature is checked, is given
 * the byte as it stands. If a BearSSL to come does otherwise, the hash is
 * another one and the chain is refused.
 */
static void feed(br_x509_minimal_context *x, const struct facts *f)
{
	static const unsigned char not_critical = 0;
	br_multihash_context hash;
	size_t at = f->purpose_critical;

	x->vtable->start_cert(&x->vtable, (uint32_t)f->der.n);
	if (at > 0) {
		x->vtable->append(&x->vtable, f->der.p, at);
		hash = x->mhash;
		br_multihash_update(&hash, f->der.p + at, 1);
		x->vtable->append(&x->vtable, &not_critical, 1);
		x->mhash = hash;
		at++;
	}
	x->vtable->append(&x->vtable, f->der.p + at, f->der.n - at);
	x->vtable->end_cert(&x->vtable);
}

/* Above how many certificates the anchor stands: 1 when it issued the leaf. 0
 * when the chain does not reach it; *error is then BearSSL's. */
static size_t chain_reaches(const struct chain *c, const br_x509_trust_anchor *anchor,
    unsigned *error)
{
	br_x509_minimal_context x;

	engine_start(&x, anchor, c->when);
	for (size_t i = 0; i < c->count && x.err == 0; i++) {
		feed(&x, &c->cert[i]);
		if (x.err == BR_ERR_X509_OK)
			return i + 1;
	}
	*error = x.vtable->end_chain(&x.vtable);
	return 0;
}

static int refuse_engine(const char *name, unsigned error, struct why *why)
{
	const char *what;

	switch (error) {
	case BR_ERR_X509_NOT_TRUSTED:
	case BR_ERR_X509_DN_MISMATCH:
		return refuse(why, REFUSE_SIGNATURE, "%s: leads to no CA in keys/*.crt: put "
		    "the CA there, and the certificates between in order behind the "
		    "signer's", name);
	case BR_ERR_X509_BAD_SIGNATURE:
	case BR_ERR_X509_WRONG_KEY_TYPE:
		what = "a certificate is not signed by the one after it";
		break;
	case BR_ERR_X509_EXPIRED:
		what = "a CA between the signer and yours is not in date";
		break;
	case BR_ERR_X509_CRITICAL_EXTENSION:
		what = "a certificate has a critical extension that oxg does not know";
		break;
	case BR_ERR_X509_NOT_CA:
		what = "a certificate was issued by one that is no CA, or too far below one";
		break;
	case BR_ERR_X509_FORBIDDEN_KEY_USAGE:
		what = "a certificate was issued by one whose keyUsage has no keyCertSign";
		break;
	case BR_ERR_X509_WEAK_PUBLIC_KEY:
		what = "an RSA key of a CA has under 2048 bits";
		break;
	case BR_ERR_X509_UNSUPPORTED:
		what = "a certificate is signed neither with ECDSA nor RSA, or not over "
		    "SHA-256, SHA-384 or SHA-512";
		break;
	default:
		return refuse(why, REFUSE_SIGNATURE, "%s: a certificate is malformed "
		    "(BearSSL error %u): get it again from whoever issued it", name, error);
	}
	return refuse(why, REFUSE_SIGNATURE, "%s: %s: get a certificate that is in order",
	    name, what);
}

/* 0 when the chain holds up to this CA, else -1 with why. */
static int try_ca(struct arena *a, const struct trust_root *root, const struct chain *c,
    const struct facts *ca, const char *who, struct why *why)
{
	br_x509_decoder_context decoder;
	br_x509_trust_anchor anchor;
	unsigned error = 0;
	size_t reach;

	if (!make_anchor(ca, &decoder, &anchor))
		return refuse(why, REFUSE_KEY, "%s: its key is neither RSA from 2048 bits nor "
		    "on a NIST curve: replace this CA", who);
	reach = chain_reaches(c, &anchor, &error);
	if (reach == 0)
		return refuse_engine(c->name, error, why);
	for (size_t i = 1; i < reach; i++)
		if (check_ca(root, &c->cert[i],
		    arena_printf(a, "%s: certificate %zu", c->name, i + 1), i - 1,
		    c->when, why) < 0)
			return -1;
	return check_ca(root, ca, who, reach - 1, c->when, why);
}

/* All of keys/, whichever is needed: a broken file there is a mistake to be told. */
static int read_anchors(struct arena *a, const struct trust_root *root, struct facts **out,
    struct why *why)
{
	*out = arena_array(a, root->cas + 1, sizeof **out);
	for (size_t i = 0; i < root->cas; i++)
		if (!read_certificate(root->ca[i], &(*out)[i]))
			return refuse(why, REFUSE_KEY, "%s: is cut short or malformed: replace "
			    "this CA", root->ca_file[i]);
	return 0;
}

/* Does this CA have anything to do with the chain? */
static bool concerns(const struct chain *c, const struct facts *ca)
{
	for (size_t i = 0; i < c->count; i++)
		if (bytes_equal(c->cert[i].issuer, ca->subject))
			return true;
	return false;
}

int certificate_verify(struct arena *a, const struct trust_root *root, struct bytes pem,
    const char *name, int64_t when, struct pubkey *leaf, const char **ca_file, struct why *why)
{
	struct chain c = { .name = name, .when = when };
	struct why last = { 0 };
	struct facts *ca;

	if (when < 0)
		return refuse(why, REFUSE_SIGNATURE, "%s: no certificate is valid before "
		    "1970: check the clock or --verify-time", name);
	if (read_anchors(a, root, &ca, why) < 0 || read_chain(a, pem, &c, why) < 0 ||
	    check_leaf(a, &c, leaf, why) < 0 ||
	    check_revoked(root, &c.cert[0], name, why) < 0)
		return -1;
	for (size_t i = 0; i < root->cas; i++) {
		struct why now = { 0 };

		if (!concerns(&c, &ca[i]))
			continue;
		if (try_ca(a, root, &c, &ca[i], root->ca_file[i], &now) == 0) {
			*ca_file = root->ca_file[i];
			return 0;
		}
		/* Of several CAs of one name, the last one tried is told of. */
		last = now;
	}
	if (last.code != REFUSAL_NONE)
		return refuse(why, last.code, "%s", last.text);
	return refuse_engine(name, BR_ERR_X509_NOT_TRUSTED, why);
}
