"""A reader and a writer beside a schema step, on a PostgreSQL database with many rows.

Both set `lock_timeout`, so it is the database that says when a statement waits for a lock longer than allowed; a machine that is
merely slow is no finding.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.core.db import Database

ROWS: Final = 100_000
LONGEST_WAIT: Final = "1s"
_BETWEEN: Final = 0.1  # seconds until each reads or writes again: a lock held for 1.1 s is always met
_LOCK_NOT_AVAILABLE: Final = "55P03"
_TABLES: Final = ("cases", "case_events", "referrals", "referral_events", "audit_log")
# Written against the initial schema, which no later step changes: see docs/decisions/0102.
_FILL: Final = """
SET LOCAL session_replication_role = replica;
INSERT INTO teams (id, slug, name, created_at) VALUES (md5('team')::uuid, 'team', 'Team', now());
INSERT INTO cases (id, label, state, version, team_id, country, language, needs, languages, urgency, urgency_rank, due_on,
    waiting_since, person_wrote, facts, facts_version, forget_at, updated_at)
  SELECT md5('case ' || n)::uuid, 'C' || n, 'submitted', 1, md5('team')::uuid, 'PL', 'ru', '["asylum"]', '["ru"]', 'normal', 2,
    date '2026-01-01' + mod(n, 300), now(), false, decode(repeat('ab', 300), 'hex'), 1, now(), now()
  FROM generate_series(1, {rows}) AS n;
INSERT INTO case_events (id, case_id, seq, verb, target, actor_kind, codes, at)
  SELECT md5('case event ' || n)::uuid, md5('case ' || n)::uuid, 1, 'submit', 'submitted', 'person', '{{}}', now()
  FROM generate_series(1, {rows}) AS n;
INSERT INTO referrals (id, label, case_id, service_id, organisation_id, state, version, urgency, waiting_since, created_at, pauses,
    clock_steps, updated_at)
  SELECT md5('referral ' || n)::uuid, 'R' || n, md5('case ' || n)::uuid, md5('service')::uuid, md5('organisation')::uuid, 'draft',
    1, 'normal', now(), now(), 0, 0, now()
  FROM generate_series(1, {rows}) AS n;
INSERT INTO referral_events (id, referral_id, seq, verb, target, actor_kind, codes, at)
  SELECT md5('referral event ' || n)::uuid, md5('referral ' || n)::uuid, 1, 'create', 'draft', 'clock', '{{}}', now()
  FROM generate_series(1, {rows}) AS n;
INSERT INTO audit_log (seq, at, actor_kind, actor_id, action, subject_kind, subject_id, codes, prev_hash, hash)
  SELECT n, now(), 'person', 'x', 'case:read', 'case', 'x', '{{}}', repeat('0', 64), repeat('0', 64)
  FROM generate_series(1, {rows}) AS n;
"""


def fill(database: Database, rows: int = ROWS) -> None:
    """Put `rows` cases, referrals, events and audit entries into a database at the initial schema, past triggers and keys."""
    with database.engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        for statement in _FILL.format(rows=rows).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


@contextmanager
def watched(database: Database) -> Iterator[list[str]]:
    """Read and write every large table, again and again, while the block runs.

    Gives the list that findings are put into: who waited longer than `LONGEST_WAIT` for which table.
    """
    findings: list[str] = []
    ended = threading.Event()
    workers = [
        threading.Thread(target=_repeat, args=(database, role, table, act, findings, ended), daemon=True)
        for table in _TABLES
        for role, act in (("reader", _read), ("writer", _write))
    ]
    for worker in workers:
        worker.start()
    try:
        yield findings
    finally:
        ended.set()
        for worker in workers:
            worker.join(30)


def _repeat(
    database: Database,
    role: str,
    table: str,
    act: Callable[[sa.Connection, str, int], None],
    findings: list[str],
    ended: threading.Event,
) -> None:
    turn = 0
    with database.engine.connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LONGEST_WAIT}'")
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.commit()
        while not ended.is_set():
            turn += 1
            try:
                act(connection, table, turn)
                connection.commit()
            except DBAPIError as error:
                connection.rollback()
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    findings.append(f"{role} of {table}: {type(error.orig).__name__}")
                    return
                findings.append(f"{role} of {table} waited longer than {LONGEST_WAIT}")
            ended.wait(_BETWEEN)


def _read(connection: sa.Connection, table: str, turn: int) -> None:
    if table == "audit_log":
        connection.execute(sa.text("SELECT seq FROM audit_log WHERE seq = :seq"), {"seq": _number(turn)}).all()
        return
    connection.execute(sa.text(f"SELECT id FROM {table} WHERE id = md5(:key)::uuid"), {"key": _key(table, turn)}).all()


def _write(connection: sa.Connection, table: str, turn: int) -> None:
    if table == "audit_log":
        connection.execute(sa.text("UPDATE audit_log SET hash = hash WHERE seq = :seq"), {"seq": _number(turn)})
        return
    column = "version" if table in {"cases", "referrals"} else "seq"
    connection.execute(
        sa.text(f"UPDATE {table} SET {column} = {column} WHERE id = md5(:key)::uuid"), {"key": _key(table, turn)}
    )


def _key(table: str, turn: int) -> str:
    """The name that the id of some row is made of, another one each turn."""
    return f"{table.removesuffix('s').replace('_', ' ')} {_number(turn)}"


def _number(turn: int) -> int:
    return turn * 7919 % ROWS + 1
