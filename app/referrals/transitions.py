"""Moves of a referral: its row, its event, the audit line and the change feed change in one transaction.

Nothing else assigns a referral's state. The effects of a move are returned as data; `casework.effects` carries them out.
"""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import needs
from app.cases.models import Case
from app.cases.states import CaseState
from app.referrals import change_feed, deadlines, queries
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.deadline_storage import deadlines_of, recorded_at, store_deadlines, terms_of
from app.referrals.deadlines import DeadlineEvent
from app.referrals.effects import CaseFacts, Effect, ReferralFacts, effects_of
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import ReferralMove, ReferralState, ReferralVerb
from app.referrals.ways import way_of


def apply(
    session: Session,
    referral: Referral,
    case: Case,
    move: ReferralMove,
    by: ActorRef,
    payload: TransitionInput,
    now: datetime,
) -> list[Effect]:
    """Move the referral and return the effects, in the order in which to carry them out in this transaction.

    The caller holds the locks of both rows and has checked the move, its payload and its preconditions.
    """
    at = recorded_at(by, now)
    referral.state = move.target.value
    referral.version += 1
    referral.updated_at = now  # exact, for `updated_since`: a moment that is cut would hide the change from a reader
    if move.verb is ReferralVerb.NARROW:
        referral.needs = list(payload.needs)
    else:
        _note_codes(referral, move, payload, at)
    event = DeadlineEvent(move.deadline_change, at, payload.until)
    store_deadlines(referral, deadlines.after_event(deadlines_of(referral), event, terms_of(referral, case)))
    session.flush()
    record_event(session, referral, move.source.value, move.verb.value, payload, by, now)
    if referral.offered_at is not None:
        change_feed.publish(
            session, referral.organisation_id, referral.id, f"referral.{move.target}", referral.version, at
        )
    others = queries.others_of(session, referral, case)
    case.referral_status = queries.referral_status({move.target, *(other.state for other in others)})
    rows = needs.of_case(session, case, now)
    facts = ReferralFacts(
        reason=referral.reason,
        outcome=referral.outcome,
        question=referral.question,
        offered_at=referral.offered_at,
        is_emergency=referral.urgency == "emergency",
        deadline_on=payload.deadline_on,
        needs=queries.needs_of(referral, case),
        carried=frozenset(need for need, row in rows.items() if row.referral_id == referral.id),
        outcomes=payload.outcomes or {},
        way=way_of(referral.way),
    )
    return effects_of(move, facts, CaseFacts(CaseState(case.state), others, needs.states_of(rows)), at)


def _note_codes(referral: Referral, move: ReferralMove, payload: TransitionInput, at: datetime) -> None:
    if referral.reason != "conflict":  # it excludes the organisation for ever, whatever becomes of the referral
        referral.reason = payload.reason
    referral.outcome = payload.outcome or referral.outcome
    referral.question = payload.question
    referral.completed_at = at if move.target is ReferralState.COMPLETED else None


def record_event(
    session: Session,
    referral: Referral,
    source: str | None,
    verb: str,
    payload: TransitionInput,
    by: ActorRef,
    now: datetime,
) -> None:
    """Add an event to the referral's history, and its audit line. `source`: the state before; None when it is created."""
    codes: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, date) else value
        for name in (
            "outcome",
            "until",
            "question",
            "work_done",
            "deadline_on",
            "outcomes",
            "needs",
            "how",
            "passed_over",
        )
        if (value := getattr(payload, name))
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
            "reason": payload.reason,
            "codes": codes,
            "at": recorded_at(by, now),
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
            **({"reason": payload.reason} if payload.reason else {}),
        },
        now=now,
    )
