#!/bin/sh
# What the supervisor, the watch and the broker keep while a plugin runs, and what
# becomes of one that does what it never would: t/plugins/inject.c puts a system call
# into it, as somebody could who got his code to run there.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin storing "$BUILD/plugins/asker" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_STORAGE"]'
STORING=$PLUGIN
plugin reading "$BUILD/plugins/asker" '.capabilities = ["CAP_WORKSPACE_READ"]'
READING=$PLUGIN
mkdir "$WORK/project"
plugin asker "$BUILD/plugins/asker"
ASKER=$PLUGIN
keys run
cp "$BUILD/plugins/inject" "$WORK/inject"
INJECT=$WORK/inject
echo something >"$WORK/something"

# field NAME: of the status that was read last.
field() {
	sed -n "s/^$1:[[:space:]]*//p" "$WORK/status" | tr '\t' ' '
}

# ---- what they are, from outside ---------------------------------------------------------

# keeps NAME PID CAPABILITIES: read at once, then judged; it may end meanwhile.
keeps() {
	cat "/proc/$2/status" >"$WORK/status"
	for set in CapPrm CapEff; do
		is "F053: ($WHO) the $1's $set" "$(field "$set")" "$3"
	done
	# Who has no privilege can take nothing out of the bounding set, nor gain by it.
	sets='CapInh CapAmb'
	[ "$WHO" != root ] || sets="$sets CapBnd"
	for set in $sets; do
		is "F053: ($WHO) the $1's $set" "$(field "$set")" 0000000000000000
	done
	is "F053: ($WHO) the $1 can gain no privilege" "$(field NoNewPrivs)" 1
	is "F053: ($WHO) the $1 has a filter of system calls" "$(field Seccomp)" 2
}

# files PID: what it has open that is a file or directory; the watch also holds a place
# on the jail's own tmpfs, to see how full that is.
files() {
	find "/proc/$1/fd" -type l -printf '%l\n' | grep '^/' | grep -v -e '^/dev/' -e '^/workspace$' | sort
}

live() {
	start "$ASKER" -- '>ready^0a' '~60000'
	wait_for said_ready
	watch=$(watch_of "$PID")
	broker=$(broker_of "$PID")
	none=0000000000000000
	kill=$none
	# To end a broker of another user; of the jail it is the owner.
	[ "$WHO" != root ] || kill=0000000000000020
	keeps supervisor "$PID" $none
	keeps watch "$watch" $kill
	keeps broker "$broker" $none
	is "F099: ($WHO) the terminal's keys are the supervisor's: the watch leads a group of its own" \
		"$(sed 's/.*) //' "/proc/$watch/stat" | cut -d' ' -f3)" "$watch"
	if [ "$CALLER" -eq 0 ]; then
		is "F053: ($WHO) the watch holds no file but the operator's stderr" "$(files "$watch")" "$ERR"
		check "F053: ($WHO) the supervisor holds the folder (the test can fail)" grep -q "^$RUN.partial/findings.jsonl" <<-END
			$(files "$PID")
		END
	fi
	kill "$PID"
	wait "$PID"
	is "F099: ($WHO) and the run is stopped" "$? $(reason)" "123 killed"
}

# Root's folder in a directory of somebody else's: for its name the right stays, for
# nothing else, and it can be given.
elsewhere() {
	mkdir "$WORK/theirs"
	chown 65533:65533 "$WORK/theirs"
	OUT=$WORK/theirs
	start "$ASKER" -- '>ready^0a' '~2000'
	wait_for said_ready
	keeps "supervisor, in a user's directory" "$PID" 0000000000000002
	wait "$PID"
	is "F053: root's folder in a user's directory gets its name" "$? $(ls -d "$RUN")" "0 $RUN"
	become "$WHO"
	(cd "$WORK/theirs" && "$OXG" run --quiet --trust "$TRUST" "$ASKER" && "$OXG" check out/latest) >/dev/null 2>"$ERR"
	is "F053: and out/latest points to it" "$?" 0
}

# Where no pid namespace ends the jail, the watch ends it, counts its files, and the
# supervisor clears its place: the wider filters have what that takes.
weaker() {
	real=$OXG
	cp "$BUILD/plugins/lesser" "$WORK/lesser"
	printf '#!/bin/sh\nexec "%s" 1 mount "%s" "$@"\n' "$WORK/lesser" "$real" >"$WORK/mountless"
	printf '#!/bin/sh\nexec setpriv --bounding-set=-setuid "%s" "$@"\n' "$WORK/mountless" >"$WORK/rightless"
	chmod 755 "$WORK/lesser" "$WORK/mountless" "$WORK/rightless"
	tiers=landlock
	[ "$WHO" != root ] || tiers='chroot landlock'
	for tier in $tiers; do
		mark=weaker-$$-$WHO-$tier
		OXG=$WORK/mountless
		[ "$WHO:$tier" != root:landlock ] || OXG=$WORK/rightless
		run --min-tier landlock --timeout 1s --sign-key "$KEY" --sigstore "$ASKER" -- '>ready^0a' '~60000' ">$mark"
		OXG=$real
		is "F077: ($WHO) tier $tier: a plugin is ended in time" "$STATUS $(reason)" "124 timeout"
		check "F044: ($WHO) tier $tier: nobody is left" no_marked "$mark"
		check "F156: ($WHO) tier $tier: sealed and signed, and the place of the jail is gone" \
			"$OXG" check --key "$WORK/run.pub" "$RUN"
		is "F053: ($WHO) tier $tier it was" "$(jq -r .isolation.tier "$RUN/run.json")" "$tier"
	done
}

# ---- who stands still --------------------------------------------------------------------------

stands_still() {
	grep -q '^State:[[:space:]]*T' "/proc/$1/status"
}

# inmates MARK: those of the marked that are in a namespace of their own; fails where
# there are none.
inmates() {
	for p in $(marked "$1"); do
		grep -s '^NSpid:.*[[:space:]].*[[:space:]]' "/proc/$p/status"
	done | grep .
}

# A watch that is stopped is not the plugin's gain, nor is the operator deaf for long.
stopped() {
	mark=still-$$-$WHO
	start --timeout 2s "$ASKER" -- '>ready^0a' '~60000' ">$mark"
	wait_for said_ready
	check "F077: ($WHO) a plugin is there" inmates "$mark"
	watch=$(watch_of "$PID")
	kill -STOP "$watch"
	check "F077: ($WHO) the watch is stopped" wait_for stands_still "$watch"
	check "F077: ($WHO) the watch is stopped: the plugin does not outlive its time" wait_for not inmates "$mark"
	check "F077: ($WHO) and it was not the watch that ended it" stands_still "$watch"
	kill -CONT "$watch"
	wait "$PID"
	is "F077: ($WHO) and that was a timeout" "$? $(reason)" "124 timeout"
}

# ---- who dies ------------------------------------------------------------------------------------

shot() {
	mark=shot-$$-$WHO
	start "$ASKER" -- '>ready^0a' '~60000' ">$mark"
	wait_for said_ready
	before=$(date +%s)
	kill -KILL "$(watch_of "$PID")"
	wait "$PID"
	is "F044: ($WHO) watch shot: status 123" "$? $(reason)" "123 killed"
	check "F044: ($WHO) at once" within 0 $(($(date +%s) - before)) 15
	# Not a moment later: the supervisor has waited for them.
	check "F044: ($WHO) and nobody is left" no_marked "$mark"
	json "F053: ($WHO) killed by the host, since the watch died" "$RUN/run.json" \
		'.ending | .reason == "killed" and .by == "host" and (.detail | test("watch.* died of SIGKILL"))'
	json "F053: ($WHO) the gate blocks" "$RUN/gate_report.json" '.decision == "BLOCK"'
	check "F156: ($WHO) the folder is sealed, and good evidence of that" "$OXG" check "$RUN"
}

# ---- who does what he never would ---------------------------------------------------------------------

# injected ROLE CALL PATH: SAID is what came of it, STATUS oxg's. MORE: options of the run.
MORE=
injected() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	# shellcheck disable=SC2086
	SAID=$(as timeout -k 5 60 "$INJECT" "$1" "$RUN.partial/logs/stdout.log" "$2" "$3" \
		"$OXG" run --trust "$TRUST" --out "$RUN" --timeout 20s $MORE "$ASKER" -- '>ready^0a' '~200' ">$mark" \
		2>"$ERR" </dev/null)
	STATUS=$?
}

# Without a filter each of them does what it is made for.
unconfined() {
	place=$OUT/place
	as mkdir "$place"
	for call in create mkdir chmod socket code unlink; do
		[ $call != create ] || target=$place/file
		[ $call != mkdir ] || target=$place/dir
		[ $call != unlink ] || target=$place/file
		like "F053: ($WHO) $call, put into a program that is not confined" \
			"$(as "$INJECT" oxg "$WORK/something" $call "$target" sleep 0.3)" '^returned [0-9]'
	done
	is "F053: ($WHO) and it was done" "$(stat -c '%A %n' "$place"/* | sed "s,$place/,,")" "drwxrwxrwx dir"
}

harmless() {
	for role in oxg watch broker; do
		injected $role clock -
		is "F053: ($WHO) $role: a call that it makes itself changes nothing" "$SAID, $STATUS $(reason)" "returned 0, 0 exited"
	done
}

# Nobody is left of the run, and what it left tells what happened.
fails_closed() {
	check "F044: ($WHO) $1, $2: nobody is left" no_marked "$mark"
	case $1 in
	oxg)
		is "F053: ($WHO) $1, $2: oxg itself is dead" "$STATUS" 159
		is "F163: ($WHO) $1, $2: the folder is visibly partial" "$(find "$OUT" -maxdepth 1 -name "run-$RUNS*")" "$RUN.partial"
		;;
	watch)
		is "F053: ($WHO) $1, $2: status 123" "$STATUS" 123
		json "F053: ($WHO) $1, $2: killed by the host" "$RUN/run.json" \
			'.ending | .reason == "killed" and .by == "host" and (.detail | test("died of SIGSYS"))'
		json "F053: ($WHO) $1, $2: the gate blocks" "$RUN/gate_report.json" '.decision == "BLOCK"'
		check "F156: ($WHO) $1, $2: the evidence of that holds" "$OXG" check "$RUN"
		;;
	broker)
		is "F053: ($WHO) $1, $2: status 123" "$STATUS" 123
		json "F053: ($WHO) $1, $2: killed, since the broker died" "$RUN/run.json" \
			'.ending | .reason == "killed" and .by == "broker" and (.detail | test("died of SIGSYS"))'
		json "F053: ($WHO) $1, $2: the gate blocks" "$RUN/gate_report.json" '.decision == "BLOCK"'
		check "F156: ($WHO) $1, $2: the evidence of that holds" "$OXG" check "$RUN"
		;;
	esac
}

forbidden() {
	mark=inject-$$-$WHO
	place=$OUT/forbidden
	as mkdir "$place"
	for role in oxg watch broker; do
		for call in exec fork socket ptrace mount unshare setuid code mkdir chmod term \
			$([ $role = watch ] && echo create link unlink) \
			$([ $role = oxg ] && echo peek fetch) \
			$([ $role = broker ] && echo create read link unlink peek fetch); do
			injected $role "$call" "$place/evil"
			is "F053: ($WHO) $role, $call: the end of it" "$SAID" "died of signal 31"
			fails_closed $role "$call"
		done
	done
	is "F053: ($WHO) nothing was done" "$(ls -A "$place")" ""
}

# With a project the broker opens files from its descriptor, and from no other.
looking() {
	asker=$ASKER ASKER=$READING
	MORE="--project $WORK/project --grant CAP_WORKSPACE_READ"
	injected broker clock -
	is "F053: ($WHO) broker with a project" "$SAID, $STATUS $(reason)" "returned 0, 0 exited"
	for call in look read create; do
		injected broker $call "$WORK/something"
		is "F053: ($WHO) broker with a project, $call: the end of it" "$SAID" "died of signal 31"
		fails_closed broker $call
	done
	ASKER=$asker
	MORE=
}

# The supervisor opens files, by name: of the folder, and where there is Landlock no
# others. Its run goes on.
shut_in() {
	if ! "$OXG" doctor --json | jq -e '.layers[] | select(.name == "landlock" and .status == "present")' >/dev/null; then
		skip "F053: ($WHO) no Landlock here"
		return
	fi
	place=$OUT/shut
	as mkdir "$place"
	as cp "$WORK/something" "$place/file"
	for call in create read unlink link; do
		target=$place/file
		case $call in create | link) target=$place/new ;; esac
		injected oxg $call "$target"
		is "F053: ($WHO) oxg, $call outside of the folder: refused" "$SAID, $STATUS $(reason)" "returned -13, 0 exited"
		check "F156: ($WHO) and the run is what it was" "$OXG" check "$RUN"
	done
	is "F053: ($WHO) nothing was done" "$(ls -A "$place")" file
	# Who makes directories for what is handed over makes none elsewhere.
	asker=$ASKER ASKER=$STORING
	injected oxg mkdir "$WORK/evil-$WHO"
	is "F053: ($WHO) oxg, mkdir outside of the folder: refused" "$SAID, $STATUS $(reason)" "returned -13, 0 exited"
	check "F053: ($WHO) nothing was made" test ! -e "$WORK/evil-$WHO"
	injected oxg mkdir "$OUT/run-$((RUNS + 1)).partial/artifacts"
	is "F053: ($WHO) oxg, mkdir in it" "$SAID, $STATUS $(reason)" "returned 0, 0 exited"
	ASKER=$asker
}

# Whatever the evidence is like: the supervisor may do what it takes to count it.
varied() {
	printf '%s\n' '#!/bin/sh' 'seq 5000 | sed '"'"'s/.*/{"type":"type-&","message":"m","severity":"low","target":"file-&"}/'"'" \
		>"$WORK/varied"
	plugin varied "$WORK/varied" '.findings = "stdout" | .runtime = "system"'
	run --runtime system --sign-key "$KEY" --durable "$PLUGIN"
	check "F156: ($WHO) a signed run" "$OXG" check --key "$WORK/run.pub" "$RUN"
	is "F053: ($WHO) five thousand kinds of findings are counted" \
		"$STATUS $(jq .findings.accepted "$RUN/run.json")" "0 5000"
}

for who in $IDENTITIES; do
	become "$who"
	KEY=$OUT/run.key
	cp "$WORK/run.key" "$KEY"
	chmod 600 "$KEY"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$KEY"
	varied
	live
	[ "$who" != root ] || elsewhere
	weaker
	stopped
	shot
	if ! as "$INJECT" oxg "$WORK/something" clock - true >/dev/null 2>&1; then
		skip "F053: ($WHO) nobody may trace a process here"
		continue
	fi
	mark=inject-$$-$WHO
	unconfined
	harmless
	shut_in
	forbidden
	looking
done
finish
