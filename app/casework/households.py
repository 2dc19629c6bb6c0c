"""Cases of people who belong together: seen beside each other by the team, and nothing else shared.

Each keeps its own consent, its own keys and its own conflicts: a centre that has one of them sees nothing of the others, and
that it may not take one says nothing to anybody about the next.
"""

from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import queue
from app.cases.models import Case, HouseholdMember
from app.casework import coordinator
from app.casework.coordinator import Desk
from app.core.errors import Conflict, FieldError, Invalid, NotFound


def link(session: Session, desk: Desk, label: str, version: int, other_label: str) -> Case:
    """These two belong together. Raises NotFound, Invalid, Clash, Conflict (the same one, or each in one already)."""
    if label == other_label:
        raise Conflict("This is the same case.")
    queue.by_label(session, desk.team_id, label)
    try:
        both = {one.label: one for one in _locked(session, desk.team_id, label, other_label)}
    except NotFound:
        detail = "Your team has no case of this name."
        raise Invalid([FieldError(pointer="/other", code="unknown_code", detail=detail)]) from None
    case = coordinator.locked(session, desk, label, version)
    theirs = {row.case_id: row.household_id for row in _rows(session, [one.id for one in both.values()])}
    if len(set(theirs.values())) > 1:
        raise Conflict("Each of the two belongs to a household already. Take one out of its own first.")
    household = next(iter(theirs.values()), None) or uuid4()
    new = [one.id for one in both.values() if one.id not in theirs]
    if not new:
        raise Conflict("The two are linked already.")
    session.execute(
        sa.insert(HouseholdMember),
        [{"case_id": case_id, "household_id": household, "joined_at": desk.now} for case_id in new],
    )
    coordinator.touched(session, desk, case, "case:household_linked")
    return case


def unlink(session: Session, desk: Desk, label: str, version: int) -> Case:
    """It belongs to no household any more; one that would be alone in it neither."""
    case = coordinator.locked(session, desk, label, version)
    forget(session, case.id)
    coordinator.touched(session, desk, case, "case:household_left")
    return case


def forget(session: Session, case_id: UUID) -> None:
    rows = _rows(session, [case_id])
    session.execute(sa.delete(HouseholdMember).where(HouseholdMember.case_id == case_id))
    for row in rows:
        left = sa.select(HouseholdMember.case_id).where(HouseholdMember.household_id == row.household_id)
        if len(session.scalars(left).all()) == 1:
            session.execute(sa.delete(HouseholdMember).where(HouseholdMember.household_id == row.household_id))


def _rows(session: Session, case_ids: list[UUID]) -> list[sa.Row[UUID, UUID]]:
    return list(
        session.execute(
            sa.select(HouseholdMember.case_id, HouseholdMember.household_id).where(
                HouseholdMember.case_id.in_(case_ids)
            )
        )
    )


def _locked(session: Session, team_id: UUID, *labels: str) -> list[Case]:
    """Both rows locked, always in the same order, so that two who link them at once do not wait in a circle."""
    return [queue.by_label(session, team_id, label, lock=True) for label in sorted(labels)]
