"""Create case_likenesses: keyed marks of what a person can be recognised by, to find who wrote twice."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0063"
down_revision: str | None = "0062"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "case_likenesses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('phone', 'email', 'handle', 'name')", name=op.f("ck_case_likenesses_kind_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_likenesses_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_likenesses")),
        sa.UniqueConstraint("case_id", "kind", "mark", name=op.f("uq_case_likenesses_case_id_kind_mark")),
    )
    op.create_index("ix_case_likenesses_mark", "case_likenesses", ["mark"], unique=False)


def downgrade() -> None:
    op.drop_table("case_likenesses")
