"""Services of organisations, rule sets, edits of the directory."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "rule_sets",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_rule_sets")),
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=130), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("capacity", sa.String(length=8), nullable=False),
        sa.Column("capacity_until", sa.Date(), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entry", JSON, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(capacity = 'unknown') = (capacity_until IS NULL)", name=op.f("ck_services_capacity_expires")
        ),
        sa.CheckConstraint("capacity IN ('open', 'full', 'unknown')", name=op.f("ck_services_capacity_known")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_services_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("key", name=op.f("uq_services_key")),
    )
    op.create_index("ix_services_organisation_id", "services", ["organisation_id"], unique=False)
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
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_directory_edits_decided_when_not_proposed")
        ),
        sa.CheckConstraint("origin IN ('desk', 'partner', 'import')", name=op.f("ck_directory_edits_origin_known")),
        sa.CheckConstraint(
            "state NOT IN ('published', 'superseded') OR decided_by <> proposed_by",
            name=op.f("ck_directory_edits_published_by_another"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'published', 'rejected', 'withdrawn', 'superseded')",
            name=op.f("ck_directory_edits_state_known"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["members.id"], name=op.f("fk_directory_edits_decided_by_members")),
        sa.ForeignKeyConstraint(["proposed_by"], ["members.id"], name=op.f("fk_directory_edits_proposed_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_edits")),
    )
    op.create_index("ix_directory_edits_subject", "directory_edits", ["subject"], unique=False)
    op.create_index(
        "uq_directory_edits_one_proposed",
        "directory_edits",
        ["subject", "field"],
        unique=True,
        sqlite_where=sa.text("state = 'proposed'"),
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index(
        "uq_directory_edits_one_published",
        "directory_edits",
        ["subject", "field"],
        unique=True,
        sqlite_where=sa.text("state = 'published'"),
        postgresql_where=sa.text("state = 'published'"),
    )
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
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_rule_proposals_decided_when_not_proposed")
        ),
        sa.CheckConstraint(
            "state <> 'published' OR decided_by <> proposed_by", name=op.f("ck_rule_proposals_published_by_another")
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'published', 'rejected', 'withdrawn')", name=op.f("ck_rule_proposals_state_known")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["members.id"], name=op.f("fk_rule_proposals_decided_by_members")),
        sa.ForeignKeyConstraint(["digest"], ["rule_sets.digest"], name=op.f("fk_rule_proposals_digest_rule_sets")),
        sa.ForeignKeyConstraint(["proposed_by"], ["members.id"], name=op.f("fk_rule_proposals_proposed_by_members")),
        sa.ForeignKeyConstraint(["upon"], ["rule_proposals.id"], name=op.f("fk_rule_proposals_upon_rule_proposals")),
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
    op.create_table(
        "service_pauses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(length=32), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("need IS NULL OR language IS NULL", name=op.f("ck_service_pauses_one_kind")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_service_pauses_service_id_services")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_pauses")),
    )
    op.create_index("ix_service_pauses_service_id", "service_pauses", ["service_id"], unique=False)


def downgrade() -> None:
    op.drop_table("service_pauses")
    op.drop_table("rule_proposals")
    op.drop_table("directory_edits")
    op.drop_table("services")
    op.drop_table("rule_sets")
