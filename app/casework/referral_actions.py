"""Creating, advancing, expiring and withdrawing referrals. Each locks, checks and moves in one transaction.

A referral's state and deadlines follow from its events alone, so there is no repair job.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import intake_storage, needs, sealed_parts
from app.cases import transitions as case_transitions
from app.cases.models import Case
from app.cases.need_states import ASKABLE, NeedState
from app.cases.short_labels import new_label
from app.casework import effects
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, PreconditionFailed
from app.core.keyring import KeyRing
from app.directory.models import ServiceRow
from app.messaging import recipients
from app.partners.organisations import Organisation
from app.referrals import commands, deadlines, preconditions, queries, transitions
from app.referrals.actors import CLOCK, ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.deadline_storage import current_urgency, recorded_at, store_deadlines, terms_of
from app.referrals.deadlines import DeadlineEvent, Deadlines
from app.referrals.models import Referral
from app.referrals.states import (
    INITIAL,
    LIVE,
    MAY_OPEN,
    DeadlineChange,
    ReferralActor,
    ReferralState,
    ReferralVerb,
    allowed_actions,
    next_move,
)
from app.referrals.ways import BY_COORDINATOR, ReferralWay, way_of
from app.referrals.working_hours import hours_at_offer
from app.tasks import service as tasks


def create(
    session: Session,
    keys: KeyRing,
    case: Case,
    service_key: str,
    *,
    by: ActorRef,
    now: datetime,
    follows: UUID | None = None,
    wanted: Sequence[str] | None = None,
    way: ReferralWay = ReferralWay.ACCOUNT,
    passed_over: str | None = None,
) -> Referral:
    """Create a draft referral to one service. Takes the case's row lock, which the caller may hold already. `wanted`: the needs
    that it is for; by default, the uncovered needs that the service helps with. `way`: how its organisation is asked. Raises
    Conflict (the case has ended; the organisation is excluded, cannot answer here, or is asked already; or another organisation
    has one of the needs), Invalid (not a need of this case).
    """
    case = case_transitions.locked(session, case.id)
    if case.closed_at is not None:
        raise Conflict("The case is closed.", state=case.state)
    if case.merged_into_id is not None:
        raise Conflict("This case continues as another one. Refer that one.", state=case.state)
    service = session.scalars(
        sa.select(ServiceRow).where(ServiceRow.key == service_key, ServiceRow.retired_at.is_(None))
    ).one_or_none()
    if service is None:
        raise Conflict("This service is no longer in the directory.")
    facts = sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts) if case.facts else {}
    organisation = session.get_one(Organisation, service.organisation_id)
    if organisation.slug in (facts.get("consent") or {}).get("never", ()):
        raise Conflict("The person asked not to contact this organisation.")
    preconditions.check_may_be_asked(session, case.id, organisation, now)
    if queries.is_asked(session, case.id, organisation.id):
        raise Conflict("This organisation has been asked already.")
    named = needs_to_ask(
        needs.states_of(needs.of_case(session, case, now)), service.entry.get("needs", ()), wanted, case.state
    )
    referral_id = uuid4()
    card = intake_storage.card_of(facts)
    referral = Referral(
        id=referral_id,
        label=_free_label(session),
        case_id=case.id,
        service_id=service.id,
        organisation_id=service.organisation_id,
        state=INITIAL.value,
        version=1,
        needs=named,
        urgency=current_urgency(case, now),
        deadline_on=case.last_safe_day,
        card=keys.encrypt(sealed_parts.padded(card), "referrals", str(referral_id), "card", "1"),
        waiting_since=case.waiting_since,
        created_at=now,
        updated_at=now,
        predecessor_id=follows,
        hours=hours_at_offer(
            recipients.hours(session, service.organisation_id), organisation.entry, service.entry, case.country
        ),
        way=None if way is ReferralWay.ACCOUNT else way.value,
    )
    store_deadlines(
        referral,
        deadlines.after_event(
            Deadlines(), DeadlineEvent(DeadlineChange.WAIT, recorded_at(by, now)), terms_of(referral, case)
        ),
    )
    session.add(referral)
    session.flush()
    transitions.record_event(
        session, referral, None, "create", TransitionInput(needs=tuple(named), passed_over=passed_over), by, now
    )
    return referral


def needs_to_ask(
    states: Mapping[str, NeedState], offered: Collection[str], wanted: Sequence[str] | None, case_state: str
) -> list[str]:
    """The needs that a referral to a service is for. Raises Invalid, Conflict as `create` does."""
    if wanted is not None and set(wanted) - set(states):
        raise Invalid([FieldError(pointer="/needs", code="unknown_code", detail="Choose needs of this case.")])
    askable = [need for need, state in states.items() if state in ASKABLE]
    if wanted is not None:
        if not wanted:
            raise Invalid([FieldError(pointer="/needs", code="required", detail="Choose at least one need.")])
        if not set(wanted) <= set(askable):
            raise Conflict("Another organisation has one of these needs, or the need has ended.", state=case_state)
        return [need for need in states if need in wanted]
    waiting = [need for need in askable if states[need] is not NeedState.OFFERED]
    for among in (waiting, askable):
        if listed := [need for need in among if need in offered]:
            return listed
    if not askable:
        raise Conflict(
            "There is nothing left to refer: each need of this case is with an organisation or has ended.",
            state=case_state,
        )
    return waiting or askable


def _free_label(session: Session) -> str:
    while True:
        label = new_label("R-")
        if session.scalar(sa.select(Referral.id).where(Referral.label == label)) is None:
            return label


def advance(
    session: Session,
    referral_id: UUID,
    verb: ReferralVerb,
    *,
    by: ActorRef,
    now: datetime,
    expected_version: int | None = None,
    payload: TransitionInput | None = None,
) -> Referral:
    """Move a referral by a verb. Of two callers at the same time, one succeeds; the other gets 409 or 412 with the present state.

    Raises NotFound (unknown, or another organisation's), PreconditionFailed (another version), IllegalMove and
    NotAllowed (the table), Invalid (a reason, outcome or day that is missing or does not belong to the verb),
    Conflict (a precondition: no consent, paused too often, completed too long ago).
    """
    organisation_id = by.organisation_id if by.kind is ReferralActor.PARTNER else None
    if by.kind is ReferralActor.PARTNER and organisation_id is None:
        raise NotAllowed("A partner acts for an organisation.")
    referral, case = queries.locked(session, referral_id, organisation_id)
    if by.kind is ReferralActor.ON_BEHALF and (
        way_of(referral.way) not in BY_COORDINATOR or referral.offered_at is None
    ):
        raise NotAllowed("This organisation answers itself, or was not asked yet.")
    state = ReferralState(referral.state)
    present: dict[str, Any] = {
        "state": state.value,
        "version": referral.version,
        "allowed_actions": allowed_actions(state, by=by.kind),
    }
    if expected_version is not None and expected_version != referral.version:
        raise PreconditionFailed("The referral has moved on.", **present)
    payload = commands.with_default_question(payload or TransitionInput(), verb)
    try:
        move = next_move(state, verb, by=by.kind)
        preconditions.check_length(referral, move, by.kind)
        commands.check(verb, payload, now, queries.needs_of(referral, case))
        preconditions.check(session, referral, case, move, now)
    except Conflict as refused:
        refused.extra = {**present, **refused.extra}
        raise
    effects.transition(session, referral, case, move, by, payload, now)
    return referral


def expire(session: Session, referral: Referral, case: Case, *, now: datetime) -> None:
    """Expire an offer that nobody answered. The caller holds both rows. Raises IllegalMove."""
    effects.transition(
        session,
        referral,
        case,
        next_move(ReferralState(referral.state), ReferralVerb.EXPIRE, by=ReferralActor.CLOCK),
        CLOCK,
        TransitionInput(),
        now,
    )


def withdraw_offers_to(session: Session, case: Case, organisation_id: UUID, now: datetime) -> None:
    """Withdraw the referrals that this organisation was offered and has not accepted; the scheduler then asks the next-best.

    The caller holds the case's row.
    """
    for referral in queries.lock_live_referrals(session, case.id, LIVE - MAY_OPEN):
        if referral.organisation_id == organisation_id:
            effects.withdraw(session, referral, case, "no_longer_needed", now)
            referral.due_at = now
    session.flush()


def withdraw_by_person(session: Session, case_id: UUID, *, now: datetime) -> None:
    """End every live referral of the case, because the person no longer wants help. Takes the case's row lock."""
    case = case_transitions.locked(session, case_id)
    for referral in queries.lock_live_referrals(session, case_id):
        move = next_move(ReferralState(referral.state), ReferralVerb.CLIENT_WITHDRAW, by=ReferralActor.PERSON)
        effects.transition(session, referral, case, move, ActorRef(ReferralActor.PERSON), TransitionInput(), now)


def end_tasks(session: Session, case_id: UUID, now: datetime) -> None:
    """End all tasks of a case that has ended."""
    tasks.end_case_tasks(session, case_id, now)
