#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# docs/INSTALL.md, line by line, in a copy of this tree: what it says to type is typed, and each program that it builds
# serves a name. sudo is one that installs into a directory, and nothing is asked of a package manager or of npm. Of the four
# packages that `make deb` makes, each file is in the one that its users install.

. "$(dirname "$0")/tap.sh"
tap_need git gcc make meson ninja pkg-config cmake dpkg-buildpackage dpkg-checkbuilddeps dpkg-deb dh lintian python3 socat
if ! git -C "$POSTERN_SOURCE" ls-files --error-unmatch docs/INSTALL.md >/dev/null 2>&1; then
	echo '1..0 # SKIP packages are made from a clone, and this is none'
	exit 0
fi

guide=$POSTERN_SOURCE/docs/INSTALL.md
tree=$tap_dir/tree
root=$tap_dir/root
export HOME=$tap_dir/home
mkdir -p "$tree" "$HOME" "$root" "$tap_dir/bin"

cat >"$tap_dir/bin/sudo" <<END
#!/bin/bash
# Installs below a directory; packages are unpacked there.
set -e
if [ "\$1 \$2" = 'apt-get install' ]; then
	for package in "\${@:3}"; do dpkg-deb -x "\$package" "$root/packages"; done
else
	"\$@" DESTDIR="$root/made"
fi
END
for name in apt-get apk dnf pacman npm; do
	printf '#!/bin/sh\necho "%s is not asked in a test" >&2\nexit 1\n' "$name" >"$tap_dir/bin/$name"
done
chmod +x "$tap_dir"/bin/*
export PATH=$tap_dir/bin:$PATH

# What is tracked, as it is now.
git -C "$tree" init -q
(cd "$POSTERN_SOURCE" && git ls-files -z | xargs -0 cp --parents -t "$tree")
git -C "$tree" add -A
[ ! -d "$POSTERN_SOURCE/review/grammars/node_modules" ] ||
	cp -r "$POSTERN_SOURCE/review/grammars/node_modules" "$tree/review/grammars"
# The build of this test is not that of who runs it.
unset MAKEFLAGS MAKELEVEL DESTDIR PREFIX V WERROR

# piece LANGUAGE N: the Nth piece of the guide in that language.
piece()
{
	awk -v language="$1" -v wanted="$2" '
		$0 == "```" { inside = 0 }
		inside && n == wanted { print }
		/^```[a-z]/ { inside = $0 == "```" language; n += inside }' "$guide"
}

# typed NAME N DIRECTORY: the Nth piece of shell, typed there; what it exports stays.
typed()
{
	local name=$1 n=$2
	cd "$3" || exit 1
	piece sh "$n" >"$tap_dir/typed.sh"
	if ! tap_output=$(bash -c 'set -e; . "$1"; export -p | sed "s/^declare -x/declare -gx/" >"$2"' typed "$tap_dir/typed.sh" "$tap_dir/exported.sh" 2>&1); then
		not_ok "$name" "$(cat "$tap_dir/typed.sh")
$tap_output"
		return
	fi
	# shellcheck disable=SC1091
	. "$tap_dir/exported.sh"
	ok "$name"
}

# serves NAME PROGRAM: it is an echo server, which a client of this build reaches.
serves()
{
	tap_start "$2" guide
	"$POSTERN_COMMAND" wait guide --deadline 10s
	tap_is "$1" "$(echo hello | "$POSTERN_COMMAND" connect guide --deadline 10s)" hello
	kill "$tap_pid"
	wait "$tap_pid" 2>/dev/null
}

tap_is 'the guide has as many pieces of shell as are run here' "$(grep -c '^```sh$' "$guide")" 11
typed 'make, and make install for everybody' 1 "$tree"
tap_is 'puts the command below /usr/local' "$("$root/made/usr/local/bin/postern" --version)" "$("$POSTERN_COMMAND" --version)"
typed 'make install without root' 2 "$tree"
tap_is 'puts the command into PATH' "$(command -v postern)" "$HOME/.local/bin/postern"

program()
{
	mkdir -p "$tap_dir/$1"
	cp "$tree/examples/echo-server.c" "$tap_dir/$1"
}

program pkg-config
typed 'a program finds it with pkg-config' 4 "$tap_dir/pkg-config"
serves 'and serves' "$tap_dir/pkg-config/echo-server"
program meson
piece meson 1 >"$tap_dir/meson/meson.build"
typed 'a program finds it with Meson' 5 "$tap_dir/meson"
serves 'and serves, built by Meson' "$tap_dir/meson/build/echo-server"
program cmake
piece cmake 1 >"$tap_dir/cmake/CMakeLists.txt"
typed 'a program finds it with CMake' 6 "$tap_dir/cmake"
serves 'and serves, built by CMake' "$tap_dir/cmake/build/echo-server"

typed 'the library is written as one file' 7 "$tree"
program one
cp "$tree"/build/amalgamation/postern.[ch] "$tap_dir/one"
typed 'a program has it inside' 8 "$tap_dir/one"
tap_is 'and needs no libpostern.so' "$(readelf -d "$tap_dir/one/echo-server" | grep -c libpostern)" 0
serves 'and serves, with the library inside' "$tap_dir/one/echo-server"

typed 'Debian packages are made, lintian is content, and they are installed' 3 "$tree"
tap_is 'with the library, what is needed to build, and the command' \
	"$(cd "$root/packages/usr" && ls bin/postern include/postern.h && cd lib/*-linux-gnu* && ls libpostern.so.0 libpostern.so)" \
	'bin/postern
include/postern.h
libpostern.so
libpostern.so.0'

# ---- what is in which package ----------------------------------------------------------------------------

packages=$tree/build/deb

# files PACKAGE: what it installs, without directories, the version's numbers and what Debian adds to each.
files()
{
	dpkg-deb --fsys-tarfile "$packages/$1"_*.deb | tar -t | grep -v '/$' |
		sed 's,^\./usr/,,; s,lib/[^/]*-linux-gnu[^/]*/,lib/ARCH/,' | grep -v '^share/doc/'
}

version=$(sed -n 's/.*POSTERN_VERSION *"\(.*\)"/\1/p' "$POSTERN_SOURCE/include/postern.h")
tap_is 'there are four packages, and those for debuggers' \
	"$(cd "$packages" && echo *.deb | sed 's/_[^ ]*//g')" \
	'libpostern-dev libpostern0-dbgsym libpostern0 postern-bridge-dbgsym postern-bridge postern-dbgsym postern'
tap_is 'libpostern0 has the library and nothing else' "$(files libpostern0 | sort | tr '\n' ' ')" \
	"lib/ARCH/libpostern.so.0 lib/ARCH/libpostern.so.$version "
tap_is 'libpostern-dev has every header' "$(files libpostern-dev | sed -n 's,^include/,,p' | sort)" \
	"$(cd "$POSTERN_SOURCE/include" && git ls-files | sort)"
tap_is 'and what links against the library' "$(files libpostern-dev | grep '^lib' | sort | tr '\n' ' ')" \
	'lib/ARCH/cmake/Postern/PosternConfig.cmake lib/ARCH/cmake/Postern/PosternConfigVersion.cmake lib/ARCH/libpostern.a lib/ARCH/libpostern.so lib/ARCH/pkgconfig/postern.pc '
tap_is 'and the manual of every function' \
	"$(files libpostern-dev | sed -n 's,^share/man/man3/\(.*\)\.gz$,\1,p' | sort)" \
	"$( (cd "$POSTERN_SOURCE/man" && git ls-files '*.3' &&
		sed -n "s/^ \{16\}'\(.*\)',$/\1.3/p" meson.build) | sort -u)"
tap_is 'postern has the command, units, completion and the other manual pages' \
	"$(files postern | grep -v '^lib/systemd/' | sort | tr '\n' ' ')" \
	'bin/postern lib/tmpfiles.d/postern.conf share/bash-completion/completions/postern share/man/man1/postern-review.1.gz share/man/man1/postern.1.gz share/man/man7/postern-services.7.gz share/man/man7/postern.7.gz share/zsh/vendor-completions/_postern '
tap_is 'its units among them' "$(files postern | sed -n 's,^lib/systemd/system/,,p' | sort | tr '\n' ' ')" \
	"$(cd "$POSTERN_SOURCE/dist" && git ls-files '*.service' '*.socket' | sort | tr '\n' ' ')"
tap_is 'postern-bridge has the bridge and its manual page' "$(files postern-bridge | sort | tr '\n' ' ')" \
	'libexec/postern/postern-bridge share/man/man1/postern-bridge.1.gz '
tap_is 'the command needs nothing but the C library' "$(dpkg-deb -f "$packages"/postern_*.deb Depends | sed 's/ (.*//')" libc6

# ---- what the other distributions are asked for ----------------------------------------------------------

# names COLUMN: of what `make` needs, in the order of the table of tools/setup.
names()
{
	sed -n 's/^\(run\|review\)|\([^|]*\)|.*/\2/p' "$POSTERN_SOURCE/tools/setup" | while read -r package; do
		awk -v package="$package" -v column="$1" '$1 == package { gsub(",", " ", $column); print $column }' "$POSTERN_SOURCE/tools/packages"
	done | tr '\n' ' ' | sed 's/ $//'
}

tap_is "Alpine's packages are those that tools/setup asks for" "$(piece sh 9)" "apk add $(names 2)"
tap_is "Fedora's are" "$(piece sh 10)" "dnf install $(names 3)"
tap_is "Arch's are" "$(piece sh 11)" "pacman -S --needed $(names 4)"
tap_done
