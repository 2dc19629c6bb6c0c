"""Each need of a case has a state, and a referral names the needs it is for.

Only the schema: every row gets its values in the next step.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

# The counters' triggers with one more code, `uncovered`, and as they were before.
CODES = (
    "team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until,"
    " person_wrote, referral_status, held_reason"
)
WATCHED = (
    "team_id, country, urgency, state, needs, languages, closed_at, merged_into_id, owner_id, due_on, snoozed_until,"
    " person_wrote, referral_status, held_reason"
)
EACH = {
    "postgresql": "SELECT '' AS code UNION SELECT jsonb_array_elements_text({row}.{column})",
    "sqlite": "SELECT '' AS code UNION SELECT value FROM json_each({row}.{column})",
}


def counting(dialect: str, row: str, sign: int, more: str) -> str:
    needs, languages = (EACH[dialect].format(row=row, column=column) for column in ("needs", "languages"))
    column, value = (f", {more}", f"\n  {row}.{more},") if more else ("", "")
    return f"""INSERT INTO case_counters ({CODES}{column}, count, compacted)
SELECT {row}.team_id, need.code, spoken.code, {row}.country, {row}.urgency, {row}.state, {row}.closed_at IS NULL,
  {row}.merged_into_id IS NOT NULL,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.owner_id END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.due_on END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.snoozed_until END,
  {row}.person_wrote,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.referral_status END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.held_reason END,{value}
  {sign}, false
FROM ({needs}) AS need CROSS JOIN ({languages}) AS spoken
WHERE {row}.state <> 'erased'"""  # noqa: S608  our own text alone


def replace_triggers(more: str) -> None:
    """Replace the counters' triggers; `more`: a further code that they count, or nothing."""
    dialect = op.get_bind().dialect.name
    less, again = (counting(dialect, row, sign, more) for row, sign in (("OLD", -1), ("NEW", 1)))
    watched = f"{WATCHED}, {more}" if more else WATCHED
    if dialect == "postgresql":
        op.execute(
            f"""
CREATE OR REPLACE FUNCTION count_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    {less};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    {again};
  END IF;
  RETURN NULL;
END $$
"""
        )
        op.execute("DROP TRIGGER count_case ON cases")
        op.execute(
            f"CREATE TRIGGER count_case AFTER INSERT OR DELETE OR UPDATE OF {watched} ON cases"
            " FOR EACH ROW EXECUTE FUNCTION count_case()"
        )
        return
    for name, when, body in (
        ("count_case_inserted", "INSERT", f"{again};"),
        ("count_case_deleted", "DELETE", f"{less};"),
        ("count_case_updated", f"UPDATE OF {watched}", f"{less}; {again};"),
    ):
        op.execute(f"DROP TRIGGER {name}")
        op.execute(f"CREATE TRIGGER {name} AFTER {when} ON cases FOR EACH ROW BEGIN {body} END")


def upgrade() -> None:
    op.create_table(
        "case_needs",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(length=64), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'offered', 'with_centre', 'helped', 'advised', 'unmet', 'not_wanted')",
            name=op.f("ck_case_needs_state_known"),
        ),
        sa.CheckConstraint(
            "state <> 'with_centre' OR referral_id IS NOT NULL", name=op.f("ck_case_needs_with_a_referral")
        ),
        sa.CheckConstraint(
            "state NOT IN ('open', 'offered') OR referral_id IS NULL", name=op.f("ck_case_needs_waits_for_one")
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR state IN ('helped', 'advised')", name=op.f("ck_case_needs_outcome_of_an_end")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_needs_case_id_cases")),
        sa.PrimaryKeyConstraint("case_id", "need", name=op.f("pk_case_needs")),
    )
    op.add_column("referrals", sa.Column("needs", JSON, nullable=True))
    op.add_column("case_counters", sa.Column("uncovered", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("uncovered", sa.Boolean(), server_default=sa.false(), nullable=False))
    replace_triggers("uncovered")


def downgrade() -> None:
    replace_triggers("")
    op.drop_column("cases", "uncovered")
    op.drop_column("case_counters", "uncovered")
    op.drop_column("referrals", "needs")
    op.drop_table("case_needs")
