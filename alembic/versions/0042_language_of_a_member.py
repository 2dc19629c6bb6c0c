"""The language in which a member reads the pages of staff; null until they choose one."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0042"
down_revision: str | None = "0041"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("members", sa.Column("language", sa.String(8), nullable=True))


def downgrade() -> None:
    op.drop_column("members", "language")
