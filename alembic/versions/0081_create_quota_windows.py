"""Add the table of quotas that processes share."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0081"
down_revision: str | None = "0080"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "quota_windows",
        sa.Column("what", sa.String(length=96), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what", "begins_at", name=op.f("pk_quota_windows")),
    )
    op.create_index("ix_quota_windows_begins_at", "quota_windows", ["begins_at"], unique=False)


def downgrade() -> None:
    op.drop_table("quota_windows")
