"""Free places as numbers; what organisations say about the quality of referrals; windows in which a team calls back."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("services", sa.Column("places", sa.SmallInteger(), nullable=True))
    op.create_table(
        "referral_quality",
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("codes", JSON, nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_referral_quality_referral_id_referrals")
        ),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_referral_quality")),
    )
    op.create_table(
        "callback_windows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hours", sa.SmallInteger(), nullable=False),
        sa.Column("places", sa.SmallInteger(), nullable=False),
        sa.Column("taken", sa.SmallInteger(), nullable=False),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("hours BETWEEN 1 AND 8", name=op.f("ck_callback_windows_some_hours")),
        sa.CheckConstraint("places BETWEEN 1 AND 50", name=op.f("ck_callback_windows_some_places")),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_callback_windows_taken_not_negative")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_callback_windows_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_windows")),
    )
    op.create_index("ix_callback_windows_team", "callback_windows", ["team_id", "starts_at"])
    op.add_column("appointments", sa.Column("window_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("appointments", "window_id")
    op.drop_table("callback_windows")
    op.drop_table("referral_quality")
    op.drop_column("services", "places")
