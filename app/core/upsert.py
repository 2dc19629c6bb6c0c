"""INSERT … ON CONFLICT for both databases: SQLite and PostgreSQL have the same clause, SQLAlchemy one class for each.

PostgreSQL: a statement waits for the end of a transaction that is inserting the same key. The statements are built once and reused.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core.db import Base

Insert = postgresql.Insert | sqlite.Insert
Excluded = sa.ColumnCollection[str, sa.ColumnElement[Any]]
Change = Callable[[Excluded], Mapping[str, Any]]
"""From the row that was to be inserted to the values that are set on the existing row."""


def insert_or_update(session: Session, model: type[Base], *, key: tuple[str, ...], change: Change) -> Insert:
    """A statement that inserts rows and updates those whose unique `key` exists. The caller adds values and RETURNING."""
    insert = _insert(model, _dialect(session))
    return insert.on_conflict_do_update(index_elements=key, set_=change(insert.excluded))


def insert_or_ignore(session: Session, model: type[Base], *, key: tuple[str, ...] = ()) -> Insert:
    """A statement that inserts rows and skips those whose unique `key` exists; without a `key`, those that break any unique
    constraint.

    The `rowcount` of its result is the number of inserted rows.
    """
    return _insert_or_ignore(model, key, _dialect(session))


def insert_if_absent(session: Session, model: type[Base], row: Mapping[str, Any], *, key: tuple[str, ...]) -> bool:
    """Insert a row unless its unique `key` exists.

    Returns whether it was inserted; of two callers at the same time, one inserts.
    """
    return session.connection().execute(insert_or_ignore(session, model, key=key), row).rowcount == 1


@cache
def _insert_or_ignore(model: type[Base], key: tuple[str, ...], dialect: str) -> Insert:
    statement = _insert(model, dialect).on_conflict_do_nothing(index_elements=key or None)
    return statement.execution_options(preserve_rowcount=True)


@cache
def _insert(model: type[Base], dialect: str) -> Insert:
    table = cast("sa.Table", model.__table__)
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
