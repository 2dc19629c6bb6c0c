"""The triggers on cases: they maintain the counters of the queue and the owner's name in the transaction that changes a case.

They are attached to the metadata, so that a schema created from the models has them. A migration holds the same text, and a test
compares the two. See docs/decisions/0060.
"""

from typing import Final

import sqlalchemy as sa

from app.cases.models import CaseCounter
from app.core.db import Base

_COLUMNS: Final = ", ".join(column.name for column in CaseCounter.__table__.columns if column.name != "id")
_WATCHED: Final = (
    "team_id, country, urgency, state, needs, languages, closed_at, merged_into_id, owner_id, due_on, snoozed_until,"
    " person_wrote, referral_status, held_reason, uncovered, restricted"
)
# A case counts once under each need and each language it has, and under '' (any). A closed case keeps fewer codes.
_ROWS: Final = """\
SELECT {row}.team_id, need.code, spoken.code, {row}.country, {row}.urgency, {row}.state, {row}.closed_at IS NULL,
  {row}.merged_into_id IS NOT NULL,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.owner_id END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.due_on END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.snoozed_until END,
  {row}.person_wrote,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.referral_status END,
  CASE WHEN {row}.closed_at IS NULL THEN {row}.held_reason END,
  {row}.uncovered,
  {row}.restricted,
  {sign}, false
FROM ({needs}) AS need CROSS JOIN ({languages}) AS spoken
WHERE {row}.state <> 'erased'"""
_POSTGRES_CODES: Final = "SELECT '' AS code UNION SELECT jsonb_array_elements_text({row}.{column})"
_SQLITE_CODES: Final = "SELECT '' AS code UNION SELECT value FROM json_each({row}.{column})"
_OWNER_NAME: Final = "COALESCE((SELECT name FROM members WHERE members.id = NEW.owner_id), '')"


def _count(row: str, sign: int, codes: str) -> str:
    """The statement that adds the counter rows of one case, each with +1 or −1."""
    needs, languages = (codes.format(row=row, column=column) for column in ("needs", "languages"))
    rows = _ROWS.format(row=row, sign=sign, needs=needs, languages=languages)
    return f"INSERT INTO case_counters ({_COLUMNS})\n{rows}"


def _postgresql() -> list[str]:
    return [
        f"""
CREATE FUNCTION count_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    {_count("OLD", -1, _POSTGRES_CODES)};
  END IF;
  IF TG_OP <> 'DELETE' THEN
    {_count("NEW", 1, _POSTGRES_CODES)};
  END IF;
  RETURN NULL;
END $$
""",
        f"CREATE TRIGGER count_case AFTER INSERT OR DELETE OR UPDATE OF {_WATCHED} ON cases"
        " FOR EACH ROW EXECUTE FUNCTION count_case()",
        f"""
CREATE FUNCTION set_owner_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.owner_name := {_OWNER_NAME};
  RETURN NEW;
END $$
""",
        "CREATE TRIGGER set_owner_name BEFORE UPDATE OF owner_id ON cases FOR EACH ROW EXECUTE FUNCTION set_owner_name()",
    ]


def _sqlite() -> list[str]:
    less, more = _count("OLD", -1, _SQLITE_CODES), _count("NEW", 1, _SQLITE_CODES)
    counting = (
        ("count_case_inserted", "INSERT", f"{more};"),
        ("count_case_deleted", "DELETE", f"{less};"),
        ("count_case_updated", f"UPDATE OF {_WATCHED}", f"{less}; {more};"),
    )
    created = [
        f"CREATE TRIGGER {name} AFTER {when} ON cases FOR EACH ROW BEGIN {body} END" for name, when, body in counting
    ]
    named = f"UPDATE cases SET owner_name = {_OWNER_NAME} WHERE id = NEW.id"  # noqa: S608  our own text alone
    return [
        *created,
        f"CREATE TRIGGER set_owner_name AFTER UPDATE OF owner_id ON cases FOR EACH ROW BEGIN {named}; END",
    ]


TRIGGERS: Final = {"postgresql": _postgresql(), "sqlite": _sqlite()}
"""The statements that create them, in order, by dialect."""

for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        sa.event.listen(Base.metadata, "after_create", _ddl.execute_if(dialect=_dialect))
