"""Fingerprints that need the team's key: with which key each was made, and which cases are not compared yet.

`case_fingerprints.key_id` and `cases.compared_with`, both null, without a rewrite. A fingerprint without a key is one that the
version before made under a key of the server: the worker deletes these in batches, also those that the version before writes
while it still runs. Every case waits to be compared until a member of its team has signed in.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0050"
down_revision: str | None = "0049"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INDEXES = (
    (
        "ix_cases_not_compared",
        "cases",
        ["team_id", "waiting_since", "id"],
        "compared_with IS NULL AND state <> 'erased'",
    ),
    ("ix_case_fingerprints_former", "case_fingerprints", ["case_id"], "key_id IS NULL"),
)


def upgrade() -> None:
    op.add_column("cases", sa.Column("compared_with", sa.Uuid(), nullable=True))
    op.add_column("case_fingerprints", sa.Column("key_id", sa.Uuid(), nullable=True))
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
    op.drop_column("case_fingerprints", "key_id")
    op.drop_column("cases", "compared_with")
