#!/bin/sh
# Nothing survives a run: oxg is killed at random moments, and the plugin's file
# is swapped under its hands.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

KILLS=${KILLS:-60}
SWAPS=${SWAPS:-200}

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN

mounts() {
	wc -l </proc/self/mountinfo
}

# What oxg could leave on the host: its names in the usual places.
traces() {
	find /tmp /var/tmp /dev/shm /run /sys/fs/cgroup -maxdepth 1 -name '*oxg*' \
		! -path "$WORK/*" 2>/dev/null | sort
}

# A number below $1, from the kernel.
below() {
	echo $(($(od -An -N4 -tu4 /dev/urandom) % $1))
}

# Killed anywhere between its first instruction and a plugin in full work.
killed() {
	mark=kill-$$-$WHO
	echo "$mark" >"$WORK/mark"
	before=$(mounts)
	slow=0
	early=0
	whole=0
	i=0
	while [ $i -lt "$KILLS" ]; do
		i=$((i + 1))
		case $((i % 3)) in
		0) start "$DEED" -- daemon "$mark" ;;
		1) start "$DEED" -- forkbomb "$mark" ;;
		2) start "$DEED" -- lines 3000000 "$mark" ;;
		esac
		# Half of them while the jail is built, which takes a few milliseconds.
		if [ $((i % 2)) -eq 0 ]; then
			sleep "0.0$(below 7)$(below 10)"
		else
			sleep "0.00$(below 10)$(below 10)"
		fi
		kill -KILL "$PID" 2>/dev/null
		wait "$PID" 2>/dev/null
		# The kernel ends the tree; it may take its time, but not ours.
		wait_for no_marked "$mark" || slow=$((slow + 1))
		[ -d "$RUN.partial" ] || early=$((early + 1))
		[ ! -d "$RUN" ] || "$OXG" check "$RUN" >/dev/null 2>&1 || whole=$((whole + 1))
	done
	is "F044: ($WHO) killed $KILLS times, no process is left" "$slow" 0
	is "F044: ($WHO) no mount" "$(mounts)" "$before"
	is "F163: ($WHO) no folder looks complete and is not" "$whole" 0
	check "F044: ($WHO) some were killed half-way (the test can fail)" test "$early" -lt "$KILLS"
	partial=$(find "$OUT" -maxdepth 1 -name '*.partial' | head -n 1)
	if [ -n "$partial" ]; then
		"$OXG" check "$partial" >/dev/null 2>"$WORK/said"
		is "F163: ($WHO) check calls it unfinished: status 5" "$?" 5
		like "F163: ($WHO) in words" "$(cat "$WORK/said")" 'never finished|interrupted'
	fi
}

# The file behind the name changes all the time; what runs is what was hashed.
# The good one says so; the bad one is not listed and must never be heard.
swapped() {
	plugin swap "$HOSTILE" '.args = ["print", "swap-good"]'
	cp "$PLUGIN/swap" "$WORK/good"
	cp "$PROBE" "$WORK/evil"
	digest=$(sha256sum <"$WORK/good" | cut -c1-64)
	(
		while :; do
			cp "$WORK/evil" "$PLUGIN/next" && mv "$PLUGIN/next" "$PLUGIN/swap"
			cp "$WORK/good" "$PLUGIN/next" && mv "$PLUGIN/next" "$PLUGIN/swap"
			# In place as well: the same inode, other bytes.
			cat "$WORK/evil" >"$PLUGIN/swap" && cat "$WORK/good" >"$PLUGIN/swap"
		done
	) 2>/dev/null &
	swapper=$!
	ran=0
	refused=0
	wrong=''
	i=0
	while [ $i -lt "$SWAPS" ]; do
		i=$((i + 1))
		run "$PLUGIN"
		case $STATUS in
		3) refused=$((refused + 1)) ;;
		0)
			ran=$((ran + 1))
			grep -qx swap-good "$RUN/logs/stdout.log" &&
				grep -q "\"sha256\": \"$digest\"" "$RUN/run.json" || wrong="$wrong $i"
			;;
		*) wrong="$wrong $i:$STATUS" ;;
		esac
		chmod -R u+w "$RUN"
		rm -rf "$RUN"
	done
	kill "$swapper"
	wait "$swapper" 2>/dev/null
	echo "# $ran ran, $refused were refused"
	is "F020: ($WHO) what ran is what was verified, $SWAPS rounds" "$wrong" ""
	check "F020: ($WHO) both happened (the test can fail)" test "$ran" -gt 0 -a "$refused" -gt 0
}

clean() {
	before=$(traces)
	mark=clean-$$-$WHO
	for deed in true tree daemon "exit 1"; do
		# shellcheck disable=SC2086
		run "$DEED" -- $deed "$mark"
	done
	check "F044: ($WHO) after a run no process is left" no_marked "$mark"
	is "F044: ($WHO) after a run no directory is left" "$(traces)" "$before"
	is "F044: ($WHO) nor in the folder's place" "$(find "$OUT" -maxdepth 1 -name '*.partial')" ""
}

# Many at once do not meet.
together() {
	pids=''
	for n in 1 2 3 4 5 6 7 8; do
		as "$OXG" run --trust "$TRUST" --out "$OUT/together-$n" "$DEED" -- emit 20 >/dev/null 2>&1 &
		pids="$pids $!"
	done
	bad=0
	for p in $pids; do
		wait "$p" || bad=$((bad + 1))
	done
	is "F066: ($WHO) eight at once" "$bad" 0
	is "F066: ($WHO) each with its own findings" \
		"$(cat "$OUT"/together-*/findings.jsonl | jq -r '.meta["oxg.run_id"]' | sort | uniq -c | awk '{ print $1 }' | sort -u)" 20
}

for who in $IDENTITIES; do
	become "$who"
	clean
	together
	killed
	swapped
done
finish
