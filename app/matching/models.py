"""Tables of stored match runs, and of each service's history that the ranking uses."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class MatchRun(Base):
    """One run of the rules over one case. The trace reveals facts, so it is encrypted like them.

    `facts_mac`, hidden under the epoch key, shows whether the facts have changed since.
    """

    __tablename__ = "match_runs"
    __table_args__ = (sa.UniqueConstraint("case_id", "seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    seq: Mapped[int]
    rule_set: Mapped[str] = mapped_column(sa.String(64))
    order_version: Mapped[int]
    facts_mac: Mapped[bytes] = mapped_column(sa.LargeBinary())
    trace: Mapped[bytes]
    at: Mapped[datetime]


class ServiceRecord(Base):
    """A service's balance in the rotation (see `order`) and its usual time to answer. Contains nothing about any case."""

    __tablename__ = "service_records"
    __table_args__ = (
        sa.CheckConstraint("weight BETWEEN 1 AND 99", name="weight_in_range"),
        sa.CheckConstraint("got >= 0 AND in_a_row BETWEEN 0 AND got", name="row_within_got"),
        sa.CheckConstraint("answers >= 0 AND answer_hours >= 0", name="answers_not_negative"),
    )

    service_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("services.id"), primary_key=True)
    weight: Mapped[int]
    earned: Mapped[int] = mapped_column(sa.BigInteger)
    got: Mapped[int]
    in_a_row: Mapped[int]
    answers: Mapped[int]
    answer_hours: Mapped[int]
