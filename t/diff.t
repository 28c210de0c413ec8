#!/bin/sh
# oxg diff: two run folders, side by side. What must be found is computed here, by jq,
# python3 and sha256sum, from the files themselves.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
become "$WHO"

# diff_of LEFT RIGHT: STATUS, $OUT/said for people, $OUT/diff.json for programs.
diff_of() {
	ERR=$OUT/diff-stderr
	"$OXG" diff "$1" "$2" >"$OUT/said" 2>"$ERR"
	STATUS=$?
	"$OXG" diff --json "$1" "$2" >"$OUT/diff.json" 2>"$ERR"
	JSON_STATUS=$?
}

finding() {
	jq -nc "{type: \"t\", message: \"m\", severity: \"low\"} + $1"
}

# copy NAME: the last run's folder, to be changed. seal: with sums that fit again.
copy() {
	rm -rf "${WORK:?}/$1"
	cp -r "$RUN" "$WORK/$1"
	chmod -R u+w "$WORK/$1"
}

seal() {
	(cd "$WORK/$1" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort |
		xargs sha256sum >"$WORK/sums" && mv "$WORK/sums" SHA256SUMS)
}

# ---- the same ------------------------------------------------------------------------

run "$PRINTER" -- print "$(finding '{}')" "$(finding '{message: "n"}')"
A=$RUN
run "$PRINTER" -- print "$(finding '{}')" "$(finding '{message: "n"}')"
diff_of "$A" "$RUN"
is "F157: two runs of one plugin are the same" "$STATUS $JSON_STATUS" "0 0"
json "F157: and counted as such" "$OUT/diff.json" '.result == "same" and
	.findings == {same: 2, added: 0, gone: 0, changed: 0, list: []} and .differences == []'
json "F157: both are named, with the digests of their sums" "$OUT/diff.json" \
	"[.left.run_id, .left.sha256sums, .right.run_id, .right.sha256sums] == [
		\"$(jq -r .run_id "$A/run.json")\", \"$(sha256sum <"$A/SHA256SUMS" | cut -c1-64)\",
		\"$(jq -r .run_id "$RUN/run.json")\", \"$(sha256sum <"$RUN/SHA256SUMS" | cut -c1-64)\"]"
diff_of "$A" "$A"
is "F157: a folder is the same as itself" "$STATUS $JSON_STATUS" "0 0"

# ---- findings ---------------------------------------------------------------------------

# Twice the first: once gone. Each other one changes in one member.
run "$PRINTER" -- print "$(finding '{}')" "$(finding '{}')" "$(finding '{message: "severity", severity: "med"}')" \
	"$(finding '{type: "u", target: "here", message: "before"}')" "$(finding '{message: "e", evidence: "1"}')" \
	"$(finding '{message: "meta", meta: {a: "1"}}')"
A=$RUN
run "$PRINTER" -- print "$(finding '{message: "meta", meta: {a: "2"}}')" "$(finding '{message: "e", evidence: "2"}')" \
	"$(finding '{type: "u", target: "here", message: "after"}')" "$(finding '{message: "severity", severity: "crit"}')" \
	"$(finding '{}')" "$(finding '{type: "new", message: "é", severity: "high"}')"
diff_of "$A" "$RUN"
is "F157: other findings, another status" "$STATUS $JSON_STATUS" "1 1"
json "F157: added, gone, changed, the worst first" "$OUT/diff.json" '.result == "different" and
	(.findings | del(.list)) == {same: 1, added: 1, gone: 1, changed: 4} and
	([.findings.list[] | [.change, .severity, .message, .was.message, (.members // [] | join(" "))]] ==
	[["changed", "crit", "severity", "severity", "severity"], ["added", "high", "é", null, ""],
	["changed", "low", "e", "e", "evidence"], ["gone", "low", "m", null, ""],
	["changed", "low", "meta", "meta", "meta"], ["changed", "low", "after", "before", "message"]])'
# A netstring of each text: length in bytes, colon, text, comma.
jq -j 'select(.type == "new") | [.plugin, .type, .target // "", .message] | map("\(utf8bytelength):\(.),") | add' \
	"$RUN/findings.jsonl" >"$WORK/netstrings"
json "F157: a fingerprint is the digest of plugin, type, target, message" "$OUT/diff.json" \
	"(.findings.list[] | select(.change == \"added\") | .fingerprint) == \"$(sha256sum <"$WORK/netstrings" | cut -c1-64)\""
json "F157: log and counts differ too" "$OUT/diff.json" \
	"(.differences | map(select(.name == \"logs/stdout.log\"))) == [{kind: \"result\", name: \"logs/stdout.log\",
		left: \"$(sha256sum <"$A/logs/stdout.log" | cut -c1-64)\", right: \"$(sha256sum <"$RUN/logs/stdout.log" | cut -c1-64)\"}] and
	(.differences | map(select(.name == \"findings.by_severity.crit\") | [.left, .right])) == [[0, 1]]"
like "F157: people are told" "$(cat "$OUT/said")" '^findings: 1 the same, 1 added, 1 gone, 4 changed$'
like "F157: of a changed severity" "$(cat "$OUT/said")" '^  changed med -> crit  t  severity$'
diff_of "$RUN" "$A"
json "F157: the other way round" "$OUT/diff.json" '(.findings | del(.list)) == {same: 1, added: 1, gone: 1, changed: 4} and
	([.findings.list[] | select(.change == "gone") | .message] == ["é"])'

# ---- what a plugin can say ------------------------------------------------------------------

run "$PRINTER" -- print "$(finding '{message: "\u001b[2J\u202eevil\n  added   crit\u009b", target: "<b>\u0007"}')"
copy hostile
jq -c '.id = "x\u001b[2J" | .message += "\u0000\u061c" | .zz = "1"' "$RUN/findings.jsonl" >"$WORK/hostile/findings.jsonl"
printf '\033[2J\n' >"$WORK/hostile/logs/$(printf 'a\033[2Jb')"
jq '.["\u001b[2J"] = "\u202e" | .args = ["\u001b[2J\u202e"]' "$RUN/run.json" >"$WORK/hostile/run.json"
seal hostile
diff_of "$A" "$WORK/hostile"
is "F157: hostile texts are compared like others" "$STATUS $JSON_STATUS" "1 1"
is "F157: none of their bytes steers a terminal" \
	"$(LC_ALL=C tr -d '\n -~' <"$OUT/said" | od -An -c)" ""
like "F157: nor makes a line of its own" "$(grep -c '^  added' "$OUT/said")" '^1$'
like "F157: but is shown" "$(cat "$OUT/said")" '\\u\{1b\}\[2J\\u\{202e\}evil\\u\{a\}'
json "F157: programs are given them as they are" "$OUT/diff.json" \
	'[.findings.list[] | select(.change == "added") | .target] == ["<b>\u0007"]'

# ---- everything else -----------------------------------------------------------------------------

run "$PRINTER" -- print "$(finding '{}')"
A=$RUN
# differs NAME LEFT RIGHT: and nothing that is not named in BESIDE.
differs() {
	json "F157: $1 is named" "$OUT/diff.json" \
		"(.differences | map(select(.name == \"$1\")) | map([.left, .right])) == [[$2, $3]]"
}
run --memory 100M --fail-on low "$PRINTER" -- print "$(finding '{}')"
diff_of "$A" "$RUN"
is "F157: another policy, another status" "$STATUS" 1
differs limits.memory_bytes 536870912 104857600
differs policy.sha256 "\"$(sha256sum <"$A/inputs/policy.json" | cut -c1-64)\"" \
	"\"$(sha256sum <"$RUN/inputs/policy.json" | cut -c1-64)\""
differs "gate_report.json decision" '"PASS"' '"BLOCK"'
json "F157: it says which went in, and which came out" "$OUT/diff.json" \
	'[.differences[] | select(.kind == "result") | .name] == ["gate_report.json decision"]'
echo '{"task_id":"x"}' >"$WORK/task.json"
mkdir "$WORK/in"
echo 1 >"$WORK/in/f"
run --input "$WORK/in" --task "$WORK/task.json" "$PRINTER" -- segv
diff_of "$A" "$RUN"
differs task_sha256 null "\"$(sha256sum <"$WORK/task.json" | cut -c1-64)\""
differs ending.reason '"exited"' '"crashed"'
differs input null "$(jq -c .input "$RUN/run.json")"
was=$(sha256sum <"$PRINTER/printer" | cut -c1-64)
printf x >>"$PRINTER/printer"
sign "$PRINTER/printer"
allow printer
run "$PRINTER" -- print "$(finding '{}')"
diff_of "$A" "$RUN"
differs plugin.artifact.sha256 "\"$was\"" "\"$(sha256sum <"$PRINTER/printer" | cut -c1-64)\""
is "F157: and findings of another build are the same findings" "$(jq -c .findings "$OUT/diff.json")" \
	'{"same":1,"added":0,"gone":0,"changed":0,"list":[]}'
copy left
copy right
mkdir "$WORK/left/changes" "$WORK/right/artifacts"
echo 1 >"$WORK/left/changes/f"
echo 2 >"$WORK/right/artifacts/f"
seal left
seal right
diff_of "$WORK/left" "$WORK/right"
is "F157: artifacts and changes are looked at" "$STATUS $(jq -c '.differences | map([.name, .left, .right])' "$OUT/diff.json")" \
	"1 [[\"artifacts/f\",null,\"$(echo 2 | sha256sum | cut -c1-64)\"],[\"changes/f\",\"$(echo 1 | sha256sum | cut -c1-64)\",null]]"

# ---- what is no evidence ------------------------------------------------------------------------

copy bent
echo >>"$WORK/bent/findings.jsonl"
diff_of "$A" "$WORK/bent"
is "F157: a folder that does not verify is not compared" "$STATUS $JSON_STATUS" "5 5"
diff_of "$WORK/bent" "$A"
is "F157: on neither side" "$STATUS $JSON_STATUS" "5 5"
copy bent
echo '{"type":"t","severity":"low"}' >"$WORK/bent/findings.jsonl"
seal bent
diff_of "$A" "$WORK/bent"
is "F157: nor one whose findings are none" "$STATUS $(cat "$ERR")" \
	"5 oxg: $WORK/bent/findings.jsonl line 1 is no finding"
copy bent
echo '[]' >"$WORK/bent/run.json"
seal bent
diff_of "$A" "$WORK/bent"
is "F157: nor one whose run.json is none" "$STATUS" 5
copy bent.partial
diff_of "$A" "$WORK/bent.partial"
is "F157: nor what an interrupted run left" "$STATUS" 5
diff_of "$A" "$WORK/nowhere"
is "F157: nor what is not there" "$STATUS" 5
"$OXG" diff "$A" 2>/dev/null
is "F157: it takes two" $? 2

# ---- many ------------------------------------------------------------------------------------------

# Few places and many messages, shuffled; python3 pairs them by counting.
for side in left right; do
	copy $side
	python3 - "$WORK/$side/findings.jsonl" $side <<'PY'
import json, random, sys
random.seed(sys.argv[2])
line = json.loads(open(sys.argv[1]).readline())
rows = [(i, random.random()) for i in range(30000)]
random.shuffle(rows)
with open(sys.argv[1], "w") as f:
    for i, r in rows:
        if r < .05:
            continue
        line["message"] = "number %d%s" % (i // 3, "x" if r > .9 else "")
        line["target"] = "t%d" % (i % 7)
        line["severity"] = "high" if .5 < r < .55 else "low"
        f.write(json.dumps(line, separators=(",", ":")) + "\n")
PY
	seal $side
done
python3 - "$WORK/left/findings.jsonl" "$WORK/right/findings.jsonl" >"$WORK/expected" <<'PY'
import collections, json, sys
def read(path):
    return [json.loads(l) for l in open(path)]
a, b = (collections.Counter((f["target"], f["message"], f["severity"]) for f in read(p)) for p in sys.argv[1:3])
def pair(a, b, key):
    x, y = collections.Counter(), collections.Counter()
    for k, n in a.items(): x[k[:key]] += n
    for k, n in b.items(): y[k[:key]] += n
    both = x & y
    return sum(both.values()), x - both, y - both
same, a, b = pair(a, b, 3)
one, a, b = pair(a, b, 2)
two, a, b = pair(a, b, 1)
print(same, sum(b.values()), sum(a.values()), one + two)
PY
check "F157: 57,000 findings are compared in bounded time" \
	timeout 20 sh -c "'$OXG' diff --json '$WORK/left' '$WORK/right' >'$OUT/diff.json'; [ \$? = 1 ]"
is "F157: and paired as python3 pairs them" \
	"$(jq -r '.findings | "\(.same) \(.added) \(.gone) \(.changed)"' "$OUT/diff.json")" "$(cat "$WORK/expected")"
json "F157: of a long list the first thousand are given" "$OUT/diff.json" '(.findings.list | length) == 1000'
like "F157: and people are told that there are more" "$("$OXG" diff "$WORK/left" "$WORK/right")" '^  and [0-9]+ more$'

finish
