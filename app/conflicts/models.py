"""Tables of conflict lists, of the keyed hashes of cases, and of exclusions."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ConflictEntry(Base):
    """One identifier on an organisation's conflict list. `mac` is bound to the organisation and to the server's key, and hidden
    under the epoch key (`KeyRing.hide`).

    `case_id` null: uploaded by the organisation. Otherwise taken from a case that it declined for a conflict, so that the same
    person is not offered to it again; deleted with that case.
    """

    __tablename__ = "conflict_entries"
    __table_args__ = (sa.Index(None, "case_id"),)

    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
    mac: Mapped[bytes] = mapped_column(sa.LargeBinary(), primary_key=True)
    case_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    added_on: Mapped[datetime]


class ConflictTrace(Base):
    """An identifier of a case, hashed as the organisation hashes its own entries.

    There is no row if the person gave no address and no full name, nor for an organisation that has neither a list nor a key of
    the case or an agreement to be asked.
    """

    __tablename__ = "conflict_traces"
    __table_args__ = (sa.Index(None, "mac"),)

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
    mac: Mapped[bytes] = mapped_column(sa.LargeBinary(), primary_key=True)


class Exclusion(Base):
    """A hit: this organisation is never asked for this case, even if its list changes. It is shown to nobody."""

    __tablename__ = "exclusions"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
