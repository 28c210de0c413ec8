#!/bin/sh
# How a run can end: one reason each, from kernel facts, with its exit status,
# and the termination finding to the letter when a limit did it.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN

# ends ROW WHAT STATUS EXPRESSION ARG...: the expression is true of .ending
ends() {
	row=$1 what=$2 due=$3 truth=$4
	shift 4
	run --timeout 20s "$DEED" -- "$@"
	is "$row: ($WHO) $what: status $due" "$STATUS" "$due"
	json "$row: ($WHO) $what: $truth" "$RUN/run.json" ".ending | $truth"
	is "$row: ($WHO) $what: no termination is claimed" \
		"$(grep -c oxg.supervisor.termination "$RUN/findings.jsonl")" 0
}

by_itself() {
	ends F095 "a clean end" 0 '.reason == "exited" and .exit_status == 0' true
	ends F094 "exit 3" 10 '.reason == "exited" and .exit_status == 3' exit 3
	ends F094 "exit 124" 10 '.reason == "exited" and .exit_status == 124' exit 124
	ends F094 "abort" 10 '.reason == "crashed" and .signal == 6 and .signal_name == "SIGABRT"' abort
	ends F094 "a wild pointer" 10 '.reason == "crashed" and .signal_name == "SIGSEGV"' segv
	ends F094 "SIGKILL from itself is no memory limit" 10 \
		'.reason == "crashed" and .signal_name == "SIGKILL"' raise 9
	ends F094 "SIGXCPU from itself is no CPU limit" 10 \
		'.reason == "crashed" and .signal_name == "SIGXCPU"' raise 24
	ends F094 "SIGTERM from itself is no operator" 10 \
		'.reason == "crashed" and .signal_name == "SIGTERM"' raise 15
	ends F054 "its descriptors closed" 0 '.reason == "exited"' close-all
	ends F054 "pid 1 cannot be killed from inside" 0 '.reason == "exited"' kill-init
	is "F054: ($WHO) and the plugin goes on" "$(cat "$RUN/logs/stdout.log")" "still here"
	ends F087 "an unreadable tree left behind" 0 '.reason == "exited"' tree
}

# Those who stay when the plugin has ended.
behind() {
	for deed in daemon hold; do
		mark=$deed-$$-$WHO
		ends F054 "$deed: the plugin's end is the end" 0 '.reason == "exited"' $deed "$mark"
		check "F054: ($WHO) $deed: nothing is left" no_marked "$mark"
		check "F077: ($WHO) $deed: and nobody waits for it" \
			within 0 "$(jq .usage.wall_ns "$RUN/usage.json")" 4000000000
	done
}

# stop_by SIGNAL DEED
stop_by() {
	mark=stop-$1-$2-$$-$WHO
	start "$DEED" -- "$2" "$mark"
	wait_for said_ready || echo "# it never said that it was ready"
	kill "-$1" "$PID"
	wait "$PID"
	is "F099: ($WHO) SIG$1 to oxg, $2: status 123" "$?" 123
	json "F099: ($WHO) SIG$1, $2: killed by the operator" "$RUN/run.json" \
		'.ending | .reason == "killed" and .by == "operator"'
	check "F099: ($WHO) SIG$1, $2: the folder is sealed" sh -c \
		"cd '$RUN' && sha256sum --quiet -c SHA256SUMS && test ! -e '$RUN.partial'"
	check "F054: ($WHO) SIG$1, $2: nothing is left" no_marked "$mark"
}

# The letter: what 0xGen's reader expects of a termination.
termination() { # REASON SEEN-IN ARG...
	expected=$1 cpu=$2 memory=$3 wall=$4
	last=$(tail -n 1 "$RUN/findings.jsonl")
	echo "$last" >"$WORK/last.json"
	is "F089: ($WHO) $expected: members in their order" \
		"$(jq -r 'keys_unsorted | join(" ")' "$WORK/last.json")" \
		"version id plugin type message severity ts meta"
	json "F089: ($WHO) $expected: type, message, severity" "$WORK/last.json" \
		'.version == "0.2" and .type == "oxg.supervisor.termination" and .severity == "high" and
		.message == "plugin terminated ('"$expected"')" and .plugin == "hostile"'
	json "F088: ($WHO) $expected: the reason in meta" "$WORK/last.json" \
		'.meta["sandbox.termination_reason"] == "'"$expected"'" and
		(.meta["sandbox.termination_detail"] | length) > 0'
	json "F090: ($WHO) $expected: the task" "$WORK/last.json" \
		'.meta["sandbox.task_id"] == "'"$(jq -r .task_id "$RUN/run.json")"'"'
	json "F092: ($WHO) $expected: the limits as configured" "$WORK/last.json" \
		'.meta | .["sandbox.cpu_limit"] == "'"$cpu"'" and
		.["sandbox.memory_limit_bytes"] == "'"$memory"'" and .["sandbox.wall_time_limit"] == "'"$wall"'"'
	json "F091: ($WHO) $expected: usage, in Go's text form" "$WORK/last.json" \
		'def go: test("^([0-9]+h)?([0-9]+m)?([0-9]+([.][0-9]+)?(s|ms|µs|ns))$");
		.meta | (.["sandbox.cpu_usage"] | go) and (.["sandbox.wall_time_usage"] | go) and
		(.["sandbox.memory_usage_bytes"] | test("^[0-9]+$"))'
	json "F089: ($WHO) $expected: meta is sorted text" "$WORK/last.json" \
		'(.meta | keys_unsorted) == (.meta | keys) and all(.meta[]; type == "string")'
	is "F089: ($WHO) $expected: said once" \
		"$(grep -c oxg.supervisor.termination "$RUN/findings.jsonl")" 1
}

terminations() {
	run --timeout 200ms "$DEED" -- hang
	is "F088: ($WHO) timeout: status 124" "$STATUS" 124
	termination timeout 1m0s 536870912 200ms
	run --cpu-limit 1s "$DEED" -- cpu
	is "F088: ($WHO) cpu_limit: status 122" "$STATUS" 122
	termination cpu_limit 1s 536870912 5m0s
	run --memory 32M "$DEED" -- mem 200
	is "F088: ($WHO) memory_limit: status 121" "$STATUS" 121
	termination memory_limit 1m0s 33554432 5m0s
	stop_by INT ready
	termination killed 1m0s 536870912 5m0s
	stop_by TERM ready
	stop_by TERM term-catch
}

check "F095: outside the jail a deed does what it says" sh -c "'$HOSTILE' exit 3; test \$? -eq 3"
for who in $IDENTITIES; do
	become "$who"
	by_itself
	behind
	terminations
done
finish
