#!/bin/sh
# The command line: every option and command, every wrong use of them, what goes
# to which stream, and that the manual page says the same as --help.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
# shellcheck disable=SC2154
PAGE=$here/doc/oxg.1
POLICY=$here/policy.json
ID=01ARZ3NDEKTSV4RRFFQ69G5FAV
ERR=$WORK/stderr

# A script that shows what it was given.
cat >"$WORK/show" <<'SHOW'
#!/bin/sh
for word; do printf '[%s]\n' "$word"; done
SHOW
plugin show "$WORK/show" '.runtime = "system"'
SHOWS=$PLUGIN

# oxg ARG...: one command in a directory of its own; STATUS, $WORK/stdout, $ERR.
oxg() {
	rm -rf "$WORK/here" && mkdir "$WORK/here" # nothing sealed stays in it on purpose
	[ "$WHO" = root ] || [ "$CALLER" -ne 0 ] || chown 65533:65533 "$WORK/here"
	(cd "$WORK/here" && as timeout -k 5 30 "$OXG" "$@" >"$WORK/stdout" 2>"$ERR" </dev/null)
	STATUS=$?
	chmod -R u+rwX "$WORK/here"
}

# One sentence, from oxg, and nothing on stdout.
one_sentence() {
	[ ! -s "$WORK/stdout" ] || { echo "on stdout:"; cat "$WORK/stdout"; return 1; }
	[ "$(wc -l <"$ERR")" -eq 1 ] && grep -q '^oxg: ..*[^.]$' "$ERR" && return
	cat "$ERR"
	return 1
}

# wrong ROW PATTERN ARG...: status 2, one sentence with the pattern, no folder.
wrong() {
	row=$1 pattern=$2
	shift 2
	oxg "$@"
	N=$((N + 1))
	if [ "$STATUS" -eq 2 ] && one_sentence >"$WORK/more" && grep -Eq -e "$pattern" "$ERR" && [ ! -e "$WORK/here/out" ]; then
		echo "ok $N - $row: wrong: oxg $(echo "$*" | tr '\n' ' ' | cut -c1-60)"
	else
		BAD=$((BAD + 1))
		echo "not ok $N - $row: wrong: oxg $(echo "$*" | tr '\n' ' ' | cut -c1-60)"
		echo "#   status $STATUS, expected 2 and: $pattern"
		sed 's/^/#   stderr: /' "$ERR" | head -n 5
		find "$WORK/here" | sed 's/^/#   made: /' | head -n 3
	fi
}

# ---- every command ---------------------------------------------------------------

commands() {
	"$OXG" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'
}

helps() {
	check "F095: oxg --help lists commands" test "$(commands | wc -l)" -ge 13
	for command in $(commands); do
		oxg "$command" --help
		is "F095: oxg $command --help: status 0, nothing on stderr" "$STATUS $(cat "$ERR")" "0 "
		like "F095: oxg $command --help begins with its usage" "$(head -n 1 "$WORK/stdout")" "^usage: oxg $command"
		[ "$command" = broker ] || wrong F095 "$command has no option --no-such" "$command" --no-such-option
	done
	oxg
	is "F095: oxg alone: status 2" "$STATUS" 2
	tells "F095: oxg alone lists the commands on stderr" "$ERR" '^  run '
	oxg --version
	like "F095: oxg --version" "$(cat "$WORK/stdout")" '^oxg [0-9]+\.[0-9]+\.[0-9]+$'
	oxg broker --no-such-option
	is "F095: oxg broker --no-such-option: status 2" "$STATUS $(wc -c <"$WORK/stdout")" "2 0"
	oxg broker task pull
	like "F142: oxg broker outside the jail says so" "$STATUS $(cat "$ERR")" '^1 oxg: .*inside the jail only'
	wrong F095 'no command nosuch.*--help' nosuch
	wrong F095 'run, verify or sign' plugin
	wrong F095 'run, verify or sign' plugin nosuch
	wrong F095 'no argument' version now
	wrong F095 'no argument' caps now
	wrong F095 'one name' schema finding event
	wrong F095 'no such schema' schema nosuch
	for command in verify inspect sign allow keygen check report gate replay policy; do
		wrong F095 "$command" "$command"
		[ "$command" = report ] || wrong F095 "$command" "$command" one two
	done
	wrong F012 '--key FILE.*keygen' sign "$DEED"
	wrong F172 'needs --key FILE and --reason' approve somewhere
	wrong F162 'give github' report --format gitlab somewhere
	wrong F162 'one stdout' report --sarif - --json - somewhere
	wrong F162 'one stdout' report --format github --json - somewhere
	wrong F162 'exclude each other' run --format github --json "$DEED"
	wrong F162 'give github' run --format gitlab "$DEED"
	wrong F126 'no such capability.*caps' inspect --grant CAP_ROOT "$DEED"
}

# ---- the words of run -------------------------------------------------------------------

words() {
	wrong F095 'takes one plugin.*PLUGIN' run
	wrong F095 'takes one plugin' run "$DEED" "$DEED"
	wrong F095 'takes one plugin' run -- "$DEED"
	wrong F095 'empty word' run ''
	wrong F095 'no option --trsut.*--help' run --trsut x "$DEED"
	wrong F095 'is --timeout meant' run --timout 5s "$DEED"
	wrong F095 'no option -q' run -q "$DEED"
	wrong F095 'no option --$|no option --,|no option --' run --=x "$DEED"
	for option in trust policy profile out run-id task input input-bind runtime grant \
		cpu-limit memory timeout pids workspace min-tier fail-on verify-time; do
		wrong F095 "--$option needs a value: --$option [A-Z]" run "$DEED" "--$option"
		wrong F095 "--$option needs a value" run "--$option" --quiet "$DEED"
		wrong F095 "--$option is empty; give [A-Z]" run "--$option" '' "$DEED"
		wrong F095 "--$option is empty" run "--$option=" "$DEED"
		[ "$option" = grant ] || wrong F095 "--$option is given twice" run "--$option" 1s "--$option=2s" "$DEED"
	done
	for option in allow-unsigned audit durable json quiet; do
		wrong F095 "--$option takes no value; leave \"=yes\" out" run "--$option=yes" "$DEED"
	done
	wrong F020 'exclude each other' run --input a --input-bind b "$DEED"
	wrong F126 'CAP_ROOT.*oxg caps' run --grant CAP_ROOT "$DEED"
	wrong F126 'cap_ws' run --grant cap_ws "$DEED"
	wrong F170 'no such profile.*default or strict' run --profile lax "$DEED"
	wrong F170 'nowhere.*cannot be read' run --policy "$WORK/nowhere" "$DEED"
	wrong F170 'not a regular file' run --policy "$WORK" "$DEED"
	wrong F065 'namespaces, chroot or landlock' run --min-tier docker "$DEED"
	wrong F190 'none, info, low, med, high or crit' run --fail-on awful "$DEED"
	wrong F008 'a time like 2026' run --verify-time yesterday "$DEED"
	wrong F008 'a time like 2026' run --verify-time 2026-02-30T00:00:00Z "$DEED"
	for id in x 01arz3ndektsv4rrffq69g5fav 81ARZ3NDEKTSV4RRFFQ69G5FAV 01ARZ3NDEKTSV4RRFFQ69G5FA \
		01ARZ3NDEKTSV4RRFFQ69G5FAVX ../RZ3NDEKTSV4RRFFQ69G5FAV 01ARZ3NDEKTSV4RRFFQ69G5FAI; do
		wrong F163 'a ULID: 26 characters' run --run-id "$id" "$DEED"
	done
	# shellcheck disable=SC2046
	wrong F095 'more than 1024 arguments' run "$DEED" -- $(seq 1025)
}

figures() {
	for figure in 0 -5 +5 5x 5.5 '5 ' ' 5' 05 0x5 five 5e3 1d 0s 0ms 1000001 1000001s 300h \
		99999999999999999999 99999999999999999999h 5s5 s ms; do
		wrong F079 '--cpu-limit .*give seconds, or a time' run "--cpu-limit=$figure" "$DEED"
	done
	for figure in 5 0 0s -5s 5S 5min 1.5s '5 s' 01s 1000001s 18446744073709551615s h; do
		wrong F079 '--timeout .*give a time like' run "--timeout=$figure" "$DEED"
	done
	for option in memory workspace; do
		for figure in 0 1 1023K 1048575 -1M 64m 64MB 64MiB 1.5G '64 M' 17T 16777217M \
			18446744073709551616 99999999999T 064M M; do
			wrong F079 "--$option .*give a size like.*1M to 16T" run "--$option=$figure" "$DEED"
		done
	done
	for figure in 0 4001 -1 1.0 64K ten 99999999999999999999; do
		wrong F079 '--pids .*from 1 to 4000' run "--pids=$figure" "$DEED"
	done
}

# limit MEMBER VALUE OPTION...: what run.json says of it, under a generous policy.
limit() {
	member=$1 due=$2
	shift 2
	run --policy "$WORK/generous.json" "$@" "$DEED" -- true
	# shellcheck disable=SC2153
	is "F079: $*: $member" "$(jq ".limits.$member" "$RUN/run.json")" "$due"
}

units() {
	echo '{"schema_version": 1, "resources": {"cpu": "200h", "memory": "1024G", "timeout": "200h",
		"pids": 4000, "workspace": "1G"}}' >"$WORK/generous.json"
	limit cpu_ns 5000000000 --cpu-limit 5
	limit cpu_ns 5000000000 --cpu-limit 5s
	limit cpu_ns 1500000000 --cpu-limit=1500ms
	limit cpu_ns 120000000000 --cpu-limit 2m
	limit cpu_ns 3600000000000 --cpu-limit 1h
	limit wall_ns 2500000000 --timeout 2500ms
	limit wall_ns 7000000000 --timeout=7s
	limit wall_ns 180000000000 --timeout 3m
	limit wall_ns 7200000000000 --timeout 2h
	limit memory_bytes 67108864 --memory 67108864
	limit memory_bytes 67108864 --memory 65536K
	limit memory_bytes 67108864 --memory=64M
	limit memory_bytes 2147483648 --memory 2G
	limit memory_bytes 1099511627776 --memory 1T
	limit workspace_bytes 1048576 --workspace 1M
	limit pids 7 --pids 7
}

defaults() {
	run "$DEED" -- true
	# The contract's figures, written out.
	json "F078: defaults: CPU 60 s, memory 512 MiB, wall 5 min" "$RUN/run.json" '.limits |
		.cpu_ns == 60000000000 and .memory_bytes == 536870912 and .wall_ns == 300000000000'
	json "F078: defaults: pids 64, files 256, file size and workspace 64 MiB, 16384 inodes" "$RUN/run.json" \
		'.limits | .pids == 64 and .files == 256 and .file_size_bytes == 67108864 and
		.workspace_bytes == 67108864 and .inodes == 16384'
	json "F083: defaults: 4 MiB a stream, 100000 findings, artifacts 64 MiB, lines of 1 MiB" "$RUN/run.json" \
		'.limits | .output_bytes == 4194304 and .findings == 100000 and
		.artifacts_bytes == 67108864 and .broker_line_bytes == 1048576'
	json "F065: default tier" "$RUN/run.json" '.isolation.tier == "namespaces"'
	json "F170: default profile" "$RUN/run.json" '.policy.profile == "default"'
	json "F090: default task id: the run id" "$RUN/run.json" '.task_id == .run_id'
	snapshot=$(jq -S . "$RUN/inputs/policy.json")
	# The checked-in policy says in words what the built-in one does.
	run --policy "$POLICY" "$DEED" -- true
	is "F170: policy.json of a checkout is the default profile" "$(jq -S . "$RUN/inputs/policy.json")" "$snapshot"
	json "F170: policy.json: verify, isolation, resources" "$POLICY" \
		'.schema_version == 1 and .profile == "default" and
		.verify == {allowlist: "required", signature: "required", manifest: "required"} and
		.isolation == {min_tier: "namespaces"} and
		.resources == {cpu: "60s", memory: "512M", timeout: "5m", pids: 64, workspace: "64M"}'
	json "F170: policy.json: grant, proxy, gate and the rest" "$POLICY" \
		'.grant == ["CAP_EMIT_FINDINGS", "CAP_STORAGE"] and
		.proxy == {enable: false, rules_path: "", history_path: "", allow: [], requests: 50, timeout: "5s"} and
		.secrets == [] and .commands == [] and .runtimes == ["system"] and
		.paths == {protected: [".git", "ALLOWLIST", "keys", "policy.json"]} and
		.gate == {fail_on: "none", max_patch_lines: 400, on_denied: "record", require_signature: true,
			require_approval_on_protected_paths: true}'
	is "F001: ALLOWLIST of a checkout lists nothing" "$(grep -vc -e '^#' -e '^$' "$here/ALLOWLIST")" 0
	is "F009: keys/ of a checkout trusts nobody" "$(ls "$here/keys")" README
	run --cpu-limit 10m --memory 4G --timeout 1h --pids 1000 --workspace 1G "$DEED" -- true
	json "F082: the command line cannot pass the policy" "$RUN/run.json" '.limits |
		.cpu_ns == 60000000000 and .memory_bytes == 536870912 and .wall_ns == 300000000000 and
		.pids == 64 and .workspace_bytes == 67108864'
}

# What is told before a run, and what no policy may say.
consent() {
	"$OXG" caps --json >"$WORK/stdout"
	# Seed 001's table, and the four of 0xGen's SDK.
	is "F128: oxg caps names every capability" "$(jq -r '.capabilities[].name' "$WORK/stdout" | sort | tr '\n' ' ')" \
		"CAP_AI_ANALYSIS CAP_EMIT_FINDINGS CAP_FLOW_INSPECT CAP_FLOW_INSPECT_RAW CAP_HTTP_ACTIVE CAP_HTTP_PASSIVE CAP_NET_OUTBOUND CAP_REPORT CAP_SECRETS_READ CAP_SPIDER CAP_STORAGE CAP_WORKSPACE_READ CAP_WORKSPACE_WRITE CAP_WS "
	json "F128: each with its risk and what still holds" "$WORK/stdout" 'all(.capabilities[];
		(.risk | IN("low", "medium", "high")) and (.mitigation | length) > 10 and (.allows | length) > 10)'
	json "F129: raw flows need inspected flows" "$WORK/stdout" \
		'.capabilities[] | select(.name == "CAP_FLOW_INSPECT_RAW") | .needs == ["CAP_FLOW_INSPECT"]'
	plugin raw "$HOSTILE" '.capabilities = ["CAP_FLOW_INSPECT_RAW"]'
	run "$PLUGIN" -- true
	is "F129: a manifest with the one without the other: status 3" "$STATUS" 3
	tells "F129: and the sentence" "$ERR" '^oxg: .*CAP_FLOW_INSPECT_RAW.*CAP_FLOW_INSPECT'
	plugin sdk "$HOSTILE" '.capabilities += ["CAP_WORKSPACE_READ", "CAP_WORKSPACE_WRITE", "CAP_NET_OUTBOUND", "CAP_SECRETS_READ"]'
	"$OXG" inspect --json --trust "$TRUST" --grant CAP_WORKSPACE_READ "$PLUGIN" >"$WORK/stdout" 2>"$ERR"
	is "F122: the four of the SDK load" "$? $(jq '.capabilities | length' "$WORK/stdout")" "0 5"
	is "F130: oxg inspect: what it would get" \
		"$(jq -r '[.capabilities[] | select(.granted) | .name] | sort | join(" ")' "$WORK/stdout")" \
		"CAP_EMIT_FINDINGS CAP_WORKSPACE_READ"
	for proxy in '"enable": true|rules_path' '"enable": true, "rules_path": "/r"|history_path' \
		'"enable": "yes"|true or false'; do
		echo "{\"schema_version\": 1, \"proxy\": {${proxy%|*}}}" >"$WORK/policy.json"
		wrong F104 "${proxy#*|}" run --trust "$TRUST" --policy "$WORK/policy.json" "$DEED"
	done
	run "$DEED" -- true
	json "F102: the proxy is off unless somebody says otherwise" "$RUN/inputs/policy.json" '.proxy.enable == false'
	run --profile strict --allow-unsigned "$DEED" -- true
	is "F187: there is no way around strict" "$STATUS" 2
	check "F193: SECURITY.md says where to" grep -q 'do not open a public issue' "$here/SECURITY.md"
}

# ---- where it writes ------------------------------------------------------------------------

folders() {
	oxg run --trust "$TRUST" "$DEED" -- true
	is "F152: ($WHO) the default folder: out/RUN-ID" "$STATUS $(jq -r .run_id "$WORK"/here/out/0*/run.json)" \
		"0 $(find "$WORK/here/out" -mindepth 1 -maxdepth 1 -type d -printf '%f\n')"
	json "F045: ($WHO) the same tier for root and for others" "$WORK/here/out/latest/run.json" '.isolation |
		.tier == "namespaces" and .built_by_root == ("'"$WHO"'" == "root")'
	is "F152: ($WHO) out/latest points to it, by its name alone" \
		"$(readlink "$WORK/here/out/latest")" "$(jq -r .run_id "$WORK/here/out/latest/run.json")"
	tells "F152: ($WHO) the summary names it" "$ERR" "folder +out/$(readlink "$WORK/here/out/latest")\$"
	oxg run --trust "$TRUST" --run-id "$ID" --out=dir "$DEED" -- true
	is "F152: ($WHO) --out and --run-id" "$STATUS $(jq -r .run_id "$WORK/here/dir/run.json") $(ls "$WORK/here")" "0 $ID dir"
	oxg run --trust "$TRUST" --run-id=$ID "$DEED" -- true
	is "F152: ($WHO) --run-id names the default folder" "$STATUS $(ls -x "$WORK/here/out")" \
		"0 $(printf '%s  latest' "$ID")"
	oxg run --trust "$TRUST" --out no/such/dir "$DEED" -- true
	is "F163: ($WHO) --out below nothing: status 2, nothing made" "$STATUS $(ls "$WORK/here")" "2 "
	like "F163: ($WHO) --out below nothing: the sentence" "$(head -n 1 "$ERR")" '^oxg: .*no/such/.*(make|choose)'
	for out in . .. / dir/..; do
		oxg run --trust "$TRUST" --out "$out" "$DEED" -- true
		is "F163: ($WHO) --out $out is no new directory: status 2" "$STATUS" 2
	done
	oxg run --trust "$TRUST" --out dir/ "$DEED" -- true
	is "F152: ($WHO) --out with a slash behind" "$STATUS $(ls "$WORK/here")" "0 dir"
}

# ---- what reaches the plugin --------------------------------------------------------------------

arguments() {
	newline=$(printf 'a\nb')
	# shellcheck disable=SC2016
	set -- '' ' ' "$newline" 'ä€𝄞' --trust -- -x "it's" '"$HOME`' '\n'
	printf '[%s]\n' "$@" >"$WORK/due"
	run --runtime system "$SHOWS" -- "$@"
	check "F191: ($WHO) arguments behind -- arrive byte for byte" cmp "$RUN/logs/stdout.log" "$WORK/due"
	run --runtime system "$SHOWS" --
	is "F191: ($WHO) none behind --" "$STATUS $(wc -c <"$RUN/logs/stdout.log")" "0 0"
	run --runtime system "$SHOWS"
	is "F191: ($WHO) and no --" "$STATUS $(wc -c <"$RUN/logs/stdout.log")" "0 0"
	# shellcheck disable=SC2046
	run --runtime system "$SHOWS" -- $(seq 1024)
	is "F191: ($WHO) 1024 of them" "$STATUS $(wc -l <"$RUN/logs/stdout.log")" "0 1024"
}

inputs() {
	echo '{"task_id": "task-7", "n": 1}' >"$WORK/task.json"
	mkdir -p "$WORK/in/sub" && echo inner >"$WORK/in/sub/file" && echo single >"$WORK/single"
	chmod 777 "$WORK/in" "$WORK/in/sub" && chmod 666 "$WORK/in/sub/file"
	cat >"$WORK/look" <<'LOOK'
#!/bin/sh
cd /workspace || exit 9
cat task.json; cat
cd input 2>/dev/null || { echo "no input"; exit 0; }
find . -type f | sort; cat $(find . -type f)
(echo changed >sub/file) 2>/dev/null && echo written
(echo changed >new) 2>/dev/null && echo made
[ -e ../task.json ] && (echo changed >../task.json) 2>/dev/null && echo task written
exit 0
LOOK
	plugin look "$WORK/look" '.runtime = "system"'
	run --runtime system --task "$WORK/task.json" --input "$WORK/in" "$PLUGIN"
	is "F131: ($WHO) the task as a file and on stdin; a directory as input, read-only" \
		"$(cat "$RUN/logs/stdout.log")" \
		"$(cat "$WORK/task.json" "$WORK/task.json"; echo ./sub/file; echo inner)"
	json "F020: ($WHO) recorded as a snapshot, with its digest" "$RUN/run.json" \
		'.input.snapshotted and (.input.sha256 | length) == 64 and .task_id == "task-7"'
	is "F131: ($WHO) the task is kept" "$(cat "$RUN/inputs/task.json")" "$(cat "$WORK/task.json")"
	run --runtime system --input "$WORK/single" "$PLUGIN"
	is "F020: ($WHO) a file as input stands in it under its name" "$(cat "$RUN/logs/stdout.log")" \
		"$(echo ./single; echo single)"
	run --runtime system --input-bind "$WORK/in" "$PLUGIN"
	is "F041: ($WHO) --input-bind: the live tree, read-only" \
		"$(cat "$RUN/logs/stdout.log" "$WORK/in/sub/file")" "$(echo ./sub/file; echo inner; echo inner)"
	json "F020: ($WHO) recorded as unsnapshotted" "$RUN/run.json" '.input.snapshotted == false'
	run --runtime system --input-bind "$WORK/single" "$PLUGIN"
	is "F041: ($WHO) --input-bind of a file: status 3" "$STATUS" 3
	tells "F041: ($WHO) and what to give" "$ERR" '^oxg: .*single.*no directory.*--input'
	run --runtime system "$PLUGIN"
	is "F041: ($WHO) without them there is neither" "$(cat "$RUN/logs/stdout.log")" "no input"
}

# ---- streams ------------------------------------------------------------------------------------------

# What shells can close and fill.
streams() {
	set -- run --trust "$TRUST" "$DEED"
	oxg "$@" --json -- true
	is "F189: ($WHO) --json: one object on stdout" "$STATUS $(jq -s 'length' "$WORK/stdout") $(jq -r 'type' "$WORK/stdout")" "0 1 object"
	is "F189: ($WHO) --json: nothing on stderr" "$(cat "$ERR")" ""
	json "F189: ($WHO) --json: what happened" "$WORK/stdout" '.schema_version == 1 and .exit_status == 0 and
		.decision == "PASS" and .ending.reason == "exited" and .findings.accepted == 0 and (.folder | startswith("out/"))'
	oxg "$@" --json -- exit 3
	json "F189: ($WHO) --json: a plugin that failed" "$WORK/stdout" '.exit_status == 10 and .ending.exit_status == 3'
	oxg "$@" -- exit 3
	is "F095: ($WHO) a plugin that failed: the summary says where to look" "$STATUS $(tail -n 1 "$ERR")" \
		"10   it said   out/$(readlink "$WORK/here/out/latest")/logs/stderr.log"
	oxg "$@" --fail-on low -- emit
	like "F095: ($WHO) a gate that blocks: likewise" "$STATUS $(tail -n 1 "$ERR")" \
		"^1   because   out/$(readlink "$WORK/here/out/latest")/gate_report.json\$"
	echo nothing >"$WORK/text" && chmod 755 "$WORK/text"
	oxg run --allow-unsigned --trust "$TRUST" "$WORK/text"
	like "F001: ($WHO) a text is no program, and is named" "$STATUS $(head -n 1 "$ERR")" '^3 oxg: text is neither'
	oxg run --json --trust "$TRUST" "$WORK/nowhere"
	is "F189: ($WHO) --json: a refusal: status 3, one object" "$STATUS $(jq -s length "$WORK/stdout")" "3 1"
	json "F189: ($WHO) --json: the refusal's code and sentence" "$WORK/stdout" \
		'.exit_status == 3 and .refusal.code == "plugin" and (.refusal.text | contains("nowhere"))'
	check "F189: ($WHO) --json: and the sentence on stderr" grep -q '^oxg: .*nowhere' "$ERR"
	oxg "$@" --quiet -- true
	is "F189: ($WHO) --quiet says nothing" "$STATUS $(cat "$ERR" "$WORK/stdout")" "0 "
	oxg run --quiet --trust "$TRUST" "$WORK/nowhere"
	is "F189: ($WHO) --quiet: a refusal still says why" "$STATUS $(wc -l <"$ERR")" "3 1"
	oxg "$@" -- print 'hello from inside'
	is "F066: ($WHO) nothing of the plugin's on our streams" "$STATUS $(cat "$WORK/stdout" "$ERR" | grep -c 'hello from')" "0 0"
	# PASS, findings, folder: three lines and no escape.
	is "F189: ($WHO) no terminal, no colour, no live line" "$(grep -c "$(printf '[\033\r]')" "$ERR") $(wc -l <"$ERR")" "0 3"
	evil=$(printf '%s/evil\033[31m\nfolder' "$WORK")
	oxg run --trust "$TRUST" "$evil"
	is "F066: ($WHO) a plugin's name does not steer a terminal" "$STATUS $(grep -c "$(printf '\033')" "$ERR")" "3 0"
}

closed() {
	for command in 'run --json --out RUN --trust TRUST DEED -- true' 'verify --json --trust TRUST DEED' \
		'inspect --trust TRUST DEED' 'caps' 'caps --json' 'schema' 'schema finding' 'version' '--help' \
		'run --help' 'check --json GOOD' 'report GOOD' 'diff GOOD GOOD'; do
		for how in full closed; do
			RUNS=$((RUNS + 1))
			# shellcheck disable=SC2046
			set -- $(echo "$command" | sed "s:TRUST:$TRUST:; s:DEED:$DEED:; s:RUN:$OUT/run-$RUNS:; s:GOOD:$GOOD:g")
			if [ $how = full ]; then
				as timeout 20 "$OXG" "$@" >/dev/full 2>"$ERR"
			else
				as timeout 20 "$OXG" "$@" >&- 2>"$ERR"
			fi
			is "F152: ($WHO) stdout $how: oxg ${command%%TRUST*}: status 5" "$?" 5
			tells "F152: ($WHO) stdout $how: the sentence" "$ERR" '^oxg: cannot write to standard output'
		done
	done
	RUNS=$((RUNS + 1))
	as timeout 20 "$OXG" run --trust "$TRUST" --out "$OUT/run-$RUNS" "$DEED" -- true <&- >&- 2>&-
	is "F064: ($WHO) all three closed: it runs" "$? $(jq -r .ending.reason "$OUT/run-$RUNS/run.json")" "0 exited"
	as timeout 20 "$OXG" check "$OUT/run-$RUNS" 2>/dev/null
	is "F064: ($WHO) and the folder verifies" "$?" 0
}

# terminal [VAR=VALUE...]: what a terminal shows of a run of half a second.
terminal() {
	RUNS=$((RUNS + 1))
	# shellcheck disable=SC2024
	as env -u CI -u NO_COLOR TERM=xterm "$@" timeout 20 script -qec "$OXG run --trust $TRUST --out $OUT/run-$RUNS \
		--timeout 600ms $DEED -- hang" /dev/null >"$WORK/screen" </dev/null 2>&1
}

colours() {
	grep -c "$(printf '\033')\[[0-9]*m" "$WORK/screen"
}

live_lines() {
	tr '\r' '\n' <"$WORK/screen" | grep -c '[0-9] s  cpu [0-9.]* s  memory'
}

terminals() {
	if ! command -v script >/dev/null; then
		skip "no script(1) here: nothing can be seen of a terminal"
		return
	fi
	terminal
	check "F096: ($WHO) on a terminal there is a live line" within 2 "$(live_lines)" 8
	is "F096: ($WHO) and colour" "$(colours)" 1
	like "F096: ($WHO) the live line is gone in the end" "$(tr '\n' ' ' <"$WORK/screen")" \
		"$(printf '\r\033\\[K')[^\r]*BLOCK"
	terminal NO_COLOR=1
	is "F096: ($WHO) NO_COLOR: a live line, no colour" "$(colours) $(test "$(live_lines)" -gt 0; echo $?)" "0 0"
	terminal NO_COLOR=
	is "F096: ($WHO) NO_COLOR that is empty does not count" "$(colours)" 1
	terminal TERM=dumb
	is "F096: ($WHO) TERM=dumb: neither" "$(colours) $(live_lines)" "0 0"
	terminal CI=true
	is "F096: ($WHO) CI: no live line" "$(live_lines)" 0
}

# ---- other spellings ------------------------------------------------------------------------------------

spellings() {
	run "--timeout=5s" --cpu-limit=3 "$DEED" -- true
	is "F080: --x=V" "$STATUS $(jq -c '[.limits.wall_ns, .limits.cpu_ns]' "$RUN/run.json")" "0 [5000000000,3000000000]"
	run "$DEED" --timeout 5s --cpu-limit 3 -- true
	is "F080: --x V, also behind the plugin" "$STATUS $(jq -c '[.limits.wall_ns, .limits.cpu_ns]' "$RUN/run.json")" "0 [5000000000,3000000000]"
	ln -sf "$OXG" "$WORK/0xgenctl"
	for name in "$OXG" "$WORK/0xgenctl"; do
		RUNS=$((RUNS + 1))
		"$name" plugin run --trust "$TRUST" --out "$OUT/run-$RUNS" "$DEED" -- exit 3 2>/dev/null
		is "F080: ${name##*/} plugin run" "$?" 10
		"$name" plugin verify --trust "$TRUST" "$DEED" 2>/dev/null
		is "F015: ${name##*/} plugin verify" "$?" 0
		rm -f "$DEED/hostile.sig"
		"$name" plugin sign --key "$WORK/test.key" "$DEED" >/dev/null 2>&1
		is "F012: ${name##*/} plugin sign" "$?" 0
		chmod 644 "$DEED/hostile.sig"
		# The signature is openssl's to judge.
		check "F012: ${name##*/} plugin sign: openssl agrees" sh -c "base64 -d '$DEED/hostile.sig' >'$WORK/der' &&
			openssl dgst -sha256 -verify '$WORK/test.pub' -signature '$WORK/der' '$DEED/hostile'"
	done
	run "$DEED/manifest.json" -- true
	is "F015: a plugin named by its manifest.json" "$STATUS $(jq -r .plugin.name "$RUN/run.json")" "0 hostile"
	for variable in OXG_TRUST OXGEN_TRUST 0XGEN_TRUST; do
		RUNS=$((RUNS + 1))
		env "$variable=$TRUST" "$OXG" run --out "$OUT/run-$RUNS" "$DEED" -- true 2>/dev/null
		is "F103: \$$variable names the trust root" \
			"$? $(jq -r .trust.found_by "$OUT/run-$RUNS/run.json")" "0 \$$variable"
	done
	RUNS=$((RUNS + 1))
	OXG_TRUST=$WORK/nowhere "$OXG" run --trust "$TRUST" --out "$OUT/run-$RUNS" "$DEED" -- true 2>/dev/null
	is "F103: --trust outranks it" "$?" 0
	run --grant CAP_REPORT --grant=CAP_STORAGE "$DEED" -- true
	is "F126: --grant may be repeated, and gives nothing that was not asked for" \
		"$STATUS $(jq -c .capabilities.granted "$RUN/run.json")" '0 ["CAP_EMIT_FINDINGS"]'
	for tier in namespaces chroot landlock; do
		run --min-tier $tier "$DEED" -- true
		is "F065: --min-tier $tier never makes the jail weaker" \
			"$STATUS $(jq -r .isolation.tier "$RUN/run.json")" "0 namespaces"
	done
	run --durable "$DEED" -- true
	is "F163: --durable" "$STATUS" 0
}

# ---- the manual page --------------------------------------------------------------------------------------

# section COMMAND: its part of the page.
section() {
	awk -v name=".SS oxg $1" '/^\.S[SH]/ { on = $0 == name } on' "$PAGE"
}

page_options() {
	section "$1" | grep -oE '\\-\\-[a-z][a-z\\-]*' | sed 's/\\-/-/g' | sort -u | grep -vx -e --help
}

# In the page's sections options of other commands are named as "oxg run --x".
help_options() {
	"$OXG" "$1" --help | grep -oE '(^  |\[| )--[a-z][a-z-]*' | grep -oE -e '--[a-z-]+' | sort -u | grep -vx -e --help
}

page() {
	for command in $(commands); do
		check "F142: doc/oxg.1 has oxg $command" test -n "$(section "$command")"
		[ "$command" != broker ] || continue
		is "F142: doc/oxg.1 names the options of oxg $command, and no other" \
			"$(section "$command" | grep -E '^\.(B|BI) \\-\\-[a-z]' | sed 's/\\-/-/g' | grep -oE -e '--[a-z-]+' | sort -u)" \
			"$(help_options "$command")"
	done
	is "F142: doc/oxg.1 names the options of oxg broker, and no other" \
		"$(page_options broker | grep -vx -e --runtime -e --task)" "$(help_options broker)"
	is "F142: doc/oxg.1 has no command that oxg has not" \
		"$(sed -n 's/^\.SS oxg //p' "$PAGE" | sort)" "$(commands | sort)"
	# The statuses: the one table in the code.
	sed -n 's/^\tX([A-Z]*, \([0-9]*\), "\(.*\)").*/\1 \2/p' "$here/oxg.h" | grep -E '^[0-9]+ (ran|wrong|refused|evidence|the plugin|stopped)' >"$WORK/statuses"
	is "F095: oxg.h has the contract's twelve statuses" "$(cut -d' ' -f1 "$WORK/statuses" | tr '\n' ' ')" \
		"0 1 2 3 4 5 6 10 121 122 123 124 "
	is "F095: doc/oxg.1 has them word for word" \
		"$(awk '/^\.SH/ { on = /EXIT STATUS/ } on && /^\.B [0-9]/ { n = $2; getline; print n, $0 }' "$PAGE")" \
		"$(cat "$WORK/statuses")"
	if command -v man >/dev/null; then
		is "F142: man has nothing to say against doc/oxg.1" "$(man --warnings -l "$PAGE" 2>&1 >/dev/null)" ""
	else
		skip "no man(1) here"
	fi
	if command -v mandoc >/dev/null; then
		is "F142: nor has mandoc" "$(mandoc -T lint -W warning "$PAGE" 2>&1)" ""
	else
		skip "no mandoc(1) here"
	fi
}

become "${IDENTITIES%% *}"
helps
words
figures
units
defaults
spellings
consent
page
for who in $IDENTITIES; do
	become "$who"
	folders
	arguments
	inputs
	streams
	run "$DEED" -- true
	GOOD=$RUN
	closed
	terminals
done
finish
