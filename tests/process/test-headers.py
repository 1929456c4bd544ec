#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public headers and the symbols of the shared library, as a stranger's compiler and linker see them."""

import os
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tap

INCLUDE = tap.SOURCE / "include"
HEADERS = sorted(str(p.relative_to(INCLUDE)) for p in INCLUDE.rglob("*.h"))
CPP_HEADERS = sorted(str(p.relative_to(INCLUDE)) for p in INCLUDE.rglob("*.hpp"))
LINES_MAX = 250
# postern.hpp is the whole of C++; what its classes stand on is not for reading.
CPP_LINES_MAX = {"postern.hpp": 350, "postern-qt.hpp": 350}

# Not -D_GNU_SOURCE: which features of libc a program asks for is its own affair.
COMMON = ["-fsyntax-only", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{INCLUDE}"]
MACHINES = ["i686-linux-gnu-gcc", "arm-linux-gnueabihf-gcc", "s390x-linux-gnu-gcc"]
LANGUAGES = {
    # -Wpadded: what the compiler would put between the fields of a struct has no name and no value. Where it would put
    # something depends on the width of a word and on what a word of 64 bits is aligned to: hence the other machines.
    "C11": (["gcc", "clang", *MACHINES], ["-xc", "-std=c11", "-Wstrict-prototypes", "-Wundef", "-Wpadded"]),
    "C++17": (["g++", "clang++"], ["-xc++", "-std=c++17", "-Wpadded"]),
}


CPP = ["-Wshadow", "-Wconversion", "-Wnon-virtual-dtor", "-Woverloaded-virtual"]
CPP_COMPILERS = {"g++": ["17", "20", "23"], "clang++": ["17", "20", "2b"]}


def compiled(commands):
    """Runs what does not depend on each other, as many at once as there are CPUs: what each said, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda c: subprocess.run(c, capture_output=True, text=True), commands))


def check_cpp(directory):
    """Those of C++ alone, and once without exceptions. That of Qt has its own test."""
    units = []
    for compiler, standards in CPP_COMPILERS.items():
        for extra in [[f"-std=c++{s}"] for s in standards] + [["-std=c++17", "-fno-exceptions"]]:
            name = f"each header of C++ alone compiles silently with {compiler} {' '.join(extra)}"
            if not shutil.which(compiler):
                tap.skip(name, f"{compiler} is not installed")
                continue
            # What postern.hpp includes is no program's to include; that it can be is seen once.
            headers = ["postern.hpp"] if extra != ["-std=c++17"] else [h for h in CPP_HEADERS if "qt" not in h]
            for header in headers:
                source = directory / f"{len(units)}.cpp"
                source.write_text(f"#include <{header}>\n#include <{header}>\n")
                units.append((name, header, [compiler, *COMMON, *CPP, *extra, source]))
    wrong = {name: [] for name, _, _ in units}
    for (name, header, _), run in zip(units, compiled([command for _, _, command in units])):
        if run.returncode or run.stderr:
            wrong[name].append(f"{header}:\n{run.stderr}")
    for name, text in wrong.items():
        tap.result(name, text)
    lines = {header: len((INCLUDE / header).read_text().splitlines()) for header in CPP_HEADERS}
    tap.comment("lines: " + ", ".join(f"{header} {n}" for header, n in lines.items()))
    tap.result(
        "postern.hpp is read in ten minutes, and so is that of Qt",
        [f"{header}: {n} lines" for header, n in lines.items() if n > CPP_LINES_MAX.get(header, n)],
    )


def check_qt(directory):
    """That of Qt with what moc makes of it, for each Qt and compiler that is here."""
    for version, variable in (("6", "libexecdir"), ("5", "host_bins")):
        name = f"postern-qt.hpp and its moc compile silently with Qt {version}"
        if not shutil.which("pkg-config") or subprocess.run(["pkg-config", f"Qt{version}Core"]).returncode:
            tap.skip(name, f"Qt {version} is not installed")
            continue
        ask = ["pkg-config", f"Qt{version}Core"]
        moc = Path(subprocess.check_output([*ask, f"--variable={variable}"], text=True).strip(), "moc")
        flags = subprocess.check_output([*ask, "--cflags"], text=True).split()
        made, source = directory / "moc_postern-qt.cpp", directory / "qt.cpp"
        run = subprocess.run([moc, f"-I{INCLUDE}", INCLUDE / "postern-qt.hpp", "-o", made], capture_output=True, text=True)
        wrong = [run.stderr] if run.stderr else []
        source.write_text(f'#include <postern-qt.hpp>\n#include <postern-qt.hpp>\n#include "{made}"\n')
        commands = []
        for compiler, standard in (("g++", "17"), ("g++", "20"), ("clang++", "17")):
            if not shutil.which(compiler):
                continue
            # -isystem: Qt's own headers are not held to this. Without its keywords, as careful projects have it.
            options = ["-fPIC", f"-std=c++{standard}", "-DQT_NO_KEYWORDS", *(re.sub("^-I", "-isystem", f) for f in flags)]
            commands.append([compiler, *COMMON, "-Wshadow", *options, source])
        wrong += [run.stderr for run in compiled(commands) if run.stderr]
        tap.result(name, wrong)


def check_compiles(directory):
    for language, (compilers, options) in LANGUAGES.items():
        for compiler in compilers:
            if not shutil.which(compiler):
                tap.skip(f"each header alone is {language} for {compiler}", f"{compiler} is not installed")
                continue
            commands = []
            for header in HEADERS:
                # Twice: the second time must be nothing. A C file may not be empty.
                source = directory / f"{header.replace('/', '-')}.c"
                source.write_text(f"#include <{header}>\n#include <{header}>\nextern int nothing;\n")
                commands.append([compiler, *COMMON, *options, source])
            tap.result(f"each header alone is {language} for {compiler}",
                       [f"{h}:\n{run.stderr}" for h, run in zip(HEADERS, compiled(commands)) if run.returncode])


def check_lengths():
    lines = {header: len((INCLUDE / header).read_text().splitlines()) for header in HEADERS}
    tap.comment("lines: " + ", ".join(f"{header} {n}" for header, n in lines.items()))
    tap.result(
        f"no header has more than {LINES_MAX} lines",
        [f"{header}: {n} lines" for header, n in lines.items() if n > LINES_MAX],
    )


def dynamic(path, *options):
    text = subprocess.run(["nm", "-DP", *options, path], check=True, capture_output=True, text=True).stdout
    names = {}
    for line in text.splitlines():
        name, kind = line.split()[:2]
        names[re.sub("@.*", "", name)] = kind
    return names


def declared():
    """Names of the functions that a header gives POSTERN_API to."""
    names = set()
    for header in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", (INCLUDE / header).read_text(), flags=re.S)
        text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.S | re.M)
        names |= {re.search(r"(\w+)\(", d)[1] for d in re.findall(r"^POSTERN_API ([^;]+);", text, re.M)}
    return names


def check_symbols():
    library = tap.BUILD / "src/libpostern.so"
    programs = [tap.BUILD / "tests" / p.stem for p in (tap.SOURCE / "tests/api").glob("test-api*.c")]
    missing = [str(p) for p in (library, *programs) if not p.exists()]
    if missing:
        tap.skip("exported symbols", f"not built here: {', '.join(missing)}")
        return
    exported = {name for name, kind in dynamic(library, "--defined-only").items() if kind in "TDBRWViu"}
    used = {name for p in programs for name in dynamic(p, "--undefined-only")}
    tap.comment(f"{len(exported)} symbols are exported")
    tap.result("every exported symbol begins with postern_", sorted(n for n in exported if not n.startswith("postern_")))
    tap.result(
        "what is exported is what the headers declare",
        sorted(f"{n}: exported, in no header" for n in exported - declared())
        + sorted(f"{n}: in a header, not exported" for n in declared() - exported),
    )
    known = (tap.SOURCE / "dist/debian/libpostern0.symbols").read_text()
    listed = set(re.findall(r"^ (postern_\w+)@", known, re.M))
    tap.result("the symbols file of the Debian package lists what is exported", sorted(listed ^ exported))
    tap.result("test-api and its kind use every exported symbol", sorted(exported - used))
    versions = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True).stdout
    tap.result(
        "every exported symbol has the version of its release",
        [line for line in versions.splitlines() if " T " in line and "@@POSTERN_" not in line],
    )


def main():
    tap.need("nm", "gcc")
    with tempfile.TemporaryDirectory(prefix="postern-test-") as directory:
        check_compiles(Path(directory))
        check_cpp(Path(directory))
        check_qt(Path(directory))
    check_lengths()
    check_symbols()
    tap.done()


if __name__ == "__main__":
    main()
