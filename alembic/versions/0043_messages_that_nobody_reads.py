"""Messages that an organisation has not read, and alerts about cases that somebody had taken before they became emergencies."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0043"
down_revision: str | None = "0042"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "unread_messages",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.String(length=8), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("author IN ('desk', 'person')", name=op.f("ck_unread_messages_author_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_unread_messages_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_unread_messages_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("referral_id", "author", name=op.f("pk_unread_messages")),
    )
    op.create_index(op.f("ix_unread_messages_case_id"), "unread_messages", ["case_id"])
    op.create_index(op.f("ix_unread_messages_due_at"), "unread_messages", ["due_at"])
    op.add_column("emergency_alerts", sa.Column("was_taken", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("emergency_alerts", "was_taken")
    op.drop_table("unread_messages")
