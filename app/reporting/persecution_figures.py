"""Publishable figures about kinds of persecution, from which nothing about a small group can be derived.

For each kind and host country, finished months are combined in order until they have ten people; that is one figure. A
remainder of fewer than ten is not shown. Totals are sums of published figures only, so that no difference of totals,
countries or of two days' pages reveals more than the figures, each of which is ten or more. The current month is not
shown, because a comparison of two days would then reveal who was added in between.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.intake.models import PersecutionCount

MIN_PEOPLE: Final = 10


@dataclass(frozen=True, slots=True)
class MonthlyCount:
    """Number of people who reported `code` in one month and country. `month` is the first day of the month."""

    month: date
    code: str
    country: str
    count: int


@dataclass(frozen=True, slots=True)
class Figure:
    """At least `MIN_PEOPLE` people in the months from `first` to `last` inclusive (first days of the months)."""

    code: str
    country: str
    first: date
    last: date
    count: int


def published(monthly_counts: Iterable[MonthlyCount], today: date) -> list[Figure]:
    """All publishable figures by code and country, oldest first."""
    finished = [entry for entry in monthly_counts if entry.month < today.replace(day=1)]
    ordered = sorted(finished, key=attrgetter("code", "country", "month"))
    start = min((entry.month for entry in finished), default=today)
    return [
        figure
        for (code, country), months in groupby(ordered, key=attrgetter("code", "country"))
        for figure in _figures(code, country, start, months)
    ]


def _figures(code: str, country: str, start: date, months: Iterable[MonthlyCount]) -> Iterable[Figure]:
    """Each figure starts where the previous one ended, the first with the first count, so that no empty month is revealed."""
    first, total = start, 0
    for entry in months:
        total += entry.count
        if total >= MIN_PEOPLE:
            yield Figure(code, country, first, entry.month, total)
            first, total = (entry.month + timedelta(days=31)).replace(day=1), 0


def monthly_counts(session: Session) -> list[MonthlyCount]:
    """All stored counts of reported repression."""
    return [
        MonthlyCount(date.fromisoformat(f"{row.month}-01"), row.code, row.country, row.count)
        for row in session.scalars(sa.select(PersecutionCount))
    ]
