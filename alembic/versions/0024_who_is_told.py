"""How members are told, who is on call, and emergencies that nobody has opened."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "member_notices",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("emergencies", sa.Boolean(), nullable=False),
        sa.Column("digest_hour", sa.SmallInteger(), nullable=True),
        sa.Column("quiet_from", sa.SmallInteger(), nullable=True),
        sa.Column("quiet_until", sa.SmallInteger(), nullable=True),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "digest_hour IS NULL OR digest_hour BETWEEN 0 AND 23", name=op.f("ck_member_notices_hour_of_a_day")
        ),
        sa.CheckConstraint(
            "quiet_from IS NULL AND quiet_until IS NULL"
            " OR quiet_from BETWEEN 0 AND 23 AND quiet_until BETWEEN 0 AND 23 AND quiet_from <> quiet_until",
            name=op.f("ck_member_notices_quiet_hours"),
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_notices_member_id_members")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_notices")),
    )
    op.create_table(
        "team_rotas",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("shifts", JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_rotas_team_id_teams")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team_rotas")),
    )
    op.create_table(
        "emergency_alerts",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told", JSON, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_emergency_alerts_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_emergency_alerts")),
    )
    op.create_index(op.f("ix_emergency_alerts_due_at"), "emergency_alerts", ["due_at"])
    op.add_column("outbox", sa.Column("member_id", sa.Uuid(), nullable=True))
    op.add_column("partner_notices", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("partner_notices", "failed_at")
    op.execute(
        "DELETE FROM outbox WHERE member_id IS NOT NULL"
    )  # the former version would take them for the operators'
    op.drop_column("outbox", "member_id")
    op.drop_table("emergency_alerts")
    op.drop_table("team_rotas")
    op.drop_table("member_notices")
