#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The probes of base/probe.h: they are in the binary, and have the arguments that it says, as a debugger sees them."""

import os
import pathlib
import re
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
CLOCK = tap.SOURCE / "tests" / "generate" / "org.example.clock.varlink"
NOW = "org.example.clock.Now"
PROBES = {"accept": "uid=%d pid=%d", "call": "method=%s bytes=%d", "answer": "bytes=%d final=%d", "end": "reason=%d error=%d"}


def debugged(path):
    """Lines of the probes while two calls were made, by this process's children."""
    script = path / "gdb"
    lines = ["set pagination off", "set confirm off", "handle all nostop noprint pass"]
    for name, text in PROBES.items():
        lines += [f"break -probe-stap postern:{name}", "commands", "silent",
                  f'printf "{name} {text}\\n", $_probe_arg1, $_probe_arg2', "continue", "end"]
    script.write_text("\n".join([*lines, "run", ""]))
    (path / "now").write_text("#!/bin/sh\necho '{\"time\":\"12:00\"}'\n")
    (path / "now").chmod(0o755)
    environment = dict(os.environ, POSTERN_DIR=str(path), LC_ALL="C")
    with (path / "log").open("w") as log:
        server = subprocess.Popen(["gdb", "-batch", "-nx", "-x", str(script), "--args", POSTERN, "serve", "clock", "--interface",
                                   str(CLOCK), "--method", NOW, str(path / "now")],
                                  env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    log = path / "log"
    until = time.monotonic() + 30 * SCALE
    while "ready" not in log.read_text() and server.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    for method in (NOW, "org.example.clock.No"):
        subprocess.run([POSTERN, "call", "clock", method], env=environment, capture_output=True, check=False, timeout=60 * SCALE)
    # The debugger passes it on.
    for pid in subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True, check=False).stdout.split():
        os.kill(int(pid), 15)
    try:
        server.wait(20 * SCALE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    return log.read_text()


def main():
    tap.need("readelf")
    notes = subprocess.run(["readelf", "-n", POSTERN], capture_output=True, text=True, check=False).stdout
    if "Provider: postern" not in notes:
        print("1..0 # SKIP this was compiled without <sys/sdt.h>, of systemtap-sdt-dev")
        return
    there = set(re.findall(r"Provider: postern\n\s+Name: (\w+)", notes))
    tap.result("each_probe_is_in_the_binary", "" if there == set(PROBES) else str(there))
    # One instruction: what a semaphore would be for is cheap enough to have always.
    tap.result("none_has_a_semaphore", "" if "Semaphore: 0x0000000000000000" in notes and not re.search(
        r"Provider: postern\n.*\n.*Semaphore: 0x0*[1-9a-f]", notes) else notes)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        tried = subprocess.run(["gdb", "-batch", "-nx", "-ex", "run", "--args", "true"], capture_output=True, text=True,
                               check=False) if tap.shutil.which("gdb") else None
        if not tried or "exited normally" not in tried.stdout:
            tap.skip("their_arguments_are_what_is_documented", "there is no gdb that may debug a process")
        else:
            log = debugged(pathlib.Path(directory))
            wrong = [text for text in (f"call method={NOW} bytes=", "call method=org.example.clock.No bytes=", "final=1",
                                       f"accept uid={os.getuid()} pid=", "end reason=") if text not in log]
            sizes = [int(n) for n in re.findall(r"answer bytes=(\d+)", log)]
            if len(sizes) != 2 or sizes[0] != len('{"parameters":{"time":"12:00"}}') + 1:
                wrong.append(f"answers of {sizes} bytes")
            tap.result("their_arguments_are_what_is_documented", wrong + log.splitlines()[-20:] if wrong else "")
    tap.done()


main()
