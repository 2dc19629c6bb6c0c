"""Queue a message, claim what is due, note how it went."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.ids import named_id
from app.messaging.models import OutboxMessage

LEASE: Final = timedelta(minutes=2)
BACK_OFF: Final = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240, 720, 1440))  # then the message is dead

SANDBOX: Final = frozenset({named_id("organisation", "sandbox"), named_id("team", "sandbox")})


def queue(
    session: Session,
    kind: str,
    *,
    about_id: UUID,
    now: datetime,
    organisation_id: UUID | None = None,
    team_id: UUID | None = None,
) -> None:
    """Write a message into the outbox, in the caller's transaction; nobody is told of what happens in the sandbox."""
    if not SANDBOX.isdisjoint({organisation_id, team_id}):
        return
    session.execute(
        sa.insert(OutboxMessage),
        {
            "id": uuid4(),
            "kind": kind,
            "about_id": about_id,
            "organisation_id": organisation_id,
            "team_id": team_id,
            "state": "queued",
            "attempts": 0,
            "not_before": now,
            "created_at": now,
        },
    )


def claim(session: Session, now: datetime, limit: int = 20) -> Sequence[OutboxMessage]:
    """Take up to `limit` due messages for one lease; another worker passes over them (SKIP LOCKED on PostgreSQL)."""
    due = (
        sa.select(OutboxMessage)
        .where(
            OutboxMessage.state == "queued",
            OutboxMessage.not_before <= now,
            sa.or_(OutboxMessage.lease_until.is_(None), OutboxMessage.lease_until < now),
        )
        .order_by(OutboxMessage.not_before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = session.scalars(due).all()
    for message in claimed:
        message.lease_until = now + LEASE
        message.attempts += 1
    session.flush()
    return claimed


def sent(session: Session, message_id: UUID, now: datetime) -> None:
    session.execute(
        sa.update(OutboxMessage)
        .where(OutboxMessage.id == message_id)
        .values(state="sent", done_at=now, lease_until=None, last_error=None)
    )


def failed(session: Session, message_id: UUID, error: str, now: datetime) -> None:
    """Try again later, or give up: after the last step of the back-off the message is dead and the desk shows it."""
    message = session.get_one(OutboxMessage, message_id)
    message.last_error = error[:64]
    message.lease_until = None
    if message.attempts > len(BACK_OFF):
        message.state, message.done_at = "dead", now
    else:
        message.not_before = now + BACK_OFF[message.attempts - 1]
    session.flush()
