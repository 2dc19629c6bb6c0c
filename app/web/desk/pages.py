"""A page for somebody who signed in: the template, who they are, their token, the demo banner, the words."""

from datetime import date, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

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
    "linked": words.N_("The two cases are linked. Each keeps its own consent."),
    "move_asked": words.N_("The person will be asked whether the case may move, when they come with their number."),
    "retried": words.N_("It is sent once more."),
    "dropped": words.N_("Dropped. Nobody is told any more."),
    "kept": words.N_("Kept. It holds for what comes from now on."),
    "done": words.N_("Done."),
}


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
    html = rendering.render(
        template,
        LANGUAGE,
        who=who,
        csrf=who.csrf if who else "",
        demo=settings.demo,
        now=request.app.state.clock(),
        open_tasks=getattr(request.state, "open_tasks", None),
        notice=_SHOWN.get(request.query_params.get("done", "")),
        names=names,
        w=words,
        day=day,
        moment=moment,
        **context,
    )
    return HTMLResponse(html, status_code=status)


def to(path: str) -> RedirectResponse:
    """After a POST. 303: the browser asks with GET."""
    return RedirectResponse(path, status_code=303)


def day(value: date) -> str:
    """Like `Tue 24 Nov 2026`: the same everywhere on the desk, and sorted nowhere by its words."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def moment(value: datetime) -> str:
    """An instant for people of one team in several time zones: in UTC, and said so."""
    return f"{value:%a} {value.day} {value:%b %Y, %H:%M} UTC"
