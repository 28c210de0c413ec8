#!/bin/sh
# README says the truth: its plugin works when it is pasted, its example prints
# what stands there, its tables are the code's; and "make demo" does what it says.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

# shellcheck disable=SC2154
README=$here/README
THREATS=$here/doc/THREATS.txt
[ -x "$BUILD/examples/secretscan" ] || skip_all "no $BUILD/examples/secretscan: run make programs"
trust_root
mkdir "$WORK/bin"
ln -s "$OXG" "$WORK/bin/oxg"
PATH=$WORK/bin:$PATH

# ---- the plugin in ten lines --------------------------------------------------------

pasted() {
	rm -rf "$OUT/cwd" && as mkdir "$OUT/cwd"
	sed -n '/^--- paste/,/^--- to/{/^---/!p;}' "$README" >"$WORK/pasted.sh"
	(cd "$OUT/cwd" && as sh -eu "$WORK/pasted.sh") >"$OUT/stdout" 2>"$OUT/said"
	is "F142: ($WHO) README: the lines to paste run" "$?" 0
	mkdir -p "$WORK/src/sub"
	printf 'a\nTODO: first "one"\n' >"$WORK/src/a.c"
	printf 'TODO second\n' >"$WORK/src/sub/b.c"
	line=$(sed -n 's/^  \(oxg run .*\) DIR todo$/\1/p' "$README")
	like "F142: README: and a line to run it" "$line" '^oxg run .*--runtime system --input$'
	# shellcheck disable=SC2086
	(cd "$OUT/cwd" && as $line "$WORK/src" todo) >"$OUT/stdout" 2>"$OUT/said"
	is "F142: ($WHO) README: which passes" "$? $(head -n 1 "$OUT/said" | cut -d: -f1)" "0 PASS  todo 1.0"
	is "F142: ($WHO) README: the plugin finds what it should" \
		"$(jq -r '[.type, .severity, .target, .message] | join(" ")' "$OUT/cwd/out/latest/findings.jsonl" | sort)" \
		"$(printf '%s\n' 'todo low ./a.c:2 TODO: first "one"' 'todo low ./sub/b.c:1 TODO second')"
	(cd "$OUT/cwd" && as "$OXG" replay --trust trust out/latest) >"$OUT/stdout" 2>"$OUT/said"
	is "F158: ($WHO) README: and can be replayed" "$? $(tail -n 1 "$OUT/stdout")" "0 reproducible"
	check "F142: README: no more than ten lines of plugin" \
		within 5 "$(awk '/^cat/ { on = 1; next } /^END/ { on = 0 } on' "$WORK/pasted.sh" | wc -l)" 10
}

# ---- tables ---------------------------------------------------------------------------

tables() {
	sed -n 's/^\tX([A-Z]*, \([0-9]*\), "\(.*\)").*/\1 \2/p' "$here/oxg.h" |
		grep -E '^[0-9]+ (ran|wrong|refused|evidence|the plugin|stopped)' >"$WORK/statuses"
	is "F095: README: the exit statuses, word for word" \
		"$(sed -n '/^Exit status/,/^What happened/s/^  \([0-9][0-9]*\)  */\1 /p' "$README")" "$(cat "$WORK/statuses")"
	check "README has fewer than 200 lines" within 50 "$(wc -l <"$README")" 199
	for path in $(sed -n '/^Where things live/,/^How it compares/p' "$README" | grep -oE '(^|[ (])[a-z]+(\.c|/|/[A-Za-z.0-9]+)' | tr -d ' ('); do
		check "README: there is a $path" test -e "$here/$path"
	done
	for target in demo check wall; do
		check "README: make $target is named" grep -q "make $target" "$README"
		check "README: there is a make $target" grep -q "^$target:" "$here/Makefile"
	done
}

# ---- the example and the demo ------------------------------------------------------------

# Figures differ from run to run; what is compared is everything else.
masked() {
	sed -E 's/[0-9]+\.[0-9]+ (s|MiB)/N \1/g; s/01[0-9A-HJKMNP-TV-Z]{24}/ID/g; s/[0-9]+ (bytes|files|journal)/N \1/g'
}

example() {
	sed -n '/^An example/,/^One byte/{s/^  //p;}' "$README" | grep -v '^\$' | masked | sort -u >"$WORK/due"
	masked <"$WORK/demo.out" | sed 's/^demo: //' >"$WORK/demo.masked"
	check "README: the example has output to compare" test "$(wc -l <"$WORK/due")" -ge 5
	while IFS= read -r line; do
		[ "$line" = 1 ] || check "README: the example's \"$line\"" grep -qxF -e "$line" "$WORK/demo.masked"
	done <"$WORK/due"
	# Its commands are the demo's.
	for command in 'oxg sign --key throwaway.key secretscan' 'oxg allow --trust trust secretscan' \
		'oxg run --trust trust --input bearssl secretscan' \
		'oxg run --trust trust --input bearssl --fail-on high secretscan'; do
		check "README and demo: $command" sh -c "grep -qF '  \$ $command' '$README' && grep -qxF '\$ $command' '$WORK/demo.out'"
	done
}

demo() {
	for time in first second; do
		as env OXG="$OXG" BUILD="$BUILD" DEMO="$OUT/demo" "$here/t/demo" >"$WORK/demo.out" 2>&1
		is "F197: ($WHO) t/demo, the $time time: status 0" "$?" 0
	done
	check "F027: ($WHO) t/demo: grep's six are the plugin's six" grep -qx 'The same six files.' "$WORK/demo.out"
	is "F014: ($WHO) t/demo: one changed byte is refused, and the file named" \
		"$(tail -n 7 "$WORK/demo.out" | grep -c '^oxg: .*demo/secretscan/secretscan: has the SHA-256')" 1
	is "F097: ($WHO) t/demo: nothing escapes a terminal's rules when it is none" "$(grep -c "$(printf '\033')" "$WORK/demo.out")" 0
	is "F044: ($WHO) t/demo: it leaves its folder and nothing beside it" \
		"$(find "$OUT" -maxdepth 1 -newer "$WORK/mark-of-time" ! -path "$OUT" -printf '%f ')" "demo "
	is "F013: ($WHO) t/demo: the private key is gone" "$(find "$OUT/demo" -name '*.key')" ""
	for run in "$OUT/demo/out/"0*; do
		as "$OXG" check "$run" 2>/dev/null
		is "F156: ($WHO) t/demo: each of its folders verifies" "$?" 0
	done
}

# ---- the threat model ------------------------------------------------------------------------

# Every row, once, in order; every pointer leads to a test that names the row.
threats() {
	grep -oE '^F[0-9]{3}' "$THREATS" >"$WORK/rows"
	is "F192: doc/THREATS.txt: rows F001 to F200, each once" \
		"$(cat "$WORK/rows")" "$(seq 1 200 | sed 's/^/00/; s/.*\(...\)$/F\1/')"
	is "F192: every row is done, partial, open or a non-goal" \
		"$(grep -E '^F[0-9]{3}' "$THREATS" | grep -vcE '^F[0-9]{3} (done|partial|open|non-goal) ')" 0
	is "F192: what is done or partial points to something" \
		"$(grep -E '^F[0-9]{3} (done|partial)' "$THREATS" | grep -vc '\[[^]]*\]$')" 0
	grep -E '^F[0-9]{3} .*\[' "$THREATS" | sed 's/^\(F...\) .*\[\(.*\)\]$/\1 \2/' |
		while read -r row files; do
			for file in $files; do
				[ -e "$here/$file" ] || echo "$row: no $file"
				case $file in
				*.t | t/unit/*) grep -q "$row" "$here/$file" || echo "$row: $file does not name it" ;;
				esac
			done
		done >"$WORK/lost"
	is "F192: and the tests there name the row" "$(cat "$WORK/lost")" ""
}

for who in $IDENTITIES; do
	become "$who"
	pasted
	touch "$WORK/mark-of-time"
	sleep 0.05
	demo
done
example
tables
threats
finish
