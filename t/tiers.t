#!/bin/sh
# The weaker tiers: a jail without mounts and namespaces, where the operator accepts
# one. What must hold in every tier holds here too, and nothing outlives the run.
# shellcheck source=/dev/null disable=SC2016
. "${0%/*}/lib.sh"

LESSER=$WORK/lesser
cp "$BUILD/plugins/lesser" "$LESSER"
trust_root
plugin tier "$BUILD/plugins/tier"
TIERED=$PLUGIN
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin asker "$BUILD/plugins/asker" '.capabilities = ["CAP_STORAGE"]'
ASKER=$PLUGIN
plugin reader "$BUILD/plugins/asker" '.capabilities = ["CAP_WORKSPACE_READ", "CAP_WORKSPACE_WRITE"]'
READER=$PLUGIN
mkdir "$WORK/project"
printf 'of the tree' >"$WORK/project/a"
echo something >"$WORK/something"
mkdir -p "$WORK/tree/sub"
echo one >"$WORK/tree/file"
echo two >"$WORK/tree/sub/file"
echo '{"task_id": "T1"}' >"$WORK/task.json"
echo secret >"$WORK/secret"
chmod -R a+rX "$WORK/tree" "$WORK/task.json" "$WORK/secret"

# What this machine is made to have, and no more; 38 is ENOSYS.
#   chroot    no namespaces: clone3 answered as by a container's filter
#   landlock  and no chroot
#   old       and Landlock of ABI 5, which does not know of signals
weaker() {
	case $TIER in
	chroot) set -- "$LESSER" 38 clone3 "$@" ;;
	landlock) set -- "$LESSER" 38 clone3,chroot "$@" ;;
	old) set -- "$LESSER" abi 5 "$LESSER" 38 clone3,chroot "$@" ;;
	esac
	[ "$TIER" = chroot ] || [ "$CALLER" -ne 0 ] || [ "$WHO" = user ] ||
		set -- setpriv --bounding-set=-sys_chroot --inh-caps=-sys_chroot "$@"
	as "$@"
}

# run_in [OPTION...] PLUGIN [-- ARG...]: in the tier TIER.
run_in() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	weaker timeout -k 5 60 "$OXG" run --trust "$TRUST" --out "$RUN" --min-tier "${ASKED:-$TIER}" "$@" \
		>"$OUT/stdout" 2>"$ERR" </dev/null
	STATUS=$?
}

said_of() {
	sed -n "s/^$1=//p" "$RUN/logs/stdout.log"
}

# In the background; PID is oxg's own. It fails where there is none.
start_in() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	weaker "$OXG" run --trust "$TRUST" --out "$RUN" --min-tier "${ASKED:-$TIER}" \
		--timeout 30s "$@" >"$OUT/stdout" 2>"$ERR" </dev/null &
	wait_for said_ready || echo "# it never said that it was ready: $(cat "$ERR")"
	PID=$(pgrep -o -f "^$OXG run .*--out $RUN ")
	[ -z "$PID" ] || return 0
	check "F054: ($WHO, $TIER) there is an oxg to look at" false
	wait
	return 1
}

# ---- which one, and by whose word -------------------------------------------------

chosen() {
	TIER=chroot
	weaker timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/none" "$TIERED" -- world >/dev/null 2>"$WORK/said"
	is "F065: ($WHO) no namespaces and no word of the operator's: status 4" "$?" 4
	is "F065: ($WHO) nothing was executed" "$(jq -c '[.ending, .isolation]' "$OUT/none/run.json")" '[null,null]'
	echo '{"schema_version": 1, "isolation": {"min_tier": "landlock"}}' >"$WORK/low.json"
	ASKED=
	RUN=$OUT/by-policy
	weaker timeout 20 "$OXG" run --trust "$TRUST" --out "$RUN" --policy "$WORK/low.json" "$TIERED" -- world >/dev/null 2>&1
	best=landlock
	[ "$WHO" = user ] || best=chroot
	is "F065: ($WHO) the policy's word, and the best there is" "$? $(jq -r .isolation.tier "$RUN/run.json")" "0 $best"
	weaker timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/by-word" --policy "$WORK/low.json" \
		--min-tier namespaces "$TIERED" >/dev/null 2>&1
	is "F065: ($WHO) the command line may ask for more" "$?" 4
	for tier in chroot landlock; do
		weaker timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/strict-$tier" --profile strict \
			--min-tier $tier "$TIERED" >/dev/null 2>"$WORK/said"
		is "F170: ($WHO) the strict profile takes no $tier: status 2" "$? $(grep -c 'strict profile' "$WORK/said")" "2 1"
	done
	run --min-tier landlock "$TIERED" -- world
	is "F065: ($WHO) where namespaces can be had, they are" "$STATUS $(jq -r .isolation.tier "$RUN/run.json")" "0 namespaces"
	[ "$WHO" = root ] || return 0
	TIER=landlock
	ASKED=
	weaker timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/no-chroot" --min-tier chroot "$TIERED" \
		>/dev/null 2>"$WORK/said"
	is "F065: (root) no chroot either: status 4" "$? $(grep -c 'tier chroot or better' "$WORK/said")" "4 1"
}

# ---- the same world -------------------------------------------------------------------

world() {
	run_in --task "$WORK/task.json" --input "$WORK/tree" "$TIERED" -- world
	is "F030: ($WHO, $TIER) a plugin runs" "$STATUS $(reason)" "0 exited"
	is "F065: ($WHO, $TIER) the tier recorded is this one" \
		"$(jq -r .isolation.tier "$RUN/run.json")" "${ASKED:-$TIER}"
	check "F065: ($WHO, $TIER) and proved by all of its questions" proved "${ASKED:-$TIER}"
	is "F031: ($WHO, $TIER) it starts in its workspace" "$(said_of cwd)" workspace
	is "F034: ($WHO, $TIER) not as root" "$(said_of user)" plain
	is "F131: ($WHO, $TIER) task and input are there" \
		"$(said_of task) $(said_of input) $(said_of input-below)" '{"task_id": "T1"} one two'
	for what in write-input write-task make-input write-bin write-above write-artifact; do
		is "F036: ($WHO, $TIER) $what" "$(said_of $what)" EACCES
	done
	for what in write write-tmp write-home null; do
		is "F039: ($WHO, $TIER) $what" "$(said_of $what)" 0
	done
	is "F100: ($WHO, $TIER) no socket" "$(said_of socket)" EPERM
	check "F044: ($WHO, $TIER) nothing of its place is in the folder" test ! -e "$RUN/jail"
	check "F156: ($WHO, $TIER) the folder verifies" "$OXG" check "$RUN"
	run_in "$DEED" -- emit 3
	is "F146: ($WHO, $TIER) findings arrive" "$STATUS $(grep -c . "$RUN/findings.jsonl")" "0 3"
}

# Outside, the same program does reach it.
reach() {
	is "F035: ($WHO) outside, it opens the file" \
		"$(as "$BUILD/plugins/tier" reach "$WORK/secret" 2>&1 | head -n 2 | tr '\n' ' ')" "open=0 stat=0 "
	run_in "$TIERED" -- reach "$WORK/secret"
	case $TIER in
	chroot) is "F035: ($WHO, $TIER) a file of the host's" "$(tr '\n' ' ' <"$RUN/logs/stdout.log")" "open=ENOENT stat=ENOENT run=ENOENT " ;;
	*) is "F035: ($WHO, $TIER) a file of the host's" "$(tr '\n' ' ' <"$RUN/logs/stdout.log")" "open=EACCES stat=EPERM run=EACCES " ;;
	esac
	run_in "$TIERED" -- run-own "../bin/tier"
	is "F063: ($WHO, $TIER) what it wrote it cannot run" "$(said_of copied) $(said_of run)" "0 EACCES"
	rm -f "$OUT/victim"
	# shellcheck disable=SC2016
	as sh -c 'echo $$ >"$0"; exec sleep 60' "$OUT/victim" &
	child=$!
	wait_for test -s "$OUT/victim"
	victim=$(cat "$OUT/victim")
	check "F054: ($WHO) outside, it is signalled by who runs oxg" as kill -0 "$victim"
	run_in "$TIERED" -- signal "$victim"
	is "F054: ($WHO, $TIER) a signal to the host" "$(said_of victim)" EPERM
	check "F054: ($WHO, $TIER) nor to all of it" kill -0 "$victim"
	kill "$victim"
	wait "$child" 2>/dev/null
}

# What Landlock asks no right for, it cannot refuse.
holes() {
	echo full >"$OUT/full"
	chmod 666 "$OUT/full"
	is "F039: ($WHO) outside, mode 3 opens and reading truncates" \
		"$(as "$BUILD/plugins/tier" three "$OUT/full" | tr '\n' ' ')$(cat "$OUT/full")" "three=0 truncate=0 "
	echo full >"$OUT/full"
	for path in "$OUT/full" /dev/ptmx task.json input/file; do
		run_in --task "$WORK/task.json" --input "$WORK/tree" "$TIERED" -- three "$path"
		case $TIER-$path in
		# There it is no file of the host's, and the kernel's own modes hold it.
		chroot-*) check "F039: ($WHO, $TIER) ${path##*/}" not grep -q '=0$' "$RUN/logs/stdout.log" ;;
		*) is "F039: ($WHO, $TIER) ${path##*/}" "$(tr '\n' ' ' <"$RUN/logs/stdout.log")" "three=EPERM truncate=EPERM " ;;
		esac
	done
	is "F039: ($WHO, $TIER) and the file is whole" "$(cat "$OUT/full")" full
	[ "$TIER" != old ] || return 0
	run_in --timeout 20s "$TIERED" -- fill 120 shut
	is "F040: ($WHO, $TIER) 120 MiB where nobody can look" "$STATUS $(reason)" "123 killed"
	run_in --timeout 20s "$TIERED" -- fill 120 mapped
	is "F040: ($WHO, $TIER) no file is mapped" "$(said_of map | sort -u)" EPERM
}

# Root as in a plain container: with some rights, and not the ones that look into all.
contained() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	some=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service
	some=$some,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap
	setpriv --bounding-set="$some" --inh-caps=-all "$LESSER" 38 clone3 timeout 60 "$OXG" run --trust "$TRUST" \
		--out "$RUN" --min-tier chroot --timeout 20s "$TIERED" -- "$@" >"$OUT/stdout" 2>"$ERR" </dev/null
	STATUS=$?
}

container() {
	contained world
	is "F068: (root) in a plain container" "$STATUS $(jq -r .isolation.tier "$RUN/run.json")" "0 chroot"
	contained fill 120
	is "F068: (root) its files are counted" "$STATUS $(reason)" "123 killed"
	contained fill 120 shut
	is "F068: (root) and what is shut" "$STATUS $(reason)" "123 killed"
	mark=contained-$$
	contained hydra "$mark"
	check "F068: (root) and nobody is left" no_marked "$mark"
}

# ---- limits without mounts ----------------------------------------------------------------

files() {
	run_in --timeout 20s "$TIERED" -- fill 20
	is "F040: ($WHO, $TIER) 20 of 64 MiB" "$STATUS $(reason)" "0 exited"
	run_in --timeout 20s "$TIERED" -- fill 120
	is "F040: ($WHO, $TIER) 120 of 64 MiB" "$STATUS $(reason)" "123 killed"
	run_in --timeout 20s "$TIERED" -- fill 120 nameless
	is "F040: ($WHO, $TIER) 120 MiB in files without a name" "$STATUS $(reason)" "123 killed"
	run_in --timeout 30s "$TIERED" -- many 17500
	is "F040: ($WHO, $TIER) more files than inodes" "$STATUS $(reason)" "123 killed"
	run_in --timeout 20s "$TIERED" -- deep 100 2000
	is "F040: ($WHO, $TIER) deeper than can be counted" "$STATUS $(reason)" "123 killed"
	run_in --timeout 20s "$TIERED" -- deep 3000 0
	# Seldom to more than two hundred: it is looked at meanwhile.
	check "F044: ($WHO, $TIER) as deep as it may become" test "$(said_of depth | tail -n 1)" -gt 64
	check "F044: ($WHO, $TIER) it is gone" test -d "$RUN" -a ! -e "$RUN/jail"
	run_in --timeout 20s "$TIERED" -- deep 60 0 long
	is "F044: ($WHO, $TIER) a tree of twelve thousand bytes of path" \
		"$STATUS $(reason) $(said_of depth | tail -n 1)" "0 exited 60"
	check "F044: ($WHO, $TIER) it is gone as well" test -d "$RUN" -a ! -e "$RUN/jail"
	run_in "$TIERED" -- closed
	is "F044: ($WHO, $TIER) as is what was closed to its owner" \
		"$STATUS $(find "$RUN" "$RUN.partial" -name jail 2>/dev/null | wc -l)" "0 0"
}

limits() {
	run_in --timeout 300ms "$DEED" -- hang
	is "F077: ($WHO, $TIER) timeout" "$STATUS $(reason)" "124 timeout"
	run_in --cpu-limit 1s --timeout 20s "$DEED" -- cpu
	is "F075: ($WHO, $TIER) cpu_limit" "$STATUS $(reason)" "122 cpu_limit"
	run_in --memory 32M --timeout 20s "$DEED" -- mem 200
	is "F076: ($WHO, $TIER) memory_limit" "$STATUS $(reason)" "121 memory_limit"
	run_in "$DEED" -- segv
	is "F094: ($WHO, $TIER) a crash" "$STATUS $(jq -r .ending.signal_name "$RUN/run.json")" "10 SIGSEGV"
}

# ---- nobody is left ---------------------------------------------------------------------------

survivors() {
	mark=left-$$-$WHO-$TIER
	for deed in daemon forkbomb; do
		run_in --timeout 1s "$DEED" -- $deed "$mark"
		check "F054: ($WHO, $TIER) $deed: nobody is left" no_marked "$mark"
	done
	run_in "$TIERED" -- stopper "$mark"
	is "F054: ($WHO, $TIER) who stops whoever would end him" "$STATUS $(reason)" "0 exited"
	check "F054: ($WHO, $TIER) is ended, and soon" within 0 "$(jq .usage.wall_ns "$RUN/usage.json")" 4000000000
	run_in "$TIERED" -- hydra "$mark"
	check "F054: ($WHO, $TIER) who forks faster than he dies" no_marked "$mark"
	start_in "$TIERED" -- hang "$mark" || return
	kill -KILL "$PID"
	wait 2>/dev/null
	check "F044: ($WHO, $TIER) oxg killed: nobody is left" wait_for no_marked "$mark"
	check "F163: ($WHO, $TIER) and the folder is visibly partial" test -d "$RUN.partial" -a ! -e "$RUN"
	start_in "$TIERED" -- hang "$mark" || return
	kill -TERM "$PID"
	wait 2>/dev/null
	is "F099: ($WHO, $TIER) the operator ends it" "$(reason)" killed
	check "F054: ($WHO, $TIER) and nobody is left" no_marked "$mark"
	start_in "$TIERED" -- hang "$mark" || return
	# The plugin is the child of the jail's first process, which bears oxg's name.
	init=$(for p in $(marked "$mark"); do
		parent=$(awk '/^PPid/ { print $2 }' "/proc/$p/status")
		[ "$(cat "/proc/$p/comm") $(cat "/proc/$parent/comm")" != "tier oxg" ] || echo "$parent"
	done)
	is "F054: ($WHO, $TIER) there is one init to kill" "$(echo "$init" | wc -w)" 1
	kill -KILL "${init:-$PID}"
	wait 2>/dev/null
	check "F054: ($WHO, $TIER) its init killed: nobody is left" wait_for no_marked "$mark"
	is "F094: ($WHO, $TIER) and the run says what happened" "$(jq -r '.ending | .reason + " " + .by' "$RUN/run.json")" "killed host"
}

# What is handed over is kept, what lies in the plugin's place is not.
handed() {
	run_in "$ASKER" -- '+{"jsonrpc":"2.0","id":1,"method":"artifact.put","params":{"token":"$T","name":"a/b","text":"kept"}}' '=1'
	is "F134: ($WHO, $TIER) an artifact" "$STATUS $(find "$RUN/artifacts" -type f -exec cat {} +)" '0 kept'
	check "F156: ($WHO, $TIER) it checks" as "$OXG" check "$RUN"
}

# The tree is read and changes are staged; the plugin itself sees nothing of it.
project() {
	run_in --project "$WORK/project" --grant CAP_WORKSPACE_READ --grant CAP_WORKSPACE_WRITE "$READER" -- \
		'+{"jsonrpc":"2.0","id":1,"method":"fs.read","params":{"token":"$T","path":"a"}}' '=1' \
		'+{"jsonrpc":"2.0","id":2,"method":"fs.write","params":{"token":"$T","path":"a","text":"new"}}' '=1' \
		'+{"jsonrpc":"2.0","id":3,"method":"fs.read","params":{"token":"$T","path":"../something"}}' '=1'
	is "F175: ($WHO, $TIER) the project is read, and not left" "$STATUS $(jq -c '.result.text // .error.code' "$RUN/logs/stdout.log" | tr '\n' ' ')" \
		'0 "of the tree" null -32602 '
	is "F175: ($WHO, $TIER) a change is staged, the tree as it was" "$(cat "$RUN/changes/a" "$WORK/project/a")" 'newof the tree'
	check "F156: ($WHO, $TIER) it checks" as "$OXG" check "$RUN"
}

for who in $IDENTITIES; do
	become "$who"
	chosen
	[ "$who" != root ] || container
	for TIER in chroot landlock old; do
		[ "$TIER" != chroot ] || [ "$WHO" = root ] || continue
		ASKED=
		[ "$TIER" != old ] || ASKED=landlock
		world
		reach
		holes
		files
		handed
		project
		limits
		survivors
	done
done
finish
