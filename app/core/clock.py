"""The system clock. Everywhere else the current time is an argument; only this module reads it from the machine."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def to_the_hour(instant: datetime) -> datetime:
    """The instant cut to the full hour: the precision at which plain columns record what a person did.

    `privacy.moments` says of every column of a moment why it may be there.
    """
    return instant.replace(minute=0, second=0, microsecond=0)
