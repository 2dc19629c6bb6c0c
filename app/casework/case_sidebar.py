"""The sidebar of a case page: open tasks, household, the question whether the case may move, the person's answers. One statement.

A union of four short lists with the same columns, the number of the team's open tasks, and whether somebody of it can be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.models import Case, CaseMove, HouseholdMember, SavedReply
from app.cases.queue_views import MEMBER_ID
from app.cases.states import CaseState
from app.core.db import UtcDateTime
from app.referrals.models import ContactAnswer, Referral
from app.tasks import team_reach
from app.tasks.models import Task
from app.tasks.team_reach import TeamReach


@dataclass(frozen=True, slots=True)
class SidebarTask:
    id: UUID
    kind: str
    referral_label: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class HouseholdCase:
    """Another case of the household, as far as the team may see it."""

    label: str
    state: str


@dataclass(frozen=True, slots=True)
class CaseSidebar:
    tasks: Sequence[SidebarTask]
    household: Sequence[HouseholdCase]
    move_to: str | None
    answers: Sequence[tuple[UUID, str, bool]]
    open_tasks: int
    reach: TeamReach
    replies: Sequence[tuple[UUID, str]]
    """The team's own saved replies, as ids and titles."""


_TEAM: Final = sa.bindparam("team_id", type_=sa.Uuid())
_CASE: Final = sa.bindparam("case_id", type_=sa.Uuid())
_NO_TEXT: Final = sa.cast(sa.null(), sa.String(24))
_NO_TIME: Final = sa.cast(sa.null(), sa.DateTime(timezone=True))
_NO_ID: Final = sa.cast(sa.null(), sa.Uuid())
_HOUSEHOLD: Final = sa.select(HouseholdMember.household_id).where(HouseholdMember.case_id == _CASE).scalar_subquery()


def _rows(what: str, one: Any, two: Any, at: Any, about: Any) -> sa.Select[Any]:
    return sa.select(
        sa.literal(what, sa.String(8)).label("what"),
        one.label("one"),
        two.label("two"),
        sa.type_coerce(at, UtcDateTime()).label("at"),
        about.label("about"),
    )


_EVERYTHING: Final = sa.union_all(
    _rows("task", Task.kind, Referral.label, Task.due_at, Task.id)
    .outerjoin(Referral, Referral.id == Task.referral_id)
    .where(Task.case_id == _CASE, Task.team_id == _TEAM, Task.done_at.is_(None)),
    _rows("case", Case.label, Case.state, _NO_TIME, _NO_ID)
    .join(HouseholdMember, HouseholdMember.case_id == Case.id)
    .where(
        HouseholdMember.household_id == _HOUSEHOLD,
        Case.id != _CASE,
        Case.team_id == _TEAM,
        Case.state != CaseState.ERASED.value,
        sa.not_(restriction.hidden_from(MEMBER_ID)),
    ),
    _rows("move", CaseMove.to_country, _NO_TEXT, CaseMove.asked_at, _NO_ID).where(
        CaseMove.case_id == _CASE, CaseMove.answer.is_(None)
    ),
    _rows("answer", ContactAnswer.about, sa.case((ContactAnswer.yes, "yes"), else_="no"), _NO_TIME, ContactAnswer.referral_id)
    .join(Referral, Referral.id == ContactAnswer.referral_id)
    .where(Referral.case_id == _CASE),
    _rows("count", sa.cast(sa.func.count(), sa.String(24)), _NO_TEXT, _NO_TIME, _NO_ID)
    .select_from(Task)
    .where(Task.team_id == _TEAM, Task.done_at.is_(None)),
    _rows("reply", SavedReply.title, _NO_TEXT, _NO_TIME, SavedReply.id).where(SavedReply.team_id == _TEAM),
    _rows("reach", team_reach.SHIFTS, team_reach.ZONE, _NO_TIME, _NO_ID),
    _rows("told", sa.cast(team_reach.MEMBERS_TOLD, sa.String(24)), _NO_TEXT, _NO_TIME, _NO_ID),
)  # fmt: skip


def case_sidebar(session: Session, team_id: UUID, case_id: UUID, *, me: UUID) -> CaseSidebar:
    """Read the whole sidebar; tasks by due time, the household by label, as far as the member `me` may see it."""
    rows = session.execute(_EVERYTHING, {"team_id": team_id, "case_id": case_id, "me": me}).all()

    def of(what: str) -> list[Any]:
        return [row for row in rows if row.what == what]

    return CaseSidebar(
        tasks=sorted((SidebarTask(row.about, row.one, row.two, row.at) for row in of("task")), key=lambda t: t.due_at),
        household=sorted((HouseholdCase(row.one, row.two) for row in of("case")), key=lambda c: c.label),
        move_to=next((row.one for row in of("move")), None),
        answers=[(row.about, row.one, row.two == "yes") for row in of("answer")],
        open_tasks=int(of("count")[0].one),
        replies=sorted(((row.about, row.one) for row in of("reply")), key=lambda reply: reply[1]),
        reach=TeamReach(int(of("told")[0].one), of("reach")[0].one, of("reach")[0].two),
    )
