"""Reports: how the network does in a quarter, for its team; and how a partner did, for itself. Pages, CSV and XLSX."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from app.core.edge import Now, ReadDb
from app.core.errors import NotAllowed, NotFound
from app.referrals.reasons import OUTCOMES
from app.referrals.reporting import figures, reading
from app.referrals.reporting.figures import ALL, Report, Table
from app.referrals.reporting.periods import Quarter
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web import charts
from app.web.desk import pages, report_files, words
from app.web.desk.deps import Member, Packs, requires_role

desk_router = APIRouter()
partner_router = APIRouter()
readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.AUDITOR)
Reader = Annotated[SignedIn, Depends(readers)]
Period = Annotated[str, Query(max_length=8)]
Form = Annotated[str, Query(max_length=5)]
_BACK: Final = 8
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TABLES: Final = {
    "months": "Month by month",
    "tiers": "Cases by urgency",
    "countries": "Cases by country",
    "languages": "Cases by language of the form",
    "needs": "Cases by need",
    "unmet_places": "Unmet need by place",
    "partners": "Offers by organisation",
    "offer_tiers": "Offers by urgency",
    "offer_needs": "Offers by need",
    "in_time": "Answered in time",
    "outcomes": "Outcomes",
}
COLUMNS: Final = {
    "accepted": "Accepted",
    "declined": "Declined",
    "only_acknowledged": "Only acknowledged",
    "no_answer": "No answer",
    "taken_back": "Taken back",
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
    "acknowledge": "From the offer to “we have seen it”",
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


@desk_router.get("/desk/reports", name="reports")
def show_reports(
    request: Request,
    who: Reader,
    session: ReadDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    format: Form = "",
) -> Response:
    """A quarter of the team; for an auditor, who has none, of the whole network."""
    quarter = _quarter(period, now)
    report = figures.network(
        quarter,
        reading.cases(session, quarter, who.team_id),
        reading.offers(session, quarter, who.team_id),
        quarter.begun(now.date()),
    )
    return _answer(request, report, packs, now, "/desk/reports", format)


@partner_router.get("/partner/report", name="own_report")
def show_own(
    request: Request,
    who: Member,
    session: ReadDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    format: Form = "",
) -> Response:
    """What an organisation's members see of it: its own offers, and nobody else's."""
    quarter = _quarter(period, now)
    report = figures.own(quarter, _own(session, who, quarter), quarter.begun(now.date()))
    return _answer(request, report, packs, now, "/partner/report", format)


def _own(session: Session, who: SignedIn, quarter: Quarter) -> Any:
    if who.organisation_id is None:
        raise NotAllowed("This is for members of an organisation.")
    return reading.offers(session, quarter, organisation_id=who.organisation_id)


def _quarter(period: str, now: Any) -> Quarter:
    """The quarter asked for; without one, the present. Raises NotFound for one that is none, or still to come."""
    quarter = Quarter.parse(period) if period else Quarter.of(now.date())
    if quarter is None or quarter > Quarter.of(now.date()):
        raise NotFound("There is no report for this period.")
    return quarter


def _answer(request: Request, report: Report, packs: Any, now: Any, here: str, form: str) -> Response:
    reader = pages.reader(request)

    def say(kind: str, code: str) -> str:
        return _word(reader, packs, kind, code)

    if form in _MEDIA:
        body = report_files.csv(report, say) if form == "csv" else report_files.xlsx(report, say)
        name = f"report-{report.quarter}.{form}"
        return Response(
            body, media_type=_MEDIA[form], headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )
    if form:
        raise NotFound
    today = Quarter.of(now.date())
    return pages.page(
        request,
        "desk/reports.html",
        report=report,
        here=here,
        drawn=[_drawn(table, say) for table in report.tables],
        steps=[(STEPS[one.step], one.hours) for one in report.medians],
        columns=COLUMNS,
        running=report.quarter == today,
        quarters=_last(today),
    )


def _last(quarter: Quarter) -> list[Quarter]:
    found = [quarter]
    while len(found) < _BACK:
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
    if kind == "tier":
        return words.TIERS[code][1]
    return code if kind == "month" else str(reader.name(kind, code))
