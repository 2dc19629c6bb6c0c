"""The one step: the row moves, and what happened is noted, published, told and followed up, in one transaction.

Nothing else assigns a state. Callers hold both rows and have checked the move.
"""

from datetime import date, datetime
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases.models import Case
from app.casework import effects
from app.matching import service_history
from app.referrals import change_feed, deadlines, queries
from app.referrals.commands import CLOCK, ActorRef, Said
from app.referrals.deadline_storage import kept, set_times, terms_of, times_of
from app.referrals.deadlines import Happened
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import ASKED, Actor, Move, Party, State, Verb, next_move
from app.tasks import service as tasks

_DECIDES: Final = frozenset({Verb.ACCEPT, Verb.DECLINE, Verb.WAITLIST, Verb.EXPIRE})


def step(session: Session, referral: Referral, case: Case, move: Move, by: ActorRef, said: Said, now: datetime) -> None:
    at = kept(by, now)
    referral.state = move.target.value
    referral.version += 1
    referral.updated_at = now  # exact, for `updated_since`: a moment that is cut would hide the change from a reader
    if referral.reason != "conflict":  # it excludes the organisation for ever, whatever becomes of the referral
        referral.reason = said.reason
    referral.outcome = said.outcome or referral.outcome
    referral.question = said.question
    referral.completed_at = at if move.target is State.COMPLETED else None
    happened = Happened(move.clock, at, said.until)
    set_times(referral, deadlines.after(times_of(referral), happened, terms_of(referral, case)))
    session.flush()
    note(session, referral, move.source.value, move.verb.value, said, by, now)
    if referral.offered_at is not None:
        change_feed.publish(
            session, referral.organisation_id, referral.id, f"referral.{move.target}", referral.version, at
        )
    _tell(session, referral, case, move, at)
    tasks.moved(session, referral.id, now)
    _remember(session, referral, move, at)
    effects.follow_up(session, referral, case, move, by, said, now, withdraw=withdraw)
    case.asked = queries.asked(session, case.id)


def withdraw(session: Session, referral: Referral, case: Case, reason: str, now: datetime) -> None:
    move = next_move(State(referral.state), Verb.WITHDRAW, by=Actor.CLOCK)
    step(session, referral, case, move, CLOCK, Said(reason=reason), now)


def _tell(session: Session, referral: Referral, case: Case, move: Move, at: datetime) -> None:
    kind, urgent = f"referral_{move.target}", referral.tier == "emergency"
    for party in move.tells:
        if party is Party.TEAM:
            messaging.queue(session, kind, about_id=referral.id, team_id=case.team_id, now=at)
        elif party is Party.PERSON:
            messaging.news(session, kind, about_id=referral.id, case_id=case.id, now=at)
        elif referral.offered_at is not None:
            to = referral.organisation_id
            messaging.queue(session, kind, about_id=referral.id, organisation_id=to, now=at, urgent=urgent)


def _remember(session: Session, referral: Referral, move: Move, at: datetime) -> None:
    """An offer that is decided, or not in time, says how long this service takes to answer."""
    if referral.offered_at is not None and move.verb in _DECIDES and move.source in ASKED:
        service_history.answered(session, referral.service_id, at - referral.offered_at)


def note(
    session: Session, referral: Referral, source: str | None, verb: str, said: Said, by: ActorRef, now: datetime
) -> None:
    codes: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, date) else value
        for name in ("outcome", "until", "question", "work_done", "deadline_on")
        if (value := getattr(said, name))
    }
    session.execute(
        sa.insert(ReferralEvent),
        {
            "id": uuid4(),
            "referral_id": referral.id,
            "seq": referral.version,
            "verb": verb,
            "source": source,
            "target": referral.state,
            "actor_kind": by.kind.value,
            "actor_id": by.id,
            "reason": said.reason,
            "codes": codes,
            "at": kept(by, now),
        },
    )
    audit.record(
        session,
        actor_kind=by.kind.value,
        actor_id=by.id.hex if by.id else "-",
        action=f"referral:{verb}",
        subject_kind="referral",
        subject_id=referral.id,
        codes={
            "state": referral.state,
            "version": referral.version,
            **({"reason": said.reason} if said.reason else {}),
        },
        now=now,
    )
