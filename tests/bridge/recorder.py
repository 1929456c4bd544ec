#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service in a process of its own, which may be killed: it writes down what it was called with before it answers.

recorder.py SOCKET FILE
"""

import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import harness  # noqa: E402


class Recorder(harness.Service):
    def __init__(self, path, file):
        self.file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        super().__init__(path)

    def _answer(self, method, p):
        if method == "Note":
            os.write(self.file, (p["text"] + "\n").encode())
        return super()._answer(method, p)


def main():
    path, file = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parent = os.getppid()
    pathlib.Path(path).unlink(missing_ok=True)
    Recorder(path, file)
    threading.stack_size(256 * 1024)
    print("ready", file=sys.stderr, flush=True)
    while os.getppid() == parent:
        time.sleep(0.2)


if __name__ == "__main__":
    main()
