"""Whether an organisation asks the person for a document, and whether a code to show opens the documents too."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("referrals", sa.Column("asks_document", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("shown_codes", sa.Column("with_documents", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("shown_codes", "with_documents")
    op.drop_column("referrals", "asks_document")
