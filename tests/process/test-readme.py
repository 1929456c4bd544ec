#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents say is so.

The README's programs are the examples' text, its other pieces of C compile, its five lines run; programs in
the manual compile and run; links lead somewhere; each public function has a page; each default that is
told is the one that the command has.
"""

import html
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import tap
from snippets import compiled, displays, fences, linkable

README = (tap.SOURCE / "README.md").read_text()
DOCUMENTS = sorted([*tap.SOURCE.glob("*.md"), *tap.SOURCE.glob("docs/*.md")])
PAGES = sorted([*tap.SOURCE.glob("man/*.3"), *tap.SOURCE.glob("man/*.7")])
COMMAND = os.environ.get("POSTERN_COMMAND", str(tap.BUILD / "postern"))

def check_readme(directory):
    examples = {p.name: p.read_text() for p in (tap.SOURCE / "examples").glob("*.c")}
    programs = [t for t in fences(README, "c") if "int main(" in t]
    wrong = [f"not the text of an example:\n{t}" for t in programs if t not in examples.values()]
    tap.result("the_programs_of_the_readme_are_the_examples", wrong)
    shown = [name for name, text in examples.items() if text in programs]
    tap.result("one_program_is_shown_and_the_others_are_linked",
               [f"{n} is shown {shown.count(n)} times" for n in ["echo-server.c"] if shown.count(n) != 1] +
               [f"{n} is not linked" for n in ("echo-client.c", "ask.c", "single-instance.c")
                if f"(examples/{n})" not in README])
    tap.result("they_have_at_most_40_lines",
               [f"{n}: {examples[n].count(chr(10))}" for n in shown if examples[n].count("\n") > 40])
    report = (tap.SOURCE / "tests/review/reference/qt.cpp.expected").read_text()
    tap.result("the_report_that_it_shows_is_that_of_the_reference",
               [] if report in list(fences(README, "text")) else ["not tests/review/reference/qt.cpp.expected"])
    # What one of them includes.
    description = tap.SOURCE / "examples" / "clock" / "org.example.clock.varlink"
    subprocess.run([COMMAND, "generate", "--output", directory, description], check=True)
    wrong = [said for text in fences(README, "c") if (said := compiled(text, directory))]
    tap.result("all_c_in_the_readme_compiles", wrong)


def ran(directory, env):
    """What is wrong with how the program ends; one that serves is asked to end after a second."""
    program = subprocess.Popen([f"{directory}/text"], cwd=directory, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = program.communicate(timeout=1)
    except subprocess.TimeoutExpired:
        program.terminate()
        said, _ = program.communicate(timeout=30)
    return f"ended with {program.returncode}: {said}" if program.returncode else ""


def check_pages(directory):
    n = 0
    wrong = []
    env = {**os.environ, "POSTERN_DIR": f"{directory}/pages"}
    answers = """while read -rd '' call; do printf '{"parameters":{"time":"12:00"}}\\0'; done"""
    servers = [subprocess.Popen([COMMAND, "serve", *arguments], env=env, stderr=subprocess.DEVNULL)
               for arguments in (["clock", "--echo"], ["times", "--exec", "bash", "-c", answers])]
    for name in ("clock", "times"):
        subprocess.run([COMMAND, "wait", name], env=env, check=True)
    for page in PAGES:
        for text in displays(page):
            said = compiled(text, directory)
            if not said and "int main(" in text and linkable():
                n += 1
                said = ran(directory, env)
            if said:
                wrong.append(f"{page.name}: {said}")
    for server in servers:
        server.terminate()
        server.wait()
    tap.comment(f"{n} programs in {len(PAGES)} pages")
    tap.result("all_c_in_the_manual_compiles_and_runs", wrong or ([] if n > 5 or not linkable() else "programs are missing"))


def check_five_lines(directory):
    """Run as they stand, in a directory that has this build's command where the root of the tree has it."""
    script = next(t for t in fences(README, "sh") if "postern serve" in t)
    Path(directory, "build").mkdir()
    Path(directory, "build", "postern").symlink_to(COMMAND)
    env = {**os.environ, "POSTERN_DIR": f"{directory}/names"}
    run = subprocess.run(["bash", "-ec", script + "\nwait $!"], env=env, cwd=directory, capture_output=True, text=True,
                         timeout=60)
    wrong = []
    if run.returncode != 0:
        wrong.append(f"status {run.returncode}")
    if not re.search(r"\d\d:\d\d:\d\d", run.stdout):
        wrong.append("there is no time in what was printed")
    if not re.search(r"^clock\b.*\bbytes\b", run.stdout, re.M):
        wrong.append("ls does not show the name")
    tap.result("the_five_lines_of_the_readme_run", wrong and [*wrong, run.stdout, run.stderr])


def check_tour():
    """The steps of the tour that the README quotes have the number and the words that `make run` prints."""
    steps = re.findall(r"^step '(.*)'$", (tap.SOURCE / "examples" / "tour.sh").read_text(), re.M)
    shown = next((t for t in fences(README, "text") if re.match(r"1\. \w+ .*\n2\. ", t)), "").splitlines()
    told = [line for line in shown if re.match(r"\d", line)]
    wrong = [f"not a step of the tour: {line}" for line in told
             if line not in (f"{n}. {step}" for n, step in enumerate(steps, 1))]
    wrong += [f"{len(line)} columns: {line}" for line in shown if len(line) > 102]
    wrong += [] if len(shown) == 10 and len(told) > 3 else [f"{len(shown)} lines, {len(told)} of them steps"]
    tap.result("the_ten_lines_of_the_tour_are_its_own", wrong)


def anchors(document):
    for title in re.findall(r"^#+ (.*)$", document.read_text(), re.M):
        yield re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def check_links():
    wrong = []
    for document in DOCUMENTS:
        text = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.M | re.S)
        for label, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text):
            path, _, anchor = html.unescape(target).partition("#")
            where = f"{document.relative_to(tap.SOURCE)}: {target}"
            if re.match(r"[a-z]+:", path):
                continue
            file = (document.parent / path).resolve() if path else document
            if not file.exists():
                wrong.append(f"{where} does not exist")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                wrong.append(f"{where}: no such heading")
            elif "tests" in file.parts and re.fullmatch(r"`[a-z0-9_]+`", label):
                if label.strip("`") not in file.read_text():
                    wrong.append(f"{where}: there is no test {label}")
    tap.result("links_lead_somewhere", wrong)


def check_functions_are_documented():
    declared, structs = set(), set()
    for header in (tap.SOURCE / "include").rglob("*.h"):
        structs |= set(re.findall(r"^struct (postern_\w+) \{", header.read_text(), re.M))
        declared |= set(re.findall(r"^POSTERN_API.*?\b(postern_\w+)\(", header.read_text(), re.M))
    told = {}
    for page in tap.SOURCE.glob("man/*.3"):
        name = page.read_text().partition(".Sh SYNOPSIS")[0].partition(".Sh NAME")[2]
        for function in re.findall(r"^\.Nm (\w+)", name, re.M):
            told[function] = page.name
    build = (tap.SOURCE / "man" / "meson.build").read_text()
    wrong = [f"{f} has no page" for f in sorted(declared - set(told))]
    wrong += [f"{page}: {f} does not exist" for f, page in sorted(told.items())
              if f not in declared | structs and f != "POSTERN_AUTO"]
    wrong += [f"{f} is not found by man: add it to man_links of {page}" for f, page in sorted(told.items())
              if f"'{f}'," not in build and f"{f}.3" != page]
    wrong += [f"{p.name} is not installed" for p in tap.SOURCE.glob("man/*.[1-9]") if f"'{p.name}'" not in build]
    tap.result("each_public_function_has_a_page", wrong)


def number(text):
    """`5 s`, `256 KiB`, `1,024` as the command tells its defaults; other words as they are."""
    units = {"s": 10**9, "ms": 10**6, "KiB": 1 << 10, "MiB": 1 << 20, "": 1}
    match = re.match(r"([\d,]+)(?: (ms|s|KiB|MiB))?(?![\w])", text)
    return str(int(match[1].replace(",", "")) * units[match[2] or ""]) if match else text


def check_defaults():
    has = {}
    # --deadline is that of connecting.
    for verb in ("serve", "connect"):
        run = subprocess.run([COMMAND, verb, "--defaults"], capture_output=True, text=True)
        has.update(line.split("\t") for line in run.stdout.splitlines())
    # Where RLIMIT_NOFILE is small, it decides.
    has["connections"] = "4096"
    told = [(m[2], number(m[1])) for m in re.finditer(r"^\|[^|]*\| ([^|]*) \| `--([a-z-]+)` \|$", README, re.M)]
    page = (tap.SOURCE / "man/postern.7").read_text()
    told += [(m[2], number(m[1])) for m in re.finditer(r"^\.It .*? Ta (.*?) Ta Fl -([a-z-]+)$", page, re.M)]
    wrong = [f"--{option}: told {value}, is {has.get(option)}" for option, value in told
             if value != has.get(option) and option != "low-water"]
    if len(told) < 20:
        wrong.append(f"only {len(told)} defaults were found")
    tap.result("defaults_that_are_told_are_those_of_the_command", wrong)


def main():
    tap.need("gcc", "nm", "bash")
    with tempfile.TemporaryDirectory() as directory:
        check_readme(directory)
        check_pages(directory)
        check_five_lines(directory)
    check_tour()
    check_links()
    check_functions_are_documented()
    check_defaults()
    tap.done()


if __name__ == "__main__":
    main()
