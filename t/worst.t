#!/bin/sh
# The worst day of a whole run: a caller with next to no resources, a host that is
# read-only, a clock of another age, an input that is too much, a signal while the
# folder is sealed. A run, or a sentence; never half a folder that looks whole.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN

# bare PREFIX...: a run under it.
bare() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as timeout -k 5 30 "$@" "$OXG" run --trust "$TRUST" --out "$RUN" "$DEED" -- emit 5 \
		>"$OUT/stdout" 2>"$ERR" </dev/null
	STATUS=$?
}

# ---- next to nothing -----------------------------------------------------------------

# poor LIMIT VALUES...: every line of what was seen is one that may be. An oxg that the
# kernel cannot load (126, or a signal: 128 and more) has made nothing; and with what
# is enough for oxg, the plugin may still fail by itself (10).
poor() {
	what=$1
	shift
	: >"$WORK/seen"
	for n in "$@"; do
		bare prlimit "--$what=$n:$n"
		said=said
		grep -q '^oxg: .*[a-z]' "$ERR" || said=
		echo "$what=$n $STATUS $(there) $said" >>"$WORK/seen"
		chmod -R u+w "$RUN" "$RUN.partial" 2>/dev/null
		rm -rf "$RUN" "$RUN.partial"
	done
	cut -d' ' -f2- "$WORK/seen" | sort | uniq -c | sed 's/^/# /'
	is "F066: ($WHO) tiny limits, $what: it runs, or refuses in words" "$(grep -vE \
		-e ' 0 sealed $' \
		-e ' [34] sealed said$' \
		-e ' [2345] (nothing|partial) said$' \
		-e ' 10 sealed $' \
		-e ' (126|1[34][0-9]) nothing $' "$WORK/seen")" ""
	check "F066: ($WHO) $what: the least was too little" sh -c "head -n 1 '$WORK/seen' | grep -qv ' 0 sealed'"
	check "F066: ($WHO) $what: the most was enough" sh -c "tail -n 1 '$WORK/seen' | grep -q ' 0 sealed'"
}

tiny() {
	# shellcheck disable=SC2046
	poor nofile $(seq 0 27) 32 64
	poor nproc 1 2 3 30
	# From 200 on: a shorter ceiling cuts the sentence itself, stderr being a file.
	poor fsize 200 1000 2000 4000 8000 16000 32000 64000 200000
	poor as 100000 1000000 2000000 4000000 20000000 100000000
	poor data 0 100000 300000 600000 1000000 1500000 4000000 100000000
	poor stack 4096 16384 65536 131072 8388608
}

# ---- an odd host ------------------------------------------------------------------------

# $WORK below /mnt; the rest may be spoilt, in a mount namespace of our own.
cat >"$WORK/readonly" <<'END'
mount --bind "$WORK" /mnt && mount -o remount,bind,ro / || exit 77
if sh -c ': >"/$0"' "oxg-$$" 2>/dev/null; then rm -f "/oxg-$$"; exit 78; fi
$AS /mnt/oxg run --trust /mnt/trust --out "/mnt/$WHO/readonly" /mnt/trust/plugins/hostile -- emit 3 >/dev/null 2>&1
echo "run $?"
$AS /mnt/oxg check "/mnt/$WHO/readonly" >/dev/null 2>&1
echo "check $?"
$AS /mnt/oxg run --trust /mnt/trust --out /readonly /mnt/trust/plugins/hostile -- emit 3 2>&1 >/dev/null | head -n 1
END

# A root with nothing in it: no /tmp, no /run. The shell was there before.
cat >"$WORK/empty" <<'END'
mkdir -p "$WORK/root/proc" "$WORK/root/dev" "$WORK/root/old" "$WORK/root/mnt" || exit 77
mount --bind "$WORK/root" "$WORK/root" && mount --bind "$WORK" "$WORK/root/mnt" &&
	mount --rbind /dev "$WORK/root/dev" && mount --rbind /proc "$WORK/root/proc" &&
	cd "$WORK/root" && pivot_root . old || exit 77
[ ! -e /tmp ] && [ ! -e /run ] || exit 78
/mnt/oxg run --trust /mnt/trust --out "/mnt/$WHO/empty" /mnt/trust/plugins/hostile -- emit 3
echo "run $?"
/mnt/oxg check "/mnt/$WHO/empty"
echo "check $?"
END

# apart SCRIPT: in a mount namespace; as a user, of a user namespace.
apart() {
	how=-m
	AS=
	[ "$CALLER" -eq 0 ] || how=-rm
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || AS='setpriv --reuid=65533 --regid=65533 --clear-groups'
	export AS WORK WHO
	unshare "$how" sh "$WORK/$1" 2>"$WORK/errors"
}

hosts() {
	if apart readonly >"$WORK/seen"; then
		is "F066: ($WHO) a read-only root, the folder elsewhere" "$(head -n 2 "$WORK/seen")" \
			"$(printf '%s\n' 'run 0' 'check 0')"
		like "F066: ($WHO) a folder on it: the sentence" "$(tail -n 1 "$WORK/seen")" \
			'^oxg: .*/readonly.*(Read-only|denied)'
	else
		skip "F066: ($WHO) a read-only root: it cannot be made here"
	fi
	# One identity is enough: there is nobody to become in an empty root.
	[ "$WHO" = "${IDENTITIES%% *}" ] || return
	if apart empty >"$WORK/seen"; then
		is "F066: ($WHO) no /tmp, no /run, nothing" "$(cat "$WORK/seen")" \
			"$(printf '%s\n' 'run 0' 'check 0')"
	else
		skip "F066: ($WHO) an empty root: it cannot be made here"
	fi
}

# ---- clocks and environments ----------------------------------------------------------

clocks() {
	how=-T
	[ "$CALLER" -eq 0 ] || how=-UrT
	set -- env
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || set -- setpriv --reuid=65533 --regid=65533 --clear-groups
	for seconds in -100 300000000; do
		if ! unshare $how --monotonic=$seconds --boottime=$seconds -f true 2>/dev/null; then
			skip "F077: ($WHO) a monotonic clock $seconds s off: no time namespace here"
			continue
		fi
		RUNS=$((RUNS + 1))
		RUN=$OUT/run-$RUNS
		unshare $how --monotonic=$seconds --boottime=$seconds -f "$@" "$OXG" run --trust "$TRUST" \
			--out "$RUN" --timeout 300ms "$DEED" -- hang >/dev/null 2>&1
		is "F077: ($WHO) a monotonic clock $seconds s off" "$? $(reason) $(there)" "124 timeout sealed"
		check "F093: ($WHO) and the time is right" \
			within 300000000 "$(jq .usage.wall_ns "$RUN/usage.json")" 3000000000
	done
	bare env SOURCE_DATE_EPOCH=0
	is "F154: ($WHO) in the first second of 1970" "$STATUS $(there) $(jq -r .finished "$RUN/run.json")" \
		"0 sealed 1970-01-01T00:00:00Z"
	is "F154: ($WHO) its findings as well" "$(jq -r .ts "$RUN/findings.jsonl" | sort -u)" 1970-01-01T00:00:00Z
	bare env -u HOME -u PATH -u TMPDIR
	is "F064: ($WHO) no HOME, no PATH" "$STATUS $(there)" "0 sealed"
	bare env -i
	is "F064: ($WHO) no environment" "$STATUS $(there)" "0 sealed"
}

# Each of the three, alone and together: none of them may become a file of the folder.
standard() {
	for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		bare sh -c "exec \"\$@\" $closed" sh
		is "F064: ($WHO) $closed" "$STATUS $(there)" "0 sealed"
		json "F064: ($WHO) $closed: its findings are all there" "$RUN/run.json" \
			'.findings.accepted == 5 and .findings.rejected == 0 and .output.stderr.seen_bytes == 0'
	done
}

# ---- too much --------------------------------------------------------------------------

much() {
	if [ ! -d "$WORK/many" ]; then
		mkdir "$WORK/many"
		"$HOSTILE" inodes "$WORK/many" 300000 >"$WORK/made"
	fi
	is "F020: ($WHO) 300,000 files" "$(sed 's/ .*//' "$WORK/made")" made=300000
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as timeout 20 prlimit --data=100000000 "$OXG" run --trust "$TRUST" --out "$RUN" \
		--input "$WORK/many" "$DEED" -- true >/dev/null 2>"$ERR"
	is "F020: ($WHO) are refused, soon and in 100 MB" "$? $(there)" "3 sealed"
	tells "F020: ($WHO) for their number" "$ERR" "^oxg: input .*/many has more than 200000 files"
}

# ---- signals ------------------------------------------------------------------------------

# One that comes when the plugin has ended already changes nothing of what is told.
sealing() {
	if ! as strace -o /dev/null true 2>/dev/null; then
		skip "F099: ($WHO) a signal at each step of the sealing: no strace here"
		return
	fi
	: >"$WORK/seen"
	for call in fchmod renameat2 write openat,openat2; do
		for n in 1 2 3 5 8 13 21; do
			RUNS=$((RUNS + 1))
			RUN=$OUT/run-$RUNS
			as timeout 60 strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=TERM:when=$n" \
				"$OXG" run --trust "$TRUST" --out "$RUN" "$DEED" -- emit 1 >/dev/null 2>&1 </dev/null
			echo "$call $n: $? $(reason) $(there)" >>"$WORK/seen"
		done
	done
	sed 's/.*: //' "$WORK/seen" | sort | uniq -c | sed 's/^/# /'
	is "F099: ($WHO) SIGTERM at any step: sealed, or nothing was begun" \
		"$(grep -vE ': (0 exited sealed|123 killed sealed|4 none sealed|143  *nothing)$' "$WORK/seen")" ""
	check "F099: ($WHO) while the folder is sealed it is not heard" \
		grep -q '^fchmod .*: 0 exited sealed' "$WORK/seen"
	check "F099: ($WHO) before, it is (the test can fail)" \
		grep -qE '^openat.*: (4 none sealed|123|143)' "$WORK/seen"
}

for who in $IDENTITIES; do
	become "$who"
	tiny
	hosts
	clocks
	standard
	much
	sealing
done
finish
