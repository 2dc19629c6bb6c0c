"""Joining with a code from a colleague: a new member, or one who lost the passphrase or code app. Needs no sign-in."""

from typing import Final
from uuid import uuid4

import pyotp
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.core.errors import Invalid, NotFound
from app.core.i18n import LANGUAGES, N_
from app.staff import invitations, passphrases
from app.staff import service as staff
from app.staff.invitations import Invitation
from app.web.account.error_pages import browser_bound_page, browser_secret, is_form_of_browser
from app.web.account.my_settings import checked_passphrase, code_uri, decrypt_totp_secret, encrypted_totp_secret
from app.web.account.policies import anyone
from app.web.account.sign_in import passphrase_hashing
from app.web.components import reader_language, staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/join", dependencies=[Depends(anyone)])

_OLD_FORM: Final = N_("This form has expired or came from another site. Type the code here.")
_WRONG_CODE: Final = N_("The one-time code is not correct. Wait for the next code in your app.")


@router.get("", name="join")
async def join_form(request: Request) -> Response:
    return browser_bound_page(request, "account/join.html", wrong="")


@router.post("")
async def check_code(request: Request) -> Response:
    """Check the code, then show the form for the passphrase and the code app."""
    if not is_form_of_browser(request):
        return browser_bound_page(request, "account/join.html", status=403, wrong=_OLD_FORM)
    try:
        invitation = await _find_invitation(request)
    except NotFound as error:
        return browser_bound_page(request, "account/join.html", status=404, wrong=error.detail)
    return _second_step(request, invitation, pyotp.random_base32())


@router.post("/finish", name="finish_joining")
async def finish(request: Request) -> Response:
    """Finish joining. The passphrase is hashed outside any transaction; the code is used up in the one that saves the member."""
    state, browser = request.app.state, browser_secret(request)
    secret = decrypt_totp_secret(state.keys, field_value(request.state.form, "seat"), browser or "")
    if browser is None or secret is None or not is_form_of_browser(request):
        return browser_bound_page(request, "account/join.html", status=403, wrong=_OLD_FORM)
    try:
        invitation = await _find_invitation(request)
        passphrase = await run_sync(checked_passphrase, request, "passphrase_new", invitation.name)
    except NotFound as error:
        return browser_bound_page(request, "account/join.html", status=404, wrong=error.detail)
    except Invalid as error:
        return _second_step(request, invitation, secret, wrong=error.errors[0]["detail"])
    if not pyotp.TOTP(secret).verify(
        field_value(request.state.form, "code").strip(), for_time=state.clock(), valid_window=1
    ):
        return _second_step(request, invitation, secret, wrong=_WRONG_CODE)
    async with passphrase_hashing(request).turn():
        sealed_seed = await run_sync(staff.seal_seed, state.keys, invitation.member_id or uuid4(), passphrase)

    language = field_value(request.state.form, "language")

    def write(session: Session) -> None:
        invitations.accept(
            session, state.keys, field_value(request.state.form, "invitation"), sealed_seed, secret, state.clock(),
            language=language if language in LANGUAGES else None,
        )  # fmt: skip

    async with state.transactions.open(write=True) as session:
        await run_sync(write, session)
    response = staff_pages.redirect("/desk/sign-in?done=joined")
    if language in LANGUAGES:  # the sign-in that follows already speaks it
        reader_language.remember(response, language, state.settings)
    return response


async def _find_invitation(request: Request) -> Invitation:
    """The invitation of the submitted code. Raises NotFound."""
    state, code = request.app.state, field_value(request.state.form, "invitation")
    async with state.transactions.open(write=False) as session:
        invitation: Invitation = await run_sync(lambda: invitations.find(session, state.keys, code, state.clock()))
    return invitation


def _second_step(request: Request, invitation: Invitation, secret: str, *, wrong: str = "") -> Response:
    return browser_bound_page(
        request,
        "account/join_finish.html",
        status=422 if wrong else 200,
        invitation=invitation,
        code=field_value(request.state.form, "invitation"),
        secret=secret,
        uri=code_uri(secret, invitation.name),
        seat=encrypted_totp_secret(request.app.state.keys, secret, browser_secret(request) or ""),
        wrong=wrong,
        least=staff.MIN_PASSPHRASE,
        suggestion=passphrases.suggestion(),
    )
