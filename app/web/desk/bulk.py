"""Bulk actions on the selected cases of a list, with an outcome for each case. Only undoable actions: assign and snooze."""

from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.casework import bulk
from app.casework.coordinator import Desk
from app.core.dependencies import Db
from app.core.errors import FieldError, Invalid
from app.web.account.policies import AtDesk, Packs
from app.web.components import date_fields, staff_pages
from app.web.components.forms import field_value
from app.web.desk import queue, queue_url
from app.web.desk.case_page import chosen_member
from app.web.desk.queue_url import Listing

router = APIRouter()

_DAYS: Final = MappingProxyType({"tomorrow": 1, "week": 7})
"""Buttons that snooze for so many days from today, without a day being entered."""


@router.post("/desk/bulk", name="bulk")
def act_on_many(request: Request, desk: AtDesk, session: Db, packs: Packs) -> Response:
    """Assign or snooze the cases, and show the outcome for each. If it is sent twice, each case is reported as changed in the
    meantime. An error is shown on the list, with what was selected and typed.
    """
    listing = queue_url.read(field_value(request.state.form, "list")) or Listing()
    try:
        outcomes, done = _carry_out(request, desk, session)
    except Invalid as error:
        at = field_value(request.state.form, "at")[:400]
        return queue.list_page(request, desk, session, packs, listing, at, errors=error.errors)
    return staff_pages.page(
        request, "desk/bulk.html", outcomes=outcomes, message=staff_pages.message(done), listing=listing, undone=False
    )


@router.post("/desk/bulk/undo", name="undo_bulk")
def undo_many(request: Request, desk: AtDesk, session: Db) -> Response:
    """Undo what the member has just done to many cases, in each that nobody has changed since."""
    listing = queue_url.read(field_value(request.state.form, "list")) or Listing()
    outcomes = bulk.undo_all(session, desk, _selected_cases(request))
    message = staff_pages.message("undone")
    return staff_pages.page(request, "desk/bulk.html", outcomes=outcomes, message=message, listing=listing, undone=True)


def _carry_out(request: Request, desk: Desk, session: Session) -> tuple[list[bulk.BulkOutcome], str]:
    """The outcomes, and the code of the message for those that were changed. Raises Invalid."""
    form = request.state.form
    selected, action = _selected_cases(request), field_value(form, "act")
    if not selected:
        raise Invalid([FieldError(pointer="/case", code="required", detail="Select at least one case in the list.")])
    until = _day(desk, action) if action in _DAYS else None
    if action not in _DAYS and action != "assign":
        until = date_fields.read(form, "until", today=desk.now.date())
    if action == "assign":
        member_id = chosen_member(field_value(form, "member"))
        return bulk.assign(session, desk, selected, member_id), "assigned"
    if action == "snooze" or until is not None:  # a day without an action: Enter was pressed in the field of the day
        return bulk.snooze(session, desk, selected, until), "snoozed" if until else "woken"
    raise Invalid([FieldError(pointer="/act", code="unknown_code", detail="Choose an action for the selected cases.")])


def _day(desk: Desk, action: str) -> date:
    return desk.now.date() + timedelta(days=_DAYS[action])


def _selected_cases(request: Request) -> list[tuple[str, int]]:
    """The selected rows, sent as `label:version`; malformed values are left out."""
    selected = []
    for value in request.state.form.get("case", ()):
        label, _, version = value.partition(":")
        if version.isascii() and version.isdigit() and len(version) < 10 and 0 < len(label) <= 12:
            selected.append((label, int(version)))
    return selected
