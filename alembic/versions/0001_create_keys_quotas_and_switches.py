"""Keys of key holders and their grants, quotas that several processes share, and the kill switches."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "kill_switches",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_kill_switches")),
    )
    op.create_table(
        "quota_windows",
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "begins_at", name=op.f("pk_quota_windows")),
    )
    op.create_index("ix_quota_windows_begins_at", "quota_windows", ["begins_at"], unique=False)
    op.create_table(
        "sealing_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_kind", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "owner_kind IN ('team', 'organisation', 'member', 'recovery')",
            name=op.f("ck_sealing_keys_owner_kind_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealing_keys")),
        sa.UniqueConstraint("owner_id", "version", name=op.f("uq_sealing_keys_owner_id_version")),
    )
    op.create_index(
        "uq_sealing_keys_one_active",
        "sealing_keys",
        ["owner_id"],
        unique=True,
        sqlite_where=sa.text("active"),
        postgresql_where=sa.text("active"),
    )
    op.create_table(
        "key_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sealing_key_id", sa.Uuid(), nullable=False),
        sa.Column("holder_key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["holder_key_id"], ["sealing_keys.id"], name=op.f("fk_key_grants_holder_key_id_sealing_keys")
        ),
        sa.ForeignKeyConstraint(
            ["sealing_key_id"], ["sealing_keys.id"], name=op.f("fk_key_grants_sealing_key_id_sealing_keys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_grants")),
        sa.UniqueConstraint("sealing_key_id", "holder_key_id", name=op.f("uq_key_grants_sealing_key_id_holder_key_id")),
    )
    op.create_index("ix_key_grants_holder_key_id", "key_grants", ["holder_key_id"], unique=False)


def downgrade() -> None:
    op.drop_table("key_grants")
    op.drop_table("sealing_keys")
    op.drop_table("quota_windows")
    op.drop_table("kill_switches")
