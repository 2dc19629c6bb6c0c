"""A member's own settings: sessions, passphrase, passkeys, code app (TOTP) and the fingerprint of their key."""

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
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.staff import members, passkeys, passphrases, read_quotas, sessions
from app.staff import service as staff
from app.staff.sessions import SignedIn
from app.web.account.policies import (
    SESSION,
    AnyMember,
    Config,
    ProvedMember,
    cookie,
    is_recently_proved,
    recently_proved,
    site,
)
from app.web.account.sign_in import own_page, passphrase_hashing
from app.web.components import cookies, reader_language, staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/me")

Id = Annotated[str, Path(max_length=64, pattern="^[0-9a-f-]+$")]


@router.get("", name="me")
def show_my_settings(
    request: Request, member: AnyMember, session: ReadDb, keys: Keys, config: Config, now: Now
) -> Response:
    registered = passkeys.of_member(session, member.member_id)
    passkey_site = site(config)
    options = ""
    if passkey_site is not None:
        challenge = passkeys.challenge(keys, member.binding, now)
        options = json.dumps(
            passkeys.options_for_new(passkey_site, member.member_id, member.name, registered, challenge)
        )
    response = staff_pages.page(
        request,
        "account/my_settings.html",
        sessions=sessions.open_sessions(session, member.member_id, cookie(request)),
        passkeys=registered,
        passkey_options=options,
        fingerprint=members.fingerprint(keyholders.by_id(session, member.key_id).public_key),
        proved=is_recently_proved(member, now),
        suggestion=passphrases.suggestion(),
        reads=read_quotas.used(session, read_quotas.member_key(member.member_id), now),
        reads_a_day=config.member_reads_per_day,
    )
    staff_pages.allow_own_script(response)
    return response


@router.post("/seen", name="mark_told")
def mark_told(member: AnyMember, session: Db) -> Response:
    """Record that the member has seen what changed in how they sign in."""
    staff.mark_told(session, member.member_id)
    return staff_pages.redirect("/desk/me")


@router.post("/language", name="choose_language")
def choose_language(request: Request, member: AnyMember, session: Db, config: Config) -> Response:
    """Keep the language of the member's pages; shows the page on which it was chosen again."""
    language = field_value(request.state.form, "language")
    staff.choose_language(session, member.member_id, language)
    response = staff_pages.redirect(own_page(field_value(request.state.form, "next")) or "/desk/me")
    reader_language.remember(response, language, config)
    return response


# --- sessions --------------------------------------------------------------------------------------------------------


@router.post("/sessions/end-others", name="end_other_sessions")
def end_other_sessions(request: Request, member: ProvedMember, session: Db) -> Response:
    """End all sessions of the member except this one."""
    sessions.end_sessions(session, member.member_id, but=cookie(request))
    return staff_pages.redirect("/desk/me?done=sessions_ended")


@router.post("/sessions/{session_id}/end", name="end_session")
def end_session(session_id: Id, member: ProvedMember, session: Db) -> Response:
    try:
        sessions.end_session(session, member.member_id, bytes.fromhex(session_id))
    except ValueError:
        raise NotFound from None
    return staff_pages.redirect("/desk/me?done=sessions_ended")


# --- passphrase ------------------------------------------------------------------------------------------------------


@router.post("/passphrase", name="change_passphrase")
async def change_passphrase(request: Request, member: Annotated[SignedIn, Depends(recently_proved)]) -> Response:
    """Read, hash twice, write: three steps, and no transaction is open during the slow hashing."""
    state = request.app.state
    new_passphrase = await run_sync(checked_passphrase, request, "passphrase_new", member.name)
    async with state.transactions.open(write=False) as session:
        attempt = await run_sync(staff.begin_sign_in, session, member.name)
    async with passphrase_hashing(request).turn():
        seed = await run_sync(staff.open_seed, state.keys, attempt, field_value(request.state.form, "passphrase"))
        if seed is None:
            raise Invalid(
                [FieldError(pointer="/passphrase", code="wrong", detail="The current passphrase is not correct.")]
            )
        sealed_seed = await run_sync(staff.seal_seed, state.keys, member.member_id, new_passphrase, seed)
    present_session = cookie(request) or ""

    def write(session: Session) -> str:
        staff.change_passphrase(session, state.keys, attempt, sealed_seed, state.clock(), keep_session=present_session)
        return sessions.renew(session, present_session)

    async with state.transactions.open(write=True) as session:
        fresh = await run_sync(write, session)
    response = staff_pages.redirect("/desk/me?done=passphrase")
    cookies.put(response, SESSION, fresh, state.settings)
    return response


def checked_passphrase(request: Request, field: str, member: str) -> str:
    """The new passphrase, if both inputs are equal and it is hard enough to guess. Takes a tenth of a second. Raises Invalid."""
    new_passphrase = field_value(request.state.form, field)
    weakness = passphrases.weakness(new_passphrase, member)
    if weakness:
        raise Invalid([FieldError(pointer=f"/{field}", code="too_weak", detail=weakness)])
    if passphrases.normalised(new_passphrase) != passphrases.normalised(
        field_value(request.state.form, "passphrase_again")
    ):
        detail = N_("The two new passphrases do not match.")
        raise Invalid([FieldError(pointer="/passphrase_again", code="differs", detail=detail)])
    return new_passphrase


# --- passkeys --------------------------------------------------------------------------------------------------------


@router.post("/passkeys", name="add_passkey")
def add_passkey(request: Request, member: ProvedMember, session: Db, keys: Keys, config: Config, now: Now) -> Response:
    """Register a passkey of this device or of a security key."""
    passkey_site = site(config)
    if passkey_site is None:
        raise Conflict("Passkeys are not available because this server has no host name with TLS.")
    credential, label = field_value(request.state.form, "passkey"), field_value(request.state.form, "label")
    passkeys.add(session, keys, passkey_site, member.member_id, credential, label, member.binding, now)
    staff.record_account_event(session, member.member_id, "staff:passkey_added", now)
    return _renewed(request, session, "/desk/me?done=passkey_added")


@router.post("/passkeys/{passkey_id}/remove", name="remove_passkey")
def remove_passkey(request: Request, passkey_id: Id, member: ProvedMember, session: Db, now: Now) -> Response:
    passkeys.remove(session, member.member_id, uuid_of(passkey_id))
    staff.record_account_event(session, member.member_id, "staff:passkey_removed", now)
    return _renewed(request, session, "/desk/me?done=passkey_removed")


def _renewed(request: Request, session: Session, to: str) -> Response:
    """A redirect with a fresh secret of the session: whoever has seen the former one gains nothing from the change."""
    response = staff_pages.redirect(to)
    cookies.put(response, SESSION, sessions.renew(session, cookie(request) or ""), request.app.state.settings)
    return response


def uuid_of(text: str) -> UUID:
    """The id in the text. Raises NotFound for text that is not an id."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


# --- the code app ----------------------------------------------------------------------------------------------------


@router.get("/code", name="new_code_app")
def new_code_app(request: Request, member: ProvedMember, keys: Keys) -> Response:
    """Show a new secret for the code app. It takes effect once one of its codes was submitted."""
    return _code_page(request, member, keys, pyotp.random_base32())


@router.post("/code", name="change_code_app")
def change_code_app(request: Request, member: ProvedMember, session: Db, keys: Keys, now: Now) -> Response:
    secret = decrypt_totp_secret(keys, field_value(request.state.form, "seat"), member.binding)
    if secret is None or not pyotp.TOTP(secret).verify(
        field_value(request.state.form, "code").strip(), for_time=now, valid_window=1
    ):
        next_secret = secret or pyotp.random_base32()
        return _code_page(request, member, keys, next_secret, wrong=True)
    present_session = cookie(request) or ""
    staff.change_totp(session, keys, member.member_id, secret, now, keep_session=present_session)
    return _renewed(request, session, "/desk/me?done=code_changed")


def _code_page(request: Request, member: SignedIn, keys: KeyRing, secret: str, *, wrong: bool = False) -> Response:
    return staff_pages.page(
        request,
        "account/code_app.html",
        status=422 if wrong else 200,
        secret=secret,
        uri=code_uri(secret, member.name),
        seat=encrypted_totp_secret(keys, secret, member.binding),
        wrong=wrong,
    )


_TOTP_SECRET_CONTEXT: Final = ("sign-in-form", "seat", "1")


def encrypted_totp_secret(keys: KeyRing, secret: str, bound_to: str) -> str:
    """The secret of a code app, encrypted for a hidden field and bound to `bound_to` (session or browser)."""
    return base64.urlsafe_b64encode(keys.encrypt(secret.encode(), bound_to, *_TOTP_SECRET_CONTEXT)).decode()


def decrypt_totp_secret(keys: KeyRing, text: str, bound_to: str) -> str | None:
    """The secret from `encrypted_totp_secret`; None for any other text."""
    try:
        return keys.decrypt(base64.urlsafe_b64decode(text.encode("ascii")), bound_to, *_TOTP_SECRET_CONTEXT).decode()
    except (CannotOpen, binascii.Error, ValueError):
        return None


def code_uri(secret: str, name: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Pristan")
