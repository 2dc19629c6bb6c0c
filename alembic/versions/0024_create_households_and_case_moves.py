"""Add households (cases that belong together) and the question whether a case may move to another country."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "household_members",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_household_members_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_household_members")),
    )
    op.create_index("ix_household_members_household", "household_members", ["household_id"], unique=False)
    op.create_table(
        "case_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("from_country", sa.String(length=2), nullable=False),
        sa.Column("to_country", sa.String(length=2), nullable=False),
        sa.Column("from_team_id", sa.Uuid(), nullable=False),
        sa.Column("to_team_id", sa.Uuid(), nullable=False),
        sa.Column("desk_key_id", sa.Uuid(), nullable=True),
        sa.Column("desk_key", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.String(length=8), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("answer IN ('yes', 'no', 'ended')", name=op.f("ck_case_moves_answer_known")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_case_moves_answered_when_answer")),
        sa.CheckConstraint("answer IS NULL OR desk_key IS NULL", name=op.f("ck_case_moves_key_while_asked")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_moves_case_id_cases")),
        sa.ForeignKeyConstraint(["from_team_id"], ["teams.id"], name=op.f("fk_case_moves_from_team_id_teams")),
        sa.ForeignKeyConstraint(["to_team_id"], ["teams.id"], name=op.f("fk_case_moves_to_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_moves")),
    )
    open_ones = sa.text("answer IS NULL")
    op.create_index(
        "uq_case_moves_one_open",
        "case_moves",
        ["case_id"],
        unique=True,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )


def downgrade() -> None:
    op.drop_table("case_moves")
    op.drop_table("household_members")
