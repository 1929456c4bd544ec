#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Under a service manager: several sockets and their names, the watchdog, and the units that are installed."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
USAGE = 64


class Manager:
    """Listens on sockets and starts a server with them, from descriptor 3 on, as a service manager does."""

    def __init__(self, directory, count, arguments, **environment):
        self.listeners = []
        for i in range(count):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{directory}/{i}")
            listener.listen()
            self.listeners.append(listener)
        self.paths = [f"{directory}/{i}" for i in range(count)]
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(f"{directory}/notify")
        self.told.settimeout(10 * SCALE)
        # In the very process that has the pid: a shell that sets it and executes the server.
        script = 'export LISTEN_PID=$$; test "$OTHER" || export WATCHDOG_PID=$$; exec "$0" "$@"'
        fds = [listener.fileno() for listener in self.listeners]

        def prepare():
            high = [os.dup2(fd, 100 + i, False) for i, fd in enumerate(fds)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)
            os.closerange(3 + len(fds), 100)

        settings = dict(os.environ, LISTEN_FDS=str(count), NOTIFY_SOCKET=f"{directory}/notify",
                        POSTERN_DIR=directory)
        settings.update(environment)
        self.log = open(f"{directory}/log", "w+b")
        self.server = subprocess.Popen(["/bin/sh", "-c", script, POSTERN, "serve", *arguments], env=settings,
                                       stdin=subprocess.DEVNULL, stderr=self.log, close_fds=False,
                                       preexec_fn=prepare)
        for listener in self.listeners:
            listener.close()

    def text(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    def state(self):
        """The next thing that the manager is told."""
        try:
            return self.told.recv(4096).decode().split("\n")[0]
        except socket.timeout:
            return "nothing"

    def ask(self, i):
        """What the i-th socket answers; None: nobody is there."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5 * SCALE)
            try:
                client.connect(self.paths[i])
                client.sendall(b"hi")
                return client.recv(2)
            except OSError:
                return None

    def end(self):
        """The exit status."""
        if self.server.poll() is None:
            self.server.terminate()
        try:
            status = self.server.wait(10 * SCALE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            status = self.server.wait()
        self.told.close()
        self.log.close()
        return status


def run(count, arguments, test, **environment):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        manager = Manager(directory, count, arguments, **environment)
        try:
            return test(manager)
        finally:
            if manager.server.poll() is None:
                manager.end()


def served(name, served_one, count, arguments, **environment):
    def test(manager):
        wrong = [] if manager.state() == "READY=1" else [manager.text()]
        answers = [manager.ask(i) for i in range(count)]
        wanted = [b"hi" if i == served_one else None for i in range(count)]
        if answers != wanted:
            wrong.append(f"{answers}, not {wanted}")
        status = manager.end()
        return wrong + ([] if status == 0 else [f"ended with {status}"])

    tap.result(name, run(count, arguments, test, **environment))


def refused(name, words, count, arguments, **environment):
    def test(manager):
        try:
            status = manager.server.wait(10 * SCALE)
        except subprocess.TimeoutExpired:
            status = "no end"
        text = manager.text()
        tap.comment(text)
        wrong = [] if status == USAGE else [f"status {status}, not {USAGE}"]
        return wrong + ([] if words in text and len(text.splitlines()) == 1 else [text])

    tap.result(name, run(count, arguments, test, **environment))


def test_sockets():
    names = {"LISTEN_FDNAMES": "web:admin:web"}
    served("one_socket_of_several_is_served_by_its_name", 1, 3, ["fd:admin", "--echo"], **names)
    served("and_by_its_number_and_the_others_are_closed", 2, 3, ["fd:5", "--echo"], **names)
    served("a_number_may_have_zeros_before_it", 0, 2, ["fd:003", "--echo"])
    served("one_that_is_alone_needs_no_name", 0, 1, ["--echo"], LISTEN_FDNAMES="web")
    served("or_may_be_called_as_messages_are_to_call_it", 0, 1, ["web", "--echo"])
    served("an_empty_list_of_names_does_no_harm", 0, 2, ["fd:3", "--echo"], LISTEN_FDNAMES="")
    served("nor_does_a_huge_one", 0, 2, ["fd:a", "--echo"], LISTEN_FDNAMES="a:" + "b:" * 50000)
    refused("a_name_that_two_sockets_have_is_refused", "more than one socket has this name", 3, ["fd:web", "--echo"],
            **names)
    refused("as_is_one_that_none_has", "from fd:3 on, named web:admin:web", 3, ["fd:wen", "--echo"], **names)
    refused("and_no_name_among_several", "not clear which", 3, ["--echo"], **names)
    refused("a_name_beyond_the_sockets_is_no_name", "no socket has this name", 1, ["fd:late", "--echo"],
            LISTEN_FDNAMES="a:late")
    refused("sockets_that_are_not_open_are_refused", "descriptor 5 is not open", 2, ["fd:3", "--echo"],
            LISTEN_FDS="2000000000")
    for wrong in ("-1", "many", "99999999999999999999", "4294967295", ""):
        refused(f"a_number_of_sockets_that_is_none_is_refused ({wrong})", "invalid LISTEN_FDS", 1, ["x", "--echo"],
                LISTEN_FDS=wrong)


def test_without_manager():
    ran = subprocess.run([POSTERN, "serve", "fd:web", "--echo"], capture_output=True, text=True, timeout=20 * SCALE)
    tap.result("a_socket_by_name_without_a_service_manager_is_refused",
               [] if ran.returncode == USAGE and "no service manager" in ran.stderr else ran.stderr)


def test_watchdog():
    def alive(manager):
        states = [manager.state()]
        began = time.monotonic()
        states += [manager.state() for _ in range(5)]
        seconds = time.monotonic() - began
        tap.comment(f"five times WATCHDOG=1 in {seconds:.2f} s")
        wrong = [] if states == ["READY=1"] + 5 * ["WATCHDOG=1"] else [f"told {states}"]
        if not 0.4 <= seconds <= 3 * SCALE:
            wrong.append(f"{seconds:.2f} s for 5 times half of 200 ms")
        manager.server.terminate()
        while (state := manager.state()) == "WATCHDOG=1":
            pass
        return wrong + ([] if state == "STOPPING=1" else [f"then {state}"])

    def silent(manager):
        manager.told.settimeout(0.5)
        states = [manager.state(), manager.state()]
        return [] if states == ["READY=1", "nothing"] else [f"told {states}"]

    def refuses(manager):
        return silent(manager) + ([] if "invalid WATCHDOG_USEC" in manager.text() else [manager.text()])

    tap.result("the_watchdog_is_told_at_half_its_interval", run(1, ["--echo"], alive, WATCHDOG_USEC="200000"))
    tap.result("not_when_it_is_of_another_process",
               run(1, ["--echo"], silent, WATCHDOG_USEC="200000", WATCHDOG_PID="1", OTHER="yes"))
    for wrong in ("0", "-5", "soon", "1e6", "99999999999999999999"):
        tap.result(f"an_interval_that_is_none_is_said_and_not_used ({wrong})",
                   run(1, ["--echo"], refuses, WATCHDOG_USEC=wrong))
    tap.result("one_of_centuries_is_used", run(1, ["--echo"], silent, WATCHDOG_USEC="9223372036854775807"))


def test_units():
    """What `systemd-analyze security` says of the units that are installed."""
    name = "the_units_are_hardened"
    if not shutil.which("systemd-analyze"):
        tap.skip(name, "systemd-analyze is not installed")
        return
    for unit in sorted((tap.SOURCE / "dist").glob("*.service")):
        ran = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
                             capture_output=True, text=True, timeout=60 * SCALE)
        exposure = re.search(r"exposure level for \S+: ([0-9.]+)", ran.stdout)
        if not exposure and ("unrecognized" in ran.stderr or "nknown" in ran.stderr):
            tap.skip(f"{name}: {unit.name}", "this systemd-analyze knows no --offline")
            continue
        tap.comment(f"{unit.name}: {exposure[1] if exposure else ran.stderr}")
        tap.result(f"{name}: {unit.name}",
                   [] if exposure and float(exposure[1]) <= 3.0 else ran.stdout + ran.stderr)


def allowed(unit):
    """The system calls that the unit's filter lets through."""

    def expand(names):
        calls = set()
        for name in names:
            if not name.startswith("@"):
                calls.add(name)
                continue
            ran = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True,
                                 text=True, check=True)
            calls |= expand(line.strip() for line in ran.stdout.splitlines()[1:] if not line.strip().startswith("#"))
        return calls

    calls = set()
    for value in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.M):
        if value.startswith("~"):
            calls -= expand(value[1:].split())
        else:
            # What every filter lets through, as systemd.exec(5) says.
            calls |= expand(value.split() + ["@default"])
    return calls


def test_filters():
    """The units cannot be started here; what the filters would deny can be seen all the same."""
    for unit, arguments in (("postern-echo@.service", ["clock", "--echo", "--access", "world", "--drain", "5s"]),
                            ("postern-date.service", ["clock", "--max", "16", "--exec", "date"])):
        name = f"the_filter_of_a_unit_lets_through_what_it_calls: {unit}"
        if tap.emulated(name, "makes system calls of its own"):
            continue
        if not shutil.which("strace") or not shutil.which("systemd-analyze"):
            tap.skip(name, "strace or systemd-analyze is not installed")
            continue
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
            os.chmod(directory, 0o755)
            trace = f"{directory}/trace"
            settings = dict(os.environ, POSTERN_DIR=directory)
            server = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, POSTERN, "serve", *arguments], env=settings,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            client = subprocess.run([POSTERN, "connect", "clock"], input="hello" if "--echo" in arguments else "",
                                    env=settings, text=True, capture_output=True, timeout=60 * SCALE)
            # strace passes it on to nobody: it is for the server.
            pid = int(pathlib.Path(trace).read_text().split()[0])
            os.kill(pid, 15)
            server.wait(20 * SCALE)
            called = set(re.findall(r"^\d+ +([a-z]\w*)\(", pathlib.Path(trace).read_text(), re.M))
        # It may fail: the limit of descriptors is that of the unit.
        denied = called - allowed(tap.SOURCE / "dist" / unit) - {"setrlimit"}
        tap.comment(f"{len(called)} different system calls")
        wrong = [f"{sorted(denied)} would be denied"] if denied else []
        if len(called) < 20 or client.returncode or not client.stdout:
            wrong.append(f"{len(called)} calls, client {client.returncode} {client.stdout!r}")
        tap.result(name, wrong)


test_sockets()
test_without_manager()
test_watchdog()
test_units()
test_filters()
tap.done()
