"""Rows that go in as they are: one statement a table, prepared once, and no entity in between. For hot paths."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core.db import Base


def put(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert these rows, all with the same columns, in one statement. Constraints speak as they do for entities."""
    if rows:
        session.connection().execute(_insert(model), rows[0] if len(rows) == 1 else rows)


def put_missing(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of these rows that break no unique constraint, in one statement."""
    if rows:
        statement = _insert_new(model, None, session.get_bind().dialect.name)
        session.connection().execute(statement, rows[0] if len(rows) == 1 else rows)


def put_new(session: Session, model: type[Base], row: Mapping[str, Any], *, unless: str) -> bool:
    """Insert a row unless one has the same value in this unique column; whether it went in.

    PostgreSQL: waits for the end of a transaction that is putting in the same value.
    """
    statement = _insert_new(model, unless, session.get_bind().dialect.name)
    return session.connection().execute(statement, row).rowcount == 1


@cache
def _insert(model: type[Base]) -> sa.Insert:
    return sa.insert(_table(model))


@cache
def _insert_new(model: type[Base], unless: str | None, dialect: str) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    new = insert(_table(model)).on_conflict_do_nothing(index_elements=[unless] if unless else None)
    return new.execution_options(preserve_rowcount=True)


def _table(model: type[Base]) -> sa.Table:
    return cast("sa.Table", model.__table__)
