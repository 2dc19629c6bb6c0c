"""Dump and restore: all rows of the service as lines of JSON, the same from SQLite and PostgreSQL, for either of them.

Short-lived rows are left out: sessions, tokens, invitations, unfinished forms, stored responses. So a backup cannot be used to sign
in, and a code that was used or voided after it does not work again. Live proposals are restored as expired: they may have been
stopped since.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.models import ARRIVALS, WAITING, AuditEntry
from app.core.db import Base, Database, UtcDateTime, sqlite_driver
from app.operations import status
from app.reporting.models import ReportChange
from app.staff.models import Proposal
from app.staff.proposal_states import LIVE, ProposalState

SHORT_LIVED: Final = frozenset(
    {
        "sessions",
        "access_tokens",
        "invitations",
        "drafts",
        "sealed_responses",
        "used_challenges",
        "known_browsers",
        "read_counts",
        "used_assertions",
        "quota_windows",
    }
)
DERIVED: Final = frozenset({"case_counters"})
"""Filled by triggers of the database while the rows are restored."""
_NOTED: Final = ReportChange.__tablename__
"""Its rows are in a dump, and triggers add to them while the other rows are restored (app/reporting/triggers.py)."""
_PAGE: Final = 500


class NotRestorable(Exception):
    """The dump cannot be restored: it is incomplete or of a newer version, or the database is not empty."""


def lines(database: Database, work: Path, progress: Callable[[int], None] = lambda _count: None) -> Iterator[bytes]:
    """A consistent dump while the service is running, with the tables in an order in which they can be restored.

    `work` is a private folder on the same machine, to which SQLite is copied first (its own online backup); the copy is deleted.
    Raises NotRestorable when the database has a table that this version does not know.
    """
    with _snapshot(database, work) as session:
        _refuse_unknown_tables(session)
        tables = [table for table in Base.metadata.sorted_tables if table.name not in SHORT_LIVED | DERIVED]
        yield _line({"pristan": 1, "schema": status.schema(session), "tables": [table.name for table in tables]})
        counts = {}
        for table in tables:
            counts[table.name] = 0
            for row in session.execute(sa.select(table), execution_options={"yield_per": _PAGE}).mappings():
                yield _line({"t": table.name, "r": {name: _plain(value) for name, value in row.items()}})
                counts[table.name] += 1
                progress(1)
        yield _line({"counts": counts})


def _refuse_unknown_tables(session: Session) -> None:
    """Raises NotRestorable when the database has a table that this version does not know, which would silently be missing."""
    there = set(sa.inspect(session.connection()).get_table_names()) - {"alembic_version"}
    if there - set(Base.metadata.tables):
        raise NotRestorable("the database has tables that this version does not know")


def count_rows(session: Session) -> int:
    """The number of rows that a dump will have."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in SHORT_LIVED | DERIVED]
    return sum(session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables)


@contextmanager
def _snapshot(database: Database, work: Path) -> Iterator[Session]:
    """A session on a consistent snapshot, which blocks no writer."""
    if database.dialect == "postgresql":
        engine = database.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with engine.connect() as connection, connection.begin():
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            with Session(connection) as session:
                yield session
        return
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = work / ".backup.db"
    copy.unlink(missing_ok=True)
    private = Database(f"sqlite:///{copy}")
    try:
        _copy_sqlite(str(database.url.database), copy)
        with private.begin(write=False) as session:
            yield session
    finally:
        private.dispose()
        for path in copy.parent.glob(f"{copy.name}*"):
            path.unlink()


def _copy_sqlite(source: str, target: Path) -> None:
    driver = sqlite_driver()
    original, copy = driver.connect(source), driver.connect(str(target))
    try:
        original.backup(copy)
    finally:
        original.close()
        copy.close()


def load(
    database: Database,
    dump_lines: Iterable[bytes],
    migrate: Callable[[str], None],
    progress: Callable[[int], None] = lambda _count: None,
) -> dict[str, int]:
    """Restore a dump into an empty database, completely or not at all; returns the number of rows by table.

    `migrate` brings the schema to a revision: first to that of the dump, and after the rows are inserted to the latest one.
    Raises NotRestorable.
    """
    source = iter(dump_lines)
    head = _read(next(source, b""))
    if head.get("pristan") != 1:
        raise NotRestorable("this is not a backup of Pristan")
    if str(head["schema"]) > status.schema_wanted():
        raise NotRestorable("the backup is of a newer version")
    migrate(str(head["schema"]))
    with database.begin() as session:
        if database.dialect == "postgresql":
            session.execute(sa.text("SET LOCAL statement_timeout = 0"))
        counts = _fill(session, source, head["tables"], progress)
        _set_sequences(session)
    migrate("head")
    return counts


def _fill(
    session: Session, source: Iterator[bytes], tables: list[str], progress: Callable[[int], None]
) -> dict[str, int]:
    for table in tables:
        if session.scalar(sa.select(sa.func.count()).select_from(_table(table))):
            raise NotRestorable("the database is not empty; restore into a new one")
    counts = dict.fromkeys(tables, 0)
    waiting: list[dict[str, Any]] = []
    current = ""
    last_noted = 0
    for line in source:
        entry = _read(line)
        name = entry.get("t", "")
        if name != current or len(waiting) >= _PAGE:
            _insert(session, current, waiting)
            if current == _NOTED != name:
                last_noted = _end_notes(session)
            if name == _NOTED != current:
                _delete_notes(session, after=0)
            current, waiting = name, []
        if "counts" in entry:
            if entry["counts"] != counts:
                raise NotRestorable("the backup is incomplete")
            if _NOTED in counts:
                _delete_notes(session, after=last_noted)
            return counts
        if name not in SHORT_LIVED:  # a backup of an earlier version has more of them
            waiting.append(_ended(name, entry["r"]))
        counts[name] += 1
        progress(1)
    raise NotRestorable("the backup is cut short")


def _ended(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row as it is restored: nobody goes on with a proposal of before, which may have been stopped since."""
    if name == Proposal.__tablename__ and row.get("state") in set(LIVE):
        return row | {"state": ProposalState.EXPIRED.value}
    return row


def _insert(session: Session, name: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    kinds = {column.name: column.type for column in _table(name).columns if column.name in rows[0]}
    bare = sa.table(name, *(sa.column(column, kind) for column, kind in kinds.items()))
    session.execute(sa.insert(bare), [{key: _typed(kinds[key], value) for key, value in row.items()} for row in rows])


def _end_notes(session: Session) -> int:
    """Have triggers note changes after the restored notes; returns the highest number of these, 0 if there are none."""
    _set_sequence(session, _table(_NOTED))
    return session.scalar(sa.select(sa.func.max(ReportChange.id))) or 0


def _delete_notes(session: Session, *, after: int) -> None:
    """Delete the triggers' notes of restored rows: these cases are in the dump's stored figures, or in its own notes."""
    session.execute(sa.delete(ReportChange).where(ReportChange.id > after).execution_options(synchronize_session=False))


def _set_sequences(session: Session) -> None:
    """Set the sequences of PostgreSQL, so that new numbers continue after the highest restored one."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table in Base.metadata.sorted_tables:
        _set_sequence(session, table)
    if session.scalar(sa.select(sa.func.to_regclass(ARRIVALS))) is not None:  # not in a dump of before
        arrived = sa.func.coalesce(AuditEntry.arrival, sa.case((AuditEntry.seq < 0, AuditEntry.seq + WAITING)))
        last = sa.select(sa.func.coalesce(sa.func.max(arrived), 0) + 1).scalar_subquery()
        session.execute(sa.select(sa.func.setval(ARRIVALS, last, False)))


def _set_sequence(session: Session, table: sa.Table) -> None:
    column = table.autoincrement_column
    if session.get_bind().dialect.name != "postgresql" or column is None or column.autoincrement is not True:
        return
    session.execute(
        sa.text(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "  # noqa: S608  our own names
            f"(SELECT COALESCE(MAX({column.name}), 0) + 1 FROM {table.name}), false)"
        )
    )


def _table(name: str) -> sa.Table:
    table = Base.metadata.tables.get(name)
    if table is None:
        raise NotRestorable("the backup contains a table that this version does not know")
    return table


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _read(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        raise NotRestorable("the backup cannot be read") from None
    if not isinstance(document, dict):
        raise NotRestorable("the backup cannot be read")
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, UUID):
        return value.hex
    return value.isoformat() if isinstance(value, datetime | date) else value


def _typed(kind: Any, value: Any) -> Any:
    """Undo `_plain` by the column's type."""
    if value is None:
        return None
    if isinstance(kind, sa.LargeBinary):
        return base64.b64decode(value)
    if isinstance(kind, sa.Uuid):
        return UUID(hex=value)
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if isinstance(kind, sa.Date) else value
