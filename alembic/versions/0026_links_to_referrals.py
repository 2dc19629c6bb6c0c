"""Links with a code, by which an organisation without an account answers one referral."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "referral_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("openings", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visit_id", sa.LargeBinary(length=32), nullable=True),
        sa.Column("visit_key", sa.LargeBinary(), nullable=True),
        sa.Column("visit_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.String(length=12), nullable=True),
        sa.CheckConstraint(
            "ended_at IS NULL OR (sealed_key IS NULL AND sealed_code IS NULL AND token IS NULL AND visit_key IS NULL)",
            name=op.f("ck_referral_links_ended_is_empty"),
        ),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name=op.f("ck_referral_links_ended_somehow")),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_referral_links_made_by_members")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_links_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_referral_links_token_hash")),
        sa.UniqueConstraint("visit_id", name=op.f("uq_referral_links_visit_id")),
    )
    op.create_index(op.f("ix_referral_links_referral_id"), "referral_links", ["referral_id"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_referral_links_one_open", "referral_links", ["referral_id"],
        unique=True, sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_index(
        "ix_referral_links_expires", "referral_links", ["expires_at"], sqlite_where=is_open, postgresql_where=is_open
    )


def downgrade() -> None:
    op.drop_table("referral_links")
