#!/bin/sh
# Every document of a run folder follows its schema, whatever became of the run.
# The validator is somebody else's (python3-jsonschema); oxg check says the same.
# shellcheck source=/dev/null disable=SC2154
. "${0%/*}/lib.sh"

SCHEMAS=$(cd "${0%/*}/.." && pwd)/schema
PYTHON=
for python in python3 /usr/bin/python3; do
	"$python" -c 'import jsonschema' 2>/dev/null && PYTHON=$python && break
done
[ -n "$PYTHON" ] || skip_all 'no python3-jsonschema here: vendor/setup installs it'

# SCHEMAS <FOLDER [--audit] lines: what is wrong with which document of each, a line.
cat >"$WORK/validate.py" <<'END'
import json, os, sys
from jsonschema import Draft7Validator

def once(pairs):
    names = [n for n, _ in pairs]
    assert len(names) == len(set(names)), "a member twice"
    return dict(pairs)

kept = {}
def schema(name):
    if name not in kept:
        kept[name] = load(name)
    return kept[name]

def load(name):
    s = json.load(open(os.path.join(sys.argv[1], name + ".schema.json")))
    Draft7Validator.check_schema(s)
    return Draft7Validator(s)

def judge(folder, audit):
    wrong, seen = [], 0
    for name, of, lines in (
            ("run.json", "run", False), ("usage.json", "usage", False),
            ("verifier_report.json", "verifier_report", False),
            ("gate_report.json", "gate_report", False),
            ("findings.jsonl", "finding", True), ("journal/events.jsonl", "event", True),
            ("ledger.jsonl", "denial", True), ("audit.jsonl", "allowed", True),
            ("security_audit.json", "security_audit", False)):
        if "audit" in name and not audit:
            assert not os.path.exists(os.path.join(folder, name)), name
            continue
        validator = schema(of)
        raw = open(os.path.join(folder, name), "rb").read().decode("utf-8")
        for document in raw.splitlines() if lines else [raw]:
            seen += 1
            for e in validator.iter_errors(json.loads(document, object_pairs_hook=once)):
                wrong.append("%s: %s: %s" % (name, "/".join(map(str, e.absolute_path)), e.message[:200]))
        if raw and not raw.endswith("\n"):
            wrong.append(name + ": no newline at the end")
    return "; ".join(wrong[:10]) if wrong else "follows" if seen >= 5 else "too little"

for line in sys.stdin:
    words = line.split()
    try:
        said = judge(words[0], "--audit" in words)
    except Exception as e:
        said = "cannot be judged: %r" % e
    print(ascii(said)[1:-1])
END

TAB=$(printf '\t')
trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin printer "$HOSTILE" '.findings = "stdout"'
PRINTER=$PLUGIN
plugin knocker "$BUILD/plugins/knocker"
KNOCKS=$PLUGIN
plugin doer "$BUILD/plugins/doer"
DOES=$PLUGIN
plugin files "$HOSTILE" '.files = {"data.txt": "'"$(echo data | sha256sum | cut -c1-64)"'"} | .trusted = true'
echo data >"$PLUGIN/data.txt"
FILES=$PLUGIN
plugin changed "$HOSTILE"
CHANGED=$PLUGIN
echo >>"$CHANGED/changed"
become "$WHO"
mkdir "$WORK/input" "$WORK/empty"
echo x >"$WORK/input/x"
ln -s x "$WORK/input/link"
echo '{"task_id":"task \u00e9","n":[1,2]}' >"$WORK/task.json"

# follows WHAT STATUS [--audit]: the last run's documents, and that it was the run we meant.
# The validator takes long to start: it is asked about all of them at the end.
follows() {
	is "F182: $1: status" "$STATUS" "$2"
	check "F156: $1: oxg check says so" "$OXG" check "$RUN"
	echo "$RUN ${3:-}" >>"$WORK/folders"
	echo "$1" >>"$WORK/labels"
}

# judged DESCRIPTION PATTERN: the verdicts on $WORK/folders are of this kind.
judged() {
	"$PYTHON" "$WORK/validate.py" "$SCHEMAS" <"$WORK/folders" >"$WORK/verdicts" 2>&1
	is "F182: as many verdicts as folders" "$(wc -l <"$WORK/verdicts")" "$(wc -l <"$WORK/folders")"
	paste "$WORK/labels" "$WORK/verdicts" >"$WORK/judged"
	while IFS="$TAB" read -r label verdict; do
		like "F182: $label: $1" "$verdict" "$2"
	done <"$WORK/judged"
	: >"$WORK/folders"
	: >"$WORK/labels"
}

for who in $IDENTITIES; do
	become "$who"
	run "$DEED" -- emit 3
	follows "($WHO) clean" 0
	run --allow-unsigned "$HOSTILE" -- true
	follows "($WHO) bare and unsigned" 0
	run "$CHANGED"
	follows "($WHO) refused" 3
	run --timeout 300ms "$DEED" -- hang
	follows "($WHO) timeout" 124
done
become "${IDENTITIES%% *}"
run "$DEED" -- true
follows "nothing found" 0
run "$KNOCKS" -- evil
follows "refused operations" 0
run "$KNOCKS" -- connect-abstract
follows "a refused address" 0
run --audit "$DOES" -- processes
follows "audited" 0 --audit
run --audit --runtime system "$DOES" -- more
follows "audited, with a runtime" 0 --audit
run --audit "$KNOCKS" -- connect
follows "audited and refused" 0 --audit
run --audit "$CHANGED"
follows "audited, refused before it ran" 3 --audit
run --input "$WORK/input" --task "$WORK/task.json" "$DEED" -- emit 1
follows "input and task" 0
run --input "$WORK/empty" "$DEED" -- true
follows "an empty input" 0
run --input-bind "$WORK/input" "$DEED" -- true
follows "a live input" 0
run "$FILES" -- true
follows "a plugin with files, that says trusted" 0
run "$DEED" -- exit 255
follows "exit status 255" 10
for signal in 6 9 11 14 30; do
	run "$DEED" -- raise $signal
	follows "signal $signal" 10
done
run --cpu-limit 1s "$DEED" -- cpu
follows "cpu_limit" 122
run --memory 32M "$DEED" -- mem 200
follows "memory_limit" 121
start "$DEED" -- ready
wait_for said_ready
kill -INT "$PID"
wait "$PID"
STATUS=$?
follows "killed by the operator" 123
run "$PRINTER" -- print '{"type":"a","message":"\u0000\u001f\ud83d\ude00 \"q\" <b>","severity":"critical","target":"x","evidence":"y","meta":{"k":"v"}}' \
	'{"type":"a"}' noise ''
follows "findings taken and refused" 1
run "$DEED" -- garbage
follows "garbage for the broker" 0
run "$DEED" -- bad-requests 50
follows "refused requests" 0
run "$DEED" -- no-newline 5
follows "output over its limit" 0
run --profile strict "$DEED" -- emit 1 crit
follows "strict, blocked" 1
run --fail-on low "$DEED" -- emit 1 info
follows "--fail-on" 0
run "$DEED" -- print "$(printf 'caf\303\251 \377\376 \001')"
follows "arguments that are no UTF-8" 0
RUNS=$((RUNS + 1)) RUN=$OUT/run-$RUNS
as env SOURCE_DATE_EPOCH=0 "$OXG" run --trust "$TRUST" --out "$RUN" --run-id 01JAAAAAAAAAAAAAAAAAAAAAAA "$DEED" -- emit 2 >/dev/null 2>&1
STATUS=$?
follows "a clock that stands still" 0
chmod g+w "$TRUST"
run "$DEED" -- true
follows "a trust root that is not the operator's" 3
chmod g-w "$TRUST"
run "$TRUST/plugins/nowhere"
follows "no such plugin" 3
run --input "$WORK/nowhere" "$DEED"
follows "no such input" 3
mv "$TRUST/ALLOWLIST" "$TRUST/away"
run "$DEED" -- true
follows "no ALLOWLIST" 3
mv "$TRUST/away" "$TRUST/ALLOWLIST"
echo '{"name":' >"$CHANGED/manifest.json"
run "$CHANGED"
follows "a manifest that is none" 3

judged "every document follows its schema" "^follows$"

# The schemas say no as well, and so does oxg check though the sums are made to fit.
run --audit "$DEED" -- emit 1
for change in \
	'run.json .ending.reason = "fine"' 'run.json .extra = 1' 'run.json .run_id = "x"' 'run.json del(.journal)' \
	'run.json .ending.signal = 9' 'run.json del(.ending.exit_status)' 'run.json .limits.cpu = "soon"' \
	'run.json .capabilities.granted = ["CAP_ROOT"]' 'run.json .plugin.artifact.sha256 = "abc"' \
	'run.json .ending = {reason: "killed", detail: "x"}' 'run.json .ending = {reason: "crashed", exit_status: 1, detail: "x"}' \
	'run.json .started = "today"' 'run.json .policy.sha256 = ""' 'run.json .schema_version = 4' \
	'usage.json .usage.cpu_ns = -1' 'usage.json .usage.cpu = "much"' 'usage.json del(.usage)' 'usage.json .usage.series = [{at_ns: 1, cpu_ns: 1}]' \
	'verifier_report.json .status = "MAYBE"' 'verifier_report.json .checks[0].status = "pass"' \
	'verifier_report.json del(.checks)' 'gate_report.json .decision = "ALLOW"' \
	'gate_report.json .rules[0].result = "yes"' 'gate_report.json .policy_snapshot_hash = "0"' \
	'findings.jsonl .severity = "medium"' 'findings.jsonl .id = "I"' 'findings.jsonl .meta.x = 1' \
	'findings.jsonl .version = "0.1"' 'findings.jsonl .host = "x"' 'findings.jsonl .ts = "2026-11-23"' \
	'audit.jsonl .action = "look"' 'audit.jsonl .type = "network"' 'audit.jsonl .answer = "EPERM"' \
	'security_audit.json .summary.overallStatus = "fine"' 'security_audit.json .events[0].action = "exec"' \
	'security_audit.json .events[0].timestamp = "now"' 'security_audit.json del(.summary.processSpawns)' \
	'security_audit.json .policy.network.enabled = true' 'run.json del(.audit.by_action.read)' \
	'journal/events.jsonl .seq = 0' 'journal/events.jsonl .prev = "0"' 'journal/events.jsonl del(.type)'; do
	COPY=$WORK/copy-$((RUNS += 1))
	cp -R "$RUN" "$COPY"
	chmod -R u+w "$COPY"
	name=${change%% *}
	jq -c "${change#* }" "$RUN/$name" >"$COPY/$name"
	(cd "$COPY" && find . -type f ! -name SHA256SUMS -printf '%P\0' | sort -z | xargs -0 sha256sum) >"$WORK/sums"
	cp "$WORK/sums" "$COPY/SHA256SUMS"
	"$OXG" check "$COPY" 2>"$WORK/said"
	is "F156: oxg check refuses it: $change" "$?" 5
	case $change in
	*schema_version* | *.run_id*) ;; # found before it comes to schemas
	*)
		like "F156: with the place in the sentence" "$(cat "$WORK/said")" \
			"^oxg: .*/$name( line [0-9]+)? does not follow the schema [a-z_]+ at (its root|/[a-z_A-Z0-9/]+): it "
		;;
	esac
	echo "$COPY --audit" >>"$WORK/folders"
	echo "$change" >>"$WORK/labels"
done
judged "refused by the schema" "^[a-z_/]+[.]json"
# A folder of an older version has the schemas of its time.
OLD=$WORK/old
cp -R "$here/t/data/run-v1" "$OLD"
chmod -R u+w "$OLD"
check "F182: a folder of version 1 is not held against the schemas of today" "$OXG" check "$OLD"
finish
