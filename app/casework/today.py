"""The lists of the desk's first page: what a team has to do now, and what can wait.

Each list has a few rows and is read from an index made for it, so that the page costs the same however many cases there are.
Codes and times only: never a name, a contact or a story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import queue, restriction
from app.cases.appointments import HOUR, Appointment
from app.cases.local_days import LocalDays
from app.cases.models import Case
from app.cases.queue import Excerpt, QueueRow
from app.cases.queue_queries import Filters, QueueQuery
from app.cases.queue_views import LATEST_DAY, MEMBER_ID
from app.casework.case_clocks import IS_LIVE, LIVE_REFERRALS, REFERRAL_COLUMNS, ListedReferral, offer_of
from app.partners.organisations import Organisation
from app.referrals.models import Referral
from app.tasks import service as tasks
from app.tasks.service import OpenTaskRow

MOST_NOW: Final = 10
MOST_LISTED: Final = 6
MOST_TASKS: Final = 8
OFFERS_AHEAD: Final = timedelta(hours=72)
APPOINTMENTS_AHEAD: Final = timedelta(hours=24)
EMERGENCIES: Final = QueueQuery("uncovered", Filters(urgency="emergency"))
LISTS: Final = {
    # Nobody has a need of the case, and its day has come: the most urgent first. An emergency's day has always come.
    "now": Excerpt("uncovered", MOST_NOW, "urgency", (Case.due_on <= LATEST_DAY,), "ix_cases_uncovered_urgency"),
    "wrote": Excerpt("answered", MOST_LISTED),
    "mine": Excerpt("mine", MOST_LISTED),
}


@dataclass(frozen=True, slots=True)
class Today:
    """The lists of the page.

    `now`, `wrote`, `mine`: cases; `offers`: referrals whose answer is owed within 72 hours, soonest first; `appointments`: agreed
    ones that begin within a day, by their hour; `tasks`: those due first. `of_case`: the live referrals of the listed cases.
    `counts`: of each view of the queue; `emergencies`: those nobody has.
    """

    now: Sequence[QueueRow]
    wrote: Sequence[QueueRow]
    mine: Sequence[QueueRow]
    of_case: Mapping[UUID, Sequence[ListedReferral]]
    offers: Sequence[sa.Row[Any]]
    appointments: Sequence[sa.Row[*tuple[Any, ...]]]
    tasks: Sequence[OpenTaskRow]
    counts: Mapping[str, int]
    emergencies: int


def today(session: Session, team_id: UUID, *, me: UUID, days: LocalDays, now: datetime) -> Today:
    """Read the lists of what the team has to do today. Five statements."""
    lists, beside = queue.excerpts(session, team_id, LISTS, me=me, today=days, beside=LIVE_REFERRALS)
    counts = queue.counts(session, team_id, QueueQuery(), me=me, today=days, saved=[EMERGENCIES])
    return Today(
        **lists,
        of_case={case_id: offers_of(rows) for case_id, rows in beside.items()},
        offers=ending_offers(session, team_id, now, me=me),
        appointments=_appointments(session, team_id, now, me=me),
        tasks=tasks.open_tasks(session, team_id, me=me, most=MOST_TASKS),
        counts=counts,
        emergencies=counts["own_0"],
    )


def offers_of(rows: Sequence[sa.Row[Any]]) -> list[ListedReferral]:
    """The offers of rows that were read through `LIVE_REFERRALS`, in the order of their labels."""
    return sorted(map(offer_of, rows), key=lambda offer: offer.label)


_TEAM: Final = sa.bindparam("team_id", type_=sa.Uuid())
_OFFERS: Final = (
    sa.select(
        Case.label.label("case_label"), Case.country, Case.urgency,
        *(column.label(f"beside_{column.key}") for column in REFERRAL_COLUMNS),
    )
    .join(Case, Case.id == Referral.case_id)
    # SQLite would begin with the team's cases and look for the referrals of each.
    .with_hint(Referral, "INDEXED BY ix_referrals_expires", "sqlite")
    .where(
        Case.team_id == _TEAM,
        Case.closed_at.is_(None),
        sa.not_(restriction.hidden_from(MEMBER_ID)),
        IS_LIVE,
        Referral.expires_at < sa.bindparam("before", type_=Referral.expires_at.type),
    )
    .order_by(Referral.expires_at, Referral.id)
    .limit(MOST_LISTED)
)  # fmt: skip


def ending_offers(session: Session, team_id: UUID, now: datetime, *, me: UUID) -> Sequence[sa.Row[Any]]:
    """The offers that run out next; see `case_clocks.offer_of`."""
    return session.execute(_OFFERS, {"team_id": team_id, "before": now + OFFERS_AHEAD, "me": me}).all()


_APPOINTMENTS: Final = (
    sa.select(
        Appointment.agreed_hour,
        Case.label.label("case_label"),
        Case.country,
        Organisation.name.label("organisation"),
    )
    .join(Case, Case.id == Appointment.case_id)
    .outerjoin(Referral, Referral.id == Appointment.referral_id)
    .outerjoin(Organisation, Organisation.id == Referral.organisation_id)
    .where(
        Case.team_id == _TEAM,
        Case.closed_at.is_(None),
        sa.not_(restriction.hidden_from(MEMBER_ID)),
        Appointment.agreed_hour > sa.bindparam("after", type_=Appointment.agreed_hour.type),
        Appointment.agreed_hour <= sa.bindparam("before", type_=Appointment.agreed_hour.type),
    )
    .order_by(Appointment.agreed_hour, Appointment.id)
    .limit(MOST_LISTED)
)


def _appointments(session: Session, team_id: UUID, now: datetime, *, me: UUID) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """The agreed times of the next day, from the hour that runs now. Only the full hour is known: the time itself is sealed."""
    given = {"team_id": team_id, "after": now - HOUR, "before": now + APPOINTMENTS_AHEAD, "me": me}
    return session.execute(_APPOINTMENTS, given).all()
