# SPDX-License-Identifier: Apache-2.0
"""The pieces of C in documents, and whether they compile."""

import re
import shutil
import subprocess
from pathlib import Path

import tap

LIBRARY = tap.BUILD / "src"

# A piece of C that is no program may use what these declare.
PRELUDE = "".join(f"#include <{h}>\n" for h in [
    "postern.h", "postern/client.h", "postern/conn.h", "postern/frame.h", "postern/json.h", "postern/loop.h", "postern/name.h",
    "postern/server.h", "postern/thread.h", "errno.h", "stdio.h", "stdlib.h", "string.h", "sys/socket.h", "sys/un.h",
    "time.h", "unistd.h"])


def fences(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def displays(page):
    """The literal displays of a page that are C: they have a body in braces, and no prompt."""
    for text in re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$", page.read_text(), re.M | re.S):
        if "\n{\n" in text:
            yield text.replace("\\e", "\\").replace("\\&", "")


def compiled(text, directory):
    """What gcc says of it: nothing when it is well. A program is linked too."""
    program = "int main(" in text
    source = Path(directory, "text.c")
    source.write_text(text if program else PRELUDE + text)
    options = ["-Wall", "-Werror", "-Wno-unused-function", f"-I{tap.SOURCE}/include", f"-I{directory}", str(source)]
    if program:
        options += ["-o", f"{directory}/text", str(LIBRARY / "libpostern.a"), "-pthread"]
    else:
        options += ["-fsyntax-only"]
    # The library may be instrumented; its objects then want the same of whoever links them.
    if program and not linkable():
        options = [*options[:6], "-fsyntax-only"]
    return subprocess.run(["gcc", *options], capture_output=True, text=True).stderr


def linkable():
    nm = subprocess.run(["nm", "-u", str(LIBRARY / "libpostern.a")], capture_output=True, text=True)
    return nm.returncode == 0 and not re.search(r"__(asan|tsan|ubsan)_", nm.stdout)


def qt_options():
    """What g++ needs for Qt, or None where either is not there."""
    if not shutil.which("g++") or not shutil.which("pkg-config"):
        return None
    run = subprocess.run(["pkg-config", "--cflags", "Qt6Core", "Qt6Network"], capture_output=True, text=True)
    return ["-fPIC", *run.stdout.split()] if run.returncode == 0 else None


def compiled_qt(pieces, directory):
    """The same for pieces of C++ with Qt, each in a namespace of its own: its headers cost more than all the rest."""
    source = Path(directory, "text.cpp")
    headers = ["QLocalServer", "QLocalSocket", "QSocketNotifier", "QDebug", "postern-qt.hpp"]
    source.write_text("".join(f"#include <{h}>\n" for h in headers) +
                      "".join(f"namespace piece_{i} {{\n{text}}}\n" for i, text in enumerate(pieces)))
    options = ["-std=c++17", "-Wall", "-Werror", "-Wno-unused-function", f"-I{tap.SOURCE}/include", *qt_options()]
    return subprocess.run(["g++", "-fsyntax-only", *options, source], capture_output=True, text=True).stderr
