# SPDX-License-Identifier: Apache-2.0
"""System calls that fail as a seccomp filter makes them fail; for a preexec_fn."""

import ctypes
import os
import struct

# By the machine in the head of a program: what the kernel calls it, and its numbers.
MACHINES = {
    62: (0xC000003E, {"poll": 7, "ppoll": 271, "clone": 56, "fork": 57, "vfork": 58, "clone3": 435, "waitid": 247,
                      "pidfd_open": 434, "fchmodat": 268, "signalfd4": 289, "epoll_create1": 291}),
    183: (0xC00000B7, {"ppoll": 73, "clone": 220, "clone3": 435, "waitid": 95, "pidfd_open": 434, "fchmodat": 53,
                       "signalfd4": 74, "epoll_create1": 20}),
    3: (0x40000003, {"poll": 168, "ppoll": 414, "clone": 120, "fork": 2, "vfork": 190, "clone3": 435, "waitid": 284,
                     "pidfd_open": 434, "fchmodat": 306, "signalfd4": 327, "epoll_create1": 329}),
}


def machine(program):
    """That of a program, or None: it is a script."""
    with open(program, "rb") as file:
        head = file.read(20)
    return struct.unpack("<H", head[18:])[0] if head[:4] == b"\x7fELF" else None


MACHINE = machine(os.environ["POSTERN_COMMAND"])
ARCHITECTURE, NUMBERS = MACHINES.get(MACHINE, (None, None))
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def deny(error, *calls):
    """From now on, and in whatever is executed, these calls fail with this errno."""
    # What the filter is shown begins with the number of the call, then the machine that it is meant for: an interpreter
    # of another one, which has yet to execute the program, is let through.
    code = [(LOAD, 0, 0, 4), (JUMP_IF_EQUAL, 1, 0, ARCHITECTURE), (RETURN, 0, 0, ALLOW), (LOAD, 0, 0, 0)]
    for call in calls:
        if call in NUMBERS:
            code += [(JUMP_IF_EQUAL, 0, 1, NUMBERS[call]), (RETURN, 0, 0, FAIL | error)]
    code.append((RETURN, 0, 0, ALLOW))
    text = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(text)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, FILTER, program, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot set a filter")


def possible():
    """None, or why a test cannot do this here."""
    return None if NUMBERS else f"the numbers of its system calls are not known here (machine {MACHINE})"
