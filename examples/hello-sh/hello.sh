#!/bin/sh
# hello.sh: a plugin in POSIX sh. It reports every line marked FIXME below
# /workspace/input. Its only way out is "oxg broker", which the jail puts into
# /bin when a runtime is given:
#
#   oxg run --runtime system --input TREE examples/hello-sh
set -eu

oxg broker log "hello from run $OXG_RUN_ID" >/dev/null

# The task is there only when the operator gave one with --task.
if [ -e "$OXG_WORKSPACE/task.json" ]; then
	oxg broker task pull --out "$OXG_WORKSPACE/copy.json"
	echo "task: $(wc -c <"$OXG_WORKSPACE/copy.json") bytes"
fi

if ! cd "$OXG_WORKSPACE/input" 2>/dev/null; then
	echo "hello-sh: nothing to read; give --input PATH" >&2
	exit 2
fi

# A file name with a colon would be told wrong; an example may stay short.
# Fail closed: a finding that the broker does not take ends the plugin.
grep -rnI FIXME . | sort >"$OXG_WORKSPACE/lines" || true
while IFS=: read -r file line text; do
	oxg broker finding emit --type note.fixme --severity info \
		--message "a line marked FIXME" --target "${file#./}:$line" \
		--evidence "$text" >/dev/null
done <"$OXG_WORKSPACE/lines"
# Kept as artifacts/lines.txt of the run folder.
oxg broker artifact put lines.txt "$OXG_WORKSPACE/lines" >/dev/null
echo "done: $(wc -l <"$OXG_WORKSPACE/lines") lines"
