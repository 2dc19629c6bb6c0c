"""Add where notices go: to partners, when they work, and to persons who asked for it; and the case a message is for."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "partner_notices",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("emergencies_at_once", sa.Boolean(), nullable=False),
        sa.Column("digest_hour", sa.SmallInteger(), nullable=True),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("hours", JSON, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "digest_hour IS NULL OR digest_hour BETWEEN 0 AND 23", name=op.f("ck_partner_notices_hour_of_a_day")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_partner_notices_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_partner_notices")),
    )
    op.create_table(
        "person_notices",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("how", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_person_notices_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_person_notices")),
    )
    op.add_column("outbox", sa.Column("case_id", sa.Uuid(), nullable=True))
    op.add_column("outbox", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("outbox", "dropped_at")
    op.drop_column("outbox", "case_id")
    op.drop_table("person_notices")
    op.drop_table("partner_notices")
