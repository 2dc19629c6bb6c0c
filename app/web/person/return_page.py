"""The page that asks for the number, and opens the case for a visit."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.cases import person_access
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import NotFound
from app.core.i18n import N_, Translator, translator
from app.core.keyring import KeyRing
from app.intake import drafts, receipts
from app.intake.questions import FormFields
from app.intake.receipts import MistypedReceipt, Receipt
from app.settings import Settings
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import (
    visits,
)
from app.web.person.dependencies import (
    AGAIN,
    Again,
    Config,
    Cookie,
    Form,
    Lang,
    anyone,
    new_secret,
    set_cookie,
)
from app.web.person.receipt_page import GOES_ON
from app.web.person.single_page_form import EXPIRED_NOTICE

router = APIRouter(dependencies=[Depends(anyone)])
_UNKNOWN: Final = N_(
    "We could not find a request with this number. Please compare it, digit by digit, with what you wrote down. "
    "If it is right, the request may have been deleted, or it has a new number. Then please fill in the form again."
)
_TYPING_ERROR: Final = N_(
    "At least one digit is wrong. Please compare the number, digit by digit, with what you wrote down."
)
_WRONG_SIGN: Final = N_("The sign “{sign}” does not belong in a number. A number has only digits.")
_LONGEST_KEPT_NUMBER: Final = 200
_ENDED: Final = N_(
    "Your session has ended. If you have just pressed a button, nothing was changed or sent. Type your number to go on."
)


@router.get("/return")
def ask_for_number(
    lang: Lang,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    settings: Config,
    session: ReadDb,
    again: Again = "",
    ended: Again = "",
) -> Response:
    """Ask for the number. `again`: a number that was typed and refused; it is shown with its error.

    `ended`: the visit has ended.
    """
    typed = visits.kept(session, cookie, now, "number") if again else None
    entered, problem = typed or ("", "")
    return _number_form(lang, cookie, keys, settings, now, entered, problem, notice=_ENDED if ended else "")


def _number_form(
    lang: str,
    cookie: str | None,
    keys: KeyRing,
    settings: Settings,
    now: datetime,
    entered: str = "",
    problem: str = "",
    notice: str = "",
) -> Response:
    """The form, tied to a cookie of this browser: another site cannot make it open a case that is not the person's own."""
    secret = cookie or new_secret(keys)
    error = _number_error(problem, entered, translator(lang))
    response = page(
        "person/return.html",
        lang,
        status=422 if error else 200,
        error=error,
        notice=notice,
        entered=entered,
        csrf=csrf.new_token(keys, now, csrf.of_browser(secret)),
        here="return",
        switch="return",
    )
    if cookie is None:
        set_cookie(response, secret, settings)
    return response


def _number_error(problem: str, entered: str, words: Translator) -> str:
    """The error of the number, in words: which sign, how many digits, a typing error, or an unknown number."""
    if problem in {"", "late", "unknown"}:
        return words.text({"": "", "late": EXPIRED_NOTICE, "unknown": _UNKNOWN}[problem])
    try:
        receipts.parse(entered)
    except MistypedReceipt as error:
        n_ = words.plural
        counted = n_(
            "You typed {n} digit. A number has 28 digits.",
            "You typed {n} digits. A number has 28 digits.",
            error.digits_found,
        )
        if error.sign:
            wrong = words.text(_WRONG_SIGN, sign=error.sign)
            return wrong if error.digits_found == receipts.DIGITS else f"{wrong} {counted}"
        return words.text(_TYPING_ERROR) if error.digits_found == receipts.DIGITS else counted
    return words.text(_UNKNOWN)


@router.post("/return")
def sign_in_with_number(
    lang: Lang, form: Form, request: Request, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db
) -> Response:
    """Open the case for this visit. Check digits separate a typing error from an unknown number without a query."""
    number = field_value(form, "number")
    receipt, problem = None, ""
    if "switch" not in form:
        receipt, problem = _opened_by(form, number, request, cookie, keys, session, now)
    if receipt is None:
        if cookie is None or len(number) > _LONGEST_KEPT_NUMBER:  # nothing can be kept for the next page
            return _number_form(lang, cookie, keys, settings, now, number, problem)
        visits.keep(session, cookie, now, settings.draft_idle, number=(number, problem))
        return RedirectResponse(f"/{lang}/return?{AGAIN}", 303)
    secret = new_secret(keys)
    visits.begin(session, secret, receipt, now, settings.draft_idle)
    drafts.drop(session, cookie)  # no page can reach it any more
    then = GOES_ON.get(field_value(form, "then"), "case")
    response = RedirectResponse(f"/{lang}/{then}", 303)
    set_cookie(response, secret, settings)
    return response


def _opened_by(
    form: FormFields, number: str, request: Request, cookie: str | None, keys: KeyRing, session: Session, now: datetime
) -> tuple[Receipt | None, str]:
    """The number, if this form opens a case with it; else None, and why not: "late", "mistyped" or "unknown"."""
    is_ours = csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_browser(cookie))
    if not is_ours and not csrf.is_said_to_be_ours(request):
        return None, "late"
    try:
        receipt = receipts.parse(number)
        person_access.open_by_receipt(session, receipt, keys, now)
    except MistypedReceipt:
        return None, "mistyped"
    except NotFound:
        return None, "unknown"
    return receipt, ""
