"""When something that has to happen again and again happened last: the worker's round, a backup, a rotation."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.upsert import insert_or_update

WORKER: Final = "worker"
BACKUP: Final = "backup"
ROTATION: Final = "rotation"
RETENTION: Final = "retention"
"""Since when things are kept as long as they are now."""


class Heartbeat(Base):
    """The last time of one thing, with codes about it."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(sa.String(48), primary_key=True)
    at: Mapped[datetime]
    codes: Mapped[dict[str, Any]]


def record(session: Session, name: str, now: datetime, **codes: Any) -> None:
    """It happened now. Any number of processes may say so."""
    statement = insert_or_update(
        session, Heartbeat, key=("name",), change=lambda new: {"at": new["at"], "codes": new["codes"]}
    )
    session.execute(statement, {"name": name, "at": now, "codes": codes})


def latest(session: Session) -> dict[str, Heartbeat]:
    """All marks by name."""
    return {mark.name: mark for mark in session.scalars(sa.select(Heartbeat))}
