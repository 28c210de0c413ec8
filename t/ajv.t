#!/bin/sh
# The validator of `oxg check` against ajv: some thousand documents, most of them spoilt,
# get one verdict from both.
# shellcheck source=/dev/null disable=SC2016,SC2154
. "${0%/*}/lib.sh"

trust_root
plugin hostile "$HOSTILE"
DEED=$PLUGIN
plugin knocker "$BUILD/plugins/knocker"
KNOCKS=$PLUGIN
plugin doer "$BUILD/plugins/doer"
DOES=$PLUGIN
plugin changed "$HOSTILE"
CHANGED=$PLUGIN
echo >>"$CHANGED/changed"
become "$WHO"
mkdir "$WORK/input"
echo x >"$WORK/input/x"
echo '{"task_id":"task 1"}' >"$WORK/task.json"

# also RUN-ARGUMENTS...: a folder more to take documents from.
FOLDERS=
also() {
	run "$@"
	FOLDERS="$FOLDERS $RUN"
}
also --task "$WORK/task.json" --input "$WORK/input" "$DEED" -- emit 3
also "$CHANGED"
also --timeout 200ms "$DEED" -- hang
also "$DEED" -- raise 11
also --audit "$KNOCKS" -- connect
also --audit "$DOES" -- processes
also "$DEED" -- true
also --allow-unsigned "$HOSTILE" -- true

# shellcheck disable=SC2086
check "F156: ajv judges what was made" sh -c 'node "$@" >"$0"' "$WORK/cases" "$here/t/mutate.js" "$here/schema" $FOLDERS
cut -f 2- "$WORK/cases" | "$BUILD/unit/schema" verdicts >"$WORK/verdicts"
is "F156: every case has a verdict" "$(wc -l <"$WORK/verdicts")" "$(wc -l <"$WORK/cases")"
cut -f 1 "$WORK/cases" | paste - "$WORK/verdicts" | cut -c1-5 | sed 's/\t/ /; s/ *$//' >"$WORK/pairs"
cut -f 2 "$WORK/cases" | sed 's/^{.*/(keywords)/' | paste - "$WORK/pairs" | sort | uniq -c | sed 's/^/# /'
cut -f 2 "$WORK/cases" | sed 's/^{.*/{/' | sort -u >"$WORK/schemas"
check "F156: all the schemas there were when this was written" within 13 "$(wc -l <"$WORK/schemas")" 100
while read -r schema; do
	is "F156: $schema: one verdict" "$(paste "$WORK/cases" "$WORK/verdicts" | awk -F '\t' -v s="$schema" \
		'($2 == s || (s == "{" && substr($2, 1, 1) == s)) && $1 != substr($4, 1, 3 - ($1 == "no"))' | cut -c1-600)" ""
	check "F156: $schema: both verdicts many times (the test can fail)" awk -F '\t' -v s="$schema" \
		'$2 == s || (s == "{" && substr($2, 1, 1) == s) { n[$1]++ } END { exit !(n["yes"] > 20 && n["no"] > 100) }' "$WORK/cases"
done <"$WORK/schemas"
finish
