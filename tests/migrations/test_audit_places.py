"""The step that lets audit entries wait for their place is taken with a chain that exists, and back with entries of both kinds."""

from typing import Any

import sqlalchemy as sa

from app import audit
from app.app_context import migrate
from app.audit import service
from app.audit.models import AuditEntry
from app.core.db import Database
from tests.migrations.test_migrations import downgrade
from tests.service.test_audit import NOW, note

BEFORE = "0027"
ENTRY = {
    "at": NOW,
    "actor_kind": "desk",
    "actor_id": "m",
    "action": "case:read",
    "subject_kind": "case",
    "subject_id": "x",
}


def chain_of_before(database: Database, entries: int) -> None:
    table = AuditEntry.__table__
    columns = [column for column in table.columns if column.name != "arrival"]
    bare = sa.table("audit_log", *(sa.column(column.name, column.type) for column in columns))
    last, rows = service.GENESIS, list[dict[str, Any]]()
    for seq in range(1, entries + 1):
        row = {**ENTRY, "codes": {"n": seq}, "seq": seq, "prev_hash": last, "arrival": None}
        row["hash"] = last = service._digest(row)
        del row["arrival"]
        rows.append(row)
    with database.engine.begin() as connection:
        connection.execute(sa.insert(bare), rows)


def verified(database: Database) -> object:
    with database.begin(write=False) as session:
        return audit.verify(session)


def test_a_chain_goes_on_over_the_step_and_back(unmigrated_database: Database) -> None:
    database = unmigrated_database
    migrate(database, BEFORE)
    chain_of_before(database, 3)
    migrate(database)
    assert verified(database) is None
    for _ in range(2):
        with database.begin() as session:
            note(session)
        audit.place_all(database)
    with database.begin() as session:
        note(session)  # waits, on PostgreSQL
    downgrade(database, BEFORE)
    migrate(database)  # the version before has verified it in the meantime, without the column
    with database.begin(write=False) as session:
        assert [*session.scalars(sa.select(AuditEntry.seq).order_by(AuditEntry.seq))] == [1, 2, 3, 4, 5, 6]
        assert [*session.scalars(sa.select(AuditEntry.arrival))] == [None] * 6
        assert audit.verify(session) is None
