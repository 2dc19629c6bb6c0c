"""Add cases.asked and cases.merged_into_id: routing codes of the queue. Both nullable, no rewrite."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0060"
down_revision: str | None = "0059"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

FILL = """
UPDATE cases SET asked = (
  SELECT CASE min(CASE
    WHEN r.state IN ('accepted', 'in_progress', 'on_hold') THEN 1
    WHEN r.state IN ('offered', 'acknowledged', 'info_requested', 'waitlisted') THEN 2
    WHEN r.state = 'awaiting_consent' THEN 3
    WHEN r.state IN ('declined', 'expired', 'handed_back', 'client_declined') THEN 4
  END) WHEN 1 THEN 'work' WHEN 2 THEN 'answer' WHEN 3 THEN 'consent' WHEN 4 THEN 'declined' END
  FROM referrals AS r WHERE r.case_id = cases.id
)
WHERE closed_at IS NULL
"""


def upgrade() -> None:
    op.add_column("cases", sa.Column("asked", sa.String(length=8), nullable=True))
    op.add_column("cases", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.execute(FILL)


def downgrade() -> None:
    op.drop_column("cases", "merged_into_id")
    op.drop_column("cases", "asked")
