# t/lib.sh: what the end-to-end tests share. Sourced by their sh; TAP on stdout.
#
# Keys, signatures and digests are made by openssl and sha256sum, not by oxg:
# what is expected comes from somebody else.
#
#   WORK    a directory of this test alone, gone at its end
#   TRUST   a trust root in it, with one key
#   WHO     "root" or "user": as whom oxg runs at the moment
#   STATUS  exit status of the last run, RUN its folder, ERR its stderr
# shellcheck shell=sh disable=SC2034

set -u
umask 022
LC_ALL=C
export LC_ALL
unset OXG_TRUST OXG_SIGN_KEY XDG_CONFIG_HOME SOURCE_DATE_EPOCH GITHUB_ACTIONS

here=$(cd "${0%/*}/.." && pwd)
OXG=${OXG:-$here/oxg}
BUILD=${BUILD:-$here/build}
NODE_PATH=$BUILD/node/node_modules
export NODE_PATH
HOSTILE=$BUILD/plugins/hostile
PROBE=$BUILD/plugins/probe
CALLER=$(id -u)

# Where python3 is a script that looks for one, that takes longer than most of ours.
case $(head -c 2 "$(command -v python3)" 2>/dev/null) in
'#!') PATH=$(python3 -c 'import os, sys; print(os.path.dirname(sys.executable))'):$PATH ;;
esac

N=0
BAD=0
RUNS=0
WORK=$(mktemp -d "${TMPDIR:-/tmp}/t-XXXXXX") || exit 1
chmod 755 "$WORK"
TRUST=$WORK/trust

clean_up() {
	# Sealed folders are read-only, and a plugin's trees are worse.
	chmod -R u+rwX "$WORK" 2>/dev/null
	rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# ---- TAP ---------------------------------------------------------------------

# check DESCRIPTION COMMAND...: passes when the command does.
check() {
	what=$1
	shift
	N=$((N + 1))
	if said=$("$@" 2>&1); then
		echo "ok $N - $what"
	else
		BAD=$((BAD + 1))
		echo "not ok $N - $what"
		echo "$*" | head -n 8 | sed 's/^/#   command: /'
		echo "$said" | head -n 20 | sed 's/^/#   /'
		[ -z "${ERR:-}" ] || [ ! -s "$ERR" ] || head -n 5 "$ERR" | sed 's/^/#   stderr: /'
	fi
}

# is DESCRIPTION GOT EXPECTED
is() {
	N=$((N + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $N - $1"
	else
		BAD=$((BAD + 1))
		echo "not ok $N - $1"
		printf '%s\n' "$2" | head -n 20 | sed 's/^/#   got:      /'
		printf '%s\n' "$3" | head -n 20 | sed 's/^/#   expected: /'
		[ -z "${ERR:-}" ] || [ ! -s "$ERR" ] || head -n 5 "$ERR" | sed 's/^/#   stderr: /'
	fi
}

# like DESCRIPTION TEXT PATTERN: the extended pattern matches a line of it.
like() {
	N=$((N + 1))
	if grep -Eq -e "$3" <<-END
		$2
	END
	then
		echo "ok $N - $1"
	else
		BAD=$((BAD + 1))
		echo "not ok $N - $1"
		printf '%s\n' "$2" | head -n 20 | sed 's/^/#   got:      /'
		printf '#   expected: %s\n' "$3"
	fi
}

# tells DESCRIPTION FILE PATTERN: the same of a file's text.
tells() {
	N=$((N + 1))
	if grep -Eq -e "$3" "$2"; then
		echo "ok $N - $1"
	else
		BAD=$((BAD + 1))
		echo "not ok $N - $1"
		head -n 20 "$2" | sed 's/^/#   got:      /'
		printf '#   expected: %s\n' "$3"
	fi
}

# one_line DESCRIPTION FILE: it is exactly that.
one_line() {
	N=$((N + 1))
	if {
		read -r line && ! read -r rest && [ -z "$rest" ]
	} <"$2"; then
		echo "ok $N - $1"
	else
		BAD=$((BAD + 1))
		echo "not ok $N - $1"
		head -n 20 "$2" | sed 's/^/#   got:      /'
	fi
}

# json DESCRIPTION FILE EXPRESSION: jq says that it is true of the document.
json() {
	check "$1" jq -e "$3" "$2"
}

skip() {
	N=$((N + 1))
	echo "ok $N # SKIP $1"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

finish() {
	echo "1..$N"
	[ "$BAD" -eq 0 ]
	exit
}

not() {
	! "$@"
}

# within LOW NUMBER HIGH
within() {
	[ "$1" -le "$2" ] && [ "$2" -le "$3" ] && return
	echo "$2 is not between $1 and $3"
	return 1
}

# ---- who runs it ---------------------------------------------------------------

# The identities this machine offers: root tests an ordinary user as well.
if [ "$CALLER" -ne 0 ]; then
	IDENTITIES=user
elif setpriv --reuid=65533 --regid=65533 --clear-groups unshare -Ur true 2>/dev/null; then
	IDENTITIES='root user'
else
	IDENTITIES=root
fi
WHO=${IDENTITIES%% *}

# as [timeout [-k SECONDS] SECONDS] COMMAND...: as $WHO.
as() {
	if [ "$WHO" = user ] && [ "$CALLER" -eq 0 ]; then
		"$BUILD/plugins/as" user "$@"
	elif [ "$1" = timeout ]; then
		"$BUILD/plugins/as" "$@"
	else
		"$@"
	fi
}

become() {
	WHO=$1
	OUT=$WORK/$WHO
	if [ ! -d "$OUT" ]; then
		mkdir "$OUT"
		[ "$CALLER" -ne 0 ] || [ "$WHO" = root ] || chown 65533:65533 "$OUT"
	fi
}

# ---- trust root and plugins -------------------------------------------------------

# keys NAME: a pair, $WORK/NAME.key and .pub
keys() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
		-out "$WORK/$1.key" 2>/dev/null &&
		openssl pkey -in "$WORK/$1.key" -pubout -out "$WORK/$1.pub"
}

# sign FILE [KEY]: what cosign sign-blob writes.
sign() {
	openssl dgst -sha256 -sign "$WORK/${2:-test}.key" "$1" | base64 -w0 >"$1.sig"
}

trust_root() {
	mkdir -p "$TRUST/keys" "$TRUST/plugins"
	keys test
	cp "$WORK/test.pub" "$TRUST/keys/test.pub"
	: >"$TRUST/ALLOWLIST"
	# A checkout may lie where the other identity cannot go.
	cp "$OXG" "$WORK/oxg"
	chmod 755 "$WORK/oxg"
	OXG=$WORK/oxg
}

# allow NAME: the plugin's two digests, replacing those that stood there.
allow() {
	grep -v " plugins/$1/" "$TRUST/ALLOWLIST" >"$TRUST/ALLOWLIST.new"
	(cd "$TRUST" && sha256sum "plugins/$1/manifest.json" "plugins/$1/$1") >>"$TRUST/ALLOWLIST.new"
	mv "$TRUST/ALLOWLIST.new" "$TRUST/ALLOWLIST"
}

# plugin NAME EXECUTABLE [JQ]: a signed and allowlisted plugin; JQ edits its
# manifest. Sets PLUGIN.
plugin() {
	PLUGIN=$TRUST/plugins/$1
	mkdir -p "$PLUGIN"
	rm -f "$PLUGIN/$1"
	cp "$2" "$PLUGIN/$1"
	chmod 755 "$PLUGIN/$1"
	jq -n --arg n "$1" '{name: $n, version: "1.2.3", entry: $n, artifact: $n,
		capabilities: ["CAP_EMIT_FINDINGS"],
		signature: {signature: ($n + ".sig")}} | '"${3:-.}" >"$PLUGIN/manifest.json"
	sign "$PLUGIN/$1"
	allow "$1"
}

# ---- running -------------------------------------------------------------------------

# run [OPTION...] PLUGIN [-- ARG...]: as $WHO into a folder of its own.
run() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	as timeout -k 5 90 "$OXG" run --trust "$TRUST" --out "$RUN" "$@" \
		>"$OUT/stdout" 2>"$ERR" </dev/null
	STATUS=$?
}

# start ...: the same in the background; PID is oxg's own. SIGINT is not ignored
# in it, as a shell would have it for its background jobs.
start() {
	RUNS=$((RUNS + 1))
	RUN=$OUT/run-$RUNS
	ERR=$OUT/stderr-$RUNS
	set -- env --default-signal=INT,QUIT "$OXG" run --trust "$TRUST" --out "$RUN" "$@"
	[ "$WHO" != user ] || [ "$CALLER" -ne 0 ] ||
		set -- setpriv --reuid=65533 --regid=65533 --clear-groups "$@"
	# No function here: its subshell would be what PID names.
	"$@" >"$OUT/stdout" 2>"$ERR" </dev/null &
	PID=$!
}

# wait_for COMMAND...: until it succeeds, five seconds at most.
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 250 ] || return 1
		sleep 0.02
	done
}

# What the plugin said on its stdout so far, also before the folder is sealed.
said() {
	cat "$RUN/logs/stdout.log" "$RUN.partial/logs/stdout.log" 2>/dev/null
}

said_ready() {
	said | grep -q ready
}

# What a run left: nothing, a folder that is sealed, a partial one that check
# refuses; or what may not be.
there() {
	if [ -e "$RUN" ]; then
		[ ! -e "$RUN.partial" ] || echo both
		"$OXG" check "$RUN" >/dev/null 2>&1 && echo sealed || echo "a lie"
	elif [ -e "$RUN.partial" ]; then
		"$OXG" check "$RUN.partial" >/dev/null 2>&1 && echo "a partial that passes" || echo partial
	else
		echo nothing
	fi
}

# marked MARK: processes with the mark in their command line. grep is told it on its
# stdin, so that it does not find itself, nor another that looks at the same time.
marked() {
	# shellcheck disable=SC2062 # those are the files
	echo "$1" | grep -lsF -f - /proc/[0-9]*/cmdline | cut -d/ -f3
}

no_marked() {
	left=$(marked "$1")
	[ -z "$left" ] && return
	for p in $left; do
		echo "pid $p: $(tr '\0' ' ' <"/proc/$p/cmdline")"
	done
	return 1
}

# ---- the processes of a run -------------------------------------------------------------

children_of() {
	tr ' ' '\n' <"/proc/$1/task/$1/children" 2>/dev/null | grep .
}

# watch_of PID: oxg's only child.
watch_of() {
	children_of "$1" | head -n 1
}

# broker_of PID: of the watch's children the one in oxg's own pid namespace.
broker_of() {
	for child in $(children_of "$(watch_of "$1")"); do
		[ "$(sed -n 's/^NSpid:[[:space:]]*//p' "/proc/$child/status" | wc -w)" = 1 ] && echo "$child" && return
	done
	return 1
}

# init_of PID: and the one that is the first of a namespace.
init_of() {
	for child in $(children_of "$(watch_of "$1")"); do
		[ "$(sed -n 's/^NSpid:[[:space:]]*//p' "/proc/$child/status" | wc -w)" = 2 ] && echo "$child" && return
	done
	return 1
}

# proved TIER: its jail answered so many questions as it must. Some depend on the
# kernel, the identity and the runtime; but a group of them cannot be missing.
proved() {
	case $1 in
	namespaces) floor=95 ;;
	chroot) floor=85 ;;
	landlock) floor=90 ;;
	esac
	within "$floor" "$(jq .isolation.proved "$RUN/run.json")" 1000
}

reason() {
	jq -r '.ending.reason // "none"' "$RUN/run.json" 2>/dev/null
}

[ -x "$OXG" ] || {
	echo "Bail out! no $OXG: run make first"
	exit 1
}
