"""One-button answers to the questions on the status page."""

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from app.casework import contact_answers, country_moves
from app.core.dependencies import Db, Keys, Now
from app.web.person import visits
from app.web.person.dependencies import Cookie, Directory, Form, Lang, anyone

router = APIRouter(dependencies=[Depends(anyone)])


@router.post("/case/contacted")
def contacted_or_not(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Record yes or no to "has the centre contacted you?"."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    answer = form.get("answer", [""])[-1]
    if answer in {"yes", "no"}:
        contact_answers.answer(session, opened.case, form.get("referral", [""])[-1], yes=answer == "yes", now=now)
    return RedirectResponse(f"/{lang}/case", 303)


@router.post("/case/move")
def move(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db, directory: Directory) -> Response:
    """Record yes or no to a transfer to another country's team."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    answer = form.get("answer", [""])[-1]
    if answer in {"yes", "no"}:
        country_moves.answer(session, opened, yes=answer == "yes", keys=keys, directory=directory, now=now)
    return RedirectResponse(f"/{lang}/case", 303)
