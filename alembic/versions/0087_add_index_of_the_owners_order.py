"""Add the index of the queue ordered by owner.

Built beside the writers on PostgreSQL, so this step is no transaction; taken again, it begins anew.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0087"
down_revision: str | None = "0086"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ix_cases_owner_name"
COLUMNS = ["team_id", "owner_name", "due_on", "tier_rank", "waiting_since", "id"]
OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "cases", COLUMNS, unique=False, sqlite_where=OPEN)
        return
    with op.get_context().autocommit_block():
        op.drop_index(NAME, table_name="cases", postgresql_concurrently=True, if_exists=True)
        op.create_index(NAME, "cases", COLUMNS, unique=False, postgresql_where=OPEN, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index(NAME, table_name="cases")
