#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern generate: C from descriptions of interfaces, how it reads, that it compiles, and where it is written."""

import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
HERE = tap.SOURCE / "tests" / "generate"
DONE, FOUND, USAGE, NO_INPUT, IO, TRY_AGAIN = 0, 1, 64, 66, 74, 75
FLAGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", f"-I{tap.SOURCE}/include"]
CLOCK = (HERE / "org.example.clock.varlink").read_text()

# What cannot be C, and what is told: a part of the line behind the name of the file.
REFUSED = [
    ("interface a.b\ntype T (a: (b_c: (x: int)), a_b: (c: (y: int)))\n",
     "2:35: at 'c': its name in C, b_T_a_b_c, is that of another already; rename one of the two"),
    ("interface a.b\ntype T (a: (b_c, d), a_b: (c, d))\n",
     "2:28: at 'c': its name in C, b_T_a_b_c, is that of another already"),
    ("interface a.b\ntype T (\n  # [unsigned]\n  x: string)\n",
     "4:3: at 'x': this is no int, which [unsigned] in its comment is for; take that out"),
    ("interface a.b\ntype T (\n  # [unsigned]\n  x: (a, b))\n", "4:3: at 'x': this is no int"),
    ("interface a.3d\nerror E ()\n",
     "1:11: at 'a.3d': the last part of this name cannot begin names in C; use --prefix"),
    ("interface a.b\ntype T (" + ", ".join(f"f{i}: int" for i in range(1025)) + ")\n",
     "at 'f1024': a struct has 1,024 fields at most here; divide it"),
    ("interface a.b\ntype T (" + ", ".join(f"v{i}" for i in range(65536)) + ")\n",
     "at 'v65535': an enum has 65,535 values at most here; make it a string"),
    ("interface a.b\n" + "".join(f"type T{i} (x: T{i + 1}, y: T{i + 1})\n" for i in range(28)) + "type T28 (x: int)\n",
     "12:19: at 'y': its struct would be larger than 1 MiB in C with this; make it ? or an array"),
]


class Place:
    """A directory with files in it."""

    def __init__(self, **files):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)
        for name, text in files.items():
            (self.path / f"{name}.varlink").write_text(text)

    def run(self, *arguments, stdin=None, **how):
        return subprocess.run([POSTERN, "generate", *map(str, arguments)], cwd=self.path, capture_output=True, text=True,
                              input=stdin, check=False, **how)

    def read(self, name):
        return (self.path / name).read_text()

    def names(self):
        return sorted(p.name for p in self.path.iterdir())


def expected(done, status, error=""):
    wrong = [] if done.returncode == status else [f"it ended with {done.returncode}, not {status}: {done.stderr}"]
    if error not in done.stderr or (not error and done.stderr):
        wrong.append(f"it said {done.stderr!r}, not {error!r}")
    return wrong


def compilers():
    """Each way to compile: its name, the command, and which of the two files it takes."""
    for c, cxx in (("gcc", "g++"), ("clang", "clang++")):
        if shutil.which(c):
            yield f"{c} as C11", [c, "-std=c11"], (".h", ".c")
            yield f"{c} as GNU C", [c, "-std=gnu11", "-O2"], (".h", ".c")
        if shutil.which(cxx):
            yield f"{cxx} as C++17", [cxx, "-std=c++17", "-Wold-style-cast"], (".h",)


def compiled(command, path, name, kind):
    """What the compiler says about that file, or about one that only includes it."""
    source = path / f"{name}.c"
    if kind == ".h":
        source = path / ("alone.cpp" if "++" in command[0] else "alone.c")
        source.write_text(f'#include "{name}.h"\n#include "{name}.h"\n')
    done = subprocess.run([*command, *FLAGS, "-c", source, "-o", path / "object.o"], capture_output=True, text=True,
                          check=False)
    return done.stderr if done.returncode or done.stderr else ""


def test_compiles():
    place = Place()
    wrong = expected(place.run(HERE / "org.example.everything.varlink"), DONE)
    tap.result("every_construct_of_the_language_can_be_generated", wrong)
    for command in ("gcc", "g++", "clang", "clang++"):
        if not shutil.which(command):
            tap.skip(f"every_construct_compiles_by_{command}", f"{command} is not installed")
    for how, command, kinds in compilers():
        wrong = [compiled(command, place.path, "org.example.everything", kind) for kind in kinds]
        tap.result(f"every_construct_compiles_by_{how}", [w for w in wrong if w])


def test_golden():
    place = Place(**{"org.example.clock": CLOCK})
    wrong = expected(place.run("org.example.clock.varlink"), DONE)
    for suffix in (".h", ".c"):
        want = (HERE / f"org.example.clock{suffix}.expected").read_text()
        got = place.read(f"org.example.clock{suffix}")
        got = re.sub(r"postern generate \d+\.\d+\.\d+", "postern generate VERSION", got)
        if got != want:
            (place.path / "want").write_text(want)
            (place.path / "got").write_text(got)
            wrong.append(subprocess.run(["diff", "-u", "want", "got"], cwd=place.path, capture_output=True, text=True,
                                        check=False).stdout)
    tap.result("the_clock_becomes_what_its_golden_files_are", wrong)


def test_form():
    place = Place()
    place.run(HERE / "org.example.everything.varlink")
    wrong = []
    for name in ("org.example.everything.h", "org.example.everything.c"):
        for number, line in enumerate(place.read(name).splitlines(), 1):
            if len(line.expandtabs(8)) > 110:
                wrong.append(f"{name}:{number}: {len(line.expandtabs(8))} columns: {line}")
            if line != line.rstrip():
                wrong.append(f"{name}:{number}: blanks at the end")
    tap.result("lines_have_110_columns_at_most_and_no_blank_at_their_end", wrong)
    other = Place()
    other.run(HERE / "org.example.everything.varlink")
    wrong = [n for n in ("org.example.everything.h", "org.example.everything.c") if place.read(n) != other.read(n)]
    tap.result("the_same_description_always_becomes_the_same_code", wrong)


class Maker:
    """Interfaces at random. A type contains other than below ?, [] and [string] only those of lower numbers."""

    LEAVES = ["bool", "int", "float", "string", "object", "any"]
    NAMES = ["a", "b", "entry", "item", "value", "a_b", "int", "class", "items", "n", "key", "set", "nothing", "in", "out"]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.types = self.random.randint(1, 6)

    def type(self, below, depth):
        """A type; what it contains directly has a number lower than below."""
        kind = self.random.randint(0, 9 if depth < 4 else 3)
        if kind <= 1 or (kind <= 3 and below == 0):
            return self.random.choice(self.LEAVES)
        if kind <= 3:
            return f"T{self.random.randrange(below)}"
        if kind == 4:
            return self.struct(below, depth + 1)
        if kind == 5:
            return "(" + ", ".join(self.names()) + ")"
        if kind == 6:
            inner = self.type(self.types, depth + 1)
            return inner if inner.startswith("?") else f"?{inner}"
        return self.random.choice(["[]", "[string]"]) + self.type(self.types, depth + 1)

    def names(self):
        return self.random.sample(self.NAMES, self.random.randint(1, 5))

    def struct(self, below, depth):
        if self.random.randrange(6) == 0:
            return "()"
        return "(" + ", ".join(f"{name}: {self.type(below, depth)}" for name in self.names()) + ")"

    def text(self):
        lines = ["interface org.example.random"]
        for i in range(self.types):
            kind = "(" + ", ".join(self.names()) + ")" if self.random.randrange(4) == 0 else self.struct(i, 0)
            lines.append(f"type T{i} {kind}")
        types = lines[1:]
        self.random.shuffle(types)
        lines[1:] = types
        for i in range(3):
            mark = self.random.choice(["", "# [Supports 'more' flag]\n", "# [Requires 'more' flag]\n"])
            lines.append(f"{mark}method M{i}{self.struct(self.types, 0)} -> {self.struct(self.types, 0)}")
            lines.append(f"error E{i} {self.struct(self.types, 0)}")
        return "\n".join(lines) + "\n"


def test_random():
    wrong, refused, interfaces = [], 0, 30
    for seed in range(interfaces):
        text = Maker(seed).text()
        place = Place(random=text)
        done = place.run("random.varlink")
        if done.returncode == FOUND and "is that of another already" in done.stderr:
            refused += 1
            continue
        wrong += expected(done, DONE)
        how = list(compilers())
        _, command, kinds = how[seed % len(how)] if how else (None, None, ())
        said = [w for w in (compiled(command, place.path, "random", kind) for kind in kinds) if w]
        wrong += [f"seed {seed}:\n{text}\n{w}" for w in said]
    tap.comment(f"{interfaces} interfaces, {refused} of them with names that are one in C")
    tap.result("interfaces_at_random_compile", wrong or ([] if refused * 4 < interfaces else [f"{refused} were refused"]))


def test_comments():
    """Whatever a comment has in it, the code compiles and says the same."""
    text = ("# one */ int x; /* two\n# C:\\\n# What??/\n# tab\there, bell \a, override \u202e, caf\u00e9 ??= \"quoted\"\n"
            "interface org.example.notes\n\n#\n#\n\n#\n# after nothing\ntype T (\n  # a\\\n  x: int,\n  # */\n  y: int,\n"
            "  # first\n  #\n  # third\n  z: int)\n")
    place = Place(notes=text)
    wrong = expected(place.run("notes.varlink"), DONE)
    for _, command, kinds in compilers():
        wrong += [w for w in (compiled(command, place.path, "notes", kind) for kind in kinds) if w]
    header = place.read("notes.h")
    for part in ("one * / int x; / * two", "C:\\x5c\n", "tab here, bell \\x07, override \\u{202e}, caf\u00e9 ??=",
                 "/* after nothing */"):
        if part not in header:
            wrong.append(f"missing in the header: {part!r}")
    tap.result("comments_are_harmless_whatever_is_in_them", wrong)
    if shutil.which("gcc"):
        program = ('#include <stdio.h>\n#include "notes.h"\n'
                   "int main(void)\n{\n\tfputs(b_interface.description, stdout);\n\treturn 0;\n}\n")
        (place.path / "main.c").write_text(program.replace("b_interface", "notes_interface"))
        for standard in ("-std=c11", "-std=gnu11"):
            subprocess.run(["gcc", standard, f"-I{tap.SOURCE}/include", "main.c", "notes.c", "-o", "main"],
                           cwd=place.path, check=True)
            got = subprocess.run([place.path / "main"], capture_output=True, check=True).stdout.decode()
            tap.result(f"the_description_in_the_code_is_that_of_the_file_{standard}",
                       [] if got == text else [f"{got!r}", f"{text!r}"])


def test_output():
    wrong = []
    for arguments in (["-o", "out", "x.varlink"], ["x.varlink", "-o", "out"], ["-oout", "x.varlink"],
                      ["x.varlink", "--output", "out"], ["--output=out", "x.varlink"]):
        place = Place(x=CLOCK)
        (place.path / "out").mkdir()
        done = place.run(*arguments)
        there = sorted(p.name for p in (place.path / "out").iterdir())
        wrong += [f"{arguments}: {w}" for w in expected(done, DONE)]
        wrong += [f"{arguments}: it wrote {there}"] if there != ["x.c", "x.h"] else []
    for last in ("-o", "--output", "--prefix"):
        wrong += [f"{last}: {w}" for w in expected(Place(x=CLOCK).run("x.varlink", last), USAGE, "needs a value")]
    tap.result("the_directory_can_be_given_by_letter_and_by_name_anywhere", wrong)


def test_refused():
    for text, told in REFUSED:
        place = Place(x=text)
        done = place.run("x.varlink")
        wrong = expected(done, FOUND, told)
        if not done.stderr.startswith("x.varlink:"):
            wrong.append(f"no place: {done.stderr}")
        if place.names() != ["x.varlink"]:
            wrong.append(f"it wrote {place.names()}")
        name = re.sub(r"[^a-z]+", "_", told.split(": ")[-1].lower())[:60].strip("_")
        tap.result(f"told_with_its_place_{name}", wrong)
    place = Place(x="interface a.3d\nerror E ()\n")
    tap.result("a_prefix_helps_where_the_name_is_none_for_C", expected(place.run("--prefix", "a3d", "x.varlink"), DONE))
    place = Place(x="interface a.b\ntype T (a: [](b: ?U))\ntype U (c, d)\nerror E ()\n")
    wrong = expected(place.run("x.varlink"), DONE)
    for _, command, kinds in compilers():
        wrong += [w for w in (compiled(command, place.path, "x", kind) for kind in kinds) if w]
    tap.result("types_that_no_method_uses_have_no_tables_that_nobody_uses", wrong)
    # T15 has 32 bytes, and 40 with one more.
    pairs = "".join(f"type T{i} (x: T{i + 1}, y: T{i + 1})\n" for i in range(15))
    fields = "b: ?bool, e: ?(c, d), f: bool, g: ?(), h: string"
    for last, told in ((f"({fields})", DONE), (f"({fields}, i: bool)", FOUND)):
        place = Place(x=f"interface a.b\n{pairs}type T15 {last}\n")
        tap.result(f"a_struct_of_1_MiB_is_allowed_and_one_that_is_larger_not_{told}",
                   expected(place.run("x.varlink"), told, "larger than 1 MiB" if told else ""))
    place = Place(x="interface a.b\ntype T (a: B)\n")
    tap.result("an_error_in_the_description_is_that_of_check",
               expected(place.run("x.varlink"), FOUND, "x.varlink:2:12: at 'B': this interface has no such type"))


def test_usage():
    place = Place(x=CLOCK, y=CLOCK)
    for arguments, told in (
            ((), "missing FILE"),
            (("--prefix", "p", "x.varlink", "y.varlink"), "--prefix is for one FILE"),
            (("--prefix", "a b", "x.varlink"), "--prefix begins names in C"),
            (("--prefix", "_x", "x.varlink"), "--prefix begins names in C"),
            (("--prefix", "x__y", "x.varlink"), "--prefix begins names in C"),
            (("x.varlink", "./x.varlink"), "two FILEs have the same name")):
        tap.result(f"wrong_usage_is_told_{'_'.join(arguments) or 'without_files'}",
                   expected(place.run(*arguments), USAGE, told))
    tap.result("a_missing_file_is_told", expected(place.run("z.varlink"), NO_INPUT, "z.varlink: cannot be opened"))


def test_names():
    place = Place(**{"org.example.clock": CLOCK, "other": CLOCK})
    (place.path / "to").mkdir()
    wrong = expected(place.run("org.example.clock.varlink", "other.varlink", "--output", "to"), DONE)
    names = sorted(p.name for p in (place.path / "to").iterdir())
    if names != ["org.example.clock.c", "org.example.clock.h", "other.c", "other.h"]:
        wrong.append(f"{names}")
    tap.result("files_are_named_as_their_description_is_in_the_directory_that_is_given", wrong)
    place = Place()
    wrong = expected(place.run("-", stdin=CLOCK), DONE)
    if place.names() != ["org.example.clock.c", "org.example.clock.h"]:
        wrong.append(f"{place.names()}")
    tap.result("from_standard_input_they_are_named_as_the_interface", wrong)
    place = Place(x=CLOCK)
    place.run("--prefix", "my_clock", "x.varlink")
    wrong = [w for w in ("struct my_clock_Now_in {", "my_clock_provide(") if w not in place.read("x.h")]
    if " clock_" in place.read("x.h"):
        wrong.append("a name begins with the default")
    tap.result("all_names_in_C_begin_with_the_prefix", wrong)


def state(path):
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, path.read_bytes()


def test_untouched():
    place = Place(x=CLOCK)
    place.run("x.varlink")
    before = [state(place.path / n) for n in ("x.h", "x.c")]
    wrong = expected(place.run("x.varlink"), DONE)
    if [state(place.path / n) for n in ("x.h", "x.c")] != before:
        wrong.append("a file was written again")
    tap.result("a_file_that_would_stay_the_same_is_not_touched", wrong)

    (place.path / "x.h").chmod(0o640)
    (place.path / "x.varlink").write_text(CLOCK.replace("NoSuchZone", "NoZone"))
    wrong = expected(place.run("x.varlink"), DONE)
    after = (place.path / "x.h").stat()
    if after.st_ino == before[0][0]:
        wrong.append("it was written in place")
    if after.st_mode & 0o777 != 0o640:
        wrong.append(f"its mode became {after.st_mode & 0o777:o}")
    if "NoZone" not in place.read("x.h") or place.names() != ["x.c", "x.h", "x.varlink"]:
        wrong.append(f"{place.names()}")
    tap.result("a_file_that_changes_is_replaced_at_once_and_keeps_its_mode", wrong)


def test_foreign():
    place = Place(x=CLOCK)
    (place.path / "x.c").write_text("int main(void) { return 0; }\n")
    wrong = expected(place.run("x.varlink"), IO, "x.c: this file is there, and was not written by postern generate")
    if place.read("x.c") != "int main(void) { return 0; }\n":
        wrong.append("it was replaced")
    tap.result("a_file_that_somebody_wrote_is_left_alone", wrong)


def limit():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_unwritable():
    place = Place(x=CLOCK)
    tap.result("a_directory_that_does_not_exist_is_told",
               expected(place.run("--output", "none", "x.varlink"), IO, "none/x.h: cannot be written"))
    tap.result("a_directory_that_is_a_file_is_told",
               expected(place.run("--output", "x.varlink", "x.varlink"), IO, "x.varlink/x.h: cannot be read"))
    place.run("x.varlink")
    before = [state(place.path / n) for n in ("x.h", "x.c")]
    (place.path / "x.varlink").write_text(CLOCK.replace("NoSuchZone", "NoZone"))
    wrong = expected(place.run("x.varlink", preexec_fn=limit), IO, "x.h: cannot be written: File too large")
    if [state(place.path / n) for n in ("x.h", "x.c")] != before or place.names() != ["x.c", "x.h", "x.varlink"]:
        wrong.append(f"something changed: {place.names()}")
    tap.result("a_full_disk_leaves_what_was_there", wrong)
    if os.geteuid() == 0:
        tap.skip("a_directory_that_may_not_be_written_is_told", "root may write everywhere")
        return
    place.path.chmod(0o555)
    tap.result("a_directory_that_may_not_be_written_is_told",
               expected(place.run("x.varlink"), IO, "cannot be written: Permission denied"))
    place.path.chmod(0o755)


def test_memory():
    """Whatever is missing, it is told, and no file is half a file."""
    name = "without_memory_it_says_so_and_writes_nothing"
    if int(os.environ.get("TEST_SCALE", "1")) > 1:
        tap.skip(name, "sanitizers and emulators need memory of their own")
        return
    text = "interface a.b\n" + "".join(f"type T{i} (a: T{i + 1}, b: []T{i + 1}, c: [string](d: T{i + 1}))\n"
                                       for i in range(3000)) + "type T3000 (e: (x, y))\nerror E (t: T0)\n"
    whole = Place(x=text)
    wrong, ended = expected(whole.run("x.varlink"), DONE), {}
    # From too little to read the description to enough for all.
    for size in range(2 << 20, 96 << 20, 1 << 20):
        place = Place(x=text)
        done = place.run("x.varlink", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))
        ended[done.returncode] = ended.get(done.returncode, 0) + 1
        # The first ones are too little to start a program.
        if done.returncode not in (DONE, TRY_AGAIN) and TRY_AGAIN in ended:
            wrong.append(f"{size} bytes: it ended with {done.returncode}: {done.stderr}")
        # Before it has a file it has no name.
        if done.returncode == TRY_AGAIN and not re.fullmatch(r"postern generate: (x\.[a-z]+: .*|out of memory)\n", done.stderr):
            wrong.append(f"{size} bytes: it said {done.stderr!r}")
        wrong += [f"{size} bytes: {file} is another" for file in place.names() if place.read(file) != whole.read(file)]
        if done.returncode == DONE:
            break
    tap.comment(", ".join(f"{status}: {n} times" for status, n in sorted(ended.items())))
    tap.result(name, wrong or ([] if ended.get(TRY_AGAIN, 0) > 3 and ended.get(DONE) else [f"{ended}"]))


test_golden()
test_compiles()
test_form()
test_random()
test_comments()
test_refused()
test_output()
test_usage()
test_names()
test_untouched()
test_foreign()
test_unwritable()
test_memory()
tap.done()
