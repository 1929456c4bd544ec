#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `make deb` makes four packages that lintian has nothing against, and each file is in the one that its users install.

. "$(dirname "$0")/tap.sh"
tap_need git dpkg-buildpackage dpkg-checkbuilddeps dpkg-deb lintian dh
if ! git -C "$POSTERN_SOURCE" ls-files --error-unmatch dist/debian/control >/dev/null 2>&1; then
	echo '1..0 # SKIP packages are made from a clone, and this is none'
	exit 0
fi

packages=$tap_dir/packages
tap_try 'the packages are built, and lintian is content' "$POSTERN_SOURCE/tools/deb" "$packages"
[ "$tap_failed" -eq 0 ] || tap_done

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
		git show HEAD:./meson.build | sed -n "s/^ \{16\}'\(.*\)',$/\1.3/p") | sort -u)"
tap_is 'postern has the command, units, completion and the other manual pages' \
	"$(files postern | grep -v '^lib/systemd/' | sort | tr '\n' ' ')" \
	'bin/postern lib/tmpfiles.d/postern.conf share/bash-completion/completions/postern share/man/man1/postern-review.1.gz share/man/man1/postern.1.gz share/man/man7/postern-services.7.gz share/man/man7/postern.7.gz share/zsh/vendor-completions/_postern '
tap_is 'its units among them' "$(files postern | sed -n 's,^lib/systemd/system/,,p' | sort | tr '\n' ' ')" \
	"$(cd "$POSTERN_SOURCE/dist" && git ls-files '*.service' '*.socket' | sort | tr '\n' ' ')"
tap_is 'postern-bridge has the bridge and its manual page' "$(files postern-bridge | sort | tr '\n' ' ')" \
	'libexec/postern/postern-bridge share/man/man1/postern-bridge.1.gz '
tap_is 'the command needs nothing but the C library' "$(dpkg-deb -f "$packages"/postern_*.deb Depends | sed 's/ (.*//')" libc6
tap_done
