"""The outbox, and the addresses for notices: of organisations, of members, and of persons who asked to be notified."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json


class OutboxMessage(Base):
    """One message to send, at least once. `not_before` moves on with each failed attempt; `lease_until` is one worker's claim.

    The recipient is an organisation, a team, a member, or the person of a case; with none of these, the operators. What is for a
    team or the operators is replaced by one message for each member who is told. `dropped_at`: dead, and nobody needs to act on it.
    `sent_as`: the id of the first message of the notice with which it was sent last, which is that notice's own. `address_mark`: of
    the stored address that this went to by mail (`address_marks`); null: it went another way, or to an address that is not stored
    here. A random id and a hash of a ciphertext: no personal data.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        sa.CheckConstraint("state IN ('queued', 'sent', 'dead')", name="state_known"),
        sa.Index(
            "ix_outbox_due",
            "not_before",
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        ),
        sa.Index("ix_outbox_done", "done_at"),
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
    case_id: Mapped[UUID | None]
    dropped_at: Mapped[datetime | None]
    member_id: Mapped[UUID | None]
    sent_as: Mapped[UUID | None]
    address_mark: Mapped[bytes | None] = mapped_column(sa.LargeBinary(32))


class PartnerNotices(Base):
    """Notice settings and working hours of an organisation. `address` is encrypted under the epoch key.

    `digest_hour`: one e-mail a day at this hour in its `zone`, with counts; null: immediately. `hours` null: the country's.
    `failed_at`: since when the address counts as broken, until a notice arrives again or the address is changed. `refusals`: how
    many notices it has refused or returned; `bounced_at`: when a mail last came back. Codes about a way, no personal data.
    """

    __tablename__ = "partner_notices"
    __table_args__ = (sa.CheckConstraint("digest_hour IS NULL OR digest_hour BETWEEN 0 AND 23", name="hour_of_a_day"),)

    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)
    address: Mapped[bytes | None]
    emergencies_at_once: Mapped[bool]
    digest_hour: Mapped[int | None] = mapped_column(sa.SmallInteger)
    zone: Mapped[str] = mapped_column(sa.String(40))
    hours: Mapped[dict[str, Any] | None] = mapped_column(Json)
    version: Mapped[int]
    updated_at: Mapped[datetime]
    failed_at: Mapped[datetime | None]
    refusals: Mapped[int | None] = mapped_column(sa.SmallInteger)
    bounced_at: Mapped[datetime | None]


class MemberNotices(Base):
    """How a coordinator, senior, admin or auditor is told. Contact data of staff: `address` is encrypted under the epoch key.

    `way`: the kind of address (`channels.Way`). `emergencies`: emergencies and alarms come outside quiet hours also to somebody who
    is not on call. `digest_hour`: one notice a day with everything that can wait; null: each outside quiet hours, which are
    `quiet_from` to `quiet_until`, in full hours of `zone`. `failed_at`, `refusals` and `bounced_at` as of an organisation. The row
    is deleted when the member is deactivated.
    """

    __tablename__ = "member_notices"
    __table_args__ = (
        sa.CheckConstraint("digest_hour IS NULL OR digest_hour BETWEEN 0 AND 23", name="hour_of_a_day"),
        sa.CheckConstraint(
            "quiet_from IS NULL AND quiet_until IS NULL"
            " OR quiet_from BETWEEN 0 AND 23 AND quiet_until BETWEEN 0 AND 23 AND quiet_from <> quiet_until",
            name="quiet_hours",
        ),
    )

    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), primary_key=True)
    way: Mapped[str] = mapped_column(sa.String(16))
    address: Mapped[bytes | None]
    emergencies: Mapped[bool]
    digest_hour: Mapped[int | None] = mapped_column(sa.SmallInteger)
    quiet_from: Mapped[int | None] = mapped_column(sa.SmallInteger)
    quiet_until: Mapped[int | None] = mapped_column(sa.SmallInteger)
    zone: Mapped[str] = mapped_column(sa.String(40))
    language: Mapped[str] = mapped_column(sa.String(8))
    failed_at: Mapped[datetime | None]
    version: Mapped[int]
    updated_at: Mapped[datetime]
    refusals: Mapped[int | None] = mapped_column(sa.SmallInteger)
    bounced_at: Mapped[datetime | None]


class TelegramLink(Base):
    """A link with which the person of a case connects their Telegram; gone when it is used, replaced or two hours old.

    `token_mac`: of the token in the link, under the server's key. The rest are codes that become the rules of the notices.
    """

    __tablename__ = "telegram_links"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    token_mac: Mapped[bytes] = mapped_column(sa.LargeBinary(32), unique=True)
    may_say_who: Mapped[bool]
    good_hours: Mapped[list[str]] = mapped_column(Json)
    zone: Mapped[str] = mapped_column(sa.String(40))
    language: Mapped[str] = mapped_column(sa.String(8))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class PersonNotices(Base):
    """The one address of a person who asked to be notified, with its rules: `how` is encrypted under the epoch key.

    A row exists only when they asked for it, and is deleted with the contact. `chat_mark` finds the row of a Telegram chat: a keyed
    hash of the chat's number under the epoch key, and random where the address is another, so that it tells nothing by itself.
    None: the row is of a former version, and is marked when it is next looked at.
    """

    __tablename__ = "person_notices"
    __table_args__ = (sa.Index("ix_person_notices_chat_mark", "chat_mark"),)

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    zone: Mapped[str] = mapped_column(sa.String(40))
    language: Mapped[str] = mapped_column(sa.String(8))
    how: Mapped[bytes]
    chat_mark: Mapped[bytes | None]
