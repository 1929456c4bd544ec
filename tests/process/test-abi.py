#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program of today with a library of tomorrow, whose structs have grown, and the other way round.

The library of tomorrow is made here: a field more at the end of each struct that crosses the interface, and a handler
more that is called. The program puts traps behind its own structs.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import tap

PROGRAM = r"""
#include <postern.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct postern_loop *loop;
static char got[16];
static int closed_for, accepted;

static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)data;
	memcpy(got, bytes, n < 15 ? n : 15);
	return n;
}
static void closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)data;
	closed_for = why->code;
	postern_loop_stop(loop);
}
static void was_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	(void)s, (void)c, (void)data;
	accepted++;
}
#ifdef SETS
static void later(struct postern_conn *c, void *data) { (void)c, (void)data; }
#endif
/* Who reads behind them, calls this. */
static const struct { struct postern_conn_events e; void *trap; } conn = {
	{ .size = sizeof conn.e, .received = received, .closed = closed }, (void *)1 };
static const struct { struct postern_server_events e; void *trap; } server = {
	{ .size = sizeof server.e, .conn = &conn.e, .accepted = was_accepted }, (void *)1 };

int main(void)
{
	struct { struct postern_conn_options o; unsigned long trap; } limits = { { .size = sizeof limits.o }, ~0ul };
	struct { struct postern_connect_options o; unsigned long trap; } how = {
		{ .size = sizeof how.o, .deadline_ns = POSTERN_SECONDS(20), .conn = &limits.o }, ~0ul };
	struct { struct postern_server_options o; unsigned long trap; } serve = {
		{ .size = sizeof serve.o, .conn = &limits.o }, ~0ul };
	struct { struct postern_conn_counters k; char guard[64]; } counters = { .guard = "untouched" };
	struct { struct postern_server_counters k; char guard[64]; } server_counters = { .guard = "untouched" };
	struct { struct postern_peer p; char guard[64]; } peer = { .guard = "untouched" };
	struct postern_server *s = NULL;
	struct postern_conn *c = NULL;
	int r;

	if (postern_loop_new(&loop) < 0)
		return 1;
#ifdef SETS
	struct postern_conn_events more = { .size = sizeof more, .later = later };
	struct postern_conn_options option = { .size = sizeof option, .later = 1 };
	int sv[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	r = postern_conn_adopt(&c, loop, sv[0], NULL, &more, NULL);
	printf("handler %d: %s\n", r, postern_why()->text);
	r = postern_conn_adopt(&c, loop, sv[0], &option, &conn.e, NULL);
	printf("option %d: %s\n", r, postern_why()->text);
	return 0;
#endif
	r = postern_server_new(&s, loop, "abi", &serve.o, &server.e, NULL);
	if (r == 0)
		r = postern_connect(&c, loop, "abi", &how.o, &conn.e, NULL);
	if (r < 0) {
		printf("%d: %s\n", r, postern_why()->text);
		return 1;
	}
	if (postern_conn_write(c, "hello", 5) != 5)
		return 1;
	while (!got[0] || !accepted)
		postern_loop_dispatch(loop, POSTERN_SECONDS(20));
	if (postern_conn_close(c) < 0)
		return 1;
	postern_loop_run(loop);
	postern_conn_get_counters(c, &counters.k, sizeof counters.k);
	postern_server_get_counters(s, &server_counters.k, sizeof server_counters.k);
	postern_conn_peer(c, &peer.p, sizeof peer.p);
	printf("got %s, closed %d, accepted %d, sent %d, let in %d, pid %d, guards %s %s %s\n", got, closed_for, accepted,
	       (int)counters.k.sent, (int)server_counters.k.accepted, peer.p.pid > 0, counters.guard,
	       server_counters.guard, peer.guard);
	postern_conn_free(c);
	postern_server_free(s);
	postern_loop_free(loop);
	return 0;
}
"""
EXPECTED = "got hello, closed 2, accepted 1, sent 5, let in 1, pid 1, guards untouched untouched untouched\n"
GROWN = {
    "postern_conn_events": "void (*later)(struct postern_conn *c, void *data);",
    "postern_server_events": "void (*later)(struct postern_server *s, void *data);",
    "postern_conn_options": "uint64_t later;",
    "postern_connect_options": "uint64_t later;",
    "postern_server_options": "uint64_t later;",
    "postern_thread_options": "uint64_t later;",
    "postern_conn_counters": "uint64_t later;",
    "postern_server_counters": "uint64_t later;",
    "postern_peer": "uint64_t later;",
}


def grow(tree):
    """Structs of which each has one thing more, and a library that calls the new handlers."""
    left = dict(GROWN)
    for header in (tree / "include").rglob("*.h"):
        text = header.read_text()
        for name in list(left):
            text, n = re.subn(r"(\nstruct %s \{\n.*?)(\n\};)" % name, lambda m: f"{m[1]}\n\t{left[name]}{m[2]}", text, count=1, flags=re.S)
            if n:
                del left[name]
        header.write_text(text)
    calls = {"src/conn/conn.c": ("if (conn_event(c, closed)", "c", "conn_event"), "src/server/accept.c": ("if (server_event(s, accepted)", "s", "server_event")}
    for path, (before, handle, event) in calls.items():
        text = (tree / path).read_text()
        if before not in text:
            left[path] = before
        call = f"if ({event}({handle}, later))\n\t\t{event}({handle}, later)({handle}, {handle}->data);\n\t"
        (tree / path).write_text(text.replace(before, call + before))
    # Its sums are those of the structs as they are.
    (tree / "src/layout.c").unlink()
    # A larger peer makes a larger connection, which is not what this is about.
    path = tree / "src/conn/conn.c"
    path.write_text(re.sub(r"static_assert\(sizeof\(struct postern_conn\).*", "", path.read_text()))
    return left


def run(command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, **more)


def library(tree, directory):
    sources = sorted((tree / "src").rglob("*.c"))
    command = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{tree}/include", f"-I{tree}/src"]
    return run([*command, "-o", directory / "libpostern.so", *sources, "-pthread"])


def program(include, directory, name, *options):
    source = directory / f"{name}.c"
    source.write_text(PROGRAM)
    return run(["gcc", "-std=c11", "-D_GNU_SOURCE", *options, f"-I{include}", "-o", directory / name, source, f"-L{directory}", "-lpostern", "-pthread"])


def main():
    tap.need("gcc")
    with tempfile.TemporaryDirectory(prefix="postern-test-") as text:
        root = Path(text)
        old, new = root / "old", root / "new"
        for directory in (old, new):
            directory.mkdir()
            for part in ("include", "src"):
                shutil.copytree(tap.SOURCE / part, directory / "tree" / part)
        missing = grow(new / "tree")
        tap.result("each struct that crosses the interface can be grown", [f"not found: {m}" for m in missing])
        made = [library(d / "tree", d) for d in (old, new)]
        made += [program(d / "tree/include", d, "talk") for d in (old, new)] + [program(new / "tree/include", new, "sets", "-DSETS")]
        failed = [m.stderr[:2000] for m in made if m.returncode]
        tap.result("both libraries and their programs compile", failed)
        if failed:
            tap.done()

        def talk(what, directory):
            (root / "names").mkdir(exist_ok=True)
            return run([what], env={"LD_LIBRARY_PATH": str(directory), "POSTERN_DIR": str(root / "names")})

        for name, what, directory in (
            ("a program of today runs with a library whose structs have grown", old / "talk", new),
            ("a program of tomorrow runs with a library of today while it sets nothing new", new / "talk", old),
            ("a program of today runs with its own library", old / "talk", old),
        ):
            done = talk(what, directory)
            wrong = done.stdout != EXPECTED or done.returncode
            tap.result(name, f"status {done.returncode}: {done.stdout}{done.stderr}" if wrong else ())
        done = talk(new / "sets", old)
        lines = done.stdout.splitlines()
        tap.comment(done.stdout)
        tap.result(
            "what a library does not know, and is set, is refused with words",
            [] if len(lines) == 2 and all(": postern_conn_" in line and "does not know" in line and "-7" in line for line in lines) else done.stdout + done.stderr,
        )
    tap.done()


if __name__ == "__main__":
    main()
