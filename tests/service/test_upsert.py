"""Rows that may be there already, on both databases."""

from datetime import UTC, datetime

import sqlalchemy as sa

from app.core.db import Database
from app.core.quotas import QuotaWindow
from app.core.upsert import insert_if_absent, insert_or_ignore, insert_or_update

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
KEY = ("key", "begins_at")


def row(what: str, taken: int) -> dict[str, object]:
    return {"key": what, "begins_at": NOW, "taken": taken}


def test_a_row_that_is_there_is_changed_by_what_comes_and_by_what_it_was(database: Database) -> None:
    with database.begin() as session:
        for taken in (3, 4):
            statement = insert_or_update(
                session, QuotaWindow, key=KEY, change=lambda new: {"taken": QuotaWindow.taken * 10 + new["taken"]}
            )
            session.execute(statement, [row("a", taken), row("b", taken + 1)])
        found = session.scalars(sa.select(QuotaWindow.taken).order_by(QuotaWindow.key)).all()
    assert found == [34, 45]


def test_the_changed_row_can_be_returned(database: Database) -> None:
    with database.begin() as session:
        statement = insert_or_update(session, QuotaWindow, key=KEY, change=lambda new: {"taken": new["taken"]})
        returned = [session.scalars(statement.returning(QuotaWindow.taken), row("a", taken)).one() for taken in (3, 4)]
    assert returned == [3, 4]


def test_a_row_that_is_there_is_left_as_it_is(database: Database) -> None:
    with database.begin() as session:
        assert insert_if_absent(session, QuotaWindow, row("a", 3), key=KEY)
        assert not insert_if_absent(session, QuotaWindow, row("a", 4), key=KEY)
        result = session.connection().execute(insert_or_ignore(session, QuotaWindow), [row("a", 5), row("b", 5)])
        found = session.execute(sa.select(QuotaWindow.key, QuotaWindow.taken).order_by(QuotaWindow.key)).all()
    assert result.rowcount == 1
    assert [tuple(one) for one in found] == [("a", 3), ("b", 5)]
