"""Keeps the machine busy as neighbours on a shared server do: processes that walk through more memory than a core's caches hold."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PROCESSES: Final = 2
_WALK: Final = """
import os, time
room, parent, end = bytearray(64 * 1024 * 1024), os.getppid(), time.monotonic() + {seconds}
while os.getppid() == parent and time.monotonic() < end:
    for place in range(0, len(room), 64):
        room[place] = 1
"""
_LONGEST: Final = 3600
"""Seconds after which a walker ends by itself, whatever became of its parent."""


@contextmanager
def busy_machine() -> Iterator[None]:
    """Two processes that each walk 64 MB, cache line by cache line, until the block ends."""
    command = [sys.executable, "-c", _WALK.format(seconds=_LONGEST)]
    walkers = [subprocess.Popen(command) for _ in range(PROCESSES)]
    try:
        yield
    finally:
        for walker in walkers:
            walker.kill()
            walker.wait()
