"""The question "did they contact you?": asked once first contact is due or reported, and again after the end.

The person's answer is stored next to the organisation's report; where the two differ, a coordinator gets a task.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases.models import Case
from app.casework import person_news
from app.core.clock import to_the_hour
from app.core.errors import NotFound
from app.partners.organisations import Organisation
from app.referrals.models import ContactAnswer, Referral
from app.referrals.states import ReferralState
from app.tasks import service as tasks
from app.tasks.service import TaskKind

FIRST_CONTACT: Final = "first_contact"
COMPLETION: Final = "completion"
_REPORTED: Final = (ReferralState.IN_PROGRESS, ReferralState.ON_HOLD)
"""Work is under way, says the centre, so it must have reached the person."""


@dataclass(frozen=True, slots=True)
class ContactQuestion:
    """A question about this referral. `about`: the first contact, or the end."""

    label: str
    organisation: str
    about: str


def questions(session: Session, case_id: UUID, now: datetime) -> list[ContactQuestion]:
    """The questions to ask the person now, oldest referral first."""
    rows = session.execute(
        sa.select(Referral.label, Organisation.name, Referral.state)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.case_id == case_id, _due(now), ~_answered())
        .order_by(Referral.created_at, Referral.label)
    )
    return [ContactQuestion(row.label, row.name, _about(row.state)) for row in rows]


def _due(now: datetime) -> sa.ColumnElement[bool]:
    waits = sa.and_(Referral.state == ReferralState.ACCEPTED.value, Referral.contact_by <= now)
    return sa.or_(waits, Referral.state.in_([*(state.value for state in _REPORTED), ReferralState.COMPLETED.value]))


def _answered() -> sa.ColumnElement[bool]:
    about = sa.case((Referral.state == ReferralState.COMPLETED.value, COMPLETION), else_=FIRST_CONTACT)
    return sa.exists().where(ContactAnswer.referral_id == Referral.id, ContactAnswer.about == about)


def _about(state: str) -> str:
    return COMPLETION if state == ReferralState.COMPLETED else FIRST_CONTACT


def answer(session: Session, case: Case, label: str, *, yes: bool, now: datetime) -> None:
    """Store the answer; open a task where it differs from the organisation's report. The caller holds the case's row.

    Raises NotFound: nothing is asked about this referral, or it was answered.
    """
    referral = session.scalars(
        sa.select(Referral).where(Referral.case_id == case.id, Referral.label == label, _due(now), ~_answered())
    ).one_or_none()
    if referral is None:
        raise NotFound("There is no such question.")
    about = _about(referral.state)
    session.execute(
        sa.insert(ContactAnswer),
        {"id": uuid4(), "referral_id": referral.id, "about": about, "yes": yes, "at": to_the_hour(now)},
    )
    if not yes:
        kind = TaskKind.FIRST_CONTACT if referral.state == ReferralState.ACCEPTED else TaskKind.DISAGREEMENT
        tasks.open_task(session, kind, case, referral=referral, now=now)
    elif about == FIRST_CONTACT:
        tasks.end_tasks_of_kind(session, TaskKind.FIRST_CONTACT, referral.id, now)
    person_news.tell_team(session, case, now)
    audit.record(
        session,
        actor_kind="person",
        actor_id=case.id.hex,
        action="referral:contact_told",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"about": about, "yes": yes},
        now=now,
    )
