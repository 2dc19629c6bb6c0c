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


def instant(moment: datetime) -> str:
    """The one form in which machines are told an instant (RFC 3339): UTC as `Z`, always with milliseconds, the rest cut off.

    A fraction that came and went would break programs that compare or sort the texts, and parsers with one pattern.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
