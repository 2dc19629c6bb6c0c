"""What somebody who signed in has of their own: sessions, passphrase, passkeys, the code app, the fingerprint of their key."""

import base64
import binascii
import json
from typing import Annotated, Final
from uuid import UUID

import pyotp
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy.orm import Session

from app.core import keyholders
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.staff import members, passkeys, read_quotas, sessions
from app.staff import service as staff
from app.staff.sessions import SignedIn
from app.web.account.policies import Anybody, Config, cookie, everybody_signed_in, field, site
from app.web.account.sign_in import stretching
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/me")

Id = Annotated[str, Path(max_length=64, pattern="^[0-9a-f-]+$")]


@router.get("", name="me")
def show_me(request: Request, who: Anybody, session: ReadDb, keys: Keys, config: Config, now: Now) -> Response:
    known = passkeys.of_member(session, who.member_id)
    where = site(config)
    question = ""
    if where is not None:
        challenge = passkeys.challenge(keys, who.binding, now)
        question = json.dumps(passkeys.options_for_new(where, who.member_id, who.name, known, challenge))
    response = staff_pages.page(
        request,
        "account/my_settings.html",
        sessions=sessions.open_sessions(session, who.member_id, cookie(request)),
        passkeys=known,
        question=question,
        fingerprint=members.fingerprint(keyholders.by_id(session, who.key_id).public_key),
        reads=read_quotas.used(session, read_quotas.member_key(who.member_id), now),
        reads_a_day=config.reads_a_day,
    )
    staff_pages.allow_own_script(response)
    return response


# --- sessions --------------------------------------------------------------------------------------------------------


@router.post("/sessions/end-others", name="end_other_sessions")
def end_other_sessions(request: Request, who: Anybody, session: Db) -> Response:
    """Signed out everywhere but here."""
    sessions.end_sessions(session, who.member_id, but=cookie(request))
    return staff_pages.to("/desk/me?done=sessions_ended")


@router.post("/sessions/{session_id}/end", name="end_session")
def end_session(session_id: Id, who: Anybody, session: Db) -> Response:
    try:
        sessions.end_session(session, who.member_id, bytes.fromhex(session_id))
    except ValueError:
        raise NotFound from None
    return staff_pages.to("/desk/me?done=sessions_ended")


# --- passphrase ------------------------------------------------------------------------------------------------------


@router.post("/passphrase", name="change_passphrase")
async def change_passphrase(request: Request, who: Annotated[SignedIn, Depends(everybody_signed_in)]) -> Response:
    """Look, stretch twice, write: three steps, and no transaction is open during the slow one."""
    state = request.app.state
    new = checked_passphrase(request, "passphrase_new")
    async with state.transactions.open(write=False) as session:
        tried = await run_sync(staff.begin_sign_in, session, who.name)
    async with stretching(request).turn():
        seed = await run_sync(staff.open_seed, state.keys, tried, field(request, "passphrase"))
        if seed is None:
            raise Invalid(
                [FieldError(pointer="/passphrase", code="wrong", detail="The current passphrase is not correct.")]
            )
        closed = await run_sync(staff.seal_seed, state.keys, who.member_id, new, seed)
    kept = cookie(request)

    def write(session: Session) -> None:
        staff.change_passphrase(session, tried, closed, state.clock(), keep_session=kept)

    async with state.transactions.open(write=True) as session:
        await run_sync(write, session)
    return staff_pages.to("/desk/me?done=passphrase")


def checked_passphrase(request: Request, name: str) -> str:
    """A new passphrase, typed twice the same. Raises Invalid."""
    new = field(request, name)
    if len(new) < staff.MIN_PASSPHRASE:
        detail = f"A passphrase has at least {staff.MIN_PASSPHRASE} characters. Four or five words are easy to keep."
        raise Invalid([FieldError(pointer=f"/{name}", code="too_short", detail=detail)])
    if new != field(request, "passphrase_again"):
        detail = "The two new passphrases do not match."
        raise Invalid([FieldError(pointer="/passphrase_again", code="differs", detail=detail)])
    return new


# --- passkeys --------------------------------------------------------------------------------------------------------


@router.post("/passkeys", name="add_passkey")
def add_passkey(request: Request, who: Anybody, session: Db, keys: Keys, config: Config, now: Now) -> Response:
    """Make a passkey of this device, or of a security key, known."""
    where = site(config)
    if where is None:
        raise Conflict("Passkeys are not available because this server has no host name with TLS.")
    answer, label = field(request, "passkey"), field(request, "label")
    passkeys.add(session, keys, where, who.member_id, answer, label, who.binding, now)
    staff.record_account_event(session, who.member_id, "staff:passkey_added", now)
    return staff_pages.to("/desk/me?done=passkey_added")


@router.post("/passkeys/{passkey_id}/remove", name="remove_passkey")
def remove_passkey(passkey_id: Id, who: Anybody, session: Db, now: Now) -> Response:
    passkeys.remove(session, who.member_id, uuid_of(passkey_id))
    staff.record_account_event(session, who.member_id, "staff:passkey_removed", now)
    return staff_pages.to("/desk/me?done=passkey_removed")


def uuid_of(text: str) -> UUID:
    """Raises NotFound for what is no id."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


# --- the code app ----------------------------------------------------------------------------------------------------


@router.get("/code", name="new_code_app")
def new_code_app(request: Request, who: Anybody, keys: Keys) -> Response:
    """A fresh secret to put into the app. It counts once a code of it was typed."""
    return _code_page(request, who, keys, pyotp.random_base32())


@router.post("/code", name="change_code_app")
def change_code_app(request: Request, who: Anybody, session: Db, keys: Keys, now: Now) -> Response:
    secret = read_seat(keys, field(request, "seat"), who.binding)
    if secret is None or not pyotp.TOTP(secret).verify(field(request, "code").strip(), for_time=now, valid_window=1):
        again = secret or pyotp.random_base32()
        return _code_page(request, who, keys, again, wrong=True)
    staff.change_totp(session, keys, who.member_id, secret, now, keep_session=cookie(request))
    return staff_pages.to("/desk/me?done=code_changed")


def _code_page(request: Request, who: SignedIn, keys: KeyRing, secret: str, *, wrong: bool = False) -> Response:
    return staff_pages.page(
        request,
        "account/code_app.html",
        status=422 if wrong else 200,
        secret=secret,
        uri=code_uri(secret, who.name),
        seat=seat(keys, secret, who.binding),
        wrong=wrong,
    )


_SEAT: Final = ("sign-in-form", "seat", "1")


def seat(keys: KeyRing, secret: str, bound_to: str) -> str:
    """A code app's secret on its way through a form: locked, and bound to the form of this browser."""
    return base64.urlsafe_b64encode(keys.encrypt(secret.encode(), bound_to, *_SEAT)).decode()


def read_seat(keys: KeyRing, text: str, bound_to: str) -> str | None:
    """Undo `seat`; None for anything else."""
    try:
        return keys.decrypt(base64.urlsafe_b64decode(text.encode("ascii")), bound_to, *_SEAT).decode()
    except (CannotOpen, binascii.Error, ValueError):
        return None


def code_uri(secret: str, name: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Pristan")
