"""Add browsers that somebody signed in with before."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0051"
down_revision: str | None = "0050"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "known_browsers",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_known_browsers_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_browsers")),
    )
    op.create_index(op.f("ix_known_browsers_member_id"), "known_browsers", ["member_id"], unique=False)


def downgrade() -> None:
    op.drop_table("known_browsers")
