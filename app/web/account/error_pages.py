"""An error as a page of the desk. Whatever somebody typed is on it, to be sent again, corrected or dropped."""

import json
import secrets
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.core.errors import AppError, Conflict, Invalid, NotSignedIn, PreconditionFailed
from app.core.i18n import N_, STAFF, translator
from app.core.kill_switch import Frozen
from app.staff import passkeys
from app.web.account.policies import OldForm, set_cookie, site
from app.web.components import csrf, staff_pages

_FORM_COOKIE: Final = "staff_form"
_TYPED_AGAIN: Final = ("text",)
_NOT_CARRIED: Final = frozenset({"csrf", "passphrase", "passphrase_new", "passphrase_again", "code", "passkey", "seat"})
_WORDS: Final = {
    400: N_("This request could not be read."),
    403: N_("You do not have permission to do this."),
    404: N_("We could not find this page. It may belong to another team or have been deleted."),
    405: N_("This is not possible here."),
    413: N_("This is too long. Please send less text."),
    429: N_("You have reached today's limit. Nothing was opened."),
    503: N_("The service is very busy. Nothing was saved. Please try again in a minute."),
}
_STOPPED: Final = N_("Partner access is stopped at the moment.")
_UNEXPECTED: Final = N_("Something went wrong on our side. Nothing was saved. Please try again.")


def error_page(request: Request, error: AppError) -> Response:
    if isinstance(error, NotSignedIn):
        return _sign_in(request, error)
    if typed(request) and isinstance(error, Conflict | PreconditionFailed | Invalid | OldForm):
        return _again(request, error)
    words = translator(staff_pages.LANGUAGE, STAFF).text(
        _STOPPED if isinstance(error, Frozen) else _WORDS.get(error.status, _UNEXPECTED)
    )
    response = staff_pages.page(
        request,
        "account/error.html",
        status=error.status,
        message=words,
        detail=error.detail if error.status < 500 or isinstance(error, Frozen) else "",
    )
    response.headers.update(error.headers)
    return response


def typed(request: Request) -> list[tuple[str, str]]:
    """The fields that were sent, without secrets."""
    found = getattr(request.state, "typed", None) or {}
    return [(name, value) for name, values in found.items() for value in values if name not in _NOT_CARRIED]


def _sign_in(request: Request, error: NotSignedIn) -> Response:
    path = request.url.path
    if request.method in {"GET", "HEAD"}:
        here = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/desk/sign-in?next={quote(here)}", status_code=303)
    return sign_in_page(request, status=401, carried=typed(request), again=path, ended=error.detail)


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
    """The form of the sign-in. `carried` and `again`: what was being sent, and where to, when the session had ended."""
    settings = request.app.state.settings
    mark = form_mark(request) or secrets.token_urlsafe(24)
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
        token=_token(request, mark),
        passkey=passkey_question(request, mark),
    )
    staff_pages.allow_own_script(response)
    set_cookie(response, _FORM_COOKIE, mark, settings)
    return response


def passkey_question(request: Request, mark: str) -> str:
    """What the browser is asked when a passkey is used, as JSON; nothing where there can be none."""
    state = request.app.state
    where = site(state.settings)
    if where is None:
        return ""
    return json.dumps(passkeys.options_for_use(where, passkeys.challenge(state.keys, mark, state.clock())))


def marked_page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page with a form for somebody who is not signed in: tied to this browser like the form of the sign-in."""
    mark = form_mark(request) or secrets.token_urlsafe(24)
    response = staff_pages.page(request, template, status=status, token=_token(request, mark), **context)
    set_cookie(response, _FORM_COOKIE, mark, request.app.state.settings)
    return response


def is_our_form(request: Request) -> bool:
    """Whether this form was made for this browser."""
    mark, given = form_mark(request), request.state.typed.get("csrf", [""])[0]
    state = request.app.state
    return mark is not None and csrf.is_valid(state.keys, given, state.clock(), csrf.of_browser(mark))


def form_mark(request: Request) -> str | None:
    """What the sign-in form is tied to before there is a session: a cookie that no other site's page can send along."""
    value = request.cookies.get(_FORM_COOKIE, "")
    return value if 20 <= len(value) <= 64 and value.isascii() else None


def _token(request: Request, mark: str) -> str:
    state = request.app.state
    return csrf.new_token(state.keys, state.clock(), csrf.of_browser(mark))


def _again(request: Request, error: AppError) -> HTMLResponse:
    version = error.extra.get("version")
    fields = [
        (name, str(version) if name == "version" and version is not None else value) for name, value in typed(request)
    ]
    return send_again_page(
        request,
        request.url.path,
        fields,
        status=error.status,
        detail=error.detail if not isinstance(error, Invalid) else " ".join(found["detail"] for found in error.errors),
        state=str(error.extra.get("state", "")),
        clash=isinstance(error, PreconditionFailed),
        may_send=isinstance(error, PreconditionFailed | Invalid | OldForm),
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
    """A form as it was sent: texts can be changed, the rest is kept. Nothing happens until it is sent."""
    return staff_pages.page(
        request,
        "account/send_again.html",
        status=status,
        path=path,
        back=back_from(path),
        texts=[(name, value) for name, value in fields if name in _TYPED_AGAIN],
        hidden=[(name, value) for name, value in fields if name not in _TYPED_AGAIN],
        detail=detail,
        state=state,
        clash=clash,
        may_send=may_send,
    )


def back_from(path: str) -> str:
    """The case or referral that an address acts on: its first three steps."""
    steps = path.split("/")
    return "/".join(steps[:4]) if len(steps) > 4 else "/" + steps[1] + "/"
