"""Edits of several fields of one entry that were proposed together: one proposal, decided as a whole."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("directory_edits", sa.Column("proposed_with", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("directory_edits", "proposed_with")
