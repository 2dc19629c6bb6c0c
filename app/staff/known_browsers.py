"""Browsers that somebody signed in with before: wrong tries by strangers do not shut their owner out of these.

Such a browser keeps a cookie that the server can check and nobody can make. It opens nothing; it only has a count of wrong tries
of its own, so that a stranger who knows a name can use up the strangers' tries and no others.
"""

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.keyring import KeyRing

KNOWN_FOR: Final = timedelta(days=90)


class KnownBrowser(Base):
    """`id` is a MAC of the member's id and the cookie's secret."""

    __tablename__ = "known_browsers"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), index=True)
    failures: Mapped[int] = mapped_column(default=0)
    wait_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]


def remember(session: Session, keys: KeyRing, member_id: UUID, secret: str | None, now: datetime) -> str:
    """They signed in here; gives the secret for the cookie, the one it has when it is known already."""
    known = known_browser(session, keys, member_id, secret, now)
    if known is not None and secret is not None:
        known.expires_at = now + KNOWN_FOR
        return secret
    if secret:  # one whose time was over
        session.execute(sa.delete(KnownBrowser).where(KnownBrowser.id == _id(keys, member_id, secret)))
    secret = secret or secrets.token_urlsafe(32)  # a shared computer keeps one, for each who signs in there
    session.add(KnownBrowser(id=_id(keys, member_id, secret), member_id=member_id, expires_at=now + KNOWN_FOR))
    session.flush()
    return secret


def known_browser(
    session: Session, keys: KeyRing, member_id: UUID, secret: str | None, now: datetime
) -> KnownBrowser | None:
    """The browser, its row locked, when this member signed in with it before."""
    if not secret:
        return None
    found = session.get(KnownBrowser, _id(keys, member_id, secret), with_for_update=True, populate_existing=True)
    return found if found is not None and found.expires_at > now else None


def forget(session: Session, member_id: UUID) -> None:
    """After a change of keys or role every browser is a stranger again."""
    session.execute(sa.delete(KnownBrowser).where(KnownBrowser.member_id == member_id))


def delete_expired(session: Session, now: datetime) -> int:
    return int(session.execute(sa.delete(KnownBrowser).where(KnownBrowser.expires_at <= now)).rowcount)  # type: ignore[attr-defined]


def _id(keys: KeyRing, member_id: UUID, secret: str) -> bytes:
    return keys.mac("known-browser", member_id.bytes, secret.encode("utf-8", "surrogatepass"))
