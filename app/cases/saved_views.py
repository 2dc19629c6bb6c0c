"""A member's saved views of the queue: a view, filters and an order, as codes. They have no name of their own."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import SavedView
from app.cases.queue_queries import FILTERS, Filters, QueueQuery
from app.core.errors import Conflict, NotFound
from app.core.i18n import Translatable

MAX_VIEWS: Final = 12
_RENAMED: Final = {"quarantine": "possible_spam"}
"""Views whose code has changed since a former version saved them."""


def of_member(session: Session, member_id: UUID) -> list[tuple[UUID, QueueQuery]]:
    """A member's saved views with their ids, in the order they were saved."""
    columns = sa.select(SavedView.id, SavedView.view, SavedView.filters, SavedView.sort)
    rows = session.execute(
        columns.where(SavedView.member_id == member_id).order_by(SavedView.created_at, SavedView.id)
    ).all()
    return [
        (
            row.id,
            QueueQuery(
                _RENAMED.get(row.view, row.view),
                Filters.of(row.filters),
                row.sort.removeprefix("-"),
                row.sort.startswith("-"),
            ),
        )
        for row in rows
    ]


def save(session: Session, member_id: UUID, query: QueueQuery, now: datetime) -> None:
    """Save a view for this member; one that is saved already is left alone. Raises Conflict when there are too many."""
    saved = [view for _id, view in of_member(session, member_id)]
    if query in saved:
        return
    if len(saved) >= MAX_VIEWS:
        raise Conflict(Translatable("You have {most} views of your own already. Remove one first.", most=MAX_VIEWS))
    codes = {name: code for name in FILTERS if (code := getattr(query.filters, name))}
    sort = f"-{query.sort}" if query.descending else query.sort
    session.add(SavedView(member_id=member_id, view=query.view, filters=codes, sort=sort, created_at=now))
    session.flush()


def delete(session: Session, member_id: UUID, view_id: UUID) -> None:
    """Delete a member's saved view. Raises NotFound when it is unknown or another member's."""
    statement = sa.delete(SavedView).where(SavedView.id == view_id, SavedView.member_id == member_id)
    if not session.execute(statement).rowcount:  # type: ignore[attr-defined]
        raise NotFound("There is no such view.")
