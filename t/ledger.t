#!/bin/sh
# The ledger: what the kernel refused, as the kernel tells it, with what was asked
# for; exact counts whatever the plugin does; and never anything but a refusal.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

KNOCKER=$BUILD/plugins/knocker

trust_root
plugin knocker "$KNOCKER"
DEED=$PLUGIN

lines() {
	jq -c "$1" "$RUN/ledger.jsonl"
}

# One call: what stands in its line.
told() { # ROW WHAT DEED EXPECTED
	run "$DEED" -- "$3"
	is "$1: ($WHO) $2: refused with EPERM" "$(cat "$RUN/logs/stdout.log")" "EPERM"
	is "$1: ($WHO) $2: and told" "$(lines '[.call, .args]')" "$4"
}

each() {
	told F110 "a socket" socket '["socket",{"domain":"AF_INET","type":"SOCK_STREAM","protocol":6}]'
	told F110 "a raw socket" packet '["socket",{"domain":"AF_PACKET","type":"SOCK_RAW","protocol":768}]'
	told F110 "an address and a port" connect '["connect",{"address":"192.0.2.7:4444"}]'
	told F110 "an address of version 6" connect6 '["connect",{"address":"[2001:db8::1]:443"}]'
	told F110 "a socket's path" connect-unix '["connect",{"address":"/var/run/docker.sock"}]'
	told F110 "an abstract socket" connect-abstract '["connect",{"address":"@hidden"}]'
	told F110 "half an address" connect-half '["connect",{"address":"unreadable"}]'
	told F110 "an address that is nowhere" connect-wild '["connect",{"address":"unreadable"}]'
	told F052 "a mount" mount '["mount",{"path":"/tmp","flags":"0x1000"}]'
	told F052 "a device" mknod '["mknod",{"path":"/tmp/disk","mode":"060600","device":"0x801"}]'
	told F052 "a root" chroot '["chroot",{"path":"/workspace"}]'
	told F052 "namespaces" unshare '["unshare",{"flags":"CLONE_NEWNS|CLONE_NEWUSER"}]'
	told F052 "a debugger" ptrace '["ptrace",{"request":16,"pid":1}]'
	told F052 "an identity" setuid '["setresuid",{"uid":0,"euid":0,"suid":-1}]'
	told F052 "a key on the terminal" terminal '["ioctl",{"fd":0,"request":"0x5412"}]'
	told F052 "the same behind 32 bits" terminal-high '["ioctl",{"fd":0,"request":"0x5412"}]'
	told F052 "a path that ends at the edge of memory" edge '["chroot",{"path":"/edge"}]'
	told F052 "a path that is nowhere" wild '["chroot",{"path":""}]'
}

# What a plugin writes into its arguments is text, whatever it looks like.
hostile() {
	run "$DEED" -- evil
	is "F159: ($WHO) one line for each, whatever is in it" \
		"$(wc -l <"$RUN/ledger.jsonl") $(jq -s length "$RUN/ledger.jsonl")" "4 4"
	is "F159: ($WHO) what it looks like is what it is" "$(lines .args.path | head -n 2)" \
		"$(printf '%s\n' '"\",\"call\":\"forged\"}\n{\"x\":\""' '"</script><b>\u001b[31m"')"
	is "F159: ($WHO) a path of 4096 bytes is cut" "$(lines '.args.path | length' | sed -n 3p)" 512
	is "F159: ($WHO) bytes that are no text are shown as such" \
		"$(lines '.args.path' | sed -n 4p)" "$(printf '"%s%s"' "$(printf '\357\277\275')" "$(printf '\357\277\275')")"
	check "F159: ($WHO) the report holds none of it as markup" not grep -q '</script><b>' "$RUN/report.html"
	check "F156: ($WHO) and the folder checks" as "$OXG" check "$RUN"
	run "$DEED" -- token
	check "F133: ($WHO) a token in an argument is masked" not grep -rqE 'eyJ[A-Za-z0-9_-]{40}' "$RUN"
	like "F133: ($WHO) and said to be" "$(cat "$RUN/ledger.jsonl")" 'REDACTED token'
}

counted() {
	run "$DEED" -- many 50000
	is "F160: ($WHO) fifty thousand refusals, and it goes on" "$STATUS" 0
	json "F160: ($WHO) are all counted" "$RUN/run.json" \
		'.ledger | .heard and .refused == 50000 and .by_call == {"chroot": 50000}'
	# A broker that gets no processor for long costs a line now and then.
	check "F160: ($WHO) two thousand may be written" within 1001 "$(wc -l <"$RUN/ledger.jsonl")" 2000
	is "F160: ($WHO) and it says how many were" "$(wc -l <"$RUN/ledger.jsonl")" "$(jq .ledger.recorded "$RUN/run.json")"
	run "$DEED" -- threads
	json "F110: ($WHO) eight processes at once" "$RUN/run.json" '.ledger.refused == 800'
	is "F110: ($WHO) each by its number in the jail" \
		"$(lines .pid | sort -u | wc -l) $(lines .pid | sort -n | head -n 1 | awk '{ print ($1 > 1) }')" "8 1"
	run "$DEED" -- deaf
	json "F110: ($WHO) who closes all its pipes is heard all the same" "$RUN/run.json" '.ledger.refused == 3'
	is "F110: ($WHO) to the last" "$(wc -l <"$RUN/ledger.jsonl")" 3
	run "$DEED" -- quiet
	json "F110: ($WHO) who asks for nothing is refused nothing" "$RUN/run.json" \
		'.ledger == {heard: true, refused: 0, recorded: 0, by_call: {}}'
	run --timeout 700ms "$DEED" -- flood
	is "F077: ($WHO) a flood of refusals holds up no clock: status" "$STATUS $(reason)" "124 timeout"
	check "F077: ($WHO) nor the end" within 700 "$(jq '.usage.wall_ns / 1000000 | floor' "$RUN/usage.json")" 5000
	run --cpu-limit 1 "$DEED" -- cpu
	is "F075: ($WHO) nor is it another limit's" "$STATUS $(reason)" "122 cpu_limit"
}

judged() {
	echo '{"schema_version": 1, "gate": {"on_denied": "block"}}' >"$WORK/policy.json"
	run --policy "$WORK/policy.json" "$DEED" -- socket
	is "F097: ($WHO) on_denied: block" "$STATUS" 1
	json "F097: ($WHO) for that reason" "$RUN/gate_report.json" \
		'any(.reasons[]; test("the kernel refused 1 operation"))'
	run --policy "$WORK/policy.json" "$DEED" -- quiet
	is "F097: ($WHO) who was refused nothing passes" "$STATUS" 0
	run "$DEED" -- socket
	is "F097: ($WHO) by default it is recorded" "$STATUS" 0
	chmod -R u+w "$RUN"
	sed -i 's/AF_INET/AF_UNIX/' "$RUN/ledger.jsonl"
	as "$OXG" check "$RUN" >/dev/null 2>"$WORK/said"
	is "F156: ($WHO) a changed ledger is found" "$?" 5
	like "F156: ($WHO) and named" "$(cat "$WORK/said")" 'ledger.jsonl'
}

# An outer sandbox that listens itself: the kernel allows one listener.
silent() {
	if [ "$WHO" = user ] && [ "$CALLER" -eq 0 ]; then
		set -- setpriv --reuid=65533 --regid=65533 --clear-groups
	else
		set --
	fi
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	"$@" "$KNOCKER" outer "$OXG" run --trust "$TRUST" --out "$RUN" "$DEED" -- socket >/dev/null 2>"$ERR"
	is "F065: ($WHO) under an outer listener it runs" "$?" 0
	is "F057: ($WHO) what is refused is refused" "$(cat "$RUN/logs/stdout.log")" EPERM
	json "F065: ($WHO) in silence, and that is said" "$RUN/run.json" '.ledger.heard == false'
	like "F065: ($WHO) in the report too" "$(cat "$RUN/report.html")" 'refused in silence'
	RUN=$RUN-block
	"$@" "$KNOCKER" outer "$OXG" run --trust "$TRUST" --out "$RUN" --policy "$WORK/policy.json" \
		"$DEED" -- quiet >/dev/null 2>"$ERR"
	is "F097: ($WHO) on_denied: block does not pass what nobody heard" "$?" 1
}

again() {
	for n in 1 2; do
		SOURCE_DATE_EPOCH=1700000000 as env SOURCE_DATE_EPOCH=1700000000 "$OXG" run --quiet \
			--trust "$TRUST" --run-id 01ARZ3NDEKTSV4RRFFQ69G5FAV --out "$OUT/again-$n" "$DEED" -- mount
	done
	is "F154: ($WHO) two runs, one ledger" "$(cat "$OUT/again-1/ledger.jsonl")" "$(cat "$OUT/again-2/ledger.jsonl")"
	check "F154: ($WHO) with its line in it" test -s "$OUT/again-1/ledger.jsonl"
}

check "F110: outside the jail a socket is had" test "$("$KNOCKER" socket)" = "0"
for who in $IDENTITIES; do
	become "$who"
	each
	hostile
	counted
	judged
	silent
	again
done
finish
