#!/bin/sh
# The deaths of a plugin, in one table: each run as root and as a user, each with
# its one reason, its status, its figures, the gate's word and the report's. None
# of them may stay without a reason, and no limit may be claimed that did nothing.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin sly "$BUILD/plugins/sly"
SLY=$PLUGIN
# Room for a file that grows beyond what a file may be.
jq -n '{schema_version: 1, resources: {memory: "1G", workspace: "200M"}}' >"$WORK/roomy.json"

# NAME | HOW | OPTIONS | DEED | STATUS | REASON | ENDING | TERMINATION | FIGURES
#
# HOW         run: by itself; the others are done to it while it runs
# ENDING      what else is true of run.json, in jq
# TERMINATION whether a termination finding is due
# FIGURES     what is true of usage.json's usage, in jq
table() {
	cat <<'END_OF_TABLE'
exit 0|run||exit 0|0|exited|.ending.exit_status == 0|no|.cpu_ns < 1e9
exit 1|run||exit 1|10|exited|.ending.exit_status == 1|no|.cpu_ns < 1e9
exit 2|run||exit 2|10|exited|.ending.exit_status == 2|no|.cpu_ns < 1e9
exit 137, which is no signal|run||exit 137|10|exited|.ending.exit_status == 137 and .ending.signal == null|no|.cpu_ns < 1e9
SIGSEGV|run||segv|10|crashed|.ending.signal == 11 and .ending.signal_name == "SIGSEGV"|no|.cpu_ns < 1e9
SIGABRT|run||abort|10|crashed|.ending.signal == 6 and .ending.signal_name == "SIGABRT"|no|.cpu_ns < 1e9
SIGKILL by itself|run||raise 9|10|crashed|.ending.signal == 9 and .ending.signal_name == "SIGKILL"|no|.cpu_ns < 1e9
SIGXCPU by itself|run||raise 24|10|crashed|.ending.signal == 24 and .ending.signal_name == "SIGXCPU"|no|.cpu_ns < 1e9
SIGXFSZ, a file of more than 64 MiB|run|--policy ROOMY|xfsz /workspace/big 100|10|crashed|.ending.signal == 25 and .ending.signal_name == "SIGXFSZ"|no|.memory_peak_bytes >= 67000000
a call of a foreign kind|run||foreign|123|killed|.ending.by == "policy"|yes|.cpu_ns < 1e9
CPU over ten children|run|--cpu-limit 1s --timeout 60s|cpu-children 10|122|cpu_limit|.limits.cpu_ns == 1e9|yes|.cpu_ns >= 950e6 and .cpu_ns < 2e9 and .pids_peak == 11
memory in one|run|--memory 64M|mem 400|121|memory_limit|.limits.memory_bytes == 67108864|yes|.memory_peak_bytes > 67108864
memory in ten, none above the limit|run|--memory 100M|mem-children 10 30|121|memory_limit|.limits.memory_bytes == 104857600|yes|.memory_peak_bytes > 104857600 and .pids_peak > 3
memory in files of the tmpfs|run|--memory 32M|fill /tmp 50|121|memory_limit|.limits.memory_bytes == 33554432|yes|.memory_peak_bytes > 33554432
memory in a memfd: refused, it ends by itself|run|--memory 64M|sly memfd 256|10|exited|.ending.exit_status == 8 and .ledger.by_call.memfd_create == 1|no|.memory_peak_bytes < 67108864
the wall, asleep|run|--timeout 500ms|hang|124|timeout|.limits.wall_ns == 500e6|yes|.wall_ns >= 500e6 and .wall_ns < 3e9 and .cpu_ns < 400e6
the wall, stopped|run|--timeout 500ms|stop|124|timeout|.limits.wall_ns == 500e6|yes|.wall_ns >= 500e6 and .wall_ns < 3e9 and .cpu_ns < 400e6
the wall, its children stopped as well|run|--timeout 500ms|stop-all 5|124|timeout|.limits.wall_ns == 500e6|yes|.wall_ns >= 500e6 and .wall_ns < 3e9 and .pids_peak == 6
an output flood|run||lines 1000000 1|0|exited|.output.stdout == {seen_bytes: 13000000, kept_bytes: 4194304, truncated: true}|no|.wall_ns < 60e9
pids exhausted|run||fork-count 500|0|exited|.limits.pids == 64|no|.wall_ns < 60e9
pids exhausted, by a bomb|run|--timeout 500ms|forkbomb|124|timeout|.limits.pids == 64|yes|.pids_peak > 2 and .pids_peak <= 65
the operator's ^C|interrupt||ready|123|killed|.ending.by == "operator" and .ending.detail == "cancelled by operator (SIGINT)"|yes|.wall_ns < 60e9
too many refused requests: no token any more|run||bad-requests 2000|10|exited|.ending.exit_status == 3 and .broker.refused >= 1000|no|.wall_ns < 60e9
the broker shot|shoot-broker||ready|123|killed|.ending.by == "broker" and .evidence_complete == false|yes|.wall_ns < 60e9
the jail shot from outside|shoot-init||ready|123|killed|.ending.by == "host"|yes|.wall_ns < 60e9
the plugin shot from outside|shoot-plugin||ready|10|crashed|.ending.signal == 9|no|.wall_ns < 60e9
END_OF_TABLE
}

# In a process group of its own, as a shell's foreground job is.
start_group() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	set -- setsid env --default-signal=INT,QUIT "$OXG" run --trust "$TRUST" --out "$RUN" \
		--timeout 20s "$@"
	[ "$WHO" != user ] || [ "$CALLER" -ne 0 ] ||
		set -- setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
	"$@" >"$OUT/stdout" 2>"$ERR" </dev/null &
	PID=$!
}

# kill_one PID: it is there.
kill_one() {
	[ -n "$1" ] && kill -KILL "$1"
}

# happens HOW [OPTION...] PLUGIN -- DEED...: sets STATUS.
happens() {
	how=$1
	shift
	if [ "$how" = run ]; then
		run "$@"
		return
	fi
	start_group "$@"
	wait_for said_ready || echo "# it never said that it was ready"
	case $how in
	interrupt) kill -INT "-$PID" ;;
	shoot-broker) kill_one "$(broker_of "$PID")" ;;
	shoot-init) kill_one "$(init_of "$PID")" ;;
	shoot-plugin) kill_one "$(children_of "$(init_of "$PID")" | head -n 1)" ;;
	shoot-oxg) kill -KILL "$PID" ;;
	esac
	# The shell's own "Killed" is no word of ours.
	wait "$PID" 2>/dev/null
	STATUS=$?
}

# What gate_report.json and report.html are to say of an ending.
gate_of() { # REASON
	case $1 in
	exited) jq -r '.ending.exit_status | if . == 0 then "PASS " else
		"BLOCK the plugin failed with exit status \(.)" end' "$RUN/run.json" ;;
	crashed) jq -r '"BLOCK the plugin crashed (\(.ending.signal_name))"' "$RUN/run.json" ;;
	*) echo "BLOCK the plugin was terminated ($1)" ;;
	esac
}

report_of() { # REASON
	case $1 in
	exited) jq -r '"exited with status \(.ending.exit_status)"' "$RUN/run.json" ;;
	crashed) jq -r '"crashed: \(.ending.signal_name)"' "$RUN/run.json" ;;
	*) echo "stopped: $1" ;;
	esac
}

# death NAME HOW OPTIONS DEED STATUS REASON ENDING TERMINATION FIGURES
death() {
	name="F094: ($WHO) $1" due=$5 why=$6 truth=$7 told=$8 figures=$9
	mark=death-$$-$WHO-$RUNS
	with=$DEED
	deed=$4
	case $deed in "sly "*) with=$SLY deed=${deed#sly } ;; esac
	options=$(echo "$3" | sed "s|ROOMY|$WORK/roomy.json|")
	# shellcheck disable=SC2086
	happens "$2" $options "$with" -- $deed "$mark"
	reason >>"$WORK/reasons"
	is "$name: status and reason" "$STATUS $(reason)" "$due $why"
	json "$name: $truth" "$RUN/run.json" "$truth"
	json "$name: figures: $figures" "$RUN/usage.json" ".usage | .wall_ns > 0 and .cpu_ns > 0 and ($figures)"
	expected=
	[ "$told" = no ] || expected="plugin terminated ($why) $why"
	is "$name: termination finding: $told" "$(jq -r 'select(.type == "oxg.supervisor.termination") |
		.message + " " + .meta["sandbox.termination_reason"]' "$RUN/findings.jsonl")" "$expected"
	case $(gate_of "$why") in
	PASS*) json "$name: the gate passes" "$RUN/gate_report.json" '.decision == "PASS"' ;;
	*) is "$name: the gate blocks, for this" "$(jq -r --arg due "$(gate_of "$why" | cut -d' ' -f2-)" \
		'.decision + " " + (.reasons[] | select(. == $due))' "$RUN/gate_report.json")" "$(gate_of "$why")" ;;
	esac
	check "$name: the report says \"$(report_of "$why")\"" grep -qF "$(report_of "$why")" "$RUN/report.html"
	check "$name: sealed, and oxg check agrees" "$OXG" check "$RUN"
	check "$name: nothing is left" no_marked "$mark"
}

# The one that nobody can tell of: its folder says by its name that it is none.
supervisor_killed() {
	mark=death-$$-$WHO-oxg
	happens shoot-oxg "$DEED" -- ready "$mark"
	name="F163: ($WHO) the supervisor killed"
	is "$name: SIGKILL" "$STATUS" 137
	check "$name: the folder is visibly partial" test -d "$RUN.partial" -a ! -e "$RUN"
	"$OXG" check "$RUN.partial" >/dev/null 2>"$WORK/said"
	is "$name: oxg check: status 5" "$?" 5
	"$OXG" check "$RUN" >/dev/null 2>&1
	is "$name: under its final name too" "$?" 5
	is "$name: it claims no ending, no figures, no decision" \
		"$(find "$RUN.partial" \( -name run.json -o -name usage.json -o -name gate_report.json \
		-o -name report.html -o -name SHA256SUMS \))" ""
	check "$name: no process is left" wait_for no_marked "$mark"
}

# What the table takes for granted: the deeds do outside what they do inside.
deeds() {
	"$HOSTILE" exit 137
	is "F094: outside the jail, exit 137 is a status" "$?" 137
	sh -c 'ulimit -f 8; "$0" xfsz "$1" 1' "$HOSTILE" "$WORK/big" 2>/dev/null
	is "F094: outside the jail, xfsz dies of SIGXFSZ" "$?" $((128 + 25))
	rm -f "$WORK/big"
	if [ "$(uname -m)" = x86_64 ]; then
		like "F063: outside the jail, a memfd holds memory" "$(timeout 20 "$BUILD/plugins/sly" memfd 8)" 'hidden'
	fi
}

# No column of the table: what counts is what there is.
echo "# cgroup: absent. oxg has no cgroup code; every limit here is the sampler's, the clock's or an rlimit's"
deeds
: >"$WORK/reasons"
table >"$WORK/table"
for who in $IDENTITIES; do
	become "$who"
	while IFS='|' read -r a b c d e f g h i <&9; do
		death "$a" "$b" "$c" "$d" "$e" "$f" "$g" "$h" "$i"
	done 9<"$WORK/table"
	supervisor_killed
done
is "F094: the table was gone through, by each identity" "$(wc -l <"$WORK/reasons")" \
	$(($(wc -l <"$WORK/table") * $(echo "$IDENTITIES" | wc -w)))
is "F094: no death is without a reason" \
	"$(grep -vxE 'exited|crashed|timeout|cpu_limit|memory_limit|killed' "$WORK/reasons")" ""
is "F094: and every reason was met" "$(sort -u "$WORK/reasons" | tr '\n' ' ')" \
	"cpu_limit crashed exited killed memory_limit timeout "
finish
