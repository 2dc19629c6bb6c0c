"""Request quotas across processes: each process takes a share of the window's quota from the database and counts in memory.

A share is a tenth of the quota, so there are at most ten small writes per window and client. All processes together never serve
more than the quota. They may refuse a little too early, because a share that another process holds and has not used is not
available to this one: at most a tenth of the quota for each other process.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import bulk
from app.core.db import Base
from app.core.upsert import insert_or_update

WINDOW: Final = 60
"""The length of a window in seconds. Windows begin at full minutes, in every process."""
SHARES: Final = 10
_MAX_QUOTAS_HELD: Final = 10_000


class QuotaWindow(Base):
    """How much of one quota the processes have taken in one window. `key`: the client and the kind of call."""

    __tablename__ = "quota_windows"

    key: Mapped[str] = mapped_column(sa.String(96), primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    taken: Mapped[int]


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """What is left of a caller's quota. `allowed`: this call was within the quota."""

    allowed: bool
    quota: int
    remaining: int
    seconds_left: int


@dataclass(slots=True)
class _Share:
    """A process's share of one quota. `untaken`: the part that no process has taken yet, as far as this one knows."""

    begins_at: int
    unused: int
    untaken: int


class Quotas:
    """The shares of one process, for all of its threads. On the event loop, hold `fetch_lock` while a share is taken."""

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        self._lock = threading.Lock()
        self.fetch_lock = anyio.Lock()

    def spend(self, key: str, quota: int, now: datetime) -> QuotaStatus | None:
        """Count one call. None: this process has no share left and has to take one first (`take_share`)."""
        begins_at = window(now)
        with self._lock:
            share = self._shares.get(key)
            if share is None or share.begins_at != begins_at:
                return None
            if share.unused == 0 and share.untaken > 0:
                return None
            allowed = share.unused > 0
            share.unused -= allowed
            return QuotaStatus(allowed, quota, share.unused + share.untaken, _seconds_left(now))

    def store_share(self, key: str, quota: int, now: datetime, taken: int, got: int) -> None:
        """Store the result of `take_share`. The previous share is used up, or its window is over."""
        with self._lock:
            if len(self._shares) >= _MAX_QUOTAS_HELD:
                self._shares.clear()
            self._shares[key] = _Share(window(now), got, max(quota - taken, 0))


def take_share(session: Session, key: str, quota: int, now: datetime) -> tuple[int, int]:
    """Take a share, in a write transaction. Returns how much is taken in all, and how much of it by this call."""
    share = max(quota // SHARES, 1)
    begins_at = datetime.fromtimestamp(window(now), UTC)
    statement = insert_or_update(
        session, QuotaWindow, key=("key", "begins_at"), change=lambda new: {"taken": QuotaWindow.taken + new["taken"]}
    )
    row = {"key": key, "begins_at": begins_at, "taken": share}
    taken: int = session.execute(statement.returning(QuotaWindow.taken), row).scalar_one()
    return taken, max(min(share, quota - (taken - share)), 0)


def delete_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    before = datetime.fromtimestamp(window(now) - 2 * WINDOW, UTC)
    return bulk.delete_some(session, QuotaWindow, QuotaWindow.begins_at < before, limit)


def window(now: datetime) -> int:
    return int(now.timestamp()) // WINDOW * WINDOW


def _seconds_left(now: datetime) -> int:
    return max(window(now) + WINDOW - int(now.timestamp()), 1)
