#!/bin/sh
# The operator's words: which policy is in force, the sentence for each rule of the
# file, what it comes to, and its snapshot. t/schema.t has the verdicts, t/gate.t
# what the gate makes of it.
# shellcheck source=/dev/null disable=SC2016,SC2154
. "${0%/*}/lib.sh"

trust_root
TAB=$(printf '\t')
plugin p "$HOSTILE" '.capabilities = ["CAP_EMIT_FINDINGS", "CAP_STORAGE", "CAP_HTTP_ACTIVE", "CAP_FLOW_INSPECT", "CAP_FLOW_INSPECT_RAW"]'
GOOD=$PLUGIN
FILE=$WORK/file.json
cat >"$WORK/writes" <<'EOF'
#!/bin/sh
for f; do (echo x >>"$f") 2>/dev/null && echo "$f"; done
true
EOF
plugin writes "$WORK/writes" '.runtime = "system"'
WRITES=$PLUGIN

# oxg COMMAND... PLUGIN: STATUS, SAID; --json on $WORK/stdout.
says() {
	as "$OXG" "$@" --trust "$TRUST" --json "$GOOD" >"$WORK/stdout" 2>"$WORK/stderr" </dev/null
	STATUS=$?
	SAID=$(jq -r '.refusal.text // ""' "$WORK/stdout")
}

# ---- sentences ---------------------------------------------------------------------------

rules() {
	cat <<'EOF'
an unknown member	"trust" is unknown; take it out \(oxg schema policy	{"schema_version": 1, "trust": true}
no version	"schema_version" is missing; it must be 1	{}
another version	"schema_version" must be 1	{"schema_version": 2}
a profile that is none	"profile" must be "default" or "strict"	{"schema_version": 1, "profile": "lax"}
a profile with a NUL	"profile" must be "default" or "strict"	{"schema_version": 1, "profile": "default\u0000x"}
required by truth	"verify.signature" must be "required" or "optional"	{"schema_version": 1, "verify": {"signature": false}}
an unknown phase	"luck" is unknown in verify; take it out	{"schema_version": 1, "verify": {"luck": "required"}}
no tier	"isolation.min_tier" must be "namespaces", "chroot" or "landlock"	{"schema_version": 1, "isolation": {"min_tier": "none"}}
time without unit	"resources.cpu" must be a time such as "10s"	{"schema_version": 1, "resources": {"cpu": 60}}
no memory	"resources.memory" must be a size such as "512M"	{"schema_version": 1, "resources": {"memory": "0"}}
too many processes	"resources.pids" must be a number from 1 to 65536	{"schema_version": 1, "resources": {"pids": 65537}}
a grant that is none	"grant" must be an array of different capability names \(oxg caps	{"schema_version": 1, "grant": ["CAP_ALL"]}
raw flows alone	"grant" names CAP_FLOW_INSPECT_RAW without CAP_FLOW_INSPECT; grant both or neither	{"schema_version": 1, "grant": ["CAP_FLOW_INSPECT_RAW"]}
a wildcard	"proxy.allow" must be an array of at most 256 different "host:port", without wildcards	{"schema_version": 1, "proxy": {"allow": ["*:443"]}}
a host without port	"proxy.allow" must be	{"schema_version": 1, "proxy": {"allow": ["a"]}}
no request	"proxy.requests" must be a number from 1	{"schema_version": 1, "proxy": {"requests": 0}}
the proxy without rules	"proxy.enable" is true without "proxy.rules_path"; name the rules file or switch	{"schema_version": 1, "proxy": {"enable": true, "history_path": "h"}}
the proxy without history	"proxy.enable" is true without "proxy.history_path"; name the history file or switch	{"schema_version": 1, "proxy": {"enable": true, "rules_path": "r"}}
a secret with a blank	"secrets" must be an array	{"schema_version": 1, "secrets": ["a b"]}
a command twice	"commands" must be an array of at most 256 different	{"schema_version": 1, "commands": ["a", "a"]}
a relative runtime	"runtimes" must be .*"system", a name, or an absolute path	{"schema_version": 1, "runtimes": ["a/b"]}
a path above	"paths.protected" must be .*relative paths without ".."	{"schema_version": 1, "paths": {"protected": ["../x"]}}
a severity that is none	"gate.fail_on" must be "none", "info", "low", "med", "high" or "crit"	{"schema_version": 1, "gate": {"fail_on": "medium"}}
on_denied by another word	"gate.on_denied" must be "record" or "block"	{"schema_version": 1, "gate": {"on_denied": "ignore"}}
more risk than there is	"gate.max_risk" must be a number from 0 to 100	{"schema_version": 1, "gate": {"max_risk": 101}}
live inputs by another word	"gate.on_unsnapshotted" must be "record", "approval" or "block"	{"schema_version": 1, "gate": {"on_unsnapshotted": "allow"}}
evidence that the gate cannot see	"gate.require" must be an array .* that the gate can see, such as	{"schema_version": 1, "gate": {"require": ["report.html"]}}
nothing that pins the bytes	nothing says which bytes may run; write "required" for "verify.allowlist" or	{"schema_version": 1, "verify": {"allowlist": "optional", "signature": "optional"}}
any command	"commands" has a wildcard; name each command	{"schema_version": 1, "commands": ["*"]}
nothing protected	"paths.protected" is empty; name a path, or leave it out	{"schema_version": 1, "paths": {"protected": []}}
strict with live inputs	the strict profile requires "gate.on_unsnapshotted" to be "block"; write that	{"schema_version": 1, "profile": "strict", "gate": {"on_unsnapshotted": "record"}}
strict without approvals	the strict profile requires "gate.require_approval_on_protected_paths"; write true	{"schema_version": 1, "profile": "strict", "gate": {"require_approval_on_protected_paths": false}}
strict without a phase	the strict profile requires all that "verify" names; write "required"	{"schema_version": 1, "profile": "strict", "verify": {"allowlist": "optional"}}
strict in a weaker jail	the strict profile requires "isolation.min_tier" to be "namespaces"	{"schema_version": 1, "profile": "strict", "isolation": {"min_tier": "chroot"}}
strict without signature at the gate	the strict profile requires "gate.require_signature"	{"schema_version": 1, "profile": "strict", "gate": {"require_signature": false}}
strict with approvals by who made the run	the strict profile forbids "approvals.allow_signer", .*; write false or	{"schema_version": 1, "profile": "strict", "approvals": {"allow_signer": true}}
a member twice	line 1: a member name stands twice: "profile"	{"schema_version": 1, "profile": "default", "profile": "strict"}
something behind it	line 1: something stands behind	{"schema_version": 1} 1
a comment	line 1: 	{"schema_version": 1} // mine
a list	must be one JSON object	[1]
nothing	line 1: there is no text	
DEL and CSI as a member's name	"\\u007f\\u009b31m" is unknown in gate; take	{"schema_version": 1, "gate": {"\u007f\u009b31m": 1}}
ESC as a member's name	"\\u001b\[31m" is unknown	{"schema_version": 1, "\u001b[31m": 1}
EOF
}

# A policy that does not parse is wrong usage: status 2, no folder, one sentence.
sentences() {
	rules >"$WORK/rules"
	while IFS=$TAB read -r what pattern text; do
		printf %s "$text" >"$FILE"
		as "$OXG" verify --policy "$FILE" --trust "$TRUST" --json "$GOOD" 2>/dev/null
		printf '{"status": %s}\n' "$?"
		as "$OXG" policy check --json "$FILE" 2>/dev/null
		printf '{"status": %s}\n' "$?"
	done <"$WORK/rules" >"$WORK/told"
	# One jq for all of them: verify's status and sentence, and those of policy check.
	jq -rs '. as $all | range(0; length; 4) | "\($all[. + 1].status) \($all[.].refusal.text)",
		"\($all[. + 3].status) \($all[. + 2].reason)"' "$WORK/told" >"$WORK/sentences"
	while IFS=$TAB read -r what pattern text <&3 && IFS= read -r verify && IFS= read -r check; do
		like "F170: a policy with $what" "$verify" "^2 $FILE: $pattern"
		is "F170: policy check: $what" "$check" "$verify"
	done <"$WORK/sentences" 3<"$WORK/rules"
	# The last one, as policy.json of the trust root and for a run.
	cp "$FILE" "$TRUST/policy.json"
	run "$GOOD" -- true
	is 'F170: a run by a policy that does not parse: status 2' "$STATUS" 2
	like 'F170: a run by a policy that does not parse: the sentence' "$(cat "$ERR")" \
		"^oxg: $TRUST/policy.json: .*is unknown"
	check 'F170: a run by a policy that does not parse leaves no folder' \
		test ! -e "$RUN" -a ! -e "$RUN.partial"
	check 'F170: and no control byte on the terminal' not grep -q "$(printf '\033')" "$ERR"
	rm "$TRUST/policy.json"
	{ printf '{"schema_version": 1, "commands": ["' && head -c 1048576 /dev/zero | tr '\0' x && printf '"]}'; } >"$FILE"
	says verify --policy "$FILE"
	like 'F170: a policy of more than 1 MiB' "$STATUS $SAID" "^2 $FILE: the policy cannot be read: .*large"
	mkfifo "$WORK/fifo"
	says verify --policy "$WORK/fifo"
	like 'F170: a policy that is a pipe' "$STATUS $SAID" '^2 .*fifo: .*not a regular file'
	ln -s "$WORK/least.json" "$WORK/link"
	echo '{"schema_version": 1}' >"$WORK/least.json"
	says verify --policy "$WORK/link"
	is 'F170: a link that the operator names' "$STATUS" 0
	says verify --policy "$WORK/nowhere"
	like 'F170: no such policy' "$STATUS $SAID" '^2 .*nowhere: the policy cannot be read: No such file'
}

# ---- which one ------------------------------------------------------------------------------

profile() {
	says inspect "$@"
	echo "$STATUS $(jq -r '.profile + " " + (.limits.pids | tostring)' "$WORK/stdout")"
}

which() {
	is "F170: ($WHO) the default profile" "$(profile)" '0 default 64'
	is "F170: ($WHO) --profile strict" "$(profile --profile strict)" '0 strict 32'
	echo '{"schema_version": 1, "resources": {"pids": 7}}' >"$TRUST/policy.json"
	is "F170: ($WHO) policy.json of the trust root" "$(profile)" '0 default 7'
	is "F170: ($WHO) --profile begins where the file says nothing" "$(profile --profile strict)" '0 strict 7'
	echo '{"schema_version": 1, "profile": "strict"}' >"$FILE"
	is "F170: ($WHO) --policy instead of the trust root's" "$(profile --policy "$FILE")" '0 strict 32'
	says inspect --policy "$FILE" --profile default
	like "F170: ($WHO) a file and a word that are at odds" "$STATUS $SAID" \
		"^2 $FILE: is made for the strict profile and --profile says default; change its"
	says inspect --policy "$FILE" --profile strict
	is "F170: ($WHO) a file and a word that agree" "$STATUS" 0
	says inspect --profile lax
	like "F170: ($WHO) a profile that is none" "$STATUS $SAID" '^2 --profile lax: there is no such profile; use default or strict'
	# Strict by --profile alone forbids what it forbids in a file.
	echo '{"schema_version": 1, "verify": {"signature": "optional"}}' >"$FILE"
	says inspect --policy "$FILE" --profile strict
	like "F170: ($WHO) strict by word, lax by file" "$STATUS $SAID" "^2 $FILE: the strict profile requires"
	rm "$TRUST/policy.json"
	# Rule 1: nothing in a plugin's directory widens anything.
	echo '{"schema_version": 1, "grant": ["CAP_HTTP_ACTIVE"], "resources": {"pids": 999}}' >"$GOOD/policy.json"
	is "F188: ($WHO) a policy in the plugin's directory" "$(profile)" '0 default 64'
	json "F188: ($WHO) it is told of" "$WORK/stdout" \
		'any(.checks[]; .name == "policy_in_plugin" and (.detail | test("never read")))'
	(cd "$GOOD" && as "$OXG" inspect --trust "$TRUST" --json . >"$WORK/stdout" 2>/dev/null)
	json "F188: ($WHO) nor from inside of it" "$WORK/stdout" '.limits.pids == 64 and
		([.capabilities[] | select(.granted).name] == ["CAP_EMIT_FINDINGS", "CAP_STORAGE"])'
	rm "$GOOD/policy.json"
}

# ---- what it comes to ---------------------------------------------------------------------------

granted() {
	jq -r '[.capabilities[] | select(.granted).name] | sort | join(" ")' "$WORK/stdout"
}

# grants WHAT POLICY EXPECTED [OPTION...]: grant = manifest and policy.
grants() {
	what=$1 want=$3
	echo "{\"schema_version\": 1, \"grant\": $2}" >"$FILE"
	shift 3
	says inspect --policy "$FILE" "$@"
	is "F126: ($WHO) granted: $what" "$(granted)" "$want"
}

cut_grants() {
	grants 'nothing' '[]' ''
	grants 'what is asked for and allowed' '["CAP_STORAGE", "CAP_WS", "CAP_SPIDER"]' CAP_STORAGE
	grants '--grant adds to the policy' '[]' CAP_HTTP_ACTIVE --grant CAP_HTTP_ACTIVE
	grants '--grant adds nothing that is not asked for' '[]' '' --grant CAP_WS
	grants 'raw flows never alone' '[]' '' --grant CAP_FLOW_INSPECT_RAW
	grants 'flows and raw flows' '["CAP_FLOW_INSPECT_RAW", "CAP_FLOW_INSPECT"]' 'CAP_FLOW_INSPECT CAP_FLOW_INSPECT_RAW'
	echo '{"schema_version": 1, "grant": ["CAP_STORAGE"]}' >"$FILE"
	run --policy "$FILE" --grant CAP_HTTP_ACTIVE "$GOOD" -- true
	is "F127: ($WHO) the run says what was asked for and what was granted" \
		"$(jq -c '.capabilities | [.requested, .granted | sort]' "$RUN/run.json")" \
		'[["CAP_EMIT_FINDINGS","CAP_FLOW_INSPECT","CAP_FLOW_INSPECT_RAW","CAP_HTTP_ACTIVE","CAP_STORAGE"],["CAP_HTTP_ACTIVE","CAP_STORAGE"]]'
}

limits() { # WHAT POLICY OPTIONS MANIFEST: effective = the smallest
	echo "{\"schema_version\": 1, \"resources\": $2}" >"$FILE"
	jq ".resources = $4" "$WORK/manifest.json" >"$GOOD/manifest.json"
	allow p
	# shellcheck disable=SC2086 # options
	run --policy "$FILE" $3 "$GOOD" -- true
	is "F082: ($WHO) $1" "$STATUS $(jq -r '.limits | "\(.cpu_ns / 1000000) \(.memory_bytes) \(.wall_ns / 1000000) \(.pids) \(.workspace_bytes)"' "$RUN/run.json")" "0 $5"
}

cut_limits() {
	cp "$GOOD/manifest.json" "$WORK/manifest.json"
	M=1048576
	limits 'the policy is the smallest' '{"cpu": "2s", "memory": "40M", "timeout": "3s", "pids": 4, "workspace": "5M"}' \
		'--cpu-limit 50 --memory 100M --timeout 1h --pids 60 --workspace 1G' '{cpu: 30, memory: "1G", timeout: "9m", pids: 99}' \
		"2000 $((40 * M)) 3000 4 $((5 * M))"
	limits 'the command line is the smallest' '{"cpu": "20s", "memory": "400M", "timeout": "30s", "pids": 40, "workspace": "50M"}' \
		'--cpu-limit 5 --memory 32M --timeout 4s --pids 6 --workspace 7M' '{cpu: 30, memory: "1G", timeout: "9m", pids: 99}' \
		"5000 $((32 * M)) 4000 6 $((7 * M))"
	limits 'the manifest is the smallest' '{"cpu": "20s", "memory": "400M", "timeout": "30s", "pids": 40}' \
		'--cpu-limit 15 --memory 320M --timeout 14s --pids 16' '{cpu: "1500ms", memory: "16M", timeout: "2s", pids: 3}' \
		"1500 $((16 * M)) 2000 3 $((64 * M))"
	limits 'a policy may be larger than the default' '{"cpu": "2h", "memory": "1G", "timeout": "3h", "pids": 100, "workspace": "65M"}' \
		'' '{pids: 99}' "7200000 $((1024 * M)) 10800000 99 $((65 * M))"
	cp "$WORK/manifest.json" "$GOOD/manifest.json"
	allow p
}

# What is optional may be missing; what is there and wrong still refuses.
optional() {
	cp -R "$TRUST" "$WORK/pristine"
	echo '{"schema_version": 1, "verify": {"signature": "optional"}}' >"$FILE"
	rm "$GOOD/p.sig"
	says verify --policy "$FILE"
	like "F170: ($WHO) no signature where it is optional" \
		"$STATUS $(jq -r '"\(.signed) " + (.checks[] | select(.name == "signature") | .status + " " + .detail)' "$WORK/stdout")" \
		'^0 false SKIP not required by the policy: .*p.sig does not exist'
	printf 'MEQCIA==' >"$GOOD/p.sig"
	says verify --policy "$FILE"
	like "F170: ($WHO) a bad signature where it is optional" "$STATUS $SAID" '^3 .*p.sig: '
	rm "$GOOD/p.sig"
	rm -r "$TRUST/keys"
	says verify --policy "$FILE"
	is "F170: ($WHO) neither signature nor keys" "$STATUS" 0
	says verify
	is "F170: ($WHO) which is not the default" "$STATUS" 3
	rm -rf "$TRUST" && cp -R "$WORK/pristine" "$TRUST"
	echo '{"schema_version": 1, "verify": {"allowlist": "optional"}}' >"$FILE"
	mv "$TRUST/ALLOWLIST" "$WORK/list"
	says verify --policy "$FILE"
	is "F170: ($WHO) no ALLOWLIST where it is optional" "$STATUS $(jq .allowlisted "$WORK/stdout")" '0 false'
	sed 's/^./g/' "$WORK/list" >"$TRUST/ALLOWLIST"
	says verify --policy "$FILE"
	like "F170: ($WHO) one that does not parse" "$STATUS $SAID" '^3 .*ALLOWLIST: line 1 '
	sed 's/^[0-9a-f]*/'"$(printf '%064d' 0)"'/' "$WORK/list" >"$TRUST/ALLOWLIST"
	says verify --policy "$FILE"
	like "F170: ($WHO) one with another digest" "$STATUS $SAID" '^3 .*has the SHA-256 .*ALLOWLIST line'
	grep -v manifest.json "$WORK/list" >"$TRUST/ALLOWLIST"
	echo '{"schema_version": 1, "verify": {"manifest": "optional"}}' >"$FILE"
	says verify --policy "$FILE"
	is "F170: ($WHO) a manifest that need not be listed" "$STATUS" 0
	says verify
	like "F170: ($WHO) which is not the default either" "$STATUS $SAID" '^3 .*manifest.json: is not in'
	echo '{}' >"$GOOD/manifest.json"
	says verify --policy "$FILE"
	like "F170: ($WHO) but must be a manifest" "$STATUS $SAID" '^3 manifest.json: '
	rm -rf "$TRUST" && mv "$WORK/pristine" "$TRUST"
}

# ---- the snapshot -----------------------------------------------------------------------------------

snapshot() {
	# The figures of the contract, section 10, and of seed 001.
	run "$GOOD" -- true
	cp "$RUN/inputs/policy.json" "$WORK/default.json"
	json 'F171: the default profile, by its figures' "$WORK/default.json" '. == {
		schema_version: 1, profile: "default",
		verify: {allowlist: "required", signature: "required", manifest: "required"},
		isolation: {min_tier: "namespaces"},
		resources: {cpu: "60000ms", memory: "536870912", timeout: "300000ms", pids: 64, workspace: "67108864"},
		grant: ["CAP_EMIT_FINDINGS", "CAP_STORAGE"],
		proxy: {enable: false, rules_path: "", history_path: "", allow: [], requests: 50, timeout: "5000ms"},
		secrets: [], commands: [], runtimes: ["system"],
		paths: {protected: [".git", "ALLOWLIST", "keys", "policy.json"]},
		gate: {fail_on: "none", max_patch_lines: 400, max_risk: 60, on_denied: "record", on_unsnapshotted: "record",
			require: [], require_signature: true, require_approval_on_protected_paths: true}}'
	is 'F166: the gate report has its digest' "$(jq -r .policy_snapshot_hash "$RUN/gate_report.json")" \
		"$(sha256sum <"$RUN/inputs/policy.json" | cut -c1-64)"
	# Everything said at once, in odd spellings; the snapshot is canonical and complete.
	cat >"$FILE" <<'EOF'
{ "gate": {"require": ["./artifacts/b", "run.json"], "max_risk": 7, "on_unsnapshotted": "approval", "require_approval_on_protected_paths": false, "require_signature": false, "on_denied": "block",
    "max_patch_lines": 12, "fail_on": "crit"},
  "schema_version": 1, "profile": "default",
  "paths": {"protected": ["./a/b", "é€\ud83d\ude00"]}, "runtimes": ["/opt/x y", "py"], "commands": ["git diff", "\"\\\u00e9/"],
  "secrets": ["token.a"], "grant": ["CAP_WS", "CAP_EMIT_FINDINGS"],
  "proxy": {"timeout": "2m", "requests": 7, "allow": ["EXAMPLE.org:443", "[FE80::1]:80"], "history_path": "/h", "rules_path": "r", "enable": true},
  "resources": {"workspace": "1G", "pids": 9, "timeout": "1h", "memory": "2T", "cpu": "5m"},
  "isolation": {"min_tier": "namespaces"},
  "verify": {"manifest": "optional", "signature": "optional", "allowlist": "required"} }
EOF
	run --policy "$FILE" "$GOOD" -- true
	cp "$RUN/inputs/policy.json" "$WORK/all.json"
	json 'F171: every member, in one spelling' "$WORK/all.json" '. == {
		schema_version: 1, profile: "default",
		verify: {allowlist: "required", signature: "optional", manifest: "optional"},
		isolation: {min_tier: "namespaces"},
		resources: {cpu: "300000ms", memory: "2199023255552", timeout: "3600000ms", pids: 9, workspace: "1073741824"},
		grant: ["CAP_EMIT_FINDINGS", "CAP_WS"],
		proxy: {enable: true, rules_path: "r", history_path: "/h", allow: ["example.org:443", "[fe80::1]:80"], requests: 7, timeout: "120000ms"},
		secrets: ["token.a"], commands: ["git diff", "\"\\é/"], runtimes: ["/opt/x y", "py"],
		paths: {protected: ["a/b", "é€😀"]},
		gate: {fail_on: "crit", max_patch_lines: 12, max_risk: 7, on_denied: "block", on_unsnapshotted: "approval",
			require: ["artifacts/b", "run.json"], require_signature: false, require_approval_on_protected_paths: false}}'
	# All names are ASCII, so that sorting by UTF-16 and by bytes is one: jq -S is RFC 8785 here.
	is 'F171: the snapshot is canonical JSON' "$(cat "$WORK/all.json")" "$(jq -cS . "$WORK/all.json")"
	is 'F171: so is that of the default' "$(cat "$WORK/default.json")" "$(jq -cS . "$WORK/default.json")"
	run --policy "$WORK/all.json" "$GOOD" -- true
	check 'F171: read back, it is the same policy' cmp "$RUN/inputs/policy.json" "$WORK/all.json"
	# Strict gives nothing that default does not give.
	run --profile strict "$GOOD" -- true
	jq -n --slurpfile d "$WORK/default.json" --slurpfile s "$RUN/inputs/policy.json" '{d: $d[0], s: $s[0]}' >"$WORK/both.json"
	json 'F170: strict is the stricter one' "$WORK/both.json" '
		def ms: sub("ms"; "") | tonumber;
		(.s.profile == "strict") and (.s.verify == .d.verify) and
		(.s.resources.cpu | ms) <= (.d.resources.cpu | ms) and (.s.resources.timeout | ms) <= (.d.resources.timeout | ms) and
		(.s.resources.memory | tonumber) <= (.d.resources.memory | tonumber) and
		.s.resources.pids <= .d.resources.pids and
		(.s.resources.workspace | tonumber) <= (.d.resources.workspace | tonumber) and
		(.s.grant - .d.grant == []) and (.s.proxy.enable | not) and (.s.runtimes - .d.runtimes == []) and
		(.d.paths.protected - .s.paths.protected == []) and .s.isolation.min_tier == "namespaces" and
		.s.gate.require_signature and .s.gate.on_denied == "block" and .s.gate.fail_on != "none" and
		.s.gate.max_patch_lines < .d.gate.max_patch_lines and .s.gate.max_risk < .d.gate.max_risk and
		.s.gate.on_unsnapshotted == "block" and .s.gate.require_approval_on_protected_paths'
}

# Every folder has the policy that it was judged by, whatever became of the run.
kept() { # WHAT STATUS [OPTION...] -- run's words
	what=$1 due=$2
	shift 2
	run "$@"
	is "F171: $what: the snapshot is that of oxg policy show, and the hash is its own" \
		"$STATUS $(sha256sum <"$RUN/inputs/policy.json" | cut -c1-64) $(jq -r .policy_snapshot_hash "$RUN/gate_report.json")" \
		"$due $HASH $HASH"
	check "F171: $what: the folder verifies" "$OXG" check "$RUN"
}

recorded() {
	for profile in default strict; do
		HASH=$(as "$OXG" policy show --profile "$profile" | sha256sum | cut -c1-64)
		kept "$profile" 0 --profile "$profile" "$GOOD" -- true
		kept "$profile, a failure" 10 --profile "$profile" "$GOOD" -- exit 3
		echo >>"$GOOD/p"
		kept "$profile, refused" 3 --profile "$profile" "$GOOD" -- true
		cp "$HOSTILE" "$GOOD/p"
	done
	mkdir "$WORK/in"
	HASH=$(as "$OXG" policy show --profile strict | sha256sum | cut -c1-64)
	kept "a live input, strict" 1 --profile strict --input-bind "$WORK/in" "$GOOD" -- true
	is "F169: a run by strict takes no live input" "$(jq -c .reasons "$RUN/gate_report.json")" \
		'["the input was live (--input-bind): what the plugin read is not known"]'
	HASH=$(as "$OXG" policy show "$WORK/least.json" | sha256sum | cut -c1-64)
	kept "a live input, default" 0 --input-bind "$WORK/in" "$GOOD" -- true
	kept "an input by copy" 0 --input "$WORK/in" "$GOOD" -- true
	json "F169: which the rule takes" "$RUN/gate_report.json" 'any(.rules[]; .rule == "input_snapshotted" and .result == "pass")'
	json "F181: a plain run has no risk" "$RUN/gate_report.json" '.risk == {score: 0, max: 60, capabilities: 0, isolation: 0, termination: 0, output: 0}'
	echo '{"schema_version": 1, "gate": {"require": ["artifacts/sbom.json"]}}' >"$FILE"
	HASH=$(as "$OXG" policy show "$FILE" | sha256sum | cut -c1-64)
	kept "evidence that the policy requires and the run has not" 1 --policy "$FILE" "$GOOD" -- true
	echo '{"schema_version": 1, "gate": {"max_risk": 9}}' >"$FILE"
	HASH=$(as "$OXG" policy show "$FILE" | sha256sum | cut -c1-64)
	kept "more risk than passes" 6 --policy "$FILE" --grant CAP_HTTP_ACTIVE "$GOOD" -- true
	is "F181: it wants an approval" "$(jq -c '[.decision, .risk.score, .risk.capabilities]' "$RUN/gate_report.json")" \
		'["REQUIRE_APPROVAL",10,10]'
}

# ---- oxg policy -------------------------------------------------------------------------------------

command_policy() {
	as "$OXG" policy check --json "$here/policy.json" >"$WORK/stdout" 2>"$WORK/stderr"
	is 'F170: policy check of a sound policy: status 0, nothing on stderr' "$? $(wc -c <"$WORK/stderr")" '0 0'
	json 'F170: it tells seven guarantees, all kept' "$WORK/stdout" '.status == "PASS" and .profile == "default" and
		(.guarantees | length == 7 and all(.status == "PASS" and (.detail | length > 20))) and
		([.guarantees[].guarantee] == ["sandbox", "network_off", "pinned_plugins", "command_allowlist",
		"protected_paths", "least_privilege", "evidence_decides"])'
	is 'F171: and the hash of the snapshot' "$(jq -r .policy_snapshot_hash "$WORK/stdout")" \
		"$(as "$OXG" policy show "$here/policy.json" | sha256sum | cut -c1-64)"
	is 'F171: show is the snapshot of a run' "$(as "$OXG" policy show)" "$(cat "$WORK/default.json")"
	as "$OXG" policy show "$WORK/all.json" >"$WORK/stdout"
	check 'F171: shown again it is the same' cmp "$WORK/all.json" "$WORK/stdout"
	# Four guarantees broken at once: each is told, the first is the refusal.
	echo '{"schema_version": 1, "profile": "strict", "isolation": {"min_tier": "landlock"}, "proxy": {"enable": true},
		"verify": {"manifest": "optional"}, "paths": {"protected": []}}' >"$FILE"
	as "$OXG" policy check "$FILE" >"$WORK/stdout" 2>"$WORK/stderr"
	is 'F170: policy check of an unsafe one: status 2, nothing on stdout' "$? $(wc -c <"$WORK/stdout")" '2 0'
	is 'F170: what is broken and what is kept' "$(grep -oE '(PASS|FAIL) [a-z_]+' "$WORK/stderr" | tr '\n' ' ')" \
		'FAIL sandbox FAIL network_off FAIL pinned_plugins PASS command_allowlist FAIL protected_paths PASS least_privilege PASS evidence_decides '
	like 'F170: and why' "$(tail -n 1 "$WORK/stderr")" "^oxg: $FILE: the strict profile requires \"isolation.min_tier\""
	as "$OXG" policy check --json "$FILE" >"$WORK/stdout" 2>/dev/null
	json 'F170: the same for programs' "$WORK/stdout" '.status == "FAIL" and (has("policy_snapshot_hash") | not) and
		[.guarantees[] | select(.status == "FAIL").guarantee] == ["sandbox", "network_off", "pinned_plugins", "protected_paths"]'
	as "$OXG" policy show "$FILE" >"$WORK/stdout" 2>/dev/null
	is 'F170: what no run would take is not shown' "$? $(wc -c <"$WORK/stdout")" '2 0'
	as "$OXG" policy check --profile strict "$WORK/least.json" 2>"$WORK/stderr"
	is 'F170: a file without a profile begins with --profile' "$? $(grep -c PASS "$WORK/stderr")" '0 7'
	for words in '' check 'check a b' 'show a b' 'chek a'; do
		# shellcheck disable=SC2086 # several words
		as "$OXG" policy $words >"$WORK/stdout" 2>"$WORK/stderr"
		like "F095: policy $words: says what to type" "$? $(cat "$WORK/stderr")" '^2 oxg: type: oxg policy '
	done
}

# ---- nothing but its scratch ------------------------------------------------------------------------

# The operator's files and the working directory, after a run that tried each by name.
unchanged() {
	mkdir "$OUT/cwd"
	echo mine >"$OUT/cwd/mine"
	before=$(find "$TRUST" "$WORK/least.json" "$OUT/cwd" -type f -exec sha256sum {} + | sort)
	# shellcheck disable=SC2046 # each of them
	(cd "$OUT/cwd" && as "$OXG" run --trust "$TRUST" --policy "$WORK/least.json" --runtime system --out "$OUT/tried" \
		"$WRITES" -- "$OUT/cwd/mine" "$OUT/cwd/new" $(find "$TRUST" "$WORK/least.json" -type f) ./new >/dev/null 2>&1)
	is "F175: ($WHO) a plugin wrote its own scratch and no other file" "$? $(cat "$OUT/tried/logs/stdout.log")" "0 ./new"
	is "F175: ($WHO) nothing of the operator's changed" \
		"$(find "$TRUST" "$WORK/least.json" "$OUT/cwd" -type f -exec sha256sum {} + | sort)" "$before"
	is "F175: ($WHO) nothing is staged or handed over but by the broker" \
		"$(find "$OUT/tried/changes" "$OUT/tried/artifacts" -type f 2>/dev/null)" ''
}

become "${IDENTITIES%% *}"
sentences
snapshot
recorded
command_policy
for who in $IDENTITIES; do
	become "$who"
	which
	cut_grants
	cut_limits
	optional
	unchanged
done
finish
