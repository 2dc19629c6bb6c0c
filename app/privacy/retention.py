"""How long what is kept: reckoned from when a case ended, or from when it last waited for somebody to be found."""

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
    """`contact` and `rest`: of a case that has ended. `unmet`: one for which nobody was found. `spam`: what a machine sent."""

    contact: timedelta = timedelta(days=30)
    rest: timedelta = timedelta(days=90)
    unmet: timedelta = timedelta(days=90)
    spam: timedelta = timedelta(days=7)


DEFAULT_PERIODS: Final = RetentionPeriods()


@dataclass(frozen=True, slots=True)
class DeletionTimes:
    """When the contact of a case is forgotten, and when all of it."""

    contact: datetime
    all: datetime


def deletion_times(session: Session, case: Case, periods: RetentionPeriods) -> DeletionTimes:
    """One that was thrown away as spam is still marked as held. Of others that are open, whoever set the time meant it."""
    if case.closed_at is not None:
        if case.held_reason is not None:
            return DeletionTimes(case.closed_at + periods.spam, case.closed_at + periods.spam)
        return DeletionTimes(case.closed_at + periods.contact, case.closed_at + max(periods.contact, periods.rest))
    if CaseState(case.state) not in UNATTENDED and case.forget_at is not None:
        return DeletionTimes(case.forget_at, case.forget_at)
    stepped = session.scalar(
        sa.select(sa.func.max(CaseEvent.at)).where(
            CaseEvent.case_id == case.id, sa.or_(CaseEvent.source.is_(None), CaseEvent.source != CaseEvent.target)
        )
    )
    since = stepped or case.waiting_since
    return DeletionTimes(since + periods.unmet, since + periods.unmet)


def reschedule(session: Session, now: datetime) -> None:
    """The times were changed: look at every case that is to be forgotten one day, as soon as the clock comes round."""
    session.execute(sa.update(Case).where(Case.forget_at > now, Case.state != "erased").values(forget_at=now))
