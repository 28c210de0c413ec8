#!/bin/sh
# Approvals: what oxg approve signs is what openssl verifies, and oxg gate and oxg check
# count those of trusted people over this very gate report, in date, and no others.
# shellcheck source=/dev/null disable=SC2016
. "${0%/*}/lib.sh"

trust_root
plugin asker "$BUILD/plugins/asker" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_WORKSPACE_WRITE"]'
mkdir "$WORK/tree"
become "$WHO"
APPROVERS=$TRUST/keys/approvers
mkdir "$APPROVERS"
for who in alice bob carol mallory; do keys "$who"; done
for who in alice bob carol; do cp "$WORK/$who.pub" "$APPROVERS/"; done
SAID=$WORK/said

# ---- helpers ----------------------------------------------------------------------------

# oxg COMMAND...: STATUS, $SAID, $WORK/stdout.
oxg() {
	timeout -k 1 20 "$OXG" "$@" >"$WORK/stdout" 2>"$SAID"
	STATUS=$?
}

# says WHAT STATUS PATTERN
says() {
	is "$1: status $2" "$STATUS" "$2"
	tells "$1: it says so" "$SAID" "^oxg: .*($3)"
}

sums() {
	(cd "$1" && rm -f SHA256SUMS && find . -type f ! -name 'attest*' ! -name gate.intoto.json -printf '%P\n' | LC_ALL=C sort | xargs sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$1/SHA256SUMS"
}

# waiting NAME [OPTION...]: the folder of a run that staged a change to a protected path.
waiting() {
	name=$1
	shift
	run "$@" --grant CAP_WORKSPACE_WRITE --project "$WORK/tree" "$PLUGIN" -- \
		'+{"jsonrpc":"2.0","id":1,"method":"fs.write","params":{"token":"$T","path":"keys/new.pub","text":"key"}}' '=1' \
		'+{"jsonrpc":"2.0","id":2,"method":"finding.emit","params":{"token":"$T","finding":{"type":"t","message":"m","severity":"low"}}}' '=1'
	cp -R "$RUN" "$WORK/$name"
	RUN=$WORK/$name
	chmod -R u+w "$RUN"
	APPROVED=$RUN.approvals
}

id() {
	openssl pkey -pubin -in "$WORK/$1.pub" -outform DER | sha256sum | cut -d' ' -f1
}

# approve NAME [OPTION...]
approve() {
	key=$1
	shift
	oxg approve --key "$WORK/$key.key" --reason "it's <fine>" "$@" "$RUN"
}

by_openssl() {
	jq -r .payload "$1" | base64 -d >"$WORK/body"
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$WORK/body")" && cat "$WORK/body"; } >"$WORK/pae"
	jq -r '.signatures[0].sig' "$1" | base64 -d >"$WORK/sig.der"
	openssl dgst -sha256 -verify "$2" -signature "$WORK/sig.der" "$WORK/pae"
}

# forge KEY FILE JQ: a statement changed, and signed anew.
forge() {
	jq -r .payload "$2" | base64 -d | jq -c "$3" | tr -d '\n' |
		sed 's/</\\u003c/g; s/>/\\u003e/g' >"$WORK/body"
	{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(stat -c %s "$WORK/body")" && cat "$WORK/body"; } >"$WORK/pae"
	printf '{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"%s"}]}\n' \
		"$(base64 -w0 <"$WORK/body")" "$(openssl dgst -sha256 -sign "$WORK/$1.key" "$WORK/pae" | base64 -w0)"
}

# only FILE: the one approval there is.
only() {
	chmod -R u+w "$APPROVED"
	rm -rf "$APPROVED"
	mkdir "$APPROVED"
	cp "$1" "$APPROVED/x.json"
	oxg gate --trust "$TRUST" "$RUN"
}

# ---- one that counts -----------------------------------------------------------------------

waiting wait
oxg check "$RUN"
says "F172: a run that waits for an approval" 0 'gate REQUIRE_APPROVAL'
oxg gate "$RUN"
says "F172: its gate" 6 'gate REQUIRE_APPROVAL'
oxg gate --trust "$TRUST" "$RUN"
says "F172: with nobody's approval" 6 'gate REQUIRE_APPROVAL'
cp -R "$RUN" "$WORK/before"
approve alice --expires 24h
ALICE=$APPROVED/$(id alice | cut -c1-16).json
is "F172: approved: the file's name, beside the folder" "$STATUS $(cat "$WORK/stdout")" "0 $ALICE"
check "F172: openssl verifies it" by_openssl "$ALICE" "$WORK/alice.pub"
check "F172: and not by another key" not by_openssl "$ALICE" "$WORK/bob.pub"
by_openssl "$ALICE" "$WORK/alice.pub" >/dev/null
is "F172: what it says" "$(jq -cS 'del(.predicate.time, .predicate.expires)' "$WORK/body")" \
	"$(jq -ncS --arg g "$(sha256sum "$RUN/gate_report.json" | cut -d' ' -f1)" --arg r "$(jq -r .run_id "$RUN/run.json")" \
		--arg a "$(id alice)" '{_type: "https://in-toto.io/Statement/v1", predicateType: "urn:oxg:approval:v1",
		subject: [{name: "gate_report.json", digest: {sha256: $g}}], predicate: {run_id: $r, gate_report_sha256: $g,
		decision: "approved", reason: "it'"'"'s <fine>", approver: $a}}')"
is "F172: a day long" "$(jq '.predicate | (.expires | fromdate) - (.time | fromdate)' "$WORK/body")" 86400
oxg gate --trust "$TRUST" "$RUN"
says "F172: then it passes" 0 'gate PASS \(approved by alice.pub\)'
oxg gate --json --trust "$TRUST" "$RUN"
json "F172: and --json says so, with the report as it is" "$WORK/stdout" '.decision == "PASS" and
	.result == "PASS (approved by alice.pub)" and .approved_by[0].file == "keys/approvers/alice.pub" and
	.report.decision == "REQUIRE_APPROVAL" and .refused_approvals == []'
oxg check --trust "$TRUST" "$RUN"
says "F172: check says it too" 0 'gate PASS \(approved by alice.pub\)'
oxg check --json --trust "$TRUST" "$RUN"
json "F172: check --json" "$WORK/stdout" '.decision == "PASS" and .result == "PASS (approved by alice.pub)"'
oxg gate "$RUN"
is "F172: who names no approvers has none" "$STATUS" 6
check "F172: the folder was not changed" diff -r "$WORK/before" "$RUN"
approve alice
says "F172: an approval is never written over" 5 'is there already'
ln -s wait "$WORK/latest"
oxg gate --trust "$TRUST" "$WORK/latest"
says "F172: through a link to the folder" 0 'approved by alice'
cp "$ALICE" "$WORK/alice.json"

# ---- those that do not -----------------------------------------------------------------------

cat >"$WORK/flips.py" <<'END'
import subprocess, sys
oxg, trust, run, path = sys.argv[1:]
good = open(path, 'rb').read()
for n, i in enumerate(sorted(set(list(range(0, len(good), len(good) // 14)) + [len(good) - k for k in (1, 2, 7, 40, 90)]))):
    bad = bytearray(good)
    bad[i] ^= 1 << n % 8
    open(path, 'wb').write(bad)
    r = subprocess.run([oxg, 'gate', '--trust', trust, run], capture_output=True)
    if r.returncode != 6 or b'the approval ' not in r.stderr:
        print(i, r.returncode, r.stderr)
open(path, 'wb').write(good)
END
is "F172: one bit of it, at twenty places" "$(python3 "$WORK/flips.py" "$OXG" "$TRUST" "$RUN" "$ALICE")" ""

approve mallory --out "$WORK/mallory.json"
only "$WORK/mallory.json"
says "F172: by a key nobody trusts" 6 'x.json is by the key .* not in keys/approvers'
forge mallory "$WORK/alice.json" . >"$WORK/forged.json"
only "$WORK/forged.json"
says "F172: somebody else's signature under alice's name" 6 'not signed by the key that it names'
forge alice "$WORK/alice.json" '.predicate.decision = "rejected"' >"$WORK/forged.json"
only "$WORK/forged.json"
says "F172: another decision" 6 'is no approval'
forge alice "$WORK/alice.json" '.predicate.extra = 1' >"$WORK/forged.json"
only "$WORK/forged.json"
says "F172: a member more" 6 'is no approval'
forge alice "$WORK/alice.json" '.predicate.run_id = "01JAAAAAAAAAAAAAAAAAAAAAAA"' >"$WORK/forged.json"
only "$WORK/forged.json"
says "F172: for another run" 6 'is for another run'
forge alice "$WORK/alice.json" '.predicate.gate_report_sha256 = "0" * 64 | .subject[0].digest.sha256 = "0" * 64' >"$WORK/forged.json"
only "$WORK/forged.json"
says "F172: for another gate report" 6 'is for another gate report'
only "$WORK/alice.json"
is "F172: (and the one that counts still does)" "$STATUS" 0
jq '.gate.fail_on = "crit"' "$RUN/inputs/policy.json" >"$WORK/policy.json"
oxg gate --policy "$WORK/policy.json" --trust "$TRUST" "$RUN"
says "F172: by another policy it is another report" 6 'is for another gate report'
at=$(date +%s)
oxg gate --trust "$TRUST" --verify-time "$(date -u -d "@$((at + 86500))" +%FT%TZ)" "$RUN"
says "F172: a day later" 6 'has expired'
oxg gate --trust "$TRUST" --verify-time "$(date -u -d "@$((at - 86500))" +%FT%TZ)" "$RUN"
says "F172: a day before" 6 'was not given yet'
approve bob --out "$WORK/bob.json"
only "$WORK/bob.json"
is "F172: one without an end" "$STATUS" 0
oxg gate --trust "$TRUST" --verify-time "$(date -u -d "@$((at + 8 * 86400))" +%FT%TZ)" "$RUN"
says "F172: lasts a week" 6 "older than the policy's approvals.max_age"
id bob >"$TRUST/keys/revoked"
only "$WORK/bob.json"
says "F172: by a key that is revoked" 6 'is revoked'
rm "$TRUST/keys/revoked"
cp "$WORK/test.pub" "$APPROVERS/test.pub"
approve test --out "$WORK/signer.json"
only "$WORK/signer.json"
says "F172: by who signed the plugin" 6 "the run's own signer"
rm "$APPROVERS/test.pub"
for kind in link fifo directory long; do
	rm -rf "$APPROVED/x.json"
	case $kind in
	link) ln -s "$WORK/alice.json" "$APPROVED/x.json" ;;
	fifo) mkfifo "$APPROVED/x.json" ;;
	directory) mkdir "$APPROVED/x.json" ;;
	long) head -c 100000 /dev/zero >"$APPROVED/x.json" ;;
	esac
	oxg gate --trust "$TRUST" "$RUN"
	says "F172: a $kind where it should be" 6 'x.json cannot be read'
done
rm -rf "$APPROVED"
oxg gate --trust "$TRUST" --approval "$WORK/alice.json" "$RUN"
says "F172: one from elsewhere" 0 'approved by alice.pub'
oxg gate --trust "$TRUST" --approval "$WORK/none.json" "$RUN"
says "F172: one that is not there" 6 'none.json cannot be read'
chmod g+w "$APPROVERS"
oxg gate --trust "$TRUST" --approval "$WORK/alice.json" "$RUN"
says "F172: approvers that others may change" 3 'keys/approvers: others than its owner'
chmod g-w "$APPROVERS"

# ---- the folder's own signer -------------------------------------------------------------------

# The statements of a signed run, changed to tell of this folder, signed anew.
waiting signed --sign-key "$WORK/carol.key"
lists=$(cat "$RUN/SHA256SUMS"; cd "$RUN" && sha256sum SHA256SUMS)
sub=$(echo "$lists" | jq -Rnc '[inputs | {name: .[66:], digest: {sha256: .[:64]}}]')
forge carol "$RUN/attestation.json" ".subject = $sub" >"$WORK/st" && cp "$WORK/st" "$RUN/attestation.json"
forge carol "$RUN/gate.intoto.json" ".subject = $sub | .predicate.verificationResult = \"FAILED\" | .predicate.verifiedLevels = [\"FAILED\"]
	| .predicate.inputAttestations[0].digest.sha256 = \"$(sha256sum "$RUN/attestation.json" | cut -d' ' -f1)\"" >"$WORK/st"
cp "$WORK/st" "$RUN/gate.intoto.json"
oxg check --key "$WORK/carol.pub" "$RUN"
says "F172: a signed run that waits" 0 'gate REQUIRE_APPROVAL'
approve carol
oxg gate --trust "$TRUST" "$RUN"
says "F172: by who signed the folder" 6 "the run's own signer"
approve alice
oxg gate --trust "$TRUST" "$RUN"
says "F172: by somebody else" 0 'approved by alice.pub'

# ---- what a policy wants -------------------------------------------------------------------------

echo '{"schema_version": 1, "approvals": {"required": 2, "max_age": "2h", "allow_signer": true}}' >"$WORK/policy.json"
waiting two --policy "$WORK/policy.json"
approve alice
oxg gate --trust "$TRUST" "$RUN"
says "F173: one of two" 6 'REQUIRE_APPROVAL'
cp "$APPROVED"/*.json "$APPROVED/again.json"
approve alice --expires 1h --out "$APPROVED/third.json"
cp "$WORK/alice.pub" "$APPROVERS/alias.pub"
oxg gate --trust "$TRUST" "$RUN"
is "F173: alice three times is one" "$STATUS" 6
rm "$APPROVERS/alias.pub"
approve bob
oxg gate --trust "$TRUST" "$RUN"
says "F173: alice and bob are two" 0 'approved by (alice.pub, bob.pub|bob.pub, alice.pub)'
oxg check --trust "$TRUST" --verify-time "$(date -u -d "@$(($(date +%s) + 7300))" +%FT%TZ)" "$RUN"
says "F173: not two hours later" 0 'gate REQUIRE_APPROVAL'
cp "$WORK/test.pub" "$APPROVERS/test.pub"
rm -rf "$APPROVED"
approve alice
approve test
oxg gate --trust "$TRUST" "$RUN"
says "F173: the signer, where the policy lets him" 0 'test.pub'
rm "$APPROVERS/test.pub"
echo '{"schema_version": 1, "approvals": {"roles": {"release": {"keys": ["alice.pub"], "rules": ["protected_paths"]},
	"ops": {"keys": ["bob.pub", "alice.pub"], "rules": ["denied_operations"]}}}}' >"$WORK/policy.json"
waiting roles --policy "$WORK/policy.json"
approve bob
approve carol
oxg gate --trust "$TRUST" "$RUN"
says "F173: nobody whose role it is" 6 'has no role for what has to be approved'
is "F173: and that is said of both" "$(grep -c 'has no role' "$SAID")" 2
approve alice
oxg gate --trust "$TRUST" "$RUN"
says "F173: alice's role it is" 0 'PASS \(approved by alice.pub\)'

# ---- what cannot be approved ----------------------------------------------------------------------

run "$PLUGIN"
approve alice
says "F172: what passes needs none" 2 'nothing to approve'
waiting block --fail-on low
approve alice
says "F172: what is blocked can have none" 2 'BLOCK, which no approval lifts'
mkdir "$APPROVED"
forge alice "$WORK/alice.json" ".predicate.run_id = \"$(jq -r .run_id "$RUN/run.json")\" | .predicate.gate_report_sha256 = \"$(
	sha256sum "$RUN/gate_report.json" | cut -d' ' -f1)\" | .subject[0].digest.sha256 = .predicate.gate_report_sha256" >"$APPROVED/x.json"
oxg gate --trust "$TRUST" "$RUN"
says "F183: and one made by hand lifts nothing" 1 'gate BLOCK'
RUN=$WORK/wait
echo >>"$RUN/logs/stderr.log"
approve alice
says "F172: what does not verify is not approved" 5 'logs/stderr.log'
check "F172: and nothing was written" test ! -e "$RUN.approvals"

# ---- words ---------------------------------------------------------------------------------------------

RUN=$WORK/two
oxg approve --key "$WORK/alice.key" "$RUN"
says "F095: no reason" 2 'needs --key FILE and --reason'
approve alice --expires yesterday
says "F095: no time" 2 'expires yesterday'
approve alice --expires 2001-01-01T00:00:00Z
says "F095: a time that is past" 2 'expires 2001'
chmod 600 "$WORK/alice.pub"
oxg approve --key "$WORK/alice.pub" --reason x "$RUN"
says "F095: a public key" 3 'alice.pub: is a public key'
oxg gate --approval "$WORK/alice.json" "$RUN"
says "F095: an approval and nobody to trust" 2 'want --trust'
finish
