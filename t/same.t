#!/bin/sh
# Equal inputs give equal bytes (DESIGN section 2, rule 7): with SOURCE_DATE_EPOCH and
# --run-id, run after run, whoever runs it and from wherever, a run folder is the same
# but for usage.json and its line in SHA256SUMS.
# shellcheck source=/dev/null disable=SC2016
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin knocker "$BUILD/plugins/knocker"
KNOCKS=$PLUGIN
plugin doer "$BUILD/plugins/doer"
DOES=$PLUGIN
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
plugin changed "$HOSTILE"
CHANGED=$PLUGIN
echo >>"$CHANGED/changed"
mkdir -p "$WORK/input/deep" "$WORK/bin dir"
echo x >"$WORK/input/x"
echo y >"$WORK/input/deep/y"
ln -s x "$WORK/input/link"
echo '{"task_id":"task 1"}' >"$WORK/task.json"
cp "$OXG" "$WORK/bin dir/another name"
BEFORE=
FROM=
AS_OXG=
ID=01JAAAAAAAAAAAAAAAAAAAAAAA

# sums FOLDER: every digest but that of usage.json; modes FOLDER: every name.
sums() {
	grep -v '  usage.json$' "$1/SHA256SUMS"
}

modes() {
	find "$1" -printf '%P %y %m\n' | sort
}

# apart FOLDER: what is different between it and $FIRST; nothing when they are the same.
apart() {
	{
		diff -r -x usage.json -x SHA256SUMS "$FIRST" "$1"
		[ "$(sums "$1")" = "$SUMS" ] || echo 'other sums'
		[ "$(modes "$1")" = "$MODES" ] || echo 'other names or modes'
	} 2>&1 | cut -c1-300 | head -n 12
}

# first FOLDER: the others are held against it.
first() {
	FIRST=$1
	SUMS=$(sums "$1")
	MODES=$(modes "$1")
}

# once NAME WORD...: a run of them, with what stands still standing still. $BEFORE is
# what starts it, $FROM where; STATUS.
once() {
	RUN=$OUT/$1
	shift
	# shellcheck disable=SC2086
	(cd "${FROM:-/}" && as env SOURCE_DATE_EPOCH=1700000000 $BEFORE "${AS_OXG:-$OXG}" run --trust "$TRUST" \
		--run-id $ID --out "$RUN" "$@" >/dev/null 2>"$WORK/said" </dev/null)
	STATUS=$?
}

# same WHAT STATUS WORD...: $TIMES times, and it checks.
same() {
	what=$1 due=$2
	shift 2
	CASE=$((CASE + 1))
	different=
	for n in $(seq "$TIMES"); do
		once "case-$CASE-$n" "$@"
		[ "$STATUS" -eq "$due" ] || different="$different run $n: status $STATUS;"
		if [ "$n" -eq 1 ]; then first "$RUN"; else different=$different$(apart "$RUN"); fi
	done
	is "F154: ($WHO) $what: $TIMES runs, one folder" "$different" ""
	check "F154: ($WHO) $what: which checks" "$OXG" check "$FIRST"
}

# cases TIMES: what became of the plugin, and how we were told.
cases() {
	CASE=0
	TIMES=$1
	same 'findings' 0 --task "$WORK/task.json" --input "$WORK/input" "$DEED" -- emit 20
	same 'findings on stdout' 1 "$PRINTER" -- print '{"type":"a","message":"b","target":"c","severity":"high"}' noise
	same 'refused operations' 0 "$KNOCKS" -- evil
	same 'a refused address' 0 "$KNOCKS" -- connect
	same 'an audit of files' 0 --audit "$DOES" -- files
	same 'an audit of processes' 0 --audit "$DOES" -- processes
	same 'an audit of refusals' 0 --audit "$KNOCKS" -- evil
	same 'a timeout' 124 --timeout 150ms "$DEED" -- hang
	same 'a timeout, audited' 124 --audit --timeout 150ms "$DEED" -- hang
	TIMES=2 # one process writes these in its own order
	same 'refused requests' 0 "$DEED" -- bad-requests 30
	same 'output over its limit' 0 "$DEED" -- no-newline 5
	same 'too much memory' 121 --memory 32M "$DEED" -- mem 200
	same 'a crash' 10 "$DEED" -- raise 11
	same 'a failure' 10 "$DEED" -- exit 3
	same 'a changed plugin' 3 "$CHANGED"
	same 'a missing plugin' 3 "$TRUST/plugins/nowhere"
	same 'an input that is missing' 3 --input "$WORK/nowhere" "$DEED" -- true
	same 'a bare file, unsigned' 0 --allow-unsigned "$HOSTILE" -- true
}

# like_first WHAT: the last run is the one that "varied" began with.
like_first() {
	is "F154: ($WHO) $1: the same folder" "$STATUS $(apart "$RUN")" "0 "
}

# Where from, by which name, in which surroundings: nothing of it is an input.
varied() {
	set -- --audit --task "$WORK/task.json" --input "$WORK/input" "$KNOCKS" -- evil
	once varied "$@"
	first "$RUN"
	mkdir "$OUT/elsewhere"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$OUT/elsewhere"
	once 'elsewhere/a longer name, with blanks' "$@"
	like_first 'another --out'
	FROM=$OUT/elsewhere
	once varied-from "$@"
	like_first 'another working directory'
	FROM=/proc/self
	once varied-proc "$@"
	like_first '/proc as working directory'
	FROM=
	AS_OXG="$WORK/bin dir/another name"
	once varied-name "$@"
	like_first 'another place and name of the program'
	AS_OXG=
	[ "$WHO" = "${IDENTITIES%% *}" ] || return
	for how in 'umask 000' 'umask 277' 'ulimit -n 64' 'ulimit -c 0'; do
		BEFORE="sh $WORK/set"
		echo "$how" >"$WORK/set"
		echo 'exec "$@"' >>"$WORK/set"
		once "varied-$N" "$@"
		like_first "$how"
	done
	for how in 'TZ=Asia/Tokyo' 'TZ=:/nowhere' 'LC_ALL=tr_TR.UTF-8 LANG=de_DE' 'HOME=/nonexistent' 'USER=x LOGNAME=y PATH=/' \
		'TERM=xterm COLUMNS=20 NO_COLOR=1' 'XDG_CONFIG_HOME=/nowhere TMPDIR=/nowhere' 'MALLOC_PERTURB_=7 LD_PRELOAD=/nowhere LD_LIBRARY_PATH=/' \
		'OXG_RUN_ID=x OXG_TASK_ID=y OXG_WORKSPACE=/z IGNITE_INPUT=a'; do
		BEFORE="env $how"
		once "varied-$N" "$@"
		like_first "$how"
	done
	BEFORE='nice -n 5 setsid'
	once varied-session "$@"
	like_first 'another session and priority'
	BEFORE="env $(seq -f 'NOISE_%g=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' 2000 | tr '\n' ' ')"
	once varied-noise "$@"
	like_first 'a large environment'
	BEFORE=
	once varied-other "$@" more
	check "F154: ($WHO) another argument is another folder (the test can fail)" not sh -c "cmp -s '$RUN/run.json' '$FIRST/run.json'"
}

# Root and an ordinary user build the same jail in two ways, which the evidence says, and
# the proving step has another number of questions; of everything else not a byte differs.
identities() {
	one=$WORK/root/varied other=$WORK/user/varied
	is 'F154: root and user: the files that differ' \
		"$(diff -rq "$one" "$other" | sed 's/^Files .*varied\/\(.*\) and .*/\1/' | sort | tr '\n' ' ')" \
		'SHA256SUMS report.html run.json usage.json verifier_report.json '
	is 'F154: root and user: what differs in run.json' "$(jq -n --slurpfile a "$one/run.json" --slurpfile b "$other/run.json" -r \
		'$a[0] as $a | $b[0] as $b | [$a | paths(scalars)] + [$b | paths(scalars)] | unique[] | . as $p |
			select(($a | getpath($p)) != ($b | getpath($p))) | map(tostring) | join(".")' | tr '\n' ' ')" \
		'isolation.built_by_root isolation.proved '
	is 'F154: root and user: and in the report of the checks' "$(diff "$one/verifier_report.json" "$other/verifier_report.json" |
		grep '^[<>]' | grep -vE '[0-9]+ (questions|forbidden)')" ''
}

times=5
for who in $IDENTITIES; do
	become "$who"
	cases $times
	varied
	times=2
done
[ "$IDENTITIES" = "${IDENTITIES#* }" ] || identities
finish
