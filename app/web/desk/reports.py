"""Reports of a team: how the network does, in whole quarters. Page, CSV and XLSX."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from app.core.dependencies import Now, ReadDb
<<<<<<< HEAD
=======
from app.core.errors import NotAllowed, NotFound
from app.core.i18n import N_
>>>>>>> e9e1656 (Each closed vocabulary has one table an audience, complete or refused at import; languages are listed once, and the limit of needs is their number)
from app.reporting import figures, queries
from app.reporting.aggregation import together
from app.reporting.figures import Report
from app.reporting.periods import Quarter
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Packs, requires_role
from app.web.components.report_page import Form, Period, answer, requested_stretch, within

router = APIRouter()
readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.AUDITOR)
Reader = Annotated[SignedIn, Depends(readers)]
<<<<<<< HEAD
=======
Period = Annotated[str, Query(max_length=16)]
Seen = TypeVar("Seen", CaseSeen, OfferSeen)
Form = Annotated[str, Query(max_length=5)]
_MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TABLES: Final = {
    "months": N_("Month by month"),
    "urgencies": N_("Cases by urgency"),
    "countries": N_("Cases by country"),
    "languages": N_("Cases by language of the form"),
    "needs": N_("Cases by need"),
    "unmet_places": N_("Unmet need by region"),
    "partners": N_("Offers by organisation"),
    "offer_urgency": N_("Offers by urgency"),
    "offer_needs": N_("Offers by need"),
    "in_time": N_("Answered in time"),
    "outcomes": N_("Outcomes"),
}
COLUMNS: Final = {
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
}
STEPS: Final = {
    "first_offer": N_("From the person's request to the first offer"),
    "acknowledge": N_("From the offer to the confirmation that it was seen"),
    "decide": N_("From the offer to a decision"),
    "start": N_("From acceptance to the start of the work"),
    "complete": N_("From acceptance to completion"),
}
>>>>>>> e9e1656 (Each closed vocabulary has one table an audience, complete or refused at import; languages are listed once, and the limit of needs is their number)


@router.get("/desk/reports", name="reports")
def show_reports(
    request: Request,
    who: Reader,
    session: ReadDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """Whole quarters of the team; for an auditor, who has none, of the whole network."""
    stretch = requested_stretch(period, until, now)
    cases = queries.cases(session, stretch, who.team_id)
    offers = queries.offers(session, stretch, who.team_id)

    def counted(quarter: Quarter) -> Report:
        return figures.network(quarter, within(quarter, cases), within(quarter, offers), quarter.begun(now.date()))

    report = together(stretch, [counted(quarter) for quarter in stretch.quarters])
    return answer(request, report, stretch, packs, now, "/desk/reports", format)
