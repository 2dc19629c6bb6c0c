"""Passkeys (WebAuthn) as a phishing-resistant second factor: an alternative to the one-time code, not to the passphrase.

The passphrase is still needed to open the keys. A passkey proves that the person is at a registered device and has unlocked it
(user verification). The server does not reveal which names have passkeys: the browser finds the right one itself.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import bulk, strict_json
from app.core.db import Base
from app.core.errors import BadRequest, Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_, Translatable
from app.core.keyring import KeyRing
from app.core.upsert import insert_if_absent

CHALLENGE_FOR: Final = timedelta(hours=1)
MAX_PASSKEYS: Final = 10
MAX_LABEL_LENGTH: Final = 40
_NONCE: Final = 16
_MALFORMED: Final = (ValueError, KeyError, TypeError, AttributeError)
_ALGORITHMS: Final = (-8, -7, -257)  # Ed25519, ES256, RS256


class Passkey(Base):
    """A credential of a member.

    `public_key` is a COSE key; `sign_count` grows with use, or stays 0 on devices without a counter.
    """

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
    """A challenge that was answered and is not accepted again. `id` is the challenge's own MAC."""

    __tablename__ = "used_challenges"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The site that passkeys are valid for. `rp_id` is the host name; passkeys do not work with a bare IP address."""

    rp_id: str
    origin: str


def challenge(keys: KeyRing, bound_to: str, now: datetime) -> str:
    """A challenge for one form, in base64url: random, with its time and a MAC, so that nothing has to be stored until it is
    used.
    """
    head = secrets.token_bytes(_NONCE) + int(now.timestamp()).to_bytes(8, "big")
    return _in_base64url(head + _macs(keys, head, bound_to)[0])


def options_for_new(
    site: RelyingParty, member_id: UUID, name: str, known: Sequence[Passkey], challenge: str
) -> dict[str, Any]:
    """The WebAuthn options for creating a passkey, on this device or on a security key."""
    return {
        "challenge": challenge,
        "rp": {"id": site.rp_id, "name": "Pristan"},
        "user": {"id": _in_base64url(member_id.bytes), "name": name, "displayName": name},
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "excludeCredentials": [{"type": "public-key", "id": _in_base64url(passkey.credential_id)} for passkey in known],
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
    """Register a passkey. Raises Invalid (it was not accepted, or the form is too old), Conflict (known already, or too many)."""
    known = of_member(session, member_id)
    if len(known) >= MAX_PASSKEYS:
        raise Conflict(Translatable("{most} passkeys are enough. Remove one first.", most=MAX_PASSKEYS))
    try:
        document = _read(answer)
        challenge = _challenge_in(document)
        _check_fresh(keys, challenge, bound_to, now)
        made = _library().registered(document, challenge, site.rp_id, site.origin)
    except _MALFORMED:
        raise _rejected() from None
    if not _mark_used(session, challenge, now):
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


def belongs_to(session: Session, member_id: UUID, answer: str) -> bool:
    """Whether the answer names a passkey of this member. Proves nothing yet: ids of passkeys are merely hard to guess."""
    try:
        credential_id = _library().decoded(_read(answer)["id"])
    except _MALFORMED:
        return False
    mine = sa.select(Passkey.id).where(Passkey.credential_id == credential_id, Passkey.member_id == member_id)
    return session.scalar(mine) is not None


def check(
    session: Session, keys: KeyRing, site: RelyingParty, answer: str, bound_to: str, now: datetime
) -> Passkey | None:
    """The passkey that gave this answer, with its row locked and its counter updated; None if the answer is not valid.

    Each challenge can be answered once. A counter that does not grow means a copied passkey, which is refused.
    """
    try:
        document = _read(answer)
        challenge = _challenge_in(document)
        _check_fresh(keys, challenge, bound_to, now)
        passkey = session.scalars(
            sa.select(Passkey)
            .where(Passkey.credential_id == _library().decoded(document["id"]))
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if passkey is None:
            return None
        sign_count = _library().new_sign_count(
            document, challenge, site.rp_id, site.origin, passkey.public_key, passkey.sign_count
        )
    except _MALFORMED:
        return None
    if not _mark_used(session, challenge, now):
        return None
    passkey.sign_count, passkey.used_at = sign_count, now
    session.flush()
    return passkey


def remove(session: Session, member_id: UUID, passkey_id: UUID) -> None:
    """Remove a passkey of this member. Raises NotFound when it is unknown or another member's."""
    result = session.execute(sa.delete(Passkey).where(Passkey.id == passkey_id, Passkey.member_id == member_id))
    if not result.rowcount:  # type: ignore[attr-defined]
        raise NotFound("There is no such passkey.")


def forget(session: Session, member_id: UUID) -> None:
    session.execute(sa.delete(Passkey).where(Passkey.member_id == member_id))


def delete_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    return bulk.delete_some(session, UsedChallenge, UsedChallenge.expires_at <= now, limit)


def _library() -> ModuleType:
    """The WebAuthn library, imported when the first answer comes: with OpenSSL's bindings it takes ten megabytes."""
    from app.staff import passkey_answers

    return passkey_answers


def _in_base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _read(answer: str) -> dict[str, Any]:
    """The answer as a JSON object. Raises ValueError when it is not one."""
    try:
        document = strict_json.loads(answer.encode("utf-8", "replace"))
    except BadRequest:
        raise ValueError("answer") from None
    if not isinstance(document, dict):
        raise ValueError("answer")
    return document


def _challenge_in(document: dict[str, Any]) -> bytes:
    """The challenge that the answer claims to be for; `_check_fresh` verifies it. Raises one of `_MALFORMED`."""
    challenge: bytes = _library().challenge_in(document)
    return challenge


def _macs(keys: KeyRing, head: bytes, bound_to: str) -> list[bytes]:
    """The present one first, then those of a former root that are still accepted."""
    return keys.macs("passkey-challenge", head, bound_to.encode())


def _check_fresh(keys: KeyRing, given: bytes, bound_to: str, now: datetime) -> None:
    """Raises ValueError unless this is a challenge of ours, made for this form within the last hour."""
    head, mac = given[: _NONCE + 8], given[_NONCE + 8 :]
    made = int.from_bytes(head[_NONCE:], "big")
    age = now.timestamp() - made
    is_ours = any(hmac.compare_digest(known, mac) for known in _macs(keys, head, bound_to))
    if not is_ours or not -1 <= age <= CHALLENGE_FOR.total_seconds():
        raise ValueError("challenge")


def _mark_used(session: Session, given: bytes, now: datetime) -> bool:
    """Mark a challenge as answered. False: it was answered before; of two answers at the same time one succeeds."""
    used = {"id": given[_NONCE + 8 :], "expires_at": now + CHALLENGE_FOR}
    return insert_if_absent(session, UsedChallenge, used, key=("id",))


def _rejected() -> Invalid:
    detail = N_(
        "The passkey was not accepted. Load the page again and retry; your device has to ask for a finger, face or PIN."
    )
    return Invalid([FieldError(pointer="/passkey", code="unfit", detail=detail)])
