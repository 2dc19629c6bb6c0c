"""The same person wrote twice: one case goes on, the other is linked to it and leaves the lists.

Nothing is copied and no key changes hands: both numbers keep opening what was filed under them, and what the person writes
under the linked number brings that case back before the desk's eyes. When the one that goes on is closed, the other is
closed in the same way; when the person withdraws or erases it, the other stands alone again. Merging can be taken back at any time.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import duplicate_detection, queue
from app.cases.models import Case, Part
from app.cases.states import CaseState, CaseVerb
from app.casework import coordinator, sealed_access
from app.casework.coordinator import Clash, Desk
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.referrals import queries

_FILED: Final = frozenset({CaseState.SUBMITTED, CaseState.UNMET})


def compare(session: Session, desk: Desk, label: str) -> Case:
    """Open the contact, unseen, and keep its marks as they would be today: it may have changed since the case came in. Noted.

    Raises NotFound, NotAllowed.
    """
    case = queue.by_label(session, desk.team_id, label, lock=True)
    coordinator.noted(session, desk, case, "case:compared")
    opened = sealed_access.opened(session, desk, case, (Part.CONTACT,))
    contact = opened[0].content if opened else {}
    duplicate_detection.replace_fingerprints(session, desk.keys, case.id, case.team_id, contact, case.country)
    return case


def merge(session: Session, desk: Desk, label: str, version: int, into: str) -> Case:
    """Let `into` go on in the place of this case. Gives the case that goes on.

    Raises NotFound, Clash, Invalid (into itself, or into what is no case of this team), Conflict (closed, merged already, or
    somebody is asked or at work for the case that would leave the lists).
    """
    both = {name: _locked(session, desk, name) for name in sorted({label, into})}
    case, other = both[label], both[into]
    if case is None:
        raise NotFound("There is no such case.")
    if other is case:
        raise _no_case("A case can not be merged into itself.")
    if other is None:
        raise _no_case("There is no case of this team with that label.")
    if case.version != version:
        raise Clash("Somebody has changed this case since you opened it.", state=case.state, version=case.version)
    _check(session, case, other)
    if CaseState(case.state) in _FILED:
        coordinator.moved(session, desk, case, CaseVerb.TAKE)
    case.merged_into_id, case.snoozed_until = other.id, None
    coordinator.touched(session, desk, case, "case:merged")
    coordinator.touched(session, desk, other, "case:merged")
    return other


def _locked(session: Session, desk: Desk, label: str) -> Case | None:
    try:
        return queue.by_label(session, desk.team_id, label, lock=True)
    except NotFound:
        return None


def _no_case(detail: str) -> Invalid:
    return Invalid([FieldError(pointer="/into", code="unknown_code", detail=detail)])


def _check(session: Session, case: Case, other: Case) -> None:
    if case.closed_at is not None or other.closed_at is not None:
        raise Conflict("Only open cases are merged. Open the closed one again first.", state=case.state)
    if case.merged_into_id is not None or other.merged_into_id is not None:
        raise Conflict("One of them is merged into a case already. Separate it first.", state=case.state)
    if session.scalar(sa.select(Case.id).where(Case.merged_into_id == case.id).limit(1)) is not None:
        raise Conflict("Another case was merged into this one. Merge the other way round.", state=case.state)
    if queries.live_of_case(session, case.id):
        raise Conflict(
            "Somebody is asked for this case. Withdraw that first, or merge the other way round.", state=case.state
        )


def unmerge(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Two cases again. Raises Clash, NotFound, Conflict (it is not merged)."""
    case = coordinator.locked(session, desk, label, version)
    if case.merged_into_id is None:
        raise Conflict("This case is not merged.", state=case.state)
    case.merged_into_id = None
    coordinator.touched(session, desk, case, "case:unmerged")
    return case
