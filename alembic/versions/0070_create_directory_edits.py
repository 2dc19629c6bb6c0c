"""Create the edits of the directory: proposed by one person, in force once another has published them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0070"
down_revision: str | None = "0065"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "directory_edits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(length=130), nullable=False),
        sa.Column("field", sa.String(length=32), nullable=False),
        sa.Column("old", JSON, nullable=False),
        sa.Column("new", JSON, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('proposed', 'published', 'rejected', 'withdrawn', 'superseded')",
            name=op.f("ck_directory_edits_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_directory_edits_decided_when_not_proposed")
        ),
        sa.CheckConstraint(
            "state NOT IN ('published', 'superseded') OR decided_by <> proposed_by",
            name=op.f("ck_directory_edits_published_by_another"),
        ),
        sa.CheckConstraint("origin IN ('desk', 'partner', 'import')", name=op.f("ck_directory_edits_origin_known")),
        sa.ForeignKeyConstraint(["proposed_by"], ["members.id"], name=op.f("fk_directory_edits_proposed_by_members")),
        sa.ForeignKeyConstraint(["decided_by"], ["members.id"], name=op.f("fk_directory_edits_decided_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_edits")),
    )
    op.create_index("ix_directory_edits_subject", "directory_edits", ["subject"], unique=False)
    for state in ("proposed", "published"):
        op.create_index(
            f"uq_directory_edits_one_{state}",
            "directory_edits",
            ["subject", "field"],
            unique=True,
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )


def downgrade() -> None:
    op.drop_table("directory_edits")
