"""OAuth 2 client credentials (RFC 6749 §4.4): clients, opaque tokens, and what a token may do."""

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import bulk
from app.core.errors import Conflict, NotFound, NotSignedIn
from app.core.keyring import KeyRing
from app.core.kill_switch import frozen
from app.partners import credentials
from app.partners.assertions import PublicKey
from app.partners.credentials import Proof
from app.partners.models import AccessToken, OAuthClient

SCOPES: Final = (
    "referrals:read",
    "referrals:contact",
    "referrals:write",
    "referrals:create",
    "events:read",
    "webhooks:manage",
    "intakes:create",
)
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
"""A colon, for one, would end the id in Basic authentication (RFC 7617)."""
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A newly issued token. The repr hides it."""

    client_id: str
    token: str
    scopes: list[str]
    lasts: timedelta

    def __repr__(self) -> str:
        return f"Issued({self.client_id})"


@dataclass(frozen=True, slots=True)
class Caller:
    """The program behind a token."""

    client_id: str
    organisation_id: UUID | None
    scopes: frozenset[str]
    sandbox: bool
    frozen: bool = False
    """Whether the kill switch for partners' reading is on."""


def add_client(
    session: Session,
    keys: KeyRing,
    client_id: str,
    name: str,
    scopes: list[str],
    now: datetime,
    *,
    organisation_id: UUID | None = None,
    sandbox: bool = False,
    public_keys: Collection[PublicKey] = (),
    secret: str | None = None,
) -> str:
    """Add a client and return its secret, which is shown once: a random one, unless a published one is given. With public keys
    there is no secret, and the text is empty.

    Raises ValueError (unknown scope, or an id that cannot sign in), Conflict (the id is taken).
    """
    if not CLIENT_ID.fullmatch(client_id):
        raise ValueError("A client id has 1 to 64 letters, digits and the signs . _ ~ - and nothing else.")
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"unknown scopes: {sorted(unknown)}")
    if session.get(OAuthClient, client_id) is not None:
        raise Conflict("A client with this id exists.")
    session.add(
        OAuthClient(
            id=client_id,
            organisation_id=organisation_id,
            name=name,
            scopes=sorted(scopes),
            sandbox=sandbox,
            created_at=now,
        )
    )
    session.flush()
    if public_keys:
        credentials.add_keys(session, client_id, public_keys, now)
        return ""
    return credentials.add_secret(session, keys, client_id, now, published=secret)


def issue_token(
    session: Session, keys: KeyRing, proof: Proof, wanted: list[str] | None, now: datetime, ttl: timedelta
) -> IssuedToken | None:
    """Issue a token; None if the client is unknown or its proof is invalid.

    It does not outlive the credential, which is read again when the token's row is there: writing that row waits for whoever is
    just ending the credential (`credentials.end`). Raises ValueError for a scope that the client does not have. An unknown client
    costs the same work.
    """
    credential = credentials.prove(session, keys, proof, now)
    client = session.get(OAuthClient, credential.client_id) if credential is not None else None
    if credential is None or client is None or not client.active:
        return None
    scopes = sorted(set(wanted)) if wanted else client.scopes
    if not set(scopes) <= set(client.scopes):
        raise ValueError("scope")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    until = min(now + ttl, credential.ends_at or now + ttl)
    row = AccessToken(id=_token_id(token), client_id=client.id, scopes=scopes, expires_at=until)
    session.add(row)
    session.flush()
    ends_at = credentials.end_of(session, credential)
    if ends_at is not None and ends_at < until:
        session.delete(row)
        session.flush()
        return None
    return IssuedToken(client.id, token, scopes, until - now)


_CALLER: Final = (
    sa.select(
        AccessToken.scopes,
        AccessToken.expires_at,
        OAuthClient.id,
        OAuthClient.organisation_id,
        OAuthClient.sandbox,
        frozen.label("frozen"),
    )
    .join(OAuthClient, OAuthClient.id == AccessToken.client_id)
    .where(AccessToken.id == sa.bindparam("token_id"), OAuthClient.active)
)


def caller(session: Session, token: str, now: datetime) -> Caller:
    """The caller with this token. Raises NotSignedIn: unknown, expired, or its client is switched off."""
    row = session.connection().execute(_CALLER, {"token_id": _token_id(token)}).one_or_none()
    if row is None or row.expires_at <= now:
        raise NotSignedIn("The token is unknown or has expired.")
    return Caller(row.id, row.organisation_id, frozenset(row.scopes), row.sandbox, bool(row.frozen))


def revoke(session: Session, client_id: str, token: str) -> None:
    """Revoke a token of this client (RFC 7009). Any other token is ignored."""
    session.execute(
        sa.delete(AccessToken).where(AccessToken.id == _token_id(token), AccessToken.client_id == client_id)
    )


def drop_expired_tokens(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete expired access tokens; returns how many."""
    return bulk.delete_some(session, AccessToken, AccessToken.expires_at <= now, limit)


def _token_id(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def deactivate(session: Session, client_id: str) -> None:
    """Deactivate a client. Its tokens are refused from the next request on. Raises NotFound."""
    client = session.get(OAuthClient, client_id)
    if client is None:
        raise NotFound("There is no such client.")
    client.active = False
    session.flush()
