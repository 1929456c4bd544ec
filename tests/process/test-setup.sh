#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tools/setup on machines that this one is not: with apk, dnf or pacman, without any of them, without root, without npm.
# PATH has just what such a machine has, and its package managers write down what they are asked for.

. "$(dirname "$0")/tap.sh"

tree=$tap_dir/tree
bin=$tap_dir/bin
asked=$tap_dir/asked
mkdir -p "$tree/review/grammars" "$bin"
cp -r "$POSTERN_SOURCE/tools" "$tree"
touch "$tree/meson.build"
for program in bash sh env dirname cat grep sed tr mktemp tail rm touch; do
	ln -s "$(command -v "$program")" "$bin/$program"
done

# program NAME STATUS [OUTPUT]: writes down how it was called, and ends so.
program()
{
	printf '#!/bin/sh\necho "%s $*" >>"%s"\n%s\nexit %s\n' "$1" "$asked" "${3:+echo $3}" "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

without()
{
	local name
	for name; do rm -f "$bin/$name"; done
}

# setup ARGUMENT...: in $output what it says, in $status how it ends, in $asked what it asked others for.
setup()
{
	rm -f "$asked"
	: >"$asked"
	status=0
	output=$(PATH=$bin "$bin/sh" "$tree/tools/setup" "$@" 2>&1 </dev/null) || status=$?
}

managers='apt-get apk dnf pacman'

# ---- names of other distributions ------------------------------------------------------------------------

program gcc 1
program id 0 0
# The C library's headers may be there: they are looked for by path.
declare -A expected=(
	[apt-get]='apt-get install ninja-build meson pkg-config python3 socat libtree-sitter-dev nodejs npm'
	[apk]='apk add samurai meson pkgconf python3 socat tree-sitter-dev nodejs npm'
	[dnf]='dnf install ninja-build meson pkgconf-pkg-config python3 socat libtree-sitter-devel nodejs nodejs-npm'
	[pacman]='pacman -S --needed ninja meson pkgconf python socat tree-sitter nodejs npm'
)
declare -A calls=(
	[apt-get]='apt-get -q -y -o DPkg::Lock::Timeout=120 install --no-install-recommends'
	[apk]='apk add'
	[dnf]='dnf -q -y install'
	[pacman]='pacman -S --needed --noconfirm'
)
for manager in $managers; do
	program "$manager" 0
	setup --dry-run make
	told=$(sed -n 's/^tools\/setup: as root: //p' <<<"$output" | sed 's/ \(libc6-dev\|musl-dev linux-headers\|glibc-devel\|glibc\)\( \|$\)/\2/')
	tap_is "what is missing is named as $manager knows it" "$told" "${expected[$manager]}"
	tap_is "and a dry run of $manager installs nothing" "$status $(grep -c "^$manager" "$asked")" '1 0'
	setup make
	tap_is "$manager is asked for it, and never asks back" \
		"$(grep "^${calls[$manager]} " "$asked" | grep -c "${expected[$manager]##*install }\|$(sed 's/.*\(meson .*\)/\1/' <<<"${expected[$manager]}")")" 1
	without "$manager"
done

named=$(sed -n 's/^\([a-z0-9+.-]*\) .*/\1/p' "$POSTERN_SOURCE/tools/packages")
tap_is 'all that `make` and `make check` need has a name in each distribution' \
	"$(sed -n 's/^\(run\|review\|check\)|\([^|]*\)|.*/\2/p' "$POSTERN_SOURCE/tools/setup" | grep -vxF "$named")" ''
tap_is 'each line of tools/packages has four names' "$(grep -v '^#' "$POSTERN_SOURCE/tools/packages" | awk 'NF != 4')" ''

# ---- what cannot be had ----------------------------------------------------------------------------------

setup make
tap_is 'without a package manager it says what is missing and ends' \
	"$status $(grep -c 'there is no package manager that is known here; as root: install what Debian calls' <<<"$output")" '1 1'

# From here on all is there but the reviewer's npm.
for name in gcc ninja meson pkg-config python3 socat node; do
	program "$name" 0
done
setup run
tap_is 'what is ready needs no package manager, and no word' "$status$output" 0
setup make
tap_is 'no npm and no package manager: one line says so, and the build goes on' "$status $(wc -l <<<"$output") $output" \
	'0 1 tools/setup: everything but `postern review` can be built; for that: as root (there is no package manager that is known here): install what Debian calls npm; then make again'
setup review
tap_is 'where the reviewer alone is asked for, this is an error' "$status $(grep -c 'as root: install what Debian calls npm$' <<<"$output")" '1 1'

program apt-get 0
program id 0 1000
setup make
tap_is 'no npm, not root, no sudo: one line' "$status $(wc -l <<<"$output") $output" \
	'0 1 tools/setup: everything but `postern review` can be built; for that: as root (not root and no sudo): apt-get install npm; then make again'
program sudo 1
setup make
tap_is 'no npm, and sudo is refused: one line' "$status $(wc -l <<<"$output") $(grep -c 'sudo is refused' <<<"$output")" '0 1 1'
without sudo

program id 0 0
program apt-get 100 'no network'
setup make
tap_is 'a package that cannot be fetched is no reason not to build the rest' \
	"$status $(grep -c 'everything but `postern review` can be built' <<<"$output")" '0 1'
without socat
setup make
tap_is 'one that the build itself needs is' "$status $(grep -c 'apt-get install failed' <<<"$output")" '1 1'
program socat 0

program npm 1 'network is unreachable'
mkdir -p "$tree/review/grammars/node_modules/half"
setup make
tap_is 'no network: npm is heard, the build goes on, and nothing half is left' \
	"$status $(grep -c 'network is unreachable' <<<"$output") $(grep -c 'make again where there is a network' <<<"$output") $(ls "$tree/review/grammars")" '0 1 1 '

# ---- Debian packages -------------------------------------------------------------------------------------

# installed NAME...: all that this machine's dpkg has.
installed()
{
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nfor last; do :; done\ncase " %s " in *" $last "*) printf installed ;; *) exit 1 ;; esac\n' "$*" >"$bin/dpkg-query"
	chmod +x "$bin/dpkg-query"
}

program apt-get 0
for name in dpkg-buildpackage lintian dh npm; do
	program "$name" 0
done
all='build-essential debhelper meson ninja-build pkgconf libtree-sitter-dev libnats-dev'
mkdir -p "$tree/review/grammars/node_modules/tree-sitter-cpp/src"
touch "$tree/review/grammars/node_modules/tree-sitter-cpp/src/parser.c"
installed "$all"
setup --dry-run deb
tap_is 'all of debhelper is enough' "$status$output" 0
# A dh is in PATH; debhelper is not what dpkg calls installed.
for name in build-essential debhelper meson ninja-build libtree-sitter-dev libnats-dev; do
	# shellcheck disable=SC2086
	installed $(tr ' ' '\n' <<<"$all" | grep -vx "$name")
	setup --dry-run deb
	tap_is "a machine without the package $name is told so" "$status ${output##*as root: }" "1 apt-get install $name"
done
installed "$all"
without dpkg-buildpackage
setup --dry-run deb
tap_is 'and so is one without dpkg-dev' "$status ${output##*as root: }" '1 apt-get install dpkg-dev'
without dpkg-query
setup deb
tap_is 'where there is no dpkg no Debian package is tried' "$status $output" \
	'1 tools/setup: Debian packages are built on Debian and its derivatives, and there is no dpkg here'
tap_done
