#!/bin/sh
# oxg verify and inspect: both phases, whose word counts, where the trust root is,
# what may be named as a plugin. t/key.t has keys and signatures as such, t/cert.t
# certificates, t/allowlist.t and t/manifest.t those two documents.
# shellcheck source=/dev/null disable=SC2016,SC2154
. "${0%/*}/lib.sh"

trust_root
plugin p "$HOSTILE"
GOOD=$PLUGIN
cp -R "$TRUST" "$WORK/pristine"
keys second
keys stranger

key_id() { # FILE.pub
	openssl pkey -pubin -in "$1" -outform DER | sha256sum | cut -c1-64
}

restore() {
	chmod -R u+rwX "$TRUST" 2>/dev/null
	rm -rf "$TRUST"
	cp -R "$WORK/pristine" "$TRUST"
}

# verify [OPTION...] PLUGIN: STATUS, CODE, SAID
verify() {
	as "$OXG" verify --trust "$TRUST" --json "$@" >"$WORK/verify.json" 2>"$WORK/stderr" </dev/null
	STATUS=$?
	CODE=$(jq -r '.refusal.code // "none"' "$WORK/verify.json")
	SAID=$(jq -r '.refusal.text // ""' "$WORK/verify.json")
}

# verdict CHECK: its status
verdict() {
	jq -r --arg c "$1" '[.checks[] | select(.name == $c).status] | join(" ")' "$WORK/verify.json"
}

# refused ROW WHAT CODE PATTERN [OPTION...] PLUGIN
refused() {
	row=$1 what=$2 code=$3 pattern=$4
	shift 4
	verify "$@"
	like "$row: ($WHO) $what" "$STATUS $CODE $SAID" "^3 $code .*($pattern)"
}

# The manifest of p with one thing changed, listed anew.
edit() {
	jq "$1" "$WORK/pristine/plugins/p/manifest.json" >"$GOOD/manifest.json"
	allow p
}

# ---- what it says ---------------------------------------------------------------------------

output() {
	restore
	as "$OXG" verify --trust "$TRUST" "$GOOD" >"$WORK/stdout" 2>"$WORK/stderr"
	is "F015: ($WHO) verify: status, nothing on stdout" "$? $(wc -c <"$WORK/stdout")" '0 0'
	is "F015: ($WHO) verify: its last line" "$(tail -n 1 "$WORK/stderr")" 'p 1.2.3: verified'
	is "F015: ($WHO) verify: every check is named" \
		"$(sed '$d' "$WORK/stderr" | awk '{print $1, $2}')" "$(printf '%s\n' 'PASS trust_root' \
		'PASS manifest' 'PASS artifact' 'PASS allowlist.artifact' 'PASS allowlist.manifest' \
		'SKIP files' 'PASS signature' 'PASS key')"
	verify "$GOOD"
	is "F189: ($WHO) --json: one object, nothing on stderr" \
		"$STATUS $(jq -s length "$WORK/verify.json") $(wc -c <"$WORK/stderr")" '0 1 0'
	json "F150: ($WHO) --json: what was verified, by which key" "$WORK/verify.json" '
		.schema_version == 1 and .status == "PASS" and .refusal == null and .plugin == "p" and
		.allowlisted and .signed and .version == "1.2.3" and
		.artifact_sha256 == "'"$(sha256sum <"$GOOD/p" | cut -c1-64)"'" and
		.manifest_sha256 == "'"$(sha256sum <"$GOOD/manifest.json" | cut -c1-64)"'" and
		.key_id == "'"$(key_id "$WORK/test.pub")"'"'

	# A changed byte is wrong in both phases, and both say so; the first is the reason.
	printf '\0' >>"$GOOD/p"
	refused F014 'both phases are judged' hash "$GOOD/p: has the SHA-256" "$GOOD"
	is "F014: ($WHO) both phases are judged: both say no" \
		"$(verdict allowlist.artifact) $(verdict allowlist.manifest) $(verdict signature) $(verdict key)" \
		'FAIL PASS FAIL SKIP'
	json "F014: ($WHO) nothing is called signed or listed then" "$WORK/verify.json" \
		'.status == "FAIL" and (.allowlisted | not) and (.signed | not) and .key_id == null'
	allow p
	refused F005 'listed anew, the signature is still of the old bytes' signature 'p.sig: does not verify with test.pub' "$GOOD"
	sign "$GOOD/p"
	verify "$GOOD"
	is "F005: ($WHO) signed anew, it verifies" "$STATUS" 0
}

# ---- the signature, and what a manifest says of it ---------------------------------------------

places() {
	restore
	edit 'del(.signature)'
	verify "$GOOD"
	is "F005: ($WHO) without a signature block: artifact.sig" "$STATUS" 0
	edit '.signature.signature = "sig/of.p"'
	refused F005 'a signature elsewhere that is not there' signature 'p: has no signature: .*sig/of.p does not exist.*oxg sign' "$GOOD"
	mkdir "$GOOD/sig" && cp "$GOOD/p.sig" "$GOOD/sig/of.p"
	verify "$GOOD"
	is "F005: ($WHO) a signature elsewhere" "$STATUS" 0
	mv "$GOOD/sig" "$WORK/sig" && ln -s "$WORK/sig" "$GOOD/sig"
	refused F049 'a signature behind a link' signature 'sig/of.p: .*symbolic link' "$GOOD"
	rm -r "$GOOD/sig" "$WORK/sig"
	edit .
	for kind in link pipe directory long; do
		rm -rf "$GOOD/p.sig"
		case $kind in
		link) cp "$WORK/pristine/plugins/p/p.sig" "$WORK/p.sig" && ln -s "$WORK/p.sig" "$GOOD/p.sig" && pattern='symbolic link' ;;
		pipe) mkfifo "$GOOD/p.sig" && pattern='not a regular file' ;;
		directory) mkdir "$GOOD/p.sig" && pattern='not a regular file' ;;
		long) { cat "$WORK/pristine/plugins/p/p.sig" && head -c 5000 /dev/zero | tr '\0' '\n'; } >"$GOOD/p.sig" && pattern='4 KiB' ;;
		esac
		refused F005 "a signature that is a $kind" signature "p.sig: .*$pattern" "$GOOD"
	done
	rm "$GOOD/p.sig"
	printf x >"$GOOD/p.sig" && chmod 000 "$GOOD/p.sig"
	[ "$WHO" = root ] || refused F005 'a signature that may not be read' signature 'p.sig: .*denied' "$GOOD"
}

# A hint selects among the trusted keys and adds none.
hints() {
	restore
	cp "$WORK/second.pub" "$TRUST/keys/"
	for hint in test.pub keys/test.pub ../../keys/test.pub /etc/oxg/keys/test.pub; do
		edit '.signature.publicKey = "'"$hint"'"'
		verify "$GOOD"
		is "F009: ($WHO) the hint $hint finds the trusted key" "$STATUS $(verdict key)" '0 PASS'
	done
	edit '.signature.publicKey = "second.pub"'
	refused F009 'a hint at another trusted key' signature 'p.sig: does not verify with second.pub' "$GOOD"
	for hint in none.pub keys/ test .pub; do
		edit '.signature.publicKey = "'"$hint"'"'
		refused F009 "the hint $hint" key "$hint.* holds no file of that name" "$GOOD"
	done
	cp "$WORK/test.pub" "$GOOD/mine.pub"
	edit '.signature.publicKey = "mine.pub"'
	verify "$GOOD"
	is "F009: ($WHO) the plugin's copy of a trusted key" "$STATUS $(verdict key)" '0 PASS'
	cp "$WORK/stranger.pub" "$GOOD/mine.pub"
	sign "$GOOD/p" stranger
	refused F009 "the plugin's own key" key "mine.pub: the plugin's own key \($(key_id "$WORK/stranger.pub")\) is not in the trust root.*copy it to" "$GOOD"
	cp "$WORK/stranger.pub" "$GOOD/test.pub"
	edit '.signature.publicKey = "test.pub"'
	refused F009 "the plugin's own key by the name of a trusted one" key 'is not in the trust root' "$GOOD"
	echo nonsense >"$GOOD/mine.pub"
	edit '.signature.publicKey = "mine.pub"'
	refused F009 'a hint at nonsense' key 'mine.pub' "$GOOD"
	# A link is not looked through: then the name counts, and it names none.
	ln -sf "$TRUST/keys/test.pub" "$GOOD/mine.pub"
	refused F049 'a hint at a link' key 'mine.pub.* holds no file of that name' "$GOOD"
	# In the default policy a claim that does not hold refuses, also where a key would verify.
	restore
	edit '.signature.publicKey = "none.pub"'
	refused F009 'a good signature with a bad hint' key 'none.pub' "$GOOD"
}

manifest_signature() {
	restore
	sign "$GOOD/manifest.json"
	verify "$GOOD"
	is "F010: ($WHO) a signed manifest" "$STATUS $(verdict manifest_signature)" '0 PASS'
	sign "$GOOD/manifest.json" stranger
	refused F010 "a manifest signed by a stranger" signature 'manifest.json.sig: does not verify' "$GOOD"
	cp "$GOOD/p.sig" "$GOOD/manifest.json.sig"
	refused F010 "a manifest with the artifact's signature" signature 'manifest.json.sig: does not verify' "$GOOD"
	: >"$GOOD/manifest.json.sig"
	refused F010 'a manifest with an empty signature' signature 'manifest.json.sig: is empty' "$GOOD"
	rm "$GOOD/manifest.json.sig" && mkfifo "$GOOD/manifest.json.sig"
	refused F010 'a manifest whose signature is a pipe' signature 'manifest.json.sig: .*not a regular file' "$GOOD"
	rm "$GOOD/manifest.json.sig"
	cp "$WORK/second.pub" "$TRUST/keys/"
	sign "$GOOD/manifest.json" second
	verify "$GOOD"
	is "F010: ($WHO) a manifest signed by another trusted key" "$STATUS" 0
	key_id "$WORK/second.pub" >"$TRUST/keys/revoked"
	refused F013 'a manifest signed by a revoked key' key 'second.pub: signed the manifest and is in .*revoked' "$GOOD"
}

revoked() {
	restore
	id=$(key_id "$WORK/test.pub")
	for form in "$id" "$(echo "$id" | tr a-f A-F)" "  $id  " "# old\\n\\n$id\\r" "$(key_id "$WORK/second.pub")\\n$id"; do
		# shellcheck disable=SC2059
		printf "$form\\n" >"$TRUST/keys/revoked"
		refused F013 "revoked, written as \"$(echo "$form" | sed "s/$id/ID/" | head -c 12)\"" key "test.pub: the key $id is in .*keys/revoked" "$GOOD"
	done
	printf '%s\n' "$(key_id "$WORK/second.pub")" "# $id" >"$TRUST/keys/revoked"
	verify "$GOOD"
	is "F013: ($WHO) another key is revoked, and this one in a comment" "$STATUS" 0
	for form in "${id#?}" "${id}0" "$id x" test.pub "SHA256:$id"; do
		printf '#\n%s\n' "$form" >"$TRUST/keys/revoked"
		refused F013 "a list of revoked keys with ${form#"$id"}" key 'keys/revoked: line 2 is no key id' "$GOOD"
	done
}

# ---- --allow-unsigned, and what it does not lift -----------------------------------------------

unsigned() {
	restore
	rm "$GOOD/p.sig"
	: >"$TRUST/ALLOWLIST"
	verify --allow-unsigned "$GOOD"
	is "F183: ($WHO) --allow-unsigned" "$STATUS" 0
	json "F183: ($WHO) what would have been said is there, and nothing is called signed" "$WORK/verify.json" '
		(.signed | not) and (.allowlisted | not) and .key_id == null and
		([.checks[] | select(.name | test("^(allowlist.artifact|allowlist.manifest|signature)$")) |
		.status == "SKIP" and (.detail | test("^lifted by --allow-unsigned; it would have failed: "))] == [true, true, true])'
	restore
	verify --allow-unsigned "$GOOD"
	json "F183: ($WHO) nor where both phases would have passed" "$WORK/verify.json" '
		(.signed | not) and (.allowlisted | not) and .key_id == null and
		any(.checks[]; .name == "signature" and .status == "SKIP" and (.detail | test("would have passed")))'
	run --allow-unsigned "$GOOD" -- true
	json "F183: ($WHO) a run records it" "$RUN/run.json" '.trust.allow_unsigned == true'
	is "F183: ($WHO) and says so" "$(grep -c '^  unsigned .*--allow-unsigned' "$ERR")" 1
	key_id "$WORK/test.pub" >"$TRUST/keys/revoked"
	verify --allow-unsigned "$GOOD"
	json "F013: ($WHO) it says that the key is revoked" "$WORK/verify.json" \
		'any(.checks[]; .name == "key" and (.detail | test("would have failed: .*revoked")))'
	restore
	echo '{}' >"$GOOD/manifest.json"
	refused F015 'not lifted: a manifest that is none' manifest 'manifest.json: ' --allow-unsigned "$GOOD"
	restore
	chmod g+w "$TRUST"
	refused F003 "not lifted: a trust root that others may write" trust_root "$TRUST: others than its owner" --allow-unsigned "$GOOD"
	restore
	# No trust root at all: nothing to fear for who lifts both phases.
	as env -u HOME XDG_CONFIG_HOME=/nonexistent "$OXG" verify --allow-unsigned --json "$GOOD" >"$WORK/verify.json"
	STATUS=$?
	[ -e /etc/oxg ] || is "F183: ($WHO) without any trust root" "$STATUS $(verdict trust_root)" '0 SKIP'
	as "$OXG" verify --trust "$TRUST" --profile strict --allow-unsigned "$GOOD" 2>"$WORK/said"
	is "F183: ($WHO) strict takes no --allow-unsigned: status 2" "$?" 2
	like "F183: ($WHO) strict takes no --allow-unsigned: the sentence" "$(cat "$WORK/said")" '^oxg: --allow-unsigned: the strict profile'
}

# ---- what may be named as a plugin ----------------------------------------------------------------

targets() {
	restore
	ln -sfn "$GOOD" "$WORK/link"
	ln -sfn "$GOOD/manifest.json" "$WORK/linked.json"
	for name in "$GOOD" "$GOOD/" "$GOOD//." "$GOOD/manifest.json" "$WORK/link" "$WORK/link/manifest.json" "$WORK/linked.json"; do
		verify "$name"
		is "F001: ($WHO) a plugin by ${name#"$WORK"}" "$STATUS $(verdict manifest)" '0 PASS'
	done
	(cd "$GOOD" && as "$OXG" verify --trust ../.. . 2>"$WORK/said")
	is "F001: ($WHO) a plugin by its own directory, the root by a relative path" "$?" 0
	(cd "$GOOD" && as "$OXG" verify --trust ../.. manifest.json 2>"$WORK/said")
	is "F001: ($WHO) a plugin by manifest.json alone" "$?" 0
	refused F001 'a device' plugin '/dev/null: is neither a directory nor a regular file' /dev/null
	mkfifo "$WORK/fifo" 2>/dev/null
	refused F001 'a pipe' plugin 'fifo: is neither' "$WORK/fifo"
	refused F001 'nothing of that name' plugin 'nowhere: there is no such plugin; name' "$WORK/nowhere"
	ln -sfn nowhere "$WORK/dangling"
	refused F001 'a dangling link' plugin 'dangling: there is no such plugin' "$WORK/dangling"
	ln -sfn loop "$WORK/loop"
	refused F001 'a link to itself' plugin 'loop: ' "$WORK/loop"
	refused F001 'a file as a directory' plugin 'p/x: ' "$GOOD/p/x"
	mkdir -p "$WORK/empty"
	refused F015 'a directory without manifest' manifest 'empty: holds no manifest.json; write one' "$WORK/empty"
	if [ "$WHO" = user ]; then
		chmod 000 "$GOOD"
		refused F001 'a directory he may not enter' 'plugin|manifest' "plugins/p.*denied" "$GOOD"
		chmod 755 "$GOOD"
	fi
}

bare() {
	restore
	mkdir "$TRUST/tools"
	cp "$HOSTILE" "$TRUST/tools/scan-1.x"
	refused F001 'a bare executable that is not listed' allowlist 'tools/scan-1.x: is not in' "$TRUST/tools/scan-1.x"
	(cd "$TRUST" && sha256sum tools/scan-1.x) >>"$TRUST/ALLOWLIST"
	refused F005 'a bare executable without signature' signature 'scan-1.x: has no signature: .*tools/scan-1.x.sig' "$TRUST/tools/scan-1.x"
	sign "$TRUST/tools/scan-1.x"
	verify "$TRUST/tools/scan-1.x"
	is "F001: ($WHO) a bare executable, listed and signed" "$STATUS $(jq -r '.plugin + " " + .version' "$WORK/verify.json")" '0 scan-1.x 0'
	is "F001: ($WHO) a bare executable has no manifest" "$(verdict manifest) $(verdict allowlist.manifest)" 'SKIP SKIP'
	run "$TRUST/tools/scan-1.x" -- true
	is "F001: ($WHO) a bare executable runs as /bin/plugin" "$STATUS" 0
	as "$OXG" verify --trust "$TRUST" --profile strict --json "$TRUST/tools/scan-1.x" >"$WORK/verify.json" 2>/dev/null
	like "F170: ($WHO) strict takes none" "$? $(jq -r '.refusal | .code + " " + .text' "$WORK/verify.json")" \
		'^3 manifest .*strict profile takes no bare executable; write a manifest.json'
	printf '\0' >>"$TRUST/tools/scan-1.x"
	refused F014 'a bare executable with one byte more' hash 'tools/scan-1.x: has the SHA-256' "$TRUST/tools/scan-1.x"
	for name in 'a b' -x ü "$(printf 'x%.0s' $(seq 65))" "$(printf 'a\033[31m')"; do
		cp "$HOSTILE" "$TRUST/tools/$name"
		refused F015 "a bare executable with a bad name ($(printf %s "$name" | head -c 3 | tr -dc ' -~'))" manifest \
			"the file name of a bare executable is the plugin's name.*rename it" --allow-unsigned "$TRUST/tools/$name"
		check "F015: ($WHO) its name steers no terminal" test "$(printf %s "$SAID" | tr -dc '\000-\037' | wc -c)" -eq 0
	done
	# The manifest beside it is not its own.
	verify "$GOOD/p"
	is "F001: ($WHO) a plugin's executable by itself is a bare one" "$STATUS $(verdict manifest)" '0 SKIP'
}

# ---- where the trust root is --------------------------------------------------------------------------

# found WHAT PATH BY COMMAND...: the command's verify used this root.
found() {
	what=$1 root=$2 by=$3
	shift 3
	as env -u OXG_TRUST -u OXGEN_TRUST -u 0XGEN_TRUST -u HOME -u XDG_CONFIG_HOME "$@" --json "$GOOD" \
		>"$WORK/verify.json" 2>"$WORK/stderr" </dev/null
	STATUS=$?
	is "F009: ($WHO) $what" "$STATUS $(jq -r '.checks[] | select(.name == "trust_root") | .actual + " " + .detail' "$WORK/verify.json")" \
		"0 $root $by"
}

search() {
	restore
	rm -rf "$WORK/roots"
	mkdir -p "$WORK/roots/xdg/oxg" "$WORK/roots/home/.config/oxg" "$WORK/roots/bin"
	for root in one two three bin xdg/oxg home/.config/oxg; do
		mkdir -p "$WORK/roots/$root"
		cp -R "$TRUST/keys" "$WORK/roots/$root/keys"
		(cd / && sha256sum "$GOOD/p" "$GOOD/manifest.json") >"$WORK/roots/$root/ALLOWLIST"
	done
	R=$WORK/roots
	cp "$OXG" "$R/bin/oxg"
	set -- XDG_CONFIG_HOME="$R/xdg" HOME="$R/home"
	found '--trust is first' "$R/one" --trust OXG_TRUST="$R/two" "$@" "$R/bin/oxg" verify --trust "$R/one"
	found 'then OXG_TRUST' "$R/two" '$OXG_TRUST' OXG_TRUST="$R/two" OXGEN_TRUST="$R/one" 0XGEN_TRUST="$R/one" "$@" "$R/bin/oxg" verify
	found 'then its twin' "$R/two" '$OXGEN_TRUST' OXGEN_TRUST="$R/two" 0XGEN_TRUST="$R/one" "$@" "$R/bin/oxg" verify
	found 'then the one no shell can set' "$R/two" '$0XGEN_TRUST' 0XGEN_TRUST="$R/two" "$@" "$R/bin/oxg" verify
	found 'an empty variable is none' "$R/bin" executable OXG_TRUST= "$@" "$R/bin/oxg" verify
	found 'then the directory of the executable' "$R/bin" executable "$@" "$R/bin/oxg" verify
	ln -s bin/oxg "$R/link"
	found 'that of the file, not of the link to it' "$R/bin" executable "$@" "$R/link" verify
	mv "$R/bin/ALLOWLIST" "$R/bin/kept"
	found 'not without an ALLOWLIST: then XDG_CONFIG_HOME' "$R/xdg/oxg" user "$@" "$R/bin/oxg" verify
	found 'a relative XDG_CONFIG_HOME does not count' "$R/home/.config/oxg" user XDG_CONFIG_HOME=roots/xdg HOME="$R/home" "$R/bin/oxg" verify
	found 'without it ~/.config' "$R/home/.config/oxg" user HOME="$R/home" "$R/bin/oxg" verify
	if [ -e /etc/oxg ]; then
		skip "F009: ($WHO) there is an /etc/oxg here"
	else
		as env -i "$R/bin/oxg" verify --json "$GOOD" >"$WORK/verify.json" 2>"$WORK/stderr"
		like "F009: ($WHO) else there is none" "$? $(jq -r '.refusal | .code + " " + .text' "$WORK/verify.json")" \
			'^3 trust_root no trust root was found: make a directory.*--trust or \$OXG_TRUST'
		(cd "$TRUST" && as env -i "$R/bin/oxg" verify --json "$GOOD" >"$WORK/verify.json" 2>"$WORK/stderr")
		is "F009: ($WHO) never the working directory" "$? $(jq -r .refusal.code "$WORK/verify.json")" '3 trust_root'
	fi

	# An executable in the checkout makes the checkout no root of its own plugin.
	cp "$R/bin/oxg" "$GOOD/oxg"
	(cd "$GOOD" && sha256sum p manifest.json) >"$GOOD/ALLOWLIST"
	cp -R "$TRUST/keys" "$GOOD/keys"
	as env -i "$GOOD/oxg" verify --json "$GOOD" >"$WORK/verify.json" 2>"$WORK/stderr"
	like "F009: ($WHO) a root inside of the plugin" "$? $(jq -r '.refusal | .code + " " + .text' "$WORK/verify.json")" \
		"^3 trust_root .*lies in the plugin's own directory.*--trust"
	found "unless the operator says so" "$GOOD" --trust "$GOOD/oxg" verify --trust "$GOOD"
}

# ---- whose it is ---------------------------------------------------------------------------------------

owners() {
	for name in . ALLOWLIST keys keys/test.pub keys/revoked policy.json keys/ca.crt; do
		restore
		: >>"$TRUST/keys/revoked"
		echo '{"schema_version": 1}' >"$TRUST/policy.json"
		[ "$name" != keys/ca.crt ] || openssl req -x509 -new -key "$WORK/test.key" -subj /CN=ca -days 1 -out "$TRUST/keys/ca.crt" 2>/dev/null
		verify "$GOOD"
		is "F003: ($WHO) $name as it should be" "$STATUS" 0
		for mode in g+w o+w; do
			chmod "$mode" "$TRUST/$name"
			refused F003 "$name with $mode" trust_root "others than its owner may write to it \(mode 0[67][0-7]+\); chmod go-w $TRUST" "$GOOD"
			chmod go-w "$TRUST/$name"
		done
		if [ "$CALLER" -eq 0 ]; then
			chown 4242 "$TRUST/$name"
			refused F003 "$name of somebody else" trust_root 'belongs to user 4242, so it is not yours to trust; .*chown root' "$GOOD"
			chown 0 "$TRUST/$name"
		fi
	done
	restore
	mv "$TRUST/keys/test.pub" "$WORK/moved.pub" && ln -s "$WORK/moved.pub" "$TRUST/keys/test.pub"
	refused F049 'a key that is a link' trust_root 'keys/test.pub: .*symbolic link' "$GOOD"
	restore
	mv "$TRUST/keys" "$WORK/keys" && ln -s "$WORK/keys" "$TRUST/keys"
	refused F049 'keys/ that is a link' trust_root '/keys: .*symbolic link' "$GOOD"
	rm -rf "$WORK/keys"
	restore
	rm -r "$TRUST/keys" && : >"$TRUST/keys"
	refused F009 'keys that is a file' trust_root '/keys: .*not a directory' "$GOOD"
	rm "$TRUST/keys"
	refused F009 'no keys/ at all' key "$TRUST/keys: holds no public key" "$GOOD"
	mkdir "$TRUST/keys"
	cp "$WORK/test.pub" "$TRUST/keys/test.pem"
	cp "$WORK/test.pub" "$TRUST/keys/.test.pub"
	refused F009 'keys/ without a .pub' key "$TRUST/keys: holds no public key" "$GOOD"
	mkdir "$TRUST/keys/x.pub"
	refused F009 'a key that is a directory' trust_root 'keys/x.pub: .*not a regular file' "$GOOD"
	rmdir "$TRUST/keys/x.pub" && mkfifo "$TRUST/keys/x.pub"
	refused F009 'a key that is a pipe' trust_root 'keys/x.pub: .*not a regular file' "$GOOD"
	restore
	mkfifo "$TRUST/policy.json"
	refused F003 'a policy that is a pipe' trust_root 'policy.json: .*not a regular file' "$GOOD"
	restore
	ln -sfn "$TRUST" "$WORK/trust.link"
	as "$OXG" verify --trust "$WORK/trust.link" "$GOOD" 2>"$WORK/stderr"
	is "F003: ($WHO) a trust root that the operator names through a link" "$?" 0
	for name in "$TRUST/ALLOWLIST" "$WORK/nowhere"; do
		as "$OXG" verify --trust "$name" "$GOOD" 2>"$WORK/said"
		like "F003: ($WHO) --trust ${name##*/}" "$? $(cat "$WORK/said")" "^3 oxg: $name: the trust root \(from --trust\)"
	done
	as "$OXG" verify --trust '' "$GOOD" 2>"$WORK/said"
	like "F003: ($WHO) --trust with nothing" "$? $(cat "$WORK/said")" '^2 oxg: --trust is empty'
}

# ---- what was hashed is what runs -------------------------------------------------------------------------

# Somebody swaps the artifact all the time: it runs as it was signed, or not at all.
swapped() {
	restore
	cp "$PROBE" "$WORK/evil"
	cp "$GOOD/p" "$WORK/right"
	(
		while [ -e "$WORK/evil" ]; do
			cp "$WORK/evil" "$GOOD/next" && mv "$GOOD/next" "$GOOD/p"
			cp "$WORK/right" "$GOOD/next" && mv "$GOOD/next" "$GOOD/p"
		done 2>/dev/null
	) &
	swapper=$!
	ran=0 other=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		run "$GOOD" -- print "run $i"
		case "$STATUS $(cat "$RUN/logs/stdout.log" 2>/dev/null)" in
		"0 run $i") ran=$((ran + 1)) ;;
		3*) [ "$(jq -r .refusal.code "$RUN/run.json")" = hash ] || other="$other $i" ;;
		*) other="$other $i($STATUS)" ;;
		esac
	done
	rm "$WORK/evil"
	wait "$swapper"
	is "F020: ($WHO) swapped all the time, the signed bytes run or none ($ran of 20 ran)" "$other" ''
}

# ---- inspect ------------------------------------------------------------------------------------------------

inspect() {
	restore
	edit '.description = "a\u009b31mred" | .files = {"b\u009bc": ("0" * 64)} | .egress = {hosts: ["Example.org:443"]}
		| .capabilities = ["CAP_EMIT_FINDINGS", "CAP_HTTP_ACTIVE", "CAP_WORKSPACE_WRITE"]'
	verify "$GOOD"
	as "$OXG" verify --trust "$TRUST" "$GOOD" >"$WORK/said" 2>&1
	check "F160: ($WHO) verify: no C1 control of a plugin reaches the terminal" not grep -q "$(printf '\302\233')" "$WORK/said"
	printf x >"$GOOD/$(printf 'b\302\233c')"
	edit "$(printf '.files = {"b\302\233c": "%s"}' "$(printf x | sha256sum | cut -c1-64)")"' | .description = "a\u009b31mred"
		| .egress = {hosts: ["Example.org:443"]} | .capabilities = ["CAP_EMIT_FINDINGS", "CAP_HTTP_ACTIVE", "CAP_WORKSPACE_WRITE"]'
	as "$OXG" inspect --trust "$TRUST" "$GOOD" >"$WORK/said" 2>"$WORK/stderr"
	is "F130: ($WHO) inspect: status, nothing on stderr" "$? $(wc -c <"$WORK/stderr")" '0 0'
	check "F160: ($WHO) inspect: no C1 control of a plugin reaches the terminal" not grep -q "$(printf '\302\233')" "$WORK/said"
	is "F130: ($WHO) inspect: what it asks for, the dangerous first" \
		"$(awk '$1 ~ /^CAP_/ {print $1, $2, $3}' "$WORK/said")" "$(
		"$OXG" caps --json | jq -r '{high: 0, medium: 1, low: 2} as $order | [.capabilities[] |
		select(.name | test("^CAP_(EMIT_FINDINGS|HTTP_ACTIVE|WORKSPACE_WRITE)$"))] | sort_by($order[.risk]) |
		.[] | "\(.name) \(.risk) " + (if .name == "CAP_EMIT_FINDINGS" then "yes" else "no" end)')"
	as "$OXG" inspect --trust "$TRUST" --grant CAP_HTTP_ACTIVE --json "$GOOD" >"$WORK/inspect.json"
	json "F130: ($WHO) inspect --grant: as if granted" "$WORK/inspect.json" '
		[.capabilities[] | select(.granted).name] == ["CAP_EMIT_FINDINGS", "CAP_HTTP_ACTIVE"] and
		.hosts == [{"host": "example.org:443", "allowed": false}]'
	echo '{"schema_version": 1, "proxy": {"enable": true, "rules_path": "r", "history_path": "h", "allow": ["EXAMPLE.org:443"]}}' >"$WORK/policy.json"
	as "$OXG" inspect --trust "$TRUST" --policy "$WORK/policy.json" --json "$GOOD" >"$WORK/inspect.json"
	json "F108: ($WHO) inspect: a host that manifest and policy name" "$WORK/inspect.json" '.hosts[0].allowed'
	# Looking needs no trust; what would be refused is said.
	rm "$GOOD/p.sig"
	: >"$TRUST/ALLOWLIST"
	as "$OXG" inspect --trust "$TRUST" --json "$GOOD" >"$WORK/inspect.json"
	is "F130: ($WHO) inspect of what nobody trusts" "$? $(jq '[.checks[] | select(.status == "FAIL")] | length' "$WORK/inspect.json")" '0 3'
	as "$OXG" inspect --trust "$TRUST" --profile strict --json "$GOOD" >"$WORK/inspect.json"
	is "F130: ($WHO) inspect by the strict profile" "$? $(jq -r .profile "$WORK/inspect.json")" '0 strict'
	echo '{' >"$GOOD/manifest.json"
	as "$OXG" inspect --trust "$TRUST" "$GOOD" >"$WORK/said" 2>"$WORK/stderr"
	like "F130: ($WHO) inspect of what is no manifest" "$? $(wc -c <"$WORK/said") $(cat "$WORK/stderr")" '^3 0 oxg: manifest.json: line'
}

caps() {
	"$OXG" caps --json >"$WORK/caps.json"
	json 'F128: caps: each has title, risk, what it opens, what holds' "$WORK/caps.json" '
		(.capabilities | length) == 14 and all(.capabilities[]; (.title | length) > 3 and
		(.allows | length) > 9 and (.mitigation | length) > 9 and (.risk | test("^(low|medium|high)$")))'
	json 'F129: caps: raw flows need flows' "$WORK/caps.json" '
		[.capabilities[] | select(.needs != [])] | map({(.name): .needs}) ==
		[{"CAP_FLOW_INSPECT_RAW": ["CAP_FLOW_INSPECT"]}]'
	json 'F128: caps: and whether this build has it' "$WORK/caps.json" '
		[.capabilities[] | select(.offered).name] == ["CAP_EMIT_FINDINGS", "CAP_STORAGE",
			"CAP_WORKSPACE_READ", "CAP_WORKSPACE_WRITE", "CAP_SECRETS_READ"]'
	"$OXG" caps >"$WORK/said"
	is 'F128: caps for people: likewise' "$(grep '^CAP_' "$WORK/said" | grep -vc 'not offered')" 5
	is 'F128: caps tells of no option that there is not' "$(grep -oE -- '--[a-z-]+' "$WORK/said" | sort -u | tr '\n' ' ')" '--project --secret '
	is 'F128: caps for people names the same' "$(grep -o '^CAP_[A-Z_]*' "$WORK/said" | sort)" \
		"$(jq -r '.capabilities[].name' "$WORK/caps.json" | sort)"
}

for who in $IDENTITIES; do
	become "$who"
	output
	places
	hints
	manifest_signature
	revoked
	unsigned
	targets
	bare
	search
	owners
	swapped
	inspect
done
caps
finish
