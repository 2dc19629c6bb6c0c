"""A case can be restricted to named members: a mark on it, which its counters know too, and keys of such cases.

What the tables hold is routing codes, and on a key who owns it; the keys themselves are sealed.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0044"
down_revision: str | None = "0043"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

# The counters' triggers with one more code, `restricted`, and as they were before.
CODES = (
    "team_id, need, language, country, urgency, state, is_open, is_merged, owner_id, due_on, snoozed_until,"
    " person_wrote, referral_status, held_reason, uncovered"
)
WATCHED = (
    "team_id, country, urgency, state, needs, languages, closed_at, merged_into_id, owner_id, due_on, snoozed_until,"
    " person_wrote, referral_status, held_reason, uncovered"
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
  CASE WHEN {row}.closed_at IS NULL THEN {row}.held_reason END,
  {row}.uncovered,{value}
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
        op.execute(
            f"CREATE OR REPLACE TRIGGER count_case AFTER INSERT OR DELETE OR UPDATE OF {watched} ON cases"
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
    op.add_column("case_counters", sa.Column("restricted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("cases", sa.Column("restricted", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("sealing_keys", sa.Column("case_id", sa.Uuid(), nullable=True))
    replace_triggers("restricted")


def downgrade() -> None:
    if not op.get_context().as_sql and op.get_bind().scalar(sa.text("SELECT count(*) FROM cases WHERE restricted")):
        raise RuntimeError(
            "There are restricted cases, which the version before would show. Lift their restriction first."
        )
    op.execute("DELETE FROM key_grants WHERE sealing_key_id IN (SELECT id FROM sealing_keys WHERE case_id IS NOT NULL)")
    op.execute("DELETE FROM sealing_keys WHERE case_id IS NOT NULL")
    replace_triggers("")
    op.drop_column("sealing_keys", "case_id")
    op.drop_column("cases", "restricted")
    op.drop_column("case_counters", "restricted")
