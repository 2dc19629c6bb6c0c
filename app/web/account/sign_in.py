"""Signing in and out. The passphrase is stretched outside of any transaction, two at a time."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Db
from app.core.errors import NotSignedIn, Unavailable
from app.settings import Settings
from app.staff import known_browsers, sessions
from app.staff import service as staff
from app.staff.service import SecondFactor
from app.staff.sessions import SignedIn
from app.web.account.error_pages import form_mark, is_our_form, send_again_page, sign_in_page
from app.web.account.policies import (
    Anybody,
    Config,
    anyone,
    browser_cookie,
    cookie,
    cookie_name,
    drop_cookie,
    field,
    set_browser_cookie,
    set_cookie,
    site,
)
from app.web.components import staff_pages

router = APIRouter()

CARRIED: Final = "again:"
_AT_ONCE: Final = 2  # 64 MiB each
_MOST_WAITING: Final = 30
_TARGET: Final = re.compile(r"/(desk|partner)/[\w/.-]{0,120}(\?[\w=&.+%-]{0,600})?", re.ASCII)


class Stretching:
    """Lets two at a time stretch a passphrase; who would be the thirty-first in the line is sent away."""

    def __init__(self) -> None:
        self._turns = anyio.Semaphore(_AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        if self._waiting >= _MOST_WAITING:
            raise Unavailable("Too many people are signing in at the moment. Try again in a minute.")
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1


def stretching(request: Request) -> Stretching:
    state = request.app.state
    if not hasattr(state, "stretching"):
        state.stretching = Stretching()
    found: Stretching = state.stretching
    return found


@router.get("/desk/sign-in", name="sign_in", dependencies=[Depends(anyone)])
async def sign_in_form(request: Request, next: str = "") -> Response:
    """The form. Somebody who is signed in may sign in again, as somebody else."""
    return sign_in_page(request, target=_target(next))


@router.post("/desk/sign-in", dependencies=[Depends(anyone)])
async def sign_in(request: Request, settings: Config) -> Response:
    """Name, passphrase and one-time code together; which of them was wrong is not told."""
    name, target = field(request, "name"), _target(field(request, "next"))
    carried = [
        (key.removeprefix(CARRIED), value)
        for key, values in request.state.typed.items()
        for value in values
        if key.startswith(CARRIED)
    ]
    again = _target(field(request, "again"))
    mark = form_mark(request)
    if mark is None or not is_our_form(request):
        ended = "Please sign in here."
        return sign_in_page(request, status=403, carried=carried, again=again, target=target, ended=ended, name=name)
    secret, who, known = await _admit(request, settings, name, mark)
    if secret is None or who is None:
        return sign_in_page(request, status=401, carried=carried, again=again, target=target, wrong=True, name=name)
    request.state.who = who
    response: Response
    if again and carried:
        detail = "You are signed in again. Your text has not been sent yet. Check it, then send it."
        response = send_again_page(request, again, carried, detail=detail)
    else:
        response = staff_pages.to(target or staff_pages.home(who))
    set_cookie(response, cookie_name(settings), secret, settings)
    set_browser_cookie(response, known, settings, int(known_browsers.KNOWN_FOR.total_seconds()))
    return response


async def _admit(request: Request, settings: Settings, name: str, mark: str) -> tuple[str | None, SignedIn | None, str]:
    """Look, stretch, write: three steps, and no transaction is open during the slow one."""
    state = request.app.state
    passphrase, before, known = field(request, "passphrase"), cookie(request), browser_cookie(request)
    second = SecondFactor(field(request, "code"), field(request, "passkey"), site(settings), mark, known)
    async with state.transactions.open(write=False) as session:
        tried = await run_sync(staff.begin_sign_in, session, name)
    async with stretching(request).turn():
        seed = await run_sync(staff.open_seed, state.keys, tried, passphrase)

    def finish(session: Session) -> tuple[str | None, SignedIn | None, str]:
        now = state.clock()
        secret = staff.complete_sign_in(session, state.keys, tried, seed, second, now)
        if secret is None:
            return None, None, ""
        if before is not None:
            sessions.sign_out(session, before)
        who = sessions.signed_in(session, secret, now, idle=settings.session_idle, max_age=settings.session_max)
        return secret, who, known_browsers.remember(session, state.keys, who.member_id, known, now)

    async with state.transactions.open(write=True) as session:
        return await run_sync(finish, session)


@router.post("/desk/sign-out", name="sign_out")
def sign_out(request: Request, who: Anybody, session: Db, settings: Config) -> Response:
    """End this session, here and now."""
    del who
    secret = cookie(request)
    if secret is None:
        raise NotSignedIn
    sessions.sign_out(session, secret)
    response = staff_pages.to("/desk/sign-in")
    drop_cookie(response, settings)
    return response


def _target(path: str) -> str:
    """An address of ours to go to after signing in, or nothing."""
    return path if _TARGET.fullmatch(path) and "//" not in path and ".." not in path else ""
