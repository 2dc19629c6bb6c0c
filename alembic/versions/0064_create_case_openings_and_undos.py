"""Create case_openings (who has a case on the screen) and case_undos (the last act on a case that can be taken back)."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0064"
down_revision: str | None = "0063"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "case_openings",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_openings_case_id_cases")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_case_openings_member_id_members")),
        sa.PrimaryKeyConstraint("case_id", "member_id", name=op.f("pk_case_openings")),
    )
    op.create_index("ix_case_openings_at", "case_openings", ["at"], unique=False)
    op.create_table(
        "case_undos",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_undos_case_id_cases")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_case_undos_member_id_members")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_undos")),
    )


def downgrade() -> None:
    op.drop_table("case_undos")
    op.drop_table("case_openings")
