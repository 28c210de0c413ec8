#!/bin/sh
# headers.sh: reads recorded HTTP answers (*.http) and reports what they give away.
# ../README tells how to run it and what to expect.
set -eu

cd "$OXG_WORKSPACE/input"

# tell SEVERITY TYPE MESSAGE LINE EVIDENCE, of $file.
tell() {
	oxg broker finding emit --severity "$1" --type "headers.$2" --message "$3" \
		--target "$file:$4" --evidence "$5" >/dev/null
}

for file in *.http; do
	number=0
	policy=
	while IFS= read -r line && [ -n "$line" ]; do
		number=$((number + 1))
		case $line in
		Set-Cookie:*HttpOnly*) ;;
		Set-Cookie:*) tell high cookie "a cookie that scripts can read" $number "${line%%=*}" ;;
		Server:*/*) tell low version "the server tells its version" $number "$line" ;;
		Location:\ http://*) tell med redirect "a redirect without TLS" $number "$line" ;;
		Content-Security-Policy:*) policy=yes ;;
		esac
	done <"$file"
	[ -n "$policy" ] || tell info csp "no Content-Security-Policy" 1 "$(head -n 1 "$file")"
done
