"""Drafts of the form, stored responses, counts of persecution."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_expires_at", "drafts", ["expires_at"], unique=False)
    op.create_table(
        "persecution_counts",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "code", "country", name=op.f("pk_persecution_counts")),
    )
    op.create_table(
        "sealed_responses",
        sa.Column("request_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("reply", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_sealed_responses")),
    )
    op.create_index("ix_sealed_responses_expires_at", "sealed_responses", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("sealed_responses")
    op.drop_table("persecution_counts")
    op.drop_table("drafts")
