"""Messages of the team or of the person that an organisation has not read: after some time a coordinator has to call.

An author's messages are unread from the first one until somebody of the organisation, or its program, opens the conversation. It
may take as long as acknowledging an offer: two hours in an emergency, otherwise one or two working days. The caller of what
changes something holds the case's row.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases.models import Case
from app.core.upsert import insert_if_absent
from app.messaging.kinds import NoticeKind
from app.partners import sandbox_identity
from app.referrals import deadline_storage, deadlines, queries
from app.referrals.models import Referral
from app.referrals.states import WITH_PARTNER, ReferralState
from app.referrals.thread_models import UnreadMessage
from app.tasks import service as tasks
from app.tasks.service import TaskKind


class Author(StrEnum):
    """Whose messages are unread. The two conversations are opened apart from each other."""

    DESK = "desk"
    PERSON = "person"


_OPENED: Final = UnreadMessage.due_at.is_(None)


def note(session: Session, referral: Referral, case: Case, author: Author, now: datetime) -> None:
    """This author has written. While older messages of theirs are unread, the time of the first one counts."""
    if (
        referral.organisation_id == sandbox_identity.ORGANISATION_ID
        or ReferralState(referral.state) not in WITH_PARTNER
    ):
        return
    due_at, _decide, _expires = deadlines.answer_times(now, deadline_storage.terms_of(referral, case))
    row = {"referral_id": referral.id, "author": author.value, "case_id": referral.case_id, "due_at": due_at}
    insert_if_absent(session, UnreadMessage, row, key=("referral_id", "author"))


def read(session: Session, referral_id: UUID, author: Author, now: datetime) -> None:
    """The organisation has opened what this author wrote. The task ends with the last conversation that it was about."""
    gone = session.execute(
        sa.delete(UnreadMessage)
        .where(UnreadMessage.referral_id == referral_id, UnreadMessage.author == author.value)
        .returning(UnreadMessage.due_at)
    ).all()
    if gone and gone[0].due_at is None and not _other_is_due(session, referral_id):
        tasks.end_tasks_of_kind(session, TaskKind.MESSAGE_NOT_READ, referral_id, now)


def _other_is_due(session: Session, referral_id: UUID) -> bool:
    other = sa.select(UnreadMessage.author).where(UnreadMessage.referral_id == referral_id, _OPENED)
    return session.scalar(other) is not None


def end(session: Session, referral_id: UUID, now: datetime) -> None:
    """The referral has ended: nobody there has to read anything of it any more."""
    session.execute(sa.delete(UnreadMessage).where(UnreadMessage.referral_id == referral_id))
    tasks.end_tasks_of_kind(session, TaskKind.MESSAGE_NOT_READ, referral_id, now)


def forget(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(UnreadMessage).where(UnreadMessage.case_id == case_id))


def due(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Up to `limit` referrals with messages that have been unread for long. Takes no lock."""
    query = sa.select(UnreadMessage.referral_id).where(UnreadMessage.due_at <= now).order_by(UnreadMessage.due_at)
    return list(dict.fromkeys(session.scalars(query.limit(limit))))


def escalate(session: Session, referral_id: UUID, *, now: datetime) -> bool:
    """Open the task to call the organisation, and tell the team. False: somebody has read them, or another worker was faster."""
    referral, case = queries.locked(session, referral_id)
    marked = session.execute(
        sa.update(UnreadMessage)
        .where(UnreadMessage.referral_id == referral_id, UnreadMessage.due_at <= now)
        .values(due_at=None)
        .returning(UnreadMessage.author)
    ).all()
    if not marked:
        return False
    if ReferralState(referral.state) not in WITH_PARTNER:
        end(session, referral_id, now)
        return False
    tasks.open_task(session, TaskKind.MESSAGE_NOT_READ, case, referral=referral, now=now)
    messaging.queue(session, NoticeKind.MESSAGE_NOT_READ, about_id=referral.id, team_id=case.team_id, now=now)
    return True
