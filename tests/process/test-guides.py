#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What docs/FROM_*.md, EVENT_LOOPS.md, CPLUSPLUS.md, QT_PARITY.md and VARLINK.md show is so.

Each piece of C is the text of an example, or compiles by itself; each piece of C++ with Qt compiles; the programs
inside other event loops are shown whole and are short; the table of Qt has no empty cell and names what exists.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

import tap
from snippets import compiled, compiled_qt, fences, qt_options

DOCS = tap.SOURCE / "docs"
EXAMPLES = [p.read_text() for pattern in ("*.c", "*/*.c", "*/*.h", "*/*.cpp")
            for p in (tap.SOURCE / "examples").glob(pattern)]
LOOP_LINES_MAX = 65


def check_c(directory):
    for name in ("FROM_QT", "FROM_SOCKETS", "EVENT_LOOPS"):
        pieces = fences((DOCS / f"{name}.md").read_text(), "c")
        # A piece of an example ends where the example's line ends, so that it can be found there.
        strange = [text for text in pieces if not any(text in example for example in EXAMPLES)]
        wrong = [f"{said}in\n{text}" for text in strange if (said := compiled(text, directory))]
        tap.comment(f"{name}: {len(pieces)} pieces, {len(pieces) - len(strange)} of them out of the examples")
        tap.result(f"all_c_in_{name.lower()}_is_an_examples_or_compiles", wrong or ([] if pieces else "there is none"))


def check_dbus(directory):
    """Its method, before and after. What format_time() does is left to the reader."""
    name = "the_method_of_from_dbus_compiles_before_and_after"
    before, after = fences((DOCS / "FROM_DBUS.md").read_text(), "c")
    subprocess.run([os.environ["POSTERN_COMMAND"], "generate", "--output", directory,
                    str(tap.SOURCE / "examples" / "clock" / "org.example.clock.varlink")], check=True)
    helper = "int format_time(const char *zone, char *text, size_t size);\n"
    wrong = compiled('#include "org.example.clock.h"\n' + helper + after, directory)
    if not Path("/usr/include/systemd/sd-bus.h").exists():
        tap.comment("sd-bus.h is not installed: only the method after was compiled")
    else:
        wrong += compiled("#include <systemd/sd-bus.h>\n" + helper + before, directory)
    tap.result(name, wrong or [])


def check_names():
    """What the tables call exists; what they say of others is theirs."""
    text = "".join(p.read_text() for p in [*(tap.SOURCE / "include").rglob("*.h"), *(tap.SOURCE / "man").glob("*.[13]")])
    wrong = []
    for guide in ("FROM_DBUS", "FROM_SD_VARLINK"):
        page = (DOCS / f"{guide}.md").read_text()
        names = set(re.findall(r"\b(?:postern|POSTERN)_\w*\w\b", page)) | set(re.findall(r"`postern (\w+)", page))
        tap.comment(f"{guide}: {len(names)} names")
        wrong += [f"{guide}: {n} is not there" for n in sorted(names) if not re.search(rf"\b{n}", text)]
    tap.result("all_that_from_dbus_and_from_sd_varlink_name_is_there", wrong)


def check_cpp(directory):
    name = "all_cpp_of_the_guides_compiles"
    if qt_options() is None:
        tap.skip(name, "Qt 6 or g++ is not installed")
        return
    # Those of EVENT_LOOPS.md are programs, and built as such; so is what is an example's.
    pieces = [p for guide in ("FROM_QT", "CPLUSPLUS") for p in fences((DOCS / f"{guide}.md").read_text(), "cpp")]
    strange = [text for text in pieces if not any(text in example for example in EXAMPLES)]
    tap.comment(f"{len(pieces)} pieces, {len(pieces) - len(strange)} of them out of the examples")
    tap.result(name, compiled_qt(strange, directory) if strange else "there is none")


def check_case():
    """The case of FROM_QT.md is there whole: each program as far as it is no include."""
    shown = fences((DOCS / "FROM_QT.md").read_text(), "c") + fences((DOCS / "FROM_QT.md").read_text(), "cpp")
    wrong = []
    for program in ("before.cpp", "after.c", "after.cpp"):
        text = (tap.SOURCE / "examples" / "from-qt" / program).read_text()
        if not any(text.endswith(piece) and "int main(" in piece and "#include" not in text[-len(piece):] and
                   all(line.startswith(("#include", "/*", "using")) or not line
                       for line in text[:-len(piece)].splitlines()) for piece in shown):
            wrong.append(f"{program} is not shown as it is")
    tap.result("the_case_of_from_qt_is_shown_whole_before_and_after", wrong)


def check_loops():
    text = (DOCS / "EVENT_LOOPS.md").read_text()
    shown = fences(text, "c") + fences(text, "cpp")
    programs = sorted((tap.SOURCE / "examples" / "loops").glob("*.c*"))
    wrong = [f"{p.name} is not shown as it is" for p in programs if p.read_text() not in shown]
    wrong += [f"{p.name} has {n} lines" for p in programs
              if (n := p.read_text().count("\n")) > LOOP_LINES_MAX]
    tap.result("five_event_loops_are_shown_whole_and_short", wrong or ([] if len(programs) == 5 else "there are not five"))


def check_parity():
    text = (DOCS / "QT_PARITY.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", text, re.M)]
    rows = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    wrong = [f"an empty cell: {row}" for row in rows if not all(row)]
    # The last column is what proves it, except in the heads of the tables.
    wrong += [f"no test and no reason: {row}" for row in rows
              if not re.search(r"\]\(\.\./tests/|not applicable, because|^Test$", row[-1])]
    declared = "".join(p.read_text() for p in (tap.SOURCE / "include").rglob("*.h"))
    wrong += [f"there is no {function}" for function in sorted(set(re.findall(r"\bpostern_\w+(?=\(\))", text)))
              if not re.search(rf"\b{function}\(", declared)]
    tap.comment(f"{len(rows)} rows")
    tap.result("qt_parity_has_no_empty_cell_and_names_what_exists", wrong or ([] if len(rows) > 40 else "rows are missing"))


def check_varlink():
    """Each row says where it is and has tests with its number, or says that it is not there; what it names is in the source."""
    text = (DOCS / "VARLINK.md").read_text()
    rules, _, tests = text.partition("## The tests")
    source = "".join(p.read_text() for p in (tap.SOURCE / "src").glob("*/*.[ch]"))
    rows = dict(re.findall(r"^\| (V\d+) \| (.*) \|$", rules, re.M))
    named = dict(re.findall(r"^\| (V\d+) \| (.*) \|$", tests, re.M))
    wrong = [f"V{n} is missing" for n in range(1, 23) if f"V{n}" not in rows]
    wrong += [f"{row}: {name}() is not in the source" for row, cells in rows.items()
              for name in re.findall(r"`(\w+)\(\)`", cells) if f"{name}(" not in source]
    wrong += [f"{row}: no test is named" for row, cells in rows.items()
              if not re.search(r"`V\d+_", named.get(row, "")) and "not there yet" not in cells]
    n = 0
    for row, cells in named.items():
        for name, path in re.findall(r"\[`(\w+)`\]\(\.\./([^)\s]+)\)", cells):
            n += 1
            if f"static void {name}(" not in (tap.SOURCE / path).read_text():
                wrong.append(f"{row}: {name} is not in {path}")
        if not re.search(rf"`(\w+_)?{row}_", cells):
            wrong.append(f"{row}: none of its tests has its number")
    tap.comment(f"VARLINK: {len(rows)} rows, {n} tests")
    tap.result("each_row_of_varlink_has_its_tests_and_its_functions", wrong)


def main():
    tap.need("gcc", "nm")
    with tempfile.TemporaryDirectory() as directory:
        check_c(directory)
        check_dbus(directory)
        check_cpp(directory)
    check_names()
    check_case()
    check_loops()
    check_parity()
    check_varlink()
    tap.done()


if __name__ == "__main__":
    main()
