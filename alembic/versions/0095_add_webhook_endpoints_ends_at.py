"""Add webhook_endpoints.ends_at: when one of the published sandbox program goes. Nullable, no rewrite, safe beside the live version."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0095"
down_revision: str | None = "0090"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("webhook_endpoints", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("webhook_endpoints", "ends_at")
