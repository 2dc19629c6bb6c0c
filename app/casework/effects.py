"""Carrying out what follows from a move of a referral: on its case, the case's tasks and keys, and the other referrals."""

from collections.abc import Collection
from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy.orm import Session

from app import messaging
from app.cases import appointments, needs, sealed_parts
from app.cases import transitions as case_transitions
from app.cases.models import Case
from app.cases.states import CaseVerb
from app.casework import unread_messages
from app.conflicts import service as conflicts
from app.directory import availability
from app.links import service as links
from app.matching import service_history
from app.partners import sandbox_identity
from app.referrals import centre_contacts, effects, queries, refusal_proposals, threads, transitions
from app.referrals.actors import CLOCK, ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.deadline_storage import recorded_at
from app.referrals.effects import Effect
from app.referrals.models import Referral
from app.referrals.states import (
    AT_WORK,
    LIVE,
    MAY_OPEN,
    WITH_PARTNER,
    ReferralActor,
    ReferralMove,
    ReferralState,
    ReferralVerb,
    next_move,
)
from app.referrals.ways import ReferralWay
from app.tasks import service as tasks
from app.tasks.service import TaskKind


def transition(
    session: Session,
    referral: Referral,
    case: Case,
    move: ReferralMove,
    by: ActorRef,
    payload: TransitionInput,
    now: datetime,
) -> None:
    """Move the referral and carry out what follows. The caller holds both rows and has checked the move."""
    for effect in transitions.apply(session, referral, case, move, by, payload, now):
        carry_out(session, effect, referral, case, by, now)
    if move.source in AT_WORK and move.target not in AT_WORK:
        appointments.end_live(session, case.id, referral.id)
    if referral.way == ReferralWay.LINK and move.target not in WITH_PARTNER:
        links.end(session, referral.id, "referral", now)


def withdraw(session: Session, referral: Referral, case: Case, reason: str, now: datetime) -> None:
    """Withdraw a live referral on behalf of the service itself. Raises IllegalMove."""
    move = next_move(ReferralState(referral.state), ReferralVerb.WITHDRAW, by=ReferralActor.CLOCK)
    transition(session, referral, case, move, CLOCK, TransitionInput(reason=reason), now)


def give_up_needs(
    session: Session,
    case: Case,
    taken: Collection[str],
    reason: str,
    now: datetime,
    *,
    states: Collection[ReferralState] = LIVE - MAY_OPEN,
    but: UUID | None = None,
) -> None:
    """End or narrow the case's referrals in these states that name one of the needs `taken`; `but` is left as it is.

    A referral for nothing else is withdrawn; any other continues with the remaining needs. The caller holds the case's row.
    """
    for other in queries.lock_live_referrals(session, case.id, states):
        named = queries.needs_of(other, case)
        rest = tuple(need for need in named if need not in taken)
        if other.id == but or rest == named:
            continue
        if not rest:
            withdraw(session, other, case, reason, now)
            continue
        move = next_move(ReferralState(other.state), ReferralVerb.NARROW, by=ReferralActor.CLOCK)
        transition(session, other, case, move, CLOCK, TransitionInput(needs=rest), now)


def carry_out(session: Session, effect: Effect, referral: Referral, case: Case, by: ActorRef, now: datetime) -> None:
    """Carry out one effect of a move that `by` has made. The caller holds both rows."""
    match effect:
        case effects.NotifyTeam() | effects.NotifyPerson() | effects.NotifyOrganisation():
            _notify(session, effect, referral, case, recorded_at(by, now))
        case effects.EndReferralTasks() | effects.EndSearchTasks() | effects.OpenTask():
            _change_tasks(session, effect, referral, case, now)
        case effects.MoveCase() | effects.MoveNeeds() | effects.ReturnCaseToDesk() | effects.SetDeadline():
            _change_case(session, effect, case, referral, by, now)
        case effects.KeepOnlyReaders() | effects.DestroyWraps() | effects.ExcludeOrganisation():
            _take_access(session, effect, referral, now)
        case effects.RecordAnswerTime() | effects.MarkServiceFull() | effects.TakePlace() | effects.GivePlaceBack():
            _update_service(session, effect, referral, case, now)
        case effects.WithdrawOffers(reason, states, taken):
            for other in queries.lock_live_referrals(session, case.id, states):
                if other.id != referral.id and taken.issuperset(queries.needs_of(other, case)):
                    withdraw(session, other, case, reason, now)
        case effects.NarrowOffers(states, taken):
            give_up_needs(session, case, taken, "taken_elsewhere", now, states=states, but=referral.id)
        case _:
            assert_never(effect)


def _notify(session: Session, notice: effects.Notice, referral: Referral, case: Case, at: datetime) -> None:
    match notice:
        case effects.NotifyTeam(kind):
            messaging.queue(session, kind, about_id=referral.id, team_id=case.team_id, now=at)
        case effects.NotifyPerson(kind):
            messaging.notify_person(session, kind, about_id=referral.id, case_id=case.id, now=at)
        case effects.NotifyOrganisation(kind, urgent):
            to = referral.organisation_id
            messaging.queue(session, kind, about_id=referral.id, organisation_id=to, now=at, urgent=urgent)


def _change_tasks(session: Session, effect: effects.TaskEffect, referral: Referral, case: Case, now: datetime) -> None:
    match effect:
        case effects.EndReferralTasks():
            tasks.end_referral_tasks(session, referral.id, now)
            if ReferralState(referral.state) not in WITH_PARTNER:
                unread_messages.end(session, referral.id, now)
        case effects.EndSearchTasks():
            tasks.end_search_tasks(session, case.id, now)
        case effects.OpenTask(task, about_referral):
            if task is effects.FollowUp.TELL_CENTRE and not centre_contacts.was_told(session, referral.id):
                return  # it never heard of it
            about = referral if about_referral else None
            due_at = _due_of(effects.FollowUp(task), referral)
            tasks.open_task(session, TaskKind(task), case, referral=about, now=now, due_at=due_at)
            if task is effects.FollowUp.REVIEW_RULE:
                _count_refusals(session, referral, case, now)


def _count_refusals(session: Session, referral: Referral, case: Case, now: datetime) -> None:
    """The third refusal of one kind in a quarter files a proposal to change the service's rule, and a task to decide about it."""
    times = queries.times_refused(session, referral.service_id, referral.reason or "", now - queries.QUARTER)
    is_often = times >= queries.REFUSALS_FOR_REVIEW and referral.organisation_id != sandbox_identity.ORGANISATION_ID
    if is_often and refusal_proposals.file(session, referral.service_id, referral.reason or "", now):
        tasks.open_rule_change(session, referral.service_id, case.team_id, now=now)


def _due_of(task: effects.FollowUp, referral: Referral) -> datetime | None:
    """The time by which a coordinator must have told an organisation that cannot be notified; None: as the task's kind says."""
    if task is effects.FollowUp.ASK_CENTRE:
        return referral.acknowledge_by if referral.state == ReferralState.OFFERED else referral.decide_by
    return referral.contact_by if task is effects.FollowUp.HAND_OVER else None


def _change_case(
    session: Session, effect: effects.CaseEffect, case: Case, referral: Referral, by: ActorRef, now: datetime
) -> None:
    match effect:
        case effects.MoveNeeds(need_verb, named, outcome):
            rows = needs.of_case(session, case)
            needs.move(
                session,
                case,
                rows,
                need_verb,
                named,
                by=_party(by).value,
                now=now,
                referral_id=referral.id,
                outcome=outcome,
            )
        case effects.MoveCase(verb, by_clock):
            _move_case(session, case, verb, CLOCK if by_clock else by, now)
        case effects.ReturnCaseToDesk():
            _move_case(session, case, CaseVerb.RETURN, by, now)
            case.snoozed_until = None
        case effects.SetDeadline(day):
            if case.last_safe_day is None or day < case.last_safe_day:
                case.last_safe_day, case.deadline_certainty = day, "sourced-high"
            case.due_on = min(case.due_on, day)


def _take_access(session: Session, effect: effects.AccessEffect, referral: Referral, now: datetime) -> None:
    match effect:
        case effects.KeepOnlyReaders():
            readers = queries.organisations_in(session, referral.case_id, MAY_OPEN)
            others = sealed_parts.organisations_agreed(session, referral.case_id) - readers
            sealed_parts.destroy_wraps(session, referral.case_id, others)
            threads.destroy_for(
                session, referral.case_id, threads.organisations_with_wrap(session, referral.case_id) - readers
            )
        case effects.DestroyWraps():
            if referral.reason != "conflict" and queries.has_accepted(
                session, referral.case_id, referral.organisation_id
            ):
                return  # by another referral of the same case, for another need
            sealed_parts.destroy_wraps(session, referral.case_id, [referral.organisation_id])
            threads.destroy_for(session, referral.case_id, [referral.organisation_id])
        case effects.ExcludeOrganisation():
            conflicts.add_case_traces(session, referral.case_id, referral.organisation_id, now)


def _update_service(
    session: Session, effect: effects.ServiceEffect, referral: Referral, case: Case, now: datetime
) -> None:
    match effect:
        case effects.RecordAnswerTime(took):
            service_history.record_answer(session, referral.service_id, took)
        case effects.MarkServiceFull(length):
            until = (now + length).date()
            availability.no_free_place(session, referral.service_id, queries.needs_of(referral, case), until, now)
        case effects.TakePlace():
            availability.use_place(session, referral.service_id, now)
        case effects.GivePlaceBack():
            availability.free_place(session, referral.service_id, now)


def _party(by: ActorRef) -> ReferralActor:
    """The actor that counts for the case and its needs: the organisation, also where a coordinator recorded its answer."""
    return ReferralActor.PARTNER if by.kind is ReferralActor.ON_BEHALF else by.kind


def _move_case(session: Session, case: Case, verb: CaseVerb, by: ActorRef, now: datetime) -> None:
    case_transitions.move(session, case, verb, actor_kind=_party(by).value, actor_id=by.id, now=now)
    if case.closed_at is not None:
        tasks.end_case_tasks(session, case.id, now)
