"""Commits a second with an audit entry beside plain ones, when each commit takes 0 to 50 ms longer.

    python -m bench.audited_commits [--seconds N] [--writers N]

PostgreSQL with its durability switched on. A slow commit, as a synchronous standby makes it, is a deferred trigger that sleeps:
like the wait for a standby it comes after the last statement, while every lock of the transaction is held. Each transaction
writes three rows of its own, as a small act does (its row, its event, its notice). While audited ones are measured the entries
are placed once a second, as the worker does; what is left is placed afterwards, and the chain verified.
"""

import argparse
import os
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.app_context import migrate
from app.core.db import Database
from tests.support import postgres

LATENCIES: Final = (0, 10, 20, 50)
_TABLES: Final = """
CREATE TABLE bench_acts (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, at timestamptz DEFAULT now());
CREATE FUNCTION bench_slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.kind = 'last' THEN PERFORM pg_sleep({seconds}); END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER bench_slow AFTER INSERT ON bench_acts DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION bench_slow()
"""
_ACT: Final = sa.text("INSERT INTO bench_acts (kind) VALUES (:kind)")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.audited_commits", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each figure is measured (default 4)")
    parser.add_argument("--writers", type=int, default=16, help="how many write at the same time (default 16)")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pristan-bench-") as folder:
        database = Database(postgres.server(Path(folder), os.getpid()))
        try:
            migrate(database)
            print(
                f"{'ms a commit':<14}{'plain':>10}{'audited':>10}{'share':>8}  commits a second, {wanted.writers} writers"
            )
            for latency in LATENCIES:
                _prepare(database, latency)
                plain, audited = [], []
                for _ in range(2):  # in turn, so that other work on the machine meets both
                    plain.append(_measure(database, wanted.writers, wanted.seconds / 2, is_audited=False))
                    audited.append(_measure(database, wanted.writers, wanted.seconds / 2, is_audited=True))
                share = sum(audited) / sum(plain)
                print(f"{latency:<14}{sum(plain) / 2:>10.0f}{sum(audited) / 2:>10.0f}{share:>8.0%}", flush=True)
            audit.place_all(database)
            with database.begin(write=False) as session:
                found = audit.examine(session)
            print(f"entries in the chain: {found.placed}; broken: {found.broken}; waiting: {found.waiting}")
        finally:
            database.dispose()
            postgres.stop(Path(folder))


def _prepare(database: Database, latency_ms: int) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS bench_acts")
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS bench_slow")
        for statement in _split(_TABLES.format(seconds=latency_ms / 1000)):
            connection.exec_driver_sql(statement)


def _split(text: str) -> list[str]:
    table, rest = text.split(";\n", 1)
    function, trigger = rest.split("END $$;\n")
    return [table, f"{function}END $$", trigger]


def _measure(database: Database, writers: int, seconds: float, *, is_audited: bool) -> float:
    """Commits a second."""
    done = [0] * writers
    ended = threading.Event()

    def write(own: int) -> None:
        while not ended.is_set():
            with database.begin() as session:
                _act(session, is_audited=is_audited)
            done[own] += 1

    def place() -> None:
        while not ended.wait(1.0):
            audit.place_all(database, ended.is_set)

    threads = [threading.Thread(target=write, args=(own,)) for own in range(writers)]
    if is_audited:
        threads.append(threading.Thread(target=place))
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    ended.set()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - began)


def _act(session: Session, *, is_audited: bool) -> None:
    for kind in ("first", "second", "last"):
        session.execute(_ACT, {"kind": kind})
    if is_audited:
        audit.record(
            session, actor_kind="clock", actor_id="-", action="bench:act", subject_kind="case", subject_id="x",
            now=datetime.now(UTC),
        )  # fmt: skip


if __name__ == "__main__":
    main()
