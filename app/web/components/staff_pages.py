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
from app.web.components import csrf, labels, rendering

LANGUAGE = "en"
_SHOWN = {
    "taken": labels.N_("You have taken the case."),
    "assigned": labels.N_("The case has been assigned."),
    "snoozed": labels.N_("The case is snoozed. It comes back on the day you chose, or earlier if the person writes."),
    "woken": labels.N_("The snooze has ended. The case is back in the lists."),
    "offered": labels.N_(
        "The case has been offered. The organisation has been notified, and its time to answer has started."
    ),
    "asked": labels.N_(
        "The person will be asked whether this organisation can read their request the next time they come back "
        "with their number."
    ),
    "stepped": labels.N_("The referral has been updated."),
    "closed": labels.N_("The case is closed."),
    "unmet": labels.N_("The case is marked as unmet. You can find it in the view “Unmet”."),
    "reopened": labels.N_("The case is open again and assigned to you."),
    "sent": labels.N_(
        "Your message has been sent. The person reads it the next time they come back with their number."
    ),
    "noted": labels.N_("Your note has been saved. Only this team can read it."),
    "edit_proposed": labels.N_(
        "The change has been proposed. It appears in the directory once another person has published it."
    ),
    "publish": labels.N_("The change has been published. It takes effect everywhere within seconds."),
    "reject": labels.N_("The change has been rejected. The directory stays unchanged."),
    "withdraw": labels.N_("The proposal has been withdrawn."),
    "capacity": labels.N_("Availability has been saved. New cases will be matched with it."),
    "paused": labels.N_("The pause has been saved. Nothing new is offered until it ends."),
    "resumed": labels.N_("The pause has ended."),
    "rules_proposed": labels.N_("The rules have been proposed. Nothing changes until another person publishes them."),
    "rules_published": labels.N_(
        "The rules have been published. They apply everywhere from the day they come into force."
    ),
    "rules_rejected": labels.N_("The proposed rules have been rejected. The current rules stay in force."),
    "rules_withdrawn": labels.N_("The proposed rules have been withdrawn. The current rules stay in force."),
    "replayed": labels.N_("The rules have been tried on stored cases. See the totals below."),
    "matched": labels.N_("The case has been matched again. See the changes below."),
    "linked": labels.N_("The two cases are linked. Each keeps its own consent."),
    "move_asked": labels.N_(
        "The person will be asked to agree to the move the next time they come back with their number."
    ),
    "retried": labels.N_("The notice will be sent again."),
    "retried_all": labels.N_("The notices will be sent again."),
    "dropped": labels.N_("Dismissed. No further attempts."),
    "kept": labels.N_("Your settings have been saved. They apply to requests that arrive from now on."),
    "released": labels.N_("The case is now in the queue, in the place it would have had."),
    "discarded": labels.N_("Marked as spam. The case will be deleted automatically; until then it is under Closed."),
    "done": labels.N_("The task is done."),
    "undone": labels.N_("The last step has been undone."),
    "merged": labels.N_(
        "The cases have been merged. Continue with the other case; both of the person's numbers still work."
    ),
    "unmerged": labels.N_("The cases are separate again."),
    "compared": labels.N_("The case has been compared with the other cases of this team."),
    "view_kept": labels.N_("The view has been saved."),
    "view_dropped": labels.N_("The view has been removed. No cases were changed."),
    "shortcuts_on": labels.N_("Shortcuts are on in this browser."),
    "shortcuts_off": labels.N_("Shortcuts are off in this browser."),
    "passphrase": labels.N_("Your passphrase has been changed. All your other sessions have ended."),
    "passkey_added": labels.N_("The passkey has been added. You can use it with your passphrase to sign in."),
    "passkey_removed": labels.N_("The passkey has been removed."),
    "code_changed": labels.N_("Use the new code app from now on. Codes from the old app no longer work."),
    "sessions_ended": labels.N_("The session has ended."),
    "granted": labels.N_(
        "The key has been granted. Your colleague can now read the cases of your team or organisation."
    ),
    "deactivated": labels.N_("The member has been deactivated. Their sessions, passkeys and keys have been removed."),
    "role_changed": labels.N_("The role has been changed. The member's sessions have ended."),
    "let_in": labels.N_(
        "Access has been restored. For 15 minutes, failed attempts by others do not lock this member out."
    ),
    "proposed": labels.N_("The proposal has been saved. Another person has to approve it."),
    "approved": labels.N_("The proposal has been approved. The person who made it has one day to carry it out."),
    "declined": labels.N_("The proposal has been declined."),
    "withdrawn": labels.N_("The proposal has been withdrawn."),
    "frozen": labels.N_("Partner access has been stopped everywhere."),
    "unfrozen": labels.N_("Partner access has been restored."),
    "key_made": labels.N_("The organisation's new key is active."),
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
    "how_we_did": ("/partner/report", labels.N_("Our report")),
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
        csrf=_form_token(request, who) if who else "",
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


def _form_token(request: Request, who: SignedIn) -> str:
    """For every form of the page. Without a nonce: pages that tell the same are equal to the byte."""
    state = request.app.state
    return csrf.new_token(state.keys, state.clock(), csrf.of_session(who.binding), nonce=False)


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
