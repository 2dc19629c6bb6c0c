"""Notices that could not be delivered automatically: each becomes a task for the case's team."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import restriction, transitions
from app.cases.models import Case
from app.core import bulk
from app.core.errors import NotFound
from app.messaging import outbox
from app.messaging.kinds import Group, group_of
from app.messaging.models import OutboxMessage
from app.partners.organisations import Organisation
from app.referrals.models import Referral
from app.referrals.states import LIVE
from app.referrals.ways import ReferralWay, way_of
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.service import TaskKind

MAX_LISTED: Final = 100
KEPT: Final = timedelta(days=90)
"""How long a notice that was given up is kept, unless a task about it is open."""


def hand_to_desk(session: Session, message: OutboxMessage, now: datetime) -> None:
    """Open the task to decide, by the person's own rules, whether and how to tell them the news."""
    if message.case_id is None:
        return
    case = transitions.locked(session, message.case_id)
    if case.closed_at is None:
        tasks.open_task(session, TaskKind.TELL_PERSON, case, now=now)


def record_undelivered(session: Session, message: OutboxMessage, now: datetime) -> None:
    case = session.scalars(
        sa.select(Case)
        .outerjoin(Referral, Referral.case_id == Case.id)
        .where(sa.or_(Referral.id == message.about_id, Case.id == message.about_id))
        .limit(1)
    ).one_or_none()
    team_id = message.team_id or (case.team_id if case else None)
    if team_id is not None:
        tasks.open_undelivered_notice(session, message.id, team_id, case.id if case else None, now=now)


def ask_to_tell(session: Session, message_ids: Collection[UUID], now: datetime) -> None:
    """Open a task to tell the organisation, for each live referral that these messages are about: no notice reaches it."""
    about = sa.select(OutboxMessage.about_id).where(OutboxMessage.id.in_(list(message_ids)))
    live = [state.value for state in LIVE]
    for referral in session.scalars(sa.select(Referral).where(Referral.id.in_(about), Referral.state.in_(live))).all():
        if way_of(referral.way) is ReferralWay.ACCOUNT:
            case = transitions.locked(session, referral.case_id)
            tasks.open_task(session, TaskKind.TELL_CENTRE, case, referral=referral, now=now)


@dataclass(frozen=True, slots=True)
class UndeliveredNotice:
    """A notice that was given up. `to`: the organisation it is for; None: a team, or the person."""

    id: UUID
    kind: str
    to: str | None
    case_label: str | None
    created_at: datetime
    attempts: int
    last_error: str | None

    @property
    def group(self) -> Group:
        return group_of(self.kind)


def undelivered(session: Session, team_id: UUID, *, me: UUID) -> list[UndeliveredNotice]:
    """The team's undelivered notices, oldest first, at most `MAX_LISTED`. One statement.

    Those about a restricted case are there for members who are named for it.
    """
    query = (
        sa.select(
            OutboxMessage.id, OutboxMessage.kind, Organisation.name, Case.label, OutboxMessage.created_at,
            OutboxMessage.attempts, OutboxMessage.last_error,
        )
        .select_from(Task)
        .join(OutboxMessage, OutboxMessage.id == Task.about_id)
        .outerjoin(Organisation, Organisation.id == OutboxMessage.organisation_id)
        .outerjoin(Case, Case.id == Task.case_id)
        .where(Task.team_id == team_id, Task.kind == TaskKind.UNDELIVERED_NOTICE.value, Task.done_at.is_(None))
        .where(sa.or_(Task.case_id.is_(None), sa.not_(restriction.hidden_from(me))))
        .order_by(OutboxMessage.created_at, OutboxMessage.id)
        .limit(MAX_LISTED)
    )  # fmt: skip
    return [UndeliveredNotice(*row) for row in session.execute(query)]


def retry_all(session: Session, team_id: UUID, member_id: UUID, now: datetime) -> None:
    """Send all listed notices again, except those that a colleague is dealing with."""
    for letter in undelivered(session, team_id, me=member_id):
        with suppress(NotFound):
            retry(session, team_id, letter.id, member_id, now)


def retry(session: Session, team_id: UUID, message_id: UUID, member_id: UUID, now: datetime) -> None:
    """Send a notice again. Raises NotFound: unknown, another team's, or dealt with."""
    _finish(session, team_id, message_id, member_id, "outbox:retried", now)
    outbox.retry(session, message_id, now)


def drop(session: Session, team_id: UUID, message_id: UUID, member_id: UUID, now: datetime) -> None:
    """Dismiss the notice, because the recipient already knows. Raises NotFound."""
    _finish(session, team_id, message_id, member_id, "outbox:dropped", now)
    outbox.drop(session, message_id, now)


def delete_old(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete notices that were given up longer than `KEPT` ago and about which no task is open; returns how many."""
    to_do = sa.exists().where(
        Task.about_id == OutboxMessage.id, Task.kind == TaskKind.UNDELIVERED_NOTICE.value, Task.done_at.is_(None)
    )
    old = sa.and_(OutboxMessage.done_at <= now - KEPT, OutboxMessage.state == "dead", sa.not_(to_do))
    return bulk.delete_some(session, OutboxMessage, old, limit)


def _finish(session: Session, team_id: UUID, message_id: UUID, member_id: UUID, action: str, now: datetime) -> None:
    task_id = session.scalar(
        sa.select(Task.id).where(
            Task.about_id == message_id, Task.kind == TaskKind.UNDELIVERED_NOTICE.value, Task.done_at.is_(None)
        )
    )
    tasks.finish_task(session, team_id, task_id or message_id, member_id, now=now)
    audit.record(
        session,
        actor_kind="member",
        actor_id=member_id.hex,
        action=action,
        subject_kind="outbox",
        subject_id=message_id,
        now=now,
    )
