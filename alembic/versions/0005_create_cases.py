"""Add cases in three classes: plain routing codes, locked facts, sealed parts with the wraps of their keys."""

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
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(length=12), nullable=False),
        sa.Column("receipt_id", sa.LargeBinary(length=32), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("needs", JSON, nullable=False),
        sa.Column("speak", JSON, nullable=False),
        sa.Column("tier", sa.String(length=12), nullable=False),
        sa.Column("tier_rank", sa.SmallInteger(), nullable=False),
        sa.Column("last_safe_day", sa.Date(), nullable=True),
        sa.Column("deadline_certainty", sa.String(length=16), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("snoozed_until", sa.Date(), nullable=True),
        sa.Column("person_wrote", sa.Boolean(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=True),
        sa.Column("facts_version", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("forget_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state IN ('helped', 'advised', 'withdrawn', 'erased')) = (closed_at IS NOT NULL)",
            name=op.f("ck_cases_closed_when_ended"),
        ),
        sa.CheckConstraint(
            "state <> 'erased' OR (facts IS NULL AND receipt_id IS NULL)", name=op.f("ck_cases_erased_is_empty")
        ),
        sa.CheckConstraint(
            "state IN ('submitted', 'in_review', 'referred', 'helped', 'advised', 'unmet', 'withdrawn', 'erased')",
            name=op.f("ck_cases_state_known"),
        ),
        sa.CheckConstraint("tier IN ('emergency', 'urgent', 'normal')", name=op.f("ck_cases_tier_known")),
        sa.ForeignKeyConstraint(["owner_id"], ["members.id"], name=op.f("fk_cases_owner_id_members")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_cases_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("label", name=op.f("uq_cases_label")),
        sa.UniqueConstraint("receipt_id", name=op.f("uq_cases_receipt_id")),
    )
    op.create_index("ix_cases_forget", "cases", ["forget_at"], unique=False)
    op.create_index(
        "ix_cases_queue",
        "cases",
        ["team_id", "due_on", "tier_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )

    op.create_table(
        "case_wraps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("locked", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'receipt') = (key_id IS NULL)", name=op.f("ck_case_wraps_key_named_but_for_receipt")
        ),
        sa.CheckConstraint("kind IN ('receipt', 'team', 'organisation')", name=op.f("ck_case_wraps_kind_known")),
        sa.CheckConstraint("purpose = 'person' OR kind = 'team'", name=op.f("ck_case_wraps_desk_key_is_the_teams")),
        sa.CheckConstraint("purpose IN ('person', 'desk')", name=op.f("ck_case_wraps_purpose_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_wraps_case_id_cases")),
        sa.ForeignKeyConstraint(["key_id"], ["sealing_keys.id"], name=op.f("fk_case_wraps_key_id_sealing_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_wraps")),
        sa.UniqueConstraint("case_id", "purpose", "owner_id", name=op.f("uq_case_wraps_case_id_purpose_owner_id")),
    )

    op.create_table(
        "sealed_parts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.String(length=12), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=8), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("author IN ('person', 'desk', 'partner')", name=op.f("ck_sealed_parts_author_known")),
        sa.CheckConstraint(
            "part IN ('contact', 'story', 'happened', 'thread', 'note')", name=op.f("ck_sealed_parts_part_known")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sealed_parts_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_parts")),
        sa.UniqueConstraint("case_id", "part", "seq", name=op.f("uq_sealed_parts_case_id_part_seq")),
    )

    op.create_table(
        "case_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(length=24), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=True),
        sa.Column("target", sa.String(length=16), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("codes", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_events_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_case_events_case_id_seq")),
    )


def downgrade() -> None:
    op.drop_table("case_events")
    op.drop_table("sealed_parts")
    op.drop_table("case_wraps")
    op.drop_table("cases")
