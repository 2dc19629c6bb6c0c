"""Indexes for the desk's page of the day: cases that nobody has by urgency, offers by their end, appointments by their hour."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEXES = (
    (
        "ix_cases_uncovered_urgency",
        "cases",
        ["team_id", "urgency_rank", "due_on", "waiting_since", "id"],
        "closed_at IS NULL AND uncovered",
    ),
    ("ix_referrals_expires", "referrals", ["expires_at"], "expires_at IS NOT NULL"),
    ("ix_appointments_agreed", "appointments", ["agreed_hour"], "agreed_hour IS NOT NULL"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, table, columns, where in INDEXES:
            op.create_index(name, table, columns, sqlite_where=sa.text(where))
        return
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.create_index(
                name,
                table,
                columns,
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
                if_not_exists=True,
            )


def downgrade() -> None:
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table_name=table)
