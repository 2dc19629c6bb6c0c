"""Create case_tallies: how many cases of each kind there are, kept by triggers in the transaction that changes a case."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0062"
down_revision: str | None = "0061"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

COLUMNS = (
    "team_id, need, language, country, tier, state, is_open, is_merged, owner_id, due_on, snoozed_until, person_wrote,"
    " asked, held_for, n, folded"
)
WATCHED = (
    "team_id, country, tier, state, needs, speak, closed_at, merged_into_id, owner_id, due_on, snoozed_until,"
    " person_wrote, asked, held_for"
)
# A case counts once under each need and each language it has, and under '' (any). What is closed keeps fewer marks.
ROWS = """
SELECT {row}.team_id, need.code, spoken.code, {row}.country, {row}.tier, {row}.state, {row}.closed_at IS NULL,
  {row}.merged_into_id IS NOT NULL,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.owner_id END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.due_on END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.snoozed_until END,
  {row}.person_wrote,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.asked END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.held_for END,
  {sign}, false
FROM ({needs}) AS need CROSS JOIN ({speak}) AS spoken
WHERE {row}.state <> 'erased'
"""
POSTGRES_CODES = "SELECT '' AS code UNION SELECT jsonb_array_elements_text({row}.{column})"
SQLITE_CODES = "SELECT '' AS code UNION SELECT value FROM json_each({row}.{column})"

POSTGRES_EACH = "jsonb_array_elements_text(cases.{column}) AS each (value)"
SQLITE_EACH = "json_each(cases.{column}) AS each"


def rows(row: str, sign: int, codes: str) -> str:
    """The tallies of one case: +1 or −1 each."""
    needs, speak = (codes.format(row=row, column=column) for column in ("needs", "speak"))
    return f"INSERT INTO case_tallies ({COLUMNS}) " + ROWS.format(row=row, sign=sign, needs=needs, speak=speak)


OF_EACH = "SELECT id, '' AS code FROM cases UNION SELECT cases.id, each.value FROM cases, "
FILL = (
    f"INSERT INTO case_tallies ({COLUMNS}) "
    + ROWS.split("FROM", maxsplit=1)[0].format(row="c", sign="1")
    + f"FROM cases AS c JOIN ({OF_EACH}{{needs}}) AS need ON need.id = c.id"
    + f" JOIN ({OF_EACH}{{speak}}) AS spoken ON spoken.id = c.id WHERE c.state <> 'erased'"
)


def fill(each: str) -> str:
    """The tallies of all cases that are there already."""
    return FILL.format(needs=each.format(column="needs"), speak=each.format(column="speak"))


def upgrade() -> None:
    op.create_table(
        "case_tallies",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("tier", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("is_merged", sa.Boolean(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("snoozed_until", sa.Date(), nullable=True),
        sa.Column("person_wrote", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.String(length=8), nullable=True),
        sa.Column("held_for", sa.String(length=8), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("folded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_tallies")),
    )
    op.create_index("ix_case_tallies_face", "case_tallies", ["team_id", "need", "language"], unique=False)
    op.create_index(
        "ix_case_tallies_fresh",
        "case_tallies",
        ["id"],
        unique=False,
        sqlite_where=sa.text("NOT folded"),
        postgresql_where=sa.text("NOT folded"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _postgres()
        op.execute(fill(POSTGRES_EACH))
    else:
        _sqlite()
        op.execute(fill(SQLITE_EACH))


def _postgres() -> None:
    op.execute(
        f"""
CREATE FUNCTION tally_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    {rows("OLD", -1, POSTGRES_CODES)};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    {rows("NEW", 1, POSTGRES_CODES)};
  END IF;
  RETURN NULL;
END $$
"""
    )
    op.execute(
        f"CREATE TRIGGER tally_case AFTER INSERT OR DELETE OR UPDATE OF {WATCHED} ON cases"
        " FOR EACH ROW EXECUTE FUNCTION tally_case()"
    )


def _sqlite() -> None:
    less, more = rows("OLD", -1, SQLITE_CODES), rows("NEW", 1, SQLITE_CODES)
    for name, when, body in (
        ("tally_case_in", "INSERT", f"{more};"),
        ("tally_case_out", "DELETE", f"{less};"),
        ("tally_case_on", f"UPDATE OF {WATCHED}", f"{less}; {more};"),
    ):
        op.execute(f"CREATE TRIGGER {name} AFTER {when} ON cases FOR EACH ROW BEGIN {body} END")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER tally_case ON cases")
        op.execute("DROP FUNCTION tally_case()")
    else:
        for name in ("tally_case_in", "tally_case_out", "tally_case_on"):
            op.execute(f"DROP TRIGGER {name}")
    op.drop_table("case_tallies")
