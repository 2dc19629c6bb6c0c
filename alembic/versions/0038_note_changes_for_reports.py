"""Triggers note the cases whose figures of reports are to be kept; every case that is there is noted once.

Each statement is a transaction of its own on PostgreSQL, so that no lock on one table is held while another is waited for.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0038"
down_revision: str | None = "0037"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

TABLES = {
    "cases": ("id", "team_id, country, language, urgency, needs, state, waiting_since"),
    "case_needs": ("case_id", "state, need"),
    "referrals": ("case_id", "version, state, outcome, needs, offered_at, organisation_id"),
}
EVERY_CASE = "INSERT INTO report_changes (case_id) SELECT id FROM cases"


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for table, (column, watched) in TABLES.items():
            for suffix, when, row in (
                ("inserted", "INSERT", "NEW"),
                ("deleted", "DELETE", "OLD"),
                ("updated", f"UPDATE OF {watched}", "NEW"),
            ):
                note = f"INSERT INTO report_changes (case_id) VALUES ({row}.{column})"  # noqa: S608  our own text alone
                op.execute(
                    f"CREATE TRIGGER note_report_change_of_{table}_{suffix} AFTER {when} ON {table} FOR EACH ROW"
                    f" BEGIN {note}; END"
                )
        op.execute(EVERY_CASE)
        return
    with op.get_context().autocommit_block():
        for table, (column, watched) in TABLES.items():
            name = f"note_report_change_of_{table}"
            op.execute(
                f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO report_changes (case_id) VALUES (OLD.{column});
  ELSE
    INSERT INTO report_changes (case_id) VALUES (NEW.{column});
  END IF;
  RETURN NULL;
END $$
"""  # noqa: S608  our own text alone
            )
            op.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            op.execute(
                f"CREATE TRIGGER {name} AFTER INSERT OR DELETE OR UPDATE OF {watched} ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION {name}()"
            )
        op.execute(EVERY_CASE)


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in TABLES:
        name = f"note_report_change_of_{table}"
        if postgresql:
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
        else:
            for suffix in ("inserted", "deleted", "updated"):
                op.execute(f"DROP TRIGGER {name}_{suffix}")
    op.execute("DELETE FROM report_changes")
