"""Ownership of a case, and snoozing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import case_presence, restriction, undo
from app.cases.models import Case, CasePresence
from app.cases.restriction import Named
from app.cases.states import CaseState, CaseVerb
from app.casework.coordinator import UNTAKEN, Desk, locked_case, move_case, record_change, remember_undo
from app.core.db import UtcDateTime
from app.core.errors import FieldError, Invalid
from app.core.i18n import N_, Translatable
from app.referrals.working_hours import hours_of
from app.staff.models import Member

LONGEST_SNOOZE: Final = timedelta(days=14)


def take(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Make the case this coordinator's own; a new case becomes *in_review*."""
    case = locked_case(session, desk, label, version)
    was = undo.snapshot(case)
    make_own(session, desk, case)
    remember_undo(session, desk, case, "take", was)
    return case


def make_own(session: Session, desk: Desk, case: Case) -> None:
    if CaseState(case.state) in UNTAKEN:
        move_case(session, desk, case, CaseVerb.TAKE)
    if case.owner_id != desk.member.member_id:
        case.owner_id = desk.member.member_id
        record_change(session, desk, case, "case:taken")


def assign(session: Session, desk: Desk, label: str, version: int, member_id: UUID | None) -> Case:
    """Assign the case to a colleague, or to nobody. Raises Invalid when they are not a coordinator of this team."""
    case = locked_case(session, desk, label, version)
    if member_id is not None and member_id not in {member.id for member in who_may_own(session, case)}:
        raise Invalid([FieldError(pointer="/member", code="unknown_code", detail="Choose a colleague of this team.")])
    was = undo.snapshot(case)
    case.owner_id = member_id
    record_change(session, desk, case, "case:assigned")
    remember_undo(session, desk, case, "assign", was)
    return case


def who_may_own(session: Session, case: Case) -> Sequence["Colleague | Named"]:
    """The members to whom the case can be given, or a note about it be shown: of the team, or those who are named for it."""
    return restriction.named(session, case.id) if case.restricted else colleagues(session, case.team_id)


def snooze(session: Session, desk: Desk, label: str, version: int, until: date | None) -> Case:
    """Hide the case from the lists until a day, or show it again (None).

    At most 14 days, and never to or beyond the last safe day. When the person writes, it comes back automatically.
    Raises Invalid.
    """
    case = locked_case(session, desk, label, version)
    today = desk.now.astimezone(hours_of(case.country).zone).date()
    if until is not None:
        latest = today + LONGEST_SNOOZE
        if case.last_safe_day is not None:
            latest = min(latest, case.last_safe_day - timedelta(days=1))
        if not today < until <= latest:
            detail = (
                Translatable("Choose a day after today and not after {day}.", day=latest.isoformat())
                if latest > today
                else N_("The deadline leaves no time to snooze it.")
            )
            raise Invalid([FieldError(pointer="/until", code="out_of_range", detail=detail)])
    was = undo.snapshot(case)
    case.snoozed_until = until
    record_change(session, desk, case, "case:snoozed" if until else "case:woken")
    remember_undo(session, desk, case, "snooze", was)
    return case


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of the team; `opened_at`: when they last had the case on the screen, if that was minutes ago."""

    id: UUID
    name: str
    opened_at: datetime | None = None


_TEAM: Final = (
    sa.select(Member.id, Member.name)
    .where(Member.team_id == sa.bindparam("team_id", type_=sa.Uuid()), Member.active)
    .order_by(Member.name)
)
_LOOKING_ON: Final = _TEAM.add_columns(CasePresence.at).outerjoin(
    CasePresence,
    sa.and_(
        CasePresence.member_id == Member.id,
        CasePresence.case_id == sa.bindparam("case_id", type_=sa.Uuid()),
        CasePresence.at > sa.bindparam("since", type_=UtcDateTime()),
    ),
)


def colleagues(
    session: Session, team_id: UUID, *, case_id: UUID | None = None, now: datetime | None = None
) -> list[Colleague]:
    """The team's members by name; with a case, also who has it on the screen. One statement."""
    if case_id is None or now is None:
        return [Colleague(row.id, row.name) for row in session.execute(_TEAM, {"team_id": team_id})]
    given = {"team_id": team_id, "case_id": case_id, "since": now - case_presence.LEASE}
    rows = session.execute(_LOOKING_ON, given)
    return [Colleague(row.id, row.name, row.at) for row in rows]
