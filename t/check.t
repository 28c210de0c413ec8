#!/bin/sh
# oxg check: a sealed folder that was changed in any way is told from one that
# was not, and a folder made to harm its reader does not.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
SAID=$WORK/said
COPY=$WORK/copy
echo '{"task_id":"task-7"}' >"$WORK/task.json"
mkdir "$WORK/input"
echo x >"$WORK/input/x"

# ---- helpers ---------------------------------------------------------------------

# checks PATH: as $WHO; STATUS and $SAID. Twenty seconds are "for ever".
checks() {
	as timeout -k 1 20 "$OXG" check "$@" >"$WORK/stdout" 2>"$SAID"
	STATUS=$?
}

# caught WHAT PATTERN [FOLDER]: status 5, and one sentence with the pattern in it.
caught() {
	checks "${3-$COPY}"
	is "$1: status 5" "$STATUS" 5
	tells "$1: the sentence names it" "$SAID" "^oxg: .*($2)"
	is "$1: it is one line, and nothing else is said" "$(wc -l <"$SAID") $(wc -c <"$WORK/stdout")" "1 0"
}

fresh() {
	chmod -R u+rwX "$COPY" 2>/dev/null
	rm -rf "$COPY"
	cp -R "$GOOD" "$COPY"
	chmod -R u+w "$COPY"
}

names() {
	(cd "$GOOD" && find . -type f | cut -c3- | sort)
}

# sums: SHA256SUMS made anew by others, so that only the content is wrong. Signatures are not in it.
sums() {
	rm -f "$COPY/SHA256SUMS"
	(cd "$COPY" && find . -type f ! -name SHA256SUMS ! -path ./attestation.json ! -path ./gate.intoto.json -printf '%P\0' | sort -z | xargs -0 sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$COPY/SHA256SUMS"
}

# edit FILE JQ: a document changed, the sums made to fit.
edit() {
	fresh
	jq "$2" "$GOOD/$1" >"$COPY/$1"
	cmp -s "$GOOD/$1" "$COPY/$1" && echo "# nothing was changed in $1"
	sums
}

# flip FILE OFFSET BIT
flip() {
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	# shellcheck disable=SC2059
	printf "\\$(printf %03o $((byte ^ (1 << $3))))" |
		dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# rechain FILE: a journal whose lines fit together, computed by sha256sum. HEAD
# and EVENTS are what run.json then has to say.
rechain() {
	HEAD=$(printf '%064d' 0)
	EVENTS=0
	while IFS= read -r line; do
		EVENTS=$((EVENTS + 1))
		line=$(printf '%s' "$line" | jq -c ".seq = $EVENTS | .prev = \"$HEAD\"")
		printf '%s\n' "$line"
		HEAD=$(printf '%s' "$line" | sha256sum | cut -c1-64)
	done <"$1" >"$WORK/chain"
	cp "$WORK/chain" "$1"
}

make_good() {
	run --task "$WORK/task.json" --input "$WORK/input" "$DEED" -- emit 3
	GOOD=$RUN
	is "F156: ($WHO) a run to begin with" "$STATUS" 0
	checks "$GOOD"
	is "F156: ($WHO) an untouched folder passes" "$STATUS" 0
	tells "F156: ($WHO) and check says what it saw" "$SAID" \
		"verifies: $(names | wc -l) files, .* gate PASS"
}

# ---- one bit --------------------------------------------------------------------------

bits() {
	for name in $(names); do
		size=$(stat -c %s "$GOOD/$name")
		bad=''
		if [ "$size" -eq 0 ]; then
			fresh
			printf '\n' >"$COPY/$name"
			caught "F178: a byte in the empty $name" "$name"
			continue
		fi
		fresh
		# The first, the last, and some between; each of the eight bits.
		bit=0
		for at in 0 1 $((size / 5)) $((size / 4)) $((size / 3)) $((size / 2)) $((size - 2)) $((size - 1)); do
			flip "$COPY/$name" "$at" $bit
			cmp -s "$COPY/$name" "$GOOD/$name" && bad="$bad unchanged:$at"
			checks "$COPY"
			[ "$STATUS" -eq 5 ] && grep -q "^oxg: .*$name" "$SAID" || bad="$bad $at:$bit:$STATUS"
			flip "$COPY/$name" "$at" $bit
			bit=$((bit + 1))
		done
		is "F178: one bit of $name, at eight places: status 5, named" "$bad" ""
	done
	checks "$COPY"
	is "F178: flipped back, it passes" "$STATUS" 0
	# A digest has no second spelling.
	sed -i '1s/^.\{64\}/\U&/' "$COPY/SHA256SUMS"
	caught "F178: a digest in upper case" 'SHA256SUMS line 1'
	for change in 's/  / /' 's/  / */' 's/$/ /' 's/^/ /' '1s/^/\n/' 's/$/\r/'; do
		cp "$GOOD/SHA256SUMS" "$COPY/SHA256SUMS"
		sed -i "$change" "$COPY/SHA256SUMS"
		caught "F178: SHA256SUMS after $change" SHA256SUMS
	done
}

# ---- files that come, go, change places -----------------------------------------------------

files() {
	for name in $(names); do
		fresh
		rm "$COPY/$name"
		if [ "$name" = SHA256SUMS ]; then
			caught "F163: without SHA256SUMS nothing was sealed" 'never finished'
			continue
		fi
		caught "F178: $name gone" "$name"
		sums
		caught "F178: $name gone from the sums too" "$name|gate_report.json"
		for kind in link fifo directory short long empty; do
			fresh
			[ "$kind" != empty ] || [ -s "$GOOD/$name" ] || continue
			[ "$kind" != short ] || [ -s "$GOOD/$name" ] || continue
			case $kind in
			link) rm "$COPY/$name" && ln -s "$GOOD/$name" "$COPY/$name" ;;
			fifo) rm "$COPY/$name" && mkfifo "$COPY/$name" ;;
			directory) rm "$COPY/$name" && mkdir "$COPY/$name" ;;
			short) truncate -s -1 "$COPY/$name" ;;
			long) echo >>"$COPY/$name" ;;
			empty) : >"$COPY/$name" ;;
			esac
			checks "$COPY"
			is "F178: $name as $kind: status 5, named" \
				"$STATUS $(grep -c "^oxg: .*$name" "$SAID")" "5 1"
		done
	done
	for extra in extra .hidden inputs/extra logs/stdout.log.bak artifacts/x; do
		fresh
		mkdir -p "$COPY/artifacts"
		[ "$extra" = artifacts/x ] || rmdir "$COPY/artifacts"
		echo >"$COPY/$extra"
		caught "F178: $extra is a file too many" "$extra"
	done
	fresh
	mkdir "$COPY/artifacts"
	caught "F178: a directory with nothing in it" artifacts
	fresh
	cp "$WORK/task.json" "$COPY/inputs/manifest.json"
	sums
	caught "F178: another manifest with new sums" inputs/manifest.json
	fresh
	mv "$COPY/logs/stdout.log" "$COPY/logs/swap"
	mv "$COPY/logs/stderr.log" "$COPY/logs/stdout.log"
	mv "$COPY/logs/swap" "$COPY/logs/stderr.log"
	caught "F178: two files that changed places" 'logs/std(out|err).log'
}

sums_order() {
	fresh
	sort -r "$GOOD/SHA256SUMS" >"$COPY/SHA256SUMS"
	caught "F178: SHA256SUMS in another order" SHA256SUMS
	check "F178: (which sha256sum would take)" sh -c "cd '$COPY' && sha256sum --quiet -c SHA256SUMS"
	fresh
	sed -i '2p' "$COPY/SHA256SUMS"
	caught "F178: a line twice" SHA256SUMS
	fresh
	sed -i '2d' "$COPY/SHA256SUMS"
	caught "F178: a line gone" 'SHA256SUMS'
	fresh
	(cd "$COPY" && sha256sum SHA256SUMS) >>"$COPY/SHA256SUMS"
	caught "F178: the sums' own line" SHA256SUMS
	fresh
	echo "$(printf '%064d' 0)  ../../etc/passwd" >>"$COPY/SHA256SUMS"
	caught "F178: a line that leads out" SHA256SUMS
	fresh
	head -c -1 "$GOOD/SHA256SUMS" >"$COPY/SHA256SUMS"
	caught "F178: no newline at the end" SHA256SUMS
}

# ---- lies that fit together --------------------------------------------------------------------

journal() {
	name=journal/events.jsonl
	fresh
	sed -i '2s/PASS/FAIL/' "$COPY/$name"
	sums
	caught "F176: a journal line rewritten, with new sums" "events.jsonl"
	tells "F176: and the sentence says which link broke" "$SAID" 'line 3.*prev'
	fresh
	sed -i 3d "$COPY/$name"
	sums
	caught "F176: a journal line gone" "events.jsonl.*line 3"
	fresh
	sed -i '$d' "$COPY/$name"
	sums
	caught "F176: the last journal line gone" "events.jsonl.*run.json"
	fresh
	sed -i '3{h;d};4{G}' "$COPY/$name"
	sums
	caught "F176: two journal lines that changed places" "events.jsonl.*line 3"
	fresh
	sed -i '2s/PASS/FAIL/' "$COPY/$name"
	rechain "$COPY/$name"
	sums
	caught "F176: the whole chain forged" "events.jsonl.*run.json"
	jq ".journal.head = \"$HEAD\"" "$GOOD/run.json" >"$COPY/run.json"
	sums
	caught "F176: and its head in run.json" "report.html"
	fresh
	tail -n 1 "$GOOD/$name" >>"$COPY/$name"
	rechain "$COPY/$name"
	sums
	caught "F176: an event more, well chained" "events.jsonl.*run.json"
	fresh
	head -c -1 "$GOOD/$name" >"$COPY/$name"
	sums
	caught "F176: a journal without its last newline" "events.jsonl"
}

documents() {
	fresh
	sed -i 's/"decision": "PASS"/"decision": "BLOCK"/' "$COPY/gate_report.json"
	sums
	caught "F178: another decision" gate_report.json
	edit gate_report.json '.rules |= reverse'
	caught "F178: the gate's rules in another order" gate_report.json
	edit gate_report.json '.policy_snapshot_hash = "0" * 64'
	caught "F178: another policy's hash in the gate report" gate_report.json
	fresh
	sed -i 's/PASS/BEST/g' "$COPY/report.html"
	sums
	caught "F155: another report.html" report.html
	fresh
	echo '<!-- -->' >>"$COPY/report.html"
	sums
	caught "F155: a comment in report.html" report.html
	edit run.json '.ending.exit_status = 3'
	caught "F178: another exit status" gate_report.json
	edit run.json '.ending = {reason: "timeout", detail: "x"}'
	caught "F178: another ending" gate_report.json
	edit run.json '.ending = null'
	caught "F178: no ending" 'gate_report.json|findings.jsonl'
	edit run.json '.plugin.signed = false'
	caught "F178: a signature denied" gate_report.json
	edit run.json '.evidence_complete = false'
	caught "F178: evidence called incomplete" gate_report.json
	edit run.json '.findings.accepted = 2'
	caught "F178: another number of findings" findings.jsonl
	edit run.json '.findings.by_severity = {info: 3, low: 0, med: 0, high: 0, crit: 0}'
	caught "F178: other severities" findings.jsonl
	edit run.json '.findings = null'
	caught "F178: findings that run.json knows nothing of" findings.jsonl
	edit run.json '.run_id = "01JAAAAAAAAAAAAAAAAAAAAAAA"'
	caught "F178: another run id" 'tells of another run'
	edit usage.json '.run_id = "01JAAAAAAAAAAAAAAAAAAAAAAA"'
	caught "F178: another run's usage" usage.json
	edit usage.json '.usage.memory_peak_bytes = 7 * 1024 * 1024'
	caught "F178: other measured figures" report.html
	edit verifier_report.json '.checks[0].status = "FAIL"'
	caught "F178: PASS over a failed check" verifier_report.json
	edit verifier_report.json '.status = "FAIL"'
	caught "F178: FAIL over passed checks" gate_report.json
	edit verifier_report.json '.status = "PASS\u0000"'
	caught "F178: a status that only begins like one" verifier_report.json
	edit verifier_report.json '.checks = {}'
	caught "F178: no list of checks" verifier_report.json
	for name in run.json usage.json verifier_report.json gate_report.json; do
		edit $name '.schema_version = 4'
		caught "F182: $name of a later schema" "$name.*schema_version 4"
		edit $name 'del(.schema_version)'
		caught "F182: $name without schema_version" "$name.*schema_version"
		edit $name '[.]'
		caught "F178: $name as a list" "$name"
		fresh
		printf '{"schema_version":1,"schema_version":1}' >"$COPY/$name"
		sums
		caught "F019: $name with a member twice" "$name"
		fresh
		head -c 20 "$GOOD/$name" >"$COPY/$name"
		sums
		caught "F178: $name cut short" "$name"
	done
	fresh
	sed -i 1d "$COPY/findings.jsonl"
	sums
	caught "F178: a finding taken away" findings.jsonl
	fresh
	sed -i 's/"severity":"low"/"severity":"info"/' "$COPY/findings.jsonl"
	sums
	caught "F178: a severity lowered" findings.jsonl
	fresh
	sed -i 's/number 1/number 9/' "$COPY/findings.jsonl"
	sums
	caught "F178: a message reworded" report.html
	fresh
	printf '{"severity":"low"' >>"$COPY/findings.jsonl"
	sums
	caught "F178: half a finding" findings.jsonl
	fresh
	jq -c '.gate.fail_on = "low"' "$GOOD/inputs/policy.json" >"$COPY/inputs/policy.json"
	sums
	caught "F178: another policy" inputs/policy.json
	fresh
	echo '{"task_id":"task-8"}' >"$COPY/inputs/task.json"
	sums
	caught "F151: another task" inputs/task.json
	fresh
	rm "$COPY/inputs/task.json"
	sums
	caught "F151: a task that was never there" inputs/task.json
	edit run.json '.task_sha256 = null'
	caught "F151: a task nobody gave" inputs/task.json
	fresh
	echo "$(printf '%064d' 0)  x" >"$COPY/inputs/input.sha256"
	sums
	caught "F020: another input listing" inputs/input.sha256
}

# ---- partial, moved, of another owner -------------------------------------------------------------

partial() {
	fresh
	rm -rf "$COPY.partial"
	mv "$COPY" "$COPY.partial"
	caught "F163: a sealed folder under a .partial name" 'never finished' "$COPY.partial"
	caught "F163: also with a slash behind it" 'never finished' "$COPY.partial/"
	rm "$COPY.partial/SHA256SUMS"
	mv "$COPY.partial" "$COPY"
	caught "F163: a .partial that was renamed by hand" 'never finished'
	for who in $IDENTITIES; do
		become "$who"
		start "$DEED" -- ready
		wait_for said_ready
		kill -KILL "$PID"
		wait "$PID" 2>/dev/null
		check "F163: ($WHO) killed: no folder" test ! -e "$RUN"
		caught "F163: ($WHO) killed: what is left" 'never finished' "$RUN.partial"
		as timeout 20 "$OXG" report "$RUN.partial" >/dev/null 2>"$SAID"
		is "F163: ($WHO) nothing to report on: status 5" "$?" 5
	done
	become "${IDENTITIES%% *}"
	mkdir "$WORK/nothing"
	caught "F163: an empty folder" 'is no run folder' "$WORK/nothing"
	mkdir "$WORK/nothing.partial"
	caught "F163: what was interrupted at once" 'never finished.*nothing' "$WORK/nothing.partial"
	echo '{}' >"$WORK/nothing/run.jsonl"
	for verb in report gate replay; do
		as timeout 20 "$OXG" $verb "$WORK/nothing" >"$WORK/stdout" 2>"$SAID"
		is "F163: $verb of another directory: status 5" "$? $(wc -c <"$WORK/stdout")" "5 0"
		tells "F163: and what is wrong" "$SAID" 'is no run folder'
	done
}

moved() {
	fresh
	mv "$COPY" "$WORK/a folder, moved"
	checks "$WORK/a folder, moved"
	is "F156: moved and renamed, it passes" "$STATUS" 0
	checks "$WORK/a folder, moved/"
	is "F156: with a slash behind it" "$STATUS" 0
	ln -s "a folder, moved" "$WORK/latest"
	checks "$WORK/latest"
	is "F156: through a link to it, as out/latest is" "$STATUS" 0
	(cd "$WORK/a folder, moved" && as "$OXG" check .) 2>/dev/null
	is "F156: from inside" "$?" 0
	check "F156: sha256sum agrees" sh -c "cd '$WORK/latest' && sha256sum --strict --quiet -c SHA256SUMS"
	tar -C "$WORK" -cf "$WORK/folder.tar" "a folder, moved"
	mkdir "$WORK/unpacked"
	tar -C "$WORK/unpacked" -xf "$WORK/folder.tar"
	checks "$WORK/unpacked/a folder, moved"
	is "F156: out of an archive" "$STATUS" 0
	(cd "$GOOD" && find . -printf '%p %m %T@ %s\n' | sort) >"$WORK/before"
	checks "$GOOD"
	(cd "$GOOD" && find . -printf '%p %m %T@ %s\n' | sort) >"$WORK/after"
	check "F163: checking changes nothing" cmp "$WORK/before" "$WORK/after"
}

owners() {
	for who in $IDENTITIES; do
		become "$who"
		run "$DEED" -- emit 1
		for other in $IDENTITIES; do
			become "$other"
			checks "$RUN"
			is "F156: made by $who, checked by $other" "$STATUS" 0
		done
	done
	become "${IDENTITIES%% *}"
}

words() {
	checks --json "$GOOD"
	json "F189: --json is one object" "$WORK/stdout" '.status == "PASS" and .decision == "PASS" and .schema_version == 1'
	is "F189: and nothing on stderr" "$STATUS $(wc -c <"$SAID") $(wc -l <"$WORK/stdout")" "0 0 1"
	fresh
	echo >>"$COPY/run.json"
	checks --json "$COPY"
	json "F189: a failure too" "$WORK/stdout" '.status == "FAIL" and (.reason | contains("run.json"))'
	is "F189: with its status" "$STATUS" 5
	for bad in '' "$GOOD $GOOD" "--sideways $GOOD"; do
		# shellcheck disable=SC2086
		checks $bad
		is "F095: check $bad: status 2" "$STATUS" 2
	done
	checks ''
	is "F095: check of an empty word: status 2" "$STATUS" 2
	as "$OXG" check --json "$GOOD" >/dev/full 2>"$SAID"
	is "F140: a result that cannot be written: status 5" "$?" 5
}

# ---- folders made to harm -----------------------------------------------------------------------------

hostile() {
	fresh
	chmod 000 "$COPY/run.json"
	if [ "$WHO" = user ]; then
		caught "F156: ($WHO) a file that may not be read" 'run.json: Permission denied'
		chmod 644 "$COPY/run.json"
		chmod 000 "$COPY/inputs"
		caught "F156: ($WHO) a directory that may not be read" 'inputs: Permission denied'
		chmod 755 "$COPY/inputs"
	fi
	fresh
	truncate -s 20G "$COPY/logs/stdout.log"
	caught "F156: ($WHO) a file of 20 GiB" 'logs/stdout.log.*512 MiB'
	fresh
	for n in 1 2 3 4 5; do truncate -s 200M "$COPY/logs/$n"; done
	caught "F156: ($WHO) five of 200 MiB" 'logs/[1-5].*512 MiB'
	fresh
	(cd "$COPY" && for n in $(seq 200); do mkdir d && cd d || exit; done)
	caught "F156: ($WHO) two hundred directories in each other" 'too deep'
	if [ "$WHO" = "${IDENTITIES%% *}" ]; then # it takes seconds to make them
		fresh
		(cd "$COPY/logs" && seq 10001 | xargs touch)
		caught "F156: ($WHO) ten thousand files" '10000 files'
	fi
	fresh
	name=$(printf 'new\nline\033[31m\377')
	echo >"$COPY/$name"
	caught "F156: ($WHO) a name with a newline and an escape" 'new.x0aline.x1b\[31m.xff'
	sums
	caught "F156: ($WHO) and in the sums" SHA256SUMS
	fresh
	mkdir "$COPY/$(printf '%0250d' 0)"
	echo >"$COPY/$(printf '%0250d' 0)/$(printf '%0250d' 1)"
	caught "F156: ($WHO) names of 250 bytes" 0000
	fresh
	ln -s . "$COPY/loop"
	caught "F156: ($WHO) a link to the folder itself" 'loop is a symbolic link'
	fresh
	rm "$COPY/logs/stdout.log"
	ln -s /etc/passwd "$COPY/logs/stdout.log"
	caught "F156: ($WHO) a link out of it" 'stdout.log is a symbolic link'
	check "F156: ($WHO) which was not followed" not grep -q root: "$SAID"
	fresh
	rm -r "$COPY/logs"
	ln -s /var/log "$COPY/logs"
	caught "F156: ($WHO) a directory that is a link" 'logs is a symbolic link'
	fresh
	mkfifo "$COPY/inputs/pipe"
	caught "F156: ($WHO) a pipe nobody writes to" 'inputs/pipe is neither'
	if [ "$CALLER" -eq 0 ] && mknod "$WORK/null" c 1 3 2>/dev/null; then
		for device in '1 5' '5 0'; do
			fresh
			# shellcheck disable=SC2086
			mknod "$COPY/device" c $device
			caught "F156: ($WHO) the device $device" 'device is neither'
		done
		rm -f "$WORK/null"
	fi
	for n in 100 1000000; do
		fresh
		{ printf '{"schema_version":1,"x":' && head -c $n /dev/zero | tr '\0' '[' ; } >"$COPY/run.json"
		sums
		caught "F156: ($WHO) run.json nested $n deep" run.json
	done
	fresh
	{ printf '{"schema_version":1,"x":"' && head -c 20000000 /dev/zero | tr '\0' x && printf '"}'; } >"$COPY/run.json"
	sums
	caught "F156: ($WHO) run.json of 20 MB" run.json
	fresh
	head -c 3000000 /dev/zero | tr '\0' '\n' >"$COPY/findings.jsonl"
	sums
	caught "F156: ($WHO) three million empty findings" findings.jsonl
	fresh
	head -c 3000000 /dev/urandom >"$COPY/journal/events.jsonl"
	sums
	caught "F156: ($WHO) a journal of noise" events.jsonl
	caught "F156: ($WHO) no such folder" 'nowhere' "$WORK/nowhere"
	caught "F156: ($WHO) a file" 'task.json' "$WORK/task.json"
	mkfifo "$WORK/pipe"
	caught "F156: ($WHO) a pipe" 'pipe' "$WORK/pipe"
	rm "$WORK/pipe"
	caught "F156: ($WHO) the machine's root" '/' /
}

# A file cut short while it is read was the end of oxg once.
changing() {
	fresh
	truncate -s 100M "$COPY/logs/stderr.log"
	(
		while [ -e "$COPY/logs" ]; do
			truncate -s 50M "$COPY/logs/stderr.log"
			sleep 0.07
			truncate -s 100M "$COPY/logs/stderr.log"
			sleep 0.13
		done 2>/dev/null
	) &
	changer=$!
	seen=''
	for n in 1 2 3 4 5 6 7 8; do
		checks "$COPY"
		seen="$seen $STATUS"
	done
	kill "$changer"
	wait "$changer" 2>/dev/null
	is "F156: ($WHO) a file that is changed meanwhile" "$seen" " 5 5 5 5 5 5 5 5"
}

# The most findings a run may have, written by others and all of one piece: what
# the gate and the report have to say of them is known.
# KiB that the command had resident at most.
peak() {
	python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' "$@"
}

many() {
	fresh
	# Each of them names another target, which is what the page counts.
	jq -c '.severity = "med" | .target = "TARGET"' "$GOOD/findings.jsonl" | head -n 1 >"$WORK/line"
	awk -v line="$(cat "$WORK/line")" 'BEGIN { at = index(line, "TARGET")
		for (i = 1; i <= 100000; i++) print substr(line, 1, at - 1) "src/f" i ".c" substr(line, at + 6) }' \
		>"$COPY/findings.jsonl"
	jq '.findings.accepted = 100000 | .findings.by_severity = {info: 0, low: 0, med: 100000, high: 0, crit: 0}' \
		"$GOOD/run.json" >"$COPY/run.json"
	sed -i 's/; 3 findings/; 100000 findings/' "$COPY/gate_report.json"
	sums
	caught "F160: a page of three findings for 100000" report.html
	as "$OXG" report --html - --sarif "$WORK/sarif" "$COPY" >"$WORK/page"
	cp "$WORK/page" "$COPY/report.html"
	cp "$WORK/sarif" "$COPY/report.sarif"
	sums
	from=$(date +%s)
	checks "$COPY"
	is "F156: 100000 findings pass" "$STATUS" 0
	check "F156: checking them takes less than 64 MiB" within 1 "$(peak "$OXG" check "$COPY")" 65536
	check "F153: so does rendering them" within 1 "$(peak "$OXG" report --html "$WORK/page" "$COPY")" 65536
	check "F156: within ten seconds" within 0 $(($(date +%s) - from)) 10
	check "F153: their report stays bearable (bytes)" within 1000000 "$(wc -c <"$WORK/page")" 40000000
	sed -i '77777s/med/low/' "$COPY/findings.jsonl"
	caught "F178: one of them changed" findings.jsonl
	sums
	caught "F178: with new sums" findings.jsonl
}

# Folders of each version there was, as they were sealed: the pages are another oxg's,
# all else is made again.
old() {
	for kept in "${0%/*}"/data/run-v*; do
		version=${kept##*-v}
		is "F182: a folder of version $version is one" "$(jq .schema_version "$kept/run.json")" "$version"
		GOOD=$kept
		fresh
		check "F182: it verifies" "$OXG" check "$COPY"
		printf ' ' >>"$COPY/report.html"
		caught "F182: its page changed" report.html
		edit gate_report.json '.reasons = ["because"]'
		caught "F182: its gate report changed" gate_report.json
		check "F182: it can be rendered" "$OXG" report --html "$WORK/old.html" "$kept"
		check "F182: and judged by this oxg's policy" "$OXG" gate --policy "$kept/inputs/policy.json" "$kept"
	done
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# Twice each, the better one counts: this machine has other work too.
took() {
	best=
	for _ in 1 2; do
		from=$(now_ms)
		"$@" >/dev/null 2>&1 || return 1
		ms=$(($(now_ms) - from))
		[ -n "$best" ] && [ "$best" -le "$ms" ] || best=$ms
	done
	echo "$best"
}

# A log of 100 MiB is hashed and no more is done with it.
large() {
	fresh
	yes 'a line of a log that is as long as lines of logs are, or a little longer' |
		head -c 104857600 >"$COPY/logs/stderr.log"
	sums
	"$OXG" report --html "$WORK/page" "$COPY"
	cp "$WORK/page" "$COPY/report.html"
	sums
	others=$(cd "$COPY" && took sha256sum -c SHA256SUMS)
	ours=$(took "$OXG" check "$COPY")
	echo "# 100 MiB: oxg check $ours ms, sha256sum -c $others ms"
	check "F156: a folder of 100 MiB at hashing speed" within 1 "${ours:-0}" $((3 * others + 100))
	check "F156: in less than 64 MiB" within 1 "$(peak "$OXG" check "$COPY")" 65536
}

become "${IDENTITIES%% *}"
old
make_good
bits
files
sums_order
journal
documents
partial
moved
owners
words
hostile
changing
many
large
case $IDENTITIES in
*' '*)
	become user
	chmod 777 "$WORK"
	make_good
	hostile
	;;
esac
finish
