#!/bin/sh
# A folder under its final name is whole, whatever happened while it was made: a
# disk that fills up at any moment, inodes that run out, a SIGKILL between any
# two steps.
# shellcheck source=/dev/null disable=SC2154
. "${0%/*}/lib.sh"

KILLS=${KILLS:-200}
trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN

# ---- a full disk --------------------------------------------------------------------

# One line for each size: the status, what lies there, what check says of it. In a
# mount namespace of its own, so that nothing stays mounted.
cat >"$WORK/fill" <<'END'
mkdir -p "$WORK/disk"
for size in "$@"; do
	mount -t tmpfs -o "$size,mode=777" none "$WORK/disk" || exit 77
	$AS "$OXG" run --trust "$TRUST" --out "$WORK/disk/run" $OPTIONS "$DEED" -- $DO >/dev/null 2>"$WORK/said"
	status=$?
	there=$(ls "$WORK/disk" | tr '\n' ' ')
	said=
	grep -q '^oxg: .*No space left on device' "$WORK/said" && said=said
	sealed=
	for folder in "$WORK/disk"/*; do
		[ -d "$folder" ] || continue
		$AS "$OXG" check "$folder" >/dev/null 2>&1
		sealed="$sealed${folder##*/}:$? "
	done
	echo "$size $status there:${there}check:$sealed$said"
	umount "$WORK/disk"
done
END

# fills WHAT SIZES...: every line is one of the two that may be.
fills() {
	what=$1
	shift
	how=-rm
	AS=
	[ "$CALLER" -ne 0 ] || how=-m
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || AS='setpriv --reuid=65533 --regid=65533 --clear-groups'
	export AS OXG TRUST DEED WORK OPTIONS DO
	if ! unshare $how sh "$WORK/fill" "$@" >"$WORK/seen" 2>"$WORK/errors"; then
		skip "F163: ($WHO) $what: no tmpfs can be mounted here"
		return
	fi
	sed -E 's/^[^ ]+ //' "$WORK/seen" | sort | uniq -c | sed 's/^/# /'
	is "F163: ($WHO) $what: whole, or status 5 and .partial, and said" "$(grep -vE \
		-e ' 0 there:run check:run:0 $' \
		-e ' 5 there:run.partial check:run.partial:5 said$' \
		-e ' 5 there:check:said$' "$WORK/seen")" ""
	check "F163: ($WHO) $what: the least was too little" grep -q ' 5 there' "$WORK/seen"
	check "F163: ($WHO) $what: the most was enough" sh -c "tail -n 1 '$WORK/seen' | grep -q ' 0 there'"
}

disks() {
	OPTIONS='' DO='emit 60'
	# The second identity writes by the same code: a coarser sieve for it.
	[ "$WHO" = "${IDENTITIES%% *}" ] && step=1 || step=4
	# shellcheck disable=SC2046
	fills "disks of 4K to 200K" $(seq -f 'size=%gk' 4 $((4 * step)) 208)
	# shellcheck disable=SC2046
	fills "1 to 24 inodes" $(seq -f 'size=1m,nr_inodes=%g' 1 "$step" 25)
	OPTIONS=--durable
	# shellcheck disable=SC2046
	fills "disks of 8K to 200K, --durable" $(seq -f 'size=%gk' 8 $((32 * step)) 264)
	OPTIONS=--audit
	# shellcheck disable=SC2046
	fills "disks of 12K to 240K, --audit" $(seq -f 'size=%gk' 12 $((12 * step)) 240)
	# shellcheck disable=SC2046
	fills "1 to 28 inodes, --audit" $(seq -f 'size=1m,nr_inodes=%g' 1 $((3 * step)) 28)
	OPTIONS='' DO='lines 30000 1'
	# shellcheck disable=SC2046
	fills "disks of 40K to 640K, a log that grows" $(seq -f 'size=%gk' 40 $((40 * step)) 640)
}

# ---- SIGKILL -------------------------------------------------------------------------

# At moments that are spread over the whole of a run, its closing too.
killed() { # WHAT OPTION...
	what=$1
	shift
	seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
	set -- "$OXG" run --trust "$TRUST" --out @ "$@"
	[ "$WHO" != user ] || [ "$CALLER" -ne 0 ] || set -- setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
	OXG="$OXG" python3 "$here/t/moments.py" "$KILLS" "$seed" "$OUT" "$@" >"$WORK/left" 2>&1
	sed 's/^[^#]/# &/' "$WORK/left"
	is "F163: ($WHO) $what, killed $KILLS times: nothing, partial or sealed" \
		"$(grep -vE '^(#|nothing|partial|sealed)' "$WORK/left")" ""
	is "F163: ($WHO) $what: every one of them" "$(sed -n 's/^[a-z].* //p' "$WORK/left" | awk '{ n += $1 } END { print n }')" "$KILLS"
	check "F163: ($WHO) $what: while the folder is made, and after (the test can fail)" \
		test "$(sed -n 's/^partial //p' "$WORK/left")" -gt $((KILLS / 5)) -a "$(sed -n 's/^sealed //p' "$WORK/left")" -gt 0
}

# Before each of the supervisor's own writes, renames, mode changes and closes in turn.
stepped() {
	if ! as strace -o /dev/null true 2>/dev/null; then
		skip "F163: ($WHO) killed at each step: no strace here"
		return
	fi
	: >"$WORK/left"
	for call in openat,openat2 write fchmod mkdirat renameat2 close; do
		n=0
		state=
		while [ $n -lt 60 ] && [ "$state" != sealed ]; do
			n=$((n + 1))
			RUNS=$((RUNS + 1))
			RUN=$OUT/run-$RUNS
			as strace -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$n" \
				"$OXG" run --trust "$TRUST" --out "$RUN" "$DEED" -- emit 1 >/dev/null 2>&1 </dev/null
			state=$(there)
			echo "$state" >>"$WORK/left"
			chmod -R u+w "$RUN" "$RUN.partial" 2>/dev/null
			rm -rf "$RUN" "$RUN.partial"
		done
		[ $n -lt 60 ] || echo "# $call: more than 60 steps"
	done
	sort "$WORK/left" | uniq -c | sed 's/^/# /'
	is "F163: ($WHO) killed at each step" "$(grep -vxE 'nothing|partial|sealed' "$WORK/left")" ""
	check "F163: ($WHO) many of them half-way (the test can fail)" \
		within 20 "$(grep -cx partial "$WORK/left")" 1000
}

# ---- names that are taken -------------------------------------------------------------

names() {
	mkdir "$OUT/there" "$OUT/half.partial"
	ln -s nowhere "$OUT/dangling"
	: >"$OUT/file"
	for name in there half dangling file; do
		as "$OXG" run --trust "$TRUST" --out "$OUT/$name" "$DEED" -- true 2>"$WORK/said"
		is "F163: ($WHO) --out $name is taken: status 2" "$?" 2
		like "F163: ($WHO) --out $name: the sentence names it" "$(cat "$WORK/said")" "^oxg: .*$name"
	done
	is "F163: ($WHO) and nothing was made" "$(find "$OUT/there" "$OUT/half.partial" "$OUT/nowhere" "$OUT"/*.partial -mindepth 1 2>/dev/null)" ""
	# The name is taken while the run goes on: what is there stays as it is.
	start "$DEED" -- sleep 300
	wait_for test -d "$RUN.partial"
	mkdir "$RUN"
	echo mine >"$RUN/mine"
	wait "$PID"
	is "F163: ($WHO) the name was taken meanwhile: status 5" "$?" 5
	is "F163: ($WHO) what took it stays" "$(ls "$RUN")" mine
	tells "F163: ($WHO) and the sentence says where the folder is" "$ERR" "^oxg: .*$RUN.partial"
	as "$OXG" check "$RUN.partial" >/dev/null 2>&1
	is "F163: ($WHO) which is not called finished" "$?" 5
	# The folder is moved away under our hands.
	start "$DEED" -- sleep 300
	wait_for test -d "$RUN.partial"
	mv "$RUN.partial" "$OUT/stolen"
	wait "$PID"
	is "F163: ($WHO) the folder was moved away: status 5" "$?" 5
	check "F163: ($WHO) and there is none" not test -e "$RUN"
	tells "F163: ($WHO) which is said" "$ERR" "^oxg: .*moved or removed"
	# Or removed; or something else lies there, which stays as it is.
	for instead in nothing directory file link; do
		start "$DEED" -- sleep 300
		wait_for test -d "$RUN.partial"
		mv "$RUN.partial" "$OUT/gone-$instead"
		case $instead in
		nothing) chmod -R u+w "$OUT/gone-nothing" && rm -rf "$OUT/gone-nothing" ;;
		directory) mkdir "$RUN.partial" && echo mine >"$RUN.partial/mine" ;;
		file) echo mine >"$RUN.partial" ;;
		link) mkdir "$OUT/target" && ln -s target "$RUN.partial" ;;
		esac
		wait "$PID"
		is "F163: ($WHO) the folder is gone, $instead is there: status 5, and no folder" "$? $(test -e "$RUN" && echo there)" "5 "
		tells "F163: ($WHO) $instead: which is said" "$ERR" "^oxg: .*moved or removed"
	done
	is "F163: ($WHO) nothing was written elsewhere" "$(find "$OUT/target" -mindepth 1; find "$OUT" -name mine -path '*partial*' -exec cat {} +)" mine
}

for who in $IDENTITIES; do
	become "$who"
	[ "$WHO" = "${IDENTITIES%% *}" ] || KILLS=$((KILLS / 2))
	disks
	all=$KILLS
	KILLS=$((all * 3 / 4))
	killed 'findings' "$DEED" -- emit 20
	KILLS=$((all - KILLS))
	killed 'findings, --audit' --audit "$DEED" -- emit 20
	KILLS=$all
	stepped
	names
done
finish
