"""The triggers that note which cases have changed in a way that a report counts (docs/decisions/0189).

They are attached to the metadata, so that a schema created from the models has them. A migration holds the same text, and a test
compares the two.
"""

from typing import Final

import sqlalchemy as sa

from app.core.db import Base

# Each move of a referral writes its `version` in the transaction that adds its event, so events need no trigger of their own.
_WATCHED: Final = (
    ("cases", "id", "team_id, country, language, urgency, needs, state, waiting_since"),
    ("case_needs", "case_id", "state, need"),
    ("referrals", "case_id", "version, state, outcome, needs, offered_at, organisation_id"),
)
_NOTE: Final = "INSERT INTO report_changes (case_id) VALUES ({row}.{column})"


def _postgresql() -> list[str]:
    statements = []
    for table, column, watched in _WATCHED:
        name = f"note_report_change_of_{table}"
        new, old = (_NOTE.format(row=row, column=column) for row in ("NEW", "OLD"))
        statements += [
            f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    {old};
  ELSE
    {new};
  END IF;
  RETURN NULL;
END $$
""",
            f"CREATE TRIGGER {name} AFTER INSERT OR DELETE OR UPDATE OF {watched} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {name}()",
        ]
    return statements


def _sqlite() -> list[str]:
    return [
        f"CREATE TRIGGER note_report_change_of_{table}_{suffix} AFTER {when} ON {table} FOR EACH ROW"
        f" BEGIN {_NOTE.format(row=row, column=column)}; END"
        for table, column, watched in _WATCHED
        for suffix, when, row in (
            ("inserted", "INSERT", "NEW"),
            ("deleted", "DELETE", "OLD"),
            ("updated", f"UPDATE OF {watched}", "NEW"),
        )
    ]


TRIGGERS: Final = {"postgresql": _postgresql(), "sqlite": _sqlite()}
"""The statements that create them, in order, by dialect."""

for _dialect, _statements in TRIGGERS.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
        sa.event.listen(Base.metadata, "after_create", _ddl.execute_if(dialect=_dialect))
