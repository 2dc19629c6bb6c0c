"""Kill switches, which take effect immediately in every process: rows of the database that are read each time and never cached."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.errors import Unavailable
from app.core.i18n import N_
from app.core.upsert import insert_or_ignore

FREEZE: Final = "partner_reads_frozen"


class KillSwitch(Base):
    """A switch. If its row is missing, it is off."""

    __tablename__ = "kill_switches"

    name: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    on: Mapped[bool]
    changed_by: Mapped[UUID | None]
    changed_at: Mapped[datetime]


class Frozen(Unavailable):
    """The network has stopped all reading by partners, in all processes, during an investigation."""

    slug, title = "partner-reads-frozen", "Reading by partners is stopped"

    def __init__(self) -> None:
        super().__init__(
            N_(
                "The network has stopped all reading by partners while something is looked into. Nothing is lost; ask your "
                "contact at the network."
            ),
            headers={"Retry-After": "300"},
        )


frozen: Final = sa.exists(sa.select(KillSwitch.name).where(KillSwitch.name == FREEZE, KillSwitch.on))
"""A column for a select that looks up the caller, so that the switch needs no statement of its own."""


def is_on(session: Session, name: str) -> bool:
    return bool(session.scalar(sa.select(KillSwitch.on).where(KillSwitch.name == name)))


def set_switch(session: Session, name: str, *, on: bool, by: UUID | None, now: datetime) -> bool:
    """Turn a switch on or off, with its row locked. False: it was in that position already."""
    off = {"name": name, "on": False, "changed_by": by, "changed_at": now}
    session.execute(insert_or_ignore(session, KillSwitch, key=("name",)), off)
    row = session.get_one(KillSwitch, name, with_for_update=True, populate_existing=True)
    if row.on == on:
        return False
    row.on, row.changed_by, row.changed_at = on, by, now
    session.flush()
    return True
