"""Conflict lists, traces of cases, exclusions."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "conflict_entries",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("added_on", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_conflict_entries_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_conflict_entries_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "mac", name=op.f("pk_conflict_entries")),
    )
    op.create_index("ix_conflict_entries_case_id", "conflict_entries", ["case_id"], unique=False)
    op.create_table(
        "conflict_traces",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_conflict_traces_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_conflict_traces_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("case_id", "organisation_id", "mac", name=op.f("pk_conflict_traces")),
    )
    op.create_index("ix_conflict_traces_mac", "conflict_traces", ["mac"], unique=False)
    op.create_table(
        "exclusions",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_exclusions_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_exclusions_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("case_id", "organisation_id", name=op.f("pk_exclusions")),
    )


def downgrade() -> None:
    op.drop_table("exclusions")
    op.drop_table("conflict_traces")
    op.drop_table("conflict_entries")
