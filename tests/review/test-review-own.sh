#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Postern's own sources under its own reviewer: nothing is found, advice included, and what is silenced says
# why. The programs in tests/review/ are defective on purpose and stay out. TAP.
# shellcheck source=tests/process/tap.sh
. "$(dirname "$0")/../process/tap.sh"

cd "${POSTERN_SOURCE:?}" || exit 1
if ! "$POSTERN_COMMAND" review --rules >/dev/null 2>&1; then
	echo '1..0 # SKIP the command was built without the reviewer'
	exit 0
fi

folders=(src include cmd bridge bench review)
# What docs/FROM_QT.md starts from is defective on purpose: test-from-qt.sh has it reviewed.
for program in examples/*.c examples/*/*.{c,h,cpp}; do
	[ "$program" = examples/from-qt/before.cpp ] || folders+=("$program")
done
programs=(tests/*.[ch] tests/{unit,api,fault,law,process})

report=$("$POSTERN_COMMAND" review "${folders[@]}" "${programs[@]}" 2>"$tap_dir/complaints")
status=$?
# Advice alone gives status 0 too: there must be nothing but the line at the end.
if [ $status -eq 0 ] && [[ $report =~ ^checked\ [1-9] ]]; then
	ok 'there is no finding, advice included'
else
	not_ok 'there is no finding, advice included' "status $status
$report"
fi
note "$(tail -n 1 <<<"$report")"
tap_is 'nothing is complained of' "$(cat "$tap_dir/complaints")" ''

# Apart from what the reviewer itself says to one without a reason: the rules, a blank, and two words at least.
mark='postern-review''[:] ignore'
grep -rnE --include='*.[ch]' --include='*.cpp' --exclude-dir=node_modules "/[/*] *$mark" \
	"${folders[@]}" "${programs[@]}" >"$tap_dir/silenced"
unexplained=$(grep -vE "$mark [A-Z][0-9](,[A-Z][0-9])* +[^ *]+ +[^ *]+" "$tap_dir/silenced")
tap_is 'each suppression says why' "$unexplained" ''
note "$(wc -l <"$tap_dir/silenced") suppressions"
sed 's/^/# /' "$tap_dir/silenced"
tap_done
