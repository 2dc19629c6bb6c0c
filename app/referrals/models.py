"""Tables of referrals, their events, the person's answers about contact, and the feed that partners read."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Json
from app.referrals.states import ANSWER_DUE, LIVE, ReferralState

_LIVE_SQL = "state IN ({})".format(", ".join(f"'{state}'" for state in sorted(LIVE)))
_OWES = "state IN ({})".format(", ".join(f"'{state}'" for state in ReferralState if state in ANSWER_DUE))
_DUE = "due_at IS NOT NULL"
_EXPIRES = "expires_at IS NOT NULL"
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Referral(Base):
    """One case offered to one service of one organisation.

    `expires_at` is set exactly while the partner owes an answer; `due_at` is the time of the scheduler's next action; the
    card (region and access needs) is encrypted with the epoch key. `offered_at` null: the organisation cannot see it.
    `needs`: those of the case's needs that it is for; null, of a referral made by a former version: all of them.
    `question` is set while the partner waits for an answer to it; `read_at`: when the encrypted parts were first opened;
    `predecessor_id`: the referral that this one replaces; `hours`: the organisation's own hours at the time of the offer;
    `way`: how the organisation is asked (`ways`); null: through its account. `asks_document`: it asks the person for photos of a
    letter, until they add one; a routing code.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        sa.CheckConstraint(f"({_OWES}) = (expires_at IS NOT NULL)", name="expires_while_owed"),
        sa.CheckConstraint(f"NOT ({_OWES}) OR offered_at IS NOT NULL", name="owed_is_offered"),
        sa.CheckConstraint("pauses BETWEEN 0 AND 2", name="paused_at_most_twice"),
        sa.CheckConstraint("urgency IN ('emergency', 'urgent', 'normal')", name="urgency_known"),
        sa.Index(
            "uq_referrals_one_live", "case_id", "organisation_id", unique=True,
            sqlite_where=sa.text(_LIVE_SQL), postgresql_where=sa.text(_LIVE_SQL),
        ),
        sa.Index("ix_referrals_partner", "organisation_id", "updated_at", "id"),
        sa.Index("ix_referrals_state", "organisation_id", "state", "updated_at", "id"),
        sa.Index("ix_referrals_due", "due_at", sqlite_where=sa.text(_DUE), postgresql_where=sa.text(_DUE)),
        sa.Index(
            "ix_referrals_expires", "expires_at", sqlite_where=sa.text(_EXPIRES), postgresql_where=sa.text(_EXPIRES)
        ),
        sa.Index("ix_referrals_case", "case_id"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    label: Mapped[str] = mapped_column(sa.String(12), unique=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    service_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("services.id"))
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"))
    state: Mapped[str] = mapped_column(sa.String(16))
    version: Mapped[int]
    needs: Mapped[list[str] | None]
    urgency: Mapped[str] = mapped_column(sa.String(12))
    deadline_on: Mapped[date | None]
    card: Mapped[bytes | None]
    waiting_since: Mapped[datetime]
    created_at: Mapped[datetime]
    offered_at: Mapped[datetime | None]
    acknowledge_by: Mapped[datetime | None]
    decide_by: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    contact_by: Mapped[datetime | None]
    review_on: Mapped[date | None]
    paused_at: Mapped[datetime | None]
    pauses: Mapped[int] = mapped_column(default=0)
    clock_steps: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(sa.String(24))
    outcome: Mapped[str | None] = mapped_column(sa.String(24))
    updated_at: Mapped[datetime]
    question: Mapped[str | None] = mapped_column(sa.String(24))
    read_at: Mapped[datetime | None]
    predecessor_id: Mapped[UUID | None]
    hours: Mapped[dict[str, Any] | None] = mapped_column(Json)
    way: Mapped[str | None] = mapped_column(sa.String(8))
    asks_document: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class ReferralEvent(Base):
    """One event of a referral, append-only; `seq` is the version it led to. Codes only."""

    __tablename__ = "referral_events"
    __table_args__ = (sa.UniqueConstraint("referral_id", "seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"))
    seq: Mapped[int]
    verb: Mapped[str] = mapped_column(sa.String(20))
    source: Mapped[str | None] = mapped_column(sa.String(16))
    target: Mapped[str] = mapped_column(sa.String(16))
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    actor_id: Mapped[UUID | None]
    reason: Mapped[str | None] = mapped_column(sa.String(24))
    codes: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class ContactAnswer(Base):
    """The person's answer to "did they contact you?", once about the first contact, once about the end; times to the hour."""

    __tablename__ = "contact_answers"
    __table_args__ = (
        sa.UniqueConstraint("referral_id", "about"),
        sa.CheckConstraint("about IN ('first_contact', 'completion')", name="about_known"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    referral_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("referrals.id"))
    about: Mapped[str] = mapped_column(sa.String(16))
    yes: Mapped[bool]
    at: Mapped[datetime]


class FeedEvent(Base):
    """An event of an organisation's feed. `position` is given after the commit, so that a slower writer is never skipped."""

    __tablename__ = "feed_events"
    __table_args__ = (
        sa.Index("ix_feed_events_reader", "organisation_id", "position"),
        sa.Index(
            "ix_feed_events_new",
            "n",
            sqlite_where=sa.text("position IS NULL"),
            postgresql_where=sa.text("position IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    n: Mapped[int] = mapped_column(_BIG, primary_key=True, autoincrement=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"))
    referral_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(sa.String(48))
    version: Mapped[int]
    at: Mapped[datetime]
    position: Mapped[int | None] = mapped_column(_BIG, unique=True)
