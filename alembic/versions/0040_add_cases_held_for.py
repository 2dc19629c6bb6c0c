"""Add cases.held_for: why a case looks like a machine's and waits for somebody to look at it. Nullable: old rows are held by nothing."""

from collections.abc import Sequence

from alembic import op

revision: str = "0040"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Written out, because SQLite can give a column its check only together with the column."""
    op.execute(
        "ALTER TABLE cases ADD COLUMN held_for VARCHAR(8) "
        "CONSTRAINT ck_cases_held_for_known CHECK (held_for IN ('trap', 'haste', 'crowd'))"
    )


def downgrade() -> None:
    op.drop_column("cases", "held_for")
