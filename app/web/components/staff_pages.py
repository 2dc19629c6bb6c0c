"""A page for somebody who signed in: the template, who they are, their token, the demo banner, the words."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.http_middleware import PAGE_POLICY
from app.matching.code_names import Reader
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.components import labels, rendering

LANGUAGE = "en"
_SHOWN = {
    "taken": labels.N_("The case is yours now."),
    "assigned": labels.N_("Assigned."),
    "snoozed": labels.N_("Snoozed. It comes back on its day, or when the person writes."),
    "woken": labels.N_("It is back in the lists."),
    "offered": labels.N_("Offered. The organisation has been told, and the clock runs."),
    "asked": labels.N_(
        "The person will be asked if this organisation may read their case, when they come with their number."
    ),
    "stepped": labels.N_("Done. The referral has moved on."),
    "closed": labels.N_("The case is closed."),
    "unmet": labels.N_("Noted as unmet. It stays in the view “Unmet”."),
    "reopened": labels.N_("The case is open again and yours."),
    "sent": labels.N_("Your message is in the person's thread. They read it when they come with their number."),
    "noted": labels.N_("Your note is kept. Only this team can open it."),
    "edit_proposed": labels.N_("Proposed. It stands in the directory once somebody else has published it."),
    "publish": labels.N_("Published. Every part of the service knows it within seconds."),
    "reject": labels.N_("Rejected. The directory says what it said."),
    "withdraw": labels.N_("Withdrawn."),
    "capacity": labels.N_("Saved. New cases are matched with it from now on."),
    "paused": labels.N_("Paused. Nothing new is offered until then."),
    "resumed": labels.N_("The pause has ended."),
    "rules_proposed": labels.N_("Proposed. Nothing changes until somebody else publishes it."),
    "rules_published": labels.N_("Published. Every process of the service follows it from its day on."),
    "rules_rejected": labels.N_("Rejected. The rules stay as they were."),
    "rules_withdrawn": labels.N_("Withdrawn. The rules stay as they were."),
    "replayed": labels.N_("Tried. The counts stand below."),
    "matched": labels.N_("Matched again. What has changed stands below."),
    "linked": labels.N_("The two cases are linked. Each keeps its own consent."),
    "move_asked": labels.N_("The person will be asked whether the case may move, when they come with their number."),
    "retried": labels.N_("It is sent once more."),
    "retried_all": labels.N_("Each of them is sent once more."),
    "dropped": labels.N_("Dropped. Nobody is told any more."),
    "kept": labels.N_("Kept. It holds for what comes from now on."),
    "released": labels.N_("It is in the queue now, at the place it would have had."),
    "discarded": labels.N_("Thrown away. It is forgotten in some days; until then it stands among the closed ones."),
    "done": labels.N_("Done."),
    "undone": labels.N_("Taken back. It is as it was before."),
    "merged": labels.N_("Merged. The other case goes on; both numbers keep working."),
    "unmerged": labels.N_("They are two cases again."),
    "compared": labels.N_("Compared with the cases of this team."),
    "view_kept": labels.N_("Kept among your own views."),
    "view_dropped": labels.N_("The view is gone. No case was changed."),
    "shortcuts_on": labels.N_("Shortcuts are on in this browser."),
    "shortcuts_off": labels.N_("Shortcuts are off in this browser."),
    "passphrase": labels.N_("Your passphrase is changed. Everywhere else you are signed out."),
    "passkey_added": labels.N_("The passkey is known now. You can sign in with it beside the passphrase."),
    "passkey_removed": labels.N_("The passkey is gone."),
    "code_changed": labels.N_("The new code app counts from now on; the old one does not."),
    "sessions_ended": labels.N_("Signed out there."),
    "granted": labels.N_("The key is granted. They can open the cases of your team or organisation now."),
    "deactivated": labels.N_("Switched off. Their sessions, passkeys and keys are gone."),
    "role_changed": labels.N_("The role is changed. Their sessions have ended."),
    "let_in": labels.N_("For a quarter of an hour, wrong tries by strangers do not keep them out."),
    "proposed": labels.N_("Proposed. Somebody else has to approve it now."),
    "approved": labels.N_("Approved. Who proposed it carries it out, within a day."),
    "declined": labels.N_("Declined."),
    "withdrawn": labels.N_("Withdrawn."),
    "frozen": labels.N_("All reading by partners is stopped, in every process."),
    "unfrozen": labels.N_("Partners can read again."),
    "key_made": labels.N_("The organisation has its new key."),
}
UNDOABLE: Final = frozenset(
    {
        "taken",
        "assigned",
        "snoozed",
        "woken",
        "offered",
        "asked",
        "closed",
        "unmet",
        "reopened",
        "released",
        "discarded",
    }
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
    "queue": ("/desk/", labels.N_("Queue")),
    "next": ("/desk/next", labels.N_("Next case")),
    "assisted": ("/desk/assisted", labels.N_("Assisted intake")),
    "rules": ("/desk/rules", labels.N_("Rules")),
    "directory": ("/desk/directory", labels.N_("Directory")),
    "package": ("/desk/directory/package", labels.N_("Directory package")),
    "reports": ("/desk/reports", labels.N_("Reports")),
    "tasks": ("/desk/tasks", labels.N_("Tasks")),
    "members": ("/desk/members", labels.N_("Members")),
    "shortcuts": ("/desk/shortcuts", labels.N_("Shortcuts")),
    "proposals": ("/desk/proposals", labels.N_("Proposals")),
    "audit": ("/desk/audit", labels.N_("Audit")),
    "operations": ("/desk/operations", labels.N_("Operations")),
    "requests": ("/partner/", labels.N_("Requests")),
    "services": ("/partner/services", labels.N_("Our services")),
    "how_we_did": ("/partner/report", labels.N_("How we did")),
    "notices": ("/partner/notices", labels.N_("Notices")),
    "colleagues": ("/partner/members", labels.N_("Members")),
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
        w=labels,
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
