"""Runs of the rules, and what is known of a service from experience."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "service_records",
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("earned", sa.BigInteger(), nullable=False),
        sa.Column("got", sa.Integer(), nullable=False),
        sa.Column("in_a_row", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("answer_hours", sa.Integer(), nullable=False),
        sa.CheckConstraint("answers >= 0 AND answer_hours >= 0", name=op.f("ck_service_records_answers_not_negative")),
        sa.CheckConstraint("got >= 0 AND in_a_row BETWEEN 0 AND got", name=op.f("ck_service_records_row_within_got")),
        sa.CheckConstraint("weight BETWEEN 1 AND 99", name=op.f("ck_service_records_weight_in_range")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_records_service_id_services")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_service_records")),
    )
    op.create_table(
        "match_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("rule_set", sa.String(length=64), nullable=False),
        sa.Column("order_version", sa.Integer(), nullable=False),
        sa.Column("facts_mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_match_runs_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_runs")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_match_runs_case_id_seq")),
    )


def downgrade() -> None:
    op.drop_table("match_runs")
    op.drop_table("service_records")
