"""Add an index of a partner's referrals by state: "what waits for our answer" among many that are over.

Built beside the writers on PostgreSQL, so this step is no transaction; taken again, it begins anew.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0088"
down_revision: str | None = "0087"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

NAME = "ix_referrals_state"
COLUMNS = ["organisation_id", "state", "updated_at", "id"]


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "referrals", COLUMNS, unique=False)
        return
    with op.get_context().autocommit_block():
        op.drop_index(NAME, table_name="referrals", postgresql_concurrently=True, if_exists=True)
        op.create_index(NAME, "referrals", COLUMNS, unique=False, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index(NAME, table_name="referrals")
