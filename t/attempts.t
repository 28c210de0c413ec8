#!/bin/sh
# The hostile plugin of t/plugins/attempts.c, whose table holds what it tries: each
# attempt is made without a jail first, where it must succeed and its damage must be
# seen, and then in every tier that can be had here, as root and as an ordinary
# user, where neither may be. What says so is the plugin's own word and, wherever
# there is something to be seen, what became of the targets.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

# Tiers that must be had; the others are tried where they can be.
MUST_TIERS=${MUST_TIERS:-namespaces}
ROUNDS=${ROUNDS:-8}
# So many attempts must succeed without a jail, or containing them says little. Some
# need what a kernel or a container may lack; an ordinary user can make fewer.
ENOUGH_ROOT=${ENOUGH_ROOT:-80}
ENOUGH_USER=${ENOUGH_USER:-60}
# It is meant to take less than three minutes; a slow machine of two cores may need more.
MOST_SECONDS=${MOST_SECONDS:-300}

TAB=$(printf '\t')
START=$(date +%s)
TABLE=$WORK/table
HOST=

trust_root
REAL=$OXG
for program in attempts targets lesser hostile; do
	cp "$BUILD/plugins/$program" "$WORK/$program"
done
plugin sly "$BUILD/plugins/sly"
SLY=$PLUGIN
plugin attempts "$WORK/attempts"
ATTEMPTS=$PLUGIN
"$WORK/attempts" list >"$TABLE"

trap 'lower_targets; clean_up' EXIT

# ---- targets ---------------------------------------------------------------------

# raise_targets NAME: a tree of them at AT, a host beside it that listens, a victim.
# Only what is to be stolen holds the secret.
raise_targets() {
	AT=$OUT/$1
	SECRET=hunter2-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
	rm -rf "$AT" "$AT".*
	mkdir -p "$AT" "$AT.bin" "$AT.work" "$AT.tmp"
	echo "$SECRET" >"$AT/victim-file"
	while IFS=$TAB read -r name _ _ seen at _; do
		path=$AT/$name/${at#+}
		[ "$at" = - ] || mkdir -p "${path%/*}"
		case $seen$at in
		?+runtime) cp "$WORK/attempts" "$path" ;;
		?- | ?+*) ;;
		S*) echo "$SECRET" >"$path" ;;
		*) echo '{"task_id":"harmless"}' >"$path" ;;
		esac
	done <"$TABLE"
	cp "$WORK/attempts" "$AT.bin/attempts"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown -R 65533:65533 "$AT" "$AT".*
	: >"$AT.log"
	chmod 666 "$AT.log"
	as "$WORK/targets" host "$AT" "$SECRET" &
	HOST=$!
	{ wait_for grep -q ready "$AT.vars" && wait_for test -s "$AT.looks"; } || echo "# the targets are not there"
	VICTIM=$(sed -n 's/^victim=//p' "$AT.vars")
}

# Their processes die with the one that was started here.
lower_targets() {
	[ -z "$HOST" ] || kill "$HOST" 2>/dev/null
	[ -z "$HOST" ] || wait "$HOST" 2>/dev/null
	HOST=
	rm -f "/dev/shm/attempts-$$"
}

# Any change of a file is a change of its inode's time.
snapshot() {
	(cd "$AT" && find . -mindepth 1 -printf '%P|%y|%m|%U:%G|%s|%C@|%n|%l\n') | sort
}

# What others can do to the victim without a trace in its memory.
state() {
	sed 's/.*) //' "/proc/$VICTIM/stat" |
		awk '{ print "nice-victim", $17; print "policy-victim", $39 }'
	awk '/^Max open files/ { print "limit-victim", $4, $5 }' "/proc/$VICTIM/limits"
	echo "oom-victim $(cat "/proc/$VICTIM/oom_score_adj")"
	awk '/^Cpus_allowed:/ { print "pin-victim", $2 }
		/^TracerPid:/ { print "victim-traced", $2 }' "/proc/$VICTIM/status"
}

remember() {
	snapshot >"$AT.snapshot"
	state >"$AT.state"
}

looked() {
	[ "$(cat "$AT.looks")" -ge "$1" ]
}

# Names of attempts, whose effect is there since then. Of two more looks that the
# victim has at itself the second has begun since.
effects() {
	wait_for looked $(($(cat "$AT.looks") + 2))
	snapshot | diff "$AT.snapshot" - | sed -n 's/^[<>] \([^/|]*\).*/\1/p'
	state | diff "$AT.state" - | sed -n 's/^[<>] \([^ ]*\) .*/\1/p'
	cat "$AT.log"
}

# aim COMMAND... GROUP: with the secret where a careless caller leaves it, and the
# rest of the words.
aim() {
	# shellcheck disable=SC2046
	AWS_SECRET_ACCESS_KEY=$SECRET "$@" $(cat "$AT.vars") "dir=$AT" "tag=$$" \
		7<"$AT/leaked-directory" 8<"$AT/leaked-file/secret" 9>>"$AT/leaked-ledger/ledger.jsonl"
}

# ---- without the jail -----------------------------------------------------------------

# In the place of a workspace, a tmp and a bin; own-binary is the last one of plain.
unjailed() {
	(
		cd "$AT.work" || exit 1
		OXG_WORKSPACE=$AT.work
		TMPDIR=$AT.tmp
		export OXG_WORKSPACE TMPDIR
		[ "$WHO" = user ] || aim "$AT.bin/attempts" root
		aim as unshare -UrmnipCf --mount-proc "$AT.bin/attempts" box
		aim as "$AT.bin/attempts" plain
	) </dev/null
}

# SHOWN: "NAME<tab>shown", or why not. The word alone is not enough, where there is
# something to see.
outside() {
	raise_targets outside
	remember
	unjailed >"$AT.said" 2>"$AT.errors"
	effects | sort -u >"$AT.seen"
	lower_targets
	SHOWN=$OUT/shown
	awk -F '\t' -v secret="$SECRET" '
		FILENAME == ARGV[1] { kind[$1] = $4; where[$1] = $3; order[++n] = $1; next }
		FILENAME == ARGV[2] { seen[$1] = 1; next }
		{ said[$1] = $2 }
		END {
			for (i = 1; i <= n; i++) {
				a = order[i]
				if (where[a] == "tty" || where[a] == "alone")
					continue
				word = "shown"
				if (!(a in said))
					word = "not made by this identity"
				else if (said[a] !~ /^succeeded/)
					word = said[a]
				else if (kind[a] == "S" && index(said[a], secret) == 0)
					word = "it did not get the secret: " said[a]
				else if (kind[a] ~ /[FLV]/ && !(a in seen))
					word = "no effect is seen"
				print a "\t" word
			}
		}' "$TABLE" "$AT.seen" "$AT.said" >"$SHOWN"
}

# ---- tiers --------------------------------------------------------------------------------

# How oxg must be run so that this tier is the best to be had: without a right, and
# as in a container whose filter refuses namespaces.
around_tier() {
	rights=
	case $1 in
	namespaces) echo ;;
	chroot) rights=-sys_admin ;;
	landlock) rights=-sys_admin,-sys_chroot,-setuid,-setgid ;;
	esac
	[ "$WHO" = root ] || rights=
	[ -z "$rights" ] || echo "setpriv --bounding-set=$rights --inh-caps=$rights"
	[ "$1" = namespaces ] || echo "$WORK/lesser 38 clone3 $WORK/lesser 1 clone,unshare"
}

# in_tier TIER [OPTION...] PLUGIN [-- ARG...]: a run in it, and in no other.
in_tier() {
	TIER=$1
	shift
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$(around_tier "$TIER" | tr '\n' ' ')" "$REAL" >"$OUT/oxg-$TIER"
	chmod 755 "$OUT/oxg-$TIER"
	OXG=$OUT/oxg-$TIER
	run --min-tier "$TIER" "$@"
	OXG=$REAL
}

tier_of() {
	jq -r '.isolation.tier' "$RUN/run.json" 2>/dev/null
}

# TIERS: those that a trial run of each says can be had by this identity.
find_tiers() {
	TIERS=
	for tier in namespaces chroot landlock; do
		[ "$tier:$WHO" != chroot:user ] || continue
		# shellcheck disable=SC2153
		in_tier "$tier" --quiet "$ATTEMPTS" -- nothing
		if [ "$STATUS $(tier_of)" = "0 $tier" ]; then
			TIERS="$TIERS $tier"
			continue
		fi
		case " $MUST_TIERS " in
		*" $tier "*) is "F032: ($WHO) the tier $tier can be had" "$STATUS $(tier_of)" "0 $tier" ;;
		*) skip "F032: ($WHO) the tier $tier cannot be had here: $(head -n 1 "$ERR")" ;;
		esac
	done
}

# ---- in the jail ------------------------------------------------------------------------------

lines_of() {
	wc -l <"$1" | tr -d ' '
}

# One line of the test for each attempt: what it said, if it could be shown.
judge() {
	awk -F '\t' '
		FILENAME == ARGV[1] { shown[$1] = $2; next }
		FILENAME == ARGV[2] { if (!($1 in said)) said[$1] = $2; else said[$1] = "said twice"; next }
		$1 in shown { print $1 "\t" shown[$1] "\t" (($1 in said) ? said[$1] : "nothing") "\t" $2 "\t" $6 }
		' "$SHOWN" "$RUN/logs/stdout.log" "$TABLE" >"$AT.judged"
	while IFS=$TAB read -r name shown said class imitates; do
		label="F198: ($WHO, $TIER) $class: $name, after $imitates"
		case $shown:$said in
		shown:contained:*) is "$label" contained contained ;;
		shown:*) is "$label" "$said" contained ;;
		*) skip "$label: without the jail: $shown" ;;
		esac
	done <"$AT.judged"
}

# The targets' side of it.
unharmed() {
	is "F198: ($WHO, $TIER) no target has changed, nobody heard of it" "$(effects | sort -u)" ""
	check "F053: ($WHO, $TIER) the victim lives" test -d "/proc/$VICTIM/fd"
	check "F133: ($WHO, $TIER) the secret is nowhere in the run folder" not grep -rq "$SECRET" "$RUN"
	check "F146: ($WHO, $TIER) no finding was forged" test ! -s "$RUN/findings.jsonl"
	check "F156: ($WHO, $TIER) and the folder checks" as "$REAL" check "$RUN"
	check "F001: ($WHO, $TIER) the plugin is what it was" cmp "$WORK/attempts" "$ATTEMPTS/attempts"
	is "F044: ($WHO, $TIER) and has no neighbours" \
		"$(find "$ATTEMPTS" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" "attempts attempts.sig manifest.json "
	check "F044: ($WHO, $TIER) nothing in /dev/shm" test ! -e "/dev/shm/attempts-$$"
	check "F044: ($WHO, $TIER) no process is left" no_marked "tag=$$"
}

jailed() {
	raise_targets "jail-$1"
	task="--task $AT/task-change/task.json"
	# shellcheck disable=SC2086
	in_tier "$1" --quiet $task "$ATTEMPTS" -- nothing
	is "F131: ($WHO, $TIER) a task can be handed over" "$STATUS" 0
	[ "$STATUS" -eq 0 ] || task=
	remember
	# shellcheck disable=SC2086
	aim in_tier "$1" --quiet --timeout 60s --input "$AT/input-change/input" $task \
		"$ATTEMPTS" -- all "partial=$OUT/run-$((RUNS + 1)).partial"
	is "F198: ($WHO, $TIER) all of them are made" "$STATUS $(tier_of) $(lines_of "$RUN/logs/stdout.log")" \
		"0 $TIER $(awk -F '\t' '$3 != "tty" && $3 != "alone"' "$TABLE" | wc -l)"
	judge
	unharmed
	lower_targets
}

# ---- a terminal -----------------------------------------------------------------------------------

# typed FILE: so many characters, and what was painted
typed() {
	printf '%s %s' "$(sed -n 's/^typed=//p' "$1")" "$(grep -c owned "$1")"
}

terminal() {
	as "$WORK/targets" pty "$OUT/pty" sh -c "exec '$WORK/attempts' tty >'$OUT/pty-said'"
	echo "# without the jail: $(tr '\n' ' ' <"$OUT/pty-said")"
	for name in type-ahead paint-terminal; do
		grep -q "^$name${TAB}succeeded" "$OUT/pty-said" && echo "$name${TAB}shown" >>"$SHOWN"
	done
	outside=$(typed "$OUT/pty")
	check "F064: ($WHO) without the jail the terminal is reached" test "$outside" != "0 0"
	for tier in $TIERS; do
		in_tier "$tier" --quiet "$ATTEMPTS" -- nothing
		RUN=$OUT/run-tty-$tier
		as "$WORK/targets" pty "$OUT/pty" "$OUT/oxg-$tier" run --quiet --min-tier "$tier" \
			--trust "$TRUST" --out "$RUN" "$ATTEMPTS" -- tty
		is "F064: ($WHO, $tier) nothing is typed, nothing painted" "$(typed "$OUT/pty")" "0 0"
		is "F064: ($WHO, $tier) and both were tried" "$(grep -c "${TAB}contained: " "$RUN/logs/stdout.log")" 2
	done
}

# ---- resources -----------------------------------------------------------------------------------------

# Attempt, how it is contained, options. held: it says so, or was stopped where a
# tier can do no better; gone: nothing is left; cut: its output is; else: the reason
# of the run's ending.
resources() {
	cat <<-END
	fork-bomb held
	thread-bomb held
	zombies held
	miner cpu_limit --cpu-limit 1
	hidden-miner cpu_limit --cpu-limit 400ms
	memory-hog memory_limit --memory 64M
	memory-spread memory_limit --memory 64M
	workspace-fill held --workspace 8M
	tmp-fill held --workspace 8M
	large-file held
	inode-flood held
	descriptor-flood held
	hang timeout --timeout 300ms
	stop timeout --timeout 300ms
	stay-behind gone
	output-flood cut
	END
}

# in_pairs FUNCTION: for each of them, two at once.
in_pairs() {
	resources >"$OUT/resources"
	running=
	while read -r name how options; do
		"$1" "$name" "$how" "$options" '' &
		running="$running $!"
		[ $(($(echo "$running" | wc -w) % 2)) -eq 1 ] || {
			# shellcheck disable=SC2086
			wait $running
			running=
		}
	done <"$OUT/resources"
	# shellcheck disable=SC2086
	[ -z "$running" ] || wait $running
}

loose() {
	mkdir -p "$OUT/loose/$1"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$OUT/loose/$1"
	OXG_WORKSPACE=$OUT/loose/$1 TMPDIR=$OUT/loose/$1 as timeout 20 "$WORK/attempts" "$1" "loose-$$-$WHO-$1" \
		>"$OUT/loose/$1.said" 2>&1 </dev/null
	case $1 in
	stay-behind) no_marked "loose-$$-$WHO-$1" >/dev/null || echo "$1${TAB}shown" ;;
	*) tail -n 1 "$OUT/loose/$1.said" | grep -q "^$1${TAB}succeeded" && echo "$1${TAB}shown" ;;
	esac >>"$SHOWN"
	# Nobody else is called so.
	for p in $(marked "loose-$$-$WHO-$1"); do kill -KILL "$p"; done
	rm -rf "$OUT/loose/${1:?}"
}

# Into files of its own: it runs beside another.
stopped() {
	RUN=$OUT/run-$1-$TIER${4:+-hasty}
	# shellcheck disable=SC2086
	as timeout -k 5 60 "$OUT/oxg-$TIER" run --quiet --min-tier "$TIER" --trust "$TRUST" --out "$RUN" $3 \
		"$ATTEMPTS" -- "$1" "jailed-$$-$WHO-$1" $4 >/dev/null 2>"$OUT/stopped-$1" </dev/null
	echo $? >"$OUT/stopped-$1.status"
}

how_stopped() {
	case $2 in
	held)
		if said | grep -q "^$1${TAB}contained: " || { not grep -q succeeded "$RUN/logs/stdout.log" &&
			jq -e '.ending | .reason == "killed" and .by == "policy"' "$RUN/run.json" >/dev/null; }; then
			echo held
		fi
		;;
	told) # it says that it was held, or its ending says what it held
		if said | grep -q "^$1${TAB}contained: " ||
			jq -e '.ending | .reason == "killed" and .by == "policy"' "$RUN/run.json" >/dev/null; then
			echo told
		fi
		;;
	gone) no_marked "jailed-$$-$WHO-$1" && echo gone ;;
	cut) [ "$(stat -c %s "$RUN/logs/stdout.log")" -le 4194304 ] && echo cut ;;
	*) reason ;;
	esac
}

exhausting() {
	mkdir -p "$OUT/loose"
	in_pairs loose
	for TIER in $TIERS; do
		in_pairs stopped
		while read -r name how _; do
			label="F061: ($WHO, $TIER) resources: $name"
			if ! grep -q "^$name${TAB}shown" "$SHOWN"; then
				skip "$label: without the jail: $(tail -n 1 "$OUT/loose/$name.said" | cut -c 1-80)"
				continue
			fi
			RUN=$OUT/run-$name-$TIER
			ERR=$OUT/stopped-$name
			is "$label: $how, in this tier" "$(how_stopped "$name" "$how") $(tier_of)" "$how $TIER"
		done <"$OUT/resources"
		check "F054: ($WHO, $TIER) resources: nothing is left of any" no_marked "jailed-$$-$WHO"
	done
}

# Where a limit is looked at now and then only, who is quick is gone before: then the
# ending must say at least what it held. Threads that are gone leave nothing to be
# told, and no kernel limit counts those of uid 0 (doc/THREATS.txt).
hasty() {
	for TIER in $TIERS; do
		for name in thread-bomb workspace-fill tmp-fill inode-flood; do
			grep -q "^$name${TAB}shown" "$SHOWN" || continue
			case $WHO:$TIER:$name in
			root:landlock:thread-bomb) continue ;;
			esac
			stopped "$name" told "--workspace 8M" hasty=1
			RUN=$OUT/run-$name-$TIER-hasty
			is "F040: ($WHO, $TIER) resources: $name, in haste" "$(how_stopped "$name" told)" told
		done
	done
}

# ---- races, made from outside ------------------------------------------------------------------------------

swapping() {
	"$WORK/targets" swap "$1" "$2" 2>/dev/null &
	SWAPPER=$!
}

swapped_enough() {
	kill "$SWAPPER"
	wait "$SWAPPER" 2>/dev/null
}

# shown_by NAME COMMAND...: the careless way loses this race, at the latest at the
# 300th time.
shown_by() {
	name=$1
	shift
	! grep -q "^$name$TAB" "$SHOWN" || return 0
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || {
			skip "F020: ($WHO) race: $name: nobody loses it here"
			return 1
		}
	done
	echo "$name${TAB}shown" >>"$SHOWN"
}

# rounds NAME COMMAND...: the command says of each run what is wrong with it.
rounds() {
	race=$1
	shift
	wrong=
	won=0
	refused=0
	i=0
	while [ $i -lt "$ROUNDS" ]; do
		i=$((i + 1))
		[ "$tier" = "$BEST" ] || [ $i -le 3 ] || break
		wrong=$wrong$("$@")
		case $(cat "$OUT/status") in
		0) won=$((won + 1)) ;;
		*) refused=$((refused + 1)) ;;
		esac
	done
	swapped_enough
	echo "# ($WHO, $tier) race: $race: $won ran, $refused refused"
	is "F020: ($WHO, $tier) race: $race" "$wrong" ""
}

# In a directory of its own: what is swapped must be its owner's.
arena() {
	ARENA=$OUT/arena
	rm -rf "$ARENA"
	mkdir -p "$ARENA"
	cp -r "$TRUST" "$ARENA/trust"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown -R 65533:65533 "$ARENA"
}

good_digest() {
	sha256sum <"$1" | cut -d' ' -f1
}

# Looks, and then uses.
careless_run() {
	[ "$(good_digest "$ARENA/trust/plugins/attempts/attempts")" = "$GOOD" ] || return 1
	"$ARENA/trust/plugins/attempts/attempts" nothing
	[ $? -eq 64 ]
}

careless_read() {
	[ "$(good_digest "$1")" = "$GOOD" ] && grep -q users "$1"
}

# A run of what may be swapped: what ran is what was verified.
race_run() {
	rm -rf "$ARENA/run"
	as timeout 20 "$OUT/oxg-$tier" run --quiet --min-tier "$tier" --trust "$ARENA/trust" --out "$ARENA/run" \
		"$ARENA/trust/plugins/attempts" -- nothing >/dev/null 2>"$OUT/race-error" </dev/null
	rc=$?
	echo $rc >"$OUT/status"
	case $rc in
	0) jq -e --arg d "$DIGEST" '[.. | strings] | any(. == $d)' "$ARENA/run/run.json" >/dev/null || echo "ran another; " ;;
	3) [ ! -s "$ARENA/run/logs/stdout.log" ] || echo "refused and ran; " ;;
	*) echo "status $rc $(head -n 1 "$OUT/race-error"); " ;;
	esac
	[ ! -s "$ARENA/run/logs/stdout.log" ] || echo "the other manifest's words; "
	chmod -R u+w "$ARENA/run" 2>/dev/null
}

race_plugin() {
	plugin_at=$ARENA/trust/plugins/attempts
	DIGEST=$(good_digest "$plugin_at/attempts")
	GOOD=$DIGEST
	cp "$WORK/hostile" "$ARENA/other"
	swapping "$plugin_at/attempts" "$ARENA/other"
	if shown_by swapped-plugin careless_run; then
		rounds swapped-plugin race_run
	else
		swapped_enough
	fi
	arena
	GOOD=$(good_digest "$plugin_at/manifest.json")
	jq '.args = ["users"] | .capabilities += ["CAP_STORAGE"]' "$plugin_at/manifest.json" >"$ARENA/other"
	chmod 644 "$ARENA/other"
	swapping "$plugin_at/manifest.json" "$ARENA/other"
	if shown_by swapped-manifest careless_read "$plugin_at/manifest.json"; then
		rounds swapped-manifest race_run
	else
		swapped_enough
	fi
	arena
	cp -r "$plugin_at" "$ARENA/other"
	cp "$WORK/hostile" "$ARENA/other/attempts"
	GOOD=$DIGEST
	swapping "$plugin_at" "$ARENA/other"
	if shown_by swapped-directory careless_run; then
		rounds swapped-directory race_run
	else
		swapped_enough
	fi
}

# A run that shows its input: never what a link in its place led to.
race_input_run() {
	rm -rf "$ARENA/run"
	as timeout 20 "$OUT/oxg-$tier" run --quiet --min-tier "$tier" --trust "$TRUST" --out "$ARENA/run" \
		--input "$ARENA/input" "$SLY" -- cat "${INPUT_SEEN:-/workspace/input}" >/dev/null 2>"$OUT/race-error" </dev/null
	rc=$?
	echo $rc >"$OUT/status"
	! grep -rq "$SECRET" "$ARENA/run" || echo "the secret got in; "
	case $rc in
	0 | 3 | 4) ;;
	*) echo "status $rc $(head -n 1 "$OUT/race-error"); " ;;
	esac
	chmod -R u+w "$ARENA/run" 2>/dev/null
}

race_input() {
	SECRET=hunter2-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
	arena
	mkdir -p "$ARENA/input/d" "$ARENA/secret"
	echo given >"$ARENA/input/f"
	echo given >"$ARENA/input/d/f"
	echo "$SECRET" >"$ARENA/secret/f"
	ln -s "$ARENA/secret/f" "$ARENA/link"
	swapping "$ARENA/input/f" "$ARENA/link"
	if shown_by swapped-input "$WORK/targets" naive "$ARENA/input/f" "$SECRET" 2000; then
		rounds swapped-input race_input_run
	else
		swapped_enough
	fi
	rm -rf "$ARENA/input/f" "$ARENA/link"
	ln -s "$ARENA/secret" "$ARENA/link"
	swapping "$ARENA/input/d" "$ARENA/link"
	if shown_by swapped-input-directory "$WORK/targets" naive "$ARENA/input/d/f" "$SECRET" 2000; then
		rounds swapped-input-directory race_input_run
	else
		swapped_enough
	fi
}

# Three files by name: some here, some there.
careless_record() {
	rm -rf "$ARENA/here/run" "$ARENA/there/run"
	mkdir "$ARENA/out/run" || return 1
	for n in 1 2 3 4 5 6 7 8; do
		echo x >"$ARENA/out/run/$n" || break
	done 2>/dev/null
	[ "$(find "$ARENA/here/run" "$ARENA/there/run" -type f 2>/dev/null | wc -l)" -lt 8 ]
}

# The folder is in one place and whole, wherever it is; or it is no folder.
race_out_run() {
	chmod -R u+w "$ARENA/a" "$ARENA/b" 2>/dev/null
	rm -rf "$ARENA/a" "$ARENA/b"
	mkdir "$ARENA/a" "$ARENA/b"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$ARENA/a" "$ARENA/b"
	as timeout 20 "$OUT/oxg-$tier" run --quiet --min-tier "$tier" --trust "$TRUST" --out "$ARENA/one/run" \
		"$ATTEMPTS" -- nothing >/dev/null 2>"$OUT/race-error" </dev/null
	rc=$?
	echo $rc >"$OUT/status"
	places=$(find "$ARENA/a" "$ARENA/b" -mindepth 1 -maxdepth 1)
	[ "$(echo "$places" | wc -l)" -le 1 ] || echo "in two places: $places; "
	case $rc in
	0) as "$REAL" check "$places" >/dev/null 2>&1 || echo "it ran and its folder is not whole; " ;;
	5) ;;
	*) echo "status $rc $(head -n 1 "$OUT/race-error"); " ;;
	esac
}

race_out() {
	arena
	mkdir "$ARENA/a" "$ARENA/b"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$ARENA/a" "$ARENA/b"
	ln -s a "$ARENA/one"
	ln -s b "$ARENA/two"
	mkdir "$ARENA/here" "$ARENA/there"
	ln -s here "$ARENA/out"
	ln -s there "$ARENA/out2"
	swapping "$ARENA/out" "$ARENA/out2"
	shown_by swapped-out-parent careless_record || {
		swapped_enough
		return
	}
	swapped_enough
	swapping "$ARENA/one" "$ARENA/two"
	rounds swapped-out-parent race_out_run
}

races() {
	for tier in $TIERS; do
		arena
		race_plugin
		race_input
		race_out
	done
}

# ---- all of it ------------------------------------------------------------------------------------------------

# enough WHO N: so many were shown to succeed, each once.
enough() {
	n=$(awk -F '\t' '$2 == "shown" { print $1 }' "$SHOWN" | sort -u | wc -l)
	echo "# $WHO: $n attempts succeed without a jail"
	check "F198: ($WHO) at least $1 succeed without a jail" test "$n" -ge "$1"
}

so_far() {
	echo "# ($WHO) $1: until second $(($(date +%s) - START))"
}

for who in $IDENTITIES; do
	become "$who"
	outside
	find_tiers
	for tier in $TIERS; do
		jailed "$tier"
	done
	so_far "attempts"
	terminal
	exhausting
	hasty
	so_far "resources"
	BEST=$(echo "$TIERS" | awk "{ print \$1 }")
	races
	so_far "races"
	if [ "$who" = root ]; then enough "$ENOUGH_ROOT"; else enough "$ENOUGH_USER"; fi
done
took=$(($(date +%s) - START))
times >"$WORK/times" # in this shell: a pipe's would be its own
echo "# all tiers and identities: $took s; CPU time, user and system: $(tail -n 1 "$WORK/times")"
cpu=$(tail -n 1 "$WORK/times" | tr 'ms' '  ' | awk '{ print int(60 * ($1 + $3) + $2 + $4) }')
check "F199: in under $MOST_SECONDS s of CPU time ($cpu)" within 1 "$cpu" "$MOST_SECONDS"
# Somebody else's work is not ours.
if [ "$(cut -d. -f1 /proc/loadavg)" -gt $((2 * $(nproc))) ]; then
	skip "F199: this machine is too busy to tell how long it takes"
else
	check "F199: in under $MOST_SECONDS s ($took)" test "$took" -lt "$MOST_SECONDS"
fi
finish
