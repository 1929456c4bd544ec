#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The site that `make docs` writes: each link inside it leads to a page, and to a place on it that is there."""

import html
import re
import subprocess
import tempfile
from pathlib import Path

import tap


def links(text):
    return [html.unescape(target) for _, target in re.findall(r'\b(?:href|src)=(["\'])(.*?)\1', text)]


def check_links(site):
    """Every page; an anchor that a page has twice would lead to one of them only."""
    ids = {page.resolve(): re.findall(r'\bid="([^"]*)"', page.read_text()) for page in site.rglob("*.html")}
    wrong, n, reached = [], 0, set()
    for page in ids:
        for target in links(page.read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            n += 1
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            where = f"{page.relative_to(site)}: {target}"
            if not file.is_file() or not file.is_relative_to(site):
                wrong.append(f"{where} does not exist")
            elif anchor and anchor not in ids.get(file, []):
                wrong.append(f"{where}: there is no such place")
            if file != page:
                reached.add(file)
    tap.comment(f"{len(ids)} pages, {n} links within the site")
    tap.result("each_link_within_the_site_leads_somewhere", wrong[:20] or ([] if n > 500 else "links are missing"))
    tap.result("each_page_is_linked_to", [str(page.relative_to(site)) for page in ids if page not in reached])


def check_complete(site):
    documents = [p for pattern in ("*.md", "docs/*.md", "man/*.[1-9]") for p in tap.SOURCE.glob(pattern)]
    missing = []
    for document in documents:
        name = document.relative_to(tap.SOURCE).as_posix()
        page = "index.html" if name == "README.md" else f"{name.removesuffix('.md')}.html"
        if not (site / page).is_file():
            missing.append(f"{name}: there is no {page}")
    tap.comment(f"{len(documents)} documents and manual pages")
    tap.result("each_document_and_manual_page_is_on_the_site", missing or ([] if len(documents) > 25 else "some are missing"))


def check_pictures(site):
    pictures = sorted(p.name for p in (tap.SOURCE / "docs" / "pictures").glob("*.svg"))
    shown = {Path(target).name for page in site.rglob("*.html") for target in links(page.read_text())}
    tap.result("each_picture_is_shown", [f"{name} is on no page" for name in pictures if name not in shown])


def main():
    tap.need("pandoc", "mandoc")
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory).resolve() / "site"
        run = subprocess.run([tap.SOURCE / "tools" / "docs", site], capture_output=True, text=True)
        tap.result("the_site_is_written", run.stderr if run.returncode else [])
        if run.returncode == 0:
            check_complete(site)
            check_links(site)
            check_pictures(site)
    tap.done()


if __name__ == "__main__":
    main()
