"""A report as a page, as CSV and as XLSX: shared by the team's reports and an organisation's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Query, Request, Response
from markupsafe import Markup

from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.vocabulary import complete
from app.referrals.reasons import OUTCOMES, PASSED_OVER
from app.reporting.figures import ALL, COLUMNS, Report, Table, TableName, TimedStep
from app.reporting.periods import MAX_QUARTERS, Quarter
from app.reporting.periods import Period as periods_Period
from app.reporting.queries import CountedCase, CountedChoice, CountedOffer
from app.web.components import charts, labels, report_files, staff_pages

Period = Annotated[str, Query(max_length=16)]
Counted = TypeVar("Counted", CountedCase, CountedOffer, CountedChoice)
Form = Annotated[str, Query(max_length=5)]
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
        **OUTCOMES,
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
class ReportTable:
    """A table of the report with its labels and its chart."""

    table: Table
    title: str
    rows: list[tuple[str, Any]]
    chart: Markup


def within(quarter: Quarter, counted: Sequence[Counted]) -> list[Counted]:
    return [record for record in counted if record.month in quarter.months]


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


def report_response(
    request: Request, report: Report, stretch: periods_Period, packs: Any, now: Any, path: str, file_format: str
) -> Response:
    code_names = staff_pages.code_names(request)

    def label_of(kind: str, code: str) -> str:
        return _label(code_names, packs, kind, code)

    if file_format in _MEDIA:
        body = report_files.csv(report, label_of) if file_format == "csv" else report_files.xlsx(report, label_of)
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
        report_tables=[_report_table(table, label_of) for table in report.tables],
        steps=[(STEPS[median.step], median.quarter, median.hours) for median in report.medians],
        columns=COLUMN_LABELS,
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


def _report_table(table: Table, label_of: Any) -> ReportTable:
    rows = [(label_of(table.kind, row.code), row) for row in table.rows]
    if table.everything is not None:
        rows.append((label_of(table.kind, ALL), table.everything))
    bars = [
        charts.Bar(
            named,
            [cell.count for cell in row.cells],
            row.total.text,
            ", ".join(
                f"{COLUMN_LABELS[column]} {cell.text}" for column, cell in zip(table.columns, row.cells, strict=True)
            ),
        )
        for named, row in rows
        if row.code != ALL
    ]
    title = TABLES[table.name]
    return ReportTable(
        table,
        title,
        rows,
        charts.bars(f"c-{table.name}", title, [COLUMN_LABELS[column] for column in table.columns], bars),
    )


def _label(code_names: Any, packs: Any, kind: str, code: str) -> str:
    """The label of a code of a row, table, column or step."""
    if code == ALL:
        return COLUMN_LABELS[ALL]
    if kind in {"table", "column", "step"}:
        return {"table": TABLES, "column": COLUMN_LABELS, "step": STEPS}[kind][code]
    if kind == "place":
        need, _, country = code.partition("|")
        return f"{code_names.name('need', need)}, {code_names.name('country', country)}"
    if kind == "organisation":
        organisation = packs.organisation(code)
        return organisation.name.en if organisation else code
    if kind in {"urgency", "passed_over"}:
        return labels.URGENCIES[code][1] if kind == "urgency" else PASSED_OVER[code]
    return code if kind == "month" else str(code_names.name(kind, code))
