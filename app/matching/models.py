"""The table of stored runs."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class MatchRun(Base):
    """One run of the rules over one case. The trace reveals facts, so it is locked like them.

    `facts_mac` tells whether the facts have changed since.
    """

    __tablename__ = "match_runs"
    __table_args__ = (sa.UniqueConstraint("case_id", "seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.ForeignKey("cases.id"))
    seq: Mapped[int]
    rule_set: Mapped[str] = mapped_column(sa.String(64))
    order_version: Mapped[int]
    facts_mac: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    trace: Mapped[bytes]
    at: Mapped[datetime]
