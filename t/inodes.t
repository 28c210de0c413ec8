#!/bin/sh
# What a plugin and its host have in common: four device nodes, and no other inode.
# Everything that can be seen in the jail is held against the host, by device and
# number; and locks, which belong to inodes, are tried across the wall both ways.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin probe "$PROBE"
LOOK=$PLUGIN
plugin locker "$PROBE" '.runtime = "system"'
LOCK=$PLUGIN
mkdir -p "$WORK/input/sub"
echo data >"$WORK/input/sub/file"
echo '{}' >"$WORK/task.json"
[ "$CALLER" -ne 0 ] || chown -R 65533:65533 "$WORK/input" "$WORK/task.json"

# Numbers as the kernel has them to MAJOR:MINOR:INODE, as the probe prints them.
split_device() {
	awk '{
		printf "%d:%d", int($1 / 256) % 4096, $1 % 256 + int($1 / 1048576) * 256
		$1 = ""
		sub(/^ /, ":")
		print
	}'
}

# host_inodes PLACE...: all that is there and below, on one file system each.
host_inodes() {
	for place in "$@"; do
		find "$place" -xdev -printf '%D %i\n' 2>/dev/null
	done | split_device | sort -u
}

# Where the host has mounted a file system that the jail's walk names as well: two
# inodes are the same only on the same device.
places_in_common() {
	awk '{ split($5, d, ":"); print d[1] ":" d[2] }' "$1" | sort -u >"$WORK/devices"
	awk '{ print $5 }' /proc/self/mountinfo | sort -u | while read -r place; do
		place=$(printf '%b' "$place")
		device=$(stat -c %d "$place" 2>/dev/null | split_device)
		! grep -qxF "$device" "$WORK/devices" || echo "$place"
	done
}

# in_common WALK HOST: paths in the jail whose inode the host has, too.
in_common() {
	awk 'NR == FNR { host[$1]; next } $5 in host { print $1 }' "$2" "$1" | sort | tr '\n' ' '
}

inodes() {
	run --task "$WORK/task.json" --input "$WORK/input" "$LOOK" -- walk /
	is "F030: ($WHO) the probe walks" "$STATUS" 0
	walk=$RUN/logs/stdout.log
	check "F030: ($WHO) and sees task and input" \
		test "$(grep -cE '^/workspace/(task.json|input/sub/file) f ' "$walk")" = 2
	places_in_common "$walk" >"$WORK/places"
	# shellcheck disable=SC2046 # mount points with blanks in them have none of the jail's devices
	host_inodes $(cat "$WORK/places") "$TRUST" "$WORK/input" "$WORK/task.json" "$BUILD/plugins" >"$WORK/host"
	is "F030: ($WHO) of all that a static plugin sees, the host has four device nodes" \
		"$(in_common "$walk" "$WORK/host")" '/dev/full /dev/null /dev/urandom /dev/zero '
	is "F030: ($WHO) which are what they are called" \
		"$(awk '$2 == "c" { print $1 }' "$walk" | sort | tr '\n' ' ')" '/dev/full /dev/null /dev/urandom /dev/zero '

	# The same comparison finds what is shared on purpose.
	run --input-bind "$WORK/input" "$LOOK" -- walk /workspace/input
	host_inodes "$WORK/input" >"$WORK/host"
	is "F022: ($WHO) a live input is the host's" "$(in_common "$RUN/logs/stdout.log" "$WORK/host")" \
		'/workspace/input /workspace/input/sub /workspace/input/sub/file '
}

# answers FILE: which answers there are, each once.
answers() {
	grep -o 'flock=.*' "$1" | sort -u
}

free='flock=DONE fcntl=DONE'
taken='flock=EAGAIN fcntl=EAGAIN'
OURS=
hold_outside() {
	"$PROBE" hold "$TRUST/plugins/locker/locker" "$WORK/task.json" "$WORK/input/sub/file" >"$WORK/held" &
	OURS=$!
	wait_for grep -q ready "$WORK/held"
}

let_go() {
	kill "$OURS"
	wait "$OURS" 2>/dev/null
}

lock_outside() {
	"$PROBE" lock "$TRUST/plugins/locker/locker" "$WORK/task.json" "$WORK/input/sub/file" >"$WORK/tried"
}

locks() {
	inside='/bin/locker /workspace/task.json /workspace/input/sub/file'
	# Both kinds do hold where the inode is the same.
	hold_outside
	is "F030: ($WHO) three files are locked outside" "$(answers "$WORK/held") $(grep -c flock= "$WORK/held")" "$free 3"
	lock_outside
	is "F195: ($WHO) and who asks for them outside gets none" "$(answers "$WORK/tried")" "$taken"
	# shellcheck disable=SC2086
	run --runtime system --task "$WORK/task.json" --input "$WORK/input" "$LOCK" -- lock $inside
	is "F030: ($WHO) in the jail the same three are free" \
		"$(answers "$RUN/logs/stdout.log") $(grep -c flock= "$RUN/logs/stdout.log")" "$free 3"
	run --task "$WORK/task.json" --input "$WORK/input" "$LOOK" -- lock /
	check "F030: ($WHO) a static plugin asks for every file" \
		test "$(grep -c flock= "$RUN/logs/stdout.log")" -ge 12
	is "F030: ($WHO) and is given no lock at all" "$(answers "$RUN/logs/stdout.log")" 'flock=EPERM fcntl=EPERM'
	let_go

	# shellcheck disable=SC2086
	start --runtime system --task "$WORK/task.json" --input "$WORK/input" "$LOCK" -- hold $inside
	check "F030: ($WHO) the plugin holds its three" wait_for said_ready
	is "F030: ($WHO) all of them" "$(said | grep -c "$free")" 3
	lock_outside
	is "F030: ($WHO) and outside they are free" \
		"$(answers "$WORK/tried") $(grep -c flock= "$WORK/tried")" "$free 3"
	kill -TERM "$PID"
	wait "$PID" 2>/dev/null
}

for who in $IDENTITIES; do
	become "$who"
	inodes
	locks
done
finish
