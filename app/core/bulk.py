"""Bulk inserts for hot paths, and deletions in batches: one statement per table, without creating ORM entities."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.db import Base
from app.core.upsert import insert_or_ignore

BATCH: Final = 500
"""The most rows that a deletion takes in one statement, unless its caller says otherwise."""


def insert(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert these rows, all with the same columns, in one statement. Raises IntegrityError as an ORM insert would."""
    if rows:
        session.connection().execute(_insert(model), rows[0] if len(rows) == 1 else rows)


def insert_missing(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that break no unique constraint, in one statement."""
    if rows:
        session.connection().execute(insert_or_ignore(session, model), rows[0] if len(rows) == 1 else rows)


@cache
def _insert(model: type[Base]) -> sa.Insert:
    return sa.insert(cast("sa.Table", model.__table__))


def delete_some(session: Session, model: type[Base], which: sa.ColumnElement[bool], limit: int = BATCH) -> int:
    """Delete up to `limit` of the rows that fulfil a condition, in one statement; returns how many.

    Objects of the session are not told. Needs SELECT on the columns of the key and of the condition alone.
    """
    key = sa.inspect(model).primary_key
    chosen = sa.select(*key).where(which).limit(limit)
    some = key[0].in_(chosen) if len(key) == 1 else sa.tuple_(*key).in_(chosen)
    gone = session.execute(sa.delete(model).where(some), execution_options={"synchronize_session": False})
    return int(gone.rowcount)  # type: ignore[attr-defined]
