"""Add client_credentials: what a program proves itself by, two at a time. Each client's secret is carried over; the
version that is live goes on reading the old column, which a later release drops."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0080"
down_revision: str | None = "0071"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "client_credentials",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("secret_mac", sa.LargeBinary(length=32), nullable=True),
        sa.Column("kid", sa.String(length=64), nullable=True),
        sa.Column("public_key", sa.LargeBinary(length=65), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("slot IN (1, 2)", name=op.f("ck_client_credentials_at_most_two")),
        sa.CheckConstraint(
            "(kind = 'secret' AND secret_mac IS NOT NULL AND public_key IS NULL)"
            " OR (kind IN ('EdDSA', 'ES256') AND secret_mac IS NULL AND public_key IS NOT NULL)",
            name=op.f("ck_client_credentials_secret_or_key"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["oauth_clients.id"], name=op.f("fk_client_credentials_client_id_oauth_clients")
        ),
        sa.PrimaryKeyConstraint("client_id", "slot", name=op.f("pk_client_credentials")),
    )
    op.execute(
        "INSERT INTO client_credentials (client_id, slot, kind, secret_mac, created_at)"
        " SELECT id, 1, 'secret', secret_mac, created_at FROM oauth_clients"
    )
    op.create_table(
        "used_assertions",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_assertions")),
    )
    op.create_index("ix_used_assertions_expires_at", "used_assertions", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("used_assertions")
    op.drop_table("client_credentials")
