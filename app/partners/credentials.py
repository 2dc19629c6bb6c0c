"""Credentials of OAuth clients: at most two at a time, so that a new one works before the old one ends."""

import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk
from app.core.errors import Conflict, NotFound
from app.core.keyring import KeyRing
from app.core.upsert import insert_if_absent
from app.partners import assertions
from app.partners.assertions import Assertion, BadAssertion, PublicKey
from app.partners.models import AccessToken, ClientCredential, OAuthClient, UsedAssertion

_SLOTS: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Secret:
    """A client id and secret as they were sent. The repr hides it."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True)
class SignedAssertion:
    """A client assertion as it was sent, and the audiences it may be addressed to. The repr hides it."""

    text: str
    audiences: frozenset[str]
    client_id: str | None = None

    def __repr__(self) -> str:
        return "SignedAssertion(…)"


Proof = Secret | SignedAssertion


class RefusedAssertion(Exception):
    """The assertion is signed by the client and refused anyway: the message says why, for the client's own programmer."""


_REASONS: Final = {
    "audience": "The signature holds, but aud names something else than our issuer or this endpoint.",
    "issuer": "The signature holds, but iss and sub are not both the client id, or jti is too long.",
    "expiry": "The signature holds, but exp is over, or more than 5 minutes ahead.",
    "expired_token": "The signature holds, but exp is over.",
    "missing_claim": "The signature holds, but a claim is missing: iss, sub, aud, exp and jti are needed.",
}
_ANOTHER_CLAIM: Final = "The signature holds, but a claim has a wrong type, or nbf or iat are still to come."
_USED: Final = "The signature holds, but this jti was used before: make a new assertion for each request."
_ANOTHER_CLIENT: Final = "The signature holds, but the parameter client_id names another client."


def authenticate(session: Session, keys: KeyRing, proof: Proof, now: datetime) -> OAuthClient | None:
    """The active client that the proof authenticates; None for any fault. An unknown client costs the same work.

    Raises RefusedAssertion when the fault is in what the client signed: nobody else can learn it.
    Needs a writing transaction: an assertion is accepted once, by the first process.
    """
    return _client(session, prove(session, keys, proof, now))


def prove(session: Session, keys: KeyRing, proof: Proof, now: datetime) -> ClientCredential | None:
    """The credential that the proof shows, of a client that may have been switched off; None for any fault.

    Raises RefusedAssertion, as `authenticate` does.
    """
    if isinstance(proof, SignedAssertion):
        return _by_assertion(session, proof, now)
    offered = secret_mac(keys, proof.client_id, proof.secret)
    known = [row for row in active_credentials(session, proof.client_id, now) if row.secret_mac]
    macs = [row.secret_mac or b"" for row in known] or [bytes(32)]
    shown = [hmac.compare_digest(offered, mac) for mac in macs]
    return next((row for row, is_shown in zip(known, shown, strict=False) if is_shown), None)


def end_of(session: Session, credential: ClientCredential) -> datetime | None:
    """When this credential ends, as the database has it at this moment; `created_at` if it was replaced meanwhile."""
    row = session.execute(
        sa.select(ClientCredential.ends_at).where(
            ClientCredential.client_id == credential.client_id,
            ClientCredential.slot == credential.slot,
            ClientCredential.created_at == credential.created_at,
        )
    ).one_or_none()
    return row.ends_at if row is not None else credential.created_at


def _by_assertion(session: Session, proof: SignedAssertion, now: datetime) -> ClientCredential | None:
    try:
        assertion = assertions.read(proof.text, proof.audiences, now)
    except BadAssertion as error:
        if error.unproven is not None and _signer(session, error.unproven, now):
            raise RefusedAssertion(_REASONS.get(error.reason, _ANOTHER_CLAIM)) from None
        return None
    signer = _signer(session, assertion, now)
    if signer is None:
        return None
    if proof.client_id not in {None, assertion.client_id}:
        raise RefusedAssertion(_ANOTHER_CLIENT)
    if not _record_use(session, assertion):
        raise RefusedAssertion(_USED)
    return signer


def _signer(session: Session, assertion: Assertion, now: datetime) -> ClientCredential | None:
    """The present key of the client that it names which has signed it."""
    for row in active_credentials(session, assertion.client_id, now):
        if row.kind != assertion.kind or row.public_key is None or assertion.kid not in {None, row.kid}:
            continue
        if PublicKey(row.kind, row.kid, row.public_key).verifies(assertion):
            return row
    return None


def _record_use(session: Session, assertion: Assertion) -> bool:
    """False where the assertion was used before, in this process or another."""
    used = {"id": assertion.replay_id, "expires_at": assertion.expires_at + assertions.LEEWAY}
    return insert_if_absent(session, UsedAssertion, used, key=("id",))


def _client(session: Session, credential: ClientCredential | None) -> OAuthClient | None:
    """The active client of a credential."""
    if credential is None:
        return None
    mine = sa.select(OAuthClient).where(OAuthClient.id == credential.client_id, OAuthClient.active)
    return session.scalars(mine).one_or_none()


_OF_CLIENT: Final = sa.select(ClientCredential).order_by(ClientCredential.slot)


def credentials_of(session: Session, client_id: str) -> Sequence[ClientCredential]:
    """All credentials of a client, including expired ones."""
    return session.scalars(_OF_CLIENT.where(ClientCredential.client_id == client_id)).all()


def active_credentials(session: Session, client_id: str, now: datetime) -> list[ClientCredential]:
    return [row for row in credentials_of(session, client_id) if row.ends_at is None or row.ends_at > now]


def add_secret(
    session: Session,
    keys: KeyRing,
    client_id: str,
    now: datetime,
    *,
    ends_at: datetime | None = None,
    published: str | None = None,
) -> str:
    """Add a secret and return it; it is shown once. A random one, unless a `published` one is given.

    Raises NotFound, Conflict (two credentials are active).
    """
    secret = published or secrets.token_urlsafe(32)
    _put(session, client_id, now, ends_at, kind="secret", secret_mac=secret_mac(keys, client_id, secret))
    return secret


def add_keys(
    session: Session,
    client_id: str,
    public: Collection[PublicKey],
    now: datetime,
    *,
    ends_at: datetime | None = None,
) -> None:
    """Add public keys. Raises NotFound, Conflict (more than two credentials)."""
    for key in public:
        _put(session, client_id, now, ends_at, kind=key.kind, kid=key.kid, public_key=key.raw)


def expire(session: Session, client_id: str, slot: int, at: datetime) -> None:
    """Let a credential expire at `at`. Tokens that were issued for it before live on for 15 minutes at most. Raises NotFound."""
    row = session.get(ClientCredential, (client_id, slot))
    if row is None:
        raise NotFound("There is no such credential.")
    row.ends_at = at
    session.flush()


def end(session: Session, client_id: str, slot: int, now: datetime) -> None:
    """End a credential immediately, with every token of its client: it is not known which credential a token was issued for.

    The client's other credential, if it has one, gets new tokens. Locks the client, so that a token that is just being issued is
    deleted too, or not issued (`oauth_clients.issue_token`). Raises NotFound.
    """
    session.execute(sa.select(OAuthClient.id).where(OAuthClient.id == client_id).with_for_update())
    expire(session, client_id, slot, now)
    session.execute(sa.delete(AccessToken).where(AccessToken.client_id == client_id))


def _put(session: Session, client_id: str, now: datetime, ends_at: datetime | None, **what: bytes | str | None) -> None:
    locked = sa.select(OAuthClient.id).where(OAuthClient.id == client_id).with_for_update()
    if session.scalar(locked) is None:
        raise NotFound("There is no such client.")
    taken = {row.slot for row in active_credentials(session, client_id, now)}
    free = next((slot for slot in _SLOTS if slot not in taken), None)
    if free is None:
        raise Conflict("Two credentials are active already: end one first.")
    session.execute(
        sa.delete(ClientCredential).where(ClientCredential.client_id == client_id, ClientCredential.slot == free)
    )
    session.add(ClientCredential(client_id=client_id, slot=free, created_at=now, ends_at=ends_at, **what))
    session.flush()


def drop_used(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete the records of used assertions that have expired; returns how many."""
    return bulk.delete_some(session, UsedAssertion, UsedAssertion.expires_at <= now, limit)


def secret_mac(keys: KeyRing, client_id: str, secret: str) -> bytes:
    return keys.mac("oauth-secret", client_id.encode("utf-8", "replace"), secret.encode("utf-8", "replace"))
