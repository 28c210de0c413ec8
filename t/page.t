#!/bin/sh
# report.html as a browser has it: Chromium says what it loads, lays out and shows
# (t/page.js). What openssl verifies by the page's own words.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

HERE=$(cd "${0%/*}" && pwd)
PAGES=$WORK/pages
COPY=$WORK/copy
mkdir "$PAGES"
trust_root
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin knocker "$BUILD/plugins/knocker"
KNOCKS=$PLUGIN
become "$WHO"
mkdir "$WORK/input"
echo x >"$WORK/input/x"

# sums: of COPY, anew.
sums() {
	rm -f "$COPY/SHA256SUMS"
	(cd "$COPY" && find . -type f -printf '%P\n' | sort | xargs sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$COPY/SHA256SUMS"
}

copy() {
	rm -rf "$COPY"
	cp -R "$1" "$COPY"
	chmod -R u+w "$COPY"
}

# ---- the pages -------------------------------------------------------------------------

finding() {
	jq -cn --arg s "$1" --arg m "$2" '{type: "web.header", message: $m, severity: $s, target: "https://shop.example/",
		evidence: "GET / HTTP/1.1\nHost: shop.example", meta: {cwe: "CWE-79"}}'
}

# A run with something in every section, and a series.
run --timeout 1s --fail-on high --audit --input "$WORK/input" "$KNOCKS" -- evil
KNOCKED=$RUN
run --timeout 1s --fail-on high "$DEED" -- mem 20
json "F096: use over time is in usage.json" "$RUN/usage.json" \
	'.usage | (.series | length) >= 2 and (.series | length) <= 120 and .samples >= (.series | length) and
	([.series[].at_ns] | . == (sort | unique)) and ([.series[].cpu_ns] | . == sort) and
	.series[-1].at_ns <= .wall_ns and .series[-1].cpu_ns <= .cpu_ns and ([.series[].memory_bytes] | max) <= .memory_peak_bytes and ([.series[].memory_bytes] | max) > 5000000'
check "F153: and nowhere else" not grep -rlq at_ns "$RUN" --include=run.json --include='*.jsonl' --include='*_report.json'
check "F153: and drawn" grep -q '<polygon points="[0-9]' "$RUN/report.html"
TIMED=$RUN
run --fail-on high --input "$WORK/input" "$PRINTER" -- print "$(finding crit one)" "$(finding high two)" "$(finding med three)" \
	"$(finding low four)" "$(finding info five)"
ONE=$RUN
is "F153: the run that is shown" "$STATUS $(jq .findings.accepted "$RUN/run.json")" '1 5'
copy "$ONE"
cp "$TIMED/usage.json" "$COPY/usage.json"
cp "$KNOCKED/ledger.jsonl" "$KNOCKED/audit.jsonl" "$COPY/"
jq --slurpfile k "$KNOCKED/run.json" '.ledger = $k[0].ledger | .audit = $k[0].audit |
	.plugin.files = [{path: "data/rules.txt", sha256: .config_sha256, bytes: 3}]' "$ONE/run.json" >"$COPY/run.json"
echo 'a line of its log' >"$COPY/logs/stderr.log"
sums
"$OXG" report "$COPY" >"$PAGES/one.html"
"$BUILD/unit/report" "$ONE" "$TIMED" "$KNOCKED" "$ONE" >"$PAGES/runs.html"

# The same folder twice: every text that a plugin or its operator chooses is a word, then
# all that is worst.
cat >"$WORK/evil" <<'END'
"</style><script>alert(1)</script></title></head></textarea><img src=x onerror=alert(2)><svg/onload=alert(3)>"
"\" onmouseover=\"alert(4)\" style=\"color:red' onload='alert(5)' <!-- --><a href=javascript:alert(6)>javascript:alert(7)</a>"
"</details></ul></td></tr></table></section></main></body></html><base href=//127.0.0.1/><meta http-equiv=refresh content=0>"
"<link rel=stylesheet href=http://127.0.0.1/><style>*{display:none}</style><iframe srcdoc='<script>parent.x=1</script>'>"
"\u202egpj.exe \u2066\u200b\ufeff\u00ad\u2028\u2029 \u0000\u0007\u001b[31m\u009b31m\u001b]0;title\u0007 \ud83d\ude00\u0301\u0302"
"&lt;b&gt;&#60;script&#62;&#x3c;b&#x3e;&NewLine;<![CDATA[<b>]]><?php ?><!DOCTYPE x><math><mtext><table><mglyph><style>"
END
WORST=$(jq -cs 'join("\n")' "$WORK/evil")

# every TEXT WHERE: a page of ONE with it in every field.
every() {
	copy "$PAGES/made"
	jq --argjson t "$1" '.plugin_path = $t | .plugin.name = $t | .plugin.version = $t | .plugin.artifact.path = $t |
		.plugin.files[].path = $t | .plugin.key_file = $t | .args = [$t, $t] | .input.path = $t | .task_id = $t | .trust.root = $t |
		.policy.source = $t | .policy.profile = $t | .ledger.by_call |= with_entries(.value = .value) |
		.ending = {reason: "killed", by: $t, detail: $t} | .isolation.layers = [$t] | .isolation.tier = $t' \
		"$PAGES/made/run.json" >"$COPY/run.json"
	jq --argjson t "$1" '.checks[] |= (.name = $t | .expected = $t | .actual = $t | .detail = $t)' \
		"$PAGES/made/verifier_report.json" >"$COPY/verifier_report.json"
	jq --argjson t "$1" '.reasons = [$t, $t] | .rules[] |= (.rule = $t | .detail = $t)' \
		"$PAGES/made/gate_report.json" >"$COPY/gate_report.json"
	jq -c --argjson t "$1" '.message = $t | .type = $t | .target = $t | .evidence = $t | .id = $t | .plugin = $t |
		.meta = {($t | gsub("\u0000"; "")): $t, b: $t}' "$PAGES/made/findings.jsonl" >"$COPY/findings.jsonl"
	jq -c --argjson t "$1" 'walk(if type == "string" and . != "read" then $t else . end)' "$PAGES/made/ledger.jsonl" |
		jq -c --argjson t "$1" '.args = {($t | gsub("\u0000"; "")): $t}' >"$COPY/ledger.jsonl"
	printf '%s' "$1" | jq -rj . >"$COPY/logs/stderr.log"
}

mv "$COPY" "$PAGES/made"
every '"word"'
sums
"$OXG" report "$COPY" >"$PAGES/harmless.html" 2>"$WORK/said"
is "F153: a page of words" "$? $(cat "$WORK/said")" '0 '
every "$WORST"
# What no JSON may hold, and a line of a MiB.
{ printf '\377\376\300\200</pre>\000\033[2J\302' && head -c 1048576 /dev/zero | tr '\0' '<' && printf '\n<b>\n'; } >>"$COPY/logs/stderr.log"
head -c 1000000 /dev/zero | tr '\0' '<' >"$WORK/mib"
jq -c --rawfile m "$WORK/mib" 'if .severity == "low" then .message = $m | .evidence = "" else . end' "$COPY/findings.jsonl" >"$WORK/lines"
cp "$WORK/lines" "$COPY/findings.jsonl"
sums
"$OXG" report "$COPY" >"$PAGES/evil.html" 2>"$WORK/said"
is "F153: a page of what is worst" "$? $(cat "$WORK/said") $(grep -c '^<li>' "$PAGES/evil.html")" '0  5'

# What a plugin can do of that by itself.
run "$PRINTER" -- print "$(finding high x | jq -c --argjson t "$WORST" '.message = $t | .target = $t | .evidence = $t | .meta = {"<b>": $t}')" \
	"$(printf '\033[31m\377</script><script>alert(9)</script>')"
cp "$RUN/report.html" "$PAGES/real.html"
check "F154: the folder of that passes" "$OXG" check "$RUN"

copy "$ONE"
yes "$(head -n 1 "$ONE/findings.jsonl")" | head -n 10000 >"$COPY/findings.jsonl"
sums
"$OXG" report "$COPY" >"$PAGES/many.html"
chmod -R a+rX "$PAGES"

# ---- the browser ------------------------------------------------------------------------

timeout -k 5 120 node "$HERE/page.js" "$PAGES" >"$WORK/browser" 2>"$WORK/browser.err"
is "F153: the browser did all that" "$? $(head -n 3 "$WORK/browser.err")" '0 '
tab=$(printf '\t')
while IFS=$tab read -r label got; do
	case $label in
	'#'*) echo "$label" ;;
	*) is "$label" "$got" ok ;;
	esac
done <"$WORK/browser"

# ---- the page's own words on how to verify ------------------------------------------------

recipe() {
	sed "s,KEY.pub,$WORK/signer.pub,g; s,cd RUN,cd $COPY,; s,oxg check RUN,$OXG check $COPY," "$PAGES/recipes/$1" >"$WORK/recipe"
	sh -e "$WORK/recipe" >"$WORK/said" 2>&1
}

copy "$ONE"
check "F156: the page's first recipe" recipe 0
check "F156: the second" recipe 1
keys signer
(cd "$COPY" && sha256sum SHA256SUMS report.html run.json) | jq -Rn '{_type: "https://in-toto.io/Statement/v1",
	subject: [inputs | split("  ") | {name: .[1], digest: {sha256: .[0]}}], predicateType: "https://x.example/y", predicate: {}}' >"$WORK/body"
t=application/vnd.in-toto+json
{ printf 'DSSEv1 %d %s %d ' ${#t} "$t" "$(stat -c %s "$WORK/body")" && cat "$WORK/body"; } >"$WORK/pae"
openssl dgst -sha256 -sign "$WORK/signer.key" -out "$WORK/sig" "$WORK/pae"
jq -n --arg t "$t" --arg p "$(base64 -w0 "$WORK/body")" --arg s "$(base64 -w0 "$WORK/sig")" \
	'{payload: $p, payloadType: $t, signatures: [{sig: $s}]}' >"$COPY/attestation.json"
check "F156: the third, of a folder that is signed" recipe 2
is "F156: the signature and all the files" "$(grep -c -e '^Verified OK$' -e ': OK$' "$WORK/said")" 4
keys other
cp "$WORK/other.pub" "$WORK/signer.pub"
recipe 2
is "F156: another key verifies nothing" "$(grep -c '^Verified OK$' "$WORK/said")" 0
finish
