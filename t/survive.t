#!/bin/sh
# Nothing survives a run: it is killed at random moments, a thousand times; and what
# runs is what was verified, while its files are swapped under the hands of oxg.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

RUNS_EACH=${RUNS_EACH:-500}
SWAPS=${SWAPS:-5000} # of each identity

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN

# What oxg could leave on the host: its names in the usual places.
traces() {
	find /tmp /var/tmp /dev/shm /run /sys/fs/cgroup -maxdepth 1 -name '*oxg*' \
		! -path "$WORK/*" 2>/dev/null | sort
}

# ---- killed ---------------------------------------------------------------------------

# In a mount namespace of our own, so that all that lies in the usual places
# afterwards was left there by a run. LIMIT: so many namespaces of each kind may there be.
cat >"$WORK/storm" <<'END'
mount --bind "$WORK" /mnt || exit 77
places=
for place in /tmp /var/tmp /dev/shm /run; do
	[ -d "$place" ] && [ ! -L "$place" ] || continue
	mount -t tmpfs -o mode=1777 none "$place" || exit 77
	places="$places $place"
done
for file in ${LIMIT:+/proc/sys/user/max_*_namespaces}; do
	echo "$LIMIT" >"$file" || exit 77
done
count() {
	echo "$1_mounts=$(wc -l </proc/self/mountinfo)"
	echo "$1_files=$(find $places -mindepth 1 | wc -l)"
	echo "$1_groups=$(find /sys/fs/cgroup -maxdepth 3 -name '*oxg*' 2>/dev/null | wc -l)"
	echo "$1_ipc=$(cat /proc/sysvipc/* 2>/dev/null | wc -l)"
	echo "$1_keys=$(cat /proc/keys 2>/dev/null | wc -l)"
}
count before
$AS /mnt/hail "$RUNS_EACH" 3 "$SEED" "${FAKE:-/mnt/oxg}" /mnt/trust "/mnt/$PLACE" /mnt/trust/plugins/hostile "$MARK"
count after
END

# storm PLACE NAMESPACES: what was counted is in $WORK/seen.
storm() {
	PLACE=$1 how=$2
	AS=
	SEED=${HAIL_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
	MARK=storm-$$-$WHO
	[ "$how" != -m ] || [ "$WHO" = root ] || AS='setpriv --reuid=65533 --regid=65533 --clear-groups'
	cp "$BUILD/plugins/hail" "$WORK/hail"
	export AS WORK PLACE RUNS_EACH SEED MARK LIMIT FAKE
	echo "# $RUNS_EACH runs, seed $SEED"
	unshare "$how" sh "$WORK/storm" >"$WORK/seen" 2>"$WORK/errors"
}

seen() {
	sed -n "s/^$1=//p" "$WORK/seen"
}

# Half of them killed, anywhere between the first instruction and a plugin in full work.
killed() {
	how=-m
	[ "$CALLER" -eq 0 ] || how=-rm
	LIMIT='' FAKE=''
	if ! storm "$WHO" "$how"; then
		skip "F044: ($WHO) killed at random: no mount can be made here"
		return
	fi
	grep -E '^(nothing|partial|whole|orphans|killed_.*)=' "$WORK/seen" | tr '\n' ' ' | sed 's/^/# /'
	echo
	is "F197: ($WHO) $RUNS_EACH hostile runs: each ended as it may" "$(grep -E '^wrong' "$WORK/seen")" wrong=0
	is "F044: ($WHO) all of them were made" "$(seen runs)" "$RUNS_EACH"
	dead=$(sed -n 's/^killed_.*=//p' "$WORK/seen" | awk '{ n += $1 } END { print n }')
	check "F044: ($WHO) half of them were killed" within $((RUNS_EACH * 45 / 100)) "$dead" "$RUNS_EACH"
	for victim in oxg watch broker init plugin; do
		check "F044: ($WHO) some by their $victim" within 1 "$(seen "killed_$victim")" "$RUNS_EACH"
	done
	is "F044: ($WHO) no process is left" "$(seen left) $(marked "$MARK")" "0 "
	check "F044: ($WHO) some outlived their oxg for a moment (the test can fail)" test "$(seen orphans)" -gt 0
	is "F044: ($WHO) no descriptor" "$(seen descriptors)" 0
	is "F044: ($WHO) no mount" "$(seen after_mounts)" "$(seen before_mounts)"
	is "F044: ($WHO) nothing in /tmp, /var/tmp, /dev/shm, /run" "$(seen after_files)" 0
	is "F044: ($WHO) no control group" "$(seen after_groups)" 0
	# Others on the host make some; a run that left one would have left hundreds.
	for what in ipc keys; do
		check "F044: ($WHO) no $what" within 0 "$(seen after_$what)" $(($(seen before_$what) + 20))
	done
	is "F044: ($WHO) nothing beside the folders" \
		"$(find "$OUT" -maxdepth 1 -name 'hail-*' | sed -E 's|.*/hail-[0-9]+(\.partial)?$||' | sort -u)" ""
	check "F163: ($WHO) some folders are partial (the test can fail)" test "$(seen partial)" -gt 0
	partial=$(find "$OUT" -maxdepth 1 -name 'hail-*.partial' | head -n 1)
	if [ -n "$partial" ]; then
		"$OXG" check "$partial" >/dev/null 2>"$WORK/said"
		is "F163: ($WHO) check calls it unfinished: status 5" "$?" 5
		like "F163: ($WHO) in words" "$(cat "$WORK/said")" 'never finished|interrupted'
	fi
	chmod -R u+w "$OUT"/hail-*
	rm -rf "$OUT"/hail-*
}

# Namespaces have no names. But the kernel counts them, and gives no more than it may.
namespaces() {
	mkdir "$WORK/limited"
	RUNS_EACH=160 LIMIT=80 FAKE=''
	if ! storm limited -Urm; then
		skip "F044: no namespace is left: their number cannot be limited here"
		return
	fi
	is "F044: 160 runs where there may be 80 namespaces" "$(grep -E '^wrong|^left' "$WORK/seen")" \
		"$(printf '%s\n' wrong=0 left=0)"
	RUNS_EACH=4 LIMIT=0
	chmod -R u+w "$WORK/limited"
	rm -rf "$WORK/limited"
	mkdir "$WORK/limited"
	storm limited -Urm
	check "F044: and none where there may be none (the test can fail)" test "$(seen wrong)" -gt 0
	chmod -R u+w "$WORK/limited"
}

# One that leaves a process and lies about its folder is found out.
found_out() {
	mkdir "$WORK/fake"
	cat >"$WORK/fake/oxg" <<-'END'
		#!/bin/sh
		[ "$1" = check ] && exit
		mkdir "$5.partial"
		setsid sleep 15 &
	END
	chmod 755 "$WORK/fake/oxg"
	RUNS_EACH=3 LIMIT='' FAKE=/mnt/fake/oxg
	how=-m
	[ "$CALLER" -eq 0 ] || how=-rm
	if storm fake "$how"; then
		check "F044: who leaves processes is found out" test "$(seen left)" -gt 0
		check "F163: who leaves half a folder, too" test "$(seen wrong)" -gt 0
	fi
}

# ---- swapped ---------------------------------------------------------------------------

# The good plugin and its evil twin: both artifacts signed, one listed.
twins() {
	plugin evil "$BUILD/plugins/swapper" '.args = ["print", "swap-good"]'
	run "$PLUGIN"
	is "F020: ($WHO) the evil artifact, where it is listed, runs (the test can fail)" \
		"$STATUS $(cat "$RUN/logs/stdout.log")" "0 swap-evil"
	plugin swap "$HOSTILE" '.args = ["print", "swap-evil"]'
	run "$PLUGIN"
	is "F020: ($WHO) so does the evil manifest" "$STATUS $(cat "$RUN/logs/stdout.log")" "0 swap-evil"
	rm -rf "$WORK/evil" "$WORK/good"
	mkdir "$WORK/evil" "$WORK/good"
	cp "$PLUGIN/manifest.json" "$WORK/evil/"
	cp "$TRUST/plugins/evil/evil" "$WORK/evil/swap"
	cp "$TRUST/plugins/evil/evil.sig" "$WORK/evil/swap.sig"
	plugin swap "$HOSTILE" '.args = ["print", "swap-good"]'
	cp "$PLUGIN/swap" "$PLUGIN/swap.sig" "$PLUGIN/manifest.json" "$WORK/good/"
	run "$PLUGIN"
	is "F020: ($WHO) and the good one" "$STATUS $(cat "$RUN/logs/stdout.log")" "0 swap-good"
}

digest_of() {
	sha256sum <"$1" | cut -c1-64
}

# What one run made of it. A refused one ran nothing and says so.
judge_swapped() {
	case $STATUS in
	3)
		refused=$((refused + 1))
		grep -q '"ending": null' "$RUN/run.json" && [ ! -s "$RUN/logs/stdout.log" ]
		;;
	0)
		ran=$((ran + 1))
		[ "$(cat "$RUN/logs/stdout.log")" = swap-good ] &&
			grep -q "\"sha256\": \"$artifact\"" "$RUN/run.json" &&
			grep -q "\"manifest_sha256\": \"$manifest\"" "$RUN/run.json"
		;;
	*) false ;;
	esac
}

# The files behind the names change all the time: artifact, signature and manifest,
# by rename, in place, truncated, as hard and as symbolic links. What runs is what
# was hashed.
swapped() {
	twins
	artifact=$(digest_of "$WORK/good/swap")
	manifest=$(digest_of "$WORK/good/manifest.json")
	: >"$WORK/swaps"
	{ "$BUILD/plugins/swapper" "$PLUGIN" swap "$WORK/good" "$WORK/evil" "$SWAPS" 60 || echo 0; } >"$WORK/swaps" &
	swapper=$!
	ran=0
	refused=0
	wrong=''
	while [ ! -s "$WORK/swaps" ]; do
		run "$PLUGIN"
		judge_swapped || wrong="$wrong $RUNS:$STATUS"
		chmod -R u+w "$RUN"
		rm -rf "$RUN"
	done
	wait "$swapper"
	echo "# $(cat "$WORK/swaps") swaps; $ran ran, $refused were refused"
	check "F020: ($WHO) $SWAPS swaps" test "$(cat "$WORK/swaps")" -ge "$SWAPS"
	is "F020: ($WHO) what ran is what was verified" "$wrong" ""
	check "F020: ($WHO) both happened, often (the test can fail)" test "$ran" -ge 10 -a "$refused" -ge 10
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
namespaces
found_out
finish
