#!/bin/sh
# What a run is told as in the formats of others: SARIF, and oxg report's other documents,
# of one run and of many. Other people's readers say whether they are good; texts that are
# the worst of a plugin's change nothing in them but text.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

VALID=$(cd "${0%/*}" && pwd)/export.js
SAID=$WORK/said
MULTITOOL=$NODE_PATH/@microsoft/sarif-multitool-linux
chmod +x "$MULTITOOL/Sarif.Multitool"
trust_root
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
become "$WHO"

# report ARG...: STATUS, $WORK/stdout, $SAID.
report() {
	as timeout -k 1 20 "$OXG" report "$@" >"$WORK/stdout" 2>"$SAID"
	STATUS=$?
}

# valid WHAT FILE SCHEMA
valid() {
	check "$1" node "$VALID" "$2" "$3"
}

sums() {
	rm -f "$COPY/SHA256SUMS"
	(cd "$COPY" && find . -type f -printf '%P\n' | sort | xargs sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$COPY/SHA256SUMS"
}

# fresh FOLDER: a copy of it that may be changed.
fresh() {
	COPY=$WORK/copy
	rm -rf "$COPY"
	cp -R "$1" "$COPY"
	chmod -R u+w "$COPY"
}

# ---- texts ----------------------------------------------------------------------------

# The worst there is to say, one JSON string a line.
cat >"$WORK/evil" <<'END'
"<script>alert(1)</script><img src=x onerror=alert(2)>"
"::error file=a.c,line=1::gotcha"
"\n::error::at the beginning of a line\r\n::stop-commands::x"
"##[error]x ##vso[task.setvariable variable=a]b ###[group]"
"]]> --> <![CDATA[ <!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]> &y;"
"`code` ``more`` ``` | cell | \\| \\` **bold** _it_ # head"
"@everyone #1 GH-1 https://evil.example www.evil.example a@evil.example <https://evil.example>"
"[text](https://evil.example) ![i](https://evil.example/x.png) [a]: b {0} {{1}}"
"turned \u202egpj.exe \u2066x\u2069 \u200bzero\u200d \ufeff \u2028line\u2029para"
"nul\u0000 bell\u0007 \u001b[31mred\u001b[0m \u0085 \u009b31m \u007f \b\f"
"\ud83d\ude00 \u00e9 \u6f22 \ufdd0 \uffff \ufffe \udbff\udfff"
"line\nline\n\n\ttab\r"
"%0A%0D%3A%25 $(id) ${x} `id` ; , : = \" ' \\"
"../../etc/passwd"
"/etc/passwd:3"
"src/a b%.c:7:9"
"localhost:8000/x"
"C:\\x\\y.c:4"
"http://127.0.0.1/?a=1#b"
"src/main.c:12"
END

# ---- SARIF -------------------------------------------------------------------------------

sarif_of_runs() {
	mkdir -p "$WORK/src/d"
	echo x >"$WORK/src/main.c"
	echo x >"$WORK/src/d/x.c"
	run "$PRINTER" -- true
	cp "$RUN/report.sarif" "$WORK/none.sarif"
	check "F156: a folder without findings passes" "$OXG" check "$RUN"
	json "F162: without findings there are results, none" "$RUN/report.sarif" \
		'.version == "2.1.0" and (.runs | length == 1) and .runs[0].results == []'
	set --
	while IFS= read -r text; do
		set -- "$@" "$(jq -cn --argjson t "$text" '{type: ("evil." + ($t | gsub("[\u0000-\u001f\u007f]"; "")[0:40])),
			message: $t, severity: "high", target: $t, evidence: $t}')"
	done <"$WORK/evil"
	(cd "$WORK" && run --input src "$PRINTER" -- print "$@" \
		'{"type":"t","message":"m","severity":"low"}' '{"type":"t","message":"m","severity":"crit"}' \
		'{"type":"t","message":"i","severity":"info","target":"/workspace/input/d/x.c"}' >/dev/null)
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	EVIL=$RUN
	check "F155: ($WHO) its folder passes" "$OXG" check "$RUN"
	cp "$RUN/report.sarif" "$WORK/evil.sarif"
	run --timeout 300ms "$PRINTER" -- hang
	cp "$RUN/report.sarif" "$WORK/timeout.sarif"
	json "F162: a timeout: not successful, with a notice" "$RUN/report.sarif" \
		'.runs[0].invocations[0] | .executionSuccessful == false and (has("exitCode") | not) and
			(.toolExecutionNotifications | length == 1 and (.[0].message.text | length > 0))'
	run "$PRINTER" -- segv
	json "F162: a crash: the signal" "$RUN/report.sarif" '.runs[0].invocations[0].exitSignalName == "SIGSEGV"'
	run "$PRINTER" -- exit 3
	json "F162: its own failure: the status" "$RUN/report.sarif" \
		'.runs[0].invocations[0] | .exitCode == 3 and .executionSuccessful == false'
	run "$WORK/nowhere"
	cp "$RUN/report.sarif" "$WORK/refused.sarif"
	json "F162: a refused run: the refusal" "$RUN/report.sarif" \
		'.runs[0].invocations[0].toolExecutionNotifications[0].message.text | test("nowhere")'
}

# The words of FORMATS: what GitHub asks beyond the schema.
sarif_rules() {
	jq -n '[inputs]' "$WORK"/*.sarif >"$WORK/all"
	for name in none evil timeout refused; do
		valid "F162: $name: the schema of SARIF 2.1.0" "$WORK/$name.sarif" "$MULTITOOL/sarif-2.1.0.json"
	done
	jq '.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri = "https://x.example/a"' \
		"$WORK/evil.sarif" >"$WORK/wrong.sarif"
	DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 timeout 90 "$MULTITOOL/Sarif.Multitool" validate "$WORK/none.sarif" \
		"$WORK/evil.sarif" "$WORK/timeout.sarif" "$WORK/refused.sarif" "$WORK/wrong.sarif" --rule-kind 'Sarif;Ghas' \
		--output "$WORK/judged" --log ForceOverwrite >"$WORK/said" 2>&1
	# That it has no page on the web is all that is said, but of the one made wrong.
	is "F162: GitHub's rules have nothing to say" "$(jq -r '.runs[0] as $r | $r.results[] |
		select(.ruleId != "SARIF2005") | .locations[0].physicalLocation.artifactLocation |
		(.uri // $r.artifacts[.index].location.uri) | sub(".*/"; "")' "$WORK/judged" | sort -u)" wrong.sarif
	json "F162: every uri is relative, below the root, and has no scheme" "$WORK/all" \
		'[.[].runs[].results[].locations[0].physicalLocation.artifactLocation.uri] |
			length > 20 and all(test("^[A-Za-z0-9_~%-][A-Za-z0-9/._~%-]*$") and (test("(^|/)[.][.](/|$)") | not))'
	# shellcheck disable=SC2016 # $rules is jq's
	json "F162: every result has a rule with all its texts" "$WORK/all" 'all(.[].runs[]; .tool.driver.rules as $rules |
		all(.results[]; .ruleId as $id | $rules[.ruleIndex] | .id == $id and .help.text and .shortDescription.text and
			.fullDescription.text and (.properties.tags | index("security"))))'
	json "F162: fingerprints are GitHub's in shape, and each different" "$WORK/all" 'all(.[].runs[].results;
		map(.partialFingerprints.primaryLocationLineHash) | all(test("^[0-9a-f]{1,16}:1$")) and length == (unique | length))'
	json "F162: scores are strings, the categories one a plugin" "$WORK/evil.sarif" \
		'([.runs[0].tool.driver.rules[].properties["security-severity"] | select(.)] | unique == ["8.0", "9.5"]) and
			(.runs[0].automationDetails.id | test("^oxg/printer/[0-9A-Z]{26}$"))'
	json "F162: the plugin is the tool's extension" "$WORK/evil.sarif" \
		'.runs[0].tool | .driver.name == "oxg" and .extensions == [{name: "printer", version: "1.2.3"}]'
	json "F160: what was found twice is one result, as severe as the worst" "$WORK/evil.sarif" \
		'[.runs[0].results[] | select(.ruleId == "printer/t" and .message.text == "m")] |
			length == 1 and .[0].occurrenceCount == 2 and .[0].level == "error"'
	is "F162: where targets point to" "$(jq -r '.runs[0].results[] | .locations[0].physicalLocation |
		select(.artifactLocation.uri != "findings.jsonl") |
		"\(.artifactLocation.uri) \(.region.startLine) \(.region.startColumn)"' "$WORK/evil.sarif" | grep '^src/[ad.m]' | sort)" \
		"src/a%20b%25.c 7 9
src/d/x.c 1 null
src/main.c 12 null"
	json "F162: a URL is no place in a checkout" "$WORK/evil.sarif" '[.runs[0].results[] |
		select(.message.text | startswith("http://127.0.0.1/"))] | length == 1 and
		.[0].locations[0].physicalLocation.artifactLocation.uri == "findings.jsonl" and
		.[0].locations[0].logicalLocations[0].fullyQualifiedName == "http://127.0.0.1/?a=1#b"'
	json "F162: a message has no link of SARIF's" "$WORK/evil.sarif" \
		'[.runs[0].results[].message.text | select(test("(^|[^\\\\])\\[.*\\]\\("))] == []'
	check "F159: no byte in it steers a terminal or turns text around" \
		not grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]' "$WORK/evil.sarif"
	check "F159: nor commands a CI system" not grep -qE '##|^::' "$WORK/evil.sarif"
	# Netstrings of plugin, type, target, message: by somebody else.
	is "F160: the fingerprint, computed by openssl" "$(printf '7:printer,1:t,0:,1:m,' | openssl dgst -sha256 -r | cut -c1-64)" \
		"$(jq -r '.runs[0].results[] | select(.message.text == "m") | .partialFingerprints["oxgFinding/v1"]' "$WORK/evil.sarif")"
}

sarif_checked() {
	fresh "$EVIL"
	sed -i 's/"error"/"note"/' "$COPY/report.sarif"
	sums
	"$OXG" check "$COPY" 2>"$SAID"
	is "F155: another report.sarif: status 5" "$?" 5
	like "F155: the sentence names it" "$(cat "$SAID")" 'report.sarif.*oxg report --sarif'
	rm "$COPY/report.sarif"
	sums
	"$OXG" check "$COPY" 2>"$SAID"
	is "F184: none: status 5" "$?" 5
	report "$EVIL" --sarif "$OUT/again.sarif"
	is "F155: rendered again: status, nothing said" "$STATUS $(cat "$WORK/stdout" "$SAID")" "0 "
	check "F155: the stored bytes" cmp "$EVIL/report.sarif" "$OUT/again.sarif"
}

sarif_of_runs
sarif_rules
sarif_checked
finish
