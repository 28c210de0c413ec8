#!/bin/sh
# One wall at a time does not stand, though the call that puts it up says so: the
# proving step must see it, and nothing may be executed.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

KNOCKOUT=$BUILD/plugins/knockout
cp "$KNOCKOUT" "$WORK/knockout"
KNOCKOUT=$WORK/knockout

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN

# knocked LAYER: with a descriptor that was left open, for close_range to close.
knocked() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as timeout -k 5 60 "$KNOCKOUT" "$1" "$OXG" run --trust "$TRUST" --out "$RUN" "$DEED" \
		-- print executed >/dev/null 2>"$ERR" </dev/null 9</etc/passwd
	STATUS=$?
}

for who in $IDENTITIES; do
	become "$who"
	knocked nothing
	is "F198: ($WHO) with every wall it runs" "$STATUS $(cat "$RUN/logs/stdout.log")" "0 executed"
	json "F198: ($WHO) and proved itself by at least sixty questions" "$RUN/run.json" '.isolation.proved >= 60'
	json "F198: ($WHO) without a line in the ledger" "$RUN/run.json" '.ledger.refused == 0'
	for layer in $(as "$KNOCKOUT"); do
		knocked "$layer"
		is "F198: ($WHO) without $layer: status 4" "$STATUS" 4
		like "F198: ($WHO) without $layer: says so" "$(cat "$ERR")" '^oxg: the (jail (is not what it must be|could not|died)|broker )'
		is "F198: ($WHO) without $layer: nothing was executed" \
			"$(jq -c '[.ending, .refusal.code]' "$RUN/run.json") $(cat "$RUN/logs/stdout.log")" '[null,"jail"] '
	done
done
check "F195: nothing was left where it must not be" \
	test -z "$(find / -xdev -maxdepth 2 -name 'oxg-canary')"
finish
