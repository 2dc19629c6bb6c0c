"""The times a referral owes: what they hang on, how its row holds them, and how its events tell them once more."""

from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Final, cast

from sqlalchemy.orm import Session

from app.cases.models import Case
from app.core.clock import to_the_hour
from app.matching.facts import Urgency
from app.referrals import deadlines, queries
from app.referrals.actors import ActorRef
from app.referrals.deadlines import Happened, Owed, Terms
from app.referrals.models import Referral
from app.referrals.states import BEGINNING, Actor, Clock, State, Verb, next_move
from app.referrals.working_hours import hours_of

_TIMES: Final = tuple(field.name for field in fields(Owed))


def kept(by: ActorRef, now: datetime) -> datetime:
    """The moment as it is kept: what the person themself did is kept to the full hour."""
    return to_the_hour(now) if by.kind is Actor.PERSON else now


def urgency_now(case: Case, now: datetime) -> Urgency:
    """The case's urgency, raised by a deadline that has come near since it was filed."""
    today = now.astimezone(hours_of(case.country).zone).date()
    return deadlines.urgency_now(cast("Urgency", case.urgency), case.last_safe_day, today)


def terms_of(referral: Referral, case: Case) -> Terms:
    """What the referral's times hang on."""
    return Terms(cast("Urgency", referral.urgency), hours_of(case.country, referral.hours), referral.deadline_on)


def times_of(referral: Referral) -> Owed:
    return Owed(**{name: getattr(referral, name) for name in _TIMES if getattr(referral, name) is not None})


def set_times(referral: Referral, owed: Owed) -> None:
    for name, value in asdict(owed).items():
        setattr(referral, name, value)


def refolded(session: Session, referral: Referral, case: Case) -> tuple[State, Owed]:
    """State and times once more, from the events alone: what the row must say. Only reminders leave no event."""
    state, owed, terms = BEGINNING, Owed(), terms_of(referral, case)
    for event in queries.events(session, referral.id):
        until = date.fromisoformat(event.codes["until"]) if "until" in event.codes else None
        effect = Clock.WAIT
        if event.source is not None:
            move = next_move(state, Verb(event.verb), by=Actor(event.actor_kind))
            state, effect = move.target, move.clock
        owed = deadlines.after(owed, Happened(effect, event.at, until), terms)
    return state, owed
