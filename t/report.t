#!/bin/sh
# report.html and oxg report: nothing of a plugin is markup, nothing comes from
# elsewhere, and the same evidence gives the same bytes.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

PAGE=$(cd "${0%/*}" && pwd)/page.py
SAID=$WORK/said
COPY=$WORK/copy
PYTHON=$(command -v /usr/bin/python3 || command -v python3) || PYTHON=
trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
become "$WHO"

# page WHAT FILE WORD...: read by somebody else's parser.
page() {
	what=$1
	shift
	if [ -n "$PYTHON" ]; then
		check "F153: $what" "$PYTHON" "$PAGE" "$@"
	else
		skip "F153: $what: no python3 here"
	fi
}

# report ARG...: STATUS, $WORK/page, $SAID.
report() {
	as timeout -k 1 20 "$OXG" report "$@" >"$WORK/page" 2>"$SAID"
	STATUS=$?
}

fresh() {
	rm -rf "$COPY"
	cp -R "$GOOD" "$COPY"
	chmod -R u+w "$COPY"
}

sums() {
	rm -f "$COPY/SHA256SUMS"
	(cd "$COPY" && find . -type f -printf '%P\n' | sort | xargs sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$COPY/SHA256SUMS"
}

# ---- what is worst from a plugin -------------------------------------------------------

# One text a line, as JSON strings, and what must be readable of it.
cat >"$WORK/evil" <<'END'
"<script>alert(1)</script>"
"</title></style></head><body><script>alert(2)</script>"
"\" onmouseover=\"alert(3)\" x=\""
"' onload='alert(4)' x='"
"<img src=x onerror=alert(5)><svg/onload=alert(6)>"
"</td></tr></table></li></ul></section></main></body></html>"
"<!-- never closed"
"<![CDATA[ ]]> <?php ?> <!DOCTYPE x>"
"&lt;b&gt; &amp;#60;script&#62; &#x202e; &nbsp"
"javascript:alert(7)//"
"<style>*{display:none}</style><base href=//127.0.0.1/><meta http-equiv=refresh content=0>"
"<a href=http://127.0.0.1/>click</a><form action=http://127.0.0.1/><input><iframe src=/>"
"harmless\u202egpj.exe \u2066isolated\u2069 \u200bzero\u200d \ufeff \u00ad \u2028line\u2029para"
"nul\u0000 bell\u0007 \u001b[31mred\u001b[0m \u0085 \u009b31m \u007f"
"\ud83d\ude00 \u00e9 \u6f22\u5b57 \u0627\u0644\u0639\u0631\u0628\u064a\u0629"
"\ue0001 \udb40\udc41 \ufdd0 \uffff \ufff9a\ufffab\ufffb"
"{{7*7}} ${7*7} %s%n %00 \\u003cscript\\u003e"
"\n\n\n\n\t\ttabs and newlines\r\n\r"
"\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u030d\u030e combining"
END

findings() {
	set --
	while IFS= read -r text; do
		set -- "$@" "$(jq -cn --argjson t "$text" '{type: "web.xss", message: $t, severity: "high",
			target: $t, evidence: $t, meta: {"<k>": $t, ($t | gsub("[\u0000-\u001f\u007f]"; "")[0:100]): "v"}}')"
	done <"$WORK/evil"
	run --fail-on high "$PRINTER" -- print "$@" '{"type":"<b>","message":"m","severity":"low","target":"t"}' \
		'<script>no json</script>'
	json "F159: every hostile finding was taken" "$RUN/run.json" \
		'.findings.accepted == 20 and .findings.rejected == 1'
	page "twenty hostile findings: what a report may be, and readable" "$RUN/report.html" \
		'<script>alert(1)</script>' '</title></style></head>' '" onmouseover="alert(3)" x="' \
		"' onload='alert(4)' x='" '<!-- never closed' '&lt;b&gt; &amp;#60;script&#62; &#x202e; &nbsp' \
		'harmless\u{202e}gpj.exe \u{2066}isolated\u{2069} \u{200b}zero\u{200d} \u{feff} \u{ad} \u{2028}line\u{2029}para' \
		'nul\u{0} bell\u{7} \u{1b}[31mred\u{1b}[0m \u{85} \u{9b}31m \u{7f}' 'é 漢字' \
		'tabs and newlines\u{d}' '19 of 20 findings' '<k>'
	for word in '<script' '<img' '<iframe' '<form' '<base' '<a href=h' '<meta http-equiv=r' '<input' '<svg/' '<!--'; do
		check "F153: the source has no $word" not grep -qiF -e "$word" "$RUN/report.html"
	done
	check "F153: and no character that turns text around" not grep -qP '\xe2\x80[\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf' "$RUN/report.html"
	checks_it
	cp -R "$RUN" "$WORK/evil-run"
}

checks_it() {
	check "F156: the folder passes" "$OXG" check "$RUN"
}

# What a plugin or a command line can put elsewhere.
elsewhere() {
	run "$DEED" -- print-error '</pre></section><script>alert(1)</script>' "$(printf '\033[31m\302\233\342\200\256red\377\376')" \
		"<script>args</script>"
	page "stderr and arguments" "$RUN/report.html" '</pre></section><script>alert(1)</script>' \
		'\u{1b}[31m\u{9b}\u{202e}red' '<script>args</script>'
	mkdir -p "$WORK/<script>alert(1)</script>"
	run "$WORK/<script>alert(1)<"
	page "the path of a refused plugin" "$RUN/report.html" '<script>alert(1)<' refused
	run --allow-unsigned "$HOSTILE" -- true
	page "a run with --allow-unsigned says so" "$RUN/report.html" --allow-unsigned
	run --timeout 300ms "$DEED" -- hang
	page "a timeout says so" "$RUN/report.html" 'stopped: timeout' 'plugin terminated (timeout)' 'sandbox.wall_time_limit'
	run "$DEED" -- segv
	page "a crash says so" "$RUN/report.html" 'crashed: SIGSEGV'
	run "$DEED" -- lines 3000 2
	check "F153: of a long stderr the end is shown" grep -q 'line 0002999' "$RUN/report.html"
	check "F153: and not the beginning" not grep -q 'line 0000001' "$RUN/report.html"
}

long() {
	big=$(head -c 60000 /dev/zero | tr '\0' A)
	head -c 60000 /dev/zero | tr '\0' '\n' >"$WORK/lines"
	run "$PRINTER" -- print "$(jq -cn --arg m "$big" '{type: "t", severity: "low", message: $m, target: $m[0:8000], evidence: $m}')" \
		"$(jq -cn --rawfile m "$WORK/lines" '{type: "t", severity: "low", message: $m}')"
	is "F160: texts of 60000 bytes are taken" "$(jq .findings.accepted "$RUN/run.json")" 2
	check "F153: and clipped in the page" within 5000 "$(stat -c %s "$RUN/report.html")" 30000
	page "which says how much was left out" "$RUN/report.html" '[58000 more bytes]'
	check "F153: a text of newlines does not fill the page" within 1 "$(wc -l <"$RUN/report.html")" 400
	head -c 1048576 /dev/zero | tr '\0' A >"$WORK/mib"
	GOOD=$RUN
	fresh
	jq -c --rawfile m "$WORK/mib" '.message = $m' "$GOOD/findings.jsonl" >"$COPY/findings.jsonl"
	sums
	report "$COPY"
	is "F153: lines over a MiB are no findings" "$STATUS" 0
	page "and the page says that" "$WORK/page" 'that are no findings: 2'
}

# Every text in every document made evil, with sums that fit: as whoever wrote
# the folder may have.
forged() {
	for source in "$WORK/evil-run" "$GOOD"; do
		GOOD=$source
		n=0
		while IFS= read -r text; do
			n=$((n + 1))
			fresh
			for name in run.json usage.json verifier_report.json gate_report.json; do
				jq --argjson t "$text" 'walk(if type == "string" then $t else . end)' "$GOOD/$name" >"$COPY/$name"
			done
			jq -c --argjson t "$text" 'walk(if type == "string" then $t else . end) | .severity = "crit" |
				.meta[$t | gsub("\u0000"; "")] = $t' "$GOOD/findings.jsonl" >"$COPY/findings.jsonl"
			printf '%s\n' "$text" >"$COPY/ledger.jsonl"
			sums
			report "$COPY"
			[ "$STATUS" -eq 0 ] || echo "# status $STATUS"
			page "evil text $n in every document" "$WORK/page"
		done <"$WORK/evil"
		[ "$source" != "$WORK/evil-run" ] || break
	done
	for value in null true '[]' '{}' '[[["x"]]]' '{"a":{"b":"<b>"}}' 1e999 -0.5 123456789012345678901234567890 '"x"' '["<b>",1,null]'; do
		fresh
		for name in run.json usage.json verifier_report.json gate_report.json; do
			jq --argjson v "$value" 'map_values($v)' "$GOOD/$name" >"$COPY/$name"
		done
		sums
		report "$COPY"
		is "F153: every member is $value: status" "$STATUS" 0
		page "every member is $value" "$WORK/page"
		for name in run.json usage.json verifier_report.json gate_report.json; do
			jq --argjson v "$value" 'map_values(if type == "object" then map_values($v)
				elif type == "array" then map($v) else . end)' "$GOOD/$name" >"$COPY/$name"
		done
		sums
		report "$COPY"
		page "every member's member is $value" "$WORK/page"
	done
	for broken in '' '{' '[]' 'null' '{"x":1,"x":2}'; do
		fresh
		for name in run.json usage.json verifier_report.json gate_report.json; do
			printf '%s' "$broken" >"$COPY/$name"
		done
		sums
		report "$COPY"
		page "documents that are \"$broken\"" "$WORK/page" 'unknown plugin' 'no decision'
	done
}

many() {
	fresh
	jq -c '.severity = "low"' "$GOOD/findings.jsonl" | head -n 1 | sed 's/^/x/' >"$WORK/one"
	sed -i 's/^x//' "$WORK/one"
	yes "$(cat "$WORK/one")" | head -n 100000 >"$COPY/findings.jsonl"
	sums
	from=$(date +%s)
	report "$COPY"
	check "F199: 100000 findings are rendered within five seconds" within 0 $(($(date +%s) - from)) 5
	is "F160: ten thousand are shown" "$(grep -c '^<li>' "$WORK/page")" 10000
	check "F160: the rest is counted" grep -q '>90000 more of this severity' "$WORK/page"
}

# Twelve targets, one of which two runs have.
several() {
	set --
	for n in 1 2 3 4 5 6; do
		set -- "$@" "{\"type\":\"t\",\"severity\":\"low\",\"message\":\"m\",\"target\":\"first/$n\"}"
	done
	run "$PRINTER" -- print "$@" '{"type":"t","severity":"low","message":"m","target":"<both>"}'
	one=$RUN
	set --
	for n in 1 2 3 4 5; do
		set -- "$@" "{\"type\":\"t\",\"severity\":\"low\",\"message\":\"m\",\"target\":\"second/$n\"}"
	done
	run "$PRINTER" -- print "$@" '{"type":"t","severity":"low","message":"m","target":"<both>"}'
	report "$one" "$RUN"
	page "two runs: a page with their targets" "$WORK/page" 'Targets' '<both>' 'and 2 more targets'
	is "F153: the counts are those of both" "$(sed -n '/id="targets"/,/<\/section>/s/^<tr><td>\([0-9]*\).*text">\(.*\)<\/td><\/tr>/\1 \2/p' "$WORK/page" | head -n 3)" \
		"2 &lt;both&gt;
1 first/1
1 first/2"
	is "F153: ten are shown" "$(sed -n '/id="targets"/,/<\/section>/p' "$WORK/page" | grep -c '^<tr><td>')" 10
	run "$PRINTER" -- print '{"type":"t","severity":"low","message":"m"}'
	cp -R "$RUN" "$WORK/none-1"
	run "$PRINTER" -- print '{"type":"t","severity":"low","message":"m"}'
	report "$WORK/none-1" "$RUN"
	check "F153: without any there is no section" not grep -q 'id="targets"' "$WORK/page"
}

# ---- the same bytes ------------------------------------------------------------------------

again() {
	mkdir -p "$WORK/input/d"
	echo one >"$WORK/input/a"
	echo two >"$WORK/input/d/b"
	for n in 1 2; do
		run_once "$n" "$DEED" -- emit 5 med
		sleep 1
	done
	is "F154: two runs differ in usage.json and its digest alone" \
		"$(diff -rq "$OUT/once-1" "$OUT/once-2" | grep -o '/[^/ ]* and' | sort -u | tr -d '\n')" "/SHA256SUMS and/usage.json and"
	is "F154: in SHA256SUMS by one line" \
		"$(diff "$OUT/once-1/SHA256SUMS" "$OUT/once-2/SHA256SUMS" | grep -c '^<')" 1
	RUN=$OUT/once-1
	check "F154: the page shows nothing that was measured" not grep -q 'id="resources"' "$RUN/report.html"
	json "F154: the clock stood still" "$RUN/run.json" '.clock == "frozen" and .started == "2023-11-14T22:13:20Z" and .finished == .started'
	checks_it
	run_once 3 "$DEED" -- emit 6 med
	check "F154: another run differs in more (the test can fail)" not cmp -s "$OUT/once-1/report.html" "$OUT/once-3/report.html"
}

run_once() {
	number=$1
	shift
	as env SOURCE_DATE_EPOCH=1700000000 "$OXG" run --trust "$TRUST" --out "$OUT/once-$number" \
		--run-id 01JAAAAAAAAAAAAAAAAAAAAAAA --input "$WORK/input" "$@" >/dev/null 2>&1
}

stored() {
	for deed in 'true' 'emit 7' 'exit 3' 'abort' 'print-error x y z' 'bad-requests 30'; do
		# shellcheck disable=SC2086
		run "$DEED" -- $deed
		as "$OXG" report "$RUN" --html "$OUT/again.html" >"$WORK/out" 2>"$SAID"
		is "F155: report of \"$deed\": status, and nothing is said" "$? $(cat "$WORK/out" "$SAID")" "0 "
		check "F155: report of \"$deed\": the stored bytes" cmp "$RUN/report.html" "$OUT/again.html"
		report "$RUN"
		check "F155: report of \"$deed\": on stdout as well" cmp "$RUN/report.html" "$WORK/page"
		page "report of \"$deed\" is what a report may be" "$RUN/report.html" hostile
	done
	mv "$DEED" "$DEED.gone"
	report "$RUN"
	check "F155: without the plugin" cmp "$RUN/report.html" "$WORK/page"
	mv "$DEED.gone" "$DEED"
	cp -R "$RUN" "$WORK/else where"
	(cd / && as env TZ=Asia/Tokyo LC_ALL=de_DE.UTF-8 "$OXG" report "$WORK/else where") >"$WORK/page" 2>/dev/null
	check "F154: from another place, in another time zone" cmp "$RUN/report.html" "$WORK/page"
}

words() {
	GOOD=$RUN
	for bad in '' "$GOOD $GOOD --sideways" "--html $GOOD"; do
		# shellcheck disable=SC2086
		report $bad
		is "F095: report $bad: status 2" "$STATUS $(wc -c <"$WORK/page")" "2 0"
	done
	report "$GOOD" --html "$OUT/no/such/place.html"
	is "F153: a page that cannot be written: status 5" "$STATUS" 5
	tells "F153: the sentence names it" "$SAID" '^oxg: .*place.html'
	report "$GOOD" --html /dev/full
	is "F153: a full disk: status 5" "$STATUS" 5
	as "$OXG" report "$GOOD" >/dev/full 2>"$SAID"
	is "F153: stdout that takes nothing: status 5" "$?" 5
	fresh
	echo >>"$COPY/findings.jsonl"
	echo kept >"$OUT/kept.html"
	chmod 666 "$OUT/kept.html"
	report "$COPY" --html "$OUT/kept.html"
	is "F178: changed evidence is not rendered: status 5" "$STATUS $(cat "$OUT/kept.html")" "5 kept"
	tells "F178: the sentence names it" "$SAID" findings.jsonl
	rm "$COPY/SHA256SUMS"
	report "$COPY"
	is "F163: what was never finished may be looked at" "$STATUS" 0
	tells "F163: and is called that" "$SAID" 'never finished'
}

findings
elsewhere
long
forged
many
several
again
stored
words
finish
