#!/bin/sh
# F065: what this machine gives a jail. The surroundings are made lesser (a sysctl,
# a filter that answers as an old kernel or a container does, a /proc that hides),
# and each time oxg doctor must name the layer, say why and what to do, and oxg run
# must refuse for the same reason rather than run in less.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

# shellcheck disable=SC2154
LESSER=$BUILD/plugins/lesser
trust_root
plugin lesser "$LESSER"
plugin scripted "$LESSER" '.runtime = "system"'
plugin quick "$HOSTILE"
QUICK=$PLUGIN
cp "$LESSER" "$WORK/around"
LESSER=$WORK/around
REAL=$OXG
ERR=$WORK/stderr

# surround COMMAND...: from here on oxg runs under it. Without words: as it is.
surround() {
	OXG=$REAL
	[ $# -gt 0 ] || return
	{
		printf '#!/bin/sh\nexec'
		for word; do
			printf " '%s'" "$word"
		done
		# shellcheck disable=SC2016
		printf ' %s "$@"\n' "$REAL"
	} >"$WORK/surrounded"
	chmod 755 "$WORK/surrounded"
	OXG=$WORK/surrounded
}

# doctor ARG...: STATUS, $WORK/json, $ERR
doctor() {
	ERR=$WORK/stderr
	as timeout -k 5 30 "$OXG" doctor --trust "$TRUST" --json "$@" >"$WORK/json" 2>"$ERR" </dev/null
	STATUS=$?
}

layer() {
	jq -r --arg n "$1" '.layers[] | select(.name == $n) | [.status, .required, .detail, .remedy] | join("|")' "$WORK/json"
}

# lacks WHAT LAYER LINE [SENTENCE]: the layer's line matches; with SENTENCE it is a
# required one, and a run says the sentence.
lacks() {
	doctor
	like "F065: ($WHO) $1: doctor names $2" "$(layer "$2")" "^(missing|partial)\|.*$3"
	check "F065: ($WHO) $1: with a remedy" test -n "$(layer "$2" | cut -d'|' -f4)"
	run "$TRUST/plugins/lesser" -- call 39
	ran=$STATUS
	doctor
	if [ -n "${4:-}" ]; then
		is "F065: ($WHO) $1: doctor and run end with 4" "$STATUS $ran" "4 4"
		json "F065: ($WHO) $1: no tier" "$WORK/json" '.meets == false and .tier != "namespaces"'
		tells "F065: ($WHO) $1: one sentence of doctor" "$ERR" '^oxg: no plugin can run here as the policy asks: .* is missing'
		ERR=$OUT/stderr-$RUNS
		tells "F065: ($WHO) $1: the sentence of run" "$ERR" "$4"
		check "F065: ($WHO) $1: nothing was executed" test ! -s "$RUN/logs/stdout.log"
		ERR=$WORK/stderr
	else
		is "F065: ($WHO) $1: doctor and run end with 0" "$STATUS $ran" "0 0"
		json "F065: ($WHO) $1: the tier is there" "$WORK/json" '.meets == true and .tier == "namespaces"'
	fi
}

# ---- the machine as it is ------------------------------------------------------------

# Nothing in it is secret to the other identity.
own_trust() {
	ROOT=$WORK/trust
	TRUST=$OUT/trust
	[ -d "$TRUST" ] || cp -r "$ROOT" "$TRUST"
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown -R 65533:65533 "$TRUST"
}

traces() {
	find /sys/fs/cgroup -name 'oxg-doctor*' 2>/dev/null
	cat /proc/self/mounts
	find /tmp -maxdepth 1 ! -name 't-*' ! -path "$WORK" 2>/dev/null | grep -i -e oxg -e doctor
	find "$OUT" "$TRUST"
}

# The proof that doctor does is the one that a run does.
same_proof() {
	run "$TRUST/plugins/lesser" -- call 39
	is "F065: ($WHO) a run asks its jail as many questions" \
		"$(layer jail | grep -o '[0-9]* forbidden things' | cut -d' ' -f1)" "$(jq -r "[.. | .proved? // empty][0]" "$RUN/run.json")"
}

as_it_is() {
	surround
	before=$(traces)
	doctor
	is "F065: ($WHO) this machine is enough" "$STATUS $(cat "$ERR")" "0 "
	is "F065: ($WHO) nothing is left behind" "$(traces)" "$before"
	check "F065: ($WHO) and no process" no_marked "$REAL doctor"
	is "F065: ($WHO) one line of JSON" "$(wc -l <"$WORK/json")" 1
	json "F065: ($WHO) what a program reads" "$WORK/json" '.schema_version == 1 and .tier == "namespaces" and
		.min_tier == "namespaces" and .meets == true and (.layers | length > 15)'
	json "F065: ($WHO) each layer says all of it" "$WORK/json" '.layers | all(
		(.name | test("^[a-z0-9_]+$")) and (.status | IN("present", "partial", "missing")) and
		(.required | type == "boolean") and (.detail | length > 5 and (contains("\n") | not)) and
		((.remedy == "") == (.status == "present")))'
	json "F065: ($WHO) no layer twice" "$WORK/json" '[.layers[].name] | length == (unique | length)'
	for name in clone3 user_namespaces namespaces identity tmpfs pivot_root mount_api close_range openat2 \
		no_new_privs capabilities seccomp seccomp_notify pidfd landlock proc cgroup yama jail; do
		check "F065: ($WHO) $name is looked at" test -n "$(layer "$name")"
	done
	# What others say of this machine.
	is "F065: ($WHO) yama, as the sysctl is there or not" \
		"$(layer yama | cut -d'|' -f1 | sed 's/partial/present/')" \
		"$([ -e /proc/sys/kernel/yama/ptrace_scope ] && echo present || echo missing)"
	same_proof
	as "$REAL" doctor --trust "$TRUST" >"$WORK/text" 2>"$ERR"
	is "F065: ($WHO) the text tells the same layers" \
		"$(awk '$2 == "required" || $2 == "optional" { print $1, $2, $3 }' "$WORK/text")" \
		"$(jq -r '.layers[] | [.status, (if .required then "required" else "optional" end), .name] | join(" ")' "$WORK/json")"
	like "F065: ($WHO) the text tells the tier" "$(cat "$WORK/text")" '^tier +namespaces, for this user'
	[ "$WHO" = user ] || like "F065: (root) and that of ordinary users" "$(cat "$WORK/text")" \
		"for this user \(root\); $(as_user_tier), for an ordinary one"
}

# fastest COMMAND...: microseconds, of ten: others use this machine too.
fastest() {
	least=
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		from=$(date +%s%N)
		"$@" >/dev/null 2>&1
		took=$((($(date +%s%N) - from) / 1000))
		[ -n "$least" ] && [ "$took" -ge "$least" ] || least=$took
	done
	echo "$least"
}

# A slow machine is slow at running a plugin as well.
speed() {
	doctor=$(fastest "$REAL" doctor --trust "$TRUST")
	ran=$(mkdir "$WORK/quick" && cd "$WORK/quick" && fastest "$REAL" run --quiet --trust "$ROOT" "$QUICK" -- true)
	is "F065: what it is compared with are runs" "$(jq -c .ending.exit_status "$WORK/quick"/out/[0-9]*/run.json | uniq -c | xargs)" "10 0"
	check "F065: under 50 ms, or no more than three runs (doctor $doctor us, a run $ran us)" \
		test "$doctor" -lt 50000 -o "$doctor" -le $((3 * ran))
	# Killed at any moment it leaves no process: its children see to it.
	for delay in 1 2 3 4 5 6 7 8; do
		timeout -s KILL "0.00$delay" "$REAL" doctor --trust "$TRUST" >/dev/null 2>&1
	done
	check "F065: killed on its way it leaves no process" wait_for no_marked "$REAL doctor"
}

# ---- the policy ---------------------------------------------------------------------------

policies() {
	surround
	for tier in namespaces chroot landlock; do
		echo "{\"schema_version\": 1, \"isolation\": {\"min_tier\": \"$tier\"}}" >"$WORK/policy.json"
		doctor --policy "$WORK/policy.json"
		is "F065: ($WHO) min_tier $tier is met" "$STATUS $(jq -r '.min_tier + " " + .tier' "$WORK/json")" "0 $tier namespaces"
	done
	doctor --profile strict
	is "F065: ($WHO) the strict profile is met" "$STATUS $(layer landlock | cut -d'|' -f2)" "0 true"
	echo '{"schema_version": 1, "isolation": {"min_tier": "docker"}}' >"$WORK/policy.json"
	doctor --policy "$WORK/policy.json"
	is "F065: ($WHO) a policy that does not parse: 2" "$STATUS $(wc -c <"$WORK/json")" "2 0"
	tells "F065: ($WHO) and says where" "$ERR" 'min_tier'
	mkdir -p "$OUT/open" && chmod 777 "$OUT/open"
	TRUST=$OUT/open doctor
	is "F065: ($WHO) a trust root that anybody writes: 3, and the layers all the same" \
		"$STATUS $(jq -r .tier "$WORK/json")" "3 namespaces"
	tells "F065: ($WHO) and says so" "$ERR" "$OUT/open"
	"$REAL" doctor here >"$WORK/stdout" 2>"$ERR"
	like "F065: ($WHO) it takes no argument" "$? $(cat "$ERR")" '^2 oxg: .*no argument'
	"$REAL" doctor --syscalls --profile strict >"$WORK/stdout" 2>"$ERR"
	like "F065: ($WHO) --syscalls stands alone" "$? $(cat "$ERR")" '^2 oxg: --syscalls is the same'
	"$REAL" doctor --trust "$TRUST" >/dev/full 2>"$ERR"
	is "F065: ($WHO) results that nobody gets: 5" $? 5
}

# ---- lesser surroundings ---------------------------------------------------------------------

kernels() {
	# shellcheck disable=SC2016
	surround unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" "$@"'
	lacks 'no user namespaces left' user_namespaces \
		'max_user_namespaces is 0.*\|sysctl -w user.max_user_namespaces=[0-9]+' 'raise user.max_user_namespaces'
	# What depends on them is not blamed.
	like "F065: ($WHO) and what hangs on them says so" "$(layer tmpfs)" '^missing\|true\|not tried'

	surround "$LESSER" 22 namespaces
	lacks 'a kernel without user namespaces' user_namespaces 'built without them\|.*CONFIG_USER_NS' 'namespaces: Invalid argument'
	surround "$LESSER" 1 namespaces
	lacks 'a module that refuses namespaces' user_namespaces 'filter around oxg.*\|.*seccomp=unconfined' 'namespaces may be switched off'
	surround "$LESSER" 1 clone3,clone,unshare
	lacks 'an older container' clone3 'filter around oxg.*Operation not permitted' 'namespaces: Operation not permitted'
	surround "$LESSER" 38 clone3
	lacks 'an old kernel: clone3' clone3 'filter around oxg.*Function not implemented' 'no clone3'
	surround "$LESSER" 38 close_range
	lacks 'an old kernel: close_range' close_range 'not implemented' 'Function not implemented|died before|the broker cannot'
	surround "$LESSER" 38 pidfd_open
	lacks 'an old kernel: pidfd_open' pidfd 'not implemented' 'calls be heard: Function not implemented'
	surround "$LESSER" 1 mount
	lacks 'no mounts' tmpfs 'Operation not permitted' 'mounts private|mount'
	surround "$LESSER" 1 pivot_root
	lacks 'no pivot_root' pivot_root 'Operation not permitted' "root behind: Operation not permitted"
	surround "$LESSER" 1 seccomp
	lacks 'no filters' seccomp 'Operation not permitted' 'system call filter: Operation not permitted'
	surround "$LESSER" 1 capset
	lacks 'capabilities that cannot be dropped' capabilities 'Operation not permitted' '(capabilities|privileges|rights).*: Operation not permitted|died before|the broker cannot'
	surround "$LESSER" 1 setresuid
	lacks 'no other identity' identity 'Operation not permitted' 'plugin.s user: Operation not permitted|died before|the broker cannot'

	# What a run can do without.
	surround "$LESSER" 38 openat2
	lacks 'an old kernel: openat2' openat2 'not implemented'
	surround "$LESSER" listen
	lacks 'a listener around it' seccomp_notify 'one listener already.*\|run oxg outside'
	surround "$LESSER" 1 unshare
	doctor
	is "F065: ($WHO) who forbids unshare alone takes nothing away" \
		"$STATUS $(layer user_namespaces | cut -d'|' -f1)" "0 present"
	for call in open_tree mount_setattr; do
		surround "$LESSER" 1 "$call"
		lacks "a container without $call" mount_api 'Operation not permitted'
		run --runtime system "$TRUST/plugins/scripted" -- call 39
		is "F065: ($WHO) $call is needed with a runtime: 4" "$STATUS" 4
	done

	surround "$LESSER" kill clone3
	doctor
	is "F065: ($WHO) a deadly call is survived" "$STATUS $(jq -r .tier "$WORK/json")" "4 none"
	like "F065: ($WHO) and told" "$(layer clone3)" '^missing\|true\|.*deadly'
}

# The best that is left without namespaces.
weaker() {
	[ "$WHO" = user ] && echo landlock || echo chroot
}

# What an ordinary user has here, asked by itself.
as_user_tier() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$REAL" doctor --json 2>/dev/null | jq -r .tier
}

# A weaker jail, where the policy takes one: what a run would build is built.
tiers() {
	surround "$LESSER" 38 clone3
	for tier in namespaces chroot landlock; do
		echo "{\"schema_version\": 1, \"isolation\": {\"min_tier\": \"$tier\"}}" >"$WORK/policy.json"
		doctor --policy "$WORK/policy.json"
		judged="$STATUS $(jq -r '.tier + " " + (.meets | tostring)' "$WORK/json")"
		run --min-tier $tier "$TRUST/plugins/lesser" -- call 39
		case $tier-$WHO in
		namespaces-* | chroot-user) due="4 $(weaker) false" ran=4 ;;
		*) due="0 $(weaker) true" ran="0 $(weaker)" ;;
		esac
		[ "$STATUS" -ne 0 ] || STATUS="0 $(jq -r .isolation.tier "$RUN/run.json")"
		is "F065: ($WHO) without namespaces, $tier asked: doctor" "$judged" "$due"
		is "F065: ($WHO) without namespaces, $tier asked: and a run" \
			"$STATUS" "$ran"
	done
	# A clone that made nobody: in a mount namespace, should somebody believe it.
	surround "$LESSER" lie clone3
	[ "$WHO" = user ] || surround unshare -m "$LESSER" lie clone3
	doctor
	is "F065: ($WHO) a clone3 that lies is seen through" "$STATUS $(jq -r .tier "$WORK/json")" "4 $(weaker)"
	run "$TRUST/plugins/lesser" -- call 39
	is "F065: ($WHO) by a run as well" "$STATUS $(test -s "$RUN/logs/stdout.log" && echo executed)" "4 "
	surround "$LESSER" 1 seccomp
	doctor --policy "$WORK/policy.json"
	is "F065: ($WHO) without filters there is no tier" "$STATUS $(jq -r .tier "$WORK/json")" "4 none"
	surround "$LESSER" 38 clone3,landlock
	doctor --policy "$WORK/policy.json"
	[ "$WHO" = user ] && due="4 none" || due="0 chroot"
	is "F065: ($WHO) nor Landlock" "$STATUS $(jq -r .tier "$WORK/json")" "$due"
	check "F044: ($WHO) nothing of its trials is left" test -z "$(find /tmp -maxdepth 1 -name 'oxg-doctor-*')"
}

# Whatever is taken away: doctor and run come to the same judgement.
agreed() {
	for answer in 1 38; do
		for call in mount pivot_root open_tree mount_setattr unshare clone openat2 landlock capset setresuid \
			pidfd_open close_range seccomp clone3; do
			surround "$LESSER" "$answer" "$call"
			doctor
			judged=$STATUS
			run --quiet "$TRUST/plugins/lesser" -- call 39
			[ "$judged $STATUS" = "0 0" ] || [ "$judged $STATUS" = "4 4" ] ||
				echo "errno $answer for $call: doctor $judged, run $STATUS"
		done
	done >"$WORK/disagreed"
	is "F065: ($WHO) doctor and run never disagree" "$(cat "$WORK/disagreed")" ""
}

second_wall() {
	surround "$LESSER" 38 landlock
	lacks 'an old kernel: Landlock' landlock 'not implemented'
	json "F065: ($WHO) the run says that there was none" "$RUN/run.json" '[.. | .landlock_abi? // empty] == [0]'
	doctor --profile strict
	is "F065: ($WHO) the strict profile insists on it: doctor 4" "$STATUS $(jq -r .meets "$WORK/json")" "4 false"
	tells "F065: ($WHO) and says which" "$ERR" 'landlock is missing'
	run --profile strict "$TRUST/plugins/lesser" -- call 39
	is "F065: ($WHO) and run: 4" "$STATUS" 4
	like "F065: ($WHO) with the reason" "$(cat "$OUT/stderr-$RUNS")" 'strict profile wants Landlock'
	surround "$LESSER" 95 landlock
	lacks 'Landlock switched off' landlock 'switched off\|.*lsm='
}

# What only root can arrange; oxg itself is the ordinary user, or in the chroot.
arranged() {
	# shellcheck disable=SC2016
	ordinary='exec setpriv --reuid=65533 --regid=65533 --clear-groups "$0" "$@"'
	become root
	own_trust
	# shellcheck disable=SC2016
	for sysctl in unprivileged_userns_clone:0 apparmor_restrict_unprivileged_userns:1; do
		surround unshare -m sh -c 'sysctl=$0 && mount -t tmpfs x /proc/sys/kernel &&
			echo ${sysctl#*:} >/proc/sys/kernel/${sysctl%:*} && exec "$@"' "$sysctl" \
			setpriv --reuid=65533 --regid=65533 --clear-groups "$LESSER" 1 namespaces
		doctor
		is "F065: kernel.$sysctl: 4" "$STATUS" 4
		like "F065: kernel.$sysctl is named" "$(layer user_namespaces)" \
			"^missing\|true\|.*kernel.${sysctl%:*} is ${sysctl#*:}.*\|sysctl -w kernel.${sysctl%:*}=$((1 - ${sysctl#*:}))"
	done
	surround unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc && '"$ordinary"
	become user
	own_trust
	WHO=root # the wrapper changes who it is
	doctor
	is "F065: hidden processes: 4" "$STATUS" 4
	like "F065: hidden processes are told" "$(layer proc)" '^missing\|true\|.*hidepid.*\|.*hidepid'
	become root
	own_trust
	mkdir -p "$WORK/room/proc" "$WORK/room/dev"
	: >"$WORK/room/dev/null"
	cp "$REAL" "$WORK/room/oxg"
	# A sanitizer's build is no static program.
	if ! chroot "$WORK/room" /oxg version >/dev/null 2>&1; then
		skip "in a chroot: this oxg needs files that are not in there"
		return
	fi
	surround unshare -m sh -c "mount --rbind /proc $WORK/room/proc && exec chroot $WORK/room /oxg \"\$@\""
	as "$OXG" doctor --json >"$WORK/json" 2>"$ERR"
	is "F065: in a chroot: 4" $? 4
	like "F065: in a chroot: the kernel gives no namespaces" "$(layer user_namespaces)" '^missing\|true\|.*chroot.*\|.*outside the chroot'
	surround chroot "$WORK/room" /oxg
	chroot "$WORK/room" /oxg doctor --json >"$WORK/json" 2>"$ERR"
	is "F065: without /proc it still answers: 4" "$? $(jq -r .tier "$WORK/json")" "4 none"
}

# ---- what the filters say, and what the kernel does -----------------------------------------------

# numbers PROFILE DECISION: of the table.
numbers() {
	jq -r --arg p "$1" --arg d "$2" '.calls[] | select(.[$p].decision == $d) | .nr' "$WORK/calls"
}

# compare PROFILE PLUGIN OPTION...: every refused call is made in a jail.
compare() {
	profile=$1 deed=$2
	shift 2
	# shellcheck disable=SC2046
	run "$@" "$deed" -- call $(numbers "$profile" refused)
	is "F057: ($profile) the calls are made" "$STATUS" 0
	is "F057: ($profile) what is told refused, the kernel refuses, with that errno" \
		"$(cat "$RUN/logs/stdout.log")" \
		"$(jq -r --arg p "$profile" '.calls[] | select(.[$p].decision == "refused") |
			"\(.nr) \(if .[$p].errno == "EPERM" then 1 elif .[$p].errno == "ENOSYS" then 38 else "?" end)"' "$WORK/calls")"
	# Harmless with what it is given; the error is that of the call itself: a bad
	# descriptor, a bad address, or none.
	run "$@" "$deed" -- call 0:-1 1:-1 3:-1 5:-1:0 8:-1 19:-1 20:-1 24 32:-1 39 79:0:0 80:0 96:0 102 104 217:-1 228:-1 257:-1:0 318:0:0
	while read -r call error; do
		told=$(jq -r --arg p "$profile" --argjson n "${call%%:*}" '.calls[] | select(.nr == $n) | .[$p].decision' "$WORK/calls")
		case $told:$error in
		allowed:1 | allowed:38) echo "$call is told allowed and answered $error" ;;
		refused:1) ;;
		allowed:*) echo good ;;
		*) echo "$call is told $told and answered $error" ;;
		esac
	done <"$RUN/logs/stdout.log" | sort | uniq -c | sed 's/^ *//' >"$WORK/good"
	like "F057: ($profile) what is told allowed, the kernel allows" "$(cat "$WORK/good")" '^1[0-9] good$'
	is "F057: ($profile) all of it" "$(wc -l <"$WORK/good")" 1
	conditions "$profile" "$deed" "$@"
}

# One argument that is told allowed and one that is not, by hand from what the calls
# mean: TCGETS and TIOCSTI, F_GETFD and F_SETOWN, a private page and a shared one,
# MADV_DONTNEED and MADV_HWPOISON, reading a limit and setting one, PR_GET_DUMPABLE
# and PR_SET_DUMPABLE, a namespace.
conditions() {
	profile=$1 deed=$2
	shift 2
	jq -r --arg p "$profile" '.calls[] | select(.[$p].decision == "conditional") |
		"\(.name): \(.[$p].allowed_if)"' "$WORK/calls" >"$WORK/conditions"
	run "$@" "$deed" -- call 16:-1:0x5401 16:-1:0x5412 72:-1:1 72:-1:8 9:0:4096:3:0x22:-1:0 9:0:4096:3:0x21:-1:0 \
		28:0:4096:4 28:0:4096:100 302:0:7:0:0 302:0:7:1:0 157:3 157:4:1 56:0x10000000
	is "F057: ($profile) conditions, as the kernel sees them" "$(cut -d' ' -f2 "$RUN/logs/stdout.log" | tr '\n' ' ')" \
		"9 1 9 1 0 1 12 1 0 1 0 1 1 "
	for line in 'ioctl: arg1 = .*0x5401' 'fcntl: arg1 = .*0x1, 0$' 'madvise: arg2 = .*0x4,' 'prctl: arg0 = .*0x3,' \
		'prlimit64: .*arg2 = 0' 'clone: arg0 & 0x7e[0-9a-f]*80 = 0' 'mmap: arg3 & 0x4002[01] = '; do
		like "F057: ($profile) and the table tells them: $line" "$(cat "$WORK/conditions")" "^$line"
	done
	check "F057: ($profile) but no TIOCSTI, no F_SETOWN" not grep -Eq '^ioctl:.*0x5412|^fcntl:.*0x8[,$]' "$WORK/conditions"
}

filters() {
	surround
	become "${IDENTITIES%% *}"
	own_trust
	"$REAL" doctor --syscalls --json >"$WORK/calls"
	json "F057: the table for programs" "$WORK/calls" '.schema_version == 1 and (.calls | length > 300) and
		(.others | length == 3) and (.calls | all(.static.decision | IN("allowed", "conditional", "refused", "killed")))'
	is "F057: the names are those of the kernel's list" \
		"$(jq -r '.calls[] | select(.name | IN("read", "socket", "clone3", "ptrace", "execve")) | "\(.nr) \(.name)"' "$WORK/calls" | tr '\n' ' ')" \
		"0 read 41 socket 59 execve 101 ptrace 435 clone3 "
	json "F057: nothing is allowed to a static program that a runtime may not" "$WORK/calls" \
		'[.calls[] | select(.static.decision == "allowed" and .runtime.decision != "allowed")] == []'
	json "F057: and in the tier landlock no more than elsewhere, before its ABI 6 no more than after" "$WORK/calls" \
		'def rank: {allowed: 2, conditional: 1}[.decision] // 0;
		[.calls[] | select((.landlock | rank) > (.static | rank) or (.landlock_old | rank) > (.landlock | rank))] == []'
	compare static "$TRUST/plugins/lesser"
	compare runtime "$TRUST/plugins/scripted" --runtime system
	json "F057: x32 is told killed" "$WORK/calls" \
		'[.others[] | select(.name | test("x32|32 bits")) | .static.decision, .runtime.decision] == ["killed", "killed", "killed", "killed"]'
	run "$TRUST/plugins/lesser" -- call 0x40000027
	check "F057: and it is: nothing comes back from it" test ! -s "$RUN/logs/stdout.log"
	is "F057: and the whole run with it" "$STATUS $(reason)" "123 killed"
	"$REAL" doctor --syscalls >"$WORK/text"
	is "F057: the text tells the same calls" "$(awk '/^$/ { exit } $1 ~ /^[0-9]+$/ { print $1, $2 }' "$WORK/text")" \
		"$(jq -r '.calls[] | "\(.nr) \(.name)"' "$WORK/calls")"
	is "F057: and as many conditions" "$(sed '1,/allowed if:/d' "$WORK/text" | wc -l)" \
		"$(jq '[.calls[] | .static as $s | .static, .runtime, ((.landlock, .landlock_old, .chroot) | select(. != $s)) |
			select(.decision == "conditional")] | length' "$WORK/calls")"
}

for who in $IDENTITIES; do
	become "$who"
	own_trust
	as_it_is
	policies
	kernels
	tiers
	agreed
	second_wall
	TRUST=$ROOT
done
TRUST=$WORK/trust
own_trust
surround
speed
TRUST=$WORK/trust
if [ "$CALLER" -eq 0 ]; then
	arranged
else
	skip "sysctls, hidepid and chroot: only root can arrange them"
fi
TRUST=$WORK/trust
filters
finish
