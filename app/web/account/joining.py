"""Coming in with a code that a colleague told: somebody new, or somebody who lost passphrase or code app. Without a sign-in."""

from typing import Final
from uuid import uuid4

import pyotp
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.core.errors import Invalid, NotFound
from app.core.i18n import N_
from app.staff import invitations
from app.staff import service as staff
from app.staff.invitations import Invitation
from app.web.account.error_pages import form_mark, is_our_form, marked_page
from app.web.account.my_settings import checked_passphrase, code_uri, read_seat, seat
from app.web.account.policies import anyone, field
from app.web.account.sign_in import stretching
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/join", dependencies=[Depends(anyone)])

_OLD_FORM: Final = N_("This form has expired or came from another site. Type the code here.")
_WRONG_CODE: Final = N_("The one-time code is not correct. Wait for the next code in your app.")


@router.get("", name="join")
async def join_form(request: Request) -> Response:
    return marked_page(request, "account/join.html", wrong="")


@router.post("")
async def look_at_code(request: Request) -> Response:
    """Is the code good? Then choose a passphrase and set up the code app."""
    if not is_our_form(request):
        return marked_page(request, "account/join.html", status=403, wrong=_OLD_FORM)
    try:
        invitation = await _find(request)
    except NotFound as error:
        return marked_page(request, "account/join.html", status=404, wrong=error.detail)
    return _second_step(request, invitation, pyotp.random_base32())


@router.post("/finish", name="finish_joining")
async def finish(request: Request) -> Response:
    """Come in. The passphrase is stretched outside of any transaction; the code is used up with the row that comes of it."""
    state, mark = request.app.state, form_mark(request)
    secret = read_seat(state.keys, field(request, "seat"), mark or "")
    if mark is None or secret is None or not is_our_form(request):
        return marked_page(request, "account/join.html", status=403, wrong=_OLD_FORM)
    try:
        invitation = await _find(request)
        passphrase = checked_passphrase(request, "passphrase_new")
    except NotFound as error:
        return marked_page(request, "account/join.html", status=404, wrong=error.detail)
    except Invalid as error:
        return _second_step(request, invitation, secret, wrong=error.errors[0]["detail"])
    if not pyotp.TOTP(secret).verify(field(request, "code").strip(), for_time=state.clock(), valid_window=1):
        return _second_step(request, invitation, secret, wrong=_WRONG_CODE)
    async with stretching(request).turn():
        closed = await run_sync(staff.seal_seed, state.keys, invitation.member_id or uuid4(), passphrase)

    def write(session: Session) -> None:
        invitations.accept(session, state.keys, field(request, "invitation"), closed, secret, state.clock())

    async with state.transactions.open(write=True) as session:
        await run_sync(write, session)
    return staff_pages.to("/desk/sign-in")


async def _find(request: Request) -> Invitation:
    """Raises NotFound."""
    state, code = request.app.state, field(request, "invitation")
    async with state.transactions.open(write=False) as session:
        found: Invitation = await run_sync(lambda: invitations.find(session, state.keys, code, state.clock()))
    return found


def _second_step(request: Request, invitation: Invitation, secret: str, *, wrong: str = "") -> Response:
    return marked_page(
        request,
        "account/join_finish.html",
        status=422 if wrong else 200,
        invitation=invitation,
        code=field(request, "invitation"),
        secret=secret,
        uri=code_uri(secret, invitation.name),
        seat=seat(request.app.state.keys, secret, form_mark(request) or ""),
        wrong=wrong,
        least=staff.MIN_PASSPHRASE,
    )
