#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/pictures/ are what their texts give, and the texts are right about the interface."""

import re
import runpy
import shutil
import tempfile
from pathlib import Path

import tap

pictures = runpy.run_path(str(tap.SOURCE / "tools" / "pictures"), run_name="pictures")
HEADER = (tap.SOURCE / "include" / "postern.h").read_text()


def check_rendered(source, directory):
    name = f"{source.stem}_svg_is_what_{source.name.replace('.', '_')}_gives".replace("-", "_")
    program = pictures["PROGRAMS"][source.suffix]
    kept = source.with_suffix(".svg")
    if not kept.exists():
        tap.result(name, f"there is no {kept.name}: run make pictures")
        return
    if (mark := pictures["mark"](source)) not in kept.read_text():
        tap.result(name, f"it was made from another text or other figures, not {mark.split()[-1]}: run make pictures")
        return
    if not shutil.which(program):
        tap.skip(name, f"{program} is not installed")
        return
    if (version := pictures["version"](source)) not in kept.read_text():
        tap.skip(name, f"it was rendered by another version than {version}")
        return
    made = Path(directory, kept.name)
    pictures["render"](source, made)
    has, gives = (pictures["content"](p.read_text()) for p in (kept, made))
    wrong = [f"part {n}: {a!r}, and the text gives {b!r}" for n, (a, b) in enumerate(zip(has, gives)) if a != b][:5]
    if len(has) != len(gives):
        wrong.append(f"{len(has)} parts, and the text gives {len(gives)}")
    tap.result(name, wrong and [*wrong, "run make pictures"])


def check_states():
    """The states drawn are those that the header has, and each reason in the picture exists."""
    text = (pictures["PICTURES"] / "connection.dot").read_text()
    drawn = set(re.findall(r"^\t([A-Z]+) ->", text, re.M)) | set(re.findall(r"-> ([A-Z]+)\b", text))
    states = set(re.findall(r"\bPOSTERN_STATE_([A-Z]+)\s*=", HEADER))
    reasons = set(re.findall(r"\bPOSTERN_REASON_([A-Z_]+)\b", HEADER))
    told = set(re.findall(r"\b[A-Z][A-Z_]{3,}\b", "".join(re.findall(r'label="([^"]*)"', text)).replace("POSTERN_STATE_", "")))
    wrong = [f"drawn {sorted(drawn)}, postern.h has {sorted(states)}"] if drawn != states else []
    wrong += [f"there is no POSTERN_REASON_{reason}" for reason in sorted(told - reasons - states)]
    tap.comment(f"{len(states)} states, {len(told & reasons)} reasons")
    tap.result("the_states_drawn_are_those_of_the_header", wrong)


def check_figures():
    plots = list(pictures["PICTURES"].glob("bench-*.gp"))
    wrong = [p.name for p in plots if not re.search(r"^# Made by make bench, on: Linux \S+, .+, \d+ CPUs$", p.read_text(), re.M)]
    tap.result("the_figures_name_their_machine", wrong if plots else "there are no plots of the benchmark")


def main():
    with tempfile.TemporaryDirectory() as directory:
        for source in pictures["sources"]():
            check_rendered(source, directory)
    check_states()
    check_figures()
    tap.done()


if __name__ == "__main__":
    main()
