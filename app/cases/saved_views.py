"""A member's own views of the queue: codes they have chosen, kept under no name but what the codes say."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import SavedView
from app.cases.queue import FILTERS, Filters, QueueQuery
from app.core.errors import Conflict, NotFound

MAX_VIEWS: Final = 12


def of_member(session: Session, member_id: UUID) -> list[tuple[UUID, QueueQuery]]:
    """In the order they were kept."""
    rows: Sequence[SavedView] = session.scalars(
        sa.select(SavedView).where(SavedView.member_id == member_id).order_by(SavedView.created_at, SavedView.id)
    ).all()
    return [
        (row.id, QueueQuery(row.view, Filters.of(row.filters), row.sort.removeprefix("-"), row.sort.startswith("-")))
        for row in rows
    ]


def save(session: Session, member_id: UUID, seen: QueueQuery, now: datetime) -> None:
    """Keep a view as it is looked at; one that is kept already stays as it is. Raises Conflict (too many)."""
    kept = [one for _id, one in of_member(session, member_id)]
    if seen in kept:
        return
    if len(kept) >= MAX_VIEWS:
        raise Conflict(f"You have {MAX_VIEWS} views of your own already. Remove one first.")
    codes = {name: code for name in FILTERS if (code := getattr(seen.filters, name))}
    sort = f"-{seen.sort}" if seen.down else seen.sort
    session.add(SavedView(member_id=member_id, view=seen.view, filters=codes, sort=sort, created_at=now))
    session.flush()


def delete(session: Session, member_id: UUID, view_id: UUID) -> None:
    """Raises NotFound: unknown, and somebody else's."""
    gone = sa.delete(SavedView).where(SavedView.id == view_id, SavedView.member_id == member_id)
    if not session.execute(gone).rowcount:  # type: ignore[attr-defined]
        raise NotFound("There is no such view.")
