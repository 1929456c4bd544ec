#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages, as the two formatters that people have show them: without a warning, and within 80 columns."""

import os
import re
import subprocess

import tap

PAGES = sorted((tap.SOURCE / "man").glob("*.[1-9]"))
COLUMNS = 80
# man(1) leaves two of the 80 columns free.
MANDOC = ["mandoc", "-Tutf8", f"-Owidth={COLUMNS - 2}"]
GROFF = ["groff", "-t", "-mandoc", "-Tutf8", f"-rLL={COLUMNS - 2}n", "-P-c", "-P-b", "-P-o", "-P-u"]


def run(command, page):
    return subprocess.run([*command, page], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})


def check_mandoc():
    wrong = []
    for page in PAGES:
        # Its status is that of the worst finding; what is a matter of style is below -W warning, and not told.
        lint = run(["mandoc", "-Tlint", "-Wwarning"], page)
        if lint.returncode or lint.stdout or lint.stderr:
            wrong.append(f"status {lint.returncode}: {lint.stdout}{lint.stderr}")
    tap.comment(f"{len(PAGES)} pages")
    tap.result("mandoc_has_no_warning_for_any_page", wrong or ([] if len(PAGES) > 15 else "pages are missing"))


def check_groff():
    wrong = []
    for page in PAGES:
        # -z formats without printing; the status is 0 whatever it warns of.
        said = run([*GROFF, "-ww", "-z"], page)
        if said.returncode or said.stderr:
            wrong.append(f"{page.name}: status {said.returncode}: {said.stderr}")
    tap.result("groff_has_no_warning_for_any_page", wrong)


def too_wide(command, page):
    """The lines of a formatted page that do not fit, with bold and underlining by overstriking taken out."""
    text = run(command, page).stdout
    while "\b" in text:
        text = re.sub(r"[^\n]\x08", "", text)
    lines = text.expandtabs(8).splitlines()
    wrong = [f"{page.name}, {command[0]}: {len(line)} columns: {line}" for line in lines if len(line) > COLUMNS]
    return wrong if lines else [f"{page.name}, {command[0]}: printed nothing"]


def check_width(page):
    wrong = too_wide(MANDOC, page) + too_wide(GROFF, page)
    tap.result(f"{page.name.replace('.', '_').replace('-', '_')}_fits_into_{COLUMNS}_columns", wrong)


def check_tables():
    """groff does not cut a table or a row that is too wide: it breaks it, and leaves a word alone at the right.

    In sections 1 and 3 the last column may go on in a second line; those of postern(7) fit into one.
    """
    wrong = []
    for page in PAGES:
        lines = run(GROFF, page).stdout.expandtabs(8).splitlines()
        wrong += [f"{page.name}: {line.strip()!r} alone at column {len(line) - len(line.lstrip())}"
                  for line in lines if re.match(r" {40,}\S+$" if page.suffix == ".7" else r" {60,}\S+$", line)]
    tap.result("no_row_of_a_table_is_broken_at_the_right", wrong)


def declared():
    """Functions of the public headers of C, and their constants."""
    functions, constants, types = set(), set(), set()
    for header in (tap.SOURCE / "include").rglob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = re.sub(r"^#(?!define POSTERN_(?!H\b)).*?(?<!\\)$", "", text, flags=re.S | re.M)
        functions |= {re.search(r"(postern_\w+)\(", d)[1] for d in re.findall(r"^POSTERN_API ([^;]+);", text, re.M)}
        types |= set(re.findall(r"\btypedef [^;]*?\b(postern_\w+)\(", text))
        for body in re.findall(r"\benum\s*\w*\s*{(.*?)}", text, re.S):
            constants |= set(re.findall(r"\b(POSTERN_[A-Z0-9_]+)\b", body))
    return functions, constants, types


def check_headers():
    """Each function has one page: its name is in NAME, its prototype in SYNOPSIS. Each constant is in some page."""
    functions, constants, types = declared()
    names, prototypes, said = {}, {}, ""
    for page in PAGES:
        text = page.read_text()
        said += text
        if page.suffix != ".3":
            continue
        name = text[text.index(".Sh NAME"):text.index(".Sh SYNOPSIS")]
        for function in re.findall(r"^\.Nm (postern_\w+)", name, re.M):
            names.setdefault(function, []).append(page.name)
        synopsis = text[text.index(".Sh SYNOPSIS"):text.index(".Sh DESCRIPTION")]
        for function in re.findall(r"^\.F[no] (postern_\w+)", synopsis, re.M):
            prototypes.setdefault(function, []).append(page.name)
    tap.comment(f"{len(functions)} functions, {len(constants)} constants")
    for where, found in (("name", names), ("synopsis", prototypes)):
        wrong = [f"{f}: in {found.get(f, 'no page')}" for f in sorted(functions) if len(found.get(f, [])) != 1]
        tap.result(f"each_function_of_the_headers_is_in_the_{where}_of_one_page",
                   wrong or ([] if len(functions) > 50 else "functions are missing"))
    tap.result("each_function_of_a_page_is_in_a_header",
               sorted(set(prototypes) - functions - types))
    tap.result("each_constant_of_the_headers_is_in_a_page",
               [c for c in sorted(constants) if not re.search(rf"\b{c}\b", said)]
               or ([] if len(constants) > 20 else "constants are missing"))


def main():
    check_headers()
    tap.need("mandoc", "groff")
    check_mandoc()
    check_groff()
    check_width(tap.SOURCE / "man" / "postern.7")
    check_tables()
    tap.done()


if __name__ == "__main__":
    main()
