"""A page for somebody who signed in: the template, who they are, their token, the demo banner, the words."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.http import PAGE_POLICY
from app.matching.reader import Reader
from app.web import rendering
from app.web.desk import words

LANGUAGE = "en"
_SHOWN = {
    "taken": words.N_("The case is yours now."),
    "assigned": words.N_("Assigned."),
    "snoozed": words.N_("Snoozed. It comes back on its day, or when the person writes."),
    "woken": words.N_("It is back in the lists."),
    "offered": words.N_("Offered. The organisation has been told, and the clock runs."),
    "asked": words.N_(
        "The person will be asked if this organisation may read their case, when they come with their number."
    ),
    "stepped": words.N_("Done. The referral has moved on."),
    "closed": words.N_("The case is closed."),
    "unmet": words.N_("Noted as unmet. It stays in the view “Unmet”."),
    "reopened": words.N_("The case is open again and yours."),
    "sent": words.N_("Your message is in the person's thread. They read it when they come with their number."),
    "noted": words.N_("Your note is kept. Only this team can open it."),
    "done": words.N_("Done."),
    "undone": words.N_("Taken back. It is as it was before."),
    "merged": words.N_("Merged. The other case goes on; both numbers keep working."),
    "unmerged": words.N_("They are two cases again."),
    "compared": words.N_("Compared with the cases of this team."),
    "view_kept": words.N_("Kept among your own views."),
    "view_dropped": words.N_("The view is gone. No case was changed."),
    "shortcuts_on": words.N_("Shortcuts are on in this browser."),
    "shortcuts_off": words.N_("Shortcuts are off in this browser."),
}
UNDOABLE: Final = frozenset(
    {"taken", "assigned", "snoozed", "woken", "offered", "asked", "closed", "unmet", "reopened"}
)
SHORTCUTS: Final = "staff_shortcuts"
_SCRIPT_POLICY: Final = PAGE_POLICY + "; script-src 'self'"
_LABEL: Final = re.compile(r"[0-9A-Z]{1,8}-?[0-9A-Z]{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class News:
    """What was just done, with which case, and the version it left: what "Undo" needs. `elsewhere`: not the case on this page."""

    text: str
    case: str
    version: str
    may_undo: bool
    elsewhere: bool


def news(request: Request) -> News | None:
    """Out of the address, of our own words and codes alone."""
    code = request.query_params.get("done", "")
    if code not in _SHOWN:
        return None
    steps = request.url.path.split("/")
    here = steps[3] if request.url.path.startswith("/desk/cases/") else ""
    case, version = request.query_params.get("was") or here, request.query_params.get("v", "")
    known = bool(_LABEL.fullmatch(case)) and version.isascii() and version.isdigit() and len(version) < 10
    named = case if _LABEL.fullmatch(case) else ""
    return News(_SHOWN[code], named, version, known and code in UNDOABLE, bool(named) and named != here)


def reader(request: Request) -> Reader:
    """Names of codes in English; made once for an app."""
    state = request.app.state
    found: Reader | None = getattr(state, "desk_reader", None)
    if found is None:
        found = state.desk_reader = Reader(LANGUAGE, state.directory)
    return found


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Raises UndefinedError when the template asks for what it was not given."""
    names = reader(request)
    who = getattr(request.state, "who", None)
    settings = request.app.state.settings
    shortcuts = bool(who) and request.cookies.get(SHORTCUTS) == "on"
    html = rendering.render(
        template,
        LANGUAGE,
        who=who,
        csrf=who.csrf if who else "",
        demo=settings.demo,
        now=request.app.state.clock(),
        news=news(request),
        shortcuts=shortcuts,
        names=names,
        w=words,
        day=day,
        moment=moment,
        **context,
    )
    headers = {"content-security-policy": _SCRIPT_POLICY} if shortcuts else None
    return HTMLResponse(html, status_code=status, headers=headers)


def to(path: str) -> RedirectResponse:
    """After a POST. 303: the browser asks with GET."""
    return RedirectResponse(path, status_code=303)


def said(code: str) -> str:
    """What is said after an act."""
    return _SHOWN[code]


def with_news(path: str, **told: str) -> str:
    """The address, with what is to be said there."""
    more = urlencode({name: value for name, value in told.items() if value})
    return path + (("&" if "?" in path else "?") + more if more else "")


def day(value: date) -> str:
    """Like `Tue 24 Nov 2026`: the same everywhere on the desk, and sorted nowhere by its words."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def moment(value: datetime) -> str:
    """An instant for people of one team in several time zones: in UTC, and said so."""
    return f"{value:%a} {value.day} {value:%b %Y, %H:%M} UTC"
