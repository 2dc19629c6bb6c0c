"""Cases with a document that may be a letter with a deadline and that nobody has read."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0047"
down_revision: str | None = "0046"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("cases", sa.Column("unread_letter", sa.String(16), nullable=True))


def downgrade() -> None:
    op.drop_column("cases", "unread_letter")
