#!/bin/sh
# What a run is told as in the formats of others: SARIF, and oxg report's other documents,
# of one run and of many. Other people's readers say whether they are good; texts that are
# the worst of a plugin's change nothing in them but text.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

VALID=$(cd "${0%/*}" && pwd)/export.js
SCHEMA=$(cd "${0%/*}/.." && pwd)/schema/report.schema.json
PAGE=$(cd "${0%/*}" && pwd)/page.py
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

# valid WHAT SCHEMA FILE... [-- SCHEMA FILE...]...
valid() {
	what=$1
	shift
	check "$what" node "$VALID" "$@"
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
	valid "F162: the schema of SARIF 2.1.0" "$MULTITOOL/sarif-2.1.0.json" "$WORK"/*.sarif
	jq '.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri = "https://x.example/a"' \
		"$WORK/evil.sarif" >"$WORK/wrong.sarif"
	DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 timeout 90 "$MULTITOOL/Sarif.Multitool" validate "$WORK/evil.sarif" \
		"$WORK/refused.sarif" "$WORK/wrong.sarif" --rule-kind 'Sarif;Ghas' \
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
	tells "F155: the sentence names it" "$SAID" 'report.sarif.*oxg report --sarif'
	rm "$COPY/report.sarif"
	sums
	"$OXG" check "$COPY" 2>"$SAID"
	is "F184: none: status 5" "$?" 5
	report "$EVIL" --sarif "$OUT/again.sarif"
	is "F155: rendered again: status, nothing said" "$STATUS $(cat "$WORK/stdout" "$SAID")" "0 "
	check "F155: the stored bytes" cmp "$EVIL/report.sarif" "$OUT/again.sarif"
}

# ---- oxg report ------------------------------------------------------------------------------

ALL='html sarif json md csv junit gitlab-codequality gitlab-sast'

# documents DIR RUN...: each format there; those for several runs.
documents() {
	into=$1
	shift
	mkdir -p "$into"
	report "$@" --html "$into/html" --sarif "$into/sarif" --json "$into/json" --md "$into/md" --junit "$into/junit" \
		--gitlab-codequality "$into/quality" --gitlab-sast "$into/sast"
}

# shellcheck disable=SC2016 # dollars are the schemas'
QUALITY='{"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": {"type": "object",
	"required": ["description", "check_name", "fingerprint", "severity", "location"], "additionalProperties": false,
	"properties": {"description": {"type": "string", "minLength": 1}, "check_name": {"type": "string", "minLength": 1},
	"fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
	"severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
	"location": {"type": "object", "required": ["path", "lines"], "properties": {
	"path": {"type": "string", "not": {"pattern": "^(/|[.]/|[a-z]+:)|(^|/)[.][.](/|$)"}, "minLength": 1},
	"lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}}}}}}}'
# shellcheck disable=SC2016
SAST='{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
	"required": ["scan", "version", "vulnerabilities"], "properties": {"version": {"const": "15.0.7"},
	"scan": {"type": "object", "required": ["analyzer", "scanner", "type", "start_time", "end_time", "status"], "properties": {
	"type": {"const": "sast"}, "status": {"enum": ["success", "failure"]},
	"start_time": {"$ref": "#/definitions/time"}, "end_time": {"$ref": "#/definitions/time"},
	"analyzer": {"$ref": "#/definitions/program"}, "scanner": {"$ref": "#/definitions/program"},
	"messages": {"type": "array", "items": {"type": "object", "required": ["level", "value"], "properties": {
	"level": {"enum": ["info", "warn", "fatal"]}, "value": {"type": "string", "minLength": 1}}}}}},
	"vulnerabilities": {"type": "array", "items": {"type": "object", "required": ["id", "identifiers", "location"], "properties": {
	"id": {"type": "string", "format": "uuid"}, "name": {"type": "string", "maxLength": 255},
	"severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
	"identifiers": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["type", "name", "value"],
	"properties": {"type": {"type": "string", "minLength": 1}, "name": {"type": "string", "minLength": 1}}}},
	"location": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "minLength": 1},
	"start_line": {"type": "integer", "minimum": 1}}}}}}},
	"definitions": {"time": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"},
	"program": {"type": "object", "required": ["id", "name", "version", "vendor"], "properties": {
	"vendor": {"type": "object", "required": ["name"]}}}}}'

# The attributes and elements that Jenkins and GitLab read, and no others.
cat >"$WORK/junit.xsd" <<'END'
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:simpleType name="seconds"><xs:restriction base="xs:string"><xs:pattern value="[0-9]+(\.[0-9]+)?"/></xs:restriction></xs:simpleType>
<xs:complexType name="word"><xs:attribute name="message"/><xs:attribute name="type"/></xs:complexType>
<xs:element name="testsuites"><xs:complexType><xs:sequence>
 <xs:element name="testsuite" maxOccurs="unbounded"><xs:complexType><xs:sequence>
  <xs:element name="testcase" maxOccurs="unbounded"><xs:complexType><xs:choice minOccurs="0">
   <xs:element name="failure" type="word"/><xs:element name="error" type="word"/><xs:element name="skipped" type="word"/>
  </xs:choice><xs:attribute name="name" use="required"/><xs:attribute name="classname" use="required"/>
  <xs:attribute name="time" type="seconds"/></xs:complexType></xs:element>
 </xs:sequence><xs:attribute name="name" use="required"/><xs:attribute name="tests" type="xs:integer" use="required"/>
 <xs:attribute name="failures" type="xs:integer"/><xs:attribute name="errors" type="xs:integer"/>
 <xs:attribute name="skipped" type="xs:integer"/><xs:attribute name="time" type="seconds"/>
 <xs:attribute name="timestamp" type="xs:dateTime"/></xs:complexType></xs:element>
</xs:sequence><xs:attribute name="name"/><xs:attribute name="tests" type="xs:integer"/><xs:attribute name="failures" type="xs:integer"/>
<xs:attribute name="errors" type="xs:integer"/><xs:attribute name="time" type="seconds"/></xs:complexType></xs:element>
</xs:schema>
END

# A page of Markdown, rendered as GitHub does, has no element but these, and all cells.
plain_page() {
	cmark-gfm --unsafe -e table -e strikethrough -e autolink -e tasklist "$1" >"$WORK/html" || return 1
	odd=$(grep -oE '</?[a-zA-Z!?][^ >]*' "$WORK/html" | tr -d '</' | sort -u |
		grep -vxE 'h2|p|table|thead|tbody|tr|th|td|code')
	[ -z "$odd" ] || { echo "elements: $odd"; return 1; }
	# Texts are in code spans alone: what is outside of them are our own words.
	! sed 's/<code>[^<]*<\/code>//g' "$WORK/html" | grep -E 'everyone|evil|passwd|script|::|#|`'
}

good_documents() {
	valid "F162: $2: SARIF, JSON, GitLab Code Quality and SAST are as their schemas say" \
		"$MULTITOOL/sarif-2.1.0.json" "$1"/*sarif -- "$SCHEMA" "$1"/*json -- "$QUALITY" "$1"/*quality -- "$SAST" "$1"/*sast
	check "F162: $2: JUnit" xmllint --noout --nonet --schema "$WORK/junit.xsd" "$1"/*junit
	for page in "$1"/*md; do
		check "F162: $2: ${page##*/} has no markup but its own" plain_page "$page"
	done
	check "F159: $2: nothing steers a terminal, turns text, commands CI" not grep -rlP \
		'[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|##(\[|vso)|^\s*::' "$1"
}

# ---- a table ---------------------------------------------------------------------------------

# What a plugin says, and the cell that comes of it.
cat >"$WORK/cells" <<'END'
["plain", "plain"]
["=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"]
["+1", "'+1"]
["-2+3", "'-2+3"]
["@SUM(1+1)*cmd|' /C calc'!A0", "'@SUM(1+1)*cmd|' /C calc'!A0"]
["\t=1", "'\\t=1"]
["\r=1", "'\\u{d}=1"]
["\n=1", "'\\n=1"]
["  =1", "  '=1"]
["\uff1d1+1", "'\uff1d1+1"]
["\"=1", "\"'=1"]
["a;=1;\"-1", "a;'=1;\"'-1"]
["a=b, +c \"quoted\" 'so'", "a=b, +c \"quoted\" 'so'"]
["one\ntwo\r\n::error::three", "one\\ntwo\\u{d}\\n::error::three"]
["\",\"\",\"=1", "\",\"\",\"=1"]
["nul\u0000 \u001b[31mred \u009b1m", "nul\\u{0} \\u{1b}[31mred \\u{9b}1m"]
["turned \u202egpj.exe", "turned \\u{202e}gpj.exe"]
["##[error]x", "#\\u{23}[error]x"]
["\u00e9 \ud83d\ude00", "\u00e9 \ud83d\ude00"]
["", ""]
END

# By Python's reader: lines, cells, and none that a spreadsheet calculates.
cat >"$WORK/table.py" <<'END'
import csv, json, sys
data = open(sys.argv[1], 'rb').read()
head = 'severity plugin type target message evidence run_id count runs fingerprint'.split()
assert data.endswith(b'\r\n') and data.count(b'\n') == data.count(b'\r\n') == data.count(b'\r'), 'lines'
for apart in ',', ';', '\t': # a spreadsheet splits where its country does
    rows = list(csv.reader(open(sys.argv[1], encoding='utf-8', newline=''), strict=apart == ',', delimiter=apart))
    for row in rows:
        for cell in row:
            assert not cell.lstrip(' "').startswith(tuple('=+-@\t\r\n\uff1d\uff0b\uff0d\uff20')), cell
    if apart == ',':
        table = rows
assert table[0] == head and all(len(row) == len(head) for row in table), 'cells'
json.dump([dict(zip(head, row)) for row in table[1:]], sys.stdout)
END

table() {
	check "F162: $2: CSV" sh -c "python3 '$WORK/table.py' '$1' >'$1.rows'"
	check "F159: $2: nothing in it steers a terminal, turns text, commands CI" not grep -qP \
		'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r.|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|##(\[|vso)|^\s*::' "$1"
}

tables() {
	report "$EVIL" --csv "$WORK/evil.csv"
	table "$WORK/evil.csv" "hostile findings"
	is "F162: as many lines as findings" "$(jq length "$WORK/evil.csv.rows")" 22
	set --
	while IFS= read -r pair; do
		set -- "$@" "$(jq -cn --argjson p "$pair" '{type: "t", severity: "low", message: ("m" + $p[0]), target: $p[0], evidence: $p[0]}')"
	done <"$WORK/cells"
	run "$PRINTER" -- print "$@"
	report "$RUN" --csv "$WORK/cells.csv"
	table "$WORK/cells.csv" "formulas"
	is "F162: each cell as it must be" "$(jq -c '.[] | [.target, .evidence]' "$WORK/cells.csv.rows")" \
		"$(jq -c '[.[1], .[1]]' "$WORK/cells")"
	# The same cells by a writer that does not know of formulas.
	python3 -c 'import csv, json, sys
rows = [json.loads(l)[0] for l in open(sys.argv[1])]
w = csv.writer(open(sys.argv[2], "w", newline=""), quoting=csv.QUOTE_ALL)
w.writerow("severity plugin type target message evidence run_id count runs fingerprint".split())
w.writerows([["low", "p", "t", r.replace("\r", "").replace("\n", ""), "m", "", "", "1", "1", ""] for r in rows])' "$WORK/cells" "$WORK/naive.csv"
	check "F162: (without care they are formulas)" sh -c "python3 '$WORK/table.py' '$WORK/naive.csv' 2>&1 >/dev/null | grep -q '^AssertionError: =cmd'"
	report "$R3" "$R1" "$R2" --csv "$WORK/many.csv"
	table "$WORK/many.csv" "three runs"
	is "F160: in CSV too what is in all is one: the worst severity, how often, in how many, where" \
		"$(jq -r '.[] | "\(.severity) \(.message) \(.count) \(.runs) \(.run_id)"' "$WORK/many.csv.rows")" \
		"crit in all 6 3 01JAAAAAAAAAAAAAAAAAAAAAA2
med in 1 1 1 01JAAAAAAAAAAAAAAAAAAAAAA1
med in 2 1 1 01JAAAAAAAAAAAAAAAAAAAAAA2
med in 3 1 1 01JAAAAAAAAAAAAAAAAAAAAAA3"
	is "F160: by the fingerprints of the others" "$(jq -r '.[].fingerprint' "$WORK/many.csv.rows")" \
		"$(jq -r '.findings[].fingerprint' "$WORK/many/json")"
	report "$WORK/forge"/* --csv "$WORK/forged.csv"
	table "$WORK/forged.csv" "whatever stands in a folder"
}

one_run() {
	documents "$WORK/one" "$EVIL"
	is "F162: all documents at once: status, nothing said" "$STATUS $(cat "$WORK/stdout" "$SAID")" "0 "
	good_documents "$WORK/one" "hostile findings"
	check "F162: SARIF as it lies in the folder" cmp "$EVIL/report.sarif" "$WORK/one/sarif"
	# All that was said, and nothing else, in the order of their severity.
	jq -S '[.findings[] | {message, target, evidence, type, severity, plugin}]' "$WORK/one/json" >"$WORK/got"
	jq -Sn '[inputs | {message, target, evidence, type, severity, plugin}] | unique_by(.plugin, .type, .target, .message) as $all |
		[$all[] | if .message == "m" then .severity = "crit" else . end] | sort' "$EVIL/findings.jsonl" >"$WORK/due"
	is "F162: JSON loses nothing" "$(jq -S sort "$WORK/got")" "$(cat "$WORK/due")"
	json "F162: the worst first" "$WORK/one/json" \
		'[.findings[].severity | {"crit": 0, "high": 1, "med": 2, "low": 3, "info": 4}[.]] | . == sort'
	json "F162: counted" "$WORK/one/json" '.counts == {different: 22, occurrences: 23, unreadable: 0,
		by_severity: {info: 1, low: 0, med: 0, high: 20, crit: 1}} and
		.runs[0].by_severity == {info: 1, low: 1, med: 0, high: 20, crit: 1}'
	is "F162: the run is named by the digest of its sums" "$(jq -r '.runs[0].sha256sums_sha256' "$WORK/one/json")" \
		"$(sha256sum <"$EVIL/SHA256SUMS" | cut -c1-64)"
	# By a reader of XML: every detail of the gate, in order.
	is "F162: JUnit tells of every rule" \
		"$(xmllint --xpath '//testcase/@name' "$WORK/one/junit" | sed 's/^ *name="//; s/"$//')" \
		"$(jq -r '.rules[].rule' "$EVIL/gate_report.json")"
	is "F162: skipped are those that do not apply" "$(xmllint --xpath 'string(//testsuite/@skipped)' "$WORK/one/junit")" \
		"$(jq '[.rules[] | select(.result == "not_applicable")] | length' "$EVIL/gate_report.json")"
	is "F162: what another reader finds in the pipe and the backtick" "$(grep -c 'u{7c} cell' "$WORK/one/md")" 1
	run --fail-on high "$PRINTER" -- print '{"type":"t","message":"m","severity":"high"}'
	documents "$WORK/blocked" "$RUN"
	is "F162: JUnit: a rule that blocks is a failure, and says why" \
		"$(xmllint --xpath 'string(//testcase[failure]/failure/@message)' "$WORK/blocked/junit")" \
		"$(jq -r '.rules[] | select(.result == "block").detail' "$RUN/gate_report.json")"
	like "F162: Markdown begins with the decision" "$(head -n 1 "$WORK/blocked/md")" '^## oxg: BLOCK$'
	check "F162: oxg schema report" sh -c "'$OXG' schema report | cmp - '$SCHEMA'"
	for to in '' --html --sarif --json --md --csv --junit --gitlab-codequality --gitlab-sast; do
		# shellcheck disable=SC2086
		report "$EVIL" ${to:+$to -}
		check "F153: ${to:-the page} on stdout" test "$STATUS" -eq 0 -a -s "$WORK/stdout"
	done
}

many_runs() {
	for n in 1 2 3; do
		run --run-id "01JAAAAAAAAAAAAAAAAAAAAAA$n" "$PRINTER" -- print '{"type":"t","message":"in all","severity":"low"}' \
			"{\"type\":\"t\",\"message\":\"in all\",\"severity\":\"$([ $n = 2 ] && echo crit || echo low)\"}" \
			"{\"type\":\"t\",\"message\":\"in $n\",\"severity\":\"med\"}"
		eval "R$n=\$RUN"
	done
	documents "$WORK/many" "$R1" "$R2" "$R3"
	good_documents "$WORK/many" "three runs"
	json "F160: what is in all is one finding: how often, in which runs, the worst severity" "$WORK/many/json" '.findings[0] |
		.message == "in all" and .count == 6 and .runs == [0, 1, 2] and .severity == "crit"'
	json "F160: the others are one each" "$WORK/many/json" '[.findings[1:][] | {message, count, runs}] | sort ==
		[range(0; 3) | {message: "in \(. + 1)", count: 1, runs: [.]}]'
	json "F160: in SARIF it is one run, with three invocations" "$WORK/many/sarif" '(.runs | length == 1) and .runs[0].automationDetails.id ==
		"oxg/printer/" and (.runs[0].invocations | length == 3) and (.runs[0].results | length == 4) and
		.runs[0].results[0].occurrenceCount == 6'
	check "F153: the page of three runs is what a page may be" python3 "$PAGE" "$WORK/many/html" \
		'in all' 'in 1' 'in 2' 'in 3'
	report "$R3" "$R1" "$R2"
	check "F153: and it is what goes to stdout" cmp "$WORK/many/html" "$WORK/stdout"
	cp -R "$R2" "$WORK/twice"
	documents "$WORK/turned" "$R3" "$WORK/twice" "$R1" "$R2" "$R3"
	check "F154: the order of the folders, and one that is given twice, change nothing" diff -r "$WORK/many" "$WORK/turned"
	set --
	for n in $(seq 150); do
		ln -s "$R1" "$WORK/n$n"
		set -- "$@" "$WORK/n$n"
	done
	documents "$WORK/hundreds" "$R2" "$@" "$R3"
	is "F160: a hundred and fifty folders: status" "$STATUS" 0
	check "F160: which are one run" diff -r "$WORK/many" "$WORK/hundreds"
	fresh "$R2"
	chmod u+w "$COPY/findings.jsonl"
	sed -i 's/in 2/in 7/' "$COPY/findings.jsonl"
	echo kept >"$OUT/kept"
	report "$R1" "$COPY" "$R3" --json "$OUT/kept" --sarif "$OUT/none"
	is "F178: one folder that was changed: status 5, nothing written" "$STATUS $(cat "$OUT/kept") $(find "$OUT" -name 'none*')" "5 kept "
	tells "F178: the sentence names it" "$SAID" "$COPY/findings.jsonl"
}

# Whole or not at all.
files() {
	echo old >"$OUT/target"
	as ln -s target "$OUT/link"
	chmod 666 "$OUT/target"
	report "$R1" --json "$OUT/link"
	check "F162: through a link" jq -e .schema_version "$OUT/target"
	report "$R1" --json "$OUT/fresh.json"
	is "F162: a new file: its name alone" "$(cd "$OUT" && echo fresh.json*)" fresh.json
	report "$R1" --json /dev/full
	is "F162: a full disk: status 5" "$STATUS" 5
	as "$OXG" report "$R1" --sarif - >/dev/full 2>"$SAID"
	is "F162: stdout that takes nothing: status 5" "$?" 5
	(ulimit -f 0 && report "$R1" --json "$OUT/target") 2>/dev/null
	check "F162: a file that cannot be written whole stays as it was" jq -e .schema_version "$OUT/target"
	is "F162: and nothing lies beside it" "$(cd "$OUT" && echo target*)" target
	report "$R1" --sarif "$OUT/no/such/place"
	is "F162: no such directory: status 5" "$STATUS" 5
}

# ---- a step of a workflow ------------------------------------------------------------------------

# By the runner's rules: a command a line, its properties, its message unescaped.
cat >"$WORK/runner.py" <<'END'
import json, re, sys
out = []
for line in open(sys.argv[1], encoding='utf-8', newline='\n'):
    line = line.rstrip('\n')
    m = re.fullmatch(r'::(error|warning|notice)( [^:]*)?::(.*)', line)
    if not m:
        assert re.fullmatch(r'oxg: \d+ more findings are in the run folder', line), line
        continue
    un = lambda s: s.replace('%0D', '\r').replace('%0A', '\n').replace('%3A', ':').replace('%2C', ',').replace('%25', '%')
    props = dict(p.split('=', 1) for p in m[2].strip().split(','))
    out.append({'kind': m[1], 'message': un(m[3]), **{k: un(v) for k, v in props.items()}})
print(json.dumps(out))
END

workflow() {
	SUMMARY=$WORK/gh/summary
	OUTPUT=$WORK/gh/output
	mkdir "$WORK/gh"
	echo 'before' >"$SUMMARY"
	: >"$OUTPUT"
	chmod 666 "$SUMMARY" "$OUTPUT"
	GITHUB_STEP_SUMMARY=$SUMMARY
	GITHUB_OUTPUT=$OUTPUT
	export GITHUB_STEP_SUMMARY GITHUB_OUTPUT
	report "$EVIL" --format github
	is "F162: oxg report --format github: status, nothing said" "$STATUS $(cat "$SAID")" "0 "
	check "F162: every line is an annotation" sh -c "python3 '$WORK/runner.py' '$WORK/stdout' >'$WORK/notes'"
	json "F162: ten of a kind at most, the worst first" "$WORK/notes" '(map(select(.kind == "error")) | length == 10) and
		(map(select(.kind == "notice")) | length == 1) and .[0].title == "crit: t" and .[0].message == "m"'
	like "F162: the rest is counted" "$(cat "$WORK/stdout")" '^oxg: 11 more findings'
	json "F159: a message is what was said, with what steers made visible" "$WORK/notes" \
		'any(.[]; .message | startswith("\n::error::at the beginning of a line\\u{d}\n::stop-commands::x"))'
	check "F162: the summary is appended" sh -c "head -n 1 '$SUMMARY' | grep -qx before && sed 1d '$SUMMARY' | cmp - '$WORK/one/md'"
	is "F162: outputs" "$(cat "$OUTPUT")" "decision=PASS
findings=23
folder=$EVIL"
	report "$R1" "$R2" --format github --json "$OUT/both.json"
	check "F162: beside another document, of two runs" test "$STATUS" -eq 0 -a -s "$OUT/both.json"
	for WHO in $IDENTITIES; do
		become "$WHO"
		: >"$SUMMARY"
		: >"$OUTPUT"
		run --fail-on high --format github "$PRINTER" -- print \
			'{"type":"t,:%","message":"a%0A::error::b","severity":"high","target":"/workspace/input/a,b:c.c:3"}' \
			'{"type":"t","message":"m","severity":"low","target":"x y.c:3:4"}'
		is "F162: ($WHO) oxg run --format github: its status" "$STATUS" 1
		check "F162: ($WHO) every line is an annotation" sh -c "python3 '$WORK/runner.py' '$OUT/stdout' >'$WORK/notes'"
		json "F162: ($WHO) the gate, then findings where they are" "$WORK/notes" '(.[0] | .title == "oxg gate: BLOCK") and
			(.[1] | .message == "a%0A::error::b\n/workspace/input/a,b:c.c:3" and .title == "high: t,:%") and
			.[2] == {kind: "notice", message: "m", file: "x y.c", line: "3", col: "4", title: "low: t"} and length == 3'
		is "F162: ($WHO) outputs" "$(cat "$OUTPUT")" "decision=BLOCK
findings=2
folder=$RUN"
		like "F162: ($WHO) the summary" "$(head -n 1 "$SUMMARY")" '^## oxg: BLOCK$'
		check "F162: ($WHO) the folder passes" "$OXG" check "$RUN"
		run --format github "$WORK/nowhere"
		is "F162: ($WHO) a refused run: status, annotation" "$STATUS $(grep -c '^::error title=oxg gate%3A BLOCK::.*nowhere' "$OUT/stdout")" "3 1"
		as "$OXG" run --trust "$TRUST" --out "$RUN" --format github "$PRINTER" >"$OUT/stdout" 2>"$ERR"
		is "F162: ($WHO) no folder: an annotation all the same" "$? $(grep -c '^::error title=oxg::.*run-' "$OUT/stdout")" "2 1"
	done
	become "${IDENTITIES%% *}"
	head -c 1048570 /dev/zero | tr '\0' x >"$SUMMARY"
	report "$R1" --format github
	is "F162: a summary without room stays as it is" "$STATUS $(stat -c %s "$SUMMARY")" "0 1048570"
	rm "$SUMMARY"
	report "$R1" --format github
	check "F162: a file that is not there is not made" test "$STATUS" -eq 0 -a ! -e "$SUMMARY"
	unset GITHUB_STEP_SUMMARY GITHUB_OUTPUT
}

# ---- folders that somebody wrote -----------------------------------------------------------------

# Copies of a folder with every text evil, or every member of another kind; with sums
# that fit.
cat >"$WORK/forge.py" <<'END'
import hashlib, json, os, shutil, sys
source, texts, to = sys.argv[1:]
def walk(v, t):
    return {k: walk(x, t) for k, x in v.items()} if isinstance(v, dict) else \
        [walk(x, t) for x in v] if isinstance(v, list) else t if isinstance(v, str) else v
def flat(v, t):
    return {k: {n: t for n in x} if isinstance(x, dict) else t for k, x in v.items()}
def write(folder, name, text):
    path = os.path.join(folder, name)
    os.chmod(path, 0o644)
    open(path, 'w').write(text)
odd = [None, True, [], {}, [[['x']]], {'a': {'b': '<b>'}}, -0.5, 10 ** 30, ['<b>', 1, None]]
for n, (change, t) in enumerate([(walk, json.loads(l)) for l in open(texts)] + [(flat, v) for v in odd]):
    folder = f'{to}/{n}'
    shutil.copytree(source, folder)
    os.chmod(folder, 0o755)
    for name in 'run.json', 'usage.json', 'gate_report.json':
        write(folder, name, json.dumps(change(json.load(open(f'{source}/{name}')), t)))
    if change == walk:
        f = {'plugin': t, 'type': t, 'message': t, 'target': t, 'severity': 'high', 'meta': {t.replace('\0', ''): t, 'oxg.x': t}}
        write(folder, 'findings.jsonl', json.dumps(f) + '\n')
    files = sorted(os.path.relpath(os.path.join(d, f), folder) for d, _, fs in os.walk(folder) for f in fs if f != 'SHA256SUMS')
    write(folder, 'SHA256SUMS', ''.join(hashlib.sha256(open(f'{folder}/{f}', 'rb').read()).hexdigest() + f'  {f}\n' for f in files))
END

forged() {
	mkdir "$WORK/forged" "$WORK/forge"
	check "F162: folders are forged" python3 "$WORK/forge.py" "$R1" "$WORK/evil" "$WORK/forge"
	: >"$WORK/lines"
	for forge in "$WORK/forge"/*; do
		n=$WORK/forged/${forge##*/}
		report "$forge" --sarif "$n.sarif" --json "$n.json" --md "$n.md" --junit "$n.junit" \
			--gitlab-codequality "$n.quality" --gitlab-sast "$n.sast"
		[ "$STATUS" -eq 0 ] || is "F162: forged folder ${forge##*/}: status, $(cat "$SAID")" "$STATUS" 0
		"$OXG" report "$forge" --format github >>"$WORK/lines"
	done
	good_documents "$WORK/forged" "whatever stands in a folder"
	check "F162: every line for a workflow is an annotation" sh -c "python3 '$WORK/runner.py' '$WORK/lines' >'$WORK/notes'"
	json "F162: of every folder" "$WORK/notes" 'map(select(.title | test("^oxg gate: "))) | length == 29'
	is "F162: and there are documents of all of them" "$(find "$WORK/forged" -type f -size +0 | wc -l)" 174
	report "$WORK/forge"/* --json "$WORK/forged/all.json" --junit "$WORK/forged/all.junit" --sarif "$WORK/forged/all.sarif" --md "$WORK/forged/all.md" \
		--gitlab-codequality "$WORK/forged/all.quality" --gitlab-sast "$WORK/forged/all.sast"
	good_documents "$WORK/forged" "all of it together"
}

# Texts as long as they may be, and bytes that are no text at all.
long() {
	fresh "$R1"
	head -c 1048000 /dev/zero | tr '\0' A >"$WORK/mib"
	jq -cn --rawfile m "$WORK/mib" '{plugin: "p", type: "t", message: "m", severity: "high"} |
		(.message = $m), (.type = $m), (.plugin = $m), (.target = $m + ":1")' >"$COPY/findings.jsonl"
	printf '{"plugin":"p","type":"t","message":"\377\376","severity":"high"}\n{"plugin":"p","type":"t","message":"\\ud800","severity":"high"}\n' >>"$COPY/findings.jsonl"
	printf '{"plugin":"p","type":"t","mess\\u0061ge":"an escape in a name","severity":"high"}\n' >>"$COPY/findings.jsonl"
	sums
	documents "$WORK/long" "$COPY"
	good_documents "$WORK/long" "texts of a MiB"
	json "F162: what is no UTF-8 is no finding" "$WORK/long/json" '.counts.unreadable == 2 and .counts.different == 5'
	json "F162: JSON has all of a text" "$WORK/long/json" '[.findings[].message | length] | max == 1048000'
	check "F162: other documents have its beginning" within 1 "$(cat "$WORK/long/sarif" "$WORK/long/md" "$WORK/long/quality" "$WORK/long/sast" | wc -c)" 40000
}

# KiB that the command had resident at most.
peak() {
	python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

flood() {
	fresh "$R1"
	head -n 1 "$R1/findings.jsonl" | jq -c '.message = "WORDS" | .severity = "med"' >"$WORK/line"
	awk -v line="$(cat "$WORK/line")" 'BEGIN { at = index(line, "WORDS")
		for (i = 1; i <= 100000; i++) print substr(line, 1, at - 1) "found " i substr(line, at + 5) }' >"$COPY/findings.jsonl"
	tail -n 1 "$COPY/findings.jsonl" | sed 's/"med"/"high"/; s/found 100000/the worst/' >"$WORK/worst"
	cat "$WORK/worst" >>"$COPY/findings.jsonl"
	sums
	set --
	for format in $ALL; do
		set -- "$@" "--$format" "$WORK/flood.$format"
	done
	check "F162: 100001 findings in all formats: less than 64 MiB" within 1 "$(peak "$OXG" report "$COPY" "$@")" 65536
	is "F162: JSON has them all" "$(jq '.findings | length' "$WORK/flood.json")" 100001
	is "F162: CSV too" "$(python3 "$WORK/table.py" "$WORK/flood.csv" | jq length)" 100001
	json "F162: SARIF has 25000, the worst first, and says how many more there are" "$WORK/flood.sarif" '.runs[0] |
		(.results | length == 25000) and .results[0].message.text == "the worst" and
		([.invocations[0].toolExecutionNotifications[].message.text] == ["75001 more findings are in findings.jsonl alone: the worst are here"])'
}

sarif_of_runs
sarif_rules
sarif_checked
one_run
many_runs
files
workflow
forged
tables
long
flood
finish
