"""The figures of reports are kept, and how many began and sent the form is counted: the tables alone."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "report_figures",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(12), nullable=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("codes", sa.String(200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "team_id", "subject", "organisation", "codes", name=op.f("pk_report_figures")),
    )
    op.create_index(
        "ix_report_figures_none",
        "report_figures",
        ["count"],
        sqlite_where=sa.text("count = 0"),
        postgresql_where=sa.text("count = 0"),
    )
    op.create_table(
        "report_cases",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_report_cases")),
    )
    op.create_table(
        "report_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_changes")),
    )
    op.create_table(
        "form_counts",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("began", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", "language", name=op.f("pk_form_counts")),
    )


def downgrade() -> None:
    for name in ("form_counts", "report_changes", "report_cases", "report_figures"):
        op.drop_table(name)
