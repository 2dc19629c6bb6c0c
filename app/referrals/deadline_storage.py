"""Deadlines in the database: read from and written to a referral's row, and computed again from its events."""

from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Final, cast

from sqlalchemy.orm import Session

from app.cases.models import Case
from app.core.clock import to_the_hour
from app.matching.facts import Urgency
from app.referrals import deadlines, queries
from app.referrals.actors import ActorRef
from app.referrals.deadlines import DeadlineEvent, Deadlines, DeadlineTerms
from app.referrals.models import Referral
from app.referrals.states import INITIAL, DeadlineChange, ReferralActor, ReferralState, ReferralVerb, next_move
from app.referrals.working_hours import hours_of

_COLUMNS: Final = tuple(field.name for field in fields(Deadlines))


def recorded_at(by: ActorRef, now: datetime) -> datetime:
    """The time as it is recorded; for an action of the person only the full hour."""
    return to_the_hour(now) if by.kind is ReferralActor.PERSON else now


def current_urgency(case: Case, now: datetime) -> Urgency:
    """The case's urgency, raised by a deadline that has come near since it was filed."""
    today = now.astimezone(hours_of(case.country).zone).date()
    return deadlines.raised_urgency(cast("Urgency", case.urgency), case.last_safe_day, today)


def terms_of(referral: Referral, case: Case) -> DeadlineTerms:
    """The terms that the referral's deadlines depend on."""
    return DeadlineTerms(
        cast("Urgency", referral.urgency), hours_of(case.country, referral.hours), referral.deadline_on
    )


def deadlines_of(referral: Referral) -> Deadlines:
    """The deadlines in the referral's row."""
    return Deadlines(**{name: getattr(referral, name) for name in _COLUMNS if getattr(referral, name) is not None})


def store_deadlines(referral: Referral, times: Deadlines) -> None:
    """Write the deadlines into the referral's row; the caller flushes."""
    for name, value in asdict(times).items():
        setattr(referral, name, value)


def from_events(session: Session, referral: Referral, case: Case) -> tuple[ReferralState, Deadlines]:
    """State and deadlines computed from the events alone: the row must hold the same. Only reminders leave no event."""
    state, times, terms = INITIAL, Deadlines(), terms_of(referral, case)
    for event in queries.events(session, referral.id):
        until = date.fromisoformat(event.codes["until"]) if "until" in event.codes else None
        change = DeadlineChange.WAIT
        if event.source is not None:
            move = next_move(state, ReferralVerb(event.verb), by=ReferralActor(event.actor_kind))
            state, change = move.target, move.deadline_change
        times = deadlines.after_event(times, DeadlineEvent(change, event.at, until), terms)
    return state, times
