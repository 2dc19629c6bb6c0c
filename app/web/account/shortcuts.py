"""Keyboard shortcuts: off until a member turns them on in a browser. They are the only script of the desk's ordinary pages."""

from typing import Final

from fastapi import APIRouter, Request, Response

from app.core.i18n import N_
from app.web.account.policies import AtDesk, Config
from app.web.components import cookies, staff_pages
from app.web.components.forms import field_value

router = APIRouter()

KEYS: Final = (
    ("?", N_("This page")),
    ("q", N_("Go to the queue")),
    ("n", N_("Go to the next case")),
    ("j, k", N_("In a list: move one row down or up. In a case: j opens the next case in the list")),
    ("Enter", N_("Open the case in the selected row")),
    ("x", N_("Select or deselect the row")),
    ("a, b", N_("Next page, previous page")),
    ("t", N_("Take the case")),
    ("1, 2, 3", N_("Refer to the first, second or third service, or ask the person first")),
    ("y", N_("Confirm: offer the case or send the question")),
    ("o", N_("Open the story and conversation (this is recorded)")),
    ("m", N_("Write to the person")),
    ("e", N_("Write a note")),
    ("w", N_("Choose the owner")),
    ("s", N_("Choose a day to snooze until")),
    ("z", N_("Undo the last step")),
    ("u", N_("Go back to the list or the case")),
    ("Esc", N_("Leave the text field, so that the shortcuts work again")),
)


@router.get("/desk/shortcuts", name="shortcuts")
def show_shortcuts(request: Request, desk: AtDesk) -> Response:
    del desk
    return staff_pages.page(request, "account/shortcuts.html", keys=KEYS)


@router.post("/desk/shortcuts", name="set_shortcuts")
def set_shortcuts(request: Request, desk: AtDesk, settings: Config) -> Response:
    """Turn the shortcuts on or off, stored in a cookie of this browser that holds nothing else."""
    del desk
    on = field_value(request.state.form, "on") == "yes"
    response = staff_pages.redirect(
        staff_pages.with_message("/desk/shortcuts", done="shortcuts_on" if on else "shortcuts_off")
    )
    cookies.put(response, staff_pages.SHORTCUTS, "on" if on else "off", settings)
    return response
