#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help that fits on a screen, and what bash and zsh complete, typed into the shells themselves."""

import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
VERBS = [line.split("\t")[0] for line in
         subprocess.run([POSTERN, "complete"], capture_output=True, text=True, check=True).stdout.splitlines()]
VERSION = re.search(r'POSTERN_VERSION *"(.*)"', (tap.SOURCE / "include" / "postern.h").read_text())[1]


def test_help():
    # The reviewer has a name and, in its own tests, a help of its own.
    for verb in [verb for verb in VERBS if verb not in ("help", "review")] + [None]:
        arguments = [verb, "--help"] if verb else ["--help"]
        text = subprocess.run([POSTERN, *arguments], capture_output=True, text=True, check=True).stdout
        lines = text.splitlines()
        wide = [line for line in lines if len(line) > 80]
        wrong = [] if 5 <= len(lines) <= 24 else [f"{len(lines)} lines"]
        tap.result(f"help_is_one_screen: postern {' '.join(arguments)}", wrong + wide)
        if verb:
            for option in ("--version", "-V"):
                ran = subprocess.run([POSTERN, verb, option], capture_output=True, text=True)
                tap.result(f"the_version_is_told: postern {verb} {option}",
                           [] if (ran.returncode, ran.stdout) == (0, f"postern {VERSION}\n") else str(ran))


class Shell:
    """An interactive shell on a terminal; what is typed into it, and what it then shows."""

    def __init__(self, argv, directory, setup):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.environ.update(PATH=f"{directory}/bin:{os.environ['PATH']}", POSTERN_DIR=f"{directory}/names",
                              HOME=directory, ZDOTDIR=directory, TERM="dumb", INPUTRC="/dev/null", PS1="> ", HISTFILE="")
            os.execvp(argv[0], argv)
        for line in setup:
            self.type(line + "\n", "")
        self.type("echo begin-$((40 + 2))\n", "begin-42")

    def read(self, wanted):
        """What comes until `wanted` has come; where nothing is, until nothing has come for a while."""
        text, end = "", time.monotonic() + 10 * SCALE
        while not (wanted and wanted in text) and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2 * SCALE)[0]:
                try:
                    text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    break
            elif not wanted:
                break
        return text

    def type(self, text, wanted):
        os.write(self.fd, text.encode())
        return self.read(wanted)

    def completes(self, line, wanted):
        """Types a line and Tab; what is wrong with what stands there then."""
        shown = self.type(line + "\t", wanted)
        # Away with the line, and with an answer that is still open, once the shell is done with it: what is typed
        # while it completes is lost in part.
        self.read("")
        self.type("\x03", "")
        self.type("echo next-$((40 + 2))\n", "next-42")
        return [] if wanted in shown else [f"{line!r} became {shown!r}, without {wanted!r}"]

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


# Only where the bridge is built.
BRIDGE = [
    ("a_verb_of_the_bridge", "postern bridge exp", "postern bridge export "),
    ("an_option_of_the_bridge", "postern bridge export --tit", "postern bridge export --title "),
    ("a_service_to_export", "postern bridge export tim", "postern bridge export timer "),
] if "bridge" in VERBS else []

LINES = [
    ("a_verb", "postern con", "postern connect "),
    ("the_help_of_a_verb", "postern help ser", "postern help serve "),
    ("an_option", "postern serve --high", "postern serve --high-water "),
    ("an_option_of_all", "postern ls --vers", "postern ls --version "),
    ("a_value", "postern serve --access wo", "postern serve --access world "),
    ("a_value_behind_an_equals_sign", "postern serve --access=wo", "postern serve --access=world"),
    ("a_name", "postern connect clo", "postern connect clock "),
    ("a_name_with_a_colon", "postern wait system:bat", "postern wait system:battery"),
    ("an_option_of_the_reviewer", "postern review --excl", "postern review --exclude "),
    ("a_format_of_the_reviewer", "postern review --format git", "postern review --format github "),
    ("a_rule_of_the_reviewer", "postern review --explain E7", "postern review --explain E7 "),
    ("a_file_behind_a_flag", "postern check --format only-this.v", "postern check --format only-this.varlink "),
    ("an_option_of_generate", "postern generate --pre", "postern generate --prefix "),
    ("a_file_to_generate_from", "postern generate only-this.v", "postern generate only-this.varlink "),
    ("an_option_of_check", "postern check --wr", "postern check --write "),
    ("a_service", "postern call tim", "postern call timer "),
    ("a_method_of_a_service", "postern call timer org.example.clock.N", "postern call timer org.example.clock.Now "),
    ("an_interface_of_a_service", "postern introspect timer org.ex", "postern introspect timer org.example.clock "),
    ("a_server_to_relay", "postern relay clo", "postern relay clock "),
    ("an_end_of_a_relay", "postern relay clock --then ha", "postern relay clock --then half-close "),
    ("an_option_of_call", "postern call --onew", "postern call --oneway "),
    ("an_upgrade", "postern call --upg", "postern call --upgrade "),
    ("a_method_behind_options", "postern call --upgrade --idle 5s timer org.example.clock.N",
     "postern call --upgrade --idle 5s timer org.example.clock.Now "),
    *BRIDGE,
    ("a_program", "postern serve x --exec only-this-pro", "postern serve x --exec only-this-program "),
]


def test_shell(shell, argv, setup):
    if not shutil.which(shell):
        tap.skip(f"{shell}_completes", f"{shell} is not installed")
        return
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        names = Path(directory, "names")
        names.mkdir()
        Path(directory, "bin").mkdir()
        # The names of the system are those of root: a command that lists one more, as it lists its own.
        wrapper = Path(directory, "bin", "postern")
        wrapper.write_text(f'#!/bin/sh\n"{POSTERN}" "$@"\nstatus=$?\n'
                           'test "$1" != ls || test "$2" != --all || echo system:battery\nexit $status\n')
        program = Path(directory, "bin", "only-this-program")
        program.write_text("#!/bin/sh\n")
        Path(directory, "only-this.varlink").touch()
        for file in (wrapper, program):
            file.chmod(0o755)
        server = subprocess.Popen([POSTERN, "serve", "clock", "--echo"], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, env=dict(os.environ, POSTERN_DIR=str(names)))
        server.stderr.readline()
        service = subprocess.Popen(
            [POSTERN, "serve", "timer", "--interface", f"{tap.SOURCE}/tests/generate/org.example.clock.varlink", "--method",
             "org.example.clock.Now", "cat"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=dict(os.environ, POSTERN_DIR=str(names)))
        service.stderr.readline()
        it = Shell(argv, directory, setup)
        for what, line, wanted in LINES:
            tap.result(f"{shell}_completes_{what}", it.completes(line, wanted))
        it.end()
        for one in (server, service):
            one.terminate()
            one.wait()
            one.stderr.close()


test_help()
test_shell("bash", ["bash", "--norc", "--noprofile", "-i"],
           ["bind 'set enable-bracketed-paste off'", f". {tap.SOURCE}/completion/postern.bash"])
test_shell("zsh", ["zsh", "-f", "-i"],
           [f"fpath=({tap.SOURCE}/completion $fpath); autoload -U compinit; compinit -u -D; unsetopt zle_bracketed_paste"])
tap.done()
