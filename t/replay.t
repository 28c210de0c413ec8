#!/bin/sh
# oxg replay: the same bundle again, by the words of a stored run. What must come out
# is said by cmp, jq, sha256sum and openssl.
# shellcheck source=/dev/null disable=SC2016,SC2153,SC2154
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
ID=01ARZ3NDEKTSV4RRFFQ69G5FAV
become "$WHO"

# replay RUN OPTION...: NEW is the folder, STATUS, $OUT/said for people.
replay() {
	RUNS=$((RUNS + 1))
	NEW=$OUT/new-$RUNS
	ERR=$OUT/stderr-$RUNS
	old=$1
	shift
	as timeout -k 5 90 "$OXG" replay --trust "$TRUST" --out "$NEW" "$@" "$old" >"$OUT/said" 2>"$ERR" </dev/null
	STATUS=$?
}

# refused WHAT STATUS PATTERN: and nothing ran.
refused() {
	is "F158: $1: status $2" "$STATUS $(ls -d "$NEW" "$NEW.replay.json" 2>/dev/null)" "$2 "
	tells "F158: $1: the sentence" "$ERR" "$3"
}

# copy: of the last run, to be changed. seal: with sums that fit again.
copy() {
	rm -rf "$OUT/copy"
	as cp -r "$RUN" "$OUT/copy"
	as chmod -R u+w "$OUT/copy"
}

seal() {
	as sh -c 'cd "$0" && find . -type f ! -name SHA256SUMS -printf "%P\n" | sort |
		xargs sha256sum >../sums && mv ../sums SHA256SUMS' "$OUT/copy"
}

# edit FILE JQ: of the copy.
edit() {
	jq -c "$2" "$OUT/copy/$1" >"$WORK/edited"
	as cp "$WORK/edited" "$OUT/copy/$1"
	seal
}

record() {
	jq -S 'del(.run_id, .task_id, .started, .finished, .policy.source, .journal, .ending.detail)' "$1/run.json"
}

# ---- a deterministic plugin ----------------------------------------------------------------

plugin secretscan "$BUILD/examples/secretscan"
cp "$here/examples/secretscan/manifest.json" "$PLUGIN/manifest.json"
allow secretscan
mkdir -p "$WORK/tree/sub"
(cd "$WORK" && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out tree/sub/secret.pem 2>/dev/null)
echo 'nothing' >"$WORK/tree/file"
chmod -R a+rX "$WORK/tree"
for who in $IDENTITIES; do
	become "$who"
	run --input "$WORK/tree" "$PLUGIN"
	A=$RUN
	replay "$A"
	is "F158: ($WHO) secretscan is reproducible" "$STATUS $(tail -n 1 "$OUT/said")" "0 reproducible"
	is "F158: ($WHO) and found the same" "$(jq -S '[.type, .target, .message, .severity, .evidence]' "$NEW/findings.jsonl" | sha256sum)" \
		"$(jq -S '[.type, .target, .message, .severity, .evidence]' "$A/findings.jsonl" | sha256sum)"
	check "F158: ($WHO) it found something" test -s "$A/findings.jsonl"
	check "F158: ($WHO) the new folder is a run's" "$OXG" check "$NEW"
done
become "${IDENTITIES%% *}"
json "F158: replay.json names both runs and their sums" "$NEW.replay.json" \
	".result == \"reproducible\" and .differences == [] and (.findings | .same > 0 and .list == []) and
	[.left.run_id, .left.sha256sums, .right.run_id, .right.sha256sums] == [
		\"$(jq -r .run_id "$A/run.json")\", \"$(sha256sum <"$A/SHA256SUMS" | cut -c1-64)\",
		\"$(jq -r .run_id "$NEW/run.json")\", \"$(sha256sum <"$NEW/SHA256SUMS" | cut -c1-64)\"]"
check "F158: with an id of its own" test "$(jq -r .run_id "$A/run.json")" != "$(jq -r .run_id "$NEW/run.json")"

# The link that the new run moves to its own folder.
as mkdir "$OUT/here"
(cd "$OUT/here" && as "$OXG" run --trust "$TRUST" --quiet --input "$WORK/tree" "$PLUGIN" &&
	led=$(readlink -f out/latest) && as "$OXG" replay --trust "$TRUST" out/latest/ &&
	! test "$led" -ef out/latest && jq -r .left.folder out/*.replay.json && echo "$led") >"$OUT/said" 2>"$OUT/err"
is "F158: out/latest, which leads to the replay afterwards" "$(sed -n '/reproducible/p' "$OUT/said")" reproducible
is "F158: and is called what it was" "$(tail -n 2 "$OUT/said" | uniq -d | wc -l)" 1

echo 'more' >>"$WORK/tree/file"
replay "$A"
refused "a changed input" 3 "listing of $WORK/tree has the SHA-256 .* records $(jq -r .input.sha256 "$A/run.json")"
mkdir "$WORK/elsewhere"
cp -r "$WORK/tree/." "$WORK/elsewhere"
echo 'nothing' >"$WORK/elsewhere/file"
replay "$A" --input "$WORK/elsewhere"
is "F158: the same input elsewhere will do" "$STATUS" 0
run --input-bind "$WORK/tree" "$DEED" -- true
replay "$RUN"
refused "a live input" 3 "cannot be replayed: .*--input-bind"

# Every word of the run that says how.
echo '{"task_id":"a-task","do":[1,2]}' >"$WORK/task.json"
plugin asking "$HOSTILE" '.capabilities += ["CAP_REPORT"]'
run --task "$WORK/task.json" --memory 100M --timeout 20s --cpu-limit 7 --pids 9 --workspace 5M \
	--fail-on med --grant CAP_REPORT --audit "$PLUGIN" -- emit 3 high
A=$RUN
echo '{"schema_version":1,"grant":[],"gate":{"fail_on":"info"}}' >"$TRUST/policy.json"
replay "$A"
is "F168: a run that was blocked is blocked again" "$STATUS $(jq -r .decision "$NEW/gate_report.json")" "0 BLOCK"
is "F158: by its own policy, whatever the trust root says now" "$(record "$NEW")" "$(record "$A")"
check "F158: and by its own task" cmp "$A/inputs/task.json" "$NEW/inputs/task.json"
check "F158: with its trace" test -s "$NEW/audit.jsonl"
rm "$TRUST/policy.json"

run "$DEED" -- segv
replay "$RUN"
is "F158: a crash can be reproduced" "$STATUS $(jq -r .ending.reason "$NEW/run.json")" "0 crashed"
run --timeout 300ms "$DEED" -- sleep 20000
replay "$RUN"
is "F158: so can a timeout" "$STATUS $(jq -r .ending.reason "$NEW/run.json")" "0 timeout"

# ---- to the byte --------------------------------------------------------------------------------

SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
run --run-id $ID "$DEED" -- emit 5 low
A=$RUN
unset SOURCE_DATE_EPOCH
replay "$A"
is "F158: with a clock that stands still it is reproducible" "$STATUS" 0
is "F158: to the byte, but for what is measured" \
	"$(diff -rq "$A" "$NEW" | sed 's,.*/\([^/]*\) differ$,\1,' | sort | tr '\n' ' ')" "SHA256SUMS usage.json "
json "F158: and replay.json says that this was asked" "$NEW.replay.json" '.exact'
as "$OXG" replay --trust "$TRUST" "$A" 2>"$ERR"
is "F158: its replay has its id, so --out must be said" "$? $(grep -c -e '--out DIR' "$ERR")" "2 1"
mkdir -p "$TRUST/plugins/moved"
cp -p "$DEED"/* "$TRUST/plugins/moved"
(cd "$TRUST" && sha256sum plugins/moved/manifest.json plugins/moved/hostile >>ALLOWLIST)
replay "$A" --plugin "$TRUST/plugins/moved"
is "F158: what is not the same to the byte is named" \
	"$STATUS $(jq -r '.differences[] | select(.kind == "result") | .name' "$NEW.replay.json")" \
	"1 $(diff -rq "$A" "$NEW" | sed -n 's,.*/\([^/]*\) differ$,\1,p' | grep -vx -e SHA256SUMS -e usage.json)"
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
run "$DEED" -- true
is "F158: (a run with a clock that stands still)" "$(jq -r .clock "$RUN/run.json")" frozen
unset SOURCE_DATE_EPOCH
run "$DEED" -- true
A=$RUN
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
replay "$A"
unset SOURCE_DATE_EPOCH
is "F158: where the clock went it goes again" "$STATUS $(jq -r .clock "$NEW/run.json")" "0 wall"

# ---- one that is not ---------------------------------------------------------------------------------

cat >"$WORK/random" <<'SH'
#!/bin/sh
number=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
echo "{\"type\":\"t\",\"message\":\"$number\",\"severity\":\"low\"}"
echo "{\"type\":\"u\",\"target\":\"$number\",\"message\":\"m\u001b[2J\",\"severity\":\"high\"}"
SH
plugin random "$WORK/random" '.findings = "stdout" | .runtime = "system"'
run --runtime system "$PLUGIN"
A=$RUN
replay "$A"
is "F158: a plugin that draws is not reproducible" "$STATUS $(tail -n 1 "$OUT/said")" "1 not reproducible"
json "F158: what differs is listed" "$NEW.replay.json" ".result == \"different\" and
	(.findings | del(.list)) == {same: 0, added: 1, gone: 1, changed: 1} and
	.differences == [{kind: \"result\", name: \"logs/stdout.log\",
		left: \"$(sha256sum <"$A/logs/stdout.log" | cut -c1-64)\", right: \"$(sha256sum <"$NEW/logs/stdout.log" | cut -c1-64)\"}]"
is "F158: nothing of it steers a terminal" "$(tr -d '\n -~' <"$OUT/said" | wc -c)" 0
check "F158: the folder is kept, sealed" "$OXG" check "$NEW"
is "F158: programs are told on stdout" "$(as "$OXG" replay --json --trust "$TRUST" --out "$OUT/json" "$A" 2>"$ERR" | sha256sum)" \
	"$(sha256sum <"$OUT/json.replay.json")"

# ---- another bundle, another world -----------------------------------------------------------------------

run "$PRINTER" -- print '{"type":"t","message":"m","severity":"low"}'
A=$RUN
cp "$PRINTER/printer" "$WORK/printer.was"
cp "$PRINTER/manifest.json" "$WORK/manifest.was"
printf x >>"$PRINTER/printer"
sign "$PRINTER/printer"
allow printer
replay "$A"
refused "another artifact, signed and allowed" 3 "the artifact of .* has the SHA-256 $(sha256sum <"$PRINTER/printer" | cut -c1-64) .*records $(sha256sum <"$WORK/printer.was" | cut -c1-64)"
cp "$WORK/printer.was" "$PRINTER/printer"
sign "$PRINTER/printer"
jq '.version = "2"' "$WORK/manifest.was" >"$PRINTER/manifest.json"
allow printer
replay "$A"
refused "another manifest" 3 "the manifest of .* has the SHA-256 $(sha256sum <"$PRINTER/manifest.json" | cut -c1-64)"
cp "$WORK/manifest.was" "$PRINTER/manifest.json"
replay "$A" # not on the ALLOWLIST any more
is "F158: it must still pass the operator's trust root" "$STATUS $(jq -r .refusal.code "$NEW/run.json")" "3 hash"
allow printer
replay "$A" --plugin "$WORK/nowhere"
refused "no plugin there" 3 'no such plugin'
replay "$A" --plugin "$DEED"
refused "another plugin" 3 'the manifest of'
replay "$A"
is "F158: the same again will do" "$STATUS" 0

copy
echo >>"$OUT/copy/findings.jsonl"
replay "$OUT/copy"
refused "a folder that does not verify" 5 'findings.jsonl does not have the digest'
run "$WORK/nowhere"
replay "$RUN"
refused "a run that was refused" 3 'nothing was executed'
run --allow-unsigned "$HOSTILE" -- true
replay "$RUN"
refused "an unsigned plugin" 3 'say --allow-unsigned yourself'
replay "$RUN" --allow-unsigned
is "F158: unless the operator says so" "$STATUS" 0

# A folder that somebody made up, or that a later oxg made.
run "$DEED" -- emit 1 low
copy
edit inputs/policy.json '.verify.signature = "optional"'
replay "$OUT/copy"
refused "a policy that verifies less" 3 'say --allow-unsigned yourself'
copy
edit inputs/policy.json '.proxy.enable = true | .proxy.rules_path = "/r" | .proxy.history_path = "/h"'
replay "$OUT/copy"
refused "a policy that opens the network" 3 'opens the network'
copy
edit inputs/policy.json '.secrets = ["S"]'
replay "$OUT/copy"
refused "a policy that hands out secrets" 3 'hands out secrets'
for method in http.request secret.get flow.next no.such; do
	copy
	edit journal/events.jsonl "if .type == \"token.use\" then .method = \"$method\" else . end"
	replay "$OUT/copy"
	refused "$method was called" 3 'asked the broker for what was not recorded'
done
copy
edit run.json '.isolation.runtime = "/"'
replay "$OUT/copy"
refused "a directory of the host for a runtime" 3 'the operator must name'
copy
edit run.json '.isolation.tier = "none"'
replay "$OUT/copy"
refused "no tier" 3 'its jail is none'
copy
edit run.json '.args = ["a\u0000b"]'
replay "$OUT/copy"
refused "an argument with a NUL" 3 'arguments cannot be given'
copy
edit run.json '.limits = {}'
replay "$OUT/copy"
refused "no limits" 3 'no limits'
copy
edit inputs/policy.json '.gate.fail_on = "low"'
replay "$OUT/copy"
is "F158: another policy is run by, and seen" \
	"$STATUS $(jq -c '[.differences[].name]' "$NEW.replay.json")" '1 ["policy.sha256","gate_report.json decision"]'

# ---- signed ------------------------------------------------------------------------------------------------

replay "$RUN" --sign-key "$WORK/nowhere.key"
is "F158: a key that is not there: nothing runs" "$([ "$STATUS" -ne 0 ] && ls -d "$NEW" 2>/dev/null)" ""
[ "$WHO" = root ] || chmod a+r "$WORK/test.key"
replay "$RUN" --sign-key "$WORK/test.key"
is "F158: a replay can be signed" "$STATUS" 0
jq -r .payload "$NEW.replay.intoto.json" | base64 -d >"$WORK/payload"
jq -r '.signatures[0].sig' "$NEW.replay.intoto.json" | base64 -d >"$WORK/sig"
{
	printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(wc -c <"$WORK/payload")"
	cat "$WORK/payload"
} >"$WORK/pae"
check "F158: as openssl verifies" openssl dgst -sha256 -verify "$WORK/test.pub" -signature "$WORK/sig" "$WORK/pae"
json "F158: a statement of both runs, and of what came of it" "$WORK/payload" \
	"._type == \"https://in-toto.io/Statement/v1\" and .predicate.result == \"reproducible\" and
	(.subject | map([.name, .digest.sha256])) == [
		[\"original/SHA256SUMS\", \"$(sha256sum <"$RUN/SHA256SUMS" | cut -c1-64)\"],
		[\"replay/SHA256SUMS\", \"$(sha256sum <"$NEW/SHA256SUMS" | cut -c1-64)\"]]"
is "F158: the predicate is replay.json" "$(jq -S .predicate "$WORK/payload")" "$(jq -S . "$NEW.replay.json")"
if python3 -c 'import jsonschema' 2>/dev/null; then
	"$OXG" schema replay >"$WORK/schema.json"
	check "F158: replay.json is what its schema says" python3 -c 'import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
[jsonschema.Draft7Validator(schema).validate(json.load(open(f))) for f in sys.argv[2:]]' "$WORK/schema.json" "$OUT"/*.replay.json
else
	skip "no python3-jsonschema here"
fi

# ---- ended ---------------------------------------------------------------------------------------------------

for signal in TERM KILL; do
	mark=mark-$$-$signal
	run --timeout 300ms "$DEED" -- sleep 60000 "$mark"
	copy
	edit run.json '.limits.wall_ns = 60000000000'
	"$OXG" replay --trust "$TRUST" --out "$OUT/$signal" "$OUT/copy" >/dev/null 2>&1 &
	check "F158: (a replay goes on)" wait_for not no_marked "$mark"
	kill -$signal $!
	wait $! 2>/dev/null
	check "F158: ended by SIG$signal, it leaves no process" wait_for no_marked "$mark"
	check "F158: and what ran is recorded as ended" wait_for test -e "$OUT/$signal"
	is "F158: by the operator" "$(jq -r .ending.reason "$OUT/$signal/run.json")" killed
done

finish
