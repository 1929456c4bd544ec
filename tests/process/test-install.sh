#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `make install` puts into a prefix is enough for a program outside of the tree: it is found by pkg-config, Meson
# and CMake, compiles as C and as C++ with pedantic warnings, and runs with the shared library and with the static one.
# The same program is built from the one-file form. `make uninstall` leaves nothing behind.

. "$(dirname "$0")/tap.sh"
tap_need gcc pkg-config meson

dest=$tap_dir/dest
# By this file the build directory knows what `make uninstall` has to remove, and that is not what is installed here.
log=$POSTERN_BUILD/meson-logs/install-log.txt
[ ! -e "$log" ] || cp "$log" "$tap_dir/install-log.txt"
restore_log()
{
	rm -f "$log"
	[ ! -e "$tap_dir/install-log.txt" ] || cp "$tap_dir/install-log.txt" "$log"
}
trap 'restore_log; tap_cleanup' EXIT

if ! DESTDIR=$dest meson install -C "$POSTERN_BUILD" --no-rebuild --quiet >"$tap_dir/install.log" 2>&1; then
	not_ok 'the build can be installed' "$(cat "$tap_dir/install.log")"
	tap_done
fi
ok 'the build can be installed'

pc=$(find "$dest" -name postern.pc)
tap_is 'there is one file for pkg-config' "$(wc -l <<<"$pc")" 1
prefix=$dest$(sed -n 's/^prefix=//p' "$pc")

# The prefix is where this test has put it, and what is installed on the machine is out of sight.
config()
{
	PKG_CONFIG_LIBDIR=$(dirname "$pc") pkg-config --define-variable=prefix="$prefix" "$@" postern
}

lib=$(config --variable=libdir)
tap_is 'pkg-config knows the version' "$(config --modversion)" "$("$prefix/bin/postern" --version | awk '{ print $NF }')"
tap_is 'every public header is installed' \
	"$(cd "$prefix/include" && find . -type f | sort)" \
	"$(cd "$POSTERN_SOURCE/include" && find . -name '*.h' -o -name '*.hpp' | sort)"
tap_is 'the shared library has its soname' \
	"$(readelf -d "$lib/libpostern.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" libpostern.so.0
tap_is 'nothing is installed that names the build directory' \
	"$(grep -rlF "$POSTERN_BUILD" "$dest" --include='*.pc' --include='*.h' --include='*.service')" ''

cat >"$tap_dir/echo.c" <<'END'
#include <postern.h>
#include <postern/client.h>
#include <postern/conn.h>
#include <postern/thread.h>
#include <stdio.h>
#include <string.h>

static struct postern_loop *loop;
static int failed = 1;

static size_t echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static void greet(struct postern_conn *c, int state, void *data)
{
	(void)data;
	if (state == POSTERN_STATE_CONNECTED && postern_conn_write(c, "hello", 5) != 5)
		postern_loop_stop(loop);
}

static size_t answer(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)data;
	if (n < 5)
		return 0;
	failed = memcmp(bytes, "hello", 5) != 0;
	printf("%.*s from %s, %zu queued\n", 5, (const char *)bytes, postern_version(), postern_conn_queued(c));
	postern_loop_stop(loop);
	return n;
}

int main(void)
{
	static struct postern_conn_events echoes, greets;
	static struct postern_server_events serves;
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(conn) conn = NULL;

	echoes.size = greets.size = sizeof greets;
	echoes.received = echo;
	greets.state = greet;
	greets.received = answer;
	serves.size = sizeof serves;
	serves.conn = &echoes;
	if (postern_loop_new(&loop) < 0)
		return 1;
	if (postern_server_new(&server, loop, "installed", NULL, &serves, NULL) < 0 ||
	    postern_connect(&conn, loop, "installed", NULL, &greets, NULL) < 0)
		fprintf(stderr, "%s\n", postern_why()->text);
	else if (postern_loop_run(loop) < 0)
		return 1;
	loop = postern_loop_free(loop);
	return failed;
}
END
cp "$tap_dir/echo.c" "$tap_dir/echo.cc"

# The same by postern.hpp.
cat >"$tap_dir/owners.cc" <<'END'
#include <iostream>
#include <postern.hpp>

int main()
try {
	postern::loop loop;
	postern::server_events echoes;
	postern::conn_events greets;
	echoes.conn.received = [](postern::conn_ref c, std::string_view b) { return size_t(c.write(b)); };
	greets.received = [&](postern::conn_ref c, std::string_view b) {
		std::cout << b << " from " << postern_version() << ", " << c.queued() << " queued\n";
		loop.stop();
		return b.size();
	};
	postern::server server(loop, "installed", std::move(echoes));
	postern::conn conn(loop, "installed", std::move(greets));
	postern::check(conn.write("hello"));
	return loop.run();
} catch (const std::exception &e) {
	std::cerr << e.what() << '\n';
	return 1;
}
END

version=$(config --modversion)
warnings='-Wall -Wextra -pedantic -Werror -O1'

# program NAME COMPILER ARGUMENT...: compiles, then runs, and says hello.
program()
{
	local name=$1 compiler=$2
	shift 2
	if ! command -v "$compiler" >/dev/null; then
		skip "$name" "$compiler is not installed"
		return
	fi
	rm -f "$tap_dir/echo"
	if ! tap_output=$("$compiler" "$@" -o "$tap_dir/echo" 2>&1); then
		not_ok "$name" "$tap_output"
		return
	fi
	tap_is "$name" "$(LD_LIBRARY_PATH=$lib timeout 20 "$tap_dir/echo" 2>&1)" "hello from $version, 0 queued"
}

# shellcheck disable=SC2046,SC2086
{
	program 'a C11 program runs with the shared library, gcc' \
		gcc -std=c11 $warnings "$tap_dir/echo.c" $(config --cflags --libs)
	program 'a C11 program runs with the shared library, clang' \
		clang -std=c11 $warnings "$tap_dir/echo.c" $(config --cflags --libs)
	program 'a C++17 program runs with the shared library, g++' \
		g++ -std=c++17 $warnings "$tap_dir/echo.cc" $(config --cflags --libs)
	program 'a C++17 program runs with the shared library, clang++' \
		clang++ -std=c++17 $warnings "$tap_dir/echo.cc" $(config --cflags --libs)
	program 'a program with postern.hpp runs, g++' \
		g++ -std=c++17 $warnings "$tap_dir/owners.cc" $(config --cflags --libs)
	program 'a program with postern.hpp runs, clang++' \
		clang++ -std=c++20 $warnings "$tap_dir/owners.cc" $(config --cflags --libs)
	program 'a C11 program runs with the static library' \
		gcc -std=c11 $warnings "$tap_dir/echo.c" $(config --cflags) -L"$lib" -Wl,-Bstatic -lpostern \
		-Wl,-Bdynamic -pthread
}
tap_is 'the static program needs no libpostern.so' "$(readelf -d "$tap_dir/echo" | grep -c libpostern)" 0

# ---- found by other builds -------------------------------------------------------------------------------

# built NAME PROGRAM COMMAND...: the command makes the program, which runs, and says hello.
built()
{
	local name=$1 program=$2
	shift 2
	if tap_output=$("$@" 2>&1); then
		tap_is "$name" "$(LD_LIBRARY_PATH=$lib timeout 20 "$program" 2>&1)" "hello from $version, 0 queued"
	else
		not_ok "$name" "$tap_output"
	fi
}

mkdir "$tap_dir/meson" "$tap_dir/cmake"
cp "$tap_dir/echo.c" "$tap_dir/meson"
cp "$tap_dir/echo.c" "$tap_dir/cmake"
cat >"$tap_dir/meson/meson.build" <<'END'
project('user', 'c', default_options: 'warning_level=2')
executable('echo', 'echo.c', dependencies: dependency('postern', version: '>= 0.1'))
END
cat >"$tap_dir/cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user C)
find_package(Postern 0.1 REQUIRED)
add_executable(echo echo.c)
target_link_libraries(echo Postern::postern)
END

with_meson()
{
	PKG_CONFIG_LIBDIR=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$dest \
		meson setup "$tap_dir/meson/build" "$tap_dir/meson" && ninja -C "$tap_dir/meson/build"
}

with_cmake()
{
	cmake -S "$tap_dir/cmake" -B "$tap_dir/cmake/build" -DCMAKE_PREFIX_PATH="$prefix" &&
		cmake --build "$tap_dir/cmake/build"
}

built "Meson's dependency() finds it" "$tap_dir/meson/build/echo" with_meson
if ! command -v cmake >/dev/null; then
	skip "CMake's find_package() finds it" 'cmake is not installed'
else
	built "CMake's find_package() finds it" "$tap_dir/cmake/build/echo" with_cmake
fi

mkdir "$tap_dir/qt"
cat >"$tap_dir/qt/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user CXX)
set(CMAKE_AUTOMOC ON)
find_package(Qt6 REQUIRED COMPONENTS Core)
find_package(Postern 0.1 REQUIRED)
add_executable(echo echo.cpp)
target_sources(echo PRIVATE ${Postern_QT_HEADER})
target_link_libraries(echo Postern::postern Qt6::Core)
END
cat >"$tap_dir/qt/meson.build" <<'END'
project('user', 'cpp', default_options: 'cpp_std=c++17')
postern = dependency('postern')
qt = dependency('qt6', modules: 'Core')
moc = import('qt6').compile_moc(headers: postern.get_variable('includedir') / 'postern-qt.hpp', dependencies: [qt, postern])
executable('echo', 'echo.cpp', moc, dependencies: [qt, postern])
END
cat >"$tap_dir/qt/echo.cpp" <<'END'
#include <QCoreApplication>
#include <cstdio>
#include <postern-qt.hpp>

int main(int argc, char **argv)
{
	QCoreApplication app(argc, argv);
	postern::qt::Server server;
	postern::qt::Connection c;
	QObject::connect(&server, &postern::qt::Server::newConnection, &app, [](postern::qt::Connection *k) {
		QObject::connect(k, &QIODevice::readyRead, k, [k] { k->write(k->readAll()); });
	});
	QObject::connect(&c, &QIODevice::readyRead, &app, [&] {
		std::printf("%s from %s, %d queued\n", c.readAll().constData(), postern_version(), int(c.bytesToWrite()));
		QCoreApplication::quit();
	});
	server.listen("installed");
	c.connectToServer("installed");
	c.write("hello");
	return app.exec();
}
END

qt_with_cmake()
{
	cmake -S "$tap_dir/qt" -B "$tap_dir/qt/cmake" -DCMAKE_PREFIX_PATH="$prefix" && cmake --build "$tap_dir/qt/cmake"
}

# Qt is found by what the machine has, Postern by what was installed here, whose .pc says where it will be.
qt_with_meson()
{
	mkdir "$tap_dir/pc"
	sed "s,^prefix=.*,prefix=$prefix," "$pc" >"$tap_dir/pc/postern.pc"
	PKG_CONFIG_PATH=$tap_dir/pc meson setup "$tap_dir/qt/meson" "$tap_dir/qt" && ninja -C "$tap_dir/qt/meson"
}

if ! pkg-config Qt6Core 2>/dev/null || ! command -v g++ >/dev/null; then
	skip 'a program with Qt has its moc from CMake' 'Qt 6 or g++ is not installed'
	skip 'a program with Qt has its moc from Meson' 'Qt 6 or g++ is not installed'
else
	if ! command -v cmake >/dev/null; then
		skip 'a program with Qt has its moc from CMake' 'cmake is not installed'
	else
		built 'a program with Qt has its moc from CMake' "$tap_dir/qt/cmake/echo" qt_with_cmake
	fi
	built 'a program with Qt has its moc from Meson' "$tap_dir/qt/meson/echo" qt_with_meson
fi

# ---- in one file -----------------------------------------------------------------------------------------

one=$tap_dir/one
tap_try 'the library can be written as one file' "$POSTERN_SOURCE/tools/amalgamate" "$one"
# There is one header then.
for source in echo.c echo.cc; do
	grep -v '^#include <postern/' "$tap_dir/$source" >"$one/$source"
done
warnings='-Wall -Wextra -Werror -O1'
# shellcheck disable=SC2086,SC2046
{
	program 'in one file, by gcc' gcc -std=c11 $warnings -I"$one" "$one/echo.c" "$one/postern.c" -pthread
	tap_is 'it needs no libpostern.so' "$(readelf -d "$tap_dir/echo" | grep -c libpostern)" 0
	program 'in one file, by clang' clang -std=c11 $warnings -I"$one" "$one/echo.c" "$one/postern.c" -pthread
	gcc -std=c11 $warnings -I"$one" -c "$one/postern.c" -o "$one/postern.o"
	for compiler in g++ clang++; do
		program "its header in C++17, by $compiler" $compiler -std=c++17 -pedantic $warnings -I"$one" \
			"$one/echo.cc" "$one/postern.o" -pthread
	done
	if qt=$(pkg-config --variable=libexecdir Qt6Core 2>/dev/null) && "$qt/moc" "$one/postern-qt.hpp" -o "$one/moc.cpp"; then
		program 'its postern-qt.hpp beside it' g++ -std=c++17 -fPIC -O1 -I"$one" $(pkg-config --cflags Qt6Core) \
			"$tap_dir/qt/echo.cpp" "$one/moc.cpp" "$one/postern.o" $(pkg-config --libs Qt6Core) -pthread
	else
		skip 'its postern-qt.hpp beside it' 'Qt 6 is not installed'
	fi
	program 'its postern.hpp beside it' g++ -std=c++17 -pedantic $warnings -I"$one" "$tap_dir/owners.cc" \
		"$one/postern.o" -pthread
}

# ---- and gone again --------------------------------------------------------------------------------------

tap_try 'it can be uninstalled' ninja -C "$POSTERN_BUILD" --quiet uninstall
tap_is 'uninstalling leaves no file behind' "$(find "$dest" -not -type d 2>/dev/null)" ''
tap_is 'and no directory of ours' "$(find "$dest" -type d -iname '*postern*' 2>/dev/null)" ''
tap_done
