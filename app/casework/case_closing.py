"""How a case ends at the desk, and how it is opened again."""

from typing import Final

from sqlalchemy.orm import Session

from app.cases import undo
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import referral_actions
from app.casework.coordinator import FILED, Desk, can_be_undone, locked, moved, touched
from app.core.errors import FieldError, Invalid
from app.referrals import queries
from app.referrals.commands import TransitionInput
from app.referrals.states import Verb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

ENDS: Final = (CaseVerb.HELP, CaseVerb.ADVISE, CaseVerb.UNMET, CaseVerb.WITHDRAW)


def close(session: Session, desk: Desk, label: str, version: int, verb: CaseVerb) -> Case:
    """End the case, or mark it unmet. What is still offered to somebody is withdrawn first.

    Raises IllegalMove, NotAllowed, Invalid (a verb that ends nothing).
    """
    if verb not in ENDS:
        raise Invalid([FieldError(pointer="/verb", code="unknown_code", detail="Choose how the case ends.")])
    case = locked(session, desk, label, version)
    was = undo.snapshot(case)
    if verb is CaseVerb.HELP and CaseState(case.state) in FILED:
        moved(session, desk, case, CaseVerb.TAKE)
    for referral in queries.live_of_case(session, case.id):
        referral_actions.advance(
            session,
            referral.id,
            Verb.WITHDRAW,
            by=desk.actor,
            now=desk.now,
            payload=TransitionInput(reason="no_longer_needed"),
        )
    if verb is not CaseVerb.UNMET or CaseState(case.state) is not CaseState.UNMET:
        moved(session, desk, case, verb)
    if verb is CaseVerb.UNMET:
        tasks.end_kind(session, TaskKind.FIND_NEXT, case.id, desk.now)
        tasks.open_task(session, TaskKind.UNMET, case, now=desk.now)
    case.person_wrote = False
    case.snoozed_until = None
    touched(session, desk, case, f"case:{verb}")
    can_be_undone(session, desk, case, "close", was)
    return case


def reopen(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Undo an ending as helped or advised."""
    case = locked(session, desk, label, version)
    was = undo.snapshot(case)
    moved(session, desk, case, CaseVerb.REOPEN)
    case.owner_id = desk.who.member_id
    touched(session, desk, case, "case:reopened")
    can_be_undone(session, desk, case, "reopen", was)
    return case
