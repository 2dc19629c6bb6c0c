"""The retry schedule of failed deliveries: increasing pauses over four days, with random jitter."""

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
"""After the last of these the delivery is dead, 4 days after it was first due."""
_SPREAD: Final = 0.1


def pause_after(attempts: int, chance: Random) -> timedelta | None:
    """The pause after this many attempts, with a jitter of at most a tenth; None: give up."""
    if attempts > len(PAUSES):
        return None
    return PAUSES[attempts - 1] * (1 + chance.uniform(-_SPREAD, _SPREAD))
