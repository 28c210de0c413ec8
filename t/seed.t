#!/bin/sh
# What the seed documents tell their readers to try, tried as it stands there:
# seed 001's two manual tests and seed 002's manifest and skeleton. Each attack
# is shown to work without the jail first.
# shellcheck source=/dev/null
. "${0%/*}/lib.sh"

BAD_PLUGIN=$BUILD/plugins/bad-plugin
CPU_BOMB=$BUILD/plugins/cpu-bomb
for program in "$BAD_PLUGIN" "$CPU_BOMB"; do
	[ -x "$program" ] || skip_all "no $program: run make programs"
done

trust_root
# As the seed has it: two executables in the working directory.
mkdir "$WORK/cwd"
cp "$BAD_PLUGIN" "$CPU_BOMB" "$WORK/cwd/"
for name in bad-plugin cpu-bomb; do
	sign "$WORK/cwd/$name"
	sha256sum "$WORK/cwd/$name" >>"$TRUST/ALLOWLIST"
done
ln -s "$OXG" "$WORK/0xgenctl"
PATH=$WORK:$PATH

# literal ARG...: "0xgenctl ARG..." beside the programs; STATUS, RUN, ERR, and
# ELAPSED: milliseconds on the clock.
literal() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	began=$(date +%s%N)
	# shellcheck disable=SC2016
	(cd "$WORK/cwd" && as env OXG_TRUST="$TRUST" sh -c '"$@" >/dev/null 2>"$0"; echo "$?"' \
		"$ERR" timeout -k 5 90 "$@" --out "$RUN") >"$WORK/status"
	STATUS=$(cat "$WORK/status")
	ELAPSED=$((($(date +%s%N) - began) / 1000000))
}

# ---- seed 001: filesystem isolation ------------------------------------------------

bad_plugin() {
	check "F195: ($WHO) without the jail it reads /etc/passwd" \
		sh -c "'$WORK/cwd/bad-plugin' | cmp - /etc/passwd"
	literal 0xgenctl plugin run bad-plugin
	is "F195: ($WHO) 0xgenctl plugin run bad-plugin: it fails by itself, status 10" \
		"$STATUS $(jq -r '.ending | .reason + " " + (.exit_status | tostring)' "$RUN/run.json")" "10 exited 1"
	is "F035: ($WHO) because there is no such file" "$(cat "$RUN/logs/stderr.log")" \
		"bad-plugin: /etc/passwd: No such file or directory"
	is "F035: ($WHO) no line of the host's passwd is anywhere in the run folder" \
		"$(grep -rlF -f /etc/passwd "$RUN")" ""
}

# ---- seed 001: resource limits --------------------------------------------------------

cpu_bomb() {
	literal 0xgenctl plugin run --cpu-limit 5 cpu-bomb
	is "F196: ($WHO) 0xgenctl plugin run --cpu-limit 5 cpu-bomb: cpu_limit, status 122" \
		"$STATUS $(reason)" "122 cpu_limit"
	# Its one thread cannot use five CPU seconds in less than five.
	check "F196: ($WHO) not before five seconds" test "$ELAPSED" -ge 5000
	check "F196: ($WHO) after 5 to 6.5 CPU seconds" \
		within 5000000000 "$(jq .usage.cpu_ns "$RUN/usage.json")" 6500000000
	json "F089: ($WHO) the termination is a finding" "$RUN/findings.jsonl" \
		'.type == "oxg.supervisor.termination" and .message == "plugin terminated (cpu_limit)" and
		.meta["sandbox.cpu_limit"] == "5s"'
}

# Outside it is still running after more than five CPU seconds.
cpu_bomb_outside() {
	"$WORK/cwd/cpu-bomb" &
	bomb=$!
	tries=0
	used=0
	while [ "$tries" -lt 250 ] && [ "$used" -lt 520 ]; do
		sleep 0.1
		used=$(awk -v hz="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 100 / hz) }' "/proc/$bomb/stat" 2>/dev/null) || break
		tries=$((tries + 1))
	done
	kill -0 "$bomb" 2>/dev/null && echo "$used" >"$WORK/outside"
	kill -9 "$bomb"
	wait "$bomb" 2>/dev/null
}

# ---- seed 002: manifest and skeleton -----------------------------------------------------

# The manifest, letter for letter.
manifest_of_the_seed() {
	cat <<'SEED'
{
  "$schema": "../manifest.schema.json",
  "name": "oxg-example-plugin",
  "version": "0.1.0",
  "description": "Demonstrates a minimal, sandbox-friendly plugin",
  "entry": "./cmd/start.sh",
  "capabilities": {
    "http": { "outbound": ["broker"] },
    "storage": { "workspace": true },
    "secrets": { "broker": true }
  },
  "sandbox": {
    "user": "oxg",
    "mounts": ["workspace"],
    "network": "isolated"
  }
}
SEED
}

# The skeleton with its two mistakes corrected: a shell cannot expand a name that
# begins with a digit, and the plugin's own files are beside it, not in the
# workspace.
skeleton() {
	cat <<'SEED'
#!/usr/bin/env bash
set -euo pipefail

# Use broker-provided workspace paths
WORKDIR="${OXG_WORKSPACE:?missing workspace}"
LOG_PATH="$WORKDIR/run.log"

log() {
  printf '%s\t%s\n' "$(date -Is)" "$*" | tee -a "$LOG_PATH"
}

log "starting example plugin"

# Fetch tasks via the SDK rather than raw curl
if ! 0xgenctl broker task pull --out "$WORKDIR/task.json"; then
  log "failed to retrieve task"; exit 1
fi

# Process data and emit findings
SEED
}

example() {
	SEED=$WORK/example
	mkdir -p "$SEED/cmd" "$SEED/plugin"
	manifest_of_the_seed >"$SEED/manifest.json"
	{
		skeleton
		# shellcheck disable=SC2016
		echo '0xgenctl broker log --level warn "task is $(wc -c <"$WORKDIR/task.json") bytes" >/dev/null'
		# shellcheck disable=SC2016
		echo '0xgenctl broker finding emit --type example.done --severity low --message "it runs" --target "$0"'
	} >"$SEED/cmd/start.sh"
	chmod 755 "$SEED/cmd/start.sh"
	trusted
}

trusted() {
	sign "$SEED/cmd/start.sh"
	grep -v " $SEED/" "$TRUST/ALLOWLIST" >"$TRUST/ALLOWLIST.new"
	sha256sum "$SEED/cmd/start.sh" "$SEED/manifest.json" >>"$TRUST/ALLOWLIST.new"
	mv "$TRUST/ALLOWLIST.new" "$TRUST/ALLOWLIST"
}

seed_002() {
	echo '{"id": "task-42", "target": "https://example.org/"}' >"$WORK/task.json"
	as "$OXG" verify --json --trust "$TRUST" "$SEED" >"$WORK/stdout" 2>"$WORK/stderr"
	is "F017: ($WHO) the seed's manifest loads as it stands" \
		"$? $(jq -r '.status + " " + .plugin + " " + .version' "$WORK/stdout")" "0 PASS oxg-example-plugin 0.1.0"
	run --runtime system --task "$WORK/task.json" "$SEED"
	is "F050: ($WHO) the skeleton runs" "$STATUS $(reason)" "0 exited"
	is "F017: ($WHO) its capabilities by their array names, the dangerous not granted" \
		"$(jq -c '.capabilities | [(.requested | sort), (.granted | sort)]' "$RUN/run.json")" \
		'[["CAP_EMIT_FINDINGS","CAP_HTTP_ACTIVE","CAP_SECRETS_READ","CAP_STORAGE"],["CAP_EMIT_FINDINGS","CAP_STORAGE"]]'
	like "F138: ($WHO) its log goes to stdout and so into the run folder" "$(cat "$RUN/logs/stdout.log")" \
		"^[0-9T:+-]+$(printf '\t')starting example plugin\$"
	is "F131: ($WHO) it pulled the task" \
		"$(jq -r 'select(.message? != null) | .message' "$RUN/journal/events.jsonl")" \
		"task is $(wc -c <"$WORK/task.json") bytes"
	is "F146: ($WHO) and emitted a finding, with the task's name" \
		"$(jq -r '[.plugin, .type, .severity, .target, .meta["oxg.task_id"]] | join(" ")' "$RUN/findings.jsonl")" \
		"oxg-example-plugin example.done low /bin/cmd/start.sh task-42"
	run --runtime system "$SEED"
	is "F140: ($WHO) no task: it fails closed" "$STATUS $(jq .ending.exit_status "$RUN/run.json")" "10 1"
	like "F140: ($WHO) as its own log says" "$(cat "$RUN/logs/stdout.log")" 'failed to retrieve task'
	like "F131: ($WHO) and the client" "$(cat "$RUN/logs/stderr.log")" 'no task \(oxg run --task FILE\)'
	# Sockets and secrets, which it asked for and was not granted.
	for method in http.request secret.get no.such; do
		echo "exec oxg broker call $method '{}'" >"$WORK/call"
		{ echo '#!/bin/sh'; cat "$WORK/call"; } >"$SEED/cmd/start.sh"
		trusted
		run --runtime system "$SEED"
		is "F105: ($WHO) $method is refused" "$STATUS $(jq .ending.exit_status "$RUN/run.json")" "10 1"
		like "F105: ($WHO) $method: the broker says why" "$(cat "$RUN/logs/stderr.log")" "$method: .* \(-32(001|601)\)"
	done
	example
}

# The last line of the skeleton: python3 with a file of the plugin's own, which
# the manifest pins.
with_python() {
	if [ ! -x /usr/bin/python3 ]; then
		skip "F050: no /usr/bin/python3 here"
		return
	fi
	cat >"$SEED/plugin/main.py" <<'PY'
import json, subprocess, sys
task = json.load(open(sys.argv[1]))
finding = {"type": "example.task", "severity": "info", "message": "seen", "target": task["target"]}
# Python closes the descriptors of a child, and 3 and 4 lead to the broker.
subprocess.run(["oxg", "broker", "finding", "emit", "--file", "-"], input=json.dumps(finding).encode(),
               check=True, close_fds=False)
PY
	manifest_of_the_seed | jq --arg d "$(sha256sum "$SEED/plugin/main.py" | cut -c1-64)" \
		'.files = {"plugin/main.py": $d}' >"$SEED/manifest.json"
	# shellcheck disable=SC2016
	{ skeleton; echo 'cd "${0%/*}/.."'; echo 'python3 plugin/main.py "$WORKDIR/task.json"'; } >"$SEED/cmd/start.sh"
	trusted
	run --runtime system --task "$WORK/task.json" "$SEED"
	is "F050: ($WHO) python3 plugin/main.py, with the task" \
		"$STATUS $(jq -r '.type + " " + .target' "$RUN/findings.jsonl")" "0 example.task https://example.org/"
	echo '# one more line' >>"$SEED/plugin/main.py"
	run --runtime system --task "$WORK/task.json" "$SEED"
	is "F021: ($WHO) main.py changed: refused, status 3" "$STATUS" 3
	tells "F021: ($WHO) and it is named" "$ERR" '^oxg: .*plugin/main.py'
}

cpu_bomb_outside &
outside=$!
for who in $IDENTITIES; do
	become "$who"
	bad_plugin
	cpu_bomb
	example
	seed_002
	with_python
done
wait "$outside"
check "F196: without the jail the bomb goes on after 5.2 CPU seconds" test -s "$WORK/outside"
if command -v bash >/dev/null; then
	# shellcheck disable=SC2016
	env 0XGEN_WORKSPACE=/tmp bash -c 'echo "${0XGEN_WORKSPACE:?missing}"' >"$WORK/stdout" 2>&1
	is "F132: the seed's own spelling fails in every bash, jail or not" "$? $(grep -c '^/tmp$' "$WORK/stdout")" "1 0"
fi
finish
