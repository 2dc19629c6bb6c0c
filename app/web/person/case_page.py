"""The status page and its forms: message, consent, withdrawing, erasing, a copy as a file, and leaving."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app import privacy
from app.cases import person_access
from app.cases.person_access import OpenedCase, TooManyChanges
from app.casework import filing, person_actions
from app.core.dependencies import Brake, Db, Keys, Now
from app.core.errors import Conflict, Invalid, NotFound
from app.core.i18n import N_, translator
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import drafts
from app.settings import Settings
from app.web.components import csrf
from app.web.components.document_pages import document_limits
from app.web.components.forms import field_value
from app.web.person import case_view, ended_visit, visits
from app.web.person.dependencies import (
    AGAIN,
    ENDED,
    Again,
    Config,
    Cookie,
    Directory,
    Form,
    Lang,
    anyone,
    delete_cookie,
)
from app.web.person.single_page_form import EXPIRED_NOTICE

router = APIRouter(dependencies=[Depends(anyone)])
_KEPT_MESSAGE: Final = 2 * person_access.MAX_MESSAGE_LENGTH
"""A longer message is not kept for the page with its error: it would not fit a draft."""
TOO_MANY_CHANGES: Final = N_(
    "Very many changes were made to this request today. This one was not saved. Please come back tomorrow."
)
_NO_ROOM: Final = N_(
    "We have no room for messages at the moment. It was not sent. Please send it again in a few hours."
)
_HOW_TO_SAVE: Final = N_(
    "The documents are not in this copy. Open the request with its number, go to “Letters and documents” and save the picture of"
    " each page. While the request is open in the browser, the addresses here lead to the pictures too."
)
_UNCHANGED: Final = N_(
    "Nothing was changed: this page was open for a long time, or you opened your request again in the meantime. "
    "Here it is as it stands now. Please choose again."
)
_NOT_AGREED: Final = N_(
    "No time was agreed. Please choose one of the times below and press the button again. A time that is not there any more "
    "cannot be chosen."
)
_EMPTY: Final = N_("Please write your message first.")


@router.get("/case")
def show_case(
    lang: Lang,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
    again: Again = "",
    unchanged: Again = "",
    not_agreed: Again = "",
) -> Response:
    """Show the status page. `again`: a message was not sent and is shown with its error. `unchanged`: a form changed nothing.

    `not_agreed`: "agree to this time" was pressed without a time, or the time was taken in the meantime.
    """
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    text, problem = (visits.kept(session, cookie, now, "message") if again else None) or (
        "",
        "not_agreed" if not_agreed else "unchanged" if unchanged else "",
    )
    return _page_with_message(lang, session, opened, cookie, keys, directory, settings, now, text, problem)


def _page_with_message(
    lang: str,
    session: Session,
    opened: OpenedCase,
    cookie: str | None,
    keys: KeyRing,
    directory: Packs,
    settings: Settings,
    now: datetime,
    text: str,
    problem: str,
) -> Response:
    """The page with a message that was not sent, and why: a code, or "" for none."""
    words, most = translator(lang), person_access.MAX_MESSAGE_LENGTH
    n_ = words.plural
    error = words.text(_EMPTY) if problem == "required" else ""
    if problem == "too_long":
        length = len(text.strip())
        error = n_(
            "Your message is too long: it has {n} character. The limit is {most}.",
            "Your message is too long: it has {n} characters. The limit is {most}.",
            length,
            most=words.number(most),
        )
    notice = {
        "unchanged": _UNCHANGED,
        "not_agreed": _NOT_AGREED,
        "late": EXPIRED_NOTICE,
        "too_many": TOO_MANY_CHANGES,
        "no_room": _NO_ROOM,
    }.get(problem, "")
    telegram = bool(settings.telegram_bot)
    return case_view.status_page(
        lang,
        session,
        opened,
        cookie,
        keys,
        directory,
        now,
        document_limits(settings),
        telegram=telegram,
        text=text,
        error=error,
        notice=notice,
    )


@router.post("/case/message")
def send_message(
    lang: Lang,
    form: Form,
    request: Request,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    brake: Brake,
    session: Db,
) -> Response:
    """Send a message. If the visit has ended, show the text again and ask for the number."""
    text = field_value(form, "text")
    opened = visits.case_of_visit(session, cookie, keys, now, lock=True)
    if opened is None or cookie is None:
        return ended_visit.leads_to(lang, text, session, request, cookie, keys, settings, now)
    problem = "" if csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_visit(cookie)) else "late"
    if not problem and not filing.is_urgent(opened.case.urgency) and brake.is_on(session):
        problem = "no_room"
    if not problem and "switch" not in form:
        try:
            person_actions.write_message(session, opened, text, now=now)
        except Invalid as error:
            problem = error.errors[0]["code"]
        except (TooManyChanges, Conflict):
            problem = "too_many"
    if problem == "no_room" or len(text) > _KEPT_MESSAGE:  # too large for the draft: it comes back in this answer
        return _page_with_message(lang, session, opened, cookie, keys, directory, settings, now, text, problem)
    if problem or "switch" in form:
        visits.keep(session, cookie, now, settings.draft_idle, message=(text, problem))
        return RedirectResponse(f"/{lang}/case?{AGAIN}#thread", 303)
    visits.keep(session, cookie, now, settings.draft_idle, message=None)
    return RedirectResponse(f"/{lang}/case#thread", 303)


@router.post("/case/consent")
def consent(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Record yes or no for one centre that was not named before."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    answer = field_value(form, "answer") == "yes"
    with suppress(NotFound):  # answered already: the page says how it stands
        person_actions.answer_consent(session, opened, field_value(form, "referral"), yes=answer, keys=keys, now=now)
    return RedirectResponse(f"/{lang}/case", 303)


@router.post("/case/withdraw")
def withdraw(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    if field_value(form, "sure") == "yes" and opened.case.closed_at is None:
        privacy.withdraw(session, opened.case, now=now)
    return RedirectResponse(f"/{lang}/case", 303)


@router.post("/case/erase")
def erase(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db) -> Response:
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    if field_value(form, "sure") != "yes":
        return RedirectResponse(f"/{lang}/case", 303)
    privacy.erase(session, opened.case, actor_kind="person", now=now)
    return _end_visit(lang, session, cookie, settings, "deleted")


@router.post("/case/export")
def export(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db) -> Response:
    """Download everything we hold about the person as JSON."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return visits.nothing_changed(lang, session, cookie, now)
    copy = privacy.export(session, opened, keys, team_conversations=settings.export_team_conversations)
    if copy["documents"]:
        copy["how_to_save_documents"] = translator(lang).text(_HOW_TO_SAVE)
        for entry in copy["documents"]:
            here = f"{settings.base_url}/{lang}/case/documents/{entry['document']}"
            entry["pictures"] = [f"{here}/{page_number}" for page_number in range(1, entry["pages"] + 1)]
    document = json.dumps(copy, ensure_ascii=False, indent=2)
    return Response(
        document, media_type="application/json", headers={"content-disposition": 'attachment; filename="copy.json"'}
    )


@router.post("/case/leave")
def leave(lang: Lang, _typed: Form, cookie: Cookie, settings: Config, session: Db) -> Response:
    return _end_visit(lang, session, cookie, settings)


def _end_visit(lang: str, session: Session, cookie: str | None, settings: Settings, to: str = "goodbye") -> Response:
    drafts.drop(session, cookie)
    response = RedirectResponse(f"/{lang}/{to}", 303)
    delete_cookie(response, settings)
    return response
