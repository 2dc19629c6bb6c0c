"""A stored response names the case that it filed, so that it is deleted with it."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("sealed_responses", sa.Column("case_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("sealed_responses", "case_id")
