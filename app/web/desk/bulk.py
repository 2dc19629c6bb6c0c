"""One act on the chosen cases of a list, with an outcome for each. Only what can be taken back: owner and snooze."""

from fastapi import APIRouter, Request, Response

from app.casework import bulk
from app.core.dependencies import Db
from app.core.errors import FieldError, Invalid
from app.web.account.policies import AtDesk, field
from app.web.components import staff_pages
from app.web.desk import queue_url
from app.web.desk.case_page import chosen_day, chosen_member
from app.web.desk.queue_url import Listing

router = APIRouter()


@router.post("/desk/bulk", name="bulk")
def act_on_many(request: Request, desk: AtDesk, session: Db) -> Response:
    """Assign or snooze. The answer is the page of outcomes: sent twice, every case says that it was changed meanwhile."""
    chosen = _chosen(request)
    if not chosen:
        raise Invalid([FieldError(pointer="/case", code="required", detail="Select at least one case in the list.")])
    act = field(request, "act")
    if act == "assign":
        member_id = chosen_member(field(request, "member"))
        outcomes, said = bulk.assign(session, desk, chosen, member_id), "assigned"
    elif act == "snooze":
        until = chosen_day(field(request, "until"))
        outcomes, said = bulk.snooze(session, desk, chosen, until), "snoozed" if until else "woken"
    else:
        raise Invalid(
            [FieldError(pointer="/act", code="unknown_code", detail="Choose an action for the selected cases.")]
        )
    listing = queue_url.read(field(request, "list")) or Listing()
    return staff_pages.page(request, "desk/bulk.html", outcomes=outcomes, said=staff_pages.said(said), listing=listing)


def _chosen(request: Request) -> list[tuple[str, int]]:
    """Ticked rows as `label:version`; what is neither is left out."""
    found = []
    for ticked in request.state.typed.get("case", ()):
        label, _, version = ticked.partition(":")
        if version.isascii() and version.isdigit() and len(version) < 10 and 0 < len(label) <= 12:
            found.append((label, int(version)))
    return found
