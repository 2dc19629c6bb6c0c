"""OAuth 2 client credentials (RFC 6749 §4.4): clients, opaque tokens, and what a token may do."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import NotSignedIn
from app.core.keyring import KeyRing
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
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Caller:
    """The program behind a token."""

    client_id: str
    organisation_id: UUID | None
    scopes: frozenset[str]
    sandbox: bool


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
    secret: str | None = None,
) -> str:
    """A new program; gives its secret, which is shown once: a fresh one, unless it is to be published anyway.

    Raises ValueError for an unknown scope.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown:
        raise ValueError(f"unknown scopes: {sorted(unknown)}")
    secret = secret or secrets.token_urlsafe(32)
    session.add(
        OAuthClient(
            id=client_id,
            organisation_id=organisation_id,
            name=name,
            secret_mac=_secret_mac(keys, client_id, secret),
            scopes=sorted(scopes),
            sandbox=sandbox,
            created_at=now,
        )
    )
    session.flush()
    return secret


def issue_token(
    session: Session,
    keys: KeyRing,
    client_id: str,
    secret: str,
    wanted: list[str] | None,
    now: datetime,
    ttl: timedelta,
) -> tuple[str, list[str]] | None:
    """A token and its scopes, or None when the client is unknown or the secret wrong.

    Raises ValueError when a scope is wanted that the client was not given. An unknown client costs the same work.
    """
    client = _authentic(session, keys, client_id, secret)
    if client is None:
        return None
    scopes = sorted(set(wanted)) if wanted else client.scopes
    if not set(scopes) <= set(client.scopes):
        raise ValueError("scope")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    session.add(AccessToken(id=_token_id(token), client_id=client_id, scopes=scopes, expires_at=now + ttl))
    session.flush()
    return token, scopes


def is_client(session: Session, keys: KeyRing, client_id: str, secret: str) -> bool:
    """Whether this is an active client with its own secret."""
    return _authentic(session, keys, client_id, secret) is not None


def _authentic(session: Session, keys: KeyRing, client_id: str, secret: str) -> OAuthClient | None:
    client = session.scalars(
        sa.select(OAuthClient).where(OAuthClient.id == client_id, OAuthClient.active)
    ).one_or_none()
    offered = _secret_mac(keys, client_id, secret)
    known = client.secret_mac if client else bytes(32)
    return client if hmac.compare_digest(offered, known) else None


_CALLER: Final = (
    sa.select(
        AccessToken.scopes, AccessToken.expires_at, OAuthClient.id, OAuthClient.organisation_id, OAuthClient.sandbox
    )
    .join(OAuthClient, OAuthClient.id == AccessToken.client_id)
    .where(AccessToken.id == sa.bindparam("token_id"), OAuthClient.active)
)


def caller(session: Session, token: str, now: datetime) -> Caller:
    """Who holds this token. Raises NotSignedIn when it is unknown, expired, or its client was switched off."""
    row = session.execute(_CALLER, {"token_id": _token_id(token)}).one_or_none()
    if row is None or row.expires_at <= now:
        raise NotSignedIn("The token is unknown or has expired.")
    return Caller(row.id, row.organisation_id, frozenset(row.scopes), row.sandbox)


def revoke(session: Session, client_id: str, token: str) -> None:
    """RFC 7009: a token of this client ends; anything else is passed over in silence."""
    session.execute(
        sa.delete(AccessToken).where(AccessToken.id == _token_id(token), AccessToken.client_id == client_id)
    )


def drop_expired_tokens(session: Session, now: datetime) -> int:
    return int(session.execute(sa.delete(AccessToken).where(AccessToken.expires_at <= now)).rowcount)  # type: ignore[attr-defined]


def _secret_mac(keys: KeyRing, client_id: str, secret: str) -> bytes:
    return keys.mac("oauth-secret", client_id.encode("utf-8", "replace"), secret.encode("utf-8", "replace"))


def _token_id(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
