"""Add how many sealed cases each reader opened on a day."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0054"
down_revision: str | None = "0053"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "read_counts",
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "day", name=op.f("pk_read_counts")),
    )


def downgrade() -> None:
    op.drop_table("read_counts")
