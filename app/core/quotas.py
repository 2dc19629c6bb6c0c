"""Quotas that several processes share: each takes a share of the window from the database and counts in memory.

A share is a tenth of the quota, so that ten shares are at most ten small writes a window and client, and a request seldom
costs one. All processes together never serve more than the quota. They may refuse a little early: what another process
holds of a share and has not used is lost to this one, at most a tenth of the quota for each other process.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.upsert import insert_or_update

WINDOW: Final = 60
"""Seconds. Windows begin at full minutes, the same in every process."""
SHARES: Final = 10
_MAX_QUOTAS_HELD: Final = 10_000


class QuotaWindow(Base):
    """How much of one quota has been handed out to processes in one window. `what`: whose quota, and for which kind of call."""

    __tablename__ = "quota_windows"

    what: Mapped[str] = mapped_column(sa.String(96), primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    taken: Mapped[int]


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """What is left for a caller. `allowed`: this call was within it."""

    allowed: bool
    quota: int
    remaining: int
    seconds_left: int


@dataclass(slots=True)
class _Share:
    begins: int
    here: int
    elsewhere: int
    """What nobody has taken yet, as far as this process knows."""


class Quotas:
    """The shares of one process, used from its event loop. `turn` is held while a share is fetched: one at a time."""

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        self.turn = anyio.Lock()

    def spend(self, what: str, quota: int, now: datetime) -> QuotaStatus | None:
        """Count one call. None: this process has no share left and has to `take` one first."""
        begins = window(now)
        share = self._shares.get(what)
        if share is None or share.begins != begins:
            return None
        if share.here == 0 and share.elsewhere > 0:
            return None
        allowed = share.here > 0
        share.here -= allowed
        return QuotaStatus(allowed, quota, share.here + share.elsewhere, _seconds_left(now))

    def hold(self, what: str, quota: int, now: datetime, taken: int, got: int) -> None:
        """Keep what `take` gave. Nothing is left of the share before, or its window is over."""
        if len(self._shares) >= _MAX_QUOTAS_HELD:
            self._shares.clear()
        self._shares[what] = _Share(window(now), got, max(quota - taken, 0))


def take_share(session: Session, what: str, quota: int, now: datetime) -> tuple[int, int]:
    """Take a share in a writing transaction: how much is handed out now in all, and how much of it is ours."""
    share = max(quota // SHARES, 1)
    begins_at = datetime.fromtimestamp(window(now), UTC)
    statement = insert_or_update(
        session, QuotaWindow, key=("what", "begins_at"), change=lambda new: {"taken": QuotaWindow.taken + new["taken"]}
    )
    row = {"what": what, "begins_at": begins_at, "taken": share}
    taken: int = session.execute(statement.returning(QuotaWindow.taken), row).scalar_one()
    return taken, max(min(share, quota - (taken - share)), 0)


def delete_expired(session: Session, now: datetime) -> int:
    before = datetime.fromtimestamp(window(now) - 2 * WINDOW, UTC)
    return int(session.execute(sa.delete(QuotaWindow).where(QuotaWindow.begins_at < before)).rowcount)  # type: ignore[attr-defined]


def window(now: datetime) -> int:
    return int(now.timestamp()) // WINDOW * WINDOW


def _seconds_left(now: datetime) -> int:
    return max(window(now) + WINDOW - int(now.timestamp()), 1)
