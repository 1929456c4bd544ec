#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a server of NATS may do to a bridge: other limits, other users, other permissions, silence. And what others on it may guess."""

import json
import os
import signal
import time

import harness
from harness import INTERFACE, Caller, Place, Service, ended, equals, tap, wait_for

ECHO, SLOW = f"{INTERFACE}.Echo", f"{INTERFACE}.Slow"
SUBJECT = f"varlink.{INTERFACE}"
WORKS = {"parameters": {"text": "x"}}


def works(b, patience=harness.PATIENCE):
    """Does a call get its answer, in the end?"""
    def once():
        c = Caller(b.path)
        answer = c.call(ECHO, {"text": "x"})
        c.close()
        return answer == WORKS
    return wait_for(once, patience)


class Two(Service):
    """It has another interface, too."""

    OTHER = "org.example.other"

    def _builtin(self, method, parameters):
        for answer in super()._builtin(method, parameters):
            if "interfaces" in answer["parameters"]:
                answer["parameters"]["interfaces"].append(self.OTHER)
            elif parameters["interface"] == self.OTHER:
                answer["parameters"]["description"] = self.description.replace(self.interface, self.OTHER)
            yield answer


def restart(nats, configuration):
    nats.kill()
    nats.configuration = configuration
    nats.start()


def reload(nats, configuration):
    conf = nats.directory / "conf"
    conf.write_text(conf.read_text().replace(nats.configuration, configuration))
    nats.configuration = configuration
    since = len(nats.process.lines)
    nats.process.kill(signal.SIGHUP)
    if not nats.process.wait_line("Reloaded server configuration", since=since):
        raise SystemExit(f"nats-server does not reload: {nats.process.said()}")


def test_payload(p, service):
    nats = p.nats("payload", configuration="max_payload: 100000\n")
    restart(nats, nats.configuration)
    p.export(service, nats.url)
    b = p.take("payload", nats.url)
    c = Caller(b.path)
    reload(nats, "max_payload: 2000\n")
    answer = c.call(ECHO, {"text": "x" * 5000})
    equals("a call that has become too large by a reload ends without an answer", ended(answer), "io.postern.bridge.NoAnswer")
    tap.result("and the bridge comes back", [] if works(b) else b.said())
    answer = c.call(ECHO, {"text": "x" * 5000})
    equals("it has learned what is too large", (ended(answer), answer["parameters"].get("max")), ("io.postern.bridge.TooLarge", 2000))
    size = len(json.dumps({"text": "x" * 1975}, separators=(",", ":")))
    answer = c.call(ECHO, {"text": "x" * 1975})
    tap.result("what is too large with its headers is told with them", "" if size <= 2000 and answer["parameters"].get("size", 0) > 2000 else
               f"{size} and {answer}")
    c.close()


def test_drain(p):
    """The server does not confirm that it sends no more, and that is waited for in few threads."""
    nats = p.nats("drain")
    description = "interface org.example.wide\n" + "".join(f"method M{n}() -> ()\n" for n in range(100))
    wide = p.add(Service(p.directory / "wide.sock", description=description))
    b = p.export(wide, nats.url, options=("--drain", "60s"))

    def threads():
        return len(os.listdir(f"/proc/{b.process.pid}/task"))

    before = threads()
    nats.process.kill(signal.SIGSTOP)
    b.kill(signal.SIGTERM)
    tap.result("a drain waits for its server", [] if wait_for(lambda: threads() > before) else "it has no thread for that")
    most = 0
    for _ in range(20):
        most = max(most, threads())
        time.sleep(0.02)
    tap.result("in few threads, however many methods there are", [] if most <= before + 8 else f"{most} threads, {before} before")
    nats.process.kill(signal.SIGCONT)
    equals("and ends", b.end(), 0)
    p.things.remove(b)


def test_users(p, service):
    def users(name):
        return f"authorization {{ users = [ {{ user: {name}, password: p }} ] }}\n"

    nats = p.nats("users", configuration=users("u"))
    url = nats.url.replace("//", "//u:p@")
    e, b = p.export(service, url), p.take("users", url)
    restart(nats, users("other"))
    tap.result("a bridge that runs outlives a server that refuses its user", [] if e.wait_line("trying again") and b.wait_line("trying again") else
               f"{e.said()}\n{b.said()}")
    c = Caller(b.path)
    equals("calls are not sent meanwhile", ended(c.call(ECHO, {"text": "x"})), "io.postern.bridge.NotSent")
    c.close()
    restart(nats, users("u"))
    tap.result("and comes back when its user does", [] if works(b) else f"{e.said()}\n{b.said()}")


def test_permissions(p, service):
    def nats(name, permissions):
        users = f"{{ user: u, password: p, permissions: {{ {permissions} }} }}, {{ user: a, password: a }}"
        url = p.nats(name, configuration=f"authorization {{ users = [ {users} ] }}\n").url
        return url.replace("//", "//u:p@"), url.replace("//", "//a:a@")

    def refused(name, url, *arguments):
        done = p.run("bridge", *arguments, "--nats", url, "--wait", "2s")
        tap.result(name, [] if done.returncode == 77 and "ready" not in done.stderr and "Subscription" in done.stderr else
                   f"it ended with {done.returncode}: {done.stderr}")

    url, _ = nats("one", f'subscribe: {{ deny: "{SUBJECT}.Echo" }}')
    refused("an exporter is not ready if it may not subscribe to one of its methods", url, "export", service.path)
    p.export(service, url, options=("--allow", f"{INTERFACE}.Slow"))
    tap.result("and is with --allow for others", [])
    url, _ = nats("undescribed", f'subscribe: {{ deny: "{SUBJECT}.describe" }}')
    refused("nor if it may not describe what it exports", url, "export", service.path)
    both = p.add(Two(p.directory / "two.sock"))
    url, _ = nats("other", f'subscribe: {{ deny: "varlink.{Two.OTHER}.describe" }}')
    refused("which is so of each interface", url, "export", both.path)
    p.export(both, url, options=("--allow", f"{INTERFACE}.*"))
    tap.result("but of those alone that --allow has a method of", [])
    url, _ = nats("inbox", 'subscribe: { deny: "_INBOX.>" }')
    refused("an importer is not ready if it may have no inbox", url, "import", INTERFACE, "--as", "none")
    url, everything = nats("hidden", f'subscribe: {{ deny: "$SRV.>" }}, publish: {{ deny: "{SUBJECT}.Slow" }}')
    e = p.export(service, url)
    tap.result("one that may not be found is ready, and says so", [] if e.wait_line("$SRV") else e.said())
    b = p.take("hidden", url)
    c, begun = Caller(b.path), time.monotonic()
    answer = c.call(SLOW, {"ms": 1})
    took = time.monotonic() - begun
    equals("a call that may not be published ends at once", (ended(answer), took < 10), ("io.postern.bridge.NoAnswer", True))
    begun = time.monotonic()
    answer = c.call("io.postern.bridge.Forward", {"method": SLOW, "hops": 1, "parameters": {"ms": 1}})
    took = time.monotonic() - begun
    equals("so does one that another bridge has passed on, and it is named", (ended(answer), SLOW in answer["parameters"]["reason"], took < 10),
           ("io.postern.bridge.NoAnswer", True, True))
    tap.result("others of it are answered", [] if works(b) else b.said())
    c.close()
    return everything


def refused(p, name, status, text, *options):
    begun = time.monotonic()
    done = p.run("bridge", "import", INTERFACE, "--as", "none", "--wait", "2s", *options)
    tap.result(name, "" if done.returncode == status and text in done.stderr and "secret" not in done.stderr else
               f"it ended with {done.returncode} after {time.monotonic() - begun:.1f} s: {done.stderr}")


def test_options(p, url):
    refused(p, "tls in a URL is not forgotten", 74, "ecure", "--nats", url.replace("nats://", "tls://u:secret@"))
    for wrong in ("http://u:secret@127.0.0.1:1", "nats://", "nats://a b", "://x"):
        refused(p, f"'{wrong.replace('u:secret@', '')}' is no server of NATS", 64, "nats://HOST", "--nats", wrong)
    fifo, empty, half = (p.directory / name for name in ("fifo", "empty", "half"))
    os.mkfifo(fifo)
    empty.write_text("")
    half.write_text("-----BEGIN NATS USER JWT-----\neyJ0.e30.x\n------END NATS USER JWT------\n")
    for option in ("--creds", "--tls-ca"):
        refused(p, f"{option} does not wait for a FIFO", 66, "no regular file", "--nats", url, option, fifo)
        refused(p, f"{option} is no directory", 66, "directory", "--nats", url, option, p.directory)
    refused(p, "an empty file has no credentials", 64, "nsc generate creds", "--nats", url, "--creds", empty)
    refused(p, "a token without its seed is not enough", 64, "nsc generate creds", "--nats", url, "--creds", half)


def test_guesses(p, service, url):
    p.export(service, url, options=("--prefix", "g"))
    plain = p.plain(url)
    identity = json.loads(plain.ask("$SRV.INFO").payload)["id"]
    controls = []
    for _ in range(3):
        plain.publish(f"g.{SUBJECT}.Count", plain.open(), json.dumps({"to": 1000, "everyMs": 50}), Varlink_More="true")
        while len(controls) < 3 and (m := plain.next()):
            if "Varlink-Control" in m.headers:
                controls.append(m.headers["Varlink-Control"])
                break
    own = [control.rsplit(".", 1)[1] for control in controls]
    shared = max(sum(x == y for x, y in zip(a[4:], b[4:])) for a, b in ((own[0], own[1]), (own[1], own[2]), (own[0], own[2])))
    tap.result("a control subject says nothing about the next one", [] if min(map(len, own)) >= 36 and shared < 16 else str(own))
    tap.result("and the id that everybody is told nothing about either", [] if identity[:6] not in controls[0] else f"{identity} {controls}")
    for control in controls:
        plain.publish(control, "", "cancel")


def test_guessed_ids(p, service):
    """Who knows the id of a durable call before it is stored could store another message in its place."""
    nats = p.nats("jet", configuration=f'jetstream {{ store_dir: {json.dumps(str(p.directory / "jetstream"))} }}\n')
    plain = p.plain(nats.url)
    plain.do("SUB", f"ids.*.{INTERFACE}.Note")
    options = ("--stream", "ids", "--prefix", "ids")
    p.export(service, nats.url, options=options)
    c = Caller(p.take("ids", nats.url, options=options).path)
    for _ in range(2):
        c.send(f"{INTERFACE}.Note", {"text": "x"}, oneway=True)
    ids = [m.headers.get("Nats-Msg-Id", "") for m in (plain.next(), plain.next()) if m]
    same = sum(a == b for a, b in zip(*ids)) if len(ids) == 2 else len(ids)
    tap.result("an id of a durable call says nothing about the next one", [] if len(ids) == 2 and min(map(len, ids)) >= 32 and same < 16 else
               str(ids))
    c.close()


def test_signals(p):
    for sig in (signal.SIGTERM, signal.SIGINT):
        b = p.bridge("export", p.directory / "nobody.sock", ready=False)
        b.wait_line("waiting for the service")
        b.kill(sig)
        equals(f"{sig.name} while it waits is no failure", b.process.wait(harness.PATIENCE), 0)


def test_waiting(p, service, url):
    """Messages that wait in the bridge are freed before libnats ends."""
    plain = p.plain(url)
    for signals in ([signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]):
        e = p.export(service, url, options=("--prefix", "w"))
        e.kill(signal.SIGSTOP)
        for _ in range(300):
            plain.publish(f"w.{SLOW.replace(INTERFACE, SUBJECT)}", "_INBOX.none", '{"ms":1}')
        for sig in [*signals, signal.SIGCONT]:
            e.kill(sig)
        equals(f"a bridge ends by {len(signals)} signals with messages that it has not read", e.process.wait(harness.PATIENCE), 0)


def test_silence(p, service):
    nats = p.nats("silent")
    e = p.export(service, nats.url, options=("--drain", "2s"))
    other = p.export(service, nats.url)
    nats.process.kill(signal.SIGSTOP)
    begun = time.monotonic()
    status = e.end()
    took = time.monotonic() - begun
    tap.result("a drain ends in its time, also when NATS is silent", [] if status == 0 and took < 8 * harness.SCALE else
               f"it ended with {status} after {took:.1f} s: {e.said()}")
    left = other.wait_line("is lost", 30 * harness.SCALE)
    took = time.monotonic() - begun
    tap.result("a silent server is left after some 10 s", [] if left and 5 < took < 25 * harness.SCALE else f"after {took:.1f} s: {other.said()}")
    nats.process.kill(signal.SIGCONT)
    tap.result("and taken again when it goes on", [] if other.wait_line("NATS is back") else other.said())


def main():
    harness.need_nats()
    p = Place()
    service = p.service()
    test_payload(p, service)
    test_drain(p)
    test_users(p, service)
    url = test_permissions(p, service)
    test_options(p, p.nats("open").url)
    test_guesses(p, service, url)
    test_guessed_ids(p, service)
    test_signals(p)
    test_waiting(p, service, url)
    test_silence(p, service)
    tap.result("all of it ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
