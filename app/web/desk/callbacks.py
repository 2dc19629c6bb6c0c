"""The windows in which the team calls people back, and how many places each has."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.cases import callback_windows
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.core.errors import FieldError, Invalid
from app.directory.packs import Directory
from app.web.account.my_notices import zone_of_team
from app.web.account.policies import AtDesk, Packs
from app.web.components import appointment_form, staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/callbacks")
_DIGITS: Final = 2


@router.get("", name="callbacks")
def show_callbacks(request: Request, desk: AtDesk, session: ReadDb, packs: Packs) -> Response:
    """Show the windows to come."""
    return _page(request, desk, session, packs)


@router.post("", name="add_callbacks")
def add_callbacks(request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Add a window. Invalid input is shown again with its errors."""
    form = request.state.form
    try:
        starts_at = appointment_form.read_time(form, "day", "time", zone_of_team(session, desk.member, packs), desk.now)
        hours, places = (_number(field_value(form, name)) for name in ("hours", "places"))
        callback_windows.add(session, desk.team_id, starts_at, hours, places, by=desk.member.member_id, now=desk.now)
    except Invalid as error:
        return _page(request, desk, session, packs, error.errors)
    return staff_pages.redirect("/desk/callbacks?done=callbacks_added")


@router.post("/{window}/close", name="close_callbacks")
def close_callbacks(window: UUID, desk: AtDesk, session: Db) -> Response:
    callback_windows.close(session, desk.team_id, window, by=desk.member.member_id, now=desk.now)
    return staff_pages.redirect("/desk/callbacks?done=callbacks_closed")


def _number(typed: str) -> int:
    """The number that was typed; 0 if the text is no number, which no window accepts."""
    typed = typed.strip()
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _DIGITS else 0


def _page(
    request: Request, desk: Desk, session: Session, packs: Directory, errors: Sequence[FieldError] = ()
) -> Response:
    form = request.state.form if errors else {}
    return staff_pages.page(
        request,
        "desk/callbacks.html",
        status=422 if errors else 200,
        windows=callback_windows.upcoming(session, desk.team_id, desk.now),
        zone=zone_of_team(session, desk.member, packs),
        boxes=appointment_form.boxes(form, "day"),
        typed={name: values[-1] for name, values in form.items() if values},
        errors=errors,
    )
