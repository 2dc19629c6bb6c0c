"""Add cases.owner_name, which follows owner_id by a trigger: what the queue is ordered by when it is ordered by owner."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0086"
down_revision: str | None = "0085"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

POSTGRES = """
CREATE FUNCTION name_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.owner_name := COALESCE((SELECT name FROM members WHERE members.id = NEW.owner_id), '');
  RETURN NEW;
END $$
"""
SET = "UPDATE cases SET owner_name = COALESCE((SELECT name FROM members WHERE members.id = {owner}), '') WHERE {which}"
SQLITE = (
    "CREATE TRIGGER name_owner AFTER UPDATE OF owner_id ON cases FOR EACH ROW BEGIN "
    + SET.format(owner="NEW.owner_id", which="id = NEW.id")
    + "; END"
)


def upgrade() -> None:
    op.add_column("cases", sa.Column("owner_name", sa.String(length=64), server_default="", nullable=False))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRES)
        op.execute(
            "CREATE TRIGGER name_owner BEFORE UPDATE OF owner_id ON cases FOR EACH ROW EXECUTE FUNCTION name_owner()"
        )
    else:
        op.execute(SQLITE)
    op.execute(SET.format(owner="cases.owner_id", which="owner_id IS NOT NULL"))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER name_owner ON cases")
        op.execute("DROP FUNCTION name_owner()")
    else:
        op.execute("DROP TRIGGER name_owner")
    op.drop_column("cases", "owner_name")
