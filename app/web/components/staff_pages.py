"""Pages for signed-in members: template, member, form token, messages after an action, navigation, demo banner."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from app.core.http_middleware import PAGE_POLICY
from app.core.i18n import N_, STAFF
from app.matching.code_names import CodeNames
from app.partners.sandbox_identity import TEAM_ID
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.components import cookies, csrf, reader_language, rendering
from app.web.components.time_format import TimeFormat

_MESSAGES = {
    "taken": N_("You have taken the case."),
    "assigned": N_("The case has been assigned."),
    "snoozed": N_("The case is snoozed. It comes back on the day you chose, or earlier if the person writes."),
    "woken": N_("The snooze has ended. The case is back in the lists."),
    "offered": N_(
        "The case has been offered. The organisation's time to answer has started. If the service cannot notify it, a task "
        "asks you to tell it yourself."
    ),
    "asked": N_(
        "The person will be asked whether this organisation can read their request the next time they come back "
        "with their number."
    ),
    "to_be_asked": N_(
        "The referral is made, and its time to answer has started. Nobody there was notified: ask the organisation "
        "yourself and record what it says."
    ),
    "contact_recorded": N_("It has been recorded that you asked them."),
    "answer_recorded": N_("The organisation's answer has been recorded."),
    "stepped": N_("The referral has been updated."),
    "closed": N_("The case is closed."),
    "unmet": N_("The case is marked as unmet. You can find it in the view “Unmet”."),
    "reopened": N_("The case is open again and assigned to you."),
    "sent": N_("Your message has been sent. The person reads it the next time they come back with their number."),
    "message_sent": N_("Your message has been sent."),
    "callbacks_added": N_("The callback window has been added."),
    "callbacks_closed": N_("The callback window has been closed. Who has picked it keeps their time."),
    "times_offered": N_(
        "The times have been offered. The person reads them the next time they come back with their number."
    ),
    "times_withdrawn": N_("The times have been withdrawn."),
    "link_ended": N_("The link has been ended. It no longer opens the request."),
    "given_to_account": N_("The referral has been given to the organisation's account. It answers there from now on."),
    "noted": N_("Your note has been saved. Only this team can read it."),
    "edit_proposed": N_(
        "The change has been proposed. It appears in the directory once another person has published it."
    ),
    "publish": N_("The change has been published. It takes effect everywhere within seconds."),
    "reject": N_("The change has been rejected. The directory stays unchanged."),
    "withdraw": N_("The proposal has been withdrawn."),
    "quality_recorded": N_("What the organisation says about the referral has been recorded."),
    "quality": N_("Thank you. The team sees your answer."),
    "capacity": N_("Availability has been saved. New cases will be matched with it."),
    "paused": N_("The pause has been saved. Nothing new is offered until it ends."),
    "resumed": N_("The pause has ended."),
    "rules_proposed": N_("The rules have been proposed. Nothing changes until another person publishes them."),
    "rules_published": N_("The rules have been published. They apply everywhere from the day they come into force."),
    "rules_rejected": N_("The proposed rules have been rejected. The current rules stay in force."),
    "rules_withdrawn": N_("The proposed rules have been withdrawn. The current rules stay in force."),
    "replayed": N_("The rules have been tried on stored cases. See the totals below."),
    "matched": N_("The case has been matched again. See the changes below."),
    "reply_saved": N_("The reply has been saved. It stands on every case under “Add a saved text”."),
    "reply_dropped": N_("The reply has been deleted."),
    "joined": N_("You have joined. Sign in with your name, your passphrase and the next code of your app."),
    "task_open": N_("The task is open again."),
    "unlinked": N_("The case has left its household."),
    "restricted": N_("The case is restricted. Only the members who are named can open it from now on."),
    "names_changed": N_("The members who can open the case have been changed. Nobody else can open it."),
    "restriction_lifted": N_("The restriction has been lifted. The whole team can open the case again."),
    "linked": N_("The two cases are linked. Each keeps its own consent."),
    "move_asked": N_("The person will be asked to agree to the move the next time they come back with their number."),
    "retried": N_("The notice will be sent again."),
    "retried_all": N_("The notices will be sent again."),
    "dropped": N_("Dismissed. No further attempts."),
    "document_sent": N_("The document has been sent. The person reads in the conversation that there is one."),
    "document_asked": N_("The person has been asked for photos of a letter."),
    "document_taken_back": N_("The document has been deleted."),
    "kept": N_("Your settings have been saved. They apply to requests that arrive from now on."),
    "notices_kept": N_("Your notice settings have been saved."),
    "test_asked": N_(
        "The test is on its way. Load this page again in a minute: it then says what the other end answered."
    ),
    "team_test_asked": N_("The tests are on their way. Load this page again in a minute."),
    "rota_kept": N_("The rota has been saved. It counts from now on."),
    "released": N_("The case is now in the queue, in the place it would have had."),
    "discarded": N_("Marked as spam. The case will be deleted automatically; until then it is under Closed."),
    "done": N_("The task is done."),
    "recorded": N_("Recorded. The team sees it straight away."),
    "letter_entered": N_("The letter has been entered. The person reads in the conversation that it was read."),
    "undone": N_("The last step has been undone."),
    "need_ended": N_("The need has ended. The case continues with the others."),
    "merged": N_("The cases have been merged. Continue with the other case; both of the person's numbers still work."),
    "unmerged": N_("The cases are separate again."),
    "compared": N_("The case has been compared with the other cases of this team."),
    "view_kept": N_("The view has been saved."),
    "view_dropped": N_("The view has been removed. No cases were changed."),
    "shortcuts_on": N_("Shortcuts are on in this browser."),
    "shortcuts_off": N_("Shortcuts are off in this browser."),
    "passphrase": N_("Your passphrase has been changed. All your other sessions have ended."),
    "passkey_added": N_("The passkey has been added. You can use it with your passphrase to sign in."),
    "passkey_removed": N_("The passkey has been removed."),
    "code_changed": N_("Use the new code app from now on. Codes from the old app no longer work."),
    "sessions_ended": N_("The session has ended."),
    "granted": N_("The key has been granted. Your colleague can now read the cases of your team or organisation."),
    "deactivated": N_("The member has been deactivated. Their sessions, passkeys and keys have been removed."),
    "role_changed": N_("The role has been changed. The member's sessions have ended."),
    "let_in": N_("Access has been restored. For 15 minutes, failed attempts by others do not lock this member out."),
    "proposed": N_(
        "The proposal has been saved. Another person has to approve it. Everybody concerned sees it on their pages."
    ),
    "approved": N_("The proposal has been approved. See below when it can be carried out."),
    "confirmed": N_("The change has been confirmed. The person who proposed it can carry it out now."),
    "declined": N_("The proposal has been stopped. Nothing has changed."),
    "withdrawn": N_("The proposal has been withdrawn."),
    "voided": N_("The code has been voided. Nobody can join or come back with it."),
    "client_off": N_("The program is switched off. Its secrets and tokens no longer work."),
    "credential_ended": N_("The secret or key has ended. Tokens made with it work until they expire, within minutes."),
    "frozen": N_("Partner access has been stopped everywhere."),
    "unfrozen": N_("Partner access has been restored."),
    "carried_out": N_("The proposal has been carried out."),
}
UNDOABLE: Final = frozenset(
    {
        "taken",
        "assigned",
        "snoozed",
        "woken",
        "offered",
        "asked",
        "to_be_asked",
        "closed",
        "need_ended",
        "unmet",
        "reopened",
        "released",
        "discarded",
    }
)
SHORTCUTS: Final = "staff_shortcuts"
_LABEL: Final = re.compile(r"[0-9A-Z]{1,8}-?[0-9A-Z]{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ActionMessage:
    """The message after an action, with the case and version that "Undo" needs. `elsewhere`: not the case on this page."""

    text: str
    case: str
    version: str
    may_undo: bool
    elsewhere: bool


def action_message(request: Request) -> ActionMessage | None:
    """The message that the URL asks for; it selects one of our own texts and carries only codes."""
    code = request.query_params.get("done", "")
    if code not in _MESSAGES:
        return None
    segments = request.url.path.split("/")
    here = segments[3] if request.url.path.startswith("/desk/cases/") else ""
    case, version = request.query_params.get("was") or here, request.query_params.get("v", "")
    is_case_version = bool(_LABEL.fullmatch(case)) and version.isascii() and version.isdigit() and len(version) < 10
    named = case if _LABEL.fullmatch(case) else ""
    return ActionMessage(
        _MESSAGES[code], named, version, is_case_version and code in UNDOABLE, bool(named) and named != here
    )


_NAV = {
    "today": ("/desk/today", N_("Today")),
    "queue": ("/desk/", N_("Queue")),
    "next": ("/desk/next", N_("Next case")),
    "assisted": ("/desk/assisted", N_("Assisted intake")),
    "rules": ("/desk/rules", N_("Rules")),
    "directory": ("/desk/directory", N_("Directory")),
    "package": ("/desk/directory/package", N_("Directory package")),
    "reports": ("/desk/reports", N_("Reports")),
    "tasks": ("/desk/tasks", N_("Tasks")),
    "members": ("/desk/members", N_("Members")),
    "shortcuts": ("/desk/shortcuts", N_("Shortcuts")),
    "proposals": ("/desk/proposals", N_("Proposals")),
    "audit": ("/desk/audit", N_("Audit")),
    "operations": ("/desk/operations", N_("Operations")),
    "clients": ("/desk/clients", N_("Programs")),
    "rota": ("/desk/rota", N_("Rota")),
    "requests": ("/partner/", N_("Requests")),
    "services": ("/partner/services", N_("Our services")),
    "how_we_did": ("/partner/report", N_("Our report")),
    "notices": ("/partner/notices", N_("Notices")),
    "colleagues": ("/partner/members", N_("Members")),
    "partner_proposals": ("/partner/proposals", N_("Proposals")),
}
_COORDINATORS_NAV = (
    "today",
    "queue",
    "next",
    "tasks",
    "rota",
    "assisted",
    "directory",
    "rules",
    "reports",
    "members",
    "proposals",
)
IN_THE_HEAD: Final = frozenset({"/desk/me", "/desk/search", *(address for address, _word in _NAV.values())})
"""The addresses that the head of a page leads to."""
_NAV_OF = {
    Role.COORDINATOR: (*_COORDINATORS_NAV, "shortcuts"),
    Role.SENIOR: (*_COORDINATORS_NAV, "operations", "shortcuts"),
    Role.AUDITOR: ("audit", "reports", "rules", "proposals", "operations"),
    Role.ADMIN: ("members", "proposals", "clients", "reports", "rules", "package", "audit", "operations"),
    Role.PARTNER: ("requests", "services", "how_we_did", "notices", "colleagues", "partner_proposals"),
}
OWN_SCRIPT = PAGE_POLICY.replace("default-src 'none';", "default-src 'none'; script-src 'self';")


def home(member: SignedIn) -> str:
    """The first page of a member of this role."""
    return _NAV[_NAV_OF[member.role][0]][0]


def allow_own_script(response: Response) -> None:
    """Allow this response to run our own script files."""
    response.headers["content-security-policy"] = OWN_SCRIPT


def code_names(request: Request) -> CodeNames:
    """Names of codes in the reader's language; created once for each language of an app."""
    state, language = request.app.state, reader_language.of(request)
    by_language: dict[str, CodeNames] | None = getattr(state, "code_names", None)
    if by_language is None:
        by_language = state.code_names = {}
    if language not in by_language:
        by_language[language] = CodeNames(language, state.directory)
    return by_language[language]


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a page in the reader's language. Raises UndefinedError if the template uses a variable that is not in the context.

    With a `zone`, that of the country of a case, instants are shown in its local time, otherwise in UTC.
    """
    language, times = reader_language.of(request), reader_language.times(request)
    names = code_names(request)
    member = getattr(request.state, "member", None)
    settings = request.app.state.settings
    shortcuts = bool(member) and cookies.read(request, SHORTCUTS) == "on"
    html = rendering.render(
        template,
        language,
        domain=STAFF,
        signed_in=member,
        csrf=_form_token(request, member) if member else "",
        demo=settings.demo,
        now=request.app.state.clock(),
        action_message=action_message(request),
        shortcuts=shortcuts,
        nav=[_NAV[name] for name in _NAV_OF[member.role]] if member else [],
        current_path=request.url.path,
        home=home(member) if member else "/desk/",
        open_tasks=getattr(request.state, "open_tasks", None),
        nobody_told=_nobody_told(request, member),
        sends_nothing=_counts_reach(request, member)
        and not (settings.smtp_host or settings.team_ways or settings.demo),
        names=names,
        times=times,
        day=times.day,
        moment=_moments_of(times, context.get("zone")),
        switch_here=reader_language.address_here(request) if status < 400 else None,
        **context,
    )
    headers = {"content-security-policy": OWN_SCRIPT} if shortcuts else None
    return HTMLResponse(html, status_code=status, headers=headers)


def _moments_of(times: TimeFormat, zone: str | None) -> Callable[[datetime], str]:
    """The function with which the page shows an instant."""
    return times.moment if zone is None else lambda instant: times.local_moment(instant, zone)


def _nobody_told(request: Request, member: SignedIn | None) -> bool:
    """Whether nobody of the member's team can be told; False on pages that do not count it, and for the made-up team."""
    return _counts_reach(request, member) and request.state.reach.members_told == 0


def _counts_reach(request: Request, member: SignedIn | None) -> bool:
    """Whether this page has counted who of the member's team can be told; never for the made-up team."""
    return getattr(request.state, "reach", None) is not None and member is not None and member.team_id != TEAM_ID


def _form_token(request: Request, member: SignedIn) -> str:
    """A token for every form of the page. Without a nonce, so that pages with equal content are byte for byte the same."""
    state = request.app.state
    return csrf.new_token(state.keys, state.clock(), csrf.of_session(member.binding), nonce=False)


def download(text: str, name: str) -> Response:
    """A CSV file to be saved under this name."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def redirect(path: str) -> RedirectResponse:
    """Redirect after a POST; with 303 the browser follows with GET."""
    return RedirectResponse(path, status_code=303)


def message(code: str) -> str:
    """The message shown after the action of this code. Raises KeyError."""
    return _MESSAGES[code]


def with_message(path: str, **parameters: str) -> str:
    """The path, with the parameters of the message to show there."""
    more = urlencode({name: value for name, value in parameters.items() if value})
    return path + (("&" if "?" in path else "?") + more if more else "")
