"""The desk's actions on referrals: refer, reroute, withdraw, void, answer, reopen."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import needs, sealed_parts, team_cases, undo
from app.cases.models import Case, WrapFor
from app.cases.need_states import ASKABLE
from app.cases.sealed_parts import Recipient
from app.cases.states import CaseState, CaseVerb
from app.casework import by_hand, conflict_screening, referral_actions, sealed_access
from app.casework.coordinator import (
    UNTAKEN,
    Desk,
    StaleCase,
    locked_case,
    move_case,
    record_audit,
    record_change,
    remember_undo,
)
from app.casework.eligibility import earlier_answers, eligibility_of
from app.casework.unavailability import unavailability_of
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid, NotFound, PreconditionFailed
from app.core.i18n import N_
from app.core.ids import named_id
from app.core.sealing import CannotOpen
from app.matching import runs
from app.referrals import queries
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.reasons import NO_REASON, PASSED_OVER, reasons_for
from app.referrals.states import LIVE, MAY_OPEN, ReferralState, ReferralVerb
from app.tasks import service as tasks
from app.tasks.service import TaskKind


def refer(
    session: Session,
    desk: Desk,
    label: str,
    version: int,
    service_key: str,
    *,
    despite: bool = False,
    again: bool = False,
    wanted: Sequence[str] | None = None,
    why: str = "",
) -> Referral:
    """Refer the case to a service of an organisation. One without an account is asked by a coordinator (`by_hand`).

    With the person's consent the case is offered immediately; an organisation they named before it joined is given the case's
    key in this session. Without consent the person is asked first, and answers with their number. `wanted`: the needs to refer;
    by default, the uncovered needs that the service helps with. `despite`: the coordinator knows that the service is full or
    paused, and has talked to the organisation. `why`: the code of a reason, where it is not the first suggestion; without one, it
    is recorded that none was given. Raises Conflict: excluded, asked already, or the case has ended. Invalid: it is away, and not
    `despite`; or it did not take this case before, and not `again`; or an unknown `why`.
    """
    if why and why not in PASSED_OVER:
        raise Invalid([FieldError(pointer="/why", code="unknown_code", detail="Choose a reason from the list.")])
    case = locked_case(session, desk, label, version)
    if not again and _did_not_take(session, case, service_key):
        detail = N_("They did not take this case before. Tick that you want to ask them again, or choose another.")
        raise Invalid([FieldError(pointer="/again", code="required", detail=detail)])
    if not despite and unavailability_of(session, case, service_key, desk.now.date()) is not None:
        detail = N_("This service is full or paused. Tick that they will take this one anyway, or choose another.")
        raise Invalid([FieldError(pointer="/despite", code="required", detail=detail)])
    first = first_suggestion(session, desk, case)
    passed_over = (why or NO_REASON) if first is not None and first != service_key else None
    return _refer(session, desk, case, service_key, was=undo.snapshot(case), wanted=wanted, passed_over=passed_over)


def remind_to_tell(session: Session, desk: Desk, case: Case, referral: Referral) -> None:
    """Open the task to tell the organisation of the offer, because nothing that the service could send reaches it."""
    if ReferralState(referral.state) is ReferralState.OFFERED:
        tasks.open_task(session, TaskKind.TELL_CENTRE, case, referral=referral, now=desk.now)


def first_suggestion(session: Session, desk: Desk, case: Case) -> str | None:
    """The key of the first service of the latest match that the case can be referred to now. None: there is none."""
    try:
        latest = runs.latest_run(session, desk.keys, case.id)
    except CannotOpen:
        return None
    if latest is None:
        return None
    candidates = latest[1].candidates
    facts = sealed_access.facts_of(desk.keys, case)
    standing = eligibility_of(
        session, case, facts, [match.organisation for match in candidates], queries.referrals_of_case(session, case.id)
    )
    can_be_asked = (
        match.service
        for match in candidates
        if standing.of(match.organisation).reaches != "no" and standing.of(match.organisation).before is None
    )
    return next(can_be_asked, None)


def _did_not_take(session: Session, case: Case, service_key: str) -> bool:
    organisation_id = named_id("organisation", service_key.split("/", 1)[0])
    return organisation_id in earlier_answers(queries.referrals_of_case(session, case.id))


def reroute(session: Session, desk: Desk, label: str, referral_label: str, version: int, service_key: str) -> Referral:
    """Withdraw a referral and refer the case to another service for the same needs; the two are linked.

    `version` is the referral's.

    A referral that an organisation is working on has to be withdrawn separately first. Raises StaleCase, NotFound, and
    Conflict as `refer` does.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    before = session.scalars(
        sa.select(Referral).where(Referral.label == referral_label, Referral.case_id == case.id)
    ).one_or_none()
    if before is None:
        raise NotFound("There is no such referral.")
    state = ReferralState(before.state)
    if state in MAY_OPEN:
        raise Conflict("An organisation is at work on it. Withdraw it first, or ask them to hand it back.", state=state)
    if unavailability_of(session, case, service_key, desk.now.date()) is not None:
        raise Conflict("This service is full or paused. Withdraw this one, then refer from the list and say so.")
    if _did_not_take(session, case, service_key):
        raise Conflict("They did not take this case before. Withdraw this one, then refer from the list and say so.")
    if state in LIVE:
        move_referral(
            session,
            desk,
            label,
            referral_label,
            version,
            ReferralVerb.WITHDRAW,
            TransitionInput(reason="better_option"),
        )
    elif before.version != version:
        raise StaleCase("The referral has moved on since you opened the case.", state=state, version=before.version)
    rows = needs.of_case(session, case, desk.now)
    same = [need for need in queries.needs_of(before, case) if need in needs.in_states(rows, ASKABLE)]
    return _refer(session, desk, case, service_key, follows=before.id, wanted=same or None)


def _refer(
    session: Session,
    desk: Desk,
    case: Case,
    service_key: str,
    *,
    follows: UUID | None = None,
    was: dict[str, Any] | None = None,
    wanted: Sequence[str] | None = None,
    passed_over: str | None = None,
) -> Referral:
    """`was`: the case before the action, when the whole action can be undone."""
    slug = service_key.split("/", 1)[0]
    facts = sealed_access.facts_of(desk.keys, case)
    eligibility = eligibility_of(session, case, facts, [slug], queries.referrals_of_case(session, case.id)).of(slug)
    if case.owner_id is None:
        case.owner_id = desk.member.member_id
    referral = referral_actions.create(
        session,
        desk.keys,
        case,
        service_key,
        by=desk.actor,
        now=desk.now,
        follows=follows,
        wanted=wanted,
        way=eligibility.way,
        passed_over=passed_over,
    )
    if eligibility.consented:
        let = _let_read if eligibility.connected else by_hand.let_be_asked
        let(session, desk, case, eligibility.organisation_id)
        referral_actions.advance(session, referral.id, ReferralVerb.OFFER, by=desk.actor, now=desk.now)
    else:
        referral_actions.advance(session, referral.id, ReferralVerb.ASK_CONSENT, by=desk.actor, now=desk.now)
        if CaseState(case.state) in UNTAKEN:
            move_case(session, desk, case, CaseVerb.TAKE)
    case.snoozed_until = None
    record_change(session, desk, case, "case:referred")
    if was is not None:
        remember_undo(session, desk, case, "refer", {**was, "referral": referral.id.hex})
    return referral


def _let_read(session: Session, desk: Desk, case: Case, organisation_id: UUID) -> None:
    """Seal the case's key to an organisation that the person agreed to, unless it was sealed to it when the case was filed."""
    if organisation_id in sealed_parts.organisations_with_key(session, case.id):
        return
    key = keyholders.active_key(session, organisation_id)
    if key is None:
        raise Conflict(
            "This organisation is not connected to the network: nothing can be sent to it.", state=case.state
        )
    to = Recipient(WrapFor.ORGANISATION, organisation_id, key.public_key, key.id)
    person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    if conflict_screening.is_hit(session, desk.keys, case, person_key, organisation_id):
        raise Conflict("This organisation takes no new cases at present.")
    sealed_parts.grant(session, desk.keys, case.id, sealed_parts.PERSON, person_key, [to])
    record_audit(session, desk, case, "case:key_granted", {"organisation": organisation_id.hex})


def move_referral(
    session: Session,
    desk: Desk,
    label: str,
    referral_label: str,
    version: int,
    verb: ReferralVerb,
    payload: TransitionInput,
) -> Referral:
    """Withdraw, void, answer or reopen a referral of this case. `version` is the referral's. Raises StaleCase, NotFound."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    referral_id = session.scalar(
        sa.select(Referral.id).where(Referral.label == referral_label, Referral.case_id == case.id)
    )
    if referral_id is None:
        raise NotFound("There is no such referral.")
    try:
        referral = referral_actions.advance(
            session, referral_id, verb, by=desk.actor, now=desk.now, expected_version=version, payload=payload
        )
    except PreconditionFailed as error:
        raise StaleCase("The referral has moved on since you opened the case.", **error.extra) from None
    record_change(session, desk, case, f"case:referral_{verb}")
    return referral


def withdraw_reasons() -> list[str]:
    return [code for code in reasons_for(ReferralVerb.WITHDRAW) if code not in {"taken_elsewhere", "moved_away"}]
