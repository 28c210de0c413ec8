#!/bin/sh
# Every limit, reached in one process and spread over many: what stops it, what
# is recorded, and that the figures are the effective ones.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin modest "$HOSTILE" '.resources = {cpu: "2s", memory: "32M", timeout: "3s", pids: 5}'
MODEST=$PLUGIN
plugin greedy "$HOSTILE" '.resources = {cpu: "2h", memory: "64G", timeout: "48h", pids: 5000}'
GREEDY=$PLUGIN

# usage NAME: of usage.json, in milliseconds or as it is
usage() {
	jq -r ".usage.$1" "$RUN/usage.json"
}

log() {
	cat "$RUN/logs/stdout.log"
}

field() {
	sed -n "s/.*$1=\([^ ]*\).*/\1/p" "$RUN/logs/stdout.log"
}

# stopped ROW WHAT STATUS REASON
stopped() {
	is "$1: ($WHO) $2: status $3" "$STATUS" "$3"
	is "$1: ($WHO) $2: $4" "$(reason)" "$4"
}

cpu() {
	run --cpu-limit 1 "$DEED" -- cpu
	stopped F080 "a bare number of CPU seconds" 122 cpu_limit
	check "F091: ($WHO) about one CPU second was used" \
		within 950000000 "$(usage cpu_ns)" 1500000000
	run --cpu-limit 1s "$DEED" -- cpu-catch
	stopped F075 "catching SIGXCPU does not help" 122 cpu_limit
	run --cpu-limit 1s "$DEED" -- cpu-children 10
	stopped F075 "ten children" 122 cpu_limit
	check "F091: ($WHO) their time is added up" within 950000000 "$(usage cpu_ns)" 1900000000
	run --cpu-limit 1s --timeout 20s "$DEED" -- cpu-ignored 4
	stopped F075 "children that nobody waits for" 122 cpu_limit
}

memory() {
	run --memory 64M "$DEED" -- mem 400
	stopped F076 "one process" 121 memory_limit
	run --memory 100M "$DEED" -- mem-children 10 30
	stopped F076 "spread over ten" 121 memory_limit
	run --memory 32M --workspace 200M "$DEED" -- fill /tmp 150
	stopped F076 "in files of /tmp" 121 memory_limit
	run --memory 128M "$DEED" -- mem 40
	is "F076: ($WHO) within the limit nothing happens" "$STATUS $(log)" "0 eaten"
	check "F091: ($WHO) the peak is measured" \
		within 41000000 "$(usage memory_peak_bytes)" 134217728
	run --memory 512M "$DEED" -- reserve 1024
	is "F076: ($WHO) address space is not memory" "$STATUS $(log)" "0 reserve=ok"
}

wall() {
	run --timeout 1s "$DEED" -- hang
	stopped F077 "a hang" 124 timeout
	check "F093: ($WHO) after one second" within 1000000000 "$(usage wall_ns)" 1900000000
	run --timeout 500ms "$DEED" -- forkbomb
	stopped F061 "a fork bomb" 124 timeout
	check "F061: ($WHO) of at most 64 processes" within 2 "$(usage pids_peak)" 66
	run --timeout 500ms "$DEED" -- stop
	stopped F077 "stopping itself" 124 timeout
	run --timeout 500ms "$DEED" -- no-such-deed
	is "F077: ($WHO) a plugin that ends in time is not stopped" "$STATUS $(reason)" "10 exited"
}

processes() {
	run "$DEED" -- fork-count 500
	is "F061: ($WHO) no more than 64" "$(field errno)" EAGAIN
	check "F061: ($WHO) and most of them" within 50 "$(field children)" 63
	run --pids 10 "$DEED" -- fork-count 500
	check "F061: ($WHO) --pids 10" within 5 "$(field children)" 9
	run "$DEED" -- files
	is "F084: ($WHO) 256 descriptors" "$(field descriptors)" 256
}

disk() {
	run --workspace 8M "$DEED" -- fill /workspace 100
	is "F040: ($WHO) a full workspace" "$STATUS $(field errno)" "0 ENOSPC"
	check "F040: ($WHO) at its size" within 6000000 "$(field filled)" 8388608
	run --workspace 8M "$DEED" -- fill /tmp 100
	is "F040: ($WHO) a full /tmp" "$STATUS $(field errno)" "0 ENOSPC"
	check "F040: ($WHO) at its size too" within 0 "$(field filled)" 8388608
	run --memory 1G --workspace 200M "$DEED" -- big-file /workspace/big 100
	check "F040: ($WHO) no file over 64 MiB" within 60000000 "$(field written)" 67108864
	like "F040: ($WHO) and it is told why" "$(field errno)" '^(EFBIG|ENOSPC)$'
	run "$DEED" -- inodes /workspace 100000
	is "F087: ($WHO) no end of inodes" "$STATUS $(field errno)" "0 ENOSPC"
	check "F087: ($WHO) but their number" within 10000 "$(field made)" 16384
}

output() {
	run "$DEED" -- lines 1000000
	is "F083: ($WHO) a million lines" "$STATUS" 0
	is "F083: ($WHO) four MiB are kept" "$(stat -c %s "$RUN/logs/stdout.log")" 4194304
	json "F083: ($WHO) and it is said" "$RUN/run.json" \
		'.output.stdout == {seen_bytes: 13000000, kept_bytes: 4194304, truncated: true}'
	check "F083: ($WHO) the first four" sh -c \
		"'$HOSTILE' lines 400000 2>/dev/null | head -c 4194304 | cmp - '$RUN/logs/stdout.log'"
	run "$DEED" -- no-newline 1024
	json "F066: ($WHO) a gigabyte without a newline" "$RUN/run.json" \
		'.output.stdout == {seen_bytes: 1073741824, kept_bytes: 4194304, truncated: true}'
	is "F066: ($WHO) is no failure" "$STATUS" 0
	run "$DEED" -- lines 400000 2
	is "F083: ($WHO) stderr has a ceiling of its own" "$(stat -c %s "$RUN/logs/stderr.log")" 4194304
}

figures() {
	run "$DEED" -- true
	json "F078: ($WHO) the defaults of the seeds" "$RUN/run.json" '.limits |
		.cpu_ns == 60e9 and .memory_bytes == 536870912 and .wall_ns == 300e9 and
		.pids == 64 and .files == 256 and .file_size_bytes == 67108864 and
		.workspace_bytes == 67108864 and .inodes == 16384 and
		.output_bytes == 4194304 and .findings == 100000 and .artifacts_bytes == 67108864'
	json "F078: ($WHO) in words as well" "$RUN/run.json" \
		'.limits | .cpu == "1m0s" and .memory == "512M" and .wall == "5m0s"'
	run --cpu-limit 1500ms --memory=256M --timeout=10s --workspace 1M --pids 7 "$DEED" -- true
	json "F079: ($WHO) units" "$RUN/run.json" '.limits | .cpu == "1.5s" and
		.memory_bytes == 268435456 and .wall == "10s" and .workspace_bytes == 1048576 and .pids == 7'
	run "$MODEST" -- true
	json "F085: ($WHO) a manifest may ask for less" "$RUN/run.json" '.limits |
		.cpu == "2s" and .memory == "32M" and .wall == "3s" and .pids == 5'
	run "$GREEDY" -- true
	json "F085: ($WHO) and not for more" "$RUN/run.json" '.limits |
		.cpu == "1m0s" and .memory == "512M" and .wall == "5m0s" and .pids == 64'
	run --cpu-limit 1s --memory 1M --timeout 2s "$MODEST" -- true
	json "F082: ($WHO) the least of all counts" "$RUN/run.json" '.limits |
		.cpu == "1s" and .memory == "1M" and .wall == "2s"'
}

# Ours is not limited: what is set for the child is never set for us.
own() {
	start --cpu-limit 7 "$DEED" -- ready "own-$$-$WHO"
	if wait_for said_ready; then
		is "F075: ($WHO) the supervisor keeps its own limits" \
			"$(awk '/^Max cpu time/ { print $4 }' "/proc/$PID/limits")" \
			"$(awk '/^Max cpu time/ { print $4 }' /proc/self/limits)"
	else
		check "F075: ($WHO) a run to look at" false
	fi
	kill -TERM "$PID"
	wait "$PID"
}

for who in $IDENTITIES; do
	become "$who"
	cpu
	memory
	wall
	processes
	disk
	output
	figures
	own
done
finish
