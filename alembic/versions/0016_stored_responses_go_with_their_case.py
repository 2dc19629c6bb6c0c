"""A stored response names the case that it filed, so that it is deleted with it."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_FILED = sa.text("case_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("sealed_responses", sa.Column("case_id", sa.Uuid(), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_sealed_responses_case_id", "sealed_responses", ["case_id"],
            postgresql_concurrently=True, if_not_exists=True, sqlite_where=_FILED, postgresql_where=_FILED,
        )  # fmt: skip


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_sealed_responses_case_id", table_name="sealed_responses", postgresql_concurrently=True, if_exists=True
        )
    op.drop_column("sealed_responses", "case_id")
