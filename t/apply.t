#!/bin/sh
# oxg apply: staged changes, written into the operator's tree (F175, F048, F174). What
# must be there afterwards is said by sha256sum, find and stat; that a plain writer is led
# out of the tree is shown first.
# shellcheck source=/dev/null disable=SC2016,SC2154 # $T is asker's to expand
. "${0%/*}/lib.sh"

trust_root
plugin asker "$BUILD/plugins/asker" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_WORKSPACE_READ", "CAP_WORKSPACE_WRITE"]'
ASKER=$PLUGIN
TREE=$WORK/tree
EDITED="caf$(printf '\303\251') und mehr.txt"

# stage MEMBERS METHOD ...: a run that stages so; the last word may be a policy.
stage() {
	n=0
	while [ $# -gt 1 ]; do
		n=$((n + 1))
		printf '+{"jsonrpc":"2.0","id":%d,"method":"%s","params":{"token":"$T",%s}}\n=1\n' "$n" "fs.$2" "$1"
		shift 2
	done >"$WORK/words"
	set -- "$1"
	policy=${1:-$here/policy.json}
	set --
	while IFS= read -r line; do
		set -- "$@" "$line"
	done <"$WORK/words"
	run --policy "$policy" --grant CAP_WORKSPACE_READ --grant CAP_WORKSPACE_WRITE --project "$TREE" "$ASKER" -- "$@"
	[ "$(grep -c '"result"' "$RUN/logs/stdout.log")" = "$n" ] || echo "# not all is staged: $(cat "$RUN/logs/stdout.log")"
}

# apply OPTION...: of RUN to TREE. STATUS, $WORK/said, $WORK/json.
apply() {
	ERR=$WORK/said
	as timeout -k 1 30 "$OXG" apply --to "${TO-$TREE}" "$@" "${OF-$RUN}" >"$WORK/json" 2>"$ERR"
	STATUS=$?
}

tree() {
	rm -rf "$TREE"
	mkdir -p "$TREE/src/deep" "$TREE/.git"
	printf 'one\ntwo\n' >"$TREE/src/a"
	echo bye >"$TREE/src/deep/gone"
	printf '#!/bin/sh\n' >"$TREE/tool"
	chmod 755 "$TREE/tool"
	echo old >"$TREE/$EDITED"
	echo git >"$TREE/.git/config"
	[ "$(id -u)" -ne 0 ] || [ "$WHO" = root ] || chown -R 65533:65533 "$TREE"
}

# All of the tree: names, kinds, modes, and when each was last touched in any way.
state() {
	find "$TREE" -printf '%P %y %m %s %i %C@\n' | sort
}

unchanged() {
	is "F175: $1: nothing was written" "$(state)" "$BEFORE"
	is "F175: $1: no record" "$(ls -d "$RUN".applied* 2>/dev/null)" ''
}

sum() {
	sha256sum | cut -c1-64
}

# All kinds of change at once.
stage_all() {
	stage '"path":"src/a","text":"one\n2\n"' write '"path":"src/deep/gone"' delete '"path":"tool","text":"#!/bin/dash\n"' write \
		'"path":"new/dir/file","text":"new\n"' write '"path":"bin","text":"#!\n","executable":true' write \
		'"path":"'"$EDITED"'","text":"new\n"' write ''
}

applied() {
	tree
	stage_all
	is "F175: ($WHO) the run that stages: status" "$STATUS" 0
	BEFORE=$(state)
	apply --dry-run
	is "F175: ($WHO) --dry-run: status" "$STATUS" 0
	like "F175: ($WHO) it says what would be done" "$(cat "$ERR")" '6 changes would be applied'
	unchanged "($WHO) --dry-run"
	apply --json
	is "F175: ($WHO) applied: status" "$STATUS" 0
	is "F175: ($WHO) the files" "$(cat "$TREE/src/a" "$TREE/tool" "$TREE/new/dir/file" "$TREE/bin" "$TREE/$EDITED" "$TREE/.git/config")" \
		"$(printf 'one\n2\n#!/bin/dash\nnew\n#!\nnew\ngit')"
	check "F175: ($WHO) and one gone" test ! -e "$TREE/src/deep/gone"
	is "F175: ($WHO) modes" "$(cd "$TREE" && stat -c '%n %a' src/a tool new/dir/file bin new)" \
		"$(printf 'src/a 644\ntool 755\nnew/dir/file 644\nbin 755\nnew 755')"
	is "F175: ($WHO) nothing else is there" "$(cd "$TREE" && find . | wc -l)" 12
	json "F175: ($WHO) the record: which run, which gate, what" "$RUN.applied.json" "
		.result == \"applied\" and .run_id == \"$(jq -r .run_id "$RUN/run.json")\" and .to == \"$TREE\" and .approved_by == [] and
		.gate_report_sha256 == \"$(sum <"$RUN/gate_report.json")\" and
		[.changes[] | .state] == [\"done\", \"done\", \"done\", \"done\", \"done\", \"done\"] and
		(.changes[] | select(.path == \"src/a\") | [.base_sha256, .sha256]) ==
		[\"$(printf 'one\ntwo\n' | sum)\", \"$(printf 'one\n2\n' | sum)\"]"
	check "F175: ($WHO) --json is the record" cmp "$WORK/json" "$RUN.applied.json"
	[ "$WHO" = user ] || check "F175: it and changes.json follow their schemas" follow "$RUN.applied.json" "$RUN/changes.json"
	check "F175: ($WHO) the folder still holds" as "$OXG" check "$RUN"
	BEFORE=$(state)
	apply
	is "F175: ($WHO) once more: status" "$STATUS" 0
	like "F175: ($WHO) all is there already" "$(cat "$ERR")" ': 0 changes applied to .*, 6 already there'
	is "F175: ($WHO) nothing was written" "$(state)" "$BEFORE"
	is "F175: ($WHO) and no second record" "$(find "$OUT" -name "${RUN##*/}.applied*" | wc -l)" 1
	echo bye >"$TREE/src/deep/gone"
	apply
	is "F175: ($WHO) one of them undone: it alone is done again" "$STATUS $(jq -r '[.changes[] | select(.state == "done") | .path] | join(" ")' "$RUN.applied-2.json")" '0 src/deep/gone'
}

# follow APPLIED CHANGES: python's word.
follow() {
	"$OXG" schema applied >"$WORK/applied" && "$OXG" schema changes >"$WORK/changes" && python3 -c 'import json, sys, jsonschema
for schema, document in sys.argv[1:3], sys.argv[3:]:
	jsonschema.Draft7Validator(json.load(open(schema))).validate(json.load(open(document)))' \
		"$WORK/applied" "$1" "$WORK/changes" "$2"
}

# ---- what is refused ------------------------------------------------------------------------------

# conflict WHAT COMMAND PATTERN: somebody was at the tree.
conflict() {
	tree
	(cd "$TREE" && eval "$2")
	BEFORE=$(state)
	apply
	is "F175: $1: status 3" "$STATUS" 3
	like "F175: $1: the sentence" "$(cat "$ERR")" "$3"
	like "F175: $1: and what to do" "$(cat "$ERR")" '^oxg: [1-9] changes? do(es)? not fit .*nothing was applied; run the plugin again'
	unchanged "$1"
}

conflicts() {
	tree
	stage_all
	conflict 'a file was changed' 'echo more >>src/a' 'src/a is not what the plugin saw'
	conflict 'a file is gone' 'rm src/a' 'src/a is not what the plugin saw'
	conflict 'a file is there' 'echo else >bin' 'bin is there now, and was not'
	conflict 'one to be deleted was changed' 'echo more >>src/deep/gone' 'src/deep/gone is not what'
	conflict 'a file became a link to its like' 'mv src/a ../like; ln -s ../../like src/a' 'src/a is a link, or behind one'
	conflict 'a directory became a link' 'mv src ../src2; ln -s ../src2 src' 'src/a is a link, or behind one'
	rm -rf "$WORK/src2"
	conflict 'a file became a directory' 'rm tool; mkdir tool' 'tool is no regular file'
	conflict 'a file became a pipe' 'rm tool; mkfifo tool' 'tool is no regular file'
	conflict 'a new directory is a file' 'echo >new' 'new/dir/file is no directory, or behind what is none'
	conflict 'a new name is a dangling link' "ln -s $WORK/nowhere bin" 'bin is a link'
	tree
	echo more | tee -a "$TREE/src/a" "$TREE/tool" "$TREE/$EDITED" "$TREE/bin" "$TREE/src/deep/gone" >/dev/null
	mkdir -p "$TREE/new/dir/file"
	apply
	is "F175: six conflicts, five of them told" "$(wc -l <"$ERR")" 6
}

# refused WHAT STATUS PATTERN
refused() {
	is "F175: $1: status $2" "$STATUS" "$2"
	like "F175: $1: the sentence" "$(cat "$ERR")" "$3"
	unchanged "$1"
}

words() {
	tree
	stage_all
	BEFORE=$(state)
	"$OXG" apply "$RUN" >"$WORK/json" 2>"$WORK/said"
	is "F175: without --to: status" "$?" 2
	ln -s "$TREE" "$WORK/link"
	for to in "$WORK/link" "$TREE/tool" "$WORK/none" ''; do
		TO=$to apply
		refused "--to ${to##*/}" 2 '^oxg: --to '
	done
	rm "$WORK/link"
	for to in "$RUN" "$RUN/changes"; do
		TO=$to apply
		refused 'a tree in the run folder' 2 'lies in the run folder'
	done
	OF=$WORK/none apply
	refused 'no folder' 5 'cannot open the run folder'
	keys other
	apply --key "$WORK/other.pub"
	refused 'a run that is not signed, with --key' 5 'oxg: '
	apply --approval "$WORK/said"
	refused '--approval without --trust' 2 'want --trust DIR'
	# A folder in the tree that it changes.
	OUT=$TREE
	stage '"path":"a/b","text":"x"' write ''
	mkdir -p "$TREE/a"
	mv "$RUN" "$TREE/a/b"
	OF=$TREE/a/b apply
	is "F175: a change of the folder itself: status 3" "$STATUS" 3
	like "F175: the sentence" "$(cat "$ERR")" '^oxg: a/b would touch the run folder'
	chmod -R u+w "$TREE/a/b"
	OUT=$WORK/$WHO
	run "$ASKER"
	BEFORE=$(state)
	apply
	is "F175: a run that staged nothing: status" "$STATUS" 0
	like "F175: it says so" "$(cat "$ERR")" 'nothing is staged'
	unchanged 'a run that staged nothing'
}

judged() {
	tree
	BEFORE=$(state)
	jq '.gate.fail_on = "low" | .gate.on_unsnapshotted = "block"' "$here/policy.json" >"$WORK/block.json"
	stage '"path":"tool","text":"x"' write "$WORK/block.json"
	is "F175: a run that its gate blocks" "$STATUS" 1
	mkdir "$RUN.approvals"
	apply --trust "$TRUST"
	refused 'BLOCK' 1 'its gate says BLOCK: nothing was applied'
	tree
	stage '"path":".git/hooks/pre-commit","text":"x","executable":true' write '"path":".git/config"' delete ''
	is "F048: a change of a protected path: status 6" "$STATUS" 6
	BEFORE=$(state)
	apply
	refused 'not approved' 6 'says REQUIRE_APPROVAL: nothing was applied; --trust DIR counts approvals'
	apply --trust "$TRUST"
	refused 'not approved, with --trust' 6 'says REQUIRE_APPROVAL: nothing was applied$'
	mkdir -p "$TRUST/keys/approvers"
	keys boss
	keys stranger
	cp "$WORK/boss.pub" "$TRUST/keys/approvers/"
	"$OXG" approve --key "$WORK/stranger.key" --reason 'as a stranger' --out "$WORK/strange.json" "$RUN" >/dev/null 2>&1
	apply --trust "$TRUST" --approval "$WORK/strange.json"
	refused 'approved by a stranger' 6 'which is not in keys/approvers'
	"$OXG" approve --key "$WORK/boss.key" --reason 'it is good' --out "$WORK/good.json" "$RUN" >/dev/null 2>&1
	apply --trust "$TRUST" --approval "$WORK/good.json"
	is "F048: approved: applied" "$STATUS $(cat "$TREE/.git/hooks/pre-commit"; ls "$TREE/.git")" '0 xhooks'
	json "F048: the record names who approved" "$RUN.applied.json" "(.approved_by | length) == 1"
}

# ---- a folder that lies -----------------------------------------------------------------------------

# tampered WHAT COMMAND: digests made to fit again.
tampered() {
	rm -rf "$WORK/copy"
	cp -r "$RUN" "$WORK/copy"
	chmod -R u+w "$WORK/copy"
	(cd "$WORK/copy" && eval "$2")
	OF=$WORK/copy apply
	is "F175: $1: status 5" "$STATUS" 5
	unchanged "$1"
}

FIT='find . -type f ! -name SHA256SUMS -printf "%P\n" | sort | tr "\n" "\0" | xargs -0 sha256sum >../sums && mv ../sums SHA256SUMS'

lies() {
	tree
	stage_all
	BEFORE=$(state)
	tampered 'another byte' 'printf x >>changes/tool'
	tampered 'another byte, its digest made to fit' "printf x >>changes/tool; $FIT"
	tampered 'another byte, both lists made to fit' "printf x >>changes/tool
		jq --indent 2 '(.changes[] | select(.path == \"tool\")) |= (.bytes += 1 | .sha256 = \"$(printf '#!/bin/dash\nx' | sum)\")' changes.json >../c && cp ../c changes.json; $FIT"
	tampered 'a change more' "echo x >changes/more; $FIT"
	tampered 'a gate that says PASS' "sed -i 's/ live / snapshotted /' gate_report.json; $FIT"
	tampered 'half a folder' 'rm SHA256SUMS'
}

# ---- disks and enemies ---------------------------------------------------------------------------------

full() {
	[ "$WHO" = root ] || return
	mkdir -p "$WORK/disk"
	mount -t tmpfs -o size=1m,nr_inodes=40 none "$WORK/disk" 2>/dev/null || {
		skip "F175: no tmpfs to be had"
		return
	}
	TREE=$WORK/disk/tree
	tree
	head='{"jsonrpc":"2.0","id":1,"params":{"token":"$T","path":'
	jq '.gate.max_patch_lines = 1000' "$here/policy.json" >"$WORK/policy.json"
	run --policy "$WORK/policy.json" --grant CAP_WORKSPACE_WRITE --project "$TREE" "$ASKER" -- "+$head\"a\",\"text\":\"small\"},\"method\":\"fs.write\"}" =1 \
		"-$head\"big\",\"text\":\"" %600:x '+"},"method":"fs.write"}' =1 "+$head\"tool\"},\"method\":\"fs.delete\"}" =1
	head -c 700000 /dev/zero >"$WORK/disk/fill"
	apply
	is "F175: a full disk: status 5" "$STATUS" 5
	like "F175: it says what was done and what was not" "$(cat "$ERR")" '/big: No space left on device; changes made before that: 1, not made: 2; see'
	is "F175: what was done, and no temporary file" "$(cd "$TREE" && find . -maxdepth 1 | sort | tr '\n' ' ')" ". ./.git ./a ./$EDITED ./src ./tool "
	json "F175: the record has it" "$RUN.applied.json" '.result == "failed" and [.changes[].state] == ["done", "failed", "planned"]'
	rm "$WORK/disk/fill"
	apply
	is "F175: with room again: the rest" "$STATUS $(jq -c '[.changes[].state]' "$RUN.applied-2.json")" '0 ["already","done","done"]'
	umount "$WORK/disk"
	TREE=$WORK/tree
}

# A directory becomes a link out of the tree, and a directory again, all the time.
swapped() {
	tree
	mkdir -p "$WORK/outside" "$WORK/aside"
	stage '"path":"src/new","text":"mine\n"' write '"path":"src/a","text":"two\n"' write ''
	python3 -c 'import os, sys, time
os.chdir(sys.argv[1])
end = time.time() + 10
steps = [lambda: os.rename("tree/src", "aside/src"), lambda: os.symlink("../outside", "tree/src"),
	lambda: os.unlink("tree/src"), lambda: os.rename("aside/src", "tree/src")]
while time.time() < end and not os.path.exists("stop"):
	for step in steps:
		try: step()
		except OSError: pass # apply has made a directory where there was none' "$WORK" 2>/dev/null &
	swapper=$!
	i=0
	until [ -e "$WORK/outside/plain" ] || [ $i -ge 3000 ]; do
		i=$((i + 1))
		(echo x >"$TREE/src/plain") 2>/dev/null
	done
	check "F175: a plain writer is led out of the tree" test -e "$WORK/outside/plain"
	i=0
	good=0
	while [ $i -lt 40 ]; do
		i=$((i + 1))
		"$OXG" apply --to "$TREE" "$RUN" >/dev/null 2>&1
		case $? in
		0) good=$((good + 1)) ;;
		3 | 5) ;;
		*) good=-1000 ;;
		esac
	done
	: >"$WORK/stop"
	wait $swapper
	if [ -d "$WORK/aside/src" ]; then
		rm -rf "$TREE/src"
		mv "$WORK/aside/src" "$TREE/src"
	fi
	is "F175: oxg apply never is" "$(ls -A "$WORK/outside")" plain
	is "F175: and leaves no temporary file" "$(find "$WORK" -name '.oxg-apply-*')" ''
	check "F175: forty tries, applied or refused" test $good -ge 0
	apply
	is "F175: left alone, it is applied" "$STATUS $(cat "$TREE/src/new" "$TREE/src/a")" "$(printf '0 mine\ntwo')"
}

# Killed in the middle: the record says that it began, and a temporary file has its name.
killed() {
	tree
	stage '"path":"tool","text":"x\n"' write '"path":"src/deep/gone"' delete ''
	strace -f -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=1 "$OXG" apply --to "$TREE" "$RUN" >/dev/null 2>&1
	is "F175: killed before the first name changes: the tree is as it was" "$(cat "$TREE/tool" "$TREE/src/deep/gone")" "$(printf '#!/bin/sh\nbye')"
	check "F175: one temporary file at most" within 0 "$(find "$TREE" -name '.oxg-apply-*' | wc -l)" 1
	json "F175: the record says that it has begun" "$RUN.applied.json" '.result == "begun" and [.changes[].state] == ["planned", "planned"]'
	apply
	is "F175: and again: applied" "$STATUS $(cat "$TREE/tool")" '0 x'
}

for who in $IDENTITIES; do
	become "$who"
	applied
done
become "${IDENTITIES%% *}"
conflicts
words
judged
lies
full
swapped
command -v strace >/dev/null && killed
finish
