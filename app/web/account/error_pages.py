"""Errors as pages for staff. A form that failed is shown again with its input, to be corrected, sent again or dropped."""

import json
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.core.database_errors import OutcomeUnknown
from app.core.errors import (
    AppError,
    Conflict,
    FilesTooLarge,
    IllegalMove,
    Invalid,
    NotSignedIn,
    PreconditionFailed,
    Unavailable,
)
from app.core.i18n import N_
from app.core.kill_switch import Frozen
from app.staff import passkeys
from app.web.account.policies import OldForm, ProofNeeded, site
from app.web.components import cookies, csrf, date_fields, forms, reader_language, staff_pages
from app.web.components.forms import field_value

FORM_COOKIE: Final = "staff_form"
_EDITABLE_FIELDS: Final = ("text", "note")
_SECRET_FIELDS: Final = frozenset(
    {"csrf", "passphrase", "passphrase_new", "passphrase_again", "code", "passkey", "seat"}
)
_MESSAGES: Final = {
    400: N_("This request could not be read."),
    403: N_("You do not have permission to do this."),
    404: N_("We could not find this page. It may belong to another team or have been deleted."),
    405: N_("This is not possible here."),
    409: N_("This is not possible as things are now. Nothing was saved."),
    412: N_("This is not possible as things are now. Nothing was saved."),
    413: N_("This is too long. Please send less text."),
    422: N_("Some of the input is not valid. Nothing was saved."),
    429: N_("You have reached today's limit. Nothing was opened."),
    503: N_("The service is very busy. Nothing was saved. Please try again in a minute."),
}
_FILE_TOO_LARGE: Final = N_("The file is too large. Nothing was saved. Choose a smaller file.")
_CHOOSE_AGAIN: Final = N_("The file was not kept. Open the page again, and choose the file again.")
_OUTCOME_UNKNOWN: Final = N_(
    "The connection to the database was lost while this was saved. Look whether it was saved before you send it again."
)
_FROZEN: Final = N_("Partner access is stopped at the moment.")
_ILLEGAL_MOVE: Final = N_("This is no longer possible. Somebody may have changed it since you opened the page.")
_UNEXPECTED: Final = N_("Something went wrong on our side. Nothing was saved. Please try again.")


def error_page(request: Request, error: AppError) -> Response:
    if isinstance(error, NotSignedIn):
        return _sign_in_again(request, error)
    if isinstance(error, OldForm) and forms.is_multipart(request):
        words = reader_language.words(request)
        return staff_pages.page(
            request, "account/error.html", status=error.status,
            message=words.text(error.detail), detail=words.text(_CHOOSE_AGAIN),
        )  # fmt: skip
    if submitted_fields(request) and (
        isinstance(error, Conflict | PreconditionFailed | Invalid | OldForm) or _would_lose_text(request, error)
    ):
        return _send_again(request, error)
    message = reader_language.words(request).text(
        _FROZEN
        if isinstance(error, Frozen)
        else _FILE_TOO_LARGE
        if isinstance(error, FilesTooLarge)
        else _OUTCOME_UNKNOWN
        if isinstance(error, OutcomeUnknown)
        else _MESSAGES.get(error.status, _UNEXPECTED if error.status >= 500 else _MESSAGES[405])
    )
    response = staff_pages.page(
        request,
        "account/error.html",
        status=error.status,
        message=message,
        detail=_detail(request, error),
    )
    response.headers.update(error.headers)
    return response


def _would_lose_text(request: Request, error: AppError) -> bool:
    """Whether a text was sent and could not be saved, because the database cannot be written."""
    if not isinstance(error, Unavailable) or isinstance(error, Frozen | OutcomeUnknown):
        return False
    return any(value.strip() for name, value in submitted_fields(request) if name in _EDITABLE_FIELDS)


def _detail(request: Request, error: AppError) -> str:
    """The error in the reader's language; without details of an error on our side, and without codes of a life cycle."""
    words = reader_language.words(request)
    if isinstance(error, FilesTooLarge):
        return ""
    if isinstance(error, Invalid):
        return " ".join(words.text(entry["detail"]) for entry in error.errors)
    if isinstance(error, IllegalMove):
        return words.text(_ILLEGAL_MOVE)
    if isinstance(error, Unavailable) and not isinstance(error, Frozen):
        return words.text(_OUTCOME_UNKNOWN if isinstance(error, OutcomeUnknown) else _MESSAGES[503])
    return words.text(error.detail) if error.status < 500 or isinstance(error, Frozen) else ""


def submitted_fields(request: Request) -> list[tuple[str, str]]:
    """The fields that were submitted, without secrets, as names and values."""
    submitted = getattr(request.state, "form", None) or {}
    return [(name, value) for name, values in submitted.items() for value in values if name not in _SECRET_FIELDS]


def _sign_in_again(request: Request, error: NotSignedIn) -> Response:
    path = request.url.path
    if request.method in {"GET", "HEAD"}:
        here = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/desk/sign-in?next={quote(here)}", status_code=303)
    if isinstance(error, ProofNeeded):
        return sign_in_page(request, status=401, target="/desk/me", ended=error.detail)
    if forms.is_multipart(request):
        return sign_in_page(request, status=401, ended=_CHOOSE_AGAIN)
    return sign_in_page(request, status=401, carried=submitted_fields(request), again=path, ended=error.detail)


def sign_in_page(
    request: Request,
    *,
    status: int = 200,
    carried: list[tuple[str, str]] | None = None,
    again: str = "",
    target: str = "",
    ended: str = "",
    wrong: bool = False,
    name: str = "",
) -> HTMLResponse:
    """The sign-in form. `carried` and `again`: the fields and the path of a form that was sent after the session had ended."""
    settings = request.app.state.settings
    secret = browser_secret(request) or cookies.mint(request.app.state.keys, FORM_COOKIE)
    response = staff_pages.page(
        request,
        "account/sign_in.html",
        status=status,
        carried=carried or [],
        again=again,
        target=target,
        ended=ended,
        wrong=wrong,
        name=name,
        token=_token(request, secret),
        passkey=passkey_options(request, secret),
    )
    staff_pages.allow_own_script(response)
    cookies.put(response, FORM_COOKIE, secret, settings)
    return response


def passkey_options(request: Request, secret: str) -> str:
    """The WebAuthn options for signing in with a passkey, as JSON; empty where passkeys are not available."""
    state = request.app.state
    passkey_site = site(state.settings)
    if passkey_site is None:
        return ""
    return json.dumps(passkeys.options_for_use(passkey_site, passkeys.challenge(state.keys, secret, state.clock())))


def browser_bound_page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page with a form that needs no sign-in; its token is bound to a cookie of this browser, as at the sign-in."""
    secret = browser_secret(request) or cookies.mint(request.app.state.keys, FORM_COOKIE)
    response = staff_pages.page(request, template, status=status, token=_token(request, secret), **context)
    cookies.put(response, FORM_COOKIE, secret, request.app.state.settings)
    return response


def is_form_of_browser(request: Request) -> bool:
    """Whether the form's token is valid for this browser."""
    secret, token = browser_secret(request), field_value(request.state.form, "csrf")
    state = request.app.state
    return secret is not None and csrf.is_valid(state.keys, token, state.clock(), csrf.of_browser(secret))


def browser_secret(request: Request) -> str | None:
    """The secret of the cookie that forms are bound to before there is a session; None if it is missing or not ours."""
    return cookies.secret(request, FORM_COOKIE)


def _token(request: Request, secret: str) -> str:
    state = request.app.state
    return csrf.new_token(state.keys, state.clock(), csrf.of_browser(secret))


def _send_again(request: Request, error: AppError) -> HTMLResponse:
    version = error.extra.get("version")
    fields = [
        (name, str(version) if name == "version" and version is not None else value)
        for name, value in submitted_fields(request)
    ]
    return send_again_page(
        request,
        request.url.path,
        fields,
        status=error.status,
        detail=_detail(request, error),
        state=str(error.extra.get("state", "")),
        clash=isinstance(error, PreconditionFailed),
        may_send=isinstance(error, PreconditionFailed | Invalid | OldForm | Unavailable),
    )


def send_again_page(
    request: Request,
    path: str,
    fields: list[tuple[str, str]],
    *,
    status: int = 200,
    detail: str = "",
    state: str = "",
    clash: bool = False,
    may_send: bool = True,
) -> HTMLResponse:
    """A form with its submitted input: texts and dates can be changed, the other fields are hidden. Saves nothing by itself.

    After a clash, a date that was left empty is no question: it belongs to another part of the page.
    """
    typed = {name: [value] for name, value in fields}
    dates = [
        name
        for name in typed
        if (parts := {*date_fields.names(name)}) <= typed.keys()
        and not (clash and not any(typed[part][0] for part in parts))
    ]
    boxes = {box for name in dates for box in date_fields.names(name)}
    sent = [name for name in _EDITABLE_FIELDS if name in typed]
    shown = [name for name in sent if any(typed[name])] or sent[:1]
    return staff_pages.page(
        request,
        "account/send_again.html",
        status=status,
        path=path,
        back=page_of(path),
        texts=[(name, value) for name, value in fields if name in shown],
        dates=[(name, date_fields.typed(typed, name)) for name in dates],
        hidden=[(name, value) for name, value in fields if name not in {*shown, *boxes}],
        detail=detail,
        state=state,
        clash=clash,
        may_send=may_send,
    )


def page_of(path: str) -> str:
    """The page of the case or referral that a path acts on: its first three segments."""
    segments = path.split("/")
    return "/".join(segments[:4]) if len(segments) > 4 else "/" + segments[1] + "/"
