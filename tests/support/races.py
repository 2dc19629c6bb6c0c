"""Two transactions that meet: both come to the same place of the code before either goes on, unless a lock keeps one of them away.

So the outcome does not depend on which is quicker: without the lock both have seen the same, with it the second waits, and
the first goes on alone after a while.
"""

import threading
from contextlib import suppress
from typing import Any

import pytest

PATIENCE = 0.5  # seconds; nothing fails if it is too short or too long


def meet_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    """Whoever calls this function of a module waits for a second caller first."""
    barrier, real = threading.Barrier(2), getattr(place, name)

    def met(*args: Any, **named: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(PATIENCE)
        return real(*args, **named)

    monkeypatch.setattr(place, name, met)
