#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tools/pre-commit, as the hooks of a small repository: commits that are well are made, others are refused and say why.

. "$(dirname "$0")/tap.sh"
tap_need git clang-format

tree=$tap_dir/tree
export HOME=$tap_dir GIT_CONFIG_GLOBAL=$tap_dir/gitconfig GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
git config --global user.name somebody
git config --global user.email somebody@localhost
git init -q "$tree"
cd "$tree" || exit 1
mkdir -p tools src bin
cp "$POSTERN_SOURCE/tools/pre-commit" tools
cp "$POSTERN_SOURCE/.clang-format" .
# Tests that pass as long as there is no file called broken.
printf '#!/bin/sh\n[ ! -e unbuildable ]\n' >tools/build
printf '#!/bin/sh\necho "meson $*" >>tests-that-ran\n[ ! -e broken ]\n' >bin/meson
chmod +x tools/build bin/meson
export PATH=$tree/bin:$PATH

# commits NAME SUBJECT / refused NAME SUBJECT WHY: all that lies in src/ and tools/ is committed.
attempt()
{
	git add src tools .clang-format
	output=$(git commit -q --allow-empty -m "$1" 2>&1)
}

commits()
{
	if attempt "$2"; then ok "$1"; else not_ok "$1" "$output"; fi
}

refused()
{
	if attempt "$2"; then
		not_ok "$1" 'it was committed'
	else
		tap_is "$1" "$(grep -c -- "$3" <<<"$output")" 1
	fi
}

tap_try 'it makes itself both hooks' tools/pre-commit --install
commits 'an order with its area is a subject' 'tools: add the check'
tap_is 'the short tests ran' "$(cat tests-that-ran)" 'meson test -C build --no-rebuild --suite short --print-errorlogs --quiet'
commits 'two areas are, too' 'src, cmd: address what the analyser says'
commits 'a file is an area' 'docs/ARCHITECTURE: name the layers'
commits 'a merge has the words of git' "Merge branch 'main'"
refused 'a subject without an area' 'Add the check' 'the subject is "area: what to do"'
refused 'one that tells of the past' 'tools: added the check' '"added" is none'
refused 'one that goes on' 'tools: adding the check' '"adding" is none'
refused 'one in the third person' 'tools: adds the check' '"adds" is none'
refused 'one that is a state' 'man: no row is broken' '"no" is none'
refused 'one with a full stop' 'tools: add the check.' 'without a full stop'
refused 'one that is a message' "tools: add $(printf 'word %.0s' {1..20})" '90 are enough'

printf 'int f(void)\n{\n\treturn 1;\n}\n' >src/a.c
commits 'a source that is laid out' 'src: add f'
printf 'int f(void) { return 1; }\n' >src/a.c
refused 'one that is not' 'src: shorten f' 'src/a.c: not laid out'
git add src
printf 'int f(void)\n{\n\treturn 1;\n}\n' >src/a.c
output=$(git commit -q -m 'src: shorten f' 2>&1)
tap_is 'what is staged counts, and not what lies there' "$? $(grep -c 'src/a.c: not laid out' <<<"$output")" '1 1'
printf 'blank \n' >src/note
refused 'blanks at the end of a line' 'src: add a note' 'src/note:1: trailing whitespace'
rm src/note
git add src

touch broken
refused 'a test that fails' 'src: break it' 'a test fails'
output=$(NO_TESTS=1 git commit -q --allow-empty -m 'src: leave the tests out' 2>&1)
tap_is 'which can be left out' "$? $output" '0 '
touch unbuildable
refused 'a tree that does not build' 'src: break it' 'it does not build'

rm -f "$tree/.git/hooks/commit-msg"
echo '#!/bin/sh' >"$tree/.git/hooks/pre-commit"
output=$(tools/pre-commit --install 2>&1)
tap_is 'a hook that exists is left alone, the other one is made' \
	"$? $(grep -c 'pre-commit exists' <<<"$output") $(cat .git/hooks/pre-commit) $(grep -c exec .git/hooks/commit-msg)" '1 1 #!/bin/sh 1'

# ---- what a code host runs, and where it sends reports ---------------------------------------------------

workflow=$POSTERN_SOURCE/.github/workflows/ci.yml
tap_is 'the workflow of a code host runs .ci/run, in one step' "$(sed -n 's/^ *run: \(\.ci.*\)/\1/p' "$workflow")" .ci/run
tap_is 'which is there, and can be run' "$(ls "$(test -x "$POSTERN_SOURCE/.ci/run" && echo "$POSTERN_SOURCE/.ci/run")")" "$POSTERN_SOURCE/.ci/run"
tap_is 'and names no host' "$(grep -oE '([a-z0-9-]+\.)+(com|org|io|net|dev)\b|https?:' "$workflow")" ''
tap_is 'SECURITY.md sends nobody to an address that may not exist' "$(grep -oE '[^ ]+@[^ ]+|https?://[^ )]+|mailto:' "$POSTERN_SOURCE/SECURITY.md" | grep -v '^https://cwe.mitre.org')" ''
tap_done
