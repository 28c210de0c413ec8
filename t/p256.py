#!/usr/bin/env python3
"""P-256 by plain integers: the other opinion of t/key.t.

   signatures OUT FILE   signatures over FILE's SHA-256, good and bad, a
                         directory each: pub.pem, sig.der, want (good, bad)
   privates OUT          private key files, good and bad: NAME.pem, NAME.want
                         ("good", or the pattern of the sentence)
   publics OUT           public key files: the same
   nonce KEY FILE        KEY's signature over FILE with the nonce of RFC 6979
   memory KEY FILE WORD CMD
                         runs CMD until it writes to its stdout and looks in its
                         memory for KEY and the nonce it signs FILE with (-: none);
                         WORD must be found there

Nothing here is fit for a secret: no step takes the same time twice."""
import base64, hashlib, hmac, os, re, subprocess, sys, time

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)
EC = '06072a8648ce3d0201'
CURVE = '06082a8648ce3d030107'


def add(p, q):
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        m = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P)
    else:
        m = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (m * m - p[0] - q[0]) % P
    return x, (m * (p[0] - x) - p[1]) % P


def mul(k, p):
    out = None
    while k:
        if k & 1:
            out = add(out, p)
        p = add(p, p)
        k >>= 1
    return out


def lift(x):
    """A point with this x, or None."""
    y = pow((x**3 - 3 * x + B) % P, (P + 1) // 4, P)
    return (x, y) if (y * y - x**3 + 3 * x - B) % P == 0 else None


def verify(q, e, r, s):
    """FIPS 186-4, 6.4"""
    if not (0 < r < N and 0 < s < N):
        return False
    w = pow(s, -1, N)
    point = add(mul(e * w % N, G), mul(r * w % N, q))
    return point is not None and point[0] % N == r


def nonce(d, e):
    """RFC 6979, 3.2, for SHA-256 and a curve of 256 bits."""
    def mac(key, *parts):
        return hmac.new(key, b''.join(parts), 'sha256').digest()
    k, v = bytes(32), b'\1' * 32
    seed = d.to_bytes(32, 'big') + (e % N).to_bytes(32, 'big')
    for mark in b'\0', b'\1':
        k = mac(k, v, mark, seed)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        if 0 < int.from_bytes(v, 'big') < N:
            return int.from_bytes(v, 'big')
        k = mac(k, v, b'\0')
        v = mac(k, v)


def sign(d, e, k):
    r = mul(k, G)[0] % N
    return r, pow(k, -1, N) * (e + r * d) % N


# ---- DER ---------------------------------------------------------------------

def tlv(tag, *parts):
    body = b''.join(bytes.fromhex(p) if isinstance(p, str) else p for p in parts)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else \
        bytes([0x82, n >> 8, n & 255])
    return bytes([tag]) + size + body


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big', signed=True))


def pair(r, s):
    return tlv(0x30, integer(r), integer(s))


def point(q):
    return b'\4' + q[0].to_bytes(32, 'big') + q[1].to_bytes(32, 'big')


def spki(q, algorithm=EC + CURVE, unused=b'\0'):
    return tlv(0x30, tlv(0x30, algorithm), tlv(3, unused, q))


def sec1(d, q=None, curve=None, version=1, size=32):
    return tlv(0x30, integer(version), tlv(4, d.to_bytes(size, 'big')),
               tlv(0xa0, curve) if curve else b'', tlv(0xa1, tlv(3, b'\0', q)) if q else b'')


def pkcs8(key, algorithm=EC + CURVE, version=0, after=b''):
    return tlv(0x30, integer(version), tlv(0x30, algorithm), tlv(4, key), after)


def pem(label, der, width=64, end='\n'):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + width] for i in range(0, len(text), width)]
    return end.join(['-----BEGIN %s-----' % label] + lines + ['-----END %s-----' % label, ''])


def put(path, data):
    with open(path, 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def digest(path):
    with open(path, 'rb') as f:
        return int.from_bytes(hashlib.sha256(f.read()).digest(), 'big')


def scalar(word):
    return int.from_bytes(hashlib.sha256(word.encode()).digest(), 'big') % (N - 1) + 1


# ---- signatures ----------------------------------------------------------------

class Signatures:
    def __init__(self, out, e):
        self.out, self.e, self.count = out, e, 0
        self.d = scalar('signer')
        self.q = mul(self.d, G)

    def case(self, name, want, der, q=None):
        path = '%s/%03d' % (self.out, self.count)
        self.count += 1
        os.makedirs(path)
        put(path + '/name', name)
        put(path + '/want', want)
        put(path + '/sig.der', der)
        put(path + '/pub.pem', pem('PUBLIC KEY', spki(point(q or self.q))))

    def figures(self, name, r, s, q=None):
        """r and s in DER; our own arithmetic says what they are worth."""
        want = 'good' if verify(q or self.q, self.e, r, s) else 'bad'
        self.case(name, want, pair(r, s), q)

    def recovered(self, name, r, s, x=None):
        """A key under which (r, s) holds: Q = (s R - e G) / r."""
        R = lift(r if x is None else x)
        q = mul(pow(r, -1, N), add(mul(s, R), mul(-self.e % N, G)))
        assert verify(q, self.e, r, s)
        self.figures(name, r, s, q)


def first(good, start=1):
    while not good(start):
        start += 1
    return start


def good_figures(c):
    d, e = c.d, c.e
    r, s = sign(d, e, nonce(d, e))
    c.figures('an ordinary one', r, s)
    c.figures('the same with n - s', r, N - s)
    k, R = 1000, mul(1000, G)
    while R[0] >> 248:
        k, R = k + 1, add(R, G)
    c.figures('r of 31 bytes', *sign(d, e, k))
    k = first(lambda k: sign(d, e, k)[1] >> 248 == 0, 2000)
    c.figures('s of 31 bytes', *sign(d, e, k))
    for s in 1, 2, 127, 128, 255, 256, N - 1, N - 2:
        c.recovered('s = %s' % (s if s < 999 else 'n - %d' % (N - s)), r, s)
    tiny = first(lambda x: lift(x) and x > 2)
    c.recovered('r of one byte', tiny, scalar('s'))
    c.recovered('r and s of one byte', tiny, 3)
    c.recovered('the largest r', N - first(lambda i: lift(N - i) is not None), scalar('s'))
    over = first(lambda i: lift(N + i) is not None)
    c.recovered('x of the point is n or more, r is it less n', over, scalar('s'), N + over)
    k = scalar('k')
    r = mul(k, G)[0] % N
    s = 2 * e * pow(k, -1, N) % N
    c.figures('both halves are one point', r, s, mul(e * pow(r, -1, N) % N, G))
    for name, s in ('e', e), ('-e', -e), ('r', r), ('-r', -r):
        s %= N
        c.figures('s = ' + name, r, s, mul((s * k - e) * pow(r, -1, N) % N, G))
    for name, other in ('1', 1), ('2', 2), ('n - 1', N - 1), ('(n + 1) / 2', (N + 1) // 2):
        c.figures('d = ' + name, *sign(other, e, k), mul(other, G))
    return sign(d, e, k)


def bad_figures(c, r, s):
    for a in 'r', 's', 'both':
        for name, v in (('0', 0), ('n', N), ('p', P), ('1', 1), ('2^255', 2**255), ('-1', -1),
                        ('2^256 - 1', 2**256 - 1), ('2^256', 2**256), ('n - 1', N - 1)):
            c.figures('%s = %s' % (a, name), r if a == 's' else v, s if a == 'r' else v)
    c.figures('r + n', r + N, s)
    c.figures('s + n', r, s + N)
    c.figures('r - n', r - N, s)
    c.figures('s - n', r, s - N)
    c.figures('-r', -r, s)
    c.figures('-s', r, -s)
    c.figures('r + 2^256', r + 2**256, s)
    c.figures('r + 2^320', r + 2**320, s)
    c.figures('r and s exchanged', s, r)
    c.figures('n - r', N - r, s)
    c.figures('another key', r, s, mul(scalar('other'), G))
    c.figures('the point of the key mirrored', r, s, (c.q[0], P - c.q[1]))
    c.figures('the sum is the point at infinity', r, s, mul(-c.e * pow(r, -1, N) % N, G))
    over = first(lambda i: lift(N + i) is not None)
    q = mul(pow(over, -1, N), add(mul(s, lift(N + over)), mul(-c.e % N, G)))
    c.figures('x of the point is n or more, r is it', N + over, s, q)


def bad_der(c, r, s):
    R, S = integer(r), integer(s)
    body = R + S
    raw = lambda v: tlv(2, v)
    r32, s32 = r.to_bytes(32, 'big'), s.to_bytes(32, 'big')
    assert r >> 255 and not s >> 247
    for name, der in (
            ('sequence length in long form', b'\x30\x81' + bytes([len(body)]) + body),
            ('sequence length in two bytes', b'\x30\x82\0' + bytes([len(body)]) + body),
            ('sequence length in eight bytes', b'\x30\x88' + bytes(7) + bytes([len(body)]) + body),
            ('r length in long form', tlv(0x30, b'\2\x81' + R[1:], S)),
            ('s length in long form', tlv(0x30, R, b'\2\x81' + S[1:])),
            ('indefinite length', b'\x30\x80' + body + b'\0\0'),
            ('indefinite length without end', b'\x30\x80' + body),
            ('length 128 to come', b'\x30\xff' + body),
            ('r with a zero too many', tlv(0x30, raw(b'\0\0' + r32), S)),
            ('s with a zero too many', tlv(0x30, R, raw(b'\0' + s32))),
            ('r with 32 zeros before', tlv(0x30, raw(bytes(33) + r32), S)),
            ('r without its zero', tlv(0x30, raw(r32), S)),
            ('r with ff before', tlv(0x30, raw(b'\xff' + r32), S)),
            ('zero written as 00 00', tlv(0x30, raw(b'\0\0'), S)),
            ('r empty', tlv(0x30, raw(b''), S)),
            ('s empty', tlv(0x30, R, raw(b''))),
            ('no r', tlv(0x30, S)),
            ('no s', tlv(0x30, R)),
            ('nothing in it', b'\x30\0'),
            ('nothing', b''),
            ('one byte', b'\x30'),
            ('a third figure', tlv(0x30, R, S, integer(1))),
            ('a NULL in it', tlv(0x30, R, S, '0500')),
            ('a NULL before', tlv(0x30, '0500', R, S)),
            ('a zero byte in it', tlv(0x30, R, S, b'\0')),
            ('a zero byte after it', tlv(0x30, body) + b'\0'),
            ('end-of-contents after it', tlv(0x30, body) + b'\0\0'),
            ('itself after it', tlv(0x30, body) * 2),
            ('length one too long', b'\x30' + bytes([len(body) + 1]) + body),
            ('length one too short', b'\x30' + bytes([len(body) - 1]) + body),
            ('r length one too long', tlv(0x30, b'\2' + bytes([R[1] + 1]) + R[2:], S)),
            ('last byte missing', tlv(0x30, body)[:-1]),
            ('half of it', tlv(0x30, body)[:36]),
            ('a SET', tlv(0x31, body)),
            ('a primitive sequence', tlv(0x10, body)),
            ('an OCTET STRING', tlv(4, body)),
            ('a tag in long form', b'\x3f\x10' + bytes([len(body)]) + body),
            ('a context tag', tlv(0xa0, body)),
            ('wrapped in a sequence', tlv(0x30, tlv(0x30, body))),
            ('wrapped in a BIT STRING', tlv(3, b'\0', tlv(0x30, body))),
            ('r an OCTET STRING', tlv(0x30, tlv(4, R[2:]), S)),
            ('r an ENUMERATED', tlv(0x30, tlv(10, R[2:]), S)),
            ('r constructed', tlv(0x30, tlv(0x22, R), S)),
            ('r a REAL, infinity', tlv(0x30, '090140', S)),
            ('s a BOOLEAN', tlv(0x30, R, '010100')),
            ('raw, 64 bytes', r32 + s32),
            ('little end first', pair(int.from_bytes(r32, 'little'), int.from_bytes(s32, 'little'))),
            ('zeros', bytes(72)),
            ('ones', b'\xff' * 72)):
        c.case(name, 'bad', der)


def signatures(out, path):
    c = Signatures(out, digest(path))
    good_figures(c)
    k = first(lambda k: sign(c.d, c.e, k)[0] >> 255 and not sign(c.d, c.e, k)[1] >> 247, 3000)
    r, s = sign(c.d, c.e, k)
    bad_figures(c, r, s)
    bad_der(c, r, s)


# ---- keys -----------------------------------------------------------------------

class Keys:
    def __init__(self, out):
        self.out = out

    def case(self, name, want, text):
        path = '%s/%s' % (self.out, name.replace(' ', '_'))
        put(path + '.pem', text)
        put(path + '.want', want)


def privates(out):
    c = Keys(out)
    d = scalar('private')
    q = point(mul(d, G))
    bent = q[:-1] + bytes([q[-1] ^ 1])
    short = bytes([2 + (q[-1] & 1)]) + q[1:33]
    other = point(mul(scalar('other'), G))
    p384 = '06052b81040022'
    info, ec = 'PRIVATE KEY', 'EC PRIVATE KEY'
    full = pkcs8(sec1(d, q))
    whole = sec1(d, q, CURVE)
    good = lambda name, text: c.case(name, 'good', text)
    good('PKCS8', pem(info, full))
    good('PKCS8 without the point', pem(info, pkcs8(sec1(d))))
    good('PKCS8 with the curve twice', pem(info, pkcs8(sec1(d, q, CURVE))))
    good('SEC1', pem(ec, whole))
    good('SEC1 without the point', pem(ec, sec1(d, None, CURVE)))
    good('SEC1 after its parameters', pem('EC PARAMETERS', bytes.fromhex(CURVE)) + pem(ec, whole))
    good('words before it', 'friendlyName: x\nlocalKeyID: 01 02\n\n' + pem(info, full))
    good('lines that end in CR LF', pem(info, full, end='\r\n'))
    good('no last newline', pem(info, full).rstrip())
    good('blank lines after it', pem(info, full) + '\n \t\n')
    good('one long line', pem(info, full, 1000))
    good('short lines', pem(info, full, 4))
    for name, n in ('d 1', 1), ('d 2', 2), ('d n-1', N - 1), ('d of 16 bytes', 2**127 + 5):
        good(name, pem(info, pkcs8(sec1(n, point(mul(n, G))))))

    def bad(name, want, der, label=info):
        c.case(name, want, pem(label, der))
    for name, n in ('d 0', 0), ('d n', N), ('d above n', N + 1), ('d of ones', 2**256 - 1):
        bad(name, 'number', pkcs8(sec1(n)))
        bad(name + ' with a point', 'number', pkcs8(sec1(n, q)))
        bad(name + ' in SEC1', 'number', sec1(n, None, CURVE), ec)
    bad('d of 31 bytes', 'number', pkcs8(sec1(2**247 + 1, None, size=31)))
    bad('d of 33 bytes', 'number', pkcs8(sec1(d, None, size=33)))
    bad('d of no bytes', 'number', pkcs8(sec1(0, None, size=0)))
    bad('the point of another key', 'point', pkcs8(sec1(d, other)))
    bad('the point of another key in SEC1', 'point', sec1(d, other, CURVE), ec)
    bad('a point beside the curve', 'point', pkcs8(sec1(d, bent)))
    bad('the point mirrored', 'point', pkcs8(sec1(d, point((mul(d, G)[0], P - mul(d, G)[1])))))
    bad('a compressed point', 'compressed', pkcs8(sec1(d, short)))
    bad('a point of no bytes', 'point', pkcs8(sec1(d, b'\0')))
    bad('version 0 inside', 'SEC1', pkcs8(sec1(d, q, version=0)))
    bad('version 2 inside', 'SEC1', pkcs8(sec1(d, q, version=2)))
    bad('version 1 outside', 'PKCS#8', pkcs8(sec1(d, q), version=1))
    bad('attributes', 'attributes', pkcs8(sec1(d, q), after=tlv(0xa0, tlv(0x30, '0603550403', tlv(0x31)))))
    bad('P-384 outside', 'P-384', pkcs8(sec1(d, q), EC + p384))
    bad('P-384 inside', 'P-384', pkcs8(sec1(d, q, p384)))
    bad('P-384 in SEC1', 'P-384', sec1(d, q, p384), ec)
    bad('SEC1 without a curve', 'curve', sec1(d, q), ec)
    bad('an unknown curve', 'another curve', pkcs8(sec1(d, q), EC + '06032a0304'))
    bad('an unknown algorithm', 'another kind', pkcs8(sec1(d, q), '06032a0304'))
    bad('no algorithm', 'no known kind', pkcs8(sec1(d, q), ''))
    bad('an algorithm with something behind', 'no curve', pkcs8(sec1(d, q), EC + CURVE + '0500'))
    bad('no curve outside', 'no curve', pkcs8(sec1(d, q), EC + '0500'))
    bad('a byte after it', 'bytes stand after|cut short', full + b'\0')
    bad('a byte after the inner key', 'bytes stand after|cut short', pkcs8(sec1(d, q) + b'\0'))
    bad('a byte after SEC1', 'bytes stand after|cut short', whole + b'\0', ec)
    bad('a member too many', 'members', pkcs8(tlv(0x30, sec1(d, q)[2:], '0500')))
    bad('the last byte missing', 'cut short', full[:-1])
    bad('half of it', 'cut short', full[:70])
    bad('only a length', 'cut short', b'\x30\x81')
    bad('an indefinite length', 'cut short', b'\x30\x80' + full[3:] + b'\0\0')
    bad('a length in two bytes', 'cut short', b'\x30\x82\0' + full[2:])
    bad('a length of 4 GiB', 'cut short', b'\x30\x84\xff\xff\xff\xff' + full[3:])
    bad('PKCS8 under the name of SEC1', 'SEC1', full, ec)
    bad('SEC1 under the name of PKCS8', 'PKCS#8', whole)
    text = pem(info, full)
    lines = text.split('\n')
    c.case('no end', 'cut short', '\n'.join(lines[:-2]) + '\n')
    c.case('cut in the middle', 'cut short', text[:120])
    c.case('a line missing', 'cut short|base64|point', '\n'.join(lines[:2] + lines[3:]))
    c.case('a letter missing', 'base64', text.replace(lines[1], lines[1][1:]))
    c.case('a star in it', 'base64', text.replace(lines[1][5], '*', 1).replace('BEG*N', 'BEGIN'))
    c.case('the end of another', 'cut short', text.replace('END PRIVATE', 'END PUBLIC'))
    c.case('words behind it', 'after the key', text + 'words\n')
    c.case('twice', 'after the key', text + text)
    c.case('its public half behind it', 'after the key', text + pem('PUBLIC KEY', spki(q)))
    c.case('only parameters', 'no PEM block', pem('EC PARAMETERS', bytes.fromhex(CURVE)))
    c.case('no armour', 'no PEM block', '\n'.join(lines[1:-2]) + '\n')
    c.case('DER', 'DER', full)
    c.case('SEC1 in DER', 'DER', whole)
    c.case('the figure alone', 'no PEM block', '%064x\n' % d)
    c.case('nothing', 'no PEM block', '')
    c.case('a NUL in it', 'base64|cut short', text[:100] + '\0' + text[101:])
    c.case('under another name', 'PRIVATE KAY', text.replace('PRIVATE KEY', 'PRIVATE KAY'))
    c.case('too long', 'longer', 'x\n' * 9000 + text)
    c.case('a name of 200 letters', 'cut short', '-----BEGIN %s-----\n' % ('X' * 200) + text)
    c.case('encrypted', 'encrypted.*openssl pkey', text.replace('PRIVATE', 'ENCRYPTED PRIVATE'))
    c.case('encrypted by cosign', 'cosign', text.replace('PRIVATE', 'ENCRYPTED SIGSTORE PRIVATE'))
    c.case('encrypted by an old cosign', 'cosign', text.replace('PRIVATE', 'ENCRYPTED COSIGN PRIVATE'))
    c.case('escapes in its name', r'\\x1b', text.replace('PRIVATE', '\x1b[2JPRIVATE'))


def publics(out):
    c = Keys(out)
    q = mul(scalar('public'), G)
    at = point(q)
    label = 'PUBLIC KEY'
    der = spki(at)
    text = pem(label, der)
    good = lambda name, text: c.case(name, 'good', text)
    good('plain', text)
    good('words before it', 'Public-Key: (256 bit)\n# made by hand\n\n' + text)
    good('lines that end in CR LF', pem(label, der, end='\r\n'))
    good('no last newline', text.rstrip())
    good('blank lines after it', text + '\n\n')
    good('short lines', pem(label, der, 7))
    good('one long line', pem(label, der, 1000))
    bad = lambda name, want, der: c.case(name, want, pem(label, der))
    bad('a point beside the curve', 'not on the curve', spki(at[:-1] + bytes([at[-1] ^ 1])))
    bad('x and y exchanged', 'not on the curve', spki(b'\4' + at[33:] + at[1:33]))
    bad('x over p', 'not on the curve', spki(b'\4' + b'\xff' * 32 + at[33:]))
    bad('y over p', 'not on the curve', spki(at[:33] + b'\xff' * 32))
    zero = lift(0)
    good('the point with x 0', pem(label, spki(point(zero))))
    bad('x p instead of 0', 'not on the curve', spki(point((P, zero[1]))))
    bad('zeros', 'not on the curve', spki(b'\4' + bytes(64)))
    bad('infinity', 'compressed or malformed', spki(b'\0'))
    bad('compressed', 'compressed', spki(bytes([2 + (at[-1] & 1)]) + at[1:33]))
    bad('hybrid', 'not on the curve|malformed', spki(bytes([6 + (at[-1] & 1)]) + at[1:]))
    bad('hybrid of the wrong sign', 'not on the curve|malformed', spki(bytes([7 - (at[-1] & 1)]) + at[1:]))
    bad('a point one byte short', 'malformed', spki(at[:-1]))
    bad('a point one byte long', 'malformed', spki(at + b'\0'))
    bad('no point', 'malformed', spki(b''))
    bad('unused bits', 'malformed', spki(at, unused=b'\1'))
    bad('a byte after it', 'after the key', der + b'\0')
    bad('twice in one block', 'after the key', der * 2)
    bad('the last byte missing', 'cut short', der[:-1])
    bad('half of it', 'cut short', der[:45])
    bad('a length in long form', 'cut short', b'\x30\x81' + der[1:])
    bad('an indefinite length', 'cut short', b'\x30\x80' + der[2:] + b'\0\0')
    bad('P-384 by name only', 'P-384', spki(at, EC + '06052b81040022'))
    bad('secp256k1 by name only', 'secp256k1', spki(at, EC + '06052b8104000a'))
    bad('a curve nobody knows', 'another curve', spki(at, EC + '06032a0304'))
    bad('no curve', 'no curve', spki(at, EC + '0500'))
    bad('an algorithm nobody knows', 'another kind', spki(at, '06032a0304'))
    bad('a member too many', 'malformed', tlv(0x30, der[2:], '0500'))
    bad('the point alone', 'cut short', at)
    lines = text.split('\n')
    c.case('no end', 'cut short', '\n'.join(lines[:-2]))
    c.case('the end of another', 'cut short', text.replace('END PUBLIC', 'END PRIVATE'))
    c.case('a star in it', 'base64', text.replace(lines[1][5], '*', 1).replace('BEG*N', 'BEGIN'))
    c.case('no padding', 'base64', text.replace('=', ''))
    c.case('stray bits', 'base64', re.sub('(.)==', lambda m: chr(ord(m[1]) + 1) + '==', text))
    c.case('twice', 'after the key', text + text)
    c.case('words behind it', 'after the key', text + 'words')
    c.case('DER', 'DER', der)
    c.case('no armour', 'no PEM block', '\n'.join(lines[1:-2]) + '\n')
    c.case('nothing', 'no PEM block', '')
    c.case('a private key', 'private key where', pem('PRIVATE KEY', pkcs8(sec1(scalar('public'), at))))
    c.case('a certificate', 'certificate', text.replace('PUBLIC KEY', 'CERTIFICATE'))
    c.case('an OpenSSH key', 'OpenSSH', 'ecdsa-sha2-nistp256 AAAAE2VjZHNh me@there\n')
    c.case('a NUL in it', 'base64|cut short', text[:60] + '\0' + text[61:])
    c.case('escapes in its name', r'\\x1b', text.replace('PUBLIC', '\x1b[2JPUBLIC'))


# ---- the rest ----------------------------------------------------------------------

def der_of(path):
    with open(path) as f:
        return base64.b64decode(''.join(l for l in f if not l.startswith('-')))


def figure_of(path):
    """d of a PKCS#8 key as openssl and oxg write it."""
    der = der_of(path)
    at = der.index(bytes.fromhex('0201010420')) + 5
    return der[at:at + 32]


def print_nonce(key, path):
    d, e = int.from_bytes(figure_of(key), 'big'), digest(path)
    print(base64.b64encode(pair(*sign(d, e, nonce(d, e)))).decode())


def writable(pid):
    """All that the process can write to, as it stands now."""
    with open('/proc/%d/maps' % pid) as maps, open('/proc/%d/mem' % pid, 'rb', 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            low, high = (int(x, 16) for x in span.split('-'))
            if 'rw' in mode and '[v' not in line:
                mem.seek(low)
                yield mem.read(high - low)


def pieces(figure):
    """What would betray a secret of 32 bytes: eight of them in a row, as they
    stand or the other way round, or two limbs of 30 to 32 bits."""
    n = int.from_bytes(figure, 'big')
    for order in figure, figure[::-1]:
        yield from (order[i:i + 8] for i in range(25))
    for bits in 30, 31, 32:
        limb = [(n >> bits * i & (1 << bits) - 1).to_bytes(4, 'little') for i in range(8)]
        yield from (limb[i] + limb[i + 1] for i in range(7))


def blocked(child):
    """Waits until it wants to write to its stdout."""
    while True:
        with open('/proc/%d/syscall' % child.pid) as f:
            call = f.read().split()
        if call[0] in ('1', '20', '64', '66') and int(call[1], 16) == 1:
            return
        if child.poll() is not None:
            sys.exit('it ended before it wrote')
        time.sleep(0.01)


def memory(key, path, word, *command):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        os.set_blocking(writer, True)
    child = subprocess.Popen(command, stdout=writer, stderr=subprocess.DEVNULL)
    try:
        blocked(child)
        held = b'\n'.join(writable(child.pid))
    finally:
        child.kill()
        child.wait()
    if word.encode() not in held:
        sys.exit('%s is not in its memory: nothing was seen' % word)
    d = figure_of(key)
    found = ['d ' + p.hex() for p in pieces(d) if p in held]
    if path != '-':
        k = nonce(int.from_bytes(d, 'big'), digest(path)).to_bytes(32, 'big')
        found += ['nonce ' + p.hex() for p in pieces(k) if p in held]
    body = base64.b64encode(der_of(key))[40:96]
    found += [p.decode() for p in (body[i:i + 12] for i in range(44)) if p in held]
    if found:
        sys.exit('pieces of the key are in its memory: %s' % found)


if __name__ == '__main__':
    {'signatures': signatures, 'privates': privates, 'publics': publics,
     'nonce': print_nonce, 'memory': memory}[sys.argv[1]](*sys.argv[2:])
