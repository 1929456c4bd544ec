# SPDX-License-Identifier: Apache-2.0
"""What the tests of the bridge share: servers of NATS, bridges, a service, callers, and a client that knows NATS alone.

Everything that is started here is private: it listens on the loopback with ports that the kernel chooses, has its files in a
directory of the test, and is ended by the test.
"""

import atexit
import contextlib
import json
import os
import pathlib
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "process"))

import tap  # noqa: E402

POSTERN = os.environ["POSTERN_COMMAND"]
PLAIN = os.environ.get("POSTERN_PLAIN", "")
SCALE = int(os.environ.get("TEST_SCALE", "1"))
PATIENCE = 20 * SCALE

INTERFACE = "org.example.bridge"
DESCRIPTION = """# What the tests call.
interface org.example.bridge

error Refused (reason: string)

method Echo(text: string) -> (text: string)

# After this long.
method Slow(ms: int) -> (ms: int)

method Fail(reason: string) -> ()

# As long as this.
method Blob(size: int) -> (blob: string)

# [Supports 'more' flag]
method Count(to: int, everyMs: int) -> (n: int)

# [Supports 'more' flag]
method Flood(size: int, times: int) -> (blob: string)

method Note(text: string) -> ()

# [Takes file descriptors]
method Put(fileDescriptor: int) -> ()

# [Requires 'upgrade' flag]
method Become() -> ()
"""


def wait_for(what, patience=PATIENCE):
    """Polls until `what()` is true; is it, in the end?"""
    until = time.monotonic() + patience
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def need_nats():
    tap.need("nats-server")
    if not PLAIN:
        print("1..0 # SKIP this build has no bridge, because libnats was missing")
        sys.exit(0)


class Process:
    """A program whose lines are kept as they come."""

    def __init__(self, argv, stream="stderr", **how):
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        pipes.update(how)
        pipes[stream] = subprocess.PIPE
        self.process = subprocess.Popen(argv, text=True, bufsize=1, **pipes)
        self.lines, self.come = [], threading.Condition()
        self.reader = threading.Thread(target=self._read, args=(getattr(self.process, stream),), daemon=True)
        self.reader.start()

    def _read(self, stream):
        for line in stream:
            with self.come:
                self.lines.append(line.rstrip("\n"))
                self.come.notify_all()
        stream.close()
        with self.come:
            self.lines.append(None)
            self.come.notify_all()

    def wait_line(self, text, patience=PATIENCE, since=0):
        """The first line with this text in it, or None when it ends or does not come."""
        until = time.monotonic() + patience
        with self.come:
            while True:
                for line in self.lines[since:]:
                    if line is not None and text in line:
                        return line
                if None in self.lines or not self.come.wait(max(0, until - time.monotonic())):
                    return None

    def said(self):
        return "\n".join(line for line in self.lines if line)

    def kill(self, sig=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(sig)

    def end(self, patience=PATIENCE):
        """SIGTERM; the status, or None if it had to be killed."""
        self.kill(signal.SIGTERM)
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self.reader.join(5)
        return status


class Nats:
    """One server. Its port stays when it is started again."""

    def __init__(self, directory, name="nats", configuration="", routes=(), cluster=False):
        self.directory = pathlib.Path(directory) / name
        self.directory.mkdir()
        self.name, self.configuration, self.routes, self.cluster = name, configuration, list(routes), cluster
        self.port, self.cluster_port = -1, -1
        self.process = None
        self.start()

    def start(self):
        text = f"listen: 127.0.0.1:{self.port}\nserver_name: {self.name}\nports_file_dir: {json.dumps(str(self.directory))}\n"
        text += self.configuration
        if self.cluster:
            routes = ", ".join(f'"{r}"' for r in self.routes)
            text += f"\ncluster {{ name: test, listen: 127.0.0.1:{self.cluster_port}, routes: [{routes}] }}\n"
        (self.directory / "conf").write_text(text)
        for old in self.directory.glob("*.ports"):
            old.unlink()
        self.process = Process(["nats-server", "-c", str(self.directory / "conf")])
        if not self.process.wait_line("Server is ready"):
            raise SystemExit(f"nats-server does not start: {self.process.said()}")
        if not wait_for(lambda: any(p.stat().st_size for p in self.directory.glob("*.ports"))):
            raise SystemExit("nats-server writes no file of its ports")
        time.sleep(0.05)
        ports = json.loads(next(self.directory.glob("*.ports")).read_text())
        self.port = int(ports["nats"][0].rsplit(":", 1)[1])
        if self.cluster:
            self.cluster_port = int(ports["cluster"][0].rsplit(":", 1)[1])

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    @property
    def route(self):
        return f"nats://127.0.0.1:{self.cluster_port}"

    def kill(self):
        self.process.kill()
        self.process.process.wait()

    def end(self):
        return self.process.end()


class Message:
    def __init__(self, line):
        _, self.subject, self.reply, self.payload, *headers = line.split("\t")
        self.headers = dict(h.split(": ", 1) for h in headers)

    def __str__(self):
        return f"{self.subject} {self.payload} {self.headers}"


class Plain:
    """A client of NATS, which knows nothing of Postern."""

    def __init__(self, url, *arguments):
        self.process = subprocess.Popen([PLAIN, url, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.messages, self.answers = queue.Queue(), queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.connected = self.answers.get(timeout=PATIENCE)
        self.inboxes = 0

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.startswith("MSG\t"):
                self.messages.put(Message(line))
            else:
                self.answers.put(line)
        self.answers.put("ENDED")

    def do(self, *fields):
        self.process.stdin.write("\t".join(fields) + "\n")
        self.process.stdin.flush()
        return self.answers.get(timeout=PATIENCE)

    def publish(self, subject, reply="", payload="", **headers):
        return self.do("PUB", subject, reply, payload, *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()))

    def next(self, patience=PATIENCE):
        """The next message, or None."""
        with contextlib.suppress(queue.Empty):
            return self.messages.get(timeout=patience)
        return None

    def ask(self, subject, payload="", **headers):
        """A request and its first answer."""
        inbox = self.open()
        self.publish(subject, inbox, payload, **headers)
        return self.next()

    def open(self):
        self.inboxes += 1
        inbox = f"_INBOX.plain{os.getpid()}.{id(self)}.{self.inboxes}"
        self.do("SUB", inbox)
        return inbox

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Service:
    """A service of Varlink on a socket, in threads of the test."""

    def __init__(self, path, description=DESCRIPTION, mark=""):
        self.path, self.description, self.mark = str(path), description, mark
        self.interface = description.split("interface ", 1)[1].split()[0]
        self.lock, self.ran, self.ended_early, self.open = threading.Lock(), [], 0, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        got = b""
        with c, contextlib.suppress(OSError):
            while True:
                while b"\0" not in got:
                    more = c.recv(65536)
                    if not more:
                        return
                    got += more
                text, got = got.split(b"\0", 1)
                self._call(c, json.loads(text))

    def _send(self, c, message):
        c.sendall(json.dumps(message).encode() + b"\0")

    def _call(self, c, call):
        method = call["method"].rsplit(".", 1)[1]
        parameters = call.get("parameters") or {}
        with self.lock:
            self.ran.append((method, parameters))
            self.open += 1
        try:
            answers = list(self._builtin(call["method"], parameters)) or None
            if answers is None and method == "Count":
                self._count(c, parameters, call.get("more"))
            elif answers is None and method == "Flood":
                for n in range(parameters["times"]):
                    last = {} if n + 1 == parameters["times"] else {"continues": True}
                    self._send(c, {"parameters": {"blob": "x" * parameters["size"]}, **last})
            elif answers is None:
                answers = [self._answer(method, parameters)]
            for answer in answers or []:
                if not call.get("oneway"):
                    self._send(c, answer)
        finally:
            with self.lock:
                self.open -= 1

    def _builtin(self, method, parameters):
        if method == "org.varlink.service.GetInfo":
            yield {"parameters": {"vendor": "", "product": "", "version": "", "url": "",
                                  "interfaces": ["org.varlink.service", self.interface]}}
        elif method == "org.varlink.service.GetInterfaceDescription":
            yield {"parameters": {"description": self.description}}

    def _answer(self, method, p):
        try:
            return self._made(method, p)
        except (KeyError, TypeError) as error:
            return {"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": str(error)}}

    def _made(self, method, p):
        if method == "Echo":
            return {"parameters": {"text": p["text"] + self.mark}}
        if method == "Slow":
            time.sleep(p["ms"] / 1000)
            return {"parameters": {"ms": p["ms"]}}
        if method == "Fail":
            return {"error": f"{self.interface}.Refused", "parameters": {"reason": p["reason"]}}
        if method == "Blob":
            return {"parameters": {"blob": "x" * p["size"]}}
        if method == "Note":
            return {"parameters": {}}
        return {"error": "org.varlink.service.MethodNotFound", "parameters": {"method": method}}

    def _count(self, c, p, more):
        if not isinstance(p.get("to"), int) or not isinstance(p.get("everyMs"), int):
            self._send(c, {"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "to"}})
            return
        for n in range(p["to"] if more else 1):
            if n and p["everyMs"]:
                time.sleep(p["everyMs"] / 1000)
            last = not more or n + 1 == p["to"]
            try:
                self._send(c, {"parameters": {"n": n}, **({} if last else {"continues": True})})
            except OSError:
                with self.lock:
                    self.ended_early += 1
                raise

    def times(self, method, **parameters):
        with self.lock:
            return sum(m == method and all(p.get(k) == v for k, v in parameters.items()) for m, p in self.ran)

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Caller:
    """A connection to a name on this machine."""

    def __init__(self, path, patience=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(patience)
        self.socket.connect(str(path))
        self.got = b""

    def send(self, method, parameters=None, **flags):
        self.socket.sendall(json.dumps({"method": method, "parameters": parameters or {}, **flags}).encode() + b"\0")

    def receive(self):
        while b"\0" not in self.got:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("it ended")
            self.got += more
        text, self.got = self.got.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, parameters=None, **flags):
        self.send(method, parameters, **flags)
        return self.receive()

    def close(self):
        self.socket.close()


class Place:
    """A machine of a test: a directory for names, and bridges in it. Everything is ended at the end."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")))
        self.directory.chmod(0o755)
        self.things = []
        # Also when a test fails half-way, or takes too long and is told to end.
        atexit.register(self.end)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def add(self, thing):
        self.things.append(thing)
        return thing

    def nats(self, name="nats", **how):
        return self.add(Nats(self.directory, name, **how))

    def plain(self, url, *arguments):
        return self.add(Plain(url, *arguments))

    def service(self, name="service.sock", **how):
        return self.add(Service(self.directory / name, **how))

    def machine(self, name="names"):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def bridge(self, *arguments, machine="names", ready=True, **more):
        """Starts `postern bridge`, and waits until it is ready. more: of its environment."""
        env = dict(os.environ, POSTERN_DIR=str(self.machine(machine)), **more)
        b = self.add(Process([POSTERN, "bridge", *map(str, arguments)], env=env))
        if ready and not b.wait_line("ready"):
            raise SystemExit(f"postern bridge {' '.join(map(str, arguments))}: {b.said()}")
        return b

    def export(self, service, *urls, options=(), **how):
        nats = [word for url in urls for word in ("--nats", url)]
        return self.bridge("export", service.path, *nats, *options, **how)

    def take(self, name, *urls, interfaces=(INTERFACE,), options=(), **how):
        """An import; its name's socket."""
        nats = [word for url in urls for word in ("--nats", url)]
        b = self.bridge("import", *interfaces, "--as", name, *nats, *options, **how)
        b.path = self.machine(how.get("machine", "names")) / name / "sock"
        return b

    def run(self, *arguments, machine="names", patience=PATIENCE):
        env = dict(os.environ, POSTERN_DIR=str(self.machine(machine)))
        return subprocess.run([POSTERN, *map(str, arguments)], env=env, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=patience)

    def end(self):
        """What did not end as it should."""
        wrong = []
        for thing in reversed(self.things):
            status = thing.end()
            if isinstance(thing, Process) and thing.process.returncode not in (0, -signal.SIGKILL):
                wrong.append(f"it ended with {status}: {thing.said()}")
        self.things = []
        shutil.rmtree(self.directory, ignore_errors=True)
        return wrong


def equals(name, got, want):
    tap.result(name, "" if got == want else f"{got!r} is not {want!r}")


def ended(answer):
    """What an answer is: an error's name, or 'answered'."""
    return answer.get("error", "answered")


class Far:
    """A service on NATS that is no bridge: answers(subject's last word, message) says what is published, as (payload,
    headers) pairs; None: nothing."""

    def __init__(self, url, answers, prefix="", interface=INTERFACE, description=DESCRIPTION):
        self.plain, self.answers, self.seen, self.lock = Plain(url), answers, [], threading.Lock()
        self.description = description
        self.subject = f"{prefix}varlink.{interface}"
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def serve(self, *methods):
        for method in methods:
            self.plain.do("SUB", f"{self.subject}.{method}")
        return self

    def _run(self):
        while self.running:
            m = self.plain.next(0.2)
            if m:
                with self.lock:
                    self.seen.append(m)
                self._answer(m)

    def _answer(self, m):
        word = m.subject.rsplit(".", 1)[1]
        if word == "describe" and self.description is not None:
            self.publish(m.reply, json.dumps({"description": self.description}))
            return
        for payload, headers in self.answers(word, m) or []:
            self.publish(m.reply, payload, headers)

    def publish(self, subject, payload="", headers=None):
        with self.lock:
            self.plain.publish(subject, "", payload, **(headers or {}))

    def got(self, word):
        with self.lock:
            return [m for m in self.seen if m.subject.endswith("." + word)]

    def end(self):
        self.running = False
        self.thread.join(PATIENCE)
        self.plain.end()
