"""Links with which people connect their Telegram."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "telegram_links",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("token_mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("may_say_who", sa.Boolean(), nullable=False),
        sa.Column("good_hours", JSON, nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_telegram_links_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_telegram_links")),
        sa.UniqueConstraint("token_mac", name=op.f("uq_telegram_links_token_mac")),
    )
    op.create_index(op.f("ix_telegram_links_expires_at"), "telegram_links", ["expires_at"])


def downgrade() -> None:
    op.drop_table("telegram_links")
