#!/bin/sh
# The jail from the inside (a plugin that looks around and tries what it must
# not) and from the outside (what the kernel says of its processes).
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin probe "$PROBE"
LOOK=$PLUGIN
plugin hostile "$HOSTILE"
HOST=$PLUGIN

value() {
	sed -n "s#^$1=##p" "$RUN/logs/stdout.log"
}

# Everything that can stand in the tree, and nothing else.
tree_expected() {
	sed 's/$/ /' <<-TREE
	/ d
	/bin d
	/bin/probe f
	/dev d
	/dev/full c
	/dev/null c
	/dev/urandom c
	/dev/zero c
	/home d
	/home/plugin d
	/tmp d
	/workspace d
	TREE
}

# Devices of all filesystems that this host has mounted.
host_devices() {
	awk '{ print $3 }' /proc/self/mountinfo | sort -u
}

environment_expected() {
	{
		printf '%s\n' HOME=/home/plugin LANG=C.UTF-8 PATH=/bin TEMP=/tmp TMP=/tmp TMPDIR=/tmp
		for prefix in OXG OXGEN 0XGEN; do
			printf '%s\n' "${prefix}_BROKER_IN=3" "${prefix}_BROKER_OUT=4" \
				"${prefix}_CAPABILITY_TOKEN" "${prefix}_WORKSPACE=/workspace" \
				"${prefix}_RUN_ID=$(jq -r .run_id "$RUN/run.json")" \
				"${prefix}_TASK_ID=$(jq -r .task_id "$RUN/run.json")"
		done
	} | sort
}

identity() {
	run "$LOOK" -- id
	is "F034: ($WHO) the probe runs" "$STATUS" 0
	check "F065: ($WHO) in a jail proved by all of its questions" proved namespaces
	is "F034: ($WHO) uid 65534" "$(value uid)" "65534 65534 65534"
	is "F034: ($WHO) gid 65534" "$(value gid)" "65534 65534 65534"
	is "F060: ($WHO) nothing was gained by execve" "$(value secure)" 0
	is "F059: ($WHO) empty bounding set" "$(value bounding)" 0
	is "F058: ($WHO) no_new_privs" "$(value no_new_privs)" 1
	is "F057: ($WHO) a filter is loaded" "$(value seccomp)" 2
	bits=$(value securebits)
	is "F059: ($WHO) securebits are set and locked" $((0x${bits:-0} & 0xef)) $((0xef))
	is "F064: ($WHO) no terminal" "$(value terminal)" none
	is "F064: ($WHO) no signal masked" "$(value masked)" 0
	is "F064: ($WHO) no signal handled or ignored" "$(value handled)" 0
	is "F031: ($WHO) starts in /workspace" "$(value cwd)" /workspace
	check "F055: ($WHO) does not learn the host's name" test "$(value host)" != "$(uname -n)"
	# 1 is the one limit that holds also where cores go to a program: core(5).
	is "F084: ($WHO) no core, neither to a file nor to a program" "$(value limit.core)" "1 1"
	is "F084: ($WHO) 256 descriptors" "$(value limit.nofile)" "256 256"
	is "F084: ($WHO) files of 64 MiB" "$(value limit.fsize)" "67108864 67108864"
	is "F075: ($WHO) CPU in ticks: 60 and an eighth and one, hard one more" "$(value limit.cpu)" "68 69"
	for limit in memlock msgqueue nice rtprio; do
		is "F084: ($WHO) nothing of $limit" "$(value limit.$limit)" "0 0"
	done
}

surroundings() {
	run "$LOOK" -- env
	is "F132: ($WHO) exactly the environment of the contract" \
		"$(cat "$RUN/logs/stdout.log")" "$(environment_expected)"
	check "F133: ($WHO) the token is on no command line and in no log" \
		not grep -rqE 'eyJ[A-Za-z0-9_-]{40}' "$RUN"

	run "$LOOK" -- fds 7</etc/hostname 8</ 9>>"$OUT/leak"
	is "F064: ($WHO) exactly descriptors 0 to 4" "$(cat "$RUN/logs/stdout.log")" \
		"$(printf '%s\n' '0=char r' '1=fifo w' '2=fifo w' '3=fifo r' '4=fifo w')"

	run "$LOOK" -- walk /
	walk=$(sort "$RUN/logs/stdout.log")
	is "F031: ($WHO) exactly the layout of the contract" \
		"$(echo "$walk" | awk '{ print $1, $2, "" }')" "$(tree_expected)"
	is "F030: ($WHO) no filesystem of the host, the device nodes aside" \
		"$(echo "$walk" | awk '$2 != "c" { split($5, d, ":"); print d[1] ":" d[2] }' |
			sort -u | grep -Fxf - "$WORK/devices")" ""
	is "F037: ($WHO) others may write nowhere but in three directories" \
		"$(echo "$walk" | awk '$2 == "d" && $3 ~ /[2367]$/ { print $1 }' |
			grep -vxE '/(tmp|workspace|home/plugin)')" ""
	is "F060: ($WHO) nothing is setuid or setgid" \
		"$(echo "$walk" | awk '$3 ~ /^[2-7]/ && $1 != "/tmp" { print $1 }')" ""

	run "$LOOK" -- write
	for where in /workspace /tmp /home/plugin; do
		is "F038: ($WHO) $where is writable" "$(value $where)" writable
	done
	is "F039: ($WHO) of all places, writable are" \
		"$(sed -n 's/=writable$//p' "$RUN/logs/stdout.log" | sort | tr '\n' ' ')" \
		'/home/plugin /tmp /workspace '
	for where in / /bin /home /dev; do
		like "F037: ($WHO) $where is not" "$(value $where)" '^(Read-only file system|Permission denied)$'
	done
}

# Every attempt ends in one of the refusals; none gets as far as the kernel's
# opinion of its arguments.
attempts() {
	run "$LOOK" -- try
	is "F198: ($WHO) the attempts are made to the end" "$STATUS" 0
	check "F198: ($WHO) at least sixty of them" \
		test "$(grep -c = "$RUN/logs/stdout.log")" -ge 60
	is "F198: ($WHO) each is refused" \
		"$(grep -Ev '^dumpable=|=(EPERM|EACCES|ENOENT|ENOSYS|EROFS)$' "$RUN/logs/stdout.log")" ""
	is "F035: ($WHO) /etc/passwd does not exist" "$(value open-passwd)" ENOENT
	is "F032: ($WHO) no way leads above the root" \
		"$(value open-dotdot) $(value open-relative) $(value open-proc-root)" "ENOENT ENOENT ENOENT"
	is "F032: ($WHO) nor is there another root to go to" \
		"$(value chroot) $(value pivot-root) $(value setns)" "EPERM EPERM EPERM"
	is "F043: ($WHO) no socket of Docker's, no device of the host's, no mount to be had" \
		"$(value open-docker) $(value open-mem) $(value open-kmsg) $(value mount) $(value open-tree)" \
		"ENOENT ENOENT ENOENT EPERM EPERM"
	is "F057: ($WHO) clone3 is unknown" "$(value clone3)" ENOSYS
	for where in workspace tmp home; do
		is "F063: ($WHO) nothing written to $where is executable" "$(value exec-$where)" EACCES
	done
	is "F100: ($WHO) no socket" "$(value socket-inet) $(value socket-unix)" "EPERM EPERM"

	if [ "$(uname -m)" = x86_64 ]; then
		run "$LOOK" -- abi
		# A kernel without that ABI has its own answer, also outside.
		due='signal 31'
		"$PROBE" abi | grep -qx 'i386=signal 11' && due='signal 11'
		is "F057: ($WHO) an i386 call is killed" "$(value i386)" "$due"
		is "F057: ($WHO) an x32 call is killed" "$(value x32)" "signal 31"
	fi
}

given() {
	mkdir -p "$WORK/input/sub"
	echo data >"$WORK/input/sub/file"
	ln -sf /etc/passwd "$WORK/input/link"
	echo '{"task_id":"t-1"}' >"$WORK/task.json"
	run --input "$WORK/input" --task "$WORK/task.json" "$LOOK" -- walk /workspace
	walk=$(cat "$RUN/logs/stdout.log")
	like "F131: ($WHO) the task is there, read-only" "$walk" '^/workspace/task.json f 0[45]44 '
	like "F020: ($WHO) the input is there, read-only" "$walk" '^/workspace/input/sub/file f 0[45]44 '
	check "F020: ($WHO) links of the input stay outside" not grep -q /workspace/input/link "$RUN/logs/stdout.log"
	is "F030: ($WHO) the input is a copy" \
		"$(echo "$walk" | awk '{ split($5, d, ":"); print d[1] ":" d[2] }' |
			sort -u | grep -Fxf - "$WORK/devices")" ""
	run --input "$WORK/input" "$HOST" -- fill /workspace/input 1
	like "F037: ($WHO) the input cannot be written" "$(cat "$RUN/logs/stdout.log")" '^filled=0 '
	is "F020: ($WHO) and is what it was" "$(cat "$WORK/input/sub/file")" data
}

status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# The kernel's view of a run that is under way. A pid's last NSpid is its number
# in its own namespace: 1 is our init, 2 and more the plugin, one column only
# the supervisor, the watch and the broker.
from_outside() {
	mark=mark-$$-$WHO
	start "$HOST" -- ready "$mark"
	if ! wait_for said_ready; then
		check "F053: ($WHO) a run to look at" false
		kill -KILL "$PID"
		wait "$PID" 2>/dev/null
		return
	fi
	init='' inmate='' broker=$(broker_of "$PID")
	for p in $(marked "$mark"); do
		# shellcheck disable=SC2046
		set -- $(status_of "$p" NSpid)
		case $# in
		0 | 1) ;;
		*)
			for last; do :; done
			if [ "$last" -eq 1 ]; then init=$p; else inmate=$p; fi
			;;
		esac
	done
	check "F053: ($WHO) supervisor, watch, broker, init and plugin are five processes" \
		test -n "$init" -a -n "$inmate" -a -n "$broker" -a "$(status_of "$broker" PPid)" = "$(watch_of "$PID")"
	if [ -n "$inmate" ] && readlink "/proc/$inmate/ns/net" >/dev/null; then
		for ns in user mnt pid net ipc uts cgroup; do
			check "F055: ($WHO) a $ns namespace of its own" test \
				"$(readlink "/proc/$inmate/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")"
		done
		is "F056: ($WHO) no network but loopback, and that is down" \
			"$(awk -F: 'NR > 2 { gsub(/ /, "", $1); print $1 }' "/proc/$inmate/net/dev" | grep -vx lo)" ""
	fi
	for p in ${inmate:+"$inmate"} ${init:+"$init"} ${broker:+"$broker"}; do
		case $p in
		"$inmate") name=plugin ;;
		"$init") name=init ;;
		*) name=broker ;;
		esac
		# Who holds no capability cannot empty the bounding set either; with
		# no_new_privs nothing comes out of it.
		sets='Inh Prm Eff Bnd Amb'
		[ "$name:$WHO" != broker:user ] || sets='Inh Prm Eff Amb'
		for set in $sets; do
			is "F059: ($WHO) the $name: no capability in Cap$set" \
				"$(status_of "$p" "Cap$set")" 0000000000000000
		done
		is "F034: ($WHO) the $name has one uid, four times" \
			"$(status_of "$p" Uid | tr -s '\t' '\n' | sort -u | wc -l)" 1
		if [ "$WHO" = root ]; then
			is "F034: ($WHO) the $name is in no group" "$(status_of "$p" Groups | tr -d ' ')" ""
		fi
		is "F058: ($WHO) the $name has no_new_privs" "$(status_of "$p" NoNewPrivs)" 1
		check "F034: ($WHO) the $name is not root" \
			not grep -Eq '^Uid:.*[[:space:]]0([[:space:]]|$)' "/proc/$p/status"
	done
	if [ -n "$inmate" ]; then
		is "F057: ($WHO) the plugin has a filter" "$(status_of "$inmate" Seccomp)" 2
		is "F084: ($WHO) the host's memory short, the plugin goes first" \
			"$(cat "/proc/$inmate/oom_score_adj")" 1000
		is "F064: ($WHO) the plugin's umask is 077" "$(status_of "$inmate" Umask)" 0077
		# Fields 6 and 7 of stat: session and terminal.
		is "F064: ($WHO) the plugin leads a session of its own, without a terminal" \
			"$(sed 's/.*) //' "/proc/$inmate/stat" | cut -d' ' -f4,5)" "$inmate 0"
	fi
	kill -TERM "$PID"
	wait "$PID"
	is "F099: ($WHO) the run is stopped" "$?" 123
}

# What a runtime brings in is the host's, and stays what it is. A file beside the
# plugin that its manifest does not pin stays outside.
borrowed() {
	cat >"$WORK/borrower" <<-'END'
	#!/bin/sh
	for path in /usr/bin/env /usr/lib /usr /bin /lib /etc; do
		if [ -d "$path" ]; then to=$path/oxg-was-here; else to=$path; fi
		(: >>"$to") 2>/dev/null && echo "wrote $to"
	done
	for tool in sudo su mount; do
		path=$(command -v $tool) || continue
		"$path" -V >/dev/null 2>&1
		[ "$(stat -c %u /proc/self 2>/dev/null || echo 65534)" = 65534 ] || echo "$tool changed us"
	done
	ls /bin | grep -x unlisted
	find /run /var /root /home -mindepth 1 ! -path /home/plugin 2>/dev/null
	(: </dev/tcp/127.0.0.1/1) 2>/dev/null && echo connected
	echo done
	END
	plugin borrower "$WORK/borrower" '.runtime = "system"'
	echo 'not listed' >"$PLUGIN/unlisted"
	run --runtime system "$PLUGIN"
	is "F036: ($WHO) a runtime's programs cannot be changed; F024: nothing else is there" \
		"$(cat "$RUN/logs/stdout.log")" 'done'
}

bare() {
	cp "$PROBE" "$WORK/lonely"
	run --allow-unsigned "$WORK/lonely" -- walk /bin
	is "F033: ($WHO) a bare executable is /bin/plugin, alone" \
		"$(cut -d' ' -f1,2 "$RUN/logs/stdout.log")" "$(printf '%s\n' '/bin d' '/bin/plugin f')"
}

# The same attempts succeed outside: the tests above can fail.
check "F195: outside the jail /etc/passwd is read" "$PROBE" passwd
is "F198: outside the jail the attempts succeed" \
	"$("$PROBE" try open-passwd socket-inet socket-unix)" \
	"$(printf '%s\n' open-passwd=DONE socket-inet=DONE socket-unix=DONE)"
is "F063: outside the jail a copy is executed" \
	"$("$PROBE" try exec-copy "$WORK/copy" | tail -n 1)" "exec-copy=DONE"

host_devices >"$WORK/devices"
for who in $IDENTITIES; do
	become "$who"
	identity
	surroundings
	attempts
	given
	from_outside
	borrowed
	bare
done
finish
