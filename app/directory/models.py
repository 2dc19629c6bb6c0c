"""Tables of services and of the rule sets that were ever in force."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ServiceRow(Base):
    """A service by its key `organisation-slug/service-slug`, with what the pack can not know: capacity and pauses."""

    __tablename__ = "services"
    __table_args__ = (
        sa.CheckConstraint("capacity IN ('open', 'full', 'unknown')", name="capacity_known"),
        sa.CheckConstraint("(capacity = 'unknown') = (capacity_until IS NULL)", name="capacity_expires"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), index=True)
    key: Mapped[str] = mapped_column(sa.String(130), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    capacity: Mapped[str] = mapped_column(sa.String(8), default="unknown")
    capacity_until: Mapped[date | None]
    retired_at: Mapped[datetime | None]
    entry: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class RuleSet(Base):
    """The content of the packs by its digest, so that a stored run can be explained for ever."""

    __tablename__ = "rule_sets"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    content: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime]
