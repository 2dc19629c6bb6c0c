"""An index of the restricted cases of a team: few of many, and each list of the desk asks which of them its member is not shown.

It holds routing codes that stand in the table already, nothing else.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0049"
down_revision: str | None = "0048"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ix_cases_restricted"
COLUMNS = ["team_id", "due_on", "urgency_rank", "waiting_since", "id"]


def upgrade() -> None:
    where = sa.text("restricted")
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(NAME, "cases", COLUMNS, sqlite_where=where)
        return
    with op.get_context().autocommit_block():
        op.create_index(
            NAME, "cases", COLUMNS, postgresql_where=where, postgresql_concurrently=True, if_not_exists=True
        )


def downgrade() -> None:
    op.drop_index(NAME, table_name="cases")
