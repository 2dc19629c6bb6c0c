"""Closing and reopening a case at the desk."""

from typing import Final

from sqlalchemy.orm import Session

from app.cases import undo
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import referral_actions
from app.casework.coordinator import UNTAKEN, Desk, locked_case, move_case, record_change, remember_undo
from app.core.errors import FieldError, Invalid
from app.referrals import queries
from app.referrals.commands import TransitionInput
from app.referrals.states import Verb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

ENDS: Final = (CaseVerb.HELP, CaseVerb.ADVISE, CaseVerb.UNMET, CaseVerb.WITHDRAW)


def close(session: Session, desk: Desk, label: str, version: int, verb: CaseVerb) -> Case:
    """Close the case, or mark it unmet. Referrals that are still live are withdrawn first.

    Raises IllegalMove, NotAllowed, Invalid (a verb that ends nothing).
    """
    if verb not in ENDS:
        raise Invalid([FieldError(pointer="/verb", code="unknown_code", detail="Choose how the case ends.")])
    case = locked_case(session, desk, label, version)
    was = undo.snapshot(case)
    if verb is CaseVerb.HELP and CaseState(case.state) in UNTAKEN:
        move_case(session, desk, case, CaseVerb.TAKE)
    for referral in queries.lock_live_referrals(session, case.id):
        referral_actions.advance(
            session,
            referral.id,
            Verb.WITHDRAW,
            by=desk.actor,
            now=desk.now,
            payload=TransitionInput(reason="no_longer_needed"),
        )
    if verb is not CaseVerb.UNMET or CaseState(case.state) is not CaseState.UNMET:
        move_case(session, desk, case, verb)
    if verb is CaseVerb.UNMET:
        tasks.end_tasks_of_kind(session, TaskKind.FIND_NEXT, case.id, desk.now)
        tasks.open_task(session, TaskKind.UNMET, case, now=desk.now)
    case.person_wrote = False
    case.snoozed_until = None
    record_change(session, desk, case, f"case:{verb}")
    remember_undo(session, desk, case, "close", was)
    return case


def reopen(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Open a case again that was closed as helped or advised."""
    case = locked_case(session, desk, label, version)
    was = undo.snapshot(case)
    move_case(session, desk, case, CaseVerb.REOPEN)
    case.owner_id = desk.member.member_id
    record_change(session, desk, case, "case:reopened")
    remember_undo(session, desk, case, "reopen", was)
    return case
