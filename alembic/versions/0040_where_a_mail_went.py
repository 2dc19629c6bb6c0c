"""With which mail a message went out, and a mark of the stored address that it went to; both until the message is deleted."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0040"
down_revision: str | None = "0039"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("sent_as", sa.Uuid(), nullable=True))
    op.add_column("outbox", sa.Column("address_mark", sa.LargeBinary(32), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox", "address_mark")
    op.drop_column("outbox", "sent_as")
