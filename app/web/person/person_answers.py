"""One-button answers to the questions on the status page."""

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from app.casework import case_moves, contact_answers
from app.core.dependencies import Db, Keys, Now
from app.web.person import visits
from app.web.person.dependencies import Cookie, Directory, Form, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])


@router.post("/case/contacted")
def contacted_or_not(lang: Lang, typed: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Record yes or no to "has the centre contacted you?"."""
    opened = visits.acting(session, typed, cookie, keys, now)
    said = typed.get("answer", [""])[-1]
    if opened is not None and said in {"yes", "no"}:
        contact_answers.answer(session, opened.case, typed.get("referral", [""])[-1], yes=said == "yes", now=now)
    return RedirectResponse(f"/{lang}/case", 303)


@router.post("/case/move")
def move(lang: Lang, typed: Form, cookie: Cookie, now: Now, keys: Keys, session: Db, directory: Directory) -> Response:
    """Record yes or no to a transfer to another country's team."""
    opened = visits.acting(session, typed, cookie, keys, now)
    said = typed.get("answer", [""])[-1]
    if opened is not None and said in {"yes", "no"}:
        case_moves.answer(session, opened, yes=said == "yes", keys=keys, directory=directory, now=now)
    return RedirectResponse(f"/{lang}/case", 303)
