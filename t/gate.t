#!/bin/sh
# oxg gate: a decision is a function of stored evidence and a policy, to the
# byte. The evidence in t/golden/gate was written by hand, its journal chained by
# sha256sum, and the reports that are expected were worked out from the rules.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

GOLDEN=$(cd "${0%/*}" && pwd)/golden/gate
FOLDER=$WORK/folder
SAID=$WORK/said
trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
become "$WHO"

# ---- helpers --------------------------------------------------------------------

fresh() {
	rm -rf "$FOLDER"
	cp -R "$GOLDEN/evidence" "$FOLDER"
}

# edit FILE JQ: changes a document.
edit() {
	jq "$2" "$FOLDER/$1" >"$WORK/edited" && cp "$WORK/edited" "$FOLDER/$1"
}

seal() {
	rm -f "$FOLDER/SHA256SUMS"
	(cd "$FOLDER" && find . -type f -printf '%P\n' | sort | xargs -r sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$FOLDER/SHA256SUMS"
}

# gate POLICY: the report in $WORK/report, STATUS, $SAID.
gate() {
	as timeout -k 1 20 "$OXG" gate --json "$FOLDER" --policy "$1" >"$WORK/report" 2>"$SAID"
	STATUS=$?
}

# golden NAME POLICY STATUS: the very bytes.
golden() {
	seal
	gate "$GOLDEN/policy-$2.json"
	is "F169: $1: status" "$STATUS" "$3"
	check "F169: $1: the report, to the byte" diff "$GOLDEN/expect-$1.json" "$WORK/report"
	is "F168: $1: nothing else is said" "$(wc -c <"$SAID")" 0
}

# decides WHAT POLICY STATUS DECISION REASON...: the reasons, in their order.
decides() {
	what=$1 due=$3 word=$4
	seal
	gate "$2"
	shift 4
	is "F169: $what: status and decision" "$STATUS $(jq -r .decision "$WORK/report")" "$due $word"
	is "F169: $what: the reasons" "$(jq -r '.reasons[]' "$WORK/report")" \
		"$([ $# -eq 0 ] || printf '%s\n' "$@")"
	json "F168: $what: reasons are sorted, and those of the rules" "$WORK/report" \
		'.reasons == (.reasons | sort) and (.reasons | length) ==
		([.rules[] | select(.result == "block" or .result == "approval")] | length)'
}

# policy JQ: the golden default policy, changed. POLICY is its file.
policy() {
	POLICY=$WORK/policy.json
	jq "$1" "$GOLDEN/policy-default.json" >"$POLICY"
}

rule() {
	jq -r '.rules[] | select(.rule == "'"$1"'") | "\(.result): \(.detail)"' "$WORK/report"
}

# ---- golden files ----------------------------------------------------------------------

goldens() {
	fresh
	golden pass default 0
	fresh
	mkdir -p "$FOLDER/changes/.git" "$FOLDER/changes/src"
	echo x | tee "$FOLDER/changes/.git/config" "$FOLDER/changes/policy.json" "$FOLDER/changes/src/keys" \
		"$FOLDER/changes/keysmith" "$FOLDER/changes/.gitignore" >/dev/null
	golden approval default 6
	fresh
	edit run.json '.broker.refused = 1 | .plugin.signed = false | .trust.allow_unsigned = true'
	golden strict strict 1
	fresh
	edit run.json '.ending = {reason: "timeout", detail: "x"} | .evidence_complete = false'
	edit verifier_report.json '.status = "FAIL"'
	mkdir "$FOLDER/changes"
	echo x >"$FOLDER/changes/keys"
	golden terminated default 1
	rm -rf "$FOLDER"
	mkdir "$FOLDER"
	golden empty default 1
	fresh
	rm "$FOLDER/logs/stdout.log"
	echo '{"schema_version":1,' >"$FOLDER/verifier_report.json"
	sed -i '2s/low/urgent/g' "$FOLDER/findings.jsonl"
	sed -i '2s/PASS/FAIL/' "$FOLDER/journal/events.jsonl"
	golden unreadable strict 1
}

# ---- rule by rule -------------------------------------------------------------------------

# Five findings, one of each severity.
fail_on() {
	n=0
	for severity in crit high med low info; do
		n=$((n + 1))
		fresh
		policy ".gate.fail_on = \"$severity\""
		decides "fail_on $severity" "$POLICY" 1 BLOCK "$n of 5 findings at or over severity $severity"
	done
	for severity in crit high med; do
		fresh
		sed -i '3,$d' "$FOLDER/findings.jsonl"
		policy ".gate.fail_on = \"$severity\""
		decides "fail_on $severity, info and low found" "$POLICY" 0 PASS
		is "F190: what was counted" "$(rule fail_on)" "pass: 0 of 2 findings at or over severity $severity"
	done
	fresh
	: >"$FOLDER/findings.jsonl"
	policy '.gate.fail_on = "info"'
	decides "fail_on info, nothing found" "$POLICY" 0 PASS
	fresh
	sed -i '2,$d' "$FOLDER/findings.jsonl"
	decides "fail_on info, one found" "$POLICY" 1 BLOCK "1 of 1 finding at or over severity info"
	fresh
	policy '.gate.fail_on = "crit"'
	rm "$FOLDER/findings.jsonl"
	decides "fail_on, no findings.jsonl" "$POLICY" 1 BLOCK \
		'evidence is missing: findings.jsonl' \
		'there are no findings to count: findings.jsonl is missing'
	# What is no finding cannot be passed over, whatever stands in the line.
	for line in '' '{}' '[]' 'null' '{"severity":"none"}' '{"severity":"LOW"}' '{"severity":5}' \
		'{"severity":"low"} {}' '{"severity":"low","severity":"low"}' '{"severity":"low"'; do
		fresh
		sed -i '4,$d' "$FOLDER/findings.jsonl"
		printf '%s\n' "$line" >>"$FOLDER/findings.jsonl"
		decides "a line \"$line\"" "$POLICY" 1 BLOCK \
			'evidence is unreadable: findings.jsonl line 4' \
			'line 4 of findings.jsonl is no finding, so they cannot be counted'
	done
	fresh
	sed -i '4,$d' "$FOLDER/findings.jsonl"
	printf '{"severity":"low"}' >>"$FOLDER/findings.jsonl"
	decides "a last line without its newline" "$POLICY" 1 BLOCK \
		'evidence is unreadable: findings.jsonl line 4' \
		'line 4 of findings.jsonl is no finding, so they cannot be counted'
}

signature() {
	policy .
	fresh
	edit run.json '.plugin.signed = false'
	decides "no signature" "$POLICY" 1 BLOCK 'the plugin is not signed by a trusted key'
	for lie in 'null' '"true"' '1' '{}' '[true]'; do
		fresh
		edit run.json ".plugin.signed = $lie"
		decides "signed: $lie" "$POLICY" 1 BLOCK 'the plugin is not signed by a trusted key'
	done
	fresh
	edit run.json '.plugin = null'
	decides "no plugin" "$POLICY" 1 BLOCK 'the plugin is not signed by a trusted key'
	fresh
	edit run.json '.plugin.signed = false | .trust.allow_unsigned = true'
	decides "--allow-unsigned" "$POLICY" 0 PASS
	decides "--allow-unsigned, judged strictly" "$GOLDEN/policy-strict.json" 1 BLOCK \
		'2 of 5 findings at or over severity high' 'the plugin is not signed by a trusted key'
	policy '.gate.require_signature = false'
	edit run.json '.trust.allow_unsigned = false'
	decides "no signature required" "$POLICY" 0 PASS
	is "F167: which is said" "$(rule signature_required)" "not_applicable: the policy requires no signature"
}

denied() {
	policy '.gate.on_denied = "block"'
	fresh
	decides "on_denied block, nothing denied" "$POLICY" 0 PASS
	edit run.json '.broker.refused = 1'
	decides "on_denied block, one refused" "$POLICY" 1 BLOCK 'the broker refused 1 request'
	edit run.json '.broker.refused = 4711'
	decides "on_denied block, many refused" "$POLICY" 1 BLOCK 'the broker refused 4711 requests'
	decides "on_denied record, many refused" "$GOLDEN/policy-default.json" 0 PASS
	fresh
	edit run.json '.ledger.refused = 1'
	decides "on_denied block, the kernel refused" "$POLICY" 1 BLOCK \
		'the kernel refused 1 operation: see ledger.jsonl'
	edit run.json '.ledger.refused = 0 | .ledger.heard = false'
	decides "on_denied block, nobody heard the kernel" "$POLICY" 1 BLOCK \
		'what the kernel refused was not told: nobody can say that nothing was'
	for lie in null '{}' '{"heard":true}' '{"heard":true,"refused":"0"}'; do
		fresh
		edit run.json ".ledger = $lie"
		decides "ledger: $lie" "$POLICY" 1 BLOCK \
			'run.json does not say how many operations the kernel refused'
	done
	for lie in null '{}' '{"refused":"0"}' '{"refused":0.5}'; do
		fresh
		edit run.json ".broker = $lie"
		decides "broker: $lie" "$POLICY" 1 BLOCK 'run.json does not say how many requests were refused'
	done
}

protected() {
	policy '.paths.protected = ["a/b", "c"]'
	for touch in a/b a/b/x a/b/x/y c; do
		fresh
		mkdir -p "$FOLDER/changes/${touch%/*}"
		rmdir "$FOLDER/changes/$touch" 2>/dev/null
		echo >"$FOLDER/changes/$touch"
		decides "a change to $touch" "$POLICY" 6 REQUIRE_APPROVAL \
			"1 change to protected paths, the first to $touch"
	done
	fresh
	mkdir "$FOLDER/changes"
	echo >"$FOLDER/changes/a"
	decides "a file where a protected directory was" "$POLICY" 6 REQUIRE_APPROVAL \
		"1 change to protected paths, the first to a"
	for harmless in a/bc a/c cc b d/c d/a/b A/B; do
		fresh
		mkdir -p "$FOLDER/changes/$harmless"
		echo >"$FOLDER/changes/$harmless/x"
		decides "a change to $harmless" "$POLICY" 0 PASS
	done
	fresh
	mkdir -p "$FOLDER/changes" "$FOLDER/artifacts"
	echo >"$FOLDER/changes/c"
	echo >"$FOLDER/artifacts/c"
	edit run.json '.ending.exit_status = 3'
	decides "an approval never lifts a BLOCK" "$POLICY" 1 BLOCK \
		'1 change to protected paths, the first to c' 'the plugin failed with exit status 3'
	fresh
	mkdir -p "$FOLDER/changes"
	echo >"$FOLDER/changes/c"
	policy '.paths.protected = ["a/b", "c"] | .gate.require_approval_on_protected_paths = false'
	decides "no approval asked for" "$POLICY" 0 PASS
	policy '.paths.protected = []'
	decides "nothing protected" "$POLICY" 0 PASS
}

termination() {
	policy .
	for reason in timeout cpu_limit memory_limit killed; do
		fresh
		edit run.json ".ending = {reason: \"$reason\", detail: \"x\"}"
		decides "stopped: $reason" "$POLICY" 1 BLOCK "the plugin was terminated ($reason)"
	done
	fresh
	edit run.json '.ending = {reason: "crashed", signal: 11, signal_name: "SIGSEGV", detail: "x"}'
	decides "crashed" "$POLICY" 1 BLOCK 'the plugin crashed (SIGSEGV)'
	fresh
	edit run.json '.ending.exit_status = 1'
	decides "exit status 1" "$POLICY" 1 BLOCK 'the plugin failed with exit status 1'
	fresh
	edit run.json 'del(.ending.exit_status)'
	decides "no exit status" "$POLICY" 1 BLOCK 'run.json does not say how the plugin exited'
	fresh
	edit run.json '.ending = null'
	rm "$FOLDER/findings.jsonl" "$FOLDER"/logs/*
	decides "refused" "$POLICY" 1 BLOCK 'the plugin was not executed'
	fresh
	edit run.json '.ending.reason = "exited\u0000"'
	decides "a reason that only begins like one" "$POLICY" 1 BLOCK 'the plugin was terminated ()'
}

# Missing evidence is BLOCK, one document after the other.
missing() {
	policy .
	for name in findings.jsonl inputs/policy.json logs/stderr.log logs/stdout.log; do
		fresh
		rm "$FOLDER/$name"
		decides "$name is missing" "$POLICY" 1 BLOCK "evidence is missing: $name"
	done
	fresh
	rm "$FOLDER/journal/events.jsonl"
	decides "the journal is missing" "$POLICY" 1 BLOCK \
		'evidence is missing: journal/events.jsonl' 'the journal is missing'
	fresh
	rm "$FOLDER/verifier_report.json"
	decides "the verifier report is missing" "$POLICY" 1 BLOCK \
		'evidence is missing: verifier_report.json' 'the verifier report has no status'
	fresh
	rm "$FOLDER/run.json"
	decides "run.json is missing" "$POLICY" 1 BLOCK \
		'evidence is missing: run.json' \
		'the evidence is not complete: the broker did not record the end' \
		'the journal does not end where run.json says it does' \
		'the plugin is not signed by a trusted key' \
		'the plugin was not executed'
	fresh
	rm "$FOLDER/usage.json" "$FOLDER/inputs/manifest.json"
	decides "what it does not read may be missing" "$POLICY" 0 PASS
	fresh
	edit verifier_report.json '.status = "FAIL" | .checks[0].status = "FAIL" | .checks[2].status = "FAIL"'
	decides "two checks failed" "$POLICY" 1 BLOCK 'the verifier report says FAIL: manifest, isolation'
	for broken in '' '[]' 'true' '{"status":"PASS"' '{"status":"PASS"} x' '{"status":"PASS","status":"PASS"}'; do
		fresh
		printf '%s' "$broken" >"$FOLDER/verifier_report.json"
		decides "a verifier report \"$broken\"" "$POLICY" 1 BLOCK \
			'evidence is unreadable: verifier_report.json' 'the verifier report has no status'
	done
	for broken in '{}' '{"status":"pass"}' '{"status":true}' '{"status":"PASS\u0000"}' '{"status":["PASS"]}' \
		'{"x":{"status":"PASS"}}'; do
		fresh
		printf '%s' "$broken" >"$FOLDER/verifier_report.json"
		decides "a verifier report $broken" "$POLICY" 1 BLOCK 'the verifier report has no status'
	done
	for lie in null '"true"' 1 false; do
		fresh
		edit run.json ".evidence_complete = $lie"
		decides "evidence_complete: $lie" "$POLICY" 1 BLOCK \
			'the evidence is not complete: the broker did not record the end'
	done
}

journal() {
	policy .
	ends='the journal does not end where run.json says it does'
	fresh
	sed -i '$d' "$FOLDER/journal/events.jsonl"
	decides "the last event gone" "$POLICY" 1 BLOCK "$ends"
	fresh
	: >"$FOLDER/journal/events.jsonl"
	decides "an empty journal" "$POLICY" 1 BLOCK "$ends"
	for change in '.events = 5' '.events = "4"' '.head = "0" * 64' '.head |= . + "0"' 'del(.head)'; do
		fresh
		edit run.json ".journal |= ($change)"
		decides "run.json: journal $change" "$POLICY" 1 BLOCK "$ends"
	done
	fresh
	sed -i '1s/run.start/run.stare/' "$FOLDER/journal/events.jsonl"
	seal
	gate "$POLICY"
	is "F176: a broken chain" "$STATUS" 1
	like "F176: names the line" "$(rule journal_chain)" '^block: .*line 2'
}

# ---- the same bytes for ever ---------------------------------------------------------------

pure() {
	fresh
	seal
	gate "$GOLDEN/policy-default.json"
	cp "$WORK/report" "$WORK/first"
	cp -R "$FOLDER" "$WORK/elsewhere, later"
	touch -d 2001-01-01 "$WORK/elsewhere, later/run.json"
	for who in $IDENTITIES; do
		become "$who"
		(cd / && as env TZ=Asia/Tokyo LC_ALL=tr_TR.UTF-8 SOURCE_DATE_EPOCH=1 HOME=/nonexistent \
			"$OXG" gate --policy "$GOLDEN/policy-default.json" --json "$WORK/elsewhere, later") >"$WORK/second"
		check "F168: ($WHO) another place, time, locale: the same bytes" cmp "$WORK/first" "$WORK/second"
	done
	become "${IDENTITIES%% *}"
	edit usage.json '.usage.cpu_ns = 7'
	echo x >"$FOLDER/report.html"
	cp "$GOLDEN/expect-strict.json" "$FOLDER/gate_report.json"
	golden pass default 0
	# A policy is what it means, not how it was written.
	echo '{"schema_version":1}' >"$WORK/policy.json"
	gate "$WORK/policy.json"
	check "F171: the profile alone is the same policy" cmp "$WORK/first" "$WORK/report"
	jq --indent 7 'to_entries | reverse | from_entries | .resources.cpu = "1m" | .resources.memory = "512M"' \
		"$GOLDEN/policy-default.json" >"$WORK/policy.json"
	gate "$WORK/policy.json"
	check "F171: nor do order and blanks count" cmp "$WORK/first" "$WORK/report"
	echo '{"schema_version":1,"profile":"strict"}' >"$WORK/policy.json"
	gate "$WORK/policy.json"
	is "F170: strict is what its profile says" "$(jq -r .policy_snapshot_hash "$WORK/report")" \
		"$(tr -d '\n' <"$GOLDEN/policy-strict.json" | sha256sum | cut -c1-64)"
	policy '.gate.fail_on = "crit"'
	gate "$POLICY"
	check "F166: another policy, another hash" \
		test "$(jq -r .policy_snapshot_hash "$WORK/report")" != "$(jq -r .policy_snapshot_hash "$WORK/first")"
	is "F166: the hash is of the canonical snapshot" "$(jq -r .policy_snapshot_hash "$WORK/report")" \
		"$(jq -cSj . "$POLICY" | sha256sum | cut -c1-64)"
}

# ---- runs that really happened ------------------------------------------------------------------

runs() {
	run "$DEED" -- emit 2 high
	FOLDER=$RUN
	cp "$RUN/inputs/policy.json" "$WORK/snapshot.json"
	gate "$WORK/snapshot.json"
	is "F168: a real run, decided again" "$STATUS" 0
	check "F168: to the byte" cmp "$RUN/gate_report.json" "$WORK/report"
	policy '.gate.fail_on = "high"'
	gate "$POLICY"
	is "F168: by another policy: status 1" "$STATUS $(jq -r .decision "$WORK/report")" "1 BLOCK"
	as "$OXG" gate --policy "$POLICY" "$RUN" >"$WORK/report" 2>"$SAID"
	is "F189: without --json, stdout is empty" "$? $(wc -c <"$WORK/report")" "1 0"
	like "F189: and people read the reason" "$(cat "$SAID")" '2 of 2 findings at or over severity high'
	run --policy "$POLICY" "$DEED" -- emit 2 high
	is "F167: the run itself: status 1" "$STATUS" 1
	gate "$POLICY"
	FOLDER=$RUN
	gate "$POLICY"
	check "F168: and the same report" cmp "$RUN/gate_report.json" "$WORK/report"
}

words() {
	FOLDER=$WORK/folder
	fresh
	seal
	as "$OXG" gate "$FOLDER" >"$WORK/report" 2>"$SAID"
	is "F095: no policy: status 2" "$? $(wc -c <"$WORK/report")" "2 0"
	like "F095: says what to type" "$(cat "$SAID")" '^oxg: .*--policy FILE'
	for bad in '' '{' '{}' '[]' '{"schema_version":2}' '{"schema_version":1,"gate":{"fail_on":"some"}}' \
		'{"schema_version":1,"gate":{"fail_on":null}}' '{"schema_version":1,"gate":{"on_denied":"shrug"}}' \
		'{"schema_version":1,"gate":{"require_signature":"no"}}' '{"schema_version":1,"gates":{}}' \
		'{"schema_version":1,"profile":"lax"}' '{"schema_version":1,"gate":{},"gate":{}}' \
		'{"schema_version":1,"profile":"strict","gate":{"require_signature":false}}'; do
		printf '%s' "$bad" >"$WORK/bad.json"
		gate "$WORK/bad.json"
		is "F170: the policy $bad: status 2" "$STATUS $(wc -c <"$WORK/report")" "2 0"
		like "F170: the policy $bad: one sentence" "$(cat "$SAID")" '^oxg: .*bad.json'
	done
	mkfifo "$WORK/pipe"
	for bad in "$WORK/nowhere.json" "$WORK/pipe" "$WORK"; do
		gate "$bad"
		is "F170: no policy file ($bad): status 2" "$STATUS" 2
	done
	for folder in "$WORK/nowhere" "$WORK/pipe" "$WORK/bad.json"; do
		FOLDER=$folder
		gate "$GOLDEN/policy-default.json"
		is "F168: no folder (${folder##*/}): status 5, no decision" "$STATUS $(wc -c <"$WORK/report")" "5 0"
	done
	FOLDER=$WORK/folder
	echo >>"$FOLDER/findings.jsonl"
	gate "$GOLDEN/policy-default.json"
	is "F178: changed evidence is not judged: status 5" "$STATUS $(wc -c <"$WORK/report")" "5 0"
	like "F178: the sentence names it" "$(cat "$SAID")" 'findings.jsonl'
	rm "$FOLDER/SHA256SUMS"
	gate "$GOLDEN/policy-default.json"
	is "F163: nor is what was never finished" "$STATUS $(wc -c <"$WORK/report")" "5 0"
	like "F163: which is said" "$(cat "$SAID")" 'never finished'
}

chmod 777 "$WORK"
goldens
fail_on
signature
denied
protected
termination
missing
journal
pure
runs
words
finish
