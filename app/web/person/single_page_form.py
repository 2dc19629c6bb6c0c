"""All questions on one page, without a cookie: the answers travel in the page itself."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from app.casework import filing
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake.questions import STEPS, Typed
from app.matching.code_names import CodeNames
from app.web.components import csrf
from app.web.components.rendering import page
from app.web.person import draft_answers, spam_signals
from app.web.person import form_fields as shown
from app.web.person.check_page import check_page
from app.web.person.dependencies import Config, Directory, Form, Lang, anyone, said
from app.web.person.receipt_page import receipt_page

router = APIRouter(dependencies=[Depends(anyone)])
AGAIN = N_("This page was open for a long time. Everything you typed is still here. Please send it again.")
NO_COOKIE = N_(
    "Your browser does not keep our cookies. That is fine: this page does not need them. Everything you typed is still here."
)


@router.get("/form/all")
def whole_form(lang: Lang, now: Now, keys: Keys, directory: Directory) -> Response:
    return whole_page(lang, {}, {}, keys, directory, now)


@router.post("/form/all")
def send_whole_form(lang: Lang, typed: Form, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    """Validate the form and show the centres. A language button shows the same page in that language."""
    kept = draft_answers.kept(typed)
    if "switch" in typed:
        return whole_page(lang, typed, {}, keys, directory, now)
    intake, found = draft_answers.checked(kept, lang, directory, now)
    if intake is None or "change" in typed:
        return whole_page(lang, typed, shown.in_words(found, CodeNames(lang, directory)), keys, directory, now)
    return check_page(lang, kept, intake, session, keys, directory, now, carried=_carried(typed, keys, now))


@router.post("/form/all/send")
def file_whole_form(
    lang: Lang,
    typed: Form,
    request: Request,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """File the case and reply with its number. The same page sent twice creates one case and shows the same number."""
    kept, token = draft_answers.kept(typed), said(typed, "token")
    intake, found = draft_answers.checked(kept, lang, directory, now)
    if intake is None or "change" in typed:
        return whole_page(lang, typed, shown.in_words(found, CodeNames(lang, directory)), keys, directory, now)
    if "switch" in typed or not csrf.is_valid(keys, token, now, csrf.UNBOUND):
        notice = "" if "switch" in typed else AGAIN
        carried = _carried(typed, keys, now)
        return check_page(lang, kept, intake, session, keys, directory, now, carried=carried, notice=notice)
    reply = filing.file_once(
        session,
        intake,
        who="form",
        key=token,
        payload=b"",
        keys=keys,
        directory=directory,
        now=now,
        ttl=settings.reply_ttl,
        held_reason=spam_signals.held_reason(
            request, typed, csrf.made_at(keys, said(typed, "begun"), csrf.UNBOUND), now
        ),
    )
    return receipt_page(lang, reply.body, directory, keys, now, here=None)


def _carried(typed: Typed, keys: KeyRing, now: datetime) -> Typed:
    """Hidden fields for the next page: the answers, when the form was opened, and the honeypot field."""
    begun = said(typed, "begun") or csrf.new_token(keys, now, csrf.UNBOUND)
    return {**draft_answers.kept(typed), "begun": [begun], spam_signals.TRAP: typed.get(spam_signals.TRAP, [])}


def all_steps(
    template: str, lang: str, typed: Typed, errors: dict[str, str], directory: Packs, **more: object
) -> HTMLResponse:
    """Show every question on one page with the typed values; status 422 when there are errors."""
    reader = CodeNames(lang, directory)
    steps = [(step, shown.fields(step.questions, typed, errors, reader, directory)) for step in STEPS]
    return page(template, lang, status=422 if errors else 200, steps=steps, errors=errors, **more)


def whole_page(
    lang: str,
    typed: Typed,
    errors: dict[str, str],
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    *,
    notice: str = "",
) -> HTMLResponse:
    return all_steps(
        "person/single_page.html",
        lang,
        typed,
        errors,
        directory,
        consents={name: choice[-1] for name, choice in typed.items() if name.startswith("c_")},
        begun=said(typed, "begun") or csrf.new_token(keys, now, csrf.UNBOUND),
        trap=said(typed, spam_signals.TRAP),
        token=csrf.new_token(keys, now, csrf.UNBOUND),
        notice=notice,
        here="form/all",
        switch="form/all",
    )
