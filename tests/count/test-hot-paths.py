#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the hot paths cost, in instructions and system calls, against the numbers in hot-paths.txt.

They are counted and not timed, so a path that got slower fails on every machine, and a slow machine fails nothing. The
numbers are those of one compiler and processor; elsewhere the test is skipped.

  test-hot-paths.py                  the test
  test-hot-paths.py --accept         writes what is counted into hot-paths.txt, for a commit that says why
  test-hot-paths.py --profile PATH   the functions and lines where a path spends its instructions

The build directory is build/ beside the sources, or $POSTERN_BUILD; `tools/build tests` makes it.
"""

import argparse
import collections
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "process"))
import tap

FILE = pathlib.Path(__file__).with_name("hot-paths.txt")
PROGRAM = tap.BUILD / "tests" / "hot-paths"
ROOM = 1.05
WHAT = ("instructions", "calls of libc", "system calls")
HEAD = """\
# What the hot paths cost, as hot-paths.c counts them: the path, its messages, and for all of them together the
# instructions of the library (and of the few lines that use it), its calls of libc, and its system calls.
# tests/count/test-hot-paths.py --accept writes this file.
"""

Path = collections.namedtuple("Path", "messages numbers")
Counted = collections.namedtuple("Counted", "compiler paths places")


def read(lines):
    """What the program prints, and what the file is."""
    compiler, paths, places = "", {}, []
    for line in lines:
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "compiler":
            compiler = " ".join(words[1:])
        elif words[0] == "at":
            places.append((words[1], int(words[2])))
        else:
            paths[words[0]] = Path(int(words[1]), tuple(map(int, words[2:])))
    return Counted(compiler, paths, places)


def count(program, *arguments):
    r = subprocess.run([program, *arguments], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{program}: {r.stderr.strip() or r.returncode}")
    return read(r.stdout.splitlines())


def grown(name, path, numbers):
    """What is wrong with a path: a line for each number that has grown."""
    limits = [int(path.numbers[0] * ROOM), int(path.numbers[1] * ROOM), path.numbers[2]]
    return [f"{name}: {now} {what} for {path.messages} messages, and {was} are recorded: {now / was:.2f} times as many"
            for what, now, was, limit in zip(WHAT, numbers, path.numbers, limits) if now > limit]


ADVICE = f"""\
A hot path got slower. Where its instructions are: tests/count/test-hot-paths.py --profile PATH.
Is that the price of something that is worth it: tests/count/test-hot-paths.py --accept, and commit {FILE.name}."""


def compare(recorded, counted):
    for name, path in recorded.paths.items():
        if name not in counted.paths:
            tap.result(name, f"{name} is in {FILE.name}, and is not counted")
            continue
        numbers = counted.paths[name].numbers
        wrong = grown(name, path, numbers)
        tap.result(f"{name} costs no more than it did", [*wrong, ADVICE] if wrong else [])
        tap.comment(f"a message: {numbers[0] / path.messages:.1f} instructions, "
                    f"{numbers[1] / path.messages:.2f} calls of libc, {numbers[2] / path.messages:.2f} system calls")
        if numbers[0] * ROOM < path.numbers[0]:
            tap.comment(f"{path.numbers[0]} instructions are recorded, and it needs {numbers[0]} now: --accept keeps that")
    missing = sorted(counted.paths.keys() - recorded.paths.keys())
    tap.result("each path that is counted has its numbers", [f"{name} is not in {FILE.name}" for name in missing])


def teeth(recorded):
    name = "round-trip-server"
    slower = count(f"{PROGRAM}-slower", name)
    wrong = grown(name, recorded.paths[name], slower.paths[name].numbers)
    missed = [f"{what} were not noticed" for what in (WHAT[0], WHAT[2]) if not any(f" {what} for " in w for w in wrong)]
    tap.result("a loop and a system call more on such a path are noticed", missed)


def test():
    recorded, counted = read(FILE.read_text().splitlines()), count(PROGRAM)
    if counted.compiler != recorded.compiler:
        print(f"1..0 # SKIP the numbers are those of {recorded.compiler}, and this is {counted.compiler}")
        return
    compare(recorded, counted)
    teeth(recorded)
    tap.done()


def accept():
    counted = count(PROGRAM)
    rows = [f"{name:<22} {path.messages:>4} " + " ".join(f"{n:>6}" for n in path.numbers)
            for name, path in counted.paths.items()]
    FILE.write_text(HEAD + f"compiler {counted.compiler}\n" + "\n".join(rows) + "\n")


def profile(name):
    counted = count(PROGRAM, name)
    if name not in counted.paths:
        sys.exit(f"there is no path {name}: {' '.join(read(FILE.read_text().splitlines()).paths)}")
    places = subprocess.run(["addr2line", "-f", "-e", PROGRAM, *(at for at, n in counted.places)],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    total = sum(n for at, n in counted.places)
    print(name, *(f"{n} {what}" for n, what in zip(counted.paths[name].numbers, WHAT)), sep=", ")
    for of, names, most in (("functions", places[::2], 25), ("lines", places[1::2], 10)):
        sums = collections.Counter()
        for text, (at, n) in zip(names, counted.places):
            sums[text.split(" (")[0].removeprefix(str(tap.SOURCE) + "/")] += n
        print(of)
        for text, n in sums.most_common(most):
            print(f"  {100 * n / total:5.1f} %  {pathlib.Path(text).name if '/' in text else text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--profile", metavar="PATH")
    arguments = parser.parse_args()
    if arguments.accept:
        accept()
    elif arguments.profile:
        profile(arguments.profile)
    else:
        test()


if __name__ == "__main__":
    main()
