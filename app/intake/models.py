"""Tables of the intake that hold no case: stored responses of submissions, and the counts of persecution."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class SealedResponse(Base):
    """The response to a submission, encrypted with a key that only its sender can derive again.

    `request_id` is a MAC of the caller and their key; `fingerprint` a MAC of the payload. While `reply` is null the
    first request is still under way. `case_id`: the case that it filed, with which it is deleted; a plain code, gone when
    the response expires. `expires_at` is a full hour.
    """

    __tablename__ = "sealed_responses"

    request_id: Mapped[bytes] = mapped_column(sa.LargeBinary(32), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(sa.LargeBinary(32))
    status: Mapped[int | None] = mapped_column(sa.SmallInteger)
    reply: Mapped[bytes | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    case_id: Mapped[UUID | None]


class PersecutionCount(Base):
    """How many people who agreed to be counted reported a kind of repression, per month and country. Not linked to a case."""

    __tablename__ = "persecution_counts"

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    country: Mapped[str] = mapped_column(sa.String(2), primary_key=True)
    count: Mapped[int]
