"""Closing and reopening a case at the desk."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from app.cases import need_states, needs, undo
from app.cases.models import Case, CaseNeed
from app.cases.need_states import NeedState
from app.cases.states import CaseState, CaseVerb
from app.casework import effects, referral_actions
from app.casework.coordinator import UNTAKEN, Desk, locked_case, move_case, record_change, remember_undo
from app.core.errors import Conflict, FieldError, Invalid
from app.core.i18n import N_
from app.referrals import queries
from app.referrals.commands import TransitionInput
from app.referrals.states import ReferralVerb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

ENDS: Final = (CaseVerb.HELP, CaseVerb.ADVISE, CaseVerb.UNMET, CaseVerb.WITHDRAW)
END_OF_VERB: Final = {
    CaseVerb.HELP: NeedState.HELPED,
    CaseVerb.ADVISE: NeedState.ADVISED,
    CaseVerb.UNMET: NeedState.UNMET,
    CaseVerb.WITHDRAW: NeedState.NOT_WANTED,
}
"""The end of a case's only need when the case is closed by this verb."""


def close(
    session: Session,
    desk: Desk,
    label: str,
    version: int,
    verb: CaseVerb | None,
    ends: Mapping[str, str] | None = None,
) -> Case:
    """Close the case, or mark it as unmet. Referrals that are still live are withdrawn first.

    `ends`: the end of each need that has none (`helped`, `advised`, `unmet`, `not_wanted`). The case ends as the best of its
    needs. `verb` gives the end when only one need has none.
    Raises IllegalMove, NotAllowed, Invalid (a verb that ends nothing, a need without an end).
    """
    if verb not in (*ENDS, None):
        raise Invalid([FieldError(pointer="/verb", code="unknown_code", detail="Choose how the case ends.")])
    case = locked_case(session, desk, label, version)
    rows = needs.of_case(session, case, desk.now)
    chosen = _ends_of(rows, verb, ends or {})
    was = {**undo.snapshot(case), "needs": needs.ended(rows)}
    for referral in queries.lock_live_referrals(session, case.id):
        referral_actions.advance(
            session,
            referral.id,
            ReferralVerb.WITHDRAW,
            by=desk.actor,
            now=desk.now,
            payload=TransitionInput(reason="no_longer_needed"),
        )
    verb = _finish(session, desk, case, rows, chosen)
    if verb is CaseVerb.UNMET:
        tasks.end_tasks_of_kind(session, TaskKind.FIND_NEXT, case.id, desk.now)
        tasks.open_task(session, TaskKind.UNMET, case, now=desk.now)
    case.person_wrote = False
    case.snoozed_until = None
    record_change(session, desk, case, f"case:{verb}")
    remember_undo(session, desk, case, "close", was)
    return case


def _ends_of(rows: Mapping[str, CaseNeed], verb: CaseVerb | None, ends: Mapping[str, str]) -> dict[str, NeedState]:
    """The end of each need that has none; when all have one, the end of those for which nobody was found. Raises Invalid."""
    left = needs.in_states(rows, frozenset(NeedState) - need_states.ENDED) or needs.in_states(rows, {NeedState.UNMET})
    if len(left) == 1 and not ends and verb is not None:
        return {left[0]: END_OF_VERB[verb]}
    errors = [
        FieldError(pointer=f"/needs/{need}", code="required", detail="Choose how each need ends.")
        for need in left
        if ends.get(need) not in need_states.END_VERBS
    ]
    if errors:
        raise Invalid(errors)
    return {need: NeedState(ends[need]) for need in rows if need in left}


def _finish(
    session: Session, desk: Desk, case: Case, rows: Mapping[str, CaseNeed], chosen: Mapping[str, NeedState]
) -> CaseVerb | None:
    """End these needs, and the case too if all its needs have ended then. Returns the verb that ended the case."""
    ends = {**dict.fromkeys(needs.in_states(rows, {NeedState.UNMET}), NeedState.UNMET), **chosen}
    _end(session, desk, case, rows, ends)
    verb = need_states.case_end(needs.states_of(rows).values())
    if verb is CaseVerb.HELP and CaseState(case.state) in UNTAKEN:
        move_case(session, desk, case, CaseVerb.TAKE)
        _end(session, desk, case, rows, ends)  # taking up an unmet case has opened them again
    if verb is not None and not (verb is CaseVerb.UNMET and CaseState(case.state) is CaseState.UNMET):
        move_case(session, desk, case, verb)
    return verb


def _end(session: Session, desk: Desk, case: Case, rows: Mapping[str, CaseNeed], ends: Mapping[str, NeedState]) -> None:
    for need, end in ends.items():
        if NeedState(rows[need].state) is not end:
            verb = need_states.END_VERBS[end]
            needs.move(session, case, rows, verb, [need], by=desk.actor.kind.value, now=desk.now)


def end_need(session: Session, desk: Desk, label: str, version: int, need: str, end: str) -> Case:
    """End one need that no organisation is at work on. The case continues, or ends if this was its last need.

    Offers for the need are withdrawn or narrowed. Raises StaleCase, NotFound, Invalid, Conflict.
    """
    case = locked_case(session, desk, label, version)
    rows = needs.of_case(session, case, desk.now)
    if need not in rows or end not in need_states.END_VERBS:
        raise Invalid([FieldError(pointer=f"/needs/{need}", code="unknown_code", detail="Choose how this need ends.")])
    if case.closed_at is not None:
        raise Conflict("The case is closed.", state=case.state)
    if NeedState(rows[need].state) is NeedState.WITH_CENTRE:
        detail = N_(
            "An organisation is at work on it. Withdraw its referral, or ask them to complete it or hand it back."
        )
        raise Conflict(detail, state=case.state)
    was = {**undo.snapshot(case), "needs": needs.ended(rows)}
    effects.give_up_needs(session, case, [need], "no_longer_needed", desk.now)
    verb = _finish(session, desk, case, rows, {need: NeedState(end)})
    if verb is CaseVerb.UNMET:
        tasks.open_task(session, TaskKind.UNMET, case, now=desk.now)
    if not case.uncovered:
        tasks.end_tasks_of_kind(session, TaskKind.FIND_NEXT, case.id, desk.now)
    record_change(session, desk, case, "case:need_ended", {"need": need, "end": end})
    remember_undo(session, desk, case, "close", was)
    return case


def reopen(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Open a case again that was closed as helped or advised, with each need that was wanted."""
    case = locked_case(session, desk, label, version)
    was = {**undo.snapshot(case), "needs": needs.ended(needs.of_case(session, case))}
    move_case(session, desk, case, CaseVerb.REOPEN)
    case.owner_id = desk.member.member_id
    record_change(session, desk, case, "case:reopened")
    remember_undo(session, desk, case, "reopen", was)
    return case
