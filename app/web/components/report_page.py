"""A report as a page, as CSV and as XLSX: shared by the team's reports and an organisation's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query, Request, Response
from markupsafe import Markup

from app.core.errors import NotFound
from app.referrals.reasons import OUTCOMES
from app.reporting.figures import ALL, Report, Table
from app.reporting.periods import MAX_QUARTERS, Quarter
from app.reporting.periods import Period as periods_Period
from app.reporting.queries import CountedCase, CountedOffer
from app.web.components import charts, labels, report_files, staff_pages

Period = Annotated[str, Query(max_length=16)]
Seen = TypeVar("Seen", CountedCase, CountedOffer)
Form = Annotated[str, Query(max_length=5)]
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TABLES: Final = {
    "months": "Month by month",
    "urgencies": "Cases by urgency",
    "countries": "Cases by country",
    "languages": "Cases by language of the form",
    "needs": "Cases by need",
    "unmet_places": "Unmet need by region",
    "partners": "Offers by organisation",
    "offer_urgency": "Offers by urgency",
    "offer_needs": "Offers by need",
    "in_time": "Answered in time",
    "outcomes": "Outcomes",
}
COLUMNS: Final = {
    "accepted": "Accepted",
    "declined": "Declined",
    "only_acknowledged": "Seen, not answered",
    "no_answer": "No answer",
    "taken_back": "Withdrawn",
    "waiting": "Still waiting",
    "not_offered": "Not offered yet",
    "offered": "Offered, not accepted",
    "helped": "Helped or advised",
    "unmet": "Unmet",
    "not_unmet": "Not unmet",
    "open_or_withdrawn": "Open or withdrawn",
    "in_time": "Decided in time",
    "late_or_never": "Late or never",
    ALL: "All",
    **OUTCOMES,
}
STEPS: Final = {
    "first_offer": "From the person's request to the first offer",
    "acknowledge": "From the offer to the confirmation that it was seen",
    "decide": "From the offer to a decision",
    "start": "From acceptance to the start of the work",
    "complete": "From acceptance to completion",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A table with its words and its plot."""

    table: Table
    title: str
    rows: list[tuple[str, Any]]
    chart: Markup


def within(quarter: Quarter, seen: Sequence[Seen]) -> list[Seen]:
    return [one for one in seen if one.month in quarter.months]


def requested_stretch(period: str, until: str, now: Any) -> periods_Period:
    """What was asked for, as far as it has begun; without a word, the present quarter. The two ends may be said in either order.

    Raises NotFound for what is no time, too long, or still to come.
    """
    today = Quarter.of(now.date())
    asked = periods_Period.parse(period or str(today))
    if until:
        ends = (Quarter.parse(period), Quarter.parse(until))
        asked = periods_Period.parse("..".join(sorted((period, until)))) if None not in ends else None
    if asked is None or asked.first > today:
        raise NotFound("There is no report for this period.")
    return asked.until(today)


def answer(
    request: Request, report: Report, stretch: periods_Period, packs: Any, now: Any, here: str, form: str
) -> Response:
    reader = staff_pages.reader(request)

    def say(kind: str, code: str) -> str:
        return _word(reader, packs, kind, code)

    if form in _MEDIA:
        body = report_files.csv(report, say) if form == "csv" else report_files.xlsx(report, say)
        name = f"report-{report.period}.{form}"
        return Response(
            body, media_type=_MEDIA[form], headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
    if form:
        raise NotFound
    today = Quarter.of(now.date())
    return staff_pages.page(
        request,
        "staff/reports.html",
        report=report,
        here=here,
        drawn=[_drawn(table, say) for table in report.tables],
        steps=[(STEPS[one.step], one.quarter, one.hours) for one in report.medians],
        columns=COLUMNS,
        first=stretch.first,
        last=stretch.last,
        running=stretch.last == today,
        several=stretch.first != stretch.last,
        quarters=_last(today),
        years=sorted({one.year for one in _last(today)}, reverse=True),
    )


def _last(quarter: Quarter) -> list[Quarter]:
    found = [quarter]
    while len(found) < MAX_QUARTERS:
        found.append(found[-1].before)
    return found


def _drawn(table: Table, say: Any) -> Drawn:
    rows = [(say(table.kind, row.code), row) for row in table.rows]
    if table.everything is not None:
        rows.append((say(table.kind, ALL), table.everything))
    bars = [
        charts.Bar(
            named,
            [cell.count for cell in row.cells],
            row.total.text,
            ", ".join(f"{COLUMNS[column]} {cell.text}" for column, cell in zip(table.columns, row.cells, strict=True)),
        )
        for named, row in rows
        if row.code != ALL
    ]
    title = TABLES[table.name]
    return Drawn(
        table, title, rows, charts.bars(f"c-{table.name}", title, [COLUMNS[one] for one in table.columns], bars)
    )


def _word(reader: Any, packs: Any, kind: str, code: str) -> str:
    """The word for a code of a kind of row, a table, a column or a step."""
    if code == ALL:
        return "All"
    if kind in {"table", "column", "step"}:
        return {"table": TABLES, "column": COLUMNS, "step": STEPS}[kind].get(code, code)
    if kind == "place":
        need, _, country = code.partition("|")
        return f"{reader.name('need', need)}, {reader.name('country', country)}"
    if kind == "organisation":
        found = packs.organisation(code)
        return found.name.en if found else code
    if kind == "urgency":
        return labels.URGENCIES[code][1]
    return code if kind == "month" else str(reader.name(kind, code))
