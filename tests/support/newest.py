"""The row that was made last. The clock of a test stands still: of two rows made at one moment neither is the last."""

from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from app.core.db import Database

Row = TypeVar("Row")


def newest(database: Database, table: type[Row], moment: InstrumentedAttribute[datetime]) -> Row:
    """The newest row by this column, detached. Fails the test if there is none, or another of the same moment."""
    with database.begin(write=False) as session:
        rows = session.scalars(sa.select(table).order_by(moment.desc()).limit(2)).all()
        assert rows, f"nothing in {table.__name__}"
        assert at_different_moments(rows, moment.key), "let time pass between the two: which comes first is chance"
        session.expunge_all()
        return rows[0]


def at_different_moments(rows: Any, name: str) -> bool:
    moments = [getattr(row, name) for row in rows]
    return len(moments) == len(set(moments))
