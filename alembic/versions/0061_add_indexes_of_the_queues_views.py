"""Add an index for each view of the queue, and for what its filters look into, so that a page reads the rows it shows.

Built beside the writers on PostgreSQL, so this step is no transaction; taken again, it begins anew.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0061"
down_revision: str | None = "0060"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

ORDER = ["due_on", "tier_rank", "waiting_since", "id"]
OPEN = "closed_at IS NULL"
VIEWS = {
    "ix_cases_state": (["team_id", "state", *ORDER], OPEN),
    "ix_cases_owner": (["owner_id", *ORDER], f"{OPEN} AND owner_id IS NOT NULL"),
    "ix_cases_asked": (["team_id", "asked", *ORDER], f"{OPEN} AND asked IS NOT NULL"),
    "ix_cases_wrote": (["team_id", *ORDER], f"{OPEN} AND person_wrote"),
    "ix_cases_snoozed": (["team_id", *ORDER], f"{OPEN} AND snoozed_until IS NOT NULL"),
    "ix_cases_closed": (["team_id", *ORDER], "closed_at IS NOT NULL"),
    "ix_cases_waits": (["team_id", "waiting_since", "id"], OPEN),
    "ix_cases_merged_into": (["merged_into_id"], "merged_into_id IS NOT NULL"),
    "ix_cases_tier": (["team_id", "tier_rank", "due_on", "waiting_since", "id"], OPEN),
}


NEEDS_AND_LANGUAGES = (
    "CREATE INDEX CONCURRENTLY {name} ON cases USING gin ({column} jsonb_path_ops) WHERE closed_at IS NULL"
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, (columns, where) in VIEWS.items():
            op.create_index(name, "cases", columns, unique=False, sqlite_where=sa.text(where))
        return
    with op.get_context().autocommit_block():
        for name, (columns, where) in VIEWS.items():
            # A build that was stopped leaves an index that is no use: it is made anew.
            op.drop_index(name, table_name="cases", postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name, "cases", columns, unique=False, postgresql_where=sa.text(where), postgresql_concurrently=True
            )
        for column in ("needs", "speak"):
            op.drop_index(f"ix_cases_{column}", table_name="cases", postgresql_concurrently=True, if_exists=True)
            op.execute(NEEDS_AND_LANGUAGES.format(name=f"ix_cases_{column}", column=column))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for column in ("needs", "speak"):
            op.drop_index(f"ix_cases_{column}", table_name="cases")
    for name in VIEWS:
        op.drop_index(name, table_name="cases")
