"""The outbox table."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class OutboxMessage(Base):
    """One message to send, at least once. `not_before` moves on with each failed attempt; `lease_until` is one worker's claim."""

    __tablename__ = "outbox"
    __table_args__ = (
        sa.CheckConstraint("state IN ('queued', 'sent', 'dead')", name="state_known"),
        sa.Index(
            "ix_outbox_due",
            "not_before",
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    kind: Mapped[str] = mapped_column(sa.String(48))
    about_id: Mapped[UUID]
    organisation_id: Mapped[UUID | None]
    team_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(sa.String(8), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
