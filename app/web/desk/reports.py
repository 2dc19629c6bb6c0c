"""Reports of a team's cases and referrals in whole quarters, as page, CSV and XLSX."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from app.core.dependencies import Now, ReadDb
from app.reporting import figures, queries
from app.reporting.aggregation import combine
from app.reporting.figures import Report
from app.reporting.periods import Quarter
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Packs, requires_role
from app.web.components.report_page import Form, Period, report_response, requested_stretch, within

router = APIRouter()
readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.AUDITOR)
Reader = Annotated[SignedIn, Depends(readers)]


@router.get("/desk/reports", name="reports")
def show_reports(
    request: Request,
    member: Reader,
    session: ReadDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """Show whole quarters of the team; for an auditor, who has no team, of the whole network."""
    stretch = requested_stretch(period, until, now)
    cases = queries.cases_in(session, stretch, member.team_id)
    offers = queries.offers_in(session, stretch, member.team_id)
    choices = queries.passed_over_in(session, stretch, member.team_id)

    def quarter_report(quarter: Quarter) -> Report:
        return figures.network_report(
            quarter,
            within(quarter, cases),
            within(quarter, offers),
            quarter.begun(now.date()),
            within(quarter, choices),
        )

    report = combine(stretch, [quarter_report(quarter) for quarter in stretch.quarters])
    return report_response(request, report, stretch, packs, now, "/desk/reports", format)
