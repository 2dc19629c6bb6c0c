"""How many pieces the untouched file of a document has, which is kept if it is electronically signed; 0: it was not kept."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0041"
down_revision: str | None = "0040"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("original_pieces", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.execute("DELETE FROM document_pieces WHERE page = 0")
    op.drop_column("documents", "original_pieces")
