"""Add an index for each order of the queue that had none: the letter's day, the country, the label.

Built beside the writers on PostgreSQL, so this step is no transaction; taken again, it begins anew.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0085"
down_revision: str | None = "0084"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ORDER = ["due_on", "tier_rank", "waiting_since", "id"]
OPEN = sa.text("closed_at IS NULL")
ORDERS = {
    "ix_cases_deadline": ["team_id", sa.text("coalesce(last_safe_day, '9999-12-31')"), *ORDER],
    "ix_cases_country": ["team_id", "country", *ORDER],
    "ix_cases_label": ["team_id", "label"],
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, columns in ORDERS.items():
            op.create_index(name, "cases", columns, unique=False, sqlite_where=OPEN)
        return
    with op.get_context().autocommit_block():
        for name, columns in ORDERS.items():
            # A build that was stopped leaves an index that is no use: it is made anew.
            op.drop_index(name, table_name="cases", postgresql_concurrently=True, if_exists=True)
            op.create_index(name, "cases", columns, unique=False, postgresql_where=OPEN, postgresql_concurrently=True)


def downgrade() -> None:
    for name in ORDERS:
        op.drop_index(name, table_name="cases")
