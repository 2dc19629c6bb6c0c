"""Counts become tables that can be published: suppressed together; rates and medians only where they give nothing away. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from app.referrals.reasons import OUTCOMES
from app.referrals.states import Verb
from app.reporting import suppression
from app.reporting.periods import Quarter, Stretch
from app.reporting.queries import ENDS, CaseSeen, OfferSeen, first_offer
from app.reporting.suppression import LEAST, Sum

Key = tuple[str, str, str]
"""Table, row, column."""
ALL: Final = "all"
CASE_ENDS: Final = ("helped", "unmet", "open_or_withdrawn")
_ANSWERABLE: Final = ("accepted", "declined", "only_acknowledged", "no_answer")
"""The ends of offers that somebody had the time to answer."""
ANSWERED_WITHIN: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(hours=72), "normal": timedelta(days=14)}
"""The time in which an offer is to be decided on, by urgency (`clocks`); a near legal deadline shortens it further."""


@dataclass(frozen=True, slots=True)
class Cell:
    """None: hidden, for it or something beside it is under ten. `at_least`: a part of it is hidden."""

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
class Row:
    """`share`: how much of `total` is in the column that the table names in `rate`, in percent."""

    code: str
    cells: tuple[Cell, ...]
    total: Cell
    share: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`kind` says what the rows are codes of; `rate` what `share` is."""

    name: str
    kind: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    everything: Row | None
    rate: str = ""


@dataclass(frozen=True, slots=True)
class Median:
    """How long a step takes, in hours; None while fewer than ten went through it. `quarter`: of which, where there are several."""

    step: str
    hours: float | None
    quarter: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    period: Quarter | Stretch
    tables: tuple[Table, ...]
    medians: tuple[Median, ...]
    hidden: int = 0
    """How many cells are hidden."""

    def table(self, name: str) -> Table | None:
        return next((table for table in self.tables if table.name == name), None)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A table before its cells are known to be publishable. `total`: what its last row is called, if it has one."""

    name: str
    kind: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    total: str
    rate: str


@dataclass(slots=True)
class _Counts:
    """Cells and the sums they stand in; tables that share a total share its cell."""

    cells: dict[Key, int] = field(default_factory=dict)
    sums: list[Sum[Key]] = field(default_factory=list)
    shapes: list[_Shape] = field(default_factory=list)

    def add(
        self,
        name: str,
        kind: str,
        columns: Sequence[str],
        things: Iterable[tuple[Iterable[str], str]],
        *,
        total: str = "",
        rate: str = "",
        rows: Sequence[str] = (),
    ) -> None:
        """A table.

        Args:
            things: of each the rows it counts in, and its column.
            total: where each thing stands in one row: what the last row is called, as `things:columns`. Tables that share
                things share their number; those that share the columns too share the whole row.
            rows: all rows in their order; without, those that occur, by code, so that the order tells no count.
        """
        seen: dict[str, dict[str, int]] = {row: dict.fromkeys(columns, 0) for row in rows}
        overall = dict.fromkeys(columns, 0)
        for codes, column in things:
            overall[column] += 1
            for code in codes:
                seen.setdefault(code, dict.fromkeys(columns, 0))[column] += 1
        ordered = tuple(rows) or tuple(sorted(seen))
        for row in ordered:
            self.cells.update({(name, row, column): seen[row][column] for column in columns})
            self.cells[name, row, ALL] = sum(seen[row].values())
            self.sums.append(Sum((name, row, ALL), tuple((name, row, column) for column in columns)))
        if total and ordered:
            self._totals(name, total, overall, ordered)
        self.shapes.append(_Shape(name, kind, tuple(columns), ordered, total, rate))

    def equal(self, total: Key, parts: Iterable[Key]) -> None:
        """A sum across tables. What is not in them at all is nothing."""
        known = tuple(part for part in parts if part in self.cells)
        if total in self.cells and known:
            self.sums.append(Sum(total, known))

    def _totals(self, name: str, total: str, overall: Mapping[str, int], rows: Sequence[str]) -> None:
        for column, count in overall.items():
            self.cells[total, ALL, column] = count
            self.sums.append(Sum((total, ALL, column), tuple((name, row, column) for row in rows)))
        whole = _whole(total)
        self.cells[whole] = sum(overall.values())
        self.sums.append(Sum(whole, tuple((total, ALL, column) for column in overall)))
        self.sums.append(Sum(whole, tuple((name, row, ALL) for row in rows)))


def _whole(total: str) -> Key:
    return total.partition(":")[0], ALL, ALL


def network(
    quarter: Quarter, cases: Sequence[CaseSeen], offers: Sequence[OfferSeen], months: Sequence[str] = ()
) -> Report:
    """The desk's report. Tables of the same things are suppressed as one system.

    `months`: those of the quarter that have begun; a month to come is no zero that anything has to be hidden for.
    """
    counts = _Counts()
    asked = first_offer(offers)
    accepted = {one.case_id for one in offers if one.end == "accepted"}

    def reached(case: CaseSeen) -> str:
        return "accepted" if case.id in accepted else "offered" if case.id in asked else "not_offered"

    def became(case: CaseSeen) -> str:
        return "helped" if case.helped else "unmet" if case.unmet else "open_or_withdrawn"

    funnel = ("not_offered", "offered", "accepted")
    counts.add(
        "months", "month", funnel, (((case.month,), reached(case)) for case in cases),
        total="cases:reached", rows=months or quarter.months,
    )  # fmt: skip
    counts.add(
        "urgencies", "urgency", CASE_ENDS, (((case.urgency,), became(case)) for case in cases), total="cases:became"
    )
    counts.add(
        "countries", "country", CASE_ENDS, (((case.country,), became(case)) for case in cases), total="cases:became"
    )
    counts.add(
        "languages", "language", funnel, (((case.language,), reached(case)) for case in cases),
        total="cases:reached", rate="accepted",
    )  # fmt: skip
    counts.add(
        "needs", "need", CASE_ENDS, ((case.needs, became(case)) for case in cases),
        rate="helped",
    )  # fmt: skip
    counts.add(
        "unmet_places", "place", ("unmet", "not_unmet"),
        (([f"{need}|{case.country}" for need in case.needs], "unmet" if case.unmet else "not_unmet") for case in cases),
        rate="unmet",
    )  # fmt: skip
    for need in {need for case in cases for need in case.needs}:
        places = [f"{need}|{country}" for country in {case.country for case in cases}]
        for ours, theirs in (("unmet", "unmet"), (ALL, ALL)):
            counts.equal(("needs", need, ours), [("unmet_places", place, theirs) for place in places])
    _add_offers(counts, offers)
    return _report(quarter, counts, _medians(offers, cases))


def own(quarter: Quarter, offers: Sequence[OfferSeen], months: Sequence[str] = ()) -> Report:
    """What an organisation sees of itself: only its own offers."""
    counts = _Counts()
    _add_offers(counts, offers, partners=False)
    counts.add(
        "months",
        "month",
        ENDS,
        (((one.month,), one.end) for one in offers),
        total="offers",
        rows=months or quarter.months,
    )
    return _report(quarter, counts, _medians(offers, ()))


def _add_offers(counts: _Counts, offers: Sequence[OfferSeen], *, partners: bool = True) -> None:
    if partners:
        counts.add(
            "partners",
            "organisation",
            ENDS,
            (((one.organisation,), one.end) for one in offers),
            total="offers",
            rate="accepted",
        )
    counts.add(
        "offer_urgency",
        "urgency",
        ENDS,
        (((one.urgency,), one.end) for one in offers),
        total="offers",
        rate="no_answer",
    )
    counts.add(
        "offer_needs", "need", ENDS, ((one.needs, one.end) for one in offers),
        rate="accepted",
    )  # fmt: skip
    counts.add(
        "in_time", "urgency", ("in_time", "late_or_never"),
        (((one.urgency,), "in_time" if _in_time(one) else "late_or_never") for one in offers if one.end in _ANSWERABLE),
        total="to_answer", rate="in_time",
    )  # fmt: skip
    for urgency in ANSWERED_WITHIN:
        counts.equal(("in_time", urgency, ALL), [("offer_urgency", urgency, end) for end in _ANSWERABLE])
    counts.equal(_whole("to_answer"), [("offers", ALL, end) for end in _ANSWERABLE])
    counts.add(
        "outcomes", "organisation" if partners else "urgency", tuple(OUTCOMES),
        (((one.organisation if partners else one.urgency,), str(one.outcome)) for one in offers if one.outcome in OUTCOMES),
        total="outcomes",
    )  # fmt: skip


def _in_time(one: OfferSeen) -> bool:
    at = one.decided_at
    return at is not None and at - one.offered_at <= ANSWERED_WITHIN[one.urgency]


def _medians(offers: Sequence[OfferSeen], cases: Sequence[CaseSeen]) -> tuple[Median, ...]:
    asked = first_offer(offers)
    steps: dict[str, list[timedelta]] = {
        "first_offer": [asked[case.id] - case.came_in for case in cases if case.id in asked],
        "acknowledge": _between(offers, lambda one: one.offered_at, lambda one: one.first.get(Verb.ACKNOWLEDGE.value)),
        "decide": _between(offers, lambda one: one.offered_at, lambda one: one.decided_at),
        "start": _step(offers, Verb.ACCEPT, Verb.START),
        "complete": _step(offers, Verb.ACCEPT, Verb.COMPLETE),
    }
    if not cases:
        del steps["first_offer"]
    return tuple(
        Median(step, round(median(one.total_seconds() for one in took) / 3600, 1) if len(took) >= LEAST else None)
        for step, took in steps.items()
    )


def _between(
    offers: Iterable[OfferSeen],
    start: Callable[[OfferSeen], datetime | None],
    end: Callable[[OfferSeen], datetime | None],
) -> list[timedelta]:
    found = []
    for one in offers:
        first, last = start(one), end(one)
        if first is not None and last is not None:
            found.append(last - first)
    return found


def _step(offers: Iterable[OfferSeen], start: Verb, end: Verb) -> list[timedelta]:
    return _between(offers, lambda one: one.first.get(start.value), lambda one: one.first.get(end.value))


def _report(quarter: Quarter, counts: _Counts, medians: tuple[Median, ...]) -> Report:
    shown = suppression.published(counts.cells, counts.sums)
    tables = tuple(_table(shape, shown) for shape in counts.shapes if shape.rows)
    return Report(quarter, tables, medians, sum(count is None for count in shown.values()))


def _table(shape: _Shape, shown: Mapping[Key, int | None]) -> Table:
    def row(code: str, of: str, whole: Key) -> Row:
        cells = tuple(Cell(shown[of, code, column]) for column in shape.columns)
        part = cells[shape.columns.index(shape.rate)].count if shape.rate else None
        total = shown[whole]
        return Row(code, cells, Cell(total), round(100 * part / total) if part is not None and total else None)

    rows = tuple(row(code, shape.name, (shape.name, code, ALL)) for code in shape.rows)
    everything = row(ALL, shape.total, _whole(shape.total)) if shape.total else None
    return Table(shape.name, shape.kind, shape.columns, rows, everything, shape.rate)
