"""Add decoys, by a keyed hash of the case's id."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0055"
down_revision: str | None = "0054"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "decoys",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_decoys_made_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decoys")),
    )


def downgrade() -> None:
    op.drop_table("decoys")
