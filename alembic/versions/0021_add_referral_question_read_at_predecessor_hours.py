"""Add what a referral asks, when it was first read, what it follows, and the hours it is answered in."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("referrals", sa.Column("question", sa.String(length=24), nullable=True))
    op.add_column("referrals", sa.Column("read_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("referrals", sa.Column("predecessor_id", sa.Uuid(), nullable=True))
    op.add_column("referrals", sa.Column("hours", JSON, nullable=True))


def downgrade() -> None:
    for column in ("hours", "predecessor_id", "read_at", "question"):
        op.drop_column("referrals", column)
