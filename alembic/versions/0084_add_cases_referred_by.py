"""Add cases.referred_by: the organisation that brought the person here. Nullable, no rewrite, safe beside the live version."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0084"
down_revision: str | None = "0083"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("referred_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("cases", "referred_by")
