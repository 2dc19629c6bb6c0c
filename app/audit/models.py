"""The audit table."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

ARRIVALS: Final = "audit_arrivals"
"""The sequence that numbers entries on PostgreSQL as they are written: one that does not commit leaves a gap."""
sa.Sequence(ARRIVALS, metadata=Base.metadata)
WAITING: Final = 2**62
"""An entry waits for its place under `seq` = its arrival - WAITING: below every place, and in the order of arrival."""


class AuditEntry(Base):
    """One audited action: codes and ids, no personal data. Nobody changes what it says.

    `seq`: its place in the chain, from 1 without gaps; a negative number: committed, but not yet placed. `hash` covers the entry
    and the hash before it; zeros until it is placed. `arrival`: the number under which it waited for its place; NULL: it was
    placed immediately.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        sa.Index(None, "subject_id", "seq"),
        sa.CheckConstraint("length(hash) = 64 AND length(prev_hash) = 64", name="hashes_are_sha256"),
    )

    seq: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    actor_id: Mapped[str] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(48))
    subject_kind: Mapped[str] = mapped_column(sa.String(24))
    subject_id: Mapped[str] = mapped_column(sa.String(64))
    codes: Mapped[dict[str, Any]]
    prev_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))
    arrival: Mapped[int | None] = mapped_column(sa.BigInteger())

    @property
    def is_placed(self) -> bool:
        return self.seq > 0
