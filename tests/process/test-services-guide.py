#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/SERVICES.md, as it is read: its code is that of examples/clock, what it says to type is typed in a copy of that directory,
and what stands below a command is what the command prints."""

import pathlib
import shutil
import tempfile

import tap
from installed import environment
from snippets import fences
from typed import check_commands

GUIDE = (tap.SOURCE / "docs" / "SERVICES.md").read_text()
EXAMPLE = tap.SOURCE / "examples" / "clock"
LINES_MAX = 420


def check_code():
    files = [path.read_text() for path in EXAMPLE.iterdir()]
    pieces = [text for language in ("varlink", "c", "meson") for text in fences(GUIDE, language)]
    tap.comment(f"{len(pieces)} pieces, {GUIDE.count(chr(10))} lines")
    tap.result("all_code_of_the_guide_is_that_of_the_example",
               [f"not in examples/clock:\n{text}" for text in pieces if not any(text in file for file in files)] or
               ([] if len(pieces) > 6 else "pieces are missing"))
    tap.result("the_guide_is_short", [] if GUIDE.count("\n") <= LINES_MAX else f"{GUIDE.count(chr(10))} lines")


def main():
    tap.need("gcc", "pkg-config", "bash", "jq", "socat")
    if not list((tap.BUILD / "src").glob("libpostern.so*")):
        print("1..0 # SKIP this build has no shared library")
        return
    check_code()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        shutil.copytree(EXAMPLE, directory / "clock")
        check_commands(GUIDE, environment(directory), directory / "clock", 20)
    tap.done()


if __name__ == "__main__":
    main()
