#!/bin/sh
# Bad input, from every side: one clear sentence that names the object, the
# documented status, nothing executed, and a folder that says why.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
GOOD=$PLUGIN
cp -R "$TRUST" "$WORK/pristine"

restore() {
	chmod -R u+rwX "$TRUST"
	rm -rf "$TRUST"
	cp -R "$WORK/pristine" "$TRUST"
}

# refused ROW WHAT STATUS CODE PATTERN [OPTION...] PLUGIN: one sentence with the
# pattern in it, and a folder with the code.
refused() {
	row=$1 bad=$2 due=$3 code=$4 pattern=$5
	shift 5
	run "$@"
	is "$row: ($WHO) $bad: status $due" "$STATUS" "$due"
	tells "$row: ($WHO) $bad: the sentence names it" "$ERR" "^oxg: .*($pattern)"
	if [ ! -f "$RUN/run.json" ]; then
		check "$row: ($WHO) $bad: leaves a folder" test -f "$RUN/run.json"
		return
	fi
	json "$row: ($WHO) $bad: run.json says $code, nothing was executed" "$RUN/run.json" \
		'.refusal.code == "'"$code"'" and .refusal.status == '"$due"' and .ending == null'
	json "$row: ($WHO) $bad: the verifier says FAIL and why" "$RUN/verifier_report.json" \
		'.status == "FAIL" and any(.checks[]; .status == "FAIL")'
	check "$row: ($WHO) $bad: the folder is sealed" sh -c "cd '$RUN' && sha256sum --quiet -c SHA256SUMS"
}

# The manifest with one thing changed, signed off by the operator: only its
# content is wrong.
manifest() { # WHAT PATTERN JQ [ROW]
	restore
	jq "$3" "$WORK/pristine/plugins/hostile/manifest.json" >"$GOOD/manifest.json"
	allow hostile
	refused "${4:-F015}" "a manifest $1" 3 manifest "$2" "$GOOD" -- true
}

manifest_text() { # WHAT PATTERN TEXT
	restore
	printf '%s' "$3" >"$GOOD/manifest.json"
	allow hostile
	refused F019 "a manifest $1" 3 manifest "$2" "$GOOD" -- true
}

manifests() {
	for member in name version entry artifact capabilities; do
		manifest "without $member" "$member" "del(.$member)"
		manifest "whose $member is a number" "$member" ".$member = 7"
	done
	manifest "with an unknown member" limits '.limits = {}'
	manifest "with a name of another case" Name '.Name = .name | del(.name)'
	manifest "with a name of blanks" name '.name = "a b"'
	manifest "with an empty list of capabilities" capabilities '.capabilities = []' F016
	manifest "with a capability twice" CAP_EMIT_FINDINGS '.capabilities += .capabilities' F016
	manifest "with a capability that is none" CAP_ROOT '.capabilities = ["CAP_ROOT"]' F016
	manifest "whose artifact lies above" artifact '.artifact = "../hostile"'
	manifest "whose artifact is absolute" artifact '.artifact = "/bin/true"'
	manifest "whose file lies above" files '.files = {"../x": ("0" * 64)}'
	manifest "whose file has half a digest" files '.files = {"x": "abc"}'
	manifest "with a limit of words" memory '.resources = {memory: "much"}'
	manifest "with a limit of nothing" cpu '.resources = {cpu: "0s"}'
	manifest "with findings from elsewhere" findings '.findings = "mail"'
	text=$(cat "$WORK/pristine/plugins/hostile/manifest.json")
	manifest_text "with a member twice" name "{\"name\":\"x\",${text#?}"
	manifest_text "with something behind it" manifest.json "$text {}"
	manifest_text "cut short" manifest.json "${text%?}"
	manifest_text "that is empty" manifest.json ""
	manifest_text "that is a list" manifest.json "[$text]"
	manifest_text "in Latin-1" manifest.json "$(echo "$text" | sed "s/1.2.3/$(printf '\344')/")"
	restore
	rm "$GOOD/manifest.json"
	refused F015 "a directory without a manifest" 3 manifest manifest.json "$GOOD"
}

allowlists() {
	for form in \
		'a short digest|abcdef  plugins/hostile/hostile' \
		'letters that are no digits|zz11111111111111111111111111111111111111111111111111111111111111  x' \
		'no path|1111111111111111111111111111111111111111111111111111111111111111' \
		'a path with ..|1111111111111111111111111111111111111111111111111111111111111111  ../x'; do
		restore
		echo "${form#*|}" >>"$TRUST/ALLOWLIST"
		refused F002 "an ALLOWLIST with ${form%%|*}" 3 allowlist 'line 3' "$GOOD"
	done
	restore
	echo "1111111111111111111111111111111111111111111111111111111111111111  plugins/hostile/hostile" >>"$TRUST/ALLOWLIST"
	refused F002 "two digests for one path" 3 allowlist 'line 3.*plugins/hostile/hostile' "$GOOD"
	restore
	rm "$TRUST/ALLOWLIST"
	refused F001 "no ALLOWLIST" 3 allowlist ALLOWLIST "$GOOD"
	restore
	grep manifest.json "$WORK/pristine/ALLOWLIST" >"$TRUST/ALLOWLIST"
	refused F001 "an artifact that is not listed" 3 allowlist hostile/hostile "$GOOD"
	restore
	grep -v manifest.json "$WORK/pristine/ALLOWLIST" >"$TRUST/ALLOWLIST"
	refused F001 "a manifest that is not listed" 3 allowlist manifest.json "$GOOD"
	restore
	printf '\0' >>"$GOOD/hostile"
	refused F014 "an artifact with one byte more" 3 hash hostile/hostile "$GOOD"
	restore
	jq -c . "$WORK/pristine/plugins/hostile/manifest.json" >"$GOOD/manifest.json"
	refused F014 "a manifest written anew" 3 hash manifest.json "$GOOD"
}

signatures() {
	restore
	rm "$GOOD/hostile.sig"
	refused F005 "no signature" 3 signature hostile.sig "$GOOD"
	restore
	base64 -d "$GOOD/hostile.sig" >"$WORK/der"
	# The last byte of s: the form stays right.
	{ head -c -1 "$WORK/der" && tail -c 1 "$WORK/der" | tr '\000-\377' '\001-\377\000'; } |
		base64 -w0 >"$GOOD/hostile.sig"
	refused F005 "one bit off" 3 signature hostile "$GOOD"
	restore
	cp "$PROBE" "$WORK/other"
	sign "$WORK/other"
	cp "$WORK/other.sig" "$GOOD/hostile.sig"
	refused F005 "another file's signature" 3 signature hostile "$GOOD"
	restore
	echo '!!!!' >"$GOOD/hostile.sig"
	refused F005 "a signature that is no base64" 3 signature hostile.sig "$GOOD"
	restore
	{ cat "$WORK/der" && printf '\0'; } | base64 -w0 >"$GOOD/hostile.sig"
	refused F005 "a signature with a byte behind it" 3 signature hostile "$GOOD"
	restore
	: >"$GOOD/hostile.sig"
	refused F005 "an empty signature" 3 signature hostile.sig "$GOOD"
	restore
	keys stranger
	sign "$GOOD/hostile" stranger
	refused F009 "a stranger's key" 3 signature hostile "$GOOD"
	cp "$WORK/stranger.pub" "$GOOD/stranger.pub"
	mkdir -p "$GOOD/keys"
	cp "$WORK/stranger.pub" "$GOOD/keys/"
	refused F009 "a stranger's key that lies with the plugin" 3 signature hostile "$GOOD"
	restore
	openssl pkey -pubin -in "$WORK/test.pub" -outform DER | sha256sum | cut -c1-64 >"$TRUST/keys/revoked"
	refused F013 "a revoked key" 3 key 'hostile|revoked' "$GOOD"
}

key_files() {
	restore
	openssl ecparam -name secp384r1 -genkey -noout 2>/dev/null |
		openssl ec -pubout -out "$TRUST/keys/other.pub" 2>/dev/null
	refused F007 "a trusted key on another curve" 3 key other.pub "$GOOD"
	restore
	openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -out "$TRUST/keys/rsa.pub" 2>/dev/null
	refused F007 "a trusted RSA key" 3 key rsa.pub "$GOOD"
	restore
	head -n 2 "$WORK/test.pub" >"$TRUST/keys/half.pub"
	refused F007 "half a trusted key" 3 key half.pub "$GOOD"
	restore
	cp "$WORK/test.key" "$TRUST/keys/test2.pub"
	chmod 644 "$TRUST/keys/test2.pub"
	refused F007 "a private key among the public ones" 3 key test2.pub "$GOOD"
}

roots() {
	restore
	chmod g+w "$TRUST"
	refused F003 "a trust root that its group may write to" 3 trust_root trust "$GOOD"
	restore
	chmod o+w "$TRUST/ALLOWLIST"
	refused F003 "an ALLOWLIST that all may write to" 3 trust_root ALLOWLIST "$GOOD"
	restore
	chmod o+w "$TRUST/keys"
	refused F003 "keys/ that all may write to" 3 trust_root keys "$GOOD"
	if [ "$CALLER" -eq 0 ]; then
		restore
		chown 4242 "$TRUST/ALLOWLIST"
		refused F003 "an ALLOWLIST of somebody else" 3 trust_root ALLOWLIST "$GOOD"
	fi
	restore
	mv "$TRUST" "$WORK/elsewhere"
	refused F003 "no such trust root" 3 trust_root trust "$WORK/elsewhere/plugins/hostile"
	rm -rf "$WORK/elsewhere"
	restore
	# The directory we stand in is nobody's word.
	RUNS=$((RUNS + 1)) RUN=$OUT/run-$RUNS ERR=$OUT/stderr-$RUNS
	(cd "$TRUST" && as env -u HOME XDG_CONFIG_HOME=/nonexistent "$OXG" run --out "$RUN" "$GOOD" -- true 2>"$ERR")
	is "F009: ($WHO) the working directory is no trust root" "$?" 3
	RUNS=$((RUNS + 1)) RUN=$OUT/run-$RUNS ERR=$OUT/stderr-$RUNS
	(cd "$TRUST" && as env OXG_TRUST="$TRUST" "$OXG" run --out "$RUN" "$GOOD" -- true 2>"$ERR")
	is "F009: ($WHO) OXG_TRUST names one" "$?" 0
}

files() {
	restore
	refused F001 "no such plugin" 3 plugin nowhere "$TRUST/plugins/nowhere"
	rm "$GOOD/hostile"
	refused F001 "an artifact that has vanished" 3 plugin hostile "$GOOD"
	ln -s "$HOSTILE" "$GOOD/hostile"
	refused F049 "an artifact that is a link" 3 plugin hostile "$GOOD"
	rm "$GOOD/hostile"
	mkfifo "$GOOD/hostile"
	refused F049 "an artifact that is a pipe" 3 plugin hostile "$GOOD"
	rm "$GOOD/hostile"
	mkdir "$GOOD/hostile"
	refused F049 "an artifact that is a directory" 3 plugin hostile "$GOOD"
	restore
	if [ "$WHO" = user ]; then
		chmod 000 "$GOOD/hostile"
		refused F001 "an artifact that may not be read" 3 plugin hostile "$GOOD"
		restore
	fi
	refused F020 "no such input" 3 input nowhere --input "$WORK/nowhere" "$GOOD"
	refused F131 "no such task" 3 input nowhere --task "$WORK/nowhere.json" "$GOOD"
	echo '{' >"$WORK/bad.json"
	refused F131 "a task that is no JSON" 3 input bad.json --task "$WORK/bad.json" "$GOOD"
	: >"$WORK/empty"
	chmod 755 "$WORK/empty"
	run --allow-unsigned "$WORK/empty"
	check "F001: ($WHO) an empty program does not run" test "$STATUS" -ge 3
}

# Where no folder can be made, the sentence and the status are all there is.
folders() {
	restore
	mkdir "$OUT/there"
	as timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/there" "$GOOD" -- true 2>"$WORK/said"
	is "F163: ($WHO) --out that exists: status 2" "$?" 2
	like "F163: ($WHO) --out that exists: the sentence names it" "$(cat "$WORK/said")" "^oxg: .*there"
	rmdir "$OUT/there"
	as timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/no/such/place" "$GOOD" -- true 2>"$WORK/said"
	is "F163: ($WHO) --out below nothing: status 2" "$?" 2
	like "F163: ($WHO) --out below nothing: the sentence" "$(cat "$WORK/said")" '^oxg: .*place'
	run "$GOOD" -- true
	before=$(cat "$RUN/SHA256SUMS")
	as timeout 20 "$OXG" run --trust "$TRUST" --out "$RUN" "$GOOD" -- exit 1 2>"$WORK/said"
	is "F163: ($WHO) a sealed folder is never written over" "$? $(cat "$RUN/SHA256SUMS")" "2 $before"

	echo '{"schema_version":1,"gate":{"fail_on":"sometimes"}}' >"$WORK/policy.json"
	run --policy "$WORK/policy.json" "$GOOD" -- true
	is "F170: ($WHO) a policy with a wrong word: status 2" "$STATUS" 2
	tells "F170: ($WHO) a policy with a wrong word: the sentence" "$ERR" '^oxg: .*fail_on'
	echo '{"schema_version":1,"trust":true}' >"$WORK/policy.json"
	run --policy "$WORK/policy.json" "$GOOD" -- true
	is "F170: ($WHO) a policy with an unknown member: status 2" "$STATUS" 2
	tells "F170: ($WHO) a policy with an unknown member: the sentence" "$ERR" '^oxg: .*trust'
	cp "$WORK/policy.json" "$GOOD/policy.json"
	run "$GOOD" -- true
	is "F188: ($WHO) a policy beside the plugin is never read" "$STATUS" 0
	tells "F188: ($WHO) but warned of" "$ERR" '^oxg: .*policy.json'
	restore
	refused F170 "strict takes nothing unsigned" 2 policy unsigned --profile strict --allow-unsigned "$GOOD"
}

# A disk of 256 KiB below the run folder, in a mount namespace of our own; who
# is not root gets one with a user namespace.
disk_full() {
	mkdir -p "$WORK/small"
	how=-m
	[ "$CALLER" -eq 0 ] || how=-rm
	# shellcheck disable=SC2016
	WHO=$WHO OXG=$OXG TRUST=$TRUST GOOD=$GOOD WORK=$WORK unshare "$how" sh -c '
		mount -t tmpfs -o size=256k,mode=777 none "$WORK/small" || exit 77
		how=$1
		set -- "$OXG" run --trust "$TRUST" --out "$WORK/small/run" "$GOOD" -- lines 200000
		[ "$how" != -m ] || [ "$WHO" = root ] ||
			set -- setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
		"$@" 2>"$WORK/said"
		echo "status $?"
		ls "$WORK/small"
	' sh "$how" >"$WORK/seen" 2>&1
	is "F163: ($WHO) a full disk: status 5, .partial left" "$(cat "$WORK/seen")" \
		"$(printf '%s\n' 'status 5' run.partial)"
	like "F163: ($WHO) a full disk: the sentence" "$(cat "$WORK/said")" '^oxg: .*No space left'
}

# ---- what a refused run leaves ------------------------------------------------------------

# Whatever it was refused for: all that a run leaves, about nothing.
ALWAYS='SHA256SUMS attestation.json attestation.sigstore.json audit.jsonl findings.jsonl gate.intoto.json
gate.sigstore.json gate_report.json inputs/policy.json journal/events.jsonl ledger.jsonl
logs/stderr.log logs/stdout.log report.html report.sarif run.json security_audit.json usage.json
verifier_report.json'

# leaves WHAT STATUS CODE MORE COMMAND...: MORE: documents beyond those.
leaves() {
	of="refused by $1" due=$2 code=$3 more=$4
	shift 4
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	# shellcheck disable=SC2086
	as timeout 20 $BEFORE "$OXG" run --trust "$TRUST" --out "$RUN" --audit --sign-key "$OUT/signer.key" --sigstore \
		--task "$WORK/task.json" "$@" >/dev/null 2>"$ERR" </dev/null
	is "F163: $of: status" "$?" "$due"
	# shellcheck disable=SC2086
	is "F163: $of: its documents" "$(cd "$RUN" && find . -type f -printf '%P\n' | LC_ALL=C sort)" \
		"$(printf '%s\n' $ALWAYS $more | LC_ALL=C sort)"
	is "F163: $of: nothing is said where nothing happened" "$(cd "$RUN" && cat findings.jsonl ledger.jsonl audit.jsonl logs/*)" ""
	sentence=$(jq -r .refusal.sentence "$RUN/run.json")
	is "F163: $of: the sentence is the one that was told" "oxg: $sentence" "$(head -n 1 "$ERR")"
	json "F163: $of: run.json" "$RUN/run.json" '.ending == null and .findings == null and .isolation == null and
		.refusal.code == "'"$code"'" and .policy.sha256 != null and (.attestations | length == 4)'
	json "F163: $of: usage.json" "$RUN/usage.json" '.usage == null'
	json "F163: $of: verifier_report.json" "$RUN/verifier_report.json" '.status == "FAIL" and
		(.checks | map(select(.status == "FAIL")) | length > 0) and any(.checks[]; .name == "evidence_complete" and .status == "SKIP")'
	json "F163: $of: gate_report.json" "$RUN/gate_report.json" '.decision == "BLOCK" and (.reasons | length > 0)'
	json "F163: $of: security_audit.json" "$RUN/security_audit.json" '.events == []'
	is "F163: $of: the journal, from the beginning to the end" \
		"$(jq -r .type "$RUN/journal/events.jsonl" | sed '1b;$!d' | tr '\n' ' ')$(tail -n 1 "$RUN/journal/events.jsonl" | jq -r .reason)" \
		'run.start run.end refused'
	json "F163: $of: report.sarif" "$RUN/report.sarif" '.runs[0].invocations[0] | .executionSuccessful == false and
		(.toolExecutionNotifications | length == 1)'
	check "F163: $of: report.html" grep -q '<span>refused: nothing was executed</span>' "$RUN/report.html"
	is "F163: $of: the gate's statement" "$(jq -r .payload "$RUN/gate.intoto.json" | base64 -d | jq -r .predicate.verificationResult)" FAILED
	is "F163: $of: the task, if it came to that" "$(jq .task_sha256 "$RUN/run.json")" "$(
		[ -n "$more" ] && sha256sum "$WORK/task.json" | sed 's/\(.*\)  .*/"\1"/' || echo null)"
	as "$OXG" check --key "$WORK/signer.pub" "$RUN" 2>"$WORK/said"
	is "F163: $of: oxg check, and its signature" "$?" 0
	restore
}

all_documents() {
	BEFORE=
	echo '{"task_id": "t"}' >"$WORK/task.json"
	[ -e "$WORK/signer.key" ] || keys signer
	cp "$WORK/signer.key" "$OUT/signer.key"
	chmod 600 "$OUT/signer.key"
	[ "$(id -u)" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$OUT/signer.key"
	leaves "no such plugin" 3 plugin inputs/task.json "$TRUST/plugins/nowhere"
	echo '{' >"$GOOD/manifest.json"
	allow hostile
	leaves "its manifest" 3 manifest inputs/task.json "$GOOD"
	rm "$TRUST/ALLOWLIST"
	leaves "no ALLOWLIST" 3 allowlist inputs/task.json "$GOOD"
	printf '\0' >>"$GOOD/hostile"
	leaves "its hash" 3 hash inputs/task.json "$GOOD"
	rm "$GOOD/hostile.sig"
	leaves "its signature" 3 signature inputs/task.json "$GOOD"
	chmod g+w "$TRUST"
	leaves "the trust root" 3 trust_root '' "$GOOD"
	# What was verified is known: its manifest is kept.
	verified='inputs/manifest.json inputs/task.json'
	leaves "the policy" 2 policy "$verified" --runtime nowhere "$GOOD"
	leaves "its input" 3 input "$verified" --input "$WORK/nowhere" "$GOOD"
	jq '.runtime = "system"' "$WORK/pristine/plugins/hostile/manifest.json" >"$GOOD/manifest.json"
	allow hostile
	leaves "the jail, which is not the one it needs" 4 jail "$verified" "$GOOD"
	BEFORE='prlimit --nofile=21:21'
	leaves "a jail that cannot be had" 4 jail "$verified inputs/input.sha256" --input "$WORK/task.json" "$GOOD"
	BEFORE=
}

for who in $IDENTITIES; do
	become "$who"
	manifests
	allowlists
	signatures
	key_files
	roots
	files
	folders
	restore
	disk_full
	[ "$WHO" != "${IDENTITIES%% *}" ] || all_documents
done
# The good one still runs: what was refused was refused for its fault.
run "$GOOD" -- true
is "F014: unchanged, it runs" "$STATUS" 0
finish
