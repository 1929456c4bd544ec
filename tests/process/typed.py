# SPDX-License-Identifier: Apache-2.0
"""The commands in a document: they are typed, and what stands below one is what it prints."""

import re
import subprocess

import tap
from snippets import fences

MARK = "=== {} typed ==="


def commands(text):
    """What is typed, and what is to be printed then; times and other figures may differ."""
    for fence in fences(text, "console"):
        for piece in re.split(r"^\$ ", fence, flags=re.M)[1:]:
            line, _, printed = piece.partition("\n")
            yield line, printed


def figures(text):
    return re.sub(r"\d+", "0", text)


def check_commands(text, env, directory, least):
    """All in one shell, since one starts what another asks and a third ends."""
    typed = list(commands(text))
    script = "exec 2>&1\n" + "".join(f"{line}\necho '{MARK.format(i)}'\n" for i, (line, _) in enumerate(typed))
    run = subprocess.run(["bash", "-c", script], cwd=directory, env=env, stdout=subprocess.PIPE, text=True, timeout=60)
    rest = run.stdout
    wrong = []
    for i, (line, wanted) in enumerate(typed):
        printed, mark, rest = rest.partition(MARK.format(i) + "\n")
        if not mark or figures(printed) != figures(wanted):
            wrong.append(f"$ {line}\nprints\n{printed}and not\n{wanted}")
    tap.comment(f"{len(typed)} commands")
    tap.result("what_the_guide_says_to_type_prints_what_it_shows", wrong or ([] if len(typed) > least else "commands are missing"))
