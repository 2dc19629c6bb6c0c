"""Cases in three classes of data (plain codes, encrypted facts, sealed parts), and what the queue reads: indexes, counters, triggers."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

TRIGGERS = {
    "postgresql": (
        """
CREATE FUNCTION count_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    INSERT INTO case_counters (team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason, count, compacted)
SELECT OLD.team_id, need.code, spoken.code, OLD.country, OLD.urgency, OLD.state, OLD.closed_at IS NULL,
  OLD.merged_into_id IS NOT NULL,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.owner_id END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.due_on END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.snoozed_until END,
  OLD.person_wrote,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.referral_status END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.held_reason END,
  -1, false
FROM (SELECT '' AS code UNION SELECT jsonb_array_elements_text(OLD.needs)) AS need CROSS JOIN (SELECT '' AS code UNION SELECT jsonb_array_elements_text(OLD.languages)) AS spoken
WHERE OLD.state <> 'erased';
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO case_counters (team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason, count, compacted)
SELECT NEW.team_id, need.code, spoken.code, NEW.country, NEW.urgency, NEW.state, NEW.closed_at IS NULL,
  NEW.merged_into_id IS NOT NULL,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.owner_id END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.due_on END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.snoozed_until END,
  NEW.person_wrote,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.referral_status END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.held_reason END,
  1, false
FROM (SELECT '' AS code UNION SELECT jsonb_array_elements_text(NEW.needs)) AS need CROSS JOIN (SELECT '' AS code UNION SELECT jsonb_array_elements_text(NEW.languages)) AS spoken
WHERE NEW.state <> 'erased';
  END IF;
  RETURN NULL;
END $$
""",
        """CREATE TRIGGER count_case AFTER INSERT OR DELETE OR UPDATE OF team_id, country, urgency, state, needs, languages, closed_at, merged_into_id, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason ON cases FOR EACH ROW EXECUTE FUNCTION count_case()""",
        """
CREATE FUNCTION set_owner_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.owner_name := COALESCE((SELECT name FROM members WHERE members.id = NEW.owner_id), '');
  RETURN NEW;
END $$
""",
        """CREATE TRIGGER set_owner_name BEFORE UPDATE OF owner_id ON cases FOR EACH ROW EXECUTE FUNCTION set_owner_name()""",
    ),
    "sqlite": (
        """CREATE TRIGGER count_case_inserted AFTER INSERT ON cases FOR EACH ROW BEGIN INSERT INTO case_counters (team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason, count, compacted)
SELECT NEW.team_id, need.code, spoken.code, NEW.country, NEW.urgency, NEW.state, NEW.closed_at IS NULL,
  NEW.merged_into_id IS NOT NULL,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.owner_id END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.due_on END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.snoozed_until END,
  NEW.person_wrote,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.referral_status END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.held_reason END,
  1, false
FROM (SELECT '' AS code UNION SELECT value FROM json_each(NEW.needs)) AS need CROSS JOIN (SELECT '' AS code UNION SELECT value FROM json_each(NEW.languages)) AS spoken
WHERE NEW.state <> 'erased'; END""",
        """CREATE TRIGGER count_case_deleted AFTER DELETE ON cases FOR EACH ROW BEGIN INSERT INTO case_counters (team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason, count, compacted)
SELECT OLD.team_id, need.code, spoken.code, OLD.country, OLD.urgency, OLD.state, OLD.closed_at IS NULL,
  OLD.merged_into_id IS NOT NULL,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.owner_id END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.due_on END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.snoozed_until END,
  OLD.person_wrote,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.referral_status END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.held_reason END,
  -1, false
FROM (SELECT '' AS code UNION SELECT value FROM json_each(OLD.needs)) AS need CROSS JOIN (SELECT '' AS code UNION SELECT value FROM json_each(OLD.languages)) AS spoken
WHERE OLD.state <> 'erased'; END""",
        """CREATE TRIGGER count_case_updated AFTER UPDATE OF team_id, country, urgency, state, needs, languages, closed_at, merged_into_id, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason ON cases FOR EACH ROW BEGIN INSERT INTO case_counters (team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason, count, compacted)
SELECT OLD.team_id, need.code, spoken.code, OLD.country, OLD.urgency, OLD.state, OLD.closed_at IS NULL,
  OLD.merged_into_id IS NOT NULL,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.owner_id END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.due_on END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.snoozed_until END,
  OLD.person_wrote,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.referral_status END,
  CASE WHEN OLD.closed_at IS NULL THEN OLD.held_reason END,
  -1, false
FROM (SELECT '' AS code UNION SELECT value FROM json_each(OLD.needs)) AS need CROSS JOIN (SELECT '' AS code UNION SELECT value FROM json_each(OLD.languages)) AS spoken
WHERE OLD.state <> 'erased'; INSERT INTO case_counters (team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote, referral_status, held_reason, count, compacted)
SELECT NEW.team_id, need.code, spoken.code, NEW.country, NEW.urgency, NEW.state, NEW.closed_at IS NULL,
  NEW.merged_into_id IS NOT NULL,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.owner_id END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.due_on END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.snoozed_until END,
  NEW.person_wrote,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.referral_status END,
  CASE WHEN NEW.closed_at IS NULL THEN NEW.held_reason END,
  1, false
FROM (SELECT '' AS code UNION SELECT value FROM json_each(NEW.needs)) AS need CROSS JOIN (SELECT '' AS code UNION SELECT value FROM json_each(NEW.languages)) AS spoken
WHERE NEW.state <> 'erased'; END""",
        """CREATE TRIGGER set_owner_name AFTER UPDATE OF owner_id ON cases FOR EACH ROW BEGIN UPDATE cases SET owner_name = COALESCE((SELECT name FROM members WHERE members.id = NEW.owner_id), '') WHERE id = NEW.id; END""",
    ),
}


def upgrade() -> None:
    op.create_table(
        "case_counters",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("urgency", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_merged", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("snoozed_until", sa.Date(), nullable=True),
        sa.Column("person_wrote", sa.Boolean(), nullable=False),
        sa.Column("referral_status", sa.String(length=8), nullable=True),
        sa.Column("held_reason", sa.String(length=8), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("compacted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_counters")),
    )
    op.create_index("ix_case_counters_kind", "case_counters", ["team_id", "need", "language"], unique=False)
    op.create_index(
        "ix_case_counters_new",
        "case_counters",
        ["id"],
        unique=False,
        sqlite_where=sa.text("NOT compacted"),
        postgresql_where=sa.text("NOT compacted"),
    )
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
        sa.Column("languages", JSON, nullable=False),
        sa.Column("urgency", sa.String(length=12), nullable=False),
        sa.Column("urgency_rank", sa.SmallInteger(), nullable=False),
        sa.Column("last_safe_day", sa.Date(), nullable=True),
        sa.Column("deadline_certainty", sa.String(length=16), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("owner_name", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("snoozed_until", sa.Date(), nullable=True),
        sa.Column("person_wrote", sa.Boolean(), nullable=False),
        sa.Column("referral_status", sa.String(length=8), nullable=True),
        sa.Column("merged_into_id", sa.Uuid(), nullable=True),
        sa.Column("held_reason", sa.String(length=8), nullable=True),
        sa.Column("referred_by", sa.Uuid(), nullable=True),
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
        sa.CheckConstraint("held_reason IN ('trap', 'haste', 'crowd')", name=op.f("ck_cases_held_reason_known")),
        sa.CheckConstraint(
            "state IN ('submitted', 'in_review', 'referred', 'helped', 'advised', 'unmet', 'withdrawn', 'erased')",
            name=op.f("ck_cases_state_known"),
        ),
        sa.CheckConstraint("urgency IN ('emergency', 'urgent', 'normal')", name=op.f("ck_cases_urgency_known")),
        sa.ForeignKeyConstraint(["owner_id"], ["members.id"], name=op.f("fk_cases_owner_id_members")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_cases_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("label", name=op.f("uq_cases_label")),
        sa.UniqueConstraint("receipt_id", name=op.f("uq_cases_receipt_id")),
    )
    op.create_index(
        "ix_cases_closed",
        "cases",
        ["team_id", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_country",
        "cases",
        ["team_id", "country", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_deadline",
        "cases",
        ["team_id", sa.text("coalesce(last_safe_day, '9999-12-31')"), "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_label",
        "cases",
        ["team_id", "label"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_owner_name",
        "cases",
        ["team_id", "owner_name", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_state",
        "cases",
        ["team_id", "state", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_urgency",
        "cases",
        ["team_id", "urgency_rank", "due_on", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_closed_waits",
        "cases",
        ["team_id", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_country",
        "cases",
        ["team_id", "country", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_deadline",
        "cases",
        ["team_id", sa.text("coalesce(last_safe_day, '9999-12-31')"), "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_cases_forget", "cases", ["forget_at"], unique=False)
    op.create_index(
        "ix_cases_held",
        "cases",
        ["team_id", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL AND held_reason IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND held_reason IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_label",
        "cases",
        ["team_id", "label"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_merged_into",
        "cases",
        ["merged_into_id"],
        unique=False,
        sqlite_where=sa.text("merged_into_id IS NOT NULL"),
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_owner",
        "cases",
        ["owner_id", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL AND owner_id IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND owner_id IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_owner_name",
        "cases",
        ["team_id", "owner_name", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_queue",
        "cases",
        ["team_id", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_referral_status",
        "cases",
        ["team_id", "referral_status", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL AND referral_status IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND referral_status IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_snoozed",
        "cases",
        ["team_id", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL AND snoozed_until IS NOT NULL"),
        postgresql_where=sa.text("closed_at IS NULL AND snoozed_until IS NOT NULL"),
    )
    op.create_index(
        "ix_cases_state",
        "cases",
        ["team_id", "state", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_urgency",
        "cases",
        ["team_id", "urgency_rank", "due_on", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_waits",
        "cases",
        ["team_id", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_cases_wrote",
        "cases",
        ["team_id", "due_on", "urgency_rank", "waiting_since", "id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL AND person_wrote"),
        postgresql_where=sa.text("closed_at IS NULL AND person_wrote"),
    )
    op.create_table(
        "honeytokens",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name=op.f("fk_honeytokens_made_by_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_honeytokens")),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("view", sa.String(length=16), nullable=False),
        sa.Column("filters", JSON, nullable=False),
        sa.Column("sort", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_saved_views_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
    )
    op.create_index("ix_saved_views_member_id", "saved_views", ["member_id"], unique=False)
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
    op.create_table(
        "case_fingerprints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('phone', 'email', 'handle', 'name')", name=op.f("ck_case_fingerprints_kind_known")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_fingerprints_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_fingerprints")),
        sa.UniqueConstraint(
            "case_id", "kind", "fingerprint", name=op.f("uq_case_fingerprints_case_id_kind_fingerprint")
        ),
    )
    op.create_index("ix_case_fingerprints_fingerprint", "case_fingerprints", ["fingerprint"], unique=False)
    op.create_table(
        "case_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("from_country", sa.String(length=2), nullable=False),
        sa.Column("to_country", sa.String(length=2), nullable=False),
        sa.Column("from_team_id", sa.Uuid(), nullable=False),
        sa.Column("to_team_id", sa.Uuid(), nullable=False),
        sa.Column("desk_key_id", sa.Uuid(), nullable=True),
        sa.Column("desk_key", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.String(length=8), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("answer IN ('yes', 'no', 'ended')", name=op.f("ck_case_moves_answer_known")),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_case_moves_answered_when_answer")),
        sa.CheckConstraint("answer IS NULL OR desk_key IS NULL", name=op.f("ck_case_moves_key_while_asked")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_moves_case_id_cases")),
        sa.ForeignKeyConstraint(["from_team_id"], ["teams.id"], name=op.f("fk_case_moves_from_team_id_teams")),
        sa.ForeignKeyConstraint(["to_team_id"], ["teams.id"], name=op.f("fk_case_moves_to_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_moves")),
    )
    op.create_index(
        "uq_case_moves_one_open",
        "case_moves",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("answer IS NULL"),
        postgresql_where=sa.text("answer IS NULL"),
    )
    op.create_table(
        "case_presence",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_presence_case_id_cases")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_case_presence_member_id_members")),
        sa.PrimaryKeyConstraint("case_id", "member_id", name=op.f("pk_case_presence")),
    )
    op.create_index("ix_case_presence_at", "case_presence", ["at"], unique=False)
    op.create_table(
        "case_undos",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("before", JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_undos_case_id_cases")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_case_undos_member_id_members")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_undos")),
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
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("purpose = 'person' OR kind = 'team'", name=op.f("ck_case_wraps_desk_key_is_the_teams")),
        sa.CheckConstraint(
            "(kind = 'receipt') = (key_id IS NULL)", name=op.f("ck_case_wraps_key_named_but_for_receipt")
        ),
        sa.CheckConstraint("kind IN ('receipt', 'team', 'organisation')", name=op.f("ck_case_wraps_kind_known")),
        sa.CheckConstraint("purpose IN ('person', 'desk')", name=op.f("ck_case_wraps_purpose_known")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_wraps_case_id_cases")),
        sa.ForeignKeyConstraint(["key_id"], ["sealing_keys.id"], name=op.f("fk_case_wraps_key_id_sealing_keys")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_wraps")),
        sa.UniqueConstraint("case_id", "purpose", "owner_id", name=op.f("uq_case_wraps_case_id_purpose_owner_id")),
    )
    op.create_table(
        "household_members",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_household_members_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_household_members")),
    )
    op.create_index("ix_household_members_household", "household_members", ["household_id"], unique=False)
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
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_cases_closed_languages",
            "cases",
            ["languages"],
            unique=False,
            postgresql_where=sa.text("closed_at IS NOT NULL"),
            postgresql_using="gin",
            postgresql_ops={"languages": "jsonb_path_ops"},
        )
        op.create_index(
            "ix_cases_closed_needs",
            "cases",
            ["needs"],
            unique=False,
            postgresql_where=sa.text("closed_at IS NOT NULL"),
            postgresql_using="gin",
            postgresql_ops={"needs": "jsonb_path_ops"},
        )
        op.create_index(
            "ix_cases_languages",
            "cases",
            ["languages"],
            unique=False,
            postgresql_where=sa.text("closed_at IS NULL"),
            postgresql_using="gin",
            postgresql_ops={"languages": "jsonb_path_ops"},
        )
        op.create_index(
            "ix_cases_needs",
            "cases",
            ["needs"],
            unique=False,
            postgresql_where=sa.text("closed_at IS NULL"),
            postgresql_using="gin",
            postgresql_ops={"needs": "jsonb_path_ops"},
        )
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER count_case ON cases")
        op.execute("DROP TRIGGER set_owner_name ON cases")
        op.execute("DROP FUNCTION count_case()")
        op.execute("DROP FUNCTION set_owner_name()")
    op.drop_table("sealed_parts")
    op.drop_table("household_members")
    op.drop_table("case_wraps")
    op.drop_table("case_undos")
    op.drop_table("case_presence")
    op.drop_table("case_moves")
    op.drop_table("case_fingerprints")
    op.drop_table("case_events")
    op.drop_table("saved_views")
    op.drop_table("honeytokens")
    op.drop_table("cases")
    op.drop_table("case_counters")
