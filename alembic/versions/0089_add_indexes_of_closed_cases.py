"""Add the orders and filters of the queue for closed cases, too: there are more of them from year to year.

Built beside the writers on PostgreSQL, so this step is no transaction; taken again, it begins anew.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0089"
down_revision: str | None = "0088"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ORDER = ["due_on", "tier_rank", "waiting_since", "id"]
CLOSED = sa.text("closed_at IS NOT NULL")
ORDERS = {
    "ix_cases_closed_label": ["team_id", "label"],
    "ix_cases_closed_tier": ["team_id", "tier_rank", "due_on", "waiting_since", "id"],
    "ix_cases_closed_deadline": ["team_id", sa.text("coalesce(last_safe_day, '9999-12-31')"), *ORDER],
    "ix_cases_closed_waits": ["team_id", "waiting_since", "id"],
    "ix_cases_closed_country": ["team_id", "country", *ORDER],
    "ix_cases_closed_owner_name": ["team_id", "owner_name", *ORDER],
    "ix_cases_closed_state": ["team_id", "state", *ORDER],
}
NEEDS_AND_LANGUAGES = (
    "CREATE INDEX CONCURRENTLY {name} ON cases USING gin ({column} jsonb_path_ops) WHERE closed_at IS NOT NULL"
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, columns in ORDERS.items():
            op.create_index(name, "cases", columns, unique=False, sqlite_where=CLOSED)
        return
    with op.get_context().autocommit_block():
        for name, columns in ORDERS.items():
            # A build that was stopped leaves an index that is no use: it is made anew.
            op.drop_index(name, table_name="cases", postgresql_concurrently=True, if_exists=True)
            op.create_index(name, "cases", columns, unique=False, postgresql_where=CLOSED, postgresql_concurrently=True)
        for column in ("needs", "speak"):
            name = f"ix_cases_closed_{column}"
            op.drop_index(name, table_name="cases", postgresql_concurrently=True, if_exists=True)
            op.execute(NEEDS_AND_LANGUAGES.format(name=name, column=column))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for column in ("needs", "speak"):
            op.drop_index(f"ix_cases_closed_{column}", table_name="cases")
    for name in ORDERS:
        op.drop_index(name, table_name="cases")
