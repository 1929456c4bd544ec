# SPDX-License-Identifier: Apache-2.0
"""Results of a Python test, as TAP; what tap.sh is for shell tests."""

import os
import pathlib
import shutil
import sys

SOURCE = pathlib.Path(os.environ.get("POSTERN_SOURCE", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("POSTERN_BUILD", SOURCE / "build"))

count = 0
failed = 0


def comment(text):
    """A figure that was reached, or why something failed."""
    for line in str(text).splitlines():
        print("#", line, flush=True)


def result(name, wrong=()):
    """One result. `wrong` is what there is to complain about: nothing, a text, or a list of texts."""
    global count, failed
    count += 1
    failed += bool(wrong)
    print(f"{'not ok' if wrong else 'ok'} {count} - {name}", flush=True)
    for line in [wrong] if isinstance(wrong, str) else wrong:
        comment(line)


def skip(name, reason):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {reason}", flush=True)


def emulated(name, why):
    """Is this an emulator, which cannot give that result? Then it is skipped."""
    if "EMULATED" not in os.environ:
        return False
    skip(name, f"{os.environ['EMULATED']} {why}")
    return True


def need(*programs):
    """Without one of them there is nothing to test."""
    for program in programs:
        if not shutil.which(program):
            print(f"1..0 # SKIP {program} is not installed")
            sys.exit(0)


def is_running(pid):
    """A zombie, which nobody has reaped yet, does not run."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def done():
    print(f"1..{count}")
    sys.exit(failed > 0)
