#!/bin/sh
# oxg gate: a decision is a function of stored evidence and a policy, to the
# byte. The evidence in t/golden/gate was written by hand, its journal chained by
# sha256sum, and the reports that are expected were worked out from the rules. It is
# of version 1; t/gate.py makes newer ones from it.
# shellcheck source=/dev/null disable=SC2154
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

# policy JQ: the golden default policy, changed. POLICY is its file.
policy() {
	POLICY=$WORK/policy.json
	jq "$1" "$GOLDEN/policy-default.json" >"$POLICY"
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

# ---- rule by rule, and rules together --------------------------------------------------------

# t/gate.py has the table (F022, F048, F167, F168, F169, F175, F176, F181, F183, F184, F190), and the rules
# of newer folders a second time.
table() {
	python3 "$here/t/gate.py" "$OXG" "$GOLDEN" "$WORK" >"$WORK/table.out" 2>&1
	is "F169: the table of evidence and policies: to its end" "$?" 0
	while IFS= read -r line; do
		case $line in
		'ok - '*)
			N=$((N + 1))
			echo "ok $N - ${line#ok - }"
			;;
		'not ok - '*)
			N=$((N + 1))
			BAD=$((BAD + 1))
			echo "not ok $N - ${line#not ok - }"
			;;
		*)
			printf '# %s\n' "$line"
			;;
		esac
	done <"$WORK/table.out"
	check "F169: the table has hundreds of rows" test "$(grep -c '^ok' "$WORK/table.out")" -ge 400
}

# ---- the same bytes for ever ---------------------------------------------------------------

pure() {
	fresh
	edit run.json '.schema_version = 2 | .oxg = "0.0.0"'
	mkdir "$FOLDER/changes" "$FOLDER/artifacts"
	echo x | tee "$FOLDER/changes/keys" >"$FOLDER/artifacts/ä"
	seal
	gate "$GOLDEN/policy-default.json"
	cp "$WORK/report" "$WORK/first"
	# The same files, made in another order.
	mkdir "$WORK/elsewhere, later"
	(cd "$FOLDER" && find . -type f | sort -r | tar -cT -) | tar -xC "$WORK/elsewhere, later"
	touch -d 2001-01-01 "$WORK/elsewhere, later/run.json"
	for who in $IDENTITIES; do
		become "$who"
		(cd / && as env TZ=Asia/Tokyo LC_ALL=tr_TR.UTF-8 SOURCE_DATE_EPOCH=1 HOME=/nonexistent \
			"$OXG" gate --policy "$GOLDEN/policy-default.json" --json "$WORK/elsewhere, later") >"$WORK/second"
		check "F168: ($WHO) another place, time, locale: the same bytes" cmp "$WORK/first" "$WORK/second"
	done
	become "${IDENTITIES%% *}"
	fresh
	edit usage.json '.usage.cpu_ns = 7'
	echo x >"$FOLDER/report.html"
	cp "$GOLDEN/expect-strict.json" "$FOLDER/gate_report.json"
	golden pass default 0
	cp "$WORK/report" "$WORK/first"
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
	tells "F189: and people read the reason" "$SAID" '2 of 2 findings at or over severity high'
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
	as "$OXG" gate --json "$RUN" >"$WORK/report" 2>"$SAID"
	is "F168: without --policy the run's own: its status" "$?" 1
	check "F168: and its report" cmp "$RUN/gate_report.json" "$WORK/report"
	for bad in '' '{' '{}' '[]' '{"schema_version":2}' '{"schema_version":1,"gate":{"fail_on":"some"}}' \
		'{"schema_version":1,"gate":{"fail_on":null}}' '{"schema_version":1,"gate":{"on_denied":"shrug"}}' \
		'{"schema_version":1,"gate":{"require_signature":"no"}}' '{"schema_version":1,"gates":{}}' \
		'{"schema_version":1,"profile":"lax"}' '{"schema_version":1,"gate":{},"gate":{}}' \
		'{"schema_version":1,"profile":"strict","gate":{"require_signature":false}}'; do
		printf '%s' "$bad" >"$WORK/bad.json"
		gate "$WORK/bad.json"
		is "F170: the policy $bad: status 2" "$STATUS $(wc -c <"$WORK/report")" "2 0"
		tells "F170: the policy $bad: one sentence" "$SAID" '^oxg: .*bad.json'
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
	tells "F178: the sentence names it" "$SAID" 'findings.jsonl'
	rm "$FOLDER/SHA256SUMS"
	gate "$GOLDEN/policy-default.json"
	is "F163: nor is what was never finished" "$STATUS $(wc -c <"$WORK/report")" "5 0"
	tells "F163: which is said" "$SAID" 'never finished'
}

chmod 777 "$WORK"
goldens
table
pure
runs
words
finish
