"""Unfinished forms: stored for at most an hour, sealed with a key that only the person's cookie holds.

The same table holds the visit of a person who came back with their number.
"""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import bulk, sealing
from app.core.db import Base
from app.core.errors import TooLarge
from app.core.sealing import CannotOpen

RESENT_WITHIN: Final = timedelta(minutes=5)
"""How long a form can be sent again with the cookie that it was sent with before."""
MOST_BYTES: Final = 65_535
"""The most that a draft holds: a story of 20,000 Georgian letters, three bytes each, and all other answers."""


class Draft(Base):
    """An unfinished form. `id` is derived from the cookie's secret; the secret cannot be recovered from it."""

    __tablename__ = "drafts"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)


def load(session: Session, secret: str | None, now: datetime) -> dict[str, Any] | None:
    """The draft stored under this secret; None when there is none or it has expired."""
    if not secret:
        return None
    draft_id = _id(secret)
    row = session.get(Draft, draft_id)
    if row is None or row.expires_at <= now:
        return None
    try:
        plain = sealing.unpad(sealing.decrypt(_key(secret), row.sealed, sealing.context("drafts", draft_id.hex())))
    except CannotOpen:
        return None
    content: dict[str, Any] = json.loads(plain)
    return content


def fits(content: dict[str, Any]) -> bool:
    """Whether this can be saved: at most `MOST_BYTES`."""
    return len(_plain(content)) <= MOST_BYTES


def _plain(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def are_more_than(session: Session, most: int) -> bool:
    """Whether more than `most` drafts are stored. Counts no further than that."""
    some = sa.select(Draft.expires_at).limit(most + 1).subquery()
    return (session.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > most


def save(session: Session, secret: str, content: dict[str, Any], now: datetime, idle: timedelta) -> None:
    """Store under this secret. Raises TooLarge where `fits` says no; a caller that stores what was typed asks it before."""
    draft_id, plain = _id(secret), _plain(content)
    if len(plain) > MOST_BYTES:
        raise TooLarge("This is more than a form can hold.")
    sealed = sealing.encrypt(_key(secret), sealing.pad(plain), sealing.context("drafts", draft_id.hex()))
    row = session.get(Draft, draft_id)
    if row is None:
        session.add(Draft(id=draft_id, sealed=sealed, expires_at=now + idle))
    else:
        row.sealed, row.expires_at = sealed, now + idle
    session.flush()


def renew(
    session: Session, former: str | None, secret: str, content: dict[str, Any], now: datetime, idle: timedelta
) -> None:
    """Save under a fresh secret. What lies under the former one stays as it was, for `RESENT_WITHIN`.

    Somebody who knew the former secret cannot read what is typed from now on. If the response was lost on the way, the browser
    has only the former cookie and can send the form again with it.
    """
    save(session, secret, content, now, idle)
    if former:
        ends = now + RESENT_WITHIN
        session.execute(
            sa.update(Draft).where(Draft.id == _id(former), Draft.expires_at > ends).values(expires_at=ends)
        )


def drop(session: Session, secret: str | None) -> None:
    if secret:
        session.execute(sa.delete(Draft).where(Draft.id == _id(secret)))


def drop_expired(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    return bulk.delete_some(session, Draft, Draft.expires_at <= now, limit)


def _id(secret: str) -> bytes:
    return sealing.derive(secret.encode("utf-8", "replace"), "draft:id")


def _key(secret: str) -> bytes:
    return sealing.derive(secret.encode("utf-8", "replace"), "draft:key")
