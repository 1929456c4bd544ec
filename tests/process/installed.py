# SPDX-License-Identifier: Apache-2.0
"""This build as if it were installed, for tests that build programs as users do."""

import os
import re
import shutil

import tap

POSTERN = os.environ["POSTERN_COMMAND"]


def prefix_of(directory):
    """What is installed: headers, the library, the command, and the files by which others find them."""
    config = (tap.BUILD / "meson-private" / "postern.pc").read_text()
    libdir = re.search(r"^libdir=\$\{prefix\}/(.*)", config, re.M)[1]
    prefix = directory / "prefix"
    lib = prefix / libdir
    (lib / "pkgconfig").mkdir(parents=True)
    (lib / "cmake" / "Postern").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "include").symlink_to(tap.SOURCE / "include")
    (prefix / "bin" / "postern").symlink_to(POSTERN)
    (lib / "pkgconfig" / "postern.pc").write_text(re.sub(r"^prefix=.*", f"prefix={prefix}", config, flags=re.M))
    for path in (tap.BUILD / "src").glob("libpostern.so*"):
        if path.is_file():
            (lib / path.name).symlink_to(path)
    for path in (tap.BUILD / "src").glob("*.cmake"):
        shutil.copy(path, lib / "cmake" / "Postern")
    return prefix, lib


def environment(directory):
    """One in which Postern is found by programs, pkg-config and CMake, with a directory for names."""
    prefix, lib = prefix_of(directory)
    (directory / "sockets").mkdir()
    return {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}", "PKG_CONFIG_PATH": str(lib / "pkgconfig"),
            "CMAKE_PREFIX_PATH": str(prefix), "LD_LIBRARY_PATH": str(lib), "POSTERN_DIR": str(directory / "sockets")}
