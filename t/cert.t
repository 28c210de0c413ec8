#!/bin/sh
# Certificates: whose chain leads to a CA of the operator's, may vouch for a
# plugin; every other one is refused with a sentence. openssl makes them all, and
# says in every case what it thinks of the chain.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

CERTS=$WORK/certs
SAID=$WORK/said
mkdir "$CERTS"
trust_root
plugin hostile "$HOSTILE" '.signature.certificate = "chain.pem"'

# ---- making certificates ---------------------------------------------------------

NOW=$(date -u +%s)
at() { # SECONDS-FROM-NOW: as openssl ca has it
	date -u -d "@$((NOW + $1))" +%Y%m%d%H%M%SZ
}

rfc3339() { # SECONDS-FROM-NOW
	date -u -d "@$((NOW + $1))" +%Y-%m-%dT%H:%M:%SZ
}

cat >"$WORK/ca.cnf" <<EOF
[ca]
default_ca = default
[default]
database = $WORK/index
new_certs_dir = $CERTS
rand_serial = yes
unique_subject = no
policy = any
default_md = sha256
string_mask = utf8only
[any]
commonName = optional
EOF
: >"$WORK/index"

# key NAME [GENPKEY-OPTION...]: P-256 when nothing is said.
key() {
	name=$1
	shift
	[ $# -gt 0 ] || set -- -algorithm EC -pkeyopt ec_paramgen_curve:P-256
	openssl genpkey "$@" -out "$CERTS/$name.key" 2>/dev/null
	openssl pkey -in "$CERTS/$name.key" -pubout -out "$CERTS/$name.pub"
}

# issue NAME ISSUER EXTENSIONS [OPTION...]: NAME.crt for NAME.key (made when it is
# not there), by ISSUER, by itself when that is NAME. Options of openssl ca win.
issue() {
	name=$1 issuer=$2
	[ -f "$CERTS/$name.key" ] || key "$name"
	printf '[v3]\n%s\n' "$3" | cat "$WORK/ca.cnf" - >"$WORK/v3.cnf"
	shift 3
	[ "$issuer" != "$name" ] || set -- -selfsign "$@"
	openssl req -new -key "$CERTS/$name.key" -subj "${SUBJECT-/CN=$name}" -out "$WORK/csr" 2>/dev/null
	openssl ca -batch -notext -config "$WORK/v3.cnf" -extensions v3 -in "$WORK/csr" -out "$CERTS/$name.crt" \
		-cert "$CERTS/$issuer.crt" -keyfile "$CERTS/$issuer.key" \
		-startdate "$(at -86400)" -enddate "$(at 864000)" "$@" 2>"$WORK/ca.log" && return
	echo "Bail out! openssl cannot make $name: $(tail -n 3 "$WORK/ca.log")"
	exit 1
}

CA='basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid'
LEAF='basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid'
CODE='extendedKeyUsage = codeSigning'

# ---- judging ------------------------------------------------------------------------

# trusted NAME...: the CAs in keys/
trusted() {
	rm -f "$TRUST"/keys/*.crt
	for ca; do
		cp "$CERTS/$ca.crt" "$TRUST/keys/$ca.crt"
	done
}

# chain NAME...: the plugin's file; the first one's key signs.
chain() {
	: >"$PLUGIN/chain.pem"
	for name; do
		cat "$CERTS/$name.crt" >>"$PLUGIN/chain.pem"
	done
	sign "$PLUGIN/hostile" "certs/$1"
	LEAF_PUB=$CERTS/$1.pub
}

# stranger NAME: a certificate whose key could not have made the signature.
stranger() {
	cp "$CERTS/$1.crt" "$PLUGIN/chain.pem"
	sign "$PLUGIN/hostile"
}

oxg_verify() {
	as timeout 20 "$OXG" verify --json --trust "$TRUST" "$@" "$PLUGIN" >"$WORK/verdict" 2>"$SAID"
	STATUS=$?
}

# What openssl thinks of the chain, by the strict reading of RFC 5280.
openssl_verify() { # SECONDS-FROM-NOW
	cat "$TRUST"/keys/*.crt >"$WORK/anchors" 2>/dev/null
	openssl verify -x509_strict -partial_chain -attime $((NOW + $1)) -CAfile "$WORK/anchors" \
		-untrusted "$PLUGIN/chain.pem" "$PLUGIN/chain.pem" >"$WORK/theirs" 2>&1
}

# accepted ROW WHAT [OPTION...]: with the leaf's key id
accepted() {
	row=$1 what=$2
	shift 2
	oxg_verify "$@"
	is "$row: $what: accepted" "$STATUS $(head -n 1 "$SAID")" "0 "
	json "$row: $what: with the leaf's key id" "$WORK/verdict" \
		'.signed and .key_id == "'"$(openssl pkey -pubin -in "$LEAF_PUB" -outform DER | sha256sum | cut -c1-64)"'"'
}

# refused ROW WHAT PATTERN [OPTION...]: with one sentence, and nothing is signed
refused() {
	row=$1 what=$2 pattern=$3
	shift 3
	oxg_verify "$@"
	is "$row: $what: refused" "$STATUS" 3
	like "$row: $what: the sentence" "$(jq -r .refusal.text "$WORK/verdict")" "$pattern"
	json "$row: $what: is not called signed" "$WORK/verdict" '.status == "FAIL" and (.signed | not) and .key_id == null'
}

# Where openssl's opinion is asked as well.
both_accept() {
	openssl_verify 0
	is "$1: $2: openssl agrees" "$?" 0
	accepted "$@"
}

both_refuse() {
	openssl_verify 0
	check "$1: $2: openssl agrees" test $? -ne 0
	refused "$@"
}

# ---- chains -------------------------------------------------------------------------------

chains() {
	issue root root "$CA"
	issue leaf root "$LEAF
$CODE"
	trusted root
	chain leaf
	both_accept F008 'a leaf below the CA'
	json 'F008: the report names the CA' "$WORK/verdict" 'any(.checks[]; .name == "key" and .status == "PASS" and (.detail | test("root.crt")))'
	chain leaf root
	both_accept F008 'with the CA behind it'
	trusted
	refused F008 'with the CA behind it, that is not in keys/' 'chain.pem: leads to no CA in keys/'
	issue middle root "$CA"
	issue low middle "$CA"
	issue below-middle middle "$LEAF
$CODE"
	issue below-low low "$LEAF
$CODE"
	trusted root
	chain below-middle middle
	both_accept F008 'with a CA between'
	chain below-low low middle
	both_accept F008 'with two CAs between'
	chain below-low low middle root
	both_accept F008 'with all of them'
	chain below-middle
	both_refuse F008 'with the CA between missing' 'leads to no CA'
	chain below-low middle low
	refused F008 'with the CAs between in the wrong order' 'not signed by the one after it|leads to no CA'
	chain below-middle leaf middle
	refused F008 'with a stranger between' 'not signed by the one after it|leads to no CA|no CA'
	trusted middle
	chain below-middle
	both_accept F008 'below an anchor that is no root'
	chain below-low low middle
	both_accept F008 'that goes on above the anchor'
	trusted root middle low
	chain below-low low middle root
	both_accept F008 'where all CAs are anchors'
	issue other other "$CA"
	trusted other
	chain leaf
	both_refuse F008 'below another CA' 'leads to no CA'
	key twin
	SUBJECT=/CN=root issue twin twin "$CA"
	trusted twin
	both_refuse F008 'below a CA of the same name' 'not signed by|leads to no CA'
	for order in 'a b' 'b a'; do
		trusted
		# shellcheck disable=SC2086
		set -- $order
		cp "$CERTS/twin.crt" "$TRUST/keys/$1.crt"
		cp "$CERTS/root.crt" "$TRUST/keys/$2.crt"
		both_accept F008 "below the second of two CAs of one name ($order)"
	done
	trusted root
	chain root
	refused F008 'the CA itself as the signer' 'is a CA'
	issue alone alone "$LEAF
$CODE"
	chain alone
	both_refuse F008 'one that signed itself' 'leads to no CA'
	trusted root alone
	refused F008 'one that signed itself, in keys/' 'alone.crt is no CA'
	trusted root
	chain leaf
	sign "$PLUGIN/hostile" certs/other
	refused F008 'with a signature by another key' 'does not verify'
	sign "$PLUGIN/hostile" test
	refused F009 "with a signature by a key of keys/: the plugin's certificate counts" 'does not verify'
}

long_chains() {
	below=root
	set --
	for n in 1 2 3 4 5 6; do
		issue "deep$n" "$below" "$CA"
		below=deep$n
		if [ "$n" -ge 5 ]; then
			issue "leaf$n" "$below" "$LEAF
$CODE"
		fi
	done
	trusted root
	chain leaf5 deep5 deep4 deep3 deep2 deep1
	both_accept F008 'with five CAs between'
	chain leaf6 deep6 deep5 deep4 deep3 deep2 deep1
	refused F008 'with six CAs between' 'more than 6 certificates'
}

# ---- keys ------------------------------------------------------------------------------------

algorithms() {
	ec() { key "$1" -algorithm EC -pkeyopt "ec_paramgen_curve:$2"; }
	rsa() { key "$1" -algorithm RSA -pkeyopt "rsa_keygen_bits:$2"; }
	for curve in P-384 P-521; do
		ec "ca-$curve" "$curve"
		issue "ca-$curve" "ca-$curve" "$CA" -md sha384
		issue "leaf-$curve" "ca-$curve" "$LEAF
$CODE" -md sha512
		trusted "ca-$curve"
		chain "leaf-$curve"
		both_accept F008 "below a CA on $curve"
	done
	rsa ca-rsa 2048
	issue ca-rsa ca-rsa "$CA"
	issue leaf-rsa ca-rsa "$LEAF
$CODE" -md sha384
	trusted ca-rsa
	chain leaf-rsa
	both_accept F008 'below an RSA CA of 2048 bits'
	issue leaf-sha1 ca-rsa "$LEAF
$CODE" -md sha1
	chain leaf-sha1
	refused F008 'signed over SHA-1' 'SHA-256, SHA-384 or SHA-512'
	issue leaf-pss ca-rsa "$LEAF
$CODE" -sigopt rsa_padding_mode:pss
	chain leaf-pss
	refused F008 'signed with RSA-PSS' 'neither with ECDSA nor RSA|malformed'
	rsa ca-small 1024
	issue ca-small ca-small "$CA"
	issue leaf-small ca-small "$LEAF
$CODE"
	trusted ca-small
	chain leaf-small
	refused F008 'below an RSA CA of 1024 bits' 'ca-small.crt: .*2048'
	trusted root
	rsa middle-small 1024
	issue middle-small root "$CA"
	issue below-small middle-small "$LEAF
$CODE"
	chain below-small middle-small
	refused F008 'with an RSA CA of 1024 bits between' '2048'
	for kind in ED25519 brainpoolP256r1 secp256k1; do
		case $kind in
		ED*) key "ca-$kind" -algorithm $kind && md=null ;;
		*) ec "ca-$kind" $kind && md=sha256 ;;
		esac
		issue "ca-$kind" "ca-$kind" "$CA" -md "$md"
		issue "leaf-$kind" "ca-$kind" "$LEAF
$CODE" -md "$md"
		trusted "ca-$kind"
		chain "leaf-$kind"
		refused F008 "below a CA with $kind" "ca-$kind.crt: its key is neither"
	done
	trusted root
	for kind in P-384:P-384 P-521:P-521 secp256k1:secp256k1 brainpoolP256r1:curve; do
		ec "signer-${kind%:*}" "${kind%:*}"
		issue "signer-${kind%:*}" root "$LEAF
$CODE"
		stranger "signer-${kind%:*}"
		refused F008 "a signer on ${kind%:*}" "signer's certificate: is a key on.*${kind#*:}"
	done
	rsa signer-rsa 2048
	issue signer-rsa root "$LEAF
$CODE"
	stranger signer-rsa
	refused F008 'a signer with RSA' "signer's certificate: is an RSA key"
	key signer-ed -algorithm ED25519
	issue signer-ed root "$LEAF
$CODE"
	stranger signer-ed
	refused F008 'a signer with Ed25519' "signer's certificate: is an Ed25519 key"
}

# ---- what a certificate may do ---------------------------------------------------------------------

# leaf_with WHAT EXTENSIONS: a chain of such a leaf below root
leaf_with() {
	[ -f "$CERTS/some.key" ] || key some
	SUBJECT=/CN=some issue some root "$1"
	trusted root
	chain some
}

PLAIN='basicConstraints = CA:FALSE'

purposes() {
	leaf_with "$PLAIN
keyUsage = digitalSignature"
	both_accept F008 'without extendedKeyUsage'
	leaf_with "$PLAIN"
	both_accept F008 'without keyUsage'
	leaf_with "subjectKeyIdentifier = hash"
	accepted F008 'without basicConstraints'
	for good in codeSigning 'critical, codeSigning' 'serverAuth, codeSigning' 'critical, timeStamping, codeSigning, 1.2.3.4'; do
		leaf_with "$LEAF
extendedKeyUsage = $good"
		both_accept F008 "with extendedKeyUsage = $good"
	done
	for bad in serverAuth 'critical, clientAuth' timeStamping emailProtection 'critical, timeStamping' \
		anyExtendedKeyUsage 1.3.6.1.5.5.7.3.3.1 1.3.6.1.5.5.7.3; do
		leaf_with "$LEAF
extendedKeyUsage = $bad"
		refused F008 "with extendedKeyUsage = $bad" "signer's certificate may not sign code"
	done
	for good in 'critical, digitalSignature' 'digitalSignature, nonRepudiation' 'digitalSignature, keyAgreement, decipherOnly'; do
		leaf_with "$PLAIN
keyUsage = $good
$CODE"
		accepted F008 "with keyUsage = $good"
	done
	for bad in keyEncipherment nonRepudiation 'critical, keyAgreement' 'keyAgreement, decipherOnly' cRLSign; do
		leaf_with "$PLAIN
keyUsage = $bad
$CODE"
		refused F008 "with keyUsage = $bad" 'may not sign .*digitalSignature'
	done
	leaf_with "$CA
$CODE"
	refused F008 'that is a CA' "signer's certificate is a CA"
	leaf_with "basicConstraints = CA:TRUE
keyUsage = digitalSignature
$CODE"
	refused F008 'that is a CA and may sign' "signer's certificate is a CA"
	# Fulcio's: no name, the signer in a critical subjectAltName
	SUBJECT=/ leaf_with "keyUsage = critical, digitalSignature
$CODE
subjectAltName = critical, URI:https://ci.example/build.yml@refs/heads/main
1.3.6.1.4.1.57264.1.1 = ASN1:UTF8String:https://issuer.example"
	accepted F006 'of the kind that Fulcio issues'
	leaf_with "$LEAF
certificatePolicies = critical, 1.2.3.4"
	both_accept F008 'with a critical policy'
}

extensions() {
	leaf_with "$LEAF
1.2.3.4.5 = ASN1:UTF8String:words"
	both_accept F008 'with an unknown extension'
	leaf_with "$LEAF
1.2.3.4.5 = critical, ASN1:UTF8String:words"
	both_refuse F008 'with an unknown critical extension' "signer's certificate has a critical extension"
	for bad in '1.2.3.4.5 = critical, ASN1:NULL' 'policyConstraints = critical, requireExplicitPolicy:0' \
		'inhibitAnyPolicy = critical, 0'; do
		authority "$CA
$bad" "with ${bad%% =*}" 'critical extension'
	done
	for how in 'critical, ' ''; do
		authority "$CA
nameConstraints = ${how}permitted;DNS:example.org" "with nameConstraints ($how)" 'nameConstraints|critical extension'
	done
	authority 'basicConstraints = critical, CA:FALSE
keyUsage = keyCertSign' 'that is no CA' 'no CA'
	authority 'keyUsage = keyCertSign' 'without basicConstraints' 'no CA'
	authority 'basicConstraints = CA:TRUE
keyUsage = digitalSignature, cRLSign' 'whose keyUsage has no keyCertSign' 'keyCertSign'
	authority "$CA
extendedKeyUsage = serverAuth" 'for servers' 'sign code'
	authority "$CA
extendedKeyUsage = critical, emailProtection" 'for mail' 'sign code'
	for good in "$CODE" 'extendedKeyUsage = critical, codeSigning' 'extendedKeyUsage = anyExtendedKeyUsage'; do
		authority "$CA
$good" "with $good" accepted
	done
	authority 'basicConstraints = CA:TRUE' 'without keyUsage' accepted
}

# authority EXTENSIONS WHAT PATTERN|accepted: such a CA as the anchor, and between.
authority() {
	[ -f "$CERTS/some-ca.key" ] || key some-ca
	[ -f "$CERTS/under.key" ] || key under
	for place in anchor between; do
		if [ $place = anchor ]; then
			issue some-ca some-ca "$1"
		else
			issue some-ca root "$1"
		fi
		issue under some-ca "$LEAF
$CODE"
		if [ $place = anchor ]; then
			trusted some-ca
			chain under
		else
			trusted root
			chain under some-ca
		fi
		if [ "$3" = accepted ]; then
			accepted F008 "a CA ($place) $2"
		else
			refused F008 "a CA ($place) $2" "$3"
		fi
	done
}

lengths() {
	limit() { echo "$CA" | sed "s/CA:TRUE/CA:TRUE, pathlen:$1/"; }
	issue short short "$(limit 0)"
	issue short-leaf short "$LEAF
$CODE"
	issue short-middle short "$CA"
	issue short-middle-leaf short-middle "$LEAF
$CODE"
	trusted short
	chain short-leaf
	both_accept F008 'pathlen:0, nothing between'
	chain short-middle-leaf short-middle
	both_refuse F008 'pathlen:0, one between' 'short.crt allows 0 CAs below it, here are 1'
	issue one one "$(limit 1)"
	issue one-a one "$CA"
	issue one-b one-a "$CA"
	issue one-a-leaf one-a "$LEAF
$CODE"
	issue one-b-leaf one-b "$LEAF
$CODE"
	trusted one
	chain one-a-leaf one-a
	both_accept F008 'pathlen:1, one between'
	chain one-b-leaf one-b one-a
	both_refuse F008 'pathlen:1, two between' 'one.crt allows 1 CAs below it, here are 2'
	issue tight root "$(limit 0)"
	issue tight-a tight "$CA"
	issue tight-leaf tight "$LEAF
$CODE"
	issue tight-a-leaf tight-a "$LEAF
$CODE"
	trusted root
	chain tight-leaf tight
	both_accept F008 'pathlen:0 of a CA between, nothing below it'
	chain tight-a-leaf tight-a tight
	both_refuse F008 'pathlen:0 of a CA between, one below it' 'too far below|allows 0'
}

# ---- time --------------------------------------------------------------------------------------------

dates() {
	issue old root "$LEAF
$CODE" -startdate "$(at -7200)" -enddate "$(at -3600)"
	trusted root
	chain old
	both_refuse F008 'an expired one' "signer's certificate expired at $(rfc3339 -3600)"
	accepted F008 'at a time when it was valid' --verify-time "$(rfc3339 -5000)"
	accepted F008 'in its first second' --verify-time "$(rfc3339 -7200)"
	accepted F008 'in its last second' --verify-time "$(rfc3339 -3600)"
	refused F008 'a second before' 'not valid before' --verify-time "$(rfc3339 -7201)"
	refused F008 'a second after' 'expired' --verify-time "$(rfc3339 -3599)"
	accepted F008 'at that time, said in another zone' --verify-time "$(TZ=UTC-5:30 date -d "@$((NOW - 5000))" +%Y-%m-%dT%H:%M:%S)+05:30"
	issue young root "$LEAF
$CODE" -startdate "$(at 3600)" -enddate "$(at 7200)"
	chain young
	both_refuse F008 'one that is not valid yet' "signer's certificate is not valid before $(rfc3339 3600)"
	accepted F008 'one that will be' --verify-time "$(rfc3339 3600)"
	for time in 1960-01-01T00:00:00Z 1969-12-31T23:59:59Z 0000-01-01T00:00:00Z; do
		refused F008 "at $time" '1970' --verify-time "$time"
	done
	refused F008 'at the end of all times' 'expired' --verify-time 9999-12-31T23:59:59Z
	issue eternal-ca eternal-ca "$CA" -enddate 99991231235959Z
	issue eternal eternal-ca "$LEAF
$CODE" -startdate 19700101000000Z -enddate 99991231235959Z
	trusted eternal-ca
	chain eternal
	both_accept F008 'one that never expires'
	accepted F008 'and its last second' --verify-time 9999-12-31T23:59:59Z
	issue past-ca past-ca "$CA" -startdate "$(at -7200)" -enddate "$(at -3600)"
	issue past-leaf past-ca "$LEAF
$CODE"
	trusted past-ca
	chain past-leaf
	refused F008 'below an expired CA' "past-ca.crt expired at $(rfc3339 -3600)"
	accepted F008 'at a time when that was valid' --verify-time "$(rfc3339 -5000)"
	key past-middle
	issue past-middle root "$CA" -startdate "$(at -7200)" -enddate "$(at -3600)"
	issue past-middle-leaf past-middle "$LEAF
$CODE"
	trusted root
	chain past-middle-leaf past-middle
	both_refuse F008 'with an expired CA between' 'not in date|expired'
	as timeout 20 "$OXG" verify --trust "$TRUST" --verify-time yesterday "$PLUGIN" 2>"$SAID"
	is 'F008: --verify-time yesterday: status 2' "$?" 2
	# A clock that stands still is for reports. It is set by whoever made the last
	# commit, as often as not, and must not bring a certificate back to life.
	chain old
	openssl_verify -5000
	is 'F008: openssl would have taken it then' "$?" 0
	was=$((NOW - 5000))
	as env SOURCE_DATE_EPOCH=$was timeout 20 "$OXG" verify --trust "$TRUST" "$PLUGIN" 2>"$SAID"
	is 'F008: SOURCE_DATE_EPOCH does not turn back the time of a certificate' "$?" 3
}

revocations() {
	key_id() { openssl pkey -pubin -in "$CERTS/$1.pub" -outform DER | sha256sum | cut -c1-64; }
	trusted root
	for who in below-low low middle root; do
		{ echo '# lost'; key_id "$who"; } >"$TRUST/keys/revoked"
		chain below-low low middle
		refused F013 "the key of $who revoked" "has the key $(key_id "$who"), which keys/revoked takes out"
	done
	key_id other >"$TRUST/keys/revoked"
	accepted F013 'another key revoked'
	rm "$TRUST/keys/revoked"
}

# ---- files -------------------------------------------------------------------------------------------------

pem_files() {
	trusted root
	chain below-middle middle
	good=$WORK/good.pem
	cp "$PLUGIN/chain.pem" "$good"
	file() { # WHAT accepted|PATTERN
		if [ "$2" = accepted ]; then
			accepted F008 "a file $1"
		else
			refused F008 "a file $1" "chain.pem.*($2)"
		fi
		cp "$good" "$PLUGIN/chain.pem"
	}
	{ openssl x509 -in "$CERTS/below-middle.crt" -text && cat "$CERTS/middle.crt"; } >"$PLUGIN/chain.pem"
	file 'with text before' accepted
	sed 's/$/\r/' "$good" >"$PLUGIN/chain.pem"
	file 'with CR LF' accepted
	printf %s "$(cat "$good")" >"$PLUGIN/chain.pem"
	file 'without a last newline' accepted
	cat "$good" "$CERTS/middle.key" >"$PLUGIN/chain.pem"
	file 'with a private key in it' 'PRIVATE KEY'
	cat "$CERTS/below-middle.pub" "$good" >"$PLUGIN/chain.pem"
	file 'with a public key in it' 'PUBLIC KEY'
	{ cat "$good" && echo words; } >"$PLUGIN/chain.pem"
	file 'with words behind it' 'after the last'
	head -n -1 "$good" >"$PLUGIN/chain.pem"
	file 'cut short' 'cut short'
	head -c 400 "$good" >"$PLUGIN/chain.pem"
	file 'cut shorter' 'cut short'
	sed '3d' "$good" >"$PLUGIN/chain.pem"
	file 'without its third line' 'malformed|base64|cut short'
	sed '2s/./*/' "$good" >"$PLUGIN/chain.pem"
	file 'with a star in it' base64
	openssl x509 -in "$CERTS/leaf.crt" -outform DER -out "$PLUGIN/chain.pem"
	file 'in DER' 'holds no certificate|cut short'
	base64 -w0 "$good" >"$PLUGIN/chain.pem"
	file 'that cosign wrote' 'cosign.*base64 -d'
	openssl crl2pkcs7 -nocrl -certfile "$good" -out "$PLUGIN/chain.pem"
	file 'in PKCS#7' 'PKCS7'
	: >"$PLUGIN/chain.pem"
	file 'without anything' 'holds no certificate'
	{ head -c 66000 /dev/zero | tr '\0' x && echo && cat "$good"; } >"$PLUGIN/chain.pem"
	file 'of over 64 KiB' 'long|large|64'
	openssl x509 -in "$CERTS/below-middle.crt" -outform DER >"$WORK/leaf.der"
	{
		echo '-----BEGIN CERTIFICATE-----'
		{ cat "$WORK/leaf.der" && printf '\0'; } | base64
		echo '-----END CERTIFICATE-----'
		cat "$CERTS/middle.crt"
	} >"$PLUGIN/chain.pem"
	file 'with a byte behind the DER' malformed
	rm "$PLUGIN/chain.pem"
	refused F008 'no file' 'chain.pem'
	ln -s "$good" "$PLUGIN/chain.pem"
	refused F049 'a link' 'chain.pem.*link'
	rm "$PLUGIN/chain.pem"
	mkfifo "$PLUGIN/chain.pem"
	refused F049 'a pipe' 'chain.pem.*regular'
	rm "$PLUGIN/chain.pem"
	cp "$good" "$PLUGIN/chain.pem"
}

anchors() {
	anchor() { # WHAT PATTERN
		refused F008 "a CA in keys/ $1" "keys/root.crt: .*($2)"
		trusted root
	}
	cat "$CERTS/root.crt" "$CERTS/other.crt" >"$TRUST/keys/root.crt"
	anchor 'with another behind it' 'one CA'
	openssl x509 -in "$CERTS/root.crt" -outform DER -out "$TRUST/keys/root.crt"
	anchor 'in DER' PEM
	head -n 5 "$CERTS/root.crt" >"$TRUST/keys/root.crt"
	anchor 'cut short' PEM
	cp "$CERTS/root.pub" "$TRUST/keys/root.crt"
	anchor 'that is a public key' PEM
	cp "$CERTS/root.key" "$TRUST/keys/root.crt"
	anchor 'that is a private key' PEM
	: >"$TRUST/keys/root.crt"
	anchor 'that is empty' PEM
	chmod o+w "$TRUST/keys/root.crt"
	anchor 'that all may write' 'write'
	chmod 644 "$TRUST/keys/root.crt"
	# What lies with the plugin is no CA of the operator's.
	trusted
	mkdir -p "$PLUGIN/keys"
	cp "$CERTS/root.crt" "$PLUGIN/keys/root.crt"
	cp "$CERTS/root.crt" "$PLUGIN/root.crt"
	refused F009 'a CA in the directory of the plugin' 'leads to no CA'
	rm -r "$PLUGIN/keys" "$PLUGIN/root.crt"
	trusted root
}

# The CA that has the critical extendedKeyUsage is shown to BearSSL with one byte
# changed. Whoever changes it in the file breaks the signature over it.
tampering() {
	leaf_with "$LEAF
extendedKeyUsage = critical, codeSigning"
	accepted F008 'a critical extendedKeyUsage, untouched'
	openssl x509 -in "$CERTS/some.crt" -outform DER | od -An -v -tx1 | tr -d ' \n' >"$WORK/hex"
	for change in 's/0603551d250101ff/0603551d25010100/' 's/0603551d250101ff/0603551d250101fe/' \
		's/0603551d250101ff/0603551d0f0101ff/' 's/2b06010505070303/2b06010505070301/' \
		's/0603551d0f0101ff/0603551d0f010100/' 's/30030101ff//'; do
		[ "$(sed "$change" "$WORK/hex")" != "$(cat "$WORK/hex")" ] || continue
		{
			echo '-----BEGIN CERTIFICATE-----'
			sed "$change" "$WORK/hex" | perl -e 'print pack "H*", <>' | base64
			echo '-----END CERTIFICATE-----'
		} >"$PLUGIN/chain.pem"
		refused F008 "the same with $change" 'not signed by|malformed|may not'
	done
}

# ---- a whole run ----------------------------------------------------------------------------------------------

runs() {
	for who in $IDENTITIES; do
		become "$who"
		trusted root
		chain below-middle middle
		chmod 644 "$PLUGIN/hostile.sig"
		run "$PLUGIN" -- true
		is "F008: ($WHO) a plugin with a certificate runs" "$STATUS" 0
		json "F008: ($WHO) the report names CA and key" "$RUN/verifier_report.json" \
			'.status == "PASS" and any(.checks[]; .name == "key" and (.actual // .detail // "" | test("root.crt|'"$(openssl pkey -pubin -in "$CERTS/below-middle.pub" -outform DER | sha256sum | cut -c1-64)"'")))'
		chain old
		chmod 644 "$PLUGIN/hostile.sig"
		run "$PLUGIN" -- true
		is "F008: ($WHO) not with an expired one" "$STATUS" 3
		json "F008: ($WHO) nothing was executed" "$RUN/run.json" '.ending == null and .refusal.code == "signature"'
		run --verify-time "$(rfc3339 -5000)" "$PLUGIN" -- true
		is "F008: ($WHO) but at its time" "$STATUS" 0
		json "F008: ($WHO) which the report says" "$RUN/verifier_report.json" \
			'any(.checks[]; .name == "key" and (.detail | test("root.crt, judged at '"$(rfc3339 -5000)"'")))'
		replay "$RUN"
		like "F158: ($WHO) a replay after it has expired" "$? $(cat "$SAID")" '^3 oxg: .*expired'
		check "F158: ($WHO) of which nothing was executed" not grep -q reproducible "$WORK/stdout"
		replay --verify-time "$(rfc3339 -8000)" "$RUN"
		is "F158: ($WHO) a replay before it was valid" "$?" 3
		replay --verify-time "$(rfc3339 -4000)" "$RUN"
		is "F158: ($WHO) a replay judged at its time" "$? $(tail -n 1 "$WORK/stdout")" '0 reproducible'
		replay --verify-time yesterday "$RUN"
		is "F158: ($WHO) a replay at no time: status 2" "$?" 2
	done
}

AGAIN=0
# replay OPTION... RUN: into a folder of its own.
replay() {
	AGAIN=$((AGAIN + 1))
	as timeout 60 "$OXG" replay --trust "$TRUST" --out "$OUT/replay-$AGAIN" "$@" >"$WORK/stdout" 2>"$SAID"
}

chains
long_chains
algorithms
purposes
extensions
lengths
dates
revocations
pem_files
anchors
tampering
runs
finish
