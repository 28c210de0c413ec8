#!/bin/sh
# What a plugin hands over to be kept, from its side of the jail to the sealed folder:
# whole or in pieces, under names made to harm, with secrets, killed on the way, on a full
# disk; and a folder in which it was changed afterwards. (Records of the staging file: t/unit/unstage.c;
# pieces and secrets at every border: t/unit/artifact.c.)
# shellcheck source=/dev/null disable=SC2012,SC2016,SC2034 # what stands in quotes is the script's in the jail
. "${0%/*}/lib.sh"

trust_root
plugin asker "$BUILD/plugins/asker" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_STORAGE"]'
ASKER=$PLUGIN
printf '#!/bin/sh\neval "$1"\n' >"$WORK/script"
plugin shell "$WORK/script" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_STORAGE", "CAP_SECRETS_READ"] | .runtime = "system"'
SHELL_PLUGIN=$PLUGIN
plugin lesser "$WORK/script" '.runtime = "system"'
LESSER=$PLUGIN
jq -n '{schema_version: 1, profile: "default", secrets: ["api"],
	grant: ["CAP_EMIT_FINDINGS", "CAP_STORAGE", "CAP_SECRETS_READ"]}' >"$WORK/policy.json"
chmod 644 "$WORK/policy.json"

ours() {
	run --policy "$WORK/policy.json" --runtime system "$SHELL_PLUGIN" -- "$@"
}

put() {
	printf '{"jsonrpc":"2.0","id":%s,"method":"artifact.put","params":{"token":"$T",%s}}' "$1" "$2"
}

# The files below artifacts/, each with its digest.
kept() {
	(cd "$RUN/artifacts" 2>/dev/null && find . -type f -printf '%P\n' | sort | xargs -r sha256sum)
}

events() {
	jq -c "select(.type | startswith(\"artifact.\")) | $1" "$RUN/journal/events.jsonl"
}

# ---- handed over ----------------------------------------------------------------------------

GOOD='
	seq 9999999 | head -c $size >big
	sha256sum big
	oxg broker artifact put reports/big.txt big
	printf "a\0b" >bin && oxg broker artifact put bin
	printf hello | 0xgenctl broker artifact put "a name, <b>\"quoted\"&" -
	: >none && oxg broker artifact put reports/none none
	oxg broker artifact put bin; echo $?
	oxg broker artifact list'

good() {
	[ "$who" = "${IDENTITIES%% *}" ] && size=20971520 || size=2250000
	ours "size=$size; $GOOD"
	is "F134: ($WHO) a shell hands over four files" "$STATUS $(wc -l <"$RUN/logs/stdout.log")" '0 10'
	is "F149: ($WHO) $size bytes in pieces: the plugin's own digest of it" "$(sha256sum <"$RUN/artifacts/reports/big.txt" | cut -d' ' -f1)" \
		"$(sed -n '1s/ .*//p' "$RUN/logs/stdout.log")"
	is "F149: ($WHO) they are there" "$(cd "$RUN/artifacts" && find . | sort | tr '\n' '|')" \
		'.|./a name, <b>"quoted"&|./bin|./reports|./reports/big.txt|./reports/none|'
	is "F149: ($WHO) byte by byte" "$(cat "$RUN/artifacts/a name, <b>\"quoted\"&") $(od -An -tx1 <"$RUN/artifacts/bin") $(wc -c <"$RUN/artifacts/reports/none")" \
		'hello  61 00 62 0'
	is "F149: ($WHO) the journal has size and digest of each" "$(events '[.type, .bytes, .sha256, .name]' | sort)" \
		"$(cd "$RUN/artifacts" && find . -type f -printf '%P\n' | while IFS= read -r f; do
			jq -cn --arg f "$f" --arg d "$(sha256sum <"$f" | cut -d' ' -f1)" --arg n "$(wc -c <"$f")" '["artifact.put", ($n | tonumber), $d, $f]'
		done | sort)"
	is "F149: ($WHO) so has the list, and what was answered" "$(tail -n 4 "$RUN/logs/stdout.log")" "$(sed -n 2,5p "$RUN/logs/stdout.log")"
	like "F175: ($WHO) a name is given once" "$(cat "$RUN/logs/stderr.log")" '^oxg: artifact.put: the name was handed over already.*-32602'
	check "F149: ($WHO) sha256sum agrees" sh -c 'cd "$0" && sha256sum -c --quiet --strict SHA256SUMS && grep -c " artifacts/" SHA256SUMS | grep -qx 4' "$RUN"
	json "F149: ($WHO) run.json counts them" "$RUN/run.json" '.artifacts == {files: 4, bytes: '"$((size + 8))"'}'
	check "F156: ($WHO) it checks" as "$OXG" check "$RUN"
	is "F163: ($WHO) nothing of the staging is left, all is read-only" "$(ls "$RUN/staging" 2>/dev/null; find "$RUN" -perm /222)" ''
	like "F153: ($WHO) the page lists them, escaped" "$(cat "$RUN/report.html")" '<td>a name, &lt;b&gt;&quot;quoted&quot;&amp;</td><td>5 [^<]*</td><td><code>2cf24dba'
	json "F180: ($WHO) the gate looked at their text" "$RUN/gate_report.json" '.rules[] | select(.rule == "secrets_in_artifacts") | .result == "pass"'
	GOOD_RUN=$RUN
}

determinism() {
	SOURCE_DATE_EPOCH=1780000000
	export SOURCE_DATE_EPOCH
	small='for i in 1 2 3 4 5 6 7 8 9; do seq $i 3000 >f; oxg broker artifact put d$i/f f; done; oxg broker artifact list'
	run --run-id 01ARZ3NDEKTSV4RRFFQ69G5FAV --json --runtime system "$SHELL_PLUGIN" -- "$small"
	json "F149: ($WHO) --json counts them" "$OUT/stdout" '.artifacts == 9'
	first=$RUN
	run --run-id 01ARZ3NDEKTSV4RRFFQ69G5FAV --runtime system "$SHELL_PLUGIN" -- "$small"
	unset SOURCE_DATE_EPOCH
	is "F149: ($WHO) equal runs, equal bytes" "$(diff -r -x usage.json -x SHA256SUMS "$first" "$RUN" | tail -n 3) $(ls "$RUN/artifacts" | wc -l)" ' 9'
	is "F158: ($WHO) nothing differs" "$(as "$OXG" diff "$first" "$RUN" >/dev/null 2>&1; echo $?)" 0
	as "$OXG" replay --trust "$TRUST" --out "$OUT/replayed" "$RUN" >"$OUT/said" 2>&1
	is "F158: ($WHO) replayed, they are made again" "$? $(diff -r "$RUN/artifacts" "$OUT/replayed/artifacts")" '0 '
}

# ---- refused ----------------------------------------------------------------------------------

# What does not belong there: each is refused, and nothing is made.
hostile() {
	set --
	for name in .. . / ../run.json /etc/passwd a/../../x a//b a/ 'a\\b' 'a\nb' 'a\u0000b' 'a\u202eb' 'a\u009bb' '' \
		1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17 "$(printf '%02000d' 0)" "$(printf '%0256d' 0)" \
		'$T' 'jane@example.org'; do
		set -- "$@" "+$(put 1 "\"name\":\"$name\",\"text\":\"x\"")"
	done
	names=$#
	run "$ASKER" -- "$@" "=$names" "+$(put 1 '"name":"SHA256SUMS","text":"ours stays ours"')" "+$(put 1 '"name":"x/run.json","text":"x"')" \
		"+$(put 1 '"name":"x","text":"x"')" "+$(put 1 '"name":"x/run.json/y","text":"x"')" '=4'
	is "F175: ($WHO) $names names made to harm: -32602" "$(head -n "$names" "$RUN/logs/stdout.log" | jq -r .error.code | sort | uniq -c | tr -d '\n')" \
		"     $names -32602"
	is "F175: ($WHO) a file is no directory, nor the other way round" "$(tail -n 2 "$RUN/logs/stdout.log" | jq -r .error.code | tr '\n' ' ')" '-32602 -32602 '
	is "F175: ($WHO) harmless ones are below artifacts/" "$(kept | cut -c67- | tr '\n' ' ') $(ls "$RUN" | wc -l)" 'SHA256SUMS x/run.json  13'
	check "F175: ($WHO) it checks" as "$OXG" check "$RUN"
}

# What is open, and what belongs to it.
pieces() {
	run "$ASKER" -- "+$(put 1 '"name":"a","text":"one ","more":true')" "+$(put 2 '"name":"b","base64":"AQI=","more":true')" \
		"+$(put 3 '"name":"a","text":"x","offset":3')" "+$(put 4 '"name":"a","text":"x","offset":5')" \
		"+$(put 5 '"name":"a","base64":"AQI","offset":4')" "+$(put 6 '"name":"a","text":"two","offset":4')" \
		"+$(put 7 '"name":"a","text":"x","offset":7')" "+$(put 8 '"name":"c","text":"x","offset":1,"more":true')" \
		"+{" "+$(put 9 '"name":"d","text":"whole"')" '=10'
	is "F140: ($WHO) offsets, base64, garbage: refused; the file goes on" "$(jq -c '[.id, .error.code // "ok"]' "$RUN/logs/stdout.log" | tr '\n' ' ')" \
		'[1,"ok"] [2,"ok"] [3,-32602] [4,-32602] [5,-32602] [6,"ok"] [7,-32602] [8,-32602] [null,-32700] [9,"ok"] '
	is "F149: ($WHO) those that were ended are there" "$(cat "$RUN/artifacts/a") $(cat "$RUN/artifacts/d") $(ls "$RUN/artifacts" | tr '\n' ' ')" 'one two whole a d '
	is "F149: ($WHO) the other one is told of" "$(events 'select(.type == "artifact.drop") | [.name, .reason]')" '["b","the plugin did not end it"]'
	check "F156: ($WHO) it checks" as "$OXG" check "$RUN"
}

ceilings() {
	run "$ASKER" -- "*1001:$(put '$I' '"name":"d/$I","text":"x"')"
	is "F121: ($WHO) 1,001 files: a thousand" "$(ls "$RUN/artifacts/d" | wc -l)" 1000
	json "F121: ($WHO) the last one is refused" "$RUN/run.json" '.broker == {requests: 1001, refused: 1} and .artifacts.files == 1000'
	is "F121: ($WHO) and noted" "$(jq -c 'select(.type == "request.refuse") | .code' "$RUN/journal/events.jsonl")" -32004
	check "F156: ($WHO) it checks" as "$OXG" check "$RUN"
	like "F153: ($WHO) the page lists 200 and counts the rest" "$(cat "$RUN/report.html")" '<p>800 more are in SHA256SUMS'
	set --
	for n in $(seq 0 66); do # 67 pieces of 1000 KiB each; 64 MiB are 65.5
		set -- "$@" "-$(put "$n" "\"name\":\"f\",\"offset\":$((n * 1024000)),\"more\":true,\"text\":\"" | sed 's/}}$//')" '%1000:x' '+"}}' '=1'
	done
	run "$ASKER" -- "+$(put 1 '"name":"before","text":"x"')" '=1' "$@" "+$(put 1 '"name":"after","text":"x"')" '=1'
	is "F121: ($WHO) more than 64 MiB: dropped, the others stay" "$(ls "$RUN/artifacts" | tr '\n' ' ') $(jq -r '.error.code // "ok"' "$RUN/logs/stdout.log" | uniq -c | awk '{ print $1, $2 }' | tr '\n' ' ')" \
		'after before  66 ok 1 -32004 1 -32602 1 ok '
	is "F121: ($WHO) and told of" "$(events 'select(.type == "artifact.drop") | [.name, .reason]')" '["f","as many bytes as one run may hand over"]'
}

# A policy may ask for one by its name.
required() {
	jq '.gate.require = ["artifacts/sbom.json"]' "$WORK/policy.json" >"$WORK/require.json"
	chmod 644 "$WORK/require.json"
	for name in sbom sbom.json; do
		run --policy "$WORK/require.json" --runtime system "$SHELL_PLUGIN" -- "echo {} | oxg broker artifact put $name -"
		echo "$STATUS $(jq -r .decision "$RUN/gate_report.json")"
	done >"$WORK/required"
	is "F184: ($WHO) an artifact that the policy requires" "$(tr '\n' ' ' <"$WORK/required")" '1 BLOCK 0 PASS '
}

no_capability() {
	run --runtime system "$LESSER" -- 'echo x >f; oxg broker artifact put f; echo $?; oxg broker artifact list; echo $?; ls -d /bin/oxg'
	is "F121: ($WHO) without CAP_STORAGE: refused" "$(grep -c 'artifact.* needs CAP_STORAGE.*-32001' "$RUN/logs/stderr.log") $(head -n 2 "$RUN/logs/stdout.log" | tr '\n' ' ')" '2 1 1 '
	check "F175: ($WHO) and nothing is made" test ! -e "$RUN/artifacts"
}

# What the client takes for a file.
client() {
	ours 'echo x >f; ln -s f link; mkdir dir; mkfifo fifo
		for what in link dir fifo /dev/zero /dev/null nowhere /proc/self/mem; do timeout 5 oxg broker artifact put n "$what"; echo "$what $?"; done
		oxg broker artifact put; echo "$?"; oxg broker artifact put a b c; echo "$?"; oxg broker artifact put --mode=1 f; echo "$?"
		cd /proc && oxg broker artifact put "$OXG_WORKSPACE/f"; echo "$?"; oxg broker --help | grep -c artifact
		oxg broker artifact list'
	is "F175: ($WHO) links, devices, pipes, directories are no files" "$(tr '\n' ' ' <"$RUN/logs/stdout.log")" \
		'link 1 dir 1 fifo 1 /dev/zero 1 /dev/null 1 nowhere 1 /proc/self/mem 1 2 2 2 1 2 '
	like "F175: ($WHO) a link, in words" "$(cat "$RUN/logs/stderr.log")" '^oxg: link is a link; name the file itself'
	like "F175: ($WHO) a pipe, in words" "$(cat "$RUN/logs/stderr.log")" '^oxg: fifo is no regular file'
	check "F175: ($WHO) and nothing was kept" test ! -e "$RUN/artifacts"
}

# ---- secrets ------------------------------------------------------------------------------------

# Across the border between two pieces of the client, and of a binary file as well.
secrets() {
	VALUE='k3y/+<&>~e 9:zZ?=;-;' && export VALUE
	run --policy "$WORK/policy.json" --runtime system --secret api=env:VALUE "$SHELL_PLUGIN" -- '
		v=$(oxg broker secret api)
		for at in 749980 749999 1499995; do
			{ head -c $at /dev/zero | tr "\0" .; printf "%s jane@%s " "$v" example.org; } >t
			{ printf "\0"; cat t; } >b
			{ printf "%s " "$v" | base64 -w0 | head -c $((${#v} * 8 / 6)); printf "%s" " $v" | od -An -v -tx1 | tr -d " \n"; } >e
			cat e >>t; cat e >>b
			oxg broker artifact put t$at t; oxg broker artifact put b$at b
		done >/dev/null
		oxg broker artifact put "$v" t; oxg broker artifact put "$OXG_CAPABILITY_TOKEN" t
		printf "%s" "$OXG_CAPABILITY_TOKEN" | oxg broker artifact put token -'
	is "F180: ($WHO) seven artifacts" "$(kept | wc -l)" 7
	is "F180: ($WHO) the secret is nowhere in the folder, however it is spelt" \
		"$(grep -rlF -e "$VALUE" -e "$(printf '%s ' "$VALUE" | base64 -w0 | head -c $((${#VALUE} * 8 / 6)))" -e "$(printf %s "$VALUE" | od -An -v -tx1 | tr -d ' \n')" "$RUN")" ''
	is "F180: ($WHO) nor a token" "$(cat "$RUN/artifacts/token")" '[REDACTED token]'
	is "F159: ($WHO) an address is masked in a text, and stays in a program" "$(grep -rl jane@example.org "$RUN" | sed "s,$RUN/,," | sort | tr '\n' ' ')" \
		'artifacts/b1499995 artifacts/b749980 artifacts/b749999 '
	is "F180: ($WHO) the journal counts what was masked" "$(events '.masked' | tr '\n' ' ')" '4 3 4 3 4 3 1 '
	is "F180: ($WHO) a name is no hiding place" "$(grep -c 'the name holds what looks like a secret' "$RUN/logs/stderr.log")" 2
	check "F149: ($WHO) size and digest are of what is kept" as "$OXG" check "$RUN"
}

# ---- cut short --------------------------------------------------------------------------------------

killed() {
	start --policy "$WORK/policy.json" --runtime system "$SHELL_PLUGIN" -- \
		'head -c 3000000 /dev/zero >f; oxg broker artifact put whole f; { cat f; echo ready >&2; sleep 60; } | oxg broker artifact put half -'
	wait_for grep -q ready "$RUN.partial/logs/stderr.log"
	kill -9 "$PID" 2>/dev/null
	wait "$PID" 2>/dev/null
	is "F163: ($WHO) SIGKILL on the way: partial" "$(there)" partial
	as "$OXG" check "$RUN.partial" 2>"$ERR"
	like "F163: ($WHO) which check explains" "$(cat "$ERR")" 'never finished.*staging'
	check "F163: ($WHO) nothing looks like an artifact" test ! -e "$RUN.partial/artifacts"
}

# The broker dies: what was whole by then is there, and told of.
broker_killed() {
	start --policy "$WORK/policy.json" --runtime system "$SHELL_PLUGIN" -- \
		'head -c 3000000 /dev/zero >f; oxg broker artifact put whole f; { cat f; echo ready >&2; sleep 60; } | oxg broker artifact put half -'
	wait_for grep -q ready "$RUN.partial/logs/stderr.log"
	kill -9 "$(broker_of "$PID")"
	wait "$PID"
	is "F163: ($WHO) the broker is killed: sealed, and BLOCK" "$(there) $(jq -r .decision "$RUN/gate_report.json") $(ls "$RUN/artifacts" | tr '\n' ' ')" 'sealed BLOCK whole '
}

full_disk() {
	how=-rm
	AS=
	[ "$CALLER" -ne 0 ] || how=-m
	[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || AS='setpriv --reuid=65533 --regid=65533 --clear-groups'
	mkdir -p "$WORK/disk"
	export AS OXG TRUST WORK ASKER
	# One line for each size: status, what is there, what check says, whether it was said.
	if ! put=$(put 1 '"name":"a/f","text":"') unshare $how sh -c 'for size; do
		mount -t tmpfs -o "$size,mode=777" none "$WORK/disk" || exit 77
		$AS "$OXG" run --trust "$TRUST" --out "$WORK/disk/run" "$ASKER" -- "-${put%\}\}}" "%200:x" "+\"}}" "=1" >/dev/null 2>"$WORK/said"
		printf "%s %s " "$?" "$(ls "$WORK/disk")"
		$AS "$OXG" check "$WORK/disk/"* >/dev/null 2>&1
		printf "%s %s\n" "$?" "$(grep -q "No space left on device" "$WORK/said" && echo said)"
		umount "$WORK/disk"
	done' sh "$@" >"$WORK/seen"; then
		skip "F163: ($WHO) no tmpfs can be mounted here"
		return
	fi
	is "F163: ($WHO) a full disk: whole, or status 5 and .partial, and said" "$(sort "$WORK/seen" | uniq -c | awk '{ $1 = ""; print }' | tr '\n' ';')" \
		' 0 run 0; 5 run.partial 5 said;'
}

# ---- changed afterwards -------------------------------------------------------------------------

# caught WHAT PATTERN: the copy, with sums that fit, does not check.
caught() {
	(cd "$WORK/copy" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | tr '\n' '\0' | xargs -0 sha256sum >../sums && mv ../sums SHA256SUMS)
	"$OXG" check "$WORK/copy" 2>"$ERR"
	is "F178: $1: status" $? 5
	like "F178: $1: the file is named" "$(cat "$ERR")" "$2"
}

fresh() {
	chmod -R u+w "$WORK/copy" 2>/dev/null
	rm -rf "$WORK/copy"
	cp -r "$SMALL" "$WORK/copy"
	chmod -R u+w "$WORK/copy"
}

changed() {
	ours 'echo one >a; echo two >b; oxg broker artifact put d/a a; oxg broker artifact put b'
	SMALL=$RUN
	fresh
	printf 'O' | dd of="$WORK/copy/artifacts/d/a" conv=notrunc 2>/dev/null
	"$OXG" check "$WORK/copy" 2>"$ERR"
	like "F178: a byte of an artifact, without new sums" "$(cat "$ERR")" 'copy/artifacts/d/a does not have the digest'
	caught "a byte of an artifact" 'copy/artifacts/d/a is not the one that the journal tells of'
	fresh
	echo >>"$WORK/copy/artifacts/b"
	caught "one that grew" 'copy/artifacts/b is not the one'
	fresh
	rm "$WORK/copy/artifacts/d/a"
	rmdir "$WORK/copy/artifacts/d"
	caught "one that is gone" 'copy/artifacts/d/a is missing although the journal tells of it'
	fresh
	echo more >"$WORK/copy/artifacts/c"
	caught "one that was added" 'copy/artifacts/c is there although the journal does not tell of it'
	fresh
	mv "$WORK/copy/artifacts/b" "$WORK/copy/artifacts/e"
	caught "one of another name" 'copy/artifacts/b is missing'
	fresh
	jq '.artifacts.files = 1' "$WORK/copy/run.json" >"$WORK/edited" && cp "$WORK/edited" "$WORK/copy/run.json"
	caught "another count" 'run.json does not count the artifacts'
	fresh
	sed -i 's/"artifact.put"/"artifact.pub"/' "$WORK/copy/journal/events.jsonl"
	caught "an event" 'journal'
	fresh
	mkdir "$WORK/copy/artifacts/empty"
	caught "an empty directory" 'artifacts/empty is an empty directory'
}

for who in $IDENTITIES; do
	become "$who"
	good
	broker_killed
	[ "$who" = "${IDENTITIES%% *}" ] || continue
	hostile
	pieces
	client
	secrets
	determinism
	ceilings
	required
	no_capability
	killed
	full_disk size=120k size=300k size=420k size=480k size=1m size=1m,nr_inodes=18 size=1m,nr_inodes=40
	changed
done
finish
