"""An organisation's report on its own referrals in whole quarters, as page, CSV and XLSX."""

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Now, ReplicaDb
from app.core.errors import NotAllowed
from app.partners.organisations import Organisation
from app.reporting import figures, kept_figures
from app.reporting.aggregation import combine
from app.staff.sessions import SignedIn
from app.web.account.policies import Member, Packs
from app.web.components.report_page import Form, Period, report_response, requested_stretch

router = APIRouter()


@router.get("/partner/report", name="own_report")
def show_own_report(
    request: Request,
    member: Member,
    session: ReplicaDb,
    packs: Packs,
    now: Now,
    period: Period = "",
    until: Period = "",
    format: Form = "",
) -> Response:
    """Show the report on the organisation's own referrals."""
    stretch = requested_stretch(period, until, now)
    kept = kept_figures.read(session, stretch.months, organisation=_own_code(session, member))
    report = combine(
        stretch,
        [
            figures.report_of_organisation(quarter, kept.within(quarter.months), quarter.begun(now.date()))
            for quarter in stretch.quarters
        ],
    )
    return report_response(request, report, stretch, packs, now, "/partner/report", format, behind=kept.behind)


def _own_code(session: Session, member: SignedIn) -> str:
    """The code of the member's organisation. Raises NotAllowed: they have none."""
    if member.organisation_id is None:
        raise NotAllowed("Only members of an organisation can use this page.")
    return session.scalars(sa.select(Organisation.slug).where(Organisation.id == member.organisation_id)).one()
