"""Proposals to change a service's rule that its refusals have made."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "refusal_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("by_need", JSON, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("adopted_as", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'adopted', 'rejected')", name=op.f("ck_refusal_proposals_state_known")),
        sa.CheckConstraint(
            "(state = 'open') = (decided_by IS NULL)", name=op.f("ck_refusal_proposals_decided_by_somebody")
        ),
        sa.CheckConstraint(
            "(state = 'adopted') = (adopted_as IS NOT NULL)", name=op.f("ck_refusal_proposals_adopted_as_a_proposal")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_refusal_proposals_service_id_services")),
        sa.ForeignKeyConstraint(["decided_by"], ["members.id"], name=op.f("fk_refusal_proposals_decided_by_members")),
        sa.ForeignKeyConstraint(
            ["adopted_as"], ["rule_proposals.id"], name=op.f("fk_refusal_proposals_adopted_as_rule_proposals")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal_proposals")),
    )
    op.create_index(
        "uq_refusal_proposals_open", "refusal_proposals", ["service_id", "reason"], unique=True,
        sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("refusal_proposals")
