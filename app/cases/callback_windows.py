"""Windows in which a team calls people back, with a number of places each: a person who picks a window takes one place.

Class of data: routing codes. The table says when the team phones, and how many places are taken, not by whom. The appointment says
that its agreed time lies in a window; its hour is plain anyway (decision 151).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import audit
from app.core import bulk
from app.core.db import Base
from app.core.errors import FieldError, Invalid, NotFound
from app.core.i18n import N_

LONGEST_HOURS: Final = 8
MOST_PLACES: Final = 50
FURTHEST: Final = timedelta(days=90)
MOST_LISTED: Final = 100


class CallbackWindow(Base):
    """From `starts_at`, a full hour, the team calls for so many `hours`. `taken`: how many of its `places` were picked."""

    __tablename__ = "callback_windows"
    __table_args__ = (
        sa.CheckConstraint("hours BETWEEN 1 AND 8", name="some_hours"),
        sa.CheckConstraint("places BETWEEN 1 AND 50", name="some_places"),
        sa.CheckConstraint("taken >= 0", name="taken_not_negative"),
        sa.Index("ix_callback_windows_team", "team_id", "starts_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    starts_at: Mapped[datetime]
    hours: Mapped[int] = mapped_column(sa.SmallInteger)
    places: Mapped[int] = mapped_column(sa.SmallInteger)
    taken: Mapped[int] = mapped_column(sa.SmallInteger)
    is_closed: Mapped[bool]

    @property
    def has_room(self) -> bool:
        return self.taken < self.places and not self.is_closed

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(hours=self.hours)


KEPT: Final = timedelta(days=1)
"""How long a window is kept after it began; the longest one takes eight hours."""
_HAS_ROOM: Final = sa.and_(CallbackWindow.taken < CallbackWindow.places, CallbackWindow.is_closed.is_(False))


def add(
    session: Session, team_id: UUID, starts_at: datetime, hours: int, places: int, *, by: UUID, now: datetime
) -> CallbackWindow:
    """Add a window. Raises Invalid: not a full hour to come within 90 days, or too many hours or places."""
    errors = []
    if starts_at.minute or starts_at.second or not now < starts_at <= now + FURTHEST:
        detail = N_("Choose a full hour from now on, at most 90 days ahead.")
        errors.append(FieldError(pointer="/time", code="out_of_range", detail=detail))
    if not 1 <= hours <= LONGEST_HOURS:
        errors.append(FieldError(pointer="/hours", code="out_of_range", detail=N_("Choose 1 to 8 hours.")))
    if not 1 <= places <= MOST_PLACES:
        errors.append(FieldError(pointer="/places", code="out_of_range", detail=N_("Choose 1 to 50 places.")))
    if errors:
        raise Invalid(errors)
    row = CallbackWindow(
        id=uuid4(), team_id=team_id, starts_at=starts_at, hours=hours, places=places, taken=0, is_closed=False
    )
    session.add(row)
    session.flush()
    _note(session, row, "callbacks_added", by, now)
    return row


def close(session: Session, team_id: UUID, window_id: UUID, *, by: UUID, now: datetime) -> None:
    """Close a window: nobody can pick it any more; a person who has picked it keeps their time. Raises NotFound."""
    row = session.scalars(
        sa.select(CallbackWindow)
        .where(CallbackWindow.id == window_id, CallbackWindow.team_id == team_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such window.")
    row.is_closed = True
    session.flush()
    _note(session, row, "callbacks_closed", by, now)


def upcoming(session: Session, team_id: UUID, now: datetime) -> Sequence[CallbackWindow]:
    """The team's windows that have not begun, in order."""
    query = sa.select(CallbackWindow).where(CallbackWindow.team_id == team_id, CallbackWindow.starts_at > now)
    return session.scalars(query.order_by(CallbackWindow.starts_at, CallbackWindow.id).limit(MOST_LISTED)).all()


def free(session: Session, team_id: UUID, now: datetime) -> list[CallbackWindow]:
    """Those of them that have a free place."""
    return [window for window in upcoming(session, team_id, now) if window.has_room]


def full_among(session: Session, window_ids: Collection[UUID]) -> frozenset[UUID]:
    """Which of these have no free place, or are gone."""
    if not window_ids:
        return frozenset()
    query = sa.select(CallbackWindow.id).where(CallbackWindow.id.in_(list(window_ids)), _HAS_ROOM)
    return frozenset(window_ids) - frozenset(session.scalars(query))


def take(session: Session, window_id: UUID) -> bool:
    """Take a place. False: none is free. Of two callers that take the last one at the same time, one gets it."""
    return _change(session, window_id, 1, _HAS_ROOM)


def give_back(session: Session, window_id: UUID) -> None:
    """Give a place back: it is free again."""
    _change(session, window_id, -1, CallbackWindow.taken > 0)


def delete_past(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete the windows that began more than `KEPT` ago; returns how many. Agreed times keep a copy of theirs."""
    return bulk.delete_some(session, CallbackWindow, CallbackWindow.starts_at <= now - KEPT, limit)


def _change(session: Session, window_id: UUID, by: int, which: sa.ColumnElement[bool]) -> bool:
    changed = session.execute(
        sa.update(CallbackWindow)
        .where(CallbackWindow.id == window_id, which)
        .values(taken=CallbackWindow.taken + by)
        .execution_options(preserve_rowcount=True, synchronize_session="fetch")
    )
    return bool(changed.rowcount == 1)  # type: ignore[attr-defined]


def _note(session: Session, row: CallbackWindow, what: str, by: UUID, now: datetime) -> None:
    audit.record(
        session, actor_kind="member", actor_id=by.hex, action=f"team:{what}", subject_kind="team",
        subject_id=row.team_id, codes={"hours": row.hours, "places": row.places}, now=now,
    )  # fmt: skip
