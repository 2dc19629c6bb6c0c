"""Tables of webhook endpoints and their deliveries."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WAITING = "state = 'waiting'"


class WebhookEndpoint(Base):
    """An address to which an organisation wants its events sent. `types` empty: all types.

    `position`: the last position of the change feed for which deliveries were created. `secret` and `old_secret` are encrypted
    under the epoch key and bound to ("webhook_endpoints", id, "secret", version): the current one to `secret_version`, the
    previous one, valid until `old_until`, to the version below. `ends_at` is set only for endpoints of the published sandbox
    client; they are deleted then.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        sa.CheckConstraint("state IN ('active', 'paused', 'gone')", name="state_known"),
        sa.CheckConstraint("signature IN ('v1', 'v1a')", name="signature_known"),
        sa.CheckConstraint("(old_secret IS NULL) = (old_until IS NULL)", name="old_secret_ends"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), index=True)
    url: Mapped[str] = mapped_column(sa.String(500))
    types: Mapped[list[str]]
    state: Mapped[str] = mapped_column(sa.String(8), default="active")
    version: Mapped[int] = mapped_column(default=1)
    signature: Mapped[str] = mapped_column(sa.String(4))
    secret: Mapped[bytes]
    secret_version: Mapped[int] = mapped_column(default=1)
    old_secret: Mapped[bytes | None]
    old_until: Mapped[datetime | None]
    position: Mapped[int] = mapped_column(_BIG)
    ends_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WebhookDelivery(Base):
    """One event for one endpoint. `due_at` is the time of the next attempt or, during an attempt, the end of its lease.

    A test event has no referral.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.UniqueConstraint("endpoint_id", "event_id"),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name="state_known"),
        sa.CheckConstraint(f"({_WAITING}) = (due_at IS NOT NULL)", name="due_while_waiting"),
        sa.Index("ix_webhook_deliveries_list", "endpoint_id", "created_at", "id"),
        sa.Index("ix_webhook_deliveries_created_at", "created_at"),
        sa.Index(
            "ix_webhook_deliveries_due", "endpoint_id", "due_at",
            sqlite_where=sa.text(_WAITING), postgresql_where=sa.text(_WAITING),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    endpoint_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(sa.String(48))
    referral_id: Mapped[UUID | None]
    referral_version: Mapped[int | None]
    happened_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(sa.String(12), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    attempted_at: Mapped[datetime | None]
    last_status: Mapped[int | None] = mapped_column(sa.SmallInteger)
    last_error: Mapped[str | None] = mapped_column(sa.String(24))
    created_at: Mapped[datetime]
