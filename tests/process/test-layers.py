#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the source that a compiler does not know.

A file uses its own layer and those below it, in its #include lines and in the symbols that its object needs.
Outside of sys/ nobody calls the kernel: what an object may need of libc is listed here, and a call that is
not on the list is either I/O in the wrong place or a decision to be taken here.
"""

import json
import pathlib
import re
import statistics
import subprocess
from collections import Counter, defaultdict

import tap

# From the bottom to the top. What lies in src/ itself are public objects, but for a file that is a layer by itself.
LAYERS = ["sys", "base", "account", "loop", "name", "link", "core", "conn", "server", "service", "top"]
# The same of the reviewer; what lies in review/ itself is the command.
REVIEW_LAYERS = ["base", "knowledge", "read", "model", "flow", "peer", "rules", "report", "lsp", "top"]

LIBC = set(
    # memory and strings
    "memchr memcmp memcpy memmove memset strchr strcmp strcspn strlen strncmp strncpy strnlen strrchr strsep strspn "
    # numbers, dates and lines of text, into memory
    "__isoc99_sscanf gmtime_r snprintf sscanf strftime strtol strtoll strtoul strtoull vsnprintf "
    # what clang makes of a memcmp() of which only 0 matters
    "bcmp "
    # the same, checked by the compiler
    "__memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk "
    # order, and the environment, which is memory too
    "qsort secure_getenv "
    # what thread-local data and pthread_cleanup_push() become
    "__tls_get_addr __pthread_register_cancel __pthread_unregister_cancel __sigsetjmp _setjmp "
    # what assert() and the stack protector end with, and position-independent code begins with
    "__assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_".split()
)
# The core does no I/O and takes no memory behind the caller's back: it can be run in a simulation.
LIBC_OF_CORE = set("bcmp memchr memcmp memcpy memmove memset strcmp strlen __memcpy_chk __memmove_chk __memset_chk __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_".split())
# Memory is taken in one place, so that tests can make it fail.
LIBC_OF = {"sys_alloc.c.o": {"calloc", "realloc", "free"}}

# What fork needs, and signal handlers; whether this thread is inside of a callback, and the words of its last failure.
WRITABLE = {
    ("loop_fork.c.o", name)
    for name in ("fork_mutex", "fork_guards", "fork_count", "fork_once", "fork_setup_result")
} | {("loop_loop.c.o", "loop_holds"), ("base_reason.c.o", "why_of_thread"), ("loop_signal.c.o", "signal_places"), ("loop_signal.c.o", "signal_handlers"), ("loop_signal.c.o", "signal_process"), ("service_tag.c.o", "tag_failed")}

FILE_MAX = 25 * 1024
FUNCTION_MAX, FUNCTION_90, FUNCTION_MEDIAN = 80, 40, 15

SRC = tap.SOURCE / "src"
REVIEW = tap.SOURCE / "review"


def sources(*directories, suffixes=(".c", ".h")):
    for directory in directories:
        yield from sorted(
            p for p in (tap.SOURCE / directory).rglob("*") if p.suffix in suffixes and p.is_file()
        )


def brief(path):
    return str(path.relative_to(tap.SOURCE))


def layer_of_path(path):
    parts = path.relative_to(SRC).parts
    return parts[0] if len(parts) > 1 else path.stem if path.stem in LAYERS else "top"


def layer_of_object(name):
    first = re.split(r"[_.]", name)[0]
    return first if first in LAYERS else "top"


def above(layer, other):
    """Is `other` out of bounds for `layer`? The core uses base/ and nothing else of what is below it."""
    if layer == "core":
        return other not in ("core", "base")
    return LAYERS.index(other) > LAYERS.index(layer)


def objects():
    """Those that the build makes now: a directory that was built before a file moved has its old object too."""
    made = json.loads((tap.BUILD / "compile_commands.json").read_text())
    return sorted(
        tap.BUILD / entry["output"]
        for entry in made
        if re.match(r"src/libpostern-(core|idl|sys)\.a\.p/", entry.get("output", ""))
    )


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_layers_are_known():
    there = {layer_of_path(p) for p in sources("src")}
    tap.result(
        "every directory of src is a layer",
        [f"{layer}: not in LAYERS of {pathlib.Path(__file__).name}" for layer in there - set(LAYERS)],
    )
    return there <= set(LAYERS)


def check_includes():
    wrong, graph = [], defaultdict(set)
    for path in sources("src"):
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            target = SRC / name
            if not target.exists():
                wrong.append(f"{brief(path)} includes {name}: name it from src/")
                continue
            graph[layer_of_path(path)].add(layer_of_path(target))
            if above(layer_of_path(path), layer_of_path(target)):
                wrong.append(f"{brief(path)} includes {name}, which is above it")
    for layer in reversed(LAYERS):
        if graph[layer] - {layer}:
            tap.comment(f"{layer} includes {', '.join(sorted(graph[layer] - {layer}, key=LAYERS.index))}")
    tap.result("no file includes a header of a layer above it, so there is no circle of folders", wrong)


def review_layer(path):
    parts = path.relative_to(REVIEW).parts
    return parts[0] if len(parts) > 1 else "top"


def check_review():
    """Made by the build and read by one file each: tables of knowledge and of pages."""
    made = {"knowledge/kb.c": "kb-builtin.h", "report/explain.c": "explain-builtin.h",
            "report/html.c": "page-builtin.h"}
    wrong, seen = [], Counter()
    for path in sources("review"):
        if "grammars" in path.parts:
            continue
        layer = review_layer(path)
        seen[layer] += 1
        if layer not in REVIEW_LAYERS:
            wrong.append(f"{brief(path)}: {layer} is not in REVIEW_LAYERS of {pathlib.Path(__file__).name}")
            continue
        for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            target = REVIEW / name
            if made.get(str(path.relative_to(REVIEW))) == name:
                continue
            if not target.exists():
                wrong.append(f"{brief(path)} includes {name}: name it from review/")
            elif REVIEW_LAYERS.index(review_layer(target)) > REVIEW_LAYERS.index(layer):
                wrong.append(f"{brief(path)} includes {name}, which is above it")
    tap.comment("files of review: " + ", ".join(f"{layer} {seen[layer]}" for layer in REVIEW_LAYERS))
    wrong += [f"{layer}: no file" for layer in REVIEW_LAYERS if not seen[layer]]
    tap.result("no file of the reviewer includes a header of a layer above it", wrong)


def check_bridge():
    """It has what the command has, and what it shares with that; libnats is known to the bus alone."""
    wrong = []
    for path in sources("bridge"):
        for name in re.findall(r'^#include ["<]([^">]+)[">]', path.read_text(), re.M):
            if name.startswith("nats/") and not path.name.startswith("bus"):
                wrong.append(f"{brief(path)} includes {name}, which only the bus may")
            elif ".." not in name and (SRC / name).exists() and name not in ("base/words.h", "core/idl.h"):
                wrong.append(f"{brief(path)} includes {name} of src/")
    tap.result("the bridge uses of src/ what the command may, and only its bus knows libnats", wrong)


def symbols():
    """Each object: what it defines for others, and what it needs."""
    defines, needs = {}, defaultdict(set)
    for path in objects():
        for line in output("nm", "-P", str(path)).splitlines():
            name, kind = line.split()[:2]
            if kind == "U":
                needs[path.name].add(name)
            elif kind.isupper() and kind not in "VW":
                defines[name] = path.name
    return defines, needs


def may_call(where, name):
    """May this object use this symbol of libc?"""
    if where == "sys_sys.c.o":
        return True
    if layer_of_object(where) == "core":
        return name in LIBC_OF_CORE
    return name in LIBC or name in LIBC_OF.get(where, ()) or name.startswith("pthread_")


def check_symbols():
    defines, needs = symbols()
    upwards, foreign = [], []
    for where, names in sorted(needs.items()):
        layer = layer_of_object(where)
        for name in sorted(names):
            if name in defines:
                if above(layer, layer_of_object(defines[name])):
                    upwards.append(f"{where} uses {name} of {defines[name]}, which is above it")
            elif not may_call(where, name):
                foreign.append(f"{where} calls {name}()")
    tap.result("no object needs a symbol of a layer above it", upwards)
    tap.result("only sys/ calls the kernel: what else is called is on the list", foreign)


def check_globals():
    wrong = []
    for path in objects():
        for line in output("objdump", "-t", str(path)).splitlines():
            match = re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.\w+ )?(\S+)$", line)
            if not match or "O" not in match[1] and not re.match(r"\*COM\*|\.t(data|bss)", match[2]):
                continue
            if match[4].startswith("."):  # the section itself
                continue
            section, name = match[2], match[4]
            # .data.rel.ro is written by the dynamic linker alone, and read-only from then on.
            if re.match(r"\.(data|bss|tdata|tbss)\b(?!\.rel\.ro)", section) or section == "*COM*":
                if (path.name, name) not in WRITABLE:
                    wrong.append(f"{path.name} has {name} in {section}")
    tap.result("no writable global data but the tables of fork and signals, and a count and a failure for each thread", wrong)


STATIC = re.compile(
    r"^static\s+(?:inline\s+)?(?:const\s+)?(?:struct\s+\w+|enum\s+\w+|[\w ]+?)[\s*]*(?:const\s+)?\b(\w+)"
    r"\s*(\(|\[|=|;)",
    re.M,
)


def check_names():
    where = defaultdict(set)
    for path in sources("src"):
        for name, _ in STATIC.findall(re.sub(r"__attribute__\(\(.*?\)\)+", "", path.read_text())):
            where[name].add(brief(path))
    wrong = [f"{name}: in {', '.join(sorted(files))}" for name, files in sorted(where.items()) if len(files) > 1]
    tap.comment(f"{len(where)} static names")
    tap.result("static names are unique over the library", wrong or ([] if where else "none was found"))


def functions(path):
    """Name and length of each function, from the line that names it to its closing brace."""
    begin, name, inside = None, None, False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if inside:
            if line == "}":
                yield name, number - begin + 1
                inside, begin = False, None
        elif line == "{" and begin:
            inside = True
        elif re.match(r"[A-Za-z_]", line) and (match := re.search(r"(\w+)\(", line)):
            begin, name = number, match[1]


def check_sizes():
    big = [
        f"{brief(p)}: {p.stat().st_size} bytes"
        for p in sources("src", "cmd", "bridge", "include", "tests", suffixes=(".c", ".h", ".py", ".sh"))
        if p.stat().st_size > FILE_MAX and "tests/review/" not in brief(p)
    ]
    tap.result(f"no file is larger than {FILE_MAX} bytes", big)

    lengths = [
        (length, f"{brief(p)}: {name}() has {length} lines")
        for p in sources("src", "cmd", "bridge", suffixes=(".c",))
        for name, length in functions(p)
    ]
    plain = sorted(length for length, _ in lengths)
    median, ninety = statistics.median(plain), plain[len(plain) * 9 // 10]
    tap.comment(f"{len(plain)} functions: median {median} lines, 90 % up to {ninety}, longest {plain[-1]}")
    tap.result(
        f"no function is longer than {FUNCTION_MAX} lines",
        [text for length, text in lengths if length > FUNCTION_MAX],
    )
    tap.result(
        f"functions are short: median {FUNCTION_MEDIAN}, 90 % up to {FUNCTION_90} lines",
        [] if median <= FUNCTION_MEDIAN and ninety <= FUNCTION_90 else f"median {median}, 90 % up to {ninety}",
    )


def check_texts():
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    unfinished, unlicensed = [], []
    for path in sources("src", "cmd", "bridge", "include", "tests", "examples", "bench", suffixes=(".c", ".h", ".py", ".sh")):
        # Programs to be reviewed, as they were found.
        if "tests/review/" in brief(path):
            continue
        text = path.read_text()
        unfinished += [f"{brief(path)}: {match[0]}" for match in marks.finditer(text)]
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.splitlines()[:3]):
            unlicensed.append(brief(path))
    tap.result("nothing is marked as unfinished", unfinished)
    tap.result("every source file says its licence on top", unlicensed)


def check_given_up():
    """A descriptor that is given up leaves epoll first: one function does that."""
    wrong = [
        f"{brief(path)}: {line.strip()}"
        for path in sources("src")
        if brief(path) not in ("src/loop/object.c", "src/loop/loop.c")
        for line in path.read_text().splitlines()
        if re.search(r"object\.fd = -1|\bo->fd = -1", line)
    ]
    tap.result("an object's descriptor is given up by object_give_up() alone", wrong)


def check_descriptors():
    """What makes a descriptor moves it above 2: no statement of sys/ may forget that."""
    makers = re.compile(
        r"\b(socket|socketpair|accept4?|epoll_create1?|eventfd|timerfd_create|inotify_init1?|SYS_pidfd_open|pipe2?|"
        r"open|openat|openat2|dup[23]?|memfd_create|signalfd|fopen|opendir)\(|\bSYS_(pidfd_open|openat2|memfd_create)\b"
    )
    wrong, seen = [], 0
    for path in sources("src/sys", suffixes=(".c",)):
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for statement in re.split(r"[;{}]", code):
            if makers.search(statement):
                seen += 1
                if "SYS_DESCRIPTOR(" not in statement:
                    wrong.append(f"{brief(path)}: {' '.join(statement.split())}")
    tap.comment(f"{seen} places make a descriptor")
    tap.result("no descriptor of the library is 0, 1 or 2", wrong or ([] if seen >= 8 else f"only {seen} were found"))


def main():
    tap.need("nm", "objdump")
    if check_layers_are_known():
        check_includes()
        check_review()
        check_bridge()
        if objects():
            check_symbols()
            check_globals()
        else:
            tap.result("the objects of the library are there", f"none in {tap.BUILD}/src")
    check_given_up()
    check_descriptors()
    check_names()
    check_sizes()
    check_texts()
    by_layer = Counter(layer_of_path(p) for p in sources("src") if layer_of_path(p) in LAYERS)
    tap.comment("files: " + ", ".join(f"{layer} {by_layer[layer]}" for layer in LAYERS if by_layer[layer]))
    tap.done()


if __name__ == "__main__":
    main()
