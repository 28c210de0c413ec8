#!/bin/sh
# --audit: what the plugin did, told by the kernel, beside what it was refused; exact
# counts; and not one thing more allowed than without it.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

DOER=$BUILD/plugins/doer

trust_root
plugin doer "$DOER"
DEED=$PLUGIN
plugin knocker "$BUILD/plugins/knocker"
KNOCKS=$PLUGIN
plugin probe "$PROBE"
LOOK=$PLUGIN

lines() {
	jq -c "$1" "$RUN/audit.jsonl"
}

# What was told of after the plugin's own execve.
told() { # ROW WHAT EXPECTED
	is "$1: ($WHO) $2" "$(lines '[.action, .call, .args]' | sed 1d)" "$3"
}

# same ROW WHAT [OPTION...] PLUGIN -- DEED...: the plugin meets the same with --audit.
same() {
	row=$1 what=$2
	shift 2
	run "$@"
	cp "$RUN/logs/stdout.log" "$WORK/without"
	without=$STATUS
	check "F185: ($WHO) $what: without --audit there is no trace" \
		test ! -e "$RUN/audit.jsonl" -a ! -e "$RUN/security_audit.json"
	run --audit "$@"
	is "$row: ($WHO) $what: with --audit the same status" "$STATUS" "$without"
	is "$row: ($WHO) $what: and the same outcome" "$(cat "$RUN/logs/stdout.log")" "$(cat "$WORK/without")"
	check "F156: ($WHO) $what: the folder checks" as "$OXG" check "$RUN"
}

files() {
	same F185 "files" "$DEED" -- files
	is "F185: ($WHO) the first is the plugin itself" "$(lines '[.pid, .action, .call, .args]' | head -n 1)" \
		'[2,"spawn","execve",{"path":"/bin/doer"}]'
	# 0x8000: O_LARGEFILE, which the C library's own open adds.
	told F185 "each file it opened, made, moved, removed" '["write","open",{"path":"/tmp/a","flags":"O_WRONLY|O_CREAT"}]
["read","open",{"path":"/tmp/a","flags":"O_RDONLY"}]
["write","openat",{"path":"a","flags":"O_RDWR"}]
["read","open",{"path":"/tmp","flags":"O_RDONLY|O_DIRECTORY|O_PATH|0x8000"}]
["read","openat",{"dir":5,"path":"a","flags":"O_RDONLY"}]
["write","chmod",{"path":"/tmp/a","mode":"0640"}]
["read","open",{"path":"/tmp/a","flags":"O_RDONLY|0x8000"}]
["write","fchmod",{"fd":6,"mode":"0600"}]
["write","mkdir",{"path":"/tmp/d","mode":"0700"}]
["write","mkdirat",{"dir":5,"path":"e","mode":"0700"}]
["write","rename",{"path":"/tmp/a","to":"/tmp/b"}]
["write","renameat",{"path":"b","to_dir":5,"to":"c"}]
["write","unlink",{"path":"/tmp/c"}]
["write","rmdir",{"path":"/tmp/d"}]
["write","unlinkat",{"dir":5,"path":"e","flags":"0x200"}]
["read","open",{"path":"/etc/passwd","flags":"O_RDONLY"}]
["read","open",{"path":"","flags":"O_RDONLY"}]
["signal","kill",{"pid":2,"signal":0}]'
	json "F186: ($WHO) the summary counts them" "$RUN/security_audit.json" '.summary == {
		networkAttempts: 0, networkBlocked: 0, filesystemReads: 6, filesystemWrites: 11,
		filesystemBlocked: 0, processSpawns: 1, processForks: 0, processBlocked: 0,
		overallStatus: "clean"}'
	json "F186: ($WHO) an event for each" "$RUN/security_audit.json" '(.events | length) == 19 and
		all(.events[]; .allowed and .severity == "info") and
		(.events[1] | [.type, .action, .target] == ["filesystem", "write", "/tmp/a"])'
	json "F186: ($WHO) the policy is that of every jail" "$RUN/security_audit.json" '.policy ==
		{network: {enabled: false}, filesystem: {readOnly: true,
		writable: ["/home/plugin", "/tmp", "/workspace"]}, process: {allowSpawn: true}}'
	json "F186: ($WHO) its times are of this run" "$RUN/security_audit.json" \
		"all(.events[]; .timestamp / 1000 | . > $(date +%s) - 60 and . <= $(date +%s) + 1)"
	like "F185: ($WHO) the report has a table of it" "$(cat "$RUN/report.html")" 'Allowed operations'
	same F185 "what a static plugin is not allowed" "$DEED" -- more
	json "F052: ($WHO) is told as refused, nine times" "$RUN/security_audit.json" \
		'.summary.filesystemBlocked == 9 and .summary.overallStatus == "violations" and
		.summary.filesystemWrites == 0 and ([.events[] | select(.allowed | not)] | length) == 9'
	same F185 "the same with a runtime" --runtime system "$DEED" -- more
	told F185 "more calls" '["write","openat2",{"path":"/tmp/a","flags":"O_WRONLY|O_CREAT|O_CLOEXEC"}]
["write","openat2",{"path":"/tmp/a","flags":"unreadable"}]
["write","creat",{"path":"/tmp/b","mode":"0600"}]
["write","link",{"path":"/tmp/a","to":"/tmp/l"}]
["write","symlinkat",{"target":"a","path":"/tmp/s"}]
["write","truncate",{"path":"/tmp/a","length":7}]
["write","mknod",{"path":"/tmp/f","mode":"010600","device":"0x0"}]
["write","renameat2",{"path":"/tmp/a","to":"/tmp/b","flags":"0x2"}]
["write","fchmodat",{"path":"/tmp/b","mode":"0600"}]'
}

processes() {
	same F185 "processes" "$DEED" -- processes
	is "F185: ($WHO) forks, threads, programs, also one that is not there" \
		"$(lines '[.action, .call, .args.path]' | sed 1d)" '["fork","fork",null]
["fork","vfork",null]
["spawn","execve","/bin/doer"]
["thread","clone",null]
["spawn","execve","/bin/nobody"]'
	json "F186: ($WHO) the summary" "$RUN/security_audit.json" \
		'.summary | .processSpawns == 3 and .processForks == 2'
	same F185 "eight processes at once" "$DEED" -- many
	json "F185: ($WHO) every call of theirs" "$RUN/run.json" \
		'.audit | .by_action.read == 800 and .by_action.fork == 8'
	is "F185: ($WHO) each by its number" "$(lines 'select(.action == "read") | .pid' | sort | uniq -c |
		awk '{ print $1 }' | sort -u) $(lines 'select(.action == "read") | .pid' | sort -u | wc -l)" "100 8"
}

# Refusals are what they were: the answer, the ledger, the address.
refused() {
	for deed in socket connect mount chroot unshare ptrace setuid terminal-high mknod; do
		same F057 "$deed" "$KNOCKS" -- "$deed"
		is "F057: ($WHO) $deed: refused" "$(cat "$RUN/logs/stdout.log")" EPERM
		is "F110: ($WHO) $deed: and in the ledger" "$(jq -c .answer "$RUN/ledger.jsonl")" '"EPERM"'
	done
	run --audit "$KNOCKS" -- connect
	json "F110: ($WHO) an attempt to connect is an event" "$RUN/security_audit.json" \
		'.events[-1] | [.type, .action, .target, .allowed, .severity] ==
		["network", "connect", "192.0.2.7:4444", false, "high"]'
	json "F186: ($WHO) and a violation" "$RUN/security_audit.json" \
		'.summary | .networkAttempts == 1 and .networkBlocked == 1 and .overallStatus == "violations"'
	run --audit "$KNOCKS" -- many 5000
	json "F186: ($WHO) the summary is exact where the ledger is cut" "$RUN/security_audit.json" \
		'.summary.filesystemBlocked == 5000 and (.trace.refused_recorded | . > 1000 and . <= 2000) and
		(.events | length) == .trace.refused_recorded + 1'
	run "$LOOK" -- try
	sort "$RUN/logs/stdout.log" >"$WORK/without"
	run --audit "$LOOK" -- try
	is "F057: ($WHO) whatever else is tried ends as it did" "$(sort "$RUN/logs/stdout.log")" "$(cat "$WORK/without")"
	run --audit --timeout 60s "$DEED" -- race 3000
	is "F057: ($WHO) a path that changes while it is told gains nothing" "$(cat "$RUN/logs/stdout.log")" \
		"0 files of the host, 0 mounts"
	json "F052: ($WHO) and all of it was told" "$RUN/run.json" '.audit.by_call.open == 3000 and .ledger.refused == 3000'
}

hostile() {
	same F159 "hostile paths" "$DEED" -- evil
	is "F159: ($WHO) one line for each" \
		"$(wc -l <"$RUN/audit.jsonl") $(jq -s length "$RUN/audit.jsonl")" "7 7"
	is "F159: ($WHO) what it looks like is what it is" "$(lines .args.path | sed -n '2,3p')" \
		"$(printf '%s\n' '"\",\"type\":\"forged\"}\n{\"x\":\""' '"</script><b>\u001b[31m"')"
	json "F159: ($WHO) in the events too" "$RUN/security_audit.json" '(.events | length) == 7 and
		.events[1].target == "\",\"type\":\"forged\"}\n{\"x\":\"" and .events[4].target == "\ufffd\ufffd" and
		.events[5].target == "" and all(.events[]; .type != "forged")'
	is "F159: ($WHO) a path of 4999 bytes is cut" "$(lines '.args.path | length' | sed -n 4p)" 512
	check "F159: ($WHO) the report holds none of it as markup" not grep -q '</script><b>' "$RUN/report.html"
	check "F159: ($WHO) nor a file an escape character" \
		not grep -q "$(printf '\033')" "$RUN/audit.jsonl" "$RUN/security_audit.json" "$RUN/report.html"
	run --audit "$DEED" -- token
	check "F133: ($WHO) a token in a path is masked" not grep -rqE 'eyJ[A-Za-z0-9_-]{40}' "$RUN"
	is "F133: ($WHO) and said to be" "$(lines '.args | [.path, .to]' | sed 1d)" \
		"$(printf '%s\n' '["[REDACTED token]",null]' '["[REDACTED token]","[REDACTED token]"]')"
}

counted() {
	run --audit --timeout 80s "$DEED" -- storm 30000
	is "F160: ($WHO) a storm of opens: every one is answered" "$(cat "$RUN/logs/stdout.log")" "lost 0"
	json "F160: ($WHO) and counted" "$RUN/run.json" '.audit | .allowed == 30001 and .by_call == {open: 30000, execve: 1}'
	# A broker that gets no processor for long costs a line now and then.
	check "F160: ($WHO) twenty thousand may be written" within 10001 "$(wc -l <"$RUN/audit.jsonl")" 20000
	is "F160: ($WHO) and how many were is said" "$(wc -l <"$RUN/audit.jsonl")" "$(jq .audit.recorded "$RUN/run.json")"
	json "F186: ($WHO) the summary is exact, and how many events there are is said" "$RUN/security_audit.json" \
		'.summary.filesystemReads == 30000 and (.events | length) == .trace.allowed_recorded and
		.trace.allowed_counted == 30001 and .trace.allowed_recorded > 10000'
	check "F156: ($WHO) the folder checks" as "$OXG" check "$RUN"
	run --audit --timeout 80s "$DEED" -- long 4000
	json "F160: ($WHO) long names: eight MiB are written and no more" "$RUN/run.json" \
		'.audit | .allowed == 4001 and .recorded > 2000 and .recorded < 4000'
	check "F160: ($WHO) no more" within 8380000 "$(stat -c %s "$RUN/audit.jsonl")" 8388608
	check "F156: ($WHO) and that folder checks" as "$OXG" check "$RUN"
	run --audit --timeout 700ms "$DEED" -- flood
	is "F077: ($WHO) a flood holds up no clock: status" "$STATUS $(reason)" "124 timeout"
	check "F077: ($WHO) nor the end" within 700 "$(jq '.usage.wall_ns / 1000000 | floor' "$RUN/usage.json")" 5000
	run --audit --timeout 80s "$DEED" -- ticks 1000
	is "F185: ($WHO) signals by the thousand: no call is lost" "$(cat "$RUN/logs/stdout.log")" "lost 0"
}

# seal_again FOLDER: sums of what lies there now, so that only what one file says of
# another can tell.
seal_again() {
	(cd "$1" && find . -type f ! -name SHA256SUMS | sed 's,^\./,,' | sort |
		xargs sha256sum >"$WORK/sums" && cp "$WORK/sums" SHA256SUMS)
}

copy() {
	rm -rf "$WORK/copy"
	cp -R "$RUN" "$WORK/copy"
	chmod -R u+w "$WORK/copy"
}

# found WHAT NAME WORDS: check says so of the copy.
found() {
	seal_again "$WORK/copy"
	"$OXG" check "$WORK/copy" >/dev/null 2>"$WORK/said"
	is "F156: ($WHO) $1 is found" "$?" 5
	like "F156: ($WHO) $1: and named" "$(cat "$WORK/said")" "/copy/$2 $3"
}

sealed() {
	run --audit "$DEED" -- nothing
	json "F185: ($WHO) a plugin that does nothing: one event" "$RUN/security_audit.json" '(.events | length) == 1'
	is "F156: ($WHO) both files are in SHA256SUMS" \
		"$(grep -c ' audit.jsonl$\| security_audit.json$' "$RUN/SHA256SUMS")" 2
	copy
	seal_again "$WORK/copy"
	check "F156: ($WHO) sealed again it checks" "$OXG" check "$WORK/copy"
	sed -i 's/"spawn"/"fork"/' "$WORK/copy/audit.jsonl"
	found "a changed trace" security_audit.json 'is not what'
	copy
	sed -i 's/"clean"/"violations"/' "$WORK/copy/security_audit.json"
	found "a changed audit" security_audit.json 'is not what'
	copy
	sed -i 's/"spawn": 1/"spawn": 2/' "$WORK/copy/run.json"
	found "a changed count" security_audit.json 'is not what'
	copy
	: >"$WORK/copy/audit.jsonl"
	found "a line that is gone" audit.jsonl 'does not hold as many'
	copy
	echo >>"$WORK/copy/audit.jsonl"
	found "a line that is none" audit.jsonl 'line 2 is no'
	for gone in audit.jsonl security_audit.json; do
		copy
		rm "$WORK/copy/$gone"
		found "a missing $gone" "$gone" 'is missing'
	done
	cp "$RUN/audit.jsonl" "$WORK/foreign"
	run "$DEED" -- nothing
	copy
	cp "$WORK/foreign" "$WORK/copy/audit.jsonl"
	found "a trace where there was none" audit.jsonl 'is there although'
}

# Nothing was executed: empty traces, and they say so.
never() {
	run --audit "$WORK/nowhere"
	is "F185: ($WHO) refused before anything ran" "$STATUS" 3
	json "F185: ($WHO) no event" "$RUN/security_audit.json" '.events == [] and .summary.overallStatus == "clean"'
	check "F156: ($WHO) and it checks" as "$OXG" check "$RUN"
	printf '#!/bin/nobody\n' >"$WORK/script"
	chmod 755 "$WORK/script"
	run --audit --allow-unsigned --runtime system "$WORK/script"
	is "F185: ($WHO) what cannot be executed" "$STATUS" 4
	check "F156: ($WHO) checks too" as "$OXG" check "$RUN"
}

# Half-way: the folder stays partial; a broker that dies leaves whole lines.
killed() {
	start --audit "$DEED" -- ready
	wait_for said_ready
	kill -KILL "$PID"
	wait "$PID" 2>/dev/null
	check "F163: ($WHO) oxg is killed: no folder looks complete" test ! -e "$RUN"
	check "F163: ($WHO) what was told until then stands there" grep -q '"action":"read"' "$RUN.partial/audit.jsonl"
	start --audit "$DEED" -- flood
	wait_for test -s "$RUN.partial/audit.jsonl"
	kill -KILL "$(broker_of "$PID")"
	wait "$PID"
	is "F163: ($WHO) the broker is killed: status" "$?" 123
	json "F163: ($WHO) and the run says so" "$RUN/run.json" '.ending.by == "broker"'
	is "F163: ($WHO) its lines are whole" "$(jq -c .n "$RUN/audit.jsonl" | wc -l)" \
		"$(jq .audit.recorded "$RUN/run.json")"
	check "F163: ($WHO) some were written" test -s "$RUN/audit.jsonl"
	check "F156: ($WHO) and the folder checks" as "$OXG" check "$RUN"
	start --audit "$DEED" -- ready
	wait_for said_ready
	kill -INT "$PID"
	wait "$PID"
	is "F099: ($WHO) the operator ends it" "$?" 123
	json "F099: ($WHO) with its trace" "$RUN/security_audit.json" '.summary.filesystemReads == 1'
}

# An outer sandbox that listens itself: no trace can be had, and none is pretended.
deaf() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as "$BUILD/plugins/knocker" outer "$OXG" run --quiet --trust "$TRUST" --out "$RUN" \
		"$DEED" -- nothing >/dev/null 2>"$ERR"
	is "F185: ($WHO) under an outer listener, without --audit" "$?" 0
	RUN=$RUN-audit
	as "$BUILD/plugins/knocker" outer "$OXG" run --quiet --audit --trust "$TRUST" --out "$RUN" \
		"$DEED" -- nothing >/dev/null 2>"$ERR"
	is "F185: ($WHO) with --audit it is refused" "$?" 4
	one_line "F185: ($WHO) in one sentence" "$ERR"
	tells "F185: ($WHO) that says why" "$ERR" 'trace allowed calls, as --audit asks .*listens itself'
	check "F185: ($WHO) nothing was executed" not grep -q execve "$RUN/audit.jsonl"
}

script() {
	cat >"$WORK/shell" <<-'END'
		#!/bin/sh
		read -r x </workspace/input/list
		echo "$x" >/tmp/copy
		cat /tmp/copy
		rm /tmp/copy
	END
	chmod 755 "$WORK/shell"
	mkdir -p "$WORK/input"
	echo word >"$WORK/input/list"
	run --audit --allow-unsigned --runtime system --input "$WORK/input" "$WORK/shell"
	is "F185: ($WHO) a shell script" "$(cat "$RUN/logs/stdout.log")" word
	for event in 'read /workspace/input/list' 'write /tmp/copy' 'read /tmp/copy'; do
		json "F185: ($WHO) it is told to $event" "$RUN/security_audit.json" \
			"any(.events[]; .type == \"filesystem\" and .action == \"${event% *}\" and .target == \"${event#* }\")"
	done
	json "F185: ($WHO) and what it started" "$RUN/security_audit.json" \
		'[.events[] | select(.action == "spawn").target | sub(".*/"; "")] | contains(["cat", "rm"])'
	check "F156: ($WHO) the folder checks" as "$OXG" check "$RUN"
}

again() {
	for n in 1 2; do
		as env SOURCE_DATE_EPOCH=1700000000 "$OXG" run --quiet --audit \
			--trust "$TRUST" --run-id 01ARZ3NDEKTSV4RRFFQ69G5FAV --out "$OUT/again-$n" "$DEED" -- files
	done
	is "F154: ($WHO) two runs, one trace" "$(cat "$OUT/again-1/audit.jsonl")" "$(cat "$OUT/again-2/audit.jsonl")"
	is "F154: ($WHO) and one audit" "$(cat "$OUT/again-1/security_audit.json")" "$(cat "$OUT/again-2/security_audit.json")"
	json "F154: ($WHO) at the time that stands still" "$OUT/again-1/security_audit.json" \
		'(.events | length) == 19 and all(.events[]; .timestamp == 1700000000000)'
}

# A full disk ends the run, as for the other streams.
full() {
	mkdir -p "$WORK/small"
	if [ "$WHO" != root ] || ! mount -t tmpfs -o size=256k none "$WORK/small" 2>/dev/null; then
		skip "F163: ($WHO) no small disk can be mounted here"
		return
	fi
	"$OXG" run --quiet --audit --trust "$TRUST" --out "$WORK/small/run" "$DEED" -- storm 5000 >/dev/null 2>"$WORK/said"
	is "F163: ($WHO) the disk is full: status" "$?" 5
	like "F163: ($WHO) and which" "$(cat "$WORK/said")" 'No space left'
	check "F163: ($WHO) nothing looks complete" test ! -e "$WORK/small/run"
	umount "$WORK/small"
}

for who in $IDENTITIES; do
	become "$who"
	files
	processes
	refused
	hostile
	counted
	sealed
	never
	killed
	deaf
	script
	again
	full
done
finish
