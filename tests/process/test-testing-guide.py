#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/TESTING.md, "Testing your own service", as it is read: typed in a copy of examples/clock."""

import pathlib
import shutil
import tempfile

import tap
from installed import environment
from typed import check_commands

GUIDE = (tap.SOURCE / "docs" / "TESTING.md").read_text()


def main():
    tap.need("gcc", "pkg-config", "bash")
    if not list((tap.BUILD / "src").glob("libpostern.so*")):
        print("1..0 # SKIP this build has no shared library")
        return
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        shutil.copytree(tap.SOURCE / "examples" / "clock", directory / "clock")
        check_commands(GUIDE, environment(directory), directory / "clock", 20)
    tap.done()


if __name__ == "__main__":
    main()
