"""Bulk inserts for hot paths: one statement per table, built once and reused, without creating ORM entities."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.db import Base
from app.core.upsert import insert_or_ignore


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
