#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people copy compiles where they paste it, in silence: every example, and each program of the README and of the
manual, as C11 and as C++20, with -Wall -Wextra, by gcc and by clang; and one header is enough for it.

g++ warns of fields that a designated initializer leaves out, in C++ only and against its own manual: that warning, and
no other, is switched off for g++.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import tap
from snippets import displays, fences

LANGUAGES = {
    "gcc": ["-xc", "-std=c11"],
    "clang": ["-xc", "-std=c11"],
    "g++": ["-xc++", "-std=c++20", "-Wno-missing-field-initializers"],
    "clang++": ["-xc++", "-std=c++20"],
}
# What an example of examples/loops needs beside ours; its headers are not held to our warnings.
HOSTS = {"glib": "glib-2.0", "libevent": "libevent_core", "libuv": "libuv", "sd-event": "libsystemd"}


def host_options(source):
    """What to compile an example with, or None where its event loop is not installed."""
    if source.parent.name != "loops":
        return []
    run = subprocess.run(["pkg-config", "--cflags", HOSTS[source.stem]], capture_output=True, text=True)
    return [option.replace("-I", "-isystem", 1) for option in run.stdout.split()] if run.returncode == 0 else None


def generated(directory):
    """For the examples that call a service, what they include."""
    for description in (tap.SOURCE / "examples").rglob("*.varlink"):
        subprocess.run([os.environ["POSTERN_COMMAND"], "generate", "--output", directory, description], check=True)


def programs():
    """Name, text, directory of its own headers, and options."""
    for source in sorted((tap.SOURCE / "examples").rglob("*.c")):
        options = host_options(source)
        if options is None:
            tap.comment(f"{source.name}: its event loop is not installed")
        else:
            yield str(source.relative_to(tap.SOURCE)), source.read_text(), source.parent, options
    documents = [("README.md", fences((tap.SOURCE / "README.md").read_text(), "c"))]
    documents += [(p.name, displays(p)) for p in sorted(tap.SOURCE.glob("man/*.[37]"))]
    for name, pieces in documents:
        for i, text in enumerate(t for t in pieces if "int main(" in t):
            yield f"{name}, program {i + 1}", text, tap.SOURCE, []


def said(compiler, text, include, options, directory):
    source = Path(directory, "program.c")
    source.write_text(text)
    return subprocess.run([compiler, "-fsyntax-only", "-D_GNU_SOURCE", "-Wall", "-Wextra", *LANGUAGES[compiler],
                           f"-I{tap.SOURCE}/include", f"-I{include}", *options, source],
                          capture_output=True, text=True).stderr


def main():
    tap.need("gcc", "pkg-config")
    known = list(programs())
    tap.comment(f"{len(known)} programs")
    tap.result("there are programs in the examples, the README and the manual",
               [] if len(known) > 25 else [name for name, *_ in known])
    tap.result("postern.h is the only header of ours that a program includes",
               [f"{name}: {header}" for name, text, *_ in known
                for header in re.findall(r"^#include <(postern/[^>]*)>", text, re.M)])
    with tempfile.TemporaryDirectory() as directory:
        generated(directory)
        for compiler, language in LANGUAGES.items():
            name = f"every program is silent {language[1].partition('=')[2]} for {compiler} -Wall -Wextra"
            if not shutil.which(compiler):
                tap.skip(name, f"{compiler} is not installed")
                continue
            tap.result(name, [f"{program}:\n{text}" for program, source, include, options in known
                              if (text := said(compiler, source, include, options, directory))])
    tap.done()


if __name__ == "__main__":
    main()
