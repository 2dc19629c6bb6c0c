"""Create pauses of services: whole, for a need, or in a language, up to a day."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0071"
down_revision: str | None = "0070"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "service_pauses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(length=32), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("need IS NULL OR language IS NULL", name=op.f("ck_service_pauses_one_kind")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_pauses_service_id_services")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_pauses")),
    )
    op.create_index("ix_service_pauses_service_id", "service_pauses", ["service_id"], unique=False)


def downgrade() -> None:
    op.drop_table("service_pauses")
