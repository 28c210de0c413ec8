#!/bin/sh
# The ALLOWLIST: what oxg takes, "sha256sum -c --strict" takes too and finds right;
# what the two could read differently is an error that names the line. Then "oxg
# allow", which writes it.
# shellcheck source=/dev/null disable=SC2154
. "${0%/*}/lib.sh"

trust_root
TAB=$(printf '\t')
plugin p "$PROBE"
A=$(sha256sum <"$PLUGIN/p" | cut -c1-64)
M=$(sha256sum <"$PLUGIN/manifest.json" | cut -c1-64)
Z=$(printf '%064d' 0)
UP=$(echo "$A" | tr a-f A-F)
cp "$PLUGIN/p" "$TRUST/*star"
cp "$PLUGIN/p" "$TRUST/ü b"
ABOVE=${TRUST##*/}

# verify [OPTION...] PLUGIN: STATUS, CODE, SAID
verify() {
	as "$OXG" verify --trust "$TRUST" --json "$@" >"$WORK/verify.json" 2>"$WORK/stderr" </dev/null
	STATUS=$?
	CODE=$(jq -r '.refusal.code // "none"' "$WORK/verify.json")
	SAID=$(jq -r '.refusal.text // ""' "$WORK/verify.json")
}

gnu() {
	(cd "$TRUST" && sha256sum -c --strict --quiet ALLOWLIST </dev/null)
}

# ---- lists ---------------------------------------------------------------------------

# taken TAB what TAB text | LINE TAB what TAB text: text goes through printf. The
# line that is refused, or "taken".
lists() {
	cat <<EOF
taken	two blanks	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	a star	$A *plugins/p/p\\n$M *plugins/p/manifest.json\\n
taken	both in one list	$A *plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	upper case	$UP  plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	one blank, as 0xGen writes	$A plugins/p/p\\n$M plugins/p/manifest.json\\n
taken	a tab	$A\\tplugins/p/p\\n$M\\tplugins/p/manifest.json\\n
taken	a tab and a blank	$A\\t plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	comments and empty lines	# mine\\n\\n$A  plugins/p/p\\n\\n#$Z  plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	blanks before the digest	  $A  plugins/p/p\\n\\t$M  plugins/p/manifest.json\\n
taken	no last line break	$A  plugins/p/p\\n$M  plugins/p/manifest.json
taken	dots and doubled slashes	$A  ./plugins//p/./p\\n$M  plugins/p//manifest.json\\n
taken	absolute paths	$A  $TRUST/plugins/p/p\\n$M  $TRUST/plugins/p/manifest.json\\n
taken	a line twice	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  plugins/p/p\\n
taken	one file under two paths	$A  plugins/p/p\\n$A  $TRUST/plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	names with a star, a blank, an umlaut	$A  *star\\n$A  ü b\\n$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n
taken	the order of chance	$M  plugins/p/manifest.json\\n$A  ü b\\n$A  plugins/p/p\\n
1	CR LF	$A  plugins/p/p\\r\\n$M  plugins/p/manifest.json\\r\\n
2	CR LF on its second line	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\r\\n
1	three blanks	$A   plugins/p/p\\n$M  plugins/p/manifest.json\\n
1	a blank and a tab	$A \\tplugins/p/p\\n$M  plugins/p/manifest.json\\n
2	one blank, then two	$A plugins/p/p\\n$M  plugins/p/manifest.json\\n
2	two blanks, then one	$A  plugins/p/p\\n$M plugins/p/manifest.json\\n
3	standard input	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  -\\n
1	a blank behind the path	$A  plugins/p/p \\n$M  plugins/p/manifest.json\\n
1	a backslash before the digest	\\\\$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n
3	a NUL	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  a\\000b\\n
3	ESC in a path	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  a\\033[2Jb\\n
1	63 digits	${A#?}  plugins/p/p\\n$M  plugins/p/manifest.json\\n
1	65 digits	${A}0  plugins/p/p\\n$M  plugins/p/manifest.json\\n
1	a digit that is none	${A%?}g  plugins/p/p\\n$M  plugins/p/manifest.json\\n
1	a digest of SHA-512	$A$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n
4	a digest alone	$A  plugins/p/p\\n# x\\n\\n$A\\n
3	a digest and blanks	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  \\n
3	a star alone	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A *\\n
1	a path alone	plugins/p/p\\n$M  plugins/p/manifest.json\\n
1	a path in front	plugins/p/p  $A\\n$M  plugins/p/manifest.json\\n
1	BSD's tag	SHA256 (plugins/p/p) = $A\\n$M  plugins/p/manifest.json\\n
1	a byte order mark	\\357\\273\\277$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n
1	a page of HTML	<!doctype html>\\n
3	a path above	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  ../$ABOVE/plugins/p/p\\n
1	a path that goes up and down again	$A  plugins/x/../p/p\\n$M  plugins/p/manifest.json\\n
1	an absolute path with ..	$A  /tmp/../$TRUST/plugins/p/p\\n$M  plugins/p/manifest.json\\n
3	a directory	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  plugins/p/\\n
3	a dot	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  .\\n
3	the root	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  /\\n
3	two digests	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$Z  plugins/p/p\\n
4	two digests, far from each other	$Z  plugins/p/p\\n$M  plugins/p/manifest.json\\n$A  ü b\\n$A  plugins/p/p\\n
3	two digests, with a dot	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$Z  ./plugins/p/p\\n
3	two digests, by an absolute path	$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n$Z  $TRUST/plugins/p/p\\n
2	two digests of a file nobody runs	$A  x\\n$Z  x\\n$A  plugins/p/p\\n$M  plugins/p/manifest.json\\n
EOF
}

read_lists() {
	lists >"$WORK/lists"
	while IFS=$TAB read -r due what text; do
		# shellcheck disable=SC2059 # the table is ours
		printf "$text" >"$TRUST/ALLOWLIST"
		verify "$PLUGIN"
		if [ "$due" = taken ]; then
			is "F002: a list with $what is taken" "$STATUS $SAID" '0 '
			check "F002: a list with $what: sha256sum takes it too" gnu
		else
			is "F002: a list with $what: status, code" "$STATUS $CODE" '3 allowlist'
			like "F002: a list with $what: file and line are named" "$SAID" \
				"^$TRUST/ALLOWLIST: line $due [a-z]"
		fi
	done <"$WORK/lists"
}

# What a line is long, a path is long, a list is long.
long_lists() {
	{ printf '%s  plugins/p/p\n%s  plugins/p/manifest.json\n%s  ' "$A" "$M" "$A"
		head -c 5000 /dev/zero | tr '\0' a
		echo
	} >"$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like 'F002: a path of 5000 bytes' "$STATUS $SAID" '^3 .*ALLOWLIST: line 3 '
	awk -v a="$A" -v m="$M" -v z="$Z" 'BEGIN {
		for (i = 0; i < 50000; i++) print z "  other/plugin/number/" i
		print a "  plugins/p/p"
		for (i = 0; i < 50000; i++) print z "  yet/another/number/" i
		print m "  plugins/p/manifest.json"
	}' >"$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	is 'F002: 100 000 lines' "$STATUS" 0
	like 'F002: 100 000 lines: the line is known' \
		"$(jq -r '.checks[] | select(.name == "allowlist.artifact").detail' "$WORK/verify.json")" '^line 50001$'
	head -c 16777217 /dev/zero | tr '\0' '\n' >"$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like 'F002: a list of more than 16 MiB' "$STATUS $CODE $SAID" '^3 trust_root .*ALLOWLIST: .*too large'
	: >"$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like 'F001: an empty list' "$STATUS $CODE $SAID" "^3 allowlist $PLUGIN/p: is not in $TRUST/ALLOWLIST.*oxg allow --trust $TRUST\$"
}

# ---- what is listed -------------------------------------------------------------------------

# Two ways of going wrong are told apart: another digest, no line.
listed() {
	allow p
	verify "$PLUGIN"
	is "F001: ($WHO) listed" "$STATUS" 0
	cp "$PLUGIN/p" "$WORK/kept"
	printf '\1' | dd of="$PLUGIN/p" bs=1 seek=5000 conv=notrunc 2>/dev/null
	check "F014: ($WHO) a changed byte: sha256sum says so" not gnu
	verify "$PLUGIN"
	like "F014: ($WHO) a changed byte" "$STATUS $CODE $SAID" \
		"^3 hash $PLUGIN/p: has the SHA-256 $(sha256sum <"$PLUGIN/p" | cut -c1-64), $TRUST/ALLOWLIST line [0-9]+ says $A"
	is "F014: ($WHO) a changed byte: expected and actual in the report" \
		"$(jq -r '.checks[] | select(.name == "allowlist.artifact") | .expected, .actual' "$WORK/verify.json")" \
		"$(printf '%s\n' "$A" "$(sha256sum <"$PLUGIN/p" | cut -c1-64)")"
	cp "$WORK/kept" "$PLUGIN/p"
	# The right bytes under another name are another file.
	sed 's, plugins/p/p$, plugins/other/p,' "$TRUST/ALLOWLIST" >"$WORK/list"
	cp "$TRUST/ALLOWLIST" "$WORK/good"
	cat "$WORK/list" >"$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like "F001: ($WHO) the digest under another path" "$STATUS $CODE $SAID" "^3 allowlist $PLUGIN/p: is not in"
	# Only the part of a path is no path.
	for wrong in p/p lugins/p/p plugins/p/pp /plugins/p/p plugins/p plugins/P/p; do
		sed "s, plugins/p/p\$, $wrong," "$WORK/good" >"$TRUST/ALLOWLIST"
		verify "$PLUGIN"
		is "F001: ($WHO) listed as $wrong" "$STATUS $CODE" '3 allowlist'
	done
	cat "$WORK/good" >"$TRUST/ALLOWLIST"
	# By way of a link that the operator names, it is the same plugin.
	ln -sfn "$PLUGIN" "$WORK/link"
	verify "$WORK/link"
	is "F001: ($WHO) through a link" "$STATUS" 0
	verify "$WORK/link/manifest.json"
	is "F001: ($WHO) by its manifest" "$STATUS" 0
	verify "$TRUST/plugins/../plugins/p/"
	is "F001: ($WHO) by a roundabout path" "$STATUS" 0
	# A copy elsewhere is listed nowhere, until its own path is.
	rm -rf "$OUT/copy"
	cp -R "$PLUGIN" "$OUT/copy"
	verify "$OUT/copy"
	like "F001: ($WHO) a copy elsewhere" "$STATUS $CODE $SAID" "^3 allowlist .*/copy/p: is not in"
	printf '%s  %s\n' "$A" "$OUT/copy/p" "$M" "$OUT/copy/manifest.json" >>"$TRUST/ALLOWLIST"
	verify "$OUT/copy"
	is "F001: ($WHO) a copy elsewhere, by absolute path" "$STATUS" 0
	cat "$WORK/good" >"$TRUST/ALLOWLIST"
}

# The list is a file of the operator's and nothing else.
kinds() {
	mv "$TRUST/ALLOWLIST" "$WORK/good"
	ln -s "$WORK/good" "$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like "F003: ($WHO) a list that is a link" "$STATUS $CODE $SAID" '^3 trust_root .*ALLOWLIST: .*symbolic link'
	rm "$TRUST/ALLOWLIST"
	mkfifo "$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like "F003: ($WHO) a list that is a pipe" "$STATUS $CODE $SAID" '^3 trust_root .*ALLOWLIST: .*regular file'
	rm "$TRUST/ALLOWLIST"
	mkdir "$TRUST/ALLOWLIST"
	verify "$PLUGIN"
	like "F003: ($WHO) a list that is a directory" "$STATUS $CODE $SAID" '^3 trust_root .*ALLOWLIST: .*regular file'
	rmdir "$TRUST/ALLOWLIST"
	cp "$WORK/good" "$TRUST/ALLOWLIST"
	if [ "$WHO" = user ]; then
		chmod 000 "$TRUST/ALLOWLIST"
		verify "$PLUGIN"
		like "F003: ($WHO) a list he may not read" "$STATUS $CODE $SAID" '^3 trust_root .*ALLOWLIST: .*denied'
		chmod 644 "$TRUST/ALLOWLIST"
	fi
}

# ---- oxg allow ----------------------------------------------------------------------------------

allow_says() { # [OPTION...] PLUGIN: STATUS, SAID
	as "$OXG" allow --trust "$MINE" "$@" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null
	STATUS=$?
	SAID=$(cat "$WORK/stderr")
}

mine() {
	MINE=$OUT/mine
	as rm -rf "$MINE"
	as mkdir -p "$MINE/plugins"
	as cp -R "$PLUGIN" "$MINE/plugins/p"
}

gnu_mine() {
	(cd "$MINE" && sha256sum -c --strict --quiet ALLOWLIST)
}

writes() {
	mine
	allow_says "$MINE/plugins/p"
	is "F004: ($WHO) allow makes the list" "$STATUS" 0
	is "F004: ($WHO) allow: sha256sum would have written it" "$(sort "$MINE/ALLOWLIST")" \
		"$(cd "$MINE" && sha256sum plugins/p/manifest.json plugins/p/p | sort)"
	is "F004: ($WHO) allow prints its lines" "$(sort "$WORK/stdout")" "$(sort "$MINE/ALLOWLIST")"
	is "F004: ($WHO) a new list is for its owner to write" "$(stat -c %a "$MINE/ALLOWLIST")" 644
	before=$(stat -c '%i %Y' "$MINE/ALLOWLIST")
	allow_says --json "$MINE/plugins/p"
	is "F004: ($WHO) again: nothing is written" "$STATUS $(stat -c '%i %Y' "$MINE/ALLOWLIST")" "0 $before"
	json "F004: ($WHO) again: --json says that nothing was added" "$WORK/stdout" \
		'.schema_version == 1 and ([.files[].path] | sort) == ["plugins/p/manifest.json", "plugins/p/p"]
		and all(.files[]; .added | not)'

	# What changed is not allowed silently.
	as sh -c "echo >>'$MINE/plugins/p/p'"
	before=$(cat "$MINE/ALLOWLIST")
	allow_says "$MINE/plugins/p"
	like "F004: ($WHO) a changed file" "$STATUS $SAID" '^3 oxg: .*ALLOWLIST line [12]: lists plugins/p/p with another.*--replace'
	is "F004: ($WHO) a changed file: the list is as it was" "$(cat "$MINE/ALLOWLIST")" "$before"
	as sh -c "{ echo '# ours'; sed -n '/ plugins.p.p\$/p' '$MINE/ALLOWLIST'; echo; echo '$Z *other'
		sed -n '/manifest/p' '$MINE/ALLOWLIST'; printf '# end'; } >'$MINE/new' && chmod 600 '$MINE/new' && mv '$MINE/new' '$MINE/ALLOWLIST'"
	expected=$(sed "s/^$A /$(sha256sum <"$MINE/plugins/p/p" | cut -c1-64) /" "$MINE/ALLOWLIST")
	allow_says --replace "$MINE/plugins/p"
	is "F004: ($WHO) --replace" "$STATUS" 0
	is "F004: ($WHO) --replace changes that line alone" "$(cat "$MINE/ALLOWLIST")" "$expected"
	is "F004: ($WHO) --replace leaves the mode" "$(stat -c %a "$MINE/ALLOWLIST")" 600
	is "F004: ($WHO) no temporary file is left" "$(ls -A "$MINE")" "$(printf 'ALLOWLIST\nplugins')"

	# A list of one blank stays one, and its unfinished last line is finished.
	as sh -c "printf '%s' '$Z other' >'$MINE/ALLOWLIST'"
	allow_says "$MINE/plugins/p"
	is "F004: ($WHO) into a list of one blank" "$STATUS $(grep -c '^[0-9a-f]* [^ ]' "$MINE/ALLOWLIST")" '0 3'
	# Outside of the trust root: the absolute path.
	as rm -rf "$OUT/away" "$MINE/ALLOWLIST"
	as cp -R "$PLUGIN" "$OUT/away"
	allow_says "$OUT/away/manifest.json"
	is "F004: ($WHO) a plugin elsewhere" "$STATUS $(cut -c67- "$MINE/ALLOWLIST" | sort)" \
		"$(printf '0 %s\n%s' "$OUT/away/manifest.json" "$OUT/away/p")"
	check "F004: ($WHO) a plugin elsewhere: sha256sum agrees" gnu_mine
	allow_says "$OUT/away/p"
	is "F004: ($WHO) one bare executable: one line" "$STATUS $(wc -l <"$MINE/ALLOWLIST")" '0 2'
}

# Eight at once lose no line.
together() {
	mine
	for i in 1 2 3 4 5 6 7 8; do
		as cp "$PROBE" "$MINE/plugins/tool$i"
	done
	for i in 1 2 3 4 5 6 7 8; do
		as "$OXG" allow --trust "$MINE" "$MINE/plugins/tool$i" >/dev/null 2>&1 &
	done
	wait
	is "F004: ($WHO) eight at once" "$(cut -c67- "$MINE/ALLOWLIST" | sort)" \
		"$(printf 'plugins/tool%d\n' 1 2 3 4 5 6 7 8)"
	check "F004: ($WHO) eight at once: sha256sum agrees" gnu_mine
}

allow_refuses() {
	mine
	allow_says "$MINE/plugins/nowhere"
	like "F004: ($WHO) allow what is not there" "$STATUS $SAID" '^3 oxg: .*nowhere'
	as mkdir "$MINE/plugins/q"
	allow_says "$MINE/plugins/q"
	like "F004: ($WHO) allow a directory without manifest" "$STATUS $SAID" '^3 oxg: .*plugins/q.*manifest.json'
	as mkfifo "$MINE/plugins/fifo"
	allow_says "$MINE/plugins/fifo"
	like "F004: ($WHO) allow a pipe" "$STATUS $SAID" '^3 oxg: .*fifo'
	as cp "$PROBE" "$MINE/plugins/a\\b"
	allow_says "$MINE/plugins/a\\b"
	like "F004: ($WHO) allow a name with a backslash" "$STATUS $SAID" '^3 oxg: .*backslash.*rename'
	as cp "$PROBE" "$MINE/plugins/a
b"
	allow_says "$MINE/plugins/a
b"
	like "F004: ($WHO) allow a name with a line break" "$STATUS $SAID" '^3 oxg: .*rename'
	as cp "$PROBE" "$MINE/plugins/end "
	allow_says "$MINE/plugins/end "
	like "F004: ($WHO) allow a name that ends in a blank" "$STATUS $SAID" '^3 oxg: .*(rename|blank)'
	check "F004: ($WHO) none of these made a list" test ! -e "$MINE/ALLOWLIST"
	as sh -c "echo nonsense >'$MINE/ALLOWLIST'"
	allow_says "$MINE/plugins/p"
	like "F004: ($WHO) a list that does not parse" "$STATUS $SAID" '^3 oxg: .*ALLOWLIST: line 1 '
	is "F004: ($WHO) a list that does not parse is left" "$(cat "$MINE/ALLOWLIST")" nonsense
	as sh -c ": >'$MINE/ALLOWLIST' && chmod g+w '$MINE/ALLOWLIST'"
	allow_says "$MINE/plugins/p"
	like "F003: ($WHO) a list its group may write" "$STATUS $SAID" '^3 oxg: .*ALLOWLIST.*chmod go-w'
	as rm "$MINE/ALLOWLIST"
	as ln -s /dev/null "$MINE/ALLOWLIST"
	allow_says "$MINE/plugins/p"
	like "F049: ($WHO) a list that is a link" "$STATUS $SAID" '^3 oxg: .*ALLOWLIST.*link'
	MINE=$OUT/none
	allow_says "$PLUGIN"
	like "F003: ($WHO) no such trust root" "$STATUS $SAID" '^3 oxg: .*none.*--trust DIR'
	if [ "$WHO" = user ] && [ "$CALLER" -eq 0 ]; then
		MINE=$TRUST
		before=$(cat "$TRUST/ALLOWLIST")
		as cp -R "$PLUGIN" "$OUT/new"
		allow_says "$OUT/new"
		like "F003: ($WHO) another's trust root" "$STATUS $SAID" '^3 oxg: .*ALLOWLIST'
		is "F003: ($WHO) another's list is as it was" "$(cat "$TRUST/ALLOWLIST")" "$before"
	fi
}

become "${IDENTITIES%% *}"
read_lists
long_lists
for who in $IDENTITIES; do
	become "$who"
	listed
	kinds
	writes
	together
	allow_refuses
done
# A list that is refused leaves a folder that says why, and nothing was executed.
printf '%s  plugins/p/p\r\n' "$A" >"$TRUST/ALLOWLIST"
run "$PLUGIN" -- id
is 'F014: a run by a bad list: status 3' "$STATUS" 3
json 'F014: a run by a bad list: run.json' "$RUN/run.json" '.ending == null and .refusal.code == "allowlist"
	and (.refusal.sentence | test("ALLOWLIST: line 1 .*CR LF"))'
check 'F014: a run by a bad list: nothing was executed' test ! -s "$RUN/logs/stdout.log"
finish
