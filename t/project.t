#!/bin/sh
# The operator's tree (--project): what fs.list and fs.read show of it, what they never
# show, and what fs.write and fs.delete leave of it in the run folder (F122, F175). The
# tree and the links in it are made here; digests are sha256sum's.
# shellcheck source=/dev/null disable=SC2016,SC2154 # $1 is the plugin's to expand, $T asker's
. "${0%/*}/lib.sh"

trust_root
CAPS='["CAP_EMIT_FINDINGS", "CAP_WORKSPACE_READ", "CAP_WORKSPACE_WRITE"]'
printf '#!/bin/sh\neval "$1"\n' >"$WORK/script"
plugin shell "$WORK/script" ".capabilities = $CAPS | .runtime = \"system\""
SHELL_PLUGIN=$PLUGIN
plugin asker "$BUILD/plugins/asker" ".capabilities = $CAPS"
ASKER=$PLUGIN
TREE="$WORK/my project"

GRANT='--grant CAP_WORKSPACE_READ --grant CAP_WORKSPACE_WRITE'

# sh_run SCRIPT: in the jail, with the tree.
sh_run() {
	# shellcheck disable=SC2086 # words
	run --runtime system $GRANT --project "$TREE" "$SHELL_PLUGIN" -- "$1"
}

# ask MEMBERS METHOD ...: requests of asker, one answer each.
ask() {
	while [ $# -gt 1 ]; do
		n=$((${n:-0} + 1))
		printf '+{"jsonrpc":"2.0","id":%d,"method":"%s","params":{"token":"$T"%s}}\n=1\n' "$n" "$2" "${1:+,$1}"
		shift 2
	done >"$WORK/words"
	set --
	while IFS= read -r line; do
		set -- "$@" "$line"
	done <"$WORK/words"
	# shellcheck disable=SC2086 # words
	run ${OPTIONS-$GRANT} ${PROJECT+--project "$PROJECT"} "$ASKER" -- "$@"
	unset n
}

# answer N: "ok", or the code and the sentence.
answer() {
	sed -n "$1p" "$RUN/logs/stdout.log" | jq -r 'if .error then "\(.error.code) \(.error.message)" else "ok" end'
}

events() {
	jq -c "select(.type == \"$1\")" "$RUN/journal/events.jsonl"
}

sum() {
	sha256sum | cut -c1-64
}

# ---- the tree -------------------------------------------------------------------------------

tree() {
	rm -rf "$TREE"
	mkdir -p "$TREE/src/deep/er" "$TREE/.git" "$TREE/bin" "$WORK/outside/sub"
	echo 'a secret of somebody else' >"$WORK/outside/sub/file"
	printf 'one\ntwo\nthree\n' >"$TREE/src/a.txt"
	printf 'x\n' >"$TREE/src/deep/er/x"
	printf '#!/bin/sh\necho hi\n' >"$TREE/bin/tool"
	chmod 755 "$TREE/bin/tool"
	head -c 3000000 /dev/urandom >"$TREE/big"
	: >"$TREE/empty"
	echo 'no path of ours' >"$TREE/src/back\\slash"
	printf 'caf\303\251\n' >"$TREE/src/$(printf 'caf\303\251 au lait.txt')"
	printf '[core]\n' >"$TREE/.git/config"
	ln -s /etc/passwd "$TREE/passwd"
	ln -s ../outside/sub "$TREE/way-out"
	ln -s src "$TREE/way-in"
	mkfifo "$TREE/pipe"
	truncate -s 2G "$TREE/sparse"
	echo closed >"$TREE/closed"
	chmod 000 "$TREE/closed"
	chown -R "$1" "$TREE" 2>/dev/null
	chmod a+rx "$WORK/outside" "$WORK/outside/sub"
}

looks() {
	sh_run 'oxg broker fs list && oxg broker fs list src && oxg broker fs read src/a.txt &&
		oxg broker fs read big | sha256sum && oxg broker fs read empty | wc -c &&
		oxg broker fs read "src/'"$(printf 'caf\303\251')"' au lait.txt" && ls -a / /home /workspace /tmp | grep -c project
		grep -c "my project" /proc/self/mountinfo; env | grep -c project; true'
	is "F122: ($WHO) a script lists and reads: status" "$STATUS" 0
	is "F122: ($WHO) fs list: names, kinds, sizes, sorted" "$(sed -n '1,11p' "$RUN/logs/stdout.log" | jq -r '"\(.name) \(.kind) \(.bytes)"')" \
"$(printf '%s\n' '.git dir 0' 'big file 3000000' 'bin dir 0' 'closed file 7' 'empty file 0' 'passwd link 0' 'pipe other 0' \
		'sparse file 2147483648' 'src dir 0' 'way-in link 0' 'way-out link 0')"
	is "F122: ($WHO) fs read: the bytes" "$(sed -n '15,17p' "$RUN/logs/stdout.log")" "$(cat "$TREE/src/a.txt")"
	is "F122: ($WHO) fs read of 3,000,000 bytes" "$(sed -n '18p' "$RUN/logs/stdout.log" | cut -c1-64)" "$(sum <"$TREE/big")"
	is "F122: ($WHO) an empty file, a name in UTF-8 with blanks" "$(sed -n '19,20p' "$RUN/logs/stdout.log")" "$(printf '0\ncaf\303\251')"
	is "F175: ($WHO) the jail knows nothing of the tree" "$(sed -n '21,$p' "$RUN/logs/stdout.log")" "$(printf '0\n0\n0')"
	is "F122: ($WHO) the journal has what was given" \
		"$(events fs.read | jq -r 'select(.path == "src/a.txt") | "\(.offset) \(.bytes) \(.sha256)"')" \
		"0 14 $(sum <"$TREE/src/a.txt")"
	is "F122: ($WHO) six pieces of the large one" "$(events fs.read | jq -s '[.[] | select(.path == "big") | .bytes] | [length, add]' -c)" '[6,3000000]'
	is "F122: ($WHO) and what was listed" "$(events fs.list | jq -rs 'map("\(.path) \(.entries)") | join(", ")')" '. 11, src 3'
	json "F122: ($WHO) run.json knows the project, and that it is live" "$RUN/run.json" \
		".project == {path: \"$TREE\", snapshotted: false}"
	check "F175: ($WHO) the folder holds" as "$OXG" check "$RUN"
}

# ---- what is never shown ------------------------------------------------------------------------

# denied WHAT MEMBERS PATTERN [METHOD]: one of a list of requests, answered together.
denied() {
	printf '%s\t%s\t%s\t%s\n' "$1" "${2:-,}" "$3" "${4:-fs.read}" >>"$WORK/denied"
}

denials() {
	: >"$WORK/denied"
	link='-32003 .*is a link, or behind one'
	denied 'a link to /etc/passwd' '"path":"passwd"' "$link"
	denied 'a link to a file outside' '"path":"way-out/file"' "$link"
	denied 'a link to a directory inside' '"path":"way-in/a.txt"' "$link"
	denied 'a list through a link' '"path":"way-out"' "$link" fs.list
	denied '..' '"path":"../outside/sub/file"' '-32602 .*has a part that is'
	denied '.. that stays' '"path":"src/../src/a.txt"' '-32602 .*has a part that is'
	denied 'an absolute path' '"path":"/etc/passwd"' '-32602 .*has a part that is'
	denied '/proc/self/root' '"path":"/proc/self/root/etc/passwd"' '-32602 .*has a part'
	denied 'a NUL' '"path":"src/a.txt\u0000x"' '-32602 .*cannot be seen'
	denied 'a backslash' '"path":"src/back\\slash"' '-32602 .*a backslash'
	denied 'an empty path' '"path":""' '-32602 .*is empty'
	denied 'no path' '' '-32602 .*is missing'
	denied 'a number' '"path":7' '-32602 .*is missing, or is no text'
	denied 'an unknown member' '"path":"empty","follow":true' '-32602 params has a member'
	denied 'what is not there' '"path":"src/none"' '-32602 .*is not there'
	denied 'behind a file' '"path":"empty/x"' '-32602 .*is no directory, or behind'
	denied 'a directory' '"path":"src"' '-32003 .*is no regular file'
	denied 'a pipe' '"path":"pipe"' '-32003 .*is no regular file'
	denied 'a file listed' '"path":"empty"' '-32602 .*is no directory' fs.list
	denied 'a closed file' '"path":"closed"' '-32003 .*may not be read'
	denied 'too much' '"path":"big","length":524289' '-32602 .*length is none'
	denied 'a negative offset' '"path":"big","offset":-1' '-32602 offset is no figure'
	denied 'after that is none' '"after":7' '-32602 after is no name' fs.list
	denied 'a write through a link' '"path":"way-out/file","text":"x"' "$link" fs.write
	denied 'a write over a link' '"path":"passwd","text":"x"' "$link" fs.write
	denied 'a write to ..' '"path":"../x","text":"x"' '-32602 .*has a part that is' fs.write
	denied 'a write over a directory' '"path":"src","text":"x"' '-32003 .*is no regular file' fs.write
	denied 'a write behind a file' '"path":"empty/x","text":"x"' '-32602 .*is no directory, or behind' fs.write
	denied 'a write without bytes' '"path":"n"' '-32602 give the bytes' fs.write
	denied 'a write at an offset' '"path":"n","text":"x","offset":5' '-32602 no file of this name is open' fs.write
	denied 'executable: 1' '"path":"n","text":"x","executable":1' '-32602 executable is neither' fs.write
	denied 'a deletion of nothing' '"path":"n"' '-32602 .*is not there' fs.delete
	denied 'a deletion of a directory' '"path":"src"' '-32003 .*is no regular file' fs.delete
	denied 'a deletion of a link' '"path":"passwd"' "$link" fs.delete
	denied 'a deletion outside' '"path":"../outside/sub/file"' '-32602 .*has a part that is' fs.delete
	set --
	while IFS='	' read -r what members pattern method; do
		set -- "$@" "$(printf %s "$members" | sed 's/^,$//')" "$method"
	done <"$WORK/denied"
	PROJECT=$TREE ask "$@" ''
	is "F175: ($WHO) hostile paths: the plugin ran to its end" "$STATUS $(reason)" "0 exited"
	n=0
	while IFS='	' read -r what members pattern method; do
		n=$((n + 1))
		like "F175: ($WHO) $method of $what" "$(answer "$n")" "^$pattern"
	done <"$WORK/denied"
	unset n
	is "F175: ($WHO) nothing of it was given" "$(grep -c 'somebody else\|root:x:' "$RUN/logs/stdout.log")" 0
	is "F175: ($WHO) nothing is staged" "$(ls -d "$RUN/changes" "$RUN/changes.json" 2>/dev/null)" ''
	is "F175: ($WHO) each refusal is in the journal" "$(events request.refuse | wc -l)" "$(wc -l <"$WORK/denied")"
}

# What a plain reader follows, so that the guard is seen to be one.
fooled() {
	check "F175: cat follows the link to /etc/passwd" cmp "$TREE/passwd" /etc/passwd
	check "F175: and the one out of the tree" cmp "$TREE/way-out/file" "$WORK/outside/sub/file"
	check "F175: and .." cmp "$TREE/src/../../outside/sub/file" "$WORK/outside/sub/file"
	timeout 0.2 cat "$TREE/pipe" >/dev/null 2>&1
	is "F175: and waits at the pipe" $? 124
}

capabilities() {
	PROJECT=$TREE
	OPTIONS='--grant CAP_WORKSPACE_WRITE' ask '"path":"empty"' fs.read '' fs.list '"path":"n","text":"x"' fs.write ''
	like "F122: fs.read without CAP_WORKSPACE_READ" "$(answer 1)" '^-32001 fs.read needs CAP_WORKSPACE_READ'
	like "F122: fs.list without it" "$(answer 2)" '^-32001'
	is "F122: while fs.write works" "$(answer 3)" ok
	OPTIONS='--grant CAP_WORKSPACE_READ' ask '"path":"n","text":"x"' fs.write '"path":"empty"' fs.delete '"path":"empty"' fs.read ''
	like "F122: fs.write without CAP_WORKSPACE_WRITE" "$(answer 1)" '^-32001 fs.write needs CAP_WORKSPACE_WRITE'
	like "F122: fs.delete without it" "$(answer 2)" '^-32001'
	is "F122: while fs.read works" "$(answer 3)" ok
	unset PROJECT OPTIONS
	ask '"path":"empty"' fs.read '' fs.list '"path":"n","text":"x"' fs.write '"path":"empty"' fs.delete ''
	for i in 1 2 3 4; do
		like "F122: without --project: answer $i" "$(answer $i)" '^-32003 this run has no project'
	done
	json "F122: and run.json has none" "$RUN/run.json" 'has("project") | not'
	for bad in way-in empty none pipe; do
		run --project "$TREE/$bad" "$ASKER"
		is "F122: --project $bad: status 2, no folder" "$STATUS $(ls -d "$RUN" "$RUN.partial" 2>/dev/null)" '2 '
		like "F122: one sentence" "$(cat "$ERR")" '^oxg: --project .*: '
	done
	run --project "$TREE/way-in" "$ASKER"
	like "F122: a link is called one" "$(cat "$ERR")" 'it is no directory, or a link: name the directory itself'
	# What the kernel has not, nobody is asked to do without.
	ERR=$OUT/old
	as "$BUILD/plugins/lesser" 38 openat2 "$OXG" run --trust "$TRUST" --project "$TREE" "$ASKER" >"$ERR" 2>&1
	is "F122: a kernel without openat2: refused before running" "$?" 4
	like "F122: and told" "$(cat "$ERR")" 'this kernel has no openat2'
}

# ---- much of it ---------------------------------------------------------------------------------

crowd() {
	mkdir -p "$TREE/crowd"
	(cd "$TREE/crowd" && seq -f 'a file that has the number %06g' 1 3000 | xargs -d '\n' touch)
	sh_run 'oxg broker fs list crowd >/tmp/list; wc -l </tmp/list; tail -n 1 /tmp/list; oxg broker call fs.list "{\"path\":\"crowd\"}" | wc -c'
	is "F122: a directory of 3000: all of them" "$(sed -n 1p "$RUN/logs/stdout.log")" 3000
	like "F122: the last one last" "$(sed -n 2p "$RUN/logs/stdout.log")" 'number 003000'
	check "F122: a page is below 1 MiB" within 1000 "$(sed -n 3p "$RUN/logs/stdout.log")" 1048576
	rm -r "$TREE/crowd"
	sh_run 'oxg broker call fs.read "{\"path\":\"sparse\",\"offset\":2147483640}"; oxg broker call fs.read "{\"path\":\"sparse\",\"offset\":4503599627370496}"
		oxg broker call fs.write "{\"path\":\"sparse\",\"text\":\"x\"}" 2>&1'
	like "F122: the end of 2 GiB of nothing" "$(sed -n 1p "$RUN/logs/stdout.log")" '^\{"text":"(.u0000){8}","bytes":2147483648,"eof":true'
	like "F122: beyond it" "$(sed -n 2p "$RUN/logs/stdout.log")" '^\{"text":"","bytes":2147483648,"eof":true'
	like "F122: too large a file to change" "$(sed -n 3p "$RUN/logs/stdout.log")" 'is larger than 64 MiB'
}

# A directory becomes a link to another, and a directory again, while it is read.
swapped() {
	mkdir "$TREE/moving" "$TREE/elsewhere"
	echo inside >"$TREE/moving/file"
	python3 -c 'import os, sys, time
os.chdir(sys.argv[1])
end = time.time() + 8
while time.time() < end and not os.path.exists(sys.argv[3]):
	os.rename("moving", "elsewhere/m")
	os.symlink(sys.argv[2], "moving")
	os.unlink("moving")
	os.rename("elsewhere/m", "moving")' "$TREE" "$WORK/outside/sub" "$WORK/stop" &
	swapper=$!
	i=0
	led=no
	while [ $i -lt 2000 ] && [ $led = no ]; do
		i=$((i + 1))
		grep -qs 'somebody else' "$TREE/moving/file" && led=yes
	done
	is "F175: who opens by name is led out of the tree" $led yes
	set --
	for i in $(seq 200); do
		set -- "$@" '"path":"moving/file"' fs.read
	done
	PROJECT=$TREE ask "$@" ''
	: >"$WORK/stop"
	wait $swapper
	rm "$WORK/stop"
	is "F175: fs.read is not: 200 answers, of three kinds" "$(jq -r '.result.text // .error.message' "$RUN/logs/stdout.log" |
		grep -c '^inside$\|^$\|is a link, or behind one\|is not there')" "$(jq -r '.result.text // .error.message' "$RUN/logs/stdout.log" | wc -l)"
	is "F175: none was led out" "$(grep -c 'somebody else' "$RUN/logs/stdout.log")" 0
	check "F175: and some were the file's" grep -q '"text":"inside.n"' "$RUN/logs/stdout.log"
	rm -rf "$TREE/moving" "$TREE/elsewhere"
}

# ---- what is staged ---------------------------------------------------------------------------------

stage() {
	sh_run 'cd /tmp; printf "one\n2\nthree\n" >a; printf "#!/bin/sh\n" >t; head -c 2000000 /dev/zero >z
		oxg broker fs write src/a.txt a && oxg broker fs write "new/dir/ein name" - <a && oxg broker fs write bin/tool t &&
		oxg broker fs write bin/new t --executable yes && oxg broker fs write zeros z && oxg broker fs delete src/deep/er/x &&
		oxg broker fs read src/a.txt; ! oxg broker fs write src/a.txt a; ! oxg broker fs delete src/a.txt; ! oxg broker fs write new a'
	is "F175: ($WHO) changes are staged: status" "$STATUS" 6
	is "F175: ($WHO) fs.read shows the tree, not what is staged" "$(sed -n '7,9p' "$RUN/logs/stdout.log")" "$(cat "$TREE/src/a.txt")"
	is "F175: ($WHO) a path is staged once" "$(grep -c 'handed over already' "$RUN/logs/stderr.log")" 3
	is "F175: ($WHO) what lies below changes/" "$(cd "$RUN/changes" && find . -type f | sort | tr '\n' ' ')" \
		'./bin/new ./bin/tool ./new/dir/ein name ./src/a.txt ./zeros '
	check "F175: ($WHO) the bytes" test "$(cat "$RUN/changes/src/a.txt")" = "$(printf 'one\n2\nthree')"
	is "F175: ($WHO) the tree is as it was" "$(cat "$TREE/src/a.txt" "$TREE/src/deep/er/x" && ls "$TREE/bin")" "$(printf 'one\ntwo\nthree\nx\ntool')"
	json "F175: ($WHO) changes.json: what, over what, in order" "$RUN/changes.json" \
		"[.changes[] | [.path, .op, .sha256, .bytes, .executable, .base_sha256, .base_bytes, .base_lines]] == [
		[\"bin/new\", \"write\", \"$(printf '#!/bin/sh\n' | sum)\", 10, true, null, 0, 0],
		[\"bin/tool\", \"write\", \"$(printf '#!/bin/sh\n' | sum)\", 10, true, \"$(sum <"$TREE/bin/tool")\", 18, 2],
		[\"new/dir/ein name\", \"write\", \"$(printf 'one\n2\nthree\n' | sum)\", 12, false, null, 0, 0],
		[\"src/a.txt\", \"write\", \"$(printf 'one\n2\nthree\n' | sum)\", 12, false, \"$(sum <"$TREE/src/a.txt")\", 14, 3],
		[\"src/deep/er/x\", \"delete\", null, 0, false, \"$(sum <"$TREE/src/deep/er/x")\", 2, 1],
		[\"zeros\", \"write\", \"$(head -c 2000000 /dev/zero | sum)\", 2000000, false, null, 0, 0]]"
	json "F175: ($WHO) and whose" "$RUN/changes.json" ".run_id == \"$(jq -r .run_id "$RUN/run.json")\" and .project == \"$TREE\""
	is "F175: ($WHO) an event for each" "$(jq -r 'select(.type == "fs.write" or .type == "fs.delete") | "\(.type) \(.path)"' "$RUN/journal/events.jsonl" | sort)" \
		"$(jq -r '.changes[] | "fs.\(.op) \(.path)"' "$RUN/changes.json" | sort)"
	like "F175: ($WHO) report.html shows them" "$(tr -d '\n' <"$RUN/report.html" | grep -o 'Staged changes</h2>.*')" 'Staged changes</h2><p>For .*write</th><td>src/a.txt</td><td>12 bytes.*delete</th><td>src/deep/er/x</td>'
	json "F181: ($WHO) the gate counts lines: 2001 of one without end, 3, 3, 2, 1, 1" "$RUN/gate_report.json" \
		'[.rules[] | select(.rule == "patch_size" or .rule == "staged_changes") | "\(.result) \(.detail)"] ==
		["pass 6 changes staged, 1 of them deletions", "approval 2011 lines staged, 400 pass without an approval"]'
	json "F022: ($WHO) the gate knows that it was live" "$RUN/gate_report.json" \
		'.rules[] | select(.rule == "input_snapshotted") | .result == "not_applicable" and (.detail | test("--project"))'
	check "F175: ($WHO) the folder holds" as "$OXG" check "$RUN"
}

# tampered WHAT COMMAND PATTERN: with digests that fit again, so that nothing but the
# check of changes can tell.
tampered() {
	rm -rf "$WORK/copy"
	cp -r "$RUN" "$WORK/copy"
	chmod -R u+w "$WORK/copy"
	(cd "$WORK/copy" && eval "$2" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | tr '\n' '\0' |
		xargs -0 sha256sum >../sums && mv ../sums SHA256SUMS)
	"$OXG" check "$WORK/copy" >"$WORK/said" 2>&1
	is "F175: $1: oxg check says 5" "$?" 5
	like "F175: $1: the sentence" "$(cat "$WORK/said")" "$3"
}

# listed WHAT JQ PATTERN: a change of changes.json.
listed() {
	tampered "$1" "jq --indent 2 '$2' changes.json >../edited && cp ../edited changes.json" "$3"
}

tampering() {
	tampered 'a staged byte' 'printf x >>changes/src/a.txt' 'changes.json: src/a.txt is not as it lies'
	tampered 'a file that is not listed' 'echo >changes/other' 'changes.json: other is not as it lies'
	tampered 'a file that is gone' 'rm changes/new/dir/ein\ name && rmdir changes/new/dir changes/new' 'ein name is not as it lies'
	tampered 'no list' 'rm changes.json' 'changes.json: .* is not as it lies'
	tampered 'a list of another spelling' 'jq -c . changes.json >../edited && cp ../edited changes.json' 'is not what a run writes'
	listed 'a deletion that is not listed' '.changes |= map(select(.op == "write"))' 'src/deep/er/x is not as the journal'
	listed 'a deletion too many' '.changes |= map(., if .op == "delete" then .path = "src/z" else empty end)' 'it is not as the journal'
	listed 'another base' '.changes[3].base_sha256 = ("0" * 64)' 'src/a.txt is not as the journal'
	listed 'another project' '.project = "/"' 'is not what a run writes, or tells of another'
	listed 'an unknown member' '.changes[0].mode = 7' 'changes.json does not follow the schema'
	listed 'a path that climbs' '.changes[0].path = "../x"' 'is not what a run writes'
	listed 'another order' '.changes |= reverse' 'is not what a run writes'
}

pieces() {
	PROJECT=$TREE
	ask '"path":"p","text":"ab","more":true' fs.write '"path":"p","text":"cd","offset":2,"more":true' fs.write \
		'"path":"p","text":"x","offset":1' fs.write '"path":"p","base64":"ZQ==","offset":4' fs.write \
		'"path":"open","text":"never ended","more":true' fs.write '"path":"empty","base64":""' fs.write ''
	is "F175: pieces" "$(for i in 1 2 3 4 5 6; do answer $i | cut -c1-6; done | tr '\n' ' ')" 'ok ok -32602 ok ok ok '
	is "F175: one file of them" "$(cat "$RUN/changes/p")" abcde
	is "F175: what did not end is not there" "$(jq -c '[.changes[].path]' "$RUN/changes.json")" '["empty","p"]'
	echo 'correct horse battery staple' >"$WORK/value"
	chmod a+r "$WORK/value"
	jq '.secrets = ["word"]' "$here/policy.json" >"$WORK/policy.json"
	OPTIONS="$GRANT --policy $WORK/policy.json --secret word=file:$WORK/value" ask \
		'"path":"s","text":"it is correct horse battery staple, he said"' fs.write \
		'"path":"mail","text":"Somebody <somebody@example.org>\n"' fs.write ''
	like "F180: a secret of this run is not staged" "$(answer 1)" '^-32003 a secret or token of this run is in it'
	is "F180: an address is, and is not masked" "$(cat "$RUN/changes/mail")" 'Somebody <somebody@example.org>'
	is "F180: the value is nowhere" "$(grep -rl 'horse battery' "$RUN")" ''
	check "F175: the folder holds" "$OXG" check "$RUN"
	unset OPTIONS
}

protected() {
	ask '"path":".GIT/hooks/pre-commit","text":"x"' fs.write ''
	is "F048: .GIT is .git: status 6" "$STATUS" 6
	ask '"path":".git/config"' fs.delete ''
	is "F048: a deletion in .git: status 6" "$STATUS" 6
	like "F048: and why" "$(jq -r '.reasons[]' "$RUN/gate_report.json")" '^1 change to protected paths, the first to .git/config'
	ask '"path":".gitignore","text":"x"' fs.write ''
	is "F048: .gitignore is none" "$STATUS" 0
	jq '.gate.on_unsnapshotted = "block"' "$here/policy.json" >"$WORK/policy.json"
	OPTIONS="$GRANT --policy $WORK/policy.json" ask '"path":"n","text":"x"' fs.write ''
	is "F022: a policy that takes no live tree blocks: status 1" "$STATUS" 1
	as "$OXG" replay --trust "$TRUST" --out "$OUT/again" "$RUN" >"$WORK/said" 2>&1
	is "F158: no replay of a live tree: status 3" "$?" 3
	like "F158: the sentence" "$(cat "$WORK/said")" 'cannot be replayed: it had a live tree'
}

for who in $IDENTITIES; do
	become "$who"
	unset PROJECT
	tree "$([ "$who" = user ] && echo 65533:65533 || echo 0:0)"
	looks
	denials
	unset PROJECT
	stage
	[ "$who" != "${IDENTITIES%% *}" ] || STAGED=$RUN
done
become "${IDENTITIES%% *}"
tree 0:0
fooled
capabilities
crowd
swapped
RUN=$STAGED
tampering
pieces
protected
finish
