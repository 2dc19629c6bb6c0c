"""What may be published of the counters: figures from which nobody can work out what happened to a few people.

For each kind of repression and host country the months that are over are put together, in order, until ten people are in
them; that is one figure. What is left at the end, fewer than ten, is not shown. Totals are sums of shown figures and of nothing
else, so no difference of totals, of countries or of two days' pages tells more than the figures do, and each of those is ten
or more. The month that is still running is not shown, or two looks at the page would tell who came between them.
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

FEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people told of `code` in one month and country. `month` is its first day."""

    month: date
    code: str
    country: str
    count: int


@dataclass(frozen=True, slots=True)
class Figure:
    """At least `FEWEST` people, in the months from `first` to `last` (their first days, both counted)."""

    code: str
    country: str
    first: date
    last: date
    count: int


def published(counted: Iterable[Counted], today: date) -> list[Figure]:
    """All figures that may be seen, by code and country, oldest first."""
    over = [one for one in counted if one.month < today.replace(day=1)]
    ordered = sorted(over, key=attrgetter("code", "country", "month"))
    begun = min((one.month for one in over), default=today)
    return [
        figure
        for (code, country), months in groupby(ordered, key=attrgetter("code", "country"))
        for figure in _figures(code, country, begun, months)
    ]


def _figures(code: str, country: str, begun: date, months: Iterable[Counted]) -> Iterable[Figure]:
    """Each figure begins where the one before it ended, the first with the counting itself: so it tells of no empty month."""
    first, together = begun, 0
    for one in months:
        together += one.count
        if together >= FEWEST:
            yield Figure(code, country, first, one.month, together)
            first, together = (one.month + timedelta(days=31)).replace(day=1), 0


def counted(session: Session) -> list[Counted]:
    return [
        Counted(date.fromisoformat(f"{row.month}-01"), row.code, row.country, row.count)
        for row in session.scalars(sa.select(PersecutionCount))
    ]
