"""Retention periods: when a case and its contact details are deleted, counted from its end or from its last move."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseEvent
from app.cases.states import CaseState
from app.cases.transitions import UNATTENDED


@dataclass(frozen=True, slots=True)
class RetentionPeriods:
    """How long data is kept.

    contact, rest: the contact details and the rest of a case that has ended.
    unmet: a case that nobody has taken, or for which no organisation was found.
    spam: a case that was discarded as spam.
    """

    contact: timedelta = timedelta(days=30)
    rest: timedelta = timedelta(days=90)
    unmet: timedelta = timedelta(days=90)
    spam: timedelta = timedelta(days=7)


DEFAULT_PERIODS: Final = RetentionPeriods()


@dataclass(frozen=True, slots=True)
class DeletionTimes:
    """When the contact details of a case are deleted, and when all of it."""

    contact: datetime
    all: datetime


def deletion_times(session: Session, case: Case, periods: RetentionPeriods) -> DeletionTimes:
    """When a case is deleted. A discarded case still has its `held_reason`; for an open case in work an explicit time is kept."""
    if case.closed_at is not None:
        if case.held_reason is not None:
            return DeletionTimes(case.closed_at + periods.spam, case.closed_at + periods.spam)
        return DeletionTimes(case.closed_at + periods.contact, case.closed_at + max(periods.contact, periods.rest))
    if CaseState(case.state) not in UNATTENDED and case.forget_at is not None:
        return DeletionTimes(case.forget_at, case.forget_at)
    last_move_at = session.scalar(
        sa.select(sa.func.max(CaseEvent.at)).where(
            CaseEvent.case_id == case.id, sa.or_(CaseEvent.source.is_(None), CaseEvent.source != CaseEvent.target)
        )
    )
    since = last_move_at or case.waiting_since
    return DeletionTimes(since + periods.unmet, since + periods.unmet)


def reschedule(session: Session, now: datetime) -> None:
    """Have the worker compute every deletion time again, after the periods were changed."""
    session.execute(sa.update(Case).where(Case.forget_at > now, Case.state != "erased").values(forget_at=now))
