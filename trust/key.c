/*
 * key.c - private keys, and signing with them: the only code that sees one.
 * Runs in keygen, sign and approve, and in the supervisor after every child is
 * dead. `make wall` keeps the broker and the jail from calling it.
 *
 * Two shapes are read, PKCS#8 and SEC1, of the curve P-256 only, by the reader
 * below: BearSSL 0.6 has a decoder for both that can be made to overflow.
 * What held key bytes is wiped before it is given back.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bearssl.h>

#include "trust/trust.h"

#define KEY_FILE (16u << 10) /* an RSA key of 16384 bits, so as to name it */
#define KEY_TRIES 64         /* one in 2^32 misses; 64 misses are a broken kernel */
#define PKCS8_SIZE 138
#define STACK_USED (8u << 10) /* by BearSSL below us: 3 KiB when it signs */

#define DER_INTEGER 0x02
#define DER_BITS 0x03
#define DER_OCTETS 0x04
#define DER_SEQUENCE 0x30
#define DER_CONTEXT_0 0xa0
#define DER_CONTEXT_1 0xa1

/* The order of P-256 (FIPS 186-4 D.1.2.3). */
static const unsigned char order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
	0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

/* PKCS#8 up to d, and from d to the point. */
static const unsigned char pkcs8_head[36] = {
	0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
	0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
};
static const unsigned char pkcs8_middle[5] = { 0xa1, 0x44, 0x03, 0x42, 0x00 };

/* What a file is that is no key of ours, by the label of its PEM block. */
static const struct {
	const char *label, *advice;
} foreign[] = {
	{ "ENCRYPTED PRIVATE KEY", "is encrypted and there is nobody to ask for the "
	    "password: write it with openssl pkey -in FILE -out NEW" },
	{ "ENCRYPTED SIGSTORE PRIVATE KEY", "is encrypted by cosign: make a key with "
	    "oxg keygen and give it to cosign import-key-pair" },
	{ "ENCRYPTED COSIGN PRIVATE KEY", "is encrypted by cosign: make a key with "
	    "oxg keygen and give it to cosign import-key-pair" },
	{ "OPENSSH PRIVATE KEY", "is an OpenSSH key: make one with oxg keygen, or "
	    "write it as PEM with ssh-keygen -p -m PKCS8 -f FILE" },
	{ "RSA PRIVATE KEY", "is an RSA key, only P-256 (prime256v1) is accepted: "
	    "make one with oxg keygen" },
	{ "DSA PRIVATE KEY", "is a DSA key, only P-256 (prime256v1) is accepted: "
	    "make one with oxg keygen" },
	{ "PUBLIC KEY", "is a public key where the private one belongs: name the "
	    "file that has -----BEGIN PRIVATE KEY-----" },
	{ "RSA PUBLIC KEY", "is a public key where the private one belongs: name the "
	    "file that has -----BEGIN PRIVATE KEY-----" },
	{ "CERTIFICATE", "is a certificate where a private key belongs: name the "
	    "file that has -----BEGIN PRIVATE KEY-----" },
};

/* ---- figures ----------------------------------------------------------------- */

/* 0 < d < n, in a time that does not depend on d. */
static bool scalar_good(const unsigned char d[32])
{
	unsigned borrow = 0, any = 0;

	for (int i = 31; i >= 0; i--) {
		borrow = ((unsigned)d[i] - order[i] - borrow) >> 31;
		any |= d[i];
	}
	return borrow && any;
}

/* BearSSL leaves figures where its frames stood; and out of a nonce anybody can
 * reckon the key. */
static __attribute__((noinline)) void stack_wipe(void)
{
	unsigned char below[STACK_USED];

	wipe(below, sizeof below);
}

/* d -> the whole key. False when d is out of range. */
static bool key_from_scalar(const unsigned char d[32], struct privkey *out)
{
	unsigned char q[65];

	if (!scalar_good(d))
		return false;
	br_ec_p256_m31.mulgen(q, d, 32, BR_EC_secp256r1);
	stack_wipe();
	memcpy(out->d, d, 32);
	return pubkey_from_point(q, &out->pub);
}

void privkey_make(struct privkey *out)
{
	unsigned char d[32];
	int tries = 0;

	do {
		if (tries++ == KEY_TRIES)
			die(STATUS_REFUSED, "cannot make a key: the kernel's randomness is broken");
		random_bytes(d, sizeof d);
	} while (!key_from_scalar(d, out));
	wipe(d, sizeof d);
}

void privkey_wipe(struct privkey *k)
{
	wipe(k, sizeof *k);
}

/* ---- DER ------------------------------------------------------------------------ */

/* INTEGER of one byte. */
static bool take_version(struct bytes *from, unsigned char version)
{
	struct bytes v;

	return der_take(from, DER_INTEGER, &v) && v.n == 1 && v.p[0] == version;
}

/* [1] { BIT STRING { 04 X Y } }: must be the point that d makes. */
static bool same_point(struct bytes element, const struct privkey *k)
{
	struct bytes bits;

	return der_take(&element, DER_BITS, &bits) && element.n == 0 &&
	    bits.n == 66 && bits.p[0] == 0 &&
	    bytes_equal_ct(bits.p + 1, k->pub.q, 65);
}

/* what: "an RSA key" */
static int refuse_kind(const char *path, const char *what, struct why *why)
{
	return refuse(why, REFUSE_KEY, "%s: is %s, only P-256 (prime256v1) is accepted: "
	    "make one with oxg keygen", path, what);
}

static int refuse_der(const char *path, const char *what, struct why *why)
{
	return refuse(why, REFUSE_KEY, "%s: the private key %s", path, what);
}

#define CUT_SHORT "is cut short, or bytes stand after it: copy the file again"
#define REWRITE "write it with openssl pkey -in FILE -out NEW"

/* ECPrivateKey (RFC 5915). inside: PKCS#8 around it has named the curve, so it
 * may be left out here. */
static int read_sec1(struct bytes der, bool inside, const char *path,
    struct privkey *out, struct why *why)
{
	struct bytes key, d, curve, point;

	if (!der_take(&der, DER_SEQUENCE, &key) || der.n > 0)
		return refuse_der(path, CUT_SHORT, why);
	if (!take_version(&key, 1) || !der_take(&key, DER_OCTETS, &d))
		return refuse_der(path, "is no SEC1 key: make one with oxg keygen", why);
	if (der_take(&key, DER_CONTEXT_0, &curve)) {
		if (curve_other(curve))
			return refuse_kind(path, curve_other(curve), why);
	} else if (!inside) {
		return refuse_der(path, "names no curve: " REWRITE, why);
	}
	if (d.n != 32 || !key_from_scalar(d.p, out))
		return refuse_der(path, "is no number that P-256 allows: make one with "
		    "oxg keygen", why);
	if (der_take(&key, DER_CONTEXT_1, &point) && !same_point(point, out))
		return refuse_der(path, "does not belong to the public point beside it, "
		    "or that is compressed: " REWRITE " -ec_conv_form uncompressed", why);
	if (key.n > 0)
		return refuse_der(path, "has members that do not belong there: "
		    REWRITE, why);
	return 0;
}

/* PrivateKeyInfo (RFC 5958, version 0, no attributes) around that. */
static int read_pkcs8(struct bytes der, const char *path, struct privkey *out,
    struct why *why)
{
	struct bytes info, algorithm, key;

	if (!der_take(&der, DER_SEQUENCE, &info) || der.n > 0)
		return refuse_der(path, CUT_SHORT, why);
	if (!take_version(&info, 0) || !der_take(&info, DER_SEQUENCE, &algorithm) ||
	    !der_take(&info, DER_OCTETS, &key))
		return refuse_der(path, "is no PKCS#8 key: make one with oxg keygen", why);
	if (algorithm_other(algorithm))
		return refuse_kind(path, algorithm_other(algorithm), why);
	if (info.n > 0)
		return refuse_der(path, "has attributes: " REWRITE, why);
	return read_sec1(key, true, path, out, why);
}

/* ---- files ------------------------------------------------------------------------ */

static int refuse_foreign(const char *path, struct bytes label, struct why *why)
{
	for (size_t i = 0; i < COUNT(foreign); i++)
		if (bytes_are(label, foreign[i].label))
			return refuse(why, REFUSE_KEY, "%s: %s", path, foreign[i].advice);
	return refuse(why, REFUSE_KEY, "%s: its PEM block is \"%.*s\", a private key is "
	    "\"PRIVATE KEY\" or \"EC PRIVATE KEY\"", path, (int)label.n,
	    (const char *)label.p);
}

static bool encrypted_body(struct bytes body)
{
	static const char head[] = "Proc-Type:";

	return body.n >= sizeof head - 1 && memcmp(body.p, head, sizeof head - 1) == 0;
}

static int read_block(const char *path, const struct pem *block, struct privkey *out,
    struct why *why)
{
	bool sec1 = bytes_are(block->label, "EC PRIVATE KEY");
	struct buf der = { 0 };
	int result;

	if (!sec1 && !bytes_are(block->label, "PRIVATE KEY"))
		return refuse_foreign(path, block->label, why);
	if (encrypted_body(block->body))
		return refuse(why, REFUSE_KEY, "%s: %s", path, foreign[0].advice);
	buf_reserve(&der, KEY_FILE);
	if (!pem_body(block->body, &der))
		result = refuse(why, REFUSE_KEY, "%s: its PEM block is not base64: copy "
		    "the file again", path);
	else if (sec1)
		result = read_sec1(buf_bytes(&der), false, path, out, why);
	else
		result = read_pkcs8(buf_bytes(&der), path, out, why);
	wipe(der.p, KEY_FILE);
	buf_free(&der);
	return result;
}

static int read_text(const char *path, struct bytes text, struct privkey *out,
    struct why *why)
{
	struct pem block;
	int found = pem_next(&text, &block);

	/* openssl ecparam -genkey writes the curve first, which the key repeats. */
	if (found > 0 && bytes_are(block.label, "EC PARAMETERS"))
		found = pem_next(&text, &block);
	if (found == 0 && text.n > 0 && text.p[0] == DER_SEQUENCE)
		return refuse(why, REFUSE_KEY, "%s: is not PEM: if it is DER, write it "
		    "with openssl pkey -inform DER -in FILE -out NEW", path);
	if (found == 0)
		return refuse(why, REFUSE_KEY, "%s: holds no PEM block: a private key "
		    "starts with a line -----BEGIN PRIVATE KEY-----", path);
	if (found < 0)
		return refuse(why, REFUSE_KEY, "%s: its PEM block is cut short: copy "
		    "the file again", path);
	if (read_block(path, &block, out, why) < 0)
		return -1;
	if (all_blank(text))
		return 0;
	return refuse(why, REFUSE_KEY, "%s: bytes stand after the key: put one key "
	    "in a file", path);
}

/* A regular file that only its owner can read. The descriptor, or -1. */
int privkey_open(const char *path, struct why *why)
{
	struct stat st;
	/* O_NONBLOCK: a FIFO cannot hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return refuse(why, REFUSE_KEY, "%s: cannot open the private key: %s",
		    path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		refuse(why, REFUSE_KEY, "%s: is no regular file: name the file with "
		    "the private key", path);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		refuse(why, REFUSE_KEY, "%s: others can read or change this private "
		    "key (mode %04o): chmod 600 it", path,
		    (unsigned)st.st_mode & 07777u);
	else
		return fd;
	close(fd);
	return -1;
}

int privkey_take(int fd, const char *path, struct privkey *out, struct why *why)
{
	unsigned char text[KEY_FILE + 1];
	int n, result = -1;

	n = read_full(fd, text, sizeof text);
	if (n < 0)
		refuse(why, REFUSE_KEY, "%s: cannot read the private key: %s", path,
		    strerror(errno));
	else if (n > (int)KEY_FILE)
		refuse(why, REFUSE_KEY, "%s: is longer than a private key can be: name "
		    "the file with the private key", path);
	else
		result = read_text(path, (struct bytes){ text, (size_t)n }, out, why);
	close(fd);
	wipe(text, sizeof text);
	if (result < 0)
		privkey_wipe(out);
	return result;
}

int privkey_read(struct arena *a, const char *path, struct privkey *out, struct why *why)
{
	int fd = privkey_open(path, why);

	(void)a; /* freed late and never wiped: no place for a key */
	return fd < 0 ? -1 : privkey_take(fd, path, out, why);
}

/* ---- writing and signing ------------------------------------------------------------ */

void privkey_pem(const struct privkey *k, struct buf *out)
{
	unsigned char der[PKCS8_SIZE], *p = der;
	struct buf text = { 0 };

	memcpy(p, pkcs8_head, sizeof pkcs8_head);
	memcpy(p += sizeof pkcs8_head, k->d, 32);
	memcpy(p += 32, pkcs8_middle, sizeof pkcs8_middle);
	memcpy(p + sizeof pkcs8_middle, k->pub.q, 65);
	buf_reserve(&text, 512);
	buf_reserve(out, 512);
	base64_encode(&text, (struct bytes){ der, sizeof der });
	buf_text(out, "-----BEGIN PRIVATE KEY-----\n");
	for (size_t at = 0; at < text.n; at += 64) {
		buf_add(out, text.p + at, text.n - at < 64 ? text.n - at : 64);
		buf_byte(out, '\n');
	}
	buf_text(out, "-----END PRIVATE KEY-----\n");
	wipe(der, sizeof der);
	wipe(text.p, text.n);
	stack_wipe();
	buf_free(&text);
}

void signature_make(const struct privkey *k, const unsigned char digest[SHA256_SIZE],
    struct buf *der)
{
	unsigned char d[32], signature[72];
	br_ec_private_key sk = { BR_EC_secp256r1, d, sizeof d };
	size_t n;

	memcpy(d, k->d, sizeof d);
	n = br_ecdsa_i31_sign_asn1(&br_ec_p256_m31, &br_sha256_vtable, digest, &sk,
	    signature);
	wipe(d, sizeof d);
	stack_wipe();
	if (n == 0)
		die(STATUS_REFUSED, "cannot sign: the private key is out of range");
	buf_add(der, signature, n);
}
