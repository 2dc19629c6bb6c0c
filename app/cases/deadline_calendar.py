"""The legal deadlines of a team's open cases by day: how many end on each day, and the first few of them.

Read from the index of the queue by deadline, and only the days that are asked for.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.models import Case
from app.cases.queue_views import MEMBER_ID, ORDERS

MOST_A_DAY: Final = 5
DeadlineRow = sa.Row[*tuple[Any, ...]]
_DEADLINE: Final = ORDERS["deadline"][0]
_RANKED: Final = (
    sa.select(
        Case.last_safe_day,
        Case.label,
        Case.urgency,
        Case.country,
        Case.needs,
        Case.uncovered,
        Case.deadline_certainty,
        sa.func.count().over(partition_by=Case.last_safe_day).label("of_day"),
        sa.func.row_number()
        .over(
            order_by=(Case.uncovered.desc(), Case.urgency_rank, Case.waiting_since, Case.id),
            partition_by=Case.last_safe_day,
        )
        .label("place"),
    )
    .where(
        Case.team_id == sa.bindparam("team_id", type_=sa.Uuid()),
        Case.closed_at.is_(None),
        sa.not_(restriction.hidden_from(MEMBER_ID)),
        _DEADLINE.between(sa.bindparam("first", type_=sa.Date()), sa.bindparam("last", type_=sa.Date())),
    )
    .subquery()
)
_FIRST_OF_EACH_DAY: Final = (
    sa.select(_RANKED).where(_RANKED.c.place <= MOST_A_DAY).order_by(_RANKED.c.last_safe_day, _RANKED.c.place)
)


def deadlines(session: Session, team_id: UUID, first: date, last: date, *, me: UUID) -> dict[date, list[DeadlineRow]]:
    """By day: the first cases whose last safe day it is, those that nobody has first, and how many there are (`of_day`).

    Restricted cases are there for those who are named.
    """
    found: dict[date, list[DeadlineRow]] = {}
    for row in session.execute(_FIRST_OF_EACH_DAY, {"team_id": team_id, "first": first, "last": last, "me": me}):
        found.setdefault(row.last_safe_day, []).append(row)
    return found


def count(days: Sequence[Sequence[DeadlineRow]]) -> int:
    """How many cases end on these days, from the rows of each."""
    return sum(rows[0].of_day for rows in days if rows)
