"""Who seated whom, whom a proposal concerns, and from when on it may be carried out."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "seatings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("vouched_by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("how IN ('console', 'joined', 'returned', 'role')", name=op.f("ck_seatings_how_known")),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> proposed_by", name=op.f("ck_seatings_two_people")),
        sa.ForeignKeyConstraint(["approved_by"], ["members.id"], name=op.f("fk_seatings_approved_by_members")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_seatings_member_id_members")),
        sa.ForeignKeyConstraint(["proposed_by"], ["members.id"], name=op.f("fk_seatings_proposed_by_members")),
        sa.ForeignKeyConstraint(["vouched_by"], ["members.id"], name=op.f("fk_seatings_vouched_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seatings")),
    )
    op.create_index("ix_seatings_member_id", "seatings", ["member_id"], unique=False)
    op.create_index("ix_seatings_at", "seatings", ["at"], unique=False)
    op.add_column("invitations", sa.Column("approved_by", sa.Uuid(), nullable=True))
    for name in ("team_id", "organisation_id", "member_id"):
        op.add_column("proposals", sa.Column(name, sa.Uuid(), nullable=True))
    op.add_column("proposals", sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True))
    for name in ("confirmed_by", "stopped_by"):
        op.add_column("proposals", sa.Column(name, sa.Uuid(), nullable=True))


def downgrade() -> None:
    for name in ("stopped_by", "confirmed_by", "ready_at", "member_id", "organisation_id", "team_id"):
        op.drop_column("proposals", name)
    op.drop_column("invitations", "approved_by")
    op.drop_table("seatings")
