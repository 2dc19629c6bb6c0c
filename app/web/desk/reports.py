"""Reports of a team's cases and referrals: exact as a page for the team, suppressed as a page for others, as CSV and XLSX."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Now, ReplicaDb
from app.core.i18n import N_
from app.intake import form_counts
from app.reporting import figures, kept_figures
from app.reporting.aggregation import combine
from app.reporting.periods import MAX_QUARTERS, Month, Quarter
from app.reporting.periods import Period as Quarters
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Packs, requires_role
from app.web.components import charts, reader_language, staff_pages
from app.web.components.report_page import Form, Period, labels_of, report_response, requested_stretch, sections
from app.web.desk import report_view

router = APIRouter()
readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.ADMIN, Role.AUDITOR)
Reader = Annotated[SignedIn, Depends(readers)]
_PUBLISHED: Final = "/desk/reports/published"


@router.get("/desk/reports", name="reports")
def show_reports(
    request: Request,
    member: Reader,
    session: ReplicaDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """Show the exact figures of the team for a month, a quarter or several; every file is suppressed.

    For an auditor, who has no team and cannot open a case: the published figures of the whole network.
    """
    if format or member.team_id is None:
        return _published(request, member, session, packs, now, period, until, format)
    month = Month.parse(period) if not until else None
    if month is not None and not month.begun(now.date()):
        month = None
    wanted = month or _one(requested_stretch(period, until, now))
    before = wanted.before
    line = report_view.line_months(wanted, now.date())
    kept = kept_figures.read(
        session,
        wanted.months,
        beside=sorted({*before.months, *line} - {*wanted.months}),
        team_id=member.team_id,
    )
    own = kept.within(wanted.months)
    report = figures.report_of_network(wanted, own, wanted.begun(now.date()), exact=True)
    label_of = labels_of(request, packs)
    words, times = reader_language.words(request), reader_language.times(request)
    quarters, months = report_view.periods(now.date(), MAX_QUARTERS)
    return staff_pages.page(
        request,
        "desk/reports.html",
        period=wanted,
        first=wanted.first if isinstance(wanted, Quarters) else wanted,
        last=wanted.last if isinstance(wanted, Quarters) else None,
        before=before,
        quarters=quarters,
        months=months,
        years=sorted({quarter.year for quarter in quarters}, reverse=True),
        published=f"{_PUBLISHED}?period={wanted.quarter if isinstance(wanted, Month) else wanted}",
        running=now.date().strftime("%Y-%m") in wanted.months,
        behind=kept.behind,
        tiles=report_view.tiles(own, kept.within(before.months), times),
        line=report_view.months_line(kept.figures, line, words.text(N_("Cases by month")), words),
        disparity=report_view.disparity(own, label_of, words.text(N_("Accepted cases by group")), words),
        form_rows=report_view.form_rows(form_counts.of_months(session, wanted.months), label_of, times),
        patterns=charts.patterns(),
        has_cases=bool(own),
        **sections(report, label_of, times, exact=True),
    )


@router.get(_PUBLISHED, name="published_report")
def show_published(
    request: Request,
    member: Reader,
    session: ReplicaDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """Show the report that may leave the team, for funders and others: whole quarters, with small figures suppressed."""
    return _published(request, member, session, packs, now, period, until, format)


def _one(stretch: Quarters) -> Quarter | Quarters:
    return stretch.first if stretch.first == stretch.last else stretch


def _published(
    request: Request, member: SignedIn, session: Session, packs: Any, now: Any, period: str, until: str, file: str
) -> Response:
    stretch = requested_stretch(period, until, now)
    kept = kept_figures.read(session, stretch.months, team_id=member.team_id)
    report = combine(
        stretch,
        [
            figures.report_of_network(quarter, kept.within(quarter.months), quarter.begun(now.date()))
            for quarter in stretch.quarters
        ],
    )
    return report_response(request, report, stretch, packs, now, _PUBLISHED, file, behind=kept.behind)
