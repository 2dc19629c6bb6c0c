"""Passkeys: the second factor that cannot be read out over the phone. Beside the one-time code, never in place of the passphrase.

The passphrase still opens the keys. A passkey proves that the person is at a device that they made known before, and that they
unlocked it (user verification). Which names have passkeys is not told: the browser finds the right one by itself.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException

from app.core import strict_json
from app.core.db import Base
from app.core.errors import BadRequest, Conflict, FieldError, Invalid, NotFound
from app.core.keyring import KeyRing
from app.core.upsert import insert_if_absent

CHALLENGE_FOR: Final = timedelta(hours=1)
MAX_PASSKEYS: Final = 10
MAX_LABEL_LENGTH: Final = 40
_NONCE: Final = 16
_MALFORMED: Final = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError)
_ALGORITHMS: Final = (-8, -7, -257)  # Ed25519, ES256, RS256


class Passkey(Base):
    """One credential of a member. `public_key` is a COSE key; `sign_count` grows with use, or stays 0 on devices without one."""

    __tablename__ = "passkeys"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)
    label: Mapped[str] = mapped_column(sa.String(MAX_LABEL_LENGTH))
    failures: Mapped[int] = mapped_column(default=0)
    wait_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class UsedChallenge(Base):
    """A challenge that was answered: it is not taken again. `id` is the challenge's own MAC."""

    __tablename__ = "used_challenges"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Where passkeys are good for. `rp_id` is the host's name; with a bare address there are no passkeys."""

    rp_id: str
    origin: str


def challenge(keys: KeyRing, bound_to: str, now: datetime) -> str:
    """A challenge for one form, base64url: random, dated, and signed, so that nothing is stored for whoever merely looks."""
    head = secrets.token_bytes(_NONCE) + int(now.timestamp()).to_bytes(8, "big")
    return bytes_to_base64url(head + _mac(keys, head, bound_to))


def options_for_new(
    site: RelyingParty, member_id: UUID, name: str, known: Sequence[Passkey], challenge: str
) -> dict[str, Any]:
    """What the browser needs to make a passkey, on this device or on a security key."""
    return {
        "challenge": challenge,
        "rp": {"id": site.rp_id, "name": "Pristan"},
        "user": {"id": bytes_to_base64url(member_id.bytes), "name": name, "displayName": name},
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "excludeCredentials": [{"type": "public-key", "id": bytes_to_base64url(one.credential_id)} for one in known],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
        "timeout": 120_000,
    }


def options_for_use(site: RelyingParty, challenge: str) -> dict[str, Any]:
    return {"challenge": challenge, "rpId": site.rp_id, "userVerification": "required", "timeout": 120_000}


def of_member(session: Session, member_id: UUID) -> Sequence[Passkey]:
    return session.scalars(
        sa.select(Passkey).where(Passkey.member_id == member_id).order_by(Passkey.created_at, Passkey.id)
    ).all()


def add(
    session: Session,
    keys: KeyRing,
    site: RelyingParty,
    member_id: UUID,
    answer: str,
    label: str,
    bound_to: str,
    now: datetime,
) -> Passkey:
    """Make a passkey known. Raises Invalid (it does not fit, or the form is old), Conflict (known already, or too many)."""
    known = of_member(session, member_id)
    if len(known) >= MAX_PASSKEYS:
        raise Conflict(f"{MAX_PASSKEYS} passkeys are enough. Remove one first.")
    try:
        document = _read(answer)
        given = _challenge_in(document)
        _check_fresh(keys, given, bound_to, now)
        made = verify_registration_response(
            credential=document,
            expected_challenge=given,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise _rejected() from None
    if not _mark_used(session, given, now):
        raise _rejected()
    if session.scalar(sa.select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None:
        raise Conflict("This passkey is known already.")
    passkey = Passkey(
        id=uuid4(), member_id=member_id, credential_id=made.credential_id, public_key=made.credential_public_key,
        sign_count=made.sign_count, label=label.strip()[:MAX_LABEL_LENGTH] or "Passkey", created_at=now,
    )  # fmt: skip
    session.add(passkey)
    session.flush()
    return passkey


def check(
    session: Session, keys: KeyRing, site: RelyingParty, answer: str, bound_to: str, now: datetime
) -> Passkey | None:
    """The passkey that gave this answer, its row locked and its count moved on; None for anything that does not hold.

    Each challenge is answered once; a count that does not grow is a copied passkey, and refused.
    """
    try:
        document = _read(answer)
        given = _challenge_in(document)
        _check_fresh(keys, given, bound_to, now)
        passkey = session.scalars(
            sa.select(Passkey)
            .where(Passkey.credential_id == base64url_to_bytes(document["id"]))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if passkey is None:
            return None
        used = verify_authentication_response(
            credential=document,
            expected_challenge=given,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED:
        return None
    if not _mark_used(session, given, now):
        return None
    passkey.sign_count, passkey.used_at = used.new_sign_count, now
    session.flush()
    return passkey


def remove(session: Session, member_id: UUID, passkey_id: UUID) -> None:
    """Raises NotFound: unknown, or another member's."""
    gone = session.execute(sa.delete(Passkey).where(Passkey.id == passkey_id, Passkey.member_id == member_id))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise NotFound("There is no such passkey.")


def forget(session: Session, member_id: UUID) -> None:
    session.execute(sa.delete(Passkey).where(Passkey.member_id == member_id))


def delete_expired(session: Session, now: datetime) -> int:
    return int(session.execute(sa.delete(UsedChallenge).where(UsedChallenge.expires_at <= now)).rowcount)  # type: ignore[attr-defined]


def _read(answer: str) -> dict[str, Any]:
    """Raises ValueError for what is no JSON object."""
    try:
        document = strict_json.loads(answer.encode("utf-8", "replace"))
    except BadRequest:
        raise ValueError("answer") from None
    if not isinstance(document, dict):
        raise ValueError("answer")
    return document


def _challenge_in(document: dict[str, Any]) -> bytes:
    """The challenge that the browser says it answers; whether it is ours is checked next. Raises ValueError and the like."""
    found: bytes = parse_client_data_json(base64url_to_bytes(document["response"]["clientDataJSON"])).challenge
    return found


def _mac(keys: KeyRing, head: bytes, bound_to: str) -> bytes:
    return keys.mac("passkey-challenge", head, bound_to.encode())


def _check_fresh(keys: KeyRing, given: bytes, bound_to: str, now: datetime) -> None:
    """Raises ValueError unless it is a challenge of ours, made for this form and not long ago."""
    head, mac = given[: _NONCE + 8], given[_NONCE + 8 :]
    made = int.from_bytes(head[_NONCE:], "big")
    age = now.timestamp() - made
    if not hmac.compare_digest(_mac(keys, head, bound_to), mac) or not -1 <= age <= CHALLENGE_FOR.total_seconds():
        raise ValueError("challenge")


def _mark_used(session: Session, given: bytes, now: datetime) -> bool:
    """False: it was answered before. Two that come at the same moment: one gets through."""
    used = {"id": given[_NONCE + 8 :], "expires_at": now + CHALLENGE_FOR}
    return insert_if_absent(session, UsedChallenge, used, key=("id",))


def _rejected() -> Invalid:
    detail = "The passkey could not be taken. Load the page anew and try again; your device has to ask for a finger, face or PIN."
    return Invalid([FieldError(pointer="/passkey", code="unfit", detail=detail)])
