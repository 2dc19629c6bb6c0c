"""An organisation's report on its own referrals in whole quarters, as page, CSV and XLSX."""

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Now, ReadDb
from app.core.errors import NotAllowed
from app.reporting import figures, queries
from app.reporting.aggregation import combine
from app.reporting.figures import Report
from app.reporting.periods import Period as periods_Period
from app.reporting.periods import Quarter
from app.reporting.queries import CountedOffer
from app.staff.sessions import SignedIn
from app.web.account.policies import Member, Packs
from app.web.components.report_page import Form, Period, report_response, requested_stretch, within

router = APIRouter()


@router.get("/partner/report", name="own_report")
def show_own_report(
    request: Request,
    member: Member,
    session: ReadDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """Show the report on the organisation's own referrals."""
    stretch = requested_stretch(period, until, now)
    offers = _own_referrals(session, member, stretch)

    def quarter_report(quarter: Quarter) -> Report:
        return figures.organisation_report(quarter, within(quarter, offers), quarter.begun(now.date()))

    report = combine(stretch, [quarter_report(quarter) for quarter in stretch.quarters])
    return report_response(request, report, stretch, packs, now, "/partner/report", format)


def _own_referrals(session: Session, member: SignedIn, stretch: periods_Period) -> Sequence[CountedOffer]:
    if member.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return queries.offers_in(session, stretch, organisation_id=member.organisation_id)
