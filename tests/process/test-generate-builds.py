#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The build files of examples/clock, as a user copies them, with Meson, CMake and make: they generate, build programs that
run, and build again what has to be, and nothing else."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

import tap
from installed import environment

POSTERN = os.environ["POSTERN_COMMAND"]
EXAMPLE = tap.SOURCE / "examples" / "clock"
DESCRIPTION = "org.example.clock.varlink"
PROGRAMS = ["clock-service", "clock-ask", "clock-now", "clock-stamp", "clock-watch"]


class Tool:
    """One way to build the example; `steps` are run for the first time, the last of them for each build after it."""

    def __init__(self, name, directory, steps, programs):
        self.name, self.directory, self.steps = name, directory, steps
        self.programs = directory / programs
        shutil.copytree(EXAMPLE, directory)

    def run(self, steps, env):
        for step in steps:
            done = subprocess.run(step, cwd=self.directory, env=env, capture_output=True, text=True)
            if done.returncode:
                return [f"{' '.join(step)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"]
        return []

    def build(self, env):
        return self.run(self.steps[-1:], env)

    def dates(self):
        return [(self.programs / name).stat().st_mtime_ns for name in PROGRAMS]


def tools(directory):
    if shutil.which("meson") and shutil.which("ninja"):
        tool = Tool("meson", directory / "meson", [["meson", "setup", "build"], ["ninja", "-C", "build"]], "build")
        build = tool.directory / "meson.build"
        build.write_text("project('clock', 'c')\n" + build.read_text())
        yield tool
    else:
        tap.skip("the_example_is_built_by_meson", "meson or ninja is not installed")
    if shutil.which("cmake"):
        yield Tool("cmake", directory / "cmake", [["cmake", "-S", ".", "-B", "build"], ["cmake", "--build", "build"]],
                   "build")
    else:
        tap.skip("the_example_is_built_by_cmake", "cmake is not installed")
    yield Tool("make", directory / "make", [["make", "-j2"]], ".")


def check_runs(tool, env):
    with subprocess.Popen([tool.programs / "clock-service", "clock"], env=env) as service:
        try:
            subprocess.run([POSTERN, "wait", "clock", "--deadline", "10s"], env=env, check=True)
            done = subprocess.run([tool.programs / "clock-now", "clock"], env=env, capture_output=True, text=True)
        finally:
            service.terminate()
    wrong = [] if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", done.stdout) else [done.stdout + done.stderr]
    return wrong + ([] if service.returncode == 0 else [f"the service ended with {service.returncode}"])


def check(tool, env):
    wrong = tool.run(tool.steps, env)
    tap.result(f"the_example_is_built_by_{tool.name}", wrong)
    if wrong:
        return
    tap.result(f"what_{tool.name}_built_answers_and_asks", check_runs(tool, env))
    description = tool.directory / DESCRIPTION
    before = tool.dates()
    # Later than what was built, by every clock that a file system has.
    later = time.time() + 2
    os.utime(description, (later, later))
    wrong = tool.build(env)
    tap.result(f"a_description_that_stays_the_same_makes_{tool.name}_build_nothing_again",
               wrong or ([] if tool.dates() == before else ["a program was built again"]))
    description.write_text(description.read_text() + "\n# More.\nerror TooEarly ()\n")
    os.utime(description, (later + 2, later + 2))
    wrong = tool.build(env)
    wrong += [f"{name} was not built again" for name, a, b in zip(PROGRAMS, before, tool.dates()) if a == b]
    tap.result(f"a_description_that_changes_makes_{tool.name}_build_every_program_again", wrong)
    description.write_text("interface org.example.clock\ntype A (a: B)\n")
    os.utime(description, (later + 4, later + 4))
    said = "".join(tool.build(env))
    tap.result(f"{tool.name}_stops_at_a_wrong_description_and_shows_the_place",
               [] if f"{DESCRIPTION}:2:12: at 'B'" in said else [said or "it did not stop"])


def main():
    tap.need("gcc", "pkg-config", "make")
    if not list((tap.BUILD / "src").glob("libpostern.so*")):
        print("1..0 # SKIP this build has no shared library")
        return
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        env = environment(directory)
        for tool in tools(directory):
            check(tool, env)
    tap.done()


if __name__ == "__main__":
    main()
