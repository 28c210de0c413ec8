#!/bin/sh
# Findings and the run folder: what is written, in which form, that it can be
# checked without oxg, and that one changed byte is noticed.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
plugin mute "$HOSTILE" '.capabilities = ["CAP_REPORT"]'
MUTE=$PLUGIN
become "$WHO"

# request METHOD PARAMS: one line for "hostile rpc", with its token.
request() {
	printf '{"jsonrpc":"2.0","id":7,"method":"%s","params":{"token":"@TOKEN@"%s}}' "$1" "${2:+,$2}"
}

emit() {
	request finding.emit "\"finding\":{$1}"
}

answers() {
	cat "$RUN/logs/stdout.log"
}

# ---- a finding, to the letter ------------------------------------------------------

valid() {
	run "$DEED" -- rpc "$(emit '"severity":"critical","message":"<b>&\u2028 \u00e9","type":"web.xss","target":"http://x/?a=1&b","evidence":"proof","meta":{"z":"1","a":"2"}')"
	is "F146: a valid finding is accepted" "$STATUS $(grep -c '"result"' "$RUN/logs/stdout.log")" "0 1"
	is "F146: and is the only line" "$(wc -l <"$RUN/findings.jsonl")" 1
	cp "$RUN/findings.jsonl" "$WORK/finding.json"
	is "F146: members in 0xGen's order" "$(jq -r 'keys_unsorted | join(" ")' "$WORK/finding.json")" \
		"version id plugin type message target evidence severity ts meta"
	json "F146: version, plugin, id, ts" "$WORK/finding.json" '.version == "0.2" and
		.plugin == "hostile" and (.id | test("^[0-7][0-9A-HJKMNP-TV-Z]{25}$")) and
		(.ts | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))'
	json "F146: what it says" "$WORK/finding.json" '.type == "web.xss" and
		.message == "<b>&\u2028 é" and .target == "http://x/?a=1&b" and .evidence == "proof"'
	check "F146: < > & and U+2028 are written as escapes" \
		grep -qF '"message":"\u003cb\u003e\u0026\u2028 é"' "$WORK/finding.json"
	json "F161: critical is written crit" "$WORK/finding.json" '.severity == "crit"'
	json "F146: meta is sorted" "$WORK/finding.json" '(.meta | keys_unsorted) == (.meta | keys)'
	json "F147: the plugin's version" "$WORK/finding.json" '.meta["oxg.plugin_version"] == "1.2.3"'
	json "F150: the signed binary that produced it" "$WORK/finding.json" \
		'.meta["oxg.artifact_sha256"] == "'"$(sha256sum <"$DEED/hostile" | cut -c1-64)"'" and
		.meta["oxg.key_id"] == "'"$(openssl pkey -pubin -in "$WORK/test.pub" -outform DER | sha256sum | cut -c1-64)"'"'
	json "F149: the digest of its evidence" "$WORK/finding.json" \
		'.meta["oxg.evidence_sha256"] == "'"$(printf proof | sha256sum | cut -c1-64)"'"'
	json "F151: run and task" "$WORK/finding.json" \
		'.meta["oxg.run_id"] == "'"$(jq -r .run_id "$RUN/run.json")"'" and
		.meta["oxg.task_id"] == "'"$(jq -r .task_id "$RUN/run.json")"'"'
	json "F148: the configuration's fingerprint" "$WORK/finding.json" \
		'.meta["oxg.config_sha256"] == "'"$(jq -r .config_sha256 "$RUN/run.json")"'" and
		(.meta["oxg.config_sha256"] | test("^[0-9a-f]{64}$"))'
	first=$(jq -r .config_sha256 "$RUN/run.json")
	run "$DEED" -- true
	is "F148: equal configuration, equal fingerprint" "$(jq -r .config_sha256 "$RUN/run.json")" "$first"
	run --memory 100M "$DEED" -- true
	check "F148: another limit, another fingerprint" test "$(jq -r .config_sha256 "$RUN/run.json")" != "$first"
	for pair in info:info low:low medium:med high:high; do
		run "$DEED" -- emit 1 "${pair%:*}"
		is "F161: severity ${pair%:*}" "$(jq -r .severity "$RUN/findings.jsonl")" "${pair#*:}"
	done
}

# refused_finding WHAT MEMBERS: an error, a rejection counted, nothing written.
refused_finding() {
	run "$DEED" -- rpc "$(emit "$2")"
	json "F146: $1 is refused" "$RUN/run.json" '.findings.accepted == 0 and .findings.rejected == 1'
	check "F146: $1: an error is answered" grep -q '"error":{"code":-32602' "$RUN/logs/stdout.log"
	is "F146: $1: nothing is written" "$(wc -c <"$RUN/findings.jsonl")" 0
	check "F127: $1: the journal says so" grep -q finding "$RUN/journal/events.jsonl"
}

invalid() {
	ok='"type":"t","message":"m","severity":"low"'
	refused_finding "a forged plugin name" "$ok,\"plugin\":\"other\""
	refused_finding "the supervisor's own type" '"type":"oxg.supervisor.termination","message":"m","severity":"high"'
	refused_finding "the supervisor's own meta" "$ok,\"meta\":{\"sandbox.termination_reason\":\"killed\"}"
	refused_finding "forged provenance" "$ok,\"meta\":{\"oxg.run_id\":\"x\"}"
	refused_finding "an unknown member" "$ok,\"host\":\"x\""
	refused_finding "no message" '"type":"t","severity":"low"'
	refused_finding "a severity that is none" '"type":"t","message":"m","severity":"urgent"'
	refused_finding "a number for a text" '"type":"t","message":7,"severity":"low"'
	run "$DEED" -- rpc "$(emit "$ok,\"type\":\"u\"")"
	is "F146: a member twice is refused" "$(wc -c <"$RUN/findings.jsonl")" 0
	run "$DEED" -- rpc "$(emit "$ok,\"meta\":{\"a\":\"\\ud800\"}")"
	is "F146: a lone surrogate is refused" "$(wc -c <"$RUN/findings.jsonl")" 0
	run "$MUTE" -- rpc "$(emit "$ok")"
	check "F112: without CAP_EMIT_FINDINGS: -32001" grep -q '"code":-32001' "$RUN/logs/stdout.log"
	is "F112: and nothing is written" "$(wc -c <"$RUN/findings.jsonl")" 0
	json "F126: the grant is what was asked for and given" "$RUN/run.json" '.capabilities ==
		{requested: ["CAP_REPORT"], granted: [], refused: ["CAP_REPORT"]}'
}

from_stdout() {
	run "$PRINTER" -- print '{"type":"a","message":"one","severity":"low"}' 'not json' \
		'{"type":"b","message":"two","severity":"high","plugin":"printer"}' \
		'{"type":"c","message":"three","severity":"low","plugin":"hostile"}' ''
	is "F146: stdout lines that are findings" "$(jq -r .message "$RUN/findings.jsonl" | tr '\n' ' ')" "one two "
	json "F146: and those that are none, counted" "$RUN/run.json" \
		'.findings.accepted == 2 and .findings.rejected >= 2 and
		.findings.by_severity == {info: 0, low: 1, med: 0, high: 1, crit: 0}'
	is "F138: stdout is kept as it was" "$(grep -c . "$RUN/logs/stdout.log")" 4
	run "$DEED" -- print '{"type":"a","message":"one","severity":"low"}'
	is "F146: other plugins' stdout is text" "$(wc -c <"$RUN/findings.jsonl")" 0
}

# ---- the broker ---------------------------------------------------------------------------

broker() {
	run "$DEED" -- rpc '{"jsonrpc":"2.0","id":1,"method":"finding.emit","params":{"token":"x.y","finding":{}}}' \
		'{"jsonrpc":"2.0","id":"two","method":"finding.emit","params":{"finding":{}}}' \
		"$(request no.such)" "$(request http.request '"url":"http://127.0.0.1/"')" '[]' 'null' '{'
	is "F123: a token that is none: -32002" "$(answers | sed -n 1p | jq -c '[.id, .error.code]')" '[1,-32002]'
	is "F123: no token at all: -32002" "$(answers | sed -n 2p | jq -c '[.id, .error.code]')" '["two",-32002]'
	is "F131: an unknown method: -32601" "$(answers | sed -n 3p | jq .error.code)" -32601
	check "F105: no network method without its capability" test "$(answers | sed -n 4p | jq .error.code)" -lt 0
	is "F140: no request: -32600" "$(answers | sed -n 5p | jq .error.code)" -32600
	is "F140: no JSON: -32700" "$(answers | sed -n 7p | jq .error.code)" -32700
	is "F140: none of it hurts" "$(reason)" exited
	json "F127: refusals are counted" "$RUN/run.json" '.broker.requests >= 4 and .broker.refused >= 4'

	run "$DEED" -- garbage
	is "F140: garbage and half a line" "$STATUS $(reason)" "0 exited"
	run "$DEED" -- long-line 2
	check "F140: a line of two MiB is refused" grep -q '"error"' "$RUN/logs/stdout.log"
	is "F140: and that is all" "$(reason)" exited
	# He hurts himself alone: at 1 MiB of unread answers no request of his is read,
	# and he ends by his own limit. That the broker rests meanwhile: t/broker.t.
	run --timeout 2s "$DEED" -- deaf 10000000
	is "F066: who never reads answers ends by his own limit" "$STATUS $(reason)" "124 timeout"
	check "F066: and stops nobody else" within 2000000000 "$(jq .usage.wall_ns "$RUN/usage.json")" 3500000000
	run "$DEED" -- bad-requests 2000
	check "F125: too many refusals revoke the token" not grep -q emitted=1 "$RUN/logs/stdout.log"

	echo '{"task_id":"task-7","n":1}' >"$WORK/task.json"
	run --task "$WORK/task.json" "$DEED" -- rpc "$(request task.pull)"
	check "F131: task.pull gives the task" sh -c "jq -e '.result | tostring | contains(\"task-7\")' '$RUN/logs/stdout.log'"
	is "F151: the task is kept with the run" "$(jq .n "$RUN/inputs/task.json")" 1
	json "F151: with its digest" "$RUN/run.json" \
		'.task_sha256 == "'"$(sha256sum <"$WORK/task.json" | cut -c1-64)"'"'
	run "$DEED" -- rpc "$(request log '"level":"info","message":"hello from inside"')"
	check "F138: log reaches the journal" grep -q 'hello from inside' "$RUN/journal/events.jsonl"
	run "$DEED" -- rpc "$(request token.issue)" "$(request log '"level":"info","message":"m"')"
	check "F124: token.issue renews" grep -q '"token"' "$RUN/logs/stdout.log"
	check "F127: each issue is journalled" test "$(grep -c '"type":"token.issue"' "$RUN/journal/events.jsonl")" -ge 2
	run "$DEED" -- rpc "$(request token.revoke)" "$(request log '"level":"info","message":"m"')"
	is "F125: a revoked token is worth nothing" "$(answers | sed -n 2p | jq .error.code)" -32002
	check "F133: no token stands anywhere in a folder" not grep -rqE 'eyJ[A-Za-z0-9_-]{30,}\.' "$OUT"
}

# ---- the folder -----------------------------------------------------------------------------

chain() {
	previous=$(printf '%064d' 0)
	number=0
	while IFS= read -r line; do
		number=$((number + 1))
		[ "$(echo "$line" | jq -r '"\(.seq) \(.prev)"')" = "$number $previous" ] || return 1
		previous=$(printf '%s' "$line" | sha256sum | cut -c1-64)
	done <"$RUN/journal/events.jsonl"
	[ "$(jq -r '"\(.events) \(.head)"' "$WORK/journal")" = "$number $previous" ]
}

folder() {
	mkdir -p "$WORK/input"
	echo x >"$WORK/input/x"
	run --input "$WORK/input" --task "$WORK/task.json" "$DEED" -- emit 3
	for name in run.json findings.jsonl journal/events.jsonl verifier_report.json gate_report.json \
		SHA256SUMS usage.json report.html report.sarif inputs/manifest.json inputs/policy.json \
		inputs/task.json logs/stdout.log logs/stderr.log; do
		check "F164: $name is there" test -f "$RUN/$name"
	done
	check "F156: sha256sum agrees" sh -c "cd '$RUN' && sha256sum --quiet -c SHA256SUMS"
	is "F156: SHA256SUMS covers everything" \
		"$(cd "$RUN" && find . -type f ! -name SHA256SUMS | cut -c3- | sort)" \
		"$(cut -c67- "$RUN/SHA256SUMS" | sort)"
	is "F163: files are read-only" "$(find "$RUN" -type f ! -perm 444)" ""
	is "F163: directories too" "$(find "$RUN" -type d ! -perm 555)" ""
	jq .journal "$RUN/run.json" >"$WORK/journal"
	check "F176: the chain, computed by sha256sum" chain
	is "F182: every document has a schema_version" \
		"$(for f in "$RUN"/*.json; do jq 'has("schema_version")' "$f"; done | sort -u)" true
	is "F156: the manifest is the plugin's" "$(sha256sum <"$RUN/inputs/manifest.json")" \
		"$(sha256sum <"$DEED/manifest.json")"
	json "F165: the verifier passes" "$RUN/verifier_report.json" \
		'.status == "PASS" and (.checks | length) >= 6 and all(.checks[]; .status != "FAIL")'
	json "F166: the gate passes, its policy named" "$RUN/gate_report.json" \
		'.decision == "PASS" and .policy_snapshot_hash == "'"$(sha256sum <"$RUN/inputs/policy.json" | cut -c1-64)"'"
		and .reasons == (.reasons | sort)'
	json "F171: and the profile" "$RUN/run.json" '.policy.profile == "default" and .isolation.tier == "namespaces"'
	json "F020: the input's digest" "$RUN/run.json" '.input | .snapshotted and .files == 1 and .bytes == 2 and .sha256 ==
		"'"$(cd "$WORK/input" && sha256sum x | sha256sum | cut -c1-64)"'"'
	check "F156: oxg check agrees" "$OXG" check "$RUN"
	check "F155: and the report is made again" sh -c "'$OXG' report '$RUN' --html '$WORK/again.html' && cmp '$WORK/again.html' '$RUN/report.html'"
	check "F168: the gate is decided again" sh -c \
		"cp '$RUN/inputs/policy.json' '$WORK/p.json' && '$OXG' gate '$RUN' --policy '$WORK/p.json'"
}

# One byte of every file of a folder, changed or taken away.
tampering() {
	cp -R "$RUN" "$WORK/copy"
	chmod -R u+w "$WORK/copy"
	for name in $(cd "$RUN" && find . -type f -size +0 | cut -c3- | sort); do
		size=$(stat -c %s "$RUN/$name")
		at=$((size / 2))
		{ head -c $at "$RUN/$name" && head -c $((at + 1)) "$RUN/$name" | tail -c 1 | tr '\000-\377' '\001-\377\000' &&
			tail -c +$((at + 2)) "$RUN/$name"; } >"$WORK/copy/$name"
		"$OXG" check "$WORK/copy" >/dev/null 2>"$WORK/said"
		is "F178: one byte of $name: status 5" "$?" 5
		cp "$RUN/$name" "$WORK/copy/$name"
	done
	for name in findings.jsonl logs/stdout.log; do
		rm -f "$WORK/copy/$name"
		"$OXG" check "$WORK/copy" >/dev/null 2>&1
		is "F178: $name gone: status 5" "$?" 5
		cp "$RUN/$name" "$WORK/copy/$name"
	done
	echo >"$WORK/copy/extra"
	"$OXG" check "$WORK/copy" >/dev/null 2>&1
	is "F178: a file too many: status 5" "$?" 5
	rm "$WORK/copy/extra"
	# Lies that fit together: a finding taken away, the sums made anew.
	sed -i 1d "$WORK/copy/findings.jsonl"
	(cd "$WORK/copy" && cut -c67- "$RUN/SHA256SUMS" | xargs sha256sum >SHA256SUMS)
	"$OXG" check "$WORK/copy" >/dev/null 2>&1
	is "F178: a finding taken away with new sums: status 5" "$?" 5
	cp -f "$RUN/findings.jsonl" "$WORK/copy/"
	sed -i 's/"PASS"/"BLOCK"/' "$WORK/copy/gate_report.json"
	(cd "$WORK/copy" && cut -c67- "$RUN/SHA256SUMS" | xargs sha256sum >SHA256SUMS)
	"$OXG" check "$WORK/copy" >/dev/null 2>&1
	is "F178: another gate decision with new sums: status 5" "$?" 5
	cp -f "$RUN/gate_report.json" "$RUN/SHA256SUMS" "$WORK/copy/"
	check "F178: put back, it passes" "$OXG" check "$WORK/copy"
	mv "$WORK/copy" "$WORK/copy.partial"
	"$OXG" check "$WORK/copy" >/dev/null 2>&1
	is "F163: no folder: status 5" "$?" 5
}

gate() {
	for pair in low:0 med:1 high:1; do
		run --fail-on high "$DEED" -- emit 1 low
		is "F167: a low finding under --fail-on high passes" "$STATUS" 0
		break
	done
	run --fail-on med "$DEED" -- emit 1 high
	is "F095: a high finding at --fail-on med: status 1" "$STATUS" 1
	json "F166: the gate blocks and says why" "$RUN/gate_report.json" \
		'.decision == "BLOCK" and (.reasons | length) >= 1'
	check "F156: a blocked run is good evidence" "$OXG" check "$RUN"
	run "$DEED" -- exit 3
	json "F167: a failed plugin does not pass the gate" "$RUN/gate_report.json" '.decision == "BLOCK"'
	is "F095: what happened outranks the gate" "$STATUS" 10
}

report() {
	run "$DEED" -- rpc "$(emit '"type":"x<script>","message":"</td><script>alert(1)</script>\" onload=x","severity":"high","target":"javascript:alert(1)"')"
	page=$RUN/report.html
	check "F153: nothing of a plugin is markup" not grep -qi '<script' "$page"
	check "F153: and nothing is an attribute of its own" not grep -q '" onload=x' "$page"
	check "F153: the finding is shown" grep -q 'alert(1)' "$page"
	tells "F153: a content security policy" "$page" "default-src 'none'"
	check "F153: no resource from elsewhere" not grep -Eqi '(src|href)="?(https?:)?//' "$page"
	check "F153: no link that runs" not grep -qi 'href="javascript' "$page"
}

# Twice the same, but for what was measured.
again() {
	id=01JAAAAAAAAAAAAAAAAAAAAAAA
	for n in 1 2; do
		rm -rf "$OUT/once-$n"
		as env SOURCE_DATE_EPOCH=1700000000 "$OXG" run --trust "$TRUST" --out "$OUT/once-$n" --run-id "$id" \
			--input "$WORK/input" "$DEED" -- emit 5 2>"$ERR" >/dev/null
	done
	RUN=$OUT/once-1
	is "F154: equal bytes but for usage.json and its digest" \
		"$(diff -rq "$OUT/once-1" "$OUT/once-2" | grep -vE '/(usage.json|SHA256SUMS) and ')" ""
	is "F154: and only that digest" "$(diff "$OUT/once-1/SHA256SUMS" "$OUT/once-2/SHA256SUMS" |
		grep '^[<>]' | grep -v ' usage.json$')" ""
	json "F154: the clock stands still" "$RUN/run.json" \
		'.run_id == "'$id'" and .started == "2023-11-14T22:13:20Z" and .finished == .started'
	check "F156: both pass" "$OXG" check "$OUT/once-1"
}

places() {
	mkdir "$OUT/cwd"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533 "$OUT/cwd"
	(cd "$OUT/cwd" && as "$OXG" run --trust "$TRUST" "$DEED" -- true 2>/dev/null >&2)
	id=$(find "$OUT/cwd/out" -mindepth 1 -maxdepth 1 -type d -printf '%f')
	like "F152: out/<run id> by default" "$id" '^[0-7][0-9A-HJKMNP-TV-Z]{25}$'
	is "F152: out/latest points to it" "$(readlink "$OUT/cwd/out/latest")" "$id"
	check "F152: and is good evidence" "$OXG" check "$OUT/cwd/out/$id"
	run --json "$DEED" -- emit 1
	json "F189: --json is one object on stdout" "$OUT/stdout" 'type == "object"'
	is "F189: and nothing else" "$(jq -s length "$OUT/stdout")" 1
}

valid
invalid
from_stdout
broker
folder
tampering
gate
report
again
places
finish
