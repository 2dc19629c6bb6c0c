"""Conversations between the team and the organisation about one referral."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "referral_messages",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=8), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("author IN ('desk', 'partner')", name=op.f("ck_referral_messages_author_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referral_messages_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_messages_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("referral_id", "id", name=op.f("pk_referral_messages")),
        sa.UniqueConstraint("referral_id", "seq", name=op.f("uq_referral_messages_referral_id_seq")),
    )
    op.create_index("ix_referral_messages_case", "referral_messages", ["case_id"], unique=False)
    op.create_table(
        "referral_message_wraps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('team', 'organisation')", name=op.f("ck_referral_message_wraps_kind_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referral_message_wraps_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["key_id"], ["sealing_keys.id"], name=op.f("fk_referral_message_wraps_key_id_sealing_keys")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_message_wraps_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_message_wraps")),
        sa.UniqueConstraint(
            "referral_id", "message_id", "owner_id",
            name=op.f("uq_referral_message_wraps_referral_id_message_id_owner_id"),
        ),
    )  # fmt: skip
    op.create_index("ix_referral_message_wraps_owner", "referral_message_wraps", ["owner_id", "key_id"], unique=False)
    op.create_index("ix_referral_message_wraps_case", "referral_message_wraps", ["case_id"], unique=False)
    op.create_table(
        "referral_message_exports",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_referral_message_exports_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_message_exports_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("referral_id", "message_id", name=op.f("pk_referral_message_exports")),
    )
    op.create_index("ix_referral_message_exports_case", "referral_message_exports", ["case_id"], unique=False)


def downgrade() -> None:
    for name in ("referral_message_exports", "referral_message_wraps", "referral_messages"):
        op.drop_table(name)
