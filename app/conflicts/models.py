"""Tables of conflict lists, of what cases can be recognised by, and of who is excluded for it."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ConflictEntry(Base):
    """One identifier on an organisation's list. `mac` is bound to the organisation and to the server's key.

    `case_id` null: it was uploaded. Otherwise it was taken from a case that the organisation declined for conflict, so that
    the same person is spared them the next time as well; it is forgotten with that case.
    """

    __tablename__ = "conflict_entries"
    __table_args__ = (sa.Index(None, "case_id"),)

    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
    mac: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    case_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    added_on: Mapped[datetime]


class ConflictTrace(Base):
    """What a case can be recognised by, for one organisation: the same MAC. Nothing for who left no address and no full name."""

    __tablename__ = "conflict_traces"
    __table_args__ = (sa.Index(None, "mac"),)

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
    mac: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)


class Exclusion(Base):
    """A hit: this organisation is never asked for this case, also when its list no longer says so. Nobody is shown it."""

    __tablename__ = "exclusions"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
