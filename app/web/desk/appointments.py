"""Times that the team offers to the person, and the centres' appointments, at the desk."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases import appointments, callback_windows, team_cases
from app.cases.appointments import OpenedAppointment
from app.cases.models import Case
from app.casework import appointment_offers
from app.core.dependencies import Db, ReadDb
from app.core.errors import FieldError, Invalid
from app.web.account.policies import AtDesk, Packs
from app.web.components import appointment_form, staff_pages, time_format
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/cases/{label}/appointments")

Label = Annotated[str, Path(max_length=14)]


@router.get("", name="case_appointments")
def show_appointments(label: Label, request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """Show how the appointments stand, and the form, without decrypting anything."""
    return _page(
        request,
        session,
        packs,
        team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id),
        now=desk.now,
    )


@router.post("/show", name="show_case_appointments")
def open_appointments(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Show the page with times and places decrypted. Writes an audit entry."""
    case, opened = appointment_offers.at_desk(session, desk, label)
    return _page(request, session, packs, case, opened, now=desk.now)


@router.post("", name="offer_case_appointment")
def offer_times(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Offer times to the person; the same form sent again is the same offer."""
    case, form = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id), request.state.form
    try:
        offer = appointment_form.read(form, time_format.zone_of(packs, case.country), desk.now)
        appointment_offers.offer_at_desk(session, desk, label, offer, field_value(form, "once"))
    except Invalid as error:
        return _page(request, session, packs, case, errors=error.errors, now=desk.now)
    return staff_pages.redirect(f"/desk/cases/{label}/appointments?done=times_offered")


@router.post("/windows", name="offer_case_windows")
def offer_windows(label: Label, request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Offer callback windows of the team to the person; the same form sent again is the same offer."""
    case, form = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id), request.state.form
    try:
        appointment_offers.offer_windows(
            session,
            desk,
            label,
            form.get("window", []),
            way=field_value(form, "window_way"),
            language=appointment_form.language_of(form),
            interpreter=field_value(form, "interpreter") == "yes",
            token=field_value(form, "once"),
        )
    except Invalid as error:
        return _page(request, session, packs, case, errors=error.errors, now=desk.now)
    return staff_pages.redirect(f"/desk/cases/{label}/appointments?done=times_offered")


@router.post("/{appointment}/withdraw", name="withdraw_case_appointment")
def withdraw_times(label: Label, appointment: UUID, desk: AtDesk, session: Db) -> Response:
    appointment_offers.withdraw_at_desk(session, desk, label, appointment)
    return staff_pages.redirect(f"/desk/cases/{label}/appointments?done=times_withdrawn")


def _page(
    request: Request,
    session: Session,
    packs: Packs,
    case: Case,
    opened: Sequence[OpenedAppointment] | None = None,
    errors: Sequence[FieldError] = (),
    *,
    now: datetime,
) -> Response:
    context = appointment_form.context(
        appointments.of_case(session, case.id),
        opened,
        zone=time_format.zone_of(packs, case.country),
        speak=case.languages,
        may_offer=case.closed_at is None,
        form=request.state.form if errors else None,
        errors=errors,
    )
    windows = callback_windows.free(session, case.team_id, now) if context["may_offer"] else []
    return staff_pages.page(
        request,
        "desk/appointments.html",
        status=422 if errors else 200,
        case=case,
        windows=windows,
        chosen=set(request.state.form.get("window", [])) if errors else set(),
        **context,
    )
