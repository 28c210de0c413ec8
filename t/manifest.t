#!/bin/sh
# manifest.json: the sentence for each rule, what the members of both forms come
# to, and hard files where plain ones should be. t/schema.t has the verdicts,
# t/refusals.t the folders that refusals leave.
# shellcheck source=/dev/null disable=SC2016,SC2154
. "${0%/*}/lib.sh"

trust_root
TAB=$(printf '\t')
plugin p "$HOSTILE"
GOOD=$PLUGIN
BASE=$WORK/base.json
cp "$GOOD/manifest.json" "$BASE"
ZERO=$(printf '%064d' 0)

jq -n '{"$schema": "../manifest.schema.json", name: "oxg-example-plugin", version: "0.1.0",
	description: "Demonstrates a minimal, sandbox-friendly plugin", entry: "./cmd/start.sh",
	capabilities: {http: {outbound: ["broker"]}, storage: {workspace: true}, secrets: {broker: true}},
	sandbox: {user: "oxg", mounts: ["workspace"], network: "isolated"}}' >"$WORK/object.json"

# verify [OPTION...] PLUGIN: STATUS, CODE, SAID
verify() {
	as "$OXG" verify --trust "$TRUST" --json "$@" >"$WORK/verify.json" 2>"$WORK/stderr" </dev/null
	STATUS=$?
	CODE=$(jq -r '.refusal.code // "none"' "$WORK/verify.json")
	SAID=$(jq -r '.refusal.text // ""' "$WORK/verify.json")
}

inspect() {
	as "$OXG" inspect --trust "$TRUST" --json "$@" >"$WORK/inspect.json" 2>"$WORK/stderr" </dev/null
	STATUS=$?
}

# ---- sentences ----------------------------------------------------------------------------

# what TAB what the sentence must hold TAB jq program
array_rules() {
	cat <<'EOF'
an unknown member	"colour" is unknown; known are .*name, version.*artifact	.colour = 1
a name with blanks	"name" must be 1 to 64 letters	.name = "a b"
a version of nothing	"version" must be	.version = ""
no entry	"entry" is missing; it must be	del(.entry)
a description of two lines	"description" must be one line	.description = "a\nb"
an artifact above	"artifact" must be a path below.*without ".."	.artifact = "../p"
a capability that is none	"capabilities" names "CAP_GOD", which does not exist; "oxg caps"	.capabilities = ["CAP_GOD"]
a capability twice	"capabilities" names CAP_WS twice	.capabilities = ["CAP_WS", "CAP_WS"]
raw flows alone	CAP_FLOW_INSPECT_RAW without CAP_FLOW_INSPECT; ask for both	.capabilities = ["CAP_FLOW_INSPECT_RAW"]
an empty list of capabilities	"capabilities" must be an array of at least one	.capabilities = []
capabilities that are text	"capabilities" must be an array.*or an object	.capabilities = "all"
no capabilities	"capabilities" is missing	del(.capabilities)
an unknown member of signature	"algorithm" is unknown in signature; known are signature, publicKey, certificate	.signature.algorithm = "none"
a signature without path	"signature.signature" is missing	.signature = {publicKey: "x"}
a signature above	"signature.signature" must be a path below	.signature.signature = "../p.sig"
key and certificate	both "publicKey" and "certificate"	.signature += {publicKey: "a", certificate: "b"}
a certificate at the root	"signature.certificate" must be a path below	.signature.certificate = "/etc/ssl/cert.pem"
trusted by a word	"trusted" must be true or false \(and is ignored\)	.trusted = "yes"
a config that is a list	"config" must be an object	.config = []
an unknown member of resources	"disk" is unknown in resources; known are cpu, memory, timeout, pids	.resources = {disk: "1G"}
no resource in resources	"resources" must be an object that holds	.resources = {}
a time without unit	"resources.timeout" must be a time such as "10s"	.resources = {timeout: "10"}
a size in words	"resources.memory" must be a size such as "256M"	.resources = {memory: "much"}
too many processes	"resources.pids" must be a number from 1 to 65536	.resources = {pids: 65537}
time beyond 64 bits	"resources.cpu" must be	.resources = {cpu: "18446744074s"}
a number beyond 64 bits	"resources.pids" must be	.resources = {pids: 18446744073709551617}
findings from elsewhere	"findings" must be "broker", "stdout"	.findings = "mail"
findings from above	"findings" must be .*below /workspace	.findings = "sarif:../x"
no word in args	"args" must be an array of 1 to 64	.args = []
a file above	"files" names "../x"; it must be a path below	.files = {"../x": ("0" * 64)}
a file without digest	"files" gives "x" no SHA-256; it must be 64 hex digits	.files = {x: "abc"}
a file under two spellings	"files" names "./x" twice	.files = {"x": ("0" * 64), "./x": ("1" * 64)}
a wildcard host	"egress.hosts" names "\*.org"; it must be a host.*without wildcards	.egress = {hosts: ["*.org"]}
an IPv6 address that is none	"egress.hosts" names "\[1::2::3\]"	.egress = {hosts: ["[1::2::3]"]}
a runtime that is a path	"runtime" must be "system" or the name	.runtime = "/usr"
ESC as a member's name	"\\u001b\[31mred" is unknown	."\u001b[31mred" = 1
a member with a name of 5000	"x{64}"... is unknown	.[("x" * 5000)] = 1
a member with a name of umlauts	"(ü){32}"... is unknown	.[("ü" * 50)] = 1
a file name with a line break	"files" names "a\\nb"	.files = {"a\nb": ("0" * 64)}
a host with ESC	"egress.hosts" names "a\\u001b"	.egress = {hosts: ["a\u001b"]}
EOF
}

object_rules() {
	cat <<'EOF'
an unknown capability	"exec" is unknown in capabilities; known are http, ws, storage, secrets	.capabilities.exec = {}
HTTP past the broker	"capabilities.http.outbound" must be \["broker"\]: the broker is the only way out	.capabilities.http.outbound = ["direct"]
HTTP inwards	"inbound" is unknown in capabilities.http; known are outbound	.capabilities.http = {inbound: ["broker"]}
HTTP as truth	"capabilities.http" must be an object: \{"outbound": \["broker"\]\}	.capabilities.http = true
WebSocket through nothing	"capabilities.ws.outbound" must be	.capabilities.ws = {outbound: []}
storage by a word	"capabilities.storage.workspace" must be true or false	.capabilities.storage = {workspace: "yes"}
secrets in the environment	"env" is unknown in capabilities.secrets	.capabilities.secrets = {env: true}
an entry above	"entry" must be a path below	.entry = "../start.sh"
an artifact	"artifact" is unknown; known are	.artifact = "p"
root in the sandbox	"sandbox.user" must be "oxg" or "nobody"; there is no other user	.sandbox.user = "root"
a mount of the host	"sandbox.mounts" must be \["workspace"\] or \[\]	.sandbox.mounts = ["/etc"]
the host's network	"sandbox.network" must be "isolated" or "none"; there is no network	.sandbox.network = "host"
a sandbox switched off	"enabled" is unknown in sandbox; known are user, mounts, network	.sandbox.enabled = false
EOF
}

# rules BASE <table
rules() {
	mkdir -p "$WORK/plugin"
	while IFS=$TAB read -r what pattern program; do
		jq "$program" "$1" >"$WORK/plugin/manifest.json"
		verify --allow-unsigned "$WORK/plugin"
		is "F015: $what: status, code" "$STATUS $CODE" '3 manifest'
		like "F015: $what: the sentence" "$SAID" "^manifest.json: .*$pattern"
		check "F015: $what: one line without control bytes" \
			test "$(printf %s "$SAID" | LC_ALL=C tr -dc '\000-\037\177' | wc -c)" -eq 0
	done
}

# Texts that are no manifest at all: what TAB pattern TAB printf text
texts() {
	cat <<'EOF'
nothing	line 1: there is no text	
blanks	line 3: the text ends	\n \n
a byte order mark	line 1: a byte order mark	\357\273\277{}
text	line 1: .*	hello
a list	must be one JSON object	[]
null	must be one JSON object	null
a comment	line 2: 	{\n// x\n}
a comma too many	line 1: a member's name	{"name": "x",}
single quotes	line 1: a member's name	{'name': 'x'}
a NUL	line 1: 	{"name": "a\000b"}
a line break in a text	line 1: a control character	{"name": "a\nb"}
half a surrogate pair	line 1: half of a surrogate pair	{"name": "\\ud800"}
bytes that are no UTF-8	line 1: .*UTF-8	{"name": "\300\257"}
a surrogate in UTF-8	line 1: .*UTF-8	{"name": "\355\240\200"}
NaN	line 1: 	{"name": NaN}
a name twice, once escaped	line 1: a member name stands twice: "n\\u0061me"	{"name": "a", "n\\u0061me": "b"}
two documents	line 2: something stands behind	{}\n{}
EOF
}

read_texts() {
	texts >"$WORK/texts"
	while IFS=$TAB read -r what pattern text; do
		# shellcheck disable=SC2059 # the table is ours
		printf "$text" >"$WORK/plugin/manifest.json"
		verify --allow-unsigned "$WORK/plugin"
		is "F019: $what for a manifest: status, code" "$STATUS $CODE" '3 manifest'
		like "F019: $what for a manifest: the sentence" "$SAID" "^manifest.json: $pattern"
	done <"$WORK/texts"
	for depth in 32 33 5000; do
		opening=$(printf "%0$((depth - 1))d" 0 | tr 0 '[')
		closing=$(printf "%0$((depth - 1))d" 0 | tr 0 ']')
		jq -c '.config = {a: "@"}' "$BASE" | sed "s/\"@\"/${opening%?}${closing%?}/" >"$WORK/plugin/manifest.json"
		verify --allow-unsigned "$WORK/plugin"
		if [ "$depth" -le 32 ]; then
			is "F019: $depth levels are taken" "$CODE" plugin # p itself is not there
		else
			like "F019: $depth levels are too deep" "$CODE $SAID" '^manifest manifest.json: line 1: .*deep'
		fi
	done
	# The ceiling of bytes: at it, above it.
	jq -c '.config = {a: "@"}' "$BASE" | tr -d '\n' >"$WORK/manifest"
	room=$((1048576 - $(wc -c <"$WORK/manifest") + 1))
	for more in 0 1; do
		{
			sed 's/@.*//' "$WORK/manifest" | tr -d '\n'
			head -c $((room + more)) /dev/zero | tr '\0' 0
			sed 's/.*@//' "$WORK/manifest" | tr -d '\n'
		} >"$WORK/plugin/manifest.json"
		verify --allow-unsigned "$WORK/plugin"
		case $more in
		0) is "F019: a manifest of 1 MiB" "$(wc -c <"$WORK/plugin/manifest.json") $CODE" '1048576 plugin' ;;
		*) like "F019: a manifest of 1 MiB and a byte" "$CODE $SAID" '^manifest .*manifest.json: .*1 MiB' ;;
		esac
	done
}

# ---- what it comes to ------------------------------------------------------------------------

# asks WHAT JQ CAPABILITIES: of the object form.
asks() {
	jq "$2" "$WORK/object.json" >"$WORK/plugin/manifest.json"
	inspect "$WORK/plugin"
	is "F017: $1 asks for" "$(jq -r '[.capabilities[].name] | sort | join(" ")' "$WORK/inspect.json")" "$3"
}

mapping() {
	mkdir -p "$WORK/plugin/cmd"
	cp "$HOSTILE" "$WORK/plugin/cmd/start.sh"
	asks "seed 002's example" . 'CAP_EMIT_FINDINGS CAP_HTTP_ACTIVE CAP_SECRETS_READ CAP_STORAGE'
	json "F017: seed 002's example: the artifact is its entry" "$WORK/inspect.json" '
		.form == "object form" and .plugin == "oxg-example-plugin" and .version == "0.1.0" and
		[.files[].name] == ["cmd/start.sh"]'
	is "F126: of these the default policy grants" \
		"$(jq -r '[.capabilities[] | select(.granted).name] | sort | join(" ")' "$WORK/inspect.json")" \
		'CAP_EMIT_FINDINGS CAP_STORAGE'
	asks 'nothing' '.capabilities = {}' CAP_EMIT_FINDINGS
	asks 'a WebSocket' '.capabilities = {ws: {outbound: ["broker"]}}' 'CAP_EMIT_FINDINGS CAP_WS'
	asks 'HTTP' '.capabilities = {http: {outbound: ["broker"]}}' 'CAP_EMIT_FINDINGS CAP_HTTP_ACTIVE'
	asks 'storage: false' '.capabilities = {storage: {workspace: false}}' CAP_EMIT_FINDINGS
	asks 'secrets: false' '.capabilities = {secrets: {broker: false}}' CAP_EMIT_FINDINGS
	rm -r "$WORK/plugin/cmd"
}

# The plugin p with its manifest changed, all signed off.
edit() {
	jq "$1" "$BASE" >"$GOOD/manifest.json"
	allow p
}

# Seed 002's example, signed and listed, with a static program as its entry.
example() {
	ex=$TRUST/plugins/ex
	mkdir -p "$ex/cmd"
	cp "$WORK/object.json" "$ex/manifest.json"
	cp "$HOSTILE" "$ex/cmd/start.sh"
	sign "$ex/cmd/start.sh"
	(cd "$TRUST" && sha256sum plugins/ex/manifest.json plugins/ex/cmd/start.sh) >>"$TRUST/ALLOWLIST"
	verify "$ex"
	is "F017: ($WHO) seed 002's example verifies" "$STATUS $SAID" '0 '
	run "$ex" -- print hello
	is "F017: ($WHO) and runs" "$STATUS $(cat "$RUN/logs/stdout.log")" '0 hello'
}

effects() {
	edit '.trusted = true | .config = {depth: 3} | .description = "d" | ."$schema" = "x" | .entry = "any label"'
	run "$GOOD" -- print hello
	is "F018: ($WHO) harmless members do no harm" "$STATUS $(cat "$RUN/logs/stdout.log")" '0 hello'
	json "F011: ($WHO) trusted is noted and ignored" "$RUN/verifier_report.json" \
		'any(.checks[]; .name == "trusted_member" and .status == "SKIP" and (.detail | test("ignored")))'
	rm "$GOOD/p.sig"
	run "$GOOD" -- print hello
	is "F011: ($WHO) trusted is no signature" "$STATUS $(jq -r .refusal.code "$RUN/run.json")" '3 signature'
	sign "$GOOD/p"
	sed '/ plugins.p.p$/d' "$TRUST/ALLOWLIST" >"$WORK/list"
	cp "$WORK/list" "$TRUST/ALLOWLIST"
	run "$GOOD" -- print hello
	is "F011: ($WHO) trusted is no line in the ALLOWLIST" "$STATUS $(jq -r .refusal.code "$RUN/run.json")" '3 allowlist'

	edit '.resources = {cpu: 2, memory: "64M", timeout: "3s", pids: 5}'
	run "$GOOD" -- true
	json "F085: ($WHO) resources lower the limits" "$RUN/run.json" '.limits |
		.cpu_ns == 2000000000 and .memory_bytes == 67108864 and .wall_ns == 3000000000 and .pids == 5'
	edit '.resources = {cpu: "500h", memory: "1T", timeout: "500h", pids: 65536}'
	run "$GOOD" -- true
	json "F085: ($WHO) and never raise them" "$RUN/run.json" '.limits |
		.cpu_ns == 60000000000 and .memory_bytes == 536870912 and .wall_ns == 300000000000 and .pids == 64'

	edit '.args = ["print", "one", "", "t w o", "-x", "ü"]'
	run "$GOOD" -- last
	is "F023: ($WHO) args come first, as they are, then the operator's" \
		"$STATUS $(cat "$RUN/logs/stdout.log")" "$(printf '0 one\n\nt w o\n-x\nü\nlast')"
}

# ---- files -------------------------------------------------------------------------------------

# files_refused WHAT CODE PATTERN: the manifest names data.txt with the digest of "data".
files_refused() {
	verify "$GOOD"
	like "F021: ($WHO) $1" "$STATUS $CODE $SAID" "^3 $2 .*$GOOD/.*$3"
	verify --allow-unsigned "$GOOD"
	is "F021: ($WHO) $1: --allow-unsigned does not lift it" "$STATUS $CODE" "3 $2"
	rm -rf "$GOOD/data.txt"
	printf data >"$GOOD/data.txt"
}

files() {
	mkdir -p "$GOOD/lib"
	printf data >"$GOOD/data.txt"
	printf '#!x' >"$GOOD/lib/tool"
	chmod 755 "$GOOD/lib/tool"
	D=$(printf data | sha256sum | cut -c1-64)
	edit '.files = {"data.txt": "'"$D"'", "./lib/tool": "'"$(printf '#!x' | sha256sum | cut -c1-64 | tr a-f A-F)"'",
		"p": "'"$(sha256sum <"$GOOD/p" | cut -c1-64)"'"}'
	run "$GOOD" -- true
	is "F021: ($WHO) files that are as they are named" "$STATUS" 0
	inspect "$GOOD"
	is "F021: ($WHO) the bundle: the artifact once, then they" \
		"$(jq -r '.files[] | "\(.name) \(.size) \(.executable)"' "$WORK/inspect.json")" \
		"$(printf '%s\n' "p $(stat -c %s "$GOOD/p") true" 'data.txt 4 false' 'lib/tool 3 true')"
	printf Data >"$GOOD/data.txt"
	files_refused 'a changed file' hash "data.txt: has the SHA-256 $(printf Data | sha256sum | cut -c1-64), the manifest's files say $D"
	printf 'data\n' >"$GOOD/data.txt"
	files_refused 'a file that grew' hash 'data.txt: has the SHA-256'
	: >"$GOOD/data.txt"
	files_refused 'a file that was emptied' hash 'data.txt: has the SHA-256 e3b0c442'
	rm "$GOOD/data.txt"
	files_refused 'a file that is gone' plugin 'data.txt: .*does not exist'
	ln -sf tool "$GOOD/data.txt"
	files_refused 'a file that is a link' plugin 'data.txt: .*symbolic link'
	rm "$GOOD/data.txt" && mkfifo "$GOOD/data.txt"
	files_refused 'a file that is a pipe' plugin 'data.txt: .*not a regular file'
	rm "$GOOD/data.txt" && mkdir "$GOOD/data.txt"
	files_refused 'a file that is a directory' plugin 'data.txt: .*not a regular file'
	mv "$GOOD/lib" "$WORK/lib" && ln -s "$WORK/lib" "$GOOD/lib"
	files_refused 'a directory that is a link' plugin 'lib/tool: .*symbolic link'
	rm "$GOOD/lib" && mv "$WORK/lib" "$GOOD/lib"
	truncate -s $((256 * 1048576 + 1)) "$GOOD/data.txt"
	files_refused 'a file of more than 256 MiB' plugin 'data.txt: .*too large.*256 MiB'
	if [ "$WHO" = user ]; then
		chmod 000 "$GOOD/data.txt"
		files_refused 'a file that may not be read' plugin 'data.txt: .*denied'
	fi
	if [ "$CALLER" -eq 0 ] && rm "$GOOD/data.txt" && mknod "$GOOD/data.txt" c 1 5 2>/dev/null; then
		files_refused 'a file that is a device' plugin 'data.txt: .*(not a regular file|denied|not permitted)'
	else
		printf data >"$GOOD/data.txt"
		skip "F021: ($WHO) a file that is a device: cannot make one"
	fi
	edit '.files = {"data.txt/x": "'"$D"'"}'
	verify "$GOOD"
	like "F021: ($WHO) a file below a file" "$STATUS $CODE $SAID" '^3 plugin .*data.txt/x: '
	edit '.files = {"p": "'"$ZERO"'"}'
	verify "$GOOD"
	like "F021: ($WHO) the artifact with another digest" "$STATUS $CODE $SAID" "^3 hash .*/p: has the SHA-256 .*files say $ZERO"
	edit .
}

# The manifest itself, and the artifact: files that are none.
hard() {
	cp "$GOOD/manifest.json" "$WORK/kept"
	for kind in link pipe directory unreadable; do
		rm -f "$GOOD/manifest.json"
		pattern='not a regular file'
		case $kind in
		link) ln -s "$WORK/kept" "$GOOD/manifest.json" && pattern='symbolic link' ;;
		pipe) mkfifo "$GOOD/manifest.json" ;;
		directory) mkdir "$GOOD/manifest.json" ;;
		unreadable)
			cp "$WORK/kept" "$GOOD/manifest.json" && chmod 000 "$GOOD/manifest.json"
			pattern=denied
			[ "$WHO" = user ] || { rm -f "$GOOD/manifest.json"; continue; }
			;;
		esac
		verify "$GOOD"
		like "F049: ($WHO) a manifest that is a $kind" "$STATUS $CODE $SAID" "^3 plugin .*manifest.json: .*$pattern"
		rm -rf "$GOOD/manifest.json"
	done
	cp "$WORK/kept" "$GOOD/manifest.json"
	edit '.artifact = "bin/p" | .signature.signature = "p.sig"'
	mkdir "$WORK/outside" && cp "$GOOD/p" "$WORK/outside/p" && ln -s "$WORK/outside" "$GOOD/bin"
	verify "$GOOD"
	like "F049: ($WHO) an artifact behind a link" "$STATUS $CODE $SAID" '^3 plugin .*bin/p: .*symbolic link'
	rm -r "${GOOD:?}/bin" "$WORK/outside"
	verify "$GOOD"
	like "F049: ($WHO) an artifact that is nowhere" "$STATUS $CODE $SAID" '^3 plugin .*bin/p: .*does not exist'
	edit '.artifact = "big"'
	truncate -s $((256 * 1048576 + 1)) "$GOOD/big"
	verify "$GOOD"
	like "F049: ($WHO) an artifact of more than 256 MiB" "$STATUS $CODE $SAID" '^3 plugin .*big: .*too large'
	: >"$GOOD/big"
	verify --allow-unsigned "$GOOD"
	like "F049: ($WHO) an empty artifact" "$STATUS $CODE $SAID" '^3 plugin .*big: .*empty'
	rm "$GOOD/big"
	edit '.artifact = "manifest.json"'
	verify "$GOOD"
	is "F049: ($WHO) the manifest as its own artifact" "$STATUS" 3
	edit .
	run "$GOOD" -- true
	is "F014: ($WHO) as it was, it runs" "$STATUS" 0
}

become "${IDENTITIES%% *}"
array_rules >"$WORK/rules"
rules "$BASE" <"$WORK/rules"
object_rules >"$WORK/rules"
rules "$WORK/object.json" <"$WORK/rules"
read_texts
mapping
for who in $IDENTITIES; do
	become "$who"
	example
	effects
	files
	hard
done
finish
