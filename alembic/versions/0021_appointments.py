"""Times that a centre or the team offers to the person."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "appointments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("times", sa.SmallInteger(), nullable=False),
        sa.Column("agreed_slot", sa.SmallInteger(), nullable=True),
        sa.Column("agreed_hour", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remind_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'agreed', 'declined', 'others_wanted', 'withdrawn', 'expired')",
            name=op.f("ck_appointments_state_known"),
        ),
        sa.CheckConstraint("times BETWEEN 1 AND 5", name=op.f("ck_appointments_up_to_five")),
        sa.CheckConstraint(
            "(state = 'agreed') = (agreed_hour IS NOT NULL)", name=op.f("ck_appointments_agreed_has_an_hour")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_appointments_case_id_cases")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_appointments_referral_id_referrals")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointments")),
    )
    op.create_index("ix_appointments_case", "appointments", ["case_id"], unique=False)
    for name, column, where in (
        ("ix_appointments_remind", "remind_at", "remind_at IS NOT NULL"),
        ("ix_appointments_open", "last_hour", "state = 'open'"),
    ):
        condition = sa.text(where)
        op.create_index(
            name, "appointments", [column], unique=False, sqlite_where=condition, postgresql_where=condition
        )


def downgrade() -> None:
    op.drop_table("appointments")
