"""Indexes for the order of the queue in which what the desk has to do now stands first."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TURN = """
CASE
    WHEN state = 'unmet' AND NOT person_wrote THEN 6
    WHEN uncovered OR person_wrote OR referral_status IS NULL OR referral_status = 'declined' THEN urgency_rank * 2
    WHEN referral_status = 'work' THEN 6
    WHEN urgency_rank = 0 THEN 1
    ELSE 5
END"""
INDEXES = (("ix_cases_next", "closed_at IS NULL"), ("ix_cases_closed_next", "closed_at IS NOT NULL"))


def upgrade() -> None:
    columns = ["team_id", sa.text(f"({TURN})"), "due_on", "urgency_rank", "waiting_since", "id"]
    if op.get_bind().dialect.name != "postgresql":
        for name, where in INDEXES:
            op.create_index(name, "cases", columns, sqlite_where=sa.text(where))
        return
    with op.get_context().autocommit_block():
        for name, where in INDEXES:
            op.create_index(
                name,
                "cases",
                columns,
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    for name, _where in INDEXES:
        op.drop_index(name, table_name="cases")
