#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern call, info, introspect, and serve --interface: calls, by the command and by hand."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
CLOCK = tap.SOURCE / "tests" / "generate" / "org.example.clock.varlink"
DONE, ANSWERED, USAGE, NO_INPUT, NO_SERVER, IO, TRY_AGAIN, NO_PROGRAM = 0, 1, 64, 66, 69, 74, 75, 127
NOW = "org.example.clock.Now"

# What the command of Now does, by the zone that it is asked for.
COMMAND = r"""#!/bin/sh
read -r in
case $in in
*Mars*) echo '{"error":"org.example.clock.NoSuchZone","parameters":{"zone":"Mars"}}'; exit 1 ;;
*undeclared*) echo '{"error":"org.example.clock.Other"}'; exit 4 ;;
*misfit*) echo '{"error":"org.example.clock.NoSuchZone","parameters":{"zone":5}}'; exit 5 ;;
*another*) echo '{"tim":"x"}' ;;
*missing*) ;;
*escape*) printf '{"time":"12\\u0000:00"}' ;;
*list*) echo '[]' ;;
*junk*) echo '{"time":' ;;
*fails*) exit 3 ;;
*signal*) kill -9 $$ ;;
*slow*) echo $$ >pid; sleep 60 & wait ;;
*background*) sleep 60 & echo $! >pid; echo '{"time":"soon"}' ;;
*endless*) cat /dev/zero ;;
*touch*) sleep 0.2; touch touched ;;
*input*) printf '{"time":"%s"}' "$(printf %s "$in" | sed 's/"/\\"/g')" ;;
*who*) printf '{"time":"%s %s %s"}' "$POSTERN_METHOD" "$POSTERN_NAME" "$POSTERN_PEER_UID" ;;
*lines*) printf '\n{\n "time" : "a\342\200\256b",\n "x":1}\n' | sed 's/,$//; s/"x":1//' ;;
*) echo '{"time":"12:00"}' ;;
esac
"""


class Place:
    """A directory for names, and a clock that is served in it."""

    def __init__(self, *options, command=COMMAND, interface=CLOCK, method=NOW):
        self.directory = tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))
        self.path = pathlib.Path(self.directory.name)
        self.environment = dict(os.environ, POSTERN_DIR=str(self.path))
        (self.path / "now").write_text(command)
        (self.path / "now").chmod(0o755)
        self.log = open(self.path / "log", "w+b")
        self.server = subprocess.Popen(
            [POSTERN, "serve", "clock", *options, "--interface", str(interface), "--method", method, "./now"],
            cwd=self.path, env=self.environment, stdin=subprocess.DEVNULL, stderr=self.log)
        self.wait_for(lambda: "ready" in self.said() or self.server.poll() is not None)

    def said(self):
        return (self.path / "log").read_text(errors="replace")

    def wait_for(self, what, seconds=10):
        until = time.monotonic() + seconds * SCALE
        while time.monotonic() < until:
            if what():
                return True
            time.sleep(0.01)
        return False

    def run(self, *arguments, **how):
        return subprocess.run([POSTERN, *map(str, arguments)], cwd=self.path, env=self.environment, capture_output=True,
                              text=True, check=False, timeout=60 * SCALE, **how)

    def now(self, zone, *options):
        return self.run("call", *options, "clock", NOW, json.dumps({"zone": zone}))

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10 * SCALE)
        s.connect(str(self.path / "clock" / "sock"))
        return s

    def end(self, how=signal.SIGTERM):
        self.server.send_signal(how)
        try:
            status = self.server.wait(20 * SCALE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            status = "no end"
            self.server.wait()
        self.log.close()
        return status


def expected(done, status, out=None, error=""):
    wrong = [] if done.returncode == status else [f"it ended with {done.returncode}, not {status}: {done.stderr}"]
    if out is not None and done.stdout != out:
        wrong.append(f"it printed {done.stdout!r}, not {out!r}")
    if error not in done.stderr or (not error and done.stderr):
        wrong.append(f"it said {done.stderr!r}, not {error!r}")
    return wrong


def test_call(p):
    noon = '{"time":"12:00"}\n'
    tap.result("a_call_prints_its_answer_on_one_line", expected(p.now("UTC"), DONE, noon))
    tap.result("a_call_without_parameters_is_one_with_none", expected(p.run("call", "clock", NOW), DONE, noon))
    tap.result("parameters_come_from_stdin", expected(p.run("call", "clock", NOW, "-", input='{"zone": null}\n'), DONE, noon))
    sock = p.path / "clock" / "sock"
    for what, address in (("a_path", sock), ("unix_and_a_path", f"unix:{sock}"), ("properties", f"unix:{sock};mode=0600")):
        tap.result(f"V19_{what}_is_an_address", expected(p.run("call", address, NOW), DONE, noon))
    for address in ("tcp:127.0.0.1:1", "exec:/bin/true"):
        done = p.run("call", address, NOW)
        tap.result(f"V19_{address[:4].rstrip(':')}_is_told_to_be_unsupported",
                   expected(done, USAGE, "", f"addresses with {address[:4].rstrip(':')}: are not supported"))
    tap.result("more_prints_each_answer", expected(p.run("call", "--more", "clock", NOW), DONE, noon))
    done = p.run("call", "--oneway", "clock", NOW, '{"zone":"touch"}')
    tap.result("oneway_prints_nothing", expected(done, DONE, ""))
    tap.result("oneway_runs_though_its_caller_has_gone",
               "" if p.wait_for((p.path / "touched").exists) else f"the command has not run: {p.said()}")


def test_trouble(p):
    for what, text, where in (("a_brace", '{"zone":"UTC"', "JSON:1:14: "), ("a_line", '{\n "zöne": ?}', "JSON:2:10: "),
                              ("nothing", "", "JSON:1:1: ")):
        tap.result(f"wrong_json_is_told_with_its_place_{what}", expected(p.run("call", "clock", NOW, text), USAGE, "", where))
    tap.result("wrong_json_on_stdin_too", expected(p.run("call", "clock", NOW, "-", input="[1"), USAGE, "", "stdin:1:3: "))
    tap.result("parameters_are_an_object", expected(p.run("call", "clock", NOW, "[]"), USAGE, "", "parameters are an object"))
    for what, arguments, error in (
            ("no_name", [], "missing NAME"), ("no_method", ["clock"], "missing METHOD"),
            ("no_interface", ["clock", "Now"], "METHOD has its interface before it"),
            ("too_much", ["clock", NOW, "{}", "{}"], "too many arguments"),
            ("both", ["--more", "--oneway", "clock", NOW], "exclude each other")):
        tap.result(f"a_call_with_{what}_is_refused", expected(p.run("call", *arguments), USAGE, "", error))
    done = p.run("call", "--deadline", "300ms", "nobody", NOW)
    tap.result("a_name_that_nobody_serves_is_told", expected(done, NO_SERVER, "", "nobody: attempt ")
               + (["it speaks of a next attempt"] if "next one" in done.stderr else []))
    tap.result("a_deadline_that_passes_is_told",
               expected(p.now("slow", "--deadline", "300ms"), TRY_AGAIN, "", "no answer within 300ms; the call may have run"))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(p.path / "closes"))
        s.listen()

        def close_after_a_call():
            c, _ = s.accept()
            c.recv(4096)
            c.close()

        thread = threading.Thread(target=close_after_a_call)
        thread.start()
        done = p.run("call", p.path / "closes", NOW)
        thread.join()
    tap.result("a_connection_that_is_lost_is_told", expected(done, IO, "", "closes: ")
               + ([] if done.stderr.strip() else ["nothing was said"]))


def test_errors(p):
    rows = [
        ("an_error_of_the_interface", "Mars", 'org.example.clock.NoSuchZone: {"zone":"Mars"}'),
        ("an_error_that_is_not_declared", "undeclared", 'io.postern.CommandFailed: {"status":4,'),
        ("an_error_that_does_not_fit", "misfit", 'io.postern.CommandFailed: {"status":5,'),
        ("a_status", "fails", 'io.postern.CommandFailed: {"status":3,"message":"the command ended with status 3"}'),
        ("a_signal", "signal", 'io.postern.CommandFailed: {"status":137,"message":"the command was ended by signal 9'),
        ("another_field", "another", "its output is not what the interface describes: tim is not known"),
        ("a_field_less", "missing", "its output is not what the interface describes: time is missing"),
        ("a_zero_in_a_string", "escape", "its output is not what the interface describes: time "),
        ("no_object", "list", "its output is not an object of JSON"),
        ("no_json", "junk", "its output is not JSON, at byte 9"),
        ("too_much", "endless", "its output is longer than 4 MiB"),
    ]
    for what, zone, error in rows:
        wrong = expected(p.now(zone), ANSWERED, "", error)
        if "its output" in error and error not in p.said():
            wrong.append(f"the server did not tell {error!r}")
        tap.result(f"a_command_may_answer_with_{what}", wrong)
    for what, parameters, path in (("type", '{"zone":7}', "zone"), ("field", '{"zon":"x"}', "zon"),
                                   ("item", '{"style":{"precise":true,"zone_names":["a",1]}}', "style.zone_names[1]"),
                                   ("lack", '{"style":{"precise":true}}', "style.zone_names")):
        tap.result(f"V8_a_wrong_{what}_does_not_reach_the_command", expected(
            p.run("call", "clock", NOW, parameters), ANSWERED, "",
            f'org.varlink.service.InvalidParameter: {{"parameter":"{path}"}}'))
    tap.result("V8_a_method_that_is_not_there_is_told", expected(
        p.run("call", "clock", "org.example.clock.Later"), ANSWERED, "", "org.varlink.service.MethodNotFound"))


def test_commands(p):
    done = p.now("input")
    tap.result("a_command_reads_the_parameters_as_one_line",
               expected(done, DONE, '{"time":"{\\"zone\\":\\"input\\"}"}\n'))
    with p.connect() as s:
        s.sendall(b'{\n"method":"' + NOW.encode() + b'","parameters":{\n\n "zone"\n:\t"input"}}\0')
        answer = s.recv(4096)
    tap.result("however_its_caller_has_written_them",
               [] if answer == b'{"parameters":{"time":"{\\"zone\\":\\"input\\"}"}}\0' else [repr(answer)])
    tap.result("a_command_knows_who_asks_for_what",
               expected(p.now("who"), DONE, f'{{"time":"{NOW} clock {os.getuid()}"}}\n'))
    tap.result("an_answer_of_several_lines_becomes_one", expected(p.now("lines"), DONE, '{"time":"a\u202eb"}\n'))
    begun = time.monotonic()
    wrong = expected(p.now("background"), DONE, '{"time":"soon"}\n')
    if time.monotonic() - begun > 20 * SCALE:
        wrong.append("it waited for what the command left in the background")
    tap.result("what_a_command_leaves_in_the_background_delays_nothing", wrong)
    os.kill(int((p.path / "pid").read_text()), signal.SIGKILL)
    (p.path / "pid").unlink()
    with p.connect() as s:
        s.sendall(json.dumps({"method": NOW, "parameters": {"zone": "slow"}}).encode() + b"\0")
        began = p.wait_for(lambda: (p.path / "pid").exists() and (p.path / "pid").read_text().strip())
        pid = int((p.path / "pid").read_text()) if began else 0
    ended = p.wait_for(lambda: not tap.is_running(pid))
    tap.result("V13_a_command_is_ended_when_its_peer_leaves", "" if began and ended else f"began {began}, ended {ended}")


def test_limits():
    p = Place("--connections-per-uid", "2", "--deadline", "500ms")
    wrong = expected(p.now("slow"), ANSWERED, "", "the command ran longer than --deadline")
    pid = int((p.path / "pid").read_text())
    if not p.wait_for(lambda: not tap.is_running(pid)):
        wrong.append("it was not ended")
    tap.result("a_command_has_a_deadline", wrong)
    # It holds its process, and none is left for the next.
    for _ in range(2):
        p.run("call", "--oneway", "clock", NOW, '{"zone":"slow"}')
    with p.connect() as s:
        s.sendall(json.dumps({"method": NOW}).encode() + b"\0")
        answer = s.recv(4096)
    tap.result("a_user_has_so_many_commands_at_once", "" if b"io.postern.Busy" in answer else f"answered {answer!r}")
    tap.result("a_call_comes_again_when_it_is_told_to", expected(p.now("UTC"), DONE, '{"time":"12:00"}\n'))
    p.end()
    p = Place("--drain", "300ms")
    p.run("call", "--oneway", "clock", NOW, '{"zone":"slow"}')
    p.wait_for((p.path / "pid").exists)
    p.wait_for(lambda: (p.path / "pid").read_text().strip())
    pid = int((p.path / "pid").read_text())
    status = p.end()
    tap.result("no_command_outlives_its_server",
               [] if status == DONE and not tap.is_running(pid) else [f"status {status}, running {tap.is_running(pid)}: {p.said()}"])


LONG_METHOD = "org.example." + "x" * 240 + ".Now"


def test_start():
    p = Place()
    (p.path / "long.varlink").write_text(f"interface {LONG_METHOD[:-4]}\nmethod Now() -> ()\n")
    command = ["./now"]
    rows = [
        ("a_method_that_is_not_described", ["--interface", CLOCK, "--method", "org.example.clock.Later", *command], USAGE,
         "has no method 'org.example.clock.Later'"),
        ("a_method_twice", ["--interface", CLOCK, "--method", NOW, *command, "--method", NOW, *command], USAGE, "is there twice"),
        ("no_command", ["--interface", CLOCK, "--method", NOW], USAGE, "needs a method and its command"),
        ("a_name_that_is_too_long", ["--interface", "long.varlink", "--method", LONG_METHOD, *command], USAGE,
         "longer than 255 bytes, which POSTERN_METHOD holds"),
        ("no_program", ["--interface", CLOCK, "--method", NOW, "./nothing"], NO_PROGRAM, "cannot run './nothing'"),
        ("no_method", ["--interface", CLOCK], USAGE, "need each other"),
        ("no_file", ["--interface", "none.varlink", "--method", NOW, *command], NO_INPUT, "none.varlink: cannot be opened"),
        ("a_file_that_is_wrong", ["--interface", "now", "--method", NOW, *command], ANSWERED, "now:2:1: at 'read': "),
        ("an_echo_too", ["--echo", "--interface", CLOCK, "--method", NOW, *command], USAGE, "exclude each other"),
    ]
    for what, arguments, status, error in rows:
        tap.result(f"a_service_is_not_started_with_{what}", expected(p.run("serve", "other", *arguments), status, "", error))
    p.end()


def test_several():
    """Every construct of the language as a type of parameters, and a method without a command."""
    everything = tap.SOURCE / "tests" / "generate" / "org.example.everything.varlink"
    text = everything.read_text()
    methods = re.findall(r"^method (\w+)", text, re.M)
    p = Place(interface=everything, method=f"org.example.everything.{methods[0]}")
    tap.result("every_construct_of_the_language_can_be_served",
               [] if "ready" in p.said() else [p.said()])
    tap.result("V8_a_method_without_a_command_is_not_implemented", expected(
        p.run("call", "clock", f"org.example.everything.{methods[1]}"), ANSWERED, "", "org.varlink.service.MethodNotImplemented"))
    p.end()


ECHO = """interface org.example.echo
type Tree (name: string, left: ?Tree, right: ?Tree, all: []Tree, by: [string]Tree)
type Colour (red, orange, yellow, green, blue, indigo, violet, white, grey, black)
type Point (x: float, y: float, hidden: bool)
type Empty ()
type All (
  tree: ?Tree, colour: ?Colour, colours: []Colour, points: []Point, point: ?Point, inline: ?(a: int, b: (c, d)),
  # [unsigned]
  count: ?int,
  # [unsigned]
  counts: []?int,
  maybe: ?bool, float: ?float, set: [string](), empties: []Empty, maps: [string][][string]?int, any: any, object: ?object,
  strings: []?string, word: ?string, flags: [string]bool
)
method Echo(all: All) -> (all: All)
"""
# The fields that must be there, and are.
LEAST = {"colours": [], "points": [], "counts": [], "set": {}, "empties": [], "maps": {}, "any": 0, "strings": [],
         "flags": {}}
LEAF = {"name": "n", "all": [], "by": {}}
ECHOED = [
    {}, {"tree": {"name": "a", "left": LEAF, "all": [LEAF, dict(LEAF, right=LEAF)], "by": {"k": LEAF, "l": LEAF}}},
    {"colour": "red", "colours": ["black", "violet", "red"]}, {"point": {"x": 1.5, "y": -2, "hidden": True}},
    {"points": [{"x": 1, "y": 2, "hidden": False}] * 100}, {"inline": {"a": -9, "b": "d"}},
    {"count": 2**64 - 1, "counts": [0, None, 2**63]}, {"maybe": True, "float": 0.1}, {"set": {"a": {}, "b": {}}},
    {"empties": [{}, {}, {}]}, {"maps": {"a": [{"b": 1, "c": None}, {}], "d": []}}, {"any": [1, {"x": None}]},
    {"object": {"y": [[]]}}, {"strings": ["a", None, "\u20ac" * 1000], "word": "w" * 100000}, {"flags": {"a": True, "b": False}},
]
REFUSED = [
    ({"tree": {"name": "a", "all": [LEAF, {"name": "b", "all": []}], "by": {}}}, "all.tree.all[1].by"),
    ({"colours": ["red", "pink"]}, "all.colours[1]"), ({"points": [{"x": 1, "y": 2}]}, "all.points[0].hidden"),
    ({"inline": {"a": 1, "b": "e"}}, "all.inline.b"), ({"count": -1}, "all.count"), ({"counts": [2**64]}, "all.counts[0]"),
    ({"maps": {"a": [{"b": 1.5}]}}, 'all.maps["a"][0]["b"]'), ({"object": []}, "all.object"), ({"strings": [1]}, "all.strings[0]"),
    ({"flags": {"a": None}}, 'all.flags["a"]'), ({"tree": {"name": "a", "left": 1, "all": [], "by": {}}}, "all.tree.left"),
    ({"set": {"a": 1}}, 'all.set["a"]'), ({"empties": [{"z": 1}]}, "all.empties[0].z"),
]


def test_types():
    """What comes back has been held against the description twice: as parameters, and as an answer."""
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "echo.varlink")
        file.write_text(ECHO)
        p = Place(interface=file, method="org.example.echo.Echo", command="#!/bin/sh\nexec cat\n")
    wrong = []
    for value in ECHOED:
        asked = {"all": dict(LEAST, **value)}
        done = p.run("call", "clock", "org.example.echo.Echo", "-", input=json.dumps(asked))
        wrong += expected(done, DONE)
        if done.returncode == DONE and json.loads(done.stdout) != asked:
            wrong.append(f"{asked} came back as {done.stdout}")
    tap.result("values_of_every_type_reach_a_command_and_come_back", wrong)
    wrong = []
    for value, path in REFUSED:
        done = p.run("call", "clock", "org.example.echo.Echo", json.dumps({"all": dict(LEAST, **value)}))
        wrong += expected(done, ANSWERED, "", "org.varlink.service.InvalidParameter: " + json.dumps(
            {"parameter": path}, separators=(",", ":")))
    tap.result("wrong_values_of_every_type_are_told_with_their_path", wrong)
    status = p.end()
    tap.result("what_was_made_for_the_types_is_freed", [] if status == DONE else [f"{status}: {p.said()}"])


LONG = "interface a.long\ntype T0 ()\n"


def test_long():
    """Types without end: a chain of 50,000, and one that doubles with each."""
    with tempfile.TemporaryDirectory() as directory:
        chain = pathlib.Path(directory, "chain.varlink")
        chain.write_text(LONG + "".join(f"type T{i} (a: ?T{i - 1})\n" for i in range(1, 50000))
                         + "method Get(a: ?T49999) -> ()\n")
        p = Place(interface=chain, method="a.long.Get", command="#!/bin/sh\n")
        wrong = [] if "ready" in p.said() else [p.said()]
        wrong += expected(p.run("call", "clock", "a.long.Get", '{"a":{"a":{"a":null}}}'), DONE, "{}\n")
        tap.result("a_chain_of_50000_types_can_be_served", wrong)
        p.end()
        double = pathlib.Path(directory, "double.varlink")
        double.write_text(LONG + "".join(f"type T{i} (a: T{i - 1}, b: T{i - 1})\n" for i in range(1, 60))
                          + "method Get(a: T59) -> ()\n")
        p = Place()
        done = p.run("serve", "other", "--interface", double, "--method", "a.long.Get", "./now")
        tap.result("a_value_that_is_too_large_is_told_with_its_place",
                   expected(done, ANSWERED, "", "double.varlink:20:19: at 'b': a value of this struct is above 1 MiB here"))
        p.end()


def test_itself(p):
    done = p.run("info", "clock")
    wrong = expected(done, DONE)
    for line in ("Product:    postern serve", "Interfaces: org.varlink.service", "            org.example.clock"):
        if line not in done.stdout.splitlines():
            wrong.append(f"{line!r} is not in {done.stdout!r}")
    tap.result("info_shows_what_a_service_says", wrong)
    done = p.run("info", "--json", "clock")
    tap.result("info_prints_json", expected(done, DONE)
               + ([] if "org.example.clock" in json.loads(done.stdout)["interfaces"] else [done.stdout]))
    text = CLOCK.read_text()
    tap.result("introspect_prints_the_interfaces_of_a_service", expected(p.run("introspect", "clock"), DONE, text))
    tap.result("introspect_prints_one", expected(p.run("introspect", "clock", "org.example.clock"), DONE, text))
    done = p.run("introspect", "clock", "io.postern")
    tap.result("the_errors_of_the_library_can_be_looked_up",
               expected(done, DONE) + ([] if "error CommandFailed (status: int, message: string)" in done.stdout else [done.stdout]))
    tap.result("introspect_lists_interfaces", expected(
        p.run("introspect", "--list", "clock"), DONE, "org.varlink.service\nio.postern\nio.postern.Statistics\nio.postern.Trace\norg.example.clock\n"))
    done = p.run("introspect", "--methods", "clock")
    tap.result("introspect_lists_methods", expected(done, DONE) + ([] if NOW in done.stdout.splitlines() else [done.stdout]))
    tap.result("an_interface_that_is_not_there_is_told",
               expected(p.run("introspect", "clock", "a.b"), ANSWERED, "", 'InterfaceNotFound: {"interface":"a.b"}'))
    names = json.loads(p.run("ls", "--json").stdout)
    tap.result("ls_shows_which_names_are_services",
               [] if [(n["name"], n["mode"]) for n in names] == [("clock", "varlink")] else [str(names)])


def on_terminal(p, *arguments, **environment):
    """What it prints there."""
    terminal, other = pty.openpty()
    done = subprocess.Popen([POSTERN, *arguments], cwd=p.path, env=dict(p.environment, **environment), stdout=other,
                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(other)
    out = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(terminal)
    done.wait()
    return out.decode().replace("\r\n", "\n")


def test_terminal(p):
    p.environment.pop("NO_COLOR", None)
    got = on_terminal(p, "call", "clock", NOW)
    tap.result("on_a_terminal_an_answer_has_lines", [] if got == '{\n  "time": "12:00"\n}\n' else [repr(got)])
    got = on_terminal(p, "call", "clock", NOW, '{"zone":"lines"}')
    tap.result("on_a_terminal_what_is_hidden_is_shown", [] if got == '{\n  "time": "a\\u202eb"\n}\n' else [repr(got)])
    text = CLOCK.read_text()
    got = on_terminal(p, "introspect", "clock")
    wrong = [] if re.sub("\033\\[[0-9;]*m", "", got) == text else [f"without colours it is {got!r}"]
    for part in ("\033[0;35mmethod\033[0m \033[0;1mNow\033[0m(", "\033[0;90m# Tells the time in time zones.\033[0m\n",
                 "\033[0;36mzone\033[0m: ?\033[0;33mstring\033[0m", "?\033[0;33mStyle\033[0m"):
        if part not in got:
            wrong.append(f"{part!r} is not in {got!r}")
    tap.result("on_a_terminal_a_description_has_colours", wrong)
    got = on_terminal(p, "introspect", "clock", NO_COLOR="1")
    tap.result("without_colours_if_NO_COLOR_says_so", [] if got == text else [repr(got)])


def test_by_hand(p):
    """As a person debugs it: socat and jq."""
    if not shutil.which("socat") or not shutil.which("jq"):
        tap.skip("a_conversation_by_hand", "socat or jq is not installed")
        return
    script = ("""jq -cj '.,"\\u0000"' <<'END' | socat -t 10 - UNIX-CONNECT:clock/sock | tr '\\0' '\\n' | jq -r"""
              """ 'if .error then .error else .parameters.time // .parameters.product end'\n"""
              '{"method": "org.varlink.service.GetInfo"}\n'
              f'{{"method": "{NOW}", "parameters": {{"zone": "UTC"}}}}\n'
              f'{{"method": "{NOW}", "parameters": {{"zone": "Mars"}}}}\nEND\n')
    done = subprocess.run(["sh", "-c", script], cwd=p.path, capture_output=True, text=True, check=False, timeout=60 * SCALE)
    tap.result("a_conversation_by_hand_with_socat_and_jq",
               expected(done, DONE, "postern serve\n12:00\norg.example.clock.NoSuchZone\n"))


place = Place()
for test in (test_call, test_trouble, test_errors, test_commands, test_itself, test_terminal, test_by_hand):
    test(place)
ended = place.end()
tap.result("a_service_drains_and_ends", [] if ended == DONE else [f"it ended with {ended}: {place.said()}"])
test_limits()
test_start()
test_several()
test_types()
test_long()
tap.done()
