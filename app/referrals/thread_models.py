"""Tables of the conversation between the team and the organisation about one referral, sealed, and what is unread."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ReferralMessage(Base):
    """One message between the team and the organisation. Class of data: sealed; the person's number does not open it.

    `id` is chosen by who writes, within the referral, so that a message that is sent twice is stored once. `ciphertext`:
    text and time, under a key of the message's own. `author`: desk or partner.
    """

    __tablename__ = "referral_messages"
    __table_args__ = (
        sa.UniqueConstraint("referral_id", "seq"),
        sa.CheckConstraint("author IN ('desk', 'partner')", name="author_known"),
        sa.Index("ix_referral_messages_case", "case_id"),
    )

    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    seq: Mapped[int]
    author: Mapped[str] = mapped_column(sa.String(8))
    ciphertext: Mapped[bytes]


class ReferralMessageWrap(Base):
    """The key of one message, HPKE-sealed to the team or to the organisation, then encrypted under the epoch key.

    Class of data: sealed. `key_id`: the public key that it is sealed to.
    """

    __tablename__ = "referral_message_wraps"
    __table_args__ = (
        sa.UniqueConstraint("referral_id", "message_id", "owner_id"),
        sa.CheckConstraint("kind IN ('team', 'organisation')", name="kind_known"),
        sa.Index("ix_referral_message_wraps_owner", "owner_id", "key_id"),
        sa.Index("ix_referral_message_wraps_case", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"))
    message_id: Mapped[UUID]
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    kind: Mapped[str] = mapped_column(sa.String(16))
    owner_id: Mapped[UUID]
    key_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("sealing_keys.id"))
    ciphertext: Mapped[bytes]


class ReferralMessageExport(Base):
    """The key of one message under the case's `person` key, where the law that applies to the installation puts it into the
    person's export.

    Class of data: sealed. Written when the team opens the message, because the writer may not hold the case's key.
    """

    __tablename__ = "referral_message_exports"
    __table_args__ = (sa.Index("ix_referral_message_exports_case", "case_id"),)

    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"), primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    ciphertext: Mapped[bytes]


class UnreadMessage(Base):
    """Messages of the team or of the person that an organisation has not read yet: one row for each author. Codes and ids only.

    `due_at`: when that is long enough for a task of the team, counted from the first unread one; null: the task was opened.
    """

    __tablename__ = "unread_messages"
    __table_args__ = (sa.CheckConstraint("author IN ('desk', 'person')", name="author_known"),)

    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"), primary_key=True)
    author: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), index=True)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
