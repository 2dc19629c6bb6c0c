"""Fast bulk inserts without triggers, foreign keys and indexes, which are restored and brought up to date at the end."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import counters
from app.cases.models import Case
from app.core.db import Database
from app.referrals.models import FeedEvent, Referral
from app.reporting import kept_figures
from bench.made_up import MadeUp, Row, World, made_up

_BATCH: Final = 5_000
_TABLES: Final = tuple(cast("sa.Table", model.__table__) for model in (Case, Referral, FeedEvent))


def fill(database: Database, world: World, numbers: range) -> None:
    """Put in the cases of these numbers with their referrals and the events of these; count, and let the database look at it.

    One transaction. On PostgreSQL by COPY: a million cases with a million referrals take some minutes.
    """
    start = time.monotonic()
    with database.begin() as session, _bare(session):
        position = session.scalar(sa.select(sa.func.coalesce(sa.func.max(FeedEvent.position), 0))) or 0
        for first in range(numbers.start, numbers.stop, _BATCH):
            some = list(made_up(world, range(first, min(first + _BATCH, numbers.stop))))
            position = _put_in(session, some, position)
            _say(f"{first + len(some):,} of {numbers.stop:,} cases, {time.monotonic() - start:.0f} s")
    _say("counting")
    with database.begin() as session:
        _take_your_time(session)
        counters.recount(session, world.now.date())
    _say("counting for reports")
    with database.begin() as session:
        _take_your_time(session)
        kept_figures.note_all(session)
    while True:
        with database.begin() as session:
            _take_your_time(session)
            if not kept_figures.settle(session, limit=_BATCH):
                break
    _say("looking at what is there")
    _analyse(database)
    _say("")


def _put_in(session: Session, some: Sequence[MadeUp], position: int) -> int:
    events = [event for one in some for event in one.events]
    placed = [{**event, "position": place} for place, event in enumerate(events, position + 1)]
    referrals = [referral for one in some for referral in one.referrals]
    for table, rows in zip(_TABLES, ([one.case for one in some], referrals, placed), strict=True):
        if rows:
            _copy(session, table, rows)
    return position + len(placed)


def _copy(session: Session, table: sa.Table, rows: Sequence[Row]) -> None:
    if session.get_bind().dialect.name != "postgresql":
        session.execute(sa.insert(table), list(rows))
        return
    names = list(rows[0])
    driver: Any = session.connection().connection.cursor()
    with driver.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row([_plain(value) for value in row.values()])


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


@contextmanager
def _bare(session: Session) -> Iterator[None]:
    """Drop triggers, foreign keys and non-unique indexes for a bulk insert, and restore them at the end."""
    if session.get_bind().dialect.name == "postgresql":
        _take_your_time(session)
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        session.execute(sa.text("SET LOCAL maintenance_work_mem = '512MB'"))
        query, drop = _POSTGRES_INDEXES, "DROP INDEX {}"
    else:
        query, drop = _SQLITE_TRIGGERS, "DROP TRIGGER {}"
    names = [table.name for table in _TABLES]
    put_aside = session.execute(
        sa.text(query).bindparams(sa.bindparam("tables", expanding=True)), {"tables": names}
    ).all()
    _run(session, (drop.format(name) for name, _made in put_aside))
    yield
    _say("indexes")
    _run(session, (made for _name, made in put_aside))


_POSTGRES_INDEXES: Final = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relname IN :tables AND NOT i.indisunique
"""
_SQLITE_TRIGGERS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN :tables"


def _run(session: Session, statements: Iterable[str]) -> None:
    for statement in statements:
        session.connection().exec_driver_sql(statement)


def _take_your_time(session: Session) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET LOCAL statement_timeout = 0"))
        session.execute(sa.text("SET LOCAL work_mem = '256MB'"))


def _analyse(database: Database) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")
        else:
            connection.exec_driver_sql("ANALYZE")


def _say(what: str) -> None:
    print(f"\r\033[K{'  loading: ' if what else ''}{what}", end="", file=sys.stderr, flush=True)
