"""Calendar quarters, and stretches of whole ones.

Only a quarter is counted. Quarters never overlap, so that no two can be subtracted; a stretch is the sum of what its quarters show
(`together`), so that subtracting three quarters from a year gives a quarter that is published anyway.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

MAX_QUARTERS: Final = 12
"""Quarters of a stretch."""


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A calendar quarter. Months are written like `2026-10`; an instant belongs to the quarter of its UTC day."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> "Quarter":
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def parse(cls, text: str) -> "Quarter | None":
        """The quarter that a text like `2026-Q4` names; None for any other text."""
        year, _, number = text.partition("-Q")
        if not (len(year) == 4 and year.isascii() and year.isdigit() and number in {"1", "2", "3", "4"}):
            return None
        return cls(int(year), int(number)) if 2000 <= int(year) <= 2999 else None

    def __str__(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def months(self) -> tuple[str, ...]:
        first = 3 * self.number - 2
        return tuple(f"{self.year}-{month:02}" for month in range(first, first + 3))

    def begun(self, day: date) -> tuple[str, ...]:
        """The months that have begun by this day."""
        return tuple(month for month in self.months if month <= f"{day:%Y-%m}")

    @property
    def start(self) -> datetime:
        return datetime(self.year, 3 * self.number - 2, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after the quarter."""
        return self.next.start

    @property
    def next(self) -> "Quarter":
        return Quarter(self.year + 1, 1) if self.number == 4 else Quarter(self.year, self.number + 1)

    @property
    def before(self) -> "Quarter":
        return Quarter(self.year - 1, 4) if self.number == 1 else Quarter(self.year, self.number - 1)


@dataclass(frozen=True, slots=True)
class Month:
    """One calendar month, for exact reports alone: months are not published."""

    name: str

    @classmethod
    def parse(cls, text: str) -> "Month | None":
        """The month that a text like `2026-10` names; None for any other text."""
        year, _, month = text.partition("-")
        digits = len(year) == 4 and len(month) == 2 and text.isascii() and year.isdigit() and month.isdigit()
        return cls(text) if digits and 2000 <= int(year) <= 2999 and 1 <= int(month) <= 12 else None

    def __str__(self) -> str:
        return self.name

    @property
    def months(self) -> tuple[str, ...]:
        return (self.name,)

    def begun(self, day: date) -> tuple[str, ...]:
        return self.months if self.name <= f"{day:%Y-%m}" else ()

    @property
    def quarter(self) -> Quarter:
        return Quarter.of(date.fromisoformat(f"{self.name}-01"))

    @property
    def before(self) -> "Month":
        return Month(f"{date.fromisoformat(f'{self.name}-01') - timedelta(days=1):%Y-%m}")


@dataclass(frozen=True, slots=True)
class Period:
    """From one quarter to another, both counted."""

    first: Quarter
    last: Quarter

    @classmethod
    def parse(cls, text: str) -> "Period | None":
        """The period that a text like `2026-Q4`, `2026` or `2025-Q3..2026-Q2` names.

        None for any other text, and for a period longer than `MAX_QUARTERS`.
        """
        first, two, last = text.partition("..")
        if two:
            ends = Quarter.parse(first), Quarter.parse(last)
        else:
            ends = (
                Quarter.parse(text) or Quarter.parse(f"{text}-Q1"),
                Quarter.parse(text) or Quarter.parse(f"{text}-Q4"),
            )
        if ends[0] is None or ends[1] is None or ends[1] < ends[0]:
            return None
        period = cls(ends[0], ends[1])
        return period if len(period.quarters) <= MAX_QUARTERS else None

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        if (self.first.number, self.last.number, self.last.year) == (1, 4, self.first.year):
            return str(self.first.year)
        return f"{self.first}..{self.last}"

    @property
    def quarters(self) -> tuple[Quarter, ...]:
        """The quarters in order; at most one more than `MAX_QUARTERS`."""
        quarters = [self.first]
        while quarters[-1] != self.last and len(quarters) <= MAX_QUARTERS:
            quarters.append(quarters[-1].next)
        return tuple(quarters)

    @property
    def months(self) -> tuple[str, ...]:
        return tuple(month for quarter in self.quarters for month in quarter.months)

    def begun(self, day: date) -> tuple[str, ...]:
        """The months that have begun by this day."""
        return tuple(month for month in self.months if month <= f"{day:%Y-%m}")

    @property
    def before(self) -> "Period":
        """The period before, with the same number of quarters."""
        last = first = self.first.before
        for _quarter in self.quarters[1:]:
            first = first.before
        return Period(first, last)

    @property
    def start(self) -> datetime:
        return self.first.start

    @property
    def end(self) -> datetime:
        """The first instant after the period."""
        return self.last.end

    def until(self, quarter: Quarter) -> "Period":
        """The part of the period up to this quarter, which is not before the period begins."""
        return Period(self.first, min(self.last, quarter))
