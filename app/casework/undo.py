"""Undo of a coordinator's own last action on a case, as long as nothing else has happened since."""

from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases import needs
from app.cases import undo as cases_undo
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import coordinator, referral_actions
from app.casework.coordinator import Desk
from app.core.errors import Conflict
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import ReferralState, ReferralVerb
from app.tasks import service as tasks
from app.tasks.service import TaskKind

_NOT_OPENED: Final = frozenset({ReferralState.DRAFT, ReferralState.AWAITING_CONSENT, ReferralState.OFFERED})
# The way back to a state leads through "in review": out of where the case is now, then into where it was.
_OUT_OF: Final = MappingProxyType(
    {
        CaseState.HELPED: CaseVerb.REOPEN,
        CaseState.ADVISED: CaseVerb.REOPEN,
        CaseState.WITHDRAWN: CaseVerb.RECALL,
        CaseState.UNMET: CaseVerb.TAKE,
    }
)
_INTO: Final = MappingProxyType(
    {
        CaseState.SUBMITTED: CaseVerb.PUT_BACK,
        CaseState.UNMET: CaseVerb.UNMET,
        CaseState.HELPED: CaseVerb.HELP,
        CaseState.ADVISED: CaseVerb.ADVISE,
    }
)


def undo(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Restore owner, snooze and state; withdraw the offer that nobody has looked at yet.

    Offers that were withdrawn when the case was closed are not made again.
    Raises StaleCase, NotFound, Conflict (nothing to undo any more).
    """
    case = coordinator.locked_case(session, desk, label, version)
    done = cases_undo.latest(session, case, desk.member.member_id)
    if done is None:
        raise Conflict("There is nothing left here that you can take back.", state=case.state)
    if "referral" in done.before:
        _withdraw(session, desk, case, UUID(done.before["referral"]))
    _state_back(session, desk, case, CaseState(done.before["state"]), done.before.get("needs"))
    if "needs" in done.before and case.uncovered and CaseState(case.state) not in coordinator.UNTAKEN:
        tasks.open_task(session, TaskKind.FIND_NEXT, case, now=desk.now)
    cases_undo.restore(case, done.before)
    cases_undo.forget(session, case.id)
    coordinator.record_change(session, desk, case, "case:undone")
    return case


def _withdraw(session: Session, desk: Desk, case: Case, referral_id: UUID) -> None:
    referral = session.get_one(Referral, referral_id)
    if ReferralState(referral.state) not in _NOT_OPENED:
        raise Conflict("They have seen it already. Withdraw it with a reason instead.", state=case.state)
    referral_actions.advance(
        session,
        referral_id,
        ReferralVerb.WITHDRAW,
        by=desk.actor,
        now=desk.now,
        payload=TransitionInput(reason="mistake"),
    )


def _state_back(
    session: Session, desk: Desk, case: Case, target: CaseState, needs_before: dict[str, Any] | None
) -> None:
    """Restore the state. `needs_before`: the needs that had ended before; None when the action changed no need."""
    source = CaseState(case.state)
    if source in _OUT_OF and source is not target:
        coordinator.move_case(session, desk, case, _OUT_OF[source])
    if needs_before is not None:
        needs.restore(session, case, needs_before, by=desk.actor.kind.value, now=desk.now)
    if source is target:
        return
    if target in _INTO and CaseState(case.state) is not target:
        coordinator.move_case(session, desk, case, _INTO[target])
