"""Merging two cases of one person: one continues, the other is linked to it and leaves the lists.

No answer is copied and no key changes hands. Needs of the linked case that still wait become needs of the one that continues, as
codes. If the merge is undone before anybody was asked for them, they leave it again. Both numbers keep opening what was filed
under them, and what the person writes under the linked number brings that case back to the desk's attention. When the case that
continues is closed, the other is closed in the same way; when the person withdraws or erases it, the other is a case of its own
again. A merge can be undone at any time.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import duplicate_detection, need_states, needs, restriction, team_cases, transitions
from app.cases.models import Case, PartKind
from app.cases.states import CaseState, CaseVerb
from app.casework import comparisons, coordinator, sealed_access
from app.casework.coordinator import Desk, StaleCase
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_
from app.referrals import queries
from app.tasks import service as tasks
from app.tasks.service import TaskKind

_FILED: Final = frozenset({CaseState.SUBMITTED, CaseState.UNMET})


def compare(session: Session, desk: Desk, label: str) -> Case:
    """Make the fingerprints of the contact again, whether they are there or not. Audited; shows nothing.

    Raises NotFound, NotAllowed.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    coordinator.record_audit(session, desk, case, "case:compared")
    opened = sealed_access.open_parts(session, desk, case, (PartKind.CONTACT,))
    contact = opened[0].content if opened else {}
    found = {case.id: duplicate_detection.identifiers_in(contact, case.country)}
    duplicate_detection.replace_fingerprints(session, desk.keys, comparisons.key_of(session, desk), found)
    session.refresh(case, ["compared_with"])
    return case


def merge(session: Session, desk: Desk, label: str, version: int, into: str) -> Case:
    """Link this case to `into`, which continues in its place and is returned.

    Raises NotFound, StaleCase, Invalid (into itself, or not a case of this team), Conflict (closed, merged already, or
    a referral of the case that would leave the lists is live).
    """
    both = {name: _locked(session, desk, name) for name in sorted({label, into})}
    case, other = both[label], both[into]
    if case is None:
        raise NotFound("There is no such case.")
    if other is case:
        raise _no_case(N_("A case cannot be merged into itself."))
    if other is None:
        raise _no_case(N_("There is no case of this team with that label."))
    if case.version != version:
        raise StaleCase("Somebody has changed this case since you opened it.", state=case.state, version=case.version)
    _check(session, case, other)
    if CaseState(case.state) in _FILED:
        coordinator.move_case(session, desk, case, CaseVerb.TAKE)
    case.merged_into_id, case.snoozed_until = other.id, None
    _join_needs(session, case, other, desk)
    coordinator.record_change(session, desk, case, "case:merged")
    coordinator.record_change(session, desk, other, "case:merged")
    return other


def _join_needs(session: Session, case: Case, other: Case, desk: Desk) -> None:
    """Add the waiting needs of the other case to the case that continues, because nobody looks at them there any more."""
    rows = needs.of_case(session, case, desk.now)
    joined = needs.add_from_merged(session, other, needs.in_states(rows, need_states.ASKABLE), now=desk.now)
    if joined:
        tasks.open_task(session, TaskKind.FIND_NEXT, other, now=desk.now)


def _locked(session: Session, desk: Desk, label: str) -> Case | None:
    try:
        return team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    except NotFound:
        return None


def _no_case(detail: str) -> Invalid:
    return Invalid([FieldError(pointer="/into", code="unknown_code", detail=detail)])


def _check(session: Session, case: Case, other: Case) -> None:
    if case.closed_at is not None or other.closed_at is not None:
        raise Conflict("Only open cases are merged. Open the closed one again first.", state=case.state)
    names = restriction.named_of(session, [case.id, other.id])
    if names.get(case.id) != names.get(other.id):
        raise Conflict(
            "They are not restricted to the same members. Restrict both to the same members before you merge them.",
            state=case.state,
        )
    if case.merged_into_id is not None or other.merged_into_id is not None:
        raise Conflict("One of them is merged into a case already. Separate it first.", state=case.state)
    if session.scalar(sa.select(Case.id).where(Case.merged_into_id == case.id).limit(1)) is not None:
        raise Conflict("Another case was merged into this one. Merge the other way round.", state=case.state)
    if queries.lock_live_referrals(session, case.id):
        raise Conflict(
            "An organisation is being asked about this case. Withdraw that referral first, or merge the other way round.",
            state=case.state,
        )


def unmerge(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Undo a merge. Raises StaleCase, NotFound, Conflict (it is not merged)."""
    case = coordinator.locked_case(session, desk, label, version)
    if case.merged_into_id is None:
        raise Conflict("This case is not merged.", state=case.state)
    other = transitions.locked(session, case.merged_into_id)
    case.merged_into_id = None
    needs.remove_merged(session, other, now=desk.now)
    if not other.uncovered:
        tasks.end_tasks_of_kind(session, TaskKind.FIND_NEXT, other.id, desk.now)
    coordinator.record_change(session, desk, case, "case:unmerged")
    return case
