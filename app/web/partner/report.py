"""An organisation's report of itself: its own offers, in whole quarters. Page, CSV and XLSX."""

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
from app.web.components.report_page import Form, Period, answer, requested_stretch, within

router = APIRouter()


@router.get("/partner/report", name="own_report")
def show_own(
    request: Request,
    who: Member,
    session: ReadDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """What an organisation's members see of it: its own offers, and nobody else's."""
    stretch = requested_stretch(period, until, now)
    offers = _own(session, who, stretch)

    def counted(quarter: Quarter) -> Report:
        return figures.organisation_report(quarter, within(quarter, offers), quarter.begun(now.date()))

    report = combine(stretch, [counted(quarter) for quarter in stretch.quarters])
    return answer(request, report, stretch, packs, now, "/partner/report", format)


def _own(session: Session, who: SignedIn, stretch: periods_Period) -> Sequence[CountedOffer]:
    if who.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return queries.offers_in(session, stretch, organisation_id=who.organisation_id)
