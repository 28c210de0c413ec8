#!/bin/sh
# What must not be written down: a secret that a plugin prints everywhere it can, in
# every spelling, is nowhere in the run folder; without --secret it is everywhere. The
# spellings are python3's, and so is the look into the folder.
# shellcheck source=/dev/null disable=SC2016 # what stands in quotes is the script's in the jail
. "${0%/*}/lib.sh"

trust_root
printf '#!/bin/bash\nscript=$1\nshift\neval "$script"\n' >"$WORK/script"
plugin shell "$WORK/script" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_SECRETS_READ", "CAP_STORAGE"] | .runtime = "system"'
SHELL_PLUGIN=$PLUGIN
plugin lesser "$WORK/script" '.runtime = "system"'
LESSER=$PLUGIN

policy() {
	jq -n "$1" >"$WORK/policy.json"
	chmod 644 "$WORK/policy.json"
}
policy '{schema_version: 1, profile: "default", secrets: ["api", "other"],
	grant: ["CAP_EMIT_FINDINGS", "CAP_SECRETS_READ", "CAP_STORAGE"]}'
ours() {
	run --policy "$WORK/policy.json" --runtime system "$@"
}

VALUE='k3y/+<&>"~\é 9:zZ?=>'
printf '%s\n' "$VALUE" >"$WORK/secret"
chmod 644 "$WORK/secret"
# All six encodings, base64 at its three alignments: one a line.
python3 - "$VALUE" >"$WORK/spellings" <<'END'
import base64, json, sys, urllib.parse
v = sys.argv[1].encode()
out = [v.decode()]
for before in (b"", b"x", b"xy"):
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        bits = range(8 * len(before), 8 * (len(before) + len(v)))
        text = encode(before + v + b"zz").decode()
        out.append("".join(c for i, c in enumerate(text) if 6 * i in bits and 6 * i + 5 in bits))
quoted = urllib.parse.quote(v, safe="")
out += [quoted, "".join(c.lower() if i and "%" in quoted[max(0, i - 2):i] else c for i, c in enumerate(quoted))]
out += [v.hex(), v.hex().upper(), json.dumps(v.decode(), ensure_ascii=False)[1:-1]]
print("\n".join(dict.fromkeys(out)))
END

# found: in which files of the run folder, inputs/ aside, each spelling stands: as
# bytes, as a text of its JSON, or in a page. One line for each.
found() {
	python3 - "$RUN" "$WORK/spellings" <<'END'
import html, json, os, sys
run, needles = sys.argv[1], open(sys.argv[2], encoding="utf-8").read().split("\n")[:-1]
def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield k
            yield from texts(v)
    elif isinstance(value, list):
        for v in value:
            yield from texts(v)
for folder, _, names in os.walk(run):
    for name in names:
        path = os.path.join(folder, name)
        short = os.path.relpath(path, run)
        if short.startswith("inputs/"):
            continue
        raw = open(path, "rb").read().decode("utf-8", "replace")
        all_of = [raw]
        if name.endswith(".jsonl"):
            for line in raw.splitlines():
                all_of += texts(json.loads(line))
        elif name.endswith(".json"):
            all_of += texts(json.loads(raw))
        elif name.endswith(".html"):
            all_of.append(html.unescape(raw))
        for i, needle in enumerate(needles):
            if any(needle in t for t in all_of):
                print(short, i)
END
}

# Everything a plugin can say, with each of its arguments in it.
SAY='for e; do
	rest=${e#?????}
	printf "out %s.\n" "$e"
	printf "%s" "${e%"$rest"}"
	printf "%s\n" "$rest"
	printf "err %s.\n" "$e" >&2
	oxg broker log "a word $e" >/dev/null
	/usr/sbin/chroot "/$e" true
done >&2
jq -cn "\$ARGS.positional[] | {type: \"t \(.)\", severity: \"low\", message: \"m \(.)\", target: ., evidence: \"<\(.)>\"},
	{type: \"t\", severity: \"low\", message: \"meta\", meta: {\"k \(.)\": \"v \(.)\"}},
	{type: \"t\", severity: \"low\", message: \"m\", \"no \(.)\": 1}" --args "$@" | oxg broker finding emit --file - >&2
cd /tmp && cat "$@" >&2
printf "%s\n" "$@" | oxg broker artifact put text - >&2
printf "%s\0" "$@" | oxg broker artifact put program - >&2
true'

everywhere() {
	set --
	while IFS= read -r spelling; do
		set -- "$@" "$spelling"
	done <"$WORK/spellings"
	ours --audit "$SHELL_PLUGIN" -- "$SAY" "$@"
	is "F180: ($WHO) without --secret each spelling stands in each place" \
		"$(found | grep -v '^report.sarif' | awk '{ n[$1]++ } END { for (f in n) print f, n[f] }' | sort)" \
		"$(for f in artifacts/program artifacts/text audit.jsonl findings.jsonl journal/events.jsonl ledger.jsonl logs/stderr.log report.html run.json security_audit.json; do
			echo "$f $#"; done)"
	before="$STATUS $(jq -c "[.decision, .reasons]" "$RUN/gate_report.json")"
	rejected=$(jq .findings.rejected "$RUN/run.json" 2>/dev/null)
	ours --audit --secret "api=file:$WORK/secret" "$SHELL_PLUGIN" -- "$SAY" "$@"
	is "F180: ($WHO) with it, none stands anywhere" "$(found)" ''
	is "F159: ($WHO) nothing else has changed" "$STATUS $(jq -c "[.decision, .reasons]" "$RUN/gate_report.json") $(jq .findings.rejected "$RUN/run.json")" "$before $rejected"
	is "F180: ($WHO) what was masked says so: a message" "$(jq -r .message "$RUN/findings.jsonl" | sort | uniq -c | awk '{$1=$1; print}')" \
		"$(printf '%s m [REDACTED secret]\n%s meta' "$#" "$#")"
	is "F180: ($WHO) a key and its value" "$(jq -c 'select(.message == "meta") | .meta | with_entries(select(.key | startswith("oxg.") | not))' \
		"$RUN/findings.jsonl" | sort -u)" '{"k [REDACTED secret]":"v [REDACTED secret]"}'
	is "F180: ($WHO) and how often" "$(jq -r '.meta["oxg.redacted"]' "$RUN/findings.jsonl" | sort | uniq -c | awk '{$1=$1; print}')" \
		"$(printf '%s 2\n%s 4' "$#" "$#")"
	is "F149: ($WHO) the digest of evidence is that of what is written" \
		"$(jq -r 'select(.evidence) | .meta["oxg.evidence_sha256"]' "$RUN/findings.jsonl" | sort -u)" \
		"$(printf '<[REDACTED secret]>' | sha256sum | cut -d' ' -f1)"
	is "F180: ($WHO) a piece at a time" "$(grep -c '^\[REDACTED secret\]$' "$RUN/logs/stderr.log")" "$#"
	is "F180: ($WHO) the operator's own arguments" "$(jq -r '.args[1:][]' "$RUN/run.json" | sort -u)" '[REDACTED secret]'
	json "F135: ($WHO) kept is what is in the file" "$RUN/run.json" \
		".output.stderr.kept_bytes == $(wc -c <"$RUN/logs/stderr.log")"
	check "F156: ($WHO) and the folder checks" as "$OXG" check "$RUN"
}

# ---- handing out -------------------------------------------------------------------

handing_out() {
	ours --secret "api=file:$WORK/secret" "$SHELL_PLUGIN" -- '
		oxg broker secret api >v && sha256sum <v
		oxg broker secret other; echo $?
		oxg broker call secret.get "{}" ; echo $?
		env; tr "\0" "\n" </proc/self/environ; cat /proc/*/cmdline'
	is "F135: ($WHO) the plugin gets it, and a line end" "$(head -n 1 "$RUN/logs/stdout.log" | cut -d' ' -f1)" \
		"$(printf '%s\n' "$VALUE" | sha256sum | cut -d' ' -f1)"
	like "F135: ($WHO) not one that was not given: -32003" "$(cat "$RUN/logs/stderr.log")" '^oxg: secret.get: .*-32003'
	like "F135: ($WHO) nor one without a name" "$(cat "$RUN/logs/stderr.log")" '^oxg: secret.get: name .*-32602'
	check "F136: ($WHO) it is neither in the environment nor on a command line" not grep -q 'REDACTED secret' "$RUN/logs/stdout.log"
	is "F135: ($WHO) the journal has its name" \
		"$(jq -c 'select(.type | startswith("secret.")) | [.type, .name]' "$RUN/journal/events.jsonl" | tr '\n' ' ')" \
		'["secret.given","api"] ["secret.get","api"] '
	is "F135: ($WHO) and never its value" "$(found)" ''
	ours --secret "api=file:$WORK/secret" "$LESSER" -- 'oxg broker secret api'
	like "F135: ($WHO) without the capability: -32001" "$(cat "$RUN/logs/stderr.log")" 'secret.get needs CAP_SECRETS_READ.*-32001'
	SECOND="a second value" && export SECOND
	ours --secret other=env:SECOND --secret=api=env:SECOND "$SHELL_PLUGIN" -- \
		'echo "$(oxg broker secret other)|$(oxg broker secret api)|$SECOND"; oxg broker secret api | tr a-z n-za-m'
	is "F135: ($WHO) from a variable, twice; the variable is not the plugin's" "$(cat "$RUN/logs/stdout.log")" \
		"$(printf '%s\n' '[REDACTED secret]|[REDACTED secret]|' 'n frpbaq inyhr')"
}

# refused STATUS SENTENCE [OPTION...]
refused() {
	due=$1 sentence=$2
	shift 2
	ours "$@" "$SHELL_PLUGIN" -- true
	is "F135: ($WHO) $sentence: status" "$STATUS" "$due"
	tells "F135: ($WHO) $sentence: in words" "$ERR" "$sentence"
	check "F135: ($WHO) $sentence: the value is not shown" not grep -q hidden "$ERR"
}

refusals() {
	EMPTY='' SHORT=hidden7 BYTES=$(printf 'hidden \377\376') LARGE=$(printf '%016385d' 0)
	export EMPTY SHORT BYTES LARGE
	refused 2 'NAME=file:PATH or NAME=env:VARIABLE' --secret api=hidden-value
	refused 2 'NAME=file:PATH or NAME=env:VARIABLE' --secret hidden
	refused 2 'api is given twice' --secret api=env:SHORT --secret api=env:SHORT
	refused 2 'the policy lists no secret third: add it to "secrets"' --secret third=env:SHORT
	refused 3 'cannot read the secret api from /nowhere: No such file' --secret api=file:/nowhere
	refused 3 'from /dev/null: it is no regular file' --secret api=file:/dev/null
	refused 3 'the variable NOWHERE is not set' --secret api=env:NOWHERE
	refused 3 'the secret api is empty' --secret api=env:EMPTY
	refused 3 'has 7 bytes: one shorter than 8' --secret api=env:SHORT
	refused 3 'is no text in UTF-8' --secret api=env:BYTES
	refused 3 'larger than 16 KiB' --secret api=env:LARGE
}

# ---- shapes --------------------------------------------------------------------------

# Keys and addresses that nobody gave: made by openssl, or by hand.
shapes() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/found.key" 2>/dev/null
	chmod 644 "$WORK/found.key"
	body=$(sed -n 2p "$WORK/found.key")
	digest=$(sha256sum "$WORK/found.key" | cut -d' ' -f1)
	mkdir -p "$WORK/tree"
	cp "$WORK/found.key" "$WORK/tree/key"
	ours --input "$WORK/tree" "$SHELL_PLUGIN" -- '
		echo "before"; cat input/key; echo "after, '"$digest"'"
		jq -cn --rawfile k input/key "{type: \"key\", severity: \"high\", message: \"found\", evidence: \$k,
			target: \"bob@example.org\", meta: {\"a@example.org\": \"1\", \"b@example.org\": \"2\", \"[REDACTED email] 2\": \"3\"}}" |
			oxg broker finding emit --file - >/dev/null'
	is "F159: ($WHO) a private key in a log, and no more than that; a digest stays" "$(cat "$RUN/logs/stdout.log")" \
		"$(printf 'before\n[REDACTED private-key]\nafter, %s' "$digest")"
	is "F159: ($WHO) and in a finding" "$(jq -c '[.evidence, .target]' "$RUN/findings.jsonl")" \
		'["[REDACTED private-key]\n","[REDACTED email]"]'
	is "F159: ($WHO) keys that look alike are numbered" \
		"$(jq -c '.meta | with_entries(select(.key | startswith("[")))' "$RUN/findings.jsonl")" \
		'{"[REDACTED email]":"1","[REDACTED email] 2":"3","[REDACTED email] 3":"2"}'
	is "F159: ($WHO) how many" "$(jq -r '.meta["oxg.redacted"]' "$RUN/findings.jsonl")" 4
	check "F159: ($WHO) nowhere in the folder" not grep -rqF "$body" "$RUN"
	check "F159: ($WHO) which checks" as "$OXG" check "$RUN"
}

# ---- the gate --------------------------------------------------------------------------

# What was handed over is judged where it lies.
gated() {
	ours "$SHELL_PLUGIN" -- true
	cp -r "$RUN" "$RUN.copy"
	RUN=$RUN.copy
	chmod -R u+w "$RUN"
	rule=$(jq -r '.rules[] | select(.rule == "secrets_in_artifacts") | .result' "$RUN/gate_report.json")
	is "F180: ($WHO) no artifact, nothing to judge" "$rule" not_applicable
	mkdir -p "$RUN/artifacts/deep"
	judge clean 'write to bob@example.org' 0 pass
	judge deep/key "$(cat "$WORK/found.key")" 1 block
	like "F180: ($WHO) which file, and what it is" "$(jq -r '.reasons[]' "$OUT/gate")" '^artifacts/deep/key holds .*\(private-key\)$'
	printf 'AKIAIOSFODNN7EXAMPLE\0' >"$RUN/artifacts/deep/key"
	judge clean 'a program' 0 pass
}

# judge FILE TEXT STATUS RESULT
judge() {
	printf '%s\n' "$2" >"$RUN/artifacts/$1"
	(cd "$RUN" && find . -type f ! -name SHA256SUMS ! -name 'attest*' | sed 's,^\./,,' | sort | xargs sha256sum) >"$OUT/SUMS"
	cp "$OUT/SUMS" "$RUN/SHA256SUMS"
	as "$OXG" gate --json "$RUN" --policy "$RUN/inputs/policy.json" >"$OUT/gate" 2>"$ERR"
	is "F180: ($WHO) an artifact, $4" "$? $(jq -r '.rules[] | select(.rule == "secrets_in_artifacts") | .result' "$OUT/gate")" "$3 $4"
}

for who in $IDENTITIES; do
	become "$who"
	handing_out
	shapes
done
become "${IDENTITIES%% *}"
everywhere
gated
refusals
finish
