"""Add rule sets that are proposed by one person and published by another, each in force from its day on."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "rule_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("upon", sa.Uuid(), nullable=True),
        sa.Column("changed", JSON, nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replayed", JSON, nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'published', 'rejected', 'withdrawn')", name=op.f("ck_rule_proposals_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_rule_proposals_decided_when_not_proposed")
        ),
        sa.CheckConstraint(
            "state <> 'published' OR decided_by <> proposed_by", name=op.f("ck_rule_proposals_published_by_another")
        ),
        sa.ForeignKeyConstraint(["digest"], ["rule_sets.digest"], name=op.f("fk_rule_proposals_digest_rule_sets")),
        sa.ForeignKeyConstraint(["upon"], ["rule_proposals.id"], name=op.f("fk_rule_proposals_upon_rule_proposals")),
        sa.ForeignKeyConstraint(["proposed_by"], ["members.id"], name=op.f("fk_rule_proposals_proposed_by_members")),
        sa.ForeignKeyConstraint(["decided_by"], ["members.id"], name=op.f("fk_rule_proposals_decided_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_proposals")),
    )
    op.create_index(
        "uq_rule_proposals_one_line",
        "rule_proposals",
        ["upon"],
        unique=True,
        sqlite_where=sa.text("state = 'published'"),
        postgresql_where=sa.text("state = 'published'"),
    )


def downgrade() -> None:
    op.drop_table("rule_proposals")
