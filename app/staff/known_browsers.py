"""Known browsers: where a member has signed in before, a stranger's failed attempts elsewhere do not lock them out.

A known browser has a cookie that the server can verify and nobody can forge. The cookie gives no access; it only has its own count
of failed attempts, so that a stranger who knows a member's name cannot lock the member out.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import browser_secrets, bulk
from app.core.db import Base
from app.core.keyring import KeyRing

COOKIE: Final = "staff_browser"
KNOWN_FOR: Final = timedelta(days=90)
BINDING: Final = ("known_browsers", "id")


class KnownBrowser(Base):
    """`id` is a MAC of the member's id and the cookie's secret, hidden under the epoch key (`KeyRing.hide`)."""

    __tablename__ = "known_browsers"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), index=True)
    failures: Mapped[int] = mapped_column(default=0)
    wait_until: Mapped[datetime | None]
    expires_at: Mapped[datetime]


def remember(session: Session, keys: KeyRing, member_id: UUID, secret: str | None, now: datetime) -> str:
    """Record that the member signed in from this browser; returns the secret for its cookie, unchanged if it is known already."""
    known = known_browser(session, keys, member_id, secret, now)
    if known is not None and secret is not None:
        known.expires_at = now + KNOWN_FOR
        return secret
    if secret:  # it had expired
        session.execute(sa.delete(KnownBrowser).where(KnownBrowser.id.in_(_ids(keys, member_id, secret))))
    # A shared computer keeps one secret for all who sign in there. A value that is not ours was put there by somebody who knows it.
    if not secret or not browser_secrets.is_minted(keys, COOKIE, secret):
        secret = browser_secrets.mint(keys, COOKIE)
    hidden = keys.hide(_mac(keys, member_id, secret), *BINDING)
    session.add(KnownBrowser(id=hidden, member_id=member_id, expires_at=now + KNOWN_FOR))
    session.flush()
    return secret


def known_browser(
    session: Session, keys: KeyRing, member_id: UUID, secret: str | None, now: datetime
) -> KnownBrowser | None:
    """The browser, with its row locked, if this member has signed in from it before; else None."""
    if not secret:
        return None
    query = sa.select(KnownBrowser).where(KnownBrowser.id.in_(_ids(keys, member_id, secret))).with_for_update()
    browser = session.scalars(query.execution_options(populate_existing=True)).first()
    return browser if browser is not None and browser.expires_at > now else None


def is_known(session: Session, keys: KeyRing, member_id: UUID, secret: str | None, now: datetime) -> bool:
    """Whether this member has signed in from the browser before; locks nothing."""
    if not secret:
        return False
    query = sa.select(KnownBrowser.expires_at).where(KnownBrowser.id.in_(_ids(keys, member_id, secret)))
    expires_at = session.scalar(query)
    return expires_at is not None and expires_at > now


def forget(session: Session, member_id: UUID) -> None:
    """Forget all browsers of a member, after a change of keys or role."""
    session.execute(sa.delete(KnownBrowser).where(KnownBrowser.member_id == member_id))


def delete_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    return bulk.delete_some(session, KnownBrowser, KnownBrowser.expires_at <= now, limit)


def _ids(keys: KeyRing, member_id: UUID, secret: str) -> list[bytes]:
    return keys.hidden_forms(_mac(keys, member_id, secret), *BINDING)


def _mac(keys: KeyRing, member_id: UUID, secret: str) -> bytes:
    return keys.mac("known-browser", member_id.bytes, secret.encode("utf-8", "surrogatepass"))
