#!/bin/sh
# Keys and signatures: what oxg makes, others take; what others make, oxg takes;
# and every malformed one is refused with a sentence. The others are openssl and
# t/p256.py, which reckons with plain integers.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

command -v python3 >/dev/null || skip_all "no python3"
P256=$WORK/p256.py
cp "${0%/*}/p256.py" "$P256"
SAID=$WORK/said      # of the last call
ALL=$WORK/said-all   # of every call: no key may stand in it
: >"$ALL"

trust_root
plugin probe "$PROBE"

# cases WHAT DIR: p256.py makes them all, or this test means nothing.
cases() {
	mkdir "$2"
	python3 "$P256" "$@" 2>"$WORK/python" && return
	echo "Bail out! p256.py: $(tail -n 1 "$WORK/python")"
	exit 1
}

# oxg ARG...: as $WHO; both of its outputs are kept.
oxg() {
	as timeout 20 "$OXG" "$@" >"$WORK/stdout" 2>"$SAID"
	STATUS=$?
	cat "$WORK/stdout" "$SAID" >>"$ALL"
}

mine() { # FILE...: gives them to $WHO
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown -R 65533:65533 "$@"
}

# refused ROW WHAT STATUS PATTERN: of the last call: one line, no more.
refused() {
	is "$1: $2: status $3" "$STATUS" "$3"
	tells "$1: $2: the sentence" "$SAID" "^oxg: .*($4)"
	one_line "$1: $2: is one line" "$SAID"
}

mode() {
	stat -c %a "$1"
}

key_id() { # PUB
	openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -c1-64
}

openssl_takes() { # PUB FILE
	base64 -d "$2.sig" >"$WORK/der" &&
		openssl dgst -sha256 -verify "$1" -signature "$WORK/der" "$2"
}

# ---- keygen ------------------------------------------------------------------

keygen_makes() {
	for mask in 022 000 077; do
		name=$OUT/made-$mask
		(umask $mask && oxg keygen "$name" && exit "$STATUS")
		is "F013: ($WHO) keygen under umask $mask" "$?" 0
		is "F013: ($WHO) umask $mask: the modes" "$(mode "$name.key") $(mode "$name.pub")" "600 644"
	done
	is "F013: ($WHO) its id is that of openssl's SPKI" "$(cat "$WORK/stdout")" "$(key_id "$name.pub")"
	check "F013: ($WHO) openssl pkey -check" openssl pkey -in "$name.key" -check -noout
	openssl pkey -in "$name.key" -out "$WORK/same.key"
	check "F013: ($WHO) the key is what openssl writes" cmp "$name.key" "$WORK/same.key"
	openssl pkey -in "$name.key" -pubout -out "$WORK/same.pub"
	check "F013: ($WHO) so is the public one, and they belong together" cmp "$name.pub" "$WORK/same.pub"
	check "F013: ($WHO) two keys are two keys" not cmp -s "$name.key" "$OUT/made-022.key"
	(cd "$OUT" && oxg keygen --json here)
	json "F013: ($WHO) --json says the same" "$WORK/stdout" \
		'. == {schema_version: 1, key_id: "'"$(key_id "$OUT/here.pub")"'", private: "here.key", public: "here.pub"}'
}

# half WHAT NAME: nothing of a pair is left
half() {
	is "F013: ($WHO) $1: no half of a pair is left" "$(find "$2".* 2>/dev/null)" ""
}

keygen_refuses() {
	oxg keygen "$OUT/here"
	refused F013 "($WHO) keygen over a pair" 3 'here.pub: is there already'
	rm "$OUT/here.pub"
	before=$(sha256sum <"$OUT/here.key")
	oxg keygen "$OUT/here"
	refused F013 "($WHO) keygen over a private key" 3 'here.key: is there already'
	is "F013: ($WHO) neither was touched" "$(sha256sum <"$OUT/here.key")" "$before"
	check "F013: ($WHO) no new public key beside an old private one" test ! -e "$OUT/here.pub"
	for end in key pub; do
		ln -s "$OUT/nowhere" "$OUT/link-$end.$end"
		oxg keygen "$OUT/link-$end"
		refused F013 "($WHO) keygen where .$end is a dangling link" 3 "link-$end.$end: is there already"
		check "F013: ($WHO) .$end: nothing was written through it" test ! -e "$OUT/nowhere"
		rm "$OUT/link-$end.$end"
		half "a link" "$OUT/link-$end"
	done
	oxg keygen "$OUT/no/such/place"
	refused F013 "($WHO) keygen below nothing" 3 'no/such/place.key: cannot make'
	oxg keygen
	refused F013 "($WHO) keygen without a name" 2 'oxg keygen release'
	oxg keygen ''
	refused F013 "($WHO) keygen with an empty name" 2 'oxg keygen.* NAME'
	oxg keygen a b
	refused F013 "($WHO) keygen with two" 2 'oxg keygen release'
	if [ "$WHO" = user ]; then
		mkdir -m 500 "$OUT/closed"
		mine "$OUT/closed"
		oxg keygen "$OUT/closed/mine"
		refused F013 "($WHO) keygen where he may not write" 3 'mine.key: cannot make.*denied'
	fi
}

# small_disk OPTION END: a tmpfs of this size, in a mount namespace of our own; who
# is not root gets one with a user namespace. END: the file there is no room for.
small_disk() {
	mkdir -p "$WORK/small"
	how=-m
	[ "$CALLER" -eq 0 ] || how=-rm
	# shellcheck disable=SC2016
	WHO=$WHO OXG=$OXG WORK=$WORK unshare "$how" sh -c '
		mount -t tmpfs -o "$2,mode=777" none "$WORK/small" || exit 77
		how=$1
		set -- "$OXG" keygen "$WORK/small/new"
		[ "$how" != -m ] || [ "$WHO" = root ] ||
			set -- setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
		"$@" 2>"$WORK/said"
		echo "status $?"
		ls -A "$WORK/small"
	' sh "$how" "$1" >"$WORK/seen" 2>&1
	is "F013: ($WHO) a disk with $1: status 3, nothing is left" "$(cat "$WORK/seen")" 'status 3'
	like "F013: ($WHO) a disk with $1: the sentence" "$(cat "$WORK/said")" "^oxg: .*small/new.$2: cannot .*No space left"
}

# ---- sign ---------------------------------------------------------------------------

sign_makes() {
	mkdir "$OUT/plugin"
	cp "$TRUST/plugins/probe/probe" "$TRUST/plugins/probe/manifest.json" "$OUT/plugin"
	head -c 70001 /dev/urandom >"$OUT/bare"
	: >"$OUT/empty"
	cp "$WORK/test.key" "$OUT/p8.key"
	openssl ec -in "$OUT/p8.key" -out "$OUT/sec1.key" 2>/dev/null
	mine "$OUT"
	chmod 600 "$OUT"/*.key
	oxg sign --key "$OUT/p8.key" "$OUT/plugin"
	is "F012: ($WHO) sign a plugin" "$STATUS" 0
	sig=$OUT/plugin/probe.sig
	is "F012: ($WHO) it says where the signature is" "$(cat "$WORK/stdout")" "$sig"
	is "F012: ($WHO) mode 0600, one line, no CR" "$(mode "$sig") $(wc -l <"$sig") $(tr -d '\r' <"$sig" | wc -c)" \
		"600 1 $(wc -c <"$sig")"
	check "F006: ($WHO) openssl verifies it" openssl_takes "$WORK/test.pub" "$OUT/plugin/probe"
	is "F012: ($WHO) it has the nonce of RFC 6979" "$(cat "$sig")" \
		"$(python3 "$P256" nonce "$WORK/test.key" "$OUT/plugin/probe")"
	for name in bare empty; do
		oxg sign --key "$OUT/p8.key" "$OUT/$name"
		check "F006: ($WHO) openssl verifies it over $name" openssl_takes "$WORK/test.pub" "$OUT/$name"
		first=$(cat "$OUT/$name.sig")
		oxg sign --force --key "$OUT/sec1.key" "$OUT/$name"
		is "F012: ($WHO) $name: SEC1 and PKCS#8 give the same bytes, again" "$STATUS $(cat "$OUT/$name.sig")" "0 $first"
	done
	chmod 400 "$OUT/p8.key"
	oxg plugin sign --force --json --key "$OUT/p8.key" "$OUT/plugin/manifest.json"
	json "F012: ($WHO) plugin sign --json, by the manifest" "$WORK/stdout" \
		'. == {schema_version: 1, artifact: "probe", sha256: "'"$(sha256sum "$OUT/plugin/probe" | cut -c1-64)"'",
			signature: "probe.sig", key_id: "'"$(key_id "$WORK/test.pub")"'"}'
	ln -s "$OUT/p8.key" "$OUT/link.key"
	oxg sign --force --key "$OUT/link.key" "$OUT/bare"
	is "F012: ($WHO) a link to the key is the operator's word" "$STATUS" 0
	mkdir "$OUT/plugin/sigs"
	mine "$OUT/plugin"
	jq '.signature.signature = "sigs/a.sig"' "$TRUST/plugins/probe/manifest.json" >"$OUT/plugin/manifest.json"
	oxg sign --key "$OUT/p8.key" "$OUT/plugin"
	is "F012: ($WHO) it goes where the manifest says" "$STATUS $(cat "$OUT/plugin/sigs/a.sig")" "0 $(cat "$sig")"
}

sign_refuses() {
	sum=$(cat "$OUT/bare.sig")
	oxg sign --key "$OUT/p8.key" "$OUT/bare"
	refused F012 "($WHO) a signature that stands there" 3 'bare.sig: there is a signature already: give --force'
	is "F012: ($WHO) stays" "$(cat "$OUT/bare.sig")" "$sum"
	# The key is touched last: who has no business with it never opens it.
	oxg sign --key "$OUT/none.key" "$OUT/bare"
	refused F012 "($WHO) that is said before the key is looked for" 3 'bare.sig: there is'
	oxg sign --key "$OUT/none.key" "$OUT/none"
	refused F012 "($WHO) no such plugin" 3 'none: cannot find this plugin'
	oxg sign --force --key "$OUT/none.key" "$OUT/bare"
	refused F012 "($WHO) no such key" 3 'none.key: cannot open the private key: No such file'
	oxg sign "$OUT/bare"
	refused F012 "($WHO) no key named" 2 'oxg keygen'
	oxg sign --key "$OUT/p8.key"
	refused F012 "($WHO) no plugin named" 2 'oxg sign --key'
	mkdir "$OUT/folder" "$OUT/lying"
	oxg sign --key "$OUT/p8.key" "$OUT/folder"
	refused F012 "($WHO) a directory without a manifest" 3 'folder: cannot read its manifest.json'
	cp "$TRUST/plugins/probe/manifest.json" "$OUT/lying"
	ln -s /etc/passwd "$OUT/lying/probe"
	mine "$OUT/lying"
	oxg sign --key "$OUT/p8.key" "$OUT/lying"
	refused F049 "($WHO) an artifact that is a link" 3 'lying/probe: cannot read it: it is a link'
	rm "$OUT/lying/probe"
	mkfifo "$OUT/lying/probe"
	oxg sign --key "$OUT/p8.key" "$OUT/lying"
	refused F049 "($WHO) an artifact that is a pipe" 3 'lying/probe: is no regular file'
	rm "$OUT/lying/probe"
	echo x >"$OUT/lying/probe"
	ln -s "$OUT/victim" "$OUT/lying/probe.sig"
	oxg sign --key "$OUT/p8.key" "$OUT/lying"
	refused F049 "($WHO) a signature that is a link" 3 'probe.sig: cannot look for a signature: it is a link'
	oxg sign --force --key "$OUT/p8.key" "$OUT/lying"
	check "F049: ($WHO) --force replaces the link, not what it names" \
		test "$STATUS" -eq 0 -a ! -L "$OUT/lying/probe.sig" -a ! -e "$OUT/victim"
	jq '.signature.signature = "../probe.sig"' "$TRUST/plugins/probe/manifest.json" >"$OUT/lying/manifest.json"
	oxg sign --key "$OUT/p8.key" "$OUT/lying"
	refused F049 "($WHO) a signature above the plugin" 3 'signature'
	jq '.signature.signature = "d/probe.sig"' "$TRUST/plugins/probe/manifest.json" >"$OUT/lying/manifest.json"
	oxg sign --key "$OUT/p8.key" "$OUT/lying"
	refused F012 "($WHO) a signature in no directory" 3 'd/probe.sig: cannot write the signature'
	ln -s "$OUT/folder" "$OUT/lying/d"
	oxg sign --key "$OUT/p8.key" "$OUT/lying"
	refused F049 "($WHO) a signature behind a link" 3 'd/probe.sig: cannot look for a signature: it is a link'
	is "F049: ($WHO) nothing was written there" "$(ls -A "$OUT/folder")" ""
	is "F012: ($WHO) no temporary file is left" "$(find "$OUT" -name '.oxg-*')" ""
}

key_modes() {
	echo x >"$OUT/file"
	mine "$OUT/file"
	chmod 600 "$OUT/p8.key"
	for open in 0640 0604 0644 0620 0601 0666 0777; do
		chmod $open "$OUT/p8.key"
		oxg sign --key "$OUT/p8.key" "$OUT/file"
		refused F012 "($WHO) a key of mode $open" 3 "p8.key: others can read or change.*$open.*chmod 600"
	done
	chmod 600 "$OUT/p8.key"
	oxg sign --key "$OUT" "$OUT/file"
	refused F012 "($WHO) a key that is a directory" 3 'is no regular file'
	mkfifo -m 600 "$OUT/fifo.key"
	mine "$OUT/fifo.key"
	oxg sign --key "$OUT/fifo.key" "$OUT/file"
	refused F012 "($WHO) a key that is a pipe" 3 'fifo.key: is no regular file'
	oxg sign --key /dev/null "$OUT/file"
	refused F012 "($WHO) a key that is a device" 3 'null: is no regular file'
	if [ "$WHO" = user ]; then
		chmod 000 "$OUT/p8.key"
		oxg sign --key "$OUT/p8.key" "$OUT/file"
		refused F012 "($WHO) a key that he may not read" 3 'p8.key: cannot open.*denied'
		chmod 600 "$OUT/p8.key"
	fi
	check "F012: ($WHO) nothing was signed with those" test ! -e "$OUT/file.sig"
}

# ---- private keys ------------------------------------------------------------------------

# Keys of openssl's and ssh-keygen's making that are none for us.
foreign_keys() (
	cd "$1" || exit 1
	wants() { echo "$2" >"$1.want"; }
	generated() { # NAME PATTERN GENPKEY-OPTION...
		file=$1
		wants "$1" "$2"
		shift 2
		openssl genpkey "$@" -out "$file.pem" 2>/dev/null || rm -f "$file.pem" "$file.want"
	}
	generated RSA 'an RSA key' -algorithm RSA -pkeyopt rsa_keygen_bits:1024
	generated RSA-PSS 'an RSA-PSS key' -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:1024
	generated Ed25519 'an Ed25519 key' -algorithm ED25519
	generated Ed448 'an Ed448 key' -algorithm ED448
	generated X25519 'an X25519 key' -algorithm X25519
	for curve in secp384r1:P-384 secp521r1:P-521 secp224r1:P-224 secp256k1:secp256k1 prime192v1:P-192 \
		brainpoolP256r1:another brainpoolP384r1:another SM2:'another|no known|another kind'; do
		generated "${curve%%:*}" "(curve )?(${curve#*:})" -algorithm EC -pkeyopt "ec_paramgen_curve:${curve%%:*}"
	done
	generated explicit 'explicit curve parameters' -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit
	openssl ec -in explicit.pem -out explicit-sec1.pem 2>/dev/null
	wants explicit-sec1 'explicit curve parameters'
	openssl ec -in secp384r1.pem -out secp384r1-sec1.pem 2>/dev/null
	wants secp384r1-sec1 P-384
	openssl pkey -in RSA.pem -traditional -out RSA-PKCS1.pem
	wants RSA-PKCS1 'an RSA key'
	openssl pkcs8 -topk8 -in "$WORK/test.key" -passout pass:x -out password.pem
	wants password 'encrypted.*openssl pkey'
	openssl ec -in "$WORK/test.key" -aes256 -passout pass:x -out password-sec1.pem 2>/dev/null
	wants password-sec1 'encrypted.*openssl pkey'
	cp "$WORK/test.pub" its-public-half.pem
	wants its-public-half 'public key where the private'
	openssl req -x509 -new -key "$WORK/test.key" -subj /CN=x -out certificate.pem 2>/dev/null
	wants certificate 'certificate where a private'
	openssl req -new -key "$WORK/test.key" -subj /CN=x -out request.pem 2>/dev/null
	wants request 'CERTIFICATE REQUEST'
	openssl pkey -in "$WORK/test.key" -outform DER -out openssl-DER.pem
	wants openssl-DER 'openssl pkey -inform DER'
	openssl pkcs12 -export -nocerts -inkey "$WORK/test.key" -passout pass: -out PKCS12.pem 2>/dev/null
	wants PKCS12 'DER|no PEM'
	# It is not everywhere, and does not work for a uid without a name.
	if ssh-keygen -q -t ecdsa -b 256 -N '' -f OpenSSH >/dev/null 2>&1; then
		mv OpenSSH OpenSSH.pem
		wants OpenSSH 'OpenSSH.*ssh-keygen -p'
		wants OpenSSH-written-as-PEM good
		cp OpenSSH.pem OpenSSH-written-as-PEM.pem
		ssh-keygen -q -p -m PKCS8 -N '' -f OpenSSH-written-as-PEM.pem >/dev/null
	fi
	openssl ecparam -name prime256v1 -genkey -out ecparam-genkey.pem 2>/dev/null
	wants ecparam-genkey good
	head -c 4000 /dev/urandom >noise.pem
	wants noise 'DER|no PEM'
)

private_keys() {
	dir=$OUT/privates
	cases privates "$dir"
	foreign_keys "$dir"
	chmod 600 "$dir"/*.pem
	mine "$dir"
	for want in "$dir"/*.want; do
		pem=${want%.want}.pem
		name=${pem##*/} name=${name%.pem}
		rm -f "$OUT/file.sig"
		oxg sign --key "$pem" "$OUT/file"
		if [ "$(cat "$want")" = good ]; then
			openssl pkey -in "$pem" -pubout -out "$WORK/its.pub" 2>/dev/null
			check "F012: a private key ($name) signs, openssl agrees" openssl_takes "$WORK/its.pub" "$OUT/file"
		else
			is "F012: a private key ($name) is refused, nothing is signed" \
				"$STATUS $(wc -l <"$SAID") $(find "$OUT/file.sig" 2>/dev/null)" "3 1 "
			tells "F012: a private key ($name): the sentence" "$SAID" "^oxg: $dir/$name.pem: .*($(cat "$want"))"
		fi
	done
}

# ---- public keys and signatures -----------------------------------------------------------------

verify_probe() {
	oxg verify --trust "$TRUST" "$PLUGIN"
}

public_keys() {
	dir=$WORK/publics
	cases publics "$dir"
	for kind in ED25519 ED448 X25519 RSA secp384r1 secp521r1 secp256k1 brainpoolP256r1 explicit; do
		case $kind in
		*25519 | ED448) set -- -algorithm "$kind" ;;
		RSA) set -- -algorithm RSA -pkeyopt rsa_keygen_bits:1024 ;;
		explicit) set -- -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit ;;
		*) set -- -algorithm EC -pkeyopt "ec_paramgen_curve:$kind" ;;
		esac
		openssl genpkey "$@" 2>/dev/null | openssl pkey -pubout -out "$dir/real-$kind.pem" 2>/dev/null
		case $kind in
		secp384r1) echo P-384 ;;
		secp521r1) echo P-521 ;;
		brainpool*) echo 'another curve' ;;
		ED*) echo "an Ed${kind#ED}" ;;
		*) echo "$kind" ;;
		esac >"$dir/real-$kind.want"
	done
	openssl ec -pubin -in "$WORK/test.pub" -conv_form compressed -out "$dir/real-compressed.pem" 2>/dev/null
	echo 'compressed.*uncompressed' >"$dir/real-compressed.want"
	sign "$PLUGIN/probe"
	for want in "$dir"/*.want; do
		name=${want##*/} name=${name%.want}
		cp "${want%.want}.pem" "$TRUST/keys/other.pub"
		verify_probe
		# A bad key in keys/ is a mistake of the operator, whatever else is there.
		if [ "$(cat "$want")" = good ]; then
			is "F007: a public key ($name) is taken beside another" "$STATUS" 0
		else
			is "F007: a public key ($name) is refused" "$STATUS" 3
			tells "F007: a public key ($name): the sentence" "$SAID" "^oxg: $TRUST/keys/other.pub: .*($(cat "$want"))"
		fi
	done
	rm "$TRUST/keys/other.pub"
}

signatures() {
	cases signatures "$WORK/signatures" "$PLUGIN/probe"
	for case in "$WORK"/signatures/*; do
		cp "$case/pub.pem" "$TRUST/keys/test.pub"
		base64 -w0 "$case/sig.der" >"$PLUGIN/probe.sig"
		verify_probe
		case $STATUS in 0) got=good ;; 3) got=bad ;; *) got="status $STATUS" ;; esac
		theirs=bad
		! openssl dgst -sha256 -verify "$case/pub.pem" -signature "$case/sig.der" "$PLUGIN/probe" >/dev/null 2>&1 ||
			theirs=good
		is "F005: $(cat "$case/name"): $(cat "$case/want"), say the figures, openssl and oxg" \
			"$theirs $got" "$(cat "$case/want") $(cat "$case/want")"
	done
	cp "$WORK/test.pub" "$TRUST/keys/test.pub"
}

# text WHAT STATUS PRINTF-FORMAT ARG...: as the .sig file
text() {
	what=$1 due=$2
	shift 2
	# shellcheck disable=SC2059
	printf "$@" >"$PLUGIN/probe.sig"
	verify_probe
	is "F006: a signature's text $what: status $due" "$STATUS" "$due"
	[ "$due" = 0 ] || tells "F006: a signature's text $what: the sentence" "$SAID" '^oxg: .*probe.sig: '
}

signature_texts() {
	openssl dgst -sha256 -sign "$WORK/test.key" -out "$WORK/der" "$PLUGIN/probe"
	s=$(base64 -w0 "$WORK/der")
	text 'without a last newline' 0 %s "$s"
	text 'with one' 0 '%s\n' "$s"
	text 'with blanks around it' 0 '\n \t%s\r\n\n' "$s"
	text 'in lines of 64' 0 '%s\n' "$(echo "$s" | fold -w 64)"
	text 'twice' 3 '%s%s' "$s" "$s"
	text 'with a letter behind' 3 '%sA' "$s"
	text 'with a comment' 3 '# made today\n%s' "$s"
	text 'cut short' 3 '%s' "${s%????}"
	text 'with a NUL' 3 '%s\000' "$s"
	text 'behind a byte order mark' 3 '\357\273\277%s' "$s"
	text 'in PEM' 3 '%s\n%s\n%s\n' '-----BEGIN SIGNATURE-----' "$s" '-----END SIGNATURE-----'
	text 'in hexadecimal' 3 '%s' "$(od -An -v -tx1 "$WORK/der" | tr -d ' \n')"
	text 'in a bundle' 3 '{"base64Signature":"%s"}' "$s"
	text 'in JSON' 3 '"%s"' "$s"
	text 'with 5000 blanks' 3 '%5000s' "$s"
	cp "$WORK/der" "$PLUGIN/probe.sig"
	verify_probe
	refused_alone 'raw DER' 'probe.sig: is raw DER.*base64 -w0'
	rm "$PLUGIN/probe.sig"
	verify_probe
	refused_alone 'none' 'probe: has no signature: .*probe.sig does not exist'
}

refused_alone() {
	is "F006: a signature ($1): status 3" "$STATUS" 3
	tells "F006: a signature ($1): the sentence" "$SAID" "^oxg: .*($2)"
}

# Both ways, with keys that either side made; several keys are trusted.
both_ways() {
	oxg keygen "$OUT/ours"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/theirs.key" 2>/dev/null
	openssl pkey -in "$WORK/theirs.key" -pubout -out "$WORK/theirs.pub"
	cp "$WORK/theirs.key" "$OUT/theirs.key"
	mine "$OUT/theirs.key"
	chmod 600 "$OUT/theirs.key"
	cp "$WORK/theirs.pub" "$OUT/theirs.pub"
	cp "$OUT/ours.pub" "$OUT/theirs.pub" "$TRUST/keys/"
	for pair in ours theirs; do
		openssl dgst -sha256 -sign "$OUT/$pair.key" "$PLUGIN/probe" | base64 >"$PLUGIN/probe.sig"
		verify_probe
		like "F006: ($WHO) openssl signs with $pair.key, oxg verifies" "$STATUS $(cat "$SAID")" "^PASS .*by $pair.pub"
		is "F006: ($WHO) openssl signs with $pair.key: status" "$STATUS" 0
		cp "$PLUGIN/probe" "$OUT/copy"
		mine "$OUT/copy"
		oxg sign --force --key "$OUT/$pair.key" "$OUT/copy"
		check "F006: ($WHO) oxg signs with $pair.key, openssl verifies" openssl_takes "$OUT/$pair.pub" "$OUT/copy"
		cat "$OUT/copy.sig" >"$PLUGIN/probe.sig"
		verify_probe
		is "F013: ($WHO) and so does oxg, among three keys" "$STATUS" 0
		key_id "$OUT/$pair.pub" | tr a-f A-F >"$TRUST/keys/revoked"
		verify_probe
		is "F013: ($WHO) not when it is revoked" "$STATUS" 3
		tells "F013: ($WHO) the sentence names the key" "$SAID" "^oxg: $pair.pub: the key .*revoked"
		rm "$TRUST/keys/revoked" "$TRUST/keys/$pair.pub"
		verify_probe
		is "F009: ($WHO) not when it is gone" "$STATUS" 3
	done
}

# ---- secrets ------------------------------------------------------------------------------------------

# The key, once it was used, is nowhere in the memory of who used it.
memory() {
	if [ -n "${ASAN_OPTIONS-}" ]; then
		skip 'with a sanitizer memory has terabytes'
		return
	fi
	id=$(key_id "$WORK/test.pub")
	cp "$WORK/test.key" "$WORK/mine.key"
	chmod 600 "$WORK/mine.key"
	echo x >"$WORK/signed"
	check "F012: sign wipes the key and the nonce" python3 "$P256" memory "$WORK/mine.key" "$WORK/signed" \
		"$id" "$OXG" sign --key "$WORK/mine.key" "$WORK/signed"
	check "F013: keygen wipes the key" python3 "$P256" memory "$WORK/fresh.key" - \
		fresh.pub "$OXG" keygen "$WORK/fresh"
}

# Every piece of every private key of this test, in base64 and in hexadecimal.
leaks() {
	for file in "$WORK"/*.key "$WORK"/*/*.key "$WORK"/*/privates/*.pem; do
		[ -f "$file" ] || continue
		grep -a -q PRIVATE "$file" || continue
		grep -a -v -e - -e : "$file" | fold -w 20 | grep -a -E '^[A-Za-z0-9+/=]{20}$' | grep -a -v AAAAAAAA
		openssl pkey -in "$file" -passin pass: -noout -text 2>/dev/null | sed -n '/^priv/,/^pub/p' |
			grep '^  ' | tr -d ' :\n' | fold -w 20 | grep -E '.{20}' | grep -v 00000000
	done | sort -u >"$WORK/pieces"
	check "F012: there are pieces to look for" test "$(wc -l <"$WORK/pieces")" -gt 100
	check "F012: no piece of a key was ever said" not grep -F -i -f "$WORK/pieces" "$ALL"
}

for who in $IDENTITIES; do
	become "$who"
	keygen_makes
	keygen_refuses
	small_disk nr_inodes=1 key
	small_disk nr_inodes=2 pub
	small_disk size=4k pub
	sign_makes
	sign_refuses
	key_modes
	both_ways
done
private_keys
public_keys
signatures
signature_texts
memory
leaks
finish
