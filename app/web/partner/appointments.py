"""Times that a centre at work offers to the person, on the partner's page."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.cases import appointments
from app.cases.appointments import OpenedAppointment
from app.cases.models import Case
from app.casework import appointment_offers, partner_access
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid
from app.referrals.models import Referral
from app.referrals.states import AT_WORK, ReferralState
from app.web.account.policies import Config, Member, Packs
from app.web.components import appointment_form, staff_pages, time_format
from app.web.components.forms import field_value
from app.web.partner.offers import Label, organisation_of

router = APIRouter(prefix="/partner/referrals/{label}/appointments")


@router.get("", name="offer_appointments")
def show_appointments(label: Label, request: Request, member: Member, session: ReadDb, packs: Packs) -> Response:
    """Show the state of the appointments, and the form, without decrypting anything."""
    return _page(request, session, packs, _referral(session, organisation_of(member), label))


@router.post("/show", name="show_offer_appointments")
def open_appointments(
    label: Label, request: Request, member: Member, session: Db, keys: Keys, packs: Packs, config: Config, now: Now
) -> Response:
    """Show the page with times and places decrypted. Writes an audit entry."""
    referral, opened = appointment_offers.by_partner(session, keys, member, label, now, config.member_reads_per_day)
    return _page(request, session, packs, referral, opened)


@router.post("", name="offer_appointment")
def offer_times(
    label: Label, request: Request, member: Member, session: Db, keys: Keys, packs: Packs, now: Now
) -> Response:
    """Offer times to the person; the same form sent again is the same offer."""
    form, referral = request.state.form, _referral(session, organisation_of(member), label)
    country = session.get_one(Case, referral.case_id).country
    try:
        offer = appointment_form.read(form, time_format.zone_of(packs, country), now)
        appointment_offers.offer_by_partner(session, keys, member, label, offer, field_value(form, "once"), now)
    except Invalid as error:
        return _page(request, session, packs, referral, errors=error.errors)
    return staff_pages.redirect(f"/partner/referrals/{label}/appointments?done=times_offered")


@router.post("/{appointment}/withdraw", name="withdraw_appointment")
def withdraw_times(label: Label, appointment: UUID, member: Member, session: Db, now: Now) -> Response:
    appointment_offers.withdraw_by_partner(session, organisation_of(member), label, appointment, now)
    return staff_pages.redirect(f"/partner/referrals/{label}/appointments?done=times_withdrawn")


def _referral(session: Session, organisation_id: UUID, label: str) -> Referral:
    return session.get_one(Referral, partner_access.referral_id_of(session, organisation_id, label))


def _page(
    request: Request,
    session: Session,
    packs: Packs,
    referral: Referral,
    opened: Sequence[OpenedAppointment] | None = None,
    errors: Sequence[FieldError] = (),
) -> Response:
    case = session.get_one(Case, referral.case_id)
    context = appointment_form.context(
        appointments.of_case(session, case.id, referral.id),
        opened,
        zone=time_format.zone_of(packs, case.country),
        speak=case.languages,
        may_offer=ReferralState(referral.state) in AT_WORK,
        form=request.state.form if errors else None,
        errors=errors,
    )
    return staff_pages.page(
        request, "partner/appointments.html", status=422 if errors else 200, referral=referral, **context
    )
