"""Honeytokens: invented cases that nobody has a reason to open. Opening one raises an alarm, which the reader cannot see.

The table holds a keyed hash of the case's id, so that somebody who has only the database cannot tell which cases to avoid.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.keyring import KeyRing


class Honeytoken(Base):
    """`id` is a MAC of the case's id."""

    __tablename__ = "honeytokens"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    made_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    made_at: Mapped[datetime]


def _keyed_hash(keys: KeyRing, case_id: UUID) -> bytes:
    return keys.mac("honeytoken", case_id.bytes)


def create(session: Session, keys: KeyRing, case_id: UUID, *, by: UUID, now: datetime) -> None:
    session.add(Honeytoken(id=_keyed_hash(keys, case_id), made_by=by, made_at=now))
    session.flush()


def is_honeytoken(session: Session, keys: KeyRing, case_id: UUID) -> bool:
    return session.get(Honeytoken, _keyed_hash(keys, case_id)) is not None


def count(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Honeytoken)) or 0
