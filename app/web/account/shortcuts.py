"""Keys instead of clicks: off until a member turns them on, in one browser. The only script of the desk is behind this switch."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.account.policies import AtDesk, Config, field, set_cookie
from app.web.components import staff_pages
from app.web.components.labels import N_

router = APIRouter()

KEYS: Final = (
    ("?", N_("This page")),
    ("q", N_("To the queue")),
    ("n", N_("The next case")),
    ("j, k", N_("In a list: one row down, one row up. On a case: j is the next one of the list")),
    ("Enter", N_("Open the case of the row")),
    ("x", N_("Choose the row, or no longer")),
    ("a, b", N_("The page after, the page before")),
    ("t", N_("Take the case")),
    ("1, 2, 3", N_("Refer to the first, second or third service, or ask the person first")),
    ("y", N_("Yes: offer it, or send the question")),
    ("o", N_("Open story and conversation; it is noted")),
    ("m", N_("Write to the person")),
    ("e", N_("Write a note")),
    ("w", N_("Choose the owner")),
    ("s", N_("Choose a day to snooze until")),
    ("z", N_("Undo what you just did")),
    ("u", N_("Back: to the list, or to the case")),
    ("Esc", N_("Leave the field, so that keys mean these things again")),
)


@router.get("/desk/shortcuts", name="shortcuts")
def show_shortcuts(request: Request, desk: AtDesk) -> Response:
    del desk
    return staff_pages.page(request, "account/shortcuts.html", keys=KEYS)


@router.post("/desk/shortcuts", name="set_shortcuts")
def set_shortcuts(request: Request, desk: AtDesk, settings: Config) -> Response:
    """On or off, kept in a cookie of this browser that says nothing else."""
    del desk
    on = field(request, "on") == "yes"
    response = staff_pages.to(staff_pages.with_news("/desk/shortcuts", done="shortcuts_on" if on else "shortcuts_off"))
    set_cookie(response, staff_pages.SHORTCUTS, "on" if on else "off", settings)
    return response
