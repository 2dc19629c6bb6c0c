"""Referrals, their events, what the person answered about contact, and the change feed."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "feed_events",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=48), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_feed_events_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("n", name=op.f("pk_feed_events")),
        sa.UniqueConstraint("id", name=op.f("uq_feed_events_id")),
        sa.UniqueConstraint("position", name=op.f("uq_feed_events_position")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_feed_events_new",
        "feed_events",
        ["n"],
        unique=False,
        sqlite_where=sa.text("position IS NULL"),
        postgresql_where=sa.text("position IS NULL"),
    )
    op.create_index("ix_feed_events_reader", "feed_events", ["organisation_id", "position"], unique=False)
    op.create_table(
        "referrals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=12), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("urgency", sa.String(length=12), nullable=False),
        sa.Column("deadline_on", sa.Date(), nullable=True),
        sa.Column("card", sa.LargeBinary(), nullable=True),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledge_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contact_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", sa.Integer(), nullable=False),
        sa.Column("clock_steps", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("question", sa.String(length=24), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("predecessor_id", sa.Uuid(), nullable=True),
        sa.Column("hours", JSON, nullable=True),
        sa.CheckConstraint(
            "(state IN ('offered', 'acknowledged', 'info_requested')) = (expires_at IS NOT NULL)",
            name=op.f("ck_referrals_expires_while_owed"),
        ),
        sa.CheckConstraint(
            "NOT (state IN ('offered', 'acknowledged', 'info_requested')) OR offered_at IS NOT NULL",
            name=op.f("ck_referrals_owed_is_offered"),
        ),
        sa.CheckConstraint("pauses BETWEEN 0 AND 2", name=op.f("ck_referrals_paused_at_most_twice")),
        sa.CheckConstraint("urgency IN ('emergency', 'urgent', 'normal')", name=op.f("ck_referrals_urgency_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referrals_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_referrals_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_referrals_service_id_services")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sa.UniqueConstraint("label", name=op.f("uq_referrals_label")),
    )
    op.create_index("ix_referrals_case", "referrals", ["case_id"], unique=False)
    op.create_index(
        "ix_referrals_due",
        "referrals",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_referrals_partner", "referrals", ["organisation_id", "updated_at", "id"], unique=False)
    op.create_index("ix_referrals_state", "referrals", ["organisation_id", "state", "updated_at", "id"], unique=False)
    op.create_index(
        "uq_referrals_one_live",
        "referrals",
        ["case_id", "organisation_id"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('accepted', 'acknowledged', 'awaiting_consent', 'draft', 'in_progress', 'info_requested', 'offered', 'on_hold', 'waitlisted')"
        ),
        postgresql_where=sa.text(
            "state IN ('accepted', 'acknowledged', 'awaiting_consent', 'draft', 'in_progress', 'info_requested', 'offered', 'on_hold', 'waitlisted')"
        ),
    )
    op.create_table(
        "contact_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.String(length=16), nullable=False),
        sa.Column("yes", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("about IN ('first_contact', 'completion')", name=op.f("ck_contact_answers_about_known")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_contact_answers_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_answers")),
        sa.UniqueConstraint("referral_id", "about", name=op.f("uq_contact_answers_referral_id_about")),
    )
    op.create_table(
        "referral_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=True),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("codes", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_events_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_events")),
        sa.UniqueConstraint("referral_id", "seq", name=op.f("uq_referral_events_referral_id_seq")),
    )


def downgrade() -> None:
    op.drop_table("referral_events")
    op.drop_table("contact_answers")
    op.drop_table("referrals")
    op.drop_table("feed_events")
