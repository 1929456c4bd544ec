#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/SERVICES.md, as it is read: its code is that of examples/clock, what it says to type is typed in a copy of that directory,
and what stands below a command is what the command prints."""

import pathlib
import re
import shutil
import subprocess
import tempfile

import tap
from installed import environment
from snippets import fences

GUIDE = (tap.SOURCE / "docs" / "SERVICES.md").read_text()
EXAMPLE = tap.SOURCE / "examples" / "clock"
LINES_MAX = 420
MARK = "=== {} typed ==="


def check_code():
    files = [path.read_text() for path in EXAMPLE.iterdir()]
    pieces = [text for language in ("varlink", "c", "meson") for text in fences(GUIDE, language)]
    tap.comment(f"{len(pieces)} pieces, {GUIDE.count(chr(10))} lines")
    tap.result("all_code_of_the_guide_is_that_of_the_example",
               [f"not in examples/clock:\n{text}" for text in pieces if not any(text in file for file in files)] or
               ([] if len(pieces) > 6 else "pieces are missing"))
    tap.result("the_guide_is_short", [] if GUIDE.count("\n") <= LINES_MAX else f"{GUIDE.count(chr(10))} lines")


def commands():
    """What is typed, and what is to be printed then; times and other figures may differ."""
    for text in fences(GUIDE, "console"):
        for piece in re.split(r"^\$ ", text, flags=re.M)[1:]:
            line, _, printed = piece.partition("\n")
            yield line, printed


def figures(text):
    return re.sub(r"\d+", "0", text)


def check_commands(env, directory):
    """All in one shell, since one starts what another asks and a third ends."""
    typed = list(commands())
    script = "exec 2>&1\n" + "".join(f"{line}\necho '{MARK.format(i)}'\n" for i, (line, _) in enumerate(typed))
    run = subprocess.run(["bash", "-c", script], cwd=directory, env=env, stdout=subprocess.PIPE, text=True, timeout=60)
    rest = run.stdout
    wrong = []
    for i, (line, wanted) in enumerate(typed):
        printed, mark, rest = rest.partition(MARK.format(i) + "\n")
        if not mark or figures(printed) != figures(wanted):
            wrong.append(f"$ {line}\nprints\n{printed}and not\n{wanted}")
    tap.comment(f"{len(typed)} commands")
    tap.result("what_the_guide_says_to_type_prints_what_it_shows", wrong or ([] if len(typed) > 20 else "commands are missing"))


def main():
    tap.need("gcc", "pkg-config", "bash", "jq", "socat")
    if not list((tap.BUILD / "src").glob("libpostern.so*")):
        print("1..0 # SKIP this build has no shared library")
        return
    check_code()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        shutil.copytree(EXAMPLE, directory / "clock")
        check_commands(environment(directory), directory / "clock")
    tap.done()


if __name__ == "__main__":
    main()
