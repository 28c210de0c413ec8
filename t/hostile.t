#!/bin/sh
# The sly plugin: it keeps to what is checked and looks for what is not. Memory
# that is in no resident page, CPU time that nobody adds up, arguments that reach
# out of the jail.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin sly "$BUILD/plugins/sly"
SLY=$PLUGIN
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
	# Some kernels have no page of zeroes: there each byte that is read is a page more.
	check "F091: ($WHO) and they are counted" within 32000000 "$(usage memory_peak_bytes)" 80000000
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

# Each refusal is told to the watch: a storm of them must not hold it.
storm() {
	run --timeout 1s "$SLY" -- refused 50
	stopped F066 "fifty processes that ask for what is refused" 124 timeout
	check "F077: ($WHO) at its time" within 1000000000 "$(usage wall_ns)" 1900000000
	run --cpu-limit 1s --timeout 20s "$SLY" -- refused 50
	stopped F075 "and their CPU time is seen" 122 cpu_limit
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

for who in $IDENTITIES; do
	become "$who"
	memory
	deep
	unmapped
	arguments
	storm
	cpu
done
finish
