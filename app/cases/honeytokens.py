"""Honeytokens: invented cases that nobody has a reason to open. Opening one raises an alarm, which the reader cannot see.

The table holds a keyed hash of the case's id, so that somebody who has only the database cannot tell which cases to avoid.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.keyring import KeyRing


class Honeytoken(Base):
    """An invented case. `id` is a MAC of the case's id, hidden under the epoch key (`KeyRing.hide`)."""

    __tablename__ = "honeytokens"

    id: Mapped[bytes] = mapped_column(sa.LargeBinary(), primary_key=True)
    made_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    made_at: Mapped[datetime]


BINDING: Final = ("honeytokens", "id")


def _mac(keys: KeyRing, case_id: UUID) -> bytes:
    return keys.mac("honeytoken", case_id.bytes)


def create(session: Session, keys: KeyRing, case_id: UUID, *, by: UUID, now: datetime) -> None:
    session.add(Honeytoken(id=keys.hide(_mac(keys, case_id), *BINDING), made_by=by, made_at=now))
    session.flush()


def is_honeytoken(session: Session, keys: KeyRing, case_id: UUID) -> bool:
    forms = keys.hidden_forms(_mac(keys, case_id), *BINDING)
    return session.scalar(sa.select(Honeytoken.id).where(Honeytoken.id.in_(forms))) is not None


def count(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Honeytoken)) or 0
