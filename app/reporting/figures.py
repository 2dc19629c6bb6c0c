"""Builds publishable tables from counts: small cells are suppressed in all tables together. Pure.

Rates and medians are shown only where they reveal nothing about a suppressed cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.referrals.reasons import OUTCOMES, PASSED_OVER
from app.reporting import suppression
from app.reporting.periods import Month, Period, Quarter
from app.reporting.queries import ENDS, CountedCase, CountedChoice, CountedOffer
from app.reporting.suppression import MIN_COUNT, KnownSum
from app.reporting.tally import ANSWERABLE, ANSWERED_WITHIN, IN_TIME, Figure, Subject, TimedStep, median_hours, tally

Key = tuple[str, str, str]
"""Table, row, column."""
ALL: Final = "all"
FUNNEL: Final = ("not_offered", "offered", "accepted")
CASE_ENDS: Final = ("helped", "unmet", "open_or_withdrawn")
UNMET: Final = ("unmet", "not_unmet")
URGENCIES: Final = ("emergency", "urgent", "normal")
COLUMNS: Final = tuple(dict.fromkeys((*FUNNEL, *CASE_ENDS, *UNMET, *ENDS, *IN_TIME, *OUTCOMES, *URGENCIES)))
"""Every column of every table."""


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
    NEEDS_SPOKEN = "needs_spoken"


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
    count: int = 0
    """Of how many durations it is the median."""


@dataclass(frozen=True, slots=True)
class Report:
    period: Quarter | Period | Month
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
    sums: list[KnownSum[Key]] = field(default_factory=list)
    shapes: list[_TableLayout] = field(default_factory=list)

    def add(
        self,
        name: TableName,
        kind: str,
        columns: Sequence[str],
        items: Iterable[tuple[Iterable[str], str, int]],
        *,
        total: str = "",
        rate: str = "",
        rows: Sequence[str] = (),
    ) -> None:
        """Count items into a new table.

        Args:
            items: for each kind of item, the rows in which it counts, its column, and how many there are.
            total: key of the total row as `items:columns`, for tables in which each item counts in one row. Tables of the
                same items share the grand total; tables that also have the same columns share the total row.
            rows: all rows, in order. Default: the rows that occur, sorted by code, so that the order reveals no count.
        """
        row_counts: dict[str, dict[str, int]] = {row: dict.fromkeys(columns, 0) for row in rows}
        overall = dict.fromkeys(columns, 0)
        for codes, column, many in items:
            overall[column] += many
            for code in codes:
                row_counts.setdefault(code, dict.fromkeys(columns, 0))[column] += many
        ordered = tuple(rows) or tuple(sorted(row_counts))
        for row in ordered:
            self.cells.update({(name, row, column): row_counts[row][column] for column in columns})
            self.cells[name, row, ALL] = sum(row_counts[row].values())
            self.sums.append(KnownSum((name, row, ALL), tuple((name, row, column) for column in columns)))
        if total and ordered:
            self._totals(name, total, overall, ordered)
        self.shapes.append(_TableLayout(name, kind, tuple(columns), ordered, total, rate))

    def equal(self, total: Key, parts: Iterable[Key]) -> None:
        """Declare a sum across tables; parts that do not exist count as zero."""
        known = tuple(part for part in parts if part in self.cells)
        if total in self.cells and known:
            self.sums.append(KnownSum(total, known))

    def _totals(self, name: str, total: str, overall: Mapping[str, int], rows: Sequence[str]) -> None:
        for column, count in overall.items():
            self.cells[total, ALL, column] = count
            self.sums.append(KnownSum((total, ALL, column), tuple((name, row, column) for row in rows)))
        grand_total = _grand_total(total)
        self.cells[grand_total] = sum(overall.values())
        self.sums.append(KnownSum(grand_total, tuple((total, ALL, column) for column in overall)))
        self.sums.append(KnownSum(grand_total, tuple((name, row, ALL) for row in rows)))


def _grand_total(total: str) -> Key:
    return total.partition(":")[0], ALL, ALL


def network_report(
    quarter: Quarter,
    cases: Sequence[CountedCase],
    offers: Sequence[CountedOffer],
    months: Sequence[str] = (),
    passed_over: Sequence[CountedChoice] = (),
) -> Report:
    """The report for the desk that is published, from records of one quarter. See `report_of_network`."""
    return report_of_network(quarter, tally(cases, offers, passed_over), months)


def report_of_network(
    period: Quarter | Month | Period, figures: Mapping[Figure, int], months: Sequence[str] = (), *, exact: bool = False
) -> Report:
    """The report for the desk. Its tables are suppressed as one system, unless it is `exact`, which is not published.

    `months`: the months of the period that have begun. A future month is not counted as a suppressed zero.
    """
    counts = _Counts()
    cases = [
        (figure.month, country, spoken, urgency, stage, end, many)
        for figure, many in _of(figures, Subject.CASE)
        for country, spoken, urgency, stage, end in (figure.codes,)
    ]
    needs = [
        (need, country, spoken, end, many) for (need, country, spoken, end), many in _codes_of(figures, Subject.NEED)
    ]
    counts.add(
        TableName.MONTHS, "month", FUNNEL, (((month,), stage, many) for month, _, _, _, stage, _, many in cases),
        total="cases:reached", rows=months or period.months,
    )  # fmt: skip
    counts.add(
        TableName.URGENCIES, "urgency", CASE_ENDS, (((urgency,), end, many) for _, _, _, urgency, _, end, many in cases),
        total="cases:became",
    )  # fmt: skip
    counts.add(
        TableName.COUNTRIES, "country", CASE_ENDS, (((country,), end, many) for _, country, _, _, _, end, many in cases),
        total="cases:became",
    )  # fmt: skip
    counts.add(
        TableName.LANGUAGES, "language", FUNNEL, (((spoken,), stage, many) for _, _, spoken, _, stage, _, many in cases),
        total="cases:reached", rate="accepted",
    )  # fmt: skip
    counts.add(
        TableName.NEEDS, "need", CASE_ENDS, (((need,), end, many) for need, _, _, end, many in needs),
        rate="helped",
    )  # fmt: skip
    counts.add(
        TableName.UNMET_PLACES, "place", UNMET,
        (((f"{need}|{country}",), _unmet(end), many) for need, country, _, end, many in needs),
        rate="unmet",
    )  # fmt: skip
    for need in {need for need, *_ in needs}:
        places = [f"{need}|{country}" for country in {country for _, country, *_ in needs}]
        for ours, theirs in (("unmet", "unmet"), (ALL, ALL)):
            counts.equal((TableName.NEEDS, need, ours), [(TableName.UNMET_PLACES, place, theirs) for place in places])
    if exact:
        counts.add(
            TableName.NEEDS_SPOKEN, "spoken_place", UNMET,
            (((f"{need}|{country}|{spoken}",), _unmet(end), many) for need, country, spoken, end, many in needs),
            rate="unmet",
        )  # fmt: skip
    _add_offers(counts, figures)
    counts.add(
        TableName.PASSED_OVER, "passed_over", URGENCIES,
        (((reason,), urgency, many) for (urgency, reason), many in _codes_of(figures, Subject.CHOICE)),
        total="passed_over", rows=tuple(PASSED_OVER),
    )  # fmt: skip
    steps = [(step, took, many) for (step, _urgency, took), many in _codes_of(figures, Subject.STEP)]
    return _report(period, counts, _medians(steps, first_offer=bool(cases), exact=exact), exact=exact)


def organisation_report(quarter: Quarter, offers: Sequence[CountedOffer], months: Sequence[str] = ()) -> Report:
    """The report for an organisation, from the records of its own offers."""
    return report_of_organisation(quarter, tally((), offers), months)


def report_of_organisation(quarter: Quarter, figures: Mapping[Figure, int], months: Sequence[str] = ()) -> Report:
    """The report for an organisation, about its own offers only."""
    counts = _Counts()
    _add_offers(counts, figures, partners=False)
    counts.add(
        TableName.MONTHS, "month", ENDS,
        (((figure.month,), figure.codes[1], many) for figure, many in _of(figures, Subject.OFFER)),
        total="offers", rows=months or quarter.months,
    )  # fmt: skip
    steps = [(step, took, many) for (step, took), many in _codes_of(figures, Subject.OWN_STEP)]
    return _report(quarter, counts, _medians(steps))


def _of(figures: Mapping[Figure, int], subject: Subject) -> list[tuple[Figure, int]]:
    return [(figure, many) for figure, many in figures.items() if figure.subject == subject]


def _codes_of(figures: Mapping[Figure, int], subject: Subject) -> list[tuple[tuple[str, ...], int]]:
    return [(figure.codes, many) for figure, many in _of(figures, subject)]


def _unmet(end: str) -> str:
    return "unmet" if end == "unmet" else "not_unmet"


def _add_offers(counts: _Counts, figures: Mapping[Figure, int], *, partners: bool = True) -> None:
    offers = [
        (figure.organisation, urgency, end, answer, outcome, many)
        for figure, many in _of(figures, Subject.OFFER)
        for urgency, end, answer, outcome in (figure.codes,)
    ]
    if partners:
        counts.add(
            TableName.PARTNERS, "organisation", ENDS, (((slug,), end, many) for slug, _, end, _, _, many in offers),
            total="offers", rate="accepted",
        )  # fmt: skip
    counts.add(
        TableName.OFFER_URGENCY, "urgency", ENDS, (((urgency,), end, many) for _, urgency, end, _, _, many in offers),
        total="offers", rate="no_answer",
    )  # fmt: skip
    counts.add(
        TableName.OFFER_NEEDS, "need", ENDS,
        (((need,), end, many) for (need, end), many in _codes_of(figures, Subject.OFFER_NEED)),
        rate="accepted",
    )  # fmt: skip
    counts.add(
        TableName.IN_TIME, "urgency", IN_TIME,
        (((urgency,), answer, many) for _, urgency, _, answer, _, many in offers if answer),
        total="to_answer", rate="in_time",
    )  # fmt: skip
    for urgency in ANSWERED_WITHIN:
        counts.equal((TableName.IN_TIME, urgency, ALL), [(TableName.OFFER_URGENCY, urgency, end) for end in ANSWERABLE])
    counts.equal(_grand_total("to_answer"), [("offers", ALL, end) for end in ANSWERABLE])
    counts.add(
        TableName.OUTCOMES, "organisation" if partners else "urgency", tuple(OUTCOMES),
        (((slug if partners else urgency,), outcome, many) for slug, urgency, _, _, outcome, many in offers if outcome),
        total="outcomes",
    )  # fmt: skip


def _medians(
    steps: Iterable[tuple[str, str, int]], *, first_offer: bool = False, exact: bool = False
) -> tuple[Median, ...]:
    """The median of each step; hidden below ten durations, unless it is `exact`. `first_offer`: with that step."""
    durations: dict[str, list[tuple[str, int]]] = {}
    for step, took, many in steps:
        durations.setdefault(step, []).append((took, many))
    return tuple(
        _median(step, durations.get(step, ()), 1 if exact else MIN_COUNT)
        for step in TimedStep
        if first_offer or step is not TimedStep.FIRST_OFFER
    )


def _median(step: str, durations: Sequence[tuple[str, int]], least: int) -> Median:
    many = sum(count for _took, count in durations)
    return Median(step, median_hours(durations) if many >= least else None, count=many if many >= least else 0)


def _report(
    period: Quarter | Month | Period, counts: _Counts, medians: tuple[Median, ...], *, exact: bool = False
) -> Report:
    shown: Mapping[Key, int | None] = counts.cells if exact else suppression.published(counts.cells, counts.sums)
    tables = tuple(_table(shape, shown) for shape in counts.shapes if shape.rows)
    return Report(period, tables, medians, sum(count is None for count in shown.values()))


def _table(shape: _TableLayout, published: Mapping[Key, int | None]) -> Table:
    def row(code: str, of: str, grand_total: Key) -> TableRow:
        cells = tuple(Cell(published[of, code, column]) for column in shape.columns)
        part = cells[shape.columns.index(shape.rate)].count if shape.rate else None
        total = published[grand_total]
        return TableRow(code, cells, Cell(total), round(100 * part / total) if part is not None and total else None)

    rows = tuple(row(code, shape.name, (shape.name, code, ALL)) for code in shape.rows)
    everything = row(ALL, shape.total, _grand_total(shape.total)) if shape.total else None
    return Table(shape.name, shape.kind, shape.columns, rows, everything, shape.rate)
