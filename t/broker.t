#!/bin/sh
# The broker from both of its sides: what a plugin may say to it and hears from it,
# and what the host sees of its process.
# shellcheck source=/dev/null disable=SC2016 # "$T" is asker's to expand, or the script's in the jail
. "${0%/*}/lib.sh"

trust_root
plugin asker "$BUILD/plugins/asker" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_STORAGE"]'
ASKER=$PLUGIN
printf '#!/bin/sh\neval "$1"\n' >"$WORK/script"
plugin shell "$WORK/script" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_STORAGE"] | .runtime = "system"'
SHELL_PLUGIN=$PLUGIN

# A build with a sanitizer is large, and too much so for a jail.
BIG=$(grep -c __asan_init "$OXG")

# call ID METHOD [MEMBERS [TOKEN]]: a request as asker writes it.
call() {
	printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":{"token":"%s"%s}}' \
		"$1" "$2" "${4:-\$T}" "${3:+,$3}"
}

# log_to ID: the request that always works.
log_to() {
	call "$1" log '"message":"m"'
}

finding() {
	printf '"finding":{"type":"t","message":"%s","severity":"low"}' "$1"
}

ask() {
	run "$ASKER" -- "$@"
}

# Answer N of the last run: its id and its error's code, or "ok".
answer() {
	sed -n "$1p" "$RUN/logs/stdout.log" | jq -c '[.id, .error.code // "ok"]'
}

events() {
	jq -c "select($1)" "$RUN/journal/events.jsonl"
}

# ---- JSON-RPC ------------------------------------------------------------------------

errors() {
	ask "+$(log_to 1)" '+{' '+[]' "+[$(log_to 2)]" '+null' "+$(call 3 no.such)" "+$(call 4 log '"x":1')" \
		"+$(call 5 log '"message":"m"' x.y)" "+$(call 6 http.request '"url":"http://127.0.0.1/"')" \
		'+{"jsonrpc":"2.0","id":7,"method":"log"}' '+{"jsonrpc":"2.0","id":8}' "+$(log_to 9)" '=12'
	is "F140: ($WHO) JSON-RPC's own errors, each to its id" \
		"$(for n in 1 2 3 4 5 6 7 8 9 10 11 12; do answer $n; done | tr '\n' ' ')" \
		'[1,"ok"] [null,-32700] [null,-32600] [null,-32600] [null,-32600] [3,-32601] [4,-32602] [5,-32002] [6,-32601] [7,-32602] [8,-32600] [9,"ok"] '
	like "F140: ($WHO) an error says what is wrong" "$(sed -n 6p "$RUN/logs/stdout.log")" '"message":"[^"]{10,}"'
	json "F127: ($WHO) all are counted" "$RUN/run.json" '.broker == {requests: 12, refused: 10}'
	is "F127: ($WHO) each refusal is in the journal" \
		"$(events '.type | test("refuse")' | jq -c '[.line, .code]' | tr '\n' ' ')" \
		'[2,-32700] [3,-32600] [4,-32600] [5,-32600] [6,-32601] [7,-32602] [8,-32002] [9,-32601] [10,-32602] [11,-32600] '
	is "F095: ($WHO) and the plugin ends as it likes" "$STATUS" 0
}

ids() {
	ask "+$(log_to null)" "+$(log_to 0)" "+$(log_to -12.5e3)" "+$(log_to 123456789012345678901234567890)" \
		"+$(log_to '"a\u0041\n"')" "+$(log_to true)" '=6'
	is "F140: ($WHO) an id comes back as it was written" \
		"$(sed 's/.*"id":\(.*\),"\(result\|error\)".*/\1/' "$RUN/logs/stdout.log" | tr '\n' ' ')" \
		'null 0 -12.5e3 123456789012345678901234567890 "a\u0041\n" null '
	ask "+{\"jsonrpc\":\"2.0\",\"method\":\"finding.emit\",\"params\":{\"token\":\"\$T\",$(finding quiet)}}" \
		'+' '+' '?200' "+$(log_to 1)" '=1'
	is "F140: ($WHO) a notification and empty lines are not answered" "$(sed 2d "$RUN/logs/stdout.log")" silence
	is "F140: ($WHO) but the notification is served" "$(jq -r .message "$RUN/findings.jsonl")" quiet
	json "F127: ($WHO) and empty lines are no requests" "$RUN/run.json" '.broker == {requests: 2, refused: 0}'
}

# Bytes that are no request at all; a good one comes through behind each.
noise() {
	ask '-{"jsonrpc":"2.0","id":1,"method":"' '%2048:x' '+"}' '=1' "+$(log_to 2)" '=1'
	is "F140: ($WHO) a line of two MiB: refused once, and the next one served" \
		"$(answer 1) $(answer 2)" '[null,-32600] [2,"ok"]'
	ask '-' '%1024:^' "+$(log_to 1)" '=1' "+$(log_to 2)" '=1'
	is "F140: ($WHO) a mebibyte of noise before a request: one line" "$(answer 1) $(answer 2)" '[null,-32600] [2,"ok"]'
	ask '+^00^00^00' '+{"jsonrpc":"2.0","id":1^00}' '+^ff^fe{"a"^c0^80' '+^01garbage {]' "+$(log_to 1)" '=5'
	is "F140: ($WHO) NUL, no UTF-8, garbage" "$(answer 1) $(answer 2) $(answer 3) $(answer 4) $(answer 5)" \
		'[null,-32700] [null,-32700] [null,-32700] [null,-32700] [1,"ok"]'
	check "F140: ($WHO) none of it stands raw in the journal" \
		not sh -c "LC_ALL=C tr -d '\\n\\040-\\176' <'$RUN/journal/events.jsonl' | grep -q ."
	ask "-$(log_to 1)" '~50'
	is "F140: ($WHO) a request without its line end is none" "$(jq -c .broker "$RUN/run.json")" '{"requests":0,"refused":0}'
	is "F127: ($WHO) and the journal says so" \
		"$(events '.type == "request.refuse"' | jq -r .reason)" "the requests end inside this line"
	check "F156: ($WHO) after noise the evidence holds" "$OXG" check "$RUN"
}

flood() {
	before=$(date +%s)
	ask "*100000:$(call "\$I" log '"message":"m"')"
	check "F066: ($WHO) a hundred thousand requests in seconds" within 0 $(($(date +%s) - before)) 20
	is "F066: ($WHO) each is answered" "$(cat "$RUN/logs/stdout.log")" answers=100000
	json "F127: ($WHO) and counted" "$RUN/run.json" '.broker == {requests: 100000, refused: 0}'
	is "F083: ($WHO) the journal keeps its ceiling and says what it left out" \
		"$(events '.type == "journal.suppressed"' | jq -c '[.of, .count]' | sort | tr '\n' ' ')" \
		'["log",90000] ["token.use",99000] '
	check "F176: ($WHO) the chain of 11 000 events holds" "$OXG" check "$RUN"
	# The findings' own ceiling: 100 000 by default.
	ask "*100003:$(call "\$I" finding.emit "$(finding "number \$I")")"
	json "F160: ($WHO) findings up to their limit" "$RUN/run.json" \
		'.findings.accepted == 100000 and .findings.rejected == 3 and .broker.refused == 3'
	is "F160: ($WHO) beyond it: -32004" "$(events '.type == "request.refuse"' | jq -c .code | sort -u)" -32004
	is "F160: ($WHO) and all of them are there" "$(wc -l <"$RUN/findings.jsonl")" 100000
	is "F146: ($WHO) each with an id of its own" "$(cut -c24-49 "$RUN/findings.jsonl" | sort -u | wc -l)" 100000
}

# ---- tokens ------------------------------------------------------------------------------

tokens() {
	ask "+$(call 1 token.issue)" =1 T "+$(call 2 log '"message":"m"' "\$N")" =1 \
		"+$(call 3 token.issue '"caps":["CAP_STORAGE"]')" =1 T \
		"+$(call 4 finding.emit "$(finding x)" "\$N")" =1 \
		"+$(call 5 token.issue '"caps":["CAP_EMIT_FINDINGS"]' "\$N")" =1 \
		"+$(call 6 token.revoke '"revoke":"$T"' "\$N")" =1 \
		"+$(call 7 token.revoke '"revoke":"$N"')" =1 \
		"+$(call 8 log '"message":"m"' "\$N")" =1 \
		"+$(call 9 token.revoke)" =1 "+$(log_to 10)" =1
	is "F124: ($WHO) renewed, lessened, revoked: what each token is worth" \
		"$(for n in 1 2 3 4 5 6 7 8 9 10; do answer $n; done | tr '\n' ' ')" \
		'[1,"ok"] [2,"ok"] [3,"ok"] [4,-32001] [5,-32001] [6,-32001] [7,"ok"] [8,-32002] [9,"ok"] [10,-32002] '
	is "F127: ($WHO) issues: serial, by whom, what for" \
		"$(events '.type == "token.issue"' | jq -c '[.serial, .by, .caps]' | tr '\n' ' ')" \
		'[1,null,["CAP_EMIT_FINDINGS","CAP_STORAGE"]] [2,1,["CAP_EMIT_FINDINGS","CAP_STORAGE"]] [3,1,["CAP_STORAGE"]] '
	is "F127: ($WHO) revocations: two asked for, one at the end" \
		"$(events '.type == "token.revoke"' | jq -c '.serial // .tokens' | tr '\n' ' ')" '3 1 "all" '
	ask "*1024:$(call "\$I" token.issue)" "+$(log_to 1)" =1
	is "F123: ($WHO) 1024 tokens a run, the first is one of them" \
		"$(jq -c .broker "$RUN/run.json")" '{"requests":1025,"refused":1}'
	is "F123: ($WHO) the one too many: -32004" "$(events '.type == "request.refuse"' | jq .code)" -32004
}

# The token everywhere a plugin can put it; the test learns it from its digits, with
# blanks between them: hex without is masked.
secrecy() {
	run "$ASKER" -- h '>[$T]^0a' '>$A' '~50' '>$B^0a' '>$A^0a$B^0a' \
		"+$(call '"$T"' log '"message":"m"')" =1 "+$(call 0 log '"message":"it is $T"')" =1 "+$(call 1 finding.emit "$(finding "\$T")")" =1 \
		"+$(call 2 '$T')" =1 "+$(call 3 log '"$T":1')" =1 '+$T' =1 "+$(call 4 finding.emit '"finding":{"$T":1}')" =1 \
		"+$(call 5 log '"message":"m"' 'x$T')" =1 "+$(call 6 token.issue)" =1 '!3:$T$T' '>^65^79^4a^75^49$T' '-$T'
	token=$(head -n 1 "$RUN/logs/stdout.log" | tr -d ' ' | sed 's/../\\x&/g' | xargs -0 printf '%b')
	like "F133: ($WHO) (the token is known to the test)" "$token" '^eyJ[A-Za-z0-9_-]{100,}\.[A-Za-z0-9_-]{43}$'
	is "F133: ($WHO) the token stands in no file of the folder" "$(grep -rlF "$token" "$RUN")" ""
	is "F133: ($WHO) nor does the end of it, which is its secret" \
		"$(grep -rlF -e "${token#*.}" "$RUN" | sed 's,.*/logs/,logs/,')" "logs/stdout.log"
	is "F133: ($WHO) but where a plugin broke it in two on purpose" \
		"$(grep -cF -e "${token#*.}" "$RUN/logs/stdout.log")" 1
	is "F133: ($WHO) on stdout it is masked, also when it came in two writes" \
		"$(sed -n '2p;3p' "$RUN/logs/stdout.log" | tr '\n' ' ')" '[[REDACTED token]] [REDACTED token] '
	is "F133: ($WHO) in a finding too" "$(jq -r .message "$RUN/findings.jsonl")" '[REDACTED token]'
	check "F133: ($WHO) and in the journal" grep -qF 'it is [REDACTED token]' "$RUN/journal/events.jsonl"
	check "F156: ($WHO) and the evidence holds" "$OXG" check "$RUN"
	# An ordinary plugin's environment and command line are no file of ours either.
	is "F133: ($WHO) nothing of it on oxg's own stdout or stderr" "$(grep -lF "$token" "$OUT/stdout" "$ERR")" ""
}

# ---- the process ----------------------------------------------------------------------------

field() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '
}

# User and system time in ticks.
ticks() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

process() {
	start "$ASKER" -- '>ready^0a' '~3000'
	wait_for said_ready
	b=$(broker_of "$PID")
	init=$(children_of "$(watch_of "$PID")" | grep -vx "$b" | head -n 1)
	check "F053: ($WHO) the broker is a process of its own" test -n "$b" -a -n "$init"
	# Who has no privilege can take nothing out of the bounding set, nor gain by it.
	for set in CapInh CapPrm CapEff CapAmb $([ "$WHO" != root ] || echo CapBnd); do
		is "F059: ($WHO) the broker's $set" "$(field "$b" "$set")" 0000000000000000
	done
	is "F058: ($WHO) it can gain none" "$(field "$b" NoNewPrivs)" 1
	is "F057: ($WHO) it has a filter of system calls" "$(field "$b" Seccomp)" 2
	is "F064: ($WHO) SIGINT, SIGTERM, SIGHUP are not its to answer: ignored" \
		"$((0x$(field "$b" SigIgn) & 0x4003))" $((0x4003))
	uid=$(field "$b" Uid)
	if [ "$WHO" = root ]; then
		check "F053: ($WHO) its uid is not root's" not grep -q '\b0\b' <<-END
			$uid
		END
		check "F053: ($WHO) nor the plugin's" test "${uid%% *}" != "$(field "$init" Uid | cut -d' ' -f1)"
		is "F053: ($WHO) four times the same" "$(echo "$uid" | tr ' ' '\n' | sort -u | wc -l)" 1
		is "F053: ($WHO) no groups" "$(field "$b" Groups | tr -d ' ')" ""
	fi
	if [ "$CALLER" -eq 0 ]; then
		check "F064: ($WHO) its descriptors: four pipes, a socket, six files of the folder" test "$(
			find "/proc/$b/fd" -type l -printf '%l\n' |
				sed "s,:.*,,; s,^$RUN.partial/,," | sort | tr '\n' ' '
		)" = "findings.jsonl journal/events.jsonl ledger.jsonl logs/stderr.log logs/stdout.log pipe pipe pipe pipe socket staging "
		for f in "/proc/$b/fd"/*; do
			name=$(readlink "$f")
			case $name in *.jsonl | */staging) ;; *) continue ;; esac
			flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$b/fdinfo/${f##*/}")
			check "F176: ($WHO) it can only append to ${name##*/}" test $((flags & 02000)) -ne 0
		done
	fi
	[ "$BIG" -gt 0 ] || check "F199: ($WHO) it is small" within 0 "$(field "$b" VmRSS | cut -d' ' -f1)" 8192
	kill "$PID"
	wait "$PID"
}

# Who never reads an answer ends by a limit of his own; the broker neither spins nor grows.
deaf() {
	start --timeout 3s "$ASKER" -- '>ready^0a' "!1000000:$(log_to 1)"
	wait_for said_ready
	b=$(broker_of "$PID")
	sleep 1.2
	before=$(ticks "$b")
	sleep 1
	check "F066: ($WHO) a broker whose answers nobody reads does not spin" within 0 $(($(ticks "$b") - before)) 10
	[ "$BIG" -gt 0 ] || check "F066: ($WHO) nor grow" within 0 "$(field "$b" VmRSS | cut -d' ' -f1)" 16384
	wait "$PID"
	is "F066: ($WHO) the deaf plugin ends by its own limit: status 124" "$?" 124
	check "F077: ($WHO) in time" within 3000000000 "$(jq .usage.wall_ns "$RUN/usage.json")" 4500000000
	check "F156: ($WHO) and its evidence holds" "$OXG" check "$RUN"
	ask "!5000:$(log_to 1)"
	is "F066: ($WHO) up to a mebibyte of answers may lie unread" "$STATUS $(jq .broker.requests "$RUN/run.json")" "0 5000"
	ask x3 "!20000:$(log_to 1)" "+$(call 1 finding.emit "$(finding 'without ears')")"
	is "F066: ($WHO) who closes his ears is still heard" "$STATUS $(jq -r .message "$RUN/findings.jsonl")" "0 without ears"
	ask x4 '~50' '>on^0a'
	is "F066: ($WHO) who closes his mouth goes on" "$STATUS $(cat "$RUN/logs/stdout.log")" "0 on"
}

# The broker is shot from outside: the plugin dies with it, and nothing passes.
shot() {
	mark=shot-$$-$WHO
	start "$ASKER" -- "+$(call 1 finding.emit "$(finding one)")" "+$(call 2 finding.emit "$(finding two)")" =2 \
		'~100' '>ready^0a' '~20000' ">$mark"
	wait_for said_ready
	sleep 0.2
	before=$(date +%s)
	kill -KILL "$(broker_of "$PID")"
	wait "$PID"
	is "F140: ($WHO) broker shot: status 123" "$?" 123
	check "F140: ($WHO) at once" within 0 $(($(date +%s) - before)) 3
	check "F140: ($WHO) the plugin is dead" no_marked "$mark"
	json "F140: ($WHO) killed, since the broker died" "$RUN/run.json" '.ending | .reason == "killed" and .by == "broker"'
	json "F140: ($WHO) the gate blocks" "$RUN/gate_report.json" '.decision == "BLOCK"'
	is "F140: ($WHO) what it had written stands, and the termination" \
		"$(jq -r .type "$RUN/findings.jsonl" | tr '\n' ' ')" "t t oxg.supervisor.termination "
	is "F146: ($WHO) three findings, three ids" "$(jq -r .id "$RUN/findings.jsonl" | sort -u | wc -l)" 3
	check "F176: ($WHO) the chain goes on behind the dead broker's last word" test \
		"$(jq -r .type "$RUN/journal/events.jsonl" | tail -n 1)" = run.end
	check "F156: ($WHO) the folder is sealed, and good evidence of that" "$OXG" check "$RUN"
}

# Half a megabyte for everything: findings.jsonl cannot be written to its end.
full() {
	if ! unshare -m true 2>/dev/null; then
		skip "F140: a full disk needs a mount namespace"
		return
	fi
	small=$WORK/small-$WHO
	mkdir -p "$small"
	RUNS=$((RUNS + 1))
	RUN=$small/run
	ERR=$OUT/stderr-$RUNS
	(
		trap - EXIT
		export small RUN OXG
		unshare -m sh -c '
			mount -t tmpfs -o size=512k,mode=777 none "$small" || exit 77
			"$@"
			echo $? >"$small.status"
			find "$RUN" "$RUN.partial" -name "*.jsonl" -o -name SHA256SUMS 2>/dev/null | sort >"$small.left"
			"$OXG" check "$RUN.partial" >/dev/null 2>"$small.check"
			echo $? >>"$small.status"
		' sh setpriv --reuid="$(as id -u)" --regid="$(as id -g)" --clear-groups \
			"$OXG" run --trust "$TRUST" --out "$RUN" "$ASKER" -- '>ready^0a' \
			"*20000:$(call "\$I" finding.emit "$(finding "a number \$I")")" '~20000' >/dev/null 2>"$ERR"
	)
	is "F140: ($WHO) full disk: status 5, and check says 5" "$(tr '\n' ' ' <"$small.status")" "5 5 "
	tells "F140: ($WHO) full disk: the sentence" "$ERR" '^oxg: .*small-.*No space left'
	is "F163: ($WHO) full disk: what is left is called partial" "$(sed 's,.*/run,run,' "$small.left" | tr '\n' ' ')" \
		"run.partial/findings.jsonl run.partial/journal/events.jsonl run.partial/ledger.jsonl "
}

# ---- oxg broker, for scripts -----------------------------------------------------------------

sh_run() {
	run --runtime system "$SHELL_PLUGIN" -- "$1"
}

verbs() {
	echo '{"task_id":"t-1","list":[1,2]}' >"$WORK/task.json"
	run --runtime system --task "$WORK/task.json" "$SHELL_PLUGIN" -- '
		oxg broker task pull
		0xgenctl broker task pull --out "$OXG_WORKSPACE/copy.json" && cat copy.json
		oxg broker finding emit --type t --severity medium --message "a <b> \"c\"" --target x --evidence=proof
		echo "{\"type\":\"u\",\"message\":\"from a file\",\"severity\":\"low\"}" >f && oxg broker finding emit --file f
		printf "%s\n" "{\"type\":\"u\",\"message\":\"line 1\",\"severity\":\"low\"}" "{\"type\":\"u\",\"message\":\"line 2\",\"severity\":\"low\"}" |
			oxg broker finding emit --file -
		oxg broker log --level warn "a word"
		oxg broker call token.issue "{\"caps\": []}" | cut -c1-10
		oxg broker token renew >/dev/null && ls -l /tmp/.oxg-token | cut -c1-10
		oxg broker log -- --help'
	is "F142: ($WHO) oxg broker, verb by verb" "$STATUS" 0
	is "F131: ($WHO) task pull" "$(sed -n 1p "$RUN/logs/stdout.log" | jq -c '[.task_id, .task.list]')" '["t-1",[1,2]]'
	is "F131: ($WHO) task pull --out, under its other name" "$(sed -n 2p "$RUN/logs/stdout.log")" "$(cat "$WORK/task.json")"
	is "F142: ($WHO) finding emit: words, a file, lines" "$(jq -r .message "$RUN/findings.jsonl" | tr '\n' '|')" \
		'a <b> "c"|from a file|line 1|line 2|'
	is "F142: ($WHO) with all it was given" "$(head -n 1 "$RUN/findings.jsonl" | jq -c '[.severity, .target, .evidence]')" \
		'["med","x","proof"]'
	is "F138: ($WHO) log" "$(events '.type == "log"' | jq -c '[.level, .message]' | tr '\n' ' ')" \
		'["warn","a word"] ["info","--help"] '
	check "F123: ($WHO) a renewed token is kept where others cannot read it" grep -qx -e '-rw-------' "$RUN/logs/stdout.log"
}

# client STATUS SENTENCE COMMAND: what one call says and how it ends.
client() {
	sh_run "$3; echo \"status=\$?\""
	what=$(printf '%s' "$3" | tr -d '\134' | cut -c1-60)
	is "F142: ($WHO) $what: status $1" "$(grep -o 'status=.*' "$RUN/logs/stdout.log")" "status=$1"
	like "F142: ($WHO) $what: in words" "$(cat "$RUN/logs/stderr.log")" "^oxg: .*$2"
}

wrong_words() {
	client 2 'no such verb' 'oxg broker frobnicate'
	client 2 'takes no more words' 'oxg broker task pull now'
	client 2 'no such option' 'oxg broker log --colour red m'
	client 2 'one message' 'oxg broker log two words'
	client 2 'wants --file, or' 'oxg broker finding emit'
	client 2 'no JSON object' 'oxg broker call log [1]'
	client 1 'http.request: .*-32601' 'oxg broker call http.request'
	client 1 'finding.emit: severity is .*-32602' 'oxg broker finding emit --type t --severity urgent --message m'
	client 1 'cannot read nowhere' 'oxg broker finding emit --file nowhere'
	client 1 'line 2 is no finding' 'printf "%s\n" "{\"type\":\"t\",\"message\":\"m\",\"severity\":\"low\"}" x | oxg broker finding emit --file -'
	is "F142: ($WHO) the good line before it was taken" "$(wc -l <"$RUN/findings.jsonl")" 1
	client 1 'longer than 1 MiB' 'head -c 1100000 /dev/zero | tr "\\0" x >m; printf "{\"message\":\"%s\"}" "$(cat m)" | oxg broker finding emit --file -'
	client 1 'twice' 'oxg broker call log "{\"message\":\"m\",\"token\":\"x\"}"'
	client 1 'works inside the jail only' 'unset OXG_CAPABILITY_TOKEN OXGEN_CAPABILITY_TOKEN; env -u 0XGEN_CAPABILITY_TOKEN oxg broker log m'
	client 1 'does not listen|does not answer' 'oxg broker log m 3<&- 4>&-'
}

# Many at once, and what a dead one leaves behind.
callers() {
	sh_run 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
			(for n in 1 2 3 4; do oxg broker finding emit --type t --severity low --message "$i.$n" >/dev/null || echo bad; done) &
		done; wait'
	is "F066: ($WHO) twelve callers at once: each is answered" "$STATUS $(cat "$RUN/logs/stdout.log")" "0 "
	is "F066: ($WHO) and every finding arrives once" "$(jq -r .message "$RUN/findings.jsonl" | sort -u | wc -l) $(wc -l <"$RUN/findings.jsonl")" "48 48"
	sh_run 'printf "%s\n" "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"log\",\"params\":{\"token\":\"$OXG_CAPABILITY_TOKEN\",\"message\":\"m\"}}" x "{" >&4
		sleep 0.1
		oxg broker log hello'
	is "F066: ($WHO) answers that a dead caller never read are passed over" "$STATUS $(cat "$RUN/logs/stdout.log")" '0 {"kept":true}'
	sh_run 'printf "{\"jsonrpc\":\"2.0\",\"id\":9,\"met" >&4
		oxg broker log hello'
	is "F066: ($WHO) so is the half request it died in" "$STATUS $(cat "$RUN/logs/stdout.log")" '0 {"kept":true}'
	sh_run 'flock --no-fork /tmp/.oxg-broker.lock sleep 20 & p=$!
		sleep 0.1; kill -9 $p; wait $p 2>/dev/null
		oxg broker log hello'
	is "F066: ($WHO) a lock dies with its holder" "$STATUS $(cat "$RUN/logs/stdout.log")" '0 {"kept":true}'
	sh_run 'flock --no-fork /tmp/.oxg-broker.lock sleep 0.6 & sleep 0.2; oxg broker log hello; kill -0 $! 2>/dev/null && echo too early'
	is "F066: ($WHO) and is waited for while he lives" "$(cat "$RUN/logs/stdout.log")" '{"kept":true}'
}

# What may lie where the lock and the token should.
places() {
	for what in lock token; do
		place=/tmp/.oxg-broker.lock
		[ $what = lock ] || place=/tmp/.oxg-token
		for thing in 'ln -s /workspace/elsewhere' 'ln -s /dev/null' 'ln -s /nowhere/at/all' mkdir mkfifo; do
			sh_run "$thing $place; timeout 5 oxg broker token renew >/dev/null; echo status=\$?; timeout 5 oxg broker log hello; ls /workspace"
			said=$(grep -v kept "$RUN/logs/stdout.log" | tr '\n' ' ')
			case "$what $thing" in
			'lock mkfifo') due='status=0 ' ;;
			lock*) due='status=1 ' ;;
			*) due='status=0 ' ;; # renewed, and kept nowhere
			esac
			is "F049: ($WHO) $thing in the $what's place" "$said" "$due"
			case $due in
			*1*) like "F049: ($WHO) in words" "$(head -n 1 "$RUN/logs/stderr.log")" "^oxg: cannot lock $place: .*; remove what lies there" ;;
			*) check "F049: ($WHO) and requests are served" grep -qx '{"kept":true}' "$RUN/logs/stdout.log" ;;
			esac
		done
	done
	sh_run 'echo "$OXG_CAPABILITY_TOKEN" | tr "a-z" "n-za-m" >/tmp/.oxg-token; oxg broker log hello'
	is "F123: ($WHO) garbage for a stored token is not used" "$STATUS $(cat "$RUN/logs/stdout.log")" '0 {"kept":true}'
	sh_run 'less=$(oxg broker call token.issue "{\"caps\":[]}" | sed "s/.*\"token\":\"//; s/\".*//")
		oxg broker token renew >/dev/null
		OXG_CAPABILITY_TOKEN=$less oxg broker finding emit --type t --severity low --message m'
	is "F126: ($WHO) who was handed a lesser token does not find the greater one" \
		"$STATUS $(grep -c -- -32001 "$RUN/logs/stderr.log")" "10 1"
}

# The plugin guide's examples, as they are printed there.
guide() {
	text=${here:?}/doc/plugin-guide.txt
	sed -n 's/^    //; /^#!.bin.sh$/,/^# end$/p' "$text" >"$WORK/hello.sh"
	plugin hello "$WORK/hello.sh" '.runtime = "system"'
	run --runtime system "$PLUGIN"
	is "F142: ($WHO) the guide's example in sh" "$STATUS $(jq -r .message "$RUN/findings.jsonl")" "0 hello from sh"
	sed -n 's/^    //; /^\/\* hello.c \*\/$/,/^\/\* end \*\/$/p' "$text" >"$WORK/hello.c"
	if ! ${CC:-cc} -static -o "$WORK/hello" "$WORK/hello.c" 2>/dev/null; then
		skip "F142: ($WHO) the guide's example in C: no compiler that links statically"
		return
	fi
	plugin hello "$WORK/hello"
	run "$PLUGIN"
	is "F142: ($WHO) the guide's example in C" "$STATUS $(jq -r .message "$RUN/findings.jsonl")" "0 hello from C"
	is "F023: ($WHO) the guide names every method that is served" "$(
		sed -n 's/.*{ "\([a-z.]*\)", .*, op_.*/\1/p' "$here/broker/ops.c" | while read -r method; do
			grep -q "^  $method " "$text" || echo "$method"
		done
	)" ""
	is "F023: ($WHO) and every variable" "$(
		sh_run 'env | grep -v "^_=\|^PWD=\|^SHLVL=\|^OLDPWD=" | cut -d= -f1'
		sed 's/^\(OXGEN\|0XGEN\)_/OXG_/' "$RUN/logs/stdout.log" | sort -u | while read -r name; do
			grep -qw "$name" "$text" || echo "$name"
		done
	)" ""
}

for who in $IDENTITIES; do
	become "$who"
	errors
	ids
	noise
	tokens
	secrecy
	process
	deaf
	shot
	[ "$CALLER" -ne 0 ] || full
	[ "$who" != "${IDENTITIES%% *}" ] || flood
	if [ "$BIG" -gt 0 ]; then
		skip "F142: ($WHO) oxg broker: a build with a sanitizer cannot run in the jail"
		continue
	fi
	verbs
	callers
	[ "$who" = "${IDENTITIES%% *}" ] || continue
	wrong_words
	places
	guide
done
finish
