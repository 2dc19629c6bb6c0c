"""A report as a page, as CSV and as XLSX: shared by the team's reports and an organisation's own."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from markupsafe import Markup

from app.core.errors import NotFound
from app.core.i18n import N_, Translator
from app.core.vocabulary import complete
from app.matching.code_names import CodeNames
from app.reporting.figures import ALL, COLUMNS, Cell, Report, Table, TableName, TableRow
from app.reporting.periods import MAX_QUARTERS, Quarter
from app.reporting.periods import Period as periods_Period
from app.reporting.tally import TimedStep
from app.web.components import charts, labels, reader_language, report_files, staff_pages
from app.web.components.time_format import TimeFormat

Period = Annotated[str, Query(max_length=16)]
Form = Annotated[str, Query(max_length=5)]
LabelOf = Callable[[str, str], str]
_MOST_ROWS: Final = 7
"""Rows of a table of an exact report that stand open; the others are folded."""
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TABLES: Final = complete(
    TableName,
    {
        "months": N_("Month by month"),
        "urgencies": N_("Cases by urgency"),
        "countries": N_("Cases by country"),
        "languages": N_("Cases by language of the form"),
        "needs": N_("Cases by need"),
        "unmet_places": N_("Unmet needs by country"),
        "partners": N_("Offers by organisation"),
        "offer_urgency": N_("Offers by urgency"),
        "offer_needs": N_("Offers by need"),
        "in_time": N_("Answered in time"),
        "outcomes": N_("Outcomes"),
        "passed_over": N_("Why a coordinator passed over the first suggestion"),
        "needs_spoken": N_("Unmet needs by country and language"),
    },
)
COLUMN_LABELS: Final = complete(
    (ALL, *COLUMNS),
    {
        "accepted": N_("Accepted"),
        "declined": N_("Declined"),
        "only_acknowledged": N_("Seen, not answered"),
        "no_answer": N_("No answer"),
        "taken_back": N_("Withdrawn"),
        "waiting": N_("Still waiting"),
        "not_offered": N_("Not offered yet"),
        "offered": N_("Offered, not accepted"),
        "helped": N_("Helped or advised"),
        "unmet": N_("Unmet"),
        "not_unmet": N_("Not unmet"),
        "open_or_withdrawn": N_("Open or withdrawn"),
        "in_time": N_("Decided in time"),
        "late_or_never": N_("Late or never"),
        ALL: N_("All"),
        **labels.OUTCOMES,
        **{code: label for code, (_sign, label) in labels.URGENCIES.items()},
    },
)
STEPS: Final = complete(
    TimedStep,
    {
        "first_offer": N_("From the person's request to the first offer"),
        "acknowledge": N_("From the offer to the confirmation that it was seen"),
        "decide": N_("From the offer to a decision"),
        "start": N_("From acceptance to the start of the work"),
        "complete": N_("From acceptance to completion"),
    },
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: its label, the bar of its parts, the numbers as text."""

    label: str
    bar: Markup
    numbers: list[str]


@dataclass(frozen=True, slots=True)
class Panel:
    """A table with a bar in each row.

    `folded`: the rows beyond the first; `total`: the last line, or None; `hidden`: the labels of rows in which every number is
    hidden.
    """

    id: str
    title: str
    columns: list[tuple[str, Markup]]
    lines: list[Line]
    folded: list[Line]
    total: Line | None
    has_share: bool
    hidden: list[str]


@dataclass(frozen=True, slots=True)
class Steps:
    """The median time of a step: half of the cases took at most that long; "" where it is hidden. `quarter`: "" for the period."""

    name: str
    quarter: str
    took: str
    count: int


def requested_stretch(period: str, until: str, now: Any) -> periods_Period:
    """The requested period up to the present quarter, which is the default. The two ends can be given in either order.

    Raises NotFound for a period that is malformed, too long, or in the future.
    """
    today = Quarter.of(now.date())
    requested = periods_Period.parse(period or str(today))
    if until:
        ends = (Quarter.parse(period), Quarter.parse(until))
        requested = periods_Period.parse("..".join(sorted((period, until)))) if None not in ends else None
    if requested is None or requested.first > today:
        raise NotFound("There is no report for this period.")
    return requested.until(today)


def labels_of(request: Request, packs: Any) -> LabelOf:
    """The function that labels the codes of a report, each of its kind, in the reader's language."""
    code_names, words = staff_pages.code_names(request), reader_language.words(request)
    return lambda kind, code: _label(code_names, words, packs, kind, code)


def report_response(
    request: Request,
    report: Report,
    stretch: periods_Period,
    packs: Any,
    now: Any,
    path: str,
    file_format: str,
    *,
    behind: int = 0,
) -> Response:
    """The response with a report that may leave the team: whole quarters, suppressed.

    `behind`: how many changed cases are not counted in it yet.
    """
    label_of = labels_of(request, packs)
    if file_format in _MEDIA:
        in_words = report_files.csv if file_format == "csv" else report_files.xlsx
        body = in_words(report, label_of, reader_language.words(request))
        name = f"report-{report.period}.{file_format}"
        return Response(
            body, media_type=_MEDIA[file_format], headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
    if file_format:
        raise NotFound
    today = Quarter.of(now.date())
    return staff_pages.page(
        request,
        "staff/reports.html",
        report=report,
        path=path,
        behind=behind,
        patterns=charts.patterns(),
        **sections(report, label_of, reader_language.times(request), exact=False),
        first=stretch.first,
        last=stretch.last,
        running=stretch.last == today,
        several=stretch.first != stretch.last,
        quarters=_last_quarters(today),
        years=sorted({quarter.year for quarter in _last_quarters(today)}, reverse=True),
    )


def _last_quarters(quarter: Quarter) -> list[Quarter]:
    quarters = [quarter]
    while len(quarters) < MAX_QUARTERS:
        quarters.append(quarters[-1].before)
    return quarters


_SECTIONS: Final = MappingProxyType(
    {
        "how_many": (TableName.MONTHS, TableName.URGENCIES, TableName.LANGUAGES, TableName.COUNTRIES),
        "how_fast": (TableName.IN_TIME,),
        "unmet": (TableName.NEEDS, TableName.UNMET_PLACES),
        "unmet_more": (TableName.NEEDS_SPOKEN,),
        "by_centre": (TableName.PARTNERS,),
        "by_centre_more": (
            TableName.OUTCOMES,
            TableName.OFFER_URGENCY,
            TableName.OFFER_NEEDS,
            TableName.PASSED_OVER,
        ),
    }
)
"""The tables of each section of the page; a table that none of them names stands at the end."""


def sections(report: Report, label_of: LabelOf, times: TimeFormat, *, exact: bool) -> dict[str, Any]:
    """The tables of each section of the page, and how long the steps took."""

    def of(*names: TableName) -> list[Panel]:
        made = (_panel(report, name, label_of, times, exact=exact) for name in names)
        return [panel for panel in made if panel is not None]

    placed = {name: of(*tables) for name, tables in _SECTIONS.items()}
    others = [name for name in TableName if not any(name in tables for tables in _SECTIONS.values())]
    return {
        **placed,
        "by_centre_more": [*placed["by_centre_more"], *of(*others)],
        "steps": [
            Steps(
                STEPS[one.step],
                times.period(one.quarter) if one.quarter else "",
                "" if one.hours is None else times.hours_taken(one.hours),
                one.count,
            )
            for one in report.medians
        ],
    }


_BY_UNMET: Final = frozenset({TableName.UNMET_PLACES, TableName.NEEDS_SPOKEN})


def _panel(report: Report, name: TableName, label_of: LabelOf, times: TimeFormat, *, exact: bool) -> Panel | None:
    """The panel of a table; None: it has no rows.

    Only an exact panel sorts its rows by size, leaves empty ones out and folds those beyond the first few.
    """
    table = report.table(name)
    if table is None or not table.rows:
        return None
    rows = list(table.rows)
    if exact and table.kind not in {"month", "urgency"}:
        place = table.columns.index("unmet") if name in _BY_UNMET else None
        size = {row.code: (row.total if place is None else row.cells[place]).count or 0 for row in rows}
        rows = sorted((row for row in rows if size[row.code]), key=lambda row: (-size[row.code], row.code))
        if not rows:
            return None
    largest = max((_length(row) for row in rows), default=0)
    shown = [row for row in rows if any(cell.count is not None for cell in (*row.cells, row.total))]
    hidden = [_row_label(table, row, label_of, times) for row in rows if row not in shown]
    lines = [_line(table, row, label_of, times, largest) for row in shown]
    everything = table.everything
    total = _line(table, everything, label_of, times, 0) if everything is not None and len(rows) > 1 else None
    columns = [(COLUMN_LABELS[column], charts.swatch(place)) for place, column in enumerate(table.columns)]
    open_rows = _MOST_ROWS if exact else len(lines)
    return Panel(
        name.value, TABLES[name], columns, lines[:open_rows], lines[open_rows:], total, bool(table.rate), hidden
    )


def _length(row: TableRow) -> int:
    return max(row.total.count or 0, sum(cell.count or 0 for cell in row.cells))


def _line(table: Table, row: TableRow, label_of: LabelOf, times: TimeFormat, largest: int) -> Line:
    numbers = [_grouped(cell, times) for cell in (*row.cells, row.total)]
    if table.rate:
        numbers.append(
            "…"
            if row.share is None and row.total.count != 0
            else "–"
            if row.share is None
            else times.words.percent(row.share)
        )
    parts = [cell.count or 0 for cell in row.cells]
    bar = charts.stack(parts, largest, rest=(row.total.count or 0) - sum(parts)) if largest else Markup("")
    return Line(_row_label(table, row, label_of, times), bar, numbers)


def _row_label(table: Table, row: TableRow, label_of: LabelOf, times: TimeFormat) -> str:
    """The label of a row on the page. A file keeps the code of a month, which sorts."""
    is_month = table.kind == "month" and row.code != ALL
    return times.period(row.code) if is_month else label_of(table.kind, row.code)


def _grouped(cell: Cell, times: TimeFormat) -> str:
    return times.words.number(cell.count) if cell.exact and cell.count is not None else cell.text


def _label(code_names: CodeNames, words: Translator, packs: Any, kind: str, code: str) -> str:
    """The label of a code of a row, table, column or step."""
    if code == ALL:
        return words.text(COLUMN_LABELS[ALL])
    if kind in {"table", "column", "step"}:
        return words.text({"table": TABLES, "column": COLUMN_LABELS, "step": STEPS}[kind][code])
    if kind in {"place", "spoken_place"}:
        parts = zip(("need", "country", "language"), code.split("|"), strict=False)
        return ", ".join(code_names.name(of, one) for of, one in parts)
    if kind == "organisation":
        organisation = packs.organisation(code)
        return organisation.name.en if organisation else code
    if kind in {"urgency", "passed_over"}:
        return words.text(labels.URGENCIES[code][1] if kind == "urgency" else labels.PASSED_OVER[code])
    return code if kind == "month" else str(code_names.name(kind, code))
