#!/bin/sh
# The sly plugin: it keeps to what is checked and looks for what is not. Memory
# that is in no resident page, CPU time that nobody adds up, arguments that reach
# out of the jail, and hosts on which a part of ours does not work.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin sly "$BUILD/plugins/sly"
SLY=$PLUGIN
plugin hostile "$HOSTILE"
LOUD=$PLUGIN
jq -n '{schema_version: 1, resources: {pids: 2500}}' >"$WORK/many.json"

said_of() {
	sed -n "s/^$1=//p" "$RUN/logs/stdout.log"
}

usage() {
	jq ".usage.$1" "$RUN/usage.json"
}

# stopped ROW WHAT STATUS REASON
stopped() {
	is "$1: ($WHO) $2" "$STATUS $(reason)" "$3 $4"
}

# ---- memory ------------------------------------------------------------------------

memory() {
	run --memory 64M --timeout 20s "$SLY" -- thread 100
	stopped F076 "the memory of a process whose first thread is gone" 121 memory_limit
	check "F076: ($WHO) and at once, not after its end" within 0 "$(usage wall_ns)" 2500000000
	run --memory 64M --timeout 20s "$SLY" -- tables 40 4
	stopped F076 "page tables: 40 processes, 4 MiB each" 121 memory_limit
	run --memory 256M --timeout 20s "$SLY" -- tables 8 4
	stopped F076 "but 32 MiB of them are within 256" 0 exited
	check "F091: ($WHO) and they are counted" within 32000000 "$(usage memory_peak_bytes)" 60000000
	run --memory 64M --timeout 20s "$SLY" -- common 20 40
	stopped F076 "40 MiB that 20 processes have in common are 40 MiB" 0 exited
	run --memory 100M --timeout 30s --policy "$WORK/many.json" "$SLY" -- children 1500 150
	stopped F076 "the last of 1500 children" 121 memory_limit
	check "F061: ($WHO) each of them is seen" within 1500 "$(usage pids_peak)" 1502
}

# A chain of processes is as deep as their number; our stack is not.
deep() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as prlimit --stack=524288 "$OXG" run --trust "$TRUST" --out "$RUN" --policy "$WORK/many.json" \
		--memory 64M --timeout 20s "$SLY" -- chain 250 100 >"$OUT/stdout" 2>"$ERR" </dev/null
	STATUS=$?
	stopped F066 "a chain of 250 processes" 121 memory_limit
}

# Shared memory stays when it is mapped nowhere any more.
unmapped() {
	for runtime in '' system; do
		# shellcheck disable=SC2086
		run ${runtime:+--runtime $runtime} --memory 64M --timeout 20s "$SLY" -- shared 256
		is "F076: ($WHO) no shared memory without a file${runtime:+, runtime $runtime}" \
			"$(said_of mmap) $(said_of hidden)" "EPERM "
		# shellcheck disable=SC2086
		run ${runtime:+--runtime $runtime} --memory 64M --timeout 20s "$SLY" -- zero 256
		is "F076: ($WHO) nor of /dev/zero${runtime:+, runtime $runtime}" \
			"$(said_of open) $(said_of hidden)" "EACCES "
		# shellcheck disable=SC2086
		run ${runtime:+--runtime $runtime} --memory 64M --timeout 20s "$SLY" -- memfd 256
		is "F063: ($WHO) nor a file without a name${runtime:+, runtime $runtime}" \
			"$(said_of memfd) $(said_of hidden)" "EPERM "
	done
}

# ---- arguments ------------------------------------------------------------------------

arguments() {
	run "$SLY" -- arguments
	is "F057: ($WHO) no argument reaches out of the jail" \
		"$(grep -v '=EPERM$' "$RUN/logs/stdout.log")" ""
	check "F057: ($WHO) of at least 35 tried" test "$(grep -c = "$RUN/logs/stdout.log")" -ge 35
	run --runtime system "$SLY" -- arguments
	is "F057: ($WHO) the runtime's profile neither" \
		"$(grep -v '=EPERM$' "$RUN/logs/stdout.log")" ""
}

# ---- CPU time -----------------------------------------------------------------------

cpu() {
	run --cpu-limit 1s --timeout 30s "$SLY" -- cpu 5 25
	stopped F075 "children of 5 ms whose ends are ignored" 122 cpu_limit
	run --timeout 30s "$SLY" -- cpu 5 3
	burnt=$(said_of burnt)
	echo "# burnt at least ${burnt:-0} ms, measured $(($(usage cpu_ns) / 1000000)) ms"
	check "F091: ($WHO) and what they used is known, roughly" \
		within $((${burnt:-0} / 4)) $(($(usage cpu_ns) / 1000000)) $((${burnt:-0} * 4 + 100))
	# What building the jail costs is ours; a little is left, the fork of the plugin.
	truncate -s 400M "$WORK/large"
	run --input "$WORK/large" --cpu-limit 150ms "$SLY" -- doze 200
	stopped F094 "a large input is no use of CPU" 0 exited
	check "F091: ($WHO) by the plugin" within 0 "$(usage cpu_ns)" 140000000
}

# ---- a stopped supervisor -----------------------------------------------------------

state_is() {
	[ "$(sed 's/.*) //' "/proc/$1/stat" | cut -c1)" = "$2" ]
}

stopped_supervisor() {
	mark=stopped-$$-$WHO
	start --timeout 1s "$SLY" -- doze 60000 "$mark"
	wait_for said_of_now doze
	kill -STOP "$PID"
	wait_for state_is "$PID" T
	sleep 2.5
	# Of the four only the two that stand still may be left, as what they are.
	left=$(for p in $(marked "$mark"); do
		state_is "$p" Z || grep -q '^NSpid:.*[[:space:]].*[[:space:]]' "/proc/$p/status" && echo "$p"
	done)
	is "F077: ($WHO) oxg is stopped: its plugin does not outlive its time" "$left" ""
	kill -CONT "$PID"
	wait "$PID"
	is "F077: ($WHO) and that was a timeout" "$? $(reason)" "124 timeout"
}

said_of_now() {
	said | grep -q "^$1="
}

# ---- what a caller leaves us with ------------------------------------------------------

# left ROW WHAT STATUS PATTERN COMMAND...: the command goes before oxg's own words
left() {
	row=$1 what=$2 due=$3 words=$4
	shift 4
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as timeout -k 5 30 "$@" "$OXG" run --trust "$TRUST" --out "$RUN" "$SLY" -- again 3 \
		>"$OUT/stdout" 2>"$ERR" </dev/null
	is "$row: ($WHO) $what: status $due" "$?" "$due"
	like "$row: ($WHO) $what: $words" "$(cat "$ERR")" "$words"
}

legacy() {
	left F066 "no file may grow, stderr neither" 5 '^$' prlimit --fsize=0:0
	check "F163: ($WHO) and nothing looks complete" test ! -e "$RUN"
	left F066 "none may be as large as the plugin" 4 'could not write /bin/sly: File too large' \
		prlimit --fsize=4000:4000
	check "F163: ($WHO) and nothing looks complete" test ! -e "$RUN"
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as prlimit --fsize=1000000:1000000 "$OXG" run --trust "$TRUST" --out "$RUN" "$LOUD" -- lines 400000 \
		>"$OUT/stdout" 2>"$ERR" </dev/null
	is "F066: ($WHO) a log may not grow: status 5" "$?" 5
	like "F066: ($WHO) a log may not grow: in words" "$(cat "$ERR")" 'cannot be written .*File too large'
	check "F163: ($WHO) and nothing looks complete" test ! -e "$RUN"
	left F066 "twelve descriptors" 4 'No file descriptors available' prlimit --nofile=21:21
	left F066 "no process" 4 'ulimit -u|fork' prlimit --nproc=1:1
	left F064 "everything ignored" 0 PASS env --ignore-signal
	left F064 "everything blocked" 0 PASS env --block-signal
	left F064 "SIGCHLD ignored" 0 PASS env --ignore-signal=CHLD
	# shellcheck disable=SC2016
	left F064 "umask 0777" 0 PASS sh -c 'umask 0777; exec "$@"' sh
	# shellcheck disable=SC2016
	left F064 "no directory to be in" 0 PASS sh -c 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"' "$OUT/gone"
}

# Started by nohup, a closing terminal is not for us.
nohup_() {
	mark=nohup-$$-$WHO
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	set -- env --ignore-signal=HUP --default-signal=INT "$OXG" run --trust "$TRUST" --out "$RUN" "$SLY" -- doze 700 "$mark"
	[ "$WHO" != user ] || [ "$(id -u)" -ne 0 ] ||
		set -- setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
	"$@" >"$OUT/stdout" 2>"$ERR" </dev/null &
	PID=$!
	wait_for said_of_now doze
	kill -HUP "$PID"
	wait "$PID"
	is "F099: ($WHO) nohup: SIGHUP is not heard" "$? $(reason)" "0 exited"
	start "$SLY" -- doze 60000 "$mark"
	wait_for said_of_now doze
	for s in TSTP TTOU TTIN CONT WINCH; do
		kill "-$s" "$PID"
	done
	sleep 0.2
	check "F099: ($WHO) a stopping terminal stops nobody" not state_is "$PID" T
	kill -INT "$PID"
	kill -INT "$PID"
	kill -TERM "$PID"
	wait "$PID"
	is "F099: ($WHO) three signals in a row are one end" "$? $(reason)" "123 killed"
	check "F163: ($WHO) which is sealed" test ! -e "$RUN.partial"
}

# ---- /proc -------------------------------------------------------------------------

proc() {
	cat >"$WORK/look" <<-'SCRIPT'
	#!/bin/sh
	echo "self=$(cat /proc/self/comm)"
	ls /proc | grep -v '^[0-9]'
	cat /proc/1/cmdline /proc/1/stat
	for f in kallsyms keys mounts/../cmdline sys/kernel/core_pattern meminfo kmsg; do
		cat "/proc/$f" && echo "read=$f"
	done
	SCRIPT
	plugin look "$WORK/look"
	run --runtime system "$PLUGIN"
	like "F031: ($WHO) /proc shows a process itself" "$(cat "$RUN/logs/stdout.log")" '^self=cat$'
	is "F031: ($WHO) and of the host nothing, nor of oxg's own command line" \
		"$(grep -vE '^self=|^(self|thread-self|mounts|net|sys)$' "$RUN/logs/stdout.log")" ""
	check "F065: ($WHO) processes are visible here" test -r "/proc/$$/task/$$/children"
}

# A host that hides other users' processes hides the jail's from an ordinary user:
# its limits would hold nothing.
hidden() {
	[ "$WHO" = user ] && [ "$(id -u)" -eq 0 ] || return
	RUN=$OUT/hidden
	ERR=$OUT/hidden.err
	unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc && exec "$@"' sh \
		setpriv --reuid=65533 --regid=65533 --clear-groups \
		"$OXG" run --trust "$TRUST" --out "$RUN" "$SLY" -- doze 1 >"$OUT/stdout" 2>"$ERR" </dev/null
	is "F065: hidepid: status 4" "$?" 4
	like "F065: hidepid: in words" "$(cat "$ERR")" 'hidepid'
	is "F065: hidepid: nothing was executed" "$(cat "$RUN/logs/stdout.log")" ""
	RUN=$OUT/none
	ERR=$OUT/none.err
	unshare -m sh -c 'umount -l /proc && exec "$@"' sh \
		setpriv --reuid=65533 --regid=65533 --clear-groups \
		"$OXG" run --trust "$TRUST" --out "$RUN" "$SLY" -- doze 1 >"$OUT/stdout" 2>"$ERR" </dev/null
	is "F065: no /proc: status 4" "$?" 4
	like "F065: no /proc: in words" "$(cat "$ERR")" '/proc'
}

for who in $IDENTITIES; do
	become "$who"
	memory
	deep
	unmapped
	arguments
	cpu
	stopped_supervisor
	legacy
	nohup_
	proc
	hidden
done
finish
