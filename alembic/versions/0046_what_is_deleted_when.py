"""Indexes by which the worker finds what is to be deleted: ended tasks and messages, old deliveries, the stubs of erased cases."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0046"
down_revision: str | None = "0045"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEXES = (
    ("ix_tasks_done", "tasks", "done_at", None),
    ("ix_outbox_done", "outbox", "done_at", None),
    ("ix_webhook_deliveries_created_at", "webhook_deliveries", "created_at", None),
    ("ix_cases_erased", "cases", "updated_at", "state = 'erased'"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, table, column, where in INDEXES:
            op.create_index(name, table, [column], sqlite_where=sa.text(where) if where else None)
        return
    with op.get_context().autocommit_block():
        for name, table, column, where in INDEXES:
            op.create_index(
                name,
                table,
                [column],
                postgresql_where=sa.text(where) if where else None,
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    for name, table, _column, _where in INDEXES:
        op.drop_index(name, table_name=table)
