"""Time is an argument everywhere; this is the only place that reads it from the machine."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def to_the_hour(instant: datetime) -> datetime:
    """Cut to the full hour: what a plain column may know of the moment at which a person did something."""
    return instant.replace(minute=0, second=0, microsecond=0)
