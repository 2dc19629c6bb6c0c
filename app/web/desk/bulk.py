"""Bulk actions on the selected cases of a list, with an outcome for each case. Only undoable actions: assign and snooze."""

from fastapi import APIRouter, Request, Response

from app.casework import bulk
from app.core.dependencies import Db
from app.core.errors import FieldError, Invalid
from app.web.account.policies import AtDesk
from app.web.components import date_fields, staff_pages
from app.web.components.forms import field_value
from app.web.desk import queue_url
from app.web.desk.case_page import chosen_member
from app.web.desk.queue_url import Listing

router = APIRouter()


@router.post("/desk/bulk", name="bulk")
def act_on_many(request: Request, desk: AtDesk, session: Db) -> Response:
    """Assign or snooze the cases, and show the outcome for each. If it is sent twice, each case is reported as changed in the
    meantime.
    """
    selected = _selected_cases(request)
    if not selected:
        raise Invalid([FieldError(pointer="/case", code="required", detail="Select at least one case in the list.")])
    action = field_value(request.state.form, "act")
    until = date_fields.read(request.state.form, "until", today=desk.now.date()) if action != "assign" else None
    if not action and until is not None:  # Enter was pressed in the field of the day
        action = "snooze"
    if action == "assign":
        member_id = chosen_member(field_value(request.state.form, "member"))
        outcomes, done = bulk.assign(session, desk, selected, member_id), "assigned"
    elif action == "snooze":
        outcomes, done = bulk.snooze(session, desk, selected, until), "snoozed" if until else "woken"
    else:
        raise Invalid(
            [FieldError(pointer="/act", code="unknown_code", detail="Choose an action for the selected cases.")]
        )
    listing = queue_url.read(field_value(request.state.form, "list")) or Listing()
    return staff_pages.page(
        request, "desk/bulk.html", outcomes=outcomes, message=staff_pages.message(done), listing=listing
    )


def _selected_cases(request: Request) -> list[tuple[str, int]]:
    """The selected rows, sent as `label:version`; malformed values are left out."""
    selected = []
    for value in request.state.form.get("case", ()):
        label, _, version = value.partition(":")
        if version.isascii() and version.isdigit() and len(version) < 10 and 0 < len(label) <= 12:
            selected.append((label, int(version)))
    return selected
