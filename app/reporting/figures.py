"""Builds publishable tables from counts: small cells are suppressed in all tables together. Pure.

Rates and medians are shown only where they reveal nothing about a suppressed cell.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median
from typing import Final

from app.referrals.reasons import OUTCOMES, PASSED_OVER
from app.referrals.states import Verb
from app.reporting import suppression
from app.reporting.periods import Period, Quarter
from app.reporting.queries import ENDS, CountedCase, CountedChoice, CountedOffer, first_offer_times
from app.reporting.suppression import MIN_COUNT, Sum

Key = tuple[str, str, str]
"""Table, row, column."""
ALL: Final = "all"
FUNNEL: Final = ("not_offered", "offered", "accepted")
CASE_ENDS: Final = ("helped", "unmet", "open_or_withdrawn")
UNMET: Final = ("unmet", "not_unmet")
IN_TIME: Final = ("in_time", "late_or_never")
URGENCIES: Final = ("emergency", "urgent", "normal")
COLUMNS: Final = tuple(dict.fromkeys((*FUNNEL, *CASE_ENDS, *UNMET, *ENDS, *IN_TIME, *OUTCOMES, *URGENCIES)))
"""Every column of every table."""
_ANSWERABLE: Final = ("accepted", "declined", "only_acknowledged", "no_answer")
"""Ends of offers that the organisation had time to answer."""
ANSWERED_WITHIN: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(hours=72), "normal": timedelta(days=14)}
"""Time to decide on an offer, by urgency (see `app.referrals.deadlines`); a near legal deadline shortens it further."""


class TableName(StrEnum):
    MONTHS = "months"
    URGENCIES = "urgencies"
    COUNTRIES = "countries"
    LANGUAGES = "languages"
    NEEDS = "needs"
    UNMET_PLACES = "unmet_places"
    PARTNERS = "partners"
    OFFER_URGENCY = "offer_urgency"
    OFFER_NEEDS = "offer_needs"
    IN_TIME = "in_time"
    OUTCOMES = "outcomes"
    PASSED_OVER = "passed_over"


class TimedStep(StrEnum):
    """A part of a case's way through the service that is timed."""

    FIRST_OFFER = "first_offer"
    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide"
    START = "start"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class Cell:
    """A published count. None: suppressed. `at_least`: a lower bound, because a part of the sum is suppressed."""

    count: int | None
    at_least: bool = False

    @property
    def exact(self) -> bool:
        return self.count is not None and not self.at_least

    @property
    def text(self) -> str:
        if self.count is None:
            return "…"
        return f"≥ {self.count}" if self.at_least else str(self.count)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table. `share`: percentage of `total` in the column that the table names in `rate`."""

    code: str
    cells: tuple[Cell, ...]
    total: Cell
    share: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report. `kind`: what the row codes stand for; `rate`: the column that `share` refers to."""

    name: str
    kind: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    everything: TableRow | None
    rate: str = ""


@dataclass(frozen=True, slots=True)
class Median:
    """Median duration of a step in hours; None below ten values. `quarter` is set in reports of several quarters."""

    step: str
    hours: float | None
    quarter: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    period: Quarter | Period
    tables: tuple[Table, ...]
    medians: tuple[Median, ...]
    hidden: int = 0
    """Number of suppressed cells."""

    def table(self, name: str) -> Table | None:
        return next((table for table in self.tables if table.name == name), None)


@dataclass(frozen=True, slots=True)
class _TableLayout:
    """The layout of a table before suppression. `total`: key of its total row, if it has one."""

    name: str
    kind: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    total: str
    rate: str


@dataclass(slots=True)
class _Counts:
    """Cells and the sums they are part of; tables with the same total share its cell."""

    cells: dict[Key, int] = field(default_factory=dict)
    sums: list[Sum[Key]] = field(default_factory=list)
    shapes: list[_TableLayout] = field(default_factory=list)

    def add(
        self,
        name: TableName,
        kind: str,
        columns: Sequence[str],
        items: Iterable[tuple[Iterable[str], str]],
        *,
        total: str = "",
        rate: str = "",
        rows: Sequence[str] = (),
    ) -> None:
        """Count items into a new table.

        Args:
            items: for each item, the rows in which it counts, and its column.
            total: key of the total row as `items:columns`, for tables in which each item counts in one row. Tables of the
                same items share the grand total; tables that also have the same columns share the total row.
            rows: all rows, in order. Default: the rows that occur, sorted by code, so that the order reveals no count.
        """
        row_counts: dict[str, dict[str, int]] = {row: dict.fromkeys(columns, 0) for row in rows}
        overall = dict.fromkeys(columns, 0)
        for codes, column in items:
            overall[column] += 1
            for code in codes:
                row_counts.setdefault(code, dict.fromkeys(columns, 0))[column] += 1
        ordered = tuple(rows) or tuple(sorted(row_counts))
        for row in ordered:
            self.cells.update({(name, row, column): row_counts[row][column] for column in columns})
            self.cells[name, row, ALL] = sum(row_counts[row].values())
            self.sums.append(Sum((name, row, ALL), tuple((name, row, column) for column in columns)))
        if total and ordered:
            self._totals(name, total, overall, ordered)
        self.shapes.append(_TableLayout(name, kind, tuple(columns), ordered, total, rate))

    def equal(self, total: Key, parts: Iterable[Key]) -> None:
        """Declare a sum across tables; parts that do not exist count as zero."""
        known = tuple(part for part in parts if part in self.cells)
        if total in self.cells and known:
            self.sums.append(Sum(total, known))

    def _totals(self, name: str, total: str, overall: Mapping[str, int], rows: Sequence[str]) -> None:
        for column, count in overall.items():
            self.cells[total, ALL, column] = count
            self.sums.append(Sum((total, ALL, column), tuple((name, row, column) for row in rows)))
        grand_total = _grand_total(total)
        self.cells[grand_total] = sum(overall.values())
        self.sums.append(Sum(grand_total, tuple((total, ALL, column) for column in overall)))
        self.sums.append(Sum(grand_total, tuple((name, row, ALL) for row in rows)))


def _grand_total(total: str) -> Key:
    return total.partition(":")[0], ALL, ALL


def network_report(
    quarter: Quarter,
    cases: Sequence[CountedCase],
    offers: Sequence[CountedOffer],
    months: Sequence[str] = (),
    passed_over: Sequence[CountedChoice] = (),
) -> Report:
    """The report for the desk. Its tables are suppressed as one system.

    `months`: the months of the quarter that have begun. A future month is not counted as a suppressed zero.
    """
    counts = _Counts()
    first_offers = first_offer_times(offers)
    accepted = {offer.case_id for offer in offers if offer.end == "accepted"}

    def stage(case: CountedCase) -> str:
        return "accepted" if case.id in accepted else "offered" if case.id in first_offers else "not_offered"

    def case_end(case: CountedCase) -> str:
        return "helped" if case.helped else "unmet" if case.unmet else "open_or_withdrawn"

    counts.add(
        TableName.MONTHS, "month", FUNNEL, (((case.month,), stage(case)) for case in cases),
        total="cases:reached", rows=months or quarter.months,
    )  # fmt: skip
    counts.add(
        TableName.URGENCIES,
        "urgency",
        CASE_ENDS,
        (((case.urgency,), case_end(case)) for case in cases),
        total="cases:became",
    )
    counts.add(
        TableName.COUNTRIES,
        "country",
        CASE_ENDS,
        (((case.country,), case_end(case)) for case in cases),
        total="cases:became",
    )
    counts.add(
        TableName.LANGUAGES, "language", FUNNEL, (((case.language,), stage(case)) for case in cases),
        total="cases:reached", rate="accepted",
    )  # fmt: skip
    counts.add(
        TableName.NEEDS, "need", CASE_ENDS, (((need,), case.end_of(need)) for case in cases for need in case.needs),
        rate="helped",
    )  # fmt: skip
    counts.add(
        TableName.UNMET_PLACES, "place", UNMET,
        (
            ((f"{need}|{case.country}",), "unmet" if case.end_of(need) == "unmet" else "not_unmet")
            for case in cases
            for need in case.needs
        ),
        rate="unmet",
    )  # fmt: skip
    for need in {need for case in cases for need in case.needs}:
        places = [f"{need}|{country}" for country in {case.country for case in cases}]
        for ours, theirs in (("unmet", "unmet"), (ALL, ALL)):
            counts.equal((TableName.NEEDS, need, ours), [(TableName.UNMET_PLACES, place, theirs) for place in places])
    _add_offers(counts, offers)
    counts.add(
        TableName.PASSED_OVER,
        "passed_over",
        URGENCIES,
        (((one.reason,), one.urgency) for one in passed_over if one.reason in PASSED_OVER),
        total="passed_over",
        rows=tuple(PASSED_OVER),
    )
    return _report(quarter, counts, _medians(offers, cases))


def organisation_report(quarter: Quarter, offers: Sequence[CountedOffer], months: Sequence[str] = ()) -> Report:
    """The report for an organisation, about its own offers only."""
    counts = _Counts()
    _add_offers(counts, offers, partners=False)
    counts.add(
        TableName.MONTHS,
        "month",
        ENDS,
        (((offer.month,), offer.end) for offer in offers),
        total="offers",
        rows=months or quarter.months,
    )
    return _report(quarter, counts, _medians(offers, ()))


def _add_offers(counts: _Counts, offers: Sequence[CountedOffer], *, partners: bool = True) -> None:
    if partners:
        counts.add(
            TableName.PARTNERS,
            "organisation",
            ENDS,
            (((offer.organisation,), offer.end) for offer in offers),
            total="offers",
            rate="accepted",
        )
    counts.add(
        TableName.OFFER_URGENCY,
        "urgency",
        ENDS,
        (((offer.urgency,), offer.end) for offer in offers),
        total="offers",
        rate="no_answer",
    )
    counts.add(
        TableName.OFFER_NEEDS, "need", ENDS, ((offer.needs, offer.end) for offer in offers),
        rate="accepted",
    )  # fmt: skip
    counts.add(
        TableName.IN_TIME, "urgency", IN_TIME,
        (((offer.urgency,), "in_time" if _in_time(offer) else "late_or_never") for offer in offers if offer.end in _ANSWERABLE),
        total="to_answer", rate="in_time",
    )  # fmt: skip
    for urgency in ANSWERED_WITHIN:
        counts.equal(
            (TableName.IN_TIME, urgency, ALL), [(TableName.OFFER_URGENCY, urgency, end) for end in _ANSWERABLE]
        )
    counts.equal(_grand_total("to_answer"), [("offers", ALL, end) for end in _ANSWERABLE])
    counts.add(
        TableName.OUTCOMES, "organisation" if partners else "urgency", tuple(OUTCOMES),
        (((offer.organisation if partners else offer.urgency,), str(offer.outcome))
         for offer in offers if offer.outcome in OUTCOMES),
        total="outcomes",
    )  # fmt: skip


def _in_time(offer: CountedOffer) -> bool:
    decided_at = offer.decided_at
    return decided_at is not None and decided_at - offer.offered_at <= ANSWERED_WITHIN[offer.urgency]


def _medians(offers: Sequence[CountedOffer], cases: Sequence[CountedCase]) -> tuple[Median, ...]:
    first_offers = first_offer_times(offers)
    steps: dict[TimedStep, list[timedelta]] = {
        TimedStep.FIRST_OFFER: [first_offers[case.id] - case.came_in for case in cases if case.id in first_offers],
        TimedStep.ACKNOWLEDGE: _between(
            offers, lambda offer: offer.offered_at, lambda offer: offer.first.get(Verb.ACKNOWLEDGE.value)
        ),
        TimedStep.DECIDE: _between(offers, lambda offer: offer.offered_at, lambda offer: offer.decided_at),
        TimedStep.START: _step(offers, Verb.ACCEPT, Verb.START),
        TimedStep.COMPLETE: _step(offers, Verb.ACCEPT, Verb.COMPLETE),
    }
    if not cases:
        del steps[TimedStep.FIRST_OFFER]
    return tuple(
        Median(
            step,
            round(median(value.total_seconds() for value in durations) / 3600, 1)
            if len(durations) >= MIN_COUNT
            else None,
        )
        for step, durations in steps.items()
    )


def _between(
    offers: Iterable[CountedOffer],
    start: Callable[[CountedOffer], datetime | None],
    end: Callable[[CountedOffer], datetime | None],
) -> list[timedelta]:
    durations = []
    for offer in offers:
        first, last = start(offer), end(offer)
        if first is not None and last is not None:
            durations.append(last - first)
    return durations


def _step(offers: Iterable[CountedOffer], start: Verb, end: Verb) -> list[timedelta]:
    return _between(offers, lambda offer: offer.first.get(start.value), lambda offer: offer.first.get(end.value))


def _report(quarter: Quarter, counts: _Counts, medians: tuple[Median, ...]) -> Report:
    published = suppression.published(counts.cells, counts.sums)
    tables = tuple(_table(shape, published) for shape in counts.shapes if shape.rows)
    return Report(quarter, tables, medians, sum(count is None for count in published.values()))


def _table(shape: _TableLayout, published: Mapping[Key, int | None]) -> Table:
    def row(code: str, of: str, grand_total: Key) -> TableRow:
        cells = tuple(Cell(published[of, code, column]) for column in shape.columns)
        part = cells[shape.columns.index(shape.rate)].count if shape.rate else None
        total = published[grand_total]
        return TableRow(code, cells, Cell(total), round(100 * part / total) if part is not None and total else None)

    rows = tuple(row(code, shape.name, (shape.name, code, ALL)) for code in shape.rows)
    everything = row(ALL, shape.total, _grand_total(shape.total)) if shape.total else None
    return Table(shape.name, shape.kind, shape.columns, rows, everything, shape.rate)
