#!/bin/sh
# F174: oxg mcp, asked by the public SDK and by clients that are hostile or were talked
# into things. t/mcp.js is the clients; here is what they find.
# shellcheck source=/dev/null disable=SC2154
. "${0%/*}/lib.sh"

[ -d "$NODE_PATH/@modelcontextprotocol/sdk" ] || skip_all "no SDK in $NODE_PATH: run make build/node/stamp"
trust_root
plugin good "$HOSTILE" '.findings = "stdout"'
plugin talker "$HOSTILE"
plugin spoilt "$HOSTILE"
echo >>"$PLUGIN/spoilt"
plugin worded "$HOSTILE" '.name = "worded" | .version = "1"'
plugin narrow "$HOSTILE" '.resources = {memory: "16M"}'
mkdir -p "$PLUGIN/sub" "$TRUST/plugins/some"
cp -R "$TRUST/plugins/good" "$PLUGIN/sub/inner"
mv "$PLUGIN/sub/inner/good" "$PLUGIN/sub/inner/inner"
cp -R "$TRUST/plugins/good" "$TRUST/plugins/some/"
cp "$HOSTILE" "$TRUST/plugins/bare"
sign "$TRUST/plugins/bare"
(cd "$TRUST" && sha256sum plugins/bare) >>"$TRUST/ALLOWLIST"
# What only the operator could name: behind links, hidden, beside.
ln -s good "$TRUST/plugins/linked"
ln -s . "$TRUST/plugins/way"
cp -R "$TRUST/plugins/good" "$TRUST/plugins/.hidden"

# driven SECTION...: as $WHO.
driven() {
	AS=
	[ "$WHO" != user ] || [ "$(id -u)" -ne 0 ] || AS='setpriv --reuid=65533 --regid=65533 --clear-groups'
	ERR=$WORK/said
	timeout -k 5 120 env AS="$AS" OXG="$OXG" TRUST="$TRUST" OUT="$OUT" WORK="$WORK" WHO="$WHO" \
		node "$here/t/mcp.js" "$@" >"$WORK/told" 2>"$ERR"
	while IFS= read -r line; do
		case $line in
		ok*) N=$((N + 1)) && printf 'ok %s - %s\n' "$N" "${line#ok }" ;;
		not*) N=$((N + 1)) && BAD=$((BAD + 1)) && printf 'not ok %s - %s\n' "$N" "${line#not ok }" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$WORK/told"
	is "F174: ($WHO) $*: all was asked" "$(tail -n 1 "$WORK/told")" "# end"
	is "F174: ($WHO) $*: and node had nothing to say" "$(cat "$ERR")" ""
}

for who in $IDENTITIES; do
	become "$who"
	driven sdk cancelling leaving
done
become "${IDENTITIES%% *}"
driven schemas smuggling hostile framing
finish
