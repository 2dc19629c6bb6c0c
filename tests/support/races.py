"""Two transactions that meet: both come to the same place of the code before either goes on, unless a lock keeps one of them away.

So the outcome does not depend on which is quicker: without the lock both have seen the same, with it the second waits, and
the first goes on alone after a while.
"""

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import AppError

PATIENCE = 0.5  # seconds; nothing fails if it is too short or too long


def meet_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    """Whoever calls this function of a module waits for a second caller first."""
    barrier, real = threading.Barrier(2), getattr(place, name)

    def met(*args: Any, **named: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(PATIENCE)
        return real(*args, **named)

    monkeypatch.setattr(place, name, met)


class _Undo(Exception):
    """Nothing of the act stays."""


def locked_rows(database: Database, table: str, act: Callable[[Session], object]) -> int:
    """How many rows of the table nobody else gets, from the moment on in which this act reads them. Nothing of it stays written.

    What the act refuses later does not matter. A row that is locked only because it was changed does not count.
    """
    reads = re.compile(rf"\b(FROM|JOIN) {table}\b")
    seen = [0]
    sql = f"SELECT (SELECT count(*) FROM {table}) - (SELECT count(*) FROM (SELECT 1 FROM {table} FOR UPDATE SKIP LOCKED) AS free)"
    with database.engine.connect() as other:
        changed = False

        def look(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            nonlocal changed
            if connection is other or changed:
                return
            if statement.startswith("SELECT") and reads.search(statement):
                seen.append(int(other.execute(sa.text(sql)).scalar_one()))
                other.rollback()
            changed = re.match(rf"(UPDATE|DELETE FROM) {table}\b", statement) is not None

        sa.event.listen(database.engine, "after_cursor_execute", look)
        try:
            _undone(database, act)
        finally:
            sa.event.remove(database.engine, "after_cursor_execute", look)
    return max(seen)


def holds_advisory_lock(database: Database, number: int, act: Callable[[Session], object]) -> bool:
    """Whether the act holds this advisory lock until its transaction ends. Nothing of it stays written."""
    free = True

    def then(session: Session) -> None:
        nonlocal free
        with suppress(AppError):
            act(session)
        with database.engine.connect() as other:
            free = bool(
                other.execute(sa.text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": number}).scalar_one()
            )

    _undone(database, then)
    return not free


def passes_over(database: Database, table: str, act: Callable[[Session], object]) -> object:
    """What the act gives while another transaction holds every row of the table; it fails if it waits for one of them."""
    given: list[object] = []

    def hasty(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")

    with database.engine.connect() as other:
        other.execute(sa.text(f"SELECT 1 FROM {table} FOR UPDATE"))
        sa.event.listen(database.engine, "begin", hasty)
        try:
            _undone(database, lambda session: given.append(act(session)))
        finally:
            sa.event.remove(database.engine, "begin", hasty)
            other.rollback()
    return given[0]


def _undone(database: Database, act: Callable[[Session], object]) -> None:
    with suppress(_Undo), database.begin() as session:
        with suppress(AppError):
            act(session)
        raise _Undo
