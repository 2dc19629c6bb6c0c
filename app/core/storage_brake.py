"""The brake on growth: before the database's disk is full, cases that are not urgent are refused to leave room for urgent ones.

Two limits: the free bytes of the disk on which an SQLite database lies, and the size of the database, of either kind. Each process
measures by itself, at most every `_EVERY_SECONDS`, so that the brake needs no worker and no network of its own.
`docs/operations.md` names what is refused; an emergency or an urgent case never is.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import Unavailable

_EVERY_SECONDS: Final = 15.0
_LOW: Final = 0.8


class StorageFull(Unavailable):
    """The database has no room for data that is not urgent. Nothing was stored."""

    slug, title = "storage-full", "The service has no room for this at the moment"

    def __init__(self, detail: str = "") -> None:
        super().__init__(
            detail or "Only what is urgent is taken at the moment. Nothing was stored; try again in some hours.",
            headers={"Retry-After": "3600"},
        )


class StorageLevel(StrEnum):
    OPEN = "open"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """The limits of growth. `database_max`: the largest size of the database in bytes; 0: no limit.

    `disk_free_min`: the least free space, in bytes, on the disk of an SQLite database.
    """

    database_max: int = 0
    disk_free_min: int = 0


@dataclass(frozen=True, slots=True)
class Storage:
    """A measurement, in bytes. `disk_free`: None where the database is on another machine, or may be."""

    database: int
    disk_free: int | None
    limits: StorageLimits

    @property
    def level(self) -> StorageLevel:
        """How full the storage is. `LOW`: four fifths of the room is used, or less than twice the reserve is free."""
        most, free, reserve = self.limits.database_max, self.disk_free, self.limits.disk_free_min
        if (most and self.database >= most) or (free is not None and free < reserve):
            return StorageLevel.FULL
        if (most and self.database >= most * _LOW) or (free is not None and free < 2 * reserve):
            return StorageLevel.LOW
        return StorageLevel.OPEN


def measure(session: Session, limits: StorageLimits) -> Storage:
    """Measure now.

    The size is what is in use: pages of an SQLite file that are free again do not count; on PostgreSQL they do, because only
    `VACUUM FULL` gives them back.
    """
    bind = session.get_bind()
    connection = session.connection()
    if bind.dialect.name == "postgresql":
        size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
        return Storage(int(size), None, limits)
    pages, free, page_size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return Storage((pages - free) * page_size, _free_beside(bind.engine.url.database), limits)


def _free_beside(path: str | None) -> int | None:
    return shutil.disk_usage(Path(path).absolute().parent).free if path and path != ":memory:" else None


class StorageBrake:
    """The brake of this process, with its last measurement. Safe between threads: at worst two of them measure at the same time."""

    def __init__(self, limits: StorageLimits, seconds: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._seconds = seconds
        self._measured: tuple[float, StorageLevel] | None = None

    def is_on(self, session: Session) -> bool:
        """Whether only urgent data is stored. Measures when the last measurement is older than 15 s."""
        at = self._seconds()
        if self._measured is None or at - self._measured[0] > _EVERY_SECONDS:
            self._measured = (at, measure(session, self.limits).level)
        return self._measured[1] is StorageLevel.FULL

    def check(self, session: Session) -> None:
        """Raises StorageFull while the brake is on."""
        if self.is_on(session):
            raise StorageFull
