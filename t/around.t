#!/bin/sh
# What stands around oxg: a caller who leaves it odd limits and signals, a host that
# hides what it needs, an input that changes while it is read.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
LOUD=$PLUGIN
plugin probe "$PROBE"
LOOK=$PLUGIN
plugin sly "$BUILD/plugins/sly"
SLY=$PLUGIN

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
	tells "F066: ($WHO) a log may not grow: in words" "$ERR" 'cannot be written .*File too large'
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
	[ "$WHO" != user ] || [ "$CALLER" -ne 0 ] ||
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

# ---- input -------------------------------------------------------------------------

# A tree that is not what it seems, and is changed while it is read.
input() {
	tree=$OUT/tree
	rm -rf "$tree"
	mkdir -p "$tree/d"
	mkfifo "$tree/fifo"
	echo held >"$tree/f"
	ln "$tree/f" "$tree/hard"
	ln -s /etc/shadow "$tree/link"
	ln -s /etc "$tree/d/links"
	printf 'x' >"$tree/$(printf 'two\nlines')"
	# Somebody waits for a reader of the FIFO; we are none.
	(echo word >"$tree/fifo") 2>/dev/null &
	writer=$!
	[ "$WHO" = root ] || chmod -R a+rwX "$tree"
	run --input "$tree" "$LOOK" -- walk /workspace/input
	is "F020: ($WHO) files and directories, nothing else" \
		"$(grep -a '^/workspace/input' "$RUN/logs/stdout.log" | cut -d' ' -f1,2 | sort | tr '\n' ';')" \
		"/workspace/input d;/workspace/input/d d;/workspace/input/f f;/workspace/input/hard f;/workspace/input/two;"
	json "F020: ($WHO) what was left out is counted" "$RUN/run.json" '.input.skipped == 3'
	sleep 0.1
	check "F020: ($WHO) a FIFO's writer does not notice" kill "$writer"
	wait "$writer" 2>/dev/null
	truncate -s 1T "$tree/sparse"
	run --input "$tree" "$SLY" -- again 0
	is "F020: ($WHO) a sparse terabyte is refused" "$STATUS" 3
	tells "F020: ($WHO) in words" "$ERR" 'larger than'
	rm "$tree/sparse"
	perl -e 'chdir $ARGV[0]; for (1 .. 40) { mkdir "0" x 200; chdir "0" x 200 or die }' "$tree" 2>/dev/null
	run --input "$tree" "$SLY" -- again 0
	is "F020: ($WHO) a path that no call takes is refused" "$STATUS" 3
	tells "F020: ($WHO) in words" "$ERR" 'path of more than 4000 bytes'
	rm -rf "$tree"
}

# Directories become links to the host's while they are walked.
raced() {
	tree=$OUT/raced
	mkdir -p "$tree/a" "$OUT/secret"
	echo secret-of-the-host >"$OUT/secret/f"
	echo harmless >"$tree/a/f"
	chmod -R a+rwX "$tree" "$OUT/secret"
	perl -e '
		my ($tree, $secret) = @ARGV;
		while (1) {
			rename "$tree/a", "$tree/b"; symlink $secret, "$tree/a";
			unlink "$tree/a"; rename "$tree/b", "$tree/a";
			rename "$tree/a/f", "$tree/a/g"; symlink "$secret/f", "$tree/a/f";
			unlink "$tree/a/f"; rename "$tree/a/g", "$tree/a/f";
		}' "$tree" "$OUT/secret" &
	racer=$!
	seen=0
	i=0
	while [ $i -lt 25 ]; do
		i=$((i + 1))
		run --input "$tree" "$SLY" -- cat /workspace/input
		! grep -qra secret-of-the-host "$RUN/inputs" "$RUN/logs" || seen=$((seen + 1))
	done
	kill "$racer"
	wait "$racer" 2>/dev/null
	is "F020: ($WHO) 25 walks among links that come and go: none was followed" "$seen" 0
}

# An image that was unpacked from who knows where: its links lead into the host.
image() {
	mkdir -p "$WORK/image/usr/bin" "$WORK/image/etc" "$WORK/secrets"
	echo secret-of-the-host | tee "$WORK/secrets/file" >"$WORK/secret"
	chmod 755 "$WORK/secrets"
	ln -sfn "$WORK/secret" "$WORK/image/etc/ld.so.cache"
	ln -sfn "$WORK/secrets" "$WORK/image/etc/alternatives"
	ln -sfn "$WORK/secrets" "$WORK/image/lib"
	jq -n --arg r "$WORK/image" '{schema_version: 1, runtimes: [$r]}' >"$WORK/image.json"
	for where in /bin /etc /etc/ld.so.cache /etc/alternatives /lib; do
		run --policy "$WORK/image.json" --runtime "$WORK/image" "$SLY" -- cat $where
		is "F043: ($WHO) an image's links are not followed, cat $where" \
			"$STATUS $(grep -ca secret-of-the-host "$RUN/logs/stdout.log")" "0 0"
	done
	rm -rf "$WORK/image/etc"
	ln -sfn "$WORK/secrets" "$WORK/image/etc"
	mkdir "$WORK/secrets/alternatives"
	run --policy "$WORK/image.json" --runtime "$WORK/image" "$SLY" -- cat /etc
	is "F043: ($WHO) nor a link called etc" \
		"$STATUS $(grep -ca secret-of-the-host "$RUN/logs/stdout.log")" "0 0"
	rm -rf "$WORK/image" "$WORK/secrets"
}

# Executables that are none here: refused in words, before a jail is built.
other_machines() {
	for change in '4 1 is made for another' '18 267 is made for another' '16 1 but no executable'; do
		# shellcheck disable=SC2086
		set -- $change
		at=$1
		cp "$SLY/sly" "$WORK/foreign"
		# shellcheck disable=SC2059
		printf "\\$(printf %03o $(($2 % 256)))" |
			dd of="$WORK/foreign" bs=1 seek="$at" conv=notrunc 2>/dev/null
		shift 2
		plugin foreign "$WORK/foreign"
		for runtime in '' system; do
			# shellcheck disable=SC2086
			run ${runtime:+--runtime $runtime} "$PLUGIN" -- again 0
			is "F014: ($WHO) byte $at changed${runtime:+, $runtime}: status 3" "$STATUS" 3
			tells "F014: ($WHO) byte $at changed${runtime:+, $runtime}: in words" "$ERR" "$*"
		done
	done
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
	[ "$WHO" = user ] && [ "$CALLER" -eq 0 ] || return
	RUN=$OUT/hidden
	ERR=$OUT/hidden.err
	unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc && exec "$@"' sh \
		setpriv --reuid=65533 --regid=65533 --clear-groups \
		"$OXG" run --trust "$TRUST" --out "$RUN" "$SLY" -- doze 1 >"$OUT/stdout" 2>"$ERR" </dev/null
	is "F065: hidepid: status 4" "$?" 4
	tells "F065: hidepid: in words" "$ERR" 'hidepid'
	is "F065: hidepid: nothing was executed" "$(cat "$RUN/logs/stdout.log")" ""
	RUN=$OUT/none
	ERR=$OUT/none.err
	unshare -m sh -c 'umount -l /proc && exec "$@"' sh \
		setpriv --reuid=65533 --regid=65533 --clear-groups \
		"$OXG" run --trust "$TRUST" --out "$RUN" "$SLY" -- doze 1 >"$OUT/stdout" 2>"$ERR" </dev/null
	is "F065: no /proc: status 4" "$?" 4
	tells "F065: no /proc: in words" "$ERR" '/proc'
}

for who in $IDENTITIES; do
	become "$who"
	stopped_supervisor
	legacy
	nohup_
	input
	raced
	image
	other_machines
	proc
	hidden
done
finish
