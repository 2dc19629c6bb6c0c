"""A page for somebody who signed in: the template, who they are, their token, the demo banner, the words."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.http import PAGE_POLICY
from app.matching.reader import Reader
from app.staff.models import Role
from app.staff.sessions import SignedIn
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
    "edit_proposed": words.N_("Proposed. It stands in the directory once somebody else has published it."),
    "publish": words.N_("Published. Every part of the service knows it within seconds."),
    "reject": words.N_("Rejected. The directory says what it said."),
    "withdraw": words.N_("Withdrawn."),
    "capacity": words.N_("Saved. New cases are matched with it from now on."),
    "paused": words.N_("Paused. Nothing new is offered until then."),
    "resumed": words.N_("The pause has ended."),
    "rules_proposed": words.N_("Proposed. Nothing changes until somebody else publishes it."),
    "rules_published": words.N_("Published. Every process of the service follows it from its day on."),
    "rules_rejected": words.N_("Rejected. The rules stay as they were."),
    "rules_withdrawn": words.N_("Withdrawn. The rules stay as they were."),
    "replayed": words.N_("Tried. The counts stand below."),
    "matched": words.N_("Matched again. What has changed stands below."),
    "linked": words.N_("The two cases are linked. Each keeps its own consent."),
    "move_asked": words.N_("The person will be asked whether the case may move, when they come with their number."),
    "retried": words.N_("It is sent once more."),
    "retried_all": words.N_("Each of them is sent once more."),
    "dropped": words.N_("Dropped. Nobody is told any more."),
    "kept": words.N_("Kept. It holds for what comes from now on."),
    "done": words.N_("Done."),
    "undone": words.N_("Taken back. It is as it was before."),
    "merged": words.N_("Merged. The other case goes on; both numbers keep working."),
    "unmerged": words.N_("They are two cases again."),
    "compared": words.N_("Compared with the cases of this team."),
    "view_kept": words.N_("Kept among your own views."),
    "view_dropped": words.N_("The view is gone. No case was changed."),
    "shortcuts_on": words.N_("Shortcuts are on in this browser."),
    "shortcuts_off": words.N_("Shortcuts are off in this browser."),
    "passphrase": words.N_("Your passphrase is changed. Everywhere else you are signed out."),
    "passkey_added": words.N_("The passkey is known now. You can sign in with it beside the passphrase."),
    "passkey_removed": words.N_("The passkey is gone."),
    "code_changed": words.N_("The new code app counts from now on; the old one does not."),
    "sessions_ended": words.N_("Signed out there."),
    "granted": words.N_("The key is granted. They can open the cases of your team or organisation now."),
    "deactivated": words.N_("Switched off. Their sessions, passkeys and keys are gone."),
    "role_changed": words.N_("The role is changed. Their sessions have ended."),
    "let_in": words.N_("For a quarter of an hour, wrong tries by strangers do not keep them out."),
    "proposed": words.N_("Proposed. Somebody else has to approve it now."),
    "approved": words.N_("Approved. Who proposed it carries it out, within a day."),
    "declined": words.N_("Declined."),
    "withdrawn": words.N_("Withdrawn."),
    "frozen": words.N_("All reading by partners is stopped, in every process."),
    "unfrozen": words.N_("Partners can read again."),
    "key_made": words.N_("The organisation has its new key."),
}
UNDOABLE: Final = frozenset(
    {"taken", "assigned", "snoozed", "woken", "offered", "asked", "closed", "unmet", "reopened"}
)
SHORTCUTS: Final = "staff_shortcuts"
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


_NAV = {
    "queue": ("/desk/", words.N_("Queue")),
    "next": ("/desk/next", words.N_("Next case")),
    "assisted": ("/desk/assisted", words.N_("Assisted intake")),
    "rules": ("/desk/rules", words.N_("Rules")),
    "directory": ("/desk/directory", words.N_("Directory")),
    "package": ("/desk/directory/package", words.N_("Directory package")),
    "reports": ("/desk/reports", words.N_("Reports")),
    "tasks": ("/desk/tasks", words.N_("Tasks")),
    "members": ("/desk/members", words.N_("Members")),
    "shortcuts": ("/desk/shortcuts", words.N_("Shortcuts")),
    "proposals": ("/desk/proposals", words.N_("Proposals")),
    "audit": ("/desk/audit", words.N_("Audit")),
    "operations": ("/desk/operations", words.N_("Operations")),
    "requests": ("/partner/", words.N_("Requests")),
    "services": ("/partner/services", words.N_("Our services")),
    "how_we_did": ("/partner/report", words.N_("How we did")),
    "notices": ("/partner/notices", words.N_("Notices")),
    "colleagues": ("/partner/members", words.N_("Members")),
}
_NAV_OF = {
    Role.COORDINATOR: (
        "queue",
        "next",
        "tasks",
        "assisted",
        "directory",
        "rules",
        "reports",
        "members",
        "shortcuts",
    ),
    Role.SENIOR: (
        "queue",
        "next",
        "tasks",
        "assisted",
        "directory",
        "rules",
        "reports",
        "members",
        "proposals",
        "operations",
        "shortcuts",
    ),
    Role.AUDITOR: ("audit", "rules", "proposals", "operations"),
    Role.ADMIN: ("members", "proposals", "rules", "package", "audit", "operations"),
    Role.PARTNER: ("requests", "services", "how_we_did", "notices", "colleagues"),
}
OWN_SCRIPT = PAGE_POLICY.replace("default-src 'none';", "default-src 'none'; script-src 'self';")


def home(who: SignedIn) -> str:
    """The page on which somebody of this role begins."""
    return _NAV[_NAV_OF[who.role][0]][0]


def allow_own_script(response: Response) -> None:
    """This one page may run a script file of ours, and no other."""
    response.headers["content-security-policy"] = OWN_SCRIPT


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
        nav=[_NAV[name] for name in _NAV_OF[who.role]] if who else [],
        home=home(who) if who else "/desk/",
        open_tasks=getattr(request.state, "open_tasks", None),
        names=names,
        w=words,
        day=day,
        moment=moment,
        **context,
    )
    headers = {"content-security-policy": OWN_SCRIPT} if shortcuts else None
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
