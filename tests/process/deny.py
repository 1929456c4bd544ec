# SPDX-License-Identifier: Apache-2.0
"""System calls that fail as a seccomp filter makes them fail; for a preexec_fn."""

import ctypes
import platform
import struct

NUMBERS = {
    "x86_64": {"poll": 7, "ppoll": 271, "clone": 56, "fork": 57, "vfork": 58, "clone3": 435, "waitid": 247,
               "pidfd_open": 434, "fchmodat": 268, "signalfd4": 289, "epoll_create1": 291},
    "aarch64": {"ppoll": 73, "clone": 220, "clone3": 435, "waitid": 95, "pidfd_open": 434, "fchmodat": 53,
                "signalfd4": 74, "epoll_create1": 20},
}.get(platform.machine())
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def deny(error, *calls):
    """From now on, and in whatever is executed, these calls fail with this errno."""
    # The number of the call is the first word of what the filter is shown.
    code = [(LOAD, 0, 0, 0)]
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
    return None if NUMBERS else f"the numbers of system calls of {platform.machine()} are not known here"
