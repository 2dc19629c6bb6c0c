"""Heartbeats: when recurring work was last done (a round of the worker, a backup, a key rotation)."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.upsert import insert_or_update

WORKER: Final = "worker"
BACKUP: Final = "backup"
ROTATION: Final = "rotation"
WITNESS: Final = "witness"
"""When a witness of the audit chain was last taken for somebody else to keep."""
WAY: Final = "way:"
"""Begins the names of ways of sending: the hour in which each was last used, or failed (`reason`)."""
TELEGRAM: Final = "telegram"
"""The hour in which the last message to our bot was worked on, and from which update on to ask for more (`offset`)."""
PROBLEMS: Final = "problems"
"""When operators were last told of each problem that *Operations* shows (`told`)."""
RETENTION: Final = "retention"
"""When the retention periods were last changed."""


class Heartbeat(Base):
    """The last time of one kind of work, with codes about it."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(sa.String(48), primary_key=True)
    at: Mapped[datetime]
    codes: Mapped[dict[str, Any]]


def record(session: Session, name: str, now: datetime, **codes: Any) -> None:
    """Record that this work was done now. Any number of processes may record it."""
    statement = insert_or_update(
        session, Heartbeat, key=("name",), change=lambda new: {"at": new["at"], "codes": new["codes"]}
    )
    session.execute(statement, {"name": name, "at": now, "codes": codes})


def latest(session: Session) -> dict[str, Heartbeat]:
    """All heartbeats by name."""
    return {heartbeat.name: heartbeat for heartbeat in session.scalars(sa.select(Heartbeat))}
