"""Signing in and out. Passphrases are hashed outside any transaction, a few at a time (`passphrase_hashing`)."""

import re
from typing import Final

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.core.client_address import sender
from app.core.dependencies import Db
from app.core.errors import NotSignedIn
from app.core.i18n import LANGUAGES, N_
from app.settings import Settings
from app.staff import known_browsers, sessions
from app.staff import service as staff
from app.staff.service import SecondFactor, SignInAttempt
from app.staff.sessions import SignedIn
from app.web.account.error_pages import browser_secret, is_form_of_browser, send_again_page, sign_in_page
from app.web.account.passphrase_hashing import PassphraseHashing
from app.web.account.policies import (
    BROWSER,
    SESSION,
    AnyMember,
    Config,
    anyone,
    browser_cookie,
    cookie,
    site,
)
from app.web.components import cookies, reader_language, staff_pages
from app.web.components.forms import field_value

router = APIRouter()

CARRIED_PREFIX: Final = "again:"
_TARGET: Final = re.compile(r"/(desk|partner)/[\w/.-]{0,120}(\?[\w=&.+%-]{0,600})?", re.ASCII)


def passphrase_hashing(request: Request) -> PassphraseHashing:
    state = request.app.state
    if not hasattr(state, "passphrase_hashing"):
        state.passphrase_hashing = PassphraseHashing()
    hashing: PassphraseHashing = state.passphrase_hashing
    return hashing


@router.get("/desk/sign-in", name="sign_in", dependencies=[Depends(anyone)])
async def sign_in_form(request: Request, next: str = "") -> Response:
    """Show the form. A member who is signed in can sign in again, also as another member."""
    return sign_in_page(request, target=own_page(next))


@router.post("/desk/sign-in", dependencies=[Depends(anyone)])
async def sign_in(request: Request, settings: Config) -> Response:
    """Check name, passphrase and one-time code together; the answer does not tell which of them was wrong."""
    name, target = field_value(request.state.form, "name"), own_page(field_value(request.state.form, "next"))
    carried = [
        (key.removeprefix(CARRIED_PREFIX), value)
        for key, values in request.state.form.items()
        for value in values
        if key.startswith(CARRIED_PREFIX)
    ]
    again = own_page(field_value(request.state.form, "again"))
    browser = browser_secret(request)
    if browser is None or not is_form_of_browser(request):
        ended = N_("Please sign in here.")
        return sign_in_page(request, status=403, carried=carried, again=again, target=target, ended=ended, name=name)
    secret, member, known_browser = await _admit(request, settings, name, browser)
    if secret is None or member is None:
        return sign_in_page(request, status=401, carried=carried, again=again, target=target, wrong=True, name=name)
    request.state.member = member
    response: Response
    if again and carried:
        sent_not = N_("You are signed in again. Your text has not been sent yet. Check it, then send it.")
        detail = reader_language.words(request).text(sent_not)
        response = send_again_page(request, again, carried, detail=detail)
    else:
        response = staff_pages.redirect(target or staff_pages.home(member))
    cookies.put(response, SESSION, secret, settings)
    cookies.put(response, BROWSER, known_browser, settings, seconds=int(known_browsers.KNOWN_FOR.total_seconds()))
    return response


async def _admit(
    request: Request, settings: Settings, name: str, browser: str
) -> tuple[str | None, SignedIn | None, str]:
    """Read, hash, write: three steps, and no transaction is open during the slow hashing."""
    state = request.app.state
    passphrase, former_session, known_browser = (
        field_value(request.state.form, "passphrase"),
        cookie(request),
        browser_cookie(request),
    )
    second_factor = SecondFactor(
        field_value(request.state.form, "code"),
        field_value(request.state.form, "passkey"),
        site(settings),
        browser,
        known_browser,
    )

    def begin(session: Session) -> tuple[SignInAttempt, bool]:
        attempt = staff.begin_sign_in(session, name)
        return attempt, staff.is_expected(session, state.keys, attempt, second_factor, state.clock())

    async with state.transactions.open(write=False) as session:
        attempt, is_expected = await run_sync(begin, session)
    queue = passphrase_hashing(request)
    async with queue.turn() if is_expected else queue.stranger_turn(sender(request, settings.proxies)):
        seed = await run_sync(staff.open_seed, state.keys, attempt, passphrase)

    def finish(session: Session) -> tuple[str | None, SignedIn | None, str]:
        now = state.clock()
        secret = staff.complete_sign_in(session, state.keys, attempt, seed, second_factor, now)
        if secret is None:
            return None, None, ""
        if former_session is not None:
            sessions.sign_out(session, former_session)
        member = sessions.signed_in(session, secret, now, idle=settings.session_idle, max_age=settings.session_max)
        return secret, member, known_browsers.remember(session, state.keys, member.member_id, known_browser, now)

    async with state.transactions.open(write=True) as session:
        return await run_sync(finish, session)


@router.post("/desk/language", name="switch_language", dependencies=[Depends(anyone)])
async def switch_language(request: Request, settings: Config) -> Response:
    """Keep a language in this browser, for the pages before the sign-in."""
    language = field_value(request.state.form, "language")
    response = staff_pages.redirect(own_page(field_value(request.state.form, "next")) or "/desk/sign-in")
    if language in LANGUAGES:
        reader_language.remember(response, language, settings)
    return response


@router.post("/desk/sign-out", name="sign_out")
def sign_out(request: Request, _member: AnyMember, session: Db, settings: Config) -> Response:
    """End the present session."""
    secret = cookie(request)
    if secret is None:
        raise NotSignedIn
    sessions.sign_out(session, secret)
    response = staff_pages.redirect("/desk/sign-in")
    cookies.remove(response, SESSION, settings)
    return response


def own_page(path: str) -> str:
    """The path to go to, if it is one of ours; otherwise empty."""
    return path if _TARGET.fullmatch(path) and "//" not in path and ".." not in path else ""
