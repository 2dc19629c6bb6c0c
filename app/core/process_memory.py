"""Keeps what the process holds in memory off the disk: no core dumps, no tracing, and no swap where that is allowed."""

import ctypes
import errno
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PR_GET_DUMPABLE: Final = 3
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection that was achieved. `swap`: whether pages can still be written to swap space."""

    core_dumps: bool
    traceable: bool
    swap: bool

    def left(self) -> list[str]:
        """Codes of the features that could not be switched off."""
        return [name for name in ("core_dumps", "traceable", "swap") if getattr(self, name)]


def protect() -> Protection:
    """Switch off core dumps, tracing by the same user, and swapping, for this process and what it starts.

    It never fails: what the system refuses is in the result. Locking memory needs `RLIMIT_MEMLOCK` to be unlimited (the units of
    `deploy/` say so); with less it would make later allocations fail, so it is not even tried.
    """
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    traceable = not (sys.platform == "linux" and _not_dumpable())
    swap = not (sys.platform == "linux" and _lock_pages())
    return Protection(resource.getrlimit(resource.RLIMIT_CORE)[0] != 0, traceable, swap)


def _not_dumpable() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return bool(libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)


def _lock_pages() -> bool:
    soft, _hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0:
        return True
    return ctypes.get_errno() == errno.EINVAL and libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0
