"""Households: cases of people who belong together. The team sees them together; nothing else is shared.

Each case has its own consent, keys and conflicts: an organisation that has one of them sees nothing of the others, and a
conflict with one of them reveals nothing about another.
"""

from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import team_cases
from app.cases.models import Case, HouseholdMember
from app.casework import coordinator
from app.casework.coordinator import Desk
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_


def link(session: Session, desk: Desk, label: str, version: int, other_label: str) -> Case:
    """Put two cases into one household. Raises NotFound, Invalid, StaleCase, Conflict (the same one, or each in one already)."""
    if label == other_label:
        raise Conflict("This is the same case.")
    team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    try:
        both = {case.label: case for case in _locked(session, desk, label, other_label)}
    except NotFound:
        detail = N_("Your team has no case with this label.")
        raise Invalid([FieldError(pointer="/other", code="unknown_code", detail=detail)]) from None
    case = coordinator.locked_case(session, desk, label, version)
    theirs = {row.case_id: row.household_id for row in _rows(session, [case.id for case in both.values()])}
    if len(set(theirs.values())) > 1:
        raise Conflict("Each of the two belongs to a household already. Remove one of them from its household first.")
    household = next(iter(theirs.values()), None) or uuid4()
    new = [case.id for case in both.values() if case.id not in theirs]
    if not new:
        raise Conflict("The two are linked already.")
    session.execute(
        sa.insert(HouseholdMember),
        [{"case_id": case_id, "household_id": household, "joined_at": desk.now} for case_id in new],
    )
    coordinator.record_change(session, desk, case, "case:household_linked")
    return case


def unlink(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Remove the case from its household; a last case left alone is removed as well."""
    case = coordinator.locked_case(session, desk, label, version)
    forget(session, case.id)
    coordinator.record_change(session, desk, case, "case:household_left")
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


def _locked(session: Session, desk: Desk, *labels: str) -> list[Case]:
    """Both cases, locked in a fixed order to avoid deadlocks."""
    return [
        team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
        for label in sorted(labels)
    ]
