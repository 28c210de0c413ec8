#!/bin/sh
# One wall at a time does not stand, though the call that puts it up says so: the
# proving step must see it, and nothing may be executed. t/plugins/knockout.c has
# the walls; what is run is oxg as it is.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

KNOCKOUT=$BUILD/plugins/knockout
cp "$KNOCKOUT" "$WORK/knockout"
KNOCKOUT=$WORK/knockout

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
mkdir "$WORK/input"
echo data >"$WORK/input/file"
echo '{}' >"$WORK/task.json"

# knocked LAYER KIND: with a descriptor that was left open, for close_range to close,
# and with what brings the wall about.
knocked() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	layer=$1
	case $2 in
	given) set -- --task "$WORK/task.json" --input "$WORK/input" ;;
	bound) set -- --input-bind "$WORK/input" ;;
	runtime) set -- --runtime system ;;
	*) set -- ;;
	esac
	as timeout -k 5 60 "$KNOCKOUT" "$layer" "$OXG" run --trust "$TRUST" --out "$RUN" "$@" "$DEED" \
		-- print executed >/dev/null 2>"$ERR" </dev/null 9</etc/passwd
	STATUS=$?
}

refused='^oxg: (the (jail (is not what it must be|could not|died)|broker |supervisor |watch )|cannot m(ake the jail.s namespaces|ap the jail.s user))'

for who in $IDENTITIES; do
	become "$who"
	for kind in plain given bound runtime; do
		knocked nothing "$kind"
		is "F198: ($WHO, $kind) with every wall it runs" "$STATUS $(cat "$RUN/logs/stdout.log")" "0 executed"
		check "F198: ($WHO, $kind) and proved itself by all of its questions" proved namespaces
		json "F198: ($WHO, $kind) without a line in the ledger" "$RUN/run.json" '.ledger.refused == 0'
	done
	as "$KNOCKOUT" >"$WORK/walls.$WHO"
	walls=0
	while read -r wall kind; do
		walls=$((walls + 1))
		knocked "$wall" "$kind"
		is "F198: ($WHO) without $wall: status 4, a sentence, nothing executed" \
			"$STATUS $(grep -Ec "$refused" "$ERR") $(jq -c '[.ending, .refusal.code]' "$RUN/run.json") $(cat "$RUN/logs/stdout.log")" \
			'4 1 [null,"jail"] '
		case $WHO:$wall in
		user:namespace-user) ;; # then the kernel makes no others
		*:namespace-*)
			name=${wall#namespace-}
			[ "$name" != mount ] || name=mnt
			tells "F055: ($WHO) without $wall: it is called by its name" "$ERR" \
				"it shares the host's $name namespace; nothing was executed"
			;;
		esac
	done <"$WORK/walls.$WHO"
	[ "$(uname -m)" != x86_64 ] || check "F198: ($WHO) at least forty walls" test "$walls" -ge 40
done
check "F195: nothing was left where it must not be" \
	test -z "$(find / -xdev -maxdepth 2 -name 'oxg-canary')"
finish
