"""Add an index for the view of what is held back, so that it reads the rows it shows and no others.

Built beside the writers on PostgreSQL, so this step is no transaction; taken again, it begins anew.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0090"
down_revision: str | None = "0089"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ix_cases_held"
COLUMNS = ["team_id", "due_on", "tier_rank", "waiting_since", "id"]
HELD = sa.text("closed_at IS NULL AND held_for IS NOT NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "cases", COLUMNS, unique=False, sqlite_where=HELD)
        return
    with op.get_context().autocommit_block():
        # A build that was stopped leaves an index that is no use: it is made anew.
        op.drop_index(NAME, table_name="cases", postgresql_concurrently=True, if_exists=True)
        op.create_index(NAME, "cases", COLUMNS, unique=False, postgresql_where=HELD, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index(NAME, table_name="cases")
