"""How many notices an address has refused or returned, and when a mail last came back: of organisations and of members."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0039"
down_revision: str | None = "0038"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = ("partner_notices", "member_notices")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("refusals", sa.SmallInteger(), nullable=True))
        op.add_column(table, sa.Column("bounced_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "bounced_at")
        op.drop_column(table, "refusals")
