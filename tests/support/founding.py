"""What most tests find in their database (directory, teams, members, keys): written once by each worker, then copied.

It is written by the service's own verbs the first time that a worker asks for it on a kind of database. What they wrote is kept:
of SQLite the file, of PostgreSQL the rows. A test that finds its database as it was migrated gets a copy. One that has
written to it before gets everything written by the verbs again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from app.core.db import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Rows:
    """The content of a PostgreSQL database: each table that has rows, as COPY gives it, and where each sequence stands."""

    tables: dict[str, bytes]
    sequences: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Kept:
    result: Any
    content: bytes | _Rows


_tables: Final[dict[str, list[str]]] = {}
_kept: Final[dict[tuple[str, Callable[..., Any]], _Kept]] = {}


def found(database: Database, write: Callable[[Database], T]) -> T:
    """Have in this database what `write` writes; gives what it gave, which nobody may change.

    `write` is a function of a module and does the same each time. Its keys and ids are the same in all tests of a worker.
    """
    kept = _kept.get((database.dialect, write))
    if kept is not None and _put(database, kept.content):
        result: T = kept.result
        return result
    untouched = kept is None and not _with_rows(database)
    result = write(database)
    if untouched:
        _kept[database.dialect, write] = _Kept(result, _content(database))
    return result


def _with_rows(database: Database) -> list[str]:
    """The tables that have rows, those with foreign keys after those they point at."""
    with database.engine.connect() as connection:
        names = _tables.get(database.dialect)
        if names is None:  # the same in all databases of a run
            sorted_tables = sa.inspect(connection).get_sorted_table_and_fkc_names()
            names = [name for name, _keys in sorted_tables if name and name != "alembic_version"]
            _tables[database.dialect] = names
        asked = ", ".join(f"EXISTS (SELECT 1 FROM {name})" for name in names)
        found = connection.exec_driver_sql(f"SELECT {asked}").one()
    return [name for name, has_rows in zip(names, found, strict=True) if has_rows]


def _content(database: Database) -> bytes | _Rows:
    if database.dialect == "sqlite":
        database.dispose()  # the last connection moves its journal into the file
        return _file(database).read_bytes()
    tables = _with_rows(database)
    with database.engine.connect() as connection:
        rows = {name: _copied(connection, name) for name in tables}
        sequences = connection.exec_driver_sql(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
        return _Rows(rows, dict(map(tuple, sequences)))


def _put(database: Database, content: bytes | _Rows) -> bool:
    """Put it into a database that is as it was migrated. False, and nothing done, if it has rows of these tables already."""
    if isinstance(content, bytes):
        if _with_rows(database):
            return False
        database.dispose()
        _file(database).write_bytes(content)
        return True
    with database.engine.begin() as connection:
        asked = " OR ".join(f"EXISTS (SELECT FROM {name})" for name in content.tables)
        if connection.exec_driver_sql(f"SELECT {asked}").scalar_one():
            return False
        cursor = connection.connection.cursor()
        cursor.execute("SET LOCAL session_replication_role = replica")  # what the triggers do has been copied as well
        for name, rows in content.tables.items():
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)") as copy:
                copy.write(rows)
        for name, last in content.sequences.items():
            cursor.execute(f"SELECT setval('{name}', {last})")
    return True


def _copied(connection: sa.Connection, table: str) -> bytes:
    with connection.connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        return b"".join(bytes(block) for block in copy)


def _file(database: Database) -> Path:
    return Path(database.url.database or "")
