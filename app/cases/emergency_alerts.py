"""Emergencies that nobody of their team has opened yet, and when they are escalated next.

An alert begins when the worker hands the emergency out, and ends when a coordinator has the case on the screen, when somebody has
taken it, when an organisation works on it, or with the case. Where the person has made it an emergency later, only opening it
afterwards ends the alert, or the end of the case: who has taken it or looked at it before does not know.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.models import Case, CasePresence, EmergencyAlert, ReferralStatus
from app.core.upsert import insert_if_absent

_NOT_ENDED: Final = Case.closed_at.is_(None)
_NOT_TAKEN: Final = sa.and_(
    _NOT_ENDED,
    Case.owner_id.is_(None),
    Case.referral_status.is_distinct_from(ReferralStatus.WORK.value),
    ~sa.exists().where(CasePresence.case_id == Case.id),
)
"""Whether nobody of the team has looked at the case lately or taken it, and no organisation has accepted it."""


def start(
    session: Session, case_id: UUID, *, told: Collection[UUID], due_at: datetime, was_taken: bool = False
) -> bool:
    """Begin an alert, unless there is one or somebody has opened the case. Safe when two workers do it at the same time.

    `was_taken`: the person has made it an emergency only now, so that whoever has taken or opened it before does not know it.
    """
    if session.scalar(sa.select(Case.id).where(Case.id == case_id, _waits(was_taken=was_taken))) is None:
        return False
    told_ids = [str(member) for member in told]
    row = {"case_id": case_id, "step": 0, "due_at": due_at, "told": told_ids, "was_taken": was_taken}
    return insert_if_absent(session, EmergencyAlert, row, key=("case_id",))


def _waits(*, was_taken: bool | None) -> sa.ColumnElement[bool]:
    return _NOT_ENDED if was_taken else _NOT_TAKEN


def due(session: Session, now: datetime, limit: int) -> Sequence[UUID]:
    """Up to `limit` cases whose alert is to be escalated. Takes no lock."""
    query = sa.select(EmergencyAlert.case_id).where(EmergencyAlert.due_at <= now).order_by(EmergencyAlert.due_at)
    return session.scalars(query.limit(limit)).all()


def claim(session: Session, case_id: UUID, now: datetime) -> tuple[EmergencyAlert, Case] | None:
    """The due alert, its row locked, and its case. None: not due any more, over, or another worker has it.

    An alert that is over is deleted.
    """
    alert = session.scalars(
        sa.select(EmergencyAlert)
        .where(EmergencyAlert.case_id == case_id, EmergencyAlert.due_at <= now)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if alert is None:
        return None
    case = session.scalars(sa.select(Case).where(Case.id == case_id, _waits(was_taken=alert.was_taken))).one_or_none()
    if case is None:
        session.delete(alert)
        session.flush()
        return None
    return alert, case


def opened(session: Session, team_id: UUID, label: str, member_id: UUID) -> None:
    """A member of the team has the case on the screen: nobody else needs to be told. Of a restricted one, it is a named member."""
    case = (
        sa.select(Case.id)
        .where(Case.label == label, Case.team_id == team_id, sa.not_(restriction.hidden_from(member_id)))
        .scalar_subquery()
    )
    session.execute(sa.delete(EmergencyAlert).where(EmergencyAlert.case_id == case))


def waiting(session: Session, case_ids: Collection[UUID]) -> dict[UUID, str]:
    """The cases among these that nobody has opened yet, with their labels. One statement."""
    rows = session.execute(
        sa.select(EmergencyAlert.case_id, Case.label)
        .join(Case, Case.id == EmergencyAlert.case_id)
        .where(EmergencyAlert.case_id.in_(list(case_ids)))
    )
    return {row.case_id: row.label for row in rows}


def hurry(session: Session, case_ids: Collection[UUID], now: datetime) -> None:
    """Escalate the alerts of these cases now, because somebody who should have been told cannot be reached."""
    session.execute(
        sa.update(EmergencyAlert)
        .where(EmergencyAlert.case_id.in_(list(case_ids)), EmergencyAlert.due_at > now)
        .values(due_at=now)
    )


def forget(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(EmergencyAlert).where(EmergencyAlert.case_id == case_id))
