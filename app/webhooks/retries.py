"""When a delivery that failed is tried again: a table over four days, each pause a little longer or shorter by chance."""

from datetime import timedelta
from random import Random
from typing import Final

PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=22),
    timedelta(hours=22),
)
"""After these the delivery is dead, 4 days after it was due first."""
_SPREAD: Final = 0.1


def pause_after(attempts: int, chance: Random) -> timedelta | None:
    """How long to wait after so many attempts; at most a tenth longer or shorter, so that nobody comes back all at once."""
    if attempts > len(PAUSES):
        return None
    return PAUSES[attempts - 1] * (1 + chance.uniform(-_SPREAD, _SPREAD))
