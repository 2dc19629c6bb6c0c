"""How a passphrase was typed, and what changed last in how a member signs in."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("members", sa.Column("passphrase_form", sa.SmallInteger(), nullable=True))
    op.add_column("members", sa.Column("account_notice", sa.String(length=32), nullable=True))
    op.add_column("members", sa.Column("account_notice_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("account_notice_at", "account_notice", "passphrase_form"):
        op.drop_column("members", name)
