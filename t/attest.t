#!/bin/sh
# Signed runs: what oxg run --sign-key writes is what openssl, Sigstore's verifier and
# securesystemslib verify, says what is in the folder, and oxg check --key takes no other.
# shellcheck source=/dev/null disable=SC2016
. "${0%/*}/lib.sh"

P256=${0%/*}/p256.py
trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin asker "$BUILD/plugins/asker"
ASKER=$PLUGIN
plugin probe "$PROBE"
LISTER=$PLUGIN
keys run
keys other
COPY=$WORK/copy
SIGNED='attestation.json gate.intoto.json'
BUNDLES='attestation.sigstore.json gate.sigstore.json'
echo '{"task_id":"task-7"}' >"$WORK/task.json"
mkdir "$WORK/input"
echo x >"$WORK/input/x"

# ---- helpers ----------------------------------------------------------------------------

# checks OPTION... RUN: STATUS and $SAID.
SAID=$WORK/said
checks() {
	as timeout -k 1 20 "$OXG" check "$@" >"$WORK/stdout" 2>"$SAID"
	STATUS=$?
}

# caught WHAT PATTERN [OPTION...] RUN: status 5 and one sentence.
caught() {
	what=$1 pattern=$2
	shift 2
	checks "$@"
	is "$what: status 5" "$STATUS $(wc -l <"$SAID")" "5 1"
	tells "$what: the sentence names it" "$SAID" "^oxg: .*($pattern)"
}

fresh() {
	chmod -R u+rwX "$COPY" 2>/dev/null
	rm -rf "$COPY"
	cp -R "$GOOD" "$COPY"
	chmod -R u+w "$COPY"
}

# payload FILE: decoded by others.
payload() {
	jq -r .payload "$1" | base64 -d
}

# key NAME: a private key of $WHO's own.
key() {
	KEY=$OUT/$1.key
	cp "$WORK/$1.key" "$KEY"
	chmod 600 "$KEY"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$KEY"
}

# ---- other people's verifiers ---------------------------------------------------------------

# The recipe of the manual, with no oxg in it.
by_openssl() {
	payload "$1" >"$WORK/body"
	type=$(jq -r .payloadType "$1")
	{ printf 'DSSEv1 %d %s %d ' ${#type} "$type" "$(stat -c %s "$WORK/body")" && cat "$WORK/body"; } >"$WORK/pae"
	jq -r '.signatures[0].sig' "$1" | base64 -d >"$WORK/sig.der"
	openssl dgst -sha256 -verify "$2" -signature "$WORK/sig.der" "$WORK/pae"
}

cat >"$WORK/sigstore.js" <<'END'
const fs = require('fs'), crypto = require('crypto');
const { bundleFromJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');
const [, , pem, ...files] = process.argv;
const der = crypto.createPublicKey(fs.readFileSync(pem)).export({ type: 'spki', format: 'der' });
const hint = crypto.createHash('sha256').update(der).digest('base64');
const root = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const trust = toTrustMaterial(root, (h) => {
	if (h !== hint) throw new Error('hint is ' + h);
	return { publicKey: crypto.createPublicKey(fs.readFileSync(pem)), validFor: () => true };
});
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
for (const file of files) {
	const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(file)));
	verifier.verify(toSignedEntity(bundle));
	console.log(bundle.mediaType, bundle.content.dsseEnvelope.payloadType);
}
END

cat >"$WORK/dsse.py" <<'END'
import base64, json, sys
from securesystemslib import ecdsa_keys
pem = open(sys.argv[1]).read()
for name in sys.argv[2:]:
    e = json.load(open(name))
    body, kind = base64.b64decode(e['payload'], validate=True), e['payloadType'].encode()
    pae = b'DSSEv1 %d %s %d %s' % (len(kind), kind, len(body), body)
    sig = base64.b64decode(e['signatures'][0]['sig'], validate=True)
    if not ecdsa_keys.verify_signature(pem, 'ecdsa-sha2-nistp256', sig, pae):
        sys.exit(name + ' does not verify')
    if set(e) != {'payload', 'payloadType', 'signatures'} or len(e['signatures']) != 1:
        sys.exit(name + ' has other members')
END

by_others() {
	for name in $SIGNED; do
		check "F150: ($WHO) openssl verifies $name" by_openssl "$GOOD/$name" "$WORK/run.pub"
		check "F150: ($WHO) and not by another key" not by_openssl "$GOOD/$name" "$WORK/other.pub"
		is "F150: ($WHO) the nonce of $name is that of RFC 6979" "$(jq -r '.signatures[0].sig' "$GOOD/$name")" \
			"$(by_openssl "$GOOD/$name" "$WORK/run.pub" >/dev/null; python3 "$P256" nonce "$WORK/run.key" "$WORK/pae")"
	done
	check "F150: ($WHO) securesystemslib verifies them" /usr/bin/python3 "$WORK/dsse.py" "$WORK/run.pub" \
		"$GOOD/attestation.json" "$GOOD/gate.intoto.json"
	check "F150: ($WHO) and not by another key" not /usr/bin/python3 "$WORK/dsse.py" "$WORK/other.pub" \
		"$GOOD/attestation.json"
	is "F150: ($WHO) Sigstore's verifier takes the bundles" \
		"$(node "$WORK/sigstore.js" "$WORK/run.pub" "$GOOD/attestation.sigstore.json" "$GOOD/gate.sigstore.json" 2>&1 | sort -u)" \
		"application/vnd.dev.sigstore.bundle.v0.3+json application/vnd.in-toto+json"
	check "F150: ($WHO) and not by another key" not node "$WORK/sigstore.js" "$WORK/other.pub" "$GOOD/gate.sigstore.json"
}

# ---- what they say ------------------------------------------------------------------------------

hash() {
	sha256sum "$1" | cut -d' ' -f1
}

statements() {
	payload "$GOOD/attestation.json" >"$WORK/run.st"
	payload "$GOOD/gate.intoto.json" >"$WORK/gate.st"
	subjects=$(cat "$GOOD/SHA256SUMS"; cd "$GOOD" && sha256sum SHA256SUMS)
	for st in run gate; do
		is "F150: ($WHO) the $st statement: the folder's files and SHA256SUMS" \
			"$(jq -r '.subject[] | .digest.sha256 + "  " + .name' "$WORK/$st.st")" "$subjects"
		json "F150: ($WHO) the $st statement is in-toto's v1" "$WORK/$st.st" \
			'._type == "https://in-toto.io/Statement/v1" and (keys == ["_type", "predicate", "predicateType", "subject"])'
	done
	check "F150: ($WHO) the list has not these files" not grep -e attestation -e gate.intoto -e sigstore "$GOOD/SHA256SUMS"
	is "F150: ($WHO) what it depended on" \
		"$(jq -r '.predicate.buildDefinition.resolvedDependencies[] | .digest.sha256 + " " + .name' "$WORK/run.st" | grep -v configuration)" \
		"$(hash "$DEED/hostile") plugin
$(hash "$DEED/manifest.json") manifest
$(hash "$TRUST/ALLOWLIST") allowlist
$(openssl pkey -pubin -in "$WORK/test.pub" -outform DER | sha256sum | cut -d' ' -f1) key
$(hash "$GOOD/inputs/input.sha256") input
$(hash "$GOOD/inputs/policy.json") policy
$(hash "$WORK/task.json") task"
	is "F150: ($WHO) whose words: as run.json has them" \
		"$(jq -cS '.predicate.buildDefinition.externalParameters' "$WORK/run.st")" \
		"$(jq -cS '{plugin: .plugin.name, version: .plugin.version, plugin_path, capabilities: .capabilities.granted, limits, args,
			task_id, input: .input.path, profile: .policy.profile, allow_unsigned: .trust.allow_unsigned}' "$GOOD/run.json")"
	json "F150: ($WHO) and the jail" "$WORK/run.st" '.predicate.buildDefinition | .internalParameters.tier == "namespaces"
		and .internalParameters.seccomp_profile == "static" and .buildType == "urn:oxg:run:v1"'
	is "F150: ($WHO) when, which run, what it printed" \
		"$(jq -c '.predicate.runDetails | [.metadata.invocationId, .metadata.startedOn, .metadata.finishedOn,
			.builder.id, .byproducts[0].digest.sha256]' "$WORK/run.st")" \
		"$(jq -c --arg h "$(hash "$GOOD/logs/stdout.log")" '[.run_id, .started, .finished, "urn:oxg:runner:v1", $h]' "$GOOD/run.json")"
	is "F150: ($WHO) the gate's summary" "$(jq -cS .predicate "$WORK/gate.st")" \
		"$(jq -ncS --arg id "$(jq -r .run_id "$GOOD/run.json")" --arg p "$(hash "$GOOD/inputs/policy.json")" \
			--arg a "$(hash "$GOOD/attestation.json")" '{verifier: {id: "urn:oxg:gate:v1"}, resourceUri: ("urn:oxg:folder:" + $id),
			policy: {uri: "urn:oxg:policy:default", digest: {sha256: $p}},
			inputAttestations: [{uri: "attestation.json", digest: {sha256: $a}}],
			verificationResult: "PASSED", verifiedLevels: ["OXG_GATE_PASSED"]}')"
}

# ---- other endings, and the same again -------------------------------------------------------------

endings() {
	run --sign-key "$KEY" --fail-on low "$DEED" -- emit 1
	is "F150: ($WHO) a blocked run" "$STATUS $(payload "$RUN/gate.intoto.json" |
		jq -c '[.predicate.verificationResult, .predicate.verifiedLevels]')" '1 ["FAILED",["FAILED"]]'
	checks --key "$WORK/run.pub" "$RUN"
	is "F156: ($WHO) its signature holds" "$STATUS" 0
	run --sign-key "$KEY" --timeout 300ms --durable "$ASKER" -- '~60000'
	is "F150: ($WHO) one that was stopped" "$STATUS" 124
	checks --key "$WORK/run.pub" "$RUN"
	is "F156: ($WHO) its signature holds" "$STATUS" 0
	run --sign-key "$KEY" --allow-unsigned "$DEED" -- emit 1
	is "F183: ($WHO) the operator's override is signed" \
		"$(payload "$RUN/attestation.json" | jq .predicate.buildDefinition.externalParameters.allow_unsigned)" true
	epoch=1700000000
	for n in 1 2; do
		SOURCE_DATE_EPOCH=$epoch
		export SOURCE_DATE_EPOCH
		run --run-id 01JAAAAAAAAAAAAAAAAAAAAAAA --sign-key "$KEY" "$WORK/none"
		eval "refused$n=\$RUN"
		run --run-id 01JAAAAAAAAAAAAAAAAAAAAAAA --sign-key "$KEY" "$DEED" -- emit 2
		eval "ran$n=\$RUN"
		unset SOURCE_DATE_EPOCH
	done
	# shellcheck disable=SC2154
	for name in $SIGNED; do
		check "F150: ($WHO) clocks still, refused twice: the same $name" cmp "$refused1/$name" "$refused2/$name"
	done
	checks --key "$WORK/run.pub" "$refused1"
	is "F156: ($WHO) a refused run: its signature holds" "$STATUS" 0
	# shellcheck disable=SC2154
	is "F150: ($WHO) clocks still, run twice: the measured figures differ, and what has their digest" \
		"$(for r in "$ran1" "$ran2"; do payload "$r/attestation.json" |
			jq -c 'del(.subject[] | select(.name == "usage.json" or .name == "SHA256SUMS").digest)'; done | uniq | wc -l)" 1
	run "$DEED" -- emit 1
	is "F150: ($WHO) not asked for: nothing is signed" \
		"$STATUS $(find "$RUN" -name '*sigstore*' -o -name 'attest*' -o -name '*intoto*')" "0 "
	json "F150: ($WHO) and none is listed" "$RUN/run.json" 'has("attestations") | not'
	checks "$RUN"
	is "F156: ($WHO) and nothing is said of signatures" "$STATUS $(grep -c sign "$SAID")" "0 0"
	caught "F156: ($WHO) asked whose it is" "attestation.json is missing" --key "$WORK/run.pub" "$RUN"
}

# ---- words ----------------------------------------------------------------------------------------------

words() {
	OXG_SIGN_KEY=
	export OXG_SIGN_KEY
	run "$DEED" -- emit 1
	is "F150: ($WHO) an empty variable is none" "$STATUS $(find "$RUN" -name 'attest*')" "0 "
	OXG_SIGN_KEY=$KEY
	run "$DEED" -- emit 1
	checks --key "$WORK/run.pub" "$RUN"
	is "F150: ($WHO) the variable's key" "$STATUS" 0
	run "$LISTER" -- env
	check "F150: ($WHO) the plugin does not see it" not grep -e SIGN_KEY -e "$KEY" "$RUN/logs/stdout.log"
	OXG_SIGN_KEY=$OUT/none
	run --sign-key "$KEY" "$DEED" -- emit 1
	is "F150: ($WHO) the option wins over the variable" "$STATUS" 0
	unset OXG_SIGN_KEY
	for bad in none directory readable fifo; do
		case $bad in
		none) name=$OUT/none pattern='No such file' ;;
		directory) name=$WORK/input pattern='no regular file' ;;
		readable) name=$OUT/readable.key pattern='chmod 600'; cp "$WORK/run.key" "$name"; chmod 640 "$name" ;;
		fifo) name=$OUT/fifo pattern='no regular file'; mkfifo "$name" ;;
		esac
		[ "$WHO:$bad" != user:readable ] || [ "$CALLER" -ne 0 ] || chown 65533 "$name"
		run --sign-key "$name" "$DEED" -- emit 1
		is "F150: ($WHO) a key that is $bad: status 3, nothing is executed" "$STATUS $(there)" "3 nothing"
		tells "F150: ($WHO) and the sentence names it" "$ERR" "^oxg: $name: .*$pattern"
	done
	run --sigstore "$DEED" -- emit 1
	is "F150: ($WHO) bundles without a key: status 2" "$STATUS $(there)" "2 nothing"
}

# ---- the key: whose, and when ------------------------------------------------------------------------------

# holders FILE: processes of this run that have it open.
holders() {
	for p in "$PID" $(children_of "$PID") $(children_of "$(watch_of "$PID")") \
		$(for c in $(children_of "$(watch_of "$PID")"); do children_of "$c"; done); do
		find "/proc/$p/fd" -lname "$1" -printf "$p\n" 2>/dev/null
	done
}

held() {
	cp -p "$KEY" "$OUT/held.key"
	start --sign-key "$OUT/held.key" "$ASKER" -- '>ready^0a' '~60000'
	wait_for said_ready
	if [ "$CALLER" -eq 0 ]; then
		is "F150: ($WHO) the supervisor alone has it open" "$(holders "$OUT/held.key")" "$PID"
		check "F150: ($WHO) (with a child to look at)" test -n "$(broker_of "$PID")"
	fi
	# In the same file: whoever had read it already would sign with the old one.
	cat "$WORK/other.key" >"$OUT/held.key"
	kill "$PID"
	wait "$PID"
	is "F099: ($WHO) stopped by the operator" "$? $(reason)" "123 killed"
	checks --key "$WORK/other.pub" "$RUN"
	is "F150: ($WHO) it is read when the plugin is dead" "$STATUS" 0
	cp -p "$KEY" "$OUT/held.key"
	start --sign-key "$OUT/held.key" "$ASKER" -- '>ready^0a' '~60000'
	wait_for said_ready
	rm -f "$OUT/held.key"
	kill "$PID"
	wait "$PID"
	checks --key "$WORK/run.pub" "$RUN"
	is "F150: ($WHO) it was opened before" "$STATUS" 0
	cp -p "$KEY" "$OUT/held.key"
	[ -e "$WORK/rsa.key" ] || openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null >"$WORK/rsa.key"
	cat "$WORK/rsa.key" >"$OUT/held.key"
	run --sign-key "$OUT/held.key" "$DEED" -- emit 1
	is "F150: ($WHO) a key that cannot sign: status 5, and it shows" "$STATUS $(there)" "5 partial"
	tells "F150: ($WHO) and the sentence names it" "$ERR" "cannot be signed: $OUT/held.key: is an RSA key"
	run --sign-key "$KEY" "$LISTER" -- fds
	run_signed=$(sed 's/[^0-9 ]//g' "$RUN/logs/stdout.log")
	run "$LISTER" -- fds
	is "F150: ($WHO) a plugin has the same descriptors with and without" "$run_signed" \
		"$(sed 's/[^0-9 ]//g' "$RUN/logs/stdout.log")"
}

# ---- changed ---------------------------------------------------------------------------------------------------

cat >"$WORK/flips.py" <<'END'
# One bit of each of some twenty bytes; check must say status 5 and name the file.
import os, subprocess, sys
oxg, key, folder, name = sys.argv[1:]
path = os.path.join(folder, name)
good = open(path, 'rb').read()
step = max(1, len(good) // 12)
at = sorted(set(list(range(0, len(good), step)) + [0, 1, len(good) - 2, len(good) - 1] +
    [len(good) - k for k in range(5, 110, 21)]))
for n, i in enumerate(at):
    bad = bytearray(good)
    bad[i] ^= 1 << n % 8
    open(path, 'wb').write(bad)
    r = subprocess.run([oxg, 'check', '--key', key, folder], capture_output=True)
    if r.returncode != 5 or name.encode().split(b'.')[0] not in r.stderr:
        print(name, i, r.returncode, r.stderr)
open(path, 'wb').write(good)
END

changed() {
	fresh
	for name in $SIGNED $BUNDLES; do
		is "F156: one bit of $name, at twenty places" "$(python3 "$WORK/flips.py" "$OXG" "$WORK/run.pub" "$COPY" "$name")" ""
	done
	checks --key "$WORK/run.pub" "$COPY"
	is "F156: turned back, it verifies" "$STATUS" 0
	for name in $SIGNED; do
		fresh
		jq -c . "$GOOD/$name" | tr -d '\n' >"$COPY/$name"
		caught "F156: $name without its newline" "$name is not a DSSE envelope" "$COPY"
		jq . "$GOOD/$name" >"$COPY/$name"
		caught "F156: $name spelt otherwise" "$name is not a DSSE envelope" "$COPY"
		jq -c '.signatures[0].keyid = "x"' "$GOOD/$name" >"$COPY/$name"
		caught "F156: $name with a member more" "$name is not a DSSE envelope" "$COPY"
		jq -c '.signatures += .signatures' "$GOOD/$name" >"$COPY/$name"
		caught "F156: $name with two signatures" "$name is not a DSSE envelope" "$COPY"
		cp "$OTHER/$name" "$COPY/$name"
		caught "F156: another run's $name" "$name does not attest" "$COPY"
		caught "F156: and with --key" "$name does not attest" --key "$WORK/run.pub" "$COPY"
		rm -f "$COPY/$name"
		caught "F156: $name taken away" "$name is missing" --key "$WORK/run.pub" "$COPY"
		caught "F156: and without --key" "$name is missing" "$COPY"
	done
	for name in $BUNDLES; do
		fresh
		rm "$COPY/$name"
		caught "F156: $name alone taken away" "$name is missing, and run.json lists it" "$COPY"
		caught "F156: and with --key" "$name is missing, and run.json lists it" --key "$WORK/run.pub" "$COPY"
	done
	fresh
	for name in $SIGNED $BUNDLES; do rm "$COPY/$name"; done
	caught "F156: all signatures taken away, and nobody asks whose" "attestation.json is missing, and run.json lists it" "$COPY"
	caught "F156: all signatures taken away" "attestation.json is missing" --key "$WORK/run.pub" "$COPY"
	caught "F156: another key" "attestation.json is not signed by the key $(openssl pkey -pubin -in "$WORK/other.pub" \
		-outform DER | sha256sum | cut -d' ' -f1)" --key "$WORK/other.pub" "$GOOD"
	# The signer's own signature over other words.
	fresh
	payload "$GOOD/attestation.json" | sed 's/"hostile"/"saintly"/' >"$WORK/body"
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$WORK/body")" && cat "$WORK/body"; } >"$WORK/pae"
	printf '{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"%s"}]}\n' \
		"$(base64 -w0 <"$WORK/body")" "$(openssl dgst -sha256 -sign "$WORK/run.key" "$WORK/pae" | base64 -w0)" >"$COPY/attestation.json"
	caught "F156: other words, well signed" "attestation.json does not attest" --key "$WORK/run.pub" "$COPY"
	cp "$GOOD/attestation.json" "$COPY/attestation.json"
	sed -i 's/"hint":"./"hint":"*/' "$COPY/gate.sigstore.json"
	caught "F156: a hint that is none" "gate.sigstore.json is not" "$COPY"
	sed -E 's|"hint":"[^"]*|"hint":"'"$(openssl pkey -pubin -in "$WORK/other.pub" -outform DER |
		openssl dgst -sha256 -binary | base64)|" "$GOOD/gate.sigstore.json" >"$COPY/gate.sigstore.json"
	caught "F156: another key's hint" "gate.sigstore.json names another key" --key "$WORK/run.pub" "$COPY"
	# Well made by whoever has the envelope, but not asked for in that run.
	chmod -R u+rwX "$COPY" && rm -rf "$COPY" && cp -R "$OTHER" "$COPY" && chmod -R u+w "$COPY"
	printf '%s,"dsseEnvelope":%s}\n' "$(sed 's/,"dsseEnvelope".*//' "$GOOD/gate.sigstore.json")" \
		"$(cat "$COPY/gate.intoto.json")" >"$COPY/gate.sigstore.json"
	caught "F156: a bundle added" "gate.sigstore.json is not one of the signatures that run.json lists" --key "$WORK/run.pub" "$COPY"
	# The bundles were an afterthought in folders of version 2, whose run.json lists nothing.
	checks "${0%/*}/data/run-v2"
	is "F182: a signed folder of version 2 has no list" "$STATUS $(jq .attestations "${0%/*}/data/run-v2/run.json")" "0 null"
	# All made anew and consistent, but for the signature.
	fresh
	echo more >"$COPY/more"
	(cd "$COPY" && { cut -c67- "$GOOD/SHA256SUMS" && echo more; } | sort | xargs sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$COPY/SHA256SUMS"
	caught "F156: a file more, and all sums made anew" "attestation.json does not attest" "$COPY"
	rm -rf "$WORK/v1"
	cp -R "${0%/*}/data/run-v1" "$WORK/v1"
	for name in $SIGNED; do cp "$GOOD/$name" "$WORK/v1/$name"; done
	caught "F156: signatures in a folder of a time without them" "attestation.json" "$WORK/v1"
}

# ---- keys that are none ------------------------------------------------------------------------------------------

foreign() {
	openssl pkey -in "$WORK/rsa.key" -pubout >"$WORK/rsa.pub"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null | openssl pkey -pubout >"$WORK/p384.pub"
	for bad in "rsa.pub RSA" "p384.pub P-384" "run.key private" "none.pub No.such"; do
		checks --key "$WORK/${bad% *}" "$GOOD"
		is "F156: --key ${bad% *}: status 3" "$STATUS $(wc -l <"$SAID")" "3 1"
		tells "F156: the sentence names it" "$SAID" "^oxg: $WORK/${bad% *}: .*${bad#* }"
	done
	checks --json "$GOOD"
	json "F156: --json without --key: not verified" "$WORK/stdout" '.signature == "not_verified" and .status == "PASS"'
	checks "$GOOD"
	tells "F156: and people are told" "$SAID" 'signature was not verified'
	checks --json --key "$WORK/run.pub" "$GOOD"
	json "F156: --json with --key" "$WORK/stdout" ".signature == \"verified\" and .key_id == \"$(
		openssl pkey -pubin -in "$WORK/run.pub" -outform DER | sha256sum | cut -d' ' -f1)\""
}

for who in $IDENTITIES; do
	become "$who"
	key run
	run --sign-key "$KEY" --sigstore --task "$WORK/task.json" --input "$WORK/input" "$DEED" -- emit 3
	GOOD=$RUN
	is "F028: ($WHO) a signed run" "$STATUS" 0
	checks --key "$WORK/run.pub" "$GOOD"
	is "F156: ($WHO) its signature holds" "$STATUS" 0
	held
	[ "$WHO" = "${IDENTITIES%% *}" ] || continue
	by_others
	is "F150: ($WHO) run.json lists the signatures" "$(jq -r '.attestations | sort | join(" ")' "$GOOD/run.json")" \
		'attestation.json attestation.sigstore.json gate.intoto.json gate.sigstore.json'
	statements
	endings
	words
done
become "${IDENTITIES%% *}"
key run
run --sign-key "$KEY" "$DEED" -- emit 2
OTHER=$RUN
run --sign-key "$KEY" --sigstore "$DEED" -- emit 3
GOOD=$RUN
changed
foreign
finish
