#!/bin/sh
# The plugins in examples/ do what they say, outside the jail and inside.
# What secretscan must find is written down here, case by case; nothing that it
# printed once became an expectation.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

# shellcheck disable=SC2154
EXAMPLES=$here/examples
SCAN=$BUILD/examples/secretscan
[ -x "$SCAN" ] || skip_all "no $SCAN: run make programs"
TREE=$WORK/tree
EXPECTED=$WORK/expected
mkdir -p "$TREE"
: >"$EXPECTED"

# No secret stands in this file in one piece: scanners read it too.
AKIA=AKI${0:+A} ASIA=ASI${0:+A} GHP=ghp${0:+_} GHO=gho${0:+_} GHS=ghs${0:+_}
PAT=github${0:+_pat_} GITLAB=glpat${0:+-} NPM=npm${0:+_} XOXB=xoxb${0:+-} XOXP=xoxp${0:+-}
AIZA=AIz${0:+a} SKLIVE=sk${0:+_live_} RKLIVE=rk${0:+_live_} BEGIN=-----${0:+BEGIN} END=-----${0:+END}
B36=A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8
JWT_HEAD=ey${0:+J}hbGciOiJIUzI1NiJ9 JWT_BODY=ey${0:+J}zdWIiOiJhbGljZSJ9 JWT_SIGN=dBjftJeZ4CVPmB92K27uhbUJU1p1r

# case_is FILE LINE TYPE SEVERITY EVIDENCE: must be found there, just so.
case_is() {
	printf '%s\t%s\t%s\t%s\n' "$3" "$4" "$1:$2" "$5" >>"$EXPECTED"
}

# scan DIR: what it says outside the jail, one line each, sorted.
scan() {
	timeout 20 "$SCAN" "$1" 2>"$WORK/stderr" >"$WORK/stdout"
	echo $? >"$WORK/status"
	jq -r '[.type, .severity, .target, .evidence // ""] | @tsv' "$WORK/stdout" | sort
}

# ---- each shape that is one ----------------------------------------------------

shapes() {
	{
		echo "first line"
		echo "id = ${AKIA}QWERTYUIOPASDFGH"
		echo "id = ${ASIA}QWERTYUIOPASDFGH"
		echo "token ${GHP}$B36 behind"
		echo "(${GHO}$B36)"
		echo "${GHS}$B36"
		echo "${PAT}11ABCDEFG0${B36}_${B36}"
		echo "${GITLAB}A1b2C3d4E5f6G7h8I9j0"
		echo "//registry/:_authToken=${NPM}$B36"
		echo "${XOXB}2468013579-2468013579-AbCdEfGhIjKl"
		echo "${XOXP}2468013579-2468013579-AbCdEfGhIjKl"
		echo "key: ${AIZA}SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"
		echo "${SKLIVE}A1b2C3d4E5f6G7h8"
		echo "${RKLIVE}A1b2C3d4E5f6G7h8"
		echo "Bearer $JWT_HEAD.$JWT_BODY.$JWT_SIGN."
		echo "db = postgres://alice:Tr0ub4dor@db.internal:5432/x"
		echo 'password = "Tr0ub4dor&3xyz"'
		echo "\"api_key\": 'A1b2C3d4E5f6G7h8'"
		printf 'two %sZXCVBNMASDFGHJKL and %sPOIUYTREWQLKJHGF here' "$AKIA" "$AKIA"
	} >"$TREE/shapes.txt"
	case_is shapes.txt 2 secret.aws_access_key_id high "${AKIA}...DFGH"
	case_is shapes.txt 3 secret.aws_access_key_id med "${ASIA}...DFGH"
	case_is shapes.txt 4 secret.github_token crit "${GHP}...Q7r8"
	case_is shapes.txt 5 secret.github_token crit "${GHO}...Q7r8"
	case_is shapes.txt 6 secret.github_token crit "${GHS}...Q7r8"
	case_is shapes.txt 7 secret.github_token crit "gith...Q7r8"
	case_is shapes.txt 8 secret.gitlab_token crit "glpa...I9j0"
	case_is shapes.txt 9 secret.npm_token crit "${NPM}...Q7r8"
	case_is shapes.txt 10 secret.slack_token high "xoxb...IjKl"
	case_is shapes.txt 11 secret.slack_token high "xoxp...IjKl"
	case_is shapes.txt 12 secret.google_api_key high "${AIZA}...5p6Q"
	case_is shapes.txt 13 secret.stripe_key crit "sk_l...G7h8"
	case_is shapes.txt 14 secret.stripe_key high "rk_l...G7h8"
	case_is shapes.txt 15 secret.jwt med "eyJh...1p1r"
	case_is shapes.txt 16 secret.url_password high "T..."
	case_is shapes.txt 17 secret.assignment med "T..."
	case_is shapes.txt 18 secret.assignment med "A1b2...G7h8"
	case_is shapes.txt 19 secret.aws_access_key_id high "${AKIA}...HJKL"
	case_is shapes.txt 19 secret.aws_access_key_id high "${AKIA}...JHGF"
}

# Keys by openssl and ssh-keygen, in every form that they write.
keys_of_all_kinds() {
	mkdir "$TREE/keys"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/p8" 2>/dev/null
	body=$(sed -n 2p "$WORK/p8")
	short=$(echo "$body" | cut -c1-4)...$(echo "$body" | tail -c 5)
	{ echo "# a comment"; echo; cat "$WORK/p8"; } >"$TREE/keys/p8.pem"
	case_is keys/p8.pem 3 secret.private_key high "$short"
	sed 's/$/\r/' "$WORK/p8" >"$TREE/keys/crlf.pem"
	case_is keys/crlf.pem 1 secret.private_key high "$short"
	jq -n --rawfile k "$WORK/p8" '{type: "service_account", private_key: $k}' >"$TREE/keys/account.json"
	case_is keys/account.json 3 secret.private_key high "$short"
	awk '{ print (NR > 1 ? "    " : "char key[] = ") "\"" $0 "\\n\"" }' "$WORK/p8" >"$TREE/keys/key.c"
	case_is keys/key.c 1 secret.private_key high "$short"
	openssl ec -in "$WORK/p8" -out "$WORK/sec1" 2>/dev/null
	cp "$WORK/sec1" "$TREE/keys/sec1.pem"
	body=$(sed -n 2p "$WORK/sec1")
	case_is keys/sec1.pem 1 secret.private_key high "$(echo "$body" | cut -c1-4)...$(echo "$body" | tail -c 5)"
	openssl ec -in "$WORK/p8" -aes128 -passout pass:x -out "$TREE/keys/old.pem" 2>/dev/null
	body=$(sed -n '/^$/{n;p;q;}' "$TREE/keys/old.pem")
	case_is keys/old.pem 1 secret.private_key med "$(echo "$body" | cut -c1-4)...$(echo "$body" | tail -c 5)"
	openssl pkcs8 -topk8 -in "$WORK/p8" -passout pass:x -out "$TREE/keys/new.pem" 2>/dev/null
	body=$(sed -n 2p "$TREE/keys/new.pem")
	case_is keys/new.pem 1 secret.private_key med "$(echo "$body" | cut -c1-4)...$(echo "$body" | tail -c 5)"
	# Two keys and a token in one line of JSON.
	{
		printf '{"a":"%s PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\\n%s PRIVATE KEY-----",' "$BEGIN" "$END"
		printf '"b":"%s RSA PRIVATE KEY-----\\nMIICXAIBAAKBgQCqGKukO1De7zhZj6\\n",' "$BEGIN"
		printf '"c":"%s%s"}' "$GHP" "$B36"
	} >"$TREE/keys/one-line.json"
	case_is keys/one-line.json 1 secret.private_key high "MIGH...SM49"
	case_is keys/one-line.json 1 secret.private_key high "MIIC...hZj6"
	case_is keys/one-line.json 1 secret.github_token crit "${GHP}...Q7r8"
	# A key inside a program: the line is what grep -a says.
	{ printf '\177ELF\0\0\n\n'; cat "$WORK/p8"; printf '\0\0'; } >"$TREE/keys/program"
	case_is keys/program "$(grep -an PRIVATE "$TREE/keys/program" | head -n 1 | cut -d: -f1)" \
		secret.private_key high "$short"
}

settings() {
	mkdir -p "$TREE/settings"
	printf '%s\n' '# comment' 'DB_PASSWORD=Tr0ub4dor-3xyz' 'export API_KEY=A1b2C3d4E5f6G7h8' >"$TREE/settings/.env"
	case_is settings/.env 2 secret.assignment med "T..."
	case_is settings/.env 3 secret.assignment med "A1b2...G7h8"
	printf '[default]\r\naws_secret_access_key = A1b2C3d4E5f6G7h8/I9j0K1l2M3n4\r\n' >"$TREE/settings/credentials"
	case_is settings/credentials 2 secret.assignment med "A1b2...M3n4"
	printf 'db:\n  password: Tr0ub4dor-3xyz\n' >"$TREE/settings/app.yml"
	case_is settings/app.yml 2 secret.assignment med "T..."
	# The same outside of settings is code.
	echo 'secret = b64decode2_value' >"$TREE/settings/code.py"
}

# ---- what only looks like one ------------------------------------------------------

innocent() {
	mkdir "$TREE/innocent"
	{
		echo "${AKIA}IOSFODNN7EXAMPLE"
		echo "${AKIA}QWERTYUIOPASDFG"
		echo "${AKIA}QWERTYUIOPASDFGHJ"
		echo "X${AKIA}QWERTYUIOPASDFGH"
		echo "${GHP}tooshort"
		echo "${GHP}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		echo "${AIZA}SyTooShort"
		echo "$JWT_HEAD.$JWT_BODY"
		echo "$JWT_HEAD.$JWT_BODY.$JWT_SIGN.$JWT_SIGN"
		echo "https://user:password@host.org"
		echo "https://alice:Tr0ub4dor@example.com"
		echo "https://host:8080/@scope/package"
		echo 'password = "changeme123"'
		# shellcheck disable=SC2016
		echo 'password = "${DB_PASSWORD_1}"'
		echo "password = '{{ vault.db1 }}'"
		echo 'ENV_AUTH_TOKEN = "AWS_CONTAINER_TOKEN"'
		echo 'PASSWORD_FIELD = "field2_name"'
		echo '"secret_ref": "V1LocalObjectReference"'
		echo 'apiKeySource = "apiKeySource2"'
		echo 'if (password == "" || secret != "aaaaaaaa1")'
		echo 'password: "short1"'
		echo 'password = "only words in here 1"'
		echo 'secret="onlyletters"'
		echo 'EXOP_MODIFY_PASSWD = "1.3.6.1.4.1.4203.1.11.1"'
		echo "$BEGIN RSA PRIVATE KEY-----"
		echo "$BEGIN CERTIFICATE-----"
		echo "MIIBszCCAVmgAwIBAgIUQ2VydGlmaWNhdGVzIGFyZSBwdWJsaWM"
		echo "$BEGIN PUBLIC KEY-----"
		echo "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
	} >"$TREE/innocent/all.txt"
	{
		echo "Write a key like this:"
		echo "$BEGIN PRIVATE KEY-----"
		echo "..."
		echo "$END PRIVATE KEY-----"
	} >"$TREE/innocent/README"
	# Assignments in programs are the compiler's, not somebody's.
	printf 'password="Tr0ub4dor&3xyz"\0' >"$TREE/innocent/binary"
}

# ---- trees that hurt --------------------------------------------------------------------

hard_trees() {
	mkdir -p "$TREE/links" "$TREE/nothing"
	ln -s . "$TREE/links/loop"
	ln -s ../.. "$TREE/links/up"
	ln -s /etc/passwd "$TREE/links/passwd"
	ln -s nowhere "$TREE/links/dangling"
	: >"$TREE/nothing/empty"
	printf '\n\n\n' >"$TREE/nothing/lines"
	mkfifo "$TREE/nothing/pipe"
	deep=$TREE
	i=0
	while [ $i -lt 40 ]; do
		deep=$deep/d
		i=$((i + 1))
	done
	mkdir -p "$deep"
	echo "${AKIA}DEEPDEEPDEEPDEEP" >"$deep/file"
	case_is "${deep#"$TREE"/}/file" 1 secret.aws_access_key_id high "${AKIA}...DEEP"
	odd=$(printf 'tab\there "quoted" \\ \001')
	mkdir "$TREE/odd"
	echo "${AKIA}ODDODDODDODDODDO" >"$TREE/odd/$odd"
}

# What a scanner may not choke on; not given to the jail (too large to be quick).
huge() {
	mkdir "$WORK/huge"
	# 12 MiB in one line, a secret at its very end.
	{
		head -c 12000000 /dev/zero | tr '\0' 'a'
		echo " ${AKIA}ATTHEVERYENDABCD"
	} >"$WORK/huge/line"
	# Lines of prefixes only: quadratic time would show.
	yes "${JWT_HEAD%??????????????????}" | head -c 6000000 | tr -d '\n' >"$WORK/huge/eyj"
	yes 'secret=' | head -c 6000000 | tr -d '\n' >"$WORK/huge/names.env"
	yes 'secret="' | head -c 6000000 | tr -d '\n' >"$WORK/huge/quotes"
	yes '://a:' | head -c 6000000 | tr -d '\n' >"$WORK/huge/urls"
	yes -- "$BEGIN RSA PRIVATE KEY-----" | head -c 6000000 | tr -d '\n' >"$WORK/huge/begins"
	seen=$(scan "$WORK/huge")
	is "F066: huge lines: nothing but the one secret, in time" "$(cat "$WORK/status") $seen" \
		"$(printf '0 secret.aws_access_key_id\thigh\tline:1\t%s...ABCD' "$AKIA")"
	# More than it reads is named, not passed over.
	head -c 16777217 /dev/zero >"$WORK/huge/large"
	seen=$(scan "$WORK/huge" | grep incomplete)
	is "F146: what was not scanned is a finding" "$seen" "$(printf 'scan.incomplete\tinfo\tlarge\t')"
	like "F138: and stands in its log" "$(cat "$WORK/stderr")" '"large" skipped: more than 16 MiB'
	rm -rf "$WORK/huge"
}

deeper_than_64() {
	mkdir "$WORK/deep"
	(
		cd "$WORK/deep" || exit 1
		i=0
		while [ $i -lt 300 ]; do
			mkdir d && cd d || exit 1
			i=$((i + 1))
		done
		echo "${AKIA}DEEPDEEPDEEPDEEP" >file
	)
	seen=$(scan "$WORK/deep" | sed 's:/.*::')
	is "F066: 300 directories deep: named as not scanned" "$(cat "$WORK/status") $seen" \
		"$(printf '0 scan.incomplete\tinfo\td')"
	rm -rf "$WORK/deep"
}

unreadable() {
	mkdir -p "$WORK/closed/dir"
	echo "${AKIA}QWERTYUIOPASDFGH" >"$WORK/closed/open"
	echo "${AKIA}QWERTYUIOPASDFGH" >"$WORK/closed/shut"
	echo "${AKIA}QWERTYUIOPASDFGH" >"$WORK/closed/dir/file"
	chmod 000 "$WORK/closed/shut" "$WORK/closed/dir"
	chmod 755 "$WORK" && cp "$SCAN" "$WORK/scan"
	WHO=user as timeout 20 "$WORK/scan" "$WORK/closed" >"$WORK/stdout" 2>"$WORK/stderr"
	is "F066: what cannot be read does not end the scan" \
		"$? $(jq -r '[.type, .target] | join(" ")' "$WORK/stdout" | sort | tr '\n' ';')" \
		"0 scan.incomplete dir;secret.aws_access_key_id open:1;"
	is "F138: both are named" "$(grep -c 'skipped: Permission denied' "$WORK/stderr")" 2
}

# found_all FILE: the cases and no more; the odd name has a test of its own.
found_all() {
	grep -v odd/ "$1" | diff - "$EXPECTED.sorted"
}

no_secret_in() {
	# Every secret of the cases, whole; none may stand anywhere.
	printf '%s\n' QWERTYUIOPASDFGH "$B36" A1b2C3d4E5f6G7h8 Tr0ub4dor dBjftJeZ4CVPmB92 >"$WORK/secrets"
	grep -rlF -f "$WORK/secrets" "$1" && return 1
	return 0
}

# ---- outside the jail ----------------------------------------------------------------------

shapes
keys_of_all_kinds
settings
innocent
hard_trees
sort "$EXPECTED" >"$EXPECTED.sorted"
chmod -R a+rX "$TREE" "$WORK/p8"

scan "$TREE" >"$WORK/seen"
check "F027: every case is found, and nothing else" found_all "$WORK/seen"
is "F027: a file name of odd bytes" "$(jq -r 'select(.meta.file | test("^odd/")) | .meta.file' "$WORK/stdout")" "odd/$odd"
is "F027: exit status 0: finding is its work" "$(cat "$WORK/status")" 0
check "F159: no secret stands in what it says" no_secret_in "$WORK/stdout"
is "F066: of the innocent, none" "$(scan "$TREE/innocent")" ""
huge
deeper_than_64
unreadable
timeout 10 "$SCAN" "$WORK/nowhere" 2>"$WORK/stderr"
is "F095: no such input: status 2" "$?" 2
like "F095: and it says what to give" "$(cat "$WORK/stderr")" 'cannot open .*/nowhere.*--input'

# ---- inside -------------------------------------------------------------------------------

trust_root
plugin secretscan "$SCAN"
cp "$EXAMPLES/secretscan/manifest.json" "$PLUGIN/manifest.json"
allow secretscan
rm "$TREE/nothing/pipe"
for who in $IDENTITIES; do
	become "$who"
	run --input "$TREE" "$PLUGIN"
	is "F027: ($WHO) in the jail: status 0" "$STATUS" 0
	jq -r '[.type, .severity, .target, .evidence] | @tsv' "$RUN/findings.jsonl" | sort >"$WORK/seen"
	check "F027: ($WHO) in the jail it finds the same" found_all "$WORK/seen"
	is "F146: ($WHO) none of its findings was rejected" \
		"$(grep -c finding.reject "$RUN/journal/events.jsonl")" 0
	check "F159: ($WHO) no secret stands anywhere in the run folder" no_secret_in "$RUN"
	run --input "$WORK/p8" "$PLUGIN"
	is "F027: ($WHO) a single file as input" \
		"$STATUS $(jq -r .target "$RUN/findings.jsonl")" "0 p8:1"
	run --input "$TREE" --fail-on crit "$PLUGIN"
	is "F190: ($WHO) --fail-on crit: status 1" "$STATUS" 1
	run "$PLUGIN"
	is "F095: ($WHO) without --input it fails with status 2 of its own" \
		"$(jq -r '.ending.reason + " " + (.ending.exit_status | tostring)' "$RUN/run.json")" "exited 2"
done

# ---- hello-sh --------------------------------------------------------------------------------

cp -R "$EXAMPLES/hello-sh" "$TRUST/plugins/"
HELLO=$TRUST/plugins/hello-sh
sign "$HELLO/hello.sh"
(cd "$TRUST" && sha256sum plugins/hello-sh/manifest.json plugins/hello-sh/hello.sh) >>"$TRUST/ALLOWLIST"
mkdir -p "$WORK/notes/sub"
printf 'one\nFIXME: two "quoted" \\ <b>\n' >"$WORK/notes/a.txt"
printf 'FIXME\nFIXME again\n' >"$WORK/notes/sub/b.c"
echo '{"task_id": "greet-7"}' >"$WORK/task.json"
for who in $IDENTITIES; do
	become "$who"
	run --runtime system --input "$WORK/notes" --task "$WORK/task.json" "$HELLO"
	is "F050: ($WHO) a script plugin: status 0" "$STATUS" 0
	is "F142: ($WHO) it reports each marked line" \
		"$(jq -r '[.type, .severity, .target, .evidence] | @tsv' "$RUN/findings.jsonl")" \
		"$(printf '%s\t%s\t%s\t%s\n' \
			note.fixme info a.txt:2 'FIXME: two "quoted" \\ <b>' \
			note.fixme info sub/b.c:1 FIXME note.fixme info sub/b.c:2 'FIXME again')"
	is "F151: ($WHO) the task's name is in every finding" \
		"$(jq -r '.meta["oxg.task_id"]' "$RUN/findings.jsonl" | sort -u)" greet-7
	is "F131: ($WHO) it pulled its task" "$(head -n 1 "$RUN/logs/stdout.log")" \
		"task: $(wc -c <"$WORK/task.json") bytes"
	like "F138: ($WHO) its log line is in the journal" \
		"$(cat "$RUN/journal/events.jsonl")" "hello from run $(jq -r .run_id "$RUN/run.json")"
	is "F134: ($WHO) and handed its lines over" "$(cat "$RUN/artifacts/lines.txt")" \
		"$(printf '%s\n' './a.txt:2:FIXME: two "quoted" \ <b>' ./sub/b.c:1:FIXME './sub/b.c:2:FIXME again')"
	run --runtime system "$HELLO"
	is "F140: ($WHO) without input it says so and fails" \
		"$(jq -r .ending.exit_status "$RUN/run.json") $(cat "$RUN/logs/stderr.log")" \
		"2 hello-sh: nothing to read; give --input PATH"
	run "$HELLO"
	is "F050: ($WHO) without --runtime: status 4" "$STATUS" 4
	tells "F050: ($WHO) and what to type" "$ERR" '^oxg: hello-sh .*--runtime system'
done

# ---- quickstart --------------------------------------------------------------------------------

# The lines of its README, as they stand there, in a checkout that has nothing else. When
# they disagree with expected/ and are right: "make quickstart".
KEPT=$EXAMPLES/quickstart
as_told() {
	(cd "$TOP" && as sh -e "$WORK/lines")
}
for who in $IDENTITIES; do
	become "$who"
	TOP=$OUT/top
	mkdir -p "$TOP/examples"
	cp -R "$KEPT" "$TOP/examples/"
	cp "$OXG" "$TOP/oxg"
	chmod -R go-w "$TOP"
	[ "$(id -u)" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$TOP"
	sed -n 's/^  \(\.\/oxg diff .*\)/\1 || true/p; s/^  \(mkdir\|export\|\.\/oxg\|    --\|diff\)/\1/p' "$KEPT/README" >"$WORK/lines"
	is "F157: ($WHO) (commands in the README of quickstart)" "$(grep -cE '^(\./oxg|diff)' "$WORK/lines")" 6
	check "F157: ($WHO) each of them works" as_told
	as "$OXG" diff --json "$KEPT/expected" "$TOP/out/quickstart" >"$WORK/stdout"
	json "F157: ($WHO) oxg diff: nothing but the jail is another" "$WORK/stdout" \
		'.findings.same == 4 and all(.differences[]; .kind == "around" and (.name | startswith("isolation.")))'
	for name in findings.jsonl gate_report.json report.sarif inputs/manifest.json inputs/input.sha256; do
		check "F157: ($WHO) the same comes out: $name" cmp "$KEPT/expected/$name" "$TOP/out/quickstart/$name"
	done
	for format in md csv; do
		"$OXG" report "$KEPT/expected" --$format "$WORK/expected.$format"
		check "F157: ($WHO) and the same $format" sh -c "'$OXG' report '$TOP/out/quickstart' --$format - | cmp - '$WORK/expected.$format'"
	done
	# What the captures are for, by hand.
	is "F157: ($WHO) what a reader of the captures would find" \
		"$(jq -r '[.severity, .type, .target, .evidence] | @tsv' "$TOP/out/quickstart/findings.jsonl" | sort)" \
		"$(printf '%s\t%s\t%s\t%s\n' high headers.cookie basket.http:4 'Set-Cookie: basket' \
			info headers.csp basket.http:1 'HTTP/1.1 200 OK' low headers.version basket.http:2 'Server: cabinet/2.1' \
			med headers.redirect login.http:3 'Location: http://shop.example/basket')"
	echo '# changed' >>"$TOP/examples/quickstart/headers/headers.sh"
	(cd "$TOP" && as "$OXG" run --trust examples/quickstart --runtime system --input examples/quickstart/captures \
		--out out/changed examples/quickstart/headers 2>"$WORK/stderr")
	is "F157: ($WHO) a byte more in the plugin: status 3" "$?" 3
	echo 'Set-Cookie: more=1' >"$TOP/examples/quickstart/captures/more.http"
	cp "$KEPT/headers/headers.sh" "$TOP/examples/quickstart/headers/headers.sh"
	(cd "$TOP" && as "$OXG" run --trust examples/quickstart --runtime system --input examples/quickstart/captures \
		--out out/more examples/quickstart/headers 2>"$WORK/stderr")
	as "$OXG" diff "$KEPT/expected" "$TOP/out/more" >"$WORK/stdout"
	is "F157: ($WHO) other captures: oxg diff says what is new" "$? $(grep -c 'more.http:1' "$WORK/stdout")" "1 2"
done

# Lines as 0xGen writes them: all are taken, and but for what is the supervisor's to say
# (id, time, meta oxg.) the very bytes come out.
plugin lookout "$HOSTILE" '.findings = "stdout"'
set --
while IFS= read -r line; do
	set -- "$@" "$line"
done <"$KEPT/0xgen.jsonl"
run "$PLUGIN" -- print "$@"
ours() {
	sed -E 's/"(id|ts)":"[^"]*",//g; s/"oxg\.[a-z0-9_]*":"[^"]*",?//g; s/,\}/}/g' "$1"
}
is "F157: findings of 0xGen's form: none is refused" \
	"$STATUS $(jq -c '[.findings.accepted, .findings.rejected]' "$RUN/run.json")" "0 [$#,0]"
is "F157: and their bytes come out" "$(ours "$RUN/findings.jsonl")" "$(ours "$KEPT/0xgen.jsonl")"
check "F157: (which have what JSON may escape, and what is not ASCII)" grep -qP 'u003c.*\\u0026|[^\x00-\x7f]' "$KEPT/0xgen.jsonl"
check "F146: as the schema of findings says" sh -c "'$OXG' schema finding >'$WORK/finding.json' &&
	jq -s . '$KEPT/0xgen.jsonl' >/dev/null && python3 -c 'import json, jsonschema, sys
s = json.load(open(sys.argv[1]))
[jsonschema.validate(json.loads(l), s) for l in open(sys.argv[2])]' '$WORK/finding.json' '$KEPT/0xgen.jsonl'"
finish
