"""Takes away from this process what it does not need to read a file: files, network, other processes, unlimited memory.

Each step says whether the system allowed it. Linux on x86-64 and ARM64 has all of them: resource limits, `no_new_privs`, Landlock
(no file can be opened, no TCP, no signal to another process) and a seccomp filter (an allow-list of system calls). Imports only
`ctypes` and the standard library, because the converting process must import little.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from app.documents.limits import FileLimits

MEASURES: Final = ("limits", "no_new_privs", "landlock", "seccomp", "no_network")
"""Each measure that can be reached. `no_network`: a network of its own without any interface; the filter closes sockets as well."""

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_FILTER_MODE: Final = 2
_CLONE_NEWNET: Final = 0x40000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_THREAD: Final = 0x00010000
_PROT_EXEC: Final = 4

_LANDLOCK_CREATE: Final = 444
_LANDLOCK_RESTRICT: Final = 446
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of file access a version of Landlock knows (include/uapi/linux/landlock.h)."""

_X86: Final = "x86_64"
_ARM: Final = "aarch64"
_ARCHITECTURES: Final = {_X86: 0xC000003E, _ARM: 0xC00000B7}
# fmt: off
_CALLS: Final = {  # asm/unistd_64.h, asm-generic/unistd.h
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "munmap": (11, 215), "brk": (12, 214),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "readv": (19, 65), "writev": (20, 66),
    "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233), "nanosleep": (35, 101), "getpid": (39, 172),
    "exit": (60, 93), "uname": (63, 160), "gettimeofday": (96, 169), "getrusage": (98, 165), "sysinfo": (99, 179),
    "sigaltstack": (131, 132), "gettid": (186, 178), "futex": (202, 98), "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128), "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "exit_group": (231, 94), "set_robust_list": (273, 99), "getrandom": (318, 278), "membarrier": (324, 283), "rseq": (334, 293),
}
_MAKING_A_PROCESS: Final = {
    "clone": (56, 220), "wait4": (61, 260), "pipe2": (293, 59), "prctl": (157, 167), "prlimit64": (302, 261), "dup3": (292, 24),
}
# fmt: on
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)
_MMAP: Final = (9, 222)
_MPROTECT: Final = (10, 226)


def limit(limits: FileLimits, *, cpu_seconds: int) -> bool:
    """Limit memory, time, files and descriptors of this process; a core dump is never written."""
    reached = True
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, 16),
    ):
        hard = most + 1 if which == resource.RLIMIT_CPU else most  # the softer signal says what happened
        try:
            resource.setrlimit(which, (most, hard))
        except (OSError, ValueError):
            reached = False
    return reached


def yield_to_others() -> None:
    """Give this process a low priority: requests for pages go first."""
    with suppress(OSError):
        os.nice(15)


def forbid_processes() -> None:
    """Forbid this process to start another; a thread counts as one."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def confine() -> dict[str, bool]:
    """Apply every measure but the limits, for a process that still starts one child for each file. Returns which were achieved."""
    if sys.platform != "linux":
        return dict.fromkeys(MEASURES, False)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    reached = {"no_network": libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) == 0}
    reached["no_new_privs"] = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    reached["landlock"] = _restrict_files(libc)
    reached["seccomp"] = _filter_calls(libc, [*_CALLS.values(), *_MAKING_A_PROCESS.values()], may_fork=True)
    return reached


def confine_further() -> bool:
    """The last step before a file is read: no child, no pipe, no further change of limits."""
    return sys.platform == "linux" and _filter_calls(
        ctypes.CDLL(None, use_errno=True), list(_CALLS.values()), may_fork=False
    )


def _restrict_files(libc: ctypes.CDLL) -> bool:
    """Landlock with all kinds of access handled and none allowed. False where the kernel does not have it."""
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return False
    attributes = [(1 << _FILE_RIGHTS[min(version, 5)]) - 1]
    if version >= 4:
        attributes.append(0b11)  # bind and connect over TCP
    if version >= 6:
        attributes.append(0b11)  # abstract unix sockets, signals
    packed = struct.pack(f"{len(attributes)}Q", *attributes)
    rules = libc.syscall(_LANDLOCK_CREATE, packed, len(packed), 0)
    if rules < 0:
        return False
    try:
        return bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


class _Instruction(ctypes.Structure):
    """`struct sock_filter` of linux/filter.h."""

    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _THIRD_ARGUMENT_AT = 0, 4, 16, 32


def _filter_calls(libc: ctypes.CDLL, allowed: Iterable[tuple[int, int]], *, may_fork: bool) -> bool:
    """Allow these system calls, threads, and memory that is not executable; every other call fails with EPERM."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    column = 0 if machine == _X86 else 1
    refused = _ERROR | errno.EPERM
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, 0, 1, 0x40000000),  # the x32 calls of x86-64
        (_RETURN, 0, 0, refused),
        (_EQUAL, 0, 1, _CLONE3[column]),  # libc then falls back to clone, whose flags a filter can read
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    ]
    if not may_fork:
        program += [
            (_EQUAL, 0, 4, _CLONE[column]),
            (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
            (_ANY_BIT, 0, 1, _CLONE_THREAD),
            (_RETURN, 0, 0, _ALLOW),
            (_RETURN, 0, 0, refused),
        ]
    for call in (_MMAP, _MPROTECT):
        program += [
            (_EQUAL, 0, 4, call[column]),
            (_LOAD, 0, 0, _THIRD_ARGUMENT_AT),
            (_ANY_BIT, 0, 1, _PROT_EXEC),
            (_RETURN, 0, 0, refused),
            (_RETURN, 0, 0, _ALLOW),
        ]
    for call in allowed:
        program += [(_EQUAL, 0, 1, call[column]), (_RETURN, 0, 0, _ALLOW)]
    program.append((_RETURN, 0, 0, refused))
    instructions = (_Instruction * len(program))(*(_Instruction(*line) for line in program))
    filter_program = _Program(len(program), instructions)
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(filter_program), 0, 0) == 0)
