"""Teams, their members, sessions, passkeys, invitations and proposals."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "read_counts",
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "day", name=op.f("pk_read_counts")),
    )
    op.create_table(
        "teams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("slug", name=op.f("uq_teams_slug")),
    )
    op.create_table(
        "used_challenges",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_challenges")),
    )
    op.create_index("ix_used_challenges_expires_at", "used_challenges", ["expires_at"], unique=False)
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("let_in_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(role IN ('coordinator', 'senior')) = (team_id IS NOT NULL) AND (role = 'partner') = (organisation_id IS NOT NULL)",
            name=op.f("ck_members_role_has_its_place"),
        ),
        sa.CheckConstraint(
            "role IN ('coordinator', 'senior', 'auditor', 'admin', 'partner')", name=op.f("ck_members_role_known")
        ),
        sa.ForeignKeyConstraint(["key_id"], ["sealing_keys.id"], name=op.f("fk_members_key_id_sealing_keys")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_members_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_members_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("name", name=op.f("uq_members_name")),
    )
    op.create_table(
        "team_countries",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_countries_team_id_teams")),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_team_countries")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code_mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role IN ('coordinator', 'senior')) = (team_id IS NOT NULL) AND (role = 'partner') = (organisation_id IS NOT NULL)",
            name=op.f("ck_invitations_role_has_its_place"),
        ),
        sa.CheckConstraint(
            "role IN ('coordinator', 'senior', 'auditor', 'admin', 'partner')", name=op.f("ck_invitations_role_known")
        ),
        sa.ForeignKeyConstraint(["invited_by"], ["members.id"], name=op.f("fk_invitations_invited_by_members")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_invitations_member_id_members")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_invitations_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_invitations_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("code_mac", name=op.f("uq_invitations_code_mac")),
    )
    op.create_index("ix_invitations_expires_at", "invitations", ["expires_at"], unique=False)
    op.create_table(
        "known_browsers",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_known_browsers_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_browsers")),
    )
    op.create_index("ix_known_browsers_member_id", "known_browsers", ["member_id"], unique=False)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_passkeys_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index("ix_passkeys_member_id", "passkeys", ["member_id"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("codes", JSON, nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'declined', 'done') OR decided_by IS NOT NULL",
            name=op.f("ck_proposals_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'declined', 'withdrawn', 'expired', 'done')",
            name=op.f("ck_proposals_state_known"),
        ),
        sa.CheckConstraint("decided_by IS NULL OR decided_by <> proposed_by", name=op.f("ck_proposals_two_people")),
        sa.ForeignKeyConstraint(["decided_by"], ["members.id"], name=op.f("fk_proposals_decided_by_members")),
        sa.ForeignKeyConstraint(["proposed_by"], ["members.id"], name=op.f("fk_proposals_proposed_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index("ix_proposals_state", "proposals", ["state"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("factor", sa.String(length=8), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_sessions_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_member_id", "sessions", ["member_id"], unique=False)


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("proposals")
    op.drop_table("passkeys")
    op.drop_table("known_browsers")
    op.drop_table("invitations")
    op.drop_table("team_countries")
    op.drop_table("members")
    op.drop_table("used_challenges")
    op.drop_table("teams")
    op.drop_table("read_counts")
