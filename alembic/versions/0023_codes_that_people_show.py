"""A code that a person makes, with which somebody whom they trust reads their own words."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "shown_codes",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("look_up_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("openings_left", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_shown_codes_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_shown_codes")),
        sa.UniqueConstraint("look_up_id", name=op.f("uq_shown_codes_look_up_id")),
    )
    op.create_index(op.f("ix_shown_codes_expires_at"), "shown_codes", ["expires_at"])


def downgrade() -> None:
    op.drop_table("shown_codes")
