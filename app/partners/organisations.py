"""The table of organisations: centres and authorities of the directory, and the sandbox."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base
from app.core.errors import NotFound


class Organisation(Base):
    """An organisation by its slug. `entry`: its pack entry, for display. Retired, never deleted."""

    __tablename__ = "organisations"
    __table_args__ = (sa.CheckConstraint("kind IN ('centre', 'authority', 'sandbox')", name="kind_known"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(16))
    verified: Mapped[bool]
    paused_until: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    entry: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


def by_slug(session: Session, slug: str) -> Organisation:
    """The organisation with this slug. Raises NotFound."""
    organisation = session.scalars(sa.select(Organisation).where(Organisation.slug == slug)).one_or_none()
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation


def by_id(session: Session, organisation_id: UUID) -> Organisation:
    """The organisation with this id. Raises NotFound."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation


def names(session: Session, ids: list[UUID]) -> dict[UUID, str]:
    rows = session.execute(sa.select(Organisation.id, Organisation.name).where(Organisation.id.in_(ids)))
    return {row.id: row.name for row in rows}
