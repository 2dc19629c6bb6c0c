"""Tables of services, of the rule sets that were ever in force, and of what was edited at the desk."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json

ORIGINS: Final = ("desk", "partner", "import")
"""Where an edit of the directory comes from."""


class ServiceRow(Base):
    """A service by its key `organisation-slug/service-slug`, with its live state: capacity and pauses.

    `places`: how many free places are left, if the organisation has named a number. It counts until `capacity_until`.
    """

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
    places: Mapped[int | None] = mapped_column(sa.SmallInteger)
    retired_at: Mapped[datetime | None]
    entry: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class RuleSet(Base):
    """The rules of a directory by its digest, so that a stored run can always be explained."""

    __tablename__ = "rule_sets"

    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    content: Mapped[dict[str, Any]]
    loaded_at: Mapped[datetime]


class DirectoryEdit(Base):
    """A proposed or published value for one field of an organisation or service.

    `subject` is a slug or a service's key. `old` is the value when it was proposed, `new` the proposed one: `{"value": …}`, or
    `{"pack": true}` for the pack's own value. `proposed_with`: what the edits of one proposal for several fields have in common;
    they are published, rejected or withdrawn together. Contains nothing about any person.
    """

    __tablename__ = "directory_edits"
    __table_args__ = (
        sa.CheckConstraint(
            "state IN ('proposed', 'published', 'rejected', 'withdrawn', 'superseded')", name="state_known"
        ),
        sa.CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_when_not_proposed"),
        sa.CheckConstraint(
            "state NOT IN ('published', 'superseded') OR decided_by <> proposed_by", name="published_by_another"
        ),
        sa.CheckConstraint(f"origin IN {ORIGINS}", name="origin_known"),
        sa.Index(
            "uq_directory_edits_one_proposed", "subject", "field", unique=True,
            sqlite_where=sa.text("state = 'proposed'"), postgresql_where=sa.text("state = 'proposed'"),
        ),
        sa.Index(
            "uq_directory_edits_one_published", "subject", "field", unique=True,
            sqlite_where=sa.text("state = 'published'"), postgresql_where=sa.text("state = 'published'"),
        ),
        sa.Index("ix_directory_edits_subject", "subject"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    subject: Mapped[str] = mapped_column(sa.String(130))
    field: Mapped[str] = mapped_column(sa.String(32))
    old: Mapped[dict[str, Any]] = mapped_column(Json)
    new: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(sa.String(12))
    origin: Mapped[str] = mapped_column(sa.String(8))
    proposed_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    decided_at: Mapped[datetime | None]
    proposed_with: Mapped[UUID | None]


class ServicePause(Base):
    """A pause of a service up to and including `until`: of all new requests, or of those for one need or in one language."""

    __tablename__ = "service_pauses"
    __table_args__ = (sa.CheckConstraint("need IS NULL OR language IS NULL", name="one_kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    service_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("services.id"), index=True)
    need: Mapped[str | None] = mapped_column(sa.String(32))
    language: Mapped[str | None] = mapped_column(sa.String(8))
    until: Mapped[date]
    set_at: Mapped[datetime]
