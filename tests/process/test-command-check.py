#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern check: what is wrong with a description of an interface, and where; and how it is written."""

import os
import pathlib
import re
import resource
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
RIGHT, FOUND, USAGE, NO_INPUT, IO, TRY_AGAIN = 0, 1, 64, 66, 74, 75
LIMIT = 4 << 20

CLOCK = """\
# What time it is.
interface org.example.clock

# A time, and where.
type Time (
  # Since 1970. [unsigned]
  seconds: int,
  zone: ?string
)

# The time now.
# [Supports 'more' flag]
method Now(zone: ?string) -> (time: Time)

# There is no such zone.
error NoSuchZone (zone: string)
"""

# What is wrong in the text, then where, what is there, and how the line goes on.
ROWS = [
    ("", "1:1: at the end: expected 'interface' and a name"),
    ("interfaces a.b\n", "1:1: at 'interfaces': expected 'interface' and a name"),
    ("interface", "1:10: at the end: expected a blank and a name"),
    ("interface clock\n", "1:16: at the end of the line: expected '.'"),
    ("interface 2a.b\n", "1:11: at '2a': expected the name of the interface"),
    ("interface a.b\n", "2:1: at the end: expected 'type', 'method' or 'error'"),
    ("interface a.b\nstruct A ()\n", "2:1: at 'struct': expected 'type', 'method' or 'error'"),
    ("interface a.b type A ()\n", "1:15: at 'type': expected the end of the line"),
    ("interface a.b\nerror E () error F ()\n", "2:12: at 'error': expected the end of the line"),
    ("interface a.b\nerror e ()\n", "2:7: at 'e': expected a name that begins with a capital letter"),
    ("interface a.b\nerror E\n", "3:1: at the end: expected '('"),
    ("interface a.b\ntype A int\n", "2:8: at 'int': expected '('"),
    ("interface a.b\nerror E (a, b)\n", "2:11: at ',': expected ':' and a type"),
    ("interface a.b\ntype A (a: int,)\n", "2:16: at ')': expected a field or a value"),
    ("interface a.b\ntype A (a_: int)\n", "2:10: at '_': the name of a field is letters and digits"),
    ("interface a.b\ntype A (a-b: int)\n", "2:10: at '-': the name of a field is letters and digits"),
    ("interface a.b\ntype A (a, b: int)\n", "2:13: at ':': expected ',' or ')' after a value, which has no type"),
    ("interface a.b\ntype A (a: int; b: int)\n", "2:15: at ';': expected ',' or ')' after the type"),
    ("interface a.b\ntype A (a: integer)\n", "2:12: at 'integer': expected a type"),
    ("interface a.b\ntype A (a: ??int)\n", "2:13: at '?': a type is nullable once"),
    ("interface a.b\ntype A (a: " + "[]" * 64 + "int)\n", "2:140: at 'int': types are nested more than 64 deep"),
    ("interface a.b\nmethod M() ()\n", "2:12: at '(': expected '->'"),
    ("interface a.b\ntype A (a: B)\n", "2:12: at 'B': this interface has no such type"),
    ("interface a.b\nerror B ()\ntype A (a: B)\n", "3:12: at 'B': this is a method or an error"),
    ("interface a.b\ntype A ()\nmethod A() -> ()\n", "3:8: at 'A': this name is declared twice"),
    ("interface a.b\ntype A (a: int,\n  a: int)\n", "3:3: at 'a': this name is in the same list twice"),
    ("interface a.b\ntype A (b: B)\ntype B (c: C)\ntype C (x: ?B, a: A)\n", "4:19: at 'A': this type would contain itself"),
    ("interface a.b\r\n# two\r\n\r\ntype A (a:\r\n  B)\r\n", "5:3: at 'B': this interface has no such type"),
    ("interface a.b\r# old\rtype A (a: B)\r", "3:12: at 'B': this interface has no such type"),
    ("interface a.b\u2028\u00a0\u3000type A (\u2003a: B)\u2029", "2:15: at 'B': this interface has no such type"),
    ("interface a.b\ntype A (a: caf\u00e9)\n", "2:12: at 'caf': expected a type"),
    ("interface a.b\ntype A (\u202ea: int)\n", r"2:9: at '\u{202e}': expected a field or a value"),
    (b"interface a.b\ntype A (a: \xff)\n", r"2:12: at '\xff': this is not UTF-8"),
    (b"interface a.b\n# caf\xe9\ntype A ()\n", r"2:6: at '\xe9': this is not UTF-8"),
    (b"interface a.b\ntype\0A ()\n", "2:5: this is a NUL byte"),
    (b"interface a.b\n# \0\ntype A ()\n", "2:3: this is a NUL byte"),
]


class Place:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)

    def write(self, name, text):
        path = self.directory / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *arguments, text=None, **options):
        """Its status, what it printed, and its lines on standard error."""
        ran = subprocess.run([POSTERN, "check", *map(str, arguments)], input=text.encode() if text is not None else b"",
                             capture_output=True, cwd=self.directory, timeout=60 * SCALE, **options)
        return ran.returncode, ran.stdout.decode(), ran.stderr.decode().splitlines()


def expect(ran, status, out="", *patterns):
    """What is wrong with a run: its status, its output, or a line that does not begin as it should."""
    wrong = [] if ran[0] == status else [f"status {ran[0]}, not {status}"]
    if ran[1] != out:
        wrong.append(f"printed {ran[1][:300]!r}, not {out[:300]!r}")
    if len(ran[2]) != len(patterns) or not all(line.startswith(p) for line, p in zip(ran[2], patterns)):
        wrong += [f"said {ran[2]}, not {list(patterns)}"]
    return wrong


def test_right(it):
    it.write("clock", CLOCK)
    tap.result("a_right_description_is_told_nothing_about", expect(it.run("clock"), RIGHT))
    tap.result("nor_one_on_standard_input", expect(it.run("-", text=CLOCK), RIGHT))
    blanks = "\ufeff" + "\r\n".join(line if line.startswith("#") else line.replace("  #", "\u3000\t#") if "#" in line
                                    else line.replace(" ", "\u00a0") for line in CLOCK.split("\n"))
    tap.result("nor_one_with_other_blanks_and_line_ends", expect(it.run("-", text=blanks), RIGHT))
    tap.result("and_that_is_printed_with_the_usual_ones", expect(it.run("--format", "-", text=blanks), RIGHT, CLOCK))


def test_rows(it):
    names = []
    for i, (text, _) in enumerate(ROWS):
        it.write(f"row{i}", text)
        names.append(f"row{i}")
    status, out, lines = it.run(*names)
    wrong = [] if (status, out) == (FOUND, "") else [f"status {status}, printed {out!r}"]
    if len(lines) != len(ROWS):
        wrong.append(f"{len(lines)} lines for {len(ROWS)} files")
    for i, ((_, expected), line) in enumerate(zip(ROWS, lines)):
        tap.result(f"row {i}: {expected[:70]}",
                   [] if line.startswith(f"row{i}:{expected}") else f"{line!r}, not {f'row{i}:{expected}'!r}")
    tap.result("one_line_tells_what_is_wrong_with_each_file", wrong)


def test_files(it):
    it.write("clock", CLOCK)
    it.write("wrong", "interface a.b\ntype A (a: B)\n")
    (it.directory / "directory").mkdir()
    tap.result("a_file_that_is_missing_is_told",
               expect(it.run("nowhere"), NO_INPUT, "", "postern check: nowhere: cannot be opened: No such file"))
    tap.result("and_a_directory",
               expect(it.run("directory"), NO_INPUT, "", "postern check: directory: cannot be read: Is a directory"))
    tap.result("the_other_files_are_checked_all_the_same",
               expect(it.run("nowhere", "wrong", "clock"), NO_INPUT, "", "postern check: nowhere:", "wrong:2:12:"))
    tap.result("a_wrong_one_among_others_is_status_1", expect(it.run("clock", "wrong", "clock"), FOUND, "", "wrong:2:12:"))
    wild = "x\x1b[31m"
    it.write(wild, "interface\n")
    tap.result("a_name_is_made_safe_for_the_terminal", expect(it.run(wild), FOUND, "", r"x\x1b[31m:2:1: at the end:"))
    it.write("-x", "")
    tap.result("a_name_may_begin_with_a_hyphen", expect(it.run("--", "-x"), FOUND, "", "-x:1:1:"))
    if os.getuid():
        os.chmod(it.write("secret", CLOCK), 0)
        tap.result("one_that_may_not_be_read_is_told",
                   expect(it.run("secret"), NO_INPUT, "", "postern check: secret: cannot be opened: Permission denied"))
    elif os.path.exists("/proc/self/mem"):
        # Root may open everything; this cannot be read at 0.
        tap.result("one_that_cannot_be_read_is_told", expect(
            it.run("/proc/self/mem"), NO_INPUT, "", "postern check: /proc/self/mem: cannot be read: Input/output error"))


def test_usage(it):
    for arguments, said in (((), "missing FILE, or - for standard input"),
                            (("--format", "a", "b"), "--format prints one FILE"),
                            (("--format", "--write", "a"), "--format and --write exclude each other"),
                            (("--write", "-"), "standard input cannot be written"),
                            (("--formt", "a"), "unknown option --formt; did you mean --format?")):
        tap.result(f"wrong_usage_is_told: check {' '.join(arguments)}",
                   expect(it.run(*arguments), USAGE, "", f"postern check: {said}"))


def test_large(it):
    head = "interface a.b\n"
    member = "error E{:06} (a: int, b: ?[]string)\n"
    members = (LIMIT - len(head)) // len(member.format(0))
    text = head + "".join(map(member.format, range(members)))
    text += "#" * (LIMIT - len(text))
    it.write("large", text)
    begun = time.monotonic()
    wrong = expect(it.run("large"), RIGHT)
    seconds = time.monotonic() - begun
    tap.comment(f"{len(text)} bytes with {members} errors: {seconds:.2f} s")
    tap.result("four_mebibytes_are_checked_in_time", wrong + ([] if seconds < 10 * SCALE else [f"{seconds} s"]))
    it.write("large", text + "#")
    tap.result("one_byte_more_is_too_long", expect(it.run("large"), FOUND, "", "large: this is longer than 4 MiB"))
    tap.result("what_has_no_end_is_told_as_that", expect(it.run("/dev/zero"), FOUND, "", "/dev/zero: this is longer"))
    it.write("deep", head + "type A " + "(a:" * (LIMIT // 4))
    tap.result("what_only_goes_deeper_is_told_where_it_is_too_deep",
               expect(it.run("deep"), FOUND, "", "deep:2:201: at 'a': types are nested more than 64 deep"))
    # One list of fields, one type for each line, and one long line: none takes the square of its length.
    for name, text, said in (
            ("many_fields", head + "type A (" + ",".join(f"a{i}: int" for i in range(300000)) + ")\n", []),
            ("many_values", head + "type A (" + ",".join(f"a{i}" for i in range(400000)) + ")\n", []),
            ("a_long_chain", head + "".join(f"type T{i} (a: T{i + 1})\n" for i in range(100000)) + "type T100000 ()\n", []),
            ("a_long_circle", head + "".join(f"type T{i} (a: T{(i + 1) % 100000})\n" for i in range(100000)), ["many:100001:"])):
        it.write("many", text)
        begun = time.monotonic()
        wrong = expect(it.run("many"), FOUND if said else RIGHT, "", *said)
        seconds = time.monotonic() - begun
        tap.comment(f"{name}, {len(text)} bytes: {seconds:.2f} s")
        tap.result(f"{name}_take_no_square_of_time", wrong + ([] if seconds < 10 * SCALE else [f"{seconds} s"]))


def test_format(it):
    untidy = re.sub(r"\n\n+", "\n", CLOCK.replace(",\n", " ,")).replace("(zone: string)", "(  zone :string )")
    it.write("clock", CLOCK)
    tap.result("what_is_written_as_usual_is_printed_as_it_is", expect(it.run("--format", "clock"), RIGHT, CLOCK))
    tidied = it.run("--format", "-", text=untidy)
    tap.result("what_is_not_becomes_that", expect(tidied, RIGHT, CLOCK))
    tap.result("a_wrong_one_is_not_printed",
               expect(it.run("--format", "-", text="interface a.b\n"), FOUND, "", "-:2:1: at the end:"))
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            ran = subprocess.run([POSTERN, "check", "--format", it.directory / "clock"], stdout=full, stderr=subprocess.PIPE)
        said = ran.stderr.decode()
        tap.result("what_cannot_be_printed_is_told",
                   [] if ran.returncode == IO and "cannot write to stdout" in said else f"{ran.returncode}: {said}")
    other = it.write("other", untidy)
    os.chmod(other, 0o640)
    (it.directory / "link").symlink_to("other")
    same = it.directory / "clock"
    before = same.stat()
    wrong = expect(it.run("--write", "clock", "link"), RIGHT)
    if other.read_text() != CLOCK or other.stat().st_mode & 0o777 != 0o640 or not (it.directory / "link").is_symlink():
        wrong.append(f"{other.read_text()!r}, mode {other.stat().st_mode:o}")
    tap.result("write_puts_it_into_the_file_behind_a_link_with_its_mode", wrong)
    after = same.stat()
    tap.result("one_that_is_so_already_is_not_touched",
               [] if (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns) else f"{before}, {after}")
    wrong_text = "interface a.b\n type A(a:B)\n"
    other.write_text(wrong_text)
    ran = it.run("--write", "other")
    tap.result("nor_one_that_is_wrong",
               expect(ran, FOUND, "", "other:2:11:") + ([] if other.read_text() == wrong_text else [other.read_text()]))
    other.write_text(untidy)
    # A disk that is full, as far as this process sees it.
    ran = it.run("--write", "other", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20)))
    left = sorted(path.name for path in it.directory.iterdir() if path.name.startswith("other"))
    tap.result("a_file_that_cannot_be_written_stays_as_it_was",
               expect(ran, IO, "", "postern check: other: cannot be written: File too large")
               + ([] if other.read_text() == untidy and left == ["other"] else [f"{other.read_text()!r}, {left}"]))


def main():
    for test in (test_right, test_rows, test_files, test_usage, test_large, test_format):
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
            test(Place(directory))
    tap.done()


main()
